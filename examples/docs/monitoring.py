"""Health for the load balancer, metrics for Prometheus, and a log of what happened."""

from __future__ import annotations

import contextlib
from typing import Any

import prometheus_client
from aiohttp import web

import aiocancel
from aiocancel.metrics import PrometheusEvents
from aiocancel.telemetry import both, log_event


def make_app(**settings: Any) -> web.Application:
    """Make the site; ``settings`` are those of CancelFlow."""
    registry = prometheus_client.CollectorRegistry()
    events = PrometheusEvents(registry)
    cancel = aiocancel.CancelFlow(**settings, on_event=both(log_event, events))

    async def metrics(_: web.Request) -> web.Response:
        # Without the database there is no queue to count, and the counters are still worth a scrape.
        with contextlib.suppress(aiocancel.UnavailableError):
            events.set_queue(await cancel.queue_stats())
        return web.Response(body=prometheus_client.generate_latest(registry))

    app = web.Application()
    cancel.setup(app)
    app.router.add_get("/healthz", cancel.handle_health)
    app.router.add_get("/readyz", cancel.handle_ready)
    app.router.add_get("/metrics", metrics)
    return app
