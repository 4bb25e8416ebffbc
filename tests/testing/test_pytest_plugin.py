"""The pytest plugin: its fixtures work in every mode of pytest-asyncio, and cost nothing where none is used."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from aiocancel.testing import ProsperStackSimulator, StripeSimulator
from tests.support.company import Company

SHOP = """
from typing import Any

import aiohttp_jinja2
import jinja2
import pytest
from aiohttp import web

from aiocancel import (
    CancelFlow, CustomerId, OwnedSubscription, ProsperStack, StripeBilling, SubscriptionId,
)

class Everybody:
    async def resolve(self, customer_id):
        return OwnedSubscription(CustomerId(customer_id), SubscriptionId("sub_1"))

async def identify(request):
    return request.headers.get("X-Customer", "ada")

@pytest.fixture
def shop(
    aiocancel_database,
    aiocancel_stripe,
    aiocancel_stripe_url,
    aiocancel_prosperstack,
    aiocancel_prosperstack_hosts,
):
    import stripe
    stripe.enable_telemetry = False
    aiocancel_stripe.add_subscription("sub_1")
    cancel = CancelFlow(
        vendor=ProsperStack(
            client_id=aiocancel_prosperstack.client_id,
            client_secret=aiocancel_prosperstack.client_secret,
            api_key=aiocancel_prosperstack.api_key,
            api_host=aiocancel_prosperstack_hosts.api_url,
            app_host=aiocancel_prosperstack_hosts.app_url,
            applies_offers="app",
        ),
        billing=StripeBilling(aiocancel_stripe.api_key, api_base=aiocancel_stripe_url),
        database=aiocancel_database,
        identify=identify,
        subscriptions=Everybody(),
        grant_keys=["a grant key of the tests"],
    )
    app = web.Application()
    page = "{{ cancel_flow.script() }}{{ cancel_flow.button() }}"
    aiohttp_jinja2.setup(app, loader=jinja2.DictLoader({"account.html": page}))
    cancel.setup(app)

    @cancel.flow_page
    @aiohttp_jinja2.template("account.html")
    async def account(request):
        return {}

    app.router.add_get("/account", account)
    return app

@pytest.fixture
def behind_a_proxy(aiocancel_database, aiocancel_stripe, aiocancel_stripe_url):
    import stripe
    stripe.enable_telemetry = False
    aiocancel_stripe.add_subscription("sub_1")
    cancel = CancelFlow(
        billing=StripeBilling(aiocancel_stripe.api_key, api_base=aiocancel_stripe_url),
        database=aiocancel_database,
        identify=identify,
        subscriptions=Everybody(),
        grant_keys=["a grant key of the tests"],
        prefix="/bye",
        public_prefix="/shop",
    )
    app = web.Application()
    cancel.setup(app)
    return app
"""

TESTS = """
MARKS

async def test_a_customer_cancels(aiohttp_client, shop, aiocancel_customer, aiocancel_stripe):
    client = await aiohttp_client(shop)
    customer = aiocancel_customer(client, page="/account")
    answer = await customer.settled(await customer.cancel(reason="Too expensive for me"))
    assert answer["outcome"] == "scheduled"
    assert [effect.kind for effect in aiocancel_stripe.effects] == ["cancel_at_period_end"]
    again = await customer.settled(await customer.take_back())
    assert again["outcome"] == "done"

async def test_a_customer_accepts_an_offer(
    aiohttp_client, shop, aiocancel_customer, aiocancel_stripe, aiocancel_prosperstack
):
    client = await aiohttp_client(shop)
    session = aiocancel_prosperstack.create_session("sub_1")
    session = aiocancel_prosperstack.finish(session["id"], status="saved", offer_id="offr_coupon")
    customer = aiocancel_customer(client)
    answer = await customer.settled(await customer.accept_offer(session), within_s=20)
    assert (answer["change"], answer["outcome"]) == ("offer", "done"), answer
    assert aiocancel_stripe.effects

async def test_a_customer_cancels_where_a_proxy_takes_a_prefix_off(
    aiohttp_client, behind_a_proxy, aiocancel_customer
):
    client = await aiohttp_client(behind_a_proxy)
    customer = aiocancel_customer(client, prefix="/bye", public_prefix="/shop")
    answer = await customer.settled(await customer.cancel())
    assert (answer["outcome"], answer["status_url"][:16]) == ("scheduled", "/shop/bye/status")

def test_the_simulators_share_a_clock_that_stands_still(aiocancel_clock, aiocancel_stripe, aiocancel_prosperstack):
    before = aiocancel_clock()
    assert aiocancel_stripe.clock() == aiocancel_prosperstack.clock() == before
    aiocancel_clock.advance(days=31)
    assert (aiocancel_stripe.clock() - before).days == 31

def test_the_widget_stand_in_is_served(aiocancel_staysignal, aiocancel_staysignal_url):
    from urllib.request import urlopen
    with urlopen(aiocancel_staysignal_url + "/widget.js") as answer:
        assert b"StandIn" in answer.read()

def test_databases_are_fresh_and_have_our_tables(aiocancel_databases):
    import asyncio, asyncpg
    async def tables(dsn):
        connection = await asyncpg.connect(dsn)
        try:
            return await connection.fetchval("SELECT count(*) FROM aiocancel.claim")
        finally:
            await connection.close()
    first, second = aiocancel_databases.create(), aiocancel_databases.create()
    assert first != second
    assert asyncio.run(tables(second)) == 0
"""


def run_pytest(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run the tests of a folder in a process of its own; where no entry point is installed the plugin is named."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "aiocancel.testing.pytest_plugin"]
    return subprocess.run(
        [*command, "-p", "no:cacheprovider", "-W", "error", *options, str(folder)],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )


@pytest.mark.parametrize(
    ("mode", "scope"),
    [("auto", "function"), ("auto", "session"), ("strict", "function"), ("strict", "session")],
)
def test_the_fixtures_work_in_each_mode_and_loop_scope(
    tmp_path: Path, mode: str, scope: str
) -> None:
    marks = "import pytest\npytestmark = []" if mode == "auto" else ""
    source = TESTS.replace("MARKS", marks)
    if mode == "strict":
        source = source.replace("async def test_", "@pytest.mark.asyncio\nasync def test_")
        source = f"import pytest\n{source}"
    (tmp_path / "conftest.py").write_text(SHOP)
    (tmp_path / "test_shop.py").write_text(source)
    (tmp_path / "pytest.ini").write_text(
        f"[pytest]\nasyncio_mode = {mode}\nasyncio_default_fixture_loop_scope = {scope}\n"
        f"asyncio_default_test_loop_scope = {scope}\n"
    )

    done = run_pytest(tmp_path)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "6 passed" in done.stdout


def test_a_run_that_uses_no_fixture_imports_nothing_for_them(tmp_path: Path) -> None:
    (tmp_path / "test_nothing.py").write_text(
        "import sys\n"
        "def test_nothing():\n"
        "    heavy = {'stripe', 'asyncpg', 'aiohttp', 'msgspec', 'pgqueuer', 'jinja2'}\n"
        "    assert 'aiocancel.testing.pytest_plugin' in sys.modules\n"
        "    assert not heavy & set(sys.modules)\n"
        "    ours = {name for name in sys.modules if name.startswith('aiocancel')}\n"
        "    assert ours == {'aiocancel', 'aiocancel.testing', 'aiocancel.testing.pytest_plugin'}\n"
    )

    done = run_pytest(tmp_path, "-p", "no:aiohttp", "-p", "no:pytest_aiohttp", "-p", "no:asyncio")

    assert done.returncode == 0, done.stdout + done.stderr


def test_the_stories_of_the_project_use_the_plugins_simulators(
    company: Company,
    aiocancel_stripe: StripeSimulator,
    aiocancel_prosperstack: ProsperStackSimulator,
) -> None:
    assert company.stripe is aiocancel_stripe
    assert company.flows is aiocancel_prosperstack


def test_the_plugin_may_be_named_beside_its_entry_point(pytestconfig: pytest.Config) -> None:
    assert pytestconfig.pluginmanager.has_plugin("aiocancel.testing.pytest_plugin")
