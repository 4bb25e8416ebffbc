"""ProsperStack's REST API over real sockets: what is asked, what is read, and what each failure means."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import socket
import ssl
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web

from aiocancel.core.claim import FlowStatus
from aiocancel.core.codes import Code
from aiocancel.core.flow_session import VendorEvent
from aiocancel.core.identifiers import FlowSessionId
from aiocancel.core.offers.terms import AcceptedOffer, TrialTerms
from aiocancel.errors import (
    ConfigurationError,
    RejectedVendorError,
    SimulatorRefusedError,
    TransientVendorError,
    VendorDataError,
    VendorError,
)
from aiocancel.ports import OutcomeVerifier
from aiocancel.testing.prosperstack.simulator import ProsperStackSimulator
from aiocancel.vendors.prosperstack.api import ProsperStackApi, _checked, open_prosperstack_api
from tests.support.saas import vendor
from tests.support.waiting import until

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

KEY = "key_test_simulator"
SESSION = {"id": "sess_1", "status": "canceled"}
SESSION_ID = FlowSessionId("sess_1")


class FakeTime:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
        await asyncio.sleep(0)


class HeldTime(FakeTime):
    """A clock whose sleepers all wait until it is moved."""

    def __init__(self) -> None:
        super().__init__()
        self._moved = asyncio.Event()

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        await self._moved.wait()

    def move(self, seconds: float) -> None:
        self.now += seconds
        self._moved.set()
        self._moved = asyncio.Event()


class StandIn:
    """One server for all tests of this file; each says how it answers, and most are no ProsperStack at all."""

    def __init__(self) -> None:
        self.url = ""
        self.answer: Handler

    async def handle(self, request: web.Request) -> web.StreamResponse:
        return await self.answer(request)


STAND_IN = StandIn()


@pytest_asyncio.fixture(loop_scope="session", scope="module", autouse=True)
async def stand_in() -> AsyncIterator[None]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", STAND_IN.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        STAND_IN.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield
    finally:
        await runner.cleanup()


@pytest.fixture
def simulator() -> ProsperStackSimulator:
    return ProsperStackSimulator(api_key=KEY)


@pytest_asyncio.fixture(loop_scope="session")
async def host(simulator: ProsperStackSimulator) -> AsyncIterator[str]:
    async with simulator.serve() as hosts:
        yield hosts.api_url


@pytest_asyncio.fixture(loop_scope="session")
async def api(host: str) -> AsyncIterator[ProsperStackApi]:
    async with api_of(host) as opened:
        yield opened


def api_of(
    host: str, *, key: str = KEY, **settings: Any
) -> contextlib.AbstractAsyncContextManager[ProsperStackApi]:
    return open_prosperstack_api(vendor(api_key=key, api_host=host).api_access, **settings)


@contextlib.asynccontextmanager
async def served(handler: Handler) -> AsyncIterator[ProsperStackApi]:
    """The API of a server that is no ProsperStack at all."""
    STAND_IN.answer = handler
    async with api_of(STAND_IN.url) as opened:
        yield opened


def answering(body: Any, status: int = 200, headers: dict[str, str] | None = None) -> Handler:
    async def answer(_: web.Request) -> web.Response:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        return web.Response(
            body=raw, status=status, headers=headers, content_type="application/json"
        )

    return answer


async def failure_of(question: Awaitable[object]) -> VendorError:
    with pytest.raises(VendorError) as raised:
        await question
    return raised.value


def finished(simulator: ProsperStackSimulator, *, offer_id: str | None = None) -> FlowSessionId:
    session = simulator.create_session("sub_1")
    simulator.finish(
        session["id"], status="canceled" if offer_id is None else "saved", offer_id=offer_id
    )
    return FlowSessionId(session["id"])


# --- what is asked and read ---------------------------------------------------------------------------


async def test_a_flow_session_is_read_as_it_is_now(
    api: ProsperStackApi, simulator: ProsperStackSimulator
) -> None:
    verifier: OutcomeVerifier = api
    session_id = finished(simulator, offer_id="offr_trial_extension")
    session = await verifier.flow_session(session_id)
    assert session is not None
    assert (session.session_id, session.status, session.subscription_id) == (
        session_id,
        FlowStatus.SAVED,
        "sub_1",
    )
    assert session.accepted == AcceptedOffer("offr_trial_extension", TrialTerms(14))


async def test_a_flow_session_that_does_not_exist_is_none(api: ProsperStackApi) -> None:
    assert await api.flow_session(FlowSessionId("sess_unknown")) is None


@pytest.mark.parametrize("test_mode", [False, True])
async def test_an_event_tells_of_a_sessions_end_unless_it_was_one_of_the_vendors_test_mode(
    api: ProsperStackApi, simulator: ProsperStackSimulator, test_mode: bool
) -> None:
    finished(simulator)
    opened = simulator.create_session("sub_1", test_mode=test_mode)
    simulator.finish(opened["id"], status="saved", offer_id="offr_coupon")
    session = await api.flow_session(FlowSessionId(opened["id"]))
    assert session is not None

    assert await api.tells_of(session) is not test_mode


@pytest.mark.parametrize(
    ("apart_s", "most_questions"),
    [
        pytest.param(60.0, 1, id="quiet_day"),
        pytest.param(1.2, 2, id="fifty_a_minute"),
        pytest.param(0.3, 3, id="two_hundred_a_minute"),
        pytest.param(0.03, 6, id="two_thousand_a_minute"),
    ],
)
async def test_the_event_of_a_session_is_found_among_hundreds_before_and_after_it(
    apart_s: float, most_questions: int
) -> None:
    moments = (
        datetime(2026, 11, 27, 9, tzinfo=UTC) + timedelta(seconds=n * apart_s) for n in count()
    )
    simulator = ProsperStackSimulator(api_key=KEY, clock=lambda: next(moments), rate_limit=10**6)
    ended = [finished(simulator, offer_id="offr_coupon") for _ in range(700)]

    async with simulator.serve() as hosts, api_of(hosts.api_url) as api:
        for number in (0, 300, 350, 699):
            session = await api.flow_session(ended[number])
            assert session is not None
            simulator.requests.clear()

            assert await api.tells_of(session)
            assert len(simulator.requests) <= most_questions


async def test_a_session_that_has_not_ended_yet_has_no_event(
    api: ProsperStackApi, simulator: ProsperStackSimulator
) -> None:
    opened = simulator.create_session("sub_1")
    session = await api.flow_session(FlowSessionId(opened["id"]))
    assert session is not None

    assert not await api.tells_of(session)


async def test_an_event_is_read_with_its_session(
    api: ProsperStackApi, simulator: ProsperStackSimulator
) -> None:
    session_id = finished(simulator)
    made = simulator.events[-1]
    event = await api.event(made["id"])
    assert event == VendorEvent(
        made["id"],
        "flow_session_completed",
        await api.flow_session(session_id),
        datetime.fromisoformat(made["created_at"]),
    )


async def test_an_event_that_does_not_exist_is_none(api: ProsperStackApi) -> None:
    assert await api.event("evt_unknown") is None


async def test_the_key_goes_as_a_user_name_without_a_password(
    api: ProsperStackApi, simulator: ProsperStackSimulator
) -> None:
    await api.flow_session(FlowSessionId("sess_unknown"))
    (request,) = simulator.requests

    assert (request.method, request.path, request.query) == (
        "GET",
        "/v1/flow_sessions/sess_unknown",
        "",
    )
    assert (
        base64.b64decode(request.headers["Authorization"].removeprefix("Basic "))
        == f"{KEY}:".encode()
    )
    assert "Cookie" not in request.headers


@pytest.mark.parametrize(
    "odd_id",
    ["", ".", "..", "sess_../x", "sess_1/..", "sess_1%2f..", "sess_1?x=1", "sess_1#", "sess 1", "sess_1\n", "sess_ü",
     "s" * 256],
    ids=repr,
)  # fmt: skip
def test_an_id_that_plays_with_the_path_is_refused(odd_id: str) -> None:
    with pytest.raises(RejectedVendorError) as refused:
        _checked(odd_id)

    assert refused.value.code == "bad_id"
    assert "sess" not in str(refused.value)


async def test_no_question_about_a_refused_id_leaves(
    api: ProsperStackApi, simulator: ProsperStackSimulator
) -> None:
    odd_id = "sess_1/.."

    failures = [
        await failure_of(question)
        for question in (
            api.flow_session(FlowSessionId(odd_id)),
            api.event(odd_id),
            api.events_after(odd_id),
        )
    ]

    assert {(type(failure), failure.code) for failure in failures} == {
        (RejectedVendorError, "bad_id")
    }
    assert simulator.requests == []


# --- events, page by page -----------------------------------------------------------------------------


async def test_events_come_oldest_first_over_all_pages(
    api: ProsperStackApi, simulator: ProsperStackSimulator
) -> None:
    for _ in range(60):
        finished(simulator)
    made = [event["id"] for event in simulator.events]
    events = await api.events_after(None, limit=1000)
    assert [event.event_id for event in events] == made
    assert len(simulator.requests) == 3
    assert {event.name for event in events} == {"flow_session_started", "flow_session_completed"}


async def test_events_go_on_after_the_last_one_that_is_known(
    api: ProsperStackApi, simulator: ProsperStackSimulator
) -> None:
    for _ in range(5):
        finished(simulator)
    made = [event["id"] for event in simulator.events]
    first = await api.events_after(made[1], limit=3)
    rest = await api.events_after(first[-1].event_id)
    assert [event.event_id for event in first] == made[2:5]
    assert [event.event_id for event in rest] == made[5:]
    assert await api.events_after(made[-1]) == []


async def test_no_more_events_are_fetched_than_were_asked_for(
    api: ProsperStackApi, simulator: ProsperStackSimulator
) -> None:
    for _ in range(60):
        finished(simulator)
    made = [event["id"] for event in simulator.events]
    events = await api.events_after(None, limit=60)
    assert [event.event_id for event in events] == made[:60]
    assert len(simulator.requests) == 2


async def test_an_event_too_old_to_go_on_from_is_refused(api: ProsperStackApi) -> None:
    failure = await failure_of(api.events_after("evt_gone"))
    assert isinstance(failure, RejectedVendorError)
    assert failure.http_status == 400


async def test_asking_for_no_events_is_a_mistake(api: ProsperStackApi) -> None:
    with pytest.raises(ValueError, match="limit"):
        await api.events_after(None, limit=0)


def event(at: int, minute: int) -> dict[str, Any]:
    moment = datetime(2026, 3, 1, 12, minute, tzinfo=UTC).isoformat()
    return {
        "id": f"evt_{at}",
        "event": "flow_session_completed",
        "data": SESSION,
        "created_at": moment,
    }


async def test_a_whole_list_is_put_in_order_whatever_the_vendors_order_is() -> None:
    async with served(answering({"data": [event(2, 2), event(1, 1)], "next_cursor": None})) as api:
        assert [each.event_id for each in await api.events_after(None)] == ["evt_1", "evt_2"]


async def test_an_event_without_a_time_at_the_head_of_a_longer_list_is_taken_for_the_oldest() -> (
    None
):
    without_a_time = {**event(1, 1), "created_at": None}
    page = {"data": [without_a_time, event(2, 2)], "next_cursor": "more"}

    async with served(answering(page)) as api:
        events = await api.events_after(None, limit=2)

    assert [(each.event_id, each.created_at is None) for each in events] == [
        ("evt_1", True),
        ("evt_2", False),
    ]


async def test_the_newest_part_of_a_longer_list_is_refused_rather_than_older_events_lost() -> None:
    async with served(
        answering({"data": [event(2, 2), event(1, 1)], "next_cursor": "more"})
    ) as api:
        failure = await failure_of(api.events_after(None, limit=2))
        assert type(failure) is VendorDataError


async def test_an_empty_page_ends_the_list_even_if_it_names_another() -> None:
    async with served(answering({"data": [], "next_cursor": "again"})) as api:
        assert await api.events_after(None) == []


async def test_a_cursor_travels_as_it_was_given() -> None:
    seen = []

    async def pages(request: web.Request) -> web.Response:
        seen.append(dict(request.query))
        page = {
            "data": [event(len(seen), 1)],
            "next_cursor": "a/b+c=&limit=1" if len(seen) == 1 else None,
        }
        return web.json_response(page)

    async with served(pages) as api:
        await api.events_after("evt_0")
    assert seen == [
        {"limit": "50", "after_id": "evt_0"},
        {"limit": "50", "after_id": "evt_0", "cursor": "a/b+c=&limit=1"},
    ]


# --- what each failure means --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "kind", "code"),
    [
        (400, RejectedVendorError, "http_400"),
        (401, TransientVendorError, "bad_api_key"),
        (403, TransientVendorError, "bad_api_key"),
        (407, TransientVendorError, "http_407"),
        (408, TransientVendorError, "http_408"),
        (425, TransientVendorError, "http_425"),
        (409, RejectedVendorError, "http_409"),
        (429, TransientVendorError, "rate_limited"),
        (500, TransientVendorError, "http_500"),
        (502, TransientVendorError, "http_502"),
        (503, TransientVendorError, "http_503"),
    ],
)
async def test_an_error_is_worth_asking_again_unless_the_vendor_refused_the_question(
    api: ProsperStackApi,
    simulator: ProsperStackSimulator,
    status: int,
    kind: type[VendorError],
    code: str,
) -> None:
    simulator.fail_next(status, error="a text of the vendor's")
    failure = await failure_of(api.flow_session(finished(simulator)))
    assert (type(failure), failure.code, failure.http_status) == (kind, code, status)
    assert "text" not in str(failure)
    assert len(simulator.requests) == 1


async def test_a_key_that_is_not_valid_is_the_operators_to_replace(
    simulator: ProsperStackSimulator, host: str
) -> None:
    async with api_of(host, key="key_test_other") as api:
        failure = await failure_of(api.flow_session(SESSION_ID))
    assert isinstance(failure, TransientVendorError)
    assert (failure.code, failure.retry_after_s) == ("bad_api_key", None)
    assert "key_test_other" not in str(failure)


@pytest.mark.parametrize(
    ("headers", "retry_after_s"),
    [
        ({"RateLimit-Reset": "23"}, 23.0),
        ({"RateLimit-Reset": "soon"}, None),
        ({"RateLimit-Reset": "999999999"}, 3600.0),
    ],
)
async def test_a_429_says_when_to_ask_again(
    api: ProsperStackApi,
    simulator: ProsperStackSimulator,
    headers: dict[str, str],
    retry_after_s: float | None,
) -> None:
    simulator.fail_next(429, headers=headers)
    failure = await failure_of(api.flow_session(SESSION_ID))
    assert isinstance(failure, TransientVendorError)
    assert failure.retry_after_s == retry_after_s


async def test_an_answer_that_takes_too_long_is_a_timeout(
    simulator: ProsperStackSimulator, host: str
) -> None:
    simulator.fail_next(delay_s=30)
    async with api_of(host, timeout_s=0.05) as api:
        failure = await failure_of(api.flow_session(finished(simulator)))
    assert (type(failure), failure.code, failure.http_status) == (
        TransientVendorError,
        "timeout",
        None,
    )


async def test_a_late_answer_within_the_time_is_read(
    api: ProsperStackApi, simulator: ProsperStackSimulator
) -> None:
    simulator.fail_next(delay_s=0.02)
    assert await api.flow_session(finished(simulator)) is not None


async def test_a_connection_that_drops_once_is_tried_again_at_once(
    api: ProsperStackApi, simulator: ProsperStackSimulator
) -> None:
    session_id = finished(simulator)
    simulator.fail_next(drop=True)
    assert await api.flow_session(session_id) is not None
    assert len(simulator.requests) == 2


async def test_a_connection_that_drops_twice_is_for_the_worker_to_try_again(
    api: ProsperStackApi, simulator: ProsperStackSimulator
) -> None:
    simulator.fail_next(drop=True, times=5)
    failure = await failure_of(api.flow_session(finished(simulator)))
    assert (type(failure), failure.code) == (TransientVendorError, "unreachable")
    assert len(simulator.requests) == 2


async def test_nobody_at_the_address_is_worth_asking_again() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        host = f"http://127.0.0.1:{unused.getsockname()[1]}"
        async with api_of(host) as api:
            failure = await failure_of(api.flow_session(SESSION_ID))
    assert (type(failure), failure.code) == (TransientVendorError, "unreachable")
    assert "127.0.0.1" not in str(failure)


@pytest.mark.parametrize("announced", [True, False], ids=["announced", "chunked"])
async def test_a_body_that_is_cut_is_worth_asking_again(announced: bool) -> None:
    async def cut(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        if announced:
            response.content_length = 1000
        await response.prepare(request)
        await response.write(b'{"id": "sess_1", ')
        assert request.transport is not None
        request.transport.close()
        return response

    async with served(cut) as api:
        failure = await failure_of(api.flow_session(SESSION_ID))
    assert (type(failure), failure.code) == (TransientVendorError, "unreachable")


@pytest.mark.parametrize("chunked", [True, False])
@pytest.mark.parametrize("asked", ["session", "event", "events"])
async def test_an_oversized_body_is_not_read_to_its_end(asked: str, chunked: bool) -> None:
    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        response.content_type = "application/json"
        if not chunked:
            response.content_length = 1024**3
        await response.prepare(request)
        with contextlib.suppress(ConnectionError):
            while True:
                await response.write(b" " * 64 * 1024)
        return response

    async with served(endless) as api:
        questions: dict[str, Callable[[], Awaitable[object]]] = {
            "session": lambda: api.flow_session(SESSION_ID),
            "event": lambda: api.event("evt_1"),
            "events": lambda: api.events_after(None),
        }
        failure = await failure_of(questions[asked]())
    assert (type(failure), failure.code) == (VendorDataError, "vendor_data")


@pytest.mark.parametrize("body", [b'{"id": "sess_1"}', b"{}", b'{"data": 1}', b'{"id": NaN}'])
async def test_an_object_that_cannot_be_read_is_refused(body: bytes) -> None:
    async with served(answering(body)) as api:
        for question in (api.flow_session(SESSION_ID), api.event("evt_1"), api.events_after(None)):
            assert type(await failure_of(question)) is VendorDataError


@pytest.mark.parametrize(
    "body", [b"", b"{", b"<html>", b'{"id": "sess_1"', b"[]", b"\xff", b"null", b"[" * 5_000]
)
async def test_a_200_that_is_no_object_is_somebody_elses_and_passes(body: bytes) -> None:
    async with served(answering(body)) as api:
        for question in (api.flow_session(SESSION_ID), api.event("evt_1"), api.events_after(None)):
            failure = await failure_of(question)
            assert type(failure) is TransientVendorError
            assert failure.code == Code.NOT_THE_VENDORS_ANSWER


async def test_a_long_page_of_a_proxy_passes_as_well() -> None:
    async def page(_: web.Request) -> web.Response:
        return web.Response(body=b"<p>down for maintenance</p>" * 20_000, content_type="text/html")

    async with served(page) as api:
        assert type(await failure_of(api.flow_session(SESSION_ID))) is TransientVendorError


async def test_a_page_of_millions_of_values_is_refused_before_it_is_decoded() -> None:
    page = b'{"data": [' + b"{}," * 100_000 + b"{}]}"
    async with served(answering(page)) as api:
        failure = await failure_of(api.events_after(None))

    assert type(failure) is VendorDataError
    assert str(failure).endswith("or holds too many values")


async def test_an_answer_about_something_else_than_was_asked_is_refused() -> None:
    other = {"id": "sess_2", "status": "saved", "event": "flow_session_completed", "data": SESSION}
    async with served(answering(other)) as api:
        assert type(await failure_of(api.flow_session(SESSION_ID))) is VendorDataError
        assert type(await failure_of(api.event("evt_1"))) is VendorDataError


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed(status: int) -> None:
    paths = []

    async def redirect(request: web.Request) -> web.Response:
        paths.append(request.path)
        return web.Response(status=status, headers={"Location": "/elsewhere"})

    async with served(redirect) as api:
        failure = await failure_of(api.flow_session(SESSION_ID))
    assert (type(failure), failure.http_status) == (TransientVendorError, status)
    assert paths == ["/v1/flow_sessions/sess_1"]


@pytest.mark.parametrize("status", [400, 404])
@pytest.mark.parametrize(
    "body",
    [b"", b"<h1>Not Found</h1>", b'["error"]', b'{"error": 1}', b"[" * 10_000, b" " * 100_000],
    ids=len,
)
async def test_a_proxys_page_is_no_answer_of_the_vendors(status: int, body: bytes) -> None:
    async with served(answering(body, status)) as api:
        failure = await failure_of(api.flow_session(SESSION_ID))
    assert (type(failure), failure.http_status) == (TransientVendorError, status)


async def test_a_list_that_does_not_exist_is_refused() -> None:
    async with served(answering({"error": "Not found."}, 404)) as api:
        failure = await failure_of(api.events_after(None))
    assert (type(failure), failure.http_status) == (RejectedVendorError, 404)


async def test_a_cookie_is_never_sent_back() -> None:
    cookies = []

    async def answer(request: web.Request) -> web.Response:
        cookies.append(request.headers.get("Cookie"))
        return web.json_response(SESSION, headers={"Set-Cookie": "account=1"})

    async with served(answer) as api:
        await api.flow_session(SESSION_ID)
        await api.flow_session(SESSION_ID)
    assert cookies == [None, None]


# --- the rate limit -----------------------------------------------------------------------------------


def limits(remaining: int | str, reset: int | str = 30, limit: int | str = 100) -> dict[str, str]:
    return {
        "RateLimit-Limit": str(limit),
        "RateLimit-Remaining": str(remaining),
        "RateLimit-Reset": str(reset),
    }


@contextlib.asynccontextmanager
async def counted(
    time: FakeTime, answer: Callable[[int], dict[str, str]], *, longest_wait_s: float = 60.0
) -> AsyncIterator[tuple[ProsperStackApi, list[float]]]:
    """An API on a fake clock, the moments at which requests arrived, and headers by the request's number."""
    arrived: list[float] = []

    async def handle(_: web.Request) -> web.Response:
        arrived.append(time.now)
        return web.json_response(SESSION, headers=answer(len(arrived)))

    STAND_IN.answer = handle
    async with api_of(
        STAND_IN.url, clock=time, sleep=time.sleep, longest_wait_s=longest_wait_s
    ) as api:
        yield api, arrived


async def test_nothing_waits_while_the_vendor_allows_requests() -> None:
    time = FakeTime()
    async with counted(time, lambda _: limits(50)) as (api, arrived):
        for _ in range(10):
            await api.flow_session(SESSION_ID)
    assert (time.slept, len(arrived)) == ([], 10)


async def test_when_the_vendor_allows_no_more_the_next_request_waits_for_the_reset() -> None:
    time = FakeTime()
    async with counted(time, lambda number: limits(1 - number % 2, reset=23)) as (api, arrived):
        await api.flow_session(SESSION_ID)
        await api.flow_session(SESSION_ID)
    assert (time.slept, arrived) == ([23.0], [1000.0, 1023.0])


async def test_a_reset_too_far_away_is_left_to_the_worker() -> None:
    time = FakeTime()
    async with counted(time, lambda _: limits(0, reset=23), longest_wait_s=22.0) as (api, arrived):
        await api.flow_session(SESSION_ID)
        failure = await failure_of(api.flow_session(SESSION_ID))
        assert isinstance(failure, TransientVendorError)
        assert (failure.code, failure.retry_after_s, failure.http_status) == (
            "rate_limited",
            23.0,
            None,
        )
        time.now += 23
        await api.flow_session(SESSION_ID)

    assert (time.slept, arrived) == ([], [1000.0, 1023.0])


async def test_after_a_429_no_request_leaves_before_the_reset(
    simulator: ProsperStackSimulator, host: str
) -> None:
    time = FakeTime()
    session_id = finished(simulator)
    simulator.fail_next(429, headers={"RateLimit-Reset": "7"})
    async with api_of(host, clock=time, sleep=time.sleep) as api:
        await failure_of(api.flow_session(session_id))
        assert await api.flow_session(session_id) is not None
    assert time.slept == [7.0]


async def test_a_429_without_headers_ends_the_minute(simulator: ProsperStackSimulator) -> None:
    time = FakeTime()
    async with served(answering({"error": "Too many requests."}, 429)) as api:
        api._clock, api._longest_wait_s = time, 10.0
        failure = await failure_of(api.flow_session(SESSION_ID))
        assert isinstance(failure, TransientVendorError)
        assert failure.retry_after_s is None
        failure = await failure_of(api.flow_session(SESSION_ID))
        assert isinstance(failure, TransientVendorError)
        assert failure.retry_after_s == 60.0


async def test_without_any_headers_a_minute_has_a_hundred_requests() -> None:
    time = HeldTime()
    async with counted(time, lambda _: {}) as (api, arrived), asyncio.TaskGroup() as tasks:
        for _ in range(150):
            tasks.create_task(api.flow_session(SESSION_ID))
        await until(lambda: len(arrived) == 100)
        assert time.slept == [60.0] * 50
        time.move(60)
    assert arrived[100:] == [1060.0] * 50


async def test_a_larger_limit_counts_from_the_answer_that_tells_of_it() -> None:
    time = FakeTime()
    async with counted(time, lambda number: limits(999 - number, reset=60, limit=1000)) as (
        api,
        arrived,
    ):
        for _ in range(150):
            await api.flow_session(SESSION_ID)
    assert (time.slept, len(arrived)) == ([], 150)


async def test_requests_that_waited_together_keep_the_next_minutes_limit_together() -> None:
    time = HeldTime()
    headers_by_number = [limits(-number % 5, reset=60, limit=5) for number in range(13)]
    async with counted(time, headers_by_number.__getitem__, longest_wait_s=120.0) as (api, arrived):
        for _ in range(5):
            await api.flow_session(SESSION_ID)
        async with asyncio.TaskGroup() as tasks:
            for _ in range(7):
                tasks.create_task(api.flow_session(SESSION_ID))
            await until(lambda: len(time.slept) == 7)
            time.move(60)
            await until(lambda: (len(arrived), len(time.slept)) == (10, 9))
            time.move(60)

    assert Counter(arrived) == {1000.0: 5, 1060.0: 5, 1120.0: 2}


async def test_what_other_processes_use_counts_too() -> None:
    time = FakeTime()
    async with counted(time, lambda number: limits(1 if number == 1 else 40, reset=30)) as (
        api,
        arrived,
    ):
        for _ in range(3):
            await api.flow_session(SESSION_ID)
    assert arrived == [1000.0, 1000.0, 1030.0]


@pytest.mark.parametrize("odd", ["", "-1", "1.5", "x", "٣", "9" * 400], ids=len)
async def test_headers_that_cannot_be_read_change_nothing(odd: str) -> None:
    time = FakeTime()
    async with counted(time, lambda _: limits(odd.encode().decode("latin-1"), odd, odd)) as (
        api,
        arrived,
    ):
        for _ in range(3):
            await api.flow_session(SESSION_ID)
    assert (time.slept, len(arrived)) == ([], 3)


async def test_a_window_that_never_ends_by_its_headers_ends_after_a_minute() -> None:
    time = FakeTime()
    async with counted(time, lambda _: limits(1, reset=999_999)) as (api, arrived):
        for _ in range(3):
            await api.flow_session(SESSION_ID)
    assert arrived == [1000.0, 1000.0, 1060.0]


async def test_the_simulators_limit_is_met_but_never_exceeded() -> None:
    time = FakeTime()
    simulator = ProsperStackSimulator(
        api_key=KEY, rate_limit=3, clock=lambda: datetime.fromtimestamp(time.now, UTC)
    )
    async with (
        simulator.serve() as hosts,
        api_of(hosts.api_url, clock=time, sleep=time.sleep, longest_wait_s=60.0) as api,
    ):
        session_id = finished(simulator)
        for _ in range(10):
            assert await api.flow_session(session_id) is not None

    assert time.slept == [60.0, 60.0, 60.0]
    assert len(simulator.requests) == 10


# --- opening ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", [None, ""])
async def test_without_a_key_the_api_does_not_open(key: str | None) -> None:
    with pytest.raises(ConfigurationError, match="api_key"):
        async with open_prosperstack_api(vendor(api_key=key).api_access):
            pass


@pytest.mark.parametrize("key", ["key_test:secret", "key_test_\n", "key_test_ü"])
async def test_a_key_that_no_header_can_carry_is_refused_without_being_quoted(key: str) -> None:
    with pytest.raises(ConfigurationError, match="api_key") as raised:
        async with open_prosperstack_api(vendor(api_key=key).api_access):
            pass
    assert "test" not in str(raised.value)


async def test_a_live_key_does_not_go_over_plain_http() -> None:
    with pytest.raises(SimulatorRefusedError):
        async with api_of("http://127.0.0.1:9", key="key_live"):
            pass


async def test_a_live_key_opens_the_vendors_own_host() -> None:
    async with open_prosperstack_api(vendor(api_key="key_live").api_access) as api:
        assert isinstance(api, ProsperStackApi)


async def test_certificates_are_read_once_for_all_clients_of_a_process(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with api_of(STAND_IN.url):
        pass
    monkeypatch.setattr(ssl, "create_default_context", None)

    async with api_of(STAND_IN.url):
        pass
