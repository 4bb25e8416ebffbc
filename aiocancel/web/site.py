"""What the web edge shares: the settings, what the vendor needs, and the running service."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Awaitable, Callable, Mapping
from importlib import resources
from typing import TYPE_CHECKING, Any

from aiohttp import web

from aiocancel.config import Settings
from aiocancel.errors import AiocancelError
from aiocancel.telemetry import EventHook
from aiocancel.web.csp_header import PolicyWriter

if TYPE_CHECKING:
    from aiocancel.intake import FlowService
    from aiocancel.ports import FlowVendor, WidgetSettings

Identify = Callable[[web.Request], Awaitable[str | None]]

MAX_CUSTOMER_ID_LENGTH = 255
# Header bytes that are not UTF-8 arrive as halves of surrogate pairs.
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")

_TEXTS_FOR_SCRIPT = (
    "opening",
    "saving",
    "closed",
    "blocked",
    "vendor_failed",
    "unopened",
    "unsaved",
    "plain_link",
    "not_logged_in",
    "no_subscription",
    "unavailable",
)


class Site:
    """One plug-in on one site."""

    def __init__(
        self,
        settings: Settings,
        vendor: FlowVendor,
        identify: Identify,
        *,
        on_event: EventHook,
        service: Callable[[], Awaitable[FlowService]],
    ) -> None:
        self.settings = settings
        self.vendor = vendor
        self.on_event = on_event
        self.policy = PolicyWriter(vendor, settings.content_security_policy, on_event)
        self.identify = identify
        self.service = service
        """Return the running service, starting it if nothing has; raises UnavailableError."""
        self.widget = vendor.widget()
        self.button_attributes = tuple(self.widget.button_attributes.items())
        self.script = _page_script(settings, vendor, self.widget)
        self.script_version = hashlib.sha256(self.script).hexdigest()[:12]
        self.script_url = f"{settings.prefix}/flow.js?v={self.script_version}"

    async def customer_id(self, request: web.Request) -> str | None:
        """Ask the application who is logged in; an empty answer is nobody, and so is one that no database holds."""
        return checked_customer_id(await self.identify(request))

    def is_flow_page(self, request: web.Request) -> bool:
        """Tell whether the payload is to be prepared before the handler runs."""
        handler = request.match_info.handler
        if getattr(handler, FLOW_PAGE_MARK, False):
            return True
        # A class-based view is marked as a whole or by method.
        if isinstance(handler, type) and getattr(
            getattr(handler, request.method.lower(), None), FLOW_PAGE_MARK, False
        ):
            return True
        pages = self.settings.flow_pages
        if not pages:
            return False
        route = request.match_info.route
        if pages == "all":
            return not isinstance(route.resource, web.StaticResource)
        return route.name in pages or (
            route.resource is not None and route.resource.canonical in pages
        )


def checked_customer_id(customer_id: object) -> str | None:
    """Return what ``identify`` said, None for nobody; raises AiocancelError for what is no id.

    What an application returns is not always what its types say; a numeric id is the usual slip.
    """
    if customer_id is None or customer_id == "":
        return None
    if not isinstance(customer_id, str) or len(customer_id) > MAX_CUSTOMER_ID_LENGTH:
        raise AiocancelError("identify must return a str of at most 255 characters, or None")
    return None if _UNSTORABLE.search(customer_id) else customer_id


FLOW_PAGE_MARK = "__aiocancel_flow_page__"


def _page_script(settings: Settings, vendor: FlowVendor, widget: WidgetSettings) -> bytes:
    sources = vendor.csp_sources()
    values: Mapping[str, Any] = {
        "driver": widget.driver,
        "script": {"url": widget.script_url, "integrity": widget.script_integrity},
        "options": widget.options,
        "window": widget.window,
        "init": widget.init_function,
        "button": widget.button_attributes,
        "subscriptionAttribute": widget.subscription_attribute,
        "hosts": [*sources.get("connect-src", ()), *sources.get("frame-src", ())],
        "frameOrigin": next(iter(sources.get("frame-src", ())), None),
        "urls": {
            "payload": f"{settings.prefix}/payload",
            "result": f"{settings.prefix}/result",
            "plain": settings.prefix,
        },
        "timeoutMs": int(settings.widget_timeout_s * 1000),
        "texts": {name: settings.text(name) for name in _TEXTS_FOR_SCRIPT},
    }
    source = (resources.files("aiocancel.web") / "flow.js").read_text(encoding="utf-8")
    return source.replace("/* SETTINGS */ {}", json.dumps(values), 1).encode()
