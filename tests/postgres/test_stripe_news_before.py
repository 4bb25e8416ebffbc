"""How a subscription was before its first events, whose order nobody knows."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import cast

import pytest

from aiocancel.core.identifiers import SubscriptionId
from aiocancel.core.stripe_news import Standing, StripeEvent
from aiocancel.ports import Billing
from aiocancel.postgres.stripe_news import StripeNews, TakenNews
from aiocancel.worker.stripe_news import NewsReader
from tests.support.saas import Pool

ACTIVE = Standing("active", False, None, False, False, None, (("price_1", 1),))
ENDING = replace(ACTIVE, is_ending=True)
DEARER = replace(ENDING, items=(("price_2", 1),))


def an_event(subscription_id: SubscriptionId, before: Standing | None) -> StripeEvent:
    event_id = f"evt_{uuid.uuid4().hex}"
    return StripeEvent(
        event_id, "customer.subscription.updated", False, None, subscription_id, before
    )


def a_subscription() -> SubscriptionId:
    return SubscriptionId(f"sub_{uuid.uuid4().hex}")


async def taken(news: StripeNews) -> TakenNews:
    (found,) = await news.take(limit=1, lease_s=60)
    return found


async def test_each_before_is_kept_once_until_a_look_has_seen_it(pool: Pool) -> None:
    news, subscription_id = StripeNews(pool), a_subscription()
    for before in (ACTIVE, ENDING, None, ENDING):
        await news.ring(an_event(subscription_id, before))

    first = await taken(news)
    await news.told(first, DEARER, tellings=0, look_again_in_s=0)
    second = await taken(news)

    assert (first.told, first.before) == (ACTIVE, (ENDING,))
    assert (second.told, second.before) == (DEARER, ())


async def test_an_event_during_the_first_look_is_compared_by_the_next(pool: Pool) -> None:
    news, subscription_id = StripeNews(pool), a_subscription()
    await news.ring(an_event(subscription_id, DEARER))
    await news.ring(an_event(subscription_id, ENDING))

    first = await taken(news)
    await news.ring(an_event(subscription_id, ACTIVE))
    await news.told(first, DEARER, tellings=1, look_again_in_s=None)
    second = await taken(news)

    assert (second.told, second.before) == (DEARER, (ACTIVE,))


async def test_after_a_telling_no_event_says_how_it_was_before(pool: Pool) -> None:
    news, subscription_id = StripeNews(pool), a_subscription()
    await news.ring(an_event(subscription_id, ACTIVE))
    await news.told(await taken(news), ENDING, tellings=1, look_again_in_s=None)

    await news.ring(an_event(subscription_id, ACTIVE))

    found = await taken(news)
    assert (found.told, found.before) == (ENDING, ())


@pytest.mark.parametrize("newer", ['{"form": 99}', "7", "null"])
async def test_a_before_that_a_newer_release_wrote_is_none(pool: Pool, newer: str) -> None:
    news, subscription_id = StripeNews(pool), a_subscription()
    await news.ring(an_event(subscription_id, ACTIVE))
    await pool.execute("UPDATE aiocancel.subscription_news SET before = ARRAY[$1::jsonb]", newer)

    assert (await taken(news)).before == (None,)


class ListOfEvents:
    """Stripe's list, newest first."""

    def __init__(self, *newest_first: StripeEvent) -> None:
        self._events = newest_first

    async def between(self, since: datetime, until: datetime | None) -> AsyncIterator[StripeEvent]:
        for event in self._events:
            yield event


async def test_the_oldest_event_of_the_list_rings_first(pool: Pool) -> None:
    news, subscription_id = StripeNews(pool), a_subscription()
    events = ListOfEvents(an_event(subscription_id, ENDING), an_event(subscription_id, ACTIVE))
    reader = NewsReader(
        news,
        cast("Billing", None),
        events,
        (),
        mode="test",
        poll_every_s=0,
        rung=asyncio.Event(),
        on_event=lambda _: None,
        now=lambda: datetime.now(UTC),
    )

    await reader.poll()

    assert (await taken(news)).told == ACTIVE
