"""Let the application hear of what happened, and carry out an offer of its own."""

from __future__ import annotations

import logging

import aiocancel

logger = logging.getLogger("shop")


def register(cancel: aiocancel.CancelFlow) -> None:
    """Register the hooks, before the application starts."""

    @cancel.on_outcome
    async def remember(outcome: aiocancel.Outcome) -> None:
        # Called at least once: the claim's id tells a repetition.
        logger.info("claim %s: %s, %s", outcome.claim_id, outcome.status, outcome.answer.kind)

    @cancel.on_error
    async def tell_support(outcome: aiocancel.Outcome) -> None:
        logger.error("claim %s needs a person: %s", outcome.claim_id, outcome.problem)

    @cancel.on_offer("free_call")
    async def book_a_call(offer: aiocancel.CustomOffer) -> None:
        # Called at least once: the key is the same each time.
        logger.info("a call is booked under %s", offer.key)
