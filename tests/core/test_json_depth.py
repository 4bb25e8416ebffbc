"""JSON may be nested 32 levels deep, and as wide as a customer's answers ever are."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from aiocancel.core.json_depth import (
    MAX_DEPTH,
    MAX_MARKS,
    has_more_marks_than,
    is_too_deep,
    is_too_dense,
)


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


@pytest.mark.parametrize("nested", [lists, objects])
@pytest.mark.parametrize(("levels", "too_dense"), [(0, False), (32, False), (33, True)])
def test_json_is_too_deep_before_it_is_decoded_as_well(
    nested: Any, levels: int, too_dense: bool
) -> None:
    assert is_too_dense(json.dumps(nested(levels)).encode()) is too_dense


@pytest.mark.parametrize(
    "text", ["[" * 100, "{[" * 50, '"' + "[" * 100, "\\" + "[" * 100, '\\"' + "{" * 99, "]" * 40]
)
def test_brackets_inside_a_text_are_no_levels(text: str) -> None:
    assert not is_too_dense(json.dumps({"reason": text, "more": [text, {text: text}]}).encode())


@pytest.mark.parametrize("text", ["x", '"', "\\", '\\"', "]"])
def test_brackets_behind_a_text_are_levels(text: str) -> None:
    assert is_too_dense(json.dumps([text, lists(MAX_DEPTH)]).encode())


def test_json_with_more_values_than_any_flow_has_is_too_dense() -> None:
    assert not is_too_dense(b"[" + b"1," * (MAX_MARKS - 1))
    assert is_too_dense(b"[" + b"1," * MAX_MARKS)


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 262_144,
        b"{}," * 87_381,
        b"1e1," * 65_536,
        b'"",' * 87_381,
        b'"' + b'\\"' * 9_000 + b"x" * 240_000,
        b"[" * 9_000 + b'"' + b"\\" * 250_001,
    ],
    ids=["brackets", "objects", "numbers", "texts", "a text without an end", "backslashes"],
)
def test_the_most_costly_bodies_are_judged_in_a_few_milliseconds(body: bytes) -> None:
    best_s = min(_time_of(body) for _ in range(5))

    assert best_s < 0.01


def _time_of(body: bytes) -> float:
    started = time.process_time()
    is_too_dense(body)
    return time.process_time() - started


@pytest.mark.parametrize("body", [b"[1,2,3]", b'{"a":[]}'])
def test_marks_of_json_are_counted(body: bytes) -> None:
    marks = sum(body.count(mark) for mark in (b'"', b",", b":", b"[", b"{"))

    assert has_more_marks_than(marks - 1, body)
    assert not has_more_marks_than(marks, body)
