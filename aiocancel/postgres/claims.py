"""Claims in Postgres: each choice of a customer is recorded once, and answered to the customer who made it."""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import asyncpg

from aiocancel.core.actions import (
    WAITS_FOR_ITS_DATE,
    WAITS_FOR_PAYMENT,
    Action,
    ActionKind,
    ActionState,
    Receipt,
)
from aiocancel.core.changes import (
    AddDiscount,
    Change,
    MoveEnd,
    PausePayments,
    PauseService,
    SchedulePrice,
    change_from_json,
)
from aiocancel.core.claim import OWN_FLOW, CancelReason, FlowClaim, FlowStatus, RecoveryPoint
from aiocancel.core.claim_nonces import of_flow_session
from aiocancel.core.codes import AnyCode, Code
from aiocancel.core.customer_limits import Tally
from aiocancel.core.decision import Answer, AnswerKind, Decision, Topic, answer_of
from aiocancel.core.declaration import Declaration, declaration_to_json
from aiocancel.core.flow_details import FlowDetails, Told, details_from_json
from aiocancel.core.flow_session import FlowSession
from aiocancel.core.grants import Grant
from aiocancel.core.identifiers import FlowSessionId, SubscriptionId
from aiocancel.core.offer_sentences import Given
from aiocancel.core.offers.terms import PauseTerms, offer_from_json
from aiocancel.core.outcome import Outcome
from aiocancel.core.told_reason import told_reason
from aiocancel.core.undo import Made, OwnCancellation, changes_billing
from aiocancel.errors import ConflictError, UnavailableError, UnreadableLedgerError
from aiocancel.postgres.connection import LedgerConnection
from aiocancel.postgres.enqueue import action_columns, enqueue_hooks
from aiocancel.postgres.flow_sessions import Acceptance, accept_shown
from aiocancel.postgres.parked_claims import stored_details, take_up
from aiocancel.postgres.wake_ups import WakeUps

if TYPE_CHECKING:
    from aiocancel.postgres.connection import Connection

# A claim, its actions and what the journal says of them, in one statement: a customer waits for every round trip. Only
# an equal claim recorded before keeps the rest from being written. The jobs follow after the commit (``wake_ups``).
ACCEPT_WITH_ACTIONS: Final = """
WITH accepted AS (
    INSERT INTO aiocancel.claim (public_id, grant_nonce, uses_grant, vendor, status, flow_session_id, customer_id,
        subscription_id, mode, reason_text, reason_code, offer_id, offer_type, change, answer, recovery_point, flow,
        declaration)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $18::jsonb, $19::jsonb)
    ON CONFLICT DO NOTHING RETURNING id),
enqueued AS (
    INSERT INTO aiocancel.action (claim_id, ordinal, kind, subscription_id, reason_text, reason_code,
        idempotency_key, flow_session_id, offer, due_at)
    SELECT c.id, o.ordinal, a.kind, a.subscription_id, a.reason_text, a.reason_code,
        aiocancel.wish_key($4, $9, $8, $6, $2, a.kind, o.ordinal), a.flow_session_id, a.offer::jsonb,
        now() + aiocancel.due_after(a.kind)
    FROM accepted c, unnest($20::text[], $21::text[], $22::text[], $23::text[], $24::text[], $25::text[])
        WITH ORDINALITY AS a (kind, subscription_id, reason_text, reason_code, flow_session_id, offer, position)
        CROSS JOIN LATERAL (
            SELECT coalesce(aiocancel.follow_up_ordinal(a.kind), a.position - 1)::integer AS ordinal) o
    RETURNING id, claim_id, ordinal, kind, due_at),
noted AS (
    INSERT INTO aiocancel.journal (claim_id, action_id, entry, code)
    SELECT claim_id, action_id, entry, code FROM (
        SELECT c.id, NULL::bigint, 'claim_recorded', $5::text, -2 FROM accepted c
        UNION ALL SELECT c.id, NULL, 'outcome_verified', NULL, -1 FROM accepted c WHERE $17
        UNION ALL SELECT e.claim_id, e.id, 'actions_enqueued', e.kind, e.ordinal FROM enqueued e
    ) AS line (claim_id, action_id, entry, code, position) ORDER BY position)
SELECT id AS action_id FROM enqueued
"""

# A claim that needs no action. It does not touch the jobs, or every note would wake the workers.
ACCEPT_WITHOUT_ACTIONS: Final = """
WITH accepted AS (
    INSERT INTO aiocancel.claim (public_id, grant_nonce, uses_grant, vendor, status, flow_session_id, customer_id,
        subscription_id, mode, reason_text, reason_code, offer_id, offer_type, change, answer, recovery_point, flow,
        declaration)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $18::jsonb, $19::jsonb)
    ON CONFLICT DO NOTHING RETURNING id),
noted AS (
    INSERT INTO aiocancel.journal (claim_id, entry, code)
    SELECT claim_id, entry, code FROM (
        SELECT c.id, 'claim_recorded', $5::text, 1 FROM accepted c
        UNION ALL SELECT c.id, 'outcome_verified', NULL, 2 FROM accepted c WHERE $17
    ) AS line (claim_id, entry, code, position) ORDER BY position)
SELECT id AS claim_id FROM accepted
"""

# Another wish since then may have taken this one back, the other way round as well. An offer takes back the end.
FIND_EQUAL: Final = """
SELECT id, public_id, status, flow_session_id, customer_id, erased_at IS NOT NULL AS is_erased, EXISTS (
    SELECT FROM aiocancel.claim n
    WHERE n.subscription_id = claim.subscription_id AND n.uses_grant AND n.id > claim.id
      AND (claim.status, n.status)
        IN (('canceled', 'resumed'), ('canceled', 'saved'), ('resumed', 'canceled'))) AS is_taken_back
FROM aiocancel.claim
WHERE uses_grant = $5 AND (grant_nonce = $1 AND (uses_grant OR status = $4)
    OR uses_grant AND subscription_id = $2 AND flow_session_id = $3)
ORDER BY grant_nonce = $1 DESC LIMIT 1
"""

NAME_CUSTOMER: Final = """
UPDATE aiocancel.claim SET customer_id = $2 WHERE public_id = $1 AND erased_at IS NULL
"""

# What waits for a date or a payment is not counted: it holds up nothing. An equal wish is the newest about the
# subscription. A post that was refused is no known one: posted again, it would pass every limit.
TALLY: Final = """
WITH unfinished AS (
    SELECT c.id, a.kind FROM aiocancel.claim c JOIN aiocancel.action a ON a.claim_id = c.id
    WHERE c.customer_id = $1 AND a.state IN ('waiting', 'running') AND aiocancel.is_asked_for(a.kind)
      AND NOT aiocancel.lets_others_pass(a.deferred, a.due_at)),
newest AS (
    SELECT id, public_id, status, change, flow_session_id FROM aiocancel.claim
    WHERE customer_id = $1 AND subscription_id = $2 AND uses_grant ORDER BY recorded_at DESC LIMIT 1)
SELECT EXISTS (SELECT FROM aiocancel.claim WHERE uses_grant AND grant_nonce = $3)
        OR EXISTS (SELECT FROM aiocancel.claim WHERE NOT uses_grant AND grant_nonce = $3 AND status = $5)
        OR EXISTS (SELECT FROM aiocancel.claim c
            WHERE c.uses_grant AND c.subscription_id = $2 AND c.flow_session_id = $4
              AND NOT EXISTS (SELECT FROM aiocancel.action a WHERE a.claim_id = c.id
                AND aiocancel.waits_for_a_person(a.state, a.closed_at) AND a.parked_code = $7)) AS is_known,
    (SELECT n.public_id::text FROM newest n
     WHERE n.status = $5 AND n.change = $6 AND n.flow_session_id IS NOT DISTINCT FROM $4
       AND EXISTS (SELECT FROM unfinished u WHERE u.id = n.id)) AS equal,
    (SELECT count(*) FROM unfinished WHERE aiocancel.places_of(kind) = 'questions') AS offers,
    (SELECT count(*) FROM unfinished) AS actions,
    (SELECT count(*) FROM aiocancel.claim
     WHERE customer_id = $1 AND recorded_at > now() - interval '1 minute') AS posts
"""


# The vendor's word takes the place of the browser's, and stays.
NOTE_DETAILS: Final = """
UPDATE aiocancel.claim SET flow = $4::jsonb
WHERE subscription_id = $1 AND flow_session_id = $2 AND vendor = $3 AND erased_at IS NULL
  AND flow->>'told_by' IS DISTINCT FROM 'vendor'
"""

TOLD: Final = """
SELECT status, flow FROM aiocancel.claim WHERE public_id = $1 AND customer_id = $2
"""

KNOWS: Final = """
SELECT true AS known FROM aiocancel.claim
WHERE subscription_id = $1 AND flow_session_id = $2 AND ($3::text IS NULL OR status = $3) LIMIT 1
"""

# In the order in which they were asked for: actions of one lane keep it.
MADE_BY_OFFERS: Final = """
SELECT kind, change, offer FROM aiocancel.action
WHERE subscription_id = $1 AND state = 'done'
  AND kind IN ('apply_offer', 'expect_offer', 'unpause', 'end_pause', 'remove_discount') ORDER BY id
"""

# Whatever became of it: a promise that was taken back has left the schedule behind, until that is released.
PLANNED_BY_OFFERS: Final = """
SELECT change FROM aiocancel.action
WHERE subscription_id = $1 AND change->>'type' = 'schedule_price' ORDER BY id
"""

# Stripe releases the schedule for a customer who keeps the plan or leaves. Another action may look before that ends.
IS_TAKEN_BACK: Final = """
SELECT EXISTS (
    SELECT FROM aiocancel.action
    WHERE subscription_id = $1 AND kind IN ('keep_plan', 'cancel_at_period_end', 'cancel_now')
      AND state IN ('waiting', 'running') AND key_used_at IS NOT NULL) AS found
"""

ANSWER: Final = """
SELECT c.change, c.answer, aiocancel.shown_state(a.state, a.closed_at) AS state, a.receipt_status, a.receipt_ends_at,
    a.takes_effect_at, a.payment_url, a.parked_code, c.subscription_id, c.recorded_at, a.offer, a.change AS made
FROM aiocancel.claim c LEFT JOIN aiocancel.action a ON a.claim_id = c.id AND aiocancel.is_asked_for(a.kind)
WHERE c.public_id = $1 AND c.customer_id = $2 ORDER BY a.ordinal
"""

# A customer who took an offer and cancels from an old tab begins no new flow session. The snapshot is the old one's.
OUTCOME: Final = """
SELECT c.public_id, c.customer_id, c.subscription_id, c.vendor, c.status, c.flow_session_id, c.reason_text,
    c.reason_code, c.offer_id, c.flow, c.change, c.answer, aiocancel.shown_state(a.state, a.closed_at) AS state,
    a.receipt_status, a.receipt_ends_at, a.parked_code, a.takes_effect_at, a.payment_url, (
        SELECT s.snapshot FROM aiocancel.flow_session s
        WHERE s.subscription_id = c.subscription_id AND s.told_by = 'own' AND (s.session_id = c.flow_session_id
            OR c.flow_session_id IS NULL AND c.vendor = 'own' AND c.status = 'canceled' AND s.state = 'accepted'
              AND s.customer_id = c.customer_id
              AND s.ended_at BETWEEN c.recorded_at - interval '1 day' AND c.recorded_at)
        ORDER BY s.opened_at DESC LIMIT 1) AS snapshot
FROM aiocancel.claim c LEFT JOIN aiocancel.action a ON a.claim_id = c.id AND aiocancel.is_asked_for(a.kind)
WHERE c.id = $1 ORDER BY a.ordinal
"""


LAST_CANCELLATION: Final = """
SELECT a.kind, coalesce(a.key_used_at, c.recorded_at) AS asked_at, a.finished_at, a.claim_id, a.change
FROM aiocancel.action a JOIN aiocancel.claim c ON c.id = a.claim_id
WHERE a.subscription_id = $1 AND a.state = 'done'
    AND (a.kind = 'resume' OR aiocancel.has_cancelled(a.kind, a.key_used_at))
ORDER BY a.id DESC LIMIT 1
"""

# Whatever became of the resumption: where the subscription ends on that very date, it is the agreed one.
END_THAT_CAME_BACK: Final = """
SELECT change FROM aiocancel.action
WHERE subscription_id = $1 AND kind = 'resume' AND change->>'type' = 'move_end' ORDER BY id DESC LIMIT 1
"""

# Also one that found the subscription ending already, so that nothing was written for it.
HAS_LEFT_SINCE: Final = """
SELECT EXISTS (SELECT FROM aiocancel.claim
    WHERE subscription_id = $1 AND id > $2 AND uses_grant AND status = 'canceled') AS found
"""

# A flow vendor's cancellation has no lane, so that a later request may be carried out before it.
HAS_CANCELLED_SINCE: Final = """
SELECT EXISTS (SELECT FROM aiocancel.action
    WHERE subscription_id = $1 AND claim_id > $2 AND state = 'done'
      AND kind IN ('cancel_at_period_end', 'cancel_now', 'expect_cancellation')) AS found
"""

HAS_UNFINISHED: Final = """
SELECT EXISTS (SELECT FROM aiocancel.action WHERE subscription_id = $1 AND state IN ('waiting', 'running')
    AND aiocancel.is_asked_for(kind)) AS found
"""


@dataclass(frozen=True, slots=True)
class RecordedClaim:
    """A claim in the ledger: ``repeated`` when an equal one was already there.

    ``topic`` is what it asks for, and ``answer`` what may be told of it without asking; None where that is not known.
    """

    public_id: uuid.UUID
    repeated: bool
    topic: Topic | None = None
    answer: Answer | None = None


class _UsedBeforeError(Exception):
    """Rolls an acceptance back whose claim cannot be recorded."""


class Claims:
    """Claims, and the journal of them.

    Args:
        connection: Runs the statements.
        hooks: Whether every claim ends in an action that tells the application of it.
        letters: Whether the customer is written to about every claim that asks for something.
        wake_ups: Gives the actions their jobs.
    """

    def __init__(
        self,
        connection: LedgerConnection,
        *,
        hooks: bool,
        letters: bool = False,
        wake_ups: WakeUps,
    ) -> None:
        self._connection = connection
        self._wake_ups = wake_ups
        self._hooks = hooks
        self._letters = letters

    def _with_letter(self, actions: Sequence[Action]) -> Sequence[Action]:
        if not self._letters:
            return actions
        return (*actions, Action(ActionKind.ACKNOWLEDGE, actions[0].subscription_id))

    async def accept(
        self,
        claim: FlowClaim,
        grant: Grant,
        decision: Decision,
        *,
        verified: bool,
        from_page: bool,
        acceptance: Acceptance | None = None,
    ) -> RecordedClaim:
        """Record a claim with its actions in one transaction, or find the equal one recorded before.

        A commit whose answer was lost is found again by the repeated post.

        Args:
            claim: The claim.
            grant: The grant that it was posted with.
            decision: What follows from it.
            verified: Whether the claim is proven.
            from_page: Whether the customer's own page posted it: then an equal claim that was parked for want of that
                proof goes on.
            acceptance: Ends a flow session of ours in the same transaction, which must have shown the offer: neither
                stands without the other.

        Raises:
            ConflictError: The grant or the flow session was already used for something else.
        """
        grant = _as_stored(claim, grant)
        public_id = uuid.uuid4()
        # In the order of both statements; each names its columns in this order, up to the declaration's.
        values = (
            public_id,  # $1
            grant.nonce,  # $2
            changes_billing(claim.status),  # $3, uses_grant
            claim.vendor,  # $4
            claim.status,  # $5
            claim.flow_session_id,  # $6
            grant.customer_id,  # $7
            grant.subscription_id,  # $8
            grant.mode,  # $9
            claim.reason.text,  # $10
            claim.reason.code,  # $11
            claim.offer_id,  # $12
            claim.offer_type,  # $13
            decision.change,  # $14
            decision.answer.kind if decision.answer else None,  # $15
            _recovery_point(decision, verified=verified),  # $16
            verified,  # $17, for the journal; no column
            stored_details(claim.details),  # $18, flow
            _stored_declaration(claim.declaration),  # $19
        )

        if acceptance is not None:
            columns = action_columns(self._with_letter(decision.actions))
            new = await self._accept_offer(grant, acceptance, *values, *columns)
            self._wake_ups.soon(new)
            is_new = bool(new)
        elif decision.actions:
            columns = action_columns(self._with_letter(decision.actions))
            new = _ids(await self._connection.at_once(ACCEPT_WITH_ACTIONS, *values, *columns))
            self._wake_ups.soon(new)
            is_new = bool(new)
        elif not self._hooks:
            is_new = bool(await self._connection.at_once(ACCEPT_WITHOUT_ACTIONS, *values))
        else:
            async with self._connection.transaction() as connection:
                claim_id = await connection.fetchval(ACCEPT_WITHOUT_ACTIONS, *values)
                if is_new := claim_id is not None:
                    await enqueue_hooks(connection, claim_id)

        if is_new:
            return RecordedClaim(public_id, repeated=False)
        async with self._connection.transaction() as connection:
            claim_id, recorded = await _find_equal(connection, claim, grant)
            if from_page:
                await take_up(connection, claim_id)
            return recorded

    async def _accept_offer(
        self, grant: Grant, acceptance: Acceptance, *values: Any
    ) -> Sequence[int]:
        """Record the acceptance and its claim together, and return the claim's actions.

        There are none where either was there before, or must not be.
        """
        try:
            async with self._connection.transaction() as connection:
                whose = (grant.customer_id, grant.subscription_id)
                if not await accept_shown(connection, *whose, acceptance):
                    return ()
                new = _ids(await connection.fetch(ACCEPT_WITH_ACTIONS, *values))
                if not new:
                    raise _UsedBeforeError
        except _UsedBeforeError:
            return ()
        return new

    async def tally(self, claim: FlowClaim, grant: Grant, decision: Decision) -> Tally:
        """Return what is recorded of the grant's customer that bears on a new claim."""
        rows = await self._connection.at_once(
            TALLY,
            grant.customer_id,
            grant.subscription_id,
            grant.nonce,
            claim.flow_session_id,
            claim.status,
            decision.change,
            Code.REFUSED_ON_THE_PAGE,
        )
        return Tally(**rows[0])

    async def knows(
        self,
        subscription_id: SubscriptionId,
        flow_session_id: FlowSessionId,
        status: FlowStatus | None = None,
    ) -> bool:
        """Tell whether any claim speaks of this flow session.

        Args:
            subscription_id: The subscription of the claim.
            flow_session_id: The flow session.
            status: The end of the flow session that the claim must speak of; None for any.
        """
        return bool(await self._connection.at_once(KNOWS, subscription_id, flow_session_id, status))

    async def has_unfinished(self, subscription_id: SubscriptionId) -> bool:
        """Tell whether something that was asked for is still to come, now or on its date."""
        rows = await self._connection.at_once(HAS_UNFINISHED, subscription_id)
        return bool(rows[0]["found"])

    async def made_by_offers(self, subscription_id: SubscriptionId) -> Made:
        """Return what offers did to a subscription and no undo has taken back since."""
        return _made(await self._connection.at_once(MADE_BY_OFFERS, subscription_id))

    async def planned_by_offers(self, subscription_id: SubscriptionId) -> tuple[SchedulePrice, ...]:
        """Return the changes of plan that offers put into the subscription's schedules, oldest first."""
        rows = await self._connection.at_once(PLANNED_BY_OFFERS, subscription_id)
        changes = [change_from_json(json.loads(row["change"])) for row in rows]
        return tuple(each for each in changes if isinstance(each, SchedulePrice))

    async def is_plan_taken_back(self, subscription_id: SubscriptionId) -> bool:
        """Tell whether a change that releases the schedule of a planned plan was sent, and is not settled yet."""
        rows = await self._connection.at_once(IS_TAKEN_BACK, subscription_id)
        return bool(rows[0]["found"])

    async def own_cancellation(self, subscription_id: SubscriptionId) -> OwnCancellation | None:
        """Return the cancellation that was made for a customer here and that nobody has taken back here since."""
        rows = await self._connection.at_once(LAST_CANCELLATION, subscription_id)
        if not rows or rows[0]["kind"] == ActionKind.RESUME:
            return None
        last = rows[0]
        change = None if last["change"] is None else change_from_json(json.loads(last["change"]))
        agreed_end = change.was if isinstance(change, MoveEnd) else None
        return OwnCancellation(last["asked_at"], last["finished_at"], last["claim_id"], agreed_end)

    async def end_that_came_back(self, subscription_id: SubscriptionId) -> datetime | None:
        """Return the agreed end that the newest such resumption brought back; None where there was none."""
        rows = await self._connection.at_once(END_THAT_CAME_BACK, subscription_id)
        change = change_from_json(json.loads(rows[0]["change"])) if rows else None
        if not isinstance(change, MoveEnd) or not isinstance(change.to, datetime):
            return None
        return change.to

    async def has_left_since(self, subscription_id: SubscriptionId, claim_id: int) -> bool:
        """Tell whether a customer asked for the end after this claim, whether or not that changed anything."""
        rows = await self._connection.at_once(HAS_LEFT_SINCE, subscription_id, claim_id)
        return bool(rows[0]["found"])

    async def has_cancelled_since(self, subscription_id: SubscriptionId, claim_id: int) -> bool:
        """Tell whether a cancellation that was asked for after this claim is carried out already."""
        rows = await self._connection.at_once(HAS_CANCELLED_SINCE, subscription_id, claim_id)
        return bool(rows[0]["found"])

    async def answer(self, public_id: uuid.UUID, customer_id: str) -> Answer | None:
        """Return what may be told about a claim to the customer who made it, None to anybody else.

        Raises UnavailableError where a newer release recorded what this one has no words for: its own processes do.
        """
        rows = await self._connection.at_once(ANSWER, public_id, customer_id)
        if not rows:
            return None

        try:
            answer = answer_in(rows)
        except ValueError:
            raise UnavailableError("a newer release recorded this claim") from None
        subscription_id = SubscriptionId(rows[0]["subscription_id"])
        is_told_why = answer.kind in (AnswerKind.REFUSED, AnswerKind.MANUAL)
        return replace(
            answer,
            why=told_reason(problem_in(rows), answer.change) if is_told_why else None,
            given=given_in(rows),
            subscription_id=subscription_id,
            received_at=rows[0]["recorded_at"],
        )

    async def told(self, public_id: uuid.UUID, customer_id: str) -> Told | None:
        """Return how the flow of a claim ended, to the customer who made it, None to anybody else."""
        rows = await self._connection.at_once(TOLD, public_id, customer_id)
        return Told(rows[0]["status"], _details(rows[0]["flow"])) if rows else None

    async def note_details(
        self, vendor: str, subscription_id: SubscriptionId, session: FlowSession
    ) -> None:
        """Keep what the vendor's API tells of a flow session with every claim of it, in place of a browser's word.

        Args:
            vendor: Whose flow it was.
            subscription_id: Whose claims they are. The caller has made sure that the session is about it.
            session: The flow session, which has ended.
        """
        await self._connection.at_once(
            NOTE_DETAILS,
            subscription_id,
            session.session_id,
            vendor,
            stored_details(session.details),
        )

    async def outcome(self, claim_id: int) -> Outcome:
        """Return how a claim ended, for the application's hooks."""
        rows = await self._connection.at_once(OUTCOME, claim_id)

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
            answer=answer_in(rows),
            problem=problem_in(rows),
            flow=_details(first["flow"]),
            snapshot=None if first["snapshot"] is None else json.loads(first["snapshot"]),
        )


def _details(stored: str | None) -> FlowDetails | None:
    return None if stored is None else details_from_json(json.loads(stored))


def _ids(rows: Sequence[asyncpg.Record]) -> list[int]:
    return [row["action_id"] for row in rows]


def _stored_declaration(declaration: Declaration | None) -> str | None:
    return None if declaration is None else json.dumps(declaration_to_json(declaration))


def _recovery_point(decision: Decision, *, verified: bool) -> RecoveryPoint:
    if decision.actions:
        return RecoveryPoint.ACTIONS_ENQUEUED
    return RecoveryPoint.OUTCOME_VERIFIED if verified else RecoveryPoint.CLAIM_RECORDED


def _as_stored(claim: FlowClaim, grant: Grant) -> Grant:
    """Return the grant under the nonce that the claim is kept by.

    A claim that changes nothing leaves the page's grant usable. It is kept once for its flow session, whether the
    browser or the vendor tells of it first; without one, once for the page.
    """
    if changes_billing(claim.status) or claim.flow_session_id is None:
        return grant
    return replace(grant, nonce=of_flow_session(grant.subscription_id, claim.flow_session_id))


async def _find_equal(
    connection: Connection, claim: FlowClaim, grant: Grant
) -> tuple[int, RecordedClaim]:
    row = await connection.fetchrow(
        FIND_EQUAL,
        grant.nonce,
        grant.subscription_id,
        claim.flow_session_id,
        claim.status,
        changes_billing(claim.status),
    )

    if row is not None and row["is_erased"] and grant.customer_id:
        # It belongs to nobody any more. A customer who is still on that page begins again.
        raise ConflictError("The claim of this page was erased.")
    if row is not None and not row["customer_id"] and row["status"] == claim.status:
        # The vendor told us first, and it does not know our customers; this one has just proved to be the owner.
        await connection.execute(NAME_CUSTOMER, row["public_id"], grant.customer_id)
        return row["id"], RecordedClaim(row["public_id"], repeated=True)
    if row is not None and not grant.customer_id and row["status"] == claim.status:
        return row["id"], RecordedClaim(row["public_id"], repeated=True)

    if row is None or row["customer_id"] != grant.customer_id or row["status"] != claim.status:
        raise ConflictError("The grant was already used for a different result.")
    # The exit of our own flow leaves its session out where that cannot be read: it is the same exit of the same page.
    is_own_exit = claim.vendor == OWN_FLOW and claim.status is FlowStatus.CANCELED
    # Its old answer would be untrue by now; a vendor's flow session ends once, and keeps its answer.
    if row["is_taken_back"] and (is_own_exit or claim.flow_session_id is None):
        raise ConflictError("What this page asked for was taken back since.")
    same_session = is_own_exit or row["flow_session_id"] == claim.flow_session_id
    if not same_session and changes_billing(claim.status):
        raise ConflictError("The grant was already used for a different flow session.")
    return row["id"], RecordedClaim(row["public_id"], repeated=True)


def _made(rows: Sequence[asyncpg.Record]) -> Made:
    changes: list[Change] = []
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
                vendor_paused |= _is_pause(row["offer"])
            case ActionKind.APPLY_OFFER:
                if row["change"] is not None:
                    changes.append(change_from_json(json.loads(row["change"])))
                else:
                    # Recognised as done, as after a restore: it is ours, and how it looked before is not known.
                    vendor_paused |= _is_pause(row["offer"])
            case kind:
                raise UnreadableLedgerError(f"an action of the kind {kind} makes no offer")

    return Made(tuple(changes), vendor_paused)


def _is_pause(offer: str | None) -> bool:
    return offer is not None and isinstance(offer_from_json(json.loads(offer)).terms, PauseTerms)


def answer_in(rows: Sequence[asyncpg.Record]) -> Answer:
    """Return where a claim stands, of the rows of what was asked for."""
    change = Topic(rows[0]["change"])
    if rows[0]["answer"] is not None:
        return Answer(AnswerKind(rows[0]["answer"]), change)
    return answer_of(
        change,
        [(ActionState(row["state"]), _receipt(row)) for row in rows if row["state"] is not None],
    )


def problem_in(rows: Sequence[asyncpg.Record]) -> AnyCode | None:
    """Return the code by which something that was asked for was refused or left to a person."""
    return next((Code.stored(row["parked_code"]) for row in rows if row["parked_code"]), None)


def given_in(rows: Sequence[asyncpg.Record]) -> Given | None:
    """Return the offer that a claim led to; None where none did, or this release cannot read it."""
    for row in rows:
        if row["offer"] is None:
            continue
        try:
            offer = offer_from_json(json.loads(row["offer"]))
            made = None if row["made"] is None else change_from_json(json.loads(row["made"]))
        except (
            UnreadableLedgerError,
            ValueError,
            LookupError,
            TypeError,
            ArithmeticError,
            RecursionError,
        ):
            # It is only spoken of; whether it can be carried out is the worker's business.
            return None

        return Given(SubscriptionId(row["subscription_id"]), offer, made)
    return None


def _receipt(row: asyncpg.Record) -> Receipt | None:
    if row["receipt_status"]:
        return Receipt(row["receipt_status"], row["receipt_ends_at"])
    if row["takes_effect_at"] is not None:
        return Receipt(WAITS_FOR_ITS_DATE, row["takes_effect_at"])
    if row["payment_url"] is not None:
        return Receipt(WAITS_FOR_PAYMENT, None, row["payment_url"] or None)
    return None
