"""How a claim ended, as the application's hooks see it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from aiocancel.core.claim import CancelReason
from aiocancel.core.codes import AnyCode
from aiocancel.core.decision import Answer, AnswerKind
from aiocancel.core.flow_details import FlowDetails


@dataclass(frozen=True, slots=True)
class Outcome:
    """One claim's end.

    Args:
        claim_id: The claim's public id.
        customer_id: The customer, as ``identify`` returned it; None where only the flow vendor told us.
        subscription_id: The subscription at Stripe.
        vendor: The flow vendor's name.
        status: The flow's word: canceled, saved, deflected, incomplete, resumed, unpaused, …
        flow_session_id: The flow vendor's id of the session; None where there was none.
        offer_id: The offer that was accepted; None where none was.
        reason: Why the customer cancels.
        answer: Our answer to it.
        problem: The code of the obstacle; None where there is none.
        flow: The survey's answers, the customer's own words (``flow.comment``), the offers that were shown and the
            accepted one's metadata, and whether the vendor's API told them or only the browser. None where there
            was no flow, or where nothing is known of it.
        snapshot: The plan, price, interval, tenure and country when a flow of your own began, as JSON values: ``plan``,
            ``price_minor``, ``currency``, ``interval``, ``started_at``, ``country`` and others, each None where nobody
            knows. None where there was no flow of your own.
    """

    claim_id: str
    customer_id: str | None = field(repr=False)
    subscription_id: str
    vendor: str
    status: str
    flow_session_id: str | None
    offer_id: str | None
    reason: CancelReason = field(repr=False)
    answer: Answer
    problem: AnyCode | None
    flow: FlowDetails | None = field(default=None, repr=False)
    snapshot: Mapping[str, Any] | None = field(default=None, repr=False)

    @property
    def failed(self) -> bool:
        """Whether a person has to look at it, or it was refused."""
        return self.answer.kind in (AnswerKind.MANUAL, AnswerKind.REFUSED)
