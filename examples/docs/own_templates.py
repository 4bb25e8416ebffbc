"""Our own pages in the dress of the site: its templates hold ``aiocancel/base.html``."""

from __future__ import annotations

import aiohttp_jinja2
import jinja2
from aiohttp import web

import aiocancel

SHOP = (
    "<!doctype html><html><head><title>{% block title %}{% endblock %}</title>{% block head %}{% endblock %}</head>"
    "<body><nav>Northwind Notes</nav>{% block content %}{% endblock %}</body></html>"
)

DRESS = """{% extends "shop.html" %}
{% block title %}{{ title }}{% endblock %}
{% block head %}<link rel="stylesheet" href="{{ stylesheet }}">{% endblock %}
{% block content %}<main class="aiocancel-panel" lang="{{ lang }}">{% block body %}{% endblock %}</main>{% endblock %}
"""


def make_app(cancel: aiocancel.CancelFlow) -> web.Application:
    """Give the application's templates a base for our pages."""
    app = web.Application()
    loader = jinja2.DictLoader({"shop.html": SHOP, "aiocancel/base.html": DRESS})
    aiohttp_jinja2.setup(app, loader=loader)
    cancel.setup(app)
    return app
