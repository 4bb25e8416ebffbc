"""What was found is told in one line each, as objects for programs, and as one exit status."""

from __future__ import annotations

import pytest

from aiocancel.core.check_results import CheckResult, as_json, as_text, exit_status

OK = CheckResult.ok("schema", "version 1")
WARNING = CheckResult.warn("page script", "from elsewhere", "serve it yourself")
FAILURE = CheckResult.fail("Stripe key", "Stripe refuses the key", "make another")
SKIPPED = CheckResult.skip("worker backlog", "no database")


def test_every_result_is_one_line_in_columns_with_its_fix() -> None:
    assert as_text([OK, WARNING, FAILURE, SKIPPED]).splitlines() == [
        "ok    schema          version 1",
        "warn  page script     from elsewhere → serve it yourself",
        "FAIL  Stripe key      Stripe refuses the key → make another",
        "skip  worker backlog  not checked: no database",
        "4 results: 1 failed, 1 warning",
    ]


def test_a_message_of_several_lines_stays_one_line() -> None:
    result = CheckResult.fail(
        "subscription query", "no such table\n\nHINT:\tlook again", "correct the SQL"
    )
    first, _ = as_text([result]).splitlines()
    assert first == "FAIL  subscription query  no such table HINT: look again → correct the SQL"


def test_no_result_at_all_can_be_told_too() -> None:
    assert as_text([]) == "0 results: 0 failed, 0 warnings"


def test_programs_get_the_same_words_by_name() -> None:
    assert as_json([FAILURE, OK]) == [
        {
            "name": "Stripe key",
            "level": "FAIL",
            "detail": "Stripe refuses the key",
            "fix": "make another",
        },
        {"name": "schema", "level": "ok", "detail": "version 1", "fix": None},
    ]


@pytest.mark.parametrize(
    ("results", "status"),
    [
        ([], 0),
        ([OK], 0),
        ([OK, WARNING], 0),
        ([SKIPPED], 0),
        ([FAILURE], 1),
        ([OK, FAILURE, WARNING], 1),
    ],
)
def test_only_a_failure_makes_the_exit_status_1(results: list[CheckResult], status: int) -> None:
    assert exit_status(results) == status
