"""Our own small pages: the plain way to cancel, its outcome, and an error; they need no script at all."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web
from markupsafe import Markup

from aiocancel.web.csp_header import ENFORCED, StrictResponse, new_nonce

if TYPE_CHECKING:
    import jinja2

    from aiocancel.core.theme import Theme
    from aiocancel.web.languages import Words

FOLDER: Final = "aiocancel"


@cache
def _environment() -> jinja2.Environment:
    import jinja2

    loader = jinja2.PrefixLoader({FOLDER: jinja2.PackageLoader("aiocancel.web")})
    return jinja2.Environment(loader=loader, autoescape=True, undefined=jinja2.StrictUndefined)


def warm_up() -> None:
    """Compile the templates and load the rules for dates, which takes longer than a request should hold the loop."""
    import babel.dates
    import babel.numbers  # noqa: F401 - for their weight

    environment = _environment()
    for name in environment.list_templates():
        environment.get_template(name)


def render_page(
    template: str, words: Words, theme: Theme, *, status: int = 200, **values: Any
) -> web.Response:
    """Render one of our pages under a policy of its own: one style, a form to this site, the logo, nothing else."""
    nonce = new_nonce()
    context = {
        "about": (),
        **values,
        "nonce": nonce,
        "lang": words.language,
        "dir": words.direction,
        "theme": {
            "name": theme.name,
            "logo": theme.logo,
            "scheme": theme.scheme,
            # Checked when the theme was made: names, colours and lengths.
            "css": Markup(theme.css),  # noqa: S704
        },
    }
    text = _environment().get_template(f"{FOLDER}/{template}").render(context)

    images = "" if theme.logo is None else "img-src 'self'; "
    return StrictResponse(
        text=text,
        status=status,
        content_type="text/html",
        headers={
            ENFORCED: f"default-src 'none'; style-src 'nonce-{nonce}'; {images}form-action 'self'; "
            "base-uri 'none'; frame-ancestors 'none'",
            "Cache-Control": "no-store",
            "Referrer-Policy": "same-origin",
            "X-Content-Type-Options": "nosniff",
        },
    )
