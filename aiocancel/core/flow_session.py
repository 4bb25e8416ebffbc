"""Flow sessions: one customer's run through one flow, as the flow vendor's API tells it and never a browser."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from aiocancel.core.claim import FlowStatus
from aiocancel.core.claim_reason import NO_REASON, CancelReason
from aiocancel.core.codes import Code
from aiocancel.core.flow_details import Answered, FlowDetails
from aiocancel.core.identifiers import FlowSessionId
from aiocancel.core.offers.terms import AcceptedOffer, UnusableOffer

COMPLETED: Final = "flow_session_completed"
"""The name of the event that a flow session has ended, with an underscore whatever the vendor's release writes."""


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

    @property
    def details(self) -> FlowDetails:
        """What the vendor's API tells beside the end."""
        metadata = self.accepted.metadata if isinstance(self.accepted, AcceptedOffer) else {}
        return FlowDetails("vendor", self.answers, self.presented, metadata)

    def is_of(self, subscription_id: str, customer_id: str, *, names_customers: bool) -> bool:
        """Tell whether it is this customer's, and about this subscription.

        Args:
            subscription_id: Stripe's id, as the grant names it.
            customer_id: The application's own id, as the grant names it; empty where nobody is named.
            names_customers: Whether the vendor's flow sessions name the application's customers instead of Stripe's
                subscriptions.
        """
        if names_customers:
            return bool(customer_id) and self.subscriber_id == customer_id
        return self.subscription_id == subscription_id


@dataclass(frozen=True, slots=True)
class VendorEvent:
    """Something that the vendor says happened, such as ``flow_session_completed``.

    ``session`` is the flow session at that moment. It is None, and ``problem`` says why, for an event
    that is about something else or cannot be read: one such must not hold up those after it. ``detail`` is a
    sentence for the log: it names the place that cannot be read, never a value.
    """

    event_id: str
    name: str
    session: FlowSession | None
    created_at: datetime | None = None
    problem: Code | None = None
    detail: str | None = field(default=None, repr=False)
