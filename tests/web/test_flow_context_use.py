"""``cancel.use``: a page is about the subscription that its handler has read already, and no query is made for it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from aiohttp import web
from pytest_aiohttp import AiohttpClient

from aiocancel import Property
from aiocancel.errors import ConfigurationError, FlowNotResolvedError
from aiocancel.telemetry import PropertyLeftOut
from tests.support.saas import (
    Events,
    Pool,
    add_customer,
    as_customer,
    make_app,
    make_cancel,
    vendor,
)
from tests.support.web import CountingVendor, Page, Subscriptions

Row = Mapping[str, Any]


async def page_about(
    client: AiohttpClient,
    pool: Pool,
    subscription_id: Any,
    row: Any = None,
    *,
    customer: str | None = "ada",
    subscriptions: Any = None,
    flow_vendor: Any = None,
    on_event: Any = None,
) -> tuple[str, Mapping[str, str], Any]:
    """What a page says, and its headers, whose handler uses a subscription that it has at hand."""
    settings = {} if on_event is None else {"on_event": on_event}
    cancel = make_cancel(
        pool,
        subscriptions=subscriptions or Subscriptions(),
        vendor=flow_vendor or vendor(),
        run_worker=False,
        **settings,
    )
    app = make_app(cancel)

    async def account(request: web.Request) -> web.Response:
        flow = await cancel.use(request, subscription_id, row)
        return web.Response(text=f"{flow.state} {flow.script()}{flow.button()}")

    app.router.add_get("/mine", account)
    opened = await client(app)
    headers = as_customer(customer) if customer else {}
    response = await opened.get("/mine", headers=headers)
    return await response.text(), response.headers, opened


async def test_a_page_whose_handler_has_the_row_costs_no_query_and_is_private(
    aiohttp_client: AiohttpClient, shared_pool: Pool
) -> None:
    subscriptions = Subscriptions()

    text, headers, _ = await page_about(
        aiohttp_client, shared_pool, "sub_mine", subscriptions=subscriptions
    )

    carried = json.loads(Page(text).one("script")["data-aiocancel"])
    payload = json.loads(carried["signedPayload"]["payload"])
    assert payload["subscription"] == {"platformId": "sub_mine"}
    assert subscriptions.asked == []
    assert headers["Cache-Control"] == "private, no-cache"
    assert "frame-src 'self' https://app.prosperstack.com" in headers["Content-Security-Policy"]


async def test_the_vendors_properties_come_from_the_row_that_the_handler_has(
    aiohttp_client: AiohttpClient, pool: Pool
) -> None:
    seats = Property("seats", "number", entity="subscription")
    row = await pool.fetchrow("SELECT 12 AS seats")

    text, _, _ = await page_about(
        aiohttp_client, pool, "sub_mine", row, flow_vendor=vendor(properties=[seats])
    )

    carried = json.loads(Page(text).one("script")["data-aiocancel"])
    payload = json.loads(carried["signedPayload"]["payload"])
    assert payload["subscription"]["properties"] == {"seats": 12}


async def test_a_column_that_the_handlers_row_lacks_is_left_out_and_reported(
    aiohttp_client: AiohttpClient, shared_pool: Pool
) -> None:
    events = Events()
    seats = Property("seats", "number", entity="subscription")

    text, _, _ = await page_about(
        aiohttp_client,
        shared_pool,
        "sub_mine",
        flow_vendor=vendor(properties=[seats]),
        on_event=events,
    )

    assert text.startswith("ready ")
    assert events.of(PropertyLeftOut) == [
        PropertyLeftOut("subscription.properties.seats", "number")
    ]


@pytest.mark.parametrize(
    ("customer", "subscription_id", "state"),
    [
        (None, "sub_mine", "anonymous"),
        ("ada", None, "no_subscription"),
        ("ada", "", "no_subscription"),
    ],
)
async def test_a_page_for_nobody_or_without_a_subscription_shows_no_button(
    aiohttp_client: AiohttpClient,
    shared_pool: Pool,
    customer: str | None,
    subscription_id: str | None,
    state: str,
) -> None:
    text, _, _ = await page_about(aiohttp_client, shared_pool, subscription_id, customer=customer)

    assert text == f"{state} "


async def test_a_page_about_another_customers_subscription_cancels_nothing(
    aiohttp_client: AiohttpClient, pool: Pool
) -> None:
    await add_customer(pool, "ada", "sub_ada")
    await add_customer(pool, "zoe", "sub_zoe")
    text, _, client = await page_about(aiohttp_client, pool, "sub_zoe")
    grant = json.loads(Page(text).one("script")["data-aiocancel"])["grant"]

    response = await client.post(
        "/cancel/result", json={"grant": grant, "status": "canceled"}, headers=as_customer("ada")
    )

    assert (response.status, (await response.json())["error"]) == (403, "subscription_not_yours")
    assert await pool.fetchval("SELECT count(*) FROM aiocancel.claim") == 0


@pytest.mark.parametrize("wrong", [(7, None), ("sub_mine", "a row")], ids=["id", "row"])
async def test_a_wrong_argument_is_named(wrong: tuple[Any, Any]) -> None:
    cancel = make_cancel("postgresql://nowhere/x", run_worker=False)
    request: Any = {}

    with pytest.raises(
        ConfigurationError, match=r"subscription_id must be a text|row is a mapping"
    ):
        await cancel.use(request, *wrong)


async def test_a_request_that_did_not_pass_the_middleware_cannot_use_a_subscription() -> None:
    cancel = make_cancel("postgresql://nowhere/x", run_worker=False)
    request: Any = {}

    with pytest.raises(FlowNotResolvedError, match=r"cancel\.setup\(app\)"):
        await cancel.use(request, "sub_mine")


async def test_a_subscription_cannot_be_used_once_the_headers_are_gone(
    aiohttp_client: AiohttpClient, shared_pool: Pool
) -> None:
    cancel = make_cancel(shared_pool, subscriptions=Subscriptions(), run_worker=False)
    app, refused = make_app(cancel), list[str]()

    async def streams(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        try:
            await cancel.use(request, "sub_mine")
        except FlowNotResolvedError as error:
            refused.append(str(error))
        return response

    app.router.add_get("/stream", streams)
    client = await aiohttp_client(app)

    await client.get("/stream", headers=as_customer("ada"))

    assert refused == ["the response's headers are already sent; call use before streaming starts"]


async def test_a_page_that_is_resolved_and_never_shows_the_flow_signs_nothing(
    aiohttp_client: AiohttpClient, shared_pool: Pool
) -> None:
    counting = CountingVendor()
    cancel = make_cancel(
        shared_pool, subscriptions=Subscriptions(), vendor=counting, run_worker=False
    )
    app = make_app(cancel)

    @cancel.flow_page
    async def account(request: web.Request) -> web.Response:
        flow = await cancel.use(request, "sub_mine") if "mine" in request.query else None
        return web.Response(text=str(flow and flow.grant))

    app.router.add_get("/mine", account)
    client = await aiohttp_client(app)

    silent = await client.get("/mine", headers=as_customer("ada"))
    signed_before = list(counting.signed)
    await client.get("/mine?mine", headers=as_customer("ada"))

    assert signed_before == []
    assert counting.signed == ["ada"]
    # It may have asked for its grant later on.
    assert silent.headers["Cache-Control"] == "private, no-cache"
