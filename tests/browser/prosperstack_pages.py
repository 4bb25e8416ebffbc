"""Companies whose pages have ProsperStack's client."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import web
from playwright.async_api import Page

from aiocancel import CancelFlow, ProsperStack, StripeBilling
from aiocancel.testing.prosperstack.simulator import ProsperStackSimulator
from tests.browser.pages import STRICT, SiteOfStripe, StripeAndDatabase, customer_of, serve_account
from tests.support.browser import CLIENT_INTEGRITY
from tests.support.saas import CLIENT_SECRET, GRANT_KEYS, QUERY, STRIPE_KEY


@dataclass
class Site(SiteOfStripe):
    """A site under test: its pages, and the two companies behind it."""

    vendor: ProsperStackSimulator
    result_posts: list[Any]


@dataclass
class Companies(StripeAndDatabase):
    """The running Stripe and the database of the site, and the client's file."""

    client: Path

    @asynccontextmanager
    async def site(
        self,
        *,
        prepared: bool = True,
        policy: str = STRICT,
        confirmation_step: bool = False,
        plugin: Mapping[str, Any] | None = None,
        **settings: Any,
    ) -> AsyncIterator[Site]:
        """Serve the account page; ``settings`` replace those of ProsperStack, ``plugin`` those of aiocancel."""
        simulator = ProsperStackSimulator(
            client_id="acct_test", client_secret=CLIENT_SECRET, confirmation_step=confirmation_step
        )

        async with simulator.serve() as hosts:
            vendor = ProsperStack(
                **{
                    "client_id": "acct_test",
                    "client_secret": CLIENT_SECRET,
                    "api_host": hosts.api_url,
                    "app_host": hosts.app_url,
                    "script_url": "/client.js",
                    "script_integrity": CLIENT_INTEGRITY,
                    **settings,
                }
            )
            given = {"flow_pages": ["/account"] if prepared else [], **(plugin or {})}
            async with self._serve(vendor, policy=policy, **given) as (url, posts):
                yield Site(url, self.stripe, simulator, posts)

    @asynccontextmanager
    async def _serve(
        self, vendor: ProsperStack, *, policy: str, **settings: Any
    ) -> AsyncIterator[tuple[str, list[Any]]]:
        cancel = CancelFlow(
            vendor=vendor,
            billing=StripeBilling(STRIPE_KEY, api_base=self.stripe_url),
            database=self.pool,
            identify=customer_of,
            subscriptions=QUERY,
            grant_keys=GRANT_KEYS,
            content_security_policy=policy,
            return_to="/account",
            **{"widget_timeout_s": 1.5, **settings},
        )
        posts: list[Any] = []

        @web.middleware
        async def count_posts(request: web.Request, handler: Any) -> web.StreamResponse:
            if request.path == "/cancel/result":
                posts.append(request.content_type)
            response: web.StreamResponse = await handler(request)
            return response

        def add(app: web.Application) -> None:
            app.middlewares.append(count_posts)
            app.router.add_get("/client.js", self._serve_client)

        async with serve_account(cancel, add=add) as url:
            yield url, posts

    async def _serve_client(self, _: web.Request) -> web.Response:
        return web.Response(body=self.client.read_bytes(), content_type="text/javascript")


async def cancel_in_the_widget(page: Page) -> None:
    flow = page.frame_locator("iframe.prosperstack-iframe")
    await flow.locator("[data-test=reason-too_expensive]").click()
    await flow.locator("[data-test=continue]").click()
    await flow.locator("[data-test=decline-offers]").click()
    await flow.locator("[data-test=confirm-cancel]").click()
