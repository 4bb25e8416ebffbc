"""Taking something back: a scheduled cancellation, a pause, a discount, a planned change of plan. Pure.

``UNDOS`` is the table of everything that a customer can take back; claims, decisions and pages read it.

An undo reverses the changes that this application's offers made, as the ledger tells, and never a change that
another person or program made.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, Literal, assert_never

from aiocancel.core.actions import (
    ActionKind,
    Defer,
    Done,
    Receipt,
    Refuse,
    Step,
    Write,
    next_step,
    resume_service,
)
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
    is_phase_of,
    shows,
    still_holds,
)
from aiocancel.core.claim import FlowStatus, Topic
from aiocancel.core.codes import Code
from aiocancel.core.schedules import ReleaseSchedule
from aiocancel.core.subscription import Subscription


@dataclass(frozen=True, slots=True)
class Undo:
    """One thing that a customer may take back, and its name in every place that speaks of it.

    ``name`` is the value of the plain page's ``?change=``, and the beginning of its texts' keys.
    ``button`` is the key of the button's text, ``done`` the key of the text that is shown afterwards.
    """

    name: str
    status: FlowStatus
    kind: ActionKind
    change: Topic
    button: str
    done: str


UNDOS: Final = (
    Undo(
        "resume",
        FlowStatus.RESUMED,
        ActionKind.RESUME,
        Topic.RESUMPTION,
        button="keep_button",
        done="resumed",
    ),
    Undo(
        "unpause",
        FlowStatus.UNPAUSED,
        ActionKind.UNPAUSE,
        Topic.UNPAUSING,
        button="unpause_button",
        done="unpaused",
    ),
    Undo(
        "remove_discount",
        FlowStatus.DISCOUNT_REMOVED,
        ActionKind.REMOVE_DISCOUNT,
        Topic.DISCOUNT_REMOVAL,
        button="remove_discount_button",
        done="discount_removed",
    ),
    Undo(
        "keep_plan",
        FlowStatus.PLAN_KEPT,
        ActionKind.KEEP_PLAN,
        Topic.PLAN_KEEPING,
        button="keep_plan_button",
        done="plan_kept",
    ),
)


def undo_of(status: FlowStatus) -> Undo | None:
    """Return the undo that a customer chose with this status, None where it takes nothing back."""
    return next((undo for undo in UNDOS if undo.status is status), None)


def takes_back(status: FlowStatus) -> bool:
    """Tell whether the customer undoes an earlier choice."""
    return undo_of(status) is not None


def changes_billing(status: FlowStatus) -> bool:
    """Tell whether this status asks for something, and so uses the grant up."""
    return takes_back(status) or status in (FlowStatus.CANCELED, FlowStatus.SAVED)


def vendor_status(word: str) -> FlowStatus:
    """Return the flow vendor's status of that spelling, ``unknown`` for any other word and for an undo."""
    try:
        status = FlowStatus(word)
    except ValueError:
        return FlowStatus.UNKNOWN
    return FlowStatus.UNKNOWN if takes_back(status) else status


def undo_named(name: str) -> Undo | None:
    """Return the undo of that name, None where there is none."""
    return next((undo for undo in UNDOS if undo.name == name), None)


@dataclass(frozen=True, slots=True)
class Made:
    """The changes that offers made to a subscription and no undo has reversed since, oldest first.

    ``vendor_paused`` says that the flow vendor made a pause, or that one of ours was recognised as made before; how it
    looks at Stripe nobody said. ``planned`` are the changes of plan that offers put into schedules, whether or not they
    have come; they are read to take one back.
    """

    changes: tuple[Change, ...] = ()
    vendor_paused: bool = False
    planned: tuple[SchedulePrice, ...] = ()


NOTHING_MADE: Final = Made()

OfferUndoKind = Literal[ActionKind.UNPAUSE, ActionKind.REMOVE_DISCOUNT, ActionKind.KEEP_PLAN]
"""The undos of an offer, for which the ledger must tell the changes that offers made."""


ResumePolicy = Literal["own", "any", "off"]
"""Which scheduled cancellations a customer may take back: those that our ledger explains, all, or none."""

# The running one, and that of the plan.
_PHASES_OF_A_PLAN: Final = 2

# Stripe's clock and ours need not agree.
_CLOCK_SLACK: Final = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class OwnCancellation:
    """The last cancellation that this application, or the flow vendor for it, made and no undo has taken back since.

    Stripe dates it between ``asked_at`` and ``done_at``; both are aware UTC. ``claim_id`` is the ledger's number of the
    claim that it came from: claims that came later have higher ones. ``agreed_end`` is the later end that stood before,
    None where there was none.
    """

    asked_at: datetime
    done_at: datetime
    claim_id: int = 0
    agreed_end: datetime | None = None


def resume_problem(
    policy: ResumePolicy,
    subscription: Subscription,
    own: OwnCancellation | None,
    *,
    is_simulated: bool = False,
) -> Code | None:
    """Say why a scheduled cancellation may not be taken back, None where it may.

    Args:
        policy: The owner's choice.
        subscription: As just read.
        own: What the ledger explains; None where it explains nothing.
        is_simulated: Whether a simulator answers, whose clock tests move.
    """
    if policy == "any":
        return None
    if policy == "off":
        return Code.RESUMING_IS_OFF
    if own is None:
        return Code.ENDED_BY_THE_COMPANY

    # By the time of a test clock, or of a simulator, nobody can tell whose cancellation it is.
    is_dated = subscription.test_clock is None and not is_simulated
    if is_dated and subscription.canceled_at is not None:
        earliest, latest = own.asked_at - _CLOCK_SLACK, own.done_at + _CLOCK_SLACK
        if not earliest <= subscription.canceled_at <= latest:
            return Code.ENDED_BY_THE_COMPANY
    return None


def yields_to_an_offer(
    policy: ResumePolicy,
    subscription: Subscription,
    own: OwnCancellation | None,
    *,
    is_simulated: bool = False,
) -> bool:
    """Tell whether a cancellation may be taken back for an offer that its customer accepts afterwards.

    Only one that was made here, and only where the owner lets customers take theirs back. Where an end was agreed on,
    the customer would still be leaving.

    Args:
        policy: The owner's choice.
        subscription: As just read.
        own: What the ledger explains; None where it explains nothing.
        is_simulated: As in ``resume_problem``.
    """
    if policy == "off" or own is None or own.agreed_end is not None:
        return False
    return resume_problem("own", subscription, own, is_simulated=is_simulated) is None


def going_on(subscription: Subscription) -> Subscription:
    """Return the subscription as it would be if no end were set."""
    return replace(
        subscription, cancel_at_period_end=False, cancel_at=None, schedule_id=None, schedule=None
    )


def withdrawal_of(subscription: Subscription) -> PlainChange | None:
    """Return the change that takes the end of a subscription back beside another, None where no plain one does."""
    step = next_step(ActionKind.RESUME, subscription)
    if not isinstance(step, Write) or not isinstance(step.change, PlainChange):
        return None
    return step.change


def brought_back(earlier: MoveEnd, subscription: Subscription) -> Step:
    """Say what is left of an agreed end that an earlier attempt brought back, or may have brought back."""
    if subscription.has_ended:
        return Refuse(Code.SUBSCRIPTION_HAS_ENDED)
    if shows(earlier, subscription):
        return Done(Receipt.of(subscription))
    again = still_holds(earlier, subscription)
    return Write(earlier) if again else Refuse(Code.CHANGED_SINCE_IT_WAS_TRIED)


def resumed(
    step: Step,
    subscription: Subscription,
    own: OwnCancellation | None,
    *,
    is_simulated: bool = False,
) -> Step:
    """Return the step that takes a cancellation back, and brings back the end that it had put aside.

    An end that another person or program has put aside since stays so.
    """
    end, agreed = subscription.set_end, None if own is None else own.agreed_end
    if not isinstance(step, Write) or agreed is None or end is None or agreed <= end:
        return step
    if resume_problem("own", subscription, own, is_simulated=is_simulated) is not None:
        return step
    return Write(MoveEnd(agreed, was=end))


def left_as_agreed(came_back: datetime | None, subscription: Subscription) -> Step | None:
    """Say what is left to take back where the end that stands came back with a resumption; None where it did not.

    Stripe keeps the cancellation's reason with it, but it was agreed on, and nobody may take it back by pressing twice.

    Args:
        came_back: The end that the newest such resumption brought back, None where there was none.
        subscription: As just read.
    """
    if came_back is None or subscription.set_end != came_back:
        return None

    paid_until = subscription.paid_until
    is_near = paid_until is not None and came_back <= paid_until
    return Refuse(Code.ENDS_BY_AGREEMENT) if is_near else Done(Receipt.of(subscription))


def kept_by(
    wanted: Step, withdrawn: Step, subscription: Subscription, *, is_sent: bool
) -> Step | None:
    """Return the step that takes a cancellation back for an offer that was accepted after it, None where none may.

    Args:
        wanted: What the offer would call for if the subscription went on.
        withdrawn: What taking the cancellation back calls for.
        subscription: As just read.
        is_sent: Whether the offer's change may have been sent: then it goes out again as it was, or not at all.
    """
    if not isinstance(withdrawn, Write) or not isinstance(withdrawn.change, PlainChange):
        return None

    # A schedule has an end of its own, and a pause of the subscription itself is another request.
    if isinstance(wanted, Write) and subscription.schedule_id is None:
        fits_one_update = isinstance(wanted.change, AddDiscount | MoveTrialEnd | PausePayments)
        if fits_one_update:
            return replace(wanted, withdrawal=withdrawn.change)
    return withdrawn if isinstance(wanted, Write | Defer | Done) and not is_sent else None


def undo_step(
    kind: OfferUndoKind, subscription: Subscription, made: Made, earlier: Change | None
) -> Step:
    """Say what is left to do to undo an offer, given the subscription as just read. Total: never raises.

    Args:
        kind: Which offer is undone.
        subscription: The subscription.
        made: What the offer made.
        earlier: The change that an earlier attempt sent, or may have sent.
    """
    if subscription.has_ended:
        return Refuse(Code.SUBSCRIPTION_HAS_ENDED)

    match kind:
        case ActionKind.UNPAUSE:
            return _unpause(subscription, made)
        case ActionKind.REMOVE_DISCOUNT:
            return _remove_discounts(subscription, made, earlier)
        case ActionKind.KEEP_PLAN:
            return _keep_plan(subscription, made)
        case _:  # pragma: no cover - mypy shows that no case is left
            assert_never(kind)


def _unpause(subscription: Subscription, made: Made) -> Step:
    if subscription.status == "paused":
        ours = any(isinstance(change, PauseService) for change in made.changes)
        if ours or made.vendor_paused:
            return resume_service(subscription)
        return Refuse(Code.PAUSED_BY_SOMEBODY_ELSE)

    if subscription.paused is None:
        return Done(Receipt.of(subscription))

    pauses = [change for change in made.changes if isinstance(change, PausePayments)]
    if made.vendor_paused or any(shows(pause, subscription) for pause in pauses):
        return Write(PlainChange.COLLECT_PAYMENTS)
    return Refuse(Code.PAUSED_BY_SOMEBODY_ELSE)


def _remove_discounts(subscription: Subscription, made: Made, earlier: Change | None) -> Step:
    if earlier is not None and shows(earlier, subscription):
        return Done(Receipt.of(subscription))

    if subscription.schedule_id is not None:
        # Its phases hold discounts of their own, and would bring this one back.
        return Refuse(Code.SUBSCRIPTION_HAS_A_SCHEDULE)
    if earlier is not None:
        return (
            Write(earlier)
            if still_holds(earlier, subscription)
            else Refuse(Code.CHANGED_SINCE_IT_WAS_TRIED)
        )

    added = [change for change in made.changes if isinstance(change, AddDiscount)]
    if not added:
        return Refuse(Code.NO_DISCOUNT_OF_OURS)

    ids = [discount.discount_id for discount in subscription.discounts]
    removed = tuple(
        discount.discount_id
        for discount in subscription.discounts
        if any(
            discount.coupon_id == each.coupon_id and discount.discount_id not in each.kept
            for each in added
        )
    )
    if not removed:
        return Done(Receipt.of(subscription))

    return Write(RemoveDiscounts(removed, tuple(each for each in ids if each not in removed)))


def _keep_plan(subscription: Subscription, made: Made) -> Step:
    schedule_id, schedule = subscription.schedule_id, subscription.schedule
    if made.planned and shows(made.planned[-1], subscription):
        return Refuse(Code.PLAN_HAS_COME)

    if schedule_id is not None and _plans_nothing_but_ours(subscription, made):
        if subscription.set_end is not None:
            # With the schedule the end would go that somebody set in it.
            return Refuse(Code.SCHEDULE_HAS_AN_END_OF_ITS_OWN)
        return Write(PlainChange.ONLY_THE_SCHEDULE, schedule=ReleaseSchedule(schedule_id))
    if schedule_id is not None and (schedule is None or schedule.has_more_to_come):
        return Refuse(Code.PLANNED_BY_SOMEBODY_ELSE)
    return Done(Receipt.of(subscription))


def _plans_nothing_but_ours(subscription: Subscription, made: Made) -> bool:
    """Tell whether behind the running phase stands that of an offer's plan, and no other, which would be lost."""
    phases = () if subscription.schedule is None else subscription.schedule.phases
    if len(phases) != _PHASES_OF_A_PLAN:
        return False
    return any(
        each.schedule_id == subscription.schedule_id and is_phase_of(each, phases[1])
        for each in made.planned
    )
