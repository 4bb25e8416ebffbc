"""Join aiocancel piece by piece, and ask in a handler whether there is something to cancel."""

from __future__ import annotations

import aiohttp_jinja2
import jinja2
from aiohttp import web

import aiocancel


async def menu(request: web.Request) -> web.Response:
    """Answer a menu, with an entry for cancelling only where there is a subscription."""
    flow = await aiocancel.get_cancel_flow(request)
    entries = ["Invoices"]
    if flow.state is aiocancel.FlowState.READY:
        entries.append("Cancel subscription")
    return web.json_response(entries)


def make_app(cancel: aiocancel.CancelFlow) -> web.Application:
    """Do what ``cancel.setup(app)`` does, one step at a time."""
    app = web.Application()
    aiohttp_jinja2.setup(app, loader=jinja2.DictLoader({}))
    app.middlewares.append(cancel.middleware)
    cancel.add_template_variable(app)  # and the GET routes that pages need
    app.router.add_post("/cancel/result", cancel.handle_result)
    app.router.add_get("/menu", menu)
    return app
