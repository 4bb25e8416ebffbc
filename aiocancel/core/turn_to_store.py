"""Whether a post waits for its turn to be stored: as many wait as can be stored in time. Pure.

Rules, in this order:

1. Beyond the most that one process lets wait, nobody waits.
2. While nobody has lately waited in vain, everybody does.
3. Otherwise as many wait as were lately stored, and always a few.

Lately is within the longest wait.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final

ALWAYS: Final = 10
"""So many wait whatever became of others."""


@dataclass(frozen=True, slots=True)
class Waits:
    """The posts that wait for their turn, and what became of those that waited lately.

    Args:
        waiting: How many wait now.
        stored: How many had their turn.
        in_vain: How many had none.
    """

    waiting: int
    stored: int
    in_vain: int


def may_wait(waits: Waits, *, most: int) -> bool:
    """Tell whether one more post may wait for its turn.

    Args:
        waits: What became of the others.
        most: How many may wait.
    """
    if waits.waiting >= most:
        return False
    if not waits.in_vain:
        return True
    return waits.waiting < max(ALWAYS, waits.stored)


class WaitsForTurn:
    """Counts the waits for a turn, on a clock of the caller's that never goes back.

    Args:
        within_s: How far back a wait is remembered once it has ended.
    """

    def __init__(self, within_s: float) -> None:
        self._within_s = within_s
        self._waiting = 0
        self._stored: deque[float] = deque()
        self._in_vain: deque[float] = deque()

    def begin(self) -> None:
        """Count one more that waits."""
        self._waiting += 1

    def end(self, now: float, *, has_turn: bool | None) -> None:
        """Count one that waits no more.

        Args:
            now: The time.
            has_turn: Whether its turn came; None where it did not wait for long enough to tell.
        """
        self._waiting -= 1
        if has_turn is not None:
            (self._stored if has_turn else self._in_vain).append(now)

    def at(self, now: float) -> Waits:
        """Return the counts as they are now, and forget what is over for long."""
        for ends in (self._stored, self._in_vain):
            while ends and ends[0] <= now - self._within_s:
                ends.popleft()
        return Waits(self._waiting, len(self._stored), len(self._in_vain))
