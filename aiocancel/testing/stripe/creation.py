"""Creating what a subscription needs at the simulated Stripe: enough for a demo to set itself up over the API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiocancel.testing.stripe.form import (
    boolean,
    choice,
    fields,
    free_map,
    integer,
    many,
    no_such,
    text,
)
from aiocancel.testing.stripe.objects import JsonObject
from aiocancel.testing.stripe.state import StripeState, Write

CUSTOMER_TEXTS = ("description", "email", "name", "phone")

PRICE = {
    "currency": text(),
    "unit_amount": integer(lowest=0),
    "recurring": fields(
        interval=choice("day", "week", "month", "year"), interval_count=integer(lowest=1)
    ),
    "product_data": fields(name=text(), metadata=free_map()),
    "nickname": text(),
    "metadata": free_map(),
    "active": boolean(),
}
SUBSCRIPTION = {
    "customer": text(),
    "items": many(fields(price=text(), quantity=integer(lowest=0))),
    "collection_method": choice("charge_automatically", "send_invoice"),
    "days_until_due": integer(lowest=0),
    "trial_end": integer("now"),
    "metadata": free_map(),
}


def create_customer(
    state: StripeState, _: str, params: Mapping[str, Any], write: Write
) -> JsonObject:
    """Add a customer with the texts given."""
    given = {name: params[name] for name in CUSTOMER_TEXTS if name in params}
    customer = state.add_customer(**given, metadata=params.get("metadata") or {})
    state.note(write, customer["id"], ["customer_created"])
    return customer


def create_price(state: StripeState, _: str, params: Mapping[str, Any], write: Write) -> JsonObject:
    """Add a recurring price; its product exists by the way."""
    recurring = params.get("recurring") or {}
    price = state.add_price(
        unit_amount=params.get("unit_amount", 0),
        currency=params.get("currency", "usd"),
        interval=recurring.get("interval", "month"),
        interval_count=recurring.get("interval_count", 1),
        nickname=params.get("nickname"),
        metadata=params.get("metadata") or {},
    )
    state.note(write, price["id"], ["price_created"])
    return price


def create_subscription(
    state: StripeState, _: str, params: Mapping[str, Any], write: Write
) -> JsonObject:
    """Start a subscription now; invoices are taken as paid."""
    if (customer := params.get("customer")) not in state.customers:
        raise no_such("customer", str(customer), param="customer")
    for entry in params.get("items", ()):
        if entry.get("price") not in state.prices:
            raise no_such("price", str(entry.get("price")), param="items[0][price]")
    given = {
        name: params[name] for name in ("collection_method", "days_until_due") if name in params
    }
    subscription = state.add_subscription(
        customer=customer,
        items=params.get("items"),
        trial_end=params.get("trial_end"),
        metadata=params.get("metadata") or {},
        **given,
    )
    state.note(write, subscription["id"], ["subscription_created"])
    return subscription
