"""The simulated ProsperStack over plain HTTP: what it accepts, refuses, remembers and tells."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import encode_basic_auth, web

from aiocancel.testing.prosperstack.simulator import ProsperStackSimulator
from aiocancel.testing.prosperstack.state import Hosts

SUBSCRIPTION = {"platformId": "sub_1"}


class MovableClock:
    def __init__(self) -> None:
        self.now = datetime(2026, 3, 1, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock()


@pytest.fixture
def simulator(clock: MovableClock) -> ProsperStackSimulator:
    return ProsperStackSimulator(clock=clock)


@pytest_asyncio.fixture(loop_scope="session")
async def hosts(simulator: ProsperStackSimulator) -> AsyncIterator[Hosts]:
    async with simulator.serve() as served:
        yield served


@pytest_asyncio.fixture(loop_scope="session")
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


async def open_flow(
    http: aiohttp.ClientSession,
    hosts: Hosts,
    simulator: ProsperStackSimulator,
    payload: dict[str, Any] | None = None,
    *,
    signature: str | None = None,
    query: str = "",
) -> tuple[int, dict[str, Any], str | None]:
    body = json.dumps(
        payload or {"clientId": simulator.client_id, "subscription": SUBSCRIPTION}
    ).encode()
    headers = {
        "content-type": "application/json",
        "x-prosperstack-signature": simulator.sign(body) if signature is None else signature,
        "x-prosperstack-url": "https://saas.example/account?tab=billing",
    }
    async with http.post(f"{hosts.api_url}/flow?{query}", data=body, headers=headers) as answer:
        return answer.status, await answer.json(), answer.headers.get("Location")


def basic(key: str) -> dict[str, str]:
    return {"Authorization": encode_basic_auth(key)}


async def rest(
    http: aiohttp.ClientSession,
    hosts: Hosts,
    path: str,
    *,
    key: str = "key_test_simulator",
    **query: str,
) -> tuple[int, dict[str, Any]]:
    async with http.get(f"{hosts.api_url}/v1/{path}", params=query, headers=basic(key)) as answer:
        return answer.status, await answer.json()


async def test_a_signed_payload_opens_a_session_at_an_absolute_address_without_a_query(
    http: aiohttp.ClientSession, hosts: Hosts, simulator: ProsperStackSimulator
) -> None:
    status, body, location = await open_flow(http, hosts, simulator)
    (session,) = simulator.sessions.values()
    assert status == 201
    assert body == {"signatureRequired": True, "signatureVerified": True}
    assert location == f"{hosts.app_url}/f/{session['id']}"
    assert hosts.app_url != hosts.api_url
    assert session["subscription"]["platform_id"] == "sub_1"
    assert session["client_url"] == "https://saas.example/account?tab=billing"


async def test_a_signature_over_other_bytes_is_refused(
    http: aiohttp.ClientSession, hosts: Hosts, simulator: ProsperStackSimulator
) -> None:
    wrong = simulator.sign(b'{"clientId":"acct_simulator","subscription":{"platformId":"sub_1"}}')
    status, body, _ = await open_flow(http, hosts, simulator, signature=wrong)
    assert (status, body) == (401, {"error": "The signature is not valid."})
    assert simulator.sessions == {}


async def test_a_flow_without_required_signatures_says_whether_the_signature_was_right(
    http: aiohttp.ClientSession, hosts: Hosts, simulator: ProsperStackSimulator
) -> None:
    simulator.require_signature = False
    status, body, _ = await open_flow(http, hosts, simulator, signature="")
    assert (status, body) == (201, {"signatureRequired": False, "signatureVerified": False})


@pytest.mark.parametrize(
    "payload",
    [
        {"clientId": "acct_other", "subscription": SUBSCRIPTION},
        {"subscription": SUBSCRIPTION},
        {"clientId": "acct_simulator"},
        {"clientId": "acct_simulator", "subscription": "sub_1"},
        {"clientId": "acct_simulator", "subscription": {"platformId": "sub_unknown"}},
        {"clientId": "acct_simulator", "subscriber": {"name": "Ada", "email": "ada@example.com"}},
        {"clientId": "acct_simulator", "subscriber": {"internalId": "1", "name": "Ada"}},
    ],
)
async def test_a_payload_that_names_nobody_known_is_refused_with_a_reason(
    http: aiohttp.ClientSession,
    hosts: Hosts,
    simulator: ProsperStackSimulator,
    payload: dict[str, Any],
) -> None:
    simulator.known_subscriptions = {"sub_1"}
    status, body, _ = await open_flow(http, hosts, simulator, payload)
    assert status == 400
    assert set(body) == {"error"}


@pytest.mark.parametrize(
    ("kind", "right", "wrong"),
    [
        ("text", "EU", 7),
        ("number", 1.5, "1.5"),
        ("number", 0, True),
        ("boolean", False, 0),
        ("date", "2026-01-31", "31.01.2026"),
        ("date", "2024-02-29", "20240229"),
        ("date", None, 1_767_000_000),
    ],
)
async def test_a_known_property_has_to_have_its_type(
    http: aiohttp.ClientSession,
    hosts: Hosts,
    simulator: ProsperStackSimulator,
    kind: str,
    right: object,
    wrong: object,
) -> None:
    simulator.properties = {"answer": kind}
    for value, status in ((right, 201), (wrong, 400)):
        payload = {
            "clientId": simulator.client_id,
            "subscriber": {"internalId": "1", "name": "Ada", "email": "ada@example.com"},
            "subscription": {"properties": {"answer": value}},
        }
        assert (await open_flow(http, hosts, simulator, payload))[0] == status


async def test_a_property_that_was_never_created_is_refused(
    http: aiohttp.ClientSession, hosts: Hosts, simulator: ProsperStackSimulator
) -> None:
    simulator.properties = {"region": "text"}
    payload = {
        "clientId": simulator.client_id,
        "subscription": {**SUBSCRIPTION, "properties": {"Region": "EU"}},
    }
    assert (await open_flow(http, hosts, simulator, payload))[:2] == (
        400,
        {"error": "The property Region does not exist."},
    )


async def test_the_old_name_of_the_subscription_id_is_understood(
    http: aiohttp.ClientSession, hosts: Hosts, simulator: ProsperStackSimulator
) -> None:
    payload = {"clientId": simulator.client_id, "subscription": {"paymentProviderId": "sub_9"}}
    assert (await open_flow(http, hosts, simulator, payload))[0] == 201
    assert next(iter(simulator.sessions.values()))["subscription"]["platform_id"] == "sub_9"


async def test_test_mode_opens_a_session_for_any_subscription_and_has_no_side_effects(
    http: aiohttp.ClientSession, hosts: Hosts, simulator: ProsperStackSimulator
) -> None:
    simulator.known_subscriptions = set()
    assert (await open_flow(http, hosts, simulator, query="testMode=true"))[0] == 201
    (session_id,) = simulator.sessions
    assert simulator.finish(session_id, status="canceled")["status"] == "canceled"
    assert simulator.events == []


async def test_the_preflight_allows_exactly_the_headers_that_the_client_sends(
    http: aiohttp.ClientSession, hosts: Hosts
) -> None:
    async with http.options(f"{hosts.api_url}/flow") as answer:
        allowed = set(answer.headers["Access-Control-Allow-Headers"].split(", "))
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert allowed == {
        "content-type",
        "x-prosperstack-signature",
        "x-prosperstack-version",
        "x-prosperstack-url",
        "x-prosperstack-subscription-cache-token",
    }


async def test_init_gives_a_cache_token(
    http: aiohttp.ClientSession, hosts: Hosts, simulator: ProsperStackSimulator
) -> None:
    body = {"clientId": simulator.client_id, "subscription": SUBSCRIPTION}
    async with http.post(f"{hosts.api_url}/flow/init", json=body) as answer:
        assert (await answer.json())["token"].startswith("cache_")


async def test_the_flow_page_may_be_framed_by_anyone_and_runs_no_inline_script(
    http: aiohttp.ClientSession, hosts: Hosts, simulator: ProsperStackSimulator
) -> None:
    session = simulator.create_session(client_url="https://saas.example/a")
    async with http.get(f"{hosts.app_url}/f/{session['id']}?embedded=true") as answer:
        policy, text = answer.headers["Content-Security-Policy"], await answer.text()
    assert "default-src 'none'" in policy
    assert "frame-ancestors *" in policy
    assert "unsafe" not in policy
    assert '"parentOrigin": "https://saas.example"' in text


async def test_markup_in_an_offer_cannot_leave_the_pages_data(
    http: aiohttp.ClientSession, hosts: Hosts, simulator: ProsperStackSimulator
) -> None:
    simulator.offers[0]["name"] = "</script><b>"
    session = simulator.create_session()
    async with http.get(f"{hosts.app_url}/f/{session['id']}?language=%22%3E%3Cb%3E") as answer:
        assert "<b>" not in await answer.text()


async def test_the_flow_ends_once_however_often_it_is_asked(
    http: aiohttp.ClientSession, hosts: Hosts, simulator: ProsperStackSimulator
) -> None:
    session = simulator.create_session()
    for choice in (
        {"status": "saved", "offerId": "offr_coupon", "reason": "other"},
        {"status": "canceled"},
    ):
        async with http.post(f"{hosts.app_url}/f/{session['id']}/finish", json=choice) as answer:
            assert await answer.json() == {"status": "saved", "flowSession": session}
    assert [event["event"] for event in simulator.events] == [
        "flow_session_started",
        "flow_session_completed",
    ]


async def test_a_finished_session_carries_everything_the_rest_api_documents(
    simulator: ProsperStackSimulator,
) -> None:
    session = simulator.create_session("sub_7")
    assert session["status"] == "in_progress"
    simulator.finish(
        session["id"], status="saved", offer_id="offr_coupon", cancel_reason="Too many mails"
    )

    assert session["offer_accepted"]["details"]["coupon_type"] == "percentage"
    assert session["cancel_reason"] == {"text": "Too many mails", "reason_code": None}
    assert session["answers"][0]["value"][0]["text"] == "Too many mails"
    assert [step["step"]["type"] for step in session["steps"]] == ["question", "offer"]
    assert {
        "started_at",
        "completed_at",
        "flow",
        "deflected_by",
        "rerouted_from_flow_session_id",
    } <= set(session)


@pytest.mark.parametrize(
    ("status", "offer_id"),
    [("saved", None), ("canceled", "offr_coupon"), ("saved", "offr_nobody_offered")],
)
async def test_a_result_that_contradicts_itself_is_refused(
    simulator: ProsperStackSimulator, status: str, offer_id: str | None
) -> None:
    session = simulator.create_session()
    with pytest.raises(ValueError, match="offer"):
        simulator.finish(session["id"], status=status, offer_id=offer_id)


async def test_an_incomplete_session_becomes_deflected_after_a_day(
    http: aiohttp.ClientSession, hosts: Hosts, simulator: ProsperStackSimulator, clock: MovableClock
) -> None:
    session = simulator.create_session()
    simulator.finish(session["id"], status="incomplete", cancel_reason=None)
    clock.now += timedelta(hours=23, minutes=59)
    assert (await rest(http, hosts, f"flow_sessions/{session['id']}"))[1]["status"] == "incomplete"
    clock.now += timedelta(minutes=1)
    later = (await rest(http, hosts, f"flow_sessions/{session['id']}"))[1]
    assert later["status"] == "deflected"
    assert later["deflected_by"] == {"type": "automatic", "details": None}


async def test_the_rest_api_needs_its_key(http: aiohttp.ClientSession, hosts: Hosts) -> None:
    status, body = await rest(http, hosts, "flow_sessions", key="key_other")
    assert status == 401
    assert set(body) == {"error"}
    async with http.get(f"{hosts.api_url}/v1/events") as answer:
        assert answer.status == 401


@pytest.mark.parametrize(
    "path", ["flow_sessions/sess_x", "events/evt_x", "offers/offr_x", "nothing/here"]
)
async def test_what_does_not_exist_is_not_found(
    http: aiohttp.ClientSession, hosts: Hosts, path: str
) -> None:
    assert (await rest(http, hosts, path))[0] == 404


async def test_lists_are_read_page_by_page(
    http: aiohttp.ClientSession, hosts: Hosts, simulator: ProsperStackSimulator
) -> None:
    wanted = [simulator.create_session()["id"] for _ in range(5)]
    found: list[str] = []
    query = {"limit": "2"}
    while True:
        _, page = await rest(http, hosts, "flow_sessions", **query)
        found += [row["id"] for row in page["data"]]
        if page["next_cursor"] is None:
            break
        query["cursor"] = page["next_cursor"]
    assert found == wanted


@pytest.mark.parametrize(
    "query", [{"limit": "0"}, {"limit": "101"}, {"limit": "x"}, {"cursor": "?"}, {"cursor": "LTU="}]
)
async def test_a_page_that_cannot_be_is_refused(
    http: aiohttp.ClientSession, hosts: Hosts, query: dict[str, str]
) -> None:
    assert (await rest(http, hosts, "events", **query))[0] == 400


async def test_events_are_listed_after_a_known_one_and_by_name(
    http: aiohttp.ClientSession, hosts: Hosts, simulator: ProsperStackSimulator
) -> None:
    for _ in range(2):
        simulator.finish(simulator.create_session()["id"])
    first, *others = simulator.events
    assert (await rest(http, hosts, "events", after_id=first["id"]))[1]["data"] == others
    named = (await rest(http, hosts, "events", event="flow_session_completed"))[1]["data"]
    assert named == [simulator.events[1], simulator.events[3]]
    assert (await rest(http, hosts, f"events/{first['id']}"))[1] == first
    assert (await rest(http, hosts, "events", after_id="evt_x"))[0] == 400


async def test_sessions_are_filtered_by_status_and_date(
    http: aiohttp.ClientSession, hosts: Hosts, simulator: ProsperStackSimulator, clock: MovableClock
) -> None:
    early = simulator.finish(simulator.create_session()["id"])
    clock.now += timedelta(hours=1)
    late = simulator.finish(
        simulator.create_session()["id"], status="saved", offer_id="offr_custom"
    )
    simulator.create_session()

    async def ids(**query: str) -> list[str]:
        return [row["id"] for row in (await rest(http, hosts, "flow_sessions", **query))[1]["data"]]

    assert await ids(status="canceled") == [early["id"]]
    assert await ids(**{"completed_at[gte]": "2026-03-01T13:00:00Z"}) == [late["id"]]
    assert await ids(**{"completed_at[lt]": "2026-03-01T13:00:00Z"}) == [early["id"]]
    assert (await rest(http, hosts, "flow_sessions", **{"updated_at[gt]": "yesterday"}))[0] == 400


async def test_an_event_keeps_the_session_as_it_was_then(simulator: ProsperStackSimulator) -> None:
    session = simulator.create_session()
    simulator.finish(session["id"])
    assert simulator.events[0]["data"]["status"] == "in_progress"
    assert simulator.events[1]["data"]["status"] == "canceled"


async def test_requests_beyond_the_minutes_allowance_are_refused_until_the_next_window(
    http: aiohttp.ClientSession, hosts: Hosts, simulator: ProsperStackSimulator, clock: MovableClock
) -> None:
    simulator.rate_limit = 2
    headers = basic(simulator.api_key)
    seen = []
    for _ in range(3):
        clock.now += timedelta(seconds=10)
        async with http.get(f"{hosts.api_url}/v1/offers", headers=headers) as answer:
            seen.append(
                (
                    answer.status,
                    answer.headers["RateLimit-Remaining"],
                    answer.headers["RateLimit-Reset"],
                )
            )
    assert seen == [(200, "1", "60"), (200, "0", "50"), (429, "0", "40")]
    clock.now += timedelta(seconds=40)

    assert (await rest(http, hosts, "offers"))[0] == 200


async def test_a_fault_strikes_the_next_matching_request_and_no_other(
    http: aiohttp.ClientSession, hosts: Hosts, simulator: ProsperStackSimulator
) -> None:
    simulator.fail_next(503, path="/v1/events", error="maintenance")
    assert (await rest(http, hosts, "offers"))[0] == 200
    assert await rest(http, hosts, "events") == (503, {"error": "maintenance"})
    assert (await rest(http, hosts, "events"))[0] == 200


async def test_a_simulated_429_says_when_to_come_back(
    http: aiohttp.ClientSession, hosts: Hosts, simulator: ProsperStackSimulator
) -> None:
    simulator.fail_next(429, headers={"RateLimit-Reset": "7"})
    async with http.get(f"{hosts.api_url}/v1/offers", headers=basic(simulator.api_key)) as answer:
        assert (answer.status, answer.headers["RateLimit-Reset"]) == (429, "7")


async def test_a_dropped_connection_gives_no_answer(
    http: aiohttp.ClientSession, hosts: Hosts, simulator: ProsperStackSimulator
) -> None:
    simulator.fail_next(drop=True, times=5)
    with pytest.raises(aiohttp.ClientError):
        await rest(http, hosts, "offers")


async def test_stopping_does_not_wait_for_a_request_that_is_being_delayed(
    http: aiohttp.ClientSession, simulator: ProsperStackSimulator
) -> None:
    simulator.fail_next(delay_s=3600)
    async with asyncio.timeout(10):
        async with simulator.serve() as hosts:
            waiting = asyncio.create_task(rest(http, hosts, "offers"))
            while not simulator.requests:  # noqa: ASYNC110 - the simulator keeps a list, not an event
                await asyncio.sleep(0)
        assert (await waiting)[0] == 200


async def test_both_hosts_can_share_one_origin(simulator: ProsperStackSimulator) -> None:
    async with simulator.serve(app_port=None) as hosts:
        assert hosts.api_url == hosts.app_url


async def test_the_stand_in_client_is_served_to_pages_of_any_origin(
    http: aiohttp.ClientSession, hosts: Hosts
) -> None:
    async with http.get(f"{hosts.app_url}/flow.min.js") as answer:
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert answer.content_type == "text/javascript"
        assert "window.ProsperStack" in await answer.text()


@pytest_asyncio.fixture(loop_scope="session")
async def received(simulator: ProsperStackSimulator) -> AsyncIterator[list[dict[str, Any]]]:
    """Webhooks that arrived at a receiver of our own, which the simulator is told about."""
    arrived: list[dict[str, Any]] = []

    async def receive(request: web.Request) -> web.Response:
        arrived.append(await request.json())
        return web.Response(status=202)

    app = web.Application()
    app.router.add_post("/hook", receive)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    simulator.webhook_url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    yield arrived
    await runner.cleanup()


async def test_webhooks_carry_the_event_under_the_webhooks_own_key_names(
    received: list[dict[str, Any]], hosts: Hosts, simulator: ProsperStackSimulator
) -> None:
    simulator.finish(simulator.create_session()["id"])
    await simulator.deliveries_settled()
    assert received == [
        {"event": event["event"], "event_id": event["id"], "data": event["data"]}
        for event in simulator.events
    ]
    assert [delivery.status for delivery in simulator.deliveries] == [202, 202]


async def test_an_event_can_be_delivered_twice(
    received: list[dict[str, Any]], hosts: Hosts, simulator: ProsperStackSimulator
) -> None:
    simulator.create_session()
    simulator.redeliver(simulator.events[0]["id"])
    await simulator.deliveries_settled()
    assert received[0] == received[1]


async def test_a_receiver_that_is_down_costs_the_simulator_nothing(
    hosts: Hosts, simulator: ProsperStackSimulator
) -> None:
    simulator.webhook_url = "http://127.0.0.1:1/hook"
    simulator.create_session()
    await simulator.deliveries_settled()
    (delivery,) = simulator.deliveries
    assert delivery.status is None
