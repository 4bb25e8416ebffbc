"""The Content-Security-Policy reaches every response, widened by what the widget needs and by nothing else."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp_jinja2
import jinja2
import pytest
import pytest_asyncio
from aiohttp import WSMsgType, web
from aiohttp.test_utils import TestClient, TestServer
from aiohttp.typedefs import Handler
from multidict import CIMultiDict, CIMultiDictProxy
from pytest_aiohttp import AiohttpClient

from aiocancel import (
    STRICT_POLICY,
    CancelFlow,
    ConfigurationError,
    FlowNotResolvedError,
    StripeBilling,
)
from aiocancel.config import DEFAULTS
from aiocancel.telemetry import CachingRefused, Event, PolicyNotWidened
from aiocancel.testing.postgres import EmbeddedPostgres
from aiocancel.web.csp_header import new_nonce
from aiocancel.web.flow_context import FLOW_KEY, current_flow
from aiocancel.web.template_variable import add_to_environment
from tests.support import saas
from tests.support.saas import Events, Pool, as_customer, make_app
from tests.support.web import (
    NOWHERE,
    SCRIPT,
    STRICT_POLICY_WIDENED,
    STYLE_HASH,
    Page,
    Subscriptions,
    nonces_in,
    widened_with,
)

CSP = "Content-Security-Policy"
REPORT_ONLY = "Content-Security-Policy-Report-Only"
NEEDS = (
    f"script-src 'self' {SCRIPT}; "
    f"style-src 'self' {STYLE_HASH}; "
    "connect-src 'self' https://api.prosperstack.com; "
    "frame-src 'self' https://app.prosperstack.com"
)

Join = Callable[[CancelFlow, web.Application], None]
PageHandler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def make_cancel(database: str | Pool, **settings: Any) -> CancelFlow:
    """A plug-in on a site whose every page is a flow page, unless told otherwise."""
    return saas.make_cancel(database, **{"flow_pages": "all", **settings})


def with_setup(cancel: CancelFlow, app: web.Application) -> None:
    cancel.setup(app)


def with_middleware_only(cancel: CancelFlow, app: web.Application) -> None:
    app.middlewares.append(cancel.middleware)


# --- every kind of response ---------------------------------------------------------------------------


async def plain(_: web.Request) -> web.Response:
    return web.Response(text="hello")


async def json_answer(_: web.Request) -> web.Response:
    return web.json_response({"hello": "there"})


async def redirect(_: web.Request) -> web.Response:
    return web.Response(status=302, headers={"Location": "/plain"})


async def raised_redirect(_: web.Request) -> web.Response:
    raise web.HTTPSeeOther("/plain")


async def raised_forbidden(_: web.Request) -> web.Response:
    raise web.HTTPForbidden


async def bug(_: web.Request) -> web.Response:
    raise RuntimeError("a bug of the application")


async def nothing(_: web.Request) -> Any:
    return None


async def stream(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    await response.write(b"hello")
    return response


async def stream_of_a_clone(request: web.Request) -> web.StreamResponse:
    return await stream(request.clone())


async def compressed(_: web.Request) -> web.Response:
    response = web.Response(text="hello " * 1000)
    response.enable_compression()
    return response


async def file(_: web.Request) -> web.FileResponse:
    return web.FileResponse(__file__)


async def socket(request: web.Request) -> web.WebSocketResponse:
    response = web.WebSocketResponse()
    await response.prepare(request)
    await response.close()
    return response


@web.middleware
async def gatekeeper(request: web.Request, handler: Handler) -> web.StreamResponse:
    if request.path.startswith("/outer/raises"):
        raise web.HTTPForbidden
    if request.path.startswith("/outer/answers"):
        return web.Response(text="answered outside")
    return await handler(request)


@web.middleware
async def replacer(request: web.Request, handler: Handler) -> web.StreamResponse:
    response = await handler(request)
    return web.Response(text="another") if request.path == "/replaced" else response


def build(cancel: CancelFlow, join: Join, folder: Path) -> web.Application:
    app = web.Application(middlewares=[gatekeeper])
    join(cancel, app)
    app.middlewares.append(replacer)

    for path, handler in {
        "/plain": plain,
        "/replaced": plain,
        "/json": json_answer,
        "/redirect": redirect,
        "/raised-redirect": raised_redirect,
        "/raised-forbidden": raised_forbidden,
        "/bug": bug,
        "/nothing": nothing,
        "/stream": stream,
        "/compressed": compressed,
        "/file": file,
        "/socket": socket,
        "/outer/answers": plain,
    }.items():
        app.router.add_get(path, handler)

    app.router.add_static("/static", folder)
    sub = web.Application()
    sub.router.add_get("/plain", plain)
    sub.router.add_get("/bug", bug)
    app.add_subapp("/sub", sub)

    return app


KINDS = {
    "plain": ("GET", "/plain", 200),
    "HEAD": ("HEAD", "/plain", 200),
    "replaced by an inner middleware": ("GET", "/replaced", 200),
    "JSON": ("GET", "/json", 200),
    "redirect": ("GET", "/redirect", 302),
    "raised redirect": ("GET", "/raised-redirect", 303),
    "raised 403": ("GET", "/raised-forbidden", 403),
    "no such page": ("GET", "/no/such/page", 404),
    "wrong method": ("POST", "/plain", 405),
    "unhandled exception": ("GET", "/bug", 500),
    "handler without an answer": ("GET", "/nothing", 500),
    "stream": ("GET", "/stream", 200),
    "compressed": ("GET", "/compressed", 200),
    "file": ("GET", "/file", 200),
    "static file": ("GET", "/static/page.txt", 200),
    "part of a static file": ("RANGE", "/static/page.txt", 206),
    "static file, not modified": ("REVALIDATE", "/static/page.txt", 304),
    "no such static file": ("GET", "/static/nothing.txt", 404),
    "WebSocket handshake": ("UPGRADE", "/socket", 101),
    "sub-application": ("GET", "/sub/plain", 200),
    "bug of a sub-application": ("GET", "/sub/bug", 500),
    "no such page in a sub-application": ("GET", "/sub/nothing", 404),
}
# These are sent although no request ever reaches our middleware, so only the signal can see them.
OUTER_KINDS = {
    "raised by an outer middleware": ("GET", "/outer/raises", 403),
    "answered by an outer middleware": ("GET", "/outer/answers", 200),
    "expectation failed": ("EXPECT", "/plain", 417),
}


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def sites(
    postgres: EmbeddedPostgres, template_database: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[dict[Join, Any]]:
    # Of its own: beside it the tests of this file open sites that look customers up otherwise.
    database = await postgres.create_database("pages_with_policies", template=template_database)

    folder = tmp_path_factory.mktemp("static")
    (folder / "page.txt").write_text("a static page")
    clients: dict[Join, Any] = {}
    for join in (with_setup, with_middleware_only):
        cancel = make_cancel(database, run_worker=False)
        clients[join] = TestClient(TestServer(build(cancel, join, folder)))
        await clients[join].start_server()

    yield clients

    for client in clients.values():
        await client.close()
    await postgres.drop_database("pages_with_policies")


async def ask(
    client: TestClient[Any, Any], method: str, path: str
) -> tuple[int, CIMultiDictProxy[str]]:
    match method:
        case "UPGRADE" | "EXPECT":
            return await _ask_by_hand(client, method, path)
        case "REVALIDATE":
            first = await client.get(path)
            response = await client.get(path, headers={"If-None-Match": first.headers["ETag"]})
        case "RANGE":
            response = await client.get(path, headers={"Range": "bytes=0-3"})
        case _:
            response = await client.request(method, path, allow_redirects=False)

    await response.read()

    return response.status, response.headers


async def _ask_by_hand(
    client: TestClient[Any, Any], method: str, path: str
) -> tuple[int, CIMultiDictProxy[str]]:
    special = {
        "UPGRADE": "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
        "EXPECT": "Expect: something-else\r\nConnection: close\r\n",
    }[method]
    reader, writer = await asyncio.open_connection(client.host, client.port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{special}\r\n".encode())
    status_line, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().strip().split("\r\n")
    writer.close()
    await writer.wait_closed()
    headers: CIMultiDict[str] = CIMultiDict()

    for line in lines:
        name, _, value = line.partition(": ")
        headers.add(name, value)

    return int(status_line.split()[1]), CIMultiDictProxy(headers)


# No page with the flow: the policy is there, and nothing is opened.
UNOPENED = {
    "part of a static file",
    "static file",
    "static file, not modified",
    "no such static file",
    *OUTER_KINDS,
}


@pytest.mark.parametrize(
    ("join", "kind"),
    [
        *[
            pytest.param(with_setup, kind, id=f"setup, {name}")
            for name, kind in {**KINDS, **OUTER_KINDS}.items()
        ],
        *[
            pytest.param(with_middleware_only, kind, id=f"middleware only, {name}")
            for name, kind in KINDS.items()
        ],
    ],
)
async def test_every_kind_of_response_carries_exactly_the_policy_that_the_widget_needs(
    sites: dict[Join, TestClient[Any, Any]], join: Join, kind: tuple[str, str, int]
) -> None:
    method, path, expected_status = kind
    status, headers = await ask(sites[join], method, path)
    assert status == expected_status
    opened = kind not in [({**KINDS, **OUTER_KINDS})[name] for name in UNOPENED]
    assert headers.getall(CSP) == [STRICT_POLICY_WIDENED if opened else STRICT_POLICY]
    assert REPORT_ONLY not in headers


# --- pages without the flow ------------------------------------------------------------------------------


@pytest.mark.parametrize("join", [with_setup, with_middleware_only])
@pytest.mark.parametrize(
    ("own", "sent"),
    [
        ((), [(CSP, STRICT_POLICY)]),
        (((CSP, "script-src 'self'"),), [(CSP, "script-src 'self'")]),
        (((CSP, "img-src bücher"),), [(CSP, "img-src bücher")]),
        (((REPORT_ONLY, "default-src 'none'"),), [(REPORT_ONLY, "default-src 'none'")]),
    ],
    ids=["no policy", "own policy", "unreadable policy", "policy that is tried out"],
)
async def test_a_page_that_does_not_use_the_flow_is_opened_for_nothing(
    aiohttp_client: AiohttpClient,
    shared_pool: Pool,
    join: Join,
    own: tuple[tuple[str, str], ...],
    sent: list[tuple[str, str]],
) -> None:
    events = Events()
    cancel = make_cancel(shared_pool, run_worker=False, flow_pages=["/account"], on_event=events)
    app = web.Application()
    join(cancel, app)
    app.router.add_get("/terms", answering(*own))

    response = await (await aiohttp_client(app)).get("/terms", headers=as_customer("ada"))

    policies = [
        (name, value.encode("utf-8", "surrogateescape").decode())
        for name, value in response.headers.items()
        if name in (CSP, REPORT_ONLY)
    ]
    assert policies == sent
    assert events.of(PolicyNotWidened) == []


@pytest.mark.parametrize(
    "used",
    [
        "cancel_flow.script()",
        "cancel_flow.button()",
        "cancel_flow.resume_button()",
        "cancel_flow.unpause_button()",
        "cancel_flow.remove_discount_button()",
    ],
)
async def test_a_page_that_uses_any_part_of_the_flow_is_opened_for_it(
    aiohttp_client: AiohttpClient, used: str
) -> None:
    cancel = make_cancel(NOWHERE, flow_pages=())

    response = await (await aiohttp_client(page_app(cancel, f"{{{{ {used} }}}}"))).get("/")

    assert "frame-src 'self' https://app.prosperstack.com" in response.headers[CSP]
    assert "connect-src 'self' https://api.prosperstack.com" in response.headers[CSP]


# --- the application's own policy ---------------------------------------------------------------------


def answering(*headers: tuple[str, str]) -> PageHandler:
    async def page(_: web.Request) -> web.Response:
        return web.Response(headers=CIMultiDict(headers))

    return page


def small_app(cancel: CancelFlow, handler: PageHandler) -> web.Application:
    app = web.Application(middlewares=[cancel.middleware])
    app.router.add_get("/", handler)
    return app


WIDENINGS = {
    "default-src is inherited": (
        [(CSP, "default-src 'self' https://img.example")],
        [
            (
                CSP,
                "default-src 'self' https://img.example; "
                f"script-src 'self' https://img.example {SCRIPT}; "
                f"style-src 'self' https://img.example {STYLE_HASH}; "
                "connect-src 'self' https://img.example https://api.prosperstack.com; "
                "frame-src 'self' https://img.example https://app.prosperstack.com",
            )
        ],
    ),
    "'none' gives way": (
        [(CSP, "default-src 'none'")],
        [
            (
                CSP,
                f"default-src 'none'; script-src {SCRIPT}; style-src {STYLE_HASH}; "
                "connect-src https://api.prosperstack.com 'self'; frame-src https://app.prosperstack.com",
            )
        ],
    ),
    "a nonce and a hash of the application's stay": (
        [(CSP, "script-src 'nonce-cGFnZQ==' 'sha256-cGFnZQ=='; style-src 'nonce-cGFnZQ=='")],
        [
            (
                CSP,
                f"script-src 'nonce-cGFnZQ==' 'sha256-cGFnZQ==' {SCRIPT}; "
                f"style-src 'nonce-cGFnZQ==' {STYLE_HASH}",
            )
        ],
    ),
    "a style list that relies on 'unsafe-inline' gets no hash": (
        [(CSP, "style-src 'self' 'unsafe-inline'")],
        [(CSP, "style-src 'self' 'unsafe-inline'")],
    ),
    "every copy of the header is widened": (
        [(CSP, "connect-src 'self'"), (CSP, "frame-src 'none'")],
        [
            (CSP, "connect-src 'self' https://api.prosperstack.com"),
            (CSP, "frame-src https://app.prosperstack.com"),
        ],
    ),
    "every policy of a comma list is widened": (
        [(CSP, "connect-src 'self', frame-src 'none'")],
        [
            (
                CSP,
                "connect-src 'self' https://api.prosperstack.com, frame-src https://app.prosperstack.com",
            )
        ],
    ),
    "a policy that is only tried out stays so": (
        [(REPORT_ONLY, "connect-src 'self'; report-uri /csp")],
        [(REPORT_ONLY, "connect-src 'self' https://api.prosperstack.com; report-uri /csp")],
    ),
    "an enforced and a tried out policy are both widened": (
        [(CSP, "frame-src 'none'"), (REPORT_ONLY, "connect-src 'none'")],
        [
            (CSP, "frame-src https://app.prosperstack.com"),
            (REPORT_ONLY, "connect-src https://api.prosperstack.com 'self'"),
        ],
    ),
    "forms may still be sent to the site": (
        [(CSP, "form-action https://pay.example")],
        [(CSP, "form-action https://pay.example 'self'")],
    ),
    "what nothing governs is left alone": (
        [(CSP, "object-src 'none'; upgrade-insecure-requests")],
        [(CSP, "object-src 'none'; upgrade-insecure-requests")],
    ),
    "an unknown directive is carried through": (
        [(CSP, "brand-new-directive yes; connect-src 'self'")],
        [(CSP, "brand-new-directive yes; connect-src 'self' https://api.prosperstack.com")],
    ),
}


@pytest.mark.parametrize(("own", "expected"), WIDENINGS.values(), ids=WIDENINGS)
async def test_the_applications_own_policy_is_widened_and_nothing_is_taken_away(
    aiohttp_client: AiohttpClient, own: list[tuple[str, str]], expected: list[tuple[str, str]]
) -> None:
    client = await aiohttp_client(small_app(make_cancel(NOWHERE), answering(*own)))
    for _ in range(2):  # the second time from memory
        response = await client.get("/")
        assert [
            (name, value) for name, value in response.headers.items() if name in (CSP, REPORT_ONLY)
        ] == expected


@pytest.mark.parametrize("join", [with_setup, with_middleware_only])
@pytest.mark.parametrize(
    "cancel_first", [True, False], ids=["before the policy", "after the policy"]
)
async def test_a_policy_that_the_application_sets_in_a_signal_is_widened_whoever_comes_first(
    aiohttp_client: AiohttpClient, shared_pool: Pool, join: Join, cancel_first: bool
) -> None:
    cancel = make_cancel(shared_pool, run_worker=False)
    app = web.Application()
    app.router.add_get("/", plain)

    async def set_policy(_: web.Request, response: web.StreamResponse) -> None:
        response.headers[CSP] = "default-src 'self'"

    if cancel_first:
        join(cancel, app)
    app.on_response_prepare.append(set_policy)
    if not cancel_first:
        join(cancel, app)
    response = await (await aiohttp_client(app)).get("/")
    assert response.headers.getall(CSP) == [f"default-src 'self'; {NEEDS}"]


async def test_a_policy_of_a_sub_applications_signal_is_widened(
    aiohttp_client: AiohttpClient, shared_pool: Pool
) -> None:
    cancel = make_cancel(shared_pool, run_worker=False)
    app, sub = web.Application(), web.Application()

    async def set_policy(_: web.Request, response: web.StreamResponse) -> None:
        response.headers[CSP] = "default-src 'self'"

    cancel.setup(app)
    sub.router.add_get("/plain", plain)
    sub.on_response_prepare.append(set_policy)
    app.add_subapp("/sub", sub)
    response = await (await aiohttp_client(app)).get("/sub/plain")
    assert response.headers.getall(CSP) == [f"default-src 'self'; {NEEDS}"]


async def test_a_stream_prepared_on_a_clone_of_the_request_carries_the_policy(
    aiohttp_client: AiohttpClient, shared_pool: Pool
) -> None:
    cancel = make_cancel(shared_pool, run_worker=False)
    app = web.Application()
    cancel.setup(app)
    app.router.add_get("/", stream_of_a_clone)
    response = await (await aiohttp_client(app)).get("/")
    assert response.headers.getall(CSP) == [STRICT_POLICY_WIDENED]


async def test_routes_by_hand_do_not_switch_the_policy_off(aiohttp_client: AiohttpClient) -> None:
    cancel = make_cancel(NOWHERE)
    app = small_app(cancel, plain)
    cancel.add_routes(app)
    response = await (await aiohttp_client(app)).get("/")
    assert response.headers.getall(CSP) == [STRICT_POLICY_WIDENED]


@pytest.mark.parametrize(
    "page", ["", "{{ cancel_flow.nonce }}"], ids=["without a nonce", "with a nonce"]
)
async def test_a_policy_that_cannot_be_read_is_sent_as_it_is_and_reported(
    aiohttp_client: AiohttpClient, page: str
) -> None:
    events = Events()
    broken = "default-src 'self'; img-src https://bücher.example"
    cancel = make_cancel(NOWHERE, on_event=events)
    client = await aiohttp_client(
        page_app(cancel, page, (CSP, broken), (CSP, "connect-src 'self'"))
    )
    response = await client.get("/")
    assert response.status == 200
    sent = [
        value.encode("utf-8", "surrogateescape").decode() for value in response.headers.getall(CSP)
    ]
    assert sent == [broken, "connect-src 'self' https://api.prosperstack.com"]
    (event,) = events.of(PolicyNotWidened)

    assert "a non-ASCII character" in event.reason


async def test_a_policy_is_written_where_another_tool_has_taken_the_requests_hook_before(
    aiohttp_client: AiohttpClient,
) -> None:
    seen = []

    @web.middleware
    async def other_tool(request: web.Request, handler: Handler) -> web.StreamResponse:
        async def hook(response: web.StreamResponse) -> None:
            seen.append(CSP in response.headers)

        object.__setattr__(request, "_prepare_hook", hook)
        return await handler(request)

    app = web.Application(middlewares=[other_tool, make_cancel(NOWHERE).middleware])
    app.router.add_get("/", plain)
    response = await (await aiohttp_client(app)).get("/")
    assert response.headers.getall(CSP) == [STRICT_POLICY_WIDENED]
    assert seen == [False]


async def test_a_failure_while_the_policy_is_written_leaves_the_response_and_its_policy_alone(
    aiohttp_client: AiohttpClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    cancel = make_cancel(NOWHERE)
    client = await aiohttp_client(
        small_app(cancel, answering((CSP, "connect-src 'self'"), (CSP, "img-src 'self'")))
    )

    def fail(*_: object) -> str:
        raise RuntimeError("a bug of ours")

    monkeypatch.setattr(cancel._site.policy, "_widened", fail)
    response = await client.get("/")
    assert response.status == 200
    assert response.headers.getall(CSP) == ["connect-src 'self'", "img-src 'self'"]
    (record,) = [each for each in caplog.records if "could not be written" in each.message]
    assert (record.name, record.message) == (
        "aiocancel",
        "the Content-Security-Policy could not be written",
    )


async def test_an_event_hook_that_fails_costs_neither_the_response_nor_its_policy(
    aiohttp_client: AiohttpClient, caplog: pytest.LogCaptureFixture
) -> None:
    def failing_hook(event: Event) -> None:
        raise RuntimeError(f"the hook has a bug: {type(event).__name__}")

    cancel = make_cancel(NOWHERE, on_event=failing_hook)
    client = await aiohttp_client(small_app(cancel, answering((CSP, "img-src bücher"))))
    response = await client.get("/")
    assert response.status == 200
    assert len(response.headers.getall(CSP)) == 1
    assert "the event hook failed at PolicyNotWidened" in caplog.text


@pytest.mark.parametrize("page", ["", "{{ cancel_flow.script() }}"], ids=["any page", "flow page"])
async def test_a_page_without_a_policy_gets_one_that_it_does_not_notice(
    aiohttp_client: AiohttpClient, page: str
) -> None:
    cancel = make_cancel(NOWHERE, content_security_policy=DEFAULTS.content_security_policy)

    response = await (await aiohttp_client(page_app(cancel, page))).get("/")

    assert response.headers.getall(CSP) == [
        "base-uri 'self'; object-src 'none'; frame-ancestors 'self'"
    ]


@pytest.mark.parametrize(
    ("base", "sent"),
    [
        (DEFAULTS.content_security_policy, ["base-uri 'self'; object-src 'none'"]),
        ("frame-ancestors 'self'", []),
        ("frame-ancestors 'self', img-src *", ["img-src *"]),
    ],
)
async def test_a_page_that_says_itself_who_may_frame_it_is_not_overruled(
    aiohttp_client: AiohttpClient, base: str, sent: list[str]
) -> None:
    cancel = make_cancel(NOWHERE, content_security_policy=base)
    framed = answering(("X-Frame-Options", "DENY"))

    response = await (await aiohttp_client(small_app(cancel, framed))).get("/")

    assert response.headers.getall(CSP, []) == sent


@pytest.mark.parametrize(
    ("policy", "said"),
    [
        (DEFAULTS.content_security_policy, "get: base-uri 'self'; object-src 'none'; frame-"),
        (None, "get: none"),
    ],
)
async def test_the_start_says_what_pages_without_a_policy_get(
    aiohttp_client: AiohttpClient,
    shared_pool: Pool,
    caplog: pytest.LogCaptureFixture,
    policy: str | None,
    said: str,
) -> None:
    caplog.set_level("INFO", "aiocancel")

    await aiohttp_client(
        make_app(make_cancel(shared_pool, run_worker=False, content_security_policy=policy))
    )

    assert f"pages that send no Content-Security-Policy {said}" in caplog.text


@pytest.mark.parametrize(
    ("key", "integrity", "warned"),
    [("sk_live_x", None, True), ("sk_live_x", "sha384-abc", False), ("sk_test_x", None, False)],
)
async def test_the_start_warns_in_live_mode_of_a_foreign_script_that_is_not_pinned(
    shared_pool: Pool,
    caplog: pytest.LogCaptureFixture,
    key: str,
    integrity: str | None,
    warned: bool,
) -> None:
    cancel = make_cancel(
        shared_pool,
        run_worker=False,
        billing=StripeBilling(key),
        vendor=saas.vendor(script_integrity=integrity),
        grant_keys=["a-key-of-more-than-thirty-two-characters"],
    )

    async for _ in cancel.lifespan(web.Application()):
        pass

    assert ("without script_integrity" in caplog.text) == warned


async def test_without_a_policy_of_the_site_and_of_the_application_none_is_sent(
    aiohttp_client: AiohttpClient,
) -> None:
    cancel = make_cancel(NOWHERE, content_security_policy=None)
    client = await aiohttp_client(small_app(cancel, plain))
    response = await client.get("/")
    assert CSP not in response.headers
    assert REPORT_ONLY not in response.headers


async def test_without_a_policy_of_the_site_the_applications_own_is_still_widened(
    aiohttp_client: AiohttpClient,
) -> None:
    cancel = make_cancel(NOWHERE, content_security_policy=None)
    client = await aiohttp_client(small_app(cancel, answering((CSP, "connect-src 'none'"))))
    response = await client.get("/")
    assert response.headers.getall(CSP) == ["connect-src https://api.prosperstack.com 'self'"]


async def test_a_policy_of_the_sites_owner_takes_the_place_of_ours(
    aiohttp_client: AiohttpClient,
) -> None:
    cancel = make_cancel(NOWHERE, content_security_policy="frame-src 'self'; img-src *")
    response = await (await aiohttp_client(small_app(cancel, plain))).get("/")
    assert response.headers.getall(CSP) == [
        "frame-src 'self' https://app.prosperstack.com; img-src *"
    ]


def test_a_misspelt_policy_in_the_settings_is_refused_before_any_response() -> None:
    with pytest.raises(ConfigurationError, match=r"content_security_policy.*scrpt-src"):
        make_cancel(NOWHERE, content_security_policy="scrpt-src 'self'")


# --- the nonce ----------------------------------------------------------------------------------------


def page_app(cancel: CancelFlow, page: str, *headers: tuple[str, str]) -> web.Application:
    environment = jinja2.Environment(autoescape=True)
    add_to_environment(environment)
    template = environment.from_string(page)

    async def handler(_: web.Request) -> web.Response:
        return web.Response(
            text=template.render(), content_type="text/html", headers=CIMultiDict(headers)
        )

    return small_app(cancel, handler)


async def test_a_page_that_does_not_ask_for_a_nonce_has_none_in_its_policy(
    aiohttp_client: AiohttpClient,
) -> None:
    client = await aiohttp_client(page_app(make_cancel(NOWHERE), "{{ cancel_flow.button() }}"))
    response = await client.get("/")
    assert response.headers.getall(CSP) == [STRICT_POLICY_WIDENED]
    assert "Cache-Control" not in response.headers


async def test_the_nonce_in_the_policy_is_the_one_in_the_page(
    aiohttp_client: AiohttpClient,
) -> None:
    client = await aiohttp_client(
        page_app(
            make_cancel(NOWHERE, flow_pages=()),
            '{{ cancel_flow.script() }}<style nonce="{{ cancel_flow.nonce }}"></style>',
        )
    )
    response = await client.get("/")
    page = Page(await response.text())
    nonce = page.one("script")["nonce"]

    assert page.one("style")["nonce"] == nonce
    assert re.fullmatch(r"[A-Za-z0-9_-]{22,}", nonce)
    assert response.headers.getall(CSP) == [widened_with(nonce)]


async def test_every_request_gets_a_nonce_of_its_own(aiohttp_client: AiohttpClient) -> None:
    client = await aiohttp_client(page_app(make_cancel(NOWHERE), "{{ cancel_flow.nonce }}"))
    seen = set()
    for _ in range(20):
        response = await client.get("/")
        nonce = await response.text()
        assert nonces_in(response.headers[CSP]) == [nonce]
        seen.add(nonce)
    assert len(seen) == 20


async def test_the_nonce_of_the_application_stays_beside_ours(
    aiohttp_client: AiohttpClient,
) -> None:
    client = await aiohttp_client(
        page_app(
            make_cancel(NOWHERE),
            "{{ cancel_flow.nonce }}",
            (CSP, "script-src 'nonce-b3duMQ==' 'strict-dynamic'; connect-src 'self'"),
        )
    )
    response = await client.get("/")
    nonce = await response.text()

    assert response.headers.getall(CSP) == [
        f"script-src 'nonce-b3duMQ==' 'strict-dynamic' {SCRIPT} 'nonce-{nonce}'; "
        "connect-src 'self' https://api.prosperstack.com"
    ]


async def test_the_nonce_goes_into_every_policy_of_the_response(
    aiohttp_client: AiohttpClient,
) -> None:
    own = [
        (CSP, "script-src 'self', script-src https:"),
        (REPORT_ONLY, "script-src-elem 'none'; script-src 'self'"),
    ]
    client = await aiohttp_client(page_app(make_cancel(NOWHERE), "{{ cancel_flow.nonce }}", *own))
    response = await client.get("/")
    nonce = f"'nonce-{await response.text()}'"

    assert response.headers.getall(CSP) == [
        f"script-src 'self' {SCRIPT} {nonce}, script-src https: {nonce}"
    ]
    assert response.headers.getall(REPORT_ONLY) == [
        f"script-src-elem {SCRIPT} {nonce}; script-src 'self' {SCRIPT} {nonce}"
    ]


async def test_unknown_directive_is_carried_on_beside_the_nonce_and_the_rest_is_widened(
    aiohttp_client: AiohttpClient,
) -> None:
    own = (CSP, "brand-new-directive yes; script-src 'self'; connect-src 'self'")
    client = await aiohttp_client(page_app(make_cancel(NOWHERE), "{{ cancel_flow.nonce }}", own))

    response = await client.get("/")

    nonce = await response.text()
    assert response.headers.getall(CSP) == [
        "brand-new-directive yes; "
        f"script-src 'self' {SCRIPT} 'nonce-{nonce}'; "
        "connect-src 'self' https://api.prosperstack.com"
    ]


def test_nonces_are_long_and_never_the_same() -> None:
    nonces = {new_nonce() for _ in range(100)}

    assert len(nonces) == 100
    # 18 random bytes: the specification asks for 16 or more.
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{24}", nonce) for nonce in nonces)


async def test_a_page_that_relies_on_unsafe_inline_keeps_its_inline_code(
    aiohttp_client: AiohttpClient,
) -> None:
    client = await aiohttp_client(
        page_app(
            make_cancel(NOWHERE, flow_pages=()),
            "{{ cancel_flow.script() }}",
            (CSP, "script-src 'unsafe-inline' https://own.example; style-src 'unsafe-inline'"),
        )
    )
    response = await client.get("/")
    assert response.headers.getall(CSP) == [
        f"script-src 'unsafe-inline' https://own.example {SCRIPT} 'self'; style-src 'unsafe-inline'"
    ]


async def test_a_stream_that_asks_for_the_nonce_in_time_carries_it(
    aiohttp_client: AiohttpClient,
) -> None:
    async def page(request: web.Request) -> web.StreamResponse:
        nonce = current_flow().nonce
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(nonce.encode())
        return response

    response = await (await aiohttp_client(small_app(make_cancel(NOWHERE), page))).get("/")
    assert nonces_in(response.headers[CSP]) == [await response.text()]


async def test_a_nonce_asked_for_after_the_headers_are_sent_is_refused_with_a_reason(
    aiohttp_client: AiohttpClient,
) -> None:
    async def page(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        try:
            _ = current_flow().nonce
        except FlowNotResolvedError as error:
            await response.write(str(error).encode())
        return response

    response = await (await aiohttp_client(small_app(make_cancel(NOWHERE), page))).get("/")
    assert "before streaming starts" in await response.text()
    assert response.headers.getall(CSP) == [STRICT_POLICY_WIDENED]


# --- caching, and our own pages -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("own", "expected"),
    [
        (None, "private, no-cache"),
        ("no-store", "no-store"),
        ("private, max-age=60", "private, max-age=60"),
        ("public, max-age=60", "private, no-cache"),
        ("max-age=60", "private, no-cache"),
    ],
)
async def test_a_page_with_a_customers_grant_stays_out_of_shared_caches(
    aiohttp_client: AiohttpClient, shared_pool: Pool, own: str | None, expected: str
) -> None:
    cancel = make_cancel(shared_pool, run_worker=False, subscriptions=Subscriptions())

    @cancel.flow_page
    async def account(request: web.Request) -> web.Response:
        response = aiohttp_jinja2.render_template("account.html", request, {})
        if own:
            response.headers["Cache-Control"] = own
        return response

    client = await aiohttp_client(make_app(cancel, account))
    response = await client.get("/account", headers=as_customer("ada"))
    assert Page(await response.text()).flow is not None
    assert response.headers.getall("Cache-Control") == [expected]
    assert response.headers.getall("Vary") == ["Cookie"]


@pytest.mark.parametrize(
    ("is_flow_page", "written", "carries"),
    [
        (False, "public, max-age=60", False),
        (True, "public, max-age=60", True),
        (False, "private, max-age=60", True),
    ],
    ids=["too_late", "in_time", "private_by_itself"],
)
async def test_a_stream_whose_headers_let_others_keep_it_carries_no_grant(
    aiohttp_client: AiohttpClient,
    shared_pool: Pool,
    is_flow_page: bool,
    written: str,
    carries: bool,
) -> None:
    cancel = make_cancel(
        shared_pool, run_worker=False, subscriptions=Subscriptions(), flow_pages=()
    )

    async def stream(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Cache-Control": written})
        await response.prepare(request)
        try:
            # The page's own, and another of the customer's on the same page, whose headers are the same.
            for flow in (request[FLOW_KEY], request[FLOW_KEY].about("sub_ada")):
                await flow.resolve()
                await response.write(flow.button().encode())
                await response.write(str(flow.grant).encode())
        except FlowNotResolvedError as error:
            await response.write(str(error).encode())
        return response

    client = await aiohttp_client(
        make_app(cancel, cancel.flow_page(stream) if is_flow_page else stream)
    )
    response = await client.get("/account", headers=as_customer("ada"))
    text = await response.text()

    # A button is the same for everybody.
    assert text.count("<form") == (2 if carries else 1)
    assert text.count("g1.") == (2 if carries else 0)
    assert ("headers are already sent" in text) is not carries
    assert ("private" in response.headers["Cache-Control"]) is carries


async def test_a_socket_finds_its_customers_flow_after_it_was_opened(
    aiohttp_client: AiohttpClient, shared_pool: Pool
) -> None:
    cancel = make_cancel(
        shared_pool, run_worker=False, subscriptions=Subscriptions(), flow_pages=()
    )

    async def talk(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        flow = await request[FLOW_KEY].resolve()
        await socket.send_str(str(flow.grant))
        return socket

    client = await aiohttp_client(make_app(cancel, talk))
    async with client.ws_connect("/account", headers=as_customer("ada")) as socket:
        said = await socket.receive_str()

    assert said.startswith("g1.")


async def test_a_page_with_a_grant_is_kept_private_whatever_a_signal_of_the_application_sets(
    aiohttp_client: AiohttpClient, shared_pool: Pool
) -> None:
    events = Events()
    cancel = make_cancel(
        shared_pool, run_worker=False, subscriptions=Subscriptions(), on_event=events, flow_pages=()
    )
    app = make_app(cancel)

    async def let_everybody_store(_: web.Request, response: web.StreamResponse) -> None:
        response.headers["Cache-Control"] = "public, max-age=60"
        response.headers["Vary"] = "Accept-Encoding"

    app.on_response_prepare.append(let_everybody_store)
    client = await aiohttp_client(app)

    response = await client.get("/account", headers=as_customer("ada"))
    elsewhere = await client.get("/nowhere", headers=as_customer("ada"))

    assert Page(await response.text()).flow is not None
    assert response.headers.getall("Cache-Control") == ["private, no-cache"]
    assert response.headers.getall("Vary") == ["Accept-Encoding, Cookie"]
    assert elsewhere.headers.getall("Cache-Control") == ["public, max-age=60"]
    assert events.of(CachingRefused) == [CachingRefused("Cache-Control: public, max-age=60")]


@pytest.mark.parametrize("path", ["/cancel", "/cancel/status/nothing"])
async def test_our_own_pages_keep_a_policy_stricter_than_the_sites(
    aiohttp_client: AiohttpClient, shared_pool: Pool, path: str
) -> None:
    cancel = make_cancel(shared_pool, run_worker=False, subscriptions=Subscriptions())
    client = await aiohttp_client(make_app(cancel))
    response = await client.get(path, headers={**as_customer("ada"), "Accept": "text/html"})
    page = Page(await response.text())
    nonce = page.one("style")["nonce"]
    assert response.headers.getall(CSP) == [
        f"default-src 'none'; style-src 'nonce-{nonce}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ]
    assert page.all("script") == []


async def test_a_page_that_replaces_one_of_ours_gets_the_sites_policy(
    aiohttp_client: AiohttpClient, shared_pool: Pool
) -> None:
    cancel = make_cancel(shared_pool, run_worker=False, subscriptions=Subscriptions())
    app = make_app(cancel)

    @web.middleware
    async def own_error_pages(request: web.Request, handler: Handler) -> web.StreamResponse:
        response = await handler(request)
        return (
            web.Response(text="our own error page", status=404)
            if response.status == 404
            else response
        )

    app.middlewares.insert(0, own_error_pages)
    client = await aiohttp_client(app)
    response = await client.get(
        "/cancel/status/nothing", headers={**as_customer("ada"), "Accept": "text/html"}
    )
    assert await response.text() == "our own error page"
    assert response.headers.getall(CSP) == [STRICT_POLICY_WIDENED]


async def test_a_websocket_still_talks_after_its_handshake(
    sites: dict[Join, TestClient[Any, Any]],
) -> None:
    for client in sites.values():
        async with client.ws_connect("/socket") as websocket:
            assert (await websocket.receive()).type is WSMsgType.CLOSE
