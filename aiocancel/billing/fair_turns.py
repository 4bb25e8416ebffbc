"""Sharing the loop: many who could go on at the same moment go on one after another, and others in between."""

from __future__ import annotations

import asyncio
from collections import deque


class Turns:
    """Lets one waiter go on in each turn of the event loop, in the order in which they came.

    Two hundred answers that arrive together would otherwise be worked through in one piece, while the application's
    own requests wait.
    """

    def __init__(self) -> None:
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._is_taken = False

    async def take(self) -> None:
        """Wait until no other task has this turn of the loop."""
        loop = asyncio.get_running_loop()
        if not self._is_taken:
            self._is_taken = True
            loop.call_soon(self._pass_on, loop)
            return
        future: asyncio.Future[None] = loop.create_future()
        self._waiting.append(future)
        await future

    def _pass_on(self, loop: asyncio.AbstractEventLoop) -> None:
        while self._waiting:
            future = self._waiting.popleft()
            # The task that waited may have been cancelled.
            if not future.done():
                future.set_result(None)
                loop.call_soon(self._pass_on, loop)
                return
        self._is_taken = False
