"""After an outage the oldest wishes are not the last: the first success wakes what failed before it."""

from __future__ import annotations

import uuid

import pytest

from aiocancel.core.actions import ActionKind
from aiocancel.core.codes import AnyCode, Code
from aiocancel.errors import (
    BillingError,
    RejectedBillingError,
    TransientBillingError,
    UnknownBillingError,
)
from aiocancel.postgres.ledger import Ledger
from aiocancel.worker.outages import IN_A_ROW, Outages
from tests.support.claims import ask
from tests.support.waiting import until
from tests.support.workbench import Bench, running

CANCEL, VERIFY, HOOKS = (
    ActionKind.CANCEL_AT_PERIOD_END,
    ActionKind.VERIFY_OFFER,
    ActionKind.RUN_HOOKS,
)
GONE = UnknownBillingError("no answer", code=Code.UNREACHABLE)


def after_the_start() -> Outages:
    """One that has seen both providers answer, a while ago."""
    now = 0.0
    outages = Outages(clock=lambda: now)
    for kind in (CANCEL, VERIFY):
        outages.note(kind, None)
    outages.woken("stripe")
    outages.woken("flow vendor")
    now = 60.0
    return outages


async def fails(bench: Bench, subscription_id: str, code: AnyCode) -> int:
    """A cancellation whose next attempt is half an hour away, after a failure."""
    bench.stripe.add_subscription(subscription_id)
    action_id = await ask(bench.pool, subscription_id)
    ledger = Ledger(bench.pool)
    (taken,) = await ledger.take(uuid.uuid4(), [action_id], lease_s=60)
    await ledger.hand_back(taken, delay_s=1800.0, code=code)
    return action_id


async def states(bench: Bench) -> dict[str, str]:
    rows = await bench.pool.fetch("SELECT subscription_id, state FROM aiocancel.action")
    return {row["subscription_id"]: row["state"] for row in rows}


@pytest.mark.parametrize("jobs_are_lost", [False, True])
async def test_the_first_success_at_stripe_wakes_all_that_failed_before_it(
    bench: Bench, *, jobs_are_lost: bool
) -> None:
    for number in range(5):
        await fails(bench, f"sub_old_{number}", Code.UNREACHABLE)
    if jobs_are_lost:
        await bench.pool.execute("DELETE FROM aiocancel.pgqueuer")
    bench.stripe.add_subscription("sub_new")
    await ask(bench.pool, "sub_new")

    async with running(bench.worker()):
        await bench.settle()

    assert set((await states(bench)).values()) == {"done"}


async def test_what_waits_for_a_limit_or_was_never_tried_is_not_woken(bench: Bench) -> None:
    await fails(bench, "sub_limited", Code.RATE_LIMIT)
    await fails(bench, "sub_old", Code.UNREACHABLE)
    promised = await ask(bench.pool, "sub_promised")
    await bench.pool.execute(
        "UPDATE aiocancel.action SET due_at = now() + interval '1 hour' WHERE id = $1", promised
    )
    await bench.pool.execute(
        "DELETE FROM aiocancel.pgqueuer WHERE payload = convert_to($1::text, 'UTF8')", str(promised)
    )
    bench.stripe.add_subscription("sub_new")
    await ask(bench.pool, "sub_new")

    async with running(bench.worker()):

        async def is_woken() -> bool:
            return (await states(bench))["sub_old"] == "done"

        await until(is_woken, within_s=60)

    assert await states(bench) == {
        "sub_limited": "waiting",
        "sub_old": "done",
        "sub_promised": "waiting",
        "sub_new": "done",
    }


async def test_a_failure_after_the_first_success_is_not_woken_again(bench: Bench) -> None:
    ledger = Ledger(bench.pool)
    await fails(bench, "sub_1", Code.UNREACHABLE)

    later = await ledger.wake([CANCEL], back_for_s=3600.0, except_codes=[])
    other_kind = await ledger.wake([VERIFY], back_for_s=0.0, except_codes=[])
    woken = await ledger.wake([CANCEL], back_for_s=0.0, except_codes=[])

    assert (later, other_kind, woken) == (0, 0, 1)


def test_a_success_after_failures_in_a_row_is_the_end_of_an_outage() -> None:
    outages = after_the_start()
    for _ in range(IN_A_ROW):
        outages.note(CANCEL, GONE)

    before = outages.back()
    outages.note(CANCEL, None)

    assert before == []
    assert outages.back() == [("stripe", 0.0)]


def test_a_provider_that_fails_again_wakes_nobody() -> None:
    outages = Outages()
    outages.note(CANCEL, None)
    for _ in range(IN_A_ROW):
        outages.note(CANCEL, GONE)

    assert outages.back() == []


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        (CANCEL, TransientBillingError("wait", code=Code.RATE_LIMIT)),
        (CANCEL, TransientBillingError("busy", code=Code.LOCK_TIMEOUT)),
        (CANCEL, UnknownBillingError("ours", code=Code.DATABASE_UNAVAILABLE)),
        (CANCEL, RejectedBillingError("no", code=Code.RESOURCE_MISSING)),
        (HOOKS, GONE),
        (VERIFY, GONE),
    ],
)
def test_what_says_nothing_about_stripe_makes_no_outage_of_stripes(
    kind: ActionKind, error: BillingError
) -> None:
    outages = after_the_start()
    for _ in range(IN_A_ROW):
        outages.note(kind, error)

    outages.note(CANCEL, None)

    assert outages.back() == []


def test_one_action_that_always_fails_beside_others_that_succeed_makes_no_outage() -> None:
    outages = after_the_start()
    for _ in range(10):
        outages.note(CANCEL, GONE)
        outages.note(CANCEL, None)

    assert outages.back() == []


def test_letters_that_waited_for_their_turn_are_no_outage_of_the_mail_server() -> None:
    outages = after_the_start()
    outages.note(ActionKind.ACKNOWLEDGE, None)
    outages.woken("mail server")
    waited = TransientBillingError("not sent", code=Code.MAIL_WAITED_TOO_LONG)

    for _ in range(IN_A_ROW):
        outages.note(ActionKind.ACKNOWLEDGE, waited)
    outages.note(ActionKind.ACKNOWLEDGE, None)

    assert outages.back() == []


def test_three_that_always_fail_beside_others_that_succeed_are_woken_less_and_less_often() -> None:
    """They have as many attempts as three days of waits take, and others succeed all the time."""
    now = 0.0
    outages = Outages(clock=lambda: now)
    woken = []
    for minute in range(24 * 60):
        now = minute * 60.0
        outages.note(CANCEL, None)
        if outages.back():
            woken.append(minute)
            outages.woken("stripe")
        for _ in range(IN_A_ROW):
            outages.note(CANCEL, GONE)

    assert woken[:6] == [0, 1, 2, 4, 8, 16]
    assert len(woken) == 14


def test_all_that_wait_are_woken_in_batches_as_long_as_the_provider_answers() -> None:
    outages = Outages(clock=lambda: 7.0)
    outages.note(CANCEL, None)

    batches = [outages.back() for _ in range(3)]
    for _ in range(IN_A_ROW):
        outages.note(CANCEL, GONE)
    outages.note(CANCEL, None)

    assert batches == [[("stripe", 0.0)]] * 3
    # Those that were woken failed again.
    assert outages.back() == []


def test_a_day_after_an_outage_the_next_one_ends_as_the_first_did() -> None:
    now = 0.0
    outages = Outages(clock=lambda: now)
    for each in (0.0, 60.0, 240.0, 86_400.0, 86_440.0):
        now = each
        for _ in range(IN_A_ROW):
            outages.note(CANCEL, GONE)
        outages.note(CANCEL, None)
        assert outages.back() == [("stripe", 0.0)]
        outages.woken("stripe")
