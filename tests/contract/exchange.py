"""Requests on their way to Stripe or to the simulator: paced, recorded without secrets, and played again."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, Final

import aiohttp
from aiohttp import web

from aiocancel.testing.stripe.form import decode_form, tidy

# https://docs.stripe.com/rate-limits: a sandbox takes 25 requests a second.
REQUESTS_PER_S: Final = 25
_PASSED_ON: Final = ("Authorization", "Content-Type", "Idempotency-Key", "Stripe-Version")
_SECRET_FIELDS: Final = {
    "account_name",
    "address",
    "client_secret",
    "customer_address",
    "customer_email",
    "customer_name",
    "customer_phone",
    "email",
    "hosted_invoice_url",
    "invoice_pdf",
    "invoice_prefix",
    "phone",
    "request_log_url",
}
_KEYS: Final = re.compile(r"\b(?:sk|rk|pk|whsec)_[A-Za-z0-9_*]+")

Exchange = dict[str, Any]


def without_secrets(value: Any) -> Any:
    """Return the same JSON without personal data and without anything that looks like a key."""
    if isinstance(value, dict):
        return {
            name: None if name in _SECRET_FIELDS else without_secrets(inner)
            for name, inner in value.items()
        }
    if isinstance(value, list):
        return [without_secrets(inner) for inner in value]
    return _KEYS.sub("key", value) if isinstance(value, str) else value


async def _asked(request: web.Request) -> Exchange:
    body = (await request.read()).decode()
    params = tidy(decode_form(request.rel_url.raw_query_string, body))
    return {"method": request.method, "path": request.path, "params": without_secrets(params)}


@dataclass
class Recorder:
    """Passes requests on to ``target`` and keeps what was said; a live key goes no further."""

    target: str
    requests_per_s: float = REQUESTS_PER_S
    exchanges: list[Exchange] = field(default_factory=list)
    _free_at: float = 0.0

    async def handle(self, request: web.Request) -> web.Response:
        if "_live_" in request.headers.get("Authorization", ""):
            return web.json_response({"error": {"message": "no live key, please"}}, status=401)

        await self._wait()
        asked = await _asked(request)
        headers = {name: request.headers[name] for name in _PASSED_ON if name in request.headers}

        async with (
            aiohttp.ClientSession() as session,
            session.request(
                request.method,
                f"{self.target}{request.rel_url}",
                data=await request.read(),
                headers=headers,
            ) as response,
        ):
            answer = await response.read()

        body = without_secrets(json.loads(answer))
        self.exchanges.append(asked | {"status": response.status, "body": body})

        return web.Response(status=response.status, body=answer, content_type="application/json")

    async def _wait(self) -> None:
        now = asyncio.get_running_loop().time()
        self._free_at = max(self._free_at, now) + 1 / self.requests_per_s
        await asyncio.sleep(self._free_at - now - 1 / self.requests_per_s)


@dataclass
class Player:
    """Answers like a recording, as long as it is asked what was asked then."""

    exchanges: list[Exchange]
    differences: list[str] = field(default_factory=list)

    async def handle(self, request: web.Request) -> web.Response:
        asked = await _asked(request)
        wanted = self.exchanges.pop(0) if self.exchanges else {}
        for name in ("method", "path", "params"):
            if asked[name] != wanted.get(name):
                self.differences.append(f"{name}: {asked[name]!r}, recorded {wanted.get(name)!r}")
        if self.differences:
            return web.json_response(
                {"error": {"message": "it was recorded otherwise"}}, status=400
            )
        return web.json_response(wanted["body"], status=wanted["status"])


@contextlib.asynccontextmanager
async def served(answers: Recorder | Player) -> AsyncIterator[str]:
    """Let one of the two answer on a loopback port; yields its address."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answers.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
