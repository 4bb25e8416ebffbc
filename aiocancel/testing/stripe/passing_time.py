"""How time passes in a simulated Stripe account: each thing that falls due happens at its own moment.

``settle`` is called before a subscription is read or changed. It looks for what falls due first, lets it happen,
and looks again, so that twelve months in one leap cost what twelve months cost.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from aiocancel.testing.stripe import (
    invoices,
    objects,
    paid,
    pauses,
    payment_methods,
    payments,
    schedules,
)
from aiocancel.testing.stripe.books import Books
from aiocancel.testing.stripe.objects import ENDED, JsonObject

INCOMPLETE_LASTS_S = 23 * 3600
RETRY_EVERY_S = 3 * 86400
MOST_RETRIES = 4
TRIAL_NOTICE_S = 3 * 86400
# In these Stripe goes on to the next period by itself.
_RENEWING = frozenset({"active", "trialing", "past_due", "unpaid"})
_RETRIED = frozenset({"past_due", "unpaid"})

Happens = Callable[["Books", JsonObject, int], None]


class Due(NamedTuple):
    """Something that happens at a moment; of two at the same moment the one with the lower rank goes first."""

    at: int
    rank: int
    happens: Happens


def settle(state: Books, subscription: JsonObject) -> None:
    """Let happen what has fallen due."""
    now = state.time_of(subscription)
    while (due := _next(state, subscription)) is not None and due.at <= now:
        with state.watched(subscription, at=due.at):
            due.happens(state, subscription, due.at)


def _next(state: Books, subscription: JsonObject) -> Due | None:
    if subscription["status"] in ENDED:
        return None
    return min(_dues(state, subscription), key=lambda due: due[:2], default=None)


def _dues(state: Books, subscription: JsonObject) -> Iterator[Due]:
    status = subscription["status"]
    yield from _discount_ends(state, subscription)

    if status == "incomplete":
        yield Due(subscription["created"] + INCOMPLETE_LASTS_S, 0, _expire_incomplete)
        return

    if status == "paused":
        # It does not advance: neither its periods nor an end by date come.
        yield from _resumption_dues(state, subscription)
        return

    if subscription["cancel_at"] is not None:
        yield Due(subscription["cancel_at"], 1, _cancel)

    if (schedule := state.schedules.get(subscription["schedule"] or "")) is not None:
        yield Due(schedule["current_phase"]["end_date"], 2, schedules.end_phase)

    if (pending := subscription["pending_update"]) is not None:
        yield Due(pending["expires_at"], 3, payments.expire)

    pause = subscription["pause_collection"]
    if pause is not None and pause["resumes_at"] is not None:
        yield Due(pause["resumes_at"], 4, _collect_again)

    if status == "trialing":
        ends = subscription["trial_end"] or subscription["created"]
        if subscription["id"] not in state.told_of_trial_ends:
            yield Due(ends - TRIAL_NOTICE_S, 5, _tell_of_trial_end)
        yield Due(ends, 6, _end_trial)

    if status in _RENEWING:
        ends = min(item["current_period_end"] for item in subscription["items"]["data"])
        yield Due(ends, 7, _renew)

    if status in _RETRIED:
        yield from _retries(state, subscription)


def _discount_ends(state: Books, subscription: JsonObject) -> Iterator[Due]:
    for discount_id in subscription["discounts"]:
        if (end := state.discounts[discount_id]["end"]) is not None:
            yield Due(end, 8, _end_discounts)


def _end_discounts(state: Books, subscription: JsonObject, at: int) -> None:
    subscription["discounts"] = [
        discount_id
        for discount_id in subscription["discounts"]
        if (state.discounts[discount_id]["end"] or at + 1) > at
    ]


def _expire_incomplete(state: Books, subscription: JsonObject, at: int) -> None:
    subscription |= {"status": "incomplete_expired", "ended_at": at}
    invoice = state.invoices.get(subscription["latest_invoice"] or "")
    if invoice is not None and invoice["status"] == "open":
        invoices.close(state, invoice, "void", at)


def _cancel(state: Books, subscription: JsonObject, at: int) -> None:
    subscription |= {"status": "canceled", "ended_at": at}
    schedules.end_with_subscription(state, subscription, at)


def _collect_again(state: Books, subscription: JsonObject, at: int) -> None:
    subscription["pause_collection"] = None


def _tell_of_trial_end(state: Books, subscription: JsonObject, at: int) -> None:
    state.told_of_trial_ends.add(subscription["id"])
    state.tell("customer.subscription.trial_will_end", subscription, at=at)


def _end_trial(state: Books, subscription: JsonObject, at: int) -> None:
    missing = subscription["trial_settings"]["end_behavior"]["missing_payment_method"]
    has_method = payment_methods.default_method(state, subscription) is not None

    if not has_method and missing == "cancel":
        subscription |= {"status": "canceled", "canceled_at": at, "ended_at": at}
    elif not has_method and missing == "pause":
        paused = {
            "subscription": {"type": "trial_end_without_payment_method"},
            "transitioned_at": at,
            "type": "subscription",
        }
        subscription |= {"status": "paused", "status_details": {"paused": paused}}
    else:
        subscription["status"] = "active"


def _renew(state: Books, subscription: JsonObject, at: int) -> None:
    renewed = []
    for item in subscription["items"]["data"]:
        if item["current_period_end"] <= at:
            objects.advance(subscription, item)
            renewed.append(item)

    lines = invoices.period_lines(state, subscription, renewed)
    pause = subscription["pause_collection"]
    behavior = None if pause is None else pause["behavior"]
    invoice = invoices.bill(
        state,
        subscription,
        lines,
        reason="subscription_cycle",
        at=at,
        is_kept_as_draft=behavior == "keep_as_draft",
    )
    if invoice["status"] != "open":
        return

    if behavior is not None:
        invoices.close(state, invoice, "void" if behavior == "void" else "uncollectible", at)
    elif subscription["collection_method"] == "charge_automatically":
        _charge(state, subscription, invoice, at)


def _charge(state: Books, subscription: JsonObject, invoice: JsonObject, at: int) -> None:
    if invoices.collect(state, subscription, invoice, at) == "paid":
        paid.after_payment(state, subscription, invoice, at)
        return

    if invoice["attempt_count"] <= MOST_RETRIES:
        invoice["next_payment_attempt"] = at + RETRY_EVERY_S
        subscription["status"] = "past_due"
        return

    invoice["next_payment_attempt"] = None

    match state.after_last_retry:
        case "cancel":
            subscription |= {"status": "canceled", "canceled_at": at, "ended_at": at}
            subscription["cancellation_details"]["reason"] = "payment_failed"
        case "unpaid":
            subscription["status"] = "unpaid"
        case _:
            subscription["status"] = "past_due"


def _retries(state: Books, subscription: JsonObject) -> Iterator[Due]:
    invoice = state.invoices.get(subscription["latest_invoice"] or "")
    if invoice is not None and invoice["next_payment_attempt"] is not None:
        yield Due(invoice["next_payment_attempt"], 9, _retry)


def _retry(state: Books, subscription: JsonObject, at: int) -> None:
    _charge(state, subscription, state.invoices[subscription["latest_invoice"]], at)


def _resumption_dues(state: Books, subscription: JsonObject) -> Iterator[Due]:
    if (resumption := state.resumptions.get(subscription["id"])) is None:
        return
    yield Due(resumption.expires_at, 0, _drop_resumption)
    attempt = state.invoices[resumption.invoice_id]["next_payment_attempt"]
    if attempt is not None:
        yield Due(attempt, 1, _retry_resumption)


def _drop_resumption(state: Books, subscription: JsonObject, at: int) -> None:
    pauses.drop_resumption(state, subscription, at)


def _retry_resumption(state: Books, subscription: JsonObject, at: int) -> None:
    pauses.try_resumption(state, subscription, at)
