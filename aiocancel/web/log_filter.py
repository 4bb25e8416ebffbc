"""The webhook's token stays out of logs: it is the end of a path, and access logs hold paths."""

from __future__ import annotations

import logging
import re
from collections.abc import Collection
from typing import Final

SHOWN: Final = "[token]"

# Those that write a request's path in an aiohttp application, gunicorn's aiohttp worker included.
LOGGERS: Final = ("aiohttp.access", "aiohttp.server", "gunicorn.access", "aiocancel")


class WebhookTokenFilter(logging.Filter):
    """Replaces the webhook's token in whatever a logger is about to write; everything is let through.

    Args:
        prefix: The path below which our routes live.
        tokens: Those that open the webhook. One that is written in another way, or opens it no more, is
            known by the path before it.
    """

    def __init__(self, prefix: str, tokens: Collection[str]) -> None:
        super().__init__()
        by_path = rf"(?<={re.escape(prefix)}/webhook/)[^\s?#\"']+"
        self._pattern = re.compile("|".join([*map(re.escape, sorted(tokens)), by_path]))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, WebhookTokenFilter) and other._pattern == self._pattern

    def __hash__(self) -> int:
        return hash(self._pattern)

    def filter(self, record: logging.LogRecord) -> bool:
        """Take the token out of the message, of its arguments and of the texts that the logger adds."""
        for name, value in vars(record).items():
            if isinstance(value, str):
                setattr(record, name, self._cleaned(value))

        if isinstance(record.args, tuple):
            record.args = tuple(
                self._cleaned(each) if isinstance(each, str) else each for each in record.args
            )
        elif isinstance(record.args, dict):
            record.args = {
                name: self._cleaned(each) if isinstance(each, str) else each
                for name, each in record.args.items()
            }

        return True

    def install(self) -> None:
        """Join the loggers that write paths; once, however often it is called."""
        for name in LOGGERS:
            logging.getLogger(name).addFilter(self)

    def _cleaned(self, text: str) -> str:
        return self._pattern.sub(SHOWN, text)
