"""A copy of what a simulator holds is as deep as the standard library's."""

from __future__ import annotations

import copy
from datetime import UTC, datetime
from typing import Any

import pytest

from aiocancel.testing.json_copy import copy_of


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        5,
        1.5,
        "text",
        [],
        {},
        {"items": {"data": [{"id": "si_1", "price": {"id": "price_1"}}, None]}, "livemode": False},
        # Tests may put something else beside it.
        {"at": datetime(2027, 3, 1, tzinfo=UTC), "pair": ([1], {"a": [2]})},
    ],
)
def test_a_copy_is_equal_and_of_the_same_types(value: Any) -> None:
    copied = copy_of(value)

    assert copied == copy.deepcopy(value)
    assert repr(copied) == repr(value)


def test_what_is_changed_in_a_copy_stays_as_it_was_in_the_original() -> None:
    original: dict[str, Any] = {"items": {"data": [{"id": "si_1"}]}, "pair": ([1],)}

    copied = copy_of(original)
    copied["items"]["data"][0]["id"] = "si_2"
    copied["items"]["data"].append({})
    copied["pair"][0].append(2)

    assert original == {"items": {"data": [{"id": "si_1"}]}, "pair": ([1],)}
