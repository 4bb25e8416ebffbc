"""The owner's figures, counted in Postgres from the views of ours; every method raises UnavailableError.

Each figure is one statement of its own, in a read-only transaction with a time limit: a page of figures over millions
of sessions takes nothing from a customer who leaves.
"""

from __future__ import annotations

import asyncio
import json
from bisect import bisect_left
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from copy import copy
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

import asyncpg

from aiocancel.core.flow.answers import Answers
from aiocancel.core.flow.simulate import PastSession
from aiocancel.core.flow.snapshot import snapshot_from_json
from aiocancel.core.identifiers import Mode
from aiocancel.core.measures.interval import Share
from aiocancel.core.measures.kept import days_that_have_come
from aiocancel.core.measures.report import (
    By,
    Counts,
    Group,
    KeptOn,
    OfferFate,
    PlanWeeks,
    ReasonShare,
    Report,
    Revenue,
)
from aiocancel.core.measures.sums import MOST_KEYS, OF_READINGS, Figure, Span, Sums, gaps, weeks_of
from aiocancel.core.measures.words import HoldOut
from aiocancel.errors import UnavailableError, UnreadableLedgerError
from aiocancel.postgres.connection import ACQUIRE_WITHIN_S, unavailable_on_outage

if TYPE_CHECKING:
    from aiocancel.postgres.connection import Connection, Pool

STATEMENT_WITHIN_S: Final = 2.0
# Of the connections that customers' requests use as well, figures take no more than these.
MOST_CONNECTIONS: Final = 2
# Of a pool with fewer than so many, one alone: a process and a worker in it listen with two, and customers need the
# rest.
_SMALL_POOL: Final = 10
MOST_GROUPS: Final = 100
MOST_SESSIONS: Final = 100_000
_PACE_WEEKS: Final = 8
# That of the view v_hold_out.
_HOLD_OUT_DAY: Final = 30
_NO_END: Final = datetime(9999, 1, 1, tzinfo=UTC)
_EVER: Final = (datetime(1900, 1, 1, tzinfo=UTC), _NO_END)
# No day has more than 50 hours, and today with the one before that is not over for long enough has no more.
_SHORT: Final = timedelta(hours=60)
# A page shows a day that has just changed as it was counted last for so long. A worker looks every 15 seconds, and
# counts such days first.
AS_LAST_COUNTED_FOR: Final = timedelta(minutes=1)
_AT_ONCE: Final = timedelta(0)
_FIRST_MONDAY: Final = date(1900, 1, 1)
# Of every plan in every week.
_MOST_PLAN_WEEKS: Final = 20 * MOST_KEYS

# Each figure is counted by one statement for a range of moments; its rows are a key, the day of a reading or 0, and
# counts that add up over ranges.
COUNTS: Final = """
SELECT '' AS key, 0 AS day, ARRAY[count(*),
    count(*) FILTER (WHERE outcome = 'canceled'), count(*) FILTER (WHERE outcome = 'accepted'),
    count(*) FILTER (WHERE outcome = 'abandoned'), count(*) FILTER (WHERE outcome = 'taken_back'),
    count(*) FILTER (WHERE outcome = 'open'), count(*) FILTER (WHERE offers_shown > 0),
    count(*) FILTER (WHERE offers_shown > 0 AND outcome NOT IN ('accepted', 'open')
        AND (outcome <> 'taken_back' OR offer IS NULL)),
    count(*) FILTER (WHERE price_minor IS NULL),
    count(*) FILTER (WHERE held_out)] AS numbers
FROM aiocancel.v_sessions WHERE started_at >= $1 AND started_at < $2 AND mode = $3
"""

GROUPS: Final = """
SELECT coalesce(CASE $4::text WHEN 'reason' THEN reason WHEN 'offer' THEN offer WHEN 'plan' THEN plan
        WHEN 'place' THEN place
        ELSE to_char(date_trunc('week', started_at AT TIME ZONE $5), 'YYYY-MM-DD') END, '') AS key,
    0 AS day, ARRAY[count(*),
    count(*) FILTER (WHERE outcome = 'canceled'), count(*) FILTER (WHERE outcome = 'accepted'),
    count(*) FILTER (WHERE outcome = 'abandoned'), count(*) FILTER (WHERE outcome = 'taken_back'),
    count(*) FILTER (WHERE outcome = 'open'), count(*) FILTER (WHERE offers_shown > 0),
    count(*) FILTER (WHERE offers_shown > 0 AND outcome NOT IN ('accepted', 'open')
        AND (outcome <> 'taken_back' OR offer IS NULL)),
    count(*) FILTER (WHERE price_minor IS NULL),
    count(*) FILTER (WHERE held_out)] AS numbers
FROM aiocancel.v_sessions WHERE started_at >= $1 AND started_at < $2 AND mode = $3
GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT $6
"""

# Of a piece of a day or two, all that is asked of its sessions: the counts, and those of each reason, offer, plan and
# place. To find the sessions costs more than to count them.
SESSIONS: Final = """
SELECT CASE WHEN GROUPING(reason) = 0 THEN 'by_reason' WHEN GROUPING(offer) = 0 THEN 'by_offer'
        WHEN GROUPING(plan) = 0 THEN 'by_plan' WHEN GROUPING(place) = 0 THEN 'by_place' ELSE 'counts' END AS figure,
    coalesce(reason, offer, plan, place, '') AS key, 0 AS day, ARRAY[count(*),
    count(*) FILTER (WHERE outcome = 'canceled'), count(*) FILTER (WHERE outcome = 'accepted'),
    count(*) FILTER (WHERE outcome = 'abandoned'), count(*) FILTER (WHERE outcome = 'taken_back'),
    count(*) FILTER (WHERE outcome = 'open'), count(*) FILTER (WHERE offers_shown > 0),
    count(*) FILTER (WHERE offers_shown > 0 AND outcome NOT IN ('accepted', 'open')
        AND (outcome <> 'taken_back' OR offer IS NULL)),
    count(*) FILTER (WHERE price_minor IS NULL),
    count(*) FILTER (WHERE held_out)] AS numbers
FROM aiocancel.v_sessions WHERE started_at >= $1 AND started_at < $2 AND mode = $3
GROUP BY GROUPING SETS ((), (reason), (offer), (plan), (place))
ORDER BY count(*) DESC, 2 LIMIT $4
"""

REASONS: Final = """
SELECT reason AS key, 0 AS day, ARRAY[count(*) FILTER (WHERE chosen),
    count(*) FILTER (WHERE shown_at IS NOT NULL OR reason = ''),
    count(*) FILTER (WHERE shown_at IS NULL AND reason <> '')] AS numbers
FROM aiocancel.v_reasons WHERE started_at >= $1 AND started_at < $2 AND mode = $3
GROUP BY reason ORDER BY count(*) DESC, reason LIMIT $4
"""

OFFERS: Final = """
SELECT offer AS key, 0 AS day, ARRAY[count(*), count(*) FILTER (WHERE accepted),
    count(*) FILTER (WHERE session_state = 'canceled'), count(*) FILTER (WHERE session_state = 'abandoned'),
    count(*) FILTER (WHERE NOT accepted AND session_state = 'accepted'),
    count(*) FILTER (WHERE session_state = 'open')] AS numbers
FROM aiocancel.v_offers WHERE started_at >= $1 AND started_at < $2 AND mode = $3 AND offer IS NOT NULL
GROUP BY offer ORDER BY count(*) DESC, offer LIMIT $4
"""

KEPT: Final = """
SELECT coalesce(offer, '') AS key, day, ARRAY[count(*) FILTER (WHERE kept), count(*),
    count(*) FILTER (WHERE state = 'paused'), count(*) FILTER (WHERE is_late)] AS numbers
FROM aiocancel.v_kept WHERE started_at >= $1 AND started_at < $2 AND mode = $3
GROUP BY GROUPING SETS ((day), (day, offer)) HAVING GROUPING(offer) = 1 OR offer IS NOT NULL
ORDER BY GROUPING(offer) DESC, count(*) DESC LIMIT $4
"""

REVENUE: Final = """
SELECT currency AS key, 0 AS day, ARRAY[count(*), sum(paid_minor)::bigint, sum(given_minor)::bigint,
    coalesce(sum(given_minor) FILTER (WHERE outcome = 'accepted'), 0)::bigint] AS numbers
FROM aiocancel.v_revenue WHERE started_at >= $1 AND started_at < $2 AND mode = $3 AND is_latest
GROUP BY currency ORDER BY count(*) DESC, currency LIMIT $4
"""

HOLD_OUT: Final = """
SELECT CASE WHEN held_out THEN 'none' ELSE 'offers' END AS key, 0 AS day,
    ARRAY[count(*) FILTER (WHERE kept), count(*)] AS numbers
FROM aiocancel.v_hold_out WHERE started_at >= $1 AND started_at < $2 AND mode = $3 GROUP BY 1
"""

# Since the hold-out began: a range that is chosen afterwards would choose the verdict.
HOLD_OUT_BEGAN: Final = """
SELECT min(opened_at) AS began, now() AS now FROM aiocancel.flow_session WHERE hold_out AND mode = $1
"""

# As in v_hold_out, each subscription once, and whether or not its day has come.
DUE: Final = """
SELECT '' AS key, 0 AS day, ARRAY[count(*)] AS numbers FROM aiocancel.flow_session s
WHERE s.opened_at >= $1 AND s.opened_at < $2 AND s.mode = $3 AND s.told_by = 'own' AND s.after_id IS NULL
  AND (s.fitted IS NOT NULL OR EXISTS (SELECT FROM aiocancel.flow_session f
    WHERE f.after_id = s.id AND f.fitted IS NOT NULL))
  AND s.id = (SELECT coalesce(e.after_id, e.id) FROM aiocancel.flow_session e
    WHERE e.subscription_id = s.subscription_id AND e.mode = s.mode AND e.told_by = 'own' AND e.fitted IS NOT NULL
    ORDER BY e.opened_at, e.id LIMIT 1)
"""

# Of the definition that customers were shown last: an owner may have gone back to one that was stored long ago.
HOLD_OUT_PERCENT: Final = """
SELECT coalesce((SELECT (d.definition ->> 'hold_out_percent')::float8::integer
    FROM aiocancel.flow_session s JOIN aiocancel.flow_definition d ON d.version = s.definition_version
    WHERE s.mode = $1 AND s.definition_version IS NOT NULL
    ORDER BY s.opened_at DESC, s.id DESC LIMIT 1), 0) AS percent
"""

LEFT_OUT: Final = """
SELECT considered.value ->> 'code' AS key, 0 AS day, ARRAY[count(*)] AS numbers
FROM aiocancel.flow_session s LEFT JOIN aiocancel.flow_session f ON f.after_id = s.id,
    jsonb_array_elements(CASE WHEN f.considered <> '[]' THEN f.considered ELSE s.considered END) AS considered (value)
WHERE s.after_id IS NULL AND s.opened_at >= $1 AND s.opened_at < $2 AND s.mode = $3
  AND considered.value ->> 'code' IS NOT NULL
GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT $4
"""

# The counted days of one owner inside a range. Whether their figures are in force: none of their sessions has changed
# since, or with $5 above nothing the first change is younger than that; and whether one has changed at all. Then the
# same of what readings change, which a change of a session does as well. A change in the future is one of a clock that
# went back. Most days have no note: one look tells.
COUNTED: Final = """
SELECT d.since, d.until,
    (d.changed_at IS NULL OR d.changed_at > now() - $5::interval AND d.changed_at < now() + $5::interval)
        AND NOT (d.is_noted AND EXISTS (
            SELECT FROM aiocancel.recount r WHERE r.started_at >= d.since AND r.started_at < d.until
              AND NOT r.by_reading AND (r.noted_at <= now() - $5::interval OR r.noted_at >= now() + $5::interval)
        )) AS holds,
    d.changed_at IS NOT NULL OR d.is_noted AND EXISTS (
        SELECT FROM aiocancel.recount r WHERE r.started_at >= d.since AND r.started_at < d.until
          AND NOT r.by_reading) AS has_changed,
    (d.read_at IS NULL OR d.read_at > now() - $5::interval AND d.read_at < now() + $5::interval)
        AND NOT (d.is_noted AND EXISTS (
            SELECT FROM aiocancel.recount r WHERE r.started_at >= d.since AND r.started_at < d.until
              AND r.by_reading AND (r.noted_at <= now() - $5::interval OR r.noted_at >= now() + $5::interval)
        )) AS readings_hold,
    d.read_at IS NOT NULL OR d.is_noted AND EXISTS (
        SELECT FROM aiocancel.recount r WHERE r.started_at >= d.since AND r.started_at < d.until
          AND r.by_reading) AS has_been_read
FROM (
    SELECT c.since, c.until, c.changed_at, c.read_at, EXISTS (
        SELECT FROM aiocancel.recount r WHERE r.started_at >= c.since AND r.started_at < c.until) AS is_noted
    FROM aiocancel.counted_day c
    WHERE c.mode = $1 AND c.zone = $2 AND c.since >= $3 AND c.until <= $4
    -- As it stands, so that the question is not asked again for each of the four below.
    OFFSET 0) d
ORDER BY d.since
"""

# Whose days were counted, most of all.
ZONES: Final = """
SELECT zone FROM aiocancel.counted_day WHERE mode = $1 GROUP BY zone ORDER BY count(*) DESC, zone LIMIT 1
"""

# No figure has more than ten counts; those that it does not have are NULL.
ADD_UP: Final = """
SELECT key, day, array_remove(ARRAY[sum(numbers[1]), sum(numbers[2]), sum(numbers[3]), sum(numbers[4]),
    sum(numbers[5]), sum(numbers[6]), sum(numbers[7]), sum(numbers[8]), sum(numbers[9]), sum(numbers[10])],
    NULL)::bigint[] AS numbers
FROM aiocancel.day_figure WHERE mode = $1 AND zone = $2 AND figure = $3 AND since = ANY($4)
GROUP BY key, day
"""

# Most figures have four counts at most, and each sum of a row costs as much as finding the row.
ADD_UP_FEW: Final = """
SELECT key, day, array_remove(ARRAY[sum(numbers[1]), sum(numbers[2]), sum(numbers[3]), sum(numbers[4])],
    NULL)::bigint[] AS numbers
FROM aiocancel.day_figure WHERE mode = $1 AND zone = $2 AND figure = $3 AND since = ANY($4)
GROUP BY key, day
"""

ADD_UP_WEEKS: Final = """
SELECT to_char(date_trunc('week', since AT TIME ZONE zone), 'YYYY-MM-DD') AS key, 0 AS day,
    ARRAY[sum(numbers[1]), sum(numbers[2]), sum(numbers[3]), sum(numbers[4]), sum(numbers[5]), sum(numbers[6]),
    sum(numbers[7]), sum(numbers[8]), sum(numbers[9]), sum(numbers[10])]::bigint[] AS numbers
FROM aiocancel.day_figure WHERE mode = $1 AND zone = $2 AND figure = $3 AND since = ANY($4)
GROUP BY 1
"""

# Weeks are told by their number since a Monday, so that they fit where the day of a reading does.
PLAN_WEEKS: Final = """
SELECT coalesce(plan, '') AS key, ((started_at AT TIME ZONE $4)::date - date '1900-01-01') / 7 AS day,
    ARRAY[count(*) FILTER (WHERE outcome = 'canceled')] AS numbers
FROM aiocancel.v_sessions WHERE started_at >= $1 AND started_at < $2 AND mode = $3
GROUP BY 1, 2 ORDER BY count(*) DESC, 1, 2 LIMIT $5
"""

ADD_UP_PLAN_WEEKS: Final = """
SELECT key, ((since AT TIME ZONE zone)::date - date '1900-01-01') / 7 AS day,
    ARRAY[sum(numbers[2])]::bigint[] AS numbers
FROM aiocancel.day_figure WHERE mode = $1 AND zone = $2 AND figure = $3 AND since = ANY($4)
GROUP BY 1, 2
"""

# The newest, as many as are played in a moment.
PAST_SESSIONS: Final = """
SELECT s.snapshot, coalesce(s.reason, f.reason) AS reason,
    coalesce(s.reasons || f.reasons, s.reasons) <> '{}' AS was_asked,
    CASE WHEN s.reason IS NULL AND f.reason IS NOT NULL THEN f.answers ELSE s.answers END AS answers
FROM aiocancel.flow_session s LEFT JOIN aiocancel.flow_session f ON f.after_id = s.id
WHERE s.opened_at >= $1 AND s.opened_at < $2 AND s.mode = $3 AND s.after_id IS NULL
ORDER BY s.opened_at DESC LIMIT $4
"""

# A cancellation that came without a session counts as one, see v_sessions; one with a session is no older than that.
FIRST: Final = """
SELECT least((SELECT min(opened_at) FROM aiocancel.flow_session WHERE mode = $1), (
    SELECT recorded_at FROM aiocancel.claim
    WHERE uses_grant AND status = 'canceled' AND subscription_id <> 'public_exit' AND mode = $1
    ORDER BY recorded_at LIMIT 1)) AS first_at
"""

VIEW: Final = "SELECT pg_get_viewdef(('aiocancel.' || quote_ident($1))::regclass, true)"


def limited(within_s: float) -> str:
    """Return what a transaction of figures begins with.

    A day's rows lie together, and an index finds them. At the usual price of a random page, which is that of a disk
    that turns, the planner would rather read through a million rows; and a plan that it keeps for any values does not
    know which of them are left open.

    Args:
        within_s: How long one statement may take.
    """
    return (
        f"SET LOCAL statement_timeout = {int(within_s * 1000)}; SET LOCAL random_page_cost = 1.1; "
        "SET LOCAL plan_cache_mode = force_custom_plan"
    )


# What was counted, and what a piece of a day or two adds to it, is found by indexes alone, whatever the values are: it
# is planned once for each connection, where planning costs as much as counting. And of a year's sessions, with fewer
# payments, the planner would rather read all of these than look up those of a day.
ONE_PLAN: Final = (
    "SET LOCAL plan_cache_mode = force_generic_plan; SET LOCAL enable_seqscan = off; "
    "SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off"
)
# The other way round, for a piece of any length.
A_PLAN_EACH: Final = (
    "SET LOCAL plan_cache_mode = force_custom_plan; SET LOCAL enable_seqscan = on; "
    "SET LOCAL enable_hashjoin = on; SET LOCAL enable_mergejoin = on"
)


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

        self.is_alone = pool.get_max_size() < _SMALL_POOL
        """Whether the pool is so small that the owner's pages take one connection of it for all that they do."""
        self.turns = asyncio.Semaphore(1 if self.is_alone else MOST_CONNECTIONS)
        """A page holds one while it has a connection."""
        self._as_last_counted_for = _AT_ONCE
        self._look: Connection | None = None
        self._days_seen: dict[str, _Days] = {}
        self._sessions_seen: dict[Span, Mapping[str, Sequence[_Row]]] = {}
        self.changed_days: set[datetime] = set()
        """The first moments of days that were shown as they were before their last change; see ``as_last_counted``."""

    def as_last_counted(self) -> Figures:
        """Return the same for one page: a day whose first change is less than a minute old is shown as it was counted.

        A worker counts it anew meanwhile. ``changed_days`` of what is returned names those days, and the page says so.
        A day that has waited for longer, as without a worker, is counted session by session.
        """
        of_page = copy(self)
        of_page._as_last_counted_for = AS_LAST_COUNTED_FOR
        of_page.changed_days = set()
        return of_page

    @asynccontextmanager
    async def one_look(self) -> AsyncIterator[Figures]:
        """Return the same with one connection and one look at the database for all that is asked inside.

        So the figures of a page belong together; which days were counted is asked once, and sessions that no counted
        day covers are found once. One that takes too long raises UnavailableError, and the next can be asked.
        """
        of_look = copy(self)
        of_look._days_seen = {}
        of_look._sessions_seen = {}
        async with self._adding() as connection:
            of_look._look = connection
            yield of_look

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Connection]:
        """Lend a connection that can only read, and only for a while."""
        if self._look is not None:
            # A savepoint: a statement that is given up takes nothing else along.
            with unavailable_on_outage():
                async with self._look.transaction():
                    yield self._look
            return

        with unavailable_on_outage():
            async with (
                self.turns,
                self._pool.acquire(timeout=ACQUIRE_WITHIN_S) as connection,
                # One look at all: what is counted already and what is counted now must not overlap.
                connection.transaction(isolation="repeatable_read", readonly=True),
            ):
                await connection.execute(limited(self._within_s))
                yield connection

    @asynccontextmanager
    async def _adding(self) -> AsyncIterator[Connection]:
        """Lend the same for what is added up from days and pieces."""
        async with self.reading() as connection:
            if self._look is None:
                await connection.execute(ONE_PLAN)
            yield connection

    async def _rows(self, statement: str, *values: Any) -> list[asyncpg.Record]:
        async with self.reading() as connection:
            return await connection.fetch(statement, *values)

    async def _sums(self, figure: Figure, since: datetime, until: datetime) -> Sums:
        """Return a figure of a range: the days that were counted before, and the rest counted now."""
        async with self._adding() as connection:
            return await self._added(connection, figure, (since, until))

    async def _added(
        self, connection: Connection, figure: Figure, span: Span, *, by_week: bool = False
    ) -> Sums:
        zone, is_of_readings = self._time_zone, figure in OF_READINGS
        days = await self._counted(connection, zone, span)
        counted = days.within(span, is_of_readings)
        if not counted and not by_week:
            # Another owner's days add up alike; weeks begin on the Monday of one's own.
            zone = await connection.fetchval(ZONES, self._mode)
            if zone:
                days = await self._counted(connection, zone, span)
                counted = days.within(span, is_of_readings)
        used, missing = gaps(span, counted)

        sums = Sums()
        if used:
            first = [since for since, _ in used]
            self.changed_days |= days.changed(is_of_readings).intersection(first)
            add_up = _ADD_UP_WEEKS[figure] if by_week else _ADD_UP.get(figure, ADD_UP)
            for row in await connection.fetch(add_up, self._mode, zone, figure, first):
                sums.add(row["key"], row["day"], row["numbers"])
        loop = asyncio.get_running_loop()
        give_up_at = loop.time() + self._within_s
        for piece in missing:
            # Each piece has its limit, and all of them together have the same.
            if loop.time() > give_up_at:
                raise UnavailableError("a figure takes too long")
            for key, day, numbers in await self._of_piece(connection, figure, piece, by_week):
                sums.add(key, day, numbers)
        return sums

    async def _counted(self, connection: Connection, zone: str, span: Span) -> _Days:
        """Return the counted days of a range; in one look all of them, asked for once."""
        if zone in self._days_seen:
            return self._days_seen[zone]

        asked = span if self._look is None else _EVER
        days = _Days(
            await connection.fetch(COUNTED, self._mode, zone, *asked, self._as_last_counted_for)
        )
        if self._look is not None:
            self._days_seen[zone] = days
        return days

    async def _of_piece(
        self, connection: Connection, figure: Figure, piece: Span, by_week: bool
    ) -> Sequence[_Row]:
        """Count a piece that no counted day covers, session by session."""
        since, until = piece
        is_short = until - since <= _SHORT
        if is_short and self._look is not None and figure in _OF_SESSIONS:
            if by_week:
                return await self._weeks_of_piece(connection, figure, piece)
            return (await self._sessions_of(connection, piece)).get(figure, ())

        if not is_short:
            await connection.execute(A_PLAN_EACH)
        by = By.WEEK if by_week else None
        rows = await count(connection, figure, piece, self._mode, zone=self._time_zone, by=by)
        if not is_short:
            await connection.execute(ONE_PLAN)
        return [(row["key"], row["day"], row["numbers"]) for row in rows]

    async def _weeks_of_piece(
        self, connection: Connection, figure: Figure, piece: Span
    ) -> Sequence[_Row]:
        """Count the part of each week."""
        rows: list[_Row] = []
        for monday, part in weeks_of(piece, ZoneInfo(self._time_zone)):
            for key, day, numbers in (await self._sessions_of(connection, part)).get(figure, ()):
                if figure is Figure.COUNTS:
                    rows.append((monday.isoformat(), day, numbers))
                else:
                    week = (monday - _FIRST_MONDAY).days // 7
                    rows.append((key, week, numbers[1:2]))
        return rows

    async def _sessions_of(
        self, connection: Connection, piece: Span
    ) -> Mapping[str, Sequence[_Row]]:
        """Return all that is asked of the sessions of a piece, by the figure; asked for once in a look."""
        if piece not in self._sessions_seen:
            most = MOST_KEYS * len(_OF_SESSIONS)
            found: dict[str, list[_Row]] = {}
            for row in await connection.fetch(SESSIONS, *piece, self._mode, most):
                rows = found.setdefault(row["figure"], [])
                if len(rows) < MOST_KEYS:
                    rows.append((row["key"], row["day"], row["numbers"]))
            self._sessions_seen[piece] = found
        return self._sessions_seen[piece]

    async def counts(self, since: datetime, until: datetime) -> Counts:
        """Return how many sessions there were, and how they ended."""
        sums = await self._sums(Figure.COUNTS, since, until)
        return Counts(*(sums.one() or ()))

    async def groups(self, since: datetime, until: datetime, by: By) -> Sequence[Group]:
        """Return the counts of each group, the largest first, and weeks in their order."""
        if by is By.WEEK:
            async with self._adding() as connection:
                weeks = await self._added(connection, Figure.COUNTS, (since, until), by_week=True)
            found = [
                Group(key, Counts(*numbers)) for key, _, numbers in weeks.items() if any(numbers)
            ]
            return sorted(found, key=lambda each: each.key)

        sums = await self._sums(_GROUPED[by], since, until)
        found = [Group(key, Counts(*numbers)) for key, _, numbers in sums.items()]
        return sorted(found, key=lambda each: (-each.counts.sessions, each.key))[:MOST_GROUPS]

    async def plan_weeks(self, since: datetime, until: datetime) -> Sequence[PlanWeeks]:
        """Return how many of each plan cancelled in each week, in no order."""
        async with self._adding() as connection:
            weeks = await self._added(connection, Figure.BY_PLAN, (since, until), by_week=True)

        found: dict[str, dict[str, int]] = {}
        for plan, week, (canceled,) in weeks.items():
            monday = _FIRST_MONDAY + timedelta(weeks=week)
            found.setdefault(plan, {})[monday.isoformat()] = canceled
        return [PlanWeeks(plan, canceled) for plan, canceled in found.items()]

    async def reasons(self, since: datetime, until: datetime) -> Sequence[ReasonShare]:
        """Return how often each reason was given, of the sessions that showed it."""
        sums = await self._sums(Figure.REASONS, since, until)
        # A vendor tells the answer alone: a customer who answered there saw each reason that vendors tell.
        # A worker of the release before counts no third number.
        counts = {key: (*numbers, 0)[:3] for key, _, numbers in sums.items()}
        told = sum(by_vendor for _, _, by_vendor in counts.values())
        found = [
            ReasonShare(key, Share(chosen, shown + (told if by_vendor else 0)))
            for key, (chosen, shown, by_vendor) in counts.items()
        ]
        found.sort(key=lambda each: (not each.reason, -each.chosen.part, each.reason))
        return found[:MOST_GROUPS]

    async def offers(self, since: datetime, until: datetime) -> Sequence[OfferFate]:
        """Return what became of those who saw an offer."""
        sums = await self._sums(Figure.OFFERS, since, until)
        found = [OfferFate(key, *numbers) for key, _, numbers in sums.items()]
        return sorted(found, key=lambda each: (-each.shown, each.offer))[:MOST_GROUPS]

    async def kept(self, since: datetime, until: datetime) -> Sequence[KeptOn]:
        """Return who was still there on day 30, 60 and 90: of all sessions, then by the accepted offer."""
        sums = Sums()
        async with self._adding() as connection:
            now = await connection.fetchval("SELECT now()")
            for span, days in days_that_have_come((since, until), now):
                part = await self._added(connection, Figure.KEPT, span)
                for key, day, numbers in part.items():
                    if day in days:
                        sums.add(key, day, numbers)

        found = [
            KeptOn(day, key, Share(kept, read), paused, late)
            for key, day, (kept, read, paused, late) in sums.items()
        ]
        return sorted(found, key=lambda each: (each.offer, each.day))[: 3 * MOST_GROUPS]

    async def revenue(self, since: datetime, until: datetime) -> Sequence[Revenue]:
        """Return what came in after sessions, for each currency."""
        sums = await self._sums(Figure.REVENUE, since, until)
        found = [Revenue(key, *numbers) for key, _, numbers in sums.items()]
        return sorted(found, key=lambda each: each.currency)

    async def hold_out(self, decide_on: date | None) -> HoldOut:
        """Return those who were due an offer against the hold-out, since that began.

        Args:
            decide_on: The day on which they are compared. A session of which day 30 comes later counts for nothing from
                that day on: an owner who looks again every week would find a difference sooner or later.
        """
        async with self._adding() as connection:
            bounds = await connection.fetchrow(HOLD_OUT_BEGAN, self._mode)
            assert bounds is not None  # noqa: S101 - an aggregate has one row
            began, now = bounds["began"], bounds["now"]
            arms = Sums()
            # Customers who left are read before that day, and those who stay are not.
            fixed = self._fixed(now, decide_on)
            reached = (fixed or now) - timedelta(days=_HOLD_OUT_DAY)
            if began is not None and began < reached:
                arms = await self._added(connection, Figure.HOLD_OUT, (began, reached))
            lately = now - timedelta(weeks=_PACE_WEEKS)
            due = await self._added(connection, Figure.DUE, (lately, _NO_END))
            percent = await connection.fetchval(HOLD_OUT_PERCENT, self._mode)

        (sessions,) = due.one() or (0,)
        return HoldOut(
            Share(*(arms.one("offers") or (0, 0))),
            Share(*(arms.one("none") or (0, 0))),
            percent,
            decide_on,
            sessions / _PACE_WEEKS,
            began,
            None if fixed is None else reached,
        )

    def _fixed(self, now: datetime, decide_on: date | None) -> datetime | None:
        """Return the first moment of the owner's day, None where it has not come."""
        if decide_on is None:
            return None
        # No session is older, and no calculation leaves the calendar.
        day = max(decide_on, date(1970, 1, 1))
        begins = datetime.combine(day, time(), ZoneInfo(self._time_zone)).astimezone(UTC)
        return begins if begins <= now else None

    async def left_out(self, since: datetime, until: datetime) -> dict[str, int]:
        """Return how often offers were considered and left out, by the code why."""
        sums = await self._sums(Figure.LEFT_OUT, since, until)
        found = sorted(sums.items(), key=lambda each: (-each[2][0], each[0]))
        return {code: times for code, _, (times,) in found[:MOST_GROUPS]}

    async def past_sessions(self, since: datetime, until: datetime) -> Sequence[PastSession]:
        """Return the newest past sessions with their snapshots and answers: ``MOST_SESSIONS``, and one more of more."""
        rows = await self._rows(PAST_SESSIONS, since, until, self._mode, MOST_SESSIONS + 1)
        return [_past_session(row) for row in rows]

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


_Row = tuple[str, int, Sequence[int | None]]
"""A key, the day of a reading or 0, and counts."""


class _Days:
    """Counted days, in their order: which of them are in force, and which have changed."""

    def __init__(self, rows: Sequence[asyncpg.Record]) -> None:
        in_force = [row for row in rows if row["holds"]]
        spans: list[Span] = [(row["since"], row["until"]) for row in in_force]
        of_readings: list[Span] = [
            (row["since"], row["until"]) for row in in_force if row["readings_hold"]
        ]
        self._in_force = {False: spans, True: of_readings}

        changed = {row["since"] for row in rows if row["has_changed"]}
        been_read = {row["since"] for row in rows if row["has_been_read"]}
        self._changed = {False: changed, True: changed | been_read}

    def within(self, span: Span, is_of_readings: bool) -> Sequence[Span]:
        """Return the days inside a range that are in force."""
        days, (since, until) = self._in_force[is_of_readings], span
        begin, end = bisect_left(days, since, key=_first), bisect_left(days, until, key=_first)
        return [day for day in days[begin:end] if day[1] <= until]

    def changed(self, is_of_readings: bool) -> set[datetime]:
        """Return the first moments of those that have changed since they were counted."""
        return self._changed[is_of_readings]


def _first(span: Span) -> datetime:
    return span[0]


async def count(
    connection: Connection,
    figure: Figure,
    span: Span,
    mode: Mode,
    *,
    zone: str = "UTC",
    by: By | None = None,
) -> list[asyncpg.Record]:
    """Count one figure of a range, session by session.

    Args:
        connection: Reads.
        figure: Which.
        span: The range.
        mode: Whose sessions.
        zone: Whose weeks are meant.
        by: Weeks in the place of one sum for all.
    """
    if by is By.WEEK and figure is Figure.BY_PLAN:
        return await connection.fetch(PLAN_WEEKS, *span, mode, zone, _MOST_PLAN_WEEKS)
    grouped = by or _BY.get(figure)
    if grouped is not None:
        return await connection.fetch(GROUPS, *span, mode, grouped, zone, MOST_KEYS)
    statement, is_bounded = _STATEMENTS[figure]()
    bound = (MOST_KEYS,) if is_bounded else ()
    return await connection.fetch(statement, *span, mode, *bound)


# Looked up when they are asked for, and whether the number of their keys is bounded by $4.
_STATEMENTS: Final[Mapping[Figure, Callable[[], tuple[str, bool]]]] = {
    Figure.COUNTS: lambda: (COUNTS, False),
    Figure.REASONS: lambda: (REASONS, True),
    Figure.OFFERS: lambda: (OFFERS, True),
    Figure.KEPT: lambda: (KEPT, True),
    Figure.REVENUE: lambda: (REVENUE, True),
    Figure.HOLD_OUT: lambda: (HOLD_OUT, False),
    Figure.DUE: lambda: (DUE, False),
    Figure.LEFT_OUT: lambda: (LEFT_OUT, True),
}
_GROUPED: Final = {
    By.REASON: Figure.BY_REASON,
    By.OFFER: Figure.BY_OFFER,
    By.PLAN: Figure.BY_PLAN,
    By.PLACE: Figure.BY_PLACE,
}
_BY: Final = {figure: by for by, figure in _GROUPED.items()}
# Of the sessions alone, and not of what they showed.
_OF_SESSIONS: Final = frozenset({Figure.COUNTS, *_BY})
# Those of four counts at most.
_ADD_UP: Final = dict.fromkeys(
    (
        Figure.REASONS,
        Figure.KEPT,
        Figure.REVENUE,
        Figure.HOLD_OUT,
        Figure.LEFT_OUT,
        Figure.DUE,
    ),
    ADD_UP_FEW,
)
_ADD_UP_WEEKS: Final = {Figure.COUNTS: ADD_UP_WEEKS, Figure.BY_PLAN: ADD_UP_PLAN_WEEKS}


def _past_session(row: asyncpg.Record) -> PastSession:
    """Read a past customer; a snapshot that a newer release wrote counts as none."""
    answers = json.loads(row["answers"])
    said = Answers(row["reason"], answers.get("follow_up"), answers.get("comment"))
    if row["snapshot"] is None:
        return PastSession(None, said)
    try:
        return PastSession(snapshot_from_json(json.loads(row["snapshot"])), said, row["was_asked"])
    except (UnreadableLedgerError, LookupError, TypeError, ValueError):
        return PastSession(None, said)
