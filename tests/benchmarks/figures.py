"""What the owner's pages and the report cost over a company with a past: ``python -m tests.benchmarks.figures``.

A million sessions of three years, as many claims, three million actions and as many readings in an embedded PostgreSQL;
filling it takes some minutes. Of each page what its statements take of a processor, which another program on the
machine changes less, and the time that they take, each added up, over addresses that differ. Days are counted
beforehand as a worker does it, and before that none is. Once more with a session of three days whose customer has just
been read, and with three days in which a session itself has changed: just now, before a worker has looked, and where
none has for longer than a page shows a day as it was.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC
from typing import Any

import asyncpg
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from aiocancel.cli.report import figures_of
from aiocancel.core.measures.report import By
from aiocancel.core.measures.sums import last_days
from aiocancel.postgres.counted_days import CountedDays
from aiocancel.testing.postgres import EmbeddedPostgres
from tests.benchmarks.execute import prepare
from tests.benchmarks.fill_figures import fill
from tests.benchmarks.kit import Options, Table, cpu_s, read_options, report
from tests.support.saas import make_cancel

AT = "/owner"
ZONE = "Europe/Berlin"
# The newest session of thirty days ago, of sixty and of ninety.
_THREE = """(SELECT max(id) FROM aiocancel.flow_session, unnest(ARRAY[30, 60, 90]) AS ago
    WHERE opened_at < now() - make_interval(days => ago) GROUP BY ago)"""
# A trigger notes the days, as it does when a worker reads or an answer comes.
CHANGES = {
    "three days have just been read": (
        f"UPDATE aiocancel.kept_reading SET state = state WHERE day = 30 AND session IN {_THREE}"
    ),
    "three days have just changed": (
        f"UPDATE aiocancel.flow_session SET place = place WHERE id IN {_THREE}"
    ),
}
_LONG_AGO = "UPDATE aiocancel.recount SET noted_at = now() - interval '2 minutes'"
Address = Callable[[random.Random, int], str]


def pages(sessions: int) -> dict[str, Address]:
    """Addresses of each page, by what is asked of it."""

    def day(dice: random.Random) -> str:
        return f"202{dice.randrange(4, 6)}-{dice.randrange(1, 13):02}-{dice.randrange(1, 29):02}"

    return {
        "now": lambda dice, n: "/",
        "sessions, newest": lambda dice, n: "/sessions",
        "sessions, a day": lambda dice, n: "/sessions?from={0}&to={0}".format(day(dice)),
        "sessions, an end": lambda dice, n: (
            f"/sessions?outcome={dice.choice(['canceled', 'accepted', 'abandoned', 'taken_back', 'open'])}"
        ),
        "sessions, a reason": lambda dice, n: (
            f"/sessions?reason={dice.choice(['unused', 'other', 'nobody_gave_it'])}"
        ),
        "sessions, an id": lambda dice, n: f"/sessions?q=sub_{dice.randrange(1, sessions + 1)}",
        "sessions, a start": lambda dice, n: f"/sessions?q=cus_{dice.randrange(1, 10)}",
        "sessions, nonsense": lambda dice, n: "/sessions?q=%25",
        "a story": lambda dice, n: f"/sessions/s{dice.randrange(1, sessions + 1)}",
        "figures, 90 days": lambda dice, n: f"/figures?by={dice.choice(list(By))}",
        "figures, 12 months": lambda dice, n: f"/figures?days=365&by={dice.choice(list(By))}",
        "flow": lambda dice, n: "/flow",
        "definitions": lambda dice, n: "/definitions",
    }


@dataclass(eq=False)
class Clock:
    """Adds up what statements take, and what the servers of their connections take of a processor."""

    spent_s: float = 0.0
    pids: set[int] = field(default_factory=set)

    def __call__(self, record: Any) -> None:
        self.spent_s += record.elapsed

    @property
    def cpu_s(self) -> float:
        return sum(map(cpu_s, self.pids))


@contextmanager
def served(options: Options, sessions: int) -> Iterator[str]:
    """A database with a company of this size."""
    with EmbeddedPostgres(durable=False) as server:

        async def make() -> str:
            dsn = await prepare(server)
            connection = await asyncpg.connect(dsn)
            # What the fill leaves to do is done at once, and not while something is measured.
            await connection.execute("ALTER SYSTEM SET autovacuum = off")
            await connection.execute("SELECT pg_reload_conf()")
            await fill(connection, sessions)
            await connection.execute("CHECKPOINT")
            await connection.close()
            return dsn

        yield asyncio.run(make())


async def measure(options: Options, dsn: str, sessions: int) -> list[Table]:
    clock = Clock()

    async def listen(connection: Any) -> None:
        connection.add_query_logger(clock)
        clock.pids.add(connection.get_server_pid())

    pool = await asyncpg.create_pool(
        dsn, min_size=4, max_size=4, max_inactive_connection_lifetime=0, setup=listen
    )
    cancel = make_cancel(pool, run_worker=False, content_security_policy=None, time_zone=ZONE)
    app = web.Application()
    cancel.setup(app)
    app.add_subapp(AT, cancel.console(operator=lambda request: "benchmark"))

    tables = []
    async with TestClient(TestServer(app)) as client:
        if not options.quick:
            tables.append(
                await _of_pages(options, client, clock, sessions, "no day counted", rounds=3)
            )
        tables.append(await _counting(options, pool))
        tables.append(await _of_pages(options, client, clock, sessions, "days counted"))
        for title, change in CHANGES.items():
            for when, statements in {
                title: ("TRUNCATE aiocancel.recount", change),
                f"{title}, and no worker looks": ("TRUNCATE aiocancel.recount", change, _LONG_AGO),
            }.items():

                async def again(statements: tuple[str, ...] = statements) -> None:
                    for each in statements:
                        await pool.execute(each)

                tables.append(await _of_pages(options, client, clock, sessions, when, before=again))
    await pool.close()
    tables.append(await _of_reports(options, dsn))
    return tables


async def _counting(options: Options, pool: Any) -> Table:
    days = CountedDays(pool, "test", ZONE)
    took: list[float] = []

    while len(took) < options.sized(10_000, 3):
        before = time.perf_counter()
        if await days.count_one() is None:
            break
        took.append((time.perf_counter() - before) * 1e3)
    await pool.execute("ANALYZE aiocancel.counted_day, aiocancel.day_figure")

    table = Table("counting a day, as a worker does it", ["days", "median ms", "p99 ms"])
    table.add(f"{len(took):,}", *_of(took))
    return table


async def _of_pages(
    options: Options,
    client: TestClient[Any, Any],
    clock: Clock,
    sessions: int,
    title: str,
    *,
    rounds: int | None = None,
    before: Callable[[], Awaitable[None]] | None = None,
) -> Table:
    table = Table(
        f"database time of a page: {title}",
        ["page", "CPU ms, median", "CPU ms, p99", "median ms", "p99 ms"],
    )
    dice = random.Random(15)  # noqa: S311 - addresses, and no secret
    times = rounds or options.sized(100, 2)

    for name, address in pages(sessions).items():
        took, used = [], []
        for turn in range(times + 1):
            # So often that the change stays as young as it is meant to be.
            if before is not None and turn % 10 == 0:
                await before()
            clock.spent_s, used_before = 0.0, clock.cpu_s
            answer = await client.get(AT + address(dice, turn))
            await answer.read()
            # The first one of each kind brings the plans.
            if turn:
                took.append(clock.spent_s * 1e3)
                used.append((clock.cpu_s - used_before) * 1e3)
            if answer.status not in (200, 503):
                raise RuntimeError(f"{name}: {answer.status}")
        table.add(name, *_of(used), *_of(took))
    return table


async def _of_reports(options: Options, dsn: str) -> Table:
    table = Table("aiocancel report, its connection included", ["report", "median ms", "p99 ms"])
    for days in (90, 365):
        took = []
        for _ in range(options.sized(20, 1)):
            before = time.perf_counter()
            async with figures_of(dsn, "test", application_name="aiocancel report") as figures:
                (now,) = await figures._rows("SELECT now()")
                await figures.report(*last_days(days, now[0], UTC), by=By.REASON, as_of=now[0])
            took.append((time.perf_counter() - before) * 1e3)
        table.add(f"--since {days}d --by reason", *_of(took))
    return table


def _of(took: list[float]) -> tuple[float, float]:
    ordered = sorted(took) or [0.0]
    return ordered[len(ordered) // 2], ordered[min(int(len(ordered) * 0.99), len(ordered) - 1)]


def main() -> None:
    options = read_options(__doc__ or "", rounds=1)
    sessions = options.sized(1_000_000, 300)
    with served(options, sessions) as dsn:
        tables = asyncio.run(measure(options, dsn, sessions))
    report(options, tables, counts={})


if __name__ == "__main__":
    main()
