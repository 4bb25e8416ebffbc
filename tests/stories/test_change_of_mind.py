"""A customer who has cancelled accepts an offer: the last word counts, and only the own cancellation is taken back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from aiohttp import ClientResponse

from aiocancel.telemetry import ActionParked, ActionRefused
from aiocancel.testing.stripe.simulator import Fault
from tests.support.company import Company
from tests.support.saas import as_customer
from tests.support.waiting import until

DAY = 24 * 3600
GOES_ON = "Your subscription continues. The cancellation has been withdrawn."
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


def asked_of_sub_1(company: Company) -> list[Mapping[str, Any]]:
    """What each request asked to be changed of the subscription."""
    asked = [each for each in company.stripe.requests if each.path == "/v1/subscriptions/sub_1"]
    return [each.params for each in asked if each.method == "POST"]


@pytest.mark.parametrize("offer", GIFTS)
async def test_an_offer_that_is_accepted_after_the_cancellation_takes_it_back_and_is_made(
    company: Company, offer: str
) -> None:
    company.stripe.add_subscription("sub_1")
    await company.open()
    await leave(company)

    assert (await company.claim(company.accepted(offer)))["outcome"] == "done"

    assert company.subscription["cancel_at"] is None
    assert company.changes() == ["cancel_at_period_end", "resume"]
    # One request makes both, so that nobody is kept without what they stay for.
    assert {"cancel_at_period_end", GIFTS[offer]} <= set(asked_of_sub_1(company)[-1])
    assert len(asked_of_sub_1(company)) == 2


@pytest.mark.parametrize("offer", GIFTS)
async def test_an_offer_that_stripe_refuses_leaves_the_cancellation_as_it_is(
    company: Company, offer: str
) -> None:
    company.stripe.add_subscription("sub_1")
    await company.open()
    await leave(company)
    refused = Fault("card_declined_402", method="POST", path_contains="/v1/subscriptions/")
    company.stripe.inject(refused)

    assert (await company.claim(company.accepted(offer)))["outcome"] == "refused"

    assert company.subscription["cancel_at_period_end"] is True
    assert company.changes() == ["cancel_at_period_end"]
    assert await company.events.codes(ActionRefused) == ["card_declined"]


@pytest.mark.parametrize("fault", ["error_500_before", "error_500_after", "drop_after"])
async def test_both_are_made_once_whatever_becomes_of_stripes_answer(
    company: Company, fault: Any
) -> None:
    company.stripe.add_subscription("sub_1")
    await company.open()
    await leave(company)
    company.stripe.inject(Fault(fault, method="POST", path_contains="/v1/subscriptions/"))

    assert (await company.claim(company.accepted("offr_coupon")))["outcome"] == "done"

    assert company.changes() == ["cancel_at_period_end", "resume"]
    assert len(company.subscription["discounts"]) == 1


async def test_who_cancels_again_while_the_offer_is_retried_has_left(company: Company) -> None:
    company.stripe.add_subscription("sub_1")
    await company.open(company.plug_in(answer_within_s=0.3))
    await leave(company)
    company.stripe.inject(
        Fault("error_500_before", method="POST", path_contains="/v1/subscriptions/", times=3)
    )
    assert (await company.claim(company.accepted("offr_coupon")))["outcome"] == "queued"

    await leave(company)
    await company.events.first(ActionParked)

    assert company.subscription["cancel_at_period_end"] is True
    assert company.subscription["discounts"] == []


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


@pytest.mark.parametrize("by", ["customer", "company", "a later end"])
async def test_the_old_status_names_no_end_once_the_cancellation_was_taken_back(
    company: Company, by: str
) -> None:
    company.stripe.add_subscription("sub_1")
    company.subscription["created"] -= 40 * DAY
    await company.open()
    assert company.client is not None
    left = await leave(company)
    assert left["effective_at"] is not None

    if by == "customer":
        assert (await send(company, await company.grant(), "resumed")).status == 200
    elif by == "company":
        company.subscription.update(cancel_at_period_end=False, cancel_at=None)
    else:
        # Stripe still says that it was cancelled.
        later = company.subscription["cancel_at"] + 365 * DAY
        company.subscription.update(cancel_at_period_end=False, cancel_at=later)
    answer = await company.client.get(left["status_url"], headers=as_customer("ada"))
    told = await answer.json()

    assert (told["outcome"], told["effective_at"]) == ("scheduled", None)
    assert told["message"] == "Your subscription continues. The cancellation has been withdrawn."
    page = as_customer("ada") | {"Accept": "text/html"}
    told = await (await company.client.get(left["status_url"], headers=page)).text()
    assert "subscription goes on" in told
    assert "Keep subscription" not in told


# An old page


async def send(
    company: Company, grant: str, status: str, *, as_form: bool = False
) -> ClientResponse:
    assert company.client is not None
    posted = {"grant": grant, "status": status}
    body: dict[str, Any] = {"data": posted} if as_form else {"json": posted}
    headers = {**as_customer("ada"), **({"Accept": "text/html"} if as_form else {})}
    return await company.client.post("/cancel/result", headers=headers, **body)


@pytest.mark.parametrize("as_form", [True, False], ids=["plain page", "page script"])
async def test_an_old_page_does_not_say_cancelled_where_the_customer_has_taken_it_back(
    company: Company, as_form: bool
) -> None:
    company.stripe.add_subscription("sub_1")
    await company.open()
    old = await company.grant()
    assert (await send(company, old, "canceled", as_form=as_form)).status == 200
    assert (await send(company, await company.grant(), "resumed")).status == 200

    again = await send(company, old, "canceled", as_form=as_form)

    assert again.status == 409
    assert "This page was already used for a different choice." in await again.text()
    assert company.subscription["cancel_at_period_end"] is False
    assert (await leave(company))["outcome"] == "scheduled"
    assert company.changes() == ["cancel_at_period_end", "resume", "cancel_at_period_end"]


async def test_an_old_page_does_not_say_that_the_subscription_goes_on_where_it_was_cancelled_again(
    company: Company,
) -> None:
    company.stripe.add_subscription("sub_1")
    await company.open()
    await leave(company)
    old = await company.grant()
    assert (await send(company, old, "resumed")).status == 200
    await leave(company)

    again = await send(company, old, "resumed")

    assert (again.status, (await again.json())["error"]) == (409, "grant_used")
    assert company.subscription["cancel_at_period_end"] is True


async def test_a_page_whose_answer_was_lost_hears_the_same_outcome_again(company: Company) -> None:
    company.stripe.add_subscription("sub_1")
    await company.open()
    page = await company.grant()
    first = await (await send(company, page, "canceled")).json()

    again = await (await send(company, page, "canceled")).json()

    assert (again["claim"], again["outcome"]) == (first["claim"], "scheduled")
    assert company.changes() == ["cancel_at_period_end"]


async def test_an_old_page_does_not_say_that_a_subscription_ends_which_was_let_go_on_at_stripe(
    company: Company,
) -> None:
    company.stripe.add_subscription("sub_1")
    await company.open()
    assert company.client is not None
    post = {"grant": await company.grant(), "status": "canceled"}

    async def press() -> dict[str, Any]:
        assert company.client is not None
        response = await company.client.post(
            "/cancel/result", json=post, headers=as_customer("ada")
        )
        answer: dict[str, Any] = await response.json()
        return answer

    first = await press()
    assert await press() == first
    # The company did it in Stripe's dashboard.
    company.subscription.update(cancel_at_period_end=False, cancel_at=None, canceled_at=None)

    async def says_so() -> bool:
        # What Stripe said before is remembered for a second.
        return bool((await press())["message"] == GOES_ON)

    await until(says_so)
    assert (await press())["effective_at"] is None
