"""How this process is: whether its loops run, and whether the database is there with the right tables."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

from aiocancel.errors import ConfigurationError, SchemaError, UnavailableError

if TYPE_CHECKING:
    from aiocancel.postgres.connection import Pool
    from aiocancel.postgres.queue_stats import QueueStats


class VitalSigns:
    """What ``aiocancel/web/health`` asks; ``start`` opens what is not open yet."""

    def __init__(self, start: Callable[[], Awaitable[Any]]) -> None:
        self._start = start
        self._pool: Pool | None = None
        self._loops: dict[str, asyncio.Task[None]] = {}
        self._stopping = False

    def opened(self, pool: Pool) -> None:
        """Remember what is open; whatever ran before is no concern any more."""
        self._pool = pool
        self._loops.clear()
        self._stopping = False

    def watch(self, name: str, loop: asyncio.Task[None]) -> None:
        """Remember a loop that has to run for as long as this process does."""
        self._loops[name] = loop

    def stopping(self) -> None:
        """Say that no more requests should come."""
        self._stopping = True

    def health(self) -> Mapping[str, str]:
        """Say whether every loop runs. One that a graceful stop has ended is well."""
        return {
            name: "stopped" if loop.done() and not self._stopping else "ok"
            for name, loop in self._loops.items()
        }

    async def readiness(self) -> Mapping[str, str]:
        """Say whether the database answers, has our tables, and every loop runs."""
        if self._stopping:
            return {"process": "stopping"}
        try:
            await self._start()
        except (UnavailableError, ConfigurationError):
            # Why is in the log.
            return {"process": "cannot start"}
        return {**await self._database(), **self.health()}

    async def queue_stats(self) -> QueueStats:
        """Return the state of the queue in all processes; raises UnavailableError."""
        await self._start()
        assert self._pool is not None  # noqa: S101 - it is open after the start
        from aiocancel.postgres.queue_stats import queue_stats

        return await queue_stats(self._pool)

    async def _database(self) -> Mapping[str, str]:
        assert self._pool is not None  # noqa: S101 - it is open after the start
        from aiocancel.postgres.queue_stats import probe

        try:
            await probe(self._pool)
        except UnavailableError:
            return {"database": "unreachable"}
        except SchemaError:
            return {"database": "ok", "schema": "missing or too old"}
        return {"database": "ok", "schema": "ok"}
