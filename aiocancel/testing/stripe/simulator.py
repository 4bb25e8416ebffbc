"""A simulated Stripe with a memory, on a loopback port: subscriptions, idempotency keys, and faults.

It is for tests and demonstrations. It keeps everything in memory and follows API version
2026-10-28.endive as far as this package uses it; what it does not simulate it refuses, loudly.

    simulator = StripeSimulator()
    simulator.add_subscription("sub_1", customer="cus_1", price="price_pro", unit_amount=2900)
    async with simulator.serve() as base_url:
        ...  # StripeClient(simulator.api_key, base_addresses={"api": base_url})
    assert [effect.kind for effect in simulator.effects] == ["cancel_at_period_end"]
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
import hmac
import html
import json
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import web

from aiocancel.errors import SimulatorRefusedError
from aiocancel.testing.stripe.access import missing_permission, no_such_account, not_permitted
from aiocancel.testing.stripe.endpoints import find_endpoint
from aiocancel.testing.stripe.events import Delivery, WebhookEndpoint
from aiocancel.testing.stripe.faults import (
    AT_THE_EDGE,
    Fault,
    FaultKind,
    key_in_use,
    mask_key,
    refusal_of,
    take_faults,
)
from aiocancel.testing.stripe.form import Refusal, decode_form, read_parameters, tidy
from aiocancel.testing.stripe.objects import API_VERSION, JsonObject
from aiocancel.testing.stripe.state import StripeState
from aiocancel.testing.stripe.unverified import Unverified
from aiocancel.testing.stripe.writes import Effect, Write

__all__ = [
    "Effect",
    "Fault",
    "FaultKind",
    "RecordedRequest",
    "StripeSimulator",
    "Unverified",
]

KEYS_LAST = timedelta(hours=24)
MAX_KEY_LENGTH = 255
SHUTDOWN_TIMEOUT_S = 0.5
_FORM = "application/x-www-form-urlencoded"
_BAD_GATEWAY = "<html><head><title>502 Bad Gateway</title></head><body>Bad Gateway</body></html>"


@dataclass
class RecordedRequest:
    """One request to the API. The ``Authorization`` header is never kept.

    ``params`` are decoded but still text, ``status`` is None while or if no answer was given,
    ``fault`` names the fault that spoiled it, ``effect_applied`` says whether this very request changed something,
    ``arrived_at`` is a time of the monotonic clock.
    """

    method: str
    path: str
    params: dict[str, Any]
    idempotency_key: str | None
    request_id: str
    stripe_version: str | None
    status: int | None = None
    replayed: bool = False
    effect_applied: bool = False
    fault: FaultKind | None = None
    arrived_at: float = field(default_factory=time.monotonic)


@dataclass(frozen=True)
class _Answer:
    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass
class _RememberedKey:
    fingerprint: tuple[str, str, str]
    request_id: str
    since: datetime
    answer: _Answer | None = None  # None: the request is still under way


class StripeSimulator(StripeState):
    """Stripe in one object; attributes may be changed between requests.

    ``requests`` is what arrived and ``effects`` what it changed, oldest first. ``faults`` are those still
    to come.

    Args:
        api_key: The secret key that may do everything; ``add_key`` adds restricted ones.
        clock: Tells the time of the account; objects on a test clock have their own.
        retrieve_canceled: Whether an ended subscription can be read; some API versions answer 404.
        latency_s: Seconds by which every answer is slowed.
        requests_per_s: More than these in any second are answered with 429.
        unverified: The answers to questions about Stripe that no source settles.

    Raises:
        SimulatorRefusedError: The key is a live one.
    """

    def __init__(
        self,
        *,
        api_key: str = "sk_test_simulator",
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        retrieve_canceled: bool = True,
        latency_s: float = 0.0,
        requests_per_s: int | None = None,
        unverified: Unverified | None = None,
    ) -> None:
        _refuse_live(api_key)
        super().__init__(clock, unverified=unverified)
        self.api_key = api_key
        self.restricted_keys: dict[str, frozenset[str]] = {}
        self.connected: dict[str, StripeState] = {}
        self.retrieve_canceled = retrieve_canceled

        self.latency_s = latency_s
        self.requests_per_s = requests_per_s
        self._arrivals: deque[float] = deque()
        self.requests: list[RecordedRequest] = []
        self.faults: list[Fault] = []
        self._errands: set[asyncio.Task[None]] = set()
        self._keys: dict[tuple[str, str], _RememberedKey] = {}

    def inject(self, *faults: Fault) -> None:
        """Put faults in the way of the next requests that match them; each is used up by its ``times``."""
        self.faults.extend(faults)

    def add_key(self, api_key: str, permissions: Iterable[str]) -> None:
        """Let a restricted key in.

        Args:
            api_key: A test key.
            permissions: Stripe's words, such as ``subscription_write`` and ``coupon_read``.
        """
        _refuse_live(api_key)
        self.restricted_keys[api_key] = frozenset(permissions)

    def add_connected_account(self, account_id: str) -> StripeState:
        """Connect an account and return its books; requests with its id in ``Stripe-Account`` go there."""
        books = StripeState(self.clock, account_id=account_id, unverified=self.unverified)
        books.courier = self.courier
        self.connected[account_id] = books
        return books

    def add_webhook(
        self, url: str, secret: str, *kinds: str, connect: bool = False
    ) -> WebhookEndpoint:
        """Send events to an address.

        Args:
            url: The address.
            secret: Signs them.
            kinds: Which types are sent; all, when none is named.
            connect: Whether it hears of connected accounts instead of the key's own.
        """
        endpoint = WebhookEndpoint(url, secret, kinds or ("*",), connect)
        self.courier.endpoints.append(endpoint)
        return endpoint

    @property
    def deliveries(self) -> list[Delivery]:
        """Every attempt to deliver an event, oldest first."""
        return self.courier.deliveries

    async def deliver_events(self) -> None:
        """Let time pass up to now, and send the events that wait; requests do it by themselves."""
        for books in (self, *self.connected.values()):
            books.settle_all()
        await self.courier.deliver(self.now)

    def prune_keys(self, older_than: timedelta = timedelta(0)) -> int:
        """Forget idempotency keys, as Stripe may after 24 hours; returns how many.

        Args:
            older_than: How old they are at the least.
        """
        limit = self.clock() - older_than
        old = [
            key
            for key, held in self._keys.items()
            if held.answer is not None and held.since <= limit
        ]
        for key in old:
            del self._keys[key]
        return len(old)

    # --- serving --------------------------------------------------------------------------------

    @property
    def app(self) -> web.Application:
        """A fresh application with the API, for those who run it themselves; all of them share this state."""
        app = web.Application()
        app.router.add_get("/_simulator/subscriptions", self._inspect)
        app.router.add_route("*", "/{path:.*}", self._handle)
        return app

    @contextlib.asynccontextmanager
    async def serve(self, port: int = 0) -> AsyncIterator[str]:
        """Listen on 127.0.0.1 and yield the base URL.

        Args:
            port: 0 takes any that is free.
        """
        runner = web.AppRunner(self.app, access_log=None, shutdown_timeout=SHUTDOWN_TIMEOUT_S)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", port).start()
            yield f"http://127.0.0.1:{runner.addresses[0][1]}"
        finally:
            await asyncio.gather(*self._errands)
            await runner.cleanup()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        request_id = self.new_id("req")
        key = request.headers.get("Idempotency-Key") if request.method == "POST" else None
        body = (await request.read()).decode(errors="replace")
        record = RecordedRequest(
            method=request.method,
            path=request.path,
            params={},
            idempotency_key=request.headers.get("Idempotency-Key"),
            request_id=request_id,
            stripe_version=request.headers.get("Stripe-Version"),
        )

        self.requests.append(record)
        if self.latency_s > 0:
            await asyncio.sleep(self.latency_s)

        faults: list[Fault] = []

        try:
            books, granted = self._check_caller(request)
            self._check_rate()
            faults = take_faults(self.faults, request.method, request.path)
            record.fault = faults[-1].kind if faults else None
            raw = decode_form(request.rel_url.raw_query_string, body)
            record.params = tidy(raw)
            if granted is not None:
                self._check_permission(request, books, granted, record.params)
            if faults and faults[-1].kind in AT_THE_EDGE:
                await _delay(faults)
                answer = _answer_at_the_edge(faults[-1], key)
            else:
                answer = await self._answer_once(books, record, raw, key, faults)
        except Refusal as refusal:
            answer = _refused(refusal)

        self._send_news()

        return await self._deliver(request, record, answer, faults, key)

    def _send_news(self) -> None:
        if not self.courier.endpoints:
            return
        task = asyncio.create_task(self.courier.deliver(self.now))
        self._errands.add(task)
        task.add_done_callback(self._errands.discard)

    def _check_permission(
        self,
        request: web.Request,
        books: StripeState,
        granted: frozenset[str],
        params: Mapping[str, Any],
    ) -> None:
        expand = params.get("expand", [])
        missing = missing_permission(granted, request.method, request.path, expand, self.unverified)
        if missing is not None:
            key = mask_key(_key_of(request.headers.get("Authorization", "")))
            raise not_permitted(key, books.account_id, missing)

    def _check_caller(self, request: web.Request) -> tuple[StripeState, frozenset[str] | None]:
        """Return whose books the request is for, and what its key may do; None is everything."""
        given = _key_of(request.headers.get("Authorization", ""))
        if not given:
            message = (
                "You did not provide an API key. You need to provide your API key in the Authorization header, using "
                "Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY'). See "
                "https://stripe.com/docs/api#authentication for details, or we can help at https://support.stripe.com/."
            )
            raise Refusal(401, message, headers={"WWW-Authenticate": 'Basic realm="Stripe"'})

        granted = self.restricted_keys.get(given)
        if granted is None and not hmac.compare_digest(given.encode(), self.api_key.encode()):
            raise Refusal(401, f"Invalid API Key provided: {mask_key(given)}")

        if request.body_exists and request.content_type not in {_FORM, "application/octet-stream"}:
            message = (
                f"Invalid request (check that your POST content type is {_FORM}). "
                "If you have any questions, we can help at https://support.stripe.com/."
            )
            raise Refusal(400, message)

        return self._books_of(request, given), granted

    def _books_of(self, request: web.Request, key: str) -> StripeState:
        named = request.headers.get("Stripe-Account") or request.headers.get("Stripe-Context")
        account_id = (named or self.account_id).rpartition("/")[2]
        if account_id == self.account_id:
            return self
        if (books := self.connected.get(account_id)) is None:
            raise no_such_account(mask_key(key), account_id)
        return books

    def _check_rate(self) -> None:
        if self.requests_per_s is None:
            return
        now = time.monotonic()
        while self._arrivals and self._arrivals[0] <= now - 1.0:
            self._arrivals.popleft()
        if len(self._arrivals) >= self.requests_per_s:
            raise refusal_of(Fault("rate_limit_429", reason="global-rate"), idempotency_key=None)
        self._arrivals.append(now)

    async def _answer_once(
        self,
        books: StripeState,
        record: RecordedRequest,
        raw: Mapping[str, Any],
        key: str | None,
        faults: list[Fault],
    ) -> _Answer:
        """Answer, or repeat the answer that the key already has; holds the key while it works."""
        if any(fault.kind == "key_pruned" for fault in faults):
            self.prune_keys()

        if key is None:
            return await self._execute(books, record, raw, faults)

        place = books.account_id, key
        fingerprint = (record.method, record.path, json.dumps(raw, sort_keys=True))
        held = _RememberedKey(fingerprint, record.request_id, self.clock())

        if (earlier := self._recall(place, held)) is not None:
            record.replayed = True
            return earlier

        self._keys[place] = held

        try:
            held.answer = await self._execute(books, record, raw, faults)
        finally:
            # Nothing that failed before it was executed is stored, nor is a request that was broken off.
            if held.answer is None:
                del self._keys[place]

        return held.answer

    def _recall(self, place: tuple[str, str], asked: _RememberedKey) -> _Answer | None:
        _, key = place
        self.prune_keys(KEYS_LAST)

        if len(key) > MAX_KEY_LENGTH:
            message = f"Idempotency keys can be at most {MAX_KEY_LENGTH} characters long."
            raise Refusal(400, message, type="idempotency_error")

        if (earlier := self._keys.get(place)) is None:
            return None

        if earlier.fingerprint != asked.fingerprint:
            same_place = earlier.fingerprint[:2] == asked.fingerprint[:2]
            limit = (
                "with the same parameters they were first used with"
                if same_place
                else f"for the same endpoint they were first used for ('{asked.fingerprint[1]}' vs "
                f"'{earlier.fingerprint[1]}')"
            )
            message = (
                f"Keys for idempotent requests can only be used {limit}. Try using a key other than '{key}' if you "
                "meant to execute a different request."
            )
            raise Refusal(400, message, type="idempotency_error")

        if earlier.answer is None:
            raise key_in_use(key)

        headers = {
            "Idempotent-Replayed": "true",
            "Original-Request": earlier.request_id,
            **earlier.answer.headers,
        }

        return _Answer(earlier.answer.status, earlier.answer.body, headers)

    async def _execute(
        self,
        books: StripeState,
        record: RecordedRequest,
        raw: Mapping[str, Any],
        faults: list[Fault],
    ) -> _Answer:
        endpoint, object_id = find_endpoint(record.method, record.path)
        params = read_parameters(endpoint.params, raw)
        await _delay(faults)
        last = faults[-1] if faults else None
        if last is not None and last.kind in {"error_500_before_stored", "card_declined_402"}:
            return _refused(refusal_of(last, idempotency_key=record.idempotency_key))

        # From here on nothing waits, so requests cannot interleave within one object.
        effects_before = len(books.effects)
        write = Write(
            record.request_id,
            record.idempotency_key if record.method == "POST" else None,
            record.stripe_version or API_VERSION,
        )
        paths = params.get("expand", [])
        books.write = write

        try:
            if paths and object_id and record.method != "GET":
                # An expansion that is refused must be refused before anything happens.
                _check_expansion(books, record.path, object_id, paths, write)
            result = books.expanded(endpoint.run(books, object_id, params, write), paths)
        except Refusal as refusal:
            return _refused(refusal)
        finally:
            books.write = None
            record.effect_applied = len(books.effects) > effects_before

        if last is not None and last.kind == "error_500_after":
            return _refused(refusal_of(last, idempotency_key=record.idempotency_key))

        return _Answer(200, _json(result))

    async def _deliver(
        self,
        request: web.Request,
        record: RecordedRequest,
        answer: _Answer,
        faults: list[Fault],
        key: str | None,
    ) -> web.StreamResponse:
        last = faults[-1].kind if faults else None
        if last in {"drop_before", "drop_after"}:
            _hang_up(request)
            return web.Response()

        record.status = answer.status
        is_json = last != "bad_gateway_502"
        headers = {
            "Content-Type": "application/json" if is_json else "text/html",
            "Request-Id": record.request_id,
            "Stripe-Version": record.stripe_version or API_VERSION,
            **(
                {}
                if key is None
                else {"Idempotency-Key": key, "Original-Request": record.request_id}
            ),
            **answer.headers,
        }
        if last != "truncate_after":
            return web.Response(status=answer.status, body=answer.body, headers=headers)

        response = web.StreamResponse(status=answer.status, headers=headers)
        response.content_length = len(answer.body)
        await response.prepare(request)
        await response.write(answer.body[: len(answer.body) // 2])
        _hang_up(request)

        return response

    async def _inspect(self, request: web.Request) -> web.Response:
        """The subscriptions as they are, for people: a table in a browser, JSON otherwise."""
        subscriptions = list(self.subscriptions.values())
        if "text/html" not in request.headers.get("Accept", ""):
            return web.Response(body=_json(subscriptions), content_type="application/json")

        shown = (
            "id",
            "customer",
            "status",
            "cancel_at_period_end",
            "cancel_at",
            "pause_collection",
            "discounts",
        )

        rows = "".join(
            "<tr>"
            + "".join(f"<td>{html.escape(str(entry[name]))}</td>" for name in shown)
            + "</tr>"
            for entry in subscriptions
        )

        head = "".join(f"<th>{name}</th>" for name in shown)
        page = f"<!doctype html><title>Simulated Stripe</title><table border=1><tr>{head}</tr>{rows}</table>"

        return web.Response(text=page, content_type="text/html")


def _key_of(authorization: str) -> str:
    scheme, _, credentials = authorization.partition(" ")
    if scheme.lower() == "bearer":
        return credentials.strip()
    if scheme.lower() == "basic":
        with contextlib.suppress(binascii.Error, UnicodeDecodeError):
            return base64.b64decode(credentials, validate=True).decode().partition(":")[0]
    return ""


def _refuse_live(api_key: str) -> None:
    if "_live_" in api_key:
        raise SimulatorRefusedError(
            "the Stripe simulator takes no live key; give it one that starts with sk_test_"
        )


def _check_expansion(
    books: StripeState, path: str, object_id: str, paths: Iterable[str], write: Write
) -> None:
    # What is done to an object (pause, resume, pay) is answered like a reading of it.
    object_path = path[: path.index(object_id) + len(object_id)]
    reader, _ = find_endpoint("GET", object_path)
    books.expanded(reader.run(books, object_id, {}, write), paths)


async def _delay(faults: list[Fault]) -> None:
    for fault in faults:
        if fault.kind == "delay":
            await asyncio.sleep(fault.seconds)


def _answer_at_the_edge(fault: Fault, key: str | None) -> _Answer:
    if fault.kind == "bad_gateway_502":
        return _Answer(502, _BAD_GATEWAY.encode())
    return _refused(refusal_of(fault, idempotency_key=key))


def _refused(refusal: Refusal) -> _Answer:
    return _Answer(refusal.status, _json({"error": refusal.error}), refusal.headers)


def _json(value: JsonObject | list[JsonObject]) -> bytes:
    return json.dumps(value, indent=2).encode()


def _hang_up(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.close()
