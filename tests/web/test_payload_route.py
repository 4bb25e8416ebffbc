"""GET /cancel/payload: what a page fetches on click, for the customer who is logged in and for nobody else."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient
from pytest_aiohttp import AiohttpClient

from aiocancel.core.grants import GrantSealer
from tests.support.saas import GRANT_KEYS, Pool, as_customer, make_app, make_cancel
from tests.support.web import CountingVendor, Subscriptions, expected_payload

OpenRoute = Callable[..., Awaitable[TestClient[Any, Any]]]


@pytest.fixture
def subscriptions() -> Subscriptions:
    return Subscriptions(without=("bob",))


@pytest.fixture
def open_route(
    aiohttp_client: AiohttpClient, shared_pool: Pool, subscriptions: Subscriptions
) -> OpenRoute:
    async def open_with(**settings: Any) -> TestClient[Any, Any]:
        cancel = make_cancel(
            shared_pool, **{"subscriptions": subscriptions, "run_worker": False, **settings}
        )
        return await aiohttp_client(make_app(cancel))

    return open_with


async def test_a_click_fetches_a_signed_payload_and_a_grant(open_route: OpenRoute) -> None:
    client = await open_route(grant_lifetime_s=600)
    response = await client.get("/cancel/payload", headers=as_customer("ada"))
    assert response.status == 200
    body = await response.json()
    assert body["state"] == "ready"
    assert body["flow"]["signedPayload"] == expected_payload("ada")
    grant = GrantSealer(GRANT_KEYS).open(
        body["flow"]["grant"], now=body["flow"]["expiresAt"] - 1, customer_id="ada", mode="test"
    )
    assert (grant.subscription_id, grant.expires_at - grant.issued_at) == ("sub_ada", 600)


async def test_every_click_gets_a_grant_of_its_own(open_route: OpenRoute) -> None:
    client = await open_route()
    grants = set()
    for _ in range(3):
        response = await client.get("/cancel/payload", headers=as_customer("ada"))
        grants.add((await response.json())["flow"]["grant"])
    assert len(grants) == 3


async def test_a_click_costs_one_identification_one_query_and_one_signature(
    open_route: OpenRoute, subscriptions: Subscriptions
) -> None:
    identified: list[str] = []
    vendor = CountingVendor()

    async def identify(request: web.Request) -> str:
        identified.append(request.path)
        return "ada"

    client = await open_route(identify=identify, vendor=vendor)
    await client.get("/cancel/payload")
    assert (identified, subscriptions.asked, vendor.signed) == (
        ["/cancel/payload"],
        ["ada"],
        ["ada"],
    )


@pytest.mark.parametrize("customer_id", ["ada", "bob", None])
async def test_the_answer_is_never_stored(open_route: OpenRoute, customer_id: str | None) -> None:
    client = await open_route()
    response = await client.get(
        "/cancel/payload", headers=as_customer(customer_id) if customer_id else {}
    )
    assert response.headers.getall("Cache-Control") == ["no-store"]
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert "Access-Control-Allow-Origin" not in response.headers


async def test_a_customer_without_a_subscription_gets_no_flow(open_route: OpenRoute) -> None:
    client = await open_route()
    response = await client.get("/cancel/payload", headers=as_customer("bob"))
    assert response.status == 200
    assert await response.json() == {"state": "no_subscription", "flow": None}


async def test_nobody_logged_in_gets_a_401_with_a_reason(
    open_route: OpenRoute, subscriptions: Subscriptions
) -> None:
    client = await open_route()
    response = await client.get("/cancel/payload")
    assert response.status == 401
    assert await response.json() == {
        "error": "not_logged_in",
        "reason": "Nobody is logged in.",
        "message": "Please log in again.",
    }
    assert subscriptions.asked == []


async def test_an_outage_of_the_database_is_a_503_that_may_be_repeated(
    open_route: OpenRoute, subscriptions: Subscriptions
) -> None:
    client = await open_route()
    subscriptions.is_down = True
    response = await client.get("/cancel/payload", headers=as_customer("ada"))
    assert response.status == 503
    assert response.headers["Retry-After"] == "2"
    assert (await response.json())["error"] == "unavailable"
    subscriptions.is_down = False
    assert (await client.get("/cancel/payload", headers=as_customer("ada"))).status == 200


@pytest.mark.parametrize(
    ("method", "status"), [("HEAD", 200), ("OPTIONS", 405), ("POST", 405), ("DELETE", 405)]
)
async def test_other_methods_are_answered_without_a_fault(
    open_route: OpenRoute, method: str, status: int
) -> None:
    client = await open_route()
    response = await client.request(method, "/cancel/payload", headers=as_customer("ada"))
    assert response.status == status


async def test_an_id_that_no_database_can_hold_is_nobodys(
    open_route: OpenRoute, subscriptions: Subscriptions
) -> None:
    client = await open_route(identify=_returns("half a pair: \udcff"))
    assert (await client.get("/cancel/payload")).status == 401
    assert subscriptions.asked == []


@pytest.mark.parametrize("identified", [17, b"ada", "a" * 256])
async def test_an_id_of_another_type_is_a_bug_that_says_so(
    open_route: OpenRoute, identified: object, caplog: pytest.LogCaptureFixture
) -> None:
    client = await open_route(identify=_returns(identified))
    assert (await client.get("/cancel/payload")).status == 500
    assert "identify must return a str of at most 255 characters, or None" in caplog.text


def _returns(value: object) -> Any:
    async def identify(_: web.Request) -> object:
        return value

    return identify
