"""Our tables: numbered SQL files, applied in order under a lock, forward only; and those of the job engine."""

from __future__ import annotations

import asyncio
from importlib import resources
from typing import TYPE_CHECKING

import asyncpg

from aiocancel.errors import SchemaError
from aiocancel.postgres import pgqueuer

if TYPE_CHECKING:
    from aiocancel.postgres.connection import Connection

# Well below PostgreSQL's deadlock_timeout, of a second by default.
_LOCK_WAIT_MS = 100
_LOCK_TRIES = 300

# An arbitrary constant of ours: the process that migrates holds this advisory lock.
_LOCK = 0x61696F63

_BOOTSTRAP = """
CREATE SCHEMA IF NOT EXISTS aiocancel;
CREATE TABLE IF NOT EXISTS aiocancel.schema_version (
    version     integer PRIMARY KEY,
    applied_at  timestamptz NOT NULL DEFAULT now()
);
"""

# The server and the database on it, also behind a pooler. Equal for no two servers: the time has microseconds.
_WHICH = """
SELECT pg_postmaster_start_time()::text || ' ' || oid FROM pg_database WHERE datname = current_database()
"""


def migrations() -> dict[int, str]:
    """Return the SQL of every schema version by its number, in order."""
    folder = resources.files("aiocancel.postgres") / "migrations"
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".sql"))
    return {int(name.split("_")[0]): (folder / name).read_text(encoding="utf-8") for name in names}


async def migrate(connection: Connection) -> list[int]:
    """Bring the tables to this release's version; returns the versions that were applied now.

    Safe to run from many processes at once: one does the work, the others wait and find it done.
    Raises SchemaError when the tables belong to a newer release.
    """
    await pgqueuer.warm_up()
    known = migrations()
    applied: list[int] = []

    # Not the database's default: a process that waited for the lock must see what the one before committed.
    async with connection.transaction(isolation="read_committed"):
        await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)
        await connection.execute(_BOOTSTRAP)
        present = await _present_version(connection)
        _refuse_newer(present, max(known))
        if 0 < present < max(known):
            await _lock_tables(connection)
        for version, sql in known.items():
            if version > present:
                await connection.execute(sql)
                await connection.execute(
                    "INSERT INTO aiocancel.schema_version (version) VALUES ($1)", version
                )
                applied.append(version)

    # After ours, and not in one transaction: it adds to types, and has a lock of its own.
    await pgqueuer.install(connection)

    return applied


async def _lock_tables(connection: Connection) -> None:
    """Hold all of our tables before the first is changed; raises SchemaError after a minute of trying.

    Processes that are at work take them in an order of their own. A migration that waited for long with some in hand
    would end in a deadlock with them.
    """
    rows = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'aiocancel'")
    tables = ", ".join(
        f"aiocancel.{row['tablename']}" for row in rows if row["tablename"] != "schema_version"
    )

    for _ in range(_LOCK_TRIES):
        try:
            async with connection.transaction():
                await connection.execute(f"SET LOCAL lock_timeout = '{_LOCK_WAIT_MS}ms'")
                await connection.execute(f"LOCK TABLE {tables} IN ACCESS EXCLUSIVE MODE")
                await connection.execute("SET LOCAL lock_timeout = 0")
                return
        except asyncpg.LockNotAvailableError:
            await asyncio.sleep(_LOCK_WAIT_MS / 1000)

    raise SchemaError(
        "the tables of aiocancel are in use all the time; migrate again when there is less to do"
    )


async def check_schema(connection: Connection) -> None:
    """Raise SchemaError unless the tables are exactly those of this release."""
    newest = max(migrations())
    present = await installed_version(connection)
    if present is None:
        raise SchemaError(
            "the tables of aiocancel do not exist in this database: run 'aiocancel migrate' "
            "or set migrate_on_start=True"
        )

    _refuse_newer(present, newest)
    if present < newest:
        raise SchemaError(
            f"the tables of aiocancel have version {present}, this release needs {newest}: run 'aiocancel migrate'"
        )
    if not await pgqueuer.is_installed(connection):
        raise SchemaError(
            "the job engine's tables are not those of its installed version: run 'aiocancel migrate'"
        )


async def which_database(connection: Connection) -> str:
    """Return a name for this database of this server, the same however it was opened, until the server starts again."""
    return str(await connection.fetchval(_WHICH))


async def installed_version(connection: Connection) -> int | None:
    """Return the version of the tables in this database, None where there are none."""
    if await connection.fetchval("SELECT to_regclass('aiocancel.schema_version')") is None:
        return None
    return await _present_version(connection)


def _refuse_newer(present: int, newest: int) -> None:
    if present > newest:
        raise SchemaError(
            f"the tables of aiocancel have version {present}, newer than this release ({newest}): "
            "install the release that made them"
        )


async def _present_version(connection: Connection) -> int:
    return int(
        await connection.fetchval("SELECT coalesce(max(version), 0) FROM aiocancel.schema_version")
    )
