"""A hook of the application hears how the subscription was when a flow of its own began."""

from __future__ import annotations

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


async def _id(pool: Pool, public_id: object) -> int:
    found: int = await pool.fetchval(
        "SELECT id FROM aiocancel.claim WHERE public_id = $1", public_id
    )
    return found
