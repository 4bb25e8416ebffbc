"""Whether a post waits until its claim has ended, and for how long. Pure.

A customer posts a choice, and a worker carries it out. If the post waits for that, the customer reads "done" instead of
"recorded". On a quiet day this is worth a wait of a second or two. When more posts come than the workers can carry out
in time, waiting helps nobody: all posts stand behind the same backlog, and most would read "recorded" after all. Such a
time is called a rush.

The customers who wait stand in line, in the order in which they began. A customer is overtaken when a later one is told
an end first. That wish hangs by itself and says nothing of the others, so it no longer stands in line. The first in
line shows how long the backlog is.

Rules, in this order:

1. If the process has no place for another waiting post, the new post does not wait.
2. A rush begins when the first in line has waited for too long and more than ``FEW`` customers stand in line. "Too
   long" is several times as long as a usual wait. The rush ends when a customer is told an end before the wait is too
   long. It also ends when, for as long as an answer may take, no customer in line has waited too long while more than
   ``FEW`` others came.
3. In a rush only ``SCOUTS`` customers wait at a time, to see whether it is over, and no wait becomes too long. One
   exception: in a rush that lasts, now and then one customer waits for longer. Everything may have become slower.
   Such a wait shows it, and after some minutes the longer time counts as usual.
4. Otherwise every post waits for as long as the settings say.

Each sort of posts has its own line: an offer waits for the flow vendor's word, which says nothing about cancellations.
All posts of one customer count as one and wait together. So a customer who presses again and again makes no backlog.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from typing import Final

WAITING: Final = 0.95
"""A post may wait for this share of the time to answer. On a busy machine the answer itself takes the rest."""

FEW: Final = 10
"""With so many customers or fewer there is no rush: a few that are slow hold nobody else up."""

SCOUTS: Final = 2
"""So many customers may wait at a time while a rush lasts."""

AS_USUAL: Final = 4.0
"""A wait is too long from so many times a usual wait on. Usual is the longest of the quickest quarter of the waits."""

AT_ONCE_S: Final = 0.25
"""A wait as short as this is never too long."""

TOO_LONG: Final = 0.5
"""A wait is always too long once it has also used up this share of the time that a usual wait leaves for an answer."""

_LOOKS_EVERY: Final = 0.25
"""A post that has waited for too long asks again whether there is a rush after this share of ``too_long_s``."""

_LEARNS: Final = 4.0
"""In a rush that lasts, now and then one customer may wait for so many times ``too_long_s``."""

_EVERY_S: Final = 1.0
"""One wait is remembered in this time. So it takes minutes until the waits of a rush count as usual."""
_REMEMBERED: Final = 100
_ENOUGH: Final = 3


@dataclass(slots=True)
class _WaitingCustomer:
    """A customer with at least one post that waits.

    Args:
        number: How many customers had begun to wait by then, this one included.
        since: When the first of the posts came.
        came_as: How many customers had come by then, this one included.
        posts: How many posts of this customer wait.
    """

    number: int
    since: float
    came_as: int
    posts: int = 1


class WaitsForEnd:
    """The posts of one sort that wait for their ends. The caller's clock tells the time, and never goes back.

    Args:
        within_s: How long an answer may take.
    """

    def __init__(self, within_s: float) -> None:
        self._within_s: Final = within_s
        self._came = 0
        self._began = 0
        self._waiting: dict[str, _WaitingCustomer] = {}
        self._told_up_to = 0
        self._told_s: deque[float] = deque(maxlen=_REMEMBERED)
        self._remembers_from = -math.inf

        self.posts = 0
        """How many posts wait now."""

        self.too_long_s = within_s * TOO_LONG
        """From this length on a wait is too long."""

        self._rush_until = -math.inf
        self._learner = 0
        self._learns_from = math.inf

    def may_wait(self, customer_id: str, now: float, *, has_place: bool) -> bool:
        """Count a new post, and tell whether it may wait for its end; otherwise it is told at once that it is recorded.

        Args:
            customer_id: The customer who posted.
            now: The time.
            has_place: Whether the process has a place for one more waiting post.
        """
        waits_already = customer_id in self._waiting
        if not waits_already:
            self._came += 1
        if not has_place:
            return False
        return waits_already or not self._is_rush(now) or len(self._in_line()) < SCOUTS

    def begin(self, customer_id: str, since: float) -> None:
        """Count a post that begins to wait.

        Args:
            customer_id: The customer who posted.
            since: When the post came. It may have waited for its turn to be stored until now.
        """
        self.posts += 1
        if customer_id in self._waiting:
            self._waiting[customer_id].posts += 1
            return

        self._began += 1
        self._waiting[customer_id] = _WaitingCustomer(self._began, since, self._came)

    def may_go_on_for(self, customer_id: str, now: float) -> float:
        """Return for how many seconds the customer's posts wait on before they ask again; 0 ends the wait.

        Args:
            customer_id: The customer whose posts wait.
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
        """Count a post that no longer waits.

        Args:
            customer_id: The customer who posted.
            now: The time.
            is_told: Whether the post was told an end.
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
            # A customer waits for longer only in a rush that lasts: a short one says nothing about what is usual.
            self._learns_from = now + self._within_s
        self._rush_until = now + self._within_s
        return True

    def _in_line(self) -> list[float]:
        """Return when each customer in line began to wait, the first in line first; the overtaken are left out."""
        return [one.since for one in self._waiting.values() if one.number > self._told_up_to]
