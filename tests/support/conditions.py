"""Conditions, and the customers for whom they hold or do not."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from aiocancel.core.flow.answers import Answers
from aiocancel.core.flow.conditions import (
    Condition,
    amount,
    column,
    country,
    history,
    in_trial,
    interval,
    place,
    plan,
    reason,
    status,
    tenure,
)
from aiocancel.core.flow.snapshot import History, Snapshot

NOW = datetime(2026, 12, 5, 15, 4, tzinfo=UTC)
NOTHING_KNOWN = Snapshot(NOW)
KNOWN = Snapshot(
    NOW,
    status="active",
    price_minor=2900,
    currency="eur",
    interval="month",
    interval_count=1,
    price_ids=("price_pro", "price_seats"),
    started_at=datetime(2026, 8, 10, tzinfo=UTC),
    country="US",
    place="US-CA",
    columns={"tier": "gold", "seats": 5, "beta": True, "score": Decimal("1.5"), "note": "5"},
    history=History(offers_taken=1, cancellations=2),
)
EXPENSIVE = Answers(reason="too_expensive")
CASES: list[tuple[str, Condition, bool]] = [
    ("reason", reason("unused", "too_expensive"), True),
    ("another reason", reason("unused"), False),
    ("plan", plan("price_seats"), True),
    ("another plan", plan("price_basic"), False),
    ("amount at its lower bound", amount(currency="eur", at_least=2900), True),
    ("amount at its upper bound", amount(currency="eur", at_most=2900), True),
    ("amount below", amount(currency="eur", at_least=2901), False),
    ("amount above", amount(currency="eur", at_most=2899), False),
    ("amount of another currency", amount(currency="usd", at_least=1), False),
    ("interval", interval("year", "month"), True),
    ("another interval", interval("year"), False),
    ("another count", interval("month", count=3), False),
    ("tenure at its lower bound", tenure(at_least_months=3), True),
    ("tenure at its upper bound", tenure(at_most_months=3), True),
    ("tenure too short", tenure(at_least_months=4), False),
    ("tenure too long", tenure(at_most_months=2), False),
    ("status", status("past_due", "active"), True),
    ("in trial", in_trial(), False),
    ("country", country("us"), True),
    ("another country", country("DE", "FR"), False),
    ("place", place("US-CA"), True),
    ("place within its country", place("US"), True),
    ("another place", place("US-MN", "DE"), False),
    ("column", column("tier", "silver", "gold"), True),
    ("another value", column("tier", "silver"), False),
    ("number", column("seats", 5), True),
    ("flag", column("beta", True), True),
    ("number at its bound", column("seats", at_least=5, at_most=5), True),
    ("number below", column("score", at_least=Decimal("1.6")), False),
    ("history", history(offers_at_most=1, cancellations_at_least=2), True),
    ("history above", history(offers_at_most=0), False),
    ("cancellations below", history(cancellations_at_least=3), False),
]
