"""What happens, as typed events for one hook; no event carries a name, an e-mail address or a customer id."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import PurePath
from typing import Final

from aiocancel.core.codes import AnyCode

__all__ = [
    "ActionApplied",
    "ActionLeft",
    "ActionParked",
    "ActionRefused",
    "AttemptFailed",
    "ChangeHookFailed",
    "ClaimRecorded",
    "ClaimRefused",
    "DriftFound",
    "Event",
    "EventHook",
    "LookupFailed",
    "PermissionMissing",
    "PolicyNotWidened",
    "PropertyLeftOut",
    "SubscriptionChanged",
    "both",
    "log_event",
]

logger = logging.getLogger("aiocancel")

# Enough to find the place.
_FRAMES: Final = 6


@dataclass(frozen=True, slots=True)
class Event:
    """The root of all events."""


@dataclass(frozen=True, slots=True)
class ClaimRecorded(Event):
    """A claim and its actions are committed.

    Args:
        claim_id: The claim's public id.
        subscription_id: The subscription at Stripe.
        status: What the customer chose, as the flow says it.
        repeated: Whether the same post had been recorded before.
    """

    claim_id: str
    subscription_id: str
    status: str
    repeated: bool


@dataclass(frozen=True, slots=True)
class ClaimRefused(Event):
    """A post was answered with a 4xx; ``code`` says why.

    Args:
        code: The reason, one of the codes in the reference.
    """

    code: AnyCode


@dataclass(frozen=True, slots=True)
class AttemptFailed(Event):
    """One try at one action failed, ``took_s`` after it began; ``failure`` is transient, unknown or rejected.

    Args:
        action_id: The action, as ``aiocancel actions`` shows it.
        subscription_id: The subscription at Stripe.
        kind: The kind of action, such as ``cancel``.
        attempt: Which try it was, the first being 1.
        failure: ``transient``, ``unknown`` or ``rejected``.
        code: The reason where one is known.
        request_id: Stripe's id of the request, for its support; None where there is none.
        took_s: How many seconds the try took.
    """

    action_id: int
    subscription_id: str
    kind: str
    attempt: int
    failure: str
    code: AnyCode | None
    request_id: str | None
    took_s: float = 0.0


@dataclass(frozen=True, slots=True)
class ActionApplied(Event):
    """Stripe shows the change; ``written`` is False when it already was there.

    ``age_s`` is the time since the action was enqueued.

    Args:
        action_id: The action, as ``aiocancel actions`` shows it.
        subscription_id: The subscription at Stripe.
        kind: The kind of action, such as ``cancel``.
        attempt: Which try it was, the first being 1.
        written: Whether the change was made now; False where it already was there.
        age_s: How many seconds ago the action was enqueued.
    """

    action_id: int
    subscription_id: str
    kind: str
    attempt: int
    written: bool
    age_s: float = 0.0


@dataclass(frozen=True, slots=True)
class ActionParked(Event):
    """An action needs a human; ``code`` says why. ``age_s`` is the time since it was enqueued.

    Args:
        action_id: The action, as ``aiocancel actions`` shows it.
        subscription_id: The subscription at Stripe.
        kind: The kind of action, such as ``cancel``.
        code: The reason, one of the codes in the reference.
        age_s: How many seconds ago the action was enqueued.
    """

    action_id: int
    subscription_id: str
    kind: str
    code: AnyCode
    age_s: float = 0.0


@dataclass(frozen=True, slots=True)
class ActionLeft(Event):
    """A worker of this release cannot read an action, and leaves it to one of a newer release; ``code`` says why.

    Args:
        action_id: The action, as ``aiocancel actions`` shows it.
        subscription_id: The subscription at Stripe.
        kind: The kind of action, such as ``cancel``.
        code: The reason, one of the codes in the reference.
    """

    action_id: int
    subscription_id: str
    kind: str
    code: AnyCode


@dataclass(frozen=True, slots=True)
class ActionRefused(Event):
    """The flow vendor's word is against what was claimed; nothing was changed. ``code`` says how.

    Args:
        action_id: The action, as ``aiocancel actions`` shows it.
        subscription_id: The subscription at Stripe.
        kind: The kind of action, such as ``cancel``.
        code: The reason, one of the codes in the reference.
        age_s: How many seconds ago the action was enqueued.
    """

    action_id: int
    subscription_id: str
    kind: str
    code: AnyCode
    age_s: float = 0.0


@dataclass(frozen=True, slots=True)
class AcknowledgementSent(Event):
    """The mail server has taken a letter to a customer.

    Args:
        action_id: The action, as ``aiocancel actions`` shows it.
        subscription_id: The subscription at Stripe.
        kind: What the letter tells, such as ``carried_out``.
        doubts: How often it had been sent before without a known answer: the customer may have it so often more.
    """

    action_id: int
    subscription_id: str
    kind: str
    doubts: int = 0


@dataclass(frozen=True, slots=True)
class DriftFound(Event):
    """Stripe does not show what it should: what the flow vendor said it does, or what was done here and is done.

    In the first case the action is parked after the time allowed. In the second, ``seen`` is
    cancellation_taken_back or discount_removed_elsewhere: another person or program undid a change of ours, or
    put off the end that it planned, and there is nothing to carry out.

    ``expected`` is cancellation, coupon, trial_extension, change_plan or pause_subscription; ``seen`` is a word
    for what Stripe shows instead: the subscription's status for a cancellation, no_discount, another_discount,
    no_trial, shorter_trial, another_price, no_pause, subscription_has_ended, or unreadable when the last look failed.

    Args:
        action_id: The action, as ``aiocancel actions`` shows it.
        subscription_id: The subscription at Stripe.
        expected: What Stripe should show.
        seen: What it shows instead, in one word.
    """

    action_id: int
    subscription_id: str
    expected: str
    seen: AnyCode


@dataclass(frozen=True, slots=True)
class SubscriptionChanged(Event):
    """Stripe showed a change of a subscription, and the application's hooks were told; ``kind`` says what happened.

    Args:
        subscription_id: The subscription at Stripe.
        kind: What happened to it.
    """

    subscription_id: str
    kind: str


@dataclass(frozen=True, slots=True)
class ChangeHookFailed(Event):
    """A hook for changes of subscriptions failed, or took too long; all are called again later.

    Args:
        subscription_id: The subscription at Stripe.
        attempt: Which try it was, the first being 1.
        code: The reason, one of the codes in the reference.
    """

    subscription_id: str
    attempt: int
    code: AnyCode


@dataclass(frozen=True, slots=True)
class PermissionMissing(Event):
    """Stripe refuses the key something that it needs: give the restricted key ``permission``.

    Told when it is refused first, by each process once.

    Args:
        permission: The permission that the key lacks, as Stripe names it.
        request_id: Stripe's id of the request, for its support; None where there is none.
    """

    permission: str
    request_id: str | None


@dataclass(frozen=True, slots=True)
class LookupFailed(Event):
    """The subscription could not be looked up; the page was rendered without it.

    Args:
        error: The type of the error and where it came from, without its text.
    """

    error: str


@dataclass(frozen=True, slots=True)
class PageFactsMissing(Event):
    """Stripe did not tell in time what a page or a letter says of a subscription; it came without its price and dates.

    Args:
        subscription_id: The subscription at Stripe.
        error: The type of the error and where it came from, without its text.
    """

    subscription_id: str
    error: str


@dataclass(frozen=True, slots=True)
class PageTemplateFailed(Event):
    """The application's template for a page of ours failed; the page came up in our own dress.

    Args:
        template: The template's name.
        error: The type of the error and where it came from, without its text.
    """

    template: str
    error: str


@dataclass(frozen=True, slots=True)
class PolicyNotWidened(Event):
    """An application's Content-Security-Policy could not be widened and was sent as it was.

    Args:
        reason: Why, in one sentence.
    """

    reason: str


@dataclass(frozen=True, slots=True)
class CachingRefused(Event):
    """A page that holds a customer's grant was to be stored by shared caches; it went out as private instead.

    ``written`` is the first header that allowed it, as the application wrote it.

    Args:
        written: The first header that allowed it, as the application wrote it.
    """

    written: str


@dataclass(frozen=True, slots=True)
class PropertyLeftOut(Event):
    """A flow vendor's payload goes without a value, whose column is missing or holds another type than ``expected``.

    ``property_name`` is its place in the payload. Each is told once by a process, not for every page.

    Args:
        property_name: The place in the payload.
        expected: The type that belongs there.
    """

    property_name: str
    expected: str


@dataclass(frozen=True, slots=True)
class VendorEventGivenUp(Event):
    """The worker asked the flow vendor for three days what an event says, in vain, and stopped; ``code`` says why.

    Args:
        event_id: The event at the flow vendor.
        code: The last answer, one of the codes in the reference.
    """

    event_id: str
    code: AnyCode


EventHook = Callable[[Event], None]


def guarded(hook: EventHook) -> EventHook:
    """Return a hook that logs what ``hook`` raises: watching must never change what happens."""

    def call(event: Event) -> None:
        try:
            hook(event)
        except Exception:
            logger.exception("the event hook failed at %s", type(event).__name__)

    return call


def both(*hooks: EventHook) -> EventHook:
    """Return one hook that calls all of them; one that raises is logged, and the others are called all the same."""
    safe = [guarded(hook) for hook in hooks]

    def call(event: Event) -> None:
        for hook in safe:
            hook(event)

    return call


def type_and_place(error: BaseException) -> str:
    """Return an error's type and where it came from, innermost first.

    Not its text: the application's may name a customer, and the database's quotes the row.
    """
    frames = traceback.extract_tb(error.__traceback__)[-_FRAMES:]
    places = [
        f"{PurePath(frame.filename).name}:{frame.lineno} {frame.name}" for frame in reversed(frames)
    ]
    return " < ".join([type(error).__name__, *places])


_LEVELS = {
    ActionLeft: logging.WARNING,
    ActionParked: logging.ERROR,
    ActionRefused: logging.WARNING,
    AttemptFailed: logging.WARNING,
    CachingRefused: logging.WARNING,
    ChangeHookFailed: logging.WARNING,
    DriftFound: logging.ERROR,
    LookupFailed: logging.ERROR,
    PageFactsMissing: logging.WARNING,
    PageTemplateFailed: logging.ERROR,
    PermissionMissing: logging.ERROR,
    PolicyNotWidened: logging.ERROR,
    PropertyLeftOut: logging.ERROR,
    VendorEventGivenUp: logging.ERROR,
}


def log_event(event: Event) -> None:
    """Write an event to the ``aiocancel`` logger; the default hook."""
    level = _LEVELS.get(type(event), logging.INFO)
    if logger.isEnabledFor(level):
        # asdict() of a slotted event: only the fields above can ever reach the log.
        details = " ".join(f"{name}={value}" for name, value in asdict(event).items())
        logger.log(level, "%s %s", type(event).__name__, details)
