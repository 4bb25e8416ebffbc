"""A database that many tests of pages share: they only read, so a fresh one each would be waste."""

from __future__ import annotations

from collections.abc import AsyncIterator

import asyncpg
import pytest_asyncio

from aiocancel.testing.postgres import EmbeddedPostgres
from tests.support.saas import Pool


@pytest_asyncio.fixture(loop_scope="session", scope="session")
async def shared_pool(postgres: EmbeddedPostgres, template_database: str) -> AsyncIterator[Pool]:
    dsn = await postgres.create_database("shared_by_pages", template=template_database)
    async with asyncpg.create_pool(dsn, min_size=1, max_size=10) as opened:
        yield opened
