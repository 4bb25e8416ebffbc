"""The worker where requests are too many: a wish is never given up for that, and nobody comes back too soon."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from aiocancel.billing.client import StripeClient, open_stripe
from aiocancel.billing.settings import StripeBilling
from aiocancel.core.codes import Code
from aiocancel.core.identifiers import SubscriptionId
from aiocancel.core.retry import MAX_ATTEMPTS
from aiocancel.core.subscription import Subscription
from aiocancel.errors import TransientBillingError, TransientVendorError
from aiocancel.postgres.ledger import Ledger
from aiocancel.postgres.pgqueuer import PgQueuerEngine
from aiocancel.telemetry import AttemptFailed
from aiocancel.testing.stripe.simulator import Fault, FaultKind, StripeSimulator
from aiocancel.worker.worker import Worker
from tests.support.claims import ask
from tests.support.saas import STRIPE_KEY, Events, Pool
from tests.support.waiting import until


@pytest.fixture(autouse=True)
def no_telemetry(monkeypatch: pytest.MonkeyPatch) -> None:
    # It would write a file into the home directory.
    import stripe

    monkeypatch.setattr(stripe, "enable_telemetry", False)


@pytest_asyncio.fixture(loop_scope="session")
async def client(stripe_api: tuple[StripeSimulator, str]) -> AsyncIterator[StripeClient]:
    async with open_stripe(StripeBilling(api_key=STRIPE_KEY, api_base=stripe_api[1])) as opened:
        yield opened


@contextlib.asynccontextmanager
async def working(pool: Pool, billing: Any, *, jitter: float = -1.0) -> AsyncIterator[Events]:
    events = Events()
    worker = Worker(
        Ledger(pool),
        billing,
        PgQueuerEngine(pool),
        on_event=events,
        sweep_every_s=0.1,
        jitter=lambda: jitter,
    )

    task = asyncio.create_task(worker.run())

    try:
        yield events
    finally:
        await worker.stop(grace_s=5)
        await task


async def action(pool: Pool) -> dict[str, Any]:
    row = await pool.fetchrow(
        "SELECT *, extract(epoch FROM due_at - now())::float8 AS due_in_s FROM aiocancel.action"
    )
    assert row is not None
    return dict(row)


async def is_final(pool: Pool) -> bool:
    return (await action(pool))["state"] not in ("waiting", "running")


async def test_an_action_that_met_the_rate_limit_more_often_than_it_may_fail_is_carried_out_all_the_same(
    pool: Pool, stripe: StripeSimulator, client: StripeClient
) -> None:
    stripe.add_subscription("sub_1")
    await ask(pool)
    await pool.execute("UPDATE aiocancel.action SET attempts = $1", MAX_ATTEMPTS - 2)
    stripe.inject(Fault("rate_limit_429", times=5))
    async with working(pool, client):
        await until(lambda: is_final(pool))
    row = await action(pool)
    assert (row["state"], row["attempts"], row["excused"]) == ("done", MAX_ATTEMPTS + 4, 5)


@pytest.mark.parametrize("fault", ["lock_timeout_429", "conflict_409", "error_500_before"])
async def test_other_failures_lead_to_giving_up(
    pool: Pool, stripe: StripeSimulator, client: StripeClient, fault: FaultKind
) -> None:
    stripe.add_subscription("sub_1")
    await ask(pool)
    await pool.execute("UPDATE aiocancel.action SET attempts = $1", MAX_ATTEMPTS - 2)
    stripe.inject(Fault(fault, times=5))
    async with working(pool, client):
        await until(lambda: is_final(pool))
    row = await action(pool)
    assert (row["state"], row["attempts"], row["excused"]) == ("parked", MAX_ATTEMPTS, 0)


@pytest.mark.parametrize(
    "error",
    [
        TransientBillingError("wait", code=Code.RATE_BUDGET, retry_after_s=600.0),
        TransientVendorError("wait", code=Code.RATE_LIMITED, retry_after_s=600.0),
    ],
    ids=["Stripe", "the flow vendor"],
)
async def test_the_next_attempt_waits_for_as_long_as_it_was_told(
    pool: Pool, error: Exception
) -> None:
    class Busy:
        async def read(self, _: SubscriptionId, *_kind: object) -> Subscription:
            raise error

    await ask(pool)
    async with working(pool, Busy(), jitter=0.5) as events:
        await until(lambda: bool(events.of(AttemptFailed)))
        await until(lambda: is_waiting(pool))
    assert 590 < (await action(pool))["due_in_s"] <= 660


async def is_waiting(pool: Pool) -> bool:
    return bool((await action(pool))["state"] == "waiting")
