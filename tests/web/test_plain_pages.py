"""The plain pages: cancelling without any script, and pages that say honestly what came of it."""

from __future__ import annotations

import asyncio
import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp import ClientResponse
from aiohttp.test_utils import TestClient
from pytest_aiohttp import AiohttpClient

from aiocancel import StripeBilling, SubscriptionQuery
from aiocancel.core.codes import Code
from aiocancel.telemetry import ClaimRefused, PageFactsMissing
from aiocancel.testing.stripe.simulator import Fault, StripeSimulator
from aiocancel.testing.stripe.unverified import Unverified
from aiocancel.web.languages import Words
from tests.support.saas import Events, Pool, add_customer, as_customer, make_app, make_cancel
from tests.support.web import Page, Subscriptions

PERIOD_END = datetime(2031, 5, 9, 12, tzinfo=UTC)
BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}

Client = TestClient[Any, Any]


def browser_of(customer_id: str | None) -> dict[str, str]:
    return {**BROWSER, **(as_customer(customer_id) if customer_id else {})}


async def read(response: ClientResponse, status: int = 200) -> Page:
    text = await response.text()
    assert response.status == status, text
    assert response.content_type == "text/html"
    assert response.headers.getall("Cache-Control") == ["no-store"]
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    return Page(text)


def outcome_of(page: Page) -> str:
    return next(
        attributes["data-outcome"] for attributes in page.all("p") if "data-outcome" in attributes
    )


def links_of(page: Page) -> list[str]:
    return [attributes["href"] for attributes in page.all("a")]


@pytest.fixture
async def client(
    aiohttp_client: AiohttpClient, pool: Pool, stripe_api: tuple[StripeSimulator, str]
) -> Client:
    stripe, url = stripe_api
    stripe.add_subscription("sub_ada", current_period_end=PERIOD_END)
    await add_customer(pool, "ada", "sub_ada")
    await add_customer(pool, "bob", None)
    return await aiohttp_client(
        make_app(make_cancel(pool, url, return_to="/account", answer_within_s=10.0))
    )


async def test_a_customer_cancels_without_any_script(
    client: Client, stripe: StripeSimulator
) -> None:
    confirm = await read(await client.get("/cancel", headers=browser_of("ada")))
    assert confirm.one("form")["method"] == "post"
    assert links_of(confirm) == ["/account"]
    assert confirm.all("script") == []

    fields = {**confirm.fields, "reason": "Too expensive — “für mich” 😀"}
    response = await client.post(
        confirm.one("form")["action"], data=fields, headers=browser_of("ada"), allow_redirects=False
    )
    assert response.status == 303
    location = response.headers["Location"]
    assert location.startswith("/cancel/status/")

    page = await read(await client.get(location, headers=browser_of("ada")))
    assert outcome_of(page) == "scheduled"
    assert "Your Pro subscription ends on May 9, 2031" in page.text
    assert "You can use it until then." in page.text
    kept = location.replace("/status/", "/acknowledgement/")
    assert links_of(page) == [kept, "/account", "/cancel?change=resume&subscription=sub_ada"]
    assert stripe.subscriptions["sub_ada"]["cancel_at_period_end"] is True
    assert stripe.subscriptions["sub_ada"]["cancellation_details"]["comment"] == fields["reason"]


async def test_a_customer_takes_a_scheduled_cancellation_back_without_any_script(
    client: Client, stripe: StripeSimulator
) -> None:
    for query in ("", "?change=resume"):
        page = await read(await client.get(f"/cancel{query}", headers=browser_of("ada")))
        response = await client.post(
            page.one("form")["action"], data=page.fields, headers=browser_of("ada")
        )
    page = await read(response)
    assert outcome_of(page) == "done"
    assert "The cancellation has been withdrawn." in page.text
    assert stripe.subscriptions["sub_ada"]["cancel_at_period_end"] is False
    assert [effect.kind for effect in stripe.effects] == ["cancel_at_period_end", "resume"]


@pytest.mark.parametrize(
    ("change", "title", "button"),
    [
        ("resume", "Keep your subscription?", "Keep subscription"),
        ("unpause", "End the pause?", "End the pause"),
        ("remove_discount", "Remove your discount?", "Remove the discount"),
    ],
)
async def test_whatever_is_taken_back_is_asked_about_in_its_own_words(
    client: Client, stripe: StripeSimulator, change: str, title: str, button: str
) -> None:
    stripe.add_coupon("LOYAL", percent_off=10, duration="forever")
    stripe.add_subscription(
        "sub_ada",
        current_period_end=PERIOD_END,
        cancel_at_period_end=True,
        pause_collection={"behavior": "void", "resumes_at": None},
        discounts=["LOYAL"],
    )

    page = await read(await client.get(f"/cancel?change={change}", headers=browser_of("ada")))
    assert title in page.text
    assert button in page.text
    assert page.fields["status"] in ("resumed", "unpaused", "discount_removed")
    assert "reason" not in page.fields


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("resume", "There is no cancellation to take back."),
        ("unpause", "Payments are not paused."),
        ("remove_discount", "There is no discount to remove."),
    ],
)
async def test_a_customer_with_nothing_to_take_back_is_told_so(
    client: Client, change: str, said: str
) -> None:
    page = await read(await client.get(f"/cancel?change={change}", headers=browser_of("ada")))

    assert said in page.text
    assert page.all("form") == []
    assert links_of(page) == ["/account"]


async def test_what_is_still_to_come_can_be_taken_back_before_stripe_shows_it(
    aiohttp_client: AiohttpClient, pool: Pool, stripe_api: tuple[StripeSimulator, str]
) -> None:
    stripe, url = stripe_api
    stripe.add_subscription("sub_ada", current_period_end=PERIOD_END)
    await add_customer(pool, "ada", "sub_ada")
    cancel = make_cancel(pool, url, run_worker=False, answer_within_s=0.01)
    client = await aiohttp_client(make_app(cancel))
    confirm = await read(await client.get("/cancel", headers=browser_of("ada")))
    await client.post("/cancel/result", data=confirm.fields, headers=browser_of("ada"))

    page = await read(await client.get("/cancel?change=resume", headers=browser_of("ada")))

    assert page.fields["status"] == "resumed"


async def test_an_unknown_change_is_no_way_to_cancel(client: Client) -> None:
    page = await read(await client.get("/cancel?change=foo", headers=browser_of("ada")), status=400)

    assert page.all("form") == []
    assert links_of(page) == ["/cancel", "/account"]


async def test_the_page_says_who_which_plan_which_price_and_which_date(
    client: Client, stripe: StripeSimulator, pool: Pool
) -> None:
    page = await read(await client.get("/cancel", headers=browser_of("ada")))

    assert page.rows == {
        "Plan": "Pro",
        "Price": "$29.00 a month",
        "Status": "Next payment on May 9, 2031",
    }
    assert "If you cancel, it ends on May 9, 2031. You can use it until then." in page.text
    # The button that cancels comes before all other things to press.
    assert page.controls[0][1]["class"] == "aiocancel-exit"


async def test_the_date_before_the_click_is_the_date_after_it_and_on_the_way_back(
    client: Client,
) -> None:
    confirm = await read(await client.get("/cancel", headers=browser_of("ada")))
    response = await client.post("/cancel/result", data=confirm.fields, headers=browser_of("ada"))

    outcome = await read(response)
    again = await read(await client.get("/cancel", headers=browser_of("ada")))

    assert "Your Pro subscription ends on May 9, 2031" in outcome.text
    assert outcome.rows["Status"] == "Ends on May 9, 2031"
    assert outcome_of(again) == "already_cancelled"
    assert "It ends on May 9, 2031." in again.text
    assert links_of(again) == ["/account"]
    assert again.fields == {"change": "resume"}
    assert [again.one("form")[name] for name in ("method", "action")] == ["get", "/cancel"]


async def test_an_ended_subscription_leaves_nothing_to_cancel_and_nothing_to_keep(
    client: Client, stripe: StripeSimulator
) -> None:
    stripe.add_subscription("sub_ada", status="canceled", ended_at=int(PERIOD_END.timestamp()))

    for query in ("", "?change=resume"):
        page = await read(await client.get(f"/cancel{query}", headers=browser_of("ada")))
        assert outcome_of(page) == "ended"
        assert "Your subscription ended on May 9, 2031" in page.text
        assert page.all("form") == []


@pytest.mark.parametrize("trouble", ["down", "slow", "unreadable"])
async def test_without_stripe_the_page_comes_up_in_time_and_the_customer_cancels(
    aiohttp_client: AiohttpClient,
    pool: Pool,
    stripe_api: tuple[StripeSimulator, str],
    trouble: str,
) -> None:
    stripe, url = stripe_api
    stripe.add_subscription("sub_ada", current_period_end=PERIOD_END)
    await add_customer(pool, "ada", "sub_ada")
    events = Events()
    cancel = make_cancel(pool, url, answer_within_s=10.0, page_facts_within_s=0.2, on_event=events)
    client = await aiohttp_client(make_app(cancel))
    if trouble == "slow":
        stripe.latency_s = 2.5
    else:
        # A lost connection is tried once more by the client.
        fault = (
            Fault("bad_gateway_502") if trouble == "unreadable" else Fault("drop_before", times=2)
        )
        stripe.inject(fault)

    page = await read(await client.get("/cancel", headers=browser_of("ada")))
    stripe.latency_s = 0.0
    outcome = await read(
        await client.post("/cancel/result", data=page.fields, headers=browser_of("ada"))
    )

    assert page.rows == {}
    assert "You can use it until the end of the time you have paid for." in page.text
    assert outcome_of(outcome) == "scheduled"
    assert (await events.first(PageFactsMissing))[0].subscription_id == "sub_ada"


async def test_the_applications_columns_stand_in_for_stripe_and_its_names_come_first(
    aiohttp_client: AiohttpClient, pool: Pool
) -> None:
    await add_customer(pool, "ada", "sub_ada")
    query = SubscriptionQuery(
        "SELECT stripe_subscription_id, 'Team <b>' AS plan, 'ada@example.com' AS email, "
        "timestamptz '2031-05-09 12:00Z' AS current_period_end "
        "FROM app_subscription WHERE customer_id = $1"
    )
    client = await aiohttp_client(
        make_app(make_cancel(pool, subscriptions=query, run_worker=False))
    )

    page = await read(await client.get("/cancel", headers=browser_of("ada")))

    assert page.rows == {"Account": "ada@example.com", "Plan": "Team <b>"}
    assert "it ends on May 9, 2031" in page.text


async def test_a_key_that_may_not_read_products_and_invoices_costs_their_words_alone(
    aiohttp_client: AiohttpClient,
    pool: Pool,
    stripe_api: tuple[StripeSimulator, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("aiocancel.billing.page_facts._REMEMBER_S", 0.0)
    stripe, url = stripe_api
    stripe.unverified = Unverified(expansion_needs_permission=True)
    key = "rk_test_restricted"
    stripe.add_key(key, ["subscription_write", "coupon_read"])
    stripe.add_subscription("sub_ada", current_period_end=PERIOD_END)
    await add_customer(pool, "ada", "sub_ada")
    billing = StripeBilling(key, api_base=url)
    client = await aiohttp_client(make_app(make_cancel(pool, billing=billing, run_worker=False)))

    pages = [await read(await client.get("/cancel", headers=browser_of("ada")))]
    pages.append(await read(await client.get("/cancel", headers=browser_of("ada"))))

    rows = {"Price": "$29.00 a month", "Status": "Next payment on May 9, 2031"}
    assert [page.rows for page in pages] == [rows, rows]
    # Stripe is not asked for them again.
    assert [request.status for request in stripe.requests] == [403, 403, 200, 200]


async def test_an_overdue_customer_reads_what_stays_open_before_and_after(
    aiohttp_client: AiohttpClient, pool: Pool, stripe_api: tuple[StripeSimulator, str]
) -> None:
    stripe, url = stripe_api
    stripe.add_subscription("sub_ada", status="past_due", current_period_end=PERIOD_END)
    await add_customer(pool, "ada", "sub_ada")
    client = await aiohttp_client(make_app(make_cancel(pool, url, answer_within_s=10.0)))

    confirm = await read(await client.get("/cancel", headers=browser_of("ada")))
    posted = client.post("/cancel/result", data=confirm.fields, headers=browser_of("ada"))
    outcome = await read(await posted)

    created = stripe.invoices[stripe.subscriptions["sub_ada"]["latest_invoice"]]["created"]
    day = Words("en", {}).day(datetime.fromtimestamp(created, UTC))
    line = f"$29.00 from {day} is still open; cancelling does not clear it."
    assert outcome_of(outcome) == "scheduled"
    assert [line in page.text for page in (confirm, outcome)] == [True, True]


async def test_looking_at_the_page_changes_nothing(client: Client, stripe: StripeSimulator) -> None:
    for query in (
        "",
        "?change=resume",
        "?change=unpause",
        "?change=remove_discount",
        "?status=canceled&confirm=1",
    ):
        await read(await client.get(f"/cancel{query}", headers=browser_of("ada")))

    assert {request.method for request in stripe.requests} == {"GET"}
    assert stripe.effects == []
    # However many pages show it, Stripe is not asked for each.
    assert len(stripe.requests) == 1


async def test_a_form_sent_twice_leads_to_the_same_page(
    client: Client, stripe: StripeSimulator
) -> None:
    confirm = await read(await client.get("/cancel", headers=browser_of("ada")))
    locations = []
    for _ in range(2):
        response = await client.post(
            "/cancel/result", data=confirm.fields, headers=browser_of("ada"), allow_redirects=False
        )
        locations.append(response.headers["Location"])
    assert locations[0] == locations[1]
    assert len(stripe.effects) == 1


async def test_a_pending_page_looks_again_by_itself_and_then_shows_the_outcome(
    aiohttp_client: AiohttpClient, pool: Pool, stripe_api: tuple[StripeSimulator, str]
) -> None:
    stripe, url = stripe_api
    stripe.add_subscription("sub_ada")
    stripe.latency_s = 0.05
    await add_customer(pool, "ada", "sub_ada")
    client = await aiohttp_client(make_app(make_cancel(pool, url, answer_within_s=0.001)))
    confirm = await read(await client.get("/cancel", headers=browser_of("ada")))
    response = await client.post("/cancel/result", data=confirm.fields, headers=browser_of("ada"))
    page = await read(response)
    assert outcome_of(page) == "queued"
    assert [
        meta["content"] for meta in page.all("meta") if meta.get("http-equiv") == "refresh"
    ] == ["3"]
    async with asyncio.timeout(10):
        while outcome_of(page) == "queued":
            page = await read(await client.get(response.url.path, headers=browser_of("ada")))

    assert outcome_of(page) == "scheduled"
    assert not any(meta.get("http-equiv") == "refresh" for meta in page.all("meta"))


async def test_a_customer_without_a_subscription_is_told_so(client: Client) -> None:
    page = await read(await client.get("/cancel", headers=browser_of("bob")))
    assert outcome_of(page) == "no_subscription"
    assert page.all("form") == []
    assert links_of(page) == ["/account"]


@pytest.mark.parametrize("path", ["/cancel", "/cancel/status/6d0e8ce5-7b7c-4b0e-9c4b-5d3a9f3b6b60"])
async def test_nobody_logged_in_gets_a_401_page(client: Client, path: str) -> None:
    page = await read(await client.get(path, headers=BROWSER), status=401)
    assert outcome_of(page) == "not_logged_in"
    assert "Please log in again." in page.text
    assert page.all("form") == []
    # Starting again would only lead back here.
    assert links_of(page) == ["/account"]


@pytest.mark.parametrize(
    "path", ["/cancel", "/cancel/payload", "/cancel/status/6d0e8ce5-7b7c-4b0e-9c4b-5d3a9f3b6b60"]
)
async def test_an_outage_of_the_database_is_a_503_for_people_and_programs(
    aiohttp_client: AiohttpClient, pool: Pool, path: str
) -> None:
    client = await aiohttp_client(make_app(make_cancel(pool, run_worker=False)))
    # A closed pool is as far away as a stopped server.
    await pool.close()
    response = await client.get(path, headers=browser_of("ada"))
    assert response.status == 503
    assert response.headers["Retry-After"] == "2"
    assert "This cannot be shown right now." in await response.text()
    assert response.content_type == (
        "application/json" if path == "/cancel/payload" else "text/html"
    )


async def test_an_outage_during_the_post_is_a_503_page_and_nothing_is_recorded(
    aiohttp_client: AiohttpClient, shared_pool: Pool
) -> None:
    subscriptions = Subscriptions()
    client = await aiohttp_client(
        make_app(make_cancel(shared_pool, subscriptions=subscriptions, run_worker=False))
    )
    confirm = await read(await client.get("/cancel", headers=browser_of("zoe")))
    subscriptions.is_down = True
    response = await client.post("/cancel/result", data=confirm.fields, headers=browser_of("zoe"))
    page = await read(response, status=503)

    assert outcome_of(page) == "unavailable"
    assert links_of(page) == ["/cancel", "/"]
    assert (
        await shared_pool.fetchval("SELECT count(*) FROM aiocancel.claim WHERE customer_id = 'zoe'")
        == 0
    )


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"grant": "g1.altered.altered"}, 403, "grant_invalid"),
        ({"grant": ""}, 403, "grant_invalid"),
        ({"status": "saved"}, 400, "malformed"),
        ({"unknown": "field"}, 400, "malformed"),
        ({"reason": "x" * 5000}, 413, "too_large"),
    ],
)
async def test_a_form_that_is_refused_says_why_on_a_page_and_offers_to_start_again(
    aiohttp_client: AiohttpClient, shared_pool: Pool, change: dict[str, str], status: int, code: str
) -> None:
    events = Events()
    cancel = make_cancel(
        shared_pool,
        subscriptions=Subscriptions(),
        run_worker=False,
        on_event=events,
        max_body_bytes=4096,
    )
    client = await aiohttp_client(make_app(cancel))
    confirm = await read(await client.get("/cancel", headers=browser_of("ada")))
    response = await client.post(
        "/cancel/result", data={**confirm.fields, **change}, headers=browser_of("ada")
    )
    page = await read(response, status=status)

    assert outcome_of(page) == code
    assert links_of(page) == ["/cancel", "/"]
    assert events.of(ClaimRefused) == [ClaimRefused(Code.stored(code))]


@pytest.mark.parametrize(
    "claim", ["nothing", str(uuid.UUID(int=7)), "%00", "..%2f..%2fetc", "%F0%9F%98%80", "a" * 5000]
)
async def test_the_status_of_no_claim_is_a_404_page(client: Client, claim: str) -> None:
    page = await read(
        await client.get(f"/cancel/status/{claim}", headers=browser_of("ada")), status=404
    )
    assert outcome_of(page) == "unknown_claim"


async def test_nobody_sees_the_status_of_somebody_elses_claim(client: Client) -> None:
    confirm = await read(await client.get("/cancel", headers=browser_of("ada")))
    response = await client.post("/cancel/result", data=confirm.fields, headers=browser_of("ada"))
    assert (await client.get(response.url.path, headers=browser_of("ada"))).status == 200
    stranger = await client.get(response.url.path, headers=browser_of("bob"))
    nothing = await client.get(f"/cancel/status/{uuid.uuid4()}", headers=browser_of("bob"))
    assert stranger.status == nothing.status == 404
    assert (await read(stranger, 404)).text.split() == (await read(nothing, 404)).text.split()


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ("text/html", "text/html"),
        ("Text/HTML;q=0.9, */*", "text/html"),
        ("application/json", "application/json"),
        ("*/*", "application/json"),
        ("", "application/json"),
        (';;,=q/\\"', "application/json"),
    ],
)
async def test_a_page_goes_to_those_who_accept_one_and_json_to_the_others(
    client: Client, accept: str, content_type: str
) -> None:
    response = await client.get(
        "/cancel/status/nothing", headers={**as_customer("ada"), "Accept": accept}
    )
    assert (response.status, response.content_type) == (404, content_type)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("HEAD", "/cancel", 200),
        ("HEAD", "/cancel/status/nothing", 404),
        ("OPTIONS", "/cancel", 405),
        ("POST", "/cancel", 405),
        ("GET", "/cancel/result", 405),
        ("OPTIONS", "/cancel/result", 405),
        ("PUT", "/cancel/result", 405),
    ],
)
async def test_other_methods_are_answered_without_a_fault(
    client: Client, method: str, path: str, status: int
) -> None:
    response = await client.request(method, path, headers=browser_of("ada"))
    assert response.status == status


async def test_the_owners_words_and_places_are_on_the_pages(
    aiohttp_client: AiohttpClient, shared_pool: Pool
) -> None:
    cancel = make_cancel(
        shared_pool,
        subscriptions=Subscriptions(),
        run_worker=False,
        prefix="/abo/kuendigen",
        return_to="/konto?a=1&b=2",
        cancel_timing="now",
        texts={
            "confirm_title": "<b>Kündigen?</b>",
            "confirm_text_now": "Sofort.",
            "keep_button": '"Behalten"',
        },
    )
    client = await aiohttp_client(make_app(cancel))
    page = await read(await client.get("/abo/kuendigen", headers=browser_of("ada")))

    assert page.one("form")["action"] == "/abo/kuendigen/result"
    assert links_of(page) == ["/konto?a=1&b=2"]
    assert page.all("b") == []
    for words in ("<b>Kündigen?</b>", "Sofort.", '"Behalten"'):
        assert words in page.text
