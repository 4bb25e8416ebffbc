"""Writes to Stripe as the ledger knows them: each is stored with its idempotency key before it is sent."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from aiocancel.core.changes import Change, change_to_json
from aiocancel.core.codes import AnyCode, Code
from aiocancel.core.idempotency import key_is_spent
from aiocancel.core.offers.expect import Baseline, baseline_to_json
from aiocancel.postgres.connection import LedgerConnection
from aiocancel.postgres.leasing import TakenAction

if TYPE_CHECKING:
    import asyncpg

# The first write of an action, whose key is as it was made: one round trip instead of five.
BEGIN_FIRST_WRITE: Final = """
WITH begun AS (
    UPDATE aiocancel.action SET key_used_at = now(), change = coalesce($4::jsonb, change)
    WHERE id = $1 AND lease_owner = $2 AND attempts = $3 AND state = 'running'
      AND key_used_at IS NULL AND NOT key_spent
    RETURNING id, attempts, idempotency_key),
noted AS (
    INSERT INTO aiocancel.attempt (action_id, number, idempotency_key)
    SELECT id, attempts, idempotency_key FROM begun)
SELECT idempotency_key FROM begun
"""

# A later write of the same action may need another key.
HOLD_KEY: Final = """
SELECT key_generation, key_spent, coalesce(extract(epoch FROM now() - key_used_at), 0)::float8 AS key_age_s
FROM aiocancel.action
WHERE id = $1 AND lease_owner = $2 AND attempts = $3 AND state = 'running' FOR UPDATE
"""

BEGIN_LATER_WRITE: Final = """
WITH begun AS (
    UPDATE aiocancel.action SET key_generation = $2, key_spent = false,
        idempotency_key = CASE WHEN $3 THEN aiocancel.key_in_generation(idempotency_key, $2) ELSE idempotency_key END,
        key_used_at = CASE WHEN $3 THEN now() ELSE coalesce(key_used_at, now()) END,
        change = coalesce($4::jsonb, change)
    WHERE id = $1 RETURNING id, attempts, idempotency_key)
INSERT INTO aiocancel.attempt (action_id, number, idempotency_key)
SELECT id, attempts, idempotency_key FROM begun RETURNING idempotency_key
"""

# A later attempt may have another key by now, which is not spent.
END_WRITE: Final = """
WITH ended AS (
    UPDATE aiocancel.attempt SET ended_at = now(), result = $3, code = $4, request_id = $5
    WHERE action_id = $1 AND number = $2 RETURNING idempotency_key)
UPDATE aiocancel.action a SET key_spent = true FROM ended
WHERE $6 AND a.id = $1 AND a.idempotency_key = ended.idempotency_key
"""

# What found no turn under a rate limit was never sent, and leaves the key unused unless an attempt before used it.
NEVER_SENT: Final = """
UPDATE aiocancel.action SET key_used_at = NULL
WHERE id = $1 AND attempts = $2 AND NOT EXISTS (
    SELECT FROM aiocancel.attempt WHERE action_id = $1 AND number <= $2 AND code IS DISTINCT FROM $3)
"""

WAS_SENT_BEFORE: Final = """
SELECT EXISTS (
    SELECT FROM aiocancel.attempt
    WHERE action_id = $1 AND number < $2 AND idempotency_key = $3 AND code IS DISTINCT FROM $4) AS was_sent
"""

NOTE_FIRST_LOOK: Final = """
UPDATE aiocancel.action SET baseline = $4::jsonb
WHERE id = $1 AND lease_owner = $2 AND attempts = $3 AND state = 'running' AND baseline IS NULL
"""


class Writes:
    """Attempts at an action that reach Stripe, and the keys under which they do."""

    def __init__(self, connection: LedgerConnection) -> None:
        self._connection = connection

    async def begin(self, taken: TakenAction, change: Change | None = None) -> str | None:
        """Store the attempt and what it sends, and return its idempotency key, before the call.

        None when the lease is lost.
        """
        sent = None if change is None else json.dumps(change_to_json(change))

        begun: list[asyncpg.Record] = []
        if not taken.has_written:
            begun = await self._connection.at_once(BEGIN_FIRST_WRITE, *taken.lease, sent)

        return str(begun[0]["idempotency_key"]) if begun else await self._begin_later(taken, sent)

    async def end(
        self,
        taken: TakenAction,
        result: str,
        *,
        code: AnyCode | None,
        request_id: str | None,
        key_spent: bool = False,
    ) -> None:
        """Note what a call came back with, whether or not the lease still stands."""
        await self._connection.at_once(
            END_WRITE, taken.action_id, taken.attempt, result, code, request_id, key_spent
        )
        if code == Code.RATE_BUDGET:
            await self._connection.at_once(
                NEVER_SENT, taken.action_id, taken.attempt, Code.RATE_BUDGET
            )

    async def was_sent_before(self, taken: TakenAction, key: str) -> bool:
        """Tell whether an earlier attempt of the action, as far as this ledger knows, sent the key."""
        rows = await self._connection.at_once(
            WAS_SENT_BEFORE, taken.action_id, taken.attempt, key, Code.RATE_BUDGET
        )
        return bool(rows[0]["was_sent"])

    async def note_first_look(self, taken: TakenAction, baseline: Baseline) -> None:
        """Keep the state that the first look showed; every worker compares later ones with it."""
        await self._connection.at_once(
            NOTE_FIRST_LOOK, *taken.lease, json.dumps(baseline_to_json(baseline))
        )

    async def _begin_later(self, taken: TakenAction, sent: str | None) -> str | None:
        async with self._connection.transaction() as connection:
            held = await connection.fetchrow(HOLD_KEY, *taken.lease)
            if held is None:
                return None

            spent = key_is_spent(held["key_age_s"], replayed_failure=held["key_spent"])
            generation = held["key_generation"] + spent

            key = await connection.fetchval(
                BEGIN_LATER_WRITE, taken.action_id, generation, spent, sent
            )
            return str(key)
