"""A process waits for its turn under limits that all share, and goes on slowly where they cannot be shared."""

from __future__ import annotations

import asyncio
import bisect
import logging

import pytest

from aiocancel.core.rate_limit import Budget, Limit, Slots, lease, limit_within, strike
from aiocancel.errors import PacedOutError, UnavailableError
from aiocancel.rate_limit import ALONE, ASK_AGAIN_S, IMPATIENT_S, RateLimit, RateLimits

LIMIT = limit_within(25, 1.0)


class Time:
    """A clock that jumps to the next sleeper's end when everybody sleeps."""

    def __init__(self) -> None:
        self.now = 1000.0
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._number = 0

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self._number += 1
        ends: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        bisect.insort(self._sleepers, (self.now + seconds, self._number, ends))
        await ends

    async def run(self, *tasks: asyncio.Task[None]) -> None:
        while not all(task.done() for task in tasks):
            for _ in range(50):
                await asyncio.sleep(0)
            if self._sleepers:
                self.now, _, ends = self._sleepers.pop(0)
                if not ends.done():
                    ends.set_result(None)
        await asyncio.gather(*tasks)


class Budgets:
    """The budgets of all processes, in memory."""

    def __init__(self, clock: Time) -> None:
        self.clock = clock
        self.budgets: dict[str, Budget] = {}
        self.leases = 0
        self.gone = False

    async def lease(self, name: str, limit: Limit, *, want: int, horizon_s: float) -> Slots:
        self.leases += 1
        await asyncio.sleep(0)
        if self.gone:
            raise UnavailableError("gone")
        budget = self.budgets.get(name, Budget())
        self.budgets[name], leased = lease(
            budget, limit, self.clock(), want=want, horizon_s=horizon_s
        )
        return leased

    async def strike(self, name: str, *, pause_s: float) -> None:
        if self.gone:
            raise UnavailableError("gone")
        self.budgets[name] = strike(self.budgets.get(name, Budget()), self.clock(), pause_s=pause_s)


@pytest.fixture
def clock() -> Time:
    return Time()


@pytest.fixture
def budgets(clock: Time) -> Budgets:
    return Budgets(clock)


def pace(
    budgets: Budgets, *, name: str = "stripe", limit: Limit = LIMIT, **settings: float
) -> RateLimit:
    return RateLimit(
        name, limit, budgets, clock=budgets.clock, sleep=budgets.clock.sleep, **settings
    )


async def send(
    paces: list[RateLimit], clock: Time, *, each: int, at_a_time: int, call_s: float
) -> list[float]:
    """Let every process send ``each`` requests, several at a time; returns when they went out."""
    sent: list[float] = []

    async def caller(turn: RateLimit) -> None:
        for _ in range(each // at_a_time):
            await turn.take()
            sent.append(clock())
            await clock.sleep(call_s)

    await clock.run(
        *(asyncio.create_task(caller(turn)) for turn in paces for _ in range(at_a_time))
    )
    return sorted(sent)


def most_in_a_second(sent: list[float]) -> int:
    return max(
        bisect.bisect_left(sent, moment + 1.0 - 1e-6) - number for number, moment in enumerate(sent)
    )


@pytest.mark.parametrize(("processes", "at_a_time"), [(1, 1), (1, 10), (5, 10), (20, 5)])
async def test_the_limit_holds_whatever_the_number_of_processes(
    clock: Time, budgets: Budgets, processes: int, at_a_time: int
) -> None:
    paces = [pace(budgets, longest_wait_s=1e6) for _ in range(processes)]
    sent = await send(paces, clock, each=20, at_a_time=at_a_time, call_s=0.2)
    assert len(sent) == processes * 20
    assert most_in_a_second(sent) <= 25


@pytest.mark.parametrize("processes", [1, 2, 5])
async def test_those_who_wait_for_each_other_use_nearly_the_whole_limit(
    clock: Time, budgets: Budgets, processes: int
) -> None:
    sent = await send(
        [pace(budgets, longest_wait_s=1e6) for _ in range(processes)],
        clock,
        each=100,
        at_a_time=20,
        call_s=0.2,
    )
    assert len(sent) / (sent[-1] - sent[0]) >= 0.95 * LIMIT.per_s


async def test_a_busy_process_asks_once_for_many_requests(clock: Time, budgets: Budgets) -> None:
    sent = await send([pace(budgets)], clock, each=100, at_a_time=10, call_s=0.01)
    assert budgets.leases <= len(sent) / 3 + 1


async def test_a_request_of_a_quiet_process_goes_at_once(clock: Time, budgets: Budgets) -> None:
    quiet = pace(budgets)
    for _ in range(3):
        before = clock()
        await quiet.take()
        assert clock() == before
        clock.now += 10


async def test_a_page_finds_its_turn_in_time_while_workers_wait_for_theirs(
    clock: Time, budgets: Budgets
) -> None:
    workers = [pace(budgets, longest_wait_s=1e6) for _ in range(10)]
    page = pace(budgets, horizon_s=3.0, longest_wait_s=3.0)
    waits: list[float] = []

    async def visitor() -> None:
        for _ in range(10):
            await clock.sleep(1.0)
            before = clock()
            await page.take()
            waits.append(clock() - before)

    async def worker(turn: RateLimit) -> None:
        for _ in range(10):
            await turn.take()
            await clock.sleep(0.1)

    tasks = [asyncio.create_task(worker(turn)) for turn in workers for _ in range(5)]
    await clock.run(asyncio.create_task(visitor()), *tasks)
    assert len(waits) == 10
    assert max(waits) <= 1.5


async def test_a_turn_that_would_come_too_late_is_refused_with_the_time_to_ask_again(
    clock: Time, budgets: Budgets
) -> None:
    await budgets.strike("stripe", pause_s=30)
    with pytest.raises(PacedOutError) as refused:
        await pace(budgets, horizon_s=1.0, longest_wait_s=2.0).take()
    assert refused.value.retry_after_s == pytest.approx(30.0)


async def test_a_refusal_holds_back_every_process(clock: Time, budgets: Budgets) -> None:
    one, other = pace(budgets), pace(budgets)
    await one.take()
    await one.strike(5.0)
    sent = await send([one, other], clock, each=2, at_a_time=1, call_s=0.0)
    assert sent[0] >= 1005.0


async def test_a_refused_process_throws_away_the_turns_that_it_had(
    clock: Time, budgets: Budgets
) -> None:
    busy = pace(budgets)
    await send([busy], clock, each=20, at_a_time=5, call_s=0.0)
    at = clock()
    await busy.strike(None)
    sent = await send([busy], clock, each=1, at_a_time=1, call_s=0.0)
    assert sent[0] >= at + 1.0


async def test_without_the_database_each_process_goes_on_at_a_tenth_of_the_pace(
    clock: Time, budgets: Budgets, caplog: pytest.LogCaptureFixture
) -> None:
    budgets.gone = True
    with caplog.at_level(logging.WARNING, logger="aiocancel"):
        sent = await send(
            [pace(budgets, longest_wait_s=1e6)], clock, each=20, at_a_time=10, call_s=0.0
        )
    per_s = (len(sent) - 1) / (sent[-1] - sent[0])
    assert per_s == pytest.approx(LIMIT.per_s * ALONE, rel=0.01)
    assert "cannot be shared" in caplog.text
    # Nor is the database asked all the time.
    assert budgets.leases <= (sent[-1] - sent[0]) / ASK_AGAIN_S + 1


async def test_when_the_database_is_back_the_limit_is_shared_again(
    clock: Time, budgets: Budgets
) -> None:
    budgets.gone = True
    one = pace(budgets, longest_wait_s=1e6)
    await send([one], clock, each=2, at_a_time=1, call_s=0.0)
    budgets.gone = False
    clock.now += ASK_AGAIN_S
    sent = await send([one], clock, each=20, at_a_time=10, call_s=0.0)
    assert sent[-1] - sent[0] < 1.5


async def test_a_refusal_counts_also_while_the_database_is_gone(
    clock: Time, budgets: Budgets
) -> None:
    budgets.gone = True
    one = pace(budgets)
    await one.strike(3.0)
    assert (await send([one], clock, each=1, at_a_time=1, call_s=0.0))[0] >= 1003.0


async def test_a_request_waits_for_its_turn_under_every_limit(
    clock: Time, budgets: Budgets
) -> None:
    slow, fast = pace(budgets, name="endpoint", limit=Limit(1.0)), pace(budgets, name="account")
    both = RateLimits([slow, fast], clock=clock)
    sent: list[float] = []

    async def caller() -> None:
        await both.take()
        sent.append(clock())

    await clock.run(*(asyncio.create_task(caller()) for _ in range(4)))
    assert [moment - sent[0] for moment in sent] == pytest.approx([0, 1, 2, 3])
    await both.strike(None)
    assert {name for name, budget in budgets.budgets.items() if budget.slowness > 1} == {
        "endpoint",
        "account",
    }


async def test_a_turn_that_ran_out_while_another_limit_was_waited_for_is_taken_again(
    clock: Time, budgets: Budgets
) -> None:
    await budgets.strike("account", pause_s=2.0)
    both = RateLimits([pace(budgets, name="endpoint"), pace(budgets, name="account")], clock=clock)
    await clock.run(asyncio.create_task(both.take()))
    assert clock() >= 1002.0
    # A turn of the time before the wait would let more than the limit out after it.
    assert budgets.budgets["endpoint"].next_at > 1002.0


async def test_where_there_is_no_limit_nobody_waits(clock: Time) -> None:
    await RateLimits([], clock=clock).take()
    assert clock() == 1000.0


async def test_who_may_not_wait_does_not_wait_behind_others_either() -> None:
    clock = Time()
    budgets = Budgets(clock)
    one = RateLimit("a limit", LIMIT, budgets, longest_wait_s=0.05, clock=clock, sleep=clock.sleep)

    async with one._asking:
        with pytest.raises(PacedOutError):
            await one.take()


async def test_those_who_are_sent_away_come_back_each_a_turn_after_the_one_before(
    clock: Time, budgets: Budgets
) -> None:
    one = pace(budgets, longest_wait_s=IMPATIENT_S)
    await budgets.strike("stripe", pause_s=5.0)

    told: list[float] = []
    for _ in range(4):
        with pytest.raises(PacedOutError) as sent_away:
            await one.take()
        told.append(sent_away.value.retry_after_s)

    assert [round(later - told[0], 6) for later in told] == [
        round(number * LIMIT.interval_s, 6) for number in range(4)
    ]
    assert 5.0 <= told[0] < 5.1


async def test_nobody_is_sent_away_for_longer_than_a_minute(clock: Time, budgets: Budgets) -> None:
    one = pace(budgets, limit=Limit(0.1), longest_wait_s=IMPATIENT_S)
    await budgets.strike("stripe", pause_s=30.0)

    for _ in range(20):
        with pytest.raises(PacedOutError) as sent_away:
            await one.take()
        assert sent_away.value.retry_after_s <= 60.0
