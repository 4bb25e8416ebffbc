"""New actions come with their jobs, and each attempt at one has a job of its own."""

from __future__ import annotations

import uuid

from aiocancel.core.actions import Receipt
from aiocancel.core.codes import ForeignCode
from aiocancel.postgres.ledger import Ledger
from tests.support.claims import ask
from tests.support.saas import Pool

ONE = uuid.UUID(int=1)


async def test_a_hook_that_failed_has_a_job_for_its_second_attempt(pool: Pool) -> None:
    ledger = Ledger(pool, hooks=True)
    (taken,) = await ledger.take(ONE, [await ask(pool)], lease_s=90)
    assert await ledger.finish(taken, Receipt("active", None))
    hook = await pool.fetchval("SELECT id FROM aiocancel.action WHERE kind = 'run_hooks'")

    (run,) = await ledger.take(ONE, [hook], lease_s=90)
    assert await ledger.hand_back(run, delay_s=0, code=ForeignCode.of_error(TimeoutError()))

    jobs = await pool.fetch(
        "SELECT dedupe_key FROM aiocancel.pgqueuer WHERE dedupe_key LIKE $1 ORDER BY id",
        f"{hook}:%",
    )
    assert [job["dedupe_key"] for job in jobs] == [f"{hook}:0:calls", f"{hook}:1:calls"]
