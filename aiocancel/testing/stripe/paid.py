"""What a payment that has come through lets happen at the simulated Stripe."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiocancel.testing.stripe import invoices, pauses, payment_methods
from aiocancel.testing.stripe.books import Books
from aiocancel.testing.stripe.form import Refusal, no_such
from aiocancel.testing.stripe.objects import JsonObject
from aiocancel.testing.stripe.writes import Write


def pay(state: Books, subscription: JsonObject) -> None:
    """The customer confirms the payment of the latest invoice, and what waits for it is done."""
    invoice = state.invoices.get(subscription["latest_invoice"] or "")
    if invoice is None or invoice["status"] != "open":
        raise ValueError("no change of this subscription waits for a payment")
    at = state.time_of(subscription)
    with state.watched(subscription):
        invoices.mark_paid(state, invoice, at)
        after_payment(state, subscription, invoice, at)


def after_payment(state: Books, subscription: JsonObject, invoice: JsonObject, at: int) -> None:
    """Do what waited for this payment."""
    if invoice["id"] != subscription["latest_invoice"]:
        return

    if subscription["id"] in state.resumptions:
        pauses.finish_resumption(state, subscription)
        return

    if (pending := subscription["pending_update"]) is not None:
        subscription["items"]["data"] = pending["subscription_items"]
        subscription |= {
            "pending_update": None,
            "billing_cycle_anchor": pending["billing_cycle_anchor"],
        }

    if subscription["status"] in {"incomplete", "past_due", "unpaid"}:
        subscription["status"] = "active"


def pay_invoice(
    state: Books, invoice_id: str, params: Mapping[str, Any], write: Write
) -> JsonObject:
    """POST /v1/invoices/{id}/pay."""
    if (invoice := state.invoices.get(invoice_id)) is None:
        raise no_such("invoice", invoice_id, status=404)
    subscription_id = invoice["parent"]["subscription_details"]["subscription"]
    subscription = state.find_subscription(subscription_id)
    if invoice["status"] == "paid":
        raise Refusal(400, "Invoice is already paid", code="invoice_already_paid")
    if invoice["status"] != "open":
        message = f"You can only pay open invoices; this one is {invoice['status']}."
        raise Refusal(400, message, code="invoice_not_editable")

    at = state.time_of(subscription)
    with state.watched(subscription):
        answer = _collect(state, subscription, invoice, at, params)
    state.note(write, subscription_id, ["invoice_paid" if answer == "paid" else "payment_failed"])
    if answer != "paid":
        raise payment_methods.refusal_of(answer, of="invoice")
    return invoice


def _collect(
    state: Books,
    subscription: JsonObject,
    invoice: JsonObject,
    at: int,
    params: Mapping[str, Any],
) -> payment_methods.Answer:
    if params.get("paid_out_of_band", False):
        invoices.mark_paid(state, invoice, at)
        after_payment(state, subscription, invoice, at)
        return "paid"

    method = params.get("payment_method")
    resumption = state.resumptions.get(subscription["id"])
    if resumption is not None and resumption.invoice_id == invoice["id"]:
        return pauses.try_resumption(state, subscription, at, payment_method=method)

    answer = invoices.collect(state, subscription, invoice, at, payment_method=method)
    if answer == "paid":
        after_payment(state, subscription, invoice, at)

    return answer
