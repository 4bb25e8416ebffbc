"""The command line: ``aiocancel migrate``."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Sequence

import asyncpg

from aiocancel.errors import AiocancelError, UnavailableError
from aiocancel.postgres.schema import migrate

_VARIABLES = ("AIOCANCEL_DATABASE_URL", "DATABASE_URL")
_FAILURES = (OSError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status."""
    parser = argparse.ArgumentParser(prog="aiocancel", description="Cancellation flows for aiohttp.")
    commands = parser.add_subparsers(dest="command", required=True)
    migrate_parser = commands.add_parser(
        "migrate",
        help="create or update aiocancel's own tables",
        description="Create or update the tables in the schema aiocancel. Safe to repeat and to run from many places.",
    )
    migrate_parser.add_argument(
        "--database-url",
        default=next((os.environ[name] for name in _VARIABLES if os.environ.get(name)), None),
        help=f"PostgreSQL DSN; without it ${_VARIABLES[0]} or ${_VARIABLES[1]}",
    )
    options = parser.parse_args(arguments)
    # An empty text would mean the driver's own default: somebody else's database.
    if not options.database_url:
        migrate_parser.error("give --database-url or set AIOCANCEL_DATABASE_URL")
    try:
        applied = asyncio.run(_migrate(options.database_url))
    except AiocancelError as error:
        print(f"aiocancel: {error}", file=sys.stderr)
        return 1
    print(f"applied version {', '.join(map(str, applied))}" if applied else "already up to date")
    return 0


async def _migrate(database_url: str) -> list[int]:
    # Not the errors' own texts: they may hold the DSN with its password.
    try:
        connection = await asyncpg.connect(database_url)
    except _FAILURES as error:
        raise UnavailableError(f"the database cannot be opened ({type(error).__name__})") from None
    try:
        return await migrate(connection)
    except _FAILURES as error:
        raise UnavailableError(f"the database cannot be migrated ({type(error).__name__})") from None
    finally:
        await connection.close()


if __name__ == "__main__":
    sys.exit(main())
