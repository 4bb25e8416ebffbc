"""The job engine: told in the caller's transaction, it tells somebody soon, and nothing depends on it for ever."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, cast

import asyncpg
import pytest
from pgqueuer.adapters.persistence.qb import QueryQueueBuilder
from pgqueuer.db import AsyncpgPoolDriver
from pgqueuer.errors import FailingListenerError
from pgqueuer.ports.repository import EntrypointExecutionParameter
from pgqueuer.qm import QueueManager
from pgqueuer.queries import Queries
from pgqueuer.types import QueueEntrypoint, QueueManagerId

from aiocancel.core.actions import Places
from aiocancel.postgres import pgqueuer
from aiocancel.postgres.pgqueuer import (
    Job,
    Look,
    PgQueuerEngine,
    engine_settings,
    enqueue,
    queries_over,
    warm_up,
)
from tests.support.claims import ask
from tests.support.saas import Pool
from tests.support.waiting import until


@dataclass
class Looker:
    """Looks at everything, and remembers."""

    seen: list[int] = field(default_factory=list)
    answer: bool = True

    async def __call__(self, action_id: int) -> bool:
        self.seen.append(action_id)
        return self.answer


@asynccontextmanager
async def dispatching(
    pool: Pool, look: Look, *, concurrency: int = 4, **settings: Any
) -> AsyncIterator[PgQueuerEngine]:
    engine = PgQueuerEngine(pool, **{"poll_every_s": 0.1, **settings})
    task = asyncio.create_task(engine.run(look, concurrency=concurrency))
    try:
        yield engine
    finally:
        engine.stop(within_s=1)
        async with asyncio.timeout(5):
            await task


async def add(pool: Pool, *jobs: Job) -> int:
    async with pool.acquire() as connection, connection.transaction():
        return await enqueue(connection, jobs)


async def listeners(pool: Pool) -> list[int]:
    """The backends of this database that wait for notices."""
    rows = await pool.fetch(
        "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND query ILIKE 'listen%'"
    )
    return [row["pid"] for row in rows]


async def waiting(pool: Pool) -> int:
    return int(await pool.fetchval("SELECT count(*) FROM aiocancel.pgqueuer"))


async def test_a_job_leads_somebody_to_its_action_and_is_gone(pool: Pool) -> None:
    looker = Looker()
    async with dispatching(pool, looker):
        await add(pool, Job(7, 0), Job(8, 0))
        await until(lambda: sorted(looker.seen) == [7, 8])
    assert await waiting(pool) == 0


async def test_what_found_a_place_begins_when_it_may(pool: Pool) -> None:
    looker, may_begin, asked = Looker(), asyncio.Event(), []

    @asynccontextmanager
    async def begin(sort: Places) -> AsyncIterator[None]:
        asked.append(sort)
        if sort is Places.CANCELLATIONS:
            await may_begin.wait()
        yield

    async with dispatching(pool, looker, begin=begin):
        await add(pool, Job(7, 0), Job(8, 0, places=Places.CALLS))
        await until(lambda: sorted(asked) == [Places.CALLS, Places.CANCELLATIONS])
        await until(lambda: looker.seen == [8])

        may_begin.set()
        await until(lambda: looker.seen == [8, 7])
    assert await waiting(pool) == 0


async def test_what_may_not_begin_is_handed_back_when_the_engine_stops(pool: Pool) -> None:
    looker, asked, may_begin = Looker(), asyncio.Event(), asyncio.Event()

    @asynccontextmanager
    async def begin(_: Places) -> AsyncIterator[None]:
        asked.set()
        await may_begin.wait()
        yield

    async with dispatching(pool, looker, begin=begin) as engine:
        await add(pool, Job(7, 0))
        await asked.wait()
        engine.stop(within_s=30)
        await until(lambda: all(manager.shutdown.is_set() for manager in engine._managers))
        may_begin.set()
        await until(lambda: not engine._managers)

    assert looker.seen == []
    async with dispatching(pool, looker):
        await until(lambda: looker.seen == [7])


async def test_a_job_goes_with_the_transaction_that_it_came_with(pool: Pool) -> None:
    async with pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        assert await enqueue(connection, [Job(7, 0)]) == 1
        await transaction.rollback()
    assert await waiting(pool) == 0


async def test_a_second_job_for_the_same_look_is_left_out_and_undoes_nothing(pool: Pool) -> None:
    assert await add(pool, Job(7, 0)) == 1
    assert await add(pool, Job(7, 0), Job(7, 1), Job(7, 0, after=3)) == 2
    assert await waiting(pool) == 3


async def test_the_job_of_a_new_claim_is_like_any_other(pool: Pool) -> None:
    columns = """SELECT priority, queue_manager_id, status, entrypoint, dedupe_key, payload, headers, attempts, slot,
        execute_after <= created AS is_due FROM aiocancel.pgqueuer ORDER BY id"""

    action_id = await ask(pool)
    by_the_claim = await pool.fetch(columns)

    # An equal one is left out, and the one that the library writes is the same row.
    assert await add(pool, Job(action_id, 0)) == 0
    await pool.execute("DELETE FROM aiocancel.pgqueuer")
    await add(pool, Job(action_id, 0))
    assert await pool.fetch(columns) == by_the_claim
    assert len(by_the_claim) == 1


async def test_no_jobs_are_no_statement(pool: Pool) -> None:
    assert await add(pool) == 0


async def test_a_job_for_later_waits(pool: Pool) -> None:
    looker = Looker()
    async with dispatching(pool, looker):
        await add(pool, Job(7, 0, delay_s=0.4), Job(8, 0))
        await until(lambda: looker.seen == [8])
        await until(lambda: looker.seen == [8, 7])


async def test_a_job_that_could_not_be_looked_at_comes_back(pool: Pool) -> None:
    looker = Looker(answer=False)
    async with dispatching(pool, looker):
        await add(pool, Job(7, 0))
        await until(lambda: len(looker.seen) >= 2)
        looker.answer = True
        await until(lambda: looker.seen.count(7) >= 3)
    assert await waiting(pool) == 0


async def test_a_look_that_raises_ends_its_job_and_nothing_else(
    pool: Pool, caplog: pytest.LogCaptureFixture
) -> None:
    seen: list[int] = []

    class Fails(Looker):
        async def __call__(self, action_id: int) -> bool:
            seen.append(action_id)
            if action_id == 7:
                raise RuntimeError("a mistake")
            return True

    async with dispatching(pool, Fails()):
        await add(pool, Job(7, 0))
        await until(lambda: seen == [7])
        await add(pool, Job(8, 0))
        await until(lambda: seen == [7, 8])
    assert await waiting(pool) == 0
    assert "a mistake" in caplog.text


async def test_the_jobs_of_a_worker_that_fell_silent_go_to_another(pool: Pool) -> None:
    await add(pool, Job(7, 0))
    await pool.execute(
        """
        UPDATE aiocancel.pgqueuer SET status = 'picked', queue_manager_id = gen_random_uuid(),
            heartbeat = now() - interval '1 minute', execute_after = now() - interval '1 minute'
        """
    )
    looker = Looker()
    async with dispatching(pool, looker, heartbeat_timeout_s=30):
        await until(lambda: looker.seen == [7])


@pytest.mark.parametrize(
    ("places", "entrypoint"),
    [(Places.CANCELLATIONS, "aiocancel_action"), (Places.CALLS, "aiocancel_calls")],
)
async def test_a_worker_that_falls_silent_while_others_are_idle_keeps_no_job(
    pool: Pool, places: Places, entrypoint: str
) -> None:
    looker = Looker()
    async with dispatching(pool, looker, heartbeat_timeout_s=30):
        await add(pool, Job(7, 0, places=places))
        await until(lambda: looker.seen == [7])

        # Nobody tells of it: it is no news of a job.
        await pool.execute(
            """
            INSERT INTO aiocancel.pgqueuer
                (priority, entrypoint, payload, status, queue_manager_id, heartbeat, execute_after)
            SELECT 0, $1, '8', 'picked', gen_random_uuid(), past, past
            FROM (SELECT now() - interval '1 minute' AS past) AS long_ago
            """,
            entrypoint,
        )

        await until(lambda: looker.seen == [7, 8])


async def test_a_place_that_becomes_free_is_soon_taken_by_what_came_while_there_was_none(
    pool: Pool,
) -> None:
    may_end, begun = asyncio.Event(), []

    async def look(action_id: int) -> bool:
        begun.append(action_id)
        await may_end.wait()
        return True

    async def is_full() -> bool:
        # 4 places, a batch of 2 that waits for them, and one that may have ended.
        picked = "SELECT count(*) = 8 FROM aiocancel.pgqueuer WHERE status = 'picked'"
        return bool(await pool.fetchval(picked))

    engine = PgQueuerEngine(pool, poll_every_s=60)
    task = asyncio.create_task(engine.run(look, concurrency=4))
    await add(pool, *(Job(number, 0) for number in range(1, 31)))
    await until(is_full)
    await add(pool, *(Job(number, 0) for number in range(31, 61)))
    await asyncio.sleep(0.3)
    assert await is_full()

    may_end.set()
    await until(lambda: sorted(begun) == list(range(1, 61)))
    engine.stop(within_s=5)
    async with asyncio.timeout(10):
        await task


@pytest.mark.parametrize("places", [Places.CANCELLATIONS, Places.CALLS])
async def test_news_of_a_job_reaches_who_has_one_place_whether_it_is_full_or_has_just_become_free(
    pool: Pool, places: Places
) -> None:
    begun: list[int] = []

    async def look(action_id: int) -> bool:
        begun.append(action_id)
        await asyncio.sleep(action_id % 5 / 100)
        # Some come back half a second later, once.
        return action_id % 10 != 0 or begun.count(action_id) > 1

    async with dispatching(pool, look, concurrency=1, poll_every_s=60):
        await add(pool, Job(1, 0, places=places))
        await until(lambda: 1 in begun)

        for first in range(2, 62, 6):
            await add(pool, *(Job(number, 0, places=places) for number in range(first, first + 5)))
            await asyncio.sleep(first % 4 / 20)
            await add(pool, Job(first + 5, 0, places=places))

        await until(lambda: set(begun) == set(range(1, 62)))
        await until(lambda: begun.count(60) == 2)


async def test_invented_notices_and_jobs_keep_nobody_waiting(pool: Pool) -> None:
    looker = Looker()
    junk = ["", "x", "{}", '{"type": "table_changed_event"}', "9" * 400, str(2**70)]
    async with dispatching(pool, looker):
        # Any role of the database may do this.
        for channel in ("aiocancel_jobs", "aiocancel_ended"):
            for text in junk * 10:
                await pool.execute("SELECT pg_notify($1, $2)", channel, text)
        await pool.executemany(
            "INSERT INTO aiocancel.pgqueuer (priority, entrypoint, payload, status) "
            "VALUES (0, $1, $2, 'queued')",
            [("aiocancel_action", text.encode()) for text in junk] + [("nobodys", b"7")],
        )
        await add(pool, Job(8, 0))
        await until(lambda: looker.seen == [8])

        await add(pool, Job(9, 0))
        await until(lambda: looker.seen == [8, 9])


async def test_a_listener_whose_connection_is_cut_costs_one_poll(pool: Pool) -> None:
    async def nobody_listens() -> bool:
        return await listeners(pool) == []

    looker = Looker()
    async with dispatching(pool, looker):
        await add(pool, Job(7, 0))
        await until(lambda: looker.seen == [7])

        (listener,) = await listeners(pool)
        await pool.execute("SELECT pg_terminate_backend($1)", listener)
        await until(nobody_listens)
        await add(pool, Job(8, 0))

        await until(lambda: looker.seen == [7, 8])


async def test_a_deaf_worker_goes_on_looking_for_cancellations_whatever_hangs_elsewhere(
    pool: Pool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def deaf(*_: object) -> None:
        """Listen as behind a pooler."""

    async def is_not_heard(*_: object) -> None:
        # After ten seconds.
        raise FailingListenerError

    monkeypatch.setattr(AsyncpgPoolDriver, "add_listener", deaf)
    monkeypatch.setattr(QueueManager, "listener_healthy", is_not_heard)
    monkeypatch.setattr(pgqueuer, "_HEARD_WITHIN_S", 0.1)
    monkeypatch.setattr(pgqueuer, "_CHECK_EVERY_S", 0.1)
    may_end, begun = asyncio.Event(), []

    async def look(action_id: int) -> bool:
        begun.append(action_id)
        if action_id == 7:
            await may_end.wait()
        return True

    async with dispatching(pool, look):
        await add(pool, Job(7, 0, places=Places.QUESTIONS))
        await until(lambda: begun == [7])
        await until(lambda: "LISTEN is deaf" in caplog.text)
        for number in range(8, 12):
            await add(pool, Job(number, 0))
            await until(lambda: begun[-1] == number, within_s=2)  # noqa: B023 - awaited here
            await asyncio.sleep(0.3)
        may_end.set()

    assert caplog.text.count("LISTEN is deaf") == 1
    assert "starts again" not in caplog.text


async def test_a_listener_that_falls_deaf_is_replaced(
    pool: Pool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(pgqueuer, "_HEARD_WITHIN_S", 0.2)
    monkeypatch.setattr(pgqueuer, "_CHECK_EVERY_S", 0.1)
    looker = Looker()
    async with dispatching(pool, looker, poll_every_s=60):
        await add(pool, Job(7, 0))
        await until(lambda: looker.seen == [7])
        (listener,) = await listeners(pool)
        await pool.execute("SELECT pg_terminate_backend($1)", listener)
        await until(lambda: "dispatch starts again" in caplog.text)

        await add(pool, Job(8, 0))
        await until(lambda: looker.seen == [7, 8])


async def test_after_an_outage_cancellations_do_not_wait_for_a_question_that_hangs(
    pool: Pool,
) -> None:
    may_end, begun, ended = asyncio.Event(), [], []

    async def look(action_id: int) -> bool:
        begun.append(action_id)
        if action_id == 7:
            await may_end.wait()
        ended.append(action_id)
        return True

    async with dispatching(pool, look, concurrency=1) as engine:
        await add(pool, Job(7, 0, places=Places.QUESTIONS))
        await until(lambda: begun == [7])
        before = list(engine._managers)
        before[0].shutdown.set()

        await add(pool, Job(8, 0), Job(9, 0, places=Places.QUESTIONS))
        await until(lambda: ended == [8])

        # It keeps its place, and nobody begins it again.
        await asyncio.sleep(0.3)
        assert begun == [7, 8]
        may_end.set()
        await until(lambda: ended == [8, 7, 9])
        await until(lambda: not engine._lingering)
    assert await waiting(pool) == 0


async def test_a_listener_whose_connection_broke_off_is_given_back(
    pool: Pool, shared_database: str
) -> None:
    looker = Looker()
    own = await asyncpg.create_pool(shared_database, min_size=2, max_size=3)
    async with dispatching(own, looker):
        await add(pool, Job(7, 0))
        await until(lambda: looker.seen == [7])
        connections = [holder._con for holder in cast("Any", own)._holders]
        (listener,) = (each for each in connections if each is not None and each._listeners)
        # As asyncpg itself does where a server that goes down leaves an exchange half done.
        listener._protocol.abort()
    async with asyncio.timeout(5):
        await own.close()


async def test_an_engine_stops_though_a_look_never_ends(pool: Pool) -> None:
    started = asyncio.Event()

    class Endless(Looker):
        async def __call__(self, _: int) -> bool:
            started.set()
            await asyncio.sleep(2)
            return True

    engine = PgQueuerEngine(pool, poll_every_s=0.1)
    task = asyncio.create_task(engine.run(Endless(), concurrency=1))
    await add(pool, Job(7, 0))
    await started.wait()
    engine.stop(within_s=0.1)
    async with asyncio.timeout(1):
        await task


def test_another_use_of_pgqueuer_in_the_same_process_does_not_rename_our_tables() -> None:
    program = "from aiocancel.postgres.pgqueuer import engine_settings as s; print(s().qualified.queue_table)"
    environment = {
        **os.environ,
        "PGQUEUER_PREFIX": "theirs_",
        "PGQUEUER_SCHEMA": "theirs",
        "PGQUEUER_CHANNEL": "theirs",
    }
    told = subprocess.run(
        [sys.executable, "-c", program], env=environment, check=True, capture_output=True, text=True
    )
    assert told.stdout.strip() == "aiocancel.pgqueuer"


async def test_what_ended_long_ago_is_forgotten_and_the_rest_is_kept(pool: Pool) -> None:
    looker = Looker()
    await pool.execute("DELETE FROM aiocancel.pgqueuer_log")
    async with dispatching(pool, looker) as engine:
        await add(pool, Job(7, 0), Job(8, 0))
        await until(lambda: len(looker.seen) == 2)
        await pool.execute(
            "UPDATE aiocancel.pgqueuer_log SET created = now() - interval '2 hours' WHERE id % 2 = 0"
        )
        kept = await pool.fetchval(
            "SELECT count(*) FROM aiocancel.pgqueuer_log WHERE created > now() - interval '1 h'"
        )
        await engine.tidy()
        left = await pool.fetchval(
            "SELECT count(*) FROM aiocancel.pgqueuer_log WHERE created < now() - interval '1 h'"
        )

    assert kept > 0
    assert left == 0


@pytest.mark.parametrize(
    "jobs",
    [
        [],
        [Job(1, 0)],
        [Job(1, 0, delay_s=60)],
        [Job(1, 0, delay_s=60), Job(2, 0)],
        [Job(1, 0, delay_s=60), Job(2, 0, delay_s=5)],
        [Job(1, 0, places=Places.CALLS)],
    ],
    ids=["none", "due", "later", "due and later", "two later", "another sort's"],
)
async def test_one_question_is_answered_as_pgqueuers_three_are(pool: Pool, jobs: list[Job]) -> None:
    await add(pool, *jobs)
    driver, sort = AsyncpgPoolDriver(pool), [QueueEntrypoint("aiocancel_action")]
    ours = queries_over(driver)
    theirs = Queries(driver, qbq=QueryQueueBuilder(engine_settings()))

    answers = [
        (
            await each.eligible_queued_work(sort),
            await each.next_deferred_eta(sort),
            await each.queued_work(sort),
        )
        for each in (ours, theirs)
    ]

    (due, due_in, any_left), (their_due, their_due_in, their_any_left) = answers
    assert (due, any_left) == (their_due, their_any_left)
    if not due:
        # Theirs was asked a moment later.
        assert (due_in is None) == (their_due_in is None)
        assert (
            due_in is None or their_due_in is None or due_in - their_due_in < timedelta(seconds=2)
        )


@pytest.mark.parametrize("is_analyzed", [False, True])
async def test_what_is_due_next_is_found_by_one_row_however_many_jobs_wait_for_a_day_to_come(
    pool: Pool, is_analyzed: bool
) -> None:
    await add(pool, *(Job(number, 0, delay_s=3600) for number in range(1, 3001)))
    if is_analyzed:
        await pool.execute("ANALYZE aiocancel.pgqueuer")

    plan = await pool.fetchval(
        f"EXPLAIN (ANALYZE, FORMAT JSON) {pgqueuer._DUE_IN}", ["aiocancel_action"]
    )

    assert max(rows_read(json.loads(plan)[0]["Plan"])) == 1


def rows_read(plan: dict[str, Any]) -> list[float]:
    """How many rows each step of a plan handed on."""
    inner = [rows for step in plan.get("Plans", ()) for rows in rows_read(step)]
    return [plan["Actual Rows"], *inner]


async def test_who_has_no_place_left_asks_the_database_nothing_and_looks_again_soon() -> None:
    sort = QueueEntrypoint("aiocancel_action")
    # There is no driver that could send anything.
    queries = queries_over(cast("AsyncpgPoolDriver", None), has_place=lambda: False)

    assert await fetched(queries, sort) == []
    assert await queries.eligible_queued_work([sort]) == 1


async def test_who_is_mostly_idle_fetches_what_is_due(pool: Pool) -> None:
    sort = QueueEntrypoint("aiocancel_calls")
    queries = queries_over(AsyncpgPoolDriver(pool), is_mostly_idle=True)
    # The first fetch is one in any case.
    assert await fetched(queries, sort) == []

    await add(pool, Job(1, 0, delay_s=60, places=Places.CALLS))
    assert await fetched(queries, sort) == []
    assert await queries.eligible_queued_work([sort]) == 0
    assert await queries.next_deferred_eta([sort]) is not None

    await add(pool, Job(2, 0, places=Places.CALLS))
    assert [job.payload for job in await fetched(queries, sort)] == [b"2"]
    assert await queries.eligible_queued_work([sort]) == 0


async def test_who_is_mostly_idle_sends_no_fetch_while_nothing_is_due(pool: Pool) -> None:
    sent: list[str] = []

    class Noting(AsyncpgPoolDriver):
        async def fetch(self, query: str, *args: Any) -> list[dict[str, Any]]:
            sent.append(query)
            return await super().fetch(query, *args)

    sort = QueueEntrypoint("aiocancel_calls")
    queries = queries_over(Noting(pool), is_mostly_idle=True)
    await fetched(queries, sort)
    sent.clear()

    assert await fetched(queries, sort) == []
    assert await queries.eligible_queued_work([sort]) == 0
    assert sent == [pgqueuer._DUE_IN]


async def fetched(queries: Queries, sort: QueueEntrypoint) -> list[Any]:
    return await queries.dequeue(
        batch_size=10,
        entrypoints={sort: EntrypointExecutionParameter(0)},
        queue_manager_id=QueueManagerId(uuid.uuid4()),
        global_concurrency_limit=20,
        heartbeat_timeout=timedelta(seconds=30),
    )


async def test_an_outage_after_an_hour_of_work_is_waited_out_as_shortly_as_the_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [0.0]
    pauses: list[float] = []
    engine = PgQueuerEngine(cast("Pool", None), clock=lambda: now[0])

    async def breaks_off(*_: object) -> None:
        if len(pauses) == 5:
            now[0] += 3600.0
        raise OSError

    async def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 7:
            engine.stop(within_s=0)

    monkeypatch.setattr(engine, "_dispatch", breaks_off)
    monkeypatch.setattr(engine, "_pause", pause)
    await engine.run(Looker(), concurrency=1)

    assert pauses == [0.5, 1.0, 1.0, 1.0, 1.0, 0.5, 1.0]


async def test_the_pauses_of_a_dispatch_that_breaks_off_by_a_mistake_grow(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pauses: list[float] = []
    engine = PgQueuerEngine(cast("Pool", None), clock=lambda: 0.0)

    async def breaks_off(*_: object) -> None:
        raise RuntimeError

    async def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 6:
            engine.stop(within_s=0)

    monkeypatch.setattr(engine, "_dispatch", breaks_off)
    monkeypatch.setattr(engine, "_pause", pause)
    await engine.run(Looker(), concurrency=1)

    assert pauses == [0.5, 1.0, 2.0, 4.0, 5.0, 5.0]


async def test_jobs_that_an_outage_left_with_nobody_do_not_wait_until_their_worker_counts_as_silent(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    looker = Looker()
    await add(pool, Job(7, 0))
    run_all = PgQueuerEngine._run_all
    outages = 0

    async def picks_and_breaks_off(engine: PgQueuerEngine, *rest: Any) -> None:
        nonlocal outages
        outages += 1
        if outages > 1:
            await run_all(engine, *rest)
            return
        await pool.execute(
            "UPDATE aiocancel.pgqueuer SET status = 'picked', heartbeat = now(), queue_manager_id = $1",
            engine._managers[0].queue_manager_id,
        )
        raise OSError

    monkeypatch.setattr(PgQueuerEngine, "_run_all", picks_and_breaks_off)
    async with dispatching(pool, looker, heartbeat_timeout_s=3600):
        await until(lambda: looker.seen == [7])
    assert await waiting(pool) == 0


async def test_the_engine_gets_ready_where_anyio_refuses_a_loop_of_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[object] = []

    def refuse(function: object, *_: object) -> None:
        asked.append(function)
        # Older releases do, inside an application that anyio.run has started.
        raise RuntimeError("Already running asyncio in this thread")

    monkeypatch.setattr("anyio.run", refuse)

    await warm_up()

    assert asked
