"""What a subscription calls for, for one action: it is read from Stripe, and the core says the next step.

Nothing is written here.
"""

from __future__ import annotations

from dataclasses import replace

from aiocancel.core.actions import (
    ActionKind,
    AgreedEnds,
    Defer,
    Done,
    PeriodEnd,
    Receipt,
    Refuse,
    Step,
    Supersede,
    WatchKind,
    Write,
    WriteKind,
    next_step,
    past_the_schedule,
    step_when_missing,
    wants_to_tell,
)
from aiocancel.core.changes import Change, MoveEnd
from aiocancel.core.codes import Code
from aiocancel.core.idempotency import wish_of
from aiocancel.core.offers.progress import NO_PROGRESS, Progress
from aiocancel.core.offers.terms import AcceptedOffer, PlanTerms
from aiocancel.core.schedules import SchedulePolicy
from aiocancel.core.subscription import Price, Subscription
from aiocancel.core.undo import (
    Made,
    ResumePolicy,
    brought_back,
    going_on,
    kept_by,
    left_as_agreed,
    resume_problem,
    resumed,
    undo_step,
    yields_to_an_offer,
)
from aiocancel.errors import (
    RejectedBillingError,
)
from aiocancel.postgres.leasing import TakenAction
from aiocancel.postgres.ledger import Ledger
from aiocancel.worker.confirm_offers import Offers
from aiocancel.worker.ownership import Ownership


class NextSteps:
    """Reads subscriptions, and decides with the ledger's knowledge what is left to do.

    Args:
        ledger: Knows what was done here before.
        ownership: Knows the account.
        offers: Decides on what was offered.
        schedule_policy: What becomes of a schedule in the way.
        ends_with: Which period's end a cancellation waits for.
        agreed_ends: What becomes of an end that was agreed on.
        resume_policy: Which cancellations customers may take back.
        is_simulated: Whether a simulator answers in Stripe's place.
    """

    def __init__(
        self,
        ledger: Ledger,
        ownership: Ownership,
        offers: Offers,
        *,
        schedule_policy: SchedulePolicy,
        ends_with: PeriodEnd,
        agreed_ends: AgreedEnds,
        resume_policy: ResumePolicy,
        is_simulated: bool,
    ) -> None:
        self._ledger = ledger
        self._ownership = ownership
        self._offers = offers
        self._schedule_policy = schedule_policy
        self._ends_with: PeriodEnd = ends_with
        self._agreed_ends: AgreedEnds = agreed_ends
        self._resume_policy: ResumePolicy = resume_policy
        self._is_simulated = is_simulated

    async def look(
        self,
        taken: TakenAction,
        kind: WriteKind | WatchKind,
        *,
        written: bool,
        earlier: Change | None,
    ) -> Step:
        """Read the subscription, and return the step that is left.

        Args:
            taken: The action.
            kind: Its kind.
            written: Whether a change may have been sent for it.
            earlier: The offer\'s change that may have been sent.
        """
        try:
            billing = await self._ownership.billing_of(taken)
            subscription = await billing.read(taken.action.subscription_id, kind)
        except RejectedBillingError as error:
            if error.code != Code.RESOURCE_MISSING:
                raise
            return step_when_missing(
                taken.action, written=written, in_one_account=self._ownership.is_one_account
            )
        return await self.judge(taken, kind, subscription, earlier)

    async def judge(
        self,
        taken: TakenAction,
        kind: WriteKind | WatchKind,
        subscription: Subscription,
        earlier: Change | None,
    ) -> Step:
        """Return the step that a subscription calls for, as Stripe has just shown it."""
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
                if step == Refuse(Code.SUBSCRIPTION_IS_ENDING):
                    step = await self._keep_the_customer(taken, subscription, step, earlier)
                if step == Refuse(Code.PLAN_IS_PLANNED_NO_MORE):
                    step = await self._taken_back(taken, step)
            case ActionKind.RESUME:
                step = await self._resume(taken, subscription, earlier)
            case _:
                step = next_step(kind, subscription, self._ends_with, self._agreed_ends)
        if isinstance(step, Done) and wants_to_tell(taken.action, subscription):
            step = replace(step, tells_reason=True)
        return past_the_schedule(step, subscription, self._schedule_policy)

    async def after_earlier_write(self, taken: TakenAction, kind: WriteKind | WatchKind) -> Step:
        """Say what follows when Stripe knows a key that this ledger never sent: the wish was carried out before.

        A new key would carry it out again, so nothing more is sent.
        """
        billing = await self._ownership.billing_of(taken)
        subscription = await billing.read(taken.action.subscription_id, kind)
        if kind is ActionKind.APPLY_OFFER:
            step = self._offers.earlier_write(_offer(taken), subscription)
        else:
            step = await self.judge(taken, kind, subscription, None)

        return step if isinstance(step, Done) else Refuse(Code.WRITTEN_BEFORE)

    async def _keep_the_customer(
        self, taken: TakenAction, subscription: Subscription, refused: Step, earlier: Change | None
    ) -> Step:
        """Take the customer's cancellation back, where the offer was accepted after it.

        Only one that was made here before the offer, and only where the owner lets customers take theirs back. Another
        plan may need a payment that fails, and the customer would neither have left nor have the plan. Whatever fits
        into one update with the offer is taken back by it: an offer that Stripe refuses leaves the cancellation.

        Args:
            taken: The action of the offer.
            subscription: The subscription as just read.
            refused: The answer where nothing is taken back.
            earlier: The change that an earlier attempt sent, or may have sent.
        """
        offer = _offer(taken)
        if isinstance(offer.terms, PlanTerms):
            return refused
        own = await self._ledger.own_cancellation(taken.action.subscription_id)
        if own is None or own.claim_id >= taken.claim_id:
            return refused
        simulated = self._is_simulated
        if not yields_to_an_offer(self._resume_policy, subscription, own, is_simulated=simulated):
            return refused
        if await self._ledger.has_left_since(taken.action.subscription_id, taken.claim_id):
            return refused

        progress = NO_PROGRESS if earlier is None else Progress(earlier)
        wanted = self._offers.next_step(offer, going_on(subscription), progress)
        withdrawn = next_step(ActionKind.RESUME, subscription)
        return kept_by(wanted, withdrawn, subscription, is_sent=earlier is not None) or refused

    async def _taken_back(self, taken: TakenAction, refused: Step) -> Step:
        """Return the step for a plan that is planned no more: whose customer took it back needs no person."""
        is_ours = await self._ledger.is_plan_taken_back(taken.action.subscription_id)
        return Supersede(Code.WITHDRAWN) if is_ours else refused

    async def _resume(
        self, taken: TakenAction, subscription: Subscription, earlier: Change | None
    ) -> Step:
        if await self._ledger.has_cancelled_since(taken.action.subscription_id, taken.claim_id):
            # A flow vendor's cancellation waits for none of ours, and the customer's last word counts.
            return Supersede(Code.WITHDRAWN)
        if isinstance(earlier, MoveEnd):
            return brought_back(earlier, subscription)

        step = next_step(ActionKind.RESUME, subscription)
        if not isinstance(step, Write):
            return step
        came_back = await self._ledger.end_that_came_back(taken.action.subscription_id)
        if (agreed := left_as_agreed(came_back, subscription)) is not None:
            return agreed

        if taken.has_written:
            return step
        own = await self._ledger.own_cancellation(taken.action.subscription_id)
        simulated = self._is_simulated
        problem = resume_problem(self._resume_policy, subscription, own, is_simulated=simulated)
        if problem is not None:
            return Refuse(problem)
        return resumed(step, subscription, own, is_simulated=simulated)

    async def _price(self, taken: TakenAction) -> Price | None:
        """Return the price of another plan, until the change has been decided."""
        terms = _offer(taken).terms
        if not isinstance(terms, PlanTerms) or taken.change is not None:
            return None
        billing = await self._ownership.billing_of(taken)
        return await billing.read_price(terms.price_id)

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


def _offer(taken: TakenAction) -> AcceptedOffer:
    if taken.action.offer is None:
        raise RejectedBillingError("the action has no offer", code=Code.OFFER_IS_MISSING)
    return taken.action.offer


def _is_noted(taken: TakenAction, subscription: Subscription) -> bool:
    """Whether Stripe's metadata says that this very wish was carried out, though this ledger never sent it."""
    wish = wish_of(taken.key)
    return wish is not None and subscription.gift == wish and not taken.has_written
