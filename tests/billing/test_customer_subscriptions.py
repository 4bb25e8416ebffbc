"""A customer's subscription looked up at Stripe: the real SDK against the simulator, over the application's table."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime
from typing import Any, Protocol, get_args

import pytest
import pytest_asyncio
from aiohttp import web
from pytest_aiohttp import AiohttpClient

from aiocancel import (
    AmbiguousSubscriptionError,
    ConfigurationError,
    StripeBilling,
    StripeSubscriptions,
    UnavailableError,
    UnknownCustomerError,
)
from aiocancel.billing.client import LIST_PAGE_SIZE, MAX_LIST_PAGES, open_stripe
from aiocancel.core.choose_subscription import CHOOSABLE_STATUSES, DEFAULT_STATUSES
from aiocancel.ports import BilledCustomer, SubscriptionResolver
from aiocancel.postgres.customer_query import StripeCustomerQuery
from aiocancel.telemetry import LookupFailed
from aiocancel.testing.stripe.simulator import Fault, FaultKind, StripeSimulator
from tests.support.saas import STRIPE_KEY, Events, Pool, as_customer, make_app, make_cancel
from tests.support.waiting import until
from tests.support.web import Page

SQL = "SELECT stripe_customer_id, plan FROM billed_customer WHERE id = $1"


class Looker(Protocol):
    """Opens a resolver over ``SQL`` with the given settings."""

    def __call__(self, **settings: Any) -> AbstractAsyncContextManager[SubscriptionResolver]: ...


@pytest.fixture(autouse=True)
def no_telemetry(monkeypatch: pytest.MonkeyPatch) -> None:
    # It would write a file into the home directory.
    import stripe

    monkeypatch.setattr(stripe, "enable_telemetry", False)


@pytest_asyncio.fixture(loop_scope="session")
async def customers(pool: Pool) -> Pool:
    """Ada is Stripe's customer cus_ada; Bob has never paid."""
    await pool.execute(
        "CREATE TABLE billed_customer (id text PRIMARY KEY, stripe_customer_id text, plan text)"
    )
    await pool.execute(
        "INSERT INTO billed_customer VALUES ('ada', 'cus_ada', 'pro'), ('bob', NULL, 'free')"
    )
    return pool


@pytest.fixture
def looker(customers: Pool, stripe_api: tuple[StripeSimulator, str]) -> Looker:
    @asynccontextmanager
    async def looker_with(
        *, api_base: str = stripe_api[1], **settings: Any
    ) -> AsyncIterator[SubscriptionResolver]:
        lookup = StripeSubscriptions(**{"customers": SQL, "remember_s": 0, **settings})
        async with open_stripe(StripeBilling(STRIPE_KEY, api_base=api_base)) as client:
            found = await StripeCustomerQuery(lookup.customers).prepare(customers)
            yield lookup.over(found.resolve, client.list_subscriptions)

    return looker_with


def subscribe(
    stripe: StripeSimulator, subscription_id: str, *, status: str = "active", created: int = 1
) -> None:
    stripe.add_subscription(subscription_id, customer="cus_ada", status=status, created=created)


async def found(resolver: SubscriptionResolver, customer_id: str = "ada") -> str | None:
    owned = await resolver.resolve(customer_id)
    return None if owned is None else owned.subscription_id


@pytest.mark.parametrize("status", CHOOSABLE_STATUSES)
async def test_a_subscription_is_found_in_every_status_that_goes_on(
    looker: Looker, stripe: StripeSimulator, status: str
) -> None:
    stripe.add_subscription("sub_1", customer="cus_ada", status=status)
    async with looker(statuses=CHOOSABLE_STATUSES) as resolver:
        assert await found(resolver) == "sub_1"


@pytest.mark.parametrize("status", ["canceled", "incomplete_expired", "incomplete"])
async def test_an_ended_or_never_paid_subscription_is_none(
    looker: Looker, stripe: StripeSimulator, status: str
) -> None:
    subscribe(stripe, "sub_1", status=status)
    async with looker() as resolver:
        assert await found(resolver) is None


async def test_a_scheduled_cancellation_is_still_the_customers_to_take_back(
    looker: Looker, stripe: StripeSimulator
) -> None:
    stripe.add_subscription("sub_1", customer="cus_ada", cancel_at_period_end=True, created=9)
    subscribe(stripe, "sub_2", created=1)
    async with looker() as resolver:
        assert await found(resolver) == "sub_1"


async def test_of_several_the_best_status_and_then_the_latest_start_is_chosen(
    looker: Looker, stripe: StripeSimulator
) -> None:
    subscribe(stripe, "sub_old", created=1)
    subscribe(stripe, "sub_new", created=2, status="trialing")
    subscribe(stripe, "sub_late", created=3, status="past_due")
    subscribe(stripe, "sub_gone", created=4, status="canceled")
    async with looker() as resolver:
        assert await found(resolver) == "sub_new"
    async with looker(statuses=["past_due", "unpaid"]) as resolver:
        assert await found(resolver) == "sub_late"


async def test_where_only_one_is_expected_several_are_an_error_and_one_is_found(
    looker: Looker, stripe: StripeSimulator
) -> None:
    subscribe(stripe, "sub_1")
    subscribe(stripe, "sub_gone", status="canceled")
    async with looker(choose="only") as resolver:
        assert await found(resolver) == "sub_1"
        subscribe(stripe, "sub_2", status="unpaid")
        with pytest.raises(AmbiguousSubscriptionError):
            await found(resolver)


async def test_other_customers_subscriptions_are_not_seen(
    looker: Looker, stripe: StripeSimulator
) -> None:
    stripe.add_subscription("sub_zoe", customer="cus_zoe")
    stripe.add_customer("cus_ada")
    async with looker() as resolver:
        assert await found(resolver) is None


@pytest.mark.parametrize("customer_id", ["bob", "nobody", "nobody\0"])
async def test_who_is_no_customer_of_stripes_has_none_and_stripe_is_not_asked(
    looker: Looker, stripe: StripeSimulator, customer_id: str
) -> None:
    async with looker() as resolver:
        assert await found(resolver, customer_id) is None
    assert stripe.requests == []


async def test_many_views_of_one_customer_ask_stripe_once(
    looker: Looker, stripe: StripeSimulator
) -> None:
    subscribe(stripe, "sub_1")
    remember_s = StripeSubscriptions(SQL).remember_s

    async with looker(remember_s=remember_s) as resolver:
        at_once = await asyncio.gather(*(found(resolver) for _ in range(20)))
        afterwards = await found(resolver)

    assert {*at_once, afterwards} == {"sub_1"}
    assert len(stripe.requests) == 1


async def test_the_applications_row_comes_along(looker: Looker, stripe: StripeSimulator) -> None:
    subscribe(stripe, "sub_1")
    async with looker() as resolver:
        owned = await resolver.resolve("ada")
    assert owned is not None
    assert (owned.customer_id, owned.record) == (
        "ada",
        {"stripe_customer_id": "cus_ada", "plan": "pro"},
    )


# Paging


async def test_the_one_that_goes_on_is_found_behind_a_page_of_ended_ones(
    looker: Looker, stripe: StripeSimulator
) -> None:
    subscribe(stripe, "sub_1", created=1)
    for number in range(LIST_PAGE_SIZE + 5):
        subscribe(stripe, f"sub_gone_{number}", created=10 + number, status="canceled")
    async with looker() as resolver:
        assert await found(resolver) == "sub_1"

    assert [request.params.get("starting_after") for request in stripe.requests] == [
        None,
        "sub_gone_5",
    ]
    assert {
        (request.params["customer"], request.params["status"]) for request in stripe.requests
    } == {("cus_ada", "all")}


@asynccontextmanager
async def answering(answer: Any) -> AsyncIterator[tuple[str, list[str]]]:
    """A Stripe that always gives the same answer to a list, and what it was asked."""
    asked: list[str] = []

    async def handle(request: web.Request) -> web.Response:
        asked.append(request.query_string)
        return web.Response(body=json.dumps(answer), content_type="application/json")

    app = web.Application()
    app.router.add_get("/v1/subscriptions", handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}", asked
    finally:
        await runner.cleanup()


ENTRY = {"object": "subscription", "id": "sub_1", "status": "active", "created": 1}


async def test_a_list_without_an_end_is_an_outage_after_a_bounded_number_of_pages(
    looker: Looker,
) -> None:
    endless = {"object": "list", "data": [ENTRY], "has_more": True}
    async with answering(endless) as (url, asked), looker(api_base=url) as resolver:
        with pytest.raises(UnavailableError, match="too many subscriptions"):
            await found(resolver)
    assert len(asked) == MAX_LIST_PAGES


# Outages


@pytest.mark.parametrize(
    "kind", [kind for kind in get_args(FaultKind) if kind not in ("delay", "key_pruned")]
)
async def test_an_outage_of_stripe_is_an_error_and_never_none(
    looker: Looker, stripe: StripeSimulator, kind: FaultKind
) -> None:
    subscribe(stripe, "sub_1")
    async with looker() as resolver:
        stripe.inject(Fault(kind, times=5))
        with pytest.raises(UnavailableError, match="the customer's subscriptions cannot be listed"):
            await found(resolver)
        stripe.faults.clear()
        assert await found(resolver) == "sub_1"


async def test_an_outage_on_the_second_page_does_not_make_do_with_the_first(
    looker: Looker, stripe: StripeSimulator
) -> None:
    for number in range(LIST_PAGE_SIZE + 1):
        subscribe(stripe, f"sub_{number}", created=number + 1)
    stripe.inject(Fault("error_500_before", skip=1))
    async with looker() as resolver:
        with pytest.raises(UnavailableError):
            await found(resolver)


async def test_a_page_does_not_wait_longer_for_stripe_than_it_was_told(
    looker: Looker, stripe: StripeSimulator
) -> None:
    subscribe(stripe, "sub_1")
    async with looker(timeout_s=0.2) as resolver:
        stripe.inject(Fault("delay", seconds=30))
        with pytest.raises(UnavailableError, match="Stripe took too long"):
            await found(resolver)


async def test_a_customer_whom_stripe_does_not_know_is_an_error_and_not_none(
    looker: Looker,
) -> None:
    async with looker() as resolver:
        with pytest.raises(UnknownCustomerError, match="does not know the customer"):
            await found(resolver)


@pytest.mark.parametrize(
    "answer",
    [
        {},
        [],
        "list",
        {"data": None, "has_more": False},
        {"data": [ENTRY]},
        {"data": [], "has_more": True},
        {"data": [{**ENTRY, "object": "customer"}], "has_more": False},
        {"data": [{**ENTRY, "created": None}], "has_more": False},
        {"data": ["sub_1"], "has_more": False},
    ],
)
async def test_an_answer_that_is_no_list_of_subscriptions_is_an_error_and_not_none(
    looker: Looker, answer: Any
) -> None:
    async with answering(answer) as (url, _), looker(api_base=url) as resolver:
        with pytest.raises(UnavailableError):
            await found(resolver)


async def test_an_outage_of_the_database_is_an_error_and_not_none(
    stripe_api: tuple[StripeSimulator, str],
) -> None:
    async def is_down(customer_id: str) -> BilledCustomer | None:
        raise UnavailableError("the database did not answer (ConnectionRefusedError)")

    async with open_stripe(StripeBilling(STRIPE_KEY, api_base=stripe_api[1])) as client:
        with pytest.raises(UnavailableError, match="the database did not answer"):
            await StripeSubscriptions(SQL).over(is_down, client.list_subscriptions).resolve("ada")


# Settings


@pytest.mark.parametrize(
    "settings",
    [
        {"statuses": ()},
        {"statuses": "active"},
        {"statuses": ["active", "canceled"]},
        {"statuses": ["incomplete_expired"]},
        {"choose": "oldest"},
        {"timeout_s": 0},
        {"timeout_s": float("inf")},
        {"remember_s": -1},
        {"remember_s": 61},
        {"most_lists_per_minute": 1},
    ],
)
def test_a_setting_that_cannot_be_right_is_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        StripeSubscriptions(**{"customers": SQL, **settings})


def test_what_was_never_paid_for_does_not_count_unless_the_owner_says_so() -> None:
    assert StripeSubscriptions(SQL).statuses == DEFAULT_STATUSES
    assert set(CHOOSABLE_STATUSES) - set(DEFAULT_STATUSES) == {"incomplete"}


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        (
            "SELECT id, plan FROM billed_customer WHERE id = $1",
            "must return a column named stripe_customer_id",
        ),
        (
            "SELECT stripe_customer_id FROM billed_customer",
            "the customer query takes exactly one parameter",
        ),
        (
            "SELECT stripe_customer_id FROM nowhere WHERE id = $1",
            "the customer query does not work",
        ),
    ],
)
async def test_a_query_that_cannot_work_stops_the_start(
    customers: Pool, sql: str, message: str
) -> None:
    cancel = make_cancel(customers, subscriptions=StripeSubscriptions(sql), run_worker=False)
    runner = web.AppRunner(make_app(cancel))
    with pytest.raises(ConfigurationError, match=message):
        await runner.setup()
    await runner.cleanup()


# On a site


@pytest.mark.parametrize("run_worker", [True, False])
async def test_a_site_finds_the_subscription_at_stripe_with_and_without_a_worker(
    aiohttp_client: AiohttpClient,
    customers: Pool,
    stripe_api: tuple[StripeSimulator, str],
    run_worker: bool,
) -> None:
    stripe, url = stripe_api
    subscribe(stripe, "sub_1")
    cancel = make_cancel(
        customers,
        url,
        subscriptions=StripeSubscriptions(SQL, remember_s=0),
        run_worker=run_worker,
    )
    client = await aiohttp_client(make_app(cancel))
    for customer_id, subscription_id in (("ada", "sub_1"), ("bob", None)):
        response = await client.get("/cancel/subscription", headers=as_customer(customer_id))
        assert await response.json() == {"subscriptionId": subscription_id}
    stripe.inject(Fault("bad_gateway_502"))
    response = await client.get("/cancel/subscription", headers=as_customer("ada"))

    assert response.status == 503


async def test_a_customer_cancels_what_was_found_at_stripe_and_a_repeated_post_gets_the_same_answer(
    aiohttp_client: AiohttpClient, customers: Pool, stripe_api: tuple[StripeSimulator, str]
) -> None:
    stripe, url = stripe_api
    subscribe(stripe, "sub_1", created=int(datetime.now(UTC).timestamp()))
    cancel = make_cancel(customers, url, subscriptions=StripeSubscriptions(SQL))
    client = await aiohttp_client(make_app(cancel))
    flow = (await (await client.get("/cancel/payload", headers=as_customer("ada"))).json())["flow"]
    answers = []

    for _ in range(2):
        body = {"grant": flow["grant"], "status": "canceled"}
        response = await client.post("/cancel/result", json=body, headers=as_customer("ada"))
        answers.append((await response.json())["claim"])

    assert answers[0] == answers[1]
    await until(lambda: [effect.kind for effect in stripe.effects] == ["cancel_at_period_end"])


async def test_a_customer_who_asks_in_a_loop_is_refused_with_429_and_can_still_leave(
    aiohttp_client: AiohttpClient, customers: Pool, stripe_api: tuple[StripeSimulator, str]
) -> None:
    stripe, url = stripe_api
    subscribe(stripe, "sub_1")
    lookup = StripeSubscriptions(SQL, remember_s=0, most_lists_per_minute=4)
    client = await aiohttp_client(make_app(make_cancel(customers, url, subscriptions=lookup)))
    headers = as_customer("ada")

    statuses = []
    for _ in range(60):
        loop = await client.get("/cancel/payload", headers=headers)
        statuses.append(loop.status)
    listed = [request.path for request in stripe.requests].count("/v1/subscriptions")

    assert statuses == [200] * 4 + [429] * 56
    assert listed == 4
    assert 0 < int(loop.headers["Retry-After"]) <= 60
    refusal = await loop.json()
    assert refusal["error"] == "too_many_lookups"
    assert "Please wait a minute" in refusal["message"]

    for _ in range(60):
        page = await client.get("/cancel", headers={**headers, "Accept": "text/html"})
        account = await client.get("/account", headers=headers)
        assert (page.status, account.status) == (200, 200)
    assert [request.path for request in stripe.requests].count("/v1/subscriptions") == 4
    form = Page(await page.text()).fields
    left = await client.post("/cancel/result", data=form, headers=headers)
    assert left.status in (200, 202, 303)
    await until(lambda: [effect.kind for effect in stripe.effects] == ["cancel_at_period_end"])


async def test_a_customer_whom_stripe_does_not_know_is_not_told_to_try_again(
    aiohttp_client: AiohttpClient, customers: Pool, stripe_api: tuple[StripeSimulator, str]
) -> None:
    events = Events()
    cancel = make_cancel(
        customers,
        stripe_api[1],
        subscriptions=StripeSubscriptions(SQL),
        run_worker=False,
        on_event=events,
    )
    client = await aiohttp_client(make_app(cancel))
    headers = as_customer("ada")

    page = await client.get("/cancel", headers={**headers, "Accept": "text/html"})
    data = await client.get("/cancel/payload", headers=headers)
    account = await client.get("/account", headers=headers)

    assert (page.status, data.status, account.status) == (404, 404, 200)
    assert "Retry-After" not in page.headers
    shown = Page(await page.text())
    assert "Please contact us" in shown.text
    assert [link["href"] for link in shown.all("a")] == ["/"]
    assert (await data.json())["error"] == "unknown_customer"
    # The account page still has its button.
    assert Page(await account.text()).one("form")["action"] == "/cancel"
    assert "does not know the customer" in events.of(LookupFailed)[0].error
