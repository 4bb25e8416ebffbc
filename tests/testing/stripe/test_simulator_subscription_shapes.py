"""Schedules, pauses and payments to confirm at the simulated Stripe, through the SDK."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.simulator_requests import Stripe, api, error_of, period_end

__all__ = ["api"]


SCHEDULE = "/v1/subscription_schedules/sub_sched_1"


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


async def schedule_of(api: Stripe) -> tuple[dict[str, Any], str]:
    """Put the subscription under a schedule; returns its running phase, to be sent again, and its path."""
    made = await api.call("post", "/v1/subscription_schedules", from_subscription="sub_1")
    now = made["phases"][0]
    items = [{"price": item["price"], "quantity": item["quantity"]} for item in now["items"]]
    discounts = [{"discount": each["discount"]} for each in now["discounts"]]
    running = {"items": items, "start_date": now["start_date"], "end_date": now["end_date"]}
    path = f"/v1/subscription_schedules/{made['id']}"
    return running | ({"discounts": discounts} if discounts else {}), path


async def discounted(api: Stripe, duration: str = "forever") -> list[str]:
    api.simulator.add_coupon("HALF", percent_off=50, duration=duration)
    await api.call("post", "/v1/subscriptions/sub_1", discounts=[{"coupon": "HALF"}])
    return list((await api.read())["discounts"])


async def test_a_phase_that_names_no_discounts_takes_them_away(api: Stripe) -> None:
    had = await discounted(api)
    running, path = await schedule_of(api)
    assert running["discounts"] == [{"discount": had[0]}]

    await api.call("post", path, phases=[running])
    assert (await api.read())["discounts"] == had
    await api.call("post", path, phases=[{k: v for k, v in running.items() if k != "discounts"}])
    assert (await api.read())["discounts"] == []


async def test_a_coupon_in_a_phase_begins_anew_and_an_unknown_discount_is_refused(
    api: Stripe,
) -> None:
    had = await discounted(api)
    running, path = await schedule_of(api)

    await api.call("post", path, phases=[running | {"discounts": [{"coupon": "HALF"}]}])
    (new,) = (await api.read())["discounts"]
    assert new not in had
    refused = await api.refusal("post", path, phases=[running | {"discounts": [{"discount": "x"}]}])
    assert error_of(refused)["code"] == "resource_missing"


async def test_a_discount_that_was_used_up_does_not_come_back_with_a_phase(api: Stripe) -> None:
    await discounted(api, "once")
    running, path = await schedule_of(api)
    month = {"interval": "month", "interval_count": 1}
    following = {"items": running["items"], "discounts": running["discounts"], "duration": month}
    await api.call("post", path, phases=[running, following])

    api.clock.advance(days=31)
    after = await api.read(expand=["latest_invoice"])
    assert (after["latest_invoice"]["total"], after["discounts"]) == (1450, [])
    api.clock.advance(days=31)
    assert (await api.read(expand=["latest_invoice"]))["latest_invoice"]["total"] == 2900


async def test_a_schedule_names_discounts_by_their_coupons_where_that_is_chosen(
    api: Stripe,
) -> None:
    api.simulator.unverified.discounts_of_a_new_schedule = "by_coupon"
    await discounted(api)
    made = await api.call("post", "/v1/subscription_schedules", from_subscription="sub_1")
    assert made["phases"][0]["discounts"] == [
        {"coupon": "HALF", "discount": None, "promotion_code": None}
    ]


@pytest.mark.parametrize(
    ("edit", "param"),
    [
        pytest.param({"start_date": None}, "phases[0][start_date]", id="no start"),
        pytest.param({"start_date": 1}, "phases[0][start_date]", id="another start"),
        pytest.param({"iterations": 1}, "phases[0][iterations]", id="iterations"),
        pytest.param({"end_date": None}, "phases[0][end_date]", id="no end"),
        pytest.param(
            {"duration": {"interval": "month"}}, "phases[0][duration]", id="an end and a duration"
        ),
        pytest.param(
            {"items": [{"price": "price_none"}]}, "phases[0][items][0][price]", id="no such price"
        ),
        pytest.param(
            {"items": [{"price": "price_usage", "quantity": 2}]},
            "phases[0][items][0][quantity]",
            id="a quantity of usage",
        ),
        pytest.param({"items": [{"price": "price_basic"}]}, "phases", id="other items now"),
        pytest.param({"trial_end": 5}, "phases[0][trial_end]", id="not simulated"),
        pytest.param(
            {"discounts": [{"coupon": "A", "discount": "B"}]},
            "phases[0][discounts][0]",
            id="two sources of a discount",
        ),
    ],
)
async def test_phases_that_stripe_would_not_take_are_refused_and_change_nothing(
    api: Stripe, edit: dict[str, Any], param: str
) -> None:
    api.simulator.add_price("price_basic", unit_amount=900)
    api.simulator.add_price("price_usage", recurring={"interval": "month", "usage_type": "metered"})
    running, path = await schedule_of(api)
    before = await api.call("get", path)

    phase = {name: value for name, value in {**running, **edit}.items() if value is not None}
    refused = await api.refusal("post", path, phases=[phase])
    assert error_of(refused)["param"] == param
    assert await api.call("get", path) == before


async def test_the_next_phase_brings_its_price_when_the_running_one_ends(api: Stripe) -> None:
    api.simulator.add_price("price_basic", unit_amount=900)
    running, schedule = await schedule_of(api)
    basic = {"price": "price_basic", "quantity": 1}
    month = {"interval": "month", "interval_count": 1}
    await api.call("post", schedule, phases=[running, {"items": [basic], "duration": month}])
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
