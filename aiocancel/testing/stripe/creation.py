"""Creating what a subscription needs at the simulated Stripe, as far as a demo or a contract test sets itself up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiocancel.testing.stripe import discounts, invoices, payment_methods
from aiocancel.testing.stripe.form import (
    Refusal,
    boolean,
    choice,
    fields,
    free_map,
    integer,
    many,
    no_such,
    text,
)
from aiocancel.testing.stripe.objects import JsonObject, shifted
from aiocancel.testing.stripe.state import StripeState
from aiocancel.testing.stripe.writes import Write

CUSTOMER_TEXTS = ("description", "email", "name", "phone")
# The last version whose customers took a coupon; newer ones have no parameter for it.
_COUPONS_GO_TO_CUSTOMERS_BEFORE = "2025-03-31"

CUSTOMER = dict.fromkeys(CUSTOMER_TEXTS, text(clearable=True)) | {
    "metadata": free_map(),
    "balance": integer(),
    "coupon": text(),
    "invoice_settings": fields(default_payment_method=text(clearable=True)),
}
NEW_CUSTOMER = CUSTOMER | {"payment_method": text(), "test_clock": text()}
PRICE = {
    "currency": text(),
    "unit_amount": integer(lowest=0),
    "recurring": fields(
        interval=choice("day", "week", "month", "year"),
        interval_count=integer(lowest=1),
        usage_type=choice("licensed", "metered"),
        meter=text(),
    ),
    "product": text(),
    "product_data": fields(name=text(), metadata=free_map()),
    "nickname": text(),
    "metadata": free_map(),
    "active": boolean(),
}
METER = {
    "display_name": text(required=True),
    "event_name": text(required=True),
    "default_aggregation": fields(formula=choice("count", "last", "sum", required=True)),
}
SUBSCRIPTION = {
    "customer": text(required=True),
    "items": many(fields(price=text(), quantity=integer(lowest=0))),
    "billing_mode": fields(type=choice("classic", "flexible", required=True)),
    "cancel_at_period_end": boolean(),
    "collection_method": choice("charge_automatically", "send_invoice"),
    "days_until_due": integer(lowest=0),
    "default_payment_method": text(),
    "discounts": many(
        fields(coupon=text(), discount=text(), promotion_code=text()), clearable=True
    ),
    "payment_behavior": choice(
        "allow_incomplete", "default_incomplete", "error_if_incomplete", "pending_if_incomplete"
    ),
    "trial_end": integer("now"),
    "trial_period_days": integer(lowest=1),
    "trial_settings": fields(
        end_behavior=fields(
            missing_payment_method=choice("cancel", "create_invoice", "pause", required=True)
        )
    ),
    "metadata": free_map(),
}
PROMOTION_CODE = {
    "promotion": fields(type=choice("coupon", required=True), coupon=text(required=True)),
    "code": text(),
    "customer": text(),
    "active": boolean(),
    "expires_at": integer(),
    "max_redemptions": integer(lowest=1),
    "metadata": free_map(),
    "restrictions": fields(first_time_transaction=boolean()),
}
PAYMENT_METHOD = {"customer": text(required=True)}
FEEDBACK_OPTION = {"description": text(required=True), "metadata": free_map()}


def create_customer(
    state: StripeState, _: str, params: Mapping[str, Any], write: Write
) -> JsonObject:
    """POST /v1/customers."""
    clock = params.get("test_clock")
    if clock is not None and clock not in state.clocks:
        raise no_such("test clock", clock, param="test_clock")

    given = {name: params[name] or None for name in CUSTOMER_TEXTS if name in params}
    customer_id = state.add_customer(
        **given,
        payment_method=None,
        metadata=params.get("metadata") or {},
        balance=params.get("balance", 0),
        test_clock=clock,
    )["id"]

    customer = state.customers[customer_id]

    if (method := params.get("payment_method")) is not None:
        attached = state.add_payment_method(method, customer_id)
        state.method_behaves[method] = state.method_behaves[attached["id"]]

    settle_customer(state, customer, params, write)
    state.note(write, customer_id, ["customer_created"])

    return customer


def settle_customer(
    state: StripeState, customer: JsonObject, params: Mapping[str, Any], write: Write
) -> None:
    """Give a customer the default payment method and the coupon of a request."""
    method = params.get("invoice_settings", {}).get("default_payment_method")
    if method is not None:
        found = _attached(state, customer["id"], method)
        customer["invoice_settings"]["default_payment_method"] = found

    if (coupon := params.get("coupon")) is None:
        return

    if write.version >= _COUPONS_GO_TO_CUSTOMERS_BEFORE:
        message = "Received unknown parameter: coupon"
        raise Refusal(400, message, code="parameter_unknown", param="coupon")

    if coupon not in state.coupons:
        raise no_such("coupon", coupon, param="coupon")

    state.discount_customer(customer["id"], coupon)


def _attached(state: StripeState, customer_id: str, method: str) -> str | None:
    """Return the customer's payment method that a request names by its id or as a test method."""
    if method == "":
        return None

    for held in state.payment_methods.values():
        if held["customer"] == customer_id and method in (
            held["id"],
            state.method_behaves[held["id"]],
        ):
            return str(held["id"])

    message = (
        f"The customer does not have a payment method with the ID {method}. "
        "The payment method must be attached to the customer."
    )
    param = "invoice_settings[default_payment_method]"
    raise Refusal(400, message, code="resource_missing", param=param)


def attach_payment_method(
    state: StripeState, method: str, params: Mapping[str, Any], write: Write
) -> JsonObject:
    """POST /v1/payment_methods/{id}/attach: a test method becomes a card of the customer's own."""
    if (customer := params["customer"]) not in state.customers:
        raise no_such("customer", customer, param="customer")
    if method not in state.payment_methods:
        return state.add_payment_method(method, customer)
    state.payment_methods[method]["customer"] = customer
    return state.payment_methods[method]


def create_price(state: StripeState, _: str, params: Mapping[str, Any], write: Write) -> JsonObject:
    """POST /v1/prices; its product exists by the way."""
    recurring = params.get("recurring") or {}
    product = {"product": params["product"]} if "product" in params else {}
    price = state.add_price(
        unit_amount=params.get("unit_amount", 0),
        currency=params.get("currency", "usd"),
        interval=recurring.get("interval", "month"),
        interval_count=recurring.get("interval_count", 1),
        usage_type=recurring.get("usage_type", "licensed"),
        meter=recurring.get("meter"),
        nickname=params.get("nickname"),
        metadata=params.get("metadata") or {},
        **product,
    )

    if (named := (params.get("product_data") or {}).get("name")) is not None:
        state.product_names[price["product"]] = named
    state.note(write, price["id"], ["price_created"])

    return price


def create_meter(state: StripeState, _: str, params: Mapping[str, Any], write: Write) -> JsonObject:
    """POST /v1/billing/meters; usage is never counted."""
    return {
        "id": state.new_id("mtr"),
        "object": "billing.meter",
        "created": state.now,
        "customer_mapping": {"event_payload_key": "stripe_customer_id", "type": "by_id"},
        "default_aggregation": params.get("default_aggregation", {"formula": "sum"}),
        "display_name": params["display_name"],
        "event_name": params["event_name"],
        "livemode": False,
        "status": "active",
        "updated": state.now,
        "value_settings": {"event_payload_key": "value"},
    }


def create_promotion_code(
    state: StripeState, _: str, params: Mapping[str, Any], write: Write
) -> JsonObject:
    """POST /v1/promotion_codes."""
    coupon = params.get("promotion", {}).get("coupon")
    if coupon not in state.coupons:
        raise no_such("coupon", str(coupon), param="promotion[coupon]")

    code = params.get("code") or state.new_id("CODE").upper()

    if any(held["code"] == code and held["active"] for held in state.promotion_codes.values()):
        message = "An active promotion code with `code: {code}` already exists."
        raise Refusal(400, message.format(code=code), code="resource_already_exists", param="code")

    known = ("customer", "active", "expires_at", "max_redemptions")
    given = {name: params[name] for name in known if name in params}
    made = state.add_promotion_code(code, coupon, metadata=params.get("metadata") or {}, **given)
    held = state.promotion_codes[made["id"]]
    held["restrictions"] |= params.get("restrictions", {})
    state.note(write, made["id"], ["promotion_code_created"])

    return held


def create_feedback_option(
    state: StripeState, _: str, params: Mapping[str, Any], write: Write
) -> JsonObject:
    """POST /v1/billing/feedback_options."""
    return state.add_feedback_option(params["description"])


def create_subscription(
    state: StripeState, _: str, params: Mapping[str, Any], write: Write
) -> JsonObject:
    """POST /v1/subscriptions: it starts now, and its first invoice is collected as it would be at Stripe."""
    if (customer := params["customer"]) not in state.customers:
        raise no_such("customer", customer, param="customer")
    for number, entry in enumerate(params.get("items", ())):
        _check_item(state, entry, f"items[{number}]")
    now = state.time_of(state.customers[customer])
    subscription = _draft(state, params, now)
    redeemed = [
        discounts.redeemable(state, subscription, entry, f"discounts[{number}]")
        for number, entry in enumerate(params.get("discounts") or ())
    ]
    answer = _first_answer(state, subscription, params)

    made = state.place_subscription(subscription)
    for coupon, code in redeemed:
        state.redeem(made, coupon, code)
    _bill_first(state, made, answer, now)
    state.tell("customer.subscription.created", made, at=now)
    state.note(write, made["id"], ["subscription_created"])
    return made


def _check_item(state: StripeState, entry: Mapping[str, Any], name: str) -> None:
    if entry.get("price") not in state.prices:
        raise no_such("price", str(entry.get("price")), param=f"{name}[price]")
    usage = state.prices[entry["price"]]["recurring"]["usage_type"]
    if usage == "metered" and "quantity" in entry:
        message = "You cannot set the quantity for metered plans."
        raise Refusal(400, message, param=f"{name}[quantity]")


def _draft(state: StripeState, params: Mapping[str, Any], now: int) -> JsonObject:
    known = ("collection_method", "days_until_due", "trial_settings")
    given = {name: params[name] for name in known if name in params}
    if "billing_mode" in params:
        given["billing_mode"] = {**params["billing_mode"], "updated_at": now}

    if (method := params.get("default_payment_method")) is not None:
        given["default_payment_method"] = _attached(state, params["customer"], method)

    trial_end = params.get("trial_end")
    if (days := params.get("trial_period_days")) is not None:
        trial_end = shifted(now, "day", days)

    return state.make_subscription(
        customer=params["customer"],
        items=params.get("items"),
        trial_end=None if trial_end == "now" else trial_end,
        cancel_at_period_end=params.get("cancel_at_period_end", False),
        metadata=params.get("metadata") or {},
        **given,
    )


def _first_answer(
    state: StripeState, subscription: JsonObject, params: Mapping[str, Any]
) -> payment_methods.Answer:
    """Tell how the first payment would end; raises Refusal where the caller wants a failure to be one."""
    by_hand = subscription["collection_method"] != "charge_automatically"
    if by_hand or subscription["status"] == "trialing":
        return "paid"
    answer = payment_methods.answer_of(state, subscription)
    behavior = params.get("payment_behavior", "allow_incomplete")
    if answer == "no_method" and behavior != "default_incomplete":
        raise payment_methods.refusal_of(answer, of="subscription")
    if answer != "paid" and behavior == "error_if_incomplete":
        raise payment_methods.refusal_of(answer, of="subscription")
    return "needs_action" if behavior == "default_incomplete" else answer


def _bill_first(
    state: StripeState, subscription: JsonObject, answer: payment_methods.Answer, now: int
) -> None:
    lines = invoices.period_lines(state, subscription, subscription["items"]["data"])
    invoice = invoices.bill(state, subscription, lines, reason="subscription_create", at=now)
    is_automatic = subscription["collection_method"] == "charge_automatically"
    if invoice["status"] != "open" or not is_automatic:
        return
    if answer == "paid":
        invoices.mark_paid(state, invoice, now)
    else:
        subscription["status"] = "incomplete"
