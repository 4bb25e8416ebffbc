"""Posts and actions of one process: while posts wait to be stored, actions begin one after another."""

from __future__ import annotations

import asyncio
import time
from contextlib import ExitStack

from aiocancel.core.actions import Places
from aiocancel.core.giving_way import EVERY_S, LASTS_S
from aiocancel.giving_way import GivingWay
from tests.support.waiting import until


class Actions:
    """Actions that run until they are told to end; ``begun`` are their names in order."""

    def __init__(self, giving_way: GivingWay) -> None:
        self._giving_way = giving_way
        self.begun: list[str] = []
        self._ends: dict[str, asyncio.Event] = {}
        self._tasks: list[asyncio.Task[None]] = []

    async def ask(self, name: str, sort: Places = Places.CANCELLATIONS) -> asyncio.Task[None]:
        self._ends[name] = asyncio.Event()
        task = asyncio.create_task(self._run(name, sort))
        self._tasks.append(task)
        await turns()
        return task

    async def end(self, name: str) -> None:
        self._ends[name].set()
        await turns()

    async def end_all(self) -> None:
        for end in self._ends.values():
            end.set()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def break_off(self) -> None:
        for task in self._tasks:
            task.cancel()
        await self.end_all()

    async def _run(self, name: str, sort: Places) -> None:
        async with self._giving_way.action(sort):
            self.begun.append(name)
            await self._ends[name].wait()


async def turns() -> None:
    """Let the loop turn until nothing moves."""
    for _ in range(20):
        await asyncio.sleep(0)


def rush(giving_way: GivingWay, posts: int) -> ExitStack:
    stack = ExitStack()
    for _ in range(posts):
        stack.enter_context(giving_way.post())
    return stack


async def test_actions_begin_at_once_while_no_post_waits_for_another() -> None:
    giving_way = GivingWay(stored_at_once=2, clock=lambda: 0.0)
    actions = Actions(giving_way)

    with rush(giving_way, 2):
        for name in ("first", "second", "third"):
            await actions.ask(name)

    assert actions.begun == ["first", "second", "third"]
    await actions.end_all()


async def test_cancellations_begin_one_after_another_while_posts_wait() -> None:
    giving_way = GivingWay(stored_at_once=2, clock=lambda: 0.0)
    actions = Actions(giving_way)

    with rush(giving_way, 3):
        for name in ("first", "second", "third"):
            await actions.ask(name)
        assert actions.begun == ["first"]

        await actions.end("first")
        assert actions.begun == ["first", "second"]

        await actions.end("second")
        assert actions.begun == ["first", "second", "third"]
        await actions.end_all()


async def test_a_mail_or_a_hook_takes_no_turn_of_a_cancellation_in_a_rush() -> None:
    giving_way = GivingWay(stored_at_once=2, clock=lambda: 0.0)
    actions = Actions(giving_way)

    with rush(giving_way, 3):
        for name in ("mail", "next mail"):
            await actions.ask(name, Places.MAILS)
        for name in ("hook", "next hook"):
            await actions.ask(name, Places.CALLS)
        await actions.ask("cancellation")

        assert actions.begun == ["mail", "hook", "cancellation"]
        await actions.end("mail")
        assert actions.begun == ["mail", "hook", "cancellation"]
    await actions.break_off()


async def test_a_rush_counts_for_a_moment_after_its_last_post() -> None:
    now = [100.0]
    giving_way = GivingWay(stored_at_once=2, clock=lambda: now[0])
    actions = Actions(giving_way)
    with rush(giving_way, 3):
        pass

    await actions.ask("first")
    await actions.ask("second")
    assert actions.begun == ["first"]

    now[0] += LASTS_S
    # An action that waits looks again when another ends, and by the clock.
    await actions.end("first")
    assert actions.begun == ["first", "second"]
    await actions.ask("third")
    assert actions.begun == ["first", "second", "third"]
    await actions.end_all()


async def test_behind_actions_that_hang_one_after_another_begins_all_the_same() -> None:
    giving_way = GivingWay(stored_at_once=2)
    actions = Actions(giving_way)
    began_at = time.monotonic()

    with rush(giving_way, 3):
        for name in ("hangs", "hangs as well", "next"):
            await actions.ask(name)
        await until(lambda: len(actions.begun) == 3)

    assert actions.begun == ["hangs", "hangs as well", "next"]
    assert time.monotonic() - began_at >= 2 * EVERY_S
    await actions.end_all()


async def test_whoever_gives_up_while_it_waits_leaves_its_turn_to_the_next() -> None:
    giving_way = GivingWay(stored_at_once=2, clock=lambda: 0.0)
    actions = Actions(giving_way)

    with rush(giving_way, 3):
        await actions.ask("first")
        second = await actions.ask("second")
        await actions.ask("third")
        second.cancel()
        await actions.end("first")

        assert actions.begun == ["first", "third"]
        await actions.end_all()
