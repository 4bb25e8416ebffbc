"""Codes: one list, a sentence each, and words that stay as they are."""

from __future__ import annotations

import copy
import json
import pickle
import re

import pytest

from aiocancel import errors
from aiocancel.core.actions import Refuse
from aiocancel.core.claim import FlowStatus
from aiocancel.core.codes import DRIFT_CODES, About, Code, ForeignCode
from aiocancel.core.flow_session import VendorEvent
from aiocancel.core.retry import Failure
from aiocancel.core.undo import takes_back
from aiocancel.metrics import CODES
from tests.support import code_table


def test_every_code_has_one_sentence_and_one_thing_to_do() -> None:
    for code in Code:
        for text in (code.sentence, code.advice):
            assert re.fullmatch(r"[A-Z@][^\n|]{4,118}\.", text), (code, text)
        assert code.name.lower() == code.value == str(code), code
        assert code.about in About, code

    assert len(Code) > 200


def test_every_section_of_the_reference_has_codes() -> None:
    assert {code.about for code in Code} == set(About)


def test_the_reference_page_is_what_the_codes_say() -> None:
    text = code_table.PAGE.read_text(encoding="utf-8")
    assert text == code_table.page(), "it is out of date: run python -m tests.support.code_table"


def test_a_stored_word_is_read_as_its_code() -> None:
    codes = list(Code)

    assert [Code.stored(code.value) for code in codes] == codes
    assert [Code.of_stripe(code.value) for code in codes] == codes
    assert all(isinstance(Code.stored(code.value), Code) for code in codes)


@pytest.mark.parametrize(
    ("word", "sentence"),
    [
        ("amount_too_large", "Another system, or a newer release of aiocancel, chose this word."),
        ("KeyError", "An error of the class KeyError ended the attempt."),
        ("http_503", "The answer had the HTTP status 503."),
        (
            "gave_up_timeout",
            "The worker stopped asking the flow vendor. "
            "The last answer: The flow vendor did not answer in time.",
        ),
        ("The answer has no id.", "The answer has no id."),
        (
            "gave_up_http_503",
            "The worker stopped asking the flow vendor. The last answer: The answer had the HTTP status 503.",
        ),
        ("", "Another system, or a newer release of aiocancel, chose this word."),
    ],
)
def test_a_word_that_is_not_ours_is_kept_and_explained(word: str, sentence: str) -> None:
    code = Code.stored(word)

    assert isinstance(code, ForeignCode)
    assert code == word
    assert code.sentence == sentence
    assert code.advice
    assert code.about is None
    assert json.dumps(copy.deepcopy(code)) == json.dumps(word)
    assert isinstance(pickle.loads(pickle.dumps(code)), ForeignCode)  # noqa: S301 - made a line above


def test_nobody_outside_the_list_can_invent_a_code() -> None:
    # mypy says that each of these ignores is needed: take one refusal away, and it complains of an unused one.
    with pytest.raises(TypeError, match="member of Code"):
        Refuse(ForeignCode("invented_here"))  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="member of Code"):
        errors.ClaimError("x", code=ForeignCode("A whole sentence."))  # type: ignore[arg-type]
    assert Refuse("a_bare_text").code  # type: ignore[arg-type]
    assert VendorEvent("evt_1", "e", None, problem="a text").problem  # type: ignore[arg-type]


def test_the_words_that_we_make_of_an_outsiders_are_as_they_always_were() -> None:
    assert ForeignCode.of_status(503) == "http_503"
    assert ForeignCode.of_error(KeyError("secret")) == "KeyError"
    assert ForeignCode.of_subscription_status("past_due") == "past_due"
    assert ForeignCode.gave_up_on(ForeignCode.of_status(503)) == "gave_up_http_503"


@pytest.mark.parametrize("failure", Failure)
def test_a_failure_without_a_code_has_one_of_ours(failure: Failure) -> None:
    assert failure.code == failure.value


@pytest.mark.parametrize(
    "status",
    [
        status
        for status in FlowStatus
        if not takes_back(status) and status not in (FlowStatus.SAVED, FlowStatus.IN_PROGRESS)
    ],
)
def test_every_end_of_a_flow_session_that_is_no_offer_has_a_code(status: FlowStatus) -> None:
    code = Code.flow_session_says(status)

    assert isinstance(code, Code)
    assert code == f"flow_session_says_{status}"


def test_the_metrics_know_every_code() -> None:
    assert set(Code) == CODES
    assert DRIFT_CODES < CODES
