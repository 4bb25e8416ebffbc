"""Whose contract a public declaration means: the application says, and the worker cancels it as any other."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from aiocancel.core.actions import Receipt
from aiocancel.core.claim import OWN_VENDOR, FlowClaim, FlowStatus
from aiocancel.core.claim_nonces import of_public_exit
from aiocancel.core.codes import AnyCode, Code
from aiocancel.core.decision import Policy, decide, verify_own_choice
from aiocancel.core.declaration import Declaration
from aiocancel.core.grants import Grant
from aiocancel.core.identifiers import CustomerId
from aiocancel.core.public_exit import PublicDeclaration, PublicExit, Termination
from aiocancel.core.subscription import OwnedSubscription
from aiocancel.errors import AmbiguousSubscriptionError, ConflictError, TransientBillingError
from aiocancel.postgres.leasing import TakenAction
from aiocancel.postgres.ledger import Ledger
from aiocancel.telemetry import ClaimRecorded, EventHook, guarded
from aiocancel.texts import statutory

MATCHED: Final = "matched"
FIND_WITHIN_S: Final = 20.0


class DeclarationMatcher:
    """Finds whose contract is meant, and records that customer's cancellation.

    Args:
        ledger: The claims.
        public_exit: The application's ``find``.
        find_all: Finds all subscriptions of a customer. The owner's rule for pages does not count here: a page shows
            which one it is about, and a declaration was written without one.
        policy: The owner's standing answers.
        on_event: Is told of the recorded claim.
    """

    def __init__(
        self,
        ledger: Ledger,
        public_exit: PublicExit,
        find_all: Callable[[str], Awaitable[Sequence[OwnedSubscription]]],
        policy: Policy,
        *,
        on_event: EventHook,
    ) -> None:
        self._ledger = ledger
        self._public_exit = public_exit
        self._find_all = find_all
        self._policy = policy
        self._on_event = guarded(on_event)

    async def carry_out(self, taken: TakenAction) -> Receipt | AnyCode:
        """Return the receipt of a match that is recorded, or why a person has to look at the declaration.

        Raises:
            TransientBillingError: The application could not say.
        """
        received = await self._ledger.public_declaration(taken.claim_public_id)
        if received is None:
            return Code.NO_CONTRACT_FOUND
        if (code := _for_a_person(received.declaration)) is not None:
            await self._name(taken, received.declaration)
            return code

        customer_id = await self._find(received.declaration)
        if customer_id is None:
            return Code.NO_CONTRACT_FOUND
        return await self._cancel(taken, customer_id)

    async def _find(self, declaration: PublicDeclaration) -> CustomerId | None:
        try:
            async with asyncio.timeout(FIND_WITHIN_S):
                customer_id = await self._public_exit.find(declaration)
        except Exception as error:
            # Not its text, which may name somebody.
            raise TransientBillingError(
                f"find failed ({type(error).__name__})", code=Code.FIND_FAILED
            ) from None
        return CustomerId(str(customer_id)) if customer_id else None

    async def _name(self, taken: TakenAction, declaration: PublicDeclaration) -> None:
        """Note whose declaration a person will judge, and write to that customer.

        It is erased with the customer's other data from now on.
        """
        try:
            customer_id = await self._find(declaration)
        except TransientBillingError:
            # The person sees it now, named or not.
            return
        if customer_id is not None:
            await self._wait_for_a_person(taken, customer_id)

    async def _wait_for_a_person(self, taken: TakenAction, customer_id: CustomerId) -> None:
        await self._ledger.name_declaration(taken.claim_id, customer_id)
        await self._ledger.write_on_file(taken.claim_id)

    async def _cancel(self, taken: TakenAction, customer_id: CustomerId) -> Receipt | AnyCode:
        owned = await self._only_one_of(customer_id)
        if owned is Code.SEVERAL_CONTRACTS:
            await self._wait_for_a_person(taken, customer_id)
        if isinstance(owned, Code):
            return owned

        claim = FlowClaim(
            OWN_VENDOR,
            FlowStatus.CANCELED,
            declaration=Declaration(statutory.LANGUAGE, statutory.CONFIRM_BUTTON),
        )
        # The declaration stands for the page's grant: one declaration, one cancellation.
        nonce = of_public_exit(str(taken.claim_public_id))
        grant = Grant.without_page(customer_id, owned.subscription_id, taken.mode, nonce)
        outcome = verify_own_choice(claim, grant)
        if outcome is None:
            return Code.NO_CONTRACT_FOUND

        try:
            recorded = await self._ledger.accept(
                claim, grant, decide(outcome, self._policy), verified=True
            )
        except ConflictError:
            return Code.NO_CONTRACT_FOUND
        await self._ledger.name_declaration(taken.claim_id, customer_id)
        self._on_event(
            ClaimRecorded(
                str(recorded.public_id), owned.subscription_id, claim.status, recorded.repeated
            )
        )
        return Receipt(MATCHED, None)

    async def _only_one_of(self, customer_id: CustomerId) -> OwnedSubscription | Code:
        try:
            rows = await self._find_all(customer_id)
        except AmbiguousSubscriptionError:
            return Code.SEVERAL_CONTRACTS
        if len(rows) > 1:
            return Code.SEVERAL_CONTRACTS
        return rows[0] if rows else Code.NO_CONTRACT_FOUND


def _for_a_person(declaration: PublicDeclaration) -> AnyCode | None:
    """Return why a person has to judge a declaration of any contract; None for an ordinary one at once."""
    if declaration.kind is Termination.EXTRAORDINARY:
        return Code.FOR_CAUSE
    return None if declaration.ends_on is None else Code.DATE_IS_WISHED
