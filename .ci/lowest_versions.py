"""Print the lowest version that each dependency of a project allows, as constraints for pip.

    python .ci/lowest_versions.py pyproject.toml > lowest.txt

Only what runs with the package counts: the tools of the tests and of the documentation stay at their newest.
The newest allowed versions are those that every other step of the check installs.
"""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

RUNS_WITH_THE_PACKAGE = ("demo", "mail", "prometheus", "opentelemetry")
LOWEST = re.compile(r"([A-Za-z0-9._-]+)(?:\[[^]]*\])?>=([0-9][^,; ]*)")


def main(pyproject: Path) -> None:
    """Print one constraint a line; raises SystemExit for a dependency without a lowest version."""
    project = tomllib.loads(pyproject.read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    wanted = [
        *project["dependencies"],
        *(line for name in RUNS_WITH_THE_PACKAGE for line in extras[name]),
    ]

    for requirement in wanted:
        found = LOWEST.match(requirement)
        if found is None:
            raise SystemExit(f"{requirement} names no lowest version")
        print(f"{found[1]}=={found[2]}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
