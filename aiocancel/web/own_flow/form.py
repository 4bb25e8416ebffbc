"""What the form of a screen posts: bounded, strict, and without repeating any of it in an error."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from aiocancel.core.flow.answers import LONGEST_ANSWER, Answers
from aiocancel.errors import MalformedClaimError
from aiocancel.web.own_flow.view import FOLLOW_UP, Problem
from aiocancel.web.post_body import read_fields

# As many fields of reasons as a definition may have, and ours.
_MOST_FIELDS: Final = 30
_LONGEST_KEY: Final = 200


class Do(StrEnum):
    """What the button that was pressed is for; ``look`` shows the screen again."""

    LOOK = "look"
    CONTINUE = "continue"
    CANCEL = "cancel"
    PERMIT = "permit"
    ACCEPT = "accept"
    DECLINE = "decline"


_FIELDS: Final = frozenset({"do", "grant", "reason", "comment", "offer", "months"})


@dataclass(frozen=True, slots=True)
class Pressed:
    """A form as read. ``problem`` is a mistake that the customer can mend."""

    do: Do
    grant: str = field(repr=False)
    answers: Answers = field(repr=False)
    offer: str | None = None
    months: int | None = None
    problem: Problem | None = None


def read_pressed(body: bytes) -> Pressed:
    """Read the form of a screen; raises MalformedClaimError where no screen of ours posts such a one."""
    data = read_fields(body, most=_MOST_FIELDS)
    unknown = [name for name in data if name not in _FIELDS and not name.startswith(FOLLOW_UP)]
    if unknown:
        raise MalformedClaimError("The form has a field that no screen has.")
    try:
        # Enter in a field at most continues; it never cancels.
        do = Do(data.get("do", Do.LOOK))
    except ValueError:
        raise MalformedClaimError("The form has a button that no screen has.") from None

    reason = _key(data.get("reason"))
    follow_up = None if reason is None else data.get(f"{FOLLOW_UP}{reason}")
    answers = Answers(reason, _text(follow_up), _text(data.get("comment")))
    return Pressed(
        do,
        data.get("grant", ""),
        answers,
        _key(data.get("offer")),
        _months(data.get("months")),
        _too_long(answers),
    )


def _key(text: str | None) -> str | None:
    if text is not None and len(text) > _LONGEST_KEY:
        raise MalformedClaimError("The form has a value that no screen has.")
    return text or None


def _text(text: str | None) -> str | None:
    # A browser posts two characters for each line break, and shows the customer one.
    return None if text is None else text.replace("\r\n", "\n")


def _months(text: str | None) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 3):
        raise MalformedClaimError("The form has a value that no screen has.")
    return int(text)


def _too_long(answers: Answers) -> Problem | None:
    if answers.comment is not None and len(answers.comment) > LONGEST_ANSWER:
        return Problem("flow_too_long", "comment")
    if answers.follow_up is not None and len(answers.follow_up) > LONGEST_ANSWER:
        return Problem("flow_too_long", f"{FOLLOW_UP}{answers.reason}")
    return None
