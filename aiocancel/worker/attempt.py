"""What one attempt at an action does: reads, decides, writes, reads back, and notes what happened.

It never believes a memory: every attempt starts by reading the subscription, so it does not matter where an
earlier one died.
"""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final, assert_never

from aiocancel.core.actions import (
    ActionKind,
    AgreedEnds,
    AwaitPayment,
    Defer,
    Done,
    PeriodEnd,
    Places,
    Receipt,
    Refuse,
    Step,
    Supersede,
    Wait,
    WatchKind,
    Write,
    WriteKind,
    next_step,
    past_the_schedule,
    step_when_missing,
    wants_to_tell,
)
from aiocancel.core.changes import Change, MoveEnd, PlainChange
from aiocancel.core.claim import OWN_FLOW
from aiocancel.core.codes import AnyCode, Code
from aiocancel.core.flow.promise import breaks_the_promise
from aiocancel.core.idempotency import wish_of
from aiocancel.core.last_bill import LastBill
from aiocancel.core.offers.progress import NO_PROGRESS, Progress
from aiocancel.core.offers.terms import AcceptedOffer, PlanTerms, name_of
from aiocancel.core.offers.verify import Disproven, Doubtful, NotYet, Proven, Verdict
from aiocancel.core.retry import (
    LONGEST_DELAY_S,
    Failure,
    Park,
    RetryAfter,
    after_failure,
    after_unreadable,
    delay_s,
    is_excused,
)
from aiocancel.core.schedules import MakeSchedule, ReleaseSchedule, SchedulePolicy
from aiocancel.core.sentences import Sentence
from aiocancel.core.subscription import Price, Subscription
from aiocancel.core.undo import (
    Made,
    ResumePolicy,
    brought_back,
    resume_problem,
    resumed,
    undo_step,
)
from aiocancel.errors import (
    BillingError,
    RejectedBillingError,
    TransientBillingError,
    UnavailableError,
    UnknownBillingError,
)
from aiocancel.ports import Billing, FindSubscription, coming_first
from aiocancel.postgres.leasing import TakenAction
from aiocancel.postgres.ledger import Ledger
from aiocancel.postgres.settling import Accepted
from aiocancel.telemetry import (
    ActionApplied,
    ActionLeft,
    ActionParked,
    ActionRefused,
    AttemptFailed,
    DriftFound,
    EventHook,
    guarded,
)
from aiocancel.worker.acknowledge import Acknowledger
from aiocancel.worker.confirm_offers import Offers
from aiocancel.worker.hooks import Hooks
from aiocancel.worker.match_declaration import DeclarationMatcher
from aiocancel.worker.permissions import MissingPermissions

logger = logging.getLogger("aiocancel")

# How long we wait for a flow session to be over, and for a renewal.
PASSES_WITHIN_S: Final = 15 * 60.0
LONGEST_WATCH_DELAY_S: Final = 60.0
# How often we look where nothing can be seen yet.
LONGEST_PATIENT_DELAY_S: Final = 3600.0
# Stripe's status for a payment that did not go through. https://docs.stripe.com/api/errors
PAYMENT_REQUIRED: Final = 402
# An invoice for going on after a pause that is not paid is voided after 23 hours, and the pause stays.
RESUMES_WITHIN_S: Final = 24 * 3600.0
# While Stripe tries to collect, we look after 5 minutes, and then less and less often.
FIRST_LOOK_S: Final = 300.0
LONGEST_LOOK_S: Final = 6 * 3600.0
_CANCELLATIONS: Final = (ActionKind.CANCEL_AT_PERIOD_END, ActionKind.CANCEL_NOW)
_WITHDRAWALS: Final = (
    PlainChange.WITHDRAW_CANCELLATION,
    PlainChange.WITHDRAW_CANCELLATION_BY_DATE,
)


class Attempts:
    """Carries actions out against ``billing`` and the ledger, one attempt at a time for each action."""

    def __init__(
        self,
        ledger: Ledger,
        billing: Billing,
        *,
        offers: Offers,
        hooks: Hooks,
        schedule_policy: SchedulePolicy,
        ends_with: PeriodEnd,
        agreed_ends: AgreedEnds,
        on_event: EventHook,
        on_settled: Callable[[uuid.UUID], None],
        jitter: Callable[[], float],
        vendor_acts_within_s: float,
        resume_policy: ResumePolicy,
        find: FindSubscription | None,
        account_column: str | None = None,
        acknowledger: Acknowledger | None = None,
        matcher: DeclarationMatcher | None = None,
    ) -> None:
        self._ledger = ledger
        self._billing = billing
        self._billing_first = coming_first(billing)
        self._offers = offers
        self._hooks = hooks
        self._schedule_policy = schedule_policy
        self._ends_with: PeriodEnd = ends_with
        self._agreed_ends: AgreedEnds = agreed_ends

        self._on_event = guarded(on_event)
        self._permissions = MissingPermissions(self._on_event)
        self._on_settled = on_settled
        self._jitter = jitter
        self._vendor_acts_within_s = vendor_acts_within_s
        self._resume_policy: ResumePolicy = resume_policy
        self._find = find
        self._account_column = account_column
        self._acknowledger = acknowledger
        self._matcher = matcher

    async def carry_out(self, taken: TakenAction) -> None:
        """Do what the action needs now, and note what came of it; raises what stood in the way."""
        if taken.unreadable is not None:
            await self._leave(taken, taken.unreadable)
            return

        kind = taken.action.kind
        match kind:
            case ActionKind.VERIFY_OFFER:
                await self._record_verdict(taken, await self._offers.verify(taken))
            case ActionKind.RUN_OFFER_HANDLER:
                await self._run_handler(taken)
            case ActionKind.RUN_HOOKS:
                outcome = await self._ledger.outcome(taken.claim_id)
                await self._hooks.run(await self._offers.with_vendors_word(outcome))
                await self.finish(taken, Receipt("told", None), written=True)
            case ActionKind.ACKNOWLEDGE:
                await self._acknowledge(taken)
            case ActionKind.MATCH_DECLARATION:
                await self._match(taken)
            case _:
                await self._change_billing(taken, kind)

    async def _run_handler(self, taken: TakenAction) -> None:
        # The handler acts for the customer, so it is asked first whose the subscription is by now.
        if (problem := await self._problem_before(taken)) is not None:
            await self.park(taken, problem)
            return

        handled = await self._offers.run_handler(taken)
        if handled is None:
            await self.park(taken, Code.NO_HANDLER_FOR_THIS_OFFER)
        else:
            await self.finish(taken, handled, written=True)

    async def _match(self, taken: TakenAction) -> None:
        if self._matcher is None:
            # The settings have no public exit any more.
            await self.park(taken, Code.NO_PUBLIC_EXIT)
            return

        came = await self._matcher.carry_out(taken)
        if isinstance(came, Receipt):
            await self.finish(taken, came, written=True)
        else:
            await self.park(taken, came)

    async def _acknowledge(self, taken: TakenAction) -> None:
        if self._acknowledger is None:
            # The settings have no mailer any more.
            await self.refuse(taken, Code.NO_MAILER)
            return

        came = await self._acknowledger.carry_out(
            taken, self._read, self._last_bill, self._next_payment
        )
        if isinstance(came, Receipt):
            await self.finish(taken, came, written=False)
        elif came is not None:
            await self.refuse(taken, came)

    async def _read(self, taken: TakenAction) -> Subscription:
        billing = await self._billing_of(taken)
        # With the kind no discounts are read, for which a key without offers has no permission.
        return await billing.read(taken.action.subscription_id, taken.action.kind)

    async def _last_bill(self, taken: TakenAction, ends_at: datetime) -> LastBill | None:
        """Return what is paid after a cancellation."""
        found: LastBill | None = await self._asked_for_a_letter(taken, "last_bill", ends_at)
        return found

    async def _next_payment(self, taken: TakenAction, now: datetime) -> Sentence | None:
        """Return the next payment of a subscription that goes on."""
        found: Sentence | None = await self._asked_for_a_letter(taken, "next_payment", now)
        return found

    async def _asked_for_a_letter(self, taken: TakenAction, what: str, at: datetime) -> Any:
        """Ask Stripe, in the account whose subscription it is; None where a billing cannot be asked this."""
        ask = getattr(await self._billing_of(taken), what, None)
        if ask is None:
            return None

        try:
            return await ask(taken.action.subscription_id, at)
        except BillingError as error:
            # The letter goes out without it, so that nobody else hears of the key.
            if error.code == Code.PERMISSION_MISSING:
                self._permissions.report(error)
            raise

    async def _leave(self, taken: TakenAction, code: AnyCode) -> None:
        """Leave an action that cannot be read to a newer release or, where that comes too late, to a person."""
        match after_unreadable(code, taken.tries, self._jitter()):
            case Park(parked_as):
                await self.park(taken, parked_as)
            case RetryAfter(delay):
                if await self._ledger.leave(taken, delay_s=delay, code=code):
                    action = taken.action
                    self._on_event(
                        ActionLeft(taken.action_id, action.subscription_id, action.kind, code)
                    )

    async def _record_verdict(self, taken: TakenAction, verdict: Verdict) -> None:
        match verdict:
            case Proven(offer_id, actions):
                one_gift_in = self._offers.one_gift_in(taken.vendor, actions)
                if await self._ledger.confirm(taken, offer_id, actions, one_gift_in=one_gift_in):
                    self._on_settled(taken.claim_public_id)
                else:
                    await self.park(taken, Code.GIVEN_RECENTLY)
            case Disproven(code):
                await self.refuse(taken, code)
            case Doubtful(code):
                await self.park(taken, code)
            case NotYet(code):
                await self.watch(taken, parked_as=code)
            case _:  # pragma: no cover - mypy shows that no case is left
                assert_never(verdict)

    async def _change_billing(self, taken: TakenAction, kind: WriteKind | WatchKind) -> None:
        step = await self._look(taken, kind, written=taken.has_written, earlier=taken.change)
        written, accepted = isinstance(step, Write), None
        if step == Write(PlainChange.RESUME_SERVICE) and taken.asked_to_pay:
            # Stripe has given the invoice up, and tries no more.
            await self.park(taken, Code.RESUMPTION_IS_NOT_PAID)
            return
        if isinstance(step, Write):
            if (problem := await self._problem_before(taken)) is not None:
                await self.park(taken, problem)
                return

            first = step.schedule
            # A schedule is out of the way before the change itself is decided for good.
            key = await self._ledger.begin_write(taken, None if first else step.kept)
            if key is None:
                return
            write = step
            step, accepted = await self._write(taken, kind, write, key)
            if (made := _first_step(write, step)) is not None:
                if made is Code.SCHEDULE_RELEASED and kind in _CANCELLATIONS:
                    # A plan that it was to bring does not come, and nobody need wait for it.
                    await self._ledger.withdraw_deferred(taken.action.subscription_id, plans=True)
                await self._ledger.go_on(taken, made)
                return
        await self._conclude(taken, kind, step, written=written, accepted=accepted)

    async def _conclude(
        self,
        taken: TakenAction,
        kind: WriteKind | WatchKind,
        step: Step,
        *,
        written: bool,
        accepted: Accepted | None,
    ) -> None:
        """Note what the step that is left says; raises what stands in the way."""
        match step:
            case Done(receipt, tells_reason):
                if tells_reason:
                    # Whoever has the subscription now must not find another customer's words in it.
                    problem = None if written else await self._problem_before(taken)
                    if problem is not None:
                        await self.park(taken, problem)
                        return
                    await self._tell_reason(taken)

                await self._withdraw_promises(taken, kind)
                await self.finish(taken, receipt, written=written, accepted=accepted)
                if written:
                    await self._compare_price(taken)

            case AwaitPayment(payment_url):
                await self._await_payment(taken, payment_url)

            case Write(PlainChange.RESUME_SERVICE):
                # Stripe does not show the invoice of the resumption, or not yet.
                await self.watch(
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
                await self.watch(taken, parked_as=parked_as, seen=seen)

            case Defer(until, takes_effect_at, payment_url):
                await self._ledger.defer(
                    taken, until=until, takes_effect_at=takes_effect_at, payment_url=payment_url
                )
                # It is settled as far as the customer is concerned.
                self._on_settled(taken.claim_public_id)

            case Supersede(code):
                await self.refuse(taken, code)

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

    async def _compare_price(self, taken: TakenAction) -> None:
        """Tell the owner where Stripe shows another price than our own flow did; the offer itself is made."""
        offer = taken.action.offer
        if offer is None or offer.promised is None:
            return
        try:
            billing = await self._billing_of(taken)
            ask = getattr(billing, "preview", None)
            if ask is None:
                return
            preview = await ask(taken.action.subscription_id, None, proration_date=0)
            now = self._offers.now()
            if not breaks_the_promise(offer.promised, offer.terms, preview, now=now):
                return
            await self._ledger.note(taken, "price_compared", Code.PRICE_DIFFERS)
        except (BillingError, UnavailableError) as error:
            # It is only a comparison: where it cannot be made, nothing is the worse for it.
            logger.warning("a price could not be compared: %s", error)
            return

        self._on_event(
            DriftFound(taken.action_id, taken.action.subscription_id, "price", Code.PRICE_DIFFERS)
        )

    async def _billing_of(self, taken: TakenAction) -> Billing:
        """Return the account that the subscription's row names; raises RejectedBillingError where there is no row."""
        billing = self._billing
        if Places.of(taken.action.kind) is Places.CANCELLATIONS:
            billing = self._billing_first
        if self._account_column is None:
            return billing

        owned = None
        if self._find is not None and taken.customer_id:
            owned = await self._find(taken.customer_id, taken.action.subscription_id)
        if owned is None:
            raise RejectedBillingError(
                "no row says whose account it is", code=Code.SUBSCRIPTION_CHANGED_HANDS
            )
        account = owned.record.get(self._account_column)
        return billing.on(None if account is None else str(account))

    async def _problem_before(self, taken: TakenAction) -> Code | None:
        """Say why the first write must not be made now, None where it may.

        Between the customer's post and this moment lie seconds, or weeks where the action waited for its date.
        """
        if taken.has_written:
            return None
        if await self._was_given(taken):
            return Code.GIVEN_RECENTLY
        if self._find is None or not taken.customer_id:
            return None
        owned = await self._find(taken.customer_id, taken.action.subscription_id)
        return Code.SUBSCRIPTION_CHANGED_HANDS if owned is None else None

    async def _was_given(self, taken: TakenAction) -> bool:
        """Tell whether an offer of our own flow is a gift too many; it was counted when it was confirmed, too."""
        if taken.vendor != OWN_FLOW or taken.action.kind is not ActionKind.APPLY_OFFER:
            return False
        within = self._offers.one_gift_in(taken.vendor, [taken.action])
        return within is not None and await self._ledger.was_given_before(taken, within)

    async def _look(
        self,
        taken: TakenAction,
        kind: WriteKind | WatchKind,
        *,
        written: bool,
        earlier: Change | None,
    ) -> Step:
        try:
            billing = await self._billing_of(taken)
            subscription = await billing.read(taken.action.subscription_id, kind)
        except RejectedBillingError as error:
            if error.code != Code.RESOURCE_MISSING:
                raise
            return step_when_missing(taken.action, written=written)
        return await self._judge(taken, kind, subscription, earlier)

    async def _judge(
        self,
        taken: TakenAction,
        kind: WriteKind | WatchKind,
        subscription: Subscription,
        earlier: Change | None,
    ) -> Step:
        if not subscription.is_in(taken.mode):
            return Refuse(Code.WRONG_MODE)
        if kind is ActionKind.APPLY_OFFER and earlier is None and _is_noted(taken, subscription):
            # Another application on these accounts made it, or this one before its database was set back.
            return Done(Receipt.of(subscription))

        if (later := self._later_on_its_clock(taken, kind, subscription)) is not None:
            return later

        match kind:
            case ActionKind.KEEP_PLAN:
                planned = await self._ledger.planned_by_offers(taken.action.subscription_id)
                return undo_step(kind, subscription, Made(planned=planned), earlier)
            case ActionKind.UNPAUSE | ActionKind.REMOVE_DISCOUNT:
                made = await self._ledger.made_by_offers(taken.action.subscription_id)
                return undo_step(kind, subscription, made, earlier)
            case ActionKind.EXPECT_OFFER:
                return await self._offers.expected_step(taken, _offer(taken), subscription)
            case ActionKind.APPLY_OFFER:
                progress = Progress(earlier, taken.takes_effect_at, taken.asked_to_pay)
                price = await self._price(taken)
                step = self._offers.next_step(_offer(taken), subscription, progress, price)
                if step == Refuse(Code.SUBSCRIPTION_IS_ENDING) and earlier is None:
                    step = await self._keep_the_customer(taken, subscription, step)
                if step == Refuse(Code.PLAN_IS_PLANNED_NO_MORE):
                    step = await self._taken_back(taken, step)
            case ActionKind.RESUME:
                step = await self._resume(taken, subscription, earlier)
            case _:
                step = next_step(kind, subscription, self._ends_with, self._agreed_ends)
        if isinstance(step, Done) and wants_to_tell(taken.action, subscription):
            step = replace(step, tells_reason=True)
        return past_the_schedule(step, subscription, self._schedule_policy)

    def _report_failure(
        self, taken: TakenAction, failure: Failure, code: AnyCode | None, request_id: str | None
    ) -> None:
        self._on_event(
            AttemptFailed(
                taken.action_id,
                taken.action.subscription_id,
                taken.action.kind,
                taken.attempt,
                failure,
                code,
                request_id,
                _took_s(taken),
            )
        )

    async def _await_payment(self, taken: TakenAction, payment_url: str | None) -> None:
        """Look again for as long as Stripe tries to collect the payment; its first failure is told."""
        if not taken.asked_to_pay:
            self._report_failure(taken, Failure.TRANSIENT, Code.RESUMPTION_IS_NOT_PAID, None)

        delay_s = min(LONGEST_LOOK_S, FIRST_LOOK_S * 2 ** min(taken.attempt - 1, 16))
        until = self._offers.now() + timedelta(seconds=delay_s)
        if await self._ledger.defer(taken, until=until, payment_url=payment_url):
            self._on_settled(taken.claim_public_id)

    async def _keep_the_customer(
        self, taken: TakenAction, subscription: Subscription, refused: Step
    ) -> Step:
        """Take the customer's cancellation back first, where the offer was accepted after it; else say ``refused``.

        Only one that was made here before the offer, and only where the owner lets customers take theirs back. Another
        plan may need a payment that fails, and the customer would neither have left nor have the plan.
        """
        offer = _offer(taken)
        if self._resume_policy == "off" or isinstance(offer.terms, PlanTerms):
            return refused
        own = await self._ledger.own_cancellation(taken.action.subscription_id)
        if own is None or own.claim_id >= taken.claim_id:
            return refused
        if resume_problem("own", subscription, own) is not None or own.agreed_end is not None:
            # Where an end was agreed on, the customer would still be leaving.
            return refused

        stays = replace(
            subscription,
            cancel_at_period_end=False,
            cancel_at=None,
            schedule_id=None,
            schedule=None,
        )
        wanted = self._offers.next_step(offer, stays, NO_PROGRESS)
        withdrawn = next_step(ActionKind.RESUME, subscription)
        fits = isinstance(wanted, Write | Defer | Done) and isinstance(withdrawn, Write)
        return withdrawn if fits else refused

    async def _price(self, taken: TakenAction) -> Price | None:
        """Return the price of another plan, until the change has been decided."""
        terms = _offer(taken).terms
        if not isinstance(terms, PlanTerms) or taken.change is not None:
            return None
        billing = await self._billing_of(taken)
        return await billing.read_price(terms.price_id)

    async def _tell_reason(self, taken: TakenAction) -> None:
        """Tell Stripe why the customer leaves; the cancellation itself stands, whatever comes of this.

        Where there was no turn for it, it is told in another attempt.
        """
        try:
            billing = await self._billing_of(taken)
            await billing.apply(
                taken.action, Write(PlainChange.TELL_REASON), idempotency_key=taken.key
            )
        except BillingError as error:
            if error.code == Code.RATE_BUDGET:
                raise
            self._report_failure(taken, _sorted(error), error.code, error.request_id)

    def _later_on_its_clock(
        self, taken: TakenAction, kind: WriteKind | WatchKind, subscription: Subscription
    ) -> Defer | None:
        """Let a pause on a test clock last until its end has come there."""
        ends_at, real_time = taken.takes_effect_at, self._offers.now()
        if kind is not ActionKind.END_PAUSE or ends_at is None or subscription.test_clock is None:
            return None

        if (subscription.frozen_at or real_time) >= ends_at:
            return None
        later = Defer(ends_at, takes_effect_at=ends_at)
        return later.from_clock(subscription.frozen_at, real_time)

    async def _resume(
        self, taken: TakenAction, subscription: Subscription, earlier: Change | None
    ) -> Step:
        if isinstance(earlier, MoveEnd):
            return brought_back(earlier, subscription)

        step = next_step(ActionKind.RESUME, subscription)
        if taken.has_written or not isinstance(step, Write):
            return step
        own = await self._ledger.own_cancellation(taken.action.subscription_id)
        problem = resume_problem(self._resume_policy, subscription, own)
        return resumed(step, subscription, own) if problem is None else Refuse(problem)

    async def _taken_back(self, taken: TakenAction, refused: Step) -> Step:
        """Return the step for a plan that is planned no more: whose customer took it back needs no person."""
        is_ours = await self._ledger.is_plan_taken_back(taken.action.subscription_id)
        return Supersede(Code.WITHDRAWN) if is_ours else refused

    async def _write(
        self, taken: TakenAction, kind: WriteKind | WatchKind, write: Write, key: str
    ) -> tuple[Step, Accepted | None]:
        """Write once and return what the subscription then calls for; a lost answer does not matter if it is done.

        Where that is the end of it, Stripe's yes is left to be noted together with the end.
        """
        try:
            billing = await self._billing_of(taken)
            reply = await billing.apply(taken.action, write, idempotency_key=key)
        except BillingError as error:
            if error.code == Code.IDEMPOTENCY_ERROR and not await self._ledger.was_sent_before(
                taken, key
            ):
                return await self._look_for_earlier_write(taken, kind, error), None
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
            step = await self._look(taken, kind, written=True, earlier=_sent(taken, write))
            if isinstance(step, Done | Defer | AwaitPayment) or _first_step(write, step):
                return step, None
            raise

        if reply.subscription is not None:
            step = await self._judge(taken, kind, reply.subscription, write.kept)
            if isinstance(step, Done):
                return step, Accepted(reply.request_id)
            await self._ledger.end_write(taken, "accepted", code=None, request_id=reply.request_id)
            return step, None

        await self._ledger.end_write(taken, "accepted", code=None, request_id=reply.request_id)
        step = await self._look(taken, kind, written=True, earlier=_sent(taken, write))
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

    async def _look_for_earlier_write(
        self, taken: TakenAction, kind: WriteKind | WatchKind, error: BillingError
    ) -> Step:
        """Say what follows when Stripe knows a key that this ledger never sent: the wish was carried out before.

        A new key would carry it out again, so nothing more is sent.
        """
        await self._ledger.end_write(
            taken, Failure.REJECTED, code=error.code, request_id=error.request_id
        )

        billing = await self._billing_of(taken)
        subscription = await billing.read(taken.action.subscription_id, kind)
        if kind is ActionKind.APPLY_OFFER:
            step = self._offers.earlier_write(_offer(taken), subscription)
        else:
            step = await self._judge(taken, kind, subscription, None)

        return step if isinstance(step, Done) else Refuse(Code.WRITTEN_BEFORE)

    async def watch(
        self,
        taken: TakenAction,
        code: AnyCode | None = None,
        *,
        parked_as: AnyCode = Code.VENDOR_DID_NOT_ACT,
        seen: AnyCode | None = None,
        within_s: float | None = None,
        longest_delay_s: float = LONGEST_WATCH_DELAY_S,
    ) -> None:
        """Look again later, for as long as the flow vendor, or whatever else is waited for, may take."""
        watches = taken.action.kind.only_watches
        if within_s is None:
            within_s = self._vendor_acts_within_s if watches else PASSES_WITHIN_S

        patient_s = min(LONGEST_PATIENT_DELAY_S, self._offers.patience_s(taken)) if watches else 0.0
        # With nothing to compare it with, the first look at an offer is never the last.
        only_look = taken.action.kind is ActionKind.EXPECT_OFFER and taken.baseline is None

        if taken.age_s < within_s or patient_s or only_look:
            delay = max(patient_s, min(longest_delay_s, delay_s(taken.tries, self._jitter())))
            await self._ledger.hand_back(taken, delay_s=delay, code=code)
            return

        if await self.park(taken, parked_as) and watches:
            expected = (
                "cancellation" if taken.action.offer is None else name_of(taken.action.offer.terms)
            )
            self._on_event(
                DriftFound(
                    taken.action_id, taken.action.subscription_id, expected, seen or Code.UNREADABLE
                )
            )

    async def finish(
        self,
        taken: TakenAction,
        receipt: Receipt,
        *,
        written: bool,
        accepted: Accepted | None = None,
    ) -> None:
        """Mark the action done, and note Stripe's yes to its write."""
        if await self._ledger.finish(taken, receipt, accepted=accepted):
            self._on_event(
                ActionApplied(
                    taken.action_id,
                    taken.action.subscription_id,
                    taken.action.kind,
                    taken.attempt,
                    written,
                    _age_s(taken),
                )
            )

            self._on_settled(taken.claim_public_id)

    async def park(self, taken: TakenAction, code: AnyCode) -> bool:
        """Leave the action to a human; False when the lease is lost."""
        parked = await self._ledger.park(taken, code)
        if parked:
            self._on_event(
                ActionParked(
                    taken.action_id,
                    taken.action.subscription_id,
                    taken.action.kind,
                    code,
                    _age_s(taken),
                )
            )
            self._on_settled(taken.claim_public_id)

        return parked

    async def refuse(self, taken: TakenAction, code: AnyCode) -> None:
        """End the action; nobody need look: the claim was untrue, or what came later left nothing to do."""
        if await self._ledger.refuse(taken, code):
            self._on_event(
                ActionRefused(
                    taken.action_id,
                    taken.action.subscription_id,
                    taken.action.kind,
                    code,
                    _age_s(taken),
                )
            )
            self._on_settled(taken.claim_public_id)

    async def failed(self, taken: TakenAction, error: BillingError) -> None:
        """Note that an attempt failed, and when there is another, if at all."""
        failure = _sorted(error)
        self._report_failure(taken, failure, error.code, error.request_id)

        if error.code == Code.PERMISSION_MISSING:
            self._permissions.report(error)

        if taken.action.kind.only_watches and failure is not Failure.REJECTED:
            # Watching ends by the clock, however often we looked.
            await self.watch(taken, error.code or failure.code)
            return

        if taken.action.kind is ActionKind.APPLY_OFFER and _declined(error):
            # The customer's own bank said no: nobody here can do anything about that.
            await self.refuse(taken, error.code or Code.PAYMENT_DECLINED)
            return

        match after_failure(
            failure,
            error.code,
            # Who finds no turn again and again comes back less and less often.
            taken.attempt if is_excused(error.code) else taken.tries,
            self._jitter(),
            retry_after_s=error.retry_after_s,
            replayed=error.replayed,
        ):
            case RetryAfter(delay):
                await self._ledger.hand_back(taken, delay_s=delay, code=error.code or failure.code)
            case Park(code):
                await self.park(taken, code)


def _took_s(taken: TakenAction) -> float:
    return round(time.monotonic() - taken.taken_at, 3)


def _age_s(taken: TakenAction) -> float:
    return round(taken.age_s + _took_s(taken), 3)


def _sorted(error: BillingError) -> Failure:
    if isinstance(error, UnknownBillingError):
        return Failure.UNKNOWN
    return Failure.REJECTED if isinstance(error, RejectedBillingError) else Failure.TRANSIENT


def _sent(taken: TakenAction, write: Write) -> Change | None:
    """Return the offer's change that may have been sent by now; a schedule goes first and alone."""
    return taken.change if write.schedule is not None else write.kept


def _offer(taken: TakenAction) -> AcceptedOffer:
    if taken.action.offer is None:
        raise RejectedBillingError("the action has no offer", code=Code.OFFER_IS_MISSING)
    return taken.action.offer


def _first_step(write: Write, step: Step) -> Code | None:
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
    is_withdrawn = write.change in _WITHDRAWALS and step.kept is not None
    return Code.CANCELLATION_WITHDRAWN if is_withdrawn else None


def _is_noted(taken: TakenAction, subscription: Subscription) -> bool:
    """Whether Stripe's metadata says that this very wish was carried out, though this ledger never sent it."""
    wish = wish_of(taken.key)
    return wish is not None and subscription.gift == wish and not taken.has_written


def _declined(error: BillingError) -> bool:
    return isinstance(error, RejectedBillingError) and error.http_status == PAYMENT_REQUIRED
