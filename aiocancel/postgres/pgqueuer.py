"""The job engine: PgQueuer, whose tables live beside ours in the schema ``aiocancel``.

The ledger is the truth. A job says only that an action may be due. One that is lost costs time, and one too many
costs nothing, because the worker that gets it asks the ledger.

Source: https://github.com/janbjorge/pgqueuer. Importing this module does not import pgqueuer, which takes a while:
``warm_up`` does, in a thread.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext, suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import cache, partial
from typing import TYPE_CHECKING, Any, Final, cast

from aiocancel.core.actions import Places
from aiocancel.postgres.connection import DID_NOT_ANSWER, OUTAGES

if TYPE_CHECKING:
    from pgqueuer.db import AsyncpgPoolDriver
    from pgqueuer.domain.settings import DBSettings
    from pgqueuer.models import Job as EngineJob
    from pgqueuer.ports.driver import Driver
    from pgqueuer.ports.repository import EntrypointExecutionParameter
    from pgqueuer.qm import QueueManager
    from pgqueuer.queries import Queries
    from pgqueuer.types import QueueEntrypoint

    from aiocancel.postgres.connection import Connection, Pool

logger = logging.getLogger("aiocancel")

# The functions job_entrypoint and job_key in SQL say the same; a test holds the two together.
_ENTRYPOINTS: Final = {
    Places.CANCELLATIONS: "aiocancel_action",
    Places.CHANGES: "aiocancel_changes",
    Places.QUESTIONS: "aiocancel_questions",
    Places.CALLS: "aiocancel_calls",
    Places.MAILS: "aiocancel_mails",
    Places.DECLARATIONS: "aiocancel_declarations",
}
_CHANNEL: Final = "aiocancel_jobs"
# What a process tells itself, to know whether it hears.
_OWN_CHANNEL: Final = "aiocancel_jobs_heard"
_CHECK_EVERY_S: Final = 10.0
_HEARD_WITHIN_S: Final = 10.0
_QUEUE: Final = "pgqueuer"
# How PgQueuer names the news of a job.
_CHANGED: Final = "table_changed_event"
# Where LISTEN is deaf, behind a pooler or after a failure that nobody noticed, this is how often we ask.
POLL_EVERY_S: Final = 2.0
# What comes in one piece holds the loop up in one piece.
_LARGEST_BATCH: Final = 20
# All places hear of every job. Those that are idle need not look for each of them.
_LOOK_EVERY_S: Final = 0.1
# The news of a place that became free may be lost while jobs are handed out; with work left, we ask again after this.
_FULL_POLL_EVERY: Final = timedelta(milliseconds=50)
_COME_BACK_S: Final = 0.5
_LONGEST_ID: Final = len(str(2**63))
# A customer who waits for a change waits this long at most once the database is back.
_LONGEST_PAUSE_IN_OUTAGE_S: Final = 1.0
_LONGEST_PAUSE_S: Final = 5.0
# After an outage nobody waits for longer than this for what hangs.
_LEFT_BEHIND_AFTER_S: Final = 1.0
# A dispatch that ran for so long was none of a row that failed.
_HELD_S: Final = 60.0
_KEEP_LOG_FOR: Final = timedelta(hours=1)
# A job that is due counts as due at once. One row of each sort is read, however many wait for a day to come.
_DUE_IN: Final = """
SELECT CASE
    WHEN min(earliest.execute_after) <= now() THEN interval '0'
    ELSE min(earliest.execute_after) - now()
END AS due_in
FROM unnest($1::text[]) AS sort (entrypoint)
CROSS JOIN LATERAL (
    SELECT execute_after FROM aiocancel.pgqueuer
    WHERE status = 'queued' AND entrypoint = sort.entrypoint
    ORDER BY execute_after LIMIT 1
) AS earliest
"""

# No other job for the same look was queued meanwhile: PgQueuer allows one, whether it is queued or picked.
_GIVE_BACK: Final = """
UPDATE aiocancel.pgqueuer SET status = 'queued', queue_manager_id = NULL, updated = now()
WHERE status = 'picked' AND queue_manager_id = ANY($1)
"""

Look = Callable[[int], Awaitable[bool]]
"""Looks at one action; False asks for the job to come back soon, to any worker."""

Hear = Callable[[str | bytes | bytearray], None]
"""Hears what the database tells of."""

Begin = Callable[[Places], AbstractAsyncContextManager[None]]
"""Is entered when an action of this sort may begin, and left when it has ended."""


@dataclass(frozen=True, slots=True)
class Job:
    """Look at an action in ``delay_s`` seconds.

    ``attempts`` is how many the action has had: of two jobs for the same action and the same number, one is
    enough. ``after`` is the action whose end makes this one's turn, which is news of its own. ``places`` are those
    that the action takes.
    """

    action_id: int
    attempts: int
    delay_s: float = 0.0
    after: int | None = None
    places: Places = Places.CANCELLATIONS

    @property
    def key(self) -> str:
        """The text by which the engine knows two jobs as equal."""
        turn = "" if self.after is None else f":{self.after}"
        sort = "" if self.places is Places.CANCELLATIONS else f":{self.places}"
        return f"{self.action_id}:{self.attempts}{sort}{turn}"


@cache
def engine_settings() -> DBSettings:
    """Return the names of PgQueuer's objects: all ours, whatever PGQUEUER_ variables say for another use of it."""
    from pgqueuer.domain.settings import DBSettings, Durability
    from pgqueuer.types import Channel

    return DBSettings(
        prefix="",
        db_schema="aiocancel",
        channel=Channel(_CHANNEL),
        function="fn_pgqueuer_changed",
        statistics_table="pgqueuer_statistics",
        queue_status_type="pgqueuer_status",
        queue_table=_QUEUE,
        queue_table_log="pgqueuer_log",
        trigger="tg_pgqueuer_changed",
        schedules_table="pgqueuer_schedules",
        # The ledger finds a lost job again, so the log need not survive a crash; the queue still does.
        durability=Durability.balanced,
        widen_id=True,
    )


def queries_over(
    driver: Driver,
    *,
    has_place: Callable[[], bool] = lambda: True,
    is_mostly_idle: bool = False,
) -> Queries:
    """Return PgQueuer's own statements, with our names.

    Args:
        driver: What sends them.
        has_place: Tells whether the manager that sends them could take one more job.
        is_mostly_idle: Whether that manager has nothing to do most of the time.
    """
    from pgqueuer.adapters.persistence.qb import (
        QueryBuilderEnvironment,
        QueryQueueBuilder,
        QuerySchedulerBuilder,
    )

    settings = engine_settings()
    queries: Any = _asking_seldom()(
        driver,
        QueryBuilderEnvironment(settings),
        QueryQueueBuilder(settings),
        QuerySchedulerBuilder(settings),
    )
    queries.has_place, queries.is_mostly_idle = has_place, is_mostly_idle
    return cast("Queries", queries)


@cache
def _asking_seldom() -> type[Any]:
    """Return PgQueuer's statements, sent less often: in a rush each manager hears of every post.

    - A manager without a free place fetches no job.
    - One that is mostly idle fetches none before one is due, except now and then: fetching alone finds a job whose
      worker fell silent.
    - One that found no job asks once before it waits, and not up to three times: whether one is due, when the next one
      is, and whether there is any.
    """
    from pgqueuer.queries import Queries

    class AskingSeldom(Queries):
        has_place: Callable[[], bool]
        is_mostly_idle: bool
        _due_in: timedelta | None = None
        _is_known = False
        _fetched_at = -math.inf

        async def dequeue(
            self,
            batch_size: int,
            entrypoints: dict[QueueEntrypoint, EntrypointExecutionParameter],
            *args: Any,
            **more: Any,
        ) -> list[EngineJob]:
            self._is_known = False
            if not self.has_place():
                # A place may become free at any moment.
                self._due_in, self._is_known = timedelta(0), True
                return []

            now = time.monotonic()
            if self.is_mostly_idle and now < self._fetched_at + POLL_EVERY_S:
                self._is_known = not await self.eligible_queued_work(list(entrypoints))
                if self._is_known:
                    return []

            self._fetched_at = now
            return await super().dequeue(batch_size, entrypoints, *args, **more)

        async def eligible_queued_work(self, entrypoints: list[QueueEntrypoint]) -> int:
            if not self._is_known:
                rows = await self.driver.fetch(_DUE_IN, entrypoints)
                self._due_in = cast("timedelta | None", rows[0]["due_in"])
            return int(self._due_in is not None and not self._due_in)

        async def next_deferred_eta(self, entrypoints: list[QueueEntrypoint]) -> timedelta | None:
            return self._due_in

        async def queued_work(self, entrypoints: list[QueueEntrypoint]) -> int:
            return int(self._due_in is not None)

    return AskingSeldom


async def warm_up() -> None:
    """Import PgQueuer without holding the loop up."""
    await asyncio.to_thread(_import)


def _import() -> None:
    import pgqueuer.qm
    import pgqueuer.queries  # noqa: F401 - for its weight

    engine_settings()
    # Each job has a scope of AnyIO's, which imports most of itself with the first one: on the loop, were it not here.
    # Where that does not work, as inside an older AnyIO's own run, the first job does it.
    with suppress(Exception):
        import anyio

        anyio.run(asyncio.sleep, 0)


async def install(connection: Connection) -> None:
    """Bring PgQueuer's tables to its installed version; safe to repeat and from many processes at once."""
    from pgqueuer.db import AsyncpgDriver

    await queries_over(AsyncpgDriver(connection)).apply_upgrade()  # type: ignore[arg-type]  # a pool's connection, too


async def is_installed(connection: Connection) -> bool:
    """Tell whether PgQueuer's tables are those of its installed version."""
    from pgqueuer.db import AsyncpgDriver

    plan = await queries_over(AsyncpgDriver(connection)).plan_upgrade()  # type: ignore[arg-type]  # as above
    return not plan.statements


async def enqueue(connection: Connection, jobs: Sequence[Job]) -> int:
    """Add jobs in the caller's transaction, leaving out those that are there; returns how many were new."""
    if not jobs:
        return 0

    added = await connection.fetch(
        _enqueue_statement(),
        [0] * len(jobs),
        [_ENTRYPOINTS[job.places] for job in jobs],
        [str(job.action_id).encode() for job in jobs],
        [timedelta(seconds=job.delay_s) for job in jobs],
        [job.key for job in jobs],
        ["null"] * len(jobs),
    )

    return len(added)


@cache
def _enqueue_statement() -> str:
    """Return PgQueuer's own statement, made once: making it for every claim costs more than sending it.

    A duplicate is skipped, as one that raised would undo the caller's transaction. Its parameters are priorities,
    entrypoints, payloads, delays, keys and headers.
    """
    from pgqueuer.adapters.persistence.qb import QueryQueueBuilder

    return QueryQueueBuilder(engine_settings()).build_enqueue_query("skip")


def action_named_by(payload: bytes | None) -> int | None:
    """Return the id of the action that a job names, None where the payload is no such id."""
    text = (payload or b"").decode("ascii", "replace")
    if not (text.isascii() and text.isdigit() and len(text) <= _LONGEST_ID):
        return None
    return int(text) if 0 < int(text) < 2**63 else None


class _Lending:
    """The pool as PgQueuer's driver sees it, which remembers what it lent.

    The driver resets its listener's connection before it gives it back, and so keeps one that broke off for ever.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._lent: list[Connection] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._pool, name)

    async def acquire(self) -> Connection:
        connection = await self._pool.acquire()
        self._lent.append(connection)
        return connection

    async def release(self, connection: Connection) -> None:
        self._lent.remove(connection)
        await self._pool.release(connection)  # type: ignore[arg-type]  # a pool's connection

    def take_back(self) -> None:
        while self._lent:
            self._lent.pop().terminate()


class _Damped:
    """Hands news on at once, and then not again for a tenth of a second; the last news is never lost."""

    def __init__(self, hear: Hear) -> None:
        self._hear = hear
        self._heard_at = -math.inf
        self._timer: asyncio.TimerHandle | None = None

    def __call__(self, news: str | bytes | bytearray) -> None:
        if _CHANGED not in str(news):
            self._hear(news)
            return
        if self._timer is not None:
            return

        loop = asyncio.get_running_loop()
        wait_s = self._heard_at + _LOOK_EVERY_S - loop.time()
        if wait_s > 0:
            self._timer = loop.call_later(wait_s, self._hand_on, news)
        else:
            self._hand_on(news)

    def _hand_on(self, news: str | bytes | bytearray) -> None:
        self._timer = None
        self._heard_at = asyncio.get_running_loop().time()
        self._hear(news)


class _WhileFree:
    """Hands news of jobs on while there is a place for one. Without a place, the engine looks again later."""

    def __init__(self, hear: Hear, has_place: Callable[[], bool]) -> None:
        self._hear = hear
        self._has_place = has_place

    def __call__(self, news: str | bytes | bytearray) -> None:
        if self._has_place() or _CHANGED not in str(news):
            self._hear(news)


class _TellsLess:
    """A driver as one sort of places sees it: that tells of changed tables no more often than is of use there.

    Args:
        driver: The driver of all.
        lessen: Returns what hears of everything instead of the one given, and hands on what is of use.
    """

    def __init__(self, driver: AsyncpgPoolDriver, lessen: Callable[[Hear], Hear]) -> None:
        self._driver = driver
        self._lessen = lessen

    def __getattr__(self, name: str) -> Any:
        return getattr(self._driver, name)

    async def add_listener(self, channel: str, hear: Hear) -> None:
        await self._driver.add_listener(channel, self._lessen(hear))

    async def __aenter__(self) -> _TellsLess:
        await self._driver.__aenter__()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._driver.__aexit__(*error)


class _Hearing:
    """Whether the listener of a driver hears.

    One that never does stands behind a pooler: looking from time to time is all that helps.
    """

    def __init__(self, driver: AsyncpgPoolDriver) -> None:
        self._driver = driver
        self._check = ""
        self._checked = asyncio.Event()

    async def watch(self) -> None:
        """Raise FailingListenerError once a listener that heard has fallen deaf, so that there will be a new one."""
        from pgqueuer.errors import FailingListenerError

        await self._driver.add_listener(_OWN_CHANNEL, self._on_notice)
        has_heard = is_told = False
        while True:
            if await self._hears_itself():
                has_heard = True
            elif has_heard:
                raise FailingListenerError
            elif not is_told:
                is_told = True
                logger.warning(
                    "LISTEN is deaf, as behind PgBouncer in transaction mode: "
                    "this worker looks for work from time to time"
                )
            await asyncio.sleep(_CHECK_EVERY_S)

    async def _hears_itself(self) -> bool:
        self._check = str(uuid.uuid4())
        self._checked.clear()
        await self._driver.notify(_OWN_CHANNEL, self._check)
        try:
            async with asyncio.timeout(_HEARD_WITHIN_S):
                await self._checked.wait()
        except TimeoutError:
            return False
        return True

    def _on_notice(self, news: str | bytes | bytearray) -> None:
        if news == self._check:
            self._checked.set()


class PgQueuerEngine:
    """Jobs in Postgres, handed out by PgQueuer, to each sort of places its own.

    ``run`` needs two of the pool's connections, one of which listens.

    Args:
        pool: Where the jobs are.
        heartbeat_timeout_s: So long after a worker fell silent its jobs go to another.
        poll_every_s: How often it is looked for jobs of which nobody told.
        begin: Holds back a job that found a place, while something else comes first.
        clock: The time of this process.
    """

    def __init__(
        self,
        pool: Pool,
        *,
        heartbeat_timeout_s: float = 30.0,
        poll_every_s: float = POLL_EVERY_S,
        begin: Begin = lambda _: nullcontext(),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._pool = pool
        self._begin = begin
        self._clock = clock
        self._heartbeat_timeout = timedelta(seconds=heartbeat_timeout_s)
        self._poll_every = timedelta(seconds=poll_every_s)
        self._stopping = asyncio.Event()
        self._leave_within_s = 0.0

        self._managers: list[QueueManager] = []
        # Managers that an outage ended, whose jobs would wait for the heartbeat's timeout.
        self._broken_off: list[uuid.UUID] = []
        # Managers that an outage ended while a look of theirs hung: others have their work meanwhile.
        self._lingering: set[asyncio.Task[None]] = set()

    async def run(self, look: Look, *, concurrency: int) -> None:
        """Give jobs to ``look``, at most ``concurrency`` of each sort at a time, until ``stop``.

        Outages are waited out.
        """
        try:
            await self._dispatch_until_stopped(look, concurrency)
            if self._lingering:
                await asyncio.wait(self._lingering, timeout=self._leave_within_s)
        finally:
            lingering = list(self._lingering)
            for task in lingering:
                task.cancel()
            await asyncio.gather(*lingering, return_exceptions=True)

    async def _dispatch_until_stopped(self, look: Look, concurrency: int) -> None:
        places = {sort: asyncio.Semaphore(concurrency) for sort in Places}
        pause_s = _COME_BACK_S

        while not self._stopping.is_set():
            began_at = self._clock()
            dispatching = asyncio.create_task(
                self._dispatch(look, places, concurrency), name="aiocancel dispatch"
            )
            stopping = asyncio.create_task(self._stopping.wait())
            try:
                await asyncio.wait((dispatching, stopping), return_when=asyncio.FIRST_COMPLETED)
                for manager in self._managers:
                    manager.shutdown.set()
                # Its listener's connection may be dead, and then it cannot be closed in good order.
                await asyncio.wait(
                    (dispatching,), timeout=self._leave_within_s if stopping.done() else None
                )
            finally:
                stopping.cancel()
                dispatching.cancel()
                ended = (await asyncio.gather(dispatching, stopping, return_exceptions=True))[0]
                self._broken_off += [manager.queue_manager_id for manager in self._managers]
                self._managers = []
            if isinstance(ended, Exception):
                is_outage = isinstance(ended, OUTAGES)
                why = DID_NOT_ANSWER if is_outage else "it broke off"
                longest_s = _LONGEST_PAUSE_IN_OUTAGE_S if is_outage else _LONGEST_PAUSE_S
                logger.warning("dispatch starts again: %s (%s)", why, type(ended).__name__)
                if self._clock() - began_at > _HELD_S:
                    # It worked for a while: this is another outage, and may be a short one.
                    pause_s = _COME_BACK_S
                await self._pause(min(longest_s, pause_s))
                pause_s = min(_LONGEST_PAUSE_S, pause_s * 2)

    def stop(self, *, within_s: float) -> None:
        """Take no more jobs; ``run`` returns when those under way have ended, or after ``within_s``."""
        self._leave_within_s = within_s
        self._stopping.set()

    async def tidy(self) -> None:
        """Forget what PgQueuer's log keeps of jobs that ended more than an hour ago."""
        await self._pool.execute(
            "DELETE FROM aiocancel.pgqueuer_log WHERE created < now() - $1::interval", _KEEP_LOG_FOR
        )

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        except TimeoutError:
            pass

    async def _dispatch(
        self, look: Look, places: Mapping[Places, asyncio.Semaphore], concurrency: int
    ) -> None:
        """Run a queue manager for each sort, over connections of their own; a listener that fell deaf ends all."""
        from pgqueuer.db import AsyncpgPoolDriver

        lending = _Lending(self._pool)
        driver = AsyncpgPoolDriver(cast("Pool", lending))
        self._managers = [
            _manager(driver, sort, look, free, self._begin, most=_most(concurrency))
            for sort, free in places.items()
        ]
        if self._stopping.is_set():
            return

        try:
            # Entered here as well, or a start that fails would keep the listener's connection.
            async with driver:
                # Its first question whether anybody listens comes before it listens; unheard, it would count as
                # deafness.
                await driver.add_listener(_CHANNEL, lambda _: None)
                await self._give_back()
                await self._run_all(concurrency, _Hearing(driver))
        finally:
            lending.take_back()

    async def _give_back(self) -> None:
        """Queue again the jobs of this process that an outage left with nobody; all looks at them have ended."""
        if self._broken_off:
            await self._pool.execute(_GIVE_BACK, self._broken_off)
            self._broken_off = []

    async def _run_all(self, concurrency: int, hearing: _Hearing) -> None:
        """Run the managers until one ends, or falls deaf, which ends them all; raises the error that was first."""
        running = [
            asyncio.create_task(self._run(manager, concurrency), name="aiocancel jobs")
            for manager in self._managers
        ]
        watching = asyncio.create_task(hearing.watch(), name="aiocancel hearing")
        try:
            await asyncio.wait((*running, watching), return_when=asyncio.FIRST_COMPLETED)
            for manager in self._managers:
                manager.shutdown.set()
            await self._wait_for_most(running)
        finally:
            for task in (*running, watching):
                task.cancel()
            ended = await asyncio.gather(*running, watching, return_exceptions=True)

        for each in ended:
            if isinstance(each, Exception):
                raise each

    async def _wait_for_most(self, running: list[asyncio.Task[None]]) -> None:
        """Wait until the managers have ended; after an outage, leave those behind of which a look hangs."""
        if not self._stopping.is_set():
            await asyncio.wait(running, timeout=_LEFT_BEHIND_AFTER_S)
        if self._stopping.is_set():
            await asyncio.wait(running)

        for task, manager in list(zip(running, self._managers, strict=True)):
            if not task.done():
                running.remove(task)
                self._managers.remove(manager)
                self._lingering.add(task)
                task.add_done_callback(partial(self._has_ended, manager.queue_manager_id))

    def _has_ended(self, manager_id: uuid.UUID, task: asyncio.Task[None]) -> None:
        self._lingering.discard(task)
        self._broken_off.append(manager_id)
        # It ends with an error: its listener went with the outage.
        if not task.cancelled():
            task.exception()

    async def _run(self, manager: QueueManager, concurrency: int) -> None:
        manager.min_dequeue_poll_interval = _FULL_POLL_EVERY
        await manager.run(
            dequeue_timeout=self._poll_every,
            batch_size=_batch(concurrency),
            max_concurrent_tasks=_most(concurrency),
            # We watch for ourselves: a deaf manager would end, and wait for what is under way, every ten seconds.
            shutdown_on_listener_failure=False,
            heartbeat_timeout=self._heartbeat_timeout,
            # Its statistics are not used; ``tidy`` clears its log.
            log_aggregation_interval=timedelta(0),
        )


def _batch(concurrency: int) -> int:
    """Return how many jobs are fetched at once."""
    return min(max(1, concurrency // 2), _LARGEST_BATCH)


def _most(concurrency: int) -> int:
    """Return how many jobs a manager has at most.

    A job counts from when it is fetched until the database knows that it ended, a batch at a time: one batch waits for
    places and one has ended, or the places would be empty meanwhile.
    """
    return concurrency + 2 * _batch(concurrency)


async def _nothing_to_verify() -> None:
    """Stand in for the look at the tables that another manager takes."""


def _manager(
    driver: AsyncpgPoolDriver,
    sort: Places,
    look: Look,
    free: asyncio.Semaphore,
    begin: Begin,
    *,
    most: int,
) -> QueueManager:
    """Return the manager of one sort of jobs, which looks at an action when there is a place for it."""
    from pgqueuer.errors import RetryRequested
    from pgqueuer.qm import QueueManager
    from pgqueuer.types import Channel

    def has_place() -> bool:
        return len(manager.job_context) < most

    # What concerns cancellations is told at once.
    is_mostly_idle = sort is not Places.CANCELLATIONS
    told = _TellsLess(
        driver, _Damped if is_mostly_idle else partial(_WhileFree, has_place=has_place)
    )
    queries = queries_over(cast("Driver", told), has_place=has_place, is_mostly_idle=is_mostly_idle)
    manager = QueueManager(queries, Channel(_CHANNEL))
    if is_mostly_idle:
        # The tables are looked at once: the managers end together where one finds them wrong.
        manager.verify_structure = _nothing_to_verify  # type: ignore[method-assign]

    # A failed job is of no use to anybody: the ledger knows what is left to do.
    @manager.entrypoint(_ENTRYPOINTS[sort], on_failure="delete")
    async def take(job: EngineJob) -> None:
        action_id = action_named_by(job.payload)
        if action_id is None:
            logger.warning("job %s names no action and is dropped", job.id)
            return

        async with free, begin(sort):
            handled = not manager.shutdown.is_set() and await look(action_id)
        if not handled:
            raise RetryRequested(
                timedelta(seconds=0 if manager.shutdown.is_set() else _COME_BACK_S)
            )

    return manager
