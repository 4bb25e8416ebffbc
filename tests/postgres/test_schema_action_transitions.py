"""The ways of an action and a claim: the database refuses what the written-out table does not have."""

from __future__ import annotations

from itertools import product

import asyncpg
import pytest

from aiocancel.core.actions import ActionState
from aiocancel.core.claim import RecoveryPoint
from tests.support.claims import ask
from tests.support.saas import Pool
from tests.support.transitions import RECOVERY, TRANSITIONS, may_go, may_move

# What else a row holds in each state.
ROW = {
    ActionState.WAITING: "lease_owner = NULL, finished_at = NULL, parked_code = NULL, receipt_status = NULL",
    ActionState.RUNNING: "lease_owner = gen_random_uuid(), "
    "finished_at = NULL, parked_code = NULL, receipt_status = NULL",
    ActionState.DONE: "lease_owner = NULL, finished_at = now(), parked_code = NULL, receipt_status = 'active'",
    ActionState.PARKED: "lease_owner = NULL, finished_at = now(), parked_code = 'x', receipt_status = NULL",
    ActionState.REFUSED: "lease_owner = NULL, finished_at = now(), parked_code = 'x', receipt_status = NULL",
}


async def put(pool: Pool, state: ActionState) -> None:
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("SET LOCAL session_replication_role = replica")
        await connection.execute(f"UPDATE aiocancel.action SET state = '{state}', {ROW[state]}")


async def test_the_database_knows_exactly_the_ways_that_are_written_out(pool: Pool) -> None:
    actions = await pool.fetch("SELECT from_state, to_state FROM aiocancel.action_transition")
    assert {(row["from_state"], row["to_state"]) for row in actions} == TRANSITIONS
    claims = await pool.fetch("SELECT from_point, to_point FROM aiocancel.recovery_transition")
    assert {(row["from_point"], row["to_point"]) for row in claims} == RECOVERY


@pytest.mark.parametrize(
    ("state", "to"), [pair for pair in product(ROW, repeat=2) if pair[0] is not pair[1]]
)
async def test_an_action_goes_only_along_the_ways_that_are_written_out(
    pool: Pool, state: ActionState, to: ActionState
) -> None:
    await ask(pool)
    await put(pool, state)
    if may_go(state, to):
        await pool.execute(f"UPDATE aiocancel.action SET state = '{to}', {ROW[to]}")
    else:
        with pytest.raises(asyncpg.CheckViolationError, match=f"cannot go from {state} to {to}"):
            await pool.execute(f"UPDATE aiocancel.action SET state = '{to}', {ROW[to]}")


@pytest.mark.parametrize(
    ("point", "to"), [pair for pair in product(RecoveryPoint, repeat=2) if pair[0] is not pair[1]]
)
async def test_a_claim_never_moves_backward(
    pool: Pool, point: RecoveryPoint, to: RecoveryPoint
) -> None:
    await ask(pool)
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("SET LOCAL session_replication_role = replica")
        await connection.execute("UPDATE aiocancel.claim SET recovery_point = $1", point)
    assert may_move(point, to) == (list(RecoveryPoint).index(point) < list(RecoveryPoint).index(to))
    if may_move(point, to):
        await pool.execute("UPDATE aiocancel.claim SET recovery_point = $1", to)
    else:
        with pytest.raises(asyncpg.CheckViolationError, match="cannot go"):
            await pool.execute("UPDATE aiocancel.claim SET recovery_point = $1", to)
