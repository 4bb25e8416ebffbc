"""Stripe's own news: what an event is about, and what has changed since the application was told last. Pure.

An event is a doorbell. Of its body only ids count, and how the subscription was before; how it is now is read from
Stripe, so that repeated, late and swapped events do no harm.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal

from aiocancel.core.calendar_months import add_months
from aiocancel.core.changes import AddDiscount, Change, MoveTrialEnd, PauseService, SwapPrice
from aiocancel.core.claim_reason import NO_REASON, CancelReason
from aiocancel.core.flow_details import FlowDetails
from aiocancel.core.identifiers import SubscriptionId, is_opaque_id
from aiocancel.core.stored_json import refuse_unknown
from aiocancel.core.subscription import OVERDUE_STATUSES, Subscription, read_subscription

# Twenty is the most that Stripe's list takes. https://docs.stripe.com/api/events/list
EVENT_TYPES: Final = (
    "customer.subscription.created",
    "customer.subscription.updated",
    "customer.subscription.deleted",
    "customer.subscription.paused",
    "customer.subscription.resumed",
    "customer.subscription.pending_update_applied",
    "customer.subscription.pending_update_expired",
    "customer.discount.created",
    "customer.discount.updated",
    "customer.discount.deleted",
    "invoice.paid",
    "invoice.payment_failed",
    "invoice.payment_action_required",
    "invoice.voided",
    "subscription_schedule.updated",
    "subscription_schedule.released",
    "subscription_schedule.canceled",
    "subscription_schedule.completed",
    "subscription_schedule.aborted",
)
"""The types of event that may change a subscription, or what waits for one."""

ChangeKind = Literal[
    "ended", "ending", "paused", "past_due", "resumed", "plan_changed", "status_changed"
]
"""What happened to a subscription.

``ended``: it is over. ``ending``: its end is planned, or has another date. ``paused``: the subscription, or collecting
its payments, is paused, or is so until another date. ``past_due``: a payment is missing. ``resumed``: it goes on; an
end was taken back, a pause is over, or missing payments came. ``plan_changed``: other prices or quantities.
``status_changed``: Stripe's status has changed otherwise, as at the end of a trial.
"""

_PAUSED: Final = "paused"
_NOTED_LATE: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Standing:
    """What there is to tell of a subscription. ``items`` are prices with their quantities, sorted.

    ``ends_at`` is its end, come or planned, ``paused_until`` the end of a pause that has one.
    """

    status: str
    has_ended: bool
    ends_at: datetime | None
    is_ending: bool
    is_paused: bool
    paused_until: datetime | None
    items: tuple[tuple[str, int | None], ...]

    @property
    def is_overdue(self) -> bool:
        """Whether a payment has failed, and its invoice is still to be paid."""
        return self.status in OVERDUE_STATUSES

    @classmethod
    def of(cls, subscription: Subscription) -> Standing:
        """Take it from a subscription just read."""
        pause = subscription.paused

        return cls(
            status=subscription.status,
            has_ended=subscription.has_ended,
            ends_at=subscription.ends_at,
            is_ending=subscription.is_ending,
            is_paused=pause is not None or subscription.status == _PAUSED,
            paused_until=None if pause is None else pause.resumes_at,
            items=tuple(
                sorted(
                    ((item.price_id, item.quantity) for item in subscription.items),
                    key=lambda item: (item[0], item[1] or 0),
                )
            ),
        )


@dataclass(frozen=True, slots=True)
class StripeEvent:
    """What an event of Stripe's rings for.

    ``subscription_id`` is None where it is about none, ``account`` the connected account, None for the key's own.
    ``before`` is how the subscription was, where the event tells. ``on_test_clock`` says that its time is not ours.
    """

    event_id: str
    type: str
    livemode: bool
    account: str | None
    subscription_id: SubscriptionId | None
    before: Standing | None = None
    on_test_clock: bool = False


@dataclass(frozen=True, slots=True)
class SubscriptionChange:
    """What Stripe shows of a subscription that has changed, here or elsewhere.

    Args:
        kind: What happened; see ``ChangeKind``. Several things at once are several calls, each with the same rest.
        subscription_id: Stripe's id of the subscription.
        status: Stripe's status now: ``active``, ``trialing``, ``past_due``, ``paused``, ``canceled`` and others.
        ends_at: When it ended, or is going to end; None where no end is planned.
        is_paused: Whether the subscription, or collecting its payments, is paused.
        paused_until: When a pause of the payments ends, where it has an end.
        price_ids: The prices that it has now, sorted.
        account: The connected account that it belongs to, None for the key's own.
        claim_id: The ``Outcome.claim_id`` of the cancellation that has now ended it, or taken effect; None where the
            end was not chosen here.
        key: The same each time this change is told, after a failure or a crash, too.
        reason: Why the customer left, as the newest flow session, or the plain form, has it.
        flow: What that session held: answers, the customer's own words, the offers that were shown. None where there
            was none, where nothing is known of it, or where the customer was erased.
        snapshot: The plan, price, tenure and country as that session began, as in ``Outcome.snapshot``; None where
            nobody knows.
    """

    kind: ChangeKind
    subscription_id: str
    status: str
    ends_at: datetime | None
    is_paused: bool
    paused_until: datetime | None
    price_ids: tuple[str, ...]
    account: str | None
    claim_id: str | None
    key: str
    reason: CancelReason = field(default=NO_REASON, repr=False)
    flow: FlowDetails | None = field(default=None, repr=False)
    snapshot: Mapping[str, Any] | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class LastWish:
    """What the customer said with the newest wish about a subscription, and what was known of it then."""

    reason: CancelReason = field(default=NO_REASON, repr=False)
    flow: FlowDetails | None = field(default=None, repr=False)
    snapshot: Mapping[str, Any] | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class OwnWork:
    """What was done here to a subscription, as far as a look at it may contradict that.

    ``cancellation`` is the id of the action that planned its end, None where none did or it was taken back here,
    ``claim_id`` the claim of that action and ``ends_at`` the end that it planned, where Stripe told one. ``gifts`` are
    the changes that offers made, by the action's id, with the time of each. ``is_unfinished`` says that more is under
    way: then nothing can be told from a look.
    """

    cancellation: int | None = None
    claim_id: str | None = None
    ends_at: datetime | None = None
    gifts: Mapping[int, tuple[Change, datetime]] = field(default_factory=dict)
    is_unfinished: bool = False


def read_event(data: object) -> StripeEvent | None:
    """Read an event of Stripe's; None where it is none.

    Total: whatever else the body holds, an event without a subscription rings for nothing.
    """
    if not isinstance(data, Mapping) or data.get("object") != "event":
        return None
    event_id, event_type, account = data.get("id"), data.get("type"), data.get("account")
    if not isinstance(event_id, str) or not is_opaque_id(event_id):
        return None
    if not isinstance(event_type, str) or not isinstance(data.get("livemode"), bool):
        return None
    if account is not None and not (isinstance(account, str) and is_opaque_id(account)):
        return None

    inner = data.get("data")
    inner = inner if isinstance(inner, Mapping) else {}
    about = inner.get("object")
    if event_type not in EVENT_TYPES or not isinstance(about, Mapping):
        return StripeEvent(event_id, event_type, data["livemode"], account, None)
    return StripeEvent(
        event_id,
        event_type,
        data["livemode"],
        account,
        _subscription_of(about),
        _before(about, inner.get("previous_attributes")),
        on_test_clock=about.get("test_clock") is not None,
    )


def _subscription_of(about: Mapping[str, Any]) -> SubscriptionId | None:
    found: object
    match about.get("object"):
        case "subscription":
            found = about.get("id")
        case "invoice":
            # Since 2025-03-31 under its parent; an endpoint may be set to an older version.
            parent = about.get("parent")
            details = parent.get("subscription_details") if isinstance(parent, Mapping) else None
            inner = details.get("subscription") if isinstance(details, Mapping) else None
            found = inner or about.get("subscription")
        case "subscription_schedule":
            found = about.get("subscription") or about.get("released_subscription")
        case "discount":
            found = about.get("subscription")
        case _:
            found = None

    if isinstance(found, Mapping):
        found = found.get("id")
    return SubscriptionId(found) if isinstance(found, str) and is_opaque_id(found) else None


def _before(about: Mapping[str, Any], previous: object) -> Standing | None:
    if about.get("object") != "subscription" or not isinstance(previous, Mapping):
        return None
    try:
        return Standing.of(read_subscription({**about, **previous}))
    except (ValueError, AttributeError, TypeError):
        return None


def changes(before: Standing | None, now: Standing) -> tuple[ChangeKind, ...]:
    """Say what has happened between two looks, most important first.

    Where nothing is known of before, it counts as having been active with the prices that it has now.
    """
    was = before or Standing("active", False, None, False, False, None, now.items)
    if now.has_ended:
        return () if was.has_ended else ("ended",)

    found: list[ChangeKind] = []
    if now.is_paused and (now.is_paused, now.paused_until) != (was.is_paused, was.paused_until):
        found.append("paused")
    if now.is_overdue and not was.is_overdue:
        found.append("past_due")
    if now.is_ending and (now.is_ending, now.ends_at) != (was.is_ending, was.ends_at):
        found.append("ending")
    if _goes_on(was, now):
        found.append("resumed")
    if was.items != now.items:
        found.append("plan_changed")
    if not found and was.status != now.status:
        found.append("status_changed")
    return tuple(found)


def _goes_on(was: Standing, now: Standing) -> bool:
    return (
        was.has_ended
        or (was.is_paused and not now.is_paused)
        or (was.is_ending and not now.is_ending)
        or (was.is_overdue and not now.is_overdue and not now.is_paused)
    )


def gone(ended: Standing | None) -> Standing:
    """Return the standing of a subscription that Stripe no longer knows: as it was, and over."""
    was = ended or Standing("canceled", True, None, False, False, None, ())
    return replace(
        was, status="canceled", has_ended=True, is_ending=False, is_paused=False, paused_until=None
    )


def is_taken_back(work: OwnWork, now: Standing) -> bool:
    """Tell whether an end that was planned here was taken back, or put off to a later date, and not from here."""
    if work.cancellation is None or work.is_unfinished or now.has_ended:
        return False
    if not now.is_ending:
        return True
    return work.ends_at is not None and now.ends_at is not None and now.ends_at > work.ends_at


def removed_gifts(work: OwnWork, subscription: Subscription, now: datetime) -> list[int]:
    """Return the actions whose discount is gone before its time: another person or program removed it.

    A discount for one payment is used up by the next invoice, so it counts until the payment that was due when it
    was given; one for some months counts while they last, and one for ever always. Where only the coupon's id is
    known, it counts like a discount for one payment.
    """
    if work.is_unfinished or subscription.has_ended:
        return []

    there = {discount.coupon_id for discount in subscription.discounts}
    if None in there:
        # A discount whose coupon is not known may be the one.
        return []
    return [
        action_id
        for action_id, (change, made_at) in work.gifts.items()
        if isinstance(change, AddDiscount)
        and change.coupon_id not in there
        and _lasts(change, made_at, now, work, on_a_clock=subscription.frozen_at is not None)
    ]


def _lasts(
    change: AddDiscount, made_at: datetime, now: datetime, work: OwnWork, *, on_a_clock: bool
) -> bool:
    made = change.made
    if made is not None and made.duration == "forever":
        return True
    # On a test clock it began at a time that the ledger does not know: there it counts until the payment that was due.
    if made is not None and made.duration == "repeating" and made.months and not on_a_clock:
        # It was noted as made a little after Stripe began it, or much later where an answer was lost.
        return now < add_months(made_at, made.months) - _NOTED_LATE
    if _used_by_our_own(work, made_at):
        return False
    return change.due is not None and now < change.due


def _used_by_our_own(work: OwnWork, made_at: datetime) -> bool:
    """Whether an invoice came since that uses up a discount for one payment: of a trial, a plan, or after a pause."""
    return any(
        isinstance(change, MoveTrialEnd | SwapPrice | PauseService) and later >= made_at
        for change, later in work.gifts.values()
    )


def standing_to_json(standing: Standing) -> dict[str, Any]:
    """Return it as JSON values for the ledger; ``standing_from_json`` is its inverse, to the second."""
    return {
        "status": standing.status,
        "has_ended": standing.has_ended,
        "ends_at": _seconds(standing.ends_at),
        "is_ending": standing.is_ending,
        "is_paused": standing.is_paused,
        "paused_until": _seconds(standing.paused_until),
        "items": [list(item) for item in standing.items],
    }


_FIELDS: Final = (
    "status",
    "has_ended",
    "ends_at",
    "is_ending",
    "is_paused",
    "paused_until",
    "items",
)


def standing_from_json(data: Mapping[str, Any]) -> Standing:
    """Read the JSON of ``standing_to_json``; raises UnreadableLedgerError for another field."""
    refuse_unknown(data, _FIELDS, "a standing")
    return Standing(
        status=data["status"],
        has_ended=data["has_ended"],
        ends_at=_moment(data["ends_at"]),
        is_ending=data["is_ending"],
        is_paused=data["is_paused"],
        paused_until=_moment(data["paused_until"]),
        items=tuple((price, quantity) for price, quantity in data["items"]),
    )


def _seconds(moment: datetime | None) -> int | None:
    return None if moment is None else int(moment.timestamp())


def _moment(seconds: int | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
