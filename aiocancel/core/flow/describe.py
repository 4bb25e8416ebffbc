"""An offer of the definition in one English sentence, for whoever owns the flow. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import assert_never

from aiocancel.core.flow.definition import (
    CouponOffer,
    FlowOffer,
    HandledOffer,
    PauseOffer,
    PlanOffer,
    TrialOffer,
)
from aiocancel.core.flow.own_words import words_in
from aiocancel.core.money import major_units


def offer_in_words(offer: FlowOffer) -> str:
    """Return what an offer gives."""
    match offer:
        case CouponOffer():
            return f"{_off(offer)} off {_how_long(offer)}"
        case TrialOffer(days=days):
            return f"{days} more days of trial"
        case PauseOffer(months=months):
            return f"a pause of {_months(months)}"
        case PlanOffer(price=price, at=at):
            return f"the price {price}, {'at once' if at == 'now' else 'when the period ends'}"
        case HandledOffer(title=title):
            return f"{words_in(title, 'en')}, by your handler"
        case _:  # pragma: no cover - mypy shows that no case is left
            assert_never(offer)


def amounts_in_words(amounts: Mapping[str, int]) -> str:
    """Return sums in minor units as "10.00 EUR or 1000 JPY"."""
    return " or ".join(
        f"{major_units(minor, currency)} {currency.upper()}" for currency, minor in amounts.items()
    )


def _off(offer: CouponOffer) -> str:
    if offer.percent_off is not None:
        return f"{offer.percent_off}%"
    return amounts_in_words(offer.amount_off or {})


def _how_long(offer: CouponOffer) -> str:
    match offer.months:
        case "once":
            return "the next payment"
        case "forever":
            return "every payment"
        case 1:
            return "for 1 month"
        case months:
            return f"for {months} months"


def _months(months: tuple[int, ...]) -> str:
    *others, last = map(str, months)
    listed = f"{', '.join(others)} or {last}" if others else last
    return f"{listed} month{'' if months == (1,) else 's'}"
