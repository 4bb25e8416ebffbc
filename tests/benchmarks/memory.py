"""What stays in memory of a site and of a worker: ``python -m tests.benchmarks.memory --minutes 60``.

Customers open a page and cancel at a fixed rate, each once. Once a minute the resident size of both processes is read,
and every ten minutes how much of it Python's objects and C's blocks take, and how much both keep free for later.
``--trace`` asks Python also which lines hold more; it slows both down, and what it keeps for itself is counted as
resident.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from aiocancel.testing.postgres import EmbeddedPostgres
from tests.benchmarks.kit import ROOT, Child, Options, Table, child, python, report
from tests.benchmarks.waiting import Load, unfinished

RATE = 10
FLAT_AFTER = 10


@dataclass
class Account:
    """What one process holds, read once a minute, and every ten minutes by sorts."""

    name: str
    process: Child
    resident_kib: list[int] = field(default_factory=list)
    sorts_kib: dict[int, dict[str, int]] = field(default_factory=dict)
    types: dict[int, dict[str, int]] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)

    def read(self, minute: int, *, by_sorts: bool) -> None:
        self.resident_kib.append(self.process.rss_kib)
        if by_sorts:
            answer = self.process.ask({})
            self.sorts_kib[minute], self.types[minute] = answer["memory"], answer["types"]
            self.lines = answer["lines"]

    def grown_types(self) -> str:
        """Return which types of objects have more of them than at the first reading by sorts."""
        first, last = (self.types[minute] for minute in (min(self.types), max(self.types)))
        grown = {name: count - first.get(name, 0) for name, count in last.items()}
        most = sorted(grown.items(), key=lambda each: -each[1])[:8]
        return ", ".join(f"{name} {count:+d}" for name, count in most if count > 0) or "none"


async def play(
    dsn: str, ports: list[int], accounts: list[Account], *, minutes: int, seconds: float
) -> None:
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        for minute in range(1, minutes + 1):
            await Load(session, ports, f"minute_{minute}").run(RATE, seconds)
            await unfinished(dsn, within_s=30)
            for account in accounts:
                account.read(minute, by_sorts=minute % FLAT_AFTER == 0 or minute == minutes)
            sizes = [account.resident_kib[-1] for account in accounts]
            print(f"minute {minute}: KiB {sizes}", file=sys.stderr, flush=True)


def measure(options: Options, minutes: int, *, trace: bool) -> tuple[list[Table], list[str]]:
    seconds = options.sized(60, 1)
    program = str(Path(__file__).with_name("waiting_site.py"))
    env = {**os.environ, "PYTHONPATH": str(ROOT), **({"PYTHONTRACEMALLOC": "5"} if trace else {})}

    with EmbeddedPostgres() as server, python("stripe_endpoint", "5") as stripe:
        dsn = asyncio.run(server.create_database("memory"))
        command = [sys.executable, program]
        url = f"http://127.0.0.1:{stripe.port}"
        with (
            child(*command, "site", dsn, url, env=env) as site,
            child(*command, "worker", dsn, url, env=env) as worker,
        ):
            accounts = [Account("site", site), Account("worker", worker)]
            asyncio.run(play(dsn, [site.port], accounts, minutes=minutes, seconds=seconds))

    table = Table(f"resident size in MiB, {RATE} posts a second", ["minute", "site", "worker"])
    for minute, pair in enumerate(zip(*(each.resident_kib for each in accounts), strict=True)):
        table.add(str(minute + 1), *(kib / 1024 for kib in pair))
    if minutes > FLAT_AFTER:
        grown = [
            (each.resident_kib[-1] - each.resident_kib[FLAT_AFTER - 1]) / 1024 for each in accounts
        ]
        table.add(f"grown since minute {FLAT_AFTER}", *grown)
    return [table, *map(by_sorts, accounts)], [
        note
        for each in accounts
        for note in (f"{each.name}: more objects of {each.grown_types()}", *each.lines)
    ]


def by_sorts(account: Account) -> Table:
    """Return a table of what the resident size consists of."""
    names = {
        "objects": "objects",
        "objects_free": "free for objects",
        "blocks": "C's blocks",
        "blocks_free": "free for blocks",
    }
    table = Table(f"what the {account.name} holds, MiB", ["minute", "resident", *names.values()])
    for minute, kib in account.sorts_kib.items():
        sizes = [account.resident_kib[minute - 1], *(kib[name] for name in names)]
        table.add(str(minute), *(size / 1024 for size in sizes))
    return table


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
