"""Flow sessions: one customer's run through one flow, as the flow vendor's API tells it and never a browser."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from aiocancel.core.claim import NO_REASON, CancelReason, FlowStatus
from aiocancel.core.identifiers import FlowSessionId
from aiocancel.core.offers.terms import AcceptedOffer, UnusableOffer

COMPLETED: Final = "flow_session_completed"
"""The name of the event that a flow session has ended, with an underscore whatever the vendor's release writes."""


@dataclass(frozen=True, slots=True)
class Answered:
    """One survey question and the customer's words for it; ``values`` is empty where nothing was answered."""

    question_id: str | None
    question_type: str | None
    question: str | None
    values: tuple[str, ...] = field(default=(), repr=False)
    sentiment: str | None = None


@dataclass(frozen=True, slots=True)
class FlowSession:
    """A flow session as the vendor has it now; it may still change, ``incomplete`` above all.

    ``subscription_id`` and ``subscriber_id`` are the billing platform's own ids, not the vendor's, and
    have to be compared with the grant's before anything is done. ``presented`` holds offer ids;
    ``created_at`` and ``completed_at`` are aware UTC. ``marks`` holds what may be our proof, by where it stood:
    ``meta``, or ``property:`` and the identifier of a custom property.
    """

    session_id: FlowSessionId
    status: FlowStatus
    subscription_id: str | None = None
    subscriber_id: str | None = field(default=None, repr=False)
    accepted: AcceptedOffer | UnusableOffer | None = None
    presented: tuple[str, ...] = ()
    reason: CancelReason = NO_REASON
    answers: tuple[Answered, ...] = field(default=(), repr=False)
    completed_at: datetime | None = None
    created_at: datetime | None = None
    marks: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class VendorEvent:
    """Something that the vendor says happened, such as ``flow_session_completed``.

    ``session`` is the flow session at that moment. It is None, and ``problem`` says why, for an event
    that is about something else or cannot be read: one such must not hold up those after it.
    """

    event_id: str
    name: str
    session: FlowSession | None
    created_at: datetime | None = None
    problem: str | None = None
