"""Amounts become Stripe's integers exactly, or not at all."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from aiocancel.core.money import AMBIGUOUS, THREE_DECIMAL, WHOLE_MAJOR, ZERO_DECIMAL, minor_units

currencies = st.sampled_from(
    ["usd", "EUR", *sorted(ZERO_DECIMAL | THREE_DECIMAL | WHOLE_MAJOR | AMBIGUOUS)]
)


def places_of(currency: str) -> int:
    return 0 if currency in ZERO_DECIMAL else 3 if currency in THREE_DECIMAL else 2


@pytest.mark.parametrize(
    ("amount", "currency", "minor"),
    [
        ("10", "usd", 1000),
        ("10.00", "USD", 1000),
        ("0.01", "eur", 1),
        ("10.5", "eur", 1050),
        ("10.5000", "eur", 1050),
        ("999999.99", "usd", 99_999_999),
        ("500", "jpy", 500),
        ("500.00", "JPY", 500),
        ("5.120", "kwd", 5120),
        ("5.12", "kwd", 5120),
        ("7", "isk", 700),
        ("1E+2", "usd", 10_000),
    ],
)
def test_an_amount_becomes_the_currencys_minor_units(
    amount: str, currency: str, minor: int
) -> None:
    assert minor_units(Decimal(amount), currency) == minor


@pytest.mark.parametrize(
    ("amount", "currency"),
    [
        pytest.param("0.001", "usd", id="a fraction of a cent"),
        pytest.param("0.5", "jpy", id="a fraction of a yen"),
        pytest.param("5.123", "kwd", id="a step that Stripe does not take"),
        pytest.param("5.1234", "kwd", id="a fraction of a fils"),
        pytest.param("7.5", "isk", id="decimals that must be zeros"),
        pytest.param("0", "usd", id="nothing"),
        pytest.param("-1", "usd", id="less than nothing"),
        pytest.param("1000000", "usd", id="nine digits"),
        pytest.param("1E-400", "usd", id="next to nothing"),
        pytest.param("NaN", "usd", id="no number"),
        pytest.param("sNaN", "usd", id="no number at all"),
        pytest.param("Infinity", "usd", id="no end"),
        pytest.param("10", "ugx", id="a minor unit that is not clear"),
        pytest.param("10", "UGX", id="a minor unit that is not clear, in capitals"),
        pytest.param("1E+999999", "usd", id="more than a number can be"),
        pytest.param("1E-1000000", "usd", id="less than a number can be"),
        pytest.param(
            "1." + "0" * 29 + "1", "usd", id="a fraction beyond the precision of decimals"
        ),
        pytest.param("1." + "0" * 30 + "1", "usd", id="a fraction beyond all precision"),
    ],
)
def test_an_amount_that_is_not_exact_or_not_clear_is_refused(amount: str, currency: str) -> None:
    with pytest.raises(ValueError, match=r"^the (amount|minor unit) "):
        minor_units(Decimal(amount), currency)


@pytest.mark.parametrize("amount", ["1E-31", "1E-1000000", "1E-999999999999", "1." + "0" * 40])
def test_too_many_places_are_refused_before_they_are_counted_out(amount: str) -> None:
    with pytest.raises(ValueError, match="too many places"):
        minor_units(Decimal(amount), "usd")


@given(
    amount=st.decimals(min_value=-10, max_value=1_100_000, allow_nan=False, places=None).filter(
        lambda amount: len(amount.as_tuple().digits) <= 28
    )
    | st.decimals(min_value=0, max_value=1_100_000, places=3),
    currency=currencies,
)
@example(amount=Decimal("0.005"), currency="usd")
@settings(max_examples=200)
def test_no_amount_is_ever_rounded(amount: Decimal, currency: str) -> None:
    try:
        minor = minor_units(amount, currency)
    except ValueError:
        return
    assert Decimal(minor).scaleb(-places_of(currency.lower())) == amount
    assert 0 < minor <= 99_999_999


@given(
    minor=st.integers(1, 99_999_999),
    currency=currencies.filter(lambda currency: currency not in AMBIGUOUS),
)
@settings(max_examples=100)
def test_every_amount_that_stripe_takes_can_be_said(minor: int, currency: str) -> None:
    step = 10 if currency in THREE_DECIMAL else 100 if currency in WHOLE_MAJOR else 1
    whole = max(step, minor - minor % step)
    assert minor_units(Decimal(whole).scaleb(-places_of(currency.lower())), currency) == whole


# Written out from https://docs.stripe.com/currencies (zero-decimal, three-decimal and special currencies).
STRIPES_ZERO_DECIMAL = [
    *("bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga"),
    *("pyg", "rwf", "vnd", "vuv", "xaf", "xof", "xpf"),
]
STRIPES_THREE_DECIMAL = ["bhd", "jod", "kwd", "omr", "tnd"]


def test_the_currencies_without_two_decimals_are_those_of_stripes_list() -> None:
    assert set(STRIPES_ZERO_DECIMAL) == ZERO_DECIMAL
    assert set(STRIPES_THREE_DECIMAL) == THREE_DECIMAL
    assert {"isk"} == WHOLE_MAJOR
    assert {"ugx"} == AMBIGUOUS


@pytest.mark.parametrize(
    ("currency", "minor"),
    [
        *((currency, 50) for currency in STRIPES_ZERO_DECIMAL),
        *((currency, 50_000) for currency in STRIPES_THREE_DECIMAL),
        ("isk", 5000),
        ("usd", 5000),
    ],
)
def test_fifty_is_the_same_amount_in_every_currency(currency: str, minor: int) -> None:
    assert minor_units(Decimal(50), currency) == minor
    assert minor_units(Decimal(50), currency.upper()) == minor
