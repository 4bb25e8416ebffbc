"""Whether a post waits for its end: as many wait as can be answered in time. Pure.

Rules, in this order:

1. Beyond the most that one process lets wait, nobody waits.
2. While nobody has lately waited in vain, everybody does.
3. Otherwise as many wait as were lately answered, and always a few: a subscription that hangs at Stripe makes no rush.

Lately is within the longest wait. Who has waited for half of it already counts as one in vain: in a rush that begins,
the others need not find out for themselves. Posts are counted by what they ask for: an offer waits for the flow
vendor's word, which says nothing about cancellations.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from typing import Final

ALWAYS: Final = 10
"""So many wait whatever became of others."""

WAITING: Final = 0.95
"""This share of the time to answer may go by with waiting; on a busy machine the answer itself takes the rest."""

TOO_LONG: Final = 0.5
"""Who has waited for this share of the longest wait counts as one who waits in vain."""


@dataclass(frozen=True, slots=True)
class Waits:
    """The posts of one sort that wait, and what became of those that waited lately.

    Args:
        waiting: How many wait now.
        answered: How many were told an end.
        in_vain: How many were told none, and whether one of those who wait now has waited for too long.
    """

    waiting: int
    answered: int
    in_vain: int


def may_wait(waits: Waits, *, all_waiting: int, most: int) -> bool:
    """Tell whether one more post may wait for its end, or is told at once that it is recorded.

    Args:
        waits: Those of its own sort.
        all_waiting: How many posts of any sort wait now.
        most: How many of any sort may.
    """
    if all_waiting >= most:
        return False
    if not waits.in_vain:
        return True
    return waits.waiting < max(ALWAYS, waits.answered)


class RecentWaits:
    """Counts the waits of one sort.

    Args:
        within_s: How far back a wait is remembered once it has ended.
        too_long_s: A wait that goes on for so long counts as one in vain.
    """

    def __init__(self, within_s: float, *, too_long_s: float = math.inf) -> None:
        self._within_s = within_s
        self._too_long_s = too_long_s
        self._began = 0
        self._waiting: dict[int, float] = {}
        self._answered: deque[float] = deque()
        self._in_vain: deque[float] = deque()

    def begin(self, now: float) -> int:
        """Count one more that waits, and return its number.

        Args:
            now: When it began, on a clock of the caller's that never goes back.
        """
        self._began += 1
        self._waiting[self._began] = now
        return self._began

    def end(self, number: int, now: float, *, answered: bool | None) -> None:
        """Count one that waits no more.

        Args:
            number: Which one.
            now: When, on the same clock.
            answered: Whether it was told an end; None where it left before it was told anything.
        """
        del self._waiting[number]
        if answered is not None:
            (self._answered if answered else self._in_vain).append(now)

    def at(self, now: float) -> Waits:
        """Return the counts as they are now, and forget what is over for long."""
        for ends in (self._answered, self._in_vain):
            while ends and ends[0] <= now - self._within_s:
                ends.popleft()
        # Those who wait stand in the order in which they came.
        oldest = next(iter(self._waiting.values()), now)
        in_vain = len(self._in_vain) + (now - oldest >= self._too_long_s)
        return Waits(len(self._waiting), len(self._answered), in_vain)
