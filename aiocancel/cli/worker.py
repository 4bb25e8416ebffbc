"""A process that does nothing but carry out changes: ``aiocancel worker module:cancel``."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final

from aiocancel.postgres.address import address_of

if TYPE_CHECKING:
    from aiocancel.parts import Parts

logger = logging.getLogger("aiocancel")

NICE: Final = 5
"""By how much a worker lowers its priority."""

# POSIX: https://man7.org/linux/man-pages/man2/nice.2.html
MOST_NICE: Final = 19

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


def say_what_starts(
    inspected: Parts,
    *,
    concurrency: int | None,
    health: tuple[str, int] | None,
    niceness: int,
) -> None:
    """Write one line to the log that says what this worker is about to do, and where.

    Args:
        inspected: What the CancelFlow was made of.
        concurrency: How many actions of each of the six sorts at a time; the CancelFlow's own setting when None.
        health: Host and port of the health routes, None where nothing is served.
        niceness: By how much its priority was to be lowered.
    """
    database = inspected.database
    address = address_of(database) if isinstance(database, str) else "the application's pool"
    served = "not served" if health is None else f"http://{health[0]}:{health[1]}/healthz"

    logger.info(
        "worker starts: database %s, %d actions of each of six sorts at a time, Stripe in %s mode, "
        "flow vendor %s, health %s, priority %s",
        address or "of a DSN that cannot be read",
        concurrency or inspected.settings.worker_concurrency,
        inspected.settings.mode,
        inspected.vendor.name,
        served,
        f"lowered by {niceness}" if niceness else "as it was",
    )


def lower_priority(niceness: int) -> None:
    """Let other processes of the machine come first where its processors are short.

    Args:
        niceness: By how much, 0 to 19.
    """
    if not niceness or not hasattr(os, "nice"):
        return
    try:
        os.nice(niceness)
    except OSError as error:
        # A container may forbid it. The changes are carried out all the same.
        logger.warning("the priority stays as it is: %s", error)


async def run_until_told(work: Callable[[asyncio.Event], Awaitable[None]]) -> None:
    """Run ``work(stop)``; SIGTERM or SIGINT sets ``stop``, and a second one ends the process at once.

    Args:
        work: Returns soon after its event is set.
    """
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
