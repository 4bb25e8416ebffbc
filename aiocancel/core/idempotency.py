"""Idempotency keys: their text, and how long one can carry out its call. Pure.

A key names one write: the claim, the action's place in it, and a generation. The next generation begins when a
key is spent. SQL makes the same text by a function of its own.
"""

from __future__ import annotations

from typing import Final

# Stripe forgets an idempotency key after 24 hours at the earliest; past this age a key counts as spent.
# https://docs.stripe.com/api/idempotent_requests
KEY_LIFETIME_S: Final = 20 * 3600.0


def key_text(claim_public_id: str, ordinal: int, generation: int = 1) -> str:
    """Return the key under which an action's write goes out.

    Args:
        claim_public_id: The UUID of the claim that asked for the action.
        ordinal: The action's place among those of its claim, from 0.
        generation: Which key of the action it is, from 1.
    """
    return f"aiocancel-{claim_public_id}-{ordinal}-{generation}"


def key_is_spent(age_s: float, *, replayed_failure: bool) -> bool:
    """Tell whether an idempotency key can no longer carry out its call.

    It is spent when Stripe may have pruned it (the call could then run twice) or when Stripe keeps
    answering with the stored failure of the first try. Either way the caller has read the subscription
    first and found the change missing.
    """
    return replayed_failure or age_s >= KEY_LIFETIME_S
