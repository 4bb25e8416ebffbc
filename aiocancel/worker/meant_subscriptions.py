"""Which of a customer's subscriptions a flow session may mean that names the customer and no subscription."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from aiocancel.core.decision import Policy
from aiocancel.core.flow_session import FlowSession
from aiocancel.core.grants import GrantSealer
from aiocancel.core.identifiers import Mode
from aiocancel.core.page_proof import page_of
from aiocancel.core.subscription import OwnedSubscription


class MeantSubscriptions:
    """Reads the proof of the page that opened a flow session, and asks the application where there is none.

    Args:
        sealer: Opens proofs.
        policy: Where the proof stands.
        vendor: Whose sessions they are.
        mode: Live or test.
        find_all: Finds all subscriptions of a customer.
    """

    def __init__(
        self,
        sealer: GrantSealer,
        policy: Policy,
        *,
        vendor: str,
        mode: Mode,
        find_all: Callable[[str], Awaitable[Sequence[OwnedSubscription]]],
    ) -> None:
        self._sealer = sealer
        self._policy = policy
        self._vendor = vendor
        self._mode: Mode = mode
        self._find_all = find_all

    async def by(self, session: FlowSession, subscription_id: str) -> frozenset[str]:
        """Return that of the page that opened the session; without a proof the posted one and all of the customer's.

        Args:
            session: The session, which names the customer.
            subscription_id: The one that the customer's post was about.
        """
        page = page_of(session, self._sealer, self._policy, vendor=self._vendor, mode=self._mode)
        if page is not None:
            return frozenset({page.subscription_id})

        rows = await self._find_all(session.subscriber_id or "")
        return frozenset({subscription_id, *(row.subscription_id for row in rows)})
