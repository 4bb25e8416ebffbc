"""Where the flow vendor cannot be reached, the flow of our own serves, offers and all."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from aiocancel import CouponOffer, OwnFlow, reason
from tests.support.company import Company
from tests.web.own_flow.test_routes_of_a_customer import Customer

HALF = CouponOffer("half", percent_off=50, months=3, when=reason("too_expensive"))


async def test_fallback_of_a_vendor_offers_and_gives_what_the_own_flow_shows(
    company: Company,
) -> None:
    due = datetime.now(UTC) + timedelta(days=20)
    company.stripe.add_subscription("sub_1", current_period_end=due)
    await company.open(company.plug_in(of_vendor={"fallback": OwnFlow(offers=[HALF])}))
    assert company.client is not None
    customer = Customer(company.client)

    await customer.go("/cancel")
    why = customer.step
    await customer.press("continue", reason="too_expensive")
    offer = customer.step
    await customer.press("accept")

    assert (why, offer) == ("why", "offer")
    assert len(company.subscription["discounts"]) == 1
    assert await company.pool.fetchval("SELECT vendor FROM aiocancel.claim") == "own"
