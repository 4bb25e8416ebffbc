"""An account area that is a sub-application with templates of its own."""

from __future__ import annotations

import aiohttp_jinja2
import jinja2
from aiohttp import web

import aiocancel

PAGE = "<!doctype html><title>Account</title>{{ cancel_flow.script() }}{{ cancel_flow.button() }}"


@aiohttp_jinja2.template("account.html")
async def account(_: web.Request) -> dict[str, str]:
    """Show the account page."""
    return {}


def make_app(cancel: aiocancel.CancelFlow) -> web.Application:
    """Set aiocancel up on the root; the templates of the area get the variable at the start."""
    area = web.Application()
    aiohttp_jinja2.setup(area, loader=jinja2.DictLoader({"account.html": PAGE}))
    area.router.add_get("/account", account)

    root = web.Application()
    cancel.setup(root)
    root.add_subapp("/my", area)
    return root
