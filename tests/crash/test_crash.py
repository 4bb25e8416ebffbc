"""Nothing is lost and nothing doubled, whatever dies: counted at a Stripe that remembers, and in the ledger."""

from __future__ import annotations

import os
import random
import signal
import time
from pathlib import Path

import pytest

from tests.crash.backup import back_up, set_back
from tests.crash.counts import Counts
from tests.crash.customers import COUPON, PAUSE, PLAN, TRIAL, Customer, Wish
from tests.crash.deaths import POINTS
from tests.crash.scenarios import SCENARIOS, dying_cast, shares
from tests.crash.stage import (
    START_WITHIN_S,
    Scenario,
    Server,
    Stage,
    act,
    finish,
    open_crowd,
    open_stage,
    play,
)
from tests.support.waiting import until

pytestmark = pytest.mark.crash

# Together with those of the smaller tests below.
SESSIONS = int(os.environ.get("AIOCANCEL_CRASH_SESSIONS", "1000")) - 235
SEED = int(os.environ.get("AIOCANCEL_CRASH_SEED", "1"))


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
async def test_every_accepted_claim_takes_effect_exactly_once(
    scenario: Scenario, server: Server, told: list[str], tmp_path: Path
) -> None:
    counts = await play(
        scenario,
        server,
        sessions=shares(SESSIONS)[scenario.name],
        workers=2,
        seed=SEED,
        rate=10,
        logs=tmp_path,
    )

    told.append(counts.line())
    assert counts.problems == []
    assert counts.failures == {}
    assert counts.accepted == counts.sessions
    if scenario.cast is dying_cast:
        assert {f"died {point}" for point in POINTS} <= set(counts.happened)


async def _start(stage: Stage, *, sites: int, workers: int) -> None:
    for _ in range(sites):
        stage.add_web()
    for _ in range(workers):
        stage.add_worker()
    await until(stage.all_up, within_s=START_WITHIN_S)


async def _all_at_once(stage: Stage, customers: list[Customer], name: str) -> Counts:
    began = time.monotonic()
    counts = Counts(name, SEED, sum(len(customer.wishes) for customer in customers))
    async with open_crowd(stage) as crowd:
        await act(crowd, customers, random.Random(SEED), rate=1e6)
        await finish(stage, crowd, customers, counts)
    counts.seconds = time.monotonic() - began
    return counts


async def test_fifty_identical_posts_at_once_have_one_effect_and_fifty_equal_answers(
    server: Server, told: list[str], tmp_path: Path
) -> None:
    customers = [
        Customer(0, [Wish("canceled", copies=50)]),
        Customer(1, [Wish("offr_coupon", 50, True)]),
    ]
    async with open_stage(
        server, "fifty", SEED, tmp_path, customers, answer_within_s=10.0
    ) as stage:
        await _start(stage, sites=2, workers=2)
        counts = await _all_at_once(stage, customers, "fifty identical posts")

    told.append(counts.line())
    assert counts.faultless, counts.problems

    for customer in customers:
        # A message names a price or a plan where Stripe told it in time.
        answers = [answer | {"message": ""} for answer in customer.claims[0].told]
        assert len(answers) == 50
        different = [answer for answer in answers if answer != answers[0]]
        assert different == [], answers[0]
        assert answers[0]["settled"]


async def test_who_cancels_and_undoes_and_cancels_within_a_minute_is_cancelled_twice(
    server: Server, told: list[str], tmp_path: Path
) -> None:
    wishes = [Wish("canceled"), Wish("resumed"), Wish("canceled", through_vendor=True)]
    customers = [Customer(number, wishes) for number in range(5)]
    async with open_stage(server, "undone", SEED, tmp_path, customers) as stage:
        await _start(stage, sites=1, workers=2)
        counts = await _all_at_once(stage, customers, "cancelled, undone, cancelled")
        for customer in customers:
            assert stage.stripe.kinds[customer.subscription_id].count("cancel_at_period_end") == 2
    told.append(counts.line())
    assert counts.faultless, counts.problems


@pytest.mark.parametrize("fault_rate", [0.0, 0.05])
async def test_two_workers_carry_out_a_hundred_actions_on_one_subscription_in_order_and_never_two_at_once(
    server: Server, told: list[str], tmp_path: Path, fault_rate: float
) -> None:
    customers = [Customer(0, [Wish("canceled"), Wish("resumed")] * 50)]
    # Answered before it is done, so that the next one waits behind it in the ledger.
    async with open_stage(
        server, "hundred", SEED, tmp_path, customers, answer_within_s=0.001
    ) as stage:
        await _start(stage, sites=1, workers=2)
        stage.stripe.fault_rate = fault_rate
        counts = await _all_at_once(stage, customers, f"a hundred actions, {fault_rate:.0%} faults")
    told.append(counts.line())
    assert counts.faultless, counts.problems
    assert counts.happened["posts"] == 100


async def test_a_ledger_that_is_set_back_under_a_stripe_that_moved_on_doubles_nothing(
    server: Server, told: list[str], tmp_path: Path
) -> None:
    offers = [Wish(offer, through_vendor=True) for offer in (COUPON, TRIAL, PLAN, PAUSE)]
    wishes = [Wish("canceled"), Wish("canceled", through_vendor=True), *offers] * 3
    customers = [Customer(number, [wish]) for number, wish in enumerate(wishes)]
    counts = Counts("a ledger that is set back", SEED, len(wishes))
    began = time.monotonic()
    async with open_stage(
        server, "set_back", SEED, tmp_path, customers, answer_within_s=0.001
    ) as stage:
        await _start(stage, sites=1, workers=0)
        async with open_crowd(stage) as crowd:
            for customer in customers:
                customer.claims.append(await crowd.claim(customer, customer.wishes[0]))
            await back_up(stage.pool)
            await _start(stage, sites=0, workers=2)
            await until(stage.is_settled, within_s=90)

            async def restore() -> None:
                await set_back(stage.pool)
                assert not await stage.is_settled()

            await stage.restart_workers(restore, signal.SIGTERM)
            await finish(stage, crowd, customers, counts)
    counts.seconds = time.monotonic() - began
    told.append(counts.line())
    assert counts.faultless, counts.problems
