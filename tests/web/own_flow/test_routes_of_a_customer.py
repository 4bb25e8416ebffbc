"""Our own flow as a customer without a script goes through it: real pages, PostgreSQL and a simulated Stripe."""

from __future__ import annotations

import asyncio
import re
import uuid
from typing import Any

import aiohttp_jinja2
import jinja2
import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from pytest_aiohttp import AiohttpClient
from yarl import URL

from aiocancel.errors import UnavailableError
from aiocancel.intake import FlowService
from aiocancel.telemetry import ClaimRefused
from aiocancel.testing.stripe.faults import Fault
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
from tests.support.saas import (
    Pool,
    add_customer,
    as_customer,
    expired,
    make_cancel,
)
from tests.support.web import Page


def reloads(page: Page) -> bool:
    return any(each.get("http-equiv") == "refresh" for each in page.all("meta"))


@pytest.fixture
async def company(
    aiohttp_client: AiohttpClient, pool: Pool, stripe_api: tuple[StripeSimulator, str]
) -> FlowCompany:
    return await open_company(aiohttp_client, pool, stripe_api)


async def test_a_customer_takes_the_offer_that_fits_at_the_price_that_was_shown(
    company: FlowCompany,
) -> None:
    ada = company.customer()
    why = await ada.go("/cancel")
    assert ada.step == "why"
    assert "style-src 'nonce-" in ada.policy
    assert ada.policy.startswith("default-src 'none'")

    offer = await ada.press("continue", reason="too_expensive", comment="It adds up")
    assert "Or: 50% off your next 3 payments" in offer.text
    assert offer.rows["Next payment"].startswith("$14.50 on ")
    assert [each[1]["value"] for each in offer.controls if each[0] == "button"][1] == "cancel"

    outcome = await ada.press("accept")

    assert ada.path.startswith("/cancel/status/")
    assert ada.outcome == "done"
    assert "You get 50% off your next 3 payments" in outcome.text
    assert "Your subscription is not cancelled." in outcome.text
    assert [each.kind for each in company.stripe.effects] == ["coupon_created", "discounts"]
    assert why.one("h1") == offer.one("h1")


async def test_the_exit_of_every_screen_ends_the_contract_without_another(
    company: FlowCompany,
) -> None:
    ada = company.customer()
    await ada.go("/cancel")
    await ada.press("continue", reason="unused")
    assert "Or: pause for a while" in ada.page.text

    day = Words("en", {}).day(END)
    assert f"If you cancel, it ends on {day}." in ada.page.text
    outcome = await ada.press("cancel")
    assert ada.outcome == "scheduled"
    assert f"Your Pro subscription ends on {day}" in outcome.text
    details = company.stripe.subscriptions["sub_ada"]["cancellation_details"]
    assert details["feedback"] == "unused"

    assert outcome.rows["Received"].endswith(" UTC")
    assert outcome.rows["Reference"].startswith("C-")
    acknowledgement = next(link for link in links_of(outcome) if "/acknowledgement/" in link)

    again = await ada.go("/cancel")
    assert ada.outcome == "already_cancelled"
    assert [each.get("value") for each in again.all("button")] == [None]
    assert "Keep subscription" in again.text
    assert acknowledgement in links_of(again)


async def test_who_cannot_hear_of_the_end_is_led_to_the_outcome_all_the_same(
    company: FlowCompany, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def unheard(*_: object, **__: object) -> None:
        raise UnavailableError("the database did not answer")

    ada = company.customer()
    await ada.go("/cancel")

    with monkeypatch.context() as outage:
        outage.setattr(FlowService, "wait_for_answer", unheard)
        outcome = await ada.press("cancel")

    assert outcome.rows["Reference"].startswith("C-")


async def test_who_has_cancelled_is_led_back_by_one_link_and_one_button(
    company: FlowCompany,
) -> None:
    ada = company.customer()
    await ada.go("/cancel")
    outcome = await ada.press("cancel")
    assert "Changed your mind? Keep subscription" in outcome.text

    keep = await ada.go(next(link for link in links_of(outcome) if "change=resume" in link))
    assert "Keep your subscription?" in keep.text
    assert keep.rows["Next payment"].startswith("$29.00 on ")
    kept = await ada.press()
    assert ada.outcome == "done"
    assert "Your Pro subscription goes on" in kept.text

    # Neither the old outcome nor a new end that somebody else made leads to what was taken back.
    assert "Changed your mind?" not in (await ada.go(outcome_path(outcome))).text
    company.stripe.subscriptions["sub_ada"]["cancel_at_period_end"] = True
    ending = await ada.go("/cancel")
    assert ada.outcome == "already_cancelled"
    assert not any("/acknowledgement/" in link for link in links_of(ending))


async def test_an_overdue_customer_reads_what_stays_open_at_the_price_of_one_read(
    company: FlowCompany,
) -> None:
    company.stripe.add_subscription("sub_owing", status="past_due", current_period_end=END)
    company.stripe.subscriptions["sub_ada"] |= {
        name: company.stripe.subscriptions["sub_owing"][name]
        for name in ("status", "latest_invoice")
    }
    ada = company.customer()

    why = await ada.go("/cancel")
    assert [request.method for request in company.stripe.requests] == ["GET"]
    outcome = await ada.press("cancel")

    assert ada.outcome == "scheduled"
    for page in (why, outcome):
        assert "$29.00 from " in page.text
        assert " is still open; cancelling does not clear it." in page.text


async def test_who_is_paused_can_end_the_pause_instead(company: FlowCompany) -> None:
    company.stripe.subscriptions["sub_ada"]["pause_collection"] = {
        "behavior": "void",
        "resumes_at": None,
    }
    ada = company.customer()

    why = await ada.go("/cancel")
    assert "It is paused. If you cancel, it does not start again." in why.text
    instead = await ada.go(next(link for link in links_of(why) if "change=unpause" in link))

    assert "End the pause?" in instead.text
    # At Stripe's own price, and with one look at it.
    day = Words("en", {}).day(END)
    assert {name: instead.rows[name] for name in ("Today", "Next payment", "From then on")} == {
        "Today": "Nothing to pay",
        "Next payment": f"$29.00 on {day}",
        "From then on": "$29.00 a month",
    }
    company.stripe.latency_s = 3.0
    slow = await ada.go("/cancel?change=unpause")
    assert "End the pause?" in slow.text
    assert "Next payment" not in slow.rows
    company.stripe.latency_s = 0.0
    assert (await ada.go("/cancel")).all("form")[0]["data-aiocancel-screen"] == "why"


async def test_back_from_the_bare_exit_is_the_question_also_where_nothing_was_answered(
    company: FlowCompany,
) -> None:
    ada = company.customer()
    await ada.go("/cancel")
    first = ada.path
    await ada.press("continue")
    assert ada.step == "exit"

    await ada.go(first)
    assert ada.step == "why"
    offer = await ada.press("continue", reason="too_expensive")

    assert "50% off" in offer.text


async def test_nothing_is_asked_before_the_exit_where_no_question_may_stand_there(
    aiohttp_client: AiohttpClient, pool: Pool, stripe_api: tuple[StripeSimulator, str]
) -> None:
    company = await open_company(aiohttp_client, pool, stripe_api, place=lambda _: "DE")
    ada = company.customer()
    await ada.go("/cancel")
    assert ada.step == "exit"

    await ada.go(f"{ada.path}/why")

    assert ada.step == "exit"


async def test_no_way_back_is_shown_where_the_owner_gives_none(
    aiohttp_client: AiohttpClient, pool: Pool, stripe_api: tuple[StripeSimulator, str]
) -> None:
    company = await open_company(aiohttp_client, pool, stripe_api, resume_policy="off")
    ada = company.customer()
    await ada.go("/cancel")

    outcome = await ada.press("cancel")
    assert "Changed your mind?" not in outcome.text
    ending = await ada.go("/cancel")

    assert ending.all("form") == []


async def test_a_page_that_waits_says_since_when_it_counts_and_stops_reloading_after_a_minute(
    aiohttp_client: AiohttpClient, pool: Pool, stripe_api: tuple[StripeSimulator, str]
) -> None:
    company = await open_company(
        aiohttp_client, pool, stripe_api, answer_within_s=0.01, run_worker=False
    )
    ada = company.customer()
    await ada.go("/cancel")

    waits = await ada.press("cancel")
    assert ada.outcome == "queued"
    assert f"It counts from {waits.rows['Received']}." in waits.text
    assert reloads(waits)
    assert "Look again" not in waits.text

    await pool.execute(
        "UPDATE aiocancel.claim SET recorded_at = recorded_at - interval '61 seconds'"
    )
    later = await ada.go(ada.path)
    assert not reloads(later)
    assert "Look again" in later.text
    assert ada.path in links_of(later)


def without_tokens(html: str) -> str:
    """A page without what is drawn anew for each: its nonce, the session that it is about, and its grant."""
    for token in (
        r'(?<= nonce=")[^"]+',
        r'(?<=action="/cancel/flow/)[^"]+',
        r'(?<=name="grant" value=")[^"]+',
    ):
        html, found = re.subn(token, "", html)
        assert found == 1
    return html


async def test_the_plain_exit_is_one_page_byte_for_byte_whatever_led_to_it(
    aiohttp_client: AiohttpClient, pool: Pool, stripe_api: tuple[StripeSimulator, str]
) -> None:
    stripe = stripe_api[0]
    held, fits = OwnFlow(offers=[HALF], hold_out_percent=100), OwnFlow(offers=[HALF])
    nothing = OwnFlow(offers=[BREAK])
    no_prices = Fault("drop_before", path_contains="create_preview", times=1_000)
    nobody = Fault("drop_before", times=1_000)

    async def plain_exit(customer: str, flow: OwnFlow, fault: Fault | None = None) -> str:
        company = await open_company(
            aiohttp_client, pool, stripe_api, flow, answer_within_s=1.0, run_worker=False
        )
        stripe.add_subscription(f"sub_{customer}", current_period_end=END)
        await add_customer(pool, customer, f"sub_{customer}")
        stripe.inject(*([] if fault is None else [fault]))

        visitor = company.customer(customer)
        await visitor.go("/cancel")
        await visitor.press("continue", reason="too_expensive")
        assert visitor.step == "exit"
        stripe.faults.clear()

        await pool.execute("TRUNCATE app_subscription")
        return without_tokens(visitor.html)

    plain = await plain_exit("held", held)
    assert await plain_exit("without", nothing) == plain
    assert await plain_exit("unpriced", fits, no_prices) == plain

    # Whom Stripe cannot tell of reads no date and no plan. Nothing tells one such customer from another.
    away = await plain_exit("held_away", held, nobody)
    assert await plain_exit("without_away", nothing, nobody) == away
    assert await plain_exit("fitting_away", fits, nobody) == away
    words, day = Words("en", {}), Words("en", {}).day(END)
    for known, unknown in (
        ("Cancel your Pro subscription", "Cancel your subscription"),
        (
            f"<p>If you cancel, it ends on {day}. You can use it until then.</p>",
            f"<p>{words.text('flow_fact_unknown')}</p>\n<p>{words.text('flow_fact_unknown_account')}</p>",
        ),
    ):
        assert known in plain
        plain = plain.replace(known, unknown)
    assert plain == away


async def test_a_choice_that_a_person_looks_at_leaves_the_way_out_open(
    company: FlowCompany, pool: Pool
) -> None:
    ada = company.customer()
    await ada.go("/cancel")
    await ada.press("continue", reason="too_expensive")
    # Nothing can be given to a customer who has left at Stripe meanwhile.
    company.stripe.subscriptions["sub_ada"]["cancel_at_period_end"] = True

    left = await ada.press("accept")
    assert ada.outcome in ("manual", "refused")
    company.stripe.subscriptions["sub_ada"]["cancel_at_period_end"] = False
    assert "/cancel?subscription=sub_ada" in links_of(left)
    await ada.go("/cancel?subscription=sub_ada")
    await ada.press("cancel")

    assert ada.outcome == "scheduled"


async def test_routes_that_an_application_mounts_by_hand_lead_through_the_flow(
    aiohttp_client: AiohttpClient, pool: Pool, stripe_api: tuple[StripeSimulator, str]
) -> None:
    stripe, url = stripe_api
    stripe.add_subscription("sub_ada", current_period_end=END)
    await add_customer(pool, "ada", "sub_ada")
    app, cancel = web.Application(), make_cancel(pool, url, vendor=OwnFlow(offers=[HALF]))
    app.middlewares.append(cancel.middleware)
    app.cleanup_ctx.append(cancel.lifespan)
    app.router.add_get("/cancel", cancel.handle_plain)
    app.router.add_get("/cancel/flow/{session}", cancel.handle_flow_screen)
    app.router.add_get("/cancel/flow/{session}/why", cancel.handle_flow_why)
    app.router.add_post("/cancel/flow/{session}", cancel.handle_flow_press)
    app.router.add_post("/cancel/flow", cancel.handle_flow_press)
    app.router.add_get("/cancel/status/{claim}", cancel.handle_status)
    ada = FlowCustomer(await aiohttp_client(app))

    await ada.go("/cancel")
    assert ada.step == "why"
    await ada.press("continue", reason="too_expensive")
    assert ada.step == "offer"
    await ada.press("cancel")

    assert ada.outcome == "scheduled"


async def test_a_result_route_mounted_by_hand_keeps_the_exit_of_the_flow(pool: Pool) -> None:
    app, cancel = web.Application(), make_cancel(pool, vendor=OwnFlow())
    aiohttp_jinja2.setup(app, loader=jinja2.DictLoader({}))
    app.router.add_post("/cancel/result", cancel.handle_result)

    cancel.add_template_variable(app)

    posts = [
        each.resource.canonical
        for each in app.router.routes()
        if each.method == "POST" and each.resource is not None
    ]
    assert posts == ["/cancel/result", "/cancel/flow/{session}", "/cancel/flow"]


async def test_who_was_logged_out_is_led_to_the_login_and_back_to_the_same_screen(
    aiohttp_client: AiohttpClient, pool: Pool, stripe_api: tuple[StripeSimulator, str]
) -> None:
    company = await open_company(
        aiohttp_client, pool, stripe_api, log_in_at="/login?next={page}", prefix="/leave"
    )
    ada = company.customer()
    await ada.go("/leave?subscription=sub_ada")
    screen = ada.path
    ada._headers.pop(next(iter(as_customer("ada"))))

    for see in (ada.press("continue", reason="unused"), ada.go(screen)):
        page = await see
        assert ada.status == 401
        assert "After that you come back to this page." in page.text
        [login, _] = links_of(page)
        back = URL(login).query["next"]
        assert back in (screen, screen.replace("/why", ""))

    ada._headers |= as_customer("ada")
    await ada.go(back)
    assert ada.step == "why"


@pytest.mark.parametrize("named", ["%00", "%0d%0aX-Evil:%201", "..%2f..%2fevil", "%3fx=1"])
async def test_an_address_that_somebody_made_up_leads_back_to_itself_and_puts_nothing_into_a_header(
    aiohttp_client: AiohttpClient,
    pool: Pool,
    stripe_api: tuple[StripeSimulator, str],
    named: str,
) -> None:
    company = await open_company(aiohttp_client, pool, stripe_api)

    response = await company.client.post(
        URL(f"/cancel/flow/{named}", encoded=True),
        data={"do": "look"},
        headers={**BROWSER, **as_customer("ada")},
        allow_redirects=False,
    )

    assert response.status == 303
    assert response.headers["Location"].startswith("/cancel/flow/")
    assert URL(response.headers["Location"]).raw_parts[:-1] == ("/", "cancel", "flow")
    assert "X-Evil" not in response.headers


async def test_a_stranger_is_led_nowhere_but_to_this_site(
    aiohttp_client: AiohttpClient, pool: Pool, stripe_api: tuple[StripeSimulator, str]
) -> None:
    company = await open_company(aiohttp_client, pool, stripe_api, log_in_at="/login?next={page}")
    stranger = company.customer()
    stranger._headers = dict(BROWSER)

    for path in (
        "/cancel?x=//evil.example/%22%3E%3Cscript%3E&next=/y",
        "/cancel/flow/..%2F..%2F%2Fevil.example",
        "/cancel/status/%22%3E%3Cscript%3E",
    ):
        page = await stranger.go(path)
        assert stranger.status == 401
        assert page.all("script") == []
        url = URL(links_of(page)[0])
        assert (url.path, list(url.query)) == ("/login", ["next"])
        assert url.query["next"].startswith("/cancel")


async def test_a_site_without_such_a_flow_has_no_screens(pool: Pool) -> None:
    cancel = make_cancel(pool)

    for handle in (cancel.handle_flow_screen, cancel.handle_flow_why, cancel.handle_flow_press):
        with pytest.raises(web.HTTPNotFound):
            await handle(make_mocked_request("GET", "/cancel/flow/x"))


async def test_back_and_reload_show_the_answers_and_repeat_nothing(company: FlowCompany) -> None:
    ada = company.customer()
    await ada.go("/cancel")
    first = ada.path
    await ada.press("continue", reason="too_expensive", comment="It adds up")
    offer = ada.path

    back = await ada.go(first)
    chosen = [each["value"] for each in back.all("input") if "checked" in each]
    assert chosen == ["too_expensive"]
    assert "It adds up" in back.text

    await ada.press("continue", reason="too_expensive", comment="It adds up")
    assert ada.path == offer
    await ada.press("accept")
    outcome = ada.path
    for address in (first, offer, outcome):
        await ada.go(address)
        assert ada.path == outcome
    assert [each.kind for each in company.stripe.effects] == ["coupon_created", "discounts"]


async def test_enter_in_a_field_neither_cancels_nor_accepts(company: FlowCompany) -> None:
    ada = company.customer()
    await ada.go("/cancel")
    await ada.press(ada.page.all("button")[0]["value"], reason="unused")
    offer = ada.path
    assert ada.step == "offer"

    await ada.press(ada.page.all("button")[0]["value"], months="1")

    assert ada.path == offer
    assert company.stripe.effects == []


async def test_a_pause_asks_how_long_and_offers_no_other_length(company: FlowCompany) -> None:
    ada = company.customer()
    await ada.go("/cancel")
    await ada.press("continue", reason="unused")

    asked = await ada.press("accept")
    assert ada.status == 422
    assert asked.text.count("Choose how long you want to pause") == 2
    await ada.press("accept", months="7")
    assert ada.status == 409
    await ada.go("/cancel")
    await ada.press("accept", months="2")

    assert ada.outcome == "scheduled"
    assert "Your pause begins on " in ada.page.text


async def test_too_long_an_answer_is_kept_and_told_and_never_holds_the_exit(
    company: FlowCompany,
) -> None:
    ada = company.customer()
    await ada.go("/cancel")

    told = await ada.press("continue", reason="unused", comment="x" * 501)
    assert ada.status == 422
    assert "Shorten what you added to 500 characters or fewer" in told.text
    assert "x" * 501 in told.text
    await ada.press("cancel", reason="unused", comment="x" * 501)

    assert ada.outcome == "scheduled"


async def test_a_page_that_was_open_for_too_long_asks_for_one_more_press(
    company: FlowCompany,
) -> None:
    ada = company.customer()
    await ada.go("/cancel")
    (grant,) = {each["value"] for each in ada.page.all("input") if each["name"] == "grant"}

    late = await ada.press("cancel", reason="unused", comment="Bye", grant=expired(grant))
    assert "This page was open for a long time." in late.text
    assert "Bye" in late.text
    assert company.stripe.effects == []
    assert "grant_expired" in await company.events.codes(ClaimRefused)
    await ada.press("cancel", reason="unused", comment="Bye")

    assert ada.outcome == "scheduled"


POSTED_BY_NO_SCREEN: list[tuple[str, dict[str, str], int]] = [
    ("accept", {"offer": "half"}, 409),
    ("accept", {"offer": "price=0"}, 409),
    ("decline", {"offer": "half"}, 409),
    ("permit", {}, 409),
    ("continue", {"reason": "nobody_asked"}, 409),
    ("obliterate", {}, 400),
    ("continue", {"price": "0"}, 400),
    ("accept", {"offer": "half", "grant": "g1.forged.forged"}, 409),
    ("cancel", {"grant": "g1.forged.forged"}, 403),
    ("cancel", {"grant": ""}, 403),
]


async def test_what_no_screen_posts_changes_nothing(company: FlowCompany) -> None:
    ada = company.customer()

    for do, fields, status in POSTED_BY_NO_SCREEN:
        await ada.go("/cancel")
        assert ada.step == "why"
        await ada.press(do, **fields)
        assert ada.status == status, (do, fields)

    assert company.stripe.effects == []
    assert {request.method for request in company.stripe.requests} == {"GET"}


async def test_another_customers_session_is_nobodys(company: FlowCompany, pool: Pool) -> None:
    await add_customer(pool, "eve", "sub_eve")
    company.stripe.add_subscription("sub_eve", current_period_end=END)
    ada, eve = company.customer(), company.customer("eve")
    await ada.go("/cancel")
    await eve.go("/cancel")
    theirs = ada.path

    await eve.go(theirs)
    assert eve.status == 409
    assert "This page is out of date" in eve.page.text
    await eve.go(f"/cancel/flow/{uuid.uuid4()}")

    assert eve.status == 409


async def test_with_stripe_away_the_flow_goes_on_without_offers(
    aiohttp_client: AiohttpClient, pool: Pool, stripe_api: tuple[StripeSimulator, str]
) -> None:
    company = await open_company(aiohttp_client, pool, stripe_api, answer_within_s=0.01)
    ada = company.customer()
    company.stripe.latency_s = 5.0

    why = await ada.go("/cancel")
    assert "it ends when the time you have paid for is over" in why.text
    plain = await ada.press("continue", reason="too_expensive")
    assert ada.step == "exit"
    assert "Thank you. Your answer is noted." in plain.text
    await ada.press("cancel")

    assert ada.outcome == "queued"
    assert "We have your cancellation" in ada.page.text
    company.stripe.latency_s = 0.0


async def test_screens_are_in_the_language_of_the_customer(
    aiohttp_client: AiohttpClient, pool: Pool, stripe_api: tuple[StripeSimulator, str]
) -> None:
    company = await open_company(aiohttp_client, pool, stripe_api, languages=["en", "de"])
    ada = company.customer()
    ada._headers["Accept-Language"] = "de"

    why = await ada.go("/cancel")
    offer = await ada.press("continue", reason="too_expensive")

    assert "Ihr Abonnement Pro kündigen" in why.text
    assert "Oder: 50\xa0% Rabatt auf Ihre nächsten 3 Zahlungen" in offer.text


async def _fails(customer_id: str) -> str | None:
    raise RuntimeError(customer_id)


async def _hangs(customer_id: str) -> str | None:
    await asyncio.sleep(3600)
    return "FR"


@pytest.mark.parametrize(
    ("place", "first"),
    [
        (lambda _: "FR", "why"),
        (lambda _: "us-ca", "why"),
        # Nothing may stand before the declaration.
        (lambda _: "DE", "exit"),
        # Whose place nobody knows has the strictest rules, whatever kept the application from knowing it.
        (lambda _: None, "exit"),
        (lambda _: "somewhere", "exit"),
        (_fails, "exit"),
        (_hangs, "exit"),
    ],
    ids=["france", "california", "germany", "unknown", "no_place", "fails", "hangs"],
)
async def test_U4_rules_of_a_place_hold_and_all_of_them_where_nobody_knows_it(
    aiohttp_client: AiohttpClient,
    pool: Pool,
    stripe_api: tuple[StripeSimulator, str],
    place: Any,
    first: str,
) -> None:
    company = await open_company(aiohttp_client, pool, stripe_api, place=place)
    ada = company.customer()

    await ada.go("/cancel")
    assert ada.step == first

    # U1: the exit is there whatever the rules are, and ends the contract without another screen.
    await ada.press("cancel")
    assert ada.outcome == "scheduled"


async def test_U2_U3_minnesota_has_no_benefit_without_permission_and_no_required_reason(
    aiohttp_client: AiohttpClient, pool: Pool, stripe_api: tuple[StripeSimulator, str]
) -> None:
    company = await open_company(aiohttp_client, pool, stripe_api, place=lambda _: "US-MN")
    ada = company.customer()
    question = await ada.go("/cancel")
    assert ada.step == "why"
    # A customer who answers nothing goes on like everybody.
    await ada.press("continue")
    assert ada.step != "why"
    session = ada.path.partition("?")[0]
    await ada.go(f"{session}/why")

    asked = await ada.press("continue", reason="too_expensive")
    assert ada.step == "permission"
    assert "50% off" not in asked.text
    offer = await ada.press("permit")
    assert "50% off" in offer.text

    # A reason was never asked for as a condition.
    for screen in (question, asked, offer):
        fields = [*screen.all("input"), *screen.all("textarea"), *screen.all("fieldset")]
        assert [each for each in fields if {"required", "aria-required"} & each.keys()] == []
    await ada.press("cancel")
    assert ada.outcome == "scheduled"


async def test_the_exit_of_an_old_screen_cancels_again_after_the_customer_took_it_back(
    aiohttp_client: AiohttpClient, pool: Pool, stripe_api: tuple[StripeSimulator, str]
) -> None:
    company = await open_company(aiohttp_client, pool, stripe_api)
    ada = company.customer()
    old = await ada.go("/cancel")
    left = await ada.press("cancel")
    await ada.go(next(each for each in links_of(left) if "change=resume" in each))
    await ada.press()
    assert company.stripe.subscriptions["sub_ada"]["cancel_at_period_end"] is False

    ada.page = old
    await ada.press("cancel")

    assert ada.outcome == "scheduled"
    assert company.stripe.subscriptions["sub_ada"]["cancel_at_period_end"] is True
