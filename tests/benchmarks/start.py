"""What a start costs, and a site's first pages: ``python -m tests.benchmarks.start``.

CPU of a new process until it serves: a site until it listens, ``aiocancel worker`` until ``/readyz`` is 200. Then the
first view of each page beside later ones, as a client waits for it and as the site's CPU, and what the site's process
imports for them. ``--package PATH`` measures another checkout beside this one.
"""

from __future__ import annotations

import argparse
import asyncio
import socket
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from statistics import median

import aiohttp

from aiocancel.testing.postgres import EmbeddedPostgres
from tests.benchmarks.kit import ROOT, Child, Options, Table, child, compiled, python, report

SITES = {"without aiocancel": "bare", "ProsperStack": "prosperstack", "a flow of your own": "own"}
VIEWS = 110
POSTS = 30
_TRY_EVERY_S = 0.02
_TRIES = 6000


def environment(package: Path, **more: str) -> Mapping[str, str]:
    return {**compiled(), "PYTHONPATH": str(package), **more}


@contextmanager
def site(package: Path, kind: str, dsn: str, stripe: Child) -> Iterator[Child]:
    program = str(Path(__file__).with_name("start_site.py"))
    command = (sys.executable, program, kind, dsn, f"http://127.0.0.1:{stripe.port}")
    with child(*command, cwd=package, env=environment(package)) as started:
        yield started


async def worker_cpu_s(package: Path, dsn: str, stripe: Child) -> float:
    """CPU seconds of ``aiocancel worker`` until it is ready."""
    program = str(Path(__file__).with_name("waiting_site.py"))
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = str(taken.getsockname()[1])
    command = (sys.executable, program, "command", dsn, f"http://127.0.0.1:{stripe.port}", port)

    with child(*command, cwd=package, env=environment(package)) as worker:
        async with aiohttp.ClientSession() as session:
            for _ in range(_TRIES):
                if await _is_ready(session, f"http://127.0.0.1:{port}/readyz"):
                    return worker.cpu_s
                await asyncio.sleep(_TRY_EVERY_S)
    raise RuntimeError("the worker did not become ready")


async def _is_ready(session: aiohttp.ClientSession, url: str) -> bool:
    try:
        async with session.get(url) as response:
            return response.status == 200
    except aiohttp.ClientError:
        return False


class Visitor:
    """Customers of one site, each of whom comes once."""

    def __init__(self, session: aiohttp.ClientSession, port: int) -> None:
        self._session = session
        self._url = f"http://127.0.0.1:{port}"
        self._number = 0

    def _who(self) -> dict[str, str]:
        self._number += 1
        return {"X-Customer": f"customer_{self._number}", "Accept": "text/html"}

    async def modules(self) -> set[str]:
        async with self._session.get(f"{self._url}/modules") as response:
            return set(await response.json())

    async def view(self, path: str) -> float:
        """Milliseconds until a page is there."""
        started = time.perf_counter()
        async with self._session.get(self._url + path, headers=self._who()) as response:
            await response.read()
            if response.status != 200:
                raise RuntimeError(f"{path}: {response.status}")
        return (time.perf_counter() - started) * 1000

    async def cancel(self) -> float:
        """Milliseconds from a post to the page of its outcome."""
        customer = self._who()
        async with self._session.get(f"{self._url}/cancel/payload", headers=customer) as response:
            grant = (await response.json())["flow"]["grant"]

        started = time.perf_counter()
        body = {"grant": grant, "status": "canceled"}
        url = f"{self._url}/cancel/result"
        async with self._session.post(url, data=body, headers=customer) as response:
            await response.read()
            if response.status != 200:
                raise RuntimeError(f"/cancel/result: {response.status}")
        return (time.perf_counter() - started) * 1000


async def first_and_later(
    site: Child, visit: Callable[[], Awaitable[float]], views: int
) -> list[float]:
    """Of the first and of the last twenty: how long they took, and the site's CPU; in ms."""
    took: list[tuple[float, float]] = []
    for _ in range(views):
        before = site.cpu_s
        waited = await visit()
        took.append((waited, (site.cpu_s - before) * 1000))
    later = [median(each) for each in zip(*took[1:][-20:], strict=True)]
    return [took[0][0], later[0], took[0][1], later[1]]


async def visits(site: Child, kind: str, options: Options) -> tuple[dict[str, list[float]], int]:
    """Each page's first view and a later one, and how many modules they made the site import."""
    views, posts = options.sized(VIEWS, 3), options.sized(POSTS, 2)
    connector = aiohttp.TCPConnector(limit=1)
    async with aiohttp.ClientSession(connector=connector) as session:
        visitor = Visitor(session, site.port)
        await visitor.modules()  # of the site's own: the client's connection, and json
        before = await visitor.modules()

        found = {}
        for path in ("/account",) if kind == "bare" else ("/account", "/cancel"):
            found[path] = await first_and_later(site, partial(visitor.view, path), views)
        if kind != "bare":
            outcome = await first_and_later(site, visitor.cancel, posts)
            found["a cancellation, to its outcome"] = outcome

        return found, len(await visitor.modules() - before)


def measure(options: Options, packages: Mapping[str, Path]) -> tuple[list[Table], dict[str, float]]:
    cpu = Table("until it serves: s of CPU", ["what", "median", "least"])
    columns = ["the first", "a later one", "CPU of the first", "of a later one"]
    pages = Table("pages of a new process: ms", ["site and page", *columns])
    starts: dict[str, list[float]] = {}
    views: dict[str, list[list[float]]] = {}
    counts: dict[str, float] = {}

    with EmbeddedPostgres(durable=False) as server, python("stripe_endpoint", "0") as stripe:
        for turn in range(options.rounds + 1):
            for name, package in packages.items():
                dsn = asyncio.run(server.create_database(f"start_{name}_{turn}"))
                for shown, kind in _sites(name):
                    with site(package, kind, dsn, stripe) as started:
                        ready_s = started.cpu_s
                        found, imported = asyncio.run(visits(started, kind, options))
                    # In the first turn all is compiled.
                    if turn:
                        starts.setdefault(f"{name}: a site, {shown}", []).append(ready_s)
                        for path, took in found.items():
                            views.setdefault(f"{name}: {shown}, {path}", []).append(took)
                    counts[f"modules that requests import, {name}, {shown}"] = imported
                used = asyncio.run(worker_cpu_s(package, dsn, stripe))
                if turn:
                    starts.setdefault(f"{name}: aiocancel worker", []).append(used)

    for what, took_s in starts.items():
        cpu.add(what, median(took_s), min(took_s))
    for what, runs in views.items():
        pages.add(what, *(median(each) for each in zip(*runs, strict=True)))
    return [cpu, pages], counts


def _sites(package: str) -> Sequence[tuple[str, str]]:
    # Another checkout may know no flow of one's own.
    return [(shown, kind) for shown, kind in SITES.items() if package == "this" or kind != "own"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="only see that it runs")
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--package", type=Path, help="another checkout, measured in turn")
    given = parser.parse_args()
    options = Options(given.quick, given.json, 1 if given.quick else given.rounds)
    packages = {"this": ROOT, **({"other": given.package} if given.package else {})}

    tables, counts = measure(options, packages)

    report(options, tables, counts=counts)


if __name__ == "__main__":
    main()
