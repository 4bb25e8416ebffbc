"""Actions that wait for a date or a payment: they hold nothing up, and keep their place once they are due."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from aiocancel.core.actions import Receipt
from aiocancel.core.changes import SchedulePrice
from aiocancel.core.codes import Code
from aiocancel.core.decision import Answer, AnswerKind, Topic
from aiocancel.core.identifiers import SubscriptionId
from aiocancel.core.schedule_phases import Phase
from aiocancel.postgres.ledger import Ledger
from tests.support.claims import ask
from tests.support.saas import Pool
from tests.support.taken_actions import OTHER, end_leases, entries, row_of, take, take_one

SUB = SubscriptionId("sub_1")


def in_days(days: float) -> datetime:
    return datetime.now(UTC) + timedelta(days=days)


async def wake(pool: Pool) -> None:
    await pool.execute("UPDATE aiocancel.action SET due_at = now() WHERE deferred")


async def test_what_is_deferred_is_overtaken_until_it_is_due_and_then_goes_first(
    ledger: Ledger, pool: Pool
) -> None:
    first, second, third = [await ask(pool) for _ in range(3)]
    assert await ledger.defer(
        await take_one(ledger), until=in_days(30), takes_effect_at=in_days(31)
    )
    overtaking = await take_one(ledger)
    assert overtaking.action_id == second
    assert await ledger.finish(overtaking, Receipt("active", None))
    await wake(pool)

    assert [taken.action_id for taken in await take(ledger)] == [first]
    # It runs now, so the next one waits for it.
    assert await take(ledger, OTHER) == []
    assert not (await row_of(pool, first))["deferred"]
    assert third > first


async def test_what_wakes_counts_its_attempts_and_its_age_anew_and_knows_what_was_told(
    ledger: Ledger, pool: Pool
) -> None:
    await ask(pool)
    await pool.execute(
        "UPDATE aiocancel.action SET attempts = 150, created_at = now() - interval '1 year'"
    )
    at = in_days(31)
    await ledger.defer(await take_one(ledger), until=in_days(30), takes_effect_at=at)
    await pool.execute("UPDATE aiocancel.action SET due_at = now(), woke_at = now()")
    taken = await take_one(ledger)
    assert (taken.attempt, taken.tries, taken.takes_effect_at, taken.asked_to_pay) == (
        152,
        1,
        at,
        False,
    )
    assert taken.age_s < 60
    await end_leases(pool)

    assert (await take_one(ledger)).tries == 2


@pytest.mark.parametrize("url", ["https://invoice.stripe.com/i/1", None])
async def test_what_waits_for_a_payment_says_so_with_or_without_a_page_to_pay_on(
    ledger: Ledger, pool: Pool, url: str | None
) -> None:
    await ask(pool)
    public_id = await pool.fetchval("SELECT public_id FROM aiocancel.claim")
    await ledger.defer(await take_one(ledger), until=in_days(1), payment_url=url)
    expected = Answer(AnswerKind.NEEDS_PAYMENT_ACTION, Topic.CANCELLATION, payment_url=url)
    assert await ledger.answer(public_id, "ada") == expected
    assert (await entries(pool))[-1] == ("deferred", "needs_payment")
    await wake(pool)
    assert (await take_one(ledger)).asked_to_pay
    assert await ledger.answer(public_id, "ada") == expected


async def test_a_lease_that_is_lost_defers_nothing(ledger: Ledger, pool: Pool) -> None:
    await ask(pool)
    lost = await take_one(ledger)
    await end_leases(pool)
    taken = await take_one(ledger)
    assert not await ledger.defer(lost, until=in_days(1), takes_effect_at=in_days(2))
    assert not await ledger.go_on(lost, Code.SCHEDULE_RELEASED)
    assert await ledger.go_on(taken, Code.SCHEDULE_RELEASED)
    assert (await entries(pool))[-1] == ("step_made", "schedule_released")
    assert (await take_one(ledger)).action_id == taken.action_id


async def test_only_what_waits_for_its_date_is_withdrawn(ledger: Ledger, pool: Pool) -> None:
    later, unpaid, waiting = [await ask(pool) for _ in range(3)]
    await ledger.defer(await take_one(ledger), until=in_days(30), takes_effect_at=in_days(31))
    await ledger.defer(
        await take_one(ledger), until=in_days(1), payment_url="https://invoice.stripe.com/i/1"
    )
    assert await ledger.withdraw_deferred(SUB, code=Code.of_stripe("unpaused")) == 1
    states = {action: (await row_of(pool, action))["state"] for action in (later, unpaid, waiting)}
    assert states == {later: "refused", unpaid: "waiting", waiting: "waiting"}
    assert (await entries(pool))[-1] == ("action_refused", "unpaused")
    # One that is being looked at is past withdrawing.
    await ask(pool, "sub_2")
    (other,) = [taken for taken in await take(ledger) if taken.action.subscription_id == "sub_2"]
    await ledger.defer(other, until=in_days(30), takes_effect_at=in_days(31))
    await wake(pool)

    assert any(taken.action_id == other.action_id for taken in await take(ledger))
    assert await ledger.withdraw_deferred(SubscriptionId("sub_2")) == 0


async def test_a_plan_that_a_schedule_brings_is_withdrawn_apart_from_all_else(
    ledger: Ledger, pool: Pool
) -> None:
    pause, plan = [await ask(pool) for _ in range(2)]
    await ledger.defer(await take_one(ledger), until=in_days(30), takes_effect_at=in_days(31))
    taken = await take_one(ledger)
    running = Phase(in_days(-1).replace(microsecond=0), in_days(30).replace(microsecond=0), ())
    change = SchedulePrice("sub_sched_1", running, "price_basic", "price_pro", 1, "month", 1)
    assert await ledger.begin_write(taken, change) is not None
    await ledger.end_write(taken, "accepted", code=None, request_id=None)
    await ledger.defer(taken, until=in_days(30), takes_effect_at=in_days(31))

    assert await ledger.withdraw_deferred(SUB, plans=True) == 1
    assert (await row_of(pool, pause))["state"] == "waiting"
    assert (await row_of(pool, plan))["state"] == "refused"
    # Whose schedule it is stays known, and of another subscription nothing is told.
    assert await ledger.planned_by_offers(SUB) == (change,)
    assert await ledger.planned_by_offers(SubscriptionId("sub_2")) == ()
    assert await ledger.withdraw_deferred(SUB) == 1


async def test_hooks_hear_of_what_was_withdrawn(pool: Pool) -> None:
    ledger = Ledger(pool, hooks=True)
    await ask(pool)
    await ledger.defer(await take_one(ledger), until=in_days(30), takes_effect_at=in_days(31))
    assert (
        await pool.fetchval("SELECT count(*) FROM aiocancel.action WHERE kind = 'run_hooks'") == 0
    )
    await ledger.withdraw_deferred(SUB)
    assert (
        await pool.fetchval("SELECT count(*) FROM aiocancel.action WHERE kind = 'run_hooks'") == 1
    )
