"""A trial extension that was accepted: it never ends before time that is paid for. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from aiocancel.core.actions import Refuse, Step, Write
from aiocancel.core.changes import MoveTrialEnd
from aiocancel.core.codes import Code
from aiocancel.core.offers.coming_payments import has_a_discount_for_one_payment, runs_out
from aiocancel.core.subscription import Subscription

# Stripe: trial_end is at most two years from the billing cycle's anchor.
LONGEST_TRIAL: Final = timedelta(days=730)


def trial_step(days: int, subscription: Subscription, now: datetime) -> Step:
    """Return the later end of the trial, or why it is refused."""
    due, paid_until = subscription.current_period_end, subscription.paid_until
    if due is None or paid_until is None:
        return Refuse(Code.NEXT_PAYMENT_IS_UNKNOWN)
    if due != subscription.last_period_end:
        # One date for all items would give the ones that are paid often a long time for nothing.
        return Refuse(Code.PERIODS_ARE_MIXED)

    if has_a_discount_for_one_payment(subscription):
        # The invoice of a trial comes to nothing, and uses the discount up all the same.
        return Refuse(Code.A_DISCOUNT_WOULD_BE_USED_UP)

    # A trial moves the next payment to its end; counted from now it could come before paid time is over.
    start = max(now, paid_until)
    if subscription.status == "trialing" and subscription.trial_end is not None:
        start = max(start, subscription.trial_end)
    if days < 1:
        return Refuse(Code.TRIAL_IS_TOO_SHORT)
    if days > LONGEST_TRIAL.days or start > now + LONGEST_TRIAL - timedelta(days=days):
        return Refuse(Code.TRIAL_IS_TOO_LONG)
    at = (start + timedelta(days=days)).replace(microsecond=0)
    if runs_out(subscription, at, at - max(paid_until, start)):
        return Refuse(Code.A_DISCOUNT_WOULD_RUN_OUT)
    return Write(MoveTrialEnd(at, due))
