"""One listing at Stripe serves everybody who asks for the same customer at about the same time.

Pages look a subscription up at every view. However often one customer opens them, Stripe is asked once at a
time, and what it said counts for some seconds.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aiocancel.core.choose_subscription import ListedSubscription

    ListSubscriptions = Callable[[str], Awaitable[list[ListedSubscription]]]


class SharedListings:
    """Asks for each customer's list once at a time, and remembers it.

    Args:
        list_subscriptions: Asks Stripe, given the customer's id there.
        within_s: For how many seconds a list is waited for; then the wait ends with TimeoutError.
        remember_s: For how many seconds a list counts; 0 remembers none. A failure is never remembered.
        clock: Seconds that only grow.
    """

    def __init__(
        self,
        list_subscriptions: ListSubscriptions,
        *,
        within_s: float,
        remember_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._list_subscriptions = list_subscriptions
        self._within_s = within_s
        self._remember_s = remember_s
        self._clock = clock
        self._under_way: dict[str, asyncio.Task[list[ListedSubscription]]] = {}
        # Oldest first: all count for equally long.
        self._remembered: dict[str, tuple[float, list[ListedSubscription]]] = {}

    async def of(self, customer: str) -> list[ListedSubscription]:
        """Return a customer's subscriptions; raises what asking Stripe raises, and TimeoutError."""
        self._forget()
        if (remembered := self._remembered.get(customer)) is not None:
            return remembered[1]

        asking = self._under_way.get(customer)
        if asking is None:
            asking = asyncio.create_task(self._ask(customer), name="aiocancel listing")
            self._under_way[customer] = asking
            asking.add_done_callback(_looked_at)

        # One visitor who leaves does not end it for the others.
        return await asyncio.shield(asking)

    async def _ask(self, customer: str) -> list[ListedSubscription]:
        try:
            async with asyncio.timeout(self._within_s):
                listed = await self._list_subscriptions(customer)
        finally:
            del self._under_way[customer]

        if self._remember_s > 0:
            self._remembered.pop(customer, None)
            self._remembered[customer] = (self._clock() + self._remember_s, listed)
        return listed

    def _forget(self) -> None:
        now = self._clock()
        while self._remembered:
            oldest = next(iter(self._remembered))
            if self._remembered[oldest][0] > now:
                return
            del self._remembered[oldest]


def _looked_at(asking: asyncio.Task[list[ListedSubscription]]) -> None:
    """Nobody may be left to take the failure."""
    if not asking.cancelled():
        asking.exception()
