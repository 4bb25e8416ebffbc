"""The JSON objects that the simulated ProsperStack keeps, in the shape its REST API documents.

Everything here is a plain function from values to a new dict; state lives in the simulator.
Source: https://developers.prosperstack.com (flow sessions, offers).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

JsonObject = dict[str, Any]
NewId = Callable[[str], str]

REASONS: tuple[tuple[str, str], ...] = (
    ("too_expensive", "It is too expensive"),
    ("missing_features", "It lacks a feature I need"),
    ("not_using", "I do not use it enough"),
    ("switched_service", "I am moving to another product"),
    ("other", "Something else"),
)


def iso(moment: datetime) -> str:
    """``moment`` as ISO 8601 in UTC with milliseconds, as a JavaScript server prints it."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def offer(
    offer_id: str, name: str, details: JsonObject, metadata: Mapping[str, str] | None = None
) -> JsonObject:
    """One offer with full ``details``; its ``type`` is the details' type."""
    created = "2026-01-05T09:00:00.000Z"

    return {
        "id": offer_id,
        "type": details["type"],
        "name": name,
        "goal": "retention",
        "context": "cancellation_flow",
        "details": details,
        "metadata": dict(metadata or {}),
        "created_at": created,
        "updated_at": created,
    }


def coupon_details(
    amount_off: str = "25.00",
    *,
    coupon_type: str = "percentage",
    duration: str = "repeating",
    months: int | None = 3,
    platform_coupon_id: str | None = None,
) -> JsonObject:
    """Return the details of a coupon.

    Args:
        amount_off: A decimal string: percent, or major units of the currency.
        coupon_type: Whether that is a percentage or an amount.
        duration: The vendor's word for how long it lasts.
        months: For how many months it lasts, None where it is not months that count.
        platform_coupon_id: The coupon at Stripe, None where there is none yet.
    """
    return {
        "type": "coupon",
        "coupon_type": coupon_type,
        "amount_off": amount_off,
        "duration": duration,
        "months": months,
        "apply_to": "subscription",
        "platform_coupon_id": platform_coupon_id,
        "payment_provider_coupon_id": platform_coupon_id,
    }


def default_offers() -> list[JsonObject]:
    """One offer of each documented type that a Stripe account can be given."""
    plan = "price_simulator_basic"

    return [
        offer("offr_coupon", "25% off for 3 months", coupon_details()),
        offer(
            "offr_trial_extension", "14 more days of trial", {"type": "trial_extension", "days": 14}
        ),
        offer(
            "offr_change_plan",
            "Move to the Basic plan",
            {
                "type": "change_plan",
                "platform_plan_id": plan,
                "payment_provider_plan_id": plan,
                "prorate": True,
            },
        ),
        offer(
            "offr_pause_subscription",
            "Pause for 2 months",
            {
                "type": "pause_subscription",
                "interval": "month",
                "interval_count": 2,
                "pause_at": "immediately",
                "metadata": {},
            },
        ),
        offer(
            "offr_custom", "A free onboarding call", {"type": "custom"}, {"code": "onboarding-call"}
        ),
    ]


def new_session(
    payload: Mapping[str, Any],
    *,
    now: datetime,
    new_id: NewId,
    offers: Sequence[JsonObject],
    client_url: str | None,
    user_agent: str | None,
    echoes_meta: bool = True,
    echoes_properties: bool = True,
) -> JsonObject:
    """The flow session that ``payload`` opens: status ``in_progress``, nothing started or answered yet."""
    at = iso(now)
    subscriber = payload.get("subscriber") or {}
    subscription = payload.get("subscription") or {}
    platform_id = (
        subscription.get("platformId") or subscription.get("paymentProviderId") or new_id("custom")
    )
    subscriber_id = new_id("subr")

    def properties(entity: str, given: Mapping[str, Any]) -> list[JsonObject]:
        values = given.get("properties") or {}
        return _property_values(entity, values) if echoes_properties else []

    meta = {"meta": payload["meta"]} if echoes_meta and "meta" in payload else {}
    return {
        "id": new_id("sess"),
        "status": "in_progress",
        "created_at": at,
        "updated_at": at,
        "started_at": None,
        "completed_at": None,
        "flow": {
            "id": payload.get("flowId") or "flow_simulator",
            "name": "Simulated flow",
            "created_at": at,
            "updated_at": at,
        },
        "subscriber": {
            "id": subscriber_id,
            "platform_id": str(subscriber.get("internalId") or "cus_simulator"),
            "name": subscriber.get("name") or "Simulated Subscriber",
            "email": subscriber.get("email") or "subscriber@example.com",
            "status": "active",
            "properties": properties("subscriber", subscriber),
            "created_at": at,
            "updated_at": at,
        },
        "subscription": {
            "id": new_id("subn"),
            "platform_id": platform_id,
            "subscriber_id": subscriber_id,
            "mrr": f"{float(subscription.get('mrr') or 0):.2f}",
            "status": "trialing" if subscription.get("trial") else "active",
            "properties": properties("subscription", subscription),
            "created_at": at,
            "updated_at": at,
        },
        "offers_presented": list(offers),
        "offer_accepted": None,
        "answers": [],
        "cancel_reason": None,
        "steps": [],
        "deflected_by": None,
        "rerouted_from_flow_session_id": None,
        "client_url": client_url,
        "client_user_agent": user_agent,
        **meta,
    }


def answers(reason: Mapping[str, str | None], comment: str | None) -> list[JsonObject]:
    """The survey answers of one session: the primary multiple-choice question and a free text."""
    choice = {"id": f"qopt_{reason['reason_code'] or 'free'}", "text": reason["text"]}

    return [
        {
            "question": {
                "id": "ques_reason",
                "type": "multiple_choice",
                "text": "Why are you leaving?",
                "primary": True,
            },
            "value": [choice],
            "sentiment": None,
        },
        {
            "question": {
                "id": "ques_comment",
                "type": "text",
                "text": "Anything to add?",
                "primary": False,
            },
            "value": comment or None,
            "sentiment": None,
        },
    ]


def cancel_reason(code_or_text: str) -> dict[str, str | None]:
    """``{text, reason_code}`` of a known reason code, or of a free text without a code."""
    known = dict(REASONS)
    if code_or_text in known:
        return {"text": known[code_or_text], "reason_code": code_or_text}
    return {"text": code_or_text, "reason_code": None}


def steps(started_at: str, completed_at: str, *, reached_confirmation: bool) -> list[JsonObject]:
    """What the subscriber walked through; an accepted offer ends the flow before the confirmation."""
    walked = [("question", "Why are you leaving?"), ("offer", "Before you go")]
    if reached_confirmation:
        walked.append(("confirmation", "Confirm"))
    return [
        {
            "step": {"id": f"step_{kind}", "type": kind, "title": title},
            "started_at": started_at,
            "completed_at": completed_at,
        }
        for kind, title in walked
    ]


def _property_values(entity: str, properties: Mapping[str, Any]) -> list[JsonObject]:
    return [
        {
            "property": {
                "id": f"prop_{key}",
                "key": key,
                "name": key.replace("_", " ").capitalize(),
                "entity": entity,
                "type": "boolean"
                if isinstance(value, bool)
                else "number"
                if isinstance(value, int | float)
                else "text",
                "format": None,
            },
            "value": value,
            "formatted_value": str(value),
        }
        for key, value in properties.items()
        if value is not None
    ]
