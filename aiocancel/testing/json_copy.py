"""Copies of JSON, which the simulators make at every request."""

from __future__ import annotations

import copy
from typing import TypeVar

_T = TypeVar("_T")
_UNCHANGING = frozenset({str, int, float, bool, type(None)})


def copy_of(value: _T) -> _T:
    """Return what ``copy.deepcopy`` does, much faster: of JSON no part needs to be known as the same again."""
    kind = type(value)
    if kind in _UNCHANGING:
        return value
    if kind is dict:
        return {name: copy_of(each) for name, each in value.items()}  # type: ignore[attr-defined,return-value]
    if kind is list:
        return [copy_of(each) for each in value]  # type: ignore[attr-defined,return-value]
    return copy.deepcopy(value)
