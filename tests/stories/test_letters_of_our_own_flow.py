"""A customer of a flow of ours has in writing what was pressed, and the words and prices that were shown."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import pytest
from pytest_aiohttp import AiohttpClient

from aiocancel.core.flow.conditions import reason
from aiocancel.core.flow.definition import CouponOffer, PauseOffer
from aiocancel.testing.stripe.simulator import StripeSimulator
from aiocancel.vendors.own import OwnFlow
from tests.support.flow_customers import BROWSER, FlowCompany, German, open_company
from tests.support.letters import has_letters, let_pass, mailer_for, mails
from tests.support.mail_server import MailServer, html_of, text_of
from tests.support.saas import Pool, as_customer
from tests.support.waiting import until

HALF = CouponOffer("half", percent_off=50, months=3, when=reason("too_expensive"))
BREAK = PauseOffer("break", months=(1, 2), sentence="It stays readable.", when=reason("unused"))


class Chosen(NamedTuple):
    """The screen before the button, the letter that followed, and the page to keep with its address."""

    screen: Any
    mail: Any
    page: Any
    path: str


@asynccontextmanager
async def writing_company(
    aiohttp_client: AiohttpClient,
    pool: Pool,
    stripe_api: tuple[StripeSimulator, str],
    **settings: Any,
) -> AsyncIterator[tuple[FlowCompany, MailServer]]:
    async with MailServer().serve() as server:
        company = await open_company(
            aiohttp_client,
            pool,
            stripe_api,
            OwnFlow(offers=[HALF, BREAK]),
            mailer=mailer_for(server),
            email=lambda customer: f"{customer}@example.com",
            site_url="https://shop.example",
            **settings,
        )
        yield company, server
        await company.client.close()


async def declared(pool: Pool) -> dict[str, Any]:
    stored = await pool.fetchval("SELECT declaration FROM aiocancel.claim ORDER BY id DESC")
    read: dict[str, Any] = json.loads(stored)
    return read


async def choose(company: FlowCompany, server: MailServer, pool: Pool, button: str) -> Chosen:
    """Ada finds it too expensive and presses a button of the screen that follows."""
    ada = company.customer()
    await ada.go("/cancel")
    screen = await ada.press("continue", reason="too_expensive")
    await ada.press(button)
    (mail,) = await mails(server)
    await until(lambda: has_letters(pool, 1))

    path = f"/cancel/acknowledgement/{ada.path.rpartition('/')[2]}"
    return Chosen(screen, mail, await ada.go(path), path)


def flat(text: str) -> str:
    return " ".join(text.split())


async def test_A5_offer_is_confirmed_with_the_words_and_prices_that_were_shown(
    aiohttp_client: AiohttpClient, pool: Pool, stripe_api: tuple[StripeSimulator, str]
) -> None:
    async with writing_company(aiohttp_client, pool, stripe_api) as (company, server):
        screen, mail, page, path = await choose(company, server, pool, "accept")
        saved = await company.client.get(
            f"{path}?save=1", headers={**BROWSER, **as_customer("ada")}
        )
        file = await saved.text()

    prices = {label: screen.rows[label] for label in ("Today", "Next payment", "From then on")}
    assert (await declared(pool))["words"] == "Take 50% off"
    text, html = flat(text_of(mail)), html_of(mail)
    assert "Chosen: “Take 50% off”" in text
    assert "This was shown to you" in text
    for label, shown in prices.items():
        assert f"{label}: {shown}" in text
        assert shown in html
        assert page.rows[label] == shown
        assert shown in file
    assert "You can cancel at any time: https://shop.example/cancel" in text
    assert "If you cancel, it ends on" not in text


async def test_A4_A5_A8_who_leaves_has_the_button_the_end_and_no_offer_in_the_letter(
    aiohttp_client: AiohttpClient, pool: Pool, stripe_api: tuple[StripeSimulator, str]
) -> None:
    async with writing_company(aiohttp_client, pool, stripe_api) as (company, server):
        screen, mail, page, _ = await choose(company, server, pool, "cancel")
        (link,) = [word for word in text_of(mail).split() if "/acknowledgement/" in word]
        guest = await company.client.get(link.removeprefix("https://shop.example"), headers=BROWSER)
        as_guest = await guest.text()

    text = flat(text_of(mail))
    assert "Declared: “Cancel subscription”" in text
    assert "You can use it until then. No further payment is taken." in text
    # The date before the click is that of the letter, and Stripe's.
    (end,) = {int(item["current_period_end"]) for item in
              company.stripe.subscriptions["sub_ada"]["items"]["data"]}  # fmt: skip
    day = f"{datetime.fromtimestamp(end, UTC):%B} {datetime.fromtimestamp(end, UTC).day}"
    assert f"it ends on {day}" in screen.text
    assert day in mail["Subject"]
    assert company.stripe.subscriptions["sub_ada"]["cancel_at"] in (None, end)

    # The customer's own page has everything that was shown; the letter and its link sell nothing.
    assert page.rows["Next payment"] == screen.rows["Next payment"]
    assert "If you cancel, it ends on" in page.text
    for said in (text, as_guest):
        assert "50% off" not in said
        assert "$14.50" not in said


async def let_the_pause_begin(company: FlowCompany, pool: Pool) -> None:
    """The promised pause is due, and Stripe has it."""
    subscription = company.stripe.subscriptions["sub_ada"]
    subscription["items"]["data"][0]["current_period_end"] = company.stripe.now + 43_200
    await pool.execute("UPDATE aiocancel.action SET due_at = now() WHERE deferred")
    await pool.execute(
        "UPDATE aiocancel.pgqueuer SET execute_after = now() WHERE execute_after > now()"
    )
    await until(lambda: subscription["pause_collection"] is not None)
    await until(lambda: _is_done(pool))


async def _is_done(pool: Pool) -> bool:
    state = await pool.fetchval("SELECT state FROM aiocancel.action WHERE kind = 'apply_offer'")
    return bool(state == "done")


async def let_all_but_two_days_of_the_pause_pass(company: FlowCompany, pool: Pool) -> None:
    """The pause ends in two days, at Stripe and in the ledger, and its letter is due."""
    ends_at = company.stripe.now + 2 * 86_400
    subscription = company.stripe.subscriptions["sub_ada"]
    subscription["pause_collection"]["resumes_at"] = ends_at
    subscription["items"]["data"][0]["current_period_end"] = ends_at + 3600
    await pool.execute(
        "UPDATE aiocancel.action SET change = jsonb_set(change, '{resumes_at}', to_jsonb($1::bigint)) "
        "WHERE change ->> 'type' = 'pause_payments'",
        ends_at,
    )
    await let_pass(pool, timedelta(days=70))


async def test_pause_of_two_months_is_confirmed_with_its_own_date_and_its_end_with_the_next_payment(
    aiohttp_client: AiohttpClient,
    pool: Pool,
    stripe_api: tuple[StripeSimulator, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # A slow machine is no missing address.
    monkeypatch.setattr("aiocancel.letters.ADDRESS_WITHIN_S", 20.0)
    async with writing_company(aiohttp_client, pool, stripe_api) as (company, server):
        ada = company.customer()
        await ada.go("/cancel")
        screen = await ada.press("continue", reason="unused")
        paused = await ada.press("accept", months="2")
        (mail,) = await mails(server)
        await until(lambda: has_letters(pool, 1))
        await let_the_pause_begin(company, pool)
        await let_all_but_two_days_of_the_pause_pass(company, pool)
        soon = (await mails(server, 2))[1]

    (end,) = {int(item["current_period_end"]) for item in
              company.stripe.subscriptions["sub_ada"]["items"]["data"]}  # fmt: skip
    paid_at = datetime.fromtimestamp(end, UTC)
    paid = f"Next payment: $29.00 on {paid_at:%B} {paid_at.day}, {paid_at.year}."
    assert soon["Subject"].startswith("Payments start again on ")
    assert paid in flat(text_of(soon))
    assert html_of(soon).count(paid) == 2, "the next fact, and the first line"

    assert "We write to you 3 days before." in flat(paused.text)
    choice = re.search(r"2 months – next payment \$29\.00 on \w+ \d+, \d{4}", flat(screen.text))
    assert choice is not None
    assert choice[0] in flat(text_of(mail))
    assert "1 month" not in text_of(mail)


@pytest.mark.parametrize("what", ["cancel", "accept"])
async def test_words_that_fail_keep_nobody_from_leaving_or_staying(
    aiohttp_client: AiohttpClient,
    pool: Pool,
    stripe_api: tuple[StripeSimulator, str],
    what: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    company = await open_company(aiohttp_client, pool, stripe_api, OwnFlow(offers=[HALF]))
    ada = company.customer()
    await ada.go("/cancel")
    await ada.press("continue", reason="too_expensive")

    def fails(*_: object) -> None:
        raise KeyError("a template of the owner's")

    monkeypatch.setattr("aiocancel.web.own_flow.declared.block_of", fails)
    await ada.press(what)

    assert ada.outcome == ("scheduled" if what == "cancel" else "done")
    assert await declared(pool) == {"language": "en", "words": None, "shown": {}}


async def test_who_stays_after_the_declaration_has_one_letter_without_an_offer_and_one_about_it(
    aiohttp_client: AiohttpClient, pool: Pool, stripe_api: tuple[StripeSimulator, str]
) -> None:
    async with writing_company(aiohttp_client, pool, stripe_api, place=lambda _: "DE") as (
        company,
        server,
    ):
        ada = German(company.client)
        await ada.go("/cancel")
        await ada.press("cancel")
        (first,) = await mails(server)
        offered = await ada.on_outcome("continue", reason="too_expensive")
        await ada.on_outcome("accept")
        second = (await mails(server, 2))[-1]

    text = flat(text_of(first))
    assert "Declared: “Cancel subscription”" in text
    assert "50%" not in text
    assert "50%" not in html_of(first).partition("<body")[2]
    text = flat(text_of(second))
    assert "Chosen: “Keep subscription and take 50% off”" in text
    assert "Your subscription is not cancelled." in text
    assert f"Next payment: {offered.rows['Next payment']}" in text
