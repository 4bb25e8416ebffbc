"""One database for all tests of the package, emptied before each."""

from __future__ import annotations

from collections.abc import AsyncIterator

import asyncpg
import pytest_asyncio

from aiocancel.postgres.ledger import Ledger
from aiocancel.testing.postgres import EmbeddedPostgres
from tests.support.claims import empty_tables
from tests.support.saas import Pool


@pytest_asyncio.fixture(loop_scope="session", scope="package")
async def shared_database(postgres: EmbeddedPostgres, template_database: str) -> AsyncIterator[str]:
    yield await postgres.create_database("shared_by_postgres_tests", template=template_database)
    await postgres.drop_database("shared_by_postgres_tests")


@pytest_asyncio.fixture(loop_scope="session")
async def pool(shared_database: str) -> AsyncIterator[Pool]:
    async with asyncpg.create_pool(shared_database, min_size=1, max_size=20) as opened:
        await empty_tables(opened)
        yield opened


@pytest_asyncio.fixture(loop_scope="session")
async def ledger(pool: Pool) -> Ledger:
    return Ledger(pool)
