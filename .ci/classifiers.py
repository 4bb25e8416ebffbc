"""Hold the classifiers to the Pythons that the tests ran on: ``classifiers.py pyproject.toml 3.11 3.13 …``."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

PREFIX = "Programming Language :: Python :: 3."


def main() -> int:
    pyproject, *ran = sys.argv[1:]
    named = tomllib.loads(Path(pyproject).read_text(encoding="utf-8"))["project"]["classifiers"]
    declared = {each.removeprefix(PREFIX) for each in named if each.startswith(PREFIX)}
    tried = {version.removeprefix("3.") for version in ran}
    if declared - tried:
        print(
            "declared, but not run:", ", ".join(f"3.{minor}" for minor in sorted(declared - tried))
        )
        return 1
    print("ran on", ", ".join(f"3.{minor}" for minor in sorted(tried)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
