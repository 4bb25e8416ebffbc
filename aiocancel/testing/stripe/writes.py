"""A request that asks a simulated Stripe for a change, and the change that it made."""

from __future__ import annotations

from typing import NamedTuple

from aiocancel.testing.stripe.objects import API_VERSION


class Effect(NamedTuple):
    """One write that really changed something: ``kind`` names the change, ``changed`` all that it touched."""

    object_id: str
    kind: str
    request_id: str
    idempotency_key: str | None
    changed: tuple[str, ...]


class Write(NamedTuple):
    """The request that asks for a change."""

    request_id: str
    idempotency_key: str | None
    version: str = API_VERSION
