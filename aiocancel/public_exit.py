"""The path of a declaration from the public exit, from its page to its place in the ledger; knows no HTTP."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from typing import Final

from aiocancel.core.claim_nonces import of_public_exit
from aiocancel.core.codes import Code
from aiocancel.core.grants import GrantSealer
from aiocancel.core.identifiers import Mode
from aiocancel.core.public_exit import PublicDeclaration, PublicExit, public_to_json
from aiocancel.errors import ClaimError
from aiocancel.postgres.connection import unavailable_on_refusal, within
from aiocancel.postgres.ledger import Ledger
from aiocancel.postgres.public_exit import ReceivedDeclaration
from aiocancel.texts import statutory

# In a rush a post waits for its turn to be stored, once. Proxies commonly give up after 30 or 60 s, and
# our own page, which says to try again, serves the customer better than a proxy's error.
STORE_WITHIN_S: Final = 25.0


class PublicExitIntake:
    """Stores declarations, and finds them for a reader who holds their key.

    Args:
        ledger: Where they are kept.
        sealer: Makes the keys.
        mode: Whether it is live or test.
        within_s: The longest time for each look into the database.
        now: The time in seconds since the epoch.
    """

    def __init__(
        self,
        ledger: Ledger,
        sealer: GrantSealer,
        *,
        mode: Mode,
        within_s: float,
        now: Callable[[], float],
    ) -> None:
        self._ledger = ledger
        self._sealer = sealer
        self._mode = mode
        self._within_s = within_s
        self._now = now

    def page_nonce(self, page: str, *, lifetime_s: int) -> str | None:
        """Return the nonce of a page of the public exit; None where the page is none of ours, or too old."""
        opened = self._sealer.open_page(page)
        if opened is None or self._now() - opened[1] > lifetime_s:
            return None
        return of_public_exit(opened[0])

    def keyed_network(self, network: str) -> str:
        """Return a network as the ledger keeps it: equal for equal ones, and unreadable without our key."""
        return self._sealer.keyed(f"network {network}")

    def key_of(self, public_id: uuid.UUID, *, for_s: int) -> str:
        """Return the key of the page that shows a declaration."""
        return self._sealer.seal_link(public_id.hex, expires_at=int(self._now()) + for_s)

    async def declare(
        self, declaration: PublicDeclaration, *, nonce: str, network: str, limits: PublicExit
    ) -> uuid.UUID | None:
        """Store a declaration of the public exit; None where more came than its limits allow.

        Raises UnavailableError, and nobody knows: the same post may be made again.
        """
        # A browser's Back leads to the same page: another declaration from there is another one. The key keeps the
        # words from being guessed once they are erased.
        words = json.dumps(public_to_json(declaration), sort_keys=True)
        wish = f"{nonce}:{self._sealer.keyed(f'declaration {nonce} {words}')}"

        with unavailable_on_refusal():
            return await within(
                STORE_WITHIN_S,
                self._ledger.declare(
                    declaration,
                    nonce=wish,
                    network=network,
                    mode=self._mode,
                    limits=limits,
                    language=statutory.LANGUAGE,
                    pressed=statutory.CONFIRM_BUTTON,
                ),
            )

    async def received(self, key: str) -> tuple[uuid.UUID, ReceivedDeclaration]:
        """Return the declaration that a key shows; raises ClaimError and UnavailableError."""
        opened = self._sealer.open_link(key)
        if opened is None or self._now() >= opened[1]:
            raise _no_such_declaration()

        public_id = uuid.UUID(opened[0])
        with unavailable_on_refusal():
            received = await within(self._within_s, self._ledger.public_declaration(public_id))
        if received is None:
            raise _no_such_declaration()
        return public_id, received


def _no_such_declaration() -> ClaimError:
    """Say no more to a stranger who guesses keys."""
    return ClaimError("There is no such declaration.", code=Code.UNKNOWN_CLAIM, status=404)
