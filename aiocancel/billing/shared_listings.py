"""One answer of Stripe's serves everybody who asks the same at about the same time.

Pages look a subscription up at every view. However often one customer opens them, Stripe is asked once at a
time, and what it said counts for some seconds.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

Told = TypeVar("Told")


class SharedListings(Generic[Told]):
    """Asks about each customer, or each subscription, once at a time, and remembers the answer.

    Args:
        ask: Asks Stripe, given the id there.
        within_s: For how many seconds an answer is waited for; then the wait ends with TimeoutError.
        remember_s: For how many seconds an answer counts; 0 remembers none. A failure is never remembered.
        clock: Seconds that only grow.
    """

    def __init__(
        self,
        ask: Callable[[str], Awaitable[Told]],
        *,
        within_s: float,
        remember_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ask_stripe = ask
        self._within_s = within_s
        self._remember_s = remember_s
        self._clock = clock
        self._under_way: dict[str, asyncio.Task[Told]] = {}
        # Oldest first: all count for equally long.
        self._remembered: dict[str, tuple[float, Told]] = {}

    async def of(self, about: str, *, fresh: bool = False) -> Told:
        """Return the answer; ``fresh`` takes none that is remembered. Raises what asking raises, and TimeoutError."""
        self._forget()
        if not fresh and (remembered := self._remembered.get(about)) is not None:
            return remembered[1]

        asking = self._under_way.get(about)
        if asking is None:
            asking = asyncio.create_task(self._ask(about), name="aiocancel listing")
            self._under_way[about] = asking
            asking.add_done_callback(_looked_at)

        # One visitor who leaves does not end it for the others.
        return await asyncio.shield(asking)

    async def _ask(self, about: str) -> Told:
        try:
            async with asyncio.timeout(self._within_s):
                listed = await self._ask_stripe(about)
        finally:
            del self._under_way[about]

        if self._remember_s > 0:
            self._remembered.pop(about, None)
            self._remembered[about] = (self._clock() + self._remember_s, listed)
        return listed

    def _forget(self) -> None:
        now = self._clock()
        while self._remembered:
            oldest = next(iter(self._remembered))
            if self._remembered[oldest][0] > now:
                return
            del self._remembered[oldest]


def _looked_at(asking: asyncio.Task[Told]) -> None:
    """Nobody may be left to take the failure."""
    if not asking.cancelled():
        asking.exception()
