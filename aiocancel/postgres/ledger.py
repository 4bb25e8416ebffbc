"""The ledger in Postgres: claims are accepted once, actions are taken by one worker at a time.

No method holds a connection longer than its own transaction. Every method raises UnavailableError when the database
cannot be reached; the commit may then have happened all the same. Each method is documented at its part: ``claims``,
``leasing``, ``writes``, ``settling`` and ``acknowledgements``.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from aiocancel.core.acknowledgement import LetterKind
from aiocancel.core.actions import Action, ActionKind, Receipt
from aiocancel.core.changes import Change, SchedulePrice
from aiocancel.core.claim import FlowClaim, FlowStatus
from aiocancel.core.codes import AnyCode, Code
from aiocancel.core.customer_limits import Tally
from aiocancel.core.decision import Answer, Decision
from aiocancel.core.flow_details import Told
from aiocancel.core.flow_session import FlowSession
from aiocancel.core.grants import Grant
from aiocancel.core.identifiers import FlowSessionId, Mode, SubscriptionId
from aiocancel.core.offers.expect import Baseline
from aiocancel.core.outcome import Outcome
from aiocancel.core.public_exit import PublicDeclaration, PublicExit
from aiocancel.core.undo import Made, OwnCancellation
from aiocancel.postgres.acknowledgements import (
    Acknowledgements,
    Declared,
    KeptLetter,
    LetterComes,
    LetterDue,
)
from aiocancel.postgres.claims import Claims, RecordedClaim
from aiocancel.postgres.connection import LedgerConnection
from aiocancel.postgres.flow_sessions import Acceptance
from aiocancel.postgres.leasing import Leasing, TakenAction, UnknownKind
from aiocancel.postgres.parked_claims import ParkedClaim, ParkedClaims
from aiocancel.postgres.public_exit import PublicDeclarations, ReceivedDeclaration
from aiocancel.postgres.settling import Accepted, Settling
from aiocancel.postgres.stripe_writes import Writes
from aiocancel.postgres.wake_ups import WakeUps

if TYPE_CHECKING:
    from aiocancel.postgres.connection import Pool


class Ledger:
    """Claims, the actions that they lead to, every attempt at them, and the journal.

    Args:
        pool: Lends the connections.
        hooks: Whether every claim ends in an action that tells the application of it.
        letters: Whether the customer is written to about every claim that asks for something.
        most_at_once: How many of the pool's connections this ledger may use at a time; None is no bound.
    """

    def __init__(
        self,
        pool: Pool,
        *,
        hooks: bool = False,
        letters: bool = False,
        most_at_once: int | None = None,
    ) -> None:
        self.pool = pool
        connection = LedgerConnection(pool, most_at_once=most_at_once)

        # Beside the customers' own statements, which must not wait for it, nor it for them.
        self.wake_ups = WakeUps(LedgerConnection(pool))
        self._claims = Claims(connection, hooks=hooks, letters=letters, wake_ups=self.wake_ups)
        self._parked = ParkedClaims(connection, hooks=hooks)
        self._leasing = Leasing(connection)
        # A lease that is renewed too late costs an attempt: it waits for nobody.
        self._renewing = Leasing(LedgerConnection(pool))

        self._writes = Writes(connection)
        self._settling = Settling(connection, hooks=hooks)
        self._letters = Acknowledgements(connection)
        self._public = PublicDeclarations(connection)

    # Claims

    async def accept(
        self,
        claim: FlowClaim,
        grant: Grant,
        decision: Decision,
        *,
        verified: bool,
        from_page: bool = False,
        acceptance: Acceptance | None = None,
    ) -> RecordedClaim:
        return await self._claims.accept(
            claim,
            grant,
            decision,
            verified=verified,
            from_page=from_page,
            acceptance=acceptance,
        )

    async def park_claim(
        self, claim: FlowClaim, grant: Grant, action: Action, code: Code
    ) -> ParkedClaim | None:
        return await self._parked.park_claim(claim, grant, action, code)

    async def tally(self, claim: FlowClaim, grant: Grant, decision: Decision) -> Tally:
        return await self._claims.tally(claim, grant, decision)

    async def knows(
        self,
        subscription_id: SubscriptionId,
        flow_session_id: FlowSessionId,
        status: FlowStatus | None = None,
    ) -> bool:
        return await self._claims.knows(subscription_id, flow_session_id, status)

    async def has_unfinished(self, subscription_id: SubscriptionId) -> bool:
        return await self._claims.has_unfinished(subscription_id)

    async def made_by_offers(self, subscription_id: SubscriptionId) -> Made:
        return await self._claims.made_by_offers(subscription_id)

    async def planned_by_offers(self, subscription_id: SubscriptionId) -> tuple[SchedulePrice, ...]:
        return await self._claims.planned_by_offers(subscription_id)

    async def is_plan_taken_back(self, subscription_id: SubscriptionId) -> bool:
        """Tell whether a change that releases the schedule of a planned plan was sent, and is not settled yet."""
        return await self._claims.is_plan_taken_back(subscription_id)

    async def has_left_since(self, subscription_id: SubscriptionId, claim_id: int) -> bool:
        return await self._claims.has_left_since(subscription_id, claim_id)

    async def has_cancelled_since(self, subscription_id: SubscriptionId, claim_id: int) -> bool:
        return await self._claims.has_cancelled_since(subscription_id, claim_id)

    async def own_cancellation(self, subscription_id: SubscriptionId) -> OwnCancellation | None:
        return await self._claims.own_cancellation(subscription_id)

    async def end_that_came_back(self, subscription_id: SubscriptionId) -> datetime | None:
        return await self._claims.end_that_came_back(subscription_id)

    async def answer(self, public_id: uuid.UUID, customer_id: str) -> Answer | None:
        return await self._claims.answer(public_id, customer_id)

    async def told(self, public_id: uuid.UUID, customer_id: str) -> Told | None:
        return await self._claims.told(public_id, customer_id)

    async def note_details(
        self, vendor: str, subscription_id: SubscriptionId, session: FlowSession
    ) -> None:
        await self._claims.note_details(vendor, subscription_id, session)

    async def outcome(self, claim_id: int) -> Outcome:
        return await self._claims.outcome(claim_id)

    # Leasing

    async def take(
        self, owner: uuid.UUID, action_ids: Collection[int], *, lease_s: float
    ) -> list[TakenAction]:
        return await self._leasing.take(owner, action_ids, lease_s=lease_s)

    async def renew(
        self, owner: uuid.UUID, action_ids: Collection[int], *, lease_s: float
    ) -> list[int]:
        return await self._renewing.renew(owner, action_ids, lease_s=lease_s)

    async def sweep(
        self, owner: uuid.UUID, *, holds: Collection[int] = (), overdue_s: float
    ) -> int:
        return await self._leasing.sweep(owner, holds=holds, overdue_s=overdue_s)

    async def wake(
        self, kinds: Collection[ActionKind], *, back_for_s: float, except_codes: Collection[AnyCode]
    ) -> int:
        return await self._leasing.wake(kinds, back_for_s=back_for_s, except_codes=except_codes)

    async def of_unknown_kinds(self) -> list[UnknownKind]:
        return await self._leasing.of_unknown_kinds()

    async def park_unknown_kinds(self, owner: uuid.UUID) -> list[UnknownKind]:
        return await self._leasing.park_unknown_kinds(owner)

    # Writes

    async def begin_write(self, taken: TakenAction, change: Change | None = None) -> str | None:
        return await self._writes.begin(taken, change)

    async def end_write(
        self,
        taken: TakenAction,
        result: str,
        *,
        code: AnyCode | None,
        request_id: str | None,
        key_spent: bool = False,
    ) -> None:
        await self._writes.end(taken, result, code=code, request_id=request_id, key_spent=key_spent)

    async def was_sent_before(self, taken: TakenAction, key: str) -> bool:
        return await self._writes.was_sent_before(taken, key)

    async def note_first_look(self, taken: TakenAction, baseline: Baseline) -> None:
        await self._writes.note_first_look(taken, baseline)

    # Settling

    async def finish(
        self, taken: TakenAction, receipt: Receipt, *, accepted: Accepted | None = None
    ) -> bool:
        return await self._settling.finish(taken, receipt, accepted=accepted)

    async def park(self, taken: TakenAction, code: AnyCode) -> bool:
        return await self._settling.park(taken, code)

    async def refuse(self, taken: TakenAction, code: AnyCode) -> bool:
        return await self._settling.refuse(taken, code)

    async def confirm(
        self,
        taken: TakenAction,
        offer_id: str,
        actions: Sequence[Action],
        *,
        one_gift_in: timedelta | None = None,
    ) -> bool:
        return await self._settling.confirm(taken, offer_id, actions, one_gift_in=one_gift_in)

    async def was_given_before(self, taken: TakenAction, within: timedelta) -> bool:
        return await self._settling.was_given_before(taken, within)

    async def note(self, taken: TakenAction, entry: str, code: AnyCode) -> None:
        await self._settling.note(taken, entry, code)

    async def hand_back(self, taken: TakenAction, *, delay_s: float, code: AnyCode | None) -> bool:
        return await self._settling.hand_back(taken, delay_s=delay_s, code=code)

    async def go_on(self, taken: TakenAction, code: AnyCode) -> bool:
        return await self._settling.go_on(taken, code)

    async def defer(
        self,
        taken: TakenAction,
        *,
        until: datetime,
        takes_effect_at: datetime | None = None,
        payment_url: str | None = None,
    ) -> bool:
        return await self._settling.defer(
            taken, until=until, takes_effect_at=takes_effect_at, payment_url=payment_url
        )

    async def leave(self, taken: TakenAction, *, delay_s: float, code: AnyCode) -> bool:
        return await self._settling.leave(taken, delay_s=delay_s, code=code)

    async def withdraw_deferred(
        self,
        subscription_id: SubscriptionId,
        *,
        plans: bool = False,
        code: AnyCode = Code.WITHDRAWN,
    ) -> int:
        return await self._settling.withdraw_deferred(subscription_id, plans=plans, code=code)

    # Letters

    async def letter_due(self, taken: TakenAction) -> LetterDue:
        return await self._letters.look(taken)

    async def begin_letter(
        self,
        taken: TakenAction,
        letter_id: uuid.UUID,
        kind: LetterKind,
        letter: Mapping[str, Any],
        recipient: str,
    ) -> int | None:
        return await self._letters.begin(taken, letter_id, kind, letter, recipient)

    async def letter_not_sent(self, taken: TakenAction) -> None:
        await self._letters.not_sent(taken)

    async def letter_handed_over(
        self, taken: TakenAction, reference: str | None, *, next_in_s: float | None
    ) -> bool:
        return await self._letters.handed_over(taken, reference, next_in_s=next_in_s)

    async def letter_waits(self, taken: TakenAction, wait_s: float) -> bool:
        return await self._letters.wait(taken, wait_s)

    async def kept_letter(self, claim_id: uuid.UUID, customer_id: str) -> KeptLetter | None:
        return await self._letters.kept(claim_id, customer_id)

    async def kept_letter_by_id(
        self, claim_id: uuid.UUID, letter_id: uuid.UUID
    ) -> KeptLetter | None:
        return await self._letters.kept_by_id(claim_id, letter_id)

    async def letter_comes(self, claim_id: uuid.UUID, customer_id: str) -> LetterComes | None:
        return await self._letters.comes(claim_id, customer_id)

    async def declared(self, claim_id: uuid.UUID, customer_id: str) -> Declared | None:
        return await self._letters.declared(claim_id, customer_id)

    # The public exit

    async def declare(
        self,
        declaration: PublicDeclaration,
        *,
        nonce: str,
        network: str,
        mode: Mode,
        limits: PublicExit,
        language: str,
        pressed: str,
    ) -> uuid.UUID | None:
        return await self._public.declare(
            declaration,
            nonce=nonce,
            network=network,
            mode=mode,
            limits=limits,
            language=language,
            pressed=pressed,
        )

    async def public_declaration(self, public_id: uuid.UUID) -> ReceivedDeclaration | None:
        return await self._public.read(public_id)

    async def name_declaration(self, claim_id: int, customer_id: str) -> None:
        await self._public.name(claim_id, customer_id)

    async def write_on_file(self, claim_id: int) -> None:
        await self._public.write_on_file(claim_id)
