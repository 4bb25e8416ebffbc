"""Fixtures that start each browser once for all browser tests, and a fresh, watched visitor for each."""

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
from tests.support.firefox import Connection, firefox_path, start_firefox
from tests.support.visitor import ChromiumVisitor, Visitor, visit_in_firefox


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


@pytest_asyncio.fixture(loop_scope="session", scope="session")
async def firefox() -> AsyncIterator[Connection]:
    path = firefox_path()
    if path is None:
        not_available("needs Firefox: install the package firefox-esr")
    async with start_firefox(path) as connection:
        yield connection


@pytest_asyncio.fixture(loop_scope="session")
async def chromium_visitor(page: Page, observed: Observed) -> Visitor:
    return ChromiumVisitor(page, observed)


@pytest_asyncio.fixture(loop_scope="session")
async def firefox_visitor(firefox: Connection) -> AsyncIterator[Visitor]:
    async with visit_in_firefox(firefox) as opened:
        yield opened


@pytest.fixture(params=["chromium", "firefox"])
def visitor(request: pytest.FixtureRequest) -> Visitor:
    """A visitor in each of the two browsers."""
    opened: Visitor = request.getfixturevalue(f"{request.param}_visitor")
    return opened
