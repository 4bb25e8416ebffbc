"""A claim is only what a browser says; an outcome comes out of it when the grant alone proves it."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from aiocancel.core.claim import (
    MAX_REASON_LENGTH,
    OWN_VENDOR,
    CancelReason,
    FlowClaim,
    FlowStatus,
    VerifiedOutcome,
    clean_text,
    verify_own_choice,
)
from aiocancel.core.grants import Grant
from aiocancel.core.identifiers import CustomerId, FlowSessionId, SubscriptionId

GRANT = Grant(CustomerId("customer"), SubscriptionId("sub_1"), "test", 1, 2, "nonce")
any_text = st.text(st.characters(codec=None, exclude_categories=()), max_size=40)


# Status


@pytest.mark.parametrize(
    "word", ["canceled", "saved", "deflected", "incomplete", "rerouted", "in_progress"]
)
def test_a_vendors_status_is_read_by_its_word(word: str) -> None:
    assert FlowStatus.read(word) == word


@pytest.mark.parametrize(
    "word", ["", "cancelled", "CANCELED", " canceled", "unknown", "\ud800", "canceled\0"], ids=repr
)
def test_any_other_word_is_an_unknown_status(word: str) -> None:
    assert FlowStatus.read(word) is FlowStatus.UNKNOWN


@pytest.mark.parametrize("word", ["resumed", "unpaused", "discount_removed"])
def test_no_vendor_can_say_that_a_customer_takes_something_back(word: str) -> None:
    assert FlowStatus(word).takes_back
    assert FlowStatus.read(word) is FlowStatus.UNKNOWN


OWN_CHOICES = {
    FlowStatus.CANCELED,
    FlowStatus.RESUMED,
    FlowStatus.UNPAUSED,
    FlowStatus.DISCOUNT_REMOVED,
}


def test_only_a_cancellation_an_accepted_offer_and_taking_one_back_use_the_grant_up() -> None:
    assert {status for status in FlowStatus if status.changes_billing} == {
        *OWN_CHOICES,
        FlowStatus.SAVED,
    }


# Proof


@pytest.mark.parametrize("vendor", ["prosperstack", OWN_VENDOR])
@pytest.mark.parametrize("status", sorted(OWN_CHOICES))
def test_a_customers_own_choice_is_proven_by_the_grant(status: FlowStatus, vendor: str) -> None:
    reason = CancelReason("too dear", "price")
    outcome = verify_own_choice(FlowClaim(vendor, status, reason=reason), GRANT)
    assert outcome == VerifiedOutcome(
        status, GRANT.customer_id, GRANT.subscription_id, reason, "grant", vendor
    )


@pytest.mark.parametrize("status", sorted(set(FlowStatus) - OWN_CHOICES))
def test_nothing_else_is_proven_by_the_grant(status: FlowStatus) -> None:
    claim = FlowClaim(
        "prosperstack", status, FlowSessionId("sess_1"), offer_id="offr_1", offer_type="coupon"
    )
    assert verify_own_choice(claim, GRANT) is None


@given(
    claim=st.builds(
        FlowClaim,
        vendor=st.text(max_size=9),
        status=st.sampled_from(FlowStatus),
        flow_session_id=st.none() | st.text(max_size=9).map(FlowSessionId),
        offer_id=st.none() | st.text(max_size=9),
        offer_type=st.none() | st.text(max_size=9),
    )
)
@settings(max_examples=60)
def test_whom_and_what_an_outcome_concerns_comes_from_the_grant_alone(claim: FlowClaim) -> None:
    outcome = verify_own_choice(claim, GRANT)
    if outcome is not None:
        assert (outcome.customer_id, outcome.subscription_id) == (
            GRANT.customer_id,
            GRANT.subscription_id,
        )
        assert outcome.status is claim.status


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
