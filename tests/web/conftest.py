"""A database that many tests of pages share: they only read, so a fresh one each would be waste."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import asyncpg
import pytest
import pytest_asyncio
from aiohttp.test_utils import TestClient
from pytest_aiohttp import AiohttpClient

from aiocancel.testing.postgres import EmbeddedPostgres
from tests.support.saas import Pool, make_app, make_cancel
from tests.support.web import Subscriptions


@pytest_asyncio.fixture(loop_scope="session", scope="session")
async def shared_pool(postgres: EmbeddedPostgres, template_database: str) -> AsyncIterator[Pool]:
    dsn = await postgres.create_database("shared_by_pages", template=template_database)
    async with asyncpg.create_pool(dsn, min_size=1, max_size=10) as opened:
        yield opened


@pytest.fixture
def open_route(
    aiohttp_client: AiohttpClient, shared_pool: Pool, subscriptions: Subscriptions
) -> Callable[..., Awaitable[TestClient[Any, Any]]]:
    """Opens a site whose pages read a database that many tests share."""

    async def open_with(**settings: Any) -> TestClient[Any, Any]:
        cancel = make_cancel(
            shared_pool, **{"subscriptions": subscriptions, "run_worker": False, **settings}
        )
        return await aiohttp_client(make_app(cancel))

    return open_with
