"""Figures as sums of days: no moment is counted twice or left out, and counts add up key by key."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from aiocancel.core.measures.sums import (
    Span,
    Sums,
    days_before,
    gaps,
    last_days,
    weeks_of,
)

BEGAN = datetime(2026, 1, 5, tzinfo=UTC)


def hours(first: int, last: int) -> Span:
    return BEGAN + timedelta(hours=first), BEGAN + timedelta(hours=last)


@given(
    span=st.tuples(st.integers(0, 300), st.integers(0, 300)),
    counted=st.lists(st.tuples(st.integers(-20, 320), st.integers(1, 48)), max_size=8),
)
@example(span=(0, 48), counted=[(0, 24), (24, 24)])
@example(span=(0, 48), counted=[(-20, 48), (12, 12), (40, 24)])
def test_used_days_and_the_pieces_between_them_are_the_range_exactly(
    span: tuple[int, int], counted: list[tuple[int, int]]
) -> None:
    days = sorted(hours(first, first + length) for first, length in counted)
    first, last = hours(*span)

    used, missing = gaps((first, last), days)

    pieces = sorted([*used, *missing])
    assert set(used) <= set(days)
    if first >= last:
        assert pieces == []
    else:
        assert (pieces[0][0], pieces[-1][1]) == (first, last)
        assert all(one[1] == two[0] for one, two in pairwise(pieces))
        assert all(since < until for since, until in pieces)


@pytest.mark.parametrize(
    ("span", "counted", "used", "missing"),
    [
        pytest.param((0, 48), [(0, 24), (24, 48)], [(0, 24), (24, 48)], [], id="every piece"),
        pytest.param((0, 48), [(24, 48)], [(24, 48)], [(0, 24)], id="all but the first day"),
        pytest.param((0, 48), [], [], [(0, 48)], id="none of it"),
        pytest.param((48, 48), [(0, 24)], [], [], id="nothing asked for"),
        pytest.param(
            (0, 72), [(0, 24), (12, 36), (24, 48)], [(0, 24), (24, 48)], [(48, 72)], id="twice"
        ),
    ],
)
def test_of_counted_days_those_are_used_that_lie_in_the_range_and_follow_each_other(
    span: tuple[int, int],
    counted: list[tuple[int, int]],
    used: list[tuple[int, int]],
    missing: list[tuple[int, int]],
) -> None:
    found = gaps(hours(*span), [hours(*each) for each in counted])

    assert found == ([hours(*each) for each in used], [hours(*each) for each in missing])


def test_every_day_inside_a_range_is_used_and_the_edges_are_counted() -> None:
    days = [hours(24 * day, 24 * day + 24) for day in range(5) if day != 2]

    used, missing = gaps(hours(5, 110), days)

    assert used == [hours(24, 48), hours(72, 96)]
    assert missing == [hours(5, 24), hours(48, 72), hours(96, 110)]


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "America/St_Johns", "Asia/Beirut"])
@pytest.mark.parametrize("length", [timedelta(hours=1), timedelta(hours=50), timedelta(days=30)])
def test_a_range_is_parted_at_the_mondays_of_the_owner_also_where_clocks_change(
    zone: str, length: timedelta
) -> None:
    owners = ZoneInfo(zone)
    for hour in range(0, 24 * 14, 5):
        since = datetime(2026, 3, 20, tzinfo=UTC) + timedelta(hours=hour)

        parts = list(weeks_of((since, since + length), owners))

        spans = [part for _, part in parts]
        assert (spans[0][0], spans[-1][1]) == (since, since + length)
        assert all(one[1] == two[0] for one, two in pairwise(spans))
        for monday, (begins, ends) in parts:
            first, last = (
                moment.astimezone(owners).date()
                for moment in (begins, ends - timedelta(microseconds=1))
            )
            assert first - timedelta(days=first.weekday()) == monday
            assert last - timedelta(days=last.weekday()) == monday


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "America/St_Johns", "Asia/Beirut"])
def test_days_follow_each_other_without_a_gap_also_where_clocks_change(zone: str) -> None:
    now = datetime(2026, 4, 2, 15, 30, tzinfo=UTC)

    days = list(days_before(now, datetime(2026, 3, 20, 23, 59, tzinfo=UTC), ZoneInfo(zone)))

    assert len(days) in (12, 13)
    assert days[0][1] <= now
    assert all(newer[0] == older[1] for newer, older in pairwise(days))
    assert days[-1][0] <= datetime(2026, 3, 20, 23, 59, tzinfo=UTC)
    assert {round((until - since) / timedelta(hours=1)) for since, until in days} <= {23, 24, 25}


@pytest.mark.parametrize(
    ("zone", "days", "first", "last"),
    [
        ("UTC", 1, "2026-04-02T00:00", "2026-04-03T00:00"),
        ("UTC", 90, "2026-01-03T00:00", "2026-04-03T00:00"),
        # There it is tomorrow already, and clocks were put forward in between.
        ("Pacific/Auckland", 1, "2026-04-02T11:00", "2026-04-03T11:00"),
        ("Europe/Berlin", 7, "2026-03-26T23:00", "2026-04-02T22:00"),
    ],
)
def test_the_last_days_are_whole_days_of_the_owners_until_tonight(
    zone: str, days: int, first: str, last: str
) -> None:
    now = datetime(2026, 4, 2, 15, 30, tzinfo=UTC)

    since, until = last_days(days, now, ZoneInfo(zone))

    assert [f"{each:%Y-%m-%dT%H:%M}" for each in (since, until)] == [first, last]


def test_no_day_is_over_where_the_first_session_is_of_today_or_to_come() -> None:
    assert list(days_before(BEGAN, BEGAN, ZoneInfo("UTC"))) == []
    assert list(days_before(BEGAN, BEGAN + timedelta(days=3), ZoneInfo("UTC"))) == []


def test_counts_add_up_key_by_key_and_what_is_missing_is_nothing() -> None:
    sums = Sums()
    sums.add("half", 30, [1, 2])
    sums.add("half", 30, [1, None, 5])
    sums.add("half", 60, [7])
    sums.add("", 0, [3])

    assert sorted(sums.items()) == [("", 0, [3]), ("half", 30, [2, 2, 5]), ("half", 60, [7])]
    assert sums.one() == [3]
    assert sums.one("half") is None
