"""What may go wrong between an application and Stripe, to be put in the way of chosen requests."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from aiocancel.testing.stripe.form import Refusal

FaultKind = Literal[
    "rate_limit_429",  # no effect, the SDK does not retry it
    "lock_timeout_429",  # no effect, the SDK retries it
    "conflict_409",  # no effect: another request with the same key is under way
    "error_500_before",  # no effect, nothing stored: the same key works later
    "error_500_before_stored",  # no effect, and the key answers 500 for ever
    "error_500_after",  # the effect is done, and the key answers 500 for ever
    "card_declined_402",  # no effect, stored under the key
    "delay",  # slow: waits before the effect, holding the key
    "drop_before",  # no effect, the connection closes
    "drop_after",  # the effect is done, the connection closes
    "truncate_after",  # the effect is done, half of the answer arrives
    "bad_gateway_502",  # no effect, an answer that is not JSON
    "key_pruned",  # all remembered keys are forgotten first
]

# Stripe answers these before it looks at the key: nothing is stored.
AT_THE_EDGE: frozenset[FaultKind] = frozenset(
    (
        "rate_limit_429",
        "lock_timeout_429",
        "conflict_409",
        "error_500_before",
        "drop_before",
        "bad_gateway_502",
    )
)
# These let the request go on, so another fault may follow them in the same request.
MODIFIERS: frozenset[FaultKind] = frozenset(("delay", "key_pruned"))

_LOCKED = (
    "This object cannot be accessed right now because another API request or Stripe process is currently "
    "accessing it. If you see this error intermittently, retry the request. If you see this error frequently "
    "and are making multiple concurrent requests to a single object, make your requests serially or at a lower rate."
)


@dataclass
class Fault:
    """One fault for the next requests that match; ``StripeSimulator.inject`` puts it in their way.

    Args:
        kind: ``"delay"`` is slow. ``"drop_before"`` and ``"drop_after"`` cut the connection, ``"error_500_before"`` and
            ``"error_500_after"`` answer 500, before and after the change was made. ``"truncate_after"`` sends half
            of an answer, ``"bad_gateway_502"`` a proxy's page. ``"error_500_before_stored"`` and
            ``"card_declined_402"`` change nothing and are repeated for the same idempotency key. ``"rate_limit_429"``,
            ``"lock_timeout_429"`` and ``"conflict_409"`` are Stripe's refusals for the moment. ``"key_pruned"`` lets
            Stripe forget its idempotency keys first.
        method: ``"GET"``, ``"POST"`` or ``"DELETE"``; None matches each.
        path_contains: A part of the path, such as ``"/v1/subscriptions/sub_1"``; empty matches each.
        times: How many requests it spoils.
        skip: How many requests that match pass before it.
        seconds: How long ``"delay"`` waits, in seconds.
        reason: The header ``Stripe-Rate-Limited-Reason`` of ``"rate_limit_429"``.
    """

    kind: FaultKind
    method: str | None = None
    path_contains: str = ""
    times: int = 1
    skip: int = 0
    seconds: float = 0.0
    reason: str = "endpoint-rate"

    def matches(self, method: str, path: str) -> bool:
        """Whether the request is one of those this fault is for."""
        return self.method in {None, method} and self.path_contains in path


def take_faults(pending: list[Fault], method: str, path: str) -> list[Fault]:
    """The faults that meet this request, used up by it: modifiers first, then at most one other."""
    taken: list[Fault] = []
    for fault in list(pending):
        if not fault.matches(method, path):
            continue
        if fault.skip > 0:
            fault.skip -= 1
            continue
        if fault.kind not in MODIFIERS and any(other.kind not in MODIFIERS for other in taken):
            continue
        taken.append(fault)
        fault.times -= 1
        if fault.times <= 0:
            pending.remove(fault)

    return sorted(taken, key=lambda fault: fault.kind not in MODIFIERS)


def refusal_of(fault: Fault, *, idempotency_key: str | None) -> Refusal:
    """The answer that a fault gives, for those that answer with Stripe's error shape."""
    match fault.kind:
        case "rate_limit_429":
            message = "Request rate limit exceeded. Learn more about rate limits here https://stripe.com/docs/rate-limits."
            return Refusal(
                429,
                message,
                code="rate_limit",
                headers={"Stripe-Rate-Limited-Reason": fault.reason},
            )

        case "lock_timeout_429":
            return Refusal(
                429, _LOCKED, code="lock_timeout", headers={"Stripe-Should-Retry": "true"}
            )

        case "conflict_409":
            return key_in_use(idempotency_key)

        case "card_declined_402":
            return Refusal(402, "Your card was declined.", code="card_declined", type="card_error")

        case _:
            # A stored 500 comes back for every repetition, so Stripe tells its clients not to retry.
            retry = {} if fault.kind == "error_500_before" else {"Stripe-Should-Retry": "false"}
            message = "An error occurred on Stripe's side. Contact support if it continues."
            return Refusal(500, message, type="api_error", headers=retry)


def key_in_use(idempotency_key: str | None) -> Refusal:
    """The 409 for a key that another request still holds."""
    message = (
        "There is currently another in-progress request using this Idempotent Key (that probably means you submitted "
        f"twice, and the other request is still going through): {idempotency_key or '(none)'}. "
        "Please try again later."
    )
    return Refusal(409, message, code="idempotency_key_in_use", type="idempotency_error")


def mask_key(key: str) -> str:
    """A key as Stripe repeats it in errors: its kind and its last four characters."""
    match = re.match(r"[a-z]{2}_(?:test|live)_", key)
    prefix = match[0] if match else ""
    secret = key[len(prefix) :]
    # A short one would be given away by its last four characters.
    shown = secret[-4:] if len(secret) >= 16 else ""
    return f"{prefix}{'*' * (len(secret) - len(shown))}{shown}"
