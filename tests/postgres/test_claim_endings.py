"""Ends that were told of are remembered for a post that begins to wait a moment later, and no longer."""

from __future__ import annotations

import asyncio
import uuid
from typing import cast

import pytest

from aiocancel.postgres.claim_endings import Endings
from tests.support.saas import Pool
from tests.support.waiting import until


def test_an_end_that_came_before_the_wait_is_known_and_the_memory_of_ends_is_small() -> None:
    endings = Endings(cast("Pool", None))
    told = [uuid.UUID(int=number) for number in range(2_001)]

    for public_id in told:
        endings.tell(public_id)

    with endings.expect(told[-1]) as last, endings.expect(told[1]) as second:
        assert last.is_set()
        assert second.is_set()
    with endings.expect(told[0]) as first:
        assert not first.is_set()


async def test_listening_goes_on_after_a_mistake_that_nobody_foresaw(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Broken:
        tries = 0

        def get_max_size(self) -> int:
            return 10

        async def acquire(self, **_: float) -> object:
            self.tries += 1
            raise RuntimeError("secret")

    monkeypatch.setattr("aiocancel.postgres.claim_endings._COME_BACK_S", 0.0)
    pool = Broken()
    listening = asyncio.create_task(Endings(cast("Pool", pool)).run())

    await until(lambda: pool.tries >= 3 or listening.done())

    assert not listening.done()
    listening.cancel()
