"""One timer for the deadlines of many short waits, which nearly always are over long before."""

from __future__ import annotations

import asyncio


class Deadlines:
    """Bounds waits of one length; each ends at most a tenth of that too late.

    ``asyncio.timeout(2)`` arms and takes back a timer for each wait, which costs a page's lookup a fifteenth of its
    CPU (tests/benchmarks/page.py). Here one timer looks after all, and nobody's where nobody waits. How a wait is
    ended stays ``asyncio.timeout``'s::

        deadline = deadlines.begin()
        try:
            async with deadline:
                ...
        finally:
            deadlines.end(deadline)

    Args:
        seconds: How long a wait may take.
    """

    __slots__ = ("_ends", "_seconds", "_watching")

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        # All are equally long: the first to begin is the first to end.
        self._ends: dict[asyncio.Timeout, float] = {}
        self._watching: asyncio.AbstractEventLoop | None = None

    def begin(self) -> asyncio.Timeout:
        """Return the deadline of a wait that begins now; it is entered at once."""
        loop = asyncio.get_running_loop()
        deadline = asyncio.timeout(None)
        self._ends[deadline] = loop.time() + self._seconds
        if self._watching is not loop:
            self._watch(loop)
        return deadline

    def end(self, deadline: asyncio.Timeout) -> None:
        """Forget a wait, however it ended."""
        self._ends.pop(deadline, None)

    def _watch(self, loop: asyncio.AbstractEventLoop) -> None:
        self._watching = loop
        loop.call_later(self._seconds / 10, self._look, loop)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        late = [deadline for deadline, ends_at in self._ends.items() if ends_at <= now]
        for deadline in late:
            del self._ends[deadline]
            deadline.reschedule(now)

        self._watching = None
        if self._ends:
            self._watch(loop)
