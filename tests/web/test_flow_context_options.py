"""``options=``: what of the flow differs from request to request, by the application's word and never the browser's."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient
from pytest_aiohttp import AiohttpClient

from aiocancel import CancelFlow, StaySignal
from aiocancel.errors import ConfigurationError
from tests.support.saas import Pool, add_customer, as_customer, make_app, make_cancel, vendor
from tests.support.web import NOWHERE, Page

SITE: dict[str, Any] = {"flow_id": "flow_site", "language": "en", "skip_offers": ["offr_1"]}


async def flow_of(client: TestClient[Any, Any], query: str = "") -> dict[str, Any]:
    response = await client.get(f"/cancel/payload{query}", headers=as_customer("ada"))
    assert response.status == 200
    flow: dict[str, Any] = (await response.json())["flow"]
    return flow


def payload_of(flow: dict[str, Any]) -> dict[str, Any]:
    payload: dict[str, Any] = json.loads(flow["signedPayload"]["payload"])
    return payload


def in_german(_: web.Request) -> Mapping[str, Any]:
    return {"language": "de", "flow_id": "flow_german", "skip_offers": (), "display_mode": "modal"}


async def in_german_later(request: web.Request) -> Mapping[str, Any]:
    return in_german(request)


async def open_site(client: AiohttpClient, pool: Pool, cancel: CancelFlow) -> TestClient[Any, Any]:
    await add_customer(pool, "ada", "sub_1")
    return await client(make_app(cancel))


@pytest.mark.parametrize("options", [in_german, in_german_later])
async def test_options_of_a_request_are_signed_and_sent(
    aiohttp_client: AiohttpClient, pool: Pool, options: Any
) -> None:
    cancel = make_cancel(pool, vendor=vendor(**SITE), options=options)
    client = await open_site(aiohttp_client, pool, cancel)

    flow = await flow_of(client)

    assert payload_of(flow)["flowId"] == "flow_german"
    assert flow["options"] == {"displayMode": "modal", "language": "de"}
    text = await (await client.get("/account", headers=as_customer("ada"))).text()
    carried = json.loads(Page(text).one("script")["data-aiocancel"] or "")
    assert carried["options"] == flow["options"]


async def test_what_a_request_leaves_out_stays_as_the_site_has_it(
    aiohttp_client: AiohttpClient, pool: Pool
) -> None:
    def only_for_guests(request: web.Request) -> Mapping[str, Any] | None:
        return {"language": "de"} if "guest" in request.query else None

    cancel = make_cancel(pool, vendor=vendor(**SITE), options=only_for_guests)
    client = await open_site(aiohttp_client, pool, cancel)

    guest, other = await flow_of(client, "?guest"), await flow_of(client)

    assert guest["options"] == {
        "displayMode": "full_screen",
        "language": "de",
        "skipOffers": ["offr_1"],
    }
    assert payload_of(guest)["flowId"] == "flow_site"
    assert "options" not in other


@pytest.mark.parametrize(
    "answer",
    [
        {"test_mode": True},
        {"testMode": True},
        {"client_secret": "another"},
        {"display_mode": "sideways"},
        {"skip_offers": "offr_1"},
        {"skip_offers": [""]},
        {"skip_offers": [7]},
        {"language": 7},
        {"flow_id": b"flow"},
        "de",
        7,
        RuntimeError("ada's language is unknown"),
    ],
)
async def test_options_that_cannot_be_used_keep_nobody_from_leaving(
    aiohttp_client: AiohttpClient, pool: Pool, answer: Any, caplog: pytest.LogCaptureFixture
) -> None:
    def choose(_: web.Request) -> Any:
        if isinstance(answer, Exception):
            raise answer
        return answer

    cancel = make_cancel(pool, vendor=vendor(**SITE), options=choose)
    client = await open_site(aiohttp_client, pool, cancel)

    flow = await flow_of(client)

    assert "options" not in flow
    assert payload_of(flow)["flowId"] == "flow_site"
    assert "options failed, and the flow opens as it is set" in caplog.text
    assert "ada's language" not in caplog.text


async def test_test_mode_stays_the_sites_whatever_the_browser_asks_for(
    aiohttp_client: AiohttpClient, pool: Pool
) -> None:
    cancel = make_cancel(pool, vendor=vendor(test_mode=True), options=in_german)
    client = await open_site(aiohttp_client, pool, cancel)

    flow = await flow_of(client, "?testMode=false&language=fr&options=%7B%7D")

    assert flow["options"] == {"displayMode": "modal", "language": "de", "testMode": True}


def test_options_for_a_vendor_that_has_none_are_refused() -> None:
    staysignal = StaySignal(
        script_url="/widget.js",
        global_name="Widget.init",
        subscription_attribute="data-subscription",
        csp_sources={},
    )
    with pytest.raises(ConfigurationError, match="options= is for ProsperStack"):
        make_cancel(NOWHERE, vendor=staysignal, options=in_german)
