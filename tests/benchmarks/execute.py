"""Changes made at Stripe: ``python -m tests.benchmarks.execute``.

Cancellations for each second and each CPU second of the client's process, and how long its loop was held, against a
Stripe in a process of its own. The rivals are what a user would write, without any durability: one call for each
change. ``raw, read first`` makes the two calls that the plug-in makes, and ``twice the places`` lets as many actions be
read as are written. Every process froze what its start had made for the garbage collector, as the README tells.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import ExitStack, closing
from http.client import HTTPConnection
from statistics import median

import asyncpg

from aiocancel.postgres.schema import migrate
from aiocancel.testing.postgres import EmbeddedPostgres
from tests.benchmarks.kit import Child, Options, Table, python, read_options, report
from tests.support.saas import CREATE_TABLES

RIVALS = {
    "stripe, typed async": "typed",
    "stripe, raw async": "raw",
    "stripe, raw async, read first": "raw, read first",
    "stripe, sync in threads": "threads",
    "aiocancel, durable": "aiocancel",
    "aiocancel, twice the places": "aiocancel",
}
PLACES = {"aiocancel, twice the places": 2}
Figures = dict[str, float]


def actions_for(latency_ms: int, concurrency: int, options: Options) -> int:
    """Enough to measure, and no run much longer than three seconds."""
    if options.quick:
        return 4
    by_time = int(2.5 * concurrency * 1000 / (latency_ms + 5))
    return max(concurrency * 2 if latency_ms > 100 else 40, min(1000, by_time), 10)


async def prepare(server: EmbeddedPostgres) -> str:
    dsn = await server.create_database("benchmark")
    connection = await asyncpg.connect(dsn)
    await migrate(connection)
    await connection.execute(CREATE_TABLES)
    await connection.close()
    return dsn


def measure(options: Options, dsn: str, latency_ms: int) -> tuple[list[Table], Figures]:
    with ExitStack() as stack:
        endpoint = stack.enter_context(python("stripe_endpoint", str(latency_ms)))
        url = f"http://127.0.0.1:{endpoint.port}"
        clients = {
            name: stack.enter_context(python("execute_client", kind, url, dsn))
            for name, kind in RIVALS.items()
        }
        for number, client in enumerate(clients.values()):
            client.ask({"run": f"warm{latency_ms}_{number}", "actions": 3, "concurrency": 1})
        tables, counts = [], {}
        for concurrency in (1, 2) if options.quick else (1, 10, 50, 200):
            actions = actions_for(latency_ms, concurrency, options)
            measured: dict[str, list[Figures]] = {name: [] for name in clients}
            stalls: dict[str, Figures] = {}
            used: list[float] = []
            # The first round measures stalls, and the others time.
            for turn in range(options.rounds + 1):
                for name, client in _rotated(clients, turn):
                    before, seen = endpoint.cpu_s, requests(endpoint.port)
                    run = f"{latency_ms}_{concurrency}_{turn}_{list(RIVALS).index(name)}"
                    places = concurrency * PLACES.get(name, 1)
                    asked = {
                        "run": run,
                        "actions": actions,
                        "concurrency": places,
                        "heartbeat": turn == 0,
                    }
                    figures = client.ask(asked)
                    if turn == 0:
                        stalls[name] = figures
                    else:
                        measured[name].append(figures)
                    if name == "aiocancel, durable":
                        # At every place there was one before.
                        made = (requests(endpoint.port) - seen) / (actions + places)
                        counts[
                            f"Stripe calls for a cancellation, {latency_ms} ms x {concurrency}"
                        ] = made
                    used.append((endpoint.cpu_s - before) / actions * 1e3)
            title = f"{latency_ms} ms, {concurrency} at a time, {actions} cancellations"
            tables.append(
                _table(
                    f"{title} (the endpoint used {max(used):.2f} ms CPU each, or less)",
                    measured,
                    stalls,
                )
            )

    return tables, counts


def requests(port: int) -> int:
    """How many requests the endpoint has seen."""
    connection = HTTPConnection("127.0.0.1", port)
    with closing(connection):
        connection.request("GET", "/_requests")
        return sum(json.load(connection.getresponse()).values())


def _rotated(clients: dict[str, Child], turn: int) -> list[tuple[str, Child]]:
    listed = list(clients.items())
    first = turn % len(listed)
    return listed[first:] + listed[:first]


def _table(title: str, measured: dict[str, list[Figures]], stalls: dict[str, Figures]) -> Table:
    columns = [
        "way",
        "a second",
        "times raw",
        "CPU ms each",
        "a CPU second, times typed",
        "stall p99.9 ms",
        "worst ms",
    ]

    table = Table(title, columns)
    figures = {
        name: {figure: median(one[figure] for one in runs) for figure in runs[0]}
        for name, runs in measured.items()
    }
    raw, typed = figures["stripe, raw async"], figures["stripe, typed async"]

    for name, each in figures.items():
        table.add(
            name,
            each["rate"],
            each["rate"] / raw["rate"],
            each["cpu_ms"],
            typed["cpu_ms"] / each["cpu_ms"],
            stalls[name]["stall_999_ms"],
            stalls[name]["stall_worst_ms"],
        )

    return table


def main() -> None:
    options = read_options(__doc__ or "", rounds=3)
    tables: list[Table] = []
    counts: Figures = {}
    with EmbeddedPostgres(max_connections=100) as server:
        dsn = asyncio.run(prepare(server))
        for latency_ms in (1,) if options.quick else (5, 200):
            more, exact = measure(options, dsn, latency_ms)
            tables += more
            counts |= exact
    report(options, tables, counts=counts)


if __name__ == "__main__":
    main()
