"""One setting is refused by its name: another type first, then a value out of bounds; nothing repeats the value."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from aiocancel.core import check_settings as check
from aiocancel.errors import ConfigurationError

RIGHT: list[tuple[Callable[..., None], Any]] = [
    (check.check_whole, 1),
    (check.check_number, 0.5),
    (lambda name, value: check.check_number(name, value, least=0), 0),
    (check.check_exact, Decimal("12.5")),
    (check.check_exact, 0),
    (check.check_flag, False),
    (check.check_text, ""),
    (lambda name, value: check.check_word(name, value, ("app", "vendor")), "app"),
    (check.check_texts, ["de"]),
    (check.check_text_by_text, {"once": "off"}),
]
WRONG: list[tuple[Callable[..., None], Any, str]] = [
    (check.check_whole, True, "must be a whole number, not of type bool"),
    (check.check_whole, "secret", "must be a whole number, not of type str"),
    (check.check_whole, 0, "must be from 1 to 1,000,000,000"),
    (check.check_number, "secret", "must be a number, not of type str"),
    (check.check_number, True, "must be a number, not of type bool"),
    (check.check_number, 0, "must be more than 0, and at most 1,000,000,000"),
    (check.check_number, float("nan"), "must be more than 0, and at most 1,000,000,000"),
    (
        lambda name, value: check.check_number(name, value, least=0),
        -1,
        "must be from 0 to 1,000,000,000",
    ),
    (
        check.check_exact,
        12.5,
        "must be a Decimal or a whole number, such as Decimal('12.5'), not of type float",
    ),
    (check.check_exact, Decimal("sNaN"), "must be from 0 to 1,000,000,000"),
    (check.check_exact, -1, "must be from 0 to 1,000,000,000"),
    (check.check_flag, 1, "must be True or False, not of type int"),
    (check.check_text, b"secret", "must be a text (str), not of type bytes"),
    (
        lambda name, value: check.check_word(name, value, ("app", "vendor")),
        "secret",
        "is 'app' or 'vendor'",
    ),
    (check.check_texts, "secret", "is a list or set of texts, not of type str"),
    (check.check_texts, [""], "is a list or set of texts, none of them empty"),
    (check.check_text_by_text, ["secret"], "is a mapping of texts, not of type list"),
    (check.check_text_by_text, {"secret": 1}, "is a mapping of texts to texts"),
]


@pytest.mark.parametrize(("check_it", "value"), RIGHT)
def test_a_value_of_the_right_type_within_its_bounds_passes(
    check_it: Callable[..., None], value: Any
) -> None:
    check_it("setting", value)


@pytest.mark.parametrize(("check_it", "value", "message"), WRONG)
def test_any_other_value_is_refused_by_the_settings_name_alone(
    check_it: Callable[..., None], value: Any, message: str
) -> None:
    with pytest.raises(ConfigurationError) as refused:
        check_it("setting", value)

    assert str(refused.value) == f"setting {message}"
