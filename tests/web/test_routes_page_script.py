"""GET /cancel/flow.js: one file for everybody, with the site's settings in it and no secret."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient
from pytest_aiohttp import AiohttpClient

from aiocancel import CancelFlow, StripeBilling
from aiocancel.web.flow_context import current_flow
from tests.support.saas import CLIENT_SECRET, GRANT_KEYS, STRIPE_KEY, make_cancel, vendor
from tests.support.web import NOWHERE, Page

SETTINGS = re.compile(r"var settings = (\{.*\});\n")


async def open_site(aiohttp_client: AiohttpClient, cancel: CancelFlow) -> TestClient[Any, Any]:
    """No database: the script needs none."""
    app = web.Application(middlewares=[cancel.middleware])
    cancel.add_routes(app)

    async def page(request: web.Request) -> web.Response:
        return web.Response(text=str(current_flow().script()), content_type="text/html")

    app.router.add_get("/page", page)
    return await aiohttp_client(app)


async def settings_of(client: TestClient[Any, Any]) -> Any:
    text = await (await client.get("/cancel/flow.js")).text()
    (settings,) = SETTINGS.findall(text)
    return json.loads(settings)


async def script_url(client: TestClient[Any, Any]) -> str:
    return Page(await (await client.get("/page")).text()).one("script")["src"]


async def test_the_settings_are_in_the_script_once(aiohttp_client: AiohttpClient) -> None:
    client = await open_site(
        aiohttp_client, make_cancel(NOWHERE, widget_timeout_s=2.5, prefix="/leave")
    )
    text = await (await client.get("/leave/flow.js")).text()
    (found,) = SETTINGS.findall(text)
    assert "SETTINGS" not in text
    settings = json.loads(found)

    assert settings["urls"] == {
        "payload": "/leave/payload",
        "result": "/leave/result",
        "plain": "/leave",
    }
    assert settings["timeoutMs"] == 2500
    assert settings["script"] == {
        "url": "https://cdn.prosperstack.com/flow/2.19.0/flow.min.js",
        "integrity": None,
    }
    assert settings["hosts"] == ["https://api.prosperstack.com", "https://app.prosperstack.com"]


@pytest.mark.parametrize(
    "text", ["</script>", "/* SETTINGS */ {}", "\u2028\u2029", '"quotes" \\ and \n breaks', "日本"]
)
async def test_the_owners_texts_arrive_as_they_were_written(
    aiohttp_client: AiohttpClient, text: str
) -> None:
    client = await open_site(aiohttp_client, make_cancel(NOWHERE, texts={"saving": text}))
    assert (await settings_of(client))["texts"]["saving"] == text


async def test_no_secret_is_in_the_script(aiohttp_client: AiohttpClient) -> None:
    client = await open_site(
        aiohttp_client, make_cancel(NOWHERE, vendor=vendor(api_key="key_test_secret"))
    )
    text = await (await client.get("/cancel/flow.js")).text()

    for secret in (
        CLIENT_SECRET,
        *GRANT_KEYS,
        STRIPE_KEY,
        "key_test_secret",
        "a-database-password",
        "sk_test",
    ):
        assert secret not in text


async def test_the_script_may_be_kept_for_ever_under_the_url_of_its_content(
    aiohttp_client: AiohttpClient,
) -> None:
    client = await open_site(aiohttp_client, make_cancel(NOWHERE))
    url = await script_url(client)
    assert re.fullmatch(r"/cancel/flow\.js\?v=[0-9a-f]{12}", url)
    response = await client.get(url)
    assert response.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert response.headers["Content-Type"] == "text/javascript; charset=utf-8"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert "Set-Cookie" not in response.headers


@pytest.mark.parametrize("query", ["", "?v=", "?v=0123456789ab", "?w=1"])
async def test_the_script_under_any_other_url_is_checked_again(
    aiohttp_client: AiohttpClient, query: str
) -> None:
    client = await open_site(aiohttp_client, make_cancel(NOWHERE))
    response = await client.get(f"/cancel/flow.js{query}")
    assert response.status == 200
    assert response.headers["Cache-Control"] == "no-cache"


async def test_the_url_changes_with_the_settings_and_not_with_the_process(
    aiohttp_client: AiohttpClient,
) -> None:
    urls = [
        await script_url(await open_site(aiohttp_client, make_cancel(NOWHERE, texts=texts)))
        for texts in ({}, {}, {"saving": "Saving"})
    ]
    assert urls[0] == urls[1] != urls[2]


async def test_a_simulated_vendor_is_told_to_the_client_and_a_real_one_is_not(
    aiohttp_client: AiohttpClient,
) -> None:
    real = await open_site(aiohttp_client, make_cancel(NOWHERE))
    assert (await settings_of(real))["window"] == {}
    simulated = vendor(api_host="http://127.0.0.1:9001", app_host="http://127.0.0.1:9002")
    client = await open_site(
        aiohttp_client, make_cancel(NOWHERE, vendor=simulated, billing=StripeBilling("sk_test_x"))
    )
    assert sorted((await settings_of(client))["window"].values()) == [
        "http://127.0.0.1:9001",
        "http://127.0.0.1:9002",
    ]


async def test_the_script_answers_a_head_request(aiohttp_client: AiohttpClient) -> None:
    client = await open_site(aiohttp_client, make_cancel(NOWHERE))
    response = await client.head(await script_url(client))
    assert (response.status, await response.read()) == (200, b"")
