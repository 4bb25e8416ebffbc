"""The steps of a flow session: a state machine, as one pure function.

The rules, in this order:

1. A session begins at ``why``; where a rule forbids to ask before the customer has declared to leave, at ``exit``.
2. The exit works from every step and in every state. A session that was canceled stays so, and a second press is the
   first. After an accepted offer the customer may still leave: the session is canceled and keeps what was accepted.
3. Answers are taken at ``why`` as often as they are sent, also after the customer came back to it. They lead to the
   offer that is on the screen already, where it still fits, else to the question for permission where one is needed
   and was not asked, else to the best offer that fits, else to ``exit``. One that another answer had replaced fits
   again with the first answer, and is no further one.
4. Permission is asked once, and its answer stays. With it the best offer follows, without it ``exit``.
5. Only the offer on the screen can be declined or accepted. A declined one never comes back; the next best follows
   while the definition allows another, else ``exit``.
6. What is accepted is one of the choices that were shown. The same acceptance again is the first; another is refused.
7. An open session that nobody touches is abandoned. From there only the exit works. For an offer the customer begins
   anew.
8. Where a rule keeps everything back until the customer has declared to leave, another session follows the one that
   ended so. The page of the outcome asks its question and shows its offer, side by side; it begins with the offer that
   fits without an answer, and nobody is asked for a permission in it. An offer that the session before showed does not
   come back, and counts among those that may be shown. The declaration stands whatever comes of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Final, TypeAlias, assert_never

from aiocancel.core.codes import Code
from aiocancel.core.flow.answers import NO_ANSWERS, Answers
from aiocancel.core.flow.definition import FlowDefinition
from aiocancel.core.stored_json import refuse_unknown
from aiocancel.errors import ClaimError, UnreadableLedgerError


class FlowStep(StrEnum):
    """The screen that a session is at."""

    WHY = "why"
    PERMISSION = "permission"
    OFFER = "offer"
    EXIT = "exit"
    OUTCOME = "outcome"


class SessionState(StrEnum):
    """How a session stands; an open one may still become any of the others."""

    OPEN = "open"
    CANCELED = "canceled"
    ACCEPTED = "accepted"
    ABANDONED = "abandoned"


class FlowStepError(ClaimError):
    """The session does not allow this step; nothing was changed."""

    status = 409
    code = Code.NOT_AT_THIS_STEP


@dataclass(frozen=True, slots=True)
class FlowProgress:
    """How far a session has come.

    Args:
        step: The screen that it is at.
        state: How it stands.
        answers: What the customer has said.
        permission: Whether the customer allowed an offer; None where that was not asked.
        shown: The keys of the offers that were shown, the one that was shown last at the end.
        declined: Those of them that were declined.
        accepted: The key of the offer that was accepted.
        months: For how many months, of a pause.
    """

    step: FlowStep = FlowStep.WHY
    state: SessionState = SessionState.OPEN
    answers: Answers = field(default=NO_ANSWERS, repr=False)
    permission: bool | None = None
    shown: tuple[str, ...] = ()
    declined: tuple[str, ...] = ()
    accepted: str | None = None
    months: int | None = None

    @property
    def on_screen(self) -> str | None:
        """The key of the offer that was shown last and not declined, None where there is none."""
        last = self.shown[-1] if self.shown else None
        return None if last in self.declined else last


@dataclass(frozen=True, slots=True)
class FittingOffers:
    """What may be shown to a customer now.

    Args:
        months: The choices of each offer that fits by its key, the best offer first; empty for all but a pause.
        needs_permission: Whether an offer would fit as soon as the customer allowed one.
    """

    months: Mapping[str, tuple[int, ...]] = field(default_factory=dict[str, tuple[int, ...]])
    needs_permission: bool = False


NO_OFFERS: Final = FittingOffers()


@dataclass(frozen=True, slots=True)
class AnswersGiven:
    """The customer pressed "Continue"."""

    answers: Answers = field(default=NO_ANSWERS, repr=False)


@dataclass(frozen=True, slots=True)
class PermissionAnswered:
    """The customer was asked whether an offer may be shown."""

    allowed: bool


@dataclass(frozen=True, slots=True)
class OfferDeclined:
    """The customer asked for something else than the offer on the screen."""

    key: str


@dataclass(frozen=True, slots=True)
class OfferAccepted:
    """The customer accepted the offer on the screen; ``months`` is the choice in a pause."""

    key: str
    months: int | None = None


@dataclass(frozen=True, slots=True)
class ExitPressed:
    """The customer cancelled, with whatever answers stood on the screen."""

    answers: Answers = field(default=NO_ANSWERS, repr=False)


@dataclass(frozen=True, slots=True)
class SessionAbandoned:
    """Nobody has touched the session for long."""


FlowEvent: TypeAlias = (
    AnswersGiven
    | PermissionAnswered
    | OfferDeclined
    | OfferAccepted
    | ExitPressed
    | SessionAbandoned
)


def begin(*, may_ask: bool) -> FlowProgress:
    """Return the progress of a new session; ``may_ask`` says whether anything may stand before the exit."""
    return FlowProgress(step=FlowStep.WHY if may_ask else FlowStep.EXIT)


def begin_after(before: FlowProgress) -> FlowProgress:
    """Return the progress of a session that follows a declaration to leave.

    Args:
        before: How far the session came that ended so. Whatever it showed was turned down with the declaration.
    """
    return FlowProgress(answers=before.answers, shown=before.shown, declined=before.shown)


def advance(
    definition: FlowDefinition, progress: FlowProgress, fitting: FittingOffers, event: FlowEvent
) -> FlowProgress:
    """Return the progress after an event.

    Args:
        definition: The one that the session began with.
        progress: How far the session has come.
        fitting: What may be shown, judged by the answers of this event where it has some.
        event: What the customer did, or did not.

    Raises:
        FlowStepError: The session does not allow it, and is as it was.
    """
    match event:
        case ExitPressed(answers):
            return _leave(definition, progress, answers)
        case SessionAbandoned():
            is_open = progress.state is SessionState.OPEN
            return replace(progress, state=SessionState.ABANDONED) if is_open else progress
        case OfferAccepted(key, months):
            return _accept(progress, fitting, key, months)
        case AnswersGiven() | PermissionAnswered() | OfferDeclined():
            _require_open(progress)
            return _go_on(definition, progress, fitting, event)
        case _:  # pragma: no cover - mypy shows that no case is left
            assert_never(event)


def _leave(definition: FlowDefinition, progress: FlowProgress, answers: Answers) -> FlowProgress:
    if progress.state is SessionState.CANCELED:
        return progress

    kept = progress.answers if answers == NO_ANSWERS else answers.cleaned()
    if definition.reason(kept.reason) is None:
        # A reason that nobody knows is no reason to keep somebody.
        kept = replace(kept, reason=None)
    last = progress.on_screen
    turned_down = progress.state is not SessionState.ACCEPTED and last is not None
    declined = (*progress.declined, last) if turned_down and last is not None else progress.declined
    return replace(
        progress,
        step=FlowStep.OUTCOME,
        state=SessionState.CANCELED,
        answers=kept,
        declined=declined,
    )


def _accept(
    progress: FlowProgress, fitting: FittingOffers, key: str, months: int | None
) -> FlowProgress:
    if progress.state is SessionState.ACCEPTED and (progress.accepted, progress.months) == (
        key,
        months,
    ):
        return progress
    _require_open(progress)
    if progress.on_screen != key:
        raise FlowStepError("This offer is not on the screen.", code=Code.OFFER_WAS_NOT_SHOWN)

    choices = fitting.months.get(key)
    if choices is None:
        raise FlowStepError("This offer is no longer made.", code=Code.OFFER_NO_LONGER_FITS)
    if (months is None) if choices else (months is not None):
        raise FlowStepError("Choose how long.", code=Code.MONTHS_WERE_NOT_OFFERED)
    if months is not None and months not in choices:
        raise FlowStepError("That was not a choice.", code=Code.MONTHS_WERE_NOT_OFFERED)

    return replace(
        progress,
        step=FlowStep.OUTCOME,
        state=SessionState.ACCEPTED,
        accepted=key,
        months=months,
    )


def _go_on(
    definition: FlowDefinition,
    progress: FlowProgress,
    fitting: FittingOffers,
    event: AnswersGiven | PermissionAnswered | OfferDeclined,
) -> FlowProgress:
    match event:
        case AnswersGiven(answers):
            if answers.reason is not None and definition.reason(answers.reason) is None:
                raise FlowStepError("This reason is not on the screen.")
            return _next(definition, replace(progress, answers=answers.cleaned()), fitting)

        case PermissionAnswered(allowed):
            if progress.permission is not None and progress.permission != allowed:
                raise FlowStepError("Permission was asked before.")
            if progress.permission is None and progress.step is not FlowStep.PERMISSION:
                raise FlowStepError("Permission was not asked.")
            return _next(definition, replace(progress, permission=allowed), fitting)

        case OfferDeclined(key):
            if key in progress.declined:
                # The first press has done it.
                return progress
            if progress.on_screen != key:
                raise FlowStepError(
                    "This offer is not on the screen.", code=Code.OFFER_WAS_NOT_SHOWN
                )
            declined = replace(progress, declined=(*progress.declined, key))
            return _next(definition, declined, fitting)

        case _:  # pragma: no cover - mypy shows that no case is left
            assert_never(event)


def _require_open(progress: FlowProgress) -> None:
    if progress.state is not SessionState.OPEN:
        raise FlowStepError("This attempt is over.", code=Code.FLOW_SESSION_IS_OVER)


def _next(
    definition: FlowDefinition, progress: FlowProgress, fitting: FittingOffers
) -> FlowProgress:
    if progress.on_screen in fitting.months:
        return replace(progress, step=FlowStep.OFFER)
    if fitting.needs_permission and progress.permission is None and _may_show(definition, progress):
        return replace(progress, step=FlowStep.PERMISSION)

    following = next_offer(definition, progress, list(fitting.months))
    if following is None:
        return replace(progress, step=FlowStep.EXIT)
    others = (key for key in progress.shown if key != following)
    return replace(progress, step=FlowStep.OFFER, shown=(*others, following))


def next_offer(
    definition: FlowDefinition, progress: FlowProgress, fitting: Sequence[str]
) -> str | None:
    """Return the offer that would be shown next, None where no other may be.

    One that was shown and gave way to another without being declined may be shown again.

    Args:
        definition: Says how many may be shown.
        progress: What was shown already.
        fitting: The keys of the offers that fit, the best first.
    """
    if progress.permission is False:
        return None
    may_show = _may_show(definition, progress)
    left = (key for key in fitting if key not in progress.declined)
    return next((key for key in left if may_show or key in progress.shown), None)


def _may_show(definition: FlowDefinition, progress: FlowProgress) -> bool:
    return len(progress.shown) < definition.offers_at_most


# --- as JSON ----------------------------------------------------------------------------------------------


def progress_to_json(progress: FlowProgress) -> dict[str, Any]:
    """Return it as JSON values; ``progress_from_json`` is its inverse."""
    return {
        "step": progress.step.value,
        "state": progress.state.value,
        "reason": progress.answers.reason,
        "follow_up": progress.answers.follow_up,
        "comment": progress.answers.comment,
        "permission": progress.permission,
        "shown": list(progress.shown),
        "declined": list(progress.declined),
        "accepted": progress.accepted,
        "months": progress.months,
    }


_STORED: Final = (
    *("step", "state", "reason", "follow_up", "comment", "permission"),
    *("shown", "declined", "accepted", "months"),
)


def progress_from_json(data: Mapping[str, Any]) -> FlowProgress:
    """Read the JSON of ``progress_to_json``; raises UnreadableLedgerError for another field."""
    refuse_unknown(data, _STORED, "a flow session's progress")
    texts = [data[name] for name in ("reason", "follow_up", "comment", "accepted")]
    keys = [*data["shown"], *data["declined"]]
    if not all(isinstance(each, str | None) for each in texts + keys):
        raise UnreadableLedgerError("the ledger holds a flow session's progress of another shape")

    return FlowProgress(
        step=FlowStep(data["step"]),
        state=SessionState(data["state"]),
        answers=Answers(data["reason"], data["follow_up"], data["comment"]),
        permission=data["permission"],
        shown=tuple(data["shown"]),
        declined=tuple(data["declined"]),
        accepted=data["accepted"],
        months=data["months"],
    )
