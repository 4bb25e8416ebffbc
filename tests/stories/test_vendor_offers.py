"""Offers that the flow vendor carries out: nothing is written, and nothing is called done before Stripe shows it."""

from __future__ import annotations

from typing import Any

import pytest

from aiocancel import CancelFlow
from aiocancel.errors import ConfigurationError
from aiocancel.telemetry import ActionParked, DriftFound
from aiocancel.testing.stripe.simulator import Fault
from tests.support.claims import hurry
from tests.support.company import Company
from tests.support.waiting import until

DAY = 24 * 3600
AT_STRIPE = ["offr_coupon", "offr_trial_extension", "offr_change_plan", "offr_pause_subscription"]


def by_vendor(company: Company, **settings: Any) -> CancelFlow:
    return company.plug_in(applies_offers="vendor", **{"answer_within_s": 0.2, **settings})


def vendor_acts(company: Company, offer: str) -> None:
    """Do at Stripe what ProsperStack says it does for a connected platform."""
    stripe, subscription = company.stripe, company.subscription

    match offer:
        case "offr_coupon":
            stripe.add_coupon("vendors", percent_off=25, duration="repeating", duration_in_months=3)
            made = stripe.add_subscription("sub_template", discounts=["vendors"])["discounts"]
            subscription["discounts"] = [*subscription["discounts"], *made]
        case "offr_trial_extension":
            subscription |= {"status": "trialing", "trial_end": stripe.now + 14 * DAY}
        case "offr_change_plan":
            subscription["items"]["data"][0]["price"] = stripe.prices["price_simulator_basic"]
        case _:
            subscription["pause_collection"] = {"behavior": "void", "resumes_at": None}


async def outcome_of(company: Company, answer: dict[str, Any]) -> str:
    assert company.client is not None
    response = await company.client.get(answer["status_url"], headers={"X-Customer": "ada"})
    return str((await response.json())["outcome"])


async def look_now(company: Company) -> None:
    """Let the next look be due, whatever the wait before it."""
    await hurry(company.pool)


async def becomes(company: Company, answer: dict[str, Any], outcome: str) -> None:
    async def is_so() -> bool:
        await look_now(company)
        return await outcome_of(company, answer) == outcome

    await until(is_so)


def writes(company: Company) -> list[str]:
    return [request.path for request in company.stripe.requests if request.method != "GET"]


@pytest.mark.parametrize("offer", AT_STRIPE)
async def test_an_offer_that_the_vendor_has_made_already_is_done_at_the_first_look(
    company: Company, offer: str
) -> None:
    company.stripe.add_subscription("sub_1")
    vendor_acts(company, offer)
    await company.open(by_vendor(company, answer_within_s=4.0))
    answer = await company.claim(company.accepted(offer))
    assert (answer["outcome"], answer["change"]) == ("done", "offer")
    assert writes(company) == []


@pytest.mark.parametrize("offer", AT_STRIPE)
async def test_an_offer_is_queued_until_stripe_shows_it(company: Company, offer: str) -> None:
    company.stripe.add_coupon("LOYAL", percent_off=10, duration="forever")
    company.stripe.add_subscription("sub_1", discounts=["LOYAL"])
    # It is no news of this flow session.
    company.stripe.discounts[company.subscription["discounts"][0]]["start"] -= 90 * DAY
    await company.open(by_vendor(company))
    # A failed look in between is no reason to give up.
    company.stripe.inject(Fault("rate_limit_429", method="GET"))
    answer = await company.claim(company.accepted(offer))
    assert answer["outcome"] == "queued"
    vendor_acts(company, offer)
    await becomes(company, answer, "done")

    assert writes(company) == []
    assert company.events.of(DriftFound) == []


@pytest.mark.parametrize(
    ("offer", "expected", "seen"),
    [
        ("offr_coupon", "coupon", "no_discount"),
        ("offr_trial_extension", "trial_extension", "no_trial"),
        ("offr_change_plan", "change_plan", "another_price"),
        ("offr_pause_subscription", "pause_subscription", "no_pause"),
    ],
)
async def test_a_vendor_that_does_not_do_what_it_says_is_reported_as_drift(
    company: Company, offer: str, expected: str, seen: str
) -> None:
    company.stripe.add_subscription("sub_1")
    await company.open(by_vendor(company, vendor_acts_within_s=0.1))
    answer = await company.claim(company.accepted(offer))
    await becomes(company, answer, "manual")
    assert await company.events.codes(ActionParked) == ["vendor_did_not_act"]
    assert [(event.expected, event.seen) for event in company.events.of(DriftFound)] == [
        (expected, seen)
    ]
    assert writes(company) == []


async def test_a_vendor_that_keeps_its_word_late_does_not_hold_up_a_cancellation(
    company: Company,
) -> None:
    company.stripe.add_subscription("sub_1")
    await company.open(by_vendor(company))
    assert (await company.claim(company.accepted("offr_coupon")))["outcome"] == "queued"
    canceled = company.flows.finish(company.flows.create_session("sub_1")["id"], status="canceled")
    assert (await company.claim(canceled))["outcome"] in ("scheduled", "queued")
    await until(lambda: company.changes() == ["cancel_at_period_end"])


async def test_a_pause_at_the_end_of_the_period_is_looked_for_until_then(company: Company) -> None:
    company.stripe.add_subscription("sub_1")
    session = company.accepted("offr_pause_subscription")
    company.flows.sessions[session["id"]]["offer_accepted"]["details"]["pause_at"] = "period_end"
    await company.open(by_vendor(company, vendor_acts_within_s=0.05))
    answer = await company.claim(session)

    async def has_looked_often() -> bool:
        await look_now(company)
        return len(company.stripe.requests) > 3

    await until(has_looked_often)
    assert await outcome_of(company, answer) == "queued"
    assert company.events.of(ActionParked) == []


async def test_with_no_api_key_an_offer_of_the_vendors_is_not_called_done(company: Company) -> None:
    company.stripe.add_subscription("sub_1")
    await company.open(by_vendor(company, api_key=None, answer_within_s=5.0))
    answer = await company.claim(company.accepted("offr_coupon"))
    assert answer["outcome"] == "manual"
    assert "not confirmed" in answer["message"]
    assert company.stripe.requests == []


@pytest.mark.parametrize("applier", ["app", "vendor"])
async def test_an_offer_of_test_mode_never_touches_a_live_subscription(
    company: Company, applier: str
) -> None:
    company.stripe.add_subscription("sub_1", livemode=True)
    await company.open(company.plug_in(applies_offers=applier))
    assert (await company.claim(company.accepted("offr_coupon")))["outcome"] == "manual"
    assert await company.events.codes(ActionParked) == ["wrong_mode"]
    assert writes(company) == []


@pytest.mark.parametrize("within_s", [0, -1.0, float("inf"), float("nan")])
def test_the_time_that_a_vendor_may_take_is_positive_and_finite(
    company: Company, within_s: float
) -> None:
    with pytest.raises(ConfigurationError, match="vendor_acts_within_s"):
        by_vendor(company, vendor_acts_within_s=within_s)
