"""How sure a share is: the same intervals that statsmodels makes, and none that a share cannot have."""

from __future__ import annotations

import math
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiocancel.core.measures import interval
from aiocancel.core.measures.interval import (
    Interval,
    Share,
    difference,
    missing_sessions,
    needed_sessions,
    wilson,
)
from tests.support.statsmodels_values import DIFFERENCES, SHARES


@pytest.mark.parametrize(("part", "whole", "low", "high"), SHARES)
def test_the_interval_of_a_share_is_that_of_statsmodels(
    part: int, whole: int, low: float, high: float
) -> None:
    found = wilson(part, whole)

    assert (found.low, found.high) == pytest.approx((low, high), abs=1e-9)


@pytest.mark.parametrize(("first", "second", "low", "high"), DIFFERENCES)
def test_the_interval_of_a_difference_is_that_of_statsmodels(
    first: tuple[int, int], second: tuple[int, int], low: float, high: float
) -> None:
    found = difference(Share(*first), Share(*second))

    assert found is not None
    assert (found.low, found.high) == pytest.approx((low, high), abs=1e-9)


def test_the_normal_values_are_those_of_the_standard_library() -> None:
    normal = statistics.NormalDist()

    assert pytest.approx(normal.inv_cdf(0.975), abs=1e-12) == interval.Z_95
    assert pytest.approx(normal.inv_cdf(0.8), abs=1e-12) == interval._Z_80


@given(st.integers(0, 2000), st.integers(0, 2000))
def test_an_interval_holds_its_share_and_lies_between_nothing_and_all(part: int, rest: int) -> None:
    share = Share(part, part + rest)
    found = share.interval

    if found is None:
        assert share.value is None
    else:
        assert share.value is not None
        assert 0 <= found.low <= share.value <= found.high <= 1
        assert found.holds(share.value)


@given(st.integers(0, 500), st.integers(0, 500), st.integers(0, 500), st.integers(0, 500))
def test_a_difference_turned_round_has_the_interval_turned_round(
    a: int, b: int, c: int, d: int
) -> None:
    first, second = Share(a, a + b), Share(c, c + d)
    there, back = difference(first, second), difference(second, first)

    if there is None or back is None:
        assert there is None
        assert back is None
    else:
        assert -1 <= there.low <= there.high <= 1
        assert (there.low, there.high) == pytest.approx((-back.high, -back.low))


@pytest.mark.parametrize(("part", "whole"), [(-1, 3), (4, 3), (0, -1)])
def test_a_part_that_no_whole_can_have_is_refused(part: int, whole: int) -> None:
    with pytest.raises(ValueError, match="a part lies between"):
        Share(part, whole)


@pytest.mark.parametrize(
    ("held_out", "needed"), [(0.2, 942), (0.1, 1685), (0.5, 587), (0.0, None), (1.0, None)]
)
def test_so_many_sessions_tell_a_fifth_from_three_tenths(
    held_out: float, needed: int | None
) -> None:
    assert needed_sessions(0.2, 0.3, held_out) == needed


def test_no_number_of_sessions_tells_two_equal_shares_apart() -> None:
    assert needed_sessions(0.2, 0.2, 0.5) is None
    assert missing_sessions(5, 5, 0.2, 0.2, 0.5) is None


@pytest.mark.parametrize("part", [0.01, 0.1, 0.2, 0.5, 0.99])
def test_of_the_sessions_that_are_needed_those_that_are_there_are_missing_no_more(
    part: float,
) -> None:
    needed = needed_sessions(0.2, 0.3, part)
    assert needed is not None

    for there in (0, 100, needed // 100 * 100):
        held = round(there * part)
        missing = missing_sessions(held, there - held, 0.2, 0.3, part)
        assert missing == pytest.approx(needed - there, abs=3)
    assert missing_sessions(round(needed * part) + 1, needed, 0.2, 0.3, part) == 0


def test_sessions_of_one_arm_make_up_for_none_of_the_other() -> None:
    """5,000 that were shown offers while nobody was held out tell nothing of those who are held out."""
    for there in (0, 10):
        missing = missing_sessions(there, 5000, 0.2, 0.3, 0.1)
        assert missing is not None
        held, shown = there + 0.1 * missing, 5000 + 0.9 * missing
        # As many are held out then as have to be compared with so many.
        assert held == pytest.approx(156, abs=1)
        assert shown > 6000


def test_an_arm_of_equals_that_is_large_already_needs_no_more_at_another_part() -> None:
    assert missing_sessions(300, 300, 0.2, 0.3, 0.5) == 0
    assert missing_sessions(300, 300, 0.2, 0.3, 0.05) == 0


def test_an_arm_without_anybody_is_never_enough() -> None:
    assert missing_sessions(0, 10, 0.0, 1.0, 0.5) == 1
    assert missing_sessions(10, 0, 0.0, 1.0, 0.5) == 1


@given(
    st.integers(0, 5000),
    st.integers(0, 5000),
    st.sampled_from([(0.0, 0.1), (0.2, 0.3), (0.85, 0.95), (1.0, 0.9)]),
    st.integers(1, 99),
)
def test_more_sessions_are_never_missing_more(
    held_out: int, shown: int, shares: tuple[float, float], percent: int
) -> None:
    def missing(more: int) -> int:
        found = missing_sessions(held_out + more, shown + more, *shares, percent / 100)
        assert found is not None
        return found

    needed = needed_sessions(*shares, percent / 100)
    assert needed is not None
    assert 0 <= missing(500) <= missing(0) <= needed


def test_an_interval_knows_what_it_holds() -> None:
    assert Interval(-0.1, 0.2).holds(0)
    assert not Interval(0.1, 0.2).holds(0)
    assert not math.isnan(wilson(1, 1).low)


def chances(whole: int, share: float) -> list[tuple[int, float]]:
    """Each count that has a chance worth adding up, with that chance: the binomial distribution."""
    middle, spread = whole * share, 6 * math.sqrt(whole * share * (1 - share))
    counts = range(max(0, int(middle - spread)), min(whole, int(middle + spread)) + 1)
    return [(count, chance_of(whole, share, count)) for count in counts]


def chance_of(whole: int, share: float, count: int) -> float:
    ways = _log_ways(whole, count)
    return math.exp(ways + count * math.log(share) + (whole - count) * math.log(1 - share))


@pytest.mark.parametrize(
    ("offers", "held_out", "most_off"),
    [(24, 6, 0.01), (96, 24, 0.005), (480, 120, 0.002), (1920, 480, 0.001)],
)
def test_the_interval_of_a_difference_holds_the_truth_in_95_of_100_cases(
    offers: int, held_out: int, most_off: float
) -> None:
    """Every case that can be, with its chance: no seed is chosen, and nothing is left to luck."""
    with_offers, without = 0.30, 0.20
    held_counts = chances(held_out, without)

    covered = sum(
        chance * other
        for kept, chance in chances(offers, with_offers)
        for held, other in held_counts
        if _holds(Share(kept, offers), Share(held, held_out), with_offers - without)
    )

    assert covered == pytest.approx(0.95, abs=most_off)


def _holds(first: Share, second: Share, truth: float) -> bool:
    found = difference(first, second)
    assert found is not None
    return found.holds(truth)


@pytest.mark.parametrize(("customers", "most_off"), [(300, 0.006), (3000, 0.002), (12_000, 0.001)])
def test_the_interval_holds_what_offers_did_to_ones_own_customers_in_96_of_100_cases(
    customers: int, most_off: float
) -> None:
    """Of ten, two stay anyway and one with an offer alone: the draw of the hold-out is the only chance."""
    anyway, won, held_out = customers // 5, customers // 10, customers // 5
    leaving = customers - anyway - won

    covered = sum(
        chance
        for stay in around(held_out, anyway / customers)
        for lost in around(held_out, won / customers)
        if (
            chance := drawn((anyway, won, leaving), (stay, lost, held_out - stay - lost), customers)
        )
        > 1e-12
        and _holds(
            Share(anyway + won - stay - lost, customers - held_out),
            Share(stay, held_out),
            won / customers,
        )
    )

    assert covered == pytest.approx(0.9595, abs=most_off)


def around(whole: int, share: float) -> range:
    """Every count that has a chance worth adding up."""
    spread = 4.2 * math.sqrt(whole * share * (1 - share))
    return range(max(0, int(whole * share - spread)), int(whole * share + spread) + 1)


def drawn(of: tuple[int, ...], counts: tuple[int, ...], whole: int) -> float:
    """The chance that a draw without putting back takes these counts of each sort."""
    if any(not 0 <= count <= size for count, size in zip(counts, of, strict=True)):
        return 0.0
    ways = sum(_log_ways(size, count) for size, count in zip(of, counts, strict=True))
    return math.exp(ways - _log_ways(whole, sum(counts)))


def _log_ways(whole: int, count: int) -> float:
    return math.lgamma(whole + 1) - math.lgamma(count + 1) - math.lgamma(whole - count + 1)
