"""What laws ask of a flow, each requirement by the name that the project gave it: U1, A1, A2, A4 and A8 are here."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from datetime import datetime
from html import unescape
from typing import Any

import pytest
from pytest_aiohttp import AiohttpClient

from aiocancel.core.flow.conditions import reason
from aiocancel.core.flow.definition import CouponOffer, PauseOffer
from aiocancel.core.theme import Theme, contrast
from aiocancel.testing.stripe.simulator import StripeSimulator
from aiocancel.texts import CATALOGUES
from aiocancel.vendors.own import OwnFlow
from aiocancel.web.languages import Words
from tests.support.flow_customers import END, open_company
from tests.support.flow_screens import OFFERS, SCREENS, drawn
from tests.support.saas import Pool
from tests.support.web import Page

TOO_DEAR = reason("too_expensive")
FIRST = CouponOffer("first", percent_off=50, months=3, when=TOO_DEAR)
SECOND = CouponOffer("second", percent_off=20, months="once", when=TOO_DEAR)
THIRD = PauseOffer("third", sentence="It stays readable.", when=reason("unused"))


@pytest.mark.parametrize("language", CATALOGUES)
@pytest.mark.parametrize("name", OFFERS)
def test_U1_each_offer_has_beside_it_a_real_button_that_says_cancel_and_comes_first(
    name: str, language: str
) -> None:
    words = Words(language, {})
    html = drawn(SCREENS[name], words)

    page = Page(html)
    reachable = [each for each in page.controls if each[1].get("tabindex") != "-1"]
    tag, leave = reachable[0]
    assert (tag, leave["type"], leave["value"]) == ("button", "submit", "cancel")
    assert "disabled" not in leave
    label = re.search(r'value="cancel">([^<]*)</button>', html)
    assert label is not None
    assert unescape(label[1]) == words.text("confirm_button")
    # It is in the same form as the offer, before it, so that one press is enough.
    assert html.index('value="cancel"') < html.index('value="accept"')
    assert len(page.all("form")) == 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_U1_button_that_cancels_is_no_less_prominent_than_the_one_that_accepts(scheme: str) -> None:
    colours = Theme().colours(scheme)

    leave, accept = (contrast(colours[name], colours["paper"]) for name in ("exit", "action"))
    inside = [contrast(colours[f"{name}-ink"], colours[name]) for name in ("exit", "action")]

    assert leave >= accept >= 3
    assert inside[0] >= inside[1] >= 4.5


@pytest.mark.parametrize("place", ["US-CA", "US-MN", "US-NY", "DE", "FR", "GB", None])
async def test_U1_A1_way_out_is_one_page_and_one_press_wherever_the_customer_lives(
    aiohttp_client: AiohttpClient,
    pool: Pool,
    stripe_api: tuple[StripeSimulator, str],
    place: str | None,
) -> None:
    company = await open_company(
        aiohttp_client, pool, stripe_api, OwnFlow(offers=[FIRST]), place=lambda _: place
    )
    ada = company.customer()
    first = await ada.go("/cancel")
    buttons = [each for each in first.all("button") if each.get("tabindex") != "-1"]
    assert (buttons[0]["name"], buttons[0]["value"]) == ("do", "cancel")
    before = len(company.stripe.effects)

    outcome = await ada.press("cancel")

    # Less than any way in: that has a form and a payment.
    assert ada.outcome == "scheduled"
    # Whom nobody may ask before is asked afterwards, and nothing of it has to be answered.
    left = [each.get("data-aiocancel-screen") for each in outcome.all("form")]
    assert left == (["reason"] if place in ("DE", None) else [])
    assert len(company.stripe.effects) == before + 1
    assert company.stripe.subscriptions["sub_ada"]["cancel_at_period_end"] is True


async def test_U1_exit_beside_an_offer_ends_the_contract_without_another_screen(
    aiohttp_client: AiohttpClient, pool: Pool, stripe_api: tuple[StripeSimulator, str]
) -> None:
    company = await open_company(
        aiohttp_client, pool, stripe_api, OwnFlow(offers=[FIRST]), place=lambda _: "US-CA"
    )
    ada = company.customer()
    await ada.go("/cancel")
    offer = await ada.press("continue", reason="too_expensive")
    assert "50% off" in offer.text

    await ada.press("cancel")

    assert ada.outcome == "scheduled"
    assert company.stripe.subscriptions["sub_ada"]["cancel_at_period_end"] is True
    assert company.stripe.subscriptions["sub_ada"]["discounts"] == []


async def test_A4_offer_that_was_declined_never_returns_in_the_session(
    aiohttp_client: AiohttpClient, pool: Pool, stripe_api: tuple[StripeSimulator, str]
) -> None:
    flow = OwnFlow(offers=[FIRST, SECOND, THIRD], offers_at_most=2)
    company = await open_company(aiohttp_client, pool, stripe_api, flow)
    ada = company.customer()
    await ada.go("/cancel")
    first = await ada.press("continue", reason="too_expensive")
    assert "50% off" in first.text
    session = ada.path.partition("?")[0]

    second = await ada.press("decline", offer="first")
    assert "20% off" in second.text
    seen = [second.text]
    # Back, another reason, the same one again, and what was declined pressed once more.
    for why in ("unused", "too_expensive", "too_expensive"):
        await ada.go(f"{session}/why")
        seen.append((await ada.press("continue", reason=why)).text)
    await ada.press("accept", offer="first")
    seen.append((await ada.go(session)).text)
    seen.append((await ada.go("/cancel")).text)

    assert not [text for text in seen if "50% off" in text]
    assert company.stripe.subscriptions["sub_ada"]["discounts"] == []


def moments_in(value: object) -> Iterator[datetime]:
    """Every time in the data of a screen."""
    if isinstance(value, datetime):
        yield value
    elif dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            yield from moments_in(getattr(value, field.name))
    elif isinstance(value, tuple):
        for each in value:
            yield from moments_in(each)


@pytest.mark.parametrize("name", SCREENS)
def test_A2_no_screen_has_a_date_that_is_not_stripes_and_none_has_a_clock(name: str) -> None:
    for language in CATALOGUES:
        words = Words(language, {})
        html = drawn(SCREENS[name], words)

        text = Page(html).text
        for moment in moments_in(SCREENS[name]):
            text = text.replace(words.day(moment), "")

        assert not re.search(r"20\d\d", text)
        assert not re.search(r"\d\d:\d\d", text)
        assert "<time" not in html
        # No field of an offer lets an owner give it a deadline.
        fields = {
            field.name for offer in OFFERS.values() for field in dataclasses.fields(offer.offer)
        }
        assert not {each for each in fields if re.search("expir|until|deadline|valid|ends", each)}


@pytest.mark.parametrize("timing", ["at_period_end", "now"])
async def test_A8_end_before_the_click_is_the_end_that_stripe_shows_after_it(
    aiohttp_client: AiohttpClient,
    pool: Pool,
    stripe_api: tuple[StripeSimulator, str],
    timing: Any,
) -> None:
    company = await open_company(aiohttp_client, pool, stripe_api, cancel_timing=timing)
    ada = company.customer()

    before = await ada.go("/cancel")
    after = await ada.press("cancel")

    subscription = company.stripe.subscriptions["sub_ada"]
    if timing == "now":
        assert "If you cancel, it ends today." in before.text
        assert subscription["status"] == "canceled"
        assert ada.outcome == "done"
        return
    day = Words("en", {}).day(END)
    assert subscription["items"]["data"][0]["current_period_end"] == int(END.timestamp())
    assert f"If you cancel, it ends on {day}." in before.text
    assert f"ends on {day}" in after.text
