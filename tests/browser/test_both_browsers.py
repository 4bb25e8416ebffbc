"""The central stories in Chromium and in Firefox: the genuine client, the plain form, and StaySignal's stand-in.

The page's own policy is ``default-src 'none'``, and no story may end with a violation that it does not ask for.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web

from aiocancel.testing.stripe.simulator import StripeSimulator
from tests.browser import prosperstack_pages, staysignal_pages
from tests.browser.pages import FOCUSED, LISTEN, NOBODY, PAGE
from tests.support.saas import Pool, add_customer
from tests.support.visitor import Visitor

pytestmark = pytest.mark.browser

ENDS = "You can use it until"
FRAME = "iframe.prosperstack-iframe"


@pytest_asyncio.fixture(loop_scope="session")
async def stripe(pool: Pool, stripe_api: tuple[StripeSimulator, str]) -> StripeSimulator:
    stripe_api[0].add_subscription("sub_1")
    await add_customer(pool, "ada", "sub_1")
    return stripe_api[0]


@pytest.fixture
def prosperstack(
    pool: Pool, stripe: StripeSimulator, stripe_api: tuple[StripeSimulator, str], flow_client: Path
) -> prosperstack_pages.Companies:
    return prosperstack_pages.Companies(pool, stripe, stripe_api[1], flow_client)


@pytest.fixture
def staysignal(
    pool: Pool, stripe: StripeSimulator, stripe_api: tuple[StripeSimulator, str]
) -> staysignal_pages.Companies:
    return staysignal_pages.Companies(pool, stripe, stripe_api[1])


def is_ending(stripe: StripeSimulator) -> bool:
    return bool(stripe.subscriptions["sub_1"]["cancel_at_period_end"])


async def open_window(visitor: Visitor, url: str) -> None:
    await visitor.goto(url)
    await visitor.evaluate(LISTEN)
    await visitor.click("Cancel subscription")
    await visitor.until(f"document.querySelector('{FRAME}.in')")


async def cancel_in_the_window(visitor: Visitor) -> None:
    for step in ("reason-too_expensive", "continue", "decline-offers", "confirm-cancel"):
        await visitor.click_test(step)


async def cancel_on_the_plain_page(visitor: Visitor) -> None:
    await visitor.sees("Cancel your subscription?", where="h1")
    await visitor.click("Cancel subscription")
    await visitor.sees(ENDS, where="[role=status]")


async def test_a_customer_cancels_in_the_window(
    prosperstack: prosperstack_pages.Companies, visitor: Visitor
) -> None:
    async with prosperstack.site() as site:
        await open_window(visitor, site.url)
        await cancel_in_the_window(visitor)

        await visitor.sees(ENDS)

        await visitor.until(f"!document.querySelector('{FRAME}')")
        assert is_ending(site.stripe)
        assert len(site.stripe.effects) == 1
        assert visitor.observed.csp_violations == []
        assert visitor.observed.errors == []


async def test_a_customer_who_takes_an_offer_is_heard(
    prosperstack: prosperstack_pages.Companies, visitor: Visitor
) -> None:
    async with prosperstack.site(applies_offers="app", api_key="key_test_simulator") as site:
        await open_window(visitor, site.url)
        for step in ("reason-too_expensive", "continue", "accept-coupon"):
            await visitor.click_test(step)

        await visitor.sees("You get 25% off your next 3 payments.")

        assert len(site.stripe.effects) == 2
        assert visitor.observed.csp_violations == []
        assert visitor.observed.errors == []


async def test_closing_the_window_changes_nothing_and_the_button_works_again(
    prosperstack: prosperstack_pages.Companies, visitor: Visitor
) -> None:
    async with prosperstack.site() as site:
        await open_window(visitor, site.url)
        await visitor.click_test("close")
        await visitor.sees("You closed the window. Nothing has been changed.")
        await visitor.until(f"!document.querySelector('{FRAME}')")
        assert site.stripe.effects == []
        assert await visitor.evaluate("window.told") == [
            ["outcome", "closed"],
            ["closed", "closed"],
        ]

        await visitor.click("Cancel subscription")
        await cancel_in_the_window(visitor)

        await visitor.sees(ENDS)
        assert len(site.stripe.effects) == 1
        assert visitor.observed.errors == []


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param({"script_integrity": "sha384-" + "A" * 64}, id="script altered"),
        pytest.param({"script_url": f"{NOBODY}/client.js"}, id="script unreachable"),
        pytest.param({"api_host": NOBODY}, id="API unreachable"),
    ],
)
async def test_with_the_vendor_out_of_reach_the_plain_page_cancels(
    prosperstack: prosperstack_pages.Companies, visitor: Visitor, settings: dict[str, Any]
) -> None:
    async with prosperstack.site(**settings) as site:
        await visitor.goto(site.url)
        await visitor.click("Cancel subscription")
        await visitor.sees("did not load")

        await visitor.click("Cancel here instead")

        await cancel_on_the_plain_page(visitor)
        assert is_ending(site.stripe)


async def test_a_policy_that_blocks_the_script_is_seen_and_the_plain_page_cancels(
    staysignal: staysignal_pages.Companies, visitor: Visitor
) -> None:
    # A second policy, of the page's own making: aiocancel cannot widen what it does not see.
    policy = '<meta http-equiv="Content-Security-Policy" content="script-src \'self\'">'
    page = PAGE.replace("<title>", f"{policy}<title>")
    async with staysignal.site(html=page) as site:
        await visitor.goto(site.url)
        await visitor.click("Cancel subscription")

        await cancel_on_the_plain_page(visitor)

        assert is_ending(site.stripe)
        assert [each.split()[0] for each in visitor.observed.reported_violations] == [
            "script-src-elem"
        ]


async def test_the_plain_form_cancels(
    prosperstack: prosperstack_pages.Companies, visitor: Visitor
) -> None:
    async with prosperstack.site() as site:
        await visitor.goto(site.url.replace("/account", "/cancel"))

        await cancel_on_the_plain_page(visitor)

        assert is_ending(site.stripe)
        assert visitor.observed.csp_violations == []


async def test_a_customer_cancels_with_staysignals_stand_in(
    staysignal: staysignal_pages.Companies, visitor: Visitor
) -> None:
    async with staysignal.site() as site:
        await visitor.goto(site.url)
        await visitor.until(f"({staysignal_pages.READY})()")
        await visitor.click("Cancel subscription")
        await visitor.click("Yes, cancel")

        await visitor.sees(ENDS)

        assert is_ending(site.stripe)
        assert len(site.stripe.effects) == 1
        assert visitor.observed.csp_violations == []
        assert visitor.observed.errors == []


async def test_a_yes_that_staysignal_only_logs_is_not_lost(
    staysignal: staysignal_pages.Companies, visitor: Visitor
) -> None:
    async with staysignal.site(only_logs=True, widget_timeout_s=60.0) as site:
        await visitor.goto(site.url)
        await visitor.evaluate(LISTEN)
        await visitor.until(f"({staysignal_pages.READY})()")
        await visitor.click("Cancel subscription")
        await visitor.click("Yes, cancel")

        await visitor.sees("Did you choose to cancel? We have not heard of it yet.")

        assert await visitor.evaluate("window.told") == [["outcome", "unheard"]]
        assert site.stripe.effects == []
        await visitor.click("Cancel here instead")
        await cancel_on_the_plain_page(visitor)
        assert is_ending(site.stripe)


async def test_a_staysignal_window_that_is_open_is_not_disturbed(
    staysignal: staysignal_pages.Companies, visitor: Visitor
) -> None:
    async with staysignal.site(widget_timeout_s=60.0) as site:
        await visitor.goto(site.url)
        await visitor.evaluate(LISTEN)
        await visitor.until(f"({staysignal_pages.READY})()")
        await visitor.click("Cancel subscription")
        await visitor.until("document.querySelector('dialog')")
        await visitor.evaluate("new Promise((resolve) => setTimeout(resolve, 1500))")

        assert await visitor.evaluate("window.told") == []

        await visitor.click("Yes, cancel")
        await visitor.sees(ENDS)
        await visitor.evaluate("new Promise((resolve) => setTimeout(resolve, 1500))")
        assert await visitor.evaluate("window.told") == [["outcome", "scheduled"]]


# Clients and windows that behave in their own ways


async def test_options_of_a_request_reach_the_window_from_the_page_and_when_asked_for(
    prosperstack: prosperstack_pages.Companies, visitor: Visitor
) -> None:
    seen = []

    async def choose(request: web.Request) -> dict[str, Any]:
        seen.append(request.path)
        return {"language": "de", "skip_offers": ["offr_coupon"], "flow_id": "flow_german"}

    async with prosperstack.site(plugin={"options": choose}, display_mode="modal") as site:
        for _ in ("from the page", "when asked for"):
            await open_window(visitor, site.url)

            source = await visitor.evaluate(f"document.querySelector('{FRAME}').src")
            assert "language=de" in source
            assert "skipOffers=offr_coupon" in source
            assert "displayMode=modal" in source
            assert "testMode" not in source
            (session, *_) = list(site.vendor.sessions.values())[::-1]
            assert session["flow"]["id"] == "flow_german"

            await visitor.click_test("close")
            await visitor.until(f"!document.querySelector('{FRAME}')")
            await visitor.click("Cancel subscription")
            await visitor.until(f"document.querySelector('{FRAME}.in')")
        assert set(seen) == {"/account", "/cancel/payload"}


async def test_a_client_that_does_not_say_when_it_starts_keeps_its_window(
    prosperstack: prosperstack_pages.Companies, visitor: Visitor, tmp_path: Path
) -> None:
    genuine = prosperstack.client.read_text()
    silent = genuine.replace("n.onStarted&&n.onStarted()", "0")
    assert silent != genuine
    prosperstack.client = tmp_path / "client.js"
    prosperstack.client.write_text(silent)
    async with prosperstack.site(script_integrity=None, plugin={"widget_timeout_s": 3.0}) as site:
        await open_window(visitor, site.url)
        await visitor.evaluate("new Promise((resolve) => setTimeout(resolve, 3500))")

        await cancel_in_the_window(visitor)

        await visitor.sees(ENDS)
        assert len(site.stripe.effects) == 1


async def test_a_confirmation_that_is_closed_reaches_the_page_after_the_outcome(
    prosperstack: prosperstack_pages.Companies, visitor: Visitor
) -> None:
    async with prosperstack.site(confirmation_step=True) as site:
        await visitor.goto(site.url)
        await visitor.evaluate(LISTEN)
        await visitor.evaluate(
            "void window.aiocancel.open(document.forms[0]).then((answer) =>"
            " window.told.push(['promise', answer.outcome]))"
        )
        await visitor.until(f"document.querySelector('{FRAME}.in')")
        await cancel_in_the_window(visitor)
        await visitor.sees(ENDS)
        assert await visitor.evaluate("window.told") == [["outcome", "scheduled"]]

        await visitor.click_test("done")

        await visitor.until("window.told.length === 3")
        assert await visitor.evaluate("window.told") == [
            ["outcome", "scheduled"],
            ["closed", "scheduled"],
            ["promise", "scheduled"],
        ]
        assert len(site.stripe.effects) == 1


async def test_without_a_confirmation_the_page_hears_of_the_closing_after_the_outcome_too(
    prosperstack: prosperstack_pages.Companies, visitor: Visitor
) -> None:
    async with prosperstack.site() as site:
        await open_window(visitor, site.url)
        await visitor.evaluate(
            "document.addEventListener('aiocancel:closed', (event) => { window.last = event.detail; })"
        )
        await cancel_in_the_window(visitor)

        await visitor.until("window.told.length === 2")

        told = await visitor.evaluate("window.told")
        assert told == [["outcome", "scheduled"], ["closed", "scheduled"]]
        last = await visitor.evaluate("window.last")
        assert (last["status"], last["flow"]["told_by"]) == ("canceled", "browser")
        assert last["flow"]["answers"][0]["values"] == ["It is too expensive"]


async def test_a_vendor_that_hangs_has_the_plain_way_above_it_until_its_window_shows(
    prosperstack: prosperstack_pages.Companies, visitor: Visitor
) -> None:
    async with prosperstack.site(plugin={"widget_timeout_s": 30.0}) as site:
        site.vendor.fail_next(path="/flow", delay_s=30.0)
        await visitor.goto(site.url)
        await visitor.click("Cancel subscription")
        await visitor.sees("Taking long? Cancel here instead", where=".aiocancel-slow")
        # What a customer would hit with the mouse is the link, and not the vendor's overlay.
        assert await visitor.evaluate(
            "(({ x, y, width, height }) => document.elementFromPoint(x + width / 2, y + height / 2)"
            ".className)(document.querySelector('.aiocancel-slow a').getBoundingClientRect())"
        ) == ("aiocancel-plain-link")
        assert await visitor.count("#prosperstack-overlay") == 1

        site.vendor.heal()

        await visitor.until(f"document.querySelector('{FRAME}.in')")
        await visitor.until("!document.querySelector('.aiocancel-slow')")
        await cancel_in_the_window(visitor)
        await visitor.sees(ENDS)
        assert visitor.observed.csp_violations == []
        assert visitor.observed.errors == []


async def test_who_does_not_wait_for_a_vendor_that_hangs_cancels_the_plain_way(
    prosperstack: prosperstack_pages.Companies, visitor: Visitor
) -> None:
    async with prosperstack.site(plugin={"widget_timeout_s": 30.0}) as site:
        site.vendor.fail_next(path="/flow", delay_s=30.0)
        await visitor.goto(site.url)
        await visitor.click("Cancel subscription")

        await visitor.click("Cancel here instead")

        await cancel_on_the_plain_page(visitor)
        assert is_ending(site.stripe)
        site.vendor.heal()


# Focus and keys


@pytest.mark.parametrize("way", ["closed", "cancelled"])
async def test_the_focus_returns_to_the_button_when_the_window_closes(
    prosperstack: prosperstack_pages.Companies, visitor: Visitor, way: str
) -> None:
    async with prosperstack.site() as site:
        await open_window(visitor, site.url)
        if way == "closed":
            await visitor.click_test("close")
        else:
            await cancel_in_the_window(visitor)

        await visitor.until("window.told.some(([name]) => name === 'closed')")

        await visitor.until(f"!document.querySelector('{FRAME}')")
        assert await visitor.evaluate(FOCUSED) == "Cancel subscription"


async def test_a_button_that_is_gone_leaves_the_focus_to_the_status_line(
    prosperstack: prosperstack_pages.Companies, visitor: Visitor
) -> None:
    async with prosperstack.site() as site:
        await open_window(visitor, site.url)
        await visitor.evaluate("document.querySelector('.aiocancel-button').remove()")
        await visitor.click_test("close")

        await visitor.until("document.activeElement.className === 'aiocancel-status'")


async def test_the_vendors_window_has_a_title(
    prosperstack: prosperstack_pages.Companies, visitor: Visitor
) -> None:
    texts = {"window_title": "Kündigung"}
    async with prosperstack.site(plugin={"texts": texts}) as site:
        await open_window(visitor, site.url)

        assert await visitor.evaluate(f"document.querySelector('{FRAME}').title") == "Kündigung"


async def test_escape_closes_the_window_and_changes_nothing(
    prosperstack: prosperstack_pages.Companies, visitor: Visitor
) -> None:
    async with prosperstack.site() as site:
        await open_window(visitor, site.url)
        # Inside the window, keys are the vendor's.
        await visitor.evaluate("document.querySelector('.aiocancel-button').focus()")
        await visitor.press_key("Escape")

        await visitor.sees("You closed the window. Nothing has been changed.")

        await visitor.until(f"!document.querySelector('{FRAME}')")
        assert site.stripe.effects == []
        assert visitor.observed.errors == []


async def test_escape_ends_the_wait_for_a_vendor_that_hangs(
    prosperstack: prosperstack_pages.Companies, visitor: Visitor
) -> None:
    async with prosperstack.site(plugin={"widget_timeout_s": 30.0}) as site:
        site.vendor.fail_next(path="/flow", delay_s=30.0)
        await visitor.goto(site.url)
        await visitor.click("Cancel subscription")
        await visitor.until("document.querySelector('#prosperstack-overlay')")
        await visitor.press_key("Escape")
        await visitor.sees("You closed the window. Nothing has been changed.")

        # The client is still waiting for its answer, so the button leads to the plain page.
        await visitor.click("Cancel subscription")

        await cancel_on_the_plain_page(visitor)
        assert is_ending(site.stripe)
        site.vendor.heal()


async def test_a_dimmed_button_of_the_demo_can_be_read() -> None:
    style = (Path(__file__).parents[2] / "examples/static/site.css").read_text()
    (busy,) = [line for line in style.splitlines() if "aria-busy" in line]
    assert "opacity" not in busy, json.dumps(busy)
