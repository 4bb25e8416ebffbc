"""Every command in the docs is one that exists: it is run here, or it is marked with where it is run."""

from __future__ import annotations

import asyncio
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from aiocancel.cli.main import main

ROOT = Path(__file__).parent.parent
PAGES = [
    ROOT / "README.md",
    ROOT / ".github" / "CONTRIBUTING.md",
    *sorted(ROOT.glob("docs/**/*.md")),
]

# What no test can run as it stands, and where it is run instead.
RUN_ELSEWHERE = {
    "aiocancel check myapp:cancel": "tests/cli/test_check.py",
    "aiocancel worker scaling:make_cancel --concurrency 20 --health-port 8081": "tests/test_docs_examples.py",
    "pytest": "tests/test_docs_examples.py, the tutorial",
    "mkdir shop": ".ci, the bare machine",
    "python3 -m venv .venv": ".ci, the bare machine",
    ". .venv/bin/activate": ".ci, the bare machine",
    "python examples/saas_app.py": "tests/browser/test_demo.py",
    "pytest -n auto": ".ci, the whole run",
    'pytest -n auto -m "not slow"': ".ci, the fast run",
    "cd shop": ".ci, the bare machine",
    "aiocancel flow show flow_shop:cancel": "tests/test_docs_examples.py, the tutorial",
    "aiocancel flow check flow_shop:cancel": "tests/test_docs_examples.py, the tutorial",
    "aiocancel flow show yourapp:cancel": "tests/cli/test_flow.py",
    "aiocancel flow check yourapp:cancel": "tests/cli/test_flow.py",
    "aiocancel evidence export 0f8f7a34-5d0e-4f5e-9d5b-0c1f2ad9e1f7 --out .": "tests/cli/test_evidence.py",
    "aiocancel evidence verify evidence-0f8f7a34.json": "tests/cli/test_evidence.py",
    "aiocancel evidence verify evidence-0f8f7a34.json --compare": "tests/cli/test_evidence.py",
}
# These answer 1 on an empty ledger: there is no action 17.
NAMES_AN_ACTION = re.compile(r"aiocancel actions (?:show|retry|close) 17\b")


def commands() -> Iterator[tuple[str, str]]:
    """Each command of each block of shell, with the page that it stands on."""
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for block in re.findall(r"```(?:sh|bash|console)\n(.*?)```", text, re.DOTALL):
            for line in block.splitlines():
                for command in line.partition("  #")[0].split(" && "):
                    if command.strip():
                        yield page.relative_to(ROOT).as_posix(), command.strip()


COMMANDS = sorted({command for _, command in commands()})
OF_OURS = [each for each in COMMANDS if each.startswith("aiocancel ") and each not in RUN_ELSEWHERE]
INSTALLS = [each for each in COMMANDS if each.startswith("pip install ")]
PYTHON = [each for each in COMMANDS if each.startswith("python -c ")]


def test_every_command_is_run_here_or_marked() -> None:
    unknown = set(COMMANDS) - set(OF_OURS) - set(INSTALLS) - set(PYTHON) - set(RUN_ELSEWHERE)

    assert unknown == set()
    assert set(RUN_ELSEWHERE) <= set(COMMANDS), "a mark of a command that is gone"
    assert len(OF_OURS) > 5


@pytest.mark.parametrize("command", OF_OURS)
async def test_a_command_of_ours_works_as_it_is_written(
    database: str, command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATABASE_URL", database)

    # It has a loop of its own.
    status = await asyncio.to_thread(main, shlex.split(command)[1:])

    said = capsys.readouterr()
    assert status == (1 if NAMES_AN_ACTION.match(command) else 0), said.err
    assert "17" in said.err if status else said.err == ""


@pytest.mark.parametrize("command", PYTHON)
def test_a_line_of_python_prints_what_the_page_says(command: str) -> None:
    _, *arguments = shlex.split(command)

    done = subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, check=True, timeout=60
    )

    # Keys, as grant keys and webhook tokens have to be.
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}\n", done.stdout)


@pytest.mark.parametrize("command", INSTALLS)
def test_what_is_installed_has_the_extras_that_are_named(command: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    named = re.findall(r"\[([a-z, ]+)\]", command)

    assert {each for names in named for each in names.split(",")} <= set(
        project["optional-dependencies"]
    )


def test_no_page_puts_the_address_of_a_database_on_a_command_line() -> None:
    # Every user of the machine can read the arguments of its processes, and the address holds a password.
    assert len(COMMANDS) > 30
    assert [
        (page, command)
        for page, command in commands()
        if "--database-url" in command or "postgresql://" in command
    ] == []
