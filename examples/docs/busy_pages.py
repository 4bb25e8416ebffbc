"""Keep the flow's lookup off pages that everybody opens."""

from __future__ import annotations

from typing import Any

import aiohttp_jinja2
import asyncpg
import jinja2
from aiohttp import web

import aiocancel

PAGE = "<!doctype html><title>Account</title>{{ cancel_flow.script() }}{{ cancel_flow.button() }}"


class Pages:
    """Two pages of one site, each in the way that fits it."""

    def __init__(self, cancel: aiocancel.CancelFlow, pool: asyncpg.Pool[asyncpg.Record]) -> None:
        self._cancel = cancel
        self._pool = pool

    @aiohttp_jinja2.template("account.html")
    async def account(self, request: web.Request) -> dict[str, Any]:
        """Show a customer's plan, which this handler reads in any case: aiocancel does not read it again."""
        row = await self._pool.fetchrow(
            "SELECT stripe_subscription_id, seats FROM customers WHERE id = $1",
            request.headers.get("X-Customer"),
        )
        mine = None if row is None else row["stripe_subscription_id"]
        await self._cancel.use(request, mine, row)
        return {}

    @aiohttp_jinja2.template("account.html")
    async def home(self, _: web.Request) -> dict[str, Any]:
        """Show the page that everybody opens: no lookup and no signature until the button is pressed."""
        return {}


def make_app(cancel: aiocancel.CancelFlow, pool: asyncpg.Pool[asyncpg.Record]) -> web.Application:
    """Make the site; no handler of it is marked as a flow page."""
    app = web.Application()
    aiohttp_jinja2.setup(app, loader=jinja2.DictLoader({"account.html": PAGE}))
    cancel.setup(app)
    pages = Pages(cancel, pool)
    app.router.add_get("/account", pages.account)
    app.router.add_get("/home", pages.home)
    return app
