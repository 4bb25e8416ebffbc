"""Where the plug-in is mounted: its links lead to its routes, and nothing else answers there."""

from __future__ import annotations

from typing import Any

import aiohttp_jinja2
import jinja2
import pytest
from aiohttp import web
from pytest_aiohttp import AiohttpClient

from aiocancel import CancelFlow, ConfigurationError
from tests.support.saas import ACCOUNT_PAGE, Pool, as_customer, make_app, make_cancel
from tests.support.web import Page, Subscriptions


async def own_page(_: web.Request) -> web.Response:
    return web.Response(text="mine")


async def test_links_of_two_sub_applications_lead_to_their_own_routes(
    aiohttp_client: AiohttpClient, shared_pool: Pool
) -> None:
    root, subscriptions = web.Application(), Subscriptions()
    for prefix in ("/shop", "/club"):
        cancel = make_cancel(shared_pool, subscriptions=subscriptions, run_worker=False)
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


def sub_application(page: str = ACCOUNT_PAGE, *, enable_async: bool = False) -> web.Application:
    """An account area with a Jinja environment of its own, which nobody told of the variable."""
    sub = web.Application()
    loader = jinja2.DictLoader({"account.html": page})
    aiohttp_jinja2.setup(sub, loader=loader, enable_async=enable_async)

    @aiohttp_jinja2.template("account.html")
    async def account(_: web.Request) -> dict[str, Any]:
        return {}

    sub.router.add_get("/account", account)
    return sub


@pytest.mark.parametrize("enable_async", [False, True], ids=["plain", "async"])
@pytest.mark.parametrize("setup_first", [True, False], ids=["setup first", "setup last"])
async def test_environment_of_a_sub_application_has_the_variable(
    aiohttp_client: AiohttpClient, shared_pool: Pool, enable_async: bool, setup_first: bool
) -> None:
    cancel = make_cancel(shared_pool, subscriptions=Subscriptions(), run_worker=False)
    root, middle = web.Application(), web.Application()
    if setup_first:
        cancel.setup(root)
    middle.add_subapp("/own", sub_application(enable_async=enable_async))
    root.add_subapp("/my", middle)
    if not setup_first:
        cancel.setup(root)

    client: Any = await aiohttp_client(root)
    response = await client.get("/my/own/account", headers=as_customer("ada"))

    assert response.status == 200, await response.text()
    assert Page(await response.text()).one("form")["action"] == "/cancel"


async def test_plug_in_of_a_sub_application_is_meant_below_it_and_that_of_the_root_elsewhere(
    aiohttp_client: AiohttpClient, shared_pool: Pool, pool: Pool
) -> None:
    outer = Subscriptions()
    inner = Subscriptions(without=("ada",))

    def plug_in(database: Pool, subscriptions: Subscriptions) -> CancelFlow:
        return make_cancel(database, subscriptions=subscriptions, run_worker=False)

    root = make_app(plug_in(shared_pool, outer))
    root.add_subapp("/club", make_app(plug_in(pool, inner)))
    client: Any = await aiohttp_client(root)
    headers = {"Accept": "text/html", **as_customer("ada")}

    pages = {
        path: Page(await (await client.get(path, headers=headers)).text())
        for path in ("/cancel", "/account", "/club/cancel", "/club/account")
    }

    assert pages["/cancel"].one("form")["action"] == "/cancel/result"
    assert pages["/account"].one("form")["action"] == "/cancel"
    # Ada has nothing in the club.
    assert pages["/club/cancel"].all("form") == pages["/club/account"].all("form") == []
    assert (len(outer.asked), len(inner.asked)) == (2, 2)


async def test_one_plug_in_at_two_places_is_refused_at_the_start(shared_pool: Pool) -> None:
    cancel = make_cancel(shared_pool, subscriptions=Subscriptions(), run_worker=False)
    root = web.Application()
    for prefix in ("/shop", "/club"):
        root.add_subapp(prefix, make_app(cancel))

    runner = web.AppRunner(root)
    with pytest.raises(ConfigurationError, match="at /shop/cancel and at /club/cancel"):
        await runner.setup()
    await cancel.stop()


@pytest.mark.parametrize("below", ["", "/club"], ids=["root", "sub-application"])
async def test_every_link_begins_with_the_prefix_that_a_proxy_takes_off(
    aiohttp_client: AiohttpClient, shared_pool: Pool, below: str
) -> None:
    cancel = make_cancel(
        shared_pool, subscriptions=Subscriptions(), run_worker=False, public_prefix="/shop"
    )
    app = make_app(cancel)
    if below:
        root = web.Application()
        root.add_subapp(below, app)
    client: Any = await aiohttp_client(root if below else app)
    headers = {"Accept": "text/html", **as_customer("ada"), "X-Forwarded-Prefix": "//evil.example"}

    async def through_proxy(path: str, **options: Any) -> Any:
        assert path.startswith(f"/shop{below}/"), path
        method = options.pop("method", "GET")
        return await client.request(
            method, path.removeprefix("/shop"), headers=headers, allow_redirects=False, **options
        )

    account = Page(await (await through_proxy(f"/shop{below}/account")).text())
    script = await through_proxy(account.one("script")["src"])
    plain = Page(await (await through_proxy(account.one("form")["action"])).text())
    posted = await through_proxy(plain.one("form")["action"], method="POST", data=plain.fields)
    status = await through_proxy(posted.headers["Location"])

    assert f'"payload": "/shop{below}/cancel/payload"' in await script.text()
    assert (posted.status, status.status) == (303, 200)


@pytest.mark.parametrize(
    "prefix", ["shop", "/shop/", "//shop", "/{shop}", "/shop?x", "https://a.b"]
)
def test_a_public_prefix_that_is_no_plain_path_is_refused(prefix: str) -> None:
    with pytest.raises(ConfigurationError, match="public_prefix"):
        make_cancel("postgresql://127.0.0.1:9/nowhere", public_prefix=prefix)
