"""Waiting for what happens in its own time, without guessing how long that takes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final


async def until(holds: Callable[[], bool | Awaitable[bool]], *, within_s: float = 10.0) -> None:
    async with asyncio.timeout(within_s):
        while not (answer if isinstance(answer := holds(), bool) else await answer):  # noqa: ASYNC110 - there is no event
            await asyncio.sleep(0.005)


WAITS_FOR_A_LOCK: Final = "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)"
"""Whether a statement stands at a lock."""
