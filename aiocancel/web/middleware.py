"""What runs on every request: a flow for its page, and the policy on its response.

The policy is written once for each response, after every signal handler, by one of two means. The *signal* of
``cancel.setup(app)`` is enough where its handler is the last that aiohttp calls for the request, as on most sites, and
costs the least (tests/benchmarks/page.py). Elsewhere a *hook* stands on a request that passed the middleware: aiohttp
calls it last before the headers go out, and the signal leaves the response alone.

=====================================================  ==========  =================  ================
response                                               setup(app)  setup(app), and    middleware alone
                                                                   a later handler
=====================================================  ==========  =================  ================
answer of a handler: text, JSON, file, 304, redirect   signal      hook               hook
raised HTTPException; a path without a route           signal      hook               hook
stream or WebSocket that the handler prepares          signal      hook               hook
unhandled exception (500); a handler returning None    signal      hook               hook
any of these in a sub-application                      signal      hook               hook
any of these whose policy a signal handler sets        signal      hook               hook
prepared on a clone of the request                     signal      signal             nobody
another tool has put its own hook in place of ours     signal      signal             nobody
an aiohttp whose requests have no ``_prepare_hook``    signal      signal             nobody
an outer middleware answers, raises or fails           signal      signal             nobody
a request that aiohttp cannot parse (400)              nobody      nobody             nobody
=====================================================  ==========  =================  ================

In the second column, where the signal writes, a policy that a later signal handler sets is not widened.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import NamedTuple
from weakref import ref

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware
from aiohttp.web_urldispatcher import SystemRoute

from aiocancel.web.flow_context import CURRENT_FLOW, FLOW_KEY, FlowContext
from aiocancel.web.site import Site

_HOOK = "_prepare_hook"


def make_middleware(site: Site) -> Middleware:
    """Return the middleware of one plug-in."""

    # Asked of each route once (tests/benchmarks/page.py).
    routes: dict[web.AbstractRoute, _Route] = {}

    @web.middleware
    async def aiocancel_middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        # The middleware may stand twice, on the application and again on a sub-application. Another plug-in's
        # flow is not ours: below a sub-application with a plug-in of its own, that one is meant.
        # Asked of the context first, which answers faster than a request (tests/benchmarks/page.py).
        outer = CURRENT_FLOW.get()
        if outer is not None:
            if outer.site is site and request.get(FLOW_KEY) is outer:
                return await handler(request)
            if FLOW_KEY in request and _HOOK not in vars(request):
                # Its signal finds our flow on the request from now on.
                _hook_into(request, request[FLOW_KEY])

        route = request.match_info.route
        known = routes.get(route) or _look_at(route, request, site, routes)
        flow = request[FLOW_KEY] = FlowContext(site, request)
        if _HOOK in vars(request) or not known.signal_is_last:
            _hook_into(request, flow)

        reset = CURRENT_FLOW.set(flow)
        try:
            if known.is_flow_page:
                await flow.resolve()
            return await handler(request)
        finally:
            CURRENT_FLOW.reset(reset)

    return aiocancel_middleware


def make_signal_handler(
    site: Site,
) -> Callable[[web.Request, web.StreamResponse], Awaitable[None]]:
    """Return the ``on_response_prepare`` handler of one plug-in."""

    async def write_by_signal(request: web.Request, response: web.StreamResponse) -> None:
        """Write the policy, unless the request's own hook is about to do so."""
        try:
            flow = request[FLOW_KEY]
        except KeyError:
            site.policy.write(response, None, has_flow=False)
            return
        if flow.hooked_response is not response:
            flow.write_headers(response)

    site.signal_handler = write_by_signal
    return write_by_signal


class _Route(NamedTuple):
    """What is the same for every request of a route."""

    is_flow_page: bool
    signal_is_last: bool


def _look_at(
    route: web.AbstractRoute,
    request: web.Request,
    site: Site,
    routes: dict[web.AbstractRoute, _Route],
) -> _Route:
    found = _Route(site.is_flow_page(request), _signal_is_last(site, request))
    # A view class has a mark for each method, and a path without a route has a new one for every request.
    if not isinstance(route.handler, type) and not isinstance(route, SystemRoute):
        routes[route] = found
    return found


def _signal_is_last(site: Site, request: web.Request) -> bool:
    """Return whether no handler comes after ours; by now no handler can be added any more."""
    last = None
    for app in request.match_info.apps:
        if handlers := app.on_response_prepare:
            last = handlers[-1]
    return last is not None and last is site.signal_handler


def _hook_into(request: web.Request, flow: FlowContext) -> None:
    if not hasattr(request, _HOOK):
        return

    # Set only where another tool was here before us.
    earlier = vars(request).get(_HOOK)
    # A request that held itself would wait for the garbage collector, with everything it holds.
    alive = ref(request)

    async def send_signals_and_write(response: web.StreamResponse) -> None:
        flow.hooked_response = response
        try:
            if earlier is not None:
                await earlier(response)
            elif (request := alive()) is not None:
                await type(request)._prepare_hook(request, response)
        finally:
            flow.hooked_response = None
        flow.write_headers(response)

    # Past Request.__setattr__, which warns of custom attributes in debug mode.
    object.__setattr__(request, _HOOK, send_signals_and_write)
