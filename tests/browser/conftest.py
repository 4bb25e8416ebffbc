"""Fixtures that start one Chromium for all browser tests, and a fresh, watched context for each."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, async_playwright

from tests.support.browser import (
    CHROMIUM_ARGS,
    CLIENT_PACKAGE,
    Observed,
    chromium_path,
    genuine_client,
    not_available,
)


@pytest_asyncio.fixture(loop_scope="session", scope="session")
async def browser() -> AsyncIterator[Browser]:
    path = chromium_path()
    if path is None:
        not_available("needs Chromium: install the package chromium")
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=path, args=CHROMIUM_ARGS)
        yield chromium
        await chromium.close()


@pytest.fixture
def observed() -> Observed:
    return Observed()


@pytest_asyncio.fixture(loop_scope="session")
async def page(browser: Browser, observed: Observed) -> AsyncIterator[Page]:
    context = await browser.new_context(viewport={"width": 1280, "height": 800})
    context.set_default_timeout(10_000)
    fresh = await context.new_page()
    await observed.attach(fresh)
    yield fresh
    await context.close()


@pytest.fixture(scope="session")
def flow_client() -> Path:
    path = genuine_client()
    if path is None:
        not_available(
            f"needs the vendor's client: install npm, which must be able to fetch {CLIENT_PACKAGE}"
        )
    return path
