"""POST /cancel/result: what a browser says is bounded, proven, recorded once and answered honestly."""

from __future__ import annotations

from typing import Any

from aiohttp.test_utils import TestClient
from pytest_aiohttp import AiohttpClient

from aiocancel.testing.stripe_simulator import StripeSimulator
from tests.saas import Pool, add_customer, as_customer, make_app, make_cancel


async def flow_of(client: TestClient[Any, Any], customer_id: str) -> dict[str, Any]:
    response = await client.get("/cancel/payload", headers=as_customer(customer_id))
    answer = await response.json()
    flow: dict[str, Any] = answer["flow"]
    return flow


async def test_a_cancellation_posted_with_its_grant_is_scheduled_at_stripe(
    aiohttp_client: AiohttpClient, pool: Pool, stripe_api: tuple[StripeSimulator, str]
) -> None:
    stripe, url = stripe_api
    stripe.add_subscription("sub_1")
    await add_customer(pool, "ada", "sub_1")
    client = await aiohttp_client(make_app(make_cancel(pool, url)))
    grant = (await flow_of(client, "ada"))["grant"]
    response = await client.post(
        "/cancel/result", json={"grant": grant, "status": "canceled"}, headers=as_customer("ada")
    )
    assert response.status == 200
    answer = await response.json()
    assert answer["outcome"] == "scheduled"
    assert stripe.subscriptions["sub_1"]["cancel_at_period_end"] is True
    print(answer)
