"""The hold-out: stable, as large as it is said to be, and nobody's choice."""

from __future__ import annotations

import pytest

from aiocancel.core.flow.hold_out import is_held_out

KEY = b"k" * 16
IDS = [f"sub_{number}" for number in range(4_000)]


def arm(percent: int, key: bytes = KEY) -> set[str]:
    return {each for each in IDS if is_held_out(key, each, percent)}


def test_nobody_is_held_out_at_0_and_everybody_at_100() -> None:
    assert arm(0) == set()
    assert arm(100) == set(IDS)


@pytest.mark.parametrize("percent", [1, 10, 20, 50, 99])
def test_share_that_is_held_out_is_as_large_as_said(percent: int) -> None:
    expected = len(IDS) * percent / 100

    # Five standard deviations of a binomial draw; the ids and the key are fixed.
    assert abs(len(arm(percent)) - expected) < 5 * (expected * (1 - percent / 100)) ** 0.5


def test_who_is_held_out_stays_so_when_the_share_grows() -> None:
    assert arm(5) < arm(10) < arm(50)


def test_draw_depends_on_the_key_alone_beside_the_subscription() -> None:
    assert arm(50) == arm(50)
    both = arm(50) & arm(50, b"another key, 16+")

    assert 800 < len(both) < 1_200


def test_draw_is_the_one_that_was_stored_by_earlier_releases() -> None:
    assert sorted(arm(1))[:3] == ["sub_1042", "sub_1134", "sub_1148"]


def test_key_that_keeps_no_secret_is_refused() -> None:
    with pytest.raises(ValueError, match="16 bytes"):
        is_held_out(b"short", "sub_1", 10)
