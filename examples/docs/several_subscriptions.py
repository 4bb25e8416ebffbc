"""Say which subscription a customer's page is about, where a customer may have several."""

from __future__ import annotations

import aiocancel

# Your tables decide: the first row, in the order that you write down.
MAIN_PRODUCT_FIRST = aiocancel.SubscriptionQuery(
    """
    SELECT stripe_subscription_id, plan
    FROM subscriptions
    WHERE customer_id = $1 AND ended_at IS NULL
    ORDER BY is_main_product DESC, started_at DESC
    """,
    choose="first",
)

# No rule: the customer is asked "Which subscription?", and a button may name one.
ASK_THE_CUSTOMER = aiocancel.SubscriptionQuery(
    "SELECT stripe_subscription_id, plan FROM subscriptions WHERE customer_id = $1 AND ended_at IS NULL"
)

# Your tables hold the Stripe customer only, and Stripe knows the subscriptions: the newest that is alive.
NEWEST_AT_STRIPE = aiocancel.StripeSubscriptions(
    "SELECT stripe_customer_id FROM customers WHERE id = $1", choose="newest"
)

# The same, but nobody guesses: a customer with two subscriptions is asked.
ONLY_AT_STRIPE = aiocancel.StripeSubscriptions(
    "SELECT stripe_customer_id FROM customers WHERE id = $1", choose="only"
)
