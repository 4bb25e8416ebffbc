"""What a customer reads while Stripe is slow or away, and that the change is made once all the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from aiohttp.test_utils import TestClient
from test_shop import browser, database

from aiocancel.testing import Customer, Fault, StripeSimulator

__all__ = ["browser", "database"]  # the fixtures of the tutorial


@pytest.mark.parametrize(
    "fault",
    [
        Fault("delay", "POST", seconds=6),  # longer than a post waits
        Fault("error_500_before", times=3),  # an outage
        Fault("drop_after", "POST"),  # the change is made, and its answer is lost
    ],
    ids=lambda fault: fault.kind,
)
async def test_ada_cancels_while_stripe_is_in_trouble(
    browser: TestClient[Any, Any],
    aiocancel_customer: Callable[..., Customer],
    aiocancel_stripe: StripeSimulator,
    fault: Fault,
) -> None:
    aiocancel_stripe.inject(fault)
    ada = aiocancel_customer(browser)

    answer = await ada.cancel()
    settled = await ada.settled(answer, within_s=60)

    assert answer["outcome"] in ("queued", "scheduled")
    assert settled["outcome"] == "scheduled"
    assert [effect.kind for effect in aiocancel_stripe.effects] == ["cancel_at_period_end"]
