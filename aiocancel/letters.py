"""The letters about a customer's choice: whether one will come, the one that was kept, and the one of a signed link."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from typing import Final, Protocol

from aiocancel.core.codes import Code
from aiocancel.core.grants import GrantSealer
from aiocancel.core.mail import is_address
from aiocancel.core.subscription import OwnedSubscription
from aiocancel.errors import ClaimError
from aiocancel.ports import ChooseEmail, mail_address_of
from aiocancel.postgres.acknowledgements import Declared, KeptLetter
from aiocancel.postgres.connection import unavailable_on_refusal, within
from aiocancel.postgres.ledger import Ledger

# A page waits no longer to promise a letter; the letter itself may take its time.
ADDRESS_WITHIN_S: Final = 0.5


class FindSubscription(Protocol):
    """Finds a customer's subscription."""

    async def __call__(
        self, customer_id: str, subscription_id: str | None = None
    ) -> OwnedSubscription | None: ...


class Letters:
    """Reads what the worker has written.

    Args:
        ledger: Where the letters are kept.
        sealer: Checks the signatures of links.
        email: Where the owner keeps customers' addresses; None where nobody writes letters.
        find: Finds the subscription of a customer.
        within_s: The longest time for each look into the database.
        now: The time in seconds since the epoch.
    """

    def __init__(
        self,
        ledger: Ledger,
        sealer: GrantSealer,
        email: str | ChooseEmail | None,
        *,
        find: FindSubscription,
        within_s: float,
        now: Callable[[], float],
    ) -> None:
        self._ledger = ledger
        self._sealer = sealer
        self._email = email
        self._find = find
        self._within_s = within_s
        self._now = now

    async def will_come(
        self,
        public_id: uuid.UUID,
        customer_id: str,
        subscription_id: str | None,
        *,
        within_s: float | None = None,
    ) -> bool:
        """Tell whether a letter about a customer's claim is still to come, and has an address; never raises.

        Args:
            public_id: The claim's.
            customer_id: The customer who made it.
            subscription_id: Whose row holds the address, where it is a column.
            within_s: For how many seconds to wait at most, if less than half a second.
        """
        if self._email is None:
            return False

        longest_s = ADDRESS_WITHIN_S if within_s is None else min(within_s, ADDRESS_WITHIN_S)
        try:
            async with asyncio.timeout(longest_s):
                comes = await self._ledger.letter_comes(public_id, customer_id)
                if comes is None:
                    return False
                is_column = isinstance(self._email, str)
                owned = await self._find(customer_id, subscription_id) if is_column else None
                found = await mail_address_of(self._email, customer_id, owned)
        except Exception:  # nothing is promised, and the letter is written all the same
            return False

        address = comes.last_recipient if found is None else found
        return isinstance(address, str) and is_address(address)

    async def of_claim(self, public_id: uuid.UUID, customer_id: str) -> KeptLetter | None:
        """Return the newest letter about a customer's claim, None where none was written; raises UnavailableError."""
        with unavailable_on_refusal():
            return await within(self._within_s, self._ledger.kept_letter(public_id, customer_id))

    async def of_link(self, public_id: uuid.UUID, key: str) -> KeptLetter:
        """Return the letter that a signed link opens.

        Raises:
            ClaimError: The link is none of ours, belongs to another claim, or is too old.
            UnavailableError: The database does not answer.
        """
        opened = self._sealer.open_link(key)
        if opened is None:
            raise _no_such_letter()
        letter_id, expires_at = opened
        if self._now() >= expires_at:
            raise ClaimError("The link is too old.", code=Code.LINK_EXPIRED, status=410)

        with unavailable_on_refusal():
            kept = await within(
                self._within_s,
                self._ledger.kept_letter_by_id(public_id, uuid.UUID(letter_id)),
            )
        if kept is None:
            raise _no_such_letter()
        return kept

    async def declared(self, public_id: uuid.UUID, customer_id: str) -> Declared | None:
        """Return when a claim came and what was declared, None when it is not the customer's."""
        with unavailable_on_refusal():
            return await within(self._within_s, self._ledger.declared(public_id, customer_id))


def _no_such_letter() -> ClaimError:
    """Say no more to a stranger who guesses links."""
    return ClaimError("There is no such letter.", code=Code.UNKNOWN_CLAIM, status=404)
