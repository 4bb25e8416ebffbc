"""The worker: takes due actions, reads, writes, reads back, and notes what happened.

It never believes its memory: every attempt starts by reading the subscription, so it does not matter
where an earlier attempt died. It runs beside the request handlers and never inside one.
"""

from __future__ import annotations

import asyncio
import logging
import random
import uuid
from collections.abc import Callable
from typing import Final, Protocol

from aiocancel.core.actions import Done, Receipt, Refuse, Step, Wait, Write, next_step, step_when_missing
from aiocancel.core.retry import Failure, Park, RetryAfter, after_failure, delay_s
from aiocancel.errors import BillingError, RejectedBillingError, TransientBillingError, UnknownBillingError
from aiocancel.ports import BillingExecutor, BillingReader
from aiocancel.postgres.ledger import Ledger, TakenAction
from aiocancel.telemetry import ActionApplied, ActionParked, AttemptFailed, EventHook

logger = logging.getLogger("aiocancel")

# An attempt is cut off well before its lease ends, so that two workers never act at the same time.
LEASE_S: Final = 90.0
ATTEMPT_TIMEOUT_S: Final = 70.0
IDLE_POLL_S: Final = 1.0
# How long we watch for the flow vendor to make a change that it said it made.
VENDOR_ACTS_WITHIN_S: Final = 15 * 60.0
LONGEST_WATCH_DELAY_S: Final = 60.0


class Billing(BillingReader, BillingExecutor, Protocol):
    """Both sides of the billing provider."""


class Worker:
    """Runs actions from the ledger, up to ``concurrency`` at a time.

    ``on_settled`` is called with a claim's public id whenever one of its actions becomes final.
    """

    def __init__(
        self,
        ledger: Ledger,
        billing: Billing,
        *,
        on_event: EventHook,
        on_settled: Callable[[uuid.UUID], None] = lambda _: None,
        concurrency: int = 10,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._ledger = ledger
        self._billing = billing
        self._on_event = on_event
        self._on_settled = on_settled
        self._concurrency = concurrency
        self._jitter = jitter
        self._owner = uuid.uuid4()
        self._wake = asyncio.Event()
        self._stopping = False
        self._running: set[asyncio.Task[None]] = set()

    def wake(self) -> None:
        """Say that something may be due."""
        self._wake.set()

    async def run(self) -> None:
        """Work until ``stop``; an outage of the database is waited out."""
        while not self._stopping:
            self._wake.clear()
            taken = 0
            try:
                taken = await self._start_due()
            except Exception as error:  # the loop must outlive any outage; the next turn tries again
                logger.error("the ledger cannot be read: %s", type(error).__name__)
            if not taken:
                await self._pause()

    async def stop(self, *, grace_s: float) -> None:
        """Take nothing new, let running attempts finish for ``grace_s``, then hand the rest back."""
        self._stopping = True
        self._wake.set()
        if self._running:
            await asyncio.wait(self._running, timeout=grace_s)
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    async def _pause(self) -> None:
        try:
            async with asyncio.timeout(IDLE_POLL_S):
                await self._wake.wait()
        except TimeoutError:
            pass

    async def _start_due(self) -> int:
        free = self._concurrency - len(self._running)
        if free <= 0:
            return 0
        taken = await self._ledger.take(self._owner, limit=free, lease_s=LEASE_S)
        for action in taken:
            task = asyncio.create_task(self._attempt(action), name=f"aiocancel action {action.action_id}")
            self._running.add(task)
            task.add_done_callback(self._ended)
        return len(taken)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        # A place is free, and the next action of the same subscription may now go.
        self._wake.set()
        if not task.cancelled() and (error := task.exception()):
            # The lease runs out and another attempt starts from a fresh read.
            logger.error("an attempt ended in %s; it is repeated when its lease ends", type(error).__name__)

    async def _attempt(self, taken: TakenAction) -> None:
        try:
            async with asyncio.timeout(ATTEMPT_TIMEOUT_S):
                await self._carry_out(taken)
        except BillingError as error:
            await self._failed(taken, error)
        except TimeoutError:
            await self._failed(taken, UnknownBillingError("the attempt took too long", code="attempt_timeout"))
        except asyncio.CancelledError:
            await asyncio.shield(self._ledger.hand_back(taken, delay_s=0.0, code=None))
            raise

    async def _carry_out(self, taken: TakenAction) -> None:
        step = await self._look(taken, written=taken.has_written)
        written = isinstance(step, Write)
        if isinstance(step, Write):
            key = await self._ledger.begin_write(taken)
            if key is None:
                return
            step = await self._write(taken, step, key)
        match step:
            case Done(receipt):
                await self._finish(taken, receipt, written=written)
            case Write():
                raise UnknownBillingError("Stripe accepted the change but does not show it", code="not_visible")
            case Wait():
                await self._watch(taken)
            case Refuse(code):
                raise RejectedBillingError("the subscription no longer allows this", code=code)

    async def _look(self, taken: TakenAction, *, written: bool) -> Step:
        try:
            subscription = await self._billing.read(taken.action.subscription_id)
        except RejectedBillingError as error:
            if error.code != "resource_missing":
                raise
            return step_when_missing(taken.action, written=written)
        return next_step(taken.action, subscription)

    async def _write(self, taken: TakenAction, write: Write, key: str) -> Step:
        """Write once and return what a fresh read then calls for; a lost answer does not matter if it is done."""
        try:
            reply = await self._billing.apply(taken.action, write, idempotency_key=key)
        except BillingError as error:
            await self._ledger.end_write(
                taken,
                _sorted(error),
                code=error.code,
                request_id=error.request_id,
                # Stripe stored this failure: with the same key it would come back for a day.
                key_spent=error.replayed,
            )
            if isinstance(error, TransientBillingError):
                raise
            # Also after a refusal: a 404 to a repeated DELETE is how our own success looks.
            step = await self._look(taken, written=True)
            if not isinstance(step, Done):
                raise
            return step
        await self._ledger.end_write(taken, "accepted", code=None, request_id=reply.request_id)
        return await self._look(taken, written=True)

    async def _watch(self, taken: TakenAction) -> None:
        if taken.age_s >= VENDOR_ACTS_WITHIN_S:
            await self._park(taken, "vendor_did_not_act")
        else:
            delay = min(LONGEST_WATCH_DELAY_S, delay_s(taken.attempt, self._jitter()))
            await self._ledger.hand_back(taken, delay_s=delay, code=None)

    async def _finish(self, taken: TakenAction, receipt: Receipt, *, written: bool) -> None:
        if await self._ledger.finish(taken, receipt):
            self._on_event(
                ActionApplied(taken.action_id, taken.action.subscription_id, taken.action.kind, taken.attempt, written)
            )
            self._on_settled(taken.claim_public_id)

    async def _park(self, taken: TakenAction, code: str) -> None:
        if await self._ledger.park(taken, code):
            self._on_event(ActionParked(taken.action_id, taken.action.subscription_id, taken.action.kind, code))
            self._on_settled(taken.claim_public_id)

    async def _failed(self, taken: TakenAction, error: BillingError) -> None:
        failure = _sorted(error)
        self._on_event(
            AttemptFailed(
                taken.action_id,
                taken.action.subscription_id,
                taken.action.kind,
                taken.attempt,
                failure,
                error.code,
                error.request_id,
            )
        )
        match after_failure(failure, error.code, taken.attempt, self._jitter()):
            case RetryAfter(delay):
                await self._ledger.hand_back(taken, delay_s=delay, code=error.code or failure)
            case Park(code):
                await self._park(taken, code)


def _sorted(error: BillingError) -> Failure:
    if isinstance(error, UnknownBillingError):
        return Failure.UNKNOWN
    return Failure.REJECTED if isinstance(error, RejectedBillingError) else Failure.TRANSIENT
