"""Whether a customer is still there on day 30, 60 and 90: what a reading of Stripe comes to. Pure.

1. Kept is: Stripe shows the subscription active and not ending, and an invoice with money on it was paid since.
2. Paused is a state of its own, and never kept.
3. A subscription that has ended stays ended: the readings that were still to come need no further look.
4. Sessions are compared on a day only once theirs has come, because customers who leave are read before it, and those
   who stay are not.
5. A reading that comes more than a day late is marked late, and counts.
6. An invoice is added up once: what was paid with it for the last session before it, and the discounts on it for the
   last accepted offer before it. Whether a customer is kept is asked for each session by itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from aiocancel.core.measures.sums import Span
from aiocancel.core.subscription import Subscription

READING_DAYS: Final = (30, 60, 90)
LATE_AFTER: Final = timedelta(days=1)


class KeptState(StrEnum):
    """How a subscription stands on the day of a reading."""

    ACTIVE = "active"
    TRIALING = "trialing"
    UNPAID = "unpaid"
    ENDING = "ending"
    PAUSED = "paused"
    ENDED = "ended"
    # Stripe has no such subscription any more.
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Paid:
    """What was paid and given away since the session, in one currency and in minor units.

    Args:
        currency: Stripe's three letters.
        invoices: How many invoices with money on them were paid.
        paid_minor: What was paid with them, tax included, less credit notes.
        given_minor: The discounts on them, which are not in ``paid_minor``.
    """

    currency: str
    invoices: int
    paid_minor: int
    given_minor: int


@dataclass(frozen=True, slots=True)
class InvoiceBounds:
    """Which invoices are added up for a session; see rule 6.

    Args:
        since: The beginning of the session, aware.
        paid_until: When the next session of the subscription began; None where there is none.
        given_until: From when on discounts belong to another session's offer: ``since`` itself where they belong to an
            earlier one's; None where there is no other.
    """

    since: datetime
    paid_until: datetime | None = None
    given_until: datetime | None = None

    def has_payment(self, paid_at: datetime) -> bool:
        """Tell whether what was paid at a moment after ``since`` counts for this session."""
        return self.paid_until is None or paid_at < self.paid_until

    def has_gift(self, paid_at: datetime) -> bool:
        """Tell whether the discounts on an invoice that was paid after ``since`` count for this session."""
        return self.given_until is None or paid_at < self.given_until


@dataclass(frozen=True, slots=True)
class Reading:
    """One look at Stripe.

    Args:
        state: How the subscription stands.
        paid: What was paid since the session began and counts for it, for each currency.
        has_paid: Whether an invoice with money on it was paid since, for this session or for a later one.
    """

    state: KeptState
    paid: tuple[Paid, ...] = ()
    has_paid: bool = False

    @property
    def is_kept(self) -> bool:
        """Whether the customer counts as kept; see rule 1."""
        return self.state is KeptState.ACTIVE and self.has_paid

    @property
    def is_over(self) -> bool:
        """Whether nothing can change any more; see rule 3."""
        return self.state in (KeptState.ENDED, KeptState.GONE)


def due_at(started_at: datetime, day: int) -> datetime:
    """Return when the reading of a day is due."""
    return started_at + timedelta(days=day)


def is_late(started_at: datetime, day: int, read_at: datetime) -> bool:
    """Tell whether a reading came more than a day after its day."""
    return read_at - due_at(started_at, day) > LATE_AFTER


def state_of(subscription: Subscription) -> KeptState:
    """Say how a subscription stands; what it may not be counted as comes first."""
    if subscription.has_ended:
        return KeptState.ENDED
    if subscription.status == "paused" or subscription.paused is not None:
        return KeptState.PAUSED
    if subscription.is_ending:
        return KeptState.ENDING
    if subscription.status == "trialing":
        return KeptState.TRIALING
    return KeptState.ACTIVE if subscription.status == "active" else KeptState.UNPAID


def paid_since(
    invoices: Iterable[Mapping[str, Any]], bounds: InvoiceBounds
) -> tuple[tuple[Paid, ...], bool]:
    """Add up the invoices that count for a session, for each currency; and tell whether any was paid since at all.

    Args:
        invoices: Stripe's JSON objects. https://docs.stripe.com/api/invoices/object
        bounds: Which of them count.

    Raises:
        ValueError: One is not an invoice, or lacks a field that is counted.
    """
    totals: dict[str, list[int]] = {}
    has_paid = False
    for invoice in invoices:
        try:
            paid_at = _paid_at(invoice)
            if paid_at is None or paid_at < bounds.since:
                continue
            has_paid = has_paid or invoice["amount_paid"] > 0
            paid = _counted(invoice, bounds, paid_at)
        except (KeyError, TypeError, AttributeError, OverflowError, OSError) as error:
            raise ValueError(f"Stripe's invoice lacks a field: {type(error).__name__}") from error
        if paid is None:
            continue
        total = totals.setdefault(paid.currency, [0, 0, 0])
        total[0] += paid.invoices
        total[1] += paid.paid_minor
        total[2] += paid.given_minor

    return tuple(Paid(currency, *total) for currency, total in sorted(totals.items())), has_paid


def _paid_at(invoice: Mapping[str, Any]) -> datetime | None:
    if invoice["object"] != "invoice":
        raise KeyError("object")
    paid_at = invoice["status_transitions"]["paid_at"]
    if invoice["status"] != "paid" or paid_at is None:
        return None
    return datetime.fromtimestamp(paid_at, UTC)


def _counted(invoice: Mapping[str, Any], bounds: InvoiceBounds, paid_at: datetime) -> Paid | None:
    has_payment, has_gift = bounds.has_payment(paid_at), bounds.has_gift(paid_at)
    if not has_payment and not has_gift:
        return None

    given = sum(each["amount"] for each in invoice.get("total_discount_amounts") or ())
    paid = invoice["amount_paid"] - (invoice.get("post_payment_credit_notes_amount") or 0)
    if not isinstance(invoice["currency"], str):
        raise TypeError("the currency is no text")
    return Paid(
        invoice["currency"],
        int(has_payment and invoice["amount_paid"] > 0),
        paid if has_payment else 0,
        given if has_gift else 0,
    )


def days_that_have_come(span: Span, now: datetime) -> Iterator[tuple[Span, Sequence[int]]]:
    """Part a range of sessions by the days of readings that have come for all sessions of a part; see rule 4.

    Args:
        span: When the sessions began.
        now: The present. Sessions for which no day has come are in no part.
    """
    since, until = span
    for count in range(len(READING_DAYS), 0, -1):
        days = READING_DAYS[:count]
        reached = min(until, now - timedelta(days=days[-1]))
        if reached > since:
            yield (since, reached), days
            since = reached
