"""Fixtures for all tests: one PostgreSQL for the run, one database for a test, the simulators."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Iterator

import asyncpg
import pytest
import pytest_asyncio
from hypothesis import settings

from aiocancel.postgres.schema import migrate
from aiocancel.testing.embedded_postgres import EmbeddedPostgres
from aiocancel.testing.stripe_simulator import StripeSimulator
from tests.saas import CREATE_TABLES, Pool

TEMPLATE = "aiocancel_template"

# A busy machine is no reason to fail.
settings.register_profile("aiocancel", deadline=None)
settings.load_profile("aiocancel")


@pytest.fixture(scope="session")
def postgres() -> Iterator[EmbeddedPostgres]:
    with EmbeddedPostgres(durable=False) as server:
        yield server


@pytest_asyncio.fixture(loop_scope="session", scope="session")
async def template_database(postgres: EmbeddedPostgres) -> str:
    dsn = await postgres.create_database(TEMPLATE)
    connection = await asyncpg.connect(dsn)
    await migrate(connection)
    await connection.execute(CREATE_TABLES)
    await connection.close()
    return TEMPLATE


@pytest_asyncio.fixture(loop_scope="session")
async def database(postgres: EmbeddedPostgres, template_database: str) -> AsyncIterator[str]:
    """The DSN of a fresh database with our tables and a small SaaS application's."""
    name = f"test_{uuid.uuid4().hex}"
    yield await postgres.create_database(name, template=template_database)
    await postgres.drop_database(name)


@pytest_asyncio.fixture(loop_scope="session")
async def pool(database: str) -> AsyncIterator[Pool]:
    async with asyncpg.create_pool(database, min_size=1, max_size=10) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="session")
async def stripe_api() -> AsyncIterator[tuple[StripeSimulator, str]]:
    """A running Stripe simulator and its address."""
    simulator = StripeSimulator()
    async with simulator.serve() as url:
        yield simulator, url


@pytest.fixture
def stripe(stripe_api: tuple[StripeSimulator, str]) -> StripeSimulator:
    return stripe_api[0]
