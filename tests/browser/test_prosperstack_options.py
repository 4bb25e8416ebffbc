"""What the owner sets for ProsperStack arrives at its genuine client: options, the custom platform, properties."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from playwright.async_api import Page, expect
from yarl import URL

from aiocancel import Property, SubscriptionQuery
from aiocancel.telemetry import PropertyLeftOut
from aiocancel.testing.prosperstack.simulator import ProsperStackSimulator
from aiocancel.testing.stripe.simulator import StripeSimulator
from tests.support.browser import CLIENT_INTEGRITY, Observed
from tests.support.saas import (
    ACCOUNT_PAGE,
    CLIENT_SECRET,
    Events,
    Pool,
    add_customer,
    make_app,
    make_cancel,
    vendor,
)
from tests.support.web import take_proof

pytestmark = pytest.mark.browser

STRICT = "default-src 'none'; base-uri 'none'; frame-ancestors 'none'"

ROW = SubscriptionQuery("""
    SELECT stripe_subscription_id, 'Zoë </script> "Å" 😀' AS name, 'zoe@example.com' AS email, 99.90 AS monthly,
           true AS on_trial, 1200 AS contacts, false AS annual, '2024-02-29'::date AS created, 'EU' AS region,
           NULL::text AS nothing
    FROM app_subscription WHERE customer_id = $1
""")
PROPERTIES = (
    Property("number_of_contacts", "number", entity="subscription", column="contacts"),
    Property("on_annual_plan", "boolean", entity="subscription", column="annual"),
    Property("customer_since", "date", entity="subscriber", column="created"),
    Property("region", "text", entity="subscriber"),
)


@dataclass
class Site:
    """A site under test, and what the two companies and the event hook got to know."""

    url: str
    stripe: StripeSimulator
    flows: ProsperStackSimulator
    events: Events

    @property
    def flow_session(self) -> dict[str, Any]:
        (session,) = self.flows.sessions.values()
        return session

    @property
    def opened_by(self) -> URL:
        """The one request that opened a flow session."""
        (request,) = [
            each for each in self.flows.requests if (each.method, each.path) == ("POST", "/flow")
        ]
        return URL.build(path=request.path, query_string=request.query)


OpenSite = Callable[..., AbstractAsyncContextManager[Site]]


@pytest.fixture
def site(pool: Pool, stripe_api: tuple[StripeSimulator, str], flow_client: Path) -> OpenSite:
    stripe, stripe_url = stripe_api
    client = flow_client.read_bytes()

    async def ada(_: web.Request) -> str:
        return "ada"

    async def client_js(_: web.Request) -> web.Response:
        return web.Response(body=client, content_type="text/javascript")

    @asynccontextmanager
    async def serve(*, account: str = ACCOUNT_PAGE, **settings: Any) -> AsyncIterator[Site]:
        """Serve the account page; ``settings`` are ProsperStack's."""
        stripe.add_subscription("sub_1")
        await add_customer(pool, "ada", "sub_1")
        kinds = {each.identifier: each.type for each in PROPERTIES}
        flows = ProsperStackSimulator(
            client_id="acct_test", client_secret=CLIENT_SECRET, properties=kinds
        )
        events = Events()

        async with flows.serve() as hosts:
            cancel = make_cancel(
                pool,
                stripe_url,
                vendor=vendor(
                    api_host=hosts.api_url,
                    app_host=hosts.app_url,
                    script_url="/client.js",
                    script_integrity=CLIENT_INTEGRITY,
                    **settings,
                ),
                identify=ada,
                subscriptions=ROW,
                content_security_policy=STRICT,
                on_event=events,
            )
            app = make_app(cancel, page=account)
            app.router.add_get("/client.js", client_js)
            runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
            await runner.setup()
            try:
                await web.TCPSite(runner, "127.0.0.1", 0).start()
                yield Site(
                    f"http://127.0.0.1:{runner.addresses[0][1]}/account", stripe, flows, events
                )
            finally:
                await runner.cleanup()

    return serve


async def open_flow(page: Page, url: str) -> None:
    await page.goto(url)
    await page.get_by_role("button", name="Cancel subscription").click()


async def see_offers(page: Page) -> None:
    flow = page.frame_locator("iframe.prosperstack-iframe")
    await flow.locator("[data-test=reason-too_expensive]").click()
    await flow.locator("[data-test=continue]").click()


async def cancel_in_the_widget(page: Page) -> None:
    await see_offers(page)
    flow = page.frame_locator("iframe.prosperstack-iframe")
    await flow.locator("[data-test=decline-offers]").click()
    await flow.locator("[data-test=confirm-cancel]").click()
    await expect(page.locator(".aiocancel-status")).to_contain_text("You can use it until")


async def test_a_modal_flow_stands_in_the_middle_of_the_darkened_page(
    site: OpenSite, page: Page, observed: Observed
) -> None:
    async with site(display_mode="modal") as served:
        await open_flow(page, served.url)
        frame = page.locator("iframe.prosperstack-iframe.modal.in")
        await expect(frame).to_be_visible()
        assert await frame.bounding_box() == {"x": 256, "y": 80, "width": 768, "height": 640}
        await expect(page.locator("#prosperstack-overlay.modal")).to_be_visible()
        body = page.frame_locator("iframe.prosperstack-iframe").locator("body")
        await expect(body).to_have_class("modal")
        assert observed.csp_violations == []
        assert observed.errors == []


async def test_the_flow_speaks_the_owners_language(site: OpenSite, page: Page) -> None:
    async with site(language="sv-SE") as served:
        await open_flow(page, served.url)
        root = page.frame_locator("iframe.prosperstack-iframe").locator("html")
        await expect(root).to_have_attribute("lang", "sv-SE")


async def test_skipped_offers_are_not_presented_and_the_others_are(
    site: OpenSite, page: Page
) -> None:
    async with site(skip_offers=("offr_coupon", "offr_custom")) as served:
        await open_flow(page, served.url)
        await see_offers(page)
        flow = page.frame_locator("iframe.prosperstack-iframe")
        await expect(flow.locator("[data-test=accept-change_plan]")).to_be_visible()
        for skipped in ("coupon", "custom"):
            await expect(flow.locator(f"[data-test=accept-{skipped}]")).to_have_count(0)


async def test_test_mode_leaves_no_trace_at_the_vendor_and_is_carried_out_at_stripes_test_mode(
    site: OpenSite, page: Page
) -> None:
    async with site(test_mode=True) as served:
        await open_flow(page, served.url)
        address = URL(await page.locator("iframe.prosperstack-iframe").get_attribute("src") or "")
        assert address.query["testMode"] == "true"
        assert served.opened_by.query == {"testMode": "true"}
        await cancel_in_the_widget(page)
        assert served.flows.events == []
        assert len(served.stripe.effects) == 1


async def test_without_test_mode_the_vendor_is_not_told_of_one(site: OpenSite, page: Page) -> None:
    async with site() as served:
        await open_flow(page, served.url)
        address = URL(await page.locator("iframe.prosperstack-iframe").get_attribute("src") or "")
        assert address.query == {"embedded": "true", "displayMode": "full_screen"}
        assert served.opened_by.query == {}


@pytest.mark.parametrize(
    ("is_disabled", "indicators"), [(False, 1), (True, 0)], ids=["indicator", "no indicator"]
)
async def test_the_owner_may_do_without_the_loading_indicator(
    site: OpenSite, page: Page, is_disabled: bool, indicators: int
) -> None:
    async with site(disable_loading_indicator=is_disabled) as served:
        served.flows.fail_next(path="/flow", delay_s=60)
        await open_flow(page, served.url)
        await expect(page.locator("#prosperstack-overlay")).to_have_count(1)
        await expect(page.locator(".prosperstack-spinner")).to_have_count(indicators)
        served.flows.heal()
        await expect(page.locator("iframe.prosperstack-iframe.in")).to_be_visible()
        await cancel_in_the_widget(page)
        assert len(served.stripe.effects) == 1


async def test_properties_of_a_connected_platform_arrive_with_their_types(
    site: OpenSite, page: Page
) -> None:
    async with site(properties=PROPERTIES) as served:
        await open_flow(page, served.url)
        await cancel_in_the_widget(page)
        session = served.flow_session
        assert session["subscription"]["platform_id"] == "sub_1"
        assert values(session["subscription"]) == {
            "number_of_contacts": 1200,
            "on_annual_plan": False,
        }
        assert values(session["subscriber"]) == {"customer_since": "2024-02-29", "region": "EU"}
        assert served.events.of(PropertyLeftOut) == []


async def test_a_customer_of_a_custom_platform_is_told_whole_and_cancels_as_ever(
    site: OpenSite, page: Page, observed: Observed
) -> None:
    async with site(
        platform="custom",
        applies_offers="app",
        subscription_columns={"mrr": "monthly", "trial": "on_trial"},
        properties=PROPERTIES,
    ) as served:
        await open_flow(page, served.url)
        await cancel_in_the_widget(page)
        (sent,) = [
            each.body
            for each in served.flows.requests
            if (each.method, each.path) == ("POST", "/flow")
        ]
        payload = json.loads(sent)
        assert take_proof(payload).customer_id == "ada"
        assert payload == {
            "clientId": "acct_test",
            "subscriber": {
                "internalId": "ada",
                "name": 'Zoë </script> "Å" 😀',
                "email": "zoe@example.com",
                "properties": {"customer_since": "2024-02-29", "region": "EU"},
            },
            "subscription": {
                "mrr": 99.9,
                "trial": True,
                "properties": {"number_of_contacts": 1200, "on_annual_plan": False},
            },
        }
        assert served.flow_session["subscriber"]["platform_id"] == "ada"
        assert served.flow_session["subscription"]["mrr"] == "99.90"
        assert served.stripe.subscriptions["sub_1"]["cancel_at_period_end"] is True
        assert observed.csp_violations == []
        assert observed.errors == []


async def test_a_property_of_the_wrong_type_costs_itself_and_not_the_flow(
    site: OpenSite, page: Page
) -> None:
    wrong = Property("number_of_contacts", "number", entity="subscription", column="region")
    async with site(properties=(wrong, *PROPERTIES[1:])) as served:
        await open_flow(page, served.url)
        await cancel_in_the_widget(page)
        assert values(served.flow_session["subscription"]) == {"on_annual_plan": False}
        assert served.events.of(PropertyLeftOut) == [
            PropertyLeftOut("subscription.properties.number_of_contacts", "number")
        ]


async def test_a_custom_platforms_customer_without_an_address_cancels_the_plain_way(
    site: OpenSite, page: Page
) -> None:
    async with site(
        platform="custom", applies_offers="app", subscriber_columns={"email": "nothing"}
    ) as served:
        await open_flow(page, served.url)
        await page.locator(".aiocancel-status").get_by_role("link").click()
        await page.get_by_role("button", name="Cancel subscription").click()
        await expect(page.get_by_role("status")).to_contain_text("You can use it until")
        assert served.flows.sessions == {}
        assert served.events.of(PropertyLeftOut) == [PropertyLeftOut("subscriber.email", "text")]
        assert served.stripe.subscriptions["sub_1"]["cancel_at_period_end"] is True


def values(holder: dict[str, Any]) -> dict[str, Any]:
    return {each["property"]["key"]: each["value"] for each in holder["properties"]}


async def test_of_several_subscriptions_the_one_that_its_button_names_is_cancelled(
    site: OpenSite,
    page: Page,
    pool: Pool,
    stripe_api: tuple[StripeSimulator, str],
    observed: Observed,
) -> None:
    stripe_api[0].add_subscription("sub_2")
    await add_customer(pool, "ada", "sub_2")
    named = "{{ cancel_flow.button('Cancel the second', subscription='sub_2') }}"
    async with site(account=f"{ACCOUNT_PAGE}{named}") as served:
        await page.goto(served.url)

        await page.get_by_role("button", name="Cancel the second").click()
        await see_offers(page)
        flow = page.frame_locator("iframe.prosperstack-iframe")
        await flow.locator("[data-test=decline-offers]").click()
        await flow.locator("[data-test=confirm-cancel]").click()
        await expect(page.locator(".aiocancel-status").nth(1)).to_contain_text("You can use it")

        assert served.stripe.subscriptions["sub_2"]["cancel_at_period_end"] is True
        assert served.stripe.subscriptions["sub_1"]["cancel_at_period_end"] is False

        # The button that names none leads to the page that asks.
        await page.get_by_role("button", name="Cancel subscription").click()
        await expect(page.get_by_role("heading", level=1)).to_have_text("Which subscription?")
        await page.locator("[data-subscription=sub_1] button").click()
        await expect(page).to_have_url(re.compile(r"/cancel\?subscription=sub_1$"))
        await expect(page.get_by_role("heading")).to_have_text("Cancel your subscription?")
    assert observed.csp_violations == []
