"""What the next invoice would be at the simulated Stripe, if the subscription were changed first.

Source: https://docs.stripe.com/api/invoices/create_preview. Nothing is kept of a preview. Where no invoice would
come the answer is 404 ``invoice_upcoming_none``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from aiocancel.testing.json_copy import copy_of
from aiocancel.testing.stripe import discounts, invoices, objects, pauses, subscriptions
from aiocancel.testing.stripe.form import (
    Refusal,
    boolean,
    choice,
    fields,
    integer,
    many,
    no_such,
    text,
    unsupported,
)
from aiocancel.testing.stripe.objects import ENDED, JsonObject, first_period_end
from aiocancel.testing.stripe.state import StripeState
from aiocancel.testing.stripe.writes import Write

_ITEM = fields(
    id=text(), price=text(), quantity=integer(lowest=0), deleted=boolean(), clear_usage=boolean()
)
PARAMS = {
    "customer": text(),
    "subscription": text(),
    "discounts": many(
        fields(coupon=text(), discount=text(), promotion_code=text()), clearable=True
    ),
    "preview_mode": choice("next", "recurring"),
    "subscription_details": fields(
        items=many(_ITEM),
        proration_behavior=choice("always_invoice", "create_prorations", "none"),
        proration_date=integer(),
        trial_end=integer("now"),
        cancel_at=integer("min_period_end", "max_period_end", "max_billed_until", clearable=True),
        cancel_at_period_end=boolean(),
        cancel_now=boolean(),
        resume_at=choice("now"),
        billing_cycle_anchor=fields(type=choice("now", "unchanged", required=True)),
        pause=fields(
            bill_for=fields(
                unused_time_from=fields(
                    type=choice("item_current_period_start", "none", "now", required=True)
                ),
                outstanding_usage_through=fields(type=choice("none", "now", required=True)),
            ),
            invoicing_behavior=choice("invoice", "pending_invoice_item"),
        ),
    ),
    **dict.fromkeys(
        ("automatic_tax", "currency", "customer_details", "invoice_items", "schedule"),
        unsupported(),
    ),
}
_OF_THE_UPDATE = (
    "items",
    "proration_behavior",
    "proration_date",
    "trial_end",
    "cancel_at",
    "cancel_at_period_end",
)


def create_preview(state: StripeState, _: str, params: Mapping[str, Any], __: Write) -> JsonObject:
    """POST /v1/invoices/create_preview."""
    subscription = _subscription_of(state, params)
    details = params.get("subscription_details", {})
    given = {name: details[name] for name in _OF_THE_UPDATE if name in details}
    draft = subscriptions.draft_of(state, subscription, given)
    draft.subscription["cancellation_details"] = dict(subscription["cancellation_details"])
    subscriptions.take_steps(draft)

    counters = dict(state.counters)
    try:
        lines, at = _lines(draft, details, is_recurring=params.get("preview_mode") == "recurring")
        return _built(draft, lines, at, params)
    finally:
        state.counters = counters


def _subscription_of(state: StripeState, params: Mapping[str, Any]) -> JsonObject:
    subscription_id = params.get("subscription")
    if subscription_id is None:
        message = "You must pass a subscription; previews of a customer or of a schedule are not simulated."
        raise Refusal(400, message, code="simulator_unsupported", param="subscription")
    if subscription_id not in state.subscriptions:
        raise no_such("subscription", subscription_id, param="subscription")
    return state.find_subscription(subscription_id)


def _lines(
    draft: subscriptions.Draft, details: Mapping[str, Any], *, is_recurring: bool
) -> tuple[list[JsonObject], int]:
    """Return the lines of the invoice that would come next, and when; raises Refusal where none would."""
    state, subscription, now = draft.state, draft.subscription, draft.now
    if is_recurring:
        return _next_period(draft)
    waiting = invoices.copy_pending(state, subscription)
    if details.get("cancel_now", False):
        return _of_something(draft, waiting + _credit(draft, details), now)
    if (pause := details.get("pause")) is not None:
        credit = pauses.credit_lines(state, subscription, pause, now)
        billed = pause.get("invoicing_behavior") == "invoice" and bool(credit)
        return _of_something(draft, waiting + credit if billed else [], now)
    if details.get("resume_at") == "now":
        return waiting + pauses.resumption_lines(state, subscription, now), now
    if draft.bill_because is not None:
        return waiting + subscriptions.due_now(draft), now

    waiting += subscriptions.prorations(draft)
    if _goes_on(draft):
        lines, at = _next_period(draft)
        return waiting + lines, at
    return _of_something(draft, waiting, first_period_end(subscription))


def _credit(draft: subscriptions.Draft, details: Mapping[str, Any]) -> list[JsonObject]:
    if details.get("proration_behavior", "create_prorations") == "none":
        return []
    items = draft.subscription["items"]["data"]
    return invoices.unused_time(draft.state, draft.subscription, items, draft.prorated_at)


def _goes_on(draft: subscriptions.Draft) -> bool:
    subscription = draft.subscription
    ends = subscription["cancel_at"]
    stays = subscription["status"] not in ENDED | {"paused", "incomplete"}
    return stays and (ends is None or ends > first_period_end(subscription))


def _next_period(draft: subscriptions.Draft) -> tuple[list[JsonObject], int]:
    if not _goes_on(draft):
        raise _nothing(draft)
    following = copy_of(draft.subscription)
    at = first_period_end(following)
    if following["status"] == "trialing" and (following["trial_end"] or 0) <= at:
        following["status"] = "active"
    renewed = [item for item in following["items"]["data"] if item["current_period_end"] <= at]
    for item in renewed:
        objects.advance(following, item)
    return invoices.period_lines(draft.state, following, renewed), at


def _of_something(
    draft: subscriptions.Draft, lines: list[JsonObject], at: int
) -> tuple[list[JsonObject], int]:
    if not lines:
        raise _nothing(draft)
    return lines, at


def _nothing(draft: subscriptions.Draft) -> Refusal:
    message = f"No upcoming invoices for customer: {draft.subscription['customer']}"
    return Refusal(404, message, code="invoice_upcoming_none")


def _built(
    draft: subscriptions.Draft, lines: Sequence[JsonObject], at: int, params: Mapping[str, Any]
) -> JsonObject:
    state, subscription = draft.state, draft.subscription
    running = _wanted_discounts(draft, params, at)
    invoice = invoices.build(
        state,
        subscription,
        lines,
        reason="upcoming",
        at=at,
        running=running,
        object_id=state.new_id("upcoming_in"),
    )

    return invoice | {"next_payment_attempt": at, "hosted_invoice_url": None}


def _wanted_discounts(
    draft: subscriptions.Draft, params: Mapping[str, Any], at: int
) -> list[JsonObject]:
    state, subscription = draft.state, draft.subscription
    given = params.get("discounts")
    if given is None or given == []:
        return discounts.in_force(state, subscription, at)
    wanted = []
    for number, entry in enumerate(given or ()):
        wanted.append(_wanted(draft, entry, f"discounts[{number}]"))
    return [discount for discount in wanted if discounts.is_running(discount, at)]


def _wanted(draft: subscriptions.Draft, entry: Mapping[str, Any], name: str) -> JsonObject:
    state, subscription = draft.state, draft.subscription
    if (discount_id := entry.get("discount")) is not None:
        if discount_id not in subscriptions.reusable_discounts(draft):
            raise no_such("discount", discount_id, param=f"{name}[discount]")
        return state.discounts[discount_id]
    coupon, code = discounts.redeemable(state, subscription, entry, name)
    return discounts.planned(state, coupon, subscription, at=draft.now, promotion_code=code)
