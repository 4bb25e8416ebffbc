"""The most that an offer can cost, per customer and year. Pure.

It is a bound and no forecast: every gift is taken as soon as it may be, by a customer who stays the whole year.
Payments that a pause leaves out and days of trial count like discounts. The cost of another plan, and of an offer with
a handler, is not known here: Stripe has the prices, and the handler is the application's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import ROUND_CEILING, Decimal
from fractions import Fraction
from typing import Final, assert_never

from aiocancel.core.flow.definition import (
    CouponOffer,
    FlowDefinition,
    FlowOffer,
    HandledOffer,
    PauseOffer,
    PlanOffer,
    TrialOffer,
)
from aiocancel.core.flow.describe import amounts_told
from aiocancel.core.offers.offer_rules import OfferRules
from aiocancel.core.offers.terms import OfferLimits
from aiocancel.core.owners_words import in_english, listed
from aiocancel.core.sentences import Percent, Sentence, Value
from aiocancel.core.subscription import Rhythm

MONTHLY: Final[Rhythm] = ("month", 1)
YEARLY: Final[Rhythm] = ("year", 1)
_RHYTHMS: Final[tuple[Rhythm, ...]] = (
    ("day", 1),
    ("week", 1),
    MONTHLY,
    ("month", 3),
    ("month", 6),
    YEARLY,
)

_DAYS_OF_A_YEAR: Final = 365
# How many months one payment pays for, at the least; a payment more in a year costs more.
_MONTHS: Final[Mapping[str, Fraction]] = {
    "day": Fraction(12, 366),
    "week": Fraction(7 * 12, 366),
    "month": Fraction(1),
    "year": Fraction(12),
}


@dataclass(frozen=True, slots=True)
class Cost:
    """A bound on what a customer is given within a year.

    Args:
        percent: Of a whole year's payments, from 0 to 100, rounded up.
        amounts: Sums in minor units by currency, of offers that take a fixed sum off.
        is_known: Whether that is all of it; False for another plan, and an offer with a handler.
        gifts: How many times a year; None where nothing bounds it.
    """

    percent: Decimal = Decimal(0)
    amounts: Mapping[str, int] = field(default_factory=dict[str, int])
    is_known: bool = True
    gifts: int | None = 1

    def in_words(self) -> str:
        """Return it in English, for the owner of the flow."""
        return in_english(self.as_sentence())

    def as_sentence(self) -> Sentence:
        """Return it for the owner of the flow."""
        parts: list[Value] = []
        if self.percent:
            parts.append(Sentence("cost_share", {"share": Percent(self.percent)}))
        if self.amounts:
            parts.append(amounts_told(self.amounts))
        known = listed("or", parts) if parts else Sentence("cost_nothing")
        return Sentence("value" if self.is_known else "cost_and_more", {"value": known})


def gifts_a_year(definition: FlowDefinition, limits: OfferLimits) -> int | None:
    """Return how many gifts one customer can take within a year, None where nothing bounds it."""
    bounds = (definition.at_most_one_gift_in_days, limits.at_most_one_gift_in_days)
    days = max((each for each in bounds if each is not None), default=None)
    return None if days is None else _DAYS_OF_A_YEAR // days + 1


def cost_of(offer: FlowOffer, rhythm: Rhythm, rules: OfferRules, gifts: int | None) -> Cost:
    """Return the most that one offer costs a year.

    Args:
        offer: As the definition has it.
        rhythm: How often the customer pays.
        rules: How offers are carried out.
        gifts: How often it can be taken within a year; None counts as a whole year's payments.
    """
    months = _MONTHS[rhythm[0]] * rhythm[1]

    match offer:
        case CouponOffer():
            payments = _discounted_payments(offer, months, rules)
            if offer.percent_off is not None:
                share = Fraction(offer.percent_off) * payments * months / 12
                return _times(Cost(_percent(share)), gifts)
            sums = {each: int(payments * minor) for each, minor in (offer.amount_off or {}).items()}
            return _times(Cost(amounts=sums if payments else {}), gifts)
        case TrialOffer(days=days):
            return _times(Cost(_percent(Fraction(100 * days, _DAYS_OF_A_YEAR))), gifts)
        case PauseOffer(months=choices):
            # A payment that pays for more than the pause is not left out, unless it stays as a draft.
            fitting = [each for each in choices if months <= each]
            return _times(Cost(_percent(Fraction(100 * max(fitting, default=0), 12))), gifts)
        case PlanOffer() | HandledOffer():
            return Cost(is_known=False, gifts=gifts)
        case _:  # pragma: no cover - mypy shows that no case is left
            assert_never(offer)


def cost_at_most(offer: FlowOffer, rules: OfferRules, gifts: int | None) -> Cost:
    """Return the most that one offer costs a year, paid daily, weekly, monthly, quarterly, half-yearly or yearly.

    Args:
        offer: As the definition has it.
        rules: How offers are carried out.
        gifts: How often it can be taken within a year; None counts as a whole year's payments.
    """
    return highest_cost([cost_of(offer, rhythm, rules, gifts) for rhythm in _RHYTHMS])


def highest_cost(costs: list[Cost]) -> Cost:
    """Return a bound on any mix of gifts: each gift is the dearest one."""
    amounts: dict[str, int] = {}
    for cost in costs:
        for currency, minor in cost.amounts.items():
            amounts[currency] = max(minor, amounts.get(currency, 0))
    return Cost(
        max((cost.percent for cost in costs), default=Decimal(0)),
        amounts,
        is_known=all(cost.is_known for cost in costs),
        gifts=costs[0].gifts if costs else 1,
    )


def _discounted_payments(offer: CouponOffer, months: Fraction, rules: OfferRules) -> Fraction:
    """Count the payments within a year that one coupon can take something off."""
    in_a_year = max(Fraction(1), _rounded_up(12 / months))
    most = rules.most_months_of_a_discounted_payment
    if offer.months == "forever":
        return in_a_year
    if offer.months == "once":
        return Fraction(0) if most is not None and months > most else Fraction(1)
    if months > (most or offer.months):
        return Fraction(0)
    return min(in_a_year, _rounded_up(offer.months / months))


def _times(one: Cost, gifts: int | None) -> Cost:
    count = 1 if gifts is None else gifts
    percent = min(Decimal(100), one.percent * count)
    if gifts is None and one.percent:
        percent = Decimal(100)
    amounts = {currency: minor * count for currency, minor in one.amounts.items()}
    is_bounded = gifts is not None or not amounts
    return Cost(percent, amounts, is_known=is_bounded, gifts=gifts)


def _rounded_up(number: Fraction) -> Fraction:
    return Fraction(-(-number.numerator // number.denominator))


def _percent(share: Fraction) -> Decimal:
    """Round up to a tenth, so that a bound stays one."""
    exact = Decimal(share.numerator) / Decimal(share.denominator)
    return min(Decimal(100), exact.quantize(Decimal("0.1"), rounding=ROUND_CEILING))
