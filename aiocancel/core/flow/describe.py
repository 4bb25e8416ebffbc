"""An offer of the definition in one sentence, for the owner of the flow. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
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
from aiocancel.core.owners_words import in_english, listed
from aiocancel.core.sentences import Money, Percent, Sentence, Value


def offer_in_words(offer: FlowOffer) -> str:
    """Return what an offer gives, in English."""
    return in_english(offer_told(offer, "en"))


def offer_told(offer: FlowOffer, language: str) -> Sentence:
    """Return what an offer gives.

    Args:
        offer: As the definition has it.
        language: The owner's, for the words that the definition has in several languages.
    """
    match offer:
        case CouponOffer(months=months):
            if isinstance(months, str):
                return Sentence(f"coupon_{months}", {"off": _off(offer)})
            return Sentence("coupon_months", {"off": _off(offer), "count": months})
        case TrialOffer(days=days):
            return Sentence("trial", {"count": days})
        case PauseOffer(months=months):
            # One length alone may be one month.
            one: dict[str, Value] = {"count": months[0]} if len(months) == 1 else {}
            return Sentence("pause", {"months": listed("or", months), **one})
        case PlanOffer(price=price, at=at):
            return Sentence("plan_now" if at == "now" else "plan_later", {"price": price})
        case HandledOffer(title=title):
            return Sentence("handled", {"title": words_in(title, language)})
        case _:  # pragma: no cover - mypy shows that no case is left
            assert_never(offer)


def amounts_told(amounts: Mapping[str, int]) -> Value:
    """Return sums in minor units, as "10.00 EUR or 1000 JPY"; at least one."""
    first, *others = (Money(minor, currency) for currency, minor in amounts.items())
    told: Value = first
    for each in others:
        told = Sentence("or", {"first": told, "last": each})
    return told


def _off(offer: CouponOffer) -> Value:
    if offer.percent_off is not None:
        return Percent(Decimal(offer.percent_off))
    return amounts_told(offer.amount_off or {})
