"""A customer's page while a stranger posts: ``python -m tests.benchmarks.hostile_posts``.

In 4 seconds 60 posts of a few hundred bytes come, each of which unpacks to 256 KiB of brackets, objects or numbers.
``--package PATH`` measures another checkout beside this one.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import os
import sys
import time
from pathlib import Path
from statistics import median

import aiohttp

from aiocancel.testing.postgres import EmbeddedPostgres
from tests.benchmarks.kit import ROOT, Options, Table, child, report

BODIES = tuple(
    gzip.compress(body)
    for body in (b"[" * 262_104, b"[" + b"{}," * 87_000, b"[" + b"1e1," * 65_000)
)
HEADERS = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
COLUMNS = ["", "page, median ms", "page, worst ms", "pages"]


async def pages(session: aiohttp.ClientSession, url: str, *, seconds: float) -> list[float]:
    """Open a customer's page again and again; returns how long each took, in ms."""
    took_ms = []
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        started = time.perf_counter()
        async with session.get(f"{url}/cancel", headers={"X-Customer": "ada"}) as response:
            await response.read()
        took_ms.append((time.perf_counter() - started) * 1000)
        await asyncio.sleep(0.02)
    return took_ms


async def attack(session: aiohttp.ClientSession, url: str, posts: int, *, seconds: float) -> None:
    async def post(number: int) -> None:
        await asyncio.sleep(number * seconds / posts)
        body = BODIES[number % len(BODIES)]
        async with session.post(f"{url}/cancel/result", data=body, headers=HEADERS) as response:
            await response.read()

    await asyncio.gather(*map(post, range(posts)))


async def measure(port: int, table: Table, name: str, *, posts: int, seconds: float) -> None:
    url = f"http://127.0.0.1:{port}"
    async with aiohttp.ClientSession() as session:
        await pages(session, url, seconds=0.5)
        quiet = await pages(session, url, seconds=seconds)
        attacked, _ = await asyncio.gather(
            pages(session, url, seconds=seconds), attack(session, url, posts, seconds=seconds)
        )
    for what, took_ms in (("quiet", quiet), (f"{posts} hostile posts", attacked)):
        table.add(f"{name}, {what}", median(took_ms), max(took_ms), str(len(took_ms)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="only see that it runs")
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    parser.add_argument("--package", type=Path, help="another checkout, measured first")
    given = parser.parse_args()
    posts, seconds = (3, 0.2) if given.quick else (60, 4.0)

    table = Table("a customer's page while a stranger posts", COLUMNS)
    packages = {"this": ROOT} if given.package is None else {"before": given.package, "this": ROOT}
    program = str(Path(__file__).with_name("waiting_site.py"))
    with EmbeddedPostgres() as server:
        for name, package in packages.items():
            dsn = asyncio.run(server.create_database(f"hostile_{name}"))
            command = (sys.executable, program, "site", dsn, "http://127.0.0.1:9")
            env = {**os.environ, "PYTHONPATH": str(package)}
            with child(*command, cwd=package, env=env) as site:
                asyncio.run(measure(site.port, table, name, posts=posts, seconds=seconds))
    report(Options(given.quick, given.json, 1), [table], counts={})


if __name__ == "__main__":
    main()
