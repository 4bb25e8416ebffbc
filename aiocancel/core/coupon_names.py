"""The name of a coupon that is made for an offer: customers read it on their invoices. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from aiocancel.core.changes import NewCoupon
from aiocancel.core.money import major_units

# Stripe's own bound. https://docs.stripe.com/api/coupons/create
LONGEST_NAME: Final = 40
COUPON_NAMES: Final[Mapping[str, str]] = {
    "once": "{off} off",
    "repeating": "{off} off for {months} months",
    "month": "{off} off for a month",
    "forever": "{off} off",
}


def problem_with(names: Mapping[str, str]) -> str | None:
    """Return why these names cannot be used, for whoever wrote them; None where they can."""
    for duration, name in names.items():
        if duration not in COUPON_NAMES:
            return f"has no duration {duration!r}; the durations are {', '.join(COUPON_NAMES)}"
        try:
            written = name.format(off="25%", months=3)
        except (LookupError, ValueError, AttributeError):
            return f"has a name for {duration!r} with something other than {{off}} and {{months}} in braces"
        if not written.strip():
            return f"has an empty name for {duration!r}"
    return None


def coupon_name(new: NewCoupon, names: Mapping[str, str]) -> str:
    """Return the name of a coupon, at most 40 characters.

    Args:
        new: The coupon.
        names: The owner's words by duration; English where there are none.
    """
    duration = "month" if new.duration == "repeating" and new.months == 1 else new.duration
    words = names.get(duration) or COUPON_NAMES[duration]
    return words.format(off=_off(new), months=new.months)[:LONGEST_NAME].strip()


def _off(new: NewCoupon) -> str:
    if new.percent_off is not None or new.amount_minor is None or new.currency is None:
        return f"{new.percent_off}%"
    amount: Decimal = major_units(new.amount_minor, new.currency)
    return f"{amount:f} {new.currency.upper()}"
