"""The auditor of the fuzz run: what may change at Stripe and in the ledger, and on whose word.

It trusts nothing that the package says: it compares what Stripe shows with what the simulated vendor knows and with
whose grant was accepted.
"""

from __future__ import annotations

import logging
import traceback
from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from aiohttp import web

from aiocancel import CustomOffer
from aiocancel.testing.prosperstack.records import JsonObject
from aiocancel.testing.prosperstack.simulator import ProsperStackSimulator
from aiocancel.testing.stripe.simulator import StripeSimulator
from tests.fuzz.posts import Meant
from tests.support.saas import CLIENT_SECRET, GRANT_KEYS, STRIPE_KEY, Pool

API_KEY: Final = "key_test_of_the_fuzz_run"
WEBHOOK_TOKEN: Final = "a-webhook-token-that-nobody-guesses"
SECRETS: Final = (CLIENT_SECRET, *GRANT_KEYS, STRIPE_KEY, API_KEY, WEBHOOK_TOKEN)
DAY: Final = 24 * 3600

# What each offer of the simulated vendor does to a subscription at the simulated Stripe.
EFFECT_OF: Final = {
    "offr_coupon": "discounts",
    "offr_trial_extension": "trial_end",
    "offr_change_plan": "items",
    "offr_pause_subscription": "pause_collection",
}
# With a cancellation comes the reason.
LEAVING: Final = {"cancel_at_period_end", "cancel_at", "cancel_now", "cancellation_details"}
RETURNING: Final = {"resume"}
# A gift notes its wish on the subscription.
NOTED: Final = "metadata"


# The page was told that its post is refused: a person decides, and no worker.
CARRIED_OUT_THOUGH_REFUSED: Final = """
SELECT a.id FROM aiocancel.action AS a JOIN aiocancel.claim AS c ON c.id = a.claim_id
WHERE c.grant_nonce LIKE 'refused:%' AND a.kind <> 'run_hooks' AND a.state IN ('running', 'done')
"""


class Listener(logging.Handler):
    """Hears every log record; keeps those with a secret or with the traceback of a mistake."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.bad: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        # aiohttp itself logs a body that cannot be unpacked, after our 400 was sent.
        if (
            record.exc_info
            and record.exc_info[0]
            and record.exc_info[0] is not web.RequestPayloadError
        ):
            text += "".join(traceback.format_exception(*record.exc_info))
            self.bad.append(text)
        if any(secret in text for secret in SECRETS):
            self.bad.append(text)


@dataclass
class Person:
    """One customer of one example, and what was allowed so far."""

    name: str
    issued: list[str] = field(default_factory=list)
    claims: list[str] = field(default_factory=list)
    may_leave: bool = False
    may_return: bool = False

    @property
    def subscription_id(self) -> str:
        return f"sub_{self.name}"


@dataclass
class Story:
    """One example as it runs."""

    author: Person
    neighbour: Person
    sessions: dict[Meant, JsonObject] = field(default_factory=dict)
    answered: set[str] = field(default_factory=set)
    rung: set[str] = field(default_factory=set)

    def person(self, who: str) -> Person | None:
        return {"author": self.author, "neighbour": self.neighbour}.get(who)


class Auditor:
    """Looks at both companies and the ledger after each example; ``effects`` counts what was changed."""

    def __init__(self, stripe: StripeSimulator, flows: ProsperStackSimulator) -> None:
        self._stripe = stripe
        self._flows = flows
        self._seen = (0, 0)
        self.listener = Listener()
        self.handled: list[CustomOffer] = []
        self.effects: Counter[str] = Counter()

    @property
    def last_action(self) -> int:
        """The highest id of an action that was audited."""
        return self._seen[1]

    def gifts(self) -> int:
        """How many gifts were made so far."""
        return sum(self.effects[kind] for kind in (*EFFECT_OF.values(), "custom offer handled"))

    async def audit(self, story: Story, pool: Pool) -> None:
        """Raise AssertionError for anything that nobody was entitled to."""
        heard, self.listener.bad = self.listener.bad, []
        assert not heard, heard
        await self._audit_ledger(story, pool)

        for effect in self._stripe.effects:
            self.effects[effect.kind] += 1
            if effect.kind != "coupon_created":
                assert effect.object_id in {
                    story.author.subscription_id,
                    story.neighbour.subscription_id,
                }

        self.effects["custom offer handled"] += len(self.handled)
        for person in (story.author, story.neighbour):
            self._audit_subscription(story, person)

    async def _audit_ledger(self, story: Story, pool: Pool) -> None:
        """Nothing is in the ledger but what was recorded for an answer, left to a person, or brought by a webhook."""
        claims = await pool.fetch(
            "SELECT id, public_id, customer_id, grant_nonce FROM aiocancel.claim WHERE id > $1",
            self._seen[0],
        )
        strange = [
            dict(row)
            for row in claims
            if str(row["public_id"]) not in story.answered
            and not (story.rung and row["grant_nonce"].startswith("event:"))
            and not row["grant_nonce"].startswith("refused:")
        ]
        assert not strange, strange
        assert not await pool.fetch(CARRIED_OUT_THOUGH_REFUSED)

        actions = await pool.fetch(
            "SELECT id, claim_id, kind FROM aiocancel.action WHERE id > $1", self._seen[1]
        )
        known = {row["id"] for row in claims}
        # An earlier example's flow session may still be open; asking about it again gives nothing.
        assert {row["claim_id"] for row in actions} <= known
        self._seen = (
            max([row["id"] for row in claims], default=self._seen[0]),
            max([row["id"] for row in actions], default=self._seen[1]),
        )

    def _audit_subscription(self, story: Story, person: Person) -> None:
        subscription = self._stripe.subscriptions[person.subscription_id]
        changed = Counter(
            name
            for effect in self._stripe.effects_on(person.subscription_id)
            for name in effect.changed
        )
        of_person = [
            each
            for each in self._flows.sessions.values()
            if _platform_id(each) == person.subscription_id
        ]
        left = any(each["status"] == "canceled" for each in of_person) and bool(story.rung)
        assert person.may_leave or left or not LEAVING & changed.keys(), (
            "cancelled unasked",
            changed,
        )
        earned = Counter(
            each["offer_accepted"]["id"] for each in of_person if each["status"] == "saved"
        )
        # A customer who takes an offer stays: it takes back their own earlier cancellation.
        may_return = person.may_return or bool(earned)
        assert may_return or not RETURNING & changed.keys(), ("resumed unasked", changed)
        for offer_id, kind in EFFECT_OF.items():
            assert changed[kind] <= earned[offer_id], (kind, changed, earned)

        gifts = set(EFFECT_OF.values())
        assert changed[NOTED] <= sum(changed[gift] for gift in gifts), changed
        assert not changed.keys() - LEAVING - RETURNING - gifts - {NOTED}, changed
        handled = {
            offer.key for offer in self.handled if offer.subscription_id == person.subscription_id
        }
        assert len(handled) <= earned["offr_custom"]
        self._audit_worth(subscription, earned)

    def _audit_worth(self, subscription: JsonObject, earned: Counter[str]) -> None:
        """No gift is worth more than the vendor's offer, whatever a browser said of it."""
        (item,) = subscription["items"]["data"]
        assert item["price"]["id"] == "price_pro" or earned["offr_change_plan"]
        assert len(subscription["discounts"]) <= earned["offr_coupon"]

        for discount_id in subscription["discounts"]:
            coupon = self._stripe.coupons[self._stripe.discounts[discount_id]["source"]["coupon"]]
            assert (coupon["percent_off"], coupon["duration_in_months"]) == (25, 3)

        if subscription["trial_end"] is not None:
            # A month that is paid for, and two weeks.
            assert (
                subscription["trial_end"]
                <= self._stripe.now + (31 + 14 * earned["offr_trial_extension"]) * DAY
            )

        pause = subscription["pause_collection"]
        if pause is not None:
            assert pause["resumes_at"] <= self._stripe.now + 63 * DAY


def _platform_id(session: JsonObject) -> str:
    return str(session["subscription"]["platform_id"])
