"""The values of a command line: read with an error that says how to write them, and printed for any terminal."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable


def as_whole(least: int = 1, most: int | None = None) -> Callable[[str], int]:
    """Return a reader of whole numbers, for the ``type`` of an argument.

    Args:
        least: The smallest that is taken.
        most: The largest that is taken, None for no bound.
    """
    bounds = f"{least} or more" if most is None else f"from {least} to {most}"

    def read(text: str) -> int:
        # Not int alone: it takes "1_000", and its own error names a function of ours.
        number = int(text) if re.fullmatch(r"[0-9]{1,20}", text) else -1
        if number < least or (most is not None and number > most):
            raise argparse.ArgumentTypeError(f"must be a whole number, {bounds}")
        return number

    return read


def as_days(most: int) -> Callable[[str], int]:
    """Return a reader of days written as ``90d``, for the ``type`` of an argument.

    Args:
        most: How many days it takes at most.
    """

    def read(text: str) -> int:
        found = re.fullmatch(r"([0-9]{1,5})d", text)
        if found is None or not 1 <= int(found[1]) <= most:
            raise argparse.ArgumentTypeError(f"is written as 90d, from 1d to {most}d")
        return int(found[1])

    return read


def printable(text: str) -> str:
    """Return a text without what a terminal would obey."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def say(text: str) -> None:
    """Print a text; a terminal without some character is no reason to say nothing."""
    encoding = sys.stdout.encoding or "utf-8"
    print(text.encode(encoding, "replace").decode(encoding))
