"""Subscription schedules at the simulated Stripe: they own the end of their subscription, and can be let go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from aiocancel.testing.stripe.form import Refusal, boolean, choice, no_such, unsupported
from aiocancel.testing.stripe.objects import JsonObject
from aiocancel.testing.stripe.state import StripeState, Write

RELEASE = {"preserve_cancel_date": boolean()}
UPDATE = {
    "end_behavior": choice("cancel", "none", "release", "renew"),
    **dict.fromkeys(
        ("default_settings", "metadata", "pause_schedules", "phases", "proration_behavior"),
        unsupported(),
    ),
}


def schedule_object(
    object_id: str,
    created: int,
    *,
    subscription: JsonObject,
    ends: Sequence[int],
    end_behavior: str,
) -> JsonObject:
    """A schedule whose phases end at ``ends``; the first one runs."""
    starts = [subscription["billing_cycle_anchor"], *ends]
    phases = [
        {"start_date": start, "end_date": end} for start, end in zip(starts, ends, strict=False)
    ]
    return {
        "id": object_id,
        "object": "subscription_schedule",
        "canceled_at": None,
        "completed_at": None,
        "created": created,
        "current_phase": phases[0],
        "customer": subscription["customer"],
        "end_behavior": end_behavior,
        "livemode": False,
        "metadata": {},
        "pause_schedules": [],
        "phases": phases,
        "released_at": None,
        "released_subscription": None,
        "status": "active",
        "subscription": subscription["id"],
        "test_clock": None,
    }


def retrieve(state: StripeState, schedule_id: str, _: Mapping[str, Any], __: Write) -> JsonObject:
    """GET /v1/subscription_schedules/{id}."""
    if (schedule := state.schedules.get(schedule_id)) is None:
        raise no_such("subscription_schedule", schedule_id, status=404)
    if schedule["subscription"] is not None:
        state.find_subscription(schedule["subscription"])
    return schedule


def release(
    state: StripeState, schedule_id: str, params: Mapping[str, Any], write: Write
) -> JsonObject:
    """POST /v1/subscription_schedules/{id}/release."""
    schedule = _running(state, schedule_id, params, write)
    subscription = state.find_subscription(schedule["subscription"])
    if schedule["end_behavior"] == "cancel" and not params.get("preserve_cancel_date", False):
        subscription |= {"cancel_at": None, "canceled_at": None}
    let_go(schedule, subscription, state.now)
    state.note(write, subscription["id"], ["schedule_released"])
    return schedule


def update(
    state: StripeState, schedule_id: str, params: Mapping[str, Any], write: Write
) -> JsonObject:
    """POST /v1/subscription_schedules/{id}."""
    schedule = _running(state, schedule_id, params, write)
    subscription = state.find_subscription(schedule["subscription"])
    before = schedule["end_behavior"]
    schedule["end_behavior"] = params.get("end_behavior", before)
    if schedule["end_behavior"] != before:
        set_end(schedule, subscription, state.now)
        state.note(write, subscription["id"], [f"schedule_ends_with_{schedule['end_behavior']}"])
    return schedule


def set_end(schedule: JsonObject, subscription: JsonObject, now: int) -> None:
    """Let the subscription show the end that its schedule sets."""
    cancels = schedule["end_behavior"] == "cancel"
    subscription |= {
        "cancel_at": schedule["phases"][-1]["end_date"] if cancels else None,
        "canceled_at": now if cancels else None,
    }


def let_go(schedule: JsonObject, subscription: JsonObject, now: int) -> None:
    """Let the subscription go on by itself, as it is."""
    schedule |= {
        "status": "released",
        "released_at": now,
        "released_subscription": subscription["id"],
        "subscription": None,
        "current_phase": None,
    }
    subscription["schedule"] = None


def _running(
    state: StripeState, schedule_id: str, params: Mapping[str, Any], write: Write
) -> JsonObject:
    schedule = retrieve(state, schedule_id, params, write)
    if schedule["status"] != "active":
        message = f"You cannot change a subscription schedule that is currently in the `{schedule['status']}` status."
        raise Refusal(400, message)
    return schedule
