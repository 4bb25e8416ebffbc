"""What asyncpg asks each new connection before it can read an array or an enum, asked once.

The question takes PostgreSQL longer than all else that opens a connection, and a test opens ten. A server gives no
number to two types, and a copy of a database has the numbers of its template.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import asyncpg


@dataclass(frozen=True)
class Asked:
    """Stands for the statement that was not needed: it has a name, so no other has lost its place to it."""

    name: str = "known"


def remember_types() -> None:
    """Let every connection of this process know what one to the same server has heard of a type."""
    known: dict[tuple[object, ...], Any] = {}
    ask: Any = asyncpg.Connection._introspect_types  # type: ignore[attr-defined]  # asyncpg's own

    async def look_up(self: Any, typeoids: Any, within_s: float | None) -> Any:
        key = (self._addr, *sorted(typeoids))
        if key in known:
            return known[key], Asked()

        answer = await ask(self, typeoids, within_s)
        known[key] = answer[0]
        return answer

    asyncpg.Connection._introspect_types = look_up  # type: ignore[attr-defined]  # asyncpg's own
