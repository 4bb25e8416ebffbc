"""Figures as sums: what one day comes to, so that any range is the sum of its days. Pure.

Every figure is a number of rows with a key, the day of a reading or 0, and a few counts. The counts of two ranges that
do not overlap add up, key by key.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from enum import StrEnum
from typing import Final

Span = tuple[datetime, datetime]
"""A first moment, and the first after the last."""

MOST_KEYS: Final = 1000
"""How many keys of one figure are told apart in one count."""

MOST_DAYS: Final = 3660
"""How many days a range has at most."""


class Figure(StrEnum):
    """The figures that are kept for each day."""

    COUNTS = "counts"
    BY_REASON = "by_reason"
    BY_OFFER = "by_offer"
    BY_PLAN = "by_plan"
    BY_PLACE = "by_place"
    REASONS = "reasons"
    OFFERS = "offers"
    KEPT = "kept"
    REVENUE = "revenue"
    HOLD_OUT = "hold_out"
    LEFT_OUT = "left_out"
    DUE = "due"


OF_READINGS: Final = frozenset({Figure.KEPT, Figure.REVENUE, Figure.HOLD_OUT})
"""Those that a reading of Stripe can change."""


class Sums:
    """Counts by their key and the day of their reading."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, int], list[int]] = {}

    def add(self, key: str, day: int, numbers: Sequence[int | None]) -> None:
        """Add the counts of one row; None counts as nothing."""
        known = self._found.setdefault((key, day), [])
        known += [0] * (len(numbers) - len(known))
        for place, number in enumerate(numbers):
            known[place] += number or 0

    def items(self) -> Iterator[tuple[str, int, Sequence[int]]]:
        """Yield each key with the day of its reading and its counts."""
        for (key, day), numbers in self._found.items():
            yield key, day, numbers

    def one(self, key: str = "") -> Sequence[int] | None:
        """Return the counts of a key that has no reading, None where there are none."""
        return self._found.get((key, 0))


def gaps(span: Span, counted: Iterable[Span]) -> tuple[list[Span], list[Span]]:
    """Return the counted days that may be used for a range, and the pieces of it that none of them covers.

    Args:
        span: The range.
        counted: Days that were counted, in their order; one that overlaps an earlier one is left out.
    """
    used: list[Span] = []
    missing: list[Span] = []
    at, until = span

    for first, last in counted:
        if first < at or last > until:
            continue
        if first > at:
            missing.append((at, first))
        used.append((first, last))
        at = last
    if at < until:
        missing.append((at, until))
    return used, missing


def days_before(moment: datetime, first: datetime, zone: tzinfo) -> Iterator[Span]:
    """Yield the days of an owner that have ended at a moment, the newest first, none before that of ``first``.

    Args:
        moment: Aware.
        first: When the first session began.
        zone: Whose days are meant.
    """
    day, oldest = moment.astimezone(zone).date(), first.astimezone(zone).date()
    while day > oldest:
        until, day = _midnight(day, zone), day - timedelta(days=1)
        yield _midnight(day, zone), until


def weeks_of(span: Span, zone: tzinfo) -> Iterator[tuple[date, Span]]:
    """Part a range by an owner's weeks; yield the Monday of each with its part.

    Args:
        span: The range.
        zone: Whose weeks are meant.
    """
    at, until = span
    while at < until:
        day = at.astimezone(zone).date()
        monday = day - timedelta(days=day.weekday())
        end = min(until, _midnight(monday + timedelta(days=7), zone))
        yield monday, (at, end)
        at = end


def last_days(days: int, now: datetime, zone: tzinfo) -> Span:
    """Return the range of an owner's last whole days, today included, and what is to come of it.

    Args:
        days: How many; 1 is today alone.
        now: The present, aware.
        zone: Whose days are meant.
    """
    today = now.astimezone(zone).date()
    return _midnight(today - timedelta(days=days - 1), zone), _midnight(
        today + timedelta(days=1), zone
    )


def _midnight(day: date, zone: tzinfo) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(UTC)
