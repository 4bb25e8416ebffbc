"""A date some days, weeks, months or years later, as Stripe and a calendar count them. Pure."""

from __future__ import annotations

import calendar
from datetime import datetime, timedelta
from typing import Final

# Months differ by this much.
MONTHS_DIFFER: Final = timedelta(days=3)


def later(start: datetime, interval: str, count: int) -> datetime:
    """Return the time ``count`` of Stripe's intervals later; raises OverflowError or ValueError beyond the calendar."""
    match interval:
        case "day":
            return start + timedelta(days=count)
        case "week":
            return start + timedelta(weeks=count)
        case "month":
            return add_months(start, count)
        case _:
            return add_months(start, 12 * count)


def add_months(start: datetime, months: int) -> datetime:
    """Return the same day and time ``months`` calendar months later, or that month's last day if it is shorter."""
    year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    day = min(start.day, calendar.monthrange(year, month + 1)[1])
    return start.replace(year=year, month=month + 1, day=day)
