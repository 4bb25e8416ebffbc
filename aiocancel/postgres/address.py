"""Say which database could not be opened, and why, without its password.

Neither a DSN nor the text of a driver's error is ever repeated: both may hold the password.
"""

from __future__ import annotations

import errno
import os
import re
import socket
import ssl
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs, unquote, urlsplit

import asyncpg

if TYPE_CHECKING:
    from aiocancel.postgres.connection import Pool

# Everything that asyncpg raises where a database cannot be opened. TimeoutError is an OSError.
CANNOT_OPEN: Final = (OSError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError)
FORM: Final = "postgresql://user:password@host:port/name"

_SCHEMES: Final = ("postgresql", "postgres")
# None, one or several: a name or an address, with or without a port.
_HOST: Final = r"(?:\[[^\]@]*\]|[^:,@\[\]]*)(?::\d*)?"
_HOSTS: Final = re.compile(rf"{_HOST}(?:,{_HOST})*")
# asyncpg says no more than this in its text, which is fixed but for the address.
_NO_TLS: Final = "rejected SSL upgrade"

_BY_NUMBER: Final = {
    errno.ECONNREFUSED: "the connection was refused: no server listens there",
    errno.ENOENT: "there is no such socket: no server listens there",
}
# The first that fits counts: an error about a certificate is a ValueError too.
_BY_KIND: Final[tuple[tuple[type[BaseException], str], ...]] = (
    (asyncpg.InvalidPasswordError, "the password is wrong, or there is no such user"),
    (
        asyncpg.InvalidAuthorizationSpecificationError,
        "the server does not let this user in; see its pg_hba.conf",
    ),
    (asyncpg.InvalidCatalogNameError, "there is no database of that name on the server"),
    (asyncpg.InsufficientPrivilegeError, "this user may not connect to it"),
    (asyncpg.TooManyConnectionsError, "the server has no connection left"),
    (asyncpg.CannotConnectNowError, "the server is starting or stopping"),
    (ssl.SSLCertVerificationError, "TLS failed: the server's certificate is not trusted here"),
    (ssl.SSLError, "TLS failed"),
    (
        socket.gaierror,
        "the host's name cannot be resolved; special letters in the password must be percent-encoded",
    ),
    (TimeoutError, "it did not answer in time"),
    (
        ValueError,
        f"the address cannot be read; write {FORM}, with special letters percent-encoded",
    ),
)


def cannot_open(database: str | Pool, error: BaseException) -> str:
    """Return one sentence: which database cannot be opened, and why.

    Args:
        database: The DSN, or a pool of the application's, whose address is not known.
        error: Whatever asyncpg raised; of its text nothing is repeated.
    """
    address = address_of(database) if isinstance(database, str) else "a pool of the application's"
    shown = "" if address is None else f" ({address})"
    return f"the database cannot be opened{shown}: {reason_of(error)}"


def address_of(dsn: str) -> str | None:
    """Return ``user@host:port/name`` of a DSN, never its password; None where it cannot be told apart.

    What the DSN leaves out is taken from libpq's environment variables, as asyncpg does.

    Args:
        dsn: A ``postgresql://`` URL. Nothing of any other text is repeated.
    """
    try:
        parsed = urlsplit(dsn)
    except ValueError:
        return None
    credentials, _, netloc_hosts = parsed.netloc.rpartition("@")
    # A bare "/", "?" or "#" ends the host: part of a password that holds one would pass for something else.
    behind = f"{parsed.path}{parsed.query}{parsed.fragment}"
    if parsed.scheme not in _SCHEMES or "@" in behind or not _HOSTS.fullmatch(netloc_hosts):
        return None

    asked = {name: values[-1] for name, values in parse_qs(parsed.query).items()}
    user = unquote(credentials.partition(":")[0]) or asked.get("user") or os.environ.get("PGUSER")
    hosts = unquote(netloc_hosts) or asked.get("host") or os.environ.get("PGHOST")
    port = asked.get("port") or os.environ.get("PGPORT") or "5432"
    named = asked.get("dbname") or asked.get("database") or os.environ.get("PGDATABASE")
    name = unquote(parsed.path.removeprefix("/")) or named or user

    place = hosts or "the local socket"
    if hosts and "," not in hosts and not re.search(r":\d*$", hosts):
        place = f"{hosts}:{port}"
    shown = f"{user}@{place}" if user else place
    return _printable(f"{shown}/{name}" if name else shown)


def reason_of(error: BaseException) -> str:
    """Return why a database could not be opened, from the kind of the error alone."""
    if isinstance(error, ConnectionError) and _NO_TLS in str(error):
        return "TLS failed: the server does not speak it, and the address asks for it"
    for number, reason in _BY_NUMBER.items():
        if isinstance(error, OSError) and _is(error, number):
            return reason

    return next(
        (reason for kind, reason in _BY_KIND if isinstance(error, kind)), type(error).__name__
    )


def _is(error: OSError, number: int) -> bool:
    # A host with several addresses gives one error for all of them, which has their numbers in its text only.
    return error.errno == number or f"[Errno {number}]" in str(error)


def _printable(text: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in text)
