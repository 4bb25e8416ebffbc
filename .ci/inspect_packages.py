"""Look into the wheel and the sdist: what must be inside is, and what must not be is not.

python .ci/inspect_packages.py DIST
"""

from __future__ import annotations

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

SOURCES = Path("aiocancel")


def main(dist: Path) -> None:
    """Raise SystemExit that names each fault, or print how many files were compared."""
    (wheel,) = dist.glob("*.whl")
    (sdist,) = dist.glob("*.tar.gz")
    in_wheel = set(zipfile.ZipFile(wheel).namelist())
    with tarfile.open(sdist) as archive:
        in_sdist = {name.partition("/")[2] for name in archive.getnames()}

    # Every tracked file of the package, code or not: the page's script, the migrations, the simulators' assets.
    command = ["git", "ls-files", str(SOURCES)]
    tracked = set(
        subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    )
    faults = [f"the wheel lacks {name}" for name in sorted(tracked - in_wheel)]
    faults += [f"the sdist lacks {name}" for name in sorted(tracked - in_sdist)]
    faults += [
        f"the wheel holds {name}"
        for name in sorted(in_wheel - tracked)
        if not name.partition("/")[0].endswith(".dist-info")
    ]

    for needed in ("py.typed", "web/flow.js"):
        if f"aiocancel/{needed}" not in in_wheel:
            faults.append(f"the wheel lacks aiocancel/{needed}")
    if not any(name.startswith("aiocancel/postgres/migrations/0001") for name in in_wheel):
        faults.append("the wheel lacks the migrations")
    if not any(name.endswith(".dist-info/licenses/LICENSE") for name in in_wheel):
        faults.append("the wheel lacks the licence")
    faults += [
        f"the sdist lacks {name}"
        for name in ("LICENSE", "README.md", "CHANGELOG.md", "pyproject.toml", "tests/conftest.py")
        if name not in in_sdist
    ]

    if faults:
        raise SystemExit("\n".join(faults))
    print(
        f"{wheel.name} and {sdist.name}: {len(tracked)} files of the package in both, and the licence"
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
