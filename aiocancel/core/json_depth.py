"""How deep JSON from outside may be nested: no claim, flow session or event needs more."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from itertools import accumulate
from typing import Final

MAX_DEPTH: Final = 32
MAX_MARKS: Final = 20_000
"""How many quotes, commas, colons and opening brackets JSON from a browser may hold: thousands of answers do."""

_MARKS: Final = (b'"', b",", b":", b"[", b"{")
# A text that never ends counts as one, or each quote in it would be looked at to the end again.
_TEXT: Final = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
_NO_BRACKETS: Final = bytes(sorted({*range(256)} - {*b"[]{}"}))
_STEPS: Final = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}


def is_too_dense(body: bytes) -> bool:
    """Tell whether JSON that is not decoded yet is too costly to decode: too many values, or too deep.

    All of it happens in C: a stranger's 256 KiB of brackets must not hold up the other requests.
    """
    if has_more_marks_than(MAX_MARKS, body):
        return True
    brackets = _TEXT.sub(b"", body).translate(None, _NO_BRACKETS)
    return max(accumulate(map(_STEPS.__getitem__, brackets)), default=0) > MAX_DEPTH


def has_more_marks_than(most: int, body: bytes) -> bool:
    """Tell whether JSON holds more quotes, commas, colons and opening brackets than ``most``, without decoding it."""
    return sum(map(body.count, _MARKS)) > most


def is_too_deep(value: object) -> bool:
    """Tell whether objects and lists stand in one another more than ``MAX_DEPTH`` levels deep."""
    level = _containers([value])
    for _ in range(MAX_DEPTH):
        level = [inner for outer in level for inner in _containers(outer)]
    return bool(level)


def _containers(value: Iterable[object]) -> list[Iterable[object]]:
    values = value.values() if isinstance(value, Mapping) else value
    return [each for each in values if isinstance(each, Mapping | list)]
