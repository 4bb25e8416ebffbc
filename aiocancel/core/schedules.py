"""How a subscription schedule that stands in the way of a change is treated. Pure.

A schedule owns the end of its subscription: Stripe refuses a cancellation beside it. Releasing it leaves the
subscription as it is and drops the phases that are still to come, which cannot be brought back.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from aiocancel.core.codes import Code

if TYPE_CHECKING:
    from aiocancel.core.subscription import Subscription


SchedulePolicy = Literal["park", "release", "amend"]
"""How a schedule is treated before a change.

``park`` leaves every change to a human. ``release`` always releases the schedule, pending phases or not.
``amend``, the default, never loses any part of the agreement and still lets customers go by themselves: a
cancellation at period end becomes the end of a schedule that ends with the period, a schedule that has
nothing more to do is released, and only one with phases to come, or with an end of its own, is left to a human.
A cancellation at once always releases it: of a subscription that has ended no phase can come.
"""

SCHEDULE_POLICIES: Final = ("park", "release", "amend")
DEFAULT_SCHEDULE_POLICY: Final[SchedulePolicy] = "amend"

Wish = Literal["cancel_at_period_end", "cancel_now", "other"]


@dataclass(frozen=True, slots=True)
class ReleaseSchedule:
    """Let the subscription go on by itself; https://docs.stripe.com/api/subscription_schedules/release."""

    schedule_id: str


@dataclass(frozen=True, slots=True)
class EndSchedule:
    """Let the subscription end with its schedule, or, when ``cancels`` is False, outlive it again.

    Source: ``end_behavior`` in https://docs.stripe.com/api/subscription_schedules/update.
    """

    schedule_id: str
    cancels: bool


ScheduleChange = ReleaseSchedule | EndSchedule


def clear_the_way(
    subscription: Subscription, policy: SchedulePolicy, wish: Wish
) -> ScheduleChange | Code | None:
    """Return the schedule's change that must come first, None where there is none, or the code of a refusal."""
    schedule_id, schedule = subscription.schedule_id, subscription.schedule
    if schedule_id is None:
        return None
    if policy == "park":
        return Code.SUBSCRIPTION_HAS_A_SCHEDULE
    if policy == "release" or wish == "cancel_now":
        return ReleaseSchedule(schedule_id)
    if schedule is None:
        return Code.SCHEDULE_IS_UNKNOWN
    if schedule.has_more_to_come:
        return Code.SCHEDULE_HAS_PENDING_PHASES

    ends_with_period = (
        schedule.ends_at is not None and schedule.ends_at == subscription.current_period_end
    )
    if wish == "cancel_at_period_end" and schedule.end_behavior == "release" and ends_with_period:
        return EndSchedule(schedule_id, cancels=True)
    if wish == "other" and schedule.end_behavior == "cancel" and ends_with_period:
        return EndSchedule(schedule_id, cancels=False)
    if schedule.end_behavior != "release":
        return Code.SCHEDULE_HAS_AN_END_OF_ITS_OWN
    return ReleaseSchedule(schedule_id)
