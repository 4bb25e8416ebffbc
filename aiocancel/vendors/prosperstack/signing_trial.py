"""Trying whether ProsperStack refuses a flow session that nobody signed, the way a stranger's browser would ask.

Both requests carry ``testMode=true``: ProsperStack does not look the subscription up then, and has no side effects.
The signed one tells a refusal for the missing signature from a refusal for another reason.
Source: ProsperStack, "Embedding the flow" (https://docs.prosperstack.com/for-developers/embedding-the-flow); the
request is that of the npm package @prosperstack/flow 2.19.0.
"""

from __future__ import annotations

import json
from typing import Final

import aiohttp

from aiocancel.core.signing import SignedPayload
from aiocancel.ports import SigningTrial

_TIMEOUT_S: Final = 8.0
_MAX_ANSWER_BYTES: Final = 64 * 1024


async def try_signing(host: str, payload: SignedPayload) -> SigningTrial:
    """Open one flow session with the signature and one without.

    Args:
        host: The origin of the vendor's API.
        payload: A payload for a customer who does not exist.
    """
    timeout = aiohttp.ClientTimeout(total=_TIMEOUT_S)
    async with aiohttp.ClientSession(
        timeout=timeout, cookie_jar=aiohttp.DummyCookieJar()
    ) as session:
        signed, is_required = await _open(session, host, payload.payload, payload.signature)
        unsigned, _ = await _open(session, host, payload.payload, "")
    return SigningTrial(signed, unsigned, is_required)


async def _open(
    session: aiohttp.ClientSession, host: str, payload: str, signature: str
) -> tuple[int | None, bool | None]:
    headers = {"Content-Type": "application/json", "x-prosperstack-signature": signature}

    try:
        async with session.post(
            f"{host}/flow?testMode=true",
            data=payload.encode(),
            headers=headers,
            allow_redirects=False,
        ) as response:
            body = await response.content.read(_MAX_ANSWER_BYTES)
            return response.status, _is_required(body)
    except (aiohttp.ClientError, OSError):
        return None, None


def _is_required(body: bytes) -> bool | None:
    try:
        read = json.loads(body)
    except (ValueError, RecursionError):
        return None
    found = read.get("signatureRequired") if isinstance(read, dict) else None
    return found if isinstance(found, bool) else None
