"""What a page says once the customer, the subscription or the session has moved on since it was drawn."""

from __future__ import annotations

from datetime import timedelta

import pytest
from pytest_aiohttp import AiohttpClient

from aiocancel import SubscriptionQuery
from aiocancel.core.flow.conditions import reason
from aiocancel.core.flow.definition import CouponOffer
from aiocancel.core.flow.rules import never
from aiocancel.testing.stripe.simulator import StripeSimulator
from aiocancel.vendors.own import OwnFlow
from tests.support.flow_customers import (
    BREAK,
    END,
    FlowCompany,
    links_of,
    open_company,
    outcome_path,
)
from tests.support.saas import Pool, add_customer

ROW = SubscriptionQuery(
    "SELECT stripe_subscription_id FROM app_subscription WHERE customer_id = $1"
)


@pytest.fixture
async def company(
    aiohttp_client: AiohttpClient, pool: Pool, stripe_api: tuple[StripeSimulator, str]
) -> FlowCompany:
    return await open_company(aiohttp_client, pool, stripe_api)


def ends(company: FlowCompany, subscription: str) -> bool:
    return bool(company.stripe.subscriptions[subscription]["cancel_at_period_end"])


# --- about one subscription, and not another ------------------------------------------------------------------


async def test_an_old_screen_never_leads_to_the_end_of_the_subscription_that_came_after(
    aiohttp_client: AiohttpClient, pool: Pool, stripe_api: tuple[StripeSimulator, str]
) -> None:
    company = await open_company(aiohttp_client, pool, stripe_api, subscriptions=ROW)
    ada = company.customer()
    old = await ada.go("/cancel")
    why, screen = ada.path, ada.path.removesuffix("/why")
    company.stripe.add_subscription("sub_new", current_period_end=END + timedelta(days=100))
    await pool.execute("UPDATE app_subscription SET stripe_subscription_id = 'sub_new'")

    # Neither to look, nor to answer, decline or choose leads to a page with a button for the new one.
    for path in (why, screen):
        page = await ada.go(path)
        assert (ada.status, page.all("form")) == (409, [])
    for do in ("continue", "decline", "accept", "permit", "look"):
        ada.page = old
        page = await ada.press(do, offer="half")
        assert (ada.status, page.all("form")) == (409, []), do
        assert "This page is out of date" in page.text
        assert "/cancel" in links_of(page)
    ada.page = old
    await ada.press("cancel")
    assert ada.status == 403
    assert not ends(company, "sub_new")
    assert company.stripe.effects == []

    await ada.go("/cancel")
    await ada.press("cancel")
    assert ada.outcome == "scheduled"
    assert ends(company, "sub_new")
    assert not ends(company, "sub_ada")


async def test_of_several_subscriptions_the_address_and_the_screen_name_the_same(
    company: FlowCompany, pool: Pool
) -> None:
    company.stripe.add_subscription("sub_b", current_period_end=END + timedelta(days=100))
    await add_customer(pool, "ada", "sub_b")
    ada = company.customer()
    await ada.go("/cancel?subscription=sub_b")
    grant_of_b = next(each for each in ada.page.all("input") if each.get("name") == "grant")
    await ada.go("/cancel?subscription=sub_ada")
    first = ada.path

    mixed = await ada.go(first.replace("sub_ada", "sub_b"))
    assert (ada.status, mixed.all("form")) == (409, [])

    # A post that mixes them ends what the grant is for, and takes nothing from the other's session.
    await ada.go(first)
    await ada.press("cancel", grant=grant_of_b["value"], reason="unused")
    assert ada.outcome == "scheduled"
    assert (ends(company, "sub_ada"), ends(company, "sub_b")) == (False, True)
    claims = "SELECT subscription_id, flow_session_id FROM aiocancel.claim"
    assert [tuple(row) for row in await pool.fetch(claims)] == [("sub_b", None)]
    states = "SELECT subscription_id, state FROM aiocancel.flow_session ORDER BY 1"
    assert [tuple(row) for row in await pool.fetch(states)] == [
        ("sub_ada", "open"),
        ("sub_b", "open"),
    ]

    # An offer of the one's session is not given to the other.
    await ada.go(first)
    await ada.press("continue", reason="too_expensive")
    assert ada.step == "offer"
    await ada.press("accept", grant=grant_of_b["value"])
    assert ada.status == 409
    assert "discounts" not in [each.kind for each in company.stripe.effects]

    # The end of a session leads to its outcome, whatever else the address names.
    await ada.go(first)
    await ada.press("cancel")
    outcome = ada.path
    await ada.go(first.replace("sub_ada", "sub_b"))
    assert ada.path == outcome


# --- back, and another answer ---------------------------------------------------------------------------------


async def test_another_answer_takes_an_offer_off_the_screen_that_it_forbids(
    aiohttp_client: AiohttpClient, pool: Pool, stripe_api: tuple[StripeSimulator, str]
) -> None:
    rules = [never("coupon").where(reason("customer_service"))]
    flow = OwnFlow(offers=[CouponOffer("half", percent_off=50), BREAK], rules=rules)
    company = await open_company(aiohttp_client, pool, stripe_api, flow)
    ada = company.customer()
    await ada.go("/cancel")
    why = ada.path
    offer = await ada.press("continue", reason="too_expensive")
    assert "50% off" in offer.text

    await ada.go(why)
    forbidden = await ada.press("continue", reason="customer_service")
    assert ada.step == "exit"
    assert "50% off" not in forbidden.text
    await ada.go(why)
    await ada.press("continue", reason="too_expensive")
    await ada.press("accept")

    assert ada.outcome == "done"


# --- too late -------------------------------------------------------------------------------------------------


async def test_who_takes_an_offer_too_late_reads_that_nothing_was_taken(
    company: FlowCompany, pool: Pool
) -> None:
    ada = company.customer()
    await ada.go("/cancel")
    await ada.press("continue", reason="too_expensive")
    await pool.execute(
        "UPDATE aiocancel.flow_session SET touched_at = touched_at - interval '31 minutes'"
    )

    late = await ada.press("accept")

    assert ada.step == "exit"
    assert "That offer is no longer available. Nothing has been changed." in late.text
    assert "discounts" not in [each.kind for each in company.stripe.effects]
    await ada.press("cancel")
    assert ada.outcome == "scheduled"


@pytest.mark.parametrize("do", ["continue", "decline"])
async def test_who_goes_on_too_late_reads_why_only_the_exit_is_left(
    company: FlowCompany, pool: Pool, do: str
) -> None:
    ada = company.customer()
    await ada.go("/cancel")
    if do == "decline":
        await ada.press("continue", reason="too_expensive")
    await pool.execute(
        "UPDATE aiocancel.flow_session SET touched_at = touched_at - interval '31 minutes'"
    )

    late = await ada.press(do, offer="half")

    assert (ada.status, ada.step) == (200, "exit")
    assert "This page was open for a long time. Nothing has been changed." in late.text
    assert "press again" not in late.text
    await ada.press("cancel")
    assert ada.outcome == "scheduled"


@pytest.mark.parametrize(
    ("change", "outcome"),
    [
        ({"cancel_at_period_end": True, "cancel_at": int(END.timestamp())}, "already_cancelled"),
        ({"status": "canceled", "ended_at": int(END.timestamp())}, "ended"),
    ],
    ids=["ending", "ended"],
)
async def test_who_comes_back_reads_that_the_subscription_ends_or_has_ended_meanwhile(
    company: FlowCompany, change: dict[str, object], outcome: str
) -> None:
    ada = company.customer()
    await ada.go("/cancel")
    assert ada.step == "why"
    asked = len(company.stripe.requests)
    await ada.go("/cancel")
    assert ada.step == "why"
    assert len(company.stripe.requests) == asked + 1

    # Somebody else ends it while the session is open.
    company.stripe.subscriptions["sub_ada"] |= change
    await ada.go("/cancel")

    assert ada.outcome == outcome


async def test_who_comes_back_goes_on_where_stripe_is_slow(company: FlowCompany) -> None:
    ada = company.customer()
    await ada.go("/cancel")
    await ada.press("continue", reason="too_expensive")
    company.stripe.latency_s = 3.0

    await ada.go("/cancel")

    assert ada.step == "offer"
    company.stripe.latency_s = 0.0


async def test_the_outcome_of_a_cancellation_that_was_taken_back_says_that_it_goes_on(
    company: FlowCompany,
) -> None:
    ada = company.customer()
    await ada.go("/cancel")
    outcome = await ada.press("cancel")
    address = outcome_path(outcome)
    await ada.go(next(link for link in links_of(outcome) if "change=resume" in link))
    await ada.press()

    old = await ada.go(address)

    assert "Your Pro subscription goes on" in old.text
    assert "The cancellation has been withdrawn." in old.text
    assert "ends on" not in old.text


# --- beside a change that is not confirmed --------------------------------------------------------------------


async def test_no_offer_is_made_beside_one_that_is_still_being_carried_out(
    aiohttp_client: AiohttpClient, pool: Pool, stripe_api: tuple[StripeSimulator, str]
) -> None:
    company = await open_company(
        aiohttp_client, pool, stripe_api, answer_within_s=0.01, run_worker=False
    )
    ada = company.customer()
    await ada.go("/cancel")
    await ada.press("continue", reason="too_expensive")
    await ada.press("accept")
    assert ada.outcome == "queued"

    for why in ("too_expensive", "unused"):
        await ada.go("/cancel")
        if ada.step == "exit":
            await ada.go(f"{ada.path}/why")
        await ada.press("continue", reason=why)
        assert ada.step == "exit"

    considered = await pool.fetchval(
        "SELECT considered FROM aiocancel.flow_session ORDER BY id DESC LIMIT 1"
    )
    assert considered.count('"code": "given_recently"') == 2
    await ada.press("cancel")
    assert ada.outcome == "queued"
