"""Every kind of offer, taken in both browsers and paid at Stripe as it was shown; and the way out of every screen."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any, NamedTuple

import pytest
from playwright.async_api import Browser

from aiocancel.testing.stripe.faults import Fault
from aiocancel.testing.stripe.simulator import StripeSimulator
from tests.support.browser import Observed
from tests.support.flow_site import FlowSite, open_flow_site
from tests.support.saas import Pool
from tests.support.visitor import ChromiumVisitor, Visitor
from tests.support.waiting import until

pytestmark = pytest.mark.browser

DIALOG = "dialog.aiocancel-dialog"
NEXT_PAYMENT = "[...document.querySelectorAll('.aiocancel-prices dd')].map((e) => e.textContent)[1]"
MONTHS = [
    "jan",
    "feb",
    "m[aä]r",
    "apr",
    "ma[iy]",
    "jun",
    "jul",
    "aug",
    "sep",
    "o[ck]t",
    "nov",
    "de[cz]",
]
PAUSE_OF_TWO = "document.querySelector('[name=months][value=\"2\"]')"
SOON = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=12)


class Taken(NamedTuple):
    """An offer, the reason that brings it, the page's language, where it is shown, and what the outcome is called."""

    offer: str
    reason: str
    language: str
    in_dialog: bool
    outcome: str
    subscription: Mapping[str, Any] = MappingProxyType({})


TAKEN = (
    Taken("half_price", "too_expensive", "en", True, "done"),
    # A pause is made on the day before it begins.
    Taken("break", "unused", "de", True, "done", {"current_period_end": SOON}),
    Taken("basic", "too_complex", "de", False, "done"),
    Taken("basic_later", "missing_features", "en", False, "scheduled"),
    Taken("more_days", "low_quality", "en", True, "done", {"status": "trialing"}),
    Taken("call", "customer_service", "de", False, "done"),
)


async def press(visitor: Visitor, what: str) -> None:
    """Press a button of the screen by what it is for."""
    await visitor.click_element(
        f"document.querySelector('form [name=do][value={what}]:not([tabindex])')"
    )


async def arrive(visitor: Visitor, step: str) -> None:
    try:
        await visitor.until(f"document.querySelector('form[data-aiocancel-screen={step}]')")
    except AssertionError:
        raise AssertionError(await visitor.evaluate("document.body.innerText")) from None


async def begin(
    visitor: Visitor,
    site: FlowSite,
    customer: str,
    language: str = "en",
    *,
    in_dialog: bool = False,
) -> None:
    """Come to the account page, and open the flow as a dialog over it, or as a page."""
    await visitor.goto(site.account(customer, language, script=in_dialog))
    await visitor.click("Leave")
    await visitor.until(f"document.querySelector('{DIALOG if in_dialog else 'main'} form')")
    assert await visitor.count(DIALOG) == int(in_dialog)
    # A page of the flow has no script at all, so that it is the same without one.
    assert in_dialog or await visitor.count("script") == 0


async def say_why(visitor: Visitor, reason: str) -> None:
    await arrive(visitor, "why")
    await visitor.click_element(f"document.querySelector('#reason-{reason}')")
    await press(visitor, "continue")


async def ended(visitor: Visitor) -> str:
    await visitor.until("document.querySelector('[data-outcome]')")
    outcome: str = await visitor.evaluate(
        "document.querySelector('[data-outcome]').dataset.outcome"
    )
    return outcome


def minor(text: str) -> int:
    """The first sum of a text, in cents: "€14.50 on …" and "14,50\N{NO-BREAK SPACE}€ am …"."""
    found = re.search(r"(\d+)[.,](\d\d)", text)
    assert found is not None, text
    return int(found[1]) * 100 + int(found[2])


def day(text: str) -> str:
    """The first date of a text, as 2026-12-09: "December 9, 2026" and "9. Dezember 2026"."""
    found = re.search(r"(?P<m>\w{3})\w* (?P<d>\d+), (?P<y>\d{4})", text) or re.search(
        r"(?P<d>\d+)\. (?P<m>\w{3})\w* (?P<y>\d{4})", text
    )
    assert found is not None, text
    month = next(n for n, name in enumerate(MONTHS, 1) if re.match(name, found["m"].lower()))
    return f"{found['y']}-{month:02}-{int(found['d']):02}"


async def test_every_kind_of_offer_is_taken_and_paid_at_stripe_as_it_was_shown(
    pool: Pool, stripe_api: tuple[StripeSimulator, str], visitor: Visitor
) -> None:
    async with open_flow_site(pool, stripe_api) as site:
        shown: dict[str, str] = {}
        for taken in TAKEN:
            await site.add(taken.offer, **taken.subscription)
            await begin(visitor, site, taken.offer, taken.language, in_dialog=taken.in_dialog)
            await say_why(visitor, taken.reason)
            await arrive(visitor, "offer")
            language = await visitor.evaluate("document.documentElement.lang")
            assert taken.in_dialog or language == taken.language
            if taken.offer == "break":
                await visitor.click_element(PAUSE_OF_TWO)
                shown[taken.offer] = await visitor.evaluate(
                    f"{PAUSE_OF_TWO}.closest('label').textContent"
                )
            else:
                shown[taken.offer] = await visitor.evaluate(NEXT_PAYMENT)
            await press(visitor, "accept")

            assert await ended(visitor) == taken.outcome, taken.offer

        assert visitor.observed.csp_violations == []
        assert visitor.observed.errors == []
        # The policy holds on that very page, and a violation would have been seen.
        await visitor.evaluate("document.body.setAttribute('style', 'color: red')")
        await until(lambda: bool(visitor.observed.reported_violations))
        assert visitor.observed.reported_violations[0].startswith("style-src")
        assert site.handled == ["call"]
        assert {each.offer: minor(shown[each.offer]) for each in TAKEN} == {
            "half_price": 1450,
            "break": 2900,
            "basic": minor(shown["basic"]),
            "basic_later": 900,
            "more_days": 2900,
            "call": 2900,
        }
        assert 0 < minor(shown["basic"]) < 900
        paid = paid_until(site, {name: day(text) for name, text in shown.items()})
        assert paid == {name: minor(text) for name, text in shown.items()}


async def test_who_declares_first_is_asked_and_offered_on_the_page_of_the_outcome(
    pool: Pool, stripe_api: tuple[StripeSimulator, str], visitor: Visitor
) -> None:
    async with open_flow_site(pool, stripe_api, place=lambda _: "DE") as site:
        for customer, language, in_dialog in (("plain", "de", False), ("over", "en", True)):
            await site.add(customer)
            await begin(visitor, site, customer, language, in_dialog=in_dialog)
            await arrive(visitor, "exit")
            await press(visitor, "cancel")
            assert await ended(visitor) == "scheduled"

            await arrive(visitor, "reason")
            assert await visitor.count("form[data-aiocancel-screen=offer]") == 0
            assert site.subscription(customer)["cancel_at_period_end"] is True
            await visitor.click_element("document.querySelector('#reason-too_expensive')")
            await press(visitor, "continue")
            await arrive(visitor, "offer")
            assert minor(await visitor.evaluate(NEXT_PAYMENT)) == 1450
            await press(visitor, "accept")

            await visitor.until("document.querySelector('[data-outcome=done]')")
            assert site.subscription(customer)["cancel_at_period_end"] is False
            assert len(site.subscription(customer)["discounts"]) == 1
            assert await visitor.count(DIALOG) == int(in_dialog)

        assert visitor.observed.csp_violations == []
        assert visitor.observed.errors == []


def paid_until(site: FlowSite, days: dict[str, str]) -> dict[str, int]:
    """Let those days come at Stripe, and return what each customer pays until the end of theirs."""
    before = set(site.stripe.invoices)
    ends = {name: datetime.fromisoformat(f"{on}T23:59:59+00:00") for name, on in days.items()}
    site.stripe.clock = lambda: max(ends.values())
    # A look lets happen what has fallen due.
    customers = {name: site.subscription(name)["customer"] for name in ends}
    new = [each for each in site.stripe.invoices.values() if each["id"] not in before]

    return {
        name: sum(
            each["amount_paid"]
            for each in new
            if each["customer"] == customer and each["created"] <= ends[name].timestamp()
        )
        for name, customer in customers.items()
    }


class Left(NamedTuple):
    """A screen to leave from: the reason that leads to it, and how it is shown."""

    step: str
    reason: str | None
    language: str
    in_dialog: bool


LEFT = (
    Left("why", None, "de", False),
    Left("offer", "too_expensive", "en", True),
    Left("exit", "other", "de", False),
)


async def test_every_screen_cancels_with_its_first_press_whatever_stripe_does(
    pool: Pool, stripe_api: tuple[StripeSimulator, str], visitor: Visitor
) -> None:
    async with open_flow_site(pool, stripe_api, answer_within_s=1.0) as site:
        for number, left in enumerate(LEFT):
            customer = f"leaver_{number}"
            await site.add(customer)
            await begin(visitor, site, customer, left.language, in_dialog=left.in_dialog)
            if left.reason is not None:
                await say_why(visitor, left.reason)
            await arrive(visitor, left.step)
            await press(visitor, "cancel")

            assert await ended(visitor) in ("scheduled", "queued")

        # With Stripe away there are reasons and no offer; the cancellation is kept, and made when it is back.
        await site.add("unlucky")
        site.stripe.inject(Fault("drop_before", times=1_000_000))
        await begin(visitor, site, "unlucky", in_dialog=True)
        await say_why(visitor, "too_expensive")
        await arrive(visitor, "exit")
        await press(visitor, "cancel")
        assert await ended(visitor) == "queued"
        site.stripe.faults.clear()

        leavers = [*(f"leaver_{number}" for number in range(len(LEFT))), "unlucky"]
        await until(
            lambda: all(site.subscription(each)["cancel_at_period_end"] for each in leavers),
            within_s=30,
        )
        assert visitor.observed.csp_violations == []
        assert visitor.observed.errors == []


async def test_without_javascript_an_offer_is_taken_and_another_customer_leaves(
    pool: Pool, stripe_api: tuple[StripeSimulator, str], browser: Browser, observed: Observed
) -> None:
    # Firefox can be told so for all of its pages alone; those that it is shown above have no script.
    context = await browser.new_context(java_script_enabled=False)
    visitor = ChromiumVisitor(await context.new_page(), observed)
    async with open_flow_site(pool, stripe_api) as site:
        for customer, what in (("stays", "accept"), ("leaves", "cancel")):
            await site.add(customer)
            await visitor.goto(site.account(customer, "de"))
            await visitor.click("Leave")
            await say_why(visitor, "too_expensive")
            await arrive(visitor, "offer")
            await press(visitor, what)
            await ended(visitor)
            assert await visitor.count(DIALOG) == 0

        assert len(site.subscription("stays")["discounts"]) == 1
        assert site.subscription("leaves")["cancel_at_period_end"] is True
    await context.close()
