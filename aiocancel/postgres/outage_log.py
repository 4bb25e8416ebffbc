"""One line in the log for an outage of the database, instead of one from everybody who met it.

A restart of PostgreSQL is met by every page, loop and connection of a process at once. Each logger says it once in half
a minute, without a traceback. Events, metrics and health are told as ever.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Final

from aiocancel.errors import UnavailableError
from aiocancel.postgres.connection import DID_NOT_ANSWER, OUTAGES

SAID_EVERY_S: Final = 30.0
# The libraries report with a traceback that a connection broke off, each connection by itself.
LOGGERS: Final = ("aiocancel", "asyncpg.pool", "pgqueuer")
_OURS: Final = (DID_NOT_ANSWER, UnavailableError.__name__)


class OncePerOutage(logging.Filter):
    """Lets a logger's first line about an outage pass, and the next one after ``SAID_EVERY_S``."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._said_at: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether the record is written."""
        if not _is_about_an_outage(record):
            return True

        record.exc_info = record.exc_text = None
        said_at, now = self._said_at.get(record.name), self._clock()
        if said_at is not None and now < said_at + SAID_EVERY_S:
            return False
        self._said_at[record.name] = now
        return True

    def forget(self) -> None:
        """Say the next one in any case."""
        self._said_at.clear()


_FILTER: Final = OncePerOutage()


def say_outages_once() -> OncePerOutage:
    """Put the filter on the loggers of ours and of the libraries that hold connections; safe to repeat."""
    for name in LOGGERS:
        logging.getLogger(name).addFilter(_FILTER)
    return _FILTER


def _is_about_an_outage(record: logging.LogRecord) -> bool:
    error = record.exc_info[1] if record.exc_info else None
    if record.name != "aiocancel":
        return isinstance(error, (UnavailableError, *OUTAGES))
    # What speaks of one action is said for each of them.
    text = record.getMessage()
    return any(word in text for word in _OURS) and "action" not in text
