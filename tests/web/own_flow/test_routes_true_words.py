"""What a page says before the click is what Stripe does after it: the end, the price, and the next payment."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pytest_aiohttp import AiohttpClient

from aiocancel import OfferLimits
from aiocancel.core.flow.conditions import reason
from aiocancel.core.flow.definition import CouponOffer, HandledOffer, PlanOffer
from aiocancel.postgres.flow_sessions import FlowSessions
from aiocancel.testing.stripe.simulator import StripeSimulator
from aiocancel.vendors.own import OwnFlow
from aiocancel.web.languages import Words
from tests.support.flow_customers import (
    BREAK,
    BROWSER,
    END,
    HALF,
    FlowCompany,
    FlowCustomer,
    links_of,
    open_company,
    outcome_path,
)
from tests.support.saas import Pool, add_customer, as_customer, expired, vendor
from tests.support.web import Page

ENDING = {"cancel_at_period_end": True, "cancel_at": int(END.timestamp())}
# Two months from today are over before a trial of that length is.
LONG_TRIAL = END + timedelta(days=40)


def day(moment: datetime) -> str:
    return Words("en", {}).day(moment)


async def joined(company: FlowCompany, pool: Pool, name: str, **shape: Any) -> FlowCustomer:
    """A customer whose subscription has another shape."""
    values = {"id": f"sub_{name}", "current_period_end": END, **shape}
    company.stripe.add_subscription(**values)
    await add_customer(pool, name, values["id"])
    return company.customer(name)


async def half_an_hour_later(pool: Pool) -> None:
    await pool.execute(
        "UPDATE aiocancel.flow_session SET touched_at = now() - interval '31 minutes'"
    )
    await FlowSessions(pool).sweep()


# --- the end ----------------------------------------------------------------------------------------------


async def test_page_of_a_session_that_was_left_tells_the_end_that_its_exit_makes(
    aiohttp_client: AiohttpClient, pool: Pool, stripe_api: tuple[StripeSimulator, str]
) -> None:
    company = await open_company(aiohttp_client, pool, stripe_api, cancel_timing="now")
    ada = company.customer()
    await ada.go("/cancel")
    left = ada.path
    await half_an_hour_later(pool)

    company.stripe.latency_s = 3.0
    slow = await ada.go(left)
    company.stripe.latency_s = 0.0
    page = await ada.go(left)

    for each in (slow, page):
        assert "If you cancel, it ends today." in each.text
        assert "Cancel and end today" in each.text
        assert "the time you have paid for" not in each.text
    assert "Cancel your Pro subscription" in page.text
    await ada.press("cancel")
    assert ada.outcome == "done"
    assert company.stripe.subscriptions["sub_ada"]["status"] == "canceled"
    # Which facts the page told is not known to the press: it keeps the button, and no other sentence.
    declaration = await pool.fetchval("SELECT declaration FROM aiocancel.claim")
    assert "Cancel and end today" in declaration
    assert "paid for" not in declaration


async def test_page_of_a_session_that_was_left_reads_stripe_again(
    aiohttp_client: AiohttpClient, pool: Pool, stripe_api: tuple[StripeSimulator, str]
) -> None:
    company = await open_company(aiohttp_client, pool, stripe_api)
    ada = company.customer()
    bob = await joined(company, pool, "bob", status="paused")
    for visitor in (ada, bob):
        await visitor.go("/cancel")
    await half_an_hour_later(pool)

    # Payments that are paused end with the period, and the service does.
    eve = await joined(
        company, pool, "eve", pause_collection={"behavior": "void", "resumes_at": None}
    )
    unpaid = await eve.go("/cancel")
    assert f"If you cancel, it ends on {day(END)}." in unpaid.text
    assert f"ends on {day(END)}" in (await eve.press("cancel")).text

    mine, paused = await ada.go(ada.path), await bob.go(bob.path)

    assert f"If you cancel, it ends on {day(END)}." in mine.text
    assert "It is paused. If you cancel, it does not start again." in paused.text
    assert any("change=unpause" in link for link in links_of(paused))
    for page in (mine, paused):
        assert "the time you have paid for" not in page.text
        assert "Cancel your Pro subscription" in page.text
    await ada.press("cancel")
    assert ada.outcome == "scheduled"


async def test_who_ends_already_may_end_at_once_where_the_owner_says_so(
    aiohttp_client: AiohttpClient, pool: Pool, stripe_api: tuple[StripeSimulator, str]
) -> None:
    flow = OwnFlow(offers=[HALF, HandledOffer("call", "a call", "We call you.", "Book a call")])
    company = await open_company(aiohttp_client, pool, stripe_api, flow, cancel_timing="now")
    company.stripe.subscriptions["sub_ada"] |= ENDING
    ada = company.customer()

    page = await ada.go("/cancel")
    assert f"It ends on {day(END)}." in page.text
    assert "If you cancel, it ends today." in page.text
    keep = await ada.go(next(link for link in links_of(page) if "change=resume" in link))
    assert "Keep your subscription?" in keep.text
    await ada.go("/cancel")
    await ada.press("continue", reason="too_expensive")
    assert ada.step == "exit"
    await ada.press("cancel")

    assert ada.outcome == "done"
    assert company.stripe.subscriptions["sub_ada"]["status"] == "canceled"


async def test_exit_without_a_session_that_was_pressed_too_late_is_shown_again_and_says_so(
    aiohttp_client: AiohttpClient, pool: Pool, stripe_api: tuple[StripeSimulator, str]
) -> None:
    company = await open_company(aiohttp_client, pool, stripe_api)
    ada = company.customer()
    await ada.go("/cancel")
    (grant,) = {each["value"] for each in ada.page.all("input") if each["name"] == "grant"}

    response = await company.client.post(
        "/cancel/flow",
        data={"do": "cancel", "grant": expired(grant)},
        headers={**BROWSER, **as_customer("ada")},
    )

    page = ada.page = Page(await response.text())
    assert (response.status, ada.step) == (200, "exit")
    assert "This page was open for a long time. Nothing has been changed." in page.text
    assert f"If you cancel, it ends on {day(END)}." in page.text
    assert company.stripe.effects == []
    await ada.press("cancel")
    assert ada.outcome == "scheduled"


# --- the price --------------------------------------------------------------------------------------------


async def test_offer_tells_the_first_payment_that_is_taken_or_is_not_made(
    aiohttp_client: AiohttpClient, pool: Pool, stripe_api: tuple[StripeSimulator, str]
) -> None:
    ever = CouponOffer("ever", percent_off=50, months="forever")
    company = await open_company(aiohttp_client, pool, stripe_api, OwnFlow(offers=[ever]))
    resumes = END + timedelta(days=10)
    pause = {"behavior": "void", "resumes_at": int(resumes.timestamp())}
    paused = await joined(company, pool, "paused", pause_collection=pause)
    owing = [await joined(company, pool, each, status=each) for each in ("past_due", "unpaid")]
    sent = {"collection_method": "send_invoice", "days_until_due": 30}
    invoiced = await joined(company, pool, "invoiced", **sent)
    for visitor in (paused, invoiced, *owing):
        await visitor.go("/cancel")
        await visitor.press("continue", reason="too_expensive")

    assert (paused.step, invoiced.step) == ("offer", "offer")
    told = paused.page.rows["Next payment"]
    assert told.startswith("$14.50 on ")
    assert day(END) not in told
    assert invoiced.page.rows["Next payment"].startswith(f"$14.50 on {day(END)}")
    assert "You pay by invoice." in invoiced.page.text
    assert [visitor.step for visitor in owing] == ["exit", "exit"]
    codes = "SELECT considered->0->>'code' FROM aiocancel.flow_session WHERE customer_id = $1"
    assert await pool.fetchval(codes, "past_due") == "price_is_not_known"
    await paused.press("accept")
    assert paused.outcome == "done"


async def test_words_of_an_offer_say_what_its_rows_say(
    aiohttp_client: AiohttpClient, pool: Pool, stripe_api: tuple[StripeSimulator, str]
) -> None:
    stripe_api[0].add_price("price_basic", unit_amount=900, currency="usd")
    basic = PlanOffer("basic", "price_basic", at="period_end", when=reason("too_complex"))
    flow = OwnFlow(offers=[HALF, basic, BREAK])
    company = await open_company(aiohttp_client, pool, stripe_api, flow)
    long = {"current_period_end": LONG_TRIAL, "trial_end": LONG_TRIAL, "status": "trialing"}
    trial = await joined(company, pool, "trial", **long)
    seats = await joined(company, pool, "seats", quantity=3)
    ada = company.customer()
    for visitor, why in ((trial, "too_expensive"), (seats, "too_complex"), (ada, "unused")):
        await visitor.go("/cancel")
        await visitor.press("continue", reason=why)
        assert visitor.step == "offer"

    assert "Or: 50% off for 3 months" in trial.page.text
    assert "Or: Basic for $27.00 a month" in seats.page.text
    assert seats.page.rows["From then on"] == "$27.00 a month"
    # Each of three lengths has its own day.
    assert ada.page.all("dl") == []
    assert ada.page.text.count("next payment $29.00 on ") == 3


async def test_offer_whose_payment_has_come_meanwhile_is_not_taken(
    aiohttp_client: AiohttpClient, pool: Pool, stripe_api: tuple[StripeSimulator, str]
) -> None:
    company = await open_company(aiohttp_client, pool, stripe_api)
    ada = company.customer()
    await ada.go("/cancel")
    await ada.press("continue", reason="too_expensive")
    due = datetime.now(UTC) - timedelta(seconds=1)
    async with pool.acquire() as connection, connection.transaction():
        # What was shown cannot be changed; here time stands in for the triggers.
        await connection.execute("SET LOCAL session_replication_role = replica")
        await connection.execute(
            "UPDATE aiocancel.flow_session"
            """ SET shown = jsonb_set(shown, '{0,terms,"",promised,due}', to_jsonb($1::text))""",
            due.isoformat(),
        )

    late = await ada.press("accept")

    assert ada.step == "exit"
    assert "That offer is no longer available. Nothing has been changed." in late.text
    assert "discounts" not in [each.kind for each in company.stripe.effects]
    await ada.press("cancel")
    assert ada.outcome == "scheduled"


# --- a pause that was promised ----------------------------------------------------------------------------


async def test_no_page_forgets_a_pause_that_was_promised(
    aiohttp_client: AiohttpClient, pool: Pool, stripe_api: tuple[StripeSimulator, str]
) -> None:
    flow = OwnFlow(offers=[HALF, BREAK], at_most_one_gift_in_days=None)
    limits = OfferLimits(at_most_one_gift_in_days=None)
    company = await open_company(aiohttp_client, pool, stripe_api, flow, offer_limits=limits)
    ada = company.customer()
    await ada.go("/cancel")
    await ada.press("continue", reason="unused")
    pause = await ada.press("accept", months="2")
    assert f"Your pause begins on {day(END)}" in pause.text
    promised = ada.path
    payment = f"Next payment on {day(END)}"
    assert payment not in pause.text

    # Another price would leave the pause out.
    await ada.go("/cancel")
    await ada.press("continue", reason="too_expensive")
    assert ada.step == "exit"
    considered = "SELECT considered FROM aiocancel.flow_session ORDER BY id DESC LIMIT 1"
    assert (await pool.fetchval(considered)).count('"code": "given_recently"') == 2

    gone = await ada.press("cancel")
    canceled = outcome_path(gone)
    keep = await ada.go(next(link for link in links_of(gone) if "change=resume" in link))
    assert "Keep your subscription?" in keep.text
    assert "Next payment" not in keep.text
    kept = await ada.press()
    assert "Your Pro subscription goes on" in kept.text
    for page in (kept, await ada.go(canceled), await ada.go(promised)):
        assert payment not in page.text

    # One of several is told by its card.
    await joined(company, pool, "ada", id="sub_other")
    which = await ada.go("/cancel")
    assert which.text.count(payment) == 1

    # Once the pause is taken back, the payment is the next one again.
    unpause = await ada.go("/cancel?change=unpause&subscription=sub_ada")
    assert "Next payment" in unpause.rows
    assert payment not in unpause.text
    await ada.press()
    assert ada.outcome == "done"
    assert payment in (await ada.go(canceled)).text


@pytest.mark.parametrize("policy", ["own", "off"])
async def test_plain_page_of_one_that_ends_already_leads_to_keeping_it_where_that_may_be(
    aiohttp_client: AiohttpClient,
    pool: Pool,
    stripe_api: tuple[StripeSimulator, str],
    policy: Any,
) -> None:
    settings = {"cancel_timing": "now", "resume_policy": policy}
    company = await open_company(aiohttp_client, pool, stripe_api, vendor(), **settings)
    company.stripe.subscriptions["sub_ada"] |= ENDING
    ada = company.customer()

    page = await ada.go("/cancel")

    # The link back to the account does not keep it, and does not say so.
    kept = [link for link in links_of(page) if "change=resume" in link]
    assert len(kept) == (1 if policy == "own" else 0)
    assert page.text.count("Keep subscription") == len(kept)
    assert "Back to your account" in page.text
