"""Flow sessions as they are stored, read back with all that their next step is decided by."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Final, TypeVar

from aiocancel.billing.preview import Reading, reading_from_json
from aiocancel.core.codes import Code
from aiocancel.core.flow.answers import Answers
from aiocancel.core.flow.definition import FlowDefinition
from aiocancel.core.flow.eligibility import Considered, considered_from_json
from aiocancel.core.flow.snapshot import Snapshot, snapshot_from_json
from aiocancel.core.flow.steps import FlowProgress, FlowStepError, SessionState, progress_from_json
from aiocancel.core.page_facts import ShownSubscription
from aiocancel.errors import AiocancelError, ConfigurationError, UnreadableLedgerError
from aiocancel.postgres.connection import unavailable_on_refusal, within
from aiocancel.postgres.flow_sessions import FlowSessions, Move, SessionRow
from aiocancel.telemetry import EventHook, LookupFailed, type_and_place

logger = logging.getLogger("aiocancel")

# The exit waits for its own reason no longer than a customer notices.
_REASON_WITHIN_S: Final = 0.5

_SESSION_ID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class OwnSession:
    """A session as it was read, with all that its next step is decided by."""

    row: SessionRow
    definition: FlowDefinition
    progress: FlowProgress
    snapshot: Snapshot
    reading: Reading | None
    considered: Considered

    @property
    def shown(self) -> ShownSubscription | None:
        return None if self.reading is None else self.reading.shown

    @property
    def has_lost_its_reading(self) -> bool:
        """Whether it ended by itself, and Stripe's word with it."""
        return self.reading is None and self.progress.state is SessionState.ABANDONED


class StoredSessions:
    """Reads customers' own sessions, whatever release stored them.

    Args:
        sessions: The rows.
        definition: The flow's, as it is now.
        within_s: How long a page waits for the database.
        on_event: Is told of what could not be read.
    """

    def __init__(
        self,
        sessions: FlowSessions,
        definition: FlowDefinition,
        *,
        within_s: float,
        on_event: EventHook,
    ) -> None:
        self._sessions = sessions
        self._definitions = {definition.version: definition}
        self._within_s = within_s
        self._on_event = on_event

    async def read(self, customer_id: str, session_id: str) -> OwnSession:
        """Return a customer's own session.

        Raises:
            FlowStepError: There is none of that id, it is another customer's, or another release stored it in
                another shape.
            UnavailableError: The database did not answer.
        """
        if not _SESSION_ID.fullmatch(session_id):
            # What no session of ours is called may not even be a text that the database takes.
            raise FlowStepError("There is no such flow session of this customer.")
        with unavailable_on_refusal(), out_of_date():
            row = await self.asked(
                self._sessions.read(session_id, customer_id, known_versions=list(self._definitions))
            )
            if row is None:
                raise FlowStepError("There is no such flow session of this customer.")
            return self._session_of(row)

    async def read_for_the_exit(self, customer_id: str, session_id: str) -> OwnSession | None:
        """Return the session for the sake of its reason; None where it cannot be read, or not at once."""
        try:
            async with asyncio.timeout(_REASON_WITHIN_S):
                return await self.read(customer_id, session_id)
        except Exception as error:
            # Whatever a session holds, its customer may leave.
            self._on_event(LookupFailed(reason_told(error)))
            return None

    def _session_of(self, row: SessionRow) -> OwnSession:
        definition = self._definitions.get(row.definition_version)
        if definition is None:
            definition = FlowDefinition.from_json(row.definition or {})
            self._definitions[row.definition_version] = definition
        progress = progress_from_json(row.progress)
        if row.is_stale and progress.state is SessionState.OPEN:
            progress = replace(progress, state=SessionState.ABANDONED)
        # The row's own state counts: a sweep ends sessions without a look into them.
        if row.state != "open":
            progress = replace(progress, state=SessionState(row.state))

        reading = None if row.stripe is None else reading_from_json(row.stripe)
        snapshot, considered = snapshot_from_json(row.snapshot), read_considered(row)
        return OwnSession(row, definition, progress, snapshot, reading, considered)

    async def asked(self, work: Awaitable[_T]) -> _T:
        """Ask the database, for as long as a page waits for it; raises UnavailableError."""
        with unavailable_on_refusal():
            return await within(self._within_s, _as_coroutine(work))


async def _as_coroutine(work: Awaitable[_T]) -> _T:
    return await work


def after_move(
    session: OwnSession, move: Move, after: FlowProgress, considered: Considered
) -> OwnSession:
    """Return the session as it is once a move is stored."""
    row = replace(
        session.row,
        reason=move.reason,
        progress=move.progress,
        considered=tuple(move.considered),
        shown=(*session.row.shown, *move.shows),
        declined=tuple(move.declined),
    )
    return replace(session, row=row, progress=after, considered=considered)


@contextmanager
def as_stored() -> Iterator[None]:
    """Raise UnreadableLedgerError for a stored value of a shape that this release does not know."""
    try:
        yield
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
        # The value itself may be a customer's words.
        shape = type(error).__name__
        raise UnreadableLedgerError(f"a flow session has another shape ({shape})") from error
    except ConfigurationError as error:
        raise UnreadableLedgerError("a flow session has a definition of another shape") from error


@contextmanager
def out_of_date(code: Code = Code.NOT_AT_THIS_STEP) -> Iterator[None]:
    """Raise FlowStepError for such a value: to wait would not help the customer, and to start again does."""
    try:
        with as_stored():
            yield
    except UnreadableLedgerError as error:
        logger.warning("a customer starts again: %s", error)
        raise FlowStepError(f"This attempt cannot be read: {error}.", code=code) from error


def considered_to_json(considered: Considered) -> list[dict[str, Any]]:
    """Return the offers that were considered, as they are stored."""
    return [
        {"offer": each.key, "code": each.code, "months": list(each.months)}
        for each in considered.offers
    ]


def read_considered(row: SessionRow) -> Considered:
    """Return the offers that were considered, as a row stored them."""
    offers = [
        {"key": each["offer"], "code": each["code"], "months": each["months"]}
        for each in row.considered
    ]
    return considered_from_json({"offers": offers, "would_fit": False, "needs_permission": False})


def fitted(considered: Considered) -> str | None:
    """Return the offer that fits, or would for a customer who is not held out; the best first.

    Whether its price can be told is asked only of an offer that is to be shown. Nobody asks it for the hold-out, so it
    does not count here: both arms are those for whom an offer was due.
    """
    fits = (None, Code.HELD_OUT, Code.PERMISSION_IS_MISSING, Code.PRICE_IS_NOT_KNOWN)
    return next((each.key for each in considered.offers if each.code in fits), None)


def answers_to_json(answers: Answers) -> dict[str, str]:
    """Return the customer's own words, as they are stored; the reason has a column of its own."""
    both = {"follow_up": answers.follow_up, "comment": answers.comment}
    return {name: text for name, text in both.items() if text is not None}


def reason_told(error: BaseException) -> str:
    """Return why something was missing, in words that hold no personal data."""
    if isinstance(error, TimeoutError):
        return "it took too long"
    # Another's text may hold anything.
    return str(error) if isinstance(error, AiocancelError) else type_and_place(error)
