"""What an offer did is taken back, what somebody else did is not."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aiocancel.config import DEFAULT_TEXTS
from aiocancel.core.actions import ActionKind, Defer, Done, Receipt, Refuse, Step, Wait, Write
from aiocancel.core.changes import (
    AddDiscount,
    Change,
    MoveEnd,
    MoveTrialEnd,
    PausePayments,
    PauseService,
    PlainChange,
    RemoveDiscounts,
    SchedulePrice,
)
from aiocancel.core.claim import FlowStatus
from aiocancel.core.codes import Code
from aiocancel.core.identifiers import SubscriptionId
from aiocancel.core.schedule_phases import Phase, PhaseItem
from aiocancel.core.schedules import ReleaseSchedule
from aiocancel.core.subscription import (
    AppliedDiscount,
    CollectionPause,
    Item,
    Schedule,
    Subscription,
)
from aiocancel.core.undo import (
    NOTHING_MADE,
    UNDOS,
    Made,
    OwnCancellation,
    ResumePolicy,
    brought_back,
    changes_billing,
    going_on,
    kept_by,
    left_as_agreed,
    resume_problem,
    resumed,
    takes_back,
    undo_named,
    undo_of,
    undo_step,
    vendor_status,
    withdrawal_of,
    yields_to_an_offer,
)

DUE = datetime(2027, 4, 1, tzinfo=UTC)
UNTIL = DUE + timedelta(days=60)
LOYAL = AppliedDiscount("di_loyal", "LOYAL")
OURS = AppliedDiscount("di_ours", "SAVE")
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
    discounts=(LOYAL,),
)
DONE = Done(Receipt("active", None))
COLLECT = Write(PlainChange.COLLECT_PAYMENTS)
PAUSED = dataclasses.replace(ACTIVE, paused=CollectionPause("void", UNTIL))
SERVICE_PAUSED = dataclasses.replace(ACTIVE, status="paused")
DISCOUNTED = dataclasses.replace(ACTIVE, discounts=(LOYAL, OURS))

PRO = Item("si_1", "price_pro", "month", 1, is_metered=False, quantity=1, period_end=DUE)
RUNNING = Phase(DUE - timedelta(days=31), DUE, (PhaseItem("price_pro", 1),), ("di_loyal",))
ON_BASIC = Phase(DUE, UNTIL, (PhaseItem("price_basic", 1),), ("di_loyal",))
ON_MAX = Phase(UNTIL, UNTIL + timedelta(days=30), (PhaseItem("price_max", 1),), ("di_loyal",))
HAS_BASIC = dataclasses.replace(PRO, price_id="price_basic")
PLAN = SchedulePrice("sub_sched_1", RUNNING, "price_basic", "price_pro", 1, "month", 1)
WE_PLANNED = Made(planned=(PLAN,))


def planned(*phases: Phase, end_behavior: str = "release") -> Subscription:
    """Under a schedule of these phases, the first of which runs."""
    more = len(phases) > 1
    schedule = Schedule(end_behavior, phases[-1].ends_at, more, phases=phases)
    return dataclasses.replace(ACTIVE, items=(PRO,), schedule_id="sub_sched_1", schedule=schedule)


WE_PAUSED = Made((MoveTrialEnd(DUE, None), PausePayments("void", UNTIL, DUE)))
WE_DISCOUNTED = Made((AddDiscount("SAVE", ("di_loyal",), DUE),))
REMOVAL = RemoveDiscounts(("di_ours",), ("di_loyal",))


@pytest.mark.parametrize(
    ("subscription", "made", "expected"),
    [
        pytest.param(PAUSED, WE_PAUSED, COLLECT, id="our pause"),
        pytest.param(
            PAUSED,
            Made(vendor_paused=True),
            COLLECT,
            id="the flow vendor's pause",
        ),
        pytest.param(
            SERVICE_PAUSED,
            Made(vendor_paused=True),
            Write(PlainChange.RESUME_SERVICE),
            id="the flow vendor's pause of the service",
        ),
        pytest.param(ACTIVE, WE_PAUSED, DONE, id="our pause is over"),
        pytest.param(ACTIVE, NOTHING_MADE, DONE, id="no pause"),
        pytest.param(
            PAUSED, NOTHING_MADE, Refuse(Code.PAUSED_BY_SOMEBODY_ELSE), id="somebody else's pause"
        ),
        pytest.param(
            PAUSED,
            WE_DISCOUNTED,
            Refuse(Code.PAUSED_BY_SOMEBODY_ELSE),
            id="somebody's beside our discount",
        ),
        pytest.param(
            dataclasses.replace(PAUSED, paused=CollectionPause("keep_as_draft", UNTIL)),
            WE_PAUSED,
            Refuse(Code.PAUSED_BY_SOMEBODY_ELSE),
            id="our pause was replaced by another",
        ),
        pytest.param(
            dataclasses.replace(ACTIVE, status="paused"),
            WE_PAUSED,
            Refuse(Code.PAUSED_BY_SOMEBODY_ELSE),
            id="somebody else paused the service",
        ),
        pytest.param(
            dataclasses.replace(ACTIVE, status="paused"),
            Made((PauseService(UNTIL, None),)),
            Write(PlainChange.RESUME_SERVICE),
            id="our offer paused the service",
        ),
        pytest.param(
            dataclasses.replace(PAUSED, status="canceled"),
            WE_PAUSED,
            Refuse(Code.SUBSCRIPTION_HAS_ENDED),
            id="ended",
        ),
        pytest.param(
            dataclasses.replace(PAUSED, status="past_due"),
            WE_PAUSED,
            COLLECT,
            id="past due",
        ),
        pytest.param(
            dataclasses.replace(PAUSED, cancel_at_period_end=True),
            WE_PAUSED,
            COLLECT,
            id="ending",
        ),
        pytest.param(
            dataclasses.replace(PAUSED, schedule_id="sub_sched_1"),
            WE_PAUSED,
            COLLECT,
            id="scheduled",
        ),
    ],
)
def test_only_a_pause_that_an_offer_made_is_ended(
    subscription: Subscription, made: Made, expected: Step
) -> None:
    assert undo_step(ActionKind.UNPAUSE, subscription, made, None) == expected


TWO_OF_OURS = Made(
    (AddDiscount("SAVE", ("di_loyal",), DUE), AddDiscount("MORE", ("di_loyal", "di_ours"), DUE))
)


@pytest.mark.parametrize(
    ("subscription", "made", "earlier", "expected"),
    [
        pytest.param(DISCOUNTED, WE_DISCOUNTED, None, Write(REMOVAL), id="ours beside another"),
        pytest.param(
            dataclasses.replace(ACTIVE, discounts=(OURS,)),
            WE_DISCOUNTED,
            None,
            Write(RemoveDiscounts(("di_ours",), ())),
            id="ours alone",
        ),
        pytest.param(
            dataclasses.replace(
                ACTIVE, discounts=(OURS, LOYAL, AppliedDiscount("di_more", "MORE"))
            ),
            TWO_OF_OURS,
            None,
            Write(RemoveDiscounts(("di_ours", "di_more"), ("di_loyal",))),
            id="two of ours",
        ),
        pytest.param(ACTIVE, WE_DISCOUNTED, None, DONE, id="ours is over"),
        pytest.param(
            DISCOUNTED, NOTHING_MADE, None, Refuse(Code.NO_DISCOUNT_OF_OURS), id="none is ours"
        ),
        pytest.param(
            DISCOUNTED,
            WE_PAUSED,
            None,
            Refuse(Code.NO_DISCOUNT_OF_OURS),
            id="an offer of another kind",
        ),
        pytest.param(
            dataclasses.replace(ACTIVE, discounts=(AppliedDiscount("di_loyal", "SAVE"),)),
            WE_DISCOUNTED,
            None,
            DONE,
            id="one of the same coupon that was there before",
        ),
        pytest.param(
            dataclasses.replace(DISCOUNTED, schedule_id="sub_sched_1"),
            WE_DISCOUNTED,
            None,
            Refuse(Code.SUBSCRIPTION_HAS_A_SCHEDULE),
            id="under a schedule",
        ),
        pytest.param(
            dataclasses.replace(DISCOUNTED, status="canceled"),
            WE_DISCOUNTED,
            None,
            Refuse(Code.SUBSCRIPTION_HAS_ENDED),
            id="ended",
        ),
        pytest.param(
            DISCOUNTED,
            WE_DISCOUNTED,
            REMOVAL,
            Write(REMOVAL),
            id="an earlier try that was lost",
        ),
        pytest.param(ACTIVE, WE_DISCOUNTED, REMOVAL, DONE, id="an earlier try that went through"),
        pytest.param(
            dataclasses.replace(ACTIVE, discounts=(), schedule_id="sub_sched_1"),
            WE_DISCOUNTED,
            REMOVAL,
            DONE,
            id="an earlier try that went through before a schedule came",
        ),
        pytest.param(
            dataclasses.replace(
                DISCOUNTED, discounts=(LOYAL, OURS, AppliedDiscount("di_new", "NEW"))
            ),
            WE_DISCOUNTED,
            REMOVAL,
            Refuse(Code.CHANGED_SINCE_IT_WAS_TRIED),
            id="somebody added one since an earlier try",
        ),
    ],
)
def test_only_a_discount_that_an_offer_added_is_removed_and_every_other_is_kept(
    subscription: Subscription, made: Made, earlier: Change | None, expected: Step
) -> None:
    assert undo_step(ActionKind.REMOVE_DISCOUNT, subscription, made, earlier) == expected


coupons = st.sampled_from(["SAVE", "MORE", "LOYAL", None])
discounts = st.lists(
    st.builds(AppliedDiscount, st.sampled_from([f"di_{number}" for number in range(6)]), coupons),
    max_size=5,
    unique_by=lambda discount: discount.discount_id,
).map(tuple)
added = st.builds(
    AddDiscount,
    st.sampled_from(["SAVE", "MORE"]),
    st.lists(st.sampled_from([f"di_{number}" for number in range(6)]), max_size=4).map(tuple),
    st.none(),
)


@given(discounts=discounts, changes=st.lists(added, max_size=3).map(tuple))
@settings(max_examples=200)
def test_a_removal_never_takes_a_discount_that_was_there_before_or_is_of_another_coupon(
    discounts: tuple[AppliedDiscount, ...], changes: tuple[AddDiscount, ...]
) -> None:
    subscription = dataclasses.replace(ACTIVE, discounts=discounts)
    step = undo_step(ActionKind.REMOVE_DISCOUNT, subscription, Made(changes), None)
    if not isinstance(step, Write):
        return
    assert isinstance(step.change, RemoveDiscounts)
    assert sorted((*step.change.removed, *step.change.kept)) == sorted(
        each.discount_id for each in discounts
    )
    for discount in discounts:
        foreign = discount.coupon_id not in {change.coupon_id for change in changes}
        old = all(discount.discount_id in change.kept for change in changes)
        if foreign or old:
            assert discount.discount_id in step.change.kept
    after = dataclasses.replace(
        subscription,
        discounts=tuple(each for each in discounts if each.discount_id in step.change.kept),
    )

    assert undo_step(ActionKind.REMOVE_DISCOUNT, after, Made(changes), step.change) == DONE


@pytest.mark.parametrize(
    ("subscription", "made", "expected"),
    [
        pytest.param(
            planned(RUNNING, ON_BASIC),
            WE_PLANNED,
            Write(PlainChange.ONLY_THE_SCHEDULE, schedule=ReleaseSchedule("sub_sched_1")),
            id="our plan is to come",
        ),
        pytest.param(
            planned(RUNNING, ON_BASIC),
            NOTHING_MADE,
            Refuse(Code.PLANNED_BY_SOMEBODY_ELSE),
            id="somebody else's plan is to come",
        ),
        pytest.param(
            planned(RUNNING, dataclasses.replace(ON_BASIC, items=(PhaseItem("price_max", 1),))),
            WE_PLANNED,
            Refuse(Code.PLANNED_BY_SOMEBODY_ELSE),
            id="our plan was replaced by another",
        ),
        pytest.param(
            dataclasses.replace(ACTIVE, schedule_id="sub_sched_1"),
            WE_PLANNED,
            Refuse(Code.PLANNED_BY_SOMEBODY_ELSE),
            id="a schedule that nobody read",
        ),
        pytest.param(
            dataclasses.replace(planned(RUNNING, ON_BASIC), cancel_at=UNTIL),
            WE_PLANNED,
            Refuse(Code.SCHEDULE_HAS_AN_END_OF_ITS_OWN),
            id="somebody set an end beside our plan",
        ),
        pytest.param(
            planned(RUNNING, ON_BASIC, ON_MAX),
            WE_PLANNED,
            Refuse(Code.PLANNED_BY_SOMEBODY_ELSE),
            id="somebody put another phase behind our plan",
        ),
        pytest.param(
            dataclasses.replace(planned(ON_BASIC, ON_MAX), items=(HAS_BASIC,)),
            WE_PLANNED,
            Refuse(Code.PLAN_HAS_COME),
            id="our plan has just come and another phase stands behind it",
        ),
        pytest.param(
            dataclasses.replace(
                planned(ON_BASIC, ON_MAX), items=(dataclasses.replace(HAS_BASIC, quantity=2),)
            ),
            WE_PLANNED,
            Refuse(Code.PLANNED_BY_SOMEBODY_ELSE),
            id="our plan has come, seats were added, and another phase stands behind it",
        ),
        pytest.param(
            dataclasses.replace(planned(ON_BASIC), items=(HAS_BASIC,)),
            WE_PLANNED,
            Refuse(Code.PLAN_HAS_COME),
            id="our plan has just come and its schedule runs on",
        ),
        pytest.param(
            dataclasses.replace(planned(RUNNING, ON_BASIC), schedule_id="sub_sched_2"),
            WE_PLANNED,
            Refuse(Code.PLANNED_BY_SOMEBODY_ELSE),
            id="the same plan in another schedule",
        ),
        pytest.param(planned(RUNNING), WE_PLANNED, DONE, id="somebody took it out"),
        pytest.param(ACTIVE, WE_PLANNED, DONE, id="the schedule is gone"),
        pytest.param(ACTIVE, NOTHING_MADE, DONE, id="nothing was planned"),
        pytest.param(
            dataclasses.replace(ACTIVE, items=(dataclasses.replace(PRO, price_id="price_basic"),)),
            WE_PLANNED,
            Refuse(Code.PLAN_HAS_COME),
            id="the plan has come",
        ),
        pytest.param(
            dataclasses.replace(ACTIVE, status="canceled"),
            WE_PLANNED,
            Refuse(Code.SUBSCRIPTION_HAS_ENDED),
            id="it has ended",
        ),
    ],
)
def test_only_a_plan_that_an_offer_planned_is_taken_back(
    subscription: Subscription, made: Made, expected: Step
) -> None:
    assert undo_step(ActionKind.KEEP_PLAN, subscription, made, None) == expected


def test_the_table_of_undos_and_the_statuses_agree() -> None:
    assert {undo.status for undo in UNDOS} == {each for each in FlowStatus if takes_back(each)}
    for undo in UNDOS:
        assert undo_of(undo.status) is undo
        assert undo_named(undo.name) is undo
        keys = {undo.button, undo.done, f"{undo.name}_title", f"{undo.name}_text"}
        assert keys <= set(DEFAULT_TEXTS)


@pytest.mark.parametrize("status", [each for each in FlowStatus if not takes_back(each)])
def test_no_other_status_is_an_undo(status: FlowStatus) -> None:
    assert undo_of(status) is None
    assert undo_named(status) is None


# Status


@pytest.mark.parametrize(
    "word", ["canceled", "saved", "deflected", "incomplete", "rerouted", "in_progress"]
)
def test_a_vendors_status_is_read_by_its_word(word: str) -> None:
    assert vendor_status(word) == word


@pytest.mark.parametrize(
    "word", ["", "cancelled", "CANCELED", " canceled", "unknown", "\ud800", "canceled\0"], ids=repr
)
def test_any_other_word_is_an_unknown_status(word: str) -> None:
    assert vendor_status(word) is FlowStatus.UNKNOWN


@pytest.mark.parametrize("word", ["resumed", "unpaused", "discount_removed", "plan_kept"])
def test_no_vendor_can_say_that_a_customer_takes_something_back(word: str) -> None:
    assert takes_back(FlowStatus(word))
    assert vendor_status(word) is FlowStatus.UNKNOWN


OWN_CHOICES = {
    FlowStatus.CANCELED,
    FlowStatus.RESUMED,
    FlowStatus.UNPAUSED,
    FlowStatus.DISCOUNT_REMOVED,
    FlowStatus.PLAN_KEPT,
}


def test_only_a_cancellation_an_accepted_offer_and_taking_one_back_use_the_grant_up() -> None:
    assert {status for status in FlowStatus if changes_billing(status)} == {
        *OWN_CHOICES,
        FlowStatus.SAVED,
    }


# Taking back a cancellation

ASKED = datetime(2026, 11, 26, 12, tzinfo=UTC)
BY_US = OwnCancellation(ASKED, ASKED + timedelta(seconds=2))
ENDING = dataclasses.replace(ACTIVE, cancel_at_period_end=True, livemode=True, canceled_at=ASKED)


@pytest.mark.parametrize(
    ("policy", "own", "canceled_at", "problem"),
    [
        ("own", BY_US, ASKED, None),
        ("own", BY_US, None, None),
        ("own", BY_US, ASKED + timedelta(minutes=10), None),
        ("own", BY_US, ASKED + timedelta(minutes=11), Code.ENDED_BY_THE_COMPANY),
        ("own", BY_US, ASKED - timedelta(minutes=11), Code.ENDED_BY_THE_COMPANY),
        ("own", None, ASKED, Code.ENDED_BY_THE_COMPANY),
        ("any", None, ASKED, None),
        ("off", BY_US, ASKED, Code.RESUMING_IS_OFF),
    ],
)
def test_a_customer_takes_back_the_cancellations_that_the_policy_allows(
    policy: ResumePolicy,
    own: OwnCancellation | None,
    canceled_at: datetime | None,
    problem: Code | None,
) -> None:
    ending = dataclasses.replace(ENDING, canceled_at=canceled_at)

    assert resume_problem(policy, ending, own) is problem


@pytest.mark.parametrize("livemode", [True, False], ids=["live", "test mode"])
def test_a_later_cancellation_is_the_companys_in_test_mode_as_well(livemode: bool) -> None:
    later = dataclasses.replace(ENDING, livemode=livemode, canceled_at=ASKED + timedelta(days=400))

    assert resume_problem("own", later, BY_US) is Code.ENDED_BY_THE_COMPANY


def test_a_test_clock_or_a_simulator_may_date_the_cancellation() -> None:
    later = dataclasses.replace(ENDING, livemode=False, canceled_at=ASKED + timedelta(days=400))
    on_a_clock = dataclasses.replace(later, test_clock="clock_1")

    assert resume_problem("own", on_a_clock, BY_US) is None
    assert resume_problem("own", later, BY_US, is_simulated=True) is None


WITHDRAWN = Write(PlainChange.WITHDRAW_CANCELLATION_BY_DATE)
ENDS_WITH_ITS_PERIOD = dataclasses.replace(ACTIVE, cancel_at=DUE)


@pytest.mark.parametrize(
    ("step", "subscription", "agreed_end", "expected"),
    [
        pytest.param(
            WITHDRAWN, ENDS_WITH_ITS_PERIOD, UNTIL, Write(MoveEnd(UNTIL, was=DUE)), id="agreed on"
        ),
        pytest.param(WITHDRAWN, ENDS_WITH_ITS_PERIOD, None, WITHDRAWN, id="none was agreed on"),
        pytest.param(WITHDRAWN, ENDS_WITH_ITS_PERIOD, DUE, WITHDRAWN, id="it is that very end"),
        pytest.param(WITHDRAWN, ACTIVE, UNTIL, WITHDRAWN, id="no date is known"),
        pytest.param(DONE, ACTIVE, UNTIL, DONE, id="nothing is to be taken back"),
    ],
)
def test_a_customer_who_stays_stays_until_the_end_that_was_agreed_on(
    step: Step, subscription: Subscription, agreed_end: datetime | None, expected: Step
) -> None:
    own = dataclasses.replace(BY_US, agreed_end=agreed_end)

    assert resumed(step, subscription, own) == expected
    assert resumed(step, subscription, None) == step


def test_an_agreed_end_that_was_taken_away_elsewhere_is_not_brought_back() -> None:
    own = dataclasses.replace(BY_US, agreed_end=UNTIL)
    ours = dataclasses.replace(ENDS_WITH_ITS_PERIOD, livemode=True, canceled_at=own.done_at)
    later = dataclasses.replace(ours, canceled_at=own.done_at + timedelta(hours=1))

    assert resumed(WITHDRAWN, ours, own) == Write(MoveEnd(UNTIL, was=DUE))
    assert resumed(WITHDRAWN, later, own) == WITHDRAWN


@pytest.mark.parametrize(
    ("subscription", "expected"),
    [
        pytest.param(
            ENDS_WITH_ITS_PERIOD, Write(MoveEnd(UNTIL, was=DUE)), id="its answer was lost"
        ),
        pytest.param(
            dataclasses.replace(ACTIVE, cancel_at=UNTIL),
            Done(Receipt("active", None)),
            id="it came",
        ),
        pytest.param(
            dataclasses.replace(ACTIVE, cancel_at=UNTIL, end_was_requested=True),
            Done(Receipt("active", UNTIL)),
            id="Stripe dates it to today",
        ),
        pytest.param(
            dataclasses.replace(ACTIVE, cancel_at=DUE + timedelta(days=7)),
            Refuse(Code.CHANGED_SINCE_IT_WAS_TRIED),
            id="somebody chose another end",
        ),
        pytest.param(ACTIVE, Refuse(Code.CHANGED_SINCE_IT_WAS_TRIED), id="somebody took it away"),
        pytest.param(
            dataclasses.replace(ENDS_WITH_ITS_PERIOD, status="canceled"),
            Refuse(Code.SUBSCRIPTION_HAS_ENDED),
            id="it has ended",
        ),
    ],
)
def test_an_agreed_end_is_brought_back_once(subscription: Subscription, expected: Step) -> None:
    assert brought_back(MoveEnd(UNTIL, was=DUE), subscription) == expected


def test_an_agreed_end_that_came_back_is_not_taken_away_by_pressing_twice() -> None:
    stands = dataclasses.replace(ACTIVE, cancel_at=UNTIL, end_was_requested=True)
    near = dataclasses.replace(stands, last_period_end=UNTIL)

    assert left_as_agreed(UNTIL, stands) == Done(Receipt("active", UNTIL))
    assert left_as_agreed(UNTIL, near) == Refuse(Code.ENDS_BY_AGREEMENT)
    unpaid = dataclasses.replace(stands, current_period_end=None, last_period_end=None)
    assert left_as_agreed(UNTIL, unpaid) == Done(Receipt("active", None))
    # Another cancellation has come since, or there was nothing to bring back.
    assert left_as_agreed(UNTIL, ENDS_WITH_ITS_PERIOD) is None
    assert left_as_agreed(UNTIL, ACTIVE) is None
    assert left_as_agreed(None, stands) is None
    assert left_as_agreed(None, ACTIVE) is None


COUPON = Write(AddDiscount("SAVE", (), DUE))
LATER = Defer(DUE, takes_effect_at=DUE)
BY_PERIOD = Write(PlainChange.WITHDRAW_CANCELLATION)


@pytest.mark.parametrize("withdrawn", [BY_PERIOD, WITHDRAWN], ids=["by period", "by date"])
@pytest.mark.parametrize("is_sent", [False, True], ids=["first", "again"])
@pytest.mark.parametrize(
    "change",
    [AddDiscount("SAVE", (), DUE), MoveTrialEnd(UNTIL, DUE), PausePayments("void", UNTIL, DUE)],
    ids=["coupon", "trial", "pause"],
)
def test_an_offer_takes_a_cancellation_back_in_its_own_update(
    change: Change, withdrawn: Write, is_sent: bool
) -> None:
    assert isinstance(withdrawn.change, PlainChange)
    both = Write(change, withdrawal=withdrawn.change)

    assert kept_by(Write(change), withdrawn, ACTIVE, is_sent=is_sent) == both


@pytest.mark.parametrize(
    ("wanted", "subscription"),
    [
        pytest.param(COUPON, dataclasses.replace(ACTIVE, schedule_id="sub_sched_1"), id="schedule"),
        pytest.param(Write(PauseService(UNTIL, DUE)), ACTIVE, id="a request of its own"),
        pytest.param(LATER, ACTIVE, id="promised for later"),
        pytest.param(DONE, ACTIVE, id="it is so already"),
    ],
)
def test_what_fits_into_no_update_with_it_comes_after_the_cancellation_is_taken_back(
    wanted: Step, subscription: Subscription
) -> None:
    assert kept_by(wanted, BY_PERIOD, subscription, is_sent=False) == BY_PERIOD
    # The offer went out before, so this end came after it.
    assert kept_by(wanted, BY_PERIOD, subscription, is_sent=True) is None


def test_a_cancellation_yields_to_an_offer_only_where_its_customer_may_take_it_back() -> None:
    assert yields_to_an_offer("own", ENDING, BY_US)
    assert yields_to_an_offer("any", ENDING, BY_US)

    assert not yields_to_an_offer("off", ENDING, BY_US)
    assert not yields_to_an_offer("any", ENDING, None)
    agreed = dataclasses.replace(BY_US, agreed_end=UNTIL)
    assert not yields_to_an_offer("own", ENDING, agreed)
    later = dataclasses.replace(ENDING, canceled_at=BY_US.done_at + timedelta(days=1))
    assert not yields_to_an_offer("any", later, BY_US)
    assert yields_to_an_offer("own", later, BY_US, is_simulated=True)


def test_the_end_of_a_subscription_is_taken_back_by_the_change_that_set_it() -> None:
    assert withdrawal_of(ENDING) is PlainChange.WITHDRAW_CANCELLATION
    assert withdrawal_of(ACTIVE) is None
    goes = going_on(dataclasses.replace(ENDING, schedule_id="sub_sched_1"))
    assert not goes.is_ending
    assert goes.schedule_id is None


@pytest.mark.parametrize(
    ("wanted", "withdrawn"),
    [
        pytest.param(Refuse(Code.COUPON_ENDS_EARLIER), BY_PERIOD, id="the offer cannot be made"),
        pytest.param(Wait(), BY_PERIOD, id="a payment is near"),
        pytest.param(COUPON, Refuse(Code.ENDS_BY_AGREEMENT), id="the end was agreed on"),
        pytest.param(COUPON, DONE, id="nothing ends"),
        pytest.param(COUPON, Write(MoveEnd(UNTIL, was=DUE)), id="another end would come"),
    ],
)
def test_otherwise_no_cancellation_is_taken_back_for_an_offer(
    wanted: Step, withdrawn: Step
) -> None:
    assert kept_by(wanted, withdrawn, ACTIVE, is_sent=False) is None
