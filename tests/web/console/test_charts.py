"""Charts: bars begin at nothing, intervals hold their dots, and nothing in them breaks a strict policy."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiocancel.core.measures.interval import Interval, Share
from aiocancel.web.console import charts

WEEKS = [("2026-01-05", 3), ("2026-01-12", 0), ("2026-01-19", 12)]


def drawings(markup: str) -> list[ET.Element]:
    return list(ET.fromstring(f"<all>{markup}</all>"))  # noqa: S314 - our own


def number(element: ET.Element, name: str) -> float:
    return float(element.attrib[name])


def said(low: int, high: int, last: int) -> str:
    return f"Cancellations: {low} to {high}, last {last}"


@pytest.mark.parametrize(
    "markup",
    [
        charts.columns(WEEKS, said),
        charts.bar(Share(3, 4)),
        charts.dot(Share(30, 40)),
        charts.dot(Share(30, 40), "hollow"),
        charts.dot(Share(30, 40), "paused"),
        charts.small_columns([3, 0, 12], 20, said),
        charts.amount_bar(-5, (-5, 10)),
        charts.difference_dot(0.1, Interval(-0.02, 0.2)),
    ],
    ids=["columns", "bar", "dot", "hollow", "paused", "small", "amount", "difference"],
)
def test_a_chart_has_no_style_attribute_and_no_script(markup: str) -> None:
    assert not re.search(r"style=|<script|<style|on\w+=|href|url\(", markup)
    assert drawings(markup)


def test_columns_stand_on_nothing_and_are_as_high_as_their_counts() -> None:
    narrow, wide = drawings(charts.columns(WEEKS, said))
    for drawn in (narrow, wide):
        bars = [each for each in drawn if each.tag == "rect"]
        feet = {round(number(each, "y") + number(each, "height"), 1) for each in bars}
        heights = [number(each, "height") for each in bars]

        assert len(feet) == 1
        assert heights[1] == 0
        assert heights[2] == pytest.approx(4 * heights[0], abs=0.2)
        assert bars[-1].attrib["class"] == "bar so-far"
        width = number(bars[-1], "x") + number(bars[-1], "width")
        assert width <= float(drawn.attrib["viewBox"].split()[2])


def test_columns_say_their_numbers_to_those_who_do_not_see_them() -> None:
    (narrow, _) = drawings(charts.columns(WEEKS, said))

    assert narrow.attrib["role"] == "img"
    assert narrow.attrib["aria-label"] == "Cancellations: 0 to 12, last 12"


def test_no_more_columns_are_drawn_than_can_be_seen_and_the_newest_are() -> None:
    many = [(str(n), n) for n in range(100)]
    (narrow, _) = drawings(charts.columns(many, said))

    assert len([each for each in narrow if each.tag == "rect"]) == charts.MOST_COLUMNS
    assert [each.text for each in narrow if each.tag == "text"][-1] == "99"


def test_nothing_is_drawn_of_nothing() -> None:
    assert charts.columns([], said) == ""
    assert charts.dot(Share(0, 0)) == ""
    assert number(drawings(charts.bar(Share(0, 0)))[0][1], "width") == 0


def test_one_week_of_none_is_a_chart_without_division_by_zero() -> None:
    assert len(drawings(charts.columns([("2026-01-05", 0)], said))) == 2


def test_a_label_is_escaped() -> None:
    assert "<b>" not in charts.columns([("<b>", 1)], lambda *_: "<b>")


@given(st.lists(st.integers(0, 50), min_size=1, max_size=26), st.integers(50, 60))
def test_small_columns_stand_on_nothing_and_share_the_axis_that_is_given(
    counts: list[int], top: int
) -> None:
    (drawn,) = drawings(charts.small_columns(counts, top, said))
    bars = [each for each in drawn if each.tag == "rect"]

    assert [round(number(each, "height") * top / 62) for each in bars] == counts
    assert {round(number(each, "y") + number(each, "height")) for each in bars} == {63}
    assert number(bars[-1], "x") + number(bars[-1], "width") <= 160
    assert [each.attrib["class"] for each in bars].count("bar so-far") == 1
    assert drawn.attrib["aria-label"] == said(min(counts), max(counts), counts[-1])


@given(st.lists(st.integers(-900, 900), min_size=1, max_size=3))
def test_the_bar_of_an_amount_begins_at_the_line_of_nothing_and_is_as_long_as_the_amount(
    amounts: list[int],
) -> None:
    reach = (max(0, *amounts) - min(0, *amounts)) or 1
    zeros = set()
    for amount in amounts:
        (drawn,) = drawings(charts.amount_bar(amount, amounts))
        bar, zero = drawn
        start, width, at = number(bar, "x"), number(bar, "width"), number(zero, "x1")

        assert width == pytest.approx(98 * abs(amount) / reach, abs=0.11)
        assert (start if amount >= 0 else start + width) == pytest.approx(at, abs=0.11)
        assert 0 <= start <= start + width <= 99.2
        zeros.add(at)
    assert len(zeros) == 1


@given(st.integers(0, 500), st.integers(1, 500))
def test_a_dot_lies_inside_its_interval_and_both_on_the_axis(part: int, rest: int) -> None:
    (drawn,) = drawings(charts.dot(Share(part, part + rest)))
    line, circle = drawn[1], drawn[2]

    assert 4 <= number(line, "x1") <= number(circle, "cx") + 0.1
    assert number(circle, "cx") <= number(line, "x2") + 0.1 <= 196.2


@given(st.floats(-1, 1), st.floats(-1, 1))
def test_the_axis_of_a_difference_grows_to_hold_its_interval(one: float, two: float) -> None:
    low, high = sorted((one, two))
    (drawn,) = drawings(charts.difference_dot((low + high) / 2, Interval(low, high)))
    grid, zero, line, _ = drawn

    assert number(zero, "x1") == pytest.approx(100, abs=0.1)
    assert number(grid, "x1") <= number(line, "x1") <= number(line, "x2") <= number(grid, "x2")


@pytest.mark.parametrize(
    ("most", "top"), [(0, 1), (3, 3), (7, 10), (12, 20), (50, 50), (51, 100), (999, 1000)]
)
def test_the_axis_ends_at_a_round_number(most: int, top: int) -> None:
    assert charts.round_top(most) == top
