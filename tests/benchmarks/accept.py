"""Results accepted in a second: ``python -m tests.benchmarks.accept``.

Each is one durable commit with a claim, its action and three lines of the journal. Beside it, on the same server and
over as many connections: pgbench with one INSERT for a transaction, and the same INSERT through asyncpg.
"""

from __future__ import annotations

import asyncio
import re
import subprocess
import time
import uuid
from collections.abc import Awaitable, Callable
from functools import partial
from itertools import chain
from typing import Any

import asyncpg

from aiocancel.core.claim import FlowClaim
from aiocancel.core.decision import Decision, decide, verify_own_choice
from aiocancel.core.grants import Grant
from aiocancel.postgres.ledger import Ledger
from aiocancel.postgres.schema import migrate
from aiocancel.testing.postgres import EmbeddedPostgres, find_binaries
from tests.benchmarks.kit import Options, Table, in_turn, medians, read_options, report
from tests.support.claims import AT_PERIOD_END, make_claim, make_grant, record
from tests.support.saas import Pool

CONNECTIONS = 10
INSERT = "INSERT INTO single_insert (number, note) VALUES ({}, 'a note of some length')"


def pgbench(dsn: str, transactions: int, clients: int) -> float:
    """Transactions per second of pgbench, without the time to connect."""
    how = {
        "-M": "prepared",
        "-f": "-",
        "-c": str(clients),
        "-t": str(max(1, transactions // clients)),
    }

    run = subprocess.run(
        [str(find_binaries() / "pgbench"), "-n", *chain.from_iterable(how.items()), dsn],
        input="\\set number random(1, 1000000)\n" + INSERT.format(":number") + ";\n",
        capture_output=True,
        text=True,
        check=True,
    )

    found = re.search(r"tps = ([\d.]+) \(without initial connection time\)", run.stdout)
    if found is None:
        raise RuntimeError(f"pgbench says something else: {run.stdout}")

    return float(found[1])


class Site:
    """A pool of connections, and how busy this process was."""

    def __init__(self, loop: asyncio.Runner, pool: Pool, clients: int) -> None:
        self._loop = loop
        self._clients = clients
        self.pool = pool
        self.ledger = Ledger(pool)
        self.cpu_s: list[float] = []

    def rate(self, once: Callable[[], Awaitable[object]], amount: int) -> float:
        """How often in a second ``once`` is done, by ``clients`` at a time."""

        async def client() -> None:
            for _ in range(max(1, amount // self._clients)):
                await once()

        async def clients() -> float:
            started, cpu = time.perf_counter(), time.process_time()
            await asyncio.gather(*(client() for _ in range(self._clients)))
            await self.ledger.wake_ups.given()
            self.cpu_s.append((time.process_time() - cpu) / amount)
            return amount / (time.perf_counter() - started)

        return self._loop.run(clients())

    async def accept(self) -> None:
        name = uuid.uuid4().hex
        claim = make_claim(session=f"sess_{name}", text="Too dear", code="too_expensive")
        grant = make_grant(f"sub_{name}", nonce=name)
        # The workers are woken meanwhile, as in a site.
        await self.ledger.accept(claim, grant, decision_on(claim, grant), verified=True)

    async def insert(self) -> None:
        await self.pool.execute(INSERT.format("$1"), 7)


def decision_on(claim: FlowClaim, grant: Grant) -> Decision:
    outcome = verify_own_choice(claim, grant)
    if outcome is None:
        raise RuntimeError("the benchmark's claim is a cancellation")
    return decide(outcome, AT_PERIOD_END)


async def prepare(server: EmbeddedPostgres, clients: int) -> tuple[str, Pool]:
    dsn = await server.create_database("benchmark")
    # As the plug-in opens its own.
    pool = await asyncpg.create_pool(dsn, min_size=clients, max_size=clients, reset=nothing)
    async with pool.acquire() as connection:
        await migrate(connection)
        await connection.execute(
            "CREATE TABLE single_insert (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, number integer, note text)"
        )
    return dsn, pool


def measure(options: Options, notes: list[str]) -> tuple[list[Table], dict[str, float]]:
    has_pgbench = (find_binaries() / "pgbench").is_file()
    base = "pgbench, one INSERT" if has_pgbench else "asyncpg, one INSERT"

    if not has_pgbench:
        notes.append(
            "this PostgreSQL came without pgbench: the ratio is to the same INSERT through asyncpg"
        )

    amount = options.sized(3000, 40)
    tables = []

    with EmbeddedPostgres() as server, asyncio.Runner() as loop:
        dsn, pool = loop.run(prepare(server, CONNECTIONS))
        for clients in (1, CONNECTIONS):
            done = amount if clients > 1 else amount // 4
            ours, driver = Site(loop, pool, clients), Site(loop, pool, clients)
            rivals = {
                "pgbench, one INSERT": partial(pgbench, dsn, done, clients),
                "asyncpg, one INSERT": partial(driver.rate, driver.insert, done),
                "aiocancel, one claim": partial(ours.rate, ours.accept, done),
            }
            if not has_pgbench:
                del rivals["pgbench, one INSERT"]
            measured = in_turn(options.rounds, rivals)
            table = Table(
                f"{clients} connection{'s' * (clients > 1)}",
                [
                    "what",
                    "commits/s",
                    f"times {base.partition(',')[0]}",
                    "CPU µs each, this process",
                ],
            )
            cpu = {
                "asyncpg, one INSERT": min(driver.cpu_s),
                "aiocancel, one claim": min(ours.cpu_s),
            }
            for name, rate in medians(measured).items():
                pair = zip(measured[name], measured[base], strict=True)
                ratio = sorted(one / other for one, other in pair)[options.rounds // 2]
                table.add(name, rate, ratio, cpu[name] * 1e6 if name in cpu else None)
            tables.append(table)
        counts = loop.run(count(dsn))
        loop.run(pool.close())

    return tables, counts


async def count(dsn: str) -> dict[str, float]:
    """What one accepted claim comes to, without what the pool does to its connection afterwards."""
    statements: list[str] = []

    async def watch(connection: Any) -> None:
        connection.add_query_logger(lambda query: statements.append(query.query))

    async with asyncpg.create_pool(dsn, min_size=1, max_size=1, init=watch, reset=nothing) as pool:
        ledger = Ledger(pool)
        await record(ledger, make_claim(session="sess_0"), make_grant("sub_0"))
        before = await pool.fetchval("SELECT count(*) FROM aiocancel.journal")
        statements.clear()
        claim, grant = make_claim(session="sess_counted"), make_grant("sub_counted")
        await ledger.accept(claim, grant, decision_on(claim, grant), verified=True)
        trips = len(statements)
        await ledger.wake_ups.given()
        behind = len(statements) - trips
        after = await pool.fetchval("SELECT count(*) FROM aiocancel.journal")
    return {
        "journal lines for a claim": after - before,
        "statements for a claim": trips,
        "statements behind it": behind,
    }


async def nothing(_: object) -> None:
    """Leave a connection as it is when it goes back to its pool."""


def main() -> None:
    options = read_options(__doc__ or "", rounds=7)
    notes: list[str] = []
    tables, counts = measure(options, notes)
    report(options, tables, counts=counts, notes=notes)


if __name__ == "__main__":
    main()
