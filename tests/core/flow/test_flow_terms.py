"""The terms of an offer of ours are those that a flow vendor's would have."""

from __future__ import annotations

from decimal import Decimal

import pytest

from aiocancel.core.codes import Code
from aiocancel.core.flow.definition import (
    CouponOffer,
    FlowOffer,
    HandledOffer,
    PauseOffer,
    PlanOffer,
    TrialOffer,
)
from aiocancel.core.flow.flow_terms import offer_terms
from aiocancel.core.offers.terms import (
    AcceptedOffer,
    CouponTerms,
    CustomTerms,
    PauseTerms,
    PlanTerms,
    Terms,
    TrialTerms,
)

BREAK = PauseOffer("o", months=(1, 3), sentence="You can read.")


@pytest.mark.parametrize(
    ("offer", "months", "terms"),
    [
        (CouponOffer("o", percent_off=50), None, CouponTerms(Decimal(50), None, "once")),
        (
            CouponOffer("o", percent_off=Decimal("12.5"), months=3),
            None,
            CouponTerms(Decimal("12.5"), None, "repeating", 3),
        ),
        (
            CouponOffer("o", amount_off={"eur": 1050}, months="forever"),
            None,
            CouponTerms(None, Decimal("10.50"), "forever"),
        ),
        (TrialOffer("o", 14), None, TrialTerms(14)),
        (BREAK, 3, PauseTerms("month", 3, at_period_end=True)),
        (PlanOffer("o", "price_basic"), None, PlanTerms("price_basic", prorate=True)),
        (
            PlanOffer("o", "price_basic", at="period_end"),
            None,
            PlanTerms("price_basic", prorate=True, at_period_end=True),
        ),
        (HandledOffer("o", "A call", "We talk.", "Book a call"), None, CustomTerms()),
    ],
    ids=[
        "once",
        "months",
        "amount",
        "trial",
        "pause",
        "plan",
        "plan at the period's end",
        "custom",
    ],
)
def test_offer_has_the_terms_that_its_definition_says(
    offer: FlowOffer, months: int | None, terms: Terms
) -> None:
    assert offer_terms(offer, "eur", months) == AcceptedOffer("o", terms)


@pytest.mark.parametrize(("currency", "amount"), [("jpy", "900"), ("kwd", "0.900")])
def test_amount_is_in_major_units_of_its_currency(currency: str, amount: str) -> None:
    found = offer_terms(CouponOffer("o", amount_off={currency: 900}), currency)

    assert found == AcceptedOffer("o", CouponTerms(None, Decimal(amount), "once"))


def test_amount_in_another_currency_is_no_offer() -> None:
    assert offer_terms(CouponOffer("o", amount_off={"usd": 900}), "eur") == (
        Code.NO_AMOUNT_IN_THE_CURRENCY
    )


@pytest.mark.parametrize("months", [None, 2, 0, 12])
def test_pause_of_a_length_that_is_no_choice_is_no_offer(months: int | None) -> None:
    assert offer_terms(BREAK, "eur", months) == Code.MONTHS_WERE_NOT_OFFERED
