"""A loop in a thread of its own, for what must go on whatever loop a test has, if it has one."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from typing import Any, Self, TypeVar

Result = TypeVar("Result")


class Background:
    """A running loop; ``with Background() as background`` ends its thread."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=self._loop.run_forever, name="aiocancel simulators", daemon=True
        )

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.run(self._loop.shutdown_asyncgens())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Run a coroutine in the thread and return what it returns; the caller waits."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    @contextmanager
    def serving(self, server: AbstractAsyncContextManager[Result]) -> Iterator[Result]:
        """Enter an asynchronous context in the thread, and leave it at the end."""
        # One task for both: a context may be left only by the task that entered it.
        entered: asyncio.Future[Result] = self.run(self._new_future())
        leave: asyncio.Future[None] = self.run(self._new_future())

        async def hold() -> None:
            try:
                async with server as value:
                    entered.set_result(value)
                    await leave
            except BaseException as error:
                if not entered.done():
                    entered.set_exception(error)
                raise

        async def result() -> Result:
            return await entered

        held = asyncio.run_coroutine_threadsafe(hold(), self._loop)
        try:
            yield self.run(result())
        finally:
            self._loop.call_soon_threadsafe(_finish, leave)
            held.exception()

    async def _new_future(self) -> asyncio.Future[Any]:
        return self._loop.create_future()


def _finish(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
