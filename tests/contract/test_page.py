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
    is_open = {row.name: row.evidence == "unverified" for row in ROWS}
    simulated = {row.name for row in ROWS if contract_page.verified_against(row) == "simulator"}

    assert len(ROWS) > 50
    assert {name for name in is_open if name.endswith("-unverified") != is_open[name]} == set()
    assert {name for name in simulated if not is_open[name]} == set()
