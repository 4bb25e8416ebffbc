"""How many requests may go out, and when: the generic cell rate algorithm, handing out slots in batches.

One budget is shared by every process. It holds a single number, the moment of its next free slot; a process
that needs slots takes a batch of them, each an interval after the one before. A slot is used when it comes or a
little later, and is then gone. So a limit holds whatever the number of processes, and none has to know
how many there are.
Source: ITU-T I.371, annex A (the algorithm).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

# A refusal makes all processes slower for a while: by half each time, and back again as time passes without one.
SLOWEST: Final = 16.0
RECOVERS_BY_HALF_S: Final = 20.0
# One burst is refused many times over; that is one reason to become slower.
ONE_BURST_S: Final = 1.0
SHORTEST_PAUSE_S: Final = 1.0
LONGEST_PAUSE_S: Final = 60.0
LONGEST_HORIZON_S: Final = 30.0
# No slot is ever given out, and no pause made, this far ahead: then the clock was set back.
IMPOSSIBLE_S: Final = 120.0


@dataclass(frozen=True, slots=True)
class Limit:
    """The other side's limit as we keep it: ``per_s`` in the long run.

    ``burst_s`` is how much unused time may be made up for at once, ``slack_s`` how late a slot may still be used.
    """

    per_s: float
    burst_s: float = 0.0
    slack_s: float = 0.1

    @property
    def interval_s(self) -> float:
        """The time from one slot to the next."""
        return 1 / self.per_s

    def most_within(self, window_s: float) -> int:
        """Return how many requests may at most go out in any window of this length, from all processes together."""
        return math.floor(self.per_s * (window_s + self.burst_s + self.slack_s) + 1e-9) + 1


def limit_within(
    requests: float, window_s: float, *, burst_s: float = 0.0, slack_s: float = 0.1
) -> Limit:
    """Return the fastest limit that lets no more than ``requests`` (at least 2) out in any window of ``window_s``."""
    return Limit((requests - 1) / (window_s + burst_s + slack_s), burst_s, slack_s)


@dataclass(frozen=True, slots=True)
class Budget:
    """The shared state: the next free slot, how much slower than usual it goes, and since when; times in s."""

    next_at: float = 0.0
    slowness: float = 1.0
    slowed_at: float = 0.0

    def slowness_at(self, now: float) -> float:
        """Return by which factor the interval is stretched now, 1 where it is not."""
        # A clock that was set back must make no process slower.
        age_s = max(0.0, now - self.slowed_at)
        return max(1.0, self.slowness * math.pow(0.5, min(age_s / RECOVERS_BY_HALF_S, 64.0)))


@dataclass(frozen=True, slots=True)
class Slots:
    """``count`` slots, the first after ``starts_in_s`` (negative: it is overdue), then one every ``interval_s``.

    Without any, ``starts_in_s`` is how far away the next free one is.
    """

    count: int
    starts_in_s: float
    interval_s: float


def lease(
    budget: Budget, limit: Limit, now: float, *, want: int, horizon_s: float
) -> tuple[Budget, Slots]:
    """Take up to ``want`` slots that come within ``horizon_s``: fewer, or none, where there are not so many.

    Args:
        budget: The budget as it is.
        limit: The limit that it keeps to.
        now: The time.
        want: How many slots are wanted.
        horizon_s: How far ahead they may be; at most LONGEST_HORIZON_S.
    """
    interval_s = limit.interval_s * budget.slowness_at(now)
    next_at = budget.next_at if budget.next_at <= now + IMPOSSIBLE_S else now
    first = max(next_at, now - limit.burst_s)
    count = max(0, min(want, math.floor((now + horizon_s - first) / interval_s) + 1))
    slots = Slots(count, first - now, interval_s)
    if not count:
        return budget, slots
    return Budget(first + count * interval_s, budget.slowness, budget.slowed_at), slots


def strike(budget: Budget, now: float, *, pause_s: float) -> Budget:
    """Stop all processes for a moment and go on more slowly, because the other side has refused a request."""
    pause_s = min(max(pause_s, SHORTEST_PAUSE_S), LONGEST_PAUSE_S)
    next_at = max(budget.next_at if budget.next_at <= now + IMPOSSIBLE_S else now, now + pause_s)
    if 0 <= now - budget.slowed_at < ONE_BURST_S:
        return Budget(next_at, budget.slowness, budget.slowed_at)
    return Budget(next_at, min(SLOWEST, budget.slowness_at(now) * 2), now)


def slots_of(slots: Slots, now: float) -> list[float]:
    """Return when each of the slots received at ``now`` may be used; none is earlier than now."""
    return [
        max(now, now + slots.starts_in_s + number * slots.interval_s)
        for number in range(slots.count)
    ]


def batch(waiting: int, recent_per_s: float, limit: Limit) -> int:
    """Return how many slots to ask for: one for each request that waits, and as many as will be used in time."""
    return min(waiting + math.floor(recent_per_s * limit.slack_s), max(1, math.ceil(limit.per_s)))
