"""Tell aiocancel who is logged in, from the site's own sessions."""

from __future__ import annotations

import secrets

from aiohttp import web
from aiohttp.typedefs import Handler

import aiocancel

CUSTOMER_ID = web.RequestKey("customer_id", str)
SESSIONS: dict[str, str] = {}  # session id -> customer id; a real site keeps them in a store


@web.middleware
async def load_session(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Put the customer's id on every request."""
    customer_id = SESSIONS.get(request.cookies.get("session", ""))
    if customer_id is not None:
        request[CUSTOMER_ID] = customer_id
    return await handler(request)


async def log_in(request: web.Request) -> web.Response:
    """Start a session; a real site checks a password first."""
    session_id = secrets.token_urlsafe(32)
    SESSIONS[session_id] = str((await request.post())["customer"])
    response = web.Response(text="Welcome.")
    response.set_cookie("session", session_id, httponly=True, samesite="Lax")
    return response


async def current_customer(request: web.Request) -> str | None:
    """Return the id that the session holds, and None where nobody is logged in."""
    return request.get(CUSTOMER_ID)


def make_app(database: str, billing: aiocancel.StripeBilling) -> web.Application:
    """Set sessions up first: ``identify`` needs them in aiocancel's middleware."""
    cancel = aiocancel.CancelFlow(
        vendor=aiocancel.ProsperStack("acct_test", "a client secret"),
        billing=billing,
        database=database,
        identify=current_customer,
        subscriptions=aiocancel.SubscriptionQuery(
            "SELECT stripe_subscription_id FROM customers WHERE id = $1"
        ),
        grant_keys=["a grant key"],
    )

    app = web.Application(middlewares=[load_session])
    cancel.setup(app)
    app.router.add_post("/login", log_in)

    return app
