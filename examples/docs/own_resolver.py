"""Find a customer's subscription in a place of your own, such as another service, instead of by SQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from aiocancel import CustomerId, OwnedSubscription, SubscriptionId, SubscriptionResolver


class Accounts:
    """Knows which subscriptions each customer has; the newest is the last."""

    def __init__(self, accounts: Mapping[str, Sequence[str]]) -> None:
        self._accounts = accounts

    async def resolve(self, customer_id: str) -> OwnedSubscription | None:
        """Return the subscription that a page is about when it names none."""
        owned = await self.resolve_all(customer_id)
        return owned[-1] if owned else None

    async def resolve_all(self, customer_id: str) -> list[OwnedSubscription]:
        """Return all of them, so that a page may name one."""
        return [
            OwnedSubscription(CustomerId(customer_id), SubscriptionId(each), {"plan": "Pro"})
            for each in self._accounts.get(customer_id, ())
        ]


# ``CancelFlow(subscriptions=FOUND, …)``; a type checker compares the class with the protocol here.
FOUND: SubscriptionResolver = Accounts({"ada": ["sub_addon", "sub_1"]})
