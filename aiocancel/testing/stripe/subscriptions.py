"""What Stripe does when a subscription is updated or cancelled, rule by rule.

An update works on a draft and is committed whole: a request that is refused changes nothing.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from aiocancel.testing.stripe import objects, payments
from aiocancel.testing.stripe.form import Refusal, no_such
from aiocancel.testing.stripe.objects import ENDED, JsonObject, shifted
from aiocancel.testing.stripe.state import StripeState, Write, first_period_end, last_period_end

MAX_ITEMS = 20
_TAKEN_WHEN_ENDED = {"metadata", "cancellation_details", "expand"}
_CANCELLATIONS = ("cancel_at_period_end", "cancel_at", "resume")
_PAST = "Invalid timestamp: must be an integer Unix timestamp in the future."


@dataclass
class _Draft:
    state: StripeState
    subscription: JsonObject
    params: Mapping[str, Any]
    bill_because: str | None = None
    redeem: list[JsonObject] = field(default_factory=list)


def update(
    state: StripeState, subscription_id: str, params: Mapping[str, Any], write: Write
) -> JsonObject:
    """POST /v1/subscriptions/{id}."""
    subscription = state.find_subscription(subscription_id)
    _check_may_change(subscription, params)
    payments.check_pending(params)
    draft = _Draft(state, copy.deepcopy(subscription), params)
    changed: list[str] = []
    for step in _STEPS:
        before = copy.deepcopy(draft.subscription)
        kind = step(draft)
        if draft.subscription != before or (kind == "discounts" and draft.redeem):
            changed.append(kind)
    if draft.subscription["cancel_at_period_end"] and draft.subscription["status"] not in ENDED:
        draft.subscription["cancel_at"] = first_period_end(draft.subscription)
    if draft.bill_because is not None and "items" in changed:
        pending = payments.unpaid(state, subscription, draft.subscription, params)
        if pending is not None:
            subscription |= pending
            state.note(write, subscription_id, ["pending_update"])
            return subscription
    for coupon in draft.redeem:
        state.redeem(draft.subscription, coupon)
    if draft.bill_because is not None:
        state.add_invoice(draft.subscription, draft.bill_because)
    subscription |= draft.subscription
    # A cancellation is what callers count, so it names the effect, whatever came with it.
    state.note(write, subscription_id, sorted(changed, key=lambda kind: kind not in _CANCELLATIONS))
    return subscription


def cancel_now(
    state: StripeState, subscription_id: str, params: Mapping[str, Any], write: Write
) -> JsonObject:
    """DELETE /v1/subscriptions/{id}; for one that has ended already the answer is the 404 of a missing one."""
    subscription = state.find_subscription(subscription_id)
    if subscription["status"] in ENDED:
        raise no_such("subscription", subscription_id, status=404)
    subscription |= {
        "status": "canceled",
        "canceled_at": state.now,
        "ended_at": state.now,
        "cancel_at": None,
        "cancel_at_period_end": False,
    }
    subscription["cancellation_details"]["reason"] = "cancellation_requested"
    _details(_Draft(state, subscription, params))
    if params.get("invoice_now", False):
        state.add_invoice(subscription, "manual")
    state.note(write, subscription_id, ["cancel_now"])
    return subscription


def pause(
    state: StripeState, subscription_id: str, params: Mapping[str, Any], write: Write
) -> JsonObject:
    """POST /v1/subscriptions/{id}/pause; what it credits or bills is left out."""
    subscription = state.find_subscription(subscription_id)
    if subscription["billing_mode"]["type"] != "flexible":
        raise Refusal(400, "Only a subscription with `billing_mode[type]=flexible` can be paused.")
    if subscription["schedule"] is not None:
        message = f"The subscription is managed by the subscription schedule `{subscription['schedule']}`."
        raise Refusal(400, message)
    if subscription["status"] not in {"active", "trialing"}:
        raise Refusal(400, f"A subscription that is {subscription['status']} cannot be paused.")
    paused = {
        "subscription": {"type": "pause_requested"},
        "transitioned_at": state.now,
        "type": params.get("type", "subscription"),
    }
    subscription |= {"status": "paused", "status_details": {"paused": paused}}
    state.note(write, subscription_id, ["pause"])
    return subscription


def resume(
    state: StripeState, subscription_id: str, params: Mapping[str, Any], write: Write
) -> JsonObject:
    """POST /v1/subscriptions/{id}/resume; it stays paused while the payment needs the customer."""
    subscription = state.find_subscription(subscription_id)
    if subscription["status"] != "paused":
        raise Refusal(400, f"A subscription that is {subscription['status']} cannot be resumed.")
    if subscription["collection_method"] != "charge_automatically":
        raise Refusal(
            400, "Only a subscription with `collection_method=charge_automatically` can be resumed."
        )
    draft = _Draft(state, subscription, params)
    _start_period(draft, "subscription_update")
    state.add_invoice(subscription, "subscription_update")
    if subscription["customer"] in state.payments_need_action:
        state.note(write, subscription_id, ["resumption_invoice"])
        return subscription
    subscription |= {"status": "active", "status_details": None}
    state.note(write, subscription_id, ["unpause"])
    return subscription


def _check_may_change(subscription: JsonObject, params: Mapping[str, Any]) -> None:
    if subscription["status"] in ENDED and params.keys() - _TAKEN_WHEN_ENDED:
        message = "A canceled subscription can only update its cancellation_details and metadata."
        raise Refusal(400, message, code="invalid_canceled_subscription_fields")
    asked = [name for name in ("cancel_at_period_end", "cancel_at") if name in params]
    if len(asked) > 1:
        message = "You may only specify one of these parameters: cancel_at, cancel_at_period_end."
        raise Refusal(400, message, code="parameters_exclusive", param="cancel_at")
    if asked and subscription["schedule"] is not None:
        message = (
            f"The subscription is managed by the subscription schedule `{subscription['schedule']}`, and updating "
            "any cancelation behavior directly is not allowed. Please update the schedule instead."
        )
        raise Refusal(400, message, param=asked[0])


def _cancellation(draft: _Draft) -> str:
    subscription, params = draft.subscription, draft.params
    if "cancel_at_period_end" in params:
        if params["cancel_at_period_end"]:
            if not subscription["cancel_at_period_end"]:
                _schedule_end(draft, first_period_end(subscription), at_period_end=True)
            return "cancel_at_period_end"
        # A cancellation set by date has to be taken back by date.
        if subscription["cancel_at_period_end"]:
            _unschedule_end(subscription)
        return "resume"
    if "cancel_at" not in params:
        return ""
    match params["cancel_at"]:
        case "":
            if subscription["cancel_at"] is not None:
                _unschedule_end(subscription)
            return "resume"
        case "min_period_end":
            at = first_period_end(subscription)
        case "max_period_end":
            at = last_period_end(subscription)
        case moment:
            at = int(moment)
    if at <= draft.state.now:
        raise Refusal(400, _PAST, param="cancel_at")
    if at != subscription["cancel_at"] or subscription["cancel_at_period_end"]:
        _schedule_end(draft, at, at_period_end=False)
    return "cancel_at"


def _schedule_end(draft: _Draft, at: int, *, at_period_end: bool) -> None:
    draft.subscription |= {
        "cancel_at": at,
        "cancel_at_period_end": at_period_end,
        "canceled_at": draft.state.now,
    }
    draft.subscription["cancellation_details"]["reason"] = "cancellation_requested"


def _unschedule_end(subscription: JsonObject) -> None:
    subscription |= {"cancel_at": None, "cancel_at_period_end": False, "canceled_at": None}
    subscription["cancellation_details"] = dict.fromkeys(subscription["cancellation_details"])


def _details(draft: _Draft) -> str:
    for name, value in draft.params.get("cancellation_details", {}).items():
        draft.subscription["cancellation_details"][name] = value or None
    return "cancellation_details"


def _settings(draft: _Draft) -> str:
    for name in ("description", "default_payment_method", "collection_method", "days_until_due"):
        if name in draft.params:
            # An empty value unsets, but zero days are days.
            draft.subscription[name] = None if draft.params[name] == "" else draft.params[name]
    return "settings"


def merge_metadata(target: JsonObject, given: Any) -> None:
    """Stripe merges metadata: an empty value removes a key, an empty whole removes all."""
    merged = {} if given == "" else target["metadata"] | (given or {})
    target["metadata"] = {key: value for key, value in merged.items() if value != ""}


def _metadata(draft: _Draft) -> str:
    merge_metadata(draft.subscription, draft.params.get("metadata"))
    return "metadata"


def _pause(draft: _Draft) -> str:
    if "pause_collection" not in draft.params:
        return ""
    given = draft.params["pause_collection"]
    if given == "":
        draft.subscription["pause_collection"] = None
        return "unpause_collection"
    resumes_at = given.get("resumes_at")
    if resumes_at is not None and resumes_at <= draft.state.now:
        raise Refusal(400, _PAST, param="pause_collection[resumes_at]")
    draft.subscription["pause_collection"] = {
        "behavior": given["behavior"],
        "resumes_at": resumes_at,
    }
    return "pause_collection"


def _trial(draft: _Draft) -> str:
    subscription, now = draft.subscription, draft.state.now
    if (end := draft.params.get("trial_end")) is None:
        return ""
    trialing = subscription["status"] == "trialing"
    if end == "now":
        if trialing:
            subscription |= {"status": "active", "trial_end": now}
            _start_period(draft, "subscription_cycle")
        return "trial_end"
    if end <= now:
        raise Refusal(400, _PAST, param="trial_end")
    if end > shifted(subscription["billing_cycle_anchor"], "year", 2):
        raise Refusal(
            400,
            "Invalid timestamp: can be no more than two years in the future.",
            param="trial_end",
        )
    if trialing and end == subscription["trial_end"]:
        return "trial_end"
    if not trialing:
        subscription |= {"status": "trialing", "trial_start": now}
        for item in subscription["items"]["data"]:
            item["current_period_start"] = now
    subscription |= {"trial_end": end, "billing_cycle_anchor": end}
    for item in subscription["items"]["data"]:
        item["current_period_end"] = end
    draft.bill_because = "subscription_update"
    return "trial_end"


def _start_period(draft: _Draft, reason: str) -> None:
    now = draft.state.now
    draft.subscription["billing_cycle_anchor"] = now
    for item in draft.subscription["items"]["data"]:
        every = item["price"]["recurring"]
        item["current_period_start"] = now
        item["current_period_end"] = shifted(now, every["interval"], every["interval_count"])
    draft.bill_because = reason


def _discounts(draft: _Draft) -> str:
    given = draft.params.get("discounts")
    if given == "":
        draft.subscription["discounts"] = []
    if not given:
        return "discounts"
    kept: list[str] = []
    for number, entry in enumerate(given):
        name = f"discounts[{number}]"
        if len(entry) != 1:
            message = f"You must pass exactly one of coupon, discount or promotion_code in {name}."
            raise Refusal(400, message, param=name)
        if (discount_id := entry.get("discount")) is not None:
            if discount_id not in draft.subscription["discounts"]:
                raise no_such("discount", discount_id, param=f"{name}[discount]")
            kept.append(discount_id)
        else:
            draft.redeem.append(_redeemable(draft.state, entry["coupon"], f"{name}[coupon]"))
    draft.subscription["discounts"] = kept
    return "discounts"


def _redeemable(state: StripeState, coupon_id: str, param: str) -> JsonObject:
    if (coupon := state.coupons.get(coupon_id)) is None:
        raise no_such("coupon", coupon_id, param=param)
    redeem_by = coupon["redeem_by"]
    if not coupon["valid"] or (redeem_by is not None and redeem_by <= state.now):
        raise Refusal(400, f"Coupon expired: {coupon_id}", code="coupon_expired", param=param)
    return coupon


def _items(draft: _Draft) -> str:
    listed = draft.subscription["items"]
    data: list[JsonObject] = listed["data"]
    new_cycle = False
    before = copy.deepcopy(data)
    for number, entry in enumerate(draft.params.get("items", [])):
        name = f"items[{number}]"
        price = (
            None
            if entry.get("price") is None
            else _usable_price(draft, entry["price"], f"{name}[price]")
        )
        if "id" not in entry:
            data.append(_new_item(draft, entry, price, name))
            continue
        item = next((item for item in data if item["id"] == entry["id"]), None)
        if item is None:
            raise no_such("subscription item", entry["id"], param=f"{name}[id]")
        if entry.get("deleted", False):
            data.remove(item)
            continue
        if price is not None:
            new_cycle |= price["recurring"] != item["price"]["recurring"]
            objects.set_price(item, price)
        # Another price sets the quantity to 1 unless one is sent, as the SDK's own types say.
        item["quantity"] = entry.get("quantity", item["quantity"] if price is None else 1)
        if "metadata" in entry:
            merge_metadata(item, entry["metadata"])
    _check_items(data)
    listed["total_count"] = len(data)
    if new_cycle and draft.subscription["status"] != "trialing":
        _start_period(draft, "subscription_update")
    elif data != before and draft.params.get("proration_behavior") == "always_invoice":
        draft.bill_because = "subscription_update"
    return "items"


def _usable_price(draft: _Draft, price_id: str, param: str) -> JsonObject:
    if (price := draft.state.prices.get(price_id)) is None:
        raise no_such("price", price_id, param=param)
    if not price["active"]:
        raise Refusal(
            400,
            "The price specified is inactive. This field only accepts active prices.",
            param=param,
        )
    currency = draft.subscription["currency"]
    if price["currency"] != currency:
        message = (
            f"The price specified supports currencies of `{price['currency']}`. "
            f"This doesn't match the expected currency: `{currency}`."
        )
        raise Refusal(400, message, param=param)
    return price


def _new_item(
    draft: _Draft, entry: Mapping[str, Any], price: JsonObject | None, name: str
) -> JsonObject:
    if price is None:
        message = f"You must pass one of plan, price, or price_data in {name}."
        raise Refusal(400, message, code="parameter_missing", param=f"{name}[price]")
    now, data = draft.state.now, draft.subscription["items"]["data"]
    same = next((item for item in data if item["price"]["recurring"] == price["recurring"]), None)
    every = price["recurring"]
    end = (
        shifted(now, every["interval"], every["interval_count"])
        if same is None
        else same["current_period_end"]
    )
    item = objects.item(
        draft.state.new_id("si"),
        draft.subscription["id"],
        price,
        created=now,
        quantity=entry.get("quantity", 1),
        start=now if same is None else same["current_period_start"],
        end=end,
    )
    merge_metadata(item, entry.get("metadata"))
    return item


def _check_items(data: list[JsonObject]) -> None:
    if not data:
        message = "A subscription must have at least one active plan. To cancel it, use the cancel endpoint instead."
        raise Refusal(400, message, param="items")
    if len(data) > MAX_ITEMS:
        raise Refusal(400, f"Subscriptions can have at most {MAX_ITEMS} items.", param="items")
    prices = [item["price"]["id"] for item in data]
    if twice := next((price for price in prices if prices.count(price) > 1), None):
        message = f"Cannot add multiple subscription items with the same plan: {twice}"
        raise Refusal(400, message, param="price")


# Periods settle before what depends on them.
_STEPS: tuple[Callable[[_Draft], str], ...] = (
    _items,
    _trial,
    _cancellation,
    _pause,
    _discounts,
    _details,
    _settings,
    _metadata,
)
