"""The tutorial's shop, with a flow of its own: why, one fitting offer, and the way out on every screen."""

from __future__ import annotations

import aiohttp_jinja2
import jinja2
from aiohttp import web

import aiocancel
from aiocancel import reason, tenure

PAGE = """<!doctype html>
<title>Your account</title>
{{ cancel_flow.script() }}
<h1>Your account</h1>
{{ cancel_flow.button("Cancel subscription") }}
"""

FLOW = aiocancel.OwnFlow(
    # The best first: of those that fit a customer, the first is shown.
    offers=[
        aiocancel.PauseOffer(
            "break",
            months=(1, 2, 3),
            sentence="Your notes stay, and you can read them.",
            when=reason("unused"),
        ),
        aiocancel.CouponOffer(
            "half_price",
            percent_off=50,
            months=3,
            when=reason("too_expensive") & tenure(at_least_months=2),
        ),
    ],
    at_most_one_gift_in_days=180,
)


async def current_customer(request: web.Request) -> str | None:
    """Return the id of the logged-in customer. A real shop asks its session."""
    return request.cookies.get("customer")


def make_cancel(billing: aiocancel.StripeBilling, database: str) -> aiocancel.CancelFlow:
    """Put the plug-in together."""
    return aiocancel.CancelFlow(
        vendor=FLOW,
        billing=billing,
        database=database,
        identify=current_customer,
        subscriptions=aiocancel.SubscriptionQuery(
            "SELECT stripe_subscription_id FROM customers WHERE id = $1"
        ),
        grant_keys=["a grant key for this tutorial"],
        migrate_on_start=True,
        return_to="/account",
    )


def cancel() -> aiocancel.CancelFlow:
    """Return what ``aiocancel flow check flow_shop:cancel`` looks at; it asks neither Stripe nor the database."""
    return make_cancel(aiocancel.StripeBilling("sk_test_tutorial"), "postgresql://localhost/shop")


@aiohttp_jinja2.template("account.html")
async def account(request: web.Request) -> dict[str, str]:
    """Show the account page."""
    return {}


def make_app(billing: aiocancel.StripeBilling, database: str) -> web.Application:
    """Put the shop together."""
    app = web.Application()
    aiohttp_jinja2.setup(app, loader=jinja2.DictLoader({"account.html": PAGE}))
    make_cancel(billing, database).setup(app)
    app.router.add_get("/account", account)

    return app
