"""How an action moves on from running: it ends, it goes back to wait, or it waits for a date or a payment.

Every statement names the lease under which the action was taken, so a worker that lost its lease writes no more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import asyncpg

from aiocancel.core.actions import Action, ActionKind, Places, Receipt
from aiocancel.core.claim import OWN_FLOW
from aiocancel.core.codes import AnyCode, Code
from aiocancel.core.identifiers import SubscriptionId
from aiocancel.core.retry import is_excused
from aiocancel.postgres.connection import LedgerConnection
from aiocancel.postgres.enqueue import (
    JOURNAL,
    JournalEntry,
    enqueue_actions,
    enqueue_end_of_pause,
    enqueue_hooks,
)
from aiocancel.postgres.leasing import TakenAction
from aiocancel.postgres.pgqueuer import Job, enqueue
from aiocancel.postgres.stripe_writes import END_WRITE

if TYPE_CHECKING:
    from aiocancel.postgres.connection import Connection

# In the three statements that end an action, $4 asks for nothing to be done where an action of the same lane waits for
# the end: then its turn must be passed on in the same transaction. FINISH notes with $8 that Stripe took the write.
FINISH: Final = """
WITH settled AS (
    UPDATE aiocancel.action a SET state = 'done', finished_at = now(), receipt_status = $5, receipt_ends_at = $6,
        lease_owner = NULL
    WHERE a.id = $1 AND a.lease_owner = $2 AND a.attempts = $3 AND a.state = 'running'
      AND NOT ($4::boolean AND EXISTS (SELECT FROM aiocancel.next_in_lane(a.lane, a.id)))
    RETURNING a.id, a.claim_id, a.lane),
noted AS (
    INSERT INTO aiocancel.journal (claim_id, action_id, entry, code)
    SELECT claim_id, id, 'action_applied', $7::text FROM settled),
ended AS (
    UPDATE aiocancel.attempt t SET ended_at = now(), result = 'accepted', request_id = $9::text
    FROM settled WHERE $8::boolean AND t.action_id = settled.id AND t.number = $3),
moved AS (
    UPDATE aiocancel.claim c SET recovery_point = 'action_applied' FROM settled s
    WHERE c.id = s.claim_id AND NOT EXISTS (
        SELECT FROM aiocancel.action a
        WHERE a.claim_id = s.claim_id AND a.id <> s.id AND a.state <> 'done' AND aiocancel.is_asked_for(a.kind)))
SELECT s.id, n.id AS next_id, n.attempts AS next_attempts, aiocancel.kind_of(n.id) AS next_kind,
    greatest(0, extract(epoch FROM n.due_at - now()))::float8 AS next_delay_s
FROM settled s LEFT JOIN LATERAL aiocancel.next_in_lane(s.lane, s.id) n ON true
"""


class Finish(NamedTuple):
    """The values of FINISH after the lease and $4, in its order."""

    receipt_status: str  # $5
    receipt_ends_at: datetime | None = None  # $6
    journal_code: str | None = None  # $7
    was_accepted: bool = False  # $8
    request_id: str | None = None  # $9


PARK: Final = """
WITH settled AS (
    UPDATE aiocancel.action a SET state = 'parked', finished_at = now(), parked_code = $5, lease_owner = NULL
    WHERE a.id = $1 AND a.lease_owner = $2 AND a.attempts = $3 AND a.state = 'running'
      AND NOT ($4::boolean AND EXISTS (SELECT FROM aiocancel.next_in_lane(a.lane, a.id)))
    RETURNING a.id, a.claim_id, a.lane),
noted AS (
    INSERT INTO aiocancel.journal (claim_id, action_id, entry, code)
    SELECT claim_id, id, 'action_parked', $5 FROM settled)
SELECT s.id, n.id AS next_id, n.attempts AS next_attempts, aiocancel.kind_of(n.id) AS next_kind,
    greatest(0, extract(epoch FROM n.due_at - now()))::float8 AS next_delay_s
FROM settled s LEFT JOIN LATERAL aiocancel.next_in_lane(s.lane, s.id) n ON true
"""

REFUSE: Final = """
WITH settled AS (
    UPDATE aiocancel.action a SET state = 'refused', finished_at = now(), parked_code = $5, lease_owner = NULL
    WHERE a.id = $1 AND a.lease_owner = $2 AND a.attempts = $3 AND a.state = 'running'
      AND NOT ($4::boolean AND EXISTS (SELECT FROM aiocancel.next_in_lane(a.lane, a.id)))
    RETURNING a.id, a.claim_id, a.lane),
noted AS (
    INSERT INTO aiocancel.journal (claim_id, action_id, entry, code)
    SELECT claim_id, id, 'action_refused', $5 FROM settled)
SELECT s.id, n.id AS next_id, n.attempts AS next_attempts, aiocancel.kind_of(n.id) AS next_kind,
    greatest(0, extract(epoch FROM n.due_at - now()))::float8 AS next_delay_s
FROM settled s LEFT JOIN LATERAL aiocancel.next_in_lane(s.lane, s.id) n ON true
"""

WAIT: Final = """
WITH settled AS (
    UPDATE aiocancel.action a SET state = 'waiting', due_at = now() + $4, excused = excused + $5, lease_owner = NULL
    WHERE a.id = $1 AND a.lease_owner = $2 AND a.attempts = $3 AND a.state = 'running'
    RETURNING a.id, a.claim_id),
noted AS (
    INSERT INTO aiocancel.journal (claim_id, action_id, entry, code)
    SELECT claim_id, id, $6, $7 FROM settled)
SELECT id FROM settled
"""

# The attempts so far do not count towards giving up.
DEFER: Final = """
WITH settled AS (
    UPDATE aiocancel.action a SET state = 'waiting', deferred = true, due_at = $4, woke_at = $4, excused = attempts,
        takes_effect_at = $5, payment_url = $6, lease_owner = NULL
    WHERE a.id = $1 AND a.lease_owner = $2 AND a.attempts = $3 AND a.state = 'running'
    RETURNING a.id, a.claim_id, a.lane, a.due_at),
noted AS (
    INSERT INTO aiocancel.journal (claim_id, action_id, entry, code)
    SELECT claim_id, id, 'deferred', $7 FROM settled)
SELECT s.id, greatest(0, extract(epoch FROM s.due_at - now()))::float8 AS delay_s,
    n.id AS next_id, n.attempts AS next_attempts, aiocancel.kind_of(n.id) AS next_kind,
    greatest(0, extract(epoch FROM n.due_at - now()))::float8 AS next_delay_s
FROM settled s LEFT JOIN LATERAL aiocancel.next_in_lane(s.lane, s.id) n ON true
"""

# A worker of a newer release may take it later; meanwhile it holds nothing of its lane up.
LEAVE: Final = """
WITH settled AS (
    UPDATE aiocancel.action a SET state = 'waiting', deferred = true, due_at = now() + $4, lease_owner = NULL
    WHERE a.id = $1 AND a.lease_owner = $2 AND a.attempts = $3 AND a.state = 'running'
    RETURNING a.id, a.claim_id, a.lane),
noted AS (
    INSERT INTO aiocancel.journal (claim_id, action_id, entry, code)
    SELECT claim_id, id, 'left_to_newer', $5 FROM settled)
SELECT s.id, n.id AS next_id, n.attempts AS next_attempts, aiocancel.kind_of(n.id) AS next_kind,
    greatest(0, extract(epoch FROM n.due_at - now()))::float8 AS next_delay_s
FROM settled s LEFT JOIN LATERAL aiocancel.next_in_lane(s.lane, s.id) n ON true
"""

# What waits for a payment has no date. $3 tells a plan that a schedule brings from all else that has a date.
WITHDRAW_DEFERRED: Final = """
WITH withdrawn AS (
    UPDATE aiocancel.action SET state = 'refused', finished_at = now(), parked_code = $2, deferred = false
    WHERE subscription_id = $1 AND state = 'waiting' AND deferred AND takes_effect_at IS NOT NULL
      AND (change->>'type' IS NOT DISTINCT FROM 'schedule_price') = $3
    RETURNING id, claim_id),
noted AS (
    INSERT INTO aiocancel.journal (claim_id, action_id, entry, code)
    SELECT claim_id, id, 'action_refused', $2 FROM withdrawn)
SELECT claim_id FROM withdrawn ORDER BY id
"""

CONFIRM_ONCE: Final = """
INSERT INTO aiocancel.outcome (vendor, flow_session_id, claim_id, offer_id) VALUES ($1, $2, $3, $4)
ON CONFLICT DO NOTHING RETURNING true
"""

# Held to the end of the transaction: of two offers on one subscription that are confirmed at once, the later one sees
# the earlier one.
HOLD_GIFTS: Final = "SELECT pg_advisory_xact_lock(hashtextextended('aiocancel.gifts ' || $1, 0))"

# An offer that a person looks at may yet be made, or was made by hand.
WAS_GIVEN: Final = """
SELECT EXISTS (
    SELECT FROM aiocancel.action
    WHERE subscription_id = $1 AND aiocancel.is_gift(kind)
      AND state <> 'refused' AND created_at > now() - $2::interval)
"""

# A customer of ours who comes back with another subscription is the same customer. One whom no claim names is known by
# the subscription alone.
WAS_GIVEN_TO_CUSTOMER: Final = """
SELECT EXISTS (
    SELECT FROM aiocancel.claim c JOIN aiocancel.action a ON a.claim_id = c.id
    WHERE c.customer_id = $1 AND c.customer_id <> '' AND aiocancel.is_gift(a.kind)
      AND a.state <> 'refused' AND a.created_at > now() - $2::interval)
"""

# At the write: of two gifts that both were confirmed, however that came about, the earlier one is made.
WAS_GIVEN_BEFORE: Final = """
SELECT EXISTS (
    SELECT FROM aiocancel.action
    WHERE subscription_id = $1 AND aiocancel.is_gift(kind)
      AND state <> 'refused' AND created_at > now() - $2::interval AND id < $3)
OR EXISTS (
    SELECT FROM aiocancel.claim c JOIN aiocancel.action a ON a.claim_id = c.id
    WHERE c.customer_id = $4 AND c.customer_id <> '' AND aiocancel.is_gift(a.kind)
      AND a.state <> 'refused' AND a.created_at > now() - $2::interval AND a.id < $3)
AS was_given
"""


# Their own end is no news of the claim.
_TELL_OF_ENDS: Final = (ActionKind.RUN_HOOKS, ActionKind.ACKNOWLEDGE)


@dataclass(frozen=True, slots=True)
class Accepted:
    """Stripe's yes to a write that is not noted yet, under the number by which its support finds the request."""

    request_id: str | None


class _LeaseLostError(Exception):
    """Rolls a transaction back whose first half must not stand alone."""


class _GivenRecentlyError(Exception):
    """Rolls the vendor's word back: it is recorded when the offer is made."""


class Settling:
    """Running actions that end or go back to wait; with ``hooks`` the end of a claim is told to the application."""

    def __init__(self, connection: LedgerConnection, *, hooks: bool) -> None:
        self._connection = connection
        self._hooks = hooks

    async def finish(
        self, taken: TakenAction, receipt: Receipt, *, accepted: Accepted | None = None
    ) -> bool:
        """Mark the action done; False when the lease is lost.

        Args:
            taken: The action.
            receipt: The evidence that it took effect.
            accepted: The answer to the attempt's own write; where it is not noted yet, it is noted in any case.
        """
        was_accepted = accepted is not None
        request_id = None if accepted is None else accepted.request_id

        finish = Finish(
            receipt.status,
            receipt.ends_at,
            journal_code=receipt.status,
            was_accepted=was_accepted,
            request_id=request_id,
        )
        # A pause that an offer made gets its end, and nothing but a finished offer made one.
        is_offer = taken.action.kind is ActionKind.APPLY_OFFER
        finished = await self._end(FINISH, taken, *finish, with_end_of_pause=is_offer)

        if was_accepted and not finished:
            await self._connection.at_once(
                END_WRITE, taken.action_id, taken.attempt, "accepted", None, request_id, False
            )
        return finished

    async def park(self, taken: TakenAction, code: AnyCode) -> bool:
        """Leave the action to a person; False when the lease is lost."""
        return await self._end(PARK, taken, code, with_end_of_pause=False)

    async def refuse(self, taken: TakenAction, code: AnyCode) -> bool:
        """End the action for good, with nothing for a person to do; False when the lease is lost.

        The claim turned out untrue, or a later choice of the customer undid it.
        """
        return await self._end(REFUSE, taken, code, with_end_of_pause=False)

    async def confirm(
        self,
        taken: TakenAction,
        offer_id: str,
        actions: Sequence[Action],
        *,
        one_gift_in: timedelta | None = None,
    ) -> bool:
        """Record the vendor's word and enqueue the actions that follow from it, in one transaction.

        Nothing is enqueued when the lease is lost or this flow session has paid before; the latter ends the action
        as refused.

        Args:
            taken: The action that asked the vendor.
            offer_id: The offer that the vendor confirms.
            actions: What follows from it.
            one_gift_in: Within this time of a gift the subscription gets no other; None for no bound.

        Returns:
            False when the subscription was given something within that time: nothing is recorded, and the action
            is still ours.
        """
        try:
            if not await self._confirm_once(taken, offer_id, actions, one_gift_in):
                await self.refuse(taken, Code.FLOW_SESSION_PAID_BEFORE)
        except _LeaseLostError:
            pass
        except _GivenRecentlyError:
            return False
        return True

    async def was_given_before(self, taken: TakenAction, within: timedelta) -> bool:
        """Tell whether the subscription or its customer got an earlier gift within that time."""
        rows = await self._connection.at_once(
            WAS_GIVEN_BEFORE,
            taken.action.subscription_id,
            within,
            taken.action_id,
            taken.customer_id,
        )
        return bool(rows[0]["was_given"])

    async def note(self, taken: TakenAction, entry: str, code: AnyCode) -> None:
        """Write a line about the action into the journal, even where another worker has it now."""
        await self._connection.at_once(JOURNAL, taken.claim_id, taken.action_id, entry, code)

    async def hand_back(self, taken: TakenAction, *, delay_s: float, code: AnyCode | None) -> bool:
        """Let any worker take the action again later; False when the lease is lost.

        Where a limit that all share was reached, the attempt does not count towards giving up.

        Args:
            taken: The action.
            delay_s: In how many seconds it may be taken.
            code: Why it is handed back; None where the worker only gives up its lease.
        """
        entry = "attempt_failed" if code else "handed_back"
        return await self._wait(taken, delay_s, int(is_excused(code)), entry, code)

    async def go_on(self, taken: TakenAction, code: AnyCode) -> bool:
        """Let the action be taken again at once: a first step is made, and ``code`` names it for the journal."""
        return await self._wait(taken, 0.0, 0, "step_made", code)

    async def defer(
        self,
        taken: TakenAction,
        *,
        until: datetime,
        takes_effect_at: datetime | None = None,
        payment_url: str | None = None,
    ) -> bool:
        """Let the action wait until then and hold nothing up; False when the lease is lost.

        Args:
            taken: The action.
            until: When it is looked at again.
            takes_effect_at: When the customer is told that it takes effect; None says that a payment is missing.
            payment_url: Where the customer can pay, None where nobody knows.
        """
        needs_payment = takes_effect_at is None
        url = (payment_url or "") if needs_payment else None
        code = "needs_payment" if needs_payment else "scheduled"

        async with self._connection.transaction() as connection:
            settled = await connection.fetchrow(
                DEFER, *taken.lease, until, takes_effect_at, url, code
            )
            if settled is None:
                return False
            await enqueue(connection, [_again(taken, settled["delay_s"])])
            await _pass_on_turn(connection, settled)
        return True

    async def leave(self, taken: TakenAction, *, delay_s: float, code: AnyCode) -> bool:
        """Let the action wait for a worker that can read it, and hold nothing up; False when the lease is lost."""
        delay = timedelta(seconds=delay_s)

        async with self._connection.transaction() as connection:
            settled = await connection.fetchrow(LEAVE, *taken.lease, delay, code)
            if settled is None:
                return False
            await enqueue(connection, [_again(taken, max(0.0, delay_s))])
            await _pass_on_turn(connection, settled)
        return True

    async def withdraw_deferred(
        self,
        subscription_id: SubscriptionId,
        *,
        plans: bool = False,
        code: AnyCode = Code.WITHDRAWN,
    ) -> int:
        """End every action that waits for its date on this subscription; returns how many there were.

        An action that waits for a payment is left alone: only the payment decides.

        Args:
            subscription_id: The subscription.
            plans: Whether only the plans that a schedule was to bring are ended; otherwise only these are left alone.
            code: They end as refused with this code.
        """
        async with self._connection.transaction() as connection:
            withdrawn = await connection.fetch(WITHDRAW_DEFERRED, subscription_id, code, plans)

            if self._hooks:
                for row in withdrawn:
                    await enqueue_hooks(connection, row["claim_id"])
        return len(withdrawn)

    async def _confirm_once(
        self,
        taken: TakenAction,
        offer_id: str,
        actions: Sequence[Action],
        one_gift_in: timedelta | None,
    ) -> bool:
        subscription_id = taken.action.subscription_id
        async with self._connection.transaction() as connection:
            await connection.execute(HOLD_GIFTS, subscription_id)
            is_first = await connection.fetchval(
                CONFIRM_ONCE, taken.vendor, taken.action.flow_session_id, taken.claim_id, offer_id
            )
            if not is_first:
                return False
            if one_gift_in is not None and await _was_given(connection, taken, one_gift_in):
                raise _GivenRecentlyError

            entries: list[JournalEntry] = [
                (taken.claim_id, taken.action_id, "outcome_verified", offer_id)
            ]
            entries += await enqueue_actions(connection, taken.claim_id, actions, first=1)

            finish = Finish("verified")
            if not await self._end_in(connection, FINISH, taken, *finish, with_end_of_pause=False):
                raise _LeaseLostError
            await connection.executemany(JOURNAL, entries)
        return True

    async def _wait(
        self, taken: TakenAction, delay_s: float, excused: int, entry: str, code: AnyCode | None
    ) -> bool:
        """Give the lease back, with a job for when the action is due; False when the lease is lost."""
        delay = timedelta(seconds=delay_s)

        async with self._connection.transaction() as connection:
            if not await connection.fetchval(WAIT, *taken.lease, delay, excused, entry, code):
                return False
            await enqueue(connection, [_again(taken, max(0.0, delay_s))])
        return True

    async def _end(
        self, statement: str, taken: TakenAction, *values: Any, with_end_of_pause: bool
    ) -> bool:
        """Bring the action to its end by FINISH, PARK or REFUSE; False when the lease is lost."""
        is_all = not self._hooks and not with_end_of_pause
        # Mostly nothing waits for its end, and one statement does everything.
        if is_all and await self._connection.at_once(statement, *taken.lease, True, *values):
            return True

        async with self._connection.transaction() as connection:
            return await self._end_in(
                connection, statement, taken, *values, with_end_of_pause=with_end_of_pause
            )

    async def _end_in(
        self,
        connection: Connection,
        statement: str,
        taken: TakenAction,
        *values: Any,
        with_end_of_pause: bool,
    ) -> bool:
        """Bring the action to its end, and go on with whatever waited for that."""
        settled = await connection.fetchrow(statement, *taken.lease, False, *values)
        if settled is None:
            return False

        if with_end_of_pause:
            await enqueue_end_of_pause(connection, taken.action_id)
        await _pass_on_turn(connection, settled)
        if self._hooks and taken.action.kind not in _TELL_OF_ENDS:
            await enqueue_hooks(connection, taken.claim_id)
        return True


def _again(taken: TakenAction, delay_s: float) -> Job:
    """Return the job for the next look at an action."""
    places = Places.of(taken.action.kind)
    return Job(taken.action_id, taken.attempt, delay_s, places=places)


async def _pass_on_turn(connection: Connection, settled: asyncpg.Record) -> None:
    """Give the next action of the lane a job: its own may have come while it had to wait."""
    if settled["next_id"] is not None:
        job = Job(
            settled["next_id"],
            settled["next_attempts"],
            settled["next_delay_s"],
            after=settled["id"],
            places=Places.of(settled["next_kind"]),
        )
        await enqueue(connection, [job])


async def _was_given(connection: Connection, taken: TakenAction, within: timedelta) -> bool:
    """Tell whether the subscription, or in a flow of ours the customer, got something within that time.

    A flow vendor counts its customers' gifts by itself, and names no customers.
    """
    if await connection.fetchval(WAS_GIVEN, taken.action.subscription_id, within):
        return True
    if taken.vendor != OWN_FLOW or not taken.customer_id:
        return False
    await connection.execute(HOLD_GIFTS, f"customer {taken.customer_id}")
    return bool(await connection.fetchval(WAS_GIVEN_TO_CUSTOMER, taken.customer_id, within))
