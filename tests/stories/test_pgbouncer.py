"""Behind PgBouncer in transaction mode, where no connection has a memory, everything works as it does without."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from pytest_aiohttp import AiohttpClient

from aiocancel.testing.stripe.simulator import StripeSimulator
from tests.support.cut_line import cut_line
from tests.support.saas import Pool, add_customer, as_customer, make_app, make_cancel
from tests.support.waiting import until

CUSTOMERS = 40


@asynccontextmanager
async def pgbouncer(dsn: str) -> AsyncIterator[str]:
    """Two connections to the server for everybody, handed to another client after every transaction."""
    program = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")
    if program is None:
        if os.environ.get("AIOCANCEL_REQUIRE_PGBOUNCER") == "1":
            pytest.fail("pgbouncer is not installed")
        pytest.skip("pgbouncer is not installed")

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    async with cut_line(dsn) as line:
        folder = settings(line.port, port)
        # It refuses to run as root.
        user = ["-u", "nobody"] if os.getuid() == 0 else []
        process = await asyncio.create_subprocess_exec(
            program, "-q", *user, str(folder / "pgbouncer.ini"), stderr=asyncio.subprocess.DEVNULL
        )
        try:
            through = line.dsn.replace(f":{line.port}/", f":{port}/")
            await until(lambda: listens(port))
            yield through
        finally:
            process.terminate()
            await process.wait()
            shutil.rmtree(folder)


def settings(server_port: int, port: int) -> Path:
    folder = Path(tempfile.mkdtemp(prefix="aiocancel-pgbouncer-"))
    folder.chmod(0o755)
    (folder / "pgbouncer.ini").write_text(
        f"""
        [databases]
        * = host=127.0.0.1 port={server_port} user=postgres
        [pgbouncer]
        listen_addr = 127.0.0.1
        listen_port = {port}
        unix_socket_dir =
        auth_type = any
        pool_mode = transaction
        default_pool_size = 2
        """.replace("    ", "")
    )

    return folder


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.parametrize("worker_is_direct", [True, False])
async def test_an_application_behind_pgbouncer_records_and_carries_out_what_its_customers_chose(
    aiohttp_client: AiohttpClient,
    database: str,
    pool: Pool,
    stripe_api: tuple[StripeSimulator, str],
    worker_is_direct: bool,
) -> None:
    stripe, url = stripe_api
    names = [f"customer_{number}" for number in range(CUSTOMERS)]
    for name in names:
        stripe.add_subscription(f"sub_{name}")
        await add_customer(pool, name, f"sub_{name}")
    async with pgbouncer(database) as through:
        site = make_cancel(through, url, statement_cache_size=0, run_worker=not worker_is_direct)
        client = await aiohttp_client(make_app(site))
        stop = asyncio.Event()
        working = (
            asyncio.create_task(make_cancel(database, url).work(stop)) if worker_is_direct else None
        )

        async def status(name: str, path: str) -> dict[str, Any]:
            answer: dict[str, Any] = await (
                await client.get(path, headers=as_customer(name))
            ).json()
            return answer

        async def cancel(name: str) -> str:
            flow = (await (await client.get("/cancel/payload", headers=as_customer(name))).json())[
                "flow"
            ]
            body = {
                "grant": flow["grant"],
                "result": {"status": "canceled", "flowSession": {"id": f"sess_{name}"}},
            }
            answers = [
                await client.post("/cancel/result", json=body, headers=as_customer(name))
                for _ in range(2)
            ]
            assert {answer.status for answer in answers} <= {200, 202}
            first, second = [(await answer.json())["claim"] for answer in answers]
            assert first == second
            path = f"/cancel/status/{first}"

            async with asyncio.timeout(60):
                told = await status(name, path)
                while not told["settled"]:
                    await asyncio.sleep(0.05)
                    told = await status(name, path)

            return str(told["outcome"])

        outcomes = await asyncio.gather(*map(cancel, names))
        await client.close()
        if working is not None:
            stop.set()
            await working
    assert set(outcomes) == {"scheduled"}
    assert [len(stripe.effects_on(f"sub_{name}")) for name in names] == [1] * CUSTOMERS


async def test_a_connection_behind_pgbouncer_has_no_memory(database: str) -> None:
    async with pgbouncer(database) as through:
        connections = [await asyncpg.connect(through, statement_cache_size=0) for _ in range(6)]
        served = {
            await one.fetchval("SELECT pg_backend_pid()") for one in connections for _ in range(5)
        }
        for one in connections:
            await one.close()
    assert len(served) <= 2
