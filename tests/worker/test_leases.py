"""Who does what, and when: leases that are kept or lost, turns that are passed on, and jobs that vanish."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Collection
from typing import Any

import pytest

from aiocancel.core.identifiers import SubscriptionId
from aiocancel.core.subscription import Subscription
from aiocancel.errors import UnavailableError
from aiocancel.postgres.leasing import TakenAction
from aiocancel.postgres.ledger import Ledger
from aiocancel.telemetry import ActionApplied, AttemptFailed
from aiocancel.testing.stripe.simulator import Fault
from aiocancel.worker.leases import Leases
from tests.support.claims import ask
from tests.support.waiting import until
from tests.support.workbench import Bench, running

NEVER_S = 3600.0


async def test_an_engine_that_loses_all_its_jobs_loses_nothing_but_time(bench: Bench) -> None:
    names = [f"sub_{number}" for number in range(20)]
    for name in names:
        bench.stripe.add_subscription(name)
        for status in ("canceled", "resumed", "canceled"):
            await ask(bench.pool, name, status)
    await bench.pool.execute("TRUNCATE aiocancel.pgqueuer")
    await bench.work()
    assert await bench.states() == ["done"] * 60
    for name in names:
        assert bench.kinds(name) == ["cancel_at_period_end", "resume", "cancel_at_period_end"]


async def test_jobs_that_vanish_again_and_again_under_load_lose_nothing(bench: Bench) -> None:
    bench.stripe.latency_s = 0.01
    for number in range(20):
        bench.stripe.add_subscription(f"sub_{number}")
        for status in ("canceled", "resumed"):
            await ask(bench.pool, f"sub_{number}", status)
    async with running(bench.worker(), bench.worker()):
        for _ in range(5):
            await bench.pool.execute("TRUNCATE aiocancel.pgqueuer")
            await asyncio.sleep(0.05)
        await bench.settle()

    assert await bench.states() == ["done"] * 40
    assert all(
        bench.kinds(f"sub_{number}") == ["cancel_at_period_end", "resume"] for number in range(20)
    )


async def test_the_turn_of_a_lane_is_passed_on_without_a_sweep(bench: Bench) -> None:
    bench.stripe.add_subscription("sub_1")
    bench.stripe.latency_s = 0.005
    for status in ("canceled", "resumed") * 10:
        await ask(bench.pool, status=status)
    await bench.work(sweep_every_s=NEVER_S)
    assert await bench.states() == ["done"] * 20
    assert bench.kinds() == ["cancel_at_period_end", "resume"] * 10


async def test_a_parked_action_passes_its_turn_on_too(bench: Bench) -> None:
    bench.stripe.add_subscription("sub_1", schedule="sub_sched_1")
    await ask(bench.pool)
    await ask(bench.pool)
    await bench.work(sweep_every_s=NEVER_S)
    assert not await bench.pool.fetchval(
        "SELECT count(*) FROM aiocancel.action WHERE state = 'waiting'"
    )


async def test_a_retry_comes_in_its_time_without_a_sweep(bench: Bench) -> None:
    bench.stripe.add_subscription("sub_1")
    bench.stripe.inject(Fault("rate_limit_429", method="POST"))
    await ask(bench.pool)
    await bench.work(sweep_every_s=NEVER_S, jitter=lambda: 0.0)
    assert await bench.states() == ["done"]


async def test_a_change_that_takes_longer_than_its_lease_is_made_by_one_worker_as_the_lease_is_renewed(
    bench: Bench,
) -> None:
    bench.stripe.add_subscription("sub_1")
    bench.stripe.inject(Fault("delay", method="POST", seconds=1.2))
    await ask(bench.pool)
    async with running(bench.worker(lease_s=0.5), bench.worker(lease_s=0.5)):
        await bench.settle()
    assert await bench.states() == ["done"]
    assert await bench.pool.fetchval("SELECT attempts FROM aiocancel.action") == 1
    assert bench.sent("POST") == 1


async def test_a_worker_that_cannot_renew_its_lease_breaks_off_before_another_may_begin(
    bench: Bench,
) -> None:
    looking: list[str] = []
    most = 0

    class Slow:
        """Tells who is at it, and never comes to an end by itself."""

        async def read(self, _: SubscriptionId, *_kind: object) -> Subscription:
            nonlocal most
            looking.append("one")
            most = max(most, len(looking))
            try:
                await asyncio.sleep(NEVER_S)
                raise AssertionError
            finally:
                looking.remove("one")

        apply = staticmethod(bench.client.apply)

    class CutOff(Ledger):
        async def renew(self, *_: Any, **__: Any) -> list[int]:
            raise UnavailableError("gone")

    await ask(bench.pool)
    workers = [
        bench.worker(ledger=CutOff(bench.pool), billing=Slow(), lease_s=0.6, jitter=lambda: 0.0)
        for _ in range(3)
    ]
    async with running(*workers):
        await until(lambda: len(bench.events.of(AttemptFailed)) >= 3)
    assert most == 1
    assert {event.code for event in bench.events.of(AttemptFailed)} == {"attempt_timeout"}


async def test_a_dead_workers_action_is_taken_when_its_lease_ends(bench: Bench) -> None:
    bench.stripe.add_subscription("sub_1")
    await ask(bench.pool)
    # Taken by a process that is no more; its job went with it.
    await bench.pool.execute(
        """
        UPDATE aiocancel.action SET state = 'running', lease_owner = gen_random_uuid(), attempts = 1,
            due_at = now() + interval '0.4 seconds'
        """
    )
    await bench.pool.execute("DELETE FROM aiocancel.pgqueuer")
    await bench.work()

    assert await bench.states() == ["done"]
    assert [event.attempt for event in bench.events.of(ActionApplied)] == [2]


@pytest.mark.parametrize("workers", [1, 3])
async def test_a_hundred_actions_on_one_subscription_never_overlap_and_keep_their_order(
    bench: Bench, workers: int
) -> None:
    bench.stripe.add_subscription("sub_1")
    for status in ("canceled", "resumed") * 50:
        await ask(bench.pool, status=status)
    async with running(*(bench.worker() for _ in range(workers))):
        await bench.settle()
    assert bench.kinds() == ["cancel_at_period_end", "resume"] * 50
    finished = await bench.pool.fetch("SELECT id FROM aiocancel.action ORDER BY finished_at")
    assert [row["id"] for row in finished] == sorted(row["id"] for row in finished)
    assert {event.attempt for event in bench.events.of(ActionApplied)} == {1}


async def test_actions_that_are_asked_for_together_are_leased_together_but_not_all_at_once(
    bench: Bench,
) -> None:
    sizes: list[int] = []

    class Counting(Ledger):
        async def take(
            self, owner: uuid.UUID, action_ids: Collection[int], *, lease_s: float
        ) -> list[TakenAction]:
            sizes.append(len(action_ids))
            return await super().take(owner, action_ids, lease_s=lease_s)

    wanted = [await ask(bench.pool, f"sub_{number}") for number in range(50)]
    leases = Leases(Counting(bench.pool), lease_s=30)
    taken = await asyncio.gather(*(leases.take(action_id) for action_id in wanted))
    assert [one.action_id for one in taken if one is not None] == wanted
    assert max(sizes) == 20
    assert len(sizes) < 10


async def test_a_lease_is_renewed_every_third_of_its_time(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.stripe.add_subscription("sub_1")
    action_id = await ask(bench.pool)
    renewed: list[list[int]] = []
    pauses: list[float] = []
    sleep = asyncio.sleep

    class Watched(Ledger):
        async def renew(self, *args: Any, **kwargs: Any) -> list[int]:
            renewed.append(await super().renew(*args, **kwargs))
            return renewed[-1]

    async def soon(seconds: float) -> None:
        if seconds < 1:
            return await sleep(seconds)
        pauses.append(seconds)
        return await sleep(0.01)

    monkeypatch.setattr(asyncio, "sleep", soon)
    leases = Leases(Watched(bench.pool), lease_s=30.0)
    keeping = asyncio.create_task(leases.keep())
    await leases.take(action_id)

    await until(lambda: len(renewed) >= 2)
    keeping.cancel()
    await asyncio.gather(keeping, return_exceptions=True)

    assert renewed[:2] == [[action_id], [action_id]]
    assert pauses.count(10.0) >= 2
