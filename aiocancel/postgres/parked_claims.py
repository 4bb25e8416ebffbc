"""Claims that nothing proves: they wait for a person, or for the customer's own page to prove them."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from aiocancel.core.actions import Action, Places
from aiocancel.core.claim import FlowClaim, FlowStatus, Topic
from aiocancel.core.codes import AnyCode, Code
from aiocancel.core.flow_details import FlowDetails, details_to_json, whole_reason
from aiocancel.core.grants import Grant
from aiocancel.errors import ConflictError
from aiocancel.postgres.connection import LedgerConnection
from aiocancel.postgres.enqueue import JOURNAL, MAKE_ROOM_FOR_HOOKS, enqueue_hooks
from aiocancel.postgres.pgqueuer import Job, enqueue

if TYPE_CHECKING:
    from aiocancel.postgres.connection import Connection

# How many parked claims of one code may stand open, on one subscription and in all.
MOST_OF_ONE: Final = 3
MOST_OF_ALL: Final = 200

# What a page with a grant proves, also where the flow vendor told of it first.
WANT_PROOF: Final = (
    Code.FLOW_SESSION_NOT_PROVEN,
    Code.FLOW_SESSION_PROOF_USED,
    Code.FLOW_SESSION_ENDED_ANOTHER,
    Code.REFUSED_ON_THE_PAGE,
)

# The action is parked as it is written: no worker, of whatever release, sees it before a person does.
PARK_CLAIM: Final = """
WITH room AS (
    SELECT count(*) FILTER (WHERE a.subscription_id = $7) < $16 AND count(*) < $17 AS is_left
    FROM aiocancel.action a WHERE aiocancel.waits_for_a_person(a.state, a.closed_at)
        AND a.parked_code = $15),
recorded AS (
    INSERT INTO aiocancel.claim (public_id, grant_nonce, uses_grant, vendor, status, flow_session_id, customer_id,
        subscription_id, mode, reason_text, reason_code, offer_id, offer_type, change, recovery_point, flow)
    SELECT $1, $2, true, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, 'claim_recorded', $18::jsonb
    FROM room WHERE is_left
    ON CONFLICT DO NOTHING RETURNING id),
parked AS (
    INSERT INTO aiocancel.action (claim_id, ordinal, kind, subscription_id, reason_text, reason_code,
        idempotency_key, flow_session_id, state, finished_at, parked_code)
    SELECT id, 0, $14, $7, $19, $10, aiocancel.wish_key($3, $8, $7, $5, $2, $14, 0), $5, 'parked', now(), $15
    FROM recorded
    RETURNING id, claim_id),
noted AS (
    INSERT INTO aiocancel.journal (claim_id, action_id, entry, code)
    SELECT claim_id, action_id, entry, code FROM (
        SELECT id, NULL::bigint, 'claim_recorded', $4::text, 0 FROM recorded
        UNION ALL SELECT claim_id, id, 'action_parked', $15::text, 1 FROM parked
    ) AS line (claim_id, action_id, entry, code, position) ORDER BY position)
SELECT claim_id, id AS action_id FROM parked
"""

KNOWN_SESSION: Final = """
SELECT c.public_id, c.status, (
    SELECT a.parked_code FROM aiocancel.action a
    WHERE a.claim_id = c.id AND aiocancel.waits_for_a_person(a.state, a.closed_at)
    ORDER BY a.ordinal LIMIT 1) AS parked_code
FROM aiocancel.claim c WHERE c.uses_grant AND c.subscription_id = $1 AND c.flow_session_id = $2
"""

TAKE_UP: Final = """
UPDATE aiocancel.action
SET state = 'waiting', due_at = now(), finished_at = NULL, parked_code = NULL, excused = attempts
WHERE claim_id = $1 AND aiocancel.waits_for_a_person(state, closed_at) AND parked_code = ANY($2) AND attempts = 0
RETURNING id, attempts, kind
"""


@dataclass(frozen=True, slots=True)
class ParkedClaim:
    """A claim that was left to a person now, or one of the same flow session that was there before.

    ``action_id`` is None for the latter; ``waits_for`` is why it is parked, None where it is carried out.
    """

    public_id: uuid.UUID
    action_id: int | None
    waits_for: AnyCode | None


class ParkedClaims:
    """Records claims whose action waits for a person from the start."""

    def __init__(self, connection: LedgerConnection, *, hooks: bool) -> None:
        self._connection = connection
        self._hooks = hooks

    async def park_claim(
        self, claim: FlowClaim, grant: Grant, action: Action, code: Code
    ) -> ParkedClaim | None:
        """Record a claim and park its action, or find the claim of the same flow session.

        A stranger must not bury the operator, so there is room for few that nobody has closed: None where it is
        used up. Raises ConflictError where the flow session is known with another result.

        Args:
            claim: What is said to have happened.
            grant: Whose page it was, as far as that is known.
            action: What a person's retry carries out.
            code: Why nobody carries it out by itself.
        """
        public_id = uuid.uuid4()
        async with self._connection.transaction() as connection:
            row = await connection.fetchrow(
                PARK_CLAIM,
                public_id,
                grant.nonce,
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
                Topic.CANCELLATION if claim.status is FlowStatus.CANCELED else Topic.OFFER,
                action.kind,
                code,
                MOST_OF_ONE,
                MOST_OF_ALL,
                stored_details(claim.details),
                whole_reason(claim.reason, claim.details).text,
            )
            if row is None:
                return await _known(connection, claim, grant)

            if self._hooks:
                await enqueue_hooks(connection, row["claim_id"])
            return ParkedClaim(public_id, row["action_id"], code)


def stored_details(details: FlowDetails | None) -> str | None:
    """Return what a flow held beside its end as the ledger keeps it."""
    return None if details is None else json.dumps(details_to_json(details))


async def _known(connection: Connection, claim: FlowClaim, grant: Grant) -> ParkedClaim | None:
    row = await connection.fetchrow(KNOWN_SESSION, grant.subscription_id, claim.flow_session_id)
    if row is None:
        return None
    if row["status"] != claim.status:
        raise ConflictError("The flow session is known with a different result.")

    code = row["parked_code"]
    return ParkedClaim(row["public_id"], None, None if code is None else Code.stored(code))


async def take_up(connection: Connection, claim_id: int) -> None:
    """Let what was parked for want of a proof go on: the customer's own page has just given it."""
    rows = await connection.fetch(TAKE_UP, claim_id, list(WANT_PROOF))
    if not rows:
        return

    for row in rows:
        await connection.execute(JOURNAL, claim_id, row["id"], "actions_enqueued", row["kind"])
    await connection.execute(MAKE_ROOM_FOR_HOOKS, claim_id)
    jobs = [Job(row["id"], row["attempts"], places=Places.of(row["kind"])) for row in rows]
    await enqueue(connection, jobs)
