"""Questions that ``aiocancel check`` puts to the database; nothing is changed and no customer's row is read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import asyncpg

from aiocancel.errors import ConfigurationError
from aiocancel.postgres.queue_stats import UNSEALED

if TYPE_CHECKING:
    from aiocancel.postgres.connection import Connection, Pool

_CLOSE_WITHIN_S: Final = 2.0

SERVER: Final = """
SELECT current_setting('server_version_num')::int / 10000 AS version,
    current_setting('transaction_read_only')::boolean AS read_only,
    extract(epoch FROM clock_timestamp())::float8 AS time
"""

# What waits behind another action of its lane is not overdue. What waits for its own day, such as the letter about an
# end to come, is not left by anybody.
BACKLOG: Final = """
SELECT count(*) FILTER (WHERE a.state = 'parked') AS parked,
    extract(epoch FROM now() - min(a.created_at) FILTER (WHERE a.state = 'waiting'
        AND NOT (a.due_at > now() AND (a.deferred OR a.attempts = 0))))::float8 AS oldest_waiting_s,
    extract(epoch FROM now() - min(a.due_at) FILTER (WHERE a.state <> 'parked' AND a.due_at < now() AND NOT EXISTS (
        SELECT FROM aiocancel.action o
        WHERE o.lane = a.lane AND o.id < a.id AND o.state IN ('waiting', 'running'))))::float8 AS overdue_s
FROM aiocancel.action a WHERE a.state IN ('waiting', 'running', 'parked') AND a.closed_at IS NULL
"""


@dataclass(frozen=True, slots=True)
class ServerInspection:
    """A PostgreSQL server: its major version, whether it refuses writes, and its time as a Unix timestamp."""

    version: int
    read_only: bool
    time: float


@dataclass(frozen=True, slots=True)
class Backlog:
    """What the worker has left; times in seconds, None where there is nothing.

    ``unsealed_s`` is how long the oldest fact has waited for its place in the chain of evidence.
    """

    parked: int
    oldest_waiting_s: float | None
    overdue_s: float | None
    unsealed_s: float


@asynccontextmanager
async def open_for_inspection(database: str | Pool, *, timeout_s: float) -> AsyncIterator[Pool]:
    """Open a small pool, or lend the application's when it is open; whatever is raised, see ``way_to_open``."""
    async with asyncio.timeout(timeout_s):
        if not isinstance(database, str):
            # One of another event loop, or one that nobody has opened, shows only when it is used.
            async with database.acquire() as connection:
                await connection.execute("SELECT 1")
            pool = database
        else:
            pool = await asyncpg.create_pool(
                database,
                min_size=1,
                max_size=4,
                server_settings={"application_name": "aiocancel check"},
            )

    try:
        yield pool
    finally:
        if pool is not database:
            # A database that hangs must not hold up the report.
            with suppress(TimeoutError):
                async with asyncio.timeout(_CLOSE_WITHIN_S):
                    await pool.close()


def way_to_open(error: Exception, *, own_pool: bool) -> str:
    """Say what to do where the database cannot be opened; never from the error's text, which may hold the DSN."""
    match error:
        case asyncpg.InvalidAuthorizationSpecificationError():
            return "correct the user or the password in the DSN, or the server's pg_hba.conf"
        case asyncpg.InvalidCatalogNameError():
            return "create the database that the DSN names, or name another"
        case asyncpg.TooManyConnectionsError() | asyncpg.CannotConnectNowError():
            return "the server is there, but takes no connection now: try again"
        case asyncpg.InterfaceError() | RuntimeError() if own_pool:
            return "the pool is not open here: check a function that opens it and returns the CancelFlow"
        case OSError() | TimeoutError():
            return "is PostgreSQL running there? host, port, TLS and firewall must fit the DSN"
        case _:
            return "write the DSN as postgresql://user:password@host:port/name"


async def inspect_server(connection: Connection) -> ServerInspection:
    """Return what the server says about itself."""
    row = await connection.fetchrow(SERVER)
    assert row is not None  # noqa: S101 - it has no WHERE
    return ServerInspection(**row)


async def check_permission(connection: Connection, query: str) -> None:
    """Raise ConfigurationError unless this role may run ``query``, which is planned for NULL and not run."""
    try:
        await connection.execute(f"EXPLAIN {query}", None)
    except asyncpg.InsufficientPrivilegeError as error:
        raise ConfigurationError(f"this role may not run it: {error}") from error


async def inspect_backlog(connection: Connection) -> Backlog:
    """Count what is parked, and how long what is not waits."""
    row = await connection.fetchrow(BACKLOG)
    assert row is not None  # noqa: S101 - an aggregate has one row
    return Backlog(**row, unsealed_s=await connection.fetchval(UNSEALED))
