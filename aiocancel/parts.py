"""What a plug-in was given; importing this module imports nothing that the parts are opened with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from aiocancel.ports import EMAIL

if TYPE_CHECKING:
    from aiocancel.billing.customer_subscriptions import StripeSubscriptions
    from aiocancel.billing.settings import StripeBilling
    from aiocancel.config import Settings
    from aiocancel.core.grants import GrantSealer
    from aiocancel.core.offers.offer_rules import OfferRules
    from aiocancel.core.offers.terms import OfferLimits
    from aiocancel.core.public_exit import PublicExit
    from aiocancel.ports import (
        ChangeHook,
        ChooseEmail,
        ChoosePlace,
        FlowVendor,
        Mailer,
        OfferHandler,
        OutcomeHook,
        SubscriptionResolver,
    )
    from aiocancel.postgres.connection import Pool
    from aiocancel.postgres.customer_query import SubscriptionQuery
    from aiocancel.telemetry import EventHook

__all__ = ["Parts"]


@dataclass(frozen=True, slots=True)
class Parts:
    """What a plug-in was given, for those who open it and for ``aiocancel check``; its repr holds no secret.

    Args:
        settings: Everything that is a plain value.
        vendor: Runs the widget.
        billing: The account at Stripe.
        database: A DSN, or a pool that the application owns and closes.
        subscriptions: Finds a customer's subscription.
        sealer: Signs page views and checks the signatures.
        grant_key_lengths: How many characters each grant key has; the keys themselves are not kept here.
        offer_limits: The owner's limits for offers; None for none.
        offer_rules: The owner's rules for offers; None for the default ones.
        on_event: Is told of every event.
        on_outcome: Hooks for every claim that has ended; may be added to until the start.
        on_error: Hooks for claims that failed; may be added to until the start.
        on_subscription_change: Hooks for subscriptions that have changed at Stripe; may be added to until the start.
        offer_handlers: The application's handlers of custom offers, by the offer's id or a key of its metadata.
        mailer: Writes to customers; None where nobody is written to.
        email: A column's name, or a function of the customer's id, that tells an address.
        place: Tells the place whose rules hold for a customer; None where nobody is asked.
        public_exit: The page on which anybody may terminate without a login; None for no such page.
        mail_templates: The folder of the owner's templates of letters; None for ours.
    """

    settings: Settings
    vendor: FlowVendor
    billing: StripeBilling
    # A DSN holds a password.
    database: str | Pool = field(repr=False)
    subscriptions: SubscriptionQuery | StripeSubscriptions | SubscriptionResolver
    sealer: GrantSealer = field(repr=False)
    grant_key_lengths: tuple[int, ...]
    offer_limits: OfferLimits | None
    offer_rules: OfferRules | None
    on_event: EventHook
    on_outcome: list[OutcomeHook] = field(default_factory=list)
    on_error: list[OutcomeHook] = field(default_factory=list)
    on_subscription_change: list[ChangeHook] = field(default_factory=list)
    offer_handlers: dict[str, OfferHandler] = field(default_factory=dict)
    # Another's object, whose repr may hold a password.
    mailer: Mailer | None = field(default=None, repr=False)
    email: str | ChooseEmail = EMAIL
    mail_templates: Path | None = None
    public_exit: PublicExit | None = None
    place: ChoosePlace | None = None

    @property
    def needed_columns(self) -> Sequence[str]:
        """The columns that the application's query has to return beside the subscription's id."""
        account = self.billing.account_column
        return (*self.vendor.columns, *(() if account is None else (account,)))
