"""Say which subscription a customer's button is for, where a customer may have several."""

from __future__ import annotations

import aiocancel

# Your tables decide. The first row counts, so write the order down.
MAIN_PRODUCT_FIRST = aiocancel.SubscriptionQuery(
    """
    SELECT stripe_subscription_id
    FROM subscriptions
    WHERE customer_id = $1 AND ended_at IS NULL
    ORDER BY is_main_product DESC, started_at DESC
    """
)

# Your tables hold the Stripe customer only, and Stripe knows the subscriptions: the newest that is alive.
NEWEST_AT_STRIPE = aiocancel.StripeSubscriptions(
    "SELECT stripe_customer_id FROM customers WHERE id = $1", choose="newest"
)

# The same, but nobody guesses: a customer with two subscriptions is told to try later, and you are told why.
ONLY_AT_STRIPE = aiocancel.StripeSubscriptions(
    "SELECT stripe_customer_id FROM customers WHERE id = $1", choose="only"
)
