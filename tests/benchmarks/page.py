"""What a request costs: ``python -m tests.benchmarks.page``.

CPU time of the serving process for each request, and what the plug-in adds to a bare aiohttp site, beside glue
written by hand, Express with helmet, and Django with django-csp. One connection, one request at a time.
"""

from __future__ import annotations

import asyncio
import gc
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any
from unittest.mock import patch

import asyncpg
from aiohttp import ClientSession, web

from aiocancel import SubscriptionQuery
from aiocancel.core import grants, signing
from aiocancel.postgres.schema import migrate
from aiocancel.testing.postgres import EmbeddedPostgres
from tests.benchmarks.kit import Child, Options, Table, child, in_turn, python, read_options, report
from tests.benchmarks.page_alone import measure_alone
from tests.benchmarks.page_sites import LOOKUP as LOOKUP_SQL
from tests.benchmarks.page_sites import looking_up, with_aiocancel
from tests.support.saas import CREATE_TABLES, Pool

ROUTES = {"flow page": "/account", "page without it": "/plain", "JSON route": "/json"}
LOOKUP = " + lookup"


class Browser:
    """One connection that is kept open; the cheapest client there is."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def get(self, path: str) -> bytes:
        self._socket.sendall(
            f"GET {path} HTTP/1.1\r\nHost: localhost\r\nX-Customer: ada\r\n\r\n".encode()
        )
        received = self._socket.recv(65536)
        while (end := received.find(b"\r\n\r\n")) < 0:
            received += self._more()

        head = received[:end].lower()
        if not head.startswith(b"http/1.1 200"):
            raise RuntimeError(f"{path}: {head.splitlines()[0].decode()}")

        length = int(head.partition(b"content-length:")[2].split(b"\r\n", 1)[0])
        while len(received) < end + 4 + length:
            received += self._more()

        return received

    def _more(self) -> bytes:
        if not (more := self._socket.recv(65536)):
            raise RuntimeError("the site hung up")
        return more

    def close(self) -> None:
        self._socket.close()


def cpu_of_requests(site: Child, path: str, requests: int) -> float:
    """CPU microseconds for each request; the connection is new, some servers close one that waits its turn."""
    with closing(Browser(site.port)) as browser:
        browser.get(path)
        before = site.cpu_s
        for _ in range(requests):
            browser.get(path)
        return (site.cpu_s - before) / requests * 1e6


def cpu_of_django(site: Child, path: str, requests: int) -> float:
    return float(site.ask({"path": path, "requests": requests})) / requests * 1e6


@contextmanager
def express(notes: list[str]) -> Iterator[dict[str, Child]]:
    """The two Express sites, none where npm cannot install them."""
    with tempfile.TemporaryDirectory(prefix="aiocancel-npm-") as folder, ExitStack() as stack:
        npm = shutil.which("npm")
        command = [
            npm or "npm",
            "install",
            "--silent",
            "--no-audit",
            "--no-fund",
            "express",
            "helmet",
        ]
        if (
            npm is None
            or subprocess.run(command, cwd=folder, capture_output=True, check=False).returncode
        ):
            notes.append("Express + helmet are left out: npm cannot install them here")
            yield {}
            return
        script = str(Path(__file__).with_name("express_site.js"))
        env = {**os.environ, "NODE_PATH": f"{folder}/node_modules", "NODE_ENV": "production"}
        yield {
            kind: stack.enter_context(child("node", script, kind, env=env))
            for kind in ("Express", "Express + helmet")
        }


async def prepare(server: EmbeddedPostgres) -> str:
    dsn = await server.create_database("benchmark")
    connection = await asyncpg.connect(dsn)
    await migrate(connection)
    await connection.execute(CREATE_TABLES)
    await connection.execute(
        """
        INSERT INTO app_subscription SELECT 'customer' || n, 'sub_' || n FROM generate_series(1, 10000) n;
        INSERT INTO app_subscription VALUES ('ada', 'sub_ada');
        CREATE INDEX ON app_subscription (customer_id);
        ANALYZE app_subscription;
        """
    )

    await connection.close()

    return dsn


def measure(options: Options, dsn: str, notes: list[str]) -> list[Table]:
    requests = options.sized(1000, 20)
    with ExitStack() as stack:
        names = {"aiohttp, bare": "bare", "written by hand": "glue", "aiocancel": "aiocancel"}
        sites = {
            name: stack.enter_context(python("page_sites", kind, dsn))
            for name, kind in names.items()
        }
        for name in ("written by hand", "aiocancel"):
            sites[name + LOOKUP] = stack.enter_context(
                python("page_sites", f"{names[name]}+lookup", dsn)
            )
        for way in ("used", "on click"):
            name = f"aiocancel, {way}"
            sites[name] = stack.enter_context(python("page_sites", f"{name}+lookup", dsn))
        over_http = {**sites, **({} if options.quick else stack.enter_context(express(notes)))}
        django: dict[str, Child] = {}
        if find_spec("django") is None or find_spec("csp") is None:
            notes.append("Django is left out: pip install django django-csp")
        elif not options.quick:
            for name, kind in (("Django", "bare"), ("Django + django-csp", "csp")):
                django[name] = stack.enter_context(python("django_site", kind))
        measured: dict[str, dict[str, list[float]]] = {}
        for route, path in ROUTES.items():
            # How the account page gets its flow is all in which these differ.
            left_out = () if path == "/account" else ("aiocancel, used", "aiocancel, on click")
            rivals: dict[str, Callable[[], float]] = {
                name: partial(cpu_of_requests, site, path, requests)
                for name, site in over_http.items()
                if name not in left_out
            }
            rivals |= {
                name: partial(cpu_of_django, site, path, max(1, requests // 5))
                for name, site in django.items()
            }
            for warm_up in rivals.values():
                warm_up()
            measured[route] = in_turn(options.rounds, rivals)

    return [_table(route, each) for route, each in measured.items()]


def _table(route: str, measured: dict[str, list[float]]) -> Table:
    table = Table(
        f"{route}: CPU µs of the server for each request",
        ["site", "median", "added", "of", "times by hand"],
    )
    bases = {"Express + helmet": "Express", "Django + django-csp": "Django"}

    def added(name: str) -> float:
        base = measured[bases.get(name, "aiohttp, bare")]
        return median(one - other for one, other in zip(measured[name], base, strict=True))

    for name, values in measured.items():
        if name in ("aiohttp, bare", *bases.values()):
            table.add(name, median(values), None, None, None)
            continue
        by_hand = "written by hand" + (LOOKUP if name.endswith(LOOKUP) else "")
        base = bases.get(name, "aiohttp, bare")
        table.add(name, median(values), added(name), base, added(name) / added(by_hand))
    return table


# --- the lookup alone -----------------------------------------------------------------------------------


def measure_lookup(options: Options, dsn: str) -> Table:
    """The lookup of one subscription by hand and by the plug-in, on one pool."""
    amount = options.sized(1000, 10)
    with asyncio.Runner() as loop:
        pool = loop.run(_open(dsn))
        by_hand, resolver = looking_up(pool), loop.run(SubscriptionQuery(LOOKUP_SQL).prepare(pool))

        def time_of(find: Callable[[str], Awaitable[object]], clock: Callable[[], float]) -> float:
            async def several() -> float:
                started = clock()
                for _ in range(amount):
                    await find("ada")
                return (clock() - started) / amount * 1e6

            return loop.run(several())

        table = Table(
            "lookup: µs each, this process", ["by", "CPU", "times by hand", "wall", "times by hand"]
        )
        cells: dict[str, list[float]] = {"fetchrow by hand": [], "SubscriptionQuery": []}
        for clock in (time.process_time, time.perf_counter):
            rivals = {
                "fetchrow by hand": partial(time_of, by_hand, clock),
                "SubscriptionQuery": partial(time_of, resolver.resolve, clock),
            }
            measured = in_turn(options.rounds, rivals)
            for name, values in measured.items():
                pairs = zip(values, measured["fetchrow by hand"], strict=True)
                cells[name] += [median(values), median(one / other for one, other in pairs)]
        for name, values in cells.items():
            table.add(name, *values)
        loop.run(pool.close())
    return table


async def _open(dsn: str) -> Pool:
    return await asyncpg.create_pool(dsn, min_size=1, max_size=1)


# --- exact counts ---------------------------------------------------------------------------------------


async def count(dsn: str) -> dict[str, float]:
    """Statements, signatures and garbage for a view of each page."""
    statements: list[str] = []
    counts: dict[str, float] = {}

    async def watch(connection: Any) -> None:
        connection.add_query_logger(lambda query: statements.append(query.query))

    async with asyncpg.create_pool(dsn, min_size=1, max_size=2, init=watch) as pool:
        app = with_aiocancel(pool, looks_up=True)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        address = f"http://127.0.0.1:{runner.addresses[0][1]}"
        mac, signed = signing.mac, list[None]()

        def counted(key: bytes, message: bytes) -> bytes:
            signed.append(None)
            return mac(key, message)

        async with ClientSession(headers={"X-Customer": "ada"}) as session:
            for route, path in ROUTES.items():
                statements.clear()
                signed.clear()
                with patch.object(grants, "mac", counted), patch.object(signing, "mac", counted):
                    async with session.get(address + path) as response:
                        await response.read()
                counts[f"queries, {route}"] = sum(
                    "app_subscription" in statement for statement in statements
                )
                counts[f"signatures, {route}"] = len(signed)
                counts[f"objects left to the garbage collector, {route}"] = await _garbage(
                    session, address + path
                )
        await runner.cleanup()
    return counts


async def _garbage(session: ClientSession, address: str, views: int = 20) -> int:
    """What ``views`` of a page leave behind that only a search for cycles would find."""
    gc.collect()
    gc.disable()
    try:
        for _ in range(views):
            async with session.get(address) as response:
                await response.read()
        return gc.collect()
    finally:
        gc.enable()


def main() -> None:
    options = read_options(__doc__ or "")
    notes: list[str] = []

    with EmbeddedPostgres(durable=False) as server:
        dsn = asyncio.run(prepare(server))
        counts = asyncio.run(count(dsn))
        tables = [
            *measure(options, dsn, notes),
            measure_alone(options, dsn, ROUTES),
            measure_lookup(options, dsn),
        ]

    notes.append(
        "the flow page has three signatures, by hand as well: the vendor's, our grant's, and the proof's"
    )
    report(options, tables, counts=counts, notes=notes)


if __name__ == "__main__":
    main()
