"""What an accepted offer did, in a sentence for the customer. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final, assert_never

from aiocancel.core.changes import (
    AddDiscount,
    Change,
    MoveTrialEnd,
    PausePayments,
    PauseService,
    SchedulePrice,
    SwapPrice,
    shows,
)
from aiocancel.core.identifiers import SubscriptionId
from aiocancel.core.money import minor_units
from aiocancel.core.offers.terms import (
    AcceptedOffer,
    CouponTerms,
    CustomTerms,
    PauseTerms,
    PlanTerms,
    TrialTerms,
)
from aiocancel.core.page_facts import ShownSubscription
from aiocancel.core.sentences import Money, Percent, Sentence, Value

# For a change that we know too little about: these words do not say what was done.
CARRIED_OUT: Final = Sentence("offer")


@dataclass(frozen=True, slots=True)
class Given:
    """An offer to a subscription, and our own change for it; None where the flow vendor makes the change."""

    subscription_id: SubscriptionId
    offer: AcceptedOffer
    change: Change | None = None

    def is_seen_in(self, shown: ShownSubscription) -> bool:
        """Whether Stripe's subscription, as read for a page, has the change already."""
        if isinstance(self.change, SchedulePrice):
            # A page does not read schedules.
            is_under_it = shown.subscription.schedule_id == self.change.schedule_id
            return is_under_it or shows(self.change, shown.subscription)
        return self.change is None or shows(self.change, shown.subscription)


def said_of(given: Given, shown: ShownSubscription | None) -> Sentence:
    """Say what an offer did.

    Args:
        given: The offer, with our change.
        shown: The subscription as Stripe has it now, None where Stripe did not answer in time: then less is said,
            and nothing is guessed.
    """
    terms = given.offer.terms

    match terms:
        case CouponTerms():
            return _discount(terms, given.change, shown)
        case TrialTerms():
            return _trial(given.change, shown)
        case PlanTerms():
            return _plan(terms, given.change, shown)
        case PauseTerms():
            return _pause(given.change, shown)
        case CustomTerms():
            return CARRIED_OUT
        case _:  # pragma: no cover - mypy shows that no case is left
            assert_never(terms)


def said_of_promise(given: Given, at: datetime) -> Sentence:
    """Say what an offer will do at ``at`` (aware), when a worker or a schedule of Stripe's carries it out."""
    if isinstance(given.offer.terms, PlanTerms):
        return _said("offer_plan_from", plain="offer_scheduled_at", date=at)
    if isinstance(given.offer.terms, PauseTerms):
        return _said("offer_paused_from", plain="offer_scheduled_at", date=at)
    return Sentence("offer_scheduled_at", {"date": at})


def _discount(
    terms: CouponTerms, change: Change | None, shown: ShownSubscription | None
) -> Sentence:
    off = _amount_off(terms, change, shown)
    if off is None:
        return _said("offer_discount")

    if terms.duration == "once" or (terms.months == 1 and shown is not None and shown.is_monthly):
        return _said("offer_off_next_payment", off=off)
    if terms.duration == "forever":
        return _said("offer_off_for_good", off=off)
    if terms.months is None:
        return _said("offer_discount")
    counted = "payments" if shown is not None and shown.is_monthly else "months"
    return _said(f"offer_off_{counted}", off=off, count=terms.months)


def _amount_off(
    terms: CouponTerms, change: Change | None, shown: ShownSubscription | None
) -> Value | None:
    # Stripe's own coupon of that id wins over the vendor's description, and may be worth something else.
    if terms.coupon_id is not None:
        return None
    if terms.percent_off is not None:
        return Percent(terms.percent_off)

    made = change.made if isinstance(change, AddDiscount) else None
    if made is not None and made.amount_minor is not None and made.currency is not None:
        return Money(made.amount_minor, made.currency)
    if terms.amount_off is None or shown is None:
        return None
    currency = shown.subscription.currency
    try:
        return Money(minor_units(terms.amount_off, currency), currency)
    except ValueError:
        return None


def _trial(change: Change | None, shown: ShownSubscription | None) -> Sentence:
    at = change.at if isinstance(change, MoveTrialEnd) else None
    if at is None and shown is not None and shown.subscription.status == "trialing":
        at = shown.subscription.trial_end
    return CARRIED_OUT if at is None else _said("offer_trial_until", date=at)


def _plan(terms: PlanTerms, change: Change | None, shown: ShownSubscription | None) -> Sentence:
    price_id = terms.price_id
    if isinstance(change, SwapPrice | SchedulePrice):
        price_id = change.price_id
    name = None if shown is None else shown.name_of(price_id)
    return _said("offer_plan") if name is None else _said("offer_plan_named", plan=name)


def _pause(change: Change | None, shown: ShownSubscription | None) -> Sentence:
    until: datetime | None
    match change:
        case PausePayments(resumes_at=until):
            kind = "payments"
        case PauseService(resumes_at=until):
            kind = "subscription"
        case _:
            if shown is None or shown.subscription.paused is None:
                return CARRIED_OUT
            kind, until = "payments", shown.subscription.paused.resumes_at

    if until is None:
        return _said(f"offer_{kind}_paused")
    return _said(f"offer_{kind}_paused_until", date=until)


def _said(key: str, *, plain: str = CARRIED_OUT.key, **values: Value) -> Sentence:
    return Sentence(key, values, plain=plain)
