"""Shared budgets in Postgres: one row for each limit, one statement for a batch of slots, the database's clock.

The arithmetic is that of ``core/rate_limit``. No connection is held during a wait for a slot.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

import asyncpg

from aiocancel.core.rate_limit import (
    IMPOSSIBLE_S,
    LONGEST_PAUSE_S,
    ONE_BURST_S,
    RECOVERS_BY_HALF_S,
    SHORTEST_PAUSE_S,
    SLOWEST,
    Limit,
    Slots,
)
from aiocancel.postgres.connection import unavailable_on_outage, within

if TYPE_CHECKING:
    from aiocancel.postgres.connection import Pool

# Both statements begin alike. The clock is read once, after the row is ours: a wait for the lock must not make slots
# late.
LEASE: Final = """
WITH held AS MATERIALIZED (SELECT * FROM aiocancel.rate WHERE name = $1 FOR UPDATE),
timed AS MATERIALIZED (SELECT held.*, clock_timestamp() AS moment FROM held),
slowed AS MATERIALIZED (
    SELECT *, CASE WHEN next_at <= moment + $3::interval THEN next_at ELSE moment END AS believed_at,
        greatest(1.0, slowness * power(0.5::float8, least(64.0,
            greatest(0.0, extract(epoch FROM moment - slowed_at)::float8) / $2::float8))) AS slower
    FROM timed),
first AS MATERIALIZED (
    SELECT *, $4::float8 * slower AS interval_s, greatest(believed_at, moment - $5::interval) AS starts_at FROM slowed),
granted AS MATERIALIZED (
    SELECT *, greatest(0, least($6::int, floor(
        extract(epoch FROM moment + $7::interval - starts_at)::float8 / interval_s)::int + 1)) AS slots FROM first)
UPDATE aiocancel.rate r SET next_at = CASE WHEN slots > 0
    THEN starts_at + make_interval(secs => slots * interval_s) ELSE r.next_at END
FROM granted WHERE r.name = granted.name
RETURNING slots, extract(epoch FROM starts_at - moment)::float8 AS starts_in_s, interval_s
"""

STRIKE: Final = """
WITH held AS MATERIALIZED (SELECT * FROM aiocancel.rate WHERE name = $1 FOR UPDATE),
timed AS MATERIALIZED (SELECT held.*, clock_timestamp() AS moment FROM held),
slowed AS MATERIALIZED (
    SELECT *, CASE WHEN next_at <= moment + $3::interval THEN next_at ELSE moment END AS believed_at,
        greatest(1.0, slowness * power(0.5::float8, least(64.0,
            greatest(0.0, extract(epoch FROM moment - slowed_at)::float8) / $2::float8))) AS slower
    FROM timed)
UPDATE aiocancel.rate r SET next_at = greatest(believed_at, moment + $4::interval),
    slowness = CASE WHEN moment - slowed.slowed_at BETWEEN '0 s' AND $5::interval THEN slowed.slowness
        ELSE least($6::float8, slower * 2) END,
    slowed_at = CASE WHEN moment - slowed.slowed_at BETWEEN '0 s' AND $5::interval THEN slowed.slowed_at ELSE moment END
FROM slowed WHERE r.name = slowed.name RETURNING true
"""

CREATE: Final = "INSERT INTO aiocancel.rate (name) VALUES ($1) ON CONFLICT DO NOTHING"

_IMPOSSIBLE: Final = timedelta(seconds=IMPOSSIBLE_S)
# Longer than any answer to one row takes; a wait for a connection counts.
_ANSWER_WITHIN_S: Final = 2.0


class RateBudgets:
    """The SlotSource of all processes on one database; every method raises UnavailableError."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def lease(self, name: str, limit: Limit, *, want: int, horizon_s: float) -> Slots:
        """Take up to ``want`` slots of the budget ``name`` that come within ``horizon_s``."""
        row = await self._on_row(
            LEASE,
            name,
            limit.interval_s,
            timedelta(seconds=limit.burst_s),
            want,
            timedelta(seconds=horizon_s),
        )
        return Slots(row["slots"], row["starts_in_s"], row["interval_s"])

    async def strike(self, name: str, *, pause_s: float) -> None:
        """Stop everybody for ``pause_s``, from 1 to 60 s, and make them slower for a while."""
        pause = timedelta(seconds=min(max(pause_s, SHORTEST_PAUSE_S), LONGEST_PAUSE_S))
        await self._on_row(STRIKE, name, pause, timedelta(seconds=ONE_BURST_S), SLOWEST)

    async def _on_row(
        self, statement: str, name: str, *values: float | timedelta
    ) -> asyncpg.Record:
        with unavailable_on_outage():
            return await within(_ANSWER_WITHIN_S, self._ask(statement, name, *values))

    async def _ask(self, statement: str, name: str, *values: float | timedelta) -> asyncpg.Record:
        async with self._pool.acquire(timeout=_ANSWER_WITHIN_S) as connection:
            while (
                row := await connection.fetchrow(
                    statement, name, RECOVERS_BY_HALF_S, _IMPOSSIBLE, *values
                )
            ) is None:
                await connection.execute(CREATE, name)
            return row
