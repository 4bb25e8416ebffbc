"""What the browser did not tell: the vendor's webhook is only a doorbell, and its list of events finds the rest."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from aiohttp.test_utils import TestClient

from aiocancel import SubscriptionQuery
from aiocancel.core.codes import Code, ForeignCode
from aiocancel.postgres import vendor_events
from aiocancel.postgres.vendor_events import Doorbell, Ring
from aiocancel.telemetry import ActionParked, ActionRefused, VendorEventGivenUp
from aiocancel.worker import vendor_events as worker_events
from tests.support.company import Company
from tests.support.saas import Pool, add_customer, as_customer
from tests.support.waiting import until

TOKEN = "an-unguessable-token-of-thirty-two-characters"


async def listening(company: Company, **settings: Any) -> TestClient[Any, Any]:
    """Open the site with a webhook; the poller is slow unless told otherwise."""
    settings = {"poll_events_every_s": 3600.0, **settings}
    await company.open(company.plug_in(webhook_token=TOKEN, **settings))
    assert company.client is not None
    # The first look at the list happens at the start, and what is on it by then is history.
    await until(lambda: any(request.path == "/v1/events" for request in company.flows.requests))
    return company.client


async def ring(client: TestClient[Any, Any], event: dict[str, Any], token: str = TOKEN) -> int:
    body = {"event": event["event"], "event_id": event["id"], "data": event["data"]}
    async with client.post(f"/cancel/webhook/{token}", json=body) as response:
        return response.status


def completed(company: Company) -> dict[str, Any]:
    return next(
        event
        for event in reversed(company.flows.events)
        if event["event"] == "flow_session_completed"
    )


async def rung(company: Company) -> list[str]:
    return [
        row["result"]
        for row in await company.pool.fetch(
            "SELECT result FROM aiocancel.doorbell ORDER BY rung_at"
        )
    ]


async def answered(company: Company) -> None:
    await until(lambda: _all_answered(company))


async def _all_answered(company: Company) -> bool:
    results = await rung(company)
    return bool(results) and None not in results


async def test_a_flood_of_invented_events_is_bounded_and_a_true_one_comes_before_it(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vendor_events, "MOST_UNANSWERED", 30)
    bell = Doorbell(pool, "prosperstack")
    await bell.ring("evt_true")
    for number in range(50):
        await bell.ring(f"evt_invented_{number}")
    waiting = await pool.fetchval("SELECT count(*) FROM aiocancel.doorbell")
    await bell.vouch("evt_true")

    first, second = await bell.take(limit=1), await bell.take(limit=1)

    assert waiting == 30
    assert [ring.event_id for ring in first] == ["evt_true"]
    assert [ring.event_id for ring in second] == ["evt_invented_49"]


async def test_events_that_the_vendor_listed_do_not_give_way_to_the_webhooks(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vendor_events, "MOST_UNANSWERED", 30)
    bell = Doorbell(pool, "prosperstack")
    await bell.vouch("evt_true")
    for number in range(31):
        await bell.ring(f"evt_invented_{number}")

    (ring,) = await bell.take(limit=1)

    assert ring.event_id == "evt_true"


async def test_rings_of_which_the_vendor_knows_nothing_are_forgotten_after_a_day(
    pool: Pool,
) -> None:
    bell = Doorbell(pool, "prosperstack")
    for event_id in ("evt_unanswered", "evt_unknown", "evt_known", "evt_new"):
        await bell.ring(event_id)
    await bell.vouch("evt_listed")
    await bell.answer(Ring("evt_unknown", 1), Code.UNKNOWN_EVENT)
    await bell.answer(Ring("evt_known", 1), Code.RECORDED)
    await pool.execute(
        "UPDATE aiocancel.doorbell SET rung_at = rung_at - interval '25 hours' WHERE event_id <> 'evt_new'"
    )

    await bell.forget()

    kept = await pool.fetch("SELECT event_id FROM aiocancel.doorbell ORDER BY event_id")
    assert [row["event_id"] for row in kept] == ["evt_known", "evt_listed", "evt_new"]


async def test_an_event_that_rang_too_early_is_looked_at_again_once_the_vendor_lists_it(
    pool: Pool,
) -> None:
    bell = Doorbell(pool, "prosperstack")
    await bell.ring("evt_early")
    (ring,) = await bell.take(limit=1)
    await bell.answer(ring, Code.UNKNOWN_EVENT)

    await bell.vouch("evt_early")
    (again,) = await bell.take(limit=1)
    await bell.answer(again, Code.RECORDED)
    await bell.vouch("evt_early")

    assert again.event_id == "evt_early"
    assert await bell.take(limit=1) == []


async def test_the_token_before_still_rings_while_it_is_changed(company: Company) -> None:
    company.stripe.add_subscription("sub_1")
    client = await listening(company, of_vendor={"previous_webhook_token": "o" * 40})
    await company.finished("canceled")

    assert await ring(client, completed(company), "o" * 40) == 204
    assert await ring(client, completed(company)) == 204
    assert await ring(client, completed(company), "x" * 40) == 404


async def test_a_cancellation_that_only_the_webhook_tells_of_is_carried_out(
    company: Company,
) -> None:
    company.stripe.add_subscription("sub_1")
    client = await listening(company)
    await company.finished("canceled")
    assert await ring(client, completed(company)) == 204
    await until(lambda: company.subscription["cancel_at_period_end"])
    assert company.subscription["cancellation_details"]["feedback"] == "too_expensive"


async def test_an_accepted_offer_that_only_the_webhook_tells_of_is_verified_and_made(
    company: Company,
) -> None:
    company.stripe.add_subscription("sub_1")
    client = await listening(company)
    await company.finished("saved", "offr_coupon")
    assert await ring(client, completed(company)) == 204
    await until(lambda: company.changes() == ["discounts"])


async def test_what_a_webhooks_body_says_is_not_believed(company: Company) -> None:
    company.stripe.add_subscription("sub_1")
    company.stripe.add_subscription("sub_2")
    await add_customer(company.pool, "bob", "sub_2")
    client = await listening(company)
    await company.finished("canceled", customer="bob")
    lie = json.loads(json.dumps(completed(company)))
    lie["data"]["subscription"]["platform_id"] = "sub_1"
    assert await ring(client, lie) == 204
    await until(lambda: company.stripe.subscriptions["sub_2"]["cancel_at_period_end"])
    assert company.changes() == []


async def test_an_event_that_the_vendor_does_not_know_changes_nothing(company: Company) -> None:
    company.stripe.add_subscription("sub_1")
    client = await listening(company)
    session = company.flows.create_session("sub_1")
    assert (
        await ring(
            client, {"event": "flow_session_completed", "id": "evt_made_up", "data": session}
        )
        == 204
    )
    await answered(company)

    assert await rung(company) == ["unknown_event"]
    assert company.stripe.effects == []


@pytest.mark.parametrize("token", ["", "x", TOKEN[:-1], TOKEN + "x", "%2e%2e", "ÿ"])
async def test_without_the_token_there_is_no_webhook(company: Company, token: str) -> None:
    company.stripe.add_subscription("sub_1")
    client = await listening(company)
    await company.finished("canceled")
    assert await ring(client, completed(company), token) == 404
    assert await rung(company) == []


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"not JSON", 400),
        (b"[]", 400),
        (b"{}", 400),
        (b'{"event_id": 7}', 400),
        (b'{"event_id": "../v1/offers"}', 400),
        (b'{"event_id": "%2e%2e"}', 400),
        (b"\xff\xfe", 400),
        (b"[" * 100_000, 400),
        (b'{"event_id": "evt_1", "data": "' + b"x" * 300_000 + b'"}', 413),
    ],
    ids=[
        "empty",
        "no JSON",
        "a list",
        "no id",
        "a number",
        "a path",
        "an escaped path",
        "no UTF-8",
        "deep",
        "large",
    ],
)
async def test_a_webhook_that_cannot_be_read_is_refused_with_a_reason(
    company: Company, body: bytes, status: int
) -> None:
    client = await listening(company)
    async with client.post(f"/cancel/webhook/{TOKEN}", data=body) as response:
        assert response.status == status
        assert (await response.json())["reason"]
    assert await rung(company) == []


async def test_a_webhook_that_comes_ten_times_is_looked_at_once(company: Company) -> None:
    company.stripe.add_subscription("sub_1")
    client = await listening(company)
    await company.finished("canceled")
    event = completed(company)
    assert set(await asyncio.gather(*(ring(client, event) for _ in range(10)))) == {204}
    await answered(company)
    asked = [
        request for request in company.flows.requests if request.path == f"/v1/events/{event['id']}"
    ]
    assert len(asked) == 1
    await until(lambda: company.changes() == ["cancel_at_period_end"])


@pytest.mark.parametrize("order", ["browser first", "webhook first", "at once"])
@pytest.mark.parametrize("kind", ["a cancellation", "an offer"])
async def test_a_browser_and_a_webhook_that_tell_the_same_have_one_outcome(
    company: Company, order: str, kind: str
) -> None:
    company.stripe.add_subscription("sub_1")
    client = await listening(company)
    session = await (
        company.finished("canceled")
        if kind == "a cancellation"
        else company.finished("saved", "offr_coupon")
    )
    event = completed(company)

    if order == "browser first":
        answer = await company.claim(session)
        await ring(client, event)
    elif order == "webhook first":
        await ring(client, event)
        await answered(company)
        answer = await company.claim(session)
    else:
        answer, _ = await asyncio.gather(company.claim(session), ring(client, event))

    await answered(company)
    assert answer["outcome"] == ("scheduled" if kind == "a cancellation" else "done")
    assert len(company.changes()) == 1
    assert await company.pool.fetchval("SELECT count(*) FROM aiocancel.claim") == 1
    # The customer sees the outcome, whether the vendor or the browser was first.
    async with client.get(answer["status_url"], headers=as_customer("ada")) as response:
        assert response.status == 200


async def test_the_poller_finds_what_no_webhook_told_of(company: Company) -> None:
    company.stripe.add_subscription("sub_1")
    await listening(company, poll_events_every_s=0.05)
    await company.finished("canceled")
    await until(lambda: company.subscription["cancel_at_period_end"])
    assert company.changes() == ["cancel_at_period_end"]


async def test_the_list_is_read_from_its_start_once_the_vendor_has_forgotten_the_event_that_was_read_last(
    company: Company, caplog: pytest.LogCaptureFixture
) -> None:
    """After a month without events, or a backup, the cursor names an event that the vendor has no longer."""
    company.stripe.add_subscription("sub_1")
    await company.pool.execute(
        "INSERT INTO aiocancel.event_cursor (vendor, after_id, polled_at)"
        " VALUES ('prosperstack', 'evt_forgotten', now() - interval '1 day')"
    )

    await listening(company, poll_events_every_s=0.05)
    await company.finished("canceled")
    await until(lambda: company.subscription["cancel_at_period_end"])
    last = completed(company)["id"]
    await until(lambda: _was_read_up_to(company, last))

    assert company.changes() == ["cancel_at_period_end"]
    # One line for all the looks since.
    assert len([one for one in caplog.messages if "read from its start" in one]) == 1


async def _was_read_up_to(company: Company, event_id: str) -> bool:
    return bool(
        event_id == await company.pool.fetchval("SELECT after_id FROM aiocancel.event_cursor")
    )


async def test_what_happened_before_the_first_start_is_history_and_not_acted_on(
    company: Company,
) -> None:
    company.stripe.add_subscription("sub_1")
    company.flows.finish(company.flows.create_session("sub_1")["id"], status="canceled")
    for event in company.flows.events:
        event["created_at"] = "2026-01-01T00:00:00.000Z"
    await listening(company, poll_events_every_s=0.05)
    company.stripe.add_subscription("sub_2")
    await add_customer(company.pool, "bob", "sub_2")
    await company.finished("canceled", customer="bob")
    await until(lambda: company.stripe.subscriptions["sub_2"]["cancel_at_period_end"])
    assert company.changes() == []


async def test_a_webhook_while_the_vendors_api_is_down_is_looked_at_again(company: Company) -> None:
    company.stripe.add_subscription("sub_1")
    client = await listening(company)
    await company.finished("canceled")
    company.flows.fail_next(503, path="/v1/events", times=1)
    assert await ring(client, completed(company)) == 204
    await until(lambda: company.subscription["cancel_at_period_end"])


@pytest.mark.parametrize(
    ("status", "looks", "result"),
    [(401, 150, None), (401, 199, "gave_up_bad_api_key"), (429, 199, None)],
    ids=["refused_for_a_day", "refused_for_three_days", "a_limit_is_no_reason"],
)
async def test_an_event_outlives_a_weekend_with_a_wrong_key_and_giving_it_up_is_told(
    company: Company, monkeypatch: pytest.MonkeyPatch, status: int, looks: int, result: str | None
) -> None:
    """As a wish outlives it that the browser told of."""
    monkeypatch.setattr(worker_events, "IDLE_LOOK_S", 0.05)
    await listening(company)
    company.flows.fail_next(status, path="/v1/events/", times=1)
    company.flows.finish(company.flows.create_session("sub_1")["id"], status="canceled")

    await company.pool.execute(
        "INSERT INTO aiocancel.doorbell (vendor, event_id, attempts) VALUES ('prosperstack', $1, $2)",
        completed(company)["id"],
        looks,
    )
    await until(lambda: _is_put_off_or_ended(company))

    assert await rung(company) == [result]
    if result is None:
        assert company.events.of(VendorEventGivenUp) == []
    else:
        assert await company.events.codes(VendorEventGivenUp) == ["bad_api_key"]


async def _is_put_off_or_ended(company: Company) -> bool:
    # Longer than the lease of a look.
    return bool(
        await company.pool.fetchval(
            "SELECT result IS NOT NULL OR due_at > now() + interval '10 minutes' FROM aiocancel.doorbell"
        )
    )


async def test_an_event_that_was_given_up_is_looked_at_again_once_the_vendor_lists_it(
    pool: Pool,
) -> None:
    bell = Doorbell(pool, "prosperstack")
    await bell.ring("evt_weekend")
    (ring,) = await bell.take(limit=1)
    await bell.answer(ring, ForeignCode.gave_up_on(Code.BAD_API_KEY))

    await bell.vouch("evt_weekend")
    again = await bell.take(limit=1)

    assert again == [Ring("evt_weekend", 1)]


async def test_an_event_that_cannot_be_read_has_a_code_and_the_log_names_the_place(
    company: Company, caplog: pytest.LogCaptureFixture
) -> None:
    company.stripe.add_subscription("sub_1")
    client = await listening(company)
    await company.finished("canceled")
    event = completed(company)
    event["data"] = {"id": "sess_1", "status": 5}

    assert await ring(client, event) == 204

    await answered(company)
    assert await rung(company) == [Code.VENDOR_DATA]
    (record,) = [each for each in caplog.records if "cannot be read" in each.getMessage()]
    assert "status" in record.getMessage()
    assert company.stripe.effects == []


async def test_a_session_that_was_given_up_is_recorded_and_changes_nothing(
    company: Company,
) -> None:
    company.stripe.add_subscription("sub_1")
    client = await listening(company)
    await company.finished("incomplete")
    assert await ring(client, completed(company)) == 204
    await answered(company)
    assert await company.pool.fetchval("SELECT status FROM aiocancel.claim") == "incomplete"
    assert company.stripe.effects == []


BY_CUSTOMER = SubscriptionQuery(
    "SELECT stripe_subscription_id, customer_id AS name, customer_id || '@example.com' AS email "
    "FROM app_subscription WHERE customer_id = $1"
)


@pytest.mark.parametrize("by", ["browser", "webhook"])
async def test_on_a_custom_platform_the_session_names_the_customer_and_the_offer_reaches_their_subscription(
    company: Company, by: str
) -> None:
    company.stripe.add_subscription("sub_1")
    client = await listening(company, platform="custom", subscriptions=BY_CUSTOMER)
    session = await company.finished("saved", "offr_coupon")
    if by == "browser":
        assert (await company.claim(session))["outcome"] == "done"
    else:
        assert await ring(client, completed(company)) == 204
    await until(lambda: company.changes() == ["discounts"])


FIRST_OF_SEVERAL = SubscriptionQuery(f"{BY_CUSTOMER.sql} ORDER BY 1", choose="first")


async def listening_with_two(company: Company) -> TestClient[Any, Any]:
    """A site whose customer has two subscriptions, which flow sessions do not name."""
    for subscription in ("sub_1", "sub_2"):
        company.stripe.add_subscription(subscription)
    await add_customer(company.pool, "ada", "sub_2")
    return await listening(company, platform="custom", subscriptions=FIRST_OF_SEVERAL)


async def cancelled_at_the_vendor(company: Company, subscription: str) -> None:
    """The customer's page named a subscription, and its flow session ended; the browser says nothing."""
    signed = (await flow_of(company, subscription))["signedPayload"]
    session = company.flows.create_session(payload=json.loads(signed["payload"]))
    company.flows.finish(session["id"], status="canceled")


async def test_a_session_that_names_the_customer_cancels_the_subscription_that_the_page_named(
    company: Company,
) -> None:
    client = await listening_with_two(company)
    await cancelled_at_the_vendor(company, "sub_2")

    assert await ring(client, completed(company)) == 204

    await until(lambda: company.stripe.subscriptions["sub_2"]["cancel_at_period_end"])
    assert company.changes() == []


@pytest.mark.parametrize(
    ("has_proof", "code", "by_event"),
    [
        (True, Code.FLOW_SESSION_OF_ANOTHER_SUBSCRIPTION, ["discounts"]),
        (False, Code.WHICH_SUBSCRIPTION, []),
    ],
    ids=["proof", "no_proof"],
)
async def test_an_offer_made_for_one_subscription_is_not_paid_onto_another_of_the_same_customer(
    company: Company, has_proof: bool, code: Code, by_event: list[str]
) -> None:
    company.flows.echoes_meta = has_proof
    client = await listening_with_two(company)
    session = await accepted_at_the_vendor(company, "sub_1")

    grant = (await flow_of(company, "sub_2"))["grant"]
    await client.post(
        "/cancel/result",
        json={"grant": grant, "result": {"status": "saved", "flowSession": session}},
        headers=as_customer("ada"),
    )
    refused = await company.events.codes(ActionRefused if has_proof else ActionParked)
    await ring(client, completed(company))
    await answered(company)
    await until(lambda: company.changes() == by_event)

    assert refused == [code]
    assert company.stripe.effects_on("sub_2") == []


async def test_a_flow_session_that_ended_one_subscription_ends_no_other_by_itself(
    company: Company,
) -> None:
    client = await listening_with_two(company)
    await cancelled_at_the_vendor(company, "sub_1")
    session = completed(company)["data"]

    # The page of the one hands over what the flow of the other came to.
    grant = (await flow_of(company, "sub_2"))["grant"]
    posted = await client.post(
        "/cancel/result",
        json={"grant": grant, "result": {"status": "canceled", "flowSession": session}},
        headers=as_customer("ada"),
    )
    await ring(client, completed(company))
    parked = await company.events.codes(ActionParked)

    assert posted.status == 200
    assert parked == [Code.FLOW_SESSION_ENDED_ANOTHER]
    assert company.stripe.subscriptions["sub_2"]["cancel_at_period_end"]
    assert company.changes() == []


async def flow_of(company: Company, subscription: str) -> dict[str, Any]:
    assert company.client is not None
    response = await company.client.get(
        f"/cancel/payload?subscription={subscription}", headers=as_customer("ada")
    )
    flow: dict[str, Any] = (await response.json())["flow"]
    return flow


async def accepted_at_the_vendor(company: Company, subscription: str) -> dict[str, Any]:
    signed = (await flow_of(company, subscription))["signedPayload"]
    session = company.flows.create_session(payload=json.loads(signed["payload"]))
    return company.flows.finish(session["id"], status="saved", offer_id="offr_coupon")


async def test_a_session_that_names_the_customer_only_cancels_none_of_several(
    company: Company,
) -> None:
    for subscription in ("sub_1", "sub_2"):
        company.stripe.add_subscription(subscription)
    await add_customer(company.pool, "ada", "sub_2")
    trusting = {"proof_in": None, "trusts_vendor_sessions": True}
    client = await listening(
        company, platform="custom", subscriptions=FIRST_OF_SEVERAL, of_vendor=trusting
    )
    await cancelled_at_the_vendor(company, "sub_2")

    assert await ring(client, completed(company)) == 204

    await answered(company)
    assert await rung(company) == ["which_subscription"]
    assert company.stripe.effects_on("sub_1") == company.stripe.effects_on("sub_2") == []


async def test_an_event_is_held_for_no_longer_than_an_action(company: Company) -> None:
    client = await listening(company, worker_lease_s=7.0)
    company.flows.fail_next(path="/v1/events/", times=1, delay_s=60.0)
    company.flows.finish(company.flows.create_session("sub_1")["id"], status="incomplete")

    await ring(client, completed(company))
    await until(lambda: any("/v1/events/" in one.path for one in company.flows.requests))

    held_s = await company.pool.fetchval(
        "SELECT extract(epoch FROM max(due_at) - now())::float8 FROM aiocancel.doorbell"
    )
    company.flows.heal()
    assert held_s <= 7.0


async def test_an_event_that_a_dead_process_took_comes_back_when_its_lease_ends(pool: Pool) -> None:
    doorbell = Doorbell(pool, "prosperstack", lease_s=0.5)
    await doorbell.ring("evt_1")

    first = await doorbell.take(limit=1)
    meanwhile = await doorbell.take(limit=1)
    await asyncio.sleep(0.6)
    again = await doorbell.take(limit=1)

    assert [(ring.event_id, ring.attempt) for ring in [*first, *meanwhile, *again]] == [
        ("evt_1", 1),
        ("evt_1", 2),
    ]
