"""What a simulated Stripe account holds, how time passes in it, and what reading it gives."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from aiocancel.testing.json_copy import copy_of
from aiocancel.testing.stripe import (
    discounts,
    invoices,
    objects,
    paid,
    passing_time,
    schedules,
)
from aiocancel.testing.stripe.books import Books
from aiocancel.testing.stripe.form import Refusal
from aiocancel.testing.stripe.objects import (
    ENDED,
    JsonObject,
    Moment,
    first_period_end,
    seconds,
    shifted,
)

_MAX_EXPAND_DEPTH = 4
# Their latest invoice is not paid.
_OWING = {"incomplete", "past_due", "unpaid"}
_NULL_HERE = {"application", "default_source", "on_behalf_of", "pending_setup_intent"}
_STUBS = {"product": "product"}
# What leads to something that can be expanded.
_WAYS = {
    "cancellation_details",
    "data",
    "discount",
    "items",
    "parent",
    "plan",
    "price",
    "promotion",
    "source",
    "subscription_details",
}


class StripeState(Books):
    """The books of one account in which time passes; the simulator serves them over HTTP."""

    def settle(self, subscription: JsonObject) -> None:
        """Let happen what has fallen due."""
        passing_time.settle(self, subscription)

    # --- what tests and demonstrations put in ---------------------------------------------------

    def add_customer(
        self,
        id: str | None = None,
        *,
        discount: str | None = None,
        payment_method: str | None = "pm_card_visa",
        **fields: Any,
    ) -> JsonObject:
        """Add a customer and return a copy.

        Args:
            id: The customer's id; None makes one.
            discount: The id of a coupon that the customer itself has.
            payment_method: One of Stripe's test methods, or None for a customer without any.
            **fields: Stripe's fields (email, name, metadata, …).
        """
        customer = objects.customer(id or self.new_id("cus"), self.time_of(fields), **fields)
        self.customers[customer["id"]] = customer
        if payment_method is not None:
            attached = self.add_payment_method(payment_method, customer["id"])
            customer["invoice_settings"]["default_payment_method"] = attached["id"]
        if discount is not None:
            self.discount_customer(customer["id"], discount)
        return copy_of(customer)

    def add_payment_method(self, behaves: str, customer: str | None) -> JsonObject:
        """Add a card that answers like this test method of Stripe's, and return it."""
        method = objects.payment_method(self.new_id("pm"), self.now, customer=customer)
        self.payment_methods[method["id"]] = method
        self.method_behaves[method["id"]] = self.method_behaves.get(behaves, behaves)
        return method

    def discount_customer(self, customer_id: str, coupon_id: str) -> JsonObject:
        """Give the customer itself a discount, as an older API version or the Dashboard does; return it."""
        customer = self.customers[customer_id]
        customer["discount"] = discounts.redeem(
            self,
            self.coupons[coupon_id],
            customer=customer_id,
            subscription=None,
            at=self.time_of(customer),
        )
        return copy_of(customer["discount"])

    def add_promotion_code(self, code: str, coupon: str, **fields: Any) -> JsonObject:
        """Add a promotion code for a coupon and return a copy."""
        made = objects.promotion_code(
            self.new_id("promo"), self.now, code=code, coupon=coupon, **fields
        )
        self.promotion_codes[made["id"]] = made
        return copy_of(made)

    def add_feedback_option(self, description: str, id: str | None = None) -> JsonObject:
        """Add an answer of the owner's own to why customers leave, and return a copy."""
        made = objects.feedback_option(id or self.new_id("fbo"), self.now, description)
        self.feedback_options[made["id"]] = made
        return copy_of(made)

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

        return copy_of(price)

    def add_coupon(self, id: str | None = None, **fields: Any) -> JsonObject:
        """Add a coupon and return a copy; give ``percent_off``, or ``amount_off`` and ``currency``."""
        coupon = objects.coupon(id or self.new_id("coupon"), self.now, **fields)
        self.coupons[coupon["id"]] = coupon
        return copy_of(coupon)

    def add_subscription(
        self, id: str | None = None, *, discounts: Iterable[str] = (), **known: Any
    ) -> JsonObject:
        """Add a subscription and return a copy of its JSON.

        A customer or price that does not exist is added with it. ``items`` takes several of ``price``,
        ``quantity``, ``unit_amount``, ``interval``, ``interval_count``, ``current_period_end``,
        ``billed_until``, ``id`` each and replaces the single-item arguments. ``discounts`` are ids of coupons
        that are applied after the first invoice. A ``trial_end`` to come makes it trialing. Any other field of a
        subscription may be given by its name; ``make_subscription`` has the rest. The first invoice is paid
        unless the status says that it is not.
        """
        schedule = known.pop("schedule", None)
        subscription = self.place_subscription(self.make_subscription(id, **known))
        now = self.time_of(subscription)
        self._add_first_invoice(subscription, now)
        for coupon_id in discounts:
            self.redeem(subscription, self.coupons[coupon_id])

        self.tell("customer.subscription.created", subscription, at=now)

        if schedule is not None:
            subscription["schedule"] = schedule
            if schedule not in self.schedules:
                self.add_schedule(schedule, subscription["id"])

        return copy_of(subscription)

    def make_subscription(
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
        items: Sequence[Mapping[str, Any]] | None = None,
        **fields: Any,
    ) -> JsonObject:
        """Build what ``add_subscription`` adds, without adding it or billing it."""
        subscription_id = id or self.new_id("sub")
        customer_id = customer or self.new_id("cus")
        if customer_id not in self.customers:
            self.add_customer(customer_id)

        now = self.time_of(self.customers[customer_id])
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
            is_metered = of["recurring"]["usage_type"] == "metered"
            item = objects.item(
                item_id,
                subscription_id,
                of,
                created=start,
                quantity=None if is_metered else entry.get("quantity", 1),
                start=start,
                end=end,
            )
            if (billed_until := entry.get("billed_until")) is not None:
                item["billed_until"] = seconds(billed_until)
            built.append(item)

        created = min(entry["current_period_start"] for entry in built)
        subscription = objects.subscription(
            subscription_id,
            fields.pop("created", created),
            customer_id=customer_id,
            currency=built[0]["price"]["currency"],
            items=built,
            **(
                {
                    "status": status,
                    "test_clock": self.customers[customer_id]["test_clock"],
                }
                | fields
            ),
        )

        if trial_ends is not None:
            subscription |= {
                "trial_start": created,
                "trial_end": trial_ends,
                "billing_cycle_anchor": trial_ends,
            }

        self._add_ending(subscription, fields, cancel_at_period_end, cancel_at)

        return subscription

    def add_schedule(
        self,
        id: str,
        subscription: str,
        *,
        ends: Sequence[Moment] = (),
        end_behavior: str = "release",
        prices: Sequence[str] = (),
    ) -> JsonObject:
        """Put a subscription under a schedule and return a copy of it.

        Args:
            id: The schedule's id.
            subscription: The subscription's id.
            ends: The ends of its phases, the first of which runs; left out, it ends with the running period.
            end_behavior: What becomes of the subscription at the end of the last phase.
            prices: The prices of the phases after the first; a phase without one has the same as now.
        """
        return schedules.add(
            self,
            id,
            self._subscriptions[subscription],
            ends=ends,
            end_behavior=end_behavior,
            prices=prices,
        )

    def pay_latest_invoice(self, subscription_id: str) -> None:
        """Let the customer confirm a payment that a change waits for; raises ValueError where none does."""
        paid.pay(self, self.find_subscription(subscription_id))

    def _add_ending(
        self,
        subscription: JsonObject,
        given: Mapping[str, Any],
        at_period_end: bool,
        cancel_at: Moment | None,
    ) -> None:
        now = self.time_of(subscription)
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

    def redeem(
        self, subscription: JsonObject, coupon: JsonObject, promotion_code: str | None = None
    ) -> str:
        """Make a discount from a coupon, put it on the subscription and return its id."""
        discount = discounts.redeem(
            self,
            coupon,
            customer=subscription["customer"],
            subscription=subscription["id"],
            at=self.time_of(subscription),
            promotion_code=promotion_code,
        )
        subscription["discounts"].append(discount["id"])
        return str(discount["id"])

    def _add_first_invoice(self, subscription: JsonObject, now: int) -> None:
        items = subscription["items"]["data"]
        lines = invoices.period_lines(self, subscription, items)
        invoice = invoices.bill(self, subscription, lines, reason="subscription_create", at=now)
        if invoice["status"] == "open" and subscription["status"] not in _OWING:
            invoices.mark_paid(self, invoice, now)

    # --- expansion ------------------------------------------------------------------------------

    def expanded(self, answer: JsonObject, paths: Iterable[str]) -> JsonObject:
        """A copy with the ids at the given paths replaced by the objects they name."""
        result = copy_of(answer)
        for subscription in result["data"] if result.get("object") == "list" else [result]:
            self._shorten_items(subscription)
        for path in paths:
            names = path.split(".")
            if len(names) > _MAX_EXPAND_DEPTH + (names[0] == "data"):
                raise Refusal(
                    400, "You cannot expand more than 4 levels of a property", param="expand"
                )
            self._expand(result, names, path)
        return result

    def _shorten_items(self, of: JsonObject) -> None:
        if of.get("object") == "subscription" and len(of["items"]["data"]) > self.items_shown:
            of["items"] |= {"data": of["items"]["data"][: self.items_shown], "has_more": True}

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
            "coupon": self.coupons,
            "customer": self.customers,
            "default_payment_method": self.payment_methods,
            "discounts": self.discounts,
            "feedback_option": self.feedback_options,
            "invoice": self.invoices,
            "latest_invoice": self.invoices,
            "promotion_code": self.promotion_codes,
            "schedule": self.schedules,
            "subscription": self._subscriptions,
            "test_clock": self.clocks,
        }
        if name not in books.keys() | _STUBS.keys() | _NULL_HERE | _WAYS:
            raise _cannot_expand(path)
        if isinstance(value, list):
            return [self._inflated(name, entry, path) for entry in value]
        if not isinstance(value, str):
            return value
        if name in books:
            return copy_of(books[name].get(value))

        stub = {"id": value, "object": _STUBS.get(name, name), "livemode": False, "metadata": {}}
        if name == "product":
            plain = value.removeprefix("prod_").replace("_", " ").capitalize()
            stub["name"] = self.product_names.get(value, plain)
        return stub


def _cannot_expand(path: str) -> Refusal:
    return Refusal(400, f"This property cannot be expanded ({path}).", param="expand[0]")
