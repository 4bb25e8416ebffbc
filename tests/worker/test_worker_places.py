"""Who waits for whom in a worker: a cancellation waits for no vendor, no hook, no handler and no other change."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import pytest

from aiocancel.core.actions import GIVES_WAY, Action, ActionKind, Places, Receipt, Write
from aiocancel.core.codes import Code
from aiocancel.core.decision import Policy
from aiocancel.core.identifiers import SubscriptionId
from aiocancel.core.offers.terms import AcceptedOffer, CouponTerms, offer_to_json
from aiocancel.core.outcome import Outcome
from aiocancel.core.subscription import Subscription
from aiocancel.ports import BillingReply, CustomOffer, without_waiting
from aiocancel.postgres.leasing import TakenAction
from aiocancel.postgres.ledger import Ledger
from aiocancel.postgres.pgqueuer import Job, enqueue
from aiocancel.testing.stripe.simulator import Fault
from aiocancel.vendors.prosperstack.api import open_prosperstack_api
from aiocancel.worker.confirm_offers import Offers
from aiocancel.worker.hooks import Hooks
from tests.support.claims import ask, hurry
from tests.support.saas import Pool
from tests.support.saas import vendor as vendor_with
from tests.support.slots import CountedSlots
from tests.support.waiting import until
from tests.support.workbench import Bench, running

NEVER_S = 3600.0
VERIFIES = Policy(verifies_offers=True)
CUSTOM = '{"offer_id": "gift", "terms": {"type": "custom"}, "metadata": {}}'
COUPON = json.dumps(
    offer_to_json(AcceptedOffer("gift", CouponTerms(Decimal(25), None, "repeating", 3)))
)
TRIAL = '{"offer_id": "gift", "terms": {"type": "trial_extension", "days": 7}, "metadata": {}}'


async def wait_for_ever(*_: Any, **__: Any) -> Any:
    await asyncio.sleep(NEVER_S)
    raise AssertionError


class HangingVendor:
    """A flow vendor that takes every question and answers none."""

    def __init__(self) -> None:
        self.asked = 0

    async def flow_session(self, _: object) -> None:
        self.asked += 1
        await wait_for_ever()

    event = events_after = wait_for_ever

    async def tells_of(self, _: object) -> bool:
        return True


@asynccontextmanager
async def busy(bench: Bench, **settings: Any) -> AsyncIterator[None]:
    """A worker with four places of each sort."""
    async with running(bench.worker(concurrency=4, sweep_every_s=1.0, **settings)):
        yield


async def ask_kind(pool: Pool, count: int, kind: str, offer: str | None) -> None:
    for number in range(count):
        action_id = await ask(pool, f"sub_busy_{number}")
        await pool.execute(
            "UPDATE aiocancel.action SET kind = $2, offer = $3 WHERE id = $1",
            action_id,
            kind,
            offer,
        )

    # The jobs are those of the kinds that were asked for.
    await pool.execute("DELETE FROM aiocancel.pgqueuer")
    rows = await pool.fetch("SELECT id, kind FROM aiocancel.action")

    async with pool.acquire() as connection, connection.transaction():
        await enqueue(
            connection, [Job(row["id"], 0, places=Places.of(row["kind"])) for row in rows]
        )


async def cancels_at_once(bench: Bench) -> None:
    bench.stripe.add_subscription("sub_1")
    action_id = await ask(bench.pool, "sub_1")

    await until(lambda: is_done(bench.pool, action_id), within_s=5)


async def is_done(pool: Pool, action_id: int) -> bool:
    return bool(
        await pool.fetchval("SELECT state = 'done' FROM aiocancel.action WHERE id = $1", action_id)
    )


async def test_a_cancellation_waits_for_no_flow_vendor(bench: Bench) -> None:
    vendor = HangingVendor()
    for number in range(40):
        await ask(bench.pool, f"sub_{number}", "saved", VERIFIES, session=f"sess_{number}")

    async with busy(bench, offers=Offers(Ledger(bench.pool), verifier=vendor, policy=VERIFIES)):
        await until(lambda: vendor.asked == 4)
        await cancels_at_once(bench)

    assert vendor.asked == 4


async def test_a_cancellation_and_its_question_to_the_vendor_wait_for_no_handler(
    bench: Bench,
) -> None:
    called: list[str] = []

    async def handler(offer: CustomOffer) -> None:
        called.append(offer.offer_id)
        await wait_for_ever()

    await ask_kind(bench.pool, 12, "run_offer_handler", CUSTOM)

    async with busy(bench, offers=Offers(Ledger(bench.pool), handlers={"gift": handler})):
        await until(lambda: len(called) == 4)
        await cancels_at_once(bench)


async def test_a_cancellation_waits_for_no_hook(bench: Bench) -> None:
    told: list[str] = []

    async def hook(outcome: Outcome) -> None:
        told.append(outcome.claim_id)
        await wait_for_ever()

    await ask_kind(bench.pool, 12, "run_hooks", None)

    async with busy(bench, hooks=Hooks([hook])):
        await until(lambda: len(told) == 4)
        await cancels_at_once(bench)


async def test_a_declaration_of_the_public_exit_waits_for_no_hook(bench: Bench) -> None:
    told: list[str] = []

    async def hook(outcome: Outcome) -> None:
        told.append(outcome.claim_id)
        await wait_for_ever()

    class Matcher:
        async def carry_out(self, _: TakenAction) -> Receipt:
            return Receipt("matched", None)

    await ask_kind(bench.pool, 12, "run_hooks", None)
    declaration = await ask(bench.pool, "public_exit")
    await bench.pool.execute(
        "UPDATE aiocancel.action SET kind = 'match_declaration', lane = NULL WHERE id = $1",
        declaration,
    )
    await bench.pool.execute(
        "DELETE FROM aiocancel.pgqueuer WHERE payload = $1", str(declaration).encode()
    )
    async with bench.pool.acquire() as connection, connection.transaction():
        await enqueue(connection, [Job(declaration, 0, places=Places.of("match_declaration"))])

    async with busy(bench, hooks=Hooks([hook]), matcher=Matcher()):
        await until(lambda: len(told) == 4)
        await until(lambda: is_done(bench.pool, declaration), within_s=20)


async def test_a_cancellation_waits_for_no_other_change_at_stripe(bench: Bench) -> None:
    begun: list[str] = []

    class SlowForOffers:
        async def read(self, subscription_id: SubscriptionId, *_kind: object) -> Subscription:
            if subscription_id.startswith("sub_busy"):
                begun.append(subscription_id)
                await wait_for_ever()
            return await bench.client.read(subscription_id)

        async def apply(
            self, action: Action, write: Write, *, idempotency_key: str
        ) -> BillingReply:
            return await bench.client.apply(action, write, idempotency_key=idempotency_key)

    await ask_kind(bench.pool, 12, "apply_offer", TRIAL)

    async with busy(bench, billing=SlowForOffers()):
        await until(lambda: len(begun) == 4)
        await cancels_at_once(bench)


async def fails_for(pool: Pool, action_id: int, minutes: float) -> None:
    """Let an action have failed for that long; its next attempt is half an hour away."""
    ledger = Ledger(pool)
    (taken,) = await ledger.take(uuid.uuid4(), [action_id], lease_s=60)
    assert await ledger.hand_back(taken, delay_s=1800.0, code=Code.UNREACHABLE)
    await pool.execute(
        "UPDATE aiocancel.action SET created_at = now() - make_interval(secs => $2) WHERE id = $1",
        action_id,
        minutes * 60,
    )


async def ask_for(pool: Pool, kind: str) -> int:
    action_id = await ask(pool)
    await pool.execute(
        "UPDATE aiocancel.action SET kind = $2, offer = $3 WHERE id = $1",
        action_id,
        kind,
        COUPON if kind == "apply_offer" else None,
    )
    return action_id


async def test_a_cancellation_waits_for_no_offer_that_stripe_refuses_to_make_for_minutes(
    bench: Bench,
) -> None:
    bench.stripe.add_subscription("sub_1")
    bench.stripe.inject(Fault("error_500_before", "POST", "/v1/coupons", times=1000))
    offer = await ask_for(bench.pool, "apply_offer")
    await fails_for(bench.pool, offer, 6)
    cancellation = await ask(bench.pool)

    async with running(bench.worker(sweep_every_s=0.1, jitter=lambda: 1.0)):
        await until(lambda: is_done(bench.pool, cancellation))
        await hurry(bench.pool)
        await bench.settle()

    # The customer's last word counts, and a person sees what became of the offer.
    assert bench.kinds() == ["cancel_at_period_end"]
    assert await bench.states() == ["parked: subscription_is_ending", "done"]


@pytest.mark.parametrize("kind", sorted(GIVES_WAY))
async def test_what_fails_for_minutes_gives_way_to_a_cancellation_and_to_nothing_else(
    pool: Pool, kind: str
) -> None:
    failing = await ask_for(pool, kind)
    await fails_for(pool, failing, 4)
    behind = await ask_for(pool, "remove_discount")
    cancellation = await ask(pool)
    ledger, owner = Ledger(pool), uuid.uuid4()
    assert await ledger.take(owner, [behind, cancellation], lease_s=60) == []

    await pool.execute(
        "UPDATE aiocancel.action SET created_at = now() - interval '6 minutes', due_at = now() WHERE id = $1",
        failing,
    )
    assert await ledger.take(owner, [behind, cancellation], lease_s=60) == []

    await pool.execute(
        "UPDATE aiocancel.action SET due_at = now() + interval '1 hour' WHERE id = $1", failing
    )
    taken = await ledger.take(owner, [behind, cancellation], lease_s=60)
    assert [each.action_id for each in taken] == [cancellation]


@pytest.mark.parametrize("kind", ["resume", "cancel_now"])
async def test_a_cancellation_keeps_its_place_behind_what_must_not_come_after_it(
    pool: Pool, kind: str
) -> None:
    older = await ask_for(pool, kind)
    await fails_for(pool, older, 60)
    cancellation = await ask(pool)

    assert await Ledger(pool).take(uuid.uuid4(), [cancellation], lease_s=60) == []


@pytest.mark.parametrize("kind", [*ActionKind, "gift_card"])
async def test_the_database_and_the_program_give_each_kind_the_same_job(
    pool: Pool, kind: str
) -> None:
    async with pool.acquire() as connection, connection.transaction():
        job = Job(7, 3, places=Places.of(kind))
        await enqueue(connection, [job])
        written = await connection.fetchrow(
            "SELECT entrypoint, dedupe_key FROM aiocancel.pgqueuer WHERE dedupe_key = $1", job.key
        )
        await connection.execute("DELETE FROM aiocancel.pgqueuer")
        in_sql = await connection.fetchrow(
            """
            SELECT aiocancel.job_entrypoint($1) AS entrypoint, aiocancel.job_key(7, 3, $1) AS dedupe_key,
                aiocancel.places_of($1) AS places
            """,
            kind,
        )

    assert in_sql is not None
    assert written is not None
    assert dict(written) | {"places": Places.of(kind)} == dict(in_sql)


def test_only_cancellations_take_the_places_of_cancellations() -> None:
    mine = {kind for kind in ActionKind if Places.of(kind) is Places.CANCELLATIONS}

    assert mine == {ActionKind.CANCEL_AT_PERIOD_END, ActionKind.CANCEL_NOW}


async def test_a_look_at_stripe_waits_for_no_question_that_finds_no_turn_at_the_vendor(
    bench: Bench,
) -> None:
    slots = CountedSlots()
    slots.free_in_s = 60.0
    for number in range(40):
        await ask(bench.pool, f"sub_{number}", "saved", VERIFIES, session=f"sess_{number}")
    bench.stripe.add_subscription("sub_1", cancel_at_period_end=True)
    watched = await ask(bench.pool, "sub_1", "canceled", Policy(applies_cancellation="vendor"))

    async with open_prosperstack_api(
        vendor_with(api_key="key_live").api_access, slots=slots
    ) as api:
        questions = without_waiting(api)
        async with busy(
            bench, offers=Offers(Ledger(bench.pool), verifier=questions, policy=VERIFIES)
        ):
            await until(lambda: is_done(bench.pool, watched), within_s=20)

    kind = await bench.pool.fetchval("SELECT kind FROM aiocancel.action WHERE id = $1", watched)
    assert kind == "expect_cancellation"
