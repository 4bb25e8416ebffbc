"""Waiting for one's turn under a limit that all processes share.

Slots come from the database in batches, one statement for all who wait at that moment. While the database
does not answer, each process goes on by itself at a fraction of the pace: an outage neither stops the
requests nor lets them loose.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from aiocancel.core.rate_limit import (
    LONGEST_HORIZON_S,
    SHORTEST_PAUSE_S,
    Budget,
    Limit,
    batch,
    lease,
    slots_of,
)
from aiocancel.errors import PacedOutError, UnavailableError
from aiocancel.ports import SlotSource

logger = logging.getLogger("aiocancel")

# Of the shared pace, for each process that has to go by itself.
ALONE: Final = 0.1
ASK_AGAIN_S: Final = 5.0
# Shorter than any horizon, so that slots are never left over for want of a caller.
ASK_EVERY_S: Final = 0.5
# The longest wait of a whole take for those who hold a place that others need: no longer than asking takes. Slots that
# come within the horizon are still waited for.
IMPATIENT_S: Final = 0.5
# Nobody is sent away for longer, however many were sent away before.
LONGEST_PUT_OFF_S: Final = 60.0
_RECENT_S: Final = 1.0
_MOST_ROUNDS: Final = 2


class RateLimit:
    """One process's turn under one limit.

    Args:
        name: The name of the limit's budget, the same in every process.
        limit: The limit.
        source: Where all processes take their slots from.
        horizon_s: How far ahead slots are taken: a caller that takes them further ahead comes before the others when it
            is busy.
        longest_wait_s: The longest time for a whole wait.
        clock: The time of this process.
        sleep: Waits for so many seconds.
    """

    def __init__(
        self,
        name: str,
        limit: Limit,
        source: SlotSource,
        *,
        horizon_s: float = 1.0,
        longest_wait_s: float = 15.0,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self.name = name
        self._limit = limit
        self._alone = Limit(limit.per_s * ALONE, 0.0, limit.slack_s)
        self._source = source
        self._horizon_s = min(horizon_s, LONGEST_HORIZON_S)
        self._longest_wait_s = longest_wait_s
        self._clock = clock

        self._sleep = sleep
        self._slots: deque[float] = deque()
        self._recent: deque[float] = deque()
        self._waiting = 0
        self._asking = asyncio.Lock()
        self._own = Budget()
        self._alone_until = float("-inf")
        self._put_off_until = float("-inf")

    async def take(self) -> float:
        """Wait for a turn and return until when it may be used, on the monotonic clock.

        Raises PacedOutError, and the turn is nobody's, where it would come too late. The error says when to come back:
        of several who are sent away each a slot after the one before, so that they find a turn when they do.
        """
        give_up_at = self._clock() + self._longest_wait_s
        self._waiting += 1
        try:
            slot = await self._next_slot(give_up_at)
        except TimeoutError:
            raise PacedOutError(retry_after_s=self._put_off(self._longest_wait_s)) from None
        finally:
            self._waiting -= 1
        if (delay_s := slot - self._clock()) > 0:
            await self._sleep(delay_s)
        return max(slot, self._clock()) + self._limit.slack_s

    async def strike(self, retry_after_s: float | None) -> None:
        """Tell everybody that the other side refused a request because there were too many."""
        now = self._clock()
        pause_s = max(retry_after_s or 0.0, SHORTEST_PAUSE_S)
        self._slots.clear()
        self._own = Budget(max(self._own.next_at, now + pause_s))
        try:
            await self._source.strike(self.name, pause_s=pause_s)
        except UnavailableError:
            self._alone_until = now + ASK_AGAIN_S

    async def _next_slot(self, give_up_at: float) -> float:
        # The caller that came first asks, and goes on asking, for all that wait behind it.
        async with asyncio.timeout(self._longest_wait_s) as behind, self._asking:
            behind.reschedule(None)
            while True:
                now = self._clock()
                while self._slots and self._slots[0] < now - self._limit.slack_s:
                    self._slots.popleft()
                free_in_s = 0.0 if self._slots else await self._lease()
                if self._slots:
                    self._recent.append(now)
                    return self._slots.popleft()
                # Other processes have taken every slot of the next moments.
                nap_s = max(free_in_s - self._horizon_s, ASK_EVERY_S)
                if self._clock() + nap_s >= give_up_at:
                    raise PacedOutError(retry_after_s=self._put_off(max(free_in_s, nap_s)))
                await self._sleep(nap_s)

    def _put_off(self, free_in_s: float) -> float:
        now = self._clock()
        after_the_last = self._put_off_until + self._limit.interval_s
        latest = now + max(free_in_s, LONGEST_PUT_OFF_S)
        self._put_off_until = min(max(after_the_last, now + free_in_s), latest)
        return self._put_off_until - now

    async def _lease(self) -> float:
        """Ask for slots; returns in how many seconds the next free one comes."""
        now = self._clock()
        while self._recent and self._recent[0] < now - _RECENT_S:
            self._recent.popleft()

        want = batch(self._waiting, len(self._recent) / _RECENT_S, self._limit)

        if now >= self._alone_until:
            try:
                slots = await self._source.lease(
                    self.name, self._limit, want=want, horizon_s=self._horizon_s
                )
            except UnavailableError as error:
                logger.warning(
                    "the limit %s cannot be shared, going on slowly: %s", self.name, error
                )
                self._alone_until = self._clock() + ASK_AGAIN_S
            else:
                self._slots.extend(slots_of(slots, self._clock()))
                return slots.starts_in_s

        now = self._clock()
        self._own, slots = lease(self._own, self._alone, now, want=1, horizon_s=self._horizon_s)
        self._slots.extend(slots_of(slots, now))

        return slots.starts_in_s


class RateLimits:
    """Several limits that hold for the same request; a request waits until its turn under each is there at once."""

    def __init__(
        self, paces: Sequence[RateLimit], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._paces = paces
        self._clock = clock

    async def take(self) -> None:
        """Wait for a turn; raises PacedOutError."""
        usable_until = [float("-inf")] * len(self._paces)
        for _ in range(_MOST_ROUNDS):
            for number, pace in enumerate(self._paces):
                if usable_until[number] < self._clock():
                    usable_until[number] = await pace.take()
            if all(until >= self._clock() for until in usable_until):
                return
        # So busy that the turns never meet: each limit was still kept by itself.

    async def strike(self, retry_after_s: float | None) -> None:
        """Tell everybody that the other side refused a request because there were too many."""
        for pace in self._paces:
            await pace.strike(retry_after_s)
