"""The scenarios: what goes wrong, how often, and by which schedule."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import cycle

import asyncpg

from tests.crash.crew import Place
from tests.crash.customers import SETTLED_WITHIN_S
from tests.crash.deaths import POINTS
from tests.crash.neighbours import flood, hang_vendor, leave_unreadable_rows, refuse
from tests.crash.partition import network
from tests.crash.setup import Setup
from tests.crash.stage import MODES, OUTAGES, START_WITHIN_S, Scenario, Stage
from tests.support.waiting import until

LONGER_THAN_A_LEASE_S = 7.0


async def kill_at_random(stage: Stage, *, every_s: float = 0.6) -> None:
    """SIGKILL to a worker, now and then to a site, at any moment."""
    while True:
        await asyncio.sleep(stage.chance.uniform(0.3, 1.7) * every_s)
        # On a slow machine all would be dead all the time, and nothing could go wrong any more.
        if sum(not place.is_up for place in stage.places) > 1:
            continue
        # The workers are what it is about.
        victims = [place for place in stage.places if place.is_up and not place.is_last(stage.webs)]
        chosen = stage.chance.choices(
            victims, [1 if place.role == "web" else 4 for place in victims]
        )[0]
        chosen.kill()
        stage.count(f"kills of a {chosen.role}")
        await stage.progress()


async def dying_cast(stage: Stage, workers: int) -> None:
    """Workers that kill themselves, each process at another point, until there was a death at every one."""
    stage.add_web()
    stage.add_web("now")
    points = cycle(POINTS)

    def next_setup() -> Setup:
        died = {point for place in stage.workers for point in place.deaths}
        left = [point for point in POINTS if point not in died]
        point = next((point for point in points if point in left), "") if left else ""
        return replace(stage.setup, dies_at=point)

    for _ in range(max(3, workers)):
        stage.add_worker(next_setup)


async def let_them_die(stage: Stage) -> None:
    """Count who died where."""
    counted: dict[Place, int] = {}
    while True:
        for place in stage.workers:
            for point in place.deaths[counted.get(place, 0) :]:
                stage.count(f"died {point}")
            counted[place] = len(place.deaths)
        await asyncio.sleep(0.05)


async def restart_postgres(stage: Stage, *, every_s: float = 1.6) -> None:
    """PostgreSQL restarts every few seconds, the hard way every other time."""
    while True:
        for mode in MODES:
            await asyncio.sleep(stage.chance.uniform(0.5, 1.5) * every_s)
            await stage.server.restart(mode)
            stage.count(f"{mode} restarts")
            await stage.progress()


async def take_all_connections(stage: Stage) -> None:
    """Somebody else takes all connections of the server for a while."""
    while True:
        await asyncio.sleep(stage.chance.uniform(0.5, 1.5))
        taken: list[asyncpg.Connection[asyncpg.Record]] = []
        try:
            await _take_all(stage.dsn, taken)
            stage.count("times without connections")
            await asyncio.sleep(stage.chance.uniform(0.2, 1.0))
        finally:
            for connection in taken:
                connection.terminate()
        await stage.progress()


async def _take_all(dsn: str, taken: list[asyncpg.Connection[asyncpg.Record]]) -> None:
    while True:
        try:
            taken.append(await asyncpg.connect(dsn))
        except OUTAGES:
            return


async def only_faults(stage: Stage) -> None:
    """What goes wrong goes wrong at Stripe, and sometimes at the vendor."""
    while True:
        await asyncio.sleep(stage.chance.uniform(0.5, 2.0))
        status = stage.chance.choice((429, 500, 503, None))
        soon = {"RateLimit-Reset": "1"}
        # They wear out by being met, and few ask the vendor.
        stage.flows.heal()
        stage.flows.fail_next(
            status, path="/v1", times=stage.chance.randint(1, 3), drop=status is None, headers=soon
        )
        stage.count("faults at the vendor")


async def stop_gracefully(stage: Stage) -> None:
    """SIGTERM in the middle of work, one by one and all at once: what is under way is finished or handed back."""

    async def look() -> None:
        held = await stage.pool.fetchval(
            "SELECT count(*) FROM aiocancel.action WHERE state = 'running'"
        )
        if held:
            stage.problems.append(f"{held} actions were kept by workers that were told to stop")

    while True:
        for _ in range(3):
            await asyncio.sleep(stage.chance.uniform(0.3, 1.2))
            if ready := [place for place in stage.workers if place.is_up]:
                stage.chance.choice(ready).send(signal.SIGTERM)
                stage.count("stops of a worker")
        await asyncio.sleep(stage.chance.uniform(0.3, 1.2))
        await stage.restart_workers(look, signal.SIGTERM)
        stage.count("stops of all workers")
        await until(stage.all_up, within_s=START_WITHIN_S)
        await stage.progress()


async def quiet_cast(stage: Stage, workers: int) -> None:
    """Sites without workers inside, so that the workers beside them are all there are."""
    stage.add_web()
    stage.add_web("now")
    for _ in range(workers):
        stage.add_worker()


async def let_days_pass(stage: Stage) -> None:
    """All workers die, and nobody is there for a day: Stripe has forgotten the keys when they come back."""

    async def wait_a_day() -> None:
        await until(lambda: stage.stripe.is_idle)
        stage.stripe.shift += timedelta(hours=25)
        await stage.pool.execute(
            "UPDATE aiocancel.action SET key_used_at = key_used_at - interval '25 hours' WHERE state <> 'done'"
        )
        stage.count("days without a worker")

    # After a fortnight the trials have ended: what was tried before is for a person then, as it should be.
    for _ in range(12):
        await asyncio.sleep(stage.chance.uniform(1.0, 2.0))
        await stage.restart_workers(wait_a_day, signal.SIGKILL)
        await until(stage.all_up, within_s=START_WITHIN_S)
        await stage.progress()


async def part_clusters(stage: Stage) -> None:
    """The second group is cut off from PostgreSQL in the middle of its work, for longer than a lease, and healed."""
    async with network(stage.dsn) as between:
        setup = replace(stage.setup, database=between.dsn)
        far = [stage.add_worker(lambda: setup) for _ in range(2)]
        ways: Iterator[bool] = cycle((False, True))
        try:
            while True:
                await until(stage.all_up, within_s=START_WITHIN_S)
                await asyncio.sleep(stage.chance.uniform(0.5, 1.5))
                between.part()
                stage.count("cuts")
                await asyncio.sleep(stage.chance.choice((1.0, LONGER_THAN_A_LEASE_S)))
                between.heal(forgetful=next(ways))
        finally:
            between.heal()
            await asyncio.sleep(0)
            await until(stage.is_settled, within_s=SETTLED_WITHIN_S)
            await asyncio.gather(*(place.close() for place in far))


async def freeze(stage: Stage) -> None:
    """A worker's machine stands still, now and then for longer than a lease, and goes on as if nothing had been."""
    while True:
        await asyncio.sleep(stage.chance.uniform(0.2, 0.8))
        if not (ready := [place for place in stage.workers if place.is_up]):
            continue
        chosen = stage.chance.choice(ready)
        chosen.send(signal.SIGSTOP)
        stage.count("times frozen")
        try:
            await asyncio.sleep(stage.chance.choice((0.5, LONGER_THAN_A_LEASE_S)))
        finally:
            chosen.send(signal.SIGCONT)
        await stage.progress()


async def everything(stage: Stage) -> None:
    """All of it at once, but slowly enough that now and then somebody is up."""
    async with asyncio.TaskGroup() as group:
        group.create_task(kill_at_random(stage, every_s=3.0))
        group.create_task(restart_postgres(stage, every_s=4.0))
        group.create_task(only_faults(stage))


SCENARIOS = (
    Scenario("workers killed at random", 15, kill_at_random),
    # What was sent before the frost may arrive after it: only Stripe's key makes that harmless.
    Scenario("workers frozen", 8, freeze, cast=quiet_cast, may_overlap=True),
    Scenario(
        "workers killed at every recovery point", 35, let_them_die, fault_rate=0.15, cast=dying_cast
    ),
    Scenario("PostgreSQL restarts", 12, restart_postgres),
    Scenario("Stripe fails", 14, only_faults, fault_rate=0.3),
    Scenario("no connections left", 8, take_all_connections, pool_size=2),
    Scenario("workers stopped", 8, stop_gracefully, cast=quiet_cast),
    Scenario("days without a worker", 7, let_days_pass, fault_rate=0.3, cast=quiet_cast),
    Scenario("two clusters parted", 8, part_clusters, cast=quiet_cast),
    Scenario("an unreadable row in a backlog", 4, leave_unreadable_rows, cast=quiet_cast),
    Scenario("a hanging vendor with cancellations behind it", 4, hang_vendor),
    Scenario("a flood of one customer", 4, flood),
    Scenario("PostgreSQL refuses with every SQLSTATE", 4, refuse),
    Scenario("everything at once", 7, everything, fault_rate=0.1),
)


def shares(sessions: int) -> dict[str, int]:
    """How many of the flow sessions each scenario gets; together exactly all."""
    whole = sum(scenario.share for scenario in SCENARIOS)
    ends = [0]
    for scenario in SCENARIOS:
        ends.append(ends[-1] + scenario.share)
    cuts = [sessions * end // whole for end in ends]
    return {scenario.name: cuts[i + 1] - cuts[i] for i, scenario in enumerate(SCENARIOS)}
