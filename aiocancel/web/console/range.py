"""The range of days and the filters that the address of a page names; a wrong one is said, never a mistake of ours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from aiocancel.core.measures.report import By
from aiocancel.core.measures.sums import MOST_DAYS

USUAL_DAYS: Final = 90
LONGEST_SEARCH: Final = 255
OUTCOMES: Final = ("canceled", "accepted", "abandoned", "taken_back", "open")


class RangeError(ValueError):
    """The address names what cannot be.

    Args:
        key: The key of the words that say so.
        values: The values in them.
    """

    def __init__(self, key: str, **values: object) -> None:
        super().__init__(key)
        self.key = key
        self.values = values


@dataclass(frozen=True, slots=True)
class Range:
    """Days of the owner's: ``first`` and ``last`` are both in it."""

    first: date
    last: date
    zone: ZoneInfo

    @property
    def since(self) -> datetime:
        """Its first moment."""
        return datetime.combine(self.first, time(), self.zone).astimezone(UTC)

    @property
    def until(self) -> datetime:
        """The first moment after it."""
        return datetime.combine(self.last + timedelta(days=1), time(), self.zone).astimezone(UTC)


def read_range(query: Mapping[str, str], now: datetime, time_zone: str) -> Range:
    """Return the range that an address names: ``days``, or ``from`` and ``to``; else the last 90 days.

    Raises:
        RangeError: It is none.
    """
    zone = ZoneInfo(time_zone)
    today = now.astimezone(zone).date()
    last = _day(query.get("to"), today)
    usual = last - timedelta(days=_days(query.get("days")) - 1)
    first = _day(query.get("from"), usual)

    if first > last:
        raise RangeError("days_are_backwards")
    if (last - first).days > MOST_DAYS or last.year > today.year + 1:
        raise RangeError("range_is_long")
    return Range(first, last, zone)


def _day(text: str | None, usual: date) -> date:
    if not text:
        return usual
    try:
        found = date.fromisoformat(text)
    except ValueError:
        raise RangeError("day_is_unreadable") from None
    # Time zones move a day beyond what a date can be.
    if not 1970 <= found.year <= 9000:
        raise RangeError("year_is_out_of_range")
    return found


def _days(text: str | None) -> int:
    if not text:
        return USUAL_DAYS
    is_number = text.isascii() and text.isdigit() and len(text) <= 9
    if not is_number or not 1 <= int(text) <= MOST_DAYS:
        raise RangeError("days_are_out_of_range", most=MOST_DAYS)
    return int(text)


def read_by(query: Mapping[str, str]) -> By:
    """Return what sessions are told apart by, weeks unless named.

    Raises:
        RangeError: The address names nothing of that kind.
    """
    try:
        return By(query.get("by") or "week")
    except ValueError:
        raise RangeError("by_is_unknown", known=", ".join(By)) from None


def to_micros(moment: datetime) -> int:
    """Return a moment for an address or a form, as exact as the database has it."""
    return int(moment.timestamp()) * 1_000_000 + moment.microsecond


def of_micros(text: str) -> datetime | None:
    """Read what ``to_micros`` wrote; None for anything else."""
    if not (text.isascii() and text.isdigit() and len(text) <= 16):
        return None
    seconds, micros = divmod(int(text), 1_000_000)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=micros)
