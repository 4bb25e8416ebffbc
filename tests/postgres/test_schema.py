"""The tables of aiocancel: made once by the first process, checked at start, and strict about what they hold."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator

import asyncpg
import pytest
import pytest_asyncio

from aiocancel.errors import SchemaError
from aiocancel.postgres.schema import check_schema, migrate, migrations
from aiocancel.testing.postgres import EmbeddedPostgres
from tests.support.claims import ask
from tests.support.saas import Pool

NEWEST = max(migrations())


@pytest_asyncio.fixture(loop_scope="session")
async def empty_database(postgres: EmbeddedPostgres) -> AsyncIterator[str]:
    name = f"empty_{uuid.uuid4().hex}"
    yield await postgres.create_database(name)
    await postgres.drop_database(name)


@pytest_asyncio.fixture(loop_scope="session")
async def empty(empty_database: str) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
    connection = await asyncpg.connect(empty_database)
    yield connection
    await connection.close()


async def test_migrating_an_empty_database_makes_every_table(
    empty: asyncpg.Connection[asyncpg.Record],
) -> None:
    assert await migrate(empty) == list(migrations())
    await check_schema(empty)
    tables = await empty.fetch(
        "SELECT tablename FROM pg_tables WHERE schemaname = 'aiocancel' ORDER BY 1"
    )

    assert [row["tablename"] for row in tables] == [
        "acknowledgement",
        "action",
        "action_transition",
        "attempt",
        "claim",
        "counted_day",
        "day_figure",
        "doorbell",
        "event_cursor",
        "evidence_chain",
        "evidence_content",
        "evidence_due",
        "evidence_kept",
        "evidence_link",
        "flow_definition",
        "flow_session",
        "flow_session_transition",
        "flow_words",
        "journal",
        "kept_payment",
        "kept_reading",
        "outcome",
        "pgqueuer",
        "pgqueuer_log",
        "pgqueuer_schedules",
        "pgqueuer_statistics",
        "rate",
        "recount",
        "recovery_transition",
        "schema_version",
        "stripe_cursor",
        "stripe_event",
        "subscription_news",
    ]


async def test_migrating_again_changes_nothing(empty: asyncpg.Connection[asyncpg.Record]) -> None:
    await migrate(empty)
    assert await migrate(empty) == []
    assert await empty.fetchval("SELECT count(*) FROM aiocancel.schema_version") == len(
        migrations()
    )


@pytest.mark.parametrize("isolation", ["read committed", "repeatable read", "serializable"])
async def test_of_eight_processes_that_migrate_at_once_one_does_the_work(
    empty_database: str, isolation: str
) -> None:
    async def run() -> list[int]:
        connection = await asyncpg.connect(
            empty_database, server_settings={"default_transaction_isolation": isolation}
        )
        try:
            return await migrate(connection)
        finally:
            await connection.close()

    applied = await asyncio.gather(*(run() for _ in range(8)))
    assert sorted(applied) == [[]] * 7 + [list(migrations())]


async def test_a_migration_that_fails_leaves_nothing_behind(
    empty: asyncpg.Connection[asyncpg.Record],
) -> None:
    await empty.execute("CREATE SCHEMA aiocancel; CREATE TABLE aiocancel.journal (id bigint)")
    with pytest.raises(asyncpg.DuplicateTableError):
        await migrate(empty)
    assert await empty.fetchval("SELECT to_regclass('aiocancel.claim')") is None
    await empty.execute("DROP TABLE aiocancel.journal")
    assert await migrate(empty) == list(migrations())


async def test_missing_tables_are_reported_with_the_command_that_makes_them(
    empty: asyncpg.Connection[asyncpg.Record],
) -> None:
    with pytest.raises(SchemaError, match="aiocancel migrate"):
        await check_schema(empty)


async def test_tables_of_a_newer_release_are_neither_used_nor_touched(
    empty: asyncpg.Connection[asyncpg.Record],
) -> None:
    await migrate(empty)
    await empty.execute("INSERT INTO aiocancel.schema_version (version) VALUES ($1)", NEWEST + 1)
    with pytest.raises(SchemaError, match="newer than this release"):
        await check_schema(empty)
    with pytest.raises(SchemaError, match="newer than this release"):
        await migrate(empty)


async def test_tables_of_an_older_release_are_not_used(
    empty: asyncpg.Connection[asyncpg.Record],
) -> None:
    await migrate(empty)
    await empty.execute("DELETE FROM aiocancel.schema_version")
    with pytest.raises(SchemaError, match="aiocancel migrate"):
        await check_schema(empty)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE aiocancel.journal SET entry = 'other'",
        "DELETE FROM aiocancel.journal",
        "TRUNCATE aiocancel.journal",
        "TRUNCATE aiocancel.claim CASCADE",
    ],
)
async def test_the_journal_only_grows(pool: Pool, statement: str) -> None:
    await ask(pool)
    before = await pool.fetch("SELECT * FROM aiocancel.journal")
    with pytest.raises(asyncpg.RaiseError, match="append-only"):
        await pool.execute(statement)
    assert before == await pool.fetch("SELECT * FROM aiocancel.journal")
    assert before


@pytest.mark.parametrize(
    "assignments",
    [
        "state = 'running'",
        "lease_owner = gen_random_uuid()",
        "state = 'done', finished_at = now()",
        "state = 'done', receipt_status = 'canceled'",
        "state = 'parked', finished_at = now()",
        "state = 'parked', parked_code = 'x'",
        "finished_at = now()",
        "parked_code = 'x'",
        "receipt_status = 'active'",
        "state = 'lost'",
    ],
)
async def test_an_action_in_an_impossible_state_cannot_be_stored(
    pool: Pool, assignments: str
) -> None:
    await ask(pool)
    with pytest.raises(asyncpg.CheckViolationError):
        await pool.execute(f"UPDATE aiocancel.action SET {assignments}")


async def test_rows_from_before_an_upgrade_and_inserts_of_an_earlier_release_keep_their_lanes(
    empty: asyncpg.Connection[asyncpg.Record],
) -> None:
    insert = """
        WITH c AS (
            INSERT INTO aiocancel.claim (public_id, grant_nonce, uses_grant, vendor, status, customer_id,
                subscription_id, mode, change, recovery_point)
            VALUES (gen_random_uuid(), gen_random_uuid(), true, 'prosperstack', 'canceled', 'ada', 'sub_1', 'test',
                'cancellation', 'actions_enqueued') RETURNING id)
        INSERT INTO aiocancel.action (claim_id, ordinal, kind, subscription_id, idempotency_key)
        SELECT id, 0, $1, 'sub_1', gen_random_uuid() FROM c
    """
    before, *after = migrations().values()
    await empty.execute("CREATE SCHEMA aiocancel")
    await empty.execute(before)
    kinds = ["cancel_now", "expect_cancellation", "run_hooks"]
    for kind in kinds:
        await empty.execute(insert, kind)
    for sql in after:
        await empty.execute(sql)
    for kind in [*kinds, "expect_offer"]:
        await empty.execute(insert, kind)
    lanes = await empty.fetch("SELECT lane FROM aiocancel.action ORDER BY id")

    assert [row["lane"] for row in lanes] == ["sub_1", None, None, "sub_1", None, None, None]


async def test_two_actions_of_one_subscription_cannot_both_be_marked_running(pool: Pool) -> None:
    await ask(pool)
    await ask(pool)
    with pytest.raises(asyncpg.UniqueViolationError, match="action_one_running"):
        await pool.execute(
            "UPDATE aiocancel.action SET state = 'running', lease_owner = gen_random_uuid()"
        )


async def test_an_idempotency_key_belongs_to_one_action(pool: Pool) -> None:
    await ask(pool, "sub_1")
    await ask(pool, "sub_2")
    with pytest.raises(asyncpg.UniqueViolationError, match="idempotency_key"):
        await pool.execute("UPDATE aiocancel.action SET idempotency_key = 'same'")


@pytest.mark.parametrize(
    ("assignments", "constraint"),
    [("mode = 'staging'", "mode"), ("recovery_point = 'later'", "cannot go")],
)
async def test_a_claim_holds_only_words_that_exist(
    pool: Pool, assignments: str, constraint: str
) -> None:
    await ask(pool)
    with pytest.raises(asyncpg.CheckViolationError, match=constraint):
        await pool.execute(f"UPDATE aiocancel.claim SET {assignments}")
