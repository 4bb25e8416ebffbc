"""A clock that stands still until a test moves it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


class FrozenClock:
    """Call it for the time; ``advance`` moves it forward.

    Args:
        now: The time at the start, an aware one; None for the present second.
    """

    def __init__(self, now: datetime | None = None) -> None:
        self.now = now or datetime.now(UTC).replace(microsecond=0)

    def __call__(self) -> datetime:
        """Return the time."""
        return self.now

    def advance(self, *, days: float = 0, hours: float = 0, seconds: float = 0) -> datetime:
        """Move forward, and return the new time."""
        self.now += timedelta(days=days, hours=hours, seconds=seconds)
        return self.now
