"""Stripe's JSON objects as of API version 2026-10-28.endive, and the arithmetic of billing periods.

Built by plain functions, so that what an object looks like can be read in one place. Times are Unix
seconds, amounts minor units.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

API_VERSION = "2026-10-28.endive"

# https://docs.stripe.com/api/coupons/create
LONGEST_COUPON_NAME = 40

JsonObject = dict[str, Any]
Moment = datetime | int

# Stripe gives these two up for good; both take only metadata and cancellation details afterwards.
ENDED = frozenset({"canceled", "incomplete_expired"})


def seconds(moment: Moment) -> int:
    """Unix seconds; a datetime must be aware."""
    if isinstance(moment, int):
        return moment
    if moment.tzinfo is None:
        raise ValueError("a naive datetime names no moment; give it a time zone")
    return int(moment.timestamp())


def shifted(moment: int, interval: str, count: int, *, anchor_day: int | None = None) -> int:
    """``moment`` plus ``count`` intervals; months keep ``anchor_day`` where they are long enough."""
    start = datetime.fromtimestamp(moment, UTC)
    if interval in {"day", "week"}:
        return moment + int(
            timedelta(days=count * (7 if interval == "week" else 1)).total_seconds()
        )
    months = start.year * 12 + start.month - 1 + count * (12 if interval == "year" else 1)
    year, month = months // 12, months % 12 + 1
    day = min(anchor_day or start.day, monthrange(year, month)[1])
    return int(start.replace(year=year, month=month, day=day).timestamp())


def customer(object_id: str, created: int, **known: Any) -> JsonObject:
    """A customer; ``known`` sets any of its fields."""
    plain: JsonObject = {
        "id": object_id,
        "object": "customer",
        "address": None,
        "balance": 0,
        "created": created,
        "currency": None,
        "customer_account": None,
        "default_source": None,
        "delinquent": False,
        "description": None,
        "discount": None,
        "email": None,
        "invoice_prefix": "SIM",
        "invoice_settings": {
            "custom_fields": None,
            "default_payment_method": None,
            "footer": None,
            "rendering_options": None,
        },
        "livemode": False,
        "metadata": {},
        "name": None,
        "next_invoice_sequence": 1,
        "phone": None,
        "preferred_locales": [],
        "shipping": None,
        "tax_exempt": "none",
        "test_clock": None,
    }

    return _with_fields(plain, known)


def price(
    object_id: str,
    created: int,
    *,
    unit_amount: int,
    currency: str,
    interval: str,
    interval_count: int,
    usage_type: str = "licensed",
    meter: str | None = None,
    **known: Any,
) -> JsonObject:
    """A recurring price per unit, licensed or metered."""
    plain: JsonObject = {
        "id": object_id,
        "object": "price",
        "active": True,
        "billing_scheme": "per_unit",
        "created": created,
        "currency": currency,
        "custom_unit_amount": None,
        "livemode": False,
        "lookup_key": None,
        "metadata": {},
        "nickname": None,
        "product": f"prod_{object_id.removeprefix('price_')}",
        "recurring": {
            "interval": interval,
            "interval_count": interval_count,
            "meter": meter,
            "trial_period_days": None,
            "usage_type": usage_type,
        },
        "tax_behavior": "unspecified",
        "tiers_mode": None,
        "transform_quantity": None,
        "type": "recurring",
        "unit_amount": unit_amount,
        "unit_amount_decimal": str(unit_amount),
    }

    return _with_fields(plain, known)


def _plan(of: JsonObject) -> JsonObject:
    """The older twin of a price that every subscription item still carries."""
    return {
        "id": of["id"],
        "object": "plan",
        "active": of["active"],
        "amount": of["unit_amount"],
        "amount_decimal": of["unit_amount_decimal"],
        "billing_scheme": of["billing_scheme"],
        "created": of["created"],
        "currency": of["currency"],
        "interval": of["recurring"]["interval"],
        "interval_count": of["recurring"]["interval_count"],
        "livemode": False,
        "metadata": {},
        "meter": None,
        "nickname": of["nickname"],
        "product": of["product"],
        "tiers_mode": None,
        "transform_usage": None,
        "trial_period_days": None,
        "usage_type": of["recurring"]["usage_type"],
    }


def item(
    object_id: str,
    subscription_id: str,
    of: JsonObject,
    *,
    created: int,
    quantity: int | None,
    start: int,
    end: int,
) -> JsonObject:
    """A subscription item of the price ``of``; since basil the period is here, not on the subscription."""
    return {
        "id": object_id,
        "object": "subscription_item",
        "billed_until": None,
        "billing_thresholds": None,
        "created": created,
        "current_period_end": end,
        "current_period_start": start,
        "discounts": [],
        "metadata": {},
        "plan": _plan(of),
        "price": dict(of),
        "quantity": quantity,
        "subscription": subscription_id,
        "tax_rates": [],
    }


def set_price(target: JsonObject, of: JsonObject) -> None:
    """Put another price on an item."""
    target["price"], target["plan"] = dict(of), _plan(of)


def coupon(object_id: str, created: int, **known: Any) -> JsonObject:
    """A coupon: what a discount will be made from."""
    plain: JsonObject = {
        "id": object_id,
        "object": "coupon",
        "amount_off": None,
        "created": created,
        "currency": None,
        "duration": "once",
        "duration_in_months": None,
        "livemode": False,
        "max_redemptions": None,
        "metadata": {},
        "name": None,
        "percent_off": None,
        "redeem_by": None,
        "times_redeemed": 0,
        "valid": True,
    }

    return _with_fields(plain, known)


def discount(
    object_id: str,
    of: JsonObject,
    *,
    customer: str,
    subscription: str | None,
    start: int,
    promotion_code: str | None = None,
) -> JsonObject:
    """A coupon applied to a subscription or a customer; only a repeating one knows its end."""
    months = of["duration_in_months"] if of["duration"] == "repeating" else None

    return {
        "id": object_id,
        "object": "discount",
        "checkout_session": None,
        "customer": customer,
        "customer_account": None,
        "end": None if months is None else shifted(start, "month", months),
        "invoice": None,
        "invoice_item": None,
        "promotion_code": promotion_code,
        "source": {"coupon": of["id"], "type": "coupon"},
        "start": start,
        "subscription": subscription,
        "subscription_item": None,
    }


def promotion_code(
    object_id: str, created: int, *, code: str, coupon: str, **known: Any
) -> JsonObject:
    """A code that customers type in to get a coupon."""
    plain: JsonObject = {
        "id": object_id,
        "object": "promotion_code",
        "active": True,
        "code": code,
        "created": created,
        "customer": None,
        "customer_account": None,
        "expires_at": None,
        "livemode": False,
        "max_redemptions": None,
        "metadata": {},
        "promotion": {"coupon": coupon, "type": "coupon"},
        "restrictions": {
            "first_time_transaction": False,
            "minimum_amount": None,
            "minimum_amount_currency": None,
        },
        "times_redeemed": 0,
    }

    return _with_fields(plain, known)


def feedback_option(object_id: str, created: int, description: str) -> JsonObject:
    """An answer of the owner's own to why customers leave."""
    return {
        "id": object_id,
        "object": "billing.feedback_option",
        "created": created,
        "description": description,
        "livemode": False,
        "metadata": {},
        "status": "active",
        "status_transitions": {"deactivated_at": None},
    }


def payment_method(object_id: str, created: int, *, customer: str | None) -> JsonObject:
    """A card."""
    return {
        "id": object_id,
        "object": "payment_method",
        "allow_redisplay": "unspecified",
        "billing_details": {"address": None, "email": None, "name": None, "phone": None},
        "card": {"brand": "visa", "exp_month": 12, "exp_year": 2040, "last4": "4242"},
        "created": created,
        "customer": customer,
        "livemode": False,
        "metadata": {},
        "type": "card",
    }


def subscription(
    object_id: str,
    created: int,
    *,
    customer_id: str,
    currency: str,
    items: Sequence[JsonObject],
    **known: Any,
) -> JsonObject:
    """A subscription; ``known`` sets any of its fields."""
    plain: JsonObject = {
        "id": object_id,
        "object": "subscription",
        "application": None,
        "application_fee_percent": None,
        "automatic_tax": {"disabled_reason": None, "enabled": False, "liability": None},
        "billing_cycle_anchor": min(entry["current_period_start"] for entry in items),
        "billing_cycle_anchor_config": None,
        "billing_mode": {
            "flexible": {"proration_discounts": "included"},
            "type": "flexible",
            "updated_at": created,
        },
        "billing_schedules": [],
        "billing_thresholds": None,
        "cancel_at": None,
        "cancel_at_period_end": False,
        "canceled_at": None,
        "cancellation_details": {
            "comment": None,
            "feedback": None,
            "feedback_option": None,
            "reason": None,
        },
        "collection_method": "charge_automatically",
        "created": created,
        "currency": currency,
        "customer": customer_id,
        "customer_account": None,
        "days_until_due": None,
        "default_payment_method": None,
        "default_source": None,
        "default_tax_rates": [],
        "description": None,
        "discounts": [],
        "ended_at": None,
        "invoice_settings": {
            "account_tax_ids": None,
            "custom_fields": None,
            "description": None,
            "footer": None,
            "issuer": {"type": "self"},
        },
        "items": {
            "object": "list",
            "data": list(items),
            "has_more": False,
            "total_count": len(items),
            "url": f"/v1/subscription_items?subscription={object_id}",
        },
        "latest_invoice": None,
        "livemode": False,
        "managed_payments": None,
        "metadata": {},
        "next_pending_invoice_item_invoice": None,
        "on_behalf_of": None,
        "pause_collection": None,
        "payment_settings": {
            "payment_method_options": None,
            "payment_method_types": None,
            "save_default_payment_method": "off",
        },
        "pending_invoice_item_interval": None,
        "pending_setup_intent": None,
        "pending_update": None,
        "presentment_details": None,
        "schedule": None,
        "start_date": created,
        "status": "active",
        "status_details": None,
        "test_clock": None,
        "transfer_data": None,
        "trial_end": None,
        "trial_settings": {
            "end_behavior": {
                "billing_cycle_anchor": None,
                "missing_payment_method": "create_invoice",
            }
        },
        "trial_start": None,
    }

    return _with_fields(plain, known)


def advance(subscription: JsonObject, item: JsonObject) -> None:
    """Let the next period of an item begin."""
    every = item["price"]["recurring"]
    # A month too short for the anchor's day must not shift all later months.
    moments = (
        subscription["billing_cycle_anchor"],
        item["current_period_start"],
        item["current_period_end"],
    )
    day = max(datetime.fromtimestamp(moment, UTC).day for moment in moments)

    end = item["current_period_end"]
    item["current_period_start"] = end
    item["current_period_end"] = shifted(
        end, every["interval"], every["interval_count"], anchor_day=day
    )


def account(object_id: str, created: int) -> JsonObject:
    """The account that the key belongs to, or that the request names."""
    return {
        "id": object_id,
        "object": "account",
        "business_type": "company",
        "charges_enabled": True,
        "country": "US",
        "created": created,
        "default_currency": "usd",
        "details_submitted": True,
        "email": "owner@example.com",
        "metadata": {},
        "payouts_enabled": True,
        "settings": {"dashboard": {"display_name": "Simulator", "timezone": "Etc/UTC"}},
        "type": "standard",
    }


def listing(url: str, data: Sequence[JsonObject], *, has_more: bool) -> JsonObject:
    """One page of a list."""
    return {"object": "list", "data": list(data), "has_more": has_more, "url": url}


def _with_fields(plain: JsonObject, known: Mapping[str, Any]) -> JsonObject:
    if unknown := sorted(known.keys() - plain.keys()):
        raise ValueError(f"a {plain['object']} has no field {', '.join(unknown)}")
    return plain | dict(known)


def first_period_end(subscription: JsonObject) -> int:
    """The earliest end of a current period, which is when "at period end" comes."""
    return min(_period_ends(subscription))


def last_period_end(subscription: JsonObject) -> int:
    """The latest end of a current period."""
    return max(_period_ends(subscription))


def _period_ends(subscription: JsonObject) -> Iterator[int]:
    return (item["current_period_end"] for item in subscription["items"]["data"])
