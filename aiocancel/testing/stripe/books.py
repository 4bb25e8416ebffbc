"""The books of a simulated Stripe account: what it holds, and how a change is noted and told.

What happens to it stands in the modules above: they are functions over these books.
"""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from aiocancel.testing.json_copy import copy_of
from aiocancel.testing.stripe import events
from aiocancel.testing.stripe.form import no_such
from aiocancel.testing.stripe.objects import ENDED, JsonObject, seconds
from aiocancel.testing.stripe.unverified import Unverified
from aiocancel.testing.stripe.writes import Effect, Write

MOST_EVENTS = 10_000


@dataclass
class Resumption:
    """A subscription that goes on once its resumption invoice is paid."""

    invoice_id: str
    asked_at: int
    expires_at: int
    retries: bool


class Books(ABC):
    """What one account holds.

    Ids are counted, not random, so that two runs of a test see the same ones.
    """

    def __init__(
        self,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        *,
        account_id: str = "acct_simulator",
        unverified: Unverified | None = None,
    ) -> None:
        self.clock = clock
        self.account_id = account_id
        self.unverified = unverified or Unverified()
        self.retrieve_canceled = True
        # Stripe's answer is no. Only a test of an application that asks for it all the same sets this.
        self.incomplete_takes_updates = False
        # How many items a subscription shows; the others are listed at /v1/subscription_items.
        self.items_shown = 20
        # The account's setting for what becomes of a subscription whose last payment try has failed.
        self.after_last_retry: Literal["cancel", "unpaid", "past_due"] = "cancel"
        self.customers: dict[str, JsonObject] = {}
        self.prices: dict[str, JsonObject] = {}
        # The names of products by their ids; one without has a name made of its id.
        self.product_names: dict[str, str] = {}
        self.coupons: dict[str, JsonObject] = {}
        self.deleted_coupons: dict[str, JsonObject] = {}
        self.promotion_codes: dict[str, JsonObject] = {}
        self.feedback_options: dict[str, JsonObject] = {}
        self.discounts: dict[str, JsonObject] = {}
        self.invoices: dict[str, JsonObject] = {}

        self.schedules: dict[str, JsonObject] = {}
        self.payment_methods: dict[str, JsonObject] = {}
        self.clocks: dict[str, JsonObject] = {}
        self.events: dict[str, JsonObject] = {}
        self.courier = events.Courier()
        # Customers whose bank wants them to confirm the next payment, and those whose card is declined.
        self.payments_need_action: set[str] = set()
        self.payments_fail: set[str] = set()
        # Which of Stripe's test methods an attached payment method behaves like.
        self.method_behaves: dict[str, str] = {}
        self.pending_lines: dict[str, list[JsonObject]] = {}
        self.resumptions: dict[str, Resumption] = {}
        self.told_of_trial_ends: set[str] = set()
        self.effects: list[Effect] = []
        self.write: Write | None = None
        self._subscriptions: dict[str, JsonObject] = {}
        self.counters: dict[str, int] = {}

    @property
    def now(self) -> int:
        """The clock, in Unix seconds."""
        return seconds(self.clock())

    @property
    def subscriptions(self) -> dict[str, JsonObject]:
        """All subscriptions by id, as they are now; the dicts are the state itself and may be edited."""
        self.settle_all()
        return self._subscriptions

    @abstractmethod
    def settle(self, subscription: JsonObject) -> None:
        """Let happen what has fallen due."""

    def settle_all(self) -> None:
        """Let happen what has fallen due, for every subscription."""
        for subscription in list(self._subscriptions.values()):
            self.settle(subscription)

    def time_of(self, of: Mapping[str, Any]) -> int:
        """The moment that it is for a customer or subscription: its test clock's, or the account's."""
        clock = self.clocks.get(of.get("test_clock") or "")
        return self.now if clock is None else int(clock["frozen_time"])

    def effects_on(self, object_id: str) -> list[Effect]:
        """The effects on one object, oldest first."""
        return [effect for effect in self.effects if effect.object_id == object_id]

    def new_id(self, prefix: str) -> str:
        """The next id of a kind."""
        self.counters[prefix] = self.counters.get(prefix, 0) + 1
        return f"{prefix}_sim{self.counters[prefix]:08d}"

    def note(self, write: Write, object_id: str, changed: Sequence[str]) -> None:
        """Record that a write took effect, unless it changed nothing."""
        if changed:
            effect = Effect(
                object_id, changed[0], write.request_id, write.idempotency_key, tuple(changed)
            )
            self.effects.append(effect)

    @contextlib.contextmanager
    def watched(self, subscription: JsonObject, *, at: int | None = None) -> Iterator[None]:
        """Tell of what changes in the block."""
        before = copy_of(subscription)
        yield
        moment = self.time_of(subscription) if at is None else at
        for kind, previous in events.changes_of(before, subscription):
            self.tell(kind, subscription, at=moment, previous=previous)

    def tell(
        self, kind: str, of: JsonObject, *, at: int, previous: JsonObject | None = None
    ) -> None:
        """Make an event of the change that ``of`` has just seen."""
        is_platform = self.account_id == "acct_simulator"
        built = events.event(
            self.new_id("evt"),
            kind,
            of,
            created=at,
            account=None if is_platform else self.account_id,
            request=self.write,
            previous=previous,
        )

        self.events[built["id"]] = built
        if len(self.events) > MOST_EVENTS:
            del self.events[next(iter(self.events))]

        self.courier.post(built)

    def place_subscription(self, subscription: JsonObject) -> JsonObject:
        """Put a subscription into the books and return it, the very one."""
        self._subscriptions[subscription["id"]] = subscription
        return subscription

    def coupon_of(self, discount: JsonObject) -> JsonObject:
        """The coupon that a discount was made from, though it may have been deleted since."""
        coupon_id = discount["source"]["coupon"]
        return self.coupons.get(coupon_id) or self.deleted_coupons[coupon_id]

    def find_subscription(self, subscription_id: str) -> JsonObject:
        """The subscription as it is now; raises Refusal (404)."""
        if (subscription := self._subscriptions.get(subscription_id)) is None:
            raise no_such("subscription", subscription_id, status=404)
        self.settle(subscription)
        return subscription

    def forget_clock(self, clock_id: str) -> None:
        """Delete a test clock with its customers and their subscriptions."""
        del self.clocks[clock_id]
        for book in (self._subscriptions, self.customers):
            for object_id in [key for key, held in book.items() if held["test_clock"] == clock_id]:
                del book[object_id]

    def forget_customer(self, customer_id: str) -> None:
        """Delete a customer; its subscriptions are cancelled at once."""
        now = self.time_of(self.customers[customer_id])
        for subscription in self.subscriptions.values():
            if subscription["customer"] == customer_id and subscription["status"] not in ENDED:
                with self.watched(subscription):
                    subscription |= {"status": "canceled", "canceled_at": now, "ended_at": now}

        self.customers[customer_id] = {
            "id": customer_id,
            "object": "customer",
            "deleted": True,
            "discount": None,
            "test_clock": None,
            "balance": 0,
        }
