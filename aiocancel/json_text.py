"""JSON for a page, encoded once and fast (tests/benchmarks/page.py)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

import msgspec

__all__ = ["ascii_json"]

_encode: Final = msgspec.json.Encoder().encode


def ascii_json(value: Mapping[str, Any]) -> str:
    """Encode as compact JSON in ASCII: the page may be in any encoding.

    Raises TypeError for a value that JSON cannot hold, ValueError for NaN and infinities beside one that the fast
    encoder leaves to Python's.
    """
    try:
        encoded = _encode(value)
    except (UnicodeEncodeError, OverflowError, TypeError):
        # Half of a surrogate pair, a number of more than 64 bits: JSON can spell them.
        return _by_python(value)
    return encoded.decode() if encoded.isascii() else _by_python(value)


def _by_python(value: Mapping[str, Any]) -> str:
    return json.dumps(value, separators=(",", ":"), allow_nan=False)
