"""Offers that a customer accepted, as the flow vendor confirms them: typed terms, and the owner's limits on them.

Amounts, coupon ids, prices and durations here come from the vendor's API, never from a browser. What cannot
be carried out safely is read as ``UnusableOffer`` and left to a human, never guessed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, Literal, assert_never

from aiocancel.core.check_settings import check_exact, check_texts, check_whole
from aiocancel.core.codes import Code
from aiocancel.core.stored_json import refuse_unknown
from aiocancel.errors import UnreadableLedgerError

CouponDuration = Literal["once", "repeating", "forever"]
PauseInterval = Literal["day", "week", "month", "billing_cycle", "indefinitely"]

COUPON_DURATIONS: Final = ("once", "repeating", "forever")
PAUSE_INTERVALS: Final = ("day", "week", "month", "billing_cycle", "indefinitely")


@dataclass(frozen=True, slots=True)
class CouponTerms:
    """A discount: ``percent_off`` above 0 to 100, or ``amount_off`` in major units of the subscription's currency.

    ``coupon_id`` names a coupon that exists at Stripe and wins over the definition. ``months`` belongs to
    ``repeating``.
    """

    percent_off: Decimal | None
    amount_off: Decimal | None
    duration: CouponDuration
    months: int | None = None
    coupon_id: str | None = None
    to_customer: bool = False


@dataclass(frozen=True, slots=True)
class TrialTerms:
    """``days`` more of trial, counted from the later of now and the trial's end."""

    days: int


@dataclass(frozen=True, slots=True)
class PlanTerms:
    """Another price in place of the one being paid, at once or, with ``at_period_end``, when the period ends.

    ``seats`` is how many are paid for from then on, always when the period ends; None leaves them as they are.
    """

    price_id: str
    prorate: bool
    at_period_end: bool = False
    seats: int | None = None


@dataclass(frozen=True, slots=True)
class PauseTerms:
    """No payments for ``count`` intervals (``count`` means nothing for ``indefinitely``)."""

    interval: PauseInterval
    count: int
    at_period_end: bool


@dataclass(frozen=True, slots=True)
class CustomTerms:
    """Whatever the application's own handler does."""


Terms = CouponTerms | TrialTerms | PlanTerms | PauseTerms | CustomTerms


@dataclass(frozen=True, slots=True)
class Promised:
    """The next payment as the customer was told it before the click; it is sent with the change and compared with it.

    Args:
        next_minor: In Stripe's minor units.
        currency: Stripe's lowercase code.
        next_at: When it falls due, aware UTC.
        proration_date: The second that the preview was reckoned with, None where nothing is prorated.
        due: The payment that was the next one without the offer. Once it has come, the promise is no longer about
            the next one.
    """

    next_minor: int
    currency: str
    next_at: datetime
    proration_date: int | None = None
    due: datetime | None = None


@dataclass(frozen=True, slots=True)
class AcceptedOffer:
    """An offer that the vendor confirms; ``metadata`` is the owner's own, set in the vendor's dashboard.

    ``accepted_at`` (aware UTC) is when that was, where it matters: for an offer that the vendor carries out.
    ``promised`` is the price that our own flow showed.
    """

    offer_id: str
    terms: Terms
    metadata: Mapping[str, str] = field(default_factory=dict)
    accepted_at: datetime | None = None
    promised: Promised | None = None


@dataclass(frozen=True, slots=True)
class UnusableOffer:
    """An offer that must not be carried out by itself; ``code`` says why, for the operator."""

    offer_id: str
    code: Code


# Longer than most discounts and pauses last, so that no gift follows on another; and a customer who comes back after
# half a year may be worth keeping again.
DAYS_BETWEEN_GIFTS: Final = 180
MOST_DAYS_BETWEEN_GIFTS: Final = 3650


@dataclass(frozen=True, slots=True)
class OfferLimits:
    """The owner's own bounds, applied after the vendor's yes; None leaves a thing unbounded.

    Args:
        offer_ids: The only offers allowed.
        price_ids: The only prices allowed for another plan.
        coupon_ids: The only coupons allowed of those that exist at Stripe.
        max_percent: The most that a discount takes off, in percent, from 0 to 100.
        max_amount: The most that a discount takes off, in major units of the subscription's currency.
        max_days: The longest trial extension, in days.
        max_months: The longest repeating coupon and pause, in months; with it ``forever`` and ``indefinitely`` are
            refused.
        at_most_one_gift_in_days: How many days (1 to 3,650) after a gift the next accepted offer of the same
            subscription is left to a person. A gift is every offer that was confirmed and did not end as refused,
            whatever its kind; one that the flow vendor carries out itself counts, but cannot be held back.

    Raises:
        ConfigurationError: Says which bound is wrong.
    """

    offer_ids: frozenset[str] | None = None
    price_ids: frozenset[str] | None = None
    coupon_ids: frozenset[str] | None = None
    max_percent: Decimal | None = None
    max_amount: Decimal | None = None
    max_days: int | None = None
    max_months: int | None = None
    at_most_one_gift_in_days: int | None = DAYS_BETWEEN_GIFTS

    def __post_init__(self) -> None:
        for name in ("offer_ids", "price_ids", "coupon_ids"):
            if (ids := getattr(self, name)) is not None:
                check_texts(f"OfferLimits.{name}", ids)
        if self.max_percent is not None:
            check_exact("OfferLimits.max_percent", self.max_percent, most=100)
        if self.max_amount is not None:
            check_exact("OfferLimits.max_amount", self.max_amount)

        for name in ("max_days", "max_months"):
            if (most := getattr(self, name)) is not None:
                check_whole(f"OfferLimits.{name}", most, least=0)
        if (days := self.at_most_one_gift_in_days) is not None:
            check_whole("OfferLimits.at_most_one_gift_in_days", days, most=MOST_DAYS_BETWEEN_GIFTS)


NO_LIMITS: Final = OfferLimits()

# How long a pause of that interval may be, in months, for comparing it with a bound: a cycle may be a year.
_MONTHS_PER: Final[Mapping[str, Decimal]] = {
    "day": Decimal(1) / 28,
    "week": Decimal(1) / 4,
    "month": Decimal(1),
    "billing_cycle": Decimal(12),
}


def breach(offer: AcceptedOffer, limits: OfferLimits) -> Code | None:
    """Return the code of the first limit that the offer breaks, None when it keeps all."""
    if limits.offer_ids is not None and offer.offer_id not in limits.offer_ids:
        return Code.OFFER_NOT_ALLOWED

    match offer.terms:
        case CouponTerms() as coupon:
            return _coupon_breach(coupon, limits)
        case TrialTerms(days):
            return (
                Code.TOO_MANY_DAYS
                if limits.max_days is not None and days > limits.max_days
                else None
            )
        case PlanTerms(price_id):
            return (
                Code.PRICE_NOT_ALLOWED
                if limits.price_ids is not None and price_id not in limits.price_ids
                else None
            )
        case PauseTerms(interval, count):
            if limits.max_months is None:
                return None
            if interval == "indefinitely" or _MONTHS_PER[interval] * count > limits.max_months:
                return Code.TOO_MANY_MONTHS
            return None
        case CustomTerms():
            return None
        case _:  # pragma: no cover - mypy shows that no case is left
            assert_never(offer.terms)


def _coupon_breach(coupon: CouponTerms, limits: OfferLimits) -> Code | None:
    if (
        limits.coupon_ids is not None
        and coupon.coupon_id is not None
        and coupon.coupon_id not in limits.coupon_ids
    ):
        return Code.COUPON_NOT_ALLOWED

    bounded = (limits.max_percent, limits.max_amount, limits.max_months) != (None, None, None)
    if coupon.coupon_id is not None and limits.coupon_ids is None and bounded:
        # The coupon that Stripe keeps under that id may be worth more than the vendor's description of it.
        return Code.COUPON_IS_NOT_ON_THE_LIST
    if limits.max_percent is not None and (coupon.percent_off or 0) > limits.max_percent:
        return Code.PERCENT_TOO_HIGH
    if limits.max_amount is not None and (coupon.amount_off or 0) > limits.max_amount:
        return Code.AMOUNT_TOO_HIGH
    if limits.max_months is not None and (
        coupon.duration == "forever"
        or (coupon.duration == "repeating" and (coupon.months or 0) > limits.max_months)
    ):
        return Code.TOO_MANY_MONTHS
    return None


def with_seats(
    offer: AcceptedOffer | UnusableOffer | None, seat_offers: Mapping[str, tuple[str, int]]
) -> AcceptedOffer | UnusableOffer | None:
    """Return the offer as the owner means it: a custom one may stand for fewer seats.

    Args:
        offer: As the vendor confirms it.
        seat_offers: As in ``OfferRules``.
    """
    if not isinstance(offer, AcceptedOffer) or not isinstance(offer.terms, CustomTerms):
        return offer
    if (meant := seat_offers.get(offer.offer_id)) is None:
        return offer
    price_id, seats = meant
    return replace(offer, terms=PlanTerms(price_id, False, at_period_end=True, seats=seats))


def name_of(terms: Terms) -> str:
    """Return the one word for the type of an offer."""
    match terms:
        case CouponTerms():
            return "coupon"
        case TrialTerms():
            return "trial_extension"
        case PlanTerms():
            return "change_plan"
        case PauseTerms():
            return "pause_subscription"
        case CustomTerms():
            return "custom"

        case _:  # pragma: no cover - mypy shows that no case is left
            assert_never(terms)


def offer_to_json(offer: AcceptedOffer) -> dict[str, Any]:
    """Return the offer as JSON values for the ledger; ``offer_from_json`` is its inverse."""
    terms: dict[str, Any]

    match offer.terms:
        case CouponTerms() as coupon:
            terms = {
                "type": "coupon",
                "percent_off": None if coupon.percent_off is None else str(coupon.percent_off),
                "amount_off": None if coupon.amount_off is None else str(coupon.amount_off),
                "duration": coupon.duration,
                "months": coupon.months,
                "coupon_id": coupon.coupon_id,
                "to_customer": coupon.to_customer,
            }
        case TrialTerms(days):
            terms = {"type": "trial_extension", "days": days}
        case PlanTerms(price_id, prorate, at_period_end, seats):
            terms = {"type": "change_plan", "price_id": price_id, "prorate": prorate}
            # Left out where it says nothing, so that a worker of the release before can read it.
            terms |= {"at_period_end": True} if at_period_end else {}
            terms |= {} if seats is None else {"seats": seats}
        case PauseTerms(interval, count, at_period_end):
            terms = {
                "type": "pause",
                "interval": interval,
                "count": count,
                "at_period_end": at_period_end,
            }
        case CustomTerms():
            terms = {"type": "custom"}
        case _:  # pragma: no cover - mypy shows that no case is left
            assert_never(offer.terms)

    data = {"offer_id": offer.offer_id, "terms": terms, "metadata": dict(offer.metadata)}

    # Left out where they say nothing, so that a worker of the release before can read it.
    if offer.accepted_at is not None:
        data["accepted_at"] = offer.accepted_at.isoformat()
    if offer.promised is not None:
        data["promised"] = _promised_to_json(offer.promised)
    return data


_STORED: Final[dict[str, type[Terms]]] = {
    "coupon": CouponTerms,
    "trial_extension": TrialTerms,
    "change_plan": PlanTerms,
    "pause": PauseTerms,
    "custom": CustomTerms,
}


def offer_from_json(data: Mapping[str, Any]) -> AcceptedOffer:
    """Read the JSON of ``offer_to_json``; raises UnreadableLedgerError for another type or field."""
    refuse_unknown(data, AcceptedOffer.__slots__, "an offer")
    fields = dict(data["terms"])
    kind = fields.pop("type")
    if kind in _STORED:
        refuse_unknown(fields, _STORED[kind].__slots__, f"an offer of the type {kind}")

    terms: Terms
    match kind:
        case "coupon":
            for name in ("percent_off", "amount_off"):
                fields[name] = None if fields[name] is None else Decimal(fields[name])
            terms = CouponTerms(**fields)
        case "trial_extension":
            terms = TrialTerms(**fields)
        case "change_plan":
            terms = PlanTerms(**fields)
        case "pause":
            terms = PauseTerms(**fields)
        case "custom":
            terms = CustomTerms()
        case _:
            raise UnreadableLedgerError(f"the ledger holds an offer of the unknown type {kind!r}")
    accepted_at = _moment(data.get("accepted_at"))
    promised = None if data.get("promised") is None else _promised_from_json(data["promised"])
    return AcceptedOffer(data["offer_id"], terms, dict(data["metadata"]), accepted_at, promised)


def _promised_to_json(promised: Promised) -> dict[str, Any]:
    due = None if promised.due is None else promised.due.isoformat()
    return {
        "next_minor": promised.next_minor,
        "currency": promised.currency,
        "next_at": promised.next_at.isoformat(),
        "proration_date": promised.proration_date,
        "due": due,
    }


def _promised_from_json(data: Mapping[str, Any]) -> Promised:
    refuse_unknown(data, Promised.__slots__, "a promised price")
    times = {name: _moment(data[name]) for name in ("next_at", "due")}
    return Promised(**{**data, **times})


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
