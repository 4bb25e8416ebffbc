"""From a customer's post to the answer: recorded whatever else fails, and answered as soon as it is settled."""

from __future__ import annotations

import asyncio
import math
import re
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from aiocancel import Property, ProsperStack, intake
from aiocancel.config import Settings
from aiocancel.core import waiting
from aiocancel.core.actions import Places, Receipt
from aiocancel.core.decision import Answer, AnswerKind, Policy, Topic
from aiocancel.core.flow_details import Told
from aiocancel.core.grants import GrantSealer
from aiocancel.core.turn_to_store import ALWAYS
from aiocancel.core.waiting import FEW, SCOUTS
from aiocancel.errors import ConflictError, GrantError, UnavailableError
from aiocancel.giving_way import GivingWay
from aiocancel.intake import FlowService
from aiocancel.postgres.claim_endings import Endings
from aiocancel.postgres.claims import RecordedClaim
from aiocancel.postgres.ledger import Ledger
from aiocancel.postgres.vendor_events import Doorbell
from aiocancel.telemetry import ClaimRecorded, EventHook, LookupFailed, PropertyLeftOut
from tests.support.claims import make_claim
from tests.support.saas import GRANT_KEYS, QUERY, Events, Pool, add_customer, vendor
from tests.support.waiting import WAITS_FOR_A_LOCK, until


async def service_over(
    pool: Pool,
    *,
    on_event: EventHook = lambda _: None,
    answer_within_s: float = 5.0,
    max_waiting_posts: int = 100,
    endings: Endings | None = None,
    giving_way: GivingWay | None = None,
    flow_vendor: ProsperStack | None = None,
) -> FlowService:
    return FlowService(
        Settings(mode="test", answer_within_s=answer_within_s, max_waiting_posts=max_waiting_posts),
        flow_vendor or vendor(),
        GrantSealer(GRANT_KEYS),
        await QUERY.prepare(pool),
        Ledger(pool),
        Policy(),
        doorbell=Doorbell(pool, "prosperstack"),
        endings=endings,
        giving_way=giving_way,
        on_event=on_event,
    )


async def grant_of(service: FlowService, customer_id: str = "ada") -> str:
    owned = await service.find(customer_id)
    assert owned is not None
    return service.seal(owned).grant


async def cancelled(service: FlowService) -> uuid.UUID:
    return (await service.accept(make_claim(), await grant_of(service), "ada")).public_id


async def settle(pool: Pool) -> None:
    ledger = Ledger(pool)
    action_id = await pool.fetchval("SELECT id FROM aiocancel.action")
    (taken,) = await ledger.take(uuid.uuid4(), [action_id], lease_s=60)
    await ledger.finish(taken, Receipt("active", None))


async def test_a_property_that_the_row_cannot_give_is_reported_once_and_not_for_every_page(
    pool: Pool,
) -> None:
    await add_customer(pool, "ada", "sub_1")
    await add_customer(pool, "grace", "sub_2")
    seats = Property("seats", "number", entity="subscription", column="stripe_subscription_id")
    region = Property("region", "text", entity="subscriber")
    events = Events()
    service = await service_over(
        pool, on_event=events, flow_vendor=vendor(properties=[seats, region])
    )
    for customer_id in ("ada", "ada", "grace"):
        await grant_of(service, customer_id)

    assert events.seen == [
        PropertyLeftOut("subscription.properties.seats", "number"),
        PropertyLeftOut("subscriber.properties.region", "text"),
    ]


async def test_no_two_grants_share_a_nonce(pool: Pool) -> None:
    await add_customer(pool, "ada", "sub_1")
    service = await service_over(pool)
    owned = await service.find("ada")
    assert owned is not None

    sealed = [service.seal(owned) for _ in range(50)]

    sealer = GrantSealer(GRANT_KEYS)
    nonces = {
        sealer.open(each.grant, now=0, customer_id="ada", mode="test").nonce for each in sealed
    }
    assert len(nonces) == 50
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{24}", nonce) for nonce in nonces)


async def jobs(pool: Pool) -> int:
    return int(await pool.fetchval("SELECT count(*) FROM aiocancel.pgqueuer"))


async def has_job(pool: Pool) -> bool:
    return await jobs(pool) == 1


async def test_a_recorded_claim_has_its_job_and_is_reported(pool: Pool) -> None:
    await add_customer(pool, "ada", "sub_1")
    events = Events()
    service = await service_over(pool, on_event=events)
    public_id = await cancelled(service)
    await until(lambda: has_job(pool))
    assert events.seen == [ClaimRecorded(str(public_id), "sub_1", "canceled", repeated=False)]


async def test_an_event_hook_that_fails_loses_neither_the_claim_nor_its_job(pool: Pool) -> None:
    def fail(_: object) -> None:
        raise RuntimeError("the metrics are down")

    await add_customer(pool, "ada", "sub_1")
    service = await service_over(pool, on_event=fail)
    public_id = await cancelled(service)
    await until(lambda: has_job(pool))
    assert await service.answer(public_id, "ada") is not None


@pytest.mark.parametrize("owned_now", ["sub_other", None])
async def test_a_page_made_before_the_subscription_changed_hands_is_refused(
    pool: Pool, owned_now: str | None
) -> None:
    await add_customer(pool, "ada", "sub_1")
    service = await service_over(pool)
    grant = await grant_of(service)
    await pool.execute("UPDATE app_subscription SET stripe_subscription_id = $1", owned_now)
    with pytest.raises(GrantError) as caught:
        await service.accept(make_claim(), grant, "ada")
    assert caught.value.code == "subscription_not_yours"
    assert await pool.fetchval("SELECT count(*) FROM aiocancel.claim") == 0


async def test_a_settled_post_reads_its_own_words_where_the_ledger_does_not_tell(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object) -> None:
        raise UnavailableError("the database does not answer")

    await add_customer(pool, "ada", "sub_1")
    events = Events()
    service = await service_over(pool, on_event=events)
    claim = make_claim("canceled", session="fls_1")
    recorded = await service.accept(claim, await grant_of(service), "ada")
    monkeypatch.setattr(Ledger, "told", fail)

    settled = Answer(AnswerKind.SCHEDULED, Topic.CANCELLATION)
    told = await service.told_after(recorded, claim, settled, "ada")

    assert told == Told("canceled", claim.details)
    assert events.seen[-1] == LookupFailed("the database does not answer")


async def test_a_grant_works_for_one_result_only(pool: Pool) -> None:
    await add_customer(pool, "ada", "sub_1")
    service = await service_over(pool)
    grant = await grant_of(service)
    first = await service.accept(make_claim("canceled"), grant, "ada")
    again = await service.accept(make_claim("canceled"), grant, "ada")
    assert (again.public_id, again.repeated) == (first.public_id, True)
    with pytest.raises(ConflictError):
        await service.accept(make_claim("saved"), grant, "ada")


async def test_an_outage_is_said_and_the_same_post_works_afterwards(pool: Pool) -> None:
    await add_customer(pool, "ada", "sub_1")
    service = await service_over(pool)
    grant = await grant_of(service)
    await pool.execute(
        """
        CREATE FUNCTION cut() RETURNS trigger LANGUAGE plpgsql AS
            'BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NEW; END';
        CREATE TRIGGER cut BEFORE INSERT ON aiocancel.claim FOR EACH ROW EXECUTE FUNCTION cut();
        """
    )
    with pytest.raises(UnavailableError):
        await service.accept(make_claim(), grant, "ada")
    await pool.execute("DROP FUNCTION cut CASCADE")

    assert not (await service.accept(make_claim(), grant, "ada")).repeated


async def test_a_settled_claim_is_answered_at_once(pool: Pool) -> None:
    await add_customer(pool, "ada", "sub_1")
    service = await service_over(pool)
    public_id = await cancelled(service)
    await settle(pool)
    answer = await service.wait_for_answer(public_id, "ada")
    assert answer is not None
    assert answer.kind is AnswerKind.SCHEDULED


@pytest.mark.parametrize("is_told", [True, False])
async def test_whoever_waits_is_answered_when_it_settles_here_or_in_another_process(
    pool: Pool, is_told: bool
) -> None:
    await add_customer(pool, "ada", "sub_1")
    service = await service_over(pool)
    public_id = await cancelled(service)
    waiting = [asyncio.create_task(service.wait_for_answer(public_id, "ada")) for _ in range(3)]
    await asyncio.sleep(0.02)
    await settle(pool)
    if is_told:
        service.settled(public_id)
    async with asyncio.timeout(0.4 if is_told else 2):
        answers = await asyncio.gather(*waiting)
    assert [answer.kind for answer in answers if answer] == [AnswerKind.SCHEDULED] * 3


async def test_a_claim_that_does_not_settle_in_time_is_answered_as_queued(pool: Pool) -> None:
    await add_customer(pool, "ada", "sub_1")
    service = await service_over(pool, answer_within_s=0.05)
    answer = await service.wait_for_answer(await cancelled(service), "ada")
    assert answer is not None
    assert answer.kind is AnswerKind.QUEUED


async def test_somebody_elses_claim_is_not_waited_for(pool: Pool) -> None:
    await add_customer(pool, "ada", "sub_1")
    service = await service_over(pool)
    public_id = await cancelled(service)
    async with asyncio.timeout(1):
        assert await service.wait_for_answer(public_id, "grace") is None


@asynccontextmanager
async def listening(pool: Pool, **settings: float) -> AsyncIterator[Endings]:
    endings = Endings(pool, **settings)
    task = asyncio.create_task(endings.run())
    try:
        await until(lambda: endings.hears)
        yield endings
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_whoever_waits_hears_from_the_database_of_an_end_in_another_process(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "LOOK_EVERY_S", 60.0)
    await add_customer(pool, "ada", "sub_1")
    async with listening(pool) as endings:
        service = await service_over(pool, endings=endings, answer_within_s=30.0)
        recorded = await service.accept(make_claim(), await grant_of(service), "ada")
        waiting = [
            asyncio.create_task(
                service.wait_for_answer(recorded.public_id, "ada", known=recorded.answer)
            )
            for _ in range(3)
        ]
        await asyncio.sleep(0.02)

        await settle(pool)

        async with asyncio.timeout(10):
            answers = await asyncio.gather(*waiting)
    assert [answer.kind for answer in answers if answer] == [AnswerKind.SCHEDULED] * 3
    assert endings._waiting == {}


async def test_an_end_before_anybody_waits_is_not_missed(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "LOOK_EVERY_S", 60.0)
    await add_customer(pool, "ada", "sub_1")
    async with listening(pool) as endings:
        service = await service_over(pool, endings=endings, answer_within_s=30.0)
        recorded = await service.accept(make_claim(), await grant_of(service), "ada")
        await settle(pool)
        await asyncio.sleep(0.1)

        async with asyncio.timeout(10):
            answer = await service.wait_for_answer(recorded.public_id, "ada", known=recorded.answer)

    assert answer is not None
    assert answer.kind is AnswerKind.SCHEDULED


async def test_where_nobody_tells_of_ends_a_post_looks_once_more_before_it_says_recorded(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "LOOK_EVERY_S", 60.0)
    await add_customer(pool, "ada", "sub_1")
    service = await service_over(pool, answer_within_s=5.0)
    recorded = await service.accept(make_claim(), await grant_of(service), "ada")
    waiting = asyncio.create_task(
        service.wait_for_answer(recorded.public_id, "ada", known=recorded.answer)
    )
    await asyncio.sleep(0.5)
    await settle(pool)

    answer = await waiting

    assert answer is not None
    assert answer.kind is AnswerKind.SCHEDULED


async def test_an_end_that_is_told_as_the_time_runs_out_is_told_to_the_customer(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def at_the_last_moment(ended: asyncio.Event, pause_s: float, **_: object) -> bool:
        await asyncio.sleep(pause_s)
        ended.set()
        return False

    monkeypatch.setattr(intake, "_came", at_the_last_moment)
    service = await service_over(pool, endings=hearing(pool), answer_within_s=2.0)
    done = every_claim_is_done(service)

    assert await service.wait_for_answer(uuid.uuid4(), "ada", known=queued()) == done


async def test_a_listener_that_is_cut_off_listens_again(pool: Pool) -> None:
    async with listening(pool) as endings:
        await pool.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE query LIKE 'LISTEN%' AND datname = current_database()"
        )
        await until(lambda: not endings.hears)

        await until(lambda: endings.hears)


async def test_a_waiting_post_does_not_ask_the_ledger_again_and_again(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    await add_customer(pool, "ada", "sub_1")
    async with listening(pool) as endings:
        service = await service_over(pool, endings=endings, answer_within_s=2.5)
        recorded = await service.accept(make_claim(), await grant_of(service), "ada")
        asked = 0
        ask = service.answer

        async def counted(*who: Any) -> Any:
            nonlocal asked
            asked += 1
            return await ask(*who)

        monkeypatch.setattr(service, "answer", counted)

        answer = await service.wait_for_answer(recorded.public_id, "ada", known=recorded.answer)

    assert answer is not None
    assert answer.kind is AnswerKind.QUEUED
    assert asked == 0


async def test_a_post_that_came_before_the_database_told_us_of_ends_looks_once(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "LOOK_EVERY_S", 60.0)
    await add_customer(pool, "ada", "sub_1")
    endings = Endings(pool)
    service = await service_over(pool, endings=endings, answer_within_s=30.0)
    came_at = time.monotonic()
    recorded = await service.accept(make_claim(), await grant_of(service), "ada")
    await settle(pool)
    running = asyncio.create_task(endings.run())
    await until(lambda: endings.hears)

    async with asyncio.timeout(10):
        answer = await service.wait_for_answer(
            recorded.public_id, "ada", known=recorded.answer, since=came_at
        )

    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert answer is not None
    assert answer.kind is AnswerKind.SCHEDULED


async def test_only_so_many_ends_are_remembered_for_those_who_have_yet_to_wait(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aiocancel.postgres.claim_endings._REMEMBERED", 2)
    endings = Endings(pool)
    ends = [uuid.uuid4() for _ in range(3)]
    for end in [ends[0], ends[1], ends[0], ends[2]]:
        endings.tell(end)

    remembered = []
    for end in ends:
        with endings.expect(end) as ended:
            remembered.append(ended.is_set())

    assert remembered == [True, False, True]


async def test_a_post_whose_turn_to_be_stored_comes_too_late_may_be_made_again(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "STORE_WITHIN_S", 0.2)
    monkeypatch.setattr(intake, "STORED_AT_ONCE", 1)
    for customer in ("ada", "grace"):
        await add_customer(pool, customer, f"sub_{customer}")
    service = await service_over(pool)
    grants = {who: await grant_of(service, who) for who in ("ada", "grace")}

    async with pool.acquire() as other, other.transaction():
        await other.execute("LOCK TABLE aiocancel.claim IN ACCESS EXCLUSIVE MODE")
        first = asyncio.create_task(service.accept(make_claim(), grants["ada"], "ada"))
        await until(lambda: other.fetchval(WAITS_FOR_A_LOCK))

        with pytest.raises(UnavailableError):
            await service.accept(make_claim(), grants["grace"], "grace")

    async with asyncio.timeout(10):
        await first
        again = await service.accept(make_claim(), grants["grace"], "grace")
    assert not again.repeated


async def test_beyond_the_places_for_waiting_a_post_is_answered_as_queued_at_once(
    pool: Pool,
) -> None:
    await add_customer(pool, "ada", "sub_1")
    service = await service_over(pool, answer_within_s=20.0, max_waiting_posts=2)
    recorded = await service.accept(make_claim(), await grant_of(service), "ada")

    def wait(known: Answer | None) -> asyncio.Task[Answer | None]:
        return asyncio.create_task(
            service.wait_for_answer(recorded.public_id, "ada", topic=recorded.topic, known=known)
        )

    first = [wait(recorded.answer) for _ in range(2)]
    await asyncio.sleep(0.1)
    async with asyncio.timeout(5):
        # The last is a repeated post, of which nothing is known without asking.
        beyond = [await wait(recorded.answer), await wait(None)]

    assert [answer.kind for answer in beyond if answer] == [AnswerKind.QUEUED] * 2
    assert not any(task.done() for task in first)
    for task in first:
        task.cancel()
    await asyncio.gather(*first, return_exceptions=True)


async def test_offers_that_wait_for_a_hanging_vendor_leave_places_for_cancellations_to_wait(
    pool: Pool,
) -> None:
    service = await service_over(
        pool, endings=hearing(pool), answer_within_s=20.0, max_waiting_posts=4
    )
    offers = [waits(service, Topic.OFFER) for _ in range(10)]
    await until(lambda: sum(task.done() for task in offers) == 8)

    cancellations = [waits(service) for _ in range(10)]
    await until(lambda: sum(task.done() for task in cancellations) == 8)

    assert not any(task.done() for task in (*offers[:2], *cancellations[:2]))
    await broken_off(*offers, *cancellations)


async def test_cancellations_that_wait_leave_the_other_half_of_the_places_to_offers(
    pool: Pool,
) -> None:
    service = await service_over(
        pool, endings=hearing(pool), answer_within_s=20.0, max_waiting_posts=4
    )
    cancellations = [waits(service) for _ in range(2)]
    await until(lambda: waiting_for(service, Topic.CANCELLATION) == 2)

    offers = [waits(service, Topic.OFFER) for _ in range(10)]
    await until(lambda: sum(task.done() for task in offers) == 8)

    assert not any(task.done() for task in (*cancellations, *offers[:2]))
    await broken_off(*cancellations, *offers)


async def test_a_repeated_post_waits_in_the_places_of_that_for_which_it_asks(pool: Pool) -> None:
    await add_customer(pool, "ada", "sub_1")
    service = await service_over(
        pool, endings=hearing(pool), answer_within_s=20.0, max_waiting_posts=4
    )
    offers = [waits(service, Topic.OFFER) for _ in range(2)]
    await until(lambda: waiting_for(service, Topic.OFFER) == 2)

    posts = []
    for _ in range(2):
        recorded = await service.accept(make_claim(), await grant_of(service), "ada")
        post = service.wait_for_answer(
            recorded.public_id, "ada", topic=recorded.topic, known=recorded.answer
        )
        posts.append(asyncio.create_task(post))
    assert recorded.repeated
    await until(lambda: waiting_for(service, Topic.CANCELLATION) == 2)

    assert not any(task.done() for task in (*offers, *posts))
    await broken_off(*offers, *posts)


def queued(topic: Topic = Topic.CANCELLATION) -> Answer:
    return Answer(AnswerKind.QUEUED, topic)


def hearing(pool: Pool) -> Endings:
    """Ends as the database tells of them, told by the test alone."""
    endings = Endings(pool)
    endings.hears, endings._hears_from = True, -math.inf
    return endings


def waits(service: FlowService, topic: Topic = Topic.CANCELLATION) -> asyncio.Task[Answer | None]:
    """Let a post of one more customer wait that nobody carries out, so that nobody tells of its end."""
    public_id = uuid.uuid4()
    return asyncio.create_task(
        service.wait_for_answer(
            public_id, f"customer of {public_id}", topic=topic, known=queued(topic)
        )
    )


def waiting_for(service: FlowService, topic: Topic) -> int:
    """Return how many posts wait that ask for this."""
    return service._waits_for(topic).posts


def every_claim_is_done(service: FlowService) -> Answer:
    """Let each look into the ledger find that the claim is done, whatever is there; return that answer."""
    done = Answer(AnswerKind.DONE, Topic.CANCELLATION)

    async def answer(public_id: uuid.UUID, customer_id: str) -> Answer | None:
        return done

    # A method of this one object is replaced, which mypy forbids.
    service.answer = answer  # type: ignore[method-assign]
    return done


async def broken_off(*tasks: asyncio.Task[Any]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_beyond_what_can_be_carried_out_posts_of_that_sort_hear_at_once_that_it_is_recorded(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A hundredth of 20 s is too long.
    monkeypatch.setattr(waiting, "TOO_LONG", 0.01)
    service = await service_over(pool, endings=hearing(pool), answer_within_s=20.0)
    offers = [waits(service, Topic.OFFER) for _ in range(FEW)]

    async with asyncio.timeout(10):
        first = await asyncio.gather(*(waits(service) for _ in range(30)))
    assert first == [queued()] * 30

    later = [waits(service) for _ in range(30)]
    await until(lambda: sum(task.done() for task in later) >= 30 - SCOUTS)
    # Those few hang by themselves, and say nothing of the others.
    assert not any(task.done() for task in offers)
    await broken_off(*offers, *later)


async def test_a_post_that_was_made_before_and_is_told_its_old_end_ends_no_rush(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A hundredth of 20 s is too long.
    monkeypatch.setattr(waiting, "TOO_LONG", 0.01)
    await add_customer(pool, "ada", "sub_1")
    service = await service_over(pool, endings=hearing(pool), answer_within_s=20.0)
    grant = await grant_of(service)
    await service.accept(make_claim(), grant, "ada")
    await settle(pool)
    async with asyncio.timeout(10):
        await asyncio.gather(*(waits(service) for _ in range(30)))
    hanging = [waits(service) for _ in range(SCOUTS)]
    await asyncio.sleep(0)

    again = await service.accept(make_claim(), grant, "ada")
    told = await service.wait_for_answer(
        again.public_id, "ada", topic=again.topic, known=again.answer
    )
    later = [waits(service) for _ in range(30)]
    # In one turn of the loop each is answered at once, or begins to wait.
    await asyncio.sleep(0)

    assert again.repeated
    assert told is not None
    assert told.is_settled
    assert all(task.done() for task in later)
    await broken_off(*hanging, *later)


async def test_what_a_post_has_waited_for_its_turn_to_be_stored_counts_as_waiting_in_a_rush(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Ten seconds are too long, and have just gone by.
    monkeypatch.setattr(waiting, "TOO_LONG", 0.1)
    service = await service_over(pool, endings=hearing(pool), answer_within_s=100.0)
    came_at = time.monotonic() - 10

    async with asyncio.timeout(8):
        answers = await asyncio.gather(
            *(
                service.wait_for_answer(
                    uuid.uuid4(), f"customer {number}", known=queued(), since=came_at
                )
                for number in range(30)
            )
        )

    assert answers == [queued()] * 30


async def test_fifty_equal_posts_are_all_told_the_end_however_slow_it_is(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A hundredth of 20 s is too long.
    monkeypatch.setattr(waiting, "TOO_LONG", 0.01)
    await add_customer(pool, "ada", "sub_1")
    service = await service_over(pool, endings=hearing(pool), answer_within_s=20.0)
    recorded = await service.accept(make_claim(), await grant_of(service), "ada")
    done = every_claim_is_done(service)
    came_at = time.monotonic() - 1
    posts = [
        asyncio.create_task(
            service.wait_for_answer(
                recorded.public_id,
                "ada",
                topic=recorded.topic,
                known=recorded.answer,
                since=came_at,
            )
        )
        for _ in range(50)
    ]
    await until(lambda: waiting_for(service, Topic.CANCELLATION) == 50)

    assert not any(post.done() for post in posts)
    service.settled(recorded.public_id)
    async with asyncio.timeout(10):
        assert await asyncio.gather(*posts) == [done] * 50


async def test_one_post_that_hangs_lets_later_ones_wait_for_their_ends(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A second is too long.
    monkeypatch.setattr(waiting, "TOO_LONG", 0.05)
    endings = hearing(pool)
    service = await service_over(pool, endings=endings, answer_within_s=20.0)
    done = every_claim_is_done(service)
    hanging = [waits(service) for _ in range(30)]
    for pause_s in (0.0, 1.2, 0.0):
        await asyncio.sleep(pause_s)
        public_id = uuid.uuid4()
        later = asyncio.create_task(
            service.wait_for_answer(
                public_id, "ada", topic=Topic.CANCELLATION, known=queued(Topic.CANCELLATION)
            )
        )
        await asyncio.sleep(0)
        endings.tell(public_id)
        async with asyncio.timeout(10):
            assert await later == done

    assert not any(task.done() for task in hanging)
    await broken_off(*hanging)


async def test_actions_of_this_process_give_way_while_posts_wait_to_be_stored(pool: Pool) -> None:
    # The clock stands, so that no pause ends by itself.
    giving_way = GivingWay(stored_at_once=1, clock=lambda: 0.0)
    service = await service_over(pool, giving_way=giving_way)
    for customer in ("ada", "grace"):
        await add_customer(pool, customer, f"sub_{customer}")
    grants = {who: await grant_of(service, who) for who in ("ada", "grace")}

    async def carry_out() -> None:
        async with giving_way.action(Places.CANCELLATIONS):
            pass

    async with pool.acquire() as other, other.transaction():
        await other.execute("LOCK TABLE aiocancel.claim IN ACCESS EXCLUSIVE MODE")
        posts = [
            asyncio.create_task(service.accept(make_claim(), grant, who))
            for who, grant in grants.items()
        ]
        await until(lambda: giving_way.posts == 2)
        async with giving_way.action(Places.CANCELLATIONS):
            second = asyncio.create_task(carry_out())
            await asyncio.sleep(0.05)
            assert not second.done()

    await asyncio.gather(*posts)
    async with asyncio.timeout(10):
        await second
    assert giving_way.posts == 0


async def test_the_posts_of_one_customer_keep_no_action_back(pool: Pool) -> None:
    giving_way = GivingWay(stored_at_once=1, clock=lambda: 0.0)
    service = await service_over(pool, giving_way=giving_way)
    await add_customer(pool, "ada", "sub_1")
    grants = [await grant_of(service) for _ in range(20)]

    async with pool.acquire() as other, other.transaction():
        await other.execute("LOCK TABLE aiocancel.claim IN ACCESS EXCLUSIVE MODE")
        posts = [
            asyncio.create_task(service.accept(make_claim(), grant, "ada")) for grant in grants
        ]
        await until(lambda: other.fetchval(WAITS_FOR_A_LOCK))

        assert giving_way.posts == 1

    await asyncio.gather(*posts, return_exceptions=True)


async def test_a_post_that_cannot_be_stored_in_time_hears_so_at_once(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "STORED_AT_ONCE", 1)
    monkeypatch.setattr(intake, "MOST_TO_STORE", 1)
    customers = ["ada", "grace", "mary"]
    for customer in customers:
        await add_customer(pool, customer, f"sub_{customer}")
    service = await service_over(pool)
    grants = {who: await grant_of(service, who) for who in customers}

    def post(who: str) -> asyncio.Task[RecordedClaim]:
        return asyncio.create_task(service.accept(make_claim(), grants[who], who))

    async with pool.acquire() as other, other.transaction():
        await other.execute("LOCK TABLE aiocancel.claim IN ACCESS EXCLUSIVE MODE")
        first = post("ada")
        await until(lambda: other.fetchval(WAITS_FOR_A_LOCK))
        second = post("grace")
        await until(lambda: service._to_store.at(0.0).waiting == 1)

        with pytest.raises(UnavailableError, match="more posts wait"):
            await post("mary")

    async with asyncio.timeout(10):
        stored = [await first, await second, await post("mary")]
    assert not any(each.repeated for each in stored)


async def test_a_customer_who_leaves_or_comes_late_to_the_line_refuses_nobody_in_it(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "STORED_AT_ONCE", 1)
    monkeypatch.setattr(intake, "STORE_WITHIN_S", 2.0)
    customers = [f"customer {number}" for number in range(ALWAYS + 4)]
    for customer in customers:
        await add_customer(pool, customer, f"sub_{customer.rpartition(' ')[2]}")
    service = await service_over(pool)
    grants = {who: await grant_of(service, who) for who in customers}
    find = service.find_patiently

    async def slow_for_one(customer_id: str, subscription_id: str) -> Any:
        if customer_id == late:
            await asyncio.sleep(1.5)
        return await find(customer_id, subscription_id)

    monkeypatch.setattr(service, "find_patiently", slow_for_one)
    stored, leaves, late, *others = customers

    def post(who: str) -> asyncio.Task[RecordedClaim]:
        return asyncio.create_task(service.accept(make_claim(), grants[who], who))

    async with pool.acquire() as other, other.transaction():
        await other.execute("LOCK TABLE aiocancel.claim IN ACCESS EXCLUSIVE MODE")
        posts = [post(stored)]
        await until(lambda: other.fetchval(WAITS_FOR_A_LOCK))
        gone = post(leaves)
        await until(lambda: service._to_store.at(0.0).waiting == 1)
        await broken_off(gone)
        with pytest.raises(UnavailableError):
            await post(late)
        posts += [post(who) for who in others]
        await until(lambda: service._to_store.at(0.0).waiting == len(others))

    async with asyncio.timeout(10):
        assert len(await asyncio.gather(*posts)) == 1 + len(others)


async def test_the_posts_of_one_customer_come_one_after_another_from_the_first_question_on(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for customer in ("ada", "grace"):
        await add_customer(pool, customer, f"sub_{customer}")
    service = await service_over(pool)
    grants = {who: await grant_of(service, who) for who in ("ada", "grace")}
    asked: list[str] = []
    find = service.find_patiently
    goes_on = asyncio.Event()

    async def slow(customer_id: str, subscription_id: str) -> Any:
        asked.append(customer_id)
        if customer_id == "ada":
            await goes_on.wait()
        return await find(customer_id, subscription_id)

    monkeypatch.setattr(service, "find_patiently", slow)
    flood = [
        asyncio.create_task(service.accept(make_claim(), grants["ada"], "ada")) for _ in range(20)
    ]
    await until(lambda: bool(asked))
    async with asyncio.timeout(10):
        await service.accept(make_claim(), grants["grace"], "grace")

    assert asked == ["ada", "grace"]
    goes_on.set()
    async with asyncio.timeout(10):
        stored = await asyncio.gather(*flood)
    assert sum(not each.repeated for each in stored) == 1


async def test_the_time_to_answer_counts_from_when_the_post_came(pool: Pool) -> None:
    await add_customer(pool, "ada", "sub_1")
    service = await service_over(pool, answer_within_s=5.0)
    recorded = await service.accept(make_claim(), await grant_of(service), "ada")
    came_at = time.monotonic() - 4.9

    async with asyncio.timeout(3):
        answer = await service.wait_for_answer(
            recorded.public_id, "ada", known=recorded.answer, since=came_at
        )

    assert answer is not None
    assert answer.kind is AnswerKind.QUEUED


async def test_a_ledger_that_hangs_does_not_hold_a_waiting_post_beyond_its_time(pool: Pool) -> None:
    await add_customer(pool, "ada", "sub_1")
    service = await service_over(pool, answer_within_s=0.5)
    recorded = await service.accept(make_claim(), await grant_of(service), "ada")

    async with pool.acquire() as other, other.transaction():
        await other.execute("LOCK TABLE aiocancel.claim IN ACCESS EXCLUSIVE MODE")
        started = time.monotonic()
        answer = await service.wait_for_answer(recorded.public_id, "ada", known=recorded.answer)
        took_s = time.monotonic() - started

    assert answer is not None
    assert answer.kind is AnswerKind.QUEUED
    assert took_s < 1.5
