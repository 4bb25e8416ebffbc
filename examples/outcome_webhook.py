"""Tell another system how a claim ended: a hook that posts every outcome to a URL.

from outcome_webhook import post_outcomes_to
post_outcomes_to(cancel, "https://hooks.example.com/cancellations")
"""

from __future__ import annotations

from dataclasses import asdict

import aiohttp

import aiocancel


def post_outcomes_to(cancel: aiocancel.CancelFlow, url: str) -> None:
    """Register the hook; call it before the application starts."""

    @cancel.on_outcome
    async def post(outcome: aiocancel.Outcome) -> None:
        body = asdict(outcome)
        at = outcome.answer.effective_at
        body["answer"]["effective_at"] = at.isoformat() if at else None
        timeout = aiohttp.ClientTimeout(total=10)
        # What raises here is tried again later, so the receiver may see a claim twice: claim_id tells.
        async with aiohttp.ClientSession(timeout=timeout, raise_for_status=True) as session:
            await session.post(url, json=body, headers={"Idempotency-Key": outcome.claim_id})
