"""Leases: a worker keeps only its own, and two workers that meet lose nothing."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from datetime import datetime

import asyncpg
import pytest

from aiocancel.postgres.leasing import Leasing, TakenAction
from aiocancel.postgres.ledger import Ledger
from tests.support.claims import ask
from tests.support.saas import Pool

ONE, TWO = uuid.UUID(int=1), uuid.UUID(int=2)
LEASE_S = 90.0


async def due_at(pool: Pool, action_id: int) -> datetime:
    found = await pool.fetchval("SELECT due_at FROM aiocancel.action WHERE id = $1", action_id)
    assert isinstance(found, datetime)
    return found


async def test_a_lease_that_another_worker_has_by_now_is_not_lengthened(
    ledger: Ledger, pool: Pool
) -> None:
    action_id = await ask(pool)
    await ledger.take(ONE, [action_id], lease_s=LEASE_S)
    await pool.execute("UPDATE aiocancel.action SET due_at = now()")
    await ledger.take(TWO, [action_id], lease_s=LEASE_S)
    ends = await due_at(pool, action_id)

    assert await ledger.renew(ONE, [action_id], lease_s=10 * LEASE_S) == []

    assert await due_at(pool, action_id) == ends
    assert await ledger.renew(TWO, [action_id], lease_s=10 * LEASE_S) == [action_id]


async def test_a_lease_that_is_not_named_is_not_lengthened(ledger: Ledger, pool: Pool) -> None:
    named, other = await ask(pool), await ask(pool, "sub_2")
    await ledger.take(ONE, [named, other], lease_s=LEASE_S)
    ends = await due_at(pool, other)

    assert await ledger.renew(ONE, [named], lease_s=10 * LEASE_S) == [named]

    assert await due_at(pool, other) == ends
    assert await due_at(pool, named) > ends


async def test_an_action_that_waits_has_no_lease_to_lengthen(ledger: Ledger, pool: Pool) -> None:
    action_id = await ask(pool)
    (taken,) = await ledger.take(ONE, [action_id], lease_s=LEASE_S)
    assert await ledger.hand_back(taken, delay_s=0, code=None)
    due = await due_at(pool, action_id)

    assert await ledger.renew(ONE, [action_id], lease_s=LEASE_S) == []

    assert await due_at(pool, action_id) == due


async def test_actions_that_are_leased_one_by_one_after_two_workers_met_are_all_returned(
    ledger: Ledger, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = [await ask(pool), await ask(pool, "sub_2")]
    whole = Leasing._take

    async def meets_another_worker(
        self: Leasing, owner: uuid.UUID, action_ids: Collection[int], lease_s: float
    ) -> list[TakenAction]:
        if len(action_ids) > 1:
            raise asyncpg.UniqueViolationError("action_one_running")
        return await whole(self, owner, action_ids, lease_s)

    monkeypatch.setattr(Leasing, "_take", meets_another_worker)

    taken = await ledger.take(ONE, asked, lease_s=LEASE_S)

    assert [each.action_id for each in taken] == asked
