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
from aiocancel.rate_limit import RateLimit, RateLimits

# A fifth is left to the application's own requests.
MAX_REQUESTS_PER_S: Final[Mapping[Mode, float]] = {"live": 80.0, "test": 20.0}
MAX_REQUESTS_PER_S_PER_ENDPOINT: Final = 20.0

# A page is waiting: it comes before the worker's changes, which take their slots less far ahead.
PAGE_HORIZON_S: Final = 3.0
PAGE_LONGEST_WAIT_S: Final = 3.0
# However many pages are opened, the rest of the budget is the worker's.
PAGES_SHARE: Final = 0.5

_OBJECT: Final = re.compile(r"^(/v1/[a-z_]+)/[^/]+")


def endpoint_of(method: str, path: str) -> str:
    """Return the unit that Stripe counts by, as far as it says: the method and the path without the object's id."""
    return f"{method.upper()} " + _OBJECT.sub(r"\1/:id", path)


class StripeRateLimits:
    """The turns of one client, by endpoint."""

    def __init__(
        self, billing: StripeBilling, source: SlotSource, *, for_pages: bool = False
    ) -> None:
        self._source = source
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

    def of(self, method: str, path: str) -> RateLimits:
        """Return the limits that a request falls under; none where a simulator is asked that has none."""
        # The pages' own limit comes first: who gets no turn there takes none of the worker's.
        limits = (self._pages, self.endpoint(method, path), self._account)
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
        return RateLimit(name, limit, self._source)
