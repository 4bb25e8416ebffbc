"""How deep JSON from outside may be nested: no claim, flow session or event needs more."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

MAX_DEPTH: Final = 32


def is_too_deep(value: object) -> bool:
    """Tell whether objects and lists stand in one another more than ``MAX_DEPTH`` levels deep."""
    level = _containers([value])
    for _ in range(MAX_DEPTH):
        level = [inner for outer in level for inner in _containers(outer)]
    return bool(level)


def _containers(value: Iterable[object]) -> list[Iterable[object]]:
    values = value.values() if isinstance(value, Mapping) else value
    return [each for each in values if isinstance(each, Mapping | list)]
