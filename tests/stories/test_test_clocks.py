"""In test mode "now" is the time on the subscription's test clock, so that a year can be tried in a minute."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest

from aiocancel import OfferRules, StripeBilling
from aiocancel.telemetry import ActionApplied
from tests.support.company import Company
from tests.support.saas import STRIPE_KEY
from tests.support.waiting import until

CLOCKS = "/v1/test_helpers/test_clocks"


async def ask(company: Company, method: str, path: str, **form: str) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {STRIPE_KEY}"}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.request(method, f"{company.stripe_url}{path}", data=form) as response,
    ):
        body: dict[str, Any] = await response.json()
    assert response.status == 200, body
    return body


async def on_a_clock(company: Company, *, days: int) -> tuple[str, str]:
    """Ada's subscription begins on a clock that is ``days`` from now; returns the clock and the subscription."""
    company.stripe.add_price("price_month", unit_amount=2900)
    start = int((datetime.now(UTC) + timedelta(days=days)).timestamp())
    clock = (await ask(company, "post", CLOCKS, frozen_time=str(start)))["id"]
    card = "pm_card_visa"
    customer = await ask(
        company,
        "post",
        "/v1/customers",
        test_clock=clock,
        payment_method=card,
        **{"invoice_settings[default_payment_method]": card},
    )

    made = await ask(
        company,
        "post",
        "/v1/subscriptions",
        customer=customer["id"],
        **{"items[0][price]": "price_month", "billing_mode[type]": "flexible"},
    )

    await company.pool.execute(
        "UPDATE app_subscription SET stripe_subscription_id = $1", made["id"]
    )

    return clock, made["id"]


def period_end(company: Company, subscription_id: str) -> int:
    subscription = company.stripe.subscriptions[subscription_id]
    return int(subscription["items"]["data"][0]["current_period_end"])


def an_offer(company: Company, kind: str) -> dict[str, Any]:
    return next(offer for offer in company.flows.offers if offer["type"] == kind)


@pytest.mark.parametrize("days", [-400, 400], ids=["behind", "ahead"])
async def test_a_trial_is_extended_from_the_time_on_the_clock(company: Company, days: int) -> None:
    _, subscription_id = await on_a_clock(company, days=days)
    due = period_end(company, subscription_id)
    await company.open()

    outcome = await company.claim(
        await company.finished("saved", an_offer(company, "trial_extension")["id"])
    )
    await company.events.first(ActionApplied)

    assert outcome["outcome"] in ("done", "queued")
    assert company.stripe.subscriptions[subscription_id]["trial_end"] > due


async def test_a_pause_lasts_until_its_end_has_come_on_the_clock(company: Company) -> None:
    clock, subscription_id = await on_a_clock(company, days=-400)
    cancel = company.plug_in(
        billing=StripeBilling(
            api_key=STRIPE_KEY, api_base=company.stripe_url, webhook_secrets=["whsec_1"]
        ),
        offer_rules=OfferRules(pause_mechanism="pause"),
    )
    await company.open(cancel)
    assert company.client is not None
    url = str(company.client.make_url("/cancel/stripe"))
    company.stripe.add_webhook(url, "whsec_1")
    await company.claim(
        await company.finished("saved", an_offer(company, "pause_subscription")["id"])
    )
    await until(lambda: company.stripe.subscriptions[subscription_id]["status"] == "paused")
    # Its end, counted on the clock, is long past in real time: a worker looks, and leaves it.
    await until(lambda: _waits_in_the_future(company))
    assert company.stripe.subscriptions[subscription_id]["status"] == "paused"

    frozen = company.stripe.clocks[clock]["frozen_time"]
    for days in (40, 70):
        to = str(frozen + days * 86400)
        await ask(company, "post", f"{CLOCKS}/{clock}/advance", frozen_time=to)
        while (await ask(company, "get", f"{CLOCKS}/{clock}"))["status"] != "ready":
            pass
    await ask(
        company, "post", f"/v1/subscriptions/{subscription_id}", **{"metadata[clock]": "moved"}
    )

    await until(lambda: company.stripe.subscriptions[subscription_id]["status"] == "active")


async def _waits_in_the_future(company: Company) -> bool:
    return bool(
        await company.pool.fetchval(
            "SELECT count(*) FROM aiocancel.action"
            " WHERE kind = 'end_pause' AND state = 'waiting' AND deferred AND due_at > now()"
        )
    )


async def test_a_key_that_may_not_read_clocks_goes_by_real_time(company: Company) -> None:
    _, subscription_id = await on_a_clock(company, days=-1)
    key = "rk_test_without_clocks"
    company.stripe.add_key(key, ["subscription_write"])
    await company.open(
        company.plug_in(billing=StripeBilling(api_key=key, api_base=company.stripe_url))
    )

    outcome = await company.claim(await company.finished("canceled"))

    assert outcome["outcome"] == "scheduled"
    assert company.stripe.subscriptions[subscription_id]["cancel_at_period_end"]
