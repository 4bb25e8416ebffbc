"""What a database that is not there raises is an outage; what a mistake raises is not."""

from __future__ import annotations

import asyncpg
import pytest

from aiocancel.errors import UnavailableError
from aiocancel.postgres.connection import unavailable_on_outage


@pytest.mark.parametrize(
    "error",
    [
        ConnectionRefusedError(),
        TimeoutError(),
        asyncpg.InterfaceError("pool is closing"),
        asyncpg.AdminShutdownError("terminating connection"),
        asyncpg.CannotConnectNowError("the database system is starting up"),
        asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation"),
        asyncpg.TooManyConnectionsError("sorry, too many clients already"),
        asyncpg.DeadlockDetectedError("deadlock detected"),
        # The driver, when the server's farewell arrives between a question and its answer.
        asyncpg.InternalClientError(
            "cannot switch to state 15; another operation (2) is in progress"
        ),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_database_that_goes_away_is_an_outage(error: Exception) -> None:
    with pytest.raises(UnavailableError, match=type(error).__name__), unavailable_on_outage():
        raise error


@pytest.mark.parametrize(
    "error", [asyncpg.UndefinedTableError("no such table"), KeyError("a mistake")]
)
def test_a_mistake_is_no_outage(error: Exception) -> None:
    with pytest.raises(type(error)), unavailable_on_outage():
        raise error
