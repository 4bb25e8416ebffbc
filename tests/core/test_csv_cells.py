"""Cells of CSV: no text is a formula, and what was written is read again."""

from __future__ import annotations

import csv
import io
import re
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiocancel.core.csv_cells import cell_of


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        (None, ""),
        (-5, "-5"),
        (-0.5, "-0.5"),
        ("plain", "plain"),
        (datetime(2026, 11, 26, tzinfo=UTC), "2026-11-26T00:00:00+00:00"),
        ("=HYPERLINK(1)", "'=HYPERLINK(1)"),
        ("+1", "'+1"),
        ("-5", "'-5"),
        ("@SUM(1)", "'@SUM(1)"),
        ("\t=1", "'\t'=1"),
        ("\r=1", "'\r'=1"),
        ("\n=1", "'\n'=1"),
        ("＝1", "'＝1"),
        # A semicolon parts cells where numbers have a decimal comma, and quotes do not help there.
        ("too dear;=1", "too dear;'=1"),
        ('x;"=1"', 'x;\'"=1"'),
        ("x\n@SUM(1)", "x\n'@SUM(1)"),
        ("too dear; -5 is fine, =1 too", "too dear; -5 is fine, =1 too"),
        ('say "no", please', 'say "no", please'),
        ("\u202e=1", "\u202e=1"),
    ],
    ids=lambda value: ascii(value)[:40],
)
def test_a_text_that_begins_like_a_formula_is_disarmed_and_all_else_stays(
    value: object, cell: str
) -> None:
    assert cell_of(value) == cell


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")))
def test_a_cell_is_read_again_as_it_was_written_and_never_begins_like_a_formula(text: str) -> None:
    written = io.StringIO()
    csv.writer(written, lineterminator="\r\n").writerow([cell_of(text), "end"])

    ((cell, end),) = csv.reader(io.StringIO(written.getvalue(), newline=""))

    assert end == "end"
    # Nothing but apostrophes was added.
    assert cell.replace("'", "") == text.replace("'", "")
    assert cell[:1] not in ("=", "+", "-", "@", "\t", "\r", "\n")


@given(st.text(';"=+-@x \t\n'))
def test_no_spreadsheet_that_parts_cells_at_semicolons_finds_a_formula_either(text: str) -> None:
    first, *others = re.split("[;\t\r\n]", cell_of(text))

    # A quote at its beginning is doubled in the file, and text.
    assert not re.match("[=+@-]", first)
    assert not [cell for cell in others if re.match('"*[=+@-]', cell)]
