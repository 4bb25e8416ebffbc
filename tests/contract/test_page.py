"""The page of the contract is what the tests play."""

from __future__ import annotations

from tests.contract.rows import ROWS
from tests.support import contract_page


def test_the_page_shows_the_rows_that_are_played() -> None:
    text = contract_page.PAGE.read_text(encoding="utf-8")
    assert contract_page.page() == text, (
        "it is out of date: run python -m tests.support.contract_page"
    )


def test_a_row_without_a_source_is_unverified_by_name_and_on_the_page() -> None:
    for row in ROWS:
        is_open = row.evidence == "unverified"
        assert row.name.endswith("-unverified") == is_open
        assert (contract_page.verified_against(row) == "simulator") <= is_open
