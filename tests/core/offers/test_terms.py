"""Offers keep their terms through the ledger, and the owner's limits are judged one by one."""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aiocancel.core.offers.terms import (
    COUPON_DURATIONS,
    NO_LIMITS,
    PAUSE_INTERVALS,
    AcceptedOffer,
    CouponDuration,
    CouponTerms,
    CustomTerms,
    OfferLimits,
    PauseInterval,
    PauseTerms,
    PlanTerms,
    Promised,
    Terms,
    TrialTerms,
    breach,
    name_of,
    offer_from_json,
    offer_to_json,
)
from aiocancel.errors import ConfigurationError, UnreadableLedgerError

ids = st.text("abc_123", min_size=1, max_size=12)
amounts = st.decimals(min_value=Decimal("0.01"), max_value=100_000, places=2)
coupon_durations: st.SearchStrategy[CouponDuration] = st.sampled_from(COUPON_DURATIONS)
pause_intervals: st.SearchStrategy[PauseInterval] = st.sampled_from(PAUSE_INTERVALS)
terms: st.SearchStrategy[Terms] = st.one_of(
    st.builds(
        CouponTerms,
        percent_off=st.none() | amounts,
        amount_off=st.none() | amounts,
        duration=coupon_durations,
        months=st.none() | st.integers(1, 120),
        coupon_id=st.none() | ids,
        to_customer=st.booleans(),
    ),
    st.builds(TrialTerms, st.integers(1, 730)),
    st.builds(PlanTerms, ids, st.booleans()),
    st.builds(PauseTerms, pause_intervals, st.integers(0, 730), st.booleans()),
    st.builds(CustomTerms),
)
offers = st.builds(
    AcceptedOffer, ids, terms, st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=3)
)
limits = st.builds(
    OfferLimits,
    offer_ids=st.none() | st.frozensets(ids, max_size=2),
    price_ids=st.none() | st.frozensets(ids, max_size=2),
    coupon_ids=st.none() | st.frozensets(ids, max_size=2),
    max_percent=st.none() | st.decimals(0, 100, places=2),
    max_amount=st.none() | amounts,
    max_days=st.none() | st.integers(0, 730),
    max_months=st.none() | st.integers(0, 24),
)


def coupon(**changes: Any) -> CouponTerms:
    return CouponTerms(
        **{"percent_off": Decimal(25), "amount_off": None, "duration": "once", **changes}
    )


def fixed(amount: str, **changes: Any) -> CouponTerms:
    return coupon(percent_off=None, amount_off=Decimal(amount), **changes)


def pause(interval: PauseInterval, count: int = 1) -> PauseTerms:
    return PauseTerms(interval, count, at_period_end=False)


def broken(terms: Terms, **bounds: Any) -> str | None:
    return breach(AcceptedOffer("offr_1", terms), OfferLimits(**bounds))


# Limits


@given(offer=offers)
@settings(max_examples=60)
def test_without_limits_every_offer_is_allowed(offer: AcceptedOffer) -> None:
    assert breach(offer, NO_LIMITS) is None


@given(offer=offers, bounds=limits)
@settings(max_examples=150)
def test_an_offer_that_keeps_all_limits_keeps_each_of_them(
    offer: AcceptedOffer, bounds: OfferLimits
) -> None:
    each_alone = (
        OfferLimits(offer_ids=bounds.offer_ids),
        OfferLimits(price_ids=bounds.price_ids),
        OfferLimits(coupon_ids=bounds.coupon_ids),
        OfferLimits(max_percent=bounds.max_percent),
        OfferLimits(max_amount=bounds.max_amount),
        OfferLimits(max_days=bounds.max_days),
        OfferLimits(max_months=bounds.max_months),
    )
    broken_alone = [code for limit in each_alone if (code := breach(offer, limit)) is not None]
    first = breach(offer, bounds)

    assert (first is None) == (not broken_alone)
    assert first is None or first in broken_alone


@pytest.mark.parametrize(
    "terms",
    [coupon(), TrialTerms(1), PlanTerms("price_1", False), pause("month"), CustomTerms()],
    ids=repr,
)
def test_an_offer_outside_the_owners_list_is_refused_whatever_it_is(terms: Terms) -> None:
    assert broken(terms, offer_ids=frozenset({"offr_1"})) is None
    assert broken(terms, offer_ids=frozenset({"offr_2"})) == "offer_not_allowed"
    assert broken(terms, offer_ids=frozenset()) == "offer_not_allowed"


@pytest.mark.parametrize(
    ("terms", "bounds", "code"),
    [
        (coupon(coupon_id="SAVE"), {"coupon_ids": frozenset({"SAVE"})}, None),
        (coupon(coupon_id="SAVE"), {"coupon_ids": frozenset({"save"})}, "coupon_not_allowed"),
        (coupon(coupon_id="SAVE"), {"max_percent": Decimal(50)}, "coupon_is_not_on_the_list"),
        (
            coupon(coupon_id="SAVE"),
            {"max_percent": Decimal(50), "coupon_ids": frozenset({"SAVE"})},
            None,
        ),
        (coupon(), {"coupon_ids": frozenset()}, None),
        (coupon(), {"max_percent": Decimal(25)}, None),
        (coupon(), {"max_percent": Decimal("24.99")}, "percent_too_high"),
        (fixed("50"), {"max_percent": Decimal(1)}, None),
        (fixed("50.00"), {"max_amount": Decimal(50)}, None),
        (fixed("50.01"), {"max_amount": Decimal(50)}, "amount_too_high"),
        (coupon(percent_off=Decimal(100)), {"max_amount": Decimal(1)}, None),
        (coupon(), {"max_months": 0}, None),
        (coupon(duration="repeating", months=3), {"max_months": 3}, None),
        (coupon(duration="repeating", months=4), {"max_months": 3}, "too_many_months"),
        (coupon(duration="forever"), {"max_months": 120}, "too_many_months"),
        (coupon(duration="forever"), {"max_days": 1}, None),
    ],
)
def test_a_coupon_is_held_to_the_owners_limits(
    terms: Terms, bounds: dict[str, Any], code: str | None
) -> None:
    assert broken(terms, **bounds) == code


@pytest.mark.parametrize(
    ("terms", "bounds", "code"),
    [
        (TrialTerms(14), {"max_days": 14}, None),
        (TrialTerms(15), {"max_days": 14}, "too_many_days"),
        (TrialTerms(730), {"max_months": 1}, None),
        (PlanTerms("price_1", True), {"price_ids": frozenset({"price_1"})}, None),
        (PlanTerms("price_2", True), {"price_ids": frozenset({"price_1"})}, "price_not_allowed"),
        (PlanTerms("price_2", True), {"max_days": 0}, None),
        (CustomTerms(), {"max_days": 0, "max_months": 0, "price_ids": frozenset()}, None),
    ],
)
def test_a_trial_a_plan_and_a_custom_offer_are_held_to_theirs(
    terms: Terms, bounds: dict[str, Any], code: str | None
) -> None:
    assert broken(terms, **bounds) == code


@pytest.mark.parametrize(
    ("interval", "count", "is_allowed"),
    [
        ("month", 2, True),
        ("month", 3, False),
        ("billing_cycle", 1, False),
        ("billing_cycle", 3, False),
        ("week", 8, True),
        ("week", 9, False),
        ("day", 56, True),
        ("day", 57, False),
        ("indefinitely", 0, False),
    ],
)
def test_a_pause_may_not_be_longer_than_the_owner_allows(
    interval: PauseInterval, count: int, is_allowed: bool
) -> None:
    assert broken(pause(interval, count), max_months=2) == (
        None if is_allowed else "too_many_months"
    )
    assert broken(pause(interval, count), max_days=1) is None


# The ledger


@given(offer=offers)
@settings(max_examples=150)
def test_an_offer_comes_back_from_json_as_it_went(offer: AcceptedOffer) -> None:
    assert offer_from_json(json.loads(json.dumps(offer_to_json(offer)))) == offer


@given(offer=offers, accepted_at=st.datetimes(timezones=st.just(UTC)))
@settings(max_examples=30)
def test_the_moment_of_acceptance_comes_back_from_json(
    offer: AcceptedOffer, accepted_at: datetime
) -> None:
    expected = dataclasses.replace(offer, accepted_at=accepted_at)
    assert offer_from_json(json.loads(json.dumps(offer_to_json(expected)))) == expected


ACCEPTED = datetime(2027, 2, 10, 9, 30, 0, 250_000, tzinfo=UTC)
DUE = datetime(2027, 3, 1, tzinfo=UTC)
# As the ledger holds their terms: what one release stored, every later one has to read.
STORED_TERMS: dict[str, tuple[Terms, str]] = {
    "a coupon of a percentage": (
        CouponTerms(Decimal("12.50"), None, "repeating", months=3),
        '{"type": "coupon", "percent_off": "12.50", "amount_off": null, "duration": "repeating", '
        '"months": 3, "coupon_id": null, "to_customer": false}',
    ),
    "a coupon of an amount for the customer": (
        CouponTerms(None, Decimal("10.00"), "forever", to_customer=True),
        '{"type": "coupon", "percent_off": null, "amount_off": "10.00", "duration": "forever", '
        '"months": null, "coupon_id": null, "to_customer": true}',
    ),
    "a coupon that exists": (
        CouponTerms(None, None, "once", coupon_id="WINBACK"),
        '{"type": "coupon", "percent_off": null, "amount_off": null, "duration": "once", '
        '"months": null, "coupon_id": "WINBACK", "to_customer": false}',
    ),
    "a trial": (TrialTerms(14), '{"type": "trial_extension", "days": 14}'),
    "a plan": (
        PlanTerms("price_1", prorate=True),
        '{"type": "change_plan", "price_id": "price_1", "prorate": true}',
    ),
    "a plan at the period's end": (
        PlanTerms("price_1", prorate=False, at_period_end=True),
        '{"type": "change_plan", "price_id": "price_1", "prorate": false, "at_period_end": true}',
    ),
    "fewer seats": (
        PlanTerms("price_1", prorate=False, at_period_end=True, seats=2),
        '{"type": "change_plan", "price_id": "price_1", "prorate": false, "at_period_end": true, '
        '"seats": 2}',
    ),
    "a pause": (
        PauseTerms("billing_cycle", 2, at_period_end=True),
        '{"type": "pause", "interval": "billing_cycle", "count": 2, "at_period_end": true}',
    ),
    "a pause without an end": (
        PauseTerms("indefinitely", 0, at_period_end=False),
        '{"type": "pause", "interval": "indefinitely", "count": 0, "at_period_end": false}',
    ),
    "a custom offer": (CustomTerms(), '{"type": "custom"}'),
}
# And what may stand beside the terms.
STORED_BESIDE: dict[str, tuple[dict[str, Any], str]] = {
    "nothing": ({}, '"metadata": {}'),
    "the owner's own": ({"metadata": {"campaign": "käse"}}, '"metadata": {"campaign": "käse"}'),
    "when it was accepted": (
        {"accepted_at": ACCEPTED},
        '"metadata": {}, "accepted_at": "2027-02-10T09:30:00.250000+00:00"',
    ),
    "a promised price": (
        {"promised": Promised(1900, "eur", DUE)},
        '"metadata": {}, "promised": {"next_minor": 1900, "currency": "eur", "next_at": '
        '"2027-03-01T00:00:00+00:00", "proration_date": null, "due": null}',
    ),
    "a promised price of what is prorated": (
        {"accepted_at": DUE, "promised": Promised(0, "jpy", ACCEPTED, 1_803_000_000, DUE)},
        '"metadata": {}, "accepted_at": "2027-03-01T00:00:00+00:00", "promised": {"next_minor": '
        '0, "currency": "jpy", "next_at": "2027-02-10T09:30:00.250000+00:00", "proration_date": '
        '1803000000, "due": "2027-03-01T00:00:00+00:00"}',
    ),
}


@pytest.mark.parametrize("beside", STORED_BESIDE)
@pytest.mark.parametrize("name", STORED_TERMS)
def test_an_offer_is_stored_in_the_text_that_every_release_reads(name: str, beside: str) -> None:
    (terms, of_terms), (more, of_more) = STORED_TERMS[name], STORED_BESIDE[beside]
    offer = AcceptedOffer("offr_1", terms, **more)
    text = f'{{"offer_id": "offr_1", "terms": {of_terms}, {of_more}}}'

    assert json.dumps(offer_to_json(offer), ensure_ascii=False) == text
    assert offer_from_json(json.loads(text)) == offer


@pytest.mark.parametrize("name", STORED_TERMS)
def test_stored_terms_with_a_field_of_a_newer_release_are_never_half_read(name: str) -> None:
    terms = json.loads(STORED_TERMS[name][1]) | {"once_a_year": True}

    with pytest.raises(UnreadableLedgerError, match="once_a_year"):
        offer_from_json({"offer_id": "offr_1", "terms": terms, "metadata": {}})


def test_a_promised_price_with_a_field_of_a_newer_release_is_never_half_read() -> None:
    stored = offer_to_json(
        AcceptedOffer("offr_1", TrialTerms(3), promised=Promised(1900, "eur", DUE))
    )
    stored["promised"]["tax"] = 100

    with pytest.raises(UnreadableLedgerError, match="tax"):
        offer_from_json(stored)


def test_the_terms_of_every_offer_are_among_those_whose_stored_text_is_written_out() -> None:
    assert {type(terms) for terms, _ in STORED_TERMS.values()} == set(get_args(Terms))


@pytest.mark.parametrize(
    ("terms", "name"),
    [
        (CouponTerms(Decimal(10), None, "once"), "coupon"),
        (TrialTerms(3), "trial_extension"),
        (PlanTerms("price_1", prorate=False), "change_plan"),
        (PauseTerms("month", 1, at_period_end=False), "pause_subscription"),
        (CustomTerms(), "custom"),
    ],
)
def test_every_offer_has_one_word(terms: Terms, name: str) -> None:
    assert name_of(terms) == name


def test_an_amount_keeps_its_digits_in_json() -> None:
    written = offer_to_json(AcceptedOffer("offr_1", fixed("10.50", months=None)))
    assert written["terms"]["amount_off"] == "10.50"
    assert written["terms"]["percent_off"] is None


def test_an_offer_of_an_unknown_type_is_an_error_and_never_a_custom_offer() -> None:
    stored = {"offer_id": "offr_1", "terms": {"type": "free_year"}, "metadata": {}}

    with pytest.raises(UnreadableLedgerError, match="'free_year'"):
        offer_from_json(stored)


@pytest.mark.parametrize(
    "terms",
    [fixed("10.50", months=None), TrialTerms(7), PlanTerms("price_1", prorate=True), CustomTerms()],
)
def test_an_offer_with_a_field_of_a_newer_release_is_an_error_and_never_half_read(
    terms: Terms,
) -> None:
    stored = offer_to_json(AcceptedOffer("offr_1", terms))
    with pytest.raises(UnreadableLedgerError, match="sort"):
        offer_from_json(stored | {"sort": "gift"})

    stored["terms"]["once_a_year"] = True
    with pytest.raises(UnreadableLedgerError, match="once_a_year"):
        offer_from_json(stored)


@pytest.mark.parametrize("days", [0, -1, 3651])
def test_a_bound_on_gifts_over_time_is_a_number_of_days_that_makes_sense(days: int) -> None:
    with pytest.raises(ConfigurationError, match="at_most_one_gift_in_days"):
        OfferLimits(at_most_one_gift_in_days=days)


def test_gifts_may_be_unbounded_over_time() -> None:
    assert OfferLimits(at_most_one_gift_in_days=None).at_most_one_gift_in_days is None


@given(
    offer=offers,
    promised=st.builds(
        Promised,
        st.integers(0, 10**9),
        st.just("eur"),
        st.datetimes(timezones=st.just(UTC)),
        st.none() | st.integers(0, 10**10),
        st.none() | st.datetimes(timezones=st.just(UTC)),
    ),
)
def test_a_price_that_was_promised_is_stored_with_the_offer(
    offer: AcceptedOffer, promised: Promised
) -> None:
    expected = dataclasses.replace(offer, promised=promised)
    assert offer_from_json(json.loads(json.dumps(offer_to_json(expected)))) == expected


def test_an_offer_without_a_price_is_stored_as_the_release_before_reads_it() -> None:
    assert set(offer_to_json(AcceptedOffer("offr_1", TrialTerms(3)))) == {
        "offer_id",
        "terms",
        "metadata",
    }
