"""The worker: takes the actions that jobs name, gives each its attempt, and searches for those that no job names.

It runs beside the request handlers and never inside one. What an attempt does is in ``worker/attempt.py``.
"""

from __future__ import annotations

import asyncio
import logging
import random
import uuid
from collections.abc import Callable
from typing import Final

from aiocancel.config import DEFAULTS
from aiocancel.core.actions import (
    DEFAULT_AGREED_ENDS,
    DEFAULT_PERIOD_END,
    AgreedEnds,
    PeriodEnd,
)
from aiocancel.core.codes import Code, ForeignCode
from aiocancel.core.schedules import DEFAULT_SCHEDULE_POLICY, SchedulePolicy
from aiocancel.core.undo import ResumePolicy
from aiocancel.errors import (
    BillingError,
    TransientBillingError,
    TransientVendorError,
    UnavailableError,
    UnknownBillingError,
    UnreadableLedgerError,
)
from aiocancel.ports import Billing, FindSubscription
from aiocancel.postgres.leasing import WAKE_AT_ONCE, TakenAction
from aiocancel.postgres.ledger import Ledger
from aiocancel.postgres.pgqueuer import PgQueuerEngine
from aiocancel.telemetry import ActionLeft, ActionParked, EventHook, guarded, type_and_place
from aiocancel.worker.acknowledge import Acknowledger
from aiocancel.worker.attempt import Attempts
from aiocancel.worker.confirm_offers import Offers
from aiocancel.worker.hooks import Hooks
from aiocancel.worker.leases import Leases
from aiocancel.worker.match_declaration import DeclarationMatcher
from aiocancel.worker.outages import KINDS, NO_OUTAGE, Outages

logger = logging.getLogger("aiocancel")

ATTEMPT_TIMEOUT_S: Final = 70.0
HAND_BACK_TIMEOUT_S: Final = 5.0
SWEEP_EVERY_S: Final = 5.0
_MOST_TOLD_OF: Final = 10_000


class Worker:
    """Looks at the actions that the engine's jobs name.

    A worker that dies holds its actions until their leases end. One that lives but cannot renew its leases breaks off
    before that.

    Args:
        ledger: Where claims and actions are kept.
        billing: Where subscriptions are read and changed.
        engine: Hands out jobs.
        offers: The owner's rules for offers.
        hooks: The application's hooks.
        schedule_policy: What becomes of a schedule that a change meets.
        ends_with: Which item's period a cancellation ends with.
        agreed_ends: Whether an end beyond the paid time stands or yields.
        on_event: Hears of events.
        on_settled: Called with a claim's public id whenever one of its actions becomes final.
        concurrency: How many actions of each sort may be under way at a time.
        lease_s: For how long a taken action is held unless it is renewed.
        sweep_every_s: How often the ledger is searched for actions that no job names any more.
        jitter: Makes a number from 0 to 1, by which waits differ.
        vendor_acts_within_s: How long the flow vendor may take for a change of its own.
        resume_policy: Whose cancellations a customer may take back.
        is_simulated: Whether ``billing`` is a simulator, whose time tests move.
        find: Tells before the first write whose subscription it is now; without it nobody asks again.
        account_column: The column that names the connected account, None where there is none.
        acknowledger: Writes letters, None where nobody does.
        matcher: Finds the contract of a public declaration, None where there is no public exit.
    """

    def __init__(
        self,
        ledger: Ledger,
        billing: Billing,
        engine: PgQueuerEngine,
        *,
        offers: Offers | None = None,
        hooks: Hooks | None = None,
        schedule_policy: SchedulePolicy = DEFAULT_SCHEDULE_POLICY,
        ends_with: PeriodEnd = DEFAULT_PERIOD_END,
        agreed_ends: AgreedEnds = DEFAULT_AGREED_ENDS,
        on_event: EventHook,
        on_settled: Callable[[uuid.UUID], None] = lambda _: None,
        concurrency: int = DEFAULTS.worker_concurrency,
        lease_s: float = DEFAULTS.worker_lease_s,
        sweep_every_s: float | None = None,
        jitter: Callable[[], float] = random.random,
        vendor_acts_within_s: float = DEFAULTS.vendor_acts_within_s,
        resume_policy: ResumePolicy = DEFAULTS.resume_policy,
        is_simulated: bool = False,
        find: FindSubscription | None = None,
        account_column: str | None = None,
        acknowledger: Acknowledger | None = None,
        matcher: DeclarationMatcher | None = None,
    ) -> None:
        self._ledger = ledger
        self._engine = engine
        self._attempts = Attempts(
            ledger,
            billing,
            offers=offers or Offers(ledger),
            hooks=hooks or Hooks(),
            schedule_policy=schedule_policy,
            ends_with=ends_with,
            agreed_ends=agreed_ends,
            on_event=on_event,
            on_settled=on_settled,
            jitter=jitter,
            vendor_acts_within_s=vendor_acts_within_s,
            resume_policy=resume_policy,
            is_simulated=is_simulated,
            find=find,
            account_column=account_column,
            acknowledger=acknowledger,
            matcher=matcher,
        )

        self._concurrency = concurrency
        self._leases = Leases(ledger, lease_s=lease_s)
        self._sweep_every_s = SWEEP_EVERY_S if sweep_every_s is None else sweep_every_s
        self._stopping = asyncio.Event()
        self._running: set[asyncio.Task[None]] = set()
        self._on_event = guarded(on_event)
        self._told_of: set[int] = set()
        self._outages = Outages()

    async def run(self) -> None:
        """Work until ``stop``; an outage of the database is waited out."""
        upkeep = [
            asyncio.create_task(self._sweep(), name="aiocancel sweep"),
            asyncio.create_task(self._leases.keep(), name="aiocancel leases"),
        ]
        try:
            await self._engine.run(self._on_job, concurrency=self._concurrency)
        finally:
            for task in upkeep:
                task.cancel()
            await asyncio.gather(*upkeep, return_exceptions=True)

    async def stop(self, *, grace_s: float) -> None:
        """Take nothing new, let running attempts finish for ``grace_s``, then hand the rest back.

        ``run`` returns by itself soon after; await it too, it may be taking something at this moment.
        """
        self._stopping.set()
        self._engine.stop(within_s=grace_s + HAND_BACK_TIMEOUT_S)
        running = list(self._running)
        if running:
            await asyncio.wait(running, timeout=grace_s)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    async def _on_job(self, action_id: int) -> bool:
        """Do what an action needs now; False when it could not be looked at."""
        if self._leases.holds(action_id):
            # Another worker believes that our lease has ended. The job must not end here, whichever of us is right.
            return False

        try:
            taken = await self._leases.take(action_id)
        except UnavailableError as error:
            logger.error("the ledger cannot be read: %s", error)
            return False
        except Exception as error:
            # The sweep finds it again; the other actions are not held up.
            logger.error("action %s cannot be taken: %s", action_id, type_and_place(error))
            return True

        if taken is None:
            # It is finished, or another worker has it, or its turn comes later with a job of its own.
            return True

        if self._stopping.is_set():
            await self._give_up_lease(taken)
            self._leases.forget(action_id)
            return True

        task = asyncio.create_task(self._attempt(taken), name=f"aiocancel action {action_id}")
        self._running.add(task)

        try:
            # Cut off by us alone: it has a lease to give back.
            await asyncio.wait((task,))
        finally:
            self._running.discard(task)
            self._leases.forget(action_id)

        if not task.cancelled() and (unstored := task.exception()):
            # Nobody could be told; the sweep finds it, and another attempt starts from a fresh read.
            logger.error(
                "the end of an attempt at action %s was not stored: %s",
                action_id,
                type(unstored).__name__,
            )

        return True

    async def _sweep(self) -> None:
        while True:
            found = 0
            try:
                found = await self._ledger.sweep(
                    self._leases.owner, holds=self._leases.held, overdue_s=self._sweep_every_s
                )
                await self._wake()
                await self._tell_of_unknown_kinds()
                await self._engine.tidy()
            except (
                Exception
            ) as error:  # the search must outlive any outage; the next turn tries again
                why = error if isinstance(error, UnavailableError) else type(error).__name__
                logger.error("the ledger cannot be searched: %s", why)

            if not found:
                await asyncio.sleep(self._sweep_every_s)

    async def _wake(self) -> None:
        """Let what failed while a provider was away be tried again, now that it is back."""
        for provider, back_for_s in self._outages.back():
            woken = await self._ledger.wake(
                KINDS[provider], back_for_s=back_for_s, except_codes=NO_OUTAGE
            )
            if woken:
                logger.info("%d actions are tried again: the %s answers", woken, provider)
            if woken < WAKE_AT_ONCE:
                self._outages.woken(provider)

    async def _tell_of_unknown_kinds(self) -> None:
        """Report, once each, the actions that only a newer release can carry out, and those that it never took."""
        for action in await self._ledger.park_unknown_kinds(self._leases.owner):
            self._on_event(
                ActionParked(action.id, action.subscription_id, action.kind, Code.LEDGER_UNREADABLE)
            )

        for action in await self._ledger.of_unknown_kinds():
            if action.id not in self._told_of and len(self._told_of) < _MOST_TOLD_OF:
                self._told_of.add(action.id)
                self._on_event(
                    ActionLeft(
                        action.id, action.subscription_id, action.kind, Code.LEDGER_UNREADABLE
                    )
                )

    async def _attempt(self, taken: TakenAction) -> None:
        try:
            error = await self._try(taken)
            self._outages.note(taken.action.kind, error)
            if error is not None:
                await self._attempts.failed(taken, error)
        except asyncio.CancelledError:
            await asyncio.shield(self._give_up_lease(taken))
            raise

    async def _try(self, taken: TakenAction) -> BillingError | None:
        """Carry the action out as far as it goes; returns what stood in the way."""
        try:
            async with asyncio.timeout(ATTEMPT_TIMEOUT_S), self._leases.within(taken.action_id):
                await self._attempts.carry_out(taken)
        except BillingError as error:
            return error
        except TransientVendorError as error:
            return TransientBillingError(
                str(error), code=error.code, retry_after_s=error.retry_after_s
            )
        except TimeoutError:
            return UnknownBillingError("the attempt took too long", code=Code.ATTEMPT_TIMEOUT)
        except UnavailableError as error:
            return UnknownBillingError(str(error), code=Code.DATABASE_UNAVAILABLE)
        except UnreadableLedgerError as error:
            return UnknownBillingError(str(error), code=Code.LEDGER_UNREADABLE)
        except (Exception, asyncio.CancelledError) as error:
            task = asyncio.current_task()
            if isinstance(error, asyncio.CancelledError) and task and task.cancelling():
                raise

            # A mistake of ours, or of a database in a state that we did not foresee: it must end like any
            # other failure, with a longer wait each time and a human at last. So must the cancellation of
            # something that the application's code waited for, which nobody asked of this worker.
            logger.error(
                "an attempt at action %s broke off: %s", taken.action_id, type_and_place(error)
            )
            return UnknownBillingError("the attempt broke off", code=ForeignCode.of_error(error))

        return None

    async def _give_up_lease(self, taken: TakenAction) -> None:
        """Let another worker have the action at once; if that fails, when the lease ends."""
        try:
            async with asyncio.timeout(HAND_BACK_TIMEOUT_S):
                await self._ledger.hand_back(taken, delay_s=0.0, code=None)
        except Exception as error:
            logger.warning(
                "action %s waits for its lease to end: %s", taken.action_id, type(error).__name__
            )
