"""Stripe's limits on requests: kept by all processes together, and what follows where Stripe refuses all the same."""

from __future__ import annotations

import asyncio
import bisect
import contextlib
import sys
import time
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestServer

from aiocancel.billing.client import StripeClient, open_stripe
from aiocancel.billing.customer_subscriptions import StripeSubscriptions
from aiocancel.billing.rate_limit import StripeRateLimits, endpoint_of
from aiocancel.billing.settings import StripeBilling
from aiocancel.core.identifiers import SubscriptionId
from aiocancel.core.rate_limit import limit_within
from aiocancel.errors import (
    BillingError,
    ConfigurationError,
    PacedOutError,
    TransientBillingError,
    UnavailableError,
)
from aiocancel.ports import BilledCustomer
from aiocancel.postgres.rate_limit import RateBudgets
from aiocancel.testing.stripe.simulator import Fault, StripeSimulator
from tests.support.saas import STRIPE_KEY, Pool
from tests.support.slots import CountedSlots

SUBSCRIPTION = SubscriptionId("sub_1")


@pytest.fixture(autouse=True)
def no_telemetry(monkeypatch: pytest.MonkeyPatch) -> None:
    # It would write a file into the home directory.
    import stripe

    monkeypatch.setattr(stripe, "enable_telemetry", False)


@pytest.fixture
def slots() -> CountedSlots:
    return CountedSlots()


@pytest_asyncio.fixture(loop_scope="session")
async def client(
    stripe: StripeSimulator, stripe_api: tuple[StripeSimulator, str], slots: CountedSlots
) -> AsyncIterator[StripeClient]:
    stripe.add_subscription("sub_1")
    billing = StripeBilling(
        api_key=STRIPE_KEY,
        api_base=stripe_api[1],
        max_requests_per_s=100,
        max_requests_per_s_per_endpoint=25,
    )
    async with open_stripe(billing, slots=slots, for_pages=True) as opened:
        yield opened


def most_within(
    billing: StripeBilling, method: str, path: str, slots: CountedSlots
) -> dict[str, int]:
    """What each limit of a request lets out in any second."""

    async def ask() -> None:
        await StripeRateLimits(billing, slots).of(method, path).take()

    asyncio.run(ask())
    return {name: limit.most_within(1.0) for name, limit in slots.asked.items()}


# --- the limits ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("billing", "expected"),
    [
        pytest.param(
            StripeBilling(api_key="sk_live_1"),
            {"stripe live": 80, "stripe live GET /v1/subscriptions/:id": 20},
            id="four fifths of the limits in live mode",
        ),
        pytest.param(
            StripeBilling(api_key="sk_test_1"),
            {"stripe test": 20},
            id="in a sandbox one limit covers both",
        ),
        pytest.param(
            StripeBilling(
                api_key="sk_live_1", max_requests_per_s=50, max_requests_per_s_per_endpoint=10
            ),
            {"stripe live": 50, "stripe live GET /v1/subscriptions/:id": 10},
            id="the owner's own",
        ),
        pytest.param(
            StripeBilling(api_key="sk_test_1", api_base="http://127.0.0.1:9"),
            {},
            id="none at a simulator",
        ),
        pytest.param(
            StripeBilling(
                api_key="sk_test_1",
                api_base="http://127.0.0.1:9",
                max_requests_per_s_per_endpoint=5,
            ),
            {"stripe test GET /v1/subscriptions/:id": 5},
            id="what the owner wants of a simulator",
        ),
    ],
)
def test_a_second_sees_no_more_requests_than_the_settings_say(
    billing: StripeBilling, expected: dict[str, int], slots: CountedSlots
) -> None:
    assert most_within(billing, "get", "/v1/subscriptions/sub_1", slots) == expected


@pytest.mark.parametrize(
    ("method", "path", "endpoint"),
    [
        ("get", "/v1/subscriptions/sub_1", "GET /v1/subscriptions/:id"),
        ("delete", "/v1/subscriptions/sub_1", "DELETE /v1/subscriptions/:id"),
        ("get", "/v1/subscriptions", "GET /v1/subscriptions"),
        ("post", "/v1/coupons", "POST /v1/coupons"),
        (
            "get",
            "/v1/test_helpers/test_clocks/clock_1",
            "GET /v1/test_helpers/test_clocks/:id",
        ),
        ("post", "/v1/test_helpers/test_clocks", "POST /v1/test_helpers/test_clocks"),
    ],
)
def test_an_endpoint_is_a_method_and_a_path_whichever_the_object(
    method: str, path: str, endpoint: str
) -> None:
    assert endpoint_of(method, path) == endpoint


@pytest.mark.parametrize("setting", ["max_requests_per_s", "max_requests_per_s_per_endpoint"])
@pytest.mark.parametrize("value", [0, 1, -5, float("inf"), float("nan")])
def test_a_limit_that_stops_everything_or_nothing_is_refused(setting: str, value: float) -> None:
    settings: dict[str, Any] = {setting: value}
    with pytest.raises(ConfigurationError, match=setting):
        StripeBilling(api_key="sk_test_1", **settings)


# --- all together -------------------------------------------------------------------------------------


async def test_several_processes_together_stay_below_the_limit_and_use_most_of_it(
    database: str,
) -> None:
    # More than the processes keep to: a busy machine may deliver what was sent in turn at once.
    simulator = StripeSimulator(requests_per_s=32)
    simulator.add_subscription("sub_1")
    async with simulator.serve() as url:
        command = [sys.executable, "-m", "tests.support.rate_process", database, url, "40", "25"]
        processes = [await asyncio.create_subprocess_exec(*command) for _ in range(3)]
        try:
            async with asyncio.timeout(60):
                ended = await asyncio.gather(*(process.wait() for process in processes))
        finally:
            for process in processes:
                if process.returncode is None:
                    process.kill()
    answers = [request.status for request in simulator.requests]
    assert (ended, answers) == ([0, 0, 0], [200] * 120)
    arrivals = [request.arrived_at for request in simulator.requests]
    best_two_seconds = max(
        bisect.bisect(arrivals, at + 2.0) - number for number, at in enumerate(arrivals)
    )

    assert best_two_seconds >= 0.6 * 2 * limit_within(25, 1.0).per_s


async def test_without_a_shared_limit_the_same_requests_would_be_refused(
    stripe_api: tuple[StripeSimulator, str],
) -> None:
    simulator, url = stripe_api
    simulator.requests_per_s = 25
    simulator.add_subscription("sub_1")
    async with open_stripe(StripeBilling(api_key=STRIPE_KEY, api_base=url)) as client:
        answers = await asyncio.gather(
            *(client.read(SUBSCRIPTION) for _ in range(40)), return_exceptions=True
        )
    assert sum(isinstance(answer, TransientBillingError) for answer in answers) >= 1


# --- refusals -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reason", "struck", "code"),
    [
        ("global-rate", ["stripe test GET /v1/subscriptions/:id", "stripe test"], "rate_limit"),
        (
            "global-concurrency",
            ["stripe test GET /v1/subscriptions/:id", "stripe test"],
            "rate_limit",
        ),
        ("endpoint-rate", ["stripe test GET /v1/subscriptions/:id"], "rate_limit"),
        ("endpoint-concurrency", ["stripe test GET /v1/subscriptions/:id"], "rate_limit"),
        ("resource-specific", [], "resource_rate_limit"),
    ],
)
async def test_a_refusal_for_too_many_requests_holds_back_those_it_speaks_of(
    client: StripeClient,
    stripe: StripeSimulator,
    slots: CountedSlots,
    reason: str,
    struck: list[str],
    code: str,
) -> None:
    stripe.inject(Fault("rate_limit_429", reason=reason))
    with pytest.raises(TransientBillingError) as refused:
        await client.read(SUBSCRIPTION)
    assert refused.value.code == code
    assert [name for name, _ in slots.struck] == struck


async def test_a_lock_timeout_holds_back_nobody_else(
    client: StripeClient, stripe: StripeSimulator, slots: CountedSlots
) -> None:
    stripe.inject(Fault("lock_timeout_429"))
    with pytest.raises(TransientBillingError) as refused:
        await client.read(SUBSCRIPTION)
    assert (refused.value.code, refused.value.retry_after_s, slots.struck) == (
        "lock_timeout",
        None,
        [],
    )


async def test_a_request_without_a_turn_is_not_sent(
    client: StripeClient, stripe: StripeSimulator, slots: CountedSlots
) -> None:
    slots.free_in_s = 7.0
    with pytest.raises(TransientBillingError) as refused:
        await client.read(SUBSCRIPTION)
    assert (refused.value.code, refused.value.retry_after_s) == ("rate_budget", 7.0)
    assert stripe.requests == []


async def test_a_page_without_a_turn_in_time_is_an_outage_and_never_an_empty_list(
    client: StripeClient, slots: CountedSlots
) -> None:
    async def find_customer(customer_id: str) -> BilledCustomer | None:
        return BilledCustomer("cus_1")

    slots.free_in_s = 60.0
    started = time.monotonic()
    resolver = StripeSubscriptions("-- not asked").over(find_customer, client.list_subscriptions)
    with pytest.raises(UnavailableError, match="too many requests wait for their turn"):
        await resolver.resolve("ada")
    assert time.monotonic() - started < 1.0


async def test_the_turns_come_from_the_database(pool: Pool, database: str) -> None:
    simulator = StripeSimulator()
    simulator.add_subscription("sub_1")
    async with simulator.serve() as url:
        billing = StripeBilling(api_key=STRIPE_KEY, api_base=url, max_requests_per_s=25)
        async with open_stripe(billing, slots=RateBudgets(pool)) as opened:
            await opened.read(SUBSCRIPTION)
    assert await pool.fetchval("SELECT name FROM aiocancel.rate") == "stripe test"


@pytest.mark.parametrize(
    ("status", "headers", "code", "retry_after_s", "struck"),
    [
        pytest.param(
            429,
            {"Stripe-Rate-Limited-Reason": "global-rate", "Retry-After": "7"},
            "rate_limit",
            7.0,
            [7.0],
            id="a pause with a length",
        ),
        pytest.param(
            429,
            {"Stripe-Rate-Limited-Reason": "global-rate"},
            "rate_limit",
            None,
            [1.0],
            id="one without a length",
        ),
        pytest.param(
            409, {"Retry-After": "3"}, "invalid_request_error", 3.0, [], id="a key in use"
        ),
        pytest.param(
            429,
            {"Stripe-Should-Retry": "false"},
            "invalid_request_error",
            60.0,
            [],
            id="advised against a repetition",
        ),
        pytest.param(
            500,
            {"Stripe-Should-Retry": "false"},
            "invalid_request_error",
            None,
            [],
            id="a stored failure, for another key",
        ),
    ],
)
async def test_what_stripe_says_about_another_try_is_heard(
    slots: CountedSlots,
    status: int,
    headers: dict[str, str],
    code: str,
    retry_after_s: float | None,
    struck: list[float],
) -> None:
    async def refuse(_: web.Request) -> web.Response:
        return web.json_response(
            {"error": {"type": "invalid_request_error"}}, status=status, headers=headers
        )

    app = web.Application()
    app.router.add_get("/v1/subscriptions/sub_1", refuse)
    async with TestServer(app) as server:
        billing = StripeBilling(
            api_key=STRIPE_KEY,
            api_base=str(server.make_url("")).rstrip("/"),
            max_requests_per_s=100,
        )
        async with open_stripe(billing, slots=slots) as opened:
            with pytest.raises(BillingError) as refused:
                await opened.read(SUBSCRIPTION)
    assert (refused.value.code, refused.value.retry_after_s) == (code, retry_after_s)
    assert [pause_s for _, pause_s in slots.struck] == struck


@contextlib.asynccontextmanager
async def opening_pages(pages: StripeRateLimits, paths: Sequence[str]) -> AsyncIterator[None]:
    """Pages that read without end, as many at a time as there are paths, and have found the end of their share."""
    paced_out = asyncio.Event()

    async def open_pages(path: str) -> None:
        while True:
            try:
                await pages.of("get", path).take()
            except PacedOutError:
                paced_out.set()

    opened = [asyncio.create_task(open_pages(path)) for path in paths]
    try:
        async with asyncio.timeout(30):
            await paced_out.wait()
        yield
    finally:
        for task in opened:
            task.cancel()
        await asyncio.gather(*opened, return_exceptions=True)


async def take_ten(worker: StripeRateLimits) -> None:
    async with asyncio.timeout(10):
        for _ in range(10):
            await worker.of("get", "/v1/subscriptions/sub_1").take()


async def test_pages_leave_half_of_the_budget_to_the_worker_however_many_are_opened(
    pool: Pool,
) -> None:
    billing = StripeBilling(api_key="sk_test_1")
    pages = StripeRateLimits(billing, RateBudgets(pool), for_pages=True)
    worker = StripeRateLimits(billing, RateBudgets(pool))

    async with opening_pages(pages, ["/v1/subscriptions"] * 60):
        await take_ten(worker)


def test_the_pages_share_is_a_limit_beside_those_of_the_account_and_the_endpoint(
    slots: CountedSlots,
) -> None:
    async def ask() -> None:
        billing = StripeBilling(api_key="sk_live_1")
        limits = StripeRateLimits(billing, slots, for_pages=True)
        await limits.of("get", "/v1/subscriptions").take()

    asyncio.run(ask())

    assert {name: limit.most_within(1.0) for name, limit in slots.asked.items()} == {
        "stripe live pages": 40,
        "stripe live pages GET /v1/subscriptions": 10,
        "stripe live GET /v1/subscriptions": 20,
        "stripe live": 80,
    }


async def test_pages_leave_the_worker_half_of_the_endpoint_at_which_both_read_subscriptions(
    pool: Pool,
) -> None:
    # Live, where an endpoint's limit is far below the account's.
    billing = StripeBilling(api_key="sk_live_1")
    pages = StripeRateLimits(billing, RateBudgets(pool), for_pages=True)
    worker = StripeRateLimits(billing, RateBudgets(pool), impatient=True)

    async with opening_pages(pages, [f"/v1/subscriptions/sub_{number}" for number in range(90)]):
        await take_ten(worker)


async def test_who_holds_a_place_is_sent_away_where_no_turn_is_near_and_who_holds_none_waits(
    stripe_api: tuple[StripeSimulator, str], slots: CountedSlots
) -> None:
    simulator, url = stripe_api
    simulator.add_subscription("sub_1")
    billing = StripeBilling(api_key=STRIPE_KEY, api_base=url, max_requests_per_s=100)
    slots.free_in_s = 1.2

    async with open_stripe(billing, slots=slots) as client:
        for impatient in (client.without_waiting(), client.on("acct_other").without_waiting()):
            with pytest.raises(TransientBillingError) as refused:
                await impatient.read(SUBSCRIPTION)
            assert (refused.value.code, simulator.requests) == ("rate_budget", [])

        async def come_free() -> None:
            await asyncio.sleep(0.1)
            slots.free_in_s = 0.0

        come = asyncio.create_task(come_free())
        await client.read(SUBSCRIPTION)
        await come
