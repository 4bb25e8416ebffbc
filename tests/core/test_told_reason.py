"""What a customer hears of a code: one of five plain facts, or none; never what is for the operator."""

from __future__ import annotations

import re

import pytest

from aiocancel.core.claim import Topic
from aiocancel.core.codes import About, Code, ForeignCode
from aiocancel.core.sentences import Sentence
from aiocancel.core.told_reason import (
    BY_CODE,
    BY_SUBJECT,
    ToldReason,
    of_a_declined_payment,
    said_of_reason,
    told_reason,
)
from aiocancel.texts import CATALOGUES

R = ToldReason
A_PERSON = R.A_PERSON_LOOKS
# Whatever belongs into no customer's letter, in any of our languages.
OPERATORS = re.compile(
    r"stripe|worker|offerlimits|setting|schedule|webhook|api|code|retry|limit|\bapp\b|vendor|_",
    re.IGNORECASE,
)


def codes_told_as(reason: ToldReason) -> list[str]:
    return [code.value for code in Code if told_reason(code, Topic.OFFER) is reason]


def test_every_code_has_a_reason_by_itself_or_by_its_subject() -> None:
    assert set(BY_SUBJECT) == set(About)
    assert all(told_reason(code, change) in R for code in Code for change in Topic)
    # None stands in the table that its subject tells alike.
    assert [code for code, reason in BY_CODE.items() if BY_SUBJECT[code.about] is reason] == []


@pytest.mark.parametrize(
    ("reason", "codes"),
    [
        (
            R.PAYMENT_FAILED,
            [
                "payment_was_not_made", "payment_declined", "resumption_is_not_paid", "card_declined",
            ],
        ),
        (R.PAYMENT_IS_OPEN, ["first_payment_is_missing", "payment_is_overdue"]),
        (R.HAS_ENDED, ["subscription_has_ended", "invalid_canceled_subscription_fields"]),
        (R.IS_ENDING, ["subscription_is_ending"]),
    ],
    ids=str,
)  # fmt: skip
def test_code_that_a_customer_understands_is_told(reason: ToldReason, codes: list[str]) -> None:
    assert codes_told_as(reason) == codes


def test_offer_does_not_fit_where_the_subscription_is_the_cause_and_not_the_owner() -> None:
    unfit = codes_told_as(R.DOES_NOT_FIT)

    assert {"subscription_is_paused", "periods_are_mixed", "a_trial_cannot_be_paused"} <= set(unfit)
    assert {Code.stored(code).about for code in unfit} == {About.OFFER, About.SUBSCRIPTION}
    assert not set(unfit) & {
        "no_handler_for_this_offer", "percentage_is_out_of_range", "offer_is_missing",
        "percent_too_high", "offer_not_allowed", "given_recently", "withdrawn",
    }  # fmt: skip


@pytest.mark.parametrize("code", [Code.stored("a_word_of_stripes"), ForeignCode.of_status(500), None],
                         ids=["foreign", "status", "none"])  # fmt: skip
@pytest.mark.parametrize("change", Topic)
def test_word_of_another_system_is_for_a_person(code: ForeignCode | None, change: Topic) -> None:
    assert told_reason(code, change) is A_PERSON


def test_who_cancels_hears_of_no_payment_and_of_no_offer() -> None:
    heard = {told_reason(code, Topic.CANCELLATION) for code in Code}

    assert heard == {A_PERSON, R.HAS_ENDED}


@pytest.mark.parametrize(
    ("stripes", "ours"),
    [
        ("card_declined", Code.CARD_DECLINED),
        ("subscription_payment_intent_requires_action", Code.PAYMENT_DECLINED),
        ("invalid_request_error", Code.PAYMENT_DECLINED),
        (None, Code.PAYMENT_DECLINED),
    ],
)
def test_payment_that_stripe_refused_is_told_whatever_word_it_has_for_it(
    stripes: str | None, ours: Code
) -> None:
    code = of_a_declined_payment(None if stripes is None else Code.of_stripe(stripes))

    assert code is ours
    assert told_reason(code, Topic.OFFER) is R.PAYMENT_FAILED


def test_person_who_looks_is_told_by_the_letter_anyway() -> None:
    assert said_of_reason(A_PERSON) == ()
    assert said_of_reason(R.HAS_ENDED) == (Sentence("letter_why_has_ended"),)


@pytest.mark.parametrize("language", CATALOGUES)
def test_sentence_is_plain_short_and_no_operators(language: str) -> None:
    for reason in set(R) - {A_PERSON}:
        (sentence,) = said_of_reason(reason)
        text = CATALOGUES[language][sentence.key]

        assert text.endswith(".")
        assert len(text.split()) <= 12
        assert not OPERATORS.search(text)
        # No code's own sentence, which is for the operator.
        assert text not in {code.sentence for code in Code}
