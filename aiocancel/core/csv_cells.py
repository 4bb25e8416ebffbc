"""Values as cells of CSV that no spreadsheet takes for a formula. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

# What a spreadsheet takes for the beginning of a formula, or skips before one.
# https://owasp.org/www-community/attacks/CSV_Injection
_BEGINS_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n")


def cell_of(value: Any) -> str:
    """Return a value as a cell: a text that begins like a formula gets an apostrophe, a number stays a number."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat()

    text = str(value)
    is_number = isinstance(value, int | float)
    return f"'{text}" if text.startswith(_BEGINS_FORMULA) and not is_number else text
