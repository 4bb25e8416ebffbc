"""What a plain page asks of a customer in each situation, and when there is nothing to ask."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from aiocancel.core.identifiers import CustomerId, SubscriptionId
from aiocancel.core.page_facts import ShownSubscription, about, names_a_payment, read_shown
from aiocancel.core.plain_page import cancel_page, undo_page
from aiocancel.core.sentences import Money
from aiocancel.core.subscription import OwnedSubscription
from aiocancel.core.undo import UNDOS, undo_named

NOW = datetime(2026, 12, 5, tzinfo=UTC)
LATER = datetime(2026, 12, 26, tzinfo=UTC)
AFTER = datetime(2027, 1, 26, tzinfo=UTC)


def at(moment: datetime) -> int:
    return int(moment.timestamp())


def line(name: str | None = "Pro", *, ends: datetime = LATER, **price: Any) -> dict[str, Any]:
    recurring = {
        "interval": price.pop("interval", "month"),
        "interval_count": price.pop("interval_count", 1),
        "usage_type": price.pop("usage_type", "licensed"),
    }
    quantity = price.pop("quantity", 1)

    return {
        "id": f"si_{name}",
        "quantity": quantity,
        "current_period_end": at(ends),
        "price": {
            "id": f"price_{name}",
            "unit_amount": 2900,
            "currency": "eur",
            "product": {"id": "prod_1", "name": name},
            "recurring": recurring,
            **price,
        },
    }


def stripe(*lines: dict[str, Any], **known: Any) -> ShownSubscription:
    return read_shown(
        {
            "id": "sub_1",
            "object": "subscription",
            "status": "active",
            "currency": "eur",
            "cancel_at_period_end": False,
            "items": {"data": list(lines) or [line()]},
            **known,
        }
    )


def row(**record: Any) -> OwnedSubscription:
    return OwnedSubscription(CustomerId("ada"), SubscriptionId("sub_1"), record)


PAUSED = {"pause_collection": {"behavior": "void", "resumes_at": at(AFTER)}}
ENDING = {"cancel_at_period_end": True}
ENDED = {"status": "canceled", "ended_at": at(LATER)}

ASKED: list[tuple[ShownSubscription | None, str, list[str]]] = [
    (stripe(), "at_period_end", ["confirm_text_at_period_end_at"]),
    (stripe(), "now", ["confirm_text_now"]),
    (None, "at_period_end", ["confirm_text_at_period_end"]),
    (None, "now", ["confirm_text_now"]),
    # A date that has passed is not told as one to come.
    (stripe(line(ends=NOW - timedelta(days=1))), "at_period_end", ["confirm_text_at_period_end"]),
    (stripe(schedule="sub_sched_1"), "at_period_end", ["confirm_text_at_period_end"]),
    (
        stripe(line(), line("Storage", ends=AFTER, interval="year")),
        "at_period_end",
        ["confirm_text_at_period_end", "confirm_several"],
    ),
    (
        stripe(cancel_at=at(AFTER + timedelta(days=99))),
        "at_period_end",
        ["confirm_text_at_period_end"],
    ),
    (stripe(status="trialing", trial_end=at(LATER)), "at_period_end", ["confirm_trial_at"]),
    (
        stripe(status="past_due"),
        "at_period_end",
        ["confirm_text_at_period_end_at", "confirm_past_due"],
    ),
    (stripe(status="unpaid"), "now", ["confirm_text_now", "confirm_past_due"]),
    (stripe(**PAUSED), "at_period_end", ["confirm_text_at_period_end_at", "confirm_paused"]),
    (stripe(status="paused"), "now", ["confirm_text_now", "confirm_paused"]),
    # To end at once something that ends later still changes something.
    (stripe(**ENDING), "now", ["confirm_text_now"]),
]


@pytest.mark.parametrize(("shown", "timing", "lines"), ASKED)
def test_cancellation_is_asked_about_in_the_words_of_the_situation(
    shown: ShownSubscription | None, timing: Any, lines: list[str]
) -> None:
    page = cancel_page(None, shown, timing, NOW)

    assert page.nothing_to is None
    assert [each.key for each in page.lines] == lines
    dates = [each.values["date"] for each in page.lines if "date" in each.values]
    assert dates == [LATER] * len(dates)
    assert page.offers_unpause is ("confirm_paused" in lines)


def test_cancelled_and_ended_subscriptions_leave_nothing_to_cancel() -> None:
    already = cancel_page(None, stripe(**ENDING), "at_period_end", NOW)
    ended = cancel_page(None, stripe(**ENDED), "now", NOW)

    assert (already.nothing_to, already.offers_resume) == ("already_cancelled", True)
    assert already.lines[0].values == {"date": LATER}
    assert (ended.nothing_to, ended.offers_resume) == ("ended", False)
    assert (ended.title.key, ended.title.values) == ("ended_title_at", {"date": LATER})


@pytest.mark.parametrize(
    ("change", "known"),
    [
        ("resume", ENDING),
        ("resume", {"schedule": "sub_sched_1"}),
        ("unpause", PAUSED),
        ("unpause", {"status": "paused"}),
        ("remove_discount", {"discounts": ["di_1"]}),
        ("keep_plan", {"schedule": "sub_sched_1"}),
    ],
)
def test_undo_is_asked_about_where_there_is_something_to_undo(
    change: str, known: dict[str, Any]
) -> None:
    undo = undo_named(change)
    assert undo is not None

    assert undo_page(undo, stripe(**known)).title.key == f"{change}_title"
    assert undo_page(undo, None).nothing_to is None
    assert undo_page(undo, stripe()).nothing_to == f"nothing_to_{change}"
    assert undo_page(undo, stripe(**{**known, **ENDED})).nothing_to == "ended"


def test_every_undo_knows_when_there_is_nothing_to_undo() -> None:
    assert [undo_page(undo, stripe()).nothing_to is not None for undo in UNDOS] == [True] * len(
        UNDOS
    )


def test_columns_stand_in_where_stripe_did_not_answer_and_stripe_counts_where_it_did() -> None:
    owned = row(current_period_end=AFTER)

    without = cancel_page(owned, None, "at_period_end", NOW)
    with_stripe = cancel_page(owned, stripe(), "at_period_end", NOW)

    assert without.lines[0].values == {"date": AFTER}
    assert with_stripe.lines[0].values == {"date": LATER}
    naive = cancel_page(
        row(current_period_end=AFTER.replace(tzinfo=None)), None, "at_period_end", NOW
    )
    assert naive.lines[0].values == {"date": AFTER}
    for odd in (NOW - timedelta(days=1), "2027-01-26", None):
        page = cancel_page(row(current_period_end=odd), None, "at_period_end", NOW)
        assert page.lines[0].key == "confirm_text_at_period_end"


PRICES: list[tuple[ShownSubscription, str | None, int, str | None]] = [
    (stripe(), "price_per_month", 2900, None),
    (stripe(line(interval="year")), "price_per_year", 2900, None),
    (stripe(line(quantity=3)), "price_per_month", 8700, None),
    (stripe(line(), line("Storage", unit_amount=500)), "price_per_month", 3400, None),
    (stripe(line(), line("Storage", interval="year")), None, 0, None),
    (stripe(line(usage_type="metered")), None, 0, None),
    (stripe(line(unit_amount=None)), None, 0, None),
    (stripe(line(billing_scheme="tiered")), None, 0, None),
    (stripe(line(transform_quantity={"divide_by": 10})), None, 0, None),
    (stripe(line(currency="ugx")), None, 0, None),
    (stripe(line(), items={"data": [line()], "has_more": True}), None, 0, None),
    (stripe(discounts=["di_1"]), "price_per_month", 2900, "price_before_discounts"),
    (stripe(line(tax_behavior="exclusive")), "price_per_month", 2900, "price_plus_tax"),
]


@pytest.mark.parametrize(("shown", "key", "minor", "note"), PRICES)
def test_price_is_told_where_it_is_the_whole_price(
    shown: ShownSubscription, key: str | None, minor: int, note: str | None
) -> None:
    told = about(None, shown, NOW)

    if key is None:
        assert told.price is None
        return
    assert told.price is not None
    assert (told.price.key, told.price.values["price"]) == (
        key,
        Money(minor, shown.lines[0].currency),
    )
    assert told.price_note == note


@pytest.mark.parametrize(
    ("shown", "key"),
    [
        (stripe(), "date_next_payment"),
        (stripe(status="trialing", trial_end=at(LATER)), "date_trial_ends"),
        (stripe(**ENDING), "date_ends"),
        (stripe(**ENDED), "date_ended"),
        (stripe(**PAUSED), "date_paused_until"),
        (stripe(status="paused"), "date_paused"),
        (stripe(line(ends=NOW)), None),
        (None, None),
    ],
)
def test_date_that_matters_next_is_told(shown: ShownSubscription | None, key: str | None) -> None:
    told = about(None, shown, NOW)

    assert (None if told.date is None else told.date.key) == key
    # A pause that was promised leaves out a payment, and moves no other date.
    assert names_a_payment(told) is (key == "date_next_payment")


def test_names_are_the_applications_before_stripes_and_all_or_none() -> None:
    two = stripe(line(), line("Storage"))

    assert about(row(plan=" Team "), two, NOW).plan == "Team"
    assert about(row(plan=" ", name="Team"), two, NOW).plan == "Team"
    assert about(row(plan=7, email="ada@example.com"), two, NOW).plan == "Pro, Storage"
    assert about(None, stripe(line(), line(None)), NOW).plan is None
    assert about(None, stripe(line(None, nickname="Old Pro")), NOW).plan == "Old Pro"
    assert "ada@example.com" not in repr(about(row(email="ada@example.com"), two, NOW))


@pytest.mark.parametrize("odd", [{"object": "list"}, {"items": None}, {"items": {"data": [7]}}])
def test_what_is_no_subscription_is_not_read(odd: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="Stripe"):
        stripe(**odd)
