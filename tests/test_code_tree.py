"""The tree of the tests says what is tested where: a folder is named as the package's, or is one of a few kinds."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

TESTS = Path(__file__).parent
PACKAGE = TESTS.parent / "aiocancel"
# These follow a customer, a browser, a crash, a contract or bad input through all of the package.
KINDS = {"benchmarks", "browser", "contract", "crash", "fuzz", "stories", "support"}


def folders() -> list[str]:
    return sorted(
        path.relative_to(TESTS).as_posix()
        for path in TESTS.rglob("*")
        if path.is_dir() and path.name != "__pycache__" and any(path.glob("*.py"))
    )


def kind_of(path: Path) -> str:
    return path.relative_to(TESTS).parts[0]


def test_a_folder_of_tests_is_named_as_the_folder_that_it_tests() -> None:
    mirrored = [folder for folder in folders() if folder.split("/")[0] not in KINDS]

    assert len(mirrored) > 8
    assert [folder for folder in mirrored if not (PACKAGE / folder).is_dir()] == []


def test_every_kind_that_is_named_here_exists() -> None:
    assert {folder for folder in KINDS if not (TESTS / folder).is_dir()} == set()


def test_helpers_live_in_support_or_with_the_one_kind_that_uses_them() -> None:
    helpers = [
        path.relative_to(TESTS).as_posix()
        for path in TESTS.rglob("*.py")
        if not path.name.startswith("test_")
        and path.name not in ("__init__.py", "conftest.py")
        and kind_of(path) not in KINDS
    ]

    assert helpers == []


def test_two_test_files_of_one_name_test_modules_of_that_name() -> None:
    named: dict[str, list[Path]] = defaultdict(list)
    for path in TESTS.rglob("test_*.py"):
        named[path.name].append(path)

    strays = [
        path.relative_to(TESTS).as_posix()
        for paths in named.values()
        if len(paths) > 1
        for path in paths
        if not _module_of(path).exists() and not _module_of(path).with_suffix("").is_dir()
    ]

    assert strays == []


def _module_of(test: Path) -> Path:
    return PACKAGE / test.relative_to(TESTS).parent / test.name.removeprefix("test_")
