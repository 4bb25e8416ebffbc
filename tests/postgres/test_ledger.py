"""The ledger: an intent is recorded once, an action is held by one worker, and nobody overtakes."""

from __future__ import annotations

import asyncio
import uuid
from datetime import UTC, datetime

import asyncpg
import pytest

from aiocancel.core.actions import ActionKind, Receipt
from aiocancel.core.codes import Code
from aiocancel.core.decision import AnswerKind, Topic
from aiocancel.errors import ConflictError, UnavailableError
from aiocancel.postgres.leasing import TakenAction
from aiocancel.postgres.ledger import Ledger
from aiocancel.postgres.settling import Accepted
from tests.support.claims import AT_ONCE, ask, make_claim, make_grant, record
from tests.support.cut_line import cut_line
from tests.support.saas import Pool
from tests.support.taken_actions import (
    LEASE_S,
    ONE,
    OTHER,
    end_leases,
    entries,
    row_of,
    take,
    take_one,
)
from tests.support.waiting import WAITS_FOR_A_LOCK, until

ENDS = datetime(2026, 12, 2, 12, tzinfo=UTC)
DONE = Receipt("active", ENDS)
TWENTY_HOURS_S = 20 * 3600


async def count(pool: Pool, table: str) -> int:
    return int(await pool.fetchval(f"SELECT count(*) FROM aiocancel.{table}"))


# --- accepting ----------------------------------------------------------------------------------------


async def test_a_cancellation_is_recorded_with_its_action_and_what_led_to_it(
    ledger: Ledger, pool: Pool
) -> None:
    claim = make_claim(session="sess_1", text="Too dear", code="too_expensive")
    recorded = await record(ledger, claim, make_grant())
    assert not recorded.repeated
    row = await pool.fetchrow("SELECT * FROM aiocancel.claim")
    assert row is not None
    assert (row["public_id"], row["customer_id"], row["subscription_id"]) == (
        recorded.public_id,
        "ada",
        "sub_1",
    )
    assert (row["reason_text"], row["flow_session_id"]) == ("Too dear", "sess_1")
    assert row["recovery_point"] == "actions_enqueued"
    assert await entries(pool) == [
        ("claim_recorded", "canceled"),
        ("outcome_verified", None),
        ("actions_enqueued", "cancel_at_period_end"),
    ]
    taken = await take_one(ledger)

    assert taken.action.kind is ActionKind.CANCEL_AT_PERIOD_END
    assert (taken.action.reason.text, taken.action.reason.code) == ("Too dear", "too_expensive")


async def test_the_same_post_again_is_the_same_claim(ledger: Ledger, pool: Pool) -> None:
    grant = make_grant()
    first = await record(ledger, make_claim(session="sess_1"), grant)
    again = await record(ledger, make_claim(session="sess_1"), grant)
    assert (again.public_id, again.repeated) == (first.public_id, True)
    assert (await count(pool, "claim"), await count(pool, "action"), len(await entries(pool))) == (
        1,
        1,
        3,
    )


async def test_a_flow_session_posted_from_a_reloaded_page_is_the_same_claim(
    ledger: Ledger, pool: Pool
) -> None:
    first = await record(ledger, make_claim(session="sess_1"), make_grant())
    again = await record(ledger, make_claim(session="sess_1"), make_grant())
    assert again.public_id == first.public_id
    assert await count(pool, "action") == 1


async def test_fifty_equal_posts_at_once_are_one_claim_and_one_action(
    ledger: Ledger, pool: Pool
) -> None:
    grant, claim = make_grant(), make_claim(session="sess_1")
    recorded = await asyncio.gather(*(record(ledger, claim, grant) for _ in range(50)))
    assert len({claim.public_id for claim in recorded}) == 1
    assert sum(not claim.repeated for claim in recorded) == 1
    assert (await count(pool, "claim"), await count(pool, "action")) == (1, 1)


async def test_one_flow_session_posted_at_once_from_many_pages_is_one_action(
    ledger: Ledger, pool: Pool
) -> None:
    claim = make_claim(session="sess_1")
    recorded = await asyncio.gather(*(record(ledger, claim, make_grant()) for _ in range(20)))
    assert len({claim.public_id for claim in recorded}) == 1
    assert await count(pool, "action") == 1


async def test_equal_posts_at_once_are_one_claim_even_where_the_database_isolates_more(
    shared_database: str, pool: Pool
) -> None:
    async with asyncpg.create_pool(
        shared_database,
        min_size=8,
        max_size=8,
        server_settings={"default_transaction_isolation": "serializable"},
    ) as strict:
        grant, claim = make_grant(), make_claim(session="sess_1")
        recorded = await asyncio.gather(*(record(Ledger(strict), claim, grant) for _ in range(8)))
    assert len({claim.public_id for claim in recorded}) == 1
    assert await count(pool, "action") == 1


@pytest.mark.parametrize(
    ("status", "session"),
    [("resumed", "sess_1"), ("saved", "sess_1"), ("canceled", "sess_2"), ("canceled", None)],
)
async def test_a_used_grant_cannot_be_used_for_something_else(
    ledger: Ledger, pool: Pool, status: str, session: str | None
) -> None:
    grant = make_grant()
    await record(ledger, make_claim("canceled", session="sess_1"), grant)
    with pytest.raises(ConflictError):
        await record(ledger, make_claim(status, session=session), grant)
    assert (await count(pool, "claim"), await count(pool, "action"), len(await entries(pool))) == (
        1,
        1,
        3,
    )


async def test_a_used_flow_session_cannot_be_used_for_something_else(
    ledger: Ledger, pool: Pool
) -> None:
    await record(ledger, make_claim("canceled", session="sess_1"), make_grant())
    with pytest.raises(ConflictError):
        await record(ledger, make_claim("resumed", session="sess_1"), make_grant())
    assert await count(pool, "action") == 1


async def test_nobody_can_occupy_another_customers_flow_session_by_naming_it_first(
    ledger: Ledger, pool: Pool
) -> None:
    await record(
        ledger, make_claim(session="sess_1"), make_grant("sub_mallory", customer_id="mallory")
    )
    mine = await record(ledger, make_claim(session="sess_1"), make_grant("sub_1"))
    assert not mine.repeated
    assert await count(pool, "action") == 2


async def test_another_customer_of_the_same_subscription_does_not_get_the_first_ones_claim(
    ledger: Ledger,
) -> None:
    await record(ledger, make_claim(session="sess_1"), make_grant(customer_id="ada"))
    with pytest.raises(ConflictError):
        await record(ledger, make_claim(session="sess_1"), make_grant(customer_id="grace"))


@pytest.mark.parametrize("status", ["incomplete", "deflected", "in_progress", "unknown"])
async def test_a_claim_that_changes_nothing_leaves_its_grant_for_a_later_cancellation(
    ledger: Ledger, pool: Pool, status: str
) -> None:
    grant = make_grant()
    note = await record(ledger, make_claim(status, session="sess_1"), grant)
    cancellation = await record(ledger, make_claim("canceled", session="sess_1"), grant)
    assert not cancellation.repeated
    assert await count(pool, "action") == 1
    # And the note is still found when it is posted again, late.
    again = await record(ledger, make_claim(status, session="sess_1"), grant)
    assert (again.public_id, again.repeated) == (note.public_id, True)
    assert (
        await record(ledger, make_claim("canceled", session="sess_1"), grant)
    ).public_id == cancellation.public_id


async def test_an_offer_is_recorded_and_changes_nothing(ledger: Ledger, pool: Pool) -> None:
    recorded = await record(
        ledger, make_claim("saved", offer_id="offr_1", offer_type="coupon"), make_grant()
    )
    answer = await ledger.answer(recorded.public_id, "ada")

    assert answer is not None
    assert (answer.kind, answer.change) == (AnswerKind.QUEUED, Topic.OFFER)
    assert [row["kind"] for row in await pool.fetch("SELECT kind FROM aiocancel.action")] == [
        "verify_offer"
    ]
    assert await entries(pool) == [
        ("claim_recorded", "saved"),
        ("actions_enqueued", "verify_offer"),
    ]


async def test_a_commit_whose_answer_was_lost_is_found_by_the_next_post(
    shared_database: str, pool: Pool
) -> None:
    grant, claim = make_grant(), make_claim(session="sess_1")
    async with (
        cut_line(shared_database) as line,
        asyncpg.create_pool(line.dsn, min_size=1, max_size=1) as cut,
    ):
        # Prepared first, then carried out.
        line.lose_an_answer(skip=1)
        with pytest.raises(UnavailableError):
            await record(Ledger(cut), claim, grant)
        again = await record(Ledger(cut), claim, grant)

    assert again.repeated
    assert line.cuts == 1
    assert (await count(pool, "claim"), await count(pool, "action")) == (1, 1)


async def test_an_outage_while_recording_leaves_nothing_half_done(
    ledger: Ledger, pool: Pool
) -> None:
    await pool.execute(
        """
        CREATE FUNCTION cut() RETURNS trigger LANGUAGE plpgsql AS
            'BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NEW; END';
        CREATE TRIGGER cut BEFORE INSERT ON aiocancel.journal FOR EACH ROW EXECUTE FUNCTION cut();
        """
    )
    grant = make_grant()
    try:
        with pytest.raises(UnavailableError):
            await record(ledger, make_claim(), grant)
    finally:
        await pool.execute("DROP FUNCTION cut CASCADE")

    assert (await count(pool, "claim"), await count(pool, "action")) == (0, 0)
    assert not (await record(ledger, make_claim(), grant)).repeated


# --- answering ----------------------------------------------------------------------------------------


async def test_a_claim_is_answered_to_its_owner_only(ledger: Ledger) -> None:
    recorded = await record(ledger, make_claim(), make_grant(customer_id="ada"))
    assert await ledger.answer(recorded.public_id, "grace") is None
    assert await ledger.answer(uuid.uuid4(), "ada") is None
    answer = await ledger.answer(recorded.public_id, "ada")
    assert answer is not None
    assert (answer.kind, answer.change) == (AnswerKind.QUEUED, Topic.CANCELLATION)


async def test_the_answer_follows_the_action_and_carries_stripes_date(ledger: Ledger) -> None:
    recorded = await record(ledger, make_claim(), make_grant())
    taken = await take_one(ledger)
    queued = await ledger.answer(recorded.public_id, "ada")
    assert queued is not None
    assert queued.kind is AnswerKind.QUEUED
    assert await ledger.finish(taken, DONE)
    settled = await ledger.answer(recorded.public_id, "ada")
    assert settled is not None
    assert (settled.kind, settled.effective_at) == (AnswerKind.SCHEDULED, ENDS)


async def test_a_parked_action_is_answered_as_manual(ledger: Ledger) -> None:
    recorded = await record(ledger, make_claim(), make_grant())
    assert await ledger.park(await take_one(ledger), Code.RESOURCE_MISSING)
    answer = await ledger.answer(recorded.public_id, "ada")
    assert answer is not None
    assert answer.kind is AnswerKind.MANUAL


# --- taking -------------------------------------------------------------------------------------------


async def test_actions_of_one_subscription_are_taken_one_at_a_time_and_in_order(
    ledger: Ledger, pool: Pool
) -> None:
    asked = [await ask(pool), await ask(pool, status="resumed"), await ask(pool)]
    seen = []
    for _ in asked:
        taken = await take_one(ledger)
        assert await take(ledger, OTHER) == []
        seen.append(taken.action_id)
        assert await ledger.finish(taken, DONE)
    assert seen == asked
    assert await take(ledger) == []


async def test_many_subscriptions_are_taken_together_and_each_by_one_worker(
    ledger: Ledger, pool: Pool
) -> None:
    asked = [await ask(pool, f"sub_{number}") for number in range(5)]
    mine = await ledger.take(ONE, asked[:3], lease_s=LEASE_S)
    others = await take(ledger, OTHER)
    assert [len(mine), len(others)] == [3, 2]
    assert len({taken.action.subscription_id for taken in mine + others}) == 5
    assert {taken.owner for taken in others} == {OTHER}


async def test_workers_that_take_at_the_same_moment_never_share_an_action(
    ledger: Ledger, pool: Pool
) -> None:
    for number in range(30):
        await ask(pool, f"sub_{number % 10}")

    owners = [uuid.UUID(int=number) for number in range(8)]
    done: list[TakenAction] = []

    while len(done) < 30:
        taken = [
            one
            for batch in await asyncio.gather(*(take(ledger, owner) for owner in owners))
            for one in batch
        ]
        subscriptions = [one.action.subscription_id for one in taken]
        assert len(subscriptions) == len(set(subscriptions))
        assert taken or len(done) == 30
        assert all(await asyncio.gather(*(ledger.finish(one, DONE) for one in taken)))
        done += taken

    assert len({one.action_id for one in done}) == 30

    for number in range(10):
        of_one = [one.action_id for one in done if one.action.subscription_id == f"sub_{number}"]
        assert of_one == sorted(of_one)


async def test_an_action_that_is_not_due_waits_and_holds_back_the_later_ones(
    ledger: Ledger, pool: Pool
) -> None:
    first, _ = await ask(pool), await ask(pool, status="resumed")
    assert await ledger.hand_back(await take_one(ledger), delay_s=60, code=Code.RATE_LIMIT)
    assert await take(ledger) == []
    await pool.execute("UPDATE aiocancel.action SET due_at = now() WHERE id = $1", first)
    assert (await take_one(ledger)).action_id == first


async def test_a_parked_action_does_not_hold_back_the_later_ones(
    ledger: Ledger, pool: Pool
) -> None:
    await ask(pool)
    later = await ask(pool, status="resumed")
    await ledger.park(await take_one(ledger), Code.of_stripe("schedule"))
    assert (await take_one(ledger)).action_id == later


async def test_an_action_whose_lease_ended_is_taken_again_and_its_old_holder_cannot_write_any_more(
    ledger: Ledger, pool: Pool
) -> None:
    action_id = await ask(pool)
    old = await take_one(ledger, ONE)
    assert await take(ledger, OTHER) == []
    await end_leases(pool)
    new = await take_one(ledger, OTHER)

    assert (new.action_id, new.attempt) == (action_id, 2)
    assert await ledger.begin_write(old) is None
    assert not await ledger.finish(old, DONE)
    assert not await ledger.park(old, Code.of_stripe("late"))
    assert not await ledger.hand_back(old, delay_s=0, code=None)
    assert (await row_of(pool, action_id))["lease_owner"] == OTHER
    assert await ledger.finish(new, DONE)


async def test_a_worker_that_takes_its_own_lost_action_again_is_fenced_from_its_first_attempt(
    ledger: Ledger, pool: Pool
) -> None:
    await ask(pool)
    old = await take_one(ledger, ONE)
    await end_leases(pool)
    new = await take_one(ledger, ONE)
    assert not await ledger.finish(old, DONE)
    assert await ledger.finish(new, DONE)


async def test_a_worker_takes_what_it_leased_without_knowing_again_and_nothing_that_another_has(
    ledger: Ledger, pool: Pool
) -> None:
    action_id = await ask(pool)
    lost = await take_one(ledger, ONE)
    assert await take(ledger, OTHER) == []
    again = await take_one(ledger, ONE)
    assert (again.action_id, again.attempt) == (action_id, 2)
    assert not await ledger.finish(lost, DONE)


async def test_a_finished_action_is_never_taken_again(ledger: Ledger, pool: Pool) -> None:
    action_id = await ask(pool)
    await ledger.finish(await take_one(ledger), DONE)
    await pool.execute("UPDATE aiocancel.action SET due_at = now() - interval '1 day'")
    assert await take(ledger) == []
    assert (await row_of(pool, action_id))["state"] == "done"


async def test_an_older_action_committed_late_never_runs_beside_a_younger_one(
    ledger: Ledger, pool: Pool, shared_database: str
) -> None:
    slow = await asyncpg.connect(shared_database)
    transaction = slow.transaction()
    await transaction.start()
    claim_id = await slow.fetchval(
        """
        INSERT INTO aiocancel.claim (public_id, grant_nonce, uses_grant, vendor, status, customer_id, subscription_id,
            mode, change, recovery_point) VALUES (gen_random_uuid(), 'slow', true, 'prosperstack', 'canceled', 'ada',
            'sub_1', 'test', 'cancellation', 'actions_enqueued') RETURNING id
        """
    )
    older = await slow.fetchval(
        """
        INSERT INTO aiocancel.action (claim_id, ordinal, kind, subscription_id, idempotency_key)
        VALUES ($1, 0, 'cancel_at_period_end', 'sub_1', 'slow') RETURNING id
        """,
        claim_id,
    )
    younger = await ask(pool)
    running = await take_one(ledger)
    assert running.action_id == younger > older
    await transaction.commit()
    await slow.close()
    assert await take(ledger, OTHER) == []
    # Were the younger one's worker killed, the two would wait for each other for ever.
    await end_leases(pool)
    again = await take_one(ledger, OTHER)

    assert again.action_id == younger
    assert await ledger.finish(again, DONE)
    assert (await take_one(ledger)).action_id == older


async def test_an_action_of_a_kind_that_a_newer_release_made_is_left_alone(
    ledger: Ledger, pool: Pool
) -> None:
    newer = await ask(pool, "sub_1")
    await pool.execute("UPDATE aiocancel.action SET kind = 'apply_coupon'")
    known = await ask(pool, "sub_2")
    assert (await take_one(ledger)).action_id == known
    assert (await row_of(pool, newer))["attempts"] == 0


# --- attempts and keys --------------------------------------------------------------------------------


async def test_the_key_is_stored_before_the_call_and_stays_over_the_attempts(
    ledger: Ledger, pool: Pool
) -> None:
    action_id = await ask(pool)
    keys = []
    for number in (1, 2, 3):
        taken = await take_one(ledger)
        assert taken.has_written == (number > 1)
        keys.append(await ledger.begin_write(taken))
        row = await row_of(pool, action_id)
        assert (row["idempotency_key"], row["state"]) == (keys[-1], "running")
        assert row["key_used_at"] is not None
        await ledger.end_write(taken, "unknown", code=Code.TIMEOUT, request_id=f"req_{number}")
        await ledger.hand_back(taken, delay_s=0, code=Code.TIMEOUT)
    assert len(set(keys)) == 1
    attempts = await pool.fetch(
        "SELECT number, result, code, request_id FROM aiocancel.attempt ORDER BY number"
    )

    assert [tuple(row) for row in attempts] == [
        (number, "unknown", "timeout", f"req_{number}") for number in (1, 2, 3)
    ]


async def test_keys_of_different_actions_differ(ledger: Ledger, pool: Pool) -> None:
    for number in range(3):
        await ask(pool, f"sub_{number}")
    keys = [await ledger.begin_write(taken) for taken in await take(ledger)]
    assert len(set(keys)) == 3


async def test_a_spent_key_is_replaced_once(ledger: Ledger, pool: Pool) -> None:
    await ask(pool)
    keys = []
    for spent in (True, False, False):
        taken = await take_one(ledger)
        keys.append(await ledger.begin_write(taken))
        await ledger.end_write(
            taken, "unknown", code=Code.API_ERROR, request_id=None, key_spent=spent
        )
        await ledger.hand_back(taken, delay_s=0, code=Code.API_ERROR)
    assert keys[0] != keys[1] == keys[2]


@pytest.mark.parametrize(
    ("age_s", "is_new"), [(TWENTY_HOURS_S - 60, False), (TWENTY_HOURS_S + 1, True)]
)
async def test_a_key_that_stripe_may_have_forgotten_is_replaced(
    ledger: Ledger, pool: Pool, age_s: int, is_new: bool
) -> None:
    await ask(pool)
    taken = await take_one(ledger)
    first = await ledger.begin_write(taken)
    await ledger.hand_back(taken, delay_s=0, code=Code.TIMEOUT)
    await pool.execute(
        "UPDATE aiocancel.action SET key_used_at = now() - make_interval(secs => $1)", age_s
    )
    second = await ledger.begin_write(await take_one(ledger))
    assert (first != second) == is_new
    age = await pool.fetchval(
        "SELECT extract(epoch FROM now() - key_used_at)::float8 FROM aiocancel.action"
    )

    # A new key's age counts from now, an old one's still from its first use.
    assert (age < 30) == is_new


async def test_a_late_word_about_an_old_key_does_not_spend_the_new_one(
    ledger: Ledger, pool: Pool
) -> None:
    await ask(pool)
    old = await take_one(ledger, ONE)
    await ledger.begin_write(old)
    await pool.execute("UPDATE aiocancel.action SET key_spent = true")
    await end_leases(pool)
    new = await take_one(ledger, OTHER)
    key = await ledger.begin_write(new)
    await ledger.end_write(old, "unknown", code=Code.API_ERROR, request_id=None, key_spent=True)
    await ledger.hand_back(new, delay_s=0, code=None)
    assert await ledger.begin_write(await take_one(ledger)) == key


# --- settling -----------------------------------------------------------------------------------------


async def test_finishing_stores_the_receipt_and_moves_the_claim_on(
    ledger: Ledger, pool: Pool
) -> None:
    action_id = await ask(pool)
    taken = await take_one(ledger)
    assert await ledger.finish(taken, DONE)
    row = await row_of(pool, action_id)
    assert (row["state"], row["receipt_status"], row["receipt_ends_at"]) == ("done", "active", ENDS)
    assert row["lease_owner"] is None
    assert await pool.fetchval("SELECT recovery_point FROM aiocancel.claim") == "action_applied"
    assert not await ledger.finish(taken, DONE)
    assert len(await entries(pool)) == 4


@pytest.mark.parametrize("hooks", [False, True])
@pytest.mark.parametrize("another_waits", [False, True])
async def test_stripes_yes_is_noted_together_with_the_end_of_the_action(
    pool: Pool, hooks: bool, another_waits: bool
) -> None:
    ledger = Ledger(pool, hooks=hooks)
    await ask(pool)
    taken = await take_one(ledger)
    if another_waits:
        await ask(pool)
    await ledger.begin_write(taken)
    assert await ledger.finish(taken, DONE, accepted=Accepted("req_1"))
    assert await attempts(pool) == [("accepted", "req_1", True)]
    assert (await row_of(pool, taken.action_id))["state"] == "done"
    jobs = await pool.fetch(
        "SELECT dedupe_key FROM aiocancel.pgqueuer WHERE dedupe_key LIKE $1", f"%:{taken.action_id}"
    )

    # The action that waited is told that it is its turn.
    assert len(jobs) == another_waits
    assert await count(pool, "action") == 1 + another_waits + hooks


async def test_stripes_yes_is_noted_though_the_lease_is_lost(ledger: Ledger, pool: Pool) -> None:
    await ask(pool)
    taken = await take_one(ledger)
    await ledger.begin_write(taken)
    await end_leases(pool)
    await take_one(ledger, OTHER)
    assert not await ledger.finish(taken, DONE, accepted=Accepted("req_1"))
    assert await attempts(pool) == [("accepted", "req_1", True)]
    assert (await row_of(pool, taken.action_id))["state"] == "running"


async def attempts(pool: Pool) -> list[tuple[str | None, str | None, bool]]:
    rows = await pool.fetch(
        "SELECT result, request_id, ended_at IS NOT NULL AS ended FROM aiocancel.attempt"
    )
    return [tuple(row) for row in rows]


async def test_parking_stores_the_code_and_does_not_call_the_claim_applied(
    ledger: Ledger, pool: Pool
) -> None:
    action_id = await ask(pool, policy=AT_ONCE)
    assert await ledger.park(await take_one(ledger), Code.RESOURCE_MISSING)
    row = await row_of(pool, action_id)
    assert (row["state"], row["parked_code"], row["lease_owner"]) == (
        "parked",
        "resource_missing",
        None,
    )
    assert await pool.fetchval("SELECT recovery_point FROM aiocancel.claim") == "actions_enqueued"


async def test_the_journal_tells_an_actions_whole_story_in_order(
    ledger: Ledger, pool: Pool
) -> None:
    await ask(pool)
    await ledger.hand_back(await take_one(ledger), delay_s=0, code=Code.RATE_LIMIT)
    await ledger.hand_back(await take_one(ledger), delay_s=0, code=None)
    await ledger.finish(await take_one(ledger), DONE)

    assert await entries(pool) == [
        ("claim_recorded", "canceled"),
        ("outcome_verified", None),
        ("actions_enqueued", "cancel_at_period_end"),
        ("attempt_failed", "rate_limit"),
        ("handed_back", None),
        ("action_applied", "active"),
    ]


async def test_every_use_of_the_ledger_reports_an_outage_as_one(ledger: Ledger, pool: Pool) -> None:
    await ask(pool)
    taken = await take_one(ledger)
    await pool.close()
    uses = [
        record(ledger, make_claim(), make_grant()),
        ledger.answer(uuid.uuid4(), "ada"),
        ledger.take(ONE, [taken.action_id], lease_s=LEASE_S),
        ledger.renew(ONE, [taken.action_id], lease_s=LEASE_S),
        ledger.sweep(ONE, overdue_s=0),
        ledger.begin_write(taken),
        ledger.end_write(taken, "accepted", code=None, request_id=None),
        ledger.finish(taken, DONE),
        ledger.park(taken, Code.of_stripe("x")),
        ledger.hand_back(taken, delay_s=0, code=None),
    ]

    for use in uses:
        with pytest.raises(UnavailableError):
            await use


async def test_a_lease_is_renewed_however_many_statements_wait_for_a_bounded_ledger(
    pool: Pool,
) -> None:
    action_id = await ask(pool)
    ledger, owner = Ledger(pool, most_at_once=1), uuid.uuid4()
    await ledger.take(owner, [action_id], lease_s=60)

    async with pool.acquire() as other, other.transaction():
        await other.execute("LOCK TABLE aiocancel.claim IN ACCESS EXCLUSIVE MODE")
        waiting = asyncio.create_task(ledger.outcome(1))
        await until(lambda: other.fetchval(WAITS_FOR_A_LOCK))

        async with asyncio.timeout(10):
            renewed = await ledger.renew(owner, [action_id], lease_s=60)

    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    assert renewed == [action_id]


@pytest.mark.parametrize(
    ("terms", "is_ours"),
    [
        ('{"type": "pause", "interval": "month", "count": 1, "at_period_end": false}', True),
        ('{"type": "trial_extension", "days": 7}', False),
    ],
)
async def test_a_pause_that_was_recognised_as_done_can_be_taken_back(
    pool: Pool, terms: str, *, is_ours: bool
) -> None:
    action_id = await ask(pool)
    offer = f'{{"offer_id": "gift", "terms": {terms}, "metadata": {{}}}}'
    await pool.execute("UPDATE aiocancel.action SET kind = 'apply_offer', offer = $1", offer)
    ledger = Ledger(pool)
    (taken,) = await ledger.take(uuid.uuid4(), [action_id], lease_s=60)

    await ledger.finish(taken, Receipt("active", None))

    made = await ledger.made_by_offers(taken.action.subscription_id)
    assert (made.changes, made.vendor_paused) == ((), is_ours)
