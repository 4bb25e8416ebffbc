"""Each program in ``examples/docs`` does what the page that shows it says, against the simulators."""

from __future__ import annotations

import asyncio
import importlib
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import partialmethod
from pathlib import Path
from types import ModuleType
from typing import Any

import aiohttp
import pytest
from aiohttp.test_utils import TestClient
from pytest_aiohttp import AiohttpClient

from aiocancel import CancelFlow, Outcome, OwnFlow, PublicDeclaration, SmtpMailer, StripeBilling
from aiocancel.cli.target import find, make
from aiocancel.core.changes import NewCoupon
from aiocancel.core.coupon_names import coupon_name
from aiocancel.core.public_exit import Termination
from aiocancel.testing.customer import Customer
from aiocancel.testing.staysignal import StaySignalSimulator
from aiocancel.testing.stripe.simulator import StripeSimulator
from tests.support.company import Company
from tests.support.mail_server import MailServer, text_of
from tests.support.saas import STRIPE_KEY, Pool, identify, make_app, make_cancel, vendor
from tests.support.waiting import until
from tests.support.web import without_proof

EXAMPLES = Path(__file__).parent.parent / "examples" / "docs"
TABLES = """
CREATE TABLE customers (
    id text PRIMARY KEY, stripe_subscription_id text, stripe_customer_id text, seats integer
);
INSERT INTO customers VALUES ('ada', 'sub_1', 'cus_ada', 12);
CREATE TABLE subscriptions (
    customer_id text, stripe_subscription_id text, plan text, is_main_product boolean, started_at date,
    ended_at date
);
INSERT INTO subscriptions VALUES
    ('ada', 'sub_addon', 'Storage', false, '2026-06-01', NULL),
    ('ada', 'sub_1', 'Pro', true, '2026-01-01', NULL),
    ('ada', 'sub_ended', 'Old', true, '2026-07-01', '2026-08-01');
"""
ADA = {"X-Customer": "ada"}
Browser = TestClient[Any, Any]


class Examples:
    """Imports the examples by name, and forgets them afterwards."""

    def __init__(self) -> None:
        self.imported: list[str] = []

    def __call__(self, name: str) -> ModuleType:
        self.imported.append(name)
        return importlib.import_module(name)


@pytest.fixture
def example(monkeypatch: pytest.MonkeyPatch) -> Iterator[Examples]:
    monkeypatch.syspath_prepend(str(EXAMPLES))
    examples = Examples()
    yield examples
    for name in examples.imported:
        sys.modules.pop(name, None)


@pytest.fixture
async def ada(pool: Pool, stripe: StripeSimulator) -> None:
    """A customer with a subscription at Stripe, in tables like those of the pages."""
    await pool.execute(TABLES)
    await pool.execute("INSERT INTO app_subscription VALUES ('ada', 'sub_1')")
    stripe.add_customer("cus_ada")
    stripe.add_subscription("sub_1", customer="cus_ada")


@pytest.fixture
def billing(stripe_api: tuple[StripeSimulator, str]) -> StripeBilling:
    return StripeBilling(STRIPE_KEY, api_base=stripe_api[1])


@pytest.fixture
def cancel(pool: Pool, billing: StripeBilling) -> CancelFlow:
    return make_cancel(pool, billing.api_base)


async def cancels(browser: Browser) -> str:
    """Cancel as a customer does; returns the outcome."""
    answer = await Customer(browser, headers=ADA).cancel()
    return str(answer["outcome"])


@pytest.mark.slow
@pytest.mark.parametrize(("tutorial", "passed"), [("tutorial", 5), ("flow_tutorial", 3)])
def test_each_tutorial_passes_in_a_folder_of_its_own(
    tmp_path: Path, tutorial: str, passed: int
) -> None:
    folder = tmp_path / "shop"
    shutil.copytree(EXAMPLES / tutorial, folder, ignore=shutil.ignore_patterns("__pycache__", ".*"))

    ran = subprocess.run(
        # The plugin is named for an environment that was made before it had its entry point.
        [
            *(sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider"),
            *("-p", "aiocancel.testing.pytest_plugin"),
        ],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )

    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert f"{passed} passed" in ran.stdout


def test_reason_of_ones_own_stands_beside_the_standard_ones(example: Examples) -> None:
    flow = OwnFlow(reasons=example("more_reasons").REASONS)

    assert len(flow.definition.reasons) == 9
    assert flow.definition.reasons[-1].stripe_feedback == "unused"


@pytest.mark.usefixtures("ada")
async def test_sessions_say_who_cancels(
    aiohttp_client: AiohttpClient, database: str, billing: StripeBilling, example: Examples
) -> None:
    browser = await aiohttp_client(example("sessions").make_app(database, billing))
    assert (await browser.get("/cancel/payload")).status == 401

    await browser.post("/login", data={"customer": "ada"})

    assert await cancels(browser) == "scheduled"


@pytest.mark.usefixtures("ada")
async def test_own_csp_is_kept_and_widened(
    aiohttp_client: AiohttpClient, cancel: CancelFlow, example: Examples
) -> None:
    browser = await aiohttp_client(example("own_csp").make_app(cancel))

    home = (await browser.get("/")).headers["Content-Security-Policy"]

    assert home.startswith("default-src 'none'; style-src 'self' https://fonts.example 'sha256-")
    assert "frame-src https://app.prosperstack.com" in home


@pytest.mark.usefixtures("ada")
async def test_own_csp_is_not_made_up_where_the_setting_is_none(
    aiohttp_client: AiohttpClient, pool: Pool, example: Examples
) -> None:
    cancel = make_cancel(pool, content_security_policy=None)
    browser = await aiohttp_client(example("own_csp").make_app(cancel))

    legacy = await browser.get("/legacy")

    assert "Content-Security-Policy" not in legacy.headers


@pytest.mark.usefixtures("ada")
async def test_several_subscriptions_are_one_button_for_the_one_meant(
    pool: Pool, stripe: StripeSimulator, billing: StripeBilling, aiohttp_client: AiohttpClient,
    example: Examples,
) -> None:  # fmt: skip
    queries = example("several_subscriptions")

    async def found(subscriptions: Any) -> tuple[int, Any]:
        cancel = make_cancel(pool, billing.api_base, subscriptions=subscriptions)
        browser = await aiohttp_client(make_app(cancel))
        answer = await browser.get("/cancel/subscription", headers=ADA)
        body = await answer.json()
        # Each plug-in keeps two connections of the pool that they share.
        await browser.close()
        return answer.status, body.get("subscriptionId")

    assert await found(queries.MAIN_PRODUCT_FIRST) == (200, "sub_1")
    assert await found(queries.ASK_THE_CUSTOMER) == (409, None)
    assert await found(queries.ONLY_AT_STRIPE) == (200, "sub_1")
    stripe.add_subscription("sub_2", customer="cus_ada")
    status, newest = await found(queries.NEWEST_AT_STRIPE)
    assert (status, newest in ("sub_1", "sub_2")) == (200, True)
    assert await found(queries.ONLY_AT_STRIPE) == (409, None)


@pytest.mark.usefixtures("ada")
async def test_own_resolver_is_asked_for_the_newest_and_for_one_by_name(
    pool: Pool, billing: StripeBilling, aiohttp_client: AiohttpClient, example: Examples
) -> None:
    subscriptions = example("own_resolver").FOUND
    cancel = make_cancel(pool, billing.api_base, subscriptions=subscriptions)
    browser = await aiohttp_client(make_app(cancel))

    async def found(named: str = "", customer: str = "ada") -> tuple[int, Any]:
        answer = await browser.get(f"/cancel/subscription{named}", headers={"X-Customer": customer})
        return answer.status, (await answer.json()).get("subscriptionId")

    assert await found() == (200, "sub_1")
    assert await found("?subscription=sub_addon") == (200, "sub_addon")
    assert (await found("?subscription=sub_of_grace"))[0] == 404
    assert await found(customer="nobody") == (200, None)


# aiohttp-jinja2 keeps what processors return under a key that aiohttp would rather have typed.
@pytest.mark.filterwarnings("ignore::aiohttp.web.NotAppKeyWarning")
@pytest.mark.usefixtures("ada")
async def test_sub_application_has_the_button_of_the_root(
    aiohttp_client: AiohttpClient, cancel: CancelFlow, example: Examples
) -> None:
    browser = await aiohttp_client(example("sub_application").make_app(cancel))

    page = await (await browser.get("/my/account", headers=ADA)).text()

    assert 'action="/cancel"' in page
    assert (await browser.get("/cancel", headers=ADA)).status == 200


async def test_console_shows_the_owners_pages_to_operators_alone(
    aiohttp_client: AiohttpClient, cancel: CancelFlow, example: Examples
) -> None:
    browser = await aiohttp_client(example("console").make_app(cancel))

    nobody = await browser.get("/owner/cancellations/")
    jo = await browser.get("/owner/cancellations/", headers={"Cookie": 'operator="key of jo"'})

    assert (nobody.status, jo.status) == (404, 200)
    assert "Nobody waits." in await jo.text()


@pytest.mark.usefixtures("ada")
async def test_page_handler_asks_whether_there_is_something_to_cancel(
    aiohttp_client: AiohttpClient, cancel: CancelFlow, example: Examples
) -> None:
    browser = await aiohttp_client(example("page_handler").make_app(cancel))

    assert await (await browser.get("/menu")).json() == ["Invoices"]
    assert await (await browser.get("/menu", headers=ADA)).json() == [
        "Invoices",
        "Cancel subscription",
    ]
    assert await cancels(browser) == "scheduled"


@pytest.mark.usefixtures("ada")
async def test_busy_pages_make_no_query_of_ours_for_a_page(
    aiohttp_client: AiohttpClient, cancel: CancelFlow, pool: Pool, example: Examples
) -> None:
    browser = await aiohttp_client(example("busy_pages").make_app(cancel, pool))

    account = await (await browser.get("/account", headers=ADA)).text()
    home = await (await browser.get("/home", headers=ADA)).text()

    assert "signedPayload" in account
    assert "sub_1" in account
    assert "data-aiocancel=''" in home
    assert await cancels(browser) == "scheduled"


@pytest.mark.usefixtures("ada")
async def test_scaling_lets_a_worker_of_its_own_do_what_the_site_only_records(
    aiohttp_client: AiohttpClient,
    database: str,
    stripe: StripeSimulator,
    billing: StripeBilling,
    example: Examples,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings = {
        "PROSPERSTACK_CLIENT_ID": "acct_1",
        "PROSPERSTACK_CLIENT_SECRET": "a secret",
        "STRIPE_API_KEY": STRIPE_KEY,
        "STRIPE_API_BASE": billing.api_base,
        "DATABASE_URL": database,
        "GRANT_KEYS": "a new key,an old key",
        "STATEMENT_CACHE_SIZE": "0",
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    app = example("scaling").make_app()
    browser = await aiohttp_client(app, cookies={"customer": "ada"})
    assert await cancels(browser) == "queued"
    assert not stripe.subscriptions["sub_1"]["cancel_at_period_end"]

    stop = asyncio.Event()
    worker = asyncio.create_task((await make(find("scaling:make_cancel"))).work(stop))
    await until(lambda: bool(stripe.subscriptions["sub_1"]["cancel_at_period_end"]))

    stop.set()
    await worker


@pytest.mark.usefixtures("ada")
async def test_monitoring_counts_a_cancellation_and_says_that_all_is_well(
    aiohttp_client: AiohttpClient, pool: Pool, billing: StripeBilling, example: Examples
) -> None:
    settings = {
        "vendor": vendor(),
        "billing": billing,
        "database": pool,
        "identify": identify,
        "subscriptions": example("prosperstack").SUBSCRIPTIONS,
        "grant_keys": ["a grant key"],
    }
    browser = await aiohttp_client(example("monitoring").make_app(**settings))
    assert await cancels(browser) == "scheduled"

    metrics = await (await browser.get("/metrics")).text()

    assert 'aiocancel_claims_total{repeated="false",status="canceled"} 1.0' in metrics
    assert 'aiocancel_queue_actions{state="waiting"} 0.0' in metrics
    assert (await browser.get("/healthz")).status == 200
    assert (await browser.get("/readyz")).status == 200


async def test_hooks_hear_of_an_outcome_and_carry_out_a_custom_offer(
    company: Company, example: Examples, caplog: pytest.LogCaptureFixture
) -> None:
    company.stripe.add_subscription("sub_1")
    for offer in company.flows.offers:
        if offer["type"] == "custom":
            offer["metadata"] = {"free_call": "yes"}
            accepted = offer["id"]
    cancel, ended = company.plug_in(), list[Outcome]()
    example("hooks").register(cancel)

    @cancel.on_outcome
    async def remember(outcome: Outcome) -> None:
        ended.append(outcome)

    await company.open(cancel)
    with caplog.at_level("INFO", logger="shop"):
        await company.claim(company.accepted(accepted))
        await until(lambda: bool(ended))
        await until(lambda: "saved, done" in caplog.text)

    assert "a call is booked under" in caplog.text


async def test_letter_of_the_example_goes_to_the_address_of_the_row(
    company: Company, example: Examples, monkeypatch: pytest.MonkeyPatch
) -> None:
    company.stripe.add_subscription("sub_1")
    await company.pool.execute(
        "CREATE TABLE account (id text, stripe_subscription_id text, plan text, email text);"
        "INSERT INTO account VALUES ('ada', 'sub_1', 'Pro', 'ada@example.com')"
    )
    monkeypatch.setattr(SmtpMailer, "__init__", partialmethod(SmtpMailer.__init__, tls="off"))

    async with MailServer().serve() as server:
        monkeypatch.setenv("SMTP_URL", f"smtp://127.0.0.1:{server.port}")
        cancel = example("letters").make_cancel(
            vendor=vendor(),
            billing=StripeBilling(api_key=STRIPE_KEY, api_base=company.stripe_url),
            database=company.pool,
            identify=identify,
            grant_keys=["a key"],
        )
        client: Browser = await company.aiohttp_client(make_app(cancel), headers=ADA)
        assert await cancels(client) == "scheduled"
        await until(lambda: bool(server.taken))
        await client.close()

    (mail,) = server.to("ada@example.com")
    assert mail["Subject"].startswith("Your Pro subscription ends on ")
    assert "https://shop.example/cancel?change=resume" in text_of(mail)


async def test_public_exit_of_the_example_matches_a_number_with_the_address_on_file(
    company: Company, example: Examples
) -> None:
    await company.pool.execute(
        "CREATE TABLE account (id text, email text);"
        "INSERT INTO account VALUES ('42', 'ada@example.com')"
    )
    find = example("public_exit").make_public_exit(company.pool).find

    async def found(contract: str, email: str) -> str | None:
        declaration = PublicDeclaration(Termination.ORDINARY, "Ada", contract, email)
        customer_id: str | None = await find(declaration)
        return customer_id

    assert await found("Kundennummer 42", "Ada@Example.com") == "42"
    assert await found("Kundennummer 42", "bob@example.com") is None
    assert await found("Pro", "ada@example.com") is None


@pytest.mark.usefixtures("ada")
@pytest.mark.parametrize(("language", "options"), [("de", {"language": "de"}), ("fr", {})])
async def test_options_of_the_example_follow_the_customers_language(
    aiohttp_client: AiohttpClient,
    pool: Pool,
    example: Examples,
    language: str,
    options: dict[str, str],
) -> None:
    cancel = make_cancel(pool, options=example("options").options_of, run_worker=False)
    browser = await aiohttp_client(make_app(cancel), cookies={"language": language})

    flow = (await (await browser.get("/cancel/payload", headers=ADA)).json())["flow"]

    assert flow["options"] == {"displayMode": "full_screen", **options}


@pytest.mark.usefixtures("ada")
async def test_prosperstack_gets_a_signed_payload_with_the_custom_property(
    aiohttp_client: AiohttpClient,
    pool: Pool,
    example: Examples,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in {
        "CLIENT_ID": "acct_1",
        "CLIENT_SECRET": "a secret",
        "API_KEY": "key_test_1",
        "WEBHOOK_TOKEN": "t" * 32,
    }.items():
        monkeypatch.setenv(f"PROSPERSTACK_{name}", value)
    module = example("prosperstack")
    cancel = make_cancel(
        pool,
        vendor=module.make_vendor(),
        subscriptions=module.SUBSCRIPTIONS,
        offer_limits=module.LIMITS,
        run_worker=False,
    )
    browser = await aiohttp_client(make_app(cancel))

    flow = (await (await browser.get("/cancel/payload", headers=ADA)).json())["flow"]

    assert without_proof(flow["signedPayload"], "a secret").payload == (
        '{"clientId":"acct_1","subscription":{"platformId":"sub_1","properties":{"seats":12}}}'
    )
    wrong = await browser.post(f"/cancel/webhook/{'x' * 32}", json={"event_id": "evt_1"})
    assert wrong.status == 404
    right = await browser.post(f"/cancel/webhook/{'t' * 32}", json={"event_id": "evt_1"})
    assert right.status == 204


@pytest.mark.usefixtures("ada")
async def test_staysignal_has_its_opt_out_on_the_button(
    aiohttp_client: AiohttpClient, pool: Pool, billing: StripeBilling, example: Examples
) -> None:
    widget = StaySignalSimulator(
        global_name="StaySignalStandIn.init", subscription_attribute="data-stand-in-subscription"
    )
    async with widget.serve() as origin:
        staysignal = example("staysignal").make_vendor(origin)
        browser = await aiohttp_client(
            make_app(make_cancel(pool, billing.api_base, vendor=staysignal))
        )

        page = await (await browser.get("/account", headers=ADA)).text()

        assert 'data-stand-in-subscription="sub_1"' in page
        assert 'data-ss-cancel-optout="true"' in page
        assert await cancels(browser) == "scheduled"


@pytest.mark.usefixtures("ada")
async def test_own_flow_of_the_example_opens_and_lets_everybody_leave(
    aiohttp_client: AiohttpClient, pool: Pool, billing: StripeBilling, example: Examples
) -> None:
    flow = example("own_flow").flow
    cancel = make_cancel(pool, billing.api_base, vendor=flow)
    browser = await aiohttp_client(make_app(cancel))

    page = await browser.get("/cancel", headers=ADA | {"Accept": "text/html"})

    assert page.status == 200
    assert "Cancel subscription" in await page.text()
    assert [each.key for each in flow.definition.offers] == ["half_price", "break", "call"]
    assert await cancels(browser) == "scheduled"


def test_coupon_names_of_the_site_are_what_customers_read(
    example: Examples, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STRIPE_API_KEY", STRIPE_KEY)
    names = example("coupon_names").billing.coupon_names
    coupon = NewCoupon("made", "25", None, None, "repeating", 3)

    assert coupon_name(coupon, names) == "25% Rabatt für 3 Monate"


async def test_the_applications_own_columns_stay_as_stripe_has_them(
    company: Company, example: Examples
) -> None:
    await company.pool.execute(
        "ALTER TABLE app_subscription ADD status text, ADD ends_at timestamptz, ADD paused boolean"
    )
    company.stripe.add_subscription("sub_1")
    billing = StripeBilling(
        api_key=STRIPE_KEY, api_base=company.stripe_url, poll_events_every_s=0.2
    )
    cancel = company.plug_in(billing=billing)
    example("keep_your_tables_true").register(cancel, company.pool)
    await company.open(cancel)

    await company.claim(await company.finished("canceled"))
    await until(lambda: _row_of_ada(company, "active", has_end=True))
    async with (
        aiohttp.ClientSession(headers={"Authorization": f"Bearer {STRIPE_KEY}"}) as portal,
        portal.delete(f"{company.stripe_url}/v1/subscriptions/sub_1") as response,
    ):
        assert response.status == 200

    await until(lambda: _row_of_ada(company, "canceled", has_end=True))


async def _row_of_ada(company: Company, status: str, *, has_end: bool) -> bool:
    row = await company.pool.fetchrow("SELECT status, ends_at, paused FROM app_subscription")
    assert row is not None
    return (row["status"], row["ends_at"] is not None, row["paused"]) == (status, has_end, False)


async def test_own_pages_have_the_name_the_logo_and_the_columns_of_the_site(
    example: Examples, pool: Pool, billing: StripeBilling, aiohttp_client: AiohttpClient
) -> None:
    await pool.execute(
        "CREATE TABLE account (id text, stripe_subscription_id text, plan text, email text);"
        "INSERT INTO account VALUES ('ada', 'sub_1', 'Pro', 'ada@example.com')"
    )
    cancel = example("own_pages").make_cancel(
        vendor=vendor(),
        billing=billing,
        database=pool,
        identify=identify,
        grant_keys=["a key"],
        run_worker=False,
    )
    client: Browser = await aiohttp_client(make_app(cancel))

    response = await client.get("/cancel", headers={**ADA, "Accept": "text/html"})
    page = await response.text()

    assert '<img src="/static/logo.svg" alt="Northwind Notes">' in page
    assert "<title>Cancel your subscription? – Northwind Notes</title>" in page
    assert "--aiocancel-action: #0b6b3a;" in page
    assert "ada@example.com" in page
    assert "img-src 'self'" in response.headers["Content-Security-Policy"]


async def test_own_templates_are_worn_by_the_plain_page(
    example: Examples, ada: None, pool: Pool, billing: StripeBilling, aiohttp_client: AiohttpClient
) -> None:
    cancel = make_cancel(pool, billing=billing, run_worker=False)
    client: Browser = await aiohttp_client(example("own_templates").make_app(cancel))

    response = await client.get("/cancel", headers={**ADA, "Accept": "text/html"})
    page = await response.text()

    assert "<nav>Northwind Notes</nav>" in page
    assert '<main class="aiocancel-panel" lang="en">' in page
    assert "Cancel subscription" in page
