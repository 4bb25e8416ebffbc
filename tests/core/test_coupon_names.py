"""Customers read a coupon's name on their invoices: it says what they get, in the owner's words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiocancel.core.changes import NewCoupon
from aiocancel.core.coupon_names import (
    COUPON_NAMES,
    LONGEST_NAME,
    coupon_name,
    names_in,
    problem_with,
)
from aiocancel.core.money import THREE_DECIMAL, ZERO_DECIMAL
from aiocancel.texts import CATALOGUES

GERMAN = {
    "once": "{off} Rabatt",
    "month": "{off} Rabatt für einen Monat",
    "repeating": "{off} Rabatt für {months} Monate",
}


def percent(off: str, duration: str = "once", months: int | None = None) -> NewCoupon:
    return NewCoupon("aiocancel-1", off, None, None, duration, months)


def amount(minor: int, currency: str) -> NewCoupon:
    return NewCoupon("aiocancel-1", None, minor, currency, "once", None)


@pytest.mark.parametrize(
    ("new", "name"),
    [
        (percent("25", "repeating", 3), "25% off for 3 months"),
        (percent("25", "repeating", 1), "25% off for a month"),
        (percent("12.5"), "12.5% off"),
        (percent("12.5", "forever"), "12.5% off"),
        (amount(1000, "usd"), "10.00 USD off"),
        (amount(500, "jpy"), "500 JPY off"),
        (amount(5120, "kwd"), "5.120 KWD off"),
    ],
)
def test_a_coupon_is_named_after_what_it_gives(new: NewCoupon, name: str) -> None:
    assert coupon_name(new, {}) == name


def test_the_owners_words_stand_in_place_of_the_english_ones() -> None:
    assert coupon_name(percent("25", "repeating", 3), GERMAN) == "25% Rabatt für 3 Monate"
    assert coupon_name(percent("25", "repeating", 1), GERMAN) == "25% Rabatt für einen Monat"
    assert coupon_name(percent("25", "forever"), GERMAN) == "25% off"


@pytest.mark.parametrize(
    ("language", "name"),
    [
        ("en", "25% off for 3 months"),
        ("de", "25% Rabatt für 3 Monate"),
        ("de-AT", "25% Rabatt für 3 Monate"),
        ("es", "Descuento de 25% por 3 meses"),
        ("fr", "Remise de 25% pendant 3 mois"),
        ("it", "Sconto di 25% per 3 mesi"),
        ("nl", "3 maanden lang 25% korting"),
        ("pl", "25% off for 3 months"),
    ],
)
def test_a_coupon_is_named_in_the_sites_language(language: str, name: str) -> None:
    assert coupon_name(percent("25", "repeating", 3), names_in(language, {})) == name
    own = names_in(language, {"repeating": "{off} for {months}"})
    assert coupon_name(percent("25", "repeating", 3), own) == "25% for 3"


@pytest.mark.parametrize("language", sorted(CATALOGUES))
def test_every_language_of_our_pages_has_names_that_stripe_takes(language: str) -> None:
    names = names_in(language, {})

    assert names.keys() == COUPON_NAMES.keys()
    assert (names == COUPON_NAMES) is (language == "en")
    assert problem_with(names) is None
    assert all(
        len(each.format(off="99999.99 USD", months=24)) <= LONGEST_NAME for each in names.values()
    )


@given(
    minor=st.integers(1, 99_999_999),
    currency=st.sampled_from(sorted({"usd", "isk"} | ZERO_DECIMAL | THREE_DECIMAL)),
    months=st.integers(1, 10**6),
    words=st.text(max_size=60).filter(lambda text: problem_with({"repeating": text}) is None),
)
def test_no_name_is_longer_than_stripe_takes(
    minor: int, currency: str, months: int, words: str
) -> None:
    new = NewCoupon("aiocancel-1", None, minor, currency, "repeating", months)
    assert 1 <= len(coupon_name(new, {})) <= LONGEST_NAME
    assert len(coupon_name(new, {"repeating": words})) <= LONGEST_NAME


@pytest.mark.parametrize(
    ("names", "problem"),
    [
        (COUPON_NAMES, None),
        ({"yearly": "{off}"}, "no duration 'yearly'"),
        ({"once": "{percent} off"}, "something other than"),
        ({"once": "{off"}, "something other than"),
        ({"once": "{off.real.imag}"}, "something other than"),
        ({"once": "{}"}, "something other than"),
        ({"once": " "}, "an empty name"),
    ],
)
def test_words_that_cannot_be_used_are_refused_with_the_reason(
    names: dict[str, str], problem: str | None
) -> None:
    found = problem_with(names)
    assert (found is None) if problem is None else (found is not None and problem in found)
