"""The flow vendor's events in Postgres: those that we know of, and those that we have still to look at."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from aiocancel.config import DEFAULTS
from aiocancel.core.codes import AnyCode, Code
from aiocancel.postgres.connection import unavailable_on_outage

if TYPE_CHECKING:
    from aiocancel.postgres.connection import Pool

# Rings of the webhook that wait at most; polling finds a true event that had to give way.
MOST_UNANSWERED: Final = 500
FORGET_AFTER: Final = timedelta(days=1)


RING: Final = """
INSERT INTO aiocancel.doorbell (vendor, event_id) VALUES ($1, $2) ON CONFLICT DO NOTHING RETURNING true
"""

# A stranger who knows the webhook's URL may invent events. Of events that no list has named, the oldest give way.
DROP_OLDEST_UNANSWERED: Final = """
DELETE FROM aiocancel.doorbell WHERE vendor = $1 AND NOT polled AND event_id IN (
    SELECT event_id FROM aiocancel.doorbell WHERE vendor = $1 AND result IS NULL AND NOT polled
    ORDER BY rung_at DESC OFFSET $2 FOR UPDATE SKIP LOCKED)
"""

# The vendor itself names the event: it stays. A look that came too early for the vendor's API is repeated, and so is
# one that was given up while the vendor was down, or refused our key.
VOUCH: Final = """
INSERT INTO aiocancel.doorbell AS rung (vendor, event_id, polled) VALUES ($1, $2, true)
ON CONFLICT (vendor, event_id) DO UPDATE
SET polled = true, result = NULL, attempts = CASE WHEN rung.result IS NULL THEN rung.attempts ELSE 0 END,
    due_at = CASE WHEN rung.result IS NULL THEN rung.due_at ELSE now() END
WHERE rung.result IS NULL OR rung.result = $3 OR rung.result LIKE 'gave\\_up\\_%'
"""

FORGET: Final = """
DELETE FROM aiocancel.doorbell
WHERE vendor = $1 AND NOT polled AND (result IS NULL OR result = $3)
    AND rung_at < now() - $2::interval
"""

TAKE_DUE: Final = """
WITH due AS (
    SELECT event_id FROM aiocancel.doorbell
    WHERE vendor = $1 AND result IS NULL AND due_at <= now()
    ORDER BY polled DESC, CASE WHEN polled THEN due_at END, rung_at DESC LIMIT $2 FOR UPDATE SKIP LOCKED)
UPDATE aiocancel.doorbell d SET due_at = now() + $3, attempts = d.attempts + 1
FROM due WHERE d.vendor = $1 AND d.event_id = due.event_id RETURNING d.event_id, d.attempts
"""

POLL_TURN: Final = """
INSERT INTO aiocancel.event_cursor AS cursor (vendor) VALUES ($1)
ON CONFLICT (vendor) DO UPDATE SET polled_at = now() WHERE cursor.polled_at <= now() - $2::interval
RETURNING after_id, started_at
"""

ANSWER: Final = "UPDATE aiocancel.doorbell SET result = $3 WHERE vendor = $1 AND event_id = $2"

POSTPONE: Final = """
UPDATE aiocancel.doorbell SET due_at = now() + $3 WHERE vendor = $1 AND event_id = $2
"""

READ_UP_TO: Final = "UPDATE aiocancel.event_cursor SET after_id = $2 WHERE vendor = $1"


@dataclass(frozen=True, slots=True)
class Ring:
    """One event to look at; ``attempt`` counts from 1."""

    event_id: str
    attempt: int


@dataclass(frozen=True, slots=True)
class PollTurn:
    """Our turn to read the vendor's list: what comes after ``after_id`` and is not older than ``since``."""

    after_id: str | None
    since: datetime


class Doorbell:
    """Events of one flow vendor; every method raises UnavailableError.

    Args:
        pool: Where the events are kept.
        vendor: The vendor's name.
        lease_s: For how long the process that takes an event may look at it; then another process does.
    """

    def __init__(
        self, pool: Pool, vendor: str, *, lease_s: float = DEFAULTS.worker_lease_s
    ) -> None:
        self._pool = pool
        self._vendor = vendor
        self._lease = timedelta(seconds=lease_s)

    async def ring(self, event_id: str) -> bool:
        """Remember an event that the webhook names; False when it was known before, which changes nothing."""
        with unavailable_on_outage():
            new = await self._pool.fetchval(
                RING,
                self._vendor,
                event_id,
            )
            if new:
                await self._pool.execute(DROP_OLDEST_UNANSWERED, self._vendor, MOST_UNANSWERED)
        return bool(new)

    async def vouch(self, event_id: str) -> None:
        """Remember an event that the vendor's own list names; one with an outcome stays as it is."""
        with unavailable_on_outage():
            await self._pool.execute(VOUCH, self._vendor, event_id, Code.UNKNOWN_EVENT)

    async def forget(self) -> None:
        """Delete rings that are older than a day and of which the vendor knows nothing."""
        with unavailable_on_outage():
            await self._pool.execute(FORGET, self._vendor, FORGET_AFTER, Code.UNKNOWN_EVENT)

    async def take(self, *, limit: int) -> list[Ring]:
        """Take up to ``limit`` events that are due: those of the vendor's list first, then the newest.

        No other process gets them meanwhile."""
        with unavailable_on_outage():
            rows = await self._pool.fetch(
                TAKE_DUE,
                self._vendor,
                limit,
                self._lease,
            )
        return [Ring(row["event_id"], row["attempts"]) for row in rows]

    async def answer(self, ring: Ring, result: AnyCode) -> None:
        """Note what came of an event: it will not be looked at again."""
        with unavailable_on_outage():
            await self._pool.execute(
                ANSWER,
                self._vendor,
                ring.event_id,
                result,
            )

    async def later(self, ring: Ring, *, delay_s: float) -> None:
        """Look at an event again after ``delay_s``."""
        with unavailable_on_outage():
            await self._pool.execute(
                POSTPONE,
                self._vendor,
                ring.event_id,
                timedelta(seconds=delay_s),
            )

    async def poll_turn(self, *, every_s: float) -> PollTurn | None:
        """Return our turn to read the vendor's list, None while another process had it within ``every_s``.

        What happened before the first turn of all is history and not ours to act on.
        """
        with unavailable_on_outage():
            row = await self._pool.fetchrow(
                POLL_TURN,
                self._vendor,
                timedelta(seconds=every_s),
            )
        return None if row is None else PollTurn(row["after_id"], row["started_at"])

    async def read_up_to(self, event_id: str | None) -> None:
        """Remember how far the list was read; None to read it from its start."""
        with unavailable_on_outage():
            await self._pool.execute(
                READ_UP_TO,
                self._vendor,
                event_id,
            )
