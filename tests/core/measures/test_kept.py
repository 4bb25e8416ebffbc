"""Whether a customer is still there: rules that count nobody as kept who has not paid, pauses or is leaving."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from aiocancel.core.measures.kept import (
    InvoiceBounds,
    KeptState,
    Paid,
    Reading,
    days_that_have_come,
    due_at,
    is_late,
    paid_since,
    state_of,
)
from aiocancel.core.subscription import Subscription, read_subscription

BEGAN = datetime(2026, 8, 1, tzinfo=UTC)
DAY = timedelta(days=1)
NEXT = int(datetime(2026, 9, 15, tzinfo=UTC).timestamp())
PAID = (Paid("eur", 1, 2900, 0),)
ALL = InvoiceBounds(BEGAN)


def subscription(**changed: Any) -> Subscription:
    return read_subscription(
        {
            "object": "subscription",
            "id": "sub_1",
            "status": "active",
            "livemode": False,
            "cancel_at_period_end": False,
            "items": {"data": [{"id": "si_1", "current_period_end": NEXT}]},
            **changed,
        }
    )


@pytest.mark.parametrize(
    ("changed", "state"),
    [
        ({}, KeptState.ACTIVE),
        ({"status": "trialing"}, KeptState.TRIALING),
        ({"status": "past_due"}, KeptState.UNPAID),
        ({"status": "unpaid"}, KeptState.UNPAID),
        ({"status": "incomplete"}, KeptState.UNPAID),
        ({"cancel_at_period_end": True}, KeptState.ENDING),
        ({"status": "trialing", "cancel_at_period_end": True}, KeptState.ENDING),
        ({"cancel_at": NEXT}, KeptState.ENDING),
        ({"status": "paused"}, KeptState.PAUSED),
        ({"pause_collection": {"behavior": "void", "resumes_at": None}}, KeptState.PAUSED),
        (
            {
                "cancel_at_period_end": True,
                "pause_collection": {"behavior": "void", "resumes_at": None},
            },
            KeptState.PAUSED,
        ),
        ({"status": "canceled"}, KeptState.ENDED),
        ({"status": "incomplete_expired"}, KeptState.ENDED),
    ],
    ids=str,
)
def test_a_subscription_stands_as_the_worst_that_stripe_shows(
    changed: dict[str, Any], state: KeptState
) -> None:
    assert state_of(subscription(**changed)) is state


@pytest.mark.parametrize("state", KeptState)
def test_only_who_is_active_and_has_paid_is_kept(state: KeptState) -> None:
    assert Reading(state, PAID, has_paid=True).is_kept == (state is KeptState.ACTIVE)
    # What was paid may count for a later session, and the customer is still there.
    assert Reading(state, has_paid=True).is_kept == (state is KeptState.ACTIVE)
    assert not Reading(state).is_kept
    assert not Reading(state, (Paid("eur", 0, 0, 2900),)).is_kept


@pytest.mark.parametrize("state", KeptState)
def test_only_what_has_ended_or_is_gone_is_over(state: KeptState) -> None:
    assert Reading(state).is_over == (state in ("ended", "gone"))


def invoice(paid_minor: int = 2900, **changed: Any) -> dict[str, Any]:
    return {
        "object": "invoice",
        "status": "paid",
        "currency": "eur",
        "amount_paid": paid_minor,
        "status_transitions": {"paid_at": NEXT},
        "total_discount_amounts": [],
        **changed,
    }


def test_invoices_are_added_up_for_each_currency_and_never_over_currencies() -> None:
    found = paid_since(
        [
            invoice(),
            invoice(1450, total_discount_amounts=[{"amount": 1450, "discount": "di_1"}]),
            invoice(500, currency="jpy", total_discount_amounts=None),
        ],
        ALL,
    )

    assert found == ((Paid("eur", 2, 4350, 1450), Paid("jpy", 1, 500, 0)), True)


def test_an_invoice_of_nothing_is_no_payment_but_its_gift_counts() -> None:
    free = invoice(0, total_discount_amounts=[{"amount": 2900, "discount": "di_1"}])

    assert paid_since([free], ALL) == ((Paid("eur", 0, 0, 2900),), False)


def test_a_payment_that_was_credited_afterwards_was_not_kept() -> None:
    credited = invoice(post_payment_credit_notes_amount=900)

    assert paid_since([credited], ALL) == ((Paid("eur", 1, 2000, 0),), True)


@pytest.mark.parametrize(
    "changed",
    [
        {"status": "open", "status_transitions": {"paid_at": None}},
        {"status": "void"},
        {"status_transitions": {"paid_at": None}},
        {"status_transitions": {"paid_at": int(BEGAN.timestamp()) - 1}},
    ],
    ids=str,
)
def test_what_is_not_paid_or_was_paid_before_does_not_count(changed: dict[str, Any]) -> None:
    assert paid_since([invoice(**changed)], ALL) == ((), False)


def test_a_payment_at_the_very_beginning_counts() -> None:
    at_once = invoice(status_transitions={"paid_at": int(BEGAN.timestamp())})

    assert paid_since([at_once], ALL) == ((Paid("eur", 1, 2900, 0),), True)


@pytest.mark.parametrize(
    ("paid_until", "given_until", "counted"),
    [
        (None, None, (Paid("eur", 1, 1450, 1450),)),
        (1, 1, (Paid("eur", 1, 1450, 1450),)),
        (0, 0, ()),
        (-1, -1, ()),
        # The next session took no offer: this one's goes on.
        (0, None, (Paid("eur", 0, 0, 1450),)),
        # An earlier session's offer goes on.
        (None, -9, (Paid("eur", 1, 1450, 0),)),
    ],
    ids=[
        "no other session",
        "paid before the next",
        "paid as the next began",
        "paid after the next",
        "the offer of this one",
        "the offer of an earlier one",
    ],
)
def test_an_invoice_counts_for_one_session_and_its_discount_for_one_offer(
    paid_until: int | None, given_until: int | None, counted: tuple[Paid, ...]
) -> None:
    half = invoice(1450, total_discount_amounts=[{"amount": 1450, "discount": "di_1"}])
    paid_at = datetime.fromtimestamp(NEXT, UTC)
    ends = [None if each is None else paid_at + each * DAY for each in (paid_until, given_until)]

    found = paid_since([half], InvoiceBounds(BEGAN, *ends))

    # The customer has paid since, whichever session it counts for.
    assert found == (counted, True)


@pytest.mark.parametrize(
    "broken",
    [
        {"object": "charge"},
        {**invoice(), "amount_paid": None},
        {**invoice(), "status_transitions": None},
        {**invoice(), "status_transitions": {"paid_at": 10**20}},
        {**invoice(), "total_discount_amounts": [1]},
        {**invoice(), "currency": []},
    ],
    ids=[
        "another object",
        "no amount",
        "no transitions",
        "a date past all",
        "no discount",
        "no currency",
    ],
)
def test_an_answer_that_is_no_invoice_is_refused(broken: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="lacks a field"):
        paid_since([broken], ALL)


def test_a_reading_is_due_on_its_day_and_late_a_day_after() -> None:
    due = due_at(BEGAN, 30)

    assert due == datetime(2026, 8, 31, tzinfo=UTC)
    assert not is_late(BEGAN, 30, due + timedelta(days=1))
    assert is_late(BEGAN, 30, due + timedelta(days=1, seconds=1))
    # A clock that went back.
    assert not is_late(BEGAN, 30, BEGAN)


@pytest.mark.parametrize(
    ("span", "parts"),
    [
        ((0, 10), [((0, 10), (30, 60, 90))]),
        ((0, 100), [((0, 10), (30, 60, 90)), ((10, 40), (30, 60)), ((40, 70), (30,))]),
        ((20, 50), [((20, 40), (30, 60)), ((40, 50), (30,))]),
        ((40, 41), [((40, 41), (30,))]),
        ((70, 100), []),
        ((5, 5), []),
        ((9, 3), []),
    ],
    ids=["all", "a part of each", "two days", "one day", "none", "no range", "backwards"],
)
def test_sessions_are_compared_on_the_days_that_have_come_for_them(span: Any, parts: Any) -> None:
    """The present is day 100: those who leave are read before the day, and those who stay are not."""
    first, last = span

    found = list(days_that_have_come((BEGAN + first * DAY, BEGAN + last * DAY), BEGAN + 100 * DAY))

    assert found == [((BEGAN + a * DAY, BEGAN + b * DAY), days) for (a, b), days in parts]
