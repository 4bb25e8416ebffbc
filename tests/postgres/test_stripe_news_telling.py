"""How a subscription stood each time that the application may have been told of it in part."""

from __future__ import annotations

import uuid
from dataclasses import replace

import pytest

from aiocancel.core.identifiers import SubscriptionId
from aiocancel.core.stripe_news import Standing, StripeEvent
from aiocancel.postgres.stripe_news import StripeNews, TakenNews
from tests.support.saas import Pool

ENDING = Standing("active", False, None, True, False, None, (("price_1", 1),))
STAYS = replace(ENDING, is_ending=False)


async def taken(news: StripeNews) -> TakenNews:
    (found,) = await news.take(limit=1, lease_s=60)
    return found


async def rung(pool: Pool) -> StripeNews:
    news = StripeNews(pool)
    subscription_id = SubscriptionId(f"sub_{uuid.uuid4().hex}")
    event_id = f"evt_{uuid.uuid4().hex}"
    await news.ring(
        StripeEvent(event_id, "customer.subscription.updated", False, None, subscription_id)
    )
    return news


async def test_what_was_told_in_part_is_kept_until_all_was_told(pool: Pool) -> None:
    news = await rung(pool)
    for standing in (ENDING, STAYS):
        first = await taken(news)
        await news.telling(first, standing)
        await news.later(first, delay_s=0)

    last = await taken(news)
    await news.told(last, STAYS, tellings=2, look_again_in_s=0)
    after = await taken(news)
    await news.told(after, STAYS, tellings=0, look_again_in_s=None)

    assert last.telling == (ENDING, STAYS)
    assert (after.told, after.tellings, after.telling) == (STAYS, 2, ())


@pytest.mark.parametrize("newer", ['{"form": 99}', "7", "null"])
async def test_what_a_newer_release_told_in_part_counts_as_a_telling_of_unknown_content(
    pool: Pool, newer: str
) -> None:
    news = await rung(pool)
    await pool.execute(
        "UPDATE aiocancel.subscription_news SET telling = jsonb_build_array($1::jsonb)", newer
    )

    found = await taken(news)
    await news.told(found, STAYS, tellings=1, look_again_in_s=None)

    assert found.telling == (None,)
