"""What the browser did not tell us: the flow vendor's webhook rings, its list of events is polled.

Neither is believed. A ring is only an event's id; what happened is read from the vendor's API, and an
outcome that a browser has already told us of is the same claim, whichever came first. A flow session changes
nothing by itself unless our proof came back with it: a stranger who knows a subscription's id may be able to open one.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from aiocancel.core.choose_subscription import owned_named
from aiocancel.core.claim import FlowClaim, FlowStatus
from aiocancel.core.claim_nonces import of_vendor_event
from aiocancel.core.codes import AnyCode, Code, ForeignCode
from aiocancel.core.decision import Decision, Policy, decide_by_vendor
from aiocancel.core.flow_session import COMPLETED, FlowSession, VendorEvent
from aiocancel.core.grants import Grant, GrantSealer
from aiocancel.core.identifiers import CustomerId, Mode, SubscriptionId, is_opaque_id
from aiocancel.core.page_proof import CLOCK_SLACK, page_of
from aiocancel.core.retry import MAX_ATTEMPTS, delay_s, is_excused
from aiocancel.core.subscription import OwnedSubscription
from aiocancel.core.undo import changes_billing
from aiocancel.errors import (
    AiocancelError,
    AmbiguousSubscriptionError,
    ConflictError,
    RejectedVendorError,
    TransientVendorError,
)
from aiocancel.ports import OutcomeVerifier, SubscriptionResolver, all_owned
from aiocancel.postgres.ledger import Ledger
from aiocancel.postgres.vendor_events import Doorbell, Ring
from aiocancel.telemetry import (
    ActionParked,
    EventHook,
    VendorEventGivenUp,
    guarded,
    type_and_place,
)

logger = logging.getLogger("aiocancel")

# How long an event that nothing proves waits for the customer's own browser to tell of the same.
WAITS_FOR_BROWSER_S = 30.0
IDLE_LOOK_S: Final = 2.0
# One at a time: a lease is for one question to the vendor.
_BATCH: Final = 1
_NOBODY: Final = CustomerId("")


class CatchUp:
    """Looks at rings, and polls for events that did not ring, until it is stopped.

    Args:
        ledger: Where claims are recorded.
        doorbell: Where rings are kept.
        vendor_api: The vendor's API, which tells what happened.
        resolver: Finds a customer's subscription.
        policy: The owner's standing answers.
        vendor: The vendor's name.
        mode: Whether it is live or test.
        poll_every_s: How often the vendor's list of events is read.
        rung: Set when the webhook has rung; it wakes the work.
        sealer: Checks the proofs that come back with flow sessions.
        on_event: Hears of events.
        waits_for_browser_s: How long an event waits for the browser's post; None for the usual time.
    """

    def __init__(
        self,
        ledger: Ledger,
        doorbell: Doorbell,
        vendor_api: OutcomeVerifier,
        resolver: SubscriptionResolver,
        policy: Policy,
        *,
        vendor: str,
        mode: Mode,
        poll_every_s: float,
        rung: asyncio.Event,
        sealer: GrantSealer,
        on_event: EventHook,
        waits_for_browser_s: float | None = None,
    ) -> None:
        self._ledger = ledger
        self._doorbell = doorbell
        self._vendor_api = vendor_api
        self._resolver = resolver
        self._policy = policy
        self._vendor = vendor

        self._mode: Mode = mode
        self._poll_every_s = poll_every_s
        self._pause_s = min(poll_every_s, IDLE_LOOK_S)
        self._rung = rung
        self._sealer = sealer
        self._on_event = guarded(on_event)
        self._waits_for_browser_s = (
            WAITS_FOR_BROWSER_S if waits_for_browser_s is None else waits_for_browser_s
        )

    async def run(self) -> None:
        """Work until cancelled; outages of the database and of the vendor are waited out."""
        while True:
            self._rung.clear()
            busy = False

            try:
                await self.poll()
                busy = await self.look()
            except AiocancelError as error:
                logger.warning(
                    "the flow vendor's events cannot be read now (%s: %s); the next try is in %g s",
                    type(error).__name__,
                    error,
                    self._pause_s,
                )
            except Exception as error:
                logger.error(
                    "reading the flow vendor's events failed (%s); the next try is in %g s",
                    type_and_place(error),
                    self._pause_s,
                )

            if not busy:
                await self._pause()

    async def _pause(self) -> None:
        try:
            async with asyncio.timeout(self._pause_s):
                await self._rung.wait()
        except TimeoutError:
            pass

    async def poll(self) -> None:
        """Read the vendor's list of events where it was left, if it is our turn."""
        turn = await self._doorbell.poll_turn(every_s=self._poll_every_s)
        if turn is None:
            return
        await self._doorbell.forget()
        for event in await self._events_after(turn.after_id):
            if event.created_at is None or event.created_at >= turn.since - CLOCK_SLACK:
                await self._doorbell.vouch(event.event_id)
            await self._doorbell.read_up_to(event.event_id)

    async def _events_after(self, after_id: str | None) -> list[VendorEvent]:
        try:
            return await self._vendor_api.events_after(after_id, limit=100)
        except RejectedVendorError as error:
            if after_id is None:
                raise
            logger.warning(
                "the flow vendor's list has no longer the event that was read last (%s); it is read from its start",
                error.code,
            )

        # The vendor keeps events for weeks only; an event that we know is not looked at twice.
        await self._doorbell.read_up_to(None)
        return await self._vendor_api.events_after(None, limit=100)

    async def look(self) -> bool:
        """Look at what has rung; False when there was nothing."""
        rings = await self._doorbell.take(limit=_BATCH)
        for ring in rings:
            await self._answer(ring)
        return bool(rings)

    async def _answer(self, ring: Ring) -> None:
        try:
            await self._look_at(ring)
        except TransientVendorError as error:
            if ring.attempt >= MAX_ATTEMPTS and not is_excused(error.code):
                await self._doorbell.answer(ring, ForeignCode.gave_up_on(error.code))
                self._on_event(VendorEventGivenUp(ring.event_id, error.code))
            else:
                wait_s = max(error.retry_after_s or 0.0, delay_s(ring.attempt, random.random()))  # noqa: S311 - jitter, no secret
                await self._doorbell.later(ring, delay_s=wait_s)
        except RejectedVendorError as error:
            await self._doorbell.answer(ring, error.code)

    async def _look_at(self, ring: Ring) -> None:
        event = await self._vendor_api.event(ring.event_id)
        if event is None:
            await self._doorbell.answer(ring, Code.UNKNOWN_EVENT)
        elif event.name != COMPLETED:
            await self._doorbell.answer(ring, Code.NOTHING_TO_DO)
        elif event.session is None:
            if event.detail is not None:
                logger.warning("an event of the flow vendor cannot be read: %s", event.detail)
            await self._doorbell.answer(ring, event.problem or Code.VENDOR_DATA)
        elif (code := await self._record(ring, event.session)) is not None:
            await self._doorbell.answer(ring, code)

    async def _record(self, ring: Ring, session: FlowSession) -> AnyCode | None:
        """Record what a flow session came to; returns the ring's end, None where it rings again later."""
        page = self._page_of(session)
        if page is None and self._policy.proof_in is not None:
            # An event may show less than the flow session itself.
            found = await self._vendor_api.flow_session(session.session_id)
            page = None if found is None else self._page_of(found)
        if page is not None:
            return await self._record_ours(ring, session, page)

        owner = await self._named(session)
        if owner is None:
            return Code.NO_SUBSCRIPTION
        if isinstance(owner, str):
            return owner
        customer_id, subscription_id = owner
        nonce = of_vendor_event(ring.event_id)
        grant = Grant.without_page(customer_id, subscription_id, self._mode, nonce)
        if self._policy.trusts_vendor_sessions:
            return await self._accept(session, grant)
        return await self._leave_stranger(ring, session, grant)

    def _page_of(self, session: FlowSession) -> Grant | None:
        return page_of(session, self._sealer, self._policy, vendor=self._vendor, mode=self._mode)

    async def _named(
        self, session: FlowSession
    ) -> tuple[CustomerId, SubscriptionId] | AnyCode | None:
        """Return whom and what the session names, without a proof that it may, or why that is not known."""
        if self._policy.names_customers:
            return await self._owner_by_customer(session)
        if session.subscription_id is None or not is_opaque_id(session.subscription_id):
            return None
        # Which of the application's customers that is, the vendor does not say.
        return _NOBODY, SubscriptionId(session.subscription_id)

    async def _owner_by_customer(
        self, session: FlowSession
    ) -> tuple[CustomerId, SubscriptionId] | AnyCode | None:
        if session.subscriber_id is None:
            return None

        try:
            rows = await all_owned(self._resolver, session.subscriber_id)
        except AmbiguousSubscriptionError:
            return Code.WHICH_SUBSCRIPTION
        if len(rows) <= 1:
            return (rows[0].customer_id, rows[0].subscription_id) if rows else None

        # The page may have named any of them, and the session does not say which: a rule would be a guess.
        for row in rows:
            if await self._ledger.knows(row.subscription_id, session.session_id):
                return row.customer_id, row.subscription_id
        return Code.WHICH_SUBSCRIPTION

    async def _record_ours(self, ring: Ring, session: FlowSession, page: Grant) -> AnyCode:
        rows = await all_owned(self._resolver, page.customer_id)
        if owned_named(rows, page.subscription_id) is None:
            return await self._park(session, page, Code.SUBSCRIPTION_CHANGED_HANDS)
        if await self._has_ended_another(session, page, rows):
            return await self._park(session, page, Code.FLOW_SESSION_ENDED_ANOTHER)

        recorded = await self._accept(session, page)
        if recorded is Code.KNOWN_WITH_ANOTHER_RESULT and not await self._ledger.knows(
            page.subscription_id, session.session_id
        ):
            # The page's one wish is spent on another flow session, so this one has no page left.
            own = replace(page, nonce=of_vendor_event(ring.event_id))
            return await self._park(session, own, Code.FLOW_SESSION_PROOF_USED)
        return recorded

    async def _has_ended_another(
        self, session: FlowSession, page: Grant, rows: Sequence[OwnedSubscription]
    ) -> bool:
        """Tell whether the browser told this end as that of another one: the session itself names the customer only."""
        if not self._policy.names_customers or session.status is not FlowStatus.CANCELED:
            return False
        others = [
            row.subscription_id for row in rows if row.subscription_id != page.subscription_id
        ]
        for each in others:
            if await self._ledger.knows(each, session.session_id, session.status):
                return True
        return False

    async def _leave_stranger(
        self, ring: Ring, session: FlowSession, grant: Grant
    ) -> AnyCode | None:
        await self._ledger.note_details(self._vendor, grant.subscription_id, session)
        if not changes_billing(session.status):
            return Code.NOT_OPENED_BY_A_PAGE
        if await self._ledger.knows(grant.subscription_id, session.session_id):
            return Code.KNOWN
        if ring.attempt == 1:
            # The customer's own browser may be on its way: its word, with a grant, is enough.
            await self._doorbell.later(ring, delay_s=self._waits_for_browser_s)
            return None
        return await self._park(session, grant, Code.FLOW_SESSION_NOT_PROVEN)

    async def _accept(self, session: FlowSession, grant: Grant) -> AnyCode:
        claim = self._claim(session)
        await self._ledger.note_details(self._vendor, grant.subscription_id, session)
        if not changes_billing(session.status) and await self._ledger.knows(
            grant.subscription_id, session.session_id
        ):
            return Code.KNOWN

        decision = self._decision(claim, grant)
        proven = session.status is FlowStatus.CANCELED

        try:
            recorded = await self._ledger.accept(claim, grant, decision, verified=proven)
        except ConflictError:
            return Code.KNOWN_WITH_ANOTHER_RESULT

        return Code.KNOWN if recorded.repeated else Code.RECORDED

    async def _park(self, session: FlowSession, grant: Grant, code: Code) -> AnyCode:
        claim = self._claim(session)
        if not changes_billing(session.status):
            return Code.NOT_OPENED_BY_A_PAGE
        (action,) = self._decision(claim, grant).actions
        try:
            parked = await self._ledger.park_claim(claim, grant, action, code)
        except ConflictError:
            return Code.KNOWN_WITH_ANOTHER_RESULT

        if parked is None:
            return Code.NOT_OPENED_BY_A_PAGE
        if parked.action_id is None:
            return Code.KNOWN
        self._on_event(ActionParked(parked.action_id, grant.subscription_id, action.kind, code))
        return Code.PARKED_FOR_A_PERSON

    def _claim(self, session: FlowSession) -> FlowClaim:
        return FlowClaim(
            self._vendor,
            session.status,
            session.session_id,
            session.reason,
            details=session.details,
        )

    def _decision(self, claim: FlowClaim, grant: Grant) -> Decision:
        return decide_by_vendor(claim, grant.customer_id, grant.subscription_id, self._policy)
