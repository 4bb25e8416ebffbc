"""The smaller examples run as they stand."""

from __future__ import annotations

import csv
import importlib
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.support.company import Company
from tests.support.letters import press, writing
from tests.support.plain_cancellation import cancel_plainly
from tests.support.saas import Pool
from tests.support.waiting import until

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
EXAMPLES = Path(__file__).parent.parent / "examples"


async def test_the_outcome_webhook_posts_once_the_receiver_takes_it(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    company.stripe.add_subscription("sub_1")
    monkeypatch.syspath_prepend(str(EXAMPLES))
    module = importlib.import_module("outcome_webhook")
    received: list[dict[str, Any]] = []
    calls = 0

    async def receive(request: web.Request) -> web.Response:
        nonlocal calls
        calls += 1
        if calls == 1:
            return web.Response(status=503)
        body = await request.read()
        at = int(request.headers["webhook-timestamp"])
        key = request.headers["webhook-id"]
        expected = module.signed(body, message_id=key, at=at, secret=SECRET)
        assert request.headers["webhook-signature"] == expected["webhook-signature"]
        received.append({"key": key, **json.loads(body)})
        return web.Response()

    app = web.Application()
    app.router.add_post("/in", receive)
    async with TestServer(app) as server:
        cancel = company.plug_in()
        module.post_outcomes_to(cancel, str(server.make_url("/in")), secret=SECRET)
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


def test_a_signature_is_that_of_standard_webhooks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(EXAMPLES))

    # The example of its specification's reference libraries.
    headers = importlib.import_module("outcome_webhook").signed(
        b'{"test": 2432232314}',
        message_id="msg_p5jXN8AQM9LWM0D4loKWxJek",
        at=1614265330,
        secret=SECRET,
    )

    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def lines_in(folder: Path) -> list[str]:
    return [line for file in folder.iterdir() for line in file.read_text().splitlines()]


async def test_outcomes_are_written_into_the_file_of_their_day(
    company: Company, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    company.stripe.add_subscription("sub_1")
    monkeypatch.syspath_prepend(str(EXAMPLES))
    module = importlib.import_module("outcomes_csv")
    cancel = company.plug_in()
    module.write_outcomes_to(cancel, tmp_path)
    await company.open(cancel)

    assert await cancel_plainly(company) == "scheduled"
    await until(lambda: len(lines_in(tmp_path)) == 2)

    head, row = csv.reader(lines_in(tmp_path))
    assert tuple(head) == module.COLUMNS
    assert (row[2], row[3], row[4]) == ("sub_1", "canceled", "scheduled")
    assert module._cell("=cmd()") == "'=cmd()"


async def test_a_price_of_nothing_is_written_as_0_and_none_as_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.syspath_prepend(str(EXAMPLES))
    module = importlib.import_module("outcomes_csv")

    class Hooks:
        def on_outcome(self, hook: Any) -> None:
            self.hook = hook

    hooks = Hooks()
    module.write_outcomes_to(hooks, tmp_path)
    outcome = SimpleNamespace(
        claim_id="c",
        subscription_id="sub_1",
        status="canceled",
        answer=SimpleNamespace(kind="scheduled"),
        offer_id=None,
        reason=SimpleNamespace(code=None),
        problem=None,
    )
    for snapshot in ({"price_minor": 0}, {"price_minor": None}, None):
        outcome.snapshot = snapshot
        await hooks.hook(outcome)

    place = module.COLUMNS.index("price_minor")
    assert [row[place] for row in csv.reader(lines_in(tmp_path))] == ["price_minor", "0", "", ""]


async def test_past_sessions_of_the_demo_are_two_hundred_whenever_they_are_added(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(EXAMPLES))
    past = importlib.import_module("past_sessions")
    await past.add_past_sessions(pool)
    await past.add_past_sessions(pool)
    rows = await pool.fetch(
        "SELECT state, count(*) AS found FROM aiocancel.flow_session GROUP BY state"
    )
    ends = {row["state"]: row["found"] for row in rows}
    parked = await pool.fetchval("SELECT count(*) FROM aiocancel.action WHERE state = 'parked'")

    assert sum(ends.values()) == 200
    assert set(ends) == {"canceled", "accepted", "abandoned"}
    assert parked == len(past.STUCK)
    assert await pool.fetchval("SELECT count(*) FROM aiocancel.kept_reading WHERE kept") > 20


async def test_the_mailbox_shows_every_mail_as_text_and_as_html(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    company.stripe.add_subscription("sub_1")
    monkeypatch.syspath_prepend(str(EXAMPLES))
    mailbox = importlib.import_module("demo_mailbox").Mailbox()
    app = web.Application()
    mailbox.add_routes(app)

    await company.open(writing(company, mailbox))
    await press(company)
    await until(lambda: bool(mailbox.mails))
    client: Any = await company.aiohttp_client(app)
    page = await (await client.get("/mailbox")).text()
    html = await client.get("/mailbox/0")

    assert "Your Pro subscription ends on" in page
    assert "To ada@example.com" in page
    assert "Declared:" in page
    assert mailbox.mails[0].subject in await html.text()
    assert html.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert (await client.get("/mailbox/7")).status == 404
