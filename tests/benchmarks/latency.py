"""From an accepted claim to the start of its attempt, at rest: ``python -m tests.benchmarks.latency``.

One claim at a time, with a pause after each, over an engine that listens. The clock runs from the moment at which the
customer's commit has returned until a worker holds the action's lease.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from contextlib import suppress

import asyncpg

from aiocancel.postgres.ledger import Ledger
from aiocancel.postgres.pgqueuer import PgQueuerEngine, warm_up
from aiocancel.postgres.schema import migrate
from aiocancel.testing.postgres import EmbeddedPostgres
from tests.benchmarks.accept import decision_on, nothing
from tests.benchmarks.kit import Options, Table, read_options, report
from tests.support.claims import make_claim, make_grant

PAUSE_S = 0.05


async def measure(options: Options, dsn: str) -> Table:
    await warm_up()
    async with asyncpg.create_pool(dsn, min_size=4, max_size=6, reset=nothing) as pool:
        async with pool.acquire() as connection:
            await migrate(connection)
        ledger, engine, owner = Ledger(pool), PgQueuerEngine(pool), uuid.uuid4()
        begun = asyncio.Event()

        async def look(action_id: int) -> bool:
            if await ledger.take(owner, [action_id], lease_s=90):
                begun.set()
            return True

        working = asyncio.create_task(engine.run(look, concurrency=10))
        await asyncio.sleep(1)
        stored_s, begun_s = [], []
        for number in range(options.sized(300, 5)):
            claim, grant = make_claim(), make_grant(f"sub_{number}", nonce=uuid.uuid4().hex)
            begun.clear()
            started = time.perf_counter()
            await ledger.accept(claim, grant, decision_on(claim, grant), verified=True)
            stored = time.perf_counter()
            await begun.wait()
            begun_s.append(time.perf_counter() - stored)
            stored_s.append(stored - started)
            await asyncio.sleep(PAUSE_S)

        engine.stop(within_s=1)
        with suppress(asyncio.CancelledError):
            await working

    table = Table("at rest, one claim at a time: ms", ["from", "p50", "p90", "p99"])
    for name, took_s in (
        ("the post to its commit", stored_s),
        ("the commit to the start of its attempt", begun_s),
    ):
        ordered = sorted(took_s)
        table.add(name, *(ordered[int(len(ordered) * share)] * 1000 for share in (0.5, 0.9, 0.99)))
    return table


def main() -> None:
    options = read_options(__doc__ or "", rounds=1)

    with EmbeddedPostgres() as server:
        dsn = asyncio.run(server.create_database("latency"))
        table = asyncio.run(measure(options, dsn))

    report(options, [table], counts={})


if __name__ == "__main__":
    main()
