"""The endpoints of Stripe that are simulated: which parameters each takes, and what it does."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from aiocancel.testing.json_copy import copy_of
from aiocancel.testing.stripe import (
    clocks,
    creation,
    objects,
    paid,
    pauses,
    preview,
    schedules,
    subscriptions,
)
from aiocancel.testing.stripe.events import EVENTS_LAST_S
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
from aiocancel.testing.stripe.state import StripeState
from aiocancel.testing.stripe.writes import Write

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
    comment=text(clearable=True, longest=5000),
    feedback=choice(*FEEDBACK, clearable=True),
    feedback_option=text(clearable=True),
)
_DISCOUNTS = many(fields(coupon=text(), discount=text(), promotion_code=text()), clearable=True)
_UPDATE = _EXPAND | {
    "cancel_at": integer("min_period_end", "max_period_end", "max_billed_until", clearable=True),
    "cancel_at_period_end": boolean(),
    "cancellation_details": _DETAILS,
    "collection_method": choice("charge_automatically", "send_invoice"),
    "days_until_due": integer(lowest=0),
    "default_payment_method": text(clearable=True),
    "default_source": text(clearable=True),
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
_COUPON = _EXPAND | {
    "id": text(),
    "amount_off": integer(lowest=1),
    "currency": text(),
    "duration": choice("forever", "once", "repeating"),
    "duration_in_months": integer(lowest=1, highest=120),
    "max_redemptions": integer(lowest=1),
    "metadata": free_map(),
    "name": text(longest=objects.LONGEST_COUPON_NAME),
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
    creation.settle_customer(state, customer, params, write)
    return _set_fields(state, customer, params, (*creation.CUSTOMER_TEXTS, "balance"), write)


def _update_coupon(state: StripeState, object_id: str, params: Params, write: Write) -> JsonObject:
    return _set_fields(state, _held(state.coupons, object_id, "coupon"), params, ("name",), write)


def _set_fields(
    state: StripeState, target: JsonObject, params: Params, names: Iterable[str], write: Write
) -> JsonObject:
    before = copy_of(target)
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


def _get(book: str, kind: str) -> Callable[[StripeState, str, Params, Write], JsonObject]:
    def run(state: StripeState, object_id: str, params: Params, write: Write) -> JsonObject:
        held: Mapping[str, JsonObject] = getattr(state, book)
        return _held(held, object_id, kind)

    return run


def _list(
    book: str, kind: str, url: str, *filters: str
) -> Callable[[StripeState, str, Params, Write], JsonObject]:
    def run(state: StripeState, object_id: str, params: Params, write: Write) -> JsonObject:
        held: Mapping[str, JsonObject] = getattr(state, book)

        def is_listed(entry: JsonObject) -> bool:
            return all(_field(entry, name) == params[name] for name in filters if name in params)

        return _page(held, is_listed, params, kind, url)

    return run


def _field(entry: JsonObject, name: str) -> Any:
    if name == "subscription":
        return entry["parent"]["subscription_details"]["subscription"]
    if name == "coupon":
        return entry["promotion"]["coupon"]
    return entry[name]


def _list_events(state: StripeState, object_id: str, params: Params, write: Write) -> JsonObject:
    oldest = state.now - EVENTS_LAST_S
    wanted = params.get("types") or ([params["type"]] if "type" in params else None)
    created = params.get("created", {})

    def is_listed(event: JsonObject) -> bool:
        at = event["created"]
        return (
            at > oldest
            and (wanted is None or event["type"] in wanted)
            and at > created.get("gt", at - 1)
            and at >= created.get("gte", at)
            and at < created.get("lt", at + 1)
            and at <= created.get("lte", at)
        )

    return _page(state.events, is_listed, params, "event", "/v1/events")


def _list_items(state: StripeState, object_id: str, params: Params, write: Write) -> JsonObject:
    subscription = state.find_subscription(params["subscription"])
    items = {item["id"]: item for item in subscription["items"]["data"]}
    return _page(items, lambda _: True, params, "subscription item", "/v1/subscription_items")


def _delete_customer(
    state: StripeState, object_id: str, params: Params, write: Write
) -> JsonObject:
    _held(state.customers, object_id, "customer")
    state.forget_customer(object_id)
    state.note(write, object_id, ["customer_deleted"])
    return {"id": object_id, "object": "customer", "deleted": True}


def _delete_discount(
    state: StripeState, object_id: str, params: Params, write: Write
) -> JsonObject:
    customer = _held(state.customers, object_id, "customer")
    if customer["discount"] is None:
        raise no_such("discount", object_id, status=404)
    gone, customer["discount"] = customer["discount"], None
    state.note(write, object_id, ["discount_deleted"])
    return {**gone, "deleted": True}


def _update_price(state: StripeState, object_id: str, params: Params, write: Write) -> JsonObject:
    price = _held(state.prices, object_id, "price")
    return _set_fields(state, price, params, ("active", "nickname"), write)


def _delete_coupon(state: StripeState, object_id: str, params: Params, write: Write) -> JsonObject:
    _held(state.coupons, object_id, "coupon")
    # A discount made from it goes on as it is.
    state.deleted_coupons[object_id] = state.coupons.pop(object_id)
    state.note(write, object_id, ["coupon_deleted"])
    return {"id": object_id, "object": "coupon", "deleted": True}


_EVENTS = _PAGE | {
    "type": text(),
    "types": many(text()),
    "created": fields(gt=integer(), gte=integer(), lt=integer(), lte=integer()),
    "delivery_success": boolean(),
}
_INVOICES = _PAGE | {"subscription": text(), "customer": text(), "status": text()}
_PAY = _EXPAND | {
    "forgive": boolean(),
    "off_session": boolean(),
    "paid_out_of_band": boolean(),
    "payment_method": text(),
}
_CLOCK = "/v1/test_helpers/test_clocks"
_OPTIONS = "/v1/billing/feedback_options"
_NAMED = _EXPAND | {
    "name": text(longest=objects.LONGEST_COUPON_NAME, clearable=True),
    "metadata": free_map(),
}

ENDPOINTS = (
    _endpoint("GET /v1/subscriptions", _LIST_SUBSCRIPTIONS, _list_subscriptions),
    _endpoint(
        "POST /v1/subscriptions", _EXPAND | creation.SUBSCRIPTION, creation.create_subscription
    ),
    _endpoint("GET /v1/subscriptions/{id}", _EXPAND, _get_subscription),
    _endpoint("POST /v1/subscriptions/{id}", _UPDATE, subscriptions.update),
    _endpoint("POST /v1/subscriptions/{id}/pause", _PAUSE, pauses.pause),
    _endpoint("POST /v1/subscriptions/{id}/resume", _RESUME, pauses.resume),
    _endpoint("DELETE /v1/subscriptions/{id}", _CANCEL, subscriptions.cancel_now),
    _endpoint(
        "GET /v1/subscription_items", _PAGE | {"subscription": text(required=True)}, _list_items
    ),
    _endpoint("POST /v1/subscription_schedules", _EXPAND | schedules.CREATE, schedules.create),
    _endpoint("GET /v1/subscription_schedules/{id}", _EXPAND, schedules.retrieve),
    _endpoint("POST /v1/subscription_schedules/{id}", _EXPAND | schedules.UPDATE, schedules.update),
    _endpoint(
        "POST /v1/subscription_schedules/{id}/release",
        _EXPAND | schedules.RELEASE,
        schedules.release,
    ),
    _endpoint(
        "POST /v1/subscription_schedules/{id}/cancel", _EXPAND | schedules.CANCEL, schedules.cancel
    ),
    _endpoint("POST /v1/invoices/create_preview", _EXPAND | preview.PARAMS, preview.create_preview),
    _endpoint(
        "GET /v1/invoices",
        _INVOICES,
        _list("invoices", "invoice", "/v1/invoices", "subscription", "customer", "status"),
    ),
    _endpoint("GET /v1/invoices/{id}", _EXPAND, _get("invoices", "invoice")),
    _endpoint("POST /v1/invoices/{id}/pay", _PAY, paid.pay_invoice),
    _endpoint("GET /v1/customers", _PAGE | {"email": text()}, _list_customers),
    _endpoint("POST /v1/customers", _EXPAND | creation.NEW_CUSTOMER, creation.create_customer),
    _endpoint("GET /v1/customers/{id}", _EXPAND, _get("customers", "customer")),
    _endpoint("POST /v1/customers/{id}", _EXPAND | creation.CUSTOMER, _update_customer),
    _endpoint("DELETE /v1/customers/{id}", {}, _delete_customer),
    _endpoint("DELETE /v1/customers/{id}/discount", {}, _delete_discount),
    _endpoint(
        "POST /v1/payment_methods/{id}/attach",
        _EXPAND | creation.PAYMENT_METHOD,
        creation.attach_payment_method,
    ),
    _endpoint("GET /v1/coupons", _PAGE, _list_coupons),
    _endpoint("POST /v1/coupons", _COUPON, _create_coupon),
    _endpoint("GET /v1/coupons/{id}", _EXPAND, _get("coupons", "coupon")),
    _endpoint("POST /v1/coupons/{id}", _NAMED, _update_coupon),
    _endpoint("DELETE /v1/coupons/{id}", {}, _delete_coupon),
    _endpoint(
        "GET /v1/promotion_codes",
        _PAGE | {"code": text(), "coupon": text(), "active": boolean(), "customer": text()},
        _list(
            "promotion_codes",
            "promotion code",
            "/v1/promotion_codes",
            "code",
            "coupon",
            "active",
            "customer",
        ),
    ),
    _endpoint(
        "POST /v1/promotion_codes",
        _EXPAND | creation.PROMOTION_CODE,
        creation.create_promotion_code,
    ),
    _endpoint("GET /v1/promotion_codes/{id}", _EXPAND, _get("promotion_codes", "promotion code")),
    _endpoint(f"GET {_OPTIONS}", _PAGE, _list("feedback_options", "feedback option", _OPTIONS)),
    _endpoint(
        f"POST {_OPTIONS}", _EXPAND | creation.FEEDBACK_OPTION, creation.create_feedback_option
    ),
    _endpoint("POST /v1/prices", _EXPAND | creation.PRICE, creation.create_price),
    _endpoint("GET /v1/prices/{id}", _EXPAND, _get("prices", "price")),
    _endpoint(
        "POST /v1/prices/{id}",
        _EXPAND | {"active": boolean(), "nickname": text(clearable=True), "metadata": free_map()},
        _update_price,
    ),
    _endpoint(
        "POST /v1/billing/meters/{id}/deactivate",
        _EXPAND,
        lambda state, at, *_: {"id": at, "object": "billing.meter", "status": "inactive"},
    ),
    _endpoint("POST /v1/billing/meters", _EXPAND | creation.METER, creation.create_meter),
    _endpoint("GET /v1/events", _EVENTS, _list_events),
    _endpoint("GET /v1/events/{id}", _EXPAND, _get("events", "event")),
    _endpoint(f"POST {_CLOCK}", _EXPAND | clocks.CREATE, clocks.create),
    _endpoint(f"GET {_CLOCK}/{{id}}", _EXPAND, clocks.retrieve),
    _endpoint(f"POST {_CLOCK}/{{id}}/advance", _EXPAND | clocks.ADVANCE, clocks.advance),
    _endpoint(f"DELETE {_CLOCK}/{{id}}", {}, clocks.delete),
    _endpoint(
        "GET /v1/account",
        _EXPAND,
        lambda state, *_: objects.account(state.account_id, state.now),
    ),
)
