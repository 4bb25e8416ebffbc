"""Another plan, or fewer seats, that was accepted: which line changes, when, and what becomes of its payment. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from aiocancel.core.actions import Defer, Refuse, Step, Supersede, Wait, Write
from aiocancel.core.changes import SchedulePrice, SwapPrice
from aiocancel.core.codes import Code
from aiocancel.core.offers.coming_payments import renews_about
from aiocancel.core.offers.offer_rules import OfferRules
from aiocancel.core.offers.progress import Progress
from aiocancel.core.offers.scheduled_plan import lacks_a_quantity, plan_at_period_end, planned_step
from aiocancel.core.offers.terms import PlanTerms, Promised
from aiocancel.core.subscription import Item, Price, Subscription

# How often we look whether a payment that the customer must confirm was made. Stripe drops the change by itself
# at pending_update.expires_at. https://docs.stripe.com/billing/subscriptions/pending-updates
PAYMENT_LOOKS: Final = timedelta(minutes=5)


def plan_step(
    terms: PlanTerms,
    subscription: Subscription,
    rules: OfferRules,
    price: Price | None,
    promised: Promised | None,
) -> Step:
    """Return the swap of the price that comes at once, or why it is refused."""
    item = plan_item(subscription, rules)
    if item is None:
        return Refuse(Code.WHICH_ITEM_IS_THE_PLAN)
    moves_money = not terms.prorate and _is_billed_at_once(item, price, subscription)
    if moves_money and rules.unprorated_interval_change == "refuse":
        return Refuse(Code.PLAN_WOULD_BE_BILLED_AT_ONCE)

    if lacks_a_quantity(item, price):
        return Refuse(Code.QUANTITY_IS_UNKNOWN)

    swap = SwapPrice(
        item.item_id,
        terms.price_id,
        replaced=item.price_id,
        # Stripe takes no quantity for a price of metered usage.
        quantity=None if price is not None and price.is_metered else item.quantity,
        prorate=terms.prorate,
        # Stripe takes no pending update where it sends invoices.
        may_wait=rules.plan_payment == "pending" and subscription.charges_automatically,
        prorated_at=_prorated_at(terms, subscription, promised),
    )

    return Write(swap)


def step_at_period_end(
    terms: PlanTerms,
    subscription: Subscription,
    now: datetime,
    progress: Progress,
    rules: OfferRules,
    price: Price | None,
) -> Step | None:
    """Return the step for a plan that comes when the period ends, None for one that comes at once."""
    earlier, later = progress.earlier, terms.at_period_end or rules.plan_starts == "period_end"
    waits = later or terms.seats is not None
    if isinstance(earlier, SchedulePrice):
        return planned_step(
            earlier,
            subscription,
            now,
            was_promised=progress.promised is not None,
            renews=renews_about(now, subscription),
        )
    if earlier is not None or not waits:
        return None

    if renews_about(now, subscription):
        return Wait()
    if terms.seats is not None:
        return _fewer_seats(terms, terms.seats, subscription, now, price)
    item = plan_item(subscription, rules)
    if item is None:
        return Refuse(Code.WHICH_ITEM_IS_THE_PLAN)
    return plan_at_period_end(terms, item, subscription, now, price)


def _fewer_seats(
    terms: PlanTerms, seats: int, subscription: Subscription, now: datetime, price: Price | None
) -> Step:
    """Return the step for fewer of what is paid for already: another price, or more seats, could cost more."""
    counted = [item for item in subscription.items if item.price_id == terms.price_id]
    if not counted:
        return Refuse(Code.SEATS_OF_ANOTHER_PRICE)
    if len(counted) > 1 or seats > (counted[0].quantity or 0):
        # Usage has no seats, and of two lines nobody said which.
        return Refuse(Code.SEATS_WOULD_NOT_BE_FEWER)
    if price is not None and price.is_by_volume:
        return Refuse(Code.SEATS_MAY_COST_MORE)
    return plan_at_period_end(terms, counted[0], subscription, now, price)


def _prorated_at(
    terms: PlanTerms, subscription: Subscription, promised: Promised | None
) -> int | None:
    """Return the second that the customer's price was reckoned with, None where it lies in a period that is over.

    Stripe takes only seconds of the running period.
    """
    if promised is None or not terms.prorate or promised.due != subscription.current_period_end:
        return None
    return promised.proration_date


def _is_billed_at_once(item: Item, price: Price | None, subscription: Subscription) -> bool:
    """Tell whether Stripe bills the new price at once: another interval begins a new period, except in a trial."""
    if price is None or subscription.status == "trialing":
        return False
    return (price.interval, price.interval_count) != (item.interval, item.interval_count)


def pending_payment_step(
    subscription: Subscription, now: datetime, progress: Progress
) -> Step | None:
    """Return the step for a payment that is missing, or was; None where none ever was."""
    pending, earlier = subscription.pending_update, progress.earlier
    if pending is None:
        # It was paid, and then the plan shows, or it has expired or was voided.
        return Supersede(Code.PAYMENT_WAS_NOT_MADE) if progress.asked_to_pay else None
    if not isinstance(earlier, SwapPrice) or earlier.price_id not in pending.price_ids:
        return Refuse(Code.ANOTHER_UPDATE_IS_PENDING)
    return Defer(until=now + PAYMENT_LOOKS, payment_url=subscription.payment_url)


def plan_item(subscription: Subscription, rules: OfferRules) -> Item | None:
    """Return the one item that is the plan: the only one, the only one named, or the only licensed one."""
    for candidates in (
        subscription.items,
        [item for item in subscription.items if item.price_id in rules.plan_price_ids],
        [item for item in subscription.items if not item.is_metered],
    ):
        if len(candidates) == 1:
            return candidates[0]
    return None
