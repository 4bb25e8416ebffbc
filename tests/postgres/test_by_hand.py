"""A parked action in a person's hands: seen with its whole story, started over, or closed, and all of it journalled."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator

import asyncpg
import pytest
import pytest_asyncio

from aiocancel.core.actions import ActionState, Receipt
from aiocancel.core.by_hand import Operation
from aiocancel.core.codes import AnyCode, Code
from aiocancel.core.decision import Answer, AnswerKind, Topic
from aiocancel.errors import OperationError, UnavailableError
from aiocancel.postgres.by_hand import Operations
from aiocancel.postgres.leasing import TakenAction
from aiocancel.postgres.ledger import Ledger
from aiocancel.postgres.preflight import inspect_backlog
from tests.support.claims import ask, make_claim, make_grant, record, take_due
from tests.support.saas import Pool
from tests.support.taken_actions import row_of

OWNER = uuid.UUID(int=1)
RETRY, CLOSE = Operation.RETRY, Operation.CLOSE


@pytest_asyncio.fixture(loop_scope="session")
async def operations(pool: Pool) -> AsyncIterator[Operations]:
    async with pool.acquire() as connection:
        yield Operations(connection)


async def take(ledger: Ledger) -> TakenAction:
    (taken,) = await take_due(ledger.pool, OWNER, limit=1)
    return taken


async def park(
    ledger: Ledger, pool: Pool, code: AnyCode = Code.CARD_DECLINED, subscription_id: str = "sub_1"
) -> int:
    """Park a fresh cancellation after one write that failed; returns its id."""
    await ask(pool, subscription_id)
    taken = await take(ledger)
    await ledger.begin_write(taken)
    await ledger.end_write(taken, "rejected", code=code, request_id="req_1")
    await ledger.park(taken, code)
    return taken.action_id


async def entries(pool: Pool, action_id: int) -> list[tuple[str, str | None]]:
    rows = await pool.fetch(
        "SELECT entry, code FROM aiocancel.journal WHERE action_id = $1 ORDER BY id", action_id
    )
    return [(row["entry"], row["code"]) for row in rows]


# --- seeing -------------------------------------------------------------------------------------------


async def test_actions_are_found_by_their_state_the_newest_first(
    operations: Operations, ledger: Ledger, pool: Pool
) -> None:
    first, second = await park(ledger, pool), await park(ledger, pool, subscription_id="sub_2")
    waiting = await ask(pool, "sub_3")
    assert [each.action_id for each in await operations.find(state=ActionState.PARKED)] == [
        second,
        first,
    ]
    assert [each.action_id for each in await operations.find(state=ActionState.WAITING)] == [
        waiting
    ]
    assert [each.action_id for each in await operations.find()] == [waiting, second, first]
    assert [each.action_id for each in await operations.find(limit=1)] == [waiting]


async def test_actions_are_found_by_subscription_and_by_claim(
    operations: Operations, ledger: Ledger, pool: Pool
) -> None:
    await park(ledger, pool)
    other = await park(ledger, pool, subscription_id="sub_2")
    (found,) = await operations.find(subscription_id="sub_2")
    assert (found.action_id, found.code, found.customer_id) == (other, "card_declined", "ada")
    assert await operations.find(claim_id=found.claim_id) == [found]
    assert await operations.find(claim_id=uuid.uuid4()) == []


async def test_a_customer_is_in_no_repr(operations: Operations, ledger: Ledger, pool: Pool) -> None:
    await park(ledger, pool)
    assert "ada" not in repr(await operations.find())


async def test_the_story_of_an_action_has_its_writes_and_its_lines_of_the_journal(
    operations: Operations, ledger: Ledger, pool: Pool
) -> None:
    action_id = await park(ledger, pool)
    history = await operations.history(action_id)
    assert history is not None
    (attempt,) = history.attempts

    assert (attempt.number, attempt.result, attempt.code, attempt.request_id) == (
        1,
        "rejected",
        "card_declined",
        "req_1",
    )
    assert [(line.entry, line.code, line.of_action) for line in history.journal] == [
        ("claim_recorded", "canceled", False),
        ("outcome_verified", None, False),
        ("actions_enqueued", "cancel_at_period_end", True),
        ("action_parked", "card_declined", True),
    ]


async def test_an_action_that_is_not_there_has_no_story(operations: Operations) -> None:
    assert await operations.history(10**9) is None


# --- retrying -----------------------------------------------------------------------------------------


async def test_a_retried_action_waits_again_with_its_attempts_forgiven(
    operations: Operations, ledger: Ledger, pool: Pool
) -> None:
    action_id = await park(ledger, pool)
    assert await operations.operate(RETRY, action_id) is ActionState.WAITING
    taken = await take(ledger)
    assert (taken.action_id, taken.attempt, taken.excused) == (action_id, 2, 1)
    assert (await entries(pool, action_id))[-1] == ("action_retried", None)
    await ledger.finish(taken, Receipt("active", None))
    assert (await row_of(pool, action_id))["state"] == "done"


async def test_a_retried_action_sends_its_old_key_while_stripe_remembers_it(
    operations: Operations, ledger: Ledger, pool: Pool
) -> None:
    action_id = await park(ledger, pool)
    key = (await row_of(pool, action_id))["idempotency_key"]
    await operations.operate(RETRY, action_id)
    assert await ledger.begin_write(await take(ledger)) == key


async def test_a_retried_action_sends_a_new_key_where_the_old_one_is_spent(
    operations: Operations, ledger: Ledger, pool: Pool
) -> None:
    action_id = await park(ledger, pool)
    await pool.execute("UPDATE aiocancel.action SET key_used_at = now() - interval '21 hours'")
    key = (await row_of(pool, action_id))["idempotency_key"]
    await operations.operate(RETRY, action_id)
    assert await ledger.begin_write(await take(ledger)) == key.removesuffix("-1") + "-2"


async def test_a_worker_that_parked_the_action_has_no_say_in_the_next_try(
    operations: Operations, ledger: Ledger, pool: Pool
) -> None:
    await ask(pool)
    old = await take(ledger)
    await ledger.park(old, Code.CARD_DECLINED)
    await operations.operate(RETRY, old.action_id)
    assert not await ledger.finish(old, Receipt("active", None))
    assert (await row_of(pool, old.action_id))["state"] == "waiting"


@pytest.mark.parametrize("ends", ["done", "running"])
async def test_an_old_wish_is_not_put_on_top_of_a_later_one(
    operations: Operations, ledger: Ledger, pool: Pool, ends: str
) -> None:
    action_id = await park(ledger, pool)
    await ask(pool, status="resumed")
    later = await take(ledger)
    if ends == "done":
        await ledger.finish(later, Receipt("active", None))
    with pytest.raises(OperationError, match="a later action on the same subscription"):
        await operations.operate(RETRY, action_id)
    assert (await row_of(pool, action_id))["state"] == "parked"
    assert await operations.operate(CLOSE, action_id, reason="overtaken") is ActionState.CLOSED


async def test_a_later_wish_that_still_waits_comes_after_the_retried_one(
    operations: Operations, ledger: Ledger, pool: Pool
) -> None:
    action_id = await park(ledger, pool)
    later = await ask(pool, status="resumed")
    await operations.operate(RETRY, action_id)
    first = await take(ledger)
    await ledger.finish(first, Receipt("active", None))
    assert (first.action_id, (await take(ledger)).action_id) == (action_id, later)


# --- closing ------------------------------------------------------------------------------------------


async def test_a_closed_action_is_out_of_the_way_and_says_why(
    operations: Operations, ledger: Ledger, pool: Pool
) -> None:
    action_id = await park(ledger, pool)
    assert await operations.operate(CLOSE, action_id, reason="refunded") is ActionState.CLOSED
    assert await operations.find(state=ActionState.PARKED) == []
    (closed,) = await operations.find(state=ActionState.CLOSED)
    assert (closed.action_id, closed.state, closed.code) == (action_id, "closed", "refunded")
    assert (await entries(pool, action_id))[-2:] == [
        ("action_parked", "card_declined"),
        ("action_closed", "refunded"),
    ]

    assert await take_due(pool, OWNER) == []
    async with pool.acquire() as connection:
        assert (await inspect_backlog(connection)).parked == 0


async def test_the_customer_is_told_that_a_person_took_it_over(
    operations: Operations, ledger: Ledger, pool: Pool
) -> None:
    recorded = await record(ledger, make_claim(), make_grant())
    taken = await take(ledger)
    await ledger.park(taken, Code.CARD_DECLINED)
    answers = [await ledger.answer(recorded.public_id, "ada")]
    await operations.operate(RETRY, taken.action_id)
    answers.append(await ledger.answer(recorded.public_id, "ada"))
    await ledger.park(await take(ledger), Code.CARD_DECLINED)
    await operations.operate(CLOSE, taken.action_id, reason="refunded")
    answers.append(await ledger.answer(recorded.public_id, "ada"))
    kinds = (AnswerKind.MANUAL, AnswerKind.QUEUED, AnswerKind.CLOSED)
    assert answers == [Answer(kind, Topic.CANCELLATION) for kind in kinds]
    outcome = await ledger.outcome(taken.claim_id)

    assert (outcome.answer.kind, outcome.failed) == (AnswerKind.CLOSED, False)


@pytest.mark.parametrize(
    "assignments",
    [
        "closed_at = now()",
        "closed_reason = 'x'",
        "state = 'waiting', finished_at = NULL, parked_code = NULL, closed_at = now(), closed_reason = 'x'",
    ],
)
async def test_an_action_cannot_be_half_closed_or_closed_and_waiting(
    ledger: Ledger, pool: Pool, assignments: str
) -> None:
    await park(ledger, pool)
    with pytest.raises(asyncpg.CheckViolationError, match="action_closed"):
        await pool.execute(f"UPDATE aiocancel.action SET {assignments}")


# --- what is not allowed ------------------------------------------------------------------------------


@pytest.mark.parametrize("operation", Operation)
async def test_what_no_person_is_needed_for_is_left_alone(
    operations: Operations, pool: Pool, operation: Operation
) -> None:
    action_id = await ask(pool)
    before = await row_of(pool, action_id)
    with pytest.raises(OperationError, match="it is waiting"):
        await operations.operate(operation, action_id, reason="x")
    with pytest.raises(OperationError, match="there is no action"):
        await operations.operate(operation, 10**9, reason="x")
    assert await row_of(pool, action_id) == before


async def test_of_two_people_at_once_one_decides(ledger: Ledger, pool: Pool) -> None:
    action_id = await park(ledger, pool)

    async def decide(operation: Operation) -> ActionState:
        async with pool.acquire() as connection:
            return await Operations(connection).operate(
                operation, action_id, reason="x" if operation is CLOSE else None
            )

    results = await asyncio.gather(*map(decide, [RETRY, CLOSE] * 5), return_exceptions=True)
    assert sum(isinstance(result, OperationError) for result in results) == 9


async def test_an_outage_is_told(pool: Pool, ledger: Ledger) -> None:
    action_id = await park(ledger, pool)
    async with pool.acquire() as connection:
        await connection.close()
        with pytest.raises(UnavailableError):
            await Operations(connection).operate(RETRY, action_id)
        with pytest.raises(UnavailableError):
            await Operations(connection).find()


# --- the application's hooks --------------------------------------------------------------------------


async def hooks(pool: Pool) -> list[str]:
    rows = await pool.fetch(
        "SELECT state FROM aiocancel.action WHERE kind = 'run_hooks' ORDER BY id"
    )
    return [row["state"] for row in rows]


@pytest.mark.parametrize("told", [True, False], ids=["told of the parking", "not yet told"])
async def test_the_application_is_told_how_a_retried_claim_ended(
    operations: Operations, pool: Pool, told: bool
) -> None:
    ledger = Ledger(pool, hooks=True)
    await ask(pool)
    taken = await take(ledger)
    await ledger.park(taken, Code.CARD_DECLINED)
    if told:
        await ledger.finish(await take(ledger), Receipt("told", None))
    await operations.operate(RETRY, taken.action_id)
    if not told:
        # Both are due; the hooks may run first or last.
        first, second = await take_due(pool, OWNER, limit=2)
        retried, hook = (first, second) if first.action_id == taken.action_id else (second, first)
        await ledger.finish(retried, Receipt("active", None))
        assert (await ledger.outcome(retried.claim_id)).answer.kind is AnswerKind.SCHEDULED
        assert await ledger.finish(hook, Receipt("told", None))
        assert await hooks(pool) == ["done"]
        return
    assert await hooks(pool) == ["done"]
    await ledger.finish(await take(ledger), Receipt("active", None))

    assert await hooks(pool) == ["done", "waiting"]


async def test_the_application_is_told_that_a_claim_was_closed(
    operations: Operations, pool: Pool
) -> None:
    ledger = Ledger(pool, hooks=True)
    await ask(pool)
    taken = await take(ledger)
    await ledger.park(taken, Code.CARD_DECLINED)
    await ledger.finish(await take(ledger), Receipt("told", None))
    await operations.operate(CLOSE, taken.action_id, reason="refunded")
    assert await hooks(pool) == ["done", "waiting"]


async def test_where_the_application_has_no_hooks_none_are_made_up(
    operations: Operations, ledger: Ledger, pool: Pool
) -> None:
    await operations.operate(CLOSE, await park(ledger, pool), reason="refunded")
    assert await hooks(pool) == []


async def test_who_did_something_by_hand_is_in_the_journal_and_stays_there(
    operations: Operations, ledger: Ledger, pool: Pool
) -> None:
    first, second = await park(ledger, pool), await park(ledger, pool, subscription_id="sub_2")
    await operations.operate(RETRY, first, operator="jo")
    await operations.operate(CLOSE, second, reason="refunded", operator="sam")
    rows = await pool.fetch(
        "SELECT entry, operator FROM aiocancel.journal WHERE entry LIKE 'action_%ed' AND action_id = ANY($1)"
        " AND operator IS NOT NULL ORDER BY id",
        [first, second],
    )

    assert [tuple(row) for row in rows] == [("action_retried", "jo"), ("action_closed", "sam")]
    with pytest.raises(asyncpg.RaiseError):
        await pool.execute("UPDATE aiocancel.journal SET operator = 'eve'")
    await pool.execute("UPDATE aiocancel.claim SET erased_at = now()")
    with pytest.raises(asyncpg.RaiseError):
        await pool.execute(
            "UPDATE aiocancel.journal SET code = 'erased', operator = 'eve' WHERE operator = 'jo'"
        )
