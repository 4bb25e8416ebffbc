"""Health and readiness, for whatever restarts processes and sends them requests; a server of its own for a worker.

Health says that this process does its work and need not be restarted, readiness that what it needs is there too.
Neither is mounted by itself, and neither shows more than one word about each part.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Final

from aiohttp import web

OK: Final = "ok"
# Strangers may ask as often as they like: the database is asked no more often than this.
REMEMBERED_S: Final = 1.0
ANSWER_WITHIN_S: Final = 3.0


Health = Callable[[], Mapping[str, str]]
"""Says whether the parts of this process run: one word for each, ``ok`` where all is well. It asks nobody else."""

Readiness = Callable[[], Awaitable[Mapping[str, str]]]
"""Says whether requests can be served and changes be made; it may raise, and take its time."""


class HealthHandlers:
    """The two handlers: 200 where every part is ``ok``, 503 otherwise, and JSON with a word for each part."""

    def __init__(
        self,
        health: Health,
        readiness: Readiness,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._health = health
        self._readiness = readiness
        self._clock = clock
        self._asking = asyncio.Lock()
        self._known: Mapping[str, str] = {}
        self._known_until = float("-inf")

    async def health(self, _: web.Request) -> web.Response:
        """Answer whether this process does its work; that it answers shows that its event loop turns."""
        return _answer(self._health())

    async def ready(self, _: web.Request) -> web.Response:
        """Answer whether what this process needs is there: database, schema, worker."""
        async with self._asking:
            if self._clock() >= self._known_until:
                self._known = await self._ask()
                self._known_until = self._clock() + REMEMBERED_S
        return _answer(self._known)

    async def _ask(self) -> Mapping[str, str]:
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                return await self._readiness()
        except TimeoutError:
            return {"readiness": "no answer in time"}
        except Exception as error:
            # Not the error's text, which may hold an address.
            return {"readiness": type(error).__name__}


def _answer(parts: Mapping[str, str]) -> web.Response:
    is_well = all(word == OK for word in parts.values())
    return web.json_response(
        {"status": OK if is_well else "unavailable", "parts": dict(parts)},
        status=200 if is_well else 503,
        headers={"Cache-Control": "no-store"},
    )


@asynccontextmanager
async def serve_health(
    health: Health, readiness: Readiness, *, host: str = "127.0.0.1", port: int = 0
) -> AsyncIterator[int]:
    """Serve ``/healthz`` and ``/readyz`` and nothing else, and yield the port; raises OSError where it is taken.

    Port 0 takes any that is free.
    """
    handlers = HealthHandlers(health, readiness)
    app = web.Application()
    app.router.add_get("/healthz", handlers.health)
    app.router.add_get("/readyz", handlers.ready)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()
