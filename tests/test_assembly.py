"""Opening what a running plug-in is made of, and closing it, whatever its loops are doing."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from typing import Any

import pytest

from aiocancel import assembly
from aiocancel.core.actions import Places
from aiocancel.intake import STORED_AT_ONCE
from aiocancel.postgres.pgqueuer import Begin, PgQueuerEngine
from tests.support.saas import Pool, make_cancel


async def test_a_loop_that_takes_its_cancellation_for_an_outage_is_ended_all_the_same() -> None:
    outages = 0

    async def listen() -> None:
        nonlocal outages
        while outages < 2:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                # As a driver does that is asked to stop in the middle of a statement.
                outages += 1
        await asyncio.Event().wait()

    async with asyncio.timeout(30):
        async with assembly._looping(listen(), "ends") as task:
            await asyncio.sleep(0)

    assert task.cancelled()
    assert outages == 2


async def test_a_worker_inside_a_site_gives_way_to_the_posts_of_that_site(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    begins: list[Begin] = []

    class Engine(PgQueuerEngine):
        def __init__(self, pool: Pool, *, begin: Begin, **settings: Any) -> None:
            begins.append(begin)
            super().__init__(pool, begin=begin, **settings)

    monkeypatch.setattr(assembly, "PgQueuerEngine", Engine)
    cancel = make_cancel(pool)
    service = await cancel._runtime.start()
    (begin,) = begins
    # No time passes, so that a slow machine lets nothing begin either.
    monkeypatch.setattr(service._giving_way, "_clock", lambda: 0.0)

    async def carry_out() -> None:
        async with begin(Places.CANCELLATIONS):
            pass

    with ExitStack() as posts:
        for _ in range(STORED_AT_ONCE + 1):
            posts.enter_context(service._giving_way.post())
        async with begin(Places.CANCELLATIONS):
            second = asyncio.create_task(carry_out())
            await asyncio.sleep(0.05)
            assert not second.done()

    await second
    await cancel._runtime.stop()
