"""A PostgreSQL of one's own, for the demo and for tests: no daemon, no port, no OS user.

    with EmbeddedPostgres() as server:
        pool = await asyncpg.create_pool(server.dsn)

The server is a direct child that listens on a unix socket only, in a folder nobody else may enter. On Linux
the kernel sends it SIGINT when its parent ends in any way, ``kill -9`` included. That watch follows the
*thread* that started it, so start it from the main thread, or from one that outlives the server. macOS has no
such call: there only ``stop()``, leaving the ``with`` block and a normal exit end the server.

PostgreSQL refuses to run as root. Started by root, it runs in a user namespace without a mapping, where root
has no name but still owns its files; where namespaces are forbidden, as in most containers, it runs as nobody,
from a copy of the programs if theirs are closed to nobody (``postgres_binaries``).
A folder that already belongs to another user is served as that user. Only a folder that is served changes hands.

Source: https://www.postgresql.org/docs/current/server-shutdown.html,
https://man7.org/linux/man-pages/man2/PR_SET_PDEATHSIG.2const.html
"""

from __future__ import annotations

import atexit
import fcntl
import os
import pwd
import re
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Literal, Self
from urllib.parse import quote

from aiocancel.errors import ConfigurationError
from aiocancel.testing.postgres_binaries import BINARIES_VARIABLE, find_binaries, reachable
from aiocancel.testing.postgres_process import launcher, namespaces_work

__all__ = ["BINARIES_VARIABLE", "LOG_NAME", "EmbeddedPostgres", "find_binaries"]

LOG_NAME = "server.log"

_SOCKET_NAME = ".s.PGSQL.5432"
_SOCKET_PATH = re.compile(
    r"[A-Za-z0-9._/-]{1,99}"
)  # the system's limit is 103 bytes; a comma would make it a list
_HANDOVER_S = 5.0  # how long a server whose parent was killed may take to leave its folder


class EmbeddedPostgres:
    """One PostgreSQL server, alive between ``start`` and ``stop`` or inside a ``with`` block.

    Args:
        data_directory: Created when missing, and kept. None takes a temporary folder that ``stop`` removes, but that
            a killed program leaves behind.
        durable: False is faster and may lose the last moments before ``restart("immediate")``, and everything when
            the machine fails: for tests that crash nothing.
        max_connections: How many connections the server takes.
        start_timeout_s: How many seconds the start may take.
        stop_timeout_s: How many seconds the stop may take; then the server is killed.
    """

    def __init__(
        self,
        data_directory: Path | None = None,
        *,
        durable: bool = True,
        max_connections: int = 50,
        start_timeout_s: float = 60.0,
        stop_timeout_s: float = 10.0,
    ) -> None:
        self._chosen = (
            None if data_directory is None else Path(data_directory).expanduser().absolute()
        )
        self._durable = durable
        self._max_connections = max_connections
        self._start_timeout_s = start_timeout_s
        self._stop_timeout_s = stop_timeout_s

        self._process: subprocess.Popen[bytes] | None = None
        self._owner = os.getpid()
        self._identity = ""
        self._binaries = self._folder = self._sockets = Path()
        self._lock = -1

    @property
    def dsn(self) -> str:
        """The address of the database ``postgres``, for asyncpg and psql alike."""
        return self.database_dsn("postgres")

    @property
    def pid(self) -> int:
        """The process id of the server."""
        return self._started().pid

    def database_dsn(self, name: str) -> str:
        """The address of the database ``name``, whether or not it exists; the same after a restart."""
        self._started()
        # The port is spelled out because clients would otherwise take it from PGPORT.
        return f"postgresql://postgres@/{quote(name, safe='')}?host={self._sockets}&port=5432"

    def start(self) -> Self:
        """Create the cluster when there is none, start the server and wait until it accepts connections.

        Raises: ConfigurationError when no binaries are found, the folder cannot be used, or the server does
        not come up within ``start_timeout_s``; the message then ends with the server's own last words.
        """
        if self._process is not None:
            raise ConfigurationError("the embedded PostgreSQL is already running")

        self._owner = os.getpid()
        atexit.register(self.stop)

        try:
            self._binaries = find_binaries()
            self._folder = self._chosen or Path(tempfile.mkdtemp(prefix="aiocancel-pg-"))
            is_new = self._take_folder()
            self._identity = self._choose_identity()
            self._binaries = reachable(self._binaries, self._identity)
            if is_new:
                self._initdb()
            self._sockets = self._choose_sockets()
            self._launch()
        except BaseException:
            self.stop()
            raise

        return self

    def stop(self) -> None:
        """End the server and remove what was temporary; harmless to repeat."""
        if os.getpid() != self._owner:  # a forked child does not own its parent's server
            return

        if self._process is not None:
            # A fast shutdown writes every database to its files first, which takes seconds where there are many: in
            # vain where the folder goes anyway.
            self._end(self._process, signal.SIGQUIT if self._chosen is None else signal.SIGINT)
            self._process = None

        if self._sockets not in {Path(), self._folder}:
            shutil.rmtree(self._sockets, ignore_errors=True)

        if self._chosen is None and self._folder != Path():
            shutil.rmtree(self._folder, ignore_errors=True)

        if self._lock >= 0:
            os.close(self._lock)

        self._folder, self._sockets, self._lock = Path(), Path(), -1
        atexit.unregister(self.stop)

    def restart(self, mode: Literal["fast", "immediate"] = "fast") -> None:
        """Stop and start the same cluster at the same address.

        Args:
            mode: ``"fast"`` ends connections and stops in order; ``"immediate"`` is a crash, recovered from at the
                start.
        """
        self._end(self._started(), signal.SIGINT if mode == "fast" else signal.SIGQUIT)
        try:
            self._launch()
        except BaseException:
            self.stop()
            raise

    async def create_database(self, name: str, *, template: str | None = None) -> str:
        """Create a database, and return its DSN.

        Args:
            name: The new database.
            template: The database that it is a copy of; nobody may be connected to that one. None makes an empty one.
        """
        # Copying files needs a checkpoint, which costs little where nothing is synchronised.
        strategy = "wal_log" if self._durable else "file_copy"
        await self._execute(
            f"CREATE DATABASE {_quoted(name)} TEMPLATE {_quoted(template or 'template1')}"
            f" STRATEGY {strategy}"
        )
        return self.database_dsn(name)

    async def drop_database(self, name: str) -> None:
        """Drop a database, if it exists, together with the connections to it."""
        await self._execute(f"DROP DATABASE IF EXISTS {_quoted(name)} WITH (FORCE)")

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *exc_info: object) -> None:
        self.stop()

    async def _execute(self, statement: str) -> None:
        import asyncpg

        connection = await asyncpg.connect(self.dsn)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise ConfigurationError("the embedded PostgreSQL has not been started")
        return self._process

    def _take_folder(self) -> bool:
        """Lock the folder, and say whether a cluster must still be made in it."""
        folder = self._folder
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
            deadline = time.monotonic() + _HANDOVER_S
            while not _locked(self._lock):
                if time.monotonic() > deadline:
                    raise ConfigurationError(
                        f"{folder} is already served by another embedded PostgreSQL"
                    )
                time.sleep(0.02)
            present = [entry.name for entry in folder.iterdir()]
        except OSError as error:
            raise ConfigurationError(
                f"{folder} cannot hold a PostgreSQL cluster: {error.strerror}"
            ) from error

        if present and not (
            "PG_VERSION" in present and (folder / "global" / "pg_control").exists()
        ):
            raise ConfigurationError(
                f"{folder} holds files but is not a PostgreSQL cluster; name a new or an empty folder"
            )

        if present:
            self._check_version()

        return not present

    def _check_version(self) -> None:
        # The server itself would first complain about settings that it does not know.
        cluster = (self._folder / "PG_VERSION").read_text().strip()
        command = [str(self._binaries / "postgres"), "--version"]
        answer = subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()  # noqa: S603
        if re.findall(r"\d+", answer)[:1] != [cluster]:
            raise ConfigurationError(
                f"{self._folder} was made by PostgreSQL {cluster}, but {self._binaries} holds {answer or 'none'}; "
                f"name the folder of a matching one in {BINARIES_VARIABLE}, or another data folder"
            )

    def _choose_identity(self) -> str:
        """The identity that serves the folder: "" for ours, "namespace", or "uid:gid"."""
        if os.geteuid() != 0:
            return ""
        owner = self._folder.stat()
        if owner.st_uid == 0:
            if namespaces_work(self._binaries / "postgres"):
                return "namespace"
            nobody = pwd.getpwnam("nobody")
            for path in (self._folder, *self._folder.rglob("*")):
                os.chown(path, nobody.pw_uid, nobody.pw_gid, follow_symlinks=False)
            owner = self._folder.stat()
        return f"{owner.st_uid}:{owner.st_gid}"

    def _initdb(self) -> None:
        # Locale C exists on every system and in every version; UTF-8 text is stored, and sorted by code point.
        arguments = [
            "-D",
            str(self._folder),
            "-U",
            "postgres",
            "-A",
            "trust",
            "--encoding=UTF8",
            "--locale=C",
        ]
        if self._chosen is None or not self._durable:
            arguments.append("--no-sync")

        command = launcher(self._identity, self._binaries / "initdb", *arguments)

        try:
            subprocess.run(  # noqa: S603
                command,
                cwd="/",
                env=_environment(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                pass_fds=(self._lock,),
                check=True,
                timeout=self._start_timeout_s,
            )
        except BaseException as error:
            for (
                entry
            ) in self._folder.iterdir():  # it was empty; half a cluster would block the next start
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
            if isinstance(error, subprocess.CalledProcessError | subprocess.TimeoutExpired):
                raise self._failure("initdb failed or took too long", error.stdout) from None
            raise

    def _choose_sockets(self) -> Path:
        if _SOCKET_PATH.fullmatch(str(self._folder / _SOCKET_NAME)):
            return self._folder
        parent = tempfile.gettempdir()
        if not _SOCKET_PATH.fullmatch(f"{parent}/aiocancel-pg-12345678/{_SOCKET_NAME}"):
            parent = "/tmp"  # noqa: S108 - mkdtemp makes it private
        sockets = Path(tempfile.mkdtemp(prefix="aiocancel-pg-", dir=parent))
        if ":" in self._identity:
            os.chown(sockets, *map(int, self._identity.split(":")))
        return sockets

    def _launch(self) -> None:
        settings = {
            "listen_addresses": "",
            "port": "5432",
            "unix_socket_directories": str(self._sockets),
            "unix_socket_permissions": "0700",
            "max_connections": str(self._max_connections),
            "timezone": "UTC",
            "log_timezone": "UTC",
            "logging_collector": "off",
        }
        if not self._durable:
            settings |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}

        options = [f"--{name}={value}" for name, value in settings.items()]
        log = self._folder / LOG_NAME

        with log.open("ab") as output:
            before = output.tell()
            self._process = subprocess.Popen(  # noqa: S603
                launcher(
                    self._identity, self._binaries / "postgres", "-D", str(self._folder), *options
                ),
                cwd="/",
                env=_environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                pass_fds=(self._lock,),  # locked for as long as any process of the server lives
                start_new_session=True,  # Ctrl-C in the terminal must reach the program first, which then stops us
            )

        deadline = time.monotonic() + self._start_timeout_s

        while not self._is_ready(self._process.pid):
            if self._process.poll() is not None:
                raise self._failure("PostgreSQL ended while starting", log.read_bytes()[before:])
            if time.monotonic() > deadline:
                what = f"PostgreSQL was not ready within {self._start_timeout_s:g} s"
                raise self._failure(what, log.read_bytes()[before:])
            time.sleep(0.005)

    def _is_ready(self, pid: int) -> bool:
        try:
            lines = (self._folder / "postmaster.pid").read_text().split()
        except OSError:
            return False
        return len(lines) > 1 and lines[0] == str(pid) and lines[-1] == "ready"

    def _end(self, process: subprocess.Popen[bytes], first: signal.Signals) -> None:
        for number in (first, signal.SIGQUIT, signal.SIGKILL):
            process.send_signal(number)
            try:
                process.wait(self._stop_timeout_s)
            except subprocess.TimeoutExpired:
                continue
            return

    def _failure(self, what: str, output: bytes | None) -> ConfigurationError:
        last = (output or b"").decode(errors="replace").strip().splitlines()[-12:]
        if ":" in self._identity:
            what += f" (as user:group {self._identity}, who must be able to reach {self._folder} and {self._binaries})"
        return ConfigurationError("\n".join([f"{what}:", *last]))


def _environment() -> dict[str, str]:
    """Ours without the variables of libpq and the server, and with messages in English."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PG")} | {
        "LC_ALL": "C"
    }


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except (
        OSError
    ):  # some network file systems cannot lock; the server's own pid file still guards the folder
        return True
    return True


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
