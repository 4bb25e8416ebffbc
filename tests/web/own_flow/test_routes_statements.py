"""What a screen of our own flow asks for: two statements, and of Stripe a read and a preview in a session."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import asyncpg
from aiohttp.test_utils import TestClient
from pytest_aiohttp import AiohttpClient

from aiocancel.testing.stripe.simulator import StripeSimulator
from tests.support.flow_customers import BROWSER, END, open_company
from tests.support.saas import add_customer, as_customer
from tests.support.web import Page

# The application's own question; the rest is ours. What a pool says to a connection, or asks of a new one, is neither.
THEIRS = "app_subscription"
EXIT = ("FROM aiocancel.flow_session", "WITH unfinished", "INSERT INTO aiocancel.claim")


@dataclass
class Asked:
    """What one request asked for."""

    status: int
    ours: list[str] = field(default_factory=list)
    theirs: list[str] = field(default_factory=list)
    stripe: list[str] = field(default_factory=list)


@dataclass
class Counted:
    """A browser that follows redirects one by one, and counts what each of its requests has asked for."""

    client: TestClient[Any, Any]
    stripe: StripeSimulator
    statements: list[str]
    customer: str
    page: Page = field(default_factory=lambda: Page(""))

    async def go(self, path: str) -> list[Asked]:
        return await self._ask("GET", path)

    async def press(self, do: str, **fields: str) -> list[Asked]:
        form = self.page.one("form")
        posted = {**self.page.fields, **fields, "do": do}
        return await self._ask("POST", form["action"], posted)

    async def _ask(
        self, method: str, path: str, posted: dict[str, str] | None = None
    ) -> list[Asked]:
        self.statements.clear()
        self.stripe.requests.clear()
        headers = {**BROWSER, **as_customer(self.customer)}
        response = await self.client.request(
            method, path, data=posted, headers=headers, allow_redirects=False
        )
        self.page = Page(await response.text())
        asked = Asked(
            response.status,
            [each for each in self.statements if "aiocancel." in each],
            [each for each in self.statements if THEIRS in each],
            [f"{each.method} {each.path}" for each in self.stripe.requests],
        )
        if response.status != 303:
            return [asked]

        return [asked, *await self._ask("GET", urlsplit(response.headers["Location"]).path)]


async def test_a_screen_takes_two_statements_and_a_session_one_read_of_stripe_and_one_preview(
    aiohttp_client: AiohttpClient, database: str, stripe_api: tuple[StripeSimulator, str]
) -> None:
    statements: list[str] = []

    async def watch(connection: Any) -> None:
        connection.add_query_logger(lambda logged: statements.append(logged.query))

    async with asyncpg.create_pool(database, min_size=1, max_size=4, init=watch) as pool:
        company = await open_company(
            aiohttp_client, pool, stripe_api, run_worker=False, answer_within_s=0.01
        )
        company.stripe.add_subscription("sub_bob", current_period_end=END)
        await add_customer(pool, "bob", "sub_bob")
        seen: dict[str, list[Asked]] = {}
        # The coupon of an offer is made with the first preview that any customer gets.
        for name in ("ada", "bob"):
            browser = Counted(company.client, company.stripe, statements, name)
            seen = {
                "opened": await browser.go("/cancel"),
                "not answered": await browser.press("continue"),
                "opened again": await browser.go("/cancel"),
                "offered": await browser.press("continue", reason="too_expensive"),
                "reloaded": await browser.go(browser.page.one("form")["action"]),
            }
        # Last, because more is noted beside the answer, and after it.
        left = (await browser.press("cancel"))[0]
        await company.client.close()

    requests = [asked for each in seen.values() for asked in each]
    screens = [asked for asked in requests if asked.status == 200]
    assert len(screens) == 5
    # Whose subscription it is is the application's own question.
    assert {len(asked.ours) + len(asked.theirs) for asked in screens} == {2}
    assert {len(asked.ours) for asked in requests if asked.status == 303} == {2}
    assert {len(asked.theirs) for asked in requests} <= {0, 1}
    # The session, the customer's limits, and the claim.
    assert [name in each for name, each in zip(EXIT, left.ours, strict=False)] == [True] * 3
    assert (len(left.theirs), left.stripe) == (1, [])
    assert {
        name: [call for asked in each for call in asked.stripe] for name, each in seen.items()
    } == {
        "opened": ["GET /v1/subscriptions/sub_bob"],
        "not answered": [],
        # The subscription may have ended meanwhile.
        "opened again": ["GET /v1/subscriptions/sub_bob"],
        "offered": ["POST /v1/invoices/create_preview"],
        "reloaded": [],
    }
