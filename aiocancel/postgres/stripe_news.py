"""Stripe's events in Postgres, what the application was told of each subscription, and how far the list was read."""

from __future__ import annotations

import json
import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, get_args

from aiocancel.core.actions import ActionKind, CallKind
from aiocancel.core.changes import Change, change_from_json
from aiocancel.core.claim_reason import CancelReason
from aiocancel.core.flow_details import details_from_json
from aiocancel.core.identifiers import SubscriptionId
from aiocancel.core.stripe_news import (
    LastWish,
    OwnWork,
    Standing,
    StripeEvent,
    standing_from_json,
    standing_to_json,
)
from aiocancel.errors import UnreadableLedgerError
from aiocancel.postgres.connection import LedgerConnection

if TYPE_CHECKING:
    import asyncpg

    from aiocancel.postgres.connection import Pool

# Stripe's list goes back 30 days. https://docs.stripe.com/api/events
FORGET_AFTER: Final = timedelta(days=31)
# What began shortly before the first look is history, and clocks differ.
CLOCK_SLACK: Final = timedelta(minutes=1)
# Stripe lists an event some time after it happened, and its clock is another one.
OVERLAP: Final = timedelta(minutes=10)

# An event that was heard before rings no more. One that comes during a look, or while a hook fails, waits for its end.
# Stripe's events come in any order: until a hook has heard of the subscription, each may tell best how it was before.
RING: Final = """
WITH heard AS (
    INSERT INTO aiocancel.stripe_event (account, event_id) VALUES ($1, $2) ON CONFLICT DO NOTHING RETURNING true)
INSERT INTO aiocancel.subscription_news AS known (account, subscription_id, told)
SELECT $1, $3, $4::jsonb FROM heard
ON CONFLICT (account, subscription_id) DO UPDATE
SET rung = known.rung + 1, due_at = coalesce(known.due_at, now()), told = coalesce(known.told, excluded.told),
    before = CASE WHEN known.tellings > 0 OR excluded.told IS NULL OR excluded.told = ANY (known.before)
        THEN known.before ELSE array_append(known.before, excluded.told) END
RETURNING true AS is_new
"""

# Actions that only wait for Stripe: for a payment, for the flow vendor's change, or for the end of a pause. A test
# clock may have been moved, so what waits for a date on one looks as well; and a plan that a schedule is to bring looks
# whether it is still there.
WAKE: Final = """
WITH woken AS (
    UPDATE aiocancel.action a SET due_at = now()
    WHERE a.subscription_id = $1 AND a.state = 'waiting' AND a.due_at > now()
      AND (a.deferred AND a.takes_effect_at IS NULL AND a.payment_url IS NOT NULL
        OR NOT a.deferred AND a.kind IN ('expect_cancellation', 'expect_offer')
        OR NOT a.deferred AND a.kind IN ('end_pause', 'unpause') AND a.key_used_at IS NOT NULL
        OR a.deferred AND ($2::boolean OR a.change->>'type' = 'schedule_price'))
    RETURNING a.id, a.attempts, a.kind)
UPDATE aiocancel.pgqueuer q SET execute_after = now()
FROM woken w WHERE q.status = 'queued' AND q.dedupe_key = aiocancel.job_key(w.id, w.attempts, w.kind)
"""

TAKE: Final = """
WITH due AS (
    SELECT account, subscription_id FROM aiocancel.subscription_news
    WHERE due_at <= now() ORDER BY due_at LIMIT $1 FOR UPDATE SKIP LOCKED)
UPDATE aiocancel.subscription_news n SET due_at = now() + $3, lease = $2, attempts = n.attempts + 1
FROM due WHERE n.account = due.account AND n.subscription_id = due.subscription_id
RETURNING n.account, n.subscription_id, n.rung, n.attempts, n.told, n.tellings, n.telling, n.reported, n.before
"""

# Written before the hooks are called: some may hear it although the telling breaks off.
TELLING: Final = """
UPDATE aiocancel.subscription_news SET telling = telling || $4::jsonb
WHERE account = $1 AND subscription_id = $2 AND lease = $3
"""

TOLD: Final = """
UPDATE aiocancel.subscription_news
SET told = $4::jsonb, tellings = tellings + $5, telling = '[]', before = before[$8:], attempts = 0, lease = NULL,
    due_at = CASE WHEN rung <> $6 THEN now() ELSE now() + $7::interval END
WHERE account = $1 AND subscription_id = $2 AND lease = $3
"""

REPORTED: Final = """
UPDATE aiocancel.subscription_news SET reported = $4
WHERE account = $1 AND subscription_id = $2 AND lease = $3
"""

LATER: Final = """
UPDATE aiocancel.subscription_news SET due_at = now() + $4::interval, lease = NULL
WHERE account = $1 AND subscription_id = $2 AND lease = $3
"""

# Changes that were made here, and whether more are under way. Questions and letters change nothing at Stripe. Changes
# from before the news were first read are history, and hooks do not hear of them.
OWN_WORK: Final = """
SELECT a.id, a.kind, a.state, a.change, a.finished_at, a.receipt_ends_at, c.public_id, coalesce(
    a.finished_at >= (SELECT min(started_at) FROM aiocancel.stripe_cursor), false) AS is_recent
FROM aiocancel.action a JOIN aiocancel.claim c ON c.id = a.claim_id
WHERE a.subscription_id = $1 AND c.mode = $2
  AND (a.state IN ('waiting', 'running') AND a.kind <> ALL($3)
        AND NOT aiocancel.lets_others_pass(a.deferred, a.due_at)
    OR a.state = 'done' AND (a.kind IN ('resume', 'apply_offer', 'remove_discount')
        OR aiocancel.has_cancelled(a.kind, a.key_used_at)))
ORDER BY a.id
"""

# What the customer said last; taking a wish back says nothing. A vendor's session has its snapshot in the
# row that was copied from it.
LAST_WISH: Final = """
SELECT c.reason_text, c.reason_code, c.flow, s.snapshot
FROM aiocancel.claim c LEFT JOIN LATERAL (
    SELECT r.snapshot FROM aiocancel.flow_session r
    WHERE r.subscription_id = c.subscription_id AND r.vendor = c.vendor AND (r.session_id = c.flow_session_id
        OR c.flow_session_id IS NULL AND c.vendor = 'own' AND c.status = 'canceled' AND r.state = 'accepted'
          AND r.customer_id = c.customer_id AND r.ended_at BETWEEN c.recorded_at - interval '1 day' AND c.recorded_at)
    ORDER BY r.opened_at DESC LIMIT 1) s ON true
WHERE c.subscription_id = $1 AND c.mode = $2 AND (c.flow_session_id IS NOT NULL OR c.status = 'canceled')
ORDER BY c.id DESC LIMIT 1
"""

FORGET: Final = "DELETE FROM aiocancel.stripe_event WHERE heard_at < now() - $1::interval"

POLL_TURN: Final = """
INSERT INTO aiocancel.stripe_cursor AS cursor (account) VALUES ($1)
ON CONFLICT (account) DO UPDATE SET polled_at = now() WHERE cursor.polled_at <= now() - $2::interval
RETURNING started_at, coalesce(read_until, started_at) AS read_until, now() AS now
"""

READ_UNTIL: Final = """
UPDATE aiocancel.stripe_cursor SET read_until = greatest(read_until, $2) WHERE account = $1
"""


@dataclass(frozen=True, slots=True)
class TakenNews:
    """A subscription that rang, under our lease; ``attempt`` counts from 1.

    ``told`` is how it stood when all hooks were told last, ``telling`` how it stood each time that some may have been
    told since; None in it is what a newer release wrote. ``tellings`` counts those before ``telling``. ``before`` is
    how it was before each event that came while no hook had heard of it, as the events say.
    """

    account: str | None
    subscription_id: SubscriptionId
    lease: uuid.UUID
    rung: int
    attempt: int
    told: Standing | None
    tellings: int
    reported: tuple[int, ...] = ()
    telling: tuple[Standing | None, ...] = ()
    before: tuple[Standing | None, ...] = ()


@dataclass(frozen=True, slots=True)
class PollTurn:
    """Our turn to read Stripe's list: what came since ``since``; ``now`` is the database's time."""

    since: datetime
    now: datetime


class StripeNews:
    """What is new at Stripe; every method raises UnavailableError."""

    def __init__(self, pool: Pool) -> None:
        self._connection = LedgerConnection(pool)

    async def ring(self, event: StripeEvent) -> bool:
        """Remember that a subscription has changed, and wake the actions that wait for that.

        False for an event that was heard before, or is about no subscription: that changes nothing.
        """
        if event.subscription_id is None:
            return False
        before = None if event.before is None else json.dumps(standing_to_json(event.before))

        async with self._connection.transaction() as connection:
            is_new = await connection.fetchval(
                RING, event.account or "", event.event_id, event.subscription_id, before
            )
            if is_new:
                await connection.execute(WAKE, event.subscription_id, event.on_test_clock)
        return bool(is_new)

    async def take(self, *, limit: int, lease_s: float) -> list[TakenNews]:
        """Take up to ``limit`` subscriptions that have rung; nobody else gets them for ``lease_s``."""
        lease = uuid.uuid4()
        rows = await self._connection.at_once(TAKE, limit, lease, timedelta(seconds=lease_s))
        return [_taken(row, lease) for row in rows]

    async def telling(self, taken: TakenNews, standing: Standing) -> None:
        """Note how the subscription stands before the first hook is told of it."""
        stored = json.dumps([standing_to_json(standing)])
        await self._connection.at_once(TELLING, *_place(taken), stored)

    async def told(
        self,
        taken: TakenNews,
        standing: Standing,
        *,
        tellings: int,
        look_again_in_s: float | None,
    ) -> None:
        """Note how the subscription stood when the application was told; a ring since then is looked at next."""
        again = None if look_again_in_s is None else timedelta(seconds=look_again_in_s)
        await self._connection.at_once(
            TOLD,
            *_place(taken),
            json.dumps(standing_to_json(standing)),
            tellings,
            taken.rung,
            again,
            len(taken.before) + 1,
        )

    async def reported(self, taken: TakenNews, action_ids: Collection[int]) -> None:
        """Note the actions of which it was reported that another person or program took them back."""
        await self._connection.at_once(REPORTED, *_place(taken), list(action_ids))

    async def later(self, taken: TakenNews, *, delay_s: float) -> None:
        """Look at it again after ``delay_s``: the application was not told."""
        await self._connection.at_once(LATER, *_place(taken), timedelta(seconds=delay_s))

    async def own_work(self, taken: TakenNews, mode: str) -> OwnWork:
        """Return what was done here to the subscription."""
        calls = get_args(CallKind)
        rows = await self._connection.at_once(OWN_WORK, taken.subscription_id, mode, calls)
        return _own_work(rows)

    async def last_wish(self, taken: TakenNews, mode: str) -> LastWish:
        """Return what the customer said with the newest wish about the subscription."""
        rows = await self._connection.at_once(LAST_WISH, taken.subscription_id, mode)
        return _last_wish(rows[0]) if rows else LastWish()

    async def poll_turn(self, account: str | None, *, every_s: float) -> PollTurn | None:
        """Return our turn to read Stripe's list of an account; None while another process had it within ``every_s``."""
        rows = await self._connection.at_once(POLL_TURN, account or "", timedelta(seconds=every_s))
        if not rows:
            return None
        row = rows[0]
        since = max(row["read_until"] - OVERLAP, row["started_at"] - CLOCK_SLACK)
        return PollTurn(since, row["now"])

    async def read_until(self, account: str | None, moment: datetime) -> None:
        """Remember how far the list was read, and forget events that no list tells of any more."""
        await self._connection.at_once(READ_UNTIL, account or "", moment)
        await self._connection.at_once(FORGET, FORGET_AFTER)


def _place(taken: TakenNews) -> tuple[str, str, uuid.UUID]:
    return taken.account or "", taken.subscription_id, taken.lease


def _taken(row: asyncpg.Record, lease: uuid.UUID) -> TakenNews:
    return TakenNews(
        account=row["account"] or None,
        subscription_id=SubscriptionId(row["subscription_id"]),
        lease=lease,
        rung=row["rung"],
        attempt=row["attempts"],
        told=_standing(row["told"]),
        tellings=row["tellings"],
        reported=tuple(row["reported"]),
        telling=tuple(_standing(json.dumps(each)) for each in json.loads(row["telling"])),
        before=tuple(_standing(each) for each in row["before"]),
    )


def _last_wish(row: asyncpg.Record) -> LastWish:
    """Read what was said; what a newer release wrote counts as not said."""
    reason = CancelReason(row["reason_text"], row["reason_code"])
    try:
        flow = None if row["flow"] is None else details_from_json(json.loads(row["flow"]))
        return LastWish(
            reason, flow, None if row["snapshot"] is None else json.loads(row["snapshot"])
        )
    except (LookupError, TypeError, ValueError, AttributeError):
        return LastWish(reason)


def _standing(stored: str | None) -> Standing | None:
    """Read what was told; what a newer release wrote counts as never told, and so is told again."""
    try:
        return None if stored is None else standing_from_json(json.loads(stored))
    except (UnreadableLedgerError, LookupError, TypeError, ValueError):
        return None


def _change(stored: str | None) -> Change | None:
    try:
        return None if stored is None else change_from_json(json.loads(stored))
    except (UnreadableLedgerError, LookupError, TypeError, ValueError):
        return None


def _own_work(rows: list[asyncpg.Record]) -> OwnWork:
    cancellation, claim_id, cancelled_at, ends_at = None, None, None, None
    gifts: dict[int, tuple[Change, datetime]] = {}
    is_unfinished = False

    for row in rows:
        if row["state"] != "done":
            is_unfinished = True
            continue
        match ActionKind(row["kind"]):
            case ActionKind.RESUME:
                cancellation = claim_id = None
            case ActionKind.REMOVE_DISCOUNT:
                gifts = {}
            case ActionKind.APPLY_OFFER:
                change = _change(row["change"])
                if change is not None and row["is_recent"]:
                    gifts[row["id"]] = change, row["finished_at"]
                if change is not None and cancelled_at and row["finished_at"] > cancelled_at:
                    # An offer to a customer who was leaving has taken the cancellation back first, here or elsewhere.
                    cancellation = claim_id = cancelled_at = None
            case _:
                cancellation = row["id"] if row["is_recent"] else None
                claim_id, cancelled_at = str(row["public_id"]), row["finished_at"]
                ends_at = row["receipt_ends_at"]

    return OwnWork(cancellation, claim_id, ends_at, gifts, is_unfinished)
