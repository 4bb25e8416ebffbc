"""A pause that was accepted: of the payments, or of the subscription itself. Pure.

One that no payment falls into is refused instead of done for show, and so is one whose payment pays for far more than
the pause.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from aiocancel.core.actions import Defer, Refuse, Step, Write
from aiocancel.core.calendar_months import MONTHS_DIFFER, later
from aiocancel.core.changes import PausePayments, PauseService
from aiocancel.core.codes import Code
from aiocancel.core.offers.coming_payments import (
    INVOICE_MARGIN,
    has_a_discount_for_one_payment,
    runs_out,
)
from aiocancel.core.offers.offer_rules import OfferRules
from aiocancel.core.offers.terms import PauseTerms
from aiocancel.core.subscription import CollectionPause, Item, Subscription

# A pause that begins with the next period is made this long before: a worker that is down for a day, or Stripe
# itself, must not cost the customer the payment that was to be left out.
PAUSE_LEAD: Final = timedelta(hours=24)
# One of the subscription itself takes effect at once: made any earlier it would take paid time away.
SERVICE_PAUSE_LEAD: Final = timedelta(minutes=30)


def lasts_as_long(
    terms: PauseTerms, pause: CollectionPause, subscription: Subscription, now: datetime
) -> bool:
    """Tell whether the pause that the subscription is in lasts at least as long as the offered one."""
    due = subscription.current_period_end
    if pause.resumes_at is None or terms.interval == "indefinitely":
        return pause.resumes_at is None
    if due is None or not subscription.items:
        return False
    try:
        end = _span(terms, subscription.items, due, now)[1] - INVOICE_MARGIN
        return pause.resumes_at >= end.replace(microsecond=0)
    except (OverflowError, ValueError):
        return False


def in_time(
    terms: PauseTerms,
    step: Step,
    subscription: Subscription,
    now: datetime,
    promised: datetime | None,
    lead: timedelta,
) -> Step:
    """Put a pause off that begins with the next period, until that is near; a refusal comes at once."""
    due = subscription.current_period_end
    if not isinstance(step, Write) or due is None or not terms.at_period_end:
        return step
    if promised is not None and promised <= now and promised < due:
        # No worker looked in time, so the payment that was to be left out was made: a person gives it back.
        return Refuse(Code.PAYMENT_CAME_BEFORE_THE_PAUSE)
    return Defer(until=due - lead, takes_effect_at=due) if due - now > lead else step


def pause_step(
    terms: PauseTerms, subscription: Subscription, now: datetime, rules: OfferRules
) -> Step:
    """Return the pause to make, or why it is refused."""
    due, items = subscription.current_period_end, subscription.items
    if due is None or not items:
        return Refuse(Code.NEXT_PAYMENT_IS_UNKNOWN)
    if has_a_discount_for_one_payment(subscription):
        # An invoice that is given up uses it up, and of one that stays a draft that is not known. After a pause of the
        # subscription itself, credit for unused time makes the discount smaller.
        return Refuse(Code.A_DISCOUNT_WOULD_BE_USED_UP)
    if rules.pause_mechanism == "pause":
        return _pause_service(terms, subscription, due, now, rules)
    if terms.interval == "indefinitely":
        return Write(PausePayments(rules.pause_behavior, None, due))

    try:
        start, end = _span(terms, items, due, now)
        # A payment that is due at the very end must not be left out, too.
        until = (end - INVOICE_MARGIN).replace(microsecond=0)
        if until < due + INVOICE_MARGIN:
            return Refuse(Code.NO_PAYMENT_FALLS_INTO_THE_PAUSE)
        left_out = [
            item for item in items if item.next_payment is None or item.next_payment <= until
        ]
        if not left_out:
            return Refuse(Code.NO_PAYMENT_FALLS_INTO_THE_PAUSE)
        pays_until = max(later(start, item.interval, item.interval_count) for item in left_out)
    except (OverflowError, ValueError):
        # Its end is a date that no calendar has.
        return Refuse(Code.PAUSE_IS_TOO_LONG)

    # A draft can still be collected; any other way a month's pause would be a gift of a year's payment.
    if rules.pause_behavior != "keep_as_draft" and pays_until - MONTHS_DIFFER > end:
        return Refuse(Code.PAYMENT_PAYS_FOR_MORE_THAN_THE_PAUSE)
    return Write(PausePayments(rules.pause_behavior, until, due))


def _pause_service(
    terms: PauseTerms, subscription: Subscription, due: datetime, now: datetime, rules: OfferRules
) -> Step:
    """Decide on a pause of the subscription itself: time goes by unpaid, whether or not a payment falls into it."""
    if not subscription.is_flexible:
        return Refuse(Code.PAUSE_NEEDS_FLEXIBLE_BILLING)
    if due != subscription.last_period_end or subscription.paid_until != due:
        # One date for all items begins when it ends, and time that is paid for beyond it may be lost.
        return Refuse(Code.PERIODS_ARE_MIXED)
    if subscription.status == "trialing":
        # Source: https://docs.stripe.com/billing/subscriptions/pause
        return Refuse(Code.A_TRIAL_CANNOT_BE_PAUSED)
    if not subscription.charges_automatically:
        # Stripe would not let it go on again.
        return Refuse(Code.PAUSE_NEEDS_AUTOMATIC_CHARGES)
    if rules.pause_credit == "none" and not terms.at_period_end:
        # A customer who ends the pause early would pay for the rest of the period once more.
        return Refuse(Code.PAID_TIME_WOULD_BE_LOST)

    until = None
    if terms.interval != "indefinitely":
        try:
            until = _span(terms, subscription.items, due, now)[1].replace(microsecond=0)
        except (OverflowError, ValueError):
            return Refuse(Code.PAUSE_IS_TOO_LONG)
        if until <= (due if terms.at_period_end else now):
            return Refuse(Code.PAUSE_IS_TOO_SHORT)
        if code := _costs_more(subscription, until, due, now, rules):
            return Refuse(code)

    return Write(PauseService(until, due, rules.pause_credit, rules.pause_bills_usage))


def _costs_more(
    subscription: Subscription, until: datetime, due: datetime, now: datetime, rules: OfferRules
) -> Code | None:
    """Return why the customer would pay more with a pause that ends by beginning a new period than without it."""
    gives_none = rules.pause_credit == "none"
    # Time that was paid for at a discount is credited at one, and what is paid after the pause may have none.
    has_an_end = any(
        discount is not None and discount.ends_at is not None
        for discount in (*subscription.discounts, subscription.customer_discount)
    )
    if has_an_end and until <= due:
        return Code.A_DISCOUNT_WOULD_RUN_OUT

    free = until - (due if gives_none or has_an_end else now)
    return Code.A_DISCOUNT_WOULD_RUN_OUT if runs_out(subscription, until, free) else None


def _span(
    terms: PauseTerms, items: tuple[Item, ...], due: datetime, now: datetime
) -> tuple[datetime, datetime]:
    if terms.interval == "billing_cycle":
        # Counted in payments, the first of which is the next one, so it does not matter when it begins.
        shortest = min(items, key=lambda item: later(due, item.interval, item.interval_count))
        return due, later(due, shortest.interval, shortest.interval_count * terms.count)
    start = due if terms.at_period_end else now
    return start, later(start, terms.interval, terms.count)
