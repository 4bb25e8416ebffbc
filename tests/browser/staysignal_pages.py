"""Companies whose pages have StaySignal's stand-in."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp

from aiocancel import CancelFlow, StaySignal, StripeBilling
from aiocancel.testing.staysignal import StaySignalSimulator
from tests.browser.pages import (
    PAGE,
    STRICT,
    SiteOfStripe,
    StripeAndDatabase,
    customer_of,
    serve_account,
)
from tests.support.saas import GRANT_KEYS, QUERY, STRIPE_KEY

ATTRIBUTE = "data-stand-in-subscription"
READY = f"() => document.querySelector('button[{ATTRIBUTE}]') && window.StandIn"


@dataclass
class Site(SiteOfStripe):
    """A site under test: its page, and the two companies behind it."""

    widget: StaySignalSimulator


@dataclass
class Companies(StripeAndDatabase):
    """The running Stripe and the database of the site, which makes StaySignal's stand-in."""

    @asynccontextmanager
    async def site(
        self,
        *,
        prepared: bool = True,
        vendor_cancels: bool = False,
        fails: bool = False,
        only_logs: bool = False,
        widget_timeout_s: float = 10.0,
        html: str = PAGE,
        **settings: Any,
    ) -> AsyncIterator[Site]:
        """Serve the account page; ``settings`` replace those of StaySignal."""
        widget = StaySignalSimulator(
            global_name="StandIn.widget.init",
            subscription_attribute=ATTRIBUTE,
            cancel=self._cancel_at_stripe if vendor_cancels else None,
            fails=fails,
            only_logs=only_logs,
        )

        async with widget.serve() as origin:
            vendor = StaySignal(
                **{
                    "script_url": f"{origin}/widget.js",
                    "global_name": "window.StandIn.widget.init",
                    "subscription_attribute": ATTRIBUTE,
                    "csp_sources": {"connect-src": [origin]},
                    "opt_out": not vendor_cancels,
                    "applies_cancellation": "vendor" if vendor_cancels else "app",
                    **settings,
                }
            )
            cancel = CancelFlow(
                vendor=vendor,
                billing=StripeBilling(STRIPE_KEY, api_base=self.stripe_url),
                database=self.pool,
                identify=customer_of,
                subscriptions=QUERY,
                grant_keys=GRANT_KEYS,
                content_security_policy=STRICT,
                return_to="/account",
                flow_pages=["/account"] if prepared else [],
                widget_timeout_s=widget_timeout_s,
            )
            async with serve_account(cancel, html) as url:
                yield Site(url, self.stripe, widget)

    async def _cancel_at_stripe(self, subscription_id: str) -> None:
        async with aiohttp.ClientSession(
            headers={"Authorization": f"Bearer {STRIPE_KEY}"}
        ) as session:
            url = f"{self.stripe_url}/v1/subscriptions/{subscription_id}"
            async with session.post(url, data={"cancel_at_period_end": "true"}) as response:
                assert response.status == 200
