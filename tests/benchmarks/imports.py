"""What importing costs: ``python -m tests.benchmarks.imports``.

CPU time and memory of a fresh interpreter, beside ``import aiohttp``. The names of the quickstart bring asyncpg and
``aiohttp.web`` with them, which the application has as well: of those the last row is free. What is needed to run comes
when the plug-in opens, in a thread: the row of that is what a start has to import besides. All is compiled before, as
an installation is, whatever the environment says of bytecode: compiling takes as long again.
"""

from __future__ import annotations

import subprocess
import sys
from statistics import median

from tests.benchmarks.kit import ROOT, Table, compiled, read_options, report

NAMES = "from aiocancel import CancelFlow, ProsperStack, StripeBilling, SubscriptionQuery"
PARTS = "import aiohttp, aiohttp_jinja2, asyncpg, jinja2"
OPENING = "import aiocancel.assembly, pgqueuer.qm, pgqueuer.queries"
WAYS = {
    "import aiohttp": ("", "import aiohttp"),
    "import aiocancel": ("", "import aiocancel"),
    "aiohttp, aiohttp-jinja2, asyncpg": ("", PARTS),
    "the quickstart's names": ("", NAMES),
    "the quickstart's names, after those": (PARTS, NAMES),
    "what opening brings, after all that": (f"{PARTS}; {NAMES}", OPENING),
}

MEASURE = """
import sys, time
def rss():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))
{before}
modules, memory, started = len(sys.modules), rss(), time.process_time()
{what}
print(time.process_time() - started, rss() - memory, len(sys.modules) - modules)
"""


def once(before: str, what: str) -> list[float]:
    """CPU seconds, KiB and modules."""
    code = MEASURE.format(before=before, what=what)
    run = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=compiled(),
        capture_output=True,
        text=True,
        check=True,
    )
    return [float(number) for number in run.stdout.split()]


COLLECT = """
import gc, time
{before}
gc.collect()
{freeze}
started = time.process_time()
gc.collect()
print(time.process_time() - started, len(gc.get_objects()))
"""
STARTED = f"{PARTS}; {NAMES}; {OPENING}, stripe"


def collection(freeze: str) -> tuple[float, float]:
    """CPU seconds of a full garbage collection over what a start has made, and over how many objects it goes."""
    code = COLLECT.format(before=STARTED, freeze=freeze)
    run = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=compiled(),
        capture_output=True,
        text=True,
        check=True,
    )

    took, objects = map(float, run.stdout.split())
    return took, objects


def measure_freezing(rounds: int) -> Table:
    table = Table("a full garbage collection after the start", ["what", "CPU ms", "objects"])
    ways = {"as it is": "", "frozen": "gc.freeze()"}
    measured: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            measured[name].append(collection(way))

    for name, runs in measured.items():
        took, objects = (median(run[column] for run in runs) for column in range(2))
        table.add(name, took * 1000, int(objects))
    return table


def main() -> None:
    options = read_options(__doc__ or "", rounds=11)
    for way in WAYS.values():
        once(*way)  # the first time compiles
    measured = {name: [] for name in WAYS}  # type: dict[str, list[list[float]]]

    for _ in range(options.rounds):
        for name, way in WAYS.items():
            measured[name].append(once(*way))

    table = Table("", ["what", "CPU ms", "times aiohttp", "RSS MiB", "times aiohttp", "modules"])
    base = measured["import aiohttp"]

    for name, runs in measured.items():
        cpu, memory, modules = (median(run[column] for run in runs) for column in range(3))
        ratios = [
            median(run[column] / other[column] for run, other in zip(runs, base, strict=True))
            for column in (0, 1)
        ]
        table.add(name, cpu * 1000, ratios[0], memory / 1024, ratios[1], int(modules))

    stripe = once(NAMES, "import sys; assert 'stripe' not in sys.modules")
    tables = [table, measure_freezing(options.rounds)]
    report(options, tables, counts={"modules of stripe imported": stripe[2]})


if __name__ == "__main__":
    main()
