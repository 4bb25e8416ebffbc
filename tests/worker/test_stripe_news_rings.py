"""A ring is never lost: one that comes while the last one is looked at is looked at as well, and at once."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from aiocancel.worker.stripe_news import NewsReader
from tests.support.waiting import until


class News:
    """What rang, as the database would tell; the second look takes until it is let go."""

    def __init__(self) -> None:
        self.looks = 0
        self.polls = 0
        self.let_go = asyncio.Event()

    async def take(self, *, limit: int, lease_s: float) -> list[Any]:
        self.looks += 1
        if self.looks == 2:
            await self.let_go.wait()
        return []

    async def poll_turn(self, account: str | None, *, every_s: float) -> None:
        self.polls += 1


async def test_a_ring_that_comes_during_a_look_leads_to_another_look_and_none_reads_the_list(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("aiocancel.worker.stripe_news.IDLE_LOOK_S", 600.0)
    news, rung = News(), asyncio.Event()
    nothing = cast("Any", None)
    reader = NewsReader(
        cast("Any", news),
        nothing,
        nothing,
        [],
        mode="test",
        poll_every_s=600.0,
        rung=rung,
        on_event=lambda _: None,
        now=lambda: datetime.now(UTC),
    )
    running = asyncio.create_task(reader.run())
    await until(lambda: (news.looks, news.polls) == (1, 1))

    rung.set()
    await until(lambda: news.looks == 2)
    rung.set()
    for _ in range(20):
        await asyncio.sleep(0)
    news.let_go.set()

    await until(lambda: news.looks == 3)
    assert news.polls == 1
    running.cancel()
