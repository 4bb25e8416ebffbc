"""Keep the application's own columns as Stripe has them, in one SQL statement."""

from __future__ import annotations

import asyncpg

import aiocancel

# A subscription that is not in your table changes nothing, and the same change twice changes nothing more.
KEEP_TRUE = """
UPDATE app_subscription SET status = $2, ends_at = $3, paused = $4
WHERE stripe_subscription_id = $1
"""


def register(cancel: aiocancel.CancelFlow, pool: asyncpg.Pool[asyncpg.Record]) -> None:
    """Register the hook, before the application starts."""

    @cancel.on_subscription_change
    async def keep_true(change: aiocancel.SubscriptionChange) -> None:
        await pool.execute(
            KEEP_TRUE, change.subscription_id, change.status, change.ends_at, change.is_paused
        )
