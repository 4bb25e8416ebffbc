"""A key names the wish, and its text never changes: it outlives the release and the database that made it."""

from __future__ import annotations

import pytest

from aiocancel.core.idempotency import KEY_LIFETIME_S, STRIPE_KEEPS_KEYS_S, key_is_spent, wish_of
from aiocancel.core.retry import LONGEST_DELAY_S


def test_all_generations_of_a_key_are_one_wish() -> None:
    wish = "aiocancel-8a163d52ed1a6fce63358dd6c508fa9e569b1d62-1"

    assert wish_of(f"{wish}-1") == wish_of(f"{wish}-2") == wish


@pytest.mark.parametrize("key", ["", "key", "aiocancel-12345678-9abc-def0-1234-56789abcdef0-0-1"])
def test_a_key_of_the_release_before_names_no_wish(key: str) -> None:
    assert wish_of(key) is None


@pytest.mark.parametrize(
    ("age_s", "replayed_failure", "spent"),
    [
        pytest.param(0.0, False, False, id="fresh"),
        pytest.param(KEY_LIFETIME_S - 1, False, False, id="just young enough"),
        pytest.param(KEY_LIFETIME_S, False, True, id="old"),
        pytest.param(0.0, True, True, id="bound to a stored failure"),
        pytest.param(KEY_LIFETIME_S * 2, True, True, id="old and bound to a stored failure"),
    ],
)
def test_a_key_is_spent_when_it_is_old_or_bound_to_a_failure(
    age_s: float, replayed_failure: bool, spent: bool
) -> None:
    assert key_is_spent(age_s, replayed_failure=replayed_failure) is spent


def test_a_key_is_given_up_before_stripe_may_forget_it() -> None:
    # One more attempt may start just before the key counts as spent, and take its longest.
    assert KEY_LIFETIME_S + LONGEST_DELAY_S < STRIPE_KEEPS_KEYS_S
