"""Idempotency keys: which wish one names, and how long it can carry out its call. Pure.

A key names one wish, so that every application that carries it out sends the same key: a second one on the same
accounts, or one whose database was set back. It is made of what identifies the wish, the action's place in it, and a
generation. The next generation begins when a key is spent. ``aiocancel.wish_key`` in SQL makes the ledger's text. Then
postgres/stripe_writes.py adds the generation, and billing/client.py the ending for each request of a change. The coupon
of a preview has a key of its own there, which names the coupon and no wish.
"""

from __future__ import annotations

import re
from typing import Final

# Stripe forgets an idempotency key after 24 hours at the earliest. https://docs.stripe.com/api/idempotent_requests
STRIPE_KEEPS_KEYS_S: Final = 24 * 3600.0
# Past this age a key counts as spent: an attempt that begins just before it must end while Stripe has the key.
KEY_LIFETIME_S: Final = 20 * 3600.0

_OF_A_WISH: Final = re.compile(r"(aiocancel-[0-9a-f]{40}-[0-9]+)-[0-9]+", re.ASCII)


def wish_of(key: str) -> str | None:
    """Return the key without its generation, None for a key that names no wish: the release before made others."""
    found = _OF_A_WISH.fullmatch(key)
    return None if found is None else found[1]


def key_is_spent(age_s: float, *, replayed_failure: bool) -> bool:
    """Tell whether an idempotency key can no longer carry out its call.

    It is spent when Stripe may have pruned it (the call could then run twice) or when Stripe keeps
    answering with the stored failure of the first try. Either way the caller has read the subscription
    first and found the change missing.
    """
    return replayed_failure or age_s >= KEY_LIFETIME_S
