"""What a plug-in was given; importing this module imports none of what the parts are opened with."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aiocancel.billing.customer_subscriptions import StripeSubscriptions
    from aiocancel.billing.settings import StripeBilling
    from aiocancel.config import Settings
    from aiocancel.core.grants import GrantSealer
    from aiocancel.core.offers.apply import OfferRules
    from aiocancel.core.offers.terms import OfferLimits
    from aiocancel.ports import FlowVendor, OfferHandler, OutcomeHook, SubscriptionResolver
    from aiocancel.postgres.connection import Pool
    from aiocancel.postgres.customer_query import SubscriptionQuery
    from aiocancel.telemetry import EventHook


@dataclass(frozen=True, slots=True)
class Parts:
    """What a plug-in was given; the hooks and handlers may be added to until it starts."""

    settings: Settings
    vendor: FlowVendor
    billing: StripeBilling
    database: str | Pool
    subscriptions: SubscriptionQuery | StripeSubscriptions | SubscriptionResolver
    sealer: GrantSealer
    given_offer_limits: OfferLimits | None
    given_offer_rules: OfferRules | None
    poll_events_every_s: float
    vendor_acts_within_s: float
    migrate_on_start: bool
    run_worker: bool
    worker_concurrency: int
    worker_lease_s: float
    statement_cache_size: int
    on_event: EventHook
    on_outcome: list[OutcomeHook] = field(default_factory=list)
    on_error: list[OutcomeHook] = field(default_factory=list)
    offer_handlers: dict[str, OfferHandler] = field(default_factory=dict)

    @property
    def offer_limits(self) -> OfferLimits:
        """The limits given, or none."""
        from aiocancel.core.offers.terms import NO_LIMITS

        return self.given_offer_limits or NO_LIMITS

    @property
    def offer_rules(self) -> OfferRules:
        """The rules given, or those that hold otherwise."""
        from aiocancel.core.offers.apply import DEFAULT_RULES

        return self.given_offer_rules or DEFAULT_RULES
