"""What a flow session holds beside its end: the survey's answers, the offers that were shown, metadata.

Nothing is decided by it. It goes to the application's hooks and back to the customer's own page.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal

from aiocancel.core.claim_reason import MAX_REASON_LENGTH, CancelReason, clean_text

Teller = Literal["browser", "vendor"]

FREE_TEXT: Final = "text"
"""The type of a question that is answered in the customer's own words."""

# Beside free text, of the words on the choice that goes with it.
_LONGEST_CHOICE: Final = 150


@dataclass(frozen=True, slots=True)
class Answered:
    """One survey question and the customer's words for it.

    Args:
        question_id: The flow vendor's id of the question, where known.
        question_type: The flow vendor's word for its kind, where known.
        question: The question as the customer read it, where known.
        values: The answers; empty where nothing was answered.
        sentiment: The flow vendor's word for the mood of the answer, where it gives one.
    """

    question_id: str | None
    question_type: str | None
    question: str | None
    values: tuple[str, ...] = field(default=(), repr=False)
    sentiment: str | None = None


@dataclass(frozen=True, slots=True)
class FlowDetails:
    """What a flow session holds beside its end.

    Args:
        told_by: ``vendor`` where the flow vendor's API said so, or where the flow is the application's own. ``browser``
            where only the customer's page did: then anybody at that page may have written them, and they prove nothing.
        answers: The survey's questions and answers.
        presented: The ids of the offers that were shown.
        metadata: What the owner wrote at the vendor beside the offer that was accepted.
    """

    told_by: Teller
    answers: tuple[Answered, ...] = field(default=(), repr=False)
    presented: tuple[str, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def comment(self) -> str | None:
        """The customer's own words: the answers in free text, one on a line; None where there are none."""
        words = [
            value
            for answer in self.answers
            if answer.question_type == FREE_TEXT
            for value in answer.values
        ]
        return "\n".join(words) or None


@dataclass(frozen=True, slots=True)
class Told:
    """How the flow of a claim ended, in the flow's word, and what it held beside that."""

    status: str
    details: FlowDetails | None = field(default=None, repr=False)


def whole_reason(reason: CancelReason, details: FlowDetails | None) -> CancelReason:
    """Return the reason as Stripe is told it: the chosen one and, after a colon, the customer's own words.

    Stripe's comment takes 500 characters; a long choice gives way to the customer's own words.
    """
    comment = None if details is None else details.comment
    if comment is None or comment == reason.text:
        return reason
    if reason.text is None:
        return replace(reason, text=clean_text(comment, longest=MAX_REASON_LENGTH))
    both = f"{reason.text[:_LONGEST_CHOICE]}: {comment}"
    return replace(reason, text=clean_text(both, longest=MAX_REASON_LENGTH))


def details_to_json(details: FlowDetails) -> dict[str, Any]:
    """Return the details as the ledger holds them and as the customer's own page gets them."""
    return {
        "told_by": details.told_by,
        "answers": [
            {
                "question_id": each.question_id,
                "question_type": each.question_type,
                "question": each.question,
                "values": list(each.values),
                "sentiment": each.sentiment,
            }
            for each in details.answers
        ],
        "comment": details.comment,
        "offers_presented": list(details.presented),
        "metadata": dict(details.metadata),
    }


def details_from_json(stored: Mapping[str, Any]) -> FlowDetails:
    """Read what ``details_to_json`` wrote; what a newer release wrote beside it is left out: nothing hangs on it."""
    answers: Sequence[Mapping[str, Any]] = stored.get("answers", ())

    return FlowDetails(
        told_by="vendor" if stored.get("told_by") == "vendor" else "browser",
        answers=tuple(
            Answered(
                each.get("question_id"),
                each.get("question_type"),
                each.get("question"),
                tuple(each.get("values", ())),
                each.get("sentiment"),
            )
            for each in answers
        ),
        presented=tuple(stored.get("offers_presented", ())),
        metadata=dict(stored.get("metadata", {})),
    )
