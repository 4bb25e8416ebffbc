"""Tell another system how a claim ended: a hook that posts every outcome to a URL, signed as Standard Webhooks are.

from outcome_webhook import post_outcomes_to
post_outcomes_to(cancel, "https://hooks.example.com/cancellations", secret=os.environ["WEBHOOK_SECRET"])

The secret is ``whsec_`` and Base64, as the receiver has it, too. https://www.standardwebhooks.com
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from dataclasses import asdict

import aiohttp

import aiocancel


def signed(body: bytes, *, message_id: str, at: int, secret: str) -> Mapping[str, str]:
    """Return the three headers by which a receiver tells that a body is ours and new."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    content = f"{message_id}.{at}.".encode() + body
    signature = base64.b64encode(hmac.digest(key, content, hashlib.sha256)).decode()

    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(at),
        "webhook-signature": f"v1,{signature}",
    }


def post_outcomes_to(cancel: aiocancel.CancelFlow, url: str, *, secret: str) -> None:
    """Register the hook; call it before the application starts."""

    @cancel.on_outcome
    async def post(outcome: aiocancel.Outcome) -> None:
        # Times become text; the answers, the offers shown and the snapshot are in it.
        body = json.dumps(asdict(outcome), default=str).encode()
        headers = signed(body, message_id=outcome.claim_id, at=int(time.time()), secret=secret)
        timeout = aiohttp.ClientTimeout(total=10)

        # What raises here is tried again later, so the receiver may see a claim twice: webhook-id tells.
        async with aiohttp.ClientSession(timeout=timeout, raise_for_status=True) as session:
            await session.post(
                url, data=body, headers={**headers, "Content-Type": "application/json"}
            )
