"""Whether a post waits for its end, and for how long. Pure.

A customer whose post waits for a while reads "done" and not "recorded", which is worth the wait on a quiet day. When
more comes than can be carried out in time, no post gains by it: all stand behind the same backlog, and most would read
"recorded" after all.

A backlog is seen by who waits first in line: the oldest of those that no later post has overtaken. A post that was
overtaken hangs by itself, and says nothing of the others.

Rules, in this order:

1. Where the process has no place left for one that waits, nobody waits.
2. Where the first in line has waited for several times as long as is usual, with others behind it, a rush begins. It
   lasts until somebody is told an end as quickly as is usual, or for a while nobody has waited in vain with others
   behind.
3. In a rush two wait at a time, to see whether it is over, and nobody for longer than that. In one that lasts, now and
   then one waits for longer: everything may have become slower, which is usual after some minutes.
4. Otherwise everybody waits for as long as the settings say.

Posts are counted by what they ask for: an offer waits for the flow vendor's word, which says nothing about
cancellations. Those of one customer count as one: nobody makes a backlog who presses again and again.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from typing import Final

WAITING: Final = 0.95
"""This share of the time to answer may go by with waiting; on a busy machine the answer itself takes the rest."""

FEW: Final = 10
"""So many may come behind one that waits, and it is no rush: one that is slow keeps nobody else."""

SCOUTS: Final = 2
"""So many wait at a time while a rush lasts."""

AS_USUAL: Final = 4.0
"""So many times as long as the quickest quarter of answers took is no usual wait any more."""

AT_ONCE_S: Final = 0.25
"""A wait as short as this is never too long."""

TOO_LONG: Final = 0.5
"""A wait is always too long once this share of what is left of the time to answer, after a usual wait, is over too."""

_LOOKS_EVERY: Final = 0.25
"""Who has waited for too long looks so often whether there is a rush, as a share of what is too long."""

_LEARNS: Final = 4.0
"""So many times as long as what is too long waits who learns."""

_EVERY_S: Final = 1.0
"""So often one answer is remembered, so that a rush is no usual day before minutes are over."""
_REMEMBERED: Final = 100
_ENOUGH: Final = 3


@dataclass(slots=True)
class _One:
    """One customer who waits.

    Args:
        number: How many had begun to wait by then, this one included.
        since: Since when.
        came_as: How many had come by then, this one included.
        posts: With how many posts.
    """

    number: int
    since: float
    came_as: int
    posts: int = 1


class WaitsForEnd:
    """The posts of one sort that wait for their ends, on a clock of the caller's that never goes back.

    Args:
        within_s: How long an answer may take.
    """

    def __init__(self, within_s: float) -> None:
        self._within_s: Final = within_s
        self._came = 0
        self._began = 0
        self._waiting: dict[str, _One] = {}
        self._told_up_to = 0
        self._told_s: deque[float] = deque(maxlen=_REMEMBERED)
        self._remembers_from = -math.inf

        self.posts = 0
        """How many wait now."""

        self.too_long_s = within_s * TOO_LONG
        """How long a wait is no usual one any more."""

        self._rush_until = -math.inf
        self._learner = 0
        self._learns_from = math.inf

    def may_wait(self, customer_id: str, now: float, *, has_place: bool) -> bool:
        """Count one more post, and tell whether it may wait for its end, or is told at once that it is recorded.

        Args:
            customer_id: Whose it is.
            now: The time.
            has_place: Whether the process has a place for one more that waits.
        """
        waits_already = customer_id in self._waiting
        if not waits_already:
            self._came += 1
        if not has_place:
            return False
        return waits_already or not self._is_rush(now) or len(self._in_line()) < SCOUTS

    def begin(self, customer_id: str, since: float) -> None:
        """Count one more that waits.

        Args:
            customer_id: Whose it is.
            since: When it came; it may have waited for its turn to be stored until now.
        """
        self.posts += 1
        if customer_id in self._waiting:
            self._waiting[customer_id].posts += 1
            return
        self._began += 1
        self._waiting[customer_id] = _One(self._began, since, self._came)

    def may_go_on_for(self, customer_id: str, now: float) -> float:
        """Return for how many seconds this one waits before it asks again; 0 where it is told that it is recorded.

        Args:
            customer_id: Whose it is.
            now: The time.
        """
        one = self._waiting[customer_id]
        left_s = one.since + self.too_long_s - now
        if left_s > 0:
            return left_s
        if not self._is_rush(now):
            return self.too_long_s * _LOOKS_EVERY
        if one.number > self._told_up_to and self._came - one.came_as > FEW:
            self._rush_until = now + self._within_s

        if now >= self._learns_from:
            self._learner, self._learns_from = one.number, now + self._within_s
        learns = one.number == self._learner and now < one.since + self.too_long_s * _LEARNS
        return self.too_long_s * _LOOKS_EVERY if learns else 0.0

    def end(self, customer_id: str, now: float, *, is_told: bool) -> None:
        """Count one that waits no more.

        Args:
            customer_id: Whose it is.
            now: The time.
            is_told: Whether it was told an end.
        """
        self.posts -= 1
        one = self._waiting[customer_id]
        one.posts -= 1
        if not one.posts:
            del self._waiting[customer_id]
        if not is_told:
            return

        waited_s = now - one.since
        self._told_up_to = max(self._told_up_to, one.number)
        if waited_s < self.too_long_s:
            self._rush_until = -math.inf
        if now >= self._remembers_from:
            self._remembers_from = now + _EVERY_S
            self._remember(waited_s)

    def _remember(self, waited_s: float) -> None:
        self._told_s.append(waited_s)
        if len(self._told_s) >= _ENOUGH:
            usual_s = sorted(self._told_s)[len(self._told_s) // 4]
            always_s = usual_s + (self._within_s - usual_s) * TOO_LONG
            self.too_long_s = min(always_s, max(AT_ONCE_S, usual_s * AS_USUAL))

    def _is_rush(self, now: float) -> bool:
        if now < self._rush_until:
            return True
        in_line = self._in_line()
        if len(in_line) <= FEW or now - in_line[0] < self.too_long_s:
            return False
        if now >= self._rush_until + self._within_s:
            # No short rush teaches anything.
            self._learns_from = now + self._within_s
        self._rush_until = now + self._within_s
        return True

    def _in_line(self) -> list[float]:
        """Return since when those wait whom nobody has overtaken, the first in line first."""
        return [one.since for one in self._waiting.values() if one.number > self._told_up_to]
