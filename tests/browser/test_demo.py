"""The demo, started as the README says, in a real browser on a desktop and on a phone."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from tests.browser.pages import cancel_on_the_plain_page
from tests.browser.prosperstack_pages import cancel_in_the_widget
from tests.support.browser import Observed
from tests.support.drive_demo import DEMO, address

pytestmark = pytest.mark.browser


@pytest_asyncio.fixture(loop_scope="session", params=["genuine", "vendor down"])
async def demo(request: Any, flow_client: Path) -> AsyncIterator[tuple[str, str]]:
    """The URL of a running demo, and which kind it is."""
    options = (
        ["--vendor-down"] if request.param == "vendor down" else ["--flow-client", str(flow_client)]
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-W",
        "error",
        str(DEMO),
        "--port",
        "0",
        "--vendor",
        "prosperstack",
        *options,
        stdout=asyncio.subprocess.PIPE,
    )
    yield await asyncio.wait_for(address(process), 60), request.param
    process.send_signal(signal.SIGINT)

    assert await asyncio.wait_for(process.wait(), 30) == 0


async def test_a_customer_of_the_demo_cancels_sees_what_stripe_says_and_comes_back(
    demo: tuple[str, str], page: Page, observed: Observed
) -> None:
    url, kind = demo
    for width in (1280, 390):
        await page.set_viewport_size({"width": width, "height": 844})
        await page.goto(url)
        await fits(page)
        await log_in(page, "zoe")
        await expect(page.locator("[data-stripe=status]")).to_have_text("active")
        await fits(page)
        await page.get_by_role("button", name="Cancel subscription").click()
        if kind == "genuine":
            await cancel_in_the_widget(page)
            await expect(page.locator("[data-outcome]")).to_contain_text("You can use it until")
            assert observed.csp_violations == []
        else:
            await page.locator(".aiocancel-status").get_by_role("link").click()
            await fits(page)
            await cancel_on_the_plain_page(page)
            await fits(page)
            await page.get_by_role("link", name="Back to your account").click()
        await expect(page.locator("[data-stripe=status]")).to_have_text("active, ending")
        await page.get_by_role("button", name="Keep my subscription").click()
        await page.get_by_role("button", name="Keep subscription").click()
        await expect(page.get_by_role("status")).to_contain_text("withdrawn")
        await page.get_by_role("link", name="Back to your account").click()
        await expect(page.locator("[data-stripe=status]")).to_have_text("active")

    assert observed.errors == []


# What the customer reads beside the button.
SAID = {
    "coupon": "You get 25% off your next 3 payments.",
    "trial_extension": "Your trial goes on until ",
    "change_plan": "You are on Basic plan (aiocancel demo) now.",
    "pause_subscription": "Payments are paused until ",
    "custom": "Thank you. Your choice has been carried out.",
}


@pytest.mark.parametrize("demo", ["genuine"], indirect=True)
async def test_customers_of_the_demo_accept_every_offer_see_it_at_stripe_and_take_it_back(
    demo: tuple[str, str], page: Page, observed: Observed
) -> None:
    url, _ = demo

    await log_in_at(page, url, "ada")
    await accepts(page, "coupon", "discounts", "25% off for 3 months")
    await takes_back(page, "Remove the discount", "discounts", "none")
    await accepts(page, "change_plan", "pays", "$9 a month")

    await log_in_at(page, url, "lou")
    await accepts(page, "pause_subscription", "paused", "until")
    await takes_back(page, "End the pause", "paused", "no")
    await accepts(page, "trial_extension", "status", "trialing")

    await log_in_at(page, url, "zoe")
    await accepts(page, "custom", "status", "active")

    assert observed.csp_violations == []
    assert observed.errors == []


async def accepts(page: Page, offer: str, where: str, shown: str) -> None:
    """Accept an offer in the widget and see it at Stripe."""
    for button in ("Remove the discount", "End the pause"):
        await expect(page.get_by_role("button", name=button)).to_be_hidden()
    await accept(page, offer)
    await expect(page.locator(f"[data-stripe={where}]")).to_contain_text(shown)
    await fits(page)


async def takes_back(page: Page, button: str, where: str, shown: str) -> None:
    """Take the accepted offer back, and see at Stripe that it is gone."""
    await page.get_by_role("button", name=button).click()
    await fits(page)
    await page.get_by_role("button", name=button).click()
    await expect(page.get_by_role("status")).to_be_visible()
    await page.get_by_role("link", name="Back to your account").click()
    await expect(page.locator(f"[data-stripe={where}]")).to_have_text(shown)
    await expect(page.get_by_role("button", name=button)).to_be_hidden()


async def accept(page: Page, offer: str) -> None:
    """Accept an offer in the widget and wait until it is at Stripe."""
    await page.get_by_role("button", name="Cancel subscription").click()
    flow = page.frame_locator("iframe.prosperstack-iframe")
    await flow.locator("[data-test=reason-not_using]").click()
    await flow.locator("[data-test=continue]").click()
    await flow.locator(f"[data-test=accept-{offer}]").click()
    await expect(page.locator(".aiocancel-status")).to_contain_text(SAID[offer])


async def log_in_at(page: Page, url: str, customer: str) -> None:
    await page.goto(url)
    await log_in(page, customer)


async def log_in(page: Page, customer: str) -> None:
    """Log in and wait for the page's script: a click before that leads to the plain page, as it should."""
    await page.get_by_role("button", name=f"Log in as {customer}").click()
    await page.wait_for_function("() => window.aiocancel !== undefined")


async def fits(page: Page) -> None:
    """Nothing sticks out sideways."""
    assert await page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
