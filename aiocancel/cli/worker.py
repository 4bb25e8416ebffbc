"""A process that does nothing but carry out changes: ``aiocancel worker module:cancel``."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Awaitable, Callable

logger = logging.getLogger("aiocancel")

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


async def run_until_told(work: Callable[[asyncio.Event], Awaitable[None]]) -> None:
    """Run ``work(stop)``; SIGTERM or SIGINT sets ``stop``, and a second one ends the process at once."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def told(number: signal.Signals) -> None:
        logger.info("%s: finishing what is under way", number.name)
        stop.set()
        for each in _SIGNALS:
            loop.remove_signal_handler(each)

    for number in _SIGNALS:
        loop.add_signal_handler(number, told, number)
    try:
        await work(stop)
    finally:
        for number in _SIGNALS:
            loop.remove_signal_handler(number)
