"""A letter tells the next payment only where Stripe's preview is that payment for certain."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from aiocancel.core.flow.preview import Preview
from aiocancel.core.next_payment import may_tell, next_payment
from aiocancel.core.page_facts import OpenInvoice, ShownSubscription
from aiocancel.core.sentences import Money, Sentence
from aiocancel.core.subscription import (
    AppliedDiscount,
    CollectionPause,
    PendingUpdate,
    Subscription,
)
from tests.support.priced_subscription import ACTIVE, DUE, NEXT, NOW, PRO, USAGE, line, preview

FULL = Sentence("flow_next_on", {"amount": Money(2900, "eur"), "date": DUE})
HALF = Sentence("flow_next_on", {"amount": Money(1450, "eur"), "date": DUE})
FOR_GOOD = AppliedDiscount("di_1", "half", duration="forever")
ONCE = replace(FOR_GOOD, duration="once")
PAUSED = replace(ACTIVE, paused=CollectionPause("void", DUE - timedelta(hours=1)))
WITH_USAGE = replace(ACTIVE, items=(PRO, USAGE))
LOWER = preview(off_minor={"di_1": 1450})


def told(subscription: Subscription, found: Preview | None = None) -> Sentence | None:
    return next_payment(ShownSubscription(subscription, ()), found or preview(), now=NOW)


@pytest.mark.parametrize(
    ("subscription", "found", "expected"),
    [
        (ACTIVE, preview(), FULL),
        (replace(ACTIVE, status="trialing"), preview(), FULL),
        (PAUSED, preview(), FULL),
        (replace(ACTIVE, discounts=(FOR_GOOD,)), LOWER, HALF),
        (replace(ACTIVE, customer_discount=FOR_GOOD), LOWER, HALF),
        (
            replace(PAUSED, paused=CollectionPause("void", DUE + timedelta(days=1))),
            preview(),
            Sentence("flow_next_on", {"amount": Money(2900, "eur"), "date": NEXT}),
        ),
    ],
    ids=["paid", "trial", "paused", "discount", "customers_discount", "after_a_skipped_one"],
)
def test_next_payment_is_that_of_stripes_preview(
    subscription: Subscription, found: Preview, expected: Sentence
) -> None:
    assert told(subscription, found) == expected


def test_usage_comes_on_top() -> None:
    amount = Sentence("flow_plus_usage", {"amount": Money(2900, "eur")})

    assert told(WITH_USAGE) == Sentence("flow_next_on", {"amount": amount, "date": DUE})


UNCERTAIN = {
    "past_due": replace(ACTIVE, status="past_due"),
    "service_paused": replace(ACTIVE, status="paused"),
    "ended": replace(ACTIVE, status="canceled", ended_at=NOW),
    "ending": replace(ACTIVE, cancel_at_period_end=True),
    "more_items": replace(ACTIVE, has_more_items=True),
    "sends_invoices": replace(ACTIVE, charges_automatically=False),
    "schedule": replace(ACTIVE, schedule_id="sub_sched_1"),
    "pending_update": replace(ACTIVE, pending_update=PendingUpdate(("price_2",), DUE)),
}


@pytest.mark.parametrize("name", UNCERTAIN)
def test_stripe_is_not_asked_where_something_else_may_come_first(name: str) -> None:
    shown = ShownSubscription(UNCERTAIN[name], ())

    assert not may_tell(shown)
    assert next_payment(shown, preview(), now=NOW) is None


def test_open_invoice_comes_before_the_next_one() -> None:
    shown = ShownSubscription(ACTIVE, (), open_invoice=OpenInvoice(2900, "eur", NOW))

    assert next_payment(shown, preview(), now=NOW) is None


@pytest.mark.parametrize(
    ("subscription", "found"),
    [
        (ACTIVE, preview(balance_minor=-100)),
        (ACTIVE, LOWER),
        (replace(ACTIVE, discounts=(ONCE,)), LOWER),
        (replace(ACTIVE, discounts=(AppliedDiscount("di_1", None),)), LOWER),
        (replace(PAUSED, paused=CollectionPause("void", None)), preview()),
        (replace(PAUSED, paused=CollectionPause("keep_as_draft", DUE)), preview()),
        (ACTIVE, preview(line(2900, starts_at=NOW))),
        (ACTIVE, preview(line(0))),
    ],
    ids=["credit", "unread_discount", "discount_ends", "unread_coupon", "no_end_of_the_pause", "drafts",
         "due_now", "nothing"],
)  # fmt: skip
def test_amount_that_is_not_certain_is_not_told(subscription: Subscription, found: Preview) -> None:
    assert may_tell(ShownSubscription(subscription, ()))
    assert told(subscription, found) is None
