"""Every benchmark runs and prints its tables, and what is counted in it is exact; times are for people to read."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from tests.benchmarks.kit import ROOT


def run(name: str, *arguments: str) -> str:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", f"tests.benchmarks.{name}", "--quick", *arguments]
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(
    ("name", "rows", "counts"),
    [
        (
            "page",
            {
                "written by hand",
                "aiocancel",
                "aiocancel, used",
                "aiocancel, on click",
                "SubscriptionQuery",
            },
            {
                "queries, flow page": 1,
                "signatures, flow page": 3,
                "queries, page without it": 0,
                "signatures, page without it": 0,
                "queries, JSON route": 0,
                "signatures, JSON route": 0,
                "objects left to the garbage collector, flow page": 0,
                "objects left to the garbage collector, page without it": 0,
                "objects left to the garbage collector, JSON route": 0,
            },
        ),
        (
            "accept",
            {"pgbench, one INSERT", "aiocancel, one claim"},
            {
                "journal lines for a claim": 3,
                "statements for a claim": 1,
                "statements behind it": 1,
            },
        ),
        (
            "execute",
            {"stripe, typed async", "stripe, sync in threads", "aiocancel, durable"},
            {
                "Stripe calls for a cancellation, 1 ms x 1": 2,
                "Stripe calls for a cancellation, 1 ms x 2": 2,
            },
        ),
        ("waiting", {"10"}, {}),
        ("latency", {"the post to its commit", "the commit to the start of its attempt"}, {}),
        (
            "start",
            {"this: a site, a flow of your own", "this: aiocancel worker"},
            {
                "modules that requests import, this, ProsperStack": 0,
                "modules that requests import, this, a flow of your own": 0,
            },
        ),
        (
            "hostile_posts",
            {"this, quiet", "this, 3 posts of a stranger", "this, 3 posts of a customer"},
            {},
        ),
        ("hanging_vendor", {"quiet", "vendor hangs"}, {"cancellations carried out": 2}),
        ("scale", {"100", "200"}, {}),
        ("memory", {"1"}, {}),
        ("own_flow_screens", {"why", "offer", "exit", "look", "sweep"}, {}),
        ("figures", {"now", "figures, 90 days", "--since 90d --by reason"}, {}),
    ],
)
def test_a_benchmark_runs_and_its_counts_are_exact(
    name: str, rows: set[str], counts: dict[str, float]
) -> None:
    printed: dict[str, Any] = json.loads(run(name, "--json"))
    first_cells = {str(row[0]) for table in printed["tables"] for row in table["rows"]}
    assert rows <= first_cells
    assert {count: printed["counts"][count] for count in counts} == counts


def test_a_benchmark_prints_its_tables_for_people() -> None:
    lines = run("imports").splitlines()

    for row in ("import aiohttp ", "import aiocancel "):
        assert any(line.startswith(row) for line in lines)
    assert "exact: modules of stripe imported 0" in lines
