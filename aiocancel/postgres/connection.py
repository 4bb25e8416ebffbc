"""The database as the rest of this package sees it: its types, its outages, and two ways to run a statement."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any, Final

import asyncpg

from aiocancel.errors import UnavailableError

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy

    Connection = asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]
    Pool = asyncpg.Pool[asyncpg.Record]

_OUTAGES: Final = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.QueryCanceledError,
    asyncpg.TransactionRollbackError,
    asyncpg.ReadOnlySQLTransactionError,
    # The driver raises this when the server goes down between a question and its answer.
    asyncpg.InternalClientError,
)


@contextmanager
def unavailable_on_outage() -> Iterator[None]:
    """Raise UnavailableError where the database is unreachable, restarting or overloaded.

    A mistake, such as a table that does not exist, passes unchanged: another try would not help.
    """
    try:
        yield
    except _OUTAGES as error:
        raise UnavailableError(f"the database did not answer ({type(error).__name__})") from error


class LedgerConnection:
    """Runs the ledger's statements over a pool, isolated as they need it.

    They rely on seeing what others committed, so each runs as READ COMMITTED whatever the database's default is.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def at_once(self, statement: str, *values: Any) -> list[asyncpg.Record]:
        """Run one statement as a transaction of its own and return its rows.

        It costs a single round trip. Raises UnavailableError; the commit may then have happened all the same.
        """
        with unavailable_on_outage():
            try:
                return await self._pool.fetch(statement, *values)
            except asyncpg.SerializationError:
                # The application's default isolation is stricter: only then are more round trips worth it.
                async with self._read_committed() as connection:
                    return await connection.fetch(statement, *values)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """Lend a connection inside a transaction.

        Raises UnavailableError; the commit may then have happened all the same.
        """
        with unavailable_on_outage():
            async with self._read_committed() as connection:
                yield connection

    @asynccontextmanager
    async def _read_committed(self) -> AsyncIterator[Connection]:
        async with (
            self._pool.acquire() as connection,
            connection.transaction(isolation="read_committed"),
        ):
            yield connection
