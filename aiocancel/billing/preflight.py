"""Questions that ``aiocancel check`` puts to Stripe; nothing is changed, and no answer is kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any, Final

from aiocancel.billing.client import StripeClient
from aiocancel.core.preflight import clock_offset_s
from aiocancel.errors import BillingError

_ACCOUNT: Final = ("/v1/account", None)
_SUBSCRIPTIONS: Final = ("/v1/subscriptions", {"limit": 1})


@dataclass(frozen=True, slots=True)
class StripeInspection:
    """Stripe's answers about a key.

    ``livemode`` and ``api_version`` are None where no answer told them, ``offset_s`` is how far Stripe's
    clock is ahead of ours, ``refusal`` why subscriptions may not be read.
    """

    livemode: bool | None
    api_version: str | None
    offset_s: float | None
    refusal: BillingError | None


async def inspect_stripe(client: StripeClient, *, clock: Callable[[], float]) -> StripeInspection:
    """Ask for the account and for one subscription; raises BillingError when the key itself is of no use."""
    bodies: list[Mapping[str, Any]] = []
    api_version = offset_s = refusal = None
    for path, params in (_ACCOUNT, _SUBSCRIPTIONS):
        asked_at = clock()
        try:
            body, headers = await client.get(path, params)
        except BillingError as error:
            # A restricted key need not see the account; we have no use for it either.
            if path == _ACCOUNT[0] and error.http_status != 403:
                raise
            refusal = error
            continue
        answered_at, refusal = clock(), None
        told = {name.lower(): value for name, value in headers.items()}
        bodies += [body, *_entries(body)]
        api_version = api_version or told.get("stripe-version")
        if offset_s is None and (date := _timestamp(told.get("date"))) is not None:
            # The header counts whole seconds.
            offset_s = clock_offset_s(date, date + 1, asked_at=asked_at, answered_at=answered_at)

    # An account does not tell its mode; the objects in it do.
    modes = [body["livemode"] for body in bodies if isinstance(body.get("livemode"), bool)]

    return StripeInspection(modes[0] if modes else None, api_version, offset_s, refusal)


def _entries(body: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    entries = body.get("data")
    return (
        [entry for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []
    )


def _timestamp(date: str | None) -> float | None:
    try:
        return parsedate_to_datetime(date or "").timestamp()
    except ValueError:
        return None
