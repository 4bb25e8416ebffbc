"""Stripe's list of events, for what its webhook did not tell."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from aiocancel.billing.client import LIST_PAGE_SIZE, StripeClient
from aiocancel.core.codes import Code
from aiocancel.core.identifiers import is_opaque_id
from aiocancel.core.stripe_news import EVENT_TYPES, StripeEvent, read_event
from aiocancel.errors import UnknownBillingError

_EVENTS: Final = "/v1/events"


class StripeEvents:
    """Stripe's list of events, for what no webhook told; kept by Stripe for 30 days.

    Source: https://docs.stripe.com/api/events/list
    """

    def __init__(self, client: StripeClient) -> None:
        self._client = client

    async def between(self, since: datetime, until: datetime | None) -> AsyncIterator[StripeEvent]:
        """Yield the events of some time that may change a subscription, newest first.

        Raises the BillingErrors of the client.
        """
        created = {"gte": int(since.timestamp())}
        if until is not None:
            created["lt"] = int(until.timestamp())
        params: dict[str, Any] = {
            "types": list(EVENT_TYPES),
            "created": created,
            "limit": LIST_PAGE_SIZE,
        }

        while True:
            body, _ = await self._client.get(_EVENTS, params)
            entries = _entries(body)
            for entry in entries:
                event = read_event(entry)
                if event is not None:
                    yield event
            if not body.get("has_more") or not entries:
                return
            params["starting_after"] = _last_id(entries)


def _entries(body: Mapping[str, Any]) -> list[Any]:
    entries = body.get("data")
    if not isinstance(entries, list):
        raise UnknownBillingError("Stripe's list of events cannot be read", code=Code.UNREADABLE)
    return entries


def _last_id(entries: Sequence[Any]) -> str:
    last = entries[-1]
    last_id = last.get("id") if isinstance(last, Mapping) else None
    if not isinstance(last_id, str) or not is_opaque_id(last_id):
        raise UnknownBillingError("Stripe's list of events cannot be read", code=Code.UNREADABLE)
    return last_id
