"""How an attempt at an action ends: done, refused, parked, failed, or looked at again later.

Each end is one write to the ledger and, where the lease still held, one event. A customer's page hears of it at once.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Final

from aiocancel.core.actions import (
    ActionKind,
    Defer,
    Receipt,
)
from aiocancel.core.codes import AnyCode, Code
from aiocancel.core.offers.terms import name_of
from aiocancel.core.offers.verify import Proven
from aiocancel.core.retry import (
    Failure,
    Park,
    RetryAfter,
    after_failure,
    after_unreadable,
    delay_s,
    is_excused,
)
from aiocancel.core.told_reason import of_a_declined_payment
from aiocancel.errors import (
    BillingError,
    RejectedBillingError,
    UnknownBillingError,
)
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
)
from aiocancel.worker.confirm_offers import Offers
from aiocancel.worker.permissions import MissingPermissions

# How long we wait for a flow session to be over, and for a renewal.
PASSES_WITHIN_S: Final = 15 * 60.0
LONGEST_WATCH_DELAY_S: Final = 60.0
# How often we look where nothing can be seen yet.
LONGEST_PATIENT_DELAY_S: Final = 3600.0
# Stripe's status for a payment that did not go through. https://docs.stripe.com/api/errors
PAYMENT_REQUIRED: Final = 402
# While Stripe tries to collect, we look after 5 minutes, and then less and less often.
FIRST_LOOK_S: Final = 300.0
LONGEST_LOOK_S: Final = 6 * 3600.0


class Settling:
    """Notes the ends of attempts.

    Args:
        ledger: Where they are noted.
        offers: Knows the time, and how long a vendor's offer may be waited for.
        permissions: Reports what a key may not do.
        on_event: Is told of each end.
        on_settled: Is told of the claim whose customer need not wait any longer.
        jitter: Returns a number from 0 to 1.
        vendor_acts_within_s: How long a flow vendor may take for a change of its own.
    """

    def __init__(
        self,
        ledger: Ledger,
        *,
        offers: Offers,
        permissions: MissingPermissions,
        on_event: EventHook,
        on_settled: Callable[[uuid.UUID], None],
        jitter: Callable[[], float],
        vendor_acts_within_s: float,
    ) -> None:
        self._ledger = ledger
        self._offers = offers
        self._permissions = permissions
        self._on_event = on_event
        self._on_settled = on_settled
        self._jitter = jitter
        self._vendor_acts_within_s = vendor_acts_within_s

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

    async def failed(self, taken: TakenAction, error: BillingError) -> None:
        """Note that an attempt failed, and when there is another, if at all."""
        failure = sort_of_failure(error)
        self.report_failure(taken, failure, error.code, error.request_id)

        if error.code == Code.PERMISSION_MISSING:
            self._permissions.report(error)

        if taken.action.kind.only_watches and failure is not Failure.REJECTED:
            # Watching ends by the clock, however often we looked.
            await self.watch(taken, error.code or failure.code)
            return

        if taken.action.kind is ActionKind.APPLY_OFFER and _declined(error):
            # The customer's own bank said no: nobody here can do anything about that.
            await self.refuse(taken, of_a_declined_payment(error.code))
            return

        match after_failure(
            failure,
            error.code,
            # An action that finds no turn again and again comes back less and less often.
            taken.attempt if is_excused(error.code) else taken.tries,
            self._jitter(),
            retry_after_s=error.retry_after_s,
            replayed=error.replayed,
        ):
            case RetryAfter(delay):
                await self._ledger.hand_back(taken, delay_s=delay, code=error.code or failure.code)
            case Park(code):
                await self.park(taken, code)

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

    async def await_payment(self, taken: TakenAction, payment_url: str | None) -> None:
        """Look again for as long as Stripe tries to collect the payment; its first failure is told."""
        if not taken.asked_to_pay:
            self.report_failure(taken, Failure.TRANSIENT, Code.RESUMPTION_IS_NOT_PAID, None)

        delay_s = min(LONGEST_LOOK_S, FIRST_LOOK_S * 2 ** min(taken.attempt - 1, 16))
        until = self._offers.now() + timedelta(seconds=delay_s)
        if await self._ledger.defer(taken, until=until, payment_url=payment_url):
            self._on_settled(taken.claim_public_id)

    async def defer(self, taken: TakenAction, step: Defer) -> None:
        """Put the action off until its date; as far as the customer is concerned it is settled."""
        await self._ledger.defer(
            taken,
            until=step.until,
            takes_effect_at=step.takes_effect_at,
            payment_url=step.payment_url,
        )
        self._on_settled(taken.claim_public_id)

    async def confirm(self, taken: TakenAction, verdict: Proven) -> None:
        """Record a proven outcome with its actions, unless the customer was given too much by then."""
        one_gift_in = self._offers.one_gift_in(taken.vendor, verdict.actions)
        if await self._ledger.confirm(
            taken, verdict.offer_id, verdict.actions, one_gift_in=one_gift_in
        ):
            self._on_settled(taken.claim_public_id)
        else:
            await self.park(taken, Code.GIVEN_RECENTLY)

    async def leave(self, taken: TakenAction, code: AnyCode) -> None:
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

    def report_failure(
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

    def tell_price_differs(self, taken: TakenAction) -> None:
        """Tell the owner that Stripe shows another price than our own flow did."""
        self._on_event(
            DriftFound(taken.action_id, taken.action.subscription_id, "price", Code.PRICE_DIFFERS)
        )


def sort_of_failure(error: BillingError) -> Failure:
    """Tell what an error of the billing system says of the change that was asked for."""
    if isinstance(error, UnknownBillingError):
        return Failure.UNKNOWN
    return Failure.REJECTED if isinstance(error, RejectedBillingError) else Failure.TRANSIENT


def _declined(error: BillingError) -> bool:
    return isinstance(error, RejectedBillingError) and error.http_status == PAYMENT_REQUIRED


def _took_s(taken: TakenAction) -> float:
    return round(time.monotonic() - taken.taken_at, 3)


def _age_s(taken: TakenAction) -> float:
    return round(taken.age_s + _took_s(taken), 3)
