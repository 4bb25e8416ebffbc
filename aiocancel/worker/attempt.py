"""What one attempt at an action does: each kind goes to the part that carries it out, and its end is noted.

An attempt never believes a memory: it starts by reading the subscription, so it does not matter where an earlier one
died.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import datetime
from typing import Any, assert_never

from aiocancel.core.actions import (
    ActionKind,
    AgreedEnds,
    PeriodEnd,
    Receipt,
)
from aiocancel.core.codes import Code
from aiocancel.core.last_bill import LastBill
from aiocancel.core.offers.verify import Disproven, Doubtful, NotYet, Proven, Verdict
from aiocancel.core.schedules import SchedulePolicy
from aiocancel.core.sentences import Sentence
from aiocancel.core.subscription import Subscription
from aiocancel.core.undo import ResumePolicy
from aiocancel.errors import (
    BillingError,
)
from aiocancel.ports import Billing, FindSubscription
from aiocancel.postgres.leasing import TakenAction
from aiocancel.postgres.ledger import Ledger
from aiocancel.telemetry import (
    EventHook,
    guarded,
)
from aiocancel.worker.acknowledge import Acknowledger
from aiocancel.worker.change_billing import BillingChanges
from aiocancel.worker.confirm_offers import Offers
from aiocancel.worker.hooks import Hooks
from aiocancel.worker.match_declaration import DeclarationMatcher
from aiocancel.worker.next_step import NextSteps
from aiocancel.worker.ownership import Ownership
from aiocancel.worker.permissions import MissingPermissions
from aiocancel.worker.settling import Settling


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
        is_simulated: bool,
        find: FindSubscription | None,
        account_column: str | None = None,
        acknowledger: Acknowledger | None = None,
        matcher: DeclarationMatcher | None = None,
    ) -> None:
        self._ledger = ledger
        self._offers = offers
        self._hooks = hooks
        self._acknowledger = acknowledger
        self._matcher = matcher

        told = guarded(on_event)
        self._permissions = MissingPermissions(told)
        self._ownership = Ownership(
            ledger, billing, offers, find=find, account_column=account_column
        )
        self._settling = Settling(
            ledger,
            offers=offers,
            permissions=self._permissions,
            on_event=told,
            on_settled=on_settled,
            jitter=jitter,
            vendor_acts_within_s=vendor_acts_within_s,
        )
        steps = NextSteps(
            ledger,
            self._ownership,
            offers,
            schedule_policy=schedule_policy,
            ends_with=ends_with,
            agreed_ends=agreed_ends,
            resume_policy=resume_policy,
            is_simulated=is_simulated,
        )
        self._changes = BillingChanges(ledger, self._ownership, steps, self._settling, offers)

    async def carry_out(self, taken: TakenAction) -> None:
        """Do what the action needs now, and note what came of it; raises what stood in the way."""
        if taken.unreadable is not None:
            await self._settling.leave(taken, taken.unreadable)
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
                await self._settling.finish(taken, Receipt("told", None), written=True)
            case ActionKind.ACKNOWLEDGE:
                await self._acknowledge(taken)
            case ActionKind.MATCH_DECLARATION:
                await self._match(taken)
            case _:
                await self._changes.carry_out(taken, kind)

    async def failed(self, taken: TakenAction, error: BillingError) -> None:
        """Note that an attempt failed, and when there is another, if at all."""
        await self._settling.failed(taken, error)

    async def _run_handler(self, taken: TakenAction) -> None:
        # The handler acts for the customer, so it is asked first whose the subscription is by now.
        if (problem := await self._ownership.problem_before(taken)) is not None:
            await self._settling.park(taken, problem)
            return

        handled = await self._offers.run_handler(taken)
        if handled is None:
            await self._settling.park(taken, Code.NO_HANDLER_FOR_THIS_OFFER)
        else:
            await self._settling.finish(taken, handled, written=True)

    async def _match(self, taken: TakenAction) -> None:
        if self._matcher is None:
            # The settings have no public exit any more.
            await self._settling.park(taken, Code.NO_PUBLIC_EXIT)
            return

        came = await self._matcher.carry_out(taken)
        if isinstance(came, Receipt):
            await self._settling.finish(taken, came, written=True)
        else:
            await self._settling.park(taken, came)

    async def _acknowledge(self, taken: TakenAction) -> None:
        if self._acknowledger is None:
            # The settings have no mailer any more.
            await self._settling.refuse(taken, Code.NO_MAILER)
            return

        came = await self._acknowledger.carry_out(
            taken, self._read, self._last_bill, self._next_payment
        )
        if isinstance(came, Receipt):
            await self._settling.finish(taken, came, written=False)
        elif came is not None:
            await self._settling.refuse(taken, came)

    async def _read(self, taken: TakenAction) -> Subscription:
        billing = await self._ownership.billing_of(taken)
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
        ask = getattr(await self._ownership.billing_of(taken), what, None)
        if ask is None:
            return None

        try:
            return await ask(taken.action.subscription_id, at)
        except BillingError as error:
            # The letter goes out without it, so that nobody else hears of the key.
            if error.code == Code.PERMISSION_MISSING:
                self._permissions.report(error)
            raise

    async def _record_verdict(self, taken: TakenAction, verdict: Verdict) -> None:
        match verdict:
            case Proven():
                await self._settling.confirm(taken, verdict)
            case Disproven(code):
                await self._settling.refuse(taken, code)
            case Doubtful(code):
                await self._settling.park(taken, code)
            case NotYet(code):
                await self._settling.watch(taken, parked_as=code)
            case _:  # pragma: no cover - mypy shows that no case is left
                assert_never(verdict)
