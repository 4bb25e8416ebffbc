"""What an action costs when the ledger has a past: ``python -m tests.benchmarks.scale``.

The same cancellations over ledgers with 1,000, 100,000 and 1,000,000 finished and then 100,000 waiting actions, with
a Stripe that answers at once; and the memory of a site over 100,000 pages.
"""

from __future__ import annotations

import asyncio
from contextlib import closing
from statistics import median

import asyncpg

from aiocancel.testing.postgres import EmbeddedPostgres
from tests.benchmarks.execute import prepare
from tests.benchmarks.fill import fill
from tests.benchmarks.kit import Options, Table, family_cpu_s, python, read_options, report
from tests.benchmarks.page import Browser
from tests.benchmarks.page import prepare as prepare_site

CONCURRENCY = 10


def measure_actions(options: Options) -> Table:
    actions = options.sized(400, 10)
    steps = (
        [(100, 0), (200, 0), (200, 50)]
        if options.quick
        else [(1_000, 0), (100_000, 0), (1_000_000, 0)]
    )
    if not options.quick:
        steps.append((1_000_000, 100_000))

    table = Table(
        f"{actions} cancellations, {CONCURRENCY} at a time: medians of {options.rounds}",
        [
            "finished",
            "waiting",
            "a second",
            "client ms",
            "database ms",
            "CPU ms each",
            "times first",
        ],
    )

    with EmbeddedPostgres(durable=False) as server, python("stripe_endpoint", "0") as endpoint:
        dsn = asyncio.run(prepare(server))
        rows, first = (0, 0), None
        with python(
            "execute_client", "aiocancel", f"http://127.0.0.1:{endpoint.port}", dsn
        ) as client:
            client.ask({"run": "warm", "actions": 10, "concurrency": CONCURRENCY})
            for step, (finished, waiting) in enumerate(steps):
                asyncio.run(_grow(dsn, rows, (finished, waiting)))
                rows = (finished, waiting)
                runs = []
                for turn in range(options.rounds):
                    asked = {
                        "run": f"{step}_{turn}",
                        "actions": actions,
                        "concurrency": CONCURRENCY,
                    }
                    client.ask({**asked, "only": "accept"})
                    before = family_cpu_s(server.pid)
                    figures = client.ask({**asked, "only": "execute"})
                    runs.append(
                        (
                            figures["rate"],
                            figures["cpu_ms"],
                            (family_cpu_s(server.pid) - before) / actions * 1e3,
                        )
                    )
                rate, own, database = (median(run[column] for run in runs) for column in range(3))
                both = own + database
                first = first or both
                table.add(f"{finished:,}", f"{waiting:,}", rate, own, database, both, both / first)

    return table


async def _grow(dsn: str, have: tuple[int, int], want: tuple[int, int]) -> None:
    connection = await asyncpg.connect(dsn)
    # What the fill leaves to do is done at once, and not while something is measured.
    await connection.execute("ALTER SYSTEM SET autovacuum = off")
    await connection.execute("SELECT pg_reload_conf()")
    numbered = sum(have)
    for amount, finished in ((want[0] - have[0], True), (want[1] - have[1], False)):
        if amount:
            await fill(connection, first=numbered, until=numbered + amount, finished=finished)
            numbered += amount
    await connection.execute("CHECKPOINT")
    await connection.close()


def measure_memory(options: Options) -> Table:
    requests = options.sized(100_000, 200)
    table = Table(
        "memory of a site", ["after flow pages", "RSS MiB", "MiB more than after the first tenth"]
    )

    with EmbeddedPostgres(durable=False) as server:
        dsn = asyncio.run(prepare_site(server))
        with (
            python("page_sites", "aiocancel+lookup", dsn) as site,
            closing(Browser(site.port)) as browser,
        ):
            base = 0
            for number in range(1, requests + 1):
                browser.get("/account")
                if number % (requests // 10) == 0:
                    base = base or site.rss_kib
                    if number in (requests // 10, requests // 2, requests):
                        table.add(f"{number:,}", site.rss_kib / 1024, (site.rss_kib - base) / 1024)

    return table


def main() -> None:
    options = read_options(__doc__ or "", rounds=3)
    report(options, [measure_actions(options), measure_memory(options)], counts={})


if __name__ == "__main__":
    main()
