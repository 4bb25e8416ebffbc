"""The owner's standing answers to the questions that an offer leaves open. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from aiocancel.core.changes import PAUSE_BEHAVIORS, PAUSE_CREDITS, PauseBehavior, PauseCredit
from aiocancel.core.check_settings import check_flag, check_texts, check_whole, check_word
from aiocancel.errors import ConfigurationError

PlanPayment = Literal["refuse", "pending"]
PlanStart = Literal["now", "period_end"]
PLAN_STARTS: Final = ("now", "period_end")
PauseMechanism = Literal["pause_collection", "pause"]
MOST_MONTHS: Final = 120
_WORDS: Final = {
    "pause_behavior": PAUSE_BEHAVIORS,
    "plan_payment": ("refuse", "pending"),
    "plan_starts": PLAN_STARTS,
    "pause_mechanism": ("pause_collection", "pause"),
    "pause_credit": PAUSE_CREDITS,
    "unprorated_interval_change": ("refuse", "allow"),
}


@dataclass(frozen=True, slots=True)
class OfferRules:
    """The owner's standing answers to the questions that an offer leaves open.

    Args:
        pause_behavior: Stripe's word for the fate of the invoices of a pause of payments.
        plan_price_ids: The prices that count as plans, for subscriptions with several items.
        plan_payment: What becomes of another plan whose payment does not go through. With ``refuse`` nothing changes
            and the offer ends as refused; with ``pending`` the customer gets a link, and the plan comes with the
            payment.
        pause_mechanism: How a pause is made. ``pause_collection`` leaves payments out and the subscription active.
            ``pause`` makes the subscription itself paused, which only flexible billing mode knows, and a worker of
            ours lets it go on. Source: https://docs.stripe.com/api/subscriptions/pause
        pause_credit: From when such a pause credits unused time.
        pause_bills_usage: Whether such a pause bills metered usage so far, on the next invoice.
        most_months_of_a_discounted_payment: For how many months (1 to 120) a payment may pay that a coupon for one
            payment, or for some months, takes something off. None bounds a coupon for some months by its own months,
            so that three months' discount is not a discount on a whole year, and a coupon for one payment not at all.
        unprorated_interval_change: What becomes of another plan without proration that is paid at other intervals.
            Stripe bills its first period at once and gives no credit for the one that is paid. ``refuse`` leaves it to
            a person, ``allow`` does it.
        plan_starts: When another plan of a flow vendor's offer comes, which says nothing of that. With ``period_end``
            a schedule at Stripe brings it when the running period ends, and nothing is charged or credited before.
        seat_offers: Custom offers of a flow vendor that stand for fewer seats, by the offer's id: the price that counts
            them, and how many (1 or more) are paid for when the running period has ended.

    Raises:
        ConfigurationError: Says which setting is wrong.
    """

    pause_behavior: PauseBehavior = "void"
    plan_price_ids: frozenset[str] = frozenset()
    plan_payment: PlanPayment = "refuse"
    pause_mechanism: PauseMechanism = "pause_collection"
    pause_credit: PauseCredit = "now"
    pause_bills_usage: bool = True
    most_months_of_a_discounted_payment: int | None = None
    unprorated_interval_change: Literal["refuse", "allow"] = "refuse"
    plan_starts: PlanStart = "now"
    seat_offers: Mapping[str, tuple[str, int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, words in _WORDS.items():
            check_word(f"OfferRules.{name}", getattr(self, name), words)
        check_texts("OfferRules.plan_price_ids", self.plan_price_ids)
        check_flag("OfferRules.pause_bills_usage", self.pause_bills_usage)

        _check_seat_offers(self.seat_offers)
        if (months := self.most_months_of_a_discounted_payment) is not None:
            name = "OfferRules.most_months_of_a_discounted_payment"
            check_whole(name, months, most=MOST_MONTHS)


def _check_seat_offers(seat_offers: object) -> None:
    name = "OfferRules.seat_offers"
    pairs = seat_offers.values() if isinstance(seat_offers, Mapping) else [None]
    if not all(isinstance(pair, tuple) and len(pair) == 2 for pair in pairs):
        raise ConfigurationError(f'{name} is like {{"offr_fewer": ("price_team", 3)}}')

    # The check above shows that it is a mapping, which mypy does not see.
    for offer_id, (price_id, seats) in dict(seat_offers).items():  # type: ignore[call-overload]
        check_texts(name, [offer_id, price_id])
        check_whole(f"{name}, the seats", seats)


DEFAULT_RULES: Final = OfferRules()
