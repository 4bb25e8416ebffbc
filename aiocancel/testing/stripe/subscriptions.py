"""What Stripe does when a subscription is updated or cancelled, rule by rule.

An update works on a draft and is committed whole: a request that is refused changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from aiocancel.testing.json_copy import copy_of
from aiocancel.testing.stripe import discounts, invoices, objects, pauses, payments, schedules
from aiocancel.testing.stripe.form import Refusal, no_such
from aiocancel.testing.stripe.objects import (
    ENDED,
    JsonObject,
    first_period_end,
    last_period_end,
    shifted,
)
from aiocancel.testing.stripe.state import StripeState
from aiocancel.testing.stripe.writes import Write

MAX_ITEMS = 20
_TAKEN_WHEN_ENDED = {"metadata", "cancellation_details", "expand"}
_TAKEN_WHEN_INCOMPLETE = {"metadata", "default_source", "expand"}
_CANCELLATIONS = ("cancel_at_period_end", "cancel_at", "resume")
_PAST = "Invalid timestamp: must be an integer Unix timestamp in the future."


@dataclass
class Draft:
    """A subscription as an update would leave it, and how that is billed."""

    state: StripeState
    subscription: JsonObject
    params: Mapping[str, Any]
    before: JsonObject
    bill_because: str | None = None
    redeem: list[tuple[JsonObject, str | None]] = field(default_factory=list)
    starts_period: bool = False

    @property
    def now(self) -> int:
        """The moment of the change."""
        return self.state.time_of(self.subscription)

    @property
    def prorated_at(self) -> int:
        """The moment from which prorations count."""
        return int(self.params.get("proration_date", self.now))


def update(
    state: StripeState, subscription_id: str, params: Mapping[str, Any], write: Write
) -> JsonObject:
    """POST /v1/subscriptions/{id}."""
    subscription = state.find_subscription(subscription_id)
    _check_may_change(state, subscription, params)
    payments.check_pending(params)
    draft = draft_of(state, subscription, params)
    changed = take_steps(draft)

    with state.watched(subscription):
        if draft.bill_because is not None and "items" in changed:
            lines = due_now(draft)
            pending = payments.unpaid(state, subscription, draft.subscription, params, lines)
            if pending is not None:
                subscription |= pending
                state.note(write, subscription_id, ["pending_update"])
                return subscription
        for coupon, code in draft.redeem:
            state.redeem(draft.subscription, coupon, code)
        _bill(draft)
        subscription |= draft.subscription
    # A cancellation is what callers count, so it names the effect, whatever came with it.
    state.note(write, subscription_id, sorted(changed, key=lambda kind: kind not in _CANCELLATIONS))
    return subscription


def draft_of(state: StripeState, subscription: JsonObject, params: Mapping[str, Any]) -> Draft:
    """Begin an update that may still be refused."""
    return Draft(state, copy_of(subscription), params, subscription)


def take_steps(draft: Draft) -> list[str]:
    """Change the draft as its parameters say, and return what changed; raises Refusal."""
    changed: list[str] = []
    for step in _STEPS:
        before = copy_of(draft.subscription)
        kind = step(draft)
        if draft.subscription != before or (kind == "discounts" and draft.redeem):
            changed.append(kind)
    if draft.subscription["cancel_at_period_end"] and draft.subscription["status"] not in ENDED:
        draft.subscription["cancel_at"] = first_period_end(draft.subscription)
    return changed


def due_now(draft: Draft) -> list[JsonObject]:
    """Return the lines that the update bills at once, besides what was pending."""
    if draft.bill_because is None:
        return []
    items = draft.subscription["items"]["data"]
    lines = prorations(draft)
    if draft.starts_period or draft.subscription["status"] == "trialing":
        lines += invoices.period_lines(draft.state, draft.subscription, items)
    return lines


def prorations(draft: Draft) -> list[JsonObject]:
    """Return the credits and charges for the rest of the period; none where the caller wants none."""
    behavior = draft.params.get("proration_behavior", "create_prorations")
    old, new = draft.before["items"]["data"], draft.subscription["items"]["data"]
    changed_old = [item for item in old if not _is_billed_alike(item, new)]
    changed_new = [item for item in new if not _is_billed_alike(item, old)]
    begins_trial = draft.subscription["status"] == "trialing" != draft.before["status"]
    starts = draft.starts_period or begins_trial
    if behavior == "none" or not (changed_old or changed_new or starts):
        return []

    state, since = draft.state, draft.prorated_at
    if starts:
        return invoices.unused_time(state, draft.before, old, since)

    lines = invoices.unused_time(state, draft.before, changed_old, since)

    return lines + invoices.remaining_time(state, draft.subscription, changed_new, since)


def _is_billed_alike(item: JsonObject, others: list[JsonObject]) -> bool:
    return any(
        (item["id"], item["price"]["id"], item["quantity"])
        == (other["id"], other["price"]["id"], other["quantity"])
        for other in others
    )


def _bill(draft: Draft) -> None:
    state, subscription = draft.state, draft.subscription
    if draft.bill_because is None:
        invoices.add_pending(state, subscription, prorations(draft))
        return
    lines = due_now(draft)
    invoice = invoices.bill(state, subscription, lines, reason=draft.bill_because, at=draft.now)
    if invoice["status"] == "open" and subscription["collection_method"] == "charge_automatically":
        answer = invoices.collect(state, subscription, invoice, draft.now)
        if answer != "paid":
            subscription["status"] = "past_due"


def cancel_now(
    state: StripeState, subscription_id: str, params: Mapping[str, Any], write: Write
) -> JsonObject:
    """DELETE /v1/subscriptions/{id}; for one that has ended already the answer is the 404 of a missing one."""
    subscription = state.find_subscription(subscription_id)
    if subscription["status"] in ENDED:
        raise no_such("subscription", subscription_id, status=404)
    _check_feedback(state, params)
    now = state.time_of(subscription)

    with state.watched(subscription):
        _bill_at_the_end(state, subscription, params, now)
        subscription |= {
            "status": "canceled",
            "canceled_at": now,
            "ended_at": now,
            "cancel_at": None,
            "cancel_at_period_end": False,
        }
        subscription["cancellation_details"]["reason"] = "cancellation_requested"
        _details(Draft(state, subscription, params, subscription))
        schedules.end_with_subscription(state, subscription, now)
        if state.resumptions.get(subscription_id) is not None:
            pauses.drop_resumption(state, subscription, now)
    state.note(write, subscription_id, ["cancel_now"])
    return subscription


def _bill_at_the_end(
    state: StripeState, subscription: JsonObject, params: Mapping[str, Any], now: int
) -> None:
    """Bill what is pending, or drop it; the SDK: it is removed only if both flags are false."""
    credit = []
    if params.get("prorate", False):
        items = subscription["items"]["data"]
        credit = invoices.unused_time(state, subscription, items, now)
    if params.get("invoice_now", False):
        invoices.bill(state, subscription, credit, reason="manual", at=now)
    elif params.get("prorate", False):
        invoices.add_pending(state, subscription, credit)
    else:
        state.pending_lines.pop(subscription["id"], None)


def _check_may_change(
    state: StripeState, subscription: JsonObject, params: Mapping[str, Any]
) -> None:
    if subscription["status"] in ENDED and params.keys() - _TAKEN_WHEN_ENDED:
        message = "A canceled subscription can only update its cancellation_details and metadata."
        raise Refusal(400, message, code="invalid_canceled_subscription_fields")

    is_closed = subscription["status"] == "incomplete" and not state.incomplete_takes_updates

    if is_closed and params.keys() - _TAKEN_WHEN_INCOMPLETE:
        # The rule is that of the SDK's Subscription.status; the wording and the missing code are unverified.
        message = "An incomplete subscription can only update its metadata and default_source."
        raise Refusal(400, message)

    asked = [name for name in ("cancel_at_period_end", "cancel_at") if name in params]

    if len(asked) > 1:
        message = "You may only specify one of these parameters: cancel_at, cancel_at_period_end."
        raise Refusal(400, message, code="parameters_exclusive", param="cancel_at")

    refuses_paused = state.unverified.period_end_of_a_paused_one == "refused"

    if params.get("cancel_at_period_end") and subscription["status"] == "paused" and refuses_paused:
        message = "A paused subscription has no period to end with."
        raise Refusal(400, message, param="cancel_at_period_end")

    if asked and subscription["schedule"] is not None:
        message = (
            f"The subscription is managed by the subscription schedule `{subscription['schedule']}`, and updating "
            "any cancelation behavior directly is not allowed. Please update the schedule instead."
        )
        raise Refusal(400, message, param=asked[0])


def _cancellation(draft: Draft) -> str:
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

    if params["cancel_at"] == "":
        if subscription["cancel_at"] is not None:
            _unschedule_end(subscription)
        return "resume"

    at = _end_by_date(draft, params["cancel_at"])
    if at <= draft.now:
        raise Refusal(400, _PAST, param="cancel_at")

    if at != subscription["cancel_at"] or subscription["cancel_at_period_end"]:
        _schedule_end(draft, at, at_period_end=False)

    return "cancel_at"


def _end_by_date(draft: Draft, wanted: int | str) -> int:
    match wanted:
        case "min_period_end":
            return first_period_end(draft.subscription)
        case "max_period_end":
            return last_period_end(draft.subscription)
        case "max_billed_until":
            return _last_billed(draft)
        case moment:
            return int(moment)


def _last_billed(draft: Draft) -> int:
    if draft.params.get("proration_behavior") == "none":
        message = "`cancel_at=max_billed_until` cannot be used with `proration_behavior=none`."
        raise Refusal(400, message, param="proration_behavior")
    items = draft.subscription["items"]["data"]
    return max(int(item["billed_until"] or item["current_period_end"]) for item in items)


def _schedule_end(draft: Draft, at: int, *, at_period_end: bool) -> None:
    draft.subscription |= {
        "cancel_at": at,
        "cancel_at_period_end": at_period_end,
        "canceled_at": draft.now,
    }
    draft.subscription["cancellation_details"]["reason"] = "cancellation_requested"


def _unschedule_end(subscription: JsonObject) -> None:
    subscription |= {"cancel_at": None, "cancel_at_period_end": False, "canceled_at": None}
    subscription["cancellation_details"] = dict.fromkeys(subscription["cancellation_details"])


def _details(draft: Draft) -> str:
    given = draft.params.get("cancellation_details", {})
    _check_feedback(draft.state, draft.params)
    for name, value in given.items():
        draft.subscription["cancellation_details"][name] = value or None
    return "cancellation_details"


def _check_feedback(state: StripeState, params: Mapping[str, Any]) -> None:
    option = params.get("cancellation_details", {}).get("feedback_option")
    if option and option not in state.feedback_options:
        param = "cancellation_details[feedback_option]"
        raise no_such("feedback option", option, param=param)


def _settings(draft: Draft) -> str:
    for name in ("description", "default_payment_method", "collection_method", "days_until_due"):
        if name in draft.params:
            # An empty value unsets, but zero days are days.
            draft.subscription[name] = None if draft.params[name] == "" else draft.params[name]
    return "settings"


def merge_metadata(target: JsonObject, given: Any) -> None:
    """Stripe merges metadata: an empty value removes a key, an empty whole removes all."""
    merged = {} if given == "" else target["metadata"] | (given or {})
    target["metadata"] = {key: value for key, value in merged.items() if value != ""}


def _metadata(draft: Draft) -> str:
    merge_metadata(draft.subscription, draft.params.get("metadata"))
    return "metadata"


def _pause(draft: Draft) -> str:
    if "pause_collection" not in draft.params:
        return ""

    given = draft.params["pause_collection"]

    if given == "":
        draft.subscription["pause_collection"] = None
        return "unpause_collection"

    resumes_at = given.get("resumes_at")
    if resumes_at is not None and resumes_at <= draft.now:
        raise Refusal(400, _PAST, param="pause_collection[resumes_at]")

    draft.subscription["pause_collection"] = {
        "behavior": given["behavior"],
        "resumes_at": resumes_at,
    }

    return "pause_collection"


def _trial(draft: Draft) -> str:
    subscription, now = draft.subscription, draft.now
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


def _start_period(draft: Draft, reason: str) -> None:
    pauses.start_period(draft.subscription, draft.now)
    draft.bill_because, draft.starts_period = reason, True


def _discounts(draft: Draft) -> str:
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
            if discount_id not in reusable_discounts(draft):
                raise no_such("discount", discount_id, param=f"{name}[discount]")
            kept.append(discount_id)
        else:
            found = discounts.redeemable(draft.state, draft.subscription, entry, name)
            draft.redeem.append(found)

    draft.subscription["discounts"] = kept

    return "discounts"


def reusable_discounts(draft: Draft) -> list[str]:
    """Return the ids of the subscription's discounts and, where Stripe takes it, of its customer's."""
    own: list[str] = draft.subscription["discounts"]
    of_customer = draft.state.customers[draft.subscription["customer"]]["discount"]
    if of_customer is None or draft.state.unverified.discount_of_the_customer == "refused":
        return own
    return [*own, of_customer["id"]]


def _items(draft: Draft) -> str:
    listed = draft.subscription["items"]
    data: list[JsonObject] = listed["data"]
    new_cycle = False
    before = copy_of(data)

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
        _set_quantity(item, entry, name, is_repriced=price is not None)
        if "metadata" in entry:
            merge_metadata(item, entry["metadata"])

    _check_items(data)
    listed["total_count"] = len(data)

    if new_cycle and draft.subscription["status"] != "trialing":
        _start_period(draft, "subscription_update")
    elif data != before and draft.params.get("proration_behavior") == "always_invoice":
        draft.bill_because = "subscription_update"

    return "items"


def _set_quantity(
    item: JsonObject, entry: Mapping[str, Any], name: str, *, is_repriced: bool
) -> None:
    """Set the quantity sent; another price sets it to 1 unless one is sent, as the SDK's own types say."""
    if item["price"]["recurring"]["usage_type"] == "metered":
        if "quantity" in entry:
            # That it is refused is known, how it is worded is unverified.
            message = "You cannot set the quantity for metered plans."
            raise Refusal(400, message, param=f"{name}[quantity]")
        item["quantity"] = None
        return
    item["quantity"] = entry.get("quantity", 1 if is_repriced else item["quantity"])


def _usable_price(draft: Draft, price_id: str, param: str) -> JsonObject:
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
    draft: Draft, entry: Mapping[str, Any], price: JsonObject | None, name: str
) -> JsonObject:
    if price is None:
        message = f"You must pass one of plan, price, or price_data in {name}."
        raise Refusal(400, message, code="parameter_missing", param=f"{name}[price]")

    now, data = draft.now, draft.subscription["items"]["data"]
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
        quantity=1,
        start=now if same is None else same["current_period_start"],
        end=end,
    )

    _set_quantity(item, entry, name, is_repriced=True)
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
_STEPS: tuple[Callable[[Draft], str], ...] = (
    _items,
    _trial,
    _cancellation,
    _pause,
    _discounts,
    _details,
    _settings,
    _metadata,
)
