"""axe-core finds nothing: on every state of every screen, page and dialog, both schemes, both widths, six languages.

All of it is two thousand looks: ``AIOCANCEL_AXE=all pytest tests/browser/test_accessibility.py``. Without that each
screen is looked at in every language, and so that any two of page or dialog, width and scheme meet; a state that
differs from another one in words alone is looked at once or twice.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple, TypeAlias

import pytest
import pytest_asyncio
from playwright.async_api import Page, ViewportSize
from pytest_aiohttp import AiohttpClient

from aiocancel.core.claim import Topic
from aiocancel.core.decision import Answer, AnswerKind
from aiocancel.core.theme import Theme
from aiocancel.testing.stripe.simulator import StripeSimulator
from aiocancel.texts import CATALOGUES
from aiocancel.web import pages
from aiocancel.web.languages import Words
from aiocancel.web.outcome_page import outcome_page
from aiocancel.web.style import style_sheet
from tests.support.axe import engine, findings
from tests.support.flow_screens import AFTER, PROBLEMS, SCREENS, drawn, drawn_after
from tests.support.outcome_pages import PAGES
from tests.support.saas import Pool, add_customer, as_customer, make_app, make_cancel

pytestmark = pytest.mark.browser

EVERYTHING = os.environ.get("AIOCANCEL_AXE") == "all"
THEME = Theme(name="Northwind Notes", help="/help")
LANGUAGES = tuple(CATALOGUES)
END = datetime(2031, 5, 9, 12, tzinfo=UTC)
SIZES = {1280: ViewportSize(width=1280, height=800), 390: ViewportSize(width=390, height=844)}

PAUSED = {"behavior": "void", "resumes_at": int(END.timestamp())}

Draw: TypeAlias = Callable[[str], str | Awaitable[str]]


class Look(NamedTuple):
    """A way to show a state."""

    width: int
    scheme: Any
    in_dialog: bool


class Show(NamedTuple):
    """A state in a language and a way."""

    look: Look
    language: str
    name: str


LOOKS = [
    Look(width, scheme, in_dialog)
    for in_dialog, width, scheme in itertools.product((False, True), SIZES, ("light", "dark"))
]
ON_A_PAGE = [look for look in LOOKS if not look.in_dialog]
# Four in which any two of page or dialog, width and scheme meet, and two pages of the other four.
IN_PAIRS = [[LOOKS[n] for n in (0, 3, 5, 6, 1, 2)], [LOOKS[n] for n in (1, 2, 4, 7, 0, 3)]]
WIDE_LIGHT_NARROW_DARK = [ON_A_PAGE[0], ON_A_PAGE[3]]


def shows(states: Mapping[str, Draw], looks: Sequence[Look], times: int) -> list[Show]:
    """Return what is looked at: everything, or each state ``times``, in one way and language after another."""
    if EVERYTHING:
        every = itertools.product(looks, LANGUAGES, states)
        return [Show(look, language, name) for look, language, name in every]
    return [
        Show(looks[(number + at) % len(looks)], LANGUAGES[(number * times + at) % 6], name)
        for number, name in enumerate(states)
        for at in range(times)
    ]


# One document for all of them, so that axe-core is read once: what differs is put into it.
PUT = """([html, inDialog]) => {
  const made = new DOMParser().parseFromString(html, "text/html");
  const root = document.documentElement;
  for (const name of ["lang", "dir"]) root.setAttribute(name, made.documentElement.getAttribute(name));
  document.title = made.title;
  document.body.className = inDialog ? "" : made.body.className;
  if (!inDialog) { document.body.replaceChildren(...made.body.childNodes); return; }

  const dialog = document.createElement("dialog");
  const panel = document.createElement("div");
  const close = document.createElement("button");
  dialog.className = "aiocancel-dialog";
  panel.className = "aiocancel-panel";
  panel.append(...made.querySelector("main").childNodes, made.querySelector(".aiocancel-help"));
  dialog.append(panel);
  dialog.setAttribute("aria-labelledby", "aiocancel-title");
  panel.querySelector("h1").id = "aiocancel-title";
  close.className = "aiocancel-close";
  close.type = "button";
  close.textContent = "\\u00d7";
  close.setAttribute("aria-label", "Close. Nothing is changed.");
  (panel.querySelector(".aiocancel-head") || panel).append(close);
  const page = document.createElement("main");
  page.innerHTML = "<h1>Account</h1><button>Leave</button>";
  document.body.replaceChildren(page, dialog);
  dialog.showModal();
}"""
# How much each of two buttons stands out from the paper, and its words from it.
STANDS_OUT = """() => {
  const channels = (color) => color.match(/[\\d.]+/g).slice(0, 3).map((each) => {
    const share = each / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  const light = (color) => channels(color).reduce((sum, each, n) => sum + each * [0.2126, 0.7152, 0.0722][n], 0);
  const ratio = (one, other) => {
    const [low, high] = [light(one), light(other)].sort((a, b) => a - b);
    return (high + 0.05) / (low + 0.05);
  };
  const of = (selector) => getComputedStyle(document.querySelector(selector));
  const paper = of(".aiocancel-head").backgroundColor;
  return [".aiocancel-exit", ".aiocancel-action"].map((name) => {
    const { backgroundColor, color, fontWeight, fontSize } = of(name);
    return [ratio(backgroundColor, paper), ratio(color, backgroundColor), +fontWeight, parseFloat(fontSize)];
  });
}"""


class Watcher:
    """One tab that shows one state after another."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._look: Look | None = None

    async def show(self, look: Look, html: str) -> None:
        if look != self._look:
            self._look = look
            css = style_sheet(THEME.css, with_flow=True)
            # What a site's page gets for the dialog has no rule for the page itself.
            css = css.replace(":root", ".aiocancel-dialog") if look.in_dialog else css
            await self._page.set_viewport_size(SIZES[look.width])
            await self._page.emulate_media(color_scheme=look.scheme, reduced_motion="reduce")
            await self._page.set_content(
                '<!doctype html><html><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
                f"<title>Account</title><style>{css}</style></head><body></body></html>"
            )
            await self._page.evaluate(engine())

        await self._page.evaluate(PUT, [html, look.in_dialog])

    async def look_at(self, states: Mapping[str, Draw], shown: Sequence[Show]) -> dict[str, Any]:
        """Return what axe-core finds, by state; nothing at all is an empty dict."""
        found = {}
        # What follows in the same way needs no other style sheet.
        for look, language, name in sorted(shown, key=lambda each: LOOKS.index(each.look)):
            drawn = states[name](language)
            await self.show(look, drawn if isinstance(drawn, str) else await drawn)
            if broken := await findings(self._page, "dialog" if look.in_dialog else None):
                found[f"{name}, {language}, {look}"] = broken
        return found

    async def stands_out(self) -> list[list[float]]:
        measured: list[list[float]] = await self._page.evaluate(STANDS_OUT)
        return measured


@pytest_asyncio.fixture(loop_scope="session")
async def watcher(page: Page) -> Watcher:
    return Watcher(page)


# --- our own flow -----------------------------------------------------------------------------------------


def screen_of(name: str, besides: str = "") -> Draw:
    return lambda language: drawn(SCREENS[name], Words(language, {}), PROBLEMS[besides])


FLOW_STATES: Mapping[str, Draw] = {
    **{name: screen_of(name) for name in SCREENS},
    "why, too long": screen_of("why, answered", "too long"),
    "pause, no choice": screen_of("pause", "no choice"),
    "plan now, was open": screen_of("plan now", "was open"),
}
# Each of these has elements that no other has.
BUILT_ALIKE = frozenset(FLOW_STATES) - {
    "why, answered",
    "why, too long",
    "permission",
    "exit, answered",
    "coupon",
    "amount",
    "pause, no choice",
    "pause of one length",
    "plan now, was open",
    "custom",
    "owing",
}


async def test_axe_finds_nothing_on_any_screen_of_our_own_flow(watcher: Watcher) -> None:
    apart = {name: draw for name, draw in FLOW_STATES.items() if name not in BUILT_ALIKE}
    alike = {name: draw for name, draw in FLOW_STATES.items() if name in BUILT_ALIKE}
    shown = shows(alike, LOOKS if EVERYTHING else ON_A_PAGE, 1)
    for number, name in enumerate(apart):
        in_pairs = IN_PAIRS[number % 2]
        shown += shows({name: apart[name]}, LOOKS if EVERYTHING else in_pairs, len(in_pairs))
    spoken = {(each.language, each.name) for each in shown}
    assert spoken >= set(itertools.product(LANGUAGES, apart))
    assert {each.look for each in shown} == set(LOOKS)

    assert await watcher.look_at(FLOW_STATES, shown) == {}


@pytest.mark.parametrize("in_dialog", [False, True], ids=["page", "dialog"])
async def test_cancel_stands_out_at_least_as_much_as_accept(
    watcher: Watcher, in_dialog: bool
) -> None:
    for scheme, name in itertools.product(("light", "dark"), ("coupon", "plan now")):
        await watcher.show(Look(1280, scheme, in_dialog), drawn(SCREENS[name]))

        leave, accept = await watcher.stands_out()

        assert all(one >= other for one, other in zip(leave, accept, strict=True)), (scheme, name)


# --- the plain way ----------------------------------------------------------------------------------------

ADDRESSES = {
    "ada": ("/cancel", "/cancel?change=resume", "/cancel?change=foo"),
    # Owes, pauses, and has a discount.
    "pat": ("/cancel", "/cancel?change=unpause", "/cancel?change=remove_discount"),
    "sue": ("/cancel", "/cancel?change=resume"),
    "two": ("/cancel", "/cancel?change=resume"),
    "gone": ("/cancel",),
    "nobody": ("/cancel",),
}


@pytest_asyncio.fixture(loop_scope="session")
async def plain_states(
    aiohttp_client: AiohttpClient, pool: Pool, stripe_api: tuple[StripeSimulator, str]
) -> Mapping[str, Draw]:
    """The pages that ask, choose, or say why there is nothing to ask, as they are served."""
    stripe, url = stripe_api
    stripe.add_coupon("LOYAL", percent_off=10, duration="forever")
    stripe.add_subscription("sub_ada", current_period_end=END)
    stripe.add_subscription(
        "sub_pat", status="past_due", discounts=["LOYAL"], pause_collection=PAUSED
    )
    stripe.add_subscription("sub_sue", cancel_at_period_end=True)
    stripe.add_subscription("sub_two_a", price="price_basic", unit_amount=900)
    stripe.add_subscription("sub_two_b", cancel_at_period_end=True)
    stripe.add_subscription("sub_gone", status="canceled")
    for name in ("ada", "pat", "sue", "two_a", "two_b", "gone"):
        await add_customer(pool, name.removesuffix("_a").removesuffix("_b"), f"sub_{name}")

    cancel = make_cancel(
        pool, url, theme=THEME, languages=LANGUAGES, return_to="/account", run_worker=False
    )
    client = await aiohttp_client(make_app(cancel))

    def served(customer: str, address: str) -> Draw:
        async def fetch(language: str) -> str:
            headers = {"Accept": "text/html", "Accept-Language": language, **as_customer(customer)}
            return await (await client.get(address, headers=headers)).text()

        return fetch

    return {
        f"{customer} {address}": served(customer, address)
        for customer, addresses in ADDRESSES.items()
        for address in addresses
    }


def outcome_of(answer: Answer) -> Callable[[str], str]:
    def draw(language: str) -> str:
        words = Words(language, {})
        page = outcome_page(answer, words, None, "Pro")
        badge = page.badge and {"text": words.text(page.badge.key), "look": page.badge.look}

        return pages.our_template("message.html").render(
            title=page.title,
            text=page.text,
            outcome=answer.kind.value,
            badge=badge,
            about=[(words.text("about_plan"), "Pro"), (words.text("about_account"), "a@b.example")],
            links=[
                {"url": "/cancel/acknowledgement/1", "text": "Print"},
                {"url": "/account", "text": words.text("back_link")},
            ],
            head_title=None,
            refresh_s=None,
            plain_page="/cancel",
            keep={"change": "resume", "named": None, "text": words.text("keep_button")},
            after={"url": "/help", "text": words.text("help_link")},
            return_to="/account",
            lang=words.language,
            dir=words.direction,
            theme=THEME,
            help_link=words.text("help_link"),
            nonce="n",
            css="",
        )

    return draw


OUTCOMES: Mapping[str, Callable[[str], str]] = {
    f"{kind}, {change}": outcome_of(Answer(AnswerKind(kind), Topic(change), END))
    for kind, change, _, _ in PAGES
}


def after_of(name: str, besides: str = "") -> Draw:
    return lambda language: drawn_after(AFTER[name], Words(language, {}), PROBLEMS[besides])


AFTER_STATES: Mapping[str, Draw] = {
    "question and coupon": after_of("question and coupon"),
    "too long": after_of("question", "too long"),
    "no choice": after_of("pause", "no choice"),
    "another follows": after_of("amount, answered", "was open"),
}


async def test_axe_finds_nothing_on_what_follows_a_declaration_to_leave(watcher: Watcher) -> None:
    assert await watcher.look_at(AFTER_STATES, shows(AFTER_STATES, LOOKS, 2)) == {}


async def test_axe_finds_nothing_on_the_pages_of_the_plain_way(
    watcher: Watcher, plain_states: Mapping[str, Draw]
) -> None:
    looks = ON_A_PAGE if EVERYTHING else WIDE_LIGHT_NARROW_DARK
    assert await watcher.look_at(plain_states, shows(plain_states, looks, 2)) == {}


async def test_axe_finds_nothing_on_any_page_of_an_outcome(watcher: Watcher) -> None:
    broken = {
        "broken": lambda language: OUTCOMES["closed, cancellation"](language).replace("h1", "h4")
    }

    assert await watcher.look_at(OUTCOMES, shows(OUTCOMES, ON_A_PAGE, 1)) == {}
    assert await watcher.look_at(broken, shows(broken, ON_A_PAGE, 1)) != {}
