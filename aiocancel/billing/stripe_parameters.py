"""The bodies of our calls, typed by the SDK's own parameter types so that mypy reads them with us."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiocancel.billing.settings import StripeBilling
from aiocancel.core.flow import CancelReason

if TYPE_CHECKING:
    from stripe.params import (
        SubscriptionCancelParams,
        SubscriptionUpdateParams,
        SubscriptionUpdateParamsCancellationDetails,
    )


def cancel_at_period_end(reason: CancelReason, billing: StripeBilling) -> SubscriptionUpdateParams:
    """Build the update that ends a subscription with its period."""
    params: SubscriptionUpdateParams = {"cancel_at_period_end": True}
    if details := _cancellation_details(reason, billing):
        params["cancellation_details"] = details
    return params


def cancel_now(reason: CancelReason, billing: StripeBilling) -> SubscriptionCancelParams:
    """Build the cancellation that ends a subscription at once."""
    params: SubscriptionCancelParams = {"invoice_now": billing.invoice_now, "prorate": billing.prorate}
    if details := _cancellation_details(reason, billing):
        params["cancellation_details"] = details
    return params


def resume(*, clears_cancel_at: bool) -> SubscriptionUpdateParams:
    """Build the update that takes a scheduled cancellation back, the way it was scheduled."""
    return {"cancel_at": ""} if clears_cancel_at else {"cancel_at_period_end": False}


def _cancellation_details(reason: CancelReason, billing: StripeBilling) -> SubscriptionUpdateParamsCancellationDetails:
    details: SubscriptionUpdateParamsCancellationDetails = {}
    if reason.text:
        details["comment"] = reason.text
    if feedback := billing.feedback(reason.code):
        details["feedback"] = feedback
    return details
