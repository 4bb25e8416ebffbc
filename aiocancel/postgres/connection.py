"""The database as the rest of this package sees it: its types, its outages, and two ways to run a statement."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Coroutine
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from typing import TYPE_CHECKING, Any, Final, TypeVar

import asyncpg

from aiocancel.errors import UnavailableError, UnreadableLedgerError

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy

    Connection = asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]
    Pool = asyncpg.Pool[asyncpg.Record]

logger = logging.getLogger("aiocancel")

_T = TypeVar("_T")

# A pool whose connections are all taken for this long is overloaded, and says so; giving one back is bounded as well.
ACQUIRE_WITHIN_S: Final = 10.0

DID_NOT_ANSWER: Final = "the database did not answer"

OUTAGES: Final = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.QueryCanceledError,
    asyncpg.TransactionRollbackError,
    asyncpg.ReadOnlySQLTransactionError,
    # A lock that another session holds for too long, as in an upgrade of the tables.
    asyncpg.LockNotAvailableError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    # The server's disk or files, its limits, its own mistakes.
    asyncpg.PostgresSystemError,
    asyncpg.ProgramLimitExceededError,
    asyncpg.InternalServerError,
    asyncpg.FeatureNotSupportedError,
    # A role that lost a privilege, its password or its login is for the owner to mend; the same post works then.
    asyncpg.InsufficientPrivilegeError,
    asyncpg.InvalidAuthorizationSpecificationError,
    # The driver raises this when the server goes down between a question and its answer.
    asyncpg.InternalClientError,
)


class _UnavailableOnOutage:
    # Not contextlib's, which makes a generator for each: every page passes here (tests/benchmarks/page.py).
    __slots__ = ()

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: object
    ) -> None:
        # Nearly always there is none, and there are two dozen kinds to compare with.
        if error is not None:
            raise_if_outage(error)


class _UnavailableOnRefusal(_UnavailableOnOutage):
    __slots__ = ()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: object
    ) -> None:
        if error is not None:
            raise_if_unavailable(error)


def raise_if_outage(error: BaseException) -> None:
    """Raise UnavailableError as ``unavailable_on_outage`` does, where a ``with`` is too much for every page.

    Args:
        error: What was raised; the caller raises it again where this returns.
    """
    if isinstance(error, OUTAGES):
        raise UnavailableError(f"{DID_NOT_ANSWER} ({type(error).__name__})") from error


def raise_if_unavailable(error: BaseException) -> None:
    """Raise UnavailableError as ``unavailable_on_refusal`` does, where a ``with`` is too much for every page.

    Args:
        error: What was raised; the caller raises it again where this returns.
    """
    raise_if_outage(error)
    if isinstance(error, asyncpg.PostgresError):
        logger.error("%s %s (%s)", REFUSED, error.sqlstate, type(error).__name__)
        raise UnavailableError(f"{REFUSED} {error.sqlstate}") from error
    if isinstance(error, UnreadableLedgerError):
        # A newer release wrote it, and a site of that release can read it.
        logger.error("a request waits for a newer release: %s", error)
        raise UnavailableError("the ledger holds what a newer release wrote") from error


_ON_OUTAGE: Final = _UnavailableOnOutage()
_ON_REFUSAL: Final = _UnavailableOnRefusal()


def unavailable_on_outage() -> AbstractContextManager[None, None]:
    """Raise UnavailableError where the database is unreachable, restarting or overloaded.

    A mistake, such as a table that does not exist, passes unchanged: another try would not help.
    """
    return _ON_OUTAGE


def unavailable_on_refusal() -> AbstractContextManager[None, None]:
    """Raise UnavailableError whatever the database refuses with: a customer's request must have a way on.

    A refusal that no outage explains is a mistake, and is logged as an error with its SQLSTATE. Its text, which may
    hold a customer's words, is not.
    """
    return _ON_REFUSAL


REFUSED: Final = "the database refused a statement with SQLSTATE"


async def within(seconds: float, work: Coroutine[Any, Any, _T]) -> _T:
    """Return the result of ``work``; one that comes too late is left to end by itself.

    The driver asks a server to stop before it lets go of a statement. A server that has fallen silent would make
    a deadline last twice as long.

    Args:
        seconds: How long to wait.
        work: A coroutine that uses the database; it is cancelled when it is late.

    Raises:
        TimeoutError: It was late. A commit may have happened all the same.
    """
    task = asyncio.create_task(work)
    try:
        await asyncio.wait((task,), timeout=seconds)
    finally:
        if not task.done():
            _LATE.add(task)
            task.add_done_callback(_let_go)
            task.cancel()
    if task in _LATE:
        raise TimeoutError
    return task.result()


def leave_to_itself(work: Coroutine[Any, Any, object]) -> None:
    """Let ``work`` end by itself, however long that takes and however it ends."""
    task = asyncio.create_task(work)
    _LATE.add(task)
    task.add_done_callback(_let_go)


# Nothing else holds a task that nobody waits for.
_LATE: Final[set[asyncio.Task[Any]]] = set()


def _let_go(task: asyncio.Task[Any]) -> None:
    _LATE.discard(task)
    if not task.cancelled():
        # Retrieved, so that the loop does not report it: the caller that waited was told of the timeout.
        task.exception()


class LedgerConnection:
    """Runs the ledger's statements over a pool, isolated as they need it.

    They rely on seeing what others committed, so each runs as READ COMMITTED whatever the database's default is.

    Args:
        pool: Lends the connections.
        most_at_once: How many of them may be used at a time; further statements wait outside the pool, where they
            are in nobody's way. None is no bound.
    """

    def __init__(self, pool: Pool, *, most_at_once: int | None = None) -> None:
        self._pool = pool
        self._turns = None if most_at_once is None else asyncio.Semaphore(most_at_once)

    async def at_once(self, statement: str, *values: Any) -> list[asyncpg.Record]:
        """Run one statement as a transaction of its own and return its rows.

        It costs a single round trip. Raises UnavailableError; the commit may then have happened all the same.
        """
        with unavailable_on_outage():
            try:
                async with self._lent() as connection:
                    return await connection.fetch(statement, *values)
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
            self._lent() as connection,
            connection.transaction(isolation="read_committed"),
        ):
            yield connection

    @asynccontextmanager
    async def _lent(self) -> AsyncIterator[Connection]:
        async with (
            self._turns or nullcontext(),
            self._pool.acquire(timeout=ACQUIRE_WITHIN_S) as connection,
        ):
            yield connection
