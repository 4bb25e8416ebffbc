"""The answers that a customer gave in a flow of our own. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

from aiocancel.core.claim_reason import MAX_REASON_LENGTH, clean_text

LONGEST_ANSWER = MAX_REASON_LENGTH
"""In characters: as many as Stripe takes of a comment."""


@dataclass(frozen=True, slots=True)
class Answers:
    """Why a customer leaves, as far as they said so; every field may be left out.

    Args:
        reason: The key of the reason chosen.
        follow_up: The customer's words in the field of that reason.
        comment: The customer's words in the field below all reasons.
    """

    reason: str | None = None
    follow_up: str | None = field(default=None, repr=False)
    comment: str | None = field(default=None, repr=False)

    def cleaned(self) -> Answers:
        """Return them as Postgres and Stripe can hold them."""
        return Answers(
            self.reason,
            clean_text(self.follow_up, longest=LONGEST_ANSWER),
            clean_text(self.comment, longest=LONGEST_ANSWER),
        )


NO_ANSWERS = Answers()
