"""Customers and what they do: each wish is posted until it is accepted, and every answer is held against Stripe."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from aiocancel.testing.prosperstack.simulator import ProsperStackSimulator
from tests.crash.stripe_account import StripeAccount
from tests.support.saas import as_customer

ACCEPTED_WITHIN_S = 120.0
SETTLED_WITHIN_S = 120.0

COUPON, TRIAL, PLAN, PAUSE = (
    "offr_coupon",
    "offr_trial_extension",
    "offr_change_plan",
    "offr_pause_subscription",
)
# What the simulator calls the effect of each wish.
EFFECTS = {
    "resumed": "resume",
    COUPON: "discounts",
    TRIAL: "trial_end",
    PLAN: "items",
    PAUSE: "pause_collection",
}

Script = tuple[str, ...]
SCRIPTS: tuple[tuple[Script, int], ...] = (
    (("canceled",), 8),
    (("canceled", "resumed", "canceled"), 4),
    ((COUPON,), 2),
    ((TRIAL,), 2),
    ((PLAN,), 2),
    ((PAUSE,), 2),
    ((COUPON, "canceled"), 2),
    ((COUPON, PLAN, "canceled", "resumed"), 1),
)
COPIES: tuple[tuple[int, int], ...] = ((1, 75), (2, 15), (5, 9), (50, 1))


@dataclass(frozen=True)
class Wish:
    """One flow session: ``what`` is a status or an offer, posted ``copies`` times at once."""

    what: str
    copies: int = 1
    through_vendor: bool = False


@dataclass
class Customer:
    """A customer with a subscription, and the wishes in their order."""

    number: int
    wishes: Sequence[Wish]
    timing: str = "at_period_end"
    claims: list[Claim] = field(default_factory=list)

    @property
    def name(self) -> str:
        return f"customer_{self.number:06d}"

    @property
    def subscription_id(self) -> str:
        return f"sub_{self.number:06d}"

    def effect(self, wish: Wish) -> str:
        if wish.what != "canceled":
            return EFFECTS[wish.what]
        return "cancel_now" if self.timing == "now" else "cancel_at_period_end"

    @property
    def expected(self) -> list[str]:
        """The effects at Stripe that the accepted wishes call for."""
        return [self.effect(claim.wish) for claim in self.claims]


@dataclass
class Claim:
    """An accepted wish: what it was told, oldest first."""

    wish: Wish
    claim_id: str
    told: list[dict[str, Any]]


def make_customers(
    chance: random.Random, sessions: int, *, ends_now: float = 0.2
) -> list[Customer]:
    """Make as many customers as it takes for that many flow sessions; a share of them ends at once."""
    customers: list[Customer] = []
    left = sessions
    scripts, weights = zip(*SCRIPTS, strict=True)
    copies, copy_weights = zip(*COPIES, strict=True)

    while left:
        now = chance.random() < ends_now
        script: Script = ("canceled",) if now else chance.choices(scripts, weights)[0]
        wishes = [
            Wish(
                what,
                chance.choices(copies, copy_weights)[0],
                through_vendor=what.startswith("offr_")
                or (what == "canceled" and chance.random() < 0.4),
            )
            for what in script[:left]
        ]
        left -= len(wishes)
        customers.append(Customer(len(customers), wishes, "now" if now else "at_period_end"))

    return customers


class Crowd:
    """Lets customers act against the sites, and notes what was not honest."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        stripe: StripeAccount,
        flows: ProsperStackSimulator,
        sites: Callable[[str], Sequence[str]],
        chance: random.Random,
    ) -> None:
        self._session = session
        self._stripe = stripe
        self._flows = flows
        self._sites = sites
        self._chance = chance
        self.posts = 0
        self.refused_for_now: Counter[str] = Counter()
        self.dishonest: list[str] = []

    async def act(self, customer: Customer) -> None:
        for wish in customer.wishes:
            claim = await self.claim(customer, wish)
            customer.claims.append(claim)
            if wish.what.startswith("offr_"):
                # An offer asks the vendor first, and nothing waits for that; who accepts one sees it happen.
                await self.settled(customer, claim)

    async def claim(self, customer: Customer, wish: Wish) -> Claim:
        """Post a wish until it is accepted."""
        grant = (await self._ask(customer, "GET", "/cancel/payload"))["flow"]["grant"]
        body: dict[str, Any] = {"grant": grant, "status": wish.what}
        if wish.through_vendor:
            session = self._flow_session(customer, wish)
            body = {"grant": grant, "result": {"status": session["status"], "flowSession": session}}
        told = await asyncio.gather(*(self._post(customer, body, wish) for _ in range(wish.copies)))
        if len({answer["claim"] for answer in told}) != 1:
            self.dishonest.append(f"{customer.name}: equal posts are different claims")
        return Claim(wish, told[0]["claim"], told)

    def _flow_session(self, customer: Customer, wish: Wish) -> dict[str, Any]:
        opened = self._flows.create_session(customer.subscription_id)
        if wish.what == "canceled":
            return self._flows.finish(opened["id"])
        return self._flows.finish(opened["id"], status="saved", offer_id=wish.what)

    async def _post(self, customer: Customer, body: dict[str, Any], wish: Wish) -> dict[str, Any]:
        self.posts += 1
        answer = await self._ask(customer, "POST", "/cancel/result", body)
        self._check(customer, answer, wish, earlier=len(customer.claims))
        return answer

    def _check(
        self, customer: Customer, answer: dict[str, Any], wish: Wish, *, earlier: int
    ) -> None:
        """Hold an answer against Stripe at this very moment."""
        good = "scheduled" if customer.effect(wish) == "cancel_at_period_end" else "done"
        if answer["outcome"] not in ("queued", good):
            self.dishonest.append(f"{customer.name}: {wish.what} was answered {answer['outcome']}")
        elif answer["settled"] and len(self._stripe.kinds[customer.subscription_id]) <= earlier:
            self.dishonest.append(
                f"{customer.name}: {wish.what} was called {answer['outcome']} too early"
            )
        elif good == "scheduled" and answer["settled"] and answer["effective_at"] is None:
            self.dishonest.append(f"{customer.name}: an end without its date")

    async def settled(self, customer: Customer, claim: Claim) -> None:
        """Ask until the claim is settled; what it was told before must be what it is told at last."""
        path = f"/cancel/status/{claim.claim_id}"
        async with asyncio.timeout(SETTLED_WITHIN_S):
            while not (last := await self._ask(customer, "GET", path))["settled"]:  # noqa: ASYNC110 - as a browser does
                await asyncio.sleep(0.2)

        self._check(customer, last, claim.wish, earlier=customer.claims.index(claim))
        final = last["outcome"], last["effective_at"]

        if any(
            (told["outcome"], told["effective_at"]) != final
            for told in claim.told
            if told["settled"]
        ):
            self.dishonest.append(
                f"{customer.name}: {claim.wish.what} was told something else before"
            )

    async def _ask(
        self, customer: Customer, method: str, path: str, body: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Ask any site until one answers: an outage is no answer, and the same may be posted again."""
        async with asyncio.timeout(ACCEPTED_WITHIN_S):
            while True:
                if urls := self._sites(customer.timing):
                    url = self._chance.choice(urls) + path
                    try:
                        async with self._session.request(
                            method, url, json=body, headers=as_customer(customer.name)
                        ) as response:
                            if response.status in (200, 202):
                                answer: dict[str, Any] = await response.json()
                                return answer
                        self.refused_for_now[str(response.status)] += 1
                        if response.status != 503:
                            self.dishonest.append(
                                f"{customer.name}: {method} {path} was answered {response.status}"
                            )
                    except (aiohttp.ClientError, TimeoutError) as error:
                        self.refused_for_now[type(error).__name__] += 1
                await asyncio.sleep(0.1 + 0.2 * self._chance.random())
