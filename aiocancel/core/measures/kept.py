"""Whether a customer is still there on day 30, 60 and 90: what a reading of Stripe comes to. Pure.

1. Kept is: Stripe shows the subscription active and not ending, and an invoice with money on it was paid since.
2. Paused is a state of its own, and never kept.
3. A subscription that has ended stays ended: the readings that were still to come need no further look.
4. Sessions are compared on a day only once theirs has come: who leaves is read before it, and who stays is not.
5. A reading that comes more than a day late is marked late, and counts.
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
class Reading:
    """One look at Stripe.

    Args:
        state: How the subscription stands.
        paid: What was paid since the session began, for each currency.
    """

    state: KeptState
    paid: tuple[Paid, ...] = ()

    @property
    def is_kept(self) -> bool:
        """Whether the customer counts as kept; see rule 1."""
        return self.state is KeptState.ACTIVE and any(each.invoices for each in self.paid)

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


def paid_since(invoices: Iterable[Mapping[str, Any]], since: datetime) -> tuple[Paid, ...]:
    """Add up the invoices that were paid since a moment, for each currency.

    Args:
        invoices: Stripe's JSON objects. https://docs.stripe.com/api/invoices/object
        since: The beginning of the session.

    Raises:
        ValueError: One is not an invoice, or lacks a field that is counted.
    """
    totals: dict[str, list[int]] = {}
    for invoice in invoices:
        try:
            paid = _paid(invoice, since)
        except (KeyError, TypeError, AttributeError, OverflowError, OSError) as error:
            raise ValueError(f"Stripe's invoice lacks a field: {type(error).__name__}") from error
        if paid is None:
            continue
        total = totals.setdefault(paid.currency, [0, 0, 0])
        total[0] += paid.invoices
        total[1] += paid.paid_minor
        total[2] += paid.given_minor

    return tuple(Paid(currency, *total) for currency, total in sorted(totals.items()))


def _paid(invoice: Mapping[str, Any], since: datetime) -> Paid | None:
    if invoice["object"] != "invoice":
        raise KeyError("object")
    paid_at = invoice["status_transitions"]["paid_at"]
    if invoice["status"] != "paid" or paid_at is None:
        return None
    if datetime.fromtimestamp(paid_at, UTC) < since:
        return None

    given = sum(each["amount"] for each in invoice.get("total_discount_amounts") or ())
    paid = invoice["amount_paid"] - (invoice.get("post_payment_credit_notes_amount") or 0)
    return Paid(invoice["currency"], int(invoice["amount_paid"] > 0), paid, given)


def days_to_come(after: int) -> Sequence[int]:
    """Return the days of the readings after one."""
    return [day for day in READING_DAYS if day > after]


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
