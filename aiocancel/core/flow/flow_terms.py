"""The terms of an offer of ours, as those of a flow vendor's are kept, judged and carried out. Pure."""

from __future__ import annotations

from decimal import Decimal
from typing import assert_never

from aiocancel.core.codes import Code
from aiocancel.core.flow.definition import (
    CouponOffer,
    FlowOffer,
    HandledOffer,
    PauseOffer,
    PlanOffer,
    TrialOffer,
)
from aiocancel.core.money import major_units
from aiocancel.core.offers.terms import (
    AcceptedOffer,
    CouponDuration,
    CouponTerms,
    CustomTerms,
    PauseTerms,
    PlanTerms,
    Terms,
    TrialTerms,
)


def offer_terms(offer: FlowOffer, currency: str, months: int | None = None) -> AcceptedOffer | Code:
    """Return what a customer accepts with an offer, or the code why it cannot be made.

    Args:
        offer: As the stored definition has it.
        currency: That of the subscription.
        months: The customer's choice in a pause; meaningless for any other kind.
    """
    found = _terms(offer, currency, months)
    return found if isinstance(found, Code) else AcceptedOffer(offer.key, found)


def _terms(offer: FlowOffer, currency: str, months: int | None) -> Terms | Code:
    match offer:
        case CouponOffer():
            return _coupon(offer, currency)
        case TrialOffer(days=days):
            return TrialTerms(days)
        case PauseOffer():
            if months not in offer.months:
                return Code.MONTHS_WERE_NOT_OFFERED
            # From the next payment on: time that is paid for is used, and each month is one without payment.
            return PauseTerms("month", months, at_period_end=True)
        case PlanOffer(price=price_id, at=at):
            return PlanTerms(price_id, prorate=True, at_period_end=at == "period_end")
        case HandledOffer():
            return CustomTerms()
        case _:  # pragma: no cover - mypy shows that no case is left
            assert_never(offer)


def _coupon(offer: CouponOffer, currency: str) -> CouponTerms | Code:
    duration: CouponDuration = "repeating" if isinstance(offer.months, int) else offer.months
    months = offer.months if isinstance(offer.months, int) else None
    if offer.percent_off is not None:
        return CouponTerms(Decimal(offer.percent_off), None, duration, months)

    minor = (offer.amount_off or {}).get(currency)
    if minor is None:
        return Code.NO_AMOUNT_IN_THE_CURRENCY
    return CouponTerms(None, major_units(minor, currency), duration, months)
