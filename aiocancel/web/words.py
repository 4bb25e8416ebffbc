"""The customer's words for each answer and each error.

The words themselves are in ``aiocancel/texts``; here is which of them is said when. An error's own message is
for the developer of a page and goes out as ``reason``; the customer's words go out as ``message``.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Final, NamedTuple

from aiocancel.config import DEFAULT_TEXTS, Settings
from aiocancel.core.codes import AnyCode, Code
from aiocancel.core.undo import UNDOS
from aiocancel.errors import ClaimError, UnavailableError, UnknownCustomerError

if TYPE_CHECKING:
    from aiocancel.core.decision import Answer

ERRORS: Final[Mapping[AnyCode, str]] = {
    Code.NOT_LOGGED_IN: "not_logged_in",
    Code.MALFORMED: "unreadable",
    Code.WRONG_CONTENT_TYPE: "unreadable",
    Code.CONTENT_ENCODING: "unreadable",
    Code.TOO_SLOW: "unreadable",
    Code.CLAIM_REFUSED: "unreadable",
    Code.TOO_LARGE: "too_large",
    Code.GRANT_REFUSED: "page_invalid",
    Code.GRANT_INVALID: "page_invalid",
    Code.GRANT_MODE: "page_invalid",
    Code.GRANT_EXPIRED: "page_expired",
    Code.GRANT_USED: "page_used",
    Code.GRANT_NOT_YOURS: "page_of_another",
    Code.SUBSCRIPTION_NOT_YOURS: "subscription_not_yours",
    Code.UNKNOWN_CLAIM: "unknown_claim",
    Code.UNKNOWN_SUBSCRIPTION: "unknown_subscription",
    Code.UNKNOWN_CUSTOMER: "unknown_customer",
    Code.WHICH_SUBSCRIPTION: "which_subscription",
    Code.TOO_MANY_POSTS: "too_many_posts",
    Code.TOO_MUCH_UNFINISHED: "too_much_unfinished",
}
"""The code of each error that refuses a request, and the key of its text."""

DONE: Final = {
    "cancellation": "canceled",
    "offer": "offer",
    "nothing": "nothing",
    **{str(undo.change): undo.done for undo in UNDOS},
}
"""The key of the text for each change that has been carried out."""

_RETRY_AFTER_S: Final = 2
# The posts of one minute are counted.
_RETRY_POSTS_AFTER_S: Final = 60


class Refusal(NamedTuple):
    """The answer to one error; ``retry_after_s`` is None where the same request cannot succeed."""

    status: int
    code: AnyCode
    reason: str
    message: str
    retry_after_s: int | None = None


def refusal_of(error: ClaimError | UnavailableError, settings: Settings) -> Refusal:
    """Say how ``error`` is answered, in the words of ``settings``."""
    if isinstance(error, UnknownCustomerError):
        # Asking again will not help, so nothing invites to.
        message = settings.text("unknown_customer")
        return Refusal(404, Code.UNKNOWN_CUSTOMER, str(error), message)
    if isinstance(error, UnavailableError):
        # Its own text may name a database.
        text = settings.text("unavailable")
        return Refusal(503, Code.UNAVAILABLE, text, text, _RETRY_AFTER_S)

    key = ERRORS.get(error.code, "unreadable") if error.fate is None else error.fate
    message = settings.text(key)
    retry_after_s = _RETRY_POSTS_AFTER_S if error.status == 429 else None
    return Refusal(error.status, error.code, str(error), message, retry_after_s)


def message_of(answer: Answer, settings: Settings) -> str:
    """Say where a claim stands, in the words of ``settings``."""
    key = message_key(answer)
    if answer.effective_at is None or f"{key}_at" not in DEFAULT_TEXTS:
        return settings.text(key)
    return settings.text(f"{key}_at").format(date=_day(answer.effective_at))


def message_key(answer: Answer) -> str:
    """Return the key of the text for an answer, without its date."""
    # An answer brings its module with it; we load it no earlier than the plug-in opens.
    from aiocancel.core.decision import AnswerKind, Topic

    is_offer = answer.change is Topic.OFFER
    match answer.kind:
        case AnswerKind.DONE:
            return DONE[answer.change]
        case AnswerKind.SCHEDULED:
            return "offer_scheduled" if is_offer else "scheduled"
        case AnswerKind.MANUAL:
            return "manual_offer" if is_offer else "manual"
        case AnswerKind.CLOSED:
            return "closed_by_hand"
        case _:
            return str(answer.kind)


def _day(moment: datetime) -> str:
    return f"{moment:%B} {moment.day}, {moment.year}"
