"""What a customer said in a flow reaches the page, the hooks, Stripe and the ledger, and nobody else."""

from __future__ import annotations

import json
import logging
from datetime import timedelta
from typing import Any

import pytest

from aiocancel import CancelFlow, Outcome
from aiocancel.postgres.erasure import Erasure
from tests.support.company import Company
from tests.support.saas import add_customer, as_customer
from tests.support.waiting import until

WORDS = "Too expensive for me"


def listening(company: Company, **settings: Any) -> tuple[CancelFlow, list[Outcome]]:
    cancel, told = company.plug_in(**settings), list[Outcome]()

    @cancel.on_outcome
    async def hear(outcome: Outcome) -> None:
        told.append(outcome)

    return cancel, told


async def open_without_events(company: Company, cancel: CancelFlow) -> None:
    """Open the site while the vendor shows no events, so that only the browser tells of an end."""
    company.flows.fail_next(503, path="/v1/events", times=100_000)
    await company.open(cancel)


def finished(company: Company, session: dict[str, Any], **how: Any) -> dict[str, Any]:
    how = {"status": "canceled", "comment": WORDS, **how}
    return company.flows.finish(session["id"], **how)


def said_otherwise(session: dict[str, Any], words: str) -> dict[str, Any]:
    """The same result as a browser that was tampered with hands it over."""
    forged: dict[str, Any] = json.loads(json.dumps(session))
    forged["answers"][1]["value"] = words
    return forged


async def test_the_customers_own_words_reach_stripe_the_ledger_the_page_and_the_hook(
    company: Company, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="aiocancel")
    company.stripe.add_subscription("sub_1")
    cancel, told = listening(company)
    await company.open(cancel)
    session = finished(company, await company.opened())

    answer = await company.claim(session)

    details = company.subscription["cancellation_details"]
    assert details["comment"] == f"It is too expensive: {WORDS}"
    assert details["feedback"] == "too_expensive"
    assert answer["status"] == "canceled"
    assert answer["flow"]["comment"] == WORDS
    assert answer["flow"]["offers_presented"] == [o["id"] for o in company.flows.offers]
    assert [each["values"] for each in answer["flow"]["answers"]] == [
        ["It is too expensive"],
        [WORDS],
    ]
    stored = await company.pool.fetchrow("SELECT reason_text, flow FROM aiocancel.claim")
    assert stored is not None
    assert stored["reason_text"] == "It is too expensive"
    assert json.loads(stored["flow"])["comment"] == WORDS
    await until(lambda: bool(told))
    (outcome,) = told
    assert outcome.flow is not None
    assert (outcome.flow.told_by, outcome.flow.comment) == ("vendor", WORDS)
    assert WORDS not in repr(outcome)
    assert WORDS not in caplog.text


async def test_a_browsers_words_are_marked_so_and_give_way_to_the_vendors(
    company: Company,
) -> None:
    company.stripe.add_subscription("sub_1")
    cancel, told = listening(company)
    await open_without_events(company, cancel)
    session = finished(company, await company.opened())
    # The hook's question is under way when the customer is answered.
    company.flows.fail_next(path="/v1/flow_sessions", delay_s=1.0)

    answer = await company.claim(said_otherwise(session, "I was told to say this"))

    assert answer["flow"]["told_by"] == "browser"
    assert answer["flow"]["comment"] == "I was told to say this"
    await until(lambda: bool(told))
    assert told[0].flow is not None
    assert (told[0].flow.told_by, told[0].flow.comment) == ("vendor", WORDS)
    assert company.client is not None
    again = await company.client.get(answer["status_url"], headers=as_customer("ada"))
    assert (await again.json())["flow"]["told_by"] == "vendor"


@pytest.mark.parametrize("way", ["no API key", "the vendor is down", "the vendor hangs"])
async def test_where_the_vendor_cannot_be_asked_the_hook_hears_the_browsers_words_marked_so(
    company: Company, way: str
) -> None:
    company.stripe.add_subscription("sub_1")
    key = None if way == "no API key" else "key_test_simulator"
    cancel, told = listening(company, api_key=key)
    await open_without_events(company, cancel)
    session = finished(company, await company.opened())
    if way == "the vendor is down":
        company.flows.fail_next(503, path="/v1", times=1000)
    elif way == "the vendor hangs":
        company.flows.fail_next(path="/v1/flow_sessions", delay_s=60.0, times=1000)

    await company.claim(session)

    await until(lambda: bool(told), within_s=30.0)
    assert told[0].flow is not None
    assert (told[0].flow.told_by, told[0].flow.comment) == ("browser", WORDS)
    company.flows.heal()


async def test_naming_another_customers_flow_session_shows_nothing_of_it(
    company: Company,
) -> None:
    company.stripe.add_subscription("sub_1")
    company.stripe.add_subscription("sub_zoe")
    await add_customer(company.pool, "zoe", "sub_zoe")
    cancel, told = listening(company)
    await open_without_events(company, cancel)
    zoes = finished(company, await company.opened("zoe"), comment="My bank is at fault")

    answer = await company.claim({"id": zoes["id"], "status": "canceled", "answers": []})

    await until(lambda: bool(told))
    assert told[0].customer_id == "ada"
    assert told[0].flow is not None
    assert (told[0].flow.told_by, told[0].flow.comment) == ("browser", None)
    assert company.client is not None
    again = await company.client.get(answer["status_url"], headers=as_customer("ada"))
    assert "bank" not in await again.text()
    zoe = await company.client.get(answer["status_url"], headers=as_customer("zoe"))
    assert zoe.status == 404


@pytest.mark.parametrize("status", ["deflected", "incomplete"])
async def test_the_page_can_tell_the_ends_apart_that_change_nothing(
    company: Company, status: str
) -> None:
    company.stripe.add_subscription("sub_1")
    await company.open()
    session = finished(company, await company.opened(), status=status)

    answer = await company.claim(session)

    assert (answer["change"], answer["status"]) == ("nothing", status)
    assert answer["flow"]["comment"] == WORDS


async def test_an_accepted_offer_comes_with_its_metadata_by_the_vendors_word(
    company: Company,
) -> None:
    company.stripe.add_subscription("sub_1")
    cancel, told = listening(company)

    @cancel.on_offer("code")
    async def call(_: Any) -> None:
        pass

    await company.open(cancel)
    session = finished(company, await company.opened(), status="saved", offer_id="offr_custom")

    await company.claim(session)

    await until(lambda: bool(told))
    assert told[0].flow is not None
    assert told[0].flow.told_by == "vendor"
    assert told[0].flow.metadata == {"code": "onboarding-call"}


async def test_equal_posts_are_told_the_vendors_words_alike_once_it_has_confirmed(
    company: Company,
) -> None:
    company.stripe.add_subscription("sub_1")
    cancel, _ = listening(company, answer_within_s=20.0)
    await company.open(cancel)
    session = finished(company, await company.opened(), status="saved", offer_id="offr_coupon")
    forged = said_otherwise(session, "I was told to say this")

    first = await company.claim(forged)
    second = await company.claim(forged)

    assert first["settled"]
    assert (first["flow"]["told_by"], first["flow"]["comment"]) == ("vendor", WORDS)
    assert second["flow"] == first["flow"]


async def test_words_that_only_the_vendor_told_us_reach_stripe_and_the_hook(
    company: Company,
) -> None:
    company.stripe.add_subscription("sub_1")
    cancel, told = listening(company, poll_events_every_s=0.2)
    await company.open(cancel)

    finished(company, await company.opened())

    await until(lambda: bool(told))
    assert told[0].flow is not None
    assert (told[0].flow.told_by, told[0].flow.comment) == ("vendor", WORDS)
    comment = company.subscription["cancellation_details"]["comment"]
    assert comment == f"It is too expensive: {WORDS}"


async def test_answers_that_nobody_can_read_do_not_keep_a_customer_from_leaving(
    company: Company,
) -> None:
    company.stripe.add_subscription("sub_1")
    await company.open(company.plug_in(api_key=None))
    session = finished(company, await company.opened())
    broken = {**session, "answers": [7, {"question": "?"}], "offers_presented": "all", "more": {}}

    answer = await company.claim(broken)

    assert answer["outcome"] == "scheduled"
    assert answer["flow"]["answers"] == []


async def test_the_plain_form_has_no_flow(company: Company) -> None:
    company.stripe.add_subscription("sub_1")
    cancel, told = listening(company)
    await company.open(cancel)
    assert company.client is not None
    body = {"grant": await company.grant(), "status": "canceled", "reason": "Bye"}

    response = await company.client.post("/cancel/result", json=body, headers=as_customer("ada"))

    answer = await response.json()
    assert (answer["status"], answer["flow"]) == ("canceled", None)
    await until(lambda: bool(told))
    assert told[0].flow is None


async def test_erasing_takes_the_words_of_the_flow_too(company: Company) -> None:
    company.stripe.add_subscription("sub_1")
    cancel, told = listening(company)
    await company.open(cancel)
    await company.claim(finished(company, await company.opened()))
    await until(lambda: bool(told))

    async def is_erased() -> bool:
        async with company.pool.acquire() as connection:
            erased = await Erasure(connection).older_than(timedelta(0))
        return not erased.unfinished

    await until(is_erased)

    rows = await company.pool.fetch(
        "SELECT c.flow, c.reason_text, a.reason_text AS comment"
        " FROM aiocancel.claim c JOIN aiocancel.action a ON a.claim_id = c.id"
    )
    assert {tuple(row.values()) for row in rows} == {(None, None, None)}


@pytest.mark.parametrize("is_widget", [False, True], ids=["plain_page", "widget"])
async def test_a_page_that_was_open_while_its_claim_was_erased_leads_to_a_new_start(
    company: Company, is_widget: bool
) -> None:
    company.stripe.add_subscription("sub_1")
    await open_without_events(company, company.plug_in())
    assert company.client is not None
    body: dict[str, Any] = {"grant": await company.grant(), "status": "canceled"}
    if is_widget:
        session = finished(company, await company.opened())
        body = {"grant": body["grant"], "result": {"status": "canceled", "flowSession": session}}
    posted = await company.client.post("/cancel/result", json=body, headers=as_customer("ada"))
    await until(lambda: company.subscription["cancel_at_period_end"])

    async with company.pool.acquire() as connection:
        await Erasure(connection).of_customer("ada")
    again = await company.client.post("/cancel/result", json=body, headers=as_customer("ada"))
    body["grant"] = await company.grant()
    anew = await company.client.post("/cancel/result", json=body, headers=as_customer("ada"))

    assert posted.status == 200
    assert (again.status, (await again.json())["error"]) == (409, "grant_used")
    # A flow session ends once: its customer begins another.
    assert anew.status == (409 if is_widget else 200)
    named = "SELECT count(*) FROM aiocancel.claim WHERE customer_id <> ''"
    assert await company.pool.fetchval(named) == (0 if is_widget else 1)
