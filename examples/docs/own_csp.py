"""A site with a Content-Security-Policy of its own."""

from __future__ import annotations

from aiohttp import web

import aiocancel


async def home(_: web.Request) -> web.Response:
    """Send the site's own policy; on a flow page aiocancel adds what the flow needs."""
    policy = "default-src 'none'; style-src 'self' https://fonts.example; img-src 'self'"
    return web.Response(text="Home", headers={"Content-Security-Policy": policy})


async def legacy(_: web.Request) -> web.Response:
    """Send no policy."""
    return web.Response(text="An old page with inline scripts")


def make_app(cancel: aiocancel.CancelFlow) -> web.Application:
    """Put the site together."""
    app = web.Application()
    cancel.setup(app)
    app.router.add_get("/", cancel.flow_page(home))
    app.router.add_get("/legacy", legacy)
    return app
