"""One answer of Stripe's serves everybody who asks the same at about the same time.

Pages look a subscription up at every view. However often one customer opens them, Stripe is asked once at a
time, and what it said counts for some seconds. Where it was asked too often within a minute, an older answer counts.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final, Generic, Literal, TypeVar

from aiocancel.errors import AskedTooOftenError

Told = TypeVar("Told")

Beyond = Literal["ask", "older", "refuse"]
"""Beyond the limit of a minute: ask all the same, take an answer of the last minute, or refuse.

Without an answer of the last minute, a request that would take it may ask up to twice the limit, and is refused beyond.
"""

_MINUTE_S: Final = 60.0


class SharedListings(Generic[Told]):
    """Asks about each customer, or each subscription, once at a time, and remembers the answer.

    Args:
        ask: Asks Stripe, given the id there.
        within_s: For how many seconds an answer is waited for; then the wait ends with TimeoutError.
        remember_s: For how many seconds an answer counts; 0 remembers none. A failure is never remembered.
        most_per_minute: How often Stripe is asked about one within a minute; None for any number.
        clock: Seconds that only grow.
    """

    def __init__(
        self,
        ask: Callable[[str], Awaitable[Told]],
        *,
        within_s: float,
        remember_s: float,
        most_per_minute: int | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ask_stripe = ask
        self._within_s = within_s
        self._remember_s = remember_s
        self._most = most_per_minute
        self._keep_s = remember_s if most_per_minute is None else max(remember_s, _MINUTE_S)
        self._clock = clock
        self._under_way: dict[str, asyncio.Task[Told]] = {}
        # Oldest first, with the time of the answer: all are kept for equally long.
        self._kept: dict[str, tuple[float, Told]] = {}
        # When each was asked about within the last minute; that which was asked about last comes last.
        self._asked: dict[str, deque[float]] = {}

    async def of(self, about: str, *, fresh: bool = False, beyond: Beyond = "ask") -> Told:
        """Return the answer. Raises what asking raises, TimeoutError, and AskedTooOftenError beyond the limit.

        Args:
            about: The id at Stripe.
            fresh: Takes no answer that is remembered.
            beyond: What happens beyond the limit.
        """
        self._forget()
        kept = self._kept.get(about)
        if not fresh and kept is not None and kept[0] + self._remember_s > self._clock():
            return kept[1]

        asking = self._under_way.get(about)
        if asking is None:
            if beyond != "ask" and self._free_in_s(about) > 0:
                if beyond == "older" and kept is not None:
                    return kept[1]
                wait_s = self._free_in_s(about, times=1 if beyond == "refuse" else 2)
                if wait_s > 0:
                    raise AskedTooOftenError(retry_after_s=math.ceil(wait_s))

            self._count(about)
            asking = asyncio.create_task(self._ask(about), name="aiocancel listing")
            self._under_way[about] = asking
            asking.add_done_callback(_looked_at)

        # A visitor who leaves does not stop the listing for the others.
        return await asyncio.shield(asking)

    async def _ask(self, about: str) -> Told:
        try:
            async with asyncio.timeout(self._within_s):
                listed = await self._ask_stripe(about)
        finally:
            del self._under_way[about]

        if self._keep_s > 0:
            self._kept.pop(about, None)
            self._kept[about] = (self._clock(), listed)
        return listed

    def _free_in_s(self, about: str, *, times: int = 1) -> float:
        """Return in how many seconds it may be asked about again, when it may be ``times`` as often as usual."""
        asked = self._asked.get(about, ())
        if self._most is None or len(asked) < self._most * times:
            return 0.0
        return max(0.0, asked[-self._most * times] + _MINUTE_S - self._clock())

    def _count(self, about: str) -> None:
        if self._most is not None:
            # No older ones are ever looked at.
            asked = self._asked.pop(about, None) or deque(maxlen=self._most * 2)
            asked.append(self._clock())
            self._asked[about] = asked

    def _forget(self) -> None:
        now = self._clock()
        while self._kept:
            oldest = next(iter(self._kept))
            if self._kept[oldest][0] + self._keep_s > now:
                break
            del self._kept[oldest]

        while self._asked:
            about = next(iter(self._asked))
            if self._asked[about][-1] + _MINUTE_S > now:
                break
            del self._asked[about]


def _looked_at(asking: asyncio.Task[Told]) -> None:
    """Nobody may be left to take the failure."""
    if not asking.cancelled():
        asking.exception()
