"""``aiocancel worker``: a process of its own that carries changes out, and leaves in good order."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from pytest_aiohttp import AiohttpClient

from aiocancel.cli.main import main
from aiocancel.cli.worker import MOST_NICE, NICE, lower_priority, say_what_starts
from aiocancel.testing.stripe.simulator import Fault, StripeSimulator
from tests.support.claims import ask
from tests.support.saas import Pool, add_customer, make_app, make_cancel
from tests.support.waiting import until


@asynccontextmanager
async def worker_process(
    database: str, stripe_url: str, *options: str
) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        *(
            sys.executable,
            "-m",
            "aiocancel",
            "worker",
            "tests.support.worker_target:cancel",
            *options,
        ),
        env={**os.environ, "TEST_DATABASE": database, "TEST_STRIPE": stripe_url},
        stderr=asyncio.subprocess.PIPE,
    )

    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def all_done(pool: Pool) -> bool:
    return not await pool.fetchval(
        "SELECT exists(SELECT FROM aiocancel.action WHERE state <> 'done')"
    )


async def test_a_worker_process_carries_out_what_the_web_process_recorded_and_finishes_when_told_to_stop(
    database: str, pool: Pool, stripe_api: tuple[StripeSimulator, str]
) -> None:
    stripe, url = stripe_api
    stripe.add_subscription("sub_1")
    stripe.inject(Fault("delay", method="POST", seconds=0.5))
    await add_customer(pool, "ada", "sub_1")
    await ask(pool)
    async with worker_process(database, url) as process:
        await until(
            lambda: any(request.method == "POST" for request in stripe.requests), within_s=30
        )
        niceness = os.getpriority(os.PRIO_PROCESS, process.pid)
        process.send_signal(signal.SIGTERM)
        _, errors = await process.communicate()

    assert process.returncode == 0, errors.decode()
    assert await all_done(pool)
    assert [effect.kind for effect in stripe.effects_on("sub_1")] == ["cancel_at_period_end"]
    assert "worker starts: database " in errors.decode()
    assert "SIGTERM: finishing what is under way" in errors.decode()
    assert "ActionApplied" in errors.decode()
    assert "Request to Stripe" not in errors.decode()
    # A site on the same machine comes first.
    assert niceness == min(os.getpriority(os.PRIO_PROCESS, 0) + NICE, MOST_NICE)


async def test_workers_beside_the_web_process_share_the_work_with_its_own(
    database: str,
    pool: Pool,
    stripe_api: tuple[StripeSimulator, str],
    aiohttp_client: AiohttpClient,
) -> None:
    stripe, url = stripe_api
    names = [f"sub_{number}" for number in range(40)]
    for name in names:
        stripe.add_subscription(name)
        await add_customer(pool, "ada", name)
    stripe.latency_s = 0.02
    await ask(pool, "sub_0")
    await ask(pool, "sub_0", "resumed")
    async with (
        worker_process(database, url, "--concurrency", "2", "--nice", "0"),
        worker_process(database, url, "--concurrency", "2", "--nice", "0"),
    ):
        await until(lambda: all_done(pool), within_s=30)
        await aiohttp_client(make_app(make_cancel(database, url)))
        for name in names[1:]:
            await ask(pool, name)
            await ask(pool, name, "resumed")
        await until(lambda: all_done(pool), within_s=60)

    for name in names:
        assert [effect.kind for effect in stripe.effects_on(name)] == [
            "cancel_at_period_end",
            "resume",
        ]
    assert await pool.fetchval("SELECT count(*) FROM aiocancel.action WHERE attempts = 1") == 80


def test_a_worker_whose_settings_cannot_be_loaded_says_why(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["worker", "tests.nothing_here:cancel"]) == 2
    assert "there is no module" in capsys.readouterr().err


def test_a_worker_that_cannot_start_says_why_without_the_password(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEST_DATABASE", "postgresql://me:hunter2secret@127.0.0.1:9/x")
    monkeypatch.setenv("TEST_STRIPE", "http://127.0.0.1:9")
    # In this process, whose own priority stays.
    assert main(["worker", "tests.support.worker_target:cancel", "--nice", "0"]) == 1
    assert gc.isenabled()
    printed = capsys.readouterr().err
    assert "the database cannot be opened (me@127.0.0.1:9/x)" in printed
    assert "hunter2secret" not in printed


def test_a_worker_says_at_its_start_what_it_does_and_where(
    caplog: pytest.LogCaptureFixture,
) -> None:
    cancel = make_cancel("postgresql://me:hunter2secret@db.example.com/shop")

    with caplog.at_level("INFO", logger="aiocancel"):
        say_what_starts(cancel.inspect(), concurrency=3, health=("127.0.0.1", 8080), niceness=10)
        say_what_starts(cancel.inspect(), concurrency=None, health=None, niceness=0)

    first, second = caplog.messages
    assert first == (
        "worker starts: database me@db.example.com:5432/shop, 3 actions of each of six sorts at a time, "
        "Stripe in test mode, flow vendor prosperstack, health http://127.0.0.1:8080/healthz, "
        "priority lowered by 10"
    )
    assert "10 actions of each of six sorts at a time" in second
    assert "health not served, priority as it was" in second


@pytest.mark.parametrize("concurrency", ["0", "-1", "many"])
def test_a_worker_runs_at_least_one_action_at_a_time(
    concurrency: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(["worker", "tests.support.worker_target:cancel", "--concurrency", concurrency])
    assert "--concurrency" in capsys.readouterr().err


@pytest.mark.parametrize("niceness", ["-1", "20", "low"])
def test_a_priority_is_lowered_by_nothing_else_than_0_to_19(
    niceness: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(["worker", "tests.support.worker_target:cancel", "--nice", niceness])
    assert "--nice" in capsys.readouterr().err


@pytest.mark.parametrize(("niceness", "asked"), [(0, []), (7, [7])])
def test_the_priority_stays_as_it_is_where_nobody_wants_it_lower(
    niceness: int, asked: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []
    monkeypatch.setattr(os, "nice", seen.append)

    lower_priority(niceness)

    assert seen == asked


def test_a_worker_that_may_not_lower_its_priority_says_so_and_works(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: int) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "nice", refuse)

    with caplog.at_level("WARNING", logger="aiocancel"):
        lower_priority(10)

    assert caplog.messages == ["the priority stays as it is: [Errno 1] Operation not permitted"]


def test_a_machine_without_priorities_is_none_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "nice")

    lower_priority(10)
