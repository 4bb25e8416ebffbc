"""What is said of an accepted offer: one row for each, with and without Stripe's word."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from aiocancel.core.changes import (
    AddDiscount,
    Change,
    MoveTrialEnd,
    NewCoupon,
    PausePayments,
    PauseService,
    SchedulePrice,
    SwapPrice,
)
from aiocancel.core.identifiers import SubscriptionId
from aiocancel.core.offer_sentences import Given, said_of, said_of_promise
from aiocancel.core.offers.terms import (
    AcceptedOffer,
    CouponTerms,
    CustomTerms,
    PauseTerms,
    PlanTerms,
    Terms,
    TrialTerms,
)
from aiocancel.core.page_facts import ShownSubscription, read_shown
from aiocancel.core.schedule_phases import Phase, PhaseItem
from aiocancel.core.sentences import Money, Percent, Sentence

DAY = datetime(2027, 1, 26, tzinfo=UTC)
SECONDS = int(DAY.timestamp())


def at_stripe(
    *, interval: str = "month", interval_count: int = 1, **known: Any
) -> ShownSubscription:
    """A subscription to Pro as Stripe has it."""
    price = {
        "id": "price_pro",
        "unit_amount": 2900,
        "currency": "eur",
        "product": {"id": "prod_pro", "name": "Pro"},
        "recurring": {"interval": interval, "interval_count": interval_count},
    }

    return read_shown(
        {
            "id": "sub_1",
            "object": "subscription",
            "status": "active",
            "currency": "eur",
            "cancel_at_period_end": False,
            "items": {"data": [{"id": "si_1", "price": price, "quantity": 1}]},
            **known,
        }
    )


MONTHLY, YEARLY = at_stripe(), at_stripe(interval="year")
QUARTERLY = at_stripe(interval_count=3)
ON_TRIAL = at_stripe(status="trialing", trial_end=SECONDS)
PAUSED = at_stripe(pause_collection={"behavior": "void", "resumes_at": SECONDS})
QUARTER_OFF = Percent(Decimal(25))


def coupon(duration: Any = "repeating", months: int | None = 3, **known: Any) -> CouponTerms:
    return CouponTerms(
        **{"percent_off": Decimal(25), "amount_off": None, **known},
        duration=duration,
        months=months,
    )


AMOUNT = coupon("once", None, percent_off=None, amount_off=Decimal(10))
FIVE_OFF = AddDiscount("c", (), None, NewCoupon("c", None, 500, "usd", "once", None))

ROWS: list[tuple[Terms, Change | None, ShownSubscription | None, str, dict[str, Any]]] = [
    (coupon(), None, MONTHLY, "offer_off_payments", {"off": QUARTER_OFF, "count": 3}),
    (coupon(), None, YEARLY, "offer_off_months", {"off": QUARTER_OFF, "count": 3}),
    (coupon(), None, QUARTERLY, "offer_off_months", {"off": QUARTER_OFF, "count": 3}),
    # Months of a trial are no payments.
    (coupon(), None, ON_TRIAL, "offer_off_months", {"off": QUARTER_OFF, "count": 3}),
    (coupon(), None, None, "offer_off_months", {"off": QUARTER_OFF, "count": 3}),
    (coupon(months=1), None, MONTHLY, "offer_off_next_payment", {"off": QUARTER_OFF}),
    (coupon(months=1), None, YEARLY, "offer_off_months", {"off": QUARTER_OFF, "count": 1}),
    (coupon(months=None), None, MONTHLY, "offer_discount", {}),
    (coupon("once", None), None, None, "offer_off_next_payment", {"off": QUARTER_OFF}),
    (coupon("forever", None), None, None, "offer_off_for_good", {"off": QUARTER_OFF}),
    # Stripe's coupon of that id may be worth something else.
    (coupon(coupon_id="HALF"), None, MONTHLY, "offer_discount", {}),
    (AMOUNT, FIVE_OFF, None, "offer_off_next_payment", {"off": Money(500, "usd")}),
    (AMOUNT, None, MONTHLY, "offer_off_next_payment", {"off": Money(1000, "eur")}),
    (AMOUNT, None, None, "offer_discount", {}),
    (
        coupon("once", None, percent_off=None, amount_off=Decimal("0.001")),
        None,
        MONTHLY,
        "offer_discount",
        {},
    ),
    (TrialTerms(14), MoveTrialEnd(DAY, None), None, "offer_trial_until", {"date": DAY}),
    (TrialTerms(14), None, ON_TRIAL, "offer_trial_until", {"date": DAY}),
    (TrialTerms(14), None, MONTHLY, "offer", {}),
    (TrialTerms(14), None, None, "offer", {}),
    (PlanTerms("price_pro", prorate=False), None, MONTHLY, "offer_plan_named", {"plan": "Pro"}),
    (PlanTerms("price_x", prorate=False), None, MONTHLY, "offer_plan", {}),
    (
        PlanTerms("price_x", prorate=False),
        SwapPrice("si_1", "price_pro", "price_x", 1, prorate=False),
        MONTHLY,
        "offer_plan_named",
        {"plan": "Pro"},
    ),
    (PlanTerms("price_pro", prorate=False), None, None, "offer_plan", {}),
    (
        PauseTerms("month", 2, at_period_end=False),
        PausePayments("void", DAY, None),
        None,
        "offer_payments_paused_until",
        {"date": DAY},
    ),
    (
        PauseTerms("indefinitely", 0, at_period_end=False),
        PausePayments("void", None, None),
        None,
        "offer_payments_paused",
        {},
    ),
    (
        PauseTerms("month", 2, at_period_end=False),
        PauseService(DAY, None),
        None,
        "offer_subscription_paused_until",
        {"date": DAY},
    ),
    (
        PauseTerms("month", 2, at_period_end=False),
        None,
        PAUSED,
        "offer_payments_paused_until",
        {"date": DAY},
    ),
    (PauseTerms("month", 2, at_period_end=False), None, MONTHLY, "offer", {}),
    (CustomTerms(), None, MONTHLY, "offer", {}),
]


def given(terms: Terms, change: Change | None = None) -> Given:
    return Given(SubscriptionId("sub_1"), AcceptedOffer("offr_1", terms), change)


@pytest.mark.parametrize(("terms", "change", "shown", "key", "values"), ROWS)
def test_offer_is_told_as_far_as_it_is_known(
    terms: Terms,
    change: Change | None,
    shown: ShownSubscription | None,
    key: str,
    values: dict[str, Any],
) -> None:
    said = said_of(given(terms, change), shown)

    assert (said.key, said.values) == (key, values)
    # The words of an owner who replaced only the plain ones.
    assert said.plain == (None if key == "offer" else "offer")


def test_promise_says_when_it_is_kept() -> None:
    pause = said_of_promise(given(PauseTerms("month", 2, at_period_end=True)), DAY)
    other = said_of_promise(given(TrialTerms(14)), DAY)

    plan = said_of_promise(given(PlanTerms("price_pro", prorate=False, at_period_end=True)), DAY)

    assert plan == Sentence("offer_plan_from", {"date": DAY}, plain="offer_scheduled_at")
    assert pause == Sentence("offer_paused_from", {"date": DAY}, plain="offer_scheduled_at")
    assert other == Sentence("offer_scheduled_at", {"date": DAY})


def test_what_was_remembered_is_new_enough_when_it_shows_the_change() -> None:
    swap = SwapPrice("si_1", "price_pro", "price_x", 1, prorate=False)

    assert given(PlanTerms("price_pro", prorate=False), swap).is_seen_in(MONTHLY)
    assert not given(TrialTerms(1), MoveTrialEnd(DAY, None)).is_seen_in(MONTHLY)
    assert given(TrialTerms(1)).is_seen_in(MONTHLY)


def test_a_planned_plan_is_seen_by_its_schedule_until_it_has_come() -> None:
    plan = PlanTerms("price_basic", prorate=False, at_period_end=True)
    running = Phase(DAY, DAY, (PhaseItem("price_pro", 1),))
    change = SchedulePrice("sub_sched_1", running, "price_basic", "price_pro", 1, "month", 1)
    come = SchedulePrice("sub_sched_1", running, "price_pro", "price_max", 1, "month", 1)

    assert not given(plan, change).is_seen_in(MONTHLY)
    assert given(plan, change).is_seen_in(at_stripe(schedule="sub_sched_1"))
    assert given(plan, come).is_seen_in(MONTHLY)
    assert said_of(given(plan, come), MONTHLY).values == {"plan": "Pro"}
