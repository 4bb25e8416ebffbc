"""A whole running site for the fuzz run, with its auditor: what may change at Stripe, and on whose word.

Every example gets two customers that nobody has seen before, the author and a neighbour, so that it ends the same
however often it runs. The auditor trusts nothing that the package says: it compares what Stripe shows with what the
simulated vendor knows and with whose grant was accepted.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
import traceback
import uuid
import zlib
from collections import Counter
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote, unquote_to_bytes

import asyncpg
from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestClient, TestServer
from yarl import URL

from aiocancel import CustomOffer, SubscriptionQuery
from aiocancel.core.grants import Grant, GrantSealer
from aiocancel.core.identifiers import CustomerId, SubscriptionId
from aiocancel.testing.prosperstack_records import JsonObject
from aiocancel.testing.prosperstack_simulator import ProsperStackSimulator
from aiocancel.testing.stripe_simulator import StripeSimulator
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
from tests.saas import CLIENT_SECRET, GRANT_KEYS, STRIPE_KEY, Pool, as_customer, make_app, make_cancel, vendor
from tests.waiting import until

API_KEY: Final = "key_test_of_the_fuzz_run"
WEBHOOK_TOKEN: Final = "a-webhook-token-that-nobody-guesses"
SECRETS: Final = (CLIENT_SECRET, *GRANT_KEYS, STRIPE_KEY, API_KEY, WEBHOOK_TOKEN)
DAY: Final = 24 * 3600

# What each offer of the simulated vendor does to a subscription at the simulated Stripe.
EFFECT_OF: Final = {
    "offr_coupon": "discounts",
    "offr_trial_extension": "trial_end",
    "offr_change_plan": "items",
    "offr_pause_subscription": "pause_collection",
}
# With a cancellation comes the reason.
LEAVING: Final = {"cancel_at_period_end", "cancel_at", "cancel_now", "cancellation_details"}
RETURNING: Final = {"resume"}


class Listener(logging.Handler):
    """Hears every log record; keeps those with a secret or with the traceback of a mistake."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.bad: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        # aiohttp itself logs a body that cannot be unpacked, after our 400 was sent.
        if record.exc_info and record.exc_info[0] and record.exc_info[0] is not web.RequestPayloadError:
            text += "".join(traceback.format_exception(*record.exc_info))
            self.bad.append(text)
        if any(secret in text for secret in SECRETS):
            self.bad.append(text)


@dataclass
class Person:
    """One customer of one example, and what was allowed so far."""

    name: str
    issued: list[str] = field(default_factory=list)
    claims: list[str] = field(default_factory=list)
    may_leave: bool = False
    may_return: bool = False

    @property
    def subscription_id(self) -> str:
        return f"sub_{self.name}"


@dataclass
class Story:
    """One example as it runs."""

    author: Person
    neighbour: Person
    sessions: dict[Meant, JsonObject] = field(default_factory=dict)
    answered: set[str] = field(default_factory=set)
    rung: set[str] = field(default_factory=set)

    def person(self, who: str) -> Person | None:
        return {"author": self.author, "neighbour": self.neighbour}.get(who)


class FuzzSite:
    """The site, both companies behind it, and the figures of the run."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._stack = AsyncExitStack()
        self._sealer = GrantSealer(GRANT_KEYS)
        self.stripe = StripeSimulator(api_key=STRIPE_KEY)
        self.flows = ProsperStackSimulator(
            client_id="acct_test", client_secret=CLIENT_SECRET, api_key=API_KEY, rate_limit=10**9
        )
        self.listener = Listener()
        self.statuses: Counter[str] = Counter()
        self.effects: Counter[str] = Counter()
        self.requests = self.examples = 0
        self._handled: list[CustomOffer] = []
        self._seen = (0, 0)
        self._since = time.monotonic()

    async def open(self) -> None:
        pool = await self._stack.enter_async_context(asyncpg.create_pool(self._dsn, min_size=1, max_size=10))
        self.pool: Pool = pool
        url = await self._stack.enter_async_context(self.stripe.serve())
        hosts = await self._stack.enter_async_context(self.flows.serve())
        self.stripe.add_price("price_simulator_basic", unit_amount=900)
        cancel = make_cancel(
            pool,
            url,
            vendor=vendor(
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
            self._handled.append(offer)

        async def account(_: web.Request) -> dict[str, Any]:
            return {}

        client = TestClient(TestServer(make_app(cancel, account), access_log=None))
        self.client: TestClient[Any, Any] = await self._stack.enter_async_context(client)
        logging.getLogger().addHandler(self.listener)

    async def close(self) -> None:
        logging.getLogger().removeHandler(self.listener)
        await self._stack.aclose()

    def gifts(self) -> int:
        """How many gifts were made so far."""
        return sum(self.effects[kind] for kind in (*EFFECT_OF.values(), "custom offer handled"))

    def figures(self) -> str:
        """The run in numbers."""
        lines = [f"{self.examples} examples, {self.requests} requests in {time.monotonic() - self._since:.0f} s"]
        for title, counts in (("answers", self.statuses), ("effects", self.effects)):
            lines.append(f"{title}: " + ", ".join(f"{name} ×{count}" for name, count in sorted(counts.items())))
        return "\n".join(["", *lines])

    # --- running a story ------------------------------------------------------------------------------

    async def play(self, requests: list[Request], *, at_once: bool) -> None:
        """Send the requests, let everything settle, and audit."""
        self.examples += 1
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
            await until(self._is_settled)
        await self._audit(story)
        for person in (story.author, story.neighbour):
            del self.stripe.subscriptions[person.subscription_id]
        for record in (
            self.stripe.requests,
            self.stripe.effects,
            self.flows.requests,
            self.flows.events,
            self._handled,
        ):
            record.clear()
        self.flows.sessions.clear()

    async def _is_settled(self) -> bool:
        return not await self.pool.fetchval(
            """
            SELECT EXISTS (SELECT FROM aiocancel.doorbell WHERE result IS NULL)
                OR EXISTS (SELECT FROM aiocancel.action
                    WHERE state = 'running' OR state = 'waiting' AND due_at <= now())
            """
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
                await self.client.get("/cancel/payload", headers=as_customer(person.name)), "payload"
            )
            person.issued.append(json.loads(response)["flow"]["grant"])
            return person.issued[-1]
        now = int(time.time())
        sealer = GrantSealer(["somebody else's key"]) if kind == "other key" else self._sealer
        return sealer.seal(
            Grant(
                CustomerId(author.name),
                SubscriptionId((story.neighbour if kind == "other subscription" else author).subscription_id),
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
                body["result"]["flowSession"] = session if request.is_whole else {"id": session["id"]}
        body = mutate(body, request.mutations)
        raw, headers = coded(spoil(as_form(body) if by_form else as_json(body), request.spoiled), request.coding)
        headers |= _customer(story, request.who)
        headers["Content-Type"] = (FORM if by_form else JSON) if request.content_type is None else request.content_type
        if request.accept is not None:
            headers["Accept"] = request.accept
        return raw, headers

    async def _post_result(self, story: Story, request: Result, body: bytes, headers: dict[str, str]) -> None:
        response = await self.client.post("/cancel/result", data=body, headers=headers, allow_redirects=False)
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
        assert any(grant.encode() in plain for grant in person.issued), "accepted without the person's own grant"
        person.may_leave |= "cancellation" in allowed
        person.may_return |= "resumption" in allowed

    async def _post_webhook(self, story: Story, request: Webhook) -> None:
        event: JsonObject = {"event": "flow_session_completed", "event_id": "evt_unknown", "data": {}}
        if request.session is not None:
            session = self._session(story, request.session)
            event["event_id"] = next(
                each["id"] for each in reversed(self.flows.events) if each["data"]["id"] == session["id"]
            )
            event["data"] = session
        raw, headers = coded(spoil(as_json(mutate(event, request.mutations)), request.spoiled), request.coding)
        token = WEBHOOK_TOKEN if request.token is None else request.token
        path = URL(f"/cancel/webhook/{quote(token, safe='', errors='surrogatepass')}", encoded=True)
        response = await self.client.post(path, data=raw, headers={**headers, "Content-Type": JSON})
        await self._checked(response, "webhook" if token == WEBHOOK_TOKEN else "no route")
        if response.status < 400:
            assert token == WEBHOOK_TOKEN
            story.rung.add("webhook")

    async def _look(self, story: Story, request: Look) -> None:
        claims = {"author's": story.author.claims, "neighbour's": story.neighbour.claims}.get(request.claim, [])
        claim = claims[-1] if claims else request.claim
        path = {"status": f"/cancel/status/{quote(claim, safe='', errors='surrogatepass')}", "": "/cancel"}.get(
            request.path, f"/cancel/{request.path}"
        )
        query = "&".join(
            f"{quote(name, errors='surrogatepass')}={quote(value, errors='surrogatepass')}"
            for name, value in request.query
        )
        headers = _customer(story, request.who)
        if request.accept is not None:
            headers["Accept"] = request.accept
        response = await self.client.get(URL(f"{path}?{query}", encoded=True), headers=headers, allow_redirects=False)
        await self._checked(response, request.path or "page")
        if request.path == "status" and response.status < 400:
            person = story.person(request.who)
            assert person is not None
            assert claim.lower() in {each.lower() for each in person.claims}, "was shown somebody else's claim"

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
                assert sorted(refusal) == ["error", "reason"]
                assert refusal["reason"].endswith(".")
            elif response.status != 405 and not (response.status == 404 and route == "status"):
                assert response.content_type == "text/html", (route, response.status, text[:200])
        return text

    # --- the audit ------------------------------------------------------------------------------------

    async def _audit(self, story: Story) -> None:
        heard, self.listener.bad = self.listener.bad, []
        assert not heard, heard
        await self._audit_ledger(story)
        for effect in self.stripe.effects:
            self.effects[effect.kind] += 1
            if effect.kind != "coupon_created":
                assert effect.object_id in {story.author.subscription_id, story.neighbour.subscription_id}
        self.effects["custom offer handled"] += len(self._handled)
        for person in (story.author, story.neighbour):
            self._audit_subscription(story, person)

    async def _audit_ledger(self, story: Story) -> None:
        """Nothing is in the ledger but what was answered as recorded, or what a webhook brought."""
        claims = await self.pool.fetch(
            "SELECT id, public_id, customer_id, grant_nonce FROM aiocancel.claim WHERE id > $1", self._seen[0]
        )
        strange = [
            dict(row)
            for row in claims
            if str(row["public_id"]) not in story.answered
            and not (story.rung and row["grant_nonce"].startswith("event:"))
        ]
        assert strange == []
        actions = await self.pool.fetch("SELECT id, claim_id, kind FROM aiocancel.action WHERE id > $1", self._seen[1])
        known = {row["id"] for row in claims}
        # An earlier example's flow session may still be open; asking about it again gives nothing.
        assert {row["claim_id"] for row in actions} <= known
        self._seen = (
            max([row["id"] for row in claims], default=self._seen[0]),
            max([row["id"] for row in actions], default=self._seen[1]),
        )

    def _audit_subscription(self, story: Story, person: Person) -> None:
        subscription = self.stripe.subscriptions[person.subscription_id]
        changed = Counter(name for effect in self.stripe.effects_on(person.subscription_id) for name in effect.changed)
        of_person = [each for each in self.flows.sessions.values() if _platform_id(each) == person.subscription_id]
        left = any(each["status"] == "canceled" for each in of_person) and bool(story.rung)
        assert person.may_leave or left or not LEAVING & changed.keys(), ("cancelled unasked", changed)
        assert person.may_return or not RETURNING & changed.keys(), ("resumed unasked", changed)
        earned = Counter(each["offer_accepted"]["id"] for each in of_person if each["status"] == "saved")
        for offer_id, kind in EFFECT_OF.items():
            assert changed[kind] <= earned[offer_id], (kind, changed, earned)
        assert not changed.keys() - LEAVING - RETURNING - set(EFFECT_OF.values()), changed
        handled = {offer.key for offer in self._handled if offer.subscription_id == person.subscription_id}
        assert len(handled) <= earned["offr_custom"]
        self._audit_worth(subscription, earned)

    def _audit_worth(self, subscription: JsonObject, earned: Counter[str]) -> None:
        """No gift is worth more than the vendor's offer, whatever a browser said of it."""
        (item,) = subscription["items"]["data"]
        assert item["price"]["id"] == "price_pro" or earned["offr_change_plan"]
        assert len(subscription["discounts"]) <= earned["offr_coupon"]
        for discount_id in subscription["discounts"]:
            coupon = self.stripe.coupons[self.stripe.discounts[discount_id]["source"]["coupon"]]
            assert (coupon["percent_off"], coupon["duration_in_months"]) == (25, 3)
        if subscription["trial_end"] is not None:
            # A month that is paid for, and two weeks.
            assert subscription["trial_end"] <= self.stripe.now + (31 + 14 * earned["offr_trial_extension"]) * DAY
        pause = subscription["pause_collection"]
        if pause is not None:
            assert pause["resumes_at"] <= self.stripe.now + 63 * DAY


def _platform_id(session: JsonObject) -> str:
    return str(session["subscription"]["platform_id"])


def _customer(story: Story, who: str) -> dict[str, str]:
    if who == "nobody":
        return {}
    person = story.person(who)
    return as_customer(who if person is None else person.name)


def _unpacked(body: bytes, headers: dict[str, str]) -> bytes:
    return zlib.decompress(body, wbits=47) if headers.get("Content-Encoding") in ("gzip", "deflate") else body
