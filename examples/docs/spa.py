"""A single-page application: no server-side template, the script asks for the payload."""

from __future__ import annotations

from pathlib import Path

from aiohttp import web

import aiocancel

SCRIPT = Path(__file__).with_name("spa.js")

SHELL = """<!doctype html>
<title>Account</title>
<script src="/cancel/flow.js" defer></script>
<script src="/spa.js" defer></script>
<main><button id="leave">Cancel subscription</button><p id="said"></p></main>
"""


async def shell(_: web.Request) -> web.Response:
    """Send the page that the script fills."""
    return web.Response(text=SHELL, content_type="text/html")


async def script(_: web.Request) -> web.FileResponse:
    """Send the application's own script."""
    return web.FileResponse(SCRIPT)


def make_app(cancel: aiocancel.CancelFlow) -> web.Application:
    """Put the site together."""
    app = web.Application()
    cancel.setup(app)
    # The page that opens the flow: its policy allows the widget.
    app.router.add_get("/", cancel.flow_page(shell))
    app.router.add_get("/spa.js", script)
    return app
