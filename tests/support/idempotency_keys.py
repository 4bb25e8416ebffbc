"""The text of an idempotency key as a second pair of hands writes it, to hold the ledger's against."""

from __future__ import annotations

import hashlib


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
