"""What counts as an address, and what a mail may hold."""

from __future__ import annotations

import pytest

from aiocancel.core.mail import MailMessage, is_address, one_line
from aiocancel.errors import ConfigurationError


@pytest.mark.parametrize(
    "address",
    [
        "ada@example.com",
        "a.b+tag@sub.example.co.uk",
        "o'brien@example.com",
        "jörg@müller.example",
        "用户@例子.example",
        "_x-1@example-1.com",
        "a" * 64 + "@example.com",
    ],
)
def test_address_of_any_script_is_one(address: str) -> None:
    assert is_address(address)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ada",
        "@example.com",
        "ada@",
        "ada@localhost",
        "ada@@example.com",
        "a b@example.com",
        "ada@exam ple.com",
        "ada@example.com,bob@example.com",
        "ada@example.com;bob@example.com",
        "ada@example.com bob@example.com",
        "Ada <ada@example.com>",
        '"ada"@example.com',
        "ada(comment)@example.com",
        "ada@example.com\r\nBcc: bob@example.com",
        "ada\n@example.com",
        "ada@example.com\n",
        "ada@exa\x00mple.com",
        "ada\u200b@example.com",
        "ada\u202e@example.com",
        "ada@-example.com",
        "ada@example-.com",
        "ada@example..com",
        "ada@.example.com",
        ".ada@example.com",
        "ada.@example.com",
        "a..b@example.com",
        "ada@exam_ple.com",
        "ada@[127.0.0.1]",
        "a" * 65 + "@example.com",
        "ada@" + "x" * 64 + ".com",
        "ada@" + "x." * 130 + "com",
        "\ud800@example.com",
        "ada\\@example.com",
        None,
        5,
        b"ada@example.com",
        ["ada@example.com"],
    ],
    ids=repr,
)
def test_what_is_no_single_address_is_none(text: object) -> None:
    is_underscored_domain = text == "ada@exam_ple.com"

    # Underscores are in hosts that exist, and harm nobody.
    assert is_address(text) is is_underscored_domain


def test_subject_is_one_line() -> None:
    assert one_line("Pro\r\nBcc: x\x00 \u2028y ") == "Pro Bcc: x   y"


@pytest.mark.parametrize(
    ("field", "value"),
    [("message_id", "a b"), ("message_id", ""), ("to", "nobody"), ("subject", "a\nb")],
)
def test_mail_that_would_write_headers_is_not_made(field: str, value: str) -> None:
    content = dict.fromkeys(("text", "html"), "x") | {"language": "en", "message_id": "m"}
    content |= {"to": "ada@example.com", "subject": "s", field: value}

    with pytest.raises(ConfigurationError, match="a mail"):
        MailMessage(**content)


def test_mail_shows_neither_address_nor_words() -> None:
    mail = MailMessage("m", "ada@example.com", "subject", "text", "html", "en")

    assert repr(mail) == "MailMessage(message_id='m', language='en')"
