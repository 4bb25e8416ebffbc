"""Plans are remembered for an hour and then forgotten, however many accounts a platform has."""

from __future__ import annotations

from typing import Any, cast

import pytest

from aiocancel.billing.preview import OffersOnScreen
from aiocancel.core.flow.definition import FlowDefinition, PlanOffer

PLANS = FlowDefinition(offers=(PlanOffer("basic", "price_basic"),))


class Stripe:
    def __init__(self) -> None:
        self.asked = 0

    async def read_plan(self, price_id: str) -> tuple[Any, Any]:
        self.asked += 1
        return None, None


@pytest.mark.parametrize(("remember_s", "kept"), [(3600.0, 50), (-1.0, 1)], ids=["fresh", "old"])
async def test_plans_of_many_accounts_are_forgotten_once_they_are_old(
    monkeypatch: pytest.MonkeyPatch, remember_s: float, kept: int
) -> None:
    monkeypatch.setattr("aiocancel.billing.preview._REMEMBER_S", remember_s)
    stripe = Stripe()
    reader = cast("Any", stripe)
    offers = OffersOnScreen(reader, cast("Any", None), within_s=1.0)

    for number in range(50):
        await offers.plans(PLANS, f"acct_{number}", reader)

    assert len(offers._plans) == kept
    assert stripe.asked == 50
