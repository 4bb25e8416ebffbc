"""Our own small pages: the plain way to cancel, its outcome, and an error; they need no script at all."""

from __future__ import annotations

import secrets
from typing import Any

import jinja2
from aiohttp import web

from aiocancel.web.response_csp import ENFORCED, StrictResponse

_environment = jinja2.Environment(
    loader=jinja2.PackageLoader("aiocancel.web"), autoescape=True, undefined=jinja2.StrictUndefined
)


def render_page(template: str, *, status: int = 200, **values: Any) -> web.Response:
    """Render one of our pages under a policy of its own: one style, a form to this site, nothing else."""
    nonce = secrets.token_urlsafe(16)
    text = _environment.get_template(template).render(nonce=nonce, **values)
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
