"""Pauses of a subscription itself and their ends, as https://docs.stripe.com/billing/subscriptions/pause tells."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.simulator_requests import DAY, Stripe, api, error_of, period_end

__all__ = ["api"]

PAUSE = "/v1/subscriptions/sub_1/pause"
RESUME = "/v1/subscriptions/sub_1/resume"
ON_SUCCESS = "resume_on_payment_success"


async def paused(api: Stripe, **params: Any) -> dict[str, Any]:
    return await api.call("post", PAUSE, **params)


async def latest_invoice(api: Stripe) -> dict[str, Any]:
    invoice: dict[str, Any] = (await api.read(expand=["latest_invoice"]))["latest_invoice"]
    return invoice


@pytest.mark.parametrize("params", [{}, {"payment_behavior": "resume_on_payment_attempt"}])
async def test_a_resumption_on_attempt_attempts_no_payment(
    api: Stripe, params: dict[str, str]
) -> None:
    await paused(api)

    resumed = await api.call("post", RESUME, **params)

    assert resumed["status"] == "paused"
    invoice = await latest_invoice(api)
    assert (invoice["status"], invoice["attempted"]) == ("open", False)
    await api.call("post", f"/v1/invoices/{invoice['id']}/pay")
    went_on = await api.read()
    assert (went_on["status"], period_end(went_on)) == ("active", api.clock.seconds + 30 * DAY)


async def test_a_resumption_on_attempt_is_voided_after_23_hours(api: Stripe) -> None:
    await paused(api)
    await api.call("post", RESUME)

    api.clock.advance(hours=23)

    assert (await api.read())["status"] == "paused"
    assert (await latest_invoice(api))["status"] == "void"


async def test_a_failed_payment_of_a_resumption_on_attempt_leaves_it_past_due(api: Stripe) -> None:
    await paused(api)
    await api.call("post", RESUME)
    api.simulator.payments_fail.add("cus_1")

    refused = await api.refusal("post", f"/v1/invoices/{(await latest_invoice(api))['id']}/pay")

    assert (refused.http_status, refused.code) == (402, "card_declined")
    assert (await api.read())["status"] == "past_due"


async def test_a_resumption_on_success_charges_and_goes_on(api: Stripe) -> None:
    await paused(api)

    resumed = await api.call("post", RESUME, payment_behavior=ON_SUCCESS)

    assert (resumed["status"], resumed["billing_cycle_anchor"]) == ("active", api.clock.seconds)
    assert (await latest_invoice(api))["status"] == "paid"


async def test_a_declined_resumption_on_success_stays_paused_and_is_tried_again(
    api: Stripe,
) -> None:
    await paused(api)
    api.simulator.payments_fail.add("cus_1")
    assert (await api.call("post", RESUME, payment_behavior=ON_SUCCESS))["status"] == "paused"

    api.clock.advance(days=200)
    assert (await api.read())["status"] == "paused"
    api.simulator.payments_fail.clear()
    api.clock.advance(days=3)

    assert (await api.read())["status"] == "active"


async def test_a_declined_resumption_is_an_error_where_that_is_chosen(api: Stripe) -> None:
    await paused(api)
    api.simulator.payments_fail.add("cus_1")
    api.simulator.unverified.declined_resumption = "card_error"

    refused = await api.refusal("post", RESUME, payment_behavior=ON_SUCCESS)

    assert (refused.http_status, refused.code) == (402, "card_declined")


async def test_a_resumption_on_success_expires_after_a_year(api: Stripe) -> None:
    await paused(api)
    api.simulator.payments_fail.add("cus_1")
    await api.call("post", RESUME, payment_behavior=ON_SUCCESS)

    api.clock.advance(days=366)

    assert (await api.read())["status"] == "paused"
    assert (await latest_invoice(api))["status"] == "void"


async def test_a_resumption_on_success_needs_a_default_payment_method(api: Stripe) -> None:
    api.simulator.customers["cus_1"]["invoice_settings"]["default_payment_method"] = None
    await paused(api)

    refused = await api.refusal("post", RESUME, payment_behavior=ON_SUCCESS)

    assert (refused.http_status, refused.code) == (400, "resource_missing")
    assert (await api.read())["status"] == "paused"


@pytest.mark.parametrize(("choice", "status"), [("refused", 400), ("voids_the_first", None)])
async def test_a_second_resumption_is_refused_or_replaces_the_first(
    api: Stripe, choice: Any, status: int | None
) -> None:
    api.simulator.unverified.second_resumption = choice
    await paused(api)
    await api.call("post", RESUME)
    first = await latest_invoice(api)

    if status is None:
        await api.call("post", RESUME)
        assert api.simulator.invoices[first["id"]]["status"] == "void"
        assert (await latest_invoice(api))["status"] == "open"
    else:
        assert (await api.refusal("post", RESUME)).http_status == status


async def test_a_resumption_may_show_as_a_pending_update(api: Stripe) -> None:
    api.simulator.unverified.resumption_as_pending_update = True
    await paused(api)

    waiting = await api.call("post", RESUME)

    assert waiting["pending_update"]["expires_at"] == api.clock.seconds + 23 * 3600


async def test_a_paused_subscription_neither_advances_nor_ends_by_date(api: Stripe) -> None:
    await api.update(cancel_at=api.clock.seconds + 10 * DAY)
    before = await paused(api)

    api.clock.advance(days=100)

    after = await api.read()
    assert (after["status"], after["items"]) == ("paused", before["items"])


@pytest.mark.parametrize("choice", ["accepted", "refused"])
async def test_cancelling_a_paused_one_at_period_end_never_comes_or_is_refused(
    api: Stripe, choice: Any
) -> None:
    api.simulator.unverified.period_end_of_a_paused_one = choice
    await paused(api)

    if choice == "refused":
        refused = await api.refusal("post", "/v1/subscriptions/sub_1", cancel_at_period_end=True)
        assert error_of(refused)["param"] == "cancel_at_period_end"
    else:
        await api.update(cancel_at_period_end=True)
        api.clock.advance(days=100)
        assert (await api.read())["status"] == "paused"


async def test_a_pause_clears_a_pending_update_and_credits_unused_time(api: Stripe) -> None:
    item = (await api.read())["items"]["data"][0]["id"]
    api.simulator.payments_need_action.add("cus_1")
    await api.update(
        items=[{"id": item, "price": "price_year"}], payment_behavior="pending_if_incomplete"
    )
    api.simulator.payments_need_action.clear()
    api.clock.advance(hours=12)

    after = await paused(
        api,
        bill_for={"unused_time_from": {"type": "now"}},
        invoicing_behavior="pending_invoice_item",
    )

    assert after["pending_update"] is None
    (credit,) = api.simulator.pending_lines["sub_1"]
    assert credit["amount"] == -round(2900 * 59 / 60)
    await api.call("post", RESUME, payment_behavior=ON_SUCCESS)
    assert (await latest_invoice(api))["total"] == 2900 + credit["amount"]


@pytest.mark.parametrize(("choice", "is_paused"), [("accepted", True), ("refused", False)])
async def test_a_past_due_subscription_can_be_paused_unless_told_otherwise(
    api: Stripe, choice: Any, is_paused: bool
) -> None:
    api.simulator.unverified.pause_of_a_past_due_one = choice
    api.simulator.subscriptions["sub_1"]["status"] = "past_due"

    if is_paused:
        assert (await paused(api))["status"] == "paused"
    else:
        assert (await api.refusal("post", PAUSE)).http_status == 400


async def test_a_trial_without_a_payment_method_pauses_or_ends_as_its_settings_say(
    api: Stripe,
) -> None:
    api.simulator.add_customer("cus_2", payment_method=None)
    for name in ("pause", "cancel", "create_invoice"):
        api.simulator.add_subscription(
            f"sub_{name}",
            customer="cus_2",
            trial_end=api.clock.seconds + DAY,
            trial_settings={"end_behavior": {"missing_payment_method": name}},
        )

    api.clock.advance(days=2)

    statuses = [(await api.read(f"sub_{name}"))["status"] for name in ("pause", "cancel")]
    assert statuses == ["paused", "canceled"]
    assert (await api.read("sub_create_invoice"))["status"] == "past_due"
