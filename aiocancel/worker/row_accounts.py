"""In which of Stripe's accounts a subscription is, where each row of the application names its own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from aiocancel.core.subscription import OwnedSubscription

Find = Callable[[str, str], Awaitable[OwnedSubscription | None]]
"""Returns a customer's own subscription, None where it is not theirs; raises UnavailableError."""

OF_THE_SETTINGS: Final = ""
"""What is noted where a row names no account: that of the settings, or the key's own."""


class RowAccounts:
    """Asks the application's rows.

    Args:
        find: Finds the row.
        column: Its column that holds the account.
    """

    def __init__(self, find: Find, column: str) -> None:
        self._find = find
        self._column = column

    async def of(self, customer_id: str, subscription_id: str) -> str | None:
        """Return the account, None where no row says it; raises UnavailableError.

        Args:
            customer_id: Whose subscription it is; an erased customer has no row.
            subscription_id: Stripe's id.
        """
        if not customer_id:
            return None
        owned = await self._find(customer_id, subscription_id)
        if owned is None:
            return None
        named = owned.record.get(self._column)
        return OF_THE_SETTINGS if named is None else str(named)
