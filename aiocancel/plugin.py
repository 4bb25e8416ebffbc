"""``CancelFlow``: joins an application. How it runs is in ``runtime``, what is opened then in ``assembly``."""

from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Collection,
    Iterator,
    Mapping,
    Sequence,
)
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar

from aiohttp import web
from aiohttp.typedefs import Middleware

from aiocancel.check_arguments import (
    check_billing,
    check_database,
    check_email,
    check_grant_keys,
    check_hook,
    check_identify,
    check_locale,
    check_mailer,
    check_offer_settings,
    check_on_event,
    check_options,
    check_place,
    check_plans,
    check_public_exit,
    check_subscriptions,
    check_vendor,
    checked_folder,
)
from aiocancel.config import DEFAULTS, Settings, Texts, is_unpinned
from aiocancel.core.check_settings import check_flag, check_text, check_whole
from aiocancel.core.form_token import FormTokens
from aiocancel.core.grants import GrantSealer
from aiocancel.core.theme import Theme
from aiocancel.errors import ConfigurationError, FlowNotResolvedError, SimulatorRefusedError
from aiocancel.parts import Parts
from aiocancel.ports import EMAIL
from aiocancel.runtime import Runtime
from aiocancel.telemetry import EventHook, guarded, log_event
from aiocancel.vendors.own import OwnFlow, own_flow_of
from aiocancel.web.flow_context import FLOW_KEY, FlowContext
from aiocancel.web.health import HealthHandlers
from aiocancel.web.languages import ChooseLocale
from aiocancel.web.log_filter import SecretFilter
from aiocancel.web.middleware import make_middleware, make_signal_handler
from aiocancel.web.routes import Handlers
from aiocancel.web.site import FLOW_PAGE_MARK, ChooseOptions, Identify, Site
from aiocancel.web.template_variable import (
    VARIABLE,
    TemplateFlow,
    add_to_environment,
    environment_key,
    variable_for,
)

if TYPE_CHECKING:
    from asyncpg import Record

    from aiocancel.billing.customer_subscriptions import StripeSubscriptions
    from aiocancel.billing.settings import StripeBilling
    from aiocancel.core.decision import CancelTiming
    from aiocancel.core.offers.offer_rules import OfferRules
    from aiocancel.core.offers.terms import OfferLimits
    from aiocancel.core.public_exit import PublicExit
    from aiocancel.core.undo import ResumePolicy
    from aiocancel.ports import (
        ChangeHook,
        ChooseEmail,
        ChoosePlace,
        FlowVendor,
        Mailer,
        OfferHandler,
        OutcomeHook,
        StripePosts,
        SubscriptionResolver,
    )
    from aiocancel.postgres.connection import Pool
    from aiocancel.postgres.customer_query import SubscriptionQuery
    from aiocancel.postgres.queue_stats import QueueStats
    from aiocancel.web.console.app import Operator

__all__ = ["CancelFlow"]

logger: logging.Logger = logging.getLogger("aiocancel")

RouteHandler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_Handler = TypeVar("_Handler", bound=Callable[..., Any])


class CancelFlow:
    """Cancellation flows for one aiohttp application; nothing is connected before it starts.

    Args:
        vendor: Runs the flow: ``OwnFlow(…)``, which needs nobody else, ``ProsperStack(…)`` or ``StaySignal(…)``. Left
            out, it is an ``OwnFlow()``: the standard reasons, and no offers.
        billing: The account at Stripe. Its key says whether everything is live or a test.
        database: A DSN, or an asyncpg pool that the application owns and closes.
        identify: ``async (request) -> str | int | UUID | None``, the application's id of the customer who is logged in.
        subscriptions: Finds a customer's subscription: a ``SubscriptionQuery``, ``StripeSubscriptions`` or
            any ``aiocancel.SubscriptionResolver``, an object with ``async resolve(customer_id)``.
        grant_keys: Sign page views: the first signs, all verify. In live mode 32 characters or more each.
        cancel_timing: When a cancellation takes effect: ``"at_period_end"`` or ``"now"``.
        prefix: The path below which our routes live.
        public_prefix: The path that a proxy takes off before a request reaches the application, such as ``"/shop"``;
            every link of ours begins with it.
        return_to: The path of this site that a plain page leads back to.
        log_in_at: The path of the login, with ``{page}`` for the address that it leads back to, such as
            ``"/login?next={page}"``. Without it, pages only ask to log in.
        flow_pages: Route names or paths whose payload is prepared before the handler runs, or ``"all"``.
        content_security_policy: Sent where the application sends no policy of its own. The default restricts nothing
            that an ordinary page loads; ``STRICT_POLICY`` allows the site's own files only; None sends none.
        grant_lifetime_s: For how many seconds a page may be used after it was served.
        answer_within_s: For how many seconds a result waits for Stripe before it is answered with 202.
        max_waiting_posts: How many results may wait for Stripe in one process; the next are answered with 202 at once.
        lookup_within_s: For how many seconds a page waits for the database to find the subscription; then it comes
            up without, and its button leads to the plain page. A post may wait for a free connection 10 seconds more.
        widget_timeout_s: After how many seconds a widget that does not show itself counts as blocked.
        max_body_bytes: The longest body that a route of ours reads.
        texts: The owner's wording of our texts, by name; the names are those of ``aiocancel.config.DEFAULT_TEXTS``.
            With several languages one such mapping for each.
        languages: The languages that customers may read, such as ``["en", "de-AT"]``, the first for everybody else.
        locale: ``(request) -> str | None``, the language of a customer; None from it, or no such function, leaves it
            to the browser's ``Accept-Language``.
        options: ``(request) -> mapping``, sync or async: those of ProsperStack's options that differ from request to
            request, of ``flow_id``, ``language``, ``skip_offers`` and ``display_mode``. What the mapping leaves out
            stays as it is set.
        time_zone: Whose days the dates on pages and in messages are, as ``"Europe/Berlin"``.
        page_facts_within_s: How long, in seconds, a page waits for what Stripe tells of the subscription; then it
            comes up without its price and dates.
        theme: The name, colours and logo of our own pages: a ``Theme``.
        offer_limits: What an offer may give away at most; without it one subscription gets one gift in 180
                days, and there is no other limit.
        offer_rules: How offers are carried out; see ``OfferRules`` for the default.
        poll_events_every_s: How many seconds lie between two looks at the vendor's list of events.
        vendor_acts_within_s: For how many seconds Stripe is read for a change that the vendor makes. After that
            the change waits for a person.
        resume_policy: Which scheduled cancellations a customer may take back: ``"own"``, those that were made here,
            ``"any"``, also what the company or Stripe's portal ended, or ``"off"``. The rest is left to a person.
        migrate_on_start: Whether the start brings the tables up to date, as ``aiocancel migrate`` does.
        run_worker: Whether this process makes changes at Stripe; False leaves them to ``aiocancel worker``.
        worker_concurrency: How many actions of each sort a worker carries out at once at most. The sorts are
            cancellations, other changes at Stripe, questions to the flow vendor, calls of hooks and handlers,
            mails, and declarations of the public exit; none waits for another.
        worker_lease_s: How many seconds after a worker died another goes on with its changes.
        statement_cache_size: How many prepared statements each connection keeps that a DSN opens. Behind PgBouncer
            in transaction mode it has to be 0: a connection has no memory there.
        most_unfinished_offers: How many accepted offers of one customer may wait for the flow vendor's word at once.
            One more is answered with 409.
        most_unfinished_actions: How many actions of one customer may be unfinished at once. One more is answered
            with 409; a cancellation only beyond twice as many.
        most_posts_per_minute: How many results of one customer are recorded within a minute. One more is answered
            with 429; a cancellation only beyond twice as many.
        mailer: Writes to customers what they declared and what became of it: ``SmtpMailer(…)``, or an object with
            ``async send(message)``. Without it nobody is written to.
        email: Where a customer is written to: a column of the subscription query, or ``(customer_id) -> str | None``,
            sync or async. A customer without an address is not written to.
        mail_templates: A folder with a ``letter.txt``, a ``letter.html`` or both, in the place of ours.
        place: ``(customer_id) -> str | None``, sync or async: whose rules hold for a customer in a flow of our own, a
            country such as ``"DE"`` or a part of one such as ``"US-MN"``, from your own data or Stripe's billing
            address, and never from a network address. None from it stands for a place that nobody knows, and the
            rules of all places hold then. Without it there are no rules of places.
        public_exit: A page on which anybody may terminate a contract without a login, as § 312k BGB asks: a
            ``PublicExit``. It needs a ``mailer``.
        site_url: The site's own address, such as ``"https://shop.example"``, for the links in mails; without it they
            have none.
        acknowledgement_link_days: For how many days the link in a mail opens its page without a login.
        on_event: Is told of every event; the default writes a log line for each.

    Raises:
        ConfigurationError: for settings that cannot work.
        SimulatorRefusedError: for a live Stripe key beside a simulator.
    """

    def __init__(
        self,
        *,
        vendor: FlowVendor | None = None,
        billing: StripeBilling,
        database: str | Pool,
        identify: Identify,
        subscriptions: SubscriptionQuery | StripeSubscriptions | SubscriptionResolver,
        grant_keys: Sequence[str],
        cancel_timing: CancelTiming = DEFAULTS.cancel_timing,
        prefix: str = DEFAULTS.prefix,
        public_prefix: str = DEFAULTS.public_prefix,
        return_to: str = DEFAULTS.return_to,
        log_in_at: str = DEFAULTS.log_in_at,
        flow_pages: Collection[str] | Literal["all"] = DEFAULTS.flow_pages,
        content_security_policy: str | None = DEFAULTS.content_security_policy,
        grant_lifetime_s: int = DEFAULTS.grant_lifetime_s,
        answer_within_s: float = DEFAULTS.answer_within_s,
        lookup_within_s: float = DEFAULTS.lookup_within_s,
        max_waiting_posts: int = DEFAULTS.max_waiting_posts,
        widget_timeout_s: float = DEFAULTS.widget_timeout_s,
        max_body_bytes: int = DEFAULTS.max_body_bytes,
        texts: Texts = DEFAULTS.texts,
        languages: Sequence[str] = DEFAULTS.languages,
        locale: ChooseLocale | None = None,
        options: ChooseOptions | None = None,
        time_zone: str = DEFAULTS.time_zone,
        page_facts_within_s: float = DEFAULTS.page_facts_within_s,
        theme: Theme = DEFAULTS.theme,
        offer_limits: OfferLimits | None = None,
        offer_rules: OfferRules | None = None,
        poll_events_every_s: float = DEFAULTS.poll_events_every_s,
        vendor_acts_within_s: float = DEFAULTS.vendor_acts_within_s,
        resume_policy: ResumePolicy = DEFAULTS.resume_policy,
        migrate_on_start: bool = DEFAULTS.migrate_on_start,
        run_worker: bool = DEFAULTS.run_worker,
        worker_concurrency: int = DEFAULTS.worker_concurrency,
        worker_lease_s: float = DEFAULTS.worker_lease_s,
        statement_cache_size: int = DEFAULTS.statement_cache_size,
        most_unfinished_offers: int = DEFAULTS.most_unfinished_offers,
        most_unfinished_actions: int = DEFAULTS.most_unfinished_actions,
        most_posts_per_minute: int = DEFAULTS.most_posts_per_minute,
        mailer: Mailer | None = None,
        email: str | ChooseEmail = EMAIL,
        mail_templates: str | Path | None = None,
        public_exit: PublicExit | None = None,
        place: ChoosePlace | None = None,
        site_url: str = DEFAULTS.site_url,
        acknowledgement_link_days: int = DEFAULTS.acknowledgement_link_days,
        on_event: EventHook = log_event,
    ) -> None:
        vendor = OwnFlow() if vendor is None else vendor
        check_vendor(vendor)
        check_billing(billing)
        check_database(database)
        check_identify(identify)
        check_locale(locale)
        check_options(options)
        check_subscriptions(subscriptions)
        check_grant_keys(grant_keys, mode=billing.mode)
        check_offer_settings(offer_limits, offer_rules)
        check_plans(billing, offer_rules)
        check_on_event(on_event)
        check_mailer(mailer)
        check_email(email)
        check_public_exit(public_exit, mailer)
        check_place(place)
        _check_modes(vendor, billing)
        if billing.account_column is not None and hasattr(subscriptions, "over"):
            raise ConfigurationError(
                "account_column goes with a SubscriptionQuery: StripeSubscriptions looks into one account"
            )
        self._settings = Settings(
            mode=billing.mode,
            prefix=prefix,
            public_prefix=public_prefix,
            return_to=return_to,
            log_in_at=log_in_at,
            flow_pages=flow_pages,
            content_security_policy=content_security_policy,
            cancel_timing=cancel_timing,
            grant_lifetime_s=grant_lifetime_s,
            answer_within_s=answer_within_s,
            lookup_within_s=lookup_within_s,
            max_waiting_posts=max_waiting_posts,
            widget_timeout_s=widget_timeout_s,
            max_body_bytes=max_body_bytes,
            texts=texts,
            languages=languages,
            time_zone=time_zone,
            page_facts_within_s=page_facts_within_s,
            theme=theme,
            poll_events_every_s=poll_events_every_s,
            vendor_acts_within_s=vendor_acts_within_s,
            resume_policy=resume_policy,
            migrate_on_start=migrate_on_start,
            run_worker=run_worker,
            worker_concurrency=worker_concurrency,
            worker_lease_s=worker_lease_s,
            statement_cache_size=statement_cache_size,
            most_unfinished_offers=most_unfinished_offers,
            most_unfinished_actions=most_unfinished_actions,
            most_posts_per_minute=most_posts_per_minute,
            site_url=site_url,
            acknowledgement_link_days=acknowledgement_link_days,
        )
        self._parts = Parts(
            settings=self._settings,
            vendor=vendor,
            billing=billing,
            database=database,
            subscriptions=subscriptions,
            sealer=GrantSealer(grant_keys),
            grant_key_lengths=tuple(map(len, grant_keys)),
            offer_limits=offer_limits,
            offer_rules=offer_rules,
            on_event=guarded(on_event),
            mailer=mailer,
            email=email,
            mail_templates=checked_folder(mail_templates),
            public_exit=public_exit,
            place=place,
        )
        self.log_filter = SecretFilter(prefix, vendor.webhook_tokens)
        """Keeps the webhook's token and the keys of letters and declarations out of a log of yours.

        ``logging.getLogger("yours").addFilter(cancel.log_filter)``
        """
        self._form_tokens = FormTokens(grant_keys)
        self._runtime = Runtime(self._parts)
        self._mounted_at: str | None = None
        self._site = Site(
            self._settings,
            vendor,
            identify,
            on_event=self._parts.on_event,
            service=self._runtime.service,
            locale=locale,
            options=options,
            own_flow=None if own_flow_of(vendor) is None else self._runtime.own_flow,
            stripe_posts=_stripe_posts(billing),
            place=place,
            has_public_exit=public_exit is not None,
        )

        handlers = self._handlers = Handlers(self._site)
        self.handle_result: RouteHandler = handlers.result
        self.handle_status: RouteHandler = handlers.status
        self.handle_payload: RouteHandler = handlers.payload
        self.handle_subscription: RouteHandler = handlers.subscription
        self.handle_webhook: RouteHandler = handlers.webhook
        self.handle_stripe: RouteHandler = handlers.stripe
        self.handle_plain: RouteHandler = handlers.plain
        self.handle_script: RouteHandler = handlers.script

        self.handle_acknowledgement: RouteHandler = handlers.acknowledgement
        self.handle_flow_screen: RouteHandler = handlers.flow_screen
        self.handle_flow_why: RouteHandler = handlers.flow_why
        self.handle_flow_press: RouteHandler = handlers.flow_press
        self.handle_style: RouteHandler = handlers.style

        health = HealthHandlers(self._runtime.health, self._runtime.readiness)
        self.handle_health: RouteHandler = health.health
        self.handle_ready: RouteHandler = health.ready
        self.middleware: Middleware = make_middleware(self._site)
        self.write_headers = make_signal_handler(self._site)
        """Writes the policy where the middleware was not reached: an ``on_response_prepare`` handler of the root."""

    def inspect(self) -> Parts:
        """Return the parts and settings, for ``aiocancel check``."""
        return self._parts

    # --- joining an application -------------------------------------------------------------------------

    def setup(self, app: web.Application, *, freeze: bool = False) -> None:
        """Join everything to the root application: middleware, header signal, routes, template variable, lifecycle.

        Call it after the middleware that ``identify`` relies on (sessions). aiohttp-jinja2 may be set up
        before or after.

        Args:
            app: The application.
            freeze: Whether what this process has made by the end of its start is frozen for Python's garbage
                collector, which then need not look through it again while a request waits. For a process that
                serves and nothing else: what was frozen is never collected, until the application stops.

        Raises:
            ConfigurationError: Another CancelFlow serves this application, or ``freeze`` is no bool.
        """
        check_flag("freeze", freeze)

        if self.middleware not in app.middlewares:
            app.middlewares.append(self.middleware)
        self._join(app)
        self.add_routes(app)

        if environment_key() in app:
            self.add_template_variable(app)
        if self._once(app, "template variable at start"):
            app.on_startup.append(self._add_late_template_variables)
        if freeze and self._once(app, "freezing at start"):
            app.on_startup.append(_freeze)
            app.on_cleanup.append(_unfreeze)

    def add_routes(self, app: web.Application) -> None:
        """Add ``POST /cancel/result`` and the GET routes that pages need."""
        if self._once(app, "result route"):
            app.router.add_routes(self._handlers.post_routes())
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
        function = getattr(handler, "__func__", handler)
        setattr(function, FLOW_PAGE_MARK, (*getattr(function, FLOW_PAGE_MARK, ()), self._site))
        return handler

    async def use(
        self,
        request: web.Request,
        subscription_id: str | None,
        row: Mapping[str, Any] | Record | None = None,
    ) -> FlowContext:
        """Let this page be about the subscription that its handler has read already: no query is made for it.

        A page is a place to start from. When a customer posts from it, the application's own query says once more whose
        subscription it is.

        Args:
            request: The request that is being handled.
            subscription_id: The Stripe subscription's id; None is a customer who has none.
            row: The columns that the flow vendor's payload is made of, where there are any.

        Returns:
            The request's flow, resolved. Its state is ``anonymous`` where nobody is logged in.

        Raises:
            ConfigurationError: The id or the row is of another type.
            FlowNotResolvedError: The request did not pass the middleware, or its headers are on their way.
        """
        if subscription_id is not None:
            check_text("subscription_id", subscription_id)
        if row is not None and not hasattr(row, "items"):
            raise ConfigurationError("row is a mapping of columns to values, as asyncpg returns it")
        flow: FlowContext | None = request.get(FLOW_KEY)
        if flow is None or flow.site is not self._site:
            raise FlowNotResolvedError(
                "this request did not pass aiocancel's middleware: call cancel.setup(app)"
            )
        return await flow.use(subscription_id, {} if row is None else dict(row.items()))

    def on_outcome(self, hook: OutcomeHook) -> OutcomeHook:
        """Register ``async (Outcome) -> None``, called after every claim has ended, whatever its end.

        Hooks run in the worker, never in a request. One that raises is called again, and so are the others:
        at least once each. Raises ConfigurationError for one that is not async, and after the start.
        """
        self._refuse_late("on_outcome")
        check_hook("on_outcome", hook)
        self._parts.on_outcome.append(hook)
        return hook

    def on_error(self, hook: OutcomeHook) -> OutcomeHook:
        """Register a hook like ``on_outcome`` for claims that a person has to look at, or that were refused.

        Raises ConfigurationError as ``on_outcome`` does.
        """
        self._refuse_late("on_error")
        check_hook("on_error", hook)
        self._parts.on_error.append(hook)
        return hook

    def on_subscription_change(self, hook: ChangeHook) -> ChangeHook:
        """Register ``async (SubscriptionChange) -> None``, called when Stripe shows that a subscription has changed.

        It does not matter what changed it: the customer here or in Stripe's portal, your support, a payment that
        failed, or time. The hook is called in the worker, for every subscription of the account, at least once for each
        change, and for one subscription in the order of what Stripe shows. One that raises is called again, and so are
        the others.
        Raises ConfigurationError for one that is not async, and after the start.
        """
        self._refuse_late("on_subscription_change")
        check_hook("on_subscription_change", hook)
        self._parts.on_subscription_change.append(hook)
        return hook

    def _refuse_late(self, what: str) -> None:
        if self._runtime.has_begun:
            raise ConfigurationError(f"register {what} hooks before the application starts")

    def on_offer(self, name: str) -> Callable[[OfferHandler], OfferHandler]:
        """Register the handler of a custom offer, by the offer's id or by a key of its metadata.

        ``async (CustomOffer) -> None`` runs in the worker once the offer is proven: by the vendor, or in a flow of your
        own by the flow session that showed it, where the key of the ``HandledOffer`` is the offer's id. It runs again
        after a failure, and so at least once. An offer of the vendor's that has no handler is parked. Raises
        ConfigurationError for a handler that is not async, and for a second one of one name.
        """

        def register(handler: OfferHandler) -> OfferHandler:
            check_hook("on_offer", handler)
            if name in self._parts.offer_handlers:
                raise ConfigurationError(f"the offer {name} has a handler already")
            self._parts.offer_handlers[name] = handler
            return handler

        return register

    async def lifespan(self, app: web.Application) -> AsyncIterator[None]:
        """Start and stop with the application: ``app.cleanup_ctx.append(cancel.lifespan)``.

        Raises ConfigurationError when the database, the schema or the subscription query is not right.
        """
        self._find_mount(app)
        widget = self._parts.vendor.widget()
        if self._settings.mode == "live" and is_unpinned(
            widget.script_url, widget.script_integrity
        ):
            logger.warning(
                "%s is loaded without script_integrity on pages that hold a customer's grant: a person who changes "
                "that file acts for every customer; serve a copy of your own, or give script_integrity",
                widget.script_url,
            )

        # Nothing that may raise stands between the start and the application's work.
        await self._runtime.start()
        logger.info(
            "pages that send no Content-Security-Policy get: %s",
            self._settings.content_security_policy or "none",
        )
        yield
        await self.stop()

    def console(
        self,
        *,
        operator: Operator,
        personal_data: bool = True,
        hold_out_decide_on: date | None = None,
        language: str | None = None,
    ) -> web.Application:
        """Return the owner's pages: ``app.add_subapp("/owner/cancellations", cancel.console(operator=…))``.

        Args:
            operator: ``(request) -> str | None``, sync or async: the name of the operator who looks, for the journal.
                It is asked on every request; None means that nobody may look, and is answered with 404.
            personal_data: Whether the page of a session shows the customer's id and words, and a search finds a
                customer's id.
            hold_out_decide_on: The day on which you will compare those who were offered something with the hold-out,
                fixed beforehand. Until then, and without one, the page gives no verdict.
            language: The language of the pages, one that we have, such as ``de``. None takes the one of those that
                each operator's browser asks for, and English otherwise.

        Raises:
            ConfigurationError: ``operator`` cannot be called, ``personal_data`` is neither True nor False,
                ``hold_out_decide_on`` is no date, or ``language`` is none that the pages have.
        """
        if not callable(operator):
            raise ConfigurationError("operator is a function of the request, such as who_is_this")
        check_flag("personal_data", personal_data)
        # A moment is a date as well, and two of them cannot be told apart by days.
        if hold_out_decide_on is not None and type(hold_out_decide_on) is not date:
            raise ConfigurationError("hold_out_decide_on is a date, such as date(2027, 3, 1)")
        # Late: few sites of a company show them, and each site pays for an import.
        from aiocancel.core.offers.offer_rules import DEFAULT_RULES
        from aiocancel.core.offers.terms import NO_LIMITS
        from aiocancel.web.console.app import Console
        from aiocancel.web.console.desk import Desk
        from aiocancel.web.console.words import LANGUAGES, Writing

        if language is not None and language not in LANGUAGES:
            known = ", ".join(repr(each) for each in LANGUAGES)
            raise ConfigurationError(f"language: the owner's pages are there in {known}")
        desk = Desk(
            self._settings,
            self._runtime.console_store,
            Writing(self._settings.time_zone),
            self._site.languages.default,
            personal_data,
            now=lambda: datetime.now(UTC),
            decide_on=hold_out_decide_on,
            offer_rules=self._parts.offer_rules or DEFAULT_RULES,
            offer_limits=self._parts.offer_limits or NO_LIMITS,
        )
        return Console(desk, operator, self._form_tokens, language).application()

    async def queue_stats(self) -> QueueStats:
        """Return how many actions wait, run and are parked in all processes, and how long the oldest is due.

        Cheap enough for every scrape of metrics. Raises UnavailableError.
        """
        return await self._runtime.queue_stats()

    async def stop(self) -> None:
        """Let running changes finish for 10 s, hand the rest back, close what we opened."""
        await self._runtime.stop()

    async def work(
        self,
        stop: asyncio.Event,
        *,
        concurrency: int | None = None,
        health: tuple[str, int] | None = None,
    ) -> None:
        """Carry changes out in this process until ``stop`` is set, without serving a site.

        For a process of its own, whatever ``run_worker`` says. What the start has made is frozen for the garbage
        collector, which runs from then on.

        Args:
            stop: Set it, and what is under way is finished.
            concurrency: How many actions of each sort at a time; None takes ``worker_concurrency``.
            health: The host and port of ``/healthz`` and ``/readyz``; None serves neither.

        Raises:
            ConfigurationError: As ``lifespan`` raises it, and where the port is taken.
        """
        if concurrency is not None:
            check_whole("concurrency", concurrency)
        await self._runtime.work(stop, concurrency=concurrency, health=health)

    def _join(self, app: web.Application) -> None:
        self.log_filter.install()
        if self._once(app, "signal and lifecycle"):
            app.on_response_prepare.append(self.write_headers)
            app.cleanup_ctx.append(self.lifespan)

    def _add_page_routes(self, app: web.Application) -> None:
        if self._once(app, "page routes"):
            app.router.add_routes(self._handlers.page_routes())
            app.router.add_routes(self._public_routes())

    def _public_routes(self) -> list[web.RouteDef]:
        """Return the routes of the public exit, where there is one."""
        if self._parts.public_exit is None:
            return []
        # Late: it brings the letters with it.
        from aiocancel.web.public_exit import PublicExitPage

        page = PublicExitPage(self._site, self._parts.public_exit, self._parts.sealer)
        path = f"{self._settings.prefix}/public"
        return [
            web.get(path, page.form),
            web.post(path, page.declare),
            web.get(f"{path}/{{key}}", page.received),
        ]

    def _find_mount(self, app: web.Application) -> None:
        """Let links lead to where the routes are, also below a sub-application's prefix; refuse a second page there."""
        ours = [
            route
            for route in app.router.routes()
            if route.handler == self.handle_plain and route.method == "GET"
        ]
        if not ours or ours[0].resource is None:
            return

        path = ours[0].resource.canonical
        if any(
            route.resource is not ours[0].resource
            and route.resource is not None
            and route.resource.canonical == path
            and route.method in ("GET", "HEAD", "*")
            for route in app.router.routes()
        ):
            raise ConfigurationError(
                f"the application has a page of its own at {path}, where customers cancel: "
                "move that page, or choose another prefix"
            )
        if _PARTS in app and app[_PARTS].get("result route") is self:
            if self._mounted_at not in (None, path):
                raise ConfigurationError(
                    f"one CancelFlow is set up at {self._mounted_at} and at {path}, and its links lead to one place: "
                    "set it up once, or make a CancelFlow for each"
                )
            self._mounted_at = path
            self._site.mount(path)

    async def _add_late_template_variables(self, app: web.Application) -> None:
        """Give the variable to every environment, those of sub-applications included, once all of them are there."""
        for each in _with_sub_applications(app):
            if environment_key() in each and VARIABLE not in each[environment_key()].globals:
                add_to_environment(each[environment_key()])

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


_PARTS: Final = web.AppKey("aiocancel_parts", dict[str, CancelFlow])


async def _freeze(_: web.Application) -> None:
    # What is garbage already would be kept as well.
    gc.collect()
    gc.freeze()


async def _unfreeze(_: web.Application) -> None:
    gc.unfreeze()


def _with_sub_applications(app: web.Application) -> Iterator[web.Application]:
    yield app
    for resource in app.router.resources():
        if (below := resource.get_info().get("app")) is not None:
            yield from _with_sub_applications(below)


def _stripe_posts(billing: StripeBilling) -> StripePosts | None:
    if not billing.webhook_secrets:
        return None
    # Late: it brings with it what Stripe's news are compared by.
    from aiocancel.billing.webhook import StripeWebhook

    return StripeWebhook(billing)


def _check_modes(vendor: FlowVendor, billing: StripeBilling) -> None:
    if billing.mode == "live" and (billing.simulated or vendor.simulated):
        raise SimulatorRefusedError(
            "a live Stripe key does not go with a simulator: leave api_base, api_host and app_host as they are, "
            "and give a widget's own https addresses"
        )
    if billing.mode == "live" and vendor.widget().script_url.lower().startswith("http://"):
        raise ConfigurationError(
            "script_url must be https, or a path of this site, with a live Stripe key: the script runs on a page "
            "that may change subscriptions"
        )

    if vendor.mode is not None and vendor.mode != billing.mode:
        raise ConfigurationError(
            f"the flow vendor's settings are for {vendor.mode} mode, Stripe's for {billing.mode} mode"
        )
