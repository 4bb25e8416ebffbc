"""Which posts wait for an end, and for how long, on a clock that is told what it shows."""

from __future__ import annotations

import heapq
import itertools
from dataclasses import dataclass, field

import pytest

from aiocancel.core.waiting import AS_USUAL, AT_ONCE_S, FEW, SCOUTS, TOO_LONG, WaitsForEnd

WITHIN_S = 4.0
TOO_LONG_S = WITHIN_S * TOO_LONG
CUSTOMERS = (f"cus_{number}" for number in itertools.count())


def may_wait(waits: WaitsForEnd, now: float, *, has_place: bool = True) -> bool:
    return waits.may_wait(next(CUSTOMERS), now, has_place=has_place)


def begin(waits: WaitsForEnd, since: float) -> str:
    """Let a post of one more customer wait, and return whose it is."""
    customer_id = next(CUSTOMERS)
    waits.begin(customer_id, since)
    return customer_id


def in_a_rush(waits: WaitsForEnd, *, since: float = 0.0) -> list[str]:
    """Let one more wait than a few, all since the same moment, so that the rush begins when that is too long ago."""
    return [begin(waits, since) for _ in range(FEW + 1)]


def told_after(waits: WaitsForEnd, waited_s: float, *, times: int, start: float = 0.0) -> None:
    for second in range(times):
        customer = begin(waits, start + second * 10)
        waits.end(customer, start + second * 10 + waited_s, is_told=True)


def test_on_a_quiet_day_everybody_waits_for_whom_the_process_has_a_place() -> None:
    waits = WaitsForEnd(WITHIN_S)

    assert may_wait(waits, 0.0)
    assert not may_wait(waits, 0.0, has_place=False)


def test_a_rush_begins_once_the_first_in_line_has_waited_for_too_long_with_more_than_a_few() -> (
    None
):
    waits = WaitsForEnd(WITHIN_S)
    in_a_rush(waits)

    assert may_wait(waits, TOO_LONG_S - 0.01)
    assert not may_wait(waits, TOO_LONG_S)


def test_one_who_waits_for_too_long_with_a_few_makes_no_rush_and_goes_on_waiting() -> None:
    waits = WaitsForEnd(WITHIN_S)
    first, *_ = [begin(waits, 0.0) for _ in range(FEW)]

    assert may_wait(waits, TOO_LONG_S)
    # It looks again soon: a rush may begin meanwhile.
    assert waits.may_go_on_for(first, TOO_LONG_S) == TOO_LONG_S / 4


def test_one_customer_who_posts_again_and_again_makes_no_rush() -> None:
    waits = WaitsForEnd(WITHIN_S)
    for _ in range(50):
        waits.begin("ada", 0.0)
    assert may_wait(waits, TOO_LONG_S)
    assert waits.may_go_on_for("ada", TOO_LONG_S) > 0

    # Nor do such posts let a rush last.
    customers = in_a_rush(waits)
    assert not may_wait(waits, TOO_LONG_S)
    for customer in customers:
        waits.end(customer, TOO_LONG_S, is_told=False)
    for _ in range(FEW + 1):
        waits.may_wait("ada", TOO_LONG_S + 1, has_place=True)
    assert waits.may_go_on_for("ada", TOO_LONG_S + 1) == 0.0
    assert waits._rush_until == TOO_LONG_S + WITHIN_S


def test_equal_posts_wait_together_also_in_a_rush() -> None:
    waits = WaitsForEnd(WITHIN_S)
    in_a_rush(waits)
    waits.begin("ada", 1.0)
    assert not may_wait(waits, TOO_LONG_S)

    assert waits.may_wait("ada", TOO_LONG_S, has_place=True)
    assert not waits.may_wait("ada", TOO_LONG_S, has_place=False)


def test_a_customer_waits_no_more_once_the_last_post_of_theirs_does() -> None:
    waits = WaitsForEnd(WITHIN_S)
    in_a_rush(waits)
    for _ in range(2):
        waits.begin("ada", 0.0)
    waits.end("ada", TOO_LONG_S, is_told=False)
    assert waits.may_wait("ada", TOO_LONG_S, has_place=True)

    waits.end("ada", TOO_LONG_S, is_told=False)
    assert not waits.may_wait("ada", TOO_LONG_S, has_place=True)


def test_those_whom_later_ones_have_overtaken_hang_by_themselves_and_make_no_rush() -> None:
    waits = WaitsForEnd(WITHIN_S)
    hanging = in_a_rush(waits)
    waits.end(begin(waits, 0.1), 0.2, is_told=True)

    assert may_wait(waits, TOO_LONG_S)
    assert all(waits.may_go_on_for(customer, TOO_LONG_S) > 0 for customer in hanging)


def test_in_a_rush_nobody_waits_for_longer_than_is_usual() -> None:
    waits = WaitsForEnd(WITHIN_S)
    (first, *others) = in_a_rush(waits)
    late = begin(waits, 0.5)

    assert waits.may_go_on_for(first, TOO_LONG_S - 0.5) == pytest.approx(0.5)
    assert waits.may_go_on_for(first, TOO_LONG_S) == 0.0
    waits.end(first, TOO_LONG_S, is_told=False)
    assert [waits.may_go_on_for(customer, TOO_LONG_S) for customer in others] == [0.0] * FEW
    assert waits.may_go_on_for(late, TOO_LONG_S) == pytest.approx(0.5)


def test_in_a_rush_a_few_wait_at_a_time_to_see_whether_it_is_over() -> None:
    waits = WaitsForEnd(WITHIN_S)
    customers = in_a_rush(waits)
    assert not may_wait(waits, TOO_LONG_S)
    for customer in customers:
        waits.end(customer, TOO_LONG_S, is_told=False)

    for _ in range(SCOUTS):
        assert may_wait(waits, TOO_LONG_S)
        begin(waits, TOO_LONG_S)
    assert not may_wait(waits, TOO_LONG_S)


def test_a_rush_is_over_once_somebody_is_told_an_end_as_quickly_as_is_usual() -> None:
    waits = WaitsForEnd(WITHIN_S)
    first, second, *_ = in_a_rush(waits)
    late = begin(waits, TOO_LONG_S - 0.1)
    assert not may_wait(waits, TOO_LONG_S)

    # The first in line is told after all, which is no sign of better times.
    waits.end(first, TOO_LONG_S + 0.1, is_told=True)
    waits.end(second, TOO_LONG_S + 0.1, is_told=True)
    assert not may_wait(waits, TOO_LONG_S + 0.1)

    waits.end(late, TOO_LONG_S + 0.2, is_told=True)
    for _ in range(SCOUTS + 1):
        assert may_wait(waits, TOO_LONG_S + 0.2)
        begin(waits, TOO_LONG_S + 0.2)


def test_an_answer_that_is_too_slow_ends_no_rush() -> None:
    waits = WaitsForEnd(WITHIN_S)
    customers = in_a_rush(waits)
    assert not may_wait(waits, TOO_LONG_S)

    waits.end(customers[-1], TOO_LONG_S, is_told=True)
    for _ in range(SCOUTS):
        begin(waits, TOO_LONG_S)
    assert not may_wait(waits, TOO_LONG_S)


def test_one_whom_later_ones_have_overtaken_makes_no_rush_last() -> None:
    waits = WaitsForEnd(WITHIN_S)
    hanging, *others = in_a_rush(waits)
    assert not may_wait(waits, TOO_LONG_S)
    for customer in others:
        waits.end(customer, TOO_LONG_S, is_told=True)

    for _ in range(FEW + 1):
        may_wait(waits, TOO_LONG_S + 1)
    assert waits.may_go_on_for(hanging, TOO_LONG_S + 1) == 0.0
    assert waits._rush_until == TOO_LONG_S + WITHIN_S


def test_one_who_learns_in_a_rush_that_lasts_waits_four_times_as_long_and_no_longer() -> None:
    waits = WaitsForEnd(WITHIN_S)
    told_after(waits, 0.05, times=3)
    in_a_rush(waits, since=100.0)
    assert not may_wait(waits, 100.0 + AT_ONCE_S)
    learner, other = begin(waits, 104.0), begin(waits, 104.0)

    moment = 104.0 + AT_ONCE_S
    assert waits.may_go_on_for(learner, moment) == pytest.approx(AT_ONCE_S / 4)
    assert waits.may_go_on_for(other, moment) == 0.0
    assert waits.may_go_on_for(learner, 104.0 + AT_ONCE_S * 4 - 0.01) > 0
    assert waits.may_go_on_for(learner, 104.0 + AT_ONCE_S * 4) == 0.0


def test_a_rush_is_forgotten_when_nobody_has_waited_in_vain_for_a_while() -> None:
    waits = WaitsForEnd(WITHIN_S)
    for customer in in_a_rush(waits):
        assert waits.may_go_on_for(customer, TOO_LONG_S) == 0.0
        waits.end(customer, TOO_LONG_S, is_told=False)
    for _ in range(SCOUTS):
        begin(waits, TOO_LONG_S)
    over_at = TOO_LONG_S + WITHIN_S

    assert not may_wait(waits, over_at - 0.01)
    assert may_wait(waits, over_at)


def test_a_scout_that_waits_in_vain_makes_a_rush_last_only_where_more_than_a_few_came_behind_it() -> (
    None
):
    waits = WaitsForEnd(WITHIN_S)
    in_a_rush(waits)
    assert not may_wait(waits, TOO_LONG_S)
    over_at = TOO_LONG_S + WITHIN_S
    scout = begin(waits, over_at - TOO_LONG_S - 0.01)

    for _ in range(FEW):
        may_wait(waits, over_at - 0.02)
    assert waits.may_go_on_for(scout, over_at - 0.01) == 0.0
    assert waits._rush_until == over_at

    may_wait(waits, over_at - 0.01)
    assert waits.may_go_on_for(scout, over_at - 0.01) == 0.0
    assert waits._rush_until == over_at - 0.01 + WITHIN_S


@pytest.mark.parametrize(
    ("waited_s", "too_long_s"),
    [
        (0.01, AT_ONCE_S),
        (0.3, 0.3 * AS_USUAL),
        (1.0, 1.0 + 3.0 * TOO_LONG),
        (3.0, 3.0 + 1.0 * TOO_LONG),
    ],
)
def test_what_is_too_long_follows_what_is_usual(waited_s: float, too_long_s: float) -> None:
    waits = WaitsForEnd(WITHIN_S)
    told_after(waits, waited_s, times=2)
    assert waits.too_long_s == TOO_LONG_S

    told_after(waits, waited_s, times=1, start=100)
    assert waits.too_long_s == pytest.approx(too_long_s)


def test_the_quickest_quarter_of_the_answers_is_what_is_usual() -> None:
    waits = WaitsForEnd(WITHIN_S)
    told_after(waits, 0.1, times=3)
    told_after(waits, 0.5, times=7, start=100)

    assert waits.too_long_s == pytest.approx(0.1 * AS_USUAL)


def test_the_answers_of_a_short_rush_do_not_change_what_is_usual() -> None:
    waits = WaitsForEnd(WITHIN_S)
    told_after(waits, 0.1, times=10)
    before = waits.too_long_s

    # Three seconds of a thousand slow answers each.
    for moment in range(3000):
        waits.end(begin(waits, 200 + moment / 1000), 200.9 + moment / 1000, is_told=True)

    assert waits.too_long_s == pytest.approx(before)


@dataclass
class Day:
    """Posts at a fixed rate to a worker that ends so many a second, each after a while, in the order of coming."""

    rate: float
    ends_per_s: float
    takes_s: float
    waits: WaitsForEnd = field(default_factory=lambda: WaitsForEnd(WITHIN_S))
    free_at: float = 0.0

    def run(self, seconds: float, *, start: float = 0.0) -> list[tuple[float, bool]]:
        """Return of each post for how long it waited, and whether it was told its end."""
        answers: list[tuple[float, bool]] = []
        waiting: dict[int, float] = {}
        events: list[tuple[float, str, int]] = []
        for number in range(int(self.rate * seconds)):
            heapq.heappush(events, (start + number / self.rate, "comes", number))

        while events:
            now, what, number = heapq.heappop(events)
            if what == "comes":
                self.free_at = max(self.free_at, now) + 1 / self.ends_per_s
                if not self.waits.may_wait(str(number), now, has_place=True):
                    answers.append((0.0, False))
                    continue
                self.waits.begin(str(number), now)
                waiting[number] = now
                heapq.heappush(events, (self.free_at + self.takes_s, "ends", number))
                heapq.heappush(events, (now, "asks", number))
            elif number in waiting:
                pause_s = self.waits.may_go_on_for(str(number), now) if what == "asks" else 0.0
                if pause_s > 0:
                    heapq.heappush(events, (now + pause_s, "asks", number))
                    continue
                self.waits.end(str(number), now, is_told=what == "ends")
                answers.append((now - waiting.pop(number), what == "ends"))
        return answers


@pytest.mark.parametrize(("rate", "ends_per_s"), [(5, 10), (50, 60), (350, 400)])
@pytest.mark.parametrize("takes_s", [0.02, 0.3, 1.5])
def test_what_can_be_carried_out_in_time_is_told_to_everybody(
    rate: float, ends_per_s: float, takes_s: float
) -> None:
    answers = Day(rate, ends_per_s, takes_s).run(20)

    assert all(is_told for _, is_told in answers)


def test_one_burst_while_stripe_is_slower_than_usual_takes_no_answer_from_the_quiet_day_after_it() -> (
    None
):
    day = Day(0.5, 50, 0.05)
    day.run(60)
    day.takes_s = 0.4
    day.rate = 100
    burst = day.run(0.2, start=100)
    assert not any(is_told for _, is_told in burst)

    day.rate = 0.5
    later = day.run(60, start=102)
    assert sum(is_told for _, is_told in later) >= len(later) - 3


def test_a_burst_on_a_day_on_which_stripe_is_slow_anyway_is_told_its_ends() -> None:
    day = Day(0.2, 100, 2.5)
    day.run(60)
    day.rate = 100

    assert all(is_told for _, is_told in day.run(0.3, start=100))


@pytest.mark.parametrize("rate", [30, 45])
def test_when_stripe_stays_slower_than_before_that_becomes_usual_within_minutes(
    rate: float,
) -> None:
    day = Day(rate, 100, 0.05)
    day.run(60)
    day.takes_s = 0.4
    at_first = day.run(20, start=100)
    assert sum(is_told for _, is_told in at_first) < len(at_first) / 10

    day.run(420, start=120)
    later = day.run(20, start=540)
    assert sum(is_told for _, is_told in later) > len(later) * 0.9


@pytest.mark.parametrize(("rate", "ends_per_s"), [(60, 50), (100, 50), (350, 100)])
@pytest.mark.parametrize("takes_s", [0.02, 0.3])
def test_beyond_that_most_hear_at_once_that_it_is_recorded_and_nobody_waits_long(
    rate: float, ends_per_s: float, takes_s: float
) -> None:
    day = Day(rate / 10, ends_per_s, takes_s)
    day.run(60)
    day.rate = rate
    answers = day.run(20, start=100)

    at_once = sum(waited_s == 0.0 for waited_s, _ in answers)
    assert at_once > len(answers) * 0.6
    # One in four seconds waits for longer, to learn whether everything has become slower.
    slow = sorted(waited_s for waited_s, _ in answers)
    assert slow[-7] < 1.2 * max(AT_ONCE_S, takes_s * AS_USUAL)


def test_once_a_rush_is_over_the_next_ones_are_told_their_ends_again() -> None:
    day = Day(5, 50, 0.1)
    day.run(30)
    day.rate = 500
    day.run(5, start=100)
    day.rate = 5

    # 2,250 are left over, which takes 45 s.
    assert not any(is_told for _, is_told in day.run(1, start=106))
    later = day.run(60, start=160)
    assert sum(is_told for _, is_told in later) >= len(later) - 1
