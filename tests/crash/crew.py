"""Processes that are kept alive, as a service manager does, and killed, as nobody should."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

from tests.crash.setup import Setup

ROOT = Path(__file__).resolve().parent.parent.parent
STOPS_WITHIN_S = 20.0

Role = Literal["web", "worker"]


def command(role: Role) -> list[str]:
    """How a process is started; the only place that knows."""
    if role == "web":
        return [sys.executable, "-m", "tests.crash.process"]

    return [sys.executable, "-m", "aiocancel", "worker", "tests.crash.site:cancel"]


class Place:
    """A place in the crew: a process, and after its end the next one, until it is closed.

    ``setup`` is asked for every process anew.
    """

    def __init__(self, role: Role, setup: Callable[[], Setup], log: Path) -> None:
        self.role: Role = role
        self.timing = ""
        self.url: str | None = None
        self._is_ready = False
        self.deaths: list[str] = []
        self.bad_ends: list[int] = []

        self._setup = setup
        self._log = log
        self._process: asyncio.subprocess.Process | None = None
        self._sent: list[signal.Signals] = []
        self._is_open = False
        self._keeper: asyncio.Task[None] | None = None

    @property
    def is_up(self) -> bool:
        """Whether it is at work, and no signal is on its way to it."""
        return self._is_ready and not self._sent and (self.role == "worker" or self.url is not None)

    def is_last(self, places: Sequence[Place]) -> bool:
        """Whether without this one there is none of its kind up."""
        return self.role == "web" and not any(
            other.is_up and other.timing == self.timing for other in places if other is not self
        )

    def open(self) -> None:
        """Start the first process."""
        self._is_open = True
        self._keeper = asyncio.create_task(self._keep())

    async def close(self, number: signal.Signals = signal.SIGTERM) -> None:
        """End the process and start no other."""
        self._is_open = False
        self.send(number)
        if self._keeper is not None:
            await self._keeper

    def kill(self) -> None:
        self.send(signal.SIGKILL)

    def send(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.returncode is None:
            if number is signal.SIGTERM and number in self._sent:
                # A second one would end it at once, with its work under way.
                return
            if number is not signal.SIGCONT:
                self._sent.append(number)
            elif signal.SIGSTOP in self._sent:
                self._sent.remove(signal.SIGSTOP)
            self._process.send_signal(number)

    async def _keep(self) -> None:
        while self._is_open:
            setup = self._setup()
            self._sent = []
            with self._log.open("ab") as log:
                self._process = await asyncio.create_subprocess_exec(
                    *command(self.role),
                    cwd=ROOT,
                    env=os.environ | setup.environment() | {"PYTHONPATH": str(ROOT)},
                    stdin=asyncio.subprocess.PIPE,
                    stdout=asyncio.subprocess.PIPE,
                    stderr=log,
                )
            if self._is_closed():
                self.kill()
            was_ready = await self._listen(self._process)
            status = await self._ended(self._process)
            self.url, self._is_ready = None, False
            if status == -signal.SIGKILL and signal.SIGKILL not in self._sent:
                self.deaths.append(setup.dies_at)
            elif status != 0 and not self._was_asked_for(status, was_ready=was_ready):
                self.bad_ends.append(status)
                await asyncio.sleep(0.2)

    def _is_closed(self) -> bool:
        return not self._is_open

    def _was_asked_for(self, status: int, *, was_ready: bool) -> bool:
        """Whether a signal of ours ended it; one that is ready has to end well when it is told to stop, once."""
        if -status not in self._sent:
            return False
        return status == -signal.SIGKILL or not was_ready or self._sent.count(signal.SIGTERM) > 1

    async def _listen(self, process: asyncio.subprocess.Process) -> bool:
        """Read what it says until it ends; False when it ended before it could heed a signal."""
        assert process.stdout is not None
        was_ready = False
        async for line in process.stdout:
            self._is_ready = was_ready = True
            if line.startswith(b"http://"):
                self.url = line.decode().strip()
        return was_ready

    async def _ended(self, process: asyncio.subprocess.Process) -> int:
        try:
            async with asyncio.timeout(STOPS_WITHIN_S):
                return await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
            return 1
