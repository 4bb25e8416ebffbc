"""Stripe's subscription with what customers read: refused where it lacks a field, never guessed."""

from __future__ import annotations

from typing import Any

import pytest

from aiocancel.core.shown import read_shown
from tests.core.test_subscription import stripe_object


@pytest.mark.parametrize(
    "item", [{"price": None}, {"price": {}}, {"price": {"id": "price_1", "recurring": 7}}]
)
def test_a_line_whose_price_cannot_be_read_is_refused(item: dict[str, Any]) -> None:
    line = {"id": "si_1", "current_period_end": 1_800_000_000}
    data = stripe_object(items={"object": "list", "data": [line | item]})

    with pytest.raises(ValueError, match=r"lacks a field"):
        read_shown(data)


def test_an_amount_and_a_product_of_another_shape_are_left_out() -> None:
    price = {"id": "price_1", "unit_amount": "many", "product": 7}
    line = {"id": "si_1", "current_period_end": 1_800_000_000, "price": price, "quantity": 1}

    [shown] = read_shown(stripe_object(items={"object": "list", "data": [line]})).lines

    assert (shown.minor, shown.name) == (None, None)
