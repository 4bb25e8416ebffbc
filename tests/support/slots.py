"""Turns under a shared limit, without a database."""

from __future__ import annotations

from aiocancel.core.rate_limit import Limit, Slots


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
