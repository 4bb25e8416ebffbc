"""Ada goes through the shop's own flow. No account anywhere is needed: PostgreSQL and Stripe run in this test."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import flow_shop
import pytest
import pytest_asyncio
from aiohttp import ClientResponse
from aiohttp.test_utils import TestClient
from pytest_aiohttp import AiohttpClient

import aiocancel
from aiocancel.cli import main
from aiocancel.testing import StripeSimulator

Browser = TestClient[Any, Any]


@pytest_asyncio.fixture
async def browser(
    aiohttp_client: AiohttpClient,
    aiocancel_stripe: StripeSimulator,
    aiocancel_stripe_url: str,
    aiocancel_database: str,
) -> Browser:
    """The browser of Ada, who is logged in and has had a subscription for a year."""
    connection = await asyncpg.connect(aiocancel_database)
    await connection.execute(
        "CREATE TABLE customers (id text PRIMARY KEY, stripe_subscription_id text)"
    )
    await connection.execute("INSERT INTO customers VALUES ('ada', 'sub_ada')")
    await connection.close()

    now = datetime.now(UTC).replace(microsecond=0)
    aiocancel_stripe.add_subscription("sub_ada", current_period_end=now + timedelta(days=20))
    a_year_ago = now - timedelta(days=365)
    aiocancel_stripe.subscriptions["sub_ada"]["start_date"] = int(a_year_ago.timestamp())
    billing = aiocancel.StripeBilling(aiocancel_stripe.api_key, api_base=aiocancel_stripe_url)
    app = flow_shop.make_app(billing, aiocancel_database)
    return await aiohttp_client(app, cookies={"customer": "ada"})


async def press(
    browser: Browser, page: ClientResponse, button: str, **fields: str
) -> ClientResponse:
    """Press a button of a page, as a browser without scripts does."""
    text = await page.text()
    grant = re.findall(r'name="grant" value="([^"]+)"', text)[0]
    action = re.findall(r'<form[^>]* action="([^"]+)"', text)[0]
    return await browser.post(action, data={"grant": grant, "do": button, **fields})


async def test_ada_finds_it_too_expensive_and_takes_half_the_price(
    browser: Browser, aiocancel_stripe: StripeSimulator
) -> None:
    why = await browser.get("/cancel")
    assert "Why are you leaving?" in await why.text()

    offer = await press(browser, why, "continue", reason="too_expensive")
    assert "50% off your next 3 payments" in await offer.text()
    assert "Cancel subscription" in await offer.text()

    outcome = await press(browser, offer, "accept", offer="half_price")
    assert "You get 50% off your next 3 payments" in await outcome.text()
    assert len(aiocancel_stripe.subscriptions["sub_ada"]["discounts"]) == 1


async def test_ada_leaves_in_spite_of_the_offer(
    browser: Browser, aiocancel_stripe: StripeSimulator
) -> None:
    why = await browser.get("/cancel")
    offer = await press(browser, why, "continue", reason="too_expensive")

    outcome = await press(browser, offer, "cancel")

    assert outcome.status == 200
    subscription = aiocancel_stripe.subscriptions["sub_ada"]
    assert subscription["cancel_at_period_end"] is True
    assert subscription["cancellation_details"]["feedback"] == "too_expensive"


def test_every_path_of_the_flow_keeps_its_promises(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["flow", "check", "flow_shop:cancel"]) == 0
    assert "the exit works on every screen" in capsys.readouterr().out
