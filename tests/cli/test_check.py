"""Each thing that can be wrong about an installation is one line with its fix, and no line holds a secret."""

from __future__ import annotations

import json
import socket
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from email.utils import formatdate
from typing import Any

import asyncpg
import pytest
import pytest_asyncio
from aiohttp import web

from aiocancel import (
    CancelFlow,
    OfferRules,
    OwnFlow,
    PlanOffer,
    SmtpMailer,
    StripeBilling,
    SubscriptionQuery,
)
from aiocancel.billing.customer_subscriptions import StripeSubscriptions
from aiocancel.billing.permissions import Needs
from aiocancel.billing.settings import API_VERSION
from aiocancel.cli.check import needs_of, run_checks
from aiocancel.core.codes import Code
from aiocancel.core.preflight import CheckResult, Level, as_json, as_text
from aiocancel.core.properties import Property
from aiocancel.core.subscription import OwnedSubscription
from aiocancel.ports import FlowVendor
from aiocancel.postgres.ledger import Ledger
from aiocancel.postgres.schema import migrations
from aiocancel.testing.postgres import EmbeddedPostgres
from aiocancel.testing.prosperstack.simulator import ProsperStackSimulator
from aiocancel.testing.stripe.simulator import Fault, FaultKind, StripeSimulator
from aiocancel.vendors.prosperstack.vendor import ProsperStack
from aiocancel.vendors.staysignal import StaySignal
from tests.support.claims import ask, take_due
from tests.support.saas import CLIENT_SECRET, QUERY, STRIPE_KEY, Pool, make_cancel, vendor

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

PASSWORD = "hunter2secret"
GRANT_KEY = "the newest grant key of this site, long enough for money"
WEBHOOK_TOKEN = "webhook-token-that-nobody-can-guess"
VENDOR_KEY = "key_test_simulator"
SECRETS = (
    PASSWORD,
    GRANT_KEY,
    WEBHOOK_TOKEN,
    VENDOR_KEY,
    CLIENT_SECRET,
    STRIPE_KEY,
    "sk_test_",
    "rk_test_",
)
POLICY = "default-src 'self'; form-action 'self'"


@pytest.fixture(autouse=True)
def no_telemetry(monkeypatch: pytest.MonkeyPatch) -> None:
    # It would write a file into the home directory.
    import stripe

    monkeypatch.setattr(stripe, "enable_telemetry", False)


class Installation:
    """An application where all is right; a test spoils one thing."""

    def __init__(self, database: str, stripe_url: str, api_host: str, app_host: str) -> None:
        self.database = with_password(database)
        self.stripe_url = stripe_url
        self.hosts = {"api_host": api_host, "app_host": app_host}

    def vendor(self, **settings: Any) -> ProsperStack:
        right = {
            "api_key": VENDOR_KEY,
            "webhook_token": WEBHOOK_TOKEN,
            "script_url": "/static/flow.js",
        }
        return vendor(**{**right, **self.hosts, **settings})

    def billing(self, url: str | None = None, api_key: str = STRIPE_KEY) -> StripeBilling:
        return StripeBilling(api_key=api_key, api_base=url or self.stripe_url)

    def cancel(self, **settings: Any) -> CancelFlow:
        right: dict[str, Any] = {
            "database": self.database,
            "vendor": self.vendor(),
            "grant_keys": [GRANT_KEY],
            "content_security_policy": POLICY,
        }
        return make_cancel(**{**right, "stripe_url": self.stripe_url, **settings})

    async def check(
        self, *, timeout_s: float = 10.0, clock: Callable[[], float] = time.time, **settings: Any
    ) -> Found:
        results = await run_checks(
            self.cancel(**settings).inspect(), timeout_s=timeout_s, clock=clock
        )
        told = as_text(results) + json.dumps(as_json(results), ensure_ascii=False)
        assert [secret for secret in SECRETS if secret in told] == []
        assert "postgresql://" not in told.replace("postgresql://user:password@host:port/name", "")
        return Found(results)


class Found:
    """What a check found, by its name."""

    def __init__(self, results: list[CheckResult]) -> None:
        self.results = results

    def of(self, name: str) -> CheckResult:
        [result] = [result for result in self.results if result.name == name]
        return result

    def at(self, level: Level) -> list[str]:
        return [result.name for result in self.results if result.level is level]


@pytest_asyncio.fixture(loop_scope="session")
async def flows(
    aiocancel_prosperstack: ProsperStackSimulator,
) -> AsyncIterator[ProsperStackSimulator]:
    aiocancel_prosperstack.api_key = VENDOR_KEY
    async with aiocancel_prosperstack.serve():
        yield aiocancel_prosperstack


@pytest_asyncio.fixture(loop_scope="session")
async def site(
    database: str, stripe_api: tuple[StripeSimulator, str], flows: ProsperStackSimulator
) -> Installation:
    stripe_api[0].add_subscription("sub_1", customer="cus_1", price="price_pro", unit_amount=2900)
    assert flows.hosts is not None
    return Installation(database, stripe_api[1], flows.hosts.api_url, flows.hosts.app_url)


@pytest_asyncio.fixture(loop_scope="session")
async def empty_database(postgres: EmbeddedPostgres) -> AsyncIterator[str]:
    yield with_password(await postgres.create_database("check_empty"))
    await postgres.drop_database("check_empty")


def with_password(database: str) -> str:
    assert "postgres@" in database
    return database.replace("postgres@", f"postgres:{PASSWORD}@")


def nowhere() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


@asynccontextmanager
async def served(app: web.Application) -> AsyncIterator[str]:
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def stand_in(
    answers: Mapping[str, tuple[int, Any]], headers: Mapping[str, str] | None = None
) -> AsyncIterator[str]:
    """A Stripe that answers each path as it is told."""

    async def answer(request: web.Request) -> web.Response:
        missing = {"error": {"type": "invalid_request_error", "code": "resource_missing"}}
        status, body = answers.get(request.path, (404, missing))
        return web.json_response(body, status=status, headers=headers)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    async with served(app) as url:
        yield url


async def test_where_all_is_right_the_only_warning_is_that_all_is_simulated(
    site: Installation,
) -> None:
    found = await site.check()

    assert as_text(found.results).splitlines() == [
        "ok    settings                 test mode by the Stripe key; prosperstack agrees",
        f"warn  simulators               not the real ones: {site.stripe_url}, {site.hosts['api_host']} "
        "→ leave api_base, api_host and app_host out to reach the real ones",
        "ok    grant keys               1 key of 32 characters or more",
        f"ok    Stripe key               a secret key, test mode, version {API_VERSION}",
        "ok    Stripe subscriptions     can be read",
        found_line(found, "database"),
        f"ok    schema                   version {max(migrations())}",
        "ok    subscription query       prepared against your tables",
        "ok    worker backlog           nothing parked; nothing waits",
        "ok    evidence                 facts are sealed",
        "ok    Content-Security-Policy  pages without a policy get: default-src 'self'; "
        "form-action 'self'; the widget adds to style-src, connect-src, frame-src",
        "ok    page script              served by your own site",
        "ok    vendor API               prosperstack accepts the key",
        "ok    signed requests          tried one signed and one unsigned flow session of nobody's in prosperstack's "
        "test mode: the unsigned one was refused (401)",
        "ok    webhook token            35 characters",
        "ok    mails                    there is no mailer, so nobody is written to",
        "ok    clock                    within 0 s of Stripe and the database",
        "17 results: 0 failed, 1 warning",
    ]
    assert found.of("database").detail.startswith("PostgreSQL ")


def found_line(found: Found, name: str) -> str:
    return next(line for line in as_text(found.results).splitlines() if line[6:].startswith(name))


async def test_nothing_is_changed_by_checking(
    site: Installation, stripe: StripeSimulator, flows: ProsperStackSimulator
) -> None:
    await site.check()

    assert {request.method for request in stripe.requests} == {"GET"}
    assert stripe.effects == []
    written = [request for request in flows.requests if request.method != "GET"]
    assert {(each.path, each.query) for each in written} == {("/flow", "testMode=true")}
    assert flows.events == []


async def test_a_vendor_that_opens_unsigned_flow_sessions_fails_the_check(
    site: Installation, flows: ProsperStackSimulator
) -> None:
    flows.require_signature = False

    result = (await site.check()).of("signed requests")

    assert result.level is Level.FAIL
    assert "the unsigned one was opened (201)" in result.detail
    assert result.fix == "turn signed requests on in prosperstack's dashboard"


@pytest.mark.parametrize("platform", ["connected", "custom"])
async def test_each_platforms_payload_is_one_that_the_vendor_would_open(
    site: Installation, platform: str
) -> None:
    found = await site.check(vendor=site.vendor(platform=platform, applies_offers="app"))

    assert found.of("signed requests").level is Level.OK


async def test_a_wrong_client_secret_is_told_from_a_refusal_of_unsigned_sessions(
    site: Installation,
) -> None:
    result = (await site.check(vendor=site.vendor(client_secret="another's"))).of("signed requests")

    assert result.level is Level.WARN
    assert "check client_id and client_secret" in (result.fix or "")


# Stripe


async def test_a_refused_stripe_key_says_where_to_make_one(site: Installation) -> None:
    found = await site.check(billing=site.billing(api_key="sk_test_of_somebody_else"))
    result = found.of("Stripe key")
    assert (result.level, result.detail) == (Level.FAIL, "Stripe refuses the key (401)")
    assert "Developers → API keys" in (result.fix or "")
    assert found.at(Level.SKIP) == ["Stripe subscriptions"]


async def test_a_stripe_that_cannot_be_reached_names_the_host_to_reach(site: Installation) -> None:
    url = f"http://127.0.0.1:{nowhere()}"
    result = (await site.check(billing=site.billing(url))).of("Stripe key")
    assert result.level is Level.FAIL
    assert result.detail.startswith("Stripe cannot be reached (")
    assert result.fix == f"is the simulator running at {url}?"


async def test_a_stripe_that_does_not_answer_is_given_up_in_time(
    site: Installation, stripe: StripeSimulator
) -> None:
    stripe.inject(Fault("delay", seconds=30))
    result = (await site.check(timeout_s=0.5)).of("Stripe key")
    assert (result.level, result.detail) == (Level.FAIL, "no answer within 0.5 s")


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("error_500_before", "Stripe answered 500"),
        ("rate_limit_429", "Stripe answered 429"),
        ("bad_gateway_502", "("),
    ],
)
async def test_an_outage_of_stripe_is_told_from_a_refusal(
    site: Installation, stripe: StripeSimulator, kind: FaultKind, said: str
) -> None:
    stripe.inject(Fault(kind, times=2))
    result = (await site.check()).of("Stripe key")
    assert result.level is Level.FAIL
    assert said in result.detail


async def test_a_restricted_key_need_not_see_the_account(site: Installation) -> None:
    answers: dict[str, tuple[int, Any]] = {
        "/v1/account": (403, {"error": {"type": "invalid_request_error"}}),
        "/v1/subscriptions": (200, {"data": []}),
    }
    async with stand_in(answers) as url:
        found = await site.check(billing=site.billing(url, "rk_test_restricted"))
    assert found.of("Stripe key").detail == f"a restricted key, test mode, version {API_VERSION}"
    assert found.of("Stripe subscriptions").detail == "can be read"
    assert found.of("Stripe permissions").level is Level.OK


@pytest.mark.parametrize(
    ("granted", "level", "said"),
    [
        (
            ["subscription_write", "coupon_read", "product_read", "invoice_read"],
            Level.OK,
            "all that these settings ask for",
        ),
        (
            ["subscription_write", "coupon_read", "invoice_read"],
            Level.WARN,
            "product_read (what pages say)",
        ),
        (["subscription_read", "coupon_read"], Level.FAIL, "subscription_write (cancelling)"),
    ],
)
async def test_the_permissions_of_a_restricted_key_are_tried_and_nothing_is_changed(
    site: Installation, stripe: StripeSimulator, granted: list[str], level: Level, said: str
) -> None:
    stripe.add_key("rk_test_restricted", granted)

    found = await site.check(billing=site.billing(api_key="rk_test_restricted"))

    permissions = found.of("Stripe permissions")
    assert permissions.level is level
    assert said in permissions.detail
    assert stripe.effects == []


@pytest.mark.parametrize(
    "account", [(200, {"id": "acct_1"}), (403, {"error": {"type": "invalid_request_error"}})]
)
async def test_a_restricted_key_must_see_subscriptions(
    site: Installation, account: tuple[int, Any]
) -> None:
    answers = {
        "/v1/account": account,
        "/v1/subscriptions": (403, {"error": {"type": "invalid_request_error"}}),
    }
    async with stand_in(answers) as url:
        found = await site.check(billing=site.billing(url, "rk_test_restricted"))
    result = found.of("Stripe subscriptions")
    assert (result.level, result.detail) == (Level.FAIL, "the key may not read subscriptions (403)")
    assert "write access to Subscriptions" in (result.fix or "")


@pytest.mark.parametrize(
    ("account", "subscriptions"),
    [({"livemode": True}, []), ({}, [{"id": "sub_1", "livemode": True}])],
)
async def test_data_of_the_other_mode_fails(
    site: Installation, account: dict[str, Any], subscriptions: list[dict[str, Any]]
) -> None:
    answers = {"/v1/account": (200, account), "/v1/subscriptions": (200, {"data": subscriptions})}
    async with stand_in(answers) as url:
        result = (await site.check(billing=site.billing(url))).of("Stripe key")
    assert (result.level, result.fix) == (Level.FAIL, "set api_key to the test key of the account")
    assert "Stripe answers with data of live mode" in result.detail


async def test_an_api_version_that_stripe_refuses_fails(site: Installation) -> None:
    refusal = {"error": {"type": "invalid_request_error", "message": "Invalid Stripe API version"}}
    async with stand_in({"/v1/account": (400, refusal)}) as url:
        result = (await site.check(billing=site.billing(url))).of("Stripe key")
    assert result.level is Level.FAIL
    assert f"Stripe must know API version {API_VERSION}" in (result.fix or "")


async def test_an_answer_in_another_api_version_fails(site: Installation) -> None:
    answers: dict[str, tuple[int, Any]] = {
        "/v1/account": (200, {}),
        "/v1/subscriptions": (200, {"data": []}),
    }
    async with stand_in(answers, {"Stripe-Version": "2020-08-27"}) as url:
        result = (await site.check(billing=site.billing(url))).of("Stripe key")
    assert (result.level, result.detail) == (
        Level.FAIL,
        f"Stripe answers in version 2020-08-27, this release speaks {API_VERSION}",
    )


@pytest.mark.parametrize("body", [[], {"data": 7}, {"data": [None, "sub_1"]}])
async def test_something_that_is_not_stripe_at_all_breaks_no_check(
    site: Installation, body: Any
) -> None:
    async with stand_in({"/v1/account": (200, {}), "/v1/subscriptions": (200, body)}) as url:
        found = await site.check(billing=site.billing(url))
    assert found.of("Stripe key").level is Level.OK


# The database


async def test_a_database_without_our_tables_says_to_migrate(
    site: Installation, empty_database: str
) -> None:
    found = await site.check(database=empty_database)
    assert (found.of("schema").level, found.of("schema").fix) == (
        Level.FAIL,
        "run: aiocancel migrate",
    )
    assert found.at(Level.SKIP) == ["worker backlog"]
    assert found.of("database").level is Level.OK


async def test_tables_that_are_made_at_the_start_are_no_failure_before(
    site: Installation, empty_database: str
) -> None:
    assert (await site.check(database=empty_database, migrate_on_start=True)).of(
        "schema"
    ).level is Level.WARN


@pytest.mark.parametrize(
    ("statement", "fix"),
    [
        ("DELETE FROM aiocancel.schema_version", "run: aiocancel migrate"),
        (
            "INSERT INTO aiocancel.schema_version VALUES (1000)",
            "install the release that made the tables",
        ),
    ],
)
async def test_tables_of_another_release_fail(
    site: Installation, pool: Pool, statement: str, fix: str
) -> None:
    await pool.execute(statement)
    result = (await site.check()).of("schema")
    assert (result.level, result.fix) == (Level.FAIL, fix)


@pytest.mark.parametrize(
    ("grants", "said"),
    [
        ("", "the check ended with InsufficientPrivilegeError"),
        (
            "GRANT USAGE ON SCHEMA aiocancel TO {role}; "
            "GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA aiocancel TO {role}; "
            "REVOKE INSERT ON aiocancel.journal FROM {role}",
            "journal (INSERT)",
        ),
        (
            "GRANT USAGE ON SCHEMA aiocancel TO {role}; "
            "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA aiocancel TO {role}",
            "but this role may not use pgqueuer_id_seq (USAGE)",
        ),
    ],
)
async def test_a_role_that_may_not_use_our_tables_fails(
    site: Installation, pool: Pool, grants: str, said: str
) -> None:
    role = "checked_role"
    await pool.execute(f"CREATE ROLE {role} LOGIN; {grants.format(role=role)}")
    try:
        found = await site.check(database=site.database.replace("//postgres:", f"//{role}:"))
    finally:
        await pool.execute(f"DROP OWNED BY {role}; DROP ROLE {role}")
    result = found.of("schema")
    assert result.level is Level.FAIL
    assert said in result.detail
    assert "grant" in (result.fix or "").lower()
    assert "permission denied" in found.of("subscription query").detail


async def test_a_database_for_reading_only_fails(site: Installation) -> None:
    found = await site.check(
        database=f"{site.database}&options=-cdefault_transaction_read_only%3Don"
    )
    assert found.of("database").level is Level.FAIL
    assert "only for reading" in found.of("database").detail


@pytest.mark.parametrize(
    ("change", "fix"),
    [
        (
            lambda dsn: f"postgresql://ada:{PASSWORD}@127.0.0.1:{nowhere()}/shop",
            "is PostgreSQL running there?",
        ),
        (lambda dsn: f"mysql://ada:{PASSWORD}@127.0.0.1/shop", "write the DSN as"),
        (lambda dsn: dsn.replace("/test_", "/no_such_"), "create the database that the DSN names"),
        (lambda dsn: dsn.replace("//postgres:", "//nobody:"), "correct the user or the password"),
    ],
)
async def test_a_database_that_cannot_be_opened_says_what_to_look_at(
    site: Installation, change: Callable[[str], str], fix: str
) -> None:
    found = await site.check(database=change(site.database))
    result = found.of("database")
    assert result.level is Level.FAIL
    assert result.detail.startswith("the database cannot be opened")
    assert fix in (result.fix or "")
    assert found.at(Level.SKIP) == ["schema", "subscription query", "worker backlog"]
    assert found.of("clock").detail == "within 0 s of Stripe"


async def test_a_database_that_does_not_answer_is_given_up_in_time(site: Installation) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        dsn = f"postgresql://ada:{PASSWORD}@127.0.0.1:{port}/shop?sslmode=disable"
        found = await site.check(database=dsn, timeout_s=1)
    assert found.of("database").detail == (
        f"the database cannot be opened (ada@127.0.0.1:{port}/shop): it did not answer in time"
    )


async def test_a_pool_of_the_applications_is_used_and_left_open(
    site: Installation, pool: Pool
) -> None:
    assert (await site.check(database=pool)).at(Level.FAIL) == []
    assert await pool.fetchval("SELECT 1") == 1


async def test_a_pool_that_nobody_has_opened_asks_for_a_function_that_opens_it(
    site: Installation,
) -> None:
    result = (await site.check(database=asyncpg.create_pool(site.database))).of("database")
    assert result.level is Level.FAIL
    assert "check a function that opens it" in (result.fix or "")


@pytest.mark.parametrize(
    ("query", "said"),
    [
        (
            SubscriptionQuery("SELECT id FROM no_such_table WHERE id = $1"),
            'relation "no_such_table" does not exist',
        ),
        (SubscriptionQuery("SELECT 1 AS one"), "takes exactly one parameter"),
        (
            StripeSubscriptions("SELECT stripe_customer_id FROM nobody WHERE id = $1"),
            'relation "nobody" does not exist',
        ),
    ],
)
async def test_a_query_that_does_not_fit_the_tables_fails(
    site: Installation, query: Any, said: str
) -> None:
    found = await site.check(subscriptions=query)
    result = found.of("subscription query")
    assert (result.level, result.fix) == (Level.FAIL, "correct the SQL given as subscriptions")
    assert said in result.detail
    assert found.at(Level.FAIL) == ["subscription query"]


async def test_a_query_must_return_what_the_vendors_payload_is_filled_from(
    site: Installation,
) -> None:
    contacts = Property("contacts", "number", entity="subscription")
    result = (await site.check(vendor=site.vendor(properties=[contacts]))).of("subscription query")
    assert result.level is Level.FAIL
    assert "must return a column named contacts" in result.detail


async def test_the_query_for_customers_at_stripe_is_prepared_too(site: Installation) -> None:
    query = StripeSubscriptions(
        "SELECT 'cus_1' AS stripe_customer_id FROM app_subscription WHERE customer_id = $1"
    )
    assert (await site.check(subscriptions=query)).of("subscription query").level is Level.OK


async def test_an_object_of_the_applications_is_not_tried_on_anybody(site: Installation) -> None:
    class Directory:
        async def resolve(self, customer_id: str) -> OwnedSubscription | None:
            raise AssertionError

    result = (await site.check(subscriptions=Directory())).of("subscription query")
    assert (result.level, result.detail) == (
        Level.OK,
        "an object of your own (Directory), not tried",
    )


async def test_parked_actions_are_counted_and_can_be_listed(site: Installation, pool: Pool) -> None:
    await ask(pool, "sub_1")
    (parked,) = await take_due(pool, uuid.uuid4(), limit=1)
    await ask(pool, "sub_2")
    assert await Ledger(pool).park(parked, Code.of_stripe("declined"))
    result = (await site.check()).of("worker backlog")
    assert result.level is Level.WARN
    assert result.detail.startswith(
        "1 parked action for a person to complete; the oldest has been waiting for "
    )
    assert "aiocancel actions" in (result.fix or "")


async def test_an_action_that_nobody_takes_is_warned_of(site: Installation, pool: Pool) -> None:
    await ask(pool)
    await pool.execute(
        "UPDATE aiocancel.action SET created_at = now() - interval '3 hours', due_at = created_at - interval '2 hours'"
    )
    result = (await site.check(run_worker=False)).of("worker backlog")
    assert (result.level, result.detail) == (
        Level.WARN,
        "an action has been due for 2 hours, and no worker takes it",
    )
    assert "the process that has the worker" in (result.fix or "")


async def test_what_waits_for_its_own_day_is_no_backlog(site: Installation, pool: Pool) -> None:
    letter, pause = await ask(pool, "sub_1"), await ask(pool, "sub_2")
    await pool.execute(
        "UPDATE aiocancel.action SET created_at = now() - interval '9 days', due_at = now() + interval '3 weeks', "
        "attempts = CASE id WHEN $2 THEN 2 ELSE 0 END, deferred = id = $2 WHERE id IN ($1, $2)",
        letter,
        pause,
    )
    result = (await site.check()).of("worker backlog")
    assert (result.level, result.detail) == (Level.OK, "nothing parked; nothing waits")

    await pool.execute("UPDATE aiocancel.action SET deferred = false WHERE id = $1", pause)
    result = (await site.check()).of("worker backlog")
    assert result.detail == "nothing parked; the oldest has been waiting for 9 days"


async def test_facts_that_nobody_seals_are_warned_of(site: Installation, pool: Pool) -> None:
    await ask(pool)
    assert (await site.check()).of("evidence").level is Level.OK

    await pool.execute("UPDATE aiocancel.evidence_due SET noted_at = now() - interval '2 hours'")
    result = (await site.check()).of("evidence")

    assert (result.level, result.detail) == (
        Level.WARN,
        "a fact has waited for 2 hours to be sealed",
    )


async def test_an_action_behind_one_that_is_tried_again_later_is_not_overdue(
    site: Installation, pool: Pool
) -> None:
    first, second = await ask(pool, "sub_1"), await ask(pool, "sub_1", "resumed")
    await pool.execute(
        "UPDATE aiocancel.action SET due_at = now() + interval '1 hour' WHERE id = $1", first
    )
    await pool.execute(
        "UPDATE aiocancel.action SET due_at = now() - interval '1 hour' WHERE id = $1", second
    )
    assert (await site.check()).of("worker backlog").level is Level.OK


# The clock


@pytest.mark.parametrize(
    ("ahead_s", "level", "said"),
    [
        (0, Level.OK, "within 0 s"),
        (90, Level.WARN, "s ahead of this machine"),
        (-900, Level.FAIL, "s behind this machine"),
    ],
)
async def test_a_clock_that_differs_from_stripes_is_told_by_the_date_of_its_answer(
    site: Installation, stripe: StripeSimulator, ahead_s: int, level: Level, said: str
) -> None:
    async def move_clock(_: web.Request, response: web.StreamResponse) -> None:
        response.headers["Date"] = formatdate(time.time() + ahead_s, usegmt=True)

    app = stripe.app
    app.on_response_prepare.append(move_clock)
    async with served(app) as url:
        result = (await site.check(billing=site.billing(url))).of("clock")
    assert result.level is level
    assert said in result.detail


async def test_a_machine_that_is_late_is_told_from_a_database_that_is_early(
    site: Installation,
) -> None:
    result = (await site.check(clock=lambda: time.time() - 4000)).of("clock")
    assert result.level is Level.FAIL
    assert result.detail.startswith("Stripe is ")
    assert "the database is 4000 s ahead of this machine" in result.detail
    assert "set the clock of this machine" in (result.fix or "")


async def test_without_a_date_only_the_database_tells_the_time(site: Installation) -> None:
    async with stand_in(
        {"/v1/account": (200, {}), "/v1/subscriptions": (200, {})}, {"Date": "yesterday"}
    ) as url:
        assert (await site.check(billing=site.billing(url))).of(
            "clock"
        ).detail == "within 0 s of the database"


# The page


async def test_a_site_that_leaves_the_policy_to_the_application_is_warned(
    site: Installation,
) -> None:
    result = (await site.check(content_security_policy=None)).of("Content-Security-Policy")
    assert result.level is Level.WARN


async def test_a_policy_with_a_weakness_says_so_beside_what_is_added(site: Installation) -> None:
    found = await site.check(
        content_security_policy="default-src 'self'; require-trusted-types-for 'script'"
    )
    levels = [result.level for result in found.results if result.name == "Content-Security-Policy"]
    assert levels == [Level.OK, Level.WARN]


async def test_the_vendors_own_script_is_warned_of_until_it_is_pinned(site: Installation) -> None:
    found = await site.check(vendor=site.vendor(script_url=None))
    assert found.of("page script").level is Level.WARN
    assert "https://cdn.prosperstack.com" in found.of("page script").detail
    pinned = await site.check(vendor=site.vendor(script_url=None, script_integrity="sha384-abc"))
    assert pinned.of("page script").level is Level.OK


# The flow vendor


async def test_a_flow_of_ones_own_has_no_vendor_to_ask_and_nothing_fails(
    site: Installation,
) -> None:
    found = await site.check(vendor=OwnFlow())

    assert found.at(Level.FAIL) == []
    details = {result.name: result.detail for result in found.results}
    assert (
        details.items()
        >= {
            "settings": "test mode by the Stripe key; the flow is your own",
            "page script": "aiocancel's own alone",
            "vendor API": "the flow is your own: nobody is asked",
            "signed requests": "a flow of your own signs nothing",
            "webhook token": "a flow of your own has no webhook",
        }.items()
    )


async def test_a_refused_vendor_key_says_where_to_make_one(site: Installation) -> None:
    result = (await site.check(vendor=site.vendor(api_key="key_test_of_somebody_else"))).of(
        "vendor API"
    )
    assert (result.level, result.detail) == (Level.FAIL, "the API key is refused (401)")
    assert "set api_key" in (result.fix or "")


@pytest.mark.parametrize(
    ("applies_offers", "said"),
    [
        ("app", "accepted offers cannot be confirmed and wait for a human"),
        ("vendor", "accepted offers cannot be confirmed, nor seen at Stripe, and wait for a human"),
    ],
)
async def test_without_a_vendor_key_offers_are_not_confirmed(
    site: Installation, applies_offers: str, said: str
) -> None:
    found = await site.check(vendor=site.vendor(api_key=None, applies_offers=applies_offers))
    result = found.of("vendor API")
    assert result.level is Level.WARN
    assert said in result.detail
    assert found.of("webhook token").level is Level.WARN
    assert found.at(Level.FAIL) == []


@pytest.mark.parametrize(
    ("fault", "level", "said"),
    [
        ({"status": 500}, Level.FAIL, "ProsperStack answered 500"),
        ({"status": 400}, Level.FAIL, "ProsperStack answered 400"),
        ({"status": 429}, Level.WARN, "rate limit is used up"),
        ({"drop": True}, Level.FAIL, "ProsperStack gave no answer"),
        ({"delay_s": 30.0}, Level.FAIL, "no answer within 1 s"),
    ],
)
async def test_a_vendor_that_is_down_is_told_from_one_that_refuses(
    site: Installation, flows: ProsperStackSimulator, fault: dict[str, Any], level: Level, said: str
) -> None:
    flows.fail_next(path="/v1", times=2, **fault)
    found = await site.check(timeout_s=1 if "delay_s" in fault else 10)
    flows.heal()
    assert found.of("vendor API").level is level
    assert said in found.of("vendor API").detail


async def test_without_a_webhook_only_polling_finds_browsers_that_close_early(
    site: Installation,
) -> None:
    result = (await site.check(vendor=site.vendor(webhook_token=None))).of("webhook token")
    assert (result.level, result.detail) == (
        Level.WARN,
        "no webhook: browsers that close early are found by polling only",
    )


async def test_a_vendor_without_an_api_is_asked_for_no_key(site: Installation) -> None:
    signal = StaySignal(
        script_url="https://staysignal.test/widget.js",
        global_name="StaySignal.init",
        subscription_attribute="data-subscription",
        csp_sources={"connect-src": ["https://api.staysignal.test"]},
    )
    found = await site.check(vendor=signal)
    assert found.of("vendor API").level is Level.OK
    assert found.of("webhook token").detail == "staysignal has no webhook"
    assert site.stripe_url in found.of("simulators").detail


# Checks that break


class Broken(ProsperStack):
    """A vendor object whose every question ends badly."""

    def csp_sources(self) -> Any:
        return self._answer({})

    def widget(self) -> Any:
        return self._answer(super().widget())

    def open_verifier(self, slots: Any = None) -> Any:
        return self._answer(None)

    def _answer(self, answer: Any) -> Any:
        # Sound until the CancelFlow is made.
        if broken:
            raise RuntimeError(PASSWORD)
        return answer


broken: list[bool] = []


async def test_a_check_that_breaks_is_a_line_with_the_type_of_its_error(site: Installation) -> None:
    inspected = site.cancel(
        vendor=Broken("acct_test", CLIENT_SECRET, api_host=site.hosts["api_host"])
    ).inspect()
    broken.append(True)
    try:
        results = await run_checks(inspected)
    finally:
        broken.clear()
    told = as_text(results)
    assert PASSWORD not in told
    failed = [(result.name, result.detail) for result in results if result.level is Level.FAIL]
    names = ("settings", "Content-Security-Policy", "page script", "vendor API", "webhook token")

    assert failed == [(name, "the check ended with RuntimeError") for name in names]


async def test_an_inspection_shows_no_secret(site: Installation) -> None:
    inspected = site.cancel().inspect()
    assert inspected.grant_key_lengths == (len(GRANT_KEY),)
    assert inspected.subscriptions is QUERY
    assert [secret for secret in SECRETS if secret in repr(inspected)] == []


def test_a_flow_of_our_own_asks_for_prices_and_for_plans_to_come_whatever_vendor_it_stands_in() -> (
    None
):
    later = PlanOffer("basic", "price_basic", at="period_end")
    at_vendors = ProsperStack(client_id="acct_1", client_secret=CLIENT_SECRET)
    with_ours = ProsperStack(
        client_id="acct_1", client_secret=CLIENT_SECRET, fallback=OwnFlow(offers=[later])
    )

    def needs(vendor: FlowVendor, **settings: Any) -> Needs:
        return needs_of(make_cancel("postgresql:///none", vendor=vendor, **settings).inspect())

    watches = Needs(watches_offers=True)
    assert needs(at_vendors) == watches
    makes = replace(watches, makes_offers=True, plans_ahead=True)
    shows = replace(makes, shows_prices=True, shows_plans=True, tells_next_payment=True)
    assert needs(with_ours) == shows
    assert needs(OwnFlow()) == Needs(makes_offers=True, tells_next_payment=True)
    writes = needs(at_vendors, mailer=SmtpMailer("smtp://localhost", sender="a@shop.example"))
    assert writes == replace(watches, tells_next_payment=True)
    seats = OfferRules(seat_offers={"offr_fewer": ("price_team", 3)})
    assert needs(at_vendors, offer_rules=seats) == makes
