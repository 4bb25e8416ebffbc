"""The ledger in Postgres: claims are accepted once, actions are taken by one worker at a time.

No method holds a connection longer than its own transaction. Every change to a running action names the
lease it was taken under, so a worker that lost its lease can no longer write. Every method raises
UnavailableError when the database cannot be reached; the commit may then have happened all the same.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import asyncpg

from aiocancel.core.actions import Action, ActionKind, Receipt
from aiocancel.core.changes import Change as OfferChange
from aiocancel.core.changes import change_to_json
from aiocancel.core.codes import AnyCode, Code
from aiocancel.core.idempotency import key_is_spent
from aiocancel.core.identifiers import SubscriptionId
from aiocancel.core.offers.expect import Baseline, baseline_to_json
from aiocancel.core.retry import is_excused
from aiocancel.postgres.claims import ENQUEUE_END_OF_PAUSE, JOURNAL, Entry
from aiocancel.postgres.leasing import Dispatch, TakenAction
from aiocancel.postgres.pgqueuer import Job
from aiocancel.postgres.settling import (
    BEGIN_FIRST_WRITE,
    END_WRITE,
    HOLD_KEY,
    NOTE_FIRST_LOOK,
    settle_statement,
)

if TYPE_CHECKING:
    from aiocancel.postgres.connection import Connection

__all__ = ["Accepted", "Ledger", "TakenAction"]


@dataclass(frozen=True, slots=True)
class Accepted:
    """Stripe's yes to a write that is not noted yet, under the number by which its support finds the request."""

    request_id: str | None


class _LeaseLostError(Exception):
    """Rolls a transaction back whose first half must not stand alone."""


class Ledger(Dispatch):
    """Claims, the actions that they lead to, every attempt at them, and the journal."""

    async def begin_write(
        self, taken: TakenAction, change: OfferChange | None = None
    ) -> str | None:
        """Store the attempt and what it sends, and return its idempotency key, before the call.

        None when the lease is lost.
        """
        sent = None if change is None else json.dumps(change_to_json(change))
        if not taken.has_written:
            begun = await self._at_once(
                BEGIN_FIRST_WRITE, *_lease(taken), taken.claim_public_id, sent
            )
            if begun:
                return str(begun[0]["idempotency_key"])
        async with self._transaction() as connection:
            row = await connection.fetchrow(HOLD_KEY, *_lease(taken))
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
                sent,
            )
            await connection.execute(
                "INSERT INTO aiocancel.attempt (action_id, number, idempotency_key) VALUES ($1, $2, $3)",
                taken.action_id,
                taken.attempt,
                key,
            )
        return key

    async def note_first_look(self, taken: TakenAction, baseline: Baseline) -> None:
        """Keep what the first look showed; later ones are compared with it, whoever makes them."""
        await self._at_once(NOTE_FIRST_LOOK, *_lease(taken), json.dumps(baseline_to_json(baseline)))

    async def end_write(
        self,
        taken: TakenAction,
        result: str,
        *,
        code: AnyCode | None,
        request_id: str | None,
        key_spent: bool = False,
    ) -> None:
        """Note what a call came back with, whether or not the lease still stands."""
        await self._at_once(
            END_WRITE, taken.action_id, taken.attempt, result, code, request_id, key_spent
        )

    async def finish(
        self, taken: TakenAction, receipt: Receipt, *, accepted: Accepted | None = None
    ) -> bool:
        """Mark the action done on the evidence of ``receipt``; False when the lease is lost.

        The answer of the attempt's own write, where it is not noted yet, is noted in any case.
        """
        finished = await self._settle(
            taken,
            "state = 'done', finished_at = now(), receipt_status = $4, receipt_ends_at = $5",
            (receipt.status, receipt.ends_at),
            "action_applied",
            receipt.status,
            accepted,
        )
        if accepted is not None and not finished:
            await self.end_write(taken, "accepted", code=None, request_id=accepted.request_id)
        return finished

    async def park(self, taken: TakenAction, code: AnyCode) -> bool:
        """Leave the action to a human; False when the lease is lost."""
        return await self._settle(
            taken,
            "state = 'parked', finished_at = now(), parked_code = $4",
            (code,),
            "action_parked",
            code,
        )

    async def refuse(self, taken: TakenAction, code: AnyCode) -> bool:
        """End the action for good, and nobody need look: the claim turned out untrue, or what came later undid it.

        False when the lease is lost.
        """
        return await self._settle(
            taken,
            "state = 'refused', finished_at = now(), parked_code = $4",
            (code,),
            "action_refused",
            code,
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
        await self.refuse(taken, Code.FLOW_SESSION_PAID_BEFORE)
        return False

    async def _confirm_first(
        self, taken: TakenAction, offer_id: str, actions: Sequence[Action]
    ) -> bool:
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
            entries += await self._enqueue(
                connection, taken.claim_id, taken.claim_public_id, actions, first=1
            )
            settled = await self._end_in(
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

    async def hand_back(self, taken: TakenAction, *, delay_s: float, code: AnyCode | None) -> bool:
        """Let any worker take the action again after ``delay_s``; False when the lease is lost.

        Where everybody's requests were too many, the attempt does not count towards giving up.
        """
        return await self._wait(
            taken,
            "due_at = now() + $4, excused = excused + $5",
            (timedelta(seconds=delay_s), int(is_excused(code))),
            "attempt_failed" if code else "handed_back",
            code,
        )

    async def go_on(self, taken: TakenAction, code: AnyCode) -> bool:
        """Let the action be taken again at once: a first step is made, and ``code`` names it for the journal."""
        return await self._wait(taken, "due_at = now()", (), "step_made", code)

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
        return await self._wait(
            taken,
            # What came before does not count towards giving up.
            "deferred = true, due_at = $4, woke_at = $4, excused = attempts, takes_effect_at = $5, payment_url = $6",
            (until, takes_effect_at, url),
            "deferred",
            "needs_payment" if takes_effect_at is None else "scheduled",
            passes_on=True,
        )

    async def withdraw_deferred(
        self, subscription_id: SubscriptionId, *, code: AnyCode = Code.WITHDRAWN
    ) -> int:
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
            for row in rows:
                await self._enqueue_hooks(connection, row["claim_id"])
        return len(rows)

    async def _wait(
        self,
        taken: TakenAction,
        assignments: str,
        values: Sequence[str | int | datetime | timedelta | None],
        entry: str,
        code: str | None,
        *,
        passes_on: bool = False,
    ) -> bool:
        """Give the lease back, with a job for when it is due; False when the lease is lost."""
        async with self._transaction() as connection:
            settled = await self._settle_in(
                connection, taken, f"state = 'waiting', {assignments}", values, entry, code
            )
            if settled is not None:
                delay_s = await connection.fetchval(
                    "SELECT extract(epoch FROM due_at - now())::float8 FROM aiocancel.action WHERE id = $1",
                    taken.action_id,
                )
                await self._engine.enqueue(
                    connection, [Job(taken.action_id, taken.attempt, max(0.0, delay_s))]
                )
                if passes_on:
                    await self._pass_on_turn(connection, taken, settled)
        return settled is not None

    async def _settle(
        self,
        taken: TakenAction,
        assignments: str,
        values: Sequence[str | int | datetime | timedelta | None],
        entry: str,
        code: str | None,
        accepted: Accepted | None = None,
    ) -> bool:
        if not self._hooks and taken.action.kind is not ActionKind.APPLY_OFFER:
            # Mostly nobody waits for its end, and one statement does it all.
            statement = settle_statement(
                assignments, len(values), alone=True, accepted=accepted is not None
            )
            ended = () if accepted is None else (accepted.request_id,)
            if await self._at_once(statement, *_lease(taken), *values, entry, code, *ended):
                return True
        async with self._transaction() as connection:
            settled = await self._end_in(connection, taken, assignments, values, entry, code)
            if settled and accepted is not None:
                await connection.execute(
                    END_WRITE,
                    taken.action_id,
                    taken.attempt,
                    "accepted",
                    None,
                    accepted.request_id,
                    False,
                )
        return settled

    async def _end_in(
        self,
        connection: Connection,
        taken: TakenAction,
        assignments: str,
        values: Sequence[str | int | datetime | timedelta | None],
        entry: str,
        code: str | None,
    ) -> bool:
        """Bring the action to a final state, and go on with what waited for its end."""
        settled = await self._settle_in(connection, taken, assignments, values, entry, code)
        if settled is not None:
            if entry == "action_applied" and taken.action.kind is ActionKind.APPLY_OFFER:
                end = await connection.fetchrow(ENQUEUE_END_OF_PAUSE, taken.action_id)
                if end is not None:
                    await self._engine.enqueue(
                        connection, [Job(end["id"], 0, max(0.0, end["delay_s"]))]
                    )
            await self._pass_on_turn(connection, taken, settled)
            if taken.action.kind is not ActionKind.RUN_HOOKS:
                await self._enqueue_hooks(connection, taken.claim_id)
        return settled is not None

    async def _pass_on_turn(
        self, connection: Connection, taken: TakenAction, settled: asyncpg.Record
    ) -> None:
        """Say whose turn it is now that this action is out of the way: its own job may have come too early."""
        if settled["next_id"] is not None:
            job = Job(
                settled["next_id"],
                settled["next_attempts"],
                settled["next_delay_s"],
                after=taken.action_id,
            )
            await self._engine.enqueue(connection, [job])

    async def _settle_in(
        self,
        connection: Connection,
        taken: TakenAction,
        assignments: str,
        values: Sequence[str | int | datetime | timedelta | None],
        entry: str,
        code: str | None,
    ) -> asyncpg.Record | None:
        """Move a running action on; returns what waits next in its lane, None when the lease is lost."""
        statement = settle_statement(assignments, len(values))
        return await connection.fetchrow(statement, *_lease(taken), *values, entry, code)


def _lease(taken: TakenAction) -> tuple[int, uuid.UUID, int]:
    return taken.action_id, taken.owner, taken.attempt
