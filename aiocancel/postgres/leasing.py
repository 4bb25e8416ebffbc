"""Which worker does what: actions are leased, leases are kept, and forgotten actions are found again.

Two actions of one lane never run at once and keep their order. No connection is held while one runs.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, NamedTuple

import asyncpg

from aiocancel.core.actions import GIVES_WAY, Action, ActionKind, Places
from aiocancel.core.changes import Change, change_from_json
from aiocancel.core.claim import CancelReason
from aiocancel.core.codes import AnyCode, Code
from aiocancel.core.identifiers import Mode, SubscriptionId
from aiocancel.core.offers.expect import Baseline, baseline_from_json
from aiocancel.core.offers.terms import AcceptedOffer, offer_from_json
from aiocancel.errors import UnreadableLedgerError
from aiocancel.postgres.connection import LedgerConnection
from aiocancel.postgres.pgqueuer import Job, enqueue


@dataclass(frozen=True, slots=True)
class TakenAction:
    """An action under our lease; ``age_s`` counts from when it was enqueued.

    ``has_written`` says that an earlier attempt sent the change, with whatever result; for an offer
    ``change`` is what it sent. ``vendor``, ``customer_id`` and ``mode`` are the claim's. ``baseline`` is what
    the first look showed where we only watch for an offer. ``attempt`` numbers all
    attempts, of which ``excused`` do not count towards giving up: ``tries`` do. ``takes_effect_at`` and
    ``asked_to_pay`` are what the customer was told while it was deferred, after which its age counts anew.
    ``key`` is the idempotency key as stored; a write may need its next generation.
    ``taken_at`` is a time of the monotonic clock. ``unreadable`` says why a part of the row cannot be read; that part
    is missing here, and the action must not be carried out.
    """

    action_id: int
    claim_id: int
    claim_public_id: uuid.UUID
    action: Action
    attempt: int
    owner: uuid.UUID
    age_s: float
    has_written: bool
    vendor: str = ""
    customer_id: str = field(default="", repr=False)
    change: Change | None = None
    mode: Mode = "test"
    baseline: Baseline | None = None
    excused: int = 0
    takes_effect_at: datetime | None = None
    asked_to_pay: bool = False
    key: str = ""
    taken_at: float = field(default_factory=time.monotonic)
    unreadable: AnyCode | None = None

    @property
    def tries(self) -> int:
        """How many attempts count, this one included."""
        return self.attempt - self.excused

    @property
    def lease(self) -> tuple[int, uuid.UUID, int]:
        """The action, its owner and its attempt: every statement that moves it asks whether these still stand."""
        return self.action_id, self.owner, self.attempt


@dataclass(frozen=True, slots=True)
class UnknownKind:
    """An action that only a newer release can carry out."""

    id: int
    subscription_id: str
    kind: str


class _Stored(NamedTuple):
    """The parts of a row that are JSON, or why they cannot be read."""

    offer: AcceptedOffer | None = None
    change: Change | None = None
    baseline: Baseline | None = None
    unreadable: AnyCode | None = None


# Whose turn it is in a lane is said by ``aiocancel.before_in_lane``, here and where forgotten actions are found.
TAKE: Final = """
WITH ready AS (
    SELECT a.id FROM aiocancel.action a
    WHERE a.id = ANY($1) AND a.state IN ('waiting', 'running') AND a.kind = ANY($4)
      AND (a.due_at <= now() OR a.lease_owner = $2)
      AND NOT EXISTS (SELECT FROM aiocancel.before_in_lane(a.lane, a.id, a.state, a.kind, $4, $5, $6, $7, $8))
    ORDER BY a.id FOR UPDATE OF a SKIP LOCKED)
UPDATE aiocancel.action a
SET state = 'running', lease_owner = $2, due_at = now() + $3::interval, attempts = attempts + 1, deferred = false
FROM ready, aiocancel.claim c WHERE a.id = ready.id AND c.id = a.claim_id
RETURNING a.id, a.claim_id, c.public_id, a.kind, a.subscription_id, a.reason_text, a.reason_code, a.attempts,
    extract(epoch FROM now() - coalesce(a.woke_at, a.created_at))::float8 AS age_s,
    a.key_used_at IS NOT NULL AS has_written, a.takes_effect_at, a.payment_url IS NOT NULL AS asked_to_pay,
    a.flow_session_id, a.offer, a.change, a.baseline, c.vendor, c.customer_id, c.mode, a.excused,
    a.idempotency_key
"""

RENEW: Final = """
UPDATE aiocancel.action SET due_at = now() + $3::interval
WHERE lease_owner = $1 AND state = 'running' AND id = ANY($2) RETURNING id
"""

# Forgotten is an action that has been due for a while, or whose worker died, or that we leased without knowing it
# because the answer was lost, and for which no job is there. Of the oldest $6 many may have their jobs and wait for
# places: they must not hide one that has none.
FIND_FORGOTTEN: Final = """
SELECT a.id, a.attempts, a.kind FROM (
    SELECT a.id, a.attempts, a.kind, a.due_at FROM aiocancel.action a
    WHERE a.state IN ('waiting', 'running') AND a.kind = ANY($3) AND a.id <> ALL($2)
      AND (a.due_at <= now() - CASE a.state WHEN 'waiting' THEN $4::interval ELSE interval '0' END
        OR a.lease_owner = $1)
      AND NOT EXISTS (SELECT FROM aiocancel.before_in_lane(a.lane, a.id, a.state, a.kind, $3, $7, $8, $9, $10))
    ORDER BY a.due_at, a.id LIMIT $6) a
WHERE NOT EXISTS (
    SELECT FROM aiocancel.pgqueuer q
    WHERE q.dedupe_key = aiocancel.job_key(a.id, a.attempts, a.kind) AND q.status IN ('queued', 'picked'))
ORDER BY a.due_at, a.id LIMIT $5
"""

# For a kind that a newer release has added.
FIND_UNKNOWN_KINDS: Final = """
SELECT id, subscription_id, kind FROM aiocancel.action
WHERE state = 'waiting' AND due_at <= now() AND kind <> ALL($1) ORDER BY due_at, id LIMIT $2
"""

# A lease of a newer release's worker that died: nobody of this release could take it over.
GIVE_UP_UNKNOWN_LEASES: Final = """
UPDATE aiocancel.action SET state = 'waiting', lease_owner = NULL
WHERE state = 'running' AND kind <> ALL($1) AND due_at < now() - $2::interval
"""

# What no newer worker took for so long must not come on top of what the customer has asked for since. In two steps, as
# an action moves along its ways only.
TAKE_UNKNOWN: Final = """
UPDATE aiocancel.action SET state = 'running', lease_owner = $2, attempts = attempts + 1, deferred = false
WHERE id = (
    SELECT a.id FROM aiocancel.action a
    WHERE a.state = 'waiting' AND a.kind <> ALL($1) AND a.due_at < now() - $3::interval AND NOT EXISTS (
        SELECT FROM aiocancel.action o WHERE o.lane = a.lane AND o.state = 'running')
    ORDER BY a.due_at, a.id LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING id
"""

PARK_UNKNOWN: Final = """
WITH parked AS (
    UPDATE aiocancel.action SET state = 'parked', finished_at = now(), parked_code = $2, lease_owner = NULL
    WHERE id = $1 RETURNING id, claim_id, subscription_id, kind),
noted AS (
    INSERT INTO aiocancel.journal (claim_id, action_id, entry, code)
    SELECT claim_id, id, 'action_parked', $2 FROM parked)
SELECT id, subscription_id, kind FROM parked
"""

_KINDS: Final = list(ActionKind)
_CANCELLATIONS: Final = [kind for kind in ActionKind if Places.of(kind) is Places.CANCELLATIONS]
_GIVE_WAY: Final = list(GIVES_WAY)
# A worker that knows the kind would have come by then.
LEFT_TO_NEWER_FOR: Final = timedelta(minutes=1)
# Longer than what passes by itself. An offer must not be lost for a failure or two.
WAITED_FOR_AT_MOST: Final = timedelta(minutes=5)
# As long as one is looked at again whose kind is known and whose words are not.
PARKED_AFTER: Final = timedelta(hours=1)
_SWEEP_BATCH: Final = 200
# What a search takes is bounded, however long the queue is.
_LOOKED_THROUGH: Final = 10_000

# What waits after a failure that lies further back than $3. The job that waits with it is hurried as well.
WAKE: Final = """
WITH asleep AS (
    SELECT a.id FROM aiocancel.action a CROSS JOIN LATERAL (
        SELECT j.entry, j.code, j.at FROM aiocancel.journal j
        WHERE j.claim_id = a.claim_id AND j.action_id = a.id ORDER BY j.id DESC LIMIT 1) last
    WHERE a.state = 'waiting' AND NOT a.deferred AND a.due_at > now() AND a.kind = ANY($1)
      AND last.entry = 'attempt_failed' AND last.code <> ALL($2) AND last.at < now() - $3::interval
    ORDER BY a.id LIMIT $4 FOR UPDATE OF a SKIP LOCKED),
woken AS (
    UPDATE aiocancel.action a SET due_at = now() FROM asleep WHERE a.id = asleep.id AND a.state = 'waiting'
    RETURNING a.id, a.attempts, a.kind),
hurried AS (
    UPDATE aiocancel.pgqueuer q SET execute_after = now() FROM woken w
    WHERE q.dedupe_key = aiocancel.job_key(w.id, w.attempts, w.kind) AND q.status = 'queued')
SELECT id, attempts, kind FROM woken
"""
WAKE_AT_ONCE: Final = 100


class Leasing:
    """Leases, and the jobs that lead to them."""

    def __init__(self, connection: LedgerConnection) -> None:
        self._connection = connection

    async def take(
        self, owner: uuid.UUID, action_ids: Collection[int], *, lease_s: float
    ) -> list[TakenAction]:
        """Lease those of the actions that are due and whose turn it is, at most one of any subscription.

        One that the owner has leased before is taken again: ask for none that it is still busy with.
        """
        try:
            return await self._take(owner, action_ids, lease_s)
        except asyncpg.UniqueViolationError:
            # Another worker took an action of the same subscription in this very moment; the others are free.
            taken: list[TakenAction] = []
            for action_id in action_ids if len(action_ids) > 1 else ():
                taken += await self.take(owner, [action_id], lease_s=lease_s)
            return taken

    async def renew(
        self, owner: uuid.UUID, action_ids: Collection[int], *, lease_s: float
    ) -> list[int]:
        """Let the leases last ``lease_s`` from now; returns those that still stand."""
        rows = await self._connection.at_once(
            RENEW, owner, list(action_ids), timedelta(seconds=lease_s)
        )

        return [row["id"] for row in rows]

    async def sweep(
        self, owner: uuid.UUID, *, holds: Collection[int] = (), overdue_s: float
    ) -> int:
        """Give a job to every forgotten action; returns how many got one now.

        With nothing but this, an engine that lost all its jobs loses only time.

        Args:
            owner: The worker.
            holds: The actions that the worker is busy with.
            overdue_s: An action that waits counts as forgotten when it is so many seconds past its time.
        """
        overdue = timedelta(seconds=overdue_s)

        async with self._connection.transaction() as connection:
            rows = await connection.fetch(
                FIND_FORGOTTEN,
                owner,
                list(holds),
                _KINDS,
                overdue,
                _SWEEP_BATCH,
                _LOOKED_THROUGH,
                _CANCELLATIONS,
                _GIVE_WAY,
                LEFT_TO_NEWER_FOR,
                WAITED_FOR_AT_MOST,
            )
            jobs = [Job(row["id"], row["attempts"], places=Places.of(row["kind"])) for row in rows]
            return await enqueue(connection, jobs)

    async def wake(
        self, kinds: Collection[ActionKind], *, back_for_s: float, except_codes: Collection[AnyCode]
    ) -> int:
        """Let what waits after a failure be tried now, the oldest first; returns how many, at most WAKE_AT_ONCE.

        Args:
            kinds: The kinds of actions whose provider answers again.
            back_for_s: For how many seconds it has; a failure after that is no reason to try sooner.
            except_codes: What waits after these goes on waiting.
        """
        back_for = timedelta(seconds=back_for_s)

        async with self._connection.transaction() as connection:
            rows = await connection.fetch(
                WAKE, list(kinds), list(except_codes), back_for, WAKE_AT_ONCE
            )
            jobs = [Job(row["id"], row["attempts"], places=Places.of(row["kind"])) for row in rows]
            await enqueue(connection, jobs)
        return len(rows)

    async def of_unknown_kinds(self) -> list[UnknownKind]:
        """Return the actions that are due and of a kind that this release does not know, at most 200."""
        rows = await self._connection.at_once(FIND_UNKNOWN_KINDS, _KINDS, _SWEEP_BATCH)
        return [UnknownKind(**row) for row in rows]

    async def park_unknown_kinds(self, owner: uuid.UUID) -> list[UnknownKind]:
        """Leave to a person what no worker of a newer release took within an hour; returns it, a batch at most."""
        await self._connection.at_once(GIVE_UP_UNKNOWN_LEASES, _KINDS, LEFT_TO_NEWER_FOR)
        parked: list[UnknownKind] = []
        while len(parked) < _SWEEP_BATCH:
            async with self._connection.transaction() as connection:
                found = await connection.fetchval(TAKE_UNKNOWN, _KINDS, owner, PARKED_AFTER)
                if found is None:
                    break
                row = await connection.fetchrow(PARK_UNKNOWN, found, Code.LEDGER_UNREADABLE)
                parked += [] if row is None else [UnknownKind(**row)]
        return parked

    async def _take(
        self, owner: uuid.UUID, action_ids: Collection[int], lease_s: float
    ) -> list[TakenAction]:
        lease = timedelta(seconds=lease_s)
        rows = await self._connection.at_once(
            TAKE,
            list(action_ids),
            owner,
            lease,
            _KINDS,
            _CANCELLATIONS,
            _GIVE_WAY,
            LEFT_TO_NEWER_FOR,
            WAITED_FOR_AT_MOST,
        )

        return [_taken(row, owner) for row in rows]


def _taken(row: asyncpg.Record, owner: uuid.UUID) -> TakenAction:
    # Each row by itself: one that cannot be read must not hold its neighbours up.
    stored = _stored(row)

    return TakenAction(
        action_id=row["id"],
        claim_id=row["claim_id"],
        claim_public_id=row["public_id"],
        action=Action(
            ActionKind(row["kind"]),
            SubscriptionId(row["subscription_id"]),
            CancelReason(row["reason_text"], row["reason_code"]),
            row["flow_session_id"],
            stored.offer,
        ),
        attempt=row["attempts"],
        owner=owner,
        age_s=row["age_s"],
        has_written=row["has_written"],
        vendor=row["vendor"],
        customer_id=row["customer_id"],
        change=stored.change,
        mode=row["mode"],
        baseline=stored.baseline,
        excused=row["excused"],
        takes_effect_at=row["takes_effect_at"],
        asked_to_pay=row["asked_to_pay"],
        key=row["idempotency_key"],
        unreadable=stored.unreadable,
    )


def _stored(row: asyncpg.Record) -> _Stored:
    """Read the JSON of a row. Total: whatever stands there, the other rows go on."""
    try:
        # PostgreSQL keeps numbers and depths that Python's reader refuses.
        offer, change, baseline = (
            None if row[name] is None else json.loads(row[name])
            for name in ("offer", "change", "baseline")
        )
        if not all(part is None or isinstance(part, dict) for part in (offer, change, baseline)):
            return _Stored(unreadable=Code.ROW_UNREADABLE)

        return _Stored(
            None if offer is None else offer_from_json(offer),
            None if change is None else change_from_json(change),
            None if baseline is None else baseline_from_json(baseline),
        )
    except UnreadableLedgerError:
        return _Stored(unreadable=Code.LEDGER_UNREADABLE)
    except Exception:  # the kind of mistake in a row has no bound
        return _Stored(unreadable=Code.ROW_UNREADABLE)
