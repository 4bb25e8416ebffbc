"""One PostgreSQL for the crash suite, and its counts at the end of the run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.crash.stage import Server

LINES = pytest.StashKey[list[str]]()


@pytest.fixture(scope="package")
def server() -> Iterator[Server]:
    with Server() as started:
        yield started


@pytest.fixture
def told(request: pytest.FixtureRequest) -> list[str]:
    """What is printed when all tests are through, passed or not."""
    return request.config.stash.setdefault(LINES, [])


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Hand the counts to the process that prints, where several processes run the tests."""
    answer = getattr(session.config, "workeroutput", None)
    if answer is not None:
        answer["crash counts"] = session.config.stash.get(LINES, [])


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take the counts of a process that has run its tests; one that crashed has none."""
    lines = getattr(node, "workeroutput", {}).get("crash counts", [])
    node.config.stash.setdefault(LINES, []).extend(lines)


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    if lines := config.stash.get(LINES, None):
        terminalreporter.section("crash counts")
        for line in lines:
            terminalreporter.write_line(line)
