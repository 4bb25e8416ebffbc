"""Discounts at the simulated Stripe: whose counts, when one is used up, and how promotion codes lead to one.

A subscription with discounts of its own does not get those of its customer; one without inherits them. A coupon
that lasts ``once`` is used up when the next invoice is finalized, whatever that invoice comes to.
Sources: SubscriptionCreateParams.discounts in stripe-python 16.1.0; bitwarden/server#7831;
https://docs.stripe.com/billing/subscriptions/coupons
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from aiocancel.testing.stripe import objects
from aiocancel.testing.stripe.books import Books
from aiocancel.testing.stripe.form import Refusal, no_such
from aiocancel.testing.stripe.objects import JsonObject


def in_force(state: Books, subscription: JsonObject, at: int) -> list[JsonObject]:
    """Return the discounts that an invoice of this moment gets, in the order they are taken off."""
    own = [state.discounts[discount_id] for discount_id in subscription["discounts"]]
    if not own:
        of_customer = state.customers[subscription["customer"]]["discount"]
        own = [] if of_customer is None else [of_customer]
    return [entry for entry in own if is_running(entry, at)]


def is_running(discount: JsonObject, at: int) -> bool:
    """Tell whether a discount has not ended."""
    return discount["end"] is None or bool(discount["end"] > at)


def amounts_off(
    state: Books, running: Iterable[JsonObject], subtotal: int, currency: str
) -> list[tuple[str, int]]:
    """Return what each discount takes off, by its id; each is taken off what the ones before it left."""
    left, amounts = max(subtotal, 0), []
    for discount in running:
        coupon = state.coupon_of(discount)
        off = 0
        if coupon["percent_off"] is not None:
            off = rounded(Decimal(left) * Decimal(str(coupon["percent_off"])) / 100)
        elif coupon["currency"] == currency:
            off = min(left, coupon["amount_off"])
        left -= off
        amounts.append((discount["id"], off))
    return amounts


def rounded(amount: Decimal) -> int:
    """Round to whole minor units, half up."""
    return int(amount.quantize(Decimal(1), ROUND_HALF_UP))


def use_up(state: Books, subscription: JsonObject, used: Iterable[JsonObject]) -> None:
    """Take away what lasts once and has been on a finalized invoice."""
    gone = {
        discount["id"] for discount in used if state.coupon_of(discount).get("duration") == "once"
    }
    subscription["discounts"] = [each for each in subscription["discounts"] if each not in gone]
    customer = state.customers[subscription["customer"]]
    if customer["discount"] is not None and customer["discount"]["id"] in gone:
        customer["discount"] = None


def redeemable(
    state: Books, subscription: JsonObject, entry: Mapping[str, Any], param: str
) -> tuple[JsonObject, str | None]:
    """Return the coupon that an entry of ``discounts`` names, and the promotion code it came by.

    Raises Refusal for what is unknown, used up, expired, or meant for another customer.
    """
    if (code_id := entry.get("promotion_code")) is None:
        return _usable(state, entry["coupon"], f"{param}[coupon]"), None
    param = f"{param}[promotion_code]"
    if (code := state.promotion_codes.get(code_id)) is None:
        raise no_such("promotion code", code_id, param=param)
    _check_code(state, subscription, code, param)
    return _usable(state, code["promotion"]["coupon"], param), code_id


def _check_code(state: Books, subscription: JsonObject, code: JsonObject, param: str) -> None:
    expired = code["expires_at"] is not None and code["expires_at"] <= state.now
    if not code["active"] or expired:
        message = f"This promotion code is no longer active: {code['code']}"
        raise Refusal(400, message, code="promotion_code_expired", param=param)

    customer = subscription["customer"]

    if code["customer"] not in {None, customer}:
        message = "This promotion code cannot be redeemed by this customer."
        raise Refusal(400, message, code="promotion_code_not_for_customer", param=param)

    if code["restrictions"]["first_time_transaction"] and any(
        invoice["customer"] == customer and invoice["status"] == "paid"
        for invoice in state.invoices.values()
    ):
        message = "This promotion code cannot be redeemed because the associated customer has prior transactions."
        raise Refusal(400, message, code="promotion_code_customer_not_first_time", param=param)


def _usable(state: Books, coupon_id: str, param: str) -> JsonObject:
    if (coupon := state.coupons.get(coupon_id)) is None:
        raise no_such("coupon", coupon_id, param=param)
    redeem_by = coupon["redeem_by"]
    if not coupon["valid"] or (redeem_by is not None and redeem_by <= state.now):
        raise Refusal(400, f"Coupon expired: {coupon_id}", code="coupon_expired", param=param)
    return coupon


def planned(
    state: Books,
    coupon: JsonObject,
    subscription: JsonObject,
    *,
    at: int,
    promotion_code: str | None,
) -> JsonObject:
    """Return the discount that a coupon would become; only a preview asks for it, and nothing is counted."""
    return objects.discount(
        state.new_id("di"),
        coupon,
        customer=subscription["customer"],
        subscription=subscription["id"],
        start=at,
        promotion_code=promotion_code,
    )


def redeem(
    state: Books,
    coupon: JsonObject,
    *,
    customer: str,
    subscription: str | None,
    at: int,
    promotion_code: str | None = None,
) -> JsonObject:
    """Make a discount from a coupon, count the redemption, and return the discount."""
    discount = objects.discount(
        state.new_id("di"),
        coupon,
        customer=customer,
        subscription=subscription,
        start=at,
        promotion_code=promotion_code,
    )

    state.discounts[discount["id"]] = discount
    _count(coupon, "valid")
    if promotion_code is not None:
        _count(state.promotion_codes[promotion_code], "active")

    return discount


def _count(limited: JsonObject, switch: str) -> None:
    limited["times_redeemed"] += 1
    most = limited["max_redemptions"]
    if most is not None and limited["times_redeemed"] >= most:
        limited[switch] = False
