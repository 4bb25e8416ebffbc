"""What a request costs without a network: the bytes go straight into aiohttp's protocol, in this process.

A socket's noise is larger than what the plug-in adds to a page that does not use it; here both can be seen.
"""

from __future__ import annotations

import asyncio
import time
from functools import partial
from statistics import median
from typing import Any

import asyncpg
from aiohttp import web

from tests.benchmarks.kit import Options, Table, in_turn
from tests.benchmarks.page_sites import bare, fixed, glue, with_aiocancel

BARE, BY_HAND, OURS = "aiohttp, bare", "written by hand", "aiocancel"
COMPLETE = "by hand, kept out of shared caches"


class Answered(asyncio.Transport):
    """Where a protocol writes to: nothing is sent, and the task that waits for the answer goes on."""

    def __init__(self) -> None:
        super().__init__()
        self.answer = asyncio.get_running_loop().create_future()

    def write(self, data: Any) -> None:
        self.answer.set_result(bytes(data))

    def writelines(self, parts: Any) -> None:
        self.write(b"".join(parts))

    def is_closing(self) -> bool:
        return False

    def close(self) -> None:
        pass


class Connection:
    """One connection to a site that is kept open."""

    def __init__(self, runner: web.AppRunner, *, customer: str = "ada") -> None:
        assert runner.server is not None
        self._customer = customer
        self._transport = Answered()
        self._protocol = runner.server()
        self._protocol.connection_made(self._transport)

    async def cpu_of(self, path: str, requests: int) -> float:
        """CPU microseconds for each request."""
        request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nX-Customer: {self._customer}\r\n\r\n".encode()
        started = time.process_time()
        for _ in range(requests):
            self._transport.answer = asyncio.get_running_loop().create_future()
            self._protocol.data_received(request)
            answer = await self._transport.answer
        took = time.process_time() - started
        if not answer.startswith(b"HTTP/1.1 200 "):
            raise RuntimeError(f"{path}: {answer[:100]!r}")
        return took / requests * 1e6


def measure_alone(options: Options, dsn: str, routes: dict[str, str]) -> Table:
    """What hand-written glue and the plug-in add to each route, with a subscription that is known without a query."""
    requests = options.sized(400, 5)
    table = Table(
        "without a network: CPU µs for each request",
        ["route and site", "median", "added", "times by hand"],
    )
    with asyncio.Runner() as loop:
        pool = loop.run(_open(dsn))
        sites = {
            BARE: bare(fixed),
            BY_HAND: glue(fixed),
            COMPLETE: glue(fixed, is_complete=True),
            OURS: with_aiocancel(pool, looks_up=False),
        }
        runners = {name: web.AppRunner(site, access_log=None) for name, site in sites.items()}
        for runner in runners.values():
            loop.run(runner.setup())
        connections = {name: loop.run(_connect(runner)) for name, runner in runners.items()}

        def cpu_of(connection: Connection, path: str) -> float:
            return loop.run(connection.cpu_of(path, requests))

        for route, path in routes.items():
            rivals = {
                name: partial(cpu_of, connection, path) for name, connection in connections.items()
            }
            for warm_up in rivals.values():
                warm_up()
            measured = in_turn(options.rounds * 3, rivals)
            added = {
                name: median(one - other for one, other in zip(values, measured[BARE], strict=True))
                for name, values in measured.items()
            }
            for name, values in measured.items():
                is_base = name == BARE
                ratio = None if is_base else added[name] / added[BY_HAND]
                table.add(
                    f"{route}, {name}", median(values), None if is_base else added[name], ratio
                )
        for runner in runners.values():
            loop.run(runner.cleanup())
        loop.run(pool.close())
    return table


async def _open(dsn: str) -> asyncpg.Pool[asyncpg.Record]:
    return await asyncpg.create_pool(dsn, min_size=1, max_size=2)


async def _connect(runner: web.AppRunner) -> Connection:
    return Connection(runner)
