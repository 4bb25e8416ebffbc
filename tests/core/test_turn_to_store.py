"""Which posts wait for a turn to be stored, each a row of a table."""

from __future__ import annotations

import pytest

from aiocancel.core.turn_to_store import ALWAYS, Waits, WaitsForTurn, may_wait


@pytest.mark.parametrize(
    ("waiting", "stored", "in_vain", "waits"),
    [
        # Nobody waits in vain: everybody waits, up to the most that the process lets wait.
        (0, 0, 0, True),
        (99, 0, 0, True),
        (100, 900, 0, False),
        # Some have: as many wait as were stored.
        (29, 30, 1, True),
        (30, 30, 1, False),
        (99, 900, 5, True),
        (100, 900, 5, False),
        # Nobody was stored, or hardly anybody: a few wait all the same.
        (ALWAYS - 1, 0, 400, True),
        (ALWAYS, 0, 400, False),
        (ALWAYS, 3, 1, False),
    ],
)
def test_as_many_wait_as_can_be_stored(
    waiting: int, stored: int, in_vain: int, waits: bool
) -> None:
    assert may_wait(Waits(waiting, stored, in_vain), most=100) is waits


def test_a_rush_that_is_over_is_forgotten() -> None:
    recent = WaitsForTurn(within_s=4.0)
    recent.begin()
    recent.begin()
    recent.end(10.0, has_turn=True)
    recent.end(11.0, has_turn=False)

    assert recent.at(11.0) == Waits(0, 1, 1)
    assert recent.at(14.0) == Waits(0, 0, 1)
    assert recent.at(15.0) == Waits(0, 0, 0)


def test_whoever_waits_is_counted_until_the_wait_ends() -> None:
    recent = WaitsForTurn(within_s=4.0)
    recent.begin()
    recent.begin()
    recent.end(1.0, has_turn=True)

    assert recent.at(1.0).waiting == 1
    assert recent.at(100.0).waiting == 1


def test_one_that_did_not_wait_for_long_is_neither_stored_nor_in_vain() -> None:
    recent = WaitsForTurn(within_s=4.0)
    recent.begin()
    recent.end(1.0, has_turn=None)

    assert recent.at(1.0) == Waits(0, 0, 0)
