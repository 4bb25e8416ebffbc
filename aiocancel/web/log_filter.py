"""The webhook's token and the keys of letters and declarations stay out of logs: access logs hold whole addresses."""

from __future__ import annotations

import logging
import re
from collections.abc import Collection
from typing import Final

SHOWN: Final = "[token]"

# Those that write a request's path in an aiohttp application, gunicorn's aiohttp worker included.
LOGGERS: Final = ("aiohttp.access", "aiohttp.server", "gunicorn.access", "aiocancel")


# What opens a letter or a declaration without a login, wherever it stands; see core/grants.py.
_LINK: Final = r"\bl1\.[A-Za-z0-9_-]{16,}(?:\.[A-Za-z0-9_-]+)*"


class SecretFilter(logging.Filter):
    """Replaces secrets of addresses in whatever a logger is about to write; everything is let through.

    They are the webhook's token and the keys that open a letter or a public declaration.

    Args:
        prefix: The path below which our routes live.
        tokens: Those that open the webhook. One that is written in another way, or opens it no more, is
            known by the path before it.
    """

    def __init__(self, prefix: str, tokens: Collection[str]) -> None:
        super().__init__()
        ours = re.escape(prefix)
        by_path = [
            rf"({ours}/(?:webhook|public)/)[^\s?#\"']+",
            rf"({ours}/acknowledgement/[^\s/?#\"']+\?(?:save=[^\s&\"']*&)?key=)[^\s&\"']+",
        ]
        self._pattern = re.compile("|".join([*by_path, *map(re.escape, sorted(tokens)), _LINK]))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SecretFilter) and other._pattern == self._pattern

    def __hash__(self) -> int:
        return hash(self._pattern)

    def filter(self, record: logging.LogRecord) -> bool:
        """Take the secrets out of the message, of its arguments and of the texts that the logger adds."""
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
        return self._pattern.sub(rf"\1\2{SHOWN}", text)
