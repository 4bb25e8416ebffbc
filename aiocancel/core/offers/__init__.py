"""Accepted offers: their terms and limits, how they are verified, made at Stripe, or expected of a vendor."""
