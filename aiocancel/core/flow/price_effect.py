"""What an offer costs, in three rows: today, the next payment, from then on. Data without words. Pure.

Every amount is Stripe's own, out of a preview. Where a row cannot be known there is no price at all: never 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Literal

from aiocancel.core.sentences import Money


class TodayKind(StrEnum):
    """The words of the first row."""

    NOTHING = "nothing"
    PAY = "pay"
    CREDIT_IS_KEPT = "credit_is_kept"
    PLAN_IS_KEPT = "plan_is_kept"
    NOTHING_CHANGES = "nothing_changes"


class NextKind(StrEnum):
    """The words of the second row."""

    PLAIN = "plain"
    UNLESS_CANCELED = "unless_canceled"
    AFTER_CREDIT = "after_credit"
    AS_BEFORE = "as_before"


@dataclass(frozen=True, slots=True)
class TodayRow:
    """The first row: ``amount`` is what is paid, or kept as credit; None where it is neither."""

    kind: TodayKind
    amount: Money | None = None


@dataclass(frozen=True, slots=True)
class NextRow:
    """The second row: ``instead_of`` is the sum without the offer, None where it is the same or not known."""

    kind: NextKind
    amount: Money
    at: datetime
    instead_of: Money | None = None


@dataclass(frozen=True, slots=True)
class Rate:
    """A part of the third row: ``amount`` every ``interval_count`` intervals, from a date, or until one."""

    amount: Money
    interval: str
    interval_count: int
    since: datetime | None = None
    until: datetime | None = None
    as_before: bool = False


Tax = Literal["included", "added"]


@dataclass(frozen=True, slots=True)
class PriceEffect:
    """The price of an offer, as it is shown, kept with the session, and compared afterwards.

    Args:
        today: The first row.
        next_payment: The second row.
        from_then_on: The third row: one rate, or two where a discount ends.
        tax: Whether the sums include tax, or tax is added to them; None where there is none.
        keeps_discounts: Whether discounts that the customer has are in the sums as well.
        plus_usage: Whether usage is paid for on top.
        proration_date: The second that the preview was reckoned with, to be sent with the change.
    """

    today: TodayRow
    next_payment: NextRow
    from_then_on: tuple[Rate, ...]
    tax: Tax | None = None
    keeps_discounts: bool = False
    plus_usage: bool = False
    proration_date: int | None = None
