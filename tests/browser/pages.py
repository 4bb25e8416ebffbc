"""The account page of the sites of browser tests, and what a customer does on the plain page behind it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp_jinja2
import jinja2
from aiohttp import web
from playwright.async_api import Page, expect

from aiocancel import CancelFlow
from aiocancel.testing.stripe.simulator import StripeSimulator
from tests.support.saas import Pool

LISTEN = """(window.told = [], ["outcome", "closed"].forEach((name) => document.addEventListener(
    `aiocancel:${name}`, (event) => window.told.push([name, event.detail.outcome]))))"""
FOCUSED = "(document.activeElement?.textContent ?? '').trim()"

STRICT = "default-src 'none'; base-uri 'none'; frame-ancestors 'none'"
NOBODY = "http://127.0.0.1:9"
PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Account</title>
{{ cancel_flow.script() }}</head>
<body><h1>Account</h1>{{ cancel_flow.button("Cancel subscription") }}{{ cancel_flow.resume_button() }}</body></html>"""


@dataclass
class SiteOfStripe:
    """A site under test, whose customer's subscription is at a simulated Stripe."""

    url: str
    stripe: StripeSimulator

    @property
    def subscription(self) -> dict[str, Any]:
        return self.stripe.subscriptions["sub_1"]


@dataclass
class StripeAndDatabase:
    """The running Stripe and the database of a site."""

    pool: Pool
    stripe: StripeSimulator
    stripe_url: str


async def customer_of(request: web.Request) -> str | None:
    """The customer who is logged in: ada, unless a cookie says another."""
    return request.cookies.get("customer", "ada")


@asynccontextmanager
async def serve_account(
    cancel: CancelFlow, html: str = PAGE, *, add: Callable[[web.Application], None] | None = None
) -> AsyncIterator[str]:
    """Serve the account page, and what ``add`` puts beside it; yields the page's URL."""
    app = web.Application()
    aiohttp_jinja2.setup(app, loader=jinja2.DictLoader({"account.html": html}))
    if add is not None:
        add(app)
    cancel.setup(app)
    app.router.add_get("/account", aiohttp_jinja2.template("account.html")(_account))
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()

    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/account"
    finally:
        await runner.cleanup()


async def _account(_: web.Request) -> dict[str, Any]:
    return {}


async def cancel_on_the_plain_page(page: Page) -> None:
    await expect(page.get_by_role("heading")).to_have_text("Cancel your subscription?")
    await page.get_by_role("button", name="Cancel subscription").click()
    await expect(page.get_by_role("status")).to_contain_text("You can use it until")
