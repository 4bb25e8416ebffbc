"""How a subscription schedule that stands in the way of a change is treated. Pure.

A schedule owns the end of its subscription: Stripe refuses a cancellation beside it. Releasing it leaves the
subscription as it is and drops the phases that are still to come, which cannot be brought back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Final, Literal

from aiocancel.core.codes import Code
from aiocancel.core.schedule_phases import Phase

if TYPE_CHECKING:
    from aiocancel.core.subscription import Subscription


SchedulePolicy = Literal["park", "release", "amend"]
"""How a schedule is treated before a change.

``park`` leaves every change to a human. ``release`` always releases the schedule, pending phases or not.
``amend``, the default, never loses any part of the agreement and still lets customers go by themselves: a
cancellation at period end becomes the end of a schedule that ends with the period, a schedule that has
nothing more to do is released, and only one with phases to come, or with an end of its own, is left to a human.
Of a subscription that has ended no phase can come. So a cancellation at once always releases the schedule, and one
at period end does when every phase to come begins then or later, as those of a downgrade at the period's end do; a
customer who takes that cancellation back later keeps the plan, and not the downgrade. Where a phase begins before that
end, the schedule is cut there and ends the subscription, if every phase can be sent to Stripe again as it is.
"""

SCHEDULE_POLICIES: Final = ("park", "release", "amend")
DEFAULT_SCHEDULE_POLICY: Final[SchedulePolicy] = "amend"

Wish = Literal["cancel_at_period_end", "cancel_now", "other"]


@dataclass(frozen=True, slots=True)
class ReleaseSchedule:
    """Let the subscription go on by itself; https://docs.stripe.com/api/subscription_schedules/release.

    ``keeps_end`` leaves the end that the schedule had set to the subscription: ``preserve_cancel_date`` there.
    """

    schedule_id: str
    keeps_end: bool = False


@dataclass(frozen=True, slots=True)
class EndSchedule:
    """Let the subscription end with its schedule, or, when ``cancels`` is False, outlive it again.

    Source: ``end_behavior`` in https://docs.stripe.com/api/subscription_schedules/update.
    """

    schedule_id: str
    cancels: bool


@dataclass(frozen=True, slots=True)
class MakeSchedule:
    """Put the subscription under a schedule: one phase, which is the running period with all that it has.

    Source: ``from_subscription`` in https://docs.stripe.com/api/subscription_schedules/create.
    """

    subscription_id: str


@dataclass(frozen=True, slots=True)
class CutSchedule:
    """Let the schedule, and the subscription with it, end after ``phases``, of which the last may be shortened."""

    schedule_id: str
    phases: tuple[Phase, ...]


ScheduleChange = ReleaseSchedule | EndSchedule | MakeSchedule | CutSchedule


def clear_the_way(
    subscription: Subscription, policy: SchedulePolicy, wish: Wish, ends_at: datetime | None = None
) -> ScheduleChange | Code | None:
    """Return the schedule's change that must come first, None where there is none, or the code of a refusal.

    Args:
        subscription: As just read.
        policy: The owner's choice.
        wish: What is to be done to the subscription.
        ends_at: When the subscription is to end, with ``cancel_at_period_end``; None where that is unknown.
    """
    schedule_id, schedule = subscription.schedule_id, subscription.schedule
    if schedule_id is None:
        return None
    if schedule is not None and schedule.subscription_id not in (
        None,
        subscription.subscription_id,
    ):
        return Code.SCHEDULE_OF_ANOTHER_SUBSCRIPTION
    if policy == "park":
        return Code.SUBSCRIPTION_HAS_A_SCHEDULE
    if policy == "release" or wish == "cancel_now":
        return ReleaseSchedule(schedule_id)
    if schedule is None:
        return Code.SCHEDULE_IS_UNKNOWN
    leaves = wish == "cancel_at_period_end"
    if schedule.has_more_to_come:
        if not leaves or ends_at is None:
            return Code.SCHEDULE_HAS_PENDING_PHASES
        begins_at = schedule.next_phase_at
        if begins_at is not None and ends_at <= begins_at:
            return ReleaseSchedule(schedule_id)
        phases = phases_until(ends_at, schedule.phases)
        if phases and not is_in_step(phases[0], subscription):
            return Code.SCHEDULE_CANNOT_BE_KEPT
        return CutSchedule(schedule_id, phases) if phases else Code.SCHEDULE_HAS_PENDING_PHASES

    with_period = {subscription.current_period_end, subscription.paid_until}
    ends_with_period = schedule.ends_at in with_period and schedule.ends_at is not None
    ends_in_time = schedule.ends_at is not None and schedule.ends_at == ends_at
    if leaves and schedule.end_behavior == "release" and ends_in_time:
        return EndSchedule(schedule_id, cancels=True)
    if wish == "other" and schedule.end_behavior == "cancel" and ends_with_period:
        return EndSchedule(schedule_id, cancels=False)
    if schedule.end_behavior != "release":
        return Code.SCHEDULE_HAS_AN_END_OF_ITS_OWN
    return ReleaseSchedule(schedule_id)


def is_in_step(running: Phase, subscription: Subscription) -> bool:
    """Tell whether the subscription is as its running phase says, so that sending the phase again changes nothing."""
    has = sorted((item.price_id, item.quantity or 0) for item in subscription.items)
    says = sorted((item.price_id, item.quantity or 0) for item in running.items)
    discounts = {discount.discount_id for discount in subscription.discounts}
    return has == says and discounts == set(running.discounts)


def phases_until(ends_at: datetime, phases: Sequence[Phase]) -> tuple[Phase, ...]:
    """Return the phases up to ``ends_at``, the last one shortened; none where they do not reach as far."""
    if not phases or phases[-1].ends_at < ends_at:
        return ()
    kept = [phase for phase in phases if phase.starts_at < ends_at]
    return tuple(replace(phase, ends_at=min(phase.ends_at, ends_at)) for phase in kept)
