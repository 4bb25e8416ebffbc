"""One scenario's world: a database, a Stripe, a flow vendor, web and worker processes, and customers."""

from __future__ import annotations

import asyncio
import random
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import aiohttp
import asyncpg

from aiocancel.postgres.schema import migrate
from aiocancel.testing.postgres import EmbeddedPostgres
from aiocancel.testing.prosperstack.simulator import ProsperStackSimulator
from tests.crash.counts import Counts, count_at_stripe, count_in_ledger
from tests.crash.crew import Place
from tests.crash.customers import SETTLED_WITHIN_S, TRIAL, Crowd, Customer, make_customers
from tests.crash.setup import Setup
from tests.crash.stripe_account import StripeAccount
from tests.support.saas import CLIENT_SECRET, CREATE_TABLES, Pool
from tests.support.waiting import until

START_WITHIN_S = 60.0
# On a machine that cannot keep up the customers come more slowly, or all would end in a queue and none be seen served.
MOST_UNFINISHED = 100
SLOWED_BY_S = 1.0
SLOWED_AT_MOST_S = 30.0
PROGRESS_WITHIN_S = 10.0
Mode = Literal["fast", "immediate"]
MODES: tuple[Mode, ...] = ("fast", "immediate")
OUTAGES = (
    OSError,
    TimeoutError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    # The driver raises this when the server goes down between a question and its answer.
    asyncpg.InternalClientError,
)


class Server:
    """The PostgreSQL of all scenarios, writing through to its disk.

    It is started and restarted by one thread: a restart must not stop the simulated Stripe, and the server
    ends with the thread that started it.
    """

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, "crash-postgres")
        self._postgres = EmbeddedPostgres(max_connections=100)

    def __enter__(self) -> Server:
        self._thread.submit(self._postgres.start).result()
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.submit(self._postgres.stop).result()
        self._thread.shutdown()

    async def restart(self, mode: Mode) -> None:
        await asyncio.get_running_loop().run_in_executor(self._thread, self._postgres.restart, mode)

    @asynccontextmanager
    async def database(self, name: str) -> AsyncIterator[str]:
        dsn = await self._postgres.create_database(name)
        yield dsn
        await self._postgres.drop_database(name)


@dataclass
class Stage:
    """What a scenario plays on; ``trouble`` is what it does to it, until it is cancelled."""

    chance: random.Random
    server: Server
    dsn: str
    pool: Pool
    stripe: StripeAccount
    flows: ProsperStackSimulator
    setup: Setup
    logs: Path
    webs: list[Place] = field(default_factory=list)
    workers: list[Place] = field(default_factory=list)
    happened: dict[str, int] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    # Above this the customers come more slowly: they would only wait.
    most_unfinished: int = MOST_UNFINISHED
    _was_overrun: bool = False
    _places: int = 0

    @property
    def places(self) -> list[Place]:
        return [*self.webs, *self.workers]

    def all_up(self) -> bool:
        """Whether every process is at work."""
        return all(place.is_up for place in self.places)

    def add_web(self, timing: str = "at_period_end", *, run_worker: bool = False) -> Place:
        setup = replace(self.setup, timing=timing, run_worker=run_worker)
        place = self._add(self.webs, "web", lambda: setup, f"web-{timing}")
        place.timing = timing
        return place

    def add_worker(self, setup: Callable[[], Setup] | None = None) -> Place:
        return self._add(self.workers, "worker", setup or (lambda: self.setup), "worker")

    def _add(
        self, to: list[Place], role: Literal["web", "worker"], setup: Callable[[], Setup], name: str
    ) -> Place:
        self._places += 1
        place = Place(role, setup, self.logs / f"{name}-{self._places}.log")
        to.append(place)
        place.open()
        return place

    def sites(self, timing: str) -> list[str]:
        """The addresses of the sites that end subscriptions in this way, as far as they are up."""
        return [
            place.url for place in self.webs if place.url is not None and place.timing == timing
        ]

    def count(self, what: str) -> None:
        self.happened[what] = self.happened.get(what, 0) + 1

    async def restart_workers(
        self, meanwhile: Callable[[], Awaitable[None]], number: signal.Signals
    ) -> None:
        """End all workers at once, do something, and start as many again, even if the trouble is over by then."""
        restart = asyncio.create_task(self._restart_workers(meanwhile, number))
        try:
            await asyncio.shield(restart)
        except asyncio.CancelledError:
            await restart
            raise

    async def _restart_workers(
        self, meanwhile: Callable[[], Awaitable[None]], number: signal.Signals
    ) -> None:
        await asyncio.gather(*(place.close(number) for place in self.workers))
        try:
            await meanwhile()
        finally:
            for place in self.workers:
                place.open()

    async def is_overrun(self) -> bool:
        """Whether more waits than the workers soon get through; as it was last known where nobody can say."""
        try:
            async with asyncio.timeout(5):
                unfinished: int = await self.pool.fetchval(
                    "SELECT count(*) FROM aiocancel.action WHERE state IN ('waiting', 'running')"
                )
        except OUTAGES:
            return self._was_overrun
        self._was_overrun = unfinished > self.most_unfinished
        return self._was_overrun

    async def progress(self) -> None:
        """Wait until the workers have ended an action more, or some seconds where there is none or they cannot.

        A blow that comes before their work began is one that nobody feels.
        """
        ended = await self._ended()
        try:
            await until(lambda: self._has_gone_on(ended), within_s=PROGRESS_WITHIN_S)
        except TimeoutError:
            return

    async def _has_gone_on(self, ended: int) -> bool:
        return await self.is_settled() or await self._ended() > ended

    async def _ended(self) -> int:
        """How many actions have ended; none where the database does not say."""
        try:
            async with asyncio.timeout(5):
                return int(
                    await self.pool.fetchval(
                        "SELECT count(*) FROM aiocancel.action WHERE finished_at IS NOT NULL"
                    )
                )
        except OUTAGES:
            return 0

    async def is_settled(self) -> bool:
        try:
            async with asyncio.timeout(5):
                return not await self.pool.fetchval(
                    "SELECT EXISTS (SELECT FROM aiocancel.action WHERE state IN ('waiting', 'running'))"
                )
        except OUTAGES:
            return False


Trouble = Callable[[Stage], Awaitable[None]]
Cast = Callable[[Stage, int], Awaitable[None]]


async def default_cast(stage: Stage, workers: int) -> None:
    """A site for each way to end a subscription, one of them with a worker inside, and workers beside them."""
    stage.add_web(run_worker=True)
    stage.add_web()
    stage.add_web("now")
    for _ in range(workers):
        stage.add_worker()


@dataclass(frozen=True)
class Scenario:
    """A name, the share of the sessions that it gets, and what goes wrong in it."""

    name: str
    share: int
    trouble: Trouble
    fault_rate: float = 0.0
    pool_size: int = 0
    cast: Cast = default_cast
    may_overlap: bool = False


@asynccontextmanager
async def open_stage(
    server: Server, name: str, seed: int, logs: Path, customers: Sequence[Customer], **setup: object
) -> AsyncIterator[Stage]:
    """Set the world up without any process, and end every process at the end."""
    stripe = StripeAccount(seed=seed)
    flows = ProsperStackSimulator(
        client_id="acct_test", client_secret=CLIENT_SECRET, rate_limit=10**8
    )
    stripe.add_price("price_simulator_basic", unit_amount=900)

    for customer in customers:
        trial = any(wish.what == TRIAL for wish in customer.wishes)
        stripe.add_subscription(customer.subscription_id, status="trialing" if trial else "active")

    async with (
        server.database(f"crash_{name.replace(' ', '_')}") as dsn,
        asyncpg.create_pool(dsn, min_size=0, max_size=2) as pool,
        stripe.serve() as stripe_url,
        flows.serve() as hosts,
    ):
        async with pool.acquire() as connection:
            await migrate(connection)
            await connection.execute(CREATE_TABLES)
            await connection.executemany(
                "INSERT INTO app_subscription VALUES ($1, $2)",
                [(customer.name, customer.subscription_id) for customer in customers],
            )
        base = replace(Setup(dsn, stripe_url, hosts.api_url, hosts.app_url), **setup)  # type: ignore[arg-type]  # settings by name
        stage = Stage(random.Random(seed), server, dsn, pool, stripe, flows, base, logs)
        try:
            yield stage
        finally:
            await asyncio.gather(*(place.close(signal.SIGKILL) for place in stage.places))


async def play(
    scenario: Scenario,
    server: Server,
    *,
    sessions: int,
    workers: int,
    seed: int,
    rate: float,
    logs: Path,
) -> Counts:
    """Play one scenario with flow sessions at ``rate`` a second, and count."""
    began = time.monotonic()
    customers = make_customers(random.Random(f"{seed}:{scenario.name}"), sessions)

    async with open_stage(
        server, scenario.name, seed, logs, customers, pool_size=scenario.pool_size
    ) as stage:
        await scenario.cast(stage, workers)
        await until(stage.all_up, within_s=START_WITHIN_S)
        stage.stripe.fault_rate = scenario.fault_rate
        trouble = asyncio.create_task(
            _until_cancelled(
                scenario.trouble, stage, within_s=20 + 2 * sessions / rate + sessions * SLOWED_BY_S
            )
        )
        async with open_crowd(stage) as crowd:
            await act(crowd, customers, stage.chance, rate, stage.is_overrun)
            # On a busy machine it may be late; the last customers are still waiting for their changes.
            with suppress(TimeoutError):
                await until(lambda: bool(stage.happened), within_s=START_WITHIN_S)
            trouble.cancel()
            await asyncio.gather(trouble, return_exceptions=True)
            if not stage.happened:
                stage.problems.append("nothing went wrong, so nothing was shown")
            counts = Counts(scenario.name, seed, sessions, may_overlap=scenario.may_overlap)
            await finish(stage, crowd, customers, counts)

    counts.seconds = time.monotonic() - began

    return counts


async def _until_cancelled(trouble: Trouble, stage: Stage, *, within_s: float) -> None:
    """Make trouble for so long; a machine that is too slow for it must come to an end all the same."""
    try:
        async with asyncio.timeout(within_s) as limit:
            await trouble(stage)
    except Exception as error:
        if not limit.expired():
            stage.problems.append(f"the trouble itself failed: {error!r}")


@asynccontextmanager
async def open_crowd(stage: Stage) -> AsyncIterator[Crowd]:
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(
        connector=connector, timeout=aiohttp.ClientTimeout(total=20)
    ) as session:
        yield Crowd(session, stage.stripe, stage.flows, stage.sites, stage.chance)


async def act(
    crowd: Crowd,
    customers: Sequence[Customer],
    chance: random.Random,
    rate: float,
    is_overrun: Callable[[], Awaitable[bool]] | None = None,
) -> None:
    """Let the customers come at random moments, so that at most ``rate`` flow sessions are opened a second."""
    async with asyncio.TaskGroup() as group:
        for customer in customers:
            for _ in range(int(SLOWED_AT_MOST_S / SLOWED_BY_S)):
                if is_overrun is None or not await is_overrun():
                    break
                await asyncio.sleep(SLOWED_BY_S)
            group.create_task(crowd.act(customer))
            await asyncio.sleep(len(customer.wishes) * 2 * chance.random() / rate)


async def finish(
    stage: Stage, crowd: Crowd, customers: Sequence[Customer], counts: Counts
) -> Counts:
    """Wait for the last action, ask every claim for its answer, and count everything."""
    try:
        await until(stage.is_settled, within_s=SETTLED_WITHIN_S)
    except TimeoutError:
        counts.problems.append("the ledger is not settled")
    else:
        async with asyncio.TaskGroup() as group:
            for customer in customers:
                for claim in customer.claims:
                    group.create_task(crowd.settled(customer, claim))

    # What dead workers and impatient clients sent may still arrive.
    await until(lambda: stage.stripe.is_idle)
    await asyncio.gather(*(place.close() for place in stage.places))
    count_at_stripe(counts, customers, stage.stripe)
    await count_in_ledger(counts, customers, stage.pool)
    counts.dishonest = len(crowd.dishonest)

    if _counts_ends(stage):
        ends = [
            f"a {place.role} ended with status {status}"
            for place in stage.places
            for status in place.bad_ends
        ]
        counts.bad_ends = len(ends)
        counts.problems += ends

    counts.problems += [*crowd.dishonest, *stage.problems]
    counts.happened = {
        "posts": crowd.posts,
        **{f"answers {status}": count for status, count in sorted(crowd.refused_for_now.items())},
        **({"faults at Stripe": stage.stripe.faults_met} if stage.stripe.faults_met else {}),
        **stage.happened,
    }

    return counts


def _counts_ends(stage: Stage) -> bool:
    """Whether every process had to end well: one that starts while there is no database does not."""
    return not {"fast restarts", "immediate restarts", "times without connections"} & set(
        stage.happened
    )
