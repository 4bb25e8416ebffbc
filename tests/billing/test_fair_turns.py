"""Sharing the loop: those who come together go on one in each turn, in their order."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest_asyncio

from aiocancel.billing.fair_turns import Turns


class Clock:
    """Counts the turns of the loop."""

    def __init__(self) -> None:
        self.turn = 0
        self._task = asyncio.create_task(self._count())

    async def _count(self) -> None:
        while True:
            self.turn += 1
            await asyncio.sleep(0)

    def stop(self) -> None:
        self._task.cancel()


@pytest_asyncio.fixture
async def clock() -> AsyncIterator[Clock]:
    clock = Clock()
    await asyncio.sleep(0)
    yield clock
    clock.stop()


async def test_of_many_who_come_together_one_goes_on_in_each_turn_in_their_order(
    clock: Clock,
) -> None:
    turns, went = Turns(), list[tuple[int, int]]()

    async def one(number: int) -> None:
        await turns.take()
        went.append((number, clock.turn))

    await asyncio.gather(*(one(number) for number in range(50)))
    assert [number for number, _ in went] == list(range(50))
    assert len({turn for _, turn in went}) == 50


async def test_who_comes_alone_goes_on_at_once(clock: Clock) -> None:
    turns = Turns()
    for _ in range(3):
        before = clock.turn
        await turns.take()
        assert clock.turn == before
        # Until the turn is over.
        await asyncio.sleep(0)
        await asyncio.sleep(0)


async def test_who_gave_up_waiting_holds_up_nobody() -> None:
    turns, went = Turns(), list[int]()

    async def one(number: int) -> None:
        await turns.take()
        went.append(number)

    tasks = [asyncio.create_task(one(number)) for number in range(5)]
    await asyncio.sleep(0)
    for gone in tasks[2:4]:
        gone.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert went == [0, 1, 4]
    await turns.take()
