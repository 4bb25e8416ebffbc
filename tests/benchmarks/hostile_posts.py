"""A customer's page while a stranger posts, or another customer: ``python -m tests.benchmarks.hostile_posts``.

In 4 seconds 60 posts come. Each of a stranger's has a few hundred bytes, which unpack to 256 KiB of brackets, objects
or numbers. A customer's are 256 KiB of words that no database holds, or of escaped letters.
``--package PATH`` measures another checkout beside this one.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import os
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median

import aiohttp

from aiocancel.testing.postgres import EmbeddedPostgres
from tests.benchmarks.kit import ROOT, Options, Table, child, report

BODIES = tuple(
    gzip.compress(body)
    for body in (b"[" * 262_104, b"[" + b"{}," * 87_000, b"[" + b"1e1," * 65_000)
)
JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
HALVES = b'{"grant": "", "status": "canceled", "reason": "%b"}' % (rb"\ud800" * 43_000)
Posts = Sequence[tuple[Mapping[str, str], bytes]]
STRANGERS: Posts = [({**JSON, "Content-Encoding": "gzip"}, body) for body in BODIES]
CUSTOMERS: Posts = [
    ({**JSON, "X-Customer": "mallory"}, HALVES),
    ({**FORM, "X-Customer": "mallory"}, b"grant=&reason=" + b"%41" * 87_000),
]
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


async def attack(
    session: aiohttp.ClientSession, url: str, kinds: Posts, posts: int, *, seconds: float
) -> None:
    async def post(number: int) -> None:
        await asyncio.sleep(number * seconds / posts)
        headers, body = kinds[number % len(kinds)]
        async with session.post(f"{url}/cancel/result", data=body, headers=headers) as response:
            await response.read()

    await asyncio.gather(*map(post, range(posts)))


async def measure(port: int, table: Table, name: str, *, posts: int, seconds: float) -> None:
    url = f"http://127.0.0.1:{port}"
    async with aiohttp.ClientSession() as session:
        await pages(session, url, seconds=0.5)
        measured = {"quiet": await pages(session, url, seconds=seconds)}
        for who, kinds in (("a stranger", STRANGERS), ("a customer", CUSTOMERS)):
            measured[f"{posts} posts of {who}"], _ = await asyncio.gather(
                pages(session, url, seconds=seconds),
                attack(session, url, kinds, posts, seconds=seconds),
            )
    for what, took_ms in measured.items():
        table.add(f"{name}, {what}", median(took_ms), max(took_ms), str(len(took_ms)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="only see that it runs")
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    parser.add_argument("--package", type=Path, help="another checkout, measured first")
    given = parser.parse_args()
    posts, seconds = (3, 0.2) if given.quick else (60, 4.0)

    table = Table("a customer's page while somebody else posts", COLUMNS)
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
