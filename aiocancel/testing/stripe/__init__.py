"""A Stripe with a memory, served over HTTP."""
