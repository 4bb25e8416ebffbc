"""Stripe's limits on requests, as settings become budgets: one for the account and one for each endpoint.

Source: https://docs.stripe.com/rate-limits (100 requests a second in live mode, 25 in a sandbox, 25 for an endpoint).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from aiocancel.billing.settings import StripeBilling
from aiocancel.core.identifiers import Mode
from aiocancel.core.rate_limit import limit_within
from aiocancel.ports import SlotSource
from aiocancel.rate_limit import IMPATIENT_S, RateLimit, RateLimits

# A fifth is left to the application's own requests.
MAX_REQUESTS_PER_S: Final[Mapping[Mode, float]] = {"live": 80.0, "test": 20.0}
MAX_REQUESTS_PER_S_PER_ENDPOINT: Final = 20.0

# A page is waiting: it comes before the worker's changes, which take their slots less far ahead.
PAGE_HORIZON_S: Final = 3.0
PAGE_LONGEST_WAIT_S: Final = 3.0
LONGEST_WAIT_S: Final = 15.0
HORIZON_S: Final = 1.0
# Other changes take their slots one second ahead: when it is busy, a cancellation comes before them.
CANCELLATION_HORIZON_S: Final = 2.0
# However many pages are opened, the rest of the budget is the worker's.
PAGES_SHARE: Final = 0.5

_OBJECT: Final = re.compile(r"^(/v1/(?:test_helpers/)?(?!test_helpers/)[a-z_]+)/[^/]+")


def endpoint_of(method: str, path: str) -> str:
    """Return the unit that Stripe counts by, as far as it says: the method and the path without the object's id."""
    return f"{method.upper()} " + _OBJECT.sub(r"\1/:id", path)


class StripeRateLimits:
    """The turns of one client, by endpoint."""

    def __init__(
        self,
        billing: StripeBilling,
        source: SlotSource,
        *,
        for_pages: bool = False,
        impatient: bool = False,
        for_cancellations: bool = False,
    ) -> None:
        """Make the limits of a client.

        Args:
            billing: The settings.
            source: Where all processes take their slots from.
            for_pages: A page waits: its requests come first, and have a share of their own.
            impatient: The caller holds a place that others need, and is sent away at once where no turn is near.
            for_cancellations: These requests come before those of other changes, and are not sent away behind them.
        """
        self._source = source
        self._longest_wait_s = IMPATIENT_S if impatient else LONGEST_WAIT_S
        self._horizon_s = CANCELLATION_HORIZON_S if for_cancellations else HORIZON_S
        self._prefix = f"stripe {billing.mode}"
        self._for_pages = for_pages

        limit = billing.max_requests_per_s
        per_endpoint = billing.max_requests_per_s_per_endpoint
        if not billing.simulated:
            limit = limit or MAX_REQUESTS_PER_S[billing.mode]
            per_endpoint = per_endpoint or MAX_REQUESTS_PER_S_PER_ENDPOINT

        # An endpoint's limit that is not below the account's is kept by keeping that one.
        self._per_endpoint = (
            per_endpoint if per_endpoint and (limit is None or per_endpoint < limit) else None
        )
        self._account = None if limit is None else self._pace(self._prefix, limit)
        self._pages = (
            self._pace(f"{self._prefix} pages", max(2.0, limit * PAGES_SHARE))
            if for_pages and limit is not None
            else None
        )
        self._endpoints: dict[str, RateLimit] = {}
        self._endpoints_for_pages: dict[str, RateLimit] = {}

    def of(self, method: str, path: str) -> RateLimits:
        """Return the limits that a request falls under; none where a simulator is asked that has none."""
        # The pages' own limits come first: a request that gets no turn there takes none of the worker's.
        share = self._endpoint_for_pages(method, path)
        limits = (self._pages, share, self.endpoint(method, path), self._account)
        return RateLimits([limit for limit in limits if limit is not None])

    def throttled(self, method: str, path: str, *, endpoint_only: bool) -> RateLimits:
        """Return the limits that a refusal for too many requests speaks of."""
        endpoint = self.endpoint(method, path)
        account = None if endpoint_only and endpoint is not None else self._account
        return RateLimits([limit for limit in (endpoint, account) if limit is not None])

    def endpoint(self, method: str, path: str) -> RateLimit | None:
        """Return the limit of the request's endpoint, where it has one of its own."""
        if self._per_endpoint is None:
            return None
        name = endpoint_of(method, path)
        if name not in self._endpoints:
            self._endpoints[name] = self._pace(f"{self._prefix} {name}", self._per_endpoint)
        return self._endpoints[name]

    def _endpoint_for_pages(self, method: str, path: str) -> RateLimit | None:
        """Return the pages' share of an endpoint; the worker reads subscriptions at the same one."""
        if not self._for_pages or self._per_endpoint is None:
            return None
        name = endpoint_of(method, path)
        if name not in self._endpoints_for_pages:
            share = max(2.0, self._per_endpoint * PAGES_SHARE)
            self._endpoints_for_pages[name] = self._pace(f"{self._prefix} pages {name}", share)
        return self._endpoints_for_pages[name]

    def _pace(self, name: str, requests_per_s: float) -> RateLimit:
        limit = limit_within(requests_per_s, 1.0)
        if self._for_pages:
            return RateLimit(
                name,
                limit,
                self._source,
                horizon_s=PAGE_HORIZON_S,
                longest_wait_s=PAGE_LONGEST_WAIT_S,
            )

        return RateLimit(
            name,
            limit,
            self._source,
            horizon_s=self._horizon_s,
            longest_wait_s=self._longest_wait_s,
        )
