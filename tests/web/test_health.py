"""Health and readiness: one word for each part, 200 only where all is well, and no more questions than needed."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import AsyncExitStack
from typing import Any, cast

import aiohttp
import asyncpg
import pytest
from aiohttp import web
from pytest_aiohttp import AiohttpClient

from aiocancel import CancelFlow, runtime
from aiocancel.assembly import Opened
from aiocancel.intake import FlowService
from aiocancel.parts import Parts
from aiocancel.runtime import Runtime
from aiocancel.testing.stripe.simulator import StripeSimulator
from aiocancel.web import health
from aiocancel.web.health import HealthHandlers, serve_health
from tests.support.claims import ask
from tests.support.saas import Pool, make_cancel
from tests.support.waiting import until


class Patient:
    """Something inspected that is as it is told to be."""

    def __init__(self) -> None:
        self.parts: dict[str, str] = {"worker": "ok"}
        self.error: Exception | None = None
        self.hangs = False
        self.asked = 0

    def health(self) -> Mapping[str, str]:
        return self.parts

    async def readiness(self) -> Mapping[str, str]:
        self.asked += 1
        if self.hangs:
            await asyncio.Event().wait()
        if self.error is not None:
            raise self.error
        return self.parts


@pytest.fixture
def patient() -> Patient:
    return Patient()


async def get(port: int, path: str) -> tuple[int, Any]:
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{port}{path}") as response,
    ):
        return (
            response.status,
            await response.json() if response.content_type == "application/json" else None,
        )


# --- the handlers -------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
async def test_a_process_is_well_when_every_part_is(patient: Patient, path: str) -> None:
    async with serve_health(patient.health, patient.readiness) as port:
        assert await get(port, path) == (200, {"status": "ok", "parts": {"worker": "ok"}})


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
async def test_a_process_is_not_well_when_one_part_is_not(patient: Patient, path: str) -> None:
    patient.parts = {"database": "ok", "worker": "stopped"}
    async with serve_health(patient.health, patient.readiness) as port:
        assert await get(port, path) == (503, {"status": "unavailable", "parts": patient.parts})


async def test_an_error_is_told_by_its_kind_and_never_by_its_text(patient: Patient) -> None:
    patient.error = OSError("connection to postgresql://ada:hunter2@db failed")
    async with serve_health(patient.health, patient.readiness) as port:
        assert await get(port, "/readyz") == (
            503,
            {"status": "unavailable", "parts": {"readiness": "OSError"}},
        )


async def test_an_answer_that_does_not_come_is_not_waited_for(
    patient: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "ANSWER_WITHIN_S", 0.02)
    patient.hangs = True
    async with serve_health(patient.health, patient.readiness) as port:
        parts = {"readiness": "no answer in time"}
        assert await get(port, "/readyz") == (503, {"status": "unavailable", "parts": parts})


async def test_many_questions_at_once_are_one(
    patient: Patient, aiohttp_client: AiohttpClient
) -> None:
    now = [0.0]
    app = web.Application()
    app.router.add_get(
        "/readyz", HealthHandlers(patient.health, patient.readiness, clock=lambda: now[0]).ready
    )
    client = await aiohttp_client(app)
    responses = await asyncio.gather(*(client.get("/readyz") for _ in range(20)))
    assert {response.status for response in responses} == {200}
    assert patient.asked == 1
    now[0] += health.REMEMBERED_S
    patient.parts = {"worker": "stopped"}
    response = await client.get("/readyz")

    assert (response.status, patient.asked) == (503, 2)
    assert response.headers["Cache-Control"] == "no-store"


async def test_the_server_of_a_worker_shows_nothing_else(patient: Patient) -> None:
    async with serve_health(patient.health, patient.readiness) as port:
        assert (await get(port, "/"))[0] == 404


async def test_a_port_that_is_taken_is_told(patient: Patient) -> None:
    async with serve_health(patient.health, patient.readiness) as port:
        with pytest.raises(OSError, match="address"):
            async with serve_health(patient.health, patient.readiness, port=port):
                pass


# --- the plug-in --------------------------------------------------------------------------------------


async def site(aiohttp_client: AiohttpClient, cancel: CancelFlow) -> Any:
    app = web.Application()
    cancel.setup(app)
    app.router.add_get("/healthz", cancel.handle_health)
    app.router.add_get("/readyz", cancel.handle_ready)
    return await aiohttp_client(app)


async def parts(client: Any, path: str) -> tuple[int, dict[str, str]]:
    response = await client.get(path)
    return response.status, (await response.json())["parts"]


async def test_a_site_with_a_worker_is_ready_when_database_tables_and_worker_are_there(
    aiohttp_client: AiohttpClient, database: str, stripe_api: tuple[StripeSimulator, str]
) -> None:
    client = await site(aiohttp_client, make_cancel(database, stripe_api[1]))
    assert await parts(client, "/readyz") == (
        200,
        {"database": "ok", "schema": "ok", "worker": "ok"},
    )
    assert await parts(client, "/healthz") == (200, {"worker": "ok"})


async def test_a_site_without_a_worker_does_not_speak_of_one(
    aiohttp_client: AiohttpClient, database: str
) -> None:
    client = await site(aiohttp_client, make_cancel(database, run_worker=False))
    assert await parts(client, "/readyz") == (200, {"database": "ok", "schema": "ok"})
    assert await parts(client, "/healthz") == (200, {})


async def test_neither_is_there_unless_it_is_mounted(
    aiohttp_client: AiohttpClient, database: str
) -> None:
    app = web.Application()
    make_cancel(database, run_worker=False).setup(app)
    client = await aiohttp_client(app)
    assert {
        (await client.get(path)).status for path in ("/healthz", "/readyz", "/cancel/healthz")
    } == {404}


async def test_a_site_whose_database_is_gone_is_healthy_but_not_ready(
    aiohttp_client: AiohttpClient, database: str
) -> None:
    pool = await asyncpg.create_pool(database, min_size=1, max_size=2)
    client = await site(aiohttp_client, make_cancel(pool, run_worker=False))
    await pool.close()
    assert await parts(client, "/readyz") == (503, {"database": "unreachable"})
    assert (await parts(client, "/healthz"))[0] == 200


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM aiocancel.schema_version WHERE version > 1",
        "DELETE FROM aiocancel.schema_version",
        "DROP SCHEMA aiocancel CASCADE",
    ],
)
async def test_a_site_whose_tables_are_missing_or_older_is_not_ready(
    aiohttp_client: AiohttpClient, pool: Pool, statement: str
) -> None:
    client = await site(aiohttp_client, make_cancel(pool, run_worker=False))
    await pool.execute(statement)
    assert await parts(client, "/readyz") == (
        503,
        {"database": "ok", "schema": "missing or too old"},
    )


async def test_a_site_whose_tables_were_upgraded_under_it_stays_ready(
    aiohttp_client: AiohttpClient, pool: Pool
) -> None:
    client = await site(aiohttp_client, make_cancel(pool, run_worker=False))
    await pool.execute("INSERT INTO aiocancel.schema_version VALUES (999)")
    assert (await parts(client, "/readyz"))[0] == 200


async def test_a_plug_in_that_cannot_start_is_not_ready(
    aiohttp_client: AiohttpClient, pool: Pool, caplog: pytest.LogCaptureFixture
) -> None:
    await pool.execute("INSERT INTO aiocancel.schema_version VALUES (999)")
    cancel = make_cancel(pool, run_worker=False)
    app = web.Application()
    app.router.add_get("/readyz", cancel.handle_ready)
    client = await aiohttp_client(app)
    assert await parts(client, "/readyz") == (503, {"process": "cannot start"})
    assert "newer than this release" in caplog.text


async def test_the_queue_is_counted_over_all_processes(pool: Pool) -> None:
    cancel = make_cancel(pool, run_worker=False)
    stats = await cancel.queue_stats()
    assert (stats.waiting, stats.running, stats.parked, stats.oldest_due_s) == (0, 0, 0, 0)
    assert stats.unsealed_s == 0
    first, second, third = [await ask(pool, f"sub_{number}") for number in range(3)]
    await pool.execute(
        "UPDATE aiocancel.action SET due_at = now() - interval '90 s' WHERE id = $1", first
    )

    await pool.execute(
        "UPDATE aiocancel.action SET state = 'running', lease_owner = gen_random_uuid(), "
        "due_at = now() + interval '90 s' WHERE id = $1",
        second,
    )
    await pool.execute(
        "UPDATE aiocancel.action SET state = 'running', lease_owner = gen_random_uuid() WHERE id = $1",
        third,
    )
    await pool.execute(
        "UPDATE aiocancel.action SET state = 'parked', lease_owner = NULL, finished_at = now(), "
        "parked_code = 'x' WHERE id = $1",
        third,
    )
    stats = await cancel.queue_stats()
    assert (stats.waiting, stats.running, stats.parked) == (1, 1, 1)
    assert 90 <= stats.oldest_due_s < 100
    assert 0 < stats.unsealed_s < 100
    await cancel.stop()


async def test_a_worker_that_ended_by_itself_makes_the_process_ill_and_a_graceful_stop_does_not(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    end, closing = asyncio.Event(), list[Mapping[str, str]]()

    async def work() -> None:
        await end.wait()

    async def open_parts(_: Parts, stack: AsyncExitStack) -> Opened:
        loop = asyncio.create_task(work())
        stack.callback(lambda: closing.append(process.health()))
        return Opened(cast("FlowService", None), pool, {"worker": loop})

    monkeypatch.setattr(runtime, "_load", lambda _: open_parts)
    process = Runtime(make_cancel(pool).inspect())

    await process.start()
    assert process.health() == {"worker": "ok"}

    end.set()
    await until(lambda: process.health() == {"worker": "stopped"})

    await process.stop()
    assert closing == [{"worker": "ok"}]
    assert await process.readiness() == {"process": "stopping"}
