"""A company with a flow of our own, without any site around it: what its pages would ask of the service."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiocancel.assembly import Opened, open_parts
from aiocancel.core.flow.answers import Answers
from aiocancel.core.flow.conditions import reason
from aiocancel.core.flow.definition import (
    CouponOffer,
    HandledOffer,
    PauseOffer,
    PlanOffer,
    TrialOffer,
)
from aiocancel.core.flow.screen import Screen
from aiocancel.own_flow import OwnFlowService, RequestFacts
from aiocancel.postgres.claims import RecordedClaim
from aiocancel.testing.stripe.simulator import StripeSimulator
from aiocancel.vendors.own import OwnFlow
from tests.support.saas import Events, Pool, add_customer, make_cancel
from tests.support.waiting import until

HALF_PRICE = CouponOffer("half_price", percent_off=50, months=3, when=reason("too_expensive"))
BREAK = PauseOffer("break", months=(1, 2, 3), sentence="You can read.", when=reason("unused"))
BASIC = PlanOffer("basic", "price_basic", when=reason("too_complex"))
LATER = PlanOffer("basic_later", "price_basic", at="period_end", when=reason("missing_features"))
TRIAL = TrialOffer("more_days", 14, when=reason("low_quality"))
CALL = HandledOffer(
    "call", "A call", "We call you.", "Book a call", when=reason("customer_service")
)
OFFERS = (HALF_PRICE, BREAK, BASIC, LATER, TRIAL, CALL)
ENGLISH = RequestFacts("en")


@dataclass
class FlowCompany:
    """The running parts of a company, and the Stripe behind them."""

    opened: Opened
    pool: Pool
    stripe: StripeSimulator
    events: Events
    handled: list[str] = field(default_factory=list)

    @property
    def flow(self) -> OwnFlowService:
        assert self.opened.own_flow is not None
        return self.opened.own_flow

    async def grant(self, customer: str = "ada") -> str:
        owned = await self.opened.service.find(customer)
        assert owned is not None
        return self.opened.service.seal(owned).grant

    async def open(self, customer: str = "ada", facts: RequestFacts = ENGLISH) -> Screen:
        owned = await self.opened.service.find(customer)
        assert owned is not None
        return await self.flow.open(owned, facts)

    async def opened_session(self, customer: str = "ada") -> str:
        screen = await self.open(customer)
        assert screen.session_id is not None
        return screen.session_id

    async def offered(self, why: str = "too_expensive", customer: str = "ada") -> Screen:
        """A session whose customer gave this reason, and what came of it."""
        session = await self.opened_session(customer)
        return await self.flow.answer(customer, session, Answers(why))

    async def accept(
        self, screen: Screen, months: int | None = None, *, customer: str = "ada"
    ) -> RecordedClaim:
        assert screen.session_id is not None
        assert screen.offer is not None
        key = screen.offer.offer.key
        return await self.flow.accept(
            customer, screen.session_id, key, months, await self.grant(customer)
        )

    async def settled(self, recorded: RecordedClaim, customer: str = "ada") -> str:
        """How a claim ended, in the word of its answer."""

        async def is_settled() -> bool:
            answer = await self.opened.service.answer(recorded.public_id, customer)
            return answer is not None and answer.is_settled

        await until(is_settled, within_s=30)
        answer = await self.opened.service.answer(recorded.public_id, customer)
        assert answer is not None
        return str(answer.kind)

    async def row(self, session_id: str | None = None) -> dict[str, Any]:
        """The newest session, or the one of that id, as it is stored."""
        rows = await self.pool.fetch("SELECT * FROM aiocancel.flow_session ORDER BY id DESC")
        return dict(next(row for row in rows if session_id in (None, row["session_id"])))

    @property
    def subscription(self) -> dict[str, Any]:
        return self.stripe.subscriptions["sub_1"]

    def asked(self) -> list[str]:
        """What was asked of Stripe, in short."""
        return [f"{each.method} {each.path}" for each in self.stripe.requests]


@asynccontextmanager
async def flow_company(
    pool: Pool, stripe: StripeSimulator, url: str, *, vendor: Any = None, **settings: Any
) -> AsyncIterator[FlowCompany]:
    """A company with ``OFFERS``, or another vendor's settings; Ada has the subscription ``sub_1``."""
    if not await pool.fetchval("SELECT EXISTS (SELECT FROM app_subscription)"):
        await add_customer(pool, "ada", "sub_1")
        await add_customer(pool, "bob", "sub_2")
    events = Events()
    cancel = make_cancel(
        pool, url, vendor=vendor or OwnFlow(offers=OFFERS), on_event=events, **settings
    )
    handled: list[str] = []

    @cancel.on_offer("call")
    async def call(offer: Any) -> None:
        handled.append(offer.customer_id)

    async with AsyncExitStack() as stack:
        opened = await open_parts(cancel.inspect(), stack)
        yield FlowCompany(opened, pool, stripe, events, handled)
