"""What a CancelFlow was made of, for those who check it before it serves."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aiocancel.billing.customer_subscriptions import StripeSubscriptions
    from aiocancel.billing.settings import StripeBilling
    from aiocancel.config import Settings
    from aiocancel.ports import FlowVendor, SubscriptionResolver
    from aiocancel.postgres.connection import Pool
    from aiocancel.postgres.customer_query import SubscriptionQuery


@dataclass(frozen=True, slots=True)
class Inspection:
    """The parts and settings of a CancelFlow; of the grant keys only how long they are."""

    settings: Settings
    vendor: FlowVendor
    billing: StripeBilling
    # A DSN holds a password.
    database: str | Pool = field(repr=False)
    subscriptions: SubscriptionQuery | StripeSubscriptions | SubscriptionResolver
    grant_key_lengths: tuple[int, ...]
    migrate_on_start: bool
    run_worker: bool
