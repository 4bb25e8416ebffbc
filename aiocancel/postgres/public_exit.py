"""Declarations of the public exit in Postgres: stored once each, within limits that hold for everybody."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from aiocancel.core.claim import OWN_VENDOR, FlowStatus, RecoveryPoint, Topic
from aiocancel.core.identifiers import Mode
from aiocancel.core.public_exit import (
    PublicDeclaration,
    PublicExit,
    public_from_json,
    public_to_json,
)
from aiocancel.postgres.connection import LedgerConnection

UNKNOWN_SUBSCRIPTION: Final = "public_exit"
"""What stands in a claim for the subscription that is yet to be found; a partial index knows it."""

PUBLIC: Final = "public_exit"

# One declaration at a time for all visitors: several at once would each be counted before any of them is stored, and
# would pass the limits. The next one sees the one before, because the count is a statement of its own.
HOLD_LIMITS: Final = "SELECT pg_advisory_xact_lock(hashtextextended('aiocancel.public_exit', 0))"

# Anybody may type anybody's address: beyond its limit nobody is written to there, and the declaration counts as ever.
# One statement does the same work for every name, so that its time does not tell whether a contract was found. An equal
# post finds its own claim again.
DECLARE: Final = """
WITH lately AS (
    SELECT declaration -> 'shown' -> 'public_exit' ->> 'email' AS email, declaration -> 'shown' ->> 'network' AS network
    FROM aiocancel.claim WHERE subscription_id = 'public_exit' AND recorded_at > now() - interval '1 hour'),
room AS (
    SELECT count(*) < $11 AND count(*) FILTER (WHERE network = $7) < $10 AS is_left,
        count(*) FILTER (WHERE lower(email) = lower($8)) < $9 AS is_written_to FROM lately),
declared AS (
    INSERT INTO aiocancel.claim (public_id, grant_nonce, uses_grant, vendor, status, customer_id, subscription_id, mode,
        change, recovery_point, declaration)
    SELECT $1, $2, true, $3, $4, '', 'public_exit', $5, $12, $13, $6::jsonb FROM room WHERE is_left
    ON CONFLICT DO NOTHING RETURNING id, public_id),
enqueued AS (
    INSERT INTO aiocancel.action (claim_id, ordinal, kind, subscription_id, idempotency_key)
    SELECT d.id, o.ordinal, o.kind, 'public_exit', 'aiocancel-' || d.public_id || '-' || o.kind
    FROM declared d CROSS JOIN room r CROSS JOIN (VALUES (0, 'match_declaration'),
        (aiocancel.follow_up_ordinal('acknowledge'), 'acknowledge')) AS o (ordinal, kind)
    WHERE o.kind <> 'acknowledge' OR r.is_written_to
    RETURNING id, claim_id, ordinal, kind),
noted AS (
    INSERT INTO aiocancel.journal (claim_id, action_id, entry, code)
    SELECT claim_id, action_id, entry, code FROM (
        SELECT d.id, NULL::bigint, 'claim_recorded', $4::text, -1 FROM declared d
        UNION ALL SELECT e.claim_id, e.id, 'actions_enqueued', e.kind, e.ordinal FROM enqueued e
    ) AS line (claim_id, action_id, entry, code, position) ORDER BY position),
jobs AS (
    INSERT INTO aiocancel.pgqueuer (priority, entrypoint, payload, execute_after, dedupe_key, headers, status)
    SELECT 0, aiocancel.job_entrypoint(kind), convert_to(id::text, 'UTF8'), now(), aiocancel.job_key(id, 0, kind),
        'null'::jsonb, 'queued'
    FROM enqueued ON CONFLICT DO NOTHING)
SELECT public_id FROM declared
"""

FIND_EQUAL: Final = """
SELECT public_id FROM aiocancel.claim WHERE uses_grant AND grant_nonce = $1 AND subscription_id = 'public_exit'
"""

READ: Final = """
SELECT recorded_at, declaration, EXISTS (
    SELECT FROM aiocancel.action a
    WHERE a.claim_id = claim.id AND a.ordinal = aiocancel.follow_up_ordinal('acknowledge')) AS is_written_to
FROM aiocancel.claim
WHERE public_id = $1 AND subscription_id = 'public_exit' AND erased_at IS NULL
"""

# From now on the declaration is the customer's, and goes with the customer's other data.
NAME: Final = """
UPDATE aiocancel.claim SET customer_id = $2 WHERE id = $1 AND erased_at IS NULL
"""

# The acknowledgement once more, for the address on file: the typed one may be a stranger's. Its ordinal is the next.
WRITE_ON_FILE: Final = """
WITH enqueued AS (
    INSERT INTO aiocancel.action (claim_id, ordinal, kind, subscription_id, idempotency_key)
    SELECT c.id, aiocancel.follow_up_ordinal('acknowledge') + 1, 'acknowledge', 'public_exit',
        'aiocancel-' || c.public_id || '-acknowledge-on-file'
    FROM aiocancel.claim c WHERE c.id = $1 AND c.erased_at IS NULL
    ON CONFLICT DO NOTHING RETURNING id, claim_id, kind),
noted AS (
    INSERT INTO aiocancel.journal (claim_id, action_id, entry, code)
    SELECT claim_id, id, 'actions_enqueued', kind FROM enqueued)
INSERT INTO aiocancel.pgqueuer (priority, entrypoint, payload, execute_after, dedupe_key, headers, status)
SELECT 0, aiocancel.job_entrypoint(kind), convert_to(id::text, 'UTF8'), now(), aiocancel.job_key(id, 0, kind),
    'null'::jsonb, 'queued'
FROM enqueued ON CONFLICT DO NOTHING
"""


@dataclass(frozen=True, slots=True)
class ReceivedDeclaration:
    """A declaration, when it came, and whether the typed address is written to."""

    received_at: datetime
    declaration: PublicDeclaration = field(repr=False)
    is_written_to: bool


class PublicDeclarations:
    """The declarations of the public exit."""

    def __init__(self, connection: LedgerConnection) -> None:
        self._connection = connection
        # A post that waits here takes no connection from a page; other processes are waited for with HOLD_LIMITS.
        self._turn = asyncio.Lock()

    async def declare(
        self,
        declaration: PublicDeclaration,
        *,
        nonce: str,
        network: str,
        mode: Mode,
        limits: PublicExit,
        language: str,
        pressed: str,
    ) -> uuid.UUID | None:
        """Store a declaration once, with the question whose it is and its acknowledgement; None beyond the limits.

        Beyond the limit of its address it is stored without an acknowledgement.

        Args:
            declaration: As typed.
            nonce: Of the page and the words: the same post again finds the same declaration.
            network: Where it came from, as a keyed hash.
            mode: Live or test.
            limits: How many may come within an hour.
            language: That of the page.
            pressed: The words on the button.
        """
        stored = {
            "language": language,
            "words": pressed,
            "shown": {PUBLIC: public_to_json(declaration), "network": network},
        }

        values = (
            uuid.uuid4(),
            nonce,
            OWN_VENDOR,
            FlowStatus.CANCELED,
            mode,
            json.dumps(stored),
            network,
            declaration.email,
            limits.most_per_address_in_an_hour,
            limits.most_per_network_in_an_hour,
            limits.most_in_an_hour,
            Topic.CANCELLATION,
            RecoveryPoint.ACTIONS_ENQUEUED,
        )

        async with self._turn, self._connection.transaction() as connection:
            await connection.execute(HOLD_LIMITS)
            rows = await connection.fetch(DECLARE, *values)
            if not rows:
                rows = await connection.fetch(FIND_EQUAL, nonce)
        return rows[0]["public_id"] if rows else None

    async def read(self, public_id: uuid.UUID) -> ReceivedDeclaration | None:
        """Return a declaration; None where there is none, or it is erased."""
        rows = await self._connection.at_once(READ, public_id)
        if not rows:
            return None
        typed = public_in(json.loads(rows[0]["declaration"])["shown"])
        if typed is None:
            return None
        return ReceivedDeclaration(rows[0]["recorded_at"], typed, rows[0]["is_written_to"])

    async def name(self, claim_id: int, customer_id: str) -> None:
        """Note whose declaration it was."""
        await self._connection.at_once(NAME, claim_id, customer_id)

    async def write_on_file(self, claim_id: int) -> None:
        """Acknowledge a named declaration once more, to the address on file."""
        await self._connection.at_once(WRITE_ON_FILE, claim_id)


def public_in(shown: Mapping[str, Any]) -> PublicDeclaration | None:
    """Return the declaration that a claim keeps, None where it is no public one."""
    stored = shown.get(PUBLIC)
    return None if stored is None else public_from_json(stored)
