"""The check of request bodies against the SDK's types takes what Stripe takes and says what it does not."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.stripe_params import Kind, check_params


@pytest.mark.parametrize(
    ("kind", "params"),
    [
        ("subscription_update", {"cancel_at_period_end": "true"}),
        (
            "subscription_update",
            {
                "cancel_at_period_end": True,
                "cancellation_details": {"comment": "moved", "feedback": "too_expensive"},
                "metadata": {"flow": "fs_1"},
                "expand": ["customer"],
            },
        ),
        ("subscription_update", {"cancel_at": ""}),
        ("subscription_update", {"cancel_at": "min_period_end"}),
        ("subscription_update", {"cancel_at": "1893456000"}),
        ("subscription_update", {"discounts": [{"coupon": "SAVE20"}, {"discount": "di_1"}]}),
        ("subscription_update", {"discounts": ""}),
        (
            "subscription_update",
            {"items": [{"id": "si_1", "price": "price_basic", "quantity": "2"}]},
        ),
        (
            "subscription_update",
            {"pause_collection": {"behavior": "void", "resumes_at": "1893456000"}},
        ),
        (
            "subscription_update",
            {"pause_collection": "", "trial_end": "now", "proration_behavior": "none"},
        ),
        (
            "subscription_cancel",
            {"invoice_now": "false", "prorate": "false", "cancellation_details": {"comment": ""}},
        ),
        ("subscription_list", {"customer": "cus_1", "status": "all", "limit": "3"}),
        (
            "coupon_create",
            {"percent_off": "20", "duration": "repeating", "duration_in_months": "3"},
        ),
    ],
)
def test_a_body_that_stripe_takes_has_no_faults(kind: Kind, params: dict[str, Any]) -> None:
    assert check_params(kind, params) == []


@pytest.mark.parametrize(
    ("kind", "params", "where"),
    [
        ("subscription_update", {"nonsense": "1"}, "nonsense"),
        ("subscription_update", {"coupon": "SAVE20"}, "coupon"),
        ("subscription_update", {"at_period_end": "true"}, "at_period_end"),
        ("subscription_update", {"idempotency_key": "a header, no parameter"}, "idempotency_key"),
        ("subscription_update", {"cancel_at_period_end": "perhaps"}, "cancel_at_period_end"),
        ("subscription_update", {"trial_end": "later"}, "trial_end"),
        ("subscription_update", {"cancel_at": "soon"}, "cancel_at"),
        ("subscription_update", {"items": [{"id": "si_1", "qty": "2"}]}, "items.0.qty"),
        (
            "subscription_update",
            {"cancellation_details": {"feedback": "bored"}},
            "cancellation_details.feedback",
        ),
        (
            "subscription_update",
            {"pause_collection": {"resumes_at": "1893456000"}},
            "pause_collection",
        ),
        ("subscription_cancel", {"at_period_end": "true"}, "at_period_end"),
        ("subscription_list", {"status": "gone"}, "status"),
        ("coupon_create", {"duration": "sometimes"}, "duration"),
    ],
)
def test_a_body_that_stripe_refuses_is_named_by_its_parameter(
    kind: Kind, params: dict[str, Any], where: str
) -> None:
    assert any(fault.startswith(where) for fault in check_params(kind, params)), check_params(
        kind, params
    )
