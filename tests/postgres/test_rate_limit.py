"""Budgets in Postgres: the arithmetic of the core, applied to one row at a time by the database's clock."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import asyncpg
import pytest

from aiocancel.core.rate_limit import Budget, Limit, Slots, lease, limit_within, slots_of, strike
from aiocancel.errors import UnavailableError
from aiocancel.postgres.rate_limit import RateBudgets
from tests.support.saas import Pool

LIMIT = Limit(20.0)


@pytest.fixture
async def budgets(pool: Pool) -> RateBudgets:
    await pool.execute("TRUNCATE aiocancel.rate")
    return RateBudgets(pool)


async def stored(pool: Pool) -> Budget:
    row = await pool.fetchrow(
        """
        SELECT extract(epoch FROM next_at)::float8 AS next_at, slowness,
            extract(epoch FROM slowed_at)::float8 AS slowed_at FROM aiocancel.rate
        """
    )
    assert row is not None
    return Budget(**row)


async def put(
    pool: Pool, *, next_in_s: float = -1e9, slowness: float = 1.0, slowed_ago_s: float = 1e9
) -> None:
    await pool.execute(
        "INSERT INTO aiocancel.rate VALUES ('stripe', now() + make_interval(secs => $1), $2, "
        "now() - make_interval(secs => $3))",
        next_in_s,
        slowness,
        slowed_ago_s,
    )


def close(budget: Budget) -> Any:
    return pytest.approx((budget.next_at, budget.slowness, budget.slowed_at), abs=1e-4)


def values(budget: Budget) -> tuple[float, float, float]:
    return budget.next_at, budget.slowness, budget.slowed_at


STATES: list[dict[str, float]] = [
    {},
    {"next_in_s": 0.4},
    {"next_in_s": 5.0},
    {"next_in_s": 500.0},
    {"slowness": 4.0, "slowed_ago_s": 0.2},
    {"slowness": 16.0, "slowed_ago_s": 30.0, "next_in_s": 0.4},
    {"slowness": 4.0, "slowed_ago_s": -5.0},
]


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("limit", [LIMIT, Limit(1.5, burst_s=24.0)])
@pytest.mark.parametrize(("want", "horizon_s"), [(1, 0.0), (10, 1.0), (100, 7.0)])
async def test_a_lease_is_what_the_core_says(
    budgets: RateBudgets,
    pool: Pool,
    state: dict[str, float],
    limit: Limit,
    want: int,
    horizon_s: float,
) -> None:
    await put(pool, **state)
    before = await stored(pool)
    granted = await budgets.lease("stripe", limit, want=want, horizon_s=horizon_s)
    after = await stored(pool)
    # The moment in the database is the one thing not known here; the first slot tells it.
    now = await _moment(pool, before, after, granted, limit)
    expected_after, expected = lease(before, limit, now, want=want, horizon_s=horizon_s)
    assert granted.count == expected.count
    assert granted.interval_s == pytest.approx(expected.interval_s, rel=1e-3)
    assert granted.starts_in_s == pytest.approx(expected.starts_in_s, abs=1e-3)
    assert values(after) == pytest.approx(values(expected_after), abs=granted.count * 1e-3 + 1e-4)


async def _moment(pool: Pool, before: Budget, after: Budget, granted: Slots, limit: Limit) -> float:
    if granted.count:
        return after.next_at - granted.count * granted.interval_s - granted.starts_in_s
    if granted.starts_in_s == 0:
        return float(await pool.fetchval("SELECT extract(epoch FROM clock_timestamp())::float8"))
    return before.next_at - granted.starts_in_s


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("pause_s", [0.0, 3.0, 1e6])
async def test_a_strike_is_what_the_core_says(
    budgets: RateBudgets, pool: Pool, state: dict[str, float], pause_s: float
) -> None:
    await put(pool, **state)
    before = await stored(pool)
    await budgets.strike("stripe", pause_s=pause_s)
    after = await stored(pool)
    now = await pool.fetchval("SELECT extract(epoch FROM clock_timestamp())::float8")
    expected = strike(before, now, pause_s=pause_s)
    assert values(after) == pytest.approx(values(expected), abs=0.5)


async def test_a_budget_begins_with_its_first_use(budgets: RateBudgets, pool: Pool) -> None:
    granted = await budgets.lease("stripe", LIMIT, want=3, horizon_s=1.0)
    assert (granted.count, granted.starts_in_s) == (3, 0.0)
    assert await pool.fetchval("SELECT name FROM aiocancel.rate") == "stripe"


async def test_different_limits_do_not_disturb_each_other(budgets: RateBudgets) -> None:
    await budgets.strike("stripe live", pause_s=30)
    assert (await budgets.lease("stripe live", LIMIT, want=1, horizon_s=1.0)).count == 0
    assert (await budgets.lease("stripe test", LIMIT, want=1, horizon_s=1.0)).count == 1


async def test_many_processes_asking_at_once_never_get_the_same_slot(
    shared_database: str, budgets: RateBudgets
) -> None:
    limit = limit_within(100, 1.0)
    async with asyncpg.create_pool(shared_database, min_size=10, max_size=10) as other:
        started = time.monotonic()
        batches = await asyncio.gather(
            *(
                source.lease("stripe", limit, want=5, horizon_s=20.0)
                for source in [budgets, RateBudgets(other)] * 20
            )
        )
        took_s = time.monotonic() - started
    assert [batch.count for batch in batches] == [5] * 40
    # All 200 slots lie an interval apart, so the last one is far away however many asked at once.
    last = max(slots_of(batch, 0.0)[-1] for batch in batches)

    assert 199 * limit.interval_s - took_s <= last <= 199 * limit.interval_s + 0.01


async def test_an_outage_is_told(budgets: RateBudgets, shared_database: str) -> None:
    gone = asyncpg.create_pool(shared_database, min_size=1, max_size=1)
    await gone
    await gone.close()
    with pytest.raises(UnavailableError):
        await RateBudgets(gone).lease("stripe", LIMIT, want=1, horizon_s=1.0)
    with pytest.raises(UnavailableError):
        await RateBudgets(gone).strike("stripe", pause_s=1.0)
