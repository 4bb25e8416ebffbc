"""Claims in Postgres: what customers asked for is recorded once, and answered to whoever asked.

Every method of the ledger raises UnavailableError when the database cannot be reached; the commit may then
have happened all the same.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import asyncpg

from aiocancel.core.actions import (
    WAITS_FOR_ITS_DATE,
    WAITS_FOR_PAYMENT,
    Action,
    ActionKind,
    ActionState,
    Receipt,
)
from aiocancel.core.changes import AddDiscount, PausePayments, PauseService, change_from_json
from aiocancel.core.changes import Change as OfferChange
from aiocancel.core.claim import CancelReason, FlowClaim
from aiocancel.core.codes import Code
from aiocancel.core.decision import Answer, AnswerKind, Change, Decision, answer_of
from aiocancel.core.grants import Grant
from aiocancel.core.idempotency import key_text
from aiocancel.core.identifiers import FlowSessionId, SubscriptionId
from aiocancel.core.offers.terms import PauseTerms, offer_from_json, offer_to_json
from aiocancel.core.outcome import Outcome
from aiocancel.core.undo import Made
from aiocancel.errors import ConflictError, UnreadableLedgerError
from aiocancel.postgres.connection import LedgerConnection, unavailable_on_outage
from aiocancel.postgres.pgqueuer import Job, PgQueuerEngine

if TYPE_CHECKING:
    from aiocancel.postgres.connection import Connection, Pool

Entry = tuple[int, int | None, str, str | None]
"""A line of the journal: claim, action, what happened, its code."""


@dataclass(frozen=True, slots=True)
class RecordedClaim:
    """A claim in the ledger: ``repeated`` when an equal one was already there."""

    public_id: uuid.UUID
    repeated: bool


# A claim, its actions and what the journal says of them, in one statement: a customer waits for every round trip.
# Nothing but the claim's own conflict keeps the rest from being written.
_ACCEPT: Final = """
WITH accepted AS (
    INSERT INTO aiocancel.claim (public_id, grant_nonce, uses_grant, vendor, status, flow_session_id, customer_id,
        subscription_id, mode, reason_text, reason_code, offer_id, offer_type, change, answer, recovery_point)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
    ON CONFLICT DO NOTHING RETURNING id),
enqueued AS (
    INSERT INTO aiocancel.action (claim_id, ordinal, kind, subscription_id, reason_text, reason_code,
        idempotency_key, flow_session_id, offer)
    SELECT c.id, a.ordinal - 1, a.kind, a.subscription_id, a.reason_text, a.reason_code,
        'aiocancel-' || $1::uuid || '-' || (a.ordinal - 1) || '-1', a.flow_session_id, a.offer::jsonb
    FROM accepted c, unnest($18::text[], $19::text[], $20::text[], $21::text[], $22::text[], $23::text[])
        WITH ORDINALITY AS a (kind, subscription_id, reason_text, reason_code, flow_session_id, offer, ordinal)
    RETURNING id, claim_id, ordinal, kind),
noted AS (
    INSERT INTO aiocancel.journal (claim_id, action_id, entry, code)
    SELECT claim_id, action_id, entry, code FROM (
        SELECT c.id, NULL::bigint, 'claim_recorded', $5::text, -2 FROM accepted c
        UNION ALL SELECT c.id, NULL, 'outcome_verified', NULL, -1 FROM accepted c WHERE $17
        UNION ALL SELECT e.claim_id, e.id, 'actions_enqueued', e.kind, e.ordinal FROM enqueued e
    ) AS line (claim_id, action_id, entry, code, position) ORDER BY position)
"""

_ACCEPTED: Final = "SELECT id AS claim_id FROM accepted"

_FIND_EQUAL: Final = """
SELECT public_id, status, flow_session_id, customer_id FROM aiocancel.claim
WHERE uses_grant = $5 AND (grant_nonce = $1 AND (uses_grant OR status = $4)
    OR uses_grant AND subscription_id = $2 AND flow_session_id = $3)
ORDER BY grant_nonce = $1 DESC LIMIT 1
"""

_INSERT_ACTION: Final = """
INSERT INTO aiocancel.action (claim_id, ordinal, kind, subscription_id, reason_text, reason_code, idempotency_key,
    flow_session_id, offer)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9::jsonb) RETURNING id
"""

JOURNAL: Final = (
    "INSERT INTO aiocancel.journal (claim_id, action_id, entry, code) VALUES ($1, $2, $3, $4)"
)

_ANSWER: Final = """
SELECT c.change, c.answer, CASE WHEN a.closed_at IS NULL THEN a.state ELSE 'closed' END AS state, a.receipt_status,
    a.receipt_ends_at, a.takes_effect_at, a.payment_url
FROM aiocancel.claim c LEFT JOIN aiocancel.action a ON a.claim_id = c.id AND a.kind NOT IN ('run_hooks', 'end_pause')
WHERE c.public_id = $1 AND c.customer_id = $2 ORDER BY a.ordinal
"""

# Hooks come last, once, and after whatever became of the actions.
ENQUEUE_HOOKS: Final = """
INSERT INTO aiocancel.action (claim_id, ordinal, kind, subscription_id, idempotency_key)
SELECT c.id, 1000, 'run_hooks', c.subscription_id, 'aiocancel-' || c.public_id || '-hooks'
FROM aiocancel.claim c WHERE c.id = $1 AND NOT EXISTS (
    SELECT FROM aiocancel.action a
    WHERE a.claim_id = c.id AND a.state IN ('waiting', 'running') AND a.kind <> 'end_pause')
ON CONFLICT DO NOTHING RETURNING id
"""

# Stripe keeps no end of a pause of the subscription itself, so we do. It is no part of the claim's answer.
ENQUEUE_END_OF_PAUSE: Final = """
INSERT INTO aiocancel.action
    (claim_id, ordinal, kind, subscription_id, idempotency_key, deferred, due_at, woke_at, takes_effect_at)
SELECT a.claim_id, 900, 'end_pause', a.subscription_id, 'aiocancel-' || c.public_id || '-900-1', true, e.at, e.at, e.at
FROM aiocancel.action a JOIN aiocancel.claim c ON c.id = a.claim_id
    CROSS JOIN LATERAL (SELECT to_timestamp((a.change ->> 'resumes_at')::float8) AS at) e
WHERE a.id = $1 AND a.change ->> 'type' = 'pause_service' AND e.at IS NOT NULL
ON CONFLICT DO NOTHING RETURNING id, extract(epoch FROM due_at - now())::float8 AS delay_s
"""

_OUTCOME: Final = """
SELECT c.public_id, c.customer_id, c.subscription_id, c.vendor, c.status, c.flow_session_id, c.reason_text,
    c.reason_code, c.offer_id, c.change, c.answer,
    CASE WHEN a.closed_at IS NULL THEN a.state ELSE 'closed' END AS state, a.receipt_status, a.receipt_ends_at,
    a.parked_code, a.takes_effect_at, a.payment_url
FROM aiocancel.claim c LEFT JOIN aiocancel.action a ON a.claim_id = c.id AND a.kind NOT IN ('run_hooks', 'end_pause')
WHERE c.id = $1 ORDER BY a.ordinal
"""


# In the order in which they were asked for: actions of one lane keep it.
_MADE: Final = """
SELECT kind, change, offer FROM aiocancel.action
WHERE subscription_id = $1 AND state = 'done'
  AND kind IN ('apply_offer', 'expect_offer', 'unpause', 'end_pause', 'remove_discount') ORDER BY id
"""


class Claims:
    """Claims, and the journal of them; with ``hooks`` every claim ends in an action that tells of it.

    Every action gets its job from ``engine`` in the transaction that writes it.
    """

    def __init__(
        self, pool: Pool, *, engine: PgQueuerEngine | None = None, hooks: bool = False
    ) -> None:
        self._pool = pool
        self._at_once = LedgerConnection(pool).at_once
        self._transaction = LedgerConnection(pool).transaction
        self._engine = engine or PgQueuerEngine(pool)
        self._hooks = hooks
        # With its job there is nothing left to do; a statement that adds none must not wake the workers.
        self._accept_actions = (
            f"{_ACCEPT}, jobs AS ({self._engine.first_jobs('enqueued')}) {_ACCEPTED}"
        )
        self._accept_note = f"{_ACCEPT} {_ACCEPTED}"

    async def accept(
        self, claim: FlowClaim, grant: Grant, decision: Decision, *, verified: bool
    ) -> RecordedClaim:
        """Record a claim with its actions in one transaction, or find the equal one recorded before.

        Raises ConflictError when the grant or the flow session was already used for something else. A
        commit whose answer was lost is found again by the repeated post.
        """
        public_id = uuid.uuid4()
        values = (
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
            "actions_enqueued"
            if decision.actions
            else "outcome_verified"
            if verified
            else "claim_recorded",
            verified,
            *_columns(decision.actions),
        )
        if decision.actions:
            is_new = bool(await self._at_once(self._accept_actions, *values))
        elif not self._hooks:
            is_new = bool(await self._at_once(self._accept_note, *values))
        else:
            async with self._transaction() as connection:
                claim_id = await connection.fetchval(self._accept_note, *values)
                if is_new := claim_id is not None:
                    await self._enqueue_hooks(connection, claim_id)
        if is_new:
            return RecordedClaim(public_id, repeated=False)
        async with self._transaction() as connection:
            return await self._find_equal(connection, claim, grant)

    async def _enqueue_hooks(self, connection: Connection, claim_id: int) -> None:
        if (
            self._hooks
            and (action_id := await connection.fetchval(ENQUEUE_HOOKS, claim_id)) is not None
        ):
            await self._engine.enqueue(connection, [Job(action_id, 0)])

    async def _enqueue(
        self,
        connection: Connection,
        claim_id: int,
        public_id: uuid.UUID,
        actions: Sequence[Action],
        first: int = 0,
    ) -> list[Entry]:
        entries: list[Entry] = []
        jobs: list[Job] = []
        for ordinal, action in enumerate(actions, first):
            action_id = await connection.fetchval(
                _INSERT_ACTION,
                claim_id,
                ordinal,
                action.kind,
                action.subscription_id,
                action.reason.text,
                action.reason.code,
                key_text(str(public_id), ordinal),
                action.flow_session_id,
                None if action.offer is None else json.dumps(offer_to_json(action.offer)),
            )
            entries.append((claim_id, action_id, "actions_enqueued", action.kind))
            jobs.append(Job(action_id, 0))
        await self._engine.enqueue(connection, jobs)
        return entries

    async def _find_equal(
        self, connection: Connection, claim: FlowClaim, grant: Grant
    ) -> RecordedClaim:
        row = await connection.fetchrow(
            _FIND_EQUAL,
            grant.nonce,
            grant.subscription_id,
            claim.flow_session_id,
            claim.status,
            claim.status.changes_billing,
        )
        if row is not None and not row["customer_id"] and row["status"] == claim.status:
            # The vendor told us first, and it does not know our customers; this one has just proved to be the owner.
            await connection.execute(
                "UPDATE aiocancel.claim SET customer_id = $2 WHERE public_id = $1",
                row["public_id"],
                grant.customer_id,
            )
            return RecordedClaim(row["public_id"], repeated=True)
        if row is not None and not grant.customer_id and row["status"] == claim.status:
            return RecordedClaim(row["public_id"], repeated=True)
        if row is None or row["customer_id"] != grant.customer_id or row["status"] != claim.status:
            raise ConflictError("The grant was already used for a different result.")
        same_session = row["flow_session_id"] == claim.flow_session_id
        if not same_session and claim.status.changes_billing:
            raise ConflictError("The grant was already used for a different flow session.")
        return RecordedClaim(row["public_id"], repeated=True)

    async def knows(self, subscription_id: SubscriptionId, flow_session_id: FlowSessionId) -> bool:
        """Tell whether any claim speaks of this flow session."""
        with unavailable_on_outage():
            known = await self._pool.fetchval(
                "SELECT true FROM aiocancel.claim WHERE subscription_id = $1 AND flow_session_id = $2 LIMIT 1",
                subscription_id,
                flow_session_id,
            )
        return bool(known)

    async def made_by_offers(self, subscription_id: SubscriptionId) -> Made:
        """Return what offers did to a subscription and no undo has taken back since."""
        with unavailable_on_outage():
            rows = await self._pool.fetch(_MADE, subscription_id)
        return _made(rows)

    async def answer(self, public_id: uuid.UUID, customer_id: str) -> Answer | None:
        """Return what may be told about a claim to the customer who made it, None to anybody else."""
        with unavailable_on_outage():
            rows = await self._pool.fetch(_ANSWER, public_id, customer_id)
        return _answer(rows) if rows else None

    async def outcome(self, claim_id: int) -> Outcome:
        """Return how a claim ended, for the application's hooks."""
        with unavailable_on_outage():
            rows = await self._pool.fetch(_OUTCOME, claim_id)
        first = rows[0]
        return Outcome(
            claim_id=str(first["public_id"]),
            customer_id=first["customer_id"] or None,
            subscription_id=first["subscription_id"],
            vendor=first["vendor"],
            status=first["status"],
            flow_session_id=first["flow_session_id"],
            offer_id=first["offer_id"],
            reason=CancelReason(first["reason_text"], first["reason_code"]),
            answer=_answer(rows),
            problem=next((Code.of(row["parked_code"]) for row in rows if row["parked_code"]), None),
        )


def _columns(actions: Sequence[Action]) -> Sequence[Sequence[str | None]]:
    """What ``_ACCEPT`` takes of actions, column by column; empty columns where there is none."""
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
    return list(zip(*rows, strict=True)) if rows else [()] * 6


def _made(rows: Sequence[asyncpg.Record]) -> Made:
    changes: list[OfferChange] = []
    vendor_paused = False
    for row in rows:
        match ActionKind(row["kind"]):
            case ActionKind.UNPAUSE | ActionKind.END_PAUSE:
                pauses = PausePayments | PauseService
                changes, vendor_paused = (
                    [each for each in changes if not isinstance(each, pauses)],
                    False,
                )
            case ActionKind.REMOVE_DISCOUNT:
                changes = [each for each in changes if not isinstance(each, AddDiscount)]
            case ActionKind.EXPECT_OFFER:
                vendor_paused |= isinstance(
                    offer_from_json(json.loads(row["offer"])).terms, PauseTerms
                )
            case ActionKind.APPLY_OFFER:
                # One that was there before we came has no change of ours.
                changes += (
                    [] if row["change"] is None else [change_from_json(json.loads(row["change"]))]
                )
            case kind:
                raise UnreadableLedgerError(f"an action of the kind {kind} makes no offer")
    return Made(tuple(changes), vendor_paused)


def _answer(rows: Sequence[asyncpg.Record]) -> Answer:
    change = Change(rows[0]["change"])
    if rows[0]["answer"] is not None:
        return Answer(AnswerKind(rows[0]["answer"]), change)
    return answer_of(
        change,
        [(ActionState(row["state"]), _receipt(row)) for row in rows if row["state"] is not None],
    )


def _receipt(row: asyncpg.Record) -> Receipt | None:
    if row["receipt_status"]:
        return Receipt(row["receipt_status"], row["receipt_ends_at"])
    if row["takes_effect_at"] is not None:
        return Receipt(WAITS_FOR_ITS_DATE, row["takes_effect_at"])
    if row["payment_url"] is not None:
        return Receipt(WAITS_FOR_PAYMENT, None, row["payment_url"] or None)
    return None
