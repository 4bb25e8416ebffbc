"""The narrow door to the job engine: what is told to it, and what it does with that.

The ledger is the truth. A job says only that an action may be due; one that is lost costs time and one too
many costs nothing, because whoever gets it asks the ledger.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from aiocancel.postgres.schema import Connection


@dataclass(frozen=True, slots=True)
class Job:
    """Look at an action in ``delay_s`` seconds.

    ``attempts`` is how many the action has had: of two jobs for the same action and the same number, one is
    enough. ``after`` is the action whose end makes this one's turn, which is news of its own.
    """

    action_id: int
    attempts: int
    delay_s: float = 0.0
    after: int | None = None

    @property
    def key(self) -> str:
        """What makes two jobs the same."""
        turn = "" if self.after is None else f":{self.after}"
        return f"{self.action_id}:{self.attempts}{turn}"


Look = Callable[[int], Awaitable[bool]]
"""Looks at one action; False asks for the job to come back soon, to anybody."""


class JobEngine(Protocol):
    """Tells some worker, soon and at least once, to look at an action."""

    async def enqueue(self, connection: Connection, jobs: Sequence[Job]) -> int:
        """Add jobs in the caller's transaction, leaving out those that are there; returns how many were new."""
        ...

    def first_jobs(self, actions: str) -> str:
        """Return SQL, for a statement's WITH, that adds the job of every new action in the relation ``actions``.

        The relation has the column ``id``; the job is that of ``Job(id, 0)``.
        """
        ...

    async def run(self, look: Look, *, concurrency: int) -> None:
        """Give jobs to ``look``, at most ``concurrency`` at a time, until ``stop``; outages are waited out."""
        ...

    def stop(self, *, within_s: float) -> None:
        """Take no more jobs; ``run`` returns when those under way have ended, or after ``within_s``."""
        ...

    async def tidy(self) -> None:
        """Forget what the engine keeps of jobs that ended long ago; cheap enough to be called every few seconds."""
        ...
