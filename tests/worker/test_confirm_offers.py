"""The vendor's word on an accepted offer, as the worker records it."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

from aiocancel.core.actions import Done, Wait
from aiocancel.core.claim import FlowStatus
from aiocancel.core.decision import Policy
from aiocancel.core.flow_session import FlowSession, VendorEvent
from aiocancel.core.identifiers import FlowSessionId, SubscriptionId
from aiocancel.core.offers.expect import Baseline
from aiocancel.core.offers.terms import AcceptedOffer, CouponTerms, CustomTerms
from aiocancel.core.subscription import AppliedDiscount
from aiocancel.postgres.ledger import Ledger
from aiocancel.worker.confirm_offers import Offers
from tests.support.claims import ask, hurry, take_due
from tests.support.waiting import until
from tests.support.workbench import Bench, running

ASKS_THE_VENDOR = Policy(verifies_offers=True)


class Vendor:
    """A vendor's API that knows one flow session."""

    def __init__(self, status: FlowStatus, accepted: AcceptedOffer | None = None) -> None:
        self.session = FlowSession(FlowSessionId("fs_1"), status, "sub_1", accepted=accepted)

    async def flow_session(self, session_id: FlowSessionId) -> FlowSession | None:
        return self.session if session_id == self.session.session_id else None

    async def event(self, event_id: str) -> VendorEvent | None:
        return None

    async def events_after(self, after_id: str | None, *, limit: int) -> list[VendorEvent]:
        return []

    async def tells_of(self, session: FlowSession) -> bool:
        return True


async def test_a_flow_session_that_stays_open_holds_up_no_cancellation_and_is_parked_at_last(
    bench: Bench,
) -> None:
    bench.stripe.add_subscription("sub_1")
    await ask(bench.pool, status="saved", policy=ASKS_THE_VENDOR, session="fs_1")
    await ask(bench.pool)
    offers = Offers(Ledger(bench.pool), verifier=Vendor(FlowStatus.IN_PROGRESS))

    async with running(bench.worker(offers=offers, jitter=lambda: 1.0)):

        async def is_canceled() -> bool:
            return await bench.states() == ["waiting", "done"]

        await until(is_canceled)

        await bench.pool.execute(
            "UPDATE aiocancel.action SET created_at = now() - interval '15 minutes' "
            "WHERE state = 'waiting'"
        )
        await hurry(bench.pool)
        await bench.settle()

    assert await bench.states() == ["parked: flow_session_still_open", "done"]


async def test_a_confirmed_offer_wakes_the_request_that_waits_for_it(bench: Bench) -> None:
    bench.stripe.add_subscription("sub_1")
    await ask(bench.pool, status="saved", policy=ASKS_THE_VENDOR, session="fs_1")
    woken: list[uuid.UUID] = []
    accepted = AcceptedOffer("offr_call", CustomTerms())
    offers = Offers(Ledger(bench.pool), verifier=Vendor(FlowStatus.SAVED, accepted))

    await bench.work(offers=offers, on_settled=woken.append)

    # Once when the offer was confirmed, once when its own action was parked for want of a handler.
    assert await bench.states() == ["done", "parked: no_handler_for_this_offer"]
    assert len(woken) == 2


async def test_a_later_look_does_not_replace_the_first_one(bench: Bench) -> None:
    await ask(bench.pool)
    ledger = Ledger(bench.pool)
    (taken,) = await take_due(bench.pool, uuid.uuid4())
    offers = Offers(ledger)
    bench.stripe.add_subscription("sub_1")
    before = await bench.client.read(SubscriptionId("sub_1"))
    accepted = AcceptedOffer("offr_1", CouponTerms(Decimal(25), None, "forever"))
    # Stripe does not tell since when.
    given = replace(before, discounts=(AppliedDiscount("di_new", None),))

    first = await offers.expected_step(taken, accepted, before)
    noted = replace(taken, baseline=Baseline.of(before, seen_at=datetime.now(UTC)))
    second = await offers.expected_step(noted, accepted, given)

    assert isinstance(first, Wait)
    assert isinstance(second, Done)
    baseline = await bench.pool.fetchval("SELECT baseline::text FROM aiocancel.action")
    assert "di_new" not in baseline
