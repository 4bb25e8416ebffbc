"""The outside rival on Django: bare, or with django-csp, a nonce and a signed payload.

It is called as WSGI calls it, without any HTTP server: ``python -m tests.benchmarks.django_site KIND``, then one
line ``{"path": …, "requests": …}`` for each measurement, answered with CPU seconds.
"""

from __future__ import annotations

import hashlib
import hmac
import io
import json
import secrets
import sys
import time
from typing import Any

import django
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import path

AROUND = """<!doctype html><html><head><title>{{ title }}</title>SCRIPT</head><body><h1>{{ title }}</h1>
<ul>{% for name, value in rows %}<li>{{ name }}: {{ value }}</li>{% endfor %}</ul>BUTTON</body></html>"""
BUTTON = (
    '<form method="get" action="/cancel"><button type="submit">Cancel subscription</button></form>'
)
SIGNED = "e30" * 60
DATA = {"title": "Account", "rows": [(f"line {number}", number) for number in range(20)]}


def around(script: str, button: str) -> str:
    return AROUND.replace("SCRIPT", script).replace("BUTTON", button)


def sign(text: str, key: bytes) -> str:
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def bare(request: HttpRequest) -> HttpResponse:
    return render(request, "bare.html", DATA)


def account(request: HttpRequest) -> HttpResponse:
    customer_id = request.headers["X-Customer"]
    payload = json.dumps(
        {"clientId": "acct_test", "subscription": {"platformId": f"sub_{customer_id}"}}
    )
    token = f"{customer_id}.sub_{customer_id}.{secrets.token_urlsafe(16)}"
    flow = {
        "payload": payload,
        "signature": sign(payload, b"my client secret"),
        "token": f"{token}.{sign(token, b'a key')}",
    }

    return render(
        request, "account.html", {**DATA, "flow": json.dumps(flow), "nonce": request.csp_nonce}
    )


def plain(request: HttpRequest) -> HttpResponse:
    return render(request, "plain.html", DATA)


def data(_: HttpRequest) -> HttpResponse:
    return JsonResponse({"answer": 42})


def make(kind: str) -> WSGIHandler:
    site = [] if kind == "bare" else ["csp.middleware.CSPMiddleware"]
    templates = {
        "plain.html": around("", ""),
        "bare.html": around(f'<script src="/flow.js" data-flow="{SIGNED}" defer></script>', BUTTON),
        "account.html": around(
            '<script src="/flow.js" nonce="{{ nonce }}" data-flow="{{ flow }}" defer></script>',
            BUTTON,
        ),
    }

    settings.configure(
        ALLOWED_HOSTS=["*"],
        SECRET_KEY="for a benchmark",
        ROOT_URLCONF=__name__,
        MIDDLEWARE=site,
        TEMPLATES=[
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "OPTIONS": {
                    "loaders": [
                        (
                            "django.template.loaders.cached.Loader",
                            [("django.template.loaders.locmem.Loader", templates)],
                        )
                    ]
                },
            }
        ],
        CONTENT_SECURITY_POLICY={
            "DIRECTIVES": {
                "default-src": ["'self'"],
                "script-src": ["'self'", "https://cdn.prosperstack.com", _nonce()],
                "connect-src": ["'self'", "https://api.prosperstack.com"],
                "frame-src": ["'self'", "https://app.prosperstack.com"],
            }
        },
    )

    django.setup()
    urlpatterns.extend(
        [
            path("account", bare if kind == "bare" else account),
            path("plain", plain),
            path("json", data),
        ]
    )

    return WSGIHandler()


def _nonce() -> Any:
    from csp.constants import NONCE

    return NONCE


urlpatterns: list[Any] = []


def call(handler: WSGIHandler, where: str) -> int:
    environ = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": where,
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "HTTP_X_CUSTOMER": "ada",
        "wsgi.input": io.BytesIO(),
        "wsgi.url_scheme": "http",
    }

    answered = []
    response = handler(environ, lambda status, _headers: answered.append(int(status.split()[0])))
    b"".join(response)
    response.close()

    return answered[0]


if __name__ == "__main__":
    handler = make(sys.argv[1])
    if any(call(handler, where) != 200 for where in ("/account", "/plain", "/json")):
        sys.exit("a page of the Django site does not work")
    print("ready", flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        started = time.process_time()
        for _ in range(asked["requests"]):
            call(handler, asked["path"])
        print(time.process_time() - started, flush=True)
