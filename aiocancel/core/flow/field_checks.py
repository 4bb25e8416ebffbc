"""Checks of one field of a flow's definition; each names the field. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import fields
from decimal import Decimal
from typing import Any, Final

from aiocancel.core.check_settings import check_whole
from aiocancel.core.identifiers import is_opaque_id
from aiocancel.core.money import major_units, minor_units
from aiocancel.errors import ConfigurationError

_KEY: Final = re.compile(r"[a-z][a-z0-9_]{0,62}")
_LANGUAGE: Final = re.compile(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*")
_CURRENCY: Final = re.compile(r"[a-z]{3}")
_MOST_WORDS: Final = 300
_MOST_PERCENT_PLACES: Final = 4


def check_key(name: str, key: object) -> None:
    """Refuse a key that is no identifier; raises ConfigurationError."""
    if not isinstance(key, str) or not _KEY.fullmatch(key):
        raise ConfigurationError(
            f"{name}: a key is lowercase letters, digits and _, such as 'half_price'"
        )


def check_words(name: str, words: object) -> None:
    """Refuse anything but words for customers; raises ConfigurationError."""
    if not isinstance(words, str | Mapping) or (isinstance(words, Mapping) and not words):
        raise ConfigurationError(f"{name} is a text, or one for each language as {{'en': '…'}}")
    if isinstance(words, Mapping):
        for tag in words:
            if not isinstance(tag, str) or not _LANGUAGE.fullmatch(tag):
                raise ConfigurationError(f"{name}: a language is a tag such as 'en' or 'pt-BR'")
    for text in [words] if isinstance(words, str) else words.values():
        if not isinstance(text, str) or not text.strip() or len(text) > _MOST_WORDS:
            raise ConfigurationError(f"{name} has 1 to {_MOST_WORDS} characters in each language")


def check_percent(name: str, percent: object) -> None:
    """Refuse anything but an exact share that Stripe takes; raises ConfigurationError."""
    if isinstance(percent, bool) or not isinstance(percent, int | Decimal):
        raise ConfigurationError(f"{name} is a whole number or a Decimal, such as Decimal('12.5')")
    exponent = Decimal(percent).as_tuple().exponent
    if not isinstance(exponent, int) or exponent < -_MOST_PERCENT_PLACES or not 0 < percent <= 100:
        raise ConfigurationError(
            f"{name} is more than 0, at most 100, and has at most {_MOST_PERCENT_PLACES} places"
        )


def check_amounts(name: str, amounts: object) -> None:
    """Refuse anything but a sum that Stripe takes for each currency; raises ConfigurationError."""
    if not isinstance(amounts, Mapping) or not amounts:
        raise ConfigurationError(f"{name} is a sum for each currency, such as {{'eur': 1000}}")
    for currency, minor in amounts.items():
        if not isinstance(currency, str) or not _CURRENCY.fullmatch(currency):
            raise ConfigurationError(f"{name}: a currency is three lowercase letters, as 'eur'")
        check_whole(f"{name}[{currency!r}]", minor)
        try:
            minor_units(major_units(minor, currency), currency)
        except ValueError as error:
            raise ConfigurationError(f"{name}[{currency!r}]: {error}") from None


def keep_own_copies(part: Any) -> None:
    """Copy the mappings of a part of a definition: their caller could still change them after they were checked.

    Args:
        part: A frozen dataclass.
    """
    for each in fields(part):
        value = getattr(part, each.name)
        if isinstance(value, Mapping):
            object.__setattr__(part, each.name, dict(value))
        elif isinstance(value, tuple):
            copies = tuple(dict(one) if isinstance(one, Mapping) else one for one in value)
            object.__setattr__(part, each.name, copies)


def check_unique(name: str, keys: list[str]) -> None:
    """Refuse a key that is there twice; raises ConfigurationError."""
    for number, key in enumerate(keys):
        if key in keys[:number]:
            raise ConfigurationError(f"{name}[{number}].key: {key!r} is there already")


def is_id(text: object) -> bool:
    """Tell whether it may be an id of Stripe's."""
    return isinstance(text, str) and is_opaque_id(text)


def is_tuple(value: object) -> bool:
    """Tell whether it is a tuple, which nobody can change after it was checked."""
    return isinstance(value, tuple)
