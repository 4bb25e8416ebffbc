"""Customers who go through a flow of the site's own, as browsers without a script."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import ClientResponse
from aiohttp.test_utils import TestClient
from pytest_aiohttp import AiohttpClient

from aiocancel.core.flow.conditions import reason
from aiocancel.core.flow.definition import CouponOffer, PauseOffer
from aiocancel.testing.stripe.simulator import StripeSimulator
from aiocancel.vendors.own import OwnFlow
from tests.support.saas import (
    Events,
    Pool,
    add_customer,
    as_customer,
    make_app,
    make_cancel,
)
from tests.support.web import Page

END = datetime.now(UTC).replace(microsecond=0) + timedelta(days=20)
BROWSER = {"Accept": "text/html,application/xhtml+xml"}
HALF = CouponOffer("half", percent_off=50, months=3, when=reason("too_expensive"))
BREAK = PauseOffer("break", sentence="Your notes stay readable.", when=reason("unused"))


class FlowCustomer:
    """A browser without a script: it follows redirects, and presses the buttons of the page that it is on."""

    def __init__(self, client: TestClient[Any, Any], name: str = "ada") -> None:
        self._client = client
        self._headers = {**BROWSER, **as_customer(name)}
        self.html = ""
        self.page = Page("")
        self.path = ""
        self.status = 0
        self.policy = ""

    async def go(self, path: str) -> Page:
        return await self._see(await self._client.get(path, headers=self._headers))

    async def press(self, do: str | None = None, **fields: str) -> Page:
        (form,) = [each for each in self.page.all("form") if each.get("method") == "post"]
        hidden = {
            each["name"]: each.get("value", "")
            for each in self.page.all("input")
            if each.get("type") == "hidden"
        }
        posted = {**hidden, **fields, **({} if do is None else {"do": do})}
        return await self._see(
            await self._client.post(form["action"], data=posted, headers=self._headers)
        )

    async def _see(self, response: ClientResponse) -> Page:
        self.html = await response.text()
        self.page = Page(self.html)
        self.path = response.url.path_qs
        self.status = response.status
        self.policy = response.headers.get("Content-Security-Policy", "")
        assert response.content_type == "text/html", self.page.text
        assert response.headers.getall("Cache-Control") == ["no-store"]
        return self.page

    @property
    def step(self) -> str:
        return self.page.one("form")["data-aiocancel-screen"]

    @property
    def outcome(self) -> str:
        return next(each["data-outcome"] for each in self.page.all("p") if "data-outcome" in each)


class German(FlowCustomer):
    """A customer who presses on the page of the outcome, which may have two forms."""

    @property
    def forms(self) -> dict[str, str]:
        """The forms that ask and offer, by what they are for."""
        found = re.findall(
            r'(<form[^>]* data-aiocancel-screen="(\w+)".*?</form>)', self.html, re.DOTALL
        )
        return {name: form for form, name in found}

    async def on_outcome(self, do: str, **fields: str) -> Page:
        form = Page(self.forms["reason" if do == "continue" else "offer"])
        hidden = {
            each["name"]: each["value"]
            for each in form.all("input")
            if each.get("type") == "hidden"
        }

        return await self._see(
            await self._client.post(
                form.one("form")["action"],
                data={**hidden, **fields, "do": do},
                headers=self._headers,
            )
        )


class FlowCompany:
    """A site with a flow of its own, its customers and its Stripe."""

    def __init__(
        self, client: TestClient[Any, Any], stripe: StripeSimulator, events: Events
    ) -> None:
        self.client = client
        self.stripe = stripe
        self.events = events

    def customer(self, name: str = "ada") -> FlowCustomer:
        return FlowCustomer(self.client, name)


async def open_company(
    aiohttp_client: AiohttpClient,
    pool: Pool,
    stripe_api: tuple[StripeSimulator, str],
    flow: Any = None,
    **settings: Any,
) -> FlowCompany:
    stripe, url = stripe_api
    stripe.add_subscription("sub_ada", current_period_end=END)
    await add_customer(pool, "ada", "sub_ada")
    events = Events()
    vendor = flow or OwnFlow(offers=[HALF, BREAK])

    cancel = make_cancel(
        pool,
        url,
        vendor=vendor,
        return_to="/account",
        on_event=events,
        **{"answer_within_s": 10.0, **settings},
    )
    return FlowCompany(await aiohttp_client(make_app(cancel)), stripe, events)


def links_of(page: Page) -> list[str]:
    return [each["href"] for each in page.all("a")]


def outcome_path(page: Page) -> str:
    """The outcome's own address, by the page to keep that it links to."""
    link = next(each for each in links_of(page) if "/acknowledgement/" in each)
    return link.replace("/acknowledgement/", "/status/")
