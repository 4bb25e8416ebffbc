"""Running a plug-in: start, stop, and whether this process is well.

What is opened, and how, is in ``assembly``: it is imported at the start, in a thread, since there is much to import.
"""

from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

from aiocancel.errors import ConfigurationError, SchemaError, UnavailableError
from aiocancel.postgres.connection import unavailable_on_outage
from aiocancel.web.health import serve_health

if TYPE_CHECKING:
    from aiocancel.assembly import Opened
    from aiocancel.intake import FlowService
    from aiocancel.own_flow import OwnFlowService
    from aiocancel.parts import Parts
    from aiocancel.postgres.console import ConsoleStore
    from aiocancel.postgres.queue_stats import QueueStats

__all__ = ["Runtime"]

logger: logging.Logger = logging.getLogger("aiocancel")


class Runtime:
    """Opens what a plug-in was given when it is first needed, and holds it open until told to stop."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._opened: Opened | None = None
        # Kept with the pool that it was made for, because its turns belong to that pool.
        self._console: tuple[Opened, ConsoleStore] | None = None
        self._started: asyncio.Future[Opened] | None = None
        self._task: asyncio.Task[None] | None = None
        self._shows_pages = True
        self._stop = asyncio.Event()
        self._stopping = False

    @property
    def has_begun(self) -> bool:
        """Whether it has started, or is about to."""
        return self._started is not None

    # Start and stop

    async def start(self) -> FlowService:
        """Open everything unless that was done; raises ConfigurationError where something is not right."""
        return (await self._open()).service

    async def service(self) -> FlowService:
        """Return the running service for a request, starting it if nothing has; raises UnavailableError."""
        return (self._opened or await self._open_for_a_request()).service

    async def own_flow(self) -> OwnFlowService:
        """Return the running flow of our own for a request, starting it if nothing has; raises UnavailableError."""
        found = (self._opened or await self._open_for_a_request()).own_flow
        if found is None:
            raise ConfigurationError("there is no flow of our own here")
        return found

    async def stop(self) -> None:
        """Let running changes finish for 10 s, hand the rest back, close what we opened."""
        if self._task is not None:
            self._stopping = True
            self._stop.set()
            await asyncio.gather(self._task, return_exceptions=True)

    async def work(
        self,
        stop: asyncio.Event,
        *,
        concurrency: int | None,
        health: tuple[str, int] | None,
    ) -> None:
        """Carry changes out until ``stop`` is set; see ``CancelFlow.work``."""
        settings = self._parts.settings
        self._shows_pages = False
        self._parts = replace(
            self._parts,
            settings=replace(
                settings,
                run_worker=True,
                worker_concurrency=concurrency or settings.worker_concurrency,
            ),
        )

        async with AsyncExitStack() as stack:
            if health is not None:
                await self._serve_health(stack, *health)
            await self.start()
            stack.push_async_callback(self.stop)

            # The start's objects stay: the collector would look through them again and again, and hold up the loop.
            gc.collect()
            gc.freeze()
            gc.enable()
            await stop.wait()

    async def _serve_health(self, stack: AsyncExitStack, host: str, port: int) -> None:
        serving = serve_health(self.health, self.readiness, host=host, port=port)
        try:
            await stack.enter_async_context(serving)
        except OSError as error:
            raise ConfigurationError(
                f"the health port cannot be opened ({type(error).__name__})"
            ) from None

    async def _open(self) -> Opened:
        if self._started is None:
            self._stop = asyncio.Event()
            self._started = asyncio.get_running_loop().create_future()
            self._task = asyncio.create_task(self._hold_open(self._started), name="aiocancel")
        return await asyncio.shield(self._started)

    async def _open_for_a_request(self) -> Opened:
        """A start that fails in the middle of a request is an outage to the customer."""
        try:
            with unavailable_on_outage():
                return await self._open()
        except ConfigurationError as error:
            logger.error("aiocancel cannot start: %s", error)
            raise UnavailableError(f"aiocancel cannot start ({type(error).__name__})") from error

    async def _hold_open(self, started: asyncio.Future[Opened]) -> None:
        """Hold everything open until told to stop, or until the loop cancels its tasks at its end."""
        try:
            # In a thread: there is much to import, and a request may be what starts us.
            languages = self._parts.settings.languages if self._shows_pages else ()
            open_parts = await asyncio.to_thread(_load, languages)

            async with AsyncExitStack() as stack:
                self._opened = await open_parts(self._parts, stack)
                self._stopping = False
                started.set_result(self._opened)
                await self._stop.wait()
        except Exception as error:
            if started.done():
                logger.exception("aiocancel did not close cleanly")
            else:
                started.set_exception(error)
        finally:
            # The next start begins afresh.
            self._started = self._task = self._opened = None

    # How this process is

    def health(self) -> Mapping[str, str]:
        """Say whether every loop runs. One that a graceful stop has ended is well."""
        loops = {} if self._opened is None else self._opened.loops
        return {
            name: "stopped" if loop.done() and not self._stopping else "ok"
            for name, loop in loops.items()
        }

    async def readiness(self) -> Mapping[str, str]:
        """Say whether the database answers, has our tables, and every loop runs."""
        if self._stopping:
            return {"process": "stopping"}
        try:
            opened = self._opened or await self._open_for_a_request()
        except UnavailableError:
            # Why is in the log.
            return {"process": "cannot start"}
        return {**await _database(opened), **self.health()}

    async def console_store(self) -> ConsoleStore:
        """Return what reads the ledger for the owner's pages, one for all of them; raises UnavailableError."""
        opened = self._opened or await self._open_for_a_request()
        if self._console is None or self._console[0] is not opened:
            from aiocancel.postgres.console import ConsoleStore

            settings = self._parts.settings
            store = ConsoleStore(opened.pool, settings.mode, time_zone=settings.time_zone)
            self._console = (opened, store)
        return self._console[1]

    async def queue_stats(self) -> QueueStats:
        """Return the state of the queue in all processes; raises UnavailableError."""
        opened = self._opened or await self._open_for_a_request()
        from aiocancel.postgres.queue_stats import queue_stats

        return await queue_stats(opened.pool)


async def _database(opened: Opened) -> Mapping[str, str]:
    from aiocancel.postgres.queue_stats import probe

    try:
        await probe(opened.pool)
    except UnavailableError:
        return {"database": "unreachable"}
    except SchemaError:
        return {"database": "ok", "schema": "missing or too old"}
    return {"database": "ok", "schema": "ok"}


def _load(languages: Sequence[str]) -> Callable[[Parts, AsyncExitStack], Awaitable[Opened]]:
    """Import what a running plug-in is made of and what it is asked for, and make our own pages ready.

    Args:
        languages: Those of the pages; a worker in a process of its own shows none (tests/benchmarks/start.py).
    """
    from aiocancel.assembly import open_parts
    from aiocancel.postgres import queue_stats  # noqa: F401 - for its weight

    if languages:
        from aiocancel.web import acknowledgement, outcome_page, pages  # noqa: F401 - for their weight

        pages.warm_up(languages)
    return open_parts
