"""Stripe, read for a screen of our own flow in the time that a page has; without an answer the flow goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Final
from weakref import WeakValueDictionary

from aiocancel.billing.preview import OffersOnScreen, Reading
from aiocancel.billing.shared_listings import SharedListings
from aiocancel.core.actions import ActionKind, Write, next_step
from aiocancel.core.changes import WITHDRAWALS
from aiocancel.core.flow.price_effect import PriceEffect, price_of_going_on
from aiocancel.core.page_facts import ShownSubscription
from aiocancel.core.subscription import OwnedSubscription
from aiocancel.core.undo import Undo
from aiocancel.errors import AiocancelError
from aiocancel.own_flow.stored_sessions import reason_told
from aiocancel.ports import FlowReader
from aiocancel.telemetry import EventHook, PageFactsMissing
from aiocancel.vendors.own import OwnFlow

STRIPE_WITHIN_S: Final = 1.5
"""How long a screen waits for Stripe; then the flow goes on without offers."""

# All screens share what Stripe allows to pages: one customer who opens the flow in a loop leaves the rest to others.
MOST_READ_PER_MINUTE: Final = 60


class StripeReading:
    """Reads subscriptions, plans and the price of going on.

    Args:
        reader: Reads Stripe for screens.
        flow: As the owner defined it.
        offers: Reads the prices of other plans.
        account_column: The column of a row that holds the account; None where all are in one.
        on_event: Is told of what was missing.
        now: Aware.
    """

    def __init__(
        self,
        reader: FlowReader,
        flow: OwnFlow,
        offers: OffersOnScreen,
        *,
        account_column: str | None,
        on_event: EventHook,
        now: Callable[[], datetime],
    ) -> None:
        self._reader = reader
        self._flow = flow
        self._offers = offers
        self._account_column = account_column
        self._on_event = on_event
        self._now = now
        self._reads = SharedListings(
            self._ask, within_s=STRIPE_WITHIN_S, remember_s=0, most_per_minute=MOST_READ_PER_MINUTE
        )
        self._undoing: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    @staticmethod
    def deadline() -> float:
        """Return until when, on the loop's clock, a screen that begins now waits for Stripe."""
        return asyncio.get_running_loop().time() + STRIPE_WITHIN_S

    async def read(self, owned: OwnedSubscription, *, with_plans: bool = True) -> Reading | None:
        """Read the subscription, and the prices of other plans.

        None where Stripe does not answer in time, or was asked about this subscription too often within a minute.
        """
        column = self._account_column
        found = None if column is None else owned.record.get(column)
        account = None if found is None else str(found)

        try:
            async with asyncio.timeout(STRIPE_WITHIN_S):
                about = f"{account or ''} {owned.subscription_id}"
                shown = await self._reads.of(about, beyond="refuse")
                plans = (
                    await self._offers.plans(
                        self._flow.definition, account, self._reader.on(account)
                    )
                    if with_plans
                    else ()
                )
        except Exception as error:
            self._on_event(PageFactsMissing(owned.subscription_id, reason_told(error)))
            return None
        return Reading(shown, plans, account)

    async def _ask(self, about: str) -> ShownSubscription:
        account, _, subscription_id = about.partition(" ")
        return await self._reader.on(account or None).read_for_flow(subscription_id)

    async def price_of_undo(self, owned: OwnedSubscription, undo: Undo) -> PriceEffect | None:
        """Return what going on costs once this is taken back; None where that is not certain, or Stripe is slow.

        Args:
            owned: The customer's own subscription.
            undo: A cancellation or a pause; everything else has no price.
        """
        if undo.kind not in (ActionKind.RESUME, ActionKind.UNPAUSE):
            return None
        deadline = self.deadline()
        # One at a time: requests that share a reading would each ask for a price.
        turn = self._undoing.setdefault(owned.subscription_id, asyncio.Lock())
        try:
            async with asyncio.timeout_at(deadline), turn:
                return await self._price_of(owned, undo)
        except (AiocancelError, TimeoutError, ValueError):
            return None

    async def _price_of(self, owned: OwnedSubscription, undo: Undo) -> PriceEffect | None:
        reading = await self.read(owned, with_plans=False)
        if reading is None:
            return None

        subscription, now = reading.shown.subscription, self.time(reading)
        change = None
        if undo.kind is ActionKind.RESUME:
            step = next_step(undo.kind, subscription)
            change = step.change if isinstance(step, Write) else None
            if change not in WITHDRAWALS:
                return None
        preview = await self._reader.on(reading.account).preview(
            subscription.subscription_id, change, proration_date=int(now.timestamp())
        )
        ends_pause = undo.kind is ActionKind.UNPAUSE
        return price_of_going_on(subscription, preview, now=now, ends_pause=ends_pause)

    def time(self, reading: Reading | None) -> datetime:
        """Return the time that the subscription lives in."""
        frozen_at = None if reading is None else reading.shown.subscription.frozen_at
        return frozen_at or self._now()
