"""Whether a customer who leaves pays once more: said in a letter only where Stripe tells it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from aiocancel.core.flow.preview import Preview
from aiocancel.core.subscription import Subscription

# Stripe ends a period within moments of its date.
_SAME: Final = timedelta(minutes=1)
# Stripe's words for an invoice that takes no more payment. https://docs.stripe.com/api/invoices/object
_SETTLED: Final = frozenset({"paid", "void", "uncollectible"})


class LastBill(StrEnum):
    """What comes after a cancellation."""

    NOTHING = "nothing"
    MAY_COME = "may_come"
    IS_OPEN = "is_open"


def last_bill(
    subscription: Subscription, ends_at: datetime, upcoming: Preview | None, latest: object
) -> LastBill | None:
    """Say what a customer whose subscription ends still pays; None where nobody knows.

    Args:
        subscription: As read at Stripe after the cancellation.
        ends_at: The end that the customer is told of.
        upcoming: The invoice that Stripe says comes next, None where it says that none comes.
        latest: The newest invoice of the subscription, as Stripe sent it; None where there never was one.
    """
    told = subscription.ends_at
    status = latest.get("status") if isinstance(latest, Mapping) else None
    if subscription.has_ended:
        # An end leaves a finished invoice open. https://docs.stripe.com/api/subscriptions/cancel
        return LastBill.IS_OPEN if status == "open" else None
    if told is None or abs(told - ends_at) > _SAME:
        # Another end, or none any more.
        return None
    if subscription.is_overdue or status == "open":
        return LastBill.IS_OPEN
    if upcoming is not None and upcoming.due_minor <= 0:
        # Credit, which may have been used up by then.
        return None
    if upcoming is not None or status == "draft":
        return LastBill.MAY_COME

    if any(item.is_metered for item in subscription.items):
        # Usage until the end is billed at the end.
        return LastBill.MAY_COME
    is_quiet = (
        bool(subscription.items)
        and not subscription.has_more_items
        and subscription.is_paying
        and subscription.paused is None
        and subscription.pending_update is None
        and subscription.charges_automatically
        and (latest is None or status in _SETTLED)
    )
    return LastBill.NOTHING if is_quiet else None
