"""Tell an outage of the database from a mistake: only the former is worth another try."""

from __future__ import annotations

from types import TracebackType

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


class outages:  # a class, since a generator would cost more, on every page
    """Turn whatever an unreachable, restarting or overloaded database raises into UnavailableError."""

    __slots__ = ()

    def __enter__(self) -> None:
        """Begin."""

    def __exit__(
        self, _type: object, error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        """Raise UnavailableError from an outage."""
        if isinstance(error, _OUTAGES):
            raise UnavailableError(
                f"the database did not answer ({type(error).__name__})"
            ) from error
