"""Whose turn it is in a lane: a table of lanes, and what stands before an action in each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import pytest

from aiocancel.core.actions import GIVES_WAY, ActionKind, Places
from aiocancel.postgres.leasing import LEFT_TO_NEWER_FOR, WAITED_FOR_AT_MOST
from aiocancel.postgres.ledger import Ledger
from tests.support.claims import ask
from tests.support.saas import Pool
from tests.support.taken_actions import LEASE_S, ONE, OTHER

CANCELLATIONS = [kind for kind in ActionKind if Places.of(kind) is Places.CANCELLATIONS]

# A row that is finished is nobody's, and has its end.
_STORE = """
UPDATE aiocancel.action SET kind = $2, state = $3, deferred = $4, subscription_id = $5, lane = $5,
    created_at = now() - $6::float8 * interval '1 minute', due_at = now() + $7::float8 * interval '1 minute',
    woke_at = now() - $8::float8 * interval '1 minute', lease_owner = CASE $3 WHEN 'running' THEN $9::uuid END,
    finished_at = CASE $3 WHEN 'done' THEN now() END, receipt_status = CASE $3 WHEN 'done' THEN 'active' END
WHERE id = $1
"""
_BEFORE = """
SELECT b.id FROM aiocancel.action a,
    aiocancel.before_in_lane(a.lane, a.id, a.state, a.kind, $2, $3, $4, $5, $6) b
WHERE a.id = $1 ORDER BY b.id
"""
_HAS_JOB = """
SELECT count(*) FROM aiocancel.pgqueuer q JOIN aiocancel.action a
    ON q.dedupe_key = aiocancel.job_key(a.id, a.attempts, a.kind)
WHERE a.id = $1
"""


@dataclass(frozen=True, slots=True)
class Stored:
    """An action as it stands in the ledger; the times are minutes from now."""

    kind: str = "cancel_at_period_end"
    state: str = "waiting"
    age: float = 0.0
    due_in: float = -0.001
    woke: float | None = None
    deferred: bool = False
    lane: str | None = "sub_1"


CANCELLATION: Final = Stored()
RESUMPTION: Final = Stored("resume")
OFFER: Final = Stored("apply_offer")
# Each has an attempt half an hour ahead, after several that failed.
FAILING: Final = Stored("apply_offer", age=6, due_in=30)
FAILING_FOR_LESS: Final = Stored("apply_offer", age=4, due_in=30)
FAILING_RESUMPTION: Final = Stored("resume", age=6, due_in=30)

LANES: Final[dict[str, tuple[Sequence[Stored], Stored, Sequence[Stored], list[int]]]] = {
    "an older one goes first": ([CANCELLATION], CANCELLATION, [], [0]),
    "a younger one does not": ([], CANCELLATION, [CANCELLATION], []),
    "nobody waits for itself": ([], Stored(state="running"), [], []),
    "another lane is not waited for": ([Stored(lane="sub_2")], CANCELLATION, [], []),
    "what has no lane waits for nobody": (
        [Stored("run_hooks", lane=None)],
        Stored("run_hooks", lane=None),
        [],
        [],
    ),
    "what runs is waited for, also a younger one": (
        [],
        CANCELLATION,
        [Stored(state="running", due_in=1)],
        [1],
    ),
    "what is done is not": ([Stored(state="done", due_in=1)], CANCELLATION, [], []),
    "whose lease ran out waits for none that waits": (
        [CANCELLATION],
        Stored(state="running"),
        [],
        [],
    ),
    "what waits for its date lets others pass": (
        [Stored("apply_offer", deferred=True, due_in=600)],
        CANCELLATION,
        [],
        [],
    ),
    "and goes first once it is due": (
        [Stored("apply_offer", deferred=True)],
        CANCELLATION,
        [],
        [0],
    ),
    "a kind of a newer release has a minute": (
        [Stored("gift_card", due_in=-0.5)],
        CANCELLATION,
        [],
        [0],
    ),
    "and holds nothing up after it": ([Stored("gift_card", due_in=-2)], CANCELLATION, [], []),
    "a kind that is known goes first after it, too": (
        [Stored("apply_offer", age=9, due_in=-2)],
        CANCELLATION,
        [],
        [0],
    ),
    "what fails for five minutes gives way": ([FAILING], CANCELLATION, [], []),
    "what fails for less does not": ([FAILING_FOR_LESS], CANCELLATION, [], [0]),
    "nor what is as old and is tried now": ([Stored("apply_offer", age=6)], CANCELLATION, [], [0]),
    "nor what woke since": (
        [Stored("apply_offer", age=600, woke=1, due_in=30)],
        CANCELLATION,
        [],
        [0],
    ),
    "what woke before that does": (
        [Stored("apply_offer", age=600, woke=6, due_in=30)],
        CANCELLATION,
        [],
        [],
    ),
    "it gives way to a cancellation alone": ([FAILING], RESUMPTION, [], [0]),
    "and so does what waits behind it": ([FAILING, OFFER], CANCELLATION, [], []),
    "what stands before it does not": ([OFFER, FAILING], CANCELLATION, [], [0]),
    "a resumption behind it does not": ([FAILING, RESUMPTION], CANCELLATION, [], [1]),
    "a resumption that fails gives no way, nor does what waits behind it": (
        [FAILING_RESUMPTION, OFFER],
        CANCELLATION,
        [],
        [0, 1],
    ),
    "one that fails in another lane gives no way in this one": (
        [Stored("apply_offer", age=6, due_in=30, lane="sub_2"), OFFER],
        CANCELLATION,
        [],
        [1],
    ),
    "one that is done does not fail": (
        [Stored("apply_offer", "done", age=6, due_in=1), OFFER],
        CANCELLATION,
        [],
        [1],
    ),
    "nor does one that waits for its date": (
        [Stored("apply_offer", age=6, due_in=600, deferred=True), OFFER],
        CANCELLATION,
        [],
        [1],
    ),
}


async def store(pool: Pool, stored: Stored) -> int:
    action_id = await ask(pool, stored.lane or "sub_1")

    async with pool.acquire() as connection, connection.transaction():
        # As it may have become in many steps, without each of them.
        await connection.execute("SET LOCAL session_replication_role = replica")
        await connection.execute(
            _STORE,
            action_id,
            stored.kind,
            stored.state,
            stored.deferred,
            stored.lane or "sub_1",
            stored.age,
            stored.due_in,
            stored.woke,
            OTHER,
        )
        if stored.lane is None:
            await connection.execute(
                "UPDATE aiocancel.action SET lane = NULL WHERE id = $1", action_id
            )

    return action_id


@pytest.mark.parametrize("lane", LANES)
async def test_a_worker_and_the_sweep_know_whose_turn_it_is(
    ledger: Ledger, pool: Pool, lane: str
) -> None:
    older, asked, younger, expected = LANES[lane]
    ids = [await store(pool, each) for each in (*older, asked, *younger)]
    action_id = ids[len(older)]
    await pool.execute("DELETE FROM aiocancel.pgqueuer")

    before = await pool.fetch(
        _BEFORE,
        action_id,
        list(ActionKind),
        CANCELLATIONS,
        list(GIVES_WAY),
        LEFT_TO_NEWER_FOR,
        WAITED_FOR_AT_MOST,
    )
    await ledger.sweep(ONE, overdue_s=0)
    has_job = await pool.fetchval(_HAS_JOB, action_id)
    taken = await ledger.take(ONE, [action_id], lease_s=LEASE_S)

    assert [ids.index(row["id"]) for row in before] == expected
    assert has_job == (not expected)
    assert [each.action_id for each in taken] == ([] if expected else [action_id])
