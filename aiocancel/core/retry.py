"""After a failed attempt: how a provider's answer is sorted, and when to try again."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal

from aiocancel.core.codes import AnyCode, Code

# About three days of trying: a customer's wish must outlive an outage, or a key that expired on a Friday.
MAX_ATTEMPTS = 200
FIRST_DELAY_S = 0.5
LONGEST_DELAY_S = 1800.0
# An object that is busy is free again soon, however often it was busy before.
LONGEST_LOCK_DELAY_S = 10.0
# Where Stripe advises against a repetition, none comes at once.
ADVISED_AGAINST_DELAY_S = 60.0
# A provider that asks us to wait for longer is asked again all the same.
LONGEST_RETRY_AFTER_S = 3600.0
# About an hour of looking again: during an upgrade another worker can soon read a row that this one cannot.
MOST_LOOKS_FOR_A_NEWER_RELEASE: Final = 13
# All processes together sent too many requests: no fault of the action, and no reason to give it up.
RATE_LIMITS: Final = frozenset({Code.RATE_LIMIT, Code.RATE_LIMITED, Code.RATE_BUDGET})

Throttled = Literal["account", "endpoint", "object"]
"""Whose limit a refusal speaks of."""


class Failure(StrEnum):
    """The effect that a failed call may have left behind.

    ``transient``: surely none. ``unknown``: perhaps the change. ``rejected``: none, and asking again will not
    help.
    """

    TRANSIENT = "transient"
    UNKNOWN = "unknown"
    REJECTED = "rejected"

    @property
    def code(self) -> Code:
        """The code of a failure for which the other side gave none."""
        return _WITHOUT_CODE[self]


_WITHOUT_CODE: Final = {
    Failure.TRANSIENT: Code.TRANSIENT,
    Failure.UNKNOWN: Code.UNKNOWN,
    Failure.REJECTED: Code.REJECTED,
}


def sort_answer(
    http_status: int | None, code: AnyCode | None, *, should_retry: bool | None = None
) -> Failure:
    """Sort an answer that is not a success.

    Source: https://docs.stripe.com/error-low-level and stripe-python's own retry rule.

    Args:
        http_status: The status; None means that no whole answer came.
        code: The code in the answer, None where there is none.
        should_retry: The header Stripe-Should-Retry, which wins where it speaks about a refusal; None where it is
            missing.
    """
    if http_status is None or http_status >= 500:
        return Failure.UNKNOWN
    if http_status in (409, 429) or code in (Code.LOCK_TIMEOUT, Code.RATE_LIMIT):
        return Failure.TRANSIENT
    # A wrong or expired key is the operator's to mend; the customer's wish must outlive it.
    if http_status in (401, 403):
        return Failure.TRANSIENT
    if code == Code.IDEMPOTENCY_KEY_IN_USE or should_retry is True:
        return Failure.TRANSIENT
    return Failure.REJECTED


def throttled(
    http_status: int | None, code: AnyCode | None, reason: str | None
) -> Throttled | None:
    """Say whose limit a refusal speaks of, None where it speaks of none: a lock timeout is a 429 too.

    Source: https://docs.stripe.com/rate-limits

    Args:
        http_status: The status; None means that no whole answer came.
        code: The code in the answer, None where there is none.
        reason: The header Stripe-Rate-Limited-Reason, None where it is missing.
    """
    if http_status != 429 and code != Code.RATE_LIMIT:
        return None
    if reason is None:
        return "account" if code == Code.RATE_LIMIT else None
    if reason.startswith("global"):
        return "account"
    return "endpoint" if reason.startswith("endpoint") else "object"


def read_retry_after(header: str | None, *, should_retry: bool | None = None) -> float | None:
    """Return the seconds that a Retry-After header asks for, at most an hour; a date in it is not read.

    ``should_retry`` is the Stripe-Should-Retry header: where it says no, a repetition waits for a minute at least.
    Source: RFC 9110, section 10.2.3
    """
    text = (header or "").strip()
    asked_s = min(float(text), LONGEST_RETRY_AFTER_S) if text.isascii() and text.isdigit() else None
    if should_retry is False:
        return max(asked_s or 0.0, ADVISED_AGAINST_DELAY_S)
    return asked_s


@dataclass(frozen=True, slots=True)
class RetryAfter:
    """Try again in ``delay_s`` seconds."""

    delay_s: float


@dataclass(frozen=True, slots=True)
class Park:
    """Stop trying; a human must look. ``code`` says why."""

    code: AnyCode


def delay_s(attempt: int, jitter: float) -> float:
    """Return the wait after attempt number ``attempt`` (from 1): doubling from 0.5 s, at most 1,800 s.

    ``jitter`` from 0 to 1 spreads it over the upper half, so that workers do not come back together.
    """
    full = min(LONGEST_DELAY_S, FIRST_DELAY_S * 2.0 ** (min(attempt, 32) - 1))
    return full * (0.5 + jitter / 2)


def after_failure(
    failure: Failure,
    code: AnyCode | None,
    attempt: int,
    jitter: float,
    *,
    retry_after_s: float | None = None,
    replayed: bool = False,
) -> RetryAfter | Park:
    """Say what follows a failed attempt. A limit on the requests of all processes never leads to giving up.

    Args:
        failure: What sort of failure it was.
        code: The code in the answer, None where there is none.
        attempt: The attempt's number, from 1 among those that count.
        jitter: A random number from 0 to 1.
        retry_after_s: The shortest wait, where the other side named one.
        replayed: Whether the answer was an old one, repeated: it tells nothing of now, and the next attempt has a new
            key.
    """
    if failure is Failure.REJECTED:
        return Park(code or Code.REJECTED)
    if attempt >= MAX_ATTEMPTS and not is_excused(code):
        return Park(Code.GAVE_UP_UNKNOWN if failure is Failure.UNKNOWN else Code.GAVE_UP_TRANSIENT)
    if replayed:
        return RetryAfter(0.0)

    wait_s = delay_s(attempt, jitter)
    if code == Code.LOCK_TIMEOUT or is_excused(code):
        wait_s = min(wait_s, LONGEST_LOCK_DELAY_S * (0.5 + jitter / 2))
    # All workers are told the same time: not all may come back at that moment.
    named_s = (
        0.0
        if retry_after_s is None
        else min(retry_after_s, LONGEST_RETRY_AFTER_S) * (1 + jitter / 10)
    )

    return RetryAfter(max(wait_s, named_s))


def after_unreadable(code: AnyCode, attempt: int, jitter: float) -> RetryAfter | Park:
    """Say what follows when a worker cannot read a stored action.

    Args:
        code: LEDGER_UNREADABLE where a newer release may be able to read it, anything else where none can.
        attempt: The number of the attempt, from 1, among those that count.
        jitter: From 0 to 1, as in ``delay_s``.
    """
    if code != Code.LEDGER_UNREADABLE or attempt >= MOST_LOOKS_FOR_A_NEWER_RELEASE:
        return Park(code)
    return RetryAfter(delay_s(attempt, jitter))


def is_excused(code: AnyCode | None) -> bool:
    """Tell whether an attempt that failed so does not count towards giving up."""
    return code in RATE_LIMITS
