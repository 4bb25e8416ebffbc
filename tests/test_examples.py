"""The smaller examples run as they stand."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.support.company import Company
from tests.support.waiting import until
from tests.worker.test_hooks import cancel_plainly

EXAMPLES = Path(__file__).parent.parent / "examples"


async def test_the_outcome_webhook_posts_once_the_receiver_takes_it(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    company.stripe.add_subscription("sub_1")
    received: list[dict[str, Any]] = []
    calls = 0

    async def receive(request: web.Request) -> web.Response:
        nonlocal calls
        calls += 1
        if calls == 1:
            return web.Response(status=503)
        received.append({"key": request.headers["Idempotency-Key"], **(await request.json())})
        return web.Response()

    app = web.Application()
    app.router.add_post("/in", receive)
    async with TestServer(app) as server:
        monkeypatch.syspath_prepend(str(EXAMPLES))
        cancel = company.plug_in()
        importlib.import_module("outcome_webhook").post_outcomes_to(
            cancel, str(server.make_url("/in"))
        )
        await company.open(cancel)
        assert await cancel_plainly(company) == "scheduled"
        await until(lambda: bool(received))
    (outcome,) = received
    assert outcome["key"] == outcome["claim_id"]
    assert (outcome["status"], outcome["answer"]["kind"], outcome["customer_id"]) == (
        "canceled",
        "scheduled",
        "ada",
    )
