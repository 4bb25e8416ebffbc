"""The tutorial's shop: one account page with a cancel button."""

from __future__ import annotations

import aiohttp_jinja2
import jinja2
from aiohttp import web

import aiocancel

PAGE = """<!doctype html>
<title>Your account</title>
{{ cancel_flow.script() }}
<h1>Your account</h1>
{{ cancel_flow.button("Cancel subscription") }}
"""


async def current_customer(request: web.Request) -> str | None:
    """Return the id of the logged-in customer. A real shop asks its session."""
    return request.cookies.get("customer")


@aiohttp_jinja2.template("account.html")
async def account(request: web.Request) -> dict[str, str]:
    """Show the account page."""
    return {}


def make_app(
    *,
    vendor: aiocancel.ProsperStack,
    billing: aiocancel.StripeBilling,
    database: str,
    grant_keys: list[str],
) -> web.Application:
    """Put the shop together."""
    cancel = aiocancel.CancelFlow(
        vendor=vendor,
        billing=billing,
        database=database,
        identify=current_customer,
        subscriptions=aiocancel.SubscriptionQuery(
            "SELECT stripe_subscription_id FROM customers WHERE id = $1"
        ),
        grant_keys=grant_keys,
        migrate_on_start=True,
    )

    app = web.Application()
    aiohttp_jinja2.setup(app, loader=jinja2.DictLoader({"account.html": PAGE}))
    cancel.setup(app)
    app.router.add_get("/account", account)

    return app
