"""The price after the click is the price before it, or the owner hears of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from aiocancel.core.changes import AddDiscount, Change, PlainChange
from aiocancel.core.flow.preview import Preview, PreviewLine
from aiocancel.core.flow.promise import breaks_the_promise, came_too_late, is_past
from aiocancel.core.offers.terms import (
    AcceptedOffer,
    CouponTerms,
    PauseTerms,
    PlanTerms,
    Promised,
    Terms,
)

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


# Payments are paused until after the one that is due, and Stripe previews that one.
AFTER_A_PAUSE = Promised(1450, "eur", LATER, due=DUE)


@pytest.mark.parametrize(
    ("terms", "found", "is_broken"),
    [
        (COUPON, preview(1450), False),
        (COUPON, preview(2900), True),
        (COUPON, preview(1450, LATER), False),
        (COUPON, preview(2900, LATER), True),
        (COUPON, preview(1450, NOW + timedelta(days=1)), True),
        (PlanTerms("price_2", prorate=True), preview(0), False),
        (PlanTerms("price_2", prorate=True), preview(1450), True),
    ],
    ids=[
        "given_up_and_reduced",
        "given_up_and_not_reduced",
        "after_the_pause",
        "after_the_pause_and_not_reduced",
        "before_all",
        "plan_paid_by_credit",
        "plan_paid_before",
    ],
)
def test_invoice_that_a_pause_gives_up_shows_the_discount_and_not_its_day(
    terms: Terms, found: Preview, is_broken: bool
) -> None:
    assert breaks_the_promise(AFTER_A_PAUSE, terms, found, now=NOW) is is_broken


@pytest.mark.parametrize(
    ("promised", "now", "past"),
    [
        (Promised(1450, "eur", DUE, due=DUE), NOW, False),
        (Promised(1450, "eur", DUE, due=DUE), DUE, True),
        # The payment that was told is a later one, and the period that it was reckoned in is over.
        (Promised(1450, "eur", LATER, due=DUE), DUE, True),
        (Promised(1450, "eur", DUE), LATER, False),
        (None, LATER, False),
    ],
    ids=["to_come", "due", "of_an_old_period", "without_a_period", "without_a_price"],
)
def test_offer_is_past_once_the_period_of_its_price_is_over(
    promised: Promised | None, now: datetime, past: bool
) -> None:
    assert is_past(AcceptedOffer("o", COUPON, promised=promised), now) is past


@pytest.mark.parametrize(
    ("promised", "change", "late"),
    [
        (PROMISED, AddDiscount("half", (), DUE), False),
        (PROMISED, AddDiscount("half", (), LATER), True),
        (AFTER_A_PAUSE, AddDiscount("half", (), LATER), False),
        (PROMISED, AddDiscount("half", (), None), False),
        (PROMISED, PlainChange.CANCEL_NOW, False),
        (PROMISED, None, False),
    ],
    ids=["in_time", "after_the_payment", "within_a_pause", "nobody_knows", "another", "none"],
)
def test_discount_that_was_written_after_the_payment_that_was_told_came_too_late(
    promised: Promised, change: Change | None, late: bool
) -> None:
    assert came_too_late(promised, change) is late
