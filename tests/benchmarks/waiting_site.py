"""A site or a worker for ``waiting``: ``python waiting_site.py site|worker|both|command DSN STRIPE_URL``.

It uses nothing but the public API, so that it runs with any release that is first on ``PYTHONPATH``. ``command`` is the
worker as ``aiocancel worker`` runs it.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import sys
import threading
import tracemalloc

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
    """Answer each line of the standard input with the lines of code that hold more than at the question before."""
    before: tracemalloc.Snapshot | None = None
    for _ in sys.stdin:
        gc.collect()
        now = tracemalloc.take_snapshot()
        grown = now.compare_to(before, "lineno")[:15] if before is not None else []
        before = now
        print(json.dumps([str(each) for each in grown]), flush=True)


def from_environment() -> CancelFlow:
    """Make what ``aiocancel worker waiting_site:from_environment`` runs."""
    import stripe

    stripe.enable_telemetry = False
    return make_cancel(os.environ["DSN"], os.environ["STRIPE_URL"], run_worker=True)


def command(dsn: str, stripe_url: str) -> None:
    from aiocancel.cli.main import main as run

    os.environ.update(DSN=dsn, STRIPE_URL=stripe_url)
    print(0, flush=True)
    run(["worker", "waiting_site:from_environment"])


async def main(what: str, dsn: str, stripe_url: str) -> None:
    import stripe

    stripe.enable_telemetry = False
    if tracemalloc.is_tracing():
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
