"""One PostgreSQL for the crash suite, and its counts at the end of the run."""

from __future__ import annotations

from collections.abc import Iterator

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


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    if lines := config.stash.get(LINES, None):
        terminalreporter.section("crash counts")
        for line in lines:
            terminalreporter.write_line(line)
