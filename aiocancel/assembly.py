"""Opening and closing what a running plug-in is made of: the one module that knows every edge.

It brings everything that a site does not need before it is opened, and is imported then.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import asyncpg

from aiocancel.billing.client import StripeClient, open_stripe
from aiocancel.billing.customer_subscriptions import StripeSubscriptions
from aiocancel.billing.events import StripeEvents
from aiocancel.billing.kept_readings import StripeKept
from aiocancel.billing.page_facts import StripePageFacts
from aiocancel.core.coupon_names import names_in
from aiocancel.core.decision import Policy
from aiocancel.core.flow.eligibility import OwnersBounds
from aiocancel.core.flow.rules import PLACE_RULES
from aiocancel.core.offers.offer_rules import DEFAULT_RULES
from aiocancel.core.offers.terms import NO_LIMITS, OfferLimits
from aiocancel.errors import ConfigurationError
from aiocancel.giving_way import GivingWay
from aiocancel.intake import STORED_AT_ONCE, FlowService
from aiocancel.mail.letter import LetterTemplates
from aiocancel.one_database import beside_others
from aiocancel.own_flow import FlowBounds, OwnFlowService
from aiocancel.parts import Parts
from aiocancel.ports import OutcomeVerifier, SubscriptionResolver, without_waiting
from aiocancel.postgres.address import CANNOT_OPEN, cannot_open
from aiocancel.postgres.claim_endings import Endings
from aiocancel.postgres.counted_days import CountedDays
from aiocancel.postgres.customer_query import StripeCustomerQuery, SubscriptionQuery
from aiocancel.postgres.evidence import Evidence
from aiocancel.postgres.flow_sessions import FlowSessions
from aiocancel.postgres.kept_readings import KeptReadings
from aiocancel.postgres.ledger import Ledger
from aiocancel.postgres.outage_log import say_outages_once
from aiocancel.postgres.pgqueuer import PgQueuerEngine, warm_up
from aiocancel.postgres.rate_limit import RateBudgets
from aiocancel.postgres.schema import check_schema, migrate, which_database
from aiocancel.postgres.stripe_news import StripeNews
from aiocancel.postgres.vendor_events import Doorbell
from aiocancel.telemetry import type_and_place
from aiocancel.vendors.own import own_flow_of
from aiocancel.worker.acknowledge import Acknowledger
from aiocancel.worker.confirm_offers import Offers
from aiocancel.worker.count_days import GATHER_S, DayCounter
from aiocancel.worker.hooks import Hooks
from aiocancel.worker.kept_readings import KeptReader
from aiocancel.worker.match_declaration import DeclarationMatcher
from aiocancel.worker.meant_subscriptions import MeantSubscriptions
from aiocancel.worker.own_sessions import LeftSessions, OwnSessions
from aiocancel.worker.row_accounts import RowAccounts
from aiocancel.worker.seal_evidence import EvidenceSealer
from aiocancel.worker.stripe_news import NewsReader
from aiocancel.worker.vendor_events import CatchUp
from aiocancel.worker.worker import Worker

if TYPE_CHECKING:
    from aiocancel.billing.settings import StripeBilling
    from aiocancel.core.page_facts import ShownSubscription
    from aiocancel.postgres.connection import Pool

__all__ = ["Opened", "open_parts"]

logger: logging.Logger = logging.getLogger("aiocancel")

# Long enough for a Stripe call in flight to come back before the process goes.
_STOP_GRACE_S: Final = 10.0
_CANCEL_AGAIN_S: Final = 1.0
_CONNECT_WITHIN_S: Final = 10.0
# A worker inside a site has dozens of statements under way; a customer's post must not wait behind them all.
_WORKER_CONNECTIONS: Final = 5


@dataclass(frozen=True, slots=True)
class Opened:
    """What runs: the services that requests use, the pool, and the loops that have to run as long as it does."""

    service: FlowService
    pool: Pool
    loops: Mapping[str, asyncio.Task[None]]
    own_flow: OwnFlowService | None = None


async def open_parts(parts: Parts, stack: AsyncExitStack) -> Opened:
    """Open what the parts need, and close it with ``stack``; raises ConfigurationError where something is not right."""
    say_outages_once()
    await warm_up()
    pool = await stack.enter_async_context(_open_pool(parts))
    async with pool.acquire() as connection:
        if parts.settings.migrate_on_start:
            await migrate(connection)
        await check_schema(connection)
        database = await which_database(connection)
    stack.enter_context(beside_others(database, parts))

    # A client of its own: a page must not wait behind the worker's changes, and there may be no worker.
    for_pages = await stack.enter_async_context(
        open_stripe(parts.billing, slots=RateBudgets(pool), for_pages=True)
    )
    resolver, patient_resolver = await _open_resolvers(parts, pool, for_pages)
    giving_way = GivingWay(stored_at_once=STORED_AT_ONCE)
    engine = PgQueuerEngine(
        pool, heartbeat_timeout_s=parts.settings.worker_lease_s, begin=giving_way.action
    )
    hooks = bool(parts.on_outcome or parts.on_error)
    letters = parts.mailer is not None
    ledger = Ledger(pool, hooks=hooks, letters=letters)
    stack.push_async_callback(ledger.wake_ups.close)
    doorbell = Doorbell(pool, parts.vendor.name, lease_s=parts.settings.worker_lease_s)
    verifier_context = parts.vendor.open_verifier(RateBudgets(pool))
    policy = Policy(
        parts.settings.cancel_timing,
        parts.vendor.applies_cancellation,
        parts.vendor.applies_offers,
        verifies_offers=verifier_context is not None,
        names_customers=parts.vendor.names_customers,
        proof_in=parts.vendor.proof_in,
        trusts_vendor_sessions=parts.vendor.trusts_vendor_sessions,
        pays_without_event=parts.vendor.test_mode,
    )

    vendor_rang, stripe_rang = asyncio.Event(), asyncio.Event()
    endings = Endings(pool)
    service = FlowService(
        parts.settings,
        parts.vendor,
        parts.sealer,
        resolver,
        ledger,
        policy,
        doorbell=doorbell,
        patient_resolver=patient_resolver,
        endings=endings,
        giving_way=giving_way,
        page_facts=_page_facts(parts, for_pages),
        email=parts.email if letters else None,
        wake_catch_up=vendor_rang.set,
        wake_news=stripe_rang.set,
        on_event=parts.on_event,
    )
    own_flow = _own_flow(parts, service, pool, for_pages)
    if own_flow is not None:
        stack.push_async_callback(own_flow.close)
    # Not a part of the process's health: without it, a request that waits asks from time to time.
    await stack.enter_async_context(_looping(endings.run(), "ends"))
    loops: dict[str, asyncio.Task[None]] = {}
    if not parts.settings.run_worker:
        return Opened(service, pool, loops, own_flow)

    verifier = (
        None if verifier_context is None else await stack.enter_async_context(verifier_context)
    )
    billing = _with_coupon_names(parts, _with_reasons(parts))
    stripe = await stack.enter_async_context(open_stripe(billing, slots=RateBudgets(pool)))
    worker_ledger = Ledger(pool, hooks=hooks, letters=letters, most_at_once=_WORKER_CONNECTIONS)
    if parts.mailer is not None and hasattr(parts.mailer, "close"):
        stack.push_async_callback(_close, parts.mailer)
    page_facts = _page_facts(parts, for_pages)
    worker = _make_worker(
        parts, service, worker_ledger, engine, stripe, policy, verifier, page_facts
    )
    loops["worker"] = await stack.enter_async_context(_running(worker))
    if parts.on_subscription_change or parts.billing.webhook_secrets:
        reader = _make_news_reader(parts, pool, stripe, stripe_rang)
        loops["news"] = await stack.enter_async_context(_looping(reader.run(), "news"))
    if verifier is not None:
        catch_up = CatchUp(
            ledger,
            doorbell,
            verifier,
            patient_resolver,
            policy,
            vendor=parts.vendor.name,
            mode=parts.settings.mode,
            poll_every_s=parts.settings.poll_events_every_s,
            rung=vendor_rang,
            sealer=parts.sealer,
            on_event=parts.on_event,
        )
        loops["catch-up"] = await stack.enter_async_context(_looping(catch_up.run(), "catch-up"))
    # No part of the process's health: `aiocancel check` and a gauge tell of facts that wait for long.
    sealing = EvidenceSealer(Evidence(pool))
    await stack.enter_async_context(_looping(sealing.run(), "evidence"))
    await _open_figures(parts, service, pool, stripe, stack)
    return Opened(service, pool, loops, own_flow)


async def _open_figures(
    parts: Parts, service: FlowService, pool: Pool, stripe: StripeClient, stack: AsyncExitStack
) -> None:
    """Run what the owner's figures come from; no part of the process's health: no customer waits for a figure."""
    column = parts.billing.account_column
    accounts = None if column is None else RowAccounts(service.find_patiently, column)

    left = LeftSessions(FlowSessions(pool), partial(_read_in, stripe), accounts=accounts)
    await stack.enter_async_context(_looping(left.run(), "flow sessions"))
    kept = _make_kept_reader(parts, pool, stripe, accounts)
    await stack.enter_async_context(_looping(kept.run(), "readings"))
    days = CountedDays(pool, parts.settings.mode, parts.settings.time_zone, gather_s=GATHER_S)
    await stack.enter_async_context(_looping(DayCounter(days).run(), "days"))


def _own_flow(
    parts: Parts, service: FlowService, pool: Pool, stripe: StripeClient
) -> OwnFlowService | None:
    flow = own_flow_of(parts.vendor)
    if flow is None:
        return None

    billing, settings = parts.billing, parts.settings
    offers = OwnersBounds(
        rules=parts.offer_rules or DEFAULT_RULES,
        limits=parts.offer_limits or OfferLimits(),
        schedule_policy=billing.schedule_policy,
        # Without ``place=`` no rule of a place applies: no customer has a place that nobody knows.
        place_rules=() if parts.place is None else PLACE_RULES,
        handled=parts.offer_handlers.keys(),
    )
    return OwnFlowService(
        flow,
        service,
        FlowSessions(pool),
        stripe,
        settings=settings,
        bounds=FlowBounds(
            offers,
            timing=settings.cancel_timing,
            ends_with=billing.ends_with,
            agreed_ends=billing.agreed_ends,
            account_column=billing.account_column,
            hold_out_key=flow.hold_out_key(parts.sealer.hold_out_key),
            is_simulated=parts.billing.simulated,
        ),
        on_event=parts.on_event,
    )


def _with_coupon_names(parts: Parts, billing: StripeBilling) -> StripeBilling:
    """Name coupons in the site's first language where the owner gave them no name."""
    names = names_in(parts.settings.languages[0], billing.coupon_names)
    return replace(billing, coupon_names=names)


def _with_reasons(parts: Parts) -> StripeBilling:
    """Return the account with the feedback values of our own flow's reasons; the owner's own maps count more."""
    flow, billing = own_flow_of(parts.vendor), parts.billing
    if flow is None:
        return billing
    reasons = flow.definition.reasons
    codes = {each.key: each.stripe_feedback for each in reasons}
    options = {each.key: each.feedback_option for each in reasons if each.feedback_option}
    return replace(
        billing,
        feedback_codes={**codes, **billing.feedback_codes},
        feedback_options={**options, **billing.feedback_options},
    )


def _page_facts(parts: Parts, stripe: StripeClient) -> StripePageFacts | None:
    """Return what pages say of a subscription; None where each may belong to another account."""
    if parts.billing.account_column is not None:
        return None
    return StripePageFacts(stripe.read_for_page, within_s=parts.settings.page_facts_within_s)


def _make_news_reader(
    parts: Parts, pool: Pool, stripe: StripeClient, stripe_rang: asyncio.Event
) -> NewsReader:
    return NewsReader(
        StripeNews(pool),
        stripe,
        StripeEvents(stripe),
        parts.on_subscription_change,
        mode=parts.settings.mode,
        account=parts.billing.stripe_account,
        poll_every_s=parts.billing.poll_events_every_s,
        rung=stripe_rang,
        on_event=parts.on_event,
        now=lambda: datetime.now(UTC),
    )


async def _read_in(
    stripe: StripeClient, subscription_id: str, account: str | None
) -> ShownSubscription:
    return await stripe.on(account).read_for_page(subscription_id)


def _make_kept_reader(
    parts: Parts, pool: Pool, stripe: StripeClient, accounts: RowAccounts | None
) -> KeptReader:
    return KeptReader(
        KeptReadings(pool, parts.settings.mode),
        StripeKept(stripe),
        on_event=parts.on_event,
        now=lambda: datetime.now(UTC),
        accounts=accounts,
    )


def _make_worker(
    parts: Parts,
    service: FlowService,
    ledger: Ledger,
    engine: PgQueuerEngine,
    stripe: StripeClient,
    policy: Policy,
    verifier: OutcomeVerifier | None,
    page_facts: StripePageFacts | None,
) -> Worker:
    flow = own_flow_of(parts.vendor)
    offers = Offers(
        ledger,
        # The catch-up, which holds no place, may wait for its turn.
        verifier=without_waiting(verifier),
        policy=policy,
        limits=parts.offer_limits or NO_LIMITS,
        rules=parts.offer_rules or DEFAULT_RULES,
        handlers=parts.offer_handlers,
        meant=MeantSubscriptions(
            parts.sealer,
            policy,
            vendor=parts.vendor.name,
            mode=parts.settings.mode,
            find_all=service.find_all,
        ),
        # A flow that was replaced since has them too: offers accepted in it are still due.
        own=OwnSessions(FlowSessions(ledger.pool)),
        own_gift_days=None if flow is None else flow.definition.at_most_one_gift_in_days,
    )

    return Worker(
        ledger,
        # As above. A task that reads news or figures holds no place, and may wait.
        stripe.without_waiting(),
        engine,
        hooks=Hooks(parts.on_outcome, parts.on_error),
        offers=offers,
        schedule_policy=parts.billing.schedule_policy,
        ends_with=parts.billing.ends_with,
        agreed_ends=parts.billing.agreed_ends,
        on_event=parts.on_event,
        on_settled=service.settled,
        concurrency=parts.settings.worker_concurrency,
        lease_s=parts.settings.worker_lease_s,
        vendor_acts_within_s=parts.settings.vendor_acts_within_s,
        resume_policy=parts.settings.resume_policy,
        is_simulated=parts.billing.simulated,
        find=service.find_patiently,
        account_column=parts.billing.account_column,
        acknowledger=_make_acknowledger(parts, service, ledger, page_facts),
        matcher=_make_matcher(parts, service, ledger, policy),
    )


def _make_acknowledger(
    parts: Parts, service: FlowService, ledger: Ledger, page_facts: StripePageFacts | None
) -> Acknowledger | None:
    if parts.mailer is None:
        return None

    return Acknowledger(
        ledger,
        parts.mailer,
        settings=parts.settings,
        sealer=parts.sealer,
        templates=LetterTemplates(parts.mail_templates, on_event=parts.on_event),
        email=parts.email,
        find=service.find_patiently,
        find_all=service.find_all,
        page_facts=page_facts,
        on_event=parts.on_event,
    )


def _make_matcher(
    parts: Parts, service: FlowService, ledger: Ledger, policy: Policy
) -> DeclarationMatcher | None:
    if parts.public_exit is None:
        return None
    return DeclarationMatcher(
        ledger, parts.public_exit, service.find_all, policy, on_event=parts.on_event
    )


async def _close(mailer: Any) -> None:
    try:
        async with asyncio.timeout(_STOP_GRACE_S):
            await mailer.close()
    except Exception as error:
        logger.warning("the mailer did not close: %s", type_and_place(error))


async def _open_resolvers(
    parts: Parts, pool: Pool, stripe: StripeClient
) -> tuple[SubscriptionResolver, SubscriptionResolver]:
    """Return what finds a page's subscription, and what finds the same with more patience."""
    chosen = parts.subscriptions
    needs = parts.needed_columns
    within_s = parts.settings.lookup_within_s
    if isinstance(chosen, SubscriptionQuery):
        rows = await chosen.prepare(pool, needs=needs, within_s=within_s)
        return rows, rows.patient()

    if isinstance(chosen, StripeSubscriptions):
        query = StripeCustomerQuery(chosen.customers)
        customers = await query.prepare(pool, needs=needs, within_s=within_s)
        listed = chosen.over(customers.resolve, stripe.list_subscriptions)
        return listed, listed.patiently(customers.patient().resolve)

    return chosen, chosen


@asynccontextmanager
async def _open_pool(parts: Parts) -> AsyncIterator[Pool]:
    if not isinstance(parts.database, str):
        yield parts.database
        return

    try:
        pool = await asyncpg.create_pool(
            parts.database,
            min_size=1,
            # Ten for the work, and one that listens for ends.
            max_size=11,
            command_timeout=30,
            timeout=_CONNECT_WITHIN_S,
            statement_cache_size=parts.settings.statement_cache_size,
            reset=_leave_as_it_is,
            server_settings={"application_name": "aiocancel"},
        )
    except CANNOT_OPEN as error:
        # Not the error itself: its text may hold the DSN.
        raise ConfigurationError(cannot_open(parts.database, error)) from None

    try:
        yield pool
    finally:
        try:
            async with asyncio.timeout(_STOP_GRACE_S):
                await pool.close()
        except TimeoutError:
            # What asyncpg does then is to end all connections.
            logger.warning("the database's connections were not given back in time")


async def _leave_as_it_is(_: object) -> None:
    """Spare a round trip for each use: asyncpg ends transactions itself, and we leave nothing else behind."""


@asynccontextmanager
async def _running(worker: Worker) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(worker.run(), name="aiocancel worker")
    try:
        yield task
    finally:
        await worker.stop(grace_s=_STOP_GRACE_S)
        await task


@asynccontextmanager
async def _looping(run: Coroutine[Any, Any, None], name: str) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(run, name=f"aiocancel {name}")
    try:
        yield task
    finally:
        # A driver that is cancelled in the middle of a statement may report an outage instead, and a loop waits
        # outages out.
        while not task.done():
            task.cancel()
            await asyncio.wait((task,), timeout=_CANCEL_AGAIN_S)

        await asyncio.gather(task, return_exceptions=True)
