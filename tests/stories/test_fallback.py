"""Where the flow vendor cannot be reached, the flow of our own serves, offers and all."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from pytest_aiohttp import AiohttpClient

from aiocancel import CouponOffer, OwnFlow, StaySignal, reason
from aiocancel.testing.stripe.simulator import StripeSimulator
from tests.support.company import Company
from tests.support.flow_customers import FlowCustomer, open_company
from tests.support.saas import Pool

HALF = CouponOffer("half", percent_off=50, months=3, when=reason("too_expensive"))


async def test_fallback_of_a_vendor_offers_and_gives_what_the_own_flow_shows(
    company: Company,
) -> None:
    due = datetime.now(UTC) + timedelta(days=20)
    company.stripe.add_subscription("sub_1", current_period_end=due)
    await company.open(company.plug_in(of_vendor={"fallback": OwnFlow(offers=[HALF])}))
    assert company.client is not None
    customer = FlowCustomer(company.client)

    await customer.go("/cancel")
    why = customer.step
    await customer.press("continue", reason="too_expensive")
    offer = customer.step
    await customer.press("accept")

    assert (why, offer) == ("why", "offer")
    assert len(company.subscription["discounts"]) == 1
    assert await company.pool.fetchval("SELECT vendor FROM aiocancel.claim") == "own"


STAYSIGNAL: dict[str, Any] = {
    "script_url": "https://cdn.staysignal.example/widget.js",
    "global_name": "StaySignal.init",
    "subscription_attribute": "data-subscription",
    "csp_sources": {},
}


async def test_fallback_of_a_vendor_without_an_api_offers_and_gives_the_same(
    aiohttp_client: AiohttpClient, pool: Pool, stripe_api: tuple[StripeSimulator, str]
) -> None:
    fallback = OwnFlow(offers=[HALF])
    company = await open_company(
        aiohttp_client, pool, stripe_api, StaySignal(**STAYSIGNAL, fallback=fallback)
    )
    customer = company.customer()

    await customer.go("/cancel")
    why = customer.step
    await customer.press("continue", reason="too_expensive")
    offer = customer.step
    await customer.press("accept")
    accepted = customer.outcome
    await customer.go("/cancel")
    await customer.press("cancel", reason="unused")

    assert (why, offer, accepted, customer.outcome) == ("why", "offer", "done", "scheduled")
    assert [each.kind for each in company.stripe.effects] == [
        "coupon_created",
        "discounts",
        "cancel_at_period_end",
    ]
