"""A hook of the application hears how the subscription was when a flow of its own began."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from aiocancel.postgres.ledger import Ledger
from tests.support.claims import make_claim, make_grant, record
from tests.support.past_sessions import PastSession, add_sessions
from tests.support.saas import Pool


async def test_an_outcome_has_the_snapshot_of_its_own_session(ledger: Ledger, pool: Pool) -> None:
    await add_sessions(pool, PastSession(1), PastSession(2, told_by="browser", snapshot=None))
    first = await record(ledger, make_claim(session="run_1"), make_grant("sub_1"))
    # Another subscription's session of the same name is none of this claim's.
    other = await record(ledger, make_claim(session="run_1"), make_grant("sub_2"))
    vendors = await record(ledger, make_claim(session="run_2"), make_grant("sub_2"))

    found = [
        await ledger.outcome(await _id(pool, each.public_id)) for each in (first, other, vendors)
    ]

    assert found[0].snapshot == {
        "plan": "Pro",
        "price_minor": 2900,
        "currency": "eur",
        "interval": "month",
    }
    assert [each.snapshot for each in found[1:]] == [None, None]
    assert "Pro" not in repr(found[0])


async def test_who_took_an_offer_and_cancels_from_an_old_tab_is_told_with_the_snapshot_of_that_flow(
    ledger: Ledger, pool: Pool
) -> None:
    now = datetime.now(UTC)
    lately, long_ago = now - timedelta(minutes=5), now - timedelta(days=3)
    ada: dict[str, Any] = {"customer_id": "ada", "shown": ("half",)}
    ada |= {"state": "accepted", "accepted": "half"}
    await add_sessions(
        pool,
        PastSession(1, subscription_id="sub_1", opened_at=lately, **ada),
        PastSession(2, subscription_id="sub_2", opened_at=long_ago, **ada),
        PastSession(3, subscription_id="sub_3", opened_at=lately, **{**ada, "customer_id": "bob"}),
        PastSession(4, subscription_id="sub_4", opened_at=lately, customer_id="ada"),
    )
    claim = replace(make_claim(), vendor="own")

    found = []
    for subscription in ("sub_1", "sub_2", "sub_3", "sub_4"):
        recorded = await record(ledger, claim, make_grant(subscription))
        found.append(await ledger.outcome(await _id(pool, recorded.public_id)))

    # One of three days ago, of another customer, or without an offer that was taken is none of this tab's.
    assert [each.snapshot is not None for each in found] == [True, False, False, False]
    assert (found[0].snapshot or {})["plan"] == "Pro"
    assert found[0].flow_session_id is None


async def _id(pool: Pool, public_id: object) -> int:
    found: int = await pool.fetchval(
        "SELECT id FROM aiocancel.claim WHERE public_id = $1", public_id
    )
    return found
