"""Subscriptions as Stripe sends them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

PERIOD_END = datetime(2027, 3, 1, tzinfo=UTC)


def stripe_object(**changes: Any) -> dict[str, Any]:
    return {
        "id": "sub_1",
        "object": "subscription",
        "status": "active",
        "livemode": False,
        "cancel_at_period_end": False,
        "cancel_at": None,
        "canceled_at": None,
        "ended_at": None,
        "schedule": None,
        "items": {
            "object": "list",
            "data": [{"id": "si_1", "current_period_end": int(PERIOD_END.timestamp())}],
        },
        **changes,
    }
