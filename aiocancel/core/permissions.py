"""Permissions of a restricted key at Stripe, as its refusals name them.

A refusal says "Having the 'rak_coupon_read' permission would allow this request to continue".
Source: https://docs.stripe.com/keys/restricted-api-keys
"""

from __future__ import annotations

import re
from typing import Final

PERMISSIONS: Final = frozenset(
    {
        "coupon_read",
        "coupon_write",
        "customer_read",
        "event_read",
        "invoice_read",
        "invoice_write",
        "plan_read",
        "product_read",
        "promotion_code_read",
        "subscription_read",
        "subscription_schedule_read",
        "subscription_schedule_write",
        "subscription_write",
        "test_clock_read",
    }
)
"""Those that a request of ours may need; any other word counts as ``other``."""

_NAMED: Final = re.compile(r"'rak_([a-z_]{1,60})'")


def permission_named_in(message: str | None) -> str | None:
    """Return the permission that Stripe's message asks for, None where it names none.

    Only the name leaves the message, which may hold an account's id and the end of a key.
    """
    found = _NAMED.search(message or "")
    return None if found is None else found.group(1)
