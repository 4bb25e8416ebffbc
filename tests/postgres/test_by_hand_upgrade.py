"""The tables get what operations need while the release before goes on working on them."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from typing import TypeAlias

import asyncpg
import pytest_asyncio

from aiocancel.core.actions import ActionState
from aiocancel.core.by_hand import Operation
from aiocancel.postgres.by_hand import Operations
from aiocancel.postgres.schema import migrate, migrations
from aiocancel.testing.postgres import EmbeddedPostgres

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

# What the first release writes, word for word.
CLAIM = """
INSERT INTO aiocancel.claim (public_id, grant_nonce, uses_grant, vendor, status, customer_id, subscription_id, mode,
    change, recovery_point)
VALUES (gen_random_uuid(), $1, true, 'aiocancel', 'canceled', 'ada', 'sub_1', 'test', 'cancellation',
    'actions_enqueued') RETURNING id
"""
ACTION = """
INSERT INTO aiocancel.action (claim_id, ordinal, kind, subscription_id, idempotency_key)
VALUES ($1, 0, 'cancel_at_period_end', 'sub_1', $2) RETURNING id
"""
TAKE = "UPDATE aiocancel.action SET state = 'running', lease_owner = $2, attempts = attempts + 1 WHERE id = $1"
PARK = """
UPDATE aiocancel.action SET state = 'parked', finished_at = now(), parked_code = 'card_declined', lease_owner = NULL
WHERE id = $1
"""


@pytest_asyncio.fixture(loop_scope="session")
async def first_release(postgres: EmbeddedPostgres) -> AsyncIterator[Connection]:
    name = f"first_{uuid.uuid4().hex}"
    connection = await asyncpg.connect(await postgres.create_database(name))
    await connection.execute(
        "CREATE SCHEMA aiocancel; CREATE TABLE aiocancel.schema_version "
        "(version integer PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())"
    )
    await connection.execute(migrations()[1])
    await connection.execute("INSERT INTO aiocancel.schema_version (version) VALUES (1)")
    yield connection
    await connection.close()
    await postgres.drop_database(name)


async def enqueue(connection: Connection, name: str) -> int:
    claim_id = await connection.fetchval(CLAIM, name)
    return int(await connection.fetchval(ACTION, claim_id, f"key-{name}"))


async def test_what_the_first_release_parked_can_be_retried_and_closed_after_the_upgrade(
    first_release: Connection,
) -> None:
    parked = [await enqueue(first_release, name) for name in ("one", "two")]
    for action_id in parked:
        await first_release.execute(TAKE, action_id, uuid.uuid4())
        await first_release.execute(PARK, action_id)
    assert 5 in await migrate(first_release)
    operations = Operations(first_release)

    assert [each.action_id for each in await operations.find(state=ActionState.PARKED)] == parked[
        ::-1
    ]
    assert (
        await operations.operate(Operation.CLOSE, parked[0], reason="refunded")
        is ActionState.CLOSED
    )
    assert await operations.operate(Operation.RETRY, parked[1]) is ActionState.WAITING


async def test_a_worker_of_the_first_release_goes_on_after_the_upgrade(
    first_release: Connection,
) -> None:
    before = await enqueue(first_release, "before")
    await first_release.execute(TAKE, before, uuid.uuid4())
    await migrate(first_release)
    await first_release.execute(PARK, before)
    after = await enqueue(first_release, "after")
    await first_release.execute(TAKE, after, uuid.uuid4())
    await first_release.execute(PARK, after)
    # A retried action is to it like any other, and one that was closed is parked.
    await Operations(first_release).operate(Operation.RETRY, before)
    await first_release.execute(TAKE, before, uuid.uuid4())
    await first_release.execute(PARK, before)
    await Operations(first_release).operate(Operation.CLOSE, after, reason="refunded")
    states = await first_release.fetch("SELECT state FROM aiocancel.action ORDER BY id")

    assert [row["state"] for row in states] == ["parked", "parked"]
