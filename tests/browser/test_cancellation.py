"""A customer cancels in a real browser: with the genuine client, without JavaScript, and with the vendor gone.

The page's own policy is ``default-src 'none'``; whatever the flow needs beyond it comes from aiocancel.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from aiocancel.testing.stripe.simulator import Fault, StripeSimulator
from tests.browser.pages import NOBODY, cancel_on_the_plain_page
from tests.browser.prosperstack_pages import Companies, cancel_in_the_widget
from tests.support.browser import Observed
from tests.support.saas import Pool, add_customer

pytestmark = pytest.mark.browser


@pytest_asyncio.fixture(loop_scope="session")
async def companies(
    pool: Pool, stripe_api: tuple[StripeSimulator, str], flow_client: Path
) -> Companies:
    stripe, url = stripe_api
    stripe.add_subscription("sub_1")
    await add_customer(pool, "ada", "sub_1")
    return Companies(pool, stripe, url, flow_client)


@pytest.mark.parametrize(
    "prepared", [True, False], ids=["payload in the page", "payload fetched on click"]
)
async def test_a_customer_cancels_with_the_genuine_client_under_a_policy_that_allows_nothing_else(
    companies: Companies, page: Page, observed: Observed, prepared: bool
) -> None:
    async with companies.site(prepared=prepared) as site:
        await page.goto(site.url)
        await page.get_by_role("button", name="Cancel subscription").click()
        frame = page.locator("iframe.prosperstack-iframe.in")
        await expect(frame).to_be_visible()
        assert await frame.bounding_box() == {"x": 0, "y": 0, "width": 1280, "height": 800}
        assert await frame.evaluate("(element) => getComputedStyle(element).position") == "fixed"
        await cancel_in_the_widget(page)
        status = page.locator(".aiocancel-status")
        await expect(status).to_contain_text("You can use it until")
        await expect(frame).to_have_count(0)
        assert site.subscription["cancel_at_period_end"] is True
        assert site.subscription["cancellation_details"]["feedback"] == "too_expensive"
        assert len(site.stripe.effects) == 1
        assert observed.csp_violations == []
        assert observed.errors == []


async def test_a_confirmation_step_does_not_delay_the_cancellation(
    companies: Companies, page: Page, observed: Observed
) -> None:
    async with companies.site(confirmation_step=True) as site:
        await page.goto(site.url)
        await page.get_by_role("button", name="Cancel subscription").click()
        await cancel_in_the_widget(page)
        await expect(page.locator(".aiocancel-status")).to_contain_text("You can use it until")
        await page.frame_locator("iframe.prosperstack-iframe").locator("[data-test=done]").click()
        await expect(page.locator("iframe.prosperstack-iframe")).to_have_count(0)
        assert len(site.stripe.effects) == 1
        assert observed.errors == []


async def test_closing_the_window_changes_nothing_and_the_button_works_again(
    companies: Companies, page: Page, observed: Observed
) -> None:
    async with companies.site() as site:
        await page.goto(site.url)
        button = page.get_by_role("button", name="Cancel subscription")
        await button.click()
        await page.frame_locator("iframe.prosperstack-iframe").locator("[data-test=close]").click()
        await expect(page.locator(".aiocancel-status")).to_have_text(
            "You closed the window. Nothing has been changed."
        )
        assert site.stripe.effects == []
        await expect(page.locator("iframe.prosperstack-iframe")).to_have_count(0)
        await button.click()
        await cancel_in_the_widget(page)
        await expect(page.locator(".aiocancel-status")).to_contain_text("You can use it until")
        assert len(site.stripe.effects) == 1
        assert observed.errors == []


async def test_a_double_click_opens_one_window_and_posts_one_result(
    companies: Companies, page: Page, observed: Observed
) -> None:
    async with companies.site() as site:
        await page.goto(site.url)
        await page.get_by_role("button", name="Cancel subscription").dblclick()
        await expect(page.locator("iframe.prosperstack-iframe.in")).to_be_visible()
        await expect(page.locator("iframe.prosperstack-iframe")).to_have_count(1)
        await cancel_in_the_widget(page)
        await expect(page.locator(".aiocancel-status")).to_contain_text("You can use it until")
        assert len(site.vendor.sessions) == 1
        assert len(site.result_posts) == 1
        assert observed.errors == []


async def test_an_accepted_offer_is_recorded_and_nothing_is_given_on_the_browsers_word(
    companies: Companies, page: Page
) -> None:
    async with companies.site(applies_offers="app", api_key=None) as site:
        await page.goto(site.url)
        await page.get_by_role("button", name="Cancel subscription").click()
        flow = page.frame_locator("iframe.prosperstack-iframe")
        await flow.locator("[data-test=reason-too_expensive]").click()
        await flow.locator("[data-test=continue]").click()
        await flow.locator("[data-test=accept-coupon]").click()
        await expect(page.locator(".aiocancel-status")).to_have_text(
            "We have your choice. It is not confirmed yet; a person will look at it."
        )
        assert site.stripe.effects == []


OUT_OF_REACH: list[Any] = [
    pytest.param({"script_url": f"{NOBODY}/client.js"}, {}, id="script unreachable"),
    pytest.param({"script_integrity": "sha384-" + "A" * 64}, {}, id="script altered"),
    pytest.param({"api_host": NOBODY}, {}, id="API unreachable"),
    pytest.param({}, {"path": "/flow", "status": 500, "times": 5}, id="API answers 500"),
    pytest.param({}, {"path": "/flow", "delay_s": 30.0, "times": 5}, id="API never answers"),
    pytest.param({"app_host": NOBODY}, {}, id="window unreachable"),
    pytest.param({}, {"path": "/f/", "delay_s": 30.0, "times": 5}, id="window never loads"),
]


@pytest.mark.parametrize(("settings", "fault"), OUT_OF_REACH)
async def test_with_the_vendor_out_of_reach_the_page_says_so_and_the_plain_way_cancels(
    companies: Companies, page: Page, settings: dict[str, Any], fault: dict[str, Any]
) -> None:
    async with companies.site(**settings) as site:
        if fault:
            site.vendor.fail_next(**fault)
        await page.goto(site.url)
        await page.get_by_role("button", name="Cancel subscription").click()
        status = page.locator(".aiocancel-status")
        await expect(status).to_contain_text("did not load")
        # Nothing of the vendor's covers the page any more, and it scrolls again.
        for element in ("#prosperstack-overlay", "iframe.prosperstack-iframe"):
            await expect(page.locator(element).filter(visible=True)).to_have_count(0)
        assert await page.evaluate("() => getComputedStyle(document.body).overflow") == "visible"
        await status.get_by_role("link").click()
        await cancel_on_the_plain_page(page)
        assert site.subscription["cancel_at_period_end"] is True
        site.vendor.heal()


@pytest.mark.parametrize("blocked", ["script-src", "connect-src", "frame-src", "trusted types"])
async def test_a_policy_of_the_page_that_blocks_the_widget_ends_in_the_plain_way(
    companies: Companies, page: Page, blocked: str
) -> None:
    async with companies.site() as site:
        # A second policy, as a proxy would add it: aiocancel cannot widen what it does not see.
        extra = (
            "require-trusted-types-for 'script'"
            if blocked == "trusted types"
            else f"{blocked} 'self'"
        )
        if blocked == "script-src":
            extra = f"script-src-elem {site.url.removesuffix('/account')}/cancel/flow.js"

        async def add_policy(route: Any) -> None:
            response = await route.fetch()
            headers = {**response.headers}
            headers["content-security-policy"] += f", {extra}"
            await route.fulfill(response=response, headers=headers)

        await page.route("**/account", add_policy)
        await page.goto(site.url)
        button = page.get_by_role("button", name="Cancel subscription")
        await button.click()
        await expect(page.locator(".aiocancel-status")).to_contain_text("did not load")
        # The button itself now does what it does without a script.
        await button.click()
        await cancel_on_the_plain_page(page)
        assert site.subscription["cancel_at_period_end"] is True


async def test_without_javascript_the_button_leads_to_a_page_that_cancels_and_another_that_resumes(
    companies: Companies, browser: Browser, flow_client: Path
) -> None:
    context = await browser.new_context(
        java_script_enabled=False, viewport={"width": 390, "height": 844}
    )
    page = await context.new_page()

    async with companies.site() as site:
        await page.goto(site.url)
        await page.get_by_role("button", name="Cancel subscription").click()
        await page.get_by_label("Why are you leaving?").fill("Too many e-mails </textarea>")
        await cancel_on_the_plain_page(page)
        assert site.subscription["cancel_at_period_end"]
        assert (
            site.subscription["cancellation_details"]["comment"] == "Too many e-mails </textarea>"
        )
        await page.get_by_role("link", name="Back to your account").click()
        await page.get_by_role("button", name="Keep subscription").click()
        await page.get_by_role("button", name="Keep subscription").click()
        await expect(page.get_by_role("status")).to_contain_text("withdrawn")
        assert not site.subscription["cancel_at_period_end"]

    await context.close()


async def test_a_result_whose_answer_is_lost_is_posted_again_and_has_one_effect(
    companies: Companies, page: Page
) -> None:
    async with companies.site() as site:
        lost = 0

        async def lose_the_answer(route: Any) -> None:
            nonlocal lost
            lost += 1
            if lost > 2:
                await route.continue_()
            else:
                await route.fetch()
                await route.abort()

        await page.route("**/cancel/result", lose_the_answer)
        await page.goto(site.url)
        await page.get_by_role("button", name="Cancel subscription").click()
        await cancel_in_the_widget(page)
        await expect(page.locator(".aiocancel-status")).to_contain_text("You can use it until")
        assert len(site.result_posts) == 3
        assert len(site.stripe.effects) == 1


async def test_while_stripe_is_down_the_page_says_queued_and_then_what_stripe_says(
    companies: Companies, page: Page
) -> None:
    async with companies.site() as site:
        site.stripe.inject(Fault("bad_gateway_502", times=4))
        await page.goto(site.url)
        await page.get_by_role("button", name="Cancel subscription").click()
        await cancel_in_the_widget(page)
        await expect(page.locator(".aiocancel-status")).to_contain_text("being carried out")
        await expect(page.locator(".aiocancel-status")).to_contain_text(
            "You can use it until", timeout=15_000
        )
        assert len(site.stripe.effects) == 1


async def test_a_customer_who_logged_out_meanwhile_is_told_to_log_in(
    companies: Companies, page: Page
) -> None:
    async with companies.site() as site:
        await page.goto(site.url)
        await page.get_by_role("button", name="Cancel subscription").click()
        await expect(page.locator("iframe.prosperstack-iframe.in")).to_be_visible()
        await page.context.add_cookies([{"name": "customer", "value": "", "url": site.url}])
        await cancel_in_the_widget(page)
        await expect(page.locator(".aiocancel-status")).to_have_text("Please log in again.")
        assert site.stripe.effects == []
