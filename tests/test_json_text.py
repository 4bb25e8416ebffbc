"""JSON for a page: ASCII whatever it holds, and the same values read back."""

from __future__ import annotations

import json
from typing import Any

import pytest

from aiocancel.json_text import ascii_json

HARD: dict[str, Any] = {
    "plain": "plain",
    "umlaut": "ä",
    "emoji": "\N{PERSON WITH FOLDED HANDS}",
    "half_of_a_pair": "\ud800",
    "control": "\0\t\x7f",
    "quotes": "\"'</script>",
    "more_than_64_bits": 2**70,
    "fraction": 1e22,
    "nested": {"a": [1, None, True]},
    "text_of_another_class": type("Word", (str,), {})("word"),
}


@pytest.mark.parametrize("name", HARD)
def test_a_value_reads_back_as_it_was_and_is_written_in_ascii(name: str) -> None:
    text = ascii_json({name: HARD[name]})

    assert text.isascii()
    assert json.loads(text) == {name: HARD[name]}
    assert ": " not in text


def test_a_value_that_json_cannot_hold_is_refused() -> None:
    with pytest.raises(TypeError):
        ascii_json({"a": object()})
