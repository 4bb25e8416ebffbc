"""Why a customer leaves, in words that Postgres and Stripe can hold."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

# https://docs.stripe.com/api/subscriptions/cancel: the only values of cancellation_details.feedback
FEEDBACK_VALUES: Final = frozenset(
    {
        "customer_service",
        "low_quality",
        "missing_features",
        "other",
        "switched_service",
        "too_complex",
        "too_expensive",
        "unused",
    }
)
MAX_REASON_LENGTH = 500
MAX_WORD_LENGTH = 255


def clean_text(text: str | None, *, longest: int) -> str | None:
    """Return a customer's text as Postgres and Stripe can hold it, at most ``longest`` characters; None if empty.

    NUL and halves of surrogate pairs, which JSON can spell, become U+FFFD.
    """
    if text is None:
        return None
    whole = (
        text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").replace("\0", "\ufffd")
    )
    return whole.strip()[:longest] or None


@dataclass(frozen=True, slots=True)
class CancelReason:
    """Why a customer leaves, in the customer's words: ``text`` at most 500 characters, ``code`` the vendor's."""

    text: str | None = field(default=None, repr=False)
    code: str | None = None


NO_REASON = CancelReason()
