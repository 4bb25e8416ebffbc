"""Idempotency keys: their text, and how long one can carry out its call. Pure.

A key names one wish, so that whoever carries it out sends the same key: another application on the same accounts, or
a database that was set back. It is made of what identifies the wish, the action's place in it, and a generation. The
next generation begins when a key is spent. SQL makes the same text by functions of its own.
"""

from __future__ import annotations

import hashlib
import re
from typing import Final

# Stripe forgets an idempotency key after 24 hours at the earliest; past this age a key counts as spent.
# https://docs.stripe.com/api/idempotent_requests
KEY_LIFETIME_S: Final = 20 * 3600.0

_OF_A_WISH: Final = re.compile(r"(aiocancel-[0-9a-f]{40}-[0-9]+)-[0-9]+", re.ASCII)


def key_text(
    vendor: str,
    mode: str,
    subscription_id: str,
    flow_session_id: str | None,
    grant_nonce: str,
    kind: str,
    ordinal: int,
) -> str:
    """Return the first key under which an action's write goes out.

    Args:
        vendor: The flow vendor's name.
        mode: ``live`` or ``test``.
        subscription_id: Stripe's id.
        flow_session_id: The vendor's id of the flow session; None where the customer went past the vendor.
        grant_nonce: What identifies the wish then: each page that is opened has another one, so that to cancel, to
            resume and to cancel again are three wishes.
        kind: The action's kind.
        ordinal: The action's place among those of its claim, from 0.
    """
    source = "grant" if flow_session_id is None else "flow_session"
    wish = grant_nonce if flow_session_id is None else flow_session_id
    # With its length before it, no part can reach into the next.
    text = "".join(
        f"{len(part)}:{part}" for part in (vendor, mode, subscription_id, source, wish, kind)
    )
    return f"aiocancel-{hashlib.sha256(text.encode()).hexdigest()[:40]}-{ordinal}-1"


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
