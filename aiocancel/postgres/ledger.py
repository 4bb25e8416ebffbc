"""The ledger in Postgres: claims are accepted once, actions are taken by one worker at a time.

No method holds a connection longer than its own transaction. Every change to a running action names the
lease it was taken under, so a worker that lost its lease can no longer write. Every method raises
UnavailableError when the database cannot be reached; the commit may then have happened all the same.
"""

from __future__ import annotations

import json
import math
import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

import asyncpg

from aiocancel.core.actions import Action, ActionKind, Receipt
from aiocancel.core.changes import Change as OfferChange
from aiocancel.core.changes import change_from_json, change_to_json
from aiocancel.core.flow import CancelReason
from aiocancel.core.identifiers import SubscriptionId
from aiocancel.core.offers import offer_from_json
from aiocancel.core.retry import key_is_spent
from aiocancel.postgres.claims import ENQUEUE_END_OF_PAUSE, ENQUEUE_HOOKS, JOURNAL, Claims, Entry

if TYPE_CHECKING:
    from aiocancel.postgres.schema import Connection


@dataclass(frozen=True, slots=True)
class TakenAction:
    """An action under our lease; ``age_s`` counts from when it was enqueued.

    ``has_written`` says that an earlier attempt sent the change, with whatever result; for an offer
    ``change`` is what it sent. ``vendor`` and ``customer_id`` are the claim's. ``attempt`` numbers all
    attempts, ``tries`` only those since it was last deferred, from when its age counts, too; ``takes_effect_at``
    and ``asked_to_pay`` are what the customer was told meanwhile.
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
    change: OfferChange | None = None
    tries: int = 1
    takes_effect_at: datetime | None = None
    asked_to_pay: bool = False


# Nothing of the same lane may run, and nothing older may wait: that keeps their order. One whose
# lease ran out goes first even then, or the two would wait for each other: an older one can be committed
# later. What waits for a date or a payment holds nothing up. A kind that we do not know belongs to a newer release.
_TAKE: Final = """
WITH ready AS (
    SELECT a.id FROM aiocancel.action a
    WHERE a.state IN ('waiting', 'running') AND a.kind = ANY($4) AND a.id <> ALL($5)
      AND (a.due_at <= now() OR a.lease_owner = $2 AND a.due_at <= now() + $3::interval - $6::interval)
      AND NOT EXISTS (
          SELECT FROM aiocancel.action o
          WHERE o.lane = a.lane AND o.id <> a.id
            AND (o.state = 'running' OR o.state = 'waiting' AND a.state = 'waiting' AND o.id < a.id
                AND NOT (o.deferred AND o.due_at > now())))
    ORDER BY a.due_at, a.id LIMIT $1
    FOR UPDATE OF a SKIP LOCKED)
UPDATE aiocancel.action a
SET state = 'running', lease_owner = $2, due_at = now() + $3::interval, attempts = attempts + 1, deferred = false
FROM ready, aiocancel.claim c WHERE a.id = ready.id AND c.id = a.claim_id
RETURNING a.id, a.claim_id, c.public_id, a.kind, a.subscription_id, a.reason_text, a.reason_code, a.attempts,
    extract(epoch FROM now() - coalesce(a.woke_at, a.created_at))::float8 AS age_s,
    a.key_used_at IS NOT NULL AS has_written, a.flow_session_id, a.offer, a.change, c.vendor, c.customer_id,
    a.attempts - a.attempts_before AS tries, a.takes_effect_at, a.payment_url IS NOT NULL AS asked_to_pay
"""

_KINDS: Final = list(ActionKind)

_LEASED: Final = "id = $1 AND lease_owner = $2 AND attempts = $3 AND state = 'running'"


class _LeaseLostError(Exception):
    """Rolls a transaction back whose first half must not stand alone."""


class Ledger(Claims):
    """Claims, the actions that they lead to, every attempt at them, and the journal."""

    async def take(
        self,
        owner: uuid.UUID,
        *,
        limit: int,
        lease_s: float,
        holds: Collection[int] = (),
        reclaim_after_s: float = math.inf,
    ) -> list[TakenAction]:
        """Lease up to ``limit`` due actions, at most one of any subscription, oldest first.

        ``holds`` are the actions that the owner is still busy with: they are left alone. Another one that it
        leased ``reclaim_after_s`` ago is due: an outage of the database swallowed the answer to this call,
        or the end of an attempt.
        """
        try:
            async with self._transaction() as connection:
                rows = await connection.fetch(
                    _TAKE,
                    limit,
                    owner,
                    timedelta(seconds=lease_s),
                    _KINDS,
                    list(holds),
                    timedelta(seconds=min(reclaim_after_s, lease_s)),
                )
        except asyncpg.UniqueViolationError:
            # Another worker took an action of the same subscription in this very moment.
            return []
        return [
            TakenAction(
                action_id=row["id"],
                claim_id=row["claim_id"],
                claim_public_id=row["public_id"],
                action=Action(
                    ActionKind(row["kind"]),
                    SubscriptionId(row["subscription_id"]),
                    CancelReason(row["reason_text"], row["reason_code"]),
                    row["flow_session_id"],
                    None if row["offer"] is None else offer_from_json(json.loads(row["offer"])),
                ),
                attempt=row["attempts"],
                owner=owner,
                age_s=row["age_s"],
                has_written=row["has_written"],
                vendor=row["vendor"],
                customer_id=row["customer_id"],
                change=None if row["change"] is None else change_from_json(json.loads(row["change"])),
                tries=row["tries"],
                takes_effect_at=row["takes_effect_at"],
                asked_to_pay=row["asked_to_pay"],
            )
            for row in rows
        ]

    async def begin_write(self, taken: TakenAction, change: OfferChange | None = None) -> str | None:
        """Store the attempt and what it sends, and return its idempotency key, before the call.

        None when the lease is lost.
        """
        async with self._transaction() as connection:
            row = await connection.fetchrow(
                f"""
                SELECT ordinal, key_generation, key_spent,
                    coalesce(extract(epoch FROM now() - key_used_at), 0)::float8 AS key_age_s
                FROM aiocancel.action WHERE {_LEASED} FOR UPDATE
                """,  # noqa: S608 - a constant of this module
                *_lease(taken),
            )
            if row is None:
                return None
            spent = key_is_spent(row["key_age_s"], replayed_failure=row["key_spent"])
            generation = row["key_generation"] + spent
            key = f"aiocancel-{taken.claim_public_id}-{row['ordinal']}-{generation}"
            await connection.execute(
                """
                UPDATE aiocancel.action SET idempotency_key = $2, key_generation = $3, key_spent = false,
                    key_used_at = CASE WHEN $4 THEN now() ELSE coalesce(key_used_at, now()) END,
                    change = coalesce($5::jsonb, change)
                WHERE id = $1
                """,
                taken.action_id,
                key,
                generation,
                spent,
                None if change is None else json.dumps(change_to_json(change)),
            )
            await connection.execute(
                "INSERT INTO aiocancel.attempt (action_id, number, idempotency_key) VALUES ($1, $2, $3)",
                taken.action_id,
                taken.attempt,
                key,
            )
        return key

    async def end_write(
        self, taken: TakenAction, result: str, *, code: str | None, request_id: str | None, key_spent: bool = False
    ) -> None:
        """Note what a call came back with, whether or not the lease still stands."""
        async with self._transaction() as connection:
            await connection.execute(
                """
                UPDATE aiocancel.attempt SET ended_at = now(), result = $3, code = $4, request_id = $5
                WHERE action_id = $1 AND number = $2
                """,
                taken.action_id,
                taken.attempt,
                result,
                code,
                request_id,
            )
            if key_spent:
                # A later attempt may have another key by now.
                await connection.execute(
                    """
                    UPDATE aiocancel.action SET key_spent = true WHERE id = $1 AND idempotency_key = (
                        SELECT idempotency_key FROM aiocancel.attempt WHERE action_id = $1 AND number = $2)
                    """,
                    taken.action_id,
                    taken.attempt,
                )

    async def finish(self, taken: TakenAction, receipt: Receipt) -> bool:
        """Mark the action done on the evidence of ``receipt``; False when the lease is lost."""
        return await self._settle(
            taken,
            "state = 'done', finished_at = now(), receipt_status = $4, receipt_ends_at = $5",
            (receipt.status, receipt.ends_at),
            "action_applied",
            receipt.status,
        )

    async def park(self, taken: TakenAction, code: str) -> bool:
        """Leave the action to a human; False when the lease is lost."""
        return await self._settle(
            taken, "state = 'parked', finished_at = now(), parked_code = $4", (code,), "action_parked", code
        )

    async def refuse(self, taken: TakenAction, code: str) -> bool:
        """End the action for good, and nobody need look: the claim turned out untrue, or what came later undid it.

        False when the lease is lost.
        """
        return await self._settle(
            taken, "state = 'refused', finished_at = now(), parked_code = $4", (code,), "action_refused", code
        )

    async def confirm(self, taken: TakenAction, offer_id: str, actions: Sequence[Action]) -> bool:
        """Record the vendor's word and enqueue what follows from it, in one transaction.

        False, and nothing enqueued, when the lease is lost or this flow session has paid before; the latter
        ends the action as refused.
        """
        try:
            if await self._confirm_first(taken, offer_id, actions):
                return True
        except _LeaseLostError:
            return False
        await self.refuse(taken, "flow_session_paid_before")
        return False

    async def _confirm_first(self, taken: TakenAction, offer_id: str, actions: Sequence[Action]) -> bool:
        async with self._transaction() as connection:
            first = await connection.fetchval(
                """
                INSERT INTO aiocancel.outcome (vendor, flow_session_id, claim_id, offer_id) VALUES ($1, $2, $3, $4)
                ON CONFLICT DO NOTHING RETURNING true
                """,
                taken.vendor,
                taken.action.flow_session_id,
                taken.claim_id,
                offer_id,
            )
            if not first:
                return False
            entries: list[Entry] = [(taken.claim_id, taken.action_id, "outcome_verified", offer_id)]
            entries += await self._enqueue(connection, taken.claim_id, taken.claim_public_id, actions, first=1)
            settled = await self._settle_in(
                connection,
                taken,
                "state = 'done', finished_at = now(), receipt_status = $4",
                ("verified",),
                "action_applied",
                None,
            )
            if not settled:
                raise _LeaseLostError
            await connection.executemany(JOURNAL, entries)
        return True

    async def hand_back(self, taken: TakenAction, *, delay_s: float, code: str | None) -> bool:
        """Let any worker take the action again after ``delay_s``; False when the lease is lost."""
        return await self._settle(
            taken,
            "state = 'waiting', due_at = now() + $4",
            (timedelta(seconds=delay_s),),
            "attempt_failed" if code else "handed_back",
            code,
        )

    async def go_on(self, taken: TakenAction, code: str) -> bool:
        """Let the action be taken again at once: a first step is made, and ``code`` names it for the journal."""
        return await self._settle(taken, "state = 'waiting', due_at = now()", (), "step_made", code)

    async def defer(
        self,
        taken: TakenAction,
        *,
        until: datetime,
        takes_effect_at: datetime | None = None,
        payment_url: str | None = None,
    ) -> bool:
        """Let the action wait until then and hold nothing up; False when the lease is lost.

        The customer is told of ``takes_effect_at`` or, when that is None, that a payment is missing.
        """
        url = None if takes_effect_at is not None else payment_url or ""
        return await self._settle(
            taken,
            "state = 'waiting', deferred = true, due_at = $4, woke_at = $4, attempts_before = attempts,"
            " takes_effect_at = $5, payment_url = $6",
            (until, takes_effect_at, url),
            "deferred",
            "needs_payment" if takes_effect_at is None else "scheduled",
        )

    async def withdraw_deferred(self, subscription_id: SubscriptionId, *, code: str = "withdrawn") -> int:
        """End what waits for its date on this subscription, and return how many that were.

        They end as refused with ``code``. What waits for a payment is left alone: only the payment decides.
        """
        async with self._transaction() as connection:
            rows = await connection.fetch(
                """
                UPDATE aiocancel.action SET state = 'refused', finished_at = now(), parked_code = $2, deferred = false
                WHERE subscription_id = $1 AND state = 'waiting' AND deferred AND takes_effect_at IS NOT NULL
                RETURNING id, claim_id
                """,
                subscription_id,
                code,
            )
            await connection.executemany(
                JOURNAL, [(row["claim_id"], row["id"], "action_refused", code) for row in rows]
            )
            if self._hooks:
                await connection.executemany(ENQUEUE_HOOKS, [(row["claim_id"],) for row in rows])
        return len(rows)

    async def _settle(
        self,
        taken: TakenAction,
        assignments: str,
        values: Sequence[str | datetime | timedelta | None],
        entry: str,
        code: str | None,
    ) -> bool:
        async with self._transaction() as connection:
            return await self._settle_in(connection, taken, assignments, values, entry, code)

    async def _settle_in(
        self,
        connection: Connection,
        taken: TakenAction,
        assignments: str,
        values: Sequence[str | datetime | timedelta | None],
        entry: str,
        code: str | None,
    ) -> bool:
        settled = await connection.fetchval(
            f"UPDATE aiocancel.action SET {assignments}, lease_owner = NULL WHERE {_LEASED} RETURNING id",  # noqa: S608
            *_lease(taken),
            *values,
        )
        if settled is None:
            return False
        await connection.execute(JOURNAL, taken.claim_id, taken.action_id, entry, code)
        if entry == "action_applied":
            await connection.execute(ENQUEUE_END_OF_PAUSE, taken.action_id)
            await connection.execute(
                """
                UPDATE aiocancel.claim SET recovery_point = 'action_applied' WHERE id = $1 AND NOT EXISTS (
                    SELECT FROM aiocancel.action
                    WHERE claim_id = $1 AND state <> 'done' AND kind NOT IN ('run_hooks', 'end_pause'))
                """,
                taken.claim_id,
            )
        if self._hooks and taken.action.kind is not ActionKind.RUN_HOOKS:
            await connection.execute(ENQUEUE_HOOKS, taken.claim_id)
        return True


def _lease(taken: TakenAction) -> tuple[int, uuid.UUID, int]:
    return taken.action_id, taken.owner, taken.attempt
