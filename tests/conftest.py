"""Fixtures for all tests: one PostgreSQL for the run, one database for a test, the simulators."""

from __future__ import annotations

import gc
import logging
import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import pytest_asyncio
from hypothesis import settings
from pytest_aiohttp import AiohttpClient

from aiocancel.postgres.connection import REFUSED
from aiocancel.postgres.outage_log import say_outages_once
from aiocancel.testing.background import Background
from aiocancel.testing.databases import Databases
from aiocancel.testing.postgres import EmbeddedPostgres
from aiocancel.testing.prosperstack.simulator import ProsperStackSimulator
from aiocancel.testing.stripe.simulator import StripeSimulator
from tests.support.company import Company
from tests.support.emptied_databases import RecycledDatabases
from tests.support.known_types import remember_types
from tests.support.saas import CLIENT_SECRET, CREATE_TABLES, Events, Pool, add_customer
from tests.support.workbench import Bench, client_of

# Before any test is read: what the fuzz run asserts outside its test modules is explained as a test's own.
pytest.register_assert_rewrite("tests.fuzz.audit", "tests.fuzz.site")
pytest_plugins = ["aiocancel.testing.pytest_plugin"]

TESTS = Path(__file__).parent

# A busy machine is no reason to fail. Nightly is for tests/fuzz and for the bills of
# tests/core/offers/test_apply_bills.py: docs/explanation/guarantees.md has the commands.
settings.register_profile("ci", deadline=None)
settings.register_profile("nightly", deadline=None, max_examples=20_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))
remember_types()


# Folders and files whose tests start processes, servers or browsers of their own, wait for time to pass, or read the
# whole tree.
SLOW = (
    "benchmarks/",
    "billing/test_rate_limit.py",
    "browser/",
    "cli/",
    "contract/",
    "core/test_codes_in_the_tree.py",
    "crash/",
    "fuzz/",
    "postgres/",
    "stories/",
    "testing/test_postgres",
    "testing/test_pytest_plugin.py",
    "worker/",
    "test_architecture.py",
    "test_docs_examples.py",
    "test_examples.py",
    "test_plugin.py",
    "test_rate_limit.py",
    "vendors/prosperstack/test_api_rate_limit.py",
)
# Each of these shares something costly, so that one process runs all of it; the longest come first.
TOGETHER = (
    "crash/test_crash.py",
    "browser/test_demo.py",
    "browser/test_both_browsers.py",
    "browser/test_cancellation.py",
    "browser/test_genuine_client.py",
    "browser/test_console.py",
    "browser/test_accessibility.py",
    "browser/test_staysignal_flow.py",
    "browser/test_",
    "crash/",
    "fuzz/",
    "postgres/test_ledger_query_plans.py",
    "testing/test_postgres.py",
)
FAST = "not slow"


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave the slow files unread in the fast run, which would read them all to run none of their tests."""
    if config.option.markexpr != FAST or not collection_path.is_relative_to(TESTS):
        return None
    place = collection_path.relative_to(TESTS).as_posix()
    is_slow = f"{place}/".startswith(SLOW) if collection_path.is_dir() else place.startswith(SLOW)
    return True if is_slow else None


@pytest.hookimpl(tryfirst=True)
def pytest_collection(session: pytest.Session) -> None:
    """Let each of several processes read its share of the files first, and find the others' compiled by them."""
    worker: dict[str, Any] | None = getattr(session.config, "workerinput", None)
    if worker is None and getattr(session.config.option, "dist", "no") != "no":
        return
    # Next to nothing of what is read now is garbage.
    gc.disable()
    if worker is None:
        return

    folders = [Path(each) for each in session.config.args if Path(each).is_dir()]
    files = sorted(file for folder in folders for file in folder.resolve().rglob("test_*.py"))
    read = [
        file
        for file in files
        if file.is_relative_to(TESTS) and not pytest_ignore_collect(file, session.config)
    ]
    for file in read[int(worker["workerid"].removeprefix("gw")) :: worker["workercount"]]:
        # One that cannot be imported is reported when it is collected.
        with suppress(Exception, pytest.skip.Exception):
            import_module(".".join(file.relative_to(TESTS.parent).with_suffix("").parts))


def pytest_collection_finish() -> None:
    """Let the garbage collector leave alone what lives to the end."""
    gc.freeze()
    gc.enable()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int | None:
    """Of slow tests one more at a time than there are cores, since one of them mostly waits."""
    if config.option.markexpr == FAST or "PYTEST_XDIST_AUTO_NUM_WORKERS" in os.environ:
        return None
    return (os.cpu_count() or 1) + 1


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark the slow tests, and order the fixtures; of several processes none is left alone with a long group."""
    for item in items:
        place = _place_of(item)
        needs_server = "aiocancel_postgres" in getattr(item, "fixturenames", ())
        is_generated = getattr(getattr(item, "obj", None), "is_hypothesis_test", False)
        if place.startswith(SLOW) or needs_server or is_generated:
            item.add_marker(pytest.mark.slow)

        # The database opens before the applications that use it, so that it is closed after them.
        if isinstance(item, pytest.Function):
            item.fixturenames.sort(key=lambda name: name not in ("database", "pool"))

    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: _rank_of(_place_of(item)))


def _place_of(item: pytest.Item) -> str:
    return item.path.relative_to(TESTS).as_posix() if item.path.is_relative_to(TESTS) else ""


def _rank_of(place: str) -> int:
    return next(
        (rank for rank, each in enumerate(TOGETHER) if place.startswith(each)), len(TOGETHER)
    )


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Hand out what is slow test by test, the rest file by file, and to one process what shares something costly.

    A scheduler that has ten thousand things to hand out is busier with them than the tests are. The groups of
    pytest-xdist 3.8 are lost under pytest 9.2, whose ids of tests cannot be changed.
    """
    from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

    def group_of(test_id: str) -> str:
        place = test_id.removeprefix("tests/")
        file = place.partition("::")[0]
        if any(place.startswith(each) for each in TOGETHER):
            return file
        return test_id if place.startswith(SLOW) else file

    # They are in their order already.
    config.option.loadscopereorder = False
    scheduling: Any = LoadScopeScheduling(config, log)
    scheduling._split_scope = group_of
    return scheduling


@pytest.fixture(scope="session")
def postgres(aiocancel_postgres: EmbeddedPostgres) -> EmbeddedPostgres:
    return aiocancel_postgres


@pytest.fixture(scope="session")
def aiocancel_databases(
    aiocancel_postgres: EmbeddedPostgres, aiocancel_background: Background
) -> Databases:
    """Databases with our tables and a small SaaS application's."""
    return RecycledDatabases(aiocancel_postgres, aiocancel_background, statements=[CREATE_TABLES])


@pytest.fixture(scope="session")
def template_database(aiocancel_databases: Databases) -> str:
    return aiocancel_databases.template()


@pytest.fixture
def database(aiocancel_database: str) -> str:
    """The DSN of a fresh database with our tables and a small SaaS application's."""
    return aiocancel_database


class Mistakes(logging.Handler):
    """Keeps what the database refused although no outage explains it: a customer is told 503, a test must fail."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.seen: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if (text := record.getMessage()).startswith(REFUSED):
            self.seen.append(text)


@pytest.fixture(autouse=True)
def outages_are_said() -> None:
    """What one test met is no reason to say less in the next."""
    say_outages_once().forget()


@pytest.fixture(autouse=True)
def statements_are_right(request: pytest.FixtureRequest) -> Iterator[None]:
    """No statement is refused, in any test that does not expect it."""
    mistakes = Mistakes()
    logger = logging.getLogger("aiocancel")
    logger.addHandler(mistakes)
    yield
    logger.removeHandler(mistakes)
    if request.node.get_closest_marker("database_refuses") is None:
        assert mistakes.seen == []


@pytest_asyncio.fixture(loop_scope="session")
async def pool(database: str) -> AsyncIterator[Pool]:
    async with asyncpg.create_pool(database, min_size=1, max_size=10) as opened:
        yield opened


@pytest.fixture
def aiocancel_clock() -> Callable[[], datetime]:
    """The present, which goes on: workers read it as well."""
    return lambda: datetime.now(UTC)


@pytest.fixture
def aiocancel_prosperstack(aiocancel_prosperstack: ProsperStackSimulator) -> ProsperStackSimulator:
    """The account of the small SaaS application."""
    aiocancel_prosperstack.client_id = "acct_test"
    aiocancel_prosperstack.client_secret = CLIENT_SECRET
    return aiocancel_prosperstack


@pytest_asyncio.fixture(loop_scope="session")
async def stripe_api(
    aiocancel_stripe: StripeSimulator,
) -> AsyncIterator[tuple[StripeSimulator, str]]:
    """A running Stripe simulator and its address.

    It is served in the loop of the tests, which change it while requests are under way.
    """
    async with aiocancel_stripe.serve() as url:
        yield aiocancel_stripe, url


@pytest.fixture
def stripe(stripe_api: tuple[StripeSimulator, str]) -> StripeSimulator:
    return stripe_api[0]


@pytest_asyncio.fixture(loop_scope="session")
async def company(
    aiohttp_client: AiohttpClient,
    pool: Pool,
    stripe_api: tuple[StripeSimulator, str],
    aiocancel_prosperstack: ProsperStackSimulator,
) -> AsyncIterator[Company]:
    stripe, url = stripe_api
    stripe.add_price("price_simulator_basic", unit_amount=900)
    await add_customer(pool, "ada", "sub_1")
    async with aiocancel_prosperstack.serve() as hosts:
        yield Company(aiohttp_client, pool, stripe, url, aiocancel_prosperstack, hosts, Events())


@pytest_asyncio.fixture(loop_scope="session")
async def bench(
    pool: Pool, stripe_api: tuple[StripeSimulator, str], monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Bench]:
    """A ledger and a Stripe account, and whatever workers a test puts between them."""
    import stripe

    # It would write a file into the home directory.
    monkeypatch.setattr(stripe, "enable_telemetry", False)
    simulator, url = stripe_api
    async with client_of(url) as client:
        yield Bench(pool, simulator, client)
