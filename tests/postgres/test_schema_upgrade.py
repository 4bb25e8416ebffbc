"""Upgrading from the first release: nothing is lost, and its processes may go on meanwhile."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from datetime import timedelta

import asyncpg
import pytest
import pytest_asyncio

from aiocancel.postgres.schema import migrate, migrations
from aiocancel.testing.postgres import EmbeddedPostgres
from aiocancel.testing.stripe.simulator import StripeSimulator
from tests.support.saas import Pool
from tests.support.workbench import Bench, client_of

# What a process of release 0.1.0 sends, as it was.
INSERT_CLAIM = """
INSERT INTO aiocancel.claim (public_id, grant_nonce, uses_grant, vendor, status, flow_session_id, customer_id,
    subscription_id, mode, reason_text, reason_code, offer_id, offer_type, change, answer, recovery_point)
VALUES ($1, $2, true, 'prosperstack', 'canceled', NULL, 'ada', $3, 'test', NULL, NULL, NULL, NULL, 'cancellation', NULL,
    'actions_enqueued')
RETURNING id
"""
INSERT_ACTION = """
INSERT INTO aiocancel.action (claim_id, ordinal, kind, subscription_id, reason_text, reason_code, idempotency_key,
    flow_session_id, offer)
VALUES ($1, 0, 'cancel_at_period_end', $2, NULL, NULL, $3, NULL, NULL) RETURNING id
"""
TAKE = """
WITH ready AS (
    SELECT a.id FROM aiocancel.action a
    WHERE a.state IN ('waiting', 'running') AND a.kind = ANY($4) AND a.id <> ALL($5)
      AND (a.due_at <= now() OR a.lease_owner = $2 AND a.due_at <= now() + $3::interval - $6::interval)
      AND NOT EXISTS (
          SELECT FROM aiocancel.action o
          WHERE o.lane = a.lane AND o.id <> a.id
            AND (o.state = 'running' OR o.state = 'waiting' AND a.state = 'waiting' AND o.id < a.id))
    ORDER BY a.due_at, a.id LIMIT $1
    FOR UPDATE OF a SKIP LOCKED)
UPDATE aiocancel.action a
SET state = 'running', lease_owner = $2, due_at = now() + $3::interval, attempts = attempts + 1
FROM ready, aiocancel.claim c WHERE a.id = ready.id AND c.id = a.claim_id
RETURNING a.id, a.claim_id, a.attempts, a.subscription_id
"""
FINISH = """
UPDATE aiocancel.action SET state = 'done', finished_at = now(), receipt_status = $4, receipt_ends_at = NULL,
    lease_owner = NULL
WHERE id = $1 AND lease_owner = $2 AND attempts = $3 AND state = 'running' RETURNING id
"""
APPLIED = """
UPDATE aiocancel.claim SET recovery_point = 'action_applied' WHERE id = $1 AND NOT EXISTS (
    SELECT FROM aiocancel.action WHERE claim_id = $1 AND state <> 'done' AND kind <> 'run_hooks')
"""
LEASE = timedelta(seconds=90)
KINDS = [
    "cancel_at_period_end",
    "cancel_now",
    "resume",
    "expect_cancellation",
    "verify_offer",
    "apply_offer",
]


@pytest_asyncio.fixture(loop_scope="session")
async def pool(postgres: EmbeddedPostgres) -> AsyncIterator[Pool]:
    """A database as the first release made it."""
    name = f"upgrade_{uuid.uuid4().hex}"
    dsn = await postgres.create_database(name)
    async with asyncpg.create_pool(dsn, min_size=1, max_size=10) as opened:
        await opened.execute(
            "CREATE SCHEMA aiocancel; CREATE TABLE aiocancel.schema_version "
            "(version integer PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())"
        )
        await opened.execute(migrations()[1])
        await opened.execute("INSERT INTO aiocancel.schema_version (version) VALUES (1)")
        yield opened
    await postgres.drop_database(name)


async def ask(pool: Pool, subscription_id: str) -> int:
    async with pool.acquire() as connection, connection.transaction():
        public_id = uuid.uuid4()
        claim_id = await connection.fetchval(
            INSERT_CLAIM, public_id, f"nonce-{public_id}", subscription_id
        )
        action_id = await connection.fetchval(
            INSERT_ACTION, claim_id, subscription_id, f"aiocancel-{public_id}-0-1"
        )
        await connection.execute(
            "INSERT INTO aiocancel.journal (claim_id, action_id, entry) VALUES ($1, $2, 'actions_enqueued')",
            claim_id,
            action_id,
        )

    return int(action_id)


async def take(pool: Pool, owner: uuid.UUID, limit: int = 10) -> list[asyncpg.Record]:
    async with pool.acquire() as connection, connection.transaction():
        return await connection.fetch(TAKE, limit, owner, LEASE, KINDS, [], LEASE)


async def finish(pool: Pool, owner: uuid.UUID, taken: asyncpg.Record) -> None:
    async with pool.acquire() as connection, connection.transaction():
        assert await connection.fetchval(FINISH, taken["id"], owner, taken["attempts"], "active")
        await connection.execute(APPLIED, taken["claim_id"])


async def upgrade(pool: Pool) -> None:
    async with pool.acquire() as connection:
        assert await migrate(connection) == [version for version in migrations() if version > 1]


async def test_what_the_first_release_left_behind_is_finished_by_this_one(
    pool: Pool, stripe_api: tuple[StripeSimulator, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import stripe

    monkeypatch.setattr(stripe, "enable_telemetry", False)
    simulator, url = stripe_api
    for name in ("sub_done", "sub_dead", "sub_waiting"):
        simulator.add_subscription(name)
        await ask(pool, name)
    owner = uuid.uuid4()
    done, dead = await take(pool, owner, limit=2)
    await finish(pool, owner, done)
    # Its worker died, and the lease is over.
    await pool.execute("UPDATE aiocancel.action SET due_at = now() WHERE id = $1", dead["id"])
    before = await pool.fetchrow("SELECT * FROM aiocancel.action WHERE id = $1", done["id"])
    assert before is not None
    await upgrade(pool)
    async with client_of(url) as client:
        bench = Bench(pool, simulator, client)
        await bench.work()
        assert await bench.states() == ["done"] * 3
        assert bench.kinds("sub_done") == []
        assert bench.kinds("sub_dead") == bench.kinds("sub_waiting") == ["cancel_at_period_end"]
    after = await pool.fetchrow("SELECT * FROM aiocancel.action WHERE id = $1", done["id"])
    assert after is not None
    assert {name: after[name] for name in before.keys()} == dict(before)  # noqa: SIM118 - a record's values are iterated


async def test_processes_of_the_first_release_go_on_while_the_tables_are_upgraded_and_after_it(
    pool: Pool,
) -> None:
    stop = asyncio.Event()
    asked: list[int] = []
    finished: list[int] = []

    async def site() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            asked.append(await ask(pool, f"sub_{number % 7}"))

    async def worker() -> None:
        owner = uuid.uuid4()
        while not stop.is_set() or len(finished) < len(asked):
            for taken in await take(pool, owner):
                await finish(pool, owner, taken)
                finished.append(taken["id"])
            await asyncio.sleep(0)

    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        group.create_task(site())
        group.create_task(worker())
        while len(finished) < 20:  # noqa: ASYNC110 - there is no event
            await asyncio.sleep(0.005)
        await upgrade(pool)
        so_far = len(finished)
        while len(finished) < so_far + 20:  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.005)
        stop.set()
    assert sorted(finished) == sorted(asked)
    lanes = await pool.fetch("SELECT DISTINCT lane FROM aiocancel.action")
    assert {row["lane"] for row in lanes} == {f"sub_{number}" for number in range(7)}
