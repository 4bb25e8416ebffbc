"""Tell an outage of the database from a mistake: only the former is worth another try."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg

from aiocancel.errors import UnavailableError

_OUTAGES = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.QueryCanceledError,
    asyncpg.TransactionRollbackError,
    asyncpg.ReadOnlySQLTransactionError,
    # What the driver makes of a server that goes down while it speaks to it.
    asyncpg.InternalClientError,
)


@contextmanager
def outages() -> Iterator[None]:
    """Turn whatever an unreachable, restarting or overloaded database raises into UnavailableError."""
    try:
        yield
    except _OUTAGES as error:
        raise UnavailableError(f"the database did not answer ({type(error).__name__})") from error
