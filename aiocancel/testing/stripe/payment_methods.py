"""How payment methods answer at the simulated Stripe when they are charged."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from aiocancel.testing.stripe.books import Books
from aiocancel.testing.stripe.form import Refusal
from aiocancel.testing.stripe.objects import JsonObject

Answer = Literal["paid", "declined", "needs_action", "no_method"]

# https://docs.stripe.com/testing: how Stripe's own test methods answer; every other one pays.
TEST_METHODS: Mapping[str, Answer] = {
    "pm_card_chargeCustomerFail": "declined",
    "pm_card_chargeDeclined": "declined",
    "pm_card_authenticationRequired": "needs_action",
    "pm_card_threeDSecure2Required": "needs_action",
}
_NO_METHOD = (
    "This customer has no attached payment source or default payment method. Please consider adding a default "
    "payment method. For more information, visit https://stripe.com/docs/billing/subscriptions/"
    "payment-methods-setting#payment-method-priority."
)


def default_method(state: Books, subscription: JsonObject) -> str | None:
    """Return the payment method that the subscription's invoices are charged to."""
    own = subscription["default_payment_method"] or subscription["default_source"]
    customer = state.customers[subscription["customer"]]
    of_customer = customer["invoice_settings"]["default_payment_method"]
    method: str | None = own or of_customer or customer["default_source"]
    return method


def answer_of(state: Books, subscription: JsonObject, payment_method: str | None = None) -> Answer:
    """Tell how an attempt to charge would end; ``payment_method`` stands for the default one."""
    if subscription["customer"] in state.payments_need_action:
        return "needs_action"
    if subscription["customer"] in state.payments_fail:
        return "declined"
    if (method := payment_method or default_method(state, subscription)) is None:
        return "no_method"
    return TEST_METHODS.get(state.method_behaves.get(method, method), "paid")


def refusal_of(answer: Answer, *, of: Literal["subscription", "invoice"]) -> Refusal:
    """The refusal of a request whose payment does not go through."""
    match answer:
        case "needs_action":
            message = "This payment requires additional user action before it can be completed successfully."
            code = f"{of}_payment_intent_requires_action"
            return Refusal(402, message, code=code, type="card_error")
        case "no_method":
            return Refusal(400, _NO_METHOD, code="resource_missing")
        case _:
            message = "Your card was declined."
            return Refusal(402, message, code="card_declined", type="card_error")
