"""The plans that PostgreSQL makes for statements."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from tests.support.saas import Pool


def scans(plan: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Every table that a plan reads from, with the way it does."""
    if "Relation Name" in plan and plan["Node Type"] != "ModifyTable":
        yield plan["Relation Name"], plan["Node Type"]
    for inner in plan.get("Plans", ()):
        yield from scans(inner)


def read_whole(plan: dict[str, Any]) -> set[str]:
    """The tables of which a plan reads every row."""
    return {table for table, way in scans(plan) if "Seq Scan" in way}


async def scans_of(pool: Pool, query: str, *arguments: Any) -> set[tuple[str, str]]:
    plan = json.loads(await pool.fetchval(f"EXPLAIN (FORMAT JSON) {query}", *arguments))
    return set(scans(plan[0]["Plan"]))
