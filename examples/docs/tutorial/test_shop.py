"""A customer of the shop cancels. No account anywhere is needed: PostgreSQL and Stripe run in this test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest_asyncio
from aiohttp.test_utils import TestClient
from pytest_aiohttp import AiohttpClient
from shop import make_app

import aiocancel
from aiocancel.testing import EmbeddedPostgres, StripeSimulator


@pytest_asyncio.fixture
async def stripe() -> AsyncIterator[tuple[StripeSimulator, str]]:
    """A Stripe account with one subscription, and the address at which it answers."""
    simulator = StripeSimulator()
    simulator.add_subscription("sub_ada")
    async with simulator.serve() as url:
        yield simulator, url


@pytest_asyncio.fixture
async def database() -> AsyncIterator[str]:
    """An empty PostgreSQL with the shop's own table and one customer in it."""
    with EmbeddedPostgres(durable=False) as server:
        connection = await asyncpg.connect(server.dsn)
        await connection.execute(
            "CREATE TABLE customers (id text PRIMARY KEY, stripe_subscription_id text)"
        )
        await connection.execute("INSERT INTO customers VALUES ('ada', 'sub_ada')")
        await connection.close()
        yield server.dsn


@pytest_asyncio.fixture
async def browser(
    aiohttp_client: AiohttpClient, stripe: tuple[StripeSimulator, str], database: str
) -> TestClient[Any, Any]:
    """The browser of Ada, who is logged in."""
    app = make_app(
        vendor=aiocancel.ProsperStack("acct_test", "a client secret"),
        billing=aiocancel.StripeBilling("sk_test_simulator", api_base=stripe[1]),
        database=database,
        grant_keys=["a grant key for this test"],
    )
    return await aiohttp_client(app, cookies={"customer": "ada"})


async def test_the_account_page_has_the_button(browser: TestClient[Any, Any]) -> None:
    page = await browser.get("/account")

    assert 'action="/cancel"' in await page.text()


async def test_ada_cancels(
    browser: TestClient[Any, Any], stripe: tuple[StripeSimulator, str]
) -> None:
    flow = (await (await browser.get("/cancel/payload")).json())["flow"]

    response = await browser.post(
        "/cancel/result",
        json={"grant": flow["grant"], "status": "canceled", "reason": "I moved abroad"},
    )

    answer = await response.json()
    assert answer["outcome"] == "scheduled"
    assert answer["message"].startswith("Your subscription is cancelled.")
    assert stripe[0].subscriptions["sub_ada"]["cancel_at_period_end"] is True
