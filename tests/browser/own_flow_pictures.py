"""Take the pictures of our own flow from the running demo: ``python -m tests.browser.own_flow_pictures``.

Each screen as a page and as a dialog, at two widths, in both schemes.
"""

from __future__ import annotations

import asyncio
import itertools
import signal
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from playwright.async_api import Browser, Locator, Page, ViewportSize, async_playwright, expect

from tests.browser.screenshots import PICTURES, shoot
from tests.support.browser import CHROMIUM_ARGS, chromium_path
from tests.support.drive_demo import DEMO, address

FOLDER = PICTURES / "own-flow"
SCREENS = ("why", "offer", "exit", "outcome", "after")
HEIGHTS = {1280: 800, 390: 844}


class Look(NamedTuple):
    """How a screen is shown."""

    kind: str
    width: int
    scheme: Any

    def file(self, screen: str) -> str:
        return f"{screen}-{self.kind}-{self.width}-{self.scheme}.png"


LOOKS = [
    Look(kind, width, scheme)
    for kind, width, scheme in itertools.product(("page", "dialog"), HEIGHTS, ("light", "dark"))
]


async def main(folder: Path = FOLDER, looks: Iterable[Look] = LOOKS) -> None:
    """Start the demo and Chromium, and write the pictures to ``folder``, which exists."""
    path = chromium_path()
    if path is None:
        raise SystemExit("needs Chromium: install the package chromium")

    process = await asyncio.create_subprocess_exec(
        *[sys.executable, str(DEMO), "--port", "0", "--vendor", "own"],
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        url = await asyncio.wait_for(address(process), 60)
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=path, args=CHROMIUM_ARGS)
            for look in looks:
                await take(browser, url, folder, look)
            await browser.close()
    finally:
        process.send_signal(signal.SIGINT)
        await asyncio.wait_for(process.wait(), 30)


async def take(browser: Browser, url: str, folder: Path, look: Look) -> None:
    """Walk through the flow three times: with an offer, without, and where nothing may stand before the exit."""
    size = ViewportSize(width=look.width, height=HEIGHTS[look.width])
    context = await browser.new_context(viewport=size, color_scheme=look.scheme)
    page = await context.new_page()
    await page.goto(url)
    # A customer may do only so much within a minute.
    who = "ada" if look.kind == "page" else "lou"
    await page.get_by_role("button", name=f"Log in as {who}").click()

    flow = await open_flow(page, url, look)
    await shoot(page, folder / look.file("why"))
    await answer(flow, "It costs too much")
    await expect(flow.locator("h2")).to_contain_text("Or: 50% off")
    await shoot(page, folder / look.file("offer"))
    await leave(flow)
    await shoot(page, folder / look.file("outcome"))
    await come_back(page, url)

    flow = await open_flow(page, url, look)
    await answer(flow, "I am moving to something else")
    await expect(flow.locator("form")).to_have_attribute("data-aiocancel-screen", "exit")
    await shoot(page, folder / look.file("exit"))
    await leave(flow)
    await come_back(page, url)

    # In Germany nothing stands before the exit: the page of the outcome asks, and offers.
    await page.goto(url)
    await page.get_by_role("button", name="Log in as jan").click()
    flow = await open_flow(page, url, look)
    await leave(flow)
    await flow.get_by_label("It costs too much").check()
    await flow.get_by_role("button", name="Send answer").click()
    await expect(flow.locator("h2")).to_contain_text("Or: 50% off")
    await flow.get_by_role("button", name="Keep subscription and take").scroll_into_view_if_needed()
    await shoot(page, folder / look.file("after"))
    await come_back(page, url)
    await context.close()


async def open_flow(page: Page, url: str, look: Look) -> Locator:
    if look.kind == "page":
        await page.goto(f"{url}/cancel")
        return page.locator("main")
    await page.goto(f"{url}/account")
    await page.get_by_role("button", name="Cancel subscription").click()
    dialog = page.locator("dialog.aiocancel-dialog")
    await expect(dialog).to_be_visible()
    return dialog


async def answer(flow: Locator, reason: str) -> None:
    await flow.get_by_label(reason).check()
    await flow.get_by_role("button", name="Continue").click()


async def leave(flow: Locator) -> None:
    await flow.get_by_role("button", name="Cancel subscription").click()
    await expect(flow.locator("h1")).to_contain_text("ends on")


async def come_back(page: Page, url: str) -> None:
    await page.goto(f"{url}/cancel?change=resume")
    await page.get_by_role("button", name="Keep subscription").click()
    await expect(page.locator("h1")).to_contain_text("goes on")


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    asyncio.run(main())
