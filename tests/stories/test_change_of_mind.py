"""A customer who has cancelled accepts an offer: the last word counts, and only the own cancellation is taken back."""

from __future__ import annotations

from typing import Any

import pytest

from aiocancel.telemetry import ActionParked
from aiocancel.testing.stripe.simulator import Fault
from tests.support.company import Company
from tests.support.saas import as_customer
from tests.support.waiting import until

GIFTS = {
    "offr_coupon": "discounts",
    "offr_trial_extension": "trial_end",
    "offr_pause_subscription": "pause_collection",
}


async def leave(company: Company) -> dict[str, Any]:
    assert company.client is not None
    body = {"grant": await company.grant(), "status": "canceled"}
    response = await company.client.post("/cancel/result", json=body, headers=as_customer("ada"))
    answer: dict[str, Any] = await response.json()
    return answer


@pytest.mark.parametrize("offer", GIFTS)
async def test_an_offer_that_is_accepted_after_the_cancellation_takes_it_back_and_is_made(
    company: Company, offer: str
) -> None:
    company.stripe.add_subscription("sub_1")
    await company.open()
    await leave(company)

    assert (await company.claim(company.accepted(offer)))["outcome"] == "done"

    assert company.subscription["cancel_at"] is None
    assert company.changes() == ["cancel_at_period_end", "resume", GIFTS[offer]]


@pytest.mark.parametrize("fault", ["error_500_before", "error_500_after", "drop_after"])
@pytest.mark.parametrize("skip", [0, 1])
async def test_both_are_made_once_whatever_becomes_of_stripes_answer(
    company: Company, fault: Any, skip: int
) -> None:
    company.stripe.add_subscription("sub_1")
    await company.open()
    await leave(company)
    company.stripe.inject(
        Fault(fault, method="POST", path_contains="/v1/subscriptions/", skip=skip)
    )

    assert (await company.claim(company.accepted("offr_coupon")))["outcome"] == "done"

    assert company.changes() == ["cancel_at_period_end", "resume", "discounts"]


async def test_a_cancellation_after_the_offer_is_the_last_word(company: Company) -> None:
    company.stripe.add_subscription("sub_1")
    await company.open(company.plug_in(answer_within_s=0.3))
    company.flows.fail_next(503, path="/v1", times=1000)
    assert (await company.claim(company.accepted("offr_coupon")))["outcome"] == "queued"
    await leave(company)
    await until(lambda: company.changes() == ["cancel_at_period_end"])

    company.flows.heal()

    assert await company.events.codes(ActionParked) == ["subscription_is_ending"]
    assert company.changes() == ["cancel_at_period_end"]


async def test_an_end_that_the_company_set_stands(company: Company) -> None:
    company.stripe.add_subscription("sub_1", cancel_at_period_end=True)
    await company.open()

    assert (await company.claim(company.accepted("offr_coupon")))["outcome"] == "manual"

    assert company.subscription["cancel_at_period_end"] is True
    assert company.changes() == []


async def test_where_nobody_may_resume_no_offer_does(company: Company) -> None:
    company.stripe.add_subscription("sub_1")
    await company.open(company.plug_in(resume_policy="off"))
    await leave(company)

    assert (await company.claim(company.accepted("offr_coupon")))["outcome"] == "manual"

    assert company.changes() == ["cancel_at_period_end"]


@pytest.mark.parametrize("offer", ["offr_coupon", "offr_change_plan"])
async def test_no_cancellation_is_taken_back_for_an_offer_that_may_not_be_made(
    company: Company, offer: str
) -> None:
    company.stripe.add_subscription(
        "sub_1", interval="year", current_period_end=company.stripe.now + 300 * 86400
    )
    await company.open()
    await leave(company)

    assert (await company.claim(company.accepted(offer)))["outcome"] == "manual"

    assert company.changes() == ["cancel_at_period_end"]
