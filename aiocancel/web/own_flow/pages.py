"""Shows the screens of our own flow; what they say is in ``view``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from aiohttp import web

from aiocancel.core.flow.screen import Screen
from aiocancel.core.flow.steps import FlowStep
from aiocancel.telemetry import PageTemplateFailed, type_and_place
from aiocancel.web.own_flow.view import AS_IT_IS, Shown, template_of, view_of
from aiocancel.web.pages import render_page
from aiocancel.web.site import Site

if TYPE_CHECKING:
    from aiocancel.web.languages import Words


def query_of(request: web.Request) -> Mapping[str, str]:
    """Return what an address of the flow carries on: the subscription that was named."""
    named = request.query.get("subscription")
    return {} if named is None else {"subscription": named}


def address_of(site: Site, session_id: str | None, query: Mapping[str, str], at: str = "") -> str:
    """Return the address of a session's screen.

    Args:
        site: The plug-in.
        session_id: The session; None where none could be kept.
        query: What the address carries on.
        at: ``/why`` for the question that comes first, whatever the session is at.
    """
    # The id comes from the page's address, which may be made up.
    session = "" if session_id is None else f"/{quote(session_id, safe='')}{at}"
    return f"{site.path}/flow{session}" + (f"?{urlencode(query)}" if query else "")


async def show_screen(
    request: web.Request,
    site: Site,
    words: Words,
    screen: Screen,
    *,
    grant: str,
    besides: Shown = AS_IT_IS,
    status: int = 200,
) -> web.Response:
    """Render a screen.

    Args:
        request: The customer's.
        site: The plug-in.
        words: Those of the customer's language.
        screen: The screen; not that of the outcome.
        grant: Lets its buttons act.
        besides: What it says besides.
        status: Of the response.
    """
    screen, view = _viewed(site, words, screen, besides)

    return await render_page(
        request,
        site,
        template_of(screen),
        words,
        status=status,
        with_flow=True,
        **view,
        action=address_of(site, screen.session_id, query_of(request)),
        unpause_url=f"{site.path}?{urlencode({'change': 'unpause', **query_of(request)})}",
        keep_url=None
        if site.settings.resume_policy == "off"
        else f"{site.path}?{urlencode({'change': 'resume', **query_of(request)})}",
        grant=grant,
    )


def _viewed(
    site: Site, words: Words, screen: Screen, besides: Shown
) -> tuple[Screen, dict[str, Any]]:
    """Return the screen's words. An offer that cannot be put into words keeps nobody from leaving."""
    try:
        return screen, view_of(screen, words, besides)
    except Exception as error:
        if screen.step is not FlowStep.OFFER:
            raise
        site.on_event(PageTemplateFailed(f"aiocancel/{template_of(screen)}", type_and_place(error)))
        plain = replace(screen, step=FlowStep.EXIT, offer=None)
        return plain, view_of(plain, words, Shown(note="flow_offer_gone"))
