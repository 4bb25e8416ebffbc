"""The actions on a subscription, and the pure decision of the next step.

An action is one imperative change. Before every write and after it the subscription is read, and from
that read ``next_step`` alone says whether the action is done, must be written, must wait, or cannot be.
That one function makes every action safe to repeat: a worker that dies anywhere starts here again.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Final, Literal, assert_never, get_args

from aiocancel.core.changes import Change, MoveEnd, PeriodEndName, PlainChange, SchedulePrice
from aiocancel.core.claim import NO_REASON, CancelReason
from aiocancel.core.codes import AnyCode, Code, ForeignCode
from aiocancel.core.identifiers import FlowSessionId, SubscriptionId
from aiocancel.core.offers.terms import AcceptedOffer
from aiocancel.core.schedules import (
    ReleaseSchedule,
    ScheduleChange,
    SchedulePolicy,
    Wish,
    clear_the_way,
)
from aiocancel.core.subscription import Subscription

# The status in the receipt of an unfinished action: it waits for its date, or for the customer's payment.
WAITS_FOR_ITS_DATE: Final = "scheduled"
WAITS_FOR_PAYMENT: Final = "needs_payment"


class Places(StrEnum):
    """Which of a worker's places an action takes: no sort holds a place of another, so that no cancellation waits.

    ``questions`` ask a flow vendor or only watch, ``calls`` run the application's hooks and handlers, ``mails`` write
    to customers. ``declarations`` ask the application whose contract is meant: each is a cancellation to come, and a
    stranger's must not hold the places of those that are proven.
    """

    CANCELLATIONS = "cancellations"
    CHANGES = "changes"
    QUESTIONS = "questions"
    CALLS = "calls"
    MAILS = "mails"
    DECLARATIONS = "declarations"

    @staticmethod
    def of(kind: str) -> Places:
        """Return the places of a kind; one that this release does not know counts as a change."""
        return _PLACES.get(kind, Places.CHANGES)


class ActionKind(StrEnum):
    """The kinds of actions, as the ledger stores them; each belongs to one of three sorts.

    ``WriteKind``: we change the subscription at Stripe. ``resume``, ``unpause``, ``remove_discount`` and ``keep_plan``
    take something back; ``end_pause`` ends a pause of the subscription itself when its time has come.

    ``WatchKind``: the flow vendor changes it, and we look at Stripe until it shows.

    ``CallKind``: the worker calls another party than Stripe. ``verify_offer`` asks the flow vendor whether an offer
    was accepted, and leads to ``apply_offer``, ``expect_offer`` or, for a custom offer, ``run_offer_handler``, which
    calls the application's handler. ``run_hooks`` tells the application how a claim ended, and ``acknowledge`` the
    customer. ``match_declaration`` asks the application whose contract a declaration of the public exit means.
    """

    CANCEL_AT_PERIOD_END = "cancel_at_period_end"
    CANCEL_NOW = "cancel_now"
    RESUME = "resume"
    UNPAUSE = "unpause"
    REMOVE_DISCOUNT = "remove_discount"
    KEEP_PLAN = "keep_plan"
    EXPECT_CANCELLATION = "expect_cancellation"
    VERIFY_OFFER = "verify_offer"
    APPLY_OFFER = "apply_offer"
    EXPECT_OFFER = "expect_offer"
    END_PAUSE = "end_pause"
    RUN_OFFER_HANDLER = "run_offer_handler"
    RUN_HOOKS = "run_hooks"
    ACKNOWLEDGE = "acknowledge"
    MATCH_DECLARATION = "match_declaration"

    @property
    def only_watches(self) -> bool:
        """Whether the flow vendor makes the change, and we write nothing."""
        return self in get_args(WatchKind)


WriteKind = Literal[
    ActionKind.CANCEL_AT_PERIOD_END,
    ActionKind.CANCEL_NOW,
    ActionKind.RESUME,
    ActionKind.UNPAUSE,
    ActionKind.REMOVE_DISCOUNT,
    ActionKind.KEEP_PLAN,
    ActionKind.APPLY_OFFER,
    ActionKind.END_PAUSE,
]
"""We write at Stripe."""

WatchKind = Literal[ActionKind.EXPECT_CANCELLATION, ActionKind.EXPECT_OFFER]
"""We watch Stripe until it shows the flow vendor's change."""

CallKind = Literal[
    ActionKind.VERIFY_OFFER,
    ActionKind.RUN_OFFER_HANDLER,
    ActionKind.RUN_HOOKS,
    ActionKind.ACKNOWLEDGE,
    ActionKind.MATCH_DECLARATION,
]
"""We call the flow vendor, the application or the mail server, and leave Stripe alone."""

PlainKind = Literal[
    ActionKind.CANCEL_AT_PERIOD_END,
    ActionKind.CANCEL_NOW,
    ActionKind.RESUME,
    ActionKind.END_PAUSE,
    ActionKind.EXPECT_CANCELLATION,
]
"""The subscription alone decides the next step, whatever was offered before."""


_PLACES: Final[dict[str, Places]] = {
    ActionKind.CANCEL_AT_PERIOD_END: Places.CANCELLATIONS,
    ActionKind.CANCEL_NOW: Places.CANCELLATIONS,
    ActionKind.VERIFY_OFFER: Places.QUESTIONS,
    ActionKind.EXPECT_CANCELLATION: Places.QUESTIONS,
    ActionKind.EXPECT_OFFER: Places.QUESTIONS,
    ActionKind.RUN_OFFER_HANDLER: Places.CALLS,
    ActionKind.RUN_HOOKS: Places.CALLS,
    ActionKind.ACKNOWLEDGE: Places.MAILS,
    ActionKind.MATCH_DECLARATION: Places.DECLARATIONS,
}


GIVES_WAY: Final = frozenset(
    {
        ActionKind.APPLY_OFFER,
        ActionKind.UNPAUSE,
        ActionKind.REMOVE_DISCOUNT,
        ActionKind.KEEP_PLAN,
        ActionKind.END_PAUSE,
    }
)
"""What a later cancellation goes before, where it fails again and again.

Each begins with a look and finds the subscription ending then. No resumption is among them: while one waits, the
subscription still ends, and made after a later cancellation it would take that one back.
"""


class ActionState(StrEnum):
    """Where an action stands; the last four are final, as far as workers go.

    A parked one needs a human, a refused one does not, and a closed one had its human: it is stored as parked, with
    the time it was closed.
    """

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    PARKED = "parked"
    REFUSED = "refused"
    CLOSED = "closed"

    @property
    def is_final(self) -> bool:
        """Whether no worker will touch the action again by itself."""
        return self not in (ActionState.WAITING, ActionState.RUNNING)


@dataclass(frozen=True, slots=True)
class Action:
    """One thing to do for one subscription.

    ``reason`` goes into Stripe's cancellation_details, ``flow_session_id`` is the flow session that
    ``verify_offer`` asks about. ``offer`` is the offer that ``apply_offer`` and ``run_offer_handler`` carry out and
    ``expect_offer`` watches for.
    """

    kind: ActionKind
    subscription_id: SubscriptionId
    reason: CancelReason = NO_REASON
    flow_session_id: FlowSessionId | None = None
    offer: AcceptedOffer | None = None


@dataclass(frozen=True, slots=True)
class Receipt:
    """Stripe's evidence after the change: its status, and when the subscription ends, if it does.

    An action that is not finished has one only while it waits for its date, which ``ends_at`` then is, or for a
    payment at ``payment_url`` (None where Stripe named no page).
    """

    status: str
    ends_at: datetime | None
    payment_url: str | None = field(default=None, repr=False)

    @classmethod
    def of(cls, subscription: Subscription) -> Receipt:
        """Take the evidence out of a subscription just read."""
        return cls(subscription.status, subscription.ends_at)


@dataclass(frozen=True, slots=True)
class Done:
    """The subscription already is as the action wants it.

    ``tells_reason`` says that Stripe should still be told why the customer leaves.
    """

    receipt: Receipt
    tells_reason: bool = False


@dataclass(frozen=True, slots=True)
class Write:
    """Stripe must be told of ``change``.

    With ``schedule`` this change of the schedule is written first, and alone: another look then decides
    the rest. With ``withdrawal`` one update makes the change and takes a cancellation back, so that either both are
    made or none.
    """

    change: Change | PlainChange
    schedule: ScheduleChange | None = None
    withdrawal: PlainChange | None = None

    @property
    def kept(self) -> Change | None:
        """The change, where the ledger keeps it before it is sent."""
        return None if isinstance(self.change, PlainChange) else self.change


@dataclass(frozen=True, slots=True)
class Wait:
    """The flow vendor or Stripe acts; look again later. ``seen`` is a word for the state that was read."""

    seen: AnyCode | None = None


@dataclass(frozen=True, slots=True)
class Refuse:
    """The action cannot be carried out any more; ``code`` is for the operator."""

    code: AnyCode


@dataclass(frozen=True, slots=True)
class Defer:
    """Look again at ``until``, and let other actions go before.

    The customer is told meanwhile that it takes effect at ``takes_effect_at`` or, when that is None, that a
    payment is missing, and of ``payment_url``. ``by_schedule`` says that a schedule of Stripe's makes the change then.
    """

    until: datetime
    takes_effect_at: datetime | None = None
    payment_url: str | None = field(default=None, repr=False)
    by_schedule: bool = False

    def from_clock(self, frozen_at: datetime | None, now: datetime) -> Defer:
        """Return it as we wait for it: a test clock stands still, so the same span is waited for in real time."""
        return self if frozen_at is None else replace(self, until=self.until + (now - frozen_at))


@dataclass(frozen=True, slots=True)
class Supersede:
    """A later act of the customer has left nothing to do, and no person need look; ``code`` names that act."""

    code: AnyCode


@dataclass(frozen=True, slots=True)
class AwaitPayment:
    """Stripe tries to collect the payment for the time after a pause, and lets the subscription go on when it has it.

    ``payment_url`` is where the customer can pay by hand, None where Stripe names no page.
    """

    payment_url: str | None = field(default=None, repr=False)


Step = Done | Write | Wait | Refuse | Defer | Supersede | AwaitPayment


PeriodEnd = Literal["last", "first"]
"""With which period a subscription ends whose items have different ones."""

PERIOD_ENDS: Final = ("last", "first")
DEFAULT_PERIOD_END: Final[PeriodEnd] = "last"

AgreedEnds = Literal["stand", "yield"]
"""Whether an end beyond the time that is paid for stands, or yields to a customer who leaves."""

AGREED_ENDS: Final = ("stand", "yield")
DEFAULT_AGREED_ENDS: Final[AgreedEnds] = "stand"

# An incomplete subscription takes no update, and one that is paused does not advance to the end of its period.
# Source: Subscription.status in stripe-python 16.1.0; https://docs.stripe.com/billing/subscriptions/pause
_REACH_NO_PERIOD_END: Final = frozenset({"incomplete", "paused"})


def next_step(
    kind: PlainKind,
    subscription: Subscription,
    ends_with: PeriodEnd = DEFAULT_PERIOD_END,
    agreed_ends: AgreedEnds = DEFAULT_AGREED_ENDS,
) -> Step:
    """Say what is left to do for a plain action, given the subscription as just read. Total: never raises.

    Args:
        kind: The action's kind.
        subscription: As just read.
        ends_with: The owner's choice for items with different periods.
        agreed_ends: The owner's choice for an end that lies beyond the time that is paid for.
    """
    done = Done(Receipt.of(subscription))
    is_over = subscription.has_ended or subscription.is_ending

    match kind:
        case ActionKind.CANCEL_AT_PERIOD_END:
            return _cancel_at_period_end(subscription, ends_with, agreed_ends)
        case ActionKind.CANCEL_NOW:
            return done if subscription.has_ended else Write(PlainChange.CANCEL_NOW)
        case ActionKind.RESUME:
            return _resume(subscription)
        case ActionKind.EXPECT_CANCELLATION:
            return (
                done if is_over else Wait(ForeignCode.of_subscription_status(subscription.status))
            )
        case ActionKind.END_PAUSE:
            return _end_pause(subscription)
        case _:  # pragma: no cover - mypy shows that no case is left
            assert_never(kind)


def _cancel_at_period_end(
    subscription: Subscription, ends_with: PeriodEnd, agreed_ends: AgreedEnds
) -> Step:
    if subscription.has_ended:
        return Done(Receipt.of(subscription))
    if subscription.status in _REACH_NO_PERIOD_END:
        return Write(PlainChange.CANCEL_NOW)
    if (end := _end_beyond_paid_time(subscription)) is not None and agreed_ends == "yield":
        return Write(MoveEnd(_name_of_end(subscription, ends_with), was=end))
    if subscription.is_ending or subscription.set_end is not None:
        # This end stands, wherever it was set: an earlier one could take paid time away.
        return Done(Receipt(subscription.status, subscription.ends_at or subscription.set_end))

    first, last = subscription.current_period_end, subscription.last_period_end
    billed, is_mixed = subscription.billed_until, first != last or subscription.has_more_items
    if ends_with == "first" or last is None:
        return Write(PlainChange.CANCEL_AT_PERIOD_END)
    if billed is not None and billed > last:
        return Write(PlainChange.CANCEL_AT_BILLED_UNTIL)
    return Write(
        PlainChange.CANCEL_AT_LAST_PERIOD_END if is_mixed else PlainChange.CANCEL_AT_PERIOD_END
    )


def _end_beyond_paid_time(subscription: Subscription) -> datetime | None:
    """Return the end that lies so far away that more must be paid before; None where there is none such."""
    end, paid_until = subscription.set_end, subscription.paid_until
    if end is None or paid_until is None or subscription.has_more_items:
        # Of items that Stripe left out, one may be paid until then.
        return None
    return end if end > paid_until else None


def _name_of_end(subscription: Subscription, ends_with: PeriodEnd) -> PeriodEndName:
    billed, last = subscription.billed_until, subscription.last_period_end
    if ends_with == "first":
        return "min_period_end"
    is_billed_ahead = billed is not None and last is not None and billed > last
    return "max_billed_until" if is_billed_ahead else "max_period_end"


def wants_to_tell(action: Action, subscription: Subscription) -> bool:
    """Tell whether the customer gave a reason for leaving that Stripe does not have.

    A schedule that ends a subscription takes none, and an end that was there already was not set by us.
    """
    leaves = action.kind in (ActionKind.CANCEL_AT_PERIOD_END, ActionKind.CANCEL_NOW)
    return leaves and action.reason != NO_REASON and not subscription.has_reason


def _resume(subscription: Subscription) -> Step:
    if subscription.has_ended:
        return Refuse(Code.SUBSCRIPTION_HAS_ENDED)
    if subscription.cancel_at_period_end or (
        subscription.cancel_at is None and subscription.is_ending
    ):
        return Write(PlainChange.WITHDRAW_CANCELLATION)
    if subscription.cancel_at is None:
        return Done(Receipt.of(subscription))

    # An end beyond the running periods was agreed on, not asked for by a leaving customer.
    if not subscription.is_ending:
        return Refuse(Code.ENDS_BY_AGREEMENT)
    return Write(PlainChange.WITHDRAW_CANCELLATION_BY_DATE)


def _end_pause(subscription: Subscription) -> Step:
    if subscription.has_ended:
        return Supersede(Code.SUBSCRIPTION_HAS_ENDED)
    if subscription.is_ending:
        return Supersede(Code.SUBSCRIPTION_IS_ENDING)

    # The customer or the owner may have ended the pause before its time.
    is_paused = subscription.status == "paused"
    return resume_service(subscription) if is_paused else Done(Receipt.of(subscription))


def resume_service(subscription: Subscription) -> Write | AwaitPayment:
    """Say how a pause of the subscription itself ends: by one call, and then by its payment.

    A second call would be refused, or would void the invoice that Stripe tries to collect.
    """
    if subscription.resumption_is_open:
        return AwaitPayment(subscription.payment_url)
    return Write(PlainChange.RESUME_SERVICE)


_WISHES: Final[dict[Change | PlainChange | None, Wish]] = {
    PlainChange.CANCEL_AT_PERIOD_END: "cancel_at_period_end",
    PlainChange.CANCEL_AT_LAST_PERIOD_END: "cancel_at_period_end",
    PlainChange.CANCEL_AT_BILLED_UNTIL: "cancel_at_period_end",
    PlainChange.CANCEL_NOW: "cancel_now",
}


def _wish_of(change: Change | PlainChange | None) -> Wish:
    leaves = isinstance(change, MoveEnd) and isinstance(change.to, str)
    return "cancel_at_period_end" if leaves else _WISHES.get(change, "other")


def end_that_is_set(
    change: Change | PlainChange | None, subscription: Subscription
) -> datetime | None:
    """Return when the subscription ends once it has the change; None where the change sets no end by date."""
    match change:
        case PlainChange.CANCEL_AT_PERIOD_END:
            return subscription.current_period_end
        case PlainChange.CANCEL_AT_LAST_PERIOD_END if not subscription.has_more_items:
            return subscription.last_period_end
        case PlainChange.CANCEL_AT_BILLED_UNTIL if not subscription.has_more_items:
            return subscription.billed_until
        case MoveEnd("min_period_end"):
            return subscription.current_period_end
        case MoveEnd(str()):
            return subscription.paid_until
        case _:
            return None


def past_the_schedule(step: Step, subscription: Subscription, policy: SchedulePolicy) -> Step:
    """Return the step, with the change that must come before it when a schedule governs the subscription."""
    if not isinstance(step, Write | Defer) or (isinstance(step, Defer) and step.by_schedule):
        return step
    if isinstance(step, Write) and (step.schedule or isinstance(step.change, SchedulePrice)):
        # It is about the schedule itself, and of what stands in its way nothing is left.
        return Refuse(Code.SUBSCRIPTION_HAS_A_SCHEDULE) if policy == "park" else step

    change = step.change if isinstance(step, Write) else None
    first = clear_the_way(
        subscription, policy, _wish_of(change), end_that_is_set(change, subscription)
    )
    if isinstance(first, Code):
        return Refuse(first)
    if isinstance(first, ReleaseSchedule) and isinstance(change, MoveEnd):
        # The agreed end is kept, so that a customer who takes the cancellation back gets it back.
        first = replace(first, keeps_end=True)
    # A change that is due later meets its schedule when it is made.
    return replace(step, schedule=first) if isinstance(step, Write) else step


def step_when_missing(action: Action, *, written: bool, in_one_account: bool = True) -> Step:
    """Say what is left when Stripe knows no such subscription.

    Some API versions answer so for a cancelled subscription.

    Args:
        action: What was to be done.
        written: Whether we have sent the change before; we only ever send it after having read the subscription, so it
            did exist.
        in_one_account: Whether every subscription is in the same account. Where rows name accounts, another account
            than the one that was written to may know nothing of a subscription that goes on.
    """
    if action.kind is ActionKind.CANCEL_NOW and written and in_one_account:
        return Done(Receipt("canceled", None))
    return Refuse(Code.RESOURCE_MISSING)
