"""An offer that the vendor carries out is done when Stripe shows it, however early or late we look."""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aiocancel.core.actions import Done, Receipt, Refuse, Wait
from aiocancel.core.codes import AnyCode, Code
from aiocancel.core.identifiers import SubscriptionId
from aiocancel.core.offers.expect import (
    Baseline,
    baseline_from_json,
    baseline_to_json,
    patience_s,
    vendor_offer_step,
)
from aiocancel.core.offers.terms import (
    AcceptedOffer,
    CouponDuration,
    CouponTerms,
    CustomTerms,
    PauseTerms,
    PlanTerms,
    Terms,
    TrialTerms,
)
from aiocancel.core.subscription import AppliedDiscount, CollectionPause, Item, Subscription
from aiocancel.errors import UnreadableLedgerError

ACCEPTED = datetime(2027, 3, 8, 12, tzinfo=UTC)
DUE = datetime(2027, 4, 1, tzinfo=UTC)
LONG_AGO = ACCEPTED - timedelta(days=90)
HOUR = timedelta(hours=1)

BEFORE = Subscription(
    subscription_id=SubscriptionId("sub_1"),
    status="active",
    livemode=False,
    cancel_at_period_end=False,
    cancel_at=None,
    canceled_at=None,
    ended_at=None,
    current_period_end=DUE,
    schedule_id=None,
    items=(Item("si_1", "price_pro", "month", 1, is_metered=False),),
    discounts=(AppliedDiscount("di_old", "LOYAL", LONG_AGO),),
)
# The first look came before the vendor did anything.
EARLY = Baseline.of(BEFORE, seen_at=ACCEPTED)

TERMS: dict[str, Terms] = {
    "a defined coupon": CouponTerms(Decimal(25), None, "repeating", months=3),
    "an existing coupon": CouponTerms(None, None, "once", coupon_id="WINBACK"),
    "a trial extension": TrialTerms(14),
    "another plan": PlanTerms("price_basic", prorate=True),
    "a pause": PauseTerms("month", 2, at_period_end=False),
}


def offer(terms: Terms, accepted_at: datetime | None = ACCEPTED) -> AcceptedOffer:
    return AcceptedOffer("offr_1", terms, accepted_at=accepted_at)


def discounted(*discounts: AppliedDiscount) -> Subscription:
    return dataclasses.replace(BEFORE, discounts=(*BEFORE.discounts, *discounts))


def on_trial(ends: datetime | None, status: str = "trialing") -> Subscription:
    return dataclasses.replace(BEFORE, status=status, trial_end=ends)


SHOWN = [
    ("a defined coupon", discounted(AppliedDiscount("di_new", "made_by_vendor", ACCEPTED))),
    ("an existing coupon", discounted(AppliedDiscount("di_new", "WINBACK", ACCEPTED))),
    ("an existing coupon", discounted(AppliedDiscount("di_had_it", "WINBACK", LONG_AGO))),
    ("a trial extension", on_trial(ACCEPTED + timedelta(days=14))),
    ("a trial extension", on_trial(ACCEPTED + timedelta(days=14) - HOUR)),
    ("a trial extension", on_trial(ACCEPTED + timedelta(days=40))),
    (
        "another plan",
        dataclasses.replace(
            BEFORE, items=(*BEFORE.items, Item("si_2", "price_basic", "month", 1, False))
        ),
    ),
    ("a pause", dataclasses.replace(BEFORE, paused=CollectionPause("void", None))),
    ("a pause", dataclasses.replace(BEFORE, status="paused")),
]


@pytest.mark.parametrize(
    ("duration", "months", "ends_at", "is_long"),
    [
        pytest.param("repeating", 3, ACCEPTED + timedelta(days=1), False, id="it ends tomorrow"),
        pytest.param("repeating", 3, ACCEPTED + timedelta(days=93), True, id="it lasts as long"),
        pytest.param("repeating", None, DUE, False, id="nobody says for how many months"),
        pytest.param("repeating", 10**6, DUE, False, id="longer than any calendar"),
        pytest.param("forever", None, DUE, False, id="it ends at all"),
        pytest.param("forever", None, None, True, id="it does not end"),
        pytest.param("once", None, DUE - HOUR, False, id="it ends before the payment"),
        pytest.param("once", None, DUE + HOUR, True, id="it is there for the payment"),
    ],
)
def test_a_discount_from_before_counts_where_it_lasts_as_long_as_the_offered_one(
    duration: CouponDuration, months: int | None, ends_at: datetime | None, is_long: bool
) -> None:
    terms = CouponTerms(Decimal(25), None, duration, months, coupon_id="WINBACK")
    had = discounted(AppliedDiscount("di_had_it", "WINBACK", LONG_AGO, ends_at=ends_at))
    late = Baseline.of(had, seen_at=ACCEPTED)

    step = vendor_offer_step(offer(terms), late, had)
    assert step == (Done(Receipt.of(had)) if is_long else Wait(Code.ANOTHER_DISCOUNT))
    # One that comes now is the vendor's.
    gives = AppliedDiscount("di_new", "WINBACK", ACCEPTED, ends_at=ends_at)
    given = discounted(*had.discounts[1:], gives)
    assert vendor_offer_step(offer(terms), late, given) == Done(Receipt.of(given))


@pytest.mark.parametrize(("name", "subscription"), SHOWN)
@pytest.mark.parametrize("acted", ["after the first look", "before the first look"])
def test_an_offer_that_stripe_shows_is_done_whether_or_not_the_vendor_was_faster(
    name: str, subscription: Subscription, acted: str
) -> None:
    late = Baseline.of(subscription, seen_at=ACCEPTED)
    baseline = EARLY if acted == "after the first look" else late
    assert vendor_offer_step(offer(TERMS[name]), baseline, subscription) == Done(
        Receipt.of(subscription)
    )


NOT_SHOWN = [
    ("a defined coupon", BEFORE, Code.ANOTHER_DISCOUNT),
    ("a defined coupon", dataclasses.replace(BEFORE, discounts=()), Code.NO_DISCOUNT),
    (
        "an existing coupon",
        discounted(AppliedDiscount("di_new", "OTHER", ACCEPTED)),
        Code.ANOTHER_DISCOUNT,
    ),
    ("an existing coupon", dataclasses.replace(BEFORE, discounts=()), Code.NO_DISCOUNT),
    ("a trial extension", BEFORE, Code.NO_TRIAL),
    ("a trial extension", on_trial(ACCEPTED + timedelta(days=30), status="active"), Code.NO_TRIAL),
    (
        "a trial extension",
        on_trial(ACCEPTED + timedelta(days=14) - HOUR - timedelta(seconds=1)),
        Code.SHORTER_TRIAL,
    ),
    ("another plan", BEFORE, Code.ANOTHER_PRICE),
    ("a pause", BEFORE, Code.NO_PAUSE),
]


@pytest.mark.parametrize(("name", "subscription", "seen"), NOT_SHOWN)
def test_what_stripe_does_not_show_is_waited_for_and_never_written(
    name: str, subscription: Subscription, seen: AnyCode
) -> None:
    assert vendor_offer_step(offer(TERMS[name]), EARLY, subscription) == Wait(seen)


@pytest.mark.parametrize("name", TERMS)
def test_a_subscription_that_has_ended_shows_no_offer(name: str) -> None:
    ended = dataclasses.replace(
        BEFORE,
        status="canceled",
        discounts=(AppliedDiscount("di_new", "WINBACK", ACCEPTED),),
        paused=CollectionPause("void", None),
    )
    assert vendor_offer_step(offer(TERMS[name]), EARLY, ended) == Wait(Code.SUBSCRIPTION_HAS_ENDED)


@pytest.mark.parametrize(
    ("started_at", "shown"),
    [
        (ACCEPTED - HOUR, True),
        (ACCEPTED - HOUR - timedelta(seconds=1), False),
        (None, False),
    ],
)
def test_a_discount_of_the_first_look_counts_only_if_it_began_about_when_the_offer_was_accepted(
    started_at: datetime | None, shown: bool
) -> None:
    subscription = discounted(AppliedDiscount("di_new", "made_by_vendor", started_at))
    late = Baseline.of(subscription, seen_at=ACCEPTED)
    step = vendor_offer_step(offer(TERMS["a defined coupon"]), late, subscription)
    assert isinstance(step, Done) is shown


def test_where_nobody_says_when_the_offer_was_accepted_the_first_look_is_taken_for_it() -> None:
    terms = TERMS["a trial extension"]
    later = Baseline.of(BEFORE, seen_at=ACCEPTED + timedelta(days=5))
    subscription = on_trial(ACCEPTED + timedelta(days=14))
    assert isinstance(vendor_offer_step(offer(terms), later, subscription), Done)
    assert vendor_offer_step(offer(terms, None), later, subscription) == Wait(Code.SHORTER_TRIAL)


@pytest.mark.parametrize(
    ("terms", "code"),
    [
        (CouponTerms(Decimal(25), None, "once", to_customer=True), "customer_coupons_do_not_show"),
        (CustomTerms(), "custom_offer_is_not_stripes"),
    ],
)
def test_what_no_subscription_can_show_is_said_to_be_so(terms: Terms, code: Code) -> None:
    assert vendor_offer_step(offer(terms), EARLY, BEFORE) == Refuse(code)


@pytest.mark.parametrize("name", TERMS)
def test_only_a_pause_at_the_end_of_the_period_takes_patience(name: str) -> None:
    assert patience_s(offer(TERMS[name]), EARLY, now=ACCEPTED) == 0


@pytest.mark.parametrize(
    ("now", "due", "expected"),
    [
        (DUE - HOUR, DUE, 2 * 3600),
        (DUE + HOUR - timedelta(seconds=1), DUE, 1),
        (DUE + HOUR, DUE, 0),
        (DUE + timedelta(days=9), DUE, 0),
        (DUE, None, 0),
    ],
)
def test_a_pause_at_the_end_of_the_period_need_not_show_until_an_hour_after_it(
    now: datetime, due: datetime | None, expected: float
) -> None:
    pause = offer(PauseTerms("month", 1, at_period_end=True))
    assert patience_s(pause, dataclasses.replace(EARLY, due=due), now=now) == expected


moments = st.datetimes(
    datetime(2020, 1, 1),
    datetime(2040, 1, 1),
    timezones=st.just(UTC),
).map(lambda moment: moment.replace(microsecond=0))
baselines = st.builds(
    Baseline, moments, st.frozensets(st.text(max_size=8), max_size=4), st.none() | moments
)


@given(baseline=baselines)
@settings(max_examples=100)
def test_a_first_look_comes_back_from_json_as_it_went(baseline: Baseline) -> None:
    assert baseline_from_json(json.loads(json.dumps(baseline_to_json(baseline)))) == baseline


# As the ledger holds it: what one release stored, every later one has to read.
@pytest.mark.parametrize(
    ("baseline", "text"),
    [
        (EARLY, '{"seen_at": 1804507200, "discounts": ["di_old"], "due": 1806537600}'),
        (
            Baseline(LONG_AGO, frozenset({"di_b", "di_a", "di_ü"}), None),
            '{"seen_at": 1796731200, "discounts": ["di_a", "di_b", "di_ü"], "due": null}',
        ),
        (
            Baseline(ACCEPTED, frozenset(), DUE),
            '{"seen_at": 1804507200, "discounts": [], "due": 1806537600}',
        ),
    ],
)
def test_a_first_look_is_stored_in_the_text_that_every_release_reads(
    baseline: Baseline, text: str
) -> None:
    assert json.dumps(baseline_to_json(baseline), ensure_ascii=False) == text
    assert baseline_from_json(json.loads(text)) == baseline


def test_a_first_look_with_a_field_of_a_newer_release_is_never_half_read() -> None:
    with pytest.raises(UnreadableLedgerError, match="mood"):
        baseline_from_json(baseline_to_json(EARLY) | {"mood": "good"})


@given(
    baseline=baselines,
    days=st.integers(1, 10**12),
    name=st.sampled_from(sorted(TERMS)),
    accepted=st.none() | moments,
)
@settings(max_examples=100)
def test_watching_never_writes_and_never_fails(
    baseline: Baseline, days: int, name: str, accepted: datetime | None
) -> None:
    for terms in (TERMS[name], TrialTerms(days)):
        assert isinstance(vendor_offer_step(offer(terms, accepted), baseline, BEFORE), Done | Wait)


@pytest.mark.parametrize("started_at", [None, LONG_AGO])
def test_a_discount_that_the_first_look_had_not_is_the_vendors_whenever_it_says_it_began(
    started_at: datetime | None,
) -> None:
    subscription = discounted(AppliedDiscount("di_new", "made_by_vendor", started_at))

    step = vendor_offer_step(offer(TERMS["a defined coupon"]), EARLY, subscription)

    assert step == Done(Receipt.of(subscription))
