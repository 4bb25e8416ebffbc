"""What a person sees of the ledger and does about it, without the application; every method raises UnavailableError.

Everything done is journalled in the same transaction. No customer's own words are read.
"""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Final

import asyncpg

from aiocancel.core.actions import ActionKind, ActionState, Places
from aiocancel.core.by_hand import RESULTS, Operation, refusal
from aiocancel.core.codes import Code
from aiocancel.errors import OperationError
from aiocancel.postgres.connection import unavailable_on_outage
from aiocancel.postgres.enqueue import MAKE_ROOM_FOR_HOOKS, enqueue_hooks
from aiocancel.postgres.pgqueuer import Job, enqueue

if TYPE_CHECKING:
    from aiocancel.postgres.connection import Connection

MOST_LISTED: Final = 1000


@dataclass(frozen=True, slots=True)
class ListedAction:
    """One action as it stands; ``code`` is why it is parked, refused, closed, or left to a newer release.

    Of its ``attempts``, ``excused`` do not count towards giving up.
    """

    action_id: int
    claim_id: uuid.UUID
    kind: str
    subscription_id: str
    state: str
    code: str | None
    attempts: int
    excused: int
    created_at: datetime
    due_at: datetime
    finished_at: datetime | None
    customer_id: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class ListedAttempt:
    """One write that was sent to Stripe; ``request_id`` is for Stripe's support."""

    number: int
    started_at: datetime
    ended_at: datetime | None
    result: str | None
    code: str | None
    request_id: str | None
    idempotency_key: str


@dataclass(frozen=True, slots=True)
class JournalLine:
    """One line of the journal, of the action or of its claim."""

    at: datetime
    entry: str
    code: str | None
    of_action: bool


@dataclass(frozen=True, slots=True)
class ActionHistory:
    """An action with all that happened to it, oldest first."""

    action: ListedAction
    attempts: Sequence[ListedAttempt]
    journal: Sequence[JournalLine]


LIST: Final = """
SELECT * FROM (
    SELECT a.id AS action_id, c.public_id AS claim_id, a.kind, a.subscription_id,
        aiocancel.shown_state(a.state, a.closed_at) AS state,
        coalesce(a.closed_reason, a.parked_code, CASE WHEN a.state = 'waiting' THEN (
            SELECT CASE j.entry WHEN 'left_to_newer' THEN j.code END FROM aiocancel.journal j
            WHERE j.claim_id = a.claim_id AND j.action_id = a.id ORDER BY j.id DESC LIMIT 1) END) AS code,
        a.attempts, a.excused, a.created_at, a.due_at, a.finished_at, c.customer_id
    FROM aiocancel.action a JOIN aiocancel.claim c ON c.id = a.claim_id
    WHERE ($1::text[] IS NULL OR a.state = ANY($1)) AND ($2::text IS NULL OR a.subscription_id = $2)
      AND ($3::uuid IS NULL OR c.public_id = $3) AND ($4::bigint IS NULL OR a.id = $4)) listed
WHERE $5::text IS NULL OR state = $5 ORDER BY action_id DESC LIMIT $6
"""

ATTEMPTS: Final = """
SELECT number, started_at, ended_at, result, code, request_id, idempotency_key FROM aiocancel.attempt
WHERE action_id = $1 ORDER BY number
"""

HISTORY: Final = """
SELECT j.at, j.entry, j.code, j.action_id IS NOT NULL AS of_action FROM aiocancel.journal j
WHERE j.claim_id = (SELECT claim_id FROM aiocancel.action WHERE id = $1) AND (j.action_id = $1 OR j.action_id IS NULL)
ORDER BY j.id
"""

JOURNAL_BY_HAND: Final = """
INSERT INTO aiocancel.journal (claim_id, action_id, entry, code, operator) VALUES ($1, $2, $3, $4, $5)
"""

HOLD: Final = """
SELECT a.claim_id, a.attempts, a.kind, aiocancel.shown_state(a.state, a.closed_at) AS state, EXISTS (
    SELECT FROM aiocancel.action later
    WHERE later.lane = a.lane AND later.id > a.id AND later.state IN ('running', 'done')) AS is_overtaken
FROM aiocancel.action a WHERE a.id = $1 FOR UPDATE
"""

RETRY: Final = """
UPDATE aiocancel.action
SET state = 'waiting', due_at = now(), finished_at = NULL, parked_code = NULL, excused = attempts
WHERE id = $1
"""

CLOSE: Final = "UPDATE aiocancel.action SET closed_at = now(), closed_reason = $2 WHERE id = $1"


class Operations:
    """Lists what the ledger holds, and does by hand what only a person can decide; on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def find(
        self,
        *,
        state: ActionState | None = None,
        subscription_id: str | None = None,
        claim_id: uuid.UUID | None = None,
        limit: int = MOST_LISTED,
    ) -> list[ListedAction]:
        """Return actions, the newest first, that are in ``state`` and belong to what is named."""
        return await self._find(state, subscription_id, claim_id, None, limit)

    async def history(self, action_id: int) -> ActionHistory | None:
        """Return one action and all that happened to it, None where there is no such action."""
        found = await self._find(None, None, None, action_id, 1)
        if not found:
            return None
        with unavailable_on_outage():
            attempts = await self._connection.fetch(ATTEMPTS, action_id)
            journal = await self._connection.fetch(HISTORY, action_id)
        return ActionHistory(
            found[0],
            [ListedAttempt(**row) for row in attempts],
            [JournalLine(**row) for row in journal],
        )

    async def operate(
        self,
        operation: Operation,
        action_id: int,
        *,
        reason: str | None = None,
        operator: str | None = None,
    ) -> ActionState:
        """Retry or close a parked action and return its new state; raises OperationError where that is not allowed.

        Args:
            operation: What to do.
            action_id: With which action.
            reason: Why it is closed, one word for the journal.
            operator: The operator's name, for the journal; None on the command line.
        """
        async with self._transaction() as connection:
            row = await connection.fetchrow(HOLD, action_id)
            if row is None:
                raise OperationError(f"there is no action {action_id}")

            if why := refusal(
                operation, ActionState(row["state"]), is_overtaken=row["is_overtaken"]
            ):
                raise OperationError(f"action {action_id} is left as it is: {why}")

            match operation:
                case Operation.RETRY:
                    await self._retry(connection, action_id, row, reason, operator)
                case Operation.CLOSE:
                    await self._close(connection, action_id, row, reason, operator)
        return RESULTS[operation]

    async def _retry(
        self,
        connection: Connection,
        action_id: int,
        row: asyncpg.Record,
        reason: str | None,
        operator: str | None,
    ) -> None:
        await connection.execute(RETRY, action_id)
        await connection.execute(
            JOURNAL_BY_HAND, row["claim_id"], action_id, "action_retried", reason, operator
        )

        await connection.execute(MAKE_ROOM_FOR_HOOKS, row["claim_id"])
        await enqueue(connection, [Job(action_id, row["attempts"], places=Places.of(row["kind"]))])

    async def _close(
        self,
        connection: Connection,
        action_id: int,
        row: asyncpg.Record,
        reason: str | None,
        operator: str | None,
    ) -> None:
        await connection.execute(CLOSE, action_id, reason)
        await connection.execute(
            JOURNAL_BY_HAND, row["claim_id"], action_id, "action_closed", reason, operator
        )

        # Only an application that was told of an end is told again.
        if await connection.fetchval(MAKE_ROOM_FOR_HOOKS, row["claim_id"]):
            await enqueue_hooks(connection, row["claim_id"])

    async def _find(
        self,
        state: ActionState | None,
        subscription_id: str | None,
        claim_id: uuid.UUID | None,
        action_id: int | None,
        limit: int,
    ) -> list[ListedAction]:
        stored = (
            None
            if state is None
            else [ActionState.PARKED if state is ActionState.CLOSED else state]
        )
        with unavailable_on_outage():
            rows = await self._connection.fetch(
                LIST, stored, subscription_id, claim_id, action_id, state, min(limit, MOST_LISTED)
            )
        return [_listed(row) for row in rows]

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[Connection]:
        with unavailable_on_outage():
            async with self._connection.transaction(isolation="read_committed"):
                yield self._connection


def _listed(row: asyncpg.Record) -> ListedAction:
    listed = ListedAction(**row)
    is_unknown = listed.kind not in list(ActionKind) and listed.state == ActionState.WAITING
    return replace(listed, code=Code.LEDGER_UNREADABLE) if is_unknown else listed
