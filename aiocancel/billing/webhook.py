"""Stripe's webhook: its signature is checked with the SDK, and its time on both sides.

Importing this module does not import stripe, which takes a while: the first post does, in a thread.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from aiocancel.billing.settings import StripeBilling
from aiocancel.core.codes import Code
from aiocancel.core.stripe_news import StripeEvent, read_event
from aiocancel.errors import MalformedClaimError

# The SDK's own tolerance, which it applies to the past alone. https://docs.stripe.com/webhooks
TOLERANCE_S: Final = 300


class StripeWebhook:
    """Reads what is posted to ``/cancel/stripe``, for one account and one mode."""

    def __init__(self, billing: StripeBilling, *, now: Callable[[], float] = time.time) -> None:
        self._billing = billing
        self._now = now

    async def open(self, body: bytes, signature: str) -> StripeEvent:
        """Return the event; raises MalformedClaimError where Stripe did not sign it, or not now."""
        await asyncio.to_thread(_warm_up)
        event = open_event(body, signature, self._billing.webhook_secrets, now=self._now())

        ours = self._billing.stripe_account
        if ours is not None and event.account == ours.rpartition("/")[2]:
            return replace(event, account=ours)
        return event

    def why_not_ours(self, event: StripeEvent) -> Code | None:
        """Say why nothing is to be done about an event that Stripe did sign; None for one of ours."""
        if event.livemode != (self._billing.mode == "live"):
            return Code.EVENT_OF_ANOTHER_MODE
        if self._billing.account_column is not None:
            # Which accounts are ours, the rows say: the statement of a hook picks them. An event without an account
            # is of the key's own, which no row can name beside stripe_account.
            is_of_the_key = event.account is None and self._billing.stripe_account is not None
            return Code.EVENT_OF_ANOTHER_ACCOUNT if is_of_the_key else None
        if event.account != self._billing.stripe_account:
            return Code.EVENT_OF_ANOTHER_ACCOUNT
        return None


def _warm_up() -> None:
    import stripe  # noqa: F401 - for its weight


def open_event(body: bytes, signature: str, secrets: Sequence[str], *, now: float) -> StripeEvent:
    """Check the signature of a webhook's body and read the event in it.

    Args:
        body: As it came, byte for byte.
        signature: The header Stripe-Signature.
        secrets: The endpoint's signing secrets: while one is changed, both.
        now: Seconds since the epoch.

    Raises:
        MalformedClaimError: Says what is wrong; nothing of the body is repeated.
    """
    text = _signed_text(body, signature, secrets)
    at = _signed_at(signature)
    if at < now - TOLERANCE_S:
        raise MalformedClaimError(
            f"The event was signed more than {TOLERANCE_S} seconds ago.", code=Code.EVENT_IS_OLD
        )
    if at > now + TOLERANCE_S:
        raise MalformedClaimError(
            f"The event was signed more than {TOLERANCE_S} seconds in the future.",
            code=Code.EVENT_IS_FROM_THE_FUTURE,
        )

    try:
        event = read_event(json.loads(text))
    except (ValueError, RecursionError):
        event = None
    if event is None:
        raise MalformedClaimError("The body is no event of Stripe's API v1.")
    return event


def _signed_text(body: bytes, signature: str, secrets: Sequence[str]) -> str:
    import stripe

    wrong = MalformedClaimError(
        "The signature was made with none of the secrets.", code=Code.SIGNATURE_IS_WRONG
    )
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        raise wrong from None

    for secret in secrets:
        try:
            if stripe.WebhookSignature.verify_header(text, signature, secret, tolerance=None):
                return text
        except stripe.SignatureVerificationError:
            continue
        except (ValueError, IndexError, TypeError, UnicodeError):
            # A header that the SDK stumbles over.
            break
    raise wrong


def _signed_at(signature: str) -> int:
    """Return the time of a signature that was found right, read as the SDK reads it."""
    pairs = [part.split("=", 2) for part in signature.split(",")]
    return int(next(pair[1] for pair in pairs if pair[0] == "t"))
