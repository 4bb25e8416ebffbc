"""Events of the simulated Stripe: one for every change, kept for 30 days and sent to webhook endpoints.

A change of a subscription is told by comparing it with how it was, so no change can be forgotten. Signatures
are ``t=<seconds>,v1=<hex>`` with HMAC-SHA256 over ``<seconds>.<body>``: https://docs.stripe.com/webhooks
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import aiohttp

from aiocancel.testing.json_copy import copy_of
from aiocancel.testing.stripe.objects import API_VERSION, JsonObject

if TYPE_CHECKING:
    from aiocancel.testing.stripe.writes import Write

EVENTS_LAST_S = 30 * 86400
DELIVERY_TIMEOUT_S = 5.0
# Stripe goes on for three days; a test has less time.
DELIVERY_ATTEMPTS = 3


def signature(body: bytes, secret: str, timestamp: int) -> str:
    """Return the value of the header Stripe-Signature for this body."""
    signed = b"%d." % timestamp + body
    digest = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
    return f"t={timestamp},v1={digest}"


def event(
    event_id: str,
    kind: str,
    of: JsonObject,
    *,
    created: int,
    account: str | None,
    request: Write | None,
    previous: Mapping[str, Any] | None,
) -> JsonObject:
    """Build an event.

    Args:
        event_id: The event's id.
        kind: Its type.
        of: The object that it is about.
        created: When it happened.
        account: The connected account, None for the key's own.
        request: The request that caused it, None where none did.
        previous: What the changed fields were, None where no field changed.
    """
    data: JsonObject = {"object": copy_of(of)}
    if previous is not None:
        data["previous_attributes"] = dict(previous)

    built = {
        "id": event_id,
        "object": "event",
        "api_version": API_VERSION,
        "context": None,
        "created": created,
        "data": data,
        "livemode": False,
        "pending_webhooks": 0,
        "request": {
            "id": None if request is None else request.request_id,
            "idempotency_key": None if request is None else request.idempotency_key,
        },
        "type": kind,
    }

    return built if account is None else built | {"account": account}


def changes_of(before: JsonObject, after: JsonObject) -> Iterator[tuple[str, JsonObject | None]]:
    """Yield the events that tell of a changed subscription, each with the previous attributes."""
    previous = {name: before[name] for name in before if before[name] != after[name]}
    if not previous:
        return

    if after["status"] == "canceled" and before["status"] != "canceled":
        yield "customer.subscription.deleted", None
        return

    if after["status"] == "paused" and before["status"] != "paused":
        yield "customer.subscription.paused", None

    if before["status"] == "paused" and after["status"] != "paused":
        yield "customer.subscription.resumed", None

    if before["pending_update"] is not None and after["pending_update"] is None:
        applied = before["items"] != after["items"]
        yield f"customer.subscription.pending_update_{'applied' if applied else 'expired'}", None

    yield "customer.subscription.updated", previous


@dataclass
class WebhookEndpoint:
    """Where events are sent.

    Args:
        url: The address that events are posted to.
        secret: What deliveries are signed with; it starts with ``whsec_``.
        kinds: The types of event that are sent, ``*`` for all.
        connect: Whether it hears of connected accounts instead of the platform's own.
    """

    url: str
    secret: str = field(repr=False)
    kinds: tuple[str, ...] = ("*",)
    connect: bool = False

    def wants(self, of: JsonObject) -> bool:
        """Whether this event is for this endpoint."""
        is_of_connected = "account" in of
        return is_of_connected == self.connect and ("*" in self.kinds or of["type"] in self.kinds)


@dataclass(frozen=True)
class Delivery:
    """One attempt to deliver an event; ``status`` is None where no answer came."""

    event_id: str
    url: str
    status: int | None


class Courier:
    """Sends events to webhook endpoints, in the order in which they happened."""

    def __init__(self) -> None:
        self.endpoints: list[WebhookEndpoint] = []
        self.deliveries: list[Delivery] = []
        self._waiting: deque[tuple[JsonObject, WebhookEndpoint]] = deque()
        self._turn = asyncio.Lock()

    def post(self, of: JsonObject) -> None:
        """Take an event; it is sent by the next ``deliver``."""
        for endpoint in self.endpoints:
            if endpoint.wants(of):
                of["pending_webhooks"] += 1
                self._waiting.append((of, endpoint))

    async def deliver(self, timestamp: int) -> None:
        """Send what waits; an endpoint that does not answer 2xx gets it again, a few times."""
        async with self._turn, aiohttp.ClientSession() as session:
            while self._waiting:
                of, endpoint = self._waiting.popleft()
                for _ in range(DELIVERY_ATTEMPTS):
                    status = await _send(session, of, endpoint, timestamp)
                    self.deliveries.append(Delivery(of["id"], endpoint.url, status))
                    if status is not None and 200 <= status < 300:
                        of["pending_webhooks"] -= 1
                        break


async def _send(
    session: aiohttp.ClientSession, of: JsonObject, endpoint: WebhookEndpoint, timestamp: int
) -> int | None:
    body = json.dumps(of, indent=2).encode()
    headers = {
        "Content-Type": "application/json; charset=utf-8",
        "Stripe-Signature": signature(body, endpoint.secret, timestamp),
        "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
    }
    timeout = aiohttp.ClientTimeout(total=DELIVERY_TIMEOUT_S)

    try:
        async with session.post(
            endpoint.url, data=body, headers=headers, timeout=timeout, allow_redirects=False
        ) as response:
            await response.read()
            return response.status
    except (aiohttp.ClientError, TimeoutError):
        return None
