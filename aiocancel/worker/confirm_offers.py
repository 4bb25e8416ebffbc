"""What the worker does for accepted offers: ask the flow vendor, decide, and call the application's handlers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

from aiocancel.core.actions import Action, ActionKind, Defer, Receipt, Step
from aiocancel.core.claim import OWN_FLOW, FlowStatus
from aiocancel.core.codes import Code
from aiocancel.core.decision import Policy
from aiocancel.core.flow_session import FlowSession
from aiocancel.core.idempotency import STRIPE_KEEPS_KEYS_S, wish_of
from aiocancel.core.identifiers import FlowSessionId, SubscriptionId
from aiocancel.core.offers.apply import offer_step
from aiocancel.core.offers.expect import Baseline, patience_s, vendor_offer_step
from aiocancel.core.offers.offer_rules import DEFAULT_RULES, OfferRules
from aiocancel.core.offers.progress import Progress
from aiocancel.core.offers.terms import NO_LIMITS, AcceptedOffer, OfferLimits, with_seats
from aiocancel.core.offers.verify import Doubtful, NotYet, Proven, Verdict, judge
from aiocancel.core.outcome import Outcome
from aiocancel.core.subscription import Price, Subscription
from aiocancel.errors import RejectedVendorError, VendorError
from aiocancel.ports import CustomOffer, OfferHandler, OutcomeVerifier
from aiocancel.postgres.leasing import TakenAction
from aiocancel.postgres.ledger import Ledger
from aiocancel.worker.meant_subscriptions import MeantSubscriptions

# Hooks and handlers share their places: a vendor that hangs must not use them up.
_WORD_WITHIN_S: Final = 3.0
# Our own row is the event, and nobody else carries out what it says.
_OWN_POLICY: Final = Policy(applies_offers="app", verifies_offers=True)


class Offers:
    """The owner's rules for offers, and the two sides that know more: the vendor's API and the handlers.

    Args:
        ledger: Where claims are recorded.
        verifier: Asks the vendor what was really accepted; None where it cannot be asked.
        policy: The owner's standing answers.
        limits: The owner's limits of offers.
        rules: The owner's rules of offers.
        handlers: The application's handlers of custom offers, by an offer's id or a key of its metadata.
        meant: Tells which subscription a session may mean that names the customer only.
        own: Tells of sessions of our own flow.
        own_gift_days: The bound on gifts in our own flow.
        now: The time.
    """

    def __init__(
        self,
        ledger: Ledger,
        *,
        verifier: OutcomeVerifier | None = None,
        policy: Policy | None = None,
        limits: OfferLimits = NO_LIMITS,
        rules: OfferRules = DEFAULT_RULES,
        handlers: Mapping[str, OfferHandler] | None = None,
        meant: MeantSubscriptions | None = None,
        own: OutcomeVerifier | None = None,
        own_gift_days: int | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._ledger = ledger
        self._verifier = verifier
        self._policy = policy or Policy()
        self._limits = limits
        self._rules = rules
        self._handlers = {} if handlers is None else handlers
        self._meant = meant
        self._own = own
        self._own_gift_days = own_gift_days
        self.now = now

    def next_step(
        self,
        offer: AcceptedOffer,
        subscription: Subscription,
        progress: Progress,
        price: Price | None = None,
    ) -> Step:
        """Say what is left to do at Stripe; "now" is the time on the subscription's test clock, where it has one."""
        step = offer_step(
            offer,
            subscription,
            now=subscription.frozen_at or self.now(),
            progress=progress,
            rules=self._rules,
            price=price,
        )

        if isinstance(step, Defer):
            return step.from_clock(subscription.frozen_at, self.now())
        return step

    async def expected_step(
        self, taken: TakenAction, offer: AcceptedOffer, subscription: Subscription
    ) -> Step:
        """Say whether Stripe shows what the vendor carries out; the first look is kept to compare with."""
        baseline = taken.baseline
        if baseline is None:
            baseline = Baseline.of(subscription, seen_at=subscription.frozen_at or self.now())
            await self._ledger.note_first_look(taken, baseline)
        return vendor_offer_step(offer, baseline, subscription)

    def earlier_write(self, offer: AcceptedOffer, subscription: Subscription) -> Step:
        """Say whether Stripe shows an offer that was made before, as long ago at most as it surely remembers a key."""
        keys_last = timedelta(seconds=STRIPE_KEEPS_KEYS_S)
        since = Baseline.of(subscription, seen_at=self.now() - keys_last)
        return vendor_offer_step(offer, since, subscription)

    def patience_s(self, taken: TakenAction) -> float:
        """Return for how many seconds yet Stripe cannot show what is expected, 0 when it should by now."""
        offer, baseline = taken.action.offer, taken.baseline
        return (
            0.0
            if offer is None or baseline is None
            else patience_s(offer, baseline, now=self.now())
        )

    async def with_vendors_word(self, outcome: Outcome) -> Outcome:
        """Return the outcome with what the vendor's API tells of its flow, where so far only the browser has.

        A customer's browser can name any flow session: what is told of another customer's is never taken. When the
        vendor does not answer, the browser's words stay, and are marked so.
        """
        if self._verifier is None or outcome.flow is None or outcome.flow.told_by == "vendor":
            return outcome
        if outcome.flow_session_id is None:
            return outcome

        session_id = FlowSessionId(outcome.flow_session_id)
        try:
            async with asyncio.timeout(_WORD_WITHIN_S):
                session = await self._verifier.flow_session(session_id)
        except (VendorError, TimeoutError):
            return outcome
        subscription_id = SubscriptionId(outcome.subscription_id)
        if session is None or not await self._noted(
            session, outcome.vendor, subscription_id, outcome.customer_id or ""
        ):
            return outcome
        return replace(outcome, flow=session.details)

    async def _noted(
        self, session: FlowSession, vendor: str, subscription_id: SubscriptionId, customer_id: str
    ) -> bool:
        """Keep what the vendor tells of an ended flow session; False for one of another customer, or under way."""
        is_ours = session.is_of(
            subscription_id, customer_id, names_customers=self._policy.names_customers
        )
        if not is_ours or session.status is FlowStatus.IN_PROGRESS:
            return False
        await self._ledger.note_details(vendor, subscription_id, session)
        return True

    async def verify(self, taken: TakenAction) -> Verdict:
        """Ask the vendor, or our own row, about a claim of an accepted offer; raises TransientVendorError."""
        is_own = taken.vendor == OWN_FLOW
        verifier = self._own if is_own else self._verifier
        if verifier is None:
            return Doubtful(Code.VENDOR_API_NOT_CONFIGURED)
        if taken.action.flow_session_id is None:
            return Doubtful(Code.NO_FLOW_SESSION_NAMED)

        try:
            session = await verifier.flow_session(taken.action.flow_session_id)
            verdict = await self._judged(session, taken)
            if session is not None and not is_own:
                await self._noted(
                    session, taken.vendor, taken.action.subscription_id, taken.customer_id
                )
            if session is None or not isinstance(verdict, Proven):
                return verdict
            # A session of the vendor's test mode looks like any other, but no event tells of its end.
            is_told = self._policy.pays_without_event or await verifier.tells_of(session)
        except RejectedVendorError as error:
            return Doubtful(error.code)
        return verdict if is_told else NotYet(Code.NO_EVENT_OF_FLOW_SESSION)

    async def _judged(self, session: FlowSession | None, taken: TakenAction) -> Verdict:
        meant = None
        if session is not None and taken.vendor != OWN_FLOW:
            accepted = with_seats(session.accepted, self._rules.seat_offers)
            session = replace(session, accepted=accepted)
            if self._policy.names_customers and self._meant is not None:
                meant = await self._meant.by(session, taken.action.subscription_id)

        return judge(
            session,
            taken.action.subscription_id,
            taken.customer_id,
            _OWN_POLICY if taken.vendor == OWN_FLOW else self._policy,
            self._limits,
            now=self.now(),
            meant=meant,
        )

    def one_gift_in(self, vendor: str, actions: Sequence[Action]) -> timedelta | None:
        """Return how long after a gift the subscription gets none of these; None where nothing bounds them.

        Args:
            vendor: Whose flow it was. Of two bounds on our own the longer one counts.
            actions: What follows from a confirmed offer.
        """
        bounds = [self._limits.at_most_one_gift_in_days]
        if vendor == OWN_FLOW:
            bounds.append(self._own_gift_days)
        days = max((each for each in bounds if each is not None), default=None)
        # The vendor carries out its own whether or not we would.
        is_ours = any(action.kind is not ActionKind.EXPECT_OFFER for action in actions)
        return timedelta(days=days) if days is not None and is_ours else None

    async def run_handler(self, taken: TakenAction) -> Receipt | None:
        """Call the application's handler for a custom offer; None where there is no handler.

        What the handler raises leads to another attempt.
        """
        offer = taken.action.offer
        handler = None if offer is None else self._handler_for(offer)
        if offer is None or handler is None:
            return None

        await handler(
            CustomOffer(
                offer.offer_id,
                offer.metadata,
                taken.customer_id,
                taken.action.subscription_id,
                wish_of(taken.key) or f"aiocancel-{taken.claim_public_id}",
            )
        )
        return Receipt("handled", None)

    def _handler_for(self, offer: AcceptedOffer) -> OfferHandler | None:
        names = (offer.offer_id, *offer.metadata)
        return next((self._handlers[name] for name in names if name in self._handlers), None)
