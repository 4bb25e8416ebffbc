"""GET /cancel/payload: what a page fetches on click, for the customer who is logged in and for nobody else."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient

from aiocancel.core.grants import GrantSealer
from tests.support.saas import GRANT_KEYS, as_customer
from tests.support.web import CountingVendor, Subscriptions, expected_payload, without_proof

OpenRoute = Callable[..., Awaitable[TestClient[Any, Any]]]


@pytest.fixture
def subscriptions() -> Subscriptions:
    return Subscriptions(without=("bob",))


async def test_a_click_fetches_a_signed_payload_and_a_grant(open_route: OpenRoute) -> None:
    client = await open_route(grant_lifetime_s=600)
    response = await client.get("/cancel/payload", headers=as_customer("ada"))
    assert response.status == 200
    body = await response.json()
    assert body["state"] == "ready"
    assert without_proof(body["flow"]["signedPayload"]) == expected_payload("ada")
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


@pytest.mark.parametrize(
    ("identified", "customer_id"),
    [
        (17, "17"),
        (UUID("12345678-1234-5678-1234-567812345678"), "12345678-1234-5678-1234-567812345678"),
    ],
)
async def test_a_number_or_a_uuid_is_an_id_as_well(
    open_route: OpenRoute, subscriptions: Subscriptions, identified: object, customer_id: str
) -> None:
    client = await open_route(identify=_returns(identified))

    assert (await client.get("/cancel/payload")).status == 200

    assert subscriptions.asked == [customer_id]


@pytest.mark.parametrize(
    ("identified", "said"),
    [
        (b"ada", "a value of type bytes"),
        (True, "a value of type bool"),
        ({"id": 1}, "a value of type dict"),
        ("a" * 256, "256 characters"),
    ],
)
async def test_what_is_no_id_is_an_outage_that_the_log_explains(
    open_route: OpenRoute, identified: object, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    client = await open_route(identify=_returns(identified))

    response = await client.get("/cancel", headers={"Accept": "text/html"})

    assert response.status == 503
    assert response.content_type == "text/html"
    assert f"identify returned {said}" in caplog.text


@pytest.mark.parametrize("route", ["/cancel", "/cancel/payload", "/cancel/status/1"])
async def test_an_identify_that_fails_is_an_outage_that_the_log_explains(
    open_route: OpenRoute, route: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def identify(_: web.Request) -> str:
        raise KeyError("ada@example.com")

    client = await open_route(identify=identify)

    response = await client.get(route)

    assert response.status == 503
    assert "identify failed, and nobody can cancel: KeyError" in caplog.text
    assert "ada@example.com" not in caplog.text + await response.text()


async def test_a_missing_session_middleware_is_named_with_its_cure(
    open_route: OpenRoute, caplog: pytest.LogCaptureFixture
) -> None:
    async def identify(_: web.Request) -> str:
        raise RuntimeError("Install aiohttp_session middleware in your aiohttp.web.Application")

    client = await open_route(identify=identify)

    assert (await client.get("/cancel/payload")).status == 503
    assert "set the session's middleware up before cancel.setup(app)" in caplog.text


async def test_an_identify_may_send_the_browser_to_the_login(open_route: OpenRoute) -> None:
    async def identify(_: web.Request) -> str:
        raise web.HTTPFound("/login")

    client = await open_route(identify=identify)

    response = await client.get("/cancel", allow_redirects=False)

    assert (response.status, response.headers["Location"]) == (302, "/login")


def _returns(value: object) -> Any:
    async def identify(_: web.Request) -> object:
        return value

    return identify
