"""The snapshot: Stripe's word, the columns that are asked for, and nothing that nobody knows."""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from aiocancel.core.flow.snapshot import (
    History,
    Snapshot,
    snapshot_from_json,
    snapshot_of,
    snapshot_to_json,
)
from aiocancel.core.identifiers import CustomerId, SubscriptionId
from aiocancel.core.page_facts import Line, ShownSubscription
from aiocancel.core.subscription import OwnedSubscription
from aiocancel.errors import UnreadableLedgerError
from tests.support.subscription_shapes import ACTIVE, NOW, PRO, SUPPORT

BEGAN = datetime(2026, 11, 30, 12, tzinfo=UTC)
LINE = Line("price_pro", "Pro", 2900, "usd", "month", 1)
SHOWN = ShownSubscription(dataclasses.replace(ACTIVE, started_at=BEGAN), (LINE,))
OWNED = OwnedSubscription(
    CustomerId("7"),
    SubscriptionId("sub_1"),
    {"tier": "gold", "seats": 5, "rate": 1.5, "gone": None, "secret": "x", "when": NOW},
)


def test_snapshot_holds_what_stripe_says() -> None:
    snapshot = snapshot_of(SHOWN, OWNED, now=NOW, country="de", place="us-mn", language="de")

    assert snapshot == Snapshot(
        NOW,
        status="active",
        price_minor=2900,
        currency="usd",
        interval="month",
        interval_count=1,
        quantity=3,
        price_ids=("price_pro",),
        plan="Pro",
        started_at=BEGAN,
        country="DE",
        place="US-MN",
        language="de",
    )


def test_snapshot_without_stripes_answer_holds_what_the_application_knows() -> None:
    snapshot = snapshot_of(None, OWNED, now=NOW, columns=("tier",), history=History(1))

    assert snapshot == Snapshot(NOW, columns={"tier": "gold"}, history=History(1))


def test_columns_that_nobody_asks_for_are_not_kept_and_others_are_comparable_or_unknown() -> None:
    wanted = ("tier", "seats", "rate", "gone", "when", "absent")

    kept = snapshot_of(None, OWNED, now=NOW, columns=wanted).columns

    assert kept == {"tier": "gold", "seats": 5, "rate": Decimal("1.5")}
    assert "gold" not in repr(snapshot_of(None, OWNED, now=NOW, columns=wanted))


@pytest.mark.parametrize(
    "value", [float("nan"), float("inf"), Decimal("NaN")], ids=["nan", "inf", "exact nan"]
)
def test_number_that_is_none_is_unknown(value: object) -> None:
    owned = dataclasses.replace(OWNED, record={"rate": value})

    assert snapshot_of(None, owned, now=NOW, columns=("rate",)).columns == {}
    assert snapshot_of(None, None, now=NOW, columns=("rate",)).columns == {}


@pytest.mark.parametrize(
    ("lines", "price", "interval"),
    [
        ((LINE, dataclasses.replace(LINE, minor=1000)), 3900, "month"),
        ((LINE, dataclasses.replace(LINE, minor=None)), None, "month"),
        ((LINE, dataclasses.replace(LINE, interval="year")), None, None),
        ((LINE, dataclasses.replace(LINE, interval_count=3)), None, None),
        ((dataclasses.replace(LINE, currency="eur"),), None, "month"),
        ((), None, None),
    ],
    ids=["two", "usage", "another interval", "another count", "another currency", "none"],
)
def test_price_is_one_sum_or_none(
    lines: tuple[Line, ...], price: int | None, interval: str | None
) -> None:
    snapshot = snapshot_of(ShownSubscription(ACTIVE, lines), None, now=NOW)

    assert (snapshot.price_minor, snapshot.interval) == (price, interval)


def test_subscription_of_which_stripe_sent_a_part_has_no_price_no_plan_and_no_interval() -> None:
    snapshot = snapshot_of(ShownSubscription(ACTIVE, (LINE,), has_more=True), None, now=NOW)

    known = (snapshot.price_minor, snapshot.plan, snapshot.interval, snapshot.price_ids)
    assert known == (None, None, None, None)


def test_currency_whose_minor_unit_is_not_clear_has_no_price() -> None:
    shown = ShownSubscription(
        dataclasses.replace(ACTIVE, currency="ugx"), (dataclasses.replace(LINE, currency="ugx"),)
    )

    assert snapshot_of(shown, None, now=NOW).price_minor is None


def test_several_items_have_no_one_quantity_and_a_plan_without_a_name_is_unknown() -> None:
    several = dataclasses.replace(ACTIVE, items=(PRO, SUPPORT))
    shown = ShownSubscription(several, (LINE, dataclasses.replace(LINE, name=None)))
    snapshot = snapshot_of(shown, None, now=NOW)

    assert (snapshot.quantity, snapshot.plan) == (None, None)


@pytest.mark.parametrize(
    ("began", "months"),
    [
        (datetime(2026, 12, 5, tzinfo=UTC), 0),
        (datetime(2026, 11, 5, tzinfo=UTC), 1),
        (datetime(2026, 11, 5, 0, 0, 1, tzinfo=UTC), 0),
        (datetime(2026, 10, 31, tzinfo=UTC), 1),
        (datetime(2025, 12, 5, tzinfo=UTC), 12),
        (datetime(2027, 3, 1, tzinfo=UTC), 0),
    ],
)
def test_tenure_counts_full_months(began: datetime, months: int) -> None:
    assert Snapshot(datetime(2026, 12, 5, tzinfo=UTC), started_at=began).months == months


def test_tenure_from_the_last_of_a_month_is_full_on_the_last_of_a_shorter_one() -> None:
    began, now = datetime(2027, 1, 31, tzinfo=UTC), datetime(2027, 2, 28, tzinfo=UTC)

    assert Snapshot(now, started_at=began).months == 1


def test_snapshot_comes_back_from_json_as_it_was() -> None:
    full = dataclasses.replace(
        snapshot_of(SHOWN, OWNED, now=NOW, columns=("tier", "rate"), country="DE"),
        trial_end=NOW,
        history=History(1, 2, NOW),
    )
    for snapshot in (full, Snapshot(NOW), Snapshot(NOW, history=History())):
        assert snapshot_from_json(json.loads(json.dumps(snapshot_to_json(snapshot)))) == snapshot


def test_snapshot_of_a_newer_release_is_refused() -> None:
    stored = snapshot_to_json(Snapshot(NOW, history=History()))

    with pytest.raises(UnreadableLedgerError):
        snapshot_from_json(stored | {"mood": 1})
    with pytest.raises(UnreadableLedgerError):
        snapshot_from_json(stored | {"history": {"refunds": 1}})
