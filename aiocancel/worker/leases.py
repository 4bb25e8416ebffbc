"""A worker's leases: taken together, renewed together, and given up in time when they cannot be renewed.

Times here are this process's own monotonic clock, counted from before the ledger was asked: a lease never
lasts longer in our eyes than in the database's.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import islice
from typing import Final

from aiocancel.errors import UnavailableError
from aiocancel.postgres.leasing import TakenAction
from aiocancel.postgres.ledger import Ledger

logger = logging.getLogger("aiocancel")

# A worker that cannot renew stops this much of the lease before another worker may begin.
_MARGIN: Final = 1 / 6
_RENEWALS: Final = 3
# All of them begin their work in one turn of the loop.
_MOST_AT_ONCE: Final = 20


class Leases:
    """What one worker holds, under an owner of its own."""

    def __init__(self, ledger: Ledger, *, lease_s: float) -> None:
        self._ledger = ledger
        self._lease_s = lease_s
        self.owner: Final = uuid.uuid4()
        self._ends_at: dict[int, float] = {}
        self._limits: dict[int, asyncio.Timeout] = {}
        self._asked: dict[int, asyncio.Future[TakenAction | None]] = {}
        self._asking: asyncio.Task[None] | None = None

    @property
    def held(self) -> list[int]:
        """The actions that are ours, or may be by now."""
        return [*self._ends_at, *self._asked]

    def holds(self, action_id: int) -> bool:
        """Tell whether the action is ours, or may be by now."""
        return action_id in self._ends_at or action_id in self._asked

    async def take(self, action_id: int) -> TakenAction | None:
        """Lease an action; None when another worker has it or it is not due. Raises UnavailableError.

        All that ask while the ledger is being asked go together in the next question.
        """
        future: asyncio.Future[TakenAction | None] = asyncio.get_running_loop().create_future()
        self._asked[action_id] = future
        if self._asking is None:
            self._asking = asyncio.create_task(self._ask(), name="aiocancel take")
        return await future

    async def _ask(self) -> None:
        try:
            while asked := {
                one: future for one, future in self._asked.items() if not future.done()
            }:
                await self._ask_for(dict(islice(asked.items(), _MOST_AT_ONCE)))
        finally:
            self._asking = None

    async def _ask_for(self, asked: dict[int, asyncio.Future[TakenAction | None]]) -> None:
        before = asyncio.get_running_loop().time()
        try:
            taken = {
                one.action_id: one
                for one in await self._ledger.take(self.owner, asked, lease_s=self._lease_s)
            }
        except Exception as error:
            if len(asked) > 1 and not isinstance(error, UnavailableError):
                # One of them is at fault: the others must not fail with it.
                for action_id, future in asked.items():
                    await self._ask_for({action_id: future})
                return
            for action_id, future in asked.items():
                del self._asked[action_id]
                if not future.done():
                    future.set_exception(error)
            return

        for action_id, future in asked.items():
            del self._asked[action_id]
            # The task that asked may have gone. Then we do not know of the lease, and the sweep finds it.
            if not future.done():
                if action_id in taken:
                    self._ends_at[action_id] = before + self._lease_s
                future.set_result(taken.get(action_id))

    def forget(self, action_id: int) -> None:
        """Say that we are no longer busy with an action."""
        self._ends_at.pop(action_id, None)

    @asynccontextmanager
    async def within(self, action_id: int) -> AsyncIterator[None]:
        """Raise TimeoutError out of the block before the lease ends, as long as it is not renewed."""
        async with asyncio.timeout_at(self._stop_at(action_id)) as limit:
            self._limits[action_id] = limit
            try:
                yield
            finally:
                del self._limits[action_id]

    def _stop_at(self, action_id: int) -> float:
        return self._ends_at[action_id] - self._lease_s * _MARGIN

    async def keep(self) -> None:
        """Renew the leases until cancelled; an outage is waited out, and outlived leases end their attempts."""
        while True:
            await asyncio.sleep(self._lease_s / _RENEWALS)
            if not self._ends_at:
                continue

            before = asyncio.get_running_loop().time()

            try:
                async with asyncio.timeout(self._lease_s / _RENEWALS):
                    renewed = await self._ledger.renew(
                        self.owner, list(self._ends_at), lease_s=self._lease_s
                    )
            except Exception as error:
                logger.warning("the leases could not be renewed: %s", type(error).__name__)
                continue

            for action_id in renewed:
                if action_id in self._ends_at:
                    self._ends_at[action_id] = before + self._lease_s
                if (limit := self._limits.get(action_id)) is not None and not limit.expired():
                    limit.reschedule(self._stop_at(action_id))
