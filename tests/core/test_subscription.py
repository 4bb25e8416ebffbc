"""Stripe's subscription is read into the few facts that we decide by."""

from __future__ import annotations

import dataclasses
import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aiocancel.core.identifiers import CustomerId, Mode, SubscriptionId, is_opaque_id
from aiocancel.core.subscription import (
    ENDED_STATUSES,
    AppliedDiscount,
    CollectionPause,
    Item,
    OwnedSubscription,
    PendingUpdate,
    Price,
    Schedule,
    Subscription,
    read_price,
    read_schedule,
    read_subscription,
    read_test_clock,
)
from tests.support.stripe_objects import PERIOD_END, stripe_object

EARLIER, LATER = PERIOD_END - timedelta(days=3), PERIOD_END + timedelta(days=300)
GOING_ON = Subscription(
    subscription_id=SubscriptionId("sub_1"),
    status="active",
    livemode=False,
    cancel_at_period_end=False,
    cancel_at=None,
    canceled_at=None,
    ended_at=None,
    current_period_end=PERIOD_END,
    schedule_id=None,
    last_period_end=PERIOD_END,
)
ALIVE = ["active", "trialing", "past_due", "unpaid", "incomplete", "paused", "a status of tomorrow"]


@pytest.mark.parametrize("livemode", [True, False])
@pytest.mark.parametrize("mode", ["live", "test"])
def test_a_subscription_is_in_the_mode_that_stripe_says(livemode: bool, mode: Mode) -> None:
    subscription = read_subscription(stripe_object(livemode=livemode))
    assert subscription.is_in(mode) is ((mode == "live") == livemode)


# Reading


def test_a_subscription_is_read_from_stripes_object() -> None:
    assert read_subscription(stripe_object()) == GOING_ON


def test_every_moment_is_read_as_aware_utc() -> None:
    read = read_subscription(stripe_object(cancel_at=1, canceled_at=2, ended_at=3))
    assert [read.cancel_at, read.canceled_at, read.ended_at] == [
        datetime.fromtimestamp(s, UTC) for s in (1, 2, 3)
    ]
    assert read.current_period_end is not None
    assert read.current_period_end.tzinfo is UTC


def test_the_first_second_of_the_epoch_is_a_moment() -> None:
    assert read_subscription(stripe_object(ended_at=0)).ended_at == datetime(1970, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("ends", "expected"),
    [
        pytest.param([30, 10, 20], 10, id="several"),
        pytest.param([None, 20], 20, id="one without"),
        pytest.param([], None, id="no items"),
    ],
)
def test_the_period_ends_with_its_earliest_item(
    ends: list[int | None], expected: int | None
) -> None:
    read = read_subscription(
        stripe_object(items={"data": [{"current_period_end": end} for end in ends]})
    )
    assert read.current_period_end == (
        None if expected is None else datetime.fromtimestamp(expected, UTC)
    )


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ("sub_sched_1", "sub_sched_1"),
        ({"id": "sub_sched_2", "object": "x"}, "sub_sched_2"),
        (None, None),
    ],
    ids=["id", "expanded", "none"],
)
def test_a_schedule_is_read_as_its_id(schedule: object, expected: str | None) -> None:
    assert read_subscription(stripe_object(schedule=schedule)).schedule_id == expected


@pytest.mark.parametrize("missing", ["id", "object", "status", "cancel_at_period_end", "items"])
def test_an_object_without_a_field_that_we_decide_by_is_refused(missing: str) -> None:
    data = stripe_object()
    del data[missing]
    with pytest.raises(ValueError, match="lacks a field: KeyError"):
        read_subscription(data)


@pytest.mark.parametrize(
    "missing", ["livemode", "cancel_at", "canceled_at", "ended_at", "schedule"]
)
def test_an_object_may_leave_out_what_is_not_set(missing: str) -> None:
    data = stripe_object()
    del data[missing]
    assert read_subscription(data) == GOING_ON


def line(**changes: Any) -> dict[str, Any]:
    return {
        "id": "si_1",
        "current_period_end": int(PERIOD_END.timestamp()),
        "quantity": 3,
        "price": {
            "id": "price_1",
            "recurring": {"interval": "year", "interval_count": 2, "usage_type": "licensed"},
        },
        **changes,
    }


LICENSED = Item("si_1", "price_1", "year", 2, is_metered=False, quantity=3, period_end=PERIOD_END)
METERED = {
    "id": "price_1",
    "recurring": {"interval": "month", "interval_count": 1, "usage_type": "metered"},
}


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        pytest.param(line(), LICENSED, id="licensed"),
        pytest.param(line(discounts=[]), LICENSED, id="without a discount of its own"),
        pytest.param(
            line(discounts=["di_1"]),
            dataclasses.replace(LICENSED, has_discounts=True),
            id="with a discount of its own",
        ),
        pytest.param(
            {"id": "si_1", "price": METERED, "current_period_end": None},
            Item("si_1", "price_1", "month", 1, is_metered=True),
            id="metered, without a quantity or a period",
        ),
        pytest.param(
            line(price={"id": "price_1", "recurring": None}),
            dataclasses.replace(LICENSED, interval="unknown", interval_count=1),
            id="a price that does not say how often",
        ),
        *(
            pytest.param(
                line(price={"id": "price_1", "recurring": recurring}),
                dataclasses.replace(LICENSED, interval="unknown", interval_count=1),
                id=f"a price of {name}",
            )
            for name, recurring in {
                "no number of months": {"interval": "month", "interval_count": None},
                "one month and a half": {"interval": "month", "interval_count": 1.5},
                "true months": {"interval": "month", "interval_count": True},
                "no months": {"interval": "month", "interval_count": 0},
                "a list as its interval": {"interval": [], "interval_count": 1},
            }.items()
        ),
        pytest.param(
            line(quantity="three"),
            dataclasses.replace(LICENSED, quantity=None),
            id="a quantity in words",
        ),
    ],
)
def test_an_item_is_read_with_its_price_and_how_often_it_is_paid(
    data: dict[str, Any], expected: Item
) -> None:
    assert read_subscription(stripe_object(items={"data": [data]})).items == (expected,)


def test_every_item_is_read_in_stripes_order() -> None:
    read = read_subscription(
        stripe_object(items={"data": [line(id="si_2"), line(), line(id="si_0")]})
    )
    assert [item.item_id for item in read.items] == ["si_2", "si_1", "si_0"]


@pytest.mark.parametrize(
    ("discount", "expected"),
    [
        pytest.param(
            {"id": "di_1", "source": {"type": "coupon", "coupon": "SAVE"}},
            AppliedDiscount("di_1", "SAVE"),
            id="a coupon's id",
        ),
        pytest.param(
            {
                "id": "di_1",
                "source": {"type": "coupon", "coupon": {"id": "SAVE", "object": "coupon"}},
            },
            AppliedDiscount("di_1", "SAVE"),
            id="a coupon, expanded",
        ),
        pytest.param(
            {"id": "di_1", "source": {"type": "coupon", "coupon": None}},
            AppliedDiscount("di_1", None),
            id="no coupon",
        ),
        pytest.param(
            {"id": "di_1", "source": {"coupon": "SAVE"}, "start": int(PERIOD_END.timestamp())},
            AppliedDiscount("di_1", "SAVE", PERIOD_END),
            id="when it began",
        ),
        pytest.param({"id": "di_1", "source": None}, AppliedDiscount("di_1", None), id="no source"),
        pytest.param({"id": "di_1"}, AppliedDiscount("di_1", None), id="nothing about a source"),
        pytest.param("di_1", AppliedDiscount("di_1", None), id="not expanded"),
    ],
)
def test_a_discount_is_read_with_its_coupon_where_it_has_one(
    discount: object, expected: AppliedDiscount
) -> None:
    assert read_subscription(stripe_object(discounts=[discount])).discounts == (expected,)


@pytest.mark.parametrize(
    ("pause", "expected"),
    [
        pytest.param(None, None, id="not paused"),
        pytest.param(
            {"behavior": "void", "resumes_at": int(LATER.timestamp())},
            CollectionPause("void", LATER),
            id="for a time",
        ),
        pytest.param(
            {"behavior": "keep_as_draft", "resumes_at": None},
            CollectionPause("keep_as_draft", None),
            id="for good",
        ),
        pytest.param({"behavior": "void"}, CollectionPause("void", None), id="no end named"),
    ],
)
def test_a_pause_of_payments_is_read_with_its_end(
    pause: object, expected: CollectionPause | None
) -> None:
    assert read_subscription(stripe_object(pause_collection=pause)).paused == expected


def test_the_trials_end_and_the_currency_are_read() -> None:
    read = read_subscription(stripe_object(trial_end=int(LATER.timestamp()), currency="jpy"))
    assert (read.trial_end, read.currency) == (LATER, "jpy")


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param(
            {"items": {"data": [line(price={"recurring": {}})]}}, id="a price without an id"
        ),
        pytest.param({"items": {"data": [{"price": METERED}]}}, id="an item without an id"),
        pytest.param(
            {"discounts": [{"source": {"coupon": "SAVE"}}]}, id="a discount without an id"
        ),
        pytest.param({"discounts": [7]}, id="a discount that is a number"),
        pytest.param({"pause_collection": {"resumes_at": None}}, id="a pause without a behavior"),
        pytest.param({"pause_collection": "void"}, id="a pause that is a word"),
        pytest.param({"trial_end": "soon"}, id="a trial that ends with a word"),
    ],
)
def test_what_an_offer_would_be_decided_by_is_never_guessed(broken: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="lacks a field"):
        read_subscription(stripe_object(**broken))


def test_another_kind_of_object_is_refused() -> None:
    with pytest.raises(ValueError, match="other than a subscription"):
        read_subscription(stripe_object(object="customer"))


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"items": None}, id="items is null"),
        pytest.param({"items": {"data": None}}, id="no list of items"),
        pytest.param({"id": 7}, id="an id that is a number"),
        pytest.param({"status": []}, id="a status that is a list"),
        pytest.param({"currency": 7}, id="a currency that is a number"),
        pytest.param({"items": {"data": [line(id=[])]}}, id="an item's id as a list"),
        pytest.param(
            {"items": {"data": [line(price={"id": [], "recurring": None})]}},
            id="a price's id as a list",
        ),
        pytest.param({"discounts": [{"id": None}]}, id="a discount's id as null"),
        pytest.param({"items": {"data": ["si_1"]}}, id="items as ids"),
        pytest.param(
            {"items": {"data": [{"current_period_end": "soon"}]}}, id="a period's end as text"
        ),
        pytest.param({"cancel_at": "soon"}, id="a date as text"),
        pytest.param({"cancel_at": 10**30}, id="a date beyond all years"),
        pytest.param({"ended_at": float("nan")}, id="a date that is no number"),
        pytest.param({"schedule": {}}, id="a schedule without id"),
    ],
)
def test_an_object_of_another_shape_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r".+"):
        read_subscription(stripe_object(**change))


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["id", "data"]), inner, max_size=2)
    ),
    max_leaves=4,
)


@given(changes=st.dictionaries(st.sampled_from(sorted(stripe_object())), anything, max_size=3))
@settings(max_examples=100)
def test_whatever_stripe_sends_is_read_or_refused_with_a_value_error(
    changes: dict[str, Any],
) -> None:
    try:
        read = read_subscription(stripe_object(**changes))
    except ValueError:
        return
    assert isinstance(read, Subscription)


# What it means


@pytest.mark.parametrize("status", [*sorted(ENDED_STATUSES), *ALIVE])
def test_only_canceled_and_expired_subscriptions_have_ended(status: str) -> None:
    assert dataclasses.replace(GOING_ON, status=status).has_ended == (
        status in {"canceled", "incomplete_expired"}
    )


@pytest.mark.parametrize(
    ("status", "at_period_end", "cancel_at", "period_end", "is_ending"),
    [
        pytest.param("active", False, None, PERIOD_END, False, id="going on"),
        pytest.param("active", True, None, PERIOD_END, True, id="at period end"),
        pytest.param(
            "past_due", True, PERIOD_END, PERIOD_END, True, id="at period end while past due"
        ),
        pytest.param(
            "active", False, PERIOD_END, PERIOD_END, True, id="by date at the period's end"
        ),
        pytest.param("active", False, EARLIER, PERIOD_END, True, id="by date within the period"),
        pytest.param("active", False, LATER, PERIOD_END, False, id="by date after the period"),
        pytest.param("active", False, EARLIER, None, False, id="by date without a period"),
        pytest.param("canceled", True, EARLIER, PERIOD_END, False, id="ended already"),
    ],
)
def test_a_subscription_is_ending_when_it_ends_no_later_than_its_period(
    status: str,
    at_period_end: bool,
    cancel_at: datetime | None,
    period_end: datetime | None,
    is_ending: bool,
) -> None:
    subscription = dataclasses.replace(
        GOING_ON,
        status=status,
        cancel_at_period_end=at_period_end,
        cancel_at=cancel_at,
        current_period_end=period_end,
        last_period_end=period_end,
    )
    assert subscription.is_ending is is_ending


@pytest.mark.parametrize(
    ("fields", "requested"),
    [
        ({"canceled_at": 20, "created": 10}, True),
        ({"canceled_at": 10, "created": 10}, False),
        ({"canceled_at": None, "created": 10}, False),
        ({"canceled_at": 20}, False),
        ({"canceled_at": 20, "created": 10, "cancellation_details": {"reason": None}}, False),
    ],
    ids=["asked for later", "set at its beginning", "no moment", "no beginning", "no reason"],
)
def test_an_end_that_was_asked_for_is_told_from_one_that_was_agreed_on(
    fields: dict[str, Any], requested: bool
) -> None:
    asked = {"cancellation_details": {"reason": "cancellation_requested"}}
    read = read_subscription(stripe_object(cancel_at=int(LATER.timestamp()), **asked | fields))
    assert read.end_was_requested is requested
    assert read.is_ending is requested


@pytest.mark.parametrize(
    ("details", "has_reason"),
    [
        (None, True),
        ({"comment": None, "feedback": None, "reason": "cancellation_requested"}, False),
        ({"comment": "Too slow"}, True),
        ({"feedback": "unused"}, True),
    ],
)
def test_the_customers_reason_is_looked_for(details: object, has_reason: bool) -> None:
    assert read_subscription(stripe_object(cancellation_details=details)).has_reason is has_reason


def test_time_that_was_billed_ahead_is_paid_for() -> None:
    later = int(LATER.timestamp())
    read = read_subscription(stripe_object(items={"data": [line(billed_until=later)]}))
    assert (read.last_period_end, read.billed_until, read.paid_until) == (PERIOD_END, LATER, LATER)


def test_items_that_stripe_leaves_out_are_noticed() -> None:
    items = {"data": [line()], "has_more": True}
    assert read_subscription(stripe_object(items=items)).has_more_items


@pytest.mark.parametrize(
    ("changes", "ends_at"),
    [
        pytest.param({}, None, id="goes on"),
        pytest.param({"cancel_at": LATER}, None, id="ends in a later period"),
        pytest.param({"cancel_at_period_end": True}, PERIOD_END, id="at period end"),
        pytest.param(
            {"cancel_at_period_end": True, "cancel_at": EARLIER},
            EARLIER,
            id="Stripe's own date first",
        ),
        pytest.param({"cancel_at": EARLIER}, EARLIER, id="by date"),
        pytest.param(
            {"status": "canceled", "ended_at": EARLIER, "canceled_at": LATER}, EARLIER, id="ended"
        ),
        pytest.param(
            {"status": "canceled", "canceled_at": EARLIER}, EARLIER, id="ended, no end noted"
        ),
        pytest.param({"status": "canceled"}, None, id="ended, no date at all"),
    ],
)
def test_the_end_of_a_subscription_is_the_date_that_stripe_gave(
    changes: dict[str, Any], ends_at: datetime | None
) -> None:
    assert dataclasses.replace(GOING_ON, **changes).ends_at == ends_at


def test_a_subscription_has_never_both_ended_and_a_grace_period() -> None:
    for status, at_period_end, cancel_at in itertools.product(
        [*ENDED_STATUSES, *ALIVE], [True, False], [None, EARLIER, LATER]
    ):
        shape = dataclasses.replace(
            GOING_ON, status=status, cancel_at_period_end=at_period_end, cancel_at=cancel_at
        )
        assert not (shape.has_ended and shape.is_ending)


def test_the_applications_row_does_not_show_in_a_repr() -> None:
    owned = OwnedSubscription(
        CustomerId("7"), SubscriptionId("sub_1"), {"email": "ada@example.com"}
    )
    assert "ada" not in repr(owned)


# Ids


@pytest.mark.parametrize("text", ["sub_1", "sub-1", "a", "A" * 255, "0"], ids=lambda text: text[:8])
def test_letters_digits_underscores_and_hyphens_make_an_id(text: str) -> None:
    assert is_opaque_id(text)


@pytest.mark.parametrize(
    "text",
    ["", "A" * 256, "sub/1", "..", "sub%2f1", "sub_1\n", "sub 1", "süb", "sub\0", "sub?x", "٣"],
    ids=lambda text: repr(text[:8]),
)
def test_what_could_change_a_url_path_is_no_id(text: str) -> None:
    assert not is_opaque_id(text)


# What Stripe holds back, and what governs


def test_a_change_that_waits_for_its_payment_is_read_with_the_page_to_pay_on() -> None:
    items = [{"id": "si_1", "price": {"id": "price_1"}}, {"id": "si_2", "price": "price_2"}]
    pending = {"expires_at": 1_800_000_000, "subscription_items": items}
    url = "https://invoice.stripe.com/i/1"
    read = read_subscription(
        stripe_object(pending_update=pending, latest_invoice={"hosted_invoice_url": url})
    )
    assert read.pending_update == PendingUpdate(
        ("price_1", "price_2"), datetime.fromtimestamp(1_800_000_000, UTC)
    )
    assert read.payment_url == url
    assert url not in repr(read)


@pytest.mark.parametrize(
    "invoice",
    [None, "in_1", {}, {"hosted_invoice_url": None}, {"hosted_invoice_url": "javascript:alert(1)"}],
)
def test_only_an_address_of_the_web_is_a_page_to_pay_on(invoice: object) -> None:
    assert read_subscription(stripe_object(latest_invoice=invoice)).payment_url is None


@pytest.mark.parametrize(
    ("invoice", "paused_at", "is_open"),
    [
        ({"status": "open", "created": 20}, 10, True),
        ({"status": "paid", "created": 10}, 10, True),
        ({"status": "void", "created": 20}, 10, False),
        ({"status": "open", "created": 5}, 10, False),
        ({"status": "open", "created": 20}, None, False),
        ("in_1", 10, False),
        (None, 10, False),
    ],
    ids=[
        "open",
        "paid just now",
        "given up",
        "from before the pause",
        "since when is unknown",
        "not expanded",
        "no invoice",
    ],
)
def test_a_resumption_that_waits_for_its_payment_is_recognised(
    invoice: object, paused_at: int | None, is_open: bool
) -> None:
    details = {"paused": {"transitioned_at": paused_at}}
    data = stripe_object(status="paused", status_details=details, latest_invoice=invoice)
    assert read_subscription(data).resumption_is_open is is_open
    assert not read_subscription(data | {"status": "active"}).resumption_is_open


@pytest.mark.parametrize(
    ("fields", "is_flexible", "charges"),
    [
        (
            {"billing_mode": {"type": "flexible"}, "collection_method": "charge_automatically"},
            True,
            True,
        ),
        ({"billing_mode": {"type": "classic"}, "collection_method": "send_invoice"}, False, False),
        ({}, False, True),
    ],
    ids=["flexible and charged", "classic and sent invoices", "neither is said"],
)
def test_how_it_is_billed_is_read(
    fields: dict[str, object], is_flexible: bool, charges: bool
) -> None:
    read = read_subscription(stripe_object(**fields))
    assert (read.is_flexible, read.charges_automatically) == (is_flexible, charges)


def schedule_object(**fields: object) -> dict[str, object]:
    phases = [{"start_date": 1, "end_date": 100}, {"start_date": 100, "end_date": 200}]
    return {
        "object": "subscription_schedule",
        "end_behavior": "release",
        "phases": phases,
        "current_phase": phases[-1],
        "pause_schedules": [],
    } | fields


@pytest.mark.parametrize(
    ("fields", "more", "next_at"),
    [
        pytest.param({}, False, None, id="the last phase runs"),
        pytest.param(
            {"current_phase": {"start_date": 1, "end_date": 100}},
            True,
            datetime.fromtimestamp(100, UTC),
            id="another phase follows",
        ),
        pytest.param({"current_phase": None}, True, None, id="it has not begun"),
        pytest.param({"pause_schedules": [{"key": "p"}]}, True, None, id="a pause is planned"),
        pytest.param(
            {
                "current_phase": {"start_date": 1, "end_date": 100},
                "pause_schedules": [{"key": "p"}],
            },
            True,
            None,
            id="another phase follows and a pause is planned",
        ),
    ],
)
def test_a_schedule_is_read_with_what_is_still_to_come(
    fields: dict[str, object], more: bool, next_at: datetime | None
) -> None:
    ends_at = datetime.fromtimestamp(200, UTC)
    expected = Schedule("release", ends_at, has_more_to_come=more, next_phase_at=next_at)
    assert read_schedule(schedule_object(**fields)) == expected


@pytest.mark.parametrize(
    "fields",
    [
        {"object": "subscription"},
        {"phases": []},
        {"phases": None},
        {"current_phase": {}},
        {"phases": [7]},
    ],
)
def test_what_is_no_schedule_is_not_read_as_one(fields: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="schedule"):
        read_schedule(schedule_object(**fields))


# Prices and test clocks

PRICE = {
    "id": "price_1",
    "object": "price",
    "recurring": {"interval": "month", "interval_count": 3},
}


def test_a_price_is_read_with_how_often_it_is_paid() -> None:
    assert read_price(PRICE) == Price("price_1", "month", 3, is_metered=False)
    metered = PRICE["recurring"] | {"usage_type": "metered"}  # type: ignore[operator]
    assert read_price(PRICE | {"recurring": metered}).is_metered
    assert read_price(PRICE | {"tiers_mode": "volume"}).is_by_volume


@pytest.mark.parametrize(
    "changes",
    [
        {"object": "plan"},
        {"id": None},
        {"recurring": None},
        {"recurring": "month"},
        {"recurring": {}},
        {"recurring": {"interval": "month", "interval_count": "3"}},
        {"recurring": {"interval": None, "interval_count": 3}},
    ],
)
def test_a_price_of_another_shape_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="price"):
        read_price(PRICE | changes)


CLOCK = {"object": "test_helpers.test_clock", "frozen_time": int(PERIOD_END.timestamp())}


def test_the_time_on_a_test_clock_is_read() -> None:
    assert read_test_clock(CLOCK) == PERIOD_END


@pytest.mark.parametrize(
    "changes", [{"object": "clock"}, {"frozen_time": None}, {"frozen_time": 10**20}]
)
def test_a_test_clock_of_another_shape_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="clock"):
        read_test_clock(CLOCK | changes)


def test_the_first_invoice_is_no_request_to_end_a_pause() -> None:
    details = {"paused": {"transitioned_at": 1_800_000_000}}
    invoice = {"status": "open", "created": 1_800_000_000, "billing_reason": "subscription_create"}
    paused = stripe_object(status="paused", status_details=details, latest_invoice=invoice)

    assert not read_subscription(paused).resumption_is_open
