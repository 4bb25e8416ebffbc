"""What a customer pays: a bill worked out from Stripe's rules, with nothing of the package's own rules in it.

Every discount of the subscription is taken off every invoice, one after the other; without any, that of the customer
is. One that lasts once goes with the next invoice that is finalized, whatever that comes to.
Sources: https://docs.stripe.com/billing/subscriptions/coupons and .../pause, SubscriptionCreateParams.discounts
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Final

from aiocancel.core.changes import (
    AddDiscount,
    Change,
    MoveTrialEnd,
    PausePayments,
    PauseService,
    SchedulePrice,
)
from aiocancel.core.subscription import AppliedDiscount, Subscription
from aiocancel.testing.stripe.objects import shifted


@dataclass(frozen=True, slots=True)
class Worth:
    """What a discount takes off an invoice: a part of it, or an amount, and until when."""

    part: Fraction
    amount: Fraction
    duration: str
    ends_at: datetime | None = None

    def left_of(self, amount: Fraction) -> Fraction:
        return max(Fraction(0), amount * (1 - self.part) - self.amount)


@dataclass(frozen=True, slots=True)
class Line:
    """An item: what it costs each time, and when that is due."""

    costs: Fraction
    due: datetime
    interval: str
    count: int

    def time(self, number: int) -> datetime:
        seconds = shifted(int(self.due.timestamp()), self.interval, self.count * number)
        return datetime.fromtimestamp(seconds, UTC)


@dataclass
class Bill:
    """The invoices of a year, from ``now``."""

    now: datetime
    lines: Sequence[Line]
    own: dict[str, Worth]
    customers: dict[str, Worth]
    payments_paused: tuple[str, datetime | None] | None = None
    pays_nothing_after: datetime | None = None
    credit: Fraction = Fraction(0)
    tail: Fraction = field(default=Fraction(0), init=False)

    @property
    def ends(self) -> datetime:
        return datetime.fromtimestamp(shifted(int(self.now.timestamp()), "month", 12), UTC)

    def total(self) -> Fraction:
        """All that is paid in the year; afterwards ``tail`` is the part of it that pays for the time beyond."""
        due: dict[datetime, list[tuple[Line, Fraction]]] = {}
        for line in self.lines:
            number = 0
            while (at := line.time(number)) <= self.ends:
                if at > self.now and not self._over(at):
                    due.setdefault(at, []).append((line, self._beyond(line, number)))
                number += 1

        paid = -self.credit

        for at in sorted(due):
            costs = sum((line.costs for line, _ in due[at]), Fraction(0))
            charged = self._invoice(at, costs)
            paid += charged
            rate = charged / costs if costs else Fraction(0)
            self.tail += sum((line.costs * beyond * rate for line, beyond in due[at]), Fraction(0))

        return paid

    def finalize(self, at: datetime, amount: Fraction) -> Fraction:
        """Take all that is in force off an invoice, and use up what lasts once."""
        amount = self.draft(at, amount)
        for name, worth in self._in_force(at).items():
            if worth.duration == "once":
                self.own.pop(name, None)
                self.customers.pop(name, None)
        return amount

    def draft(self, at: datetime, amount: Fraction) -> Fraction:
        """Take all that is in force off an invoice that is not finalized."""
        for worth in self._in_force(at).values():
            amount = worth.left_of(amount)
        return amount

    def _in_force(self, at: datetime) -> Mapping[str, Worth]:
        """The subscription's own or, when all of them are used up or have ended, the customer's."""
        own, customers = _running(self.own, at), _running(self.customers, at)
        return own or customers

    def _over(self, at: datetime) -> bool:
        return self.pays_nothing_after is not None and at >= self.pays_nothing_after

    def _beyond(self, line: Line, number: int) -> Fraction:
        """The part of a payment's time that lies after the year."""
        start, end = line.time(number), line.time(number + 1)
        beyond = max(timedelta(0), end - max(start, self.ends))
        return Fraction(beyond // timedelta(seconds=1), (end - start) // timedelta(seconds=1))

    def _invoice(self, at: datetime, amount: Fraction) -> Fraction:
        if self.payments_paused is None:
            return self.finalize(at, amount)
        behavior, until = self.payments_paused
        if until is not None and at > until:
            return self.finalize(at, amount)
        # A draft can be paid later.
        return (
            self.draft(at, amount) if behavior == "keep_as_draft" else 0 * self.finalize(at, amount)
        )


def _running(worths: Mapping[str, Worth], at: datetime) -> dict[str, Worth]:
    return {
        name: worth for name, worth in worths.items() if worth.ends_at is None or at < worth.ends_at
    }


def bill(
    subscription: Subscription,
    now: datetime,
    costs: Mapping[str, Fraction],
    worths: Mapping[str, Worth],
) -> Bill:
    """The bill of a subscription as it is: ``costs`` by item, ``worths`` by coupon."""
    lines = [
        Line(costs[item.item_id], item.next_payment or now, item.interval, item.interval_count)
        for item in subscription.items
    ]
    own = _worths(subscription.discounts, worths)
    given = subscription.customer_discount
    customers = {} if given is None else _worths((given,), worths)
    pause = subscription.paused
    paused = None if pause is None else (pause.behavior, pause.resumes_at)
    return Bill(now, lines, own, customers, paused)


def _worths(discounts: Sequence[AppliedDiscount], worths: Mapping[str, Worth]) -> dict[str, Worth]:
    return {
        each.discount_id: replace(worths[each.coupon_id or ""], ends_at=each.ends_at)
        for each in discounts
    }


def with_change(
    before: Bill,
    change: Change,
    added: Worth | None,
    period: timedelta,
    new_cost: Fraction = Fraction(0),
) -> Bill:
    """The bill after a change.

    ``added`` is the worth of its coupon, ``period`` the length of the running period, ``new_cost`` that of a new plan.
    """
    after = replace(before, own=dict(before.own), customers=dict(before.customers))
    match change:
        case AddDiscount(coupon_id, kept):
            assert added is not None
            of_both = before.customers | before.own
            after.own = {name: of_both[name] for name in kept} | {f"new {coupon_id}": added}
        case MoveTrialEnd(at):
            # Stripe finalizes an invoice of nothing for the trial.
            after.finalize(before.now, Fraction(0))
            after.lines = [replace(line, due=at) for line in before.lines]
        case SchedulePrice(running=running):
            # A phase that names no discounts leaves the subscription to those of its customer.
            after.own = {
                name: worth for name, worth in before.own.items() if name in running.discounts
            }
            after.lines = [replace(line, costs=new_cost) for line in before.lines]
        case PausePayments(behavior, resumes_at):
            after.payments_paused = (behavior, resumes_at)
        case PauseService(resumes_at, due, credit):
            if credit != "none" and due is not None:
                unused = Fraction((due - before.now) // SECOND, period // SECOND)
                costs = sum((line.costs for line in before.lines), Fraction(0))
                # Less was paid where a discount was in force: the least that may have been.
                after.credit = unused * after.draft(before.now, costs)
            if resumes_at is None:
                after.pays_nothing_after = before.now
            else:
                after.lines = [replace(line, due=resumes_at) for line in before.lines]
        case _:
            raise AssertionError("another plan costs what was shown")

    return after


SECOND: Final = timedelta(seconds=1)
