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
from tests.support.claims import AT_ONCE, ask
from tests.support.company import Company
from tests.support.saas import STRIPE_KEY, Events, Pool, add_customer
from tests.support.slots import let_go, use_up
from tests.support.waiting import until
from tests.support.workbench import Bench


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


DELETE = "stripe test DELETE /v1/subscriptions/:id"
UPDATE = "stripe test POST /v1/subscriptions/:id"


async def test_a_cancellation_waits_for_none_of_those_that_wait_for_another_endpoints_limit(
    company: Company,
) -> None:
    billing = StripeBilling(
        api_key=STRIPE_KEY, api_base=company.stripe_url, max_requests_per_s_per_endpoint=50
    )
    await use_up(company.pool, DELETE, free_in_s=14.0)
    for number in range(12):
        company.stripe.add_subscription(f"sub_now_{number}")
        await add_customer(company.pool, "ada", f"sub_now_{number}")
        await ask(company.pool, f"sub_now_{number}", policy=AT_ONCE)
    company.stripe.add_subscription("sub_1")

    await company.open(company.plug_in(billing=billing, worker_concurrency=4))
    await until(lambda: was_put_back(company.pool, 12), within_s=12)
    await ask(company.pool)
    await until(lambda: company.subscription["cancel_at_period_end"], within_s=5)

    waits = await company.pool.fetch(
        """
        SELECT state, extract(epoch FROM due_at - now())::float8 AS due_in_s FROM aiocancel.action
        WHERE kind = 'cancel_now' ORDER BY id
        """
    )
    assert {row["state"] for row in waits} == {"waiting"}

    # Each comes back for a slot of its own.
    await let_go(company.pool, DELETE)
    await until(lambda: len(company.stripe.effects) == 13, within_s=30)
    assert await company.pool.fetchval("SELECT count(DISTINCT due_at) FROM aiocancel.action") > 1


async def all_done(pool: Pool) -> bool:
    return bool(await pool.fetchval("SELECT bool_and(state = 'done') FROM aiocancel.action"))


async def was_put_back(pool: Pool, count: int) -> bool:
    sql = "SELECT count(DISTINCT action_id) FROM aiocancel.journal WHERE code = 'rate_budget'"
    return bool(await pool.fetchval(sql) >= count)


async def test_a_cancellation_is_not_sent_away_behind_other_changes(company: Company) -> None:
    billing = StripeBilling(
        api_key=STRIPE_KEY, api_base=company.stripe_url, max_requests_per_s_per_endpoint=4
    )
    for number in range(80):
        company.stripe.add_subscription(f"sub_busy_{number}")
        await ask(company.pool, f"sub_busy_{number}", "resumed")
    company.stripe.add_subscription("sub_1")

    await company.open(company.plug_in(billing=billing))
    await until(lambda: was_put_back(company.pool, 40), within_s=20)
    await ask(company.pool)
    await until(lambda: company.subscription["cancel_at_period_end"], within_s=30)

    sql = "SELECT count(*) FROM aiocancel.action WHERE kind = 'resume' AND state = 'waiting'"
    assert await company.pool.fetchval(sql) > 30


async def ask_without_a_turn(company: Company) -> None:
    """A customer's wish whose change at Stripe has found no turn, and was put back."""
    billing = StripeBilling(
        api_key=STRIPE_KEY, api_base=company.stripe_url, max_requests_per_s_per_endpoint=50
    )
    company.stripe.add_subscription("sub_1")
    await use_up(company.pool, UPDATE, free_in_s=60.0)

    await company.open(company.plug_in(billing=billing))
    await ask(company.pool)
    await until(lambda: was_put_back(company.pool, 1), within_s=30)


async def test_what_was_put_back_keeps_its_place_before_the_customers_next_wish(
    company: Company,
) -> None:
    await ask_without_a_turn(company)
    # The customer changes their mind, twice, while the first wish waits for its turn.
    for status in ("resumed", "canceled"):
        await ask(company.pool, status=status)
    await let_go(company.pool, UPDATE)
    await until(lambda: all_done(company.pool), within_s=30)

    done = await company.pool.fetch("SELECT id FROM aiocancel.action ORDER BY finished_at")
    assert [row["id"] for row in done] == sorted(row["id"] for row in done)
    assert len(company.changes()) == 3


async def test_a_write_that_found_no_turn_counts_as_never_sent(company: Company) -> None:
    await ask_without_a_turn(company)
    assert (await action(company.pool))["key_used_at"] is None
    # So it is asked once more whose subscription it is.
    await company.pool.execute("UPDATE app_subscription SET customer_id = 'bob'")
    await let_go(company.pool, UPDATE)
    await until(lambda: is_final(company.pool), within_s=30)

    row = await action(company.pool)
    assert (row["state"], row["parked_code"]) == ("parked", "subscription_changed_hands")
    assert company.changes() == []


async def test_a_reason_that_found_no_turn_is_told_in_another_attempt(bench: Bench) -> None:
    told: list[str] = []

    class Busy:
        read = bench.client.read

        async def apply(self, action: Any, write: Any, *, idempotency_key: str) -> Any:
            if not told:
                told.append("sent away")
                raise TransientBillingError("wait", code=Code.RATE_BUDGET, retry_after_s=0.0)
            told.append(idempotency_key)
            return await bench.client.apply(action, write, idempotency_key=idempotency_key)

    bench.stripe.add_subscription("sub_1", cancel_at_period_end=True)
    await ask(bench.pool, text="It costs too much")
    await bench.work(billing=Busy())

    assert len(told) == 2
    assert bench.stripe.subscriptions["sub_1"]["cancellation_details"]["comment"] == (
        "It costs too much"
    )
