"""The simulated Stripe keeps Stripe's rules, seen through the real SDK over real sockets."""

from __future__ import annotations

import asyncio
import base64
import json
import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import aiohttp
import pytest
import pytest_asyncio
import stripe

from aiocancel.errors import SimulatorRefusedError
from aiocancel.testing.stripe.simulator import Fault, FaultKind, StripeSimulator
from tests.support.simulator_requests import DAY, NOON, Clock, Stripe, error_of, period_end
from tests.support.stripe_params import Kind, check_params


@pytest_asyncio.fixture(loop_scope="session")
async def api(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stripe]:
    # Telemetry would write a file into the home directory.
    monkeypatch.setattr(stripe, "enable_telemetry", False)
    clock = Clock()
    simulator = StripeSimulator(clock=clock)
    simulator.add_subscription("sub_1", customer="cus_1", price="price_pro", unit_amount=2900)
    async with (
        simulator.serve() as base_url,
        aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session,
    ):
        yield Stripe(simulator, clock, base_url, session)


# --- the server ---------------------------------------------------------------------------------------


async def test_the_typed_sdk_reads_a_whole_subscription(api: Stripe) -> None:
    subscription = await api.client().v1.subscriptions.retrieve_async("sub_1")
    assert subscription.status == "active"
    assert subscription.billing_mode.type == "flexible"
    assert subscription["items"].data[0].current_period_end == int(
        datetime(2026, 12, 2, 12, tzinfo=UTC).timestamp()
    )
    assert subscription["items"].data[0].price.unit_amount == 2900
    known = {name for name in stripe.Subscription.__annotations__ if not name.startswith("_")}

    # Only a field of invoices in another currency is left out.
    assert known - set(api.simulator.subscriptions["sub_1"]) <= {
        "presentment_details",
        "OBJECT_NAME",
    }


async def test_it_listens_on_loopback_only_and_every_app_shares_the_state(api: Stripe) -> None:
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+", api.base_url)
    assert api.simulator.app is not api.simulator.app


def test_a_live_key_is_refused_before_anything_runs() -> None:
    with pytest.raises(SimulatorRefusedError):
        StripeSimulator(api_key="sk_live_something")


async def test_every_answer_has_its_own_request_id_and_the_version_asked_for(api: Stripe) -> None:
    client = api.client()
    first = await client.raw_request_async("get", "/v1/subscriptions/sub_1")
    second = await client.raw_request_async(
        "get", "/v1/subscriptions/sub_1", stripe_version="2025-09-30.clover"
    )
    assert first.request_id != second.request_id
    assert [first.request_id, second.request_id] == [
        record.request_id for record in api.simulator.requests
    ]
    assert first.headers["Stripe-Version"] == "2026-10-28.endive"
    assert second.headers["Stripe-Version"] == "2025-09-30.clover"
    assert api.simulator.requests[1].stripe_version == "2025-09-30.clover"
    refused = await api.refusal("get", "/v1/subscriptions/sub_none")

    assert refused.request_id == api.simulator.requests[2].request_id


async def test_a_wrong_key_is_masked_and_recorded_nowhere(api: Stripe) -> None:
    secret = "sk_test_veryverysecretindeed1234"
    with pytest.raises(stripe.AuthenticationError) as caught:
        await api.client(api_key=secret).v1.subscriptions.retrieve_async("sub_1")
    assert error_of(caught.value)["message"] == f"Invalid API Key provided: sk_test_{'*' * 20}1234"
    assert "verysecret" not in repr(api.simulator.requests)
    assert api.simulator.requests[-1].status == 401


async def test_a_missing_key_is_401_and_basic_authentication_works(api: Stripe) -> None:
    url = f"{api.base_url}/v1/account"
    async with api.session.get(url) as response:
        assert response.status == 401
        assert "You did not provide an API key" in (await response.json())["error"]["message"]
    headers = {"Authorization": "Basic " + base64.b64encode(b"sk_test_simulator:").decode()}
    async with api.session.get(url, headers=headers) as response:
        assert response.status == 200
        assert (await response.json())["object"] == "account"
    async with api.session.get(url, headers={"Authorization": "Basic !"}) as response:
        assert response.status == 401


async def test_an_unknown_path_is_stripes_404(api: Stripe) -> None:
    unknown = await api.refusal("post", "/v1/invoices/upcoming")
    assert unknown.http_status == 404
    assert error_of(unknown)["message"].startswith(
        "Unrecognized request URL (POST: /v1/invoices/upcoming). Pl"
    )
    trailing = await api.refusal("get", "/v1/subscriptions/")
    assert "remove the trailing slash" in error_of(trailing)["message"]
    assert (await api.refusal("delete", "/v1/prices/price_pro")).http_status == 404


async def test_a_json_body_is_refused_as_on_v1(api: Stripe) -> None:
    headers = {"Authorization": "Bearer sk_test_simulator"}
    url = f"{api.base_url}/v1/subscriptions/sub_1"
    async with api.session.post(
        url, json={"cancel_at_period_end": True}, headers=headers
    ) as response:
        assert response.status == 400
    assert api.simulator.effects == []


async def test_people_see_the_state_as_json_or_as_a_table(api: Stripe) -> None:
    api.simulator.add_subscription("sub_<b>")
    async with api.session.get(f"{api.base_url}/_simulator/subscriptions") as response:
        assert [entry["id"] for entry in await response.json()] == ["sub_1", "sub_<b>"]
    headers = {"Accept": "text/html"}
    async with api.session.get(
        f"{api.base_url}/_simulator/subscriptions", headers=headers
    ) as response:
        page = await response.text()
    assert "<td>sub_1</td>" in page
    assert "sub_<b>" not in page
    assert api.simulator.requests == []


async def test_latency_slows_every_answer(api: Stripe) -> None:
    api.simulator.latency_s = 0.03
    started = asyncio.get_running_loop().time()
    await api.read()
    assert asyncio.get_running_loop().time() - started >= 0.03


# --- parameters ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("params", "code", "param", "message"),
    [
        ({"nonsense": 1}, "parameter_unknown", "nonsense", "Received unknown parameter: nonsense"),
        ({"a": 1, "b": 2}, "parameter_unknown", "a", "Received unknown parameters: a, b"),
        ({"coupon": "SAVE"}, "parameter_unknown", "coupon", "Received unknown parameter: coupon"),
        (
            {"items": [{"qty": 1}]},
            "parameter_unknown",
            "items[0][qty]",
            "Received unknown parameter: items[0][qty]",
        ),
        ({"cancel_at_period_end": "True"}, None, "cancel_at_period_end", "Invalid boolean: True"),
        (
            {"days_until_due": "x"},
            "parameter_invalid_integer",
            "days_until_due",
            "Invalid integer: x",
        ),
        (
            {"days_until_due": -1},
            "parameter_invalid_integer",
            "days_until_due",
            "This value must be greater than",
        ),
        (
            {"trial_end": "later"},
            "parameter_invalid_integer",
            "trial_end",
            "Invalid integer: later",
        ),
        (
            {"collection_method": ""},
            "parameter_invalid_empty",
            "collection_method",
            "You passed an empty string for",
        ),
        ({"items": "si_1"}, None, "items", "Invalid array"),
        ({"cancellation_details": "x"}, None, "cancellation_details", "Invalid object"),
        ({"description": {"a": 1}}, None, "description", "Invalid string"),
        ({"metadata": {"a": {"b": 1}}}, None, "metadata[a]", "Metadata values must be strings"),
        (
            {"cancellation_details": {"feedback": "bored"}},
            None,
            "cancellation_details[feedback]",
            "Invalid cancellation_details[feedback]: must be one of customer_service, low_quality,",
        ),
        (
            {"pause_collection": {"resumes_at": 1893456000}},
            "parameter_missing",
            "pause_collection[behavior]",
            "Missing required param: pause_collection[behavior].",
        ),
        (
            {"payment_settings": {"x": 1}},
            "simulator_unsupported",
            "payment_settings",
            "The Stripe simulator does not",
        ),
    ],
)
async def test_a_bad_parameter_is_named_and_changes_and_stores_nothing(
    api: Stripe, params: dict[str, Any], code: str | None, param: str, message: str
) -> None:
    before = await api.read()
    refused = await api.refusal("post", "/v1/subscriptions/sub_1", key="k", **params)
    assert isinstance(refused, stripe.InvalidRequestError)
    assert refused.http_status == 400
    assert (refused.code, refused.param) == (code, param)
    assert error_of(refused)["message"].startswith(message)
    assert await api.read() == before
    # The key is still free, even for other parameters.
    assert (await api.update(key="k", description="fine"))["description"] == "fine"


async def test_forms_may_nest_in_any_of_stripes_spellings(api: Stripe) -> None:
    body = "items[][id]=si_x&expand[0]=customer&metadata[7]=seven&metadata[a+b]=%C3%A9&description=a%26b"
    headers = {
        "Authorization": "Bearer sk_test_simulator",
        "Content-Type": "application/x-www-form-urlencoded",
    }
    item = api.simulator.subscriptions["sub_1"]["items"]["data"][0]["id"]
    url = f"{api.base_url}/v1/subscriptions/sub_1"
    async with api.session.post(url, data=body.replace("si_x", item), headers=headers) as response:
        answer = await response.json()

    assert response.status == 200, answer
    assert answer["metadata"] == {"7": "seven", "a b": "é"}
    assert answer["description"] == "a&b"
    assert answer["customer"]["id"] == "cus_1"

    for malformed in ("a[b=1", "metadata=x&metadata[a]=1"):
        async with api.session.post(url, data=malformed, headers=headers) as response:
            assert response.status == 400


# --- cancel, cancel now, resume -----------------------------------------------------------------------


async def test_cancel_at_period_end_schedules_the_end_and_leaves_the_status(api: Stripe) -> None:
    api.clock.advance(hours=1)
    subscription = await api.client().v1.subscriptions.update_async(
        "sub_1",
        {
            "cancel_at_period_end": True,
            "cancellation_details": {"comment": "moved away", "feedback": "too_expensive"},
            "metadata": {"flow_session": "fs_1"},
        },
    )
    assert subscription.status == "active"
    assert subscription.cancel_at_period_end is True
    assert subscription.cancel_at == subscription["items"].data[0].current_period_end
    assert subscription.canceled_at == api.clock.seconds
    assert subscription.ended_at is None
    details = subscription.cancellation_details
    assert details is not None
    assert (details.comment, details.feedback, details.reason) == (
        "moved away",
        "too_expensive",
        "cancellation_requested",
    )
    [effect] = api.simulator.effects

    assert effect.object_id == "sub_1"
    assert effect.kind == "cancel_at_period_end"
    assert set(effect.changed) == {"cancel_at_period_end", "cancellation_details", "metadata"}
    assert effect.request_id == api.simulator.requests[0].request_id
    assert effect.idempotency_key == api.simulator.requests[0].idempotency_key


async def test_cancelling_again_changes_nothing_and_is_no_effect(api: Stripe) -> None:
    first = await api.update(cancel_at_period_end=True)
    api.clock.advance(minutes=5)
    assert await api.update(cancel_at_period_end=True) == first
    assert api.kinds == ["cancel_at_period_end"]
    assert [record.effect_applied for record in api.simulator.requests] == [True, False]


async def test_resume_takes_a_scheduled_cancellation_back(api: Stripe) -> None:
    before = await api.read()
    await api.update(cancel_at_period_end=True, cancellation_details={"feedback": "unused"})
    assert await api.update(cancel_at_period_end=False) == before
    assert await api.update(cancel_at_period_end=False) == before
    assert api.kinds == ["cancel_at_period_end", "resume"]


async def test_the_earliest_item_ends_the_subscription_on_mixed_intervals(api: Stripe) -> None:
    items = [
        {"price": "price_year", "interval": "year", "unit_amount": 20000},
        {"price": "price_seat", "interval": "month", "quantity": 3},
    ]
    api.simulator.add_subscription("sub_2", items=items)
    answer = await api.update("sub_2", cancel_at_period_end=True)
    assert answer["cancel_at"] == period_end(answer, 1) < period_end(answer, 0)
    latest = await api.update("sub_2", cancel_at="max_period_end")
    assert latest["cancel_at"] == period_end(latest, 0)
    assert latest["cancel_at_period_end"] is False
    earliest = await api.update("sub_2", cancel_at="min_period_end")

    assert earliest["cancel_at"] == period_end(earliest, 1)


async def test_a_cancellation_by_date_is_taken_back_by_date(api: Stripe) -> None:
    at = api.clock.seconds + 5 * DAY
    answer = await api.update(cancel_at=at)
    assert (answer["cancel_at"], answer["cancel_at_period_end"]) == (at, False)
    assert answer["cancellation_details"]["reason"] == "cancellation_requested"
    assert (await api.update(cancel_at_period_end=False))["cancel_at"] == at
    cleared = await api.update(cancel_at="")
    assert (cleared["cancel_at"], cleared["canceled_at"]) == (None, None)
    assert api.kinds == ["cancel_at", "resume"]
    past = await api.refusal("post", "/v1/subscriptions/sub_1", cancel_at=api.clock.seconds)
    assert (past.http_status, error_of(past)["param"]) == (400, "cancel_at")


async def test_both_ways_of_scheduling_at_once_are_refused(api: Stripe) -> None:
    both = await api.refusal(
        "post", "/v1/subscriptions/sub_1", cancel_at_period_end=True, cancel_at="min_period_end"
    )
    assert both.code == "parameters_exclusive"


async def test_cancel_now_ends_it_and_a_second_time_it_is_not_there(api: Stripe) -> None:
    client = api.client()
    subscription = await client.v1.subscriptions.cancel_async(
        "sub_1", {"invoice_now": True, "prorate": False, "cancellation_details": {"comment": "bye"}}
    )
    assert subscription.status == "canceled"
    assert subscription.ended_at == subscription.canceled_at == api.clock.seconds
    details = subscription.cancellation_details
    assert details is not None
    assert (details.comment, details.reason) == ("bye", "cancellation_requested")
    assert subscription.latest_invoice == "in_sim00000002"
    for path in ("/v1/subscriptions/sub_1", "/v1/subscriptions/sub_none"):
        again = await api.refusal("delete", path)
        assert (again.http_status, again.code) == (404, "resource_missing")
        assert error_of(again)["message"] == f"No such subscription: '{path.rpartition('/')[2]}'"

    assert api.kinds == ["cancel_now"]
    assert api.simulator.requests[0].params == {
        "invoice_now": "true",
        "prorate": "false",
        "cancellation_details": {"comment": "bye"},
    }


async def test_an_ended_subscription_can_be_read_unless_told_otherwise(api: Stripe) -> None:
    await api.call("delete", "/v1/subscriptions/sub_1")
    assert (await api.read())["status"] == "canceled"
    api.simulator.retrieve_canceled = False
    assert (await api.refusal("get", "/v1/subscriptions/sub_1")).code == "resource_missing"


@pytest.mark.parametrize("status", ["canceled", "incomplete_expired"])
async def test_an_ended_subscription_takes_only_metadata_and_details(
    api: Stripe, status: str
) -> None:
    added = api.simulator.add_subscription("sub_2", status=status)
    assert added["ended_at"] == api.clock.seconds
    for params in (
        {"cancel_at_period_end": True},
        {"cancel_at_period_end": False},
        {"metadata": {}, "trial_end": "now"},
    ):
        refused = await api.refusal("post", "/v1/subscriptions/sub_2", **params)
        assert (refused.http_status, refused.code) == (400, "invalid_canceled_subscription_fields")
    answer = await api.update(
        "sub_2", metadata={"a": "1"}, cancellation_details={"feedback": "other"}
    )

    assert answer["metadata"] == {"a": "1"}
    assert answer["cancellation_details"]["feedback"] == "other"
    assert (await api.refusal("delete", "/v1/subscriptions/sub_2")).http_status == 404


@pytest.mark.parametrize(
    "params", [{"cancel_at_period_end": True}, {"cancel_at": "min_period_end"}, {"cancel_at": ""}]
)
async def test_a_schedule_forbids_scheduling_an_end_but_not_cancelling_now(
    api: Stripe, params: dict[str, Any]
) -> None:
    api.simulator.add_subscription("sub_2", schedule="sub_sched_7")
    refused = await api.refusal("post", "/v1/subscriptions/sub_2", **params)
    assert refused.http_status == 400
    assert "managed by the subscription schedule `sub_sched_7`" in error_of(refused)["message"]
    assert (await api.update("sub_2", description="ok"))["description"] == "ok"
    assert (await api.call("delete", "/v1/subscriptions/sub_2"))["status"] == "canceled"


async def test_the_clock_carries_out_a_scheduled_cancellation(api: Stripe) -> None:
    scheduled = await api.update(cancel_at_period_end=True)
    api.clock.advance(days=29)
    assert (await api.read())["status"] == "active"
    api.clock.advance(days=2)
    ended = await api.read()

    assert ended["status"] == "canceled"
    assert ended["ended_at"] == scheduled["cancel_at"]
    assert ended["canceled_at"] == scheduled["canceled_at"]
    assert ended["cancel_at_period_end"] is True
    assert (
        await api.refusal("post", "/v1/subscriptions/sub_1", cancel_at_period_end=False)
    ).http_status == 400


async def test_the_clock_renews_periods_and_keeps_the_day_of_the_month(api: Stripe) -> None:
    api.clock.now = datetime(2027, 1, 31, tzinfo=UTC)
    api.simulator.add_subscription("sub_2")
    ends = []
    for days in (1, 28, 31):
        api.clock.advance(days=days)
        ends.append(
            datetime.fromtimestamp(period_end(await api.read("sub_2")), UTC).date().isoformat()
        )
    assert ends == ["2027-02-28", "2027-03-31", "2027-04-30"]
    assert (await api.read("sub_2"))["latest_invoice"] != "in_sim00000002"
    assert api.simulator.effects == []


async def test_an_unpaid_first_invoice_expires_after_23_hours(api: Stripe) -> None:
    api.simulator.add_subscription("sub_2", status="incomplete")
    api.clock.advance(hours=22, minutes=59)
    assert (await api.read("sub_2"))["status"] == "incomplete"
    api.clock.advance(minutes=1)
    assert (await api.read("sub_2"))["status"] == "incomplete_expired"


async def test_subscriptions_can_be_added_in_the_state_that_a_test_needs(api: Stripe) -> None:
    add = api.simulator.add_subscription
    ending = add("sub_a", cancel_at_period_end=True)
    assert ending["cancel_at"] == period_end(ending)
    assert ending["cancellation_details"]["reason"] == "cancellation_requested"
    portal = add("sub_b", cancel_at=NOON + timedelta(days=3))
    assert (portal["cancel_at"], portal["cancel_at_period_end"]) == (
        api.clock.seconds + 3 * DAY,
        False,
    )
    half_over = add("sub_c", current_period_end=NOON + timedelta(days=10), metadata={"plan": "pro"})
    assert half_over["items"]["data"][0]["current_period_start"] < api.clock.seconds
    assert half_over["metadata"] == {"plan": "pro"}
    trial = add("sub_d", trial_end=NOON + timedelta(days=7))
    assert (trial["status"], period_end(trial)) == ("trialing", api.clock.seconds + 7 * DAY)
    assert add(status="trialing")["trial_end"] == api.clock.seconds + 14 * DAY
    api.simulator.add_price("price_eur", currency="eur", unit_amount=100)
    assert add(price="price_eur")["currency"] == "eur"
    mistakes: list[Callable[[], object]] = [
        lambda: add(price="price_pro", unit_amount=1),
        lambda: add(nonsense=1),
        lambda: add(current_period_end=datetime(2026, 12, 1)),
        lambda: api.simulator.add_price(interval="fortnight"),
    ]

    for wrong in mistakes:
        with pytest.raises(ValueError, match=r"costs|no field|naive|recurs"):
            wrong()


# --- the other changes --------------------------------------------------------------------------------


async def test_metadata_is_merged_and_unset_by_empty_values(api: Stripe) -> None:
    await api.update(metadata={"a": "1", "b": "2"})
    assert (await api.update(metadata={"a": "", "c": "3"}))["metadata"] == {"b": "2", "c": "3"}
    assert (await api.update(metadata=""))["metadata"] == {}
    assert api.kinds == ["metadata"] * 3


async def test_pause_collection_leaves_the_status_and_is_cleared_by_an_empty_string(
    api: Stripe,
) -> None:
    at = api.clock.seconds + 40 * DAY
    paused = await api.update(pause_collection={"behavior": "void", "resumes_at": at})
    assert paused["status"] == "active"
    assert paused["pause_collection"] == {"behavior": "void", "resumes_at": at}
    assert (await api.update(pause_collection=""))["pause_collection"] is None
    await api.update(pause_collection={"behavior": "keep_as_draft", "resumes_at": at})
    api.clock.advance(days=40)
    assert (await api.read())["pause_collection"] is None
    assert api.kinds == ["pause_collection", "unpause_collection", "pause_collection"]
    past = await api.refusal(
        "post", "/v1/subscriptions/sub_1", pause_collection={"behavior": "void", "resumes_at": 1}
    )

    assert error_of(past)["param"] == "pause_collection[resumes_at]"


async def test_a_trial_extension_moves_the_anchor_and_the_period(api: Stripe) -> None:
    end = api.clock.seconds + 14 * DAY
    answer = await api.update(trial_end=end, proration_behavior="none")
    assert answer["status"] == "trialing"
    assert (answer["trial_start"], answer["trial_end"]) == (api.clock.seconds, end)
    assert answer["billing_cycle_anchor"] == period_end(answer) == end
    assert await api.update(trial_end=end) == answer
    await api.update(cancel_at_period_end=True)
    assert (await api.update(trial_end=end + DAY))["cancel_at"] == end + DAY
    await api.update(cancel_at_period_end=False)
    over = await api.update(trial_end="now")

    assert (over["status"], over["trial_end"]) == ("active", api.clock.seconds)
    assert period_end(over) == int(datetime(2026, 12, 2, 12, tzinfo=UTC).timestamp())
    assert api.kinds == ["trial_end", "cancel_at_period_end", "trial_end", "resume", "trial_end"]


async def test_a_trial_ends_by_the_clock(api: Stripe) -> None:
    api.simulator.add_subscription("sub_2", trial_end=NOON + timedelta(days=7))
    api.clock.advance(days=8)
    answer = await api.read("sub_2")
    assert answer["status"] == "active"
    assert datetime.fromtimestamp(period_end(answer), UTC) == datetime(2026, 12, 9, 12, tzinfo=UTC)


@pytest.mark.parametrize("days", [0, -1, 3 * 365])
async def test_a_trial_end_in_the_past_or_too_far_is_refused(api: Stripe, days: int) -> None:
    refused = await api.refusal(
        "post", "/v1/subscriptions/sub_1", trial_end=api.clock.seconds + days * DAY
    )
    assert (refused.http_status, error_of(refused)["param"]) == (400, "trial_end")
    assert error_of(refused)["message"].startswith("Invalid timestamp: ")


async def test_discounts_overwrite_and_existing_ones_are_kept_by_their_id(api: Stripe) -> None:
    for coupon in ("LOYAL", "SAVE20", "OTHER"):
        api.simulator.add_coupon(coupon, percent_off=20.0, duration="forever")
    [loyal] = (await api.update(discounts=[{"coupon": "LOYAL"}]))["discounts"]
    added = await api.update(
        discounts=[{"discount": loyal}, {"coupon": "SAVE20"}], expand=["discounts.source.coupon"]
    )
    assert [entry["source"]["coupon"]["id"] for entry in added["discounts"]] == ["LOYAL", "SAVE20"]
    assert added["discounts"][0]["id"] == loyal
    lost = await api.update(discounts=[{"coupon": "OTHER"}], expand=["discounts"])

    assert [entry["source"]["coupon"] for entry in lost["discounts"]] == ["OTHER"]
    assert (await api.update(discounts=""))["discounts"] == []
    assert [
        api.simulator.coupons[name]["times_redeemed"] for name in ("LOYAL", "SAVE20", "OTHER")
    ] == [1, 1, 1]
    assert api.kinds == ["discounts"] * 4


async def test_a_refused_discount_redeems_nothing(api: Stripe) -> None:
    api.simulator.add_coupon("ONCE", percent_off=50.0, max_redemptions=1)
    api.simulator.add_coupon("OLD", percent_off=50.0, redeem_by=api.clock.seconds)
    path = "/v1/subscriptions/sub_1"
    missing = await api.refusal("post", path, discounts=[{"coupon": "ONCE"}, {"coupon": "NONE"}])
    assert (missing.http_status, missing.code) == (400, "resource_missing")
    assert error_of(missing)["param"] == "discounts[1][coupon]"
    assert api.simulator.coupons["ONCE"]["times_redeemed"] == 0
    assert (
        await api.refusal("post", path, discounts=[{"discount": "di_none"}])
    ).code == "resource_missing"
    assert (await api.refusal("post", path, discounts=[{"coupon": "OLD"}])).code == "coupon_expired"
    assert (
        await api.refusal("post", path, discounts=[{"coupon": "ONCE", "discount": "d"}])
    ).http_status == 400
    await api.update(discounts=[{"coupon": "ONCE"}])

    assert (
        await api.refusal("post", path, discounts=[{"coupon": "ONCE"}])
    ).code == "coupon_expired"


async def test_discounts_end_with_their_time(api: Stripe) -> None:
    api.simulator.add_coupon("ONCE", percent_off=50.0)
    api.simulator.add_coupon("THREE", percent_off=50.0, duration="repeating", duration_in_months=3)
    added = api.simulator.add_subscription("sub_2", discounts=["ONCE", "THREE"])
    once, three = added["discounts"]
    api.clock.advance(days=31)
    assert (await api.read("sub_2"))["discounts"] == [three]
    api.clock.advance(days=62)
    assert (await api.read("sub_2"))["discounts"] == []
    assert api.simulator.discounts[once]["end"] is None


async def test_a_plan_change_keeps_the_item_when_its_id_is_given(api: Stripe) -> None:
    api.simulator.add_price("price_basic", unit_amount=900)
    before = await api.read()
    item = before["items"]["data"][0]["id"]
    answer = await api.update(
        items=[{"id": item, "price": "price_basic"}], proration_behavior="none"
    )
    [changed] = answer["items"]["data"]
    assert (changed["id"], changed["price"]["id"], changed["plan"]["amount"]) == (
        item,
        "price_basic",
        900,
    )
    assert period_end(answer) == period_end(before)
    assert answer["latest_invoice"] == before["latest_invoice"]
    billed = await api.update(
        items=[{"id": item, "quantity": 2}], proration_behavior="always_invoice"
    )

    assert billed["latest_invoice"] != before["latest_invoice"]
    assert billed["items"]["data"][0]["quantity"] == 2
    assert api.kinds == ["items", "items"]


async def test_a_plan_change_without_the_item_id_adds_a_second_item(api: Stripe) -> None:
    api.simulator.add_price("price_extra", unit_amount=500)
    api.simulator.add_price("price_year", unit_amount=500, interval="year")
    answer = await api.update(
        items=[{"price": "price_extra", "metadata": {"a": "1"}}, {"price": "price_year"}]
    )
    assert [item["price"]["id"] for item in answer["items"]["data"]] == [
        "price_pro",
        "price_extra",
        "price_year",
    ]
    assert period_end(answer, 0) == period_end(answer, 1) < period_end(answer, 2)
    assert answer["items"]["total_count"] == 3
    first = answer["items"]["data"][0]["id"]

    assert len((await api.update(items=[{"id": first, "deleted": True}]))["items"]["data"]) == 2


async def test_another_interval_starts_a_new_period_now(api: Stripe) -> None:
    api.simulator.add_price("price_year", unit_amount=29000, interval="year")
    api.clock.advance(days=10)
    before = await api.read()
    item = before["items"]["data"][0]["id"]
    answer = await api.update(items=[{"id": item, "price": "price_year"}])
    assert answer["billing_cycle_anchor"] == api.clock.seconds
    assert datetime.fromtimestamp(period_end(answer), UTC) == datetime(2027, 11, 12, 12, tzinfo=UTC)
    assert answer["latest_invoice"] != before["latest_invoice"]


async def test_impossible_items_are_refused_and_change_nothing(api: Stripe) -> None:
    before = await api.read()
    item = before["items"]["data"][0]["id"]
    api.simulator.add_price("price_eur", currency="eur")
    api.simulator.add_price("price_old", active=False)
    api.simulator.add_price("price_other")
    for items, message in (
        ([{"id": item, "price": "price_none"}], "No such price: 'price_none'"),
        ([{"id": "si_none", "quantity": 2}], "No such subscription item: 'si_none'"),
        ([{"id": item, "price": "price_eur"}], "supports currencies of `eur`"),
        ([{"id": item, "price": "price_old"}], "The price specified is inactive"),
        ([{"price": "price_pro"}], "Cannot add multiple subscription items with the same plan"),
        ([{"quantity": 2}], "You must pass one of plan, price, or price_data"),
        (
            [{"price": "price_other"}, {"id": item, "deleted": True}, {"id": item, "quantity": 1}],
            "No such subscr",
        ),
        ([{"id": item, "deleted": True}], "must have at least one active plan"),
    ):
        refused = await api.refusal("post", "/v1/subscriptions/sub_1", items=items)
        assert refused.http_status == 400
        assert message in error_of(refused)["message"]
    for number in range(20):
        api.simulator.add_price(f"price_{number}")
    many = [{"price": f"price_{number}"} for number in range(20)]

    assert (
        "at most 20"
        in error_of(await api.refusal("post", "/v1/subscriptions/sub_1", items=many))["message"]
    )
    assert await api.read() == before


# --- lists, expansion, the other objects --------------------------------------------------------------


async def test_lists_are_filtered_newest_first_and_paged(api: Stripe) -> None:
    for number in range(2, 6):
        api.clock.advance(minutes=1)
        api.simulator.add_subscription(
            f"sub_{number}", customer="cus_1", price=f"price_{number % 2}"
        )
    api.simulator.add_subscription("sub_x", customer="cus_2")
    await api.call("delete", "/v1/subscriptions/sub_3")
    api.simulator.add_subscription("sub_y", customer="cus_2", status="incomplete_expired")

    async def ids(**params: Any) -> list[str]:
        return [
            entry["id"] for entry in (await api.call("get", "/v1/subscriptions", **params))["data"]
        ]

    assert await ids(customer="cus_1") == ["sub_5", "sub_4", "sub_2", "sub_1"]
    assert await ids(customer="cus_1", status="all") == [
        "sub_5",
        "sub_4",
        "sub_3",
        "sub_2",
        "sub_1",
    ]
    assert await ids(status="ended") == ["sub_y", "sub_3"]
    assert await ids(status="canceled") == ["sub_3"]
    assert await ids(customer="cus_1", price="price_1") == ["sub_5"]
    assert await ids(collection_method="send_invoice") == []
    first = await api.call("get", "/v1/subscriptions", customer="cus_1", limit=2)
    assert ([entry["id"] for entry in first["data"]], first["has_more"]) == (
        ["sub_5", "sub_4"],
        True,
    )
    assert await ids(customer="cus_1", limit=2, starting_after="sub_4") == ["sub_2", "sub_1"]
    assert await ids(customer="cus_1", limit=1, ending_before="sub_2") == ["sub_4"]
    page = await api.client().v1.subscriptions.list_async({"customer": "cus_1", "limit": 1})
    assert [entry.id async for entry in page.auto_paging_iter()] == [
        "sub_5",
        "sub_4",
        "sub_2",
        "sub_1",
    ]
    for params, param in (
        ({"limit": 0}, "limit"),
        ({"limit": 101}, "limit"),
        ({"status": "gone"}, "status"),
        ({"customer": "cus_none"}, "customer"),
        ({"starting_after": "sub_none"}, "starting_after"),
    ):
        refused = await api.refusal("get", "/v1/subscriptions", **cast("dict[str, Any]", params))
        assert (refused.http_status, error_of(refused)["param"]) == (400, param)


async def test_expansion_replaces_ids_by_objects(api: Stripe) -> None:
    api.simulator.add_customer("cus_2", email="jo@example.com", name="Jo")
    api.simulator.add_subscription("sub_2", customer="cus_2", schedule="sub_sched_1")
    subscription = await api.client().v1.subscriptions.retrieve_async(
        "sub_2", {"expand": ["customer", "latest_invoice", "schedule", "items.data.price.product"]}
    )
    assert isinstance(subscription.customer, stripe.Customer)
    assert subscription.customer.email == "jo@example.com"
    assert isinstance(subscription.latest_invoice, stripe.Invoice)
    assert isinstance(subscription.schedule, stripe.SubscriptionSchedule)
    assert isinstance(subscription["items"].data[0].price.product, stripe.Product)
    listed = await api.call("get", "/v1/subscriptions", customer="cus_2", expand=["data.customer"])

    assert listed["data"][0]["customer"]["name"] == "Jo"
    assert (await api.read("sub_2"))["customer"] == "cus_2"


@pytest.mark.parametrize("path", ["nonsense", "status", "customer.email", "a.b.c.d.e"])
async def test_an_expansion_that_is_refused_is_refused_before_any_effect(
    api: Stripe, path: str
) -> None:
    refused = await api.refusal(
        "post", "/v1/subscriptions/sub_1", cancel_at_period_end=True, expand=[path]
    )
    assert refused.http_status == 400
    assert api.simulator.effects == []
    assert (await api.read())["cancel_at"] is None


async def test_customers_are_read_listed_and_updated(api: Stripe) -> None:
    api.simulator.add_customer("cus_2", email="jo@example.com")
    client = api.client()
    assert (await client.v1.customers.retrieve_async("cus_2")).email == "jo@example.com"
    found = await client.v1.customers.list_async({"email": "jo@example.com"})
    assert [customer.id for customer in found.data] == ["cus_2"]
    updated = await client.v1.customers.update_async(
        "cus_2", {"name": "Jo", "metadata": {"a": "1"}}
    )
    assert (updated.name, updated.discount) == ("Jo", None)
    assert api.simulator.effects_on("cus_2")[0].changed == ("metadata", "name")
    missing = await api.refusal("get", "/v1/customers/cus_none")

    assert (missing.http_status, error_of(missing)["message"]) == (
        404,
        "No such customer: 'cus_none'",
    )


async def test_coupons_are_created_read_listed_and_renamed(api: Stripe) -> None:
    client = api.client()
    created = await client.v1.coupons.create_async(
        {
            "id": "SAVE20",
            "percent_off": 20,
            "duration": "repeating",
            "duration_in_months": 3,
            "metadata": {"a": "1"},
        }
    )

    assert (created.percent_off, created.valid) == (20, True)
    assert (
        await client.v1.coupons.create_async({"amount_off": 500, "currency": "usd"})
    ).duration == "once"
    assert (await client.v1.coupons.update_async("SAVE20", {"name": "Stay"})).name == "Stay"
    assert (await client.v1.coupons.retrieve_async("SAVE20")).name == "Stay"
    assert len((await client.v1.coupons.list_async()).data) == 2
    assert api.kinds == ["coupon_created", "coupon_created", "name"]
    for params in (
        {"id": "SAVE20", "percent_off": 1},
        {"percent_off": 1, "amount_off": 1},
        {"amount_off": 1},
        {"percent_off": 101},
        {"percent_off": "much"},
        {"percent_off": 1, "duration": "repeating"},
    ):
        assert (
            await api.refusal("post", "/v1/coupons", **cast("dict[str, Any]", params))
        ).http_status == 400


async def test_prices_and_the_account_are_read(api: Stripe) -> None:
    price = await api.client().v1.prices.retrieve_async("price_pro")
    assert (price.unit_amount, price.currency) == (2900, "usd")
    assert (await api.refusal("get", "/v1/prices/price_none")).code == "resource_missing"
    assert (await api.client().v1.accounts.retrieve_current_async()).object == "account"


# --- idempotency keys ---------------------------------------------------------------------------------


async def test_the_same_key_and_body_give_the_stored_answer_and_one_effect(api: Stripe) -> None:
    client = api.client()
    path = "/v1/subscriptions/sub_1"
    first = await client.raw_request_async(
        "post", path, cancel_at_period_end=True, idempotency_key="k1"
    )
    await api.update(cancel_at_period_end=False)
    again = await client.raw_request_async(
        "post", path, cancel_at_period_end=True, idempotency_key="k1"
    )
    assert again.body == first.body
    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.headers["Original-Request"] == first.request_id != again.request_id
    assert again.headers["Idempotency-Key"] == "k1"
    # What a key constant per subscription does: the answer says cancelled, the subscription is not.
    assert (await api.read())["cancel_at_period_end"] is False
    assert api.kinds == ["cancel_at_period_end", "resume"]
    record = api.simulator.requests[2]

    assert (record.idempotency_key, record.status, record.replayed, record.effect_applied) == (
        "k1",
        200,
        True,
        False,
    )


async def test_the_same_key_for_something_else_is_an_idempotency_error(api: Stripe) -> None:
    api.simulator.add_subscription("sub_2")
    await api.update(key="k1", cancel_at_period_end=True)
    other = await api.refusal(
        "post", "/v1/subscriptions/sub_1", key="k1", cancel_at_period_end=False
    )
    assert isinstance(other, stripe.IdempotencyError)
    assert "the same parameters they were first used with" in error_of(other)["message"]
    elsewhere = await api.refusal(
        "post", "/v1/subscriptions/sub_2", key="k1", cancel_at_period_end=True
    )

    assert isinstance(elsewhere, stripe.IdempotencyError)
    assert (
        "'/v1/subscriptions/sub_2' vs '/v1/subscriptions/sub_1'" in error_of(elsewhere)["message"]
    )
    assert isinstance(
        await api.refusal("post", "/v1/coupons", key="k" * 256, percent_off=1),
        stripe.IdempotencyError,
    )
    assert api.kinds == ["cancel_at_period_end"]


async def test_a_refusal_by_the_endpoint_itself_is_stored(api: Stripe) -> None:
    path = "/v1/subscriptions/sub_2"
    assert (await api.refusal("post", path, key="k1", description="x")).http_status == 404
    api.simulator.add_subscription("sub_2")
    replayed = await api.refusal("post", path, key="k1", description="x")
    assert replayed.http_status == 404
    assert cast("dict[str, str]", replayed.headers)["Idempotent-Replayed"] == "true"


async def test_two_requests_with_one_key_at_once_conflict(api: Stripe) -> None:
    api.simulator.inject(Fault("delay", method="POST", seconds=0.05))
    answers = await asyncio.gather(
        api.update(key="k1", cancel_at_period_end=True),
        api.update(key="k1", cancel_at_period_end=True),
        return_exceptions=True,
    )
    [conflict] = [answer for answer in answers if isinstance(answer, stripe.StripeError)]
    assert (type(conflict), conflict.http_status, conflict.code) == (stripe.APIError, 409, None)
    assert error_of(conflict)["code"] == "idempotency_key_in_use"
    assert (await api.update(key="k1", cancel_at_period_end=True))["cancel_at_period_end"] is True
    assert api.kinds == ["cancel_at_period_end"]


async def test_a_key_is_forgotten_after_24_hours_and_the_change_runs_again(api: Stripe) -> None:
    for hours, kinds in ((0, 1), (23.9, 1), (0.1, 2)):
        api.clock.advance(hours=hours)
        await api.update(key="k1", cancel_at_period_end=True)
        if hours != 23.9:
            await api.update(cancel_at_period_end=False)
        assert api.kinds.count("cancel_at_period_end") == kinds


async def test_keys_can_be_pruned_early(api: Stripe) -> None:
    api.simulator.add_coupon("A", percent_off=1, duration="forever")
    await api.update(key="k1", discounts=[{"coupon": "A"}])
    api.clock.advance(hours=2)
    assert api.simulator.prune_keys(timedelta(hours=3)) == 0
    assert api.simulator.prune_keys(timedelta(hours=2)) == 1
    await api.update(key="k1", discounts=[{"coupon": "A"}])
    api.simulator.inject(Fault("key_pruned"))
    await api.update(key="k1", discounts=[{"coupon": "A"}])
    assert api.simulator.coupons["A"]["times_redeemed"] == 3


async def test_a_key_on_delete_has_no_effect(api: Stripe) -> None:
    path = "/v1/subscriptions/sub_1"
    assert (await api.call("delete", path, key="k1"))["status"] == "canceled"
    assert (await api.refusal("delete", path, key="k1")).code == "resource_missing"
    assert [record.replayed for record in api.simulator.requests] == [False, False]
    assert api.simulator.effects[0].idempotency_key is None


# --- faults -------------------------------------------------------------------------------------------

CANCEL: dict[str, Any] = {"cancel_at_period_end": True}


@dataclass(frozen=True)
class Expected:
    kind: FaultKind
    error: type[Exception]
    status: int | None
    effects: int
    replays: bool
    check: Callable[[Any], bool] = lambda _: True


def code_is(code: str) -> Callable[[Any], bool]:
    # The SDK drops the code of a 429, the body keeps it.
    return lambda error: bool(error.json_body["error"]["code"] == code)


@pytest.mark.parametrize(
    "expected",
    [
        Expected("rate_limit_429", stripe.RateLimitError, 429, 0, False, code_is("rate_limit")),
        Expected("lock_timeout_429", stripe.RateLimitError, 429, 0, False, code_is("lock_timeout")),
        Expected("conflict_409", stripe.APIError, 409, 0, False, code_is("idempotency_key_in_use")),
        Expected("error_500_before", stripe.APIError, 500, 0, False),
        Expected("error_500_before_stored", stripe.APIError, 500, 0, True),
        Expected("error_500_after", stripe.APIError, 500, 1, True),
        Expected("card_declined_402", stripe.CardError, 402, 0, True, code_is("card_declined")),
        Expected(
            "bad_gateway_502",
            stripe.APIError,
            502,
            0,
            False,
            lambda error: "502 Bad Gateway" in error.http_body,
        ),
        Expected("drop_before", stripe.APIConnectionError, None, 0, False),
        Expected("drop_after", stripe.APIConnectionError, None, 1, True),
        Expected("truncate_after", aiohttp.ClientPayloadError, 200, 1, True),
    ],
    ids=lambda expected: expected.kind,
)
async def test_a_fault_has_the_effect_it_says_and_its_key_behaves(
    api: Stripe, expected: Expected
) -> None:
    api.simulator.inject(Fault(expected.kind, method="POST", path_contains="/v1/subscriptions"))
    with pytest.raises(expected.error) as caught:
        await api.update(key="k1", **CANCEL)
    assert type(caught.value) is expected.error
    assert expected.check(caught.value)
    assert len(api.simulator.effects) == expected.effects
    record = api.simulator.requests[-1]
    assert (record.status, record.fault) == (expected.status, expected.kind)
    assert record.effect_applied is bool(expected.effects)
    assert api.simulator.faults == []
    # The same call once more: either the stored answer, or the change itself.
    stored_error = expected.replays and expected.status not in {None, 200}
    if stored_error:
        with pytest.raises(expected.error):
            await api.update(key="k1", **CANCEL)
    else:
        assert (await api.update(key="k1", **CANCEL))["cancel_at_period_end"] is True

    assert api.simulator.requests[-1].replayed is expected.replays
    assert len(api.simulator.effects) == (expected.effects if stored_error else 1)


async def test_the_429s_differ_in_the_headers_that_the_sdk_looks_at(api: Stripe) -> None:
    api.simulator.inject(Fault("rate_limit_429", reason="global-rate"), Fault("lock_timeout_429"))
    limited = cast("dict[str, str]", (await api.refusal("get", "/v1/account")).headers)
    locked = cast("dict[str, str]", (await api.refusal("get", "/v1/account")).headers)
    assert limited["Stripe-Rate-Limited-Reason"] == "global-rate"
    assert "Stripe-Should-Retry" not in limited
    assert locked["Stripe-Should-Retry"] == "true"
    assert "Stripe-Rate-Limited-Reason" not in locked


async def test_a_stored_500_tells_the_sdk_not_to_retry(api: Stripe) -> None:
    api.simulator.inject(Fault("error_500_after"))
    with pytest.raises(stripe.APIError):
        await api.client(retries=2).v1.subscriptions.update_async(
            "sub_1", {"cancel_at_period_end": True}
        )
    assert len(api.simulator.requests) == 1
    assert api.kinds == ["cancel_at_period_end"]


async def test_a_timeout_leaves_a_request_that_goes_on(api: Stripe) -> None:
    await api.read()
    api.simulator.inject(Fault("delay", seconds=0.09))
    with pytest.raises(stripe.APIConnectionError):
        await api.client(timeout=0.03).raw_request_async(
            "post", "/v1/subscriptions/sub_1", cancel_at_period_end=True, idempotency_key="k1"
        )
    assert api.simulator.effects == []
    busy = await api.refusal("post", "/v1/subscriptions/sub_1", key="k1", **CANCEL)
    assert busy.http_status == 409
    # The server waits in this same loop, so its timer, set earlier, is over before this one.
    await asyncio.sleep(0.09)

    assert api.kinds == ["cancel_at_period_end"]
    assert (await api.update(key="k1", **CANCEL))["cancel_at_period_end"] is True
    assert api.simulator.requests[-1].replayed is True


async def test_aiohttp_repeats_a_dropped_delete_and_sees_404_for_its_own_success(
    api: Stripe,
) -> None:
    await api.read()
    api.simulator.inject(Fault("drop_after", method="DELETE"))
    lost = await api.refusal("delete", "/v1/subscriptions/sub_1")
    assert (lost.http_status, lost.code) == (404, "resource_missing")
    assert api.kinds == ["cancel_now"]
    assert [record.status for record in api.simulator.requests if record.method == "DELETE"] == [
        None,
        404,
    ]
    assert (await api.read())["status"] == "canceled"


async def test_faults_choose_their_requests_and_wear_out(api: Stripe) -> None:
    api.simulator.inject(
        Fault(
            "error_500_before", method="POST", path_contains="/v1/subscriptions", times=2, skip=1
        ),
        Fault("delay", method="POST", seconds=0.001),
        Fault("drop_before", method="POST", path_contains="/v1/customers"),
    )
    await api.read()
    assert (await api.update(description="1"))["description"] == "1"
    for _ in range(2):
        assert (
            await api.refusal("post", "/v1/subscriptions/sub_1", description="2")
        ).http_status == 500
    assert (await api.update(description="3"))["description"] == "3"
    api.simulator.inject(Fault("delay", seconds=0.001))

    with pytest.raises(stripe.APIConnectionError):
        await api.call("post", "/v1/customers/cus_1", name="x")
    assert api.simulator.faults == []
    assert [effect.kind for effect in api.simulator.effects] == ["settings", "settings"]


async def test_a_reading_can_fail_like_a_writing(api: Stripe) -> None:
    api.simulator.inject(
        Fault("truncate_after", method="GET"), Fault("bad_gateway_502", method="GET")
    )
    with pytest.raises(aiohttp.ClientPayloadError):
        await api.read()
    with pytest.raises(stripe.APIError):
        await api.read()
    assert (await api.read())["id"] == "sub_1"


# --- what the SDK sends is what Stripe's types allow --------------------------------------------------


async def test_recorded_bodies_pass_the_sdks_own_types(api: Stripe) -> None:
    api.simulator.add_coupon("A", percent_off=1)
    api.simulator.add_price("price_b")
    item = (await api.read())["items"]["data"][0]["id"]
    await api.update(
        cancel_at_period_end=True,
        cancellation_details={"feedback": "unused"},
        discounts=[{"coupon": "A"}],
        items=[{"id": item, "price": "price_b", "quantity": 2}],
        pause_collection={"behavior": "void"},
        trial_end=api.clock.seconds + DAY,
        metadata={"a": "1"},
        expand=["customer"],
    )
    await api.update(pause_collection="", discounts="", cancel_at="")
    await api.call("get", "/v1/subscriptions", customer="cus_1", status="all", limit=3)
    await api.call("post", "/v1/coupons", percent_off=12.5, duration="forever")
    await api.call("delete", "/v1/subscriptions/sub_1", invoice_now=True, prorate=False)
    kinds: list[Kind] = [
        "subscription_update",
        "subscription_update",
        "subscription_list",
        "coupon_create",
        "subscription_cancel",
    ]

    for kind, record in zip(kinds, api.simulator.requests[1:], strict=True):
        assert check_params(kind, record.params) == [], record
        assert record.status == 200
    assert json.loads(json.dumps(api.simulator.requests[1].params))["items"] == [
        {"id": item, "price": "price_b", "quantity": "2"}
    ]
