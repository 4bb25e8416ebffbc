"""The crash suite by hand: ``python -m tests.crash --sessions 10000 --workers 2 --seed 1 --rate 10``.

That takes 17 minutes at the least, and longer on a machine that cannot keep up. The flow vendor allows more here than
it does in earnest, or most of it would be waiting.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
import tempfile
import time
from pathlib import Path

from tests.crash.scenarios import SCENARIOS, shares
from tests.crash.stage import Server, play


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.crash", description=__doc__.splitlines()[0]
    )
    parser.add_argument(
        "--sessions", type=int, default=1000, help="flow sessions, over all scenarios"
    )
    parser.add_argument("--workers", type=int, default=2, help="worker processes in every scenario")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rate", type=float, default=10.0, help="flow sessions a second")
    parser.add_argument("--scenario", default="", help="only those with this in their name")
    options = parser.parse_args()
    logs = Path(tempfile.mkdtemp(prefix="aiocancel-crash-"))
    print(f"seed {options.seed}, logs of the processes in {logs}", flush=True)
    # Told to stop, it ends its processes first.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    began, total, failed = time.monotonic(), 0, 0

    with Server() as server:
        for number, scenario in enumerate(SCENARIOS):
            if options.scenario not in scenario.name:
                continue
            (logs / f"{number}").mkdir()
            counts = asyncio.run(
                play(
                    scenario,
                    server,
                    sessions=shares(options.sessions)[scenario.name],
                    workers=options.workers,
                    seed=options.seed,
                    rate=options.rate,
                    logs=logs / f"{number}",
                )
            )
            print(counts.line(), flush=True)
            for problem in counts.problems[:20]:
                print(f"    {problem}", flush=True)
            total += counts.accepted
            failed += not counts.faultless

    print(
        f"{total} flow sessions accepted in {time.monotonic() - began:.0f} s, {failed} scenarios failed",
        flush=True,
    )

    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
