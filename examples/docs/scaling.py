"""Web processes that only serve, and workers that only carry changes out; both make their CancelFlow here."""

from __future__ import annotations

import os

from aiohttp import web

import aiocancel


async def current_customer(request: web.Request) -> str | None:
    """Return the id of the logged-in customer."""
    return request.cookies.get("customer")


def make_cancel() -> aiocancel.CancelFlow:
    """Read the settings from the environment: ``aiocancel worker scaling:make_cancel``."""
    return aiocancel.CancelFlow(
        vendor=aiocancel.ProsperStack(
            os.environ["PROSPERSTACK_CLIENT_ID"], os.environ["PROSPERSTACK_CLIENT_SECRET"]
        ),
        billing=aiocancel.StripeBilling(
            os.environ["STRIPE_API_KEY"],
            api_base=os.environ.get("STRIPE_API_BASE", "https://api.stripe.com"),
        ),
        database=os.environ["DATABASE_URL"],
        identify=current_customer,
        subscriptions=aiocancel.SubscriptionQuery(
            "SELECT stripe_subscription_id FROM customers WHERE id = $1"
        ),
        grant_keys=os.environ["GRANT_KEYS"].split(","),
        run_worker=False,  # the site only records; `aiocancel worker` runs a worker all the same
        statement_cache_size=int(
            os.environ.get("STATEMENT_CACHE_SIZE", "100")
        ),  # 0 behind PgBouncer
    )


def make_app() -> web.Application:
    """Make the site for one web process."""
    app = web.Application()
    make_cancel().setup(app)
    return app
