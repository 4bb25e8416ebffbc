"""Flows of our own in the worker: our row is believed as a vendor's API is, and what was left ends."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from aiocancel.core.claim import CancelReason, FlowStatus
from aiocancel.core.codes import Code
from aiocancel.core.flow.snapshot import snapshot_of, snapshot_to_json
from aiocancel.core.flow_session import FlowSession, VendorEvent
from aiocancel.core.identifiers import FlowSessionId
from aiocancel.core.offers.terms import AcceptedOffer, UnusableOffer, offer_from_json
from aiocancel.core.page_facts import ShownSubscription
from aiocancel.errors import (
    BillingError,
    TransientVendorError,
    UnavailableError,
    UnreadableLedgerError,
)
from aiocancel.ports import OutcomeVerifier
from aiocancel.postgres.flow_sessions import SWEEP_BATCH, AcceptedRow, FlowSessions
from aiocancel.telemetry import type_and_place
from aiocancel.worker.row_accounts import RowAccounts

logger = logging.getLogger("aiocancel")

LOOK_EVERY_S: Final = 60.0
# Each is a request to Stripe, and none is urgent.
_SNAPSHOTS_AT_ONCE: Final = 20
_ACCOUNTS_AT_ONCE: Final = 100
# After so many rows that do not answer, the application's database is away, or all but.
_SLOW_ROWS_AT_MOST: Final = 3

_STATUS: Final[Mapping[str, FlowStatus]] = {
    "open": FlowStatus.IN_PROGRESS,
    "accepted": FlowStatus.SAVED,
    "canceled": FlowStatus.CANCELED,
    "abandoned": FlowStatus.INCOMPLETE,
}


class OwnSessions(OutcomeVerifier):
    """Our own flow sessions, told as a flow vendor's API tells of its: the same rules judge both.

    Args:
        sessions: The rows.
    """

    def __init__(self, sessions: FlowSessions) -> None:
        self._sessions = sessions

    async def flow_session(self, session_id: FlowSessionId) -> FlowSession | None:
        """Return the session with the terms that it showed; raises TransientVendorError where the database is away."""
        try:
            row = await self._sessions.accepted(session_id)
        except UnavailableError as error:
            raise TransientVendorError(str(error), code=Code.DATABASE_UNAVAILABLE) from error
        if row is None:
            return None

        return FlowSession(
            FlowSessionId(row.session_id),
            _STATUS[row.state],
            subscription_id=row.subscription_id,
            subscriber_id=row.customer_id,
            accepted=_offer(row),
            presented=() if row.offer is None else (row.offer["offer"],),
            reason=CancelReason(None, row.reason),
            completed_at=row.ended_at,
            created_at=row.opened_at,
        )

    async def event(self, event_id: str) -> VendorEvent | None:
        """Return None: nobody rings for a session of our own."""
        return None

    async def events_after(self, after_id: str | None, *, limit: int) -> list[VendorEvent]:
        """Return nothing: what happens in a session of our own is written where it happens."""
        return []

    async def tells_of(self, session: FlowSession) -> bool:
        """Tell that it has ended: the row is the event."""
        return True


def _offer(row: AcceptedRow) -> AcceptedOffer | UnusableOffer | None:
    """Return the terms as they were shown, for the months that the customer chose."""
    if row.offer is None:
        return None
    choice = "" if row.months is None else str(row.months)
    terms: Mapping[str, Any] | None = row.offer.get("terms", {}).get(choice)
    if terms is None:
        return UnusableOffer(row.offer["offer"], Code.NO_OFFER_NAMED)
    try:
        return offer_from_json(terms)
    except (UnreadableLedgerError, LookupError, TypeError, ValueError, ArithmeticError):
        # A newer release showed it, and can read it.
        return UnusableOffer(row.offer["offer"], Code.LEDGER_UNREADABLE)


class LeftSessions:
    """Ends the sessions in which nothing was done for half an hour, and keeps those of vendors' flows too.

    Args:
        sessions: The rows.
        read: Reads a subscription at Stripe in an account, for what it cost; None where nobody reads.
        accounts: Say in which account a subscription is; None where all are in one.
        now: Aware.
    """

    def __init__(
        self,
        sessions: FlowSessions,
        read: Callable[[str, str | None], Awaitable[ShownSubscription]] | None = None,
        *,
        accounts: RowAccounts | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._sessions = sessions
        self._read = read
        self._accounts = accounts
        self._now = now
        self._slow: set[int] = set()

    async def run(self) -> None:
        """Look until cancelled; an outage of the database is waited out."""
        while True:
            found = 0
            try:
                found = await self.look()
            except UnavailableError as error:
                logger.error("flow sessions that were left cannot be ended: %s", error)
            except Exception as error:
                logger.error("ending flow sessions failed (%s)", type_and_place(error))

            if found < SWEEP_BATCH:
                await asyncio.sleep(LOOK_EVERY_S)

    async def look(self) -> int:
        """End a batch, and copy one; returns the size of the larger one."""
        ended = len(await self._sessions.sweep())
        copied = await self._sessions.copy_vendors()
        await self._note_accounts()
        await self._add_snapshots()
        return max(ended, copied)

    async def _note_accounts(self) -> None:
        if self._accounts is None:
            return

        found = await self._sessions.without_account(_ACCOUNTS_AT_ONCE)
        # A row that was slow before comes last: it keeps no other waiting.
        self._slow &= {session for session, *_ in found}
        found.sort(key=lambda each: each[0] in self._slow)
        failed = 0
        for session, customer_id, subscription_id in found:
            try:
                account = await self._accounts.of(customer_id, subscription_id)
            except UnavailableError as error:
                logger.warning("the row that names an account did not answer: %s", error)
                self._slow.add(session)
                failed += 1
                if failed == _SLOW_ROWS_AT_MOST:
                    return
                continue
            if account is not None:
                await self._sessions.note_account(session, account)

    async def _add_snapshots(self) -> None:
        if self._read is None:
            return

        for session, subscription_id, account in await self._sessions.without_snapshot(
            _SNAPSHOTS_AT_ONCE, with_account=self._accounts is not None
        ):
            try:
                shown = await self._read(subscription_id, account or None)
            except BillingError:
                # Another look comes, for an hour.
                continue
            snapshot = snapshot_of(shown, None, now=self._now())
            await self._sessions.add_snapshot(session, snapshot_to_json(snapshot))
