"""A ledger, a Stripe that remembers, and workers between them, without any site around."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from aiocancel.billing.client import StripeClient, open_stripe
from aiocancel.billing.settings import StripeBilling
from aiocancel.postgres.ledger import Ledger
from aiocancel.postgres.pgqueuer import PgQueuerEngine
from aiocancel.testing.stripe.simulator import StripeSimulator
from aiocancel.worker.worker import Worker
from tests.support.saas import STRIPE_KEY, Events, Pool
from tests.support.waiting import until


def no_delay() -> float:
    """A jitter that takes the whole wait after a failure away."""
    return -1.0


@dataclass
class Bench:
    """A ledger and a Stripe account, and the workers between them."""

    pool: Pool
    stripe: StripeSimulator
    client: StripeClient
    events: Events = field(default_factory=Events)

    def worker(self, **settings: Any) -> Worker:
        ledger = settings.pop("ledger", None) or Ledger(self.pool)
        billing = settings.pop("billing", self.client)
        engine = settings.pop("engine", None) or PgQueuerEngine(self.pool, poll_every_s=0.1)
        defaults: dict[str, Any] = {
            "on_event": self.events,
            "sweep_every_s": 0.1,
            "jitter": no_delay,
        }
        return Worker(ledger, billing, engine, **defaults | settings)

    async def work(self, **settings: Any) -> None:
        """Let one worker run until nothing is left to do."""
        async with running(self.worker(**settings)):
            await self.settle()

    async def settle(self) -> None:
        # Ends a hang only: a hundred changes in turn take 20 seconds on a machine that is busy.
        await until(self.is_settled, within_s=60)

    async def is_settled(self) -> bool:
        return not await self.pool.fetchval(
            "SELECT exists(SELECT FROM aiocancel.action WHERE state IN ('waiting', 'running'))"
        )

    async def states(self) -> list[str]:
        rows = await self.pool.fetch("SELECT state, parked_code FROM aiocancel.action ORDER BY id")
        return [
            f"parked: {row['parked_code']}" if row["parked_code"] else row["state"] for row in rows
        ]

    async def entries(self) -> list[tuple[str, str | None]]:
        rows = await self.pool.fetch(
            "SELECT entry, code FROM aiocancel.journal WHERE action_id > 0 ORDER BY id"
        )
        return [(row["entry"], row["code"]) for row in rows]

    async def end_leases(self) -> None:
        await self.pool.execute(
            "UPDATE aiocancel.action SET due_at = now() WHERE state = 'running'"
        )
        # What a worker holds of the engine lasts as long.
        await self.pool.execute(
            "UPDATE aiocancel.pgqueuer SET heartbeat = now() - interval '1 minute' WHERE status = 'picked'"
        )

    def kinds(self, subscription_id: str = "sub_1") -> list[str]:
        return [effect.kind for effect in self.stripe.effects_on(subscription_id)]

    def sent(self, method: str) -> int:
        return sum(request.method == method for request in self.stripe.requests)


@contextlib.asynccontextmanager
async def running(*workers: Worker) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(worker.run()) for worker in workers]
    try:
        yield
    finally:
        await asyncio.gather(*(worker.stop(grace_s=5) for worker in workers))
        async with asyncio.timeout(5):
            await asyncio.gather(*tasks)


@contextlib.asynccontextmanager
async def client_of(url: str, **settings: Any) -> AsyncIterator[StripeClient]:
    async with open_stripe(
        StripeBilling(**{"api_key": STRIPE_KEY, "api_base": url, **settings})
    ) as client:
        yield client
