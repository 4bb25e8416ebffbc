"""Who may act: a flow session needs a page of ours behind it, and a claim has one story for everybody who hears it."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import aiohttp
import pytest
from aiohttp.test_utils import TestClient

from aiocancel import CustomOffer, Outcome, SubscriptionQuery
from aiocancel.core.by_hand import Operation
from aiocancel.postgres.by_hand import Operations
from aiocancel.telemetry import ActionParked
from aiocancel.worker import settling, vendor_events
from tests.support.company import Company
from tests.support.saas import add_customer, as_customer, expired
from tests.support.waiting import until

TOKEN = "an-unguessable-token-of-thirty-two-characters"
BY_CUSTOMER = SubscriptionQuery(
    "SELECT stripe_subscription_id, customer_id AS name, customer_id || '@example.com' AS email "
    "FROM app_subscription WHERE customer_id = $1"
)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let an event that nothing proves wait a moment for the browser, not half a minute."""
    monkeypatch.setattr(vendor_events, "WAITS_FOR_BROWSER_S", 0.05)


async def open_site(company: Company, **settings: Any) -> TestClient[Any, Any]:
    company.stripe.add_subscription("sub_1")
    defaults: dict[str, Any] = {"webhook_token": TOKEN, "poll_events_every_s": 3600.0}
    await company.open(company.plug_in(**defaults | settings))
    assert company.client is not None
    await until(lambda: any(request.path == "/v1/events" for request in company.flows.requests))
    return company.client


async def ring(company: Company, session: dict[str, Any]) -> None:
    """The webhook tells of a flow session's end, and it is looked at."""
    assert company.client is not None
    event = next(
        each
        for each in reversed(company.flows.events)
        if each["data"]["id"] == session["id"] and each["event"] == "flow_session_completed"
    )
    body = {"event": event["event"], "event_id": event["id"]}
    async with company.client.post(f"/cancel/webhook/{TOKEN}", json=body) as response:
        assert response.status == 204
    await until(lambda: is_answered(company, event["id"]))


async def is_answered(company: Company, event_id: str) -> bool:
    found = "SELECT result FROM aiocancel.doorbell WHERE event_id = $1"
    return await company.pool.fetchval(found, event_id) is not None


async def open_unsigned(company: Company, payload: dict[str, Any]) -> dict[str, Any]:
    """Open a flow session the way anybody's browser can, who knows an id."""
    company.flows.require_signature = False
    body = json.dumps({"clientId": company.flows.client_id, **payload})
    async with (
        aiohttp.ClientSession() as stranger,
        stranger.post(f"{company.hosts.api_url}/flow", data=body) as response,
    ):
        assert response.status == 201
        return company.flows.sessions[response.headers["Location"].rpartition("/")[2]]


async def parked(company: Company) -> list[str]:
    rows = await company.pool.fetch(
        "SELECT parked_code FROM aiocancel.action WHERE state = 'parked' ORDER BY id"
    )
    return [row["parked_code"] for row in rows]


async def is_settled(company: Company) -> bool:
    return not await company.pool.fetchval(
        "SELECT exists(SELECT FROM aiocancel.action WHERE state IN ('waiting', 'running'))"
    )


async def post(
    company: Company, grant: str, session: dict[str, Any], headers: dict[str, str]
) -> tuple[int, dict[str, Any]]:
    assert company.client is not None
    body = {"grant": grant, "result": {"status": session["status"], "flowSession": session}}
    async with company.client.post("/cancel/result", json=body, headers=headers) as response:
        return response.status, await response.json()


# A session that no page of ours opened


@pytest.mark.parametrize(("status", "offer_id"), [("canceled", None), ("saved", "offr_coupon")])
@pytest.mark.parametrize("platform", ["connected", "custom"])
async def test_a_session_that_a_stranger_opened_changes_nothing_and_waits_for_a_person(
    company: Company, platform: str, status: str, offer_id: str | None
) -> None:
    await open_site(company, platform=platform, subscriptions=BY_CUSTOMER)
    payload = (
        {"subscription": {"platformId": "sub_1"}}
        if platform == "connected"
        else {"subscriber": {"internalId": "ada", "name": "x", "email": "x@x.x"}}
    )
    session = await open_unsigned(company, payload)
    company.flows.finish(session["id"], status=status, offer_id=offer_id)

    await ring(company, session)

    assert company.stripe.effects == []
    assert await parked(company) == ["flow_session_not_proven"]
    assert await company.events.codes(ActionParked) == ["flow_session_not_proven"]


async def test_a_person_who_asked_the_customer_can_let_such_a_cancellation_go_on(
    company: Company,
) -> None:
    await open_site(company)
    session = await open_unsigned(company, {"subscription": {"platformId": "sub_1"}})
    company.flows.finish(session["id"], status="canceled")
    await ring(company, session)

    async with company.pool.acquire() as connection:
        operations = Operations(connection)
        (listed,) = await operations.find()
        await operations.operate(Operation.RETRY, listed.action_id)

    await until(lambda: company.changes() == ["cancel_at_period_end"])


async def test_the_customers_own_browser_proves_what_the_vendor_told_first(
    company: Company,
) -> None:
    await open_site(company)
    company.flows.echoes_meta = False
    session = await company.finished("canceled")
    await ring(company, session)
    assert await parked(company) == ["flow_session_not_proven"]

    answer = await company.claim(session)

    assert answer["outcome"] == "scheduled"
    assert company.changes() == ["cancel_at_period_end"]
    assert await company.pool.fetchval("SELECT count(*) FROM aiocancel.claim") == 1


async def test_while_the_browser_is_on_its_way_nobody_is_alarmed(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vendor_events, "WAITS_FOR_BROWSER_S", 1.0)
    await open_site(company)
    company.flows.echoes_meta = False
    session = await company.finished("canceled")

    _, answer = await asyncio.gather(ring(company, session), company.claim(session))

    assert answer["outcome"] == "scheduled"
    assert company.events.of(ActionParked) == []


@pytest.mark.parametrize(
    ("of_vendor", "echoes"),
    [
        ({"proof_in": "meta"}, {"echoes_properties": False}),
        ({"proof_in": "property:opened_by"}, {"echoes_meta": False}),
        (
            {"trusts_vendor_sessions": True, "proof_in": None},
            {"echoes_meta": False, "echoes_properties": False},
        ),
    ],
    ids=["in meta", "in a custom property", "on the owner's word"],
)
@pytest.mark.parametrize("platform", ["connected", "custom"])
async def test_a_session_that_the_customers_page_opened_is_carried_out_without_the_browser(
    company: Company, platform: str, of_vendor: dict[str, Any], echoes: dict[str, bool]
) -> None:
    await open_site(company, platform=platform, subscriptions=BY_CUSTOMER, of_vendor=of_vendor)
    for name, value in echoes.items():
        setattr(company.flows, name, value)

    await ring(company, await company.finished("canceled"))

    await until(lambda: company.changes() == ["cancel_at_period_end"])


async def test_a_customers_own_proof_opens_nobody_elses_subscription(company: Company) -> None:
    await open_site(company)
    company.stripe.add_subscription("sub_2")
    await add_customer(company.pool, "bob", "sub_2")
    own = await company.opened("ada")
    stolen = {"subscription": {"platformId": "sub_2"}, "meta": own["meta"]}
    session = await open_unsigned(company, stolen)
    company.flows.finish(session["id"], status="canceled")

    await ring(company, session)

    assert company.stripe.effects == []
    assert await parked(company) == ["flow_session_not_proven"]


async def test_a_proof_is_good_for_one_flow_session(company: Company) -> None:
    await open_site(company)
    first = await company.finished("canceled")
    await ring(company, first)
    again = {"subscription": {"platformId": "sub_1"}, "meta": first["meta"]}
    second = await open_unsigned(company, again)
    company.flows.finish(second["id"], status="saved", offer_id="offr_coupon")

    await ring(company, second)

    assert await parked(company) == ["flow_session_proof_used"]


async def test_a_subscription_that_is_no_customers_any_more_is_left_alone(
    company: Company,
) -> None:
    await open_site(company)
    session = await company.finished("canceled")
    await company.pool.execute("DELETE FROM app_subscription")

    await ring(company, session)

    assert company.stripe.effects == []
    assert await parked(company) == ["subscription_changed_hands"]


async def test_a_stranger_cannot_bury_the_operator_under_parked_actions(company: Company) -> None:
    await open_site(company)
    for _ in range(5):
        session = await open_unsigned(company, {"subscription": {"platformId": "sub_1"}})
        company.flows.finish(session["id"], status="canceled")
        await ring(company, session)

    assert await parked(company) == ["flow_session_not_proven"] * 3


# A refused claim


async def test_a_page_of_another_customer_is_refused_and_its_choice_left_to_a_person(
    company: Company,
) -> None:
    await open_site(company)
    await add_customer(company.pool, "bob", "sub_2")
    grant, session = await company.grant("ada"), await company.finished("canceled")

    status, answer = await post(company, grant, session, as_customer("bob"))
    await ring(company, session)

    assert (status, answer["error"]) == (403, "grant_not_yours")
    assert answer["message"] == (
        "Your choice could not be confirmed here. Nothing has been changed; "
        "a person will look at it."
    )
    await until(lambda: is_settled(company))
    assert company.stripe.effects == []
    assert await parked(company) == ["refused_on_the_page"]


async def test_who_posts_after_the_vendor_told_is_not_told_of_a_refusal(company: Company) -> None:
    await open_site(company)
    await add_customer(company.pool, "bob", "sub_2")
    grant, session = await company.grant("ada"), await company.finished("canceled")
    await ring(company, session)
    await until(lambda: company.changes() == ["cancel_at_period_end"])

    _, answer = await post(company, grant, session, as_customer("bob"))

    assert answer["message"] == "We already have your choice. You do not need to send it again."
    assert await parked(company) == []


async def test_a_page_that_was_open_for_too_long_goes_on_with_a_fresh_grant(
    company: Company,
) -> None:
    await open_site(company)
    grant, session = await company.grant("ada"), await company.finished("canceled")

    _, refused = await post(company, expired(grant), session, as_customer("ada"))
    status, answer = await post(company, await company.grant("ada"), session, as_customer("ada"))

    assert refused["error"] == "grant_expired"
    assert (status, answer["outcome"]) == (200, "scheduled")
    assert company.changes() == ["cancel_at_period_end"]


async def test_who_lost_the_login_is_not_told_that_nothing_will_happen(company: Company) -> None:
    await open_site(company)
    grant, session = await company.grant("ada"), await company.finished("canceled")

    status, answer = await post(company, grant, session, {})
    await ring(company, session)

    assert status == 401
    assert answer["message"] == (
        "Please log in again. If you finished the form, we may already have your choice."
    )
    await until(lambda: company.changes() == ["cancel_at_period_end"])


LOOK = (
    "Your choice may have reached us all the same. Look at your subscription before you try again."
)


async def test_a_post_that_cannot_be_read_is_not_called_refused_where_the_vendor_may_tell(
    company: Company,
) -> None:
    client = await open_site(company)
    session = await company.finished("canceled")
    body = {"grant": await company.grant(), "result": {"status": "canceled"}, "extra": 1}

    async with client.post("/cancel/result", json=body, headers=as_customer("ada")) as response:
        answer = await response.json()
    await ring(company, session)

    assert (response.status, answer["message"]) == (400, LOOK)
    await until(lambda: company.changes() == ["cancel_at_period_end"])


@pytest.mark.parametrize(
    ("status", "offer_id", "settings"),
    [
        ("canceled", None, {"of_vendor": {"applies_cancellation": "vendor"}}),
        ("saved", "offr_coupon", {"applies_offers": "vendor"}),
    ],
)
async def test_a_refused_page_does_not_say_that_nothing_has_changed_where_the_vendor_changes_it(
    company: Company, status: str, offer_id: str | None, settings: dict[str, Any]
) -> None:
    await open_site(company, **settings)
    await add_customer(company.pool, "bob", "sub_2")
    grant, session = await company.grant("ada"), await company.finished(status, offer_id)

    refused, answer = await post(company, grant, session, as_customer("bob"))

    assert (refused, answer["message"]) == (403, LOOK)
    assert await parked(company) == ["refused_on_the_page"]


async def test_no_link_leads_from_one_customers_page_to_anothers(company: Company) -> None:
    client = await open_site(company)
    await add_customer(company.pool, "bob", "sub_2")
    form = {"grant": await company.grant("ada"), "status": "canceled"}

    async with client.post(
        "/cancel/result", data=form, headers={**as_customer("bob"), "Accept": "text/html"}
    ) as response:
        page = await response.text()

    assert response.status == 403
    assert 'href="/cancel"' not in page


# Whose subscription it is, and who ended it


async def test_a_subscription_that_changed_hands_before_the_worker_came_is_left_to_a_person(
    company: Company,
) -> None:
    company.stripe.add_subscription("sub_1")
    await company.open(company.plug_in(run_worker=False, answer_within_s=0.1))
    status, answer = await post(
        company, await company.grant(), await company.finished("canceled"), as_customer("ada")
    )
    assert (status, answer["outcome"]) == (202, "queued")
    await company.pool.execute("UPDATE app_subscription SET customer_id = 'bob'")

    await company.open()

    await until(lambda: is_settled(company))
    assert company.stripe.effects == []
    assert await parked(company) == ["subscription_changed_hands"]


async def test_a_customers_words_are_not_written_into_a_subscription_that_changed_hands(
    company: Company,
) -> None:
    company.stripe.add_subscription("sub_1")
    await company.open(company.plug_in(run_worker=False, answer_within_s=0.1))
    session = await company.finished("canceled")
    session["freeText"] = "Ada is moving house"
    await post(company, await company.grant(), session, as_customer("ada"))
    await company.pool.execute("UPDATE app_subscription SET customer_id = 'bob'")
    # It ends already, so that only the words are left to write.
    company.subscription["cancel_at_period_end"] = True

    await company.open()

    await until(lambda: is_settled(company))
    assert company.stripe.effects == []
    assert await parked(company) == ["subscription_changed_hands"]


async def test_no_handler_is_called_for_a_subscription_that_changed_hands(
    company: Company,
) -> None:
    company.stripe.add_subscription("sub_1")
    await company.open(company.plug_in(run_worker=False, answer_within_s=0.1))
    await company.claim(company.accepted("offr_custom"))
    await company.pool.execute("UPDATE app_subscription SET customer_id = 'bob'")
    cancel = company.plug_in()
    called: list[str] = []

    @cancel.on_offer("offr_custom")
    async def give(offer: CustomOffer) -> None:
        called.append(offer.subscription_id)

    await company.open(cancel)

    await until(lambda: is_settled(company))
    assert called == []
    assert await parked(company) == ["subscription_changed_hands"]


@pytest.mark.parametrize(
    ("policy", "by", "code"),
    [
        ("own", "customer", None),
        ("own", "company", "ended_by_the_company"),
        ("any", "company", None),
        ("off", "customer", "resuming_is_off"),
    ],
)
async def test_resuming_takes_back_what_the_owners_policy_allows(
    company: Company, policy: str, by: str, code: str | None
) -> None:
    client = await open_site(company, resume_policy=policy)
    if by == "customer":
        await company.claim(await company.finished("canceled"))
    else:
        company.subscription["cancel_at_period_end"] = True

    body = {"grant": await company.grant(), "status": "resumed"}
    async with client.post("/cancel/result", json=body, headers=as_customer("ada")) as response:
        answer = await response.json()

    assert answer["outcome"] == ("done" if code is None else "manual")
    assert company.subscription["cancel_at_period_end"] is (code is not None)
    assert await parked(company) == ([] if code is None else [code])


async def test_what_the_company_ended_after_the_customer_had_resumed_stays_ended(
    company: Company,
) -> None:
    client = await open_site(company)
    await company.claim(await company.finished("canceled"))
    for outcome in ("done", "manual"):
        body = {"grant": await company.grant(), "status": "resumed"}
        async with client.post("/cancel/result", json=body, headers=as_customer("ada")) as response:
            assert (await response.json())["outcome"] == outcome
        company.subscription["cancel_at_period_end"] = True


async def test_a_session_of_the_vendors_test_mode_is_not_paid(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settling, "PASSES_WITHIN_S", 0.0)
    await open_site(company)
    session = company.flows.create_session("sub_1", test_mode=True)
    session = company.flows.finish(session["id"], status="saved", offer_id="offr_coupon")

    answer = await company.claim(session)

    assert answer["outcome"] == "manual"
    assert company.stripe.effects == []
    assert await parked(company) == ["no_event_of_flow_session"]


# A person will look at it


@pytest.mark.parametrize("names_session", [True, False])
async def test_an_offer_that_nobody_can_confirm_is_an_action_that_the_operator_sees(
    company: Company, names_session: bool
) -> None:
    company.stripe.add_subscription("sub_1")
    api_key = None if names_session else "key_test_simulator"
    # The vendor's own word of the session would be parked beside it.
    cancel = company.plug_in(api_key=api_key, poll_events_every_s=3600.0)
    await company.open(cancel)
    session = company.accepted("offr_coupon")

    answer = await (
        company.claim(session) if names_session else company.claim(session, flowSession=None)
    )

    assert answer["outcome"] == "manual"
    code = "vendor_api_not_configured" if names_session else "no_flow_session_named"
    assert await company.events.codes(ActionParked) == [code]
    assert (await cancel.queue_stats()).parked == 1


# One flow session, one outcome


@pytest.mark.parametrize("first", ["browser", "vendor", "both at once"])
@pytest.mark.parametrize("status", ["canceled", "saved", "deflected", "incomplete", "rerouted"])
@pytest.mark.parametrize("trusts", [False, True], ids=["proven", "trusted"])
async def test_one_flow_session_has_one_outcome_whoever_tells_of_it_first(
    company: Company, trusts: bool, status: str, first: str
) -> None:
    told: list[Outcome] = []
    of_vendor = {"trusts_vendor_sessions": trusts, "proof_in": None if trusts else "meta"}
    cancel = company.plug_in(webhook_token=TOKEN, poll_events_every_s=3600.0, of_vendor=of_vendor)

    @cancel.on_outcome
    async def note(outcome: Outcome) -> None:
        told.append(outcome)

    company.stripe.add_subscription("sub_1")
    await company.open(cancel)
    session = await company.finished(status, "offr_coupon" if status == "saved" else None)
    if first == "browser":
        answer = await company.claim(session)
        await ring(company, session)
    elif first == "vendor":
        await ring(company, session)
        answer = await company.claim(session)
    else:
        answer, _ = await asyncio.gather(company.claim(session), ring(company, session))

    await until(lambda: bool(told))
    await until(lambda: is_settled(company))
    claims = await company.pool.fetch("SELECT public_id, status FROM aiocancel.claim")
    assert [(str(each["public_id"]), each["status"]) for each in claims] == [
        (answer["claim"], status)
    ]
    assert [each.claim_id for each in told] == [answer["claim"]]
