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

from tests.browser.support import Observed
from tests.browser.test_cancellation import cancel_in_the_widget, cancel_on_the_plain_page
from tests.drive_demo import DEMO, address

pytestmark = pytest.mark.browser


@pytest_asyncio.fixture(loop_scope="session", params=["genuine", "vendor down"])
async def demo(request: Any, flow_client: Path) -> AsyncIterator[tuple[str, str]]:
    """The URL of a running demo, and which kind it is."""
    options = ["--vendor-down"] if request.param == "vendor down" else ["--flow-client", str(flow_client)]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-W", "error", str(DEMO), "--port", "0", *options, stdout=asyncio.subprocess.PIPE
    )
    yield await asyncio.wait_for(address(process), 60), request.param
    process.send_signal(signal.SIGINT)
    assert await asyncio.wait_for(process.wait(), 30) == 0


@pytest.mark.parametrize("width", [1280, 390])
async def test_a_customer_of_the_demo_cancels_sees_what_stripe_says_and_comes_back(
    demo: tuple[str, str], page: Page, observed: Observed, width: int
) -> None:
    url, kind = demo
    await page.set_viewport_size({"width": width, "height": 844})
    await page.goto(url)
    await fits(page)
    await page.get_by_role("button", name="Log in as zoe").click()
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
    await expect(page.get_by_role("status")).to_contain_text("goes on")
    await page.get_by_role("link", name="Back to your account").click()
    await expect(page.locator("[data-stripe=status]")).to_have_text("active")
    assert observed.errors == []


async def fits(page: Page) -> None:
    """Nothing sticks out sideways."""
    assert await page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
