"""A database that refuses with any SQLSTATE, or that falls silent, leaves every customer a way on."""

from __future__ import annotations

import asyncio
import time
from itertools import starmap
from typing import Any

import asyncpg
import pytest
from aiohttp.test_utils import TestClient
from pytest_aiohttp import AiohttpClient

from tests.support.cut_line import cut_line
from tests.support.saas import Pool, add_customer, as_customer, make_app, make_cancel
from tests.support.sqlstates import STATES
from tests.support.web import Page

Client = TestClient[Any, Any]

REFUSE = """
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM refusal) THEN
        RAISE EXCEPTION 'ada''s words' USING ERRCODE = (SELECT sqlstate FROM refusal);
    END IF;
    RETURN NEW;
END $$;
CREATE TABLE refusal (sqlstate text);
CREATE TRIGGER refuse BEFORE INSERT ON aiocancel.claim FOR EACH ROW EXECUTE FUNCTION refuse();
"""


# Sixty of these take three seconds on two connections.
DAWDLE = """
CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_sleep(0.1);
    RETURN NEW;
END $$;
CREATE TRIGGER dawdle BEFORE INSERT ON aiocancel.claim FOR EACH ROW EXECUTE FUNCTION dawdle();
"""


async def grant_for(client: Client, customer: str = "ada") -> str:
    response = await client.get("/cancel/payload", headers=as_customer(customer))
    return str((await response.json())["flow"]["grant"])


@pytest.mark.database_refuses
async def test_a_refusal_with_any_sqlstate_is_503_with_a_way_on_and_the_same_post_works_later(
    aiohttp_client: AiohttpClient, pool: Pool, caplog: pytest.LogCaptureFixture
) -> None:
    await add_customer(pool, "ada", "sub_ada")
    await pool.execute(REFUSE)
    client = await aiohttp_client(make_app(make_cancel(pool, run_worker=False)))
    as_script = as_customer("ada")
    as_form = {**as_script, "Accept": "text/html"}
    wrong: dict[str, object] = {}

    assert len(STATES) > 200
    for state in STATES:
        await pool.execute("TRUNCATE refusal")
        await pool.execute("INSERT INTO refusal VALUES ($1)", state)
        fields = {"grant": await grant_for(client), "status": "canceled"}
        script = await client.post("/cancel/result", json=fields, headers=as_script)
        form = await client.post("/cancel/result", data=fields, headers=as_form)

        is_right = (
            script.status == form.status == 503
            and "Retry-After" in script.headers
            and "Retry-After" in form.headers
            and (await script.json())["error"] == "unavailable"
            and {link["href"] for link in Page(await form.text()).all("a")} == {"/cancel", "/"}
        )
        if not is_right:
            wrong[state] = (script.status, form.status)

    assert wrong == {}
    await pool.execute("TRUNCATE refusal")
    again = await client.post(
        "/cancel/result", json=fields | {"status": "canceled"}, headers=as_script
    )
    assert again.status in (200, 202)
    assert [record for record in caplog.records if record.exc_info] == []
    assert "ada's words" not in caplog.text


@pytest.mark.database_refuses
async def test_a_mistake_in_a_statement_is_answered_with_503_and_logged_as_an_error(
    aiohttp_client: AiohttpClient, pool: Pool, caplog: pytest.LogCaptureFixture
) -> None:
    await add_customer(pool, "ada", "sub_ada")
    client = await aiohttp_client(make_app(make_cancel(pool, run_worker=False)))
    fields = {"grant": await grant_for(client), "status": "canceled"}
    await pool.execute("ALTER TABLE aiocancel.claim RENAME COLUMN offer_id TO offer")

    response = await client.post("/cancel/result", json=fields, headers=as_customer("ada"))

    assert response.status == 503
    assert "the database refused a statement with SQLSTATE 42703" in caplog.text


async def test_a_database_that_falls_silent_holds_a_page_up_for_no_longer_than_a_lookup_may_take(
    aiohttp_client: AiohttpClient, pool: Pool, database: str
) -> None:
    await add_customer(pool, "ada", "sub_ada")
    async with cut_line(database) as line:
        cancel = make_cancel(line.dsn, run_worker=False, lookup_within_s=0.5)
        client = await aiohttp_client(make_app(cancel))
        grant = await grant_for(client)
        line.freeze()

        for path in ("/account", "/cancel", "/cancel/payload"):
            started = time.monotonic()
            response = await client.get(path, headers=as_customer("ada"))
            assert response.status == (200 if path == "/account" else 503)
            assert 0.4 < time.monotonic() - started < 2.5
        started = time.monotonic()
        body = {"grant": grant, "status": "canceled"}
        posted = await client.post("/cancel/result", json=body, headers=as_customer("ada"))
        assert posted.status == 503
        # It may wait for a connection, and then for the answer.
        assert time.monotonic() - started < 15

        line.thaw()
        async with asyncio.timeout(20):
            while posted.status == 503:
                posted = await client.post("/cancel/result", json=body, headers=as_customer("ada"))
        assert posted.status in (200, 202)


async def test_a_pool_without_a_free_connection_is_answered_with_503(
    aiohttp_client: AiohttpClient, database: str
) -> None:
    async with asyncpg.create_pool(database, min_size=1, max_size=1) as own:
        await add_customer(own, "ada", "sub_ada")
        cancel = make_cancel(own, run_worker=False, lookup_within_s=0.2)
        client = await aiohttp_client(make_app(cancel))
        await grant_for(client)

        async with own.acquire(), asyncio.timeout(5):
            response = await client.get("/cancel", headers=as_customer("ada"))

        assert response.status == 503
        assert "Retry-After" in response.headers


async def test_a_post_waits_longer_for_a_connection_than_a_page_does_and_is_stored(
    aiohttp_client: AiohttpClient, database: str
) -> None:
    async with asyncpg.create_pool(database, min_size=1, max_size=1) as own:
        await add_customer(own, "ada", "sub_ada")
        cancel = make_cancel(own, run_worker=False, lookup_within_s=0.2, answer_within_s=0.2)
        client = await aiohttp_client(make_app(cancel))
        fields = {"grant": await grant_for(client), "status": "canceled"}

        async with asyncio.timeout(30):
            async with own.acquire():
                posting = asyncio.create_task(
                    client.post("/cancel/result", json=fields, headers=as_customer("ada"))
                )
                page = await client.get("/cancel", headers=as_customer("ada"))
            posted = await posting

        assert page.status == 503
        assert posted.status == 202


async def test_a_rush_on_a_pool_of_few_connections_is_stored_and_refuses_nobody(
    aiohttp_client: AiohttpClient, database: str
) -> None:
    customers = [f"customer_{number}" for number in range(30)]
    async with asyncpg.create_pool(database, min_size=2, max_size=2) as own:
        for customer in customers:
            await add_customer(own, customer, f"sub_{customer}")
        cancel = make_cancel(own, run_worker=False, lookup_within_s=0.3, answer_within_s=0.1)
        client = await aiohttp_client(make_app(cancel))
        grants = [await grant_for(client, customer) for customer in customers]

        async def post(number: int, customer: str) -> int:
            # Those who come later find the connections taken.
            await asyncio.sleep(number / 30)
            fields = {"grant": grants[number], "status": "canceled"}
            headers = as_customer(customer)
            response = await client.post("/cancel/result", json=fields, headers=headers)
            return response.status

        await own.execute(DAWDLE)
        async with asyncio.timeout(60):
            statuses = await asyncio.gather(*starmap(post, enumerate(customers)))

    assert set(statuses) == {202}
