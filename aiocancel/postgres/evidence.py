"""Evidence in Postgres: facts are sealed into one chain, and read again for a file.

Facts are noted by triggers in the transaction that stores them (migration 0029), which costs that transaction one row.
They are chained here, shortly after, under an advisory lock and in one transaction for each batch: a worker that dies
in the middle leaves neither a gap nor a fork.
"""

from __future__ import annotations

import json
import secrets
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from aiocancel.core.evidence import SALT_BYTES, Fact, Head, genesis, seal
from aiocancel.postgres.connection import LedgerConnection

if TYPE_CHECKING:
    import asyncpg

    from aiocancel.postgres.connection import Connection, Pool

BATCH: Final = 200

# An arbitrary constant of ours. The transaction that seals, or erases what is sealed, holds this advisory lock.
_LOCK: Final = 0x61696F65

HOLD: Final = "SELECT pg_advisory_xact_lock($1)"
TRY_TO_HOLD: Final = "SELECT pg_try_advisory_xact_lock($1)"

IS_ANYTHING_DUE: Final = "SELECT EXISTS (SELECT FROM aiocancel.evidence_due) AS found"

DUE: Final = """
SELECT id, source, reference, attempt, noted_at FROM aiocancel.evidence_due ORDER BY id LIMIT $1
"""

# Of each fact the part that names nobody, and the personal part, which an erased claim has no more. What belongs to no
# claim, such as a session that its claim does not name, is no fact.
FACTS: Final = """
SELECT w.place, c.id AS claim_id, w.source, w.reference, CASE w.source
    WHEN 'journal' THEN jsonb_build_object('what', j.entry, 'at', aiocancel.spelled(j.at),
        'code', CASE WHEN j.entry NOT IN ('action_closed', 'action_retried') THEN j.code END,
        'action', CASE WHEN a.id IS NOT NULL THEN
            jsonb_build_object('id', a.id, 'kind', a.kind, 'ordinal', a.ordinal) END,
        'receipt', CASE WHEN j.entry = 'action_applied' THEN jsonb_build_object('status', a.receipt_status,
            'ends_at', aiocancel.spelled(a.receipt_ends_at)) END,
        'letter', CASE WHEN k.action_id IS NOT NULL THEN jsonb_build_object('id', k.public_id, 'kind', k.kind,
            'written_at', aiocancel.spelled(k.written_at), 'handed_over_at', aiocancel.spelled(k.handed_over_at),
            'doubts', k.doubts) END)
    WHEN 'attempt' THEN jsonb_build_object('what', 'attempt_ended', 'at', aiocancel.spelled(t.ended_at),
        'action', jsonb_build_object('id', a.id, 'kind', a.kind, 'ordinal', a.ordinal), 'number', t.number,
        'started_at', aiocancel.spelled(t.started_at), 'result', t.result, 'code', t.code,
        'stripe_request', t.request_id, 'idempotency_key', t.idempotency_key)
    WHEN 'session' THEN jsonb_build_object('what', 'session_ended', 'at', aiocancel.spelled(w.noted_at),
        'state', s.state, 'definition', s.definition_version, 'words', s.words_hash, 'language', s.language)
    ELSE jsonb_build_object('what', 'claim_told_more', 'at', aiocancel.spelled(w.noted_at)) END
    || jsonb_build_object('claim', c.public_id, 'sealed_at', aiocancel.spelled(now())) AS said,
    CASE WHEN c.erased_at IS NOT NULL THEN NULL
    WHEN w.source = 'claim' OR j.entry = 'claim_recorded' THEN jsonb_build_object('customer', c.customer_id,
        'subscription', c.subscription_id, 'mode', c.mode, 'vendor', c.vendor, 'status', c.status, 'asks_for', c.change,
        'answered', c.answer, 'flow_session', c.flow_session_id, 'reason_text', c.reason_text,
        'reason_code', c.reason_code, 'offer', c.offer_id, 'offer_type', c.offer_type, 'declaration', c.declaration,
        'flow', c.flow)
    WHEN j.entry = 'actions_enqueued' AND a.offer IS NOT NULL THEN jsonb_build_object('offer', a.offer)
    WHEN j.entry IN ('action_closed', 'action_retried') THEN jsonb_build_object('said', j.code, 'operator', j.operator)
    WHEN k.action_id IS NOT NULL THEN jsonb_build_object('letter', k.letter, 'recipient', k.recipient,
        'mail_server', k.reference)
    WHEN w.source = 'attempt' THEN jsonb_build_object('subscription', a.subscription_id, 'sent', a.change)
    WHEN w.source = 'session' THEN jsonb_build_object('session', s.session_id, 'customer', s.customer_id,
        'subscription', s.subscription_id, 'mode', s.mode, 'place', s.place, 'snapshot', s.snapshot,
        'reasons', s.reasons, 'reason', s.reason, 'answers', s.answers, 'considered', s.considered, 'shown', s.shown,
        'declined', s.declined, 'accepted_offer', s.accepted_offer, 'accepted_months', s.accepted_months,
        'hold_out', s.hold_out, 'opened_at', aiocancel.spelled(s.opened_at),
        'ended_at', aiocancel.spelled(s.ended_at)) END AS content
FROM unnest($1::text[], $2::bigint[], $3::integer[], $4::timestamptz[]) WITH ORDINALITY
        AS w (source, reference, attempt, noted_at, place)
    LEFT JOIN aiocancel.journal j ON w.source = 'journal' AND j.id = w.reference
    LEFT JOIN aiocancel.attempt t ON w.source = 'attempt' AND t.action_id = w.reference AND t.number = w.attempt
    LEFT JOIN aiocancel.flow_session s ON w.source = 'session' AND s.id = w.reference
    LEFT JOIN aiocancel.action a ON a.id = coalesce(j.action_id, t.action_id)
    LEFT JOIN aiocancel.acknowledgement k ON k.action_id = a.id AND j.entry = 'action_applied'
        AND k.handed_over_at IS NOT NULL
    JOIN aiocancel.claim c ON c.id = CASE w.source WHEN 'journal' THEN j.claim_id WHEN 'attempt' THEN a.claim_id
        WHEN 'claim' THEN w.reference ELSE (
            SELECT o.id FROM aiocancel.claim o WHERE o.subscription_id = s.subscription_id
              AND o.flow_session_id = s.session_id AND o.uses_grant
              AND (o.customer_id = s.customer_id OR o.erased_at IS NOT NULL) LIMIT 1) END
ORDER BY w.place
"""

CHAIN: Final = "SELECT id::text AS id, begun_at FROM aiocancel.evidence_chain"

HOW_MANY: Final = """
SELECT claim_id, count(*) AS links FROM aiocancel.evidence_link WHERE claim_id = ANY($1) GROUP BY claim_id
"""

HEAD: Final = "SELECT position, hash FROM aiocancel.evidence_link ORDER BY position DESC LIMIT 1"

APPEND: Final = """
WITH linked AS (
    INSERT INTO aiocancel.evidence_link (position, previous, hash, claim_id, source, reference, fact)
    SELECT position, previous, hash, claim_id, source, reference, fact
    FROM unnest($1::bigint[], $2::text[], $3::text[], $4::bigint[], $5::text[], $6::bigint[], $7::text[])
        AS l (position, previous, hash, claim_id, source, reference, fact)
    ORDER BY position)
INSERT INTO aiocancel.evidence_content (position, claim_id, salt, content)
SELECT position, claim_id, salt, content
FROM unnest($1::bigint[], $4::bigint[], $8::bytea[], $9::text[]) AS c (position, claim_id, salt, content)
WHERE content IS NOT NULL
"""

DONE: Final = "DELETE FROM aiocancel.evidence_due WHERE id = ANY($1)"


class Evidence:
    """The chain as a worker adds to it.

    Args:
        pool: Lends the connections.
    """

    def __init__(self, pool: Pool) -> None:
        self._connection = LedgerConnection(pool)

    async def seal(self) -> int:
        """Seal what is due, at most ``BATCH`` facts; returns how many were looked at.

        Nothing is done while another worker seals. Raises UnavailableError.
        """
        due = await self._connection.at_once(IS_ANYTHING_DUE)
        if not due[0]["found"]:
            return 0
        async with self._connection.transaction() as connection:
            if not await connection.fetchval(TRY_TO_HOLD, _LOCK):
                return 0
            return await _seal_batch(connection)


async def hold_chain(connection: Connection) -> None:
    """Keep everybody else from sealing until the end of the transaction.

    To be called before a claim is locked: the transaction that seals may wait for one.
    """
    await connection.execute(HOLD, _LOCK)


async def seal_all(connection: Connection) -> None:
    """Seal all that is due, in a transaction that holds the chain."""
    while await _seal_batch(connection):
        pass


async def _seal_batch(connection: Connection) -> int:
    due = await connection.fetch(DUE, BATCH)
    if not due:
        return 0

    chain = await connection.fetchval(CHAIN)
    last = await connection.fetchrow(HEAD)
    head = genesis(chain) if last is None else Head(last["position"], last["hash"])

    columns = [[row[name] for row in due] for name in _DUE_COLUMNS]
    found = await connection.fetch(FACTS, *columns)
    counted = await connection.fetch(HOW_MANY, [row["claim_id"] for row in found])
    so_far = Counter({row["claim_id"]: row["links"] for row in counted})
    links = seal(chain, head, [_fact(row, so_far) for row in found])

    await connection.execute(
        APPEND,
        [each.position for each in links],
        [each.previous for each in links],
        [each.hash for each in links],
        [row["claim_id"] for row in found],
        [row["source"] for row in found],
        [row["reference"] for row in found],
        [each.fact for each in links],
        [each.salt for each in links],
        [each.content for each in links],
    )
    await connection.execute(DONE, [row["id"] for row in due])
    return len(due)


_DUE_COLUMNS: Final = ("source", "reference", "attempt", "noted_at")


def _fact(row: asyncpg.Record, so_far: Counter[int]) -> Fact:
    so_far[row["claim_id"]] += 1
    said = json.loads(row["said"]) | {"link_of_claim": so_far[row["claim_id"]]}
    content = None if row["content"] is None else _readable(row["content"])
    return Fact(said, content, secrets.token_bytes(SALT_BYTES))


def _readable(content: str) -> Any:
    """Read the personal part of a fact; one that no JSON of ours can hold is kept as text, and holds up no other."""
    try:
        found = json.loads(content)
        json.dumps(found, allow_nan=False)
    except (ValueError, RecursionError):
        return content
    return found
