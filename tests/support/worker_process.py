"""A worker in a process of its own, to be killed: ``python -m tests.support.worker_process DATABASE STRIPE``."""

from __future__ import annotations

import asyncio
import sys

import asyncpg

from aiocancel.billing.client import open_stripe
from aiocancel.billing.settings import StripeBilling
from aiocancel.postgres.ledger import Ledger
from aiocancel.postgres.pgqueuer import PgQueuerEngine
from aiocancel.telemetry import log_event
from aiocancel.worker.worker import Worker
from tests.support.saas import STRIPE_KEY


async def work(database: str, stripe_url: str) -> None:
    billing = StripeBilling(api_key=STRIPE_KEY, api_base=stripe_url)
    async with (
        asyncpg.create_pool(database, min_size=1, max_size=4) as pool,
        open_stripe(billing) as client,
    ):
        # Few at a time, so that some are done, some under way and some untouched when the end comes.
        await Worker(
            Ledger(pool), client, PgQueuerEngine(pool), on_event=log_event, concurrency=3
        ).run()


if __name__ == "__main__":
    import stripe

    stripe.enable_telemetry = False
    asyncio.run(work(*sys.argv[1:]))
