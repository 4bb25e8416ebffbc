"""A subscription whose price is known."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from typing import Any

from aiocancel.core.flow.preview import Preview, PreviewLine
from aiocancel.core.identifiers import SubscriptionId
from aiocancel.core.subscription import Item, Subscription

# The example of the brief: Pro for €29.00 a month, paid to 26 December.
NOW = datetime(2026, 12, 5, 15, 4, tzinfo=UTC)
DUE = datetime(2026, 12, 26, tzinfo=UTC)
NEXT = datetime(2027, 1, 26, tzinfo=UTC)
PRO = Item("si_1", "price_pro", "month", 1, is_metered=False, quantity=1, period_end=DUE)
USAGE = Item("si_2", "price_usage", "month", 1, is_metered=True, period_end=DUE)
ACTIVE = Subscription(
    subscription_id=SubscriptionId("sub_1"),
    status="active",
    livemode=False,
    cancel_at_period_end=False,
    cancel_at=None,
    canceled_at=None,
    ended_at=None,
    current_period_end=DUE,
    schedule_id=None,
    last_period_end=DUE,
    currency="eur",
    items=(PRO,),
    billing_anchor=datetime(2026, 8, 26, tzinfo=UTC),
)


def line(
    amount: int = 2900, price: str = "price_pro", *, extra: bool = False, **changes: Any
) -> PreviewLine:
    made = PreviewLine(amount, price, extra, not extra, DUE, NEXT)
    return dataclasses.replace(made, **changes)


def preview(*lines: PreviewLine, **changes: Any) -> Preview:
    taken = lines or (line(),)
    off = changes.get("off_minor", {})
    total = sum(each.amount_minor for each in taken) - sum(off.values())
    balance = changes.get("balance_minor", 0)
    known: dict[str, Any] = {
        "total_minor": total,
        "due_minor": max(total + balance, 0),
        "lines": taken,
    }
    return Preview("eur", **(known | changes))
