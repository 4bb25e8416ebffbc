"""A site that was written without a Content-Security-Policy goes on as before once aiocancel has joined it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp_jinja2
import jinja2
import pytest
from aiohttp import web
from playwright.async_api import Page, expect

import aiocancel
from aiocancel.config import DEFAULTS
from tests.support.browser import Observed
from tests.support.saas import Pool, make_cancel

pytestmark = pytest.mark.browser

PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Account</title>
<style>h1 { color: rgb(0, 128, 0) }</style>
<script src="{{ other }}/analytics.js"></script>
<script>window.settings = {plan: "pro"}; fetch("{{ other }}/hit").then(() => { window.counted = true });</script>
{{ cancel_flow.script() }}</head>
<body><h1 style="letter-spacing: 3px">Account</h1>
<img id="logo" alt="" src="{{ other }}/logo.svg"><iframe id="chat" src="{{ other }}/chat"></iframe>
<button id="menu" onclick="this.textContent = 'open'">closed</button>
<form action="/checkout" method="post"><button id="pay">Pay</button></form>
{{ cancel_flow.button("Cancel subscription") }}</body></html>"""

LOGO = '<svg xmlns="http://www.w3.org/2000/svg" width="40" height="10"></svg>'


@asynccontextmanager
async def serving(app: web.Application) -> AsyncIterator[str]:
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def other_company() -> web.Application:
    """Analytics, a picture, a chat window and a payment page, on another origin."""
    app = web.Application()

    def answer(path: str, text: str, content_type: str) -> None:
        async def handler(_: web.Request) -> web.Response:
            allowed = {"Access-Control-Allow-Origin": "*"}
            return web.Response(text=text, content_type=content_type, headers=allowed)

        app.router.add_get(path, handler)

    answer("/analytics.js", "window.analytics = 'runs'", "text/javascript")
    answer("/hit", "", "text/plain")
    answer("/logo.svg", LOGO, "image/svg+xml")
    answer("/chat", "<!doctype html><p>How can we help?</p>", "text/html")
    answer("/pay", "<!doctype html><title>Payment page</title>", "text/html")
    return app


def saas(pool: Pool, other: str, policy: str | None) -> web.Application:
    cancel = make_cancel(pool, run_worker=False, content_security_policy=policy)
    app = web.Application()
    aiohttp_jinja2.setup(app, loader=jinja2.DictLoader({"account.html": PAGE}))
    cancel.setup(app)

    @aiohttp_jinja2.template("account.html")
    async def account(_: web.Request) -> dict[str, str]:
        return {"other": other}

    async def checkout(_: web.Request) -> web.Response:
        raise web.HTTPSeeOther(f"{other}/pay")

    app.router.add_get("/account", account)
    app.router.add_post("/checkout", checkout)
    return app


async def what_works(page: Page) -> dict[str, Any]:
    """Use the page as a customer does, and say what came of each part."""
    await page.click("#menu")
    found: dict[str, Any] = await page.evaluate(
        """async () => {
            for (let left = 50; left && !window.counted; left--) await new Promise((go) => setTimeout(go, 20));
            const heading = getComputedStyle(document.querySelector("h1"));
            return {
                "inline script": window.settings?.plan,
                "foreign script": window.analytics,
                "request": window.counted,
                "style element": heading.color,
                "style attribute": heading.letterSpacing,
                "foreign image": document.querySelector("#logo").naturalWidth,
                "onclick": document.querySelector("#menu").textContent,
            };
        }"""
    )

    return found


async def test_an_ordinary_page_keeps_its_inline_code_and_everything_foreign(
    page: Page, observed: Observed, pool: Pool
) -> None:
    policy = DEFAULTS.content_security_policy
    async with serving(other_company()) as other, serving(saas(pool, other, policy)) as site:
        await page.goto(f"{site}/account")

        works = await what_works(page)
        await expect(page.frame_locator("#chat").locator("p")).to_have_text("How can we help?")
        await page.click("#pay")
        await expect(page).to_have_title("Payment page")

    assert works == {
        "inline script": "pro",
        "foreign script": "runs",
        "request": True,
        "style element": "rgb(0, 128, 0)",
        "style attribute": "3px",
        "foreign image": 40,
        "onclick": "open",
    }
    assert observed.csp_violations == []


async def test_the_strict_policy_blocks_what_such_a_page_brings(
    page: Page, observed: Observed, pool: Pool
) -> None:
    policy = aiocancel.STRICT_POLICY
    async with serving(other_company()) as other, serving(saas(pool, other, policy)) as site:
        await page.goto(f"{site}/account")

        works = await what_works(page)

    assert (works["inline script"], works["foreign script"]) == (None, None)
    assert works["onclick"] == "closed"
    assert observed.csp_violations != []
