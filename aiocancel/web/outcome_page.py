"""What the page of an outcome says: its badge, its heading, and the sentence under it."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Final, NamedTuple

from aiocancel.core.acknowledgement import reference_of
from aiocancel.core.claim import Topic
from aiocancel.core.decision import Answer, AnswerKind
from aiocancel.core.offer_sentences import said_of, said_of_promise
from aiocancel.core.page_facts import outlives, still_open
from aiocancel.core.sentences import Moment, Sentence, Value
from aiocancel.core.told_reason import said_of_reason
from aiocancel.web.answer_texts import message_key, message_of

if TYPE_CHECKING:
    from aiocancel.core.offer_sentences import Given
    from aiocancel.core.page_facts import ShownSubscription
    from aiocancel.web.languages import Words


class Badge(NamedTuple):
    """A word and the look of its ground: ``done``, ``waiting`` or ``error``."""

    key: str
    look: str


_CANCELLED: Final = Badge("badge_cancelled", "done")
_RECEIVED: Final = Badge("badge_received", "waiting")
_DONE: Final = Badge("badge_done", "done")
_PAUSED: Final = Badge("badge_paused", "done")
_STEP_LEFT: Final = Badge("badge_step_left", "waiting")
_NOT_CHANGED: Final = Badge("badge_not_changed", "error")


class OutcomePage(NamedTuple):
    """The words of one outcome; ``badge`` is None where nothing happened."""

    badge: Badge | None
    title: str
    text: str


class _Said(NamedTuple):
    """A badge, the keys of heading and text, and the older texts whose owner's wording stands for both."""

    badge: Badge
    title: str
    text: str


_UNSETTLED: Final[Mapping[AnswerKind, Mapping[str, _Said]]] = {
    AnswerKind.QUEUED: {
        "cancellation": _Said(_RECEIVED, "title_received", "outcome_queued"),
        "offer": _Said(_RECEIVED, "title_received_offer", "outcome_queued"),
        "": _Said(_RECEIVED, "title_received_other", "outcome_queued"),
    },
    AnswerKind.MANUAL: {
        "cancellation": _Said(_RECEIVED, "title_received", "outcome_manual"),
        "offer": _Said(_RECEIVED, "title_received_offer", "outcome_manual_offer"),
        "": _Said(_RECEIVED, "title_received_other", "outcome_manual"),
    },
    AnswerKind.CLOSED: {"": _Said(_RECEIVED, "title_closed", "outcome_closed")},
    AnswerKind.NEEDS_PAYMENT_ACTION: {
        "": _Said(_STEP_LEFT, "title_step_left", "outcome_step_left")
    },
    AnswerKind.REFUSED: {
        "cancellation": _Said(_NOT_CHANGED, "title_refused", "outcome_refused"),
        "": _Said(_NOT_CHANGED, "title_refused_other", "outcome_refused"),
    },
}

_UNDONE: Final[Mapping[str, _Said]] = {
    Topic.RESUMPTION: _Said(_DONE, "title_resumed", "outcome_resumed"),
    Topic.UNPAUSING: _Said(_DONE, "title_unpaused", "outcome_unpaused"),
    Topic.DISCOUNT_REMOVAL: _Said(_DONE, "title_discount_removed", "outcome_discount_removed"),
}


def outcome_page(
    answer: Answer,
    words: Words,
    shown: ShownSubscription | None,
    plan: str | None,
    follows: Sentence | None = None,
) -> OutcomePage:
    """Say where a claim stands, as a page.

    Args:
        answer: The answer.
        words: The customer's. Where the owner replaced the sentence that an answer had before it had a heading, the
            page says that sentence under the heading of all pages.
        shown: The subscription as Stripe has it, None where Stripe did not answer.
        plan: The plan by its name, where it is known.
        follows: The letter that comes, None where none does for certain.
    """
    answer = answer.as_shown(shown)
    message = message_of(answer, words, shown, follows)
    plain = OutcomePage(None, words.text("outcome_title"), message)

    if answer.given is not None and answer.kind in (AnswerKind.DONE, AnswerKind.SCHEDULED):
        return _offer(answer, answer.given, words, shown, plain)
    if goes_on(answer, shown):
        title = _of_plan("resumed", plan, words)
        return OutcomePage(_DONE, title, words.text("outcome_resumed"))
    if words.has_own(message_key(answer), f"{message_key(answer)}_at"):
        badge = _badge_of(answer)
        return plain._replace(badge=badge, title=_dated_title(answer, words))

    owed = "" if (sentence := still_open(shown)) is None else words.say(sentence)
    if answer.change == Topic.CANCELLATION and answer.kind == AnswerKind.SCHEDULED:
        title, text = _dated_title(answer, words, plan), message
        if answer.effective_at is not None:
            text = words.text("outcome_usable")
        return OutcomePage(_CANCELLED, title, f"{text} {owed}".strip())
    if answer.change == Topic.CANCELLATION and answer.kind == AnswerKind.DONE:
        text = f"{_ended(answer, words)} {owed}".strip()
        return OutcomePage(_CANCELLED, _of_plan("ended", plan, words), text)

    by_change = _UNSETTLED.get(answer.kind, _UNDONE)
    said = by_change.get(answer.change) or by_change.get("")
    if said is None:
        return plain
    title = words.text(said.title)
    if said.title == "title_resumed":
        title = _of_plan("resumed", plan, words)
    why = "" if answer.why is None else " ".join(map(words.say, said_of_reason(answer.why)))
    text = f"{why} {words.text(said.text)}".strip()
    letter = "" if follows is None else words.say(follows)
    return OutcomePage(said.badge, title, f"{_counts_from(answer, words)}{text} {letter}".strip())


def goes_on(answer: Answer, shown: ShownSubscription | None) -> bool:
    """Tell whether a cancellation that was carried out has been taken back since, so that its date holds no more.

    Args:
        answer: That of the cancellation.
        shown: The subscription as Stripe has it, None where Stripe did not answer.
    """
    if shown is None or (answer.kind, answer.change) != (
        AnswerKind.SCHEDULED,
        Topic.CANCELLATION,
    ):
        return False
    return outlives(shown, answer.effective_at)


def may_be_kept(answer: Answer, shown: ShownSubscription | None, now: datetime) -> bool:
    """Tell whether a cancellation that has been carried out can still be taken back.

    Args:
        answer: That of the cancellation.
        shown: The subscription as Stripe has it, None where Stripe did not answer.
        now: Aware.
    """
    if (answer.kind, answer.change) != (AnswerKind.SCHEDULED, Topic.CANCELLATION):
        return False
    if answer.effective_at is not None and answer.effective_at <= now:
        return False
    # It may have been taken back since.
    return shown is None or (shown.subscription.is_ending and not goes_on(answer, shown))


def received_rows(answer: Answer, public_id: uuid.UUID, words: Words) -> list[tuple[str, str]]:
    """Return when a cancellation came, and the name by which the customer can ask for it."""
    if answer.change != Topic.CANCELLATION or answer.received_at is None:
        return []
    return [
        (words.text("letter_row_received"), words.moment(answer.received_at)),
        (words.text("letter_row_reference"), reference_of(str(public_id))),
    ]


def _counts_from(answer: Answer, words: Words) -> str:
    """Say when a cancellation came that is not carried out yet: it counts from then, however long it takes."""
    if answer.change != Topic.CANCELLATION or answer.received_at is None:
        return ""
    if answer.kind not in (AnswerKind.QUEUED, AnswerKind.MANUAL):
        return ""
    return f"{words.text('outcome_counts_from', received=Moment(answer.received_at))} "


def _offer(
    answer: Answer,
    given: Given,
    words: Words,
    shown: ShownSubscription | None,
    plain: OutcomePage,
) -> OutcomePage:
    """The heading is what the offer did, in one sentence; the rest is below it."""
    at = answer.effective_at
    if answer.kind is AnswerKind.SCHEDULED:
        said = Sentence("offer_scheduled") if at is None else said_of_promise(given, at)
    else:
        said = said_of(given, shown)

    badge = _PAUSED if "paused" in said.key else _DONE
    sentence = words.say(said)
    if words.has_own(said.key, *([] if said.plain is None else [said.plain])):
        return plain._replace(badge=badge)
    # "Thank you." is no heading.
    if said.key.startswith("offer_scheduled") or said.key == "offer":
        return plain._replace(badge=badge)
    rest = plain.text.removeprefix(sentence).strip()
    return OutcomePage(badge, sentence.removesuffix("."), rest)


def _badge_of(answer: Answer) -> Badge | None:
    if answer.change == Topic.CANCELLATION and answer.kind in (
        AnswerKind.DONE,
        AnswerKind.SCHEDULED,
    ):
        return _CANCELLED
    by_change = _UNSETTLED.get(answer.kind, _UNDONE)
    said = by_change.get(answer.change) or by_change.get("")
    return None if said is None else said.badge


def _dated_title(answer: Answer, words: Words, plan: str | None = None) -> str:
    """Return the heading with the date on which the subscription ends, where it ends on one."""
    at = answer.effective_at
    if (answer.kind, answer.change) != (AnswerKind.SCHEDULED, Topic.CANCELLATION) or at is None:
        return words.text("outcome_title")
    older = Sentence("title_scheduled_at", {"date": at}, plain="outcome_title")
    if plan is None or words.has_own("title_scheduled_at", "outcome_title"):
        return words.say(older)
    return words.text("title_scheduled_plan", plan=plan, date=at)


def _ended(answer: Answer, words: Words) -> str:
    at: datetime | None = answer.effective_at
    return "" if at is None else words.text("outcome_ended_at", date=at)


def _of_plan(title: str, plan: str | None, words: Words) -> str:
    """Return a heading that names the plan where it is known."""
    values: dict[str, Value] = {} if plan is None else {"plan": plan}
    plain = "ended_title" if title == "ended" else f"title_{title}"
    return words.text(plain if plan is None else f"title_{title}_plan", **values)
