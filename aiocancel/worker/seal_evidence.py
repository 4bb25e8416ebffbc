"""Seals facts into the chain of evidence, soon after they are stored; no customer and no change waits for it."""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from aiocancel.errors import UnavailableError
from aiocancel.postgres.evidence import Evidence
from aiocancel.telemetry import type_and_place

logger = logging.getLogger("aiocancel")

LOOK_EVERY_S: Final = 5.0


class EvidenceSealer:
    """Seals what is due until it is cancelled. Of several at once, in whatever processes, one does it at a time.

    Args:
        evidence: The chain.
    """

    def __init__(self, evidence: Evidence) -> None:
        self._evidence = evidence

    async def run(self) -> None:
        """Work until cancelled; an outage of the database is waited out."""
        while True:
            found = 0
            try:
                found = await self._evidence.seal()
            except UnavailableError as error:
                logger.error("facts wait for their seal: %s", error)
            except Exception as error:
                logger.error("sealing facts failed: %s", type_and_place(error))
            if not found:
                await asyncio.sleep(LOOK_EVERY_S)
