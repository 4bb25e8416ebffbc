"""Actions as a worker takes them, and their rows."""

from __future__ import annotations

import uuid
from typing import Any

from aiocancel.postgres.leasing import TakenAction
from aiocancel.postgres.ledger import Ledger
from tests.support.saas import Pool

LEASE_S = 90.0
ONE, OTHER = uuid.UUID(int=1), uuid.UUID(int=2)


async def take(ledger: Ledger, owner: uuid.UUID = ONE) -> list[TakenAction]:
    """Ask for everything that is not finished."""
    rows = await ledger.pool.fetch(
        "SELECT id FROM aiocancel.action WHERE state IN ('waiting', 'running')"
    )
    taken = await ledger.take(owner, [row["id"] for row in rows], lease_s=LEASE_S)
    return sorted(taken, key=lambda action: action.action_id)


async def take_one(ledger: Ledger, owner: uuid.UUID = ONE) -> TakenAction:
    (taken,) = await take(ledger, owner)
    return taken


async def end_leases(pool: Pool) -> None:
    await pool.execute(
        "UPDATE aiocancel.action SET due_at = now() - interval '1 second' WHERE state = 'running'"
    )


async def row_of(pool: Pool, action_id: int) -> dict[str, Any]:
    row = await pool.fetchrow("SELECT * FROM aiocancel.action WHERE id = $1", action_id)
    assert row is not None
    return dict(row)


async def entries(pool: Pool) -> list[tuple[str, str | None]]:
    return [
        (row["entry"], row["code"])
        for row in await pool.fetch("SELECT * FROM aiocancel.journal ORDER BY id")
    ]
