"""When carrying out gives way to storing, each a row of a table."""

from __future__ import annotations

import math

import pytest

from aiocancel.core.actions import Places
from aiocancel.core.giving_way import EVERY_S, LASTS_S, pause_s

OTHERS = [sort for sort in Places if sort is not Places.CANCELLATIONS]


@pytest.mark.parametrize("sort", Places)
@pytest.mark.parametrize("running", [0, 1, 20])
@pytest.mark.parametrize("rush_left_s", [0.0, -0.001, -1000.0])
def test_everything_begins_where_no_post_has_to_wait(
    sort: Places, running: int, rush_left_s: float
) -> None:
    assert pause_s(sort, running=running, rush_left_s=rush_left_s, begun_s_ago=0.0) == 0


@pytest.mark.parametrize(
    ("running", "rush_left_s", "begun_s_ago", "pause"),
    [
        # One cancellation at a time goes on, however long the rush lasts.
        (0, LASTS_S, 0.0, 0.0),
        (0, 0.01, 0.2, 0.0),
        # The next one waits for it, or until the rush is over.
        (1, LASTS_S, 0.0, EVERY_S),
        (1, 0.125, 0.0, 0.125),
        (20, LASTS_S, 0.0, EVERY_S),
        # It begins after a while even if the ones before hang at Stripe.
        (1, LASTS_S, 0.125, EVERY_S - 0.125),
        (1, LASTS_S, EVERY_S, 0.0),
        (20, LASTS_S, 60.0, 0.0),
        (20, LASTS_S, math.inf, 0.0),
    ],
)
def test_one_cancellation_at_a_time_goes_on_in_a_rush(
    running: int, rush_left_s: float, begun_s_ago: float, pause: float
) -> None:
    given = pause_s(
        Places.CANCELLATIONS, running=running, rush_left_s=rush_left_s, begun_s_ago=begun_s_ago
    )

    assert given == pause


@pytest.mark.parametrize("sort", OTHERS)
@pytest.mark.parametrize("running", [0, 1])
def test_of_anything_else_one_begins_now_and_then_in_a_rush(sort: Places, running: int) -> None:
    pauses = [
        pause_s(sort, running=running, rush_left_s=LASTS_S, begun_s_ago=begun_s_ago)
        for begun_s_ago in (0.0, 0.125, EVERY_S)
    ]

    assert pauses == [EVERY_S, EVERY_S - 0.125, 0.0]


@pytest.mark.parametrize("sort", Places)
def test_in_a_rush_without_an_end_four_of_each_sort_begin_in_a_second(sort: Places) -> None:
    begun, since_s, passed_s = 0, 0.0, 0.0
    while passed_s < 10.0:
        pause = pause_s(sort, running=1, rush_left_s=LASTS_S, begun_s_ago=since_s)
        since_s, passed_s = since_s + pause, passed_s + pause
        if not pause:
            begun, since_s = begun + 1, 0.0

    assert begun == 39
