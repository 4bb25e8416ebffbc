"""A database that cannot be opened is named with its host, port and user, never with its password."""

from __future__ import annotations

import socket
import ssl
import uuid

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiocancel.postgres.address import CANNOT_OPEN, address_of, cannot_open, reason_of
from aiocancel.testing.postgres import EmbeddedPostgres

SECRET = "hunter2"


@pytest.fixture(autouse=True)
def _no_libpq_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PGHOST", "PGPORT", "PGUSER", "PGDATABASE"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("dsn", "address"),
    [
        ("postgresql://ada:hunter2@db.example.com:6432/shop", "ada@db.example.com:6432/shop"),
        ("postgres://ada:hunter2@db.example.com/shop", "ada@db.example.com:5432/shop"),
        ("postgresql://ada:hunter2@db/shop?sslmode=require", "ada@db:5432/shop"),
        ("postgresql://ada:p%40ss%2Fhunter2@db:1/my%20shop", "ada@db:1/my shop"),
        ("postgresql://a%40b:hunter2@db/shop", "a@b@db:5432/shop"),
        ("postgresql://ada:hunter2@a:1,b:2/shop", "ada@a:1,b:2/shop"),
        ("postgresql://ada:hunter2@[::1]:7/shop", "ada@[::1]:7/shop"),
        ("postgresql:///shop?host=/run/pg&user=ada&password=hunter2", "ada@/run/pg:5432/shop"),
        ("postgresql://ada:hunter2@/shop?host=h&port=9", "ada@h:9/shop"),
        ("postgresql://db?dbname=shop&user=ada&password=hunter2", "ada@db:5432/shop"),
        ("postgresql://ada:hunter2@db", "ada@db:5432/ada"),
        ("postgresql://ada:p@hunter2@db/shop", "ada@db:5432/shop"),
        ("postgresql://", "the local socket"),
    ],
)
def test_an_address_has_user_host_port_and_name_without_the_password(
    dsn: str, address: str
) -> None:
    assert address_of(dsn) == address


@pytest.mark.parametrize(
    "dsn",
    [
        "host=db dbname=shop user=ada password=hunter2",
        "ada:hunter2@db/shop",
        "mysql://ada:hunter2@db/shop",
        "postgresql://ada:hunter2/x@db/shop",
        "postgresql://ada:hunter2?x@db/shop",
        "postgresql://ada:hunter2#x@db/shop",
        "postgresql://ada:x@hunter2?y@db/shop",
        "postgresql://ada:x@hunter2/y@db/shop",
        "postgresql://ada:hunter2",
        "postgresql://ada:[hunter2@db/shop",
    ],
)
def test_of_a_dsn_that_cannot_be_told_apart_nothing_is_shown(dsn: str) -> None:
    assert address_of(dsn) is None
    assert SECRET not in cannot_open(dsn, ValueError(dsn))


@given(st.text(st.characters(codec="utf-8"), max_size=8), st.text("/?#@:[]%,x", max_size=8))
def test_a_password_of_any_letters_is_never_shown(before: str, after: str) -> None:
    dsn = f"postgresql://ada:{before}{SECRET}{after}@db.example.com:5432/shop"

    assert SECRET not in (address_of(dsn) or "")


def test_the_variables_that_the_driver_reads_complete_an_address(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in {"PGHOST": "h", "PGPORT": "9", "PGUSER": "u", "PGDATABASE": "d"}.items():
        monkeypatch.setenv(name, value)

    assert address_of("postgresql://") == "u@h:9/d"


def test_a_terminal_obeys_nothing_of_an_address() -> None:
    assert address_of("postgresql://ada@db/%1b%5b2J") == "ada@db:5432/?[2J"


async def test_a_pool_of_the_application_is_named_as_such() -> None:
    pool = asyncpg.create_pool("postgresql://ada:hunter2@db/shop")

    message = cannot_open(pool, TimeoutError())

    assert message == (
        "the database cannot be opened (a pool of the application's): it did not answer in time"
    )


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (asyncpg.InvalidPasswordError("x"), "the password is wrong"),
        (asyncpg.InvalidAuthorizationSpecificationError("x"), "does not let this user in"),
        (asyncpg.InvalidCatalogNameError("x"), "there is no database of that name"),
        (asyncpg.InsufficientPrivilegeError("x"), "this user may not connect"),
        (asyncpg.TooManyConnectionsError("x"), "has no connection left"),
        (asyncpg.CannotConnectNowError("x"), "is starting or stopping"),
        (asyncpg.ClientConfigurationError("x"), "the address cannot be read"),
        (ValueError("x"), "the address cannot be read"),
        (ssl.SSLCertVerificationError("x"), "certificate is not trusted"),
        (ssl.SSLError("x"), "TLS failed"),
        (ConnectionError('PostgreSQL server at "x" rejected SSL upgrade'), "TLS failed: the"),
        (socket.gaierror("x"), "name cannot be resolved"),
        (TimeoutError("x"), "did not answer in time"),
        (ConnectionRefusedError(111, "x"), "the connection was refused"),
        (OSError("Multiple exceptions: [Errno 111] x, [Errno 111] y"), "was refused"),
        (FileNotFoundError(2, "x"), "there is no such socket"),
        (asyncpg.InterfaceError("hunter2"), "InterfaceError"),
    ],
)
def test_why_a_database_cannot_be_opened_is_said_from_the_kind_of_the_error(
    error: Exception, reason: str
) -> None:
    assert reason in reason_of(error)
    assert isinstance(error, CANNOT_OPEN)


async def test_the_driver_raises_what_is_told_apart(
    postgres: EmbeddedPostgres, database: str
) -> None:
    role = f"role_{uuid.uuid4().hex}"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        closed = taken.getsockname()[1]
    cases = {
        f"postgresql://ada:{SECRET}@127.0.0.1:{closed}/shop": "the connection was refused",
        f"postgresql://ada:{SECRET}@localhost:{closed}/shop": "the connection was refused",
        f"postgresql://ada:{SECRET}@no.such.host.invalid/shop": "name cannot be resolved",
        # A password with an @ that is not escaped.
        f"postgresql://ada:{SECRET}@{SECRET}@127.0.0.1:{closed}/shop": "must be percent-encoded",
        postgres.database_dsn("nowhere"): "there is no database of that name",
        database.replace("postgres@", f"{role}:{SECRET}@"): "does not let this user in",
        "postgresql:///shop?host=/no/such/folder": "there is no such socket",
        "localhost/shop": "the address cannot be read",
    }

    for dsn, reason in cases.items():
        with pytest.raises(CANNOT_OPEN) as raised:
            await asyncpg.connect(dsn, timeout=5)

        message = cannot_open(dsn, raised.value)
        assert reason in message, (dsn, repr(raised.value))
        assert SECRET not in message
