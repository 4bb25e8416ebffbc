"""A plain cancellation beside a flow vendor that hangs: ``python -m tests.benchmarks.hanging_vendor``.

One worker with its default places, a simulated Stripe, and 300 accepted offers whose flow vendor never answers. Each
round measures one cancellation, from its recording to its end; the ratio is that of
the medians.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack
from statistics import median
from typing import NoReturn

import asyncpg

from aiocancel.core.decision import Policy
from aiocancel.core.flow_session import FlowSession
from aiocancel.postgres.ledger import Ledger
from aiocancel.postgres.pgqueuer import PgQueuerEngine
from aiocancel.postgres.schema import migrate
from aiocancel.testing.postgres import EmbeddedPostgres
from aiocancel.testing.stripe.simulator import StripeSimulator
from aiocancel.worker.confirm_offers import Offers
from aiocancel.worker.worker import Worker
from tests.benchmarks.kit import Options, Table, read_options, report
from tests.support.claims import ask
from tests.support.saas import Pool
from tests.support.waiting import until
from tests.support.workbench import client_of, running

WAITING = 300
VERIFIES = Policy(verifies_offers=True)


class HangingVendor:
    """Takes questions and answers none."""

    def __init__(self) -> None:
        self.asked = 0

    async def flow_session(self, _: object) -> NoReturn:
        self.asked += 1
        await asyncio.sleep(3600)
        raise AssertionError

    async def event(self, _: object) -> NoReturn:
        raise AssertionError

    async def events_after(self, _: object, *, limit: int) -> NoReturn:
        raise AssertionError

    async def tells_of(self, _: FlowSession) -> bool:
        return True


async def cancels_in_s(pool: Pool, stripe: StripeSimulator, name: str) -> float:
    stripe.add_subscription(name)
    began = time.perf_counter()
    action_id = await ask(pool, name)

    async def is_done() -> bool:
        state = await pool.fetchval("SELECT state FROM aiocancel.action WHERE id = $1", action_id)
        return bool(state == "done")

    await until(is_done, within_s=120)
    return time.perf_counter() - began


async def measure(options: Options, dsn: str) -> dict[str, list[float]]:
    stripe, vendor = StripeSimulator(), HangingVendor()
    async with AsyncExitStack() as stack:
        pool = await stack.enter_async_context(asyncpg.create_pool(dsn, min_size=1, max_size=10))
        async with pool.acquire() as connection:
            await migrate(connection)
        url = await stack.enter_async_context(stripe.serve())
        client = await stack.enter_async_context(client_of(url))
        worker = Worker(
            Ledger(pool),
            client,
            PgQueuerEngine(pool),
            offers=Offers(Ledger(pool), verifier=vendor, policy=VERIFIES),
            on_event=lambda _: None,
        )
        await stack.enter_async_context(running(worker))

        await cancels_in_s(pool, stripe, "sub_warm")
        quiet = [
            await cancels_in_s(pool, stripe, f"sub_quiet_{turn}") for turn in range(options.rounds)
        ]
        for number in range(options.sized(WAITING, 20)):
            session = f"sess_{number}"
            await ask(pool, f"sub_offer_{number}", "saved", VERIFIES, session=session)
        await until(lambda: vendor.asked >= 10)
        behind = [
            await cancels_in_s(pool, stripe, f"sub_behind_{turn}") for turn in range(options.rounds)
        ]
    return {"quiet": quiet, "vendor hangs": behind}


def main() -> None:
    options = read_options(__doc__ or "")
    with EmbeddedPostgres(max_connections=50) as server:
        dsn = asyncio.run(server.create_database("benchmark"))
        measured = asyncio.run(measure(options, dsn))

    table = Table(
        "A plain cancellation, from its recording to its end",
        ("", "median ms", "worst ms", "ratio of medians"),
    )
    quiet = median(measured["quiet"])
    for name, times in measured.items():
        table.add(name, median(times) * 1e3, max(times) * 1e3, median(times) / quiet)
    report(options, [table], counts={"cancellations carried out": 2 * options.rounds})


if __name__ == "__main__":
    main()
