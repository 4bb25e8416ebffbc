"""The phases of a subscription schedule, so far as they can be sent to Stripe again exactly. Pure.

A request that changes one phase has to send the others along, the running one as well. Stripe drops what is left out:
a phase without its discounts takes them away. So a phase is read whole or not at all.
Source: SubscriptionScheduleUpdateParams.Phase in stripe-python 16.1.0
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

from aiocancel.core.stored_json import refuse_unknown


@dataclass(frozen=True, slots=True)
class PhaseItem:
    """One line of a phase; ``quantity`` is None for metered usage."""

    price_id: str
    quantity: int | None
    tax_rates: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Phase:
    """A phase with all that it holds; times are aware UTC.

    ``discounts`` and ``tax_rates`` are ids, ``prorates`` is Stripe's word for its beginning. ``has_automatic_tax``,
    ``payment_method`` and ``collection_method`` are None where the phase leaves them to its schedule.
    """

    starts_at: datetime
    ends_at: datetime
    items: tuple[PhaseItem, ...]
    discounts: tuple[str, ...] = ()
    tax_rates: tuple[str, ...] = ()
    metadata: tuple[tuple[str, str], ...] = ()
    prorates: str = "create_prorations"
    has_automatic_tax: bool | None = None
    payment_method: str | None = None
    collection_method: str | None = None


def without_metadata(phase: Phase) -> Phase:
    """Return the phase as the ledger may keep it."""
    return replace(phase, metadata=())


# Read below, or the same for every phase of a schedule.
_READ: Final = frozenset(
    {
        "automatic_tax",
        "collection_method",
        "currency",
        "default_payment_method",
        "default_tax_rates",
        "discounts",
        "end_date",
        "items",
        "metadata",
        "proration_behavior",
        "start_date",
    }
)
_READ_OF_ITEM: Final = frozenset({"plan", "price", "quantity", "tax_rates"})


def read_phase(data: Mapping[str, Any]) -> Phase | None:
    """Read a phase of Stripe's JSON; None where it holds more than this release can send again.

    Total: also None for whatever lacks a field.
    """
    try:
        rest = {name: value for name, value in data.items() if name not in _READ}
        if rest.get("billing_cycle_anchor") == "automatic":
            del rest["billing_cycle_anchor"]
        if not _is_empty(rest):
            return None

        return Phase(
            starts_at=datetime.fromtimestamp(data["start_date"], UTC),
            ends_at=datetime.fromtimestamp(data["end_date"], UTC),
            items=tuple(map(_item, data["items"])),
            discounts=tuple(map(_discount, data.get("discounts") or ())),
            tax_rates=_ids(data.get("default_tax_rates")),
            metadata=tuple(sorted((data.get("metadata") or {}).items())),
            prorates=data.get("proration_behavior") or "create_prorations",
            has_automatic_tax=_automatic_tax(data.get("automatic_tax")),
            payment_method=_id(data.get("default_payment_method")),
            collection_method=data.get("collection_method"),
        )
    except (LookupError, TypeError, AttributeError, ValueError, OverflowError, OSError):
        return None


def _item(data: Mapping[str, Any]) -> PhaseItem:
    rest = {name: value for name, value in data.items() if name not in _READ_OF_ITEM}
    price_id = _id(data["price"])
    if price_id is None or not _is_empty(rest):
        raise ValueError("the item holds more than can be sent again")
    return PhaseItem(price_id, data.get("quantity"), _ids(data.get("tax_rates")))


def _discount(data: Mapping[str, Any]) -> str:
    """Return the id of the discount; a coupon would begin anew if it were sent again."""
    discount_id = _id(data.get("discount"))
    if discount_id is None:
        raise ValueError("the phase names a discount by something else than its id")
    return discount_id


def _automatic_tax(data: Mapping[str, Any] | None) -> bool | None:
    if data is None:
        return None
    if (data.get("liability") or {"type": "self"})["type"] != "self":
        raise ValueError("another account is liable for the tax")
    return bool(data["enabled"])


def _id(named: Mapping[str, Any] | str | None) -> str | None:
    return named["id"] if isinstance(named, Mapping) else named


def _ids(named: Sequence[Mapping[str, Any] | str] | None) -> tuple[str, ...]:
    return tuple(found for each in named or () if (found := _id(each)) is not None)


def _is_empty(value: object) -> bool:
    """Tell whether nothing at all is said: null, an empty text or list, or an object of nothing but those."""
    if isinstance(value, Mapping):
        return all(map(_is_empty, value.values()))
    return value is None or value in ("", [])


def phase_to_json(phase: Phase) -> dict[str, Any]:
    """Return the phase as JSON values for the ledger; ``phase_from_json`` is its inverse, to the second.

    The metadata, which may be personal, stays out: Stripe has put that of a running phase on the subscription already.
    """
    items = [
        {"price_id": item.price_id, "quantity": item.quantity, "tax_rates": list(item.tax_rates)}
        for item in phase.items
    ]

    return {
        "starts_at": int(phase.starts_at.timestamp()),
        "ends_at": int(phase.ends_at.timestamp()),
        "items": items,
        "discounts": list(phase.discounts),
        "tax_rates": list(phase.tax_rates),
        "prorates": phase.prorates,
        "has_automatic_tax": phase.has_automatic_tax,
        "payment_method": phase.payment_method,
        "collection_method": phase.collection_method,
    }


def phase_from_json(data: Mapping[str, Any]) -> Phase:
    """Read the JSON of ``phase_to_json``; raises UnreadableLedgerError for another field."""
    refuse_unknown(data, Phase.__slots__, "a phase")
    for item in data["items"]:
        refuse_unknown(item, PhaseItem.__slots__, "an item of a phase")

    return Phase(
        starts_at=datetime.fromtimestamp(data["starts_at"], UTC),
        ends_at=datetime.fromtimestamp(data["ends_at"], UTC),
        items=tuple(
            PhaseItem(item["price_id"], item["quantity"], tuple(item["tax_rates"]))
            for item in data["items"]
        ),
        discounts=tuple(data["discounts"]),
        tax_rates=tuple(data["tax_rates"]),
        prorates=data["prorates"],
        has_automatic_tax=data["has_automatic_tax"],
        payment_method=data["payment_method"],
        collection_method=data["collection_method"],
    )
