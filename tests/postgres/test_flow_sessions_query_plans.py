"""What a screen, the sweep and an acceptance ask about flow sessions is found by an index, however many there were."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest
import pytest_asyncio

from aiocancel.core.identifiers import FlowSessionId
from aiocancel.postgres.flow_sessions import Acceptance, FlowSessions, accept_shown
from aiocancel.testing.postgres import EmbeddedPostgres
from tests.benchmarks.fill import fill
from tests.support.flow_sessions import begin, move_to_offer
from tests.support.query_plans import scans_of

LARGE = {"claim", "action", "flow_session"}

PAST_SESSIONS = """
INSERT INTO aiocancel.flow_session (session_id, vendor, told_by, mode, customer_id, subscription_id, state,
    definition_version, snapshot, considered, shown, opened_at, touched_at, ended_at)
SELECT 'filled_' || n, 'own', 'own', 'test', 'filled_customer_' || n, 'filled_sub_' || n, 'abandoned', 'past',
    '{"price_minor": 2900}', '[]', '[]', at, at, at
FROM generate_series(1, 30000) n CROSS JOIN LATERAL (SELECT now() - n * interval '1 minute' AS at) t
"""


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def many_sessions(postgres: EmbeddedPostgres, template_database: str) -> AsyncIterator[str]:
    dsn = await postgres.create_database("with_many_sessions", template=template_database)
    connection = await asyncpg.connect(dsn)
    await fill(connection, first=0, until=5_000, finished=True)
    await connection.execute("INSERT INTO aiocancel.flow_definition VALUES ('past', '{}')")
    await connection.execute(PAST_SESSIONS)
    await connection.execute("VACUUM ANALYZE aiocancel.flow_session")
    await connection.close()
    yield dsn
    await postgres.drop_database("with_many_sessions")


async def test_no_statement_about_a_flow_session_reads_a_large_table_from_end_to_end(
    many_sessions: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As few beside this past as ten thousand are beside a million.
    monkeypatch.setattr("aiocancel.postgres.flow_sessions.NEWEST_CLAIMS", 100)
    asked: dict[str, tuple[Any, ...]] = {}

    async def watch(connection: Any) -> None:
        connection.add_query_logger(lambda logged: asked.setdefault(logged.query, logged.args))

    async with asyncpg.create_pool(many_sessions, min_size=1, max_size=2, init=watch) as pool:
        sessions = FlowSessions(pool)
        await sessions.look("ada", "sub_1")
        row = await begin(sessions)
        await sessions.move(row, move_to_offer(shows=[]))
        async with pool.acquire() as connection:
            yes = Acceptance(FlowSessionId("own_1"), "half_price", None, {})
            assert await accept_shown(connection, "ada", "sub_1", yes)
        await sessions.accepted("own_1")
        await sessions.canceled(row, move_to_offer(shows=[]))
        await sessions.sweep()
        await sessions.copy_vendors()
        await sessions.without_snapshot(10, with_account=True)
        await sessions.add_snapshot(1, {})
        await sessions.followed(uuid.uuid4(), "ada")
        with contextlib.suppress(asyncpg.CheckViolationError):
            await sessions.follow("own_1", "ada", "own_2", [], {})

    ours = {query: args for query, args in asked.items() if "aiocancel." in query}
    assert len(ours) == 13
    async with asyncpg.create_pool(many_sessions, min_size=1, max_size=1) as pool:
        found = {query: await scans_of(pool, query, *args) for query, args in ours.items()}
        would_be_slow = await scans_of(
            pool, "SELECT FROM aiocancel.flow_session WHERE language = $1", "en"
        )
    slow = {
        (query, table)
        for query, read in found.items()
        for table, way in read
        if table in LARGE and way in ("Seq Scan", "Parallel Seq Scan")
    }
    assert slow == set()
    assert would_be_slow == {("flow_session", "Seq Scan")}
