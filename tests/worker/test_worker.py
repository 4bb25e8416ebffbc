"""The worker against a real ledger and a Stripe that remembers: every wish takes effect once, whatever breaks."""

from __future__ import annotations

import asyncio
import sys
import uuid
from collections.abc import AsyncIterator, Collection
from typing import Any, get_args

import asyncpg
import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestServer
from aiohttp.typedefs import Handler

from aiocancel.core.actions import ActionKind, Receipt
from aiocancel.core.changes import Change
from aiocancel.core.codes import AnyCode, Code
from aiocancel.core.decision import Policy
from aiocancel.core.identifiers import SubscriptionId
from aiocancel.core.retry import MAX_ATTEMPTS
from aiocancel.core.subscription import Subscription
from aiocancel.errors import UnavailableError, UnknownBillingError
from aiocancel.postgres.leasing import TakenAction
from aiocancel.postgres.ledger import Ledger
from aiocancel.postgres.schema import migrate
from aiocancel.postgres.settling import Accepted
from aiocancel.telemetry import ActionApplied, ActionParked, AttemptFailed, DriftFound
from aiocancel.testing.postgres import EmbeddedPostgres
from aiocancel.testing.stripe.simulator import Fault, FaultKind, StripeSimulator
from tests.support.claims import (
    AT_ONCE,
    AT_PERIOD_END,
    BY_VENDOR,
    ask,
    empty_tables,
    hurry,
    make_claim,
    make_grant,
    record,
)
from tests.support.cut_line import cut_line
from tests.support.saas import Pool
from tests.support.waiting import until
from tests.support.workbench import Bench, client_of, running

FAULTS: tuple[FaultKind, ...] = get_args(FaultKind)


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def shared_database(postgres: EmbeddedPostgres, template_database: str) -> AsyncIterator[str]:
    yield await postgres.create_database("shared_by_worker_tests", template=template_database)
    await postgres.drop_database("shared_by_worker_tests")


@pytest_asyncio.fixture(loop_scope="session")
async def pool(shared_database: str) -> AsyncIterator[Pool]:
    async with asyncpg.create_pool(shared_database, min_size=1, max_size=20) as opened:
        await empty_tables(opened)
        yield opened


# --- the actions --------------------------------------------------------------------------------------


async def test_cancelling_at_period_end_schedules_it_with_the_reason_and_stores_stripes_date(
    bench: Bench,
) -> None:
    known = bench.stripe.add_subscription("sub_1")
    await ask(bench.pool, text="Too dear", code="too_expensive")
    await bench.work()
    subscription = bench.stripe.subscriptions["sub_1"]
    assert (subscription["status"], subscription["cancel_at_period_end"]) == ("active", True)
    assert subscription["cancellation_details"]["comment"] == "Too dear"
    ends_at = await bench.pool.fetchval("SELECT receipt_ends_at FROM aiocancel.action")

    assert int(ends_at.timestamp()) == known["items"]["data"][0]["current_period_end"]
    assert await bench.entries() == [
        ("actions_enqueued", "cancel_at_period_end"),
        ("action_applied", "active"),
    ]
    assert (
        await bench.pool.fetchval("SELECT recovery_point FROM aiocancel.claim") == "action_applied"
    )


async def test_cancelling_now_ends_the_subscription(bench: Bench) -> None:
    bench.stripe.add_subscription("sub_1")
    await ask(bench.pool, policy=AT_ONCE)
    await bench.work()
    assert await bench.states() == ["done"]
    assert bench.kinds() == ["cancel_now"]


@pytest.mark.parametrize("by_date", [False, True])
async def test_resuming_takes_a_scheduled_cancellation_back(bench: Bench, by_date: bool) -> None:
    ending: dict[str, Any] = (
        {"cancel_at": bench.stripe.now + 3600} if by_date else {"cancel_at_period_end": True}
    )
    bench.stripe.add_subscription("sub_1", **ending)
    await ask(bench.pool, status="resumed")
    await bench.work(resume_policy="any")
    assert await bench.states() == ["done"]
    assert (bench.stripe.subscriptions["sub_1"]["cancel_at"], bench.kinds()) == (None, ["resume"])


@pytest.mark.parametrize(
    ("status", "policy", "subscription"),
    [
        ("canceled", AT_PERIOD_END, {"cancel_at_period_end": True}),
        ("canceled", AT_PERIOD_END, {"status": "canceled"}),
        ("canceled", AT_ONCE, {"status": "canceled"}),
        ("canceled", AT_ONCE, {"status": "incomplete_expired"}),
        ("canceled", BY_VENDOR, {"cancel_at_period_end": True}),
        ("resumed", AT_PERIOD_END, {}),
    ],
)
async def test_what_is_already_so_is_done_without_a_write(
    bench: Bench, status: str, policy: Any, subscription: dict[str, Any]
) -> None:
    bench.stripe.add_subscription("sub_1", **subscription)
    await ask(bench.pool, status=status, policy=policy)
    await bench.work()
    assert await bench.states() == ["done"]
    assert [request.method for request in bench.stripe.requests] == ["GET"]
    assert [event.written for event in bench.events.of(ActionApplied)] == [False]


async def test_cancel_resume_and_cancel_again_each_take_effect(bench: Bench) -> None:
    bench.stripe.add_subscription("sub_1")
    for status in ("canceled", "resumed", "canceled"):
        await ask(bench.pool, status=status)
    await bench.work()
    assert await bench.states() == ["done"] * 3
    assert bench.kinds() == ["cancel_at_period_end", "resume", "cancel_at_period_end"]


async def test_a_resumption_that_failed_for_a_while_takes_no_later_cancellation_of_the_vendor_back(
    bench: Bench,
) -> None:
    bench.stripe.add_subscription("sub_1", cancel_at_period_end=True)
    await ask(bench.pool, policy=BY_VENDOR)
    await bench.work()
    resumption = await ask(bench.pool, status="resumed")
    (taken,) = await Ledger(bench.pool).take(uuid.uuid4(), [resumption], lease_s=60)
    await Ledger(bench.pool).hand_back(taken, delay_s=1800.0, code=Code.UNREACHABLE)
    # The customer leaves after all: the vendor's cancellation is seen at once, and waits for none of ours.
    await ask(bench.pool, policy=BY_VENDOR)

    async with running(bench.worker(resume_policy="any")):
        await until(lambda: _has_seen_two_cancellations(bench))
        await hurry(bench.pool)
        await bench.settle()

    assert await bench.states() == ["done", "parked: withdrawn", "done"]
    assert bench.kinds() == []


async def _has_seen_two_cancellations(bench: Bench) -> bool:
    states = await bench.pool.fetch(
        "SELECT state FROM aiocancel.action WHERE kind = 'expect_cancellation'"
    )
    return [row["state"] for row in states] == ["done", "done"]


async def test_whoever_waits_for_a_claim_is_told_once_it_is_settled(bench: Bench) -> None:
    bench.stripe.add_subscription("sub_1")
    recorded = await record(Ledger(bench.pool), make_claim(), make_grant())
    told: list[uuid.UUID] = []
    await bench.work(on_settled=told.append)
    assert told == [recorded.public_id]


@pytest.mark.parametrize("policy", [AT_PERIOD_END, AT_ONCE])
async def test_stripe_is_asked_once_before_the_change_and_its_answer_shows_the_change(
    bench: Bench, policy: Any
) -> None:
    bench.stripe.add_subscription("sub_1")
    await ask(bench.pool, policy=policy)
    await bench.work()
    assert await bench.states() == ["done"]
    assert [request.method for request in bench.stripe.requests] == [
        "GET",
        "POST" if policy is AT_PERIOD_END else "DELETE",
    ]


async def test_an_answer_that_was_lost_or_is_an_old_one_is_no_evidence_and_stripe_is_asked_again(
    bench: Bench,
) -> None:
    bench.stripe.add_subscription("sub_1")
    bench.stripe.inject(
        Fault("drop_after", method="POST"), Fault("rate_limit_429", method="GET", skip=1)
    )

    def undo(event: object) -> None:
        if isinstance(event, AttemptFailed):
            bench.stripe.subscriptions["sub_1"].update(cancel_at_period_end=False, cancel_at=None)

    await ask(bench.pool)
    await bench.work(on_event=undo)
    posts = [request.replayed for request in bench.stripe.requests if request.method == "POST"]
    # The repeated answer says that the subscription ends, which by then it does not.
    assert posts == [False, True]
    assert bench.stripe.requests[-1].method == "GET"
    assert await bench.states() == ["parked: undone_elsewhere"]


# --- what parks ---------------------------------------------------------------------------------------


async def test_a_subscription_under_a_schedule_is_left_to_a_human_where_the_owner_says_so(
    bench: Bench,
) -> None:
    bench.stripe.add_subscription("sub_1", schedule="sub_sched_1")
    await ask(bench.pool)
    await bench.work(schedule_policy="park")
    assert await bench.states() == ["parked: subscription_has_a_schedule"]
    assert await bench.events.codes(ActionParked) == ["subscription_has_a_schedule"]
    assert (await bench.entries())[-1] == ("action_parked", "subscription_has_a_schedule")
    assert bench.sent("POST") == 0


@pytest.mark.parametrize("policy", [AT_PERIOD_END, AT_ONCE, BY_VENDOR])
async def test_a_subscription_that_stripe_does_not_know_is_left_to_a_human(
    bench: Bench, policy: Any
) -> None:
    await ask(bench.pool, "sub_unknown", policy=policy)
    await bench.work()
    assert await bench.states() == ["parked: resource_missing"]


async def test_resuming_what_has_ended_is_left_to_a_human(bench: Bench) -> None:
    bench.stripe.add_subscription("sub_1", status="canceled")
    await ask(bench.pool, status="resumed")
    await bench.work()
    assert await bench.states() == ["parked: subscription_has_ended"]
    assert bench.sent("POST") == 0


async def test_an_id_that_is_no_subscriptions_is_parked_without_a_request(bench: Bench) -> None:
    await ask(bench.pool, "../customers/cus_1")
    await bench.work()
    assert await bench.states() == ["parked: bad_subscription_id"]
    assert bench.stripe.requests == []


async def test_a_failure_that_never_ends_is_left_to_a_human_after_the_last_attempt(
    bench: Bench,
) -> None:
    bench.stripe.add_subscription("sub_1")
    bench.stripe.inject(Fault("lock_timeout_429", method="POST", times=1000))
    await ask(bench.pool)
    # The attempts before the last three were made by other workers, on other days.
    await bench.pool.execute("UPDATE aiocancel.action SET attempts = $1", MAX_ATTEMPTS - 3)

    await bench.work()

    assert await bench.states() == ["parked: gave_up_transient"]
    last_three = [MAX_ATTEMPTS - 2, MAX_ATTEMPTS - 1, MAX_ATTEMPTS]
    assert [event.attempt for event in bench.events.of(AttemptFailed)] == last_three
    assert bench.sent("POST") == 3
    assert await bench.pool.fetchval("SELECT attempts FROM aiocancel.action") == MAX_ATTEMPTS


@pytest.mark.parametrize("kind", ["apply_offer", "expect_offer"])
async def test_an_action_whose_offer_is_missing_is_parked_without_a_write(
    bench: Bench, kind: str
) -> None:
    bench.stripe.add_subscription("sub_1")
    await ask(bench.pool)
    await bench.pool.execute("UPDATE aiocancel.action SET kind = $1, offer = NULL", kind)

    await bench.work()

    assert await bench.states() == ["parked: offer_is_missing"]
    assert bench.sent("POST") == 0


async def test_a_change_that_somebody_undid_after_us_is_not_forced_on_them(bench: Bench) -> None:
    bench.stripe.add_subscription("sub_1")
    # Our change is made, but neither its answer nor the look after it arrives.
    bench.stripe.inject(
        Fault("drop_after", method="POST"), Fault("rate_limit_429", method="GET", skip=1)
    )
    await ask(bench.pool)

    def undo(event: object) -> None:
        if isinstance(event, AttemptFailed):
            bench.stripe.subscriptions["sub_1"].update(cancel_at_period_end=False, cancel_at=None)

    await bench.work(on_event=undo)
    assert await bench.states() == ["parked: undone_elsewhere"]
    assert bench.kinds() == ["cancel_at_period_end"]


# --- faults at Stripe ---------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_write_that_meets_a_fault_takes_effect_exactly_once(
    bench: Bench, fault: FaultKind
) -> None:
    names = {
        ("POST", 1): "sub_a",
        ("POST", 2): "sub_b",
        ("DELETE", 1): "sub_c",
        ("DELETE", 2): "sub_d",
    }
    for (method, times), name in names.items():
        bench.stripe.add_subscription(name)
        bench.stripe.inject(
            Fault(fault, method=method, path_contains=name, times=times, seconds=0.02)
        )
        await ask(bench.pool, name, policy=AT_PERIOD_END if method == "POST" else AT_ONCE)

    await bench.work()
    effects = [bench.kinds(name) for name in names.values()]

    if fault == "card_declined_402":
        assert await bench.states() == ["parked: card_declined"] * 4
        assert effects == [[], [], [], []]
    else:
        assert await bench.states() == ["done"] * 4
        assert effects == [
            ["cancel_at_period_end"],
            ["cancel_at_period_end"],
            ["cancel_now"],
            ["cancel_now"],
        ]


@pytest.mark.parametrize("fault", [fault for fault in FAULTS if fault != "card_declined_402"])
async def test_a_look_that_meets_a_fault_costs_no_second_effect(
    bench: Bench, fault: FaultKind
) -> None:
    names = {
        (AT_PERIOD_END, 0): "sub_a",
        (AT_PERIOD_END, 1): "sub_b",
        (AT_ONCE, 0): "sub_c",
        (AT_ONCE, 1): "sub_d",
    }
    for (policy, looks_before), name in names.items():
        bench.stripe.add_subscription(name)
        # Twice, because aiohttp repeats a GET whose connection breaks.
        bench.stripe.inject(
            Fault(fault, method="GET", path_contains=name, skip=looks_before, times=2, seconds=0.02)
        )
        await ask(bench.pool, name, policy=policy)
    await bench.work()

    assert await bench.states() == ["done"] * 4
    assert [len(bench.kinds(name)) for name in names.values()] == [1] * 4


async def test_a_write_that_stripe_is_still_working_on_is_not_made_a_second_time(
    bench: Bench, stripe_api: tuple[StripeSimulator, str]
) -> None:
    bench.stripe.add_subscription("sub_1")
    bench.stripe.inject(Fault("delay", method="POST", seconds=0.4))
    await ask(bench.pool)
    async with client_of(stripe_api[1], timeout_s=0.2) as impatient:
        await bench.work(billing=impatient, jitter=lambda: -0.9)

    assert await bench.states() == ["done"]
    assert bench.kinds() == ["cancel_at_period_end"]
    assert (
        len(
            {
                request.idempotency_key
                for request in bench.stripe.requests
                if request.method == "POST"
            }
        )
        == 1
    )


async def test_a_failure_that_stripe_stored_is_left_behind_with_a_new_key(bench: Bench) -> None:
    bench.stripe.add_subscription("sub_1")
    bench.stripe.inject(Fault("error_500_before_stored", method="POST"))
    await ask(bench.pool)
    await bench.work()
    posts = [request for request in bench.stripe.requests if request.method == "POST"]

    assert [(post.status, post.replayed) for post in posts] == [
        (500, False),
        (500, True),
        (200, False),
    ]
    assert posts[0].idempotency_key == posts[1].idempotency_key != posts[2].idempotency_key
    assert bench.kinds() == ["cancel_at_period_end"]


async def test_a_failure_that_stripe_stored_costs_one_wait_and_not_two(bench: Bench) -> None:
    class Waits(Ledger):
        async def hand_back(
            self, taken: TakenAction, *, delay_s: float, code: AnyCode | None
        ) -> bool:
            waits.append(delay_s)
            return await super().hand_back(taken, delay_s=0.0, code=code)

    waits: list[float] = []
    bench.stripe.add_subscription("sub_1")
    bench.stripe.inject(Fault("error_500_before_stored", method="POST"))
    await ask(bench.pool)

    await bench.work(ledger=Waits(bench.pool), jitter=lambda: 1.0)

    assert waits == [0.5, 0.0]


async def test_a_body_changed_by_a_new_release_between_two_attempts_is_sent_with_a_new_key(
    bench: Bench, stripe_api: tuple[StripeSimulator, str]
) -> None:
    bench.stripe.add_subscription("sub_1")
    bench.stripe.inject(Fault("error_500_before_stored", method="POST"))
    await ask(bench.pool, code="price")
    async with running(bench.worker(jitter=lambda: 1e6)):
        await until(lambda: bool(bench.events.of(AttemptFailed)))
    await bench.pool.execute("UPDATE aiocancel.action SET due_at = now()")
    await bench.pool.execute("UPDATE aiocancel.pgqueuer SET execute_after = now()")
    async with client_of(stripe_api[1], feedback_codes={"price": "too_expensive"}) as newer:
        await bench.work(billing=newer)

    assert await bench.states() == ["done"]
    assert (
        bench.stripe.subscriptions["sub_1"]["cancellation_details"]["feedback"] == "too_expensive"
    )


async def test_our_own_cancellation_that_reads_as_missing_is_a_success(bench: Bench) -> None:
    bench.stripe.retrieve_canceled = False
    bench.stripe.add_subscription("sub_1")
    await ask(bench.pool, policy=AT_ONCE)
    await bench.work()
    assert await bench.states() == ["done"]
    assert await bench.pool.fetchval("SELECT receipt_status FROM aiocancel.action") == "canceled"


async def test_a_lost_cancellation_that_reads_as_missing_in_the_next_attempt_is_a_success(
    bench: Bench,
) -> None:
    bench.stripe.retrieve_canceled = False
    bench.stripe.add_subscription("sub_1")
    bench.stripe.inject(
        Fault("error_500_after", method="DELETE"), Fault("error_500_before", method="GET", skip=1)
    )
    await ask(bench.pool, policy=AT_ONCE)
    await bench.work()
    assert await bench.states() == ["done"]
    assert bench.kinds() == ["cancel_now"]


async def test_a_subscription_that_ends_between_look_and_write_is_a_success(bench: Bench) -> None:
    bench.stripe.add_subscription("sub_1")

    class EndsMeanwhile(Ledger):
        async def begin_write(self, taken: TakenAction, change: Change | None = None) -> str | None:
            bench.stripe.subscriptions["sub_1"].update(status="canceled", ended_at=bench.stripe.now)
            return await super().begin_write(taken, change)

    await ask(bench.pool)
    await bench.work(ledger=EndsMeanwhile(bench.pool))
    assert await bench.states() == ["done"]
    assert bench.kinds() == []


async def test_a_schedule_that_somebody_else_releases_between_look_and_write_is_no_obstacle(
    bench: Bench,
) -> None:
    bench.stripe.add_subscription("sub_1")
    bench.stripe.add_schedule("sub_sched_1", "sub_1", ends=[bench.stripe.now + 10**7])

    class ReleasedMeanwhile(Ledger):
        async def begin_write(self, taken: TakenAction, change: Change | None = None) -> str | None:
            if bench.stripe.subscriptions["sub_1"]["schedule"]:
                bench.stripe.schedules["sub_sched_1"].update(status="released", subscription=None)
                bench.stripe.subscriptions["sub_1"]["schedule"] = None
            return await super().begin_write(taken, change)

    await ask(bench.pool)
    await bench.work(ledger=ReleasedMeanwhile(bench.pool))
    assert await bench.states() == ["done"]
    assert bench.kinds() == ["cancel_at_period_end"]


async def test_a_worker_that_dies_right_after_a_release_leaves_the_cancellation_to_the_next(
    bench: Bench,
) -> None:
    bench.stripe.add_subscription("sub_1")
    bench.stripe.add_schedule("sub_sched_1", "sub_1", ends=[bench.stripe.now + 10**7])

    class DiesAfterTheRelease(DiesBeforeFinishing):
        async def go_on(self, taken: TakenAction, code: str) -> bool:
            await asyncio.Event().wait()
            return False

    await ask(bench.pool)
    dying = bench.worker(ledger=DiesAfterTheRelease(bench.pool))
    task = asyncio.create_task(dying.run())
    await until(lambda: bench.kinds() == ["schedule_released"])
    await dying.stop(grace_s=0)
    await task
    await bench.end_leases()
    await bench.work()
    assert await bench.states() == ["done"]
    assert bench.kinds() == ["schedule_released", "cancel_at_period_end"]


# --- waiting for the flow vendor ----------------------------------------------------------------------


async def test_a_cancellation_that_the_vendor_makes_is_watched_for_and_never_written(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aiocancel.core.retry.MAX_ATTEMPTS", 5)
    bench.stripe.add_subscription("sub_1")
    await ask(bench.pool, policy=BY_VENDOR)

    async with running(bench.worker()):
        await until(lambda: len(bench.stripe.requests) > 2 * 5, within_s=60)

        # However often we looked, one failed look is no reason to give up.
        bench.stripe.inject(Fault("rate_limit_429", method="GET"))
        await until(lambda: bool(bench.events.of(AttemptFailed)))
        bench.stripe.subscriptions["sub_1"].update(cancel_at_period_end=True)
        await bench.settle()

    assert await bench.states() == ["done"]
    assert {request.method for request in bench.stripe.requests} == {"GET"}


async def test_a_vendor_that_does_not_act_in_time_is_reported_to_a_human(bench: Bench) -> None:
    bench.stripe.add_subscription("sub_1")
    await ask(bench.pool, policy=BY_VENDOR)
    await bench.pool.execute(
        "UPDATE aiocancel.action SET created_at = now() - interval '14 minutes 50 seconds'"
    )
    async with running(bench.worker(jitter=lambda: 1.0)):
        await until(lambda: bool(bench.stripe.requests))
    assert await bench.states() == ["waiting"]
    await bench.pool.execute(
        "UPDATE aiocancel.action SET created_at = now() - interval '15 minutes', due_at = now()"
    )
    await bench.work()

    assert await bench.states() == ["parked: vendor_did_not_act"]
    assert [(event.expected, event.seen) for event in bench.events.of(DriftFound)] == [
        ("cancellation", "active")
    ]


async def test_the_owner_says_how_long_the_vendor_may_take(bench: Bench) -> None:
    bench.stripe.add_subscription("sub_1")
    await ask(bench.pool, policy=BY_VENDOR)
    await bench.work(vendor_acts_within_s=0.2)
    assert await bench.states() == ["parked: vendor_did_not_act"]


# --- live and test ------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["canceled", "resumed"])
@pytest.mark.parametrize("policy", [AT_PERIOD_END, AT_ONCE, BY_VENDOR])
async def test_a_test_claim_never_touches_a_live_subscription(
    bench: Bench, status: str, policy: Any
) -> None:
    bench.stripe.add_subscription("sub_1", livemode=True)
    await ask(bench.pool, status=status, policy=policy)
    await bench.work()
    assert await bench.states() == ["parked: wrong_mode"]
    assert {request.method for request in bench.stripe.requests} == {"GET"}


async def test_a_live_claim_is_not_carried_out_in_test_mode(bench: Bench) -> None:
    bench.stripe.add_subscription("sub_1")
    await ask(bench.pool)
    await bench.pool.execute("UPDATE aiocancel.claim SET mode = 'live'")
    await bench.work()
    assert await bench.states() == ["parked: wrong_mode"]
    assert bench.kinds() == []


# --- workers that die ---------------------------------------------------------------------------------


class DiesBeforeFinishing(Ledger):
    """Stops for ever where a killed process would: the change is made, nothing is stored any more."""

    is_dead = False

    async def finish(
        self, taken: TakenAction, receipt: Receipt, *, accepted: Accepted | None = None
    ) -> bool:
        self.is_dead = True
        await asyncio.Event().wait()
        return False

    async def hand_back(self, taken: TakenAction, *, delay_s: float, code: AnyCode | None) -> bool:
        raise UnavailableError("the process is gone")


@pytest.mark.parametrize("policy", [AT_PERIOD_END, AT_ONCE])
@pytest.mark.parametrize("reads_ended", [True, False])
async def test_what_a_worker_did_before_it_died_is_finished_by_the_next_without_a_second_effect(
    bench: Bench, policy: Any, reads_ended: bool
) -> None:
    bench.stripe.retrieve_canceled = reads_ended
    bench.stripe.add_subscription("sub_1")
    await ask(bench.pool, policy=policy)
    ledger = DiesBeforeFinishing(bench.pool)
    dying = bench.worker(ledger=ledger)
    task = asyncio.create_task(dying.run())
    await until(lambda: ledger.is_dead)
    task.cancel()
    await dying.stop(grace_s=0)
    assert await bench.states() == ["running"]
    await bench.end_leases()
    await bench.work()

    assert await bench.states() == ["done"]
    assert len(bench.kinds()) == 1
    assert bench.sent("POST") + bench.sent("DELETE") == 1


async def test_a_worker_that_wakes_up_after_its_lease_was_lost_changes_nothing_any_more(
    bench: Bench,
) -> None:
    bench.stripe.add_subscription("sub_1")
    woken = asyncio.Event()

    class Sleepy(Ledger):
        async def begin_write(self, taken: TakenAction, change: Change | None = None) -> str | None:
            if taken.action.kind is ActionKind.CANCEL_AT_PERIOD_END:
                await woken.wait()
            return await super().begin_write(taken, change)

    await ask(bench.pool)
    async with running(bench.worker(ledger=Sleepy(bench.pool), concurrency=2)):
        await until(lambda: bench.sent("GET") == 1)
        await bench.end_leases()
        await bench.work()
        await ask(bench.pool, status="resumed")
        await bench.work()
        woken.set()
    assert await bench.states() == ["done", "done"]
    assert bench.kinds() == ["cancel_at_period_end", "resume"]
    assert bench.sent("POST") == 2


async def test_a_worker_process_killed_in_the_middle_of_many_changes_loses_and_doubles_none(
    bench: Bench, shared_database: str, stripe_api: tuple[StripeSimulator, str]
) -> None:
    names = [f"sub_{number}" for number in range(12)]
    for number, name in enumerate(names):
        bench.stripe.add_subscription(name)
        await ask(bench.pool, name, policy=AT_ONCE if number % 2 else AT_PERIOD_END)
    bench.stripe.latency_s = 0.02
    command = [sys.executable, "-m", "tests.support.worker_process", shared_database, stripe_api[1]]
    process = await asyncio.create_subprocess_exec(*command)
    try:
        await until(lambda: len(bench.stripe.effects) >= 4, within_s=20)
    finally:
        process.kill()
        await process.wait()
    assert "running" in await bench.states()
    await bench.end_leases()
    await bench.work()

    assert await bench.states() == ["done"] * 12
    assert [len(bench.kinds(name)) for name in names] == [1] * 12


# --- several workers ----------------------------------------------------------------------------------


class Overlaps:
    """Stands in front of the simulator and sees when two requests for one subscription are under way at once."""

    def __init__(self) -> None:
        self.under_way: set[str] = set()
        self.seen: list[str] = []

    @property
    def middleware(self) -> Any:
        @web.middleware
        async def watch(request: web.Request, handler: Handler) -> web.StreamResponse:
            if request.path in self.under_way:
                self.seen.append(request.path)
            self.under_way.add(request.path)
            try:
                return await handler(request)
            finally:
                self.under_way.discard(request.path)

        return watch


async def test_two_workers_share_many_subscriptions_without_overlap_and_in_order(
    pool: Pool,
) -> None:
    names = [f"sub_{number}" for number in range(20)]
    simulator, overlaps = StripeSimulator(latency_s=0.002), Overlaps()
    for name in names:
        simulator.add_subscription(name)
    for status in ("canceled", "resumed", "canceled"):
        for name in names:
            await ask(pool, name, status)
    app = simulator.app
    app.middlewares.append(overlaps.middleware)
    async with TestServer(app) as server, client_of(str(server.make_url("")).rstrip("/")) as client:
        bench = Bench(pool, simulator, client)
        async with running(bench.worker(), bench.worker()):
            await bench.settle()

    assert await bench.states() == ["done"] * 60
    assert overlaps.seen == []
    for name in names:
        assert bench.kinds(name) == ["cancel_at_period_end", "resume", "cancel_at_period_end"]
    assert {event.attempt for event in bench.events.of(ActionApplied)} == {1}


async def test_no_more_than_the_allowed_number_of_changes_run_at_once(bench: Bench) -> None:
    most = 0

    class Counting:
        now = 0

        async def read(self, subscription_id: SubscriptionId, *_kind: object) -> Subscription:
            nonlocal most
            self.now += 1
            most = max(most, self.now)
            try:
                return await bench.client.read(subscription_id)
            finally:
                self.now -= 1

        apply = staticmethod(bench.client.apply)

    for number in range(12):
        bench.stripe.add_subscription(f"sub_{number}")
        await ask(bench.pool, f"sub_{number}")
    bench.stripe.latency_s = 0.05
    await bench.work(billing=Counting(), concurrency=3)
    assert await bench.states() == ["done"] * 12
    assert most == 3


# --- outages of the database --------------------------------------------------------------------------


# Connecting, and for every statement preparing it and carrying it out, which commits it.
EXCHANGES = 9


@pytest.mark.parametrize("earlier", range(EXCHANGES + 3))
@pytest.mark.parametrize("policy", [AT_PERIOD_END, AT_ONCE])
async def test_an_answer_of_the_database_that_is_lost_at_any_step_costs_no_second_effect(
    bench: Bench, shared_database: str, earlier: int, policy: Any
) -> None:
    bench.stripe.add_subscription("sub_1")
    await ask(bench.pool, policy=policy)
    async with (
        cut_line(shared_database) as line,
        asyncpg.create_pool(line.dsn, min_size=1, max_size=2) as cut,
    ):
        line.lose_an_answer(skip=earlier)
        await bench.work(ledger=Ledger(cut))
    assert await bench.states() == ["done"]
    assert len(bench.kinds()) == 1
    assert line.cuts == 1 or earlier >= EXCHANGES


async def test_a_database_that_restarts_in_the_middle_of_a_change_is_survived(
    stripe_api: tuple[StripeSimulator, str],
) -> None:
    simulator, url = stripe_api
    simulator.add_subscription("sub_1")
    with EmbeddedPostgres(durable=False) as server:
        async with (
            asyncpg.create_pool(server.dsn, min_size=1, max_size=5) as pool,
            client_of(url) as client,
        ):
            async with pool.acquire() as connection:
                await migrate(connection)
            bench = Bench(pool, simulator, client)
            await ask(pool)
            simulator.inject(Fault("delay", method="POST", seconds=0.02))
            async with running(bench.worker()):
                await until(lambda: bench.sent("POST") == 1)
                server.restart()
                await until(lambda: bool(bench.events.of(ActionApplied)))
            assert await bench.states() == ["done"]

    assert bench.kinds() == ["cancel_at_period_end"]


async def test_a_database_that_cuts_every_connection_again_and_again_is_survived(
    bench: Bench, shared_database: str
) -> None:
    names = [f"sub_{number}" for number in range(10)]
    for name in names:
        bench.stripe.add_subscription(name)
        for status in ("canceled", "resumed"):
            await ask(bench.pool, name, status)
    bench.stripe.latency_s = 0.005
    cuts = 0
    async with (
        asyncpg.create_pool(
            shared_database, min_size=1, max_size=5, server_settings={"application_name": "cut"}
        ) as cut,
        running(bench.worker(ledger=Ledger(cut), concurrency=5)),
    ):
        while not await bench.is_settled():
            if cuts < 8:
                cuts += await bench.pool.fetchval(
                    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
                    "WHERE application_name = 'cut' AND datname = current_database()"
                )
            await asyncio.sleep(0.02)

    assert cuts >= 8
    assert await bench.states() == ["done"] * 20
    for name in names:
        assert bench.kinds(name) == ["cancel_at_period_end", "resume"]


async def test_a_ledger_that_cannot_be_read_is_asked_again_and_not_hastily(bench: Bench) -> None:
    asked = 0

    class Gone(Ledger):
        async def take(self, *args: Any, **kwargs: Any) -> list[TakenAction]:
            nonlocal asked
            asked += 1
            if asked <= 3:
                raise UnavailableError("gone")
            return await super().take(*args, **kwargs)

    bench.stripe.add_subscription("sub_1")
    await ask(bench.pool)
    loop = asyncio.get_running_loop()
    before = loop.time()
    await bench.work(ledger=Gone(bench.pool))
    assert loop.time() - before >= 3 * 0.1
    assert await bench.states() == ["done"]


# --- mistakes -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("mistake", [KeyError, asyncio.CancelledError])
async def test_a_mistake_in_the_code_is_tried_a_limited_number_of_times_and_then_left_to_a_human(
    bench: Bench, mistake: type[BaseException]
) -> None:
    class Mistaken:
        calls = 0

        async def read(self, _: SubscriptionId, *_kind: object) -> Subscription:
            self.calls += 1
            if self.calls > 5:
                raise AssertionError("nobody gave up")
            raise mistake("a mistake")

        apply = staticmethod(bench.client.apply)

    mistaken = Mistaken()
    await ask(bench.pool)
    await bench.pool.execute("UPDATE aiocancel.action SET attempts = $1", MAX_ATTEMPTS - 3)

    await bench.work(billing=mistaken)

    assert await bench.states() == ["parked: gave_up_unknown"]
    assert mistaken.calls == 3
    assert await bench.pool.fetchval("SELECT attempts FROM aiocancel.action") == MAX_ATTEMPTS
    assert {event.code for event in bench.events.of(AttemptFailed)} == {mistake.__name__}


async def test_a_mistake_waits_longer_each_time(bench: Bench) -> None:
    class Mistaken:
        async def read(self, _: SubscriptionId, *_kind: object) -> Subscription:
            raise KeyError("a mistake")

        apply = staticmethod(bench.client.apply)

    await ask(bench.pool)
    async with running(bench.worker(billing=Mistaken(), jitter=lambda: 1.0)):
        await until(lambda: bool(bench.events.of(AttemptFailed)))
        await asyncio.sleep(0.1)
    assert len(bench.events.of(AttemptFailed)) == 1
    assert await bench.states() == ["waiting"]


async def test_a_worker_whose_word_is_never_stored_does_not_repeat_itself_hastily(
    bench: Bench,
) -> None:
    class Mute(Ledger):
        searches = 0

        async def sweep(
            self, owner: uuid.UUID, *, holds: Collection[int] = (), overdue_s: float
        ) -> int:
            self.searches += 1
            return await super().sweep(owner, holds=holds, overdue_s=overdue_s)

        async def finish(
            self, taken: TakenAction, receipt: Receipt, *, accepted: Accepted | None = None
        ) -> bool:
            raise UnavailableError("gone")

        async def hand_back(
            self, taken: TakenAction, *, delay_s: float, code: AnyCode | None
        ) -> bool:
            raise UnavailableError("gone")

    async def attempts() -> int:
        return int(await bench.pool.fetchval("SELECT attempts FROM aiocancel.action"))

    async def has_tried_again() -> bool:
        return await attempts() >= 3

    bench.stripe.add_subscription("sub_1")
    await ask(bench.pool)
    ledger = Mute(bench.pool)

    async with running(bench.worker(ledger=ledger)):
        await until(has_tried_again, within_s=60)

    # The first attempt has a job; each further one waits for the search that finds the action again.
    assert await attempts() <= ledger.searches + 1
    assert bench.kinds() == ["cancel_at_period_end"]


async def test_the_end_of_an_attempt_that_cannot_be_stored_is_in_the_log(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    class Mute(Ledger):
        async def finish(
            self, taken: TakenAction, receipt: Receipt, *, accepted: Accepted | None = None
        ) -> bool:
            raise UnavailableError("gone")

        async def hand_back(
            self, taken: TakenAction, *, delay_s: float, code: AnyCode | None
        ) -> bool:
            raise UnavailableError("gone")

    bench.stripe.add_subscription("sub_1")
    action_id = await ask(bench.pool)
    line = f"the end of an attempt at action {action_id} was not stored: UnavailableError"

    async with running(bench.worker(ledger=Mute(bench.pool))):
        await until(lambda: line in caplog.messages)


async def test_an_event_hook_that_fails_changes_nothing(bench: Bench) -> None:
    def fail(_: object) -> None:
        raise RuntimeError("the metrics are down")

    told: list[uuid.UUID] = []
    bench.stripe.add_subscription("sub_1")
    bench.stripe.inject(Fault("rate_limit_429", method="POST"))
    await ask(bench.pool, "sub_1")
    await ask(bench.pool, "sub_unknown")
    await bench.work(on_event=fail, on_settled=told.append)
    assert await bench.states() == ["done", "parked: resource_missing"]
    assert len(told) == 2


# --- stopping -----------------------------------------------------------------------------------------


async def test_stopping_lets_a_change_under_way_finish(bench: Bench) -> None:
    bench.stripe.add_subscription("sub_1")
    bench.stripe.inject(Fault("delay", method="POST", seconds=0.05))
    await ask(bench.pool)
    async with running(bench.worker()):
        await until(lambda: bench.sent("POST") == 1)
    assert await bench.states() == ["done"]


async def test_stopping_hands_back_what_does_not_finish_in_time_and_another_worker_takes_it_at_once(
    bench: Bench,
) -> None:
    bench.stripe.add_subscription("sub_1")
    bench.stripe.inject(Fault("delay", method="POST", seconds=0.1))
    await ask(bench.pool)
    worker = bench.worker()
    task = asyncio.create_task(worker.run())
    await until(lambda: bench.sent("POST") == 1)
    await worker.stop(grace_s=0.01)
    await task
    assert await bench.states() == ["waiting"]
    assert (await bench.entries())[-1] == ("handed_back", None)
    await bench.work()

    assert await bench.states() == ["done"]
    assert bench.kinds() == ["cancel_at_period_end"]


async def test_stopping_at_the_moment_of_taking_hands_back_what_was_taken(bench: Bench) -> None:
    arrived, go_on = asyncio.Event(), asyncio.Event()

    class Slow(Ledger):
        async def take(self, *args: Any, **kwargs: Any) -> list[TakenAction]:
            taken = await super().take(*args, **kwargs)
            arrived.set()
            await go_on.wait()
            return taken

    bench.stripe.add_subscription("sub_1")
    await ask(bench.pool)
    worker = bench.worker(ledger=Slow(bench.pool))
    task = asyncio.create_task(worker.run())
    await arrived.wait()
    await worker.stop(grace_s=1)
    go_on.set()
    await task
    assert await bench.states() == ["waiting"]
    assert bench.stripe.requests == []


async def test_stopping_in_the_middle_of_storing_a_failure_hands_back(bench: Bench) -> None:
    arrived = asyncio.Event()

    class Slow(Ledger):
        async def hand_back(
            self, taken: TakenAction, *, delay_s: float, code: AnyCode | None
        ) -> bool:
            if code is not None:
                arrived.set()
                await asyncio.Event().wait()
            return await super().hand_back(taken, delay_s=delay_s, code=code)

    bench.stripe.inject(Fault("rate_limit_429"))
    await ask(bench.pool)
    worker = bench.worker(ledger=Slow(bench.pool))
    task = asyncio.create_task(worker.run())
    await arrived.wait()
    await worker.stop(grace_s=0)
    await task
    assert await bench.states() == ["waiting"]


async def test_stopping_while_the_database_is_gone_does_not_hang(bench: Bench) -> None:
    class Gone(Ledger):
        async def hand_back(
            self, taken: TakenAction, *, delay_s: float, code: AnyCode | None
        ) -> bool:
            raise UnavailableError("gone")

    bench.stripe.add_subscription("sub_1")
    bench.stripe.inject(Fault("delay", seconds=0.3))
    await ask(bench.pool)
    worker = bench.worker(ledger=Gone(bench.pool))
    task = asyncio.create_task(worker.run())
    await until(lambda: bench.sent("GET") == 1)
    async with asyncio.timeout(1):
        await worker.stop(grace_s=0)
        await task
    assert await bench.states() == ["running"]


async def test_a_search_that_fails_is_repeated_after_a_pause_and_not_at_once(bench: Bench) -> None:
    class Gone(Ledger):
        searches = 0

        async def sweep(
            self, owner: uuid.UUID, *, holds: Collection[int] = (), overdue_s: float
        ) -> int:
            self.searches += 1
            await asyncio.sleep(0)
            raise UnavailableError("gone")

    ledger = Gone(bench.pool)
    began = asyncio.get_running_loop().time()

    async with running(bench.worker(ledger=ledger, sweep_every_s=0.2)):
        await until(lambda: ledger.searches >= 4, within_s=60)
        took_s = asyncio.get_running_loop().time() - began

    # However slow the machine is, there is a pause between two searches.
    assert ledger.searches <= took_s / 0.2 + 1


async def test_a_vendors_change_that_cannot_be_seen_in_time_is_parked_with_its_code(
    bench: Bench,
) -> None:
    class Unreadable:
        async def read(self, _: SubscriptionId) -> Subscription:
            raise UnknownBillingError("no answer", code=Code.UNREACHABLE)

    await ask(bench.pool, policy=Policy(applies_cancellation="vendor"))

    await bench.work(billing=Unreadable(), vendor_acts_within_s=0.0)

    assert await bench.states() == ["parked: vendor_did_not_act"]
