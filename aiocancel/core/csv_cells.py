"""Values as cells of CSV that no spreadsheet takes for a formula. Pure."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any, Final

# What a spreadsheet takes for the beginning of a formula, or skips before one; in some languages the wide ones as well.
# https://owasp.org/www-community/attacks/CSV_Injection
_BEGINS_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
# Where numbers have a decimal comma, a spreadsheet parts cells at semicolons, and takes no quote inside of a line
# for one: what stands behind them, or in a line of its own, begins a cell as well.
_BEGINS_CELL: Final = re.compile('(?<=[;\t\r\n])(?="*[=+\\-@＝＋－＠])')


def cell_of(value: Any) -> str:
    """Return a value as a cell: a text gets an apostrophe where a formula would begin, a number stays a number."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, int | float):
        return str(value)

    text = _BEGINS_CELL.sub("'", str(value))
    return f"'{text}" if text.startswith(_BEGINS_FORMULA) else text
