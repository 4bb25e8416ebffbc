"""The owner's pages, for those of the company who are logged in and may."""

from __future__ import annotations

from aiohttp import web

import aiocancel

OPERATORS = {"key of jo": "jo", "key of sam": "sam"}


async def who_is_this(request: web.Request) -> str | None:
    """Return the operator's name, for the journal; None means that nobody may look, and is answered with 404.

    Ask your own login here. This one reads a cookie.
    """
    return OPERATORS.get(request.cookies.get("operator", ""))


def make_app(cancel: aiocancel.CancelFlow) -> web.Application:
    """Set aiocancel up, and put the owner's pages where no customer looks."""
    app = web.Application()
    cancel.setup(app)
    app.add_subapp("/owner/cancellations", cancel.console(operator=who_is_this))
    return app
