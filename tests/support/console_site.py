"""The owner's console of a company, and what an operator reads there."""

from __future__ import annotations

import re
from typing import Any

from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestClient

from tests.support.saas import Pool, make_cancel

AT = "/owner/cancellations"
Client = TestClient[Any, Any]


async def who_is_this(request: web.Request) -> str | None:
    return request.headers.get("X-Operator")


def as_operator(name: str = "j.doe") -> dict[str, str]:
    return {"X-Operator": name}


def site(pool: Pool, *, operator: Any = who_is_this, **of_console: Any) -> web.Application:
    cancel = make_cancel(pool, run_worker=False, content_security_policy=None, answer_within_s=0.1)
    app = web.Application()
    cancel.setup(app)
    app.add_subapp(AT, cancel.console(operator=operator, **of_console))
    return app


async def get(client: Client, path: str = "/", **query: str) -> ClientResponse:
    return await client.get(AT + path, params=query, headers=as_operator())


async def page(client: Client, path: str = "/", **query: str) -> str:
    response = await get(client, path, **query)
    text = await response.text()
    assert response.status == 200, text
    return text


def plain(text: str) -> str:
    """The words of a page without its markup."""
    body = re.sub(r'<span lang="\w+">(.*?)</span>', r"\1", text[text.index("<main") :])
    return " ".join(re.sub(r"<[^>]+>", " ", body).split())


SLEEPERS = """
SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'
"""
