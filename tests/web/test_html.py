"""What a page carries for the script: read back as it was, whatever it holds, and inert before it is read."""

from __future__ import annotations

import json

import pytest

from aiocancel.core.signing import sign_text
from aiocancel.intake import SealedFlow
from aiocancel.web.html import script_markup
from tests.support.web import Page

HOSTILE = [
    "<script>alert(1)</script>",
    "'\"><b>",
    "&lt;&#39;",
    "--><style>",
    "\\u0027",
    "ä\N{SNOWMAN}",
]


@pytest.mark.parametrize("words", HOSTILE, ids=range(len(HOSTILE)))
def test_a_payload_is_carried_byte_for_byte_and_its_words_are_no_markup(words: str) -> None:
    signed = sign_text(json.dumps({"name": words}), "a secret")

    text = script_markup("/flow.js", "a-nonce", SealedFlow({"signedPayload": signed}, "grant", 7))

    page = Page(text)
    assert [tag for tag, _ in page.elements] == ["script"]
    script = page.one("script")
    assert sorted(script) == ["data-aiocancel", "defer", "nonce", "src"]
    assert json.loads(script["data-aiocancel"])["signedPayload"] == signed
    # A browser ignores the nonce of an element whose attributes hold these.
    assert "<" not in script["data-aiocancel"]
