"""An untrusted claim of how a flow ended, and the outcome once it is proven."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from aiocancel.core.claim_reason import (
    MAX_REASON_LENGTH,
    MAX_WORD_LENGTH,
    NO_REASON,
    CancelReason,
    clean_text,
)
from aiocancel.core.declaration import Declaration
from aiocancel.core.flow_details import FlowDetails
from aiocancel.core.identifiers import CustomerId, FlowSessionId, SubscriptionId

__all__ = [
    "MAX_REASON_LENGTH",
    "MAX_WORD_LENGTH",
    "NO_REASON",
    "OURS",
    "OWN_FLOW",
    "OWN_VENDOR",
    "CancelReason",
    "FlowClaim",
    "FlowStatus",
    "RecoveryPoint",
    "Topic",
    "VerifiedOutcome",
    "clean_text",
]

OWN_VENDOR = "aiocancel"
"""The vendor's name in a claim that no flow vendor has seen: the plain form, or a script of the application's."""

OWN_FLOW = "own"
"""The vendor's name in a claim that came from a flow of our own."""

OURS = frozenset({OWN_VENDOR, OWN_FLOW})
"""The vendors of claims that no other company has seen, and so cannot carry out."""


class FlowStatus(StrEnum):
    """How a flow ended; a word that we do not know is ``unknown`` and does nothing.

    The last but ``unknown`` are our own and come from no flow vendor: the customer takes back a scheduled
    cancellation (``resumed``), a pause (``unpaused``), a discount (``discount_removed``) or another plan that was to
    come when the period ends (``plan_kept``).
    """

    CANCELED = "canceled"
    SAVED = "saved"
    DEFLECTED = "deflected"
    INCOMPLETE = "incomplete"
    REROUTED = "rerouted"
    IN_PROGRESS = "in_progress"
    RESUMED = "resumed"
    UNPAUSED = "unpaused"
    DISCOUNT_REMOVED = "discount_removed"
    PLAN_KEPT = "plan_kept"
    UNKNOWN = "unknown"


class Topic(StrEnum):
    """The subject of an answer."""

    CANCELLATION = "cancellation"
    RESUMPTION = "resumption"
    UNPAUSING = "unpausing"
    DISCOUNT_REMOVAL = "discount_removal"
    PLAN_KEEPING = "plan_keeping"
    OFFER = "offer"
    NOTHING = "nothing"


class RecoveryPoint(StrEnum):
    """How far a claim has come: its last durable step, the same word in ledger, journal and tests."""

    CLAIM_RECORDED = "claim_recorded"
    OUTCOME_VERIFIED = "outcome_verified"
    ACTIONS_ENQUEUED = "actions_enqueued"
    ACTION_APPLIED = "action_applied"


@dataclass(frozen=True, slots=True)
class FlowClaim:
    """A report of how a flow ended; a browser's is never acted on as it stands.

    ``details`` is None where the flow has none, as the plain form. ``declaration`` is what the customer read and
    pressed, None where no page of ours tells.
    """

    vendor: str
    status: FlowStatus
    flow_session_id: FlowSessionId | None = None
    reason: CancelReason = NO_REASON
    offer_id: str | None = None
    offer_type: str | None = None
    details: FlowDetails | None = field(default=None, repr=False)
    declaration: Declaration | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class VerifiedOutcome:
    """A proven end of a flow, and its evidence: ``evidence`` is ``grant`` for a customer's own choice.

    ``vendor`` is the one whose flow it came from.
    """

    status: FlowStatus
    customer_id: CustomerId = field(repr=False)
    subscription_id: SubscriptionId
    reason: CancelReason
    evidence: str
    vendor: str
