"""Our own small pages: the plain way to cancel, its outcome, and an error; they need no script at all."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from aiohttp import web

from aiocancel.web.csp_header import ENFORCED, StrictResponse, new_nonce

if TYPE_CHECKING:
    import jinja2

    from aiocancel.web.languages import Words


@cache
def _environment() -> jinja2.Environment:
    import jinja2

    loader = jinja2.PackageLoader("aiocancel.web")
    return jinja2.Environment(loader=loader, autoescape=True, undefined=jinja2.StrictUndefined)


def warm_up() -> None:
    """Compile the templates and load the rules for dates, which takes longer than a request should hold the loop."""
    import babel.dates
    import babel.numbers  # noqa: F401 - for their weight

    environment = _environment()
    for name in environment.list_templates():
        environment.get_template(name)


def render_page(template: str, words: Words, *, status: int = 200, **values: Any) -> web.Response:
    """Render one of our pages under a policy of its own: one style, a form to this site, nothing else."""
    nonce = new_nonce()
    text = (
        _environment()
        .get_template(template)
        .render(nonce=nonce, lang=words.language, dir=words.direction, **values)
    )

    return StrictResponse(
        text=text,
        status=status,
        content_type="text/html",
        headers={
            ENFORCED: f"default-src 'none'; style-src 'nonce-{nonce}'; form-action 'self'; "
            "base-uri 'none'; frame-ancestors 'none'",
            "Cache-Control": "no-store",
            "Referrer-Policy": "same-origin",
            "X-Content-Type-Options": "nosniff",
        },
    )
