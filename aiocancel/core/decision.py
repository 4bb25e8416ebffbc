"""From a proven outcome to what is done about it. Pure: the same outcome always gets the same answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Literal

from aiocancel.core.actions import Action, ActionKind, ActionState, Receipt
from aiocancel.core.flow import OWN_VENDOR, FlowClaim, FlowStatus, VerifiedOutcome
from aiocancel.core.subscription import ENDED_STATUSES

CancelTiming = Literal["at_period_end", "now"]
Applier = Literal["app", "vendor"]


@dataclass(frozen=True, slots=True)
class Policy:
    """The owner's standing answers: when a cancellation takes effect, and who carries out what."""

    cancel_timing: CancelTiming = "at_period_end"
    applies_cancellation: Applier = "app"
    applies_offers: Applier = "vendor"


class AnswerKind(StrEnum):
    """The honest answers; never "done" before Stripe said so."""

    DONE = "done"
    SCHEDULED = "scheduled"
    NEEDS_PAYMENT_ACTION = "needs_payment_action"
    QUEUED = "queued"
    MANUAL = "manual"
    REFUSED = "refused"


class Change(StrEnum):
    """What the answer is about."""

    CANCELLATION = "cancellation"
    RESUMPTION = "resumption"
    OFFER = "offer"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Answer:
    """What may honestly be told to the customer; ``effective_at`` is Stripe's date, aware UTC."""

    kind: AnswerKind
    change: Change
    effective_at: datetime | None = None

    @property
    def is_settled(self) -> bool:
        """Whether waiting longer will not change it."""
        return self.kind is not AnswerKind.QUEUED


@dataclass(frozen=True, slots=True)
class Decision:
    """The actions to carry out in their order, or, when there are none, the answer at once."""

    change: Change
    actions: tuple[Action, ...] = ()
    answer: Answer | None = None


def decide(outcome: VerifiedOutcome, policy: Policy) -> Decision:
    """Say what a proven outcome calls for. Total over every status."""
    if outcome.status is FlowStatus.RESUMED:
        return Decision(Change.RESUMPTION, (Action(ActionKind.RESUME, outcome.subscription_id),))
    if outcome.status is not FlowStatus.CANCELED:
        return Decision(Change.NOTHING, answer=Answer(AnswerKind.DONE, Change.NOTHING))
    # What went past the flow vendor, because it is down or its widget is blocked, it cannot carry out.
    if policy.applies_cancellation == "vendor" and outcome.vendor != OWN_VENDOR:
        kind = ActionKind.EXPECT_CANCELLATION
    elif policy.cancel_timing == "now":
        kind = ActionKind.CANCEL_NOW
    else:
        kind = ActionKind.CANCEL_AT_PERIOD_END
    return Decision(Change.CANCELLATION, (Action(kind, outcome.subscription_id, outcome.reason),))


def decide_unproven(claim: FlowClaim, policy: Policy) -> Decision:
    """Say what to answer to a claim that the grant alone does not prove: nothing is ever changed.

    An accepted offer that the flow vendor carries out is recorded; one that the application would have to
    carry out waits for a human, because the browser's word is not enough for a gift.
    """
    if claim.status is not FlowStatus.SAVED:
        return Decision(Change.NOTHING, answer=Answer(AnswerKind.DONE, Change.NOTHING))
    kind = AnswerKind.DONE if policy.applies_offers == "vendor" and claim.offer_type != "custom" else AnswerKind.MANUAL
    return Decision(Change.OFFER, answer=Answer(kind, Change.OFFER))


def answer_of(change: Change, actions: Sequence[tuple[ActionState, Receipt | None]]) -> Answer:
    """Sum up where the actions of one claim stand, in their order.

    One parked action makes the whole answer manual; one without a receipt makes it queued, and so does having
    none at all: nothing is called done on no evidence.
    """
    if any(state is ActionState.PARKED for state, _ in actions):
        return Answer(AnswerKind.MANUAL, change)
    receipts = [receipt for state, receipt in actions if state is ActionState.DONE and receipt is not None]
    if not receipts or len(receipts) < len(actions):
        return Answer(AnswerKind.QUEUED, change)
    last = receipts[-1]
    if change is Change.CANCELLATION and last.status not in ENDED_STATUSES:
        return Answer(AnswerKind.SCHEDULED, change, last.ends_at)
    return Answer(AnswerKind.DONE, change, last.ends_at)
