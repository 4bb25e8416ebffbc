"""ProsperStack's flow in the language of the customer, and with a flow of its own for companies."""

from collections.abc import Mapping
from typing import Any

from aiohttp import web


async def options_of(request: web.Request) -> Mapping[str, Any]:
    """Give it as ``CancelFlow(options=options_of, …)``."""
    options: dict[str, Any] = {}
    if request.cookies.get("language") == "de":
        options["language"] = "de"
    if request.path.startswith("/company"):
        options["flow_id"] = "flow_for_companies"
    return options
