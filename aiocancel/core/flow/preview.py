"""Stripe's preview of an invoice, as far as a price is read from it. Pure.

Source: https://docs.stripe.com/api/invoices/create_preview
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

Tax = Literal["included", "added"]


@dataclass(frozen=True, slots=True)
class PreviewLine:
    """One line: ``is_extra`` marks a proration, or something other than the subscription's own price."""

    amount_minor: int
    price_id: str | None
    is_extra: bool
    is_discountable: bool
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class Preview:
    """An invoice that would come.

    Args:
        currency: Stripe's lowercase code.
        total_minor: After discounts and tax; below zero where credit is more.
        due_minor: What is taken, after the customer's balance.
        balance_minor: The customer's balance before it, below zero for credit.
        lines: All lines.
        off_minor: What each discount takes off, by its id.
        tax: Whether prices include a tax, or one is added to them; None where there is none.
        proration_date: The second that it was reckoned with, which is sent with the change.
    """

    currency: str
    total_minor: int
    due_minor: int
    balance_minor: int = 0
    lines: tuple[PreviewLine, ...] = ()
    off_minor: Mapping[str, int] = field(default_factory=dict[str, int])
    tax: Tax | None = None
    proration_date: int | None = None


def read_preview(data: Mapping[str, Any], proration_date: int | None = None) -> Preview:
    """Read Stripe's JSON object of a previewed invoice.

    Args:
        data: As Stripe sent it.
        proration_date: As the preview was asked with it.

    Raises:
        ValueError: It is no invoice, lacks a field, or has more lines than were sent. A part would pass for the whole.
    """
    try:
        if data["object"] != "invoice" or data["lines"].get("has_more"):
            raise ValueError("Stripe's preview is no whole invoice")

        return Preview(
            currency=data["currency"],
            total_minor=_whole(data["total"]),
            due_minor=_whole(data["amount_due"]),
            balance_minor=_whole(data["starting_balance"]),
            lines=tuple(map(_line, data["lines"]["data"])),
            off_minor={
                _id(each["discount"]): _whole(each["amount"])
                for each in data.get("total_discount_amounts") or ()
            },
            tax=_tax(data.get("total_taxes") or ()),
            proration_date=proration_date,
        )
    except (LookupError, TypeError, AttributeError, OverflowError, OSError) as error:
        raise ValueError(f"Stripe's preview lacks a field: {type(error).__name__}") from error


def _line(data: Mapping[str, Any]) -> PreviewLine:
    parent = data["parent"]
    details = parent.get("subscription_item_details")
    pricing = (data.get("pricing") or {}).get("price_details") or {}

    return PreviewLine(
        amount_minor=_whole(data["amount"]),
        price_id=pricing.get("price"),
        is_extra=details is None or bool(details["proration"]),
        is_discountable=bool(data["discountable"]),
        starts_at=datetime.fromtimestamp(data["period"]["start"], UTC),
        ends_at=datetime.fromtimestamp(data["period"]["end"], UTC),
    )


def _tax(taxes: Any) -> Tax | None:
    behaviors = {each["tax_behavior"] for each in taxes if each["amount"]}
    if not behaviors:
        return None
    return "included" if behaviors == {"inclusive"} else "added"


def _id(named: Mapping[str, Any] | str) -> str:
    return named if isinstance(named, str) else named["id"]


def _whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError("an amount is a whole number")
    return value
