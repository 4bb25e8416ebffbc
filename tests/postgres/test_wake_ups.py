"""An accepted action gets its job right after the commit, together with its neighbours', and is found without one."""

from __future__ import annotations

import asyncio
import logging
import uuid
from typing import Any

import asyncpg
import pytest

from aiocancel.core.decision import decide, verify_own_choice
from aiocancel.postgres.connection import LedgerConnection
from aiocancel.postgres.ledger import Ledger
from aiocancel.postgres.wake_ups import WakeUps
from tests.support.claims import AT_PERIOD_END, ask, make_claim, make_grant
from tests.support.saas import Pool

ONE = uuid.UUID(int=1)


async def accept(ledger: Ledger, subscription_id: str = "sub_1") -> None:
    claim, grant = make_claim(), make_grant(subscription_id)
    outcome = verify_own_choice(claim, grant)
    assert outcome is not None
    await ledger.accept(claim, grant, decide(outcome, AT_PERIOD_END), verified=True)


async def jobs(pool: Pool) -> int:
    return int(await pool.fetchval("SELECT count(*) FROM aiocancel.pgqueuer"))


async def test_the_commit_of_a_claim_rings_for_nobody(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A process that dies after the commit.
    monkeypatch.setattr(WakeUps, "soon", lambda *_: None)
    rung = asyncio.Event()
    async with pool.acquire() as listening:
        await listening.add_listener("aiocancel_jobs", lambda *_: rung.set())
        ledger = Ledger(pool)

        await accept(ledger)
        # Whatever it had rung for would be heard by now.
        await listening.execute("SELECT 1")

        assert not rung.is_set()
        assert await jobs(pool) == 0
        await listening.reset()


async def test_an_accepted_claim_has_its_job_right_after_its_commit(pool: Pool) -> None:
    ledger = Ledger(pool)

    await accept(ledger)
    await ledger.wake_ups.given()

    row = await pool.fetchrow(
        "SELECT q.dedupe_key, q.execute_after <= now() AS is_due, a.id FROM aiocancel.pgqueuer q, aiocancel.action a"
    )
    assert row is not None
    assert (row["dedupe_key"], row["is_due"]) == (f"{row['id']}:0", True)


async def test_claims_in_a_rush_are_woken_for_together(pool: Pool) -> None:
    rings: list[None] = []
    async with pool.acquire() as listening:
        await listening.add_listener("aiocancel_jobs", lambda *_: rings.append(None))
        ledger = Ledger(pool)

        await asyncio.gather(*(accept(ledger, f"sub_{number}") for number in range(60)))
        await ledger.wake_ups.given()
        await listening.execute("SELECT 1")

        assert await jobs(pool) == 60
        assert 1 <= len(rings) <= 30
        await listening.reset()


async def test_a_claim_whose_process_died_before_its_job_is_found_by_the_search(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(WakeUps, "soon", lambda *_: None)
    await accept(Ledger(pool))

    found = await Ledger(pool).sweep(ONE, overdue_s=0)

    assert (found, await jobs(pool)) == (1, 1)


async def test_two_hundred_that_wait_for_places_do_not_hide_one_without_a_job(pool: Pool) -> None:
    ledger = Ledger(pool)
    await asyncio.gather(*(accept(ledger, f"sub_{number}") for number in range(201)))
    await ledger.wake_ups.given()
    last = await ask(pool, "sub_last")
    await pool.execute("DELETE FROM aiocancel.pgqueuer WHERE dedupe_key = $1", f"{last}:0")

    assert await ledger.sweep(ONE, overdue_s=0) == 1
    assert await jobs(pool) == 202


async def test_a_job_that_cannot_be_given_leaves_the_claim_to_the_search(
    pool: Pool, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken(LedgerConnection):
        async def at_once(self, statement: str, *values: Any) -> list[asyncpg.Record]:
            raise ZeroDivisionError

    wake_ups = WakeUps(Broken(pool))
    with caplog.at_level(logging.WARNING, "aiocancel"):
        wake_ups.soon([1, 2])
        await wake_ups.given()

    assert "2 new actions wait for the workers' search: ZeroDivisionError" in caplog.text


async def test_closing_gives_what_waits_in_the_pause_between_two_groups(pool: Pool) -> None:
    given: list[int] = []

    class Noting(LedgerConnection):
        async def at_once(self, statement: str, *values: Any) -> list[asyncpg.Record]:
            given.extend(values[0])
            return []

    wake_ups = WakeUps(Noting(pool))
    wake_ups.soon([1])
    await wake_ups.given()
    wake_ups.soon([2, 3])
    wake_ups.soon([])

    await wake_ups.close()

    assert given == [1, 2, 3]


async def test_a_job_given_late_asks_for_nothing_that_has_begun(pool: Pool) -> None:
    action_id = await ask(pool)
    await Ledger(pool).take(ONE, [action_id], lease_s=90)
    await pool.execute("DELETE FROM aiocancel.pgqueuer")

    wake_ups = WakeUps(LedgerConnection(pool))
    wake_ups.soon([action_id])
    await wake_ups.given()

    assert await jobs(pool) == 0
