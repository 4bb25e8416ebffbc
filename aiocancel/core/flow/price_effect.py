"""What an offer costs, in three rows: today, the next payment, from then on. Data without words. Pure.

Every amount is Stripe's own, out of a preview, or a sum of such. Where a row cannot be known for certain there is no
price at all: never 0, and no guess. So there is none where items are paid at different times, where usage is on the
invoice, where a discount that the customer has ends by itself, or where tax is added and an amount would be a guess.
Nor is there one where another payment is open: that one comes first, and nobody knows when.
"""

from __future__ import annotations

import calendar
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, assert_never

from aiocancel.core.actions import Write
from aiocancel.core.calendar_months import add_months
from aiocancel.core.changes import MoveTrialEnd
from aiocancel.core.flow.preview import Preview, PreviewLine, Tax
from aiocancel.core.offers.apply import offer_step
from aiocancel.core.offers.coming_payments import INVOICE_MARGIN
from aiocancel.core.offers.offer_rules import DEFAULT_RULES, OfferRules
from aiocancel.core.offers.terms import (
    AcceptedOffer,
    CouponTerms,
    CustomTerms,
    PauseTerms,
    PlanTerms,
    TrialTerms,
)
from aiocancel.core.sentences import Money
from aiocancel.core.subscription import INTERVALS, AppliedDiscount, Price, Rhythm, Subscription

# A year of daily payments: credit that lasts for longer is told by nobody.
_MOST_PAYMENTS: Final = 366


class TodayKind(StrEnum):
    """The words of the first row."""

    NOTHING = "nothing"
    PAY = "pay"
    CREDIT_IS_KEPT = "credit_is_kept"
    PLAN_IS_KEPT = "plan_is_kept"
    NOTHING_CHANGES = "nothing_changes"


class NextKind(StrEnum):
    """The words of the second row."""

    PLAIN = "plain"
    NOTHING = "nothing"
    UNLESS_CANCELED = "unless_canceled"
    AFTER_CREDIT = "after_credit"
    AS_BEFORE = "as_before"


@dataclass(frozen=True, slots=True)
class TodayRow:
    """The first row: ``amount`` is what is paid, or kept as credit; None where it is neither."""

    kind: TodayKind
    amount: Money | None = None


@dataclass(frozen=True, slots=True)
class NextRow:
    """The second row: ``instead_of`` is the sum without the offer, None where it is the same or not known."""

    kind: NextKind
    amount: Money
    at: datetime
    instead_of: Money | None = None


@dataclass(frozen=True, slots=True)
class Rate:
    """A part of the third row: ``amount`` every ``interval_count`` intervals, from a date, or until one."""

    amount: Money
    interval: str
    interval_count: int
    since: datetime | None = None
    until: datetime | None = None
    as_before: bool = False


@dataclass(frozen=True, slots=True)
class PriceEffect:
    """The price of an offer, as it is shown, kept with the session, and compared afterwards.

    Args:
        today: The first row.
        next_payment: The second row.
        from_then_on: The third row: one rate, or two where a discount ends.
        tax: Whether the sums include tax, or tax is added to them; None where there is none.
        keeps_discounts: Whether discounts that the customer has are in the sums as well.
        plus_usage: Whether usage is paid for on top.
        proration_date: The second that the preview was reckoned with, to be sent with the change.
        by_invoice: Whether an invoice comes on the days that are named, and is paid later.
    """

    today: TodayRow
    next_payment: NextRow
    from_then_on: tuple[Rate, ...]
    tax: Tax | None = None
    keeps_discounts: bool = False
    plus_usage: bool = False
    proration_date: int | None = None
    by_invoice: bool = False


def price_effect(
    offer: AcceptedOffer,
    subscription: Subscription,
    preview: Preview,
    *,
    now: datetime,
    rules: OfferRules = DEFAULT_RULES,
    price: Price | None = None,
) -> PriceEffect | None:
    """Return the three rows of an offer, None where one of them is not certain. Never raises.

    Args:
        offer: With the terms that would be accepted.
        subscription: As just read.
        preview: Of the next invoice once the offer is carried out; for a pause, more days of trial and a custom offer,
            as it is without.
        now: Aware.
        rules: How offers are carried out.
        price: The price of another plan; the rows of one are not certain without.
    """
    found = _found(offer, subscription, preview, now, rules, price)
    return _as_billed(found, subscription, preview)


def price_of_going_on(
    subscription: Subscription, preview: Preview, *, now: datetime, ends_pause: bool = False
) -> PriceEffect | None:
    """Return the three rows of a subscription that goes on as before; None where one of them is not certain.

    Args:
        subscription: As just read, its cancellation or its pause still in place.
        preview: Of the next invoice without it.
        now: Aware.
        ends_pause: Whether a pause of payments is over with it; one that stays is waited for.
    """
    bill = _read(subscription, preview)
    rhythm = _one_rhythm(subscription)
    if bill is None or rhythm is None or _is_billed_otherwise(subscription):
        return None

    case = _Case(subscription, bill, rhythm, now)
    found = _steady(case, TodayRow(TodayKind.NOTHING))
    if found is not None and not ends_pause:
        found = _once_it_resumes(case, found)
    return _as_billed(found, subscription, preview)


def _is_billed_otherwise(subscription: Subscription) -> bool:
    """Tell whether it is billed in ways that no preview shows.

    So are a payment that is open, a service that stands still, another price that waits for its payment, drafts that
    are kept for the end of a pause, and items that Stripe left out of its list.
    """
    pause = subscription.paused
    return (
        not subscription.is_paying
        or subscription.pending_update is not None
        or subscription.has_more_items
        or (pause is not None and pause.behavior == "keep_as_draft")
    )


def _as_billed(
    found: PriceEffect | None, subscription: Subscription, preview: Preview
) -> PriceEffect | None:
    if found is None:
        return None
    return replace(
        found,
        tax=preview.tax,
        proration_date=preview.proration_date,
        by_invoice=not subscription.charges_automatically,
    )


def _found(
    offer: AcceptedOffer,
    subscription: Subscription,
    preview: Preview,
    now: datetime,
    rules: OfferRules,
    price: Price | None,
) -> PriceEffect | None:
    bill = _read(subscription, preview)
    if bill is None or _is_billed_otherwise(subscription):
        return None

    rhythm = _rhythm(subscription, offer.terms, price)
    if rhythm is None:
        return None
    case = _Case(subscription, bill, rhythm, now)
    match offer.terms:
        case CouponTerms() as terms:
            return _discounted(case, terms)
        case CustomTerms():
            return _untouched(case)
        case _ if subscription.paused is not None:
            # They would change a pause that is there, or be changed by it.
            return None
        case TrialTerms():
            return _longer_trial(case, offer, rules)
        case PlanTerms(at_period_end=True):
            return _steady(case, TodayRow(TodayKind.PLAN_IS_KEPT))
        case PlanTerms():
            return _plan_now(case)
        case PauseTerms() as pause:
            return _paused(case, pause, rules)
        case _:  # pragma: no cover - mypy shows that no case is left
            assert_never(offer.terms)


@dataclass(frozen=True, slots=True)
class _Bill:
    """A preview, taken apart: what comes once, and what comes with every payment."""

    preview: Preview
    extras_minor: int
    renewal_minor: int
    starts_at: datetime
    ends_at: datetime
    plus_usage: bool

    @property
    def is_plain(self) -> bool:
        return self.extras_minor == 0 and self.preview.balance_minor == 0

    def money(self, minor: int) -> Money:
        return Money(minor, self.preview.currency)


@dataclass(frozen=True, slots=True)
class _Case:
    subscription: Subscription
    bill: _Bill
    rhythm: Rhythm
    moment: datetime

    @property
    def keeps_discounts(self) -> bool:
        return bool(self.subscription.discounts_in_force)

    def rate(
        self, minor: int, *, since: datetime | None = None, until: datetime | None = None
    ) -> Rate:
        return Rate(self.bill.money(minor), *self.rhythm, since=since, until=until)


def _read(subscription: Subscription, preview: Preview) -> _Bill | None:
    """Take a preview apart; None where its parts do not add up to what we can tell."""
    metered = {item.price_id for item in subscription.items if item.is_metered}
    own = [line for line in preview.lines if line.price_id not in metered]
    if any(line.amount_minor for line in preview.lines if line.price_id in metered):
        return None
    renewals, extras = _parted(own)
    starts, ends = {line.starts_at for line in renewals}, {line.ends_at for line in renewals}
    if preview.currency != subscription.currency or len(starts) != 1 or len(ends) != 1:
        return None

    once = sum(line.amount_minor for line in extras)
    # Of an invoice with one-off lines only these say what each payment is, and tax and discounts may be on both.
    is_mixed = preview.tax == "added" or (
        bool(preview.off_minor) and any(line.is_discountable for line in extras)
    )
    if extras and is_mixed:
        return None
    if preview.due_minor != max(preview.total_minor + preview.balance_minor, 0):
        return None
    return _Bill(
        preview,
        once,
        preview.total_minor - once,
        min(starts),
        min(ends),
        plus_usage=bool(metered),
    )


def _parted(lines: Sequence[PreviewLine]) -> tuple[list[PreviewLine], list[PreviewLine]]:
    return [each for each in lines if not each.is_extra], [each for each in lines if each.is_extra]


def _rhythm(subscription: Subscription, terms: object, price: Price | None) -> Rhythm | None:
    """Return how often everything is paid, None where not all of it is paid together."""
    if isinstance(terms, PlanTerms):
        if price is None or price.is_metered or price.price_id != terms.price_id:
            return None
        if price.interval not in INTERVALS:
            return None

        rhythm = (price.interval, price.interval_count)
        # The item that is replaced may be paid at any time; every other one together with the new price.
        others = len([item for item in subscription.items if not item.is_metered]) > 1
        return None if others and _rhythms(subscription) != {rhythm} else rhythm
    return _one_rhythm(subscription)


def _rhythms(subscription: Subscription) -> set[Rhythm]:
    return {
        (item.interval, item.interval_count) for item in subscription.items if not item.is_metered
    }


def _one_rhythm(subscription: Subscription) -> Rhythm | None:
    rhythms = _rhythms(subscription)
    is_known = len(rhythms) == 1 and all(interval in INTERVALS for interval, _ in rhythms)
    return next(iter(rhythms)) if is_known else None


# --- each kind --------------------------------------------------------------------------------------------


def _steady(case: _Case, today: TodayRow, kind: NextKind = NextKind.PLAIN) -> PriceEffect | None:
    """Return the rows of an offer after which every payment is the same."""
    if not case.bill.is_plain or _has_an_end(case.subscription.discounts_in_force):
        return None
    is_later = today.kind is TodayKind.PLAN_IS_KEPT
    # A schedule brings the plan with the next payment, whatever a preview of the bare swap says.
    at = case.subscription.current_period_end if is_later else case.bill.starts_at
    if at is None or at <= case.moment or case.bill.renewal_minor <= 0:
        return None

    amount = case.bill.money(case.bill.renewal_minor)
    return PriceEffect(
        today,
        NextRow(kind, amount, at),
        (case.rate(case.bill.renewal_minor),),
        keeps_discounts=case.keeps_discounts,
        plus_usage=case.bill.plus_usage,
    )


def _untouched(case: _Case) -> PriceEffect | None:
    steady = _steady(case, TodayRow(TodayKind.NOTHING_CHANGES), NextKind.AS_BEFORE)
    found = None if steady is None else _once_it_resumes(case, steady)
    if found is None:
        return None
    return replace(
        found, from_then_on=tuple(replace(rate, as_before=True) for rate in found.from_then_on)
    )


def _longer_trial(case: _Case, offer: AcceptedOffer, rules: OfferRules) -> PriceEffect | None:
    """Return the rows of more days of trial: the same payments, the first of them when the trial ends."""
    step = offer_step(offer, case.subscription, now=case.moment, rules=rules)
    change = step.change if isinstance(step, Write) else None
    found = _steady(case, TodayRow(TodayKind.NOTHING), NextKind.UNLESS_CANCELED)
    if found is None or not isinstance(change, MoveTrialEnd):
        return None
    return replace(found, next_payment=replace(found.next_payment, at=change.at))


def _discounted(case: _Case, terms: CouponTerms) -> PriceEffect | None:
    bill, kept = case.bill, case.subscription.discounts_in_force
    kept_ids = {discount.discount_id for discount in kept}
    added = {key: off for key, off in bill.preview.off_minor.items() if key not in kept_ids}
    off = sum(added.values())
    if not bill.is_plain or _has_an_end(kept) or len(added) != 1 or off <= 0:
        return None
    number = _first_that_is_taken(case)
    first = None if number is None else _payment(case, number)
    if number is None or first is None or first <= case.moment:
        return None

    # With tax, or beside other discounts, the sum without this one is not simply higher by it.
    whole = None if bill.preview.tax == "added" or kept else bill.renewal_minor + off
    rates = _rates(case, terms, whole, number)
    if rates is None:
        return None
    amount = bill.money(bill.renewal_minor)
    kind = NextKind.PLAIN if bill.renewal_minor > 0 else NextKind.NOTHING
    return PriceEffect(
        TodayRow(TodayKind.NOTHING),
        NextRow(kind, amount, first, None if whole is None else bill.money(whole)),
        rates,
        keeps_discounts=bool(kept),
        plus_usage=bill.plus_usage,
    )


def _rates(
    case: _Case, terms: CouponTerms, whole: int | None, number: int
) -> tuple[Rate, ...] | None:
    """Return the third row of a discount; ``number`` is the first payment that is taken."""
    lower, first = case.bill.renewal_minor, _payment(case, number)
    if terms.duration == "forever":
        return (case.rate(lower),) if lower > 0 else None
    if whole is None:
        return None
    if terms.duration == "once":
        # The next invoice uses it up, also one that a pause gives up.
        return None if number > 0 else (case.rate(whole),)

    ends_at = add_months(case.moment, terms.months or 0)
    following, last = number + 1, first
    while (first_whole := _payment(case, following)) < ends_at - INVOICE_MARGIN:
        following, last = following + 1, first_whole

    # Within an hour of the end it is Stripe's second that decides, not ours.
    if abs(first_whole - ends_at) <= INVOICE_MARGIN or first >= ends_at:
        return None
    if last == first:
        return (case.rate(whole),)
    if lower <= 0:
        return (case.rate(whole, since=first_whole),)
    return (case.rate(lower, until=last), case.rate(whole, since=first_whole))


def _plan_now(case: _Case) -> PriceEffect | None:
    """Return the rows of another plan at once: credit for the old one is used up before anything is paid."""
    bill = case.bill
    if bill.renewal_minor <= 0 or _has_an_end(case.subscription.discounts_in_force):
        return None
    is_billed_now = bill.starts_at <= case.moment + INVOICE_MARGIN
    found = _first_paid(case, is_billed_now=is_billed_now)
    if found is None:
        return None
    today, following = found

    return PriceEffect(
        today,
        following,
        (case.rate(bill.renewal_minor),),
        keeps_discounts=case.keeps_discounts,
        plus_usage=bill.plus_usage,
    )


def _first_paid(case: _Case, *, is_billed_now: bool) -> tuple[TodayRow, NextRow] | None:
    bill = case.bill
    credit = max(-bill.extras_minor, 0)
    owed = bill.preview.total_minor + bill.preview.balance_minor
    has_credit = credit > 0 or bill.preview.balance_minor < 0
    kind = NextKind.AFTER_CREDIT if has_credit else NextKind.PLAIN
    kept = (
        TodayRow(TodayKind.CREDIT_IS_KEPT, bill.money(credit))
        if credit
        else TodayRow(TodayKind.NOTHING)
    )

    if is_billed_now and owed > 0:
        following = NextRow(NextKind.PLAIN, bill.money(bill.renewal_minor), bill.ends_at)
        return TodayRow(TodayKind.PAY, bill.money(owed)), following
    if not is_billed_now and owed > 0:
        return kept, NextRow(kind, bill.money(owed), bill.starts_at)

    for number in range(1, _MOST_PAYMENTS):
        owed += bill.renewal_minor
        if owed > 0:
            return kept, NextRow(kind, bill.money(owed), _payment(case, number))
    return None


def _paused(case: _Case, terms: PauseTerms, rules: OfferRules) -> PriceEffect | None:
    """Return the rows of a pause of payments: the first one after it is as high as the next one would have been."""
    due = case.subscription.current_period_end
    is_certain = (
        rules.pause_mechanism == "pause_collection" and rules.pause_behavior != "keep_as_draft"
    )
    found = _steady(case, TodayRow(TodayKind.NOTHING))
    if due is None or found is None or not is_certain or terms.interval != "month":
        return None

    until = add_months(due, terms.count) - INVOICE_MARGIN
    return _beginning_with(case, found, _first_after(case, until))


def _once_it_resumes(case: _Case, found: PriceEffect) -> PriceEffect | None:
    """Return the rows with the first payment that is taken, whether or not there is a pause."""
    return _beginning_with(case, found, _first_that_is_taken(case))


def _beginning_with(case: _Case, found: PriceEffect, number: int | None) -> PriceEffect | None:
    if number is None:
        return None
    return replace(found, next_payment=replace(found.next_payment, at=_payment(case, number)))


def _first_that_is_taken(case: _Case) -> int | None:
    """Return which payment comes first, a pause taken into account; None where nobody knows."""
    pause = case.subscription.paused
    if pause is None:
        return 0
    return None if pause.resumes_at is None else _first_after(case, pause.resumes_at)


def _first_after(case: _Case, until: datetime) -> int | None:
    """Return the first payment after a pause; None where nobody knows which one it is."""
    for number in range(_MOST_PAYMENTS):
        at = _payment(case, number)
        # So close to the end Stripe's second decides, not ours.
        if abs(at - until) < INVOICE_MARGIN:
            return None
        if at > until:
            return number
    return None


# --- dates ------------------------------------------------------------------------------------------------


def _payment(case: _Case, number: int) -> datetime:
    """Return when the payment falls due that is the ``number``th after the one in the preview."""
    first, (interval, count) = case.bill.starts_at, case.rhythm
    match interval:
        case "day":
            return first + timedelta(days=count * number)
        case "week":
            return first + timedelta(weeks=count * number)
        case _:
            months = count * number * (12 if interval == "year" else 1)
            return _on_its_day(add_months(first, months), first, case.subscription.billing_anchor)


def _on_its_day(at: datetime, first: datetime, anchor: datetime | None) -> datetime:
    """Return a date on the day of the month that payments keep, after a shorter month has cut it."""
    last = calendar.monthrange(first.year, first.month)[1]
    if anchor is None or first.day != last or anchor.day <= first.day:
        return at
    return at.replace(day=min(anchor.day, calendar.monthrange(at.year, at.month)[1]))


def _has_an_end(discounts: Sequence[AppliedDiscount]) -> bool:
    return any(
        discount.ends_at is not None or discount.duration in ("once", None)
        for discount in discounts
    )
