"""The documentation's single-page application, in a real browser."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest
from aiohttp import web
from playwright.async_api import Page, expect
from pytest_aiohttp import AiohttpClient

from tests.browser.prosperstack_pages import cancel_in_the_widget
from tests.support.browser import Observed
from tests.support.company import Company
from tests.support.saas import make_cancel, vendor

pytestmark = pytest.mark.browser

EXAMPLES = Path(__file__).parents[2] / "examples" / "docs"


async def ada_is_here(_: web.Request) -> str:
    return "ada"


@pytest.mark.parametrize("is_down", [False, True], ids=["vendor up", "vendor down"])
async def test_a_single_page_application_opens_the_flow_or_leads_to_the_plain_page(
    company: Company,
    aiohttp_client: AiohttpClient,
    page: Page,
    observed: Observed,
    monkeypatch: pytest.MonkeyPatch,
    is_down: bool,
) -> None:
    company.stripe.add_subscription("sub_1")
    stand_in = "/no-such-script.js" if is_down else f"{company.hosts.app_url}/flow.min.js"
    prosperstack = vendor(
        api_key="key_test_simulator",
        api_host=company.hosts.api_url,
        app_host=company.hosts.app_url,
        script_url=stand_in,
    )
    cancel = make_cancel(
        company.pool, company.stripe_url, identify=ada_is_here, vendor=prosperstack
    )
    monkeypatch.syspath_prepend(str(EXAMPLES))
    try:
        browser = await aiohttp_client(importlib.import_module("spa").make_app(cancel))
    finally:
        sys.modules.pop("spa", None)

    await page.goto(str(browser.make_url("/")))
    await page.get_by_role("button", name="Cancel subscription").click()

    if is_down:
        await page.get_by_role("link", name="Cancel here instead").click()
        await expect(page.get_by_role("button", name="Cancel subscription")).to_be_visible()
    else:
        await cancel_in_the_widget(page)
        await expect(page.locator("#said")).to_contain_text("Your subscription is cancelled")
        assert observed.csp_violations == []
