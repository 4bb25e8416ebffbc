"""What runs on every request: a flow for its page, and the policy on its response.

The policy is written once for each response, by one of two means. The *hook* stands on a request that
passed the middleware: aiohttp calls it last before the headers go out, after every signal handler. The
*signal* of ``cancel.setup(app)`` writes where no hook is at work, and otherwise leaves the response alone.

=====================================================  ==========  ================
response                                               setup(app)  middleware alone
=====================================================  ==========  ================
answer of a handler: text, JSON, file, 304, redirect   hook        hook
raised HTTPException; a path without a route           hook        hook
stream or WebSocket that the handler prepares          hook        hook
unhandled exception (500); a handler returning None    hook        hook
any of these in a sub-application                      hook        hook
any of these whose policy a signal handler sets        hook        hook
prepared on a clone of the request                     signal      nobody
another tool has put its own hook in place of ours     signal      nobody
an aiohttp whose requests have no ``_prepare_hook``    signal      nobody
an outer middleware answers, raises or fails           signal      nobody
a request that aiohttp cannot parse (400)              nobody      nobody
=====================================================  ==========  ================

Where the signal writes, a policy that a later signal handler sets is not widened.
"""

from __future__ import annotations

from weakref import ref

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from aiocancel.web.flow_context import CURRENT_FLOW, FLOW_KEY, FlowContext
from aiocancel.web.site import Site

_HOOK = "_prepare_hook"


def make_middleware(site: Site) -> Middleware:
    """Return the middleware of one plug-in."""

    @web.middleware
    async def aiocancel_middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        # The middleware may stand twice, on the application and again on a sub-application. Another plug-in's
        # flow is not ours: below a sub-application with a plug-in of its own, that one is meant.
        # Asked of the context first, which answers faster than a request (tests/benchmarks/page.py).
        outer = CURRENT_FLOW.get()
        if outer is not None and outer.site is site and request.get(FLOW_KEY) is outer:
            return await handler(request)

        flow = request[FLOW_KEY] = FlowContext(site, request)
        _hook_into(request, flow)

        reset = CURRENT_FLOW.set(flow)
        try:
            if site.is_flow_page(request):
                await flow.resolve()
            return await handler(request)
        finally:
            CURRENT_FLOW.reset(reset)

    return aiocancel_middleware


def write_by_signal(site: Site, request: web.Request, response: web.StreamResponse) -> None:
    """Write the policy, unless the request's own hook is about to do so."""
    flow = request.get(FLOW_KEY)
    if flow is None:
        site.policy.write(response, None, has_flow=False)
    elif flow.hooked_response is not response:
        flow.write_headers(response)


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
