"""Money as Stripe counts it: whole minor units, of which most currencies have a hundred to the major one."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Final

# https://docs.stripe.com/currencies, as of 2026-10
ZERO_DECIMAL: Final = frozenset(
    [
        "bif",
        "clp",
        "djf",
        "gnf",
        "jpy",
        "kmf",
        "krw",
        "mga",
        "pyg",
        "rwf",
        "vnd",
        "vuv",
        "xaf",
        "xof",
        "xpf",
    ]
)
THREE_DECIMAL: Final = frozenset(["bhd", "jod", "kwd", "omr", "tnd"])
# Passed with two decimals, which must be zeros.
WHOLE_MAJOR: Final = frozenset(["isk"])
# Stripe's page lists it both ways; a person must decide.
AMBIGUOUS: Final = frozenset(["ugx"])

_LARGEST_MINOR: Final = 99_999_999
_MOST_DIGITS: Final = 8
_SMALLEST_EXPONENT: Final = -30


def major_units(amount: int, currency: str) -> Decimal:
    """Convert Stripe's integer to an amount in major units, such as dollars."""
    currency = currency.lower()
    return Decimal(amount).scaleb(-_places(currency))


def minor_units(amount: Decimal, currency: str) -> int:
    """Convert an amount in major units, such as dollars, to Stripe's integer; never rounds.

    Raises ValueError for an amount that is not positive, has a fraction that the currency does not have
    (three-decimal currencies go in steps of ten minor units), has more than eight digits, or is in a
    currency whose minor unit is not clear.
    """
    currency = currency.lower()
    if currency in AMBIGUOUS:
        raise ValueError(f"the minor unit of {currency} is not clear")

    places = _places(currency)
    step = 10 if currency in THREE_DECIMAL else 100 if currency in WHOLE_MAJOR else 1
    # Asked before any arithmetic: an exponent of a million would make a number of a million digits.
    exponent = amount.as_tuple().exponent
    if not isinstance(exponent, int) or amount <= 0 or amount.adjusted() > _MOST_DIGITS:
        raise ValueError("the amount is not positive or too large")
    if exponent < _SMALLEST_EXPONENT:
        raise ValueError("the amount is written with too many places")

    # A Decimal's own arithmetic rounds to 28 digits.
    minor: Fraction = Fraction(amount) * 10**places
    if minor.denominator != 1 or minor.numerator % step:
        raise ValueError(f"the amount has a fraction that {currency} does not have")
    if minor.numerator > _LARGEST_MINOR:
        raise ValueError("the amount is not positive or too large")
    return int(minor.numerator)


def _places(currency: str) -> int:
    return 0 if currency in ZERO_DECIMAL else 3 if currency in THREE_DECIMAL else 2
