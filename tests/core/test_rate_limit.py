"""Slots of a shared budget: however many share it, never more goes out in any window than the limit allows."""

from __future__ import annotations

import bisect
import math
from heapq import heappop, heappush

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aiocancel.core.rate_limit import (
    IMPOSSIBLE_S,
    LONGEST_HORIZON_S,
    LONGEST_PAUSE_S,
    ONE_BURST_S,
    RECOVERS_BY_HALF_S,
    SHORTEST_PAUSE_S,
    SLOWEST,
    Budget,
    Limit,
    Slots,
    batch,
    lease,
    limit_within,
    slots_of,
    strike,
)

NOW = 1_000_000.0
LIMIT = Limit(20.0, slack_s=0.1)

limits = st.builds(
    Limit,
    per_s=st.floats(0.5, 100),
    burst_s=st.sampled_from([0.0, 0.5, 20.0]),
    slack_s=st.sampled_from([0.0, 0.1, 1.0]),
)
# Any process at any time: when it asks, for how many, how far ahead, and how late each slot is then used (0 to 1).
turns = st.lists(
    st.tuples(st.floats(0, 0.7), st.integers(1, 30), st.floats(0, 3), st.floats(0, 1)),
    min_size=1,
    max_size=60,
)


def uses(limit: Limit, asked: list[tuple[float, int, float, float]]) -> list[float]:
    """When requests go out, each process using every slot that it got as late as it likes."""
    budget, now, used = Budget(), NOW, []
    for pause_s, want, horizon_s, lateness in asked:
        now += pause_s
        budget, leased = lease(budget, limit, now, want=want, horizon_s=horizon_s)
        used += [slot + lateness * limit.slack_s for slot in slots_of(leased, now)]
    return sorted(used)


@given(limit=limits, asked=turns, window_s=st.sampled_from([0.1, 1.0, 5.0]))
def test_no_window_sees_more_requests_than_the_limit_allows_however_many_processes_ask(
    limit: Limit, asked: list[tuple[float, int, float, float]], window_s: float
) -> None:
    used = uses(limit, asked)
    for number, moment in enumerate(used):
        within = bisect.bisect_left(used, moment + window_s - 1e-6) - number
        assert within <= limit.most_within(window_s)


@given(
    requests=st.integers(2, 100),
    burst_s=st.floats(0, 30),
    slack_s=st.floats(0, 2),
    window_s=st.floats(0.5, 60),
)
def test_a_limit_made_for_a_window_lets_just_so_many_out_in_it(
    requests: int, burst_s: float, slack_s: float, window_s: float
) -> None:
    assert (
        limit_within(requests, window_s, burst_s=burst_s, slack_s=slack_s).most_within(window_s)
        == requests
    )


@given(limit=limits, asked=turns)
def test_nobody_gets_more_than_asked_or_further_ahead_than_asked(
    limit: Limit, asked: list[tuple[float, int, float, float]]
) -> None:
    budget, now = Budget(), NOW
    for pause_s, want, horizon_s, _ in asked:
        now += pause_s
        budget, leased = lease(budget, limit, now, want=want, horizon_s=horizon_s)
        slots = slots_of(leased, now)
        assert len(slots) <= want
        assert all(now <= slot <= now + horizon_s + 1e-6 for slot in slots)


@given(limit=limits)
def test_whoever_keeps_asking_gets_the_whole_limit(limit: Limit) -> None:
    budget, granted = Budget(NOW), 0
    seconds = 100
    for step in range(seconds * 10):
        budget, leased = lease(budget, limit, NOW + step / 10, want=1000, horizon_s=0.1)
        granted += leased.count
    assert granted >= math.floor(limit.per_s * seconds)


def test_a_first_request_goes_at_once() -> None:
    _, leased = lease(Budget(), LIMIT, NOW, want=1, horizon_s=0.0)
    assert slots_of(leased, NOW) == [NOW]


def test_slots_of_one_batch_are_an_interval_apart() -> None:
    _, leased = lease(Budget(), LIMIT, NOW, want=3, horizon_s=1.0)
    assert slots_of(leased, 5.0) == pytest.approx([5.0, 5.05, 5.1])


def test_unused_time_is_made_up_for_at_once_where_the_limit_has_room_for_it() -> None:
    _, leased = lease(Budget(), Limit(1.0, burst_s=9.0), NOW, want=100, horizon_s=0.0)
    assert slots_of(leased, NOW) == [NOW] * 10


def test_without_a_slot_in_time_nothing_is_taken_and_the_next_free_one_is_named() -> None:
    busy = Budget(NOW + 5)
    assert lease(busy, LIMIT, NOW, want=1, horizon_s=4.9) == (busy, Slots(0, 5.0, 0.05))


def test_whoever_takes_slots_further_ahead_finds_one_where_others_find_none() -> None:
    budget = Budget()
    for _ in range(100):
        budget, _ = lease(budget, LIMIT, NOW, want=10, horizon_s=1.0)
    assert lease(budget, LIMIT, NOW, want=1, horizon_s=1.0)[1].count == 0
    assert lease(budget, LIMIT, NOW, want=1, horizon_s=3.0)[1].count == 1


def test_a_clock_that_was_set_back_stops_nobody() -> None:
    budget, leased = lease(Budget(NOW + IMPOSSIBLE_S + 1), LIMIT, NOW, want=1, horizon_s=0.0)
    assert (leased.count, budget.next_at) == (1, NOW + 0.05)
    assert strike(Budget(NOW + IMPOSSIBLE_S + 1), NOW, pause_s=2).next_at == NOW + 2


# Refusals


@pytest.mark.parametrize(
    ("asked_s", "pause_s"), [(0.0, SHORTEST_PAUSE_S), (5.0, 5.0), (86_400.0, LONGEST_PAUSE_S)]
)
def test_a_refusal_stops_everybody_for_a_bounded_moment(asked_s: float, pause_s: float) -> None:
    budget = strike(Budget(), NOW, pause_s=asked_s)
    assert budget.next_at == NOW + pause_s
    assert lease(budget, LIMIT, NOW, want=1, horizon_s=pause_s - 0.1)[1].count == 0


def test_a_refusal_shortens_no_pause_that_there_is() -> None:
    assert strike(Budget(NOW + 30), NOW, pause_s=1).next_at == NOW + 30


def test_after_a_refusal_everybody_goes_half_as_fast() -> None:
    budget = strike(Budget(), NOW, pause_s=1)
    assert lease(budget, LIMIT, NOW + 0.0, want=5, horizon_s=2.0)[1].interval_s == pytest.approx(
        0.1
    )


def test_the_many_refusals_of_one_burst_count_once() -> None:
    budget = Budget()
    for number in range(20):
        budget = strike(budget, NOW + number * ONE_BURST_S / 21, pause_s=1)
    assert budget.slowness == 2


def test_refusals_that_go_on_make_everybody_slower_up_to_a_bound() -> None:
    budget = Budget()
    for number in range(20):
        budget = strike(budget, NOW + number * 2 * ONE_BURST_S, pause_s=1)
    assert SLOWEST / 2 < budget.slowness <= SLOWEST


@pytest.mark.parametrize(
    ("age_s", "slowness"),
    [(0.0, 4.0), (RECOVERS_BY_HALF_S, 2.0), (3600.0, 1.0), (1e12, 1.0), (-5, 4.0)],
)
def test_time_without_a_refusal_brings_the_pace_back(age_s: float, slowness: float) -> None:
    assert Budget(0.0, 4.0, NOW).slowness_at(NOW + age_s) == slowness


# Batches


@pytest.mark.parametrize(
    ("waiting", "recent_per_s", "slots"),
    [
        pytest.param(1, 0.0, 1, id="a quiet process takes what it needs"),
        pytest.param(7, 0.0, 7, id="one batch for all that wait"),
        pytest.param(1, 20.0, 3, id="a busy one takes what it will use in time"),
        pytest.param(500, 20.0, 20, id="never more than a second's worth"),
    ],
)
def test_a_batch_is_what_will_be_used(waiting: int, recent_per_s: float, slots: int) -> None:
    assert batch(waiting, recent_per_s, LIMIT) == slots


@given(waiting=st.integers(1, 1000), recent_per_s=st.floats(0, 1000), limit=limits)
@settings(max_examples=50)
def test_a_batch_is_never_empty(waiting: int, recent_per_s: float, limit: Limit) -> None:
    assert batch(waiting, recent_per_s, limit) >= 1


# Tuning


def test_the_tuning_values_are_these() -> None:
    assert (SLOWEST, RECOVERS_BY_HALF_S, ONE_BURST_S) == (16.0, 20.0, 1.0)
    assert (SHORTEST_PAUSE_S, LONGEST_PAUSE_S) == (1.0, 60.0)
    assert (LONGEST_HORIZON_S, IMPOSSIBLE_S) == (30.0, 120.0)


def test_a_limit_has_no_burst_and_a_tenth_of_a_second_of_slack_unless_told() -> None:
    assert Limit(10.0) == Limit(10.0, burst_s=0.0, slack_s=0.1)
    assert limit_within(100, 60) == Limit(99 / 60.1, burst_s=0.0, slack_s=0.1)
    assert limit_within(100, 60).most_within(60) == 100


def test_a_slow_limit_is_asked_for_one_slot_at_a_time() -> None:
    assert batch(5, 0, Limit(0.5)) == 1
    assert batch(5, 0, Limit(1.5)) == 2


def ends_of(amount: int, *, places: int, limit: Limit, request_s: float) -> list[float]:
    """When each of so many changes ends that all come at once, in order: each reads and then writes, in its place."""
    budget, ends = Budget(), []
    waiting = amount - places
    asks = [(0.0, number, 0) for number in range(min(amount, places))]

    while asks:
        now, number, done = heappop(asks)
        budget, slots = lease(budget, limit, now, want=1, horizon_s=LONGEST_HORIZON_S)
        assert slots.count == 1
        over = max(now, now + slots.starts_in_s) + request_s
        if done == 0:
            heappush(asks, (over, number, 1))
            continue

        ends.append(over)
        if waiting > 0:
            waiting -= 1
            heappush(asks, (over, amount - waiting, 0))
    return ends


@pytest.mark.parametrize("amount", [1, 11, 30, 60])
@pytest.mark.parametrize("request_s", [0.05, 0.2])
@pytest.mark.parametrize("per_s", [5.0, 20.0])
def test_places_that_are_held_for_slots_end_changes_no_later_on_the_whole(
    amount: int, request_s: float, per_s: float
) -> None:
    limit = Limit(per_s)

    held = ends_of(amount, places=10, limit=limit, request_s=request_s)
    given_back = ends_of(amount, places=amount, limit=limit, request_s=request_s)

    assert len(held) == len(given_back) == amount
    # Every slot before is taken: another that got the place would have a later one, and all of them would read first.
    assert sum(held) <= sum(given_back) + 1e-6
    assert max(held) <= max(given_back) + 2 * (request_s + limit.interval_s)
