"""The sentences that carry a figure's doubt: no winner, no percentage of a few, no verdict before its day."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiocancel.core.measures.interval import Interval, Share
from aiocancel.core.measures.words import HoldOut, ends_told, points_in_words, share_in_words
from aiocancel.core.owners_words import in_english

TODAY = date(2026, 11, 26)
LATER = date(2027, 3, 1)


def hold_out(
    offers: tuple[int, int] = (96, 320),
    held_out: tuple[int, int] = (17, 80),
    percent: int = 20,
    decide_on: date | None = LATER,
    per_week: float = 0.0,
) -> HoldOut:
    return HoldOut(Share(*offers), Share(*held_out), percent, decide_on, per_week)


@pytest.mark.parametrize(
    ("part", "whole", "words"),
    [
        (0, 0, "0 of 0"),
        (4, 12, "4 of 12"),
        (19, 19, "19 of 19"),
        (20, 20, "100% (84% to 100%, 20 of 20)"),
        (96, 320, "30% (25% to 35%, 96 of 320)"),
        (78, 190, "41% (34% to 48%, 78 of 190)"),
    ],
)
def test_a_share_is_told_with_its_doubt(part: int, whole: int, words: str) -> None:
    assert share_in_words(Share(part, whole)) == words


@pytest.mark.parametrize(
    ("value", "words"), [(0.0875, "+8.8"), (-0.025, "−2.5"), (0.0, "0.0"), (-0.0001, "0.0")]
)
def test_a_difference_is_told_in_points_with_its_sign(value: float, words: str) -> None:
    assert points_in_words(value) == words


def test_ends_of_an_interval_are_told_in_points() -> None:
    assert in_english(ends_told(Interval(-0.025, 0.1791))) == "−2.5 to +17.9"


def test_without_a_hold_out_there_is_nothing_to_compare_with() -> None:
    assert hold_out(percent=0).sentences(TODAY) == (
        "Nothing to compare with: hold_out_percent is 0.",
    )


def test_without_a_day_the_owner_is_asked_to_fix_one() -> None:
    first, second = hold_out(decide_on=None).sentences(TODAY)

    assert first == "Fix a day in hold_out_decide_on, or weekly looks will mislead you."
    assert second.startswith("Not enough yet")


def test_before_the_day_there_is_no_verdict_however_clear_the_data_are() -> None:
    clear = hold_out((9000, 10000), (100, 2500))

    assert clear.sentences(TODAY) == ("No verdict before 1 March 2027.",)


def test_too_few_sessions_are_told_with_the_pace() -> None:
    few = hold_out((64, 320), (4, 20), decide_on=TODAY, per_week=23)

    assert few.sentences(TODAY) == (
        "Not enough yet: about 610 more sessions. At 23 a week that is about 27 weeks.",
    )


@pytest.mark.parametrize(
    ("per_week", "end"),
    [
        (0.0, "more sessions."),
        (0.5, "At less than 1 a week that is about 1220 weeks."),
        (700.0, "At 700 a week that is about 1 week."),
    ],
)
def test_the_pace_is_left_out_where_there_is_none(per_week: float, end: str) -> None:
    few = hold_out((64, 320), (4, 20), decide_on=TODAY, per_week=per_week)

    (said,) = few.sentences(TODAY)

    assert said.endswith(end)


def test_ten_points_are_sought_above_the_share_of_the_hold_out_once_it_is_known() -> None:
    known, unknown = hold_out((0, 0), (3, 30)), hold_out((0, 0), (2, 29))

    assert known.sessions_more == 630
    assert unknown.sessions_more == 920


def test_one_arm_without_sessions_is_never_enough() -> None:
    assert hold_out((900, 5000), (0, 0), decide_on=TODAY).sentences(TODAY) == (
        "Not enough yet: about 1 more session.",
    )


def test_an_interval_around_nothing_is_no_verdict() -> None:
    same = hold_out((400, 2000), (100, 500), decide_on=TODAY)

    assert same.sentences(TODAY) == ("The data do not tell yet whether offers help.",)


@pytest.mark.parametrize(
    ("offers", "held_out", "said"),
    [
        (
            (600, 2000),
            (100, 500),
            "More of those due an offer stayed: +10.0 points (+5.8 to +13.9).",
        ),
        (
            (400, 2000),
            (150, 500),
            "Fewer of those due an offer stayed: −10.0 points (−14.5 to −5.7).",
        ),
    ],
)
def test_a_clear_difference_is_told_with_its_interval(
    offers: tuple[int, int], held_out: tuple[int, int], said: str
) -> None:
    assert hold_out(offers, held_out, decide_on=TODAY).sentences(TODAY) == (said,)


def test_a_hold_out_that_keeps_everybody_needs_no_more_than_all() -> None:
    full = hold_out((320, 320), (80, 80), decide_on=TODAY)

    assert full.sentences(TODAY) == ("The data do not tell yet whether offers help.",)


@given(
    st.integers(0, 3000),
    st.integers(0, 3000),
    st.integers(0, 900),
    st.integers(0, 900),
    st.integers(0, 90),
    st.sampled_from([None, TODAY, LATER]),
)
def test_every_count_has_a_sentence_and_none_names_a_winner(
    a: int, b: int, c: int, d: int, percent: int, day: date | None
) -> None:
    said = " ".join(hold_out((a, a + b), (c, c + d), percent, day).sentences(TODAY))

    assert said
    assert "win" not in said.lower()
