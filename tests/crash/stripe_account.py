"""A simulated Stripe that counts: what was done to which subscription, in which order, and what overlapped."""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from aiohttp import web
from aiohttp.typedefs import Handler

from aiocancel.testing.stripe.simulator import Fault, FaultKind, StripeSimulator
from aiocancel.testing.stripe.writes import Write

# All but a declined card, which no repetition mends.
FAULTS: Mapping[str, Sequence[FaultKind]] = {
    "GET": (
        "rate_limit_429",
        "lock_timeout_429",
        "error_500_before",
        "drop_before",
        "drop_after",
        "truncate_after",
        "bad_gateway_502",
        "delay",
    ),
    "POST": (
        "rate_limit_429",
        "lock_timeout_429",
        "conflict_409",
        "error_500_before",
        "error_500_before_stored",
        "error_500_after",
        "delay",
        "drop_before",
        "drop_after",
        "truncate_after",
        "bad_gateway_502",
        "key_pruned",
    ),
    "DELETE": (
        "rate_limit_429",
        "lock_timeout_429",
        "error_500_before",
        "error_500_after",
        "delay",
        "drop_before",
        "drop_after",
        "truncate_after",
        "bad_gateway_502",
    ),
}
# Some delays outlast the client's patience: the request then goes on without it.
DELAYS_S = (0.05, 0.3, 2.0)


class StripeAccount(StripeSimulator):
    """The simulator with books of its own; ``fault_rate`` is the share of requests that meet a fault.

    Whether a request does is decided by its place in the history of its object, so that two runs with one
    ``seed`` meet the same faults however their processes interleave.
    """

    def __init__(self, *, seed: int, latency_s: float = 0.02) -> None:
        self.shift = timedelta()
        super().__init__(clock=lambda: datetime.now(UTC) + self.shift, latency_s=latency_s)
        self.seed = seed
        self.fault_rate = 0.0
        self.faults_met = 0
        self.overlaps: list[str] = []
        self.kinds: defaultdict[str, list[str]] = defaultdict(list)
        self._under_way: defaultdict[str, list[web.Request]] = defaultdict(list)
        self._history: defaultdict[str, int] = defaultdict(int)

    def note(self, write: Write, object_id: str, changed: Sequence[str]) -> None:
        """Count what took effect."""
        super().note(write, object_id, changed)
        if changed:
            self.kinds[object_id].append(changed[0])

    @property
    def app(self) -> web.Application:
        """The simulator's application, watched."""
        app = super().app
        app.middlewares.append(self._watch)
        return app

    @property
    def is_idle(self) -> bool:
        """Whether no request is under way, not even one whose sender is dead."""
        return not any(self._under_way.values())

    @web.middleware
    async def _watch(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        place = request.path
        others = [other for other in self._under_way[place] if _is_heard(other)]
        self._under_way[place].append(request)
        try:
            if others and place.startswith("/v1/subscriptions/"):
                await self._note_overlap(request, others)
            self._spoil(request)
            return await handler(request)
        finally:
            self._under_way[place].remove(request)

    async def _note_overlap(self, request: web.Request, others: list[web.Request]) -> None:
        # The end of a dead worker's connection may be the next thing that this process hears of.
        await asyncio.sleep(0.01)
        heard = [each for each in (request, *others) if _is_heard(each)]
        if len([each for each in heard if not _is_for_a_page(each)]) > 1:
            self.overlaps.append(request.path)

    def _spoil(self, request: web.Request) -> None:
        self._history[request.path] += 1
        chance = random.Random(
            f"{self.seed}:{request.method}:{request.path}:{self._history[request.path]}"
        )
        if chance.random() >= self.fault_rate:
            return
        self.faults_met += 1
        kind = chance.choice(FAULTS[request.method])
        self.inject(Fault(kind, request.method, request.path, seconds=chance.choice(DELAYS_S)))


def _is_for_a_page(request: web.Request) -> bool:
    """Whether a page only reads what it shows: names of products, which no worker asks for."""
    return request.method == "GET" and "product" in request.query_string


def _is_heard(request: web.Request) -> bool:
    """Whether somebody still waits for the answer."""
    return request.transport is not None and not request.transport.is_closing()
