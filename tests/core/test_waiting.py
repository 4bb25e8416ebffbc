"""Who waits for an end, each a row of a table."""

from __future__ import annotations

import pytest

from aiocancel.core.waiting import ALWAYS, RecentWaits, Waits, may_wait


@pytest.mark.parametrize(
    ("waiting", "answered", "in_vain", "all_waiting", "waits"),
    [
        # Nobody waits in vain: everybody waits, up to the most that the process lets wait.
        (0, 0, 0, 0, True),
        (99, 0, 0, 99, True),
        (0, 900, 0, 100, False),
        # Some have: as many wait as were answered.
        (29, 30, 1, 29, True),
        (30, 30, 1, 30, False),
        (99, 900, 5, 99, True),
        (99, 900, 5, 100, False),
        # Nobody was answered, or hardly anybody: a few wait all the same.
        (ALWAYS - 1, 0, 400, ALWAYS - 1, True),
        (ALWAYS, 0, 400, ALWAYS, False),
        (ALWAYS, 3, 1, ALWAYS, False),
        # Those who wait for something else count for the whole process alone.
        (0, 0, 1, 99, True),
        (0, 0, 1, 100, False),
    ],
)
def test_as_many_wait_as_can_be_answered(
    waiting: int, answered: int, in_vain: int, all_waiting: int, waits: bool
) -> None:
    counted = Waits(waiting, answered, in_vain)

    assert may_wait(counted, all_waiting=all_waiting, most=100) is waits


def test_a_rush_that_is_over_is_forgotten() -> None:
    recent = RecentWaits(within_s=4.0)
    first, second, third = (recent.begin(9.0) for _ in range(3))
    recent.end(first, 10.0, answered=True)
    recent.end(second, 11.0, answered=False)
    # Its browser has gone.
    recent.end(third, 11.0, answered=None)

    assert recent.at(11.0) == Waits(0, 1, 1)
    assert recent.at(14.0) == Waits(0, 0, 1)
    assert recent.at(15.0) == Waits(0, 0, 0)


def test_whoever_waits_is_counted_until_the_wait_ends() -> None:
    recent = RecentWaits(within_s=4.0)
    first = recent.begin(0.0)
    recent.begin(0.0)
    recent.end(first, 1.0, answered=True)

    assert recent.at(1.0).waiting == 1
    assert recent.at(100.0).waiting == 1


def test_whoever_has_waited_for_too_long_counts_as_one_in_vain_before_the_wait_ends() -> None:
    recent = RecentWaits(within_s=4.0, too_long_s=2.0)
    first = recent.begin(10.0)
    second = recent.begin(11.5)

    assert recent.at(11.9).in_vain == 0
    assert recent.at(12.0).in_vain == 1
    # However many they are.
    assert recent.at(14.0).in_vain == 1

    recent.end(first, 14.0, answered=True)
    assert recent.at(13.4).in_vain == 0
    assert recent.at(14.0).in_vain == 1
    recent.end(second, 14.1, answered=True)
    assert recent.at(14.1) == Waits(0, 2, 0)


def test_a_long_wait_is_none_in_vain_where_nothing_is_too_long() -> None:
    recent = RecentWaits(within_s=25.0)
    recent.begin(0.0)

    assert recent.at(24.9) == Waits(1, 0, 0)
