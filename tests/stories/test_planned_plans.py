"""Another plan when the period ends: planned at Stripe, nothing charged before, and the customer can go back or go."""

from __future__ import annotations

import copy
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
import pytest_asyncio

from aiocancel import OfferLimits, StripeBilling
from aiocancel.core.offers.offer_rules import OfferRules
from aiocancel.telemetry import ActionParked, ActionRefused
from aiocancel.testing.stripe.simulator import Fault, FaultKind
from tests.support.company import Company
from tests.support.deferred_offers import DAY, has_ended, states, status, take_back, wake
from tests.support.saas import STRIPE_KEY, as_customer
from tests.support.stripe_params import check_params
from tests.support.waiting import until

PLAN = "offr_change_plan"
AT_PERIOD_END = OfferRules(plan_starts="period_end")
NO_LIMIT = OfferLimits(at_most_one_gift_in_days=None)


@pytest_asyncio.fixture(loop_scope="session")
async def site(company: Company) -> AsyncIterator[Company]:
    """A site whose customer pays 29 dollars a month, 40 % off, and is offered a plan at 9 dollars."""
    company.stripe.add_coupon("LOYAL", percent_off=40, duration="forever")
    company.stripe.add_subscription("sub_1", discounts=["LOYAL"])
    await open_with(company)
    yield company


async def open_with(company: Company, *, policy: Any = "amend", **settings: Any) -> None:
    billing = StripeBilling(api_key=STRIPE_KEY, api_base=company.stripe_url, schedule_policy=policy)
    plugged_in = company.plug_in(
        **{"billing": billing, "offer_rules": AT_PERIOD_END, "offer_limits": NO_LIMIT, **settings}
    )
    await company.open(plugged_in)


def period_end(company: Company) -> int:
    return int(company.subscription["items"]["data"][0]["current_period_end"])


def price(company: Company) -> str:
    return str(company.subscription["items"]["data"][0]["price"]["id"])


def invoices(company: Company) -> list[int]:
    return [invoice["total"] for invoice in company.stripe.invoices.values()]


async def at_the_end(company: Company) -> None:
    """Let the period end at Stripe, and let the worker look."""
    later = datetime.fromtimestamp(period_end(company) + 2 * 3600, UTC)
    company.stripe.clock = lambda: later
    await wake(company)


async def test_a_plan_at_the_periods_end_is_planned_and_comes_and_nothing_is_charged_before(
    site: Company,
) -> None:
    charged, discounts = invoices(site), site.subscription["discounts"]
    answer = await site.claim(site.accepted(PLAN))
    ends = period_end(site)

    assert (answer["outcome"], answer["settled"]) == ("scheduled", True)
    assert answer["message"].startswith("Your plan changes on ")
    assert site.changes() == ["schedule_created", "schedule_phases"]
    assert (price(site), invoices(site)) == ("price_pro", charged)
    assert site.subscription["discounts"] == discounts
    sent = [each for each in site.stripe.requests if "schedules" in each.path and each.params]
    assert [check_params(kind, each.params) for kind, each in zip(KINDS, sent, strict=True)] == [
        [],
        [],
    ]
    entries = await site.pool.fetch("SELECT entry, code FROM aiocancel.journal ORDER BY id")
    assert ("step_made", "schedule_made") in [tuple(entry) for entry in entries]

    # The customer asks again, in another flow: it is planned so already.
    again = await site.claim(site.accepted(PLAN))
    assert (again["outcome"], site.changes()) == (
        "scheduled",
        ["schedule_created", "schedule_phases"],
    )

    await at_the_end(site)
    await until(lambda: has_ended(site))
    assert [state for state, _ in await states(site)] == ["done", "done"]
    assert (await status(site, answer))["outcome"] == "done"
    assert period_end(site) > ends
    # 40 % off 9 dollars: the discount is still there.
    assert (price(site), invoices(site)[len(charged) :]) == (NEW_PRICE, [540])


KINDS: Any = ("schedule_create", "schedule_update")
NEW_PRICE = "price_simulator_basic"


async def test_a_customer_keeps_the_plan_after_all_and_may_change_again(site: Company) -> None:
    promised = await site.claim(site.accepted(PLAN))
    kept = await take_back(site, "plan_kept")

    assert (kept["outcome"], kept["change"]) == ("done", "plan_keeping")
    assert kept["message"] == "You keep your plan. The change of plan is cancelled."
    assert site.changes()[2:] == ["schedule_released"]
    assert (await status(site, promised))["outcome"] == "refused"
    assert await states(site) == [("refused", "withdrawn")]
    # Once more is no harm, and a new offer is planned anew.
    assert (await take_back(site, "plan_kept"))["outcome"] == "done"
    assert (await site.claim(site.accepted(PLAN)))["outcome"] == "scheduled"
    assert site.changes()[3:] == ["schedule_created", "schedule_phases"]

    await take_back(site, "plan_kept")
    await at_the_end(site)
    assert price(site) == "price_pro"


async def plan_of(company: Company) -> tuple[str, str | None]:
    (plan,) = await states(company)
    return plan


@pytest.mark.parametrize("status_", ["plan_kept", "canceled"])
async def test_a_plan_whose_release_stripe_refuses_stays_promised_and_comes(
    site: Company, status_: str
) -> None:
    promised = await site.claim(site.accepted(PLAN))
    site.stripe.inject(
        Fault("card_declined_402", method="POST", path_contains="/release", times=100)
    )

    assert (await take_back(site, status_))["outcome"] == "manual"

    # Nothing was taken back: the ledger and the schedule say the same.
    assert await plan_of(site) == ("waiting", None)
    assert (await status(site, promised))["outcome"] == "scheduled"
    assert site.changes() == ["schedule_created", "schedule_phases"]
    await at_the_end(site)
    await until(lambda: has_ended(site))
    assert (await plan_of(site), price(site)) == (("done", None), NEW_PRICE)


@pytest.mark.parametrize("status_", ["plan_kept", "canceled"])
async def test_a_plan_that_is_looked_at_while_it_is_taken_back_needs_no_person(
    site: Company, status_: str
) -> None:
    promised = await site.claim(site.accepted(PLAN))
    # Stripe releases the schedule, answers 500 for ever, and cannot be read for a while.
    site.stripe.inject(Fault("error_500_after", method="POST", path_contains="/release"))
    site.stripe.inject(Fault("error_500_before", method="GET", times=6, skip=2))
    assert site.client is not None
    body = {"grant": await site.grant(), "status": status_}
    await site.client.post("/cancel/result", json=body, headers=as_customer("ada"))
    await until(lambda: site.changes()[2:3] == ["schedule_released"])

    # Meanwhile Stripe's news of the schedule lets the worker look.
    await wake(site)

    async def is_withdrawn() -> bool:
        return await plan_of(site) == ("refused", "withdrawn")

    await until(is_withdrawn)
    assert (await status(site, promised))["outcome"] == "refused"
    assert site.events.of(ActionParked) == []


async def test_phases_that_somebody_put_behind_the_plan_are_not_lost(site: Company) -> None:
    await site.claim(site.accepted(PLAN))
    site.stripe.add_price("price_max", unit_amount=9900)
    phases = site.stripe.schedules[site.subscription["schedule"]]["phases"]
    last = copy.deepcopy(phases[-1])
    last |= {"start_date": last["end_date"], "end_date": last["end_date"] + 30 * DAY}
    phases.append(last)

    assert (await take_back(site, "plan_kept"))["outcome"] == "manual"
    assert await site.events.codes(ActionParked) == ["planned_by_somebody_else"]

    # Nor are they when the plan has just come.
    later = datetime.fromtimestamp(period_end(site) + 60, UTC)
    site.stripe.clock = lambda: later
    assert (await take_back(site, "plan_kept"))["outcome"] == "manual"
    assert await site.events.codes(ActionParked, at_least=2) == [
        "planned_by_somebody_else",
        "plan_has_come",
    ]
    assert site.changes() == ["schedule_created", "schedule_phases"]


async def test_a_customer_with_a_planned_plan_can_leave_and_come_back(site: Company) -> None:
    promised = await site.claim(site.accepted(PLAN))
    ends = period_end(site)
    left = await take_back(site, "canceled")

    assert left["outcome"] == "scheduled"
    assert (site.subscription["cancel_at"], site.subscription["schedule"]) == (ends, None)
    assert (await status(site, promised))["outcome"] == "refused"
    assert await states(site) == [("refused", "withdrawn")]

    # A customer who stays after all keeps the plan: it is not the downgrade that comes back.
    assert (await take_back(site, "resumed"))["outcome"] == "done"
    await at_the_end(site)
    assert (price(site), site.subscription["status"]) == ("price_pro", "active")
    assert site.events.of(ActionParked) == []


async def test_a_plan_that_somebody_took_out_of_the_schedule_is_left_to_a_person(
    site: Company,
) -> None:
    await site.claim(site.accepted(PLAN))
    site.stripe.schedules[site.subscription["schedule"]]["phases"].pop()
    await wake(site)

    assert await site.events.codes(ActionParked) == ["plan_is_planned_no_more"]
    assert site.changes() == ["schedule_created", "schedule_phases"]


async def test_the_plan_of_somebody_else_is_neither_replaced_nor_taken_back(
    company: Company,
) -> None:
    company.stripe.add_subscription("sub_1")
    company.stripe.add_price("price_other", unit_amount=1900)
    end = period_end(company)
    company.stripe.add_schedule(
        "sub_sched_1", "sub_1", ends=[end, end + 30 * DAY], prices=["price_other"]
    )
    await open_with(company)

    assert (await company.claim(company.accepted(PLAN)))["outcome"] == "manual"
    assert (await take_back(company, "plan_kept"))["outcome"] == "manual"
    assert await company.events.codes(ActionParked, at_least=2) == [
        "schedule_has_pending_phases",
        "planned_by_somebody_else",
    ]
    assert company.changes() == []


async def test_a_custom_offer_of_fewer_seats_comes_when_the_period_ends(company: Company) -> None:
    company.stripe.add_subscription("sub_1", quantity=5)
    rules = OfferRules(seat_offers={"offr_custom": ("price_pro", 2)})
    await open_with(company, offer_rules=rules, applies_offers="vendor")

    assert (await company.claim(company.accepted("offr_custom")))["outcome"] == "scheduled"
    assert company.changes() == ["schedule_created", "schedule_phases"]
    assert company.subscription["items"]["data"][0]["quantity"] == 5
    await at_the_end(company)
    await until(lambda: has_ended(company))
    assert company.subscription["items"]["data"][0]["quantity"] == 2
    assert [state for state, _ in await states(company)] == ["done"]


FAULTS: list[FaultKind] = ["error_500_before", "error_500_after", "drop_after", "rate_limit_429"]


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("skip", [0, 1], ids=["the schedule", "its phases"])
async def test_a_plan_is_planned_once_whatever_becomes_of_stripes_answers(
    site: Company, fault: FaultKind, skip: int
) -> None:
    site.stripe.inject(
        Fault(fault, method="POST", path_contains="/v1/subscription_schedules", skip=skip)
    )
    await site.claim(site.accepted(PLAN))

    await until(lambda: site.changes() == ["schedule_created", "schedule_phases"])
    await until(lambda: _is_promised(site))
    await at_the_end(site)
    await until(lambda: has_ended(site))
    assert (await states(site), price(site)) == ([("done", None)], NEW_PRICE)


async def _is_promised(company: Company) -> bool:
    return bool(
        await company.pool.fetchval(
            "SELECT count(*) FROM aiocancel.action WHERE deferred AND takes_effect_at IS NOT NULL"
        )
    )


async def test_a_plan_comes_and_goes_where_schedules_may_be_released(company: Company) -> None:
    company.stripe.add_subscription("sub_1")
    await open_with(company, policy="release")

    assert (await company.claim(company.accepted(PLAN)))["outcome"] == "scheduled"
    assert (await take_back(company, "plan_kept"))["outcome"] == "done"
    assert (await company.claim(company.accepted(PLAN)))["outcome"] == "scheduled"
    assert (await take_back(company, "canceled"))["outcome"] == "scheduled"


async def test_a_discount_that_a_schedule_would_begin_anew_is_left_alone(site: Company) -> None:
    site.stripe.unverified.discounts_of_a_new_schedule = "by_coupon"
    had = site.subscription["discounts"]

    assert (await site.claim(site.accepted(PLAN)))["outcome"] == "manual"
    assert await site.events.codes(ActionParked) == ["schedule_cannot_be_kept"]
    assert site.subscription["discounts"] == had
    # The schedule that was made for it is in nobody's way.
    assert (await take_back(site, "canceled"))["outcome"] == "scheduled"
    assert site.events.of(ActionRefused) == []
