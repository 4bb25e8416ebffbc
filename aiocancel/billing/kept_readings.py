"""How a subscription stands at Stripe and what was paid for it since a moment, in one request."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from aiocancel.billing.client import LIST_PAGE_SIZE, MAX_LIST_PAGES, StripeClient
from aiocancel.core.actions import ActionKind
from aiocancel.core.codes import Code
from aiocancel.core.identifiers import SubscriptionId, is_opaque_id
from aiocancel.core.measures.kept import (
    InvoiceBounds,
    KeptState,
    Reading,
    paid_since,
    state_of,
)
from aiocancel.core.subscription import Subscription, read_subscription
from aiocancel.errors import RejectedBillingError, UnknownBillingError

_INVOICES: Final = "/v1/invoices"
_WITH: Final = "data.parent.subscription_details.subscription"


class StripeKept:
    """Reads whether a customer is still there.

    The subscription comes with its invoices, newest first, so that one request tells all. One without any invoice is
    read by itself. Source: https://docs.stripe.com/api/invoices/list

    Args:
        client: Keeps to Stripe's limits with all others.
    """

    def __init__(self, client: StripeClient) -> None:
        self._client = client

    async def read(
        self, subscription_id: SubscriptionId, bounds: InvoiceBounds, account: str | None = None
    ) -> Reading:
        """Return how the subscription stands, and what was paid since; raises the BillingErrors of the client.

        Args:
            subscription_id: Stripe's id.
            bounds: When the session began, and which invoices count for it.
            account: The account that it is in; None for that of the settings.
        """
        client = self._client.on(account)
        if not is_opaque_id(subscription_id):
            raise RejectedBillingError(
                "the session names a subscription by something that is no id",
                code=Code.RESOURCE_MISSING,
            )

        try:
            invoices = await _invoices(client, subscription_id, bounds.since)
            paid, has_paid = paid_since(invoices, bounds)
            shown = _subscription_in(invoices[0]) if invoices else None
        except ValueError as error:
            raise UnknownBillingError(str(error), code=Code.UNREADABLE) from None
        except RejectedBillingError as error:
            # The list may miss one of its invoices, too: the subscription itself tells.
            if error.code == Code.RESOURCE_MISSING and await _read(client, subscription_id) is None:
                return Reading(KeptState.GONE, *paid_since([], bounds))
            raise

        shown = shown or await _read(client, subscription_id)
        state = KeptState.GONE if shown is None else state_of(shown)
        return Reading(state, paid, has_paid)


async def _read(client: StripeClient, subscription_id: SubscriptionId) -> Subscription | None:
    """Return the subscription, None where Stripe knows none of that id."""
    try:
        # As for a cancellation: discounts need a permission of their own, and say nothing here.
        return await client.read(subscription_id, ActionKind.EXPECT_CANCELLATION)
    except RejectedBillingError as error:
        if error.code == Code.RESOURCE_MISSING:
            return None
        raise


async def _invoices(
    client: StripeClient, subscription_id: SubscriptionId, since: datetime
) -> list[Mapping[str, Any]]:
    params: dict[str, Any] = {
        "subscription": subscription_id,
        "limit": LIST_PAGE_SIZE,
        "expand": [_WITH],
    }
    found: list[Mapping[str, Any]] = []

    for _ in range(MAX_LIST_PAGES):
        body, _headers = await client.get(_INVOICES, params)
        page = body.get("data")
        if not isinstance(page, list) or not all(isinstance(each, Mapping) for each in page):
            raise ValueError("Stripe's list of invoices cannot be read")
        found += page
        if not body.get("has_more") or not page or _created(page[-1]) < since:
            return found
        params["starting_after"] = _id(page[-1])
    return found


def _subscription_in(invoice: Mapping[str, Any]) -> Subscription | None:
    """Return the subscription that came with an invoice; None where Stripe sent its id alone."""
    details = (invoice.get("parent") or {}).get("subscription_details") or {}
    subscription = details.get("subscription")
    return read_subscription(subscription) if isinstance(subscription, Mapping) else None


def _created(invoice: Mapping[str, Any]) -> datetime:
    created = invoice.get("created")
    if not isinstance(created, int):
        raise ValueError("Stripe's invoice has no date")
    return datetime.fromtimestamp(created, UTC)


def _id(invoice: Mapping[str, Any]) -> str:
    named = invoice.get("id")
    if not isinstance(named, str) or not is_opaque_id(named):
        raise ValueError("Stripe's invoice has no id")
    return named
