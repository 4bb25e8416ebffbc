"""Which of two means writes the policy on a response: the table of ``aiocancel/web/middleware.py``, row by row."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Awaitable, Callable
from traceback import walk_stack
from typing import Any, Final
from weakref import ref

import pytest
from aiohttp import web
from aiohttp.typedefs import Handler
from pytest_aiohttp import AiohttpClient

from aiocancel import STRICT_POLICY, CancelFlow
from aiocancel.web import middleware
from aiocancel.web.csp_header import PolicyWriter
from aiocancel.web.flow_context import FLOW_KEY, FlowContext, current_flow
from tests.support.saas import Pool, make_cancel
from tests.support.web import NOWHERE, STRICT_POLICY_WIDENED, nonces_in

CSP = "Content-Security-Policy"
PAGE_HANDLER = Callable[[web.Request], Awaitable[Any]]

HOOK: Final = "hook"
SIGNAL: Final = "signal"
NOBODY: Final = "nobody"
NAMES: Final = {"send_signals_and_write": HOOK, "write_by_signal": SIGNAL}

SETUP: Final = "setup"
SETUP_AND_LATER: Final = "setup, and a later handler"
ALONE: Final = "middleware alone"


class Means:
    """What wrote the policy, in the order of writing."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.used: list[str] = []
        write = PolicyWriter.write

        def watched_write(writer: PolicyWriter, *args: Any, **more: Any) -> None:
            # The signal's handler may itself have been called by the hook: the nearest of the two has written.
            callers = (frame.f_code.co_name for frame, _ in walk_stack(None))
            self.used.append(next(NAMES[name] for name in callers if name in NAMES))
            write(writer, *args, **more)

        patch.setattr(PolicyWriter, "write", watched_write)


@pytest.fixture
def means(monkeypatch: pytest.MonkeyPatch) -> Means:
    return Means(monkeypatch)


# --- the rows of the table ----------------------------------------------------------------------------


async def answer(_: web.Request) -> web.Response:
    return web.Response(text="hello")


async def redirect(_: web.Request) -> web.Response:
    return web.Response(status=302, headers={"Location": "/"})


async def file(_: web.Request) -> web.FileResponse:
    return web.FileResponse(__file__)


async def raises(_: web.Request) -> web.Response:
    raise web.HTTPForbidden


async def stream(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    await response.write(b"hello")
    return response


async def stream_on_a_clone(request: web.Request) -> web.StreamResponse:
    return await stream(request.clone())


async def bug(_: web.Request) -> web.Response:
    raise RuntimeError("a bug of the application")


async def nothing(_: web.Request) -> Any:
    return None


async def replace_the_hook(request: web.Request) -> web.Response:
    async def another(response: web.StreamResponse) -> None:
        await type(request)._prepare_hook(request, response)

    object.__setattr__(request, "_prepare_hook", another)
    return web.Response()


async def wrap_the_hook(request: web.Request) -> web.Response:
    ours = request._prepare_hook

    async def another(response: web.StreamResponse) -> None:
        await ours(response)

    object.__setattr__(request, "_prepare_hook", another)
    return web.Response()


@web.middleware
async def answers_outside(request: web.Request, _: Handler) -> web.StreamResponse:
    return web.Response()


@web.middleware
async def raises_outside(request: web.Request, _: Handler) -> web.StreamResponse:
    raise web.HTTPForbidden


@web.middleware
async def fails_outside(request: web.Request, _: Handler) -> web.StreamResponse:
    raise RuntimeError("a bug of the outer middleware")


def handled_by(handler: PAGE_HANDLER, path: str = "/") -> Callable[[web.Application], str]:
    def build(app: web.Application) -> str:
        app.router.add_get("/", handler)
        return path

    return build


def in_a_sub_application(handler: PAGE_HANDLER) -> Callable[[web.Application], str]:
    def build(app: web.Application) -> str:
        sub = web.Application()
        sub.router.add_get("/page", handler)
        app.add_subapp("/sub", sub)
        return "/sub/page"

    return build


def under(outer: Any) -> Callable[[web.Application], str]:
    def build(app: web.Application) -> str:
        app.middlewares.insert(0, outer)
        app.router.add_get("/", answer)
        return "/"

    return build


LAST: Final = (SIGNAL, HOOK, HOOK)
NO_HOOK: Final = (SIGNAL, SIGNAL, NOBODY)

ROWS: Final[dict[str, tuple[Callable[[web.Application], str], tuple[str, str, str]]]] = {
    "answer of a handler": (handled_by(answer), LAST),
    "redirect": (handled_by(redirect), LAST),
    "file": (handled_by(file), LAST),
    "raised HTTPException": (handled_by(raises), LAST),
    "no route": (handled_by(answer, "/nowhere"), LAST),
    "stream": (handled_by(stream), LAST),
    "unhandled exception": (handled_by(bug), LAST),
    "handler returning None": (handled_by(nothing), LAST),
    "answer of a sub-application": (in_a_sub_application(answer), LAST),
    "stream of a sub-application": (in_a_sub_application(stream), LAST),
    "bug of a sub-application": (in_a_sub_application(bug), LAST),
    "our hook wrapped by another tool": (handled_by(wrap_the_hook), LAST),
    "prepared on a clone": (handled_by(stream_on_a_clone), NO_HOOK),
    "our hook replaced by another tool": (handled_by(replace_the_hook), NO_HOOK),
    "outer middleware answers": (under(answers_outside), NO_HOOK),
    "outer middleware raises": (under(raises_outside), NO_HOOK),
    "outer middleware fails": (under(fails_outside), NO_HOOK),
}

OUTSIDE: Final = [ROWS[name][0] for name in ROWS if name.startswith("outer middleware")]


async def only_looks(_: web.Request, response: web.StreamResponse) -> None:
    response.headers["X-Seen"] = "yes"


def join(app: web.Application, cancel: CancelFlow, way: str) -> None:
    if way == ALONE:
        app.middlewares.append(cancel.middleware)
        return
    cancel.setup(app)
    if way == SETUP_AND_LATER:
        app.on_response_prepare.append(only_looks)


async def policies_of(client: Any, path: str) -> list[str]:
    response = await client.get(path, allow_redirects=False)
    await response.read()
    policies: list[str] = response.headers.getall(CSP, [])
    return policies


@pytest.mark.parametrize("column", range(3), ids=[SETUP, SETUP_AND_LATER, ALONE])
@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
async def test_policy_of_each_response_is_written_once_and_by_the_means_in_the_table(
    aiohttp_client: AiohttpClient,
    shared_pool: Pool,
    means: Means,
    row: tuple[Callable[[web.Application], str], tuple[str, str, str]],
    column: int,
) -> None:
    build, expected = row[0], row[1][column]
    app = web.Application()
    cancel = make_cancel(shared_pool, run_worker=False, flow_pages="all")
    join(app, cancel, (SETUP, SETUP_AND_LATER, ALONE)[column])
    path = build(app)

    policies = await policies_of(await aiohttp_client(app), path)

    assert means.used == ([] if expected == NOBODY else [expected])
    # What an outer middleware answers is no page of the flow.
    sent = STRICT_POLICY if build in OUTSIDE else STRICT_POLICY_WIDENED
    assert policies == ([] if expected == NOBODY else [sent])


@pytest.mark.parametrize(
    ("by_setup", "expected"), [(True, SIGNAL), (False, NOBODY)], ids=["setup", "middleware alone"]
)
async def test_policy_is_left_to_the_signal_where_aiohttp_has_no_hook_on_a_request(
    aiohttp_client: AiohttpClient,
    shared_pool: Pool,
    means: Means,
    monkeypatch: pytest.MonkeyPatch,
    by_setup: bool,
    expected: str,
) -> None:
    monkeypatch.setattr(middleware, "_HOOK", "_a_method_that_no_request_has")
    app = web.Application()
    cancel = make_cancel(shared_pool, run_worker=False, flow_pages="all")
    join(app, cancel, SETUP if by_setup else ALONE)
    app.router.add_get("/", answer)

    policies = await policies_of(await aiohttp_client(app), "/")

    assert means.used == ([] if expected == NOBODY else [expected])
    assert policies == ([] if expected == NOBODY else [STRICT_POLICY_WIDENED])


@pytest.mark.parametrize("by_setup", [True, False], ids=["setup", "middleware alone"])
@pytest.mark.parametrize(
    "handler", [answer, stream, raises, bug], ids=["answer", "stream", "raised", "bug"]
)
async def test_policy_that_a_later_signal_handler_sets_is_widened(
    aiohttp_client: AiohttpClient,
    shared_pool: Pool,
    means: Means,
    handler: PAGE_HANDLER,
    by_setup: bool,
) -> None:
    async def set_policy(_: web.Request, response: web.StreamResponse) -> None:
        response.headers[CSP] = "connect-src 'none'"

    app = web.Application()
    cancel = make_cancel(shared_pool, run_worker=False, flow_pages="all")
    join(app, cancel, SETUP if by_setup else ALONE)
    app.on_response_prepare.append(set_policy)
    app.router.add_get("/", handler)

    policies = await policies_of(await aiohttp_client(app), "/")

    assert policies == ["connect-src https://api.prosperstack.com 'self'"]
    assert means.used == [HOOK]


async def sets_a_policy(_: web.Request, response: web.StreamResponse) -> None:
    response.headers[CSP] = "connect-src 'none'"


async def test_policy_that_an_earlier_signal_handler_sets_is_widened_without_a_hook(
    aiohttp_client: AiohttpClient, shared_pool: Pool, means: Means
) -> None:
    app = web.Application()
    app.on_response_prepare.append(sets_a_policy)
    make_cancel(shared_pool, run_worker=False, flow_pages="all").setup(app)
    app.router.add_get("/", answer)

    policies = await policies_of(await aiohttp_client(app), "/")

    assert policies == ["connect-src https://api.prosperstack.com 'self'"]
    assert means.used == [SIGNAL]


async def test_policy_that_a_signal_handler_of_a_sub_application_sets_is_widened(
    aiohttp_client: AiohttpClient, shared_pool: Pool, means: Means
) -> None:
    app, sub = web.Application(), web.Application()
    make_cancel(shared_pool, run_worker=False, flow_pages="all").setup(app)
    app.router.add_get("/", answer)
    sub.on_response_prepare.append(sets_a_policy)
    sub.router.add_get("/page", answer)
    app.add_subapp("/sub", sub)
    client = await aiohttp_client(app)

    beside, inside = await policies_of(client, "/"), await policies_of(client, "/sub/page")

    assert beside == [STRICT_POLICY_WIDENED]
    assert inside == ["connect-src https://api.prosperstack.com 'self'"]
    assert means.used == [SIGNAL, HOOK]


@pytest.mark.parametrize("by_setup", [True, False], ids=["setup", "middleware alone"])
async def test_outer_plug_in_still_gives_its_policy_below_a_sub_application_with_its_own(
    aiohttp_client: AiohttpClient, shared_pool: Pool, by_setup: bool
) -> None:
    app, sub = web.Application(), web.Application()
    make_cancel(shared_pool, run_worker=False).setup(app)
    own = make_cancel(shared_pool, run_worker=False, content_security_policy=None)
    join(sub, own, SETUP if by_setup else ALONE)
    sub.router.add_get("/page", shows_a_nonce)
    app.add_subapp("/sub", sub)

    client = await aiohttp_client(app)
    response = await client.get("/sub/page")

    (policy,) = response.headers.getall(CSP)
    assert policy.startswith("default-src 'self'")
    assert nonces_in(policy) == [await response.text()]


async def shows_a_nonce(_: web.Request) -> web.Response:
    return web.Response(text=current_flow().nonce)


async def test_request_that_cannot_be_parsed_is_answered_without_us(
    aiohttp_client: AiohttpClient, shared_pool: Pool, means: Means
) -> None:
    app = web.Application()
    make_cancel(shared_pool, run_worker=False, flow_pages="all").setup(app)
    client = await aiohttp_client(app)
    reader, writer = await asyncio.open_connection(client.host, client.port)

    writer.write(b"GET / HTTP/1.1\r\nno header at all\r\n\r\n")
    answered = await reader.readuntil(b"\r\n\r\n")
    writer.close()
    await writer.wait_closed()

    assert answered.startswith(b"HTTP/1.0 400") or answered.startswith(b"HTTP/1.1 400")
    assert CSP.encode() not in answered
    assert means.used == []


# --- one flow for one request -------------------------------------------------------------------------


async def test_middleware_that_stands_twice_makes_one_flow_and_one_nonce(
    aiohttp_client: AiohttpClient, means: Means
) -> None:
    cancel = make_cancel(NOWHERE)
    seen: list[FlowContext] = []

    @web.middleware
    async def between(request: web.Request, handler: Handler) -> web.StreamResponse:
        seen.append(request[FLOW_KEY])
        return await handler(request)

    async def page(request: web.Request) -> web.Response:
        seen.extend((request[FLOW_KEY], current_flow()))
        return web.Response(text=f"{seen[0].nonce} {current_flow().nonce}")

    app = web.Application(middlewares=[cancel.middleware, between, cancel.middleware])
    app.router.add_get("/", page)

    response = await (await aiohttp_client(app)).get("/")
    outer, inner = (await response.text()).split()

    assert outer == inner
    assert len({id(flow) for flow in seen}) == 1
    assert nonces_in(response.headers[CSP]) == [outer]
    assert means.used == [HOOK]


async def test_flow_of_an_outer_request_is_not_taken_for_that_of_another(
    aiohttp_client: AiohttpClient,
) -> None:
    """A tool that handles a second request inside the first one's task."""
    cancel = make_cancel(NOWHERE)

    async def page(request: web.Request) -> web.Response:
        first = current_flow()
        other = request.clone()
        del other[FLOW_KEY]

        async def inner(_: web.Request) -> web.Response:
            return web.Response(text=str(current_flow() is first))

        answered = await cancel.middleware(other, inner)
        assert isinstance(answered, web.Response)
        return web.Response(text=f"{answered.text} {current_flow() is first}")

    app = web.Application(middlewares=[cancel.middleware])
    app.router.add_get("/", page)

    assert await (await (await aiohttp_client(app)).get("/")).text() == "False True"


# --- what a request leaves behind ---------------------------------------------------------------------


@pytest.mark.parametrize("handler", [answer, stream], ids=["answer", "stream"])
async def test_request_is_gone_after_its_response_without_the_garbage_collector(
    aiohttp_client: AiohttpClient, handler: PAGE_HANDLER
) -> None:
    held: list[ref[web.Request]] = []

    async def page(request: web.Request) -> Any:
        held.append(ref(request))
        return await handler(request)

    app = web.Application(middlewares=[make_cancel(NOWHERE).middleware])
    app.router.add_get("/", page)
    client = await aiohttp_client(app)

    gc.collect()
    gc.disable()
    try:
        await (await client.get("/")).read()
        # The next request takes the last one's place in the connection's task.
        await (await client.get("/")).read()
        assert held[0]() is None
    finally:
        gc.enable()
