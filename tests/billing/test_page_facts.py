"""What pages say of a subscription is read at Stripe, however often a page is opened."""

from __future__ import annotations

from typing import Any, cast

import pytest

from aiocancel.billing.page_facts import MOST_READ_PER_MINUTE, StripePageFacts
from aiocancel.core.page_facts import ShownSubscription
from aiocancel.errors import AskedTooOftenError

SHOWN = cast("ShownSubscription", object())


class Stripe:
    """Counts who is read."""

    def __init__(self) -> None:
        self.read: list[str] = []

    async def __call__(self, subscription_id: str) -> Any:
        self.read.append(subscription_id)
        return SHOWN


async def test_a_page_opened_in_a_loop_whose_answer_stripe_shows_no_more_leaves_the_rest_to_others() -> (
    None
):
    stripe = Stripe()
    facts = StripePageFacts(stripe, within_s=5.0)

    # The customer has taken the cancellation back: no reading is new enough for its old page.
    while len(stripe.read) < MOST_READ_PER_MINUTE:
        await facts.shown("sub_1", holds=lambda _: False)
    with pytest.raises(AskedTooOftenError):
        await facts.shown("sub_1", holds=lambda _: False)
    other = await facts.shown("sub_2", holds=lambda _: True)

    assert stripe.read == ["sub_1"] * MOST_READ_PER_MINUTE + ["sub_2"]
    assert other is SHOWN
