"""Changes at the simulated Stripe that wait for a payment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiocancel.testing.json_copy import copy_of
from aiocancel.testing.stripe import invoices, payment_methods
from aiocancel.testing.stripe.books import Books
from aiocancel.testing.stripe.form import Refusal
from aiocancel.testing.stripe.objects import JsonObject

PENDING_LASTS_S = 23 * 3600
# https://docs.stripe.com/billing/subscriptions/pending-updates-reference: nothing else goes with a pending update
_MAY_WAIT = {
    "items",
    "expand",
    "payment_behavior",
    "proration_behavior",
    "proration_date",
    "trial_end",
    "metadata",
}


def unpaid(
    state: Books,
    subscription: JsonObject,
    wanted: JsonObject,
    params: Mapping[str, Any],
    lines: list[JsonObject],
) -> JsonObject | None:
    """Return the subscription with the change pending, None where the change is made all the same.

    Raises Refusal (402) when the caller wants it to be an error.
    """
    behavior = params.get("payment_behavior", "allow_incomplete")
    if subscription["collection_method"] != "charge_automatically":
        return None
    answer = payment_methods.answer_of(state, wanted)
    if answer == "paid" or behavior in {"allow_incomplete", "default_incomplete"}:
        return None
    planned = invoices.build(
        state, wanted, lines, reason="subscription_update", at=state.time_of(subscription)
    )
    if planned["amount_due"] == 0:
        return None
    if behavior != "pending_if_incomplete":
        raise payment_methods.refusal_of(answer, of="subscription")

    now = state.time_of(subscription)
    invoice = invoices.bill(state, wanted, lines, reason="subscription_update", at=now)
    period_end = min(item["current_period_end"] for item in subscription["items"]["data"])
    pending = pending_update(
        expires_at=min(now + PENDING_LASTS_S, period_end),
        billing_cycle_anchor=wanted["billing_cycle_anchor"],
        subscription_items=copy_of(wanted["items"]["data"]),
    )
    return subscription | {"pending_update": pending, "latest_invoice": invoice["id"]}


def pending_update(
    *,
    expires_at: int,
    billing_cycle_anchor: int | None,
    subscription_items: list[JsonObject] | None,
) -> JsonObject:
    """A change that waits for its payment."""
    return {
        "billing_cycle_anchor": billing_cycle_anchor,
        "cancel_at_period_end": None,
        "discount": None,
        "discounts": None,
        "expires_at": expires_at,
        "metadata": None,
        "subscription_items": subscription_items,
        "trial_end": None,
        "trial_from_plan": None,
    }


def check_pending(params: Mapping[str, Any]) -> None:
    """Raise Refusal (400) for what does not go with a pending update."""
    extra = sorted(params.keys() - _MAY_WAIT)
    if params.get("payment_behavior") == "pending_if_incomplete" and extra:
        message = f"You cannot set `{extra[0]}` when `payment_behavior` is set to `pending_if_incomplete`."
        raise Refusal(400, message, param=extra[0])


def expire(state: Books, subscription: JsonObject, at: int) -> None:
    """Drop a change that waited too long, and void its invoice."""
    invoice = state.invoices[subscription["latest_invoice"]]
    subscription["pending_update"] = None
    if invoice["status"] == "open":
        invoices.close(state, invoice, "void", at)
