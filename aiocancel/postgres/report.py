"""The owner's figures, counted in Postgres from the views of ours; every method raises UnavailableError.

Each figure is one statement of its own, in a read-only transaction with a time limit: a page of figures over millions
of sessions takes nothing from a customer who leaves.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import asyncpg

from aiocancel.core.flow.answers import Answers
from aiocancel.core.flow.simulate import PastRun
from aiocancel.core.flow.snapshot import snapshot_from_json
from aiocancel.core.identifiers import Mode
from aiocancel.core.measures.interval import Share
from aiocancel.core.measures.report import (
    By,
    Counts,
    Group,
    KeptOn,
    OfferFate,
    ReasonShare,
    Report,
    Revenue,
)
from aiocancel.core.measures.words import HoldOut
from aiocancel.errors import UnreadableLedgerError
from aiocancel.postgres.connection import ACQUIRE_WITHIN_S, unavailable_on_outage

if TYPE_CHECKING:
    from aiocancel.postgres.connection import Connection, Pool

STATEMENT_WITHIN_S: Final = 2.0
# Of the connections that customers' requests use as well, figures take no more than these.
MOST_CONNECTIONS: Final = 2
MOST_GROUPS: Final = 100
MOST_RUNS: Final = 100_000
_PACE_WEEKS: Final = 8

COUNTS: Final = """
SELECT count(*) AS sessions,
    count(*) FILTER (WHERE outcome = 'canceled') AS canceled, count(*) FILTER (WHERE outcome = 'accepted') AS accepted,
    count(*) FILTER (WHERE outcome = 'abandoned') AS abandoned,
    count(*) FILTER (WHERE outcome = 'taken_back') AS taken_back,
    count(*) FILTER (WHERE outcome = 'open') AS still_open,
    count(*) FILTER (WHERE offers_shown > 0) AS shown,
    count(*) FILTER (WHERE offers_shown > 0 AND outcome <> 'accepted') AS declined,
    count(*) FILTER (WHERE NOT has_snapshot) AS without_snapshot, count(*) FILTER (WHERE held_out) AS held_out
FROM aiocancel.v_sessions WHERE started_at >= $1 AND started_at < $2 AND mode = $3
"""

GROUPS: Final = """
SELECT coalesce(CASE $4::text WHEN 'reason' THEN reason WHEN 'offer' THEN offer WHEN 'plan' THEN plan
        WHEN 'place' THEN place
        ELSE to_char(date_trunc('week', started_at AT TIME ZONE $5), 'YYYY-MM-DD') END, '') AS key,
    count(*) AS sessions,
    count(*) FILTER (WHERE outcome = 'canceled') AS canceled, count(*) FILTER (WHERE outcome = 'accepted') AS accepted,
    count(*) FILTER (WHERE outcome = 'abandoned') AS abandoned,
    count(*) FILTER (WHERE outcome = 'taken_back') AS taken_back,
    count(*) FILTER (WHERE outcome = 'open') AS still_open,
    count(*) FILTER (WHERE offers_shown > 0) AS shown,
    count(*) FILTER (WHERE offers_shown > 0 AND outcome <> 'accepted') AS declined,
    count(*) FILTER (WHERE NOT has_snapshot) AS without_snapshot, count(*) FILTER (WHERE held_out) AS held_out
FROM aiocancel.v_sessions WHERE started_at >= $1 AND started_at < $2 AND mode = $3
GROUP BY 1 ORDER BY CASE WHEN $4 = 'week' THEN 0 ELSE -count(*) END, 1 LIMIT $6
"""

REASONS: Final = """
SELECT reason, count(*) FILTER (WHERE chosen) AS chosen, count(*) AS shown FROM aiocancel.v_reasons
WHERE started_at >= $1 AND started_at < $2 AND mode = $3
GROUP BY reason ORDER BY reason = '', count(*) FILTER (WHERE chosen) DESC, reason LIMIT $4
"""

OFFERS: Final = """
SELECT offer, count(*) AS shown, count(*) FILTER (WHERE accepted) AS accepted,
    count(*) FILTER (WHERE session_state = 'canceled') AS canceled,
    count(*) FILTER (WHERE NOT accepted AND session_state <> 'canceled') AS abandoned
FROM aiocancel.v_offers WHERE started_at >= $1 AND started_at < $2 AND mode = $3 AND offer IS NOT NULL
GROUP BY offer ORDER BY count(*) DESC, offer LIMIT $4
"""

KEPT: Final = """
SELECT day, coalesce(offer, '') AS offer, count(*) FILTER (WHERE kept) AS kept, count(*) AS read,
    count(*) FILTER (WHERE state = 'paused') AS paused, count(*) FILTER (WHERE is_late) AS late
FROM aiocancel.v_kept WHERE started_at >= $1 AND started_at < $2 AND mode = $3
GROUP BY GROUPING SETS ((day), (day, offer)) HAVING GROUPING(offer) = 1 OR offer IS NOT NULL
ORDER BY GROUPING(offer) DESC, 2, day LIMIT $4
"""

REVENUE: Final = """
SELECT currency, count(*) AS sessions, sum(paid_minor)::bigint AS kept_minor, sum(given_minor)::bigint AS given_minor,
    coalesce(sum(given_minor) FILTER (WHERE outcome = 'accepted'), 0)::bigint AS cost_minor
FROM aiocancel.v_revenue WHERE started_at >= $1 AND started_at < $2 AND mode = $3 AND is_latest
GROUP BY currency ORDER BY currency
"""

# Since the hold-out began: a range that is chosen afterwards would choose the verdict.
HOLD_OUT: Final = """
SELECT count(*) FILTER (WHERE held_out AND kept) AS held_kept, count(*) FILTER (WHERE held_out) AS held,
    count(*) FILTER (WHERE NOT held_out AND kept) AS offers_kept, count(*) FILTER (WHERE NOT held_out) AS offers
FROM aiocancel.v_hold_out
WHERE mode = $1 AND started_at >= (
    SELECT min(opened_at) FROM aiocancel.flow_session WHERE hold_out AND mode = $1)
"""

PACE: Final = """
SELECT count(*)::float8 / $2::integer AS per_week FROM aiocancel.flow_session
WHERE opened_at >= now() - make_interval(weeks => $2::integer) AND mode = $1 AND fitted IS NOT NULL AND told_by = 'own'
"""

HOLD_OUT_PERCENT: Final = """
SELECT coalesce((SELECT (definition ->> 'hold_out_percent')::float8::integer FROM aiocancel.flow_definition
    ORDER BY stored_at DESC LIMIT 1), 0) AS percent
"""

LEFT_OUT: Final = """
SELECT considered.value ->> 'code' AS code, count(*) AS times
FROM aiocancel.flow_session s, jsonb_array_elements(s.considered) AS considered (value)
WHERE s.opened_at >= $1 AND s.opened_at < $2 AND s.mode = $3 AND considered.value ->> 'code' IS NOT NULL
GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT $4
"""

# The newest, as many as are played in a moment.
PAST_RUNS: Final = """
SELECT snapshot, reason, answers FROM aiocancel.flow_session
WHERE opened_at >= $1 AND opened_at < $2 AND mode = $3 ORDER BY opened_at DESC LIMIT $4
"""

FIRST: Final = "SELECT min(opened_at) AS first_at FROM aiocancel.flow_session WHERE mode = $1"

VIEW: Final = "SELECT pg_get_viewdef(('aiocancel.' || quote_ident($1))::regclass, true)"


class Figures:
    """Counts the figures, a few connections at a time.

    Args:
        pool: Lends the connections.
        mode: Live sessions and those of a test are never counted together.
        time_zone: Whose weeks are meant.
        within_s: How long one figure may take.
    """

    def __init__(
        self,
        pool: Pool,
        mode: Mode,
        *,
        time_zone: str = "UTC",
        within_s: float = STATEMENT_WITHIN_S,
    ) -> None:
        self._pool = pool
        self._mode = mode
        self._time_zone = time_zone
        self._within_s = within_s
        self._turns = asyncio.Semaphore(MOST_CONNECTIONS)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Connection]:
        """Lend a connection that can only read, and only for a while."""
        with unavailable_on_outage():
            async with (
                self._turns,
                self._pool.acquire(timeout=ACQUIRE_WITHIN_S) as connection,
                connection.transaction(isolation="read_committed", readonly=True),
            ):
                await connection.execute(
                    f"SET LOCAL statement_timeout = {int(self._within_s * 1000)}"
                )
                yield connection

    async def _rows(self, statement: str, *values: Any) -> list[asyncpg.Record]:
        async with self.reading() as connection:
            return await connection.fetch(statement, *values)

    async def counts(self, since: datetime, until: datetime) -> Counts:
        """Return how many sessions there were, and how they ended."""
        (row,) = await self._rows(COUNTS, since, until, self._mode)
        return Counts(**row)

    async def groups(self, since: datetime, until: datetime, by: By) -> Sequence[Group]:
        """Return the counts of each group, the largest first, and weeks in their order."""
        rows = await self._rows(GROUPS, since, until, self._mode, by, self._time_zone, MOST_GROUPS)
        return [
            Group(row["key"], Counts(**{name: row[name] for name in Counts.__slots__}))
            for row in rows
        ]

    async def reasons(self, since: datetime, until: datetime) -> Sequence[ReasonShare]:
        """Return how often each reason was given, of the sessions that showed it."""
        rows = await self._rows(REASONS, since, until, self._mode, MOST_GROUPS)
        return [ReasonShare(row["reason"], Share(row["chosen"], row["shown"])) for row in rows]

    async def offers(self, since: datetime, until: datetime) -> Sequence[OfferFate]:
        """Return what became of those who saw an offer."""
        return [
            OfferFate(**row)
            for row in await self._rows(OFFERS, since, until, self._mode, MOST_GROUPS)
        ]

    async def kept(self, since: datetime, until: datetime) -> Sequence[KeptOn]:
        """Return who was still there on day 30, 60 and 90: of all sessions, then by the accepted offer."""
        rows = await self._rows(KEPT, since, until, self._mode, 3 * MOST_GROUPS)
        return [
            KeptOn(
                row["day"],
                row["offer"],
                Share(row["kept"], row["read"]),
                row["paused"],
                row["late"],
            )
            for row in rows
        ]

    async def revenue(self, since: datetime, until: datetime) -> Sequence[Revenue]:
        """Return what came in after sessions, for each currency."""
        return [Revenue(**row) for row in await self._rows(REVENUE, since, until, self._mode)]

    async def hold_out(self, decide_on: date | None) -> HoldOut:
        """Return those who were due an offer against the hold-out, since that began."""
        async with self.reading() as connection:
            counted = await connection.fetchrow(HOLD_OUT, self._mode)
            per_week = await connection.fetchval(PACE, self._mode, _PACE_WEEKS)
            percent = await connection.fetchval(HOLD_OUT_PERCENT)

        assert counted is not None  # noqa: S101 - an aggregate has one row
        return HoldOut(
            Share(counted["offers_kept"], counted["offers"]),
            Share(counted["held_kept"], counted["held"]),
            percent,
            decide_on,
            per_week,
        )

    async def left_out(self, since: datetime, until: datetime) -> dict[str, int]:
        """Return how often offers were considered and left out, by the code why."""
        rows = await self._rows(LEFT_OUT, since, until, self._mode, MOST_GROUPS)
        return {row["code"]: row["times"] for row in rows}

    async def past_runs(self, since: datetime, until: datetime) -> Sequence[PastRun]:
        """Return the newest past customers with their snapshots and answers, ``MOST_RUNS`` at most."""
        rows = await self._rows(PAST_RUNS, since, until, self._mode, MOST_RUNS)
        return [_past_run(row) for row in rows]

    async def first_at(self) -> datetime | None:
        """Return when the first session began, None where there is none."""
        (row,) = await self._rows(FIRST, self._mode)
        first: datetime | None = row["first_at"]
        return first

    async def view_sql(self, name: str) -> str:
        """Return the statement behind one of our views.

        Args:
            name: Its name, as the definitions have it.
        """
        ((sql,),) = await self._rows(VIEW, name)
        return str(sql)

    async def report(
        self,
        since: datetime,
        until: datetime,
        *,
        by: By | None = None,
        decide_on: date | None = None,
        as_of: datetime,
    ) -> Report:
        """Return all figures of a range.

        Args:
            since: Its first moment.
            until: The first moment after it.
            by: What the sessions are told apart by.
            decide_on: The day on which the hold-out is compared.
            as_of: The present.
        """
        counts = await self.counts(since, until)
        report = Report(since, until, as_of, counts, first_at=await self.first_at())

        return replace(
            report,
            by=by,
            groups=[] if by is None else await self.groups(since, until, by),
            reasons=await self.reasons(since, until),
            offers=await self.offers(since, until),
            kept=await self.kept(since, until),
            revenue=await self.revenue(since, until),
            hold_out=await self.hold_out(decide_on),
            left_out=await self.left_out(since, until),
        )


def last_days(days: int, now: datetime) -> tuple[datetime, datetime]:
    """Return the range of the last days, today included."""
    return now - timedelta(days=days), now + timedelta(seconds=1)


def _past_run(row: asyncpg.Record) -> PastRun:
    """Read a past customer; a snapshot that a newer release wrote counts as none."""
    answers = json.loads(row["answers"])
    said = Answers(row["reason"], answers.get("follow_up"), answers.get("comment"))
    if row["snapshot"] is None:
        return PastRun(None, said)
    try:
        return PastRun(snapshot_from_json(json.loads(row["snapshot"])), said)
    except (UnreadableLedgerError, LookupError, TypeError, ValueError):
        return PastRun(None, said)
