"""From the flow vendor's answer about a flow session to the actions for an accepted offer. Pure."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from aiocancel.core.actions import Action, ActionKind
from aiocancel.core.claim import FlowStatus
from aiocancel.core.codes import AnyCode, Code
from aiocancel.core.decision import Policy
from aiocancel.core.flow_session import FlowSession
from aiocancel.core.identifiers import SubscriptionId
from aiocancel.core.offers.terms import CustomTerms, OfferLimits, PlanTerms, UnusableOffer, breach

OLDEST_SESSION: Final = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Proven:
    """The vendor confirms the offer and the owner's limits allow it; ``actions`` follow from it."""

    offer_id: str
    actions: tuple[Action, ...]


@dataclass(frozen=True, slots=True)
class Disproven:
    """The vendor's word is against the claim: nothing is given, and no human is needed."""

    code: AnyCode


@dataclass(frozen=True, slots=True)
class Doubtful:
    """The customer accepted an offer that we cannot carry out alone: a person decides."""

    code: AnyCode


@dataclass(frozen=True, slots=True)
class NotYet:
    """The vendor still sees the flow session under way, or knows less of it than it should; ``code`` says which."""

    code: AnyCode = Code.FLOW_SESSION_STILL_OPEN


Verdict = Proven | Disproven | Doubtful | NotYet


def judge(
    session: FlowSession | None,
    subscription_id: SubscriptionId,
    customer_id: str,
    policy: Policy,
    limits: OfferLimits,
    *,
    now: datetime,
    meant: Collection[str] | None = None,
) -> Verdict:
    """Judge a claim of an accepted offer by the vendor's flow session. Total: never raises.

    Args:
        session: The flow session; None where the vendor knows no such session.
        subscription_id: The subscription of the grant.
        customer_id: The customer of the grant.
        policy: The owner's standing answers.
        limits: The owner's limits of offers.
        now: The time.
        meant: The subscriptions that the session may be about, where it names the customer only; None where it names
            its own.
    """
    if session is None:
        return Disproven(Code.FLOW_SESSION_UNKNOWN)

    if not session.is_of(subscription_id, customer_id, names_customers=policy.names_customers):
        return Disproven(
            Code.FLOW_SESSION_OF_ANOTHER_CUSTOMER
            if policy.names_customers
            else Code.FLOW_SESSION_OF_ANOTHER_SUBSCRIPTION
        )
    if meant is not None and subscription_id not in meant:
        # The customer's own, and yet a flow about something else: its offer was not made for this one.
        return Disproven(Code.FLOW_SESSION_OF_ANOTHER_SUBSCRIPTION)
    if session.status is not FlowStatus.SAVED:
        return _without_an_offer(session.status)
    if session.completed_at is not None and now - session.completed_at > OLDEST_SESSION:
        # It may be from a time when the flow vendor or another program carried offers out, and have been paid then.
        return Doubtful(Code.FLOW_SESSION_IS_OLD)

    if meant is not None and len(meant) > 1:
        return Doubtful(Code.WHICH_SUBSCRIPTION)

    offer = session.accepted
    if offer is None:
        return Doubtful(Code.NO_OFFER_NAMED)
    if isinstance(offer, UnusableOffer):
        return Doubtful(offer.code)
    if code := breach(offer, limits):
        return Doubtful(code)
    if isinstance(offer.terms, CustomTerms):
        # No vendor carries out a custom offer; that is the meaning of the word.
        return Proven(
            offer.offer_id, (Action(ActionKind.RUN_OFFER_HANDLER, subscription_id, offer=offer),)
        )
    changes_seats = isinstance(offer.terms, PlanTerms) and offer.terms.seats is not None
    if policy.applies_offers == "vendor" and not changes_seats:
        # The vendor's word names the change to expect; Stripe must show that it happened.
        accepted = replace(offer, accepted_at=session.completed_at or now)
        return Proven(
            offer.offer_id, (Action(ActionKind.EXPECT_OFFER, subscription_id, offer=accepted),)
        )
    return Proven(offer.offer_id, (Action(ActionKind.APPLY_OFFER, subscription_id, offer=offer),))


def _without_an_offer(status: FlowStatus) -> Verdict:
    if status is FlowStatus.IN_PROGRESS:
        return NotYet()
    if status is FlowStatus.CANCELED:
        # The vendor's event of this end finds the claim there and is dropped: here somebody must see that one leaves.
        return Doubtful(Code.FLOW_SESSION_SAYS_CANCELED)
    return Disproven(Code.flow_session_says(status))
