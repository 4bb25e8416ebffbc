"""The fastest Stripe there is, for load: ``python -m tests.benchmarks.stripe_endpoint LATENCY_MS``.

It answers for any subscription with 4.4 KB, remembers what was cancelled and which idempotency keys it saw, and
waits as long as it is told. What it costs must not be what is measured, so it speaks just enough HTTP.
"""

from __future__ import annotations

import asyncio
import json
import sys

from aiocancel.testing.stripe.simulator import StripeSimulator

SIZE = 4400


def make_body() -> tuple[bytes, bytes]:
    """The JSON of a subscription that goes on and of one that ends; its id is left open."""
    simulator = StripeSimulator()
    subscription = simulator.add_subscription("SUBSCRIPTION")
    subscription["metadata"] = {"note": "x"}
    missing = SIZE - len(json.dumps(subscription, indent=2))
    subscription["metadata"]["note"] = "x" * max(1, missing)
    going_on = json.dumps(subscription, indent=2)
    ends_at = subscription["items"]["data"][0]["current_period_end"]
    ending = {
        **subscription,
        "cancel_at_period_end": True,
        "cancel_at": ends_at,
        "canceled_at": simulator.now,
    }

    return going_on.encode(), json.dumps(ending, indent=2).encode()


class Stripe:
    def __init__(self, latency_s: float) -> None:
        self.latency_s = latency_s
        self.ending: set[bytes] = set()
        self.keys: set[bytes] = set()
        self.requests = {b"GET": 0, b"POST": 0}
        self._bodies = make_body()

    def answer(self, method: bytes, path: bytes, key: bytes) -> bytes:
        if path.startswith(b"/_requests"):
            body = json.dumps(
                {name.decode(): count for name, count in self.requests.items()}
            ).encode()
            return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)

        self.requests[method] += 1
        subscription = path.rpartition(b"/")[2].partition(b"?")[0]
        replayed = b""

        if method == b"POST":
            replayed = b"Idempotent-Replayed: true\r\n" if key in self.keys else b""
            self.keys.add(key)
            self.ending.add(subscription)

        body = self._bodies[subscription in self.ending].replace(b"SUBSCRIPTION", subscription)

        return (
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nRequest-Id: req_1\r\n"
            b"%sContent-Length: %d\r\n\r\n%s" % (replayed, len(body), body)
        )


class Connection(asyncio.Protocol):
    def __init__(self, stripe: Stripe) -> None:
        self._stripe = stripe
        self._received = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if isinstance(transport, asyncio.Transport):
            self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, end, body = self._received.partition(b"\r\n\r\n")
        if not end:
            return

        headers = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
        length = int(headers.get(b"content-length", b"0"))
        if len(body) < length:
            return

        self._received = body[length:]
        method, path = head.split(b" ", 2)[:2]
        answer = self._stripe.answer(method, path, headers.get(b"idempotency-key", b""))
        asyncio.get_running_loop().call_later(self._stripe.latency_s, self._send, answer)

    def _send(self, answer: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(answer)


async def serve(latency_ms: str) -> None:
    loop = asyncio.get_running_loop()
    stripe = Stripe(float(latency_ms) / 1000)
    server = await loop.create_server(lambda: Connection(stripe), "127.0.0.1", 0, backlog=1000)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(*sys.argv[1:]))
