"""Subscriptions of other Stripe accounts: a platform's connected ones, an organisation's, and one for each row."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from aiocancel import (
    ConfigurationError,
    StripeBilling,
    StripeSubscriptions,
    SubscriptionChange,
    SubscriptionQuery,
)
from aiocancel.core.codes import Code
from aiocancel.core.decision import CancelTiming
from aiocancel.core.identifiers import SubscriptionId
from aiocancel.errors import BillingError
from aiocancel.telemetry import ActionApplied, ActionParked
from aiocancel.testing.stripe.events import signature
from tests.support.company import Company
from tests.support.saas import STRIPE_KEY, add_customer, make_cancel
from tests.support.waiting import until
from tests.support.web import NOWHERE
from tests.support.workbench import client_of

SECRET = "whsec_of_the_platform"
ROWS = SubscriptionQuery(
    "SELECT stripe_subscription_id, stripe_account FROM app_subscription WHERE customer_id = $1"
)


def billing(company: Company, **settings: Any) -> StripeBilling:
    return StripeBilling(**{"api_key": STRIPE_KEY, "api_base": company.stripe_url, **settings})


async def cancels(company: Company, customer: str = "ada") -> str:
    body = {"grant": await company.grant(customer), "status": "canceled"}
    assert company.client is not None
    response = await company.client.post(
        "/cancel/result", json=body, headers={"X-Customer": customer}
    )
    return str((await response.json())["outcome"])


@pytest.mark.parametrize(
    ("api_key", "account"),
    [
        (STRIPE_KEY, "acct_7"),
        (STRIPE_KEY, "acct_platform/acct_7"),
        ("sk_org_test_simulator", "acct_7"),
    ],
)
async def test_a_cancellation_and_its_news_are_those_of_the_account_in_the_settings(
    company: Company, api_key: str, account: str
) -> None:
    company.stripe.api_key = api_key
    books = company.stripe.add_connected_account("acct_7")
    books.add_subscription("sub_1")
    told: list[SubscriptionChange] = []
    cancel = company.plug_in(
        billing=billing(company, api_key=api_key, stripe_account=account, poll_events_every_s=0.2)
    )

    @cancel.on_subscription_change
    async def hear(change: SubscriptionChange) -> None:
        told.append(change)

    await company.open(cancel)

    assert await cancels(company) == "scheduled"
    await until(lambda: bool(told))
    assert books.subscriptions["sub_1"]["cancel_at_period_end"]
    assert company.stripe.effects == []
    assert (told[0].kind, told[0].account) == ("ending", account)


async def test_the_webhook_of_a_platform_tells_of_its_connected_accounts(company: Company) -> None:
    books = company.stripe.add_connected_account("acct_7")
    books.add_subscription("sub_1")
    told: list[SubscriptionChange] = []
    cancel = company.plug_in(
        billing=billing(company, stripe_account="acct_7", webhook_secrets=[SECRET])
    )

    @cancel.on_subscription_change
    async def hear(change: SubscriptionChange) -> None:
        told.append(change)

    await company.open(cancel)
    assert company.client is not None
    url = str(company.client.make_url("/cancel/stripe"))
    company.stripe.add_webhook(url, SECRET, connect=True)

    assert await cancels(company) == "scheduled"
    await until(lambda: bool(told))
    assert told[0].account == "acct_7"
    assert {delivery.status for delivery in company.stripe.deliveries} == {200}


async def by_row(
    company: Company, cancel_timing: CancelTiming = "at_period_end", **accounts: str | None
) -> None:
    """A site whose rows name the account of each customer's subscription ``sub_<customer>``."""
    await company.pool.execute("ALTER TABLE app_subscription ADD stripe_account text")
    for customer, account in accounts.items():
        await add_customer_on(company, customer, account)
    cancel = company.plug_in(
        billing=billing(company, account_column="stripe_account"),
        subscriptions=ROWS,
        cancel_timing=cancel_timing,
    )
    await company.open(cancel)


async def add_customer_on(company: Company, customer: str, account: str | None) -> None:
    await company.pool.execute(
        "INSERT INTO app_subscription VALUES ($1, $2, $3)", customer, f"sub_{customer}", account
    )


async def test_an_event_of_the_keys_own_account_is_ignored_where_rows_without_one_mean_another(
    company: Company,
) -> None:
    company.stripe.add_connected_account("acct_7")
    company.stripe.add_subscription("sub_own")
    await company.pool.execute("ALTER TABLE app_subscription ADD stripe_account text")
    both = billing(
        company,
        stripe_account="acct_7",
        account_column="stripe_account",
        webhook_secrets=[SECRET],
    )
    cancel = company.plug_in(billing=both, subscriptions=ROWS)

    @cancel.on_subscription_change
    async def hear(_: SubscriptionChange) -> None:
        """So that news are wanted."""

    await company.open(cancel)
    assert company.client is not None

    event = {
        "object": "event",
        "id": "evt_1",
        "type": "customer.subscription.updated",
        "livemode": False,
        "data": {"object": company.stripe.subscriptions["sub_own"]},
    }
    body = json.dumps(event).encode()
    signed = {"Stripe-Signature": signature(body, SECRET, int(time.time()))}
    response = await company.client.post("/cancel/stripe", data=body, headers=signed)

    assert response.status == 200
    assert (await response.json())["ignored"] == Code.EVENT_OF_ANOTHER_ACCOUNT


async def test_each_subscription_is_changed_on_the_account_that_its_row_names(
    company: Company,
) -> None:
    books = {name: company.stripe.add_connected_account(name) for name in ("acct_7", "acct_8")}
    books["acct_7"].add_subscription("sub_bob")
    books["acct_8"].add_subscription("sub_eve")
    company.stripe.add_subscription("sub_own")

    await by_row(company, bob="acct_7", eve="acct_8", own=None)

    for customer in ("bob", "eve", "own"):
        assert await cancels(company, customer) == "scheduled"
    changed = [
        books["acct_7"].subscriptions["sub_bob"],
        books["acct_8"].subscriptions["sub_eve"],
        company.stripe.subscriptions["sub_own"],
    ]
    assert all(each["cancel_at_period_end"] for each in changed)


async def test_a_row_that_names_no_account_of_stripes_leaves_the_wish_to_a_person(
    company: Company,
) -> None:
    await by_row(company, bob="../v1/refunds")

    assert await cancels(company, "bob") == "manual"

    assert await company.events.codes(ActionParked) == [Code.BAD_ACCOUNT]
    assert company.stripe.requests == []


async def test_an_account_that_is_not_connected_keeps_the_wish_until_it_is(
    company: Company,
) -> None:
    await by_row(company, bob="acct_9")
    assert await cancels(company, "bob") == "queued"

    books = company.stripe.add_connected_account("acct_9")
    books.add_subscription("sub_bob")

    await company.events.first(ActionApplied)
    assert books.subscriptions["sub_bob"]["cancel_at_period_end"]


async def test_a_cancellation_is_not_believed_where_its_row_names_another_account_since(
    company: Company,
) -> None:
    books = {name: company.stripe.add_connected_account(name) for name in ("acct_7", "acct_8")}
    books["acct_7"].add_subscription("sub_bob")
    await by_row(company, cancel_timing="now", bob="acct_7")
    # The row is moved when the write begins.
    moved = "UPDATE app_subscription SET stripe_account = 'acct_8' WHERE customer_id = 'bob'"
    await company.pool.execute(
        "CREATE FUNCTION move() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS "
        f"$$ BEGIN {moved}; RETURN NULL; END $$; "
        "CREATE TRIGGER moves AFTER INSERT ON aiocancel.attempt EXECUTE FUNCTION move()"
    )

    assert await cancels(company, "bob") in ("queued", "manual")

    assert await company.events.codes(ActionParked) == [Code.RESOURCE_MISSING]
    assert books["acct_7"].subscriptions["sub_bob"]["status"] == "active"


async def test_the_start_refuses_a_query_without_the_column_of_the_account(
    company: Company,
) -> None:
    await add_customer(company.pool, "bob", "sub_bob")
    cancel = company.plug_in(billing=billing(company, account_column="stripe_account"))

    with pytest.raises(ConfigurationError, match="stripe_account"):
        await anext(cancel.lifespan(web.Application()))


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"stripe_account": "7"}, "stripe_account"),
        ({"stripe_account": "acct_7/../x"}, "stripe_account"),
        ({"api_key": "sk_org_live_1"}, "needs stripe_account"),
        ({"api_key": "rk_org_test_1"}, "api_key must be"),
    ],
)
def test_accounts_and_keys_that_stripe_does_not_have_are_refused(
    settings: dict[str, Any], said: str
) -> None:
    with pytest.raises(ConfigurationError, match=said):
        StripeBilling(**{"api_key": STRIPE_KEY, **settings})


def test_an_account_for_each_row_does_not_go_with_a_listing_at_stripe() -> None:
    query = "SELECT stripe_customer_id FROM app_customer WHERE id = $1"

    with pytest.raises(ConfigurationError, match="account_column"):
        make_cancel(
            NOWHERE,
            billing=StripeBilling(api_key=STRIPE_KEY, account_column="stripe_account"),
            subscriptions=StripeSubscriptions(query),
        )


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, {}),
        ({"stripe_account": "acct_7"}, {"Stripe-Account": "acct_7"}),
        ({"stripe_account": "acct_1/acct_7"}, {"Stripe-Context": "acct_1/acct_7"}),
        (
            {"api_key": "sk_org_test_1", "stripe_account": "acct_7"},
            {"Stripe-Context": "acct_7"},
        ),
    ],
)
async def test_the_account_travels_in_the_header_that_its_key_needs(
    settings: dict[str, Any], expected: Mapping[str, str]
) -> None:
    seen: list[dict[str, str]] = []

    async def answer(request: web.Request) -> web.Response:
        names = ("Stripe-Account", "Stripe-Context")
        seen.append({name: request.headers[name] for name in names if name in request.headers})
        return web.json_response({"error": {"code": "resource_missing"}}, status=404)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    async with TestServer(app) as server, client_of(str(server.make_url("")), **settings) as client:
        with pytest.raises(BillingError):
            await client.read(SubscriptionId("sub_1"))

    assert seen == [expected]
