"""A site or a worker for ``waiting``: ``python waiting_site.py site|worker|both|command DSN STRIPE_URL``.

It uses nothing but the public API, so that it runs with any release that is first on ``PYTHONPATH``. ``command`` is the
worker as ``aiocancel worker`` runs it, with its health served on the port behind, if there is one.
"""

from __future__ import annotations

import asyncio
import ctypes
import gc
import json
import os
import re
import sys
import tempfile
import threading
import tracemalloc
from collections import Counter
from typing import Any

from aiohttp import web

from aiocancel import CancelFlow, ProsperStack, StripeBilling, SubscriptionQuery


async def identify(request: web.Request) -> str | None:
    return request.headers.get("X-Customer")


def make_cancel(dsn: str, stripe_url: str, *, run_worker: bool) -> CancelFlow:
    return CancelFlow(
        vendor=ProsperStack(client_id="acct_test", client_secret="a secret"),
        billing=StripeBilling(
            api_key="sk_test_simulator",
            api_base=stripe_url,
            max_requests_per_s=1000,
            max_requests_per_s_per_endpoint=1000,
        ),
        database=dsn,
        identify=identify,
        subscriptions=SubscriptionQuery("SELECT 'sub_' || $1::text AS subscription_id"),
        grant_keys=["a grant key for a benchmark"],
        migrate_on_start=True,
        run_worker=run_worker,
        worker_concurrency=20,
    )


def tell_of_memory() -> None:
    """Answer each line of the standard input with what fills this process; traced, also which lines hold more."""
    before: tracemalloc.Snapshot | None = None
    for _ in sys.stdin:
        gc.collect()
        lines: list[str] = []
        if tracemalloc.is_tracing():
            now = tracemalloc.take_snapshot()
            grown = now.compare_to(before, "lineno")[:15] if before is not None else []
            before, lines = now, [str(each) for each in grown]
        types = Counter(type(each).__qualname__ for each in gc.get_objects())
        answer = {"memory": memory_kib(), "types": types, "lines": lines}
        print(json.dumps(answer), flush=True)


def memory_kib() -> dict[str, int]:
    """Return what Python's objects and C's blocks take of this process, and what both keep free for later, in KiB."""
    with tempfile.TemporaryFile() as written:
        stderr = os.dup(2)
        os.dup2(written.fileno(), 2)
        try:
            # Writes to the file itself, past sys.stderr.
            sys._debugmallocstats()
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)
        written.seek(0)
        said = written.read().decode()

    def bytes_of(what: str) -> int:
        found = re.search(rf"^{what}.*= +([0-9,]+)$", said, re.MULTILINE)
        return int(found[1].replace(",", "")) if found else 0

    objects = bytes_of("# bytes in allocated blocks")
    arenas = bytes_of(r"\d+ arenas \* \d+ bytes/arena")
    blocks = mallinfo()
    return {
        "objects": objects // 1024,
        "objects_free": (arenas - objects) // 1024,
        "blocks": (blocks.uordblks + blocks.hblkhd) // 1024,
        "blocks_free": blocks.fordblks // 1024,
    }


class MallInfo(ctypes.Structure):
    """See mallinfo2(3)."""

    _fields_ = [
        (name, ctypes.c_size_t)
        for name in (
            *("arena", "ordblks", "smblks", "hblks", "hblkhd"),
            *("usmblks", "fsmblks", "uordblks", "fordblks", "keepcost"),
        )
    ]


def mallinfo() -> Any:
    """Return the C library's account of its heap; zeros where it keeps none."""
    read = getattr(ctypes.CDLL(None), "mallinfo2", None)
    if read is None:
        return MallInfo()
    read.restype = MallInfo
    return read()


def from_environment() -> CancelFlow:
    """Make what ``aiocancel worker waiting_site:from_environment`` runs."""
    import stripe

    stripe.enable_telemetry = False
    return make_cancel(os.environ["DSN"], os.environ["STRIPE_URL"], run_worker=True)


def command(dsn: str, stripe_url: str, *health_port: str) -> None:
    from aiocancel.cli.main import main as run

    os.environ.update(DSN=dsn, STRIPE_URL=stripe_url)
    print(0, flush=True)
    health = [f"--health-port={port}" for port in health_port]
    run(["worker", "waiting_site:from_environment", *health])


async def main(what: str, dsn: str, stripe_url: str) -> None:
    import stripe

    stripe.enable_telemetry = False
    threading.Thread(target=tell_of_memory, daemon=True).start()
    cancel = make_cancel(dsn, stripe_url, run_worker=what != "site")
    if what == "worker":
        print(0, flush=True)
        await cancel.work(asyncio.Event())
        return

    app = web.Application()
    cancel.setup(app)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, backlog=1000).start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    if sys.argv[1] == "command":
        command(*sys.argv[2:])
    else:
        asyncio.run(main(*sys.argv[1:]))
