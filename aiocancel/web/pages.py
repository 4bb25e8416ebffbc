"""Our own small pages: the plain way to cancel, its outcome, and an error; they need no script at all.

A site may dress them: where its templates have ``aiocancel/base.html``, or one of our templates by name, that is
taken. Ours stand in for whatever fails there: nobody is kept from leaving by a template.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cache, lru_cache
from importlib import resources
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web
from markupsafe import Markup

from aiocancel.core.sentences import Money
from aiocancel.telemetry import PageTemplateFailed, type_and_place
from aiocancel.web.csp_header import ENFORCED, StrictResponse, new_nonce
from aiocancel.web.languages import Words
from aiocancel.web.template_variable import environment_key

if TYPE_CHECKING:
    import jinja2

    from aiocancel.core.theme import Theme
    from aiocancel.web.site import Site

FOLDER: Final = "aiocancel"
_BASE: Final = f"{FOLDER}/base.html"
_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}


@cache
def _environment() -> jinja2.Environment:
    import jinja2

    return jinja2.Environment(
        loader=_our_loader(), autoescape=True, undefined=jinja2.StrictUndefined
    )


@cache
def _our_loader() -> jinja2.BaseLoader:
    """Return our templates under their full names, by which it is told that they are escaped."""
    import jinja2

    folder = resources.files("aiocancel.web") / "templates"
    return jinja2.DictLoader(
        {f"{FOLDER}/{each.name}": each.read_text(encoding="utf-8") for each in folder.iterdir()}
    )


@lru_cache(maxsize=16)
def _dressed(environment: jinja2.Environment) -> jinja2.Environment:
    """Return the application's environment with our templates behind its own, which are escaped in any case."""
    import jinja2

    theirs = environment.autoescape

    def escapes(name: str | None) -> bool:
        if name is not None and name.startswith(f"{FOLDER}/"):
            return True
        return theirs(name) if callable(theirs) else theirs

    loaders = [each for each in (environment.loader, _our_loader()) if each is not None]
    return environment.overlay(loader=jinja2.ChoiceLoader(loaders), autoescape=escapes)


def warm_up(languages: Sequence[str]) -> None:
    """Compile the templates and load the rules for dates, which takes longer than a request should hold the loop."""
    for language in languages:
        words = Words(language, {})
        words.day(datetime.now(UTC))
        words.money(Money(100, "usd"))

    environment = _environment()
    for name in environment.list_templates():
        environment.get_template(name)


async def render_page(
    request: web.Request,
    site: Site,
    template: str,
    words: Words,
    *,
    status: int = 200,
    with_flow: bool = False,
    **values: Any,
) -> web.Response:
    """Render one of our pages, in the dress of the site where it has one.

    Args:
        request: The request.
        site: The plug-in.
        template: The template's file name.
        words: The page's language.
        status: The HTTP status.
        with_flow: Whether the page needs the style rules of a flow's screens.
        **values: What the template shows.
    """
    theme = site.settings.theme
    context = {
        "about": (),
        "refresh_s": None,
        "badge": None,
        "head_title": None,
        **values,
        "lang": words.language,
        "dir": words.direction,
        "theme": theme,
        "stylesheet": site.style_url,
        "return_to": site.settings.return_to,
        "help_link": words.text("help_link"),
    }

    name = f"{FOLDER}/{template}"
    text = await _in_the_dress_of_the_site(request, site, name, context)
    if text is None:
        css = site.flow_style if with_flow else site.page_style
        return _in_our_own(name, theme, context, status, css)

    # Under the site's own policy, which its page was made for.
    headers = {**_HEADERS, "X-Frame-Options": "DENY"}
    if context["refresh_s"] is not None:
        headers["Refresh"] = str(context["refresh_s"])
    return web.Response(text=text, status=status, content_type="text/html", headers=headers)


def our_template(template: str) -> jinja2.Template:
    """Return a template of ours by its bare name."""
    return _environment().get_template(f"{FOLDER}/{template}")


def _in_our_own(
    name: str, theme: Theme, context: Mapping[str, Any], status: int, css: str
) -> web.Response:
    """Render under a policy of its own: one style, a form to this site, the logo, nothing else."""
    nonce = new_nonce()
    style = Markup(css)  # noqa: S704 - names, colours and lengths were checked when the theme was made
    text = _environment().get_template(name).render({**context, "nonce": nonce, "css": style})

    images = "" if theme.logo is None else "img-src 'self'; "
    policy = (
        f"default-src 'none'; style-src 'nonce-{nonce}'; {images}form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    )
    return StrictResponse(
        text=text, status=status, content_type="text/html", headers={**_HEADERS, ENFORCED: policy}
    )


async def _in_the_dress_of_the_site(
    request: web.Request, site: Site, name: str, context: Mapping[str, Any]
) -> str | None:
    """Render with the application's templates; None where it has none of ours, or they fail."""
    environment = request.config_dict.get(environment_key())
    if environment is None:
        return None

    try:
        if not any(_has(environment, each) for each in (_BASE, name)):
            return None
        template = _dressed(environment).get_template(name)
        values = {**_processed(request), **context}
        if environment.is_async:
            return await template.render_async(values)
        return template.render(values)
    except Exception as error:  # whatever it is, ours stand in
        site.on_event(PageTemplateFailed(name, type_and_place(error)))
        return None


def _has(environment: jinja2.Environment, name: str) -> bool:
    import jinja2

    try:
        environment.get_template(name)
    except jinja2.TemplateNotFound:
        return False
    return True


def _processed(request: web.Request) -> Mapping[str, Any]:
    """Return what the application's context processors have made for this request."""
    import aiohttp_jinja2

    made: Mapping[str, Any] = request.get(aiohttp_jinja2.REQUEST_CONTEXT_KEY) or {}
    return made
