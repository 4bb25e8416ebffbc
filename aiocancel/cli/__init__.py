"""The command line: ``aiocancel migrate | worker | check | actions | grants | erase | purge``."""

from aiocancel.cli.main import main

__all__ = ["main"]
