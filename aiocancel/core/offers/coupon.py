"""A coupon that was accepted: refused where it would be worth nothing, or far more than it says. Pure.

Discounts that the customer has are kept.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

from aiocancel.core.actions import Done, Receipt, Refuse, Step, Write
from aiocancel.core.calendar_months import MONTHS_DIFFER, add_months, later
from aiocancel.core.changes import AddDiscount, NewCoupon
from aiocancel.core.codes import Code
from aiocancel.core.money import minor_units
from aiocancel.core.offers.coming_payments import INVOICE_MARGIN, MOST_PAYMENTS, paid_before
from aiocancel.core.offers.offer_rules import OfferRules
from aiocancel.core.offers.terms import CouponTerms
from aiocancel.core.subscription import AppliedDiscount, Item, Subscription

_MOST_PERCENT_PLACES: Final = 4


def coupon_step(
    terms: CouponTerms, subscription: Subscription, now: datetime, rules: OfferRules
) -> Step:
    """Return the discount to add, or why it is refused; nothing where it is there already."""
    if terms.to_customer:
        # The pinned API version has no parameter left that gives a customer a coupon.
        return Refuse(Code.CUSTOMER_COUPONS_ARE_GONE)

    if terms.coupon_id is not None:
        coupon_id, made = terms.coupon_id, None
    elif terms.percent_off is not None and not _is_percentage(terms.percent_off):
        return Refuse(Code.PERCENTAGE_IS_OUT_OF_RANGE)
    else:
        try:
            made = _definition(terms, subscription.currency)
        except ValueError:
            return Refuse(Code.AMOUNT_DOES_NOT_FIT_THE_CURRENCY)
        coupon_id = made.coupon_id
    there = [each for each in subscription.discounts_in_force if each.coupon_id == coupon_id]
    if any(_takes_as_much_off(each, terms, subscription, now) for each in there):
        return Done(Receipt.of(subscription))
    if code := _worth(terms, subscription, now, rules):
        return Refuse(code)

    if there:
        # Another of the same coupon would begin beside it, or in its place; neither is what was offered.
        return Refuse(Code.COUPON_ENDS_EARLIER)
    if _keeps_the_customers_away(subscription):
        return Refuse(Code.CUSTOMER_DISCOUNT_WOULD_BE_LOST)

    kept = tuple(discount.discount_id for discount in subscription.discounts_in_force)
    inherits = bool(kept) and not subscription.discounts

    return Write(AddDiscount(coupon_id, kept, subscription.current_period_end, made, inherits))


def _takes_as_much_off(
    discount: AppliedDiscount, terms: CouponTerms, subscription: Subscription, now: datetime
) -> bool:
    """Tell whether a discount of the same coupon is taken off every payment that the offered one would be."""
    ends_at, lasts = discount.ends_at, discount.duration == "forever"
    if ends_at is None and (lasts or terms.duration == "once"):
        return True
    if terms.duration == "once":
        first = min((item.next_payment or now for item in subscription.items), default=None)
        return ends_at is not None and first is not None and first < ends_at

    # One for a single payment names no end either.
    if terms.duration == "forever" or ends_at is None or (terms.months or 0) < 1:
        return False
    until = _months_after(now, terms.months or 0)
    return ends_at >= until or _has_no_payment_between(subscription, ends_at, until)


def _has_no_payment_between(subscription: Subscription, ends_at: datetime, until: datetime) -> bool:
    """Tell whether every payment before ``until`` is made before ``ends_at``, and at least one is."""
    counts = set()
    for item in subscription.items:
        if (first := item.next_payment) is None:
            return False
        try:
            counts.add((paid_before(item, first, ends_at), paid_before(item, first, until)))
        except (OverflowError, ValueError):
            return False
    return any(seen for seen, _ in counts) and all(seen == all_ for seen, all_ in counts)


def _keeps_the_customers_away(subscription: Subscription) -> bool:
    """Tell whether the customer's discount would come back once the subscription's own are over, but for another one.

    Sent along it would be in force at once, beside the ones that it is to follow.
    """
    follows = bool(subscription.discounts) and subscription.customer_discount is not None
    return follows and all(discount.duration != "forever" for discount in subscription.discounts)


def _worth(
    terms: CouponTerms, subscription: Subscription, now: datetime, rules: OfferRules
) -> Code | None:
    """Return why a coupon would be worth nothing, or far more than it says; None where it is worth what it says.

    A coupon for some months covers every invoice of those months, a year's payment whole, and one for one payment
    is used up by the next invoice, also by one that is voided.
    Source: https://docs.stripe.com/billing/subscriptions/coupons
    """
    most = rules.most_months_of_a_discounted_payment
    if terms.duration == "forever":
        return None
    if terms.duration == "once":
        if _next_invoice_is_void(subscription):
            return Code.NO_PAYMENT_FALLS_INTO_THE_DISCOUNT
        hits, allowed = list(subscription.items), most
        payments = [(item, item.next_payment) for item in hits]
    else:
        months = terms.months or 0
        if subscription.current_period_end is None or not subscription.items:
            return Code.NEXT_PAYMENT_IS_UNKNOWN
        until, allowed = _months_after(now, months), most or months
        payments = [
            (item, at)
            for item in subscription.items
            if (at := _first_payment(item, subscription, now)) is not None
            and at + INVOICE_MARGIN <= until
        ]
        if not payments:
            return Code.NO_PAYMENT_FALLS_INTO_THE_DISCOUNT

    if allowed is not None and any(
        at is not None and _pays_for_more(item, at, allowed) for item, at in payments
    ):
        return Code.PAYMENT_PAYS_FOR_MORE_THAN_THE_DISCOUNT
    return None


def _next_invoice_is_void(subscription: Subscription) -> bool:
    """Tell whether the next invoice will be given up, because payments are paused until after it."""
    pause, due = subscription.paused, subscription.current_period_end
    if pause is None or pause.behavior == "keep_as_draft":
        return False
    return pause.resumes_at is None or due is None or pause.resumes_at > due


def _first_payment(item: Item, subscription: Subscription, now: datetime) -> datetime | None:
    """Return when the line is paid next, pauses taken into account; None where Stripe names no date for it."""
    at, pause = item.next_payment, subscription.paused
    if at is None or subscription.status == "paused":
        return None

    since = now

    if pause is not None and pause.behavior != "keep_as_draft":
        if pause.resumes_at is None:
            return None
        since = max(now, pause.resumes_at)

    try:
        # A pause that lasts for ages, of a line that is paid daily, ends the search early: it only counts more.
        for _ in range(MOST_PAYMENTS):
            if at > since:
                return at
            at = later(at, item.interval, max(item.interval_count, 1))
    except (OverflowError, ValueError):
        return None

    return None


def _pays_for_more(item: Item, at: datetime, months: int) -> bool:
    try:
        pays_until = later(at, item.interval, item.interval_count)
    except (OverflowError, ValueError):
        return True
    return pays_until - MONTHS_DIFFER > _months_after(at, months)


def _months_after(start: datetime, months: int) -> datetime:
    try:
        return add_months(start, months)
    except (OverflowError, ValueError):
        return datetime.max.replace(tzinfo=UTC) - MONTHS_DIFFER


def _is_percentage(percent: Decimal) -> bool:
    """Whether it is above 0 and at most 100, in so few digits that a float, which the SDK wants, keeps them all."""
    exponent = percent.as_tuple().exponent
    return isinstance(exponent, int) and exponent >= -_MOST_PERCENT_PLACES and 0 < percent <= 100


def _definition(terms: CouponTerms, currency: str) -> NewCoupon:
    amount = None if terms.amount_off is None else minor_units(terms.amount_off, currency)
    percent = None if terms.percent_off is None else f"{terms.percent_off.normalize():f}"
    of_currency = None if amount is None else currency
    months = terms.months if terms.duration == "repeating" else None
    text = f"{percent}|{amount}|{of_currency}|{terms.duration}|{months}"
    # The same definition always gets the same id, so it is made once, by the first worker that needs it.
    coupon_id = f"aiocancel-{hashlib.sha256(text.encode()).hexdigest()[:20]}"
    return NewCoupon(coupon_id, percent, amount, of_currency, terms.duration, months)
