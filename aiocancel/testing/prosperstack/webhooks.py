"""The sender of simulated webhooks: one attempt each, in order, in the background, remembered."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

import aiohttp
from aiohttp import web

from aiocancel.testing.prosperstack.records import JsonObject

TIMEOUT_S = 5.0


@dataclass(frozen=True)
class Delivery:
    """One attempt to post a webhook: the receiver's ``status``, or None and the ``error``."""

    event_id: str
    status: int | None
    error: str | None = None


class WebhookSender:
    """Posts what is queued while the application that ``run`` belongs to is up."""

    def __init__(self) -> None:
        self.deliveries: list[Delivery] = []
        self._outbox: asyncio.Queue[tuple[str, JsonObject]] = asyncio.Queue()

    def queue(self, url: str, event: JsonObject) -> None:
        """Post ``event`` to ``url`` soon; the webhook calls its id ``event_id``."""
        self._outbox.put_nowait(
            (url, {"event": event["event"], "event_id": event["id"], "data": event["data"]})
        )

    async def settled(self) -> None:
        """Wait until everything queued so far was tried."""
        await self._outbox.join()

    async def run(self, _: web.Application) -> AsyncIterator[None]:
        """For ``cleanup_ctx``: deliver until the application stops; what is in flight then is dropped."""
        sender = asyncio.create_task(self._deliver())
        yield
        sender.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await sender

    async def _deliver(self) -> None:
        timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)

        async with aiohttp.ClientSession(
            timeout=timeout, cookie_jar=aiohttp.DummyCookieJar()
        ) as http:
            while True:
                url, body = await self._outbox.get()
                try:
                    async with http.post(url, json=body, allow_redirects=False) as answer:
                        self.deliveries.append(Delivery(body["event_id"], answer.status))
                except (aiohttp.ClientError, TimeoutError, ValueError) as error:
                    self.deliveries.append(Delivery(body["event_id"], None, type(error).__name__))
                finally:
                    self._outbox.task_done()
