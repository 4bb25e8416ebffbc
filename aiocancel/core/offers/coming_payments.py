"""The payments that are still to come, and the discounts that they are made at. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from aiocancel.core.calendar_months import MONTHS_DIFFER, later
from aiocancel.core.offers.offer_rules import MOST_MONTHS
from aiocancel.core.subscription import AppliedDiscount, Item, Subscription

# A payment that comes between our read and our write would be charged as well; an attempt is shorter than this.
RENEWAL_MARGIN: Final = timedelta(minutes=2)
# Stripe makes the invoice of a payment a little after it is due.
INVOICE_MARGIN: Final = timedelta(hours=1)
# Of a line that is paid daily, for ten years.
MOST_PAYMENTS: Final = MOST_MONTHS * 31


def renews_about(now: datetime, subscription: Subscription) -> bool:
    """Tell whether the next payment is so near, or so shortly past, that it may come before our write."""
    due = subscription.current_period_end
    return due is not None and due - now < RENEWAL_MARGIN


def has_a_discount_for_one_payment(subscription: Subscription) -> bool:
    """Tell whether such a discount is in force, or is the customer's and may come into force.

    That of an item counts, whichever it is: Stripe sends its id alone, so nobody knows for how long it is.
    """
    return any(item.has_discounts for item in subscription.items) or any(
        discount is not None and discount.duration == "once"
        for discount in (*subscription.discounts, subscription.customer_discount)
    )


def runs_out(subscription: Subscription, resumes_at: datetime, free: timedelta) -> bool:
    """Tell whether discounts lose more payments, put off until ``resumes_at``, than the ``free`` time is worth."""
    return any(
        _lost(item, discount.ends_at, resumes_at) > free
        for item in subscription.items
        for discount in _discounts_to_come(subscription)
        if discount.ends_at is not None
    )


def _discounts_to_come(subscription: Subscription) -> tuple[AppliedDiscount, ...]:
    """Return its own discounts and that of its customer, which is in force once its own are over."""
    own, follows = subscription.discounts, subscription.customer_discount
    stays = any(discount.duration == "forever" for discount in own)
    return own if follows is None or stays else (*own, follows)


def _lost(item: Item, ends_at: datetime, resumes_at: datetime) -> timedelta:
    """Return the time that was to be paid at a discount, and is not when the payments begin at ``resumes_at``."""
    try:
        first = item.next_payment or resumes_at
        before, after = paid_before(item, first, ends_at), paid_before(item, resumes_at, ends_at)
    except (OverflowError, ValueError):
        return timedelta.max
    length = later(resumes_at, item.interval, item.interval_count) - resumes_at
    # Months differ, so the longest one counts.
    return max(0, before - after) * (length + MONTHS_DIFFER)


def paid_before(item: Item, first: datetime, ends_at: datetime) -> int:
    """Count the payments of a line before the discount ends."""
    count, at = 0, first
    while at < ends_at and count <= MOST_PAYMENTS:
        count += 1
        at = later(first, item.interval, max(item.interval_count, 1) * count)
    return count
