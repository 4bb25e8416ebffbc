"""From a proven outcome to the actions that follow. Pure: the same outcome always gets the same answer.

Cancellations are decided here to be now or at the period's end; core/actions.py ends at once what has no paid period.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Literal

from aiocancel.core.actions import WAITS_FOR_PAYMENT, Action, ActionKind, ActionState, Receipt
from aiocancel.core.claim import OURS, FlowClaim, FlowStatus, Topic, VerifiedOutcome
from aiocancel.core.flow_details import whole_reason
from aiocancel.core.grants import Grant
from aiocancel.core.identifiers import CustomerId, SubscriptionId
from aiocancel.core.offer_sentences import Given
from aiocancel.core.page_facts import ShownSubscription
from aiocancel.core.subscription import ENDED_STATUSES
from aiocancel.core.told_reason import ToldReason
from aiocancel.core.undo import takes_back, undo_of

__all__ = [
    "Answer",
    "AnswerKind",
    "Applier",
    "CancelTiming",
    "Decision",
    "Policy",
    "Topic",
    "answer_of",
    "decide",
    "decide_unproven",
    "verify_own_choice",
]

CancelTiming = Literal["at_period_end", "now"]
Applier = Literal["app", "vendor"]


@dataclass(frozen=True, slots=True)
class Policy:
    """The owner's standing answers: when a cancellation takes effect, and who carries out cancellations and offers.

    ``verifies_offers`` says that the flow vendor's API can be asked, ``names_customers`` that its flow
    sessions name the application's customer instead of Stripe's subscription. ``proof_in`` is where a flow session
    carries our proof, as ``FlowSession.marks`` names it. ``trusts_vendor_sessions`` takes a session without a proof
    for one of ours. ``pays_without_event`` believes in sessions of which the vendor's list of events knows nothing.
    """

    cancel_timing: CancelTiming = "at_period_end"
    applies_cancellation: Applier = "app"
    applies_offers: Applier = "vendor"
    verifies_offers: bool = False
    names_customers: bool = False
    proof_in: str | None = None
    trusts_vendor_sessions: bool = False
    pays_without_event: bool = False


class AnswerKind(StrEnum):
    """The honest answers; never "done" before Stripe said so, and "closed" where a person took it over."""

    DONE = "done"
    SCHEDULED = "scheduled"
    NEEDS_PAYMENT_ACTION = "needs_payment_action"
    QUEUED = "queued"
    MANUAL = "manual"
    REFUSED = "refused"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer that is honest to the customer; ``effective_at`` is Stripe's date, aware UTC.

    ``payment_url`` is the page where the customer confirms a payment that the change waits for. Everyone who has the
    URL sees the invoice. ``given`` is the offer and ``subscription_id`` the subscription that it speaks of, where
    the ledger was asked for them, and ``received_at`` says then when the claim came. ``why`` is what its customer may
    hear of a choice that was refused or left to a person.
    """

    kind: AnswerKind
    change: Topic
    effective_at: datetime | None = None
    payment_url: str | None = field(default=None, repr=False)
    given: Given | None = field(default=None, repr=False, compare=False)
    subscription_id: SubscriptionId | None = field(default=None, compare=False)
    received_at: datetime | None = field(default=None, compare=False)
    why: ToldReason | None = field(default=None, compare=False)

    def is_seen_in(self, shown: ShownSubscription) -> bool:
        """Whether a reading of the subscription is from after this answer, as far as it can tell."""
        subscription = shown.subscription

        match self.change:
            case Topic.OFFER:
                return self.given is None or self.given.is_seen_in(shown)
            case Topic.CANCELLATION:
                return subscription.is_ending or subscription.has_ended
            case Topic.RESUMPTION:
                return not subscription.is_ending
            case Topic.UNPAUSING:
                return subscription.paused is None and subscription.status != "paused"
            case _:
                return True

    def as_shown(self, shown: ShownSubscription | None) -> Answer:
        """Return the answer as it stands by Stripe: what was cancelled for a later date is done once it has ended.

        The date is then Stripe's own, which may be another one than that of the cancellation.

        Args:
            shown: The subscription as Stripe has it, None where Stripe did not answer.
        """
        is_to_end = (self.kind, self.change) == (AnswerKind.SCHEDULED, Topic.CANCELLATION)
        if shown is None or not is_to_end or not shown.subscription.has_ended:
            return self
        return replace(self, kind=AnswerKind.DONE, effective_at=shown.subscription.ends_at)

    @property
    def is_settled(self) -> bool:
        """Whether waiting longer will not change it."""
        return self.kind is not AnswerKind.QUEUED


@dataclass(frozen=True, slots=True)
class Decision:
    """The actions to carry out in their order, or, when there are none, the answer at once."""

    change: Topic
    actions: tuple[Action, ...] = ()
    answer: Answer | None = None


def verify_own_choice(claim: FlowClaim, grant: Grant) -> VerifiedOutcome | None:
    """Prove a cancellation, or an undo, by the grant alone: the owner of a subscription may do both.

    ``grant`` comes from GrantSealer.open, which has checked its owner. Everything else is None: a gift
    needs the vendor's word.
    """
    if claim.status is not FlowStatus.CANCELED and not takes_back(claim.status):
        return None
    return _proven(claim, grant.customer_id, grant.subscription_id, "grant")


def _proven(
    claim: FlowClaim, customer_id: CustomerId, subscription_id: SubscriptionId, evidence: str
) -> VerifiedOutcome:
    reason = whole_reason(claim.reason, claim.details)
    return VerifiedOutcome(
        claim.status, customer_id, subscription_id, reason, evidence, claim.vendor
    )


def decide(outcome: VerifiedOutcome, policy: Policy) -> Decision:
    """Say which actions a proven outcome calls for. Total over every status."""
    if (undo := undo_of(outcome.status)) is not None:
        return Decision(undo.change, (Action(undo.kind, outcome.subscription_id),))

    if outcome.status is not FlowStatus.CANCELED:
        return Decision(Topic.NOTHING, answer=Answer(AnswerKind.DONE, Topic.NOTHING))
    # The flow vendor cannot carry out a cancellation that never reached it, because it is down or its widget blocked.
    if policy.applies_cancellation == "vendor" and outcome.vendor not in OURS:
        kind = ActionKind.EXPECT_CANCELLATION
    elif policy.cancel_timing == "now":
        kind = ActionKind.CANCEL_NOW
    else:
        kind = ActionKind.CANCEL_AT_PERIOD_END
    return Decision(Topic.CANCELLATION, (Action(kind, outcome.subscription_id, outcome.reason),))


def decide_unproven(claim: FlowClaim, subscription_id: SubscriptionId) -> Decision:
    """Say what follows from a claim that the grant alone does not prove: nothing is changed on its word.

    The browser's word proves neither that a gift is due nor that the vendor has made it. The vendor's API is asked.
    Where it cannot be, the worker parks the question, so that a person sees it.
    """
    if claim.status is not FlowStatus.SAVED:
        return Decision(Topic.NOTHING, answer=Answer(AnswerKind.DONE, Topic.NOTHING))
    ask = Action(ActionKind.VERIFY_OFFER, subscription_id, flow_session_id=claim.flow_session_id)
    return Decision(Topic.OFFER, (ask,))


def decide_by_vendor(
    claim: FlowClaim, customer_id: CustomerId, subscription_id: SubscriptionId, policy: Policy
) -> Decision:
    """Say what follows from a claim that the vendor's API tells of."""
    if claim.status is not FlowStatus.CANCELED:
        return decide_unproven(claim, subscription_id)
    return decide(_proven(claim, customer_id, subscription_id, "vendor"), policy)


def answer_of(change: Topic, actions: Sequence[tuple[ActionState, Receipt | None]]) -> Answer:
    """Sum up where the actions of one claim stand, in their order.

    One refused action makes the whole answer refused, one parked makes it manual; one without a receipt makes
    it queued, and so does having none at all: nothing is called done on no evidence. The receipt of an
    unfinished one says whether it waits for its date or a payment. Where a person has closed one, that person alone
    knows the result.
    """
    if any(state is ActionState.REFUSED for state, _ in actions):
        return Answer(AnswerKind.REFUSED, change)
    if any(state is ActionState.PARKED for state, _ in actions):
        return Answer(AnswerKind.MANUAL, change)

    receipts = [(state, receipt) for state, receipt in actions if receipt is not None]
    closed = sum(state is ActionState.CLOSED for state, _ in actions)
    if closed and len(receipts) + closed == len(actions):
        return Answer(AnswerKind.CLOSED, change)
    if not receipts or len(receipts) < len(actions):
        return Answer(AnswerKind.QUEUED, change)

    for state, receipt in receipts:
        if state is not ActionState.DONE:
            if receipt.status == WAITS_FOR_PAYMENT:
                return Answer(
                    AnswerKind.NEEDS_PAYMENT_ACTION, change, payment_url=receipt.payment_url
                )
            return Answer(AnswerKind.SCHEDULED, change, receipt.ends_at)

    last = receipts[-1][1]
    if change is Topic.CANCELLATION and last.status not in ENDED_STATUSES:
        return Answer(AnswerKind.SCHEDULED, change, last.ends_at)
    return Answer(AnswerKind.DONE, change, last.ends_at)
