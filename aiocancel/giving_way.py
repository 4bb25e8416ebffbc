"""Carrying out gives way to storing inside one process: posts and actions pass here, and do not know each other."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Final

from aiocancel.core.actions import Places
from aiocancel.core.giving_way import LASTS_S, pause_s


class GivingWay:
    """Counts the posts that are being stored, and lets actions begin.

    Args:
        stored_at_once: So many posts are stored without waiting for each other.
        clock: Seconds that never go back.
    """

    def __init__(self, *, stored_at_once: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._stored_at_once: Final = stored_at_once
        self._clock = clock
        self.posts = 0
        """How many are being stored, or wait for that."""
        self._waited_at = -math.inf
        self._sorts = {sort: _Sort() for sort in Places}

    @contextmanager
    def post(self) -> Iterator[None]:
        """Count a post until it is stored."""
        self.posts += 1
        try:
            yield
        finally:
            if self.posts > self._stored_at_once:
                self._waited_at = self._clock()
            self.posts -= 1

    @asynccontextmanager
    async def action(self, sort: Places) -> AsyncIterator[None]:
        """Wait until an action may begin, in the order of asking, and count it until it has ended."""
        here = self._sorts[sort]

        async with here.next_one:
            while pause := pause_s(
                sort,
                running=here.running,
                rush_left_s=self._rush_left_s(),
                begun_s_ago=self._clock() - here.begun_at,
            ):
                await here.one_ended(within_s=pause)
            here.running += 1
            here.begun_at = self._clock()

        try:
            yield
        finally:
            here.running -= 1
            here.ended.set()

    def _rush_left_s(self) -> float:
        if self.posts > self._stored_at_once:
            return LASTS_S
        return self._waited_at + LASTS_S - self._clock()


class _Sort:
    """The actions of one sort; the first that waits holds the lock."""

    def __init__(self) -> None:
        self.running = 0
        self.begun_at = -math.inf
        self.next_one = asyncio.Lock()
        self.ended = asyncio.Event()

    async def one_ended(self, *, within_s: float) -> None:
        """Wait until one of them has ended, for no longer than this."""
        self.ended.clear()
        try:
            async with asyncio.timeout(within_s):
                await self.ended.wait()
        except TimeoutError:
            pass
