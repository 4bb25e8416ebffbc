"""The readings of day 30, 60 and 90 in Postgres: which are due, and what they found."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from aiocancel.core.identifiers import Mode, SubscriptionId
from aiocancel.core.measures.kept import InvoiceBounds, Reading, is_late
from aiocancel.postgres.connection import LedgerConnection

if TYPE_CHECKING:
    import asyncpg

    from aiocancel.postgres.connection import Pool

# Customers' changes come first: while one could have been taken within the last minute and was not, nothing is read.
# What waits for longer waits for another one, and is no reason to read nothing.
TAKE: Final = """
WITH due AS (
    SELECT r.session, r.day FROM aiocancel.kept_reading r JOIN aiocancel.flow_session s ON s.id = r.session
    WHERE r.due_at <= now() AND s.mode = $2 AND NOT EXISTS (
        SELECT FROM aiocancel.action a
        WHERE a.state = 'waiting' AND a.due_at BETWEEN now() - interval '1 minute' AND now())
    ORDER BY r.due_at LIMIT $3 FOR UPDATE OF r SKIP LOCKED)
UPDATE aiocancel.kept_reading r SET due_at = now() + $4, lease = $1, attempts = r.attempts + 1
FROM due JOIN aiocancel.flow_session s ON s.id = due.session
WHERE r.session = due.session AND r.day = due.day
RETURNING r.session, r.day, r.attempts, s.subscription_id, s.opened_at, s.customer_id, s.stripe_account,
    (SELECT min(n.opened_at) FROM aiocancel.flow_session n
        WHERE n.subscription_id = s.subscription_id AND n.mode = s.mode AND n.after_id IS NULL
          AND (n.opened_at, n.id) > (s.opened_at, s.id)) AS next_at,
    -- What follows a declaration belongs to the session that made it.
    s.state = 'accepted' OR EXISTS (SELECT FROM aiocancel.flow_session f
        WHERE f.after_id = s.id AND f.state = 'accepted') AS has_offer,
    (SELECT min(n.opened_at) FROM aiocancel.flow_session n
        WHERE n.subscription_id = s.subscription_id AND n.mode = s.mode AND n.state = 'accepted'
          AND n.after_id IS DISTINCT FROM s.id AND (n.opened_at, n.id) > (s.opened_at, s.id)) AS next_offer_at,
    -- Its own readings have added up discounts until then.
    EXISTS (SELECT FROM aiocancel.flow_session e
        WHERE e.subscription_id = s.subscription_id AND e.mode = s.mode AND e.state = 'accepted'
          AND (e.opened_at, e.id) < (s.opened_at, s.id)
          AND e.opened_at > s.opened_at - interval '90 days') AS is_after_offer
"""

READ: Final = """
WITH read AS (
    UPDATE aiocancel.kept_reading
    SET read_at = $4, due_at = NULL, lease = NULL, state = $5, kept = $6, is_late = $7
    WHERE session = $1 AND day = $2 AND lease = $3 RETURNING session, day)
INSERT INTO aiocancel.kept_payment (session, day, currency, invoices, paid_minor, given_minor)
SELECT read.session, read.day, paid.currency, paid.invoices, paid.paid_minor, paid.given_minor
FROM read, unnest($8::text[], $9::integer[], $10::bigint[], $11::bigint[])
    AS paid (currency, invoices, paid_minor, given_minor)
"""

# A subscription that has ended stays as it is, so that the readings to come need no look of their own. One that was due
# for more than a day is late here too.
COPY_ENDED: Final = """
WITH later AS (
    UPDATE aiocancel.kept_reading r
    SET read_at = e.read_at, due_at = NULL, lease = NULL, state = e.state, kept = e.kept,
        is_late = e.read_at > s.opened_at + make_interval(days => r.day + 1)
    FROM aiocancel.kept_reading e JOIN aiocancel.flow_session s ON s.id = e.session
    WHERE e.session = $1 AND e.day = $2 AND e.state IN ('ended', 'gone')
      AND r.session = $1 AND r.day > $2 AND r.read_at IS NULL
    RETURNING r.session, r.day)
INSERT INTO aiocancel.kept_payment (session, day, currency, invoices, paid_minor, given_minor)
SELECT later.session, later.day, p.currency, p.invoices, p.paid_minor, p.given_minor
FROM later JOIN aiocancel.kept_payment p ON p.session = $1 AND p.day = $2
"""

LATER: Final = """
UPDATE aiocancel.kept_reading SET due_at = now() + $4::interval, lease = NULL
WHERE session = $1 AND day = $2 AND lease = $3
"""


@dataclass(frozen=True, slots=True)
class DueReading:
    """A reading under our lease; ``attempt`` counts from 1, and ``account`` is None where it was not noted.

    ``bounds`` say when its session began, and which invoices count for it.
    """

    session: int
    day: int
    lease: uuid.UUID
    attempt: int
    subscription_id: SubscriptionId
    bounds: InvoiceBounds
    customer_id: str = field(default="", repr=False)
    account: str | None = None


class KeptReadings:
    """Which sessions are to be read at Stripe; every method raises UnavailableError.

    Args:
        pool: Lends the connections.
        mode: Sessions of the other mode are none of ours.
    """

    def __init__(self, pool: Pool, mode: Mode) -> None:
        self._connection = LedgerConnection(pool)
        self._mode = mode

    async def take(self, *, limit: int, lease_s: float) -> list[DueReading]:
        """Take up to ``limit`` readings that are due, the oldest first; none while a customer's change waits."""
        lease = uuid.uuid4()
        rows = await self._connection.at_once(
            TAKE, lease, self._mode, limit, timedelta(seconds=lease_s)
        )

        return [
            DueReading(
                row["session"],
                row["day"],
                lease,
                row["attempts"],
                SubscriptionId(row["subscription_id"]),
                _bounds(row),
                row["customer_id"],
                row["stripe_account"],
            )
            for row in rows
        ]

    async def read(self, due: DueReading, reading: Reading, at: datetime) -> None:
        """Keep what a reading found; one whose lease has ended changes nothing.

        Args:
            due: The reading.
            reading: What Stripe showed.
            at: When.
        """
        async with self._connection.transaction() as connection:
            await connection.execute(
                READ,
                due.session,
                due.day,
                due.lease,
                at,
                reading.state,
                reading.is_kept,
                is_late(due.bounds.since, due.day, at),
                [each.currency for each in reading.paid],
                [each.invoices for each in reading.paid],
                [each.paid_minor for each in reading.paid],
                [each.given_minor for each in reading.paid],
            )
            if reading.is_over:
                await connection.execute(COPY_ENDED, due.session, due.day)

    async def later(self, due: DueReading, *, delay_s: float) -> None:
        """Look again after ``delay_s``: Stripe did not tell."""
        await self._connection.at_once(
            LATER, due.session, due.day, due.lease, timedelta(seconds=delay_s)
        )


def _bounds(row: asyncpg.Record) -> InvoiceBounds:
    """Return which invoices count for a session; a discount belongs to the last accepted offer before it, if any."""
    since, next_at = row["opened_at"], row["next_at"]
    if row["has_offer"]:
        return InvoiceBounds(since, next_at, row["next_offer_at"])
    return InvoiceBounds(since, next_at, since if row["is_after_offer"] else next_at)
