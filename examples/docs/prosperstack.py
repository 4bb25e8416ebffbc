"""ProsperStack with signed requests, its API and its webhook."""

from __future__ import annotations

import os
from decimal import Decimal

import aiocancel


def make_vendor() -> aiocancel.ProsperStack:
    """Read the account from the environment."""
    return aiocancel.ProsperStack(
        os.environ["PROSPERSTACK_CLIENT_ID"],  # acct_…
        os.environ["PROSPERSTACK_CLIENT_SECRET"],  # signs every payload
        api_key=os.environ["PROSPERSTACK_API_KEY"],  # key_… or key_test_…: confirms offers
        webhook_token=os.environ["PROSPERSTACK_WEBHOOK_TOKEN"],  # 32 characters or more
        applies_cancellation="app",  # this application cancels at Stripe
        applies_offers="vendor",  # ProsperStack applies offers, aiocancel looks until Stripe shows them
        properties=(aiocancel.Property("seats", "number", entity="subscription"),),
    )


# A value of the row that the query returns goes into the signed payload as a custom property.
SUBSCRIPTIONS = aiocancel.SubscriptionQuery(
    "SELECT stripe_subscription_id, seats FROM customers WHERE id = $1"
)

# Bounds that stand above the vendor's yes.
LIMITS = aiocancel.OfferLimits(max_percent=Decimal(50), max_months=3, max_days=30)
