"""A ledger with a past: finished and waiting actions by the thousand, made by the database itself."""

from __future__ import annotations

from typing import Any

# A number tells the rows of one call from those of another.
_FILL = """
INSERT INTO aiocancel.claim (public_id, recorded_at, grant_nonce, uses_grant, vendor, status, flow_session_id,
    customer_id, subscription_id, mode, reason_text, reason_code, change, recovery_point)
SELECT gen_random_uuid(), now() - n * interval '1 minute', 'filled-' || n, true, 'prosperstack', 'canceled',
    'filled_session_' || n, 'filled_customer_' || n, 'filled_sub_' || n, 'test', 'Too dear', 'too_expensive',
    'cancel_at_period_end', CASE WHEN $3 THEN 'action_applied' ELSE 'actions_enqueued' END
FROM generate_series($1::bigint, $2::bigint - 1) n
"""
_FILL_ACTIONS = """
INSERT INTO aiocancel.action (claim_id, ordinal, kind, subscription_id, state, created_at, due_at, attempts,
    idempotency_key, key_used_at, finished_at, receipt_status)
SELECT c.id, 0, 'cancel_at_period_end', c.subscription_id, CASE WHEN $2 THEN 'done' ELSE 'waiting' END,
    c.recorded_at, CASE WHEN $2 THEN c.recorded_at ELSE now() + interval '1 day' END, CASE WHEN $2 THEN 1 ELSE 0 END,
    'aiocancel-' || c.public_id || '-0-1', CASE WHEN $2 THEN c.recorded_at END,
    CASE WHEN $2 THEN c.recorded_at END, CASE WHEN $2 THEN 'active' END
FROM aiocancel.claim c WHERE c.id > $1
"""
_FILL_JOURNAL = """
INSERT INTO aiocancel.journal (at, claim_id, entry)
SELECT c.recorded_at, c.id, entry FROM aiocancel.claim c, unnest(ARRAY['claim_recorded', 'action_applied']) entry
WHERE c.id > $1
"""
_FILL_ATTEMPTS = """
INSERT INTO aiocancel.attempt (action_id, number, idempotency_key, started_at, ended_at, result)
SELECT a.id, 1, a.idempotency_key, a.due_at, a.due_at, 'accepted'
FROM aiocancel.action a WHERE a.claim_id > $1 AND a.state = 'done'
"""


async def fill(connection: Any, *, first: int, until: int, finished: bool) -> None:
    """Add the claims ``first`` to ``until`` - 1 with one action each; what is not finished is due tomorrow."""
    last = await connection.fetchval("SELECT coalesce(max(id), 0) FROM aiocancel.claim")
    async with connection.transaction():
        # The rows fit each other; to have that checked row by row would take longer than to write them.
        await connection.execute("SET LOCAL session_replication_role = replica")
        await connection.execute(_FILL, first, until, finished)
        await connection.execute(_FILL_ACTIONS, last, finished)
        await connection.execute(_FILL_JOURNAL, last)
        await connection.execute(_FILL_ATTEMPTS, last)
    for table in ("claim", "action", "journal", "attempt"):
        await connection.execute(f"VACUUM ANALYZE aiocancel.{table}")
