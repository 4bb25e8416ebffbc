"""The sentences that carry a figure's doubt: no winner, no percentage of a few, no verdict before its day."""

from __future__ import annotations

from dataclasses import replace
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


@pytest.mark.parametrize("percent", [0, 100])
def test_where_one_arm_gets_nobody_there_is_nothing_to_compare_with(percent: int) -> None:
    there = hold_out((900, 5000), (20, 100), percent=percent, decide_on=TODAY)

    assert there.sentences(TODAY) == (f"Nothing to compare with: hold_out_percent is {percent}.",)
    assert there.sessions_more == 0


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
        "Too few by 26 November 2026: fix a later day in hold_out_decide_on.",
        "Not enough yet: about 800 more subscriptions. At 23 a week that is about 35 weeks.",
    )
    assert replace(few, decide_on=LATER).sentences(TODAY)[0] == "No verdict before 1 March 2027."


@pytest.mark.parametrize(
    ("per_week", "end"),
    [
        (0.0, "more subscriptions."),
        (0.5, "At less than 1 a week that is about 1600 weeks."),
        (800.0, "At 800 a week that is about 1 week."),
    ],
)
def test_the_pace_is_left_out_where_there_is_none(per_week: float, end: str) -> None:
    few = hold_out((64, 320), (4, 20), decide_on=TODAY, per_week=per_week)

    _, said = few.sentences(TODAY)

    assert said.endswith(end)


def test_one_subscription_that_is_missing_is_told_as_one() -> None:
    almost = hold_out((0, 3777), (31, 157), 50, TODAY)

    assert almost.sentences(TODAY)[1] == "Not enough yet: about 1 more subscription."


def test_ten_points_are_sought_above_the_share_of_the_hold_out_once_it_is_known() -> None:
    known, unknown = hold_out((0, 0), (3, 30)), hold_out((0, 0), (2, 29))

    assert known.sessions_more == 540
    assert unknown.sessions_more == 830


@pytest.mark.parametrize(
    ("offers", "held_out", "percent", "more"),
    [
        # Nobody was held out for long: the larger arm alone tells nothing.
        ((900, 5000), (0, 0), 20, 790),
        ((2000, 5000), (0, 10), 10, 1500),
        # One of 20 was held out, and now it is every second.
        ((171, 570), (3, 30), 50, 200),
    ],
)
def test_each_arm_has_to_be_large_enough_whatever_was_held_out_before(
    offers: tuple[int, int], held_out: tuple[int, int], percent: int, more: int
) -> None:
    small = hold_out(offers, held_out, percent, decide_on=TODAY)

    assert small.sessions_more == more
    assert small.sentences(TODAY)[1] == f"Not enough yet: about {more} more subscriptions."


def test_arms_that_are_large_enough_stay_so_where_fewer_are_held_out_from_now_on() -> None:
    assert hold_out((120, 300), (60, 300), percent=5, decide_on=TODAY).sentences(TODAY) == (
        "More of those due an offer stayed: +20.0 points (+12.7 to +27.0).",
    )


@pytest.mark.parametrize(("offers", "held_out"), [(19, 20), (20, 19), (0, 20)])
def test_a_difference_is_told_only_where_each_arm_may_have_a_percentage(
    offers: int, held_out: int
) -> None:
    assert hold_out((0, offers), (0, held_out)).estimate is None


def test_a_difference_is_told_with_its_interval() -> None:
    estimate = hold_out((96, 320), (17, 80)).estimate

    assert estimate is not None
    assert estimate[0] == pytest.approx(0.0875)
    assert in_english(ends_told(estimate[1])) == "−2.5 to +17.9"


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


def test_where_all_of_the_hold_out_stay_ten_points_fewer_are_looked_for() -> None:
    full = hold_out((320, 320), (80, 80), decide_on=TODAY)

    assert full.sentences(TODAY) == ("The data do not tell yet whether offers help.",)


@given(
    st.integers(0, 3000),
    st.integers(0, 3000),
    st.integers(0, 900),
    st.integers(0, 900),
    st.integers(0, 100),
    st.sampled_from([None, TODAY, LATER]),
)
def test_every_count_has_a_sentence_and_none_names_a_winner(
    a: int, b: int, c: int, d: int, percent: int, day: date | None
) -> None:
    said = " ".join(hold_out((a, a + b), (c, c + d), percent, day).sentences(TODAY))

    assert said
    assert "win" not in said.lower()
