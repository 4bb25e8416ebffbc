"""Several CancelFlows of one process on one database: work together, or are refused at the start.

No row of the ledger says which CancelFlow it came from, and any worker may take any job. A worker that looks a customer
up with another query finds nobody, and leaves the cancellation to a person.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from aiocancel.errors import ConfigurationError
from aiocancel.parts import Parts

# Of one to which a part makes no difference.
_NO_MATTER: Final = object()

# What a job comes to depends on these in every process.
_OF_ALL: Final[Mapping[str, Callable[[Parts], object]]] = {
    "subscriptions": lambda parts: parts.subscriptions,
    "billing": lambda parts: (
        parts.billing.api_key,
        parts.billing.api_base,
        parts.billing.stripe_account,
        parts.billing.account_column,
    ),
    "vendor": lambda parts: _account(parts.vendor),
    # A worker reads the proofs of all pages.
    "grant_keys": lambda parts: (
        parts.sealer.fingerprint if _is_told_of_sessions(parts) else _NO_MATTER
    ),
}
# And on these where the one that carries it out may be any of them.
_OF_WORKERS: Final[Mapping[str, Callable[[Parts], object]]] = {
    "mailer": lambda parts: parts.mailer,
    "email": lambda parts: parts.email,
    "public_exit": lambda parts: None if parts.public_exit is None else parts.public_exit.find,
    "on_outcome": lambda parts: parts.on_outcome,
    "on_error": lambda parts: parts.on_error,
    "on_subscription_change": lambda parts: parts.on_subscription_change,
    "offer_limits": lambda parts: parts.offer_limits,
    "offer_rules": lambda parts: parts.offer_rules,
    "offer handlers": lambda parts: parts.offer_handlers,
    "cancel_timing": lambda parts: parts.settings.cancel_timing if _decides(parts) else _NO_MATTER,
    "resume_policy": lambda parts: parts.settings.resume_policy,
    "schedule_policy": lambda parts: parts.billing.schedule_policy,
    "ends_with": lambda parts: parts.billing.ends_with,
    "agreed_ends": lambda parts: parts.billing.agreed_ends,
    "promotion_codes": lambda parts: parts.billing.promotion_codes,
    "at_most_one_gift_in_days": lambda parts: _own_gift_days(parts.vendor),
}


@dataclass(frozen=True, slots=True, eq=False)
class _Running:
    database: str = field(repr=False)
    parts: Parts
    loop: asyncio.AbstractEventLoop


_running: Final[list[_Running]] = []


@contextmanager
def beside_others(database: str, parts: Parts) -> Iterator[None]:
    """Count as one of those that use a database.

    Args:
        database: Which one, equal for equal ones however they were opened.
        parts: What the plug-in was given.

    Raises:
        ConfigurationError: Another CancelFlow of this process uses it with parts that do not go together with these.
    """
    for other in _running:
        # A loop that was closed has left its applications behind.
        if other.database == database and not other.loop.is_closed():
            _refuse_if_different(other.parts, parts)

    one = _Running(database, parts, asyncio.get_running_loop())
    _running.append(one)
    try:
        yield
    finally:
        _running.remove(one)


def differences(one: Parts, other: Parts) -> list[str]:
    """Return the names of the parts in which two plug-ins on one database must not differ, and do."""
    compared = dict(_OF_ALL)
    if one.settings.run_worker and other.settings.run_worker:
        compared |= _OF_WORKERS
    return [name for name, part in compared.items() if not _is_same(part(one), part(other))]


def _refuse_if_different(other: Parts, parts: Parts) -> None:
    names = differences(other, parts)
    if names:
        raise ConfigurationError(
            "another CancelFlow of this process uses this database with other "
            f"{', '.join(names)}: a worker of one would carry out the changes of the other's customers. Give "
            "each a database of its own, or give both the same"
        )


def _is_same(one: object, other: object) -> bool:
    if one is _NO_MATTER or other is _NO_MATTER:
        return True
    # An application's object may answer anything to "==".
    return one is other or bool(one == other)


def _is_told_of_sessions(parts: Parts) -> bool:
    return parts.vendor.reports_sessions and parts.vendor.proof_in is not None


def _decides(parts: Parts) -> bool:
    # A page decides on its own customer's cancellation; what a vendor or a stranger tells of, a worker decides on.
    return parts.vendor.reports_sessions or parts.public_exit is not None


def _own_gift_days(vendor: Any) -> object:
    # Our own flow may stand behind a vendor's.
    own = getattr(vendor, "fallback", None) or vendor
    return getattr(getattr(own, "definition", None), "at_most_one_gift_in_days", None)


def _account(vendor: Any) -> tuple[object, ...]:
    # Whose flow sessions they are and what follows from one; what a widget looks like may differ.
    names = ("name", "client_id", "api_key", "api_host", "test_mode", "names_customers")
    follows = ("applies_cancellation", "applies_offers", "proof_in", "trusts_vendor_sessions")
    return tuple(getattr(vendor, name, None) for name in (*names, *follows))
