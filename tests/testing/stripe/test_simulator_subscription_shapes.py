"""Schedules, pauses and payments to confirm at the simulated Stripe, through the SDK."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
import stripe

from aiocancel.testing.stripe.simulator import StripeSimulator
from tests.testing.stripe.test_simulator import Clock, Stripe, error_of, period_end

SCHEDULE = "/v1/subscription_schedules/sub_sched_1"


@pytest_asyncio.fixture(loop_scope="session")
async def api(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stripe]:
    # Telemetry would write a file into the home directory.
    monkeypatch.setattr(stripe, "enable_telemetry", False)
    clock = Clock()
    simulator = StripeSimulator(clock=clock)
    simulator.add_subscription("sub_1", customer="cus_1", price="price_pro", unit_amount=2900)
    simulator.add_price("price_year", interval="year", unit_amount=29000)
    async with (
        simulator.serve() as base_url,
        aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session,
    ):
        yield Stripe(simulator, clock, base_url, session)


# --- schedules ----------------------------------------------------------------------------------------


async def test_the_typed_sdk_reads_a_schedule(api: Stripe) -> None:
    api.simulator.add_schedule(
        "sub_sched_1", "sub_1", ends=[api.clock.seconds + 100, api.clock.seconds + 200]
    )
    schedule = await api.client().v1.subscription_schedules.retrieve_async("sub_sched_1")

    assert (schedule.status, schedule.end_behavior, schedule.subscription) == (
        "active",
        "release",
        "sub_1",
    )
    assert schedule.current_phase is not None
    assert [phase.end_date for phase in schedule.phases] == [
        api.clock.seconds + 100,
        api.clock.seconds + 200,
    ]
    assert (await api.refusal("get", "/v1/subscription_schedules/sub_sched_9")).http_status == 404


async def test_a_schedule_that_is_to_cancel_sets_the_end_of_its_subscription_and_takes_it_back(
    api: Stripe,
) -> None:
    api.simulator.add_schedule("sub_sched_1", "sub_1")
    await api.call("post", SCHEDULE, end_behavior="cancel")
    subscription = await api.read()
    assert subscription["cancel_at"] == period_end(subscription)
    await api.call("post", SCHEDULE, end_behavior="release")
    assert (await api.read())["cancel_at"] is None
    await api.call("post", SCHEDULE, end_behavior="release")
    assert api.kinds == ["schedule_ends_with_cancel", "schedule_ends_with_release"]


@pytest.mark.parametrize("keeps", [True, False])
async def test_a_release_leaves_the_subscription_and_only_on_demand_its_end(
    api: Stripe, keeps: bool
) -> None:
    api.simulator.add_schedule("sub_sched_1", "sub_1", end_behavior="cancel")
    released = await api.call("post", f"{SCHEDULE}/release", preserve_cancel_date=keeps)
    assert (released["status"], released["released_subscription"]) == ("released", "sub_1")
    subscription = await api.read()
    assert (subscription["schedule"], subscription["status"]) == (None, "active")
    assert (subscription["cancel_at"] is not None) == keeps
    assert (await api.refusal("post", f"{SCHEDULE}/release")).http_status == 400
    assert (await api.refusal("post", SCHEDULE, end_behavior="cancel")).http_status == 400


async def test_a_schedule_that_is_over_lets_its_subscription_go_on(api: Stripe) -> None:
    api.simulator.add_schedule("sub_sched_1", "sub_1")
    api.clock.advance(days=40)
    assert ((await api.read())["schedule"], (await api.call("get", SCHEDULE))["status"]) == (
        None,
        "completed",
    )


async def test_a_schedule_that_is_to_cancel_ends_its_subscription(api: Stripe) -> None:
    api.simulator.add_schedule("sub_sched_1", "sub_1", end_behavior="cancel")
    api.clock.advance(days=40)
    assert (await api.read())["status"] == "canceled"


async def test_a_phase_needs_items_and_planned_pauses_are_not_simulated(api: Stripe) -> None:
    api.simulator.add_schedule("sub_sched_1", "sub_1")
    refused = await api.refusal("post", SCHEDULE, phases=[{"end_date": 1}])
    assert error_of(refused)["param"] == "phases[0][items]"
    refused = await api.refusal("post", SCHEDULE, pause_schedules=[{"key": "a"}])
    assert error_of(refused)["code"] == "simulator_unsupported"


async def test_the_next_phase_brings_its_price_when_the_running_one_ends(api: Stripe) -> None:
    api.simulator.add_price("price_basic", unit_amount=900)
    end = period_end(await api.read())
    item = {"price": "price_pro", "quantity": 1}
    await api.call(
        "post",
        SCHEDULE.replace(
            "sub_sched_1",
            (await api.call("post", "/v1/subscription_schedules", from_subscription="sub_1"))["id"],
        ),
        phases=[
            {"items": [item], "end_date": end},
            {"items": [item | {"price": "price_basic"}], "end_date": end + 10**7},
        ],
    )
    api.clock.advance(days=31)
    after = await api.read(expand=["latest_invoice"])

    assert after["items"]["data"][0]["price"]["id"] == "price_basic"
    assert after["latest_invoice"]["total"] == 900


# --- pauses of the subscription itself ----------------------------------------------------------------


async def test_a_pause_stops_the_subscription_until_it_is_resumed(api: Stripe) -> None:
    paused = await api.call(
        "post", "/v1/subscriptions/sub_1/pause", invoicing_behavior="pending_invoice_item"
    )
    assert paused["status"] == "paused"
    assert paused["status_details"]["paused"]["subscription"]["type"] == "pause_requested"
    assert period_end(paused) == api.clock.seconds
    api.clock.advance(days=100)
    assert period_end(await api.read()) == period_end(paused)
    resumed = await api.call(
        "post",
        "/v1/subscriptions/sub_1/resume",
        billing_cycle_anchor={"type": "now"},
        payment_behavior="resume_on_payment_success",
    )

    assert (resumed["status"], resumed["status_details"]) == ("active", None)
    assert resumed["billing_cycle_anchor"] == api.clock.seconds
    assert api.kinds == ["pause", "unpause"]


@pytest.mark.parametrize(
    ("shape", "path"),
    [
        pytest.param({"billing_mode": {"type": "classic"}}, "pause", id="classic billing mode"),
        pytest.param({"status": "trialing"}, "pause", id="in a trial"),
        pytest.param({"status": "incomplete"}, "pause", id="incomplete"),
        pytest.param({"collection_method": "send_invoice"}, "pause", id="sends invoices"),
        pytest.param({"schedule": "sub_sched_2"}, "pause", id="under a schedule"),
        pytest.param({}, "resume", id="not paused"),
        pytest.param(
            {"status": "paused", "collection_method": "send_invoice"}, "resume", id="sent invoices"
        ),
    ],
)
async def test_a_pause_or_its_end_is_refused_where_stripe_refuses_it(
    api: Stripe, shape: dict[str, Any], path: str
) -> None:
    api.simulator.add_subscription("sub_2", **shape)
    assert (await api.refusal("post", f"/v1/subscriptions/sub_2/{path}")).http_status == 400
    assert api.kinds == []


async def test_a_pause_lasts_while_the_payment_for_its_end_needs_the_customer(api: Stripe) -> None:
    api.simulator.payments_need_action.add("cus_1")
    await api.call("post", "/v1/subscriptions/sub_1/pause")
    resumed = await api.call(
        "post",
        "/v1/subscriptions/sub_1/resume",
        payment_behavior="resume_on_payment_success",
    )
    assert resumed["status"] == "paused"
    api.simulator.pay_latest_invoice("sub_1")
    assert (await api.read())["status"] == "active"


# --- payments that the customer has to confirm --------------------------------------------------------


async def test_an_update_whose_payment_needs_the_customer_is_pending_until_it_is_made(
    api: Stripe,
) -> None:
    api.simulator.payments_need_action.add("cus_1")
    item = (await api.read())["items"]["data"][0]["id"]
    wanted: dict[str, Any] = {
        "items": [{"id": item, "price": "price_year"}],
        "payment_behavior": "pending_if_incomplete",
    }
    updated = await api.update(**wanted, expand=["latest_invoice"])
    assert updated["items"]["data"][0]["price"]["id"] == "price_pro"
    assert updated["pending_update"]["subscription_items"][0]["price"]["id"] == "price_year"
    assert updated["pending_update"]["expires_at"] == api.clock.seconds + 23 * 3600
    assert updated["latest_invoice"]["status"] == "open"
    api.simulator.pay_latest_invoice("sub_1")
    paid = await api.read()

    assert (paid["items"]["data"][0]["price"]["id"], paid["pending_update"]) == ("price_year", None)
    with pytest.raises(ValueError, match="waits for a payment"):
        api.simulator.pay_latest_invoice("sub_1")


async def test_a_pending_update_is_dropped_with_its_invoice_when_nobody_pays(api: Stripe) -> None:
    api.simulator.payments_need_action.add("cus_1")
    item = (await api.read())["items"]["data"][0]["id"]
    await api.update(
        items=[{"id": item, "price": "price_year"}], payment_behavior="pending_if_incomplete"
    )
    api.clock.advance(hours=24)
    dropped = await api.read(expand=["latest_invoice"])
    assert (dropped["pending_update"], dropped["latest_invoice"]["status"]) == (None, "void")


async def test_an_update_that_must_be_paid_at_once_is_refused_instead(api: Stripe) -> None:
    api.simulator.payments_need_action.add("cus_1")
    item = (await api.read())["items"]["data"][0]["id"]
    wanted: dict[str, Any] = {"items": [{"id": item, "price": "price_year"}]}
    refused = await api.refusal(
        "post", "/v1/subscriptions/sub_1", **wanted, payment_behavior="error_if_incomplete"
    )

    assert (refused.http_status, refused.code) == (
        402,
        "subscription_payment_intent_requires_action",
    )
    assert (await api.update(**wanted, payment_behavior="allow_incomplete"))[
        "pending_update"
    ] is None


async def test_not_everything_goes_with_a_pending_update(api: Stripe) -> None:
    refused = await api.refusal(
        "post",
        "/v1/subscriptions/sub_1",
        cancel_at_period_end=True,
        payment_behavior="pending_if_incomplete",
    )
    assert "cancel_at_period_end" in error_of(refused)["message"]
