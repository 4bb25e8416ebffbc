"""The next payment of a subscription that goes on: told in a letter only where Stripe tells it for certain. Pure."""

from __future__ import annotations

from datetime import datetime

from aiocancel.core.flow.preview import Preview
from aiocancel.core.flow.price_effect import price_of_going_on
from aiocancel.core.page_facts import ShownSubscription
from aiocancel.core.sentences import Sentence, Value


def may_tell(shown: ShownSubscription) -> bool:
    """Tell whether Stripe's preview of the next invoice is the next payment, so that it is worth asking for.

    An invoice that is open comes before it, a schedule or an update that waits may change it, and an invoice that is
    sent is paid on another day.
    """
    subscription = shown.subscription
    return (
        subscription.is_paying
        and not subscription.is_ending
        and not subscription.has_more_items
        and subscription.charges_automatically
        and subscription.schedule_id is None
        and subscription.pending_update is None
        and shown.open_invoice is None
    )


def next_payment(shown: ShownSubscription, preview: Preview, *, now: datetime) -> Sentence | None:
    """Say the amount and the day of the next payment; None where one of them is not certain.

    Args:
        shown: As just read, with its discounts. Of a pause it tells the first payment after it.
        preview: Of the next invoice, without any change.
        now: Aware, the time that the subscription lives in.
    """
    subscription = shown.subscription
    known = {discount.discount_id for discount in subscription.discounts_in_force}
    if not may_tell(shown) or not known.issuperset(preview.off_minor):
        return None
    found = price_of_going_on(subscription, preview, now=now)
    if found is None:
        return None

    row = found.next_payment
    amount: Value = row.amount
    if found.plus_usage:
        amount = Sentence("flow_plus_usage", {"amount": row.amount})
    return Sentence("flow_next_on", {"amount": amount, "date": row.at})
