"""Flow pages: the ways to have a page's payload ready before its handler runs, and nothing for other pages."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp_jinja2
import jinja2
import pytest
from aiohttp import web
from pytest_aiohttp import AiohttpClient

from aiocancel import CancelFlow, ConfigurationError
from tests.support.saas import Pool, as_customer, make_cancel
from tests.support.web import CountingVendor, Page, Subscriptions, expected_payload, without_proof

Mount = Callable[[web.Application, CancelFlow], Any]

template = aiohttp_jinja2.template("page.html")


async def bare(_: web.Request) -> dict[str, Any]:
    return {}


def mark_under_template(app: web.Application, cancel: CancelFlow) -> None:
    @template
    @cancel.flow_page
    async def page(_: web.Request) -> dict[str, Any]:
        return {}

    app.router.add_get("/page", page)


def mark_over_template(app: web.Application, cancel: CancelFlow) -> None:
    @cancel.flow_page
    @template
    async def page(_: web.Request) -> dict[str, Any]:
        return {}

    app.router.add_get("/page", page)


def mark_plain_function(app: web.Application, cancel: CancelFlow) -> None:
    @cancel.flow_page
    async def page(request: web.Request) -> web.Response:
        return aiohttp_jinja2.render_template("page.html", request, {})

    app.router.add_get("/page", page)


def mark_view_class(app: web.Application, cancel: CancelFlow) -> None:
    @cancel.flow_page
    class PageView(web.View):
        @template
        async def get(self) -> dict[str, Any]:
            return {}

    app.router.add_view("/page", PageView)


def mark_view_method(app: web.Application, cancel: CancelFlow) -> None:
    class PageView(web.View):
        @template
        @cancel.flow_page
        async def get(self) -> dict[str, Any]:
            return {}

    app.router.add_view("/page", PageView)


def mark_view_method_over_template(app: web.Application, cancel: CancelFlow) -> None:
    class PageView(web.View):
        @cancel.flow_page
        @template
        async def get(self) -> dict[str, Any]:
            return {}

    app.router.add_view("/page", PageView)


def mark_method_of_an_object(app: web.Application, cancel: CancelFlow) -> None:
    class Pages:
        @cancel.flow_page
        @template
        async def page(self, _: web.Request) -> dict[str, Any]:
            return {}

    app.router.add_get("/page", Pages().page)


def mark_bound_method(app: web.Application, cancel: CancelFlow) -> None:
    class Pages:
        @template
        async def page(self, _: web.Request) -> dict[str, Any]:
            return {}

    app.router.add_get("/page", cancel.flow_page(Pages().page))


def name_the_route(app: web.Application, _: CancelFlow) -> None:
    app.router.add_get("/page", template(bare), name="the-page")


def name_the_path(app: web.Application, _: CancelFlow) -> None:
    app.router.add_get("/page", template(bare))


def name_a_path_with_a_variable(app: web.Application, _: CancelFlow) -> None:
    app.router.add_get("/{what}", template(bare))


OpenPage = Callable[
    ..., Awaitable[tuple[Callable[..., Awaitable[Page]], Subscriptions, CountingVendor]]
]


@pytest.fixture
def open_page(aiohttp_client: AiohttpClient, shared_pool: Pool) -> OpenPage:
    async def open_with(mount: Mount, **settings: Any) -> Any:
        subscriptions, vendor = Subscriptions(), CountingVendor()
        cancel = make_cancel(
            shared_pool, subscriptions=subscriptions, vendor=vendor, run_worker=False, **settings
        )
        app = web.Application()
        aiohttp_jinja2.setup(
            app, loader=jinja2.DictLoader({"page.html": "{{ cancel_flow.script() }}"})
        )
        cancel.setup(app)
        mount(app, cancel)
        client = await aiohttp_client(app)

        async def visit(path: str = "/page", method: str = "GET", status: int = 200) -> Page:
            response = await client.request(method, path, headers=as_customer("ada"))
            assert response.status == status
            return Page(await response.text())

        return visit, subscriptions, vendor

    return open_with


@pytest.mark.parametrize(
    ("mount", "flow_pages"),
    [
        (mark_under_template, ()),
        (mark_over_template, ()),
        (mark_plain_function, ()),
        (mark_view_class, ()),
        (mark_view_method, ()),
        (mark_view_method_over_template, ()),
        (mark_method_of_an_object, ()),
        (mark_bound_method, ()),
        (name_the_route, ["the-page"]),
        (name_the_path, {"/page"}),
        (name_a_path_with_a_variable, ("/{what}",)),
        (name_the_path, "all"),
    ],
)
async def test_a_flow_page_has_its_payload_before_its_handler_runs(
    open_page: OpenPage, mount: Mount, flow_pages: Any
) -> None:
    visit, subscriptions, vendor = await open_page(mount, flow_pages=flow_pages)
    assert without_proof((await visit()).flow["signedPayload"]) == expected_payload("ada")
    assert (subscriptions.asked, vendor.signed) == (["ada"], ["ada"])


@pytest.mark.parametrize(
    "flow_pages", [(), ["another-page"], ["/another"], ["/pag", "page", "/page/"]]
)
async def test_a_page_that_nobody_marked_is_not_prepared(
    open_page: OpenPage, flow_pages: Any
) -> None:
    visit, subscriptions, vendor = await open_page(name_the_route, flow_pages=flow_pages)
    assert (await visit()).flow is None
    assert (subscriptions.asked, vendor.signed) == ([], [])


async def test_only_the_marked_method_of_a_view_is_prepared(open_page: OpenPage) -> None:
    def mount(app: web.Application, cancel: CancelFlow) -> None:
        class PageView(web.View):
            @cancel.flow_page
            async def get(self) -> web.Response:
                return aiohttp_jinja2.render_template("page.html", self.request, {})

            async def post(self) -> web.Response:
                return aiohttp_jinja2.render_template("page.html", self.request, {})

        app.router.add_view("/page", PageView)

    visit, subscriptions, _ = await open_page(mount)
    assert (await visit(method="POST")).flow is None
    assert subscriptions.asked == []
    assert (await visit(method="GET")).flow is not None


async def test_one_handler_on_several_routes_is_a_flow_page_where_the_path_is_named(
    open_page: OpenPage,
) -> None:
    def mount(app: web.Application, _: CancelFlow) -> None:
        app.router.add_get("/page", template(bare))
        app.router.add_get("/other", template(bare))

    visit, _, _ = await open_page(mount, flow_pages=["/page"])
    assert (await visit("/page")).flow is not None
    assert (await visit("/other")).flow is None


async def test_static_files_are_never_prepared(open_page: OpenPage, tmp_path: Any) -> None:
    (tmp_path / "file.txt").write_text("static")
    visit, subscriptions, vendor = await open_page(
        lambda app, _: app.router.add_static("/static", tmp_path), flow_pages="all"
    )
    assert (await visit("/static/file.txt")).text == "static"
    assert (subscriptions.asked, vendor.signed) == ([], [])


async def test_our_own_routes_ask_once_even_when_every_page_is_a_flow_page(
    open_page: OpenPage,
) -> None:
    visit, subscriptions, vendor = await open_page(name_the_path, flow_pages="all")
    await visit("/cancel/payload")
    await visit("/cancel")
    assert (subscriptions.asked, vendor.signed) == (["ada", "ada"], ["ada", "ada"])


@pytest.mark.parametrize(
    ("path", "method", "status"), [("/nowhere", "GET", 404), ("/page", "DELETE", 405)]
)
async def test_requests_that_no_handler_takes_cost_nothing(
    open_page: OpenPage, path: str, method: str, status: int
) -> None:
    visit, subscriptions, vendor = await open_page(mark_over_template)
    await visit(path, method=method, status=status)
    assert (subscriptions.asked, vendor.signed) == ([], [])


def test_flow_pages_that_are_one_text_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="flow_pages is a list"):
        make_cancel("postgresql://", flow_pages="/account")
