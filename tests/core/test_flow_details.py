"""What a flow held beside its end: the customer's own words reach Stripe's comment, and everything is kept whole."""

from __future__ import annotations

import pytest

from aiocancel.core.claim_reason import CancelReason
from aiocancel.core.flow_details import (
    Answered,
    FlowDetails,
    details_from_json,
    details_to_json,
    whole_reason,
)

CHOICE = Answered("q1", "multiple_choice", "Why?", ("It is too expensive",), "negative")
WORDS = Answered("q2", "text", "Anything to add?", ("Too dear for me",))
MORE = Answered("q3", "text", "And?", ("Bye",))
SILENT = Answered("q4", "text", "Well?")
OTHER = Answered(None, None, None, ("?",))


@pytest.mark.parametrize(
    ("answers", "comment"),
    [
        ((), None),
        ((CHOICE, OTHER, SILENT), None),
        ((CHOICE, WORDS), "Too dear for me"),
        ((WORDS, CHOICE, MORE), "Too dear for me\nBye"),
    ],
)
def test_the_comment_is_all_that_the_customer_wrote(
    answers: tuple[Answered, ...], comment: str | None
) -> None:
    assert FlowDetails("vendor", answers).comment == comment


@pytest.mark.parametrize(
    ("text", "words", "whole"),
    [
        (None, None, None),
        ("Too expensive", None, "Too expensive"),
        ("Too expensive", "For me", "Too expensive: For me"),
        (None, "For me", "For me"),
        ("For me", "For me", "For me"),
        ("c" * 400, "For me", "c" * 150 + ": For me"),
        ("Too expensive", "w" * 600, "Too expensive: " + "w" * 485),
        (None, "w" * 600, "w" * 500),
    ],
)
def test_stripes_comment_is_the_choice_and_then_the_customers_words(
    text: str | None, words: str | None, whole: str | None
) -> None:
    answers = (CHOICE,) if words is None else (CHOICE, Answered("q", "text", "?", (words,)))

    reason = whole_reason(CancelReason(text, "code"), FlowDetails("browser", answers))

    assert reason == CancelReason(whole, "code")
    assert whole_reason(CancelReason(text), None) == CancelReason(text)


def test_details_in_the_ledger_are_those_that_were_told() -> None:
    details = FlowDetails("vendor", (CHOICE, WORDS, SILENT, OTHER), ("offr_1",), {"code": "x"})
    stored = details_to_json(details)

    assert details_from_json(stored) == details
    assert stored["comment"] == "Too dear for me"


def test_details_of_a_newer_release_are_read_as_far_as_they_are_known() -> None:
    assert details_from_json({"told_by": "a bird", "more": 1}) == FlowDetails("browser")
    assert details_from_json({"answers": [{"more": 1}]}).answers == (Answered(None, None, None),)
