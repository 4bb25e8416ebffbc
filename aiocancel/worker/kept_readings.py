"""Reads at Stripe, on day 30, 60 and 90 after a flow session, whether the customer is still there.

Slowly, a few at a time, and never while a customer's change waits. What was missed, because no worker ran or Stripe did
not answer, is read later and marked late.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable
from datetime import datetime
from typing import Final, Protocol

from aiocancel.core.codes import Code
from aiocancel.core.identifiers import SubscriptionId
from aiocancel.core.measures.kept import InvoiceBounds, Reading, due_at
from aiocancel.core.retry import delay_s
from aiocancel.errors import (
    AiocancelError,
    BillingError,
    RejectedBillingError,
    TransientBillingError,
    UnavailableError,
)
from aiocancel.postgres.kept_readings import DueReading, KeptReadings
from aiocancel.telemetry import EventHook, guarded, type_and_place
from aiocancel.worker.permissions import MissingPermissions
from aiocancel.worker.row_accounts import RowAccounts

logger = logging.getLogger("aiocancel")

LOOK_EVERY_S: Final = 60.0
# A reading is one request: at most four a second, and one at a time.
PAUSE_S: Final = 0.25
_AT_ONCE: Final = 20
_LEASE_S: Final = 300.0
# A missing permission, an answer that nobody understands, or an account that nobody names: a day later is soon enough.
_WAIT_FOR_OWNER_S: Final = 86_400.0
_FOR_THE_OWNER: Final = (Code.UNREADABLE, Code.SUBSCRIPTION_CHANGED_HANDS, Code.BAD_ACCOUNT)


class ReadsKept(Protocol):
    """Stripe, as far as readings need it."""

    async def read(
        self, subscription_id: SubscriptionId, bounds: InvoiceBounds, account: str | None = None
    ) -> Reading:
        """Return how the subscription stands in an account, and what was paid since; raises BillingErrors."""
        ...


class KeptReader:
    """Reads what is due until it is cancelled.

    Args:
        readings: What is due, and what was found.
        billing: Stripe.
        on_event: Is told of a permission that the key lacks.
        now: The present, aware.
        accounts: Say in which account a subscription is; None where all are in one.
        look_every_s: The time between two looks for what is due.
        pause_s: The time between two requests.
        jitter: From 0 to 1.
    """

    def __init__(
        self,
        readings: KeptReadings,
        billing: ReadsKept,
        *,
        on_event: EventHook,
        now: Callable[[], datetime],
        accounts: RowAccounts | None = None,
        look_every_s: float = LOOK_EVERY_S,
        pause_s: float = PAUSE_S,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._readings = readings
        self._billing = billing
        self._now = now
        self._accounts = accounts
        self._look_every_s = look_every_s
        self._pause_s = pause_s
        self._jitter = jitter
        self._permissions = MissingPermissions(guarded(on_event))

    async def run(self) -> None:
        """Work until cancelled; outages of the database and of Stripe are waited out."""
        while True:
            found = 0
            try:
                found = await self.look()
            except AiocancelError as error:
                logger.warning("reading who is still there must wait: %s", error)
            except Exception as error:
                logger.error("reading who is still there failed: %s", type_and_place(error))
            if not found:
                await asyncio.sleep(self._look_every_s)

    async def look(self) -> int:
        """Read a few that are due, one after the other; returns how many there were."""
        due = await self._readings.take(limit=_AT_ONCE, lease_s=_LEASE_S)
        for each in due:
            await self._read(each)
            await asyncio.sleep(self._pause_s)
        return len(due)

    async def _read(self, due: DueReading) -> None:
        try:
            account = await self._account_of(due)
            reading = await self._billing.read(due.subscription_id, due.bounds, account)
        except BillingError as error:
            await self._readings.later(due, delay_s=self._wait_s(due, error))
            return

        # Brought forward by the news of an end that does not stand: its day is still to come.
        early_s = (due_at(due.bounds.since, due.day) - self._now()).total_seconds()
        if early_s > 0 and not reading.is_over:
            await self._readings.later(due, delay_s=early_s)
            return
        try:
            await self._readings.read(due, reading, self._now())
        except UnavailableError:
            raise
        except Exception as error:
            # One that cannot be stored keeps no other from being read.
            logger.error("a reading of day %s cannot be stored: %s", due.day, type_and_place(error))
            await self._readings.later(due, delay_s=_WAIT_FOR_OWNER_S)

    async def _account_of(self, due: DueReading) -> str | None:
        """Return the account that was noted, or that the row still names; None for that of the settings."""
        if self._accounts is None:
            return None

        account = due.account
        if account is None:
            try:
                account = await self._accounts.of(due.customer_id, due.subscription_id)
            except UnavailableError as error:
                # A query of the application's that is slow for one customer keeps no other from being read.
                raise TransientBillingError(str(error), code=Code.DATABASE_UNAVAILABLE) from error
        if account is None:
            raise RejectedBillingError(
                "no row says whose account it is", code=Code.SUBSCRIPTION_CHANGED_HANDS
            )
        return account or None

    def _wait_s(self, due: DueReading, error: BillingError) -> float:
        if error.code == Code.PERMISSION_MISSING:
            self._permissions.report(error)
            return _WAIT_FOR_OWNER_S
        if error.code in _FOR_THE_OWNER:
            return _WAIT_FOR_OWNER_S
        return max(error.retry_after_s or 0.0, delay_s(due.attempt, self._jitter()))
