"""The page of offers, shapes, calls and outcomes is what the code decides, and each of its cells is a test."""

from __future__ import annotations

import re

import pytest

from aiocancel.core.actions import Write
from tests.contract.rows import ROWS
from tests.core import test_actions
from tests.core.flow import test_eligibility
from tests.core.offers import test_apply
from tests.support import offer_table
from tests.support import subscription_shapes as shapes

TEXT = offer_table.PAGE.read_text(encoding="utf-8")


def test_the_page_says_what_the_code_decides() -> None:
    assert offer_table.page() == TEXT, "it is out of date: run python -m tests.support.offer_table"


def test_every_offer_and_every_cancellation_has_a_cell_for_every_shape() -> None:
    names = shapes.SHAPES.keys()
    assert {(cell.choice, cell.shape) for cell in offer_table.offer_cells()} == {
        (offer, shape) for offer in shapes.OFFERS for shape in names
    }
    assert {(cell.choice, cell.shape) for cell in offer_table.cancellation_cells()} == {
        (str(kind), shape) for kind in test_actions.PLAIN_KINDS for shape in names
    }
    assert {(offer, shape) for _, offer, shape, _ in offer_table.shown_cells()} == {
        (offer, shape) for offer in test_eligibility.FLOW_OFFERS for shape in names
    }


def test_every_cell_names_a_test_that_is_collected(request: pytest.FixtureRequest) -> None:
    named = set[str]()
    for section in TEXT.split("\n## ")[1:]:
        (test,) = re.findall(r"^Test: `(.+)\[…\]`$", section, re.MULTILINE)
        names = re.findall(r"\| `([^`|]+)` \|$", section, re.MULTILINE)
        assert len(names) == len(shapes.SHAPES)
        named |= {f"{test}[{name}]" for name in names}
    root = request.config.rootpath
    collected = set[str]()
    for module in (test_apply, test_actions, test_eligibility):
        path = root / f"{module.__name__.replace('.', '/')}.py"
        node = pytest.Module.from_parent(request.session, path=path)
        collected |= {item.nodeid for item in node.collect() if isinstance(item, pytest.Item)}

    assert named <= collected


def test_every_mistake_of_the_first_release_is_held_by_a_row_or_a_test() -> None:
    text = (offer_table.PAGE.parents[1] / "docs/explanation/what-0.1-did-wrong.md").read_text(
        "utf-8"
    )
    cells = {cell.name for cell in [*offer_table.offer_cells(), *offer_table.cancellation_cells()]}
    known = cells | {row.name for row in ROWS}
    rows = re.findall(r"^\| (D\d+) \|.* \| (.*) \|$", text, re.MULTILINE)

    assert [number for number, _ in rows] == [f"D{number}" for number in range(1, 18)]
    for number, held_by in rows:
        names = re.findall(r"`([^`]+)`", held_by)
        # A fact about Stripe alone would hold whatever the package does.
        assert any(name in cells or "as-the-package-" in name for name in names), number
        for name in names:
            path, _, test = name.partition("::")
            source = (offer_table.PAGE.parents[1] / path).read_text("utf-8") if test else ""
            assert name in known or f"def {test}(" in source, (number, name)


def test_every_step_that_writes_shows_its_call_and_no_other_step_does() -> None:
    cells = [*offer_table.offer_cells(), *offer_table.cancellation_cells()]

    assert len(cells) > 200
    assert [cell.name for cell in cells if bool(cell.calls) != isinstance(cell.step, Write)] == []
