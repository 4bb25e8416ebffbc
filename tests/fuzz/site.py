"""A whole running site for the fuzz run: it sends what an example describes and has the outcome audited.

Every example gets two customers that nobody has seen before, the author and a neighbour, so that it ends the same
however often it runs.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
import uuid
import zlib
from collections import Counter
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import Any
from urllib.parse import quote, unquote_to_bytes

import asyncpg
import pytest
from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestClient, TestServer
from yarl import URL

from aiocancel import CustomOffer, ProsperStack, SubscriptionQuery
from aiocancel.core.grants import Grant, GrantSealer
from aiocancel.core.identifiers import CustomerId, SubscriptionId
from aiocancel.ports import OutcomeVerifier, SlotSource
from aiocancel.testing.prosperstack.records import JsonObject
from aiocancel.testing.prosperstack.simulator import ProsperStackSimulator
from aiocancel.testing.stripe.simulator import StripeSimulator
from aiocancel.vendors.prosperstack.api import open_prosperstack_api
from aiocancel.worker import vendor_events
from tests.fuzz.audit import API_KEY, SECRETS, WEBHOOK_TOKEN, Auditor, Person, Story
from tests.fuzz.posts import (
    FORM,
    JSON,
    MAX_BODY,
    OFFERS,
    Look,
    Meant,
    Request,
    Result,
    Webhook,
    as_form,
    as_json,
    coded,
    mutate,
    spoil,
)
from tests.support.saas import (
    CLIENT_SECRET,
    GRANT_KEYS,
    STRIPE_KEY,
    Pool,
    as_customer,
    make_app,
    make_cancel,
)
from tests.support.waiting import until


class ImpatientProsperStack(ProsperStack):
    """ProsperStack whose minute, for the limit of requests in one, is a thousand times shorter."""

    def open_verifier(
        self, slots: SlotSource | None = None
    ) -> AbstractAsyncContextManager[OutcomeVerifier]:
        return open_prosperstack_api(
            self.api_access,
            clock=lambda: time.monotonic() * 1000,
            sleep=lambda delay_s: asyncio.sleep(delay_s / 1000),
        )


class FuzzSite:
    """The site, both companies behind it, and the figures of the run."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._stack = AsyncExitStack()
        self._sealer = GrantSealer(GRANT_KEYS)
        self.stripe = StripeSimulator(api_key=STRIPE_KEY)
        self.flows = ProsperStackSimulator(
            client_id="acct_test", client_secret=CLIENT_SECRET, api_key=API_KEY, rate_limit=10**8
        )
        self.auditor = Auditor(self.stripe, self.flows)
        self.statuses: Counter[str] = Counter()
        self.requests = self.examples = 0
        self._since = time.monotonic()

    async def open(self) -> None:
        # An event that nothing proves waits a moment for the browser, not half a minute.
        patch = self._stack.enter_context(pytest.MonkeyPatch.context())
        patch.setattr(vendor_events, "WAITS_FOR_BROWSER_S", 0.05)
        patch.setattr(vendor_events, "IDLE_LOOK_S", 0.05)

        pool = await self._stack.enter_async_context(
            asyncpg.create_pool(self._dsn, min_size=1, max_size=10)
        )
        self.pool: Pool = pool
        url = await self._stack.enter_async_context(self.stripe.serve())
        hosts = await self._stack.enter_async_context(self.flows.serve())
        self.stripe.add_price("price_simulator_basic", unit_amount=900)
        cancel = make_cancel(
            pool,
            url,
            vendor=ImpatientProsperStack(
                client_id="acct_test",
                client_secret=CLIENT_SECRET,
                api_key=API_KEY,
                api_host=hosts.api_url,
                app_host=hosts.app_url,
                applies_offers="app",
                webhook_token=WEBHOOK_TOKEN,
            ),
            subscriptions=SubscriptionQuery("SELECT 'sub_' || $1::text"),
            max_body_bytes=MAX_BODY,
            answer_within_s=0.02,
            poll_events_every_s=3600.0,
        )

        @cancel.on_offer("offr_custom")
        async def handle(offer: CustomOffer) -> None:
            self.auditor.handled.append(offer)

        async def account(_: web.Request) -> dict[str, Any]:
            return {}

        client = TestClient(TestServer(make_app(cancel, account), access_log=None))
        self.client: TestClient[Any, Any] = await self._stack.enter_async_context(client)
        logging.getLogger().addHandler(self.auditor.listener)
        logging.getLogger("aiocancel").setLevel(logging.DEBUG)

    async def close(self) -> None:
        logging.getLogger("aiocancel").setLevel(logging.NOTSET)
        logging.getLogger().removeHandler(self.auditor.listener)
        await self._stack.aclose()

    def figures(self) -> str:
        """The run in numbers."""
        lines = [
            f"{self.examples} examples, {self.requests} requests in {time.monotonic() - self._since:.0f} s"
        ]
        for title, counts in (("answers", self.statuses), ("effects", self.auditor.effects)):
            lines.append(
                f"{title}: "
                + ", ".join(f"{name} ×{count}" for name, count in sorted(counts.items()))
            )
        return "\n".join(["", *lines])

    # --- running a story ------------------------------------------------------------------------------

    async def play(self, requests: list[Request], *, at_once: bool) -> None:
        """Send the requests, let everything settle, and audit."""
        self.examples += 1
        if self.examples % 1000 == 0:
            print(self.figures(), flush=True)

        story = Story(Person(f"a{self.examples}"), Person(f"n{self.examples}"))
        for person in (story.author, story.neighbour):
            self.stripe.add_subscription(person.subscription_id)

        sends = [self._send(story, request) for request in requests]

        if at_once:
            await asyncio.gather(*sends)
        else:
            for send in sends:
                await send

        if story.rung or story.answered:
            await until(self._is_settled, within_s=60)

        await self.auditor.audit(story, self.pool)
        for person in (story.author, story.neighbour):
            del self.stripe.subscriptions[person.subscription_id]

        for record in (
            self.stripe.requests,
            self.stripe.effects,
            self.flows.requests,
            self.flows.events,
            self.auditor.handled,
        ):
            record.clear()

        self.flows.sessions.clear()

    async def _is_settled(self) -> bool:
        return not await self.pool.fetchval(
            """
            SELECT EXISTS (SELECT FROM aiocancel.doorbell WHERE result IS NULL)
                OR EXISTS (SELECT FROM aiocancel.action
                    WHERE id > $1 AND (state = 'running' OR state = 'waiting' AND due_at <= now()))
            """,
            # An earlier example may have left a flow session open: the worker goes on asking about it, now in vain.
            self.auditor.last_action,
        )

    async def _send(self, story: Story, request: Request) -> None:
        match request:
            case Result():
                body, headers = await self._result_body(story, request)
                for _ in range(request.times):
                    await self._post_result(story, request, body, headers)
            case Webhook():
                await self._post_webhook(story, request)
            case Look():
                await self._look(story, request)

    def _session(self, story: Story, meant: Meant) -> JsonObject:
        """The vendor's flow session that is meant; made when it is first spoken of."""
        if meant not in story.sessions:
            person = story.person(meant.of)
            assert person is not None
            session = self.flows.create_session(person.subscription_id)
            if meant.ended in OFFERS:
                session = self.flows.finish(session["id"], status="saved", offer_id=meant.ended)
            elif meant.ended != "in_progress":
                session = self.flows.finish(session["id"], status=meant.ended)
            story.sessions[meant] = session
        return story.sessions[meant]

    async def _grant(self, story: Story, kind: str) -> str:
        author = story.author
        if kind == "reused" and author.issued:
            return author.issued[-1]

        if kind in ("own", "reused", "neighbour's"):
            person = story.neighbour if kind == "neighbour's" else author
            response = await self._checked(
                await self.client.get("/cancel/payload", headers=as_customer(person.name)),
                "payload",
            )
            person.issued.append(json.loads(response)["flow"]["grant"])
            return person.issued[-1]

        now = int(time.time())
        sealer = GrantSealer(["somebody else's key"]) if kind == "other key" else self._sealer

        return sealer.seal(
            Grant(
                CustomerId(author.name),
                SubscriptionId(
                    (story.neighbour if kind == "other subscription" else author).subscription_id
                ),
                "live" if kind == "other mode" else "test",
                now - 7200,
                now - 3600 if kind == "expired" else now + 3600,
                uuid.uuid4().hex,
            )
        )

    async def _result_body(self, story: Story, request: Result) -> tuple[bytes, dict[str, str]]:
        grant = await self._grant(story, request.grant)
        if request.altered is not None:
            at, character = request.altered
            at %= len(grant)
            grant = grant[:at] + character + grant[at + 1 :]

        body: dict[str, Any] = {"grant": grant}
        by_form = request.as_form and request.wish is not None

        if request.wish is not None:
            body |= {"status": request.wish, "reason": "Zu teuer", "reason_code": "too_expensive"}
        else:
            session = None if request.session is None else self._session(story, request.session)
            status = request.claimed
            if status == "as it is":
                status = "saved" if session is None else session["status"]
            body["result"] = {"status": status}
            if session is not None:
                body["result"]["flowSession"] = (
                    session if request.is_whole else {"id": session["id"]}
                )

        body = mutate(body, request.mutations)
        raw, headers = coded(
            spoil(as_form(body) if by_form else as_json(body), request.spoiled), request.coding
        )
        headers |= _customer(story, request.who)
        headers["Content-Type"] = (
            (FORM if by_form else JSON) if request.content_type is None else request.content_type
        )
        if request.accept is not None:
            headers["Accept"] = request.accept

        return raw, headers

    async def _post_result(
        self, story: Story, request: Result, body: bytes, headers: dict[str, str]
    ) -> None:
        response = await self.client.post(
            "/cancel/result", data=body, headers=headers, allow_redirects=False
        )
        text = await self._checked(response, "result")
        if response.status >= 400:
            return

        person = story.person(request.who)
        assert person is not None, f"{request.who} was given {response.status}"

        if response.status == 303:
            claim = response.headers["Location"].rpartition("/")[2]
            allowed = {"cancellation", "resumption"}
        else:
            answer = json.loads(text)
            claim, allowed = answer["claim"], {answer["change"]}

        story.answered.add(claim)
        person.claims.append(claim)
        # Whatever was changed about the request, it is only good with a grant that this very person was given.
        plain = unquote_to_bytes(_unpacked(body, headers))
        assert any(grant.encode() in plain for grant in person.issued), (
            "accepted without the person's own grant"
        )
        person.may_leave |= "cancellation" in allowed
        person.may_return |= "resumption" in allowed

    async def _post_webhook(self, story: Story, request: Webhook) -> None:
        event: JsonObject = {
            "event": "flow_session_completed",
            "event_id": "evt_unknown",
            "data": {},
        }
        if request.session is not None:
            session = self._session(story, request.session)
            event["event_id"] = next(
                each["id"]
                for each in reversed(self.flows.events)
                if each["data"]["id"] == session["id"]
            )
            event["data"] = session

        raw, headers = coded(
            spoil(as_json(mutate(event, request.mutations)), request.spoiled), request.coding
        )
        token = WEBHOOK_TOKEN if request.token is None else request.token
        path = URL(f"/cancel/webhook/{quote(token, safe='', errors='surrogatepass')}", encoded=True)
        response = await self.client.post(path, data=raw, headers={**headers, "Content-Type": JSON})
        await self._checked(response, "webhook" if token == WEBHOOK_TOKEN else "no route")

        if response.status < 400:
            assert token == WEBHOOK_TOKEN
            story.rung.add("webhook")

    async def _look(self, story: Story, request: Look) -> None:
        claims = {"author's": story.author.claims, "neighbour's": story.neighbour.claims}.get(
            request.claim, []
        )
        claim = claims[-1] if claims else request.claim
        path = {
            "status": f"/cancel/status/{quote(claim, safe='', errors='surrogatepass')}",
            "": "/cancel",
        }.get(request.path, f"/cancel/{request.path}")
        query = "&".join(
            f"{quote(name, errors='surrogatepass')}={quote(value, errors='surrogatepass')}"
            for name, value in request.query
        )
        headers = _customer(story, request.who)
        if request.accept is not None:
            headers["Accept"] = request.accept

        response = await self.client.get(
            URL(f"{path}?{query}", encoded=True), headers=headers, allow_redirects=False
        )
        await self._checked(response, request.path or "page")

        if request.path == "status" and response.status < 400:
            person = story.person(request.who)
            assert person is not None
            assert claim.lower() in {each.lower() for each in person.claims}, (
                "was shown somebody else's claim"
            )

    async def _checked(self, response: ClientResponse, route: str) -> str:
        """What holds for every answer; returns its text."""
        text = await response.text()
        self.requests += 1
        self.statuses[f"{route} {response.status}"] += 1
        assert 200 <= response.status < 500, (route, response.status, text[:300])
        told = text + str(dict(response.headers))
        assert not [secret for secret in SECRETS if secret in told]

        if response.status >= 400 and route in ("result", "webhook", "status", "payload"):
            if response.content_type == JSON:
                refusal = json.loads(text)
                assert sorted(refusal) == ["error", "message", "reason"]
                assert refusal["reason"].endswith(".")
            elif response.content_type == "text/html":
                assert "text/html" in response.request_info.headers["Accept"].lower()
            else:
                # The router's own: another method, or a path that is none of ours.
                assert response.status == 405 or (response.status, route) == (404, "status"), (
                    route,
                    text[:200],
                )

        return text


def _customer(story: Story, who: str) -> dict[str, str]:
    if who == "nobody":
        return {}
    person = story.person(who)
    return as_customer(who if person is None else person.name)


def _unpacked(body: bytes, headers: dict[str, str]) -> bytes:
    return (
        zlib.decompress(body, wbits=47)
        if headers.get("Content-Encoding") in ("gzip", "deflate")
        else body
    )
