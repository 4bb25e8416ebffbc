"""Subscriptions of every shape, the offers that they meet, and the step that follows."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from aiocancel.core.actions import (
    Step,
    Write,
    past_the_schedule,
)
from aiocancel.core.changes import (
    AddDiscount,
    Change,
    MoveEnd,
    MoveTrialEnd,
    NewCoupon,
    PausePayments,
    PauseService,
    RemoveDiscounts,
    SchedulePrice,
    SwapPrice,
)
from aiocancel.core.identifiers import SubscriptionId
from aiocancel.core.offers.apply import offer_step
from aiocancel.core.offers.offer_rules import DEFAULT_RULES, OfferRules
from aiocancel.core.offers.progress import Progress
from aiocancel.core.offers.terms import (
    AcceptedOffer,
    CouponTerms,
    CustomTerms,
    PauseInterval,
    PauseTerms,
    PlanTerms,
    Terms,
    TrialTerms,
)
from aiocancel.core.schedule_phases import Phase, PhaseItem
from aiocancel.core.schedules import (
    DEFAULT_SCHEDULE_POLICY,
    SchedulePolicy,
)
from aiocancel.core.subscription import (
    AppliedDiscount,
    CollectionPause,
    Item,
    PendingUpdate,
    Price,
    Schedule,
    Subscription,
)

NOW = datetime(2027, 2, 10, 9, 30, 0, 250_000, tzinfo=UTC)
DUE = datetime(2027, 3, 1, tzinfo=UTC)
SOON = NOW.replace(microsecond=0) + timedelta(minutes=1)
JUST_PAST = NOW.replace(microsecond=0) - timedelta(minutes=5)
YEAR_DUE = datetime(2027, 11, 20, tzinfo=UTC)
DAY = timedelta(days=1)
PRO = Item("si_pro", "price_pro", "month", 1, is_metered=False, quantity=3, period_end=DUE)
SUPPORT = Item(
    "si_support", "price_support", "month", 1, is_metered=False, quantity=1, period_end=DUE
)
USAGE = Item("si_usage", "price_usage", "month", 1, is_metered=True, period_end=DUE)
YEARLY = Item(
    "si_yearly", "price_yearly", "year", 1, is_metered=False, quantity=1, period_end=YEAR_DUE
)
BASIC = "price_basic"
ACTIVE = Subscription(
    subscription_id=SubscriptionId("sub_1"),
    status="active",
    livemode=False,
    cancel_at_period_end=False,
    cancel_at=None,
    canceled_at=None,
    ended_at=None,
    current_period_end=DUE,
    schedule_id=None,
    last_period_end=DUE,
    currency="usd",
    items=(PRO,),
)
# The running period, and a month on the other plan.
RUNNING = Phase(datetime(2027, 2, 1, tzinfo=UTC), DUE, (PhaseItem("price_pro", 3),))
ON_BASIC = Phase(DUE, datetime(2027, 4, 1, tzinfo=UTC), (PhaseItem(BASIC, 3),))
PLANNED = SchedulePrice("sub_sched_1", RUNNING, BASIC, "price_pro", 3, "month", 1)


def shape(**changes: Any) -> Subscription:
    return dataclasses.replace(ACTIVE, **changes)


def under(*phases: Phase, **changes: Any) -> Subscription:
    """Under a schedule of these phases, the first of which runs."""
    more = len(phases) > 1
    schedule = Schedule(
        "release", phases[-1].ends_at, more, phases[0].ends_at if more else None, None, phases
    )
    return shape(schedule_id="sub_sched_1", schedule=schedule, **changes)


def due_at(due: datetime, **changes: Any) -> Subscription:
    item = dataclasses.replace(PRO, period_end=due)
    return shape(current_period_end=due, last_period_end=due, items=(item,), **changes)


# The ids are the definition's own, for ever: another release must find the coupon of this one.
PERCENT_COUPON = NewCoupon("aiocancel-2c8c41bca3fc69114f0b", "12.5", None, None, "repeating", 3)
FIXED_COUPON = NewCoupon("aiocancel-8605de80ba05197f9983", None, 1000, "usd", "once", None)
EXISTING = "WINBACK"
LOYAL = AppliedDiscount("di_loyal", "LOYAL")
SAME = tuple(
    AppliedDiscount(f"di_{number}", coupon_id)
    for number, coupon_id in enumerate([FIXED_COUPON.coupon_id, EXISTING])
)
# Three payments: of March, April and May.
FOR_THREE = AppliedDiscount(
    "di_three", PERCENT_COUPON.coupon_id, None, "repeating", datetime(2027, 5, 5, tzinfo=UTC)
)
# Another customer's began a month earlier.
FOR_TWO = dataclasses.replace(FOR_THREE, ends_at=datetime(2027, 4, 5, tzinfo=UTC))
NAMED = OfferRules(plan_price_ids=frozenset({"price_support", "price_other"}))
SHAPES: dict[str, tuple[Subscription, OfferRules]] = {
    name: (subscription, DEFAULT_RULES)
    for name, subscription in {
        "active": ACTIVE,
        "trialing": shape(status="trialing", trial_end=DUE),
        "past due": shape(status="past_due"),
        "unpaid": shape(status="unpaid"),
        "incomplete": shape(status="incomplete"),
        "paused": shape(status="paused"),
        "its payments are paused": shape(paused=CollectionPause("void", None)),
        "ending with its period": shape(cancel_at_period_end=True, cancel_at=DUE),
        "ending by date": shape(cancel_at=DUE - DAY),
        "ending in a later period": shape(cancel_at=YEAR_DUE),
        "ending later, as was asked for": shape(cancel_at=YEAR_DUE, end_was_requested=True),
        "canceled": shape(status="canceled", ended_at=NOW),
        "expired": shape(status="incomplete_expired"),
        "under a schedule with nothing more to come": shape(
            schedule_id="sub_sched_1",
            schedule=Schedule("release", YEAR_DUE, has_more_to_come=False),
        ),
        "under a schedule with phases to come": shape(
            schedule_id="sub_sched_1", schedule=Schedule("release", YEAR_DUE, has_more_to_come=True)
        ),
        "under a downgrade at the period's end": shape(
            schedule_id="sub_sched_1",
            schedule=Schedule("release", YEAR_DUE, has_more_to_come=True, next_phase_at=DUE),
        ),
        "under a schedule of the running period": under(RUNNING),
        "the other plan comes with its schedule": under(RUNNING, ON_BASIC),
        "it is billed ahead": shape(items=(dataclasses.replace(PRO, billed_until=YEAR_DUE),)),
        "in flexible billing mode": shape(is_flexible=True),
        "it is sent invoices": shape(charges_automatically=False),
        "another plan waits for its payment": shape(
            pending_update=PendingUpdate(("price_max",), DUE)
        ),
        "another discount is there": shape(discounts=(LOYAL,)),
        "the same coupon is there": shape(discounts=(FOR_THREE, *SAME)),
        "the same coupon is there for fewer payments": shape(discounts=(FOR_TWO,)),
        "it has metered usage, too": shape(items=(USAGE, PRO)),
        "it has metered usage only": shape(items=(USAGE,)),
        "it has two licensed items": shape(items=(PRO, SUPPORT)),
        "the plan is there": shape(items=(dataclasses.replace(PRO, price_id=BASIC),)),
        "its intervals are mixed": shape(items=(PRO, YEARLY), last_period_end=YEAR_DUE),
        "annual": shape(items=(dataclasses.replace(PRO, interval="year"),)),
        "annual, next paid in nine months": shape(
            items=(YEARLY,), current_period_end=YEAR_DUE, last_period_end=YEAR_DUE
        ),
        "its customer has a discount": shape(
            customer_discount=AppliedDiscount("di_customer", "VIP", duration="forever")
        ),
        "a discount for one payment is there": shape(
            discounts=(AppliedDiscount("di_once", "ONCE", duration="once"),)
        ),
        "Stripe lists only some of its items": shape(has_more_items=True),
        "its status is new": shape(status="a status of tomorrow"),
        "its next payment is unknown": shape(
            items=(), current_period_end=None, last_period_end=None
        ),
        "about to renew": due_at(SOON),
        "renewing": due_at(JUST_PAST),
    }.items()
}
SHAPES["it has two licensed items, one named a plan"] = (shape(items=(PRO, SUPPORT)), NAMED)


def pause(interval: PauseInterval, count: int, *, at_period_end: bool = False) -> PauseTerms:
    return PauseTerms(interval, count, at_period_end)


OFFERS: dict[str, Terms] = {
    "a coupon of a percentage": CouponTerms(Decimal("12.50"), None, "repeating", months=3),
    "a coupon of an amount": CouponTerms(None, Decimal("10.00"), "once", months=3),
    "an existing coupon": CouponTerms(Decimal(10), None, "once", coupon_id=EXISTING),
    "a coupon for the customer": CouponTerms(Decimal(10), None, "once", to_customer=True),
    "a trial extension": TrialTerms(14),
    "another plan": PlanTerms(BASIC, prorate=True),
    "another plan at the period's end": PlanTerms(BASIC, prorate=True, at_period_end=True),
    "a pause of 30 days": pause("day", 30),
    "a pause of 30 days from the period's end": pause("day", 30, at_period_end=True),
    "a pause of 4 weeks": pause("week", 4),
    "a pause of 4 weeks from the period's end": pause("week", 4, at_period_end=True),
    "a pause of a month": pause("month", 1),
    "a pause of a month from the period's end": pause("month", 1, at_period_end=True),
    "a pause of 2 billing cycles": pause("billing_cycle", 2),
    "a pause of 2 billing cycles from the period's end": pause(
        "billing_cycle", 2, at_period_end=True
    ),
    "a pause without an end": pause("indefinitely", 0),
    "a pause without an end from the period's end": pause("indefinitely", 0, at_period_end=True),
    "a custom offer": CustomTerms(),
}


def step(
    terms: Terms,
    subscription: Subscription,
    *,
    now: datetime = NOW,
    earlier: Change | None = None,
    rules: OfferRules = DEFAULT_RULES,
    promised: datetime | None = None,
    asked_to_pay: bool = False,
    policy: SchedulePolicy = DEFAULT_SCHEDULE_POLICY,
    price: Price | None = None,
) -> Step:
    progress = Progress(earlier, promised, asked_to_pay)
    reached = offer_step(
        AcceptedOffer("offr_1", terms),
        subscription,
        now=now,
        progress=progress,
        rules=rules,
        price=price,
    )
    return past_the_schedule(reached, subscription, policy)


def change_of(reached: Step) -> Change:
    assert isinstance(reached, Write)
    assert reached.kept is not None
    return reached.kept


def changed(subscription: Subscription, change: Change) -> Subscription:
    """What Stripe shows once it has carried the change out and done nothing else."""
    match change:
        case AddDiscount(coupon_id, kept):
            stay = [
                discount
                for discount in subscription.discounts_in_force
                if discount.discount_id in kept
            ]
            return dataclasses.replace(
                subscription, discounts=(*stay, AppliedDiscount("di_new", coupon_id))
            )
        case MoveTrialEnd(at):
            items = tuple(dataclasses.replace(item, period_end=at) for item in subscription.items)
            return dataclasses.replace(
                subscription,
                status="trialing",
                trial_end=at,
                current_period_end=at,
                last_period_end=at,
                items=items,
            )
        case SwapPrice(item_id, price_id, quantity=quantity):
            items = tuple(
                dataclasses.replace(item, price_id=price_id, quantity=quantity)
                if item.item_id == item_id
                else item
                for item in subscription.items
            )
            return dataclasses.replace(subscription, items=items)
        case SchedulePrice(price_id=price_id, replaced=replaced, quantity=quantity):
            # Its time has come.
            items = tuple(
                dataclasses.replace(item, price_id=price_id, quantity=quantity)
                if item.price_id == replaced
                else item
                for item in subscription.items
            )
            return dataclasses.replace(subscription, items=items)
        case PausePayments(behavior, resumes_at):
            return dataclasses.replace(subscription, paused=CollectionPause(behavior, resumes_at))
        case PauseService():
            return dataclasses.replace(subscription, status="paused")
        case RemoveDiscounts() | MoveEnd():
            raise AssertionError("no offer takes a discount away, or moves an end")
