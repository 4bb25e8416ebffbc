"""The ends of claims, as the database tells of them: one connection in each process listens.

A request that waits for an end is woken, and asks the ledger. Where ``LISTEN`` is deaf, behind a pooler in transaction
mode, ``hears`` is False and the request asks from time to time instead.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

from aiocancel.errors import UnavailableError
from aiocancel.postgres.connection import ACQUIRE_WITHIN_S, unavailable_on_refusal, within

if TYPE_CHECKING:
    from aiocancel.postgres.connection import Connection, Pool

logger = logging.getLogger("aiocancel")

# The trigger of migration 0007 tells of ends here.
CHANNEL: Final = "aiocancel_ended"
TELL: Final = "SELECT pg_notify('aiocancel_ended', $1)"

CHECK_EVERY_S: Final = 15.0
_HEARD_WITHIN_S: Final = 5.0
_COME_BACK_S: Final = 1.0
_TRY_DEAF_AGAIN_S: Final = 60.0
# A worker needs two connections, a request one.
_SMALLEST_POOL: Final = 4
# A claim may end before the post that recorded it begins to wait, which takes milliseconds. Every process remembers the
# ends of all: 10,000 of them were most of what grew in its first quarter of an hour (tests/benchmarks/memory.py).
_REMEMBERED: Final = 2_000


class Endings:
    """Wakes the requests that wait for the end of a claim.

    Args:
        pool: One of its connections is kept while ``run`` runs.
        check_every_s: How often to make sure that we still hear.
    """

    def __init__(self, pool: Pool, *, check_every_s: float = CHECK_EVERY_S) -> None:
        self._pool = pool
        self._check_every_s = check_every_s
        self._waiting: dict[uuid.UUID, set[asyncio.Event]] = {}
        self._ended: dict[uuid.UUID, None] = {}
        self._hears_from = math.inf
        self._check = ""
        self._checked = asyncio.Event()
        self.hears = False
        """Whether the database tells us of every end."""

    @contextmanager
    def expect(self, public_id: uuid.UUID) -> Iterator[asyncio.Event]:
        """Lend an event that is set when something of this claim ends, at once where it has just ended."""
        ended = asyncio.Event()
        if public_id in self._ended:
            ended.set()

        self._waiting.setdefault(public_id, set()).add(ended)
        try:
            yield ended
        finally:
            others = self._waiting[public_id]
            others.discard(ended)
            if not others:
                del self._waiting[public_id]

    def tell(self, public_id: uuid.UUID) -> None:
        """Wake the requests that wait for this claim, or are about to."""
        self._ended.pop(public_id, None)
        self._ended[public_id] = None
        if len(self._ended) > _REMEMBERED:
            del self._ended[next(iter(self._ended))]

        for event in self._waiting.get(public_id, ()):
            event.set()

    def hears_since(self, moment: float) -> bool:
        """Tell whether the database has told us of every end since this moment of the monotonic clock."""
        return self.hears and self._hears_from <= moment

    async def run(self) -> None:
        """Listen until cancelled; outages are waited out."""
        if self._pool.get_max_size() < _SMALLEST_POOL:
            logger.info(
                "a pool of fewer than %d connections has none to listen with: "
                "a request that waits for the end of a claim asks from time to time",
                _SMALLEST_POOL,
            )
            return

        while True:
            pause_s = _COME_BACK_S
            try:
                with unavailable_on_refusal():
                    pause_s = await self._listen()
            except UnavailableError as error:
                logger.warning("listening for ends starts again: %s", error)
            except Exception as error:
                # Pages ask from time to time meanwhile; a loop that died would stay unseen.
                logger.error("listening for ends failed (%s)", type(error).__name__)
            finally:
                self._is_heard(False)
            await asyncio.sleep(pause_s)

    async def _listen(self) -> float:
        """Listen while the connection lasts; returns how long to wait before the next try."""
        connection = await self._pool.acquire(timeout=ACQUIRE_WITHIN_S)
        lost = asyncio.Event()

        try:
            connection.add_termination_listener(lambda _: lost.set())
            await connection.add_listener(CHANNEL, self._on_notice)
            while not lost.is_set():
                if not await self._hears_itself():
                    logger.warning(
                        "LISTEN is deaf, as behind PgBouncer in transaction mode: "
                        "a request that waits for the end of a claim asks from time to time"
                    )
                    return _TRY_DEAF_AGAIN_S
                self._is_heard(True)
                await _until(lost, self._check_every_s)
        finally:
            # Whatever became of it, nobody gets a connection that still listens.
            connection.terminate()
            await self._pool.release(connection)

        return _COME_BACK_S

    async def _hears_itself(self) -> bool:
        self._check = f"check {uuid.uuid4()}"
        self._checked.clear()
        await within(_HEARD_WITHIN_S, self._tell_check())
        return await _until(self._checked, _HEARD_WITHIN_S)

    async def _tell_check(self) -> None:
        async with self._pool.acquire(timeout=_HEARD_WITHIN_S) as other:
            await other.execute(TELL, self._check)

    def _on_notice(self, _: Connection, _pid: int, _channel: str, payload: object) -> None:
        if payload == self._check:
            self._checked.set()
            return
        # Any role of this database may write anything to the channel.
        with suppress(ValueError):
            self.tell(uuid.UUID(str(payload)))

    def _is_heard(self, hears: bool) -> None:
        if hears == self.hears:
            return
        self.hears = hears
        self._hears_from = time.monotonic() if hears else math.inf
        # What ended in between nobody told us of.
        for events in self._waiting.values():
            for event in events:
                event.set()


async def _until(event: asyncio.Event, seconds: float) -> bool:
    """Wait for an event; False when it did not come in time."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return False
    return True
