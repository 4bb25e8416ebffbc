"""A claim is only what a browser says; an outcome comes out of it when the grant alone proves it."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from aiocancel.core.claim import (
    MAX_REASON_LENGTH,
    clean_text,
)
from aiocancel.core.grants import Grant
from aiocancel.core.identifiers import CustomerId, SubscriptionId

GRANT = Grant(CustomerId("customer"), SubscriptionId("sub_1"), "test", 1, 2, "nonce")
any_text = st.text(st.characters(codec=None, exclude_categories=()), max_size=40)


# A customer's words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(None, None, id="nothing"),
        pytest.param("", None, id="empty"),
        pytest.param(" \t\n ", None, id="white space"),
        pytest.param("  too dear \n", "too dear", id="white space around"),
        pytest.param("one\ntwo", "one\ntwo", id="lines are kept"),
        pytest.param("a\0b", "a\ufffdb", id="NUL"),
        pytest.param("a\ud800b", "a\ufffdb", id="first half of a pair"),
        pytest.param("a\udc00b", "a\ufffdb", id="second half of a pair"),
        pytest.param("\ud83d\ude00", "😀", id="both halves make the character"),
        pytest.param("\ufeffhello", "\ufeffhello", id="byte order mark"),
        pytest.param("Zoë 😀", "Zoë 😀", id="letters of all kinds"),
        pytest.param("x" * 501, "x" * 500, id="too long"),
        pytest.param("😀" * 501, "😀" * 500, id="counted in characters"),
    ],
)
def test_a_customers_words_become_a_text_that_postgres_and_stripe_can_hold(
    text: str | None, expected: str | None
) -> None:
    assert clean_text(text, longest=MAX_REASON_LENGTH) == expected


@given(text=any_text, longest=st.integers(1, 30))
@example(text="\ud83d", longest=1)
@settings(max_examples=100)
def test_cleaned_words_are_short_and_encode_as_utf_8_without_nul(text: str, longest: int) -> None:
    cleaned = clean_text(text, longest=longest)
    if cleaned is not None:
        assert 0 < len(cleaned) <= longest
        assert b"\0" not in cleaned.encode()


@given(text=st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=30))
@settings(max_examples=60)
def test_words_that_need_no_cleaning_only_lose_the_space_around_them(text: str) -> None:
    assert clean_text(text, longest=MAX_REASON_LENGTH) == (text.strip() or None)
