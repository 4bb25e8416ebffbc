"""Invoices, discounts and previews at the simulated Stripe come to what they come to at Stripe."""

from __future__ import annotations

from typing import Any

from tests.support.simulator_requests import DAY, Stripe, api, error_of, period_end

__all__ = ["api"]

PREVIEW = "/v1/invoices/create_preview"


async def total(api: Stripe, subscription_id: str = "sub_1") -> int:
    read = await api.read(subscription_id, expand=["latest_invoice"])
    return int(read["latest_invoice"]["total"])


async def preview(api: Stripe, **params: Any) -> dict[str, Any]:
    return await api.call("post", PREVIEW, **{"subscription": "sub_1"} | params)


# --- whose discount counts ----------------------------------------------------------------------------


async def test_the_discount_of_the_customer_is_inherited_and_shadowed_by_one_of_the_subscription(
    api: Stripe,
) -> None:
    api.simulator.add_coupon("LOYAL", percent_off=30, duration="forever")
    api.simulator.add_coupon("SAVE10", percent_off=10, duration="forever")
    api.simulator.discount_customer("cus_1", "LOYAL")
    api.clock.advance(days=31)
    assert await total(api) == 2030

    await api.update(discounts=[{"coupon": "SAVE10"}])

    api.clock.advance(days=30)
    assert await total(api) == 2610


async def test_the_discount_of_the_customer_can_be_kept_by_its_id(api: Stripe) -> None:
    api.simulator.add_coupon("LOYAL", percent_off=30, duration="forever")
    api.simulator.add_coupon("SAVE10", percent_off=10, duration="forever")
    api.simulator.discount_customer("cus_1", "LOYAL")
    customer = (await api.read(expand=["customer"]))["customer"]
    assert customer["discount"]["source"]["coupon"] == "LOYAL"
    kept = {"discount": customer["discount"]["id"]}

    await api.update(discounts=[kept, {"coupon": "SAVE10"}])
    api.clock.advance(days=31)
    assert await total(api) == 1827

    api.simulator.unverified.discount_of_the_customer = "refused"
    await api.update(discounts="")
    refused = await api.refusal("post", "/v1/subscriptions/sub_1", discounts=[kept])
    assert error_of(refused)["param"] == "discounts[0][discount]"


async def test_a_coupon_for_once_goes_with_the_next_invoice_even_with_that_of_a_trial(
    api: Stripe,
) -> None:
    api.simulator.add_coupon("ONCE", percent_off=50, duration="once")
    await api.update(discounts=[{"coupon": "ONCE"}])

    await api.update(trial_end=api.clock.seconds + 40 * DAY, proration_behavior="none")

    assert (await api.read())["discounts"] == []
    assert await total(api) == 0
    api.clock.advance(days=41)
    assert await total(api) == 2900


async def test_a_draft_of_a_pause_uses_no_coupon_up_and_a_voided_invoice_does(api: Stripe) -> None:
    api.simulator.add_coupon("ONCE", percent_off=50, duration="once")
    for name, behavior in (("sub_draft", "keep_as_draft"), ("sub_void", "void")):
        api.simulator.add_subscription(name, customer="cus_1", discounts=["ONCE"])
        await api.update(name, pause_collection={"behavior": behavior})

    api.clock.advance(days=31)

    assert len((await api.read("sub_draft"))["discounts"]) == 1
    assert (await api.read("sub_void"))["discounts"] == []


async def test_a_repeating_coupon_covers_every_invoice_in_its_months(api: Stripe) -> None:
    api.simulator.add_coupon("YEAR", percent_off=50, duration="repeating", duration_in_months=3)
    api.simulator.add_subscription(
        "sub_soon",
        customer="cus_1",
        price="price_year",
        discounts=["YEAR"],
        current_period_end=api.clock.seconds + 20 * DAY,
    )
    api.simulator.add_subscription(
        "sub_late",
        customer="cus_1",
        price="price_year",
        discounts=["YEAR"],
        current_period_end=api.clock.seconds + 200 * DAY,
    )

    api.clock.advance(days=201)

    assert [await total(api, name) for name in ("sub_soon", "sub_late")] == [14500, 29000]


async def test_a_promotion_code_leads_to_a_discount_that_names_it(api: Stripe) -> None:
    api.simulator.add_coupon("SAVE20", percent_off=20, duration="forever")
    code = await api.call(
        "post",
        "/v1/promotion_codes",
        promotion={"type": "coupon", "coupon": "SAVE20"},
        code="STAY",
        max_redemptions=1,
    )

    updated = await api.update(discounts=[{"promotion_code": code["id"]}], expand=["discounts"])

    assert updated["discounts"][0]["promotion_code"] == code["id"]
    api.simulator.add_subscription("sub_2", customer="cus_2")
    used_up = await api.refusal(
        "post", "/v1/subscriptions/sub_2", discounts=[{"promotion_code": code["id"]}]
    )
    assert error_of(used_up)["param"] == "discounts[0][promotion_code]"


async def test_a_promotion_code_of_another_customer_is_refused(api: Stripe) -> None:
    api.simulator.add_coupon("SAVE20", percent_off=20, duration="forever")
    code = api.simulator.add_promotion_code("MINE", "SAVE20", customer="cus_9")
    refused = await api.refusal(
        "post", "/v1/subscriptions/sub_1", discounts=[{"promotion_code": code["id"]}]
    )
    assert "customer" in error_of(refused)["message"]


async def test_the_name_of_a_coupon_has_at_most_40_characters(api: Stripe) -> None:
    fits = await api.call("post", "/v1/coupons", percent_off=5, duration="once", name="n" * 40)
    assert fits["name"] == "n" * 40
    refused = await api.refusal(
        "post", "/v1/coupons", percent_off=5, duration="once", name="n" * 41
    )
    assert error_of(refused)["param"] == "name"


# --- items, ends and answers of the owner's own ------------------------------------------------------


async def test_a_metered_price_takes_no_quantity(api: Stripe) -> None:
    api.simulator.add_price("price_usage", unit_amount=5, usage_type="metered")
    item = (await api.read())["items"]["data"][0]["id"]

    refused = await api.refusal(
        "post",
        "/v1/subscriptions/sub_1",
        items=[{"id": item, "price": "price_usage", "quantity": 2}],
    )
    assert error_of(refused)["param"] == "items[0][quantity]"
    swapped = await api.update(items=[{"id": item, "price": "price_usage"}])
    assert swapped["items"]["data"][0]["quantity"] is None


async def test_an_end_can_be_that_of_the_last_period_or_of_what_is_billed(api: Stripe) -> None:
    now = api.clock.seconds
    api.simulator.add_subscription(
        "sub_mixed",
        customer="cus_1",
        items=[
            {"price": "price_pro", "current_period_end": now + 10 * DAY},
            {
                "price": "price_year",
                "current_period_end": now + 300 * DAY,
                "billed_until": now + 400 * DAY,
            },
        ],
    )
    ends = [
        (await api.update("sub_mixed", cancel_at=word))["cancel_at"] - now
        for word in ("min_period_end", "max_period_end", "max_billed_until")
    ]
    assert ends == [10 * DAY, 300 * DAY, 400 * DAY]
    refused = await api.refusal(
        "post",
        "/v1/subscriptions/sub_mixed",
        cancel_at="max_billed_until",
        proration_behavior="none",
    )

    assert error_of(refused)["param"] == "proration_behavior"


async def test_an_incomplete_subscription_takes_metadata_and_nothing_else(api: Stripe) -> None:
    api.simulator.add_subscription("sub_2", customer="cus_1", status="incomplete")
    refused = await api.refusal("post", "/v1/subscriptions/sub_2", cancel_at_period_end=True)
    assert refused.http_status == 400
    assert (await api.update("sub_2", metadata={"a": "b"}))["metadata"] == {"a": "b"}
    api.simulator.incomplete_takes_updates = True
    assert (await api.update("sub_2", cancel_at_period_end=True))["cancel_at_period_end"]
    await api.call("delete", "/v1/subscriptions/sub_2")
    assert (await api.read("sub_2"))["status"] == "canceled"


async def test_more_items_than_are_shown_are_listed_apart(api: Stripe) -> None:
    api.simulator.items_shown = 2
    api.simulator.add_subscription(
        "sub_many", customer="cus_1", items=[{"price": f"price_{n}"} for n in range(3)]
    )
    shown = (await api.read("sub_many"))["items"]
    assert (len(shown["data"]), shown["has_more"], shown["total_count"]) == (2, True, 3)
    listed = await api.call("get", "/v1/subscription_items", subscription="sub_many")
    assert len(listed["data"]) == 3


async def test_an_answer_of_the_owners_own_must_exist(api: Stripe) -> None:
    option = api.simulator.add_feedback_option("The mobile app")
    told = await api.update(cancellation_details={"feedback_option": option["id"]})
    assert told["cancellation_details"]["feedback_option"] == option["id"]
    refused = await api.refusal(
        "post", "/v1/subscriptions/sub_1", cancellation_details={"feedback_option": "fbo_9"}
    )
    assert error_of(refused)["code"] == "resource_missing"


# --- payments that fail by themselves ----------------------------------------------------------------


async def test_a_renewal_that_is_not_paid_is_tried_again_and_ends_the_subscription(
    api: Stripe,
) -> None:
    api.simulator.payments_fail.add("cus_1")
    api.clock.advance(days=31)
    assert (await api.read())["status"] == "past_due"

    api.clock.advance(days=15)

    ended = await api.read()
    assert (ended["status"], ended["cancellation_details"]["reason"]) == (
        "canceled",
        "payment_failed",
    )


async def test_a_renewal_that_is_paid_later_makes_it_active_again(api: Stripe) -> None:
    api.simulator.payments_fail.add("cus_1")
    api.clock.advance(days=31)
    await api.read()
    api.simulator.payments_fail.clear()
    api.clock.advance(days=3)
    assert (await api.read())["status"] == "active"


# --- previews -------------------------------------------------------------------------------------------


async def test_a_preview_shows_the_next_invoice_with_its_discounts_and_keeps_nothing(
    api: Stripe,
) -> None:
    api.simulator.add_coupon("SAVE25", percent_off=25, duration="once")
    before = dict(api.simulator.subscriptions["sub_1"])

    plain = await preview(api)
    cheaper = await preview(api, discounts=[{"coupon": "SAVE25"}])

    assert (plain["total"], plain["created"]) == (2900, period_end(before))
    assert (cheaper["subtotal"], cheaper["total"]) == (2900, 2175)
    assert cheaper["total_discount_amounts"][0]["amount"] == 725
    assert api.simulator.subscriptions["sub_1"] == before
    assert api.simulator.coupons["SAVE25"]["times_redeemed"] == 0
    assert api.kinds == []


async def test_a_preview_of_another_plan_prorates_by_the_second(api: Stripe) -> None:
    api.simulator.add_price("price_basic", unit_amount=900)
    item = (await api.read())["items"]["data"][0]["id"]
    api.clock.advance(days=10, seconds=1)
    wanted = {
        "items": [{"id": item, "price": "price_basic"}],
        "proration_behavior": "always_invoice",
    }

    now = await preview(api, subscription_details=wanted)
    later = await preview(
        api, subscription_details=wanted | {"proration_behavior": "create_prorations"}
    )
    none = await preview(api, subscription_details=wanted | {"proration_behavior": "none"})

    left = (20 * DAY - 1) / (30 * DAY)
    amounts = [line["amount"] for line in now["lines"]["data"]]
    assert amounts == [-round(2900 * left), round(900 * left)]
    assert (now["amount_due"], now["ending_balance"]) == (0, sum(amounts))
    assert later["total"] == sum(amounts) + 900
    assert none["total"] == 900


async def test_a_preview_comes_to_what_is_charged(api: Stripe) -> None:
    item = (await api.read())["items"]["data"][0]["id"]
    api.clock.advance(days=12)
    change: dict[str, Any] = {"items": [{"id": item, "price": "price_year"}]}

    shown = await preview(api, subscription_details=change)
    await api.update(**change)

    assert await total(api) == shown["total"] == 29000 - round(2900 * 18 / 30)


async def test_nothing_comes_after_an_end_and_a_preview_says_so(api: Stripe) -> None:
    refused = await api.refusal(
        "post",
        PREVIEW,
        subscription="sub_1",
        subscription_details={"cancel_at_period_end": True},
    )
    assert (refused.http_status, refused.code) == (404, "invoice_upcoming_none")
    credit = await preview(
        api, subscription_details={"cancel_now": True, "proration_behavior": "create_prorations"}
    )
    assert credit["total"] == -2900
