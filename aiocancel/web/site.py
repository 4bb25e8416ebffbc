"""What the web edge shares: the settings, what the vendor needs, and the running service."""

from __future__ import annotations

import asyncio
import hashlib
import inspect
import json
import logging
import re
import uuid
from collections.abc import Awaitable, Callable, Mapping
from importlib import resources
from typing import TYPE_CHECKING, Any, Final, NoReturn

from aiohttp import web

from aiocancel.config import Settings
from aiocancel.core.claim import OWN_FLOW
from aiocancel.core.storable_text import is_storable
from aiocancel.errors import AiocancelError, ConfigurationError, UnavailableError
from aiocancel.telemetry import EventHook, type_and_place
from aiocancel.web.csp_header import PolicyWriter
from aiocancel.web.languages import ChooseLocale, Languages
from aiocancel.web.style import style_sheet

if TYPE_CHECKING:
    from aiocancel.intake import FlowService
    from aiocancel.own_flow import OwnFlowService
    from aiocancel.ports import ChoosePlace, FlowVendor, StripePosts
    from aiocancel.web.languages import Words

logger = logging.getLogger("aiocancel")

Identify = Callable[[web.Request], Awaitable[str | int | uuid.UUID | None]]

Options = Mapping[str, Any]
ChooseOptions = Callable[[web.Request], Options | Awaitable[Options | None] | None]

_SESSION_HINT: Final = "; set the session's middleware up before cancel.setup(app)"

# How long a customer looks at an empty window before the page offers the plain way beside it.
SLOW_AFTER_S: Final = 3.0
# How long a widget whose window has gone may still take to tell how it ended.
UNHEARD_AFTER_S: Final = 1.0

MAX_CUSTOMER_ID_LENGTH = 255
# A page waits no longer for a customer's place.
PLACE_WITHIN_S: Final = 1.0
# A country, or a part of one, in the spelling of ISO 3166.
_PLACE: Final = re.compile(r"[A-Z]{2}(?:-[A-Z0-9]{1,3})?")

_TEXTS_FOR_SCRIPT = (
    "opening",
    "saving",
    "closed",
    "blocked",
    "vendor_failed",
    "unopened",
    "unsaved",
    "unheard",
    "slow",
    "window_title",
    "plain_link",
    "not_logged_in",
    "no_subscription",
    "unavailable",
    "flow_close",
    "flow_close_unchanged",
    "flow_sending",
)


class PageScript:
    """The page script in one language; its URL changes with its content."""

    def __init__(self, body: bytes, path: str) -> None:
        self.body = body
        self.version = hashlib.sha256(body).hexdigest()[:12]
        self.url = f"{path}/flow.js?v={self.version}"


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
        locale: ChooseLocale | None = None,
        stripe_posts: StripePosts | None = None,
        options: ChooseOptions | None = None,
        own_flow: Callable[[], Awaitable[OwnFlowService]] | None = None,
        place: ChoosePlace | None = None,
        has_public_exit: bool = False,
    ) -> None:
        self.settings = settings
        self.languages = Languages(settings, locale)
        self.vendor = vendor
        self.on_event = on_event
        self.signal_handler: Callable[[web.Request, web.StreamResponse], Awaitable[None]] | None
        """What writes the policy as an ``on_response_prepare`` handler, where the application has it."""
        self.signal_handler = None

        self.policy = PolicyWriter(vendor, settings.content_security_policy, on_event)
        self.identify = identify
        self._place = place
        self.options = options
        if options is not None:
            # A vendor that takes none says so.
            vendor.with_options({})
        self.stripe_posts = stripe_posts
        """Reads the posts of Stripe's webhook; None where there is no secret for it."""

        self.has_public_exit = has_public_exit
        self.own_flow = own_flow
        """Return the running service of our own flow; None where the site has none."""

        self.service = service
        """Return the running service, starting it if nothing has; raises UnavailableError."""
        self.widget = vendor.widget()
        self.button_attributes = tuple(self.widget.button_attributes.items())
        self.mount(settings.prefix)

    def mount(self, path: str) -> None:
        """Let all links lead to the browser's name of ``path``, which a proxy may shorten before it reaches us.

        Args:
            path: The prefix, below the sub-application's own where there is one.
        """
        self.path = f"{self.settings.public_prefix}{path}"
        # Made once: the colours of a theme are compared with each other for it.
        theme = self.settings.theme.css
        self.page_style, self.flow_style = style_sheet(theme), style_sheet(theme, with_flow=True)
        self.style = self.flow_style.encode()
        version = hashlib.sha256(self.style).hexdigest()[:12]
        self.style_url = f"{self.path}/style.css?v={version}"
        # On a page of the site nothing outside the dialog may change its look.
        self.dialog_style = self.style.replace(b":root", b".aiocancel-dialog")
        self.dialog_style_url = f"{self.path}/style.css?for=dialog&v={version}"

        self.scripts = {
            words.language: PageScript(_page_script(self, words), self.path)
            for words in self.languages.all
        }

    async def options_for(self, request: web.Request) -> Mapping[str, Any] | None:
        """Ask the application for the vendor's options of this request; None leaves them as they are set.

        A function that fails, or returns what the vendor does not take, keeps nobody from leaving: the log says so, and
        the flow opens as it is set.
        """
        if self.options is None:
            return None

        try:
            answer = self.options(request)
            options = await answer if inspect.isawaitable(answer) else answer
            if options is None:
                return None
            self.vendor.with_options(options)
        except Exception as error:
            # Only our own message is sure to name no customer.
            reason = str(error) if isinstance(error, ConfigurationError) else type_and_place(error)
            logger.error("options failed, and the flow opens as it is set: %s", reason)
            return None
        return options

    async def customer_id(self, request: web.Request) -> str | None:
        """Ask the application who is logged in; an empty answer is nobody, and so is one that no database holds.

        Raises:
            UnavailableError: ``identify`` failed, or returned what is no id; the log says which.
        """
        try:
            return checked_customer_id(await self.identify(request))
        except (web.HTTPException, AiocancelError):
            # The application's own answer, for instance a redirect to its login.
            raise
        except Exception as error:
            hint = _SESSION_HINT if "aiohttp_session" in str(error) else ""
            # Not its text, which may name a customer.
            logger.error(
                "identify failed, and nobody can cancel: %s%s", type_and_place(error), hint
            )
            raise UnavailableError(f"identify failed ({type(error).__name__})") from error

    async def place_of(self, customer_id: str) -> str | None:
        """Ask the application for a customer's place; None where nobody knows it, so that every place's rules hold.

        A function that fails, or takes long, keeps nobody from leaving: the strictest rules hold, and the log says so.
        """
        if self._place is None:
            return None

        try:
            async with asyncio.timeout(PLACE_WITHIN_S):
                answer = self._place(customer_id)
                place: object = await answer if inspect.isawaitable(answer) else answer
        except Exception as error:
            logger.error(
                "place failed, and the rules of every place hold: %s", type_and_place(error)
            )
            return None
        if isinstance(place, str) and _PLACE.fullmatch(place.upper()):
            return place.upper()
        if place is not None:
            logger.error(
                "place returned no place such as 'DE' or 'US-MN': every place's rules hold"
            )
        return None

    def is_flow_page(self, request: web.Request) -> bool:
        """Tell whether the payload is to be prepared before the handler runs."""
        handler = request.match_info.handler
        if self in getattr(handler, FLOW_PAGE_MARK, ()):
            return True
        # A class-based view is marked as a whole or by method.
        if isinstance(handler, type) and self in getattr(
            getattr(handler, request.method.lower(), None), FLOW_PAGE_MARK, ()
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


def checked_customer_id(answer: object) -> str | None:
    """Return the customer's id as a text, None for nobody.

    Args:
        answer: What ``identify`` returned: a text, an int or a UUID, or None.

    Raises:
        UnavailableError: It is no id; the log says of which type it is.
    """
    if not isinstance(answer, str):
        if answer is None:
            return None
        # True is an int as well, and nobody's id.
        if isinstance(answer, bool) or not isinstance(answer, (int, uuid.UUID)):
            return _refused(f"a value of type {type(answer).__name__}")
        answer = str(answer)

    if not answer:
        return None
    if len(answer) > MAX_CUSTOMER_ID_LENGTH:
        return _refused(f"{len(answer)} characters")
    return answer if is_storable(answer) else None


def _refused(returned: str) -> NoReturn:
    logger.error(
        "identify returned %s, and nobody can cancel: it must return a str of at most %d characters, "
        "an int, a UUID, or None where nobody is logged in",
        returned,
        MAX_CUSTOMER_ID_LENGTH,
    )
    raise UnavailableError("identify returned no customer's id")


FLOW_PAGE_MARK = "__aiocancel_flow_page__"
"""The attribute of a handler that holds the sites whose payload it needs."""


def _dialog(site: Site, words: Words) -> Mapping[str, Any]:
    """Return what the dialog of our own flow is made with."""
    help_url = site.settings.theme.help
    return {
        "style": site.dialog_style_url,
        "lang": words.language,
        "dir": words.direction,
        "help": None if help_url is None else {"url": help_url, "text": words.text("help_link")},
    }


def _page_script(site: Site, words: Words) -> bytes:
    widget, path = site.widget, site.path
    sources = site.vendor.csp_sources()
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
            "payload": f"{path}/payload",
            "result": f"{path}/result",
            "plain": path,
        },
        "timeoutMs": int(site.settings.widget_timeout_s * 1000),
        "dialog": _dialog(site, words) if widget.driver == OWN_FLOW else None,
        "slowMs": int(SLOW_AFTER_S * 1000),
        "unheardMs": int(UNHEARD_AFTER_S * 1000),
        "texts": {name: words.text(name) for name in _TEXTS_FOR_SCRIPT},
    }

    source = (resources.files("aiocancel.web") / "flow.js").read_text(encoding="utf-8")

    return source.replace("/* SETTINGS */ {}", json.dumps(values), 1).encode()
