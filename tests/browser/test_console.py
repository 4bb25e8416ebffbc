"""The owner's console in a browser: readable by everybody, at every width, without a script, and nothing is refused."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Literal

import pytest_asyncio
from playwright.async_api import Browser, Page

from aiocancel.testing.databases import Databases
from tests.browser.console_screenshots import PAGES, PICTURED, site
from tests.support.axe import findings
from tests.support.browser import Observed

Site = tuple[str, dict[str, int]]


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def console(aiocancel_databases: Databases) -> AsyncIterator[Site]:
    """One for all tests: only the last one decides anything."""
    async with site(aiocancel_databases.create()) as opened:
        yield opened


async def is_wider_than_its_window(page: Page) -> bool:
    return bool(
        await page.evaluate(
            "document.documentElement.scrollWidth > document.documentElement.clientWidth"
        )
    )


async def test_every_page_is_accessible_at_both_widths_in_both_schemes_and_fits_in_german_too(
    browser: Browser, console: Site, observed: Observed
) -> None:
    url, ids = console
    found: dict[str, object] = {}

    # German words are the longest; what fits in it and in English fits in the others.
    schemes: tuple[tuple[int, Literal["light", "dark"], str], ...] = (
        (1280, "light", "en"),
        (390, "dark", "de"),
    )
    for width, scheme, language in schemes:
        context = await browser.new_context(
            viewport={"width": width, "height": 800},
            color_scheme=scheme,
            reduced_motion="reduce",
            locale=language,
        )
        page = await context.new_page()
        await observed.attach(page)
        for name, path in {**PAGES, "print": "/?view=print", "wrong": "/sessions?from=x"}.items():
            await page.goto(url + path.format(**ids))
            assert await page.locator("html").get_attribute("lang") == language
            if broken := await findings(page):
                found[f"{name} {width} {scheme}"] = broken
            if await is_wider_than_its_window(page):
                found[f"{name} {width} {language}"] = "is wider than its window"
            # Bars that are compared are as long as each other where they are full.
            wide = await page.locator("svg.amount").evaluate_all(
                "all => [...new Set(all.map(each => each.getBoundingClientRect().width))]"
            )
            if len(wide) != (name == "figures"):
                found[f"{name} {width} amounts"] = wide
            # The same page in the other scheme: only its colours are others.
            await page.emulate_media(color_scheme="light" if scheme == "dark" else "dark")
            if broken := await findings(page, rules=["color-contrast"]):
                found[f"{name} {width}, not {scheme}"] = broken
            await page.emulate_media(color_scheme=scheme)
            await page.set_viewport_size({"width": 320, "height": 800})
            if await is_wider_than_its_window(page):
                found[f"{name} 320 {language}"] = "is wider than its window"
            if language != "en":
                await page.set_extra_http_headers({"Accept-Language": "en"})
                await page.reload()
                if await is_wider_than_its_window(page):
                    found[f"{name} 320 en"] = "is wider than its window"
                await page.set_extra_http_headers({})
            await page.set_viewport_size({"width": width, "height": 800})
        await context.close()

    assert found == {}
    assert observed.csp_violations == observed.errors == []


# The colour of each mark of a chart and of each text, as greys are: the share of light that comes back from it.
GREYS = """
() => [...document.querySelectorAll(
        'main svg :is(.bar, .dot, .range, .hollow, .paused, .zero, .axis), main :is(td, th, p, h1, h2)')]
    .map(each => {
        const style = getComputedStyle(each);
        const drawn = each.closest('svg') === null ? style.color
            : style.stroke !== 'none' ? style.stroke : style.fill;
        const [red, green, blue] = drawn.match(/[0-9.]+/g).map(part => part / 255)
            .map(part => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
        return [each.getAttribute('class') || each.tagName, 0.2126 * red + 0.7152 * green + 0.0722 * blue];
    })
"""


async def test_a_print_in_grey_has_marks_and_words_that_stand_out_from_paper(
    browser: Browser, console: Site
) -> None:
    url, _ = console
    context = await browser.new_context(
        viewport={"width": 1280, "height": 800}, color_scheme="dark"
    )
    page = await context.new_page()
    await page.emulate_media(media="print")
    await page.goto(f"{url}/figures?view=print")

    greys = await page.evaluate(GREYS)
    drawn = page.locator(
        "main :is(svg.w720, svg.cell, svg.small) :is(.bar, .dot, .range, .hollow, .paused)"
    )

    # All of them are on the paper.
    assert await drawn.evaluate_all("all => all.every(each => each.getClientRects().length > 0)")
    assert await drawn.count() > 20
    kinds = {kind for kind, _ in greys}
    assert {"bar", "dot", "paused", "range", "axis", "TD"} <= kinds
    # Three to one for marks and 4.5 to one for words, on white; all marks are held to the words' measure.
    assert [each for each in greys if 1.05 / (each[1] + 0.05) < 4.5] == []
    # And a mark that means another thing differs by its form: hollow, or dashed.
    assert await page.locator("main svg .so-far").first.evaluate(
        "each => [getComputedStyle(each).fill, getComputedStyle(each).strokeDasharray]"
    ) == ["none", "3px, 2px"]
    await context.close()


async def test_an_operator_without_script_decides_with_the_keyboard_alone(
    browser: Browser, console: Site
) -> None:
    url, _ = console
    context = await browser.new_context(java_script_enabled=False)
    page = await context.new_page()
    await page.goto(f"{url}/")

    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/?said=*")

    said = page.get_by_role("status")
    assert await said.inner_text() == "Tried again. It is being carried out."
    await page.get_by_role("link", name="Close with a reason").first.click()
    await page.get_by_label("Refunded").check()
    await page.get_by_role("button", name="Close this one").press("Enter")
    assert await said.inner_text() == "Closed. No worker touches it again."
    assert (await page.locator("h1").inner_text()).startswith("4 wait for a person.")
    await context.close()


def test_the_pictures_of_the_documentation_are_there_at_both_widths() -> None:
    folder = Path(__file__).parents[2] / "docs" / "images"
    names = [
        f"console-{name}{width}{dark}.png"
        for name in PICTURED
        for width in ("", "-390")
        for dark in ("", "-dark")
    ]

    assert [name for name in names if not (folder / name).exists()] == []
