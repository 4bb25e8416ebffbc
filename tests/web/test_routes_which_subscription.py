"""A customer with several subscriptions says which one is meant, and nobody guesses."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient
from pytest_aiohttp import AiohttpClient

from aiocancel import SubscriptionQuery, get_cancel_flow
from aiocancel.core.grants import GrantSealer
from aiocancel.telemetry import LookupFailed
from aiocancel.testing.stripe.simulator import StripeSimulator
from tests.support.saas import GRANT_KEYS, Events, Pool, as_customer, make_app, make_cancel
from tests.support.web import Page, Subscriptions

BROWSER = {"Accept": "text/html"}
SQL = "SELECT subscription_id, plan FROM several WHERE customer_id = $1 ORDER BY subscription_id"

Open = Callable[..., Awaitable[TestClient[Any, Any]]]


@pytest.fixture
async def open_site(
    aiohttp_client: AiohttpClient, pool: Pool, stripe_api: tuple[StripeSimulator, str]
) -> Open:
    """A site whose customer Ada has two subscriptions, and Grace one."""
    stripe, url = stripe_api
    await pool.execute("CREATE TABLE several (customer_id text, subscription_id text, plan text)")
    await pool.execute(
        "INSERT INTO several VALUES ('ada', 'sub_pro', 'Pro'), ('ada', 'sub_storage', '<Storage>'), "
        "('grace', 'sub_grace', 'Pro')"
    )
    for subscription_id in ("sub_pro", "sub_storage", "sub_grace"):
        stripe.add_subscription(subscription_id)

    async def open_with(
        *, page: str | None = None, handler: Any = None, **settings: Any
    ) -> TestClient[Any, Any]:
        given = {"subscriptions": SubscriptionQuery(SQL), "answer_within_s": 10.0, **settings}
        cancel = make_cancel(pool, url, **given)
        pages: dict[str, Any] = {} if page is None else {"page": page}
        return await aiohttp_client(make_app(cancel, handler, **pages))

    return open_with


async def test_a_customer_who_is_asked_cancels_the_one_that_was_chosen(
    open_site: Open, stripe: StripeSimulator
) -> None:
    events = Events()
    client = await open_site(on_event=events)
    ada = {**BROWSER, **as_customer("ada")}

    asked = await client.get("/cancel", headers=ada)
    page = Page(await asked.text())

    assert asked.status == 200
    assert "Which subscription?" in page.text
    assert "Cancel Pro" in page.text
    assert "Cancel <Storage>" in page.text
    # Each card has its price and its date.
    assert page.text.count("$29.00 a month") == page.text.count("Next payment on ") == 2
    named = [each["value"] for each in page.all("input") if each["name"] == "subscription"]
    assert named == ["sub_pro", "sub_storage"]
    assert [form["action"] for form in page.all("form")] == ["/cancel", "/cancel"]
    assert "returned 2 subscriptions" in events.of(LookupFailed)[0].error

    confirm = Page(await (await client.get("/cancel?subscription=sub_storage", headers=ada)).text())
    response = await client.post("/cancel/result", data=confirm.fields, headers=ada)

    assert ">Cancelled</" in await response.text()
    assert stripe.subscriptions["sub_storage"]["cancel_at_period_end"] is True
    assert stripe.subscriptions["sub_pro"]["cancel_at_period_end"] is False


@pytest.mark.parametrize("subscription_id", ["sub_grace", "sub_nobody", "", "sub_pro "])
@pytest.mark.parametrize("path", ["/cancel", "/cancel/payload", "/cancel/subscription"])
@pytest.mark.parametrize("headers", [{}, BROWSER], ids=["script", "browser"])
async def test_a_foreign_subscription_is_not_found_without_a_hint(
    open_site: Open, path: str, subscription_id: str, headers: dict[str, str]
) -> None:
    client = await open_site()

    answers = []
    for named in (subscription_id, "sub_never_heard_of"):
        response = await client.get(
            path, params={"subscription": named}, headers={**headers, **as_customer("ada")}
        )
        answers.append((response.status, _without_nonce(await response.text())))

    assert answers[0] == answers[1]
    assert answers[0][0] == 404
    assert "grant" not in answers[0][1]


def _without_nonce(text: str) -> str:
    return text if "nonce=" not in text else text.split("</head>")[1]


async def test_a_payload_is_for_the_named_subscription_and_for_none_where_nothing_says_which(
    open_site: Open,
) -> None:
    client = await open_site()
    url = "/cancel/payload"

    unnamed = await client.get(url, headers=as_customer("ada"))
    named = await client.get(f"{url}?subscription=sub_storage", headers=as_customer("ada"))

    assert unnamed.status == 409
    assert (await unnamed.json())["error"] == "which_subscription"
    flow = (await named.json())["flow"]
    assert '"sub_storage"' in flow["signedPayload"]["payload"]
    sealer = GrantSealer(GRANT_KEYS)
    grant = sealer.open(flow["grant"], now=0, customer_id="ada", mode="test")
    assert grant.subscription_id == "sub_storage"


async def test_a_subscription_that_was_taken_away_since_the_page_was_served_is_not_cancelled(
    open_site: Open, pool: Pool, stripe: StripeSimulator
) -> None:
    client = await open_site()
    page = await client.get("/cancel/payload?subscription=sub_pro", headers=as_customer("ada"))
    grant = (await page.json())["flow"]["grant"]

    await pool.execute("UPDATE several SET customer_id = 'grace' WHERE subscription_id = 'sub_pro'")
    body = {"grant": grant, "result": {"status": "canceled"}}
    response = await client.post("/cancel/result", json=body, headers=as_customer("ada"))

    assert response.status == 403
    assert (await response.json())["error"] == "subscription_not_yours"
    assert stripe.subscriptions["sub_pro"]["cancel_at_period_end"] is False


@pytest.mark.parametrize("change", ["resume", "unpause", "remove_discount", "keep_plan"])
async def test_an_undo_asks_which_one_as_well_and_keeps_what_is_undone(
    open_site: Open, change: str
) -> None:
    client = await open_site()
    ada = {**BROWSER, **as_customer("ada")}

    page = Page(await (await client.get(f"/cancel?change={change}", headers=ada)).text())

    fields = [(each["name"], each["value"]) for each in page.all("input")]
    assert fields == [
        ("change", change),
        ("subscription", "sub_pro"),
        ("change", change),
        ("subscription", "sub_storage"),
    ]


async def test_every_button_of_a_template_can_name_its_subscription(open_site: Open) -> None:
    undoes = ("resume_button", "unpause_button", "remove_discount_button", "keep_plan_button")
    buttons = ("button", *undoes)
    calls = "".join(f"{{{{ cancel_flow.{each}(subscription='sub_\"x') }}}}" for each in buttons)
    client = await open_site(page=calls + "{{ cancel_flow.button() }}")

    page = Page(await (await client.get("/account", headers=as_customer("ada"))).text())

    named = [each["value"] for each in page.all("input") if each["name"] == "subscription"]
    assert named == ['sub_"x'] * 5
    assert len(page.all("form")) == 6


async def test_a_handler_gets_the_flow_of_one_of_the_customers_own_and_of_no_other(
    open_site: Open,
) -> None:
    states = []

    async def account(request: web.Request) -> dict[str, Any]:
        foreign = await get_cancel_flow(request, subscription="sub_grace")
        one = await get_cancel_flow(request, subscription="sub_pro")
        other = await get_cancel_flow(request, subscription="sub_storage")
        page = await get_cancel_flow(request)
        states.extend([foreign.state, one.state, other.state, page.state])
        return {"flow": one, "foreign": foreign}

    client = await open_site(
        handler=account, page="{{ flow.script() }}{{ flow.button() }}{{ foreign.button() }}"
    )
    response = await client.get("/account", headers=as_customer("ada"))
    page = Page(await response.text())

    assert states == ["no_subscription", "ready", "ready", "several"]
    assert page.fields == {"subscription": "sub_pro"}
    assert '"sub_pro"' in page.flow["signedPayload"]["payload"]
    # It carries a grant, so no shared cache may keep it; and its nonce is that of the page's policy.
    assert "private" in response.headers["Cache-Control"]
    assert page.one("script")["nonce"] in response.headers["Content-Security-Policy"]


async def test_a_rule_makes_the_page_about_one_and_a_name_about_another(open_site: Open) -> None:
    client = await open_site(subscriptions=SubscriptionQuery(SQL, choose="first"))
    url = "/cancel/subscription"

    unnamed = await client.get(url, headers=as_customer("ada"))
    named = await client.get(f"{url}?subscription=sub_storage", headers=as_customer("ada"))

    assert await unnamed.json() == {"subscriptionId": "sub_pro"}
    assert await named.json() == {"subscriptionId": "sub_storage"}


async def test_subscriptions_of_one_name_are_told_apart_by_their_ids(
    open_site: Open, pool: Pool
) -> None:
    await pool.execute("UPDATE several SET plan = 'Pro'")
    client = await open_site()

    response = await client.get("/cancel", headers={**BROWSER, **as_customer("ada")})

    text = await response.text()
    assert "Cancel Pro (sub_pro)" in text
    assert "Cancel Pro (sub_storage)" in text


async def test_a_resolver_without_a_list_knows_only_the_one_that_it_finds(open_site: Open) -> None:
    client = await open_site(subscriptions=Subscriptions())
    url = "/cancel/subscription"

    own = await client.get(f"{url}?subscription=sub_ada", headers=as_customer("ada"))
    foreign = await client.get(f"{url}?subscription=sub_grace", headers=as_customer("ada"))

    assert await own.json() == {"subscriptionId": "sub_ada"}
    assert foreign.status == 404
