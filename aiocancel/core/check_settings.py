"""One setting's type and bound, refused by name. Pure.

The type is looked at first, since ``"10"`` compared with a number is an error that names no setting. No message
repeats a value: a secret may have been given to the wrong setting.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from decimal import Decimal
from typing import Final

from aiocancel.errors import ConfigurationError

# As a number of seconds 31 years: beyond it neither timers, nor dates, nor a column of the database hold it.
MOST: Final = 1_000_000_000


def check_whole(name: str, value: object, *, least: int = 1, most: int = MOST) -> None:
    """Refuse anything but a whole number within its bounds.

    Args:
        name: The setting, as its owner wrote it.
        value: What was given.
        least: The smallest number allowed.
        most: The largest number allowed.

    Raises:
        ConfigurationError: Names the setting, and its type or its bounds.
    """
    # True is a whole number to Python, and to nobody else.
    if isinstance(value, bool) or not isinstance(value, int):
        raise ConfigurationError(f"{name} must be a whole number{_not_of(value)}")
    if not least <= value <= most:
        raise ConfigurationError(f"{name} must be from {least:,} to {most:,}")


def check_number(
    name: str, value: object, *, least: float | None = None, most: float = MOST
) -> None:
    """Refuse anything but a number within its bounds.

    Args:
        name: The setting, as its owner wrote it.
        value: What was given.
        least: The smallest number allowed; None for everything above 0.
        most: The largest number allowed.

    Raises:
        ConfigurationError: Names the setting, and its type or its bounds.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ConfigurationError(f"{name} must be a number{_not_of(value)}")
    if least is None and not 0 < value <= most:
        raise ConfigurationError(f"{name} must be more than 0, and at most {most:,}")
    if least is not None and not least <= value <= most:
        raise ConfigurationError(f"{name} must be from {least:,} to {most:,}")


def check_exact(name: str, value: object, *, most: int = MOST) -> None:
    """Refuse anything but an exact number from 0 to ``most``: a bound on money must not be rounded.

    Args:
        name: The setting, as its owner wrote it.
        value: What was given.
        most: The largest number allowed.

    Raises:
        ConfigurationError: Names the setting, and its type or its bounds.
    """
    if isinstance(value, bool) or not isinstance(value, (int, Decimal)):
        raise ConfigurationError(
            f"{name} must be a Decimal or a whole number, such as Decimal('12.5'){_not_of(value)}"
        )
    is_finite = isinstance(value, int) or value.is_finite()
    if not is_finite or not 0 <= value <= most:
        raise ConfigurationError(f"{name} must be from 0 to {most:,}")


def check_flag(name: str, value: object) -> None:
    """Refuse anything but True and False; raises ConfigurationError."""
    if not isinstance(value, bool):
        raise ConfigurationError(f"{name} must be True or False{_not_of(value)}")


def check_text(name: str, value: object) -> None:
    """Refuse anything but a text; raises ConfigurationError."""
    if not isinstance(value, str):
        raise ConfigurationError(f"{name} must be a text (str){_not_of(value)}")


def check_word(name: str, value: object, words: Collection[str]) -> None:
    """Refuse anything but one of ``words``; raises ConfigurationError."""
    if not isinstance(value, str) or value not in words:
        *others, last = [f"'{word}'" for word in words]
        raise ConfigurationError(f"{name} is {', '.join(others)} or {last}")


def check_texts(name: str, value: object) -> None:
    """Refuse anything but several texts, none of them empty; one text alone is not several.

    Args:
        name: The setting, as its owner wrote it.
        value: What was given.

    Raises:
        ConfigurationError: Names the setting.
    """
    if isinstance(value, (str, bytes, Mapping)) or not isinstance(value, Collection):
        raise ConfigurationError(f"{name} is a list or set of texts{_not_of(value)}")
    if not all(isinstance(each, str) and each for each in value):
        raise ConfigurationError(f"{name} is a list or set of texts, none of them empty")


def check_text_by_text(name: str, value: object) -> None:
    """Refuse anything but a mapping of texts to texts; raises ConfigurationError."""
    if not isinstance(value, Mapping):
        raise ConfigurationError(f"{name} is a mapping of texts{_not_of(value)}")
    if not all(isinstance(each, str) for pair in value.items() for each in pair):
        raise ConfigurationError(f"{name} is a mapping of texts to texts")


def _not_of(value: object) -> str:
    return f", not of type {type(value).__name__}"
