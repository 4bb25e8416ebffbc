"""A site that dies between every two statements of an acceptance or of an exit: nothing is lost, and nothing doubled.

A statement is cut off before it reaches the database, or after it took effect and before its answer came back, the
beginning and the end of a transaction included. The customer, who got no answer, presses again.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import asyncpg
import pytest
import pytest_asyncio

from aiocancel.core.flow.definition import CouponOffer
from aiocancel.core.flow.screen import Screen
from aiocancel.errors import AiocancelError
from aiocancel.own_flow import RequestFacts
from aiocancel.postgres.claims import RecordedClaim
from aiocancel.testing.stripe.simulator import StripeSimulator
from aiocancel.vendors.own import OwnFlow
from tests.support.own_flow import FlowCompany, flow_company
from tests.support.saas import Pool, add_customer

# More than either takes, with the one that wakes the workers: the last passes unharmed, and that is asserted.
STATEMENTS = 15


@dataclass
class Cut:
    """The statement at which the connection goes, and on which side of it."""

    at: int
    side: Literal["before", "after"]
    passed: int = 0

    @property
    def has_happened(self) -> bool:
        return self.passed >= self.at


_cut: ContextVar[Cut | None] = ContextVar("cut", default=None)


@pytest.fixture(autouse=True)
def connections_can_be_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    import stripe

    # It would write a file into the home directory.
    monkeypatch.setattr(stripe, "enable_telemetry", False)
    for name in ("execute", "fetch", "fetchrow", "fetchval"):
        original = getattr(asyncpg.Connection, name)

        async def cut_off(
            self: Any, *arguments: Any, _original: Any = original, **named: Any
        ) -> Any:
            cut = _cut.get()
            if cut is None:
                return await _original(self, *arguments, **named)
            cut.passed += 1
            if cut.passed == cut.at and cut.side == "before":
                raise asyncpg.ConnectionDoesNotExistError("cut off")
            result = await _original(self, *arguments, **named)
            if cut.passed == cut.at:
                raise asyncpg.ConnectionDoesNotExistError("cut off")
            return result

        monkeypatch.setattr(asyncpg.Connection, name, cut_off)


@contextmanager
def cutting(cut: Cut) -> Iterator[None]:
    token = _cut.set(cut)
    try:
        yield
    finally:
        _cut.reset(token)


@pytest_asyncio.fixture(loop_scope="session")
async def company(
    pool: Pool, stripe_api: tuple[StripeSimulator, str]
) -> AsyncIterator[FlowCompany]:
    stripe, url = stripe_api
    stripe.add_price("price_basic", unit_amount=900, currency="eur")
    async with flow_company(pool, stripe, url) as running:
        yield running


GERMANY = RequestFacts("en", "DE")
FOR_ALL = CouponOffer("half_price", percent_off=50, months=3)


@pytest_asyncio.fixture(loop_scope="session")
async def german_company(
    pool: Pool, stripe_api: tuple[StripeSimulator, str]
) -> AsyncIterator[FlowCompany]:
    """Its customers are offered nothing before they have declared to leave."""
    stripe, url = stripe_api
    flow = OwnFlow(offers=[FOR_ALL])
    async with flow_company(pool, stripe, url, vendor=flow, place=lambda _: "DE") as running:
        yield running


async def press(
    company: FlowCompany, screen: Screen, customer: str, what: str, grant: str
) -> RecordedClaim:
    session = str(screen.session_id)
    if what == "cancel":
        return await company.flow.cancel(customer, session, grant)
    return await company.flow.accept(customer, session, "half_price", None, grant)


async def press_twice(company: FlowCompany, customer: str, what: str, cut: Cut) -> None:
    """Press, lose the answer, press again, and count what came of it."""
    due = int((datetime.now(UTC) + timedelta(days=12)).timestamp())
    company.stripe.add_subscription(
        f"sub_{customer}", unit_amount=2900, currency="eur", current_period_end=due
    )
    await add_customer(company.pool, customer, f"sub_{customer}")
    screen = await company.offered("too_expensive", customer)
    grant = await company.grant(customer)

    with cutting(cut), suppress(AiocancelError):
        await press(company, screen, customer, what, grant)
    recorded = await press(company, screen, customer, what, grant)

    assert await company.settled(recorded, customer) == (
        "done" if what == "accept" else "scheduled"
    )
    claims = await company.pool.fetchval(
        "SELECT count(*) FROM aiocancel.claim WHERE customer_id = $1", customer
    )
    assert claims == 1
    subscription = company.stripe.subscriptions[f"sub_{customer}"]
    assert len(subscription["discounts"]) == (1 if what == "accept" else 0)
    assert subscription["cancel_at_period_end"] is (what == "cancel")


async def stay_after_all(company: FlowCompany, customer: str, looked: Cut, pressed: Cut) -> None:
    """Declare to leave, lose the page of the outcome, look again, press, lose the answer, and press again."""
    due = int((datetime.now(UTC) + timedelta(days=12)).timestamp())
    company.stripe.add_subscription(
        f"sub_{customer}", unit_amount=2900, currency="eur", current_period_end=due
    )
    await add_customer(company.pool, customer, f"sub_{customer}")
    owned = await company.opened.service.find(customer)
    assert owned is not None
    before = await company.flow.open(owned, GERMANY)
    declared = await company.flow.cancel(customer, before.session_id, await company.grant(customer))
    assert await company.settled(declared, customer) == "scheduled"

    with cutting(looked):
        await company.flow.after(owned, declared.public_id, is_carried_out=True)
    screen = await company.flow.after(owned, declared.public_id, is_carried_out=True)
    assert screen is not None
    assert screen.offer is not None
    grant = await company.grant(customer)
    with cutting(pressed), suppress(AiocancelError):
        await press(company, screen, customer, "accept", grant)
    recorded = await press(company, screen, customer, "accept", grant)

    assert await company.settled(recorded, customer) == "done"
    claims = await company.pool.fetch(
        "SELECT status FROM aiocancel.claim WHERE customer_id = $1 ORDER BY id", customer
    )
    assert [each["status"] for each in claims] == ["canceled", "saved"]
    sessions = "SELECT count(*) FROM aiocancel.flow_session WHERE customer_id = $1"
    assert await company.pool.fetchval(sessions, customer) == 2
    subscription = company.stripe.subscriptions[f"sub_{customer}"]
    assert len(subscription["discounts"]) == 1
    assert subscription["cancel_at_period_end"] is False


async def test_who_stays_after_the_declaration_gets_one_offer_wherever_the_site_dies(
    german_company: FlowCompany,
) -> None:
    cuts = [
        (Cut(at, "before"), Cut(at, "after")) if at % 2 else (Cut(at, "after"), Cut(at, "before"))
        for at in (*range(1, 9), STATEMENTS)
    ]
    for number, (looked, pressed) in enumerate(cuts):
        await stay_after_all(german_company, f"stays_{number}", looked, pressed)

    for happened in ([cut.has_happened for cut in each] for each in zip(*cuts, strict=True)):
        assert any(happened)
        assert not all(happened), "there are more statements than this test cuts off"


@pytest.mark.parametrize("what", ["accept", "cancel"])
async def test_a_press_whose_site_dies_between_two_statements_takes_effect_once(
    company: FlowCompany, what: str
) -> None:
    cuts: list[Cut] = []
    # Until there is no such statement any more.
    for at in range(1, STATEMENTS + 1):
        before, after = Cut(at, "before"), Cut(at, "after")
        for cut in (before, after):
            await press_twice(company, f"{what}_{cut.at}_{cut.side}", what, cut)
        cuts += (before, after)
        if not before.has_happened and not after.has_happened:
            break

    await company.flow.close()
    happened = [cut.has_happened for cut in cuts]
    assert any(happened)
    assert not all(happened), "there are more statements than this test cuts off"
    states = await company.pool.fetch("SELECT DISTINCT state FROM aiocancel.flow_session")
    ended = {"accepted"} if what == "accept" else {"canceled"}
    # The end of a session whose site died before it was noted is found by the sweep.
    assert ended <= {row["state"] for row in states} <= ended | {"open"}
