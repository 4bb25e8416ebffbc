"""Pauses of a subscription itself at the simulated Stripe, and their ends.

Source: https://docs.stripe.com/billing/subscriptions/pause. Its table of the two payment behaviors of /resume:

==============================  ================================  ============================
..                              resume_on_payment_success         resume_on_payment_attempt
==============================  ================================  ============================
the request attempts a payment  yes; an error without a default   no; with the endpoint that
                                payment method                    pays an invoice
status when an attempt fails    paused                            past_due
retries                         yes                               no
the invoice waits for           a year                            23 hours
==============================  ================================  ============================
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiocancel.testing.json_copy import copy_of
from aiocancel.testing.stripe import invoices, payment_methods, payments
from aiocancel.testing.stripe.books import Books, Resumption
from aiocancel.testing.stripe.form import Refusal
from aiocancel.testing.stripe.objects import JsonObject, shifted
from aiocancel.testing.stripe.writes import Write

ATTEMPT_LASTS_S = 23 * 3600
RETRY_EVERY_S = 3 * 86400
_NEVER_PAUSED = frozenset({"paused", "incomplete", "incomplete_expired", "canceled", "trialing"})
_UNPAID = frozenset({"past_due", "unpaid"})


def pause(
    state: Books, subscription_id: str, params: Mapping[str, Any], write: Write
) -> JsonObject:
    """POST /v1/subscriptions/{id}/pause."""
    subscription = state.find_subscription(subscription_id)
    _check_may_pause(state, subscription)

    with state.watched(subscription):
        make_pause(state, subscription, params)
    state.note(write, subscription_id, ["pause"])
    return subscription


def make_pause(state: Books, subscription: JsonObject, params: Mapping[str, Any]) -> None:
    """Pause now: credit what was asked for, cut the period, and drop what was pending."""
    now = state.time_of(subscription)
    credit = credit_lines(state, subscription, params, now)

    if params.get("invoicing_behavior") == "invoice" and credit:
        invoices.bill(state, subscription, credit, reason="subscription_update", at=now)
    else:
        invoices.add_pending(state, subscription, credit)

    if subscription["pending_update"] is not None:
        payments.expire(state, subscription, now)

    for item in subscription["items"]["data"]:
        item["current_period_end"] = now

    paused = {
        "subscription": {"type": "pause_requested"},
        "transitioned_at": now,
        "type": params.get("type", "subscription"),
    }
    subscription |= {"status": "paused", "status_details": {"paused": paused}}


def credit_lines(
    state: Books, subscription: JsonObject, params: Mapping[str, Any], now: int
) -> list[JsonObject]:
    """Return what a pause credits for paid time that is not used."""
    wanted = params.get("bill_for", {}).get("unused_time_from", {}).get("type", "none")
    items = subscription["items"]["data"]
    match wanted:
        case "now":
            return invoices.unused_time(state, subscription, items, now)
        case "item_current_period_start":
            start = min(item["current_period_start"] for item in items)
            return invoices.unused_time(state, subscription, items, start)
        case _:
            return []


def _check_may_pause(state: Books, subscription: JsonObject) -> None:
    status = subscription["status"]
    if subscription["billing_mode"]["type"] != "flexible":
        raise Refusal(400, "Only a subscription with `billing_mode[type]=flexible` can be paused.")

    if subscription["schedule"] is not None:
        message = f"The subscription is managed by the subscription schedule `{subscription['schedule']}`."
        raise Refusal(400, message)

    if subscription["collection_method"] != "charge_automatically":
        message = "Only a subscription with `collection_method=charge_automatically` can be paused."
        raise Refusal(400, message)

    refuses_unpaid = state.unverified.pause_of_a_past_due_one == "refused"
    if status in _NEVER_PAUSED or (status in _UNPAID and refuses_unpaid):
        raise Refusal(400, f"A subscription that is {status} cannot be paused.")


def resume(
    state: Books, subscription_id: str, params: Mapping[str, Any], write: Write
) -> JsonObject:
    """POST /v1/subscriptions/{id}/resume."""
    subscription = state.find_subscription(subscription_id)
    behavior = params.get("payment_behavior", "resume_on_payment_attempt")
    _check_may_resume(state, subscription, behavior)

    now = state.time_of(subscription)
    attempts = behavior == "resume_on_payment_success"
    with state.watched(subscription):
        lines = resumption_lines(state, subscription, now)
        invoice = invoices.build(state, subscription, lines, reason="subscription_update", at=now)
        answer = payment_methods.answer_of(state, subscription)
        if attempts and invoice["amount_due"] > 0:
            _check_answer(state, answer)
        _open_resumption(state, subscription, lines, now, attempts=attempts)
        _collect(state, subscription, now, attempts=attempts)
    went_on = subscription["status"] == "active"
    state.note(write, subscription_id, ["unpause" if went_on else "resumption_invoice"])
    return subscription


def _check_may_resume(state: Books, subscription: JsonObject, behavior: str) -> None:
    if subscription["status"] != "paused":
        raise Refusal(400, f"A subscription that is {subscription['status']} cannot be resumed.")
    if subscription["collection_method"] != "charge_automatically":
        raise Refusal(
            400, "Only a subscription with `collection_method=charge_automatically` can be resumed."
        )

    is_flexible = subscription["billing_mode"]["type"] == "flexible"

    if behavior == "resume_on_payment_success" and not is_flexible:
        message = (
            "`resume_on_payment_success` is only available with `billing_mode[type]=flexible`."
        )
        raise Refusal(400, message, param="payment_behavior")

    if subscription["id"] in state.resumptions:
        if state.unverified.second_resumption == "refused":
            raise Refusal(400, "The resumption of this subscription waits for its payment.")
        drop_resumption(state, subscription, state.time_of(subscription))


def _check_answer(state: Books, answer: payment_methods.Answer) -> None:
    if answer == "no_method":
        raise payment_methods.refusal_of(answer, of="subscription")
    if answer != "paid" and state.unverified.declined_resumption == "card_error":
        raise payment_methods.refusal_of(answer, of="subscription")


def resumption_lines(state: Books, subscription: JsonObject, at: int) -> list[JsonObject]:
    """Return the lines of the period that begins with the resumption."""
    resumed = copy_of(subscription) | {"status": "active"}
    start_period(resumed, at)
    return invoices.period_lines(state, resumed, resumed["items"]["data"])


def _open_resumption(
    state: Books,
    subscription: JsonObject,
    lines: list[JsonObject],
    at: int,
    *,
    attempts: bool,
) -> None:
    invoice = invoices.bill(state, subscription, lines, reason="subscription_update", at=at)
    lasts_until = shifted(at, "year", 1) if attempts else at + ATTEMPT_LASTS_S
    state.resumptions[subscription["id"]] = Resumption(
        invoice["id"], asked_at=at, expires_at=lasts_until, retries=attempts
    )
    if state.unverified.resumption_as_pending_update:
        subscription["pending_update"] = payments.pending_update(
            expires_at=lasts_until, billing_cycle_anchor=at, subscription_items=None
        )


def _collect(state: Books, subscription: JsonObject, at: int, *, attempts: bool) -> None:
    invoice = state.invoices[subscription["latest_invoice"]]
    if invoice["status"] == "paid":
        finish_resumption(state, subscription)
    elif attempts:
        try_resumption(state, subscription, at)


def try_resumption(
    state: Books, subscription: JsonObject, at: int, *, payment_method: str | None = None
) -> payment_methods.Answer:
    """Try to collect the resumption invoice; where Stripe retries it plans the next try."""
    resumption = state.resumptions[subscription["id"]]
    invoice = state.invoices[resumption.invoice_id]
    answer = invoices.collect(state, subscription, invoice, at, payment_method=payment_method)

    if answer == "paid":
        finish_resumption(state, subscription)
    elif resumption.retries:
        invoice["next_payment_attempt"] = at + RETRY_EVERY_S
    else:
        # The subscription is past due, and does not become paused again by itself.
        del state.resumptions[subscription["id"]]
        start_period(subscription, resumption.asked_at)
        subscription |= {"status": "past_due", "status_details": None, "pending_update": None}

    return answer


def finish_resumption(state: Books, subscription: JsonObject) -> None:
    """Let the subscription go on: its period began when the resumption was asked for."""
    resumption = state.resumptions.pop(subscription["id"])
    start_period(subscription, resumption.asked_at)
    subscription |= {"status": "active", "status_details": None, "pending_update": None}


def drop_resumption(state: Books, subscription: JsonObject, at: int) -> None:
    """Void the resumption invoice; the subscription stays paused."""
    resumption = state.resumptions.pop(subscription["id"])
    invoice = state.invoices[resumption.invoice_id]
    if invoice["status"] == "open":
        invoices.close(state, invoice, "void", at)
    subscription["pending_update"] = None


def start_period(subscription: JsonObject, at: int) -> None:
    """Let a new period of every item begin."""
    subscription["billing_cycle_anchor"] = at
    for item in subscription["items"]["data"]:
        every = item["price"]["recurring"]
        item["current_period_start"] = at
        item["current_period_end"] = shifted(at, every["interval"], every["interval_count"])
