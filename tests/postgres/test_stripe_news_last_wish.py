"""What a customer said last, as the news of their subscription carry it."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from aiocancel.core.claim import CancelReason
from aiocancel.core.flow_details import FREE_TEXT, Answered, FlowDetails
from aiocancel.core.identifiers import SubscriptionId
from aiocancel.core.stripe_news import LastWish
from aiocancel.postgres.erasure import Erasure
from aiocancel.postgres.flow_sessions import FlowSessions
from aiocancel.postgres.ledger import Ledger
from aiocancel.postgres.stripe_news import StripeNews, TakenNews
from tests.support.claims import make_claim, make_grant, record
from tests.support.flow_sessions import begin, own_claim
from tests.support.past_sessions import PastSession, add_sessions
from tests.support.saas import Pool

TOO_DEAR = CancelReason("Too dear for us", "too_expensive")
DETAILS = FlowDetails(
    "vendor",
    (Answered("q1", FREE_TEXT, "Why?", ("We are three people.",)),),
    ("half_price",),
)


def rung(subscription_id: str = "sub_1") -> TakenNews:
    return TakenNews(None, SubscriptionId(subscription_id), uuid.uuid4(), 1, 1, None, 0)


async def said(pool: Pool, subscription_id: str = "sub_1") -> LastWish:
    return await StripeNews(pool).last_wish(rung(subscription_id), "test")


async def test_a_run_of_our_own_is_told_with_its_reason_answers_and_snapshot(pool: Pool) -> None:
    await begin(FlowSessions(pool))
    claim = own_claim("canceled", reason=TOO_DEAR, details=DETAILS)
    await record(Ledger(pool), claim, make_grant())

    wish = await said(pool)

    assert wish.reason == TOO_DEAR
    assert wish.flow == DETAILS
    assert wish.snapshot is not None
    assert wish.snapshot["price_minor"] == 2900
    assert "three people" not in repr(wish)
    assert "Too dear" not in repr(wish)


async def test_who_took_an_offer_and_cancels_from_an_old_tab_is_told_with_the_snapshot_of_that_flow(
    pool: Pool,
) -> None:
    lately = datetime.now(UTC) - timedelta(minutes=5)
    taken = PastSession(
        1,
        "accepted",
        lately,
        shown=("half",),
        accepted="half",
        customer_id="ada",
        subscription_id="sub_1",
    )
    await add_sessions(pool, taken)
    claim = replace(make_claim("canceled", text=TOO_DEAR.text), vendor="own")
    await record(Ledger(pool), claim, make_grant())

    wish = await said(pool)

    assert wish.reason.text == TOO_DEAR.text
    assert wish.snapshot is not None
    assert wish.snapshot["plan"] == "Pro"


async def test_taking_a_wish_back_leaves_what_was_said(pool: Pool) -> None:
    await record(
        Ledger(pool), make_claim("canceled", text=TOO_DEAR.text, code=TOO_DEAR.code), make_grant()
    )
    await record(Ledger(pool), make_claim("resumed", session=None), make_grant(nonce="2"))

    assert (await said(pool)).reason == TOO_DEAR


async def test_a_subscription_of_which_nobody_said_anything_has_no_wish(pool: Pool) -> None:
    await record(
        Ledger(pool),
        make_claim("canceled", text=TOO_DEAR.text, code=TOO_DEAR.code),
        make_grant("sub_2"),
    )

    assert await said(pool) == LastWish()


async def test_an_erased_customer_has_said_nothing(pool: Pool) -> None:
    claim = make_claim(
        "incomplete",
        session="sess_1",
        text=TOO_DEAR.text,
        code=TOO_DEAR.code,
        details=DETAILS,
    )
    await record(Ledger(pool), claim, make_grant())
    before = await said(pool)

    async with pool.acquire() as connection:
        await Erasure(connection).of_customer("ada")

    wish = await said(pool)
    assert before.flow == DETAILS
    assert (wish.reason.text, wish.flow) == (None, None)


async def test_what_a_newer_release_wrote_counts_as_not_said(pool: Pool) -> None:
    await record(
        Ledger(pool), make_claim("canceled", text=TOO_DEAR.text, code=TOO_DEAR.code), make_grant()
    )
    await pool.execute("UPDATE aiocancel.claim SET flow = '[1]'")

    assert await said(pool) == LastWish(TOO_DEAR)
