"""Deadlines of many waits over one timer end what takes too long, and nothing else."""

from __future__ import annotations

import asyncio

import pytest

from aiocancel.postgres.deadlines import Deadlines

SHORT_S = 0.05


async def wait(deadlines: Deadlines, seconds: float) -> str:
    deadline = deadlines.begin()
    try:
        async with deadline:
            await asyncio.sleep(seconds)
            return "in time"
    except TimeoutError:
        return "late"
    finally:
        deadlines.end(deadline)


async def test_what_takes_too_long_is_ended_and_what_is_quick_is_not() -> None:
    deadlines = Deadlines(SHORT_S)

    ends = await asyncio.wait_for(
        asyncio.gather(*(wait(deadlines, each) for each in (0, 3600, 0, 3600))), 60
    )

    assert ends == ["in time", "late", "in time", "late"]


async def test_a_wait_that_begins_when_nobody_has_waited_for_long_is_bounded_as_well() -> None:
    deadlines = Deadlines(SHORT_S)
    assert await wait(deadlines, 0) == "in time"
    await asyncio.sleep(2 * SHORT_S)

    assert await asyncio.wait_for(wait(deadlines, 3600), 60) == "late"


async def test_a_wait_that_begins_while_another_is_watched_has_its_own_whole_time() -> None:
    loop, deadlines = asyncio.get_running_loop(), Deadlines(SHORT_S)
    first = asyncio.create_task(wait(deadlines, 3600))
    await asyncio.sleep(SHORT_S / 2)
    began = loop.time()

    assert await asyncio.wait_for(wait(deadlines, 3600), 60) == "late"

    assert loop.time() - began >= SHORT_S
    assert await first == "late"


async def test_a_cancellation_from_outside_is_no_deadline() -> None:
    deadlines = Deadlines(60)
    waiting = asyncio.create_task(wait(deadlines, 3600))
    await asyncio.sleep(0)

    waiting.cancel()

    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert not deadlines._ends


async def test_many_waits_arm_one_timer(monkeypatch: pytest.MonkeyPatch) -> None:
    loop, deadlines = asyncio.get_running_loop(), Deadlines(60)
    armed: list[float] = []
    call_later = loop.call_later

    def counted(delay: float, *args: object, **more: object) -> object:
        armed.append(delay)
        return call_later(delay, *args, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(loop, "call_later", counted)

    for _ in range(1000):
        await wait(deadlines, 0)

    assert armed == [6.0]


def test_a_timer_of_a_loop_that_was_closed_watches_nobody_in_the_next() -> None:
    deadlines = Deadlines(SHORT_S)
    assert asyncio.run(wait(deadlines, 0)) == "in time"

    assert asyncio.run(asyncio.wait_for(wait(deadlines, 3600), 60)) == "late"
