"""Payments at the simulated Stripe that the customer has to confirm, and the changes that wait for them."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from aiocancel.testing.stripe import objects
from aiocancel.testing.stripe.form import Refusal
from aiocancel.testing.stripe.objects import JsonObject

if TYPE_CHECKING:
    from aiocancel.testing.stripe.state import StripeState

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
    state: StripeState, subscription: JsonObject, wanted: JsonObject, params: Mapping[str, Any]
) -> JsonObject | None:
    """Return the subscription with the change pending, None where the payment goes through.

    Raises Refusal (402) when the caller wants it to be an error.
    """
    behavior = params.get("payment_behavior")
    if subscription["customer"] not in state.payments_need_action or behavior == "allow_incomplete":
        return None
    if behavior != "pending_if_incomplete":
        message = (
            "Your card requires authentication; the payment cannot be made without the customer."
        )
        raise Refusal(
            402, message, code="subscription_payment_intent_requires_action", type="card_error"
        )
    invoice = objects.invoice(
        state.new_id("in"),
        state.now,
        subscription=wanted,
        reason="subscription_update",
        is_paid=False,
    )
    state.invoices[invoice["id"]] = invoice
    period_end = min(item["current_period_end"] for item in subscription["items"]["data"])
    pending = {
        "billing_cycle_anchor": wanted["billing_cycle_anchor"],
        "expires_at": min(state.now + PENDING_LASTS_S, period_end),
        "subscription_items": copy.deepcopy(wanted["items"]["data"]),
        "trial_end": None,
    }
    return subscription | {"pending_update": pending, "latest_invoice": invoice["id"]}


def check_pending(params: Mapping[str, Any]) -> None:
    """Raise Refusal (400) for what does not go with a pending update."""
    extra = sorted(params.keys() - _MAY_WAIT)
    if params.get("payment_behavior") == "pending_if_incomplete" and extra:
        message = f"You cannot set `{extra[0]}` when `payment_behavior` is set to `pending_if_incomplete`."
        raise Refusal(400, message, param=extra[0])


def pay(state: StripeState, subscription: JsonObject) -> None:
    """The customer confirms the payment of the latest invoice, and what waits for it is done."""
    invoice = state.invoices[subscription["latest_invoice"]]
    if invoice["status"] != "open" or subscription["pending_update"] is None:
        raise ValueError("no change of this subscription waits for a payment")
    invoice |= {"status": "paid", "amount_paid": invoice["amount_due"], "amount_remaining": 0}
    pending = subscription["pending_update"]
    subscription["items"]["data"] = pending["subscription_items"]
    subscription |= {
        "pending_update": None,
        "billing_cycle_anchor": pending["billing_cycle_anchor"],
    }


def expire(state: StripeState, subscription: JsonObject) -> None:
    """Drop what waited too long, and void its invoice."""
    pending = subscription["pending_update"]
    if pending is not None and pending["expires_at"] <= state.now:
        state.invoices[subscription["latest_invoice"]]["status"] = "void"
        subscription["pending_update"] = None
