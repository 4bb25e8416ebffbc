"""A widget that binds itself to our button and signs nothing (StaySignal): what its page carries and may post."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from aiohttp.test_utils import TestClient
from pytest_aiohttp import AiohttpClient

from aiocancel import StaySignal
from tests.support.saas import Pool, as_customer, make_app, make_cancel
from tests.support.web import Page, Subscriptions

OpenSite = Callable[..., Awaitable[TestClient[Any, Any]]]

PAGE = (
    "{{ cancel_flow.script() }}{{ cancel_flow.button() }}"
    "<pre>{{ cancel_flow.state }} {{ cancel_flow.signed_payload | tojson }}</pre>"
)
ASYNC_PAGE = PAGE.replace("cancel_flow.signed_payload", "cancel_flow.signed_payload()").replace(
    "cancel_flow.state", "cancel_flow.resolve().state"
)
UNRESOLVED_PAGE = "{{ cancel_flow.script() }}{{ cancel_flow.button() }}"


def widget(**settings: Any) -> StaySignal:
    return StaySignal(
        **{
            "script_url": "https://widget.example.com/w.js",
            "global_name": "Widget.init",
            "subscription_attribute": "data-widget-subscription",
            "csp_sources": {"connect-src": ["https://api.example.com"]},
            **settings,
        }
    )


@pytest.fixture
def open_site(aiohttp_client: AiohttpClient, shared_pool: Pool) -> OpenSite:
    async def open_with(
        page: str = PAGE, *, resolved: bool = True, enable_async: bool = False, **settings: Any
    ) -> TestClient[Any, Any]:
        cancel = make_cancel(
            shared_pool,
            vendor=widget(**settings),
            subscriptions=Subscriptions(without=("bob",)),
            run_worker=False,
            answer_within_s=0.01,
        )

        async def account(_: Any) -> dict[str, Any]:
            return {}

        app = make_app(cancel, None if resolved else account, page=page, enable_async=enable_async)
        return await aiohttp_client(app)

    return open_with


async def page_of(client: TestClient[Any, Any], customer_id: str = "ada") -> Page:
    response = await client.get("/account", headers=as_customer(customer_id))
    text = await response.text()
    assert response.status == 200, text
    return Page(text)


@pytest.mark.parametrize(
    ("page", "enable_async"), [(PAGE, False), (ASYNC_PAGE, True)], ids=["flow page", "async"]
)
async def test_a_resolved_page_names_the_subscription_twice_and_signs_nothing(
    open_site: OpenSite, page: str, enable_async: bool
) -> None:
    client = await open_site(page, resolved=not enable_async, enable_async=enable_async)
    shown = await page_of(client)
    assert sorted(shown.flow) == ["expiresAt", "grant", "subscriptionId"]
    assert shown.flow["subscriptionId"] == "sub_ada"
    button = shown.one("button")
    assert (button["data-widget-subscription"], button["data-ss-cancel-optout"]) == (
        "sub_ada",
        "true",
    )
    assert "ready null" in shown.text


async def test_a_page_that_is_not_resolved_says_that_we_cancel_but_not_what(
    open_site: OpenSite,
) -> None:
    button = (await page_of(await open_site(UNRESOLVED_PAGE, resolved=False))).one("button")
    assert button["data-ss-cancel-optout"] == "true"
    assert "data-widget-subscription" not in button


async def test_where_the_vendor_cancels_the_button_does_not_opt_out(open_site: OpenSite) -> None:
    button = (await page_of(await open_site(opt_out=False, applies_cancellation="vendor"))).one(
        "button"
    )
    assert button["data-widget-subscription"] == "sub_ada"
    assert "data-ss-cancel-optout" not in button


async def test_a_customer_without_a_subscription_gets_no_button(open_site: OpenSite) -> None:
    assert (await page_of(await open_site(), "bob")).all("button") == []


@pytest.mark.parametrize("customer_id", ['"><script>alert(1)</script>', "a'b\"c&d", "é"])
async def test_an_id_cannot_break_out_of_its_attribute(
    open_site: OpenSite, customer_id: str
) -> None:
    page = await page_of(await open_site(), customer_id)
    assert len(page.all("script")) == 1
    assert page.one("button")["data-widget-subscription"] == page.flow["subscriptionId"]


async def test_a_click_can_fetch_the_id_with_a_grant(open_site: OpenSite) -> None:
    client = await open_site()
    response = await client.get("/cancel/payload", headers=as_customer("ada"))
    flow = (await response.json())["flow"]
    assert sorted(flow) == ["expiresAt", "grant", "subscriptionId"]


async def test_the_page_script_knows_the_function_the_attribute_and_both_switches(
    open_site: OpenSite,
) -> None:
    client = await open_site(init_config={"workspace": "w_1"})
    text = await (await client.get("/cancel/flow.js")).text()
    (line,) = [line for line in text.splitlines() if line.strip().startswith("var settings = ")]
    settings = json.loads(line.strip().removeprefix("var settings = ").removesuffix(";"))
    assert settings["driver"] == "staysignal"
    assert settings["init"] == "Widget.init"
    assert settings["options"] == {"workspace": "w_1", "cancelOptOut": True}
    assert settings["button"] == {"data-ss-cancel-optout": "true"}
    assert settings["subscriptionAttribute"] == "data-widget-subscription"


async def test_the_policy_allows_what_the_owner_named_and_nothing_of_another_vendor(
    open_site: OpenSite,
) -> None:
    response = await (await open_site()).get("/account", headers=as_customer("ada"))
    policy = response.headers["Content-Security-Policy"]
    assert "connect-src 'self' https://api.example.com" in policy
    assert "script-src 'self' https://widget.example.com" in policy
    assert "prosperstack" not in policy


@pytest.mark.parametrize(
    ("result", "status", "change"),
    [
        ({"status": "canceled"}, 202, "cancellation"),
        ({"status": "canceled", "subscriptionId": "sub_of_another"}, 202, "cancellation"),
        (
            {
                "status": "saved",
                "flowSession": {"id": "sess_1", "offer_accepted": {"id": "offr_1"}},
            },
            200,
            "nothing",
        ),
        ({"status": "resumed"}, 200, "nothing"),
    ],
)
async def test_a_posted_result_can_cancel_the_grants_subscription_and_nothing_else(
    open_site: OpenSite, shared_pool: Pool, result: dict[str, Any], status: int, change: str
) -> None:
    client = await open_site()
    flow = (await (await client.get("/cancel/payload", headers=as_customer("ada"))).json())["flow"]
    response = await client.post(
        "/cancel/result",
        json={"grant": flow["grant"], "result": result},
        headers=as_customer("ada"),
    )
    answer = await response.json()
    assert (response.status, answer["change"]) == (status, change)
    recorded = await shared_pool.fetchrow(
        "SELECT vendor, subscription_id FROM aiocancel.claim WHERE public_id = $1", answer["claim"]
    )

    assert tuple(recorded or ()) == ("staysignal", "sub_ada")


async def test_there_is_no_webhook(open_site: OpenSite) -> None:
    response = await (await open_site()).post("/cancel/webhook/None", json={"event_id": "evt_1"})
    assert response.status == 404
