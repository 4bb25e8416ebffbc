"""The bodies of our calls, typed by the SDK's own parameter types so that mypy reads them with us."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Literal, assert_never

from aiocancel.billing.settings import StripeBilling
from aiocancel.core.changes import (
    AddDiscount,
    Change,
    MoveEnd,
    MoveTrialEnd,
    NewCoupon,
    PausePayments,
    PauseService,
    PlainChange,
    RemoveDiscounts,
    SchedulePrice,
    SwapPrice,
    Update,
)
from aiocancel.core.claim import CancelReason
from aiocancel.core.coupon_names import coupon_name
from aiocancel.core.idempotency import wish_of
from aiocancel.core.schedule_phases import Phase, PhaseItem
from aiocancel.core.schedules import (
    CutSchedule,
    EndSchedule,
    MakeSchedule,
    ReleaseSchedule,
    ScheduleChange,
)
from aiocancel.core.subscription import GIFT_NOTE

if TYPE_CHECKING:
    from stripe.params import (
        CouponCreateParams,
        InvoiceCreatePreviewParams,
        InvoiceCreatePreviewParamsDiscount,
        InvoiceCreatePreviewParamsSubscriptionDetailsItem,
        SubscriptionCancelParams,
        SubscriptionPauseParams,
        SubscriptionResumeParams,
        SubscriptionScheduleCreateParams,
        SubscriptionScheduleReleaseParams,
        SubscriptionScheduleUpdateParams,
        SubscriptionScheduleUpdateParamsPhase,
        SubscriptionScheduleUpdateParamsPhaseItem,
        SubscriptionUpdateParams,
        SubscriptionUpdateParamsCancellationDetails,
        SubscriptionUpdateParamsDiscount,
        SubscriptionUpdateParamsItem,
        SubscriptionUpdateParamsPauseCollection,
    )


SetsEnd = Literal[
    PlainChange.CANCEL_AT_PERIOD_END,
    PlainChange.CANCEL_AT_LAST_PERIOD_END,
    PlainChange.CANCEL_AT_BILLED_UNTIL,
    PlainChange.TELL_REASON,
]
"""Changes that carry the customer's reason; the last carries nothing else."""


def end(
    change: SetsEnd | MoveEnd, reason: CancelReason, billing: StripeBilling, key: str | None = None
) -> SubscriptionUpdateParams:
    """Build the update that lets a subscription end later; empty where there is only a reason, and none for Stripe.

    Args:
        change: How the subscription ends.
        reason: Why the customer leaves.
        billing: Says which reason codes are feedback values of Stripe's.
        key: The idempotency key of the write. With one of the release before the body stays as that sent it.
    """
    params: SubscriptionUpdateParams
    match change:
        case PlainChange.CANCEL_AT_PERIOD_END:
            params = {"cancel_at_period_end": True}
        case PlainChange.CANCEL_AT_LAST_PERIOD_END:
            params = {"cancel_at": "max_period_end"}
        case PlainChange.CANCEL_AT_BILLED_UNTIL:
            params = {"cancel_at": "max_billed_until"}
        case PlainChange.TELL_REASON:
            params = {}
        case MoveEnd(to):
            # A customer who stays has no reason to tell.
            if not isinstance(to, str):
                return {"cancel_at": int(to.timestamp())}
            params = {"cancel_at": to}
        case _:  # pragma: no cover - mypy shows that no case is left
            assert_never(change)

    if key is not None and wish_of(key) is None:
        reason = replace(reason, code=reason.code if billing.feedback(reason.code) else None)
    if details := _cancellation_details(reason, billing):
        params["cancellation_details"] = details

    return params


def cancel_now(reason: CancelReason, billing: StripeBilling) -> SubscriptionCancelParams:
    """Build the cancellation that ends a subscription at once."""
    params: SubscriptionCancelParams = {
        "invoice_now": billing.invoice_now,
        "prorate": billing.prorate,
    }
    if details := _cancellation_details(reason, billing):
        params["cancellation_details"] = details
    return params


def resume(*, clears_cancel_at: bool) -> SubscriptionUpdateParams:
    """Build the update that takes a scheduled cancellation back, the way it was scheduled."""
    return {"cancel_at": ""} if clears_cancel_at else {"cancel_at_period_end": False}


def unpause() -> SubscriptionUpdateParams:
    """Build the update that has payments collected again; a null would be dropped from the form."""
    return {"pause_collection": ""}


def schedule_change(
    change: ScheduleChange,
) -> (
    SubscriptionScheduleReleaseParams
    | SubscriptionScheduleUpdateParams
    | SubscriptionScheduleCreateParams
):
    """Build the change of a schedule that goes before the change of its subscription."""
    match change:
        case ReleaseSchedule(keeps_end=keeps_end):
            # Else an end that the schedule has set goes with it, and the one that is wanted is set next.
            return {"preserve_cancel_date": True} if keeps_end else {}
        case EndSchedule(cancels=cancels):
            return {"end_behavior": "cancel" if cancels else "release"}
        case MakeSchedule(subscription_id):
            return {"from_subscription": subscription_id}
        case CutSchedule(phases=phases):
            return {"end_behavior": "cancel", "phases": [_phase(phase) for phase in phases]}
        case _:  # pragma: no cover - mypy shows that no case is left
            assert_never(change)


def plan_at_period_end(change: SchedulePrice) -> SubscriptionScheduleUpdateParams:
    """Build the update of a schedule that puts another price behind its running phase, without proration."""
    running = _phase(change.running)
    following: SubscriptionScheduleUpdateParamsPhase = {
        **_phase(replace(change.running, items=change.items, prorates="none")),
        "duration": {"interval": change.interval, "interval_count": change.interval_count},
    }
    # It begins where the running one ends, and lasts for one period.
    del following["start_date"], following["end_date"]

    return {
        "end_behavior": "release",
        "phases": [running, following],
        "proration_behavior": "none",
    }


def _phase(phase: Phase) -> SubscriptionScheduleUpdateParamsPhase:
    """Build a phase as it was read: what is left out is lost."""
    params: SubscriptionScheduleUpdateParamsPhase = {
        "items": [_phase_item(item) for item in phase.items],
        "start_date": int(phase.starts_at.timestamp()),
        "end_date": int(phase.ends_at.timestamp()),
        "proration_behavior": phase.prorates,
    }

    if phase.discounts:
        params["discounts"] = [{"discount": discount_id} for discount_id in phase.discounts]
    if phase.tax_rates:
        params["default_tax_rates"] = list(phase.tax_rates)
    if phase.metadata:
        params["metadata"] = dict(phase.metadata)
    if phase.has_automatic_tax is not None:
        params["automatic_tax"] = {"enabled": phase.has_automatic_tax}
    if phase.payment_method is not None:
        params["default_payment_method"] = phase.payment_method
    if phase.collection_method is not None:
        params["collection_method"] = phase.collection_method
    return params


def _phase_item(item: PhaseItem) -> SubscriptionScheduleUpdateParamsPhaseItem:
    params: SubscriptionScheduleUpdateParamsPhaseItem = {"price": item.price_id}
    if item.quantity is not None:
        params["quantity"] = item.quantity
    if item.tax_rates:
        params["tax_rates"] = list(item.tax_rates)
    return params


def coupon(new: NewCoupon, billing: StripeBilling) -> CouponCreateParams:
    """Build the coupon that one definition of an offer stands for; without a name, invoices would show its id."""
    params: CouponCreateParams = {
        "id": new.coupon_id,
        "duration": _DURATIONS[new.duration],
        "name": coupon_name(new, billing.coupon_names),
        "metadata": {"made_by": "aiocancel"},
    }
    if new.percent_off is not None:
        params["percent_off"] = float(new.percent_off)

    if new.amount_minor is not None and new.currency is not None:
        params["amount_off"] = new.amount_minor
        params["currency"] = new.currency

    if new.months is not None:
        params["duration_in_months"] = new.months

    return params


def pause_service(change: PauseService) -> SubscriptionPauseParams:
    """Build the pause of the subscription itself; nothing is charged or paid out before the next invoice."""
    return {
        "type": "subscription",
        "bill_for": {
            "unused_time_from": {"type": change.credit},
            "outstanding_usage_through": {"type": "now" if change.bills_usage else "none"},
        },
        "invoicing_behavior": "pending_invoice_item",
    }


def end_pause() -> SubscriptionResumeParams:
    """Build the end of a pause of the subscription itself: a new period begins, and is paid, with it."""
    return {
        "billing_cycle_anchor": {"type": "now"},
        "payment_behavior": "resume_on_payment_success",
    }


def offer_change(
    change: Update, promotion_codes: Mapping[str, str] | None = None
) -> SubscriptionUpdateParams:
    """Build the update for an offer; every one says its effect on money.

    Args:
        change: The offer's change.
        promotion_codes: The promotion codes that stand in the place of coupons, by the coupon's id.
    """
    match change:
        case AddDiscount(coupon_id, kept):
            # The list replaces the discounts that are there, so they are sent along.
            discounts: list[SubscriptionUpdateParamsDiscount] = [
                {"discount": discount_id} for discount_id in kept
            ]
            code = (promotion_codes or {}).get(coupon_id)
            new: SubscriptionUpdateParamsDiscount = (
                {"coupon": coupon_id} if code is None else {"promotion_code": code}
            )
            return {"discounts": [*discounts, new]}

        case RemoveDiscounts(kept=kept):
            # An empty list is dropped from the form and would leave everything as it is.
            return {"discounts": [{"discount": discount_id} for discount_id in kept] or ""}
        case MoveTrialEnd(at):
            return {"trial_end": int(at.timestamp()), "proration_behavior": "none"}
        case SwapPrice(item_id, price_id, quantity=quantity):
            item: SubscriptionUpdateParamsItem = {"id": item_id, "price": price_id}
            if quantity is not None:
                # Left out, a new price comes with a quantity of one.
                item["quantity"] = quantity
            swap: SubscriptionUpdateParams = {
                "items": [item],
                "proration_behavior": "create_prorations" if change.prorate else "none",
                # A payment that does not go through leaves the plan as it was, for good or until it is made.
                "payment_behavior": "pending_if_incomplete"
                if change.may_wait
                else "error_if_incomplete",
            }
            if change.prorated_at is not None:
                # The customer was told a price that was reckoned with this second.
                swap["proration_date"] = change.prorated_at
            return swap

        case PausePayments(behavior, resumes_at):
            pause: SubscriptionUpdateParamsPauseCollection = {"behavior": behavior}
            if resumes_at is not None:
                pause["resumes_at"] = int(resumes_at.timestamp())
            return {"pause_collection": pause}

        case _:  # pragma: no cover - mypy shows that no case is left
            assert_never(change)


def gift(
    change: Update, key: str, promotion_codes: Mapping[str, str] | None = None
) -> SubscriptionUpdateParams:
    """Build the update of an offer with a note of the wish in the metadata, which outlives the idempotency key.

    Args:
        change: The offer's change.
        key: The idempotency key of the write. One of the release before names no wish: its body stays as it was.
        promotion_codes: As in ``offer_change``.
    """
    params, wish = offer_change(change, promotion_codes), wish_of(key)
    # Stripe takes no metadata where a payment may leave the change pending.
    # https://docs.stripe.com/billing/subscriptions/pending-updates-reference
    may_wait = isinstance(change, SwapPrice) and change.may_wait
    if wish is not None and not may_wait and not isinstance(change, RemoveDiscounts):
        params["metadata"] = {GIFT_NOTE: wish}
    return params


def preview(
    subscription_id: str,
    change: Change | PlainChange | None,
    proration_date: int,
    promotion_codes: Mapping[str, str] | None = None,
    withdrawal: PlainChange | None = None,
) -> InvoiceCreatePreviewParams:
    """Build the question for the next invoice, as it would be with a change.

    Args:
        subscription_id: Which subscription.
        change: The change; one that leaves the next invoice as it is counts as None.
        proration_date: The second that prorations are reckoned with.
        promotion_codes: As in ``offer_change``.
        withdrawal: What takes a cancellation back in the same update.
    """
    params: InvoiceCreatePreviewParams = {"subscription": subscription_id}
    match change:
        case AddDiscount(coupon_id, kept):
            code = (promotion_codes or {}).get(coupon_id)
            discounts: list[InvoiceCreatePreviewParamsDiscount] = [
                {"discount": discount_id} for discount_id in kept
            ]
            new: InvoiceCreatePreviewParamsDiscount = (
                {"coupon": coupon_id} if code is None else {"promotion_code": code}
            )
            params["discounts"] = [*discounts, new]

        case MoveTrialEnd(at):
            params["subscription_details"] = {
                "trial_end": int(at.timestamp()),
                "proration_behavior": "none",
            }
        case SwapPrice(item_id, price_id, quantity=quantity):
            item: InvoiceCreatePreviewParamsSubscriptionDetailsItem = {
                "id": item_id,
                "price": price_id,
            }
            if quantity is not None:
                item["quantity"] = quantity
            params["subscription_details"] = {"items": [item], "proration_behavior": "none"}
            if change.prorate:
                params["subscription_details"]["proration_behavior"] = "create_prorations"
                params["subscription_details"]["proration_date"] = proration_date
        case _:
            pass

    # A subscription that ends has no next invoice.
    if PlainChange.WITHDRAW_CANCELLATION in (change, withdrawal):
        params.setdefault("subscription_details", {})["cancel_at_period_end"] = False
    elif PlainChange.WITHDRAW_CANCELLATION_BY_DATE in (change, withdrawal):
        params.setdefault("subscription_details", {})["cancel_at"] = ""
    return params


_DURATIONS: Mapping[str, Literal["forever", "once", "repeating"]] = {
    "forever": "forever",
    "once": "once",
    "repeating": "repeating",
}


def _cancellation_details(
    reason: CancelReason, billing: StripeBilling
) -> SubscriptionUpdateParamsCancellationDetails:
    details: SubscriptionUpdateParamsCancellationDetails = {}
    feedback = billing.feedback(reason.code)
    # A code that is no feedback value of Stripe's would leave no trace there.
    comment = reason.text or (reason.code if feedback is None else None)
    if comment:
        details["comment"] = comment
    if feedback:
        details["feedback"] = feedback
    if option := billing.feedback_options.get(reason.code or ""):
        details["feedback_option"] = option
    return details
