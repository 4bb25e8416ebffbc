"""The simulated browser API: what the client's ``flow()`` and ``init()`` call from the page.

Answers are readable from any origin, as the vendor's are; nothing here takes cookies.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping
from datetime import date
from typing import Any

from aiohttp import web

from aiocancel.testing.prosperstack.state import ProsperStackState

ALLOWED_HEADERS = (
    "content-type",
    "x-prosperstack-signature",
    "x-prosperstack-version",
    "x-prosperstack-url",
    "x-prosperstack-subscription-cache-token",
)


def add_browser_api(app: web.Application, state: ProsperStackState) -> None:
    """Add ``/flow`` and ``/flow/init`` with their preflights."""
    api = _BrowserApi(state)
    for path, handler in (("/flow", api.create), ("/flow/init", api.init)):
        app.router.add_post(path, handler)
        app.router.add_route("OPTIONS", path, api.preflight)


class _BrowserApi:
    def __init__(self, state: ProsperStackState) -> None:
        self._state = state

    async def preflight(self, _: web.Request) -> web.Response:
        return web.Response(
            status=204,
            headers={
                "Access-Control-Allow-Origin": "*",
                "Access-Control-Allow-Methods": "POST",
                "Access-Control-Allow-Headers": ", ".join(ALLOWED_HEADERS),
            },
        )

    async def create(self, request: web.Request) -> web.Response:
        state = self._state
        body = await request.read()
        signature = request.headers.get("x-prosperstack-signature", "")
        verified = hmac.compare_digest(signature.encode(), state.sign(body).encode())
        payload = _json_object(body)
        if payload is None:
            return _refused("The payload is not a JSON object.")
        if payload.get("clientId") != state.client_id:
            return _refused("The clientId is unknown.")
        if state.require_signature and not verified:
            return _refused(
                "The signature is missing." if not signature else "The signature is not valid.", 401
            )

        test_mode = request.query.get("testMode") == "true"
        problem = (
            None if test_mode else self._subscription_problem(payload)
        ) or self._property_problem(payload)
        if problem is not None:
            return _refused(problem)

        session = state.create_session(
            payload=payload,
            client_url=request.headers.get("x-prosperstack-url"),
            user_agent=request.headers.get("User-Agent"),
            test_mode=test_mode,
            started=False,
        )

        app_url = state.hosts.app_url if state.hosts is not None else str(request.url.origin())

        return web.json_response(
            {"signatureRequired": state.require_signature, "signatureVerified": verified},
            status=201,
            headers={
                "Location": f"{app_url}/f/{session['id']}",
                "Access-Control-Allow-Origin": "*",
                "Access-Control-Expose-Headers": "Location",
            },
        )

    async def init(self, request: web.Request) -> web.Response:
        payload = _json_object(await request.read()) or {}
        if payload.get("clientId") != self._state.client_id:
            return _refused("The clientId is unknown.")
        token = self._state.new_id("cache")
        return web.json_response({"token": token}, headers={"Access-Control-Allow-Origin": "*"})

    def _subscription_problem(self, payload: dict[str, Any]) -> str | None:
        subscription = payload.get("subscription") or {}
        subscriber = payload.get("subscriber") or {}
        if not isinstance(subscription, dict) or not isinstance(subscriber, dict):
            return "subscription and subscriber must be objects."

        platform_id = subscription.get("platformId") or subscription.get("paymentProviderId")

        if platform_id is None:
            if not subscriber.get("internalId"):
                return "A subscription or a subscriber is required."
            missing = [name for name in ("name", "email") if not subscriber.get(name)]
            return f"The subscriber's {missing[0]} is required." if missing else None

        known = self._state.known_subscriptions

        return None if known is None or platform_id in known else "The subscription was not found."

    def _property_problem(self, payload: Mapping[str, Any]) -> str | None:
        known = self._state.properties
        if known is None:
            return None
        for entity in ("subscriber", "subscription"):
            values: Mapping[str, object] = (payload.get(entity) or {}).get("properties") or {}
            for key, value in values.items():
                if key not in known:
                    return f"The property {key} does not exist."
                if value is not None and not _is_of_type(value, known[key]):
                    return f"The property {key} has to be a {known[key]}."
        return None


def _is_of_type(value: object, kind: str) -> bool:
    if kind == "boolean":
        return isinstance(value, bool)
    if kind == "number":
        return isinstance(value, int | float) and not isinstance(value, bool)
    if not isinstance(value, str) or kind == "text":
        return isinstance(value, str)
    try:
        return date.fromisoformat(value).isoformat() == value
    except ValueError:
        return False


def _json_object(body: bytes) -> dict[str, Any] | None:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _refused(error: str, status: int = 400) -> web.Response:
    return web.json_response(
        {"error": error}, status=status, headers={"Access-Control-Allow-Origin": "*"}
    )
