"""Changes: one write for an offer, or for taking one back, decided in full before it is sent.

The subscription's state alone cannot tell whether an offer was carried out: a discount may have been there before,
another program may have moved the end of the trial. So the change is kept in the ledger before the call. A
repetition sends the same change, and ``shows`` tells from a fresh read whether an earlier try went through.
It is sent again only while it ``still_holds``: once the next payment has come, a discount for one payment may
have been given and used up, and the end of a trial may lie before time that is now paid for.

``due`` in a change is the payment that was the next one when the change was decided.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum, auto
from typing import Any, Final, Literal, assert_never

from aiocancel.core.schedule_phases import (
    Phase,
    PhaseItem,
    phase_from_json,
    phase_to_json,
    without_metadata,
)
from aiocancel.core.stored_json import refuse_unknown
from aiocancel.core.subscription import CollectionPause, Subscription
from aiocancel.errors import UnreadableLedgerError


class PlainChange(Enum):
    """A change that is the same for every subscription, so that the ledger need not keep it.

    Where items have different periods, or are billed ahead, the end of the last one is named to Stripe, which turns
    it into a date. A cancellation that was set by date is withdrawn by date, and a pause of the subscription itself
    ends by a call of its own. The last says that nothing but a schedule is written, which the step names. Source of the
    ends: https://docs.stripe.com/changelog/basil/2025-07-30/cancel-at-enums
    """

    CANCEL_AT_PERIOD_END = auto()
    CANCEL_AT_LAST_PERIOD_END = auto()
    CANCEL_AT_BILLED_UNTIL = auto()
    TELL_REASON = auto()
    CANCEL_NOW = auto()
    WITHDRAW_CANCELLATION = auto()
    WITHDRAW_CANCELLATION_BY_DATE = auto()
    COLLECT_PAYMENTS = auto()
    RESUME_SERVICE = auto()
    ONLY_THE_SCHEDULE = auto()


WITHDRAWALS: Final = (
    PlainChange.WITHDRAW_CANCELLATION,
    PlainChange.WITHDRAW_CANCELLATION_BY_DATE,
)
"""The changes that take a cancellation back."""


PauseBehavior = Literal["keep_as_draft", "mark_uncollectible", "void"]
PauseCredit = Literal["now", "item_current_period_start", "none"]
PAUSE_CREDITS: Final = ("now", "item_current_period_start", "none")
PAUSE_BEHAVIORS: Final = ("keep_as_draft", "mark_uncollectible", "void")


@dataclass(frozen=True, slots=True)
class NewCoupon:
    """A coupon made once for every use of the same definition; ``amount_minor`` belongs to ``currency``."""

    coupon_id: str
    percent_off: str | None
    amount_minor: int | None
    currency: str | None
    duration: str
    months: int | None


@dataclass(frozen=True, slots=True)
class AddDiscount:
    """Put a coupon beside the discounts ``kept``; ``made`` is the coupon to make first, None if it exists.

    ``inherits`` says that what is kept is the discount of the customer, which one of its own would put out of force.
    """

    coupon_id: str
    kept: tuple[str, ...]
    due: datetime | None
    made: NewCoupon | None = None
    inherits: bool = False


@dataclass(frozen=True, slots=True)
class MoveTrialEnd:
    """Let the trial, and so the next payment, come at ``at`` (aware UTC, whole seconds), without proration."""

    at: datetime
    due: datetime | None


@dataclass(frozen=True, slots=True)
class SwapPrice:
    """Put ``price_id`` in the place of ``replaced``, the price of item ``item_id``, and keep its ``quantity``.

    ``may_wait`` says that a payment which the customer must confirm leaves the change pending, not undone.
    ``prorated_at`` is the second that the customer's preview was reckoned with, None where there was none.
    """

    item_id: str
    price_id: str
    replaced: str
    quantity: int | None
    prorate: bool
    may_wait: bool = False
    prorated_at: int | None = None


@dataclass(frozen=True, slots=True)
class PausePayments:
    """Collect no payments until ``resumes_at`` (aware UTC, whole seconds), or for good when it is None."""

    behavior: PauseBehavior
    resumes_at: datetime | None
    due: datetime | None


@dataclass(frozen=True, slots=True)
class RemoveDiscounts:
    """Take the discounts ``removed`` off and leave the ones ``kept``; both are ids."""

    removed: tuple[str, ...]
    kept: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PauseService:
    """Pause the subscription itself until ``resumes_at`` (aware UTC, whole seconds), or for good when it is None.

    Stripe keeps no end of such a pause: ending it is another action. ``credit`` says from when time that is paid
    for and not used is credited, ``bills_usage`` whether metered usage so far is billed; both go on the next invoice.
    """

    resumes_at: datetime | None
    due: datetime | None
    credit: PauseCredit = "now"
    bills_usage: bool = True


@dataclass(frozen=True, slots=True)
class SchedulePrice:
    """Put ``price_id`` in the place of ``replaced`` when the ``running`` phase of the schedule ends, with the period.

    Nothing is charged or credited before that. The running phase is sent along as it is. ``interval`` and
    ``interval_count`` are those of the new price: its first period is the last phase, and then the schedule is over.
    """

    schedule_id: str
    running: Phase
    price_id: str
    replaced: str
    quantity: int | None
    interval: str
    interval_count: int

    @property
    def takes_effect_at(self) -> datetime:
        """When the new price comes."""
        return self.running.ends_at

    @property
    def items(self) -> tuple[PhaseItem, ...]:
        """The lines from then on: the others as they are."""
        return tuple(
            PhaseItem(self.price_id, self.quantity, item.tax_rates)
            if item.price_id == self.replaced
            else item
            for item in self.running.items
        )


PeriodEndName = Literal["min_period_end", "max_period_end", "max_billed_until"]


@dataclass(frozen=True, slots=True)
class MoveEnd:
    """Let the subscription end at ``to`` instead of ``was``, the end that was agreed on; both are aware UTC.

    A cancellation names to Stripe the end of the time that is paid for; taking it back brings the agreed end back.
    Source: ``cancel_at`` in https://docs.stripe.com/api/subscriptions/update
    """

    to: PeriodEndName | datetime
    was: datetime


Update = AddDiscount | MoveTrialEnd | SwapPrice | PausePayments | RemoveDiscounts
"""The changes that Stripe takes as an update of the subscription."""

Change = Update | PauseService | SchedulePrice | MoveEnd
"""A change that the ledger keeps before it is sent."""


def shows(change: Change, subscription: Subscription) -> bool:
    """Tell whether the subscription, as just read, has the change."""
    match change:
        case AddDiscount(coupon_id, kept):
            return any(
                discount.coupon_id == coupon_id and discount.discount_id not in kept
                for discount in subscription.discounts
            )

        case MoveTrialEnd(at):
            return subscription.trial_end == at
        case SwapPrice(item_id, price_id):
            return any(
                item.item_id == item_id and item.price_id == price_id for item in subscription.items
            )

        case PausePayments(behavior, resumes_at):
            return subscription.paused == CollectionPause(behavior, resumes_at)
        case RemoveDiscounts(removed):
            return not any(discount.discount_id in removed for discount in subscription.discounts)
        case PauseService():
            return subscription.status == "paused"
        case MoveEnd(to, was):
            ends_at = subscription.set_end
            is_there = ends_at == to
            return is_there if isinstance(to, datetime) else ends_at is not None and ends_at < was
        case SchedulePrice(price_id=price_id, quantity=quantity):
            there = {(item.price_id, item.quantity) for item in subscription.items}
            return (price_id, quantity) in there
        case _:  # pragma: no cover - mypy shows that no case is left
            assert_never(change)


def is_planned(change: SchedulePrice, subscription: Subscription) -> bool:
    """Tell whether the schedule of the subscription, as just read, will make the change."""
    schedule = subscription.schedule
    if schedule is None or subscription.schedule_id != change.schedule_id:
        return False
    return any(is_phase_of(change, phase) for phase in schedule.phases)


def is_phase_of(change: SchedulePrice, phase: Phase) -> bool:
    """Tell whether the phase, running or to come, is the one that the change put behind the running one."""
    wanted = (change.price_id, change.quantity)
    there = {(item.price_id, item.quantity) for item in phase.items}
    return phase.starts_at == change.takes_effect_at and wanted in there


def still_holds(change: Change, subscription: Subscription) -> bool:
    """Tell whether every fact that the change was decided by still holds, so that sending it has the effect meant."""
    match change:
        case AddDiscount(_, kept, due):
            # A discount added since would be lost, as the list replaces the discounts that are there.
            discount_ids = {discount.discount_id for discount in subscription.discounts_in_force}
            return subscription.current_period_end == due and discount_ids == set(kept)
        case RemoveDiscounts(removed, kept):
            return {discount.discount_id for discount in subscription.discounts} == {
                *removed,
                *kept,
            }

        case SwapPrice(item_id, _, replaced, quantity):
            was = (item_id, replaced, quantity)
            return any(
                (item.item_id, item.price_id, item.quantity) == was for item in subscription.items
            )

        case MoveTrialEnd(due=due) | PausePayments(due=due) | PauseService(due=due):
            return subscription.current_period_end == due
        case MoveEnd(was=was):
            return subscription.set_end == was
        case SchedulePrice(schedule_id, running):
            phases = () if subscription.schedule is None else subscription.schedule.phases
            stands = tuple(map(without_metadata, phases))
            return subscription.schedule_id == schedule_id and stands == (running,)
        case _:  # pragma: no cover - mypy shows that no case is left
            assert_never(change)


def change_to_json(change: Change) -> dict[str, Any]:
    """Return the change as JSON values for the ledger; ``change_from_json`` is its inverse."""
    match change:
        case AddDiscount(coupon_id, kept, due, made, inherits):
            coupon = (
                None
                if made is None
                else {name: getattr(made, name) for name in NewCoupon.__slots__}
            )
            fields = {
                "type": "add_discount",
                "coupon_id": coupon_id,
                "kept": list(kept),
                "made": coupon,
            }
            # Left out where it says nothing, so that a worker of the release before can read it.
            kept_by = {"inherits": True} if inherits else {}
            return fields | {"due": _seconds(due)} | kept_by

        case MoveTrialEnd(at, due):
            return {"type": "move_trial_end", "at": _seconds(at), "due": _seconds(due)}
        case SwapPrice():
            told = {name: getattr(change, name) for name in SwapPrice.__slots__}
            # Left out where it says nothing, so that a worker of the release before can read it.
            if change.prorated_at is None:
                del told["prorated_at"]
            return {"type": "swap_price"} | told

        case PausePayments(behavior, resumes_at, due):
            until = _seconds(resumes_at)
            return {
                "type": "pause_payments",
                "behavior": behavior,
                "resumes_at": until,
                "due": _seconds(due),
            }

        case RemoveDiscounts(removed, kept):
            return {"type": "remove_discounts", "removed": list(removed), "kept": list(kept)}
        case PauseService(resumes_at, due, credit, bills_usage):
            when = {"resumes_at": _seconds(resumes_at), "due": _seconds(due)}
            return {"type": "pause_service", "credit": credit, "bills_usage": bills_usage} | when
        case MoveEnd(to, was):
            end = _seconds(to) if isinstance(to, datetime) else to
            return {"type": "move_end", "to": end, "was": _seconds(was)}
        case SchedulePrice():
            told = {name: getattr(change, name) for name in SchedulePrice.__slots__}
            return {"type": SCHEDULE_PRICE} | told | {"running": phase_to_json(change.running)}
        case _:  # pragma: no cover - mypy shows that no case is left
            assert_never(change)


# SQL looks for it.
SCHEDULE_PRICE: Final = "schedule_price"
_STORED: Final[dict[str, type[Change]]] = {
    "add_discount": AddDiscount,
    "remove_discounts": RemoveDiscounts,
    "move_trial_end": MoveTrialEnd,
    "swap_price": SwapPrice,
    "pause_service": PauseService,
    "pause_payments": PausePayments,
    "move_end": MoveEnd,
    SCHEDULE_PRICE: SchedulePrice,
}


def change_from_json(data: Mapping[str, Any]) -> Change:
    """Read the JSON of ``change_to_json``; raises UnreadableLedgerError for another type or field."""
    fields = dict(data)
    kind = fields.pop("type")
    if kind in _STORED:
        refuse_unknown(fields, _STORED[kind].__slots__, f"a change of the type {kind}")

    for name in ("at", "due", "resumes_at", "to", "was"):
        if isinstance(fields.get(name), int):
            fields[name] = datetime.fromtimestamp(fields[name], UTC)
    match kind:
        case "add_discount":
            made = None
            if fields["made"] is not None:
                refuse_unknown(fields["made"], NewCoupon.__slots__, "a coupon")
                made = NewCoupon(**fields["made"])
            return AddDiscount(
                fields["coupon_id"],
                tuple(fields["kept"]),
                fields["due"],
                made,
                fields.get("inherits", False),
            )
        case "remove_discounts":
            return RemoveDiscounts(tuple(fields["removed"]), tuple(fields["kept"]))
        case "move_trial_end" | "swap_price" | "pause_service" | "pause_payments" | "move_end":
            return _STORED[kind](**fields)
        case "schedule_price":
            return SchedulePrice(**fields | {"running": phase_from_json(fields["running"])})
        case _:
            raise UnreadableLedgerError(f"the ledger holds a change of the unknown type {kind!r}")


def _seconds(moment: datetime | None) -> int | None:
    return None if moment is None else int(moment.timestamp())
