"""How long a cancellation's post waits for its end: ``python -m tests.benchmarks.waiting``.

Posts come at a fixed rate, whether or not the ones before are answered, to two sites on one database. The worker runs
inside each site, or in a process of its own. ``--package PATH`` measures another checkout beside this one.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import asyncpg

from aiocancel.testing.postgres import EmbeddedPostgres
from tests.benchmarks.kit import ROOT, Child, Options, Table, child, family_cpu_s, python, report

RATES = (50, 200, 350)
SITES = 2
STRIPE_MS = "5"
COLUMNS = ["posts a second", "200", "202", "other", "p50 ms", "p99 ms", "max ms", "not done after"]
CPU_COLUMNS = ["posts a second", "posts", "sites", "worker", "postgres", "stripe"]


@dataclass(frozen=True)
class Crew:
    """What runs, and how to read what it has cost so far."""

    ports: Sequence[int]
    cpu_s: Mapping[str, Callable[[], float]]


@contextmanager
def crew(
    package: Path, dsn: str, stripe: Child, server: EmbeddedPostgres, *, is_apart: bool
) -> Iterator[Crew]:
    """Run the sites, and a worker where it is apart."""
    program = str(Path(__file__).with_name("waiting_site.py"))
    env = {**os.environ, "PYTHONPATH": str(package)}

    def start(stack: ExitStack, what: str) -> Child:
        command = (sys.executable, program, what, dsn, f"http://127.0.0.1:{stripe.port}")
        return stack.enter_context(child(*command, cwd=package, env=env))

    with ExitStack() as stack:
        sites = [start(stack, "site" if is_apart else "both") for _ in range(SITES)]
        worker = start(stack, "command") if is_apart else None
        yield Crew(
            [site.port for site in sites],
            {
                "posts": time.process_time,
                "sites": lambda: sum(site.cpu_s for site in sites),
                "worker": lambda: 0.0 if worker is None else worker.cpu_s,
                "postgres": lambda: family_cpu_s(server.pid),
                "stripe": lambda: stripe.cpu_s,
            },
        )


class Load:
    """Customers who cancel at a fixed rate, each once."""

    def __init__(self, session: aiohttp.ClientSession, ports: Sequence[int], name: str) -> None:
        self._session = session
        self._ports = ports
        self._name = name
        self.took_s: list[float] = []
        self.statuses: Counter[int] = Counter()
        self.began_at = 0.0
        self.cpu_s: list[float] = []

    async def run(
        self, rate: int, seconds: float, *, before: Mapping[str, Callable[[], float]] | None = None
    ) -> None:
        amount = int(rate * seconds)
        grants = [await self._grant(number) for number in range(amount)]

        self.cpu_s = [read() for read in (before or {}).values()]
        started = self.began_at = time.perf_counter()
        posts = []
        for number, grant in enumerate(grants):
            await asyncio.sleep(max(0.0, started + number / rate - time.perf_counter()))
            posts.append(asyncio.create_task(self._cancel(number, grant)))
        await asyncio.gather(*posts)

    def _who(self, number: int) -> tuple[str, dict[str, str]]:
        url = f"http://127.0.0.1:{self._ports[number % len(self._ports)]}/cancel"
        return url, {"X-Customer": f"{self._name}_{number}"}

    async def _grant(self, number: int) -> str:
        url, headers = self._who(number)
        async with self._session.get(f"{url}/payload", headers=headers) as response:
            return str((await response.json())["flow"]["grant"])

    async def _cancel(self, number: int, grant: str) -> None:
        url, headers = self._who(number)
        started = time.perf_counter()
        body = {"grant": grant, "status": "canceled"}
        async with self._session.post(f"{url}/result", json=body, headers=headers) as response:
            await response.read()
        self.took_s.append(time.perf_counter() - started)
        self.statuses[response.status] += 1


async def measure(
    dsn: str, crew: Crew, rates: Sequence[int], seconds: float, table: Table, cpu: Table
) -> None:
    connector = aiohttp.TCPConnector(limit=0)

    async with aiohttp.ClientSession(connector=connector) as session:
        await Load(session, crew.ports, "warm").run(20, 2 if seconds > 1 else 0.2)
        # The worker has started, and nothing is left over.
        await unfinished(dsn, within_s=60)
        for rate in rates:
            load = Load(session, crew.ports, f"at_{rate}")
            await load.run(rate, seconds, before=crew.cpu_s)
            ended = time.perf_counter()
            used = [
                read() - before
                for read, before in zip(crew.cpu_s.values(), load.cpu_s, strict=True)
            ]
            cpu.add(str(rate), *(each / (ended - load.began_at) for each in used))
            lost = await unfinished(dsn, within_s=60)
            slow = sorted(load.took_s)
            other = load.statuses.total() - load.statuses[200] - load.statuses[202]
            table.add(
                str(rate),
                str(load.statuses[200]),
                str(load.statuses[202]),
                str(other),
                slow[len(slow) // 2] * 1000,
                slow[min(len(slow) - 1, len(slow) * 99 // 100)] * 1000,
                slow[-1] * 1000,
                f"{lost} left" if lost else f"{time.perf_counter() - ended:.1f} s",
            )


async def unfinished(dsn: str, *, within_s: float) -> int:
    """Wait until every accepted cancellation is carried out; returns how many are not."""
    connection = await asyncpg.connect(dsn)
    until = time.monotonic() + within_s

    try:
        while True:
            left = int(
                await connection.fetchval(
                    "SELECT count(*) FROM aiocancel.action WHERE state IN ('waiting', 'running')"
                )
            )
            if not left or time.monotonic() > until:
                return left
            await asyncio.sleep(0.1)
    finally:
        await connection.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="only see that it runs")
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    parser.add_argument("--seconds", type=float, default=10.0, help="how long each rate lasts")
    parser.add_argument("--rates", type=int, nargs="+", default=RATES, help="posts a second")
    parser.add_argument("--package", type=Path, help="another checkout, measured first")
    given = parser.parse_args()
    options = Options(given.quick, given.json, 1)
    rates, seconds = (given.rates, given.seconds) if not given.quick else ((10,), 0.5)

    tables = []
    with EmbeddedPostgres() as server, python("stripe_endpoint", STRIPE_MS) as stripe:
        packages = {"this": ROOT} if given.package is None else {"before": given.package}
        for name, package in {**packages, "this": ROOT}.items():
            for is_apart in (False, True):
                where = "in a process of its own" if is_apart else "inside each site"
                table = Table(f"{name}: two sites, the worker {where}", COLUMNS)
                cpu = Table(
                    f"{name}, the worker {where}: cores in use until the last answer", CPU_COLUMNS
                )
                dsn = asyncio.run(server.create_database(f"waiting_{name}_{is_apart}".lower()))
                with crew(package, dsn, stripe, server, is_apart=is_apart) as running:
                    asyncio.run(measure(dsn, running, rates, seconds, table, cpu))
                tables += [table, cpu]
    report(options, tables, counts={})


if __name__ == "__main__":
    main()
