"""The ledger in Postgres: claims are accepted once, actions are taken by one worker at a time.

No method holds a connection longer than its own transaction. Every change to a running action names the
lease it was taken under, so a worker that lost its lease can no longer write. Every method raises
UnavailableError when the database cannot be reached; the commit may then have happened all the same.
"""

from __future__ import annotations

import math
import uuid
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

import asyncpg

from aiocancel.core.actions import Action, ActionKind, ActionState, Receipt
from aiocancel.core.decision import Answer, AnswerKind, Change, Decision, answer_of
from aiocancel.core.flow import CancelReason, FlowClaim
from aiocancel.core.grants import Grant
from aiocancel.core.identifiers import SubscriptionId
from aiocancel.core.retry import key_is_spent
from aiocancel.errors import ConflictError
from aiocancel.postgres.outage import outages

if TYPE_CHECKING:
    from aiocancel.postgres.schema import Connection
    from aiocancel.postgres.subscriptions import Pool


@dataclass(frozen=True, slots=True)
class RecordedClaim:
    """A claim in the ledger: ``repeated`` when an equal one was already there."""

    public_id: uuid.UUID
    repeated: bool


@dataclass(frozen=True, slots=True)
class TakenAction:
    """An action under our lease; ``age_s`` counts from when it was enqueued.

    ``has_written`` says that an earlier attempt sent the change, with whatever result.
    """

    action_id: int
    claim_id: int
    claim_public_id: uuid.UUID
    action: Action
    attempt: int
    owner: uuid.UUID
    age_s: float
    has_written: bool


_INSERT_CLAIM: Final = """
INSERT INTO aiocancel.claim (public_id, grant_nonce, uses_grant, vendor, status, flow_session_id, customer_id,
    subscription_id, mode, reason_text, reason_code, offer_id, offer_type, change, answer, recovery_point)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
ON CONFLICT DO NOTHING RETURNING id
"""

_FIND_EQUAL: Final = """
SELECT public_id, status, flow_session_id, customer_id FROM aiocancel.claim
WHERE uses_grant = $5 AND (grant_nonce = $1 AND (uses_grant OR status = $4)
    OR uses_grant AND subscription_id = $2 AND flow_session_id = $3)
ORDER BY grant_nonce = $1 DESC LIMIT 1
"""

_INSERT_ACTION: Final = """
INSERT INTO aiocancel.action (claim_id, ordinal, kind, subscription_id, reason_text, reason_code, idempotency_key)
VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING id
"""

_JOURNAL: Final = "INSERT INTO aiocancel.journal (claim_id, action_id, entry, code) VALUES ($1, $2, $3, $4)"

# Nothing of the same subscription may run, and nothing older may wait: that keeps their order. One whose
# lease ran out goes first even then, or the two would wait for each other: an older one can be committed
# later. A kind that we do not know belongs to a newer release.
_TAKE: Final = """
WITH ready AS (
    SELECT a.id FROM aiocancel.action a
    WHERE a.state IN ('waiting', 'running') AND a.kind = ANY($4) AND a.id <> ALL($5)
      AND (a.due_at <= now() OR a.lease_owner = $2 AND a.due_at <= now() + $3::interval - $6::interval)
      AND NOT EXISTS (
          SELECT FROM aiocancel.action o
          WHERE o.subscription_id = a.subscription_id AND o.id <> a.id
            AND (o.state = 'running' OR o.state = 'waiting' AND a.state = 'waiting' AND o.id < a.id))
    ORDER BY a.due_at, a.id LIMIT $1
    FOR UPDATE OF a SKIP LOCKED)
UPDATE aiocancel.action a
SET state = 'running', lease_owner = $2, due_at = now() + $3::interval, attempts = attempts + 1
FROM ready, aiocancel.claim c WHERE a.id = ready.id AND c.id = a.claim_id
RETURNING a.id, a.claim_id, c.public_id, a.kind, a.subscription_id, a.reason_text, a.reason_code, a.attempts,
    extract(epoch FROM now() - a.created_at)::float8 AS age_s, a.key_used_at IS NOT NULL AS has_written
"""

_ANSWER: Final = """
SELECT c.change, c.answer, a.state, a.receipt_status, a.receipt_ends_at
FROM aiocancel.claim c LEFT JOIN aiocancel.action a ON a.claim_id = c.id
WHERE c.public_id = $1 AND c.customer_id = $2 ORDER BY a.ordinal
"""

_KINDS: Final = list(ActionKind)

_LEASED: Final = "id = $1 AND lease_owner = $2 AND attempts = $3 AND state = 'running'"


class Ledger:
    """Claims, actions, attempts and the journal."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[Connection]:
        # Not the database's default isolation: the statements below rely on seeing what others committed.
        with outages():
            async with self._pool.acquire() as connection, connection.transaction(isolation="read_committed"):
                yield connection

    async def accept(self, claim: FlowClaim, grant: Grant, decision: Decision, *, verified: bool) -> RecordedClaim:
        """Record a claim with its actions in one transaction, or find the equal one recorded before.

        Raises ConflictError when the grant or the flow session was already used for something else. A
        commit whose answer was lost is found again by the repeated post.
        """
        async with self._transaction() as connection:
            public_id = uuid.uuid4()
            claim_id = await connection.fetchval(
                _INSERT_CLAIM,
                public_id,
                grant.nonce,
                claim.status.changes_billing,
                claim.vendor,
                claim.status,
                claim.flow_session_id,
                grant.customer_id,
                grant.subscription_id,
                grant.mode,
                claim.reason.text,
                claim.reason.code,
                claim.offer_id,
                claim.offer_type,
                decision.change,
                decision.answer.kind if decision.answer else None,
                "actions_enqueued" if decision.actions else "outcome_verified" if verified else "claim_recorded",
            )
            if claim_id is None:
                return await self._find_equal(connection, claim, grant)
            entries: list[tuple[int, int | None, str, str | None]] = [(claim_id, None, "claim_recorded", claim.status)]
            if verified:
                entries.append((claim_id, None, "outcome_verified", None))
            entries += await self._enqueue(connection, claim_id, public_id, decision.actions)
            await connection.executemany(_JOURNAL, entries)
        return RecordedClaim(public_id, repeated=False)

    async def _enqueue(
        self, connection: Connection, claim_id: int, public_id: uuid.UUID, actions: Sequence[Action]
    ) -> list[tuple[int, int | None, str, str | None]]:
        entries: list[tuple[int, int | None, str, str | None]] = []
        for ordinal, action in enumerate(actions):
            action_id = await connection.fetchval(
                _INSERT_ACTION,
                claim_id,
                ordinal,
                action.kind,
                action.subscription_id,
                action.reason.text,
                action.reason.code,
                f"aiocancel-{public_id}-{ordinal}-1",
            )
            entries.append((claim_id, action_id, "actions_enqueued", action.kind))
        return entries

    async def _find_equal(self, connection: Connection, claim: FlowClaim, grant: Grant) -> RecordedClaim:
        row = await connection.fetchrow(
            _FIND_EQUAL,
            grant.nonce,
            grant.subscription_id,
            claim.flow_session_id,
            claim.status,
            claim.status.changes_billing,
        )
        if row is None or row["customer_id"] != grant.customer_id or row["status"] != claim.status:
            raise ConflictError("This page's permission was already used for a different result.")
        same_session = row["flow_session_id"] == claim.flow_session_id
        if not same_session and claim.status.changes_billing:
            raise ConflictError("This page's permission was already used for a different flow session.")
        return RecordedClaim(row["public_id"], repeated=True)

    async def answer(self, public_id: uuid.UUID, customer_id: str) -> Answer | None:
        """Return what may be told about a claim to the customer who made it, None to anybody else."""
        with outages():
            rows = await self._pool.fetch(_ANSWER, public_id, customer_id)
        if not rows:
            return None
        change = Change(rows[0]["change"])
        if rows[0]["answer"] is not None:
            return Answer(AnswerKind(rows[0]["answer"]), change)
        return answer_of(
            change,
            [
                (
                    ActionState(row["state"]),
                    Receipt(row["receipt_status"], row["receipt_ends_at"]) if row["receipt_status"] else None,
                )
                for row in rows
                if row["state"] is not None
            ],
        )

    async def take(
        self,
        owner: uuid.UUID,
        *,
        limit: int,
        lease_s: float,
        holds: Collection[int] = (),
        reclaim_after_s: float = math.inf,
    ) -> list[TakenAction]:
        """Lease up to ``limit`` due actions, at most one of any subscription, oldest first.

        ``holds`` are the actions that the owner is still busy with: they are left alone. Another one that it
        leased ``reclaim_after_s`` ago is due: an outage of the database swallowed the answer to this call,
        or the end of an attempt.
        """
        try:
            async with self._transaction() as connection:
                rows = await connection.fetch(
                    _TAKE,
                    limit,
                    owner,
                    timedelta(seconds=lease_s),
                    _KINDS,
                    list(holds),
                    timedelta(seconds=min(reclaim_after_s, lease_s)),
                )
        except asyncpg.UniqueViolationError:
            # Another worker took an action of the same subscription in this very moment.
            return []
        return [
            TakenAction(
                action_id=row["id"],
                claim_id=row["claim_id"],
                claim_public_id=row["public_id"],
                action=Action(
                    ActionKind(row["kind"]),
                    SubscriptionId(row["subscription_id"]),
                    CancelReason(row["reason_text"], row["reason_code"]),
                ),
                attempt=row["attempts"],
                owner=owner,
                age_s=row["age_s"],
                has_written=row["has_written"],
            )
            for row in rows
        ]

    async def begin_write(self, taken: TakenAction) -> str | None:
        """Store the attempt and return its idempotency key, before the call; None when the lease is lost."""
        async with self._transaction() as connection:
            row = await connection.fetchrow(
                f"""
                SELECT ordinal, key_generation, key_spent,
                    coalesce(extract(epoch FROM now() - key_used_at), 0)::float8 AS key_age_s
                FROM aiocancel.action WHERE {_LEASED} FOR UPDATE
                """,  # noqa: S608 - a constant of this module
                *_lease(taken),
            )
            if row is None:
                return None
            spent = key_is_spent(row["key_age_s"], replayed_failure=row["key_spent"])
            generation = row["key_generation"] + spent
            key = f"aiocancel-{taken.claim_public_id}-{row['ordinal']}-{generation}"
            await connection.execute(
                """
                UPDATE aiocancel.action SET idempotency_key = $2, key_generation = $3, key_spent = false,
                    key_used_at = CASE WHEN $4 THEN now() ELSE coalesce(key_used_at, now()) END
                WHERE id = $1
                """,
                taken.action_id,
                key,
                generation,
                spent,
            )
            await connection.execute(
                "INSERT INTO aiocancel.attempt (action_id, number, idempotency_key) VALUES ($1, $2, $3)",
                taken.action_id,
                taken.attempt,
                key,
            )
        return key

    async def end_write(
        self, taken: TakenAction, result: str, *, code: str | None, request_id: str | None, key_spent: bool = False
    ) -> None:
        """Note what a call came back with, whether or not the lease still stands."""
        async with self._transaction() as connection:
            await connection.execute(
                """
                UPDATE aiocancel.attempt SET ended_at = now(), result = $3, code = $4, request_id = $5
                WHERE action_id = $1 AND number = $2
                """,
                taken.action_id,
                taken.attempt,
                result,
                code,
                request_id,
            )
            if key_spent:
                # A later attempt may have another key by now.
                await connection.execute(
                    """
                    UPDATE aiocancel.action SET key_spent = true WHERE id = $1 AND idempotency_key = (
                        SELECT idempotency_key FROM aiocancel.attempt WHERE action_id = $1 AND number = $2)
                    """,
                    taken.action_id,
                    taken.attempt,
                )

    async def finish(self, taken: TakenAction, receipt: Receipt) -> bool:
        """Mark the action done on the evidence of ``receipt``; False when the lease is lost."""
        return await self._settle(
            taken,
            "state = 'done', finished_at = now(), receipt_status = $4, receipt_ends_at = $5",
            (receipt.status, receipt.ends_at),
            "action_applied",
            receipt.status,
        )

    async def park(self, taken: TakenAction, code: str) -> bool:
        """Leave the action to a human; False when the lease is lost."""
        return await self._settle(
            taken, "state = 'parked', finished_at = now(), parked_code = $4", (code,), "action_parked", code
        )

    async def hand_back(self, taken: TakenAction, *, delay_s: float, code: str | None) -> bool:
        """Let any worker take the action again after ``delay_s``; False when the lease is lost."""
        return await self._settle(
            taken,
            "state = 'waiting', due_at = now() + $4",
            (timedelta(seconds=delay_s),),
            "attempt_failed" if code else "handed_back",
            code,
        )

    async def _settle(
        self,
        taken: TakenAction,
        assignments: str,
        values: Sequence[str | datetime | timedelta | None],
        entry: str,
        code: str | None,
    ) -> bool:
        async with self._transaction() as connection:
            settled = await connection.fetchval(
                f"UPDATE aiocancel.action SET {assignments}, lease_owner = NULL WHERE {_LEASED} RETURNING id",  # noqa: S608
                *_lease(taken),
                *values,
            )
            if settled is None:
                return False
            await connection.execute(_JOURNAL, taken.claim_id, taken.action_id, entry, code)
            if entry == "action_applied":
                await connection.execute(
                    """
                    UPDATE aiocancel.claim SET recovery_point = 'action_applied' WHERE id = $1 AND NOT EXISTS (
                        SELECT FROM aiocancel.action WHERE claim_id = $1 AND state <> 'done')
                    """,
                    taken.claim_id,
                )
        return True


def _lease(taken: TakenAction) -> tuple[int, uuid.UUID, int]:
    return taken.action_id, taken.owner, taken.attempt
