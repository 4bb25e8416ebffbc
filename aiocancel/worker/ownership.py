"""Whose subscription it is by now, and in which of Stripe's accounts; asked before anything is read or written."""

from __future__ import annotations

from aiocancel.core.actions import (
    ActionKind,
    Places,
)
from aiocancel.core.claim import OWN_FLOW
from aiocancel.core.codes import Code
from aiocancel.errors import (
    RejectedBillingError,
)
from aiocancel.ports import Billing, FindSubscription, coming_first
from aiocancel.postgres.leasing import TakenAction
from aiocancel.postgres.ledger import Ledger
from aiocancel.worker.confirm_offers import Offers


class Ownership:
    """Asks the application's rows, and the ledger.

    Args:
        ledger: Knows the gifts that were given.
        billing: The billing system, with the account of the settings.
        offers: Knows how often our own flow may give something.
        find: Finds a customer's own subscription; None where nobody can be asked.
        account_column: The column of the row that holds the account; None where all are in one.
    """

    def __init__(
        self,
        ledger: Ledger,
        billing: Billing,
        offers: Offers,
        *,
        find: FindSubscription | None,
        account_column: str | None,
    ) -> None:
        self._ledger = ledger
        self._billing = billing
        self._billing_first = coming_first(billing)
        self._offers = offers
        self._find = find
        self._account_column = account_column

    @property
    def is_one_account(self) -> bool:
        """Whether every subscription is in the account of the settings."""
        return self._account_column is None

    async def billing_of(self, taken: TakenAction) -> Billing:
        """Return the account that the subscription's row names; raises RejectedBillingError where there is no row."""
        billing = self._billing
        if Places.of(taken.action.kind) is Places.CANCELLATIONS:
            billing = self._billing_first
        if self._account_column is None:
            return billing

        owned = None
        if self._find is not None and taken.customer_id:
            owned = await self._find(taken.customer_id, taken.action.subscription_id)
        if owned is None:
            raise RejectedBillingError(
                "no row says whose account it is", code=Code.SUBSCRIPTION_CHANGED_HANDS
            )
        account = owned.record.get(self._account_column)
        return billing.on(None if account is None else str(account))

    async def problem_before(self, taken: TakenAction) -> Code | None:
        """Say why the first write must not be made now, None where it may.

        Between the customer's post and this moment lie seconds, or weeks where the action waited for its date.
        """
        if taken.has_written:
            return None
        if await self._was_given(taken):
            return Code.GIVEN_RECENTLY
        if self._find is None or not taken.customer_id:
            return None
        owned = await self._find(taken.customer_id, taken.action.subscription_id)
        return Code.SUBSCRIPTION_CHANGED_HANDS if owned is None else None

    async def _was_given(self, taken: TakenAction) -> bool:
        """Tell whether an offer of our own flow is a gift too many; it was counted when it was confirmed, too."""
        if taken.vendor != OWN_FLOW or taken.action.kind is not ActionKind.APPLY_OFFER:
            return False
        within = self._offers.one_gift_in(taken.vendor, [taken.action])
        return within is not None and await self._ledger.was_given_before(taken, within)
