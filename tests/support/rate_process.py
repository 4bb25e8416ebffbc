"""A process that reads one subscription again and again.

``python -m tests.support.rate_process DATABASE STRIPE REQUESTS``
"""

from __future__ import annotations

import asyncio
import sys

import asyncpg

from aiocancel.billing.client import open_stripe
from aiocancel.billing.settings import StripeBilling
from aiocancel.core.identifiers import SubscriptionId
from aiocancel.postgres.rate_limit import RateBudgets
from tests.support.saas import STRIPE_KEY

AT_A_TIME = 5


async def ask(database: str, stripe_url: str, requests: int, per_s: float) -> None:
    billing = StripeBilling(api_key=STRIPE_KEY, api_base=stripe_url, max_requests_per_s=per_s)
    async with (
        asyncpg.create_pool(database, min_size=1, max_size=2) as pool,
        open_stripe(billing, slots=RateBudgets(pool)) as client,
    ):

        async def caller() -> None:
            for _ in range(requests // AT_A_TIME):
                await client.read(SubscriptionId("sub_1"))

        await asyncio.gather(*(caller() for _ in range(AT_A_TIME)))


if __name__ == "__main__":
    import stripe

    stripe.enable_telemetry = False
    asyncio.run(ask(sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4])))
