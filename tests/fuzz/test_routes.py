"""The running routes against everything that can be posted: no 500, and no gift that was not earned.

A hundred and fifty examples run with the other tests. The nightly run has 20,000 and prints its figures:

    HYPOTHESIS_PROFILE=nightly pytest -s tests/fuzz
"""

from __future__ import annotations

import asyncio
import io
from collections.abc import Iterator
from contextlib import closing

import pytest
from hypothesis import HealthCheck, given, settings

from aiocancel.testing.postgres import EmbeddedPostgres
from tests.fuzz.posts import (
    EXAMPLES_IN_CI,
    JSON,
    OFFERS,
    Meant,
    Request,
    Result,
    Webhook,
    stories,
)
from tests.fuzz.site import FuzzSite
from tests.support.saas import as_customer

EXAMPLES = max(EXAMPLES_IN_CI, settings().max_examples)


class Run:
    """A site in an event loop of its own: Hypothesis calls a plain function, again and again."""

    def __init__(self, loop: asyncio.AbstractEventLoop, site: FuzzSite) -> None:
        self._loop = loop
        self.site = site

    def play(self, *requests: Request, at_once: bool = False) -> None:
        self._loop.run_until_complete(self.site.play(list(requests), at_once=at_once))

    def status_of_a_post(self, body: bytes) -> int:
        # Of somebody who is logged in: a stranger is told 401 first.
        headers = {"Content-Type": JSON, "Connection": "close", **as_customer("a1")}

        async def post() -> int:
            async with self.site.client.post(
                "/cancel/result", data=io.BytesIO(body), headers=headers
            ) as response:
                return response.status

        return self._loop.run_until_complete(post())


@pytest.fixture(scope="module")
def run(postgres: EmbeddedPostgres, template_database: str) -> Iterator[Run]:
    with closing(asyncio.new_event_loop()) as loop:
        dsn = loop.run_until_complete(postgres.create_database("fuzz", template=template_database))
        site = FuzzSite(dsn)
        loop.run_until_complete(site.open())
        yield Run(loop, site)
        loop.run_until_complete(site.close())
        loop.run_until_complete(loop.shutdown_asyncgens())


def genuine(session: Meant | None, *, wish: str | None = None, as_form: bool = False) -> Result:
    """What an honest customer's browser posts."""
    return Result(
        who="author",
        grant="own",
        altered=None,
        wish=wish,
        claimed="as it is",
        session=session,
        is_whole=True,
        as_form=as_form,
        mutations=(),
        spoiled=None,
        content_type=None,
        coding=None,
        accept=None,
        times=2,
    )


@pytest.mark.parametrize("offer_id", OFFERS)
def test_an_earned_offer_gets_through_so_that_the_fuzz_run_reaches_every_gift(
    run: Run, offer_id: str
) -> None:
    before = run.site.auditor.gifts()
    run.play(genuine(Meant("author", offer_id)))
    assert run.site.auditor.gifts() == before + 1
    run.play(
        Webhook(None, Meant("author", offer_id), (), None, None), genuine(Meant("author", offer_id))
    )
    assert run.site.auditor.gifts() == before + 2


def test_a_cancellation_and_a_return_get_through(run: Run) -> None:
    before = run.site.auditor.effects.copy()
    run.play(genuine(None, wish="canceled", as_form=True), genuine(None, wish="resumed"))
    assert (run.site.auditor.effects - before).keys() == {"cancel_at_period_end", "resume"}


def test_another_subscriptions_offer_is_no_gift(run: Run) -> None:
    before = run.site.auditor.gifts()
    run.play(genuine(Meant("neighbour", "offr_coupon")))
    assert run.site.auditor.gifts() == before


@pytest.mark.parametrize("megabytes", [1, 10])
def test_a_body_of_megabytes_is_refused_before_it_is_read(run: Run, megabytes: int) -> None:
    assert run.status_of_a_post(b" " * (megabytes * 1024 * 1024)) == 413


@given(story=stories)
@settings(
    max_examples=EXAMPLES,
    suppress_health_check=[
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
        HealthCheck.large_base_example,
    ],
)
def test_nothing_that_is_posted_is_a_server_error_or_an_unearned_gift(
    run: Run, story: tuple[list[Request], bool]
) -> None:
    requests, at_once = story
    run.play(*requests, at_once=at_once)


def test_the_figures_of_the_run(run: Run) -> None:
    print(run.site.figures())
    assert run.site.examples >= EXAMPLES
