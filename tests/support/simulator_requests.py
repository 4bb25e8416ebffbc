"""Stripe's simulator, asked as Stripe's library asks."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import aiohttp
import pytest
import pytest_asyncio
import stripe

from aiocancel.testing.stripe.simulator import StripeSimulator

NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)
DAY = 86400


@dataclass
class Clock:
    now: datetime = NOON

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **by: float) -> None:
        self.now += timedelta(**by)

    @property
    def seconds(self) -> int:
        return int(self.now.timestamp())


@dataclass
class Stripe:
    """A running simulator and the SDK pointed at it."""

    simulator: StripeSimulator
    clock: Clock
    base_url: str
    session: aiohttp.ClientSession

    def client(
        self, *, api_key: str = "sk_test_simulator", timeout: float = 5, retries: int = 0
    ) -> stripe.StripeClient:
        return stripe.StripeClient(
            api_key,
            http_client=stripe.AIOHTTPClient(session=self.session, timeout=timeout),
            base_addresses={"api": self.base_url},
            max_network_retries=retries,
        )

    async def call(
        self, method: str, path: str, *, key: str | None = None, **params: Any
    ) -> dict[str, Any]:
        options = {} if key is None else {"idempotency_key": key}
        answer = await self.client().raw_request_async(method, path, **params, **options)
        return dict(cast("dict[str, Any]", answer.data))

    async def update(
        self, subscription_id: str = "sub_1", *, key: str | None = None, **params: Any
    ) -> dict[str, Any]:
        return await self.call("post", f"/v1/subscriptions/{subscription_id}", key=key, **params)

    async def read(self, subscription_id: str = "sub_1", **params: Any) -> dict[str, Any]:
        return await self.call("get", f"/v1/subscriptions/{subscription_id}", **params)

    async def refusal(
        self, method: str, path: str, *, key: str | None = None, **params: Any
    ) -> stripe.StripeError:
        with pytest.raises(stripe.StripeError) as caught:
            await self.call(method, path, key=key, **params)
        return caught.value

    @property
    def kinds(self) -> list[str]:
        return [effect.kind for effect in self.simulator.effects]


def error_of(error: stripe.StripeError) -> dict[str, Any]:
    return cast("dict[str, dict[str, Any]]", error.json_body)["error"]


def period_end(subscription: dict[str, Any], item: int = 0) -> int:
    return int(subscription["items"]["data"][item]["current_period_end"])


@pytest_asyncio.fixture(loop_scope="session")
async def api(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stripe]:
    # Telemetry would write a file into the home directory.
    monkeypatch.setattr(stripe, "enable_telemetry", False)
    clock = Clock()
    simulator = StripeSimulator(clock=clock)
    simulator.add_subscription("sub_1", customer="cus_1", price="price_pro", unit_amount=2900)
    simulator.add_price("price_year", interval="year", unit_amount=29000)
    async with (
        simulator.serve() as base_url,
        aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session,
    ):
        yield Stripe(simulator, clock, base_url, session)
