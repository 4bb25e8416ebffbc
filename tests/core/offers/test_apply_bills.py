"""No accepted offer costs a customer more than going on as before, whatever the subscription looks like."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final

from hypothesis import event, given
from hypothesis import strategies as st

from aiocancel.core.actions import Defer, Done, Write
from aiocancel.core.changes import (
    PAUSE_BEHAVIORS,
    PAUSE_CREDITS,
    AddDiscount,
    PauseService,
    PlainChange,
    SchedulePrice,
)
from aiocancel.core.offers.offer_rules import OfferRules
from aiocancel.core.offers.terms import (
    COUPON_DURATIONS,
    PAUSE_INTERVALS,
    CouponTerms,
    PauseTerms,
    PlanTerms,
    Terms,
    TrialTerms,
)
from aiocancel.core.schedule_phases import Phase, PhaseItem
from aiocancel.core.schedules import MakeSchedule
from aiocancel.core.subscription import (
    AppliedDiscount,
    CollectionPause,
    Item,
    Schedule,
    Subscription,
)
from aiocancel.testing.stripe.objects import shifted
from tests.support.bills import Worth, bill, with_change
from tests.support.subscription_shapes import shape, step

NOW: Final = datetime(2027, 2, 10, 9, 30, tzinfo=UTC)
HOUR: Final = timedelta(hours=1)
LENGTHS: Final = {"day": 1, "week": 7, "month": 28, "year": 365}

offered: st.SearchStrategy[Terms] = st.one_of(
    st.builds(
        CouponTerms,
        percent_off=st.integers(1, 100).map(Decimal),
        amount_off=st.none(),
        duration=st.sampled_from(COUPON_DURATIONS),
        months=st.integers(1, 24),
        # Those of the situations below: the customer may have the very coupon.
        coupon_id=st.sampled_from([None, None, "own 0", "customer"]),
    ),
    st.builds(
        CouponTerms,
        percent_off=st.none(),
        amount_off=st.integers(1, 40).map(Decimal),
        duration=st.sampled_from(COUPON_DURATIONS),
        months=st.integers(1, 24),
    ),
    st.builds(TrialTerms, st.integers(1, 200)),
    st.builds(PauseTerms, st.sampled_from(PAUSE_INTERVALS), st.integers(1, 12), st.booleans()),
)
rules = st.builds(
    OfferRules,
    pause_behavior=st.sampled_from(PAUSE_BEHAVIORS),
    pause_mechanism=st.sampled_from(["pause_collection", "pause"]),
    pause_credit=st.sampled_from(PAUSE_CREDITS),
    most_months_of_a_discounted_payment=st.none() | st.integers(1, 24),
)
worths = st.builds(
    lambda part, amount, duration: Worth(Fraction(part, 100), Fraction(amount), duration),
    st.integers(0, 100),
    st.integers(0, 3000),
    st.sampled_from(COUPON_DURATIONS),
)


@st.composite
def situations(
    draw: st.DrawFn,
) -> tuple[Subscription, dict[str, Fraction], dict[str, Worth]]:
    """A subscription, what its items cost, and what its coupons are worth."""
    lines: list[Item] = []
    costs: dict[str, Fraction] = {}
    for number in range(draw(st.sampled_from([1, 1, 1, 2, 3]))):
        interval = draw(st.sampled_from(["day", "week", "month", "month", "year"]))
        # Of daily payments a year has many, and none is different.
        count = draw(st.integers(1, 3)) * (10 if interval == "day" else 1)
        within = draw(st.integers(2, LENGTHS[interval] * count * 24))
        end = NOW + within * HOUR
        if draw(st.booleans()) and lines and lines[0].period_end is not None:
            interval, count, end = lines[0].interval, lines[0].interval_count, lines[0].period_end
        billed = draw(st.sampled_from([None, None, None, 1, 5, 12]))
        until = None
        if billed is not None:
            seconds = shifted(int(end.timestamp()), interval, count * billed)
            until = datetime.fromtimestamp(seconds, UTC)
        lines.append(Item(f"si_{number}", f"price_{number}", interval, count, False, 1, end, until))
        costs[f"si_{number}"] = Fraction(draw(st.integers(0, 30_000)))

    coupons: dict[str, Worth] = {}

    def discount(name: str) -> AppliedDiscount:
        coupons[name] = draw(worths)
        duration = coupons[name].duration
        ends_at = NOW + draw(st.integers(1, 800)) * 12 * HOUR if duration == "repeating" else None
        return AppliedDiscount(f"di_{name}", name, None, duration, ends_at)

    own = tuple(discount(f"own {number}") for number in range(draw(st.sampled_from([0, 0, 1, 2]))))
    of_customer = discount("customer") if draw(st.booleans()) else None
    ends = [line.period_end for line in lines if line.period_end is not None]
    resumes_at = st.none() | st.integers(1, 200).map(lambda days: NOW + timedelta(days=days))
    subscription = shape(
        status=draw(
            st.sampled_from(["active", "active", "active", "trialing", "past_due", "unpaid"])
        ),
        is_flexible=draw(st.sampled_from([True, True, False])),
        items=tuple(lines),
        current_period_end=min(ends),
        last_period_end=max(ends),
        trial_end=draw(st.just(min(ends)) | st.none()),
        discounts=own,
        customer_discount=of_customer,
        paused=draw(
            st.none()
            | st.none()
            | st.none()
            | st.builds(CollectionPause, st.sampled_from(PAUSE_BEHAVIORS), resumes_at)
        ),
    )
    return subscription, costs, coupons


def added_by(terms: Terms) -> Worth | None:
    if not isinstance(terms, CouponTerms):
        return None
    ends_at = None
    if terms.duration == "repeating":
        seconds = shifted(int(NOW.timestamp()), "month", terms.months or 0)
        ends_at = datetime.fromtimestamp(seconds, UTC)
    part, amount = Fraction(terms.percent_off or 0) / 100, Fraction(terms.amount_off or 0) * 100
    return Worth(part, amount, terms.duration, ends_at)


@given(situation=situations(), terms=offered, rules=rules)
def test_no_accepted_offer_makes_the_next_twelve_months_dearer(
    situation: Any, terms: Terms, rules: OfferRules
) -> None:
    assert_nothing_is_dearer(situation, terms, rules)


@given(
    situation=situations(),
    terms=st.builds(
        PauseTerms, st.sampled_from(["month", "billing_cycle"]), st.integers(1, 3), st.just(True)
    ),
    rules=rules,
)
def test_no_pause_that_waits_for_the_next_period_makes_the_next_twelve_months_dearer(
    situation: Any, terms: PauseTerms, rules: OfferRules
) -> None:
    assert_nothing_is_dearer(situation, terms, rules)


def assert_nothing_is_dearer(situation: Any, terms: Terms, rules: OfferRules) -> None:
    subscription, costs, coupons = situation
    at, reached = NOW, step(terms, subscription, now=NOW, rules=rules)
    if isinstance(reached, Defer):
        # Nothing is changed before; what is then written must hold from then on.
        event("it waits for its date")
        at, promised = reached.until, reached.takes_effect_at
        reached = step(terms, subscription, now=at, rules=rules, promised=promised)
    if not isinstance(reached, Write) or reached.kept is None:
        event("nothing is written")
        return
    change = reached.kept
    event(type(change).__name__)
    first = min(subscription.items, key=lambda item: item.period_end or NOW)
    period = timedelta(days=LENGTHS[first.interval] * first.interval_count)

    before = bill(subscription, at, costs, coupons)
    after = with_change(bill(subscription, at, costs, coupons), change, added_by(terms), period)
    paid_before, paid_after = before.total(), after.total()

    if isinstance(change, PauseService):
        # It moves the days of payment, so one more may lie in the year, for time beyond: only time in it counts.
        paid_before, paid_after = paid_before - before.tail, paid_after - after.tail
    assert paid_after <= paid_before
    if isinstance(change, AddDiscount) and terms.duration != "once":  # type: ignore[union-attr]
        assert change.due is not None


@given(situation=situations(), cheaper=st.integers(0, 100))
def test_a_cheaper_plan_at_the_periods_end_makes_nothing_dearer_and_takes_no_discount(
    situation: Any, cheaper: int
) -> None:
    subscription, costs, coupons = situation
    first = step(TO_CHEAP, subscription, now=NOW)
    if first != Write(PlainChange.ONLY_THE_SCHEDULE, MakeSchedule("sub_1")):
        event("nothing is planned")
        assert not isinstance(first, Write)
        return
    (item,) = subscription.items
    new_cost = costs[item.item_id] * cheaper / 100

    # As Stripe makes a schedule of it.
    due = subscription.current_period_end
    line = PhaseItem(item.price_id, item.quantity)
    own = tuple(discount.discount_id for discount in subscription.discounts)
    running = Phase(due - timedelta(days=1), due, (line,), own)
    reached = step(TO_CHEAP, scheduled(subscription, running), now=NOW)
    assert isinstance(reached, Write)
    change = reached.kept
    assert isinstance(change, SchedulePrice)

    before = bill(subscription, NOW, costs, coupons)
    period = timedelta(days=LENGTHS[item.interval] * item.interval_count)
    after = with_change(bill(subscription, NOW, costs, coupons), change, None, period, new_cost)
    assert after.total() <= before.total()
    assert change.takes_effect_at == due
    assert change.running == running
    event("it is planned")


@given(
    situation=situations(),
    terms=st.builds(
        CouponTerms,
        percent_off=st.integers(1, 100).map(Decimal),
        amount_off=st.none(),
        duration=st.sampled_from(COUPON_DURATIONS),
        months=st.integers(1, 24),
        coupon_id=st.just("own 0"),
    ),
    has_its_worth=st.sampled_from(COUPON_DURATIONS),
)
def test_a_coupon_called_done_takes_as_much_off_as_the_one_that_was_offered(
    situation: Any, terms: CouponTerms, has_its_worth: Any
) -> None:
    subscription, costs, coupons = situation
    part = Fraction(terms.percent_off or 0) / 100
    there = [each for each in subscription.discounts if each.coupon_id == "own 0"]
    if not there or subscription.paused is not None:
        # A pause moves no payment; which ones it leaves out is asked elsewhere.
        event("it is not there")
        return
    has = dataclasses.replace(there[0], duration=has_its_worth)
    if has_its_worth == "repeating" and has.ends_at is None:
        has = dataclasses.replace(has, ends_at=NOW + timedelta(days=45))
    if has_its_worth != "repeating":
        has = dataclasses.replace(has, ends_at=None)
    others = [each for each in subscription.discounts if each is not there[0]]
    # A longer one of its own keeps that of the customer away for longer, but nobody here did that.
    subscription = dataclasses.replace(
        subscription, discounts=(has, *others), customer_discount=None
    )
    worth = Worth(part, Fraction(0), has_its_worth)
    if not isinstance(step(terms, subscription, now=NOW), Done):
        event("it is not as long")
        return

    has_now = bill(subscription, NOW, costs, coupons | {"own 0": worth})
    promised = bill(subscription, NOW, costs, coupons | {"own 0": worth})
    was_offered = added_by(terms)
    assert was_offered is not None
    promised.own[has.discount_id] = was_offered
    assert has_now.total() <= promised.total()
    event("it is as long")


TO_CHEAP: Final = PlanTerms("price_cheap", prorate=True, at_period_end=True)


def scheduled(subscription: Subscription, running: Phase) -> Subscription:
    schedule = Schedule("release", running.ends_at, False, None, "sub_1", (running,))
    return dataclasses.replace(subscription, schedule_id="sub_sched_1", schedule=schedule)


def test_a_lost_discount_would_be_noticed() -> None:
    """The bill knows the mistake that a shadowed discount is."""
    costs, coupons = (
        {"si_pro": Fraction(2900)},
        {"VIP": Worth(Fraction(30, 100), Fraction(0), "forever")},
    )
    subscription = shape(customer_discount=AppliedDiscount("di_1", "VIP", duration="forever"))
    ten = Worth(Fraction(10, 100), Fraction(0), "forever")
    shadowing, beside = AddDiscount("TEN", (), None), AddDiscount("TEN", ("di_1",), None)

    def total(change: AddDiscount | None) -> Fraction:
        of_today = bill(subscription, NOW, costs, coupons)
        if change is None:
            return of_today.total()
        return with_change(of_today, change, ten, timedelta(days=28)).total()

    assert total(beside) < total(None) < total(shadowing)


def test_a_year_is_billed_as_stripe_bills_it() -> None:
    costs = {"si_pro": Fraction(100)}
    coupons = {
        "ONCE": Worth(Fraction(1, 2), Fraction(0), "once"),
        "THREE": Worth(Fraction(0), Fraction(10), "repeating"),
    }
    until = datetime(2027, 5, 2, tzinfo=UTC)
    discounts = (
        AppliedDiscount("di_1", "ONCE", duration="once"),
        AppliedDiscount("di_2", "THREE", duration="repeating", ends_at=until),
    )

    # The first of each month from March to February: 100/2 - 10, twice 100 - 10, and nine times 100.
    assert bill(shape(discounts=discounts), NOW, costs, coupons).total() == 40 + 180 + 900
