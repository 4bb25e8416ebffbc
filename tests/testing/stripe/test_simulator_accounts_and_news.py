"""Restricted keys, connected accounts, test clocks, events and webhooks of the simulated Stripe."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, cast

import pytest
import pytest_asyncio
import stripe
from aiohttp import web

from aiocancel.errors import SimulatorRefusedError
from aiocancel.testing.stripe.events import signature
from tests.support.simulator_requests import DAY, NOON, Stripe, api, error_of, period_end

__all__ = ["api"]

KEY = "rk_test_0123456789abcdef"
SECRET = "whsec_simulated"
CLOCKS = "/v1/test_helpers/test_clocks"


async def call_as(
    api: Stripe, method: str, path: str, params: dict[str, Any], **options: Any
) -> dict[str, Any]:
    client = api.client(api_key=options.pop("api_key", "sk_test_simulator"))
    answer = await client.raw_request_async(method, path, **params, **options)
    return cast("dict[str, Any]", answer.data)


# --- restricted keys ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("granted", "method", "params", "missing"),
    [
        pytest.param([], "get", {}, "subscription_read", id="no permission at all"),
        pytest.param(
            ["subscription_read"],
            "post",
            {"cancel_at_period_end": True},
            "subscription_write",
            id="may read and wants to write",
        ),
        pytest.param(
            ["subscription_write"],
            "get",
            {"expand": ["discounts"]},
            "coupon_read",
            id="may not read what it expands",
        ),
        pytest.param(
            ["subscription_write", "coupon_read"],
            "get",
            {"expand": ["discounts", "latest_invoice"]},
            "invoice_read",
            id="one expansion of two",
        ),
        pytest.param(["subscription_write"], "get", {}, None, id="writing includes reading"),
        pytest.param(
            ["subscription_write", "coupon_read"],
            "post",
            {"cancel_at_period_end": True, "expand": ["discounts"]},
            None,
            id="all that a cancellation needs",
        ),
    ],
)
async def test_a_restricted_key_may_do_what_it_is_allowed_and_is_told_what_it_lacks(
    api: Stripe, granted: list[str], method: str, params: dict[str, Any], missing: str | None
) -> None:
    api.simulator.add_key(KEY, granted)
    path = "/v1/subscriptions/sub_1"
    if missing is None:
        assert (await call_as(api, method, path, params, api_key=KEY))["id"] == "sub_1"
        return

    with pytest.raises(stripe.PermissionError) as refused:
        await call_as(api, method, path, params, api_key=KEY)

    assert f"Having the 'rak_{missing}' permission" in error_of(refused.value)["message"]
    assert KEY not in error_of(refused.value)["message"]
    assert api.kinds == []


async def test_open_questions_about_permissions_can_be_answered_the_other_way(api: Stripe) -> None:
    api.simulator.add_key(KEY, ["subscription_read"])
    await call_as(api, "get", "/v1/account", {}, api_key=KEY)
    api.simulator.unverified.account_needs_permission = True
    api.simulator.unverified.expansion_needs_permission = False
    expanded = {"expand": ["discounts"]}
    await call_as(api, "get", "/v1/subscriptions/sub_1", expanded, api_key=KEY)
    with pytest.raises(stripe.PermissionError):
        await call_as(api, "get", "/v1/account", {}, api_key=KEY)
    with pytest.raises(SimulatorRefusedError):
        api.simulator.add_key("rk_live_1", [])


# --- connected accounts -------------------------------------------------------------------------------


@pytest.mark.parametrize("option", ["stripe_account", "stripe_context"])
async def test_a_connected_account_has_books_of_its_own(api: Stripe, option: str) -> None:
    books = api.simulator.add_connected_account("acct_7")
    books.add_subscription("sub_theirs", customer="cus_theirs")
    options = {option: "acct_7"}

    change = {"cancel_at_period_end": True}
    path = "/v1/subscriptions/sub_theirs"
    updated = await call_as(api, "post", path, change, idempotency_key="k", **options)

    assert updated["cancel_at_period_end"]
    assert [effect.kind for effect in books.effects] == ["cancel_at_period_end"]
    assert api.kinds == []
    assert (await call_as(api, "get", "/v1/account", {}, **options))["id"] == "acct_7"
    assert (await api.refusal("get", path)).http_status == 404
    # The same key on the platform is another key.
    await api.update(key="k", cancel_at_period_end=True)


async def test_an_account_that_is_not_connected_is_refused(api: Stripe) -> None:
    with pytest.raises(stripe.PermissionError) as refused:
        await call_as(api, "get", "/v1/account", {}, stripe_account="acct_9")
    assert error_of(refused.value)["code"] == "account_invalid"


# --- test clocks --------------------------------------------------------------------------------------


async def on_a_clock(api: Stripe) -> tuple[str, str]:
    start = api.clock.seconds - 400 * DAY
    clock = await api.call("post", CLOCKS, frozen_time=start)
    customer = await api.call(
        "post",
        "/v1/customers",
        test_clock=clock["id"],
        payment_method="pm_card_visa",
        invoice_settings={"default_payment_method": "pm_card_visa"},
    )

    subscription = await api.call(
        "post", "/v1/subscriptions", customer=customer["id"], items=[{"price": "price_pro"}]
    )
    assert (subscription["test_clock"], subscription["created"]) == (clock["id"], start)

    return clock["id"], subscription["id"]


async def test_a_clock_moves_what_lives_on_it_and_nothing_else(api: Stripe) -> None:
    clock, subscription = await on_a_clock(api)
    theirs, ours = period_end(await api.read(subscription)), period_end(await api.read())

    advancing = await api.call("post", f"{CLOCKS}/{clock}/advance", frozen_time=theirs + 60)

    assert advancing["status"] == "advancing"
    looks = [(await api.call("get", f"{CLOCKS}/{clock}"))["status"] for _ in range(2)]
    assert looks == ["advancing", "ready"]
    assert period_end(await api.read(subscription)) > theirs
    assert period_end(await api.read()) == ours


async def test_a_clock_goes_forward_only_and_two_intervals_at_most(api: Stripe) -> None:
    clock, _ = await on_a_clock(api)
    now = (await api.call("get", f"{CLOCKS}/{clock}"))["frozen_time"]
    for to in (now, now + 70 * DAY):
        refused = await api.refusal("post", f"{CLOCKS}/{clock}/advance", frozen_time=to)
        assert error_of(refused)["param"] == "frozen_time"


async def test_deleting_a_clock_deletes_what_lives_on_it(api: Stripe) -> None:
    clock, subscription = await on_a_clock(api)
    assert (await api.call("delete", f"{CLOCKS}/{clock}"))["deleted"]
    missing = await api.refusal("get", f"/v1/subscriptions/{subscription}")
    assert missing.http_status == 404
    await api.read()


@pytest.mark.parametrize(
    ("method", "status"),
    [
        ("pm_card_chargeCustomerFail", "incomplete"),
        ("pm_card_authenticationRequired", "incomplete"),
    ],
)
async def test_a_first_payment_that_fails_leaves_the_subscription_incomplete(
    api: Stripe, method: str, status: str
) -> None:
    customer = await api.call(
        "post",
        "/v1/customers",
        payment_method=method,
        invoice_settings={"default_payment_method": method},
    )
    made = await api.call(
        "post", "/v1/subscriptions", customer=customer["id"], items=[{"price": "price_pro"}]
    )
    assert made["status"] == status


# --- events -------------------------------------------------------------------------------------------


async def kinds_of_events(api: Stripe, **params: Any) -> list[str]:
    listed = await api.call("get", "/v1/events", limit=100, **params)
    return [event["type"] for event in reversed(listed["data"])]


async def test_every_change_of_a_subscription_is_an_event_with_what_was_before(api: Stripe) -> None:
    since = api.simulator.now
    await api.update(key="key-1", cancel_at_period_end=True)

    listed = await api.call("get", "/v1/events", type="customer.subscription.updated")

    (event,) = listed["data"]
    assert event["data"]["previous_attributes"]["cancel_at_period_end"] is False
    assert event["data"]["object"]["cancel_at_period_end"] is True
    assert (event["request"]["idempotency_key"], event["created"]) == ("key-1", since)
    assert (await api.call("get", f"/v1/events/{event['id']}"))["id"] == event["id"]


async def test_what_time_and_pauses_do_is_told_too(api: Stripe) -> None:
    await api.call("post", "/v1/subscriptions/sub_1/pause")
    await api.call(
        "post",
        "/v1/subscriptions/sub_1/resume",
        payment_behavior="resume_on_payment_success",
    )
    await api.update(cancel_at_period_end=True)
    api.clock.advance(days=31)
    await api.read()

    kinds = [event["type"] for event in api.simulator.events.values()]
    told = [kind for kind in kinds if not kind.startswith("invoice")]

    assert told == [
        "customer.subscription.created",
        "customer.subscription.paused",
        "customer.subscription.updated",
        "customer.subscription.resumed",
        "customer.subscription.updated",
        "customer.subscription.updated",
        "customer.subscription.deleted",
    ]


async def test_a_failed_payment_and_its_retry_are_told(api: Stripe) -> None:
    api.simulator.payments_need_action.add("cus_1")
    api.clock.advance(days=31)
    await api.read()
    assert await kinds_of_events(
        api, types=["invoice.payment_failed", "invoice.payment_action_required"]
    ) == ["invoice.payment_failed", "invoice.payment_action_required"]


async def test_events_are_kept_for_thirty_days_and_filtered_by_time(api: Stripe) -> None:
    await api.update(metadata={"a": "b"})
    now = api.clock.seconds
    assert await kinds_of_events(api, created={"gt": now}) == []
    assert "customer.subscription.updated" in await kinds_of_events(api, created={"gte": now})
    api.clock.advance(days=30)
    assert "customer.subscription.created" not in await kinds_of_events(api)


# --- webhooks -----------------------------------------------------------------------------------------


class Receiver:
    def __init__(self) -> None:
        self.got: list[tuple[bytes, str]] = []
        self.refuses = 0
        self.url = ""

    async def take(self, request: web.Request) -> web.Response:
        self.got.append((await request.read(), request.headers["Stripe-Signature"]))
        self.refuses -= 1
        return web.Response(status=500 if self.refuses >= 0 else 200)

    def events(self) -> list[dict[str, Any]]:
        return [
            cast("dict[str, Any]", stripe.Webhook.construct_event(body, header, SECRET, 10**9))
            for body, header in self.got
        ]


@pytest_asyncio.fixture(loop_scope="session")
async def receiver() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    app = web.Application()
    app.router.add_post("/hook", receiver.take)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    yield receiver
    await runner.cleanup()


async def arrived(receiver: Receiver, number: int) -> None:
    async with asyncio.timeout(5):
        while len(receiver.got) < number:  # noqa: ASYNC110 - there is no event
            await asyncio.sleep(0.01)


async def test_an_event_is_sent_to_those_who_want_it_with_a_signature_that_the_sdk_accepts(
    api: Stripe, receiver: Receiver
) -> None:
    api.simulator.add_webhook(receiver.url, SECRET, "customer.subscription.updated")

    await api.update(cancel_at_period_end=True)
    await arrived(receiver, 1)

    (event,) = receiver.events()
    assert event["type"] == "customer.subscription.updated"
    assert "account" not in event


async def test_what_happens_by_itself_is_sent_when_asked_for(
    api: Stripe, receiver: Receiver
) -> None:
    api.simulator.add_webhook(receiver.url, SECRET, "customer.subscription.updated")
    api.clock.advance(days=31)
    await api.simulator.deliver_events()
    assert [event["type"] for event in receiver.events()] == ["customer.subscription.updated"]


async def test_an_endpoint_that_fails_gets_the_event_again_and_then_no_more(
    api: Stripe, receiver: Receiver
) -> None:
    api.simulator.add_webhook(receiver.url, SECRET, "customer.subscription.updated")
    receiver.refuses = 1
    await api.update(metadata={"a": "b"})
    await arrived(receiver, 2)
    ids = {event["id"] for event in receiver.events()}
    assert (len(receiver.got), len(ids)) == (2, 1)
    await api.simulator.deliver_events()
    assert [delivery.status for delivery in api.simulator.deliveries] == [500, 200]


async def test_events_of_a_connected_account_go_to_endpoints_for_them_and_name_it(
    api: Stripe, receiver: Receiver
) -> None:
    books = api.simulator.add_connected_account("acct_7")
    api.simulator.add_webhook(receiver.url, SECRET, connect=True)
    books.add_subscription("sub_theirs")
    await api.update(metadata={"a": "b"})
    await api.simulator.deliver_events()
    assert {event["account"] for event in receiver.events()} == {"acct_7"}


@pytest.mark.parametrize(
    ("secret", "age_s"), [("whsec_other", 0), (SECRET, 301)], ids=["another secret", "stale"]
)
def test_a_wrong_signature_can_be_made_for_tests(secret: str, age_s: int) -> None:
    body = b'{"object": "event"}'
    header = signature(body, secret, int(NOON.timestamp()) - age_s)
    with pytest.raises(stripe.SignatureVerificationError):
        stripe.Webhook.construct_event(body, header, SECRET, 300)
