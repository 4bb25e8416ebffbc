"""The database that a command works on: which one, and how it is opened."""

from __future__ import annotations

import argparse
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

import asyncpg

from aiocancel.errors import UnavailableError
from aiocancel.postgres.address import CANNOT_OPEN, cannot_open

if TYPE_CHECKING:
    from aiocancel.postgres.connection import Connection

VARIABLES: Final = ("AIOCANCEL_DATABASE_URL", "DATABASE_URL")
CONNECT_WITHIN_S: Final = 10.0


def add_option(parser: argparse.ArgumentParser, *, default: Any = None) -> None:
    """Add ``--database-url`` to a command.

    Args:
        parser: The command's parser.
        default: Its value without the option; ``argparse.SUPPRESS`` leaves an outer command's alone.
    """
    parser.add_argument(
        "--database-url",
        default=default,
        metavar="URL",
        help=f"PostgreSQL DSN; better set ${VARIABLES[0]} or ${VARIABLES[1]}: "
        "everybody on the machine can read a command line, and with it the password",
    )


def database_url(options: argparse.Namespace, parser: argparse.ArgumentParser) -> str:
    """Return the DSN given, or that of the environment; ends the program with status 2 where there is none.

    Args:
        options: The parsed command line.
        parser: Whose usage is shown.
    """
    if options.database_url:
        return str(options.database_url)
    # An empty text would mean the driver's own default: another application's database.
    if options.database_url is not None:
        parser.error("--database-url is empty")

    for name in VARIABLES:
        if url := os.environ.get(name):
            return url
    for name in VARIABLES:
        if name in os.environ:
            parser.error(f"the environment variable {name} is empty")
    parser.error(f"set {VARIABLES[0]} (or {VARIABLES[1]}), or give --database-url")


@asynccontextmanager
async def opened(
    url: str, *, application_name: str, command_timeout_s: float | None = None
) -> AsyncIterator[Connection]:
    """Open one connection for a command, and close it.

    Args:
        url: The DSN; nothing that is printed repeats its password.
        application_name: How the connection is named in ``pg_stat_activity``.
        command_timeout_s: Seconds that a statement may take; None waits, as migrations must.

    Raises:
        UnavailableError: The database cannot be opened; the message says which and why.
    """
    try:
        connection = await asyncpg.connect(
            url,
            timeout=CONNECT_WITHIN_S,
            command_timeout=command_timeout_s,
            server_settings={"application_name": application_name},
        )
    except CANNOT_OPEN as error:
        # Not the error itself: its text may hold the DSN.
        raise UnavailableError(cannot_open(url, error)) from None

    try:
        yield connection
    finally:
        await connection.close()


def refused(error: BaseException) -> UnavailableError:
    """Return the error of a command whose statement the database refused.

    Args:
        error: What asyncpg raised; its own text may quote a row.
    """
    return UnavailableError(f"the database refused ({type(error).__name__})")
