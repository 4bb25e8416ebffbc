"""Given a subscription as just read, one function says what is left to do, so repeating it is always safe."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta
from typing import Final, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aiocancel.core.actions import (
    Action,
    ActionKind,
    ActionState,
    AwaitPayment,
    CallKind,
    Defer,
    Done,
    PeriodEnd,
    Places,
    PlainKind,
    Receipt,
    Refuse,
    Step,
    Supersede,
    Wait,
    WatchKind,
    Write,
    WriteKind,
    end_that_is_set,
    next_step,
    past_the_schedule,
    resume_service,
    step_when_missing,
    wants_to_tell,
)
from aiocancel.core.changes import MoveEnd, PlainChange
from aiocancel.core.claim import CancelReason
from aiocancel.core.codes import Code, ForeignCode
from aiocancel.core.identifiers import SubscriptionId
from aiocancel.core.schedules import (
    DEFAULT_SCHEDULE_POLICY,
    EndSchedule,
    ReleaseSchedule,
    SchedulePolicy,
)
from aiocancel.core.subscription import Item, Schedule, Subscription
from tests.support import subscription_shapes as offers

SUBSCRIPTION_ID = SubscriptionId("sub_1")
PERIOD_END = datetime(2027, 3, 1, tzinfo=UTC)
EARLIER, LATER = PERIOD_END - timedelta(days=3), PERIOD_END + timedelta(days=300)
ENDED_AT = datetime(2027, 2, 1, tzinfo=UTC)

AT_PERIOD_END: Final = ActionKind.CANCEL_AT_PERIOD_END
NOW: Final = ActionKind.CANCEL_NOW
RESUME: Final = ActionKind.RESUME
EXPECT: Final = ActionKind.EXPECT_CANCELLATION

GOING_ON = Subscription(
    subscription_id=SUBSCRIPTION_ID,
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
BILLED_AHEAD = Item(
    "si_1",
    "price_1",
    "month",
    1,
    is_metered=False,
    quantity=1,
    period_end=PERIOD_END,
    billed_until=LATER,
)
SHAPES = {
    "going on": GOING_ON,
    "past due": dataclasses.replace(GOING_ON, status="past_due"),
    "unpaid": dataclasses.replace(GOING_ON, status="unpaid"),
    "incomplete": dataclasses.replace(GOING_ON, status="incomplete"),
    "paused": dataclasses.replace(GOING_ON, status="paused"),
    "ending with its period": dataclasses.replace(GOING_ON, cancel_at_period_end=True),
    "ending by date": dataclasses.replace(GOING_ON, cancel_at=EARLIER),
    "ending in a later period": dataclasses.replace(GOING_ON, cancel_at=LATER),
    "ending with the later of two periods": dataclasses.replace(
        GOING_ON, cancel_at=LATER, last_period_end=LATER
    ),
    "ending later, as was asked for": dataclasses.replace(
        GOING_ON, cancel_at=LATER, end_was_requested=True
    ),
    "paused while ending": dataclasses.replace(
        GOING_ON, status="paused", cancel_at_period_end=True, cancel_at=PERIOD_END
    ),
    "paid by month and by year": dataclasses.replace(GOING_ON, last_period_end=LATER),
    "billed ahead": dataclasses.replace(GOING_ON, items=(BILLED_AHEAD,)),
    "ending when what is billed ahead is over": dataclasses.replace(
        GOING_ON, items=(BILLED_AHEAD,), cancel_at=LATER
    ),
    "with more items than Stripe lists": dataclasses.replace(GOING_ON, has_more_items=True),
    "ending by both": dataclasses.replace(
        GOING_ON, cancel_at_period_end=True, cancel_at=PERIOD_END
    ),
    "canceled": dataclasses.replace(GOING_ON, status="canceled", ended_at=ENDED_AT),
    "canceled while ending": dataclasses.replace(
        GOING_ON, status="canceled", cancel_at_period_end=True, ended_at=ENDED_AT
    ),
    "expired": dataclasses.replace(GOING_ON, status="incomplete_expired"),
}


def done(ends_at: datetime | None, status: str = "active") -> Done:
    return Done(Receipt(status, ends_at))


def test_the_vendors_own_changes_are_watched_and_all_others_are_ours() -> None:
    assert {kind for kind in ActionKind if kind.only_watches} == {
        "expect_cancellation",
        "expect_offer",
    }


PLAIN_KINDS: tuple[PlainKind, ...] = get_args(PlainKind)


def test_every_kind_of_action_belongs_to_one_sort() -> None:
    sorts = [*get_args(WriteKind), *get_args(WatchKind), *get_args(CallKind)]

    assert sorted(sorts) == sorted(ActionKind)


OF_SEVERAL_ENDS: Final = (
    "ending later, as was asked for",
    "paused while ending",
    "paid by month and by year",
    "billed ahead",
    "ending when what is billed ahead is over",
    "with more items than Stripe lists",
)
TABLE: dict[PlainKind, dict[str, Step]] = {
    AT_PERIOD_END: {
        "going on": Write(PlainChange.CANCEL_AT_PERIOD_END),
        "past due": Write(PlainChange.CANCEL_AT_PERIOD_END),
        "unpaid": Write(PlainChange.CANCEL_AT_PERIOD_END),
        "incomplete": Write(PlainChange.CANCEL_NOW),
        "paused": Write(PlainChange.CANCEL_NOW),
        "ending with its period": done(PERIOD_END),
        "ending by date": done(EARLIER),
        "ending in a later period": done(LATER),
        "ending with the later of two periods": done(LATER),
        "ending later, as was asked for": done(LATER),
        "paused while ending": Write(PlainChange.CANCEL_NOW),
        "paid by month and by year": Write(PlainChange.CANCEL_AT_LAST_PERIOD_END),
        "billed ahead": Write(PlainChange.CANCEL_AT_BILLED_UNTIL),
        "ending when what is billed ahead is over": done(LATER),
        "with more items than Stripe lists": Write(PlainChange.CANCEL_AT_LAST_PERIOD_END),
        "ending by both": done(PERIOD_END),
        "canceled": done(ENDED_AT, "canceled"),
        "canceled while ending": done(ENDED_AT, "canceled"),
        "expired": done(None, "incomplete_expired"),
    },
    NOW: {
        "going on": Write(PlainChange.CANCEL_NOW),
        "past due": Write(PlainChange.CANCEL_NOW),
        "unpaid": Write(PlainChange.CANCEL_NOW),
        "incomplete": Write(PlainChange.CANCEL_NOW),
        "paused": Write(PlainChange.CANCEL_NOW),
        "ending with its period": Write(PlainChange.CANCEL_NOW),
        "ending by date": Write(PlainChange.CANCEL_NOW),
        "ending in a later period": Write(PlainChange.CANCEL_NOW),
        "ending with the later of two periods": Write(PlainChange.CANCEL_NOW),
        **dict.fromkeys(OF_SEVERAL_ENDS, Write(PlainChange.CANCEL_NOW)),
        "ending by both": Write(PlainChange.CANCEL_NOW),
        "canceled": done(ENDED_AT, "canceled"),
        "canceled while ending": done(ENDED_AT, "canceled"),
        "expired": done(None, "incomplete_expired"),
    },
    RESUME: {
        "going on": done(None),
        "past due": done(None, "past_due"),
        "unpaid": done(None, "unpaid"),
        "incomplete": done(None, "incomplete"),
        "paused": done(None, "paused"),
        "ending with its period": Write(PlainChange.WITHDRAW_CANCELLATION),
        "ending by date": Write(PlainChange.WITHDRAW_CANCELLATION_BY_DATE),
        "ending in a later period": Refuse(Code.ENDS_BY_AGREEMENT),
        "ending with the later of two periods": Write(PlainChange.WITHDRAW_CANCELLATION_BY_DATE),
        "ending later, as was asked for": Write(PlainChange.WITHDRAW_CANCELLATION_BY_DATE),
        "paused while ending": Write(PlainChange.WITHDRAW_CANCELLATION),
        "paid by month and by year": done(None),
        "billed ahead": done(None),
        "ending when what is billed ahead is over": Write(
            PlainChange.WITHDRAW_CANCELLATION_BY_DATE
        ),
        "with more items than Stripe lists": done(None),
        "ending by both": Write(PlainChange.WITHDRAW_CANCELLATION),
        "canceled": Refuse(Code.SUBSCRIPTION_HAS_ENDED),
        "canceled while ending": Refuse(Code.SUBSCRIPTION_HAS_ENDED),
        "expired": Refuse(Code.SUBSCRIPTION_HAS_ENDED),
    },
    EXPECT: {
        "going on": Wait(ForeignCode.of_subscription_status("active")),
        "past due": Wait(ForeignCode.of_subscription_status("past_due")),
        "unpaid": Wait(ForeignCode.of_subscription_status("unpaid")),
        "incomplete": Wait(ForeignCode.of_subscription_status("incomplete")),
        "paused": Wait(ForeignCode.of_subscription_status("paused")),
        "ending with its period": done(PERIOD_END),
        "ending by date": done(EARLIER),
        "ending in a later period": Wait(ForeignCode.of_subscription_status("active")),
        "ending with the later of two periods": done(LATER),
        "ending later, as was asked for": done(LATER),
        "paused while ending": done(PERIOD_END, "paused"),
        "paid by month and by year": Wait(ForeignCode.of_subscription_status("active")),
        "billed ahead": Wait(ForeignCode.of_subscription_status("active")),
        "ending when what is billed ahead is over": done(LATER),
        "with more items than Stripe lists": Wait(ForeignCode.of_subscription_status("active")),
        "ending by both": done(PERIOD_END),
        "canceled": done(ENDED_AT, "canceled"),
        "canceled while ending": done(ENDED_AT, "canceled"),
        "expired": done(None, "incomplete_expired"),
    },
    ActionKind.END_PAUSE: {
        "going on": done(None),
        "past due": done(None, "past_due"),
        "unpaid": done(None, "unpaid"),
        "incomplete": done(None, "incomplete"),
        "paused": Write(PlainChange.RESUME_SERVICE),
        "ending with its period": Supersede(Code.SUBSCRIPTION_IS_ENDING),
        "ending by date": Supersede(Code.SUBSCRIPTION_IS_ENDING),
        "ending in a later period": done(None),
        "ending with the later of two periods": Supersede(Code.SUBSCRIPTION_IS_ENDING),
        "ending later, as was asked for": Supersede(Code.SUBSCRIPTION_IS_ENDING),
        "paused while ending": Supersede(Code.SUBSCRIPTION_IS_ENDING),
        "paid by month and by year": done(None),
        "billed ahead": done(None),
        "ending when what is billed ahead is over": Supersede(Code.SUBSCRIPTION_IS_ENDING),
        "with more items than Stripe lists": done(None),
        "ending by both": Supersede(Code.SUBSCRIPTION_IS_ENDING),
        "canceled": Supersede(Code.SUBSCRIPTION_HAS_ENDED),
        "canceled while ending": Supersede(Code.SUBSCRIPTION_HAS_ENDED),
        "expired": Supersede(Code.SUBSCRIPTION_HAS_ENDED),
    },
}

# The shapes that offers are decided for; these objects have items, discounts, trials and pauses as well.
ALL_SHAPES = {name: where[0] for name, where in offers.SHAPES.items()}
HAS_ENDED: dict[str, Step] = {
    "canceled": done(offers.NOW, "canceled"),
    "expired": done(None, "incomplete_expired"),
}
IS_ENDING: dict[str, Step] = {
    "ending with its period": done(offers.DUE),
    "ending by date": done(offers.DUE - offers.DAY),
    "ending later, as was asked for": done(offers.YEAR_DUE),
    **HAS_ENDED,
}
# The schedule goes first. Phases to come before the end are not lost by leaving.
SCHEDULED: dict[str, Step] = {
    "under a schedule with nothing more to come": Write(
        PlainChange.CANCEL_AT_PERIOD_END, schedule=ReleaseSchedule("sub_sched_1")
    ),
    "under a downgrade at the period's end": Write(
        PlainChange.CANCEL_AT_PERIOD_END, schedule=ReleaseSchedule("sub_sched_1")
    ),
    "the other plan comes with its schedule": Write(
        PlainChange.CANCEL_AT_PERIOD_END, schedule=ReleaseSchedule("sub_sched_1")
    ),
    "under a schedule of the running period": Write(
        PlainChange.CANCEL_AT_PERIOD_END, schedule=EndSchedule("sub_sched_1", cancels=True)
    ),
    "under a schedule with phases to come": Refuse(Code.SCHEDULE_HAS_PENDING_PHASES),
}
IS_SUPERSEDED: dict[str, Step] = {
    "ending with its period": Supersede(Code.SUBSCRIPTION_IS_ENDING),
    "ending by date": Supersede(Code.SUBSCRIPTION_IS_ENDING),
    "ending later, as was asked for": Supersede(Code.SUBSCRIPTION_IS_ENDING),
    **dict.fromkeys(HAS_ENDED, Supersede(Code.SUBSCRIPTION_HAS_ENDED)),
}
TABLE_OF_ALL_SHAPES: dict[PlainKind, dict[str, Step]] = {
    AT_PERIOD_END: {
        **dict.fromkeys(ALL_SHAPES, Write(PlainChange.CANCEL_AT_PERIOD_END)),
        **IS_ENDING,
        **SCHEDULED,
        "ending in a later period": done(offers.YEAR_DUE),
        "its intervals are mixed": Write(PlainChange.CANCEL_AT_LAST_PERIOD_END),
        "it is billed ahead": Write(PlainChange.CANCEL_AT_BILLED_UNTIL),
        "Stripe lists only some of its items": Write(PlainChange.CANCEL_AT_LAST_PERIOD_END),
        **dict.fromkeys(("incomplete", "paused"), Write(PlainChange.CANCEL_NOW)),
    },
    NOW: {
        **dict.fromkeys(ALL_SHAPES, Write(PlainChange.CANCEL_NOW)),
        **HAS_ENDED,
        **dict.fromkeys(
            SCHEDULED, Write(PlainChange.CANCEL_NOW, schedule=ReleaseSchedule("sub_sched_1"))
        ),
    },
    RESUME: {
        **{name: done(None, shape.status) for name, shape in ALL_SHAPES.items()},
        "ending with its period": Write(PlainChange.WITHDRAW_CANCELLATION),
        "ending by date": Write(PlainChange.WITHDRAW_CANCELLATION_BY_DATE),
        "ending later, as was asked for": Write(PlainChange.WITHDRAW_CANCELLATION_BY_DATE),
        "ending in a later period": Refuse(Code.ENDS_BY_AGREEMENT),
        "canceled": Refuse(Code.SUBSCRIPTION_HAS_ENDED),
        "expired": Refuse(Code.SUBSCRIPTION_HAS_ENDED),
    },
    EXPECT: {
        **{
            name: Wait(ForeignCode.of_subscription_status(shape.status))
            for name, shape in ALL_SHAPES.items()
        },
        **IS_ENDING,
    },
    ActionKind.END_PAUSE: {
        **{name: done(None, shape.status) for name, shape in ALL_SHAPES.items()},
        "paused": Write(PlainChange.RESUME_SERVICE),
        **IS_SUPERSEDED,
    },
}

moments = st.none() | st.sampled_from([EARLIER, PERIOD_END, LATER])
subscriptions = st.builds(
    Subscription,
    subscription_id=st.just(SUBSCRIPTION_ID),
    status=st.sampled_from(
        [
            "active",
            "trialing",
            "past_due",
            "unpaid",
            "incomplete",
            "paused",
            "canceled",
            "incomplete_expired",
            "new",
        ]
    ),
    livemode=st.booleans(),
    cancel_at_period_end=st.booleans(),
    cancel_at=moments,
    canceled_at=moments,
    ended_at=moments,
    current_period_end=moments,
    schedule_id=st.none() | st.just("sub_sched_1"),
    last_period_end=moments,
)
kinds = st.sampled_from(PLAIN_KINDS)


def step(kind: PlainKind, subscription: Subscription) -> Step:
    return next_step(kind, subscription)


def step_past_the_schedule(kind: PlainKind, subscription: Subscription) -> Step:
    return past_the_schedule(step(kind, subscription), subscription, DEFAULT_SCHEDULE_POLICY)


def written(kind: PlainKind, write: Write, subscription: Subscription) -> Subscription:
    """What Stripe shows once it has carried the change out and done nothing else."""
    if write.change is PlainChange.CANCEL_NOW:
        return dataclasses.replace(subscription, status="canceled", ended_at=ENDED_AT)
    if isinstance(write.change, MoveEnd):
        return dataclasses.replace(subscription, cancel_at=subscription.paid_until)
    if write.change is PlainChange.CANCEL_AT_LAST_PERIOD_END:
        return dataclasses.replace(subscription, cancel_at=subscription.last_period_end)

    match kind:
        case ActionKind.CANCEL_AT_PERIOD_END:
            return dataclasses.replace(subscription, cancel_at_period_end=True)
        case ActionKind.RESUME if write.change is PlainChange.WITHDRAW_CANCELLATION_BY_DATE:
            return dataclasses.replace(subscription, cancel_at=None)
        case ActionKind.RESUME:
            # Stripe's cancel_at of a cancellation at period end goes with it.
            return dataclasses.replace(subscription, cancel_at_period_end=False, cancel_at=None)
        case ActionKind.END_PAUSE:
            return dataclasses.replace(subscription, status="active")
        case _:
            raise AssertionError("this is never written")


@pytest.mark.parametrize(
    ("kind", "shape", "expected"),
    [
        pytest.param(kind, SHAPES[name], expected, id=f"{kind} when {name}")
        for kind, steps in TABLE.items()
        for name, expected in steps.items()
    ],
)
def test_the_next_step_follows_from_the_action_and_the_subscription(
    kind: PlainKind, shape: Subscription, expected: Step
) -> None:
    assert step(kind, shape) == expected


@pytest.mark.parametrize(
    ("kind", "shape", "expected"),
    [
        pytest.param(kind, ALL_SHAPES[name], expected, id=f"{kind} when {name}")
        for kind, steps in TABLE_OF_ALL_SHAPES.items()
        for name, expected in steps.items()
    ],
)
def test_every_shape_that_an_offer_meets_can_be_cancelled_and_resumed(
    kind: PlainKind, shape: Subscription, expected: Step
) -> None:
    assert step_past_the_schedule(kind, shape) == expected


def test_the_table_covers_every_action_and_every_shape() -> None:
    assert {(kind, name) for kind, steps in TABLE.items() for name in steps} == {
        (kind, name) for kind in PLAIN_KINDS for name in SHAPES
    }


@given(kind=kinds, subscription=subscriptions)
@settings(max_examples=150)
def test_after_the_change_has_taken_effect_nothing_is_left_to_do(
    kind: PlainKind, subscription: Subscription
) -> None:
    before = step(kind, subscription)
    if isinstance(before, Write):
        assert isinstance(step(kind, written(kind, before, subscription)), Done)


@given(kind=kinds, subscription=subscriptions)
@settings(max_examples=100)
def test_a_receipt_holds_the_status_and_the_end_just_read(
    kind: PlainKind, subscription: Subscription
) -> None:
    reached = step(kind, subscription)
    if isinstance(reached, Done):
        assert reached.receipt.status == subscription.status
        assert reached.receipt.ends_at in (subscription.ends_at, subscription.set_end)


def test_a_pause_that_waits_for_its_payment_is_not_ended_twice() -> None:
    paused = dataclasses.replace(GOING_ON, status="paused", resumption_is_open=True)
    assert step(ActionKind.END_PAUSE, paused) == AwaitPayment()
    assert resume_service(dataclasses.replace(paused, payment_url="https://x")) == AwaitPayment(
        "https://x"
    )


def test_the_owner_may_let_the_shortest_period_end_a_subscription() -> None:
    for name in ("paid by month and by year", "billed ahead", "with more items than Stripe lists"):
        at_first_end = Write(PlainChange.CANCEL_AT_PERIOD_END)
        assert next_step(AT_PERIOD_END, SHAPES[name], "first") == at_first_end
    ending = SHAPES["ending with the later of two periods"]
    assert next_step(AT_PERIOD_END, ending, "first") == done(LATER)


@given(subscription=subscriptions)
@settings(max_examples=200)
def test_no_cancellation_moves_an_end(subscription: Subscription) -> None:
    reached = step(AT_PERIOD_END, subscription)
    if isinstance(reached, Write) and subscription.status not in ("paused", "incomplete"):
        assert subscription.set_end is None
    if isinstance(reached, Done) and subscription.set_end is not None:
        assert subscription.has_ended or reached.receipt.ends_at == subscription.set_end


@given(subscription=subscriptions)
@settings(max_examples=200)
def test_an_agreed_end_that_yields_takes_no_paid_time_along_and_is_never_put_off(
    subscription: Subscription,
) -> None:
    reached = next_step(AT_PERIOD_END, subscription, agreed_ends="yield")
    end, paid_until = subscription.set_end, subscription.paid_until
    if not isinstance(reached, Write) or not isinstance(reached.change, MoveEnd):
        # Every other shape is treated as where agreed ends stand.
        assert reached == step(AT_PERIOD_END, subscription)
        assert end is None or paid_until is None or end <= paid_until or _is_let_go(subscription)
        return

    assert paid_until is not None
    assert end_that_is_set(reached.change, subscription) == paid_until < reached.change.was
    assert reached.change.was == end
    after = written(AT_PERIOD_END, reached, subscription)
    again = next_step(AT_PERIOD_END, after, agreed_ends="yield")
    assert again == done(paid_until, subscription.status)


def _is_let_go(subscription: Subscription) -> bool:
    return subscription.has_ended or subscription.status in ("paused", "incomplete")


def test_an_agreed_end_yields_to_the_end_of_what_is_paid() -> None:
    far = dataclasses.replace(GOING_ON, cancel_at=LATER + timedelta(days=300))
    mixed = dataclasses.replace(far, last_period_end=LATER)
    ahead = dataclasses.replace(far, items=(BILLED_AHEAD,))

    def moved(subscription: Subscription, ends_with: PeriodEnd = "last") -> tuple[str, object]:
        reached = next_step(AT_PERIOD_END, subscription, ends_with, "yield")
        assert isinstance(reached, Write)
        assert isinstance(reached.change, MoveEnd)
        assert reached.change.was == subscription.cancel_at
        return str(reached.change.to), end_that_is_set(reached.change, subscription)

    assert moved(far) == ("max_period_end", PERIOD_END)
    assert moved(mixed) == ("max_period_end", LATER)
    assert moved(ahead) == ("max_billed_until", LATER)
    assert moved(mixed, "first") == ("min_period_end", PERIOD_END)
    asked_for = dataclasses.replace(far, end_was_requested=True)
    assert moved(asked_for) == ("max_period_end", PERIOD_END)
    # Nobody knows until when the items are paid that Stripe left out.
    partly_seen = dataclasses.replace(far, has_more_items=True)
    assert next_step(AT_PERIOD_END, partly_seen, agreed_ends="yield") == done(far.cancel_at)
    # The agreed end comes back as it was, which is no cancellation.
    assert end_that_is_set(MoveEnd(LATER, was=PERIOD_END), far) is None
    back = Write(MoveEnd(LATER, was=PERIOD_END))
    assert past_the_schedule(back, far, DEFAULT_SCHEDULE_POLICY) == back


@pytest.mark.parametrize(
    ("named", "end"), [(None, PERIOD_END), (GOING_ON.subscription_id, PERIOD_END), ("sub_2", None)]
)
def test_a_schedule_ends_the_subscription_that_it_governs_and_no_other(
    named: str | None, end: datetime | None
) -> None:
    schedule = Schedule("cancel", PERIOD_END, has_more_to_come=False, subscription_id=named)
    governed = dataclasses.replace(GOING_ON, schedule_id="s", schedule=schedule)

    assert governed.set_end == end
    assert governed.is_ending is (end is not None)
    waits = next_step(ActionKind.EXPECT_CANCELLATION, governed)
    assert isinstance(waits, Done) is (end is not None)
    leaves = next_step(AT_PERIOD_END, governed)
    refused = Refuse(Code.SCHEDULE_OF_ANOTHER_SUBSCRIPTION)
    assert past_the_schedule(leaves, governed, DEFAULT_SCHEDULE_POLICY) == (
        done(end) if end is not None else refused
    )


@pytest.mark.parametrize(
    ("policy", "more_to_come"), [("release", False), ("release", True), ("amend", True)]
)
def test_an_end_that_a_released_schedule_held_is_kept_until_it_is_moved(
    policy: SchedulePolicy, more_to_come: bool
) -> None:
    far = LATER + timedelta(days=300)
    schedule = Schedule("cancel", far, more_to_come, PERIOD_END if more_to_come else None)
    held = dataclasses.replace(GOING_ON, cancel_at=far, schedule_id="s", schedule=schedule)

    reached = next_step(AT_PERIOD_END, held, agreed_ends="yield")

    first = past_the_schedule(reached, held, policy)
    assert first == Write(
        MoveEnd("max_period_end", was=far), schedule=ReleaseSchedule("s", keeps_end=True)
    )
    # A customer who does not leave by that end has no use for it.
    at_once = past_the_schedule(Write(PlainChange.CANCEL_NOW), held, policy)
    assert at_once == Write(PlainChange.CANCEL_NOW, schedule=ReleaseSchedule("s"))


@pytest.mark.parametrize(
    ("kind", "reason", "has_reason", "wanted"),
    [
        (AT_PERIOD_END, CancelReason("Too slow"), False, True),
        (NOW, CancelReason(None, "too_slow"), False, True),
        (AT_PERIOD_END, CancelReason("Too slow"), True, False),
        (AT_PERIOD_END, CancelReason(), False, False),
        (RESUME, CancelReason("Too slow"), False, False),
    ],
)
def test_a_reason_is_told_where_stripe_has_none(
    kind: ActionKind, reason: CancelReason, has_reason: bool, wanted: bool
) -> None:
    subscription = dataclasses.replace(GOING_ON, has_reason=has_reason)
    assert wants_to_tell(Action(kind, SUBSCRIPTION_ID, reason), subscription) is wanted


@given(subscription=subscriptions)
@settings(max_examples=60)
def test_the_flow_vendors_own_change_is_awaited_and_never_written(
    subscription: Subscription,
) -> None:
    assert isinstance(step(EXPECT, subscription), Done | Wait)


@given(subscription=subscriptions)
@settings(max_examples=60)
def test_a_cancellation_is_never_refused(subscription: Subscription) -> None:
    assert not any(
        isinstance(step(kind, subscription), Refuse) for kind in (AT_PERIOD_END, NOW, EXPECT)
    )


@given(subscription=subscriptions)
@settings(max_examples=60)
def test_cancelling_now_is_done_only_when_the_subscription_has_ended(
    subscription: Subscription,
) -> None:
    assert isinstance(step(NOW, subscription), Done) == subscription.has_ended


@given(kind=kinds, subscription=subscriptions)
@settings(max_examples=60)
def test_only_taking_back_a_cancellation_by_date_clears_a_date(
    kind: PlainKind, subscription: Subscription
) -> None:
    reached = step(kind, subscription)
    if reached == Write(PlainChange.WITHDRAW_CANCELLATION_BY_DATE):
        assert kind is RESUME
        assert subscription.cancel_at is not None
        assert not subscription.cancel_at_period_end


@pytest.mark.parametrize("kind", ActionKind)
@pytest.mark.parametrize("was_written", [True, False], ids=["written", "never written"])
def test_a_missing_subscription_is_done_only_for_our_own_cancellation_at_once(
    kind: ActionKind, was_written: bool
) -> None:
    expected = (
        Done(Receipt("canceled", None))
        if kind is NOW and was_written
        else Refuse(Code.RESOURCE_MISSING)
    )
    assert step_when_missing(Action(kind, SUBSCRIPTION_ID), written=was_written) == expected


def test_a_subscription_that_is_missing_in_an_account_of_many_may_go_on_in_another() -> None:
    step = step_when_missing(Action(NOW, SUBSCRIPTION_ID), written=True, in_one_account=False)

    assert step == Refuse(Code.RESOURCE_MISSING)


def test_an_action_that_no_worker_will_touch_again_is_final() -> None:
    assert {state for state in ActionState if not state.is_final} == {
        ActionState.WAITING,
        ActionState.RUNNING,
    }


# What rows of the database hold


def test_the_words_of_kinds_and_states_are_those_that_stored_actions_have() -> None:
    assert [kind.value for kind in ActionKind] == [
        "cancel_at_period_end",
        "cancel_now",
        "resume",
        "unpause",
        "remove_discount",
        "keep_plan",
        "expect_cancellation",
        "verify_offer",
        "apply_offer",
        "expect_offer",
        "end_pause",
        "run_offer_handler",
        "run_hooks",
        "acknowledge",
        "match_declaration",
    ]

    assert [state.value for state in ActionState] == [
        "waiting",
        "running",
        "done",
        "parked",
        "refused",
        "closed",
    ]


def test_a_payment_page_stands_in_no_repr() -> None:
    url = "https://invoice.stripe.com/i/acct_1/secret"

    for holds in (
        Receipt("needs_payment", None, url),
        Defer(datetime(2027, 1, 1, tzinfo=UTC), payment_url=url),
    ):
        assert holds.payment_url == url
        assert "invoice.stripe.com" not in repr(holds)


@pytest.mark.parametrize(
    ("kind", "places"),
    [
        ("cancel_at_period_end", Places.CANCELLATIONS),
        ("cancel_now", Places.CANCELLATIONS),
        ("apply_offer", Places.CHANGES),
        ("verify_offer", Places.QUESTIONS),
        ("run_hooks", Places.CALLS),
        ("acknowledge", Places.MAILS),
        ("match_declaration", Places.DECLARATIONS),
        ("of_a_newer_release", Places.CHANGES),
    ],
)
def test_each_sort_of_work_has_places_of_its_own(kind: str, places: Places) -> None:
    assert Places.of(kind) is places


def test_on_a_test_clock_the_span_is_waited_for_in_real_time() -> None:
    now = datetime(2027, 1, 1, tzinfo=UTC)
    wait = Defer(until=now + timedelta(days=3))

    assert wait.from_clock(None, now) == wait
    assert wait.from_clock(now + timedelta(days=1), now).until == now + timedelta(days=2)
