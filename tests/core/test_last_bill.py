"""A letter says that no further payment is taken only where Stripe says so."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from aiocancel.core.flow.preview import Preview
from aiocancel.core.last_bill import LastBill, last_bill
from aiocancel.core.subscription import CollectionPause, PendingUpdate, Subscription
from tests.support.priced_subscription import ACTIVE, DUE, NOW, PRO, USAGE

ENDING = replace(ACTIVE, cancel_at_period_end=True, cancel_at=DUE)
OWED, CREDIT = Preview("eur", 500, 500), Preview("eur", -500, 0)
PAID = {"status": "paid"}
NOTHING, MAY_COME, IS_OPEN = LastBill


@pytest.mark.parametrize(
    ("subscription", "upcoming", "latest", "expected"),
    [
        pytest.param(ENDING, None, PAID, NOTHING, id="paid"),
        pytest.param(ENDING, None, None, NOTHING, id="never_billed"),
        pytest.param(replace(ENDING, status="trialing"), None, PAID, NOTHING, id="trial"),
        pytest.param(ENDING, None, {"status": "void"}, NOTHING, id="given_up"),
        # What is paid later.
        pytest.param(ENDING, OWED, PAID, MAY_COME, id="pending_item"),
        pytest.param(replace(ENDING, items=(PRO, USAGE)), None, PAID, MAY_COME, id="usage"),
        pytest.param(ENDING, None, {"status": "draft"}, MAY_COME, id="renewed_just_now"),
        # What is owed already.
        pytest.param(replace(ENDING, status="past_due"), None, PAID, IS_OPEN, id="past_due"),
        pytest.param(replace(ENDING, status="unpaid"), OWED, PAID, IS_OPEN, id="unpaid"),
        pytest.param(ENDING, None, {"status": "open"}, IS_OPEN, id="open"),
        pytest.param(
            replace(ACTIVE, status="canceled", ended_at=NOW), None, {"status": "open"}, IS_OPEN,
            id="open_after_an_end_at_once",
        ),
        # What nobody knows.
        pytest.param(ENDING, CREDIT, PAID, None, id="credit"),
        pytest.param(ENDING, None, "in_1", None, id="invoice_not_read"),
        pytest.param(ENDING, None, {}, None, id="invoice_without_status"),
        pytest.param(replace(ENDING, items=()), None, PAID, None, id="no_items"),
        pytest.param(replace(ENDING, has_more_items=True), None, PAID, None, id="more_items"),
        pytest.param(replace(ENDING, status="paused"), None, PAID, None, id="paused"),
        pytest.param(
            replace(ENDING, paused=CollectionPause("keep_as_draft", None)),
            None, PAID, None, id="payments_paused",
        ),
        pytest.param(
            replace(ENDING, pending_update=PendingUpdate(("price_2",), DUE)),
            None, PAID, None, id="pending_update",
        ),
        pytest.param(
            replace(ENDING, charges_automatically=False), None, PAID, None, id="sends_invoices"
        ),
        # Another end than the one that is told.
        pytest.param(ACTIVE, None, PAID, None, id="goes_on"),
        pytest.param(replace(ENDING, status="canceled", ended_at=NOW), None, PAID, None, id="ended"),
        pytest.param(
            replace(ENDING, cancel_at=DUE - timedelta(days=3)), None, PAID, None, id="other_end"
        ),
    ],
)  # fmt: skip
def test_no_further_payment_is_promised_only_where_it_is_known(
    subscription: Subscription, upcoming: Preview | None, latest: object, expected: LastBill | None
) -> None:
    assert last_bill(subscription, DUE, upcoming, latest) is expected
