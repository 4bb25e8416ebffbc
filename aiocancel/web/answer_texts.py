"""The customer's words for each answer and each error.

The words themselves are in ``aiocancel/texts``; here is which of them is said when. An error's own message is
for the developer of a page and goes out as ``reason``; the customer's words go out as ``message``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, NamedTuple

from aiocancel.config import DEFAULT_TEXTS
from aiocancel.core.codes import AnyCode, Code
from aiocancel.core.sentences import Sentence
from aiocancel.core.undo import UNDOS
from aiocancel.errors import (
    AskedTooOftenError,
    ClaimError,
    UnavailableError,
    UnknownCustomerError,
)

if TYPE_CHECKING:
    from aiocancel.core.decision import Answer
    from aiocancel.core.page_facts import ShownSubscription
    from aiocancel.web.languages import Words

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
    Code.LINK_EXPIRED: "letter_link_expired",
    Code.UNKNOWN_SUBSCRIPTION: "unknown_subscription",
    Code.UNKNOWN_CUSTOMER: "unknown_customer",
    Code.TOO_MANY_LOOKUPS: "too_many_posts",
    Code.WHICH_SUBSCRIPTION: "which_subscription",
    Code.NOT_AT_THIS_STEP: "nothing",
    Code.OFFER_WAS_NOT_SHOWN: "nothing",
    Code.OFFER_NO_LONGER_FITS: "flow_offer_gone",
    Code.MONTHS_WERE_NOT_OFFERED: "nothing",
    Code.FLOW_SESSION_IS_OVER: "nothing",
    Code.TOO_MANY_POSTS: "too_many_posts",
    Code.TOO_MUCH_UNFINISHED: "too_much_unfinished",
}
"""The code of each error that refuses a request, and the key of its text."""

TITLES: Final[Mapping[AnyCode, str]] = {
    Code.NOT_LOGGED_IN: "flow_log_in",
    Code.UNAVAILABLE: "flow_unavailable",
    Code.NOT_AT_THIS_STEP: "flow_out_of_date",
    Code.OFFER_WAS_NOT_SHOWN: "flow_out_of_date",
    Code.OFFER_NO_LONGER_FITS: "flow_out_of_date",
    Code.MONTHS_WERE_NOT_OFFERED: "flow_out_of_date",
    Code.FLOW_SESSION_IS_OVER: "flow_out_of_date",
}
"""The key of the heading of an error's page; the others have the heading of all pages."""

DONE: Final = {
    "cancellation": "canceled",
    "offer": "offer",
    "nothing": "nothing",
    **{str(undo.change): undo.done for undo in UNDOS},
}
"""The key of the text for each change that has been carried out."""

_SETTLED_WELL: Final = ("done", "scheduled")

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


def refusal_of(error: ClaimError | UnavailableError, words: Words) -> Refusal:
    """Say how ``error`` is answered, in the customer's words."""
    if isinstance(error, UnknownCustomerError):
        # Asking again will not help, so nothing invites to.
        message = words.text("unknown_customer")
        return Refusal(404, Code.UNKNOWN_CUSTOMER, str(error), message)
    if isinstance(error, AskedTooOftenError):
        message = words.text(ERRORS[Code.TOO_MANY_LOOKUPS])
        return Refusal(429, Code.TOO_MANY_LOOKUPS, str(error), message, error.retry_after_s)
    if isinstance(error, UnavailableError):
        # Its own text may name a database.
        text = words.text("unavailable")
        return Refusal(503, Code.UNAVAILABLE, text, text, _RETRY_AFTER_S)

    key = ERRORS.get(error.code, "unreadable") if error.fate is None else error.fate
    message = words.text(key)
    retry_after_s = _RETRY_POSTS_AFTER_S if error.status == 429 else None
    return Refusal(error.status, error.code, str(error), message, retry_after_s)


def message_of(
    answer: Answer,
    words: Words,
    shown: ShownSubscription | None = None,
    follows: Sentence | None = None,
) -> str:
    """Say where a claim stands.

    Args:
        answer: The answer.
        words: The customer's.
        shown: The subscription as Stripe has it now, for saying what an offer did; None where nobody asked, or
            Stripe did not answer in time.
        follows: The letter that comes, None where none does for certain.
    """
    answer = answer.as_shown(shown)
    said = [words.say(_sentence_of(answer, shown))]
    if _is_kept(answer, words, shown):
        said.append(words.text("not_cancelled"))
    # Neither beside the owner's own words in a language of theirs.
    if follows is not None and not words.prefers_own(_older_key(answer), to=follows.key):
        said.append(words.say(follows))
    return " ".join(said)


def _is_kept(answer: Answer, words: Words, shown: ShownSubscription | None) -> bool:
    if answer.given is None or shown is None or answer.kind not in _SETTLED_WELL:
        return False
    subscription = shown.subscription
    if subscription.is_ending or subscription.has_ended:
        return False
    return not words.prefers_own("offer", to="not_cancelled")


def _older_key(answer: Answer) -> str:
    return "offer" if answer.given is not None else message_key(answer)


def _sentence_of(answer: Answer, shown: ShownSubscription | None) -> Sentence:
    # An answer brings these modules with it; we load them no earlier than the plug-in opens.
    from aiocancel.core.decision import AnswerKind
    from aiocancel.core.offer_sentences import said_of, said_of_promise

    key, at = message_key(answer), answer.effective_at
    if answer.given is not None and answer.kind is AnswerKind.DONE:
        return said_of(answer.given, shown)
    if answer.given is not None and answer.kind is AnswerKind.SCHEDULED and at is not None:
        return said_of_promise(answer.given, at)
    if at is None or f"{key}_at" not in DEFAULT_TEXTS:
        return Sentence(key)
    return Sentence(f"{key}_at", {"date": at}, plain=key)


def message_key(answer: Answer) -> str:
    """Return the key of the text for an answer, without its date."""
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
