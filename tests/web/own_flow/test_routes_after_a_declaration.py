"""What the page of an outcome asks and offers where nothing may stand before the declaration to leave."""

from __future__ import annotations

import asyncio
import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pytest_aiohttp import AiohttpClient

from aiocancel.core.flow.definition import (
    CouponOffer,
    HandledOffer,
    PauseOffer,
    PlanOffer,
    TrialOffer,
)
from aiocancel.core.flow.rules import declaration, never
from aiocancel.core.measures.interval import Share
from aiocancel.core.measures.report import Counts, OfferFate
from aiocancel.postgres.console import ConsoleStore, Search
from aiocancel.postgres.erasure import Erasure
from aiocancel.postgres.flow_sessions import FlowSessions
from aiocancel.postgres.kept_readings import KeptReadings
from aiocancel.postgres.report import Figures
from aiocancel.testing.stripe.faults import Fault
from aiocancel.testing.stripe.simulator import StripeSimulator
from aiocancel.vendors.own import OwnFlow
from tests.support.flow_customers import (
    END,
    HALF,
    FlowCompany,
    German,
    links_of,
    open_company,
    outcome_path,
)
from tests.support.past_sessions import add_reading
from tests.support.saas import Pool, add_customer
from tests.support.waiting import until
from tests.support.web import Page

ANY = CouponOffer("any", percent_off=20, months=2)
KEEP = "Keep subscription and take 50% off"
WHY = "Why are you leaving? (optional)"


async def germany(
    aiohttp_client: AiohttpClient,
    pool: Pool,
    stripe_api: tuple[StripeSimulator, str],
    flow: Any = None,
    **settings: Any,
) -> tuple[FlowCompany, German]:
    company = await open_company(
        aiohttp_client, pool, stripe_api, flow, **{"place": lambda _: "DE", **settings}
    )
    return company, German(company.client)


async def declare(ada: German) -> Page:
    await ada.go("/cancel")
    assert ada.step == "exit"
    return await ada.press("cancel")


async def leave(company: FlowCompany, ada: German) -> str:
    """Press the button that cancels, and return the address of the outcome, which is not looked at yet."""
    grant = next(each["value"] for each in ada.page.all("input") if each["name"] == "grant")
    answer = await company.client.post(
        ada.page.one("form")["action"],
        data={"do": "cancel", "grant": grant},
        headers=ada._headers,
        allow_redirects=False,
    )
    return answer.headers["Location"]


def is_ending(company: FlowCompany) -> bool:
    return bool(company.stripe.subscriptions["sub_ada"]["cancel_at_period_end"])


def discounts(company: FlowCompany) -> int:
    return len(company.stripe.subscriptions["sub_ada"]["discounts"])


def effects(company: FlowCompany) -> list[str]:
    return [each.kind for each in company.stripe.effects]


async def test_a_customer_declares_says_why_and_stays_for_the_offer(
    aiohttp_client: AiohttpClient, pool: Pool, stripe_api: tuple[StripeSimulator, str]
) -> None:
    company, ada = await germany(aiohttp_client, pool, stripe_api)
    await ada.go("/cancel")
    assert ada.step == "exit"
    assert "off your" not in ada.html

    declared = await ada.press("cancel")
    assert ada.outcome == "scheduled"
    assert is_ending(company)
    assert list(ada.forms) == ["reason"]
    assert WHY in declared.text
    assert "off your" not in ada.html
    # The way back without a gift stays.
    assert "Changed your mind? Keep subscription" in declared.text
    first = ada.path

    offered = await ada.on_outcome("continue", reason="too_expensive", comment="It adds up")
    assert ada.path == first
    assert list(ada.forms) == ["offer"]
    assert "Thank you. Your answer is noted." in offered.text
    assert "Or: 50% off your next 3 payments" in offered.text
    assert "This takes your cancellation back." in offered.text
    assert offered.rows["Next payment"].startswith("$14.50 on ")
    assert KEEP in offered.text
    # The answer alone has changed nothing, and a reload shows the same.
    assert is_ending(company)
    assert discounts(company) == 0
    assert list((await ada.go(first)).rows.items()) == list(offered.rows.items())

    stays = await ada.on_outcome("accept")
    assert ada.outcome == "done"
    assert "You get 50% off your next 3 payments" in stays.text
    assert "Your subscription is not cancelled." in stays.text
    assert not is_ending(company)
    assert discounts(company) == 1
    # One update gives the discount and takes the end back.
    assert effects(company) == ["cancel_at_period_end", "coupon_created", "resume"]

    again = await ada.go(first)
    assert ada.forms == {}
    assert "goes on" in again.text

    stored = json.loads(
        await pool.fetchval("SELECT declaration FROM aiocancel.claim ORDER BY id DESC LIMIT 1")
    )
    # Both sessions are evidence: of the declaration, and of the offer that was shown and taken.
    sealed = await pool.fetchval(
        "SELECT count(*) FROM (SELECT reference FROM aiocancel.evidence_due WHERE source = 'session'"
        " UNION SELECT reference FROM aiocancel.evidence_link WHERE source = 'session') AS noted"
    )
    assert sealed == 2
    assert stored["words"] == KEEP
    assert stored["shown"]["page"]["heading"].startswith("Your Pro subscription ends on")
    assert stored["shown"]["offers"][0]["rows"][1] == ["Next payment", offered.rows["Next payment"]]


async def test_an_offer_for_everybody_stands_there_at_once_and_no_reason_is_needed(
    aiohttp_client: AiohttpClient, pool: Pool, stripe_api: tuple[StripeSimulator, str]
) -> None:
    company, ada = await germany(aiohttp_client, pool, stripe_api, OwnFlow(offers=[HALF, ANY]))

    await declare(ada)
    assert list(ada.forms) == ["reason", "offer"]
    assert "required" not in ada.html.partition("<body")[2]
    await ada.on_outcome("accept")

    assert ada.outcome == "done"
    assert company.stripe.subscriptions["sub_ada"]["cancel_at_period_end"] is False


async def test_who_wants_another_offer_is_shown_one_and_a_declined_one_does_not_come_back(
    aiohttp_client: AiohttpClient, pool: Pool, stripe_api: tuple[StripeSimulator, str]
) -> None:
    other = CouponOffer("other", percent_off=10)
    flow = OwnFlow(offers=[ANY, other], offers_at_most=2)
    company, ada = await germany(aiohttp_client, pool, stripe_api, flow)

    await declare(ada)
    assert "Or: 20% off your next 2 payments" in ada.page.text
    await ada.on_outcome("decline")
    assert "Or: 10% off" in ada.page.text
    assert "20% off" not in ada.page.text
    await ada.on_outcome("continue", reason="unused")

    assert "20% off" not in ada.page.text
    assert effects(company) == ["cancel_at_period_end", "coupon_created", "coupon_created"]


@pytest.mark.parametrize(
    ("flow", "settings"),
    [
        pytest.param(OwnFlow(offers=[ANY], hold_out_percent=100), {}, id="held out"),
        pytest.param(OwnFlow(offers=[ANY]), {"resume_policy": "off"}, id="nobody may come back"),
        pytest.param(OwnFlow(offers=[ANY]), {"cancel_timing": "now"}, id="it has ended"),
        pytest.param(OwnFlow(offers=[ANY]), {"place": lambda _: None}, id="unknown place"),
        pytest.param(OwnFlow(), {}, id="no offers"),
        pytest.param(
            OwnFlow(
                offers=[
                    PauseOffer("break", sentence="It stays."),
                    PlanOffer("basic", "price_basic"),
                    HandledOffer("call", "A call", "We call.", "Book a call"),
                ]
            ),
            {},
            id="two writes",
        ),
    ],
)
async def test_where_nothing_can_be_offered_the_page_asks_and_does_not_offer(
    aiohttp_client: AiohttpClient,
    pool: Pool,
    stripe_api: tuple[StripeSimulator, str],
    flow: OwnFlow,
    settings: dict[str, Any],
) -> None:
    stripe_api[0].add_price("price_basic", unit_amount=900)
    company, ada = await germany(aiohttp_client, pool, stripe_api, flow, **settings)

    await declare(ada)
    assert list(ada.forms) == ["reason"]
    answered = await ada.on_outcome("continue", reason="unused")

    assert ada.forms == {}
    assert "Thank you. Your answer is noted." in answered.text
    assert len(effects(company)) == 1


async def test_nothing_follows_where_no_rule_keeps_anything_back(
    aiohttp_client: AiohttpClient, pool: Pool, stripe_api: tuple[StripeSimulator, str]
) -> None:
    company = await open_company(aiohttp_client, pool, stripe_api, place=lambda _: "FR")
    ada = German(company.client)
    await ada.go("/cancel")
    assert ada.step == "why"

    await ada.press("cancel")

    assert ada.forms == {}
    assert await pool.fetchval("SELECT count(*) FROM aiocancel.flow_session") == 1


async def test_a_rule_of_the_owners_keeps_offers_back_and_asks_before(
    aiohttp_client: AiohttpClient, pool: Pool, stripe_api: tuple[StripeSimulator, str]
) -> None:
    flow = OwnFlow(offers=[HALF], rules=[never("coupon").without(declaration)])
    company = await open_company(aiohttp_client, pool, stripe_api, flow)
    ada = German(company.client)
    await ada.go("/cancel")
    await ada.press("continue", reason="too_expensive")
    assert ada.step == "exit"

    await ada.press("cancel")

    # It was answered before, and is not asked again.
    assert list(ada.forms) == ["offer"]


PART = (PauseOffer("break", sentence="It stays.", months=(1,)), ANY)


@pytest.mark.parametrize("at_most", [1, 2])
async def test_an_offer_from_before_the_declaration_does_not_come_back_and_counts(
    aiohttp_client: AiohttpClient,
    pool: Pool,
    stripe_api: tuple[StripeSimulator, str],
    at_most: int,
) -> None:
    rules = [never("coupon").without(declaration)]
    flow = OwnFlow(offers=PART, rules=rules, offers_at_most=at_most)
    company = await open_company(aiohttp_client, pool, stripe_api, flow, place=lambda _: "FR")
    # A pause that begins now, so that it could be offered after the declaration as well.
    eve = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=12)
    company.stripe.add_subscription("sub_bob", current_period_end=eve)
    await add_customer(pool, "bob", "sub_bob")
    bob = German(company.client, "bob")
    await bob.go("/cancel")
    await bob.press("continue", reason="unused")
    assert bob.step == "offer"

    await bob.press("cancel")

    assert list(bob.forms) == (["offer"] if at_most == 2 else [])
    assert "pause" not in bob.page.text.lower()
    assert ("20% off" in bob.page.text) is (at_most == 2)
    if at_most == 2:
        await bob.on_outcome("decline")
        assert bob.forms == {}
    offers = await pool.fetch("SELECT offer, session_state FROM aiocancel.v_offers ORDER BY offer")
    shown = ["any", "break"] if at_most == 2 else ["break"]
    assert [tuple(each) for each in offers] == [(each, "canceled") for each in shown]
    assert await pool.fetchval("SELECT offers_shown FROM aiocancel.v_sessions") == at_most
    # Each session keeps that one declined which it showed itself.
    declined = await pool.fetch("SELECT declined FROM aiocancel.flow_session ORDER BY id")
    assert [each["declined"] for each in declined] == [["break"], ["any"][: at_most - 1]]


async def test_what_was_said_and_declined_before_is_noted_before_anything_follows(
    aiohttp_client: AiohttpClient,
    pool: Pool,
    stripe_api: tuple[StripeSimulator, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rules = [never("coupon").without(declaration)]
    flow = OwnFlow(offers=PART, rules=rules, offers_at_most=2)
    company = await open_company(aiohttp_client, pool, stripe_api, flow, place=lambda _: "FR")
    may_note, note = asyncio.Event(), FlowSessions.canceled

    async def slow(*args: Any, **named: Any) -> None:
        await may_note.wait()
        await note(*args, **named)

    monkeypatch.setattr(FlowSessions, "canceled", slow)
    ada = German(company.client)
    await ada.go("/cancel")
    await ada.press("continue", reason="unused")
    assert ada.step == "offer"

    await ada.press("cancel")
    first = ada.path
    assert ada.outcome == "scheduled"
    assert ada.forms == {}
    may_note.set()
    await ada.go(first)

    assert list(ada.forms) == ["offer"]
    row = await pool.fetchrow("SELECT * FROM aiocancel.flow_session WHERE after_id IS NULL")
    assert row is not None
    assert (row["state"], row["reason"], row["declined"]) == ("canceled", "unused", ["break"])


async def test_while_stripe_does_not_have_it_the_page_asks_alone_and_does_not_reload(
    aiohttp_client: AiohttpClient, pool: Pool, stripe_api: tuple[StripeSimulator, str]
) -> None:
    company, ada = await germany(
        aiohttp_client,
        pool,
        stripe_api,
        OwnFlow(offers=[HALF, ANY]),
        run_worker=False,
        answer_within_s=0.01,
    )

    waits = await declare(ada)
    assert ada.outcome == "queued"
    assert list(ada.forms) == ["reason"]
    assert "Look again" in waits.text
    # Nobody loses what they have begun to write.
    assert not any(each.get("http-equiv") == "refresh" for each in waits.all("meta"))
    await ada.on_outcome("continue", reason="too_expensive")

    assert ada.outcome == "queued"
    assert ada.forms == {}
    assert "off your" not in ada.page.text
    row = await pool.fetchrow("SELECT * FROM aiocancel.flow_session WHERE after_id IS NOT NULL")
    assert row is not None
    assert (row["reason"], row["considered"], row["shown"]) == ("too_expensive", "[]", "[]")
    # An offer that a page of a liar names is none that was shown.
    path = f"/cancel/flow/{row['session_id']}"
    await ada._see(
        await company.client.post(
            path, data={"do": "accept", "offer": "any", "grant": "g"}, headers=ada._headers
        )
    )
    assert ada.status == 409


async def test_while_stripe_is_away_nothing_is_offered_and_afterwards_the_answer_still_counts(
    aiohttp_client: AiohttpClient, pool: Pool, stripe_api: tuple[StripeSimulator, str]
) -> None:
    company, ada = await germany(aiohttp_client, pool, stripe_api, page_facts_within_s=0.2)
    await ada.go("/cancel")
    outcome = await leave(company, ada)
    company.stripe.inject(Fault("drop_before", times=1_000))
    await ada.go(outcome)
    assert ada.outcome == "scheduled"
    assert list(ada.forms) == ["reason"]
    await ada.on_outcome("continue", reason="too_expensive")
    assert ada.forms == {}

    company.stripe.faults.clear()
    await ada.go(outcome)

    assert list(ada.forms) == ["offer"]


async def test_without_a_price_there_is_no_offer(
    aiohttp_client: AiohttpClient, pool: Pool, stripe_api: tuple[StripeSimulator, str]
) -> None:
    company, ada = await germany(aiohttp_client, pool, stripe_api, OwnFlow(offers=[ANY]))
    company.stripe.inject(Fault("drop_before", path_contains="create_preview", times=100))

    await declare(ada)

    assert list(ada.forms) == ["reason"]
    considered = await pool.fetchval(
        "SELECT considered FROM aiocancel.flow_session WHERE after_id IS NOT NULL"
    )
    assert [each["code"] for each in json.loads(considered)] == ["price_is_not_known"]


async def test_after_half_an_hour_the_page_says_that_the_offer_is_gone_and_the_end_stands(
    aiohttp_client: AiohttpClient, pool: Pool, stripe_api: tuple[StripeSimulator, str]
) -> None:
    company, ada = await germany(aiohttp_client, pool, stripe_api, OwnFlow(offers=[ANY]))
    await declare(ada)
    first = ada.path
    await pool.execute(
        "UPDATE aiocancel.flow_session SET touched_at = touched_at - interval '31 minutes'"
    )

    late = await ada.on_outcome("accept")
    assert "That offer is no longer available. Nothing has been changed." in late.text
    assert "Your Pro subscription ends on" in late.text
    assert ada.forms == {}
    assert company.stripe.subscriptions["sub_ada"]["cancel_at_period_end"] is True

    # A page that is opened again after the end has nothing of it, and nothing new begins.
    await ada.go(first)
    assert ada.forms == {}
    assert await pool.fetchval("SELECT count(*) FROM aiocancel.flow_session") == 2


async def test_a_grant_that_is_too_old_asks_for_one_more_press(
    aiohttp_client: AiohttpClient, pool: Pool, stripe_api: tuple[StripeSimulator, str]
) -> None:
    _, ada = await germany(
        aiohttp_client, pool, stripe_api, OwnFlow(offers=[ANY]), grant_lifetime_s=1
    )
    await declare(ada)
    await asyncio.sleep(2.1)

    await ada.on_outcome("accept")
    assert "Please press again." in ada.page.text
    assert list(ada.forms) == ["reason", "offer"]
    await ada.on_outcome("accept")

    assert ada.outcome == "done"


async def test_too_long_an_answer_is_kept_and_told_at_its_field(
    aiohttp_client: AiohttpClient, pool: Pool, stripe_api: tuple[StripeSimulator, str]
) -> None:
    _, ada = await germany(aiohttp_client, pool, stripe_api)
    await declare(ada)
    first = ada.path

    wrong = await ada.on_outcome("continue", reason="unused", comment="x" * 501)
    assert ada.status == 422
    assert "Shorten what you added to 500 characters or fewer" in wrong.text
    assert "x" * 501 in wrong.text
    assert any(each.get("checked") == "" for each in wrong.all("input"))
    await ada.on_outcome("continue", reason="unused", comment="x" * 500)

    assert ada.path == first
    assert "Thank you. Your answer is noted." in ada.page.text


async def test_a_pause_that_begins_now_asks_how_long(
    aiohttp_client: AiohttpClient, pool: Pool, stripe_api: tuple[StripeSimulator, str]
) -> None:
    flow = OwnFlow(offers=[PauseOffer("break", sentence="It stays.", months=(1, 2))])
    company, ada = await germany(aiohttp_client, pool, stripe_api, flow)
    eve = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=12)
    company.stripe.add_subscription("sub_bob", current_period_end=eve)
    await add_customer(pool, "bob", "sub_bob")
    bob = German(company.client, "bob")

    await declare(ada)
    assert list(ada.forms) == ["reason"]
    await declare(bob)
    assert "Keep subscription and pause payments" in bob.page.text
    asked = await bob.on_outcome("accept")
    assert bob.status == 422
    assert "Choose how long you want to pause" in asked.text
    await bob.on_outcome("accept", months="2")

    assert bob.outcome == "done"
    subscription = company.stripe.subscriptions["sub_bob"]
    assert subscription["pause_collection"] is not None
    assert subscription["cancel_at_period_end"] is False


async def test_in_a_trial_more_days_take_the_cancellation_back(
    aiohttp_client: AiohttpClient, pool: Pool, stripe_api: tuple[StripeSimulator, str]
) -> None:
    company, _ = await germany(
        aiohttp_client, pool, stripe_api, OwnFlow(offers=[TrialOffer("more", 14)])
    )
    ends = datetime.now(UTC).replace(microsecond=0) + timedelta(days=5)
    company.stripe.add_subscription("sub_tom", status="trialing", trial_end=ends)
    await add_customer(pool, "tom", "sub_tom")
    tom = German(company.client, "tom")

    await declare(tom)
    assert "Keep subscription and extend the trial" in tom.page.text
    await tom.on_outcome("accept")

    assert tom.outcome == "done"
    subscription = company.stripe.subscriptions["sub_tom"]
    assert subscription["trial_end"] == int((ends + timedelta(days=14)).timestamp())
    assert subscription["cancel_at_period_end"] is False


async def test_who_keeps_it_without_a_gift_is_offered_none_any_more_and_may_begin_anew(
    aiohttp_client: AiohttpClient, pool: Pool, stripe_api: tuple[StripeSimulator, str]
) -> None:
    company, ada = await germany(aiohttp_client, pool, stripe_api, OwnFlow(offers=[ANY]))
    await declare(ada)
    first = ada.path
    await ada.go("/cancel?change=resume")
    await ada.press()
    assert company.stripe.subscriptions["sub_ada"]["cancel_at_period_end"] is False

    await ada.go(first)
    assert ada.forms == {}

    # The next attempt is one of its own, and what is still open from before does not stand in its way.
    await ada.go("/cancel")
    assert ada.step == "exit"
    await ada.press("cancel")
    assert ada.outcome == "scheduled"
    assert list(ada.forms) == ["reason", "offer"]
    states = await pool.fetch("SELECT state FROM aiocancel.flow_session ORDER BY id")
    assert [each["state"] for each in states] == ["canceled", "abandoned", "canceled", "open"]


async def test_nobody_else_and_no_other_button_makes_anything_of_it(
    aiohttp_client: AiohttpClient, pool: Pool, stripe_api: tuple[StripeSimulator, str]
) -> None:
    company, ada = await germany(aiohttp_client, pool, stripe_api, OwnFlow(offers=[HALF, ANY]))
    company.stripe.add_subscription("sub_eve")
    await add_customer(pool, "eve", "sub_eve")
    await declare(ada)
    first, action = ada.path, Page(ada.forms["offer"]).one("form")["action"]
    grant = Page(ada.forms["offer"]).all("input")[0]["value"]

    async def post(who: str, **fields: str) -> tuple[int, str]:
        visitor = German(company.client, who)
        await visitor._see(
            await company.client.post(
                action, data={"grant": grant, **fields}, headers=visitor._headers
            )
        )
        return visitor.status, visitor.path

    assert (await post("eve", do="accept", offer="any"))[0] in (403, 409)
    assert (await post("ada", do="accept", offer="half"))[0] == 409
    assert (await post("ada", do="permit"))[0] == 409
    # Continue of somebody who has nothing to say, and a look: the page that is up to date.
    assert await post("ada", do="look") == (200, first)
    # The exit of no screen: the customer has left already, and stays so.
    await post("ada", do="cancel")
    await until(lambda: company.stripe.subscriptions["sub_ada"]["cancel_at_period_end"])
    assert effects(company) == ["cancel_at_period_end", "coupon_created"]

    await German(company.client, "eve").go(first)


async def test_pressed_twice_at_once_it_gives_once(
    aiohttp_client: AiohttpClient, pool: Pool, stripe_api: tuple[StripeSimulator, str]
) -> None:
    company, ada = await germany(aiohttp_client, pool, stripe_api, OwnFlow(offers=[ANY]))
    await declare(ada)
    page = ada.html, ada.path
    other = German(company.client)
    other.html, other.path = page

    await asyncio.gather(ada.on_outcome("accept"), other.on_outcome("accept"))

    assert ada.outcome == other.outcome == "done"
    assert ada.path == other.path
    assert effects(company) == ["cancel_at_period_end", "coupon_created", "resume"]


@pytest.mark.parametrize("is_same_page", [False, True], ids=["another tab", "the back button"])
async def test_who_took_the_offer_and_cancels_on_an_older_page_leaves(
    aiohttp_client: AiohttpClient,
    pool: Pool,
    stripe_api: tuple[StripeSimulator, str],
    is_same_page: bool,
) -> None:
    company, ada = await germany(aiohttp_client, pool, stripe_api, OwnFlow(offers=[ANY]))
    older = German(company.client)
    page = await older.go("/cancel")
    if is_same_page:
        ada.page = page
        await ada.press("cancel")
    else:
        await declare(ada)
    await ada.on_outcome("accept")
    assert not is_ending(company)

    for _ in range(2):
        older.page = page
        left = await older.press("cancel")
        assert older.outcome == "scheduled"
        assert "Your Pro subscription ends on" in left.text

    assert is_ending(company)
    claims = await pool.fetch(
        "SELECT status, flow_session_id IS NULL AS alone FROM aiocancel.claim ORDER BY id"
    )
    assert [tuple(each) for each in claims] == [
        ("canceled", False),
        ("saved", False),
        ("canceled", True),
    ]
    # In the figures the later one stands by itself.
    rows = await pool.fetch(
        "SELECT claim IS NULL, outcome FROM aiocancel.v_sessions ORDER BY started_at"
    )
    assert [tuple(each) for each in rows] == [(True, "taken_back"), (False, "canceled")]


@pytest.mark.parametrize("way", ["the offer", "no gift"])
async def test_who_stays_may_declare_anew_before_stripe_has_it(
    aiohttp_client: AiohttpClient,
    pool: Pool,
    stripe_api: tuple[StripeSimulator, str],
    way: str,
) -> None:
    company, ada = await germany(
        aiohttp_client, pool, stripe_api, OwnFlow(offers=[ANY]), answer_within_s=0.3
    )
    await declare(ada)
    first = ada.path

    async def is_offered() -> bool:
        await ada.go(first)
        return "offer" in ada.forms

    await until(is_offered)
    busy = Fault("lock_timeout_429", method="POST", path_contains="/sub_ada", times=100)
    company.stripe.inject(busy)
    if way == "the offer":
        await ada.on_outcome("accept")
    else:
        await ada.go("/cancel?change=resume")
        await ada.press()
    assert ada.outcome == "queued"
    assert is_ending(company)

    page = await ada.go("/cancel")
    assert ada.step == "exit"
    assert "Cancel your Pro subscription" in page.text
    # Nobody knows yet when it would end, and nothing says that it is cancelled.
    assert "it ends when the time you have paid for is over" in page.text
    assert "already" not in page.text
    await ada.press("cancel")
    company.stripe.faults.clear()

    asked = "SELECT status FROM aiocancel.claim ORDER BY id DESC LIMIT 1"
    assert await pool.fetchval(asked) == "canceled"
    waits = "SELECT count(*) FROM aiocancel.action WHERE state IN ('waiting', 'running')"

    async def is_done() -> bool:
        return not await pool.fetchval(waits)

    await until(is_done, within_s=20)
    assert is_ending(company)
    assert discounts(company) == 0
    # Now that this is done there is nothing more to cancel.
    await ada.go("/cancel")
    assert ada.outcome == "already_cancelled"


async def test_who_stays_and_presses_the_exit_too_late_is_shown_it_again(
    aiohttp_client: AiohttpClient, pool: Pool, stripe_api: tuple[StripeSimulator, str]
) -> None:
    company, ada = await germany(
        aiohttp_client, pool, stripe_api, answer_within_s=0.3, grant_lifetime_s=3
    )
    await declare(ada)
    await until(lambda: is_ending(company))
    busy = Fault("lock_timeout_429", method="POST", path_contains="/sub_ada", times=100)
    company.stripe.inject(busy)
    await ada.go("/cancel?change=resume")
    await ada.press()
    await ada.go("/cancel")
    assert ada.step == "exit"
    await asyncio.sleep(4.1)

    again = await ada.press("cancel")
    assert "Please press again." in again.text
    assert ada.step == "exit"
    await ada.press("cancel")

    asked = "SELECT array_agg(status ORDER BY id) FROM aiocancel.claim"
    assert await pool.fetchval(asked) == ["canceled", "resumed", "canceled"]


async def test_an_end_from_elsewhere_has_nothing_of_a_declaration_that_the_offer_took_back(
    aiohttp_client: AiohttpClient, pool: Pool, stripe_api: tuple[StripeSimulator, str]
) -> None:
    company, ada = await germany(aiohttp_client, pool, stripe_api, OwnFlow(offers=[ANY]))
    await declare(ada)
    before = await ada.go("/cancel")
    assert any("/acknowledgement/" in each for each in links_of(before))
    await ada.go(outcome_path(before))
    await ada.on_outcome("accept")
    assert not is_ending(company)

    company.stripe.subscriptions["sub_ada"]["cancel_at_period_end"] = True
    after = await ada.go("/cancel")

    assert not any("/acknowledgement/" in each for each in links_of(after))


async def test_of_two_tabs_that_open_the_outcome_at_once_one_begins_what_follows(
    aiohttp_client: AiohttpClient, pool: Pool, stripe_api: tuple[StripeSimulator, str]
) -> None:
    company, ada = await germany(aiohttp_client, pool, stripe_api, OwnFlow(offers=[ANY]))
    await ada.go("/cancel")
    outcome = await leave(company, ada)

    tabs = [German(company.client) for _ in range(4)]
    await asyncio.gather(*(tab.go(outcome) for tab in tabs))

    assert await pool.fetchval("SELECT count(*) FROM aiocancel.flow_session") == 2
    assert any("offer" in tab.forms for tab in tabs)


async def test_an_offer_that_stripe_refuses_leaves_the_cancellation(
    aiohttp_client: AiohttpClient, pool: Pool, stripe_api: tuple[StripeSimulator, str]
) -> None:
    company, ada = await germany(aiohttp_client, pool, stripe_api, OwnFlow(offers=[ANY]))
    await declare(ada)
    company.stripe.inject(
        Fault("card_declined_402", method="POST", path_contains="/v1/subscriptions/")
    )

    await ada.on_outcome("accept")

    assert ada.outcome == "refused"
    assert company.stripe.subscriptions["sub_ada"]["cancel_at_period_end"] is True
    found = await Figures(pool, "test").counts(*_RANGE)
    assert (found.canceled, found.taken_back) == (1, 0)


_RANGE = (datetime(2020, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC))


async def test_in_the_figures_both_are_one_session(
    aiohttp_client: AiohttpClient, pool: Pool, stripe_api: tuple[StripeSimulator, str]
) -> None:
    company, ada = await germany(aiohttp_client, pool, stripe_api)
    for name in ("bob", "cyd"):
        company.stripe.add_subscription(f"sub_{name}", current_period_end=END)
        await add_customer(pool, name, f"sub_{name}")
    bob, cyd = German(company.client, "bob"), German(company.client, "cyd")

    for customer in (ada, bob, cyd):
        await declare(customer)
    await ada.on_outcome("continue", reason="too_expensive")
    await ada.on_outcome("accept")
    await bob.on_outcome("continue", reason="too_expensive")

    figures = Figures(pool, "test")
    assert await pool.fetchval("SELECT count(*) FROM aiocancel.flow_session") == 6
    assert await figures.counts(*_RANGE) == Counts(
        sessions=3, canceled=2, taken_back=1, shown=2, declined=1
    )
    chosen = {each.reason: each.chosen for each in await figures.reasons(*_RANGE)}
    assert chosen["too_expensive"] == Share(2, 3)
    assert chosen[""] == Share(1, 3)
    fate = OfferFate("half", shown=2, accepted=1, canceled=1, abandoned=0)
    assert list(await figures.offers(*_RANGE)) == [fate]
    # Day 30, 60 and 90 of three sessions.
    assert await pool.fetchval("SELECT count(*) FROM aiocancel.kept_reading") == 9

    # What came in counts from the first of both, as after an accepted offer.
    await pool.execute("UPDATE aiocancel.kept_reading SET due_at = now() WHERE day = 30")
    due = await KeptReadings(pool, "test").take(limit=10, lease_s=10.0)
    assert {(each.bounds.paid_until, each.bounds.given_until) for each in due} == {(None, None)}
    assert len(due) == 3
    await add_reading(pool, min(each.session for each in due), paid={"usd": (1450, 1450)})
    (kept,) = await pool.fetch("SELECT session_state, offer FROM aiocancel.v_kept")
    assert tuple(kept) == ("accepted", "half")
    (money,) = await pool.fetch("SELECT outcome, offer FROM aiocancel.v_revenue")
    assert tuple(money) == ("accepted", "half")

    # The owner's list and story have one as well, found by the id of what followed, too.
    store = ConsoleStore(pool, "test")
    rows = (await store.sessions(Search(*_RANGE))).rows
    assert {each["subscription_id"]: each["outcome"] for each in rows} == {
        "sub_ada": "taken_back",
        "sub_bob": "canceled",
        "sub_cyd": "canceled",
    }
    row = await pool.fetchrow(
        "SELECT * FROM aiocancel.flow_session WHERE after_id IS NOT NULL AND customer_id = 'ada'"
    )
    assert row is not None
    (found,) = (await store.sessions(Search(*_RANGE, start=row["session_id"]))).rows
    assert (found["session"], found["reason"], found["offer"]) == (
        row["after_id"],
        "too_expensive",
        "half",
    )
    (by_reason, _) = (await store.sessions(Search(*_RANGE, reason="too_expensive"))).rows
    assert by_reason["subscription_id"] in ("sub_ada", "sub_bob")
    story = await store.story(session=row["after_id"])
    assert story is not None
    assert story.after is not None
    assert [each["status"] for each in story.claims] == ["canceled", "saved"]

    # Nobody's data stay behind in what followed.
    async with pool.acquire() as connection:
        erased = await Erasure(connection).of_customer("ada")
    assert (erased.claims, erased.sessions) == (2, 2)
    assert await figures.counts(*_RANGE) == Counts(
        sessions=3, canceled=2, taken_back=1, shown=2, declined=1
    )
    left = await pool.fetchval(
        "SELECT count(*) FROM aiocancel.flow_session WHERE answers <> '{}' AND erased_at IS NOT NULL"
    )
    assert left == 0


async def test_the_arms_of_the_hold_out_are_those_for_whom_an_offer_fitted_afterwards(
    aiohttp_client: AiohttpClient, pool: Pool, stripe_api: tuple[StripeSimulator, str]
) -> None:
    _, ada = await germany(
        aiohttp_client, pool, stripe_api, OwnFlow(offers=[HALF], hold_out_percent=100)
    )
    await declare(ada)

    # Nothing fits without the reason; with it, both arms are counted.
    due = (
        "SELECT session IS NOT NULL FROM aiocancel.v_sessions WHERE fitted IS NOT NULL AND held_out"
    )
    assert await pool.fetch(due) == []
    await ada.on_outcome("continue", reason="too_expensive")

    assert len(await pool.fetch(due)) == 1
    assert ada.forms == {}


async def test_the_page_speaks_the_customers_language(
    aiohttp_client: AiohttpClient, pool: Pool, stripe_api: tuple[StripeSimulator, str]
) -> None:
    _, ada = await germany(aiohttp_client, pool, stripe_api, languages=["de", "en"])
    ada._headers["Accept-Language"] = "de"

    await declare(ada)
    assert "Warum gehen Sie? (freiwillig)" in ada.page.text
    await ada.on_outcome("continue", reason="too_expensive")

    assert "Damit nehmen Sie Ihre Kündigung zurück." in ada.page.text
    assert re.search(r"Abonnement behalten und 50\s% Rabatt nehmen", ada.page.text)
