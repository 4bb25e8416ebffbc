"""``CancelFlow``: the composition root, the only module that knows every edge."""

from __future__ import annotations

import asyncio
import gc
import logging
import math
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar

from aiohttp import web
from aiohttp.typedefs import Middleware

from aiocancel.config import (
    DEFAULT_POLICY,
    DEFAULT_TEXTS,
    VENDOR_ACTS_WITHIN_S,
    WORKER_LEASE_S,
    Settings,
    check_grant_keys,
)
from aiocancel.core.grants import GrantSealer
from aiocancel.errors import ConfigurationError, SimulatorRefusedError, UnavailableError
from aiocancel.parts import Parts
from aiocancel.postgres.connection import unavailable_on_outage
from aiocancel.telemetry import EventHook, guarded, log_event
from aiocancel.vital_signs import VitalSigns
from aiocancel.web.health import HealthHandlers, serve_health
from aiocancel.web.middleware import make_middleware, write_by_signal
from aiocancel.web.routes import Handlers
from aiocancel.web.site import FLOW_PAGE_MARK, Identify, Site
from aiocancel.web.template_variable import (
    VARIABLE,
    TemplateFlow,
    add_to_environment,
    environment_key,
    variable_for,
)

if TYPE_CHECKING:
    from aiocancel.billing.customer_subscriptions import StripeSubscriptions
    from aiocancel.billing.settings import StripeBilling
    from aiocancel.core.decision import CancelTiming
    from aiocancel.core.offers.apply import OfferRules
    from aiocancel.core.offers.terms import OfferLimits
    from aiocancel.inspection import Inspection
    from aiocancel.intake import FlowService
    from aiocancel.ports import FlowVendor, OfferHandler, OutcomeHook, SubscriptionResolver
    from aiocancel.postgres.connection import Pool
    from aiocancel.postgres.customer_query import SubscriptionQuery
    from aiocancel.postgres.queue_stats import QueueStats

logger = logging.getLogger("aiocancel")

_Handler = TypeVar("_Handler", bound=Callable[..., Any])


class CancelFlow:
    """Cancellation flows for one aiohttp application.

    ``vendor`` runs the widget (``ProsperStack``, ``StaySignal``), ``billing`` is the Stripe account,
    ``database`` a DSN or an asyncpg pool that the application owns and closes. ``identify`` is
    ``async (request) -> str | None``: the application's id of the logged-in customer. ``subscriptions`` is a
    ``SubscriptionQuery``, ``StripeSubscriptions`` or any object with ``async resolve(customer_id)``.
    ``grant_keys`` sign page views: the first signs, all verify. ``run_worker=False`` leaves the changes at
    Stripe to another process; ``worker_lease_s`` after a worker died another goes on with its changes.
    ``statement_cache_size`` is asyncpg's, for the pool that a DSN opens: each connection
    keeps that many prepared statements; 0 behind PgBouncer in transaction mode, where a connection has no memory.
    Where the flow vendor makes a change, Stripe is read until it shows it, for
    ``vendor_acts_within_s`` seconds, and then it is a human's. The remaining settings are those of
    ``aiocancel.config.Settings``.

    Raises ConfigurationError for settings that cannot work; nothing is connected before the start.
    """

    def __init__(
        self,
        *,
        vendor: FlowVendor,
        billing: StripeBilling,
        database: str | Pool,
        identify: Identify,
        subscriptions: SubscriptionQuery | StripeSubscriptions | SubscriptionResolver,
        grant_keys: Sequence[str],
        cancel_timing: CancelTiming = "at_period_end",
        prefix: str = "/cancel",
        return_to: str = "/",
        flow_pages: Collection[str] | Literal["all"] = (),
        content_security_policy: str | None = DEFAULT_POLICY,
        grant_lifetime_s: int = 3600,
        answer_within_s: float = 4.0,
        widget_timeout_s: float = 12.0,
        max_body_bytes: int = 256 * 1024,
        texts: Mapping[str, str] = DEFAULT_TEXTS,
        offer_limits: OfferLimits | None = None,
        offer_rules: OfferRules | None = None,
        poll_events_every_s: float = 60.0,
        vendor_acts_within_s: float = VENDOR_ACTS_WITHIN_S,
        migrate_on_start: bool = False,
        run_worker: bool = True,
        worker_concurrency: int = 10,
        worker_lease_s: float = WORKER_LEASE_S,
        statement_cache_size: int = 100,
        on_event: EventHook = log_event,
    ) -> None:
        check_grant_keys(grant_keys, mode=billing.mode)
        _check_modes(vendor, billing)
        self._settings = Settings(
            mode=billing.mode,
            prefix=prefix,
            return_to=return_to,
            flow_pages=flow_pages,
            content_security_policy=content_security_policy,
            cancel_timing=cancel_timing,
            grant_lifetime_s=grant_lifetime_s,
            answer_within_s=answer_within_s,
            widget_timeout_s=widget_timeout_s,
            max_body_bytes=max_body_bytes,
            texts=texts,
        )
        for name, seconds in (
            ("vendor_acts_within_s", vendor_acts_within_s),
            ("worker_lease_s", worker_lease_s),
        ):
            if not 0 < seconds < math.inf:
                raise ConfigurationError(f"{name} must be more than 0, and finite")
        self._grant_key_lengths = tuple(map(len, grant_keys))
        self._on_event = guarded(on_event)
        self._parts = Parts(
            settings=self._settings,
            vendor=vendor,
            billing=billing,
            database=database,
            subscriptions=subscriptions,
            sealer=GrantSealer(grant_keys),
            given_offer_limits=offer_limits,
            given_offer_rules=offer_rules,
            poll_events_every_s=poll_events_every_s,
            vendor_acts_within_s=vendor_acts_within_s,
            migrate_on_start=migrate_on_start,
            run_worker=run_worker,
            worker_concurrency=worker_concurrency,
            worker_lease_s=worker_lease_s,
            statement_cache_size=statement_cache_size,
            on_event=self._on_event,
        )
        self._runtime: asyncio.Task[None] | None = None
        self._started: asyncio.Future[FlowService] | None = None
        self._stop = asyncio.Event()
        self._site = Site(
            self._settings, vendor, identify, on_event=self._on_event, start=self._service
        )
        handlers = Handlers(self._site)
        self.handle_result: Callable[[web.Request], Awaitable[web.StreamResponse]] = handlers.result
        self.handle_status: Callable[[web.Request], Awaitable[web.StreamResponse]] = handlers.status
        self.handle_payload: Callable[[web.Request], Awaitable[web.StreamResponse]] = (
            handlers.payload
        )
        self.handle_subscription: Callable[[web.Request], Awaitable[web.StreamResponse]] = (
            handlers.subscription
        )
        self.handle_webhook: Callable[[web.Request], Awaitable[web.StreamResponse]] = (
            handlers.webhook
        )
        self.handle_plain: Callable[[web.Request], Awaitable[web.StreamResponse]] = handlers.plain
        self.handle_script: Callable[[web.Request], Awaitable[web.StreamResponse]] = handlers.script
        self._vital_signs = VitalSigns(self._service)
        health = HealthHandlers(self._vital_signs)
        self.handle_health: Callable[[web.Request], Awaitable[web.StreamResponse]] = health.health
        self.handle_ready: Callable[[web.Request], Awaitable[web.StreamResponse]] = health.ready
        self.middleware: Middleware = make_middleware(self._site)

    def inspect(self) -> Inspection:
        """Return the parts and settings, for ``aiocancel check``."""
        from aiocancel.inspection import Inspection

        return Inspection(
            self._settings,
            self._parts.vendor,
            self._parts.billing,
            self._parts.database,
            self._parts.subscriptions,
            self._grant_key_lengths,
            self._parts.migrate_on_start,
            self._parts.run_worker,
        )

    # --- joining an application -------------------------------------------------------------------------

    def setup(self, app: web.Application) -> None:
        """Join everything to the root application: middleware, header signal, routes, template variable, lifecycle.

        Call it after the middleware that ``identify`` relies on (sessions). aiohttp-jinja2 may be set up
        before or after.
        """
        if self.middleware not in app.middlewares:
            app.middlewares.append(self.middleware)
        self._join(app)
        self.add_routes(app)
        if environment_key() in app:
            self.add_template_variable(app)
        elif self._once(app, "template variable at start"):
            app.on_startup.append(self._add_late_template_variable)

    def add_routes(self, app: web.Application) -> None:
        """Add ``POST /cancel/result`` and the GET routes that pages need."""
        if self._once(app, "result route"):
            app.router.add_post(f"{self._settings.prefix}/result", self.handle_result)
            app.router.add_post(f"{self._settings.prefix}/webhook/{{token}}", self.handle_webhook)
        self._add_page_routes(app)

    def add_template_variable(self, app: web.Application) -> None:
        """Put ``cancel_flow`` into the application's aiohttp-jinja2 environment, with the GET routes that it links to.

        Raises ConfigurationError before ``aiohttp_jinja2.setup(app, …)``.
        """
        key = environment_key()
        if key not in app:
            raise ConfigurationError(
                "call aiohttp_jinja2.setup(app, loader=…) before add_template_variable(app)"
            )
        if VARIABLE not in app[key].globals:
            add_to_environment(app[key])
        if not app.frozen:
            self._join(app)
            self._add_page_routes(app)

    async def context_processor(self, request: web.Request) -> dict[str, TemplateFlow]:
        """Offer ``cancel_flow`` the aiohttp-jinja2 way: ``context_processors=[cancel.context_processor]``."""
        return {VARIABLE: variable_for(request.config_dict.get(environment_key()))}

    def flow_page(self, handler: _Handler) -> _Handler:
        """Mark a handler, a view class or a view's method: its payload is resolved and signed before it runs."""
        # A bound method takes no attributes; the function behind it does.
        setattr(getattr(handler, "__func__", handler), FLOW_PAGE_MARK, True)
        return handler

    def on_outcome(self, hook: OutcomeHook) -> OutcomeHook:
        """Register ``async (Outcome) -> None``, called after every claim has ended, whatever its end.

        Hooks run in the worker, never in a request. One that raises is called again, and so are the others:
        at least once each. Raises ConfigurationError after the start.
        """
        self._refuse_late("on_outcome")
        self._parts.on_outcome.append(hook)
        return hook

    def on_error(self, hook: OutcomeHook) -> OutcomeHook:
        """Register a hook like ``on_outcome`` for claims that a person has to look at, or that were refused."""
        self._refuse_late("on_error")
        self._parts.on_error.append(hook)
        return hook

    def _refuse_late(self, what: str) -> None:
        if self._started is not None:
            raise ConfigurationError(f"register {what} hooks before the application starts")

    def on_offer(self, name: str) -> Callable[[OfferHandler], OfferHandler]:
        """Register the handler of a custom offer, by the offer's id or by a key of its metadata.

        ``async (CustomOffer) -> None`` runs in the worker after the vendor has confirmed the offer, again
        after a failure, and so at least once. An offer without a handler is parked. Raises ConfigurationError
        for a second handler of one name.
        """

        def register(handler: OfferHandler) -> OfferHandler:
            if name in self._parts.offer_handlers:
                raise ConfigurationError(f"the offer {name} has a handler already")
            self._parts.offer_handlers[name] = handler
            return handler

        return register

    async def write_headers(self, request: web.Request, response: web.StreamResponse) -> None:
        """Write the policy where the middleware was not reached; an ``on_response_prepare`` handler of the root."""
        write_by_signal(self._site, request, response)

    async def lifespan(self, app: web.Application) -> AsyncIterator[None]:
        """Start and stop with the application: ``app.cleanup_ctx.append(cancel.lifespan)``.

        Raises ConfigurationError when the database, the schema or the subscription query is not right.
        """
        await self._ensure_started()
        yield
        await self.stop()

    async def queue_stats(self) -> QueueStats:
        """Return how many actions wait, run and are parked in all processes, and how long the oldest is due.

        Cheap enough for every scrape of metrics. Raises UnavailableError.
        """
        return await self._vital_signs.queue_stats()

    async def stop(self) -> None:
        """Let running changes finish for 10 s, hand the rest back, close what we opened."""
        if self._runtime is not None:
            self._vital_signs.stopping()
            self._stop.set()
            await asyncio.gather(self._runtime, return_exceptions=True)

    async def work(
        self,
        stop: asyncio.Event,
        *,
        concurrency: int | None = None,
        health: tuple[str, int] | None = None,
    ) -> None:
        """Carry changes out in this process until ``stop`` is set, without serving a site.

        For a process of its own, whatever ``run_worker`` says; ``concurrency`` replaces ``worker_concurrency``, and
        ``health`` is the host and port of ``/healthz`` and ``/readyz``. What the start has made is frozen for the
        garbage collector. Raises ConfigurationError like ``lifespan``, and where the port is taken.
        """
        self._parts = replace(
            self._parts,
            run_worker=True,
            worker_concurrency=concurrency or self._parts.worker_concurrency,
        )
        async with AsyncExitStack() as stack:
            if health is not None:
                try:
                    await stack.enter_async_context(
                        serve_health(self._vital_signs, host=health[0], port=health[1])
                    )
                except OSError as error:
                    raise ConfigurationError(
                        f"the health port cannot be opened ({type(error).__name__})"
                    ) from None
            await self._ensure_started()
            stack.push_async_callback(self.stop)
            # What the start has made stays: looking through it again and again would hold up the loop each time.
            gc.collect()
            gc.freeze()
            await stop.wait()

    def _join(self, app: web.Application) -> None:
        if self._once(app, "signal and lifecycle"):
            app.on_response_prepare.append(self.write_headers)
            app.cleanup_ctx.append(self.lifespan)

    def _add_page_routes(self, app: web.Application) -> None:
        if self._once(app, "page routes"):
            prefix = self._settings.prefix
            app.router.add_get(prefix, self.handle_plain)
            app.router.add_get(f"{prefix}/payload", self.handle_payload)
            app.router.add_get(f"{prefix}/subscription", self.handle_subscription)
            app.router.add_get(f"{prefix}/flow.js", self.handle_script)
            app.router.add_get(f"{prefix}/status/{{claim}}", self.handle_status)

    async def _add_late_template_variable(self, app: web.Application) -> None:
        if environment_key() in app:
            self.add_template_variable(app)

    def _once(self, app: web.Application, part: str) -> bool:
        """Tell whether ``part`` is added to ``app`` for the first time, and remember it."""
        if _PARTS not in app:
            app[_PARTS] = {}
        added_by = app[_PARTS].get(part)
        if added_by is None:
            app[_PARTS][part] = self
        elif added_by is not self:
            raise ConfigurationError(
                "this application already has a CancelFlow; one serves the whole site"
            )
        return added_by is None

    # --- running ----------------------------------------------------------------------------------------

    async def _ensure_started(self) -> FlowService:
        if self._started is None:
            self._stop = asyncio.Event()
            self._started = asyncio.get_running_loop().create_future()
            self._runtime = asyncio.create_task(self._serve(self._started), name="aiocancel")
        return await asyncio.shield(self._started)

    async def _service(self) -> FlowService:
        """Return what runs, for a request; what cannot start in the middle of one is an outage to its customer."""
        try:
            with unavailable_on_outage():
                return await self._ensure_started()
        except ConfigurationError as error:
            logger.error("aiocancel cannot start: %s", error)
            raise UnavailableError(f"aiocancel cannot start ({type(error).__name__})") from error

    async def _serve(self, started: asyncio.Future[FlowService]) -> None:
        """Hold everything open until told to stop, or until the loop cancels its tasks at its end."""
        try:
            # In a thread: there is much to import, and a request may be what starts us.
            open_service = await asyncio.to_thread(_load)
            async with AsyncExitStack() as stack:
                self._site.running = await open_service(self._parts, stack, self._vital_signs)
                started.set_result(self._site.running)
                await self._stop.wait()
        except Exception as error:
            if started.done():
                logger.exception("aiocancel did not close cleanly")
            else:
                started.set_exception(error)
        finally:
            # The next start begins afresh.
            self._started = self._runtime = self._site.running = None


_PARTS: Final = web.AppKey("aiocancel_parts", dict[str, CancelFlow])


def _load() -> Callable[[Parts, AsyncExitStack, VitalSigns], Awaitable[FlowService]]:
    """Import what a running plug-in is made of and what it is asked for, and make our own pages ready."""
    from aiocancel.postgres import queue_stats  # noqa: F401 - for its weight
    from aiocancel.runtime import open_service
    from aiocancel.web import pages

    pages.warm_up()
    return open_service


def _check_modes(vendor: FlowVendor, billing: StripeBilling) -> None:
    if billing.mode == "live" and (billing.simulated or vendor.simulated):
        raise SimulatorRefusedError(
            "a live Stripe key does not go with a simulator: leave api_base, api_host and app_host as they are, "
            "and give a widget's own https addresses"
        )
    if vendor.mode is not None and vendor.mode != billing.mode:
        raise ConfigurationError(
            f"the flow vendor's settings are for {vendor.mode} mode, Stripe's for {billing.mode} mode"
        )
