"""The simulated REST API v1: read-only, HTTP Basic with the API key, 100 requests a minute.

Lists are oldest first, ``{data, next_cursor}``; errors are ``{error}``.
Source: https://developers.prosperstack.com
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import datetime, timedelta

from aiohttp import encode_basic_auth, web

from aiocancel.testing.prosperstack.records import JsonObject
from aiocancel.testing.prosperstack.state import ProsperStackState

Endpoint = Callable[[web.Request], JsonObject]

WINDOW = timedelta(minutes=1)
COMPARISONS: dict[str, Callable[[datetime, datetime], bool]] = {
    "gt": lambda value, bound: value > bound,
    "gte": lambda value, bound: value >= bound,
    "lt": lambda value, bound: value < bound,
    "lte": lambda value, bound: value <= bound,
}


class _Refusal(Exception):
    def __init__(self, status: int, error: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(error)
        self.status = status
        self.error = error
        self.headers = headers


def add_rest(app: web.Application, state: ProsperStackState) -> None:
    """Add the ``/v1`` routes."""
    rest = _Rest(state)
    for path, endpoint in (
        ("/v1/flow_sessions", rest.list_sessions),
        ("/v1/flow_sessions/{id}", rest.get_session),
        ("/v1/events", rest.list_events),
        ("/v1/events/{id}", rest.get_event),
        ("/v1/offers", rest.list_offers),
        ("/v1/offers/{id}", rest.get_offer),
        ("/v1/{anything:.*}", rest.unknown),
    ):
        app.router.add_get(path, rest.endpoint(endpoint))


class _Rest:
    def __init__(self, state: ProsperStackState) -> None:
        self._state = state
        self._window_from: datetime | None = None
        self._used = 0

    def endpoint(self, answer: Endpoint) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def handle(request: web.Request) -> web.Response:
            headers: Mapping[str, str] = {}
            try:
                self._authenticate(request)
                headers = self._count()
                self._state.deflect_overdue()
                return web.json_response(answer(request), headers=headers)
            except _Refusal as refusal:
                headers = refusal.headers or headers
                return web.json_response(
                    {"error": refusal.error}, status=refusal.status, headers=headers
                )

        return handle

    def _authenticate(self, request: web.Request) -> None:
        expected = encode_basic_auth(self._state.api_key)
        if not hmac.compare_digest(
            request.headers.get("Authorization", "").encode(), expected.encode()
        ):
            raise _Refusal(401, "The API key is missing or not valid.")

    def _count(self) -> dict[str, str]:
        now = self._state.clock()
        if self._window_from is None or now - self._window_from >= WINDOW:
            self._window_from, self._used = now, 0

        self._used += 1
        limit = self._state.rate_limit
        reset_s = max(0.0, (self._window_from + WINDOW - now).total_seconds())
        headers = {
            "RateLimit-Limit": str(limit),
            "RateLimit-Remaining": str(max(0, limit - self._used)),
            "RateLimit-Reset": str(int(reset_s + 0.999)),
        }
        if self._used > limit:
            raise _Refusal(429, "Too many requests.", headers)

        return headers

    def list_sessions(self, request: web.Request) -> JsonObject:
        rows: Iterable[JsonObject] = self._state.sessions.values()
        status, subscriber_id = request.query.get("status"), request.query.get("subscriber_id")
        if status is not None:
            rows = [row for row in rows if row["status"] == status]
        if subscriber_id is not None:
            rows = [row for row in rows if row["subscriber"]["id"] == subscriber_id]
        return _page(_between(rows, request, "started_at", "completed_at", "updated_at"), request)

    def get_session(self, request: web.Request) -> JsonObject:
        return _one(self._state.sessions.values(), request)

    def list_events(self, request: web.Request) -> JsonObject:
        rows = list(self._state.events)
        after_id, name = request.query.get("after_id"), request.query.get("event")
        if after_id is not None:
            position = next((at for at, row in enumerate(rows) if row["id"] == after_id), None)
            if position is None:
                raise _Refusal(400, "after_id names no event.")
            rows = rows[position + 1 :]
        if name is not None:
            rows = [row for row in rows if row["event"] == name]
        return _page(_between(rows, request, "created_at"), request)

    def get_event(self, request: web.Request) -> JsonObject:
        return _one(self._state.events, request)

    def list_offers(self, request: web.Request) -> JsonObject:
        return _page(self._state.offers, request)

    def get_offer(self, request: web.Request) -> JsonObject:
        return _one(self._state.offers, request)

    def unknown(self, _: web.Request) -> JsonObject:
        raise _Refusal(404, "Not found.")


def _one(rows: Iterable[JsonObject], request: web.Request) -> JsonObject:
    wanted = request.match_info["id"]
    found = next((row for row in rows if row["id"] == wanted), None)
    if found is None:
        raise _Refusal(404, "Not found.")
    return found


def _between(rows: Iterable[JsonObject], request: web.Request, *fields: str) -> list[JsonObject]:
    kept = list(rows)
    for name in fields:
        for comparison, holds in COMPARISONS.items():
            text = request.query.get(f"{name}[{comparison}]")
            if text is None:
                continue
            bound = _moment(text)
            kept = [
                row
                for row in kept
                if row[name] is not None and holds(datetime.fromisoformat(row[name]), bound)
            ]

    return kept


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise _Refusal(400, "A date filter is not ISO 8601.") from None
    if moment.tzinfo is None:
        raise _Refusal(400, "A date filter needs a time zone.")
    return moment


def _page(rows: Iterable[JsonObject], request: web.Request) -> JsonObject:
    everything = list(rows)
    limit_text, cursor = request.query.get("limit", "10"), request.query.get("cursor")
    if not limit_text.isdecimal() or not 1 <= int(limit_text) <= 100:
        raise _Refusal(400, "limit must be a number from 1 to 100.")

    begin = 0

    if cursor is not None:
        try:
            text = base64.urlsafe_b64decode(cursor)
        except binascii.Error:
            text = b""
        if not text.isdigit():
            raise _Refusal(400, "The cursor is not valid.")
        begin = int(text)

    end = begin + int(limit_text)
    more = base64.urlsafe_b64encode(str(end).encode()).decode() if end < len(everything) else None

    return {"data": everything[begin:end], "next_cursor": more}
