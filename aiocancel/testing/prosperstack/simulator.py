"""A simulated ProsperStack that the genuine browser client accepts, on loopback ports.

It plays four parts of the vendor: the browser API (``POST /flow``), the app inside the iframe, the
REST API (``/v1``) and the sender of webhooks. It is for tests and demonstrations: it keeps everything
in memory, listens on 127.0.0.1 only, and what the vendor does not document it decides here, simply.

    simulator = ProsperStackSimulator()
    async with simulator.serve() as hosts:
        ...  # hosts.api_url, hosts.app_url: two origins, as in reality
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

from aiohttp import web

from aiocancel.testing.prosperstack import pages, rest
from aiocancel.testing.prosperstack.browser_api import add_browser_api
from aiocancel.testing.prosperstack.state import Hosts, ProsperStackState, RecordedRequest


class ProsperStackSimulator(ProsperStackState):
    """The whole vendor in one object: its state, and the hosts that serve it.

    Args:
        client_id: The account's id, as given to ``ProsperStack``.
        client_secret: What payloads must be signed with.
        api_key: The key that the REST API takes.
        clock: Says what time it is.
        new_id: Makes an id from its prefix.
        require_signature: False opens unsigned flow sessions as well.
        offers: The offers of a flow; None for one of each type.
        confirmation_step: Whether the iframe stays open after completion.
        report_incomplete: Whether the × reports ``incomplete`` before it closes.
        redirect_uri: Where the widget leads the customer at the end; None for nowhere.
        webhook_url: Where events are posted to; None for nowhere.
        known_subscriptions: The only subscriptions that a flow is opened for; None for any.
        properties: The types of the custom properties that exist, by identifier; None for any.
        rate_limit: How many requests the REST API takes in a minute, as its headers say.
        echoes_meta: Whether a flow session shows over REST what the payload's ``meta`` held.
        echoes_properties: The same for ``properties``.
    """

    @web.middleware
    async def _record_and_fail(
        self, request: web.Request, handler: Callable[[web.Request], Any]
    ) -> web.StreamResponse:
        body = await request.read()
        self.requests.append(
            RecordedRequest(
                request.method, request.path, request.query_string, request.headers, body
            )
        )
        fault = None if request.method == "OPTIONS" else self.take_fault(request.path)

        if fault is None:
            answer: web.StreamResponse = await handler(request)
            return answer

        if fault.delay_s:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.stopping.wait(), fault.delay_s)

        if fault.drop:
            if request.transport is not None:
                request.transport.abort()
            return web.Response(status=500)

        if fault.status is None:
            answer = await handler(request)
            return answer

        headers = dict(fault.headers)

        if fault.status == 429:
            headers = {
                "RateLimit-Limit": str(self.rate_limit),
                "RateLimit-Remaining": "0",
                "RateLimit-Reset": "60",
            } | headers

        headers.setdefault("Access-Control-Allow-Origin", "*")

        return web.json_response(
            {"error": fault.error or f"simulated failure {fault.status}"},
            status=fault.status,
            headers=headers,
        )

    # --- serving ------------------------------------------------------------------------------

    @property
    def app(self) -> web.Application:
        """A new aiohttp application over this simulator's state, both hosts in one."""
        app = web.Application(middlewares=[self._record_and_fail])
        add_browser_api(app, self)
        pages.add_pages(app, self)
        rest.add_rest(app, self)

        async def release_delayed(_: web.Application) -> None:
            self.heal()

        app.cleanup_ctx.append(self.webhooks.run)
        app.on_shutdown.append(release_delayed)
        return app

    @contextlib.asynccontextmanager
    async def serve(self, *, port: int = 0, app_port: int | None = 0) -> AsyncIterator[Hosts]:
        """Listen on 127.0.0.1, and yield both hosts.

        Args:
            port: Of the API; 0 takes one that is free.
            app_port: Of the window; 0 takes one that is free, None puts both hosts on one origin.
        """
        runner = web.AppRunner(self.app, access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        try:
            for each in (port,) if app_port is None else (port, app_port):
                await web.TCPSite(runner, "127.0.0.1", each).start()
            origins = [f"http://127.0.0.1:{address[1]}" for address in runner.addresses]
            self.hosts = Hosts(origins[0], origins[-1])
            yield self.hosts
        finally:
            self.hosts = None
            await runner.cleanup()
