"""What importing costs: ``python -m tests.benchmarks.imports``.

CPU time and memory of a fresh interpreter, beside ``import aiohttp``. The names of the quickstart bring asyncpg and
``aiohttp.web`` with them, which the application has as well: of those the last row is free. What is needed to run comes
when the plug-in opens, in a thread: the row of that is what a start has to import besides.
"""

from __future__ import annotations

import subprocess
import sys
from statistics import median

from tests.benchmarks.kit import ROOT, Table, read_options, report

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
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return [float(number) for number in run.stdout.split()]


def main() -> None:
    options = read_options(__doc__ or "", rounds=11)
    once(*WAYS["the quickstart's names"])  # the first time compiles
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
    report(options, [table], counts={"modules of stripe imported": stripe[2]})


if __name__ == "__main__":
    main()
