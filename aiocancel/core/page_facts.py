"""What a page may say of a subscription: its plan, its price and its dates, as Stripe has them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeGuard

from aiocancel.core.money import AMBIGUOUS
from aiocancel.core.sentences import Money, Sentence, Value
from aiocancel.core.subscription import (
    INTERVALS,
    OwnedSubscription,
    Subscription,
    how_often,
    read_subscription,
)

EMAIL = "email"
PERIOD_END = "current_period_end"


@dataclass(frozen=True, slots=True)
class Line:
    """One item of a subscription.

    ``name`` is the product's, else the price's own, None where Stripe tells neither. ``minor`` is what
    one interval costs before discounts, None where that depends on usage or on steps.
    """

    price_id: str
    name: str | None
    minor: int | None
    currency: str
    interval: str
    interval_count: int
    adds_tax: bool = False


@dataclass(frozen=True, slots=True)
class OpenInvoice:
    """The latest invoice where it is not paid: what remains to be paid of it, and when it was made."""

    minor: int
    currency: str
    at: datetime


@dataclass(frozen=True, slots=True)
class ShownSubscription:
    """A subscription as just read at Stripe, and the lines that it is billed for.

    ``open_invoice`` is None where nothing is open, or nobody knows how much.
    """

    subscription: Subscription
    lines: tuple[Line, ...]
    # Only the first lines were sent.
    has_more: bool = False
    open_invoice: OpenInvoice | None = None

    def name_of(self, price_id: str) -> str | None:
        """Return the name of the plan with this price, None where it is not there or has none."""
        return next((line.name for line in self.lines if line.price_id == price_id), None)

    @property
    def is_monthly(self) -> bool:
        """Whether every payment from now on is for one month, so that months count payments."""
        return (
            self.subscription.status == "active"
            and bool(self.lines)
            and all((line.interval, line.interval_count) == ("month", 1) for line in self.lines)
        )


def read_shown(data: Mapping[str, Any]) -> ShownSubscription:
    """Read Stripe's subscription, with or without its products; raises ValueError where it is none."""
    # A page needs no address at which anybody may see the invoice.
    subscription = read_subscription({**data, "latest_invoice": None})
    lines = tuple(_line(item) for item in data["items"]["data"] if "price" in item)

    return ShownSubscription(
        subscription,
        lines,
        bool(data["items"].get("has_more")),
        _open_invoice(data.get("latest_invoice")),
    )


def _open_invoice(invoice: object) -> OpenInvoice | None:
    """Read what is open; None for whatever is not certain.

    ``amount_remaining`` is the difference between what is due and what was paid:
    https://docs.stripe.com/api/invoices/object
    """
    if not isinstance(invoice, Mapping) or invoice.get("status") != "open":
        return None
    minor, currency = invoice.get("amount_remaining"), invoice.get("currency")
    at = invoice.get("created")
    if not (_is_whole(minor) and _is_whole(at) and isinstance(currency, str)):
        return None
    if minor <= 0 or currency in AMBIGUOUS:
        return None

    try:
        return OpenInvoice(minor, currency, datetime.fromtimestamp(at, UTC))
    except (ValueError, OverflowError, OSError):
        # It is a date that no calendar has.
        return None


def _is_whole(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def outlives(shown: ShownSubscription, ends_at: datetime | None) -> bool:
    """Tell whether a subscription goes on beyond the end of a cancellation, which was taken back then.

    An agreed end that a cancellation left as it was ends the subscription, however far away it is. A later end than the
    cancellation's own takes it back, whatever reason Stripe still keeps for it.

    Args:
        shown: The subscription as Stripe has it.
        ends_at: The cancellation's own date, None where it has none.
    """
    subscription = shown.subscription
    if subscription.has_ended:
        return False
    end = subscription.ends_at or subscription.set_end
    if end is None:
        return not subscription.is_ending
    return ends_at is not None and end > ends_at


def still_open(shown: ShownSubscription | None) -> Sentence | None:
    """Say which payment a cancellation does not clear; None where none is open.

    Args:
        shown: Stripe's word, None where Stripe did not answer in time.
    """
    if shown is None:
        return None
    invoice, subscription = shown.open_invoice, shown.subscription
    # Of one that goes on, an invoice may be open and not yet due.
    if not subscription.is_overdue and not (subscription.has_ended and invoice):
        return None
    if invoice is None:
        return Sentence("confirm_past_due")
    amount = Money(invoice.minor, invoice.currency)
    return Sentence("flow_fact_open", {"amount": amount, "date": invoice.at})


def _line(item: Mapping[str, Any]) -> Line:
    return line_of_price(item["price"], quantity=item.get("quantity"))


def line_of_price(price: Mapping[str, Any], *, quantity: object) -> Line:
    """Return how a page tells a price.

    Args:
        price: Stripe's object, its product expanded where a name is wanted.
        quantity: How many of it, None where that is not known.
    """
    recurring = price.get("recurring") or {}
    interval, interval_count = how_often(recurring)
    product, amount = price.get("product"), price.get("unit_amount")
    # Usage, steps and packages: the price alone does not tell the sum.
    is_plain = (
        price.get("billing_scheme", "per_unit") == "per_unit"
        and recurring.get("usage_type") != "metered"
        and not price.get("transform_quantity")
    )

    return Line(
        price_id=price["id"],
        name=_text(product.get("name") if isinstance(product, Mapping) else None)
        or _text(price.get("nickname")),
        minor=amount * quantity
        if is_plain and isinstance(amount, int) and isinstance(quantity, int)
        else None,
        currency=_text(price.get("currency")) or "usd",
        interval=interval,
        interval_count=interval_count,
        adds_tax=price.get("tax_behavior") == "exclusive",
    )


@dataclass(frozen=True, slots=True)
class AboutSubscription:
    """Whom and what a page is about: the account, the plan by its name, its price and its next date.

    ``price_note`` is the key of what the price leaves out.
    """

    email: str | None = field(default=None, repr=False)
    plan: str | None = None
    price: Sentence | None = None
    price_note: str | None = None
    date: Sentence | None = None


def about(
    owned: OwnedSubscription | None, shown: ShownSubscription | None, now: datetime
) -> AboutSubscription:
    """Say whom and what a page is about.

    Args:
        owned: The row of the application; its columns ``plan``, ``name`` and ``email`` are its own words.
        shown: Stripe's word, None where Stripe did not answer in time.
        now: Aware. A date that has passed is not told as one to come.
    """
    record: Mapping[str, Any] = {} if owned is None else owned.record
    return AboutSubscription(
        email=_text(record.get(EMAIL)),
        plan=_text(record.get("plan")) or _text(record.get("name")) or _plan(shown),
        price=_price(shown),
        price_note=_price_note(shown),
        date=_date(shown, now),
    )


def names_a_payment(told: AboutSubscription) -> bool:
    """Tell whether the next date is that of a payment, which a pause that was promised would leave out."""
    return told.date is not None and told.date.key == "date_next_payment"


def period_end(
    owned: OwnedSubscription | None, shown: ShownSubscription | None, now: datetime
) -> datetime | None:
    """Return when the time that is paid for is over, None where nobody knows.

    Stripe's word counts; the application's column ``current_period_end`` stands in where Stripe did not answer.
    """
    if shown is not None:
        subscription = shown.subscription
        if subscription.status == "trialing" and subscription.trial_end is not None:
            found: datetime | None = subscription.trial_end
        else:
            found = subscription.current_period_end

    else:
        column = None if owned is None else owned.record.get(PERIOD_END)
        if not isinstance(column, datetime):
            return None
        # A column without a time zone is taken for UTC, as Stripe's own seconds are.
        found = column if column.tzinfo is not None else column.replace(tzinfo=UTC)

    return found if found is not None and found > now else None


def _plan(shown: ShownSubscription | None) -> str | None:
    """Name all lines, or none: a half would pass for the whole."""
    if shown is None or shown.has_more or not shown.lines:
        return None
    names = [line.name for line in shown.lines if line.name is not None]
    return ", ".join(names) if len(names) == len(shown.lines) else None


def _price(shown: ShownSubscription | None) -> Sentence | None:
    """Tell the price where all lines are paid together and none depends on usage."""
    if shown is None or shown.has_more or not shown.lines:
        return None
    first = shown.lines[0]
    amounts = [line.minor for line in shown.lines if line.minor is not None]
    rhythm = (first.interval, first.interval_count, first.currency)
    together = all(
        (line.interval, line.interval_count, line.currency) == rhythm for line in shown.lines
    )
    if not together or len(amounts) < len(shown.lines) or first.currency in AMBIGUOUS:
        return None
    if first.interval not in INTERVALS:
        return None

    values: dict[str, Value] = {
        "price": Money(sum(amounts), first.currency),
        "count": first.interval_count,
    }
    return Sentence(f"price_per_{first.interval}", values)


def _price_note(shown: ShownSubscription | None) -> str | None:
    """Return the key of what the price does not include, as the customer pays another sum then."""
    if shown is None:
        return None
    if shown.subscription.discounts:
        return "price_before_discounts"
    return "price_plus_tax" if any(line.adds_tax for line in shown.lines) else None


def _date(shown: ShownSubscription | None, now: datetime) -> Sentence | None:
    """Say the date that matters next, None where there is none or nobody knows."""
    if shown is None:
        return None
    subscription = shown.subscription
    ends_at = subscription.ends_at
    if subscription.has_ended:
        return None if ends_at is None else Sentence("date_ended", {"date": ends_at})
    if subscription.is_ending:
        return None if ends_at is None else Sentence("date_ends", {"date": ends_at})

    if subscription.status == "paused" or subscription.paused is not None:
        until = None if subscription.paused is None else subscription.paused.resumes_at
        if until is None or until <= now:
            return Sentence("date_paused")
        return Sentence("date_paused_until", {"date": until})
    next_at = period_end(None, shown, now)
    if next_at is None:
        return None
    key = "date_trial_ends" if subscription.status == "trialing" else "date_next_payment"
    return Sentence(key, {"date": next_at})


def _text(value: object) -> str | None:
    return value.strip() if isinstance(value, str) and value.strip() else None
