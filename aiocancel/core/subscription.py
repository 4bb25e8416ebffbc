"""A subscription: as the application's database has it, and as Stripe has it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias, TypeGuard

from aiocancel.core.identifiers import CustomerId, Mode, SubscriptionId
from aiocancel.core.schedule_phases import Phase, read_phase

ENDED_STATUSES: Final = frozenset({"canceled", "incomplete_expired"})
OVERDUE_STATUSES: Final = frozenset({"past_due", "unpaid"})
PAYING_STATUSES: Final = frozenset({"active", "trialing"})
"""The statuses in which the invoice that Stripe previews is the next payment."""


@dataclass(frozen=True, slots=True)
class OwnedSubscription:
    """A row of the application's own database: which subscription belongs to which customer.

    ``record`` holds every column of the row, for custom properties; it never leaves the process by itself.

    Args:
        customer_id: The customer, as ``identify`` named them.
        subscription_id: The subscription at Stripe, ``sub_…``.
        record: The row's columns by name, such as ``plan`` and ``email``.
    """

    customer_id: CustomerId = field(repr=False)
    subscription_id: SubscriptionId
    record: Mapping[str, Any] = field(default_factory=dict, repr=False)


# https://docs.stripe.com/api/prices/object
INTERVALS: Final = frozenset({"day", "week", "month", "year"})
# Where Stripe does not say how often a line is paid; no offer is decided by that, and no price told.
UNKNOWN_INTERVAL: Final = "unknown"

Rhythm: TypeAlias = tuple[str, int]
"""An interval, and how many of them one payment pays for."""


@dataclass(frozen=True, slots=True)
class Item:
    """One line of a subscription: ``interval`` is day, week, month or year, paid every ``interval_count``.

    ``quantity`` is None for metered usage; ``period_end`` is when the line's next payment falls due.
    ``billed_until`` is until when it is paid, where that is later than its period, None where Stripe says nothing.
    ``has_discounts`` says that discounts of its own stand on it; they are not read further.
    Source: https://docs.stripe.com/billing/subscriptions/prebilling
    """

    item_id: str
    price_id: str
    interval: str
    interval_count: int
    is_metered: bool
    quantity: int | None = None
    period_end: datetime | None = None
    billed_until: datetime | None = None
    has_discounts: bool = False

    @property
    def next_payment(self) -> datetime | None:
        """When the line is paid for next: at its period's end, or later where it was billed ahead."""
        if self.period_end is None or self.billed_until is None:
            return self.period_end
        return max(self.period_end, self.billed_until)


@dataclass(frozen=True, slots=True)
class Price:
    """A price that an offer names, and how often it is paid; ``is_metered`` says that usage is paid for, afterwards.

    ``is_by_volume`` says that the quantity sets the price of each, so that fewer may cost more. Source: ``tiers_mode``
    in https://docs.stripe.com/api/prices/object
    """

    price_id: str
    interval: str
    interval_count: int
    is_metered: bool
    is_by_volume: bool = False


def read_price(data: Mapping[str, Any]) -> Price:
    """Read Stripe's JSON object of a price for a subscription.

    Raises ValueError when the object is not one or lacks a field that we decide by.
    """
    try:
        recurring = data["recurring"]
        if data["object"] != "price" or recurring is None:
            raise ValueError("Stripe answered with something other than a subscription's price")

        if not _is_count(recurring["interval_count"]):
            raise ValueError("Stripe's price does not say how often it is paid")

        return Price(
            _word(data["id"]),
            _word(recurring["interval"]),
            recurring["interval_count"],
            recurring.get("usage_type") == "metered",
            data.get("tiers_mode") == "volume",
        )
    except (LookupError, TypeError, AttributeError) as error:
        raise ValueError(f"Stripe's price lacks a field: {type(error).__name__}") from error


@dataclass(frozen=True, slots=True)
class AppliedDiscount:
    """A coupon applied to the subscription; ``coupon_id`` is None where the discount has another source.

    ``started_at`` is when it was applied, None where Stripe did not say. ``duration`` is the coupon's (once, repeating,
    forever), None where the coupon was not read. ``ends_at`` is when it ends by itself, None where it does not.
    """

    discount_id: str
    coupon_id: str | None
    started_at: datetime | None = None
    duration: str | None = None
    ends_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class CollectionPause:
    """Payments are not collected until ``resumes_at``, or for good when it is None."""

    behavior: str
    resumes_at: datetime | None


# The key of Stripe's metadata under which a gift notes the wish that it came from.
# https://docs.stripe.com/api/metadata
GIFT_NOTE: Final = "aiocancel_gift"


@dataclass(frozen=True, slots=True)
class PendingUpdate:
    """Other prices that come once an invoice is paid, and are dropped at ``expires_at``."""

    price_ids: tuple[str, ...]
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Schedule:
    """The subscription schedule that governs a subscription.

    ``end_behavior`` is Stripe's word for the fate of the subscription at ``ends_at``, the end of the last
    phase. ``has_more_to_come`` says that another phase, or a pause, is still planned; ``next_phase_at`` is when the
    first of it begins, None where that is not certain. ``subscription_id`` is the subscription that Stripe says it
    governs, None where Stripe does not say. ``phases`` are the running one and those to come, none where one of them
    cannot be sent again exactly.
    """

    end_behavior: str
    ends_at: datetime | None
    has_more_to_come: bool
    next_phase_at: datetime | None = None
    subscription_id: str | None = None
    phases: tuple[Phase, ...] = ()


@dataclass(frozen=True, slots=True)
class Subscription:
    """Stripe's subscription as read at one moment; times are aware UTC."""

    subscription_id: SubscriptionId
    status: str
    livemode: bool
    cancel_at_period_end: bool
    cancel_at: datetime | None
    canceled_at: datetime | None
    ended_at: datetime | None
    current_period_end: datetime | None
    """The earliest end of an item's period: since API version 2025-03-31 periods live on items."""
    schedule_id: str | None
    last_period_end: datetime | None = None
    """The latest end of an item's period; another than the earliest where items have mixed intervals."""
    currency: str = "usd"
    trial_end: datetime | None = None
    items: tuple[Item, ...] = ()
    discounts: tuple[AppliedDiscount, ...] = ()
    paused: CollectionPause | None = None
    is_flexible: bool = False
    """Whether its billing mode is the flexible one, which some of Stripe's endpoints ask for."""
    charges_automatically: bool = True
    """Whether Stripe takes payments by itself, instead of sending invoices."""
    pending_update: PendingUpdate | None = None
    payment_url: str | None = field(default=None, repr=False)
    """Where the customer pays the latest invoice; read only with a pending update."""
    schedule: Schedule | None = None
    """The schedule that ``schedule_id`` names; None where it was not read."""
    gift: str | None = None
    """The wish that the last gift of ours came from, as its write noted it in the metadata."""
    end_was_requested: bool = False
    """Whether its end was asked for after it began, as a cancellation is, and not agreed on at the beginning."""
    has_reason: bool = True
    """Whether Stripe keeps a reason for a cancellation; where it was not read, nobody need tell one."""
    has_more_items: bool = False
    """Whether Stripe left items out of the list, so that ``items`` are not all."""
    resumption_is_open: bool = False
    """Whether it is paused, and the invoice of its resumption waits for its payment; read only to end a pause."""
    customer_discount: AppliedDiscount | None = None
    """The discount of the customer itself; read only with an offer."""
    test_clock: str | None = None
    """The test clock that it lives on; there is none in live mode. https://docs.stripe.com/billing/testing/test-clocks"""
    started_at: datetime | None = None
    """When it began, its trial included. ``start_date`` in https://docs.stripe.com/api/subscriptions/object"""
    billing_anchor: datetime | None = None
    """The date whose day of the month its payments keep. https://docs.stripe.com/billing/subscriptions/billing-cycle"""
    frozen_at: datetime | None = None
    """The time on that clock, which is "now" for this subscription; None where it lives in real time."""

    def is_in(self, mode: Mode) -> bool:
        """Whether it is a subscription of that mode: live billing is for live claims only, and test for test."""
        return self.livemode == (mode == "live")

    @property
    def discounts_in_force(self) -> tuple[AppliedDiscount, ...]:
        """Its own discounts or, where it has none, that of its customer, which it then inherits.

        Source: SubscriptionCreateParams.discounts in stripe-python 16.1.0; bitwarden/server#7831
        """
        if self.discounts or self.customer_discount is None:
            return self.discounts
        return (self.customer_discount,)

    @property
    def has_ended(self) -> bool:
        """Whether nothing more will be billed and nothing can be changed."""
        return self.status in ENDED_STATUSES

    @property
    def is_overdue(self) -> bool:
        """Whether a payment has failed, and its invoice is still to be paid."""
        return self.status in OVERDUE_STATUSES

    @property
    def is_paying(self) -> bool:
        """Whether the invoice that Stripe previews is the next payment, also after a trial."""
        return self.status in PAYING_STATUSES

    @property
    def is_ending(self) -> bool:
        """Whether a cancellation at the end of the period stands (the grace period)."""
        if self.has_ended:
            return False
        if self.cancel_at_period_end:
            return True
        # An end within the time that is paid for has the same effect, however it came about.
        end, paid_until = self.set_end, self.paid_until
        if end is None or paid_until is None:
            return False
        return end <= paid_until or self.end_was_requested

    @property
    def paid_until(self) -> datetime | None:
        """Until when the item that is paid for longest is paid."""
        billed = self.billed_until
        if billed is None or self.last_period_end is None:
            return self.last_period_end or self.current_period_end
        return max(billed, self.last_period_end)

    @property
    def billed_until(self) -> datetime | None:
        """The latest time that an item was billed for ahead of its period; None where none was."""
        return max(
            (item.billed_until for item in self.items if item.billed_until is not None),
            default=None,
        )

    @property
    def ends_at(self) -> datetime | None:
        """When it ended or will end, as far as Stripe has said; None if it goes on."""
        if self.has_ended:
            return self.ended_at or self.canceled_at
        if self.is_ending:
            return self.set_end or self.current_period_end
        return None

    @property
    def set_end(self) -> datetime | None:
        """The end set by date, however far away: its own, or that of its schedule, where that ends it."""
        if self.cancel_at is not None or self.schedule is None:
            return self.cancel_at
        if self.schedule.subscription_id not in (None, self.subscription_id):
            return None
        ends = self.schedule.end_behavior == "cancel" and not self.schedule.has_more_to_come
        return self.schedule.ends_at if ends else None


def read_subscription(data: Mapping[str, Any]) -> Subscription:
    """Read Stripe's JSON object of a subscription, API version 2025-03-31 or newer.

    Raises ValueError when the object is not a subscription or lacks a field that we decide by.
    """
    try:
        if data["object"] != "subscription":
            raise ValueError("Stripe answered with something other than a subscription")

        schedule = data.get("schedule")
        ends = [
            item["current_period_end"]
            for item in data["items"]["data"]
            if item.get("current_period_end")
        ]

        return Subscription(
            subscription_id=SubscriptionId(_word(data["id"])),
            status=_word(data["status"]),
            livemode=bool(data.get("livemode", False)),
            cancel_at_period_end=bool(data["cancel_at_period_end"]),
            cancel_at=_moment(data.get("cancel_at")),
            canceled_at=_moment(data.get("canceled_at")),
            ended_at=_moment(data.get("ended_at")),
            current_period_end=_moment(min(ends)) if ends else None,
            schedule_id=schedule["id"] if isinstance(schedule, Mapping) else schedule,
            last_period_end=_moment(max(ends)) if ends else None,
            currency=_word(data.get("currency") or "usd"),
            trial_end=_moment(data.get("trial_end")),
            items=tuple(_item(item) for item in data["items"]["data"] if "price" in item),
            discounts=tuple(map(_discount, data.get("discounts") or ())),
            paused=_pause(data.get("pause_collection")),
            is_flexible=(data.get("billing_mode") or {}).get("type", "classic") == "flexible",
            charges_automatically=data.get("collection_method") != "send_invoice",
            pending_update=_pending(data.get("pending_update")),
            payment_url=_payment_url(data.get("latest_invoice")),
            gift=(data.get("metadata") or {}).get(GIFT_NOTE),
            end_was_requested=_was_requested(data),
            has_reason=_has_reason(data.get("cancellation_details")),
            has_more_items=bool(data["items"].get("has_more", False)),
            resumption_is_open=_resumption_is_open(data),
            customer_discount=_discount_of_customer(data.get("customer")),
            test_clock=_id_of(data.get("test_clock")),
            started_at=_moment(data.get("start_date")),
            billing_anchor=_moment(data.get("billing_cycle_anchor")),
        )
    except (KeyError, TypeError, AttributeError, OverflowError, OSError) as error:
        raise ValueError(f"Stripe's subscription lacks a field: {type(error).__name__}") from error


def read_test_clock(data: Mapping[str, Any]) -> datetime:
    """Read the time on a test clock; raises ValueError when the object is none."""
    try:
        if data["object"] != "test_helpers.test_clock":
            raise ValueError("Stripe answered with something other than a test clock")
        return datetime.fromtimestamp(data["frozen_time"], UTC)
    except (KeyError, TypeError, OverflowError, OSError) as error:
        raise ValueError(f"Stripe's test clock lacks a field: {type(error).__name__}") from error


def _was_requested(data: Mapping[str, Any]) -> bool:
    """Tell a cancellation from an end that was agreed on at the beginning; when in doubt it was agreed on."""
    details, asked_at, created = (
        data.get("cancellation_details"),
        data.get("canceled_at"),
        data.get("created"),
    )
    if not details or asked_at is None or created is None:
        return False
    return bool(details.get("reason") == "cancellation_requested" and asked_at > created)


def _has_reason(details: Mapping[str, Any] | None) -> bool:
    return details is None or bool(details.get("comment") or details.get("feedback"))


def _item(data: Mapping[str, Any]) -> Item:
    price = data["price"]
    recurring = price.get("recurring") or {}
    interval, count = how_often(recurring)
    quantity = data.get("quantity")

    return Item(
        item_id=_word(data["id"]),
        price_id=_word(price["id"]),
        interval=interval,
        interval_count=count,
        is_metered=recurring.get("usage_type") == "metered",
        quantity=quantity if _is_count(quantity) else None,
        period_end=_moment(data.get("current_period_end")),
        billed_until=_moment(data.get("billed_until")),
        has_discounts=bool(data.get("discounts")),
    )


def how_often(recurring: Mapping[str, Any]) -> tuple[str, int]:
    """Read how often a line is paid; a customer may leave without it, so it is no reason to refuse the whole."""
    interval, count = recurring.get("interval"), recurring.get("interval_count")
    if isinstance(interval, str) and _is_count(count) and count > 0:
        return interval, count
    return UNKNOWN_INTERVAL, 1


def _is_count(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _word(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("it is no text")
    return value


def _discount(data: Mapping[str, Any] | str) -> AppliedDiscount:
    if isinstance(data, str):
        # Stripe sent the discount's id alone, so its coupon is not known.
        return AppliedDiscount(data, None)
    coupon = (data.get("source") or {}).get("coupon")
    return AppliedDiscount(
        _word(data["id"]),
        coupon["id"] if isinstance(coupon, Mapping) else coupon,
        _moment(data.get("start")),
        coupon.get("duration") if isinstance(coupon, Mapping) else None,
        _moment(data.get("end")),
    )


def _discount_of_customer(customer: Mapping[str, Any] | str | None) -> AppliedDiscount | None:
    found = customer.get("discount") if isinstance(customer, Mapping) else None
    return None if found is None else _discount(found)


def _pause(data: Mapping[str, Any] | None) -> CollectionPause | None:
    return (
        None if data is None else CollectionPause(data["behavior"], _moment(data.get("resumes_at")))
    )


def _pending(data: Mapping[str, Any] | None) -> PendingUpdate | None:
    if data is None:
        return None
    prices = [item["price"] for item in data.get("subscription_items") or ()]
    price_ids = tuple(price["id"] if isinstance(price, Mapping) else price for price in prices)
    return PendingUpdate(price_ids, datetime.fromtimestamp(data["expires_at"], UTC))


# A paid one makes the subscription active, a moment later.
_OPEN: Final = frozenset({"draft", "open", "paid"})


def _resumption_is_open(data: Mapping[str, Any]) -> bool:
    """Tell whether the latest invoice was made after the pause began, which is only done to end it."""
    invoice = data.get("latest_invoice")
    paused = (data.get("status_details") or {}).get("paused") or {}
    since = paused.get("transitioned_at")
    if data["status"] != "paused" or not isinstance(invoice, Mapping) or since is None:
        return False
    if invoice.get("billing_reason") == "subscription_create":
        # On a test clock, which stands still, the first invoice is as old as the pause.
        return False
    return invoice["status"] in _OPEN and bool(invoice["created"] >= since)


def _payment_url(invoice: Mapping[str, Any] | str | None) -> str | None:
    url = invoice.get("hosted_invoice_url") if isinstance(invoice, Mapping) else None
    # It becomes a link on a page.
    return (
        url if isinstance(url, str) and url.startswith(("https://", "http://127.0.0.1:")) else None
    )


def read_schedule(data: Mapping[str, Any]) -> Schedule:
    """Read Stripe's JSON object of a subscription schedule.

    Raises ValueError when the object is not one or lacks a field that we decide by.
    """
    try:
        if data["object"] != "subscription_schedule":
            raise ValueError("Stripe answered with something other than a subscription schedule")

        last, current = data["phases"][-1]["end_date"], data["current_phase"]
        has_phases_to_come = current is None or current["end_date"] != last
        plans_pauses = bool(data.get("pause_schedules"))
        is_certain = has_phases_to_come and current is not None and not plans_pauses
        return Schedule(
            end_behavior=data["end_behavior"],
            ends_at=_moment(last),
            has_more_to_come=has_phases_to_come or plans_pauses,
            next_phase_at=_moment(current["end_date"]) if is_certain else None,
            subscription_id=_id_of(data.get("subscription")),
            phases=() if current is None or plans_pauses else _phases_from(data, current),
        )
    except (LookupError, TypeError, AttributeError, OverflowError, OSError) as error:
        raise ValueError(
            f"Stripe's subscription schedule lacks a field: {type(error).__name__}"
        ) from error


def _phases_from(data: Mapping[str, Any], current: Mapping[str, Any]) -> tuple[Phase, ...]:
    since = current["start_date"]
    read = [read_phase(each) for each in data["phases"] if each["start_date"] >= since]
    whole = tuple(each for each in read if each is not None)
    return whole if len(whole) == len(read) else ()


def _id_of(named: Mapping[str, Any] | str | None) -> str | None:
    return named["id"] if isinstance(named, Mapping) else named


def _moment(seconds: int | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
