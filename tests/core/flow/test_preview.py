"""Stripe's preview is read whole or not at all."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from aiocancel.core.flow.preview import Preview, PreviewLine, read_preview

START, END = datetime(2026, 12, 26, tzinfo=UTC), datetime(2027, 1, 26, tzinfo=UTC)


def line(amount: int = 2900, *, proration: bool = False, **changes: Any) -> dict[str, Any]:
    return {
        "amount": amount,
        "discountable": not proration,
        "period": {"start": int(START.timestamp()), "end": int(END.timestamp())},
        "pricing": {"price_details": {"price": "price_pro"}},
        "parent": {"subscription_item_details": {"proration": proration}},
    } | changes


def invoice(*lines: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {
        "object": "invoice",
        "currency": "eur",
        "total": 2900,
        "amount_due": 2900,
        "starting_balance": 0,
        "lines": {"data": list(lines or (line(),)), "has_more": False},
    } | changes


def test_preview_is_read_with_its_lines_discounts_and_balance() -> None:
    data = invoice(
        line(),
        line(-1400, proration=True),
        line(500, parent={"invoice_item_details": {"proration": False}}, pricing=None),
        total_discount_amounts=[
            {"discount": "di_1", "amount": 290},
            {"discount": {"id": "di_2"}, "amount": 10},
        ],
        starting_balance=-300,
    )

    preview = read_preview(data, proration_date=17)

    assert preview == Preview(
        "eur",
        2900,
        2900,
        -300,
        (
            PreviewLine(2900, "price_pro", False, True, START, END),
            PreviewLine(-1400, "price_pro", True, False, START, END),
            PreviewLine(500, None, True, True, START, END),
        ),
        {"di_1": 290, "di_2": 10},
        proration_date=17,
    )


@pytest.mark.parametrize(
    ("taxes", "expected"),
    [
        (None, None),
        ([], None),
        ([{"amount": 0, "tax_behavior": "exclusive"}], None),
        ([{"amount": 463, "tax_behavior": "inclusive"}], "included"),
        ([{"amount": 551, "tax_behavior": "exclusive"}], "added"),
        (
            [
                {"amount": 463, "tax_behavior": "inclusive"},
                {"amount": 1, "tax_behavior": "exclusive"},
            ],
            "added",
        ),
    ],
    ids=["absent", "none", "zero", "inclusive", "exclusive", "both"],
)
def test_tax_is_included_added_or_none(taxes: Any, expected: str | None) -> None:
    assert read_preview(invoice(total_taxes=taxes)).tax == expected


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"object": "error"},
        invoice(object="subscription"),
        invoice(lines={"data": [line()], "has_more": True}),
        invoice(total=None),
        invoice(total="2900"),
        invoice(total=29.0),
        invoice(amount_due=True),
        invoice(line(period=None)),
        invoice(line(period={"start": 1e300, "end": 1})),
        invoice(lines={"data": [{}]}),
        invoice(lines=None),
        invoice(total_discount_amounts=[{"discount": "di_1", "amount": None}]),
        invoice(total_taxes=[{"amount": 3}]),
    ],
    ids=range(14),
)
def test_preview_that_lacks_something_is_refused(data: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="Stripe's preview"):
        read_preview(data)
