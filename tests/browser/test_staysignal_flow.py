"""A customer cancels through a widget that binds itself to our button: the stand-in, under ``default-src 'none'``.

Whatever the genuine StaySignal does inside its window, the page around it has to do this.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, Page, expect

from aiocancel.testing.stripe.simulator import StripeSimulator
from tests.browser.pages import NOBODY, PAGE, cancel_on_the_plain_page
from tests.browser.staysignal_pages import ATTRIBUTE, READY, Companies, Site
from tests.support.browser import Observed
from tests.support.drive_demo import DEMO, address
from tests.support.saas import Pool, add_customer
from tests.support.waiting import until

pytestmark = pytest.mark.browser


@pytest_asyncio.fixture(loop_scope="session")
async def companies(pool: Pool, stripe_api: tuple[StripeSimulator, str]) -> Companies:
    stripe, url = stripe_api
    stripe.add_subscription("sub_1")
    await add_customer(pool, "ada", "sub_1")
    return Companies(pool, stripe, url)


def cancel_button(page: Page) -> Locator:
    return page.get_by_role("button", name="Cancel subscription")


async def open_page(page: Page, site: Site) -> Locator:
    """Go to the page and wait until the widget has bound itself; returns the button."""
    await page.goto(site.url)
    await page.wait_for_function(READY)
    return cancel_button(page)


@pytest.mark.parametrize(
    "prepared", [True, False], ids=["id in the page", "id fetched by the script"]
)
async def test_a_customer_cancels_with_the_widget_and_the_application_carries_it_out(
    companies: Companies, page: Page, observed: Observed, prepared: bool
) -> None:
    async with companies.site(prepared=prepared) as site:
        button = await open_page(page, site)
        await expect(button).to_have_attribute(ATTRIBUTE, "sub_1")
        await expect(button).to_have_attribute("data-ss-cancel-optout", "true")
        await button.click()
        await page.get_by_role("button", name="Yes, cancel").click()
        await expect(page.locator(".aiocancel-status")).to_contain_text("You can use it until")
        assert page.url == site.url
        assert site.subscription["cancel_at_period_end"] is True
        assert len(site.stripe.effects) == 1
        assert [text for text in observed.console if "opted out" in text] == [
            "log: StaySignal stand-in: opted out, the subscription is left to the application"
        ]
        assert site.widget.canceled == []
        assert observed.csp_violations == []
        assert observed.errors == []


async def test_the_buttons_markup_alone_says_which_subscription_and_that_we_cancel(
    companies: Companies, browser: Browser
) -> None:
    context = await browser.new_context(java_script_enabled=False)
    page = await context.new_page()
    for prepared, subscription_id in ((True, "sub_1"), (False, None)):
        async with companies.site(prepared=prepared) as site:
            await page.goto(site.url)
            assert await cancel_button(page).get_attribute(ATTRIBUTE) == subscription_id
            assert await cancel_button(page).get_attribute("data-ss-cancel-optout") == "true"
    await context.close()


async def test_where_the_vendor_cancels_we_only_watch_it_do_so(
    companies: Companies, page: Page, observed: Observed
) -> None:
    async with companies.site(vendor_cancels=True) as site:
        button = await open_page(page, site)
        assert await button.get_attribute("data-ss-cancel-optout") is None
        await button.click()
        await page.get_by_role("button", name="Yes, cancel").click()
        await expect(page.locator(".aiocancel-status")).to_contain_text("You can use it until")
        assert site.widget.canceled == ["sub_1"]
        assert len(site.stripe.effects) == 1
        assert observed.csp_violations == []
        assert observed.errors == []


async def test_a_customer_who_stays_changes_nothing_and_may_ask_again(
    companies: Companies, page: Page, observed: Observed
) -> None:
    async with companies.site() as site:
        button = await open_page(page, site)
        await button.click()
        await page.get_by_role("button", name="No, keep it").click()
        await expect(page.locator("dialog")).to_have_count(0)
        assert site.stripe.effects == []
        await button.click()
        await page.get_by_role("button", name="Yes, cancel").click()
        await expect(page.locator(".aiocancel-status")).to_contain_text("You can use it until")
        assert observed.errors == []


async def test_who_cancels_takes_it_back_elsewhere_and_cancels_again_from_the_same_page_is_heard(
    companies: Companies, page: Page, observed: Observed
) -> None:
    async with companies.site() as site:
        button = await open_page(page, site)
        await button.click()
        await page.get_by_role("button", name="Yes, cancel").click()
        await expect(page.locator(".aiocancel-status")).to_contain_text("You can use it until")
        elsewhere = await page.context.new_page()
        await elsewhere.goto(site.url)
        for _ in ("on the page", "on the plain page"):
            await elsewhere.get_by_role("button", name="Keep subscription").click()
        await expect(elsewhere.get_by_role("status")).to_contain_text("withdrawn")
        await button.click()
        await page.get_by_role("button", name="Yes, cancel").click()
        await until(lambda: len(site.stripe.effects) == 3)
        kinds = [effect.kind for effect in site.stripe.effects]
        assert kinds == ["cancel_at_period_end", "resume", "cancel_at_period_end"]
        assert observed.errors == []


async def test_the_widgets_error_is_shown_and_the_plain_way_cancels(
    companies: Companies, page: Page, observed: Observed
) -> None:
    async with companies.site(fails=True) as site:
        button = await open_page(page, site)
        await button.click()
        await page.get_by_role("button", name="Yes, cancel").click()
        status = page.locator(".aiocancel-status")
        await expect(status).to_contain_text("Something went wrong in the cancellation form.")
        assert site.stripe.effects == []
        await status.get_by_role("link").click()
        await cancel_on_the_plain_page(page)
        assert site.subscription["cancel_at_period_end"] is True
        assert observed.csp_violations == []
        assert observed.errors == []


OUT_OF_REACH: list[Any] = [
    pytest.param({"script_url": f"{NOBODY}/widget.js"}, id="script unreachable"),
    pytest.param({"script_integrity": "sha384-" + "A" * 64}, id="script altered"),
    pytest.param({"global_name": "StandIn.somewhere.else"}, id="function missing"),
]


@pytest.mark.parametrize("settings", OUT_OF_REACH)
async def test_with_the_widget_out_of_reach_the_button_leads_to_the_plain_way(
    companies: Companies, page: Page, settings: dict[str, Any]
) -> None:
    async with companies.site(**settings) as site:
        await page.goto(site.url)
        await cancel_button(page).click()
        await cancel_on_the_plain_page(page)
        assert site.subscription["cancel_at_period_end"] is True


async def test_a_policy_of_the_page_that_blocks_the_widget_ends_in_the_plain_way(
    companies: Companies, page: Page, observed: Observed
) -> None:
    # A second policy, of the page's own making: aiocancel cannot widen what it does not see.
    policy = '<meta http-equiv="Content-Security-Policy" content="script-src \'self\'">'
    async with companies.site(html=PAGE.replace("<title>", f"{policy}<title>")) as site:
        await page.goto(site.url)
        await cancel_button(page).click()
        await cancel_on_the_plain_page(page)
        assert site.subscription["cancel_at_period_end"] is True
        assert any(
            violation.startswith("script-src-elem") for violation in observed.reported_violations
        )


async def test_a_request_of_the_widgets_that_a_policy_blocks_ends_in_the_plain_way(
    companies: Companies, page: Page
) -> None:
    # A second policy, of the page's own making: aiocancel cannot widen what it does not see.
    policy = '<meta http-equiv="Content-Security-Policy" content="connect-src \'self\'">'

    async with companies.site(
        vendor_cancels=True, html=PAGE.replace("<title>", f"{policy}<title>")
    ) as site:
        button = await open_page(page, site)
        await button.click()
        await page.get_by_role("button", name="Yes, cancel").click()
        status = page.locator(".aiocancel-status")
        await expect(status).to_contain_text("Something went wrong in the cancellation form.")
        assert site.stripe.effects == []
        await status.get_by_role("link").click()
        await cancel_on_the_plain_page(page)
        assert site.subscription["cancel_at_period_end"] is True


async def test_a_widget_that_never_shows_itself_leaves_the_plain_way_beside_the_button(
    companies: Companies, page: Page, observed: Observed
) -> None:
    async with companies.site(widget_timeout_s=0.3) as site:
        # A widget that initialises and then binds itself to nothing.
        silent = "window.StandIn = { widget: { init() {} } };"
        await page.route(
            "**/widget.js", lambda route: route.fulfill(content_type="text/javascript", body=silent)
        )
        button = await open_page(page, site)
        await button.click()
        status = page.locator(".aiocancel-status")
        await expect(status).to_contain_text("The window did not open?")
        assert page.url == site.url
        await status.get_by_role("link").click()
        await cancel_on_the_plain_page(page)
        assert site.subscription["cancel_at_period_end"] is True
        assert observed.errors == []


@pytest.mark.parametrize(
    "listener",
    [
        "event.preventDefault()",
        "event.stopPropagation()",
        "event.stopImmediatePropagation(); event.preventDefault()",
    ],
)
async def test_whatever_the_widget_does_with_the_click_its_window_stays_and_its_end_is_heard(
    companies: Companies, page: Page, observed: Observed, listener: str
) -> None:
    async with companies.site() as site:
        widget = f"""
        window.StandIn = {{ widget: {{ init(config) {{
          document.querySelector("[{ATTRIBUTE}]").addEventListener("click", (event) => {{
            {listener};
            setTimeout(() => config.onComplete({{ whatever: ["it", "tells"] }}), 50);
          }});
        }} }} }};
        """
        await page.route(
            "**/widget.js", lambda route: route.fulfill(content_type="text/javascript", body=widget)
        )
        button = await open_page(page, site)
        await button.click()
        await expect(page.locator(".aiocancel-status")).to_contain_text("You can use it until")
        assert page.url == site.url
        assert len(site.stripe.effects) == 1
        assert observed.errors == []


async def test_a_widget_that_reports_its_end_twice_has_one_effect(
    companies: Companies, page: Page
) -> None:
    async with companies.site() as site:
        widget = f"""
        window.StandIn = {{ widget: {{ init(config) {{
          document.querySelector("[{ATTRIBUTE}]").addEventListener("click", () => {{
            config.onComplete();
            config.onComplete();
          }});
        }} }} }};
        """
        await page.route(
            "**/widget.js", lambda route: route.fulfill(content_type="text/javascript", body=widget)
        )
        await (await open_page(page, site)).click()
        await expect(page.locator(".aiocancel-status")).to_contain_text("You can use it until")
        assert len(site.stripe.effects) == 1


async def test_a_customer_who_logged_out_meanwhile_is_told_to_log_in(
    companies: Companies, page: Page
) -> None:
    async with companies.site() as site:
        await (await open_page(page, site)).click()
        await page.context.add_cookies([{"name": "customer", "value": "", "url": site.url}])
        await page.get_by_role("button", name="Yes, cancel").click()
        await expect(page.locator(".aiocancel-status")).to_have_text("Please log in again.")
        assert site.stripe.effects == []


async def test_without_javascript_the_button_leads_to_the_plain_way(
    companies: Companies, browser: Browser
) -> None:
    context = await browser.new_context(java_script_enabled=False)
    page = await context.new_page()
    async with companies.site() as site:
        await page.goto(site.url)
        await cancel_button(page).click()
        await cancel_on_the_plain_page(page)
        assert site.subscription["cancel_at_period_end"] is True
    await context.close()


@pytest.mark.parametrize("width", [1280, 390])
async def test_the_demo_can_be_started_with_the_stand_in_and_a_customer_cancels_in_it(
    page: Page, observed: Observed, width: int
) -> None:
    process = await asyncio.create_subprocess_exec(
        *[sys.executable, "-W", "error", str(DEMO), "--port", "0", "--vendor", "staysignal"],
        stdout=asyncio.subprocess.PIPE,
    )

    try:
        await page.set_viewport_size({"width": width, "height": 844})
        await page.goto(await asyncio.wait_for(address(process), 60))
        await page.get_by_role("button", name="Log in as zoe").click()
        await page.wait_for_function("() => window.StaySignalStandIn")
        await cancel_button(page).click()
        await expect(page.get_by_role("heading", name="Cancel?")).to_be_visible()
        assert await page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
        await page.get_by_role("button", name="Yes, cancel").click()
        await expect(page.locator("[data-outcome]")).to_contain_text("You can use it until")
        await expect(page.locator("[data-stripe=status]")).to_have_text("active, ending")
        assert observed.csp_violations == []
        assert observed.errors == []
    finally:
        process.send_signal(signal.SIGINT)
        assert await asyncio.wait_for(process.wait(), 30) == 0
