"""Take the pictures of the documentation from the running demo: ``python -m tests.browser.screenshots``."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path

from playwright.async_api import Browser, Page, ViewportSize, async_playwright

from tests.support.browser import CHROMIUM_ARGS, chromium_path, genuine_client
from tests.support.drive_demo import DEMO, address

PICTURES = Path(__file__).parents[2] / "docs" / "images"
SIZE = ViewportSize(width=960, height=600)


async def main(folder: Path = PICTURES) -> None:
    """Start the demo and Chromium, and write the pictures to ``folder``, which exists."""
    path = chromium_path()
    if path is None:
        raise SystemExit("needs Chromium: install the package chromium")

    client = genuine_client()
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(DEMO),
        "--port",
        "0",
        "--vendor",
        "prosperstack",
        "--flow-client",
        "stand-in" if client is None else str(client),
        stdout=asyncio.subprocess.PIPE,
    )

    try:
        url = await asyncio.wait_for(address(process), 60)
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=path, args=CHROMIUM_ARGS)
            await take(browser, url, folder)
            await browser.close()
    finally:
        process.send_signal(signal.SIGINT)
        await asyncio.wait_for(process.wait(), 30)


async def take(browser: Browser, url: str, folder: Path) -> None:
    """Walk through the demo as Ada, and take a picture of each place."""
    context = await browser.new_context(viewport=SIZE, color_scheme="light")
    page = await context.new_page()
    await page.goto(url)
    await page.get_by_role("button", name="Log in as ada").click()
    await page.wait_for_function("() => window.aiocancel !== undefined")
    await shoot(page, folder / "account.png")

    await page.get_by_role("button", name="Cancel subscription").click()
    flow = page.frame_locator("iframe.prosperstack-iframe")
    await flow.locator("[data-test=reason-not_using]").click()
    await shoot(page, folder / "flow.png")

    await page.goto(f"{url}/cancel")
    await shoot(page, folder / "plain-page.png")
    await context.close()


async def shoot(page: Page, file: Path) -> None:
    """Write what the window shows, without anything that moves."""
    await page.screenshot(path=file, animations="disabled", caret="hide")


if __name__ == "__main__":
    asyncio.run(main())
