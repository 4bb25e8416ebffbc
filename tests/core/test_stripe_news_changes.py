"""Stripe's news: what an event rings for, what has changed since, and what was taken back elsewhere."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiocancel.core.calendar_months import add_months
from aiocancel.core.changes import (
    AddDiscount,
    Change,
    MoveTrialEnd,
    NewCoupon,
    PauseService,
    SwapPrice,
)
from aiocancel.core.stripe_news import (
    EVENT_TYPES,
    OwnWork,
    Standing,
    changes,
    gone,
    is_taken_back,
    read_event,
    removed_gifts,
    standing_from_json,
    standing_to_json,
)
from aiocancel.core.subscription import AppliedDiscount, Subscription, read_subscription
from aiocancel.errors import UnreadableLedgerError

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
END = NOW + timedelta(days=20)
ACTIVE = Standing("active", False, None, False, False, None, (("price_pro", 1),))
ENDING = replace(ACTIVE, is_ending=True, ends_at=END)
ENDED = replace(ACTIVE, status="canceled", has_ended=True, ends_at=NOW)
PAUSED = replace(ACTIVE, is_paused=True, paused_until=END)
LATE = replace(ACTIVE, status="past_due")


def stripes_subscription(**changed: Any) -> dict[str, Any]:
    price = {"id": "price_pro", "recurring": {"interval": "month", "interval_count": 1}}
    item = {"id": "si_1", "price": price, "quantity": 1, "current_period_end": int(END.timestamp())}
    return {
        "object": "subscription",
        "id": "sub_1",
        "status": "active",
        "livemode": False,
        "cancel_at_period_end": False,
        "items": {"data": [item]},
        **changed,
    }


def an_event(about: object, kind: str = "customer.subscription.updated", **more: Any) -> Any:
    data = {"object": about, **more.pop("data", {})}
    return {"object": "event", "id": "evt_1", "type": kind, "livemode": False, "data": data, **more}


def a_discount(coupon_id: str = "half", **changed: Any) -> AddDiscount:
    return AddDiscount(**{"coupon_id": coupon_id, "kept": (), "due": END, **changed})


def a_coupon(duration: str, months: int | None = None) -> NewCoupon:
    return NewCoupon("half", "50", None, None, duration, months)


# What an event rings for


@pytest.mark.parametrize(
    ("kind", "about"),
    [
        ("customer.subscription.deleted", stripes_subscription()),
        (
            "invoice.paid",
            {
                "object": "invoice",
                "parent": {"subscription_details": {"subscription": "sub_1"}},
            },
        ),
        (
            "invoice.paid",
            {
                "object": "invoice",
                "parent": {"subscription_details": {"subscription": {"id": "sub_1"}}},
            },
        ),
        ("invoice.payment_failed", {"object": "invoice", "subscription": "sub_1"}),
        (
            "subscription_schedule.released",
            {
                "object": "subscription_schedule",
                "subscription": None,
                "released_subscription": "sub_1",
            },
        ),
        ("customer.discount.deleted", {"object": "discount", "subscription": "sub_1"}),
    ],
)
def test_an_event_rings_for_the_subscription_that_it_is_about(kind: str, about: Any) -> None:
    event = read_event(an_event(about, kind))

    assert event is not None
    assert (event.event_id, event.subscription_id, event.account) == ("evt_1", "sub_1", None)


@pytest.mark.parametrize(
    ("kind", "about"),
    [
        ("customer.created", {"object": "customer", "id": "cus_1"}),
        ("invoice.paid", {"object": "charge", "id": "ch_1"}),
        ("invoice.paid", {"object": "invoice", "parent": None}),
        ("invoice.paid", {"object": "invoice", "parent": {"subscription_details": "?"}}),
        ("customer.subscription.updated", {"object": "subscription", "id": "../../v1/refunds"}),
        ("customer.subscription.updated", {"object": "subscription", "id": 7}),
        ("customer.subscription.updated", "sub_1"),
        ("customer.subscription.updated", None),
        ("customer.discount.deleted", {"object": "discount", "subscription": None}),
    ],
)
def test_an_event_about_anything_else_rings_for_nothing(kind: str, about: Any) -> None:
    event = read_event(an_event(about, kind))

    assert event is not None
    assert event.subscription_id is None


@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        "event",
        {},
        {"object": "v2.core.event", "id": "evt_1", "type": "x", "livemode": False},
        {"object": "event", "id": "evt 1", "type": "x", "livemode": False},
        {"object": "event", "id": "evt_1", "type": None, "livemode": False},
        {"object": "event", "id": "evt_1", "type": "x", "livemode": "no"},
        {"object": "event", "id": "evt_1", "type": "x", "livemode": False, "account": "../x"},
    ],
)
def test_anything_else_is_no_event(body: object) -> None:
    assert read_event(body) is None


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=6),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["object", "id", "items", "data", "status", "parent", "schedule"]),
                inner,
                max_size=5,
            )
        ),
    ),
    st.sampled_from(EVENT_TYPES),
    st.sampled_from(["subscription", "invoice", "subscription_schedule", "discount"]),
)
def test_no_body_is_too_strange_to_be_read(strange: Any, kind: str, what: str) -> None:
    about = {**strange, "object": what} if isinstance(strange, dict) else strange
    event = read_event(an_event(about, kind, data={"previous_attributes": strange}))

    assert event is not None


def test_an_event_tells_how_the_subscription_was_before() -> None:
    now = stripes_subscription(status="active")
    before = {"status": "paused", "items": {"data": []}}

    event = read_event(an_event(now, data={"previous_attributes": before}))

    assert event is not None
    assert event.before == replace(ACTIVE, status="paused", is_paused=True, items=())


@pytest.mark.parametrize(
    "before",
    [
        {"items": 7},
        {"items": {"data": [7]}},
        {"cancel_at": "tomorrow"},
        {"trial_end": 10**20},
        "paused",
        None,
    ],
)
def test_of_a_state_before_that_makes_no_sense_an_event_tells_nothing(before: Any) -> None:
    event = read_event(an_event(stripes_subscription(), data={"previous_attributes": before}))

    assert event is not None
    assert (event.subscription_id, event.before) == ("sub_1", None)


def test_twenty_types_are_the_most_that_stripe_lists() -> None:
    assert len(set(EVENT_TYPES)) == len(EVENT_TYPES) <= 20


# What has changed


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [
        (ACTIVE, ACTIVE, ()),
        (ACTIVE, ENDED, ("ended",)),
        (ENDING, ENDED, ("ended",)),
        (ENDED, ENDED, ()),
        (ACTIVE, ENDING, ("ending",)),
        (ENDING, replace(ENDING, ends_at=END + timedelta(days=1)), ("ending",)),
        (ENDING, ENDING, ()),
        (ENDING, ACTIVE, ("resumed",)),
        (ACTIVE, PAUSED, ("paused",)),
        (PAUSED, replace(PAUSED, paused_until=None), ("paused",)),
        (PAUSED, ACTIVE, ("resumed",)),
        (replace(PAUSED, status="paused"), ACTIVE, ("resumed",)),
        (ACTIVE, LATE, ("past_due",)),
        (LATE, replace(LATE, status="unpaid"), ("status_changed",)),
        (LATE, ACTIVE, ("resumed",)),
        (LATE, replace(PAUSED, status="paused"), ("paused",)),
        (LATE, ENDED, ("ended",)),
        (ACTIVE, replace(ACTIVE, items=(("price_basic", 1),)), ("plan_changed",)),
        (ACTIVE, replace(ACTIVE, items=(("price_pro", 2),)), ("plan_changed",)),
        (ENDING, replace(ACTIVE, items=(("price_basic", 1),)), ("resumed", "plan_changed")),
        (replace(ACTIVE, status="trialing"), ACTIVE, ("status_changed",)),
        (ENDED, ACTIVE, ("resumed",)),
        (None, ACTIVE, ()),
        (None, ENDED, ("ended",)),
        (None, PAUSED, ("paused",)),
        (None, LATE, ("past_due",)),
        (None, ENDING, ("ending",)),
        (None, replace(ACTIVE, status="trialing"), ("status_changed",)),
    ],
)
def test_what_happened_between_two_looks_has_a_name(
    before: Standing | None, now: Standing, expected: tuple[str, ...]
) -> None:
    assert changes(before, now) == expected


standings = st.builds(
    Standing,
    st.sampled_from(["active", "trialing", "past_due", "unpaid", "paused", "canceled"]),
    st.booleans(),
    st.none() | st.sampled_from([NOW, END]),
    st.booleans(),
    st.booleans(),
    st.none() | st.just(END),
    st.lists(st.tuples(st.sampled_from(["price_a", "price_b"]), st.none() | st.integers(1, 3))).map(
        tuple
    ),
)


@given(standings, standings)
def test_whatever_a_column_may_hold_of_a_subscription_is_told_when_it_changes(
    before: Standing, now: Standing
) -> None:
    is_told = changes(before, now)

    assert changes(now, now) == ()
    if before.status != now.status and not before.has_ended:
        assert is_told


@given(standings)
def test_a_standing_is_stored_and_read_without_loss(standing: Standing) -> None:
    assert standing_from_json(standing_to_json(standing)) == standing


# As the ledger holds it: what one release stored, every later one has to read.
@pytest.mark.parametrize(
    ("standing", "text"),
    [
        (
            ACTIVE,
            '{"status": "active", "has_ended": false, "ends_at": null, "is_ending": false, '
            '"is_paused": false, "paused_until": null, "items": [["price_pro", 1]]}',
        ),
        (
            ENDING,
            '{"status": "active", "has_ended": false, "ends_at": 1797422400, "is_ending": true, '
            '"is_paused": false, "paused_until": null, "items": [["price_pro", 1]]}',
        ),
        (
            ENDED,
            '{"status": "canceled", "has_ended": true, "ends_at": 1795694400, "is_ending": false, '
            '"is_paused": false, "paused_until": null, "items": [["price_pro", 1]]}',
        ),
        (
            replace(PAUSED, items=(("price_usage", None), ("price_pro", 3))),
            '{"status": "active", "has_ended": false, "ends_at": null, "is_ending": false, '
            '"is_paused": true, "paused_until": 1797422400, '
            '"items": [["price_usage", null], ["price_pro", 3]]}',
        ),
        (
            replace(LATE, items=()),
            '{"status": "past_due", "has_ended": false, "ends_at": null, "is_ending": false, '
            '"is_paused": false, "paused_until": null, "items": []}',
        ),
    ],
)
def test_a_standing_is_stored_in_the_text_that_every_release_reads(
    standing: Standing, text: str
) -> None:
    assert json.dumps(standing_to_json(standing)) == text
    assert standing_from_json(json.loads(text)) == standing


def test_a_standing_that_a_newer_release_stored_is_not_read_as_something_else() -> None:
    with pytest.raises(UnreadableLedgerError):
        standing_from_json({**standing_to_json(ACTIVE), "mood": "good"})


def test_a_subscription_that_stripe_knows_no_more_has_ended() -> None:
    assert changes(ENDING, gone(ENDING)) == ("ended",)
    assert changes(None, gone(None)) == ("ended",)
    assert gone(ENDING).items == ENDING.items


# What was taken back elsewhere


@pytest.mark.parametrize(
    ("work", "standing", "expected"),
    [
        (OwnWork(cancellation=7), ACTIVE, True),
        (OwnWork(cancellation=7), ENDING, False),
        (OwnWork(cancellation=7, ends_at=END), ENDING, False),
        (OwnWork(cancellation=7, ends_at=END), replace(ENDING, ends_at=NOW), False),
        (OwnWork(cancellation=7, ends_at=END), replace(ENDING, ends_at=None), False),
        (OwnWork(cancellation=7, ends_at=NOW), ENDING, True),
        (OwnWork(cancellation=7, ends_at=NOW, is_unfinished=True), ENDING, False),
        (OwnWork(cancellation=7, ends_at=NOW), replace(ENDED, ends_at=END), False),
        (OwnWork(cancellation=7), ENDED, False),
        (OwnWork(cancellation=7, is_unfinished=True), ACTIVE, False),
        (OwnWork(), ACTIVE, False),
    ],
)
def test_an_end_that_was_planned_here_and_is_planned_no_more_was_taken_back(
    work: OwnWork, standing: Standing, expected: bool
) -> None:
    assert is_taken_back(work, standing) is expected


LATER = END + timedelta(days=1)


@pytest.mark.parametrize(
    ("change", "now", "expected"),
    [
        pytest.param(a_discount(), NOW, [7], id="before the payment that it was for"),
        pytest.param(a_discount(), LATER, [], id="that payment has used it up"),
        pytest.param(a_discount(due=None), NOW, [], id="nobody knows when it is used up"),
        pytest.param(a_discount(made=a_coupon("forever")), LATER, [7], id="for ever"),
        pytest.param(a_discount(made=a_coupon("repeating", 3)), LATER, [7], id="for months"),
        pytest.param(
            a_discount(made=a_coupon("repeating", 3)),
            NOW + timedelta(days=100),
            [],
            id="its months are over",
        ),
        pytest.param(
            a_discount(made=a_coupon("repeating", 3)),
            add_months(NOW, 3) - timedelta(hours=2),
            [],
            id="its months may be over, as an answer was lost when it was made",
        ),
        pytest.param(
            a_discount(made=a_coupon("repeating", 3)),
            add_months(NOW, 3) - timedelta(days=2),
            [7],
            id="its months are nearly over",
        ),
        pytest.param(MoveTrialEnd(END, END), NOW, [], id="no discount"),
    ],
)
def test_a_discount_that_is_gone_before_its_time_was_removed(
    change: Change, now: datetime, expected: list[int]
) -> None:
    subscription = read_subscription(stripes_subscription())

    assert removed_gifts(OwnWork(gifts={7: (change, NOW)}), subscription, now) == expected


@pytest.mark.parametrize(
    ("frozen_at", "expected"),
    [
        pytest.param(END - timedelta(days=1), [7], id="before the payment"),
        pytest.param(END + timedelta(days=1), [], id="after it, far behind the time of the ledger"),
    ],
)
def test_on_a_test_clock_no_discount_is_called_removed_by_another_clock(
    frozen_at: datetime, expected: list[int]
) -> None:
    change, in_real_time = a_discount(made=a_coupon("repeating", 3)), END + timedelta(days=400)
    subscription = replace(read_subscription(stripes_subscription()), frozen_at=frozen_at)

    gifts: dict[int, tuple[Change, datetime]] = {7: (change, in_real_time)}
    assert removed_gifts(OwnWork(gifts=gifts), subscription, frozen_at) == expected


def with_discounts(*coupon_ids: str | None) -> Subscription:
    discounts = tuple(AppliedDiscount(f"di_{at}", each) for at, each in enumerate(coupon_ids))
    return replace(read_subscription(stripes_subscription()), discounts=discounts)


@pytest.mark.parametrize(
    ("subscription", "more"),
    [
        pytest.param(with_discounts("half"), {}, id="it is there"),
        pytest.param(with_discounts(None), {}, id="one whose coupon is not known may be it"),
        pytest.param(with_discounts(), {"is_unfinished": True}, id="more is under way"),
        pytest.param(
            replace(with_discounts(), status="canceled"), {}, id="the subscription is over"
        ),
    ],
)
def test_a_discount_that_may_still_be_there_is_not_called_removed(
    subscription: Subscription, more: dict[str, Any]
) -> None:
    work = OwnWork(gifts={7: (a_discount(), NOW)}, **more)

    assert removed_gifts(work, subscription, NOW) == []


@pytest.mark.parametrize(
    "later",
    [
        pytest.param(MoveTrialEnd(END, END), id="of a longer trial"),
        pytest.param(SwapPrice("si_1", "price_b", "price_a", 1, prorate=True), id="of a plan"),
        pytest.param(PauseService(END, END), id="after a pause"),
    ],
)
def test_a_discount_that_another_invoice_uses_up_was_not_removed(later: Change) -> None:
    gifts: dict[int, tuple[Change, datetime]] = {
        7: (a_discount(), NOW),
        8: (later, NOW + timedelta(hours=1)),
    }

    assert removed_gifts(OwnWork(gifts=gifts), with_discounts(), NOW) == []
