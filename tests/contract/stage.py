"""A customer on a test clock, what is done to its subscription, and how Stripe shows it afterwards.

Everything goes through the package's own StripeClient, so that its headers, its version and its reading of
answers are part of what is proven.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, cast

from aiocancel.billing.client import StripeClient
from aiocancel.core.actions import Action, ActionKind, Write
from aiocancel.core.changes import PlainChange, SchedulePrice
from aiocancel.core.identifiers import SubscriptionId
from aiocancel.core.schedules import CutSchedule, MakeSchedule, phases_until
from aiocancel.core.subscription import Schedule, read_schedule
from aiocancel.errors import BillingError

DAY: Final = 86400
# Customers took a coupon up to this version; in the pinned one only the Dashboard gives them one.
OLD_VERSION: Final = "2024-06-20"
_CLOCKS: Final = "/v1/test_helpers/test_clocks"


@dataclass
class Stage:
    """One row's customer, subscription and time."""

    client: StripeClient
    start: int
    pause_s: float = 0.0
    now: int = 0
    clock: str = ""
    customer: str = ""
    subscription: str = ""
    item: str = ""
    method: str = ""
    notes: dict[str, Any] = field(default_factory=dict)
    result: dict[str, Any] = field(default_factory=dict)
    _tidy: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)

    async def send(self, method: str, path: str, /, **params: Any) -> dict[str, Any]:
        """Send one request and return Stripe's answer; raises BillingError."""
        given = {"version": "stripe_version", "account": "stripe_account"}
        options = {given[name]: params.pop(name) for name in given.keys() & params.keys()}
        # What sets a row up is more than the package ever sends, so there is no public call for it.
        response = await self.client._transport.send(method, path, params, **options)
        return dict(cast("Mapping[str, Any]", response.data))

    async def open(self, card: str | None = "pm_card_visa", **known: Any) -> None:
        """Create a test clock and a customer on it."""
        self.now = self.start
        self.clock = (await self.send("post", _CLOCKS, frozen_time=self.start))["id"]
        self._tidy.append(("delete", f"{_CLOCKS}/{self.clock}", {}))
        params: dict[str, Any] = {"test_clock": self.clock, **known}
        if card is not None:
            params["payment_method"] = card
            params["invoice_settings"] = {"default_payment_method": card}
        self.customer = (await self.send("post", "/v1/customers", **params))["id"]

    async def price(self, amount: int = 2900, interval: str = "month", **recurring: Any) -> str:
        """Create a price; it is archived at the end, since Stripe deletes none."""
        made = await self.send(
            "post",
            "/v1/prices",
            currency="usd",
            unit_amount=amount,
            recurring={"interval": interval, **recurring},
            product_data={"name": "contract"},
        )
        self._tidy.append(("post", f"/v1/prices/{made['id']}", {"active": False}))
        return str(made["id"])

    async def coupon(self, percent_off: int, duration: str, **known: Any) -> str:
        """Create a coupon; it is deleted at the end."""
        made = await self.send(
            "post", "/v1/coupons", percent_off=percent_off, duration=duration, **known
        )
        self._tidy.append(("delete", f"/v1/coupons/{made['id']}", {}))
        return str(made["id"])

    async def subscribe(self, *prices: str, **known: Any) -> None:
        """Create the subscription, and note when its periods end."""
        if "billing_mode" not in known:
            known["billing_mode"] = {"type": "flexible"}

        made = await self.send(
            "post",
            "/v1/subscriptions",
            customer=self.customer,
            items=[{"price": price} for price in prices],
            **known,
        )

        self.subscription = made["id"]
        self.item = made["items"]["data"][0]["id"]
        self.note(made)

    def note(self, subscription: Mapping[str, Any]) -> None:
        """Keep the moments that a row's expectations name."""
        ends = [item["current_period_end"] for item in subscription["items"]["data"]]
        self.notes |= {"first_end": min(ends), "last_end": max(ends)}

    @property
    def path(self) -> str:
        """The subscription's path."""
        return f"/v1/subscriptions/{self.subscription}"

    async def post(self, path: str = "", **params: Any) -> None:
        """Post to the subscription and keep the answer as the result."""
        self.result = await self.send("post", f"{self.path}{path}", **params)

    async def act(self, change: PlainChange) -> None:
        """Send a change as the package sends it."""
        await self._apply(Write(change))

    async def _apply(self, write: Write) -> None:
        # The change alone says what is sent; the action gives the subscription and the customer's reason.
        action = Action(ActionKind.CANCEL_NOW, SubscriptionId(self.subscription))
        await self.client.apply(action, write, idempotency_key=uuid.uuid4().hex)

    async def read_schedule(self) -> Schedule:
        """Return the schedule as the package reads it."""
        schedule = read_schedule(await self.send("get", self.schedule_path))
        assert schedule.phases, "the package does not read every field of the schedule's phases"
        return schedule

    async def plan(self, price: str) -> None:
        """Put another price behind the running phase, as the package does."""
        (running,) = (await self.read_schedule()).phases
        (item,) = running.items
        change = SchedulePrice(
            self.notes["schedule"], running, price, item.price_id, item.quantity, "month", 1
        )
        await self._apply(Write(change))

    async def cut(self, at: int) -> None:
        """Let the schedule end the subscription then, as the package does."""
        phases = phases_until(datetime.fromtimestamp(at, UTC), (await self.read_schedule()).phases)
        cut = CutSchedule(self.notes["schedule"], phases)
        await self._apply(Write(PlainChange.CANCEL_AT_PERIOD_END, cut))

    async def make_schedule(self) -> None:
        """Put the subscription under a schedule, as the package does, and note which."""
        made = MakeSchedule(self.subscription)
        await self._apply(Write(PlainChange.ONLY_THE_SCHEDULE, made))
        self.notes["schedule"] = (await self.send("get", self.path))["schedule"]
        self.result = await self.send("get", self.schedule_path)

    @property
    def schedule_path(self) -> str:
        """The schedule's path."""
        return f"/v1/subscription_schedules/{self.notes['schedule']}"

    async def read(self) -> dict[str, Any]:
        """Return the subscription with its customer, discounts and latest invoice."""
        expand = ["customer", "discounts", "latest_invoice"]
        return await self.send("get", self.path, expand=expand)

    async def advance(self, to: int) -> None:
        """Let time pass on the clock, and wait until Stripe has caught up."""
        self.now = to
        await self.send("post", f"{_CLOCKS}/{self.clock}/advance", frozen_time=to)
        while (await self.send("get", f"{_CLOCKS}/{self.clock}"))["status"] == "advancing":  # noqa: ASYNC110 - Stripe tells nobody
            await asyncio.sleep(self.pause_s)

    async def use_card(self, card: str) -> None:
        """Make another of Stripe's test cards the customer's default."""
        attached = await self.send(
            "post", f"/v1/payment_methods/{card}/attach", customer=self.customer
        )
        settings = {"default_payment_method": attached["id"]}
        await self.send("post", f"/v1/customers/{self.customer}", invoice_settings=settings)

    def tidy_later(self, method: str, path: str, **params: Any) -> None:
        """Send this at the end, whatever becomes of the row."""
        self._tidy.append((method, path, params))

    async def close(self) -> None:
        """Delete all that the row made; the clock takes customers and subscriptions with it.

        What Stripe refuses to delete keeps nothing else from being deleted: the clock comes last.
        """
        for method, path, params in reversed(self._tidy):
            with suppress(BillingError):
                await self.send(method, path, **params)
