"""Our own small pages: the plain way to cancel, its outcome, and an error; they need no script at all."""

from __future__ import annotations

import secrets
from typing import Any

import jinja2
from aiohttp import web

from aiocancel.web.flow_context import FLOW_KEY
from aiocancel.web.response_csp import ENFORCED

_environment = jinja2.Environment(
    loader=jinja2.PackageLoader("aiocancel.web"), autoescape=True, undefined=jinja2.StrictUndefined
)


def render_page(request: web.Request, template: str, *, status: int = 200, **values: Any) -> web.Response:
    """Render one of our pages under a policy of its own: one style, a form to this site, nothing else."""
    flow = request.get(FLOW_KEY)
    if flow is not None:
        flow.keeps_own_policy = True
    nonce = secrets.token_urlsafe(16)
    text = _environment.get_template(template).render(nonce=nonce, **values)
    return web.Response(
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
