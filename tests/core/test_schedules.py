"""A subscription schedule that stands in the way: what goes first, and what only a human may do."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aiocancel.core.actions import (
    ActionKind,
    Defer,
    Done,
    PlainKind,
    Receipt,
    Refuse,
    Write,
    next_step,
    past_the_schedule,
)
from aiocancel.core.changes import PlainChange
from aiocancel.core.codes import Code
from aiocancel.core.identifiers import SubscriptionId
from aiocancel.core.schedule_phases import Phase, PhaseItem
from aiocancel.core.schedules import (
    SCHEDULE_POLICIES,
    CutSchedule,
    EndSchedule,
    ReleaseSchedule,
    ScheduleChange,
    SchedulePolicy,
    Wish,
    clear_the_way,
)
from aiocancel.core.subscription import Schedule, Subscription

DUE = datetime(2027, 3, 1, tzinfo=UTC)
LATER = DUE + timedelta(days=90)
ID = "sub_sched_1"
PLAIN = Subscription(
    SubscriptionId("sub_1"),
    "active",
    False,
    False,
    None,
    None,
    None,
    DUE,
    schedule_id=None,
    last_period_end=DUE,
)
AT_PERIOD_END: Final = ActionKind.CANCEL_AT_PERIOD_END
NOW: Final = ActionKind.CANCEL_NOW
RESUME: Final = ActionKind.RESUME
RELEASE, END, KEEP = (
    ReleaseSchedule(ID),
    EndSchedule(ID, cancels=True),
    EndSchedule(ID, cancels=False),
)


def under(schedule: Schedule | None) -> Subscription:
    return dataclasses.replace(PLAIN, schedule_id=ID, schedule=schedule)


SHAPES = {
    "no schedule": PLAIN,
    "a schedule that nobody read": under(None),
    "a schedule that ends with the period": under(Schedule("release", DUE, has_more_to_come=False)),
    "a schedule that ends later": under(Schedule("release", LATER, has_more_to_come=False)),
    "a schedule with phases to come": under(Schedule("release", LATER, has_more_to_come=True)),
    "a schedule that ends the subscription with the period": under(
        Schedule("cancel", DUE, has_more_to_come=False)
    ),
    "a schedule that ends the subscription later": under(
        Schedule("cancel", LATER, has_more_to_come=False)
    ),
    "a schedule that starts again": under(Schedule("renew", DUE, has_more_to_come=False)),
    "a schedule without an end": under(Schedule("release", None, has_more_to_come=False)),
    "a schedule whose next phase comes after the end": under(
        Schedule("release", LATER, has_more_to_come=True, next_phase_at=DUE)
    ),
    "a schedule whose next phase comes before the end": under(
        Schedule("release", LATER, has_more_to_come=True, next_phase_at=DUE - timedelta(seconds=1))
    ),
    "a schedule of another subscription": under(
        Schedule("release", DUE, has_more_to_come=False, subscription_id="sub_2")
    ),
}
EARLY = DUE - timedelta(days=10)
RUNS = Phase(EARLY - timedelta(days=20), EARLY, ())
COMES = Phase(EARLY, LATER, (PhaseItem("price_basic", 1),))
SHAPES |= {
    "a schedule that can be cut at the end": under(
        Schedule("release", LATER, True, EARLY, phases=(RUNS, COMES))
    ),
    "a schedule that is over before the end": under(
        Schedule("release", EARLY, True, EARLY, phases=(RUNS, dataclasses.replace(RUNS)))
    ),
    "a schedule that is not as the subscription is": under(
        Schedule(
            "release",
            LATER,
            True,
            EARLY,
            phases=(dataclasses.replace(RUNS, discounts=("di_1",)), COMES),
        )
    ),
}
CUT = CutSchedule(ID, (RUNS, dataclasses.replace(COMES, ends_at=DUE)))
STRANGER = "a schedule of another subscription"
TABLE: dict[Wish, dict[str, ScheduleChange | str | None]] = {
    "cancel_at_period_end": {
        "no schedule": None,
        "a schedule that nobody read": "schedule_is_unknown",
        "a schedule that ends with the period": END,
        "a schedule that ends later": RELEASE,
        "a schedule with phases to come": "schedule_has_pending_phases",
        "a schedule that ends the subscription with the period": "schedule_has_an_end_of_its_own",
        "a schedule that ends the subscription later": "schedule_has_an_end_of_its_own",
        "a schedule that starts again": "schedule_has_an_end_of_its_own",
        "a schedule without an end": RELEASE,
        "a schedule whose next phase comes after the end": RELEASE,
        "a schedule whose next phase comes before the end": "schedule_has_pending_phases",
        "a schedule that can be cut at the end": CUT,
        "a schedule that is over before the end": "schedule_has_pending_phases",
        "a schedule that is not as the subscription is": "schedule_cannot_be_kept",
        STRANGER: "schedule_of_another_subscription",
    },
    "cancel_now": dict.fromkeys(SHAPES, RELEASE)
    | {"no schedule": None, STRANGER: "schedule_of_another_subscription"},
    "other": {
        "no schedule": None,
        "a schedule that nobody read": "schedule_is_unknown",
        "a schedule that ends with the period": RELEASE,
        "a schedule that ends later": RELEASE,
        "a schedule with phases to come": "schedule_has_pending_phases",
        "a schedule that ends the subscription with the period": KEEP,
        "a schedule that ends the subscription later": "schedule_has_an_end_of_its_own",
        "a schedule that starts again": "schedule_has_an_end_of_its_own",
        "a schedule without an end": RELEASE,
        "a schedule whose next phase comes after the end": "schedule_has_pending_phases",
        "a schedule whose next phase comes before the end": "schedule_has_pending_phases",
        "a schedule that can be cut at the end": "schedule_has_pending_phases",
        "a schedule that is over before the end": "schedule_has_pending_phases",
        "a schedule that is not as the subscription is": "schedule_has_pending_phases",
        STRANGER: "schedule_of_another_subscription",
    },
}


@pytest.mark.parametrize(
    ("wish", "name", "expected"),
    [
        pytest.param(wish, name, expected, id=f"{wish} under {name}")
        for wish, row in TABLE.items()
        for name, expected in row.items()
    ],
)
def test_amending_loses_nothing_that_was_agreed(
    wish: Wish, name: str, expected: ScheduleChange | str | None
) -> None:
    assert clear_the_way(SHAPES[name], "amend", wish, ends_at=DUE) == expected


@pytest.mark.parametrize("name", sorted(SHAPES.keys() - {"no schedule", STRANGER}))
@pytest.mark.parametrize("wish", sorted(TABLE))
def test_the_other_policies_ask_nothing(wish: Wish, name: str) -> None:
    assert clear_the_way(SHAPES[name], "release", wish) == RELEASE
    assert clear_the_way(SHAPES[name], "park", wish) == "subscription_has_a_schedule"


@given(
    policy=st.sampled_from(SCHEDULE_POLICIES),
    name=st.sampled_from(sorted(SHAPES)),
)
@settings(max_examples=60)
def test_only_what_would_be_written_meets_the_schedule(policy: SchedulePolicy, name: str) -> None:
    subscription = SHAPES[name]
    for step in (Done(Receipt("active", None)), Refuse(Code.SUBSCRIPTION_HAS_ENDED)):
        assert past_the_schedule(step, subscription, policy) == step
    write = Write(PlainChange.WITHDRAW_CANCELLATION)
    first = past_the_schedule(write, subscription, policy)
    assert first == write if name == "no schedule" else isinstance(first, Refuse | Write)
    assert (isinstance(first, Write) and first.schedule is None) == (name == "no schedule")


def test_what_is_due_later_is_refused_at_once_when_the_schedule_will_not_allow_it() -> None:
    later = Defer(until=DUE, takes_effect_at=DUE)
    blocked, free = SHAPES["a schedule with phases to come"], SHAPES["a schedule that ends later"]
    assert past_the_schedule(later, blocked, "amend") == Refuse(Code.SCHEDULE_HAS_PENDING_PHASES)
    assert past_the_schedule(later, free, "amend") == later


def decided(kind: PlainKind, subscription: Subscription) -> object:
    return past_the_schedule(next_step(kind, subscription), subscription, "amend")


def test_a_cancellation_through_its_schedule_is_seen_and_can_be_taken_back() -> None:
    before = SHAPES["a schedule that ends with the period"]
    assert decided(AT_PERIOD_END, before) == Write(PlainChange.CANCEL_AT_PERIOD_END, END)
    ending = SHAPES["a schedule that ends the subscription with the period"]
    assert decided(AT_PERIOD_END, ending) == Done(Receipt("active", DUE))
    assert decided(RESUME, ending) == Write(PlainChange.WITHDRAW_CANCELLATION, KEEP)
    assert decided(RESUME, dataclasses.replace(ending, cancel_at=DUE)) == Write(
        PlainChange.WITHDRAW_CANCELLATION_BY_DATE, KEEP
    )
    assert decided(RESUME, before) == Done(Receipt("active", None))


def test_a_subscription_that_its_schedule_ends_later_goes_on_for_now() -> None:
    later = SHAPES["a schedule that ends the subscription later"]
    assert not later.is_ending
    assert later.ends_at is None
    assert decided(AT_PERIOD_END, later) == Done(Receipt("active", LATER))
    # Cut, it could not be given that end back.
    yields = next_step(AT_PERIOD_END, later, agreed_ends="yield")
    refused = Refuse(Code.SCHEDULE_HAS_AN_END_OF_ITS_OWN)
    assert past_the_schedule(yields, later, "amend") == refused
    assert decided(NOW, later) == Write(PlainChange.CANCEL_NOW, RELEASE)


def test_an_end_that_nobody_knows_cuts_no_schedule() -> None:
    shape = SHAPES["a schedule that can be cut at the end"]
    refused = clear_the_way(shape, "amend", "cancel_at_period_end", ends_at=None)
    assert refused == Code.SCHEDULE_HAS_PENDING_PHASES
