"""Where the plug-in is mounted: its links lead to its routes, and nothing else answers there."""

from __future__ import annotations

from typing import Any

import pytest
from aiohttp import web
from pytest_aiohttp import AiohttpClient

from aiocancel import ConfigurationError
from tests.support.saas import Pool, as_customer, make_app, make_cancel
from tests.support.web import Page, Subscriptions


async def own_page(_: web.Request) -> web.Response:
    return web.Response(text="mine")


async def test_links_of_two_sub_applications_lead_to_their_own_routes(
    aiohttp_client: AiohttpClient, shared_pool: Pool
) -> None:
    root = web.Application()
    for prefix in ("/shop", "/club"):
        cancel = make_cancel(shared_pool, subscriptions=Subscriptions(), run_worker=False)
        root.add_subapp(prefix, make_app(cancel))
    client: Any = await aiohttp_client(root)

    for prefix in ("/shop", "/club"):
        account = await client.get(f"{prefix}/account", headers=as_customer("ada"))
        page = Page(await account.text())
        assert page.one("form")["action"] == f"{prefix}/cancel"

        script = await client.get(page.one("script")["src"])
        assert script.status == 200
        assert f'"payload": "{prefix}/cancel/payload"' in await script.text()

        headers = {"Accept": "text/html", **as_customer("ada")}
        plain = Page(await (await client.get(f"{prefix}/cancel", headers=headers)).text())
        assert plain.one("form")["action"] == f"{prefix}/cancel/result"


@pytest.mark.parametrize("first", [True, False], ids=["before setup", "after setup"])
async def test_an_own_page_where_customers_cancel_is_refused_at_the_start(
    shared_pool: Pool, first: bool
) -> None:
    app = web.Application()
    cancel = make_cancel(shared_pool, subscriptions=Subscriptions(), run_worker=False)
    if first:
        app.router.add_get("/cancel", own_page)
        app.router.add_get("/other", own_page)
    cancel.setup(app)
    if not first:
        app.router.add_get("/cancel", own_page)

    with pytest.raises(ConfigurationError, match="a page of its own at /cancel"):
        await web.AppRunner(app).setup()
