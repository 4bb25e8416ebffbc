"""What the benchmarks share: processes whose CPU time is read from outside, rounds in turn, and tables.

Rivals are measured in rounds, each rival once a round, so that whatever else the machine does meets all of them
alike. Of the rounds the median counts. Nothing here passes or fails: times belong to a machine.
"""

from __future__ import annotations

import argparse
import asyncio
import atexit
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Options:
    """How a benchmark was asked for; ``quick`` only shows that it runs, its times mean nothing."""

    quick: bool
    as_json: bool
    rounds: int

    def sized(self, full: int, quick: int) -> int:
        """An amount of work."""
        return quick if self.quick else full


def read_options(description: str, *, rounds: int = 15) -> Options:
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument(
        "--quick", action="store_true", help="only see that it runs; the times mean nothing"
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    parser.add_argument(
        "--rounds", type=int, default=rounds, help="how often each rival is measured"
    )
    given = parser.parse_args()
    return Options(given.quick, given.json, 1 if given.quick else given.rounds)


@dataclass
class Table:
    """Rows of texts and numbers under ``columns``."""

    title: str
    columns: Sequence[str]
    rows: list[Sequence[object]] = field(default_factory=list)

    def add(self, *cells: object) -> None:
        self.rows.append(cells)

    def __str__(self) -> str:
        texts = [list(self.columns), *[[_spelled(cell) for cell in row] for row in self.rows]]
        widths = [max(map(len, column)) for column in zip(*texts, strict=True)]
        lines = [
            "  ".join(
                cell.ljust(width) if index == 0 else cell.rjust(width)
                for index, (cell, width) in enumerate(zip(row, widths, strict=True))
            ).rstrip()
            for row in texts
        ]
        return "\n".join([self.title, lines[0], "-" * len(lines[0]), *lines[1:]])


def _spelled(cell: object) -> str:
    if not isinstance(cell, float):
        return "" if cell is None else str(cell)
    if cell >= 1000:
        return f"{cell:,.0f}"
    return f"{cell:.2f}" if cell < 10 else f"{cell:.1f}"


def report(
    options: Options,
    tables: Sequence[Table],
    *,
    counts: Mapping[str, float],
    notes: Sequence[str] = (),
) -> None:
    """Print what was measured; ``counts`` are exact and do not depend on the machine."""
    if options.as_json:
        shown = [
            {"title": table.title, "columns": table.columns, "rows": table.rows} for table in tables
        ]
        print(
            json.dumps(
                {
                    "machine": machine(),
                    "tables": shown,
                    "counts": dict(counts),
                    "notes": list(notes),
                }
            )
        )
        return

    print(machine())
    for table in tables:
        print(f"\n{table}")

    if counts:
        print("\nexact: " + ", ".join(f"{name} {count:g}" for name, count in counts.items()))

    for note in notes:
        print(f"note: {note}")


def machine() -> str:
    names = [
        line.partition(":")[2].strip()
        for line in _lines("/proc/cpuinfo")
        if line.startswith("model name")
    ]
    cores = f"{len(names)} x {names[0]}" if names else platform.processor()
    return f"CPython {platform.python_version()}, {platform.system()} {platform.machine()}, {cores}"


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text(encoding="utf-8").splitlines()
    except OSError:
        return []


def in_turn(rounds: int, rivals: Mapping[str, Callable[[], float]]) -> dict[str, list[float]]:
    """Measure every rival once a round; the first of a round is another one each time."""
    measured: dict[str, list[float]] = {name: [] for name in rivals}
    names = list(rivals)
    for turn in range(rounds):
        first = turn % len(names)
        for name in names[first:] + names[:first]:
            measured[name].append(rivals[name]())
    return measured


def medians(measured: Mapping[str, Sequence[float]]) -> dict[str, float]:
    return {name: median(values) for name, values in measured.items()}


# --- processes ------------------------------------------------------------------------------------------


def cpu_s(pid: int) -> float:
    """The CPU time of another process so far, all its threads, in seconds.

    Linux gives every process a clock of its own, in nanoseconds.
    Source: https://man7.org/linux/man-pages/man3/clock_getcpuclockid.3.html
    """
    return time.clock_gettime((~pid << 3) | 2)


def family_cpu_s(pid: int) -> float:
    """The CPU time of a process, its children that run, and those that it has waited for (to 10 ms), in seconds.

    Source: https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html
    """
    running = 0.0
    for child_pid in " ".join(_lines(f"/proc/{pid}/task/{pid}/children")).split():
        # One that has just ended is among those waited for.
        with suppress(OSError):
            running += cpu_s(int(child_pid))
    waited_for = (
        Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[13:15]
    )
    return cpu_s(pid) + running + sum(map(int, waited_for)) / os.sysconf("SC_CLK_TCK")


@cache
def compiled() -> Mapping[str, str]:
    """An environment for processes that find everything compiled, as after an installation, from the second one on.

    A container may forbid bytecode; then each process would compile the whole package again, and that be measured.
    """
    folder = tempfile.mkdtemp(prefix="aiocancel-bytecode-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "PYTHONPYCACHEPREFIX": folder}


@dataclass
class Child:
    """A process that serves; ``said`` is the line that it wrote when it was ready."""

    process: subprocess.Popen[str]
    said: str

    @property
    def port(self) -> int:
        return int(self.said)

    @property
    def cpu_s(self) -> float:
        return cpu_s(self.process.pid)

    @property
    def rss_kib(self) -> int:
        """Its resident memory in KiB."""
        line = next(
            line for line in _lines(f"/proc/{self.process.pid}/status") if line.startswith("VmRSS")
        )
        return int(line.split()[1])

    def ask(self, request: Mapping[str, Any]) -> Any:
        """Send one line of JSON to its standard input and read one from its output."""
        if self.process.stdin is None or self.process.stdout is None:
            raise RuntimeError("the process has no pipes")
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())


@contextmanager
def child(*command: str, cwd: Path = ROOT, env: Mapping[str, str] | None = None) -> Iterator[Child]:
    """Run a program until the block ends; it says one line when it is ready."""
    process = subprocess.Popen(
        command,
        cwd=cwd,
        env=env,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )

    try:
        said = process.stdout.readline().strip() if process.stdout else ""
        if not said:
            raise RuntimeError(f"{' '.join(command)} did not start")
        yield Child(process, said)
    finally:
        process.kill()
        process.communicate()


@contextmanager
def python(module: str, *arguments: str) -> Iterator[Child]:
    """Run a module of the benchmarks in a process of its own."""
    with child(sys.executable, "-m", f"tests.benchmarks.{module}", *arguments) as started:
        yield started


# --- the loop -------------------------------------------------------------------------------------------


class Heartbeat:
    """Delays of a task that wants to run every millisecond: how long the loop was held by something else."""

    def __init__(self) -> None:
        self.stalls_s: list[float] = []

    def at(self, share: float) -> float:
        """The stall in milliseconds that this share of the beats stayed below; 1 gives the worst."""
        ordered = sorted(self.stalls_s)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] * 1000 if ordered else 0.0


@asynccontextmanager
async def heartbeat(every_s: float = 0.001) -> AsyncIterator[Heartbeat]:
    heart = Heartbeat()

    async def beat() -> None:
        while True:
            before = time.perf_counter()
            await asyncio.sleep(every_s)
            heart.stalls_s.append(max(0.0, time.perf_counter() - before - every_s))

    task = asyncio.create_task(beat())
    try:
        yield heart
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
