"""What to do after a failed attempt: how a provider's answer is sorted, and when to try again."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

# About three days of trying: a customer's wish must outlive an outage, or a key that expired on a Friday.
MAX_ATTEMPTS = 200
FIRST_DELAY_S = 0.5
LONGEST_DELAY_S = 1800.0
# Stripe forgets an idempotency key after 24 hours at the earliest; past this age a key counts as spent.
# https://docs.stripe.com/api/idempotent_requests
KEY_LIFETIME_S = 20 * 3600.0


class Failure(StrEnum):
    """What a failed call leaves behind.

    ``transient``: surely nothing. ``unknown``: perhaps the change. ``rejected``: nothing, and asking again
    will not help.
    """

    TRANSIENT = "transient"
    UNKNOWN = "unknown"
    REJECTED = "rejected"


def sort_answer(http_status: int | None, code: str | None, *, should_retry: bool | None = None) -> Failure:
    """Sort an answer that is not a success.

    ``http_status`` None means that no whole answer came. ``should_retry`` is the Stripe-Should-Retry
    header, which wins where it speaks about a refusal.
    Source: https://docs.stripe.com/error-low-level and stripe-python's own retry rule.
    """
    if http_status is None or http_status >= 500:
        return Failure.UNKNOWN
    if http_status in (409, 429) or code in ("lock_timeout", "rate_limit"):
        return Failure.TRANSIENT
    # A wrong or expired key is the operator's to mend; the customer's wish must outlive it.
    if http_status in (401, 403):
        return Failure.TRANSIENT
    if code == "idempotency_key_in_use" or should_retry is True:
        return Failure.TRANSIENT
    return Failure.REJECTED


@dataclass(frozen=True, slots=True)
class RetryAfter:
    """Try again in ``delay_s`` seconds."""

    delay_s: float


@dataclass(frozen=True, slots=True)
class Park:
    """Stop trying; a human must look. ``code`` says why."""

    code: str


def delay_s(attempt: int, jitter: float) -> float:
    """Return the wait after attempt number ``attempt`` (from 1): doubling from 0.5 s, at most 1,800 s.

    ``jitter`` from 0 to 1 spreads it over the upper half, so that workers do not come back together.
    """
    full = min(LONGEST_DELAY_S, FIRST_DELAY_S * 2.0 ** (min(attempt, 32) - 1))
    return full * (0.5 + jitter / 2)


def after_failure(failure: Failure, code: str | None, attempt: int, jitter: float) -> RetryAfter | Park:
    """Say what follows a failed attempt, numbered from 1."""
    if failure is Failure.REJECTED:
        return Park(code or "rejected")
    if attempt >= MAX_ATTEMPTS:
        return Park(f"gave_up_{failure}")
    return RetryAfter(delay_s(attempt, jitter))


def key_is_spent(age_s: float, *, replayed_failure: bool) -> bool:
    """Tell whether an idempotency key can no longer carry out its call.

    It is spent when Stripe may have pruned it (the call could then run twice) or when Stripe keeps
    answering with the stored failure of the first try. Either way the caller has read the subscription
    first and found the change missing.
    """
    return replayed_failure or age_s >= KEY_LIFETIME_S
