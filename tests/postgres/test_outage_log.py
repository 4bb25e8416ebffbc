"""An outage of the database is one line in the log, however many met it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator

import asyncpg
import pytest
from pytest_aiohttp import AiohttpClient

from aiocancel.postgres.connection import DID_NOT_ANSWER
from aiocancel.postgres.outage_log import LOGGERS, SAID_EVERY_S, OncePerOutage
from tests.crash.stage import Server
from tests.support.saas import CREATE_TABLES, add_customer, as_customer, make_app, make_cancel
from tests.support.waiting import until


def record(name: str, message: str, error: BaseException | None = None) -> logging.LogRecord:
    exc_info = None if error is None else (type(error), error, None)
    return logging.LogRecord(name, logging.WARNING, "", 1, message, None, exc_info)


@pytest.fixture
def written() -> Iterator[list[logging.LogRecord]]:
    """What the three loggers write."""
    seen: list[logging.LogRecord] = []
    handler = logging.Handler()
    handler.emit = seen.append  # type: ignore[assignment, method-assign]
    for name in LOGGERS:
        logging.getLogger(name).addHandler(handler)
    yield seen
    for name in LOGGERS:
        logging.getLogger(name).removeHandler(handler)


async def test_a_restart_of_the_database_is_said_once_by_each_logger_and_without_a_traceback(
    aiohttp_client: AiohttpClient, written: list[logging.LogRecord]
) -> None:
    with Server() as server:
        async with server.database("restarted") as dsn:
            async with asyncpg.create_pool(dsn, min_size=1, max_size=1) as pool:
                await pool.execute(CREATE_TABLES)
                await add_customer(pool, "ada", "sub_ada")
            client = await aiohttp_client(make_app(make_cancel(dsn, migrate_on_start=True)))

            async def works() -> bool:
                return (await client.get("/cancel", headers=as_customer("ada"))).status == 200

            assert await works()
            restarting = asyncio.create_task(server.restart("immediate"))
            while not restarting.done():
                await works()
                await asyncio.sleep(0.02)
            await until(works, within_s=60)
            await client.close()

    said = [each for each in written if DID_NOT_ANSWER in each.getMessage()]
    assert [each.name for each in said] == ["aiocancel"]
    assert [each for each in written if each.exc_info] == []


def test_another_line_comes_when_it_lasts() -> None:
    now = 100.0
    quiet = OncePerOutage(clock=lambda: now)
    text = "listening starts again: the database did not answer (OSError)"
    said = []
    for now in (100.0, 100.0 + SAID_EVERY_S - 1, 100.0 + SAID_EVERY_S):  # noqa: B007 - the clock reads it
        said.append(quiet.filter(record("aiocancel", text)))

    assert said == [True, False, True]


@pytest.mark.parametrize(
    ("name", "message", "error"),
    [
        ("aiocancel", "aiocancel cannot start", None),
        ("aiocancel", "the end of an attempt at action 7 was not stored: UnavailableError", None),
        ("aiocancel", "aiocancel did not close cleanly", OSError()),
        ("asyncpg.pool", "something else", ValueError()),
        ("pgqueuer", "a line without an error", None),
    ],
)
def test_every_other_line_is_written_as_it_is(
    name: str, message: str, error: BaseException | None
) -> None:
    quiet = OncePerOutage()
    lines = [record(name, message, error) for _ in range(2)]

    assert [quiet.filter(line) for line in lines] == [True, True]
    assert [bool(line.exc_info) for line in lines] == [error is not None] * 2


def test_a_librarys_line_about_a_lost_connection_is_written_once_and_without_its_traceback() -> (
    None
):
    quiet = OncePerOutage()
    lines = [record("asyncpg.pool", "retrying", ConnectionResetError()) for _ in range(3)]

    assert [quiet.filter(line) for line in lines] == [True, False, False]
    assert lines[0].exc_info is None
