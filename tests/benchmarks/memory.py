"""What stays in memory of a site and of a worker: ``python -m tests.benchmarks.memory --minutes 60``.

Customers open a page and cancel at a fixed rate, each once. Once a minute the resident size of both processes is read.
``--trace`` asks Python at the end which lines hold more than ten minutes after the start; it slows both down, and what
it keeps for itself is counted as resident.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Callable
from pathlib import Path

import aiohttp

from aiocancel.testing.postgres import EmbeddedPostgres
from tests.benchmarks.kit import ROOT, Options, Table, child, python, report
from tests.benchmarks.waiting import Load, unfinished

RATE = 10
FLAT_AFTER = 10


async def play(
    dsn: str,
    ports: list[int],
    sizes: list[list[int]],
    *,
    minutes: int,
    seconds: float,
    read: Callable[[], list[int]],
) -> None:
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        for minute in range(minutes):
            await Load(session, ports, f"minute_{minute}").run(RATE, seconds)
            await unfinished(dsn, within_s=30)
            sizes.append(read())
            print(f"minute {minute + 1}: KiB {sizes[-1]}", file=sys.stderr, flush=True)


def measure(options: Options, minutes: int, *, trace: bool) -> tuple[list[Table], list[str]]:
    seconds = options.sized(60, 1)
    program = str(Path(__file__).with_name("waiting_site.py"))
    env = {**os.environ, "PYTHONPATH": str(ROOT), **({"PYTHONTRACEMALLOC": "5"} if trace else {})}
    notes: list[str] = []

    with EmbeddedPostgres() as server, python("stripe_endpoint", "5") as stripe:
        dsn = asyncio.run(server.create_database("memory"))
        url = f"http://127.0.0.1:{stripe.port}"
        command = [sys.executable, program]
        with (
            child(*command, "site", dsn, url, env=env) as site,
            child(*command, "worker", dsn, url, env=env) as worker,
        ):
            sizes: list[list[int]] = []

            def read() -> list[int]:
                if trace and len(sizes) + 1 == min(FLAT_AFTER, minutes):
                    for process in (site, worker):
                        process.ask({})
                return [site.rss_kib, worker.rss_kib]

            asyncio.run(play(dsn, [site.port], sizes, minutes=minutes, seconds=seconds, read=read))
            if trace:
                for name, process in (("site", site), ("worker", worker)):
                    notes += [f"{name}: {line}" for line in process.ask({})]

    table = Table(f"resident size in MiB, {RATE} posts a second", ["minute", "site", "worker"])
    for minute, pair in enumerate(sizes):
        table.add(str(minute + 1), *(kib / 1024 for kib in pair))
    if len(sizes) > FLAT_AFTER:
        first = sizes[FLAT_AFTER - 1]
        grown = [(last - kib) / 1024 for kib, last in zip(first, sizes[-1], strict=True)]
        table.add(f"grown since minute {FLAT_AFTER}", *grown)
    return [table], notes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="only see that it runs")
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    parser.add_argument("--minutes", type=int, default=60, help="how long")
    parser.add_argument("--trace", action="store_true", help="name the lines that hold more")
    given = parser.parse_args()
    options = Options(given.quick, given.json, 1)
    minutes = 1 if given.quick else given.minutes

    tables, notes = measure(options, minutes, trace=given.trace)
    report(options, tables, counts={}, notes=notes)


if __name__ == "__main__":
    main()
