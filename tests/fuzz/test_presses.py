"""Whatever is pressed in a flow of our own, in whatever order and by whom: one gift at most, and a way out always."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack, closing
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import asyncpg
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from aiocancel.core.flow.answers import Answers
from aiocancel.errors import ClaimError
from aiocancel.testing.postgres import EmbeddedPostgres
from aiocancel.testing.stripe.simulator import StripeSimulator
from tests.support.own_flow import OFFERS, FlowCompany, flow_company

EXAMPLES = max(60, settings().max_examples // 20)
KEYS = (*(offer.key for offer in OFFERS), "free_for_ever", "", "\0")
PEOPLE = ("author", "neighbour")

texts = st.text(max_size=30) | st.none()
answers = st.builds(
    Answers,
    st.sampled_from(
        ("too_expensive", "unused", "too_complex", "missing_features", "no_reason", None)
    ),
    texts,
    texts,
)
sessions = st.sampled_from(("own", "neighbours", "unknown", "\0", "' OR true --"))
presses = st.one_of(
    st.tuples(st.just("open"), st.sampled_from(PEOPLE)),
    st.tuples(st.just("answer"), st.sampled_from(PEOPLE), sessions, answers),
    st.tuples(st.just("permit"), st.sampled_from(PEOPLE), sessions, st.booleans()),
    st.tuples(st.just("decline"), st.sampled_from(PEOPLE), sessions, st.sampled_from(KEYS)),
    st.tuples(
        st.just("accept"),
        st.sampled_from(PEOPLE),
        sessions,
        st.sampled_from(KEYS),
        st.none() | st.integers(-1, 5),
        st.sampled_from((*PEOPLE, "nobody")),
    ),
    st.tuples(st.just("screen"), st.sampled_from(PEOPLE), sessions),
)  # fmt: skip


class Run:
    """A company in an event loop of its own: Hypothesis calls a plain function, again and again."""

    def __init__(self, loop: asyncio.AbstractEventLoop, company: FlowCompany) -> None:
        self.loop = loop
        self.company = company
        self.numbers = count(1)

    def play(self, story: list[tuple[Any, ...]]) -> None:
        self.loop.run_until_complete(self._play(story))

    async def _play(self, story: list[tuple[Any, ...]]) -> None:
        number, company = next(self.numbers), self.company
        names = {who: f"{who}_{number}" for who in PEOPLE}
        due = int((datetime.now(UTC) + timedelta(days=12)).timestamp())
        ids: dict[str, str] = {}
        for who, name in names.items():
            company.stripe.add_subscription(
                f"sub_{name}", unit_amount=2900, currency="eur", current_period_end=due
            )
            await company.pool.execute(
                "INSERT INTO app_subscription VALUES ($1, $2)", name, f"sub_{name}"
            )
            ids[who] = await company.opened_session(name)

        refusals = []
        for press in story:
            try:
                await self._press(names, ids, *press)
            except ClaimError as error:
                refusals.append(error.status)

        assert all(400 <= status < 500 for status in refusals)
        await self._audit(names, ids)

    async def _press(
        self, names: dict[str, str], ids: dict[str, str], what: str, who: str, *rest: Any
    ) -> None:
        flow, name = self.company.flow, names[who]
        if what == "open":
            ids[who] = (await self.company.open(name)).session_id or ids[who]
            return
        other = PEOPLE[1 - PEOPLE.index(who)]
        session = {"own": ids[who], "neighbours": ids[other]}.get(rest[0], rest[0])

        match what, rest[1:]:
            case "answer", (given,):
                await flow.answer(name, session, given)
            case "permit", (allowed,):
                await flow.permit(name, session, allowed=allowed)
            case "decline", (offer,):
                await flow.decline(name, session, offer)
            case "accept", (offer, months, granted):
                grant = (
                    "forged" if granted == "nobody" else await self.company.grant(names[granted])
                )
                await flow.accept(name, session, offer, months, grant)
            case "screen", ():
                await flow.screen(name, session)

    async def _audit(self, names: dict[str, str], ids: dict[str, str]) -> None:
        for who, name in names.items():
            rows = await self.company.pool.fetch(
                "SELECT c.customer_id, c.offer_id, s.shown, s.state, s.customer_id AS owner "
                "FROM aiocancel.claim c JOIN aiocancel.flow_session s ON s.session_id = c.flow_session_id "
                "WHERE c.subscription_id = $1",
                f"sub_{name}",
            )
            # A gift was shown, in the customer's own run, and there is one at most.
            assert len(rows) <= 1
            for row in rows:
                assert row["customer_id"] == row["owner"] == name
                assert f'"offer": "{row["offer_id"]}"' in row["shown"]
                assert row["state"] == "accepted"

            # Whatever happened, leaving works.
            recorded = await self.company.flow.cancel(
                name, ids[who], await self.company.grant(name)
            )
            told = await self.company.opened.service.told(recorded.public_id, name)
            assert told is not None
            assert told.status == "canceled"


@pytest.fixture(scope="module")
def run(postgres: EmbeddedPostgres, template_database: str) -> Iterator[Run]:
    import stripe

    # It would write a file into the home directory.
    stripe.enable_telemetry = False
    with closing(asyncio.new_event_loop()) as loop:
        stack = AsyncExitStack()

        async def open_company() -> FlowCompany:
            dsn = await postgres.create_database("fuzz_own_flow", template=template_database)
            pool = await stack.enter_async_context(
                asyncpg.create_pool(dsn, min_size=1, max_size=10)
            )
            books = StripeSimulator()
            books.add_price("price_basic", unit_amount=900, currency="eur")
            url = await stack.enter_async_context(books.serve())
            running = flow_company(pool, books, url, run_worker=False, most_posts_per_minute=10_000)
            return await stack.enter_async_context(running)

        yield Run(loop, loop.run_until_complete(open_company()))
        loop.run_until_complete(stack.aclose())
        loop.run_until_complete(loop.shutdown_asyncgens())


YES = ("accept", "author", "own", "half_price", None, "author")
ANSWERED = ("answer", "author", "own", Answers("too_expensive"))


@given(story=st.lists(presses, max_size=8))
@example(story=[ANSWERED, YES, YES])
@example(story=[ANSWERED, ("decline", "author", "own", "half_price"), YES])
@example(story=[ANSWERED, ("accept", "neighbour", "neighbours", "half_price", None, "author")])
@example(story=[ANSWERED, ("accept", "author", "own", "half_price", None, "neighbour"), YES])
@settings(
    max_examples=EXAMPLES,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
def test_no_story_ends_in_a_gift_that_was_not_shown_or_keeps_anybody_from_leaving(
    run: Run, story: list[tuple[Any, ...]]
) -> None:
    run.play(story)
