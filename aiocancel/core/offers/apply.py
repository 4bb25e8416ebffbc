"""The effect of an accepted offer on a subscription of any shape. Pure: a table of refusals, and five changes.

Nothing here moves money by accident: discounts that exist are kept, a trial never ends before time that is
paid for, a pause that no payment falls into is refused instead of done for show, and so is one whose payment
pays for far more than the pause.
"""

from __future__ import annotations

import calendar
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final, Literal, assert_never

from aiocancel.core.actions import Defer, Done, Receipt, Refuse, Step, Supersede, Wait, Write
from aiocancel.core.changes import (
    PAUSE_BEHAVIORS,
    PAUSE_CREDITS,
    AddDiscount,
    Change,
    MoveTrialEnd,
    NewCoupon,
    PauseBehavior,
    PauseCredit,
    PausePayments,
    PauseService,
    SchedulePrice,
    SwapPrice,
    shows,
    still_holds,
)
from aiocancel.core.check_settings import check_flag, check_texts, check_whole, check_word
from aiocancel.core.codes import Code
from aiocancel.core.money import minor_units
from aiocancel.core.offers.planned import lacks_a_quantity, plan_at_period_end, planned_step
from aiocancel.core.offers.terms import (
    AcceptedOffer,
    CouponTerms,
    CustomTerms,
    PauseTerms,
    PlanTerms,
    Promised,
    Terms,
    TrialTerms,
)
from aiocancel.core.subscription import (
    AppliedDiscount,
    CollectionPause,
    Item,
    Price,
    Subscription,
)
from aiocancel.errors import ConfigurationError

# Stripe: trial_end is at most two years from the billing cycle's anchor.
LONGEST_TRIAL: Final = timedelta(days=730)

# A payment that comes between our read and our write would be charged as well; an attempt is shorter than this.
RENEWAL_MARGIN: Final = timedelta(minutes=2)
# Stripe makes the invoice of a payment a little after it is due.
INVOICE_MARGIN: Final = timedelta(hours=1)
# A pause that begins with the next period is made this long before: a worker that is down for a day, or Stripe
# itself, must not cost the customer the payment that was to be left out.
PAUSE_LEAD: Final = timedelta(hours=24)
# One of the subscription itself takes effect at once: made any earlier it would take paid time away.
SERVICE_PAUSE_LEAD: Final = timedelta(minutes=30)
# How often we look whether a payment that the customer must confirm was made. Stripe drops the change by itself
# at pending_update.expires_at. https://docs.stripe.com/billing/subscriptions/pending-updates
PAYMENT_LOOKS: Final = timedelta(minutes=5)
# Months differ by this much.
_MONTHS_DIFFER: Final = timedelta(days=3)
_MOST_PERCENT_PLACES: Final = 4
_MOST_MONTHS: Final = 120
# https://docs.stripe.com/api/subscriptions/object
_STATUSES: Final = frozenset({"active", "trialing", "past_due", "unpaid", "paused"})
_INTERVALS: Final = frozenset({"day", "week", "month", "year"})
# Where the customer's own later wish is the last word.
_LEFT: Final = frozenset({Code.SUBSCRIPTION_HAS_ENDED, Code.SUBSCRIPTION_IS_ENDING})

PlanPayment = Literal["refuse", "pending"]
PlanStart = Literal["now", "period_end"]
PauseMechanism = Literal["pause_collection", "pause"]

_WORDS: Final = {
    "pause_behavior": PAUSE_BEHAVIORS,
    "plan_payment": ("refuse", "pending"),
    "plan_starts": ("now", "period_end"),
    "pause_mechanism": ("pause_collection", "pause"),
    "pause_credit": PAUSE_CREDITS,
    "unprorated_interval_change": ("refuse", "allow"),
}


@dataclass(frozen=True, slots=True)
class OfferRules:
    """The owner's standing answers to the questions that an offer leaves open.

    Args:
        pause_behavior: Stripe's word for the fate of the invoices of a pause of payments.
        plan_price_ids: The prices that count as plans, for subscriptions with several items.
        plan_payment: What becomes of another plan whose payment does not go through. With ``refuse`` nothing changes
            and the offer ends as refused; with ``pending`` the customer gets a link, and the plan comes with the
            payment.
        pause_mechanism: How a pause is made. ``pause_collection`` leaves payments out and the subscription active.
            ``pause`` makes the subscription itself paused, which only flexible billing mode knows, and a worker of
            ours lets it go on. Source: https://docs.stripe.com/api/subscriptions/pause
        pause_credit: From when such a pause credits unused time.
        pause_bills_usage: Whether such a pause bills metered usage so far, on the next invoice.
        most_months_of_a_discounted_payment: For how many months (1 to 120) a payment may pay that a coupon for one
            payment, or for some months, takes something off. None bounds a coupon for some months by its own months,
            so that three months' discount is not a discount on a whole year, and a coupon for one payment not at all.
        unprorated_interval_change: What becomes of another plan without proration that is paid at other intervals.
            Stripe bills its first period at once and gives no credit for the one that is paid. ``refuse`` leaves it to
            a person, ``allow`` does it.
        plan_starts: When another plan of a flow vendor's offer comes, which says nothing of that. With ``period_end``
            a schedule at Stripe brings it when the running period ends, and nothing is charged or credited before.
        seat_offers: Custom offers of a flow vendor that stand for fewer seats, by the offer's id: the price that counts
            them, and how many (1 or more) are paid for when the running period has ended.

    Raises:
        ConfigurationError: Says which setting is wrong.
    """

    pause_behavior: PauseBehavior = "void"
    plan_price_ids: frozenset[str] = frozenset()
    plan_payment: PlanPayment = "refuse"
    pause_mechanism: PauseMechanism = "pause_collection"
    pause_credit: PauseCredit = "now"
    pause_bills_usage: bool = True
    most_months_of_a_discounted_payment: int | None = None
    unprorated_interval_change: Literal["refuse", "allow"] = "refuse"
    plan_starts: PlanStart = "now"
    seat_offers: Mapping[str, tuple[str, int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, words in _WORDS.items():
            check_word(f"OfferRules.{name}", getattr(self, name), words)
        check_texts("OfferRules.plan_price_ids", self.plan_price_ids)
        check_flag("OfferRules.pause_bills_usage", self.pause_bills_usage)

        _check_seat_offers(self.seat_offers)
        if (months := self.most_months_of_a_discounted_payment) is not None:
            name = "OfferRules.most_months_of_a_discounted_payment"
            check_whole(name, months, most=_MOST_MONTHS)


def _check_seat_offers(seat_offers: object) -> None:
    name = "OfferRules.seat_offers"
    pairs = seat_offers.values() if isinstance(seat_offers, Mapping) else [None]
    if not all(isinstance(pair, tuple) and len(pair) == 2 for pair in pairs):
        raise ConfigurationError(f'{name} is like {{"offr_fewer": ("price_team", 3)}}')

    for offer_id, (price_id, seats) in dict(seat_offers).items():  # type: ignore[call-overload]
        check_texts(name, [offer_id, price_id])
        check_whole(f"{name}, the seats", seats)


DEFAULT_RULES: Final = OfferRules()


@dataclass(frozen=True, slots=True)
class Progress:
    """The ledger's knowledge of earlier attempts.

    ``earlier`` is the change that one sent, or may have sent. ``promised`` is when the customer was told that a
    deferred offer takes effect, ``asked_to_pay`` that a payment was found missing.
    """

    earlier: Change | None = None
    promised: datetime | None = None
    asked_to_pay: bool = False


NO_PROGRESS: Final = Progress()


def offer_step(
    offer: AcceptedOffer,
    subscription: Subscription,
    *,
    now: datetime,
    progress: Progress = NO_PROGRESS,
    rules: OfferRules,
    price: Price | None = None,
) -> Step:
    """Say what is left to do for an accepted offer, given the subscription as just read.

    An earlier change is sent again as it was, or left to a human, but never replaced by another. ``price`` is that of
    another plan; None where it was not read. Total: never raises.
    """
    earlier = progress.earlier
    if earlier is not None and shows(earlier, subscription):
        return Done(Receipt.of(subscription))
    if earlier is None and _is_so_already(offer.terms, subscription, now, rules):
        return Done(Receipt.of(subscription))
    if code := _obstacle(offer, subscription):
        was_told = progress.promised is not None or progress.asked_to_pay
        return Supersede(code) if was_told and code in _LEFT else Refuse(code)
    if isinstance(offer.terms, TrialTerms | PauseTerms) and _renews_about(now, subscription):
        return Wait()
    if isinstance(offer.terms, PlanTerms) and (
        step := _pending(subscription, now, progress)
        or _at_period_end(offer.terms, subscription, now, progress, rules, price)
    ):
        return step
    if earlier is not None:
        return (
            Write(earlier)
            if still_holds(earlier, subscription)
            else Refuse(Code.CHANGED_SINCE_IT_WAS_TRIED)
        )

    match offer.terms:
        case CouponTerms() as terms:
            return _coupon(terms, subscription, now, rules)
        case TrialTerms(days):
            return _trial(days, subscription, now)
        case PlanTerms() as terms:
            return _plan(terms, subscription, rules, price, offer.promised)
        case PauseTerms() as terms:
            return _in_time(
                terms,
                _pause(terms, subscription, now, rules),
                subscription,
                now,
                progress.promised,
                SERVICE_PAUSE_LEAD if rules.pause_mechanism == "pause" else PAUSE_LEAD,
            )
        case CustomTerms():
            return Refuse(Code.CUSTOM_OFFER_IS_NOT_STRIPES)
        case _:  # pragma: no cover - mypy shows that no case is left
            assert_never(offer.terms)


def _obstacle(offer: AcceptedOffer, subscription: Subscription) -> Code | None:
    """Return why a subscription of this shape takes no such offer, None if it does."""
    if subscription.has_ended:
        return Code.SUBSCRIPTION_HAS_ENDED
    if subscription.status == "incomplete":
        return Code.FIRST_PAYMENT_IS_MISSING
    if subscription.is_ending or subscription.cancel_at is not None:
        return Code.SUBSCRIPTION_IS_ENDING
    if not _is_known(subscription):
        return Code.SHAPE_IS_UNKNOWN
    if isinstance(offer.terms, CouponTerms):
        return None

    # The owner decides whether a customer who owes money gets free time or another plan.
    if subscription.status in ("past_due", "unpaid"):
        return Code.PAYMENT_IS_OVERDUE
    if subscription.status == "paused" or subscription.paused is not None:
        return Code.SUBSCRIPTION_IS_PAUSED
    return None


def _is_known(subscription: Subscription) -> bool:
    """Tell whether Stripe shows the whole subscription, in words that this release knows."""
    return (
        subscription.status in _STATUSES
        and not subscription.has_more_items
        and all(item.interval in _INTERVALS for item in subscription.items)
    )


def _renews_about(now: datetime, subscription: Subscription) -> bool:
    due = subscription.current_period_end
    return due is not None and due - now < RENEWAL_MARGIN


def _is_so_already(
    terms: Terms, subscription: Subscription, now: datetime, rules: OfferRules
) -> bool:
    """Tell whether the customer has what was offered, so that nobody need do anything."""
    if subscription.has_ended or subscription.is_ending or subscription.status == "incomplete":
        return False

    match terms:
        case PlanTerms(price_id, seats=None):
            # The price of another item, such as an add-on, is not the plan.
            plan = _plan_item(subscription, rules)
            there = subscription.items if plan is None else [plan]
            return any(item.price_id == price_id for item in there)
        case PlanTerms(price_id, seats=seats):
            return any(
                item.price_id == price_id and item.quantity == seats for item in subscription.items
            )
        case PauseTerms(interval="indefinitely") if subscription.status == "paused":
            return True
        case PauseTerms() if subscription.paused is not None:
            return _lasts_as_long(terms, subscription.paused, subscription, now)
        case _:
            return False


def _lasts_as_long(
    terms: PauseTerms, pause: CollectionPause, subscription: Subscription, now: datetime
) -> bool:
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


def _coupon(
    terms: CouponTerms, subscription: Subscription, now: datetime, rules: OfferRules
) -> Step:
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
            counts.add((_paid_before(item, first, ends_at), _paid_before(item, first, until)))
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
        for _ in range(_MOST_MONTHS * 31):
            if at > since:
                return at
            at = _later(at, item.interval, max(item.interval_count, 1))
    except (OverflowError, ValueError):
        return None

    return None


def _pays_for_more(item: Item, at: datetime, months: int) -> bool:
    try:
        pays_until = _later(at, item.interval, item.interval_count)
    except (OverflowError, ValueError):
        return True
    return pays_until - _MONTHS_DIFFER > _months_after(at, months)


def _months_after(start: datetime, months: int) -> datetime:
    try:
        return add_months(start, months)
    except (OverflowError, ValueError):
        return datetime.max.replace(tzinfo=UTC) - _MONTHS_DIFFER


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


def _trial(days: int, subscription: Subscription, now: datetime) -> Step:
    due, paid_until = subscription.current_period_end, subscription.paid_until
    if due is None or paid_until is None:
        return Refuse(Code.NEXT_PAYMENT_IS_UNKNOWN)
    if due != subscription.last_period_end:
        # One date for all items would give the ones that are paid often a long time for nothing.
        return Refuse(Code.PERIODS_ARE_MIXED)

    if _has_a_discount_for_one_payment(subscription):
        # The invoice of a trial comes to nothing, and uses the discount up all the same.
        return Refuse(Code.A_DISCOUNT_WOULD_BE_USED_UP)

    # A trial moves the next payment to its end; counted from now it could come before paid time is over.
    start = max(now, paid_until)
    if subscription.status == "trialing" and subscription.trial_end is not None:
        start = max(start, subscription.trial_end)
    if days < 1:
        return Refuse(Code.TRIAL_IS_TOO_SHORT)
    if days > LONGEST_TRIAL.days or start > now + LONGEST_TRIAL - timedelta(days=days):
        return Refuse(Code.TRIAL_IS_TOO_LONG)
    at = (start + timedelta(days=days)).replace(microsecond=0)
    if _runs_out(subscription, at, at - max(paid_until, start)):
        return Refuse(Code.A_DISCOUNT_WOULD_RUN_OUT)
    return Write(MoveTrialEnd(at, due))


def _has_a_discount_for_one_payment(subscription: Subscription) -> bool:
    """Tell whether such a discount is in force, or is the customer's and may come into force."""
    return any(
        discount is not None and discount.duration == "once"
        for discount in (*subscription.discounts, subscription.customer_discount)
    )


def _runs_out(subscription: Subscription, resumes_at: datetime, free: timedelta) -> bool:
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
        before, after = _paid_before(item, first, ends_at), _paid_before(item, resumes_at, ends_at)
    except (OverflowError, ValueError):
        return timedelta.max
    length = _later(resumes_at, item.interval, item.interval_count) - resumes_at
    # Months differ, so the longest one counts.
    return max(0, before - after) * (length + _MONTHS_DIFFER)


def _paid_before(item: Item, first: datetime, ends_at: datetime) -> int:
    """Count the payments of a line before the discount ends."""
    count, at = 0, first
    while at < ends_at and count <= _MOST_MONTHS * 31:
        count += 1
        at = _later(first, item.interval, max(item.interval_count, 1) * count)
    return count


def _plan(
    terms: PlanTerms,
    subscription: Subscription,
    rules: OfferRules,
    price: Price | None,
    promised: Promised | None,
) -> Step:
    item = _plan_item(subscription, rules)
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


def _at_period_end(
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
            renews=_renews_about(now, subscription),
        )
    if earlier is not None or not waits:
        return None

    if _renews_about(now, subscription):
        return Wait()
    if terms.seats is not None:
        return _fewer_seats(terms, terms.seats, subscription, now, price)
    item = _plan_item(subscription, rules)
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


def _pending(subscription: Subscription, now: datetime, progress: Progress) -> Step | None:
    """Return the step for a payment that is missing, or was; None where none ever was."""
    pending, earlier = subscription.pending_update, progress.earlier
    if pending is None:
        # It was paid, and then the plan shows, or it has expired or was voided.
        return Supersede(Code.PAYMENT_WAS_NOT_MADE) if progress.asked_to_pay else None
    if not isinstance(earlier, SwapPrice) or earlier.price_id not in pending.price_ids:
        return Refuse(Code.ANOTHER_UPDATE_IS_PENDING)
    return Defer(until=now + PAYMENT_LOOKS, payment_url=subscription.payment_url)


def _plan_item(subscription: Subscription, rules: OfferRules) -> Item | None:
    """Return the one item that is the plan: the only one, the only one named, or the only licensed one."""
    for candidates in (
        subscription.items,
        [item for item in subscription.items if item.price_id in rules.plan_price_ids],
        [item for item in subscription.items if not item.is_metered],
    ):
        if len(candidates) == 1:
            return candidates[0]
    return None


def _in_time(
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


def _pause(terms: PauseTerms, subscription: Subscription, now: datetime, rules: OfferRules) -> Step:
    due, items = subscription.current_period_end, subscription.items
    if due is None or not items:
        return Refuse(Code.NEXT_PAYMENT_IS_UNKNOWN)
    if _has_a_discount_for_one_payment(subscription):
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
        pays_until = max(_later(start, item.interval, item.interval_count) for item in left_out)
    except (OverflowError, ValueError):
        # Its end is a date that no calendar has.
        return Refuse(Code.PAUSE_IS_TOO_LONG)

    # A draft can still be collected; any other way a month's pause would be a gift of a year's payment.
    if rules.pause_behavior != "keep_as_draft" and pays_until - _MONTHS_DIFFER > end:
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
        # Whoever ends the pause early would pay for the rest of the period once more.
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
    return Code.A_DISCOUNT_WOULD_RUN_OUT if _runs_out(subscription, until, free) else None


def _span(
    terms: PauseTerms, items: tuple[Item, ...], due: datetime, now: datetime
) -> tuple[datetime, datetime]:
    if terms.interval == "billing_cycle":
        # Counted in payments, the first of which is the next one, so it does not matter when it begins.
        shortest = min(items, key=lambda item: _later(due, item.interval, item.interval_count))
        return due, _later(due, shortest.interval, shortest.interval_count * terms.count)
    start = due if terms.at_period_end else now
    return start, _later(start, terms.interval, terms.count)


def _later(start: datetime, interval: str, count: int) -> datetime:
    match interval:
        case "day":
            return start + timedelta(days=count)
        case "week":
            return start + timedelta(weeks=count)
        case "month":
            return add_months(start, count)
        case _:
            return add_months(start, 12 * count)


def add_months(start: datetime, months: int) -> datetime:
    """Return the same day and time ``months`` calendar months later, or that month's last day if it is shorter."""
    year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    day = min(start.day, calendar.monthrange(year, month + 1)[1])
    return start.replace(year=year, month=month + 1, day=day)
