"""JSON may be nested 32 levels deep, and as wide as it likes."""

from __future__ import annotations

from typing import Any

import pytest

from aiocancel.core.json_depth import MAX_DEPTH, is_too_deep


def lists(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


def objects(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = {"inner": value}
    return value


@pytest.mark.parametrize("nested", [lists, objects])
@pytest.mark.parametrize(
    ("levels", "too_deep"), [(0, False), (1, False), (31, False), (32, False), (33, True)]
)
def test_json_deeper_than_32_levels_is_too_deep(nested: Any, levels: int, too_deep: bool) -> None:
    assert MAX_DEPTH == 32
    assert is_too_deep(nested(levels)) is too_deep


@pytest.mark.parametrize(
    "wide", [[[] for _ in range(100)], {str(name): {"a": []} for name in range(100)}, "[" * 100]
)
def test_json_that_is_only_wide_is_not_too_deep(wide: Any) -> None:
    assert not is_too_deep(wide)


def test_json_is_too_deep_if_one_of_its_branches_is() -> None:
    assert is_too_deep([1, "two", {}, {"flat": [], "deep": objects(MAX_DEPTH - 1)}])
    assert not is_too_deep([1, "two", {}, {"flat": [], "deep": objects(MAX_DEPTH - 2)}])
