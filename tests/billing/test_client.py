"""Stripe through its real SDK and real sockets: what is sent, what is read, and what each failure means."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar, cast, get_args

import pytest
import pytest_asyncio
from aiohttp import web

from aiocancel.billing.client import (
    FOR_OFFERS,
    StripeClient,
    open_stripe,
)
from aiocancel.billing.settings import API_VERSION, StripeBilling
from aiocancel.billing.transport import WholeAnswers, warm_up
from aiocancel.core.actions import Action, ActionKind, Write
from aiocancel.core.changes import AddDiscount, PlainChange
from aiocancel.core.claim import NO_REASON, CancelReason
from aiocancel.core.codes import Code
from aiocancel.core.identifiers import SubscriptionId
from aiocancel.core.last_bill import LastBill
from aiocancel.core.sentences import Money
from aiocancel.errors import (
    BillingError,
    ConfigurationError,
    RejectedBillingError,
    TransientBillingError,
    UnknownBillingError,
)
from aiocancel.ports import BillingReply
from aiocancel.testing.stripe.simulator import Fault, FaultKind, RecordedRequest, StripeSimulator
from tests.support.saas import STRIPE_KEY
from tests.support.stripe_params import Kind, check_params
from tests.support.waiting import until

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

KINDS: dict[str, Kind] = {"POST": "subscription_update", "DELETE": "subscription_cancel"}

# An answer that tells nothing has happened, one that leaves it open, and a refusal.
MEANINGS: dict[FaultKind, type[BillingError]] = {
    "rate_limit_429": TransientBillingError,
    "lock_timeout_429": TransientBillingError,
    "conflict_409": TransientBillingError,
    "error_500_before": UnknownBillingError,
    "error_500_before_stored": UnknownBillingError,
    "error_500_after": UnknownBillingError,
    "card_declined_402": RejectedBillingError,
    "drop_before": UnknownBillingError,
    "drop_after": UnknownBillingError,
    "truncate_after": UnknownBillingError,
    "bad_gateway_502": UnknownBillingError,
}


@pytest.fixture(autouse=True)
def no_telemetry(monkeypatch: pytest.MonkeyPatch) -> None:
    # It would write a file into the home directory.
    import stripe

    monkeypatch.setattr(stripe, "enable_telemetry", False)


@pytest_asyncio.fixture(loop_scope="session")
async def client(stripe_api: tuple[StripeSimulator, str]) -> AsyncIterator[StripeClient]:
    simulator, url = stripe_api
    simulator.add_subscription("sub_1")
    async with open_stripe(StripeBilling(api_key=STRIPE_KEY, api_base=url)) as opened:
        yield opened


@contextlib.asynccontextmanager
async def client_of(url: str, **settings: Any) -> AsyncIterator[StripeClient]:
    async with open_stripe(
        StripeBilling(**{"api_key": STRIPE_KEY, "api_base": url, **settings})
    ) as opened:
        yield opened


@contextlib.asynccontextmanager
async def served(handler: Handler) -> AsyncIterator[str]:
    """A server that is no Stripe at all."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def send(
    client: StripeClient,
    change: PlainChange,
    *,
    reason: CancelReason = NO_REASON,
    key: str = "key-1",
    subscription_id: str = "sub_1",
) -> BillingReply:
    # The change alone says what is sent, whatever the action's kind.
    action = Action(ActionKind.VERIFY_OFFER, SubscriptionId(subscription_id), reason)
    return await client.apply(action, Write(change), idempotency_key=key)


def check_bodies(simulator: StripeSimulator) -> list[RecordedRequest]:
    """Every body that was sent is one that this version of Stripe knows; returns the writes."""
    writes = [request for request in simulator.requests if request.method != "GET"]
    for request in writes:
        assert check_params(KINDS[request.method], request.params) == []
    return writes


# --- reading and writing ------------------------------------------------------------------------------


async def test_a_subscription_is_read_with_what_we_decide_by(
    client: StripeClient, stripe: StripeSimulator
) -> None:
    known = stripe.add_subscription("sub_2", cancel_at_period_end=True)
    read = await client.read(SubscriptionId("sub_2"))
    assert (read.subscription_id, read.status, read.livemode) == ("sub_2", "active", False)
    assert read.cancel_at_period_end
    assert read.ends_at is not None
    assert int(read.ends_at.timestamp()) == known["cancel_at"]


async def test_cancelling_at_the_end_of_the_period_leaves_it_usable_until_then(
    client: StripeClient, stripe: StripeSimulator
) -> None:
    reply = await send(client, PlainChange.CANCEL_AT_PERIOD_END)
    read = await client.read(SubscriptionId("sub_1"))
    assert (read.status, read.is_ending, read.ends_at) == ("active", True, read.current_period_end)
    (write,) = check_bodies(stripe)
    assert write.params == {"cancel_at_period_end": "true"}
    assert reply == BillingReply(write.request_id, replayed=False, subscription=read)


async def test_cancelling_now_ends_it_without_a_final_invoice(
    client: StripeClient, stripe: StripeSimulator
) -> None:
    reply = await send(client, PlainChange.CANCEL_NOW)
    assert (await client.read(SubscriptionId("sub_1"))).has_ended
    (write,) = check_bodies(stripe)
    assert (write.method, write.params) == ("DELETE", {"invoice_now": "false", "prorate": "false"})
    assert reply.request_id == write.request_id


async def test_the_owner_may_have_a_final_invoice_and_a_proration(
    stripe: StripeSimulator, stripe_api: tuple[StripeSimulator, str]
) -> None:
    stripe.add_subscription("sub_1")
    async with client_of(stripe_api[1], invoice_now=True, prorate=True) as client:
        await send(client, PlainChange.CANCEL_NOW)
    (write,) = check_bodies(stripe)
    assert write.params == {"invoice_now": "true", "prorate": "true"}


async def test_a_cancellation_at_period_end_is_taken_back(
    client: StripeClient, stripe: StripeSimulator
) -> None:
    await send(client, PlainChange.CANCEL_AT_PERIOD_END, key="key-1")
    await send(client, PlainChange.WITHDRAW_CANCELLATION, key="key-2")
    assert not (await client.read(SubscriptionId("sub_1"))).is_ending
    assert check_bodies(stripe)[-1].params == {"cancel_at_period_end": "false"}


async def test_a_cancellation_by_date_is_taken_back_by_date(
    client: StripeClient, stripe: StripeSimulator
) -> None:
    stripe.add_subscription("sub_2", cancel_at=stripe.now + 3600)
    # The same attempt may have to try both ways, and Stripe refuses one key for two bodies.
    await send(client, PlainChange.WITHDRAW_CANCELLATION, subscription_id="sub_2")
    await send(client, PlainChange.WITHDRAW_CANCELLATION_BY_DATE, subscription_id="sub_2")
    assert (await client.read(SubscriptionId("sub_2"))).cancel_at is None
    assert check_bodies(stripe)[-1].params == {"cancel_at": ""}


@pytest.mark.parametrize(
    ("withdrawal", "ends", "cleared"),
    [
        (PlainChange.WITHDRAW_CANCELLATION, "cancel_at_period_end", "false"),
        (PlainChange.WITHDRAW_CANCELLATION_BY_DATE, "cancel_at", ""),
    ],
    ids=["by period", "by date"],
)
async def test_an_offer_and_the_end_that_it_takes_back_are_one_request_with_a_key_of_its_own(
    client: StripeClient,
    stripe: StripeSimulator,
    withdrawal: PlainChange,
    ends: str,
    cleared: str,
) -> None:
    stripe.add_coupon("SAVE", percent_off=50, duration="once")
    end = {"cancel_at": stripe.now + 3600} if ends == "cancel_at" else {ends: True}
    stripe.add_subscription("sub_2", **end)
    action = Action(ActionKind.APPLY_OFFER, SubscriptionId("sub_2"))
    offer = AddDiscount("SAVE", (), None)

    reply = await client.apply(action, Write(offer, withdrawal=withdrawal), idempotency_key="key-1")

    assert reply.subscription is not None
    assert not reply.subscription.is_ending
    assert reply.subscription.cancel_at is None
    assert [each.coupon_id for each in reply.subscription.discounts] == ["SAVE"]
    (write,) = check_bodies(stripe)
    assert write.params[ends] == cleared
    assert write.params["discounts"] == [{"coupon": "SAVE"}]
    # The offer alone would be another body: Stripe refuses one key for two.
    await client.apply(action, Write(offer), idempotency_key="key-1")
    keys = {each.idempotency_key for each in check_bodies(stripe)}
    assert len(keys) == 2


@pytest.mark.parametrize("change", [PlainChange.CANCEL_AT_PERIOD_END, PlainChange.CANCEL_NOW])
async def test_the_reason_arrives_in_the_cancellation_details(
    client: StripeClient, stripe: StripeSimulator, change: PlainChange
) -> None:
    # The longest reason there is, in letters that take most room, because a DELETE carries it in its URL.
    words = "&=?#+% \u2028\n" + "\N{PILE OF POO}" * 490
    await send(client, change, reason=CancelReason(words, "too_expensive"))
    details = stripe.subscriptions["sub_1"]["cancellation_details"]
    assert (details["comment"], details["feedback"]) == (words, "too_expensive")
    check_bodies(stripe)


@pytest.mark.parametrize(
    ("code", "feedback"),
    [("unused", "unused"), ("price", "too_expensive"), ("bored", None), (None, None)],
)
async def test_a_reason_code_becomes_stripes_word_for_it_or_nothing(
    stripe: StripeSimulator,
    stripe_api: tuple[StripeSimulator, str],
    code: str | None,
    feedback: str | None,
) -> None:
    stripe.add_subscription("sub_1")
    async with client_of(stripe_api[1], feedback_codes={"price": "too_expensive"}) as client:
        await send(client, PlainChange.CANCEL_AT_PERIOD_END, reason=CancelReason(None, code))
    assert stripe.subscriptions["sub_1"]["cancellation_details"]["feedback"] == feedback
    check_bodies(stripe)


async def test_every_request_names_the_api_version_and_every_post_its_key(
    client: StripeClient, stripe: StripeSimulator
) -> None:
    await client.read(SubscriptionId("sub_1"))
    await send(client, PlainChange.CANCEL_AT_PERIOD_END, key="key-1")
    await send(client, PlainChange.WITHDRAW_CANCELLATION, key="key-2")
    assert [request.idempotency_key for request in stripe.requests] == [None, "key-1", "key-2"]
    assert {request.stripe_version for request in stripe.requests} == {API_VERSION}


async def test_a_reply_to_a_change_that_cannot_be_read_is_no_failure_of_the_change() -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.json_response({"object": "subscription", "id": "sub_1"})

    async with served(answer) as url, client_of(url) as client:
        assert (await send(client, PlainChange.CANCEL_AT_PERIOD_END)).subscription is None


async def test_the_same_key_again_is_one_change_and_says_that_it_was_replayed(
    client: StripeClient, stripe: StripeSimulator
) -> None:
    first = await send(client, PlainChange.CANCEL_AT_PERIOD_END)
    again = await send(client, PlainChange.CANCEL_AT_PERIOD_END)
    assert (first.replayed, again.replayed) == (False, True)
    # What Stripe repeats is how the subscription was, not how it is.
    assert first.subscription is not None
    assert again.subscription is None
    assert [effect.kind for effect in stripe.effects] == ["cancel_at_period_end"]


# --- failures -----------------------------------------------------------------------------------------


def test_every_fault_of_the_simulator_has_a_meaning_here() -> None:
    assert set(MEANINGS) == set(get_args(FaultKind)) - {"delay", "key_pruned"}


@pytest.mark.parametrize("fault", MEANINGS)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
async def test_each_fault_is_told_by_what_may_have_happened(
    client: StripeClient, stripe: StripeSimulator, method: str, fault: FaultKind
) -> None:
    # aiohttp itself repeats a GET or DELETE once when the line goes dead.
    stripe.inject(Fault(fault, method=method, times=2))
    call: Awaitable[object] = (
        client.read(SubscriptionId("sub_1"))
        if method == "GET"
        else send(
            client,
            PlainChange.CANCEL_NOW if method == "DELETE" else PlainChange.CANCEL_AT_PERIOD_END,
        )
    )

    meaning = MEANINGS[fault]

    if fault == "drop_after" and method == "DELETE":
        # The repetition finds it gone: our own success, in the shape of a refusal.
        stripe.faults.clear()
        stripe.inject(Fault(fault, method=method, times=1))
        meaning = RejectedBillingError

    with pytest.raises(meaning) as caught:
        await call

    assert caught.value.code
    assert STRIPE_KEY not in str(caught.value) + repr(caught.value)

    if fault.endswith(("429", "409", "402")):
        assert caught.value.http_status == int(fault[-3:])
        assert caught.value.request_id == stripe.requests[-1].request_id


async def test_the_codes_of_a_rate_limit_and_of_a_locked_object_differ(
    client: StripeClient, stripe: StripeSimulator
) -> None:
    codes = []
    for kind in ("rate_limit_429", "lock_timeout_429"):
        stripe.inject(Fault(kind))
        with pytest.raises(TransientBillingError) as caught:
            await client.read(SubscriptionId("sub_1"))
        codes.append(caught.value.code)
    assert codes == ["rate_limit", "lock_timeout"]


async def test_a_stored_failure_that_comes_back_says_so(
    client: StripeClient, stripe: StripeSimulator
) -> None:
    stripe.inject(Fault("error_500_before_stored"))
    replayed = []
    for _ in range(2):
        with pytest.raises(UnknownBillingError) as caught:
            await send(client, PlainChange.CANCEL_AT_PERIOD_END)
        replayed.append(caught.value.replayed)
    assert replayed == [False, True]


async def test_a_key_that_holds_another_body_is_lost_and_nothing_is_refused(
    client: StripeClient, stripe: StripeSimulator
) -> None:
    stripe.inject(Fault("error_500_before_stored"))
    with pytest.raises(UnknownBillingError):
        await send(
            client, PlainChange.CANCEL_AT_PERIOD_END, reason=CancelReason("before the new release")
        )
    with pytest.raises(UnknownBillingError) as caught:
        await send(client, PlainChange.CANCEL_AT_PERIOD_END, reason=CancelReason("after it"))
    assert (caught.value.code, caught.value.replayed) == ("idempotency_error", True)


async def test_an_unknown_subscription_is_refused_as_missing(client: StripeClient) -> None:
    with pytest.raises(RejectedBillingError) as caught:
        await client.read(SubscriptionId("sub_unknown"))
    assert (caught.value.code, caught.value.http_status) == ("resource_missing", 404)


async def test_a_subscription_under_a_schedule_refuses_to_be_cancelled(
    client: StripeClient, stripe: StripeSimulator
) -> None:
    stripe.add_subscription("sub_2", schedule="sub_sched_1")
    with pytest.raises(RejectedBillingError) as caught:
        await send(client, PlainChange.CANCEL_AT_PERIOD_END, subscription_id="sub_2")
    assert (caught.value.code, caught.value.http_status) == ("invalid_request_error", 400)


async def test_an_ended_subscription_refuses_to_be_changed_with_its_own_code(
    client: StripeClient, stripe: StripeSimulator
) -> None:
    stripe.add_subscription("sub_2", status="canceled")
    with pytest.raises(RejectedBillingError) as caught:
        await send(client, PlainChange.WITHDRAW_CANCELLATION, subscription_id="sub_2")
    assert caught.value.code == "invalid_canceled_subscription_fields"


async def test_a_wrong_key_is_the_operators_to_mend_and_is_never_shown(
    stripe_api: tuple[StripeSimulator, str],
) -> None:
    secret = "sk_test_51WrongWrongWrongWrongWrong"
    async with client_of(stripe_api[1], api_key=secret) as client:
        with pytest.raises(TransientBillingError) as caught:
            await client.read(SubscriptionId("sub_1"))
    assert caught.value.http_status == 401
    error = caught.value
    assert error.__cause__ is None
    assert error.__suppress_context__
    assert "Wrong" not in f"{error} {error!r} {error.code} {error.args} {client!r}"


def test_the_settings_do_not_show_the_key() -> None:
    assert STRIPE_KEY not in repr(StripeBilling(api_key=STRIPE_KEY))


@pytest.mark.parametrize(
    "key", ["", "pk_test_x", "sk_test_x\n", " sk_test_x", "sk_test_x y", "sk_test_ключ"]
)
def test_a_text_that_is_no_secret_key_is_refused_at_start_and_not_shown(key: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        StripeBilling(api_key=key)
    assert not key.strip() or key.strip() not in str(caught.value)


async def test_a_stripe_that_does_not_answer_in_time_leaves_it_open(
    stripe_api: tuple[StripeSimulator, str],
) -> None:
    simulator, url = stripe_api
    simulator.add_subscription("sub_1")
    simulator.inject(Fault("delay", method="POST", seconds=0.3))
    async with client_of(url, timeout_s=0.05) as client:
        with pytest.raises(UnknownBillingError) as caught:
            await send(client, PlainChange.CANCEL_AT_PERIOD_END)
    assert caught.value.code == "TimeoutError"


async def test_a_body_that_never_ends_is_cut_off_by_the_time_limit() -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        response.content_length = 1000
        await response.prepare(request)
        await response.write(b'{"object": "subscription"')
        await asyncio.sleep(5)
        return response

    async with served(handler) as url, client_of(url, timeout_s=0.1) as client:
        with pytest.raises(UnknownBillingError) as caught:
            await client.read(SubscriptionId("sub_1"))
    assert caught.value.code == "TimeoutError"


async def test_a_connection_that_is_refused_leaves_it_open() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    async with client_of(f"http://127.0.0.1:{port}") as client:
        with pytest.raises(UnknownBillingError) as caught:
            await send(client, PlainChange.CANCEL_AT_PERIOD_END)
    assert caught.value.code == "ClientConnectorError"


@pytest.mark.parametrize("status", [200, 301, 400, 403, 404, 429, 503])
@pytest.mark.parametrize(
    "body", ["<html>Log in to the network</html>", "[]", "null", "{}", '{"error": "no"}', ""]
)
async def test_an_answer_that_is_not_stripes_proves_nothing(status: int, body: str) -> None:
    async def handler(_: web.Request) -> web.StreamResponse:
        return web.Response(status=status, text=body)

    async with served(handler) as url, client_of(url) as client:
        with pytest.raises(UnknownBillingError):
            await client.read(SubscriptionId("sub_1"))


async def test_a_subscription_that_lacks_a_field_is_not_decided_by() -> None:
    async def handler(_: web.Request) -> web.StreamResponse:
        return web.json_response({"object": "subscription", "id": "sub_1", "status": "active"})

    async with served(handler) as url, client_of(url) as client:
        with pytest.raises(UnknownBillingError) as caught:
            await client.read(SubscriptionId("sub_1"))
    assert caught.value.code == "unreadable"


@pytest.mark.parametrize(
    "bad", ["", "../customers/cus_1", "sub_1?expand", "sub 1", "sub_1\n", "süb_1", "s" * 256]
)
async def test_an_id_that_is_none_never_leaves(
    client: StripeClient, stripe: StripeSimulator, bad: str
) -> None:
    with pytest.raises(RejectedBillingError) as caught:
        await client.read(SubscriptionId(bad))
    assert caught.value.code == "bad_subscription_id"
    for change in (
        PlainChange.CANCEL_NOW,
        PlainChange.CANCEL_AT_PERIOD_END,
        PlainChange.WITHDRAW_CANCELLATION,
    ):
        with pytest.raises(RejectedBillingError):
            await send(client, change, subscription_id=bad)
    assert stripe.requests == []


# --- the session --------------------------------------------------------------------------------------


async def test_the_session_is_closed_at_the_end_whatever_happened(
    stripe_api: tuple[StripeSimulator, str],
) -> None:
    simulator, url = stripe_api
    simulator.add_subscription("sub_1")
    # Whatever is left open then makes a ResourceWarning, which pytest turns into a failure.
    async with client_of(url) as client:
        await client.read(SubscriptionId("sub_1"))

    async def fail() -> None:
        async with client_of(url) as client:
            await client.read(SubscriptionId("sub_1"))
            raise KeyError("a mistake elsewhere")

    with pytest.raises(KeyError):
        await fail()
    gc.collect()


async def test_a_cancelled_call_is_a_cancellation_and_not_a_failure(
    stripe_api: tuple[StripeSimulator, str],
) -> None:
    simulator, url = stripe_api
    simulator.add_subscription("sub_1")
    simulator.inject(Fault("delay", seconds=0.3))
    async with client_of(url) as client:
        task = asyncio.ensure_future(client.read(SubscriptionId("sub_1")))
        await until(lambda: bool(simulator.requests))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


# --- what is read besides -----------------------------------------------------------------------------


def paths(simulator: StripeSimulator) -> list[str]:
    return [request.path for request in simulator.requests]


async def test_a_schedule_is_read_where_the_policy_asks_for_it_and_nowhere_else(
    stripe_api: tuple[StripeSimulator, str],
) -> None:
    simulator, url = stripe_api
    simulator.add_subscription("sub_1", schedule="sub_sched_1")
    simulator.add_subscription("sub_2")
    for policy, names in {
        "amend": ["sub_1", "sub_2"],
        "release": ["sub_1"],
        "park": ["sub_1"],
    }.items():
        async with client_of(url, schedule_policy=policy) as client:
            for name in names:
                subscription = await client.read(SubscriptionId(name))
                assert (subscription.schedule is not None) == (
                    policy == "amend" and name == "sub_1"
                )

    assert [path for path in paths(simulator) if "schedules" in path] == [
        "/v1/subscription_schedules/sub_sched_1"
    ]


async def test_an_invoice_is_read_only_while_a_change_waits_for_it(
    client: StripeClient, stripe: StripeSimulator
) -> None:
    assert (await client.read(SubscriptionId("sub_1"))).payment_url is None
    assert len(stripe.requests) == 1
    pending = {"expires_at": stripe.now + 3600, "subscription_items": []}
    stripe.subscriptions["sub_1"]["pending_update"] = pending
    await client.read(SubscriptionId("sub_1"), ActionKind.CANCEL_NOW)
    subscription = await client.read(SubscriptionId("sub_1"), ActionKind.APPLY_OFFER)

    assert (
        subscription.payment_url
        == stripe.invoices[stripe.subscriptions["sub_1"]["latest_invoice"]]["hosted_invoice_url"]
    )
    assert [request.params.get("expand") for request in stripe.requests] == [
        ["discounts"],
        None,
        [*FOR_OFFERS],
        [*FOR_OFFERS, "latest_invoice"],
    ]


async def test_a_schedule_that_cannot_be_read_or_named_is_no_schedule(
    client: StripeClient, stripe: StripeSimulator
) -> None:
    stripe.add_schedule("sub_sched_1", "sub_1")
    stripe.schedules["sub_sched_1"]["object"] = "something_else"
    for name in ("sub_sched_1", "../customers"):
        stripe.subscriptions["sub_1"]["schedule"] = name
        with pytest.raises(UnknownBillingError) as caught:
            await client.read(SubscriptionId("sub_1"))
        assert caught.value.code == "unreadable"


async def test_the_api_version_is_ours_whichever_the_sdk_speaks_by_itself(
    stripe_api: tuple[StripeSimulator, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from stripe._api_version import _ApiVersion

    url, simulator = stripe_api[1], stripe_api[0]
    simulator.add_subscription("sub_1")
    monkeypatch.setattr(_ApiVersion, "CURRENT", "2020-08-27")

    async with client_of(url) as opened:
        await opened.read(SubscriptionId("sub_1"))

    assert [request.stripe_version for request in simulator.requests] == [API_VERSION]


async def test_without_a_source_of_slots_nothing_is_asked_for_one(
    stripe_api: tuple[StripeSimulator, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a limit was made that nothing can be asked for")

    monkeypatch.setattr("aiocancel.billing.client.StripeRateLimits", refuse)
    simulator, url = stripe_api
    simulator.add_subscription("sub_1")

    async with open_stripe(StripeBilling(api_key=STRIPE_KEY, api_base=url)) as opened:
        await opened.read(SubscriptionId("sub_1"))

    assert [request.status for request in simulator.requests] == [200]


def test_certificates_are_checked_against_the_bundle_that_the_sdk_brings(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import stripe

    bundle = Path(stripe.ca_bundle_path).read_text()
    one = bundle[: bundle.index("-----END CERTIFICATE-----")] + "-----END CERTIFICATE-----\n"
    (tmp_path / "one.pem").write_text(one)
    monkeypatch.setattr(stripe, "ca_bundle_path", str(tmp_path / "one.pem"))

    context = warm_up()

    assert len(context.get_ca_certs()) == 1
    assert context.verify_mode is ssl.CERT_REQUIRED


def test_certificates_are_read_once_for_all_clients_of_a_process() -> None:
    assert warm_up() is warm_up()


class _AnswersTogether:
    """A session whose answers all come at the same moment, when as many as expected were asked for."""

    status = 200
    headers: ClassVar[dict[str, str]] = {}

    def __init__(self, expected: int) -> None:
        self._missing = expected
        self._all_asked = asyncio.Event()

    @contextlib.asynccontextmanager
    async def request(self, *_: str) -> AsyncIterator[_AnswersTogether]:
        self._missing -= 1
        if not self._missing:
            self._all_asked.set()
        await self._all_asked.wait()
        yield self

    async def read(self) -> bytes:
        return b"{}"


async def test_answers_that_come_together_are_read_one_in_each_turn_of_the_loop() -> None:
    session = WholeAnswers(cast("Any", _AnswersTogether(20)))
    turn, read_in = 0, list[int]()

    async def count() -> None:
        nonlocal turn
        while True:
            turn += 1
            await asyncio.sleep(0)

    async def ask() -> None:
        await session.request("GET", "https://stripe.example")
        read_in.append(turn)

    counting = asyncio.create_task(count())
    await asyncio.gather(*(ask() for _ in range(20)))
    counting.cancel()

    assert len(set(read_in)) == 20


async def test_last_bill_is_asked_for_at_stripe_after_a_cancellation(
    client: StripeClient, stripe_api: tuple[StripeSimulator, str]
) -> None:
    simulator, _ = stripe_api
    for name in ("quiet", "owed"):
        simulator.add_subscription(f"sub_{name}", cancel_at_period_end=True)
    simulator.pending_lines["sub_owed"] = [dict(each) for each in _lines_of(simulator, "sub_owed")]
    simulator.add_subscription("sub_goes_on")
    simulator.add_subscription("sub_past_due", cancel_at_period_end=True, status="past_due")

    found = {}
    for name in ("quiet", "owed", "goes_on", "past_due"):
        subscription_id = SubscriptionId(f"sub_{name}")
        items = simulator.subscriptions[subscription_id]["items"]["data"]
        ends_at = datetime.fromtimestamp(items[0]["current_period_end"], UTC)
        found[name] = await client.last_bill(subscription_id, ends_at)

    assert found == {
        "quiet": LastBill.NOTHING,
        "owed": LastBill.MAY_COME,
        "goes_on": None,
        "past_due": LastBill.IS_OPEN,
    }


async def test_next_payment_is_asked_for_with_one_preview_where_it_can_be_certain(
    client: StripeClient, stripe_api: tuple[StripeSimulator, str]
) -> None:
    simulator, _ = stripe_api
    simulator.add_subscription("sub_goes_on")
    simulator.add_subscription("sub_ends", cancel_at_period_end=True)
    item = simulator.subscriptions["sub_goes_on"]["items"]["data"][0]
    now = datetime.now(UTC)

    told = await client.next_payment(SubscriptionId("sub_goes_on"), now)
    untold = await client.next_payment(SubscriptionId("sub_ends"), now)

    assert untold is None
    assert told is not None
    assert told.values == {
        "amount": Money(item["price"]["unit_amount"], "usd"),
        "date": datetime.fromtimestamp(item["current_period_end"], UTC),
    }
    paths = [request.path for request in simulator.requests]
    assert paths.count("/v1/invoices/create_preview") == 1


def _lines_of(simulator: StripeSimulator, subscription_id: str) -> list[Any]:
    """Lines as an invoice of the subscription has them."""
    invoice = simulator.invoices[simulator.subscriptions[subscription_id]["latest_invoice"]]
    lines: list[Any] = invoice["lines"]["data"]
    return lines


@pytest.mark.parametrize(
    "detail", [{}, {"type": "invalid_request_error"}], ids=["without a type", "with a type"]
)
async def test_a_refusal_without_a_code_names_its_permission(detail: dict[str, str]) -> None:
    message = "Having the 'rak_coupon_read' permission would allow this request to continue."

    async def handler(_: web.Request) -> web.StreamResponse:
        return web.json_response({"error": {**detail, "message": message}}, status=403)

    async with served(handler) as url, client_of(url) as client:
        with pytest.raises(BillingError) as refused:
            await client.read(SubscriptionId("sub_1"))

    assert refused.value.code == Code.PERMISSION_MISSING
    assert refused.value.permission == "coupon_read"
