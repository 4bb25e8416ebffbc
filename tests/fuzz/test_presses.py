"""Whatever is pressed in a flow of our own, by whom and in whatever order: no 500, one gift at most, and a way out.

Two sites share the ledger, as during a deployment: their definitions differ, and one has a template that fails. Among
the presses are those out of order, of another session, offer, customer or length, twice at once, and after the end.
"""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Iterator
from contextlib import AsyncExitStack, closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from urllib.parse import quote, urlencode

import aiohttp_jinja2
import asyncpg
import jinja2
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from yarl import URL

from aiocancel import SubscriptionQuery
from aiocancel.testing.postgres import EmbeddedPostgres
from aiocancel.testing.stripe.simulator import StripeSimulator
from aiocancel.vendors.own import OwnFlow
from tests.support.flow_site import OFFERS
from tests.support.saas import GRANT_KEYS, STRIPE_KEY, Pool, as_customer, make_cancel
from tests.support.web import Page

EXAMPLES = max(25, settings().max_examples // 20)
PEOPLE = ("author", "neighbour")
KEYS = (*(offer.key for offer in OFFERS), "free_for_ever", "", "\0")
REASONS = ("too_expensive", "unused", "too_complex", "missing_features", "no_reason", "other", "")
BROWSER = {"Accept": "text/html"}
FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True)
class Press:
    """A form as it is posted: ``fields`` as they stand, ``session`` and ``grant`` filled in as the example runs."""

    do: str
    who: str = "author"
    session: str | None = "own"
    grant: str = "own"
    fields: tuple[tuple[str, str], ...] = ()
    site: int = 0
    times: int = 1
    spoiled: bytes = b""
    content_type: str = FORM


@dataclass(frozen=True)
class Look:
    """A page as it is asked for."""

    path: str = "/cancel"
    who: str = "author"
    session: str = "own"
    query: tuple[tuple[str, str], ...] = ()
    language: str = "en"
    site: int = 0


texts = st.text(max_size=20) | st.sampled_from(("", "\0", "\r\n", "x" * 600, "\N{GRINNING FACE}"))
people = st.sampled_from((*["author"] * 7, *["neighbour"] * 3, "nobody"))
sessions = st.sampled_from(
    ("own", "own", "own", "after", "neighbours", "unknown", "\0", "' OR true --", "a/b")
)
fields = st.one_of(
    st.tuples(st.just("reason"), st.sampled_from(REASONS) | texts),
    st.tuples(st.just("offer"), st.sampled_from(KEYS) | texts),
    st.tuples(
        st.just("months"), st.sampled_from(("1", "2", "3", "9", "0", "-1", "999", "ten", ""))
    ),
    st.tuples(st.sampled_from(("comment", "follow-up-other", "x", "grant", "do")), texts),
)
presses = st.builds(
    Press,
    st.sampled_from(("continue", "accept", "accept", "decline", "cancel", "permit", "look", "pay", "")),
    people,
    st.one_of(sessions, sessions, sessions, st.none()),
    st.sampled_from(("own", "own", "own", "neighbours", "forged", "")),
    st.lists(fields, max_size=3).map(tuple),
    st.integers(0, 2),
    st.integers(1, 2),
    st.sampled_from((*[b""] * 9, b"&do=cancel", b"%", b"\xff", b"&" * 50)),
    st.sampled_from((*[FORM] * 9, "application/json", "text/plain")),
)  # fmt: skip
looks = st.builds(
    Look,
    st.sampled_from(("/cancel", "/cancel/flow", "/cancel/flow/{}", "/cancel/flow/{}/why")),
    people,
    sessions,
    st.lists(st.tuples(st.sampled_from(("subscription", "change", "x")), texts), max_size=1).map(tuple),
    st.sampled_from(("en", "de", "xx", "", "de;q=x", "*", "\N{LATIN SMALL LETTER E WITH ACUTE}")),
    st.integers(0, 2),
)  # fmt: skip
stories = st.lists(presses | looks, max_size=7)


@dataclass
class Person:
    """One customer of one example: the session, and the grant of the page that was seen last.

    ``after`` is the session that follows the customer's declaration.
    """

    name: str
    session: str = ""
    after: str = ""
    grants: list[str] = field(default_factory=list)
    left: int = 0


class Run:
    """Two sites in an event loop of their own: Hypothesis calls a plain function, again and again."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._stack = AsyncExitStack()
        self._numbers = count(1)
        self.stripe = StripeSimulator()
        self.answers: dict[str, int] = {}

    def play(self, story: list[Press | Look], *, at_once: bool = False) -> None:
        self._loop.run_until_complete(self._play(story, at_once))

    def close(self) -> None:
        self._loop.run_until_complete(self._stack.aclose())

    async def open(self, dsn: str) -> None:
        enter = self._stack.enter_async_context
        self.pool: Pool = await enter(asyncpg.create_pool(dsn, min_size=1, max_size=10))
        self.stripe.add_price("price_basic", unit_amount=900, currency="eur")
        url = await enter(self.stripe.serve())
        kept = OwnFlow(offers=OFFERS, offers_at_most=3)
        # Another definition: fewer offers, one of them worth less under the same key.
        changed = OwnFlow(offers=[*OFFERS[1:4]], offers_at_most=1)
        broken = {"aiocancel/offer.html": "{{ 1 / 0 }}"}

        self._sites = [
            await enter(TestClient(TestServer(self._app(url, flow, templates))))
            for flow, templates in ((kept, {}), (changed, broken))
        ]
        # Whose customers are asked and offered nothing before they have declared to leave.
        german = self._app(url, kept, {}, place=lambda _: "DE")
        self._sites.append(await enter(TestClient(TestServer(german))))

    def _app(
        self, url: str, flow: OwnFlow, templates: dict[str, str], **settings: Any
    ) -> web.Application:
        cancel = make_cancel(
            self.pool,
            url,
            vendor=flow,
            subscriptions=SubscriptionQuery("SELECT 'sub_' || $1::text"),
            languages=["en", "de"],
            return_to="/account",
            run_worker=False,
            answer_within_s=0.001,
            most_posts_per_minute=10_000,
            **settings,
        )

        @cancel.on_offer("call")
        async def call(_: Any) -> None:
            raise AssertionError("there is no worker")

        app = web.Application()
        aiohttp_jinja2.setup(app, loader=jinja2.DictLoader(templates))
        cancel.setup(app)
        return app

    async def _play(self, story: list[Press | Look], at_once: bool) -> None:
        number = next(self._numbers)
        people = {who: Person(f"{who}_{number}") for who in PEOPLE}
        due = int((datetime.now(UTC) + timedelta(days=12)).timestamp())
        for person in people.values():
            self.stripe.add_subscription(
                f"sub_{person.name}", unit_amount=2900, currency="eur", current_period_end=due
            )
            await self._see(person, "/cancel")

        sends = [
            self._press(people, each) if isinstance(each, Press) else self._look(people, each)
            for each in story
        ]
        if at_once:
            await asyncio.gather(*sends)
        else:
            for send in sends:
                await send

        for person in people.values():
            await self._audit(person)

    async def _see(self, person: Person, path: str) -> None:
        """Look at the page that is up to date, and keep what its form has."""
        response = await self._sites[0].get(path, headers={**BROWSER, **as_customer(person.name)})
        page = Page(await response.text())
        assert response.status == 200, page.text
        forms = [each for each in page.all("form") if each.get("method") == "post"]
        if forms and "grant" in page.fields:
            person.grants.append(page.fields["grant"])
            person.session = forms[0]["action"].rpartition("/flow/")[2].partition("?")[0]

    async def _see_outcome(self, person: Person, path: str) -> None:
        """Look at the outcome where it asks and offers after the declaration, as the third site does."""
        response = await self._sites[2].get(path, headers={**BROWSER, **as_customer(person.name)})
        await self._checked(response)
        page = Page(await response.text())
        forms = [each["action"] for each in page.all("form") if "/flow/" in each.get("action", "")]
        if forms:
            person.after = forms[0].rpartition("/flow/")[2].partition("?")[0]
            person.grants.append(page.fields["grant"])

    async def _press(self, people: dict[str, Person], press: Press) -> None:
        person = people.get(press.who)
        grants = {"own": person or people["author"], "neighbours": people["neighbour"]}
        grant = "forged" if press.grant == "forged" else ""
        if press.grant in grants and grants[press.grant].grants:
            grant = grants[press.grant].grants[-1]
        posted = [("grant", grant), *press.fields]
        posted += [("do", press.do)] if press.do else []
        body = urlencode(posted, errors="surrogatepass").encode() + press.spoiled
        session = self._session(people, person, press.session)
        path = "/cancel/flow" + ("" if session is None else f"/{session}")
        headers = {**BROWSER, "Content-Type": press.content_type, **self._who(person)}

        async def post() -> None:
            response = await self._sites[press.site].post(
                URL(path, encoded=True), data=body, headers=headers, allow_redirects=False
            )
            await self._checked(response)
            is_claim = "/status/" in response.headers.get("Location", "")
            if person is not None and is_claim and b"do=cancel" in body:
                assert grant in person.grants, "left with a grant of nobody or of another customer"
                person.left += 1
                await self._see_outcome(person, response.headers["Location"])

        await asyncio.gather(*(post() for _ in range(press.times)))

    async def _look(self, people: dict[str, Person], look: Look) -> None:
        person = people.get(look.who)
        session = self._session(people, person, look.session)
        query = urlencode(look.query, errors="surrogatepass")
        path = look.path.replace("{}", session or "")
        headers = {**BROWSER, "Accept-Language": look.language, **self._who(person)}
        response = await self._sites[look.site].get(
            URL(f"{path}?{query}", encoded=True), headers=headers
        )
        await self._checked(response)

    def _session(
        self, people: dict[str, Person], person: Person | None, meant: str | None
    ) -> str | None:
        of = people["author"] if person is None else person
        other = people[PEOPLE[of is people["author"]]]
        known = {
            "own": of.session,
            "after": of.after or of.session,
            "neighbours": other.session,
            "unknown": str(uuid.uuid4()),
        }
        return None if meant is None else quote(known.get(meant, meant), safe="")

    def _who(self, person: Person | None) -> dict[str, str]:
        return {} if person is None else as_customer(person.name)

    async def _checked(self, response: Any) -> None:
        text = await response.text()
        self.answers[str(response.status)] = self.answers.get(str(response.status), 0) + 1
        assert 200 <= response.status < 500, (response.status, text[:300])
        told = text + str(dict(response.headers))
        assert not [secret for secret in (*GRANT_KEYS, STRIPE_KEY) if secret in told]

    async def _audit(self, person: Person) -> None:
        rows = await self.pool.fetch(CLAIMS, f"sub_{person.name}")
        # A gift was shown, in the customer's own run, for a length that was offered, and there is one at most.
        gifts = [row for row in rows if row["status"] == "saved"]
        assert len(gifts) <= 1
        for row in gifts:
            assert row["customer_id"] == row["owner"] == person.name
            (shown,) = [
                each for each in json.loads(row["shown"]) if each["offer"] == row["offer_id"]
            ][-1:]
            months = row["accepted_months"]
            assert ("" if months is None else str(months)) in shown["terms"]
            assert row["state"] in ("accepted", "canceled")
        left = [row for row in rows if row["status"] == "canceled"]
        assert {row["customer_id"] for row in left} <= {person.name}
        assert len(left) <= person.left
        assert len(rows) == len(gifts) + len(left)
        others = "SELECT count(*) FROM aiocancel.flow_session WHERE subscription_id = $1 AND customer_id <> $2"
        assert await self.pool.fetchval(others, f"sub_{person.name}", person.name) == 0

        # Whatever happened, leaving works.
        await self._see(person, "/cancel")
        posted = {"grant": person.grants[-1], "do": "cancel"}
        response = await self._sites[0].post(
            URL(f"/cancel/flow/{person.session}", encoded=True),
            data=posted,
            headers={**BROWSER, **as_customer(person.name)},
            allow_redirects=False,
        )
        assert response.status == 303
        assert "/cancel/status/" in response.headers["Location"]


CLAIMS = """
SELECT c.status, c.customer_id, c.offer_id, s.shown, s.state, s.accepted_months, s.customer_id AS owner
FROM aiocancel.claim c LEFT JOIN aiocancel.flow_session s
    ON s.session_id = c.flow_session_id AND s.subscription_id = c.subscription_id
WHERE c.subscription_id = $1
"""


@pytest.fixture(scope="module")
def run(postgres: EmbeddedPostgres, template_database: str) -> Iterator[Run]:
    import stripe

    # It would write a file into the home directory.
    stripe.enable_telemetry = False
    with closing(asyncio.new_event_loop()) as loop:
        name = "fuzz_own_flow"
        dsn = loop.run_until_complete(postgres.create_database(name, template=template_database))
        played = Run(loop)
        loop.run_until_complete(played.open(dsn))
        yield played
        print(dict(sorted(played.answers.items())))
        played.close()
        loop.run_until_complete(loop.shutdown_asyncgens())


ANSWERED = Press("continue", fields=(("reason", "too_expensive"),))
YES = Press("accept", fields=(("offer", "half_price"),))
NO = Press("decline", fields=(("offer", "half_price"),))
AFTER = Press("continue", session="after", fields=(("reason", "too_expensive"),), site=2)
STAYS = Press("accept", session="after", fields=YES.fields, site=2)
BREAK = Press("continue", fields=(("reason", "unused"),))
NINE_MONTHS = Press("accept", fields=(("offer", "break"), ("months", "9")))


@given(story=stories, at_once=st.booleans())
@example(story=[ANSWERED, YES, YES], at_once=False)
@example(
    story=[ANSWERED, Press("accept", times=2, fields=YES.fields), Press("cancel")], at_once=False
)
@example(story=[ANSWERED, NO, YES], at_once=False)
@example(story=[BREAK, NINE_MONTHS, Press("accept", fields=(("offer", "break"),))], at_once=False)
@example(
    story=[ANSWERED, Press("accept", "neighbour", "neighbours", fields=YES.fields)], at_once=False
)
@example(
    story=[ANSWERED, Press("accept", grant="neighbours", fields=YES.fields), YES], at_once=False
)
@example(
    story=[ANSWERED, Look("/cancel/flow/{}", site=1), Press("continue", site=1), YES], at_once=False
)
@example(story=[Press("cancel"), ANSWERED, YES, Look("/cancel/flow/{}/why")], at_once=False)
@example(
    story=[Press("cancel", site=2), AFTER, STAYS, Look(), Press("cancel", session="after")],
    at_once=False,
)
@example(story=[ANSWERED, YES, NO, Press("cancel"), Press("permit"), Look()], at_once=True)
@settings(
    max_examples=EXAMPLES,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
def test_no_story_ends_in_a_500_or_a_gift_that_was_not_shown_or_keeps_anybody_from_leaving(
    run: Run, story: list[Press | Look], at_once: bool
) -> None:
    run.play(story, at_once=at_once)


def test_presses_of_an_honest_customer_get_through_so_that_the_run_reaches_every_end(
    run: Run,
) -> None:
    run.play([ANSWERED, YES])
    run.play([Press("cancel")])

    ends = run._loop.run_until_complete(
        run.pool.fetch("SELECT DISTINCT status FROM aiocancel.claim ORDER BY 1")
    )
    assert [row["status"] for row in ends] == ["canceled", "saved"]

    run.play([Press("cancel", site=2), AFTER])
    followed = "SELECT count(*) FROM aiocancel.flow_session WHERE after_id IS NOT NULL AND reason IS NOT NULL"
    assert run._loop.run_until_complete(run.pool.fetchval(followed)) > 0
