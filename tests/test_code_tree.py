"""The tree of the tests says what is tested where: a folder is named as the package's, or is one of a few kinds."""

from __future__ import annotations

import re
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


# They print the table of offers from the parameters of the tests that decide its cells.
SHOW_TESTS = {"support/offer_table.py", "test_offer_table.py"}


def test_no_test_imports_another_test() -> None:
    importing = {
        path.relative_to(TESTS).as_posix()
        for path in TESTS.rglob("*.py")
        if re.search(
            r"^\s*(?:from tests\.\S*\btest_\w+|from tests\.?\S* import (?:.*\W)?test_\w+)",
            path.read_text(encoding="utf-8"),
            re.MULTILINE,
        )
    }

    assert importing == SHOW_TESTS, "what two test files need lives in tests/support"


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


# Of the project as a whole, or of files beside the package.
OF_THE_WHOLE = {
    "test_architecture.py",
    "test_code_tree.py",
    "test_docs.py",
    "test_docs_commands.py",
    "test_docs_examples.py",
    "test_examples.py",
    "test_offer_table.py",
    "test_readme.py",
    "test_secrets.py",
}


def test_a_file_of_tests_is_named_as_the_module_that_it_tests_and_perhaps_a_subject() -> None:
    strays = [
        path.relative_to(TESTS).as_posix()
        for path in TESTS.rglob("test_*.py")
        if kind_of(path) not in KINDS
        and path.name not in OF_THE_WHOLE
        and not _starts_like_a_module(path)
    ]

    assert strays == []


def _starts_like_a_module(path: Path) -> bool:
    folder = PACKAGE / path.relative_to(TESTS).parent
    modules = [
        *(each.stem for each in folder.glob("*.py")),
        *(each.name for each in folder.iterdir() if each.is_dir()),
    ]
    subject = path.stem.removeprefix("test_") + "_"
    return any(subject.startswith(f"{module}_") for module in modules)
