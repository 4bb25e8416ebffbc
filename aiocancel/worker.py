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
from typing import Final, Protocol, assert_never

from aiocancel.core.actions import (
    ActionKind,
    Defer,
    Done,
    Receipt,
    Refuse,
    Step,
    Supersede,
    Wait,
    Write,
    next_step,
    past_the_schedule,
    step_when_missing,
)
from aiocancel.core.changes import Change
from aiocancel.core.offer_steps import Progress
from aiocancel.core.retry import LONGEST_DELAY_S, Failure, Park, RetryAfter, after_failure, delay_s
from aiocancel.core.schedules import DEFAULT_SCHEDULE_POLICY, ReleaseSchedule, ScheduleChange, SchedulePolicy
from aiocancel.errors import (
    BillingError,
    RejectedBillingError,
    TransientBillingError,
    TransientVendorError,
    UnavailableError,
    UnknownBillingError,
)
from aiocancel.hooks import Hooks
from aiocancel.offers import Offers
from aiocancel.ports import BillingExecutor, BillingReader
from aiocancel.postgres.ledger import Ledger, TakenAction
from aiocancel.telemetry import ActionApplied, ActionParked, ActionRefused, AttemptFailed, EventHook, guarded

logger = logging.getLogger("aiocancel")

# An attempt is cut off well before its lease ends, so that two workers never act at the same time.
LEASE_S: Final = 90.0
ATTEMPT_TIMEOUT_S: Final = 70.0
HAND_BACK_TIMEOUT_S: Final = 5.0
# How long we watch for the flow vendor to make a change that it said it made.
VENDOR_ACTS_WITHIN_S: Final = 15 * 60.0
LONGEST_WATCH_DELAY_S: Final = 60.0
# Stripe's status for a payment that did not go through. https://docs.stripe.com/api/errors
PAYMENT_REQUIRED: Final = 402
# An invoice for going on after a pause that is not paid is voided after 23 hours, and the pause stays.
RESUMES_WITHIN_S: Final = 24 * 3600.0


class Billing(BillingReader, BillingExecutor, Protocol):
    """Both sides of the billing provider."""


class Worker:
    """Runs actions from the ledger, up to ``concurrency`` at a time.

    ``on_settled`` is called with a claim's public id whenever one of its actions becomes final. Work of
    other processes is looked for every ``idle_poll_s``.
    """

    def __init__(
        self,
        ledger: Ledger,
        billing: Billing,
        *,
        offers: Offers | None = None,
        hooks: Hooks | None = None,
        schedule_policy: SchedulePolicy = DEFAULT_SCHEDULE_POLICY,
        on_event: EventHook,
        on_settled: Callable[[uuid.UUID], None] = lambda _: None,
        concurrency: int = 10,
        idle_poll_s: float = 1.0,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._ledger = ledger
        self._billing = billing
        self._offers = offers or Offers(ledger)
        self._hooks = hooks or Hooks()
        self._schedule_policy = schedule_policy
        self._on_event = guarded(on_event)
        self._on_settled = on_settled
        self._concurrency = concurrency
        self._idle_poll_s = idle_poll_s
        self._jitter = jitter
        self._owner = uuid.uuid4()
        self._wake = asyncio.Event()
        self._stopping = False
        # By task: an action handed back may be taken again before its last task has quite ended.
        self._running: dict[asyncio.Task[None], int] = {}

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
        """Take nothing new, let running attempts finish for ``grace_s``, then hand the rest back.

        ``run`` returns by itself soon after; await it too, it may be taking something at this moment.
        """
        self._stopping = True
        self._wake.set()
        running = list(self._running)
        if running:
            await asyncio.wait(running, timeout=grace_s)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    async def _pause(self) -> None:
        try:
            async with asyncio.timeout(self._idle_poll_s):
                await self._wake.wait()
        except TimeoutError:
            pass

    async def _start_due(self) -> int:
        free = self._concurrency - len(self._running)
        if free <= 0:
            return 0
        taken = await self._ledger.take(
            self._owner, limit=free, lease_s=LEASE_S, holds=self._running.values(), reclaim_after_s=self._idle_poll_s
        )
        if self._stopping:
            await asyncio.gather(*map(self._give_up_lease, taken))
            return 0
        for action in taken:
            task = asyncio.create_task(self._attempt(action), name=f"aiocancel action {action.action_id}")
            self._running[task] = action.action_id
            task.add_done_callback(self._ended)
        return len(taken)

    def _ended(self, task: asyncio.Task[None]) -> None:
        action_id = self._running.pop(task)
        # A place is free, and the next action of the same subscription may now go.
        self._wake.set()
        if not task.cancelled() and (error := task.exception()):
            # Nobody could be told; we reclaim it ourselves, and another attempt starts from a fresh read.
            logger.error("the end of an attempt at action %s was not stored: %s", action_id, type(error).__name__)

    async def _attempt(self, taken: TakenAction) -> None:
        try:
            error = await self._try(taken)
            if error is not None:
                await self._failed(taken, error)
        except asyncio.CancelledError:
            await asyncio.shield(self._give_up_lease(taken))
            raise

    async def _try(self, taken: TakenAction) -> BillingError | None:
        """Carry the action out as far as it goes; returns what stood in the way."""
        try:
            async with asyncio.timeout(ATTEMPT_TIMEOUT_S):
                await self._carry_out(taken)
        except BillingError as error:
            return error
        except TransientVendorError as error:
            return TransientBillingError(str(error), code=error.code)
        except TimeoutError:
            return UnknownBillingError("the attempt took too long", code="attempt_timeout")
        except UnavailableError as error:
            return UnknownBillingError(str(error), code="database_unavailable")
        except Exception as error:
            # A mistake of ours, or of a database in a state that we did not foresee: it must end like any
            # other failure, with a longer wait each time and a human at last.
            logger.exception("an attempt at action %s failed", taken.action_id)
            return UnknownBillingError("the attempt broke off", code=type(error).__name__)
        return None

    async def _give_up_lease(self, taken: TakenAction) -> None:
        """Let another worker have the action at once; if that fails, when the lease ends."""
        try:
            async with asyncio.timeout(HAND_BACK_TIMEOUT_S):
                await self._ledger.hand_back(taken, delay_s=0.0, code=None)
        except Exception as error:
            logger.warning("action %s waits for its lease to end: %s", taken.action_id, type(error).__name__)

    async def _carry_out(self, taken: TakenAction) -> None:
        match taken.action.kind:
            case ActionKind.VERIFY_OFFER:
                await self._offers.verify(taken, self)
            case ActionKind.RUN_OFFER_HANDLER:
                await self._offers.run_handler(taken, self)
            case ActionKind.RUN_HOOKS:
                await self._hooks.run(await self._ledger.outcome(taken.claim_id))
                await self.finish(taken, Receipt("told", None), written=True)
            case _:
                await self._change_billing(taken)

    async def _change_billing(self, taken: TakenAction) -> None:
        step = await self._look(taken, written=taken.has_written, earlier=taken.change)
        written = isinstance(step, Write)
        if isinstance(step, Write):
            first = step.schedule
            # A schedule is out of the way before the change itself is decided for good.
            key = await self._ledger.begin_write(taken, None if first else step.change)
            if key is None:
                return
            step = await self._write(taken, step, key)
            if first is not None and _went_on(first, step):
                code = "schedule_released" if isinstance(first, ReleaseSchedule) else "schedule_amended"
                await self._ledger.go_on(taken, code)
                self._wake.set()
                return
        match step:
            case Done(receipt):
                await self.finish(taken, receipt, written=written)
            case Write() if _takes_time(taken):
                # Stripe lets it go on when it has tried the payment, which may take hours.
                await self.watch(
                    taken,
                    parked_as="resumption_is_not_paid",
                    within_s=RESUMES_WITHIN_S,
                    longest_delay_s=LONGEST_DELAY_S,
                )
            case Write():
                raise UnknownBillingError("Stripe accepted the change but does not show it", code="not_visible")
            case Wait():
                watches = taken.action.kind is ActionKind.EXPECT_CANCELLATION
                await self.watch(taken, parked_as="vendor_did_not_act" if watches else "next_payment_too_close")
            case Defer(until, takes_effect_at, payment_url):
                await self._ledger.defer(taken, until=until, takes_effect_at=takes_effect_at, payment_url=payment_url)
                # It is settled as far as the customer is concerned.
                self._on_settled(taken.claim_public_id)
            case Supersede(code):
                await self.refuse(taken, code)
            case Refuse(code):
                raise RejectedBillingError("the subscription no longer allows this", code=code)
            case _:  # pragma: no cover
                assert_never(step)

    async def _look(self, taken: TakenAction, *, written: bool, earlier: Change | None) -> Step:
        try:
            subscription = await self._billing.read(taken.action.subscription_id)
        except RejectedBillingError as error:
            if error.code != "resource_missing":
                raise
            return step_when_missing(taken.action, written=written)
        if taken.action.offer is None:
            step = next_step(taken.action, subscription)
        else:
            progress = Progress(earlier, taken.takes_effect_at, taken.asked_to_pay)
            step = self._offers.next_step(taken.action.offer, subscription, progress)
        return past_the_schedule(step, taken.action.kind, subscription, self._schedule_policy)

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
            step = await self._look(taken, written=True, earlier=_sent(taken, write))
            if isinstance(step, Done | Defer) or (write.schedule is not None and _went_on(write.schedule, step)):
                return step
            raise
        await self._ledger.end_write(taken, "accepted", code=None, request_id=reply.request_id)
        step = await self._look(taken, written=True, earlier=_sent(taken, write))
        if reply.replayed and isinstance(step, Write) and step.schedule == write.schedule and not _takes_time(taken):
            # Stripe made this very change before, and somebody has undone it: theirs is the last word.
            raise RejectedBillingError("the change was undone elsewhere", code="undone_elsewhere")
        return step

    async def watch(
        self,
        taken: TakenAction,
        code: str | None = None,
        *,
        parked_as: str = "vendor_did_not_act",
        within_s: float = VENDOR_ACTS_WITHIN_S,
        longest_delay_s: float = LONGEST_WATCH_DELAY_S,
    ) -> None:
        """Look again later, for as long as the flow vendor, or Stripe, may take."""
        if taken.age_s >= within_s:
            await self.park(taken, parked_as)
        else:
            delay = min(longest_delay_s, delay_s(taken.tries, self._jitter()))
            await self._ledger.hand_back(taken, delay_s=delay, code=code)

    async def finish(self, taken: TakenAction, receipt: Receipt, *, written: bool) -> None:
        """Mark the action done."""
        if await self._ledger.finish(taken, receipt):
            self._on_event(
                ActionApplied(taken.action_id, taken.action.subscription_id, taken.action.kind, taken.attempt, written)
            )
            self._on_settled(taken.claim_public_id)

    async def park(self, taken: TakenAction, code: str) -> None:
        """Leave the action to a human."""
        if await self._ledger.park(taken, code):
            self._on_event(ActionParked(taken.action_id, taken.action.subscription_id, taken.action.kind, code))
            self._on_settled(taken.claim_public_id)

    async def refuse(self, taken: TakenAction, code: str) -> None:
        """End the action; nobody need look: the claim was untrue, or what came later left nothing to do."""
        if await self._ledger.refuse(taken, code):
            self._on_event(ActionRefused(taken.action_id, taken.action.subscription_id, taken.action.kind, code))
            self._on_settled(taken.claim_public_id)

    async def settled(self, taken: TakenAction) -> None:
        """Go on with what was just enqueued, and wake whoever waits."""
        self._wake.set()
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
        if taken.action.kind is ActionKind.EXPECT_CANCELLATION and failure is not Failure.REJECTED:
            # Watching ends by the clock, however often we looked.
            await self.watch(taken, error.code or failure)
            return
        if taken.action.kind is ActionKind.APPLY_OFFER and _declined(error):
            # The customer's own bank said no: nobody here can do anything about that.
            await self.refuse(taken, error.code or "payment_declined")
            return
        match after_failure(failure, error.code, taken.tries, self._jitter()):
            case RetryAfter(delay):
                await self._ledger.hand_back(taken, delay_s=delay, code=error.code or failure)
            case Park(code):
                await self.park(taken, code)


def _sorted(error: BillingError) -> Failure:
    if isinstance(error, UnknownBillingError):
        return Failure.UNKNOWN
    return Failure.REJECTED if isinstance(error, RejectedBillingError) else Failure.TRANSIENT


def _sent(taken: TakenAction, write: Write) -> Change | None:
    """Return the offer's change that may have been sent by now; a schedule goes first and alone."""
    return taken.change if write.schedule is not None else write.change


def _went_on(first: ScheduleChange, step: Step) -> bool:
    """Whether the schedule is out of the way, and something else is next."""
    return isinstance(step, Write) and step.schedule != first


def _declined(error: BillingError) -> bool:
    return isinstance(error, RejectedBillingError) and error.http_status == PAYMENT_REQUIRED


def _takes_time(taken: TakenAction) -> bool:
    """Whether what was written shows only later."""
    return taken.action.kind is ActionKind.END_PAUSE
