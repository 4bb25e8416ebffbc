"""A key's text never changes: a key that is on its way to Stripe outlives the release that made it."""

from __future__ import annotations

from aiocancel.core.idempotency import key_text

CLAIM = "12345678-1234-5678-1234-567812345678"


def test_a_key_names_the_claim_the_place_of_the_action_and_the_generation() -> None:
    assert key_text(CLAIM, 0) == "aiocancel-12345678-1234-5678-1234-567812345678-0-1"
    assert key_text(CLAIM, 1, 3) == "aiocancel-12345678-1234-5678-1234-567812345678-1-3"
