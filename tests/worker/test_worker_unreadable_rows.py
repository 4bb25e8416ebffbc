"""Rows that cannot be read: the neighbours go on, and a person or a worker of a newer release gets the row."""

from __future__ import annotations

import asyncio
import json
import logging
import uuid
from collections.abc import Collection
from typing import Any

import asyncpg
import pytest

from aiocancel.core.codes import Code
from aiocancel.postgres.by_hand import Operations
from aiocancel.postgres.leasing import TakenAction
from aiocancel.postgres.ledger import Ledger
from aiocancel.telemetry import ActionLeft, ActionParked
from aiocancel.worker.leases import Leases
from tests.support.claims import ask, hurry
from tests.support.saas import Pool
from tests.support.waiting import until
from tests.support.workbench import Bench, running

TRIAL: dict[str, Any] = {
    "offer_id": "offer_1",
    "terms": {"type": "trial_extension", "days": 7},
    "metadata": {},
}
NEWER: dict[str, Any] = TRIAL | {"terms": TRIAL["terms"] | {"once_a_year": True}}


async def ask_for_offer(pool: Pool, subscription_id: str, offer: object) -> int:
    action_id = await ask(pool, subscription_id)
    await store_offer(pool, action_id, offer)
    return action_id


async def store_offer(pool: Pool, action_id: int, offer: object) -> None:
    await pool.execute(
        "UPDATE aiocancel.action SET kind = 'apply_offer', offer = $2 WHERE id = $1",
        action_id,
        json.dumps(offer),
    )


async def state_of(pool: Pool, action_id: int) -> str:
    return str(await pool.fetchval("SELECT state FROM aiocancel.action WHERE id = $1", action_id))


@pytest.mark.parametrize(
    "offer",
    [
        {"offer_id": "offer_1"},
        TRIAL | {"terms": {"type": "trial_extension"}},
        TRIAL | {"terms": {"type": "coupon", "percent_off": "half"}},
        ["offer_1"],
        7,
    ],
    ids=["no terms", "no days", "no number", "a list", "a number"],
)
async def test_a_row_that_no_release_can_read_is_parked_and_its_neighbours_are_carried_out(
    bench: Bench, offer: object
) -> None:
    for number in range(21):
        bench.stripe.add_subscription(f"sub_{number}")
    older = [await ask(bench.pool, f"sub_{number}") for number in range(10)]
    bad = await ask_for_offer(bench.pool, "sub_10", offer)
    younger = [await ask(bench.pool, f"sub_{number}") for number in range(11, 21)]

    await bench.work()

    assert {await state_of(bench.pool, one) for one in [*older, *younger]} == {"done"}
    [parked] = bench.events.of(ActionParked)
    assert (parked.action_id, parked.code) == (bad, Code.ROW_UNREADABLE)
    assert not bench.stripe.effects_on("sub_10")


@pytest.mark.parametrize(
    "change",
    ['{"type": ' + "9" * 5000 + "}", '{"a": ' * 2500 + "1" + "}" * 2500],
    ids=["a number too long", "nested too deep"],
)
async def test_a_row_that_the_database_keeps_and_python_cannot_read_is_parked(
    bench: Bench, change: str
) -> None:
    bench.stripe.add_subscription("sub_1")
    bench.stripe.add_subscription("sub_2")
    bad, beside = [await ask(bench.pool, f"sub_{number}") for number in (1, 2)]
    await bench.pool.execute(
        "UPDATE aiocancel.action SET change = $2::jsonb WHERE id = $1", bad, change
    )

    async with running(bench.worker()):
        await until(lambda: _is(bench.pool, bad, "parked"))
        await until(lambda: _is(bench.pool, beside, "done"))

    [parked] = bench.events.of(ActionParked)
    assert (parked.action_id, parked.code) == (bad, Code.ROW_UNREADABLE)
    assert not bench.stripe.effects_on("sub_1")


async def test_a_row_of_a_newer_release_waits_for_it_and_holds_no_cancellation_up(
    bench: Bench,
) -> None:
    bench.stripe.add_subscription("sub_1")
    bench.stripe.add_subscription("sub_2")
    newer = await ask_for_offer(bench.pool, "sub_1", NEWER)
    behind = await ask(bench.pool, "sub_1")
    beside = await ask(bench.pool, "sub_2")

    async with running(bench.worker(jitter=lambda: 1.0)):
        await until(lambda: bool(bench.events.of(ActionLeft)))
        await until(lambda: _is(bench.pool, behind, "done"))
        await until(lambda: _is(bench.pool, beside, "done"))

        left = bench.events.of(ActionLeft)[0]
        assert (left.action_id, left.kind, left.code) == (
            newer,
            "apply_offer",
            Code.LEDGER_UNREADABLE,
        )
        assert not bench.events.of(ActionParked)


async def test_a_row_of_a_newer_release_is_carried_out_by_a_worker_that_can_read_it(
    bench: Bench,
) -> None:
    bench.stripe.add_subscription("sub_1")
    newer = await ask_for_offer(bench.pool, "sub_1", NEWER)
    async with running(bench.worker(jitter=lambda: 1.0)):
        await until(lambda: _is(bench.pool, newer, "waiting"))
        await until(lambda: bool(bench.events.of(ActionLeft)))

    # The next worker knows the field.
    await store_offer(bench.pool, newer, TRIAL)
    await hurry(bench.pool)
    await bench.work()

    assert await bench.states() == ["done"]
    assert len(bench.kinds()) == 1


async def test_a_row_that_no_newer_worker_takes_is_parked_in_the_end(bench: Bench) -> None:
    await ask_for_offer(bench.pool, "sub_1", NEWER)

    await bench.work()

    assert await bench.states() == ["parked: ledger_unreadable"]
    assert await bench.pool.fetchval("SELECT attempts FROM aiocancel.action") == 13


async def test_the_list_of_actions_says_which_ones_wait_for_a_newer_release(bench: Bench) -> None:
    bench.stripe.add_subscription("sub_3")
    field = await ask_for_offer(bench.pool, "sub_1", NEWER)
    kind = await ask(bench.pool, "sub_2")
    await bench.pool.execute("UPDATE aiocancel.action SET kind = 'gift_card' WHERE id = $1", kind)
    plain = await ask(bench.pool, "sub_3")

    async with running(bench.worker(jitter=lambda: 1.0)):
        await until(
            lambda: {each.action_id for each in bench.events.of(ActionLeft)} == {field, kind}
        )
        await until(lambda: _is(bench.pool, plain, "done"))

    async with bench.pool.acquire() as connection:
        listed = {each.action_id: each.code for each in await Operations(connection).find()}
    assert listed == {
        field: Code.LEDGER_UNREADABLE,
        kind: Code.LEDGER_UNREADABLE,
        plain: None,
    }
    # A kind is told of once, although every sweep finds it.
    assert [each.action_id for each in bench.events.of(ActionLeft)].count(kind) == 1


async def ask_newer_kind(pool: Pool, *, due_for_s: float) -> int:
    """Something that this release does not know, and that no worker has taken for that long."""
    action_id = await ask(pool, "sub_1")
    await pool.execute(
        "UPDATE aiocancel.action SET kind = 'gift_card', due_at = now() - make_interval(secs => $2) WHERE id = $1",
        action_id,
        due_for_s,
    )
    return action_id


async def test_a_kind_of_a_newer_release_that_nobody_takes_holds_no_cancellation_up(
    bench: Bench,
) -> None:
    bench.stripe.add_subscription("sub_1")
    newer = await ask_newer_kind(bench.pool, due_for_s=0)
    behind = await ask(bench.pool, "sub_1")
    # Its own worker has a moment to come.
    assert await Ledger(bench.pool).take(uuid.uuid4(), [behind], lease_s=60) == []

    await bench.pool.execute(
        "UPDATE aiocancel.action SET due_at = now() - interval '2 minutes' WHERE id = $1", newer
    )
    async with running(bench.worker()):
        await until(lambda: _is(bench.pool, behind, "done"))

    assert await state_of(bench.pool, newer) == "waiting"


async def test_a_kind_of_a_newer_release_whose_worker_died_holds_no_cancellation_up(
    bench: Bench,
) -> None:
    bench.stripe.add_subscription("sub_1")
    newer = await ask_newer_kind(bench.pool, due_for_s=120)
    await bench.pool.execute(
        "UPDATE aiocancel.action SET state = 'running', lease_owner = $2 WHERE id = $1",
        newer,
        uuid.uuid4(),
    )
    behind = await ask(bench.pool, "sub_1")

    async with running(bench.worker()):
        await until(lambda: _is(bench.pool, behind, "done"))

    assert await state_of(bench.pool, newer) == "waiting"


async def test_a_kind_that_no_newer_worker_takes_within_an_hour_is_left_to_a_person(
    bench: Bench,
) -> None:
    newer = await ask_newer_kind(bench.pool, due_for_s=3700)

    async with running(bench.worker()):
        await until(lambda: bool(bench.events.of(ActionParked)))

    [parked] = bench.events.of(ActionParked)
    assert (parked.action_id, parked.kind, parked.code) == (
        newer,
        "gift_card",
        Code.LEDGER_UNREADABLE,
    )
    assert await bench.states() == ["parked: ledger_unreadable"]
    assert (await bench.entries())[-1] == ("action_parked", "ledger_unreadable")


@pytest.mark.parametrize(
    "payload", [None, b"", b"0", b"-1", b"one", b"9" * 19, b"9" * 400, b"\xff"]
)
async def test_a_job_that_names_no_action_is_dropped_with_one_line(
    bench: Bench, payload: bytes | None, caplog: pytest.LogCaptureFixture
) -> None:
    bench.stripe.add_subscription("sub_1")
    await ask(bench.pool)
    await bench.pool.execute(
        """
        INSERT INTO aiocancel.pgqueuer (priority, entrypoint, payload, execute_after, status)
        VALUES (10, 'aiocancel_action', $1, now(), 'queued')
        """,
        payload,
    )

    with caplog.at_level(logging.WARNING):
        async with running(bench.worker()):
            await bench.settle()
            await until(lambda: _is_empty(bench.pool), within_s=60)

    assert await bench.states() == ["done"]
    # A busy machine may have other lines to say.
    assert sum("names no action" in message for message in caplog.messages) == 1
    assert [each for each in caplog.records if each.exc_info] == []


async def test_a_question_that_fails_for_one_action_is_asked_for_each_by_itself(
    bench: Bench,
) -> None:
    class Choosy(Ledger):
        async def take(
            self, owner: uuid.UUID, action_ids: Collection[int], *, lease_s: float
        ) -> list[TakenAction]:
            if bad in action_ids:
                raise asyncpg.DataError("value out of range")
            return await super().take(owner, action_ids, lease_s=lease_s)

    first, bad, last = [await ask(bench.pool, f"sub_{number}") for number in range(3)]
    leases = Leases(Choosy(bench.pool), lease_s=30)

    taken = await asyncio.gather(
        *(leases.take(one) for one in (first, bad, last)), return_exceptions=True
    )

    assert isinstance(taken[1], asyncpg.DataError)
    assert [one.action_id for one in taken if isinstance(one, TakenAction)] == [first, last]


async def _is(pool: Pool, action_id: int, state: str) -> bool:
    return await state_of(pool, action_id) == state


async def _is_empty(pool: Pool) -> bool:
    return not await pool.fetchval("SELECT count(*) FROM aiocancel.pgqueuer")
