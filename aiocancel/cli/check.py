"""The probes of ``aiocancel check``: each asks one outside thing, bounded in time, and never shows a secret.

What runs is what the application will run with: the same Stripe client, the same vendor API, the same query.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final

from yarl import URL

from aiocancel.billing.client import StripeClient, open_stripe
from aiocancel.billing.customer_subscriptions import StripeSubscriptions
from aiocancel.billing.permissions import Needs, missing_permissions
from aiocancel.billing.preflight import inspect_stripe
from aiocancel.billing.settings import API_VERSION, STRIPE_API
from aiocancel.check_arguments import LIVE_KEY_LENGTH
from aiocancel.config import MAKE_A_KEY
from aiocancel.core import preflight
from aiocancel.core.claim import OWN_FLOW
from aiocancel.core.flow.definition import FlowDefinition, PlanOffer
from aiocancel.core.offers.offer_rules import DEFAULT_RULES
from aiocancel.core.preflight import CheckResult, Level
from aiocancel.errors import AiocancelError, BillingError, VendorError
from aiocancel.parts import Parts
from aiocancel.postgres import preflight as database
from aiocancel.postgres.address import cannot_open
from aiocancel.postgres.customer_query import StripeCustomerQuery, SubscriptionQuery
from aiocancel.postgres.roles import forbidden_objects
from aiocancel.postgres.schema import installed_version, migrations
from aiocancel.web.csp_header import needed_sources

if TYPE_CHECKING:
    from aiocancel.ports import FlowVendor
    from aiocancel.postgres.connection import Pool

TIMEOUT_S: Final = 10.0
OPENING_S: Final = 30.0

SETTINGS: Final = "settings"
STRIPE_KEY: Final = "Stripe key"
STRIPE_SUBSCRIPTIONS: Final = "Stripe subscriptions"
QUERY: Final = "subscription query"
VENDOR_API: Final = "vendor API"
_OWN: Final = "the flow is your own"

_Check = Callable[[], Awaitable[list[CheckResult]]]


async def run_checks(
    inspected: Parts, *, timeout_s: float = TIMEOUT_S, clock: Callable[[], float] = time.time
) -> list[CheckResult]:
    """Run every check, what is independent at the same time; ``timeout_s`` bounds each. Raises nothing."""
    return await _Checks(inspected, timeout_s, clock).run()


def refused_settings(reason: str) -> CheckResult:
    """The result where no CancelFlow could be made, because its settings cannot work."""
    return CheckResult.fail(
        SETTINGS, reason, "correct it where the CancelFlow is made; nothing else was checked"
    )


class _Checks:
    def __init__(self, inspected: Parts, timeout_s: float, clock: Callable[[], float]) -> None:
        self._inspected = inspected
        self._timeout_s = timeout_s
        self._clock = clock
        self._offsets_s: dict[str, float] = {}

    async def run(self) -> list[CheckResult]:
        opening_too_s = OPENING_S + self._timeout_s
        groups = await asyncio.gather(
            self._guarded(SETTINGS, self._settings, "correct it where the CancelFlow is made"),
            self._guarded(
                STRIPE_KEY, self._stripe, "is the package stripe whole?", timeout_s=opening_too_s
            ),
            self._database(),
            self._guarded(preflight.POLICY, self._policy, "correct content_security_policy"),
            self._guarded(preflight.SCRIPT, self._script, "correct script_url"),
            self._guarded(VENDOR_API, self._vendor_api, "check the vendor's api_key and api_host"),
            self._guarded(preflight.SIGNING, self._signing, "is the vendor's api_host right?"),
            self._guarded(preflight.WEBHOOK, self._webhook, "correct webhook_token"),
            self._guarded(preflight.MAILS, self._mails, "correct mailer"),
        )

        results = [result for group in groups for result in group]

        # Last, and from what the others were told on the way.
        return [*results, preflight.judge_clock(dict(sorted(self._offsets_s.items())))]

    async def _guarded(
        self, name: str, check: _Check, fix: str, *, timeout_s: float | None = None
    ) -> list[CheckResult]:
        """Run one check; whatever goes wrong inside is its result."""
        timeout_s = timeout_s or self._timeout_s
        try:
            async with asyncio.timeout(timeout_s):
                return await check()
        except TimeoutError:
            return [CheckResult.fail(name, f"no answer within {timeout_s:g} s", fix)]
        except AiocancelError as error:
            return [CheckResult.fail(name, str(error), fix)]
        except Exception as error:
            # Only its type: its text may hold anything.
            return [CheckResult.fail(name, f"the check ended with {type(error).__name__}", fix)]

    async def _settings(self) -> list[CheckResult]:
        inspected = self._inspected
        mode, vendor = inspected.settings.mode, inspected.vendor
        key = "has no key that tells its mode" if vendor.mode is None else "agrees"
        flow = _OWN if vendor.name == OWN_FLOW else f"{vendor.name} {key}"
        results = [CheckResult.ok(SETTINGS, f"{mode} mode by the Stripe key; {flow}")]
        simulated = [inspected.billing.api_base] * inspected.billing.simulated

        if vendor.simulated:
            hosts = [
                source for source in vendor.csp_sources().get("connect-src", ()) if "://" in source
            ]
            simulated += hosts or [vendor.name]

        if simulated:
            fix = "leave api_base, api_host and app_host out to reach the real ones"
            results.append(
                CheckResult.warn("simulators", f"not the real ones: {', '.join(simulated)}", fix)
            )

        lengths = inspected.grant_key_lengths
        results.append(
            preflight.judge_grant_keys(lengths, shortest=LIVE_KEY_LENGTH, make_one=MAKE_A_KEY)
        )

        return results

    # --- Stripe -----------------------------------------------------------------------------------------

    async def _stripe(self) -> list[CheckResult]:
        async with open_stripe(self._inspected.billing) as client:
            # Opening it imports the SDK, which takes a while and says nothing about Stripe.
            results = await self._guarded(
                STRIPE_KEY, lambda: self._ask_stripe(client), self._way_to_stripe()
            )
        if len(results) == 1:
            results.append(CheckResult.skip(STRIPE_SUBSCRIPTIONS, "see the Stripe key"))
        return results

    async def _ask_stripe(self, client: StripeClient) -> list[CheckResult]:
        billing = self._inspected.billing
        try:
            found = await inspect_stripe(client, clock=self._clock)
        except BillingError as error:
            return [CheckResult.fail(STRIPE_KEY, *self._stripe_failure(error))]

        if found.offset_s is not None:
            self._offsets_s["Stripe"] = found.offset_s

        mode = {True: "live", False: "test", None: None}[found.livemode]

        if mode is not None and mode != billing.mode:
            detail = f"it says {billing.mode} mode, and Stripe answers with data of {mode} mode"
            key = CheckResult.fail(
                STRIPE_KEY, detail, f"set api_key to the {billing.mode} key of the account"
            )
        elif found.api_version not in (None, API_VERSION):
            detail = (
                f"Stripe answers in version {found.api_version}, this release speaks {API_VERSION}"
            )
            key = CheckResult.fail(
                STRIPE_KEY, detail, "keep proxies from changing the header Stripe-Version"
            )
        else:
            kind = "a restricted key" if billing.api_key.startswith("rk_") else "a secret key"
            key = CheckResult.ok(STRIPE_KEY, f"{kind}, {billing.mode} mode, version {API_VERSION}")

        results = [key, self._read_access(found.refusal)]
        if billing.may_be_restricted:
            results += await self._guarded(
                preflight.PERMISSIONS, lambda: self._permissions(client), self._way_to_stripe()
            )
        return results

    def _read_access(self, refusal: BillingError | None) -> CheckResult:
        if refusal is not None:
            return CheckResult.fail(STRIPE_SUBSCRIPTIONS, *self._stripe_failure(refusal))
        return CheckResult.ok(STRIPE_SUBSCRIPTIONS, "can be read")

    async def _permissions(self, client: StripeClient) -> list[CheckResult]:
        parts = self._inspected
        found = await missing_permissions(client, parts.billing, needs_of(parts))

        said = {each: f"{each.permission} ({each.purpose})" for each in found}
        needed = [text for each, text in said.items() if each.required]
        optional = [text for each, text in said.items() if not each.required]
        return [preflight.judge_permissions(needed, optional)]

    def _stripe_failure(self, error: BillingError) -> tuple[str, str]:
        match error.http_status:
            case None:
                return f"Stripe cannot be reached ({error.code})", self._way_to_stripe()

            case 401:
                return (
                    "Stripe refuses the key (401)",
                    "make a key in Stripe's dashboard, Developers → API keys",
                )

            case 403:
                detail = "the key may not read subscriptions (403)"
                return detail, "give the restricted key write access to Subscriptions and Coupons"

            case 400:
                return str(
                    error
                ), f"Stripe must know API version {API_VERSION}: install a release that fits"

            case _:
                return str(error), "try again; https://status.stripe.com tells of outages"

    def _way_to_stripe(self) -> str:
        host = self._inspected.billing.api_base
        return (
            f"let this machine reach {host}"
            if host == STRIPE_API
            else f"is the simulator running at {host}?"
        )

    # --- the database -----------------------------------------------------------------------------------

    async def _database(self) -> list[CheckResult]:
        target = self._inspected.database

        try:
            async with database.open_for_inspection(target, timeout_s=self._timeout_s) as pool:
                return await self._ask_database(pool)
        except Exception as error:
            # Not the error's own text: it may hold the DSN.
            fix = database.way_to_open(error, own_pool=not isinstance(target, str))
            failed = CheckResult.fail(preflight.DATABASE, cannot_open(target, error), fix)
            return [
                failed,
                *(
                    CheckResult.skip(name, "see the database")
                    for name in (preflight.SCHEMA, QUERY, preflight.BACKLOG)
                ),
            ]

    async def _ask_database(self, pool: Pool) -> list[CheckResult]:
        restart = "look into the server's log"
        server, schema, query = await asyncio.gather(
            self._guarded(preflight.DATABASE, lambda: self._server(pool), restart),
            self._guarded(
                preflight.SCHEMA,
                lambda: self._schema(pool),
                f"grant the application's role the schema ({preflight.GRANTS}); {restart}",
            ),
            self._guarded(
                QUERY, lambda: self._query(pool), "correct the SQL given as subscriptions"
            ),
        )

        if all(result.level is Level.OK for result in schema):
            backlog = await self._guarded(preflight.BACKLOG, lambda: self._backlog(pool), restart)
        else:
            backlog = [CheckResult.skip(preflight.BACKLOG, "see the schema")]

        return [*server, *schema, *query, *backlog]

    async def _server(self, pool: Pool) -> list[CheckResult]:
        async with pool.acquire() as connection:
            asked_at = self._clock()
            server = await database.inspect_server(connection)
            answered_at = self._clock()
        self._offsets_s["the database"] = preflight.clock_offset_s(
            server.time, server.time, asked_at=asked_at, answered_at=answered_at
        )
        return [preflight.judge_server(server.version, read_only=server.read_only)]

    async def _schema(self, pool: Pool) -> list[CheckResult]:
        newest = max(migrations())
        async with pool.acquire() as connection:
            present = await installed_version(connection)
            forbidden = await forbidden_objects(connection) if present else []

        return [
            preflight.judge_schema(
                present,
                newest,
                forbidden=forbidden,
                made_at_start=self._inspected.settings.migrate_on_start,
            )
        ]

    async def _query(self, pool: Pool) -> list[CheckResult]:
        found = self._inspected.subscriptions
        if isinstance(found, SubscriptionQuery):
            query: SubscriptionQuery | StripeCustomerQuery = found
        elif isinstance(found, StripeSubscriptions):
            query = StripeCustomerQuery(found.customers)
        else:
            return [
                CheckResult.ok(QUERY, f"an object of your own ({type(found).__name__}), not tried")
            ]

        await query.prepare(pool, needs=self._inspected.needed_columns)
        async with pool.acquire() as connection:
            await database.check_permission(connection, query.sql)

        return [CheckResult.ok(QUERY, "prepared against your tables")]

    async def _backlog(self, pool: Pool) -> list[CheckResult]:
        async with pool.acquire() as connection:
            found = await database.inspect_backlog(connection)
        left = preflight.judge_backlog(
            found.parked,
            found.oldest_waiting_s,
            found.overdue_s,
            own_worker=self._inspected.settings.run_worker,
        )
        return [*left, preflight.judge_evidence(found.unsealed_s)]

    # --- the page and the flow vendor -------------------------------------------------------------------

    async def _policy(self) -> list[CheckResult]:
        header = self._inspected.settings.content_security_policy
        return preflight.judge_policy(header, needed_sources(self._inspected.vendor))

    async def _script(self) -> list[CheckResult]:
        widget = self._inspected.vendor.widget()
        if not widget.script_url:
            return [CheckResult.ok(preflight.SCRIPT, "aiocancel's own alone")]
        origin = None if widget.script_url.startswith("/") else str(URL(widget.script_url).origin())
        return [preflight.judge_script(origin, widget.script_integrity)]

    async def _vendor_api(self) -> list[CheckResult]:
        vendor = self._inspected.vendor
        if vendor.name == OWN_FLOW:
            return [CheckResult.ok(VENDOR_API, f"{_OWN}: nobody is asked")]
        opening = vendor.open_verifier()
        if opening is None and not vendor.has_api:
            return [
                CheckResult.ok(
                    VENDOR_API, f"{vendor.name} has none; nothing but cancelling is taken from it"
                )
            ]

        if opening is None:
            detail = "no api_key: accepted offers cannot be confirmed and wait for a human"
            if vendor.applies_offers == "vendor":
                detail = "no api_key: accepted offers cannot be confirmed, nor seen at Stripe, and wait for a human"
            return [CheckResult.warn(VENDOR_API, detail, f"give {vendor.name} its api_key")]

        try:
            async with opening as api:
                # What is polled later on, too; no id of a customer's is needed for it.
                await api.events_after(None, limit=1)
        except VendorError as error:
            return [self._vendor_failure(error)]

        return [CheckResult.ok(VENDOR_API, f"{vendor.name} accepts the key")]

    def _vendor_failure(self, error: VendorError) -> CheckResult:
        match error.http_status:
            case 401 | 403:
                detail = f"the API key is refused ({error.http_status})"
                return CheckResult.fail(
                    VENDOR_API, detail, "make a key in the vendor's dashboard and set api_key"
                )

            case 429:
                return CheckResult.warn(
                    VENDOR_API, str(error), "who else uses this key? try again in a minute"
                )

            case None:
                return CheckResult.fail(
                    VENDOR_API, str(error), "let this machine reach the vendor's API (api_host)"
                )

            case _:
                return CheckResult.fail(
                    VENDOR_API, str(error), "try again; see the vendor's status page"
                )

    async def _signing(self) -> list[CheckResult]:
        vendor = self._inspected.vendor
        if vendor.has_api and not vendor.reports_sessions:
            detail = "not tried: without an api_key no flow session changes anything by itself"
            return [CheckResult.ok(preflight.SIGNING, detail)]

        trial = await vendor.try_unsigned()
        if trial is None:
            return [CheckResult.ok(preflight.SIGNING, f"{_named(vendor)} signs nothing")]

        judged = preflight.judge_signing(
            vendor.name,
            signed=trial.signed,
            unsigned=trial.unsigned,
            is_required=trial.is_required,
        )

        return [judged]

    async def _webhook(self) -> list[CheckResult]:
        vendor = self._inspected.vendor
        if not vendor.has_api:
            return [CheckResult.ok(preflight.WEBHOOK, f"{_named(vendor)} has no webhook")]
        judged = preflight.judge_webhook(
            vendor.webhook_token,
            shortest=LIVE_KEY_LENGTH,
            make_one=MAKE_A_KEY,
            has_api=vendor.open_verifier() is not None,
        )
        return [judged]

    async def _mails(self) -> list[CheckResult]:
        mailer, settings = self._inspected.mailer, self._inspected.settings
        judged = preflight.judge_mails(
            has_mailer=mailer is not None,
            has_site_url=bool(settings.site_url),
            is_plain=getattr(mailer, "tls", None) == "off" and settings.mode == "live",
        )
        return [judged]


def _named(vendor: FlowVendor) -> str:
    return "a flow of your own" if vendor.name == OWN_FLOW else vendor.name


def needs_of(parts: Parts) -> Needs:
    """Say what the settings will lead to at Stripe; a flow of our own makes offers for whatever vendor it stands in."""
    rules = parts.offer_rules or DEFAULT_RULES
    flow = getattr(parts.vendor, "fallback", None) or parts.vendor
    definition: FlowDefinition | None = getattr(flow, "definition", None)
    offers = () if definition is None else definition.offers
    plans = [each for each in offers if isinstance(each, PlanOffer)]
    come_later = rules.plan_starts != "now" or any(each.at != "now" for each in plans)

    return Needs(
        makes_offers=parts.vendor.applies_offers == "app"
        or bool(offers)
        or bool(rules.seat_offers),
        plans_ahead=come_later or bool(rules.seat_offers),
        watches_offers=parts.vendor.applies_offers == "vendor" and parts.vendor.has_api,
        shows_prices=bool(offers),
        shows_plans=bool(plans),
        tells_next_payment=parts.mailer is not None or definition is not None,
        lists_customers=isinstance(parts.subscriptions, StripeSubscriptions),
        hears_news=bool(parts.on_subscription_change or parts.billing.webhook_secrets),
    )
