"""What a customer and a worker ask of the ledger is found by an index, however long its past."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest
import pytest_asyncio
from pytest_aiohttp import AiohttpClient

from aiocancel.telemetry import ActionApplied
from aiocancel.testing.postgres import EmbeddedPostgres
from aiocancel.testing.stripe.simulator import StripeSimulator
from tests.benchmarks.fill import fill
from tests.support.query_plans import scans_of
from tests.support.saas import Events, add_customer, as_customer, make_app, make_cancel
from tests.support.waiting import until

FINISHED, WAITING = 100_000, 10_000
LARGE = {"claim", "action", "journal", "attempt", "outcome"}


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def long_past(postgres: EmbeddedPostgres, template_database: str) -> AsyncIterator[str]:
    dsn = await postgres.create_database("with_a_long_past", template=template_database)
    connection = await asyncpg.connect(dsn)
    await fill(connection, first=0, until=FINISHED, finished=True)
    await fill(connection, first=FINISHED, until=FINISHED + WAITING, finished=False)
    await connection.close()
    yield dsn
    await postgres.drop_database("with_a_long_past")


@pytest.fixture(autouse=True)
def no_telemetry(monkeypatch: pytest.MonkeyPatch) -> None:
    # It would write a file into the home directory.
    import stripe

    monkeypatch.setattr(stripe, "enable_telemetry", False)


async def test_no_statement_of_a_cancellation_reads_a_large_table_from_end_to_end(
    aiohttp_client: AiohttpClient, long_past: str, stripe_api: tuple[StripeSimulator, str]
) -> None:
    stripe, url = stripe_api
    stripe.add_subscription("sub_1")
    asked: dict[str, tuple[Any, ...]] = {}

    def note(logged: Any) -> None:
        # A statement for many rows is told with a list of their arguments.
        args = logged.args[0] if isinstance(logged.args, list) else logged.args
        asked.setdefault(logged.query, args)

    async def watch(connection: Any) -> None:
        connection.add_query_logger(note)

    events = Events()
    async with asyncpg.create_pool(long_past, min_size=1, max_size=10, init=watch) as pool:
        await add_customer(pool, "ada", "sub_1")
        client = await aiohttp_client(make_app(make_cancel(pool, url, on_event=events)))
        flow = (await (await client.get("/cancel/payload", headers=as_customer("ada"))).json())[
            "flow"
        ]
        for _ in range(2):
            # The second is found to be equal to the first.
            result = {
                "grant": flow["grant"],
                "result": {"status": "canceled", "flowSession": {"id": "sess_1"}},
            }
            response = await client.post("/cancel/result", json=result, headers=as_customer("ada"))
            assert response.status in (200, 202)
        status = (await response.json())["claim"]
        await client.get(f"/cancel/status/{status}", headers=as_customer("ada"))
        await until(lambda: bool(events.of(ActionApplied)))
        await client.close()
    ours = {query: args for query, args in asked.items() if "aiocancel." in query}
    writes = [
        query
        for query in ours
        if "INSERT INTO aiocancel.claim" in query or "UPDATE aiocancel.action" in query
    ]
    assert len(writes) >= 4
    async with asyncpg.create_pool(long_past, min_size=1, max_size=1) as pool:
        found = {
            query: await scans_of(pool, query, *args)
            for query, args in ours.items()
            if _is_explainable(query)
        }
    slow = {
        query: table
        for query, read in found.items()
        for table, way in read
        if table in LARGE and way in ("Seq Scan", "Parallel Seq Scan")
    }
    assert slow == {}
    indexed = {
        table
        for read in found.values()
        for table, way in read
        if way.startswith(("Index", "Bitmap"))
    }
    assert {"claim", "action", "attempt"} <= indexed


async def test_a_statement_that_reads_a_large_table_from_end_to_end_would_be_found(
    long_past: str,
) -> None:
    async with asyncpg.create_pool(long_past, min_size=1, max_size=1) as pool:
        read = await scans_of(
            pool, "SELECT FROM aiocancel.claim WHERE reason_text = $1", "Too dear"
        )
    assert read == {("claim", "Seq Scan")}


def _is_explainable(query: str) -> bool:
    return query.lstrip().upper().startswith(("SELECT", "INSERT", "UPDATE", "WITH", "DELETE"))
