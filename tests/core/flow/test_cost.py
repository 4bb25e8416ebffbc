"""The most that offers cost a year is a bound, and never lower than what can be given."""

from __future__ import annotations

from decimal import Decimal

import pytest

from aiocancel.core.flow.cost import (
    MONTHLY,
    YEARLY,
    Cost,
    cost_at_most,
    cost_of,
    gifts_a_year,
    highest_cost,
)
from aiocancel.core.flow.definition import (
    CouponOffer,
    FlowDefinition,
    FlowOffer,
    HandledOffer,
    PauseOffer,
    PlanOffer,
    TrialOffer,
)
from aiocancel.core.offers.offer_rules import DEFAULT_RULES, OfferRules
from aiocancel.core.offers.terms import OfferLimits
from aiocancel.core.subscription import Rhythm

HALF_3 = CouponOffer("o", percent_off=50, months=3)
ONCE = CouponOffer("o", percent_off=50)
TEN = CouponOffer("o", amount_off={"eur": 1000, "usd": 900}, months=3)
BREAK = PauseOffer("o", months=(1, 2, 3), sentence="x")
WEEKLY: Rhythm = ("week", 1)
QUARTERLY: Rhythm = ("month", 3)


@pytest.mark.parametrize(
    ("offer", "rhythm", "gifts", "percent"),
    [
        (HALF_3, MONTHLY, 1, "12.5"),
        (HALF_3, QUARTERLY, 1, "12.5"),
        (HALF_3, YEARLY, 1, "0"),
        (HALF_3, MONTHLY, 3, "37.5"),
        (HALF_3, MONTHLY, 9, "100"),
        (HALF_3, MONTHLY, None, "100"),
        (ONCE, MONTHLY, 1, "4.2"),
        (ONCE, YEARLY, 1, "50.0"),
        (CouponOffer("o", percent_off=10, months="forever"), MONTHLY, 1, "10.0"),
        (CouponOffer("o", percent_off=10, months=36), MONTHLY, 1, "10.0"),
        (CouponOffer("o", percent_off=10, months=36), YEARLY, 1, "10.0"),
        (TrialOffer("o", 14), MONTHLY, 1, "3.9"),
        (TrialOffer("o", 730), MONTHLY, 1, "100"),
        (BREAK, MONTHLY, 1, "25.0"),
        (BREAK, QUARTERLY, 1, "25.0"),
        (BREAK, YEARLY, 1, "0"),
    ],
)
def test_share_of_a_years_payments_is_rounded_up(
    offer: FlowOffer, rhythm: Rhythm, gifts: int | None, percent: str
) -> None:
    assert cost_of(offer, rhythm, DEFAULT_RULES, gifts).percent == Decimal(percent)


def test_weekly_payments_are_all_counted() -> None:
    # Three months have at most 14 payments a week apart.
    found = cost_of(HALF_3, WEEKLY, DEFAULT_RULES, 1)

    assert Decimal("12.5") <= found.percent <= Decimal("14")


def test_bound_of_the_owner_on_discounted_payments_counts() -> None:
    short = OfferRules(most_months_of_a_discounted_payment=3)
    long = OfferRules(most_months_of_a_discounted_payment=12)

    assert cost_of(ONCE, YEARLY, short, 1).percent == 0
    assert cost_of(HALF_3, YEARLY, long, 1).percent == 50


def test_the_most_that_an_offer_costs_is_that_of_the_dearest_rhythm() -> None:
    until_a_quarter = OfferRules(most_months_of_a_discounted_payment=3)
    yearly = CouponOffer("o", amount_off={"eur": 1000}, months=12)

    # Neither a monthly nor a yearly payment is the dearest one that may be discounted.
    assert cost_of(ONCE, MONTHLY, until_a_quarter, 1).percent == Decimal("4.2")
    assert cost_of(ONCE, YEARLY, until_a_quarter, 1).percent == 0
    assert cost_at_most(ONCE, until_a_quarter, 1).percent == Decimal("12.5")
    assert cost_at_most(ONCE, OfferRules(most_months_of_a_discounted_payment=6), 1).percent == 25
    assert cost_of(yearly, WEEKLY, DEFAULT_RULES, 1).amounts == {"eur": 53_000}
    assert cost_at_most(yearly, DEFAULT_RULES, 1).amounts["eur"] >= 53_000


def test_fixed_sums_are_counted_by_currency() -> None:
    assert cost_of(TEN, MONTHLY, DEFAULT_RULES, 2) == Cost(
        amounts={"eur": 6000, "usd": 5400}, gifts=2
    )
    assert cost_of(TEN, YEARLY, DEFAULT_RULES, 2) == Cost(gifts=2)
    assert not cost_of(TEN, MONTHLY, DEFAULT_RULES, None).is_known


@pytest.mark.parametrize(
    "offer", [PlanOffer("o", "price_b"), HandledOffer("o", "t", "s", "v")], ids=["plan", "custom"]
)
def test_cost_of_another_plan_and_of_a_handler_is_not_known(offer: FlowOffer) -> None:
    assert cost_of(offer, MONTHLY, DEFAULT_RULES, 1) == Cost(is_known=False)


@pytest.mark.parametrize(
    ("ours", "limit", "gifts"),
    [(None, None, None), (365, None, 2), (366, None, 1), (30, 180, 3), (180, 30, 3), (1, 1, 366)],
)
def test_gifts_of_a_year_follow_from_the_days_between_them(
    ours: int | None, limit: int | None, gifts: int | None
) -> None:
    definition = FlowDefinition(at_most_one_gift_in_days=ours)

    assert gifts_a_year(definition, OfferLimits(at_most_one_gift_in_days=limit)) == gifts


def test_bound_on_a_mix_is_that_of_the_dearest() -> None:
    costs = [
        Cost(Decimal(10), gifts=3),
        Cost(Decimal(20), {"eur": 5}, gifts=3),
        Cost(amounts={"eur": 3, "usd": 2}, is_known=False, gifts=3),
    ]

    assert highest_cost(costs) == Cost(Decimal(20), {"eur": 5, "usd": 2}, is_known=False, gifts=3)
    assert highest_cost([]) == Cost()


def test_cost_reads_as_english() -> None:
    assert Cost().in_words() == "nothing"
    assert Cost(is_known=False).in_words() == "nothing, and what is not known here"
    assert Cost(Decimal("12.5"), {"eur": 500}).in_words() == (
        "12.5% of a year's payments or 5.00 EUR"
    )
