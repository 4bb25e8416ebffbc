"""The price block: three rows of Stripe's own amounts, or none at all."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from aiocancel.core.flow.preview import Preview
from aiocancel.core.flow.price_effect import (
    NextKind,
    NextRow,
    PriceEffect,
    Rate,
    TodayKind,
    TodayRow,
    price_effect,
    price_of_going_on,
)
from aiocancel.core.offers.offer_rules import OfferRules
from aiocancel.core.offers.terms import (
    AcceptedOffer,
    CouponTerms,
    CustomTerms,
    PauseTerms,
    PlanTerms,
    Terms,
    TrialTerms,
)
from aiocancel.core.sentences import Money
from aiocancel.core.subscription import (
    AppliedDiscount,
    CollectionPause,
    PendingUpdate,
    Price,
    Subscription,
)
from tests.support.priced_subscription import ACTIVE, DUE, NEXT, NOW, PRO, USAGE, line, preview

BASIC = Price("price_basic", "month", 1, is_metered=False)
LOYAL = AppliedDiscount("di_loyal", "LOYAL", duration="forever")


def day(year: int, month: int, of_month: int) -> datetime:
    return datetime(year, month, of_month, tzinfo=UTC)


def eur(minor: int) -> Money:
    return Money(minor, "eur")


def effect(
    terms: Terms, found: Preview, subscription: Subscription = ACTIVE, **changes: Any
) -> PriceEffect | None:
    offer = AcceptedOffer("o", terms)
    return price_effect(offer, subscription, found, **({"now": NOW} | changes))


def monthly(minor: int, **changes: Any) -> Rate:
    return Rate(eur(minor), "month", 1, **changes)


HALF = preview(off_minor={"di_new": 1450})
FOR_3 = CouponTerms(Decimal(50), None, "repeating", 3)
ONCE = CouponTerms(Decimal(50), None, "once")
FOREVER = CouponTerms(Decimal(50), None, "forever")
PAUSE_2 = PauseTerms("month", 2, at_period_end=True)
TRIAL = TrialTerms(12)
TO_BASIC = PlanTerms("price_basic", prorate=True)
NOTHING = TodayRow(TodayKind.NOTHING)


# --- discounts --------------------------------------------------------------------------------------------


def test_discount_for_three_months_says_until_when_and_what_comes_then() -> None:
    assert effect(FOR_3, HALF) == PriceEffect(
        NOTHING,
        NextRow(NextKind.PLAIN, eur(1450), DUE, instead_of=eur(2900)),
        (
            monthly(1450, until=day(2027, 2, 26)),
            monthly(2900, since=day(2027, 3, 26)),
        ),
    )


def test_discount_for_one_payment_leaves_the_rest_as_it_was() -> None:
    found = effect(ONCE, HALF)

    assert found is not None
    assert found.next_payment.instead_of == eur(2900)
    assert found.from_then_on == (monthly(2900),)


def test_discount_for_ever_is_one_rate() -> None:
    found = effect(FOREVER, HALF)

    assert found is not None
    assert found.from_then_on == (monthly(1450),)


def test_discount_for_one_month_that_covers_one_payment_reads_like_one_for_that_payment() -> None:
    found = effect(CouponTerms(Decimal(50), None, "repeating", 1), HALF)

    assert found is not None
    assert found.from_then_on == (monthly(2900),)


def test_whole_payment_off_says_nothing_is_to_pay_and_never_a_rate_of_nothing() -> None:
    free = preview(off_minor={"di_new": 2900})

    found = effect(FOR_3, free)

    assert found is not None
    assert found.next_payment == NextRow(NextKind.NOTHING, eur(0), DUE, instead_of=eur(2900))
    assert found.from_then_on == (monthly(2900, since=day(2027, 3, 26)),)
    assert effect(FOREVER, free) is None


def test_discount_beside_one_that_stays_does_not_guess_the_sum_without_it() -> None:
    loyal = dataclasses.replace(ACTIVE, discounts=(LOYAL,))
    both = preview(off_minor={"di_loyal": 290, "di_new": 1305})

    found = effect(FOREVER, both, loyal)

    assert found is not None
    assert found.next_payment == NextRow(NextKind.PLAIN, eur(1305), DUE)
    assert found.keeps_discounts
    assert effect(FOR_3, both, loyal) is None


@pytest.mark.parametrize(
    "kept",
    [
        AppliedDiscount("di_kept", "X", duration="repeating", ends_at=NEXT),
        AppliedDiscount("di_kept", "X", duration="once"),
        AppliedDiscount("di_kept", "X"),
    ],
    ids=["ends", "once", "unknown"],
)
def test_discount_that_ends_by_itself_leaves_no_certain_price(kept: AppliedDiscount) -> None:
    subscription = dataclasses.replace(ACTIVE, discounts=(kept,))
    found = preview(off_minor={"di_kept": 290, "di_new": 1305})

    assert effect(FOREVER, found, subscription) is None
    for terms in (TRIAL, CustomTerms(), PAUSE_2, TO_BASIC):
        assert effect(terms, preview(off_minor={"di_kept": 290}), subscription, price=BASIC) is None


def test_added_tax_makes_the_sum_without_the_discount_uncertain() -> None:
    taxed = preview(off_minor={"di_new": 1450}, tax="added")

    found = effect(FOREVER, taxed)

    assert found is not None
    assert (found.tax, found.next_payment.instead_of) == ("added", None)
    assert effect(ONCE, taxed) is None
    included = effect(ONCE, preview(off_minor={"di_new": 1450}, tax="included"))
    assert included is not None
    assert included.tax == "included"


@pytest.mark.parametrize(
    "found",
    [
        preview(),
        preview(off_minor={"di_new": 0}),
        preview(off_minor={"di_new": 100, "di_newer": 100}),
        preview(off_minor={"di_new": 1450}, balance_minor=-100),
        preview(line(), line(500, extra=True, is_discountable=False), off_minor={"di_new": 1450}),
        preview(line(starts_at=NOW - timedelta(1)), off_minor={"di_new": 1450}),
    ],
    ids=["none", "zero", "two", "credit", "another line", "the past"],
)
def test_discount_that_the_preview_does_not_show_plainly_has_no_price(found: Preview) -> None:
    assert effect(ONCE, found) is None


def test_discount_that_ends_within_the_hour_of_a_payment_has_no_price() -> None:
    # Three months after this moment a payment is due, and Stripe's second decides whether it is discounted.
    at = day(2026, 11, 26) - timedelta(minutes=10)

    assert effect(FOR_3, HALF, now=at) is None
    assert effect(FOR_3, HALF, now=at + timedelta(hours=3)) is not None


def test_discount_that_is_over_before_the_next_payment_has_no_price() -> None:
    assert (
        effect(CouponTerms(Decimal(50), None, "repeating", 1), HALF, now=day(2026, 11, 1)) is None
    )


@pytest.mark.parametrize(
    ("interval", "count", "until", "since"),
    [
        ("week", 1, day(2027, 2, 27), day(2027, 3, 6)),
        ("day", 10, day(2027, 2, 24), day(2027, 3, 6)),
        ("month", 2, day(2027, 2, 26), day(2027, 4, 26)),
    ],
)
def test_dates_follow_the_rhythm_of_the_payments(
    interval: str, count: int, until: datetime, since: datetime
) -> None:
    item = dataclasses.replace(PRO, interval=interval, interval_count=count)

    found = effect(FOR_3, HALF, dataclasses.replace(ACTIVE, items=(item,)))

    assert found is not None
    assert [(rate.until, rate.since) for rate in found.from_then_on] == [
        (until, None),
        (None, since),
    ]


def test_yearly_payment_discounted_once_is_a_year_later_the_whole_sum() -> None:
    item = dataclasses.replace(PRO, interval="year")
    in_a_year = CouponTerms(Decimal(50), None, "repeating", 18)

    found = effect(in_a_year, HALF, dataclasses.replace(ACTIVE, items=(item,)))

    assert found is not None
    assert found.from_then_on == (
        Rate(eur(1450), "year", 1, until=day(2027, 12, 26)),
        Rate(eur(2900), "year", 1, since=day(2028, 12, 26)),
    )


def test_payments_on_the_last_of_a_month_come_back_to_their_day() -> None:
    first = day(2027, 2, 28)
    subscription = dataclasses.replace(ACTIVE, billing_anchor=day(2026, 8, 31))
    found = effect(
        CouponTerms(Decimal(50), None, "repeating", 2),
        preview(line(starts_at=first), off_minor={"di_new": 1450}),
        subscription,
        now=day(2027, 2, 10),
    )

    assert found is not None
    assert found.from_then_on == (
        monthly(1450, until=day(2027, 3, 31)),
        monthly(2900, since=day(2027, 4, 30)),
    )


# --- pauses, trials, custom offers ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("months", "at"), [(1, day(2027, 1, 26)), (2, day(2027, 2, 26)), (3, day(2027, 3, 26))]
)
def test_pause_says_when_the_first_payment_after_it_is(months: int, at: datetime) -> None:
    assert effect(PauseTerms("month", months, at_period_end=True), preview()) == PriceEffect(
        NOTHING, NextRow(NextKind.PLAIN, eur(2900), at), (monthly(2900),)
    )


@pytest.mark.parametrize(
    "rules",
    [OfferRules(pause_mechanism="pause"), OfferRules(pause_behavior="keep_as_draft")],
    ids=["service", "drafts"],
)
def test_pause_after_which_more_may_be_due_has_no_price(rules: OfferRules) -> None:
    assert effect(PAUSE_2, preview(), rules=rules) is None


def test_pause_of_another_kind_and_one_without_a_next_payment_have_no_price() -> None:
    assert effect(PauseTerms("billing_cycle", 2, at_period_end=True), preview()) is None
    assert effect(PAUSE_2, preview(), dataclasses.replace(ACTIVE, current_period_end=None)) is None
    daily = dataclasses.replace(PRO, interval="day")
    long = PauseTerms("month", 14, at_period_end=True)
    assert effect(long, preview(), dataclasses.replace(ACTIVE, items=(daily,))) is None


@pytest.mark.parametrize(
    "changes",
    [{}, {"status": "trialing", "trial_end": DUE}],
    ids=["paid for until then", "in a trial until then"],
)
def test_trial_says_when_the_first_payment_is(changes: dict[str, Any]) -> None:
    subscription = dataclasses.replace(ACTIVE, **changes)

    assert effect(TRIAL, preview(), subscription) == PriceEffect(
        NOTHING, NextRow(NextKind.UNLESS_CANCELED, eur(2900), day(2027, 1, 7)), (monthly(2900),)
    )


def test_trial_that_cannot_be_had_or_whose_payment_is_unknown_has_no_price() -> None:
    assert effect(TrialTerms(0), preview()) is None
    assert effect(TRIAL, preview(balance_minor=-1)) is None


def test_custom_offer_changes_nothing() -> None:
    assert effect(CustomTerms(), preview(proration_date=7)) == PriceEffect(
        TodayRow(TodayKind.NOTHING_CHANGES),
        NextRow(NextKind.AS_BEFORE, eur(2900), DUE),
        (monthly(2900, as_before=True),),
        proration_date=7,
    )
    assert effect(CustomTerms(), preview(balance_minor=-1)) is None


def test_usage_comes_on_top_and_a_preview_that_already_has_some_is_no_price() -> None:
    with_usage = dataclasses.replace(ACTIVE, items=(PRO, USAGE))

    found = effect(FOREVER, preview(line(), line(0, "price_usage"), off_minor={"d": 9}), with_usage)
    assert found is not None
    assert found.plus_usage
    used = preview(line(), line(77, "price_usage"), off_minor={"d": 9})
    assert effect(FOREVER, used, with_usage) is None


@pytest.mark.parametrize("terms", [ONCE, PAUSE_2, TRIAL, CustomTerms()], ids=["1", "2", "3", "4"])
@pytest.mark.parametrize(
    "found",
    [
        dataclasses.replace(HALF, currency="usd"),
        dataclasses.replace(HALF, due_minor=1),
        dataclasses.replace(HALF, lines=()),
        preview(line(), line(starts_at=NEXT)),
        preview(line(), line(ends_at=DUE + timedelta(1))),
        preview(line(0)),
    ],
    ids=["currency", "sum", "no lines", "two starts", "two ends", "nothing"],
)
def test_preview_that_does_not_add_up_has_no_price(terms: Terms, found: Preview) -> None:
    assert effect(terms, found) is None


def test_items_that_are_paid_at_different_times_have_no_price() -> None:
    yearly = dataclasses.replace(PRO, item_id="si_3", interval="year")
    mixed = dataclasses.replace(ACTIVE, items=(PRO, yearly))

    for terms in (ONCE, PAUSE_2, CustomTerms()):
        assert effect(terms, HALF, mixed) is None


def test_items_that_are_paid_nobody_knows_how_often_have_no_price() -> None:
    odd = dataclasses.replace(ACTIVE, items=(dataclasses.replace(PRO, interval="fortnight"),))

    for terms in (ONCE, PAUSE_2, CustomTerms()):
        assert effect(terms, HALF, odd) is None


# --- beside a pause, or a payment that is open ------------------------------------------------------------


def paused(behavior: str, until: datetime | None = None) -> Subscription:
    return dataclasses.replace(ACTIVE, paused=CollectionPause(behavior, until))


# The payment of 26 January is the first that is taken.
RESUMES = paused("void", DUE + timedelta(days=20))


def test_discount_for_ever_beside_a_pause_begins_with_the_payment_after_it() -> None:
    assert effect(FOREVER, HALF, RESUMES) == PriceEffect(
        NOTHING, NextRow(NextKind.PLAIN, eur(1450), NEXT, instead_of=eur(2900)), (monthly(1450),)
    )


@pytest.mark.parametrize(
    ("until", "months", "at", "rates"),
    [
        # Three months from 5 December: until 5 March.
        (DUE - timedelta(days=2), 3, DUE, (day(2027, 2, 26), day(2027, 3, 26))),
        (DUE + timedelta(days=20), 3, NEXT, (day(2027, 2, 26), day(2027, 3, 26))),
        (NEXT + timedelta(days=20), 3, day(2027, 2, 26), (None, None)),
        (day(2027, 3, 2), 3, None, (None, None)),
        (day(2027, 3, 2), 6, day(2027, 3, 26), (day(2027, 5, 26), day(2027, 6, 26))),
    ],
    ids=["over before", "one left out", "one reduced", "none reduced", "longer"],
)
def test_discount_for_months_beside_a_pause_counts_the_payments_that_are_taken(
    until: datetime, months: int, at: datetime | None, rates: tuple[datetime | None, ...]
) -> None:
    terms = CouponTerms(Decimal(50), None, "repeating", months)

    found = effect(terms, HALF, paused("mark_uncollectible", until))

    assert (None if found is None else found.next_payment.at) == at
    if found is not None:
        lower, whole = found.from_then_on[0], found.from_then_on[-1]
        assert (lower.until, whole.since) == rates
        assert whole.amount == eur(2900)


def test_discount_for_one_payment_is_used_up_by_an_invoice_that_a_pause_gives_up() -> None:
    assert effect(ONCE, HALF, RESUMES) is None
    assert effect(ONCE, HALF, paused("void", DUE - timedelta(days=2))) == effect(ONCE, HALF)


def test_offer_of_the_applications_own_tells_the_payment_after_a_pause() -> None:
    found = effect(CustomTerms(), preview(), RESUMES)

    assert found is not None
    assert found.next_payment == NextRow(NextKind.AS_BEFORE, eur(2900), NEXT)
    assert effect(CustomTerms(), preview(balance_minor=-1), RESUMES) is None


COMES_FIRST: dict[str, Subscription] = {
    "a payment is overdue": dataclasses.replace(ACTIVE, status="past_due"),
    "payments were given up": dataclasses.replace(ACTIVE, status="unpaid"),
    "the first payment is missing": dataclasses.replace(ACTIVE, status="incomplete"),
    "the service stands still": dataclasses.replace(ACTIVE, status="paused"),
    "another price waits for its payment": dataclasses.replace(
        ACTIVE, pending_update=PendingUpdate(("price_2",), DUE)
    ),
    "Stripe lists only some of its items": dataclasses.replace(ACTIVE, has_more_items=True),
    "drafts are kept for the end of a pause": paused("keep_as_draft", DUE - timedelta(days=2)),
    "nobody knows when the pause ends": paused("void"),
    "the pause ends about when a payment is due": paused("void", DUE + timedelta(minutes=59)),
}


@pytest.mark.parametrize("name", COMES_FIRST)
def test_price_that_would_not_be_taken_is_told_for_no_offer(name: str) -> None:
    for terms in (FOREVER, FOR_3, ONCE):
        assert effect(terms, HALF, COMES_FIRST[name]) is None
    assert effect(CustomTerms(), preview(), COMES_FIRST[name]) is None


def test_pause_beside_another_pause_more_trial_and_another_plan_have_no_price() -> None:
    for terms in (PAUSE_2, TRIAL):
        assert effect(terms, preview(), RESUMES) is None
    assert effect(TO_BASIC, preview(line(900, "price_basic")), RESUMES, price=BASIC) is None


def test_who_pays_by_invoice_is_told_so() -> None:
    sent = dataclasses.replace(ACTIVE, charges_automatically=False)

    for terms in (FOREVER, FOR_3, ONCE, CustomTerms(), PAUSE_2, TRIAL):
        found = effect(terms, HALF if isinstance(terms, CouponTerms) else preview(), sent)
        assert found is not None
        assert found.by_invoice
        assert found.next_payment.amount in (eur(1450), eur(2900))
    going = going_on(sent)
    assert going is not None
    assert going.by_invoice


# --- another plan -----------------------------------------------------------------------------------------


def swapped(credit: int, charge: int, renewal: int, **changes: Any) -> Preview:
    return preview(
        line(credit, extra=True),
        line(charge, "price_basic", extra=True),
        line(renewal, "price_basic"),
        **changes,
    )


def test_cheaper_plan_at_once_uses_its_credit_up_before_anything_is_paid() -> None:
    assert effect(TO_BASIC, swapped(-2000, 600, 900, proration_date=7), price=BASIC) == PriceEffect(
        TodayRow(TodayKind.CREDIT_IS_KEPT, eur(1400)),
        NextRow(NextKind.AFTER_CREDIT, eur(400), NEXT),
        (monthly(900),),
        proration_date=7,
    )


def test_credit_that_is_smaller_than_the_next_payment_makes_that_one_smaller() -> None:
    found = effect(TO_BASIC, swapped(-1000, 300, 900), price=BASIC)

    assert found is not None
    assert found.today == TodayRow(TodayKind.CREDIT_IS_KEPT, eur(700))
    assert found.next_payment == NextRow(NextKind.AFTER_CREDIT, eur(200), DUE)


def test_credit_that_is_the_next_payment_to_the_cent_leaves_the_one_after_whole() -> None:
    found = effect(TO_BASIC, swapped(-1200, 300, 900), price=BASIC)

    assert found is not None
    assert found.next_payment == NextRow(NextKind.AFTER_CREDIT, eur(900), NEXT)


def test_dearer_plan_at_once_charges_the_difference_with_the_next_payment() -> None:
    found = effect(TO_BASIC, swapped(-2000, 3400, 4900), price=BASIC)

    assert found == PriceEffect(NOTHING, NextRow(NextKind.PLAIN, eur(6300), DUE), (monthly(4900),))


def test_customers_credit_counts_as_well() -> None:
    found = effect(TO_BASIC, swapped(-100, 300, 900, balance_minor=-500), price=BASIC)

    assert found is not None
    assert found.today == NOTHING
    assert found.next_payment == NextRow(NextKind.AFTER_CREDIT, eur(600), DUE)


def test_plan_with_another_interval_is_paid_today() -> None:
    yearly = Price("price_basic", "year", 1, is_metered=False)
    in_a_year = NOW + timedelta(365)
    renewal = line(9900, "price_basic", starts_at=NOW, ends_at=in_a_year)
    found = preview(line(-1900, extra=True), renewal)

    assert effect(TO_BASIC, found, price=yearly) == PriceEffect(
        TodayRow(TodayKind.PAY, eur(8000)),
        NextRow(NextKind.PLAIN, eur(9900), in_a_year),
        (Rate(eur(9900), "year", 1),),
    )


def test_plan_that_is_paid_today_with_credit_left_over_says_when_it_is_used_up() -> None:
    renewal = line(900, "price_basic", starts_at=NOW, ends_at=NOW + timedelta(31))
    item = dataclasses.replace(PRO, interval="year")

    found = effect(
        TO_BASIC,
        preview(line(-2000, extra=True), renewal),
        dataclasses.replace(ACTIVE, items=(item,)),
        price=BASIC,
    )

    assert found is not None
    assert found.today == TodayRow(TodayKind.CREDIT_IS_KEPT, eur(2000))
    assert found.next_payment == NextRow(
        NextKind.AFTER_CREDIT, eur(700), day(2027, 2, 5).replace(hour=15, minute=4)
    )


@pytest.mark.parametrize(
    ("found", "price"),
    [
        (swapped(-2000, 600, 900), None),
        (swapped(-2000, 600, 900), Price("price_other", "month", 1, is_metered=False)),
        (swapped(-2000, 600, 900), Price("price_basic", "month", 1, is_metered=True)),
        (swapped(-2000, 600, 900), Price("price_basic", "fortnight", 1, is_metered=False)),
        (swapped(-2000, 600, 0), BASIC),
        (swapped(-900_000, 600, 900), BASIC),
        (swapped(-2000, 600, 900, tax="added"), BASIC),
    ],
    ids=["unread", "another", "metered", "a new interval", "free", "endless credit", "tax"],
)
def test_plan_that_is_not_certain_has_no_price(found: Preview, price: Price | None) -> None:
    assert effect(TO_BASIC, found, price=price) is None


def test_discount_on_a_line_that_comes_once_leaves_the_regular_sum_unknown() -> None:
    loyal = dataclasses.replace(ACTIVE, discounts=(LOYAL,))
    on_both = preview(
        line(500, extra=True, is_discountable=True), line(), off_minor={"di_loyal": 340}
    )

    assert effect(CustomTerms(), on_both, loyal) is None


LATER = PlanTerms("price_basic", prorate=True, at_period_end=True)


@pytest.mark.parametrize("starts_at", [DUE, NOW], ids=["same interval", "billed at once alone"])
def test_plan_at_the_periods_end_comes_with_the_next_payment(starts_at: datetime) -> None:
    found = effect(LATER, preview(line(900, "price_basic", starts_at=starts_at)), price=BASIC)

    assert found == PriceEffect(
        TodayRow(TodayKind.PLAN_IS_KEPT), NextRow(NextKind.PLAIN, eur(900), DUE), (monthly(900),)
    )


def test_plan_at_the_periods_end_without_a_next_payment_has_no_price() -> None:
    endless = dataclasses.replace(ACTIVE, current_period_end=None)

    assert effect(LATER, preview(line(900, "price_basic")), endless, price=BASIC) is None


def test_plan_beside_another_item_must_be_paid_together_with_it() -> None:
    seats = dataclasses.replace(PRO, item_id="si_4", price_id="price_seats")
    two = dataclasses.replace(ACTIVE, items=(PRO, seats))
    yearly = Price("price_basic", "year", 1, is_metered=False)

    assert effect(TO_BASIC, swapped(-2000, 600, 900), two, price=BASIC) is not None
    assert effect(TO_BASIC, swapped(-2000, 600, 900), two, price=yearly) is None


# --- taking something back --------------------------------------------------------------------------------


def going_on(
    subscription: Subscription, found: Preview | None = None, *, ends_pause: bool = True
) -> PriceEffect | None:
    found = found or preview(tax="included")
    return price_of_going_on(subscription, found, now=NOW, ends_pause=ends_pause)


@pytest.mark.parametrize(
    ("until", "at"),
    [
        # Before the payment that Stripe previews, as most pauses are when they are about to end.
        (DUE - timedelta(hours=1), DUE),
        (NEXT - timedelta(hours=1), NEXT),
        (NEXT + timedelta(days=1), datetime(2027, 2, 26, tzinfo=UTC)),
        # Whether that payment is taken or not is a matter of seconds.
        (DUE - timedelta(minutes=59), None),
        (DUE + timedelta(minutes=59), None),
        (None, None),
        (NOW + timedelta(days=365 * 40), None),
    ],
    ids=[
        "at once",
        "one payment is left out",
        "two are",
        "just before",
        "just after",
        "no end",
        "ages",
    ],
)
def test_what_stays_paused_is_paid_after_the_pause(
    until: datetime | None, at: datetime | None
) -> None:
    found = going_on(paused("void", until), ends_pause=False)

    assert (None if found is None else found.next_payment.at) == at
    assert found is None or found.next_payment.amount == eur(2900)


@pytest.mark.parametrize(
    "subscription", [paused("void"), dataclasses.replace(ACTIVE, cancel_at_period_end=True)]
)
def test_what_goes_on_is_paid_as_before_from_the_next_payment_on(
    subscription: Subscription,
) -> None:
    assert going_on(subscription) == PriceEffect(
        NOTHING, NextRow(NextKind.PLAIN, eur(2900), DUE), (monthly(2900),), tax="included"
    )


NO_PRICE: dict[str, tuple[Subscription, Preview]] = {
    "drafts were kept": (paused("keep_as_draft"), preview()),
    "the service stands still": (dataclasses.replace(ACTIVE, status="paused"), preview()),
    "a payment is overdue": (dataclasses.replace(ACTIVE, status="past_due"), preview()),
    "another currency": (ACTIVE, dataclasses.replace(preview(), currency="usd")),
    "paid at different times": (
        dataclasses.replace(
            ACTIVE, items=(PRO, dataclasses.replace(PRO, price_id="price_y", interval="year"))
        ),
        preview(),
    ),
    "credit is used up first": (ACTIVE, preview(balance_minor=-100)),
}


@pytest.mark.parametrize("name", NO_PRICE)
def test_nothing_is_said_of_a_price_that_is_not_certain(name: str) -> None:
    assert going_on(*NO_PRICE[name]) is None
