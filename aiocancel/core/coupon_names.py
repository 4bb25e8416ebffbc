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
# Each has room for a sum of seven figures with its currency and for two figures of months.
_OTHER_LANGUAGES: Final[Mapping[str, Mapping[str, str]]] = {
    "de": {
        "once": "{off} Rabatt",
        "repeating": "{off} Rabatt für {months} Monate",
        "month": "{off} Rabatt für einen Monat",
        "forever": "{off} Rabatt",
    },
    "es": {
        "once": "Descuento de {off}",
        "repeating": "Descuento de {off} por {months} meses",
        "month": "Descuento de {off} por un mes",
        "forever": "Descuento de {off}",
    },
    "fr": {
        "once": "Remise de {off}",
        "repeating": "Remise de {off} pendant {months} mois",
        "month": "Remise de {off} pendant un mois",
        "forever": "Remise de {off}",
    },
    "it": {
        "once": "Sconto di {off}",
        "repeating": "Sconto di {off} per {months} mesi",
        "month": "Sconto di {off} per un mese",
        "forever": "Sconto di {off}",
    },
    "nl": {
        "once": "{off} korting",
        "repeating": "{months} maanden lang {off} korting",
        "month": "Een maand lang {off} korting",
        "forever": "{off} korting",
    },
}


def names_in(language: str, own: Mapping[str, str]) -> Mapping[str, str]:
    """Return the words by duration: the owner's, and for the rest those of a language.

    Args:
        language: The site's first one, such as "de-AT"; one that we have no words in has English ones.
        own: The owner's words.
    """
    ours = _OTHER_LANGUAGES.get(language.partition("-")[0], COUPON_NAMES)
    return {**ours, **own}


def problem_with(names: Mapping[str, str]) -> str | None:
    """Return why these names cannot be used, for the developer who wrote them; None where they can."""
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
