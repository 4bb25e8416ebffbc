"""Take the pictures of the owner's console: ``python -m tests.browser.console_screenshots``."""

from __future__ import annotations

import asyncio
import importlib.util
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal

import asyncpg
from aiohttp import web
from playwright.async_api import Browser, async_playwright

from aiocancel import Theme
from aiocancel.testing.postgres import EmbeddedPostgres
from tests.support.browser import CHROMIUM_ARGS, chromium_path
from tests.support.saas import CREATE_TABLES, make_cancel

ROOT = Path(__file__).parents[2]
PICTURES = ROOT / "docs" / "images"
WIDTHS = {"": 1280, "-390": 390}
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
PAGES = {
    "now": "/",
    "close": "/actions/{action}/close",
    "sessions": "/sessions",
    "story": "/sessions/s{session}",
    "figures": "/figures",
    "flow": "/flow",
    "definitions": "/definitions",
}

# The rest of the longest page.
PICTURED = {**PAGES, "plans": "/figures#money"}


@asynccontextmanager
async def site(dsn: str) -> AsyncIterator[tuple[str, dict[str, int]]]:
    """Serve the console over two hundred past sessions; yields its address and ids that are worth a look."""
    async with asyncpg.create_pool(dsn, min_size=1, max_size=5) as pool:
        await pool.execute(CREATE_TABLES.replace("CREATE TABLE", "CREATE TABLE IF NOT EXISTS"))
        cancel = make_cancel(
            pool, run_worker=False, migrate_on_start=True, theme=Theme(name="Northwind Notes")
        )
        app = web.Application()
        cancel.setup(app)
        app.add_subapp("/owner", cancel.console(operator=lambda _: "j.doe"))
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        try:
            await demo_sessions().add_past_sessions(pool)
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            ids = {
                "action": await pool.fetchval(
                    "SELECT min(id) FROM aiocancel.action WHERE state = 'parked'"
                ),
                "session": await pool.fetchval(
                    "SELECT max(id) FROM aiocancel.flow_session"
                    " WHERE shown <> '[]' AND state = 'canceled' AND answers <> '{}'"
                ),
            }
            yield f"http://127.0.0.1:{runner.addresses[0][1]}/owner", ids
        finally:
            await runner.cleanup()


def demo_sessions() -> Any:
    """Import the demo's generator, which lies in no package."""
    path = ROOT / "examples" / "past_sessions.py"
    spec = importlib.util.spec_from_file_location("demo_past_sessions", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


async def take(browser: Browser, url: str, ids: dict[str, int], folder: Path) -> None:
    """Write a picture of each page at each width in each scheme; dark ones of the first page alone are enough."""
    for width_name, width in WIDTHS.items():
        for scheme in SCHEMES:
            context = await browser.new_context(
                viewport={"width": width, "height": 800}, color_scheme=scheme
            )
            page = await context.new_page()
            for name, path in PICTURED.items():
                await page.goto(url + path.format(**ids))
                file = (
                    folder / f"console-{name}{width_name}{'-dark' if scheme == 'dark' else ''}.png"
                )
                await page.screenshot(
                    path=file,
                    animations="disabled",
                    caret="hide",
                )
            await context.close()


async def main(dsn: str, folder: Path) -> None:
    """Start the site and Chromium, and write the pictures to ``folder``, which exists."""
    path = chromium_path()
    if path is None:
        raise SystemExit("needs Chromium: install the package chromium")
    async with site(dsn) as (url, ids), async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=CHROMIUM_ARGS)
        await take(browser, url, ids, folder)
        await browser.close()


if __name__ == "__main__":
    with EmbeddedPostgres() as server:
        asyncio.run(main(server.dsn, Path(sys.argv[1]) if sys.argv[1:] else PICTURES))
