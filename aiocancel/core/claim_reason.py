"""Why a customer leaves, in words that Postgres and Stripe can hold."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from aiocancel.core.storable_text import is_storable

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

# Two halves in a row are one character.
_UNFIT: Final = re.compile(
    "\0|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]"
)


def clean_text(text: str | None, *, longest: int) -> str | None:
    """Return a customer's text as Postgres and Stripe can hold it, at most ``longest`` characters; None if empty.

    NUL and halves of surrogate pairs, which JSON can spell, become U+FFFD.
    """
    if text is None:
        return None
    if not is_storable(text):
        # Not by the decoder's own replacement: for 40,000 halves that takes 40 ms, in which nobody else is answered.
        text = _UNFIT.sub("\ufffd", text).encode("utf-16", "surrogatepass").decode("utf-16")
    return text.strip()[:longest] or None


@dataclass(frozen=True, slots=True)
class CancelReason:
    """Why a customer leaves, in the customer's words: ``text`` at most 500 characters, ``code`` the vendor's."""

    text: str | None = field(default=None, repr=False)
    code: str | None = None


NO_REASON = CancelReason()
