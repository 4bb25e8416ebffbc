"""A small SaaS application for the tests: a header names the customer who is logged in."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, TypeAlias

import aiohttp_jinja2
import asyncpg
import jinja2
from aiohttp import web

from aiocancel import STRICT_POLICY, CancelFlow, ProsperStack, StripeBilling, SubscriptionQuery
from aiocancel.core.grants import GrantSealer
from aiocancel.telemetry import Event
from tests.support.waiting import until

Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"

CLIENT_SECRET = "my client secret"
GRANT_KEYS = ("a test's newest grant key", "an older grant key")
STRIPE_KEY = "sk_test_simulator"

CREATE_TABLES = """
CREATE TABLE app_subscription (
    customer_id text NOT NULL,
    stripe_subscription_id text
);
"""

QUERY = SubscriptionQuery(
    "SELECT stripe_subscription_id FROM app_subscription WHERE customer_id = $1"
)

ACCOUNT_PAGE = (
    "<!doctype html><title>Account</title>{{ cancel_flow.script() }}{{ cancel_flow.button() }}"
)


async def identify(request: web.Request) -> str | None:
    return request.headers.get("X-Customer")


def as_customer(customer_id: str) -> dict[str, str]:
    return {"X-Customer": customer_id}


def expired(grant: str) -> str:
    """The grant of a page that was open for too long: the same, made a day earlier."""
    sealer = GrantSealer(GRANT_KEYS)
    made = sealer.read(grant)
    day_s = 86_400
    return sealer.seal(
        replace(made, issued_at=made.issued_at - day_s, expires_at=made.expires_at - day_s)
    )


def vendor(**settings: Any) -> ProsperStack:
    return ProsperStack(**{"client_id": "acct_test", "client_secret": CLIENT_SECRET, **settings})


def make_cancel(
    database: str | Pool, stripe_url: str = "http://127.0.0.1:9", **settings: Any
) -> CancelFlow:
    """A plug-in with settings that work; ``stripe_url`` points nowhere unless given."""
    return CancelFlow(
        **{
            "vendor": vendor(),
            "billing": StripeBilling(api_key=STRIPE_KEY, api_base=stripe_url),
            "database": database,
            "identify": identify,
            "subscriptions": QUERY,
            "grant_keys": GRANT_KEYS,
            "content_security_policy": STRICT_POLICY,
            **settings,
        }
    )


def make_app(
    cancel: CancelFlow,
    handler: Callable[[web.Request], Awaitable[Any]] | None = None,
    *,
    page: str = ACCOUNT_PAGE,
    enable_async: bool = False,
) -> web.Application:
    """An application with one page at ``/account``, a flow page unless ``handler`` is given."""
    app = web.Application()
    aiohttp_jinja2.setup(
        app, loader=jinja2.DictLoader({"account.html": page}), enable_async=enable_async
    )
    cancel.setup(app)

    async def account(_: web.Request) -> dict[str, Any]:
        return {}

    app.router.add_get(
        "/account", aiohttp_jinja2.template("account.html")(handler or cancel.flow_page(account))
    )
    return app


async def add_customer(pool: Pool, customer_id: str, subscription_id: str | None) -> None:
    await pool.execute("INSERT INTO app_subscription VALUES ($1, $2)", customer_id, subscription_id)


class Events:
    """Keeps what the plug-in reported."""

    def __init__(self) -> None:
        self.seen: list[Event] = []

    def __call__(self, event: Event) -> None:
        self.seen.append(event)

    def of(self, kind: type[Event]) -> list[Any]:
        return [event for event in self.seen if isinstance(event, kind)]

    async def first(self, kind: type[Event], *, at_least: int = 1) -> list[Any]:
        """Wait for events of this kind: a customer may be answered before the event is reported."""
        await until(lambda: len(self.of(kind)) >= at_least)
        return self.of(kind)

    async def codes(self, kind: type[Event], *, at_least: int = 1) -> list[str]:
        """The codes of the events of this kind, once there are enough."""
        return [event.code for event in await self.first(kind, at_least=at_least)]
