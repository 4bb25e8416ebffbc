"""The sites of the page benchmark, each a process: ``python -m tests.benchmarks.page_sites NAME [DSN]``.

All show the same account page with a policy, a nonce and a signed payload, a page that does not use them, and a
JSON route. ``bare`` has the first with fixed text in their place.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import secrets
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp_jinja2
import asyncpg
import jinja2
from aiohttp import web
from aiohttp.typedefs import Handler

from aiocancel import SubscriptionQuery
from aiocancel.core.identifiers import CustomerId, SubscriptionId
from aiocancel.core.subscription import OwnedSubscription
from tests.support.saas import CLIENT_SECRET, GRANT_KEYS, Pool, identify, make_cancel

LOOKUP = "SELECT stripe_subscription_id FROM app_subscription WHERE customer_id = $1"

AROUND = """<!doctype html><html><head><title>{{ title }}</title>SCRIPT</head><body><h1>{{ title }}</h1>
<ul>{% for name, value in rows %}<li>{{ name }}: {{ value }}</li>{% endfor %}</ul>BUTTON</body></html>"""

BUTTON = (
    '<form method="get" action="/cancel"><button type="submit">Cancel subscription</button></form>'
)
SIGNED = "e30" * 60


def around(script: str, button: str = BUTTON) -> str:
    return AROUND.replace("SCRIPT", script).replace("BUTTON", button)


TEMPLATES = {
    "plain.html": around("", ""),
    "bare.html": around(f'<script src="/flow.js" data-flow="{SIGNED}" defer></script>'),
    "glue.html": around(
        '<script src="/flow.js" nonce="{{ nonce }}" data-flow="{{ flow|tojson|forceescape }}" defer></script>'
    ),
    "aiocancel.html": around("{{ cancel_flow.script() }}", "{{ cancel_flow.button() }}"),
}
DATA = {"title": "Account", "rows": [(f"line {number}", number) for number in range(20)]}

FindSubscription = Callable[[str], Awaitable[str | None]]


def make_site(flow_template: str) -> tuple[web.Application, Callable[..., Any]]:
    """The application without its account page, and what makes a handler of that page."""
    app = web.Application()
    aiohttp_jinja2.setup(app, loader=jinja2.DictLoader(TEMPLATES))

    @aiohttp_jinja2.template("plain.html")
    async def plain(_: web.Request) -> dict[str, Any]:
        return DATA

    async def data(_: web.Request) -> web.Response:
        return web.json_response({"answer": 42})

    app.router.add_get("/plain", plain)
    app.router.add_get("/json", data)
    return app, aiohttp_jinja2.template(flow_template)


async def fixed(customer_id: str) -> str | None:
    return f"sub_{customer_id}"


def looking_up(pool: Pool) -> FindSubscription:
    async def find(customer_id: str) -> str | None:
        row = await pool.fetchrow(LOOKUP, customer_id)
        return None if row is None else row["stripe_subscription_id"]

    return find


def bare(_: FindSubscription) -> web.Application:
    app, template = make_site("bare.html")

    @template
    async def account(_: web.Request) -> dict[str, Any]:
        return DATA

    app.router.add_get("/account", account)
    return app


# --- what one would write by hand -----------------------------------------------------------------------

POLICY = (
    "default-src 'self'; base-uri 'self'; object-src 'none'; frame-ancestors 'self'; form-action 'self'; "
    "script-src 'self' https://cdn.prosperstack.com%s; style-src 'self'; "
    "connect-src 'self' https://api.prosperstack.com; frame-src 'self' https://app.prosperstack.com"
)
SECRET = CLIENT_SECRET.encode()
CSRF_KEY = hashlib.sha256(GRANT_KEYS[0].encode()).digest()
PROOF_KEY = hashlib.sha256(b"proof" + GRANT_KEYS[0].encode()).digest()


def sign(text: str, key: bytes = SECRET) -> str:
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


@web.middleware
async def security(request: web.Request, handler: Handler) -> web.StreamResponse:
    nonce = request["nonce"] = secrets.token_urlsafe(16)
    response = await handler(request)
    response.headers["Content-Security-Policy"] = POLICY % f" 'nonce-{nonce}'"
    return response


@web.middleware
async def complete_security(request: web.Request, handler: Handler) -> web.StreamResponse:
    """The same, and what keeps a page with a customer's grant to that customer, and the page's own policy."""
    nonce = request["nonce"] = secrets.token_urlsafe(16)
    response = await handler(request)
    if "Content-Security-Policy" not in response.headers:
        response.headers["Content-Security-Policy"] = POLICY % f" 'nonce-{nonce}'"
    if request.get("flow"):
        response.headers["Cache-Control"] = "private, no-cache"
        varies = response.headers.get("Vary")
        response.headers["Vary"] = f"{varies}, Cookie" if varies else "Cookie"
    return response


async def flow_variables(
    request: web.Request, customer_id: str, find: FindSubscription
) -> dict[str, Any]:
    subscription_id = await find(customer_id)
    if subscription_id is None:
        return {"nonce": request["nonce"], "flow": None}

    # Until when, for whom, and once: a proof for the vendor to send back, and a token for the form.
    expires_at = int(time.time()) + 3600
    token = f"{customer_id}.{subscription_id}.{expires_at}.{secrets.token_urlsafe(16)}"
    payload = json.dumps(
        {
            "clientId": "acct_test",
            "subscription": {"platformId": subscription_id},
            "meta": {"proof": f"{token}.{sign(token, PROOF_KEY)}"},
        }
    )
    flow = {
        "payload": payload,
        "signature": sign(payload),
        "token": f"{token}.{sign(token, CSRF_KEY)}",
        "expiresAt": expires_at,
    }

    request["flow"] = True
    return {"nonce": request["nonce"], "flow": flow}


def glue(find: FindSubscription, *, is_complete: bool = False) -> web.Application:
    """Make the site that is written by hand; a complete one keeps the page out of shared caches as well."""
    app, template = make_site("glue.html")
    app.middlewares.append(complete_security if is_complete else security)

    @template
    async def account(request: web.Request) -> dict[str, Any]:
        customer_id = await identify(request)
        return {**DATA, **(await flow_variables(request, customer_id or "", find))}

    app.router.add_get("/account", account)
    return app


# --- ours -----------------------------------------------------------------------------------------------


class Fixed:
    """A resolver that asks nobody."""

    async def resolve(self, customer_id: str) -> OwnedSubscription:
        return OwnedSubscription(CustomerId(customer_id), SubscriptionId(f"sub_{customer_id}"))


def with_aiocancel(pool: Pool, *, looks_up: bool, way: str = "marked") -> web.Application:
    """Make a site whose account page is a marked one, ``used`` by its handler, or fetches its flow ``on click``."""
    app, template = make_site("aiocancel.html")
    subscriptions = SubscriptionQuery(LOOKUP) if looks_up else Fixed()
    cancel = make_cancel(pool, subscriptions=subscriptions, run_worker=False)
    cancel.setup(app)

    async def account(request: web.Request) -> dict[str, Any]:
        if way == "used":
            await cancel.use(request, "sub_ada")
        return DATA

    app.router.add_get(
        "/account", template(cancel.flow_page(account) if way == "marked" else account)
    )
    return app


async def serve(name: str, dsn: str) -> None:
    kind, _, looks_up = name.partition("+")
    async with asyncpg.create_pool(dsn, min_size=1, max_size=4) as pool:
        if kind.startswith("aiocancel"):
            way = kind.partition(", ")[2] or "marked"
            app = with_aiocancel(pool, looks_up=bool(looks_up), way=way)
        else:
            find = looking_up(pool) if looks_up else fixed
            app = bare(find) if kind == "bare" else glue(find)

        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        print(runner.addresses[0][1], flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(*sys.argv[1:]))
