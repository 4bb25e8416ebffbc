"""GET /cancel/subscription: the id for a script of the page's own, and for the customer who is logged in alone."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient
from pytest_aiohttp import AiohttpClient

from aiocancel.errors import AmbiguousSubscriptionError
from aiocancel.telemetry import LookupFailed
from tests.support.saas import Events, Pool, as_customer, make_cancel
from tests.support.web import Subscriptions

OpenRoute = Callable[..., Awaitable[TestClient[Any, Any]]]


@pytest.fixture
def subscriptions() -> Subscriptions:
    return Subscriptions(without=("bob",))


@pytest.mark.parametrize(
    ("customer_id", "subscription_id"), [("ada", "sub_ada"), ("zoe", "sub_zoe"), ("bob", None)]
)
async def test_a_customer_gets_the_own_subscriptions_id_or_null(
    open_route: OpenRoute, customer_id: str, subscription_id: str | None
) -> None:
    client = await open_route()
    response = await client.get("/cancel/subscription", headers=as_customer(customer_id))
    assert response.status == 200
    assert response.content_type == "application/json"
    assert await response.json() == {"subscriptionId": subscription_id}


async def test_the_answer_is_never_stored(open_route: OpenRoute) -> None:
    client = await open_route()
    for headers in ({}, as_customer("ada"), as_customer("bob")):
        response = await client.get("/cancel/subscription", headers=headers)
        assert response.headers.getall("Cache-Control") == ["no-store"]
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert "Access-Control-Allow-Origin" not in response.headers


async def test_nobody_gets_a_401_and_nothing_is_looked_up(
    open_route: OpenRoute, subscriptions: Subscriptions
) -> None:
    client = await open_route()
    response = await client.get("/cancel/subscription", params={"customer": "ada"})
    assert response.status == 401
    assert (await response.json())["error"] == "not_logged_in"
    assert subscriptions.asked == []


async def test_an_outage_is_a_503_and_never_a_null(
    open_route: OpenRoute, subscriptions: Subscriptions
) -> None:
    client = await open_route()
    subscriptions.is_down = True
    response = await client.get("/cancel/subscription", headers=as_customer("ada"))
    assert response.status == 503
    assert response.headers["Retry-After"] == "2"
    body = await response.json()
    assert body["error"] == "unavailable"
    assert "subscriptionId" not in body


async def test_several_subscriptions_where_one_is_expected_are_a_503_and_the_owner_is_told(
    open_route: OpenRoute,
) -> None:
    class Several:
        async def resolve(self, customer_id: str) -> None:
            raise AmbiguousSubscriptionError(
                "the customer has 2 subscriptions at Stripe where one is expected"
            )

    events = Events()
    client = await open_route(subscriptions=Several(), on_event=events)
    response = await client.get("/cancel/subscription", headers=as_customer("ada"))
    assert response.status == 503
    assert [event.error for event in events.of(LookupFailed)] == [
        "the customer has 2 subscriptions at Stripe where one is expected"
    ]


async def test_only_reading_is_allowed(open_route: OpenRoute) -> None:
    client = await open_route()
    statuses = [
        (await client.request(method, "/cancel/subscription", headers=as_customer("ada"))).status
        for method in ("HEAD", "POST", "DELETE")
    ]
    assert statuses == [200, 405, 405]


async def test_the_handler_can_be_mounted_on_its_own(
    aiohttp_client: AiohttpClient, shared_pool: Pool
) -> None:
    cancel = make_cancel(shared_pool, subscriptions=Subscriptions(), run_worker=False)
    app = web.Application()
    app.cleanup_ctx.append(cancel.lifespan)
    app.router.add_get("/account", cancel.handle_subscription)
    client = await aiohttp_client(app)
    assert await (await client.get("/account", headers=as_customer("ada"))).json() == {
        "subscriptionId": "sub_ada"
    }
