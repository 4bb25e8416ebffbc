"""New actions, each with its job, inside the caller's transaction."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from aiocancel.core.actions import Action, Places
from aiocancel.core.offers.terms import offer_to_json
from aiocancel.postgres.pgqueuer import Job, enqueue

if TYPE_CHECKING:
    from aiocancel.postgres.connection import Connection

JournalEntry = tuple[int, int | None, str, str | None]
"""A line of the journal: claim, action, entry, code."""

JOURNAL: Final = """
INSERT INTO aiocancel.journal (claim_id, action_id, entry, code) VALUES ($1, $2, $3, $4)
"""

ENQUEUE_ACTIONS: Final = """
INSERT INTO aiocancel.action (claim_id, ordinal, kind, subscription_id, reason_text, reason_code, idempotency_key,
    flow_session_id, offer)
SELECT $1, o.ordinal, n.kind, n.subscription_id, n.reason_text, n.reason_code,
    aiocancel.wish_key(c.vendor, c.mode, c.subscription_id, c.flow_session_id, c.grant_nonce, n.kind, o.ordinal),
    n.flow_session_id, n.offer::jsonb
FROM aiocancel.claim c CROSS JOIN unnest($3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[])
        WITH ORDINALITY AS n (kind, subscription_id, reason_text, reason_code, flow_session_id, offer, position)
    CROSS JOIN LATERAL (SELECT ($2 + n.position - 1)::integer AS ordinal) o
WHERE c.id = $1 ORDER BY n.position RETURNING id, kind
"""

# Hooks come last and once, whatever became of the claim's actions. A declaration of the public exit has none: the
# cancellation that follows from it has.
ENQUEUE_HOOKS: Final = """
INSERT INTO aiocancel.action (claim_id, ordinal, kind, subscription_id, idempotency_key)
SELECT c.id, aiocancel.follow_up_ordinal('run_hooks'), 'run_hooks', c.subscription_id,
    aiocancel.telling_key(c.public_id, aiocancel.follow_up_ordinal('run_hooks'))
FROM aiocancel.claim c WHERE c.id = $1 AND c.subscription_id <> 'public_exit' AND NOT EXISTS (
    SELECT FROM aiocancel.action a
    WHERE a.claim_id = c.id AND a.state IN ('waiting', 'running') AND a.kind NOT IN ('end_pause', 'acknowledge'))
ON CONFLICT DO NOTHING RETURNING id
"""

# The application was told of an end that no longer holds, and must be told again. Its hooks keep their history under
# another ordinal, which makes room for new ones.
MAKE_ROOM_FOR_HOOKS: Final = """
UPDATE aiocancel.action a SET ordinal = later.ordinal,
    idempotency_key = aiocancel.telling_key(c.public_id, later.ordinal)
FROM aiocancel.claim c, (SELECT max(ordinal) + 1 AS ordinal FROM aiocancel.action WHERE claim_id = $1) later
WHERE c.id = a.claim_id AND a.claim_id = $1
  AND a.ordinal = aiocancel.follow_up_ordinal('run_hooks') AND a.kind = 'run_hooks'
RETURNING true
"""

# Stripe does not keep the end of a pause of the subscription itself, so we do.
ENQUEUE_END_OF_PAUSE: Final = """
INSERT INTO aiocancel.action
    (claim_id, ordinal, kind, subscription_id, idempotency_key, deferred, due_at, woke_at, takes_effect_at)
SELECT a.claim_id, e.ordinal, 'end_pause', a.subscription_id,
    aiocancel.wish_key(c.vendor, c.mode, c.subscription_id, c.flow_session_id, c.grant_nonce, 'end_pause', e.ordinal),
    true, e.at, e.at, e.at
FROM aiocancel.action a JOIN aiocancel.claim c ON c.id = a.claim_id
    CROSS JOIN LATERAL (
        SELECT aiocancel.follow_up_ordinal('end_pause') AS ordinal,
            to_timestamp((a.change ->> 'resumes_at')::float8) AS at) e
WHERE a.id = $1 AND a.change ->> 'type' = 'pause_service' AND e.at IS NOT NULL
ON CONFLICT DO NOTHING RETURNING id, greatest(0, extract(epoch FROM due_at - now()))::float8 AS delay_s
"""


async def enqueue_actions(
    connection: Connection,
    claim_id: int,
    actions: Sequence[Action],
    *,
    first: int,
) -> list[JournalEntry]:
    """Add actions to a claim, the first of them with the ordinal ``first``; returns their lines for the journal."""
    if not actions:
        return []

    rows = await connection.fetch(ENQUEUE_ACTIONS, claim_id, first, *action_columns(actions))
    await enqueue(connection, [Job(row["id"], 0, places=Places.of(row["kind"])) for row in rows])

    return [(claim_id, row["id"], "actions_enqueued", row["kind"]) for row in rows]


async def enqueue_hooks(connection: Connection, claim_id: int) -> None:
    """Let the application be told how a claim ended, once nothing of it is left to do."""
    action_id = await connection.fetchval(ENQUEUE_HOOKS, claim_id)
    if action_id is not None:
        await enqueue(connection, [Job(action_id, 0, places=Places.CALLS)])


async def enqueue_end_of_pause(connection: Connection, action_id: int) -> None:
    """Plan the end of a pause that this action made, where the pause has one that we must keep."""
    end = await connection.fetchrow(ENQUEUE_END_OF_PAUSE, action_id)
    if end is not None:
        await enqueue(connection, [Job(end["id"], 0, end["delay_s"], places=Places.CHANGES)])


def action_columns(actions: Sequence[Action]) -> Sequence[Sequence[str | None]]:
    """Return actions as the six columns that a statement's ``unnest`` takes."""
    rows = [
        (
            action.kind,
            action.subscription_id,
            action.reason.text,
            action.reason.code,
            action.flow_session_id,
            None if action.offer is None else json.dumps(offer_to_json(action.offer)),
        )
        for action in actions
    ]

    return list(zip(*rows, strict=True))
