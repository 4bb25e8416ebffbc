"""The command line: ``aiocancel migrate | worker | check | actions``."""

from aiocancel.cli.main import main

__all__ = ["main"]
