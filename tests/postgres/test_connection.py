"""What a database that is not there raises is an outage; what a mistake raises is not."""

from __future__ import annotations

import asyncio
import time

import asyncpg
import pytest

from aiocancel.errors import UnavailableError
from aiocancel.postgres.connection import LedgerConnection, unavailable_on_outage, within
from tests.support.saas import Pool


@pytest.mark.parametrize(
    "error",
    [
        ConnectionRefusedError(),
        TimeoutError(),
        asyncpg.InterfaceError("pool is closing"),
        asyncpg.AdminShutdownError("terminating connection"),
        asyncpg.CannotConnectNowError("the database system is starting up"),
        asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation"),
        asyncpg.TooManyConnectionsError("sorry, too many clients already"),
        asyncpg.DeadlockDetectedError("deadlock detected"),
        asyncpg.LockNotAvailableError("canceling statement due to lock timeout"),
        asyncpg.IdleInTransactionSessionTimeoutError("terminating connection"),
        asyncpg.PostgresIOError("could not write"),
        asyncpg.ProgramLimitExceededError("too much"),
        asyncpg.InternalServerError("cache lookup failed"),
        asyncpg.FeatureNotSupportedError("cannot"),
        asyncpg.InsufficientPrivilegeError("permission denied"),
        asyncpg.InvalidAuthorizationSpecificationError("role is not permitted to log in"),
        # The driver, when the server's farewell arrives between a question and its answer.
        asyncpg.InternalClientError(
            "cannot switch to state 15; another operation (2) is in progress"
        ),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_database_that_goes_away_is_an_outage(error: Exception) -> None:
    with pytest.raises(UnavailableError, match=type(error).__name__), unavailable_on_outage():
        raise error


@pytest.mark.parametrize(
    "error", [asyncpg.UndefinedTableError("no such table"), KeyError("a mistake")]
)
def test_a_mistake_is_no_outage(error: Exception) -> None:
    with pytest.raises(type(error)), unavailable_on_outage():
        raise error


async def test_work_that_is_late_is_left_behind_at_the_deadline_however_long_it_takes_to_stop() -> (
    None
):
    stopped = asyncio.Event()

    async def falls_silent() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0.3)
            stopped.set()

    started = time.monotonic()
    with pytest.raises(TimeoutError):
        await within(0.05, falls_silent())

    assert time.monotonic() - started < 0.3
    assert not stopped.is_set()
    async with asyncio.timeout(10):
        await stopped.wait()


async def test_work_in_time_gives_its_result_or_its_error() -> None:
    async def answers() -> int:
        return 7

    async def fails() -> int:
        raise KeyError("a mistake")

    assert await within(5, answers()) == 7
    with pytest.raises(KeyError):
        await within(5, fails())


BUSY = (
    "SELECT count(*) FROM pg_stat_activity "
    "WHERE datname = current_database() AND query LIKE 'SELECT pg_sleep%' AND state = 'active'"
)


async def test_a_ledger_with_a_bound_leaves_connections_to_others_however_much_it_is_asked(
    pool: Pool,
) -> None:
    ledger = LedgerConnection(pool, most_at_once=2)
    asked = [asyncio.create_task(ledger.at_once("SELECT pg_sleep(0.2)")) for _ in range(20)]
    busy = 0

    while not all(each.done() for each in asked):
        busy = max(busy, await pool.fetchval(BUSY))

    assert busy == 2
    async with asyncio.timeout(30):
        await asyncio.gather(*asked)
