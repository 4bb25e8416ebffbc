"""Our pages in the dress of the site: its templates where it has them, and ours where those fail."""

from __future__ import annotations

from typing import Any

import aiohttp_jinja2
import jinja2
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient
from pytest_aiohttp import AiohttpClient

from aiocancel.telemetry import PageTemplateFailed
from tests.support.saas import Events, Pool, as_customer, make_cancel
from tests.support.web import Page, Subscriptions

SITE = (
    "<!doctype html><html lang={{ lang }}><title>{% block title %}{% endblock %}</title>"
    "{% block head %}{% endblock %}<nav>{{ shop_name }}</nav>{% block content %}{% endblock %}</html>"
)
DRESS = (
    '{% extends "shop.html" %}{% block title %}{{ title }}{% endblock %}'
    '{% block head %}<link rel="stylesheet" href="{{ stylesheet }}">{% endblock %}'
    "{% block content %}<main>{% block body %}{% endblock %}</main>{% endblock %}"
)
POLICY = "default-src 'self'; style-src 'self' https://fonts.example"


class Opened:
    """A site with templates of its own."""

    def __init__(self, client: TestClient[Any, Any], events: Events) -> None:
        self.client = client
        self.events = events

    async def get(self, path: str = "/cancel", status: int = 200) -> tuple[Page, Any]:
        headers = {**as_customer("ada"), "Accept": "text/html"}
        response = await self.client.get(path, headers=headers)
        text = await response.text()
        assert response.status == status, text
        return Page(text), response.headers


async def shop_name(_: web.Request) -> dict[str, str]:
    return {"shop_name": "The <shop>"}


async def open_site(
    aiohttp_client: AiohttpClient,
    pool: Pool,
    templates: dict[str, str],
    *,
    autoescape: bool = True,
    enable_async: bool = False,
    **settings: Any,
) -> Opened:
    events = Events()
    app = web.Application()
    aiohttp_jinja2.setup(
        app,
        loader=jinja2.DictLoader({"shop.html": SITE, **templates}),
        context_processors=[shop_name],
        autoescape=autoescape,
        enable_async=enable_async,
    )

    cancel = make_cancel(
        pool,
        subscriptions=Subscriptions(),
        run_worker=False,
        on_event=events,
        content_security_policy=POLICY,
        **settings,
    )

    cancel.setup(app)

    return Opened(await aiohttp_client(app), events)


pytestmark = pytest.mark.filterwarnings(
    "ignore::aiohttp.web_exceptions.NotAppKeyWarning"
)  # aiohttp-jinja2's own request key


@pytest.mark.parametrize("enable_async", [False, True], ids=["plain", "async"])
async def test_page_wears_the_sites_own_base(
    aiohttp_client: AiohttpClient, shared_pool: Pool, enable_async: bool
) -> None:
    site = await open_site(
        aiohttp_client, shared_pool, {"aiocancel/base.html": DRESS}, enable_async=enable_async
    )

    page, headers = await site.get()
    message, _ = await site.get("/cancel/status/nothing", status=404)
    css = await site.client.get(page.one("link")["href"])

    assert "The <shop>" in page.text
    assert page.one("form")["action"] == "/cancel/result"
    assert "The <shop>" in message.text
    assert "--aiocancel-exit:" in await css.text()
    assert css.content_type == "text/css"
    assert "immutable" in css.headers["Cache-Control"]
    # The page was made for the site's policy, and is framed by nobody.
    assert "https://fonts.example" in headers["Content-Security-Policy"]
    assert headers["X-Frame-Options"] == "DENY"
    assert headers.getall("Cache-Control") == ["no-store"]
    assert site.events.of(PageTemplateFailed) == []


async def test_site_may_replace_one_page_alone_with_the_same_facts(
    aiohttp_client: AiohttpClient, shared_pool: Pool
) -> None:
    own = (
        '{% extends "aiocancel/base.html" %}{% block body %}<h1>Go?</h1>'
        '<form method="post" action="{{ action }}"><input name="grant" value="{{ grant }}">'
        '<input name="status" value="{{ wish }}"></form>{{ lines[0] }}{% endblock %}'
    )
    site = await open_site(
        aiohttp_client, shared_pool, {"aiocancel/confirm.html": own, "aiocancel/base.html": DRESS}
    )

    page, _ = await site.get()

    assert "Go?" in page.text
    assert page.fields.keys() == {"grant", "status"}
    assert "You can use it until the end" in page.text


async def test_values_are_escaped_whatever_the_site_set(
    aiohttp_client: AiohttpClient, shared_pool: Pool
) -> None:
    site = await open_site(
        aiohttp_client,
        shared_pool,
        {"aiocancel/base.html": DRESS},
        autoescape=False,
        texts={"confirm_title": "<script>alert(1)</script>"},
    )

    page, _ = await site.get()

    assert page.all("script") == []
    assert "<script>alert(1)</script>" in page.text


@pytest.mark.parametrize(
    "broken",
    [
        "{% extends 'nowhere.html' %}",
        "{{ 1 / 0 }}",
        "{{ secret.of.ada }}",
        "{% block body",
        "{% extends 'aiocancel/base.html' %}",
    ],
)
@pytest.mark.parametrize("enable_async", [False, True], ids=["plain", "async"])
async def test_ours_stand_in_for_a_template_that_fails(
    aiohttp_client: AiohttpClient, shared_pool: Pool, broken: str, enable_async: bool
) -> None:
    site = await open_site(
        aiohttp_client, shared_pool, {"aiocancel/base.html": broken}, enable_async=enable_async
    )

    page, headers = await site.get()

    assert page.one("form")["action"] == "/cancel/result"
    assert headers["Content-Security-Policy"].startswith("default-src 'none'")
    (failed,) = site.events.of(PageTemplateFailed)
    assert failed.template == "aiocancel/confirm.html"
    assert "ada" not in failed.error


async def test_site_without_a_template_for_us_gets_ours(
    aiohttp_client: AiohttpClient, shared_pool: Pool
) -> None:
    site = await open_site(aiohttp_client, shared_pool, {})

    page, headers = await site.get()

    assert "The <shop>" not in page.text
    assert headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert site.events.of(PageTemplateFailed) == []


async def test_waiting_page_asks_again_whatever_the_site_shows(
    aiohttp_client: AiohttpClient, pool: Pool
) -> None:
    site = await open_site(
        aiohttp_client, pool, {"aiocancel/base.html": DRESS}, answer_within_s=0.01
    )
    page, _ = await site.get()

    response = await site.client.post(
        "/cancel/result", data=page.fields, headers={**as_customer("ada"), "Accept": "text/html"}
    )

    assert response.headers["Refresh"] == "3"
