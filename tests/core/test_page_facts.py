"""Stripe's subscription with what customers read: refused where it lacks a field, never guessed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from aiocancel.core.page_facts import (
    OpenInvoice,
    ShownSubscription,
    about,
    outlives,
    read_shown,
    still_open,
)
from aiocancel.core.sentences import Money, Sentence
from tests.support.every_letter import AGREED, AGREED_LATER, ENDED, ENDS, LEAVING, STAYS
from tests.support.stripe_objects import stripe_object


@pytest.mark.parametrize(
    "item", [{"price": None}, {"price": {}}, {"price": {"id": "price_1", "recurring": 7}}]
)
def test_a_line_whose_price_cannot_be_read_is_refused(item: dict[str, Any]) -> None:
    line = {"id": "si_1", "current_period_end": 1_800_000_000}
    data = stripe_object(items={"object": "list", "data": [line | item]})

    with pytest.raises(ValueError, match=r"lacks a field"):
        read_shown(data)


def test_an_amount_and_a_product_of_another_shape_are_left_out() -> None:
    price = {"id": "price_1", "unit_amount": "many", "product": 7}
    line = {"id": "si_1", "current_period_end": 1_800_000_000, "price": price, "quantity": 1}

    [shown] = read_shown(stripe_object(items={"object": "list", "data": [line]})).lines

    assert (shown.minor, shown.name) == (None, None)


@pytest.mark.parametrize(
    ("recurring", "sentence"),
    [
        ({"interval": "month", "interval_count": 1}, "price_per_month"),
        ({"interval": "fortnight", "interval_count": 1}, None),
        ({"interval": None, "interval_count": 1}, None),
        ({"interval": "month", "interval_count": None}, None),
        ({"interval": "month"}, None),
        ({}, None),
    ],
    ids=["monthly", "a new word", "no word", "no count", "a count left out", "nothing"],
)
def test_no_price_is_told_where_nobody_knows_how_often_it_is_paid(
    recurring: dict[str, Any], sentence: str | None
) -> None:
    price = {"id": "price_1", "unit_amount": 2900, "currency": "eur", "recurring": recurring}
    line = {"id": "si_1", "current_period_end": CREATED, "price": price, "quantity": 1}
    shown = read_shown(stripe_object(items={"object": "list", "data": [line]}))

    told = about(None, shown, MADE).price

    assert (None if told is None else told.key) == sentence


CREATED = 1_795_651_200
MADE = datetime.fromtimestamp(CREATED, UTC)
INVOICE = {
    "object": "invoice",
    "status": "open",
    "amount_remaining": 1900,
    "currency": "eur",
    "created": CREATED,
    "hosted_invoice_url": "https://invoice.example/secret",
}


def with_invoice(invoice: object, status: str = "past_due") -> dict[str, Any]:
    return stripe_object(status=status, latest_invoice=invoice)


@pytest.mark.parametrize("status", ["past_due", "unpaid", "canceled"])
def test_what_remains_of_the_open_invoice_is_told_with_its_day(status: str) -> None:
    shown = read_shown(with_invoice(INVOICE, status))

    assert shown.open_invoice == OpenInvoice(1900, "eur", MADE)
    assert still_open(shown) == Sentence(
        "flow_fact_open", {"amount": Money(1900, "eur"), "date": MADE}
    )
    # Anybody with that address sees the invoice.
    assert shown.subscription.payment_url is None
    assert "secret" not in repr(shown)


NOT_KNOWN: dict[str, object] = {
    "not read": "in_1",
    "none": None,
    "paid": INVOICE | {"status": "paid"},
    "draft": INVOICE | {"status": "draft"},
    "void": INVOICE | {"status": "void"},
    "nothing remains": INVOICE | {"amount_remaining": 0},
    "no sum": INVOICE | {"amount_remaining": None},
    "a truth for a sum": INVOICE | {"amount_remaining": True},
    "text for a sum": INVOICE | {"amount_remaining": "1900"},
    "no currency": INVOICE | {"currency": None},
    "nobody knows its minor units": INVOICE | {"currency": "ugx"},
    "no day": INVOICE | {"created": None},
    "a day that no calendar has": INVOICE | {"created": 10**18},
}


@pytest.mark.parametrize("name", NOT_KNOWN)
def test_no_sum_is_invented_where_none_is_certain(name: str) -> None:
    overdue = read_shown(with_invoice(NOT_KNOWN[name]))
    ended = read_shown(with_invoice(NOT_KNOWN[name], "canceled"))

    assert overdue.open_invoice is None
    assert still_open(overdue) == Sentence("confirm_past_due")
    assert still_open(ended) is None


def test_an_open_invoice_that_is_not_overdue_is_not_told() -> None:
    assert still_open(read_shown(with_invoice(INVOICE, "active"))) is None
    assert still_open(None) is None


@pytest.mark.parametrize(
    ("shown", "ends_at", "expected"),
    [
        (STAYS, ENDS, True),
        (STAYS, None, True),
        (LEAVING, ENDS, False),
        (ENDED, ENDS, False),
        # An agreed end that stood, and one that gave way and is back.
        (AGREED, ENDS, False),
        (AGREED, None, False),
        (AGREED_LATER, ENDS, True),
    ],
    ids=["stays", "stays_undated", "leaves", "ended", "agreed", "agreed_undated", "agreed_later"],
)
def test_cancellation_was_taken_back_where_the_subscription_outlives_it(
    shown: ShownSubscription, ends_at: datetime | None, expected: bool
) -> None:
    assert outlives(shown, ends_at) is expected
