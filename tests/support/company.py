"""A site whose offers the application carries out, between a simulated ProsperStack and a simulated Stripe."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from aiohttp.test_utils import TestClient
from pytest_aiohttp import AiohttpClient

from aiocancel import CancelFlow
from aiocancel.testing.prosperstack.simulator import ProsperStackSimulator
from aiocancel.testing.prosperstack.state import Hosts
from aiocancel.testing.stripe.simulator import StripeSimulator
from tests.support.saas import Events, Pool, as_customer, make_app, make_cancel, vendor


@dataclass
class Company:
    """A site whose offers are carried out by the application, with both companies behind it."""

    aiohttp_client: AiohttpClient
    pool: Pool
    stripe: StripeSimulator
    stripe_url: str
    flows: ProsperStackSimulator
    hosts: Hosts
    events: Events
    client: TestClient[Any, Any] | None = None

    def plug_in(
        self,
        *,
        applies_offers: str = "app",
        api_key: str | None = "key_test_simulator",
        webhook_token: str | None = None,
        platform: str = "connected",
        of_vendor: dict[str, Any] | None = None,
        **settings: Any,
    ) -> CancelFlow:
        who = vendor(
            api_key=api_key,
            api_host=self.hosts.api_url,
            app_host=self.hosts.app_url,
            applies_offers=applies_offers,
            webhook_token=webhook_token,
            platform=platform,
            **(of_vendor or {}),
        )
        return make_cancel(self.pool, self.stripe_url, vendor=who, on_event=self.events, **settings)

    async def open(self, cancel: CancelFlow | None = None) -> None:
        self.client = await self.aiohttp_client(make_app(cancel or self.plug_in()))

    async def grant(self, customer: str = "ada") -> str:
        assert self.client is not None
        response = await self.client.get("/cancel/payload", headers=as_customer(customer))
        return str((await response.json())["flow"]["grant"])

    async def claim(
        self, session: dict[str, Any], *, customer: str = "ada", **changed: Any
    ) -> dict[str, Any]:
        """Post what the widget would hand to the page, and wait for the outcome."""
        assert self.client is not None
        result = {"status": session["status"], "flowSession": session, **changed}
        body = {"grant": await self.grant(customer), "result": result}
        response = await self.client.post(
            "/cancel/result", json=body, headers=as_customer(customer)
        )
        answer: dict[str, Any] = await response.json()
        assert response.status in (200, 202), answer
        return answer

    async def opened(self, customer: str = "ada") -> dict[str, Any]:
        """A flow session that the customer's page opened: the vendor got our signed payload."""
        assert self.client is not None
        response = await self.client.get("/cancel/payload", headers=as_customer(customer))
        signed = (await response.json())["flow"]["signedPayload"]
        return self.flows.create_session(payload=json.loads(signed["payload"]))

    async def finished(
        self, status: str = "canceled", offer_id: str | None = None, *, customer: str = "ada"
    ) -> dict[str, Any]:
        """A flow session that the customer's page opened, and that has ended at the vendor."""
        session = await self.opened(customer)
        return self.flows.finish(session["id"], status=status, offer_id=offer_id)

    def accepted(self, offer_id: str, subscription: str = "sub_1") -> dict[str, Any]:
        """A flow session in which the offer was accepted, at the vendor."""
        session = self.flows.create_session(subscription)
        return self.flows.finish(session["id"], status="saved", offer_id=offer_id)

    @property
    def subscription(self) -> dict[str, Any]:
        return self.stripe.subscriptions["sub_1"]

    def changes(self) -> list[str]:
        return [effect.kind for effect in self.stripe.effects_on("sub_1")]
