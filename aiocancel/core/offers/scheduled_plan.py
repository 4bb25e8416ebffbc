"""Another plan when the running period ends, by a schedule at Stripe: nothing is charged or credited before. Pure.

A subscription without a schedule is put under one, whose single phase is the running period. Then the phase of the new
plan is put behind it, as long as one period of the new price; after that the schedule is over. Discounts stay.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from aiocancel.core.actions import Defer, Refuse, Step, Wait, Write
from aiocancel.core.changes import PlainChange, SchedulePrice, is_planned, still_holds
from aiocancel.core.codes import Code
from aiocancel.core.offers.terms import PlanTerms
from aiocancel.core.schedule_phases import Phase, without_metadata
from aiocancel.core.schedules import MakeSchedule, is_in_step
from aiocancel.core.subscription import Item, Price, Subscription

# Stripe ends a phase, and makes the next invoice, a little after its time.
PHASE_MARGIN: Final = timedelta(hours=1)


def plan_at_period_end(
    terms: PlanTerms,
    item: Item,
    subscription: Subscription,
    now: datetime,
    price: Price | None,
) -> Step:
    """Say what is left of a change that nobody has planned here yet.

    Args:
        terms: The plan.
        item: The line of the subscription that is the plan.
        subscription: As just read, with its schedule.
        now: Aware.
        price: That of the new plan; None where it was not read, which counts as paid as often as the old one.
    """
    due = subscription.current_period_end
    if due is None:
        return Refuse(Code.NEXT_PAYMENT_IS_UNKNOWN)
    if subscription.status == "trialing":
        # The phase of a trial holds its end, which is not sent again.
        return Refuse(Code.A_TRIAL_CANNOT_BE_SCHEDULED)
    if due != subscription.last_period_end or subscription.paid_until != due:
        return Refuse(Code.PERIODS_ARE_MIXED)
    if lacks_a_quantity(item, price):
        return Refuse(Code.QUANTITY_IS_UNKNOWN)
    if subscription.schedule_id is None:
        first = MakeSchedule(subscription.subscription_id)
        return Write(PlainChange.ONLY_THE_SCHEDULE, schedule=first)

    running = _running_phase(subscription, due)
    if isinstance(running, Code):
        return Refuse(running)
    shown = price or Price(terms.price_id, item.interval, item.interval_count, item.is_metered)
    wanted = SchedulePrice(
        subscription.schedule_id,
        without_metadata(running),
        terms.price_id,
        replaced=item.price_id,
        quantity=None if shown.is_metered else (terms.seats or item.quantity),
        interval=shown.interval,
        interval_count=shown.interval_count,
    )

    if is_planned(wanted, subscription):
        # Where it was planned so elsewhere, nothing is left to do but to see whether it comes.
        return _until_it_comes(wanted, now)
    has_more = subscription.schedule is not None and subscription.schedule.has_more_to_come
    return Refuse(Code.SCHEDULE_HAS_PENDING_PHASES) if has_more else Write(wanted)


def lacks_a_quantity(item: Item, price: Price | None) -> bool:
    """Tell whether a plan would be paid by a quantity that nobody named: Stripe would take it for one."""
    return item.quantity is None and (price is None or not price.is_metered)


def planned_step(
    earlier: SchedulePrice,
    subscription: Subscription,
    now: datetime,
    *,
    was_promised: bool,
    renews: bool,
) -> Step:
    """Say what is left of a change that an earlier attempt planned, or may have planned.

    Args:
        earlier: The change.
        subscription: As just read; the new price is not there yet.
        now: Aware.
        was_promised: Whether the schedule had the change when it was looked at, and the customer was told.
        renews: Whether a period ends about now.
    """
    if is_planned(earlier, subscription):
        return _until_it_comes(earlier, now)
    if was_promised:
        # A person or program took it out of the schedule since, and that is the last word.
        return Refuse(Code.PLAN_IS_PLANNED_NO_MORE)

    if renews:
        return Wait()
    return (
        Write(earlier)
        if still_holds(earlier, subscription)
        else Refuse(Code.CHANGED_SINCE_IT_WAS_TRIED)
    )


def _until_it_comes(change: SchedulePrice, now: datetime) -> Defer:
    at = change.takes_effect_at
    return Defer(max(at, now) + PHASE_MARGIN, takes_effect_at=at, by_schedule=True)


def _running_phase(subscription: Subscription, due: datetime) -> Phase | Code:
    """Return the running phase of the schedule, where it can be sent again and ends with the period."""
    schedule = subscription.schedule
    if schedule is None:
        return Code.SCHEDULE_IS_UNKNOWN
    if schedule.subscription_id not in (None, subscription.subscription_id):
        return Code.SCHEDULE_OF_ANOTHER_SUBSCRIPTION
    if schedule.end_behavior != "release":
        return Code.SCHEDULE_HAS_AN_END_OF_ITS_OWN
    if not schedule.phases:
        more = schedule.has_more_to_come
        return Code.SCHEDULE_HAS_PENDING_PHASES if more else Code.SCHEDULE_CANNOT_BE_KEPT

    running = schedule.phases[0]
    if running.ends_at != due or not is_in_step(running, subscription):
        # It ends on another day, or the subscription was changed beside it.
        return Code.SCHEDULE_CANNOT_BE_KEPT
    return running
