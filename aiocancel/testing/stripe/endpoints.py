"""The endpoints of Stripe that are simulated: which parameters each takes, and what it does."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from aiocancel.testing.stripe import creation, objects, schedules, subscriptions
from aiocancel.testing.stripe.form import (
    Param,
    Refusal,
    boolean,
    choice,
    fields,
    free_map,
    integer,
    many,
    no_such,
    number,
    text,
    unsupported,
)
from aiocancel.testing.stripe.objects import ENDED, JsonObject
from aiocancel.testing.stripe.state import StripeState, Write

FEEDBACK = (
    "customer_service",
    "low_quality",
    "missing_features",
    "other",
    "switched_service",
    "too_complex",
    "too_expensive",
    "unused",
)
_STATUSES = (
    "active",
    "all",
    "canceled",
    "ended",
    "incomplete",
    "incomplete_expired",
    "past_due",
    "paused",
    "trialing",
    "unpaid",
)
_EXPAND = {"expand": many(text())}
_PAGE = _EXPAND | {
    "limit": integer(lowest=1, highest=100),
    "starting_after": text(),
    "ending_before": text(),
}
_DETAILS = fields(
    comment=text(clearable=True), feedback=choice(*FEEDBACK, clearable=True), feedback_option=text()
)
_DISCOUNTS = many(
    fields(coupon=text(), discount=text(), promotion_code=unsupported()), clearable=True
)
_UPDATE = _EXPAND | {
    "cancel_at": integer("min_period_end", "max_period_end", clearable=True),
    "cancel_at_period_end": boolean(),
    "cancellation_details": _DETAILS,
    "collection_method": choice("charge_automatically", "send_invoice"),
    "days_until_due": integer(lowest=0),
    "default_payment_method": text(clearable=True),
    "description": text(clearable=True),
    "discounts": _DISCOUNTS,
    "items": many(
        fields(
            id=text(),
            price=text(),
            quantity=integer(lowest=0),
            deleted=boolean(),
            metadata=free_map(),
            clear_usage=boolean(),
            **dict.fromkeys(
                (
                    "billing_thresholds",
                    "current_trial",
                    "discounts",
                    "plan",
                    "price_data",
                    "tax_rates",
                ),
                unsupported(),
            ),
        )
    ),
    "metadata": free_map(),
    "off_session": boolean(),
    "pause_collection": fields(
        True,
        behavior=choice("keep_as_draft", "mark_uncollectible", "void", required=True),
        resumes_at=integer(),
    ),
    "payment_behavior": choice(
        "allow_incomplete", "default_incomplete", "error_if_incomplete", "pending_if_incomplete"
    ),
    "proration_behavior": choice("always_invoice", "create_prorations", "none"),
    "proration_date": integer(),
    "trial_end": integer("now"),
    # Real parameters whose effect would be made up here: refusing them says so.
    **dict.fromkeys(
        (
            "add_invoice_items",
            "application_fee_percent",
            "automatic_tax",
            "billing_cycle_anchor",
            "billing_schedules",
            "billing_thresholds",
            "default_source",
            "default_tax_rates",
            "invoice_settings",
            "on_behalf_of",
            "payment_settings",
            "pending_invoice_item_interval",
            "transfer_data",
            "trial_from_plan",
            "trial_settings",
        ),
        unsupported(),
    ),
}
_PAUSE = _EXPAND | {
    "bill_for": fields(
        unused_time_from=fields(
            type=choice("item_current_period_start", "none", "now", required=True)
        ),
        outstanding_usage_through=fields(type=choice("none", "now", required=True)),
    ),
    "invoicing_behavior": choice("invoice", "pending_invoice_item"),
    "type": choice("subscription"),
}
_RESUME = _EXPAND | {
    # What goes on in the middle of a period is not simulated.
    "billing_cycle_anchor": fields(type=choice("now", required=True)),
    "payment_behavior": choice("resume_on_payment_attempt", "resume_on_payment_success"),
    "proration_behavior": unsupported(),
    "proration_date": unsupported(),
}
_CANCEL = _EXPAND | {
    "cancellation_details": _DETAILS,
    "invoice_now": boolean(),
    "prorate": boolean(),
}
_LIST_SUBSCRIPTIONS = _PAGE | {
    "customer": text(),
    "price": text(),
    "status": choice(*_STATUSES),
    "collection_method": choice("charge_automatically", "send_invoice"),
}
_CUSTOMER = (
    _EXPAND
    | dict.fromkeys(creation.CUSTOMER_TEXTS, text(clearable=True))
    | {"metadata": free_map(), "balance": integer()}
)
_COUPON = _EXPAND | {
    "id": text(),
    "amount_off": integer(lowest=1),
    "currency": text(),
    "duration": choice("forever", "once", "repeating"),
    "duration_in_months": integer(lowest=1, highest=120),
    "max_redemptions": integer(lowest=1),
    "metadata": free_map(),
    "name": text(),
    "percent_off": number(),
    "redeem_by": integer(),
}

Params = Mapping[str, Any]


@dataclass(frozen=True)
class Endpoint:
    """One method of one path; ``run`` gets the id in the path, or an empty string."""

    method: str
    path: re.Pattern[str]
    params: Mapping[str, Param]
    run: Callable[[StripeState, str, Params, Write], JsonObject]


def find_endpoint(method: str, path: str) -> tuple[Endpoint, str]:
    """The endpoint and the id in the path; raises Refusal (404) for what is not simulated."""
    for endpoint in ENDPOINTS:
        if endpoint.method == method and (match := endpoint.path.fullmatch(path)):
            return endpoint, match.groupdict().get("id", "")
    trailing = (
        " If you are trying to list objects, remove the trailing slash. If you are trying to retrieve an object, "
        "make sure you passed a valid (non-empty) identifier in your code."
    )
    message = (
        f"Unrecognized request URL ({method}: {path}).{trailing if path.endswith('/') else ''} "
        "Please see https://stripe.com/docs or we can help at https://support.stripe.com/."
    )
    raise Refusal(404, message)


def _get_subscription(
    state: StripeState, object_id: str, params: Params, write: Write
) -> JsonObject:
    subscription = state.find_subscription(object_id)
    if subscription["status"] in ENDED and not state.retrieve_canceled:
        raise no_such("subscription", object_id, status=404)
    return subscription


def _list_subscriptions(
    state: StripeState, object_id: str, params: Params, write: Write
) -> JsonObject:
    if (customer := params.get("customer")) is not None and customer not in state.customers:
        raise no_such("customer", customer, param="customer")
    wanted = params.get("status")
    groups = {"all": None, "ended": ENDED}
    statuses = groups.get(wanted, {wanted}) if wanted else None

    def is_listed(subscription: JsonObject) -> bool:
        prices = [item["price"]["id"] for item in subscription["items"]["data"]]
        return (
            (subscription["status"] != "canceled" if wanted is None else True)
            and (statuses is None or subscription["status"] in statuses)
            and params.get("customer", subscription["customer"]) == subscription["customer"]
            and params.get("price", prices[0]) in prices
            and params.get("collection_method", subscription["collection_method"])
            == subscription["collection_method"]
        )

    return _page(state.subscriptions, is_listed, params, "subscription", "/v1/subscriptions")


def _list_customers(state: StripeState, object_id: str, params: Params, write: Write) -> JsonObject:
    def is_listed(customer: JsonObject) -> bool:
        return bool(params.get("email", customer["email"]) == customer["email"])

    return _page(state.customers, is_listed, params, "customer", "/v1/customers")


def _list_coupons(state: StripeState, object_id: str, params: Params, write: Write) -> JsonObject:
    return _page(state.coupons, lambda _: True, params, "coupon", "/v1/coupons")


def _page(
    book: Mapping[str, JsonObject],
    is_listed: Callable[[JsonObject], bool],
    params: Params,
    kind: str,
    url: str,
) -> JsonObject:
    """One page, newest first; a cursor may be an object that the filter leaves out."""
    ordered = sorted(
        enumerate(book.values()), key=lambda entry: (entry[1]["created"], entry[0]), reverse=True
    )
    listed = [entry for _, entry in ordered]
    for cursor in ("starting_after", "ending_before"):
        if (at := params.get(cursor)) is not None:
            if at not in book:
                raise no_such(kind, at, param=cursor)
            place = listed.index(book[at])
            listed = listed[place + 1 :] if cursor == "starting_after" else listed[:place]
    found = [entry for entry in listed if is_listed(entry)]
    limit = params.get("limit", 10)
    page = found[-limit:] if "ending_before" in params else found[:limit]
    return objects.listing(url, page, has_more=len(found) > limit)


def _update_customer(
    state: StripeState, object_id: str, params: Params, write: Write
) -> JsonObject:
    customer = _held(state.customers, object_id, "customer")
    return _set_fields(state, customer, params, (*creation.CUSTOMER_TEXTS, "balance"), write)


def _update_coupon(state: StripeState, object_id: str, params: Params, write: Write) -> JsonObject:
    return _set_fields(state, _held(state.coupons, object_id, "coupon"), params, ("name",), write)


def _set_fields(
    state: StripeState, target: JsonObject, params: Params, names: Iterable[str], write: Write
) -> JsonObject:
    before = dict(target)
    target |= {
        name: None if params[name] == "" else params[name] for name in names if name in params
    }
    subscriptions.merge_metadata(target, params.get("metadata"))
    state.note(write, target["id"], [name for name in target if target[name] != before[name]])
    return target


def _create_coupon(state: StripeState, object_id: str, params: Params, write: Write) -> JsonObject:
    known = {name: value for name, value in params.items() if name != "expand"}
    known["metadata"] = known.get("metadata") or {}
    if ("percent_off" in known) == ("amount_off" in known):
        raise Refusal(
            400, "You must pass exactly one of percent_off or amount_off.", code="parameter_missing"
        )
    if "amount_off" in known and "currency" not in known:
        message = "You must pass currency when passing amount_off"
        raise Refusal(400, message, code="parameter_missing", param="currency")
    if not 0 < known.get("percent_off", 1) <= 100:
        raise Refusal(
            400, "Invalid percent_off: must be above 0 and at most 100", param="percent_off"
        )
    if (known.get("duration") == "repeating") != ("duration_in_months" in known):
        message = "duration_in_months is required with the duration repeating, and only then."
        raise Refusal(400, message, param="duration_in_months")
    coupon_id = known.pop("id", None)
    if coupon_id in state.coupons:
        raise Refusal(400, "Coupon already exists.", code="resource_already_exists", param="id")
    coupon = state.add_coupon(coupon_id, **known)
    state.note(write, coupon["id"], ["coupon_created"])
    return coupon


def _held(book: Mapping[str, JsonObject], object_id: str, kind: str) -> JsonObject:
    if (found := book.get(object_id)) is None:
        raise no_such(kind, object_id, status=404)
    return found


def _endpoint(
    line: str,
    params: Mapping[str, Param],
    run: Callable[[StripeState, str, Params, Write], JsonObject],
) -> Endpoint:
    method, path = line.split()
    return Endpoint(method, re.compile(path.replace("{id}", "(?P<id>[^/]+)")), params, run)


ENDPOINTS = (
    _endpoint("GET /v1/subscriptions", _LIST_SUBSCRIPTIONS, _list_subscriptions),
    _endpoint(
        "POST /v1/subscriptions", _EXPAND | creation.SUBSCRIPTION, creation.create_subscription
    ),
    _endpoint("GET /v1/subscriptions/{id}", _EXPAND, _get_subscription),
    _endpoint("POST /v1/subscriptions/{id}", _UPDATE, subscriptions.update),
    _endpoint("POST /v1/subscriptions/{id}/pause", _PAUSE, subscriptions.pause),
    _endpoint("POST /v1/subscriptions/{id}/resume", _RESUME, subscriptions.resume),
    _endpoint("DELETE /v1/subscriptions/{id}", _CANCEL, subscriptions.cancel_now),
    _endpoint("GET /v1/subscription_schedules/{id}", _EXPAND, schedules.retrieve),
    _endpoint("POST /v1/subscription_schedules/{id}", _EXPAND | schedules.UPDATE, schedules.update),
    _endpoint(
        "POST /v1/subscription_schedules/{id}/release",
        _EXPAND | schedules.RELEASE,
        schedules.release,
    ),
    _endpoint("GET /v1/customers", _PAGE | {"email": text()}, _list_customers),
    _endpoint("POST /v1/customers", _CUSTOMER, creation.create_customer),
    _endpoint(
        "GET /v1/customers/{id}",
        _EXPAND,
        lambda state, at, *_: _held(state.customers, at, "customer"),
    ),
    _endpoint("POST /v1/customers/{id}", _CUSTOMER, _update_customer),
    _endpoint("GET /v1/coupons", _PAGE, _list_coupons),
    _endpoint("POST /v1/coupons", _COUPON, _create_coupon),
    _endpoint(
        "GET /v1/coupons/{id}", _EXPAND, lambda state, at, *_: _held(state.coupons, at, "coupon")
    ),
    _endpoint(
        "POST /v1/coupons/{id}", _EXPAND | {"name": text(), "metadata": free_map()}, _update_coupon
    ),
    _endpoint("POST /v1/prices", _EXPAND | creation.PRICE, creation.create_price),
    _endpoint(
        "GET /v1/prices/{id}", _EXPAND, lambda state, at, *_: _held(state.prices, at, "price")
    ),
    _endpoint("GET /v1/account", _EXPAND, lambda state, *_: objects.account(state.now)),
)
