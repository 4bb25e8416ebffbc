"""What was true of a customer's subscription when a flow session began. Pure.

Conditions are asked about it, the owner's figures are computed from it, and it is kept with the session. Stripe's word
counts; None means that nobody knows, and is never read as "no".
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, TypeAlias

from aiocancel.core.calendar_months import add_months
from aiocancel.core.money import AMBIGUOUS
from aiocancel.core.page_facts import ShownSubscription
from aiocancel.core.stored_json import refuse_unknown
from aiocancel.core.subscription import OwnedSubscription

Scalar: TypeAlias = str | int | bool | Decimal
"""A column's value that a condition can compare."""


@dataclass(frozen=True, slots=True)
class History:
    """What the customer did before, as our own ledger has it.

    Args:
        offers_taken: How many offers the customer took, about this subscription.
        cancellations: How often the customer cancelled, and took that back.
        last_offer_at: When the last offer was taken, aware.
    """

    offers_taken: int = 0
    cancellations: int = 0
    last_offer_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A subscription and its customer at one moment.

    Args:
        taken_at: When that was, aware.
        status: Stripe's word for the state of the subscription.
        price_minor: What one interval costs before discounts and tax, in Stripe's minor units; None where it depends
            on usage, or where the items are paid at different times.
        currency: Stripe's lowercase code.
        interval: ``day``, ``week``, ``month`` or ``year``; None where the items have different ones.
        interval_count: How many of them one payment pays for.
        quantity: The number of seats of the only item, None where there are several.
        price_ids: Stripe's ids of the prices of all items.
        plan: The plan by its name.
        started_at: When the subscription began, aware.
        trial_end: When its trial ends or ended, aware.
        country: The two letters of the customer's country.
        place: Whose rules hold: a country such as ``DE``, or a part of one such as ``US-MN``.
        language: The language that the flow speaks to the customer.
        columns: The columns of the application's row that the definition asks about.
        history: What our ledger knows of the customer.
    """

    taken_at: datetime
    status: str | None = None
    price_minor: int | None = None
    currency: str | None = None
    interval: str | None = None
    interval_count: int | None = None
    quantity: int | None = None
    price_ids: tuple[str, ...] | None = None
    plan: str | None = None
    started_at: datetime | None = None
    trial_end: datetime | None = None
    country: str | None = None
    place: str | None = None
    language: str | None = None
    columns: Mapping[str, Scalar] = field(default_factory=dict[str, Scalar], repr=False)
    history: History | None = None

    @property
    def months(self) -> int | None:
        """For how many full months the subscription has run, None where nobody knows."""
        if self.started_at is None:
            return None
        began, now = self.started_at, self.taken_at
        count = (now.year - began.year) * 12 + now.month - began.month
        # A subscription that begins in the future has run for no month.
        return max(0, count if add_months(began, count) <= now else count - 1)


def snapshot_of(
    shown: ShownSubscription | None,
    owned: OwnedSubscription | None,
    *,
    now: datetime,
    columns: Collection[str] = (),
    country: str | None = None,
    place: str | None = None,
    language: str | None = None,
    history: History | None = None,
) -> Snapshot:
    """Take the snapshot of a subscription.

    Args:
        shown: As just read at Stripe; None where Stripe did not answer in time, and then little is known.
        owned: The row of the application.
        now: Aware.
        columns: The names of the columns to keep; the rest of the row is not.
        country: Two letters, as the application or Stripe's billing address has them.
        place: As the application's ``place`` says.
        language: The language of the page.
        history: As the ledger has it.
    """
    record: Mapping[str, Any] = {} if owned is None else owned.record
    kept = {name: value for name in columns if (value := _scalar(record.get(name))) is not None}
    known = Snapshot(
        now,
        country=None if country is None else country.upper(),
        place=None if place is None else place.upper(),
        language=language,
        columns=kept,
        history=history,
    )
    return known if shown is None else _with_stripes_word(known, shown)


def _with_stripes_word(known: Snapshot, shown: ShownSubscription) -> Snapshot:
    subscription, lines = shown.subscription, shown.lines
    rhythms = {(line.interval, line.interval_count) for line in lines}
    interval, count = next(iter(rhythms)) if len(rhythms) == 1 else (None, None)
    is_whole = bool(lines) and not shown.has_more

    amounts = [line.minor for line in lines if line.minor is not None]
    is_one_sum = (
        is_whole
        and interval is not None
        and len(amounts) == len(lines)
        and {line.currency for line in lines} == {subscription.currency}
        and subscription.currency not in AMBIGUOUS
    )
    names = [line.name for line in lines if line.name is not None]

    return Snapshot(
        taken_at=known.taken_at,
        status=subscription.status,
        price_minor=sum(amounts) if is_one_sum else None,
        currency=subscription.currency,
        interval=interval if is_whole else None,
        interval_count=count if is_whole else None,
        quantity=subscription.items[0].quantity if len(subscription.items) == 1 else None,
        price_ids=tuple(line.price_id for line in lines) if is_whole else None,
        plan=", ".join(names) if is_whole and len(names) == len(lines) else None,
        started_at=subscription.started_at,
        trial_end=subscription.trial_end,
        country=known.country,
        place=known.place,
        language=known.language,
        columns=known.columns,
        history=known.history,
    )


def _scalar(value: object) -> Scalar | None:
    """Return a value that a condition can compare; another, and a number that is none, count as not known."""
    if isinstance(value, float):
        value = Decimal(repr(value))
    if isinstance(value, Decimal) and not value.is_finite():
        return None
    return value if isinstance(value, str | int | Decimal) else None


# --- as JSON ----------------------------------------------------------------------------------------------

_TIMES: Final = ("taken_at", "started_at", "trial_end")


def snapshot_to_json(snapshot: Snapshot) -> dict[str, Any]:
    """Return it as JSON values; ``snapshot_from_json`` is its inverse."""
    plain = {name: getattr(snapshot, name) for name in Snapshot.__slots__}
    for name in _TIMES:
        plain[name] = _text_of(plain[name])
    if snapshot.price_ids is not None:
        plain["price_ids"] = list(snapshot.price_ids)
    plain["columns"] = {
        name: {"decimal": str(value)} if isinstance(value, Decimal) else value
        for name, value in snapshot.columns.items()
    }

    if (history := snapshot.history) is not None:
        plain["history"] = {
            "offers_taken": history.offers_taken,
            "cancellations": history.cancellations,
            "last_offer_at": _text_of(history.last_offer_at),
        }
    return plain


def snapshot_from_json(data: Mapping[str, Any]) -> Snapshot:
    """Read the JSON of ``snapshot_to_json``; raises UnreadableLedgerError for another field."""
    refuse_unknown(data, Snapshot.__slots__, "a snapshot")
    fields = dict(data)

    for name in _TIMES:
        fields[name] = _moment_of(fields.get(name))
    if fields.get("price_ids") is not None:
        fields["price_ids"] = tuple(fields["price_ids"])
    fields["columns"] = {
        name: Decimal(value["decimal"]) if isinstance(value, Mapping) else value
        for name, value in fields.get("columns", {}).items()
    }
    if (history := fields.get("history")) is not None:
        refuse_unknown(history, History.__slots__, "a customer's history")
        last_at = _moment_of(history.get("last_offer_at"))
        fields["history"] = History(**{**history, "last_offer_at": last_at})

    return Snapshot(**fields)


def _text_of(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


def _moment_of(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
