"""The page to keep and the public exit in a real browser: for axe-core, on narrow screens, and on paper."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any, Literal

import pytest
from playwright.async_api import Browser

from aiocancel.core.acknowledgement import letter
from aiocancel.core.public_exit import PublicDeclaration, Termination
from aiocancel.core.theme import Theme
from aiocancel.mail.letter import LetterLinks, LetterTemplates, WrittenLetter, public_letter, write
from aiocancel.texts import CATALOGUES, statutory
from aiocancel.web import pages
from aiocancel.web.languages import Words
from aiocancel.web.style import style_sheet
from tests.support.axe import findings
from tests.support.every_letter import BLOCK, FACTS, KINDS, NOW
from tests.support.saas import Events

pytestmark = pytest.mark.browser

LOOKS: tuple[tuple[int, Literal["light", "dark"]], ...] = (
    (1280, "light"),
    (390, "light"),
    (390, "dark"),
    (1280, "dark"),
)
THEME = Theme(name="Northwind Notes", help="/help")
CSS = style_sheet(THEME.css, with_flow=True)
GERMAN = Words("de", {}, "Europe/Berlin")
DECLARED = PublicDeclaration(
    Termination.EXTRAORDINARY, "Ada Lovelace", "Kundennummer 42", "a@example.org", reason="Umzug"
)
KEPT = {"kind": "ordinary", "end": "soonest", "name": "Ada", "contract": "", "email": "nobody"}


def drawn(template: str, words: Words, **values: Any) -> str:
    html = pages.our_template(template).render(
        {
            "lang": words.language,
            "dir": words.direction,
            "theme": THEME,
            "help_link": words.text("help_link"),
            "refresh_s": None,
            "badge": None,
            "head_title": None,
            "about": (),
            "return_to": "/account",
            "nonce": "n",
            "css": "",
            **values,
        }
    )

    return html.replace("</style>", f"{CSS}</style>", 1)


def kept(name: str, language: str) -> WrittenLetter:
    """A letter as its customer keeps it, with everything that was shown."""
    words = Words(language, {}, "Europe/Berlin")
    one = write(letter(KINDS[name], FACTS[name]), words, LetterLinks(), brand="Northwind Notes")
    return replace(one, shown=(BLOCK,), shown_heading=words.text("letter_shown"))


def page_of(one: WrittenLetter, words: Words) -> str:
    return drawn(
        "acknowledgement.html",
        words,
        title=one.subject,
        letter=one,
        print_hint=words.text("letter_print"),
        links=[
            {"url": "?save=1", "text": words.text("letter_save")},
            {"url": "/account", "text": words.text("back_link")},
        ],
    )


def public_exit(problems: list[tuple[str, str]], notice: str | None = None) -> str:
    texts = statutory.EXIT
    kept = {**dict.fromkeys(("reason", "on_date"), ""), **KEPT}
    return drawn(
        "public_exit.html", GERMAN, title=texts["title"], texts=texts, action="/cancel/public",
        kept=kept, problems=problems, notice=notice, page="x1.page", trap="aiocancel_empty",
    )  # fmt: skip


def states() -> dict[str, str]:
    """Every page, by name."""
    received = public_letter(DECLARED, NOW, "1f3a99b2-0000", GERMAN, brand="Northwind Notes")
    wrong = [(name, statutory.EXIT[f"{name}_missing"]) for name in ("contract", "reason")]

    return {
        **{
            f"{name} {language}": page_of(kept(name, language), Words(language, {}))
            for language in CATALOGUES
            for name in ("last_payment_is_made",)
        },
        "offer de": page_of(kept("coupon_as_shown", "de"), GERMAN),
        "public exit": public_exit([]),
        "public exit, wrong": public_exit(wrong, statutory.EXIT["old_page"]),
        "public exit, received": page_of(received, GERMAN),
    }


async def test_axe_finds_nothing_nothing_is_cut_and_it_prints_on_one_page_of_A4(
    browser: Browser,
) -> None:
    found: dict[str, Any] = {}
    # A colour that is still on its way to that of the other scheme is no finding.
    context = await browser.new_context(
        viewport={"width": 1280, "height": 800}, reduced_motion="reduce"
    )
    page = await context.new_page()
    for name, html in states().items():
        await page.set_viewport_size({"width": 1280, "height": 800})
        await page.set_content(html)
        for width, scheme in LOOKS:
            await page.set_viewport_size({"width": width, "height": 844})
            await page.emulate_media(color_scheme=scheme)
            found[f"{name} {width} {scheme}"] = await findings(page)
        await page.set_viewport_size({"width": 320, "height": 640})
        cut = await page.evaluate("() => document.documentElement.scrollWidth > 320")
        found[f"{name} 320"] = ["is wider than the screen"] if cut else []

        if '<article class="aiocancel-letter"' not in html:
            continue
        # On paper: one page, no button, no brand bar, the reference and the declaration.
        await page.emulate_media(media="print", color_scheme="light")
        paper = await page.locator("body").inner_text()
        sheets = re.findall(rb"/Type\s*/Page\b(?!s)", await page.pdf(prefer_css_page_size=True))
        await page.emulate_media(media="screen")
        found[f"{name} on paper"] = [f"{len(sheets)} pages"] if len(sheets) != 1 else []
        assert paper.splitlines()[0] == "Northwind Notes · C-1F3A-99B2"
        assert paper.count("Northwind Notes") == 1
        for control in await page.locator(".aiocancel-choices a, .aiocancel-help a").all():
            assert await control.inner_text() not in paper
    await context.close()

    assert {name: each for name, each in found.items() if each} == {}


async def test_saved_file_prints_on_one_page_of_A4_too(browser: Browser) -> None:
    templates = LetterTemplates(None, on_event=Events())
    context = await browser.new_context()
    page = await context.new_page()

    await page.set_content(templates.html(kept("coupon_as_shown", "de")))
    sheets = re.findall(rb"/Type\s*/Page\b(?!s)", await page.pdf(format="A4"))
    await context.close()

    assert len(sheets) == 1
