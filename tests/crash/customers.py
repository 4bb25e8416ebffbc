"""Customers and what they do: each wish is posted until it is accepted, and every answer is held against Stripe."""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import aiohttp

from aiocancel.testing.prosperstack.simulator import ProsperStackSimulator
from tests.crash.stripe_account import StripeAccount
from tests.support.saas import as_customer
from tests.support.web import Page

ACCEPTED_WITHIN_S = 120.0
# Where PostgreSQL restarts every few seconds on a slow disk, it takes minutes until it is one's turn.
SETTLED_WITHIN_S = 300.0
# A page loads itself again after three seconds; one that asks more often takes the processor from what it waits for.
ASKS_AGAIN_AFTER_S = (0.2, 3.0)

COUPON, TRIAL, PLAN, PAUSE = (
    "offr_coupon",
    "offr_trial_extension",
    "offr_change_plan",
    "offr_pause_subscription",
)
# The flow of our own offers this, and a customer may leave from any of its screens.
OWN_PLAN, OWN_CANCELED = "own_basic", "own_canceled"
# So many looks at a flow whose offer does not come, because Stripe or the database was away, are enough.
MOST_LOOKS = 5
# What the simulator calls the effect of each wish.
EFFECTS = {
    OWN_PLAN: "items",
    "resumed": "resume",
    COUPON: "discounts",
    TRIAL: "trial_end",
    PLAN: "items",
    PAUSE: "pause_collection",
}

Script = tuple[str, ...]
SCRIPTS: tuple[tuple[Script, int], ...] = (
    (("canceled",), 6),
    ((OWN_CANCELED,), 3),
    ((OWN_PLAN,), 2),
    ((OWN_CANCELED, "resumed", OWN_CANCELED), 1),
    (("canceled", "resumed", "canceled"), 3),
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
        if wish.what not in ("canceled", OWN_CANCELED):
            return EFFECTS[wish.what]
        return "cancel_now" if self.timing == "now" else "cancel_at_period_end"

    @property
    def expected(self) -> list[str]:
        """The effects at Stripe that the accepted wishes call for."""
        return [self.effect(claim.wish) for claim in self.claims]

    def has_come_back(self, since: int) -> bool:
        """Whether a wish after this one takes its cancellation back, so that its end holds no more."""
        return any(effect == "resume" for effect in self.expected[since + 1 :])


@dataclass(frozen=True)
class Screen:
    """A screen of the flow of our own: at which step, and its form; or the claim that it has led to."""

    at: str = ""
    action: str = ""
    grant: str = field(default="", repr=False)
    claim: str = ""


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
        leaving: Script = ("canceled",) if chance.random() < 0.7 else (OWN_CANCELED,)
        script: Script = leaving if now else chance.choices(scripts, weights)[0]
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
            if wish.what.startswith("offr_") or wish.what == OWN_PLAN:
                # An offer asks the vendor first, and nothing waits for that; the customer sees it happen.
                await self.settled(customer, claim)

    async def claim(self, customer: Customer, wish: Wish) -> Claim:
        """Post a wish until it is accepted."""
        if wish.what in (OWN_PLAN, OWN_CANCELED):
            return await self._claim_in_our_own_flow(customer, wish)

        grant = (await self._ask(customer, "GET", "/cancel/payload"))["flow"]["grant"]
        body: dict[str, Any] = {"grant": grant, "status": wish.what}
        if wish.through_vendor:
            session = self._flow_session(customer, wish)
            body = {"grant": grant, "result": {"status": session["status"], "flowSession": session}}
        told = await asyncio.gather(*(self._post(customer, body, wish) for _ in range(wish.copies)))
        if len({answer["claim"] for answer in told}) != 1:
            self.dishonest.append(f"{customer.name}: equal posts are different claims")
        return Claim(wish, told[0]["claim"], told)

    async def _claim_in_our_own_flow(self, customer: Customer, wish: Wish) -> Claim:
        """Go through the flow of our own: look, say why, press, each until a site answers, and as often as it takes."""
        wants_offer = wish.what == OWN_PLAN
        answers = wants_offer or self._chance.random() < 0.5
        for _ in range(MOST_LOOKS):
            async with asyncio.timeout(ACCEPTED_WITHIN_S):
                # A customer who has just come back may still be told of the end.
                while not (screen := await self._screen(customer, "GET", "/cancel")).at:  # noqa: ASYNC110 - as a browser does
                    await asyncio.sleep(0.2)
            if answers:
                screen = await self._press(customer, screen, "continue", reason="too_complex")
            if screen.at == "offer" or not wants_offer:
                break
            await asyncio.sleep(0.5)

        # A customer who is offered nothing leaves.
        takes = wants_offer and screen.at == "offer"
        wish = wish if takes else replace(wish, what=OWN_CANCELED)
        do = "accept" if takes else "cancel"
        copies = [self._press(customer, screen, do, offer="basic") for _ in range(wish.copies)]
        ends = await asyncio.gather(*copies)
        self.posts += wish.copies
        if len({end.claim for end in ends}) != 1 or not ends[0].claim:
            self.dishonest.append(f"{customer.name}: equal presses led to {ends}")

        told = await self._ask(customer, "GET", f"/cancel/status/{ends[0].claim}")
        self._check(customer, told, wish, earlier=len(customer.claims))
        return Claim(wish, ends[0].claim, [told])

    async def _press(self, customer: Customer, screen: Screen, do: str, **fields: str) -> Screen:
        """Press a button, again and again until a site answers; a flow that is not kept has the exit alone."""
        if do == "continue" and screen.at != "why":
            return screen
        posted = {**fields, "grant": screen.grant, "do": do}
        return await self._screen(customer, "POST", screen.action, posted)

    async def _screen(
        self, customer: Customer, method: str, path: str, posted: dict[str, str] | None = None
    ) -> Screen:
        html, path = await self._sent(customer, method, path, posted=posted)
        if "/cancel/status/" in path:
            return Screen(claim=path.rpartition("/")[2])

        page = Page(html)
        forms = [each for each in page.all("form") if "data-aiocancel-screen" in each]
        if not forms:
            return Screen()
        return Screen(forms[0]["data-aiocancel-screen"], forms[0]["action"], page.fields["grant"])

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
        elif (
            good == "scheduled"
            and answer["settled"]
            and answer["effective_at"] is None
            and not customer.has_come_back(earlier)
        ):
            self.dishonest.append(f"{customer.name}: an end without its date")

    async def settled(self, customer: Customer, claim: Claim) -> None:
        """Ask until the claim is settled; what it was told before must be what it is told at last."""
        path = f"/cancel/status/{claim.claim_id}"
        pause_s, longest_s = ASKS_AGAIN_AFTER_S
        async with asyncio.timeout(SETTLED_WITHIN_S):
            while not (last := await self._ask(customer, "GET", path))["settled"]:
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, longest_s)

        number = customer.claims.index(claim)
        self._check(customer, last, claim.wish, earlier=number)
        honest = {(last["outcome"], last["effective_at"])}
        if customer.has_come_back(number) and last["effective_at"] is None:
            # It was told an end that held until then.
            honest |= {(each["outcome"], each["effective_at"]) for each in claim.told}

        if any(
            (told["outcome"], told["effective_at"]) not in honest
            for told in claim.told
            if told["settled"]
        ):
            self.dishonest.append(
                f"{customer.name}: {claim.wish.what} was told something else before"
            )

    async def _ask(
        self, customer: Customer, method: str, path: str, body: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        text, _ = await self._sent(customer, method, path, body=body)
        answer: dict[str, Any] = json.loads(text)
        return answer

    async def _sent(
        self,
        customer: Customer,
        method: str,
        path: str,
        *,
        body: dict[str, Any] | None = None,
        posted: dict[str, str] | None = None,
    ) -> tuple[str, str]:
        """Ask any site until one answers: an outage is no answer, and the same may be posted again.

        Returns what it says, and at which path.
        """
        is_page = posted is not None or path == "/cancel"
        headers = {**as_customer(customer.name), **({"Accept": "text/html"} if is_page else {})}

        async with asyncio.timeout(ACCEPTED_WITHIN_S):
            while True:
                if urls := self._sites(customer.timing):
                    url = self._chance.choice(urls) + path
                    try:
                        async with self._session.request(
                            method, url, json=body, data=posted, headers=headers
                        ) as response:
                            if response.status in (200, 202):
                                return await response.text(), response.url.path
                        self.refused_for_now[str(response.status)] += 1
                        if response.status != 503:
                            self.dishonest.append(
                                f"{customer.name}: {method} {path} was answered {response.status}"
                            )
                    except (aiohttp.ClientError, TimeoutError) as error:
                        self.refused_for_now[type(error).__name__] += 1
                await asyncio.sleep(0.1 + 0.2 * self._chance.random())
