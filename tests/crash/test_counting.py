"""The counters count: each kind of harm, done on purpose, is seen."""

from __future__ import annotations

import asyncio
import contextlib
import uuid

import aiohttp
import asyncpg
import pytest

from aiocancel.core.actions import Receipt
from aiocancel.postgres.ledger import Ledger
from tests.crash.counts import Counts, count_at_stripe, count_in_ledger
from tests.crash.customers import Claim, Customer, Wish
from tests.crash.deaths import POINTS
from tests.crash.partition import network
from tests.crash.stripe_account import StripeAccount
from tests.support.claims import ask, take_due
from tests.support.saas import STRIPE_KEY, Pool
from tests.support.waiting import until

CANCELLED, RESUMED = "cancel_at_period_end", "resume"
HEADERS = {"Authorization": f"Bearer {STRIPE_KEY}"}


@pytest.mark.parametrize(
    ("happened", "failures"),
    [
        ([CANCELLED, RESUMED], {}),
        ([CANCELLED], {"lost": 1}),
        ([], {"lost": 2}),
        ([CANCELLED, RESUMED, RESUMED], {"doubled": 1}),
        ([RESUMED, CANCELLED], {"out_of_order": 1}),
        (["cancel_now", RESUMED], {"lost": 1, "doubled": 1}),
    ],
)
def test_what_happened_at_stripe_is_held_against_what_was_accepted(
    happened: list[str], failures: dict[str, int]
) -> None:
    wishes = [Wish("canceled"), Wish("resumed")]
    customer = Customer(0, wishes, claims=[Claim(wish, "", []) for wish in wishes])
    stripe = StripeAccount(seed=1)
    stripe.kinds[customer.subscription_id] = happened
    counts = Counts("", 1, 2)
    count_at_stripe(counts, [customer], stripe)
    assert (counts.accepted, counts.failures) == (2, failures)
    assert bool(counts.problems) is bool(failures)


def test_a_coupon_made_twice_is_doubled() -> None:
    stripe = StripeAccount(seed=1)
    stripe.kinds["aiocancel-1"] = stripe.kinds["aiocancel-2"] = ["coupon_created"]
    counts = Counts("", 1, 0)
    count_at_stripe(counts, [], stripe)
    assert counts.failures == {"doubled": 1}


async def test_two_requests_for_one_subscription_at_once_are_an_overlap_unless_the_first_sender_has_gone() -> (
    None
):
    stripe = StripeAccount(seed=1, latency_s=0.2)
    stripe.add_subscription("sub_1")

    async with stripe.serve() as url, aiohttp.ClientSession(headers=HEADERS) as one:
        async with aiohttp.ClientSession(headers=HEADERS) as gone:
            left = asyncio.create_task(gone.get(f"{url}/v1/subscriptions/sub_1"))
            await until(lambda: not stripe.is_idle)
        with pytest.raises(aiohttp.ClientError):
            await left
        async with one.get(f"{url}/v1/subscriptions/sub_1"):
            pass
        assert stripe.overlaps == []
        await asyncio.gather(*(one.get(f"{url}/v1/subscriptions/sub_1") for _ in range(2)))
        assert stripe.overlaps == ["/v1/subscriptions/sub_1"]


async def test_the_same_seed_meets_the_same_faults() -> None:
    met = []
    for _ in range(2):
        stripe = StripeAccount(seed=7, latency_s=0)
        stripe.add_subscription("sub_1")
        stripe.fault_rate = 0.5
        async with stripe.serve() as url, aiohttp.ClientSession(headers=HEADERS) as session:
            for _ in range(12):
                with contextlib.suppress(aiohttp.ClientError):
                    await session.post(f"{url}/v1/subscriptions/sub_1", data={"metadata[a]": "b"})
        met.append([request.fault for request in stripe.requests])

    assert met[0] == met[1]
    assert {None} < set(met[0])


async def test_an_action_that_is_not_final_and_a_claim_that_nobody_made_are_counted(
    pool: Pool,
) -> None:
    await ask(pool)
    counts = Counts("", 1, 0)
    await count_in_ledger(counts, [], pool)
    assert counts.failures == {"not_final": 1, "illegal": 1}


async def test_an_action_whose_journal_goes_on_after_its_end_is_illegal(pool: Pool) -> None:
    action_id = await ask(pool)
    (taken,) = await take_due(pool, uuid.uuid4())
    assert await Ledger(pool).finish(taken, Receipt("active", None))
    claim_id = str(await pool.fetchval("SELECT public_id FROM aiocancel.claim"))
    customer = Customer(0, [], claims=[Claim(Wish("canceled"), claim_id, [])])

    async def failures() -> dict[str, int]:
        counts = Counts("", 1, 1)
        await count_in_ledger(counts, [customer], pool)
        return counts.failures

    assert await failures() == {}
    await pool.execute(
        "INSERT INTO aiocancel.journal (claim_id, action_id, entry) SELECT claim_id, id, 'attempt_failed' "
        "FROM aiocancel.action WHERE id = $1",
        action_id,
    )
    assert await failures() == {"illegal": 1}


def test_every_point_of_death_is_a_step_of_the_product() -> None:
    missing = [
        name
        for name, point in POINTS.items()
        if not asyncio.iscoroutinefunction(getattr(point.owner, point.method, None))
    ]

    assert len(POINTS) > 5
    assert missing == []


@pytest.mark.parametrize("forgetful", [False, True])
async def test_a_parted_network_holds_back_what_was_sent_and_delivers_it_late_or_never(
    database: str, pool: Pool, forgetful: bool
) -> None:
    await pool.execute("CREATE TABLE arrived (at timestamptz)")
    async with network(database) as between:
        connection = await asyncpg.connect(between.dsn)
        between.part()
        insert = asyncio.create_task(connection.execute("INSERT INTO arrived VALUES (now())"))
        await asyncio.sleep(0.1)
        assert not insert.done()
        between.heal(forgetful=forgetful)
        if forgetful:
            with pytest.raises((asyncpg.PostgresConnectionError, OSError)):
                await insert
        else:
            await insert
            await connection.close()

    assert await pool.fetchval("SELECT count(*) FROM arrived") == (0 if forgetful else 1)
