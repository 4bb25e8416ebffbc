"""The webhook's token and the keys that open letters and declarations do not reach a log."""

from __future__ import annotations

import io
import logging
import re
from collections.abc import Iterator

import pytest
from pytest_aiohttp import AiohttpClient

from aiocancel import PublicExit
from aiocancel.core.grants import GrantSealer
from aiocancel.web.log_filter import LOGGERS, SecretFilter
from tests.support.company import Company
from tests.support.letters import letters, mails, press
from tests.support.mail_server import text_of
from tests.support.saas import Pool, make_app, make_cancel, vendor

TOKEN = "a-token-that-nobody-should-read-anywhere"
LINK = GrantSealer([TOKEN]).seal_link("letter", expires_at=4_000_000_000)
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


async def test_the_access_log_shows_no_key_that_opens_a_letter_or_a_declaration(
    company: Company, access_log: io.StringIO
) -> None:
    """A letter's key is valid for 400 days, and a declaration has a name, an address and perhaps a cause in it."""

    async def find(_declaration: object) -> str | None:
        return None

    company.stripe.add_subscription("sub_1")
    async with letters(company, public_exit=PublicExit(find)) as server:
        await press(company)
        (mail,) = await mails(server)
        found = re.search(r"https://shop\.example(/cancel/acknowledgement/\S+)", text_of(mail))
        assert company.client is not None
        assert found is not None
        letter = await company.client.get(found[1], headers={"Accept": "text/html"})
        declared = f"/cancel/public/{LINK}"
        declaration = await company.client.get(declared, headers={"Accept": "text/html"})

    lines = access_log.getvalue()
    assert (letter.status, declaration.status) == (200, 404)
    assert "/cancel/acknowledgement/" in lines
    assert "key=[token]" in lines
    assert "/cancel/public/[token]" in lines
    assert "l1." not in lines


def test_the_filter_joins_a_logger_once(access_log: io.StringIO) -> None:
    for _ in range(2):
        SecretFilter("/cancel", [TOKEN]).install()

    found = logging.getLogger("aiohttp.access").filters
    assert found.count(SecretFilter("/cancel", [TOKEN])) == 1


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
        (f"GET /cancel/public/{LINK}?save=1", (), "GET /cancel/public/[token]?save=1"),
        ("GET /cancel/public/l%31.abc", (), "GET /cancel/public/[token]"),
        ("GET /cancel/public HTTP/1.1", (), "GET /cancel/public HTTP/1.1"),
        (
            "%s",
            (f"https://shop.example/cancel/acknowledgement/5a?key={LINK}&save=1",),
            "https://shop.example/cancel/acknowledgement/5a?key=[token]&save=1",
        ),
        (
            "GET /cancel/acknowledgement/5a?save=1&key=l%31.abc HTTP/1.1",
            (),
            "GET /cancel/acknowledgement/5a?save=1&key=[token] HTTP/1.1",
        ),
        # A handler that is mounted by hand has a path of its own.
        (
            f"GET /keep/5a?lang=de&key={LINK} HTTP/1.1",
            (),
            "GET /keep/5a?lang=de&key=[token] HTTP/1.1",
        ),
        ("GET /search?key=l1.2 HTTP/1.1", (), "GET /search?key=l1.2 HTTP/1.1"),
    ],
    ids=[
        "token_anywhere",
        "token_in_a_mapping",
        "nothing_secret",
        "token_spelled_otherwise",
        "declaration",
        "declaration_spelled_otherwise",
        "public_exit",
        "letter",
        "letter_spelled_otherwise",
        "letter_at_another_path",
        "key_of_the_application",
    ],
)
def test_message_and_arguments_are_cleaned(
    message: str, args: tuple[object, ...], said: str
) -> None:
    record = logging.LogRecord("any", logging.INFO, "file", 1, message, args, None)

    assert SecretFilter("/cancel", [TOKEN]).filter(record)
    assert record.getMessage() == said


def test_the_filter_shows_no_token() -> None:
    assert TOKEN not in repr(SecretFilter("/cancel", [TOKEN]))
