"""Codes: one list, a sentence each, words that stay as they are, and no literal anywhere else."""

from __future__ import annotations

import ast
import copy
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from aiocancel import errors
from aiocancel.config import DEFAULT_TEXTS
from aiocancel.core.claim import FlowStatus
from aiocancel.core.codes import DRIFT_CODES, About, Code, ForeignCode
from aiocancel.core.retry import Failure
from aiocancel.core.undo import takes_back
from aiocancel.metrics import CODES
from tests.support import code_table

PACKAGE = Path(errors.__file__).parent
# Codes that are everyday words as well. The keys of the customers' texts share some words, too.
EVERYDAY = {
    "timeout", "known", "unknown", "unavailable", "transient", "rejected", "withdrawn", "recorded",
    "unreadable", "unreachable", "malformed", "no_subscription", "not_logged_in",
}  # fmt: skip


@pytest.mark.parametrize("code", Code)
def test_every_code_has_one_sentence_and_one_thing_to_do(code: Code) -> None:
    for text in (code.sentence, code.advice):
        assert re.fullmatch(r"[A-Z@][^\n|]{4,118}\.", text), text
    assert code.name.lower() == code.value == str(code)
    assert code.about in About


def test_every_section_of_the_reference_has_codes() -> None:
    assert {code.about for code in Code} == set(About)


def test_the_reference_page_is_what_the_codes_say() -> None:
    text = code_table.PAGE.read_text(encoding="utf-8")
    assert text == code_table.page(), "it is out of date: run python -m tests.support.code_table"


@pytest.mark.parametrize("code", Code)
def test_a_stored_word_is_read_as_its_code(code: Code) -> None:
    assert Code.of(code.value) is code


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
        ("", "Another system, or a newer release of aiocancel, chose this word."),
    ],
)
def test_a_word_that_is_not_ours_is_kept_and_explained(word: str, sentence: str) -> None:
    code = Code.of(word)

    assert isinstance(code, ForeignCode)
    assert code == word
    assert code.sentence == sentence
    assert code.advice
    assert code.about is None
    assert json.dumps(copy.deepcopy(code)) == json.dumps(word)


def test_the_words_that_we_make_of_an_outsiders_are_as_they_always_were() -> None:
    assert ForeignCode.of_status(503) == "http_503"
    assert ForeignCode.of_error(KeyError("secret")) == "KeyError"
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


def literals(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Every text in a module that is a code's word; docstrings are no words."""
    words = {code.value for code in Code}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            if node.value in words and node.value not in EVERYDAY | set(DEFAULT_TEXTS):
                yield node.lineno, node.value
        elif isinstance(node, ast.keyword | ast.Call):
            yield from _given_as_code(node)


def _given_as_code(node: ast.keyword | ast.Call) -> Iterator[tuple[int, str]]:
    """A literal where a code is wanted: ``code=\"…\"``, ``ForeignCode(\"…\")`` and ``Code.of(\"…\")``."""
    if isinstance(node, ast.keyword):
        given, wanted = [node.value], node.arg in ("code", "parked_as")
    else:
        given = node.args
        wanted = ast.unparse(node.func) in ("ForeignCode", "Code.of", "Code")
    for value in given if wanted else ():
        if isinstance(value, ast.Constant) and isinstance(value.value, str):
            yield value.lineno, value.value


def modules() -> list[Path]:
    kept = (PACKAGE / "testing", PACKAGE / "core" / "codes.py")
    return [
        path
        for path in sorted(PACKAGE.rglob("*.py"))
        if not any(path.is_relative_to(each) for each in kept)
    ]


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_code_is_written_outside_the_list(path: Path) -> None:
    found = list(literals(ast.parse(path.read_text(encoding="utf-8"))))

    assert found == [], "write Code.X, and add the word to core/codes.py if it is new"


@pytest.mark.parametrize(
    "line",
    [
        'Refuse("payment_is_overdue")',
        'raise BillingError("no", code="brand_new")',
        'park(taken, ForeignCode("brand_new"))',
        'park(taken, Code.of("brand_new"))',
        'watch(taken, parked_as="unavailable")',
    ],
)
def test_a_code_written_outside_the_list_would_be_found(line: str) -> None:
    assert list(literals(ast.parse(line)))
