"""The facts that a screen tells of a subscription, above all when it ends if the customer leaves now. Pure.

The end is that of the change which a cancellation makes, so that the date before the click is the date after it.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Final

from aiocancel.core.actions import (
    DEFAULT_AGREED_ENDS,
    DEFAULT_PERIOD_END,
    ActionKind,
    AgreedEnds,
    PeriodEnd,
    Refuse,
    Step,
    Write,
    end_that_is_set,
    next_step,
    past_the_schedule,
)
from aiocancel.core.changes import PlainChange
from aiocancel.core.decision import CancelTiming
from aiocancel.core.flow.screen import Situation, SubscriptionFacts
from aiocancel.core.page_facts import ShownSubscription, about, still_open
from aiocancel.core.schedules import DEFAULT_SCHEDULE_POLICY, SchedulePolicy
from aiocancel.core.subscription import OwnedSubscription, Subscription

_OVER: Final = (Situation.ALREADY_ENDING, Situation.ENDED)


def facts_of(
    shown: ShownSubscription | None,
    owned: OwnedSubscription | None,
    *,
    now: datetime,
    timing: CancelTiming = "at_period_end",
    ends_with: PeriodEnd = DEFAULT_PERIOD_END,
    agreed_ends: AgreedEnds = DEFAULT_AGREED_ENDS,
    schedule_policy: SchedulePolicy = DEFAULT_SCHEDULE_POLICY,
) -> SubscriptionFacts:
    """Say what a screen may tell.

    Args:
        shown: As just read at Stripe, None where Stripe did not answer in time.
        owned: The row of the application.
        now: Aware; the time on the test clock of a subscription that lives on one.
        timing: When the owner lets cancellations take effect.
        ends_with: The owner's choice for items with different periods.
        agreed_ends: The owner's choice for an end that lies beyond the time that is paid for.
        schedule_policy: How a schedule in the way is treated.
    """
    told = about(owned, shown, now)
    if shown is None:
        # Where the owner lets everything end at once, nobody need ask Stripe when.
        unread = Situation.ENDS_AT_ONCE if timing == "now" else Situation.DATE_IS_UNKNOWN
        return SubscriptionFacts(unread, plan=told.plan)

    subscription = shown.subscription
    step = next_step(ActionKind.CANCEL_AT_PERIOD_END, subscription, ends_with, agreed_ends)
    step = past_the_schedule(step, subscription, schedule_policy)
    situation, ends_at = _end(subscription, now, timing, step)
    names = tuple(line.name for line in shown.lines if line.name is not None)
    are_all = len(names) == len(shown.lines) > 1 and not shown.has_more
    facts = SubscriptionFacts(
        situation,
        ends_at=ends_at,
        plan=told.plan,
        price=told.price,
        items=names if are_all else (),
        still_open=still_open(shown),
        is_paused=_is_paused(subscription) and situation not in _OVER,
        is_ending=subscription.is_ending and situation not in _OVER,
    )
    return _paused_until(facts, subscription, now) if situation is Situation.PAUSED else facts


def _is_paused(subscription: Subscription) -> bool:
    return subscription.status == "paused" or subscription.paused is not None


def _paused_until(
    facts: SubscriptionFacts, subscription: Subscription, now: datetime
) -> SubscriptionFacts:
    until = None if subscription.paused is None else subscription.paused.resumes_at
    return replace(facts, paused_until=until if until is not None and until > now else None)


def _end(
    subscription: Subscription,
    now: datetime,
    timing: CancelTiming,
    step: Step,
) -> tuple[Situation, datetime | None]:
    if subscription.has_ended:
        return Situation.ENDED, subscription.ends_at
    if timing == "now":
        # The same where it ends later already: a customer who has cancelled may still leave at once.
        return Situation.ENDS_AT_ONCE, subscription.ends_at
    if subscription.is_ending:
        return Situation.ALREADY_ENDING, subscription.ends_at

    is_paused = _is_paused(subscription)
    if not isinstance(step, Write):
        # An end that was agreed on stands; where a person must look, nobody knows the date yet.
        set_end = None if isinstance(step, Refuse) else subscription.set_end
        return (
            (Situation.DATE_IS_UNKNOWN, None) if set_end is None else (Situation.SET_END, set_end)
        )

    if step.change is PlainChange.CANCEL_NOW:
        return (Situation.PAUSED if is_paused else Situation.ENDS_AT_ONCE), None
    ends_at = _date_of(step, subscription)
    if ends_at is None or ends_at <= now:
        return (Situation.PAUSED if is_paused else Situation.DATE_IS_UNKNOWN), None
    if is_paused:
        return Situation.PAUSED, ends_at
    if subscription.status == "trialing":
        return Situation.TRIAL, ends_at
    if subscription.is_overdue:
        return Situation.PAST_DUE, ends_at
    return Situation.PERIOD_END, ends_at


def _date_of(step: Write, subscription: Subscription) -> datetime | None:
    return (
        None
        if step.change is PlainChange.CANCEL_NOW
        else end_that_is_set(step.change, subscription)
    )
