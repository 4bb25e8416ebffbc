"""One way to send many cancellations to Stripe: ``python -m tests.benchmarks.execute_client KIND URL DSN``.

Each line ``{"run": …, "actions": …, "concurrency": …}`` is answered with what it took this process.
"""

from __future__ import annotations

import asyncio
import gc
import json
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, nullcontext, suppress
from typing import Any

import aiohttp
import asyncpg
import stripe
from aiohttp import web

from aiocancel.billing.settings import API_VERSION
from aiocancel.postgres.ledger import Ledger
from aiocancel.telemetry import ActionApplied, Event
from tests.benchmarks.kit import Heartbeat, heartbeat
from tests.support.claims import make_claim, make_grant, record
from tests.support.saas import STRIPE_KEY, make_cancel

stripe.enable_telemetry = False

Send = Callable[[str], Awaitable[object]]


def subscriptions(asked: dict[str, Any]) -> list[str]:
    return [f"sub_{asked['run']}_{number}" for number in range(asked["actions"])]


@asynccontextmanager
async def by_gather(kind: str, url: str, concurrency: int) -> Any:
    """What a user would write: the SDK, and nothing that survives this process."""
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0), cookie_jar=aiohttp.DummyCookieJar()
    ) as session:
        threads = ThreadPoolExecutor(max_workers=concurrency)
        if kind == "threads":
            asyncio.get_running_loop().set_default_executor(threads)
        client = stripe.StripeClient(
            STRIPE_KEY,
            stripe_version=API_VERSION,
            base_addresses={"api": url},
            http_client=None if kind == "threads" else stripe.AIOHTTPClient(session=session),
        )

        async def typed(subscription: str) -> object:
            return await client.v1.subscriptions.update_async(
                subscription, {"cancel_at_period_end": True}
            )

        async def raw(subscription: str) -> object:
            return await client.raw_request_async(
                "post", f"/v1/subscriptions/{subscription}", cancel_at_period_end=True
            )

        async def raw_read_write(subscription: str) -> object:
            await client.raw_request_async("get", f"/v1/subscriptions/{subscription}")
            return await raw(subscription)

        async def threads_(subscription: str) -> object:
            return await asyncio.to_thread(
                client.v1.subscriptions.update, subscription, {"cancel_at_period_end": True}
            )

        yield {"typed": typed, "raw": raw, "raw, read first": raw_read_write, "threads": threads_}[
            kind
        ]


async def gather(send: Send, asked: dict[str, Any]) -> None:
    left = subscriptions(asked)

    async def one_after_another() -> None:
        while left:
            await send(left.pop())

    await asyncio.gather(*(one_after_another() for _ in range(asked["concurrency"])))


class Durable:
    """The plug-in in an application that is up: the claims are in its ledger, and all become due at one moment."""

    def __init__(self, url: str, dsn: str) -> None:
        self._url = url
        self._dsn = dsn
        self._held: list[int] = []
        self._left = 0
        self._done = asyncio.Event()

    def _count(self, event: Event) -> None:
        if isinstance(event, ActionApplied):
            self._left -= 1
            if self._left == 0:
                self._done.set()

    async def accept(self, wanted: list[str], *, held: bool = False) -> None:
        async with asyncpg.create_pool(self._dsn, min_size=10, max_size=10) as pool:
            ledger, left = Ledger(pool), [*wanted]
            # The worker asks whose a subscription is: each customer here has one, named as they are.
            await pool.execute(
                "CREATE INDEX IF NOT EXISTS of_customer ON app_subscription (customer_id)"
            )
            await pool.executemany(
                "INSERT INTO app_subscription VALUES ($1, $1)", [(each,) for each in wanted]
            )

            async def client() -> None:
                while left:
                    subscription = left.pop()
                    grant = make_grant(subscription, customer_id=subscription, nonce=subscription)
                    await record(ledger, make_claim(), grant)

            await asyncio.gather(*(client() for _ in range(10)))
            if held:
                sql = "SELECT id FROM aiocancel.action WHERE subscription_id = ANY($1)"
                self._held = [row["id"] for row in await pool.fetch(sql, wanted)]
                await self._make_due("1 day")

    async def _make_due(self, after: str) -> None:
        connection = await asyncpg.connect(self._dsn)
        async with connection.transaction():
            when = f"now() + interval '{after}'"
            await connection.execute(
                f"UPDATE aiocancel.action SET due_at = {when} WHERE id = ANY($1)", self._held
            )
            await connection.execute(
                f"UPDATE aiocancel.pgqueuer SET execute_after = {when} WHERE split_part(dedupe_key, ':', 1) = ANY($1)",
                [str(action_id) for action_id in self._held],
            )
            # PgQueuer's trigger is silent about an update.
            await connection.execute("DELETE FROM aiocancel.pgqueuer WHERE false")

        await connection.close()

    @asynccontextmanager
    async def opened(self, asked: dict[str, Any]) -> AsyncIterator[None]:
        """An application that has made a change at every place before: nothing is measured that happens once."""
        cancel = make_cancel(
            self._dsn, self._url, worker_concurrency=asked["concurrency"], on_event=self._count
        )

        lifespan = cancel.lifespan(web.Application())
        await anext(lifespan)
        self._expect(asked["concurrency"])
        await self.accept(
            [f"sub_first_{asked['run']}_{number}" for number in range(asked["concurrency"])]
        )
        await self._done.wait()
        yield
        with suppress(StopAsyncIteration):
            await anext(lifespan)

    def _expect(self, actions: int) -> None:
        self._left = actions
        self._done.clear()

    async def execute(self, asked: dict[str, Any]) -> None:
        self._expect(asked["actions"])
        await self._make_due("0 s")
        await self._done.wait()


async def run(kind: str, url: str, dsn: str) -> None:
    print("ready", flush=True)
    durable = Durable(url, dsn)

    while line := await asyncio.to_thread(sys.stdin.readline):
        asked = json.loads(line)
        answer: dict[str, float] = {}
        if kind != "aiocancel":
            async with by_gather(kind, url, asked["concurrency"]) as send:
                answer = await measured(gather(send, asked), asked)
        else:
            if asked.get("only") != "execute":
                await durable.accept(subscriptions(asked), held=True)
            if asked.get("only") != "accept":
                async with durable.opened(asked):
                    answer = await measured(durable.execute(asked), asked)
        print(json.dumps(answer), flush=True)


async def measured(work: Awaitable[None], asked: dict[str, Any]) -> dict[str, float]:
    """What the work took; a heartbeat costs CPU time of its own, so it runs where it is asked for."""
    gc.collect()
    gc.freeze()

    async with heartbeat() if asked.get("heartbeat") else nullcontext(Heartbeat()) as heart:
        started, cpu = time.perf_counter(), time.process_time()
        await work
        took, cpu_took = time.perf_counter() - started, time.process_time() - cpu

    return {
        "rate": asked["actions"] / took,
        "cpu_ms": cpu_took / asked["actions"] * 1000,
        "stall_999_ms": heart.at(0.999),
        "stall_worst_ms": heart.at(1),
    }


if __name__ == "__main__":
    asyncio.run(run(*sys.argv[1:]))
