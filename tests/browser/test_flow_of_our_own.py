"""Our own flow in real browsers: in a dialog over the site's page, as pages, by keyboard, and for axe-core."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp_jinja2
import jinja2
import pytest
from aiohttp import web
from playwright.async_api import Browser, Page, Route, expect

from aiocancel import Theme
from aiocancel.core.flow.conditions import reason
from aiocancel.core.flow.definition import CouponOffer, PauseOffer
from aiocancel.core.flow.steps import FlowStep
from aiocancel.testing.stripe.simulator import StripeSimulator
from aiocancel.vendors.own import OwnFlow
from aiocancel.web.languages import Words
from aiocancel.web.style import style_sheet
from tests.browser.pages import FOCUSED, LISTEN, PAGE, STRICT
from tests.support.axe import findings
from tests.support.browser import Observed
from tests.support.flow_screens import PROBLEMS, SCREENS, drawn
from tests.support.saas import Pool, add_customer, make_cancel
from tests.support.visitor import Visitor

pytestmark = pytest.mark.browser

END = datetime.now(UTC).replace(microsecond=0) + timedelta(days=20)
HALF = CouponOffer("half", percent_off=50, months=3, when=reason("too_expensive"))
BREAK = PauseOffer("break", sentence="Your notes stay readable.", when=reason("unused"))
DIALOG = "dialog.aiocancel-dialog"
OPEN = f"document.querySelector('{DIALOG}[open]')"


RING = "(look => `${look.outlineStyle} ${look.outlineWidth}`)(getComputedStyle(document.activeElement))"


@dataclass
class Site:
    """A site with a flow of its own, and its Stripe."""

    url: str
    stripe: StripeSimulator

    @property
    def account(self) -> str:
        return f"{self.url}/account"

    @property
    def subscription(self) -> dict[str, Any]:
        return self.stripe.subscriptions["sub_ada"]


@asynccontextmanager
async def open_site(
    pool: Pool, stripe_api: tuple[StripeSimulator, str], **settings: Any
) -> AsyncIterator[Site]:
    stripe, url = stripe_api
    stripe.add_subscription("sub_ada", current_period_end=END)
    await add_customer(pool, "ada", "sub_ada")

    async def identify(_: web.Request) -> str:
        return "ada"

    async def account(_: web.Request) -> dict[str, Any]:
        return {}

    cancel = make_cancel(
        pool,
        url,
        vendor=OwnFlow(offers=[HALF, BREAK]),
        identify=identify,
        content_security_policy=STRICT,
        return_to="/account",
        answer_within_s=10.0,
        theme=Theme(name="Northwind Notes", help="/help"),
        **settings,
    )
    app = web.Application()
    aiohttp_jinja2.setup(app, loader=jinja2.DictLoader({"account.html": PAGE}))
    cancel.setup(app)
    app.router.add_get("/account", aiohttp_jinja2.template("account.html")(account))

    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield Site(f"http://127.0.0.1:{runner.addresses[0][1]}", stripe)
    finally:
        await runner.cleanup()


async def choose(visitor: Visitor, key: str) -> None:
    await visitor.click_element(f"document.querySelector('#reason-{key}')")


async def test_a_customer_takes_an_offer_and_leaves_later_in_the_dialog(
    pool: Pool, stripe_api: tuple[StripeSimulator, str], visitor: Visitor
) -> None:
    async with open_site(pool, stripe_api) as site:
        await visitor.goto(site.account)
        await visitor.evaluate(LISTEN)
        await visitor.click("Cancel subscription")
        await visitor.until(OPEN)
        assert await visitor.evaluate(FOCUSED) == "Cancel your Pro subscription"
        assert await visitor.evaluate(RING) == "solid 3px"

        # Closed, nothing is changed, and the focus is back.
        await visitor.press_key("Escape")
        await visitor.sees("Nothing has been changed.")
        assert await visitor.evaluate(FOCUSED) == "Cancel subscription"
        assert await visitor.evaluate("window.told") == [
            ["outcome", "closed"],
            ["closed", "closed"],
        ]

        await visitor.click("Cancel subscription")
        await visitor.until(OPEN)
        await choose(visitor, "too_expensive")
        await visitor.click("Continue")
        await visitor.sees("Or: 50% off your next 3 payments", where=DIALOG)
        assert await visitor.evaluate(FOCUSED) == "Cancel your Pro subscription"
        assert await visitor.evaluate(RING) == "solid 3px"
        await visitor.click("Take 50% off")
        await visitor.sees("You get 50% off your next 3 payments", where=f"{DIALOG} h1")
        assert await visitor.evaluate(RING) == "solid 3px"
        assert await visitor.evaluate("location.pathname") == "/account"
        await visitor.click("Back to your account")
        await visitor.until("window.told.length === 4")
        told = await visitor.evaluate("window.told")
        assert told[2:] == [["outcome", "done"], ["closed", "done"]]
        assert len(site.subscription["discounts"]) == 1

        await visitor.evaluate("document.querySelector('form[data-aiocancel-form] button').click()")
        await visitor.until(OPEN)
        await visitor.click_element(f"document.querySelector('{DIALOG} .aiocancel-exit')")
        await visitor.sees("Your Pro subscription ends on", where=f"{DIALOG} h1")
        await visitor.press_key("Escape")
        await visitor.sees("Your subscription is cancelled.")

    assert site.subscription["cancel_at_period_end"] is True
    assert visitor.observed.csp_violations == []
    assert visitor.observed.errors == []


async def test_the_dialog_and_the_page_are_the_same_and_axe_finds_nothing(
    pool: Pool,
    stripe_api: tuple[StripeSimulator, str],
    page: Page,
    browser: Browser,
    observed: Observed,
) -> None:
    async with open_site(pool, stripe_api, languages=["en", "de"]) as site:
        await page.goto(site.account)
        await page.get_by_role("button", name="Cancel subscription").click()
        dialog = page.locator(DIALOG)
        await expect(dialog).to_be_visible()
        assert await findings(page, DIALOG) == []
        in_dialog = await dialog.locator("form").inner_text()
        await page.goto(f"{site.url}/cancel")
        assert await findings(page) == []
        assert (await page.locator("form").inner_text()).split() == [
            word for word in in_dialog.split() if word != "\u00d7"
        ]

        # At 390 the dialog is a sheet at the bottom, and the exit is in view however far one scrolls.
        await page.set_viewport_size({"width": 390, "height": 844})
        await page.goto(site.account)
        await page.get_by_role("button", name="Cancel subscription").click()
        await dialog.locator("#reason-unused").check()
        leave = dialog.get_by_role("button", name="Cancel subscription")
        for _ in range(14):
            await page.keyboard.press("Tab")
            assert not await page.evaluate(HIDDEN)
        await dialog.get_by_role("button", name="Continue").scroll_into_view_if_needed()
        await expect(leave).to_be_in_viewport(ratio=1)
        await dialog.get_by_role("button", name="Continue").click()
        await expect(dialog.locator("h2")).to_have_text("Or: pause for a while")
        assert await findings(page, DIALOG) == []

        # A mistake has the focus, and leads to its field.
        await dialog.get_by_role("button", name="Pause payments").click()
        problem = dialog.locator(".aiocancel-problem")
        await expect(problem).to_be_focused()
        assert await findings(page, DIALOG) == []
        await problem.get_by_role("link").click()
        await expect(dialog.locator("#months")).to_be_focused()
        await dialog.get_by_label("2 months").check()
        await dialog.get_by_role("button", name="Pause payments").click()
        await expect(dialog.locator("h1")).to_contain_text("Your pause begins on")
        assert await findings(page, DIALOG) == []
        assert await page.locator("[style]").count() == 0

        # Without a script the same pages do it.
        context = await browser.new_context(java_script_enabled=False, locale="de-DE")
        plain = await context.new_page()
        await plain.goto(site.account)
        await plain.get_by_role("button", name="Cancel subscription").click()
        await expect(plain.locator("h1")).to_have_text("Ihr Abonnement Pro kündigen")
        await plain.get_by_role("button", name="Abonnement kündigen").click()
        await expect(plain.locator("h1")).to_contain_text("Ihr Abonnement Pro endet am")
        await context.close()

    assert observed.csp_violations == []
    assert observed.errors == []


# What lies behind the words in each frame that the browser draws, from the first on.
FRAMES = """(() => {
  window.frames_seen = [];
  const look = () => {
    const on = document.querySelector("dialog[open]") || document.body;
    if (on) window.frames_seen.push(getComputedStyle(on).backgroundColor);
    requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
})()"""


async def test_no_frame_of_the_flow_is_light_where_the_system_is_dark(
    pool: Pool, stripe_api: tuple[StripeSimulator, str], page: Page
) -> None:
    async def frames() -> set[str]:
        # The frame in which it settles is one of them.
        await page.evaluate("new Promise(done => requestAnimationFrame(() => setTimeout(done)))")
        seen = set(await page.evaluate("window.frames_seen"))
        assert seen
        return seen

    await page.emulate_media(color_scheme="dark")
    await page.add_init_script(FRAMES)
    async with open_site(pool, stripe_api) as site:
        await page.goto(f"{site.url}/cancel")
        await expect(page.locator(".aiocancel-exit")).to_be_visible()
        (ground,) = await frames()
        assert max(map(int, re.findall(r"\d+", ground)[:3])) < 64
        assert await page.evaluate("getComputedStyle(document.documentElement).colorScheme") == (
            "light dark"
        )

        await page.goto(site.account)
        await page.evaluate("window.frames_seen.length = 0")
        await page.get_by_role("button", name="Cancel subscription").click()
        await expect(page.locator(DIALOG)).to_be_visible()
        opened = await frames()

    # The account page is the site's own, and says nothing of a ground.
    (in_dialog,) = opened - {"rgba(0, 0, 0, 0)"}
    assert max(map(int, re.findall(r"\d+", in_dialog)[:3])) < 64


async def test_where_the_dialog_cannot_be_shown_the_page_opens(
    pool: Pool, stripe_api: tuple[StripeSimulator, str], page: Page
) -> None:
    async with open_site(pool, stripe_api) as site:

        async def keep_from_the_script(route: Route) -> None:
            if route.request.is_navigation_request():
                await route.continue_()
            else:
                await route.abort()

        await page.route("**/cancel", keep_from_the_script)
        await page.goto(site.account)
        await page.get_by_role("button", name="Cancel subscription").click()

        await page.wait_for_url("**/cancel/flow/**")
        await expect(page.locator("h1")).to_have_text("Cancel your Pro subscription")


# --- the screens alone, which need no server ---------------------------------------------------------------

SIZES = [(1280, 800), (390, 844)]
CSS = style_sheet(Theme().css, with_flow=True)


STATES = [
    ("why, answered", ""),
    ("why", "too long"),
    ("permission", ""),
    ("coupon", ""),
    ("plan now", "was open"),
    ("pause", "no choice"),
    ("exit, answered", ""),
    ("owing", ""),
]


def page_of(name: str, language: str = "en", besides: str = "") -> str:
    html = drawn(SCREENS[name], Words(language, {}), PROBLEMS[besides])
    return html.replace("</style>", f"{CSS}</style>", 1)


async def test_U1_exit_is_first_in_view_and_no_smaller_than_any_other_button(
    browser: Browser,
) -> None:
    for width, height in SIZES:
        context = await browser.new_context(viewport={"width": width, "height": height})
        page = await context.new_page()
        for name, screen in SCREENS.items():
            await page.set_content(page_of(name))
            leave = page.locator(".aiocancel-exit")
            await expect(leave).to_be_in_viewport(ratio=1)
            await page.keyboard.press("Tab")
            await expect(leave).to_be_focused()

            box = await leave.bounding_box()
            assert box is not None
            assert box["height"] >= 48
            if screen.step is FlowStep.OFFER:
                accept = await page.locator(".aiocancel-action").bounding_box()
                assert accept is not None
                assert box["width"] >= accept["width"], name
                assert box["height"] >= accept["height"], name

            # The ring of whatever has the focus is never under the head that stays in view.
            for _ in range(40 if name in ("why, answered", "plan now", "pause") else 0):
                await page.keyboard.press("Tab")
                hidden = await page.evaluate(HIDDEN)
                assert not hidden, (name, width, hidden)
                await expect(leave).to_be_in_viewport(ratio=1)
                if await page.evaluate("() => document.activeElement === document.body"):
                    break
        await context.close()


PRESSED = """() => {
  window.pressed = [];
  document.addEventListener("submit", event => {
    event.preventDefault();
    window.pressed.push(event.submitter.value);
  });
}"""


async def test_enter_in_every_field_neither_cancels_nor_accepts(page: Page) -> None:
    pressed: dict[str, set[str]] = {}
    for name, besides in STATES:
        await page.set_content(page_of(name, besides=besides))
        await page.evaluate(PRESSED)
        for field in await page.locator("input:not([type=hidden])").all():
            if await field.is_visible():
                await field.press("Enter")
        pressed[name] = set(await page.evaluate("() => window.pressed"))

    assert pressed["why, answered"] == {"continue"}
    assert pressed["pause"] == {"look"}
    assert set().union(*pressed.values()) == {"continue", "look"}


HIDDEN = """() => {
  const box = (document.activeElement.closest(".aiocancel-row") || document.activeElement).getBoundingClientRect();
  const on = document.elementFromPoint(box.x + box.width / 2, box.y + Math.min(box.height / 2, 8));
  const stuck = on && on.closest(".aiocancel-head, .aiocancel-exit-row");
  const holds = (one, other) => one.contains(other) || other.contains(one);
  return stuck && !holds(stuck, document.activeElement) ? document.activeElement.outerHTML : "";
}"""


async def test_nothing_is_cut_when_narrow_enlarged_or_read_from_the_right(browser: Browser) -> None:
    context = await browser.new_context(viewport={"width": 320, "height": 640})
    page = await context.new_page()
    for name in SCREENS:
        for language in ("de", "fr"):
            await page.set_content(page_of(name, language))
            assert await page.evaluate("() => document.documentElement.scrollWidth") <= 320, name

    # 200 % of a window of 1280.
    await page.set_viewport_size({"width": 640, "height": 400})
    await page.set_content(page_of("plan now", "de"))
    assert await page.evaluate("() => document.documentElement.scrollWidth") <= 640
    await expect(page.locator(".aiocancel-exit")).to_be_in_viewport(ratio=1)

    # From the right the exit stands on the left.
    await page.set_viewport_size({"width": 1280, "height": 800})
    await page.set_content(page_of("coupon").replace('dir="ltr"', 'dir="rtl"'))
    box, heading = [
        await page.locator(each).bounding_box() for each in (".aiocancel-exit", ".aiocancel-facts")
    ]
    assert box is not None
    assert heading is not None
    assert box["x"] < heading["x"]
    await context.close()


HOSTILE = """
* { letter-spacing: 9px; text-transform: uppercase; }
dl { display: grid; grid-template-columns: repeat(4, 1fr); } dd { margin: 300px; }
p { margin: 300px; } button { display: none; } h1 { font-size: 90px; } label { float: right; }
dialog { display: none; position: static; } input, textarea { width: 2000px; } form { display: flex; }
"""


async def test_what_a_site_says_of_its_own_elements_does_not_reach_the_dialog(
    browser: Browser,
) -> None:
    context = await browser.new_context(viewport={"width": 390, "height": 844})
    page = await context.new_page()
    css = CSS.replace(":root", ".aiocancel-dialog")
    heights = []
    for hostile in ("", HOSTILE):
        for name in ("coupon", "why, answered"):
            inside = page_of(name).partition("<main")[2].partition(">")[2].partition("</main>")[0]
            await page.set_content(
                f"<style>{hostile}</style><style>{css}</style>"
                f'<dialog class="aiocancel-dialog"><div class="aiocancel-panel">{inside}</div></dialog>'
            )
            await page.evaluate("() => document.querySelector('dialog').showModal()")
            dialog = page.locator("dialog")
            await expect(dialog.locator(".aiocancel-exit")).to_be_in_viewport(ratio=1)
            assert await dialog.evaluate("(each) => each.scrollWidth <= each.clientWidth")
            heights.append(await dialog.evaluate("(each) => each.scrollHeight"))

    # The same, pixel by pixel, whatever the site says.
    assert heights[:2] == heights[2:]
    await context.close()
