"""Subscription schedules at the simulated Stripe: they own the end of their subscription, and can be let go.

Phases carry items and discounts; when one begins, they replace those of the subscription, without proration. A phase
that names no discounts has none of its own, so that of the customer is in force. A caller that sends the running phase
again without them takes them away.
Sources: SubscriptionScheduleUpdateParams.Phase in stripe-python 16.1.0; stripe/stripe-node#840 (the running phase is
sent along); letsrevel/revel-backend#786 (``iterations`` is gone).
Not simulated: pauses planned by a schedule, ``renew``, another price or quantity for the running phase, and what
default payment methods, taxes and descriptions of phases do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from aiocancel.testing.json_copy import copy_of
from aiocancel.testing.stripe import discounts, objects
from aiocancel.testing.stripe.books import Books
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
    unsupported,
)
from aiocancel.testing.stripe.objects import (
    JsonObject,
    Moment,
    first_period_end,
    seconds,
    shifted,
)
from aiocancel.testing.stripe.writes import Write

RELEASE = {"preserve_cancel_date": boolean()}
CANCEL = {"invoice_now": boolean(), "prorate": boolean()}
CREATE = {"from_subscription": text(required=True), "metadata": free_map()}
_DISCOUNT = fields(coupon=text(), discount=text(), promotion_code=text())
_ITEM = fields(
    price=text(required=True),
    quantity=integer(lowest=0),
    metadata=free_map(),
    tax_rates=many(text()),
    **dict.fromkeys(("billing_thresholds", "discounts", "plan", "price_data"), unsupported()),
)
_PHASE = fields(
    items=many(_ITEM, required=True),
    start_date=integer("now"),
    end_date=integer(),
    duration=fields(
        interval=choice("day", "month", "week", "year", required=True),
        interval_count=integer(lowest=1),
    ),
    discounts=many(_DISCOUNT, clearable=True),
    proration_behavior=choice("always_invoice", "create_prorations", "none"),
    billing_cycle_anchor=choice("automatic", "phase_start"),
    collection_method=choice("charge_automatically", "send_invoice"),
    currency=text(),
    default_payment_method=text(),
    default_tax_rates=many(text()),
    description=text(),
    automatic_tax=fields(enabled=boolean()),
    metadata=free_map(),
    **dict.fromkeys(
        (
            "add_invoice_items",
            "application_fee_percent",
            "billing_thresholds",
            "invoice_settings",
            "on_behalf_of",
            "transfer_data",
            "trial",
            "trial_end",
        ),
        unsupported(),
    ),
)
_KEPT_AS_SENT = (
    "billing_cycle_anchor",
    "collection_method",
    "default_payment_method",
    "default_tax_rates",
    "description",
    "metadata",
)
UPDATE = {
    "end_behavior": choice("cancel", "none", "release", "renew"),
    "phases": many(_PHASE),
    "proration_behavior": choice("always_invoice", "create_prorations", "none"),
    "metadata": free_map(),
    **dict.fromkeys(("default_settings", "pause_schedules"), unsupported()),
}


def phase(
    subscription: JsonObject,
    items: Sequence[Mapping[str, Any]],
    start: int,
    end: int,
    proration_behavior: str = "create_prorations",
    **known: Any,
) -> JsonObject:
    """A phase with these prices and quantities; ``known`` sets any other of its fields."""
    plain: JsonObject = {
        "add_invoice_items": [],
        "application_fee_percent": None,
        "automatic_tax": {"disabled_reason": None, "enabled": False, "liability": None},
        "billing_cycle_anchor": None,
        "billing_thresholds": None,
        "collection_method": None,
        "currency": subscription["currency"],
        "default_payment_method": None,
        "default_tax_rates": [],
        "description": None,
        "discounts": [],
        "end_date": end,
        "invoice_settings": None,
        "items": [
            {
                "billing_thresholds": None,
                "discounts": [],
                "metadata": entry.get("metadata", {}),
                "plan": entry["price"],
                "price": entry["price"],
                "quantity": entry.get("quantity", 1),
                "tax_rates": entry.get("tax_rates", []),
            }
            for entry in items
        ],
        "metadata": {},
        "on_behalf_of": None,
        "proration_behavior": proration_behavior,
        "start_date": start,
        "transfer_data": None,
        "trial_end": None,
    }

    return plain | known


def _discounts_of(state: Books, subscription: JsonObject) -> list[JsonObject]:
    """The subscription's own discounts, as the phase names them that is made of it."""
    own = [state.discounts[discount_id] for discount_id in subscription["discounts"]]
    by_coupon = state.unverified.discounts_of_a_new_schedule == "by_coupon"
    return [
        {
            "coupon": each["source"]["coupon"] if by_coupon else None,
            "discount": None if by_coupon else each["id"],
            "promotion_code": None,
        }
        for each in own
    ]


def items_of(subscription: JsonObject) -> list[JsonObject]:
    """The subscription's prices and quantities, as a phase names them."""
    return [
        {"price": item["price"]["id"], "quantity": item["quantity"]}
        for item in subscription["items"]["data"]
    ]


def schedule_object(
    object_id: str,
    created: int,
    *,
    subscription: JsonObject,
    phases: Sequence[JsonObject],
    end_behavior: str,
) -> JsonObject:
    """A schedule whose first phase runs."""
    return {
        "id": object_id,
        "object": "subscription_schedule",
        "application": None,
        "billing_mode": dict(subscription["billing_mode"]),
        "canceled_at": None,
        "completed_at": None,
        "created": created,
        "current_phase": _span(phases[0]),
        "customer": subscription["customer"],
        "customer_account": None,
        "default_settings": {
            "application_fee_percent": None,
            "automatic_tax": {"disabled_reason": None, "enabled": False, "liability": None},
            "billing_cycle_anchor": "automatic",
            "billing_thresholds": None,
            "collection_method": subscription["collection_method"],
            "default_payment_method": None,
            "description": None,
            "invoice_settings": {
                "account_tax_ids": None,
                "custom_fields": None,
                "days_until_due": None,
                "description": None,
                "footer": None,
                "issuer": {"type": "self"},
            },
            "on_behalf_of": None,
            "transfer_data": None,
        },
        "end_behavior": end_behavior,
        "livemode": False,
        "metadata": {},
        "pause_schedules": [],
        "phases": list(phases),
        "released_at": None,
        "released_subscription": None,
        "status": "active",
        "subscription": subscription["id"],
        "test_clock": subscription["test_clock"],
    }


def _span(of: JsonObject) -> JsonObject:
    return {"start_date": of["start_date"], "end_date": of["end_date"]}


def add(
    state: Books,
    id: str,
    of: JsonObject,
    *,
    ends: Sequence[Moment] = (),
    end_behavior: str = "release",
    prices: Sequence[str] = (),
) -> JsonObject:
    """Put a subscription under a schedule, as ``StripeState.add_schedule`` says, and return a copy of it."""
    starts = [min(item["current_period_start"] for item in of["items"]["data"])]
    trial_end = of["trial_end"] if of["status"] == "trialing" else None
    phases = []

    for number, moment in enumerate(ends or [first_period_end(of)]):
        items = items_of(of)
        if 0 < number <= len(prices):
            items[0]["price"] = prices[number - 1]
        made = phase(of, items, starts[-1], seconds(moment), discounts=_discounts_of(state, of))
        phases.append(made | {"trial_end": trial_end})
        trial_end = None
        starts.append(seconds(moment))

    now = state.time_of(of)
    schedule = schedule_object(id, now, subscription=of, phases=phases, end_behavior=end_behavior)
    of["schedule"], state.schedules[id] = id, schedule
    if end_behavior == "cancel":
        set_end(schedule, of, now)

    state.tell("subscription_schedule.created", schedule, at=now)

    return copy_of(schedule)


# --- endpoints --------------------------------------------------------------------------------------------


def retrieve(state: Books, schedule_id: str, _: Mapping[str, Any], __: Write) -> JsonObject:
    """GET /v1/subscription_schedules/{id}."""
    if (schedule := state.schedules.get(schedule_id)) is None:
        raise no_such("subscription_schedule", schedule_id, status=404)
    if schedule["subscription"] is not None:
        state.find_subscription(schedule["subscription"])
    return schedule


def create(state: Books, _: str, params: Mapping[str, Any], write: Write) -> JsonObject:
    """POST /v1/subscription_schedules with ``from_subscription``: one phase, the running period."""
    if (subscription := state.subscriptions.get(params["from_subscription"])) is None:
        raise no_such("subscription", params["from_subscription"], param="from_subscription")

    if subscription["schedule"] is not None:
        message = "You cannot migrate a subscription that is already attached to a schedule."
        raise Refusal(400, message, param="from_subscription")

    if subscription["status"] in objects.ENDED | {"paused"}:
        message = (
            f"A schedule cannot be attached to a subscription that is {subscription['status']}."
        )
        raise Refusal(400, message, param="from_subscription")

    schedule = add(state, state.new_id("sub_sched"), subscription)
    state.note(write, subscription["id"], ["schedule_created"])

    return schedule


def release(state: Books, schedule_id: str, params: Mapping[str, Any], write: Write) -> JsonObject:
    """POST /v1/subscription_schedules/{id}/release."""
    schedule = _running(state, schedule_id, params, write)
    subscription = state.find_subscription(schedule["subscription"])
    with state.watched(subscription):
        if schedule["end_behavior"] == "cancel" and not params.get("preserve_cancel_date", False):
            subscription |= {"cancel_at": None, "canceled_at": None}
        let_go(state, schedule, subscription)
    state.note(write, subscription["id"], ["schedule_released"])
    return schedule


def cancel(state: Books, schedule_id: str, params: Mapping[str, Any], write: Write) -> JsonObject:
    """POST /v1/subscription_schedules/{id}/cancel: the subscription ends at once with its schedule."""
    schedule = _running(state, schedule_id, params, write)
    subscription = state.find_subscription(schedule["subscription"])
    now = state.time_of(subscription)
    with state.watched(subscription):
        subscription |= {"status": "canceled", "canceled_at": now, "ended_at": now}
        end_with_subscription(state, subscription, now)
    state.note(write, subscription["id"], ["schedule_canceled"])
    return schedule


def update(state: Books, schedule_id: str, params: Mapping[str, Any], write: Write) -> JsonObject:
    """POST /v1/subscription_schedules/{id}."""
    schedule = _running(state, schedule_id, params, write)
    subscription = state.find_subscription(schedule["subscription"])
    now = state.time_of(subscription)
    before = schedule["end_behavior"], schedule["phases"]
    phases = schedule["phases"]
    if "phases" in params:
        phases = _read_phases(state, subscription, schedule, params["phases"])

    with state.watched(subscription):
        schedule |= {"end_behavior": params.get("end_behavior", before[0]), "phases": phases}
        current = next(each for each in phases if each["end_date"] > now)
        schedule["current_phase"] = _span(current)
        if "phases" in params:
            _take_discounts(state, subscription, current)
        if (schedule["end_behavior"], phases) != before:
            set_end(schedule, subscription, now)
    changed = [] if schedule["end_behavior"] == before[0] else [schedule["end_behavior"]]
    kinds = [f"schedule_ends_with_{each}" for each in changed]
    if phases != before[1]:
        kinds.append("schedule_phases")
    if kinds:
        state.tell("subscription_schedule.updated", schedule, at=now)
    state.note(write, subscription["id"], kinds)
    return schedule


def _read_phases(
    state: Books,
    subscription: JsonObject,
    schedule: JsonObject,
    given: Sequence[Mapping[str, Any]],
) -> list[JsonObject]:
    past, start = _start_of(schedule, given)
    phases = []

    for number, entry in enumerate(given):
        name = f"phases[{number}]"
        _check_items(state, entry, name)
        end = _end_of(entry, start, name)
        if entry.get("start_date", start) != start:
            message = "The start date of a phase must be the end date of the phase before it."
            raise Refusal(400, message, param=f"{name}[start_date]")
        behavior = entry.get("proration_behavior", "create_prorations")
        known = {field: entry[field] for field in _KEPT_AS_SENT if field in entry}
        known["discounts"] = _read_discounts(state, subscription, entry, name)
        if entry.get("automatic_tax", {}).get("enabled", False):
            known["automatic_tax"] = {
                "disabled_reason": None,
                "enabled": True,
                "liability": {"type": "self"},
            }
        items = [_item(state, each) for each in entry["items"]]
        phases.append(phase(subscription, items, start, end, behavior, **known))
        start = end

    now = state.time_of(subscription)
    if not phases or phases[-1]["end_date"] <= now:
        raise Refusal(400, "The last phase must end in the future.", param="phases")
    _check_running(schedule, phases, now)

    return past + phases


def _start_of(
    schedule: JsonObject, given: Sequence[Mapping[str, Any]]
) -> tuple[list[JsonObject], int]:
    """The phases that are over and left out, and the start of the first that is given."""
    if not given or "start_date" not in given[0]:
        message = "The first phase of a schedule that runs must name its `start_date`."
        raise Refusal(400, message, param="phases[0][start_date]")

    running = schedule["current_phase"]["start_date"]
    start = running if given[0]["start_date"] == "now" else int(given[0]["start_date"])
    if start not in {each["start_date"] for each in schedule["phases"]} or start > running:
        message = "You can not modify the start date of the current phase."
        raise Refusal(400, message, param="phases[0][start_date]")
    return [each for each in schedule["phases"] if each["end_date"] <= start], start


def _check_items(state: Books, entry: Mapping[str, Any], name: str) -> None:
    for number, item in enumerate(entry["items"]):
        price, param = state.prices.get(item["price"]), f"{name}[items][{number}]"
        if price is None:
            raise no_such("price", item["price"], param=f"{param}[price]")
        if price["recurring"]["usage_type"] == "metered" and "quantity" in item:
            message = "You cannot set the quantity for metered plans."
            raise Refusal(400, message, param=f"{param}[quantity]")


def _item(state: Books, entry: Mapping[str, Any]) -> Mapping[str, Any]:
    is_metered = state.prices[entry["price"]]["recurring"]["usage_type"] == "metered"
    return {**entry, "quantity": None} if is_metered else entry


def _end_of(entry: Mapping[str, Any], start: int, name: str) -> int:
    if "end_date" in entry and "duration" in entry:
        message = "You may only specify one of these parameters: end_date, duration."
        raise Refusal(400, message, code="parameters_exclusive", param=f"{name}[duration]")

    end: int | None = entry.get("end_date")
    if (duration := entry.get("duration")) is not None:
        end = shifted(start, duration["interval"], duration.get("interval_count", 1))
    if end is None or end <= start:
        message = "The end date of a phase must lie after its start date."
        raise Refusal(400, message, param=f"{name}[end_date]")
    return end


def _read_discounts(
    state: Books, subscription: JsonObject, entry: Mapping[str, Any], name: str
) -> list[JsonObject]:
    read = []
    for number, each in enumerate(entry.get("discounts") or []):
        param = f"{name}[discounts][{number}]"
        if len(each) != 1:
            message = f"You must pass exactly one of coupon, discount or promotion_code in {param}."
            raise Refusal(400, message, param=param)
        if "discount" not in each:
            discounts.redeemable(state, subscription, each, param)
        elif each["discount"] not in subscription["discounts"]:
            raise no_such("discount", each["discount"], param=f"{param}[discount]")

        read.append({"coupon": None, "discount": None, "promotion_code": None} | dict(each))
    return read


def _check_running(schedule: JsonObject, phases: Sequence[JsonObject], now: int) -> None:
    before = next(each for each in schedule["phases"] if each["end_date"] > now)
    after = next(each for each in phases if each["end_date"] > now)
    wanted = [(item["price"], item["quantity"]) for item in before["items"]]
    if [(item["price"], item["quantity"]) for item in after["items"]] != wanted:
        message = "The Stripe simulator does not simulate other items for the running phase."
        raise Refusal(400, message, code="simulator_unsupported", param="phases")


def _take_discounts(state: Books, subscription: JsonObject, current: JsonObject) -> None:
    """Give the subscription the discounts of a phase; a coupon there begins anew.

    One that was used up or has ended meanwhile does not come back.
    """
    now, there = state.time_of(subscription), subscription["discounts"]
    taken: list[str] = []
    for each in current["discounts"]:
        if each["discount"] is None:
            named = {name: value for name, value in each.items() if value is not None}
            coupon, code = discounts.redeemable(state, subscription, named, "phases")
            made = discounts.redeem(
                state,
                coupon,
                customer=subscription["customer"],
                subscription=subscription["id"],
                at=now,
                promotion_code=code,
            )
            each |= {"coupon": None, "promotion_code": None, "discount": made["id"]}
            taken.append(made["id"])
        elif each["discount"] in there:
            taken.append(each["discount"])

    subscription["discounts"] = taken


def set_end(schedule: JsonObject, subscription: JsonObject, now: int) -> None:
    """Let the subscription show the end that its schedule sets."""
    cancels = schedule["end_behavior"] == "cancel"
    subscription |= {
        "cancel_at": schedule["phases"][-1]["end_date"] if cancels else None,
        "canceled_at": now if cancels else None,
    }


# --- what time and other objects do to a schedule ---------------------------------------------------------


def end_phase(state: Books, subscription: JsonObject, at: int) -> None:
    """End the running phase: the next one begins, or the schedule is over."""
    schedule = state.schedules[subscription["schedule"]]
    following = next((each for each in schedule["phases"] if each["end_date"] > at), None)

    if following is None:
        schedule |= {
            "status": "completed",
            "completed_at": at,
            "subscription": None,
            "current_phase": None,
        }
        subscription["schedule"] = None
        state.tell("subscription_schedule.completed", schedule, at=at)
        return

    schedule["current_phase"] = _span(following)
    _take_discounts(state, subscription, following)
    items = subscription["items"]["data"]

    for item, wanted in zip(items, following["items"], strict=False):
        objects.set_price(item, state.prices[wanted["price"]])
        item["quantity"] = wanted["quantity"]

    state.tell("subscription_schedule.updated", schedule, at=at)


def end_with_subscription(state: Books, subscription: JsonObject, at: int) -> None:
    """Let the schedule of a subscription that has ended be over, too."""
    if (schedule := state.schedules.get(subscription["schedule"] or "")) is None:
        return
    schedule |= {
        "status": "canceled",
        "canceled_at": at,
        "subscription": None,
        "current_phase": None,
    }
    state.tell("subscription_schedule.canceled", schedule, at=at)


def let_go(state: Books, schedule: JsonObject, subscription: JsonObject) -> None:
    """Let the subscription go on by itself, as it is."""
    now = state.time_of(subscription)
    schedule |= {
        "status": "released",
        "released_at": now,
        "released_subscription": subscription["id"],
        "subscription": None,
        "current_phase": None,
    }
    subscription["schedule"] = None
    state.tell("subscription_schedule.released", schedule, at=now)


def _running(state: Books, schedule_id: str, params: Mapping[str, Any], write: Write) -> JsonObject:
    schedule = retrieve(state, schedule_id, params, write)
    if schedule["status"] != "active":
        message = f"You cannot change a subscription schedule that is currently in the `{schedule['status']}` status."
        raise Refusal(400, message)
    return schedule
