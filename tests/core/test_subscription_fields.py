"""Whatever field of a subscription of Stripe is missing, null or of another kind: a refusal or a step, and no fault."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, get_args

import pytest

from aiocancel.core.actions import (
    ActionKind,
    PlainKind,
    Refuse,
    Write,
    next_step,
    past_the_schedule,
)
from aiocancel.core.changes import PlainChange
from aiocancel.core.codes import Code
from aiocancel.core.offers.apply import offer_step
from aiocancel.core.offers.offer_rules import DEFAULT_RULES
from aiocancel.core.offers.terms import AcceptedOffer
from aiocancel.core.schedules import DEFAULT_SCHEDULE_POLICY
from aiocancel.core.stripe_news import Standing, changes
from aiocancel.core.subscription import read_subscription
from tests.support.stripe_objects import PERIOD_END, stripe_object
from tests.support.subscription_shapes import OFFERS

NOW: Final = PERIOD_END.replace(month=2, day=10)
AT: Final = int(PERIOD_END.timestamp())
MISSING: Final = object()
OTHERS: Final[tuple[Any, ...]] = (
    None,
    "x",
    -1,
    0,
    1.5,
    True,
    10**11,
    10**18,
    [],
    {},
    [None],
    {"a": 1},
    MISSING,
)
COUPON: Final = {"id": "SAVE", "duration": "repeating"}
WHOLE: Final = stripe_object(
    currency="usd",
    created=AT - 10**7,
    start_date=AT - 10**7,
    billing_cycle_anchor=AT - 10**7,
    collection_method="charge_automatically",
    billing_mode={"type": "flexible"},
    metadata={},
    cancellation_details={"reason": None, "comment": None, "feedback": None},
    items={
        "object": "list",
        "has_more": False,
        "data": [
            {
                "id": "si_1",
                "current_period_end": AT,
                "billed_until": None,
                "quantity": 3,
                "price": {
                    "id": "price_1",
                    "recurring": {
                        "interval": "month",
                        "interval_count": 1,
                        "usage_type": "licensed",
                    },
                },
            }
        ],
    },
    discounts=[
        {"id": "di_1", "source": {"coupon": COUPON}, "start": AT - 10**6, "end": AT + 10**6}
    ],
    customer={"id": "cus_1", "discount": {"id": "di_2", "source": {"coupon": COUPON}}},
    latest_invoice={"status": "open", "created": AT, "billing_reason": "subscription_cycle"},
)
SITUATIONS: Final[dict[str, dict[str, Any]]] = {
    "active": {},
    "paused": {"status": "paused", "status_details": {"paused": {"transitioned_at": AT - 10**6}}},
    "payments paused": {"pause_collection": {"behavior": "void", "resumes_at": AT + 10**6}},
    "a plan waits": {
        "pending_update": {"expires_at": AT, "subscription_items": [{"price": {"id": "price_2"}}]}
    },
    "ends later": {
        "cancel_at": AT + 10**7,
        "canceled_at": AT - 10**6,
        "cancellation_details": {"reason": "cancellation_requested"},
    },
}


def paths(value: Any, so_far: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    entries = value.items() if isinstance(value, dict) else enumerate(value)
    for name, inner in entries:
        yield (*so_far, name)
        if isinstance(inner, dict | list):
            yield from paths(inner, (*so_far, name))


def changed(whole: Any, path: tuple[Any, ...], other: object) -> Any:
    """Return a copy with another value at the path; what lies beside the path is the same object."""
    made = whole.copy()
    first, *rest = path

    if rest:
        made[first] = changed(whole[first], tuple(rest), other)
    elif other is MISSING:
        del made[first]
    else:
        made[first] = other
    return made


@pytest.mark.parametrize("situation", SITUATIONS)
def test_a_field_of_another_kind_leads_to_a_refusal_or_a_step_and_to_no_fault(
    situation: str,
) -> None:
    whole = WHOLE | SITUATIONS[situation]
    seen = refused = 0

    for path in paths(whole):
        for other in OTHERS:
            seen += 1
            try:
                subscription = read_subscription(changed(whole, path, other))
            except ValueError:
                refused += 1
                continue
            for kind in get_args(PlainKind):
                step = next_step(kind, subscription)
                past_the_schedule(step, subscription, DEFAULT_SCHEDULE_POLICY)
            for terms in OFFERS.values():
                offer = AcceptedOffer("offr_1", terms)
                offer_step(offer, subscription, now=NOW, rules=DEFAULT_RULES)
            changes(None, Standing.of(subscription))

    assert 100 < refused < seen - 100


def test_a_line_that_is_paid_nobody_knows_how_often_takes_no_offer_and_can_be_cancelled() -> None:
    path = ("items", "data", 0, "price", "recurring", "interval_count")
    subscription = read_subscription(changed(WHOLE, path, None))

    steps = {
        name: offer_step(AcceptedOffer("offr_1", terms), subscription, now=NOW, rules=DEFAULT_RULES)
        for name, terms in OFFERS.items()
    }

    assert set(steps.values()) == {Refuse(Code.SHAPE_IS_UNKNOWN)}
    leaves = next_step(ActionKind.CANCEL_AT_PERIOD_END, subscription)
    assert leaves == Write(PlainChange.CANCEL_AT_PERIOD_END)
