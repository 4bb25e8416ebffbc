"""What the browser did not tell us: the flow vendor's webhook rings, its list of events is polled.

Neither is believed. A ring is only an event's id; what happened is read from the vendor's API, and an
outcome that a browser has already told us of is the same claim, whichever came first.
"""

from __future__ import annotations

import asyncio
import logging
import random
from datetime import timedelta
from typing import Final

from aiocancel.core.claim import FlowClaim, FlowStatus, VerifiedOutcome
from aiocancel.core.codes import AnyCode, Code, ForeignCode
from aiocancel.core.decision import Policy, decide, decide_unproven
from aiocancel.core.flow_session import FlowSession
from aiocancel.core.grants import Grant
from aiocancel.core.identifiers import CustomerId, Mode, SubscriptionId, is_opaque_id
from aiocancel.core.retry import delay_s
from aiocancel.core.undo import changes_billing
from aiocancel.errors import (
    AiocancelError,
    ConflictError,
    RejectedVendorError,
    TransientVendorError,
)
from aiocancel.ports import OutcomeVerifier, SubscriptionResolver
from aiocancel.postgres.ledger import Ledger
from aiocancel.postgres.vendor_events import Doorbell, Ring
from aiocancel.telemetry import told

logger = logging.getLogger("aiocancel")

COMPLETED: Final = "flow_session_completed"
IDLE_LOOK_S: Final = 2.0
_BATCH: Final = 10
_MOST_ATTEMPTS: Final = 60
# The vendor's clock and ours need not agree.
_SLACK: Final = timedelta(minutes=10)
_NOBODY: Final = CustomerId("")


class CatchUp:
    """Looks at rings, and polls for events that did not ring, until it is stopped; ``rung`` wakes it."""

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
                    told(error),
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
        for event in await self._vendor_api.events_after(turn.after_id, limit=100):
            if event.created_at is None or event.created_at >= turn.since - _SLACK:
                await self._doorbell.ring(event.event_id)
            await self._doorbell.read_up_to(event.event_id)

    async def look(self) -> bool:
        """Look at what has rung; False when there was nothing."""
        rings = await self._doorbell.take(limit=_BATCH)
        for ring in rings:
            await self._answer(ring)
        return bool(rings)

    async def _answer(self, ring: Ring) -> None:
        try:
            event = await self._vendor_api.event(ring.event_id)
        except TransientVendorError as error:
            if ring.attempt >= _MOST_ATTEMPTS:
                await self._doorbell.answer(ring, ForeignCode.gave_up_on(error.code))
            else:
                wait_s = max(error.retry_after_s or 0.0, delay_s(ring.attempt, random.random()))  # noqa: S311 - jitter, no secret
                await self._doorbell.later(ring, delay_s=wait_s)
            return
        except RejectedVendorError as error:
            await self._doorbell.answer(ring, error.code)
            return
        if event is None:
            await self._doorbell.answer(ring, Code.UNKNOWN_EVENT)
        elif event.name != COMPLETED:
            await self._doorbell.answer(ring, Code.NOTHING_TO_DO)
        elif event.session is None:
            await self._doorbell.answer(
                ring, ForeignCode(event.problem) if event.problem else Code.UNREADABLE
            )
        else:
            await self._doorbell.answer(ring, await self._record(ring, event.session))

    async def _owner(self, session: FlowSession) -> tuple[CustomerId, SubscriptionId] | None:
        if self._policy.names_customers:
            owned = (
                None
                if session.subscriber_id is None
                else await self._resolver.resolve(session.subscriber_id)
            )
            return None if owned is None else (owned.customer_id, owned.subscription_id)
        if session.subscription_id is None or not is_opaque_id(session.subscription_id):
            return None
        # Which of the application's customers that is, the vendor does not say.
        return _NOBODY, SubscriptionId(session.subscription_id)

    async def _record(self, ring: Ring, session: FlowSession) -> AnyCode:
        owner = await self._owner(session)
        if owner is None:
            return Code.NO_SUBSCRIPTION
        customer_id, subscription_id = owner
        claim = FlowClaim(self._vendor, session.status, session.session_id, session.reason)
        if not changes_billing(session.status) and await self._ledger.knows(
            subscription_id, session.session_id
        ):
            return Code.KNOWN
        grant = Grant(customer_id, subscription_id, self._mode, 0, 0, f"event:{ring.event_id}")
        proven = session.status is FlowStatus.CANCELED
        if proven:
            decision = decide(
                VerifiedOutcome(
                    session.status,
                    customer_id,
                    subscription_id,
                    session.reason,
                    "vendor",
                    self._vendor,
                ),
                self._policy,
            )
        else:
            decision = decide_unproven(claim, subscription_id, self._policy)
        try:
            recorded = await self._ledger.accept(claim, grant, decision, verified=proven)
        except ConflictError:
            return Code.KNOWN_WITH_ANOTHER_RESULT
        return Code.KNOWN if recorded.repeated else Code.RECORDED
