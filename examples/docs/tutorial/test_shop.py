"""A customer of the shop cancels. No account anywhere is needed: PostgreSQL and Stripe run in this test."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import asyncpg
import pytest_asyncio
from aiohttp.test_utils import TestClient
from pytest_aiohttp import AiohttpClient
from shop import make_app

import aiocancel
from aiocancel.testing import Customer, StripeSimulator


@pytest_asyncio.fixture
async def database(aiocancel_database: str) -> str:
    """A fresh PostgreSQL database with the shop's own table and one customer in it."""
    connection = await asyncpg.connect(aiocancel_database)
    await connection.execute(
        "CREATE TABLE customers (id text PRIMARY KEY, stripe_subscription_id text)"
    )
    await connection.execute("INSERT INTO customers VALUES ('ada', 'sub_ada')")
    await connection.close()
    return aiocancel_database


@pytest_asyncio.fixture
async def browser(
    aiohttp_client: AiohttpClient,
    aiocancel_stripe: StripeSimulator,
    aiocancel_stripe_url: str,
    database: str,
) -> TestClient[Any, Any]:
    """The browser of Ada, who is logged in and has a subscription."""
    aiocancel_stripe.add_subscription("sub_ada")
    app = make_app(
        vendor=aiocancel.ProsperStack("acct_test", "a client secret"),
        billing=aiocancel.StripeBilling(aiocancel_stripe.api_key, api_base=aiocancel_stripe_url),
        database=database,
        grant_keys=["a grant key for this test"],
    )
    return await aiohttp_client(app, cookies={"customer": "ada"})


async def test_the_account_page_has_the_button(browser: TestClient[Any, Any]) -> None:
    page = await browser.get("/account")

    assert 'action="/cancel"' in await page.text()


async def test_ada_cancels(
    browser: TestClient[Any, Any],
    aiocancel_customer: Callable[..., Customer],
    aiocancel_stripe: StripeSimulator,
) -> None:
    ada = aiocancel_customer(browser)

    answer = await ada.cancel(reason="I moved abroad")

    assert answer["outcome"] == "scheduled"
    assert answer["message"].startswith("Your subscription is cancelled.")
    assert aiocancel_stripe.subscriptions["sub_ada"]["cancel_at_period_end"] is True
