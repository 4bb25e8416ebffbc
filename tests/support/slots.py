"""Turns under a shared limit, without a database."""

from __future__ import annotations

from aiocancel.core.rate_limit import Limit, Slots
from tests.support.claims import hurry
from tests.support.saas import Pool


class CountedSlots:
    """A source that has a slot for everybody, or for nobody, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: dict[str, Limit] = {}
        self.struck: list[tuple[str, float]] = []
        self.free_in_s = 0.0

    async def lease(self, name: str, limit: Limit, *, want: int, horizon_s: float) -> Slots:
        self.asked[name] = limit
        return Slots(want if self.free_in_s <= horizon_s else 0, self.free_in_s, limit.interval_s)

    async def strike(self, name: str, *, pause_s: float) -> None:
        self.struck.append((name, pause_s))


async def use_up(pool: Pool, limit: str, *, free_in_s: float) -> None:
    """Let other processes have taken every slot of the next seconds."""
    await pool.execute(
        """
        INSERT INTO aiocancel.rate (name, next_at) VALUES ($1, now() + make_interval(secs => $2))
        ON CONFLICT (name) DO UPDATE SET next_at = excluded.next_at
        """,
        limit,
        free_in_s,
    )


async def let_go(pool: Pool, limit: str) -> None:
    """Let the limit have free slots again, and the actions that were sent away come back now."""
    await use_up(pool, limit, free_in_s=0.0)
    await hurry(pool)
