"""Who may ask the simulated Stripe for what: restricted keys, and accounts connected to a platform.

A permission names a kind of object and ``read`` or ``write``; ``write`` includes ``read``. Stripe looks at
permissions before it looks whether the object exists. The names are those in Stripe's own answers ("Having the
'rak_plan_read' permission would allow this request to continue"). Unverified: that schedules go with
subscriptions, the names for meters and feedback options, and that a preview of an invoice needs ``write``.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from aiocancel.testing.stripe.form import Refusal

if TYPE_CHECKING:
    from aiocancel.testing.stripe.unverified import Unverified

_BY_PATH: Final = {
    "account": "accounts_kyc_basic",
    "billing/feedback_options": "feedback_option",
    "billing/meters": "billing_meter",
    "coupons": "coupon",
    "customers": "customer",
    "events": "event",
    "invoices": "invoice",
    "payment_methods": "payment_method",
    "prices": "plan",
    "products": "product",
    "promotion_codes": "promotion_code",
    "subscription_items": "subscription",
    "subscription_schedules": "subscription",
    "subscriptions": "subscription",
    "test_helpers/test_clocks": "test_clock",
}
_BY_EXPANSION: Final = {
    "coupon": "coupon",
    "customer": "customer",
    "default_payment_method": "payment_method",
    "discount": "coupon",
    "discounts": "coupon",
    "feedback_option": "feedback_option",
    "latest_invoice": "invoice",
    "product": "product",
    "promotion_code": "promotion_code",
    "schedule": "subscription",
    "subscription": "subscription",
    "test_clock": "test_clock",
}


def missing_permission(
    granted: frozenset[str],
    method: str,
    path: str,
    expand: Iterable[str],
    unverified: Unverified,
) -> str | None:
    """Return the permission that a request lacks, or None."""
    needed = []
    resource = path.removeprefix("/v1/")

    for start, kind in _BY_PATH.items():
        if resource == start or resource.startswith(f"{start}/"):
            needed.append(f"{kind}_{'read' if method == 'GET' else 'write'}")

    if not unverified.account_needs_permission and resource == "account":
        needed.clear()

    if unverified.expansion_needs_permission:
        for way in expand:
            needed += [
                f"{_BY_EXPANSION[name]}_read" for name in way.split(".") if name in _BY_EXPANSION
            ]

    return next((each for each in needed if not _is_granted(granted, each)), None)


def _is_granted(granted: frozenset[str], permission: str) -> bool:
    return permission in granted or permission.replace("_read", "_write") in granted


def not_permitted(masked_key: str, account_id: str, permission: str) -> Refusal:
    """The 403 for a key that lacks a permission."""
    message = (
        f"The provided key '{masked_key}' does not have the required permissions for this endpoint on account "
        f"'{account_id}'. Having the 'rak_{permission}' permission would allow this request to continue."
    )
    return Refusal(403, message)


def no_such_account(masked_key: str, account_id: str) -> Refusal:
    """The 403 for an account that is not connected to the key's."""
    message = (
        f"The provided key '{masked_key}' does not have access to account '{account_id}' (or that account does not "
        "exist). Application access may have been revoked."
    )
    return Refusal(403, message, code="account_invalid")
