"""Whatever is offered for whatever subscription: the rules of offers that hold for every one of them."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from aiocancel.core.actions import Defer, Done, Receipt, Refuse, Wait, Write
from aiocancel.core.calendar_months import add_months
from aiocancel.core.changes import (
    PAUSE_BEHAVIORS,
    AddDiscount,
    Change,
    MoveTrialEnd,
    PausePayments,
    PauseService,
    SwapPrice,
    shows,
)
from aiocancel.core.identifiers import SubscriptionId
from aiocancel.core.offers.coming_payments import INVOICE_MARGIN
from aiocancel.core.offers.offer_rules import OfferRules
from aiocancel.core.offers.terms import (
    COUPON_DURATIONS,
    PAUSE_INTERVALS,
    CouponTerms,
    CustomTerms,
    PauseTerms,
    PlanTerms,
    Terms,
    TrialTerms,
)
from aiocancel.core.schedule_phases import Phase, PhaseItem
from aiocancel.core.subscription import (
    AppliedDiscount,
    CollectionPause,
    Item,
    Schedule,
    Subscription,
)
from tests.support.subscription_shapes import DAY, DUE, NOW, OFFERS, change_of, changed, shape, step

ids = st.text("abc_1", min_size=1, max_size=4)
numbers = st.integers(1, 730) | st.integers(-3, 3) | st.sampled_from([10**5, 10**12])
decimals = st.decimals(allow_nan=True, allow_infinity=True) | st.decimals(0, 120, places=2)
all_terms: st.SearchStrategy[Terms] = st.one_of(
    st.builds(
        CouponTerms,
        percent_off=st.none() | decimals,
        amount_off=st.none() | decimals,
        duration=st.sampled_from(COUPON_DURATIONS),
        months=st.none() | numbers,
        coupon_id=st.none() | ids,
        to_customer=st.booleans(),
    ),
    st.builds(TrialTerms, numbers),
    st.builds(PlanTerms, ids, st.booleans(), st.booleans(), st.none() | st.integers(1, 9)),
    st.builds(PauseTerms, st.sampled_from(PAUSE_INTERVALS), numbers, st.booleans()),
    st.builds(CustomTerms),
)
hours = st.integers(-24 * 40, 24 * 800).map(lambda count: DUE + timedelta(hours=count))
far_away = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC)).map(
    lambda moment: moment.replace(microsecond=0)
)
moments = hours | far_away
items = st.builds(
    Item,
    item_id=st.sampled_from(["si_1", "si_2", "si_3"]),
    price_id=ids,
    interval=st.sampled_from(["day", "week", "month", "year", "an interval of tomorrow"]),
    interval_count=st.integers(1, 36),
    is_metered=st.booleans(),
    quantity=st.none() | st.integers(0, 9),
    period_end=st.none() | moments,
)
discounts = st.builds(AppliedDiscount, st.sampled_from(["di_1", "di_2", "di_3"]), st.none() | ids)
some_items = st.lists(items, max_size=3, unique_by=lambda item: item.item_id).map(tuple)
some_discounts = st.lists(
    discounts, max_size=2, unique_by=lambda discount: discount.discount_id
).map(tuple)
anything = st.builds(
    Subscription,
    subscription_id=st.just(SubscriptionId("sub_1")),
    status=st.sampled_from(
        [
            "active",
            "trialing",
            "past_due",
            "unpaid",
            "incomplete",
            "paused",
            "canceled",
            "a status of tomorrow",
        ]
    ),
    livemode=st.booleans(),
    cancel_at_period_end=st.booleans(),
    cancel_at=st.none() | moments,
    canceled_at=st.none(),
    ended_at=st.none() | moments,
    current_period_end=st.none() | moments,
    schedule_id=st.none() | st.just("sub_sched_1"),
    last_period_end=st.none() | moments,
    currency=st.sampled_from(["usd", "jpy", "kwd", "isk", "ugx"]),
    trial_end=st.none() | moments,
    items=some_items,
    discounts=some_discounts,
    paused=st.none()
    | st.builds(CollectionPause, st.sampled_from(PAUSE_BEHAVIORS), st.none() | moments),
)


@st.composite
def ordinary(draw: st.DrawFn) -> Subscription:
    """One that offers are made for: it goes on, and its periods are those of its items."""
    ends = [draw(hours), draw(hours)] if draw(st.booleans()) else [draw(hours)] * 2
    lines = [
        dataclasses.replace(item, item_id=f"si_{number}", period_end=end)
        for number, end, item in zip(
            (1, 2), ends, draw(st.lists(items, min_size=1, max_size=2)), strict=False
        )
    ]

    known = ends[: len(lines)]

    return shape(
        status=draw(st.sampled_from(["active", "trialing"])),
        current_period_end=min(known),
        last_period_end=max(known),
        trial_end=draw(st.none() | hours),
        items=tuple(lines),
        discounts=draw(some_discounts),
        customer_discount=draw(st.none() | discounts),
    )


@st.composite
def scheduled(draw: st.DrawFn) -> Subscription:
    """An ordinary one under a schedule of its running period, which may have more to come."""
    subscription = draw(ordinary())
    due = subscription.current_period_end or DUE
    lines = tuple(PhaseItem(item.price_id, item.quantity) for item in subscription.items)
    kept = tuple(discount.discount_id for discount in subscription.discounts)
    running = Phase(due - 31 * DAY, draw(st.just(due) | hours), lines, kept)
    more = Phase(running.ends_at, running.ends_at + 31 * DAY, lines, kept)
    phases = draw(st.sampled_from([(running,), (running,), (running, more), ()]))
    has_more = len(phases) > 1
    schedule = Schedule("release", due, has_more, due if has_more else None, None, phases)
    return dataclasses.replace(subscription, schedule_id="sub_sched_1", schedule=schedule)


subscriptions = ordinary() | scheduled() | anything


@st.composite
def before_and_after(draw: st.DrawFn) -> tuple[Subscription, Subscription]:
    """One subscription twice, as it was and as it became while Stripe could not be reached."""
    before = draw(ordinary())
    changes: dict[str, st.SearchStrategy[Any]] = {
        "current_period_end": hours,
        "discounts": some_discounts,
        "items": some_items,
        "trial_end": st.none() | hours,
        "status": st.sampled_from(["active", "trialing", "past_due"]),
    }
    which = draw(st.lists(st.sampled_from(sorted(changes)), max_size=2))
    return before, dataclasses.replace(before, **{name: draw(changes[name]) for name in which})


rules = st.builds(
    OfferRules,
    st.sampled_from(PAUSE_BEHAVIORS),
    st.frozensets(ids, max_size=2),
    st.sampled_from(["refuse", "pending"]),
    st.sampled_from(["pause_collection", "pause"]),
    plan_starts=st.sampled_from(["now", "period_end"]),
)
nows = st.integers(-24 * 40, 24 * 60).map(lambda count: NOW + timedelta(hours=count))
earlier_changes: st.SearchStrategy[Change] = st.one_of(
    st.builds(AddDiscount, ids, st.just(()) | st.just(("di_1",)), st.none() | moments),
    st.builds(MoveTrialEnd, moments, st.none() | moments),
    st.builds(SwapPrice, ids, ids, ids, st.none() | st.integers(0, 9), st.booleans()),
    st.builds(
        PausePayments, st.sampled_from(PAUSE_BEHAVIORS), st.none() | moments, st.none() | moments
    ),
)


@given(
    terms=all_terms,
    subscription=anything,
    now=nows | far_away,
    earlier=st.none() | earlier_changes,
    rules=rules,
)
@settings(max_examples=120)
def test_whatever_is_offered_for_whatever_subscription_there_is_a_step(
    terms: Terms,
    subscription: Subscription,
    now: datetime,
    earlier: Change | None,
    rules: OfferRules,
) -> None:
    reached = step(terms, subscription, now=now, earlier=earlier, rules=rules)
    assert isinstance(reached, Done | Write | Wait | Refuse | Defer)
    if isinstance(reached, Done) and earlier is not None:
        assert shows(earlier, subscription)


@given(terms=all_terms, subscription=subscriptions, now=nows, later=nows, rules=rules)
@settings(max_examples=120)
def test_what_was_sent_once_is_seen_or_sent_again_and_nothing_else_is(
    terms: Terms, subscription: Subscription, now: datetime, later: datetime, rules: OfferRules
) -> None:
    reached = step(terms, subscription, now=now, rules=rules)
    if not isinstance(reached, Write) or reached.kept is None:
        return
    change = change_of(reached)
    assert not shows(change, subscription)
    # However much later: the same again, or nothing as long as Stripe renews.
    assert step(terms, subscription, now=later, earlier=change, rules=rules) in (reached, Wait())
    assert step(terms, subscription, now=now, earlier=change, rules=rules) == reached
    after = changed(subscription, change)
    assert shows(change, after)
    assert step(terms, after, now=later, earlier=change, rules=rules) == Done(Receipt.of(after))


@given(terms=all_terms, both=before_and_after(), now=nows, later=nows, rules=rules)
@settings(max_examples=80)
def test_an_earlier_change_is_never_replaced_by_another(
    terms: Terms,
    both: tuple[Subscription, Subscription],
    now: datetime,
    later: datetime,
    rules: OfferRules,
) -> None:
    before, after = both
    first = step(terms, before, now=now, rules=rules)
    if isinstance(first, Write) and first.kept is not None:
        again = step(terms, after, now=later, earlier=first.kept, rules=rules)
        assert again == first or not isinstance(again, Write)


@given(both=before_and_after(), now=nows)
@settings(max_examples=80)
def test_every_discount_that_is_there_is_kept(
    both: tuple[Subscription, Subscription], now: datetime
) -> None:
    before, after = both
    first = step(OFFERS["a coupon of a percentage"], before, now=now)

    if isinstance(first, Write):
        assert isinstance(first.change, AddDiscount)
        assert set(first.change.kept) == {
            discount.discount_id for discount in before.discounts_in_force
        }
        again = step(OFFERS["a coupon of a percentage"], after, now=now, earlier=first.change)
        if isinstance(again, Write):
            assert set(first.change.kept) == {
                discount.discount_id for discount in after.discounts_in_force
            }


@given(terms=all_terms, subscription=subscriptions, now=nows, rules=rules)
@settings(max_examples=80)
def test_nothing_is_given_to_somebody_who_leaves_or_has_left(
    terms: Terms, subscription: Subscription, now: datetime, rules: OfferRules
) -> None:
    if isinstance(step(terms, subscription, now=now, rules=rules), Write):
        assert not subscription.has_ended
        assert not subscription.is_ending
        assert subscription.cancel_at is None


@given(days=st.integers(1, 730), subscription=ordinary(), now=nows)
@settings(max_examples=80)
def test_no_trial_ends_before_time_that_is_paid_for_or_given_already(
    days: int, subscription: Subscription, now: datetime
) -> None:
    reached = step(TrialTerms(days), subscription, now=now)

    if isinstance(reached, Write):
        change = change_of(reached)
        assert isinstance(change, MoveTrialEnd)
        ends = [
            now,
            *(item.period_end for item in subscription.items if item.period_end is not None),
        ]
        if subscription.status == "trialing" and subscription.trial_end is not None:
            ends.append(subscription.trial_end)
        assert change.at > max(ends) + days * DAY - timedelta(seconds=1)
        assert change.at.microsecond == 0


@given(
    terms=st.builds(
        PauseTerms, st.sampled_from(PAUSE_INTERVALS), st.integers(0, 730), st.booleans()
    ),
    subscription=ordinary(),
    now=nows,
    rules=rules,
)
@settings(max_examples=80)
def test_every_pause_leaves_a_payment_out(
    terms: PauseTerms, subscription: Subscription, now: datetime, rules: OfferRules
) -> None:
    reached = step(terms, subscription, now=now, rules=rules)

    if isinstance(reached, Write):
        change = change_of(reached)
        assert subscription.current_period_end is not None
        if isinstance(change, PauseService):
            # Time goes by unpaid, whether or not a payment falls into it.
            assert change.resumes_at is None or change.resumes_at > now - timedelta(seconds=1)
            return
        assert isinstance(change, PausePayments)
        assert subscription.current_period_end > now
        assert (
            change.resumes_at is None
            or change.resumes_at >= subscription.current_period_end + INVOICE_MARGIN
        )


@given(first=hours, second=hours, months=st.integers(0, 240), more=st.integers(0, 12))
@settings(max_examples=60)
def test_later_months_and_later_starts_never_come_earlier(
    first: datetime, second: datetime, months: int, more: int
) -> None:
    assert add_months(first, months) <= add_months(first, months + more)
    earlier, later = sorted([first.replace(hour=0), second.replace(hour=0)])
    assert add_months(earlier, months) <= add_months(later, months)
