"""What the simulated ProsperStack holds and decides, without HTTP: flow sessions, events, webhooks and faults."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from aiocancel.testing.json_copy import copy_of
from aiocancel.testing.prosperstack import records
from aiocancel.testing.prosperstack.records import JsonObject
from aiocancel.testing.prosperstack.webhooks import Delivery, WebhookSender

AUTOMATIC_DEFLECTION_AFTER = timedelta(hours=24)
OPEN_STATUSES = ("in_progress", "incomplete")


@dataclass(frozen=True)
class Hosts:
    """Where a served simulator listens; origins without a trailing slash, as the client needs them."""

    api_url: str
    app_url: str


@dataclass(frozen=True)
class RecordedRequest:
    """One request as it arrived."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes


@dataclass
class Fault:
    """What the next ``times`` requests whose path starts with ``path`` meet instead of, or before, an answer."""

    path: str
    times: int
    status: int | None
    error: str | None
    delay_s: float
    drop: bool
    headers: Mapping[str, str] = field(default_factory=dict)


class ProsperStackState:
    """What the vendor holds and decides; attributes may be changed between requests.

    ``sessions`` holds flow sessions by id, ``events`` every event oldest first, ``requests`` what arrived.

    Args:
        client_id: The account's id, which payloads name.
        client_secret: The secret that payloads are signed with.
        api_key: The key that REST requests need.
        clock: The time.
        new_id: Makes the id of a new object with this prefix.
        require_signature: Whether an unsigned flow session is refused.
        offers: The offers of each flow session; None for a usual set.
        confirmation_step: Whether the iframe stays open after completion.
        report_incomplete: Whether the × reports ``incomplete`` before it closes.
        redirect_uri: Where the page goes at the end of a flow session, None where it stays.
        webhook_url: Where events are posted to, None where nobody hears of them.
        known_subscriptions: The subscriptions that are not refused; None for any.
        properties: The types of the custom properties that exist, by their identifiers; None for any.
        rate_limit: How many REST requests may come within a minute.
        echoes_meta: Whether a flow session shows over REST what the payload's ``meta`` held.
        echoes_properties: Whether it shows what the payload's ``properties`` held.
    """

    def __init__(
        self,
        *,
        client_id: str = "acct_simulator",
        client_secret: str = "simulator client secret",  # noqa: S107 - opens nothing but this simulator
        api_key: str = "key_test_simulator",
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        new_id: Callable[[str], str] = lambda prefix: f"{prefix}_{secrets.token_hex(12)}",
        require_signature: bool = True,
        offers: Sequence[JsonObject] | None = None,
        confirmation_step: bool = False,
        report_incomplete: bool = False,
        redirect_uri: str | None = None,
        webhook_url: str | None = None,
        known_subscriptions: Collection[str] | None = None,
        properties: Mapping[str, str] | None = None,
        rate_limit: int = 100,
        echoes_meta: bool = True,
        echoes_properties: bool = True,
    ) -> None:
        self.client_id = client_id
        self.client_secret = client_secret
        self.api_key = api_key
        self.clock = clock
        self.new_id = new_id
        self.require_signature = require_signature
        self.offers: list[JsonObject] = list(records.default_offers() if offers is None else offers)
        self.confirmation_step = confirmation_step
        self.report_incomplete = report_incomplete
        self.redirect_uri = redirect_uri
        self.webhook_url = webhook_url
        self.known_subscriptions = known_subscriptions

        self.properties = properties
        self.rate_limit = rate_limit
        self.echoes_meta = echoes_meta
        self.echoes_properties = echoes_properties
        self.sessions: dict[str, JsonObject] = {}
        self.test_mode_sessions: set[str] = set()
        self.events: list[JsonObject] = []
        self.requests: list[RecordedRequest] = []
        self.hosts: Hosts | None = None
        self._faults: deque[Fault] = deque()
        self.webhooks = WebhookSender()
        self.stopping = asyncio.Event()

    # --- state, without a browser -------------------------------------------------------------

    def sign(self, payload: bytes) -> str:
        """The hex HMAC-SHA256 that the client secret gives for exactly these bytes."""
        return hmac.new(self.client_secret.encode(), payload, hashlib.sha256).hexdigest()

    def create_session(
        self,
        subscription_id: str = "sub_simulator",
        *,
        payload: Mapping[str, Any] | None = None,
        client_url: str | None = None,
        user_agent: str | None = None,
        test_mode: bool = False,
        started: bool = True,
    ) -> JsonObject:
        """Open a flow session and return it.

        Args:
            subscription_id: The subscription of a plain payload.
            payload: The payload, in place of the plain one.
            client_url: The address of the page.
            user_agent: The browser's name for itself.
            test_mode: Whether it is a session of the test mode.
            started: Whether the customer has begun already.
        """
        opened = payload or {
            "clientId": self.client_id,
            "subscription": {"platformId": subscription_id},
        }
        session = records.new_session(
            opened,
            now=self.clock(),
            new_id=self.new_id,
            offers=copy_of(self.offers),
            client_url=client_url,
            user_agent=user_agent,
            echoes_meta=self.echoes_meta,
            echoes_properties=self.echoes_properties,
        )

        self.sessions[session["id"]] = session
        if test_mode:
            self.test_mode_sessions.add(session["id"])

        if started:
            self.start(session["id"])

        return session

    def start(self, session_id: str) -> JsonObject:
        """The subscriber sees the flow: sets ``started_at`` and emits ``flow_session_started``, once."""
        session = self.sessions[session_id]
        if session["started_at"] is None:
            session["started_at"] = session["updated_at"] = records.iso(self.clock())
            self._emit("flow_session_started", session)
        return session

    def finish(
        self,
        session_id: str,
        *,
        status: str = "canceled",
        offer_id: str | None = None,
        cancel_reason: str | None = "too_expensive",
        comment: str | None = None,
    ) -> JsonObject:
        """End a flow session and emit ``flow_session_completed``; returns the session.

        Args:
            session_id: The session.
            status: How it ends.
            offer_id: The offer that was accepted, None where none was.
            cancel_reason: A code of ``records.REASONS`` or a free text.
            comment: The customer's own words.

        Raises:
            ValueError: The session has already ended, or ``status`` and ``offer_id`` do not fit together.
        """
        session = self.start(session_id)
        if session["status"] not in OPEN_STATUSES:
            raise ValueError(f"the flow session has already ended as {session['status']}")
        if (status == "saved") != (offer_id is not None):
            raise ValueError("an offer is accepted exactly when the status is saved")

        accepted = next(
            (each for each in session["offers_presented"] if each["id"] == offer_id), None
        )
        if offer_id is not None and accepted is None:
            raise ValueError("that offer was not presented")

        at = records.iso(self.clock())
        session |= {
            "status": status,
            "offer_accepted": accepted,
            "updated_at": at,
            "completed_at": at,
        }

        if cancel_reason is not None:
            reason = records.cancel_reason(cancel_reason)
            session["cancel_reason"] = reason
            session["answers"] = records.answers(reason, comment)

        if status != "incomplete":
            session["steps"] = records.steps(
                session["started_at"], at, reached_confirmation=status == "canceled"
            )

        if session_id not in self.test_mode_sessions and status in ("canceled", "saved"):
            session["subscriber"]["status"] = status

        self._emit("flow_session_completed", session)

        return session

    def deflect_overdue(self) -> None:
        """Incomplete sessions of more than 24 h become ``deflected``; every REST read does this first."""
        now = self.clock()
        for session in self.sessions.values():
            if session["status"] != "incomplete":
                continue
            if now - datetime.fromisoformat(session["completed_at"]) >= AUTOMATIC_DEFLECTION_AFTER:
                session["status"] = "deflected"
                session["deflected_by"] = {"type": "automatic", "details": None}
                session["updated_at"] = records.iso(now)

    def _emit(self, name: str, session: JsonObject) -> None:
        if session["id"] in self.test_mode_sessions:
            return  # test mode is documented to have no side effects
        event: JsonObject = {
            "id": self.new_id("evt"),
            "event": name,
            "data": copy_of(session),
            "created_at": records.iso(self.clock()),
        }
        self.events.append(event)
        self.redeliver(event["id"])

    # --- webhooks -----------------------------------------------------------------------------

    @property
    def deliveries(self) -> list[Delivery]:
        """Every webhook that was tried, oldest first."""
        return self.webhooks.deliveries

    def redeliver(self, event_id: str) -> None:
        """Post an event's webhook (again), in the background; nothing happens without ``webhook_url``."""
        if self.webhook_url is not None:
            self.webhooks.queue(
                self.webhook_url, next(each for each in self.events if each["id"] == event_id)
            )

    async def deliveries_settled(self) -> None:
        """Wait until every webhook so far was posted once; needs a served simulator."""
        await self.webhooks.settled()

    # --- faults -------------------------------------------------------------------------------

    def fail_next(
        self,
        status: int | None = None,
        *,
        error: str | None = None,
        path: str = "/",
        times: int = 1,
        delay_s: float = 0.0,
        drop: bool = False,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Make the next requests fail, be slow, or lose their connection.

        CORS preflights are let through, as a gateway in front would. A 429 carries RateLimit headers.

        Args:
            status: The HTTP status of the answer; None answers well.
            error: The code in the answer.
            path: The beginning of the paths that are meant.
            times: How many requests.
            delay_s: How late the answer is.
            drop: Whether the connection is cut without an answer.
            headers: More headers of the answer.
        """
        self._faults.append(Fault(path, times, status, error, delay_s, drop, dict(headers or {})))

    def heal(self) -> None:
        """Forget all faults that have not struck yet, and release requests that are being delayed."""
        self._faults.clear()
        self.stopping.set()
        self.stopping = asyncio.Event()

    def take_fault(self, path: str) -> Fault | None:
        """The fault that a request of this path meets, if any."""
        for fault in self._faults:
            if path.startswith(fault.path):
                fault.times -= 1
                if fault.times <= 0:
                    self._faults.remove(fault)
                return fault
        return None
