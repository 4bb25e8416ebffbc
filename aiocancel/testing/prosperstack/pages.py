"""The simulated app host: the page inside the iframe, its assets, and a stand-in for the browser client.

The page runs under its own strict policy and may be framed by anyone. It tells the page around it what
happens with the same messages as the vendor's: ``loading``, ``loaded``, ``complete``, ``closed``.
"""

from __future__ import annotations

import html
import json
from functools import cache
from importlib.resources import files
from typing import Any

from aiohttp import web
from yarl import URL

from aiocancel.testing.prosperstack import records
from aiocancel.testing.prosperstack.records import JsonObject
from aiocancel.testing.prosperstack.state import ProsperStackState

PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors *"
)
ASSETS = {
    "/flow.min.js": ("standin.js", "text/javascript"),
    "/assets/app.js": ("app.js", "text/javascript"),
    "/assets/app.css": ("app.css", "text/css"),
}
PAGE = """<!doctype html>
<html lang="{language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Cancel subscription</title>
<link rel="stylesheet" href="/assets/app.css">
</head>
<body class="{display_mode}">
<main id="flow"></main>
<script type="application/json" id="setup">{setup}</script>
<script src="/assets/app.js"></script>
</body>
</html>
"""


def add_pages(app: web.Application, state: ProsperStackState) -> None:
    """Add the iframe page, its state change, and the static files."""
    pages = _Pages(state)
    app.router.add_get("/f/{id}", pages.show)
    app.router.add_post("/f/{id}/finish", pages.finish)
    for path in ASSETS:
        app.router.add_get(path, _asset)


class _Pages:
    def __init__(self, state: ProsperStackState) -> None:
        self._state = state

    async def show(self, request: web.Request) -> web.Response:
        session = self._session(request)
        self._state.start(session["id"])
        skipped = request.query.getall("skipOffers", [])
        setup = {
            "finishUrl": f"/f/{session['id']}/finish",
            "parentOrigin": _parent_origin(session["client_url"]),
            "reasons": [{"code": code, "text": text} for code, text in records.REASONS],
            "offers": [
                _card(each) for each in session["offers_presented"] if each["id"] not in skipped
            ],
            "confirmationStep": self._state.confirmation_step,
            "reportIncomplete": self._state.report_incomplete,
            "redirectUri": self._state.redirect_uri,
        }

        text = PAGE.format(
            language=html.escape(request.query.get("language", "en")),
            display_mode="modal" if request.query.get("displayMode") == "modal" else "full-screen",
            setup=json.dumps(setup).replace("<", "\\u003c"),
        )

        return web.Response(
            text=text, content_type="text/html", headers={"Content-Security-Policy": PAGE_POLICY}
        )

    async def finish(self, request: web.Request) -> web.Response:
        session = self._session(request)
        choice: dict[str, Any] = await request.json()

        # A second click answers with what the first one did: one session ends once.
        if session["status"] == "in_progress":
            try:
                self._state.finish(
                    session["id"],
                    status=choice["status"],
                    offer_id=choice.get("offerId"),
                    cancel_reason=choice.get("reason"),
                    comment=choice.get("comment"),
                )
            except ValueError as error:
                return web.json_response({"error": str(error)}, status=400)

        return web.json_response({"status": session["status"], "flowSession": session})

    def _session(self, request: web.Request) -> JsonObject:
        session = self._state.sessions.get(request.match_info["id"])
        if session is None:
            raise web.HTTPNotFound(text="There is no such flow session.")
        return session


async def _asset(request: web.Request) -> web.Response:
    name, content_type = ASSETS[request.path]
    headers = {"Access-Control-Allow-Origin": "*", "Cache-Control": "no-store"}
    return web.Response(text=_read(name), content_type=content_type, headers=headers)


@cache
def _read(name: str) -> str:
    return files(__package__ or "aiocancel.testing.prosperstack").joinpath(name).read_text("utf-8")


def _parent_origin(client_url: str | None) -> str:
    """Whom the result may be told: only the origin of the page that opened the flow, when it has one."""
    url = URL(client_url or "")
    return str(url.origin()) if url.scheme in ("http", "https") and url.host else "*"


def _card(offer: JsonObject) -> JsonObject:
    details = offer["details"]
    kind = details["type"]

    if kind == "coupon":
        amount = f"{float(details['amount_off']):g}"
        off = f"{amount}%" if details["coupon_type"] == "percentage" else f"${amount}"
        lasting = {"once": "your next invoice", "forever": "every invoice"}.get(
            details["duration"], f"for {details['months']} months"
        )
        text = f"{off} off {lasting}."
    elif kind == "trial_extension":
        text = f"Keep trying for {details['days']} more days at no charge."
    elif kind == "change_plan":
        text = "A smaller plan at a lower price. Your data stays where it is."
    elif kind == "pause_subscription":
        length = {"indefinitely": "as long as you like"}.get(
            details["interval"],
            _count(details["interval_count"], details["interval"].replace("_", " ")),
        )
        text = f"No payments for {length}."
    else:
        text = "We will be in touch within a day."

    return {"id": offer["id"], "type": kind, "name": offer["name"], "text": text}


def _count(number: int, unit: str) -> str:
    return f"{number} {unit}" if number == 1 else f"{number} {unit}s"
