"""Figures of a range of days cost what the range holds: a million sessions before it change nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from aiocancel.core.measures.definitions import DEFINITIONS
from aiocancel.postgres import kept_readings, report
from tests.support.past_sessions import BEGAN, PastSession, add_sessions, as_statement
from tests.support.query_plans import read_whole
from tests.support.saas import Pool

# As many as make a scan dear; the planner's choice depends on the share that is looked at, and not on the sum.
PAST = """
INSERT INTO aiocancel.flow_session (session_id, vendor, told_by, mode, customer_id, subscription_id, state, reasons,
    reason, shown, opened_at, ended_at)
SELECT 'past_' || n, 'prosperstack', 'vendor', 'test', 'c' || n, 'sub_' || n, 'canceled', '{}', 'other', '[]',
    $1::timestamptz - interval '2 years' + n * interval '1 minute',
    $1::timestamptz - interval '2 years' + n * interval '1 minute'
FROM generate_series(1, 20000) n
"""
PAST_PAYMENTS = """
INSERT INTO aiocancel.kept_payment (session, day, currency, invoices, paid_minor, given_minor)
SELECT session, day, 'eur', 1, 2900, 0 FROM aiocancel.kept_reading
"""
# A day has as many figures, for years.
PAST_DAYS = """
INSERT INTO aiocancel.counted_day (mode, zone, since, until)
SELECT 'test', 'UTC', $1::timestamptz - n * interval '1 day', $1::timestamptz - (n - 1) * interval '1 day'
FROM generate_series(1, 700) n
"""
PAST_FIGURES = """
INSERT INTO aiocancel.day_figure (mode, zone, figure, since, key, day, numbers)
SELECT mode, zone, figure, since, key, 0, ARRAY[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]
FROM aiocancel.counted_day, unnest(ARRAY['counts', 'kept', 'reasons', 'by_plan']) figure,
    unnest(ARRAY['a', 'b', 'c', 'd', 'e']) key
"""
SINCE, UNTIL = BEGAN - timedelta(days=1), BEGAN + timedelta(days=2)
RANGE = (SINCE, UNTIL, "test")
STATEMENTS = {
    "counts": (report.COUNTS, RANGE),
    "groups": (report.GROUPS, (*RANGE, "week", "UTC", 100)),
    "reasons": (report.REASONS, (*RANGE, 100)),
    "offers": (report.OFFERS, (*RANGE, 100)),
    "kept": (report.KEPT, (*RANGE, 100)),
    "revenue": (report.REVENUE, (*RANGE, 100)),
    "hold_out": (report.HOLD_OUT, RANGE),
    "began": (report.HOLD_OUT_BEGAN, ("test",)),
    "due": (report.DUE, RANGE),
    "percent": (report.HOLD_OUT_PERCENT, ("test",)),
    "plan weeks": (report.PLAN_WEEKS, (*RANGE, "UTC", 100)),
    "sessions": (report.SESSIONS, (*RANGE, 100)),
    "counted days": (
        report.COUNTED,
        ("test", "UTC", SINCE, UNTIL, report.AS_LAST_COUNTED_FOR),
    ),
    "sums": (report.ADD_UP, ("test", "UTC", "counts", [SINCE])),
    "sums of few": (report.ADD_UP_FEW, ("test", "UTC", "kept", [SINCE])),
    "sums of plan weeks": (report.ADD_UP_PLAN_WEEKS, ("test", "UTC", "by_plan", [SINCE])),
    "weeks": (report.ADD_UP_WEEKS, ("test", "UTC", "counts", [SINCE])),
    "left_out": (report.LEFT_OUT, (*RANGE, 100)),
    "first": (report.FIRST, ("test",)),
    # Every figure as its definition has it.
    **{f"definition of {each.key}": (as_statement(each), RANGE) for each in DEFINITIONS},
    "readings due": (
        kept_readings.TAKE,
        ("00000000-0000-0000-0000-000000000001", "test", 20, timedelta(seconds=9)),
    ),
}


async def test_no_statement_scans_all_sessions(pool: Pool) -> None:
    found: dict[str, set[str]] = {}
    async with pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        await connection.execute(PAST, BEGAN)
        await connection.execute(PAST_PAYMENTS)
        await connection.execute(PAST_DAYS, BEGAN)
        await connection.execute(PAST_FIGURES)
        await add_sessions_on(connection)
        await connection.execute(
            "ANALYZE aiocancel.flow_session, aiocancel.kept_reading, aiocancel.kept_payment, aiocancel.claim,"
            " aiocancel.day_figure, aiocancel.counted_day"
        )

        await connection.execute(report.limited(60))
        for name, (statement, values) in STATEMENTS.items():
            planned = await connection.fetchval(f"EXPLAIN (FORMAT JSON) {statement}", *values)
            found[name] = read_whole(json.loads(planned)[0]["Plan"]) & {
                "flow_session",
                "kept_reading",
                "kept_payment",
                "day_figure",
            }

        await transaction.rollback()
    assert found == {name: set() for name in STATEMENTS}


# All sessions of the past were read, and brought something.
PAST_READINGS = """
INSERT INTO aiocancel.kept_reading (session, day, read_at, state, kept, is_late)
SELECT id, 30, opened_at + interval '30 days', 'active', true, false FROM aiocancel.flow_session
WHERE session_id LIKE 'past%'
ON CONFLICT (session, day) DO UPDATE SET read_at = excluded.read_at, due_at = NULL, state = 'active', kept = true,
    is_late = false
"""


async def test_a_piece_of_a_day_and_counted_days_are_found_by_indexes_by_one_plan_for_any_values(
    pool: Pool,
) -> None:
    found: dict[str, set[str]] = {}
    async with pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        for statement in (PAST, PAST_DAYS):
            await connection.execute(statement, BEGAN)
        for statement in (PAST_READINGS, PAST_PAYMENTS, PAST_FIGURES):
            await connection.execute(statement)
        await connection.execute(
            "ANALYZE aiocancel.flow_session, aiocancel.kept_reading, aiocancel.kept_payment, aiocancel.claim,"
            " aiocancel.day_figure, aiocancel.counted_day"
        )

        await connection.execute(report.limited(60) + "; " + report.ONE_PLAN)
        for number, name in enumerate(OF_A_PAGE):
            statement, values = STATEMENTS[name]
            await connection.execute(f"PREPARE of_page_{number} AS {statement}")
            # A plan for any values, so that none is needed.
            nothing = ", ".join(["NULL"] * len(values))
            planned = await connection.fetchval(
                f"EXPLAIN (FORMAT JSON) EXECUTE of_page_{number}({nothing})"
            )
            plan = json.loads(planned)[0]["Plan"]
            found[name] = read_whole(plan) | ({"Hash Join", "Merge Join"} & set(ways(plan)))
            await connection.execute(f"DEALLOCATE of_page_{number}")

        await transaction.rollback()
    assert found == {name: set() for name in OF_A_PAGE}


OF_A_PAGE = (
    *("sessions", "counts", "groups", "reasons", "offers", "kept", "revenue", "hold_out", "due"),
    *("plan weeks", "left_out", "began", "percent", "first"),
    *("counted days", "sums", "sums of few", "weeks", "sums of plan weeks"),
)


def ways(plan: dict[str, Any]) -> Iterator[str]:
    """The kinds of a plan's steps."""
    yield plan["Node Type"]
    for inner in plan.get("Plans", ()):
        yield from ways(inner)


async def add_sessions_on(connection: Any) -> None:
    class One:
        """Lends the one connection whose transaction is rolled back."""

        def acquire(self) -> Any:
            return self

        async def __aenter__(self) -> Any:
            return connection

        async def __aexit__(self, *error: object) -> None:
            return None

    pool: Any = One()
    await add_sessions(pool, *(PastSession(n, shown=("half",)) for n in range(20)))
