"""What a simulated Stripe account holds, how time passes in it, and what reading it gives."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from aiocancel.testing.stripe import objects, payments
from aiocancel.testing.stripe.form import Refusal, no_such
from aiocancel.testing.stripe.objects import ENDED, JsonObject, Moment, seconds, shifted

INCOMPLETE_LASTS_S = 23 * 3600
# In these Stripe goes on to the next period by itself.
_RENEWING = frozenset({"active", "trialing", "past_due", "unpaid"})
_MAX_EXPAND_DEPTH = 4
_NULL_HERE = {
    "application",
    "default_source",
    "on_behalf_of",
    "pending_setup_intent",
    "promotion_code",
    "test_clock",
}
_STUBS = {
    "default_payment_method": "payment_method",
    "product": "product",
}
# What leads to something that can be expanded.
_WAYS = {"data", "items", "plan", "price", "source"}


class Effect(NamedTuple):
    """One write that really changed something: ``kind`` names the change, ``changed`` all that it touched."""

    object_id: str
    kind: str
    request_id: str
    idempotency_key: str | None
    changed: tuple[str, ...]


class Write(NamedTuple):
    """The request that asks for a change."""

    request_id: str
    idempotency_key: str | None


class StripeState:
    """The books of one account; the simulator serves them over HTTP.

    Ids are counted, not random, so that two runs of a test see the same ones.
    """

    def __init__(self, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.clock = clock
        self.retrieve_canceled = True
        self.customers: dict[str, JsonObject] = {}
        self.prices: dict[str, JsonObject] = {}
        self.coupons: dict[str, JsonObject] = {}
        self.discounts: dict[str, JsonObject] = {}
        self.invoices: dict[str, JsonObject] = {}
        self.schedules: dict[str, JsonObject] = {}
        # Customers whose bank wants them to confirm the next payment.
        self.payments_need_action: set[str] = set()
        self.effects: list[Effect] = []
        self._subscriptions: dict[str, JsonObject] = {}
        self._counters: dict[str, int] = {}

    @property
    def now(self) -> int:
        """The clock, in Unix seconds."""
        return seconds(self.clock())

    @property
    def subscriptions(self) -> dict[str, JsonObject]:
        """All subscriptions by id, as they are now; the dicts are the state itself and may be edited."""
        for subscription in self._subscriptions.values():
            self._settle(subscription)
        return self._subscriptions

    def effects_on(self, object_id: str) -> list[Effect]:
        """The effects on one object, oldest first."""
        return [effect for effect in self.effects if effect.object_id == object_id]

    def new_id(self, prefix: str) -> str:
        """The next id of a kind."""
        self._counters[prefix] = self._counters.get(prefix, 0) + 1
        return f"{prefix}_sim{self._counters[prefix]:08d}"

    def note(self, write: Write, object_id: str, changed: Sequence[str]) -> None:
        """Record that a write took effect, unless it changed nothing."""
        if changed:
            effect = Effect(
                object_id, changed[0], write.request_id, write.idempotency_key, tuple(changed)
            )
            self.effects.append(effect)

    # --- what tests and demonstrations put in ---------------------------------------------------

    def add_customer(self, id: str | None = None, **fields: Any) -> JsonObject:
        """Add a customer and return a copy; ``fields`` are Stripe's (email, name, metadata, …)."""
        customer = objects.customer(id or self.new_id("cus"), self.now, **fields)
        self.customers[customer["id"]] = customer
        return copy.deepcopy(customer)

    def add_price(
        self,
        id: str | None = None,
        *,
        unit_amount: int = 2900,
        currency: str = "usd",
        interval: str = "month",
        interval_count: int = 1,
        **fields: Any,
    ) -> JsonObject:
        """Add a recurring price (``unit_amount`` in minor units) and return a copy."""
        if interval not in {"day", "week", "month", "year"} or interval_count < 1:
            raise ValueError("a price recurs every 1 or more day, week, month or year")
        price = objects.price(
            id or self.new_id("price"),
            self.now,
            unit_amount=unit_amount,
            currency=currency,
            interval=interval,
            interval_count=interval_count,
            **fields,
        )
        self.prices[price["id"]] = price
        return copy.deepcopy(price)

    def add_coupon(self, id: str | None = None, **fields: Any) -> JsonObject:
        """Add a coupon and return a copy; give ``percent_off``, or ``amount_off`` and ``currency``."""
        coupon = objects.coupon(id or self.new_id("coupon"), self.now, **fields)
        self.coupons[coupon["id"]] = coupon
        return copy.deepcopy(coupon)

    def add_subscription(
        self,
        id: str | None = None,
        *,
        customer: str | None = None,
        price: str = "price_pro",
        status: str = "active",
        cancel_at_period_end: bool = False,
        unit_amount: int | None = None,
        currency: str = "usd",
        interval: str = "month",
        interval_count: int = 1,
        quantity: int = 1,
        current_period_end: Moment | None = None,
        trial_end: Moment | None = None,
        cancel_at: Moment | None = None,
        schedule: str | None = None,
        discounts: Iterable[str] = (),
        items: Sequence[Mapping[str, Any]] | None = None,
        **fields: Any,
    ) -> JsonObject:
        """Add a subscription and return a copy of its JSON.

        A customer or price that does not exist is added with it. ``items`` takes several of ``price``,
        ``quantity``, ``unit_amount``, ``interval``, ``interval_count``, ``current_period_end``, ``id``
        each and replaces the single-item arguments. ``discounts`` are ids of coupons. A ``trial_end`` to
        come makes it trialing. Any other field of a subscription may be given by its name.
        """
        now = self.now
        subscription_id = id or self.new_id("sub")
        customer_id = customer or self.new_id("cus")
        if customer_id not in self.customers:
            self.add_customer(customer_id)
        trial_ends = None if trial_end is None else seconds(trial_end)
        if status == "trialing" and trial_ends is None:
            trial_ends = (
                shifted(now, "day", 14)
                if current_period_end is None
                else seconds(current_period_end)
            )
        if status == "active" and trial_ends is not None and trial_ends > now:
            status = "trialing"
        single: Mapping[str, Any] = {
            "price": price,
            "quantity": quantity,
            "unit_amount": unit_amount,
        }
        built = []
        for entry in (single,) if items is None else items:
            of = self._price_for(
                {
                    "currency": currency,
                    "interval": interval,
                    "interval_count": interval_count,
                    **entry,
                }
            )
            given = (
                trial_ends
                if status == "trialing"
                else entry.get("current_period_end", current_period_end)
            )
            every = of["recurring"]["interval"], of["recurring"]["interval_count"]
            end = shifted(now, *every) if given is None else seconds(given)
            item_id = entry.get("id") or self.new_id("si")
            start = (
                now if given is None or status == "trialing" else shifted(end, every[0], -every[1])
            )
            amount = entry.get("quantity", 1)
            built.append(
                objects.item(
                    item_id,
                    subscription_id,
                    of,
                    created=start,
                    quantity=amount,
                    start=start,
                    end=end,
                )
            )
        created = min(entry["current_period_start"] for entry in built)
        subscription = objects.subscription(
            subscription_id,
            fields.pop("created", created),
            customer_id=customer_id,
            currency=built[0]["price"]["currency"],
            items=built,
            **({"status": status, "schedule": schedule} | fields),
        )
        if trial_ends is not None:
            subscription |= {
                "trial_start": created,
                "trial_end": trial_ends,
                "billing_cycle_anchor": trial_ends,
            }
        self._add_ending(subscription, fields, cancel_at_period_end, cancel_at)
        for coupon_id in discounts:
            self.redeem(subscription, self.coupons[coupon_id])
        self.add_invoice(subscription, "subscription_create")
        self._subscriptions[subscription_id] = subscription
        if schedule is not None and schedule not in self.schedules:
            self.add_schedule(schedule, subscription_id)
        return copy.deepcopy(subscription)

    def add_schedule(
        self,
        id: str,
        subscription: str,
        *,
        ends: Sequence[Moment] = (),
        end_behavior: str = "release",
    ) -> JsonObject:
        """Put a subscription under a schedule and return a copy of it.

        ``ends`` are the ends of its phases, the first of which runs; left out, it ends with the running period.
        """
        from aiocancel.testing.stripe import schedules

        of = self._subscriptions[subscription]
        schedule = schedules.schedule_object(
            id,
            self.now,
            subscription=of,
            ends=[seconds(end) for end in ends] or [first_period_end(of)],
            end_behavior=end_behavior,
        )
        of["schedule"], self.schedules[id] = id, schedule
        if end_behavior == "cancel":
            schedules.set_end(schedule, of, self.now)
        return copy.deepcopy(schedule)

    def pay_latest_invoice(self, subscription_id: str) -> None:
        """Let the customer confirm a payment that a change waits for; raises ValueError where none does."""
        payments.pay(self, self.find_subscription(subscription_id))

    def _add_ending(
        self,
        subscription: JsonObject,
        given: Mapping[str, Any],
        at_period_end: bool,
        cancel_at: Moment | None,
    ) -> None:
        now = self.now
        if at_period_end or cancel_at is not None:
            end = first_period_end(subscription) if cancel_at is None else seconds(cancel_at)
            subscription |= {"cancel_at_period_end": at_period_end, "cancel_at": end}
        if subscription["cancel_at"] is not None or subscription["status"] == "canceled":
            subscription["canceled_at"] = given.get("canceled_at", now)
            if "cancellation_details" not in given:
                subscription["cancellation_details"]["reason"] = "cancellation_requested"
        if subscription["status"] in ENDED:
            subscription["ended_at"] = given.get("ended_at", now)

    def _price_for(self, entry: Mapping[str, Any]) -> JsonObject:
        price_id: str = entry["price"]
        amount = entry.get("unit_amount")
        if (price := self.prices.get(price_id)) is None:
            described = {name: entry[name] for name in ("currency", "interval", "interval_count")}
            self.add_price(
                price_id, **({} if amount is None else {"unit_amount": amount}), **described
            )
            return self.prices[price_id]
        if amount is not None and amount != price["unit_amount"]:
            raise ValueError(f"{price_id} exists and costs {price['unit_amount']}, not {amount}")
        return price

    # --- what endpoints share -------------------------------------------------------------------

    def redeem(self, subscription: JsonObject, coupon: JsonObject) -> str:
        """Make a discount from a coupon, put it on the subscription and return its id."""
        discount = objects.discount(
            self.new_id("di"), coupon, subscription=subscription, start=self.now
        )
        self.discounts[discount["id"]] = discount
        subscription["discounts"].append(discount["id"])
        coupon["times_redeemed"] += 1
        limit = coupon["max_redemptions"]
        if limit is not None and coupon["times_redeemed"] >= limit:
            coupon["valid"] = False
        return str(discount["id"])

    def add_invoice(self, subscription: JsonObject, reason: str) -> None:
        """Bill the subscription, so that its latest invoice is another one."""
        invoice = objects.invoice(
            self.new_id("in"), self.now, subscription=subscription, reason=reason
        )
        self.invoices[invoice["id"]] = invoice
        subscription["latest_invoice"] = invoice["id"]

    def find_subscription(self, subscription_id: str) -> JsonObject:
        """The subscription as it is now; raises Refusal (404)."""
        if (subscription := self._subscriptions.get(subscription_id)) is None:
            raise no_such("subscription", subscription_id, status=404)
        self._settle(subscription)
        return subscription

    def _settle(self, subscription: JsonObject) -> None:
        """Let pass what the clock says has passed: trials, periods, pauses, scheduled cancellations."""
        now = self.now
        if subscription["status"] in ENDED:
            return
        expires = subscription["created"] + INCOMPLETE_LASTS_S
        if subscription["status"] == "incomplete" and expires <= now:
            subscription |= {"status": "incomplete_expired", "ended_at": expires}
            return
        if (ends := subscription["cancel_at"]) is not None and ends <= now:
            subscription |= {"status": "canceled", "ended_at": ends}
            return
        if subscription["status"] == "trialing" and (subscription["trial_end"] or 0) <= now:
            subscription["status"] = "active"
        self._end_schedule(subscription, now)
        payments.expire(self, subscription)
        pause = subscription["pause_collection"]
        if pause is not None and pause["resumes_at"] is not None and pause["resumes_at"] <= now:
            subscription["pause_collection"] = None
        renewed = subscription["status"] in _RENEWING and self._renew(subscription, now)
        if renewed:
            self.add_invoice(subscription, "subscription_cycle")
        kept = [
            discount_id
            for discount_id in subscription["discounts"]
            if (self.discounts[discount_id]["end"] or now + 1) > now
            and not (renewed and self._coupon_of(discount_id).get("duration") == "once")
        ]
        subscription["discounts"] = kept

    def _end_schedule(self, subscription: JsonObject, now: int) -> None:
        schedule = self.schedules.get(subscription["schedule"] or "")
        if schedule is not None and schedule["phases"][-1]["end_date"] <= now:
            schedule |= {
                "status": "completed",
                "completed_at": now,
                "subscription": None,
                "current_phase": None,
            }
            subscription["schedule"] = None

    def _coupon_of(self, discount_id: str) -> JsonObject:
        return self.coupons.get(self.discounts[discount_id]["source"]["coupon"], {})

    @staticmethod
    def _renew(subscription: JsonObject, now: int) -> bool:
        renewed = False
        anchor = subscription["billing_cycle_anchor"]
        for item in subscription["items"]["data"]:
            every = item["price"]["recurring"]
            # A month too short for the anchor's day must not shift all later months.
            moments = (anchor, item["current_period_start"], item["current_period_end"])
            day = max(datetime.fromtimestamp(moment, UTC).day for moment in moments)
            while (end := item["current_period_end"]) <= now:
                item["current_period_start"] = end
                item["current_period_end"] = shifted(
                    end, every["interval"], every["interval_count"], anchor_day=day
                )
                renewed = True
        return renewed

    # --- expansion ------------------------------------------------------------------------------

    def expanded(self, answer: JsonObject, paths: Iterable[str]) -> JsonObject:
        """A copy with the ids at the given paths replaced by the objects they name."""
        result = copy.deepcopy(answer)
        for path in paths:
            names = path.split(".")
            if len(names) > _MAX_EXPAND_DEPTH + (names[0] == "data"):
                raise Refusal(
                    400, "You cannot expand more than 4 levels of a property", param="expand"
                )
            self._expand(result, names, path)
        return result

    def _expand(self, node: Any, names: Sequence[str], path: str) -> None:
        name, *rest = names
        for holder in node if isinstance(node, list) else [node]:
            if not isinstance(holder, dict) or name not in holder:
                raise _cannot_expand(path)
            holder[name] = self._inflated(name, holder[name], path)
            if rest and holder[name] is not None:
                self._expand(holder[name], rest, path)

    def _inflated(self, name: str, value: Any, path: str) -> Any:
        books: dict[str, dict[str, JsonObject]] = {
            "customer": self.customers,
            "discounts": self.discounts,
            "coupon": self.coupons,
            "latest_invoice": self.invoices,
            "schedule": self.schedules,
        }
        if name not in books.keys() | _STUBS.keys() | _NULL_HERE | _WAYS:
            raise _cannot_expand(path)
        if isinstance(value, list):
            return [self._inflated(name, entry, path) for entry in value]
        if not isinstance(value, str):
            return value
        if name in books:
            return copy.deepcopy(books[name].get(value))
        return {"id": value, "object": _STUBS.get(name, name), "livemode": False, "metadata": {}}


def _cannot_expand(path: str) -> Refusal:
    return Refusal(400, f"This property cannot be expanded ({path}).", param="expand[0]")


def first_period_end(subscription: JsonObject) -> int:
    """The earliest end of a current period, which is when "at period end" comes."""
    return min(_period_ends(subscription))


def last_period_end(subscription: JsonObject) -> int:
    """The latest end of a current period."""
    return max(_period_ends(subscription))


def _period_ends(subscription: JsonObject) -> Iterator[int]:
    return (item["current_period_end"] for item in subscription["items"]["data"])
