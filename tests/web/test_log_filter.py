"""The webhook's token does not reach a log."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator

import pytest
from pytest_aiohttp import AiohttpClient

from aiocancel.web.log_filter import LOGGERS, WebhookTokenFilter
from tests.support.saas import Pool, make_app, make_cancel, vendor

TOKEN = "a-token-that-nobody-should-read-anywhere"
OLD = "the-token-of-before-that-opens-it-as-well"


@pytest.fixture
def access_log() -> Iterator[io.StringIO]:
    """What aiohttp's access log writes; the filters that a test installs go with it."""
    loggers = [logging.getLogger(name) for name in LOGGERS]
    before = [list(logger.filters) for logger in loggers]
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(logging.Formatter("%(message)s %(first_request_line)s"))
    access = logging.getLogger("aiohttp.access")

    level = access.level
    access.addHandler(handler)
    access.setLevel(logging.INFO)
    yield written
    access.removeHandler(handler)
    access.setLevel(level)
    for logger, filters in zip(loggers, before, strict=True):
        logger.filters = filters


async def test_the_access_log_shows_that_the_webhook_rang_and_not_its_token(
    aiohttp_client: AiohttpClient, shared_pool: Pool, access_log: io.StringIO
) -> None:
    listening = vendor(webhook_token=TOKEN, previous_webhook_token=OLD)
    app = make_app(make_cancel(shared_pool, vendor=listening, run_worker=False))
    client = await aiohttp_client(
        app, server_kwargs={"access_log": logging.getLogger("aiohttp.access")}
    )

    for token in (TOKEN, OLD, TOKEN.replace("a", "%61"), "a-token-of-long-ago"):
        await client.post(f"/cancel/webhook/{token}", json={"event_id": "evt_1"})
    await client.get("/account")

    lines = access_log.getvalue().splitlines()
    assert [line.split(chr(34))[1].split()[1] for line in lines] == [
        "/cancel/webhook/[token]",
        "/cancel/webhook/[token]",
        "/cancel/webhook/[token]",
        "/cancel/webhook/[token]",
        "/account",
    ]
    assert not any(token in access_log.getvalue() for token in (TOKEN, OLD, "%61", "long-ago"))


def test_the_filter_joins_a_logger_once(access_log: io.StringIO) -> None:
    for _ in range(2):
        WebhookTokenFilter("/cancel", [TOKEN]).install()

    found = logging.getLogger("aiohttp.access").filters
    assert found.count(WebhookTokenFilter("/cancel", [TOKEN])) == 1


@pytest.mark.parametrize(
    ("message", "args", "said"),
    [
        ("%s rang", (f"/hooks/{TOKEN}?x=1",), "/hooks/[token]?x=1 rang"),
        (
            "%(path)s %(n)d",
            ({"path": f"/cancel/webhook/{TOKEN}", "n": 1},),
            "/cancel/webhook/[token] 1",
        ),
        ("%s %d", ("/cancel/status", 2), "/cancel/status 2"),
        ("POST /cancel/webhook/%41bc HTTP/1.1", (), "POST /cancel/webhook/[token] HTTP/1.1"),
    ],
)
def test_message_and_arguments_are_cleaned(
    message: str, args: tuple[object, ...], said: str
) -> None:
    record = logging.LogRecord("any", logging.INFO, "file", 1, message, args, None)

    assert WebhookTokenFilter("/cancel", [TOKEN]).filter(record)
    assert record.getMessage() == said


def test_the_filter_shows_no_token() -> None:
    assert TOKEN not in repr(WebhookTokenFilter("/cancel", [TOKEN]))
