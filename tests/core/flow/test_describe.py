"""Offers read as English, for the owner of the flow."""

from __future__ import annotations

from decimal import Decimal

import pytest

from aiocancel.core.flow.definition import (
    CouponOffer,
    FlowOffer,
    HandledOffer,
    PauseOffer,
    PlanOffer,
    TrialOffer,
)
from aiocancel.core.flow.describe import offer_in_words

CASES: list[tuple[FlowOffer, str]] = [
    (CouponOffer("o", percent_off=50), "50% off the next payment"),
    (CouponOffer("o", percent_off=Decimal("12.5"), months=1), "12.5% off for 1 month"),
    (CouponOffer("o", percent_off=50, months=3), "50% off for 3 months"),
    (
        CouponOffer("o", amount_off={"eur": 1000, "jpy": 900}, months="forever"),
        "10.00 EUR or 900 JPY off every payment",
    ),
    (TrialOffer("o", 14), "14 more days of trial"),
    (PauseOffer("o", sentence="x"), "a pause of 1, 2 or 3 months"),
    (PauseOffer("o", months=(1,), sentence="x"), "a pause of 1 month"),
    (PauseOffer("o", months=(2,), sentence="x"), "a pause of 2 months"),
    (PlanOffer("o", "price_b"), "the price price_b, at once"),
    (PlanOffer("o", "price_b", at="period_end"), "the price price_b, when the period ends"),
    (HandledOffer("o", {"en": "A call"}, "s", "v"), "A call, by your handler"),
]


@pytest.mark.parametrize(("offer", "words"), CASES, ids=[each[1] for each in CASES])
def test_offer_reads_as_english(offer: FlowOffer, words: str) -> None:
    assert offer_in_words(offer) == words
