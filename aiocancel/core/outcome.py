"""How a claim ended, as the application's hooks see it."""

from __future__ import annotations

from dataclasses import dataclass, field

from aiocancel.core.claim import CancelReason
from aiocancel.core.codes import AnyCode
from aiocancel.core.decision import Answer, AnswerKind
from aiocancel.core.flow_details import FlowDetails


@dataclass(frozen=True, slots=True)
class Outcome:
    """One claim's end.

    ``status`` is the flow's word (canceled, saved, deflected, incomplete, resumed, unpaused, …) and ``answer`` our
    answer to it. ``customer_id`` is None where only the flow vendor told us. ``problem`` is the code of the
    obstacle. ``flow`` holds the survey's answers, the customer's own words (``flow.comment``), the offers that were
    shown and the accepted one's metadata, and says whether the vendor's API told them or only the browser; it is
    None where no flow was run, or where nothing is known of it.
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

    @property
    def failed(self) -> bool:
        """Whether a person has to look at it, or it was refused."""
        return self.answer.kind in (AnswerKind.MANUAL, AnswerKind.REFUSED)
