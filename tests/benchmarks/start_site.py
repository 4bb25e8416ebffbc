"""A site for ``start``: ``python start_site.py bare|prosperstack|own DSN STRIPE_URL``.

It uses nothing but the public API, so that it runs with any release that is first on ``PYTHONPATH``. ``bare`` is the
same page without aiocancel.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import aiohttp_jinja2
import jinja2
from aiohttp import web

PAGE = "<!doctype html><title>Account</title>"
FLOW = "{{ cancel_flow.script() }}{{ cancel_flow.button() }}"


def join(app: web.Application, kind: str, dsn: str, stripe_url: str) -> Any:
    """Join aiocancel to the application; returns what marks its page."""
    import stripe

    import aiocancel

    stripe.enable_telemetry = False
    flow = aiocancel.ProsperStack(client_id="acct_test", client_secret="a secret")
    settings: dict[str, Any] = {"vendor": flow} if kind == "prosperstack" else {}
    cancel = aiocancel.CancelFlow(
        billing=aiocancel.StripeBilling(
            "sk_test_simulator",
            api_base=stripe_url,
            max_requests_per_s=1000,
            max_requests_per_s_per_endpoint=1000,
        ),
        database=dsn,
        identify=identify,
        subscriptions=aiocancel.SubscriptionQuery(
            "SELECT 'sub_' || $1::text AS stripe_subscription_id"
        ),
        grant_keys=["a grant key for a benchmark"],
        migrate_on_start=True,
        **settings,
    )

    cancel.setup(app)
    return cancel.flow_page


async def identify(request: web.Request) -> str | None:
    return request.headers.get("X-Customer")


async def account(_: web.Request) -> dict[str, Any]:
    return {}


async def modules(_: web.Request) -> web.Response:
    return web.json_response(sorted(sys.modules))


async def main(kind: str, dsn: str, stripe_url: str) -> None:
    app = web.Application()
    page = PAGE if kind == "bare" else PAGE + FLOW
    aiohttp_jinja2.setup(app, loader=jinja2.DictLoader({"account.html": page}))
    handler = aiohttp_jinja2.template("account.html")(account)
    if kind != "bare":
        handler = join(app, kind, dsn, stripe_url)(handler)
    app.router.add_get("/account", handler)
    app.router.add_get("/modules", modules)

    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
