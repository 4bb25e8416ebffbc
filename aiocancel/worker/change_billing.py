"""One change at Stripe: looked at, decided, written under its permanent key, read back, and noted."""

from __future__ import annotations

import logging
from typing import Final, assert_never

from aiocancel.core.actions import (
    ActionKind,
    AwaitPayment,
    Defer,
    Done,
    Refuse,
    Step,
    Supersede,
    Wait,
    WatchKind,
    Write,
    WriteKind,
)
from aiocancel.core.changes import WITHDRAWALS, Change, PlainChange
from aiocancel.core.codes import Code
from aiocancel.core.flow.promise import breaks_the_promise, came_too_late
from aiocancel.core.retry import (
    LONGEST_DELAY_S,
    Failure,
)
from aiocancel.core.schedules import MakeSchedule, ReleaseSchedule
from aiocancel.errors import (
    BillingError,
    RejectedBillingError,
    TransientBillingError,
    UnavailableError,
    UnknownBillingError,
)
from aiocancel.postgres.leasing import TakenAction
from aiocancel.postgres.ledger import Ledger
from aiocancel.postgres.settling import Accepted
from aiocancel.worker.confirm_offers import Offers
from aiocancel.worker.next_step import NextSteps
from aiocancel.worker.ownership import Ownership
from aiocancel.worker.settling import Settling, sort_of_failure

logger = logging.getLogger("aiocancel")

# An invoice for going on after a pause that is not paid is voided after 23 hours, and the pause stays.
RESUMES_WITHIN_S: Final = 24 * 3600.0
_CANCELLATIONS: Final = (ActionKind.CANCEL_AT_PERIOD_END, ActionKind.CANCEL_NOW)


class BillingChanges:
    """Carries out the actions that change, or only watch, a subscription.

    Args:
        ledger: Holds the keys.
        ownership: Says whose subscription it is, and in which account.
        steps: Say what is left to do.
        settling: Notes how it ended.
        offers: Knows the time.
    """

    def __init__(
        self,
        ledger: Ledger,
        ownership: Ownership,
        steps: NextSteps,
        settling: Settling,
        offers: Offers,
    ) -> None:
        self._ledger = ledger
        self._ownership = ownership
        self._steps = steps
        self._settling = settling
        self._offers = offers

    async def carry_out(self, taken: TakenAction, kind: WriteKind | WatchKind) -> None:
        """Do what the subscription calls for now, and note what came of it; raises what stood in the way."""
        step = await self._steps.look(taken, kind, written=taken.has_written, earlier=taken.change)
        written: Write | None = None
        accepted: Accepted | None = None
        if step == Write(PlainChange.RESUME_SERVICE) and taken.asked_to_pay:
            # Stripe has given the invoice up, and does not try it again.
            await self._settling.park(taken, Code.RESUMPTION_IS_NOT_PAID)
            return
        if isinstance(step, Write):
            if (problem := await self._ownership.problem_before(taken)) is not None:
                await self._settling.park(taken, problem)
                return

            first = step.schedule
            # A schedule is out of the way before the change itself is decided for good.
            key = await self._ledger.begin_write(taken, None if first else step.kept)
            if key is None:
                return
            written = step
            step, accepted = await self._write(taken, kind, written, key)
            if (made := _step_made(written, step)) is not None:
                if made is Code.SCHEDULE_RELEASED and kind in _CANCELLATIONS:
                    # A plan that it was to bring does not come, and nobody need wait for it.
                    await self._ledger.withdraw_deferred(taken.action.subscription_id, plans=True)
                await self._ledger.go_on(taken, made)
                return
        await self._conclude(taken, kind, step, written=written, accepted=accepted)

    async def _write(
        self, taken: TakenAction, kind: WriteKind | WatchKind, write: Write, key: str
    ) -> tuple[Step, Accepted | None]:
        """Write once and return what the subscription then calls for; a lost answer does not matter if it is done.

        Where that is the end of it, Stripe's yes is left to be noted together with the end.
        """
        try:
            billing = await self._ownership.billing_of(taken)
            reply = await billing.apply(taken.action, write, idempotency_key=key)
        except BillingError as error:
            if error.code == Code.IDEMPOTENCY_ERROR and not await self._ledger.was_sent_before(
                taken, key
            ):
                await self._ledger.end_write(
                    taken, Failure.REJECTED, code=error.code, request_id=error.request_id
                )
                return await self._steps.after_earlier_write(taken, kind), None
            await self._ledger.end_write(
                taken,
                sort_of_failure(error),
                code=error.code,
                request_id=error.request_id,
                # Stripe stored this failure: with the same key it would come back for a day.
                key_spent=error.replayed,
            )
            if isinstance(error, TransientBillingError):
                raise
            # Also after a refusal: a 404 to a repeated DELETE is how our own success looks.
            step = await self._steps.look(taken, kind, written=True, earlier=_sent(taken, write))
            if isinstance(step, Done | Defer | AwaitPayment) or _step_made(write, step):
                return step, None
            raise

        if reply.subscription is not None:
            step = await self._steps.judge(taken, kind, reply.subscription, write.kept)
            if isinstance(step, Done):
                return step, Accepted(reply.request_id)
            await self._ledger.end_write(taken, "accepted", code=None, request_id=reply.request_id)
            return step, None

        await self._ledger.end_write(taken, "accepted", code=None, request_id=reply.request_id)
        step = await self._steps.look(taken, kind, written=True, earlier=_sent(taken, write))
        if (
            reply.replayed
            and isinstance(step, Write)
            and step.schedule == write.schedule
            and step.change is not PlainChange.RESUME_SERVICE
        ):
            # Stripe made this very change before, and another person has undone it: theirs is the last word.
            raise RejectedBillingError(
                "the change was undone elsewhere", code=Code.UNDONE_ELSEWHERE
            )

        return step, None

    async def _conclude(
        self,
        taken: TakenAction,
        kind: WriteKind | WatchKind,
        step: Step,
        *,
        written: Write | None,
        accepted: Accepted | None,
    ) -> None:
        """Note what the step that is left says; raises what stands in the way."""
        match step:
            case Done(receipt, tells_reason):
                is_written = written is not None
                if tells_reason:
                    # The customer who has the subscription now must not find another customer's words in it.
                    problem = None if is_written else await self._ownership.problem_before(taken)
                    if problem is not None:
                        await self._settling.park(taken, problem)
                        return
                    await self._tell_reason(taken)

                await self._withdraw_promises(taken, kind)
                await self._settling.finish(taken, receipt, written=is_written, accepted=accepted)
                if written is not None:
                    await self._compare_price(taken, written.kept)

            case AwaitPayment(payment_url):
                await self._settling.await_payment(taken, payment_url)

            case Write(PlainChange.RESUME_SERVICE):
                # Stripe does not show the invoice of the resumption, or not yet.
                await self._settling.watch(
                    taken,
                    parked_as=Code.RESUMPTION_IS_NOT_PAID,
                    within_s=RESUMES_WITHIN_S,
                    longest_delay_s=LONGEST_DELAY_S,
                )

            case Write():
                raise UnknownBillingError(
                    "Stripe accepted the change but does not show it", code=Code.NOT_VISIBLE
                )

            case Wait(seen):
                watches = kind.only_watches
                parked_as = Code.VENDOR_DID_NOT_ACT if watches else Code.NEXT_PAYMENT_TOO_CLOSE
                await self._settling.watch(taken, parked_as=parked_as, seen=seen)

            case Defer():
                await self._settling.defer(taken, step)

            case Supersede(code):
                await self._settling.refuse(taken, code)

            case Refuse(code):
                raise RejectedBillingError("the subscription no longer allows this", code=code)

            case _:
                assert_never(step)

    async def _withdraw_promises(self, taken: TakenAction, kind: WriteKind | WatchKind) -> None:
        """End what was promised for later and is taken back by this action: only now Stripe shows that it is.

        Before, a refused change would leave a pause without its end, or a plan to come of which nobody here knows.
        """
        subscription_id = taken.action.subscription_id
        if kind is ActionKind.UNPAUSE:
            await self._ledger.withdraw_deferred(subscription_id)
        elif kind is ActionKind.KEEP_PLAN or (kind in _CANCELLATIONS and taken.has_written):
            # An earlier attempt at a cancellation may have released the schedule and not come to this.
            await self._ledger.withdraw_deferred(subscription_id, plans=True)

    async def _tell_reason(self, taken: TakenAction) -> None:
        """Tell Stripe why the customer leaves; the cancellation itself stands, whatever comes of this.

        Where there was no turn for it, it is told in another attempt.
        """
        try:
            billing = await self._ownership.billing_of(taken)
            await billing.apply(
                taken.action, Write(PlainChange.TELL_REASON), idempotency_key=taken.key
            )
        except BillingError as error:
            if error.code == Code.RATE_BUDGET:
                raise
            self._settling.report_failure(
                taken, sort_of_failure(error), error.code, error.request_id
            )

    async def _compare_price(self, taken: TakenAction, change: Change | None) -> None:
        """Tell the owner where Stripe shows another price than our own flow did; the offer itself is made."""
        offer = taken.action.offer
        if offer is None or offer.promised is None:
            return
        try:
            billing = await self._ownership.billing_of(taken)
            ask = getattr(billing, "preview", None)
            if ask is None:
                return
            preview = await ask(taken.action.subscription_id, None, proration_date=0)
            now = self._offers.now()
            is_late = came_too_late(offer.promised, change)
            if not is_late and not breaks_the_promise(
                offer.promised, offer.terms, preview, now=now
            ):
                return
            await self._ledger.note(taken, "price_compared", Code.PRICE_DIFFERS)
        except (BillingError, UnavailableError) as error:
            # It is only a comparison: where it cannot be made, nothing is the worse for it.
            logger.warning("a price could not be compared: %s", error)
            return

        self._settling.tell_price_differs(taken)


def _sent(taken: TakenAction, write: Write) -> Change | None:
    """Return the offer's change that may have been sent by now; a schedule goes first and alone."""
    return taken.change if write.schedule is not None else write.kept


def _step_made(write: Write, step: Step) -> Code | None:
    """Name the first step that ``write`` was, when it is made and something else is next; None otherwise."""
    if not isinstance(step, Write):
        return None
    if write.schedule is not None:
        if step.schedule == write.schedule:
            return None

        match write.schedule:
            case ReleaseSchedule():
                return Code.SCHEDULE_RELEASED
            case MakeSchedule():
                return Code.SCHEDULE_MADE
            case _:
                return Code.SCHEDULE_AMENDED
    is_withdrawn = write.change in WITHDRAWALS and step.kept is not None
    return Code.CANCELLATION_WITHDRAWN if is_withdrawn else None
