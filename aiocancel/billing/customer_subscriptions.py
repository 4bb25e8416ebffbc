"""A customer's subscription, looked up at Stripe: for applications that keep the customer's id only.

Every page of the flow and every post then waits for Stripe. An outage is an error and never "none": a
customer who is told that there is nothing to cancel goes on paying.
"""

from __future__ import annotations

import copy
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiocancel.billing.shared_listings import Beyond, SharedListings
from aiocancel.core.check_settings import (
    check_number,
    check_text,
    check_texts,
    check_whole,
    check_word,
)
from aiocancel.core.choose_subscription import (
    CHOOSABLE_STATUSES,
    DEFAULT_STATUSES,
    Choice,
    ListedSubscription,
    choose_subscription,
    live_subscriptions,
    owned_named,
)
from aiocancel.core.codes import Code
from aiocancel.core.identifiers import CustomerId
from aiocancel.core.subscription import OwnedSubscription
from aiocancel.errors import (
    BillingError,
    ConfigurationError,
    RejectedBillingError,
    UnavailableError,
    UnknownCustomerError,
)

if TYPE_CHECKING:
    from aiocancel.ports import BilledCustomer

    FindCustomer = Callable[[str], Awaitable[BilledCustomer | None]]
    ListSubscriptions = Callable[[str], Awaitable[list[ListedSubscription]]]


@dataclass(frozen=True, slots=True)
class StripeSubscriptions:
    """Find a customer's subscription in Stripe's list of the customer's subscriptions.

    Args:
        customers: The SQL that finds the customer's id at Stripe, as for ``SubscriptionQuery`` but with a column
            ``stripe_customer_id``; NULL means that the customer has no subscription.
        statuses: The statuses with which a subscription counts; an ended one never does.
        choose: Which of several. ``newest`` takes the best status (active or trialing, past_due, unpaid, paused,
            incomplete) and then the latest start; ``only`` takes none: the plain page asks which one, and a button
            may name it.
        timeout_s: How long the list may take, in seconds; after that it is an outage, as a page is waiting for it.
        remember_s: For how many seconds, from 0 to 60, what Stripe listed for a customer counts in this process.
            However many pages of one customer are opened at once, Stripe is asked once.
        most_lists_per_minute: How often Stripe is asked for one customer's list within a minute, from 2, in each
            process. Beyond it pages and the way out go by a list of the last minute, and ``/cancel/payload`` is
            answered with 429. A customer who changes something is looked up again.

    Raises:
        ConfigurationError: Says which setting is wrong.
    """

    customers: str
    statuses: Collection[str] = DEFAULT_STATUSES
    choose: Choice = "newest"
    timeout_s: float = 5.0
    remember_s: float = 3.0
    most_lists_per_minute: int = 12

    def __post_init__(self) -> None:
        check_text("customers", self.customers)
        if not self.customers.strip():
            raise ConfigurationError(
                "customers is empty: it is the SQL that finds the customer's id"
            )
        check_texts("statuses", self.statuses)
        if not self.statuses or set(self.statuses) - set(CHOOSABLE_STATUSES):
            raise ConfigurationError(
                f"statuses is a list of some of: {', '.join(CHOOSABLE_STATUSES)}"
            )

        check_word("choose", self.choose, ("newest", "only"))
        check_number("timeout_s", self.timeout_s)
        check_number("remember_s", self.remember_s, least=0, most=60)
        check_whole("most_lists_per_minute", self.most_lists_per_minute, least=2)

    def over(
        self, find_customer: FindCustomer, list_subscriptions: ListSubscriptions
    ) -> StripeResolver:
        """Return the resolver that asks both."""
        return StripeResolver(self, find_customer, list_subscriptions)


class StripeResolver:
    """A SubscriptionResolver that asks the application's database who the customer is, and Stripe for the rest."""

    def __init__(
        self,
        settings: StripeSubscriptions,
        find_customer: FindCustomer,
        list_subscriptions: ListSubscriptions,
    ) -> None:
        self._settings = settings
        self._find_customer = find_customer
        self._listings = SharedListings(
            list_subscriptions,
            within_s=settings.timeout_s,
            remember_s=settings.remember_s,
            most_per_minute=settings.most_lists_per_minute,
        )
        self._beyond: Beyond = "older"

    def patiently(self, find_customer: FindCustomer) -> StripeResolver:
        """Return the same resolver for those who are about to change something, over another search for the customer.

        Both share what Stripe listed. This one takes no list of a minute ago, and is never refused.
        """
        other = copy.copy(self)
        other._find_customer = find_customer
        other._beyond = "ask"
        return other

    def refusing(self) -> StripeResolver:
        """Return the same resolver for requests that a script may make in a loop, and that nobody needs to leave."""
        other = copy.copy(self)
        other._beyond = "refuse"
        return other

    async def resolve(self, customer_id: str) -> OwnedSubscription | None:
        """Return the chosen subscription; raises UnavailableError, also where Stripe refuses to answer."""
        customer, listed = await self._listed(customer_id)
        chosen = choose_subscription(
            listed, statuses=self._settings.statuses, choose=self._settings.choose
        )

        rows = self._owned(customer_id, customer, listed)
        return None if chosen is None else owned_named(rows, chosen)

    async def resolve_all(self, customer_id: str) -> Sequence[OwnedSubscription]:
        """Return every subscription that the customer may cancel, the best first; raises like ``resolve``."""
        customer, listed = await self._listed(customer_id)
        return self._owned(customer_id, customer, listed)

    async def _listed(
        self, customer_id: str
    ) -> tuple[BilledCustomer | None, list[ListedSubscription]]:
        customer = await self._find_customer(customer_id)
        if customer is None:
            return None, []

        try:
            return customer, await self._listings.of(
                customer.stripe_customer_id, beyond=self._beyond
            )
        except RejectedBillingError as error:
            if error.code != Code.RESOURCE_MISSING:
                raise _unavailable(error) from error
            # Not "no subscription": the customer may be paying in another account of the owner's.
            raise UnknownCustomerError(
                "Stripe does not know the customer's id that the database holds: is it of the key's account and mode?"
            ) from error
        except (BillingError, TimeoutError) as error:
            raise _unavailable(error) from error

    def _owned(
        self,
        customer_id: str,
        customer: BilledCustomer | None,
        listed: Sequence[ListedSubscription],
    ) -> list[OwnedSubscription]:
        record = {} if customer is None else customer.record
        return [
            OwnedSubscription(CustomerId(customer_id), one.subscription_id, record)
            for one in live_subscriptions(listed, statuses=self._settings.statuses)
        ]


def _unavailable(error: BillingError | TimeoutError) -> UnavailableError:
    reason = str(error) or "Stripe took too long"
    return UnavailableError(f"the customer's subscriptions cannot be listed: {reason}")
