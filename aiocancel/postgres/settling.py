"""The statements by which a worker moves its action: one round trip each where that is enough."""

# ruff: noqa: S608 - what they are put together from is all written in this package
from __future__ import annotations

from functools import cache
from typing import Final

# The action as it was leased: whoever lost the lease writes no more.
LEASED: Final = "id = $1 AND lease_owner = $2 AND attempts = $3 AND state = 'running'"


# The first write of an action, whose key is as it was made: a round trip instead of five.
BEGIN_FIRST_WRITE: Final = f"""
WITH begun AS (
    UPDATE aiocancel.action SET key_used_at = now(), change = coalesce($5::jsonb, change),
        idempotency_key = 'aiocancel-' || $4::uuid || '-' || ordinal || '-' || key_generation
    WHERE {LEASED} AND key_used_at IS NULL AND NOT key_spent
    RETURNING id, attempts, idempotency_key),
noted AS (
    INSERT INTO aiocancel.attempt (action_id, number, idempotency_key)
    SELECT id, attempts, idempotency_key FROM begun)
SELECT idempotency_key FROM begun
"""

# A later write of the same action may need another key.
HOLD_KEY: Final = f"""
SELECT ordinal, key_generation, key_spent, coalesce(extract(epoch FROM now() - key_used_at), 0)::float8 AS key_age_s
FROM aiocancel.action WHERE {LEASED} FOR UPDATE
"""

NOTE_FIRST_LOOK: Final = (
    f"UPDATE aiocancel.action SET baseline = $4::jsonb WHERE {LEASED} AND baseline IS NULL"
)

# A later attempt may have another key by now, and its key is not spent.
END_WRITE: Final = """
WITH ended AS (
    UPDATE aiocancel.attempt SET ended_at = now(), result = $3, code = $4, request_id = $5
    WHERE action_id = $1 AND number = $2 RETURNING idempotency_key)
UPDATE aiocancel.action a SET key_spent = true FROM ended
WHERE $6 AND a.id = $1 AND a.idempotency_key = ended.idempotency_key
"""


@cache
def settle_statement(
    assignments: str, values: int, *, alone: bool = False, accepted: bool = False
) -> str:
    """Return the statement that moves a running action on, and tells what waits next in its lane.

    With ``alone`` it does nothing where something waits. With ``accepted`` it notes that Stripe took the attempt's
    write, too.
    """
    entry, code, request_id = (f"${values + number}" for number in (4, 5, 6))
    next_in_lane = """
        SELECT n.id, n.attempts, n.due_at FROM aiocancel.action n
        WHERE n.lane = {0}.lane AND n.id <> {0}.id AND n.state = 'waiting' AND NOT (n.deferred AND n.due_at > now())
        ORDER BY n.id LIMIT 1"""
    if alone:
        told = "SELECT id FROM settled"
    else:
        told = f"""
        SELECT s.id, n.id AS next_id, n.attempts AS next_attempts,
            greatest(0, extract(epoch FROM n.due_at - now()))::float8 AS next_delay_s
        FROM settled s LEFT JOIN LATERAL ({next_in_lane.format("s")}) n ON true
        """
    only = f"AND NOT EXISTS ({next_in_lane.format('a')})" if alone else ""
    ended = f"""
        ended AS (
            UPDATE aiocancel.attempt t SET ended_at = now(), result = 'accepted', request_id = {request_id}
            FROM settled WHERE t.action_id = settled.id AND t.number = $3),
        """
    return f"""
        WITH settled AS (
            UPDATE aiocancel.action a SET {assignments}, lease_owner = NULL WHERE {LEASED} {only}
            RETURNING a.id, a.claim_id, a.lane),
        noted AS (
            INSERT INTO aiocancel.journal (claim_id, action_id, entry, code)
            SELECT claim_id, id, {entry}, {code} FROM settled),
        {ended if accepted else ""}
        moved AS (
            UPDATE aiocancel.claim c SET recovery_point = 'action_applied' FROM settled s
            WHERE c.id = s.claim_id AND {entry} = 'action_applied' AND NOT EXISTS (
                SELECT FROM aiocancel.action a WHERE a.claim_id = s.claim_id AND a.id <> s.id
                AND a.state <> 'done' AND a.kind NOT IN ('run_hooks', 'end_pause')))
        {told}
        """
