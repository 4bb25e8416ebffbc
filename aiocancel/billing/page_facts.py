"""What pages say of a subscription, read at Stripe for the customer who looks at one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from aiocancel.billing.shared_listings import SharedListings
from aiocancel.core.page_facts import ShownSubscription

# Long enough for a reload, and shorter than reading a page and pressing its button.
_REMEMBER_S: Final = 1.0

MOST_READ_PER_MINUTE: Final = 60
"""How often a subscription is read within a minute. Who opens a page in a loop leaves the rest to others."""


class StripePageFacts:
    """The PageFacts of Stripe: one request for a subscription at a time, however many pages show it.

    Args:
        read: Reads one subscription.
        within_s: For how many seconds Stripe is waited for.
    """

    def __init__(
        self, read: Callable[[str], Awaitable[ShownSubscription]], *, within_s: float
    ) -> None:
        self._reads = SharedListings(
            read,
            within_s=within_s,
            remember_s=_REMEMBER_S,
            most_per_minute=MOST_READ_PER_MINUTE,
        )

    async def shown(
        self, subscription_id: str, *, holds: Callable[[ShownSubscription], bool] | None = None
    ) -> ShownSubscription:
        """Return the subscription; raises BillingError, TimeoutError, and AskedTooOftenError beyond the limit.

        Args:
            subscription_id: Which one.
            holds: Tells whether what was remembered is new enough.
        """
        shown = await self._reads.of(subscription_id, beyond="refuse")
        if holds is None or holds(shown):
            return shown
        return await self._reads.of(subscription_id, fresh=True, beyond="refuse")
