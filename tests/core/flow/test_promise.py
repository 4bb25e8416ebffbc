"""The price after the click is the price before it, or the owner hears of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from aiocancel.core.flow.preview import Preview, PreviewLine
from aiocancel.core.flow.promise import breaks_the_promise
from aiocancel.core.offers.terms import CouponTerms, PauseTerms, Promised, Terms

NOW = datetime(2026, 12, 5, tzinfo=UTC)
DUE = datetime(2026, 12, 26, tzinfo=UTC)
LATER = DUE + timedelta(days=31)
PROMISED = Promised(1450, "eur", DUE)
COUPON = CouponTerms(None, None, "once")
PAUSE = PauseTerms("month", 1, at_period_end=True)


def preview(due_minor: int = 1450, at: datetime = DUE, currency: str = "eur") -> Preview:
    line = PreviewLine(due_minor, "price_1", False, True, at, at + timedelta(days=31))
    return Preview(currency, due_minor, due_minor, lines=(line,))


@pytest.mark.parametrize(
    ("terms", "found", "now", "is_broken"),
    [
        (COUPON, preview(), NOW, False),
        (COUPON, preview(at=DUE + timedelta(minutes=5)), NOW, False),
        (COUPON, preview(2900), NOW, True),
        (COUPON, preview(1451), NOW, True),
        (COUPON, preview(at=LATER), NOW, True),
        (COUPON, preview(900, NOW + timedelta(days=1)), NOW, True),
        (COUPON, preview(0, NOW + timedelta(days=1)), NOW, False),
        (COUPON, preview(currency="usd"), NOW, True),
        (COUPON, Preview("eur", 0, 0), NOW, False),
        (COUPON, preview(2900), DUE, False),
        (PAUSE, preview(2900), NOW, False),
    ],
    ids=[
        "as_told",
        "minutes_later",
        "without_the_discount",
        "a_cent_more",
        "a_month_later",
        "earlier",
        "paid_by_credit_before",
        "another_currency",
        "nothing_to_see",
        "due_already",
        "a_pause",
    ],
)
def test_a_price_that_is_another_than_the_one_told_is_found(
    terms: Terms, found: Preview, now: datetime, is_broken: bool
) -> None:
    assert breaks_the_promise(PROMISED, terms, found, now=now) is is_broken
