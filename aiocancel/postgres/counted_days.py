"""Counts the figures of whole days beforehand, so that a page over years adds days up instead of sessions.

1. One process at a time counts; another one that finds it at work leaves it alone.
2. The notes of changes are taken first and the days that they name are marked, then a day is counted, all in one
   transaction: a change that commits meanwhile leaves its note, and its day is counted again.
3. A day that has changed comes before one that was never counted: a page shows it as it was for a minute at most, and
   counts it session by session after that. What was counted before is there until the new count commits.
4. A day is one short transaction, with a time limit for each statement.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from aiocancel.core.identifiers import Mode
from aiocancel.core.measures.sums import Figure, days_before
from aiocancel.postgres.connection import ACQUIRE_WITHIN_S, unavailable_on_outage
from aiocancel.postgres.report import FIRST, count, limited

if TYPE_CHECKING:
    from aiocancel.postgres.connection import Connection, Pool

_STATEMENT_WITHIN_S: Final = 10.0
_MOST_NOTES: Final = 20_000

# Any number that nobody else locks; the letters "figures" on a telephone's keys.
ALONE: Final = "SELECT pg_try_advisory_xact_lock(3448737) AS alone"

# It was counted by a clock that went back since.
TOO_NEW: Final = "DELETE FROM aiocancel.counted_day WHERE until > now() - interval '7 hours'"

# So many notes at a time; a day with another one counts as changed all the same. No day has more than 50 hours.
MARK: Final = """
WITH taken AS (
    DELETE FROM aiocancel.recount WHERE ctid = ANY(ARRAY(SELECT ctid FROM aiocancel.recount LIMIT $1))
    RETURNING started_at, by_reading, noted_at),
noted AS (SELECT started_at, by_reading, min(noted_at) AS noted_at FROM taken GROUP BY started_at, by_reading),
days AS (
    SELECT d.mode, d.zone, d.since, min(n.noted_at) FILTER (WHERE NOT n.by_reading) AS changed_at,
        min(n.noted_at) FILTER (WHERE n.by_reading) AS read_at
    FROM noted n JOIN aiocancel.counted_day d
        ON d.since <= n.started_at AND d.since > n.started_at - interval '50 hours' AND d.until > n.started_at
    GROUP BY d.mode, d.zone, d.since)
UPDATE aiocancel.counted_day d
SET changed_at = least(d.changed_at, days.changed_at), read_at = least(d.read_at, days.read_at)
FROM days WHERE d.mode = days.mode AND d.zone = days.zone AND d.since = days.since
"""

# The day that has waited longest, the newest of those that have waited alike. One that changes all the time is not
# counted all the time; a time that a clock has not reached yet, which went back since, waits for nothing.
CHANGED: Final = """
SELECT since, until FROM aiocancel.counted_day
WHERE mode = $1 AND zone = $2 AND least(changed_at, read_at) NOT BETWEEN now() - $3::interval AND now() + $3::interval
ORDER BY least(changed_at, read_at), since DESC LIMIT 1
"""

FORGET: Final = "DELETE FROM aiocancel.counted_day WHERE mode = $1 AND zone = $2 AND since = $3"

KNOWN: Final = """
SELECT now() - interval '7 hours' AS before, ARRAY(
    SELECT since FROM aiocancel.counted_day WHERE mode = $1 AND zone = $2) AS counted
"""

BEGIN: Final = (
    "INSERT INTO aiocancel.counted_day (mode, zone, since, until) VALUES ($1, $2, $3, $4)"
)

KEEP: Final = """
INSERT INTO aiocancel.day_figure (mode, zone, figure, since, key, day, numbers) VALUES ($1, $2, $3, $4, $5, $6, $7)
"""


class CountedDays:
    """Counts days of one owner; every method raises UnavailableError.

    Args:
        pool: Lends a connection, one at a time.
        mode: Whose sessions.
        time_zone: Whose days.
        gather_s: How long a day that has changed waits for further changes before it is counted anew, in seconds.
    """

    def __init__(self, pool: Pool, mode: Mode, time_zone: str, *, gather_s: float = 0.0) -> None:
        self._pool = pool
        self._mode: Mode = mode
        self._gather = timedelta(seconds=gather_s)
        self._zone_name = time_zone
        self._zone = ZoneInfo(time_zone)

    async def count_one(self) -> datetime | None:
        """Count one day that has changed, or else the newest that is over and not counted.

        Returns:
            Its first moment; None where nothing is to do.
        """
        with unavailable_on_outage():
            async with (
                self._pool.acquire(timeout=ACQUIRE_WITHIN_S) as connection,
                connection.transaction(isolation="read_committed"),
            ):
                await connection.execute(limited(_STATEMENT_WITHIN_S))
                if not await connection.fetchval(ALONE):
                    return None
                await connection.execute(TOO_NEW)
                await connection.execute(MARK, _MOST_NOTES)
                return await self._count_changed(connection) or await self._count_newest(connection)

    async def _count_changed(self, connection: Connection) -> datetime | None:
        row = await connection.fetchrow(CHANGED, self._mode, self._zone_name, self._gather)
        if row is None:
            return None

        since: datetime = row["since"]
        await connection.execute(FORGET, self._mode, self._zone_name, since)
        await self._count(connection, since, row["until"])
        return since

    async def _count_newest(self, connection: Connection) -> datetime | None:
        first_at = await connection.fetchval(FIRST, self._mode)
        if first_at is None:
            return None
        row = await connection.fetchrow(KNOWN, self._mode, self._zone_name)
        assert row is not None  # noqa: S101 - it has no condition
        known = set(row["counted"])

        for since, until in days_before(row["before"], first_at, self._zone):
            if since not in known:
                await self._count(connection, since, until)
                return since
        return None

    async def _count(self, connection: Connection, since: datetime, until: datetime) -> None:
        await connection.execute(BEGIN, self._mode, self._zone_name, since, until)
        for figure in Figure:
            rows = await count(connection, figure, (since, until), self._mode)
            if figure is Figure.COUNTS and not any(rows[0]["numbers"]):
                # No session, and nothing else to count.
                return
            place = (self._mode, self._zone_name, figure, since)
            await connection.executemany(
                KEEP, [(*place, row["key"], row["day"], row["numbers"]) for row in rows]
            )
