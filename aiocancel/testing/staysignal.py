"""A stand-in for a StaySignal widget, on a loopback port or in an application of one's own.

The genuine script, the name of its function and the attribute that carries the id are not public, so here
they are whatever the settings say. What the two have in common is what the documentation tells: the two
opt-out switches, ``onComplete`` and ``onError``.

    simulator = StaySignalSimulator(global_name="StandIn.init", subscription_attribute="data-subscription")
    async with simulator.serve() as url:
        ...  # StaySignal(script_url=f"{url}/widget.js", csp_sources={"connect-src": [url]}, …)
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import cache
from importlib.resources import files

from aiohttp import web

SHUTDOWN_TIMEOUT_S = 0.5

Cancel = Callable[[str], Awaitable[None]]


class StaySignalSimulator:
    """A widget and, behind it, a vendor who cancels at Stripe.

    ``canceled`` is what was asked for, oldest first.

    Args:
        global_name: The dotted name of the widget's init function, as given to ``StaySignal``.
        subscription_attribute: The ``data-…`` attribute that carries the id, as given to ``StaySignal``.
        cancel: ``async (subscription_id) -> None``, called where the page has not opted out; without it such a
            cancellation fails.
        fails: Whether every "yes" ends in an error.
        only_logs: Whether the page is told nothing.
    """

    def __init__(
        self,
        *,
        global_name: str,
        subscription_attribute: str,
        cancel: Cancel | None = None,
        fails: bool = False,
        only_logs: bool = False,
    ) -> None:
        self.global_name = global_name
        self.subscription_attribute = subscription_attribute
        self.fails = fails
        self.only_logs = only_logs
        self.canceled: list[str] = []
        self._cancel = cancel
        self._url = ""

    @contextlib.asynccontextmanager
    async def serve(self, port: int = 0) -> AsyncIterator[str]:
        """Listen on 127.0.0.1, and yield the origin, with the widget at ``/widget.js``.

        Args:
            port: 0 takes one that is free.
        """
        app = web.Application()
        app.router.add_get("/widget.js", self.handle_script)
        app.router.add_post("/cancel", self._handle_cancel)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=SHUTDOWN_TIMEOUT_S)
        await runner.setup()

        try:
            await web.TCPSite(runner, "127.0.0.1", port).start()
            self._url = f"http://127.0.0.1:{runner.addresses[0][1]}"
            yield self._url
        finally:
            self._url = ""
            await runner.cleanup()

    async def handle_script(self, _: web.Request) -> web.Response:
        """Answer with the widget; also a handler for an application's own route."""
        settings = {
            "globalName": self.global_name.removeprefix("window."),
            "attribute": self.subscription_attribute,
            "cancelUrl": f"{self._url}/cancel" if self._cancel is not None and self._url else None,
            "fails": self.fails,
            "onlyLogs": self.only_logs,
        }

        return web.Response(
            text=_source().replace("/* SETTINGS */ {}", json.dumps(settings), 1),
            content_type="text/javascript",
            headers={"Access-Control-Allow-Origin": "*", "Cache-Control": "no-store"},
        )

    async def _handle_cancel(self, request: web.Request) -> web.Response:
        subscription_id = str((await request.post()).get("subscriptionId", ""))
        self.canceled.append(subscription_id)
        if self._cancel is not None:
            await self._cancel(subscription_id)
        return web.Response(status=204, headers={"Access-Control-Allow-Origin": "*"})


@cache
def _source() -> str:
    return (
        files(__package__ or "aiocancel.testing")
        .joinpath("staysignal_standin.js")
        .read_text("utf-8")
    )
