"""A site with a flow of our own for browsers: many customers, each with a cookie, in the language of another one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp_jinja2
import jinja2
from aiohttp import web

from aiocancel import Theme
from aiocancel.core.flow.conditions import reason
from aiocancel.core.flow.definition import (
    CouponOffer,
    FlowOffer,
    HandledOffer,
    PauseOffer,
    PlanOffer,
    TrialOffer,
)
from aiocancel.testing.stripe.simulator import StripeSimulator
from aiocancel.vendors.own import OwnFlow
from tests.support.saas import Pool, add_customer, make_cancel

STRICT = "default-src 'none'; base-uri 'none'; frame-ancestors 'none'"
PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Account</title>SCRIPT</head>
<body><h1>Account</h1>{{ cancel_flow.button("Leave") }}</body></html>"""
WITH_SCRIPT = PAGE.replace("SCRIPT", "{{ cancel_flow.script() }}")
WITHOUT_SCRIPT = PAGE.replace("SCRIPT", "")

# One of each kind, each the answer to another reason.
OFFERS: Sequence[FlowOffer] = (
    CouponOffer("half_price", percent_off=50, months=3, when=reason("too_expensive")),
    PauseOffer("break", months=(1, 2, 3), sentence="You can read.", when=reason("unused")),
    PlanOffer("basic", "price_basic", when=reason("too_complex")),
    PlanOffer("basic_later", "price_basic", at="period_end", when=reason("missing_features")),
    TrialOffer("more_days", 14, when=reason("low_quality")),
    HandledOffer("call", "A call", "We call you.", "Book a call", when=reason("customer_service")),
)


@dataclass
class FlowSite:
    """The running site, its Stripe, and for whom the handler of an offer of the application's own ran."""

    url: str
    pool: Pool
    stripe: StripeSimulator
    due: datetime
    handled: list[str] = field(default_factory=list)

    async def add(self, customer: str, **subscription: Any) -> None:
        """A customer of 29 euros a month, who pays next on ``due``."""
        usual = {"unit_amount": 2900, "currency": "eur", "current_period_end": self.due}
        self.stripe.add_subscription(f"sub_{customer}", **{**usual, **subscription})
        await add_customer(self.pool, customer, f"sub_{customer}")

    def account(self, customer: str, language: str = "en", *, script: bool = True) -> str:
        """The address that logs a customer in and shows the account page."""
        return f"{self.url}/come/{customer}/{language}/{'account' if script else 'plain'}"

    def subscription(self, customer: str) -> dict[str, Any]:
        return self.stripe.subscriptions[f"sub_{customer}"]


@asynccontextmanager
async def open_flow_site(
    pool: Pool,
    stripe_api: tuple[StripeSimulator, str],
    *,
    offers: Sequence[FlowOffer] = OFFERS,
    **settings: Any,
) -> AsyncIterator[FlowSite]:
    """Serve it; ``settings`` are the plug-in's."""
    stripe, stripe_url = stripe_api
    stripe.add_price("price_basic", unit_amount=900, currency="eur")

    async def identify(request: web.Request) -> str | None:
        return request.cookies.get("customer")

    def locale(request: web.Request) -> str:
        return request.cookies.get("language", "en")

    cancel = make_cancel(
        pool,
        stripe_url,
        vendor=OwnFlow(offers=offers),
        identify=identify,
        locale=locale,
        languages=["en", "de", "fr", "es", "it", "nl"],
        content_security_policy=STRICT,
        return_to="/account",
        theme=Theme(name="Northwind Notes", help="/help"),
        **{"answer_within_s": 10.0, **settings},
    )
    handled: list[str] = []

    @cancel.on_offer("call")
    async def call(offer: Any) -> None:
        handled.append(offer.customer_id)

    app = web.Application()
    pages = {"account.html": WITH_SCRIPT, "plain.html": WITHOUT_SCRIPT}
    aiohttp_jinja2.setup(app, loader=jinja2.DictLoader(pages))
    cancel.setup(app)
    for name in ("account", "plain"):
        app.router.add_get(f"/{name}", aiohttp_jinja2.template(f"{name}.html")(_nothing))
    app.router.add_get("/come/{customer}/{language}/{page}", _come)

    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        due = datetime.now(UTC).replace(microsecond=0) + timedelta(days=12)
        url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield FlowSite(url, pool, stripe, due, handled)
    finally:
        await runner.cleanup()


async def _nothing(_: web.Request) -> dict[str, Any]:
    return {}


async def _come(request: web.Request) -> web.Response:
    response = web.Response(
        status=303,
        headers={"Location": f"/{request.match_info['page']}", "Cache-Control": "no-store"},
    )
    for name in ("customer", "language"):
        response.set_cookie(name, request.match_info[name])
    return response
