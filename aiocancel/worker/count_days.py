"""Counts the figures of days that are over, slowly and beside everything else."""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from aiocancel.errors import AiocancelError
from aiocancel.postgres.counted_days import CountedDays
from aiocancel.telemetry import type_and_place

logger = logging.getLogger("aiocancel")

LOOK_EVERY_S: Final = 15.0
# A page shows a changed day as it was for a minute; this and a look leave half of that for the counting.
GATHER_S: Final = 5.0
# A day takes some hundredths of a second; in between everything else has its turn.
PAUSE_S: Final = 0.1


class DayCounter:
    """Counts until it is cancelled.

    Args:
        days: The days.
        look_every_s: The time between two looks for days to count.
        pause_s: The time between two days.
    """

    def __init__(
        self, days: CountedDays, *, look_every_s: float = LOOK_EVERY_S, pause_s: float = PAUSE_S
    ) -> None:
        self._days = days
        self._look_every_s = look_every_s
        self._pause_s = pause_s

    async def run(self) -> None:
        """Work until cancelled; an outage of the database is waited out."""
        while True:
            found = None
            try:
                found = await self._days.count_one()
            except AiocancelError as error:
                logger.warning("counting the figures of days must wait: %s", error)
            except Exception as error:
                logger.error("counting the figures of days failed: %s", type_and_place(error))
            await asyncio.sleep(self._look_every_s if found is None else self._pause_s)
