"""ProsperStack's REST API, read-only: what a flow session came to, and which events there were.

Nothing is retried here beyond what aiohttp does by itself, which is to send a GET once more when a kept
connection turns out to be closed: when to ask again is the worker's business. The limit of 100 requests a
minute is kept by counting, here and together with all other processes, so that a 429 is rare.
Source: https://developers.prosperstack.com (authentication, errors, rate limits, flow sessions, events).
"""

from __future__ import annotations

import asyncio
import copy
import json
import math
import re
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Final

import aiohttp
from yarl import URL

from aiocancel.core.codes import AnyCode, Code, ForeignCode
from aiocancel.core.flow_session import COMPLETED, FlowSession, VendorEvent
from aiocancel.core.identifiers import FlowSessionId, is_opaque_id
from aiocancel.core.json_depth import has_more_marks_than
from aiocancel.core.rate_limit import limit_within
from aiocancel.errors import (
    ConfigurationError,
    PacedOutError,
    RejectedVendorError,
    SimulatorRefusedError,
    TransientVendorError,
    VendorDataError,
)
from aiocancel.ports import SlotSource
from aiocancel.rate_limit import IMPATIENT_S, RateLimit, RateLimits
from aiocancel.vendors.prosperstack.access import ApiAccess
from aiocancel.vendors.prosperstack.session import (
    MAX_SESSION_BYTES,
    read_event,
    read_events,
    read_session,
)

TIMEOUT_S: Final = 15.0
LONGEST_WAIT_S: Final = 10.0

# Printable, and no colon: Basic authentication splits there.
_KEY: Final = re.compile(r"[!-9;-~]+")

_EVENTS_PER_PAGE: Final = 50
# How far before and after its session's end an event is looked for. Where more sessions ended than a page holds, the
# next shorter time is looked at, and of the shortest one as many pages more.
_AROUND_END: Final = (timedelta(minutes=10), timedelta(seconds=30), timedelta(seconds=2))
_MORE_EVENT_PAGES: Final = 4
_MAX_PAGE_BYTES: Final = 4 * 1024 * 1024
_MAX_ERROR_BYTES: Final = 64 * 1024
# Fifty events have some ten thousand. Four MiB of empty objects would hold the loop up for a third of a second.
_MOST_MARKS: Final = 200_000

# A page of events or a few claims at once need not wait; in return the pace in the long run is a little lower.
_BURST_S: Final = 20.0
# However many flow sessions end, the rest is for the offers that customers wait for.
EVENTS_SHARE: Final = 0.5
_REQUESTS_PER_WINDOW: Final = 100
_WINDOW_S: Final = 60.0
_LONGEST_WINDOW_S: Final = 3600

# Client errors that say nothing about what was asked: the key, or the moment, is wrong.
_PASSING: Final = frozenset({401, 403, 407, 408, 425, 429})
_OLDEST: Final = datetime.min.replace(tzinfo=UTC)


@asynccontextmanager
async def open_prosperstack_api(
    access: ApiAccess,
    *,
    timeout_s: float = TIMEOUT_S,
    longest_wait_s: float = LONGEST_WAIT_S,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    slots: SlotSource | None = None,
) -> AsyncIterator[ProsperStackApi]:
    """Open one session to the REST API and close it at the end.

    Args:
        access: Where the API is, and its key.
        timeout_s: The longest time for one request.
        longest_wait_s: The longest wait for the rate limit before a request.
        clock: The time of this process.
        sleep: Waits for so many seconds.
        slots: Where the slots of the rate limit come from; all requests with the same source keep to the limit
            together.

    Raises:
        ConfigurationError: The API key cannot be used.
        SimulatorRefusedError: A live key would go over plain http.
    """
    if not access.api_key:
        raise ConfigurationError("ProsperStack needs api_key to confirm what a flow came to")
    if not access.host.startswith("https://") and access.mode != "test":
        raise SimulatorRefusedError(
            "a live ProsperStack API key is not sent over plain http: use https or a test key"
        )
    if _KEY.fullmatch(access.api_key) is None:
        # A line's end from a file, say; the message must not quote the key.
        raise ConfigurationError("ProsperStack's api_key holds a character that no key has")

    tls = await asyncio.to_thread(_trusted)

    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(ssl=tls, limit=20),
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={
            "Authorization": aiohttp.encode_basic_auth(access.api_key),
            "Accept": "application/json",
        },
        timeout=aiohttp.ClientTimeout(total=timeout_s),
    ) as session:
        yield ProsperStackApi(
            session,
            access.host,
            longest_wait_s=longest_wait_s,
            clock=clock,
            sleep=sleep,
            rate_limit=_rate_limit(access, slots, longest_wait_s),
            events_limit=_rate_limit(access, slots, longest_wait_s, share=EVENTS_SHARE),
            impatient_limit=_rate_limit(access, slots, IMPATIENT_S),
        )


@cache
def _trusted() -> ssl.SSLContext:
    # Once for all clients of a process: reading the machine's certificates takes 30 ms.
    return ssl.create_default_context()


def _rate_limit(
    access: ApiAccess,
    slots: SlotSource | None,
    longest_wait_s: float,
    *,
    share: float | None = None,
) -> RateLimit | None:
    """Return the limit of the account, or that of its share for events; None where nothing is shared."""
    most = access.max_requests_per_minute
    if slots is None or most is None:
        return None

    requests = most if share is None else max(2.0, most * share)
    limit = limit_within(requests, _WINDOW_S, burst_s=_BURST_S, slack_s=1.0)
    name = f"prosperstack {access.mode}"

    # A request that waits for its turn here is one of few.
    return RateLimit(
        name if share is None else f"{name} events",
        limit,
        slots,
        horizon_s=longest_wait_s,
        longest_wait_s=longest_wait_s,
    )


class ProsperStackApi:
    """The OutcomeVerifier of ProsperStack; every method may raise TransientVendorError or RejectedVendorError."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        host: str,
        *,
        longest_wait_s: float,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[object]],
        rate_limit: RateLimit | None = None,
        events_limit: RateLimit | None = None,
        impatient_limit: RateLimit | None = None,
    ) -> None:
        self._session = session
        self._base = URL(host) / "v1"
        self._longest_wait_s = longest_wait_s
        self._clock = clock
        self._sleep = sleep
        self._rate_limit = rate_limit
        self._events_limit = events_limit
        self._impatient_limit = impatient_limit
        self._budget = _Budget()

    def without_waiting(self) -> ProsperStackApi:
        """Return the same API for those who hold a place that others need: where no turn is free, it fails at once.

        They keep to the whole limit. Those who may wait read what the vendor tells of, and have a share of it.
        """
        impatient = copy.copy(self)
        impatient._longest_wait_s = IMPATIENT_S
        impatient._rate_limit = self._impatient_limit
        impatient._events_limit = None
        return impatient

    async def flow_session(self, session_id: FlowSessionId) -> FlowSession | None:
        """Return the flow session as it is now, None if ProsperStack knows none of that id."""
        body = await self._get("flow_sessions", session_id, largest=MAX_SESSION_BYTES)
        if body is None:
            return None
        session = read_session(body)
        if session.session_id != session_id:
            raise VendorDataError("ProsperStack answered with another flow session")
        return session

    async def event(self, event_id: str) -> VendorEvent | None:
        """Return the event, None if ProsperStack knows none of that id (it keeps them for at least 30 days)."""
        body = await self._get("events", event_id, largest=MAX_SESSION_BYTES)
        if body is None:
            return None
        event = read_event(body)
        if event.event_id != event_id:
            raise VendorDataError("ProsperStack answered with another event")
        return event

    async def events_after(self, after_id: str | None, *, limit: int = 100) -> list[VendorEvent]:
        """Return at most ``limit`` events, oldest first: those after ``after_id``, or from the first one kept.

        Raises RejectedVendorError when ``after_id`` is no event, for instance because it is too old.
        """
        if limit < 1:
            raise ValueError("limit is 1 or more")

        params = {"limit": str(min(limit, _EVENTS_PER_PAGE))}
        if after_id is not None:
            params["after_id"] = _checked(after_id)

        events: list[VendorEvent] = []

        while True:
            body = await self._get("events", largest=_MAX_PAGE_BYTES, params=params)
            if body is None:
                raise RejectedVendorError(
                    "ProsperStack answered 404 to a list of events", http_status=404
                )
            page, cursor = read_events(body, largest=_MAX_PAGE_BYTES)
            events += page
            if cursor is None or not page or len(events) >= limit:
                break
            params["cursor"] = cursor

        return _oldest_first(events, is_all=cursor is None)[:limit]

    async def tells_of(self, session: FlowSession) -> bool:
        """Tell whether an event says that this flow session has ended, as ``flow_session_completed`` does.

        ProsperStack's test mode has no side effects, and so no events.
        """
        rest: dict[str, str] | None = None
        for params in _ends_around(session.completed_at):
            found, cursor = await self._page_tells(session, params)
            if found:
                return True
            if cursor is None:
                break
            rest = {**params, "cursor": cursor}

        for _ in range(_MORE_EVENT_PAGES):
            if rest is None:
                break
            found, cursor = await self._page_tells(session, rest)
            if found:
                return True
            rest = None if cursor is None else {**rest, "cursor": cursor}
        return False

    async def _page_tells(
        self, session: FlowSession, params: Mapping[str, str]
    ) -> tuple[bool, str | None]:
        """Tell whether one page of ended sessions has this one, and where the next page begins."""
        body = await self._get("events", largest=_MAX_PAGE_BYTES, params=params)
        if body is None:
            return False, None
        page, cursor = read_events(body, largest=_MAX_PAGE_BYTES)
        found = any(
            event.session is not None and event.session.session_id == session.session_id
            for event in page
            if event.name == COMPLETED
        )
        return found, cursor if page else None

    async def _get(
        self,
        collection: str,
        object_id: str | None = None,
        *,
        largest: int,
        params: Mapping[str, str] | None = None,
    ) -> bytes | None:
        """Return the body of a 200, None for a 404."""
        url = self._base / collection
        if object_id is not None:
            url /= _checked(object_id)

        await self._wait_for_budget()

        try:
            async with self._session.get(url, params=params, allow_redirects=False) as response:
                return await self._answer(response, largest)
        except (aiohttp.ClientError, OSError) as error:
            # aiohttp's message may hold the address.
            code = Code.TIMEOUT if isinstance(error, TimeoutError) else Code.UNREACHABLE
            raise TransientVendorError(
                f"ProsperStack gave no answer ({type(error).__name__})", code=code
            ) from None

    async def _answer(self, response: aiohttp.ClientResponse, largest: int) -> bytes | None:
        status = response.status
        reset_s = self._budget.learn(response.headers, self._clock(), is_used_up=status == 429)
        if status == 200:
            return await _object(response, largest)

        # A proxy's page is no answer of ProsperStack's, whatever its status.
        if (
            400 <= status < 500
            and status not in _PASSING
            and _is_error(await _read(response, _MAX_ERROR_BYTES))
        ):
            if status == 404:
                return None
            raise RejectedVendorError(
                f"ProsperStack answered {status}",
                code=ForeignCode.of_status(status),
                http_status=status,
            )

        code: AnyCode

        match status:
            case 401 | 403:
                message, code = f"ProsperStack refused the API key ({status})", Code.BAD_API_KEY
            case 429:
                if self._rate_limit is not None:
                    await self._rate_limit.strike(reset_s)
                message, code = "ProsperStack's rate limit is used up", Code.RATE_LIMITED
            case _:
                message, code = f"ProsperStack answered {status}", ForeignCode.of_status(status)

        raise TransientVendorError(
            message, code=code, http_status=status, retry_after_s=reset_s if status == 429 else None
        )

    async def _wait_for_budget(self) -> None:
        wait_until = self._clock() + self._longest_wait_s
        while (delay_s := self._budget.take(now := self._clock())) > 0:
            if now + delay_s > wait_until:
                raise TransientVendorError(
                    "ProsperStack's rate limit is used up",
                    code=Code.RATE_LIMITED,
                    retry_after_s=delay_s,
                )
            await self._sleep(delay_s)

        # The share comes first: a request that gets no turn there takes none of the others'.
        limits = [each for each in (self._events_limit, self._rate_limit) if each is not None]
        if limits:
            try:
                await RateLimits(limits).take()
            except PacedOutError as error:
                raise TransientVendorError(
                    "ProsperStack's rate limit is used up",
                    code=Code.RATE_LIMITED,
                    retry_after_s=error.retry_after_s,
                ) from None


class _Budget:
    """How many requests this minute still allows; other processes' requests show in the vendor's headers."""

    def __init__(self) -> None:
        self._limit = _REQUESTS_PER_WINDOW
        self._left = 0
        self._resets_at = -math.inf

    def take(self, now: float) -> float:
        """Take one request and return 0, or take none and return the seconds until the next may be taken."""
        if now >= self._resets_at:
            self._left, self._resets_at = self._limit, now + _WINDOW_S
        if self._left > 0:
            self._left -= 1
            return 0.0
        return self._resets_at - now

    def learn(self, headers: Mapping[str, str], now: float, *, is_used_up: bool) -> float | None:
        """Take in what an answer says; return the seconds until the limit resets, if it says so."""
        limit, left, reset_s = (
            _number(headers.get(f"RateLimit-{name}")) for name in ("Limit", "Remaining", "Reset")
        )
        if limit:
            # A window was begun with the limit that was known then.
            self._left += max(0, limit - self._limit)
            self._limit = limit

        if is_used_up:
            left = 0

        if left is not None:
            # Answers overtake each other: of two counts in one window, the lower is the later one.
            self._left = min(self._left, left)

        if reset_s is None:
            return None

        reset_s = min(reset_s, _LONGEST_WINDOW_S)
        self._resets_at = now + reset_s if left == 0 else min(self._resets_at, now + reset_s)

        return float(reset_s)


def _number(text: str | None) -> int | None:
    return (
        int(text)
        if text is not None and text.isascii() and text.isdigit() and len(text) <= 9
        else None
    )


def _ends_around(ended_at: datetime | None) -> list[dict[str, str]]:
    """Return what to ask for the events of a moment, the longest time around it first."""
    params = {"event": COMPLETED, "limit": str(_EVENTS_PER_PAGE)}
    if ended_at is None:
        return [params]
    return [
        {
            **params,
            "created_at[gte]": _written(ended_at - around),
            "created_at[lte]": _written(ended_at + around),
        }
        for around in _AROUND_END
    ]


def _written(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def _checked(object_id: str) -> str:
    if not is_opaque_id(object_id):
        raise RejectedVendorError("that is no id of ProsperStack's", code=Code.BAD_ID)
    return object_id


async def _read(response: aiohttp.ClientResponse, largest: int) -> bytes | None:
    """The whole body, None if it is longer than ``largest``, however little of that was announced."""
    body = bytearray()
    async for chunk in response.content.iter_chunked(64 * 1024):
        body += chunk
        if len(body) > largest:
            return None
    return bytes(body)


async def _object(response: aiohttp.ClientResponse, largest: int) -> bytes:
    """Return the body of a 200, which is a JSON object when ProsperStack sent it.

    A proxy's page and a broken answer pass; raises TransientVendorError for these.
    """
    body = await _read(response, largest)
    is_too_much = body is None or has_more_marks_than(_MOST_MARKS, body)
    if is_too_much and response.content_type == "application/json":
        raise VendorDataError(
            f"ProsperStack's answer is longer than {largest} bytes, or holds too many values",
            http_status=200,
        )
    if body is None or is_too_much or not _is_object(body):
        raise TransientVendorError(
            "A 200 came that is no answer of ProsperStack's",
            code=Code.NOT_THE_VENDORS_ANSWER,
            http_status=200,
        )

    return body


def _is_object(body: bytes) -> bool:
    try:
        return isinstance(json.loads(body), dict)
    except (ValueError, RecursionError):
        return False


def _is_error(body: bytes | None) -> bool:
    """Whether the body is an error object of ProsperStack's, ``{"error": "…"}``."""
    try:
        read = json.loads(body or b"")
    except (ValueError, RecursionError):
        return False
    return isinstance(read, dict) and isinstance(read.get("error"), str)


def _oldest_first(events: list[VendorEvent], *, is_all: bool) -> list[VendorEvent]:
    times = [event.created_at or _OLDEST for event in events]
    if not is_all and times[:1] > times[-1:]:
        # Then the oldest are on a page that was not read, and going on from these would lose them.
        raise VendorDataError("ProsperStack lists the newest events first")
    return sorted(events, key=lambda event: event.created_at or _OLDEST)
