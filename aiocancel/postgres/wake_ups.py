"""Jobs for actions that were just accepted: given after the commit, and many at a time.

A job rings for the workers, and PostgreSQL lets only one transaction that rings commit at a time, in the whole server.
A customer's commit therefore rings for nobody. Right after it the actions get their jobs, at once when it is quiet, and
together with their neighbours' in a rush (tests/benchmarks/accept.py).

A process that dies in between loses only the bell: the action is in the ledger, and the next search of any worker
finds that it has no job (``leasing.FIND_FORGOTTEN``).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from typing import Final

from aiocancel.errors import UnavailableError
from aiocancel.postgres.connection import LedgerConnection

logger = logging.getLogger("aiocancel")

# As PgQueuer's own statement writes them; a test holds the two together. The commit waits for no disk: a job that a
# crash of the server takes is found like one that was never given.
GIVE_JOBS: Final = """
INSERT INTO aiocancel.pgqueuer (priority, entrypoint, payload, execute_after, dedupe_key, headers, status)
SELECT 0, aiocancel.job_entrypoint(a.kind), convert_to(a.id::text, 'UTF8'), a.due_at,
    aiocancel.job_key(a.id, a.attempts, a.kind), 'null'::jsonb, 'queued'
FROM aiocancel.action a CROSS JOIN (SELECT set_config('synchronous_commit', 'off', true)) AS unhurried
WHERE a.id = ANY($1) AND a.state = 'waiting' ORDER BY a.id
ON CONFLICT DO NOTHING
"""

# A process that has just woken the workers does not wake them again before this.
_QUIET_S: Final = 0.005
_MOST_AT_ONCE: Final = 200
# Beyond this the database is in trouble, and the workers search for the rest themselves.
_MOST_WAITING: Final = 10_000
_CLOSE_WITHIN_S: Final = 5.0


class WakeUps:
    """Wakes the workers for new actions, behind the customers' backs.

    Args:
        connection: Runs the statement.
    """

    def __init__(self, connection: LedgerConnection) -> None:
        self._connection = connection
        self._waiting: list[int] = []
        self._task: asyncio.Task[None] | None = None
        self._quiet: asyncio.TimerHandle | None = None
        self._nothing_waits = asyncio.Event()
        self._nothing_waits.set()

    def soon(self, action_ids: Iterable[int]) -> None:
        """Give committed actions their jobs, without letting the caller wait; never raises."""
        if len(self._waiting) < _MOST_WAITING:
            self._waiting += action_ids
        if self._waiting:
            self._nothing_waits.clear()
        if self._task is None and self._quiet is None:
            self._start()

    async def given(self) -> None:
        """Return when every action so far has its job, or was left to the workers' own search."""
        await self._nothing_waits.wait()

    async def close(self) -> None:
        """Give what waits its jobs, for a few seconds at most."""
        try:
            async with asyncio.timeout(_CLOSE_WITHIN_S):
                await self.given()
        except TimeoutError:
            if self._task is not None:
                self._task.cancel()

    def _start(self) -> None:
        self._quiet = None
        if self._waiting:
            self._task = asyncio.create_task(self._run(), name="aiocancel wake-ups")

    async def _run(self) -> None:
        try:
            while given := self._waiting[:_MOST_AT_ONCE]:
                del self._waiting[:_MOST_AT_ONCE]
                await self._give(given)
        finally:
            self._task = None
            self._quiet = asyncio.get_running_loop().call_later(_QUIET_S, self._start)
            if not self._waiting:
                self._nothing_waits.set()

    async def _give(self, action_ids: list[int]) -> None:
        try:
            await self._connection.at_once(GIVE_JOBS, action_ids)
        except Exception as error:  # whatever it is, the claims stand and the workers search
            why = error if isinstance(error, UnavailableError) else type(error).__name__
            logger.warning("%d new actions wait for the workers' search: %s", len(action_ids), why)
