"""Subscriptions that are not simply active, from the post to Stripe: each ends in an answer, and in one effect."""

from __future__ import annotations

from typing import Any

import pytest

from aiocancel.billing.settings import StripeBilling
from aiocancel.core.actions import AgreedEnds
from aiocancel.core.schedules import SchedulePolicy
from aiocancel.telemetry import ActionParked, AttemptFailed
from aiocancel.testing.stripe.simulator import Fault, FaultKind
from tests.support.company import Company
from tests.support.saas import STRIPE_KEY, as_customer
from tests.support.stripe_params import Kind, check_params
from tests.support.waiting import until

DAY = 24 * 3600
FAULTS: list[FaultKind] = [
    "error_500_before",
    "error_500_before_stored",
    "error_500_after",
    "drop_before",
    "drop_after",
    "truncate_after",
    "rate_limit_429",
    "conflict_409",
]


async def open_with(
    company: Company,
    policy: SchedulePolicy = "amend",
    agreed_ends: AgreedEnds = "stand",
    **settings: Any,
) -> None:
    billing = StripeBilling(
        api_key=STRIPE_KEY,
        api_base=company.stripe_url,
        schedule_policy=policy,
        agreed_ends=agreed_ends,
    )
    await company.open(company.plug_in(billing=billing, **settings))


async def post(company: Company, status: str) -> dict[str, Any]:
    """Post the customer's own choice and return the answer."""
    assert company.client is not None
    body = {"grant": await company.grant(), "status": status}
    response = await company.client.post("/cancel/result", json=body, headers=as_customer("ada"))
    answer: dict[str, Any] = await response.json()
    return answer


async def leave_because(company: Company, text: str, *, code: str | None = None) -> dict[str, Any]:
    """Post the customer's cancellation with a reason and return the answer."""
    assert company.client is not None
    body = {"grant": await company.grant(), "status": "canceled", "reason": text}
    if code is not None:
        body["reason_code"] = code
    response = await company.client.post("/cancel/result", json=body, headers=as_customer("ada"))
    answer: dict[str, Any] = await response.json()
    return answer


def parked(company: Company) -> list[str]:
    return [event.code for event in company.events.of(ActionParked)]


# --- under a schedule ---------------------------------------------------------------------------------


async def test_a_schedule_that_ends_with_the_period_is_made_to_end_the_subscription_and_is_kept(
    company: Company,
) -> None:
    company.stripe.add_subscription("sub_1", schedule="sub_sched_1")
    await open_with(company)
    ends_at = company.subscription["items"]["data"][0]["current_period_end"]
    assert (await post(company, "canceled"))["outcome"] == "scheduled"
    assert (company.subscription["cancel_at"], company.subscription["schedule"]) == (
        ends_at,
        "sub_sched_1",
    )
    assert (await post(company, "resumed"))["outcome"] == "done"
    assert company.subscription["cancel_at"] is None
    assert company.changes() == ["schedule_ends_with_cancel", "schedule_ends_with_release"]


async def test_a_schedule_with_nothing_more_to_come_is_released_before_the_cancellation(
    company: Company,
) -> None:
    company.stripe.add_subscription("sub_1")
    company.stripe.add_schedule("sub_sched_1", "sub_1", ends=[company.stripe.now + 300 * DAY])
    await open_with(company)
    assert (await post(company, "canceled"))["outcome"] == "scheduled"
    assert company.changes() == ["schedule_released", "cancel_at_period_end"]
    entries = await company.pool.fetch("SELECT entry, code FROM aiocancel.journal ORDER BY id")
    assert ("step_made", "schedule_released") in [tuple(entry) for entry in entries]


@pytest.mark.parametrize(
    ("policy", "outcome", "changes"),
    [
        ("amend", "scheduled", ["schedule_ends_with_cancel"]),
        ("park", "manual", []),
        ("release", "scheduled", ["schedule_released", "cancel_at_period_end"]),
    ],
)
async def test_phases_to_come_before_the_end_are_lost_only_where_the_owner_says_so(
    company: Company, policy: SchedulePolicy, outcome: str, changes: list[str]
) -> None:
    company.stripe.add_subscription("sub_1")
    company.stripe.add_schedule(
        "sub_sched_1", "sub_1", ends=[company.stripe.now + 2 * DAY, company.stripe.now + 90 * DAY]
    )

    await open_with(company, policy)
    assert (await post(company, "canceled"))["outcome"] == outcome
    assert company.changes() == changes
    codes = {
        "amend": [],
        "park": ["subscription_has_a_schedule"],
        "release": [],
    }
    # The database may tell the customer's post of the end before the worker reports it.
    await until(lambda: parked(company) == codes[policy])


async def test_a_cancellation_at_once_releases_the_schedule_first(company: Company) -> None:
    company.stripe.add_subscription("sub_1")
    company.stripe.add_schedule(
        "sub_sched_1", "sub_1", ends=[company.stripe.now + 60 * DAY, company.stripe.now + 90 * DAY]
    )
    await open_with(company, cancel_timing="now")
    assert (await post(company, "canceled"))["outcome"] == "done"
    assert company.changes() == ["schedule_released", "cancel_now"]


@pytest.mark.parametrize(
    ("offer", "change"),
    [
        ("offr_coupon", "discounts"),
        ("offr_trial_extension", "trial_end"),
        ("offr_change_plan", "items"),
        ("offr_pause_subscription", "pause_collection"),
    ],
)
async def test_an_offer_meets_the_schedule_like_a_cancellation_does(
    company: Company, offer: str, change: str
) -> None:
    company.stripe.add_subscription("sub_1")
    company.stripe.add_schedule("sub_sched_1", "sub_1", ends=[company.stripe.now + 300 * DAY])
    await open_with(company)
    assert (await company.claim(company.accepted(offer)))["outcome"] == "done"
    assert company.changes() == ["schedule_released", change]


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("ends", ["with the period", "later"])
async def test_a_schedule_is_dealt_with_once_whatever_becomes_of_stripes_answer(
    company: Company, ends: str, fault: FaultKind
) -> None:
    company.stripe.add_subscription("sub_1")
    company.stripe.add_schedule(
        "sub_sched_1", "sub_1", ends=[company.stripe.now + 300 * DAY] if ends == "later" else []
    )
    company.stripe.inject(Fault(fault, method="POST", path_contains="/v1/subscription_schedules"))
    await open_with(company)
    assert (await post(company, "canceled"))["outcome"] == "scheduled"
    effects = {
        "later": ["schedule_released", "cancel_at_period_end"],
        "with the period": ["schedule_ends_with_cancel"],
    }

    assert company.changes() == effects[ends]


@pytest.mark.parametrize("fault", FAULTS)
async def test_after_a_release_the_cancellation_itself_is_made_once(
    company: Company, fault: FaultKind
) -> None:
    company.stripe.add_subscription("sub_1")
    company.stripe.add_schedule("sub_sched_1", "sub_1", ends=[company.stripe.now + 300 * DAY])
    company.stripe.inject(Fault(fault, method="POST", path_contains="/v1/subscriptions/"))
    await open_with(company)
    assert (await post(company, "canceled"))["outcome"] == "scheduled"
    assert company.changes() == ["schedule_released", "cancel_at_period_end"]


async def test_a_release_whose_answer_was_lost_is_not_made_again(company: Company) -> None:
    company.stripe.add_subscription("sub_1")
    company.stripe.add_schedule("sub_sched_1", "sub_1", ends=[company.stripe.now + 300 * DAY])
    # Not even when Stripe has forgotten the key.
    company.stripe.inject(
        Fault("drop_after", method="POST", path_contains="/release"),
        Fault("key_pruned", method="POST", path_contains="/v1/subscriptions/"),
    )
    await open_with(company)
    assert (await post(company, "canceled"))["outcome"] == "scheduled"
    assert company.changes() == ["schedule_released", "cancel_at_period_end"]


async def test_what_is_sent_to_a_schedule_is_what_stripes_own_types_allow(company: Company) -> None:
    company.stripe.add_subscription("sub_1", schedule="sub_sched_1")
    await open_with(company)
    await post(company, "canceled")
    company.stripe.add_subscription("sub_1")
    company.stripe.add_schedule("sub_sched_2", "sub_1", ends=[company.stripe.now + 300 * DAY])
    await post(company, "canceled")
    posts = [
        request for request in company.stripe.requests if "subscription_schedules" in request.path
    ]
    kinds: dict[str, Kind] = {
        "/v1/subscription_schedules/sub_sched_1": "schedule_update",
        "/v1/subscription_schedules/sub_sched_2/release": "schedule_release",
    }
    sent = [request for request in posts if request.method == "POST"]

    assert [request.path for request in sent] == list(kinds)
    assert [check_params(kinds[request.path], request.params) for request in sent] == [[], []]


# --- other shapes -------------------------------------------------------------------------------------

MIXED = [{"price": "price_pro"}, {"price": "price_year", "interval": "year"}]
SHAPES: list[Any] = [
    pytest.param({"status": "past_due"}, "scheduled", id="past due"),
    pytest.param({"status": "unpaid"}, "scheduled", id="unpaid"),
    # Of these no period's end ever comes.
    pytest.param({"status": "paused"}, "done", id="paused"),
    pytest.param({"status": "incomplete"}, "done", id="incomplete"),
    pytest.param({"status": "trialing"}, "scheduled", id="trialing"),
    pytest.param({"status": "incomplete_expired"}, "done", id="expired"),
    pytest.param({"status": "canceled"}, "done", id="cancelled"),
    pytest.param({"cancel_at_period_end": True}, "scheduled", id="cancelling"),
    pytest.param(
        {"pause_collection": {"behavior": "void", "resumes_at": None}},
        "scheduled",
        id="payments paused",
    ),
    pytest.param({"items": MIXED}, "scheduled", id="mixed intervals"),
    pytest.param(
        {"billing_mode": {"type": "classic", "flexible": None}},
        "scheduled",
        id="classic billing mode",
    ),
]


@pytest.mark.parametrize(("shape", "outcome"), SHAPES)
async def test_a_customer_can_leave_whatever_the_subscription_looks_like(
    company: Company, shape: dict[str, Any], outcome: str
) -> None:
    company.stripe.add_subscription("sub_1", **shape)
    await open_with(company)
    answer = await post(company, "canceled")
    assert answer["outcome"] == outcome
    last = max(item["current_period_end"] for item in company.subscription["items"]["data"])
    if outcome == "scheduled":
        assert company.subscription["cancel_at"] == last
    else:
        assert company.subscription["status"] in ("canceled", "incomplete_expired")
    assert not company.events.of(ActionParked)


@pytest.mark.parametrize("fault", FAULTS)
async def test_no_day_of_the_longest_period_is_lost_whatever_becomes_of_stripes_answer(
    company: Company, fault: FaultKind
) -> None:
    company.stripe.add_subscription("sub_1", items=MIXED)
    last = max(item["current_period_end"] for item in company.subscription["items"]["data"])
    company.stripe.inject(Fault(fault, method="POST", path_contains="/v1/subscriptions/"))
    await open_with(company)

    assert (await post(company, "canceled"))["outcome"] == "scheduled"
    assert company.subscription["cancel_at"] == last
    assert (await post(company, "resumed"))["outcome"] == "done"

    assert company.subscription["cancel_at"] is None
    assert company.changes() == ["cancel_at", "resume"]


async def test_a_later_end_that_somebody_else_has_set_is_not_moved_forward(
    company: Company,
) -> None:
    end = company.stripe.now + 300 * DAY
    company.stripe.add_subscription("sub_1", cancel_at=end)
    await open_with(company)

    answer = await post(company, "canceled")

    assert answer["outcome"] == "scheduled"
    assert company.subscription["cancel_at"] == end
    assert company.changes() == []


@pytest.mark.parametrize("fault", [None, "error_500_before", "drop_after"])
async def test_an_agreed_end_yields_where_the_owner_says_so_and_comes_back_with_the_customer(
    company: Company, fault: FaultKind | None
) -> None:
    agreed = company.stripe.now + 700 * DAY
    company.stripe.add_subscription("sub_1", cancel_at=agreed)
    paid_until = company.subscription["items"]["data"][0]["current_period_end"]
    await open_with(company, agreed_ends="yield")

    async def with_fault(status: str) -> dict[str, Any]:
        if fault is not None:
            company.stripe.inject(Fault(fault, method="POST", path_contains="/v1/subscriptions/"))
        return await post(company, status)

    assert (await with_fault("canceled"))["outcome"] == "scheduled"
    assert company.subscription["cancel_at"] == paid_until
    # Once more: it ends so already.
    assert (await post(company, "canceled"))["outcome"] == "scheduled"
    # An offer would not keep this customer, who leaves on the agreed day anyway.
    assert (await company.claim(company.accepted("offr_coupon")))["outcome"] == "manual"
    assert (await with_fault("resumed"))["outcome"] == "done"

    assert company.subscription["cancel_at"] == agreed
    assert company.changes() == ["cancel_at", "cancel_at"]
    # A customer who stays may leave again.
    assert (await post(company, "canceled"))["outcome"] == "scheduled"
    assert company.subscription["cancel_at"] == paid_until
    posts = [each for each in company.stripe.requests if each.method == "POST"]
    assert all(check_params("subscription_update", each.params) == [] for each in posts)


@pytest.mark.parametrize("policy", ["own", "any"])
async def test_who_presses_keep_twice_does_not_lose_the_end_that_was_agreed_on(
    company: Company, policy: str
) -> None:
    """Stripe keeps the reason of a cancellation with the end that came back, where the subscription is older."""
    agreed = company.stripe.now + 700 * DAY
    company.stripe.add_subscription("sub_1", cancel_at=agreed)
    company.subscription["created"] -= 40 * DAY
    await open_with(company, agreed_ends="yield", resume_policy=policy)

    assert (await post(company, "canceled"))["outcome"] == "scheduled"
    for _ in range(3):
        assert (await post(company, "resumed"))["outcome"] == "done"
        assert company.subscription["cancel_at"] == agreed

    assert company.changes() == ["cancel_at", "cancel_at"]
    # A customer who stays may leave again, and stay again.
    assert (await post(company, "canceled"))["outcome"] == "scheduled"
    assert company.subscription["cancel_at"] < agreed
    assert (await post(company, "resumed"))["outcome"] == "done"
    assert company.subscription["cancel_at"] == agreed
    # Close to that end, too, it is the agreed one.
    for item in company.subscription["items"]["data"]:
        item["current_period_end"] = agreed
    assert (await post(company, "resumed"))["outcome"] == "manual"
    assert await company.events.codes(ActionParked) == ["ends_by_agreement"]


@pytest.mark.parametrize("fault", [None, "error_500_before", "drop_after"])
async def test_an_agreed_end_that_a_released_schedule_held_comes_back_with_the_customer(
    company: Company, fault: FaultKind | None
) -> None:
    agreed = company.stripe.now + 700 * DAY
    company.stripe.add_subscription("sub_1")
    company.stripe.add_schedule("sub_sched_1", "sub_1", ends=[agreed], end_behavior="cancel")
    paid_until = company.subscription["items"]["data"][0]["current_period_end"]
    await open_with(company, "release", agreed_ends="yield")
    if fault is not None:
        company.stripe.inject(Fault(fault, method="POST", path_contains="/release"))

    assert (await post(company, "canceled"))["outcome"] == "scheduled"
    assert company.subscription["cancel_at"] == paid_until
    assert (await post(company, "resumed"))["outcome"] == "done"

    assert company.subscription["cancel_at"] == agreed
    assert company.changes() == ["schedule_released", "cancel_at", "cancel_at"]


async def test_a_customer_leaves_before_a_downgrade_that_then_cannot_happen(
    company: Company,
) -> None:
    company.stripe.add_subscription("sub_1")
    end = company.subscription["items"]["data"][0]["current_period_end"]
    company.stripe.add_schedule("sub_sched_1", "sub_1", ends=[end, end + 30 * DAY])
    await open_with(company)

    answer = await post(company, "canceled")

    assert answer["outcome"] == "scheduled"
    assert company.subscription["cancel_at"] == end
    assert company.changes() == ["schedule_released", "cancel_at_period_end"]


async def test_a_subscription_whose_customer_was_deleted_is_left_to_a_human_by_its_code(
    company: Company,
) -> None:
    """Stripe cancels the subscriptions of a customer that is deleted, and some versions then know none of them."""
    company.stripe.add_subscription("sub_1", status="canceled")
    company.stripe.retrieve_canceled = False
    await open_with(company)
    assert (await post(company, "canceled"))["outcome"] == "manual"
    assert (await company.claim(company.accepted("offr_coupon")))["outcome"] == "manual"
    codes = await company.events.codes(ActionParked, at_least=2)
    assert codes == ["resource_missing", "resource_missing"]


@pytest.mark.parametrize("shape", [{"schedule": "sub_sched_1"}, {"cancel_at_period_end": True}])
async def test_stripe_is_told_the_reason_where_the_end_itself_carries_none(
    company: Company, shape: dict[str, Any]
) -> None:
    company.stripe.add_subscription("sub_1", **shape)
    await open_with(company)

    assert (await leave_because(company, "Too slow for me"))["outcome"] == "scheduled"

    assert company.subscription["cancellation_details"]["comment"] == "Too slow for me"


async def test_a_cancellation_stands_although_stripe_takes_no_reason(company: Company) -> None:
    company.stripe.add_subscription("sub_1", cancel_at_period_end=True)
    company.stripe.inject(Fault("error_500_before", method="POST"))
    await open_with(company)

    assert (await leave_because(company, "Too slow for me"))["outcome"] == "scheduled"

    assert company.subscription["cancellation_details"]["comment"] is None
    assert (await company.events.first(AttemptFailed))[0].kind == "cancel_at_period_end"
    assert not company.events.of(ActionParked)


@pytest.mark.parametrize("end_behavior", ["release", "cancel"])
async def test_a_schedule_of_another_subscription_is_left_alone(
    company: Company, end_behavior: str
) -> None:
    """It does not end this one either, so nobody may be told that it does."""
    company.stripe.add_subscription("sub_1", schedule="sub_sched_1")
    company.stripe.add_subscription("sub_2")
    company.stripe.schedules["sub_sched_1"] |= {
        "subscription": "sub_2",
        "end_behavior": end_behavior,
    }
    await open_with(company)

    assert (await post(company, "canceled"))["outcome"] == "manual"

    assert await company.events.codes(ActionParked) == ["schedule_of_another_subscription"]
    assert company.stripe.effects == []


@pytest.mark.parametrize("timing", ["at_period_end", "now"])
@pytest.mark.parametrize("known", [True, False])
async def test_an_unknown_feedback_option_costs_nobody_the_cancellation(
    company: Company, timing: Any, known: bool
) -> None:
    if known:
        company.stripe.add_feedback_option("Too dear for what it does", "fbo_1")
    company.stripe.add_subscription("sub_1")
    billing = StripeBilling(
        api_key=STRIPE_KEY, api_base=company.stripe_url, feedback_options={"dear": "fbo_1"}
    )
    await company.open(company.plug_in(billing=billing, cancel_timing=timing))

    answer = await leave_because(company, "Too dear", code="dear")

    assert answer["outcome"] == ("scheduled" if timing == "at_period_end" else "done")
    details = company.subscription["cancellation_details"]
    assert details["comment"] == "Too dear"
    assert details["feedback_option"] == ("fbo_1" if known else None)
