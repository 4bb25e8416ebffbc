"""A key names the wish, and its text never changes: it outlives the release and the database that made it."""

from __future__ import annotations

from typing import Any

import pytest

from aiocancel.core.idempotency import KEY_LIFETIME_S, key_is_spent, key_text, wish_of
from aiocancel.core.retry import LONGEST_DELAY_S

WISH: dict[str, Any] = {
    "vendor": "prosperstack",
    "mode": "live",
    "subscription_id": "sub_1",
    "flow_session_id": "sess_1",
    "grant_nonce": "nonce",
    "kind": "apply_offer",
    "ordinal": 1,
}


def test_a_key_of_a_flow_session_is_this_text_for_ever() -> None:
    assert key_text(**WISH) == "aiocancel-8a163d52ed1a6fce63358dd6c508fa9e569b1d62-1-1"


def test_a_key_of_a_grant_is_this_text_for_ever() -> None:
    assert (
        key_text(**WISH | {"flow_session_id": None})
        == "aiocancel-8ea6aa487af7c3992aed2fd7cbd6ab432339a430-1-1"
    )


def test_one_flow_session_has_one_key_whatever_page_it_was_opened_on() -> None:
    assert key_text(**WISH | {"grant_nonce": "another"}) == key_text(**WISH)


@pytest.mark.parametrize(
    "other",
    [
        {"vendor": "staysignal"},
        {"mode": "test"},
        {"subscription_id": "sub_2"},
        {"flow_session_id": "sess_2"},
        {"flow_session_id": None},
        {"kind": "cancel_now"},
        {"ordinal": 0},
        {"subscription_id": "sub_", "flow_session_id": "1sess_1"},
    ],
)
def test_another_wish_has_another_key(other: dict[str, Any]) -> None:
    assert key_text(**WISH | other) != key_text(**WISH)


def test_two_pages_without_a_flow_session_are_two_wishes() -> None:
    past_the_vendor = WISH | {"flow_session_id": None}

    assert key_text(**past_the_vendor) != key_text(**past_the_vendor | {"grant_nonce": "another"})


def test_all_generations_of_a_key_are_one_wish() -> None:
    key = key_text(**WISH)

    assert wish_of(key) == wish_of(key.removesuffix("-1") + "-2") == key.removesuffix("-1")


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
    assert KEY_LIFETIME_S + LONGEST_DELAY_S < 24 * 3600
