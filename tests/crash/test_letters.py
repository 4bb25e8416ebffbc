"""No letter is lost and none is untrue when a worker that writes, or the mail server that takes, dies."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.crash.letters import DEATHS, play_letters
from tests.crash.stage import Server

pytestmark = pytest.mark.crash

CUSTOMERS = int(os.environ.get("AIOCANCEL_CRASH_LETTERS", "24"))
# Each is a process more; all seven are played by hand, and one by one in tests/worker/test_acknowledge.py.
POINTS = (
    "after the letter was stored",
    "while the mail server is at work",
    "before the hand-over is stored",
)


async def test_A6_letters_survive_the_death_of_workers_and_of_the_mail_server(
    server: Server, told: list[str], tmp_path: Path
) -> None:
    counts = await play_letters(server, customers=CUSTOMERS, points=POINTS, logs=tmp_path)

    told.append(counts.line())
    assert counts.lost == 0, counts.line()
    assert counts.untrue == 0, counts.line()
    assert counts.altered == 0, counts.line()
    # A customer who has a letter twice had it because an answer was lost, and that is in the ledger.
    assert counts.uncounted == 0, counts.line()
    assert set(counts.worker_deaths) == set(POINTS)
    assert counts.server_deaths == len(DEATHS)
