"""What one customer may ask for at a time: a flood is refused with words, and never keeps them from leaving."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import pytest

from aiocancel.config import Settings
from aiocancel.core.codes import Code
from aiocancel.core.decision import Policy, decide_by_vendor
from aiocancel.core.grants import GrantSealer
from aiocancel.errors import ConfigurationError, LimitError
from aiocancel.intake import FlowService
from aiocancel.postgres.claims import RecordedClaim
from aiocancel.postgres.ledger import Ledger
from aiocancel.postgres.vendor_events import Doorbell
from tests.support.claims import make_claim, make_grant
from tests.support.company import Company
from tests.support.saas import GRANT_KEYS, QUERY, Pool, add_customer, vendor


async def service_over(pool: Pool, **settings: Any) -> FlowService:
    return FlowService(
        Settings(mode="test", **settings),
        vendor(),
        GrantSealer(GRANT_KEYS),
        await QUERY.prepare(pool),
        Ledger(pool),
        Policy(verifies_offers=True),
        doorbell=Doorbell(pool, "prosperstack"),
        on_event=lambda _: None,
    )


async def post(
    service: FlowService, status: str = "canceled", customer: str = "ada", **fields: Any
) -> RecordedClaim:
    """Post from a page of its own."""
    owned = await service.find(customer)
    assert owned is not None
    return await service.accept(make_claim(status, **fields), service.seal(owned).grant, customer)


async def finish(pool: Pool) -> None:
    """Let a worker end everything that waits."""
    ledger = Ledger(pool)
    waiting = await pool.fetch("SELECT id FROM aiocancel.action WHERE state = 'waiting'")
    for taken in await ledger.take(uuid.uuid4(), [row["id"] for row in waiting], lease_s=60):
        await ledger.refuse(taken, Code.WITHDRAWN)


async def parked(pool: Pool) -> list[str]:
    rows = await pool.fetch("SELECT parked_code FROM aiocancel.action WHERE state = 'parked'")
    return [row["parked_code"] for row in rows]


async def posts(service: FlowService, count: int, status: str) -> list[Code | None]:
    """Post so many results, each about a flow session that was made up; returns the codes of the refusals."""
    codes: list[Code | None] = []
    for number in range(count):
        try:
            await post(service, status, session=f"invented_{number}")
        except LimitError as error:
            codes.append(Code(str(error.code)))  # type: ignore[call-arg]
        else:
            codes.append(None)
    return codes


async def test_invented_flow_sessions_are_refused_after_three_and_the_customer_can_still_cancel(
    pool: Pool,
) -> None:
    await add_customer(pool, "ada", "sub_1")
    service = await service_over(pool)

    codes = await posts(service, 12, "saved")

    assert codes == [None] * 3 + [Code.TOO_MUCH_UNFINISHED] * 9
    assert not (await post(service)).repeated


async def test_a_cancellation_that_the_vendor_makes_is_recorded_behind_unfinished_offers(
    company: Company,
) -> None:
    company.stripe.add_subscription("sub_1")
    of_vendor = {"applies_cancellation": "vendor"}
    await company.open(company.plug_in(run_worker=False, answer_within_s=0.1, of_vendor=of_vendor))
    for _ in range(3):
        await company.claim(company.accepted("offr_coupon"))

    answer = await company.claim(await company.finished("canceled"))

    assert answer["outcome"] == "queued"


async def test_another_customer_is_not_counted_with_the_one_who_floods(pool: Pool) -> None:
    await add_customer(pool, "ada", "sub_1")
    await add_customer(pool, "bob", "sub_2")
    service = await service_over(pool)

    await posts(service, 5, "saved")

    assert not (await post(service, "saved", "bob", session="real")).repeated


async def test_an_equal_wish_that_is_unfinished_is_the_same_claim(pool: Pool) -> None:
    await add_customer(pool, "ada", "sub_1")
    service = await service_over(pool)

    first = await post(service)
    again = await asyncio.gather(*(post(service) for _ in range(30)))

    assert {each.public_id for each in again} == {first.public_id}
    assert all(each.repeated for each in again)
    assert await pool.fetchval("SELECT count(*) FROM aiocancel.action") == 1


async def test_a_wish_that_takes_another_back_is_a_claim_of_its_own(pool: Pool) -> None:
    await add_customer(pool, "ada", "sub_1")
    service = await service_over(pool)

    claims = [await post(service, status) for status in ("canceled", "resumed", "canceled")]

    assert len({each.public_id for each in claims}) == 3


async def test_an_equal_wish_is_a_claim_of_its_own_when_the_first_is_finished(pool: Pool) -> None:
    await add_customer(pool, "ada", "sub_1")
    service = await service_over(pool)
    first = await post(service)
    await pool.execute(
        "UPDATE aiocancel.action SET state = 'running', lease_owner = gen_random_uuid()"
    )
    await pool.execute(
        """
        UPDATE aiocancel.action SET state = 'done', lease_owner = NULL, finished_at = now(),
            receipt_status = 'active'
        """
    )

    assert (await post(service)).public_id != first.public_id


async def test_changes_back_and_forth_are_refused_at_last_and_the_last_word_may_be_a_cancellation(
    pool: Pool,
) -> None:
    await add_customer(pool, "ada", "sub_1")
    service = await service_over(pool, most_unfinished_actions=4)
    for status in ("canceled", "resumed", "canceled", "resumed"):
        await post(service, status)

    cancelled = await post(service)
    with pytest.raises(LimitError) as refused:
        await post(service, "resumed")

    assert not cancelled.repeated
    assert (refused.value.status, refused.value.code) == (409, Code.TOO_MUCH_UNFINISHED)


async def test_posts_of_one_minute_are_counted_in_the_database_and_not_by_each_process(
    pool: Pool,
) -> None:
    await add_customer(pool, "ada", "sub_1")
    sites = [await service_over(pool, most_posts_per_minute=4) for _ in range(2)]
    for number in range(4):
        await post(sites[number % 2], "rerouted" if number % 2 else "incomplete")

    with pytest.raises(LimitError) as refused:
        await post(sites[0], "resumed")
    assert (refused.value.status, refused.value.code) == (429, Code.TOO_MANY_POSTS)

    await pool.execute("UPDATE aiocancel.claim SET recorded_at = now() - interval '61 seconds'")
    assert not (await post(sites[0], "resumed")).repeated


async def test_posts_that_come_together_do_not_pass_the_limit(pool: Pool) -> None:
    await add_customer(pool, "ada", "sub_1")
    service = await service_over(pool)

    results = await asyncio.gather(
        *(post(service, "saved", session=f"invented_{number}") for number in range(20)),
        return_exceptions=True,
    )

    assert sum(isinstance(each, RecordedClaim) for each in results) == 3
    assert sum(isinstance(each, LimitError) for each in results) == 17


async def test_a_post_that_is_repeated_is_answered_beyond_every_limit(pool: Pool) -> None:
    await add_customer(pool, "ada", "sub_1")
    service = await service_over(pool, most_unfinished_offers=1, most_posts_per_minute=1)
    owned = await service.find("ada")
    assert owned is not None
    grant = service.seal(owned).grant

    first = await service.accept(make_claim("saved", session="real"), grant, "ada")
    again = await service.accept(make_claim("saved", session="real"), grant, "ada")

    assert (again.public_id, again.repeated) == (first.public_id, True)


@pytest.mark.parametrize(
    "name", ["most_unfinished_offers", "most_unfinished_actions", "most_posts_per_minute"]
)
def test_a_limit_of_none_at_all_is_refused(name: str) -> None:
    with pytest.raises(ConfigurationError, match=name):
        Settings(mode="test", **{name: 0})  # type: ignore[arg-type]


# What becomes of a choice that is refused


async def test_a_flow_session_beyond_the_limit_is_left_to_a_person_and_never_carried_out_by_itself(
    pool: Pool,
) -> None:
    await add_customer(pool, "ada", "sub_1")
    generous, service = (
        await service_over(pool),
        await service_over(pool, most_unfinished_actions=2),
    )
    for status in ("canceled", "resumed", "canceled", "resumed"):
        await post(generous, status)

    with pytest.raises(LimitError) as refused:
        await post(service, session="real")
    claim, page = make_claim("canceled", session="real"), make_grant("sub_1", nonce="event:evt_1")
    by_vendor = decide_by_vendor(claim, page.customer_id, page.subscription_id, Policy())
    told_by_vendor = await Ledger(pool).accept(claim, page, by_vendor, verified=True)

    assert refused.value.fate == "left_to_a_person"
    assert told_by_vendor.repeated
    assert await parked(pool) == [Code.REFUSED_ON_THE_PAGE]


async def test_a_refused_choice_goes_on_when_it_is_posted_again_below_the_limit(pool: Pool) -> None:
    await add_customer(pool, "ada", "sub_1")
    service = await service_over(pool, most_unfinished_offers=1)
    await post(service, "saved", session="first")
    with pytest.raises(LimitError):
        await post(service, "saved", session="second")
    await finish(pool)

    again = await post(service, "saved", session="second")

    assert again.repeated
    assert await parked(pool) == []


async def test_a_refused_choice_that_is_posted_again_does_not_pass_the_limit(pool: Pool) -> None:
    await add_customer(pool, "ada", "sub_1")
    service = await service_over(pool)

    for _ in range(3):
        codes = await posts(service, 8, "saved")

    assert codes == [None] * 3 + [Code.TOO_MUCH_UNFINISHED] * 5
    assert await pool.fetchval("SELECT count(*) FROM aiocancel.action WHERE state = 'waiting'") == 3
