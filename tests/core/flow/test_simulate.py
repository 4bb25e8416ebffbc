"""A definition that is played over past customers says who would have been offered what, and never who would accept."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from aiocancel.core.flow.answers import NO_ANSWERS, Answers
from aiocancel.core.flow.conditions import column, country, reason
from aiocancel.core.flow.definition import (
    STANDARD_REASONS,
    CouponOffer,
    FlowDefinition,
    HandledOffer,
    TrialOffer,
)
from aiocancel.core.flow.simulate import Offered, PastSession, simulate
from aiocancel.core.flow.snapshot import Snapshot
from aiocancel.core.offers.offer_rules import DEFAULT_RULES

HALF = CouponOffer("half", percent_off=50, months=3, when=reason("too_expensive"))
TEN = CouponOffer("ten", amount_off={"eur": 1000}, months=1, when=country("DE"))
CALL = HandledOffer(
    "call", title="A call", sentence="We call you.", verb="Book", when=reason("unused")
)
DEFINITION = FlowDefinition(STANDARD_REASONS, (HALF, TEN, CALL))
DEAR = Answers("too_expensive")


def session(answers: Answers = NO_ANSWERS, **known: Any) -> PastSession:
    price = {"price_minor": 2900, "currency": "eur", "interval": "month", "interval_count": 1}
    snapshot = Snapshot(datetime(2026, 11, 1, tzinfo=UTC), **{**price, "country": "FR", **known})
    return PastSession(snapshot, answers)


def test_every_offer_whose_condition_holds_is_counted_as_the_one_before_it_may_be_left_out() -> (
    None
):
    found = simulate(
        DEFINITION,
        [session(DEAR), session(DEAR, country="DE"), session(country="DE")],
        DEFAULT_RULES,
    )

    assert {key: each.times for key, each in found.offers.items()} == {
        "half": 2,
        "ten": 2,
        "call": 0,
    }
    # Half of three of twelve payments, twice; ten euros twice, once behind the half that Stripe may not allow.
    assert found.offers["half"].amounts == {"eur": 2 * 4350}
    assert found.offers["ten"].amounts == {"eur": 2 * 1000}
    assert (found.sessions, found.nothing, found.unknown, found.without_snapshot) == (3, 0, 0, 0)


def test_customers_for_whom_nothing_holds_or_nothing_is_known_are_counted_apart() -> None:
    found = simulate(
        DEFINITION,
        [
            session(Answers("other")),
            session(Answers("other"), country=None),
            PastSession(None, DEAR),
        ],
        DEFAULT_RULES,
    )

    assert (found.nothing, found.unknown, found.without_snapshot) == (1, 1, 1)


def test_an_offer_that_more_may_have_been_made_than_can_be_told_says_to_how_many() -> None:
    """Where another offer is certain, too: "at most" would be none."""
    large = CouponOffer("large", percent_off=10, months=1, when=column("seats", at_least=5))
    both = FlowDefinition(STANDARD_REASONS, (CouponOffer("all", percent_off=10, months=1), large))
    sessions = [
        session(),
        session(columns={"seats": 9}),
        session(columns={"seats": 1}),
        session(country=None),
    ]

    found = simulate(both, sessions, DEFAULT_RULES)

    told = {key: (each.times, each.unknown) for key, each in found.offers.items()}
    assert told == {"all": (4, 0), "large": (1, 2)}
    assert (found.nothing, found.unknown) == (0, 0)


def test_a_reason_that_was_not_asked_or_that_the_definition_does_not_have_is_not_known() -> None:
    """As of a vendor's flow, which has answers of its own."""
    snapshot = session().snapshot
    sessions = [
        PastSession(snapshot, Answers("VENDORS_7")),
        PastSession(snapshot, NO_ANSWERS, was_asked=False),
        # A customer who was asked and gave no reason would have given none here.
        PastSession(snapshot, NO_ANSWERS),
        PastSession(session(country="DE").snapshot, Answers("VENDORS_7")),
    ]

    found = simulate(DEFINITION, sessions, DEFAULT_RULES)

    told = {key: (each.times, each.unknown) for key, each in found.offers.items()}
    assert told == {"half": (0, 3), "ten": (1, 0), "call": (0, 3)}
    assert (found.nothing, found.unknown) == (1, 2)


def test_a_cost_that_nobody_knows_is_said_instead_of_taken_for_nothing() -> None:
    sessions = [
        session(Answers("unused")),
        session(DEAR, price_minor=None),
        session(DEAR, currency=None),
        session(DEAR, interval=None),
    ]

    found = simulate(DEFINITION, sessions, DEFAULT_RULES)

    assert found.offers["call"] == Offered(1, {}, 1)
    assert found.offers["half"] == Offered(3, {}, 3)


def test_sums_stay_apart_by_currency_and_nobody_is_given_more_than_they_pay() -> None:
    always = FlowDefinition(
        STANDARD_REASONS, (CouponOffer("big", amount_off={"eur": 99_000, "jpy": 100}, months=1),)
    )
    sessions = [
        session(price_minor=100),
        session(price_minor=5000, currency="jpy"),
        session(currency="usd"),
    ]

    found = simulate(always, sessions, DEFAULT_RULES).offers["big"]

    assert found.amounts == {"eur": 1200, "jpy": 100, "usd": 0}


def test_a_rhythm_of_several_intervals_pays_less_often() -> None:
    always = FlowDefinition(STANDARD_REASONS, (TrialOffer("trial", 365),))

    (yearly, quarterly) = (
        simulate(always, [session(interval=interval, interval_count=count)], DEFAULT_RULES)
        for interval, count in (("year", 1), ("month", 3))
    )

    assert yearly.offers["trial"].amounts == {"eur": 2900}
    assert quarterly.offers["trial"].amounts == {"eur": 4 * 2900}


def test_a_payment_for_more_than_a_year_may_be_given_away_whole() -> None:
    always = FlowDefinition(
        STANDARD_REASONS, (CouponOffer("free", percent_off=100, months="once"),)
    )
    every_fifth_month = FlowDefinition(STANDARD_REASONS, (CouponOffer("free", 100, months=12),))

    two_years = simulate(always, [session(interval="year", interval_count=2)], DEFAULT_RULES)
    # Three of its payments fall into a year.
    five_months = simulate(every_fifth_month, [session(interval_count=5)], DEFAULT_RULES)

    assert two_years.offers["free"].amounts == {"eur": 2900}
    assert five_months.offers["free"].amounts == {"eur": 3 * 2900}
