"""Invoices at the simulated Stripe: their lines, their totals, and how they are paid.

Amounts are minor units. Prorations go by the second. Two simplifications: usage of metered prices is never
billed, and there are no taxes. Unverified: that a proration is net of percentage discounts and of no others.
Sources: https://docs.stripe.com/api/invoices/object, https://docs.stripe.com/billing/subscriptions/prorations
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

from aiocancel.testing.json_copy import copy_of
from aiocancel.testing.stripe import discounts, payment_methods
from aiocancel.testing.stripe.books import Books
from aiocancel.testing.stripe.objects import JsonObject


def line(
    state: Books,
    subscription: JsonObject,
    item: JsonObject,
    amount: int,
    period: tuple[int, int],
    *,
    is_proration: bool = False,
) -> JsonObject:
    """Build one line; a proration is never discounted again."""
    start, end = period
    price = item["price"]

    return {
        "id": state.new_id("il"),
        "object": "line_item",
        "amount": amount,
        "currency": subscription["currency"],
        "description": f"{item['quantity'] or 0} × {price['id']}",
        "discount_amounts": [],
        "discountable": not is_proration,
        "discounts": [],
        "invoice": None,
        "livemode": False,
        "metadata": {},
        "parent": {
            "invoice_item_details": None,
            "subscription_item_details": {
                "invoice_item": None,
                "proration": is_proration,
                "proration_details": {"credited_items": None},
                "subscription": subscription["id"],
                "subscription_item": item["id"],
            },
            "type": "subscription_item_details",
        },
        "period": {"start": start, "end": end},
        "pretax_credit_amounts": [],
        "pricing": {
            "price_details": {"price": price["id"], "product": price["product"]},
            "type": "price_details",
            "unit_amount_decimal": price["unit_amount_decimal"],
        },
        "quantity": item["quantity"],
        "subscription": subscription["id"],
        "subtotal": amount,
        "taxes": [],
    }


def period_lines(
    state: Books, subscription: JsonObject, items: Iterable[JsonObject]
) -> list[JsonObject]:
    """Build the lines of the running periods of these items; a trial costs nothing."""
    built = []
    for item in items:
        start, end = item["current_period_start"], item["current_period_end"]
        is_prebilled = (item["billed_until"] or 0) >= end
        is_free = subscription["status"] == "trialing" or is_prebilled
        amount = 0 if is_free else _amount(item)
        built.append(line(state, subscription, item, amount, (start, end)))
    return built


def unused_time(
    state: Books, subscription: JsonObject, items: Iterable[JsonObject], since: int
) -> list[JsonObject]:
    """Build the credits for time that is paid for and lies after ``since``."""
    if subscription["status"] == "trialing":
        return []
    return [
        _proration(state, subscription, item, -_amount(item), since)
        for item in items
        if since < item["current_period_end"]
    ]


def remaining_time(
    state: Books, subscription: JsonObject, items: Iterable[JsonObject], since: int
) -> list[JsonObject]:
    """Build the charges for the rest of the running period."""
    if subscription["status"] == "trialing":
        return []
    return [
        _proration(state, subscription, item, _amount(item), since)
        for item in items
        if since < item["current_period_end"]
    ]


def _proration(
    state: Books, subscription: JsonObject, item: JsonObject, amount: int, since: int
) -> JsonObject:
    start, end = item["current_period_start"], item["current_period_end"]
    since = max(since, start)
    share = Decimal(amount * (end - since)) / (end - start)
    for discount in discounts.in_force(state, subscription, since):
        percent = state.coupon_of(discount)["percent_off"]
        if percent is not None:
            share *= 1 - Decimal(str(percent)) / 100
    whole = discounts.rounded(share)
    return line(state, subscription, item, whole, (since, end), is_proration=True)


def _amount(item: JsonObject) -> int:
    if item["price"]["recurring"]["usage_type"] == "metered":
        return 0
    return int(item["price"]["unit_amount"]) * int(item["quantity"] or 0)


def build(
    state: Books,
    subscription: JsonObject,
    lines: Sequence[JsonObject],
    *,
    reason: str,
    at: int,
    running: Sequence[JsonObject] | None = None,
    object_id: str | None = None,
) -> JsonObject:
    """Add up an invoice of these lines, still a draft, and change nothing.

    Args:
        state: The simulated account.
        subscription: The subscription that is billed.
        lines: The lines.
        reason: Stripe's word for why there is an invoice.
        at: The time.
        running: The discounts to take off; None for those in force at that moment.
        object_id: The invoice's id; None makes one.
    """
    customer = state.customers[subscription["customer"]]
    if running is None:
        running = discounts.in_force(state, subscription, at)
    subtotal = sum(entry["amount"] for entry in lines)
    discountable = sum(entry["amount"] for entry in lines if entry["discountable"])
    off = discounts.amounts_off(state, running, discountable, subscription["currency"])

    total = subtotal - sum(amount for _, amount in off)
    balance = customer["balance"]
    due = max(total + balance, 0)
    invoice_id = object_id or state.new_id("in")
    for entry in lines:
        entry["invoice"] = invoice_id
    return _invoice(invoice_id, at) | {
        "amount_due": due,
        "amount_remaining": due,
        "billing_reason": reason,
        "collection_method": subscription["collection_method"],
        "currency": subscription["currency"],
        "customer": subscription["customer"],
        "customer_email": customer["email"],
        "customer_name": customer["name"],
        "default_payment_method": subscription["default_payment_method"],
        "discounts": [discount_id for discount_id, _ in off],
        "ending_balance": min(total + balance, 0),
        "lines": {
            "object": "list",
            "data": list(lines),
            "has_more": False,
            "total_count": len(lines),
            "url": f"/v1/invoices/{invoice_id}/lines",
        },
        "parent": {
            "quote_details": None,
            "subscription_details": {
                "metadata": dict(subscription["metadata"]),
                "subscription": subscription["id"],
                "subscription_proration_date": None,
            },
            "type": "subscription_details",
        },
        "period_end": max((entry["period"]["end"] for entry in lines), default=at),
        "period_start": min((entry["period"]["start"] for entry in lines), default=at),
        "starting_balance": balance,
        "subtotal": subtotal,
        "subtotal_excluding_tax": subtotal,
        "test_clock": subscription["test_clock"],
        "total": total,
        "total_discount_amounts": [
            {"amount": amount, "discount": discount_id} for discount_id, amount in off
        ],
        "total_excluding_tax": total,
    }


def _invoice(object_id: str, created: int) -> JsonObject:
    return {
        "id": object_id,
        "object": "invoice",
        "account_country": "US",
        "account_name": "Simulator",
        "account_tax_ids": None,
        "amount_overpaid": 0,
        "amount_paid": 0,
        "amount_paid_off_stripe": 0,
        "amount_shipping": 0,
        "application": None,
        "attempt_count": 0,
        "attempted": False,
        "auto_advance": True,
        "automatic_tax": {
            "disabled_reason": None,
            "enabled": False,
            "liability": None,
            "provider": None,
            "status": None,
        },
        "automatically_finalizes_at": None,
        "created": created,
        "custom_fields": None,
        "customer_account": None,
        "customer_address": None,
        "customer_phone": None,
        "customer_shipping": None,
        "customer_tax_exempt": "none",
        "customer_tax_ids": [],
        "default_source": None,
        "default_tax_rates": [],
        "description": None,
        "due_date": None,
        "effective_at": None,
        "footer": None,
        "from_invoice": None,
        "hosted_invoice_url": None,
        "invoice_pdf": None,
        "issuer": {"type": "self"},
        "last_finalization_error": None,
        "latest_revision": None,
        "livemode": False,
        "metadata": {},
        "next_payment_attempt": None,
        "number": None,
        "on_behalf_of": None,
        "payment_settings": {
            "default_mandate": None,
            "payment_method_options": None,
            "payment_method_types": None,
        },
        "post_payment_credit_notes_amount": 0,
        "pre_payment_credit_notes_amount": 0,
        "receipt_number": None,
        "rendering": None,
        "shipping_cost": None,
        "shipping_details": None,
        "statement_descriptor": None,
        "status": "draft",
        "status_details": None,
        "status_transitions": {
            "finalized_at": None,
            "marked_uncollectible_at": None,
            "paid_at": None,
            "voided_at": None,
        },
        "threshold_reason": None,
        "total_pretax_credit_amounts": [],
        "total_taxes": [],
        "webhooks_delivered_at": created,
    }


def bill(
    state: Books,
    subscription: JsonObject,
    lines: Sequence[JsonObject],
    *,
    reason: str,
    at: int,
    is_kept_as_draft: bool = False,
) -> JsonObject:
    """Make an invoice of these lines and of what was pending, finalize it, and return it, unpaid.

    It is the latest invoice of the subscription from now on. Nothing to pay means paid.
    """
    lines = [*state.pending_lines.pop(subscription["id"], ()), *lines]
    running = discounts.in_force(state, subscription, at)
    invoice = build(state, subscription, lines, reason=reason, at=at)
    state.invoices[invoice["id"]] = invoice
    subscription["latest_invoice"] = invoice["id"]
    state.tell("invoice.created", invoice, at=at)
    if is_kept_as_draft:
        invoice["auto_advance"] = False
        return invoice

    _finalize(state, invoice, at)
    discounts.use_up(state, subscription, running)
    if invoice["amount_due"] == 0:
        mark_paid(state, invoice, at)
    return invoice


def _finalize(state: Books, invoice: JsonObject, at: int) -> None:
    customer = state.customers[invoice["customer"]]
    number = customer["next_invoice_sequence"]
    customer["next_invoice_sequence"] += 1
    customer["balance"] = invoice["ending_balance"]
    invoice |= {
        "status": "open",
        "effective_at": at,
        "hosted_invoice_url": f"https://invoice.stripe.com/i/{state.account_id}/{invoice['id']}",
        "number": f"{customer['invoice_prefix']}-{number:04d}",
    }

    invoice["status_transitions"]["finalized_at"] = at
    state.tell("invoice.finalized", invoice, at=at)


def mark_paid(state: Books, invoice: JsonObject, at: int) -> None:
    """Note that an invoice is paid."""
    invoice |= {
        "status": "paid",
        "amount_paid": invoice["amount_due"],
        "amount_remaining": 0,
        "attempted": True,
        "auto_advance": False,
        "next_payment_attempt": None,
    }
    invoice["status_transitions"]["paid_at"] = at
    state.tell("invoice.paid", invoice, at=at)
    state.tell("invoice.payment_succeeded", invoice, at=at)


def close(state: Books, invoice: JsonObject, status: str, at: int) -> None:
    """Void an open invoice, or mark it uncollectible."""
    invoice |= {"status": status, "auto_advance": False, "next_payment_attempt": None}
    when = "voided_at" if status == "void" else "marked_uncollectible_at"
    invoice["status_transitions"][when] = at
    kind = "voided" if status == "void" else "marked_uncollectible"
    state.tell(f"invoice.{kind}", invoice, at=at)


def collect(
    state: Books,
    subscription: JsonObject,
    invoice: JsonObject,
    at: int,
    *,
    payment_method: str | None = None,
) -> payment_methods.Answer:
    """Try to take the money of an open invoice, and tell how the payment method answered."""
    if invoice["status"] != "open":
        return "paid"
    answer = payment_methods.answer_of(state, subscription, payment_method)
    invoice |= {"attempted": True, "attempt_count": invoice["attempt_count"] + 1}
    if answer == "paid":
        mark_paid(state, invoice, at)
        return answer
    state.tell("invoice.payment_failed", invoice, at=at)
    if answer == "needs_action":
        state.tell("invoice.payment_action_required", invoice, at=at)
    return answer


def add_pending(state: Books, subscription: JsonObject, lines: Iterable[JsonObject]) -> None:
    """Keep lines for the next invoice of the subscription."""
    state.pending_lines.setdefault(subscription["id"], []).extend(lines)


def copy_pending(state: Books, subscription: JsonObject) -> list[Any]:
    """Return copies of the lines that wait for the next invoice."""
    return copy_of(state.pending_lines.get(subscription["id"], []))
